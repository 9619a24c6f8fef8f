/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/explain/instead.h"

#include <stdlib.h>
#include <string.h>

#define NODES_MAX     200
#define GAP           1e-6
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

const char *const DR_INSTEAD_WORDS[DR_INSTEAD_PARTS_COUNT] = {
#define DR_INSTEAD_WORD(name, words, a, b) words,
    DR_INSTEAD_PARTS(DR_INSTEAD_WORD)
#undef DR_INSTEAD_WORD
};

int dr_instead_phases(const struct dr_plan_inputs *inputs, const struct dr_plan *plan,
                      uint32_t site)
{
    int phases = 0;

    FOR(p, inputs->sites[site].phases_count) {
        const struct dr_plan_phase *phase = &inputs->sites[site].phases[p];

        if (phase->begun)
            continue;
        if (plan->phase[site][p] != DR_PLAN_NEVER)
            phases |= 1;
        else if (phase->quarter < (int32_t)inputs->quarters_count)
            phases |= 2;
    }
    return phases;
}

/* Costs by their kind, in the currency. */
static void add_up(const struct dr_program *program, const double *values,
                   double parts[DR_INSTEAD_PARTS_COUNT])
{
    static const uint16_t KINDS[DR_INSTEAD_PARTS_COUNT][2] = {
#define COST_KINDS(name, words, a, b) {DR_COLUMN_##a, DR_COLUMN_##b},
        DR_INSTEAD_PARTS(COST_KINDS)
#undef COST_KINDS
    };
    const struct dr_model *model = &program->model;

    memset(parts, 0, DR_INSTEAD_PARTS_COUNT * sizeof parts[0]);
    FOR(c, model->columns_count) {
        FOR(i, DR_INSTEAD_PARTS_COUNT) {
            if (model->columns[c].kind == KINDS[i][0] || model->columns[c].kind == KINDS[i][1])
                parts[i] += model->cost[c] * values[c] * program->money_scale;
        }
    }
}

/* The plan's binaries are held; orders in whole lots may move, since nothing else could answer. */
static void hold(const struct dr_program *program, const double *binaries, double *lower,
                 double *upper)
{
    const struct dr_model *model = &program->model;

    memcpy(lower, model->lower, model->columns_count * sizeof lower[0]);
    memcpy(upper, model->upper, model->columns_count * sizeof upper[0]);
    FOR(c, model->columns_count) {
        if (model->integer[c] && model->columns[c].kind != DR_COLUMN_BUY)
            lower[c] = upper[c] = binaries[c];
    }
}

/* None of a site's phases, or those of the other free with one more of them begun by the end. */
static void change(const struct dr_program *program, const struct dr_plan *plan, uint32_t site,
                   uint32_t other, double *lower, double *upper, uint8_t *integer)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    int forced = 0;

    FOR(p, site == DR_NO_COLUMN ? 0 : inputs->sites[site].phases_count) {
        FOR(t, inputs->quarters_count) {
            if (program->phase[site][p][t] != DR_NO_COLUMN)
                lower[program->phase[site][p][t]] = upper[program->phase[site][p][t]] = 0;
        }
    }
    FOR(p, other == DR_NO_COLUMN ? 0 : inputs->sites[other].phases_count) {
        uint32_t last = program->phase[other][p][inputs->quarters_count - 1];

        if (plan->phase[other][p] != DR_PLAN_NEVER || last == DR_NO_COLUMN)
            continue;
        FOR(t, inputs->quarters_count) {
            uint32_t column = program->phase[other][p][t];

            if (column == DR_NO_COLUMN)
                continue;
            lower[column] = 0;
            upper[column] = 1;
            integer[column] = 1;
        }
        if (!forced)
            lower[last] = 1;
        forced = 1;
    }
}

static void read_phases(const struct dr_program *program, const struct dr_plan *plan,
                        const double *values, uint32_t other, struct dr_instead *instead)
{
    const struct dr_plan_inputs *inputs = program->inputs;

    FOR(p, DR_PLAN_PHASES_MAX)
        instead->phase[p] = DR_PLAN_NEVER;
    FOR(p, other == DR_NO_COLUMN ? 0 : inputs->sites[other].phases_count) {
        FOR(t, inputs->quarters_count) {
            uint32_t column = program->phase[other][p][t];

            if (column != DR_NO_COLUMN && values[column] > 0.5 &&
                plan->phase[other][p] == DR_PLAN_NEVER && instead->phase[p] == DR_PLAN_NEVER)
                instead->phase[p] = (int32_t)t;
        }
    }
}

int dr_explain_instead(const struct dr_program *program, struct dr_solver *solver,
                       const struct dr_plan *plan, uint32_t site, uint32_t other, double seconds,
                       struct dr_instead *instead)
{
    const struct dr_model *model = &program->model;
    double *binaries = calloc(model->columns_count, sizeof binaries[0]);
    double *lower = calloc(model->columns_count, sizeof lower[0]);
    double *upper = calloc(model->columns_count, sizeof upper[0]);
    double *values = calloc(model->columns_count, sizeof values[0]);
    uint8_t *integer = calloc(model->columns_count, 1);
    struct dr_solver_limits limits = {.seconds = seconds, .gap = GAP, .nodes = NODES_MAX};
    double before[DR_INSTEAD_PARTS_COUNT];
    struct dr_solver_answer answer;
    int solved;

    if (binaries == NULL || lower == NULL || upper == NULL || values == NULL || integer == NULL)
        abort();
    memset(instead, 0, sizeof *instead);
    dr_plan_binaries(program, plan, binaries);
    hold(program, binaries, lower, upper);
    answer =
        dr_solver_lp(solver, lower, upper, NULL, &(struct dr_solver_limits){0}, values, NULL, NULL);
    solved = answer.result == DR_SOLVER_OPTIMAL;
    if (solved) {
        add_up(program, values, before);
        change(program, plan, site, other, lower, upper, integer);
        answer = other == DR_NO_COLUMN
                     ? dr_solver_lp(solver, lower, upper, NULL, &limits, values, NULL, NULL)
                     : dr_solver_mip(solver, lower, upper, integer, NULL, &limits, values);
        instead->possible = answer.has_values ? 1 : answer.result == DR_SOLVER_INFEASIBLE ? 0 : -1;
        read_phases(program, plan, values, other, instead);
    }
    if (instead->possible > 0) {
        add_up(program, values, instead->parts);
        FOR(i, DR_INSTEAD_PARTS_COUNT) {
            instead->parts[i] -= before[i];
            instead->dearer += instead->parts[i];
        }
    }
    free(binaries);
    free(lower);
    free(upper);
    free(values);
    free(integer);
    return solved;
}
