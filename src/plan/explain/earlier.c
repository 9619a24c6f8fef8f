/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/explain/earlier.h"

#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "base/sort.h"
#include "plan/program/program.h"
#include "plan/search/solver.h"
#include "plan/explain/variants.h"

#define MONTHS        3 /* of a quarter */
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

/* A program in which every chip comes a quarter earlier, so that there are columns for it; rows of
 * what is there and of power have slack, and its bounds say what is there in truth. */
struct again {
    const struct dr_plan_inputs *inputs;
    const struct dr_plan *plan;
    struct dr_plan_inputs *early;
    struct dr_program program;
    struct dr_solver *solver;
    double *lower, *upper;
    /* Slack by place. */
    uint32_t have[DR_PLAN_SITES_MAX][DR_PLAN_CHIPS_MAX][DR_PLAN_QUARTERS_MAX];
    uint32_t power[DR_PLAN_SITES_MAX][DR_PLAN_QUARTERS_MAX];
};

static void find_slack(struct again *again)
{
    const struct dr_model *model = &again->program.model;

    memset(again->have, 0xff, sizeof again->have);
    memset(again->power, 0xff, sizeof again->power);
    FOR(c, model->columns_count) {
        const uint16_t *at = model->columns[c].place;
        const struct dr_model_name *row;

        if (model->columns[c].kind != DR_COLUMN_SLACK)
            continue;
        row = &model->rows[at[0] | (uint32_t)at[1] << 16];
        if (row->kind == DR_ROW_HAVE)
            again->have[row->place[0]][row->place[1]][row->place[2]] = c;
        else
            again->power[row->place[0]][row->place[1]] = c;
    }
}

/* Of what the plan orders, what is there: with a lead time of `lead`, until a life after `arrives`
 * quarters from the order. */
static int64_t there(const struct again *again, uint32_t s, uint32_t c, uint32_t t, uint32_t lead,
                     uint32_t arrives)
{
    int64_t count = 0;

    FOR(b, t + 1) {
        if (b + lead <= t && t < b + arrives + again->inputs->chips[c].life_quarters)
            count += again->plan->buy[s][c][b];
    }
    return count;
}

/* What is there of a chip, beside what the program counts. */
static void set_chip(struct again *again, uint32_t c, int is_early)
{
    uint32_t lead = again->inputs->chips[c].lead_quarters;
    uint32_t early = again->early->chips[c].lead_quarters;

    FOR(s, again->inputs->sites_count) {
        FOR(t, again->inputs->quarters_count) {
            int64_t counted = there(again, s, c, t, early, early);
            int64_t wanted = there(again, s, c, t, is_early ? early : lead, lead);
            uint32_t column = again->have[s][c][t];

            if (column != DR_NO_COLUMN)
                again->lower[column] = again->upper[column] =
                    (double)(wanted - counted) / again->program.count_scale;
        }
    }
}

static void set_power(struct again *again, uint32_t s, uint32_t t, double power_w)
{
    again->upper[again->power[s][t]] = power_w / again->program.power_scale;
}

static void hold_plan(struct again *again)
{
    const struct dr_plan_inputs *inputs = again->inputs;
    const struct dr_program *program = &again->program;
    const struct dr_model *model = &program->model;
    double *values = calloc(model->columns_count, sizeof values[0]);

    if (values == NULL)
        abort();
    memcpy(again->lower, model->lower, model->columns_count * sizeof values[0]);
    memcpy(again->upper, model->upper, model->columns_count * sizeof values[0]);
    dr_plan_binaries(program, again->plan, values);
    FOR(c, model->columns_count) {
        if (model->integer[c])
            again->lower[c] = again->upper[c] = values[c];
        if (model->columns[c].kind == DR_COLUMN_SLACK)
            again->upper[c] = 0;
    }
    FOR(s, inputs->sites_count) {
        FOR(c, inputs->chips_count) {
            FOR(t, inputs->quarters_count) {
                uint32_t column = program->buy[s][c][t];

                if (column != DR_NO_COLUMN)
                    again->lower[column] = again->upper[column] =
                        (double)again->plan->buy[s][c][t] / dr_program_unit(program, c);
            }
        }
    }
    FOR(c, inputs->chips_count)
        set_chip(again, c, 0);
    free(values);
}

/* Discounted, in the currency; HUGE_VAL: not solved. */
static double cost(struct again *again)
{
    struct dr_solver_limits limits = {0};
    struct dr_solver_answer answer =
        dr_solver_lp(again->solver, again->lower, again->upper, NULL, &limits, NULL, NULL, NULL);

    return answer.result == DR_SOLVER_OPTIMAL ? answer.cost * again->program.money_scale : HUGE_VAL;
}

/* The quarter in which a phase is there; the plan's number of them: never within it. */
static uint32_t phase_there(const struct again *again, uint32_t s, uint32_t p)
{
    const struct dr_plan_phase *phase = &again->inputs->sites[s].phases[p];
    int32_t begun = again->plan->phase[s][p];
    int64_t quarter = again->inputs->quarters_count;

    if (phase->begun)
        quarter = dr_max_i64(0, phase->quarter);
    else if (begun != DR_PLAN_NEVER)
        quarter = (int64_t)begun + phase->build_quarters;
    return (uint32_t)dr_min_i64(quarter, again->inputs->quarters_count + 1);
}

/* The first arrival of what the plan orders; UINT32_MAX: none within it. */
static uint32_t first_arrival(const struct again *again, uint32_t c)
{
    FOR(t, again->inputs->quarters_count) {
        FOR(s, again->inputs->sites_count) {
            if (again->plan->buy[s][c][t] > 0)
                return t + again->inputs->chips[c].lead_quarters;
        }
    }
    return UINT32_MAX;
}

static int dearest_first(const void *a, const void *b, const void *context)
{
    const struct dr_month *first = a, *second = b;

    (void)context;
    if (first->worth != second->worth)
        return first->worth > second->worth ? -1 : 1;
    if (first->chip != second->chip)
        return first->chip < second->chip ? -1 : 1;
    if (first->site != second->site)
        return first->site < second->site ? -1 : 1;
    return first->phase < second->phase ? -1 : first->phase > second->phase;
}

/* One more in the list; what it saves to the last digits is nothing. */
static uint32_t tell(struct dr_month *months, uint32_t count, struct dr_month month, double before,
                     double after)
{
    double saved = before - after;

    if (!isfinite(after))
        return count;
    month.worth = saved > 1e-9 * fabs(before) ? saved / MONTHS : 0;
    months[count] = month;
    return count + 1;
}

static uint32_t find_months(struct again *again, struct dr_month *months)
{
    const struct dr_plan_inputs *inputs = again->inputs;
    double before = cost(again);
    uint32_t count = 0;

    if (!isfinite(before))
        return 0;
    FOR(s, inputs->sites_count) {
        FOR(p, inputs->sites[s].phases_count) {
            uint32_t t = phase_there(again, s, p);

            if (t == 0 || t > inputs->quarters_count ||
                (t == inputs->quarters_count && again->plan->phase[s][p] == DR_PLAN_NEVER))
                continue;
            set_power(again, s, t - 1, (double)inputs->sites[s].phases[p].power_w);
            count = tell(months, count, (struct dr_month){s, p, DR_NO_COLUMN, t, 0}, before,
                         cost(again));
            set_power(again, s, t - 1, 0);
        }
    }
    FOR(c, inputs->chips_count) {
        uint32_t t = first_arrival(again, c);

        if (t == UINT32_MAX || inputs->chips[c].lead_quarters == 0)
            continue;
        set_chip(again, c, 1);
        count = tell(months, count, (struct dr_month){DR_NO_COLUMN, DR_NO_COLUMN, c, t, 0}, before,
                     cost(again));
        set_chip(again, c, 0);
    }
    dr_sort(months, count, sizeof months[0], dearest_first, NULL);
    return count;
}

enum dr_status dr_explain_months(const struct dr_plan_inputs *inputs, const struct dr_plan *plan,
                                 struct dr_month months[DR_MONTHS_MAX], uint32_t *count,
                                 struct dr_error *error)
{
    struct again *again = calloc(1, sizeof *again);
    enum dr_status status;

    if (again == NULL)
        abort();
    again->inputs = inputs;
    again->plan = plan;
    again->early = dr_plan_variant(inputs, DR_PLAN_VARIANT_PLAN);
    FOR(c, inputs->chips_count)
        again->early->chips[c].lead_quarters -= inputs->chips[c].lead_quarters > 0;
    dr_program_init(&again->program, again->early,
                    UINT64_C(1) << DR_ROW_HAVE | UINT64_C(1) << DR_ROW_POWER);
    again->lower = calloc(again->program.model.columns_count, sizeof again->lower[0]);
    again->upper = calloc(again->program.model.columns_count, sizeof again->upper[0]);
    if (again->lower == NULL || again->upper == NULL)
        abort();
    find_slack(again);
    hold_plan(again);
    *count = 0;
    status = dr_solver_open(&again->solver, &again->program.model, NULL, error);
    if (status == DR_OK)
        *count = find_months(again, months);
    dr_solver_close(again->solver);
    dr_program_deinit(&again->program);
    dr_plan_variant_close(again->early);
    free(again->lower);
    free(again->upper);
    free(again);
    return status;
}
