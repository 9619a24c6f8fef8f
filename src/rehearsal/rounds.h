/* SPDX-License-Identifier: Apache-2.0 */
/* rounds.h: a plan is rehearsed, planned anew with what was seen, rehearsed again, until that
 * changes nothing more. Read dr_rehearse() first. */
#ifndef DR_REHEARSAL_ROUNDS_H
#define DR_REHEARSAL_ROUNDS_H

#include "plan/search/find.h"
#include "rehearsal/factors.h"

#define DR_ROUNDS_MAX 20

struct dr_rehearsal_options {
    uint32_t quarters_count;
    uint32_t quarters[DR_PLAN_QUARTERS_MAX]; /* which, in their order */
    struct dr_quarter_options each;          /* but for `quarter`, `all` and `directory` */
    const char *directory; /* a folder for each quarter of the plan that is given; NULL: nowhere */
    uint32_t rounds_max;   /* 1: the plan that is given, nothing else */
    double tolerance;      /* a factor that changes by less, as a part of it, has settled */
    double wait_goal_s;    /* a mean wait up to this is good enough */
    uint32_t parallel;
    struct dr_search_options search; /* of each plan anew */
    /* Before each round and while it runs; NULL: nobody. */
    void (*progress)(void *context, uint32_t round, uint32_t ended, uint32_t of);
    void *context;
};

struct dr_round {
    struct dr_factors factors; /* that its plan was made with */
    struct dr_factors next;    /* ... that its rehearsal asks for */
    double cost, bound; /* in the currency, discounted; bound: no plan under these costs less */
    int cut;            /* the clock cut the search for its plan: another run may differ */
    struct dr_quarter quarters[DR_PLAN_QUARTERS_MAX]; /* [options.quarters_count] */
};

enum dr_rehearsal_end {
    DR_REHEARSAL_SETTLED,
    DR_REHEARSAL_ROUNDS,  /* all rounds were gone */
    DR_REHEARSAL_NO_PLAN, /* none was found that keeps all rules under the factors asked for */
    DR_REHEARSAL_STOPPED, /* by options.search.stop */
};

struct dr_rehearsal {
    uint32_t rounds_count; /* that are complete; at least 1 with DR_OK, unless stopped */
    struct dr_round rounds[DR_ROUNDS_MAX];
    enum dr_rehearsal_end end;
    enum dr_found found; /* with NO_PLAN: why */
    /* The plan that is given, with all that is asked for instead of what it promises. */
    struct dr_quarter all[DR_PLAN_QUARTERS_MAX];
    /* Of the last round. */
    struct dr_plan plan;
    struct dr_plan_sums sums;
    uint64_t checks_count;
    struct dr_search_progress progress; /* of the search for it; where there was one */
    double first_s;
    uint32_t rows_count, columns_count, binaries_count; /* of its program */
};

/* `inputs` and `plan`, which keeps all rules, are borrowed. `bound` is the certificate's.
 * DR_E_IO, DR_E_MISSING, DR_E_FULL, DR_E_INPUT: `error` says why. */
DR_MUST_USE enum dr_status dr_rehearse(struct dr_rehearsal *rehearsal,
                                       const struct dr_plan_inputs *inputs,
                                       const struct dr_plan *plan, double bound,
                                       const struct dr_rehearsal_options *options,
                                       struct dr_error *error);

#endif
