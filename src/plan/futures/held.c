/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/futures/held.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "plan/search/condense.h"
#include "plan/search/dive.h"
#include "plan/result/files.h"
#include "plan/search/find.h"

#define SEARCH_S_MIN 2.0

struct dr_held {
    const struct dr_plan_inputs *inputs;
    const volatile sig_atomic_t *stop;
    struct dr_program program;
    struct dr_condensed condensed;
    struct dr_solver *solver; /* of the condensed program; of a small one, of the program itself */
    double *lower, *upper;    /* [columns] with nothing held */
    double *values;
    double *at_least, *at_most, *condensed_values; /* [columns of the condensed program] */
    struct dr_plan_verdict verdict;
    struct dr_plan_sums sums;
    struct dr_first_stage kept;
    double gap; /* of the last dive's solution to its linear program */
};

static double *new_values(uint32_t columns)
{
    double *values = calloc(columns + 1, sizeof values[0]);

    if (values == NULL)
        abort();
    return values;
}

enum dr_status dr_held_open(struct dr_held **held, const struct dr_plan_inputs *inputs,
                            const volatile sig_atomic_t *stop, struct dr_error *error)
{
    struct dr_held *made = calloc(1, sizeof *made);
    const struct dr_model *model;
    enum dr_status status;

    *held = NULL;
    if (made == NULL)
        abort();
    made->inputs = inputs;
    made->stop = stop;
    dr_program_init(&made->program, inputs, 0);
    dr_condensed_init(&made->condensed, &made->program);
    model = &made->program.model;
    made->lower = new_values(model->columns_count);
    made->upper = new_values(model->columns_count);
    made->values = new_values(model->columns_count);
    made->at_least = new_values(made->condensed.model.columns_count);
    made->at_most = new_values(made->condensed.model.columns_count);
    made->condensed_values = new_values(made->condensed.model.columns_count);
    memcpy(made->lower, model->lower, model->columns_count * sizeof made->lower[0]);
    memcpy(made->upper, model->upper, model->columns_count * sizeof made->upper[0]);
    /* One that an interrupt does not end: what was found is still to be rounded. */
    status = dr_solver_open(&made->solver,
                            made->program.whole_lots ? model : &made->condensed.model, NULL, error);
    if (status == DR_OK)
        *held = made;
    else
        dr_held_close(made);
    return status;
}

void dr_held_close(struct dr_held *held)
{
    if (held == NULL)
        return;
    dr_solver_close(held->solver);
    dr_condensed_deinit(&held->condensed);
    dr_program_deinit(&held->program);
    free(held->lower);
    free(held->upper);
    free(held->values);
    free(held->at_least);
    free(held->at_most);
    free(held->condensed_values);
    free(held);
}

static int decides(const struct dr_model *model)
{
    uint32_t c = 0;

    while (c < model->columns_count && (!model->integer[c] || model->lower[c] == model->upper[c]))
        c += 1;
    return c < model->columns_count;
}

/* Orders in whole lots, by branch and bound. Where the first stage leaves nothing to decide it is a
 * linear program, of which CBC would say that it has no solution. */
static enum dr_future_result solve_whole(struct dr_held *held, double gap, int64_t end_us, int *cut)
{
    struct dr_solver_limits limits = {
        .gap = gap, .seconds = fmax(1, (double)(end_us - dr_monotonic_us()) / 1e6)};
    struct dr_solver_answer answer;

    if (decides(&held->program.model))
        answer = dr_solver_mip(held->solver, NULL, NULL, NULL, NULL, &limits, held->values);
    else
        answer = dr_solver_lp(held->solver, NULL, NULL, NULL, &limits, held->values, NULL, NULL);
    *cut = answer.result != DR_SOLVER_OPTIMAL && answer.result != DR_SOLVER_INFEASIBLE;
    if (answer.has_values)
        return DR_FUTURE_PLAN;
    return answer.result == DR_SOLVER_INFEASIBLE ? DR_FUTURE_NONE : DR_FUTURE_NOT_IN_TIME;
}

/* A dive in the condensed program, which has half the columns, within the program's bounds: those
 * of what is held have their own columns there too. */
static int dive(struct dr_held *held, struct dr_dive *dive)
{
    const struct dr_model *model = &held->program.model;
    const struct dr_condensed *condensed = &held->condensed;
    size_t bytes = condensed->model.columns_count * sizeof held->at_least[0];

    memcpy(held->at_least, condensed->model.lower, bytes);
    memcpy(held->at_most, condensed->model.upper, bytes);
    for (uint32_t c = 0; c < model->columns_count; c += 1) {
        if (!dr_first_stage_has(&held->program, c))
            continue;
        held->at_least[condensed->place[c]] = model->lower[c];
        held->at_most[condensed->place[c]] = model->upper[c];
    }
    if (!dr_dive(dive))
        return 0;
    dr_condensed_expand(condensed, held->condensed_values, held->values);
    return 1;
}

/* A solution with whole binaries, in `values`. */
static enum dr_future_result solve(struct dr_held *held, double gap, int64_t end_us, int *cut)
{
    struct dr_dive diving = {.solver = held->solver,
                             .model = &held->condensed.model,
                             .whole = held->condensed.model.integer,
                             .lower = held->at_least,
                             .upper = held->at_most,
                             .values = held->condensed_values,
                             .end_us = end_us,
                             .stop = held->stop};

    if (held->program.whole_lots)
        return solve_whole(held, gap, end_us, cut);
    held->gap = DR_INFINITY;
    if (dive(held, &diving)) {
        held->gap = dr_plan_gap(diving.cost_found, diving.first);
        return DR_FUTURE_PLAN;
    }
    *cut = diving.cut;
    return diving.infeasible ? DR_FUTURE_NONE : DR_FUTURE_NOT_IN_TIME;
}

/* What would have to give so that the first stage had a plan: the most of it, in words. */
static void say_gives(const struct dr_held *held, const struct dr_first_stage *first,
                      char text[400])
{
    const struct dr_plan_inputs *inputs = held->inputs;
    struct dr_relaxed *relaxed = calloc(DR_RELAXED_MAX, sizeof relaxed[0]);
    uint32_t count;

    if (relaxed == NULL)
        abort();
    count = dr_relaxed_find(inputs, first, 0, relaxed);
    text[0] = '\0';
    if (count > 0)
        dr_relaxed_words(&held->program, &relaxed[0], text);
    if (count > 1)
        snprintf(text + strlen(text), 400 - strlen(text), ", and %u more", count - 1);
    free(relaxed);
}

static void let_go(struct dr_held *held)
{
    struct dr_model *model = &held->program.model;
    size_t bytes = model->columns_count * sizeof held->lower[0];

    memcpy(model->lower, held->lower, bytes);
    memcpy(model->upper, held->upper, bytes);
}

static int make(struct dr_held *held, struct dr_plan *plan)
{
    if (held->program.whole_lots)
        return dr_plan_make(plan, &held->program, held->solver, held->values, &held->verdict,
                            &held->sums);
    return dr_plan_make_condensed(plan, &held->condensed, held->solver, held->values,
                                  &held->verdict, &held->sums);
}

/* Round what was found; it counts when it still does what is held. */
static void judge(struct dr_held *held, const struct dr_first_stage *first, struct dr_plan *plan,
                  struct dr_future_cell *cell)
{
    cell->result = DR_FUTURE_NOT_WHOLE;
    if (!make(held, plan))
        return;
    dr_first_stage_of(&held->kept, held->inputs, plan);
    if (dr_first_stage_same(&held->kept, first))
        cell->result = DR_FUTURE_PLAN;
    cell->cost = held->sums.cost;
    cell->checks_count = held->verdict.checks_count;
}

/* Where the dive left a gap, or found nothing: the whole search, in the time that is left. */
static void search_on(struct dr_held *held, const struct dr_first_stage *first, double gap,
                      int64_t end_us, struct dr_plan *plan, struct dr_future_cell *cell)
{
    struct dr_search_options options = {
        .seconds = (double)(end_us - dr_monotonic_us()) / 1e6, .gap = gap, .stop = held->stop};
    struct dr_plan *other = calloc(1, sizeof *other);
    struct dr_search_progress progress;
    struct dr_error error = {0};
    enum dr_found found;
    double first_s;

    if (other == NULL)
        abort();
    if (options.seconds > SEARCH_S_MIN &&
        dr_plan_find(&held->program, &options, other, &held->verdict, &held->sums, &progress,
                     &first_s, &found, &error) == DR_OK &&
        found == DR_FOUND_PLAN) {
        dr_first_stage_of(&held->kept, held->inputs, other);
        if (dr_first_stage_same(&held->kept, first) &&
            (cell->result != DR_FUTURE_PLAN || held->sums.cost < cell->cost)) {
            *plan = *other;
            *cell = (struct dr_future_cell){.result = DR_FUTURE_PLAN,
                                            .cost = held->sums.cost,
                                            .cut = progress.cut,
                                            .checks_count = held->verdict.checks_count};
        }
    }
    free(other);
}

void dr_held_plan(struct dr_held *held, const struct dr_first_stage *first, double gap, double far,
                  int64_t end_us, struct dr_plan *plan, struct dr_future_cell *cell)
{
    memset(cell, 0, sizeof *cell);
    let_go(held);
    cell->result = dr_first_stage_hold(&held->program, first) ? solve(held, gap, end_us, &cell->cut)
                                                              : DR_FUTURE_NONE;
    if (cell->result == DR_FUTURE_PLAN)
        judge(held, first, plan, cell);
    if (cell->result == DR_FUTURE_NONE)
        say_gives(held, first, cell->gives);
    else if (!held->program.whole_lots && (cell->result != DR_FUTURE_PLAN || held->gap > far))
        search_on(held, first, gap, end_us, plan, cell);
}

int dr_held_extend(struct dr_held *held, const struct dr_first_stage *first, double gap,
                   int64_t end_us, struct dr_first_stage *extended)
{
    struct dr_plan *plan = calloc(1, sizeof *plan);
    int cut = 0, made;

    if (plan == NULL)
        abort();
    let_go(held);
    made = dr_first_stage_at_least(&held->program, first) &&
           solve(held, gap, end_us, &cut) == DR_FUTURE_PLAN && make(held, plan);
    if (made)
        dr_first_stage_of(extended, held->inputs, plan);
    free(plan);
    return made;
}
