/* SPDX-License-Identifier: Apache-2.0 */
/* futures.h: what to decide now, when several futures may come.
 *
 * A plan in two stages: what is ordered and begun in the common quarters is the same in every
 * future; behind them each future goes on as is best there. dr_futures_run() looks for the common
 * first stage whose weighted cost is least:
 *
 *   1. each future's own best plan, as if it were known (dr_plan_find()). Their weighted bounds are
 * a bound of the two-stage plan: nobody does better than who knows. A future without any plan is
 *      relaxed first (relaxed.h);
 *   2. candidates for the first stage: that of each own best plan; that of the best plan of the
 *      futures' weighted mean; and, of programs that are small enough, what all futures at once say
 *      (`all`, joint_solve.c), which bounds more closely too;
 *   3. each candidate in each future: the first stage held, the rest planned anew, rounded,
 *      checked. Their costs are the regret table; the candidate that costs least, weighted, is the
 *      plan. While its gap is more than what is enough: where the best of those that leave a plan
 *      in most futures leaves none in some, it and what these need besides (`hedge`); all of a
 *      small joint program in whole lots (`whole`); the plan in each future of large programs
 *      searched on;
 *   4. the plan's first stage with one thing changed at a time: the tornado.
 *
 * What of a step is not done when its time ends is left open, and said to be. */
#ifndef DR_PLAN_FUTURES_H
#define DR_PLAN_FUTURES_H

#include <signal.h>

#include "plan/futures/future.h"
#include "plan/futures/relaxed.h"

#define DR_STAGES_MAX (DR_PLAN_FUTURES_MAX + 4)
#define DR_SWINGS_MAX 5 /* demand, price, tariff, late orders, late grid */

enum dr_future_result {
    DR_FUTURE_NOT_TRIED,   /* the time was over */
    DR_FUTURE_PLAN,        /* a plan, checked */
    DR_FUTURE_NONE,        /* there is none */
    DR_FUTURE_NOT_IN_TIME, /* neither a plan nor a proof that there is none */
    DR_FUTURE_NOT_WHOLE,   /* none in whole lots was found beside one in fractions */
};

/* A plan in a future. */
struct dr_future_cell {
    enum dr_future_result result;
    double cost;
    int cut; /* a clock cut it: another run may differ */
    uint64_t checks_count;
    char gives[400]; /* NONE: what would have to give most, "" where nothing may */
};

/* A world that plans are made in: a future, or the tables with one thing changed. */
struct dr_world {
    struct dr_plan_future future;
    struct dr_plan_inputs *inputs;
    uint32_t relaxed_count;
    struct dr_relaxed relaxed[DR_RELAXED_MAX];
    uint32_t rows_count, columns_count, binaries_count; /* of its program */
    struct dr_future_cell own; /* its own best plan, as it was found by itself */
    double bound;              /* no plan in it costs less; -HUGE_VAL: not known */
    int bound_by_search;
    double best; /* the least that any plan of the study costs in it; HUGE_VAL: none was found */
};

/* One thing at its least or most over the futures, all else as the tables say. */
struct dr_swing {
    const char *word;       /* "demand" */
    char low[24], high[24]; /* "70 %"; "" where that is what the tables say */
    struct dr_future_cell at_low, at_high;
};

/* A candidate for the first stage. */
struct dr_stage {
    char name[DR_NAME_BYTES];
    struct dr_first_stage *first;
    uint32_t same_as;  /* an earlier one that decides the same; its own place: none does */
    double expected;   /* weighted cost; HUGE_VAL: not a plan in every future */
    double regret_max; /* over the futures; HUGE_VAL likewise */
    double regret;     /* weighted */
};

struct dr_futures_options {
    double seconds;   /* for all of it */
    double gap;       /* of the two-stage plan, and of each future's own: enough */
    uint32_t at_once; /* plans that are made at a time */
    void (*say)(void *context, double seconds, const char *text); /* as it goes on. NULL: nobody */
    void *context;
    const volatile sig_atomic_t *stop; /* not 0: end with what there is. NULL: never */
};

struct dr_futures {
    const struct dr_plan_inputs *inputs;
    uint32_t worlds_count;
    struct dr_world *worlds; /* [worlds_count], as futures.csv has them */
    uint32_t stages_count;
    struct dr_stage stages[DR_STAGES_MAX];
    struct dr_future_cell cells[DR_STAGES_MAX][DR_PLAN_FUTURES_MAX];
    uint32_t chosen;  /* the plan's first stage; stages_count: none leaves a plan in each future */
    double knowing;   /* the weighted least costs: what one could plan who knew */
    double bound;     /* no two-stage plan costs less */
    int bound_by_all; /* 1: by the program of all futures at once */
    uint32_t swings_count;
    struct dr_swing swings[DR_SWINGS_MAX]; /* the widest first */
    struct dr_future_cell as_told;         /* the plan's first stage, if the tables come true */
    double seconds;
    struct dr_futures_memory *memory; /* what the processes share */
    size_t memory_bytes;
};

/* `inputs` has futures, and is borrowed until dr_futures_deinit(). DR_E_MISSING, DR_E_IO: no
 * solver.
 */
DR_MUST_USE enum dr_status dr_futures_run(struct dr_futures *futures,
                                          const struct dr_plan_inputs *inputs,
                                          const struct dr_futures_options *options,
                                          struct dr_error *error);
/* Accepts a zeroed one. */
void dr_futures_deinit(struct dr_futures *futures);

/* The plan of a first stage in a future, where its cell has one. */
const struct dr_plan *dr_futures_plan(const struct dr_futures *futures, uint32_t stage,
                                      uint32_t world);

#endif
