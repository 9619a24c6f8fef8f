/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/futures/alone.h"

#include <stdlib.h>

#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

static void add_own(struct dr_model *model, const struct dr_joint *joint, uint32_t future,
                    const double *cost)
{
    const struct dr_model *own = &joint->programs[future]->model;

    FOR(c, own->columns_count) {
        uint32_t place = joint->place[future][c];
        double ratio = joint->ratio[future][c];

        dr_model_column(model, own->columns[c], joint->model.lower[place] * ratio,
                        joint->model.upper[place] * ratio, cost[c], own->integer[c]);
    }
    FOR(r, own->rows_count)
        dr_model_row(model, own->rows[r], own->row_lower[r], own->row_upper[r]);
    FOR(c, own->columns_count) {
        for (int32_t e = own->starts[c]; e < own->starts[c + 1]; e += 1)
            dr_model_entry(model, (uint32_t)own->entry_rows[e], c, own->entries[e]);
    }
}

/* What a future can pay for, have, power and reach; not the work that it does with it. */
static int is_of_means(const struct dr_model_name *row)
{
    switch ((int)row->kind) {
    case DR_ROW_SPENDING:
    case DR_ROW_BUDGET:
    case DR_ROW_HAVE:
    case DR_ROW_POWER:
    case DR_ROW_STAYS:
    case DR_ROW_AFTER:
    case DR_ROW_ALL:
    case DR_ROW_COMPUTED:
    case DR_ROW_TARGET:
    case DR_ROW_TARGET_COMPUTE:
        return 1;
    default:
        return 0;
    }
}

/* The own column that stands for another future's column of the first stage. */
static uint32_t shared_with(const struct dr_joint *joint, uint32_t future, uint32_t place)
{
    FOR(c, joint->programs[future]->model.columns_count) {
        if (joint->place[future][c] == place)
            return c;
    }
    return DR_NO_COLUMN;
}

static void add_entries(struct dr_model *model, const struct dr_model *other, uint32_t c,
                        const uint32_t *rows, uint32_t column, double ratio)
{
    for (int32_t e = other->starts[c]; e < other->starts[c + 1]; e += 1) {
        if (rows[other->entry_rows[e]] != DR_NO_COLUMN)
            dr_model_entry(model, rows[other->entry_rows[e]], column, other->entries[e] * ratio);
    }
}

static void add_means(struct dr_model *model, const struct dr_joint *joint, uint32_t future,
                      uint32_t i)
{
    const struct dr_program *program = joint->programs[i];
    const struct dr_model *other = &program->model;
    uint32_t *rows = calloc(other->rows_count + 1, sizeof rows[0]);

    if (rows == NULL)
        abort();
    FOR(r, other->rows_count)
        rows[r] =
            is_of_means(&other->rows[r])
                ? dr_model_row(model, other->rows[r], other->row_lower[r], other->row_upper[r])
                : DR_NO_COLUMN;
    FOR(c, other->columns_count) {
        int any = 0;
        uint32_t column;

        for (int32_t e = other->starts[c]; e < other->starts[c + 1]; e += 1)
            any |= rows[other->entry_rows[e]] != DR_NO_COLUMN;
        if (!any)
            continue;
        column = dr_first_stage_has(program, c) ? shared_with(joint, future, joint->place[i][c])
                                                : DR_NO_COLUMN;
        if (column != DR_NO_COLUMN)
            add_entries(model, other, c, rows, column,
                        joint->ratio[i][c] / joint->ratio[future][column]);
        else if (!dr_first_stage_has(program, c))
            add_entries(
                model, other, c, rows,
                dr_model_column(model, other->columns[c], other->lower[c], other->upper[c], 0, 0),
                1);
    }
    free(rows);
}

/* What makes a future's means others' too. */
static int has_alike(const struct dr_world *a, const struct dr_world *b)
{
    return a->future.price_micro == b->future.price_micro &&
           a->future.late_quarters == b->future.late_quarters &&
           a->future.grid_late_quarters == b->future.grid_late_quarters;
}

void dr_alone_model(struct dr_model *model, const struct dr_joint *joint,
                    const struct dr_world *worlds, uint32_t future, const double *duals,
                    const double *reduced)
{
    double *cost = calloc(joint->programs[future]->model.columns_count + 1, sizeof cost[0]);

    if (cost == NULL)
        abort();
    dr_joint_prices(joint, future, duals, reduced, cost);
    dr_model_init(model);
    add_own(model, joint, future, cost);
    FOR(i, joint->count) {
        uint32_t k = 0;

        while (k < i && !has_alike(&worlds[k], &worlds[i]))
            k += 1;
        if (k == i && !has_alike(&worlds[future], &worlds[i]))
            add_means(model, joint, future, i);
    }
    dr_model_finish(model);
    free(cost);
}
