/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/explain.h"

#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "base/sort.h"

#define MICRO         1e6
#define RANK_FACTOR   8.0 /* what comes a place later in the scenario's order weighs so much more */
#define NOTHING       1e-7
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

/* ---- units ---- */

/* What one of a row's side is in the unit that people use for it, and its name. */
static double in_people_units(const struct dr_program *program, uint32_t row, const char **unit)
{
    switch ((enum dr_plan_row)program->model.rows[row].kind) {
    case DR_ROW_POWER:
    case DR_ROW_GRID:
        *unit = "MW";
        return program->power_scale / 1e6;
    case DR_ROW_BUDGET:
        *unit = "M of budget";
        return program->money_scale / 1e6;
    case DR_ROW_STARTS:
        *unit = "phase";
        return 1;
    case DR_ROW_LEAST:
    case DR_ROW_DEMAND:
        *unit = "unit of work";
        return program->count_scale;
    case DR_ROW_TARGET_COMPUTE:
        *unit = "unit of compute";
        return program->count_scale;
    case DR_ROW_DOMESTIC:
        switch (program->inputs->domestic[program->model.rows[row].place[0]].measure) {
        case DR_PLAN_BY_VALUE:
            *unit = "M of orders";
            return program->money_scale / 1e6;
        case DR_PLAN_BY_UNITS:
            *unit = "accelerator";
            return program->count_scale;
        case DR_PLAN_BY_COMPUTE:
            *unit = "unit of compute";
            return program->count_scale;
        }
        break;
    case DR_ROW_VENDOR:
        *unit = "M of orders";
        return program->money_scale / 1e6;
    case DR_ROW_SUPPLY:
    case DR_ROW_TARGET:
    case DR_ROW_SITE_SHARE:
    case DR_ROW_ZONE_SHARE:
    case DR_ROW_HAVE:
    case DR_ROW_GIVE:
    case DR_ROW_DRAWN:
    case DR_ROW_HIGHEST:
    case DR_ROW_ORDER_MIN:
    case DR_ROW_STAYS:
    case DR_ROW_AFTER:
    case DR_ROW_SPENDING:
    case DR_ROW_STEADY_UP:
    case DR_ROW_STEADY_DOWN:
    case DR_ROW_ALL:
    case DR_ROW_COMPUTED:
    case DR_ROW_COUNT:
        break;
    }
    *unit = "accelerator";
    return program->count_scale;
}

static uint64_t rows_of(enum dr_plan_relax kind)
{
    static const uint64_t ROWS[] = {
#define RELAX_ROWS(name, word, a, b, c) \
    UINT64_C(1) << DR_ROW_##a | UINT64_C(1) << DR_ROW_##b | UINT64_C(1) << DR_ROW_##c,
        DR_PLAN_RELAXES(RELAX_ROWS)
#undef RELAX_ROWS
    };

    return ROWS[kind];
}

/* ---- what binds ---- */

static void hold(const struct dr_program *program, const double *values, double *lower,
                 double *upper)
{
    const struct dr_model *model = &program->model;

    memcpy(lower, model->lower, model->columns_count * sizeof lower[0]);
    memcpy(upper, model->upper, model->columns_count * sizeof upper[0]);
    FOR(c, model->columns_count) {
        /* Orders in whole lots may move, or nothing would have a price. */
        if (model->integer[c] && model->columns[c].kind != DR_COLUMN_BUY)
            lower[c] = upper[c] = round(values[c]);
    }
}

/* Of all that the row holds back: its price times its side, or the price alone where that is 0. */
static int dearest_first(const void *a, const void *b, const void *context)
{
    const struct dr_binding *first = a, *second = b;
    const struct dr_model *model = context;
    double sides[2];

    FOR(i, 2) {
        uint32_t row = (i == 0 ? first : second)->row;
        double side =
            isfinite(model->row_upper[row]) ? model->row_upper[row] : model->row_lower[row];

        sides[i] = fmax(1, fabs(side)) * (i == 0 ? first : second)->worth;
    }
    if (sides[0] != sides[1])
        return sides[0] > sides[1] ? -1 : 1;
    return first->row < second->row ? -1 : first->row > second->row;
}

uint32_t dr_explain_binding(const struct dr_program *program, struct dr_solver *solver,
                            const double *values, struct dr_binding bindings[DR_BINDING_MAX])
{
    const struct dr_model *model = &program->model;
    double *lower = malloc(model->columns_count * sizeof lower[0]);
    double *upper = malloc(model->columns_count * sizeof upper[0]);
    double *duals = malloc(model->rows_count * sizeof duals[0]);
    struct dr_solver_limits limits = {0};
    struct dr_solver_answer answer;
    uint64_t wanted = 0;
    uint32_t count = 0;

    if (lower == NULL || upper == NULL || duals == NULL)
        abort();
    FOR(i, DR_PLAN_RELAX_COUNT)
        wanted |= rows_of((enum dr_plan_relax)i);
    hold(program, values, lower, upper);
    answer = dr_solver_lp(solver, lower, upper, NULL, &limits, NULL, duals, NULL);
    for (uint32_t r = 0; r < model->rows_count && answer.result == DR_SOLVER_OPTIMAL; r += 1) {
        const char *unit;
        double one = in_people_units(program, r, &unit);
        double worth = fabs(duals[r]) * program->money_scale / one;

        if (((wanted >> model->rows[r].kind) & 1) == 0 || fabs(duals[r]) < NOTHING ||
            count == DR_BINDING_MAX)
            continue;
        bindings[count] = (struct dr_binding){r, worth, unit};
        count += 1;
    }
    dr_sort(bindings, count, sizeof bindings[0], dearest_first, model);
    free(lower);
    free(upper);
    free(duals);
    return count;
}

/* Y(t) and all later ones go from 0 to 1 together: what that would add, by their reduced costs, is
 * what beginning costs at the margin. */
uint32_t dr_explain_not_begun(const struct dr_program *program, struct dr_solver *solver,
                              const double *values, struct dr_not_begun *phases,
                              uint32_t phases_max)
{
    const struct dr_model *model = &program->model;
    const struct dr_plan_inputs *inputs = program->inputs;
    double *lower = malloc(model->columns_count * sizeof lower[0]);
    double *upper = malloc(model->columns_count * sizeof upper[0]);
    double *duals = malloc(model->rows_count * sizeof duals[0]);
    double *reduced = malloc(model->columns_count * sizeof reduced[0]);
    struct dr_solver_limits limits = {0};
    struct dr_solver_answer answer;
    uint32_t last = inputs->quarters_count - 1, count = 0;

    if (lower == NULL || upper == NULL || duals == NULL || reduced == NULL)
        abort();
    hold(program, values, lower, upper);
    answer = dr_solver_lp(solver, lower, upper, NULL, &limits, NULL, duals, reduced);
    for (uint32_t s = 0; s < inputs->sites_count && answer.result == DR_SOLVER_OPTIMAL; s += 1) {
        FOR(p, inputs->sites[s].phases_count) {
            struct dr_not_begun best = {.site = s, .phase = p, .dearer = DR_INFINITY};
            uint32_t end = program->phase[s][p][last];
            double sum = 0;

            if (inputs->sites[s].phases[p].begun || end == DR_NO_COLUMN || values[end] > 0.5)
                continue;
            for (uint32_t back = 0; back <= last; back += 1) {
                uint32_t t = last - back, column = program->phase[s][p][t];

                if (column == DR_NO_COLUMN)
                    break;
                /* What of the reduced cost is the rows between neighbours cancels in the sum. */
                sum += model->cost[column];
                for (int32_t e = model->starts[column]; e < model->starts[column + 1]; e += 1) {
                    uint32_t kind = model->rows[model->entry_rows[e]].kind;

                    if (kind != DR_ROW_STAYS && kind != DR_ROW_AFTER)
                        sum -= model->entries[e] * duals[model->entry_rows[e]];
                }
                if (sum * program->money_scale < best.dearer) {
                    best.dearer = sum * program->money_scale;
                    best.quarter = t;
                }
            }
            if (count < phases_max) {
                phases[count] = best;
                count += 1;
            }
            break; /* later ones wait for this one */
        }
    }
    free(lower);
    free(upper);
    free(duals);
    free(reduced);
    return count;
}

/* ---- no plan ---- */

/* By what a row's slack is measured: its side, or what stands for the whole of a share. */
static double size_of(const struct dr_program *program, uint32_t row)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    const struct dr_model *model = &program->model;
    double side = isfinite(model->row_upper[row]) ? model->row_upper[row] : model->row_lower[row];
    double most = 1;

    if (fabs(side) > 1)
        return fabs(side);
    switch ((int)model->rows[row].kind) {
    case DR_ROW_DOMESTIC:
    case DR_ROW_VENDOR:
        FOR(y, inputs->years_count) {
            if (inputs->budget[y] != INT64_MAX)
                most = fmax(most, (double)inputs->budget[y] / program->money_scale);
        }
        return most;
    default:
        FOR(i, inputs->targets_count)
            most = fmax(most, (double)inputs->targets[i].accelerators / program->count_scale);
        return most;
    }
}

int dr_explain_soften(const struct dr_program *program, const uint8_t *kinds, uint32_t count,
                      double *values)
{
    struct dr_solver_limits limits = {0};
    struct dr_solver_answer answer = {.result = DR_SOLVER_FAILED};
    struct dr_solver *solver = NULL;
    struct dr_error error;
    double *cost = calloc(program->model.columns_count, sizeof cost[0]);

    if (cost == NULL)
        abort();
    FOR(c, program->model.columns_count) {
        const struct dr_model_name *name = &program->model.columns[c];
        uint32_t row = name->place[0] | (uint32_t)name->place[1] << 16, rank = 0;

        if (name->kind != DR_COLUMN_SLACK)
            continue;
        while (rank < count &&
               ((rows_of((enum dr_plan_relax)kinds[rank]) >> program->model.rows[row].kind) & 1) ==
                   0)
            rank += 1;
        cost[c] = 100 * pow(RANK_FACTOR, rank) / size_of(program, row);
    }
    if (dr_solver_open(&solver, &program->model, NULL, &error) == DR_OK)
        answer = dr_solver_lp(solver, NULL, NULL, cost, &limits, values, NULL, NULL);
    dr_solver_close(solver);
    free(cost);
    return answer.result == DR_SOLVER_OPTIMAL;
}

uint64_t dr_explain_softened(const uint8_t *kinds, uint32_t count)
{
    uint64_t soften = 0;

    FOR(i, count)
        soften |= rows_of((enum dr_plan_relax)kinds[i]);
    return soften;
}

/* With slack for the kinds in `kinds` [count]; 0: that does not mend it. */
static uint32_t relaxed(const struct dr_plan_inputs *inputs, const uint8_t *kinds, uint32_t count,
                        struct dr_relaxation *relaxations, struct dr_program *program)
{
    double *values;
    uint32_t made = 0;
    int mended;

    dr_program_init(program, inputs, dr_explain_softened(kinds, count));
    values = calloc(program->model.columns_count, sizeof values[0]);
    if (values == NULL)
        abort();
    mended = dr_explain_soften(program, kinds, count, values);
    for (uint32_t i = 0; i < count && mended; i += 1) {
        struct dr_relaxation *relaxation = &relaxations[made];

        *relaxation =
            (struct dr_relaxation){.kind = (enum dr_plan_relax)kinds[i], .alone = count == 1};
        FOR(c, program->model.columns_count) {
            const struct dr_model_name *name = &program->model.columns[c];
            uint32_t row = name->place[0] | (uint32_t)name->place[1] << 16;
            const char *unit;
            double amount;

            if (name->kind != DR_COLUMN_SLACK || values[c] < NOTHING ||
                ((rows_of(relaxation->kind) >> program->model.rows[row].kind) & 1) == 0)
                continue;
            amount = values[c] * in_people_units(program, row, &unit);
            relaxation->rows += 1;
            relaxation->sum += amount;
            if (amount > relaxation->most) {
                relaxation->most = amount;
                relaxation->row = row;
                relaxation->unit = unit;
            }
        }
        made += relaxation->rows > 0;
    }
    free(values);
    return made;
}

uint32_t dr_explain_infeasible(const struct dr_plan_inputs *inputs,
                               struct dr_relaxation relaxations[DR_PLAN_RELAX_COUNT],
                               struct dr_program *program)
{
    uint32_t made = 0;

    FOR(i, inputs->relax_count) {
        made += relaxed(inputs, &inputs->relax[i], 1, &relaxations[made], program);
        dr_program_deinit(program);
    }
    if (made == 0)
        return relaxed(inputs, inputs->relax, inputs->relax_count, relaxations, program);
    dr_program_init(program, inputs, 0); /* for the names; rows are the same */
    return made;
}
