/* SPDX-License-Identifier: Apache-2.0 */
/* The study of a two-stage plan, step by step as futures.h says. What runs in other processes is
 * own_work(), held_work(), close_work() and swing_work(); they write into struct dr_futures_memory
 * alone. */
#include "plan/futures/futures.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "base/text.h"
#include "plan/futures/crew.h"
#include "plan/search/find.h"
#include "plan/futures/held.h"
#include "plan/futures/study.h"

#define MICRO DR_PLAN_MICRO
/* Of all the time, what is over when a step ends. */
#define OWN_SHARE    0.45
#define JOINT_SHARE  0.60
#define HELD_SHARE   0.75
#define HEDGE_SHARE  0.78
#define HEDGED_SHARE 0.82
#define WHOLE_SHARE  0.88
#define CLOSE_SHARE  0.92
/* What a dive may leave between a candidate's plan and its linear program before it is searched
 * on: regrets need no more, and the plan itself is searched on afterwards. */
#define HELD_GAP      0.02
#define RELAX_ROUNDS  4
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

static void say(const struct run *run, const char *format, ...) DR_PRINTF(2, 3);

static void say(const struct run *run, const char *format, ...)
{
    char text[600];
    va_list arguments;

    if (run->options->say == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    run->options->say(run->options->context, (double)(dr_monotonic_us() - run->begin_us) / 1e6,
                      text);
}

static const char *millions(double amount, char text[DR_TEXT_BYTES])
{
    return dr_format_money((int64_t)amount, text);
}

/* The instant by which a part of all the time is over. */
static int64_t instant(const struct run *run, double share)
{
    return run->begin_us + (int64_t)(run->options->seconds * share * 1e6);
}

/* The gap of the best candidate; infinite where none leaves a plan in every future. */
static double gap_of(const struct dr_futures *futures)
{
    if (futures->chosen == futures->stages_count || !isfinite(futures->bound))
        return HUGE_VAL;
    return dr_plan_gap(futures->stages[futures->chosen].expected, futures->bound);
}

static int stopped(const struct run *run)
{
    return run->options->stop != NULL && *run->options->stop;
}

/* Only what is not 0, so that shared memory is taken for that alone. */
static void copy_plan(struct dr_plan *to, const struct dr_plan *from,
                      const struct dr_plan_inputs *inputs)
{
    memcpy(to->phase, from->phase, sizeof to->phase);
    to->lost_count = from->lost_count;
    memcpy(to->lost, from->lost, from->lost_count * sizeof to->lost[0]);
    FOR(s, inputs->sites_count) {
        FOR(c, inputs->chips_count) {
            FOR(t, inputs->quarters_count) {
                if (to->buy[s][c][t] != from->buy[s][c][t])
                    to->buy[s][c][t] = from->buy[s][c][t];
                if (to->on_milli[s][c][t] != from->on_milli[s][c][t])
                    to->on_milli[s][c][t] = from->on_milli[s][c][t];
                FOR(k, inputs->sectors_count) {
                    if (to->use_milli[k][s][c][t] != from->use_milli[k][s][c][t])
                        to->use_milli[k][s][c][t] = from->use_milli[k][s][c][t];
                }
            }
        }
    }
}

/* What a piece is given of the time until the step's end, when it and those behind it are left. */
static int64_t span_us(const struct run *run, uint32_t piece)
{
    int64_t left_us = dr_max_i64(1000000, run->step_end_us - dr_monotonic_us());
    uint32_t left = run->pieces - piece;

    return left > run->options->at_once ? left_us * run->options->at_once / left : left_us;
}

/* Do a step's pieces, until a part of all the time is over. */
static void step(struct run *run, double share, struct dr_crew crew)
{
    crew.at_once = run->options->at_once;
    crew.context = run;
    crew.stop = run->options->stop;
    run->step_end_us = instant(run, share);
    run->pieces = crew.count;
    if (crew.count > 0 && !dr_crew_run(&crew) && !stopped(run))
        say(run, "a process ended before its work did: what it had to do is left open");
}

/* ---- each future's own plan ---- */

static void find_own(const struct run *run, struct own *own, const struct dr_plan_inputs *inputs,
                     double seconds, struct dr_plan *plan)
{
    struct dr_program *program = calloc(1, sizeof *program);
    struct dr_plan_verdict *verdict = calloc(1, sizeof *verdict);
    struct dr_plan_sums *sums = calloc(1, sizeof *sums);
    struct dr_plan *found_plan = calloc(1, sizeof *found_plan);
    struct dr_search_options options = {
        .seconds = seconds, .gap = run->options->gap, .stop = run->options->stop};
    static const enum dr_future_result RESULTS[] = {
        [DR_FOUND_PLAN] = DR_FUTURE_PLAN,
        [DR_FOUND_NONE] = DR_FUTURE_NONE,
        [DR_FOUND_NOT_IN_TIME] = DR_FUTURE_NOT_IN_TIME,
        [DR_FOUND_NOT_WHOLE] = DR_FUTURE_NOT_WHOLE,
    };
    struct dr_search_progress progress;
    struct dr_error error = {0};
    enum dr_found found;
    double first_s;

    if (program == NULL || verdict == NULL || sums == NULL || found_plan == NULL)
        abort();
    dr_program_init(program, inputs, 0);
    own->rows_count = program->model.rows_count;
    own->columns_count = program->model.columns_count;
    own->binaries_count = 0;
    FOR(c, program->model.columns_count)
        own->binaries_count += program->model.integer[c];
    own->bound = -HUGE_VAL;
    own->whole_lots = program->whole_lots;
    own->status = dr_plan_find(program, &options, found_plan, verdict, sums, &progress, &first_s,
                               &found, &error);
    if (own->status == DR_OK) {
        own->cell = (struct dr_future_cell){.result = RESULTS[found],
                                            .cut = progress.cut,
                                            .cost = sums->cost,
                                            .checks_count = verdict->checks_count};
        own->bound = progress.bound * program->money_scale;
        own->bound_by_search = progress.bound_by_search;
    }
    if (own->cell.result == DR_FUTURE_PLAN)
        copy_plan(plan, found_plan, inputs);
    dr_program_deinit(program);
    free(program);
    free(verdict);
    free(sums);
    free(found_plan);
}

/* With its rules relaxed, in this process alone, until there is a plan: by what the linear program
 * needs at least, and each time by more for whole lots and phases. */
static void own_work(void *context, uint32_t piece)
{
    struct run *run = context;
    struct own *own = &run->memory->own[piece];
    struct dr_plan_inputs *inputs = run->worlds[piece].inputs;
    struct dr_plan_inputs *relaxed = malloc(sizeof *relaxed);
    double margin = 0.002, seconds = (double)span_us(run, piece) / 1e6;

    if (relaxed == NULL)
        abort();
    find_own(run, own, inputs, seconds, &run->memory->own_plans[piece]);
    FOR(round, RELAX_ROUNDS) {
        if (own->status != DR_OK || stopped(run) ||
            (own->cell.result != DR_FUTURE_NONE && own->cell.result != DR_FUTURE_NOT_WHOLE))
            break;
        own->relaxed_count = dr_relaxed_find(inputs, NULL, margin, own->relaxed);
        if (own->relaxed_count == 0 && own->cell.result == DR_FUTURE_NONE)
            break;
        *relaxed = *inputs;
        FOR(i, own->relaxed_count)
            dr_relaxed_apply(relaxed, &own->relaxed[i]);
        find_own(run, own, relaxed, seconds, &run->memory->own_plans[piece]);
        margin *= 3;
    }
    free(relaxed);
}

static void own_done(void *context, uint32_t piece)
{
    struct run *run = context;
    const struct own *own = &run->memory->own[piece];
    char cost[DR_TEXT_BYTES], text[400];
    struct dr_program *program;

    if (own->cell.result != DR_FUTURE_PLAN) {
        say(run, "%s: %s", run->worlds[piece].future.name,
            dr_future_result_words(own->cell.result));
        return;
    }
    say(run, "%s: its own best plan costs %s M, gap %.3f %%", run->worlds[piece].future.name,
        millions(own->cell.cost, cost), 100 * dr_plan_gap(own->cell.cost, own->bound));
    if (own->relaxed_count == 0)
        return;
    program = calloc(1, sizeof *program);
    if (program == NULL)
        abort();
    dr_program_init(program, run->worlds[piece].inputs, 0);
    FOR(i, own->relaxed_count)
        say(run, "%s has no plan with all rules; in it: %s", run->worlds[piece].future.name,
            dr_relaxed_words(program, &own->relaxed[i], text));
    dr_program_deinit(program);
    free(program);
}

/* What a world learnt of itself in the other process. */
static void take_own(struct run *run, uint32_t piece)
{
    const struct own *own = &run->memory->own[piece];
    struct dr_world *world = &run->worlds[piece];

    world->own = own->cell;
    world->bound = own->bound;
    world->bound_by_search = own->bound_by_search;
    world->rows_count = own->rows_count;
    world->columns_count = own->columns_count;
    world->binaries_count = own->binaries_count;
    world->best = own->cell.result == DR_FUTURE_PLAN ? own->cell.cost : HUGE_VAL;
    world->relaxed_count = own->relaxed_count;
    FOR(i, own->relaxed_count) {
        world->relaxed[i] = own->relaxed[i];
        dr_relaxed_apply(world->inputs, &world->relaxed[i]);
    }
}

/* The futures' weighted mean, lateness in whole quarters. */
static struct dr_plan_future mean_of(const struct dr_plan_inputs *inputs)
{
    struct dr_plan_future mean = {.name = "mean", .title = "the futures' weighted mean"};
    double demand = 0, price = 0, tariff = 0, late = 0, grid = 0;

    FOR(i, inputs->futures_count) {
        const struct dr_plan_future *future = &inputs->futures[i];
        double weight = (double)future->weight_micro / (double)MICRO;

        demand += weight * (double)future->demand_micro;
        price += weight * (double)future->price_micro;
        tariff += weight * (double)future->tariff_micro;
        late += weight * future->late_quarters;
        grid += weight * future->grid_late_quarters;
    }
    mean.demand_micro = (int64_t)round(demand);
    mean.price_micro = (int64_t)round(price);
    mean.tariff_micro = (int64_t)round(tariff);
    mean.late_quarters = (uint32_t)floor(late + 0.5);
    mean.grid_late_quarters = (uint32_t)floor(grid + 0.5);
    return mean;
}

/* ---- candidates ---- */

static void add_stage(struct run *run, const char *name, const struct dr_first_stage *first)
{
    struct dr_futures *futures = run->futures;
    struct dr_stage *stage = &futures->stages[futures->stages_count];

    memset(stage, 0, sizeof *stage);
    dr_copy_name(stage->name, name);
    stage->first = malloc(sizeof *stage->first);
    if (stage->first == NULL)
        abort();
    *stage->first = *first;
    stage->expected = stage->regret = stage->regret_max = HUGE_VAL;
    while (!dr_first_stage_same(futures->stages[stage->same_as].first == NULL
                                    ? first
                                    : futures->stages[stage->same_as].first,
                                first))
        stage->same_as += 1;
    futures->stages_count += 1;
}

/* A plan of a future, and what it decides in the common quarters. */
static void add_own_stage(struct run *run, uint32_t piece)
{
    struct dr_first_stage *first = malloc(sizeof *first);
    struct dr_futures *futures = run->futures;

    if (first == NULL)
        abort();
    dr_first_stage_of(first, futures->inputs, &run->memory->own_plans[piece]);
    add_stage(run, run->worlds[piece].future.name, first);
    free(first);
    if (piece < futures->worlds_count) {
        uint32_t stage = futures->stages_count - 1;

        run->memory->cells[stage][piece] = run->worlds[piece].own;
        copy_plan(&run->memory->plans[stage * futures->worlds_count + piece],
                  &run->memory->own_plans[piece], futures->inputs);
    }
}

/* ---- each candidate in each future ---- */

/* All candidates that are new, in one future. */
static void held_work(void *context, uint32_t piece)
{
    struct run *run = context;
    struct dr_futures *futures = run->futures;
    struct dr_plan *plan = calloc(1, sizeof *plan);
    int64_t end_us = dr_monotonic_us() + span_us(run, piece);
    struct dr_held *held;
    struct dr_error error = {0};

    if (plan == NULL)
        abort();
    if (dr_held_open(&held, run->worlds[piece].inputs, run->options->stop, &error) != DR_OK)
        _Exit(1);
    for (uint32_t i = run->stages_done; i < futures->stages_count; i += 1) {
        struct dr_future_cell *cell = &run->memory->cells[i][piece];
        int64_t now_us = dr_monotonic_us(), left = (int64_t)(futures->stages_count - i);

        if (futures->stages[i].same_as != i || cell->result != DR_FUTURE_NOT_TRIED ||
            stopped(run) || now_us >= end_us)
            continue;
        dr_held_plan(held, futures->stages[i].first, run->options->gap, HELD_GAP,
                     now_us + (end_us - now_us) / left, plan, cell);
        if (cell->result == DR_FUTURE_PLAN)
            copy_plan(&run->memory->plans[i * futures->worlds_count + piece], plan,
                      futures->inputs);
    }
    dr_held_close(held);
    free(plan);
}

static void held_done(void *context, uint32_t piece)
{
    struct run *run = context;
    uint32_t plans = 0;

    FOR(i, run->futures->stages_count)
        plans += run->memory->cells[i][piece].result == DR_FUTURE_PLAN;
    say(run, "%s: %u of %u first stages leave a plan in it", run->worlds[piece].future.name, plans,
        run->futures->stages_count);
}

/* Expected costs and regrets of all candidates; the best of them. */
static void weigh(struct dr_futures *futures)
{
    futures->chosen = futures->stages_count;
    futures->knowing = 0;
    FOR(w, futures->worlds_count)
        futures->knowing += (double)futures->worlds[w].future.weight_micro / (double)MICRO *
                            futures->worlds[w].best;
    FOR(i, futures->stages_count) {
        struct dr_stage *stage = &futures->stages[i];

        stage->expected = stage->regret_max = 0;
        FOR(w, futures->worlds_count) {
            const struct dr_future_cell *cell = &futures->cells[i][w];
            double cost = cell->result == DR_FUTURE_PLAN ? cell->cost : HUGE_VAL;

            stage->expected +=
                (double)futures->worlds[w].future.weight_micro / (double)MICRO * cost;
            stage->regret_max = fmax(stage->regret_max, cost - futures->worlds[w].best);
        }
        if (isnan(stage->regret_max) || !isfinite(stage->expected))
            stage->expected = stage->regret_max = HUGE_VAL;
        stage->regret = isfinite(stage->expected) ? stage->expected - futures->knowing : HUGE_VAL;
        if (isfinite(stage->expected) &&
            (futures->chosen == futures->stages_count ||
             stage->expected < futures->stages[futures->chosen].expected))
            futures->chosen = i;
    }
}

/* What the step's processes left in shared memory, and what it comes to. */
static void collect(struct run *run)
{
    struct dr_futures *futures = run->futures;
    char cost[DR_TEXT_BYTES];

    FOR(i, futures->stages_count) {
        FOR(w, futures->worlds_count) {
            futures->cells[i][w] = run->memory->cells[futures->stages[i].same_as][w];
            if (futures->cells[i][w].result == DR_FUTURE_PLAN)
                futures->worlds[w].best = fmin(futures->worlds[w].best, futures->cells[i][w].cost);
        }
    }
    weigh(futures);
    if (futures->chosen < futures->stages_count)
        say(run, "best so far: what `%s` does, expected cost %s M, gap %.3f %%",
            futures->stages[futures->chosen].name,
            millions(futures->stages[futures->chosen].expected, cost), 100 * gap_of(futures));
}

static void hold_stages(struct run *run, double share)
{
    step(run, share,
         (struct dr_crew){
             .count = run->futures->worlds_count, .work = held_work, .done = held_done});
    collect(run);
    run->stages_done = run->futures->stages_count;
}

/* ---- a hedge ---- */

/* The candidate that costs least above the futures' own plans, where it leaves one, of those that
 * leave one in futures of at least half of all weight and none in others; `stages_count`: there is
 * none. */
static uint32_t worth_mending(const struct dr_futures *futures)
{
    uint32_t best = futures->stages_count;
    double least = HUGE_VAL;

    FOR(i, futures->stages_count) {
        double weight = 0, regret = 0;

        FOR(w, futures->worlds_count) {
            double one = (double)futures->worlds[w].future.weight_micro / (double)MICRO;

            if (futures->cells[i][w].result != DR_FUTURE_PLAN)
                continue;
            weight += one;
            regret += one * (futures->cells[i][w].cost - futures->worlds[w].best);
        }
        if (weight < 0.5 || isfinite(futures->stages[i].expected) || regret / weight >= least)
            continue;
        least = regret / weight;
        best = i;
    }
    return best;
}

/* That candidate, and what each future in which it leaves no plan needs besides. */
static void try_hedge(struct run *run)
{
    struct dr_futures *futures = run->futures;
    uint32_t stage = worth_mending(futures);
    struct dr_first_stage *first = malloc(sizeof *first), *more = malloc(sizeof *more);
    int good = stage < futures->stages_count;

    if (first == NULL || more == NULL)
        abort();
    if (good)
        *first = *futures->stages[stage].first;
    for (uint32_t w = 0; good && w < futures->worlds_count; w += 1) {
        struct dr_held *held;
        struct dr_error error = {0};

        if (futures->cells[stage][w].result != DR_FUTURE_NONE)
            continue;
        good = !stopped(run) &&
               dr_held_open(&held, run->worlds[w].inputs, run->options->stop, &error) == DR_OK;
        if (!good)
            break;
        good = dr_held_extend(held, first, run->options->gap, instant(run, HEDGE_SHARE), more);
        *first = *more;
        dr_held_close(held);
        say(run, "%s: %s what `%s` does%s", run->worlds[w].future.name,
            good ? "a plan that does at least" : "no plan does", futures->stages[stage].name,
            good ? "" : " and more");
    }
    if (good) {
        add_stage(run, "hedge", first);
        hold_stages(run, HEDGED_SHARE);
    }
    free(first);
    free(more);
}

/* ---- all futures at once ---- */

static void try_joint(struct run *run, const char *name, int all_whole, double share)
{
    struct dr_futures *futures = run->futures;
    struct dr_first_stage *first = malloc(sizeof *first);
    struct dr_joint_answer answer;
    char text[DR_TEXT_BYTES];

    if (first == NULL)
        abort();
    if (dr_joint_solve(run, all_whole, instant(run, share), first, &answer)) {
        if (answer.bound > futures->bound) {
            futures->bound = answer.bound;
            futures->bound_by_all = 1;
        }
        say(run, "all futures at once: none costs less than %s M", millions(answer.bound, text));
        if (answer.has_first)
            add_stage(run, name, first);
    }
    free(first);
}

/* ---- closer ---- */

/* The chosen first stage in one future again, by the whole search. */
static void close_work(void *context, uint32_t piece)
{
    struct run *run = context;
    struct dr_futures *futures = run->futures;
    uint32_t stage = futures->stages[futures->chosen].same_as;
    struct dr_future_cell *cell = &run->memory->cells[stage][piece], better;
    struct dr_plan *plan = calloc(1, sizeof *plan);
    struct dr_held *held;
    struct dr_error error = {0};

    if (plan == NULL)
        abort();
    if (dr_held_open(&held, run->worlds[piece].inputs, run->options->stop, &error) != DR_OK)
        _Exit(1);
    dr_held_plan(held, futures->stages[stage].first, run->options->gap / 2, run->options->gap / 2,
                 dr_monotonic_us() + span_us(run, piece), plan, &better);
    if (better.result == DR_FUTURE_PLAN && better.cost < cell->cost) {
        copy_plan(&run->memory->plans[stage * futures->worlds_count + piece], plan,
                  futures->inputs);
        *cell = better;
    }
    dr_held_close(held);
    free(plan);
}

/* ---- one thing at a time ---- */

static void swing_work(void *context, uint32_t piece)
{
    struct run *run = context;
    const struct swing_world *world = &run->swings[piece];
    struct dr_plan_inputs *inputs = dr_plan_in_future(run->futures->inputs, &world->future);
    struct dr_plan *plan = calloc(1, sizeof *plan);
    struct dr_held *held;
    struct dr_error error = {0};

    if (plan == NULL)
        abort();
    if (dr_held_open(&held, inputs, run->options->stop, &error) != DR_OK)
        _Exit(1);
    dr_held_plan(held, run->futures->stages[run->futures->chosen].first, run->options->gap,
                 HELD_GAP, dr_monotonic_us() + span_us(run, piece), plan,
                 &run->memory->swings[piece]);
    dr_held_close(held);
    free(plan);
    dr_plan_future_close(inputs);
}

static void swing_done(void *context, uint32_t piece)
{
    struct run *run = context;
    const struct dr_future_cell *cell = &run->memory->swings[piece];
    char cost[DR_TEXT_BYTES];

    say(run, "with %s: %s%s%s", run->swings[piece].words, dr_future_result_words(cell->result),
        cell->result == DR_FUTURE_PLAN ? " at " : "",
        cell->result == DR_FUTURE_PLAN ? millions(cell->cost, cost) : "");
}

static void swing_all(struct run *run)
{
    struct dr_futures *futures = run->futures;

    run->swings_count = dr_swings_list(futures, run->swings);
    step(run, 1,
         (struct dr_crew){.count = run->swings_count, .work = swing_work, .done = swing_done});
    dr_swings_sort(futures, run->swings, run->memory->swings, run->swings_count);
}

/* ---- the whole ---- */

/* Nothing more is to be done for the plan. */
static int is_enough(const struct run *run)
{
    return stopped(run) || gap_of(run->futures) <= run->options->gap;
}

static void look_for_first_stage(struct run *run)
{
    struct dr_futures *futures = run->futures;

    if (!stopped(run) && run->small)
        try_joint(run, "all", 0, JOINT_SHARE);
    hold_stages(run, HELD_SHARE);
    if (!is_enough(run))
        try_hedge(run);
    if (!is_enough(run)) {
        try_joint(run, run->small ? "whole" : "all", 1, WHOLE_SHARE);
        hold_stages(run, CLOSE_SHARE);
    }
    if (!is_enough(run) && !run->small && futures->chosen < futures->stages_count) {
        step(run, CLOSE_SHARE,
             (struct dr_crew){.count = futures->worlds_count, .work = close_work});
        collect(run);
    }
    if (futures->chosen < futures->stages_count)
        swing_all(run);
}

static enum dr_status own_plans(struct run *run, struct dr_error *error)
{
    struct dr_futures *futures = run->futures;
    uint32_t count = futures->worlds_count + 1; /* and their mean */

    step(run, OWN_SHARE, (struct dr_crew){.count = count, .work = own_work, .done = own_done});
    futures->bound = 0;
    FOR(w, count) {
        if (run->memory->own[w].status != DR_OK) {
            dr_error_set(error, NULL, 0, NULL, NULL, "daero-solver beside this program, that runs");
            return run->memory->own[w].status;
        }
        take_own(run, w);
        run->small = run->memory->own[0].whole_lots;
        if (w < futures->worlds_count)
            futures->bound += (double)futures->worlds[w].future.weight_micro / (double)MICRO *
                              run->worlds[w].bound;
        if (run->worlds[w].own.result == DR_FUTURE_PLAN)
            add_own_stage(run, w);
    }
    return DR_OK;
}

enum dr_status dr_futures_run(struct dr_futures *futures, const struct dr_plan_inputs *inputs,
                              const struct dr_futures_options *options, struct dr_error *error)
{
    struct run run = {.futures = futures, .options = options, .begin_us = dr_monotonic_us()};
    enum dr_status status;
    uint32_t count = inputs->futures_count;

    memset(futures, 0, sizeof *futures);
    futures->inputs = inputs;
    futures->worlds_count = count;
    futures->worlds = run.worlds = calloc(count + 1, sizeof futures->worlds[0]);
    if (futures->worlds == NULL)
        abort();
    futures->memory_bytes = sizeof *futures->memory +
                            (size_t)(count + 1 + DR_STAGES_MAX * count) * sizeof(struct dr_plan);
    futures->memory = run.memory = dr_crew_memory(futures->memory_bytes);
    run.memory->own_plans = (struct dr_plan *)(run.memory + 1);
    run.memory->plans = run.memory->own_plans + count + 1;
    FOR(w, count + 1) {
        futures->worlds[w].future = w < count ? inputs->futures[w] : mean_of(inputs);
        futures->worlds[w].inputs = dr_plan_in_future(inputs, &futures->worlds[w].future);
        futures->worlds[w].best = HUGE_VAL;
        futures->worlds[w].bound = -HUGE_VAL;
    }
    status = own_plans(&run, error);
    if (status == DR_OK && futures->stages_count > 0)
        look_for_first_stage(&run);
    futures->seconds = (double)(dr_monotonic_us() - run.begin_us) / 1e6;
    return status;
}

void dr_futures_deinit(struct dr_futures *futures)
{
    for (uint32_t w = 0; futures->worlds != NULL && w <= futures->worlds_count; w += 1)
        dr_plan_future_close(futures->worlds[w].inputs);
    free(futures->worlds);
    FOR(i, futures->stages_count)
        free(futures->stages[i].first);
    dr_crew_release(futures->memory, futures->memory_bytes);
    memset(futures, 0, sizeof *futures);
}

const struct dr_plan *dr_futures_plan(const struct dr_futures *futures, uint32_t stage,
                                      uint32_t world)
{
    return &futures->memory->plans[futures->stages[stage].same_as * futures->worlds_count + world];
}
