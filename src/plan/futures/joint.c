/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/futures/joint.h"

#include <stdlib.h>
#include <string.h>

#include "plan/futures/future.h"

#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

/* The same decision in another program; DR_NO_COLUMN: it can't be made there. */
static uint32_t counterpart(const struct dr_program *program, const struct dr_model_name *name)
{
    const uint16_t *at = name->place;

    switch ((int)name->kind) {
    case DR_COLUMN_BUY:
        return program->buy[at[0]][at[1]][at[2]];
    case DR_COLUMN_PHASE:
        return program->phase[at[0]][at[1]][at[2]];
    default:
        return program->order[at[0]][at[1]];
    }
}

/* What one of a first-stage column stands for. */
static double unit_of(const struct dr_program *program, const struct dr_model_name *name)
{
    return name->kind == DR_COLUMN_BUY ? dr_program_unit(program, name->place[1]) : 1;
}

/* A later future's column of the first stage: the first one's, if that has it. */
static void share(struct dr_joint *joint, uint32_t i, uint32_t column, double cost)
{
    const struct dr_program *program = joint->programs[i], *first = joint->programs[0];
    const struct dr_model *own = &program->model;
    const struct dr_model_name *name = &own->columns[column];
    uint32_t shared = counterpart(first, name);
    double ratio;

    if (shared == DR_NO_COLUMN) {
        joint->place[i][column] = dr_model_column(&joint->model, *name, 0, 0, 0, 0);
        joint->ratio[i][column] = 1;
        return;
    }
    shared = joint->place[0][shared];
    ratio = unit_of(first, name) / unit_of(program, name);
    joint->place[i][column] = shared;
    joint->ratio[i][column] = ratio;
    joint->model.cost[shared] += cost * ratio;
    joint->model.lower[shared] = fmax(joint->model.lower[shared], own->lower[column] / ratio);
    joint->model.upper[shared] = fmin(joint->model.upper[shared], own->upper[column] / ratio);
}

/* What one of a future's money is in the joint program. */
static double scale_of(const struct dr_joint *joint, uint32_t future)
{
    return joint->weights[future] * joint->programs[future]->money_scale /
           joint->programs[0]->money_scale;
}

static void add_columns(struct dr_joint *joint, uint32_t i)
{
    const struct dr_program *program = joint->programs[i];
    const struct dr_model *own = &program->model;
    double scale = scale_of(joint, i);

    FOR(c, own->columns_count) {
        if (i > 0 && dr_first_stage_has(program, c)) {
            share(joint, i, c, own->cost[c] * scale);
            continue;
        }
        joint->place[i][c] = dr_model_column(&joint->model, own->columns[c], own->lower[c],
                                             own->upper[c], own->cost[c] * scale, own->integer[c]);
        joint->ratio[i][c] = 1;
    }
}

/* Decisions of the first future that one of the others can't make. */
static void forbid(struct dr_joint *joint)
{
    const struct dr_model *first = &joint->programs[0]->model;

    FOR(c, first->columns_count) {
        FOR(i, dr_first_stage_has(joint->programs[0], c) ? joint->count : 0) {
            if (counterpart(joint->programs[i], &first->columns[c]) == DR_NO_COLUMN)
                joint->model.upper[joint->place[0][c]] = 0;
        }
    }
}

static void add_rows(struct dr_joint *joint, uint32_t i)
{
    const struct dr_model *own = &joint->programs[i]->model;
    uint32_t first = joint->model.rows_count;

    FOR(r, own->rows_count)
        dr_model_row(&joint->model, own->rows[r], own->row_lower[r], own->row_upper[r]);
    FOR(c, own->columns_count) {
        for (int32_t e = own->starts[c]; e < own->starts[c + 1]; e += 1)
            dr_model_entry(&joint->model, first + (uint32_t)own->entry_rows[e], joint->place[i][c],
                           own->entries[e] * joint->ratio[i][c]);
    }
}

void dr_joint_init(struct dr_joint *joint, const struct dr_program *const *programs,
                   const double *weights, uint32_t count)
{
    memset(joint, 0, sizeof *joint);
    dr_model_init(&joint->model);
    joint->count = count;
    joint->programs = programs;
    joint->weights = weights;
    joint->place = calloc(count, sizeof joint->place[0]);
    joint->ratio = calloc(count, sizeof joint->ratio[0]);
    if (joint->place == NULL || joint->ratio == NULL)
        abort();
    FOR(i, count) {
        uint32_t columns = programs[i]->model.columns_count;

        joint->place[i] = calloc(columns, sizeof joint->place[i][0]);
        joint->ratio[i] = calloc(columns, sizeof joint->ratio[i][0]);
        if (joint->place[i] == NULL || joint->ratio[i] == NULL)
            abort();
        add_columns(joint, i);
    }
    forbid(joint);
    FOR(i, count)
        add_rows(joint, i);
    dr_model_finish(&joint->model);
}

void dr_joint_deinit(struct dr_joint *joint)
{
    FOR(i, joint->count) {
        free(joint->place[i]);
        free(joint->ratio[i]);
    }
    free(joint->place);
    free(joint->ratio);
    dr_model_deinit(&joint->model);
    joint->count = 0;
    joint->place = NULL;
    joint->ratio = NULL;
}

void dr_joint_split(const struct dr_joint *joint, uint32_t future, const double *joint_values,
                    double *values)
{
    FOR(c, joint->programs[future]->model.columns_count)
        values[c] = joint_values[joint->place[future][c]] * joint->ratio[future][c];
}

void dr_joint_merge(const struct dr_joint *joint, uint32_t future, const double *values,
                    double *joint_values)
{
    FOR(c, joint->programs[future]->model.columns_count)
        joint_values[joint->place[future][c]] = values[c] / joint->ratio[future][c];
}

void dr_joint_prices(const struct dr_joint *joint, uint32_t future, const double *duals,
                     const double *reduced, double *cost)
{
    const struct dr_program *program = joint->programs[future];
    const struct dr_model *own = &program->model;
    uint32_t first = 0;

    FOR(i, future)
        first += joint->programs[i]->model.rows_count;
    FOR(c, own->columns_count) {
        cost[c] = own->cost[c] * scale_of(joint, future);
        if (!dr_first_stage_has(program, c))
            continue;
        cost[c] =
            joint->weights[future] * reduced[joint->place[future][c]] / joint->ratio[future][c];
        for (int32_t e = own->starts[c]; e < own->starts[c + 1]; e += 1)
            cost[c] += own->entries[e] * duals[first + (uint32_t)own->entry_rows[e]];
    }
}
