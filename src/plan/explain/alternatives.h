/* SPDX-License-Identifier: Apache-2.0 */
/* alternatives.h: plans that cost little more than the best that was found, and differ from it.
 *
 * Modelling to generate alternatives (Brill, Chang and Hopkins, Management Science 28, 1982): use
 * less of what the plans so far use, their chips at their sites, their sites, their chips, their
 * halls, while the cost keeps a cap. In a small program the cost is a row with a cap and the
 * directions come in turn; in a large one a round tries all of them, each in a process of its own
 * (apart.h), away from the plans of the rounds before. What comes out is rounded and checked like
 * any plan, and counts when it costs no more than the cap in whole lots.
 * Of those the ones that differ most are shown: first the one that is furthest from the plan, then
 * each time the one whose nearest neighbour among those shown is furthest. Nothing says that none
 * differs more.
 *
 * How far two plans differ: of accelerator-quarters that a plan's orders are there, by site and
 * chip, the sum of all differences over the sum of both plans'; of megawatt-quarters that begun
 * halls are there, by phase, the same; the mean of the two. 0: the same; 1: nothing in common. */
#ifndef DR_PLAN_ALTERNATIVES_H
#define DR_PLAN_ALTERNATIVES_H

#include "plan/search/find.h"

#define DR_PLAN_ALTERNATIVES_MAX 10

struct dr_difference {
    double fleet, halls;
    double all;
};

struct dr_difference dr_plan_difference(const struct dr_plan_inputs *inputs,
                                        const struct dr_plan *a, const struct dr_plan *b);

/* Accelerators of a plan's orders that are there in the last quarter. */
int64_t dr_plan_there_at_end(const struct dr_plan_inputs *inputs, const struct dr_plan *plan,
                             uint32_t site, uint32_t chip);

struct dr_plan_alternative {
    struct dr_plan *plan;
    struct dr_plan_sums sums;
    uint64_t checks_count;
    struct dr_difference from_plan;
    double nearest; /* least difference from the plan and all that are shown before it */
};

struct dr_alternatives_options {
    uint32_t count; /* 1 to DR_PLAN_ALTERNATIVES_MAX */
    double within;  /* 0.02: at most two hundredths more than the plan */
    double seconds; /* for all of it */
    double gap;     /* of the plan: enough */
    void (*say)(void *context, double seconds, const char *text); /* NULL: nobody */
    void *context;
    const volatile sig_atomic_t *stop; /* NULL: never */
};

struct dr_alternatives {
    enum dr_found found; /* of the plan itself; the rest is filled with DR_FOUND_PLAN alone */
    struct dr_plan *plan;
    struct dr_plan_sums sums;
    uint64_t checks_count;
    double bound; /* no plan costs less */
    int bound_by_search;
    uint32_t rows_count, columns_count, binaries_count;
    uint32_t count;
    struct dr_plan_alternative
        items[DR_PLAN_ALTERNATIVES_MAX];            /* in the order in which they were chosen */
    uint32_t tried, too_dear, not_whole, too_alike; /* what the search did */
    int cut; /* the clock ended it: another run may show others */
    double seconds;
};

/* `inputs` is borrowed for the call. DR_E_MISSING, DR_E_IO: no solver. */
DR_MUST_USE enum dr_status dr_alternatives_run(struct dr_alternatives *alternatives,
                                               const struct dr_plan_inputs *inputs,
                                               const struct dr_alternatives_options *options,
                                               struct dr_error *error);
/* Accepts a zeroed one. */
void dr_alternatives_deinit(struct dr_alternatives *alternatives);

#endif
