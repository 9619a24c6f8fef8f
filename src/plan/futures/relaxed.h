/* SPDX-License-Identifier: Apache-2.0 */
/* relaxed.h: rules that a future can't keep, set where it can.
 *
 * A future may leave no plan at all: a target that late deliveries don't reach. Then the rules that
 * the scenario's own order allows to give (plan.yaml, `relax`) give by as little as the linear
 * program needs and a margin for whole lots and phases; that, and nothing else, is the future's
 * rule from then on, for every plan that is held against others in it. Each is named by a row of
 * the program and has a value in the unit of the inputs:
 *
 *   STARTS(t)                        phases begun in a quarter, in all quarters
 *   TARGET(g), TARGET_COMPUTE(g)     accelerators; millionths of compute
 *   LEAST(k,t)                       units of the least that need not be done
 *   BUDGET(y)                        money
 *   SUPPLY(c,t)                      accelerators
 *   GRID(z,t), POWER(s,t)            watts; POWER: what the site has at the beginning
 *   LOST_GRID(z,z,t)                 watts: those of the second zone's GRID
 *   LOST_LEAST(z,k,t)                millionths of the sector's demand, in all zones and quarters
 *   DOMESTIC(i,y)                    millionths, in all years of the rule
 *   SITE_SHARE(s,t), ZONE_SHARE(z,t), VENDOR(c,y)   the quarter from which all three hold */
#ifndef DR_PLAN_RELAXED_H
#define DR_PLAN_RELAXED_H

#include "plan/futures/future.h"

#define DR_RELAXED_MAX 64

struct dr_relaxed {
    struct dr_model_name row;
    int64_t value; /* what the rule asks for, relaxed */
    int64_t before;
};

/* What has to give so that the inputs have a plan (one that keeps to a first stage, where that is
 * not NULL), with a margin of `margin` (0.01: one hundredth)
 * of each rule's side; the one of a place that gives most. How many; 0: nothing that may be relaxed
 * mends it. */
uint32_t dr_relaxed_find(const struct dr_plan_inputs *inputs, const struct dr_first_stage *first,
                         double margin, struct dr_relaxed relaxed[DR_RELAXED_MAX]);

/* 0: it is no rule that may be relaxed. */
int dr_relaxed_apply(struct dr_plan_inputs *inputs, const struct dr_relaxed *relaxed);

/* "accelerators by the target's quarter: 2030-Q4: 962000 (was 1000000)". `program` is of the
 * inputs or of any future of them. */
const char *dr_relaxed_words(const struct dr_program *program, const struct dr_relaxed *relaxed,
                             char text[400]);

#endif
