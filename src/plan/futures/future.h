/* SPDX-License-Identifier: Apache-2.0 */
/* future.h: a scenario as it is in one of its futures, and what is decided before anybody knows
 * which.
 *
 * A future is the inputs with demand, prices, tariffs, lead times, building times and grids
 * changed; it is solved, rounded and checked as any scenario. Where it has no plan, rules of it are
 * relaxed by stated amounts (relaxed.h), which belong to the future from then on.
 *
 * What is decided in the common quarters - orders, whether one is placed at all, and phases - is
 * the first stage. It can be read from a plan and held in a program. */
#ifndef DR_PLAN_FUTURE_H
#define DR_PLAN_FUTURE_H

#include "plan/result/plan.h"
#include "plan/program/program.h"

/* The inputs in a future, for dr_plan_future_close(). Texts are the original's, which has to
 * outlive it.
 *
 * Demand and prices go in a straight line from what the tables say of the first quarter to the
 * future's percentage of them in the first quarter behind the common ones, and keep it. Tariffs are
 * the future's from the beginning. Every order takes `late_quarters` longer. Open phases take
 * `grid_late_quarters` longer to build, and a zone's grid has no more than it had so much earlier
 * (less at once, where it shrinks). What was bought or begun before the plan comes as it is said.
 */
struct dr_plan_inputs *dr_plan_in_future(const struct dr_plan_inputs *inputs,
                                         const struct dr_plan_future *future);
void dr_plan_future_close(struct dr_plan_inputs *inputs);

/* The future that the tables themselves tell. */
struct dr_plan_future dr_plan_as_told(void);

/* What is decided in the common quarters. */
struct dr_first_stage {
    uint32_t quarters;
    /* [site][chip][quarter] */
    int64_t buy[DR_PLAN_SITES_MAX][DR_PLAN_CHIPS_MAX][DR_PLAN_QUARTERS_MAX];
    int32_t phase[DR_PLAN_SITES_MAX][DR_PLAN_PHASES_MAX]; /* DR_PLAN_NEVER: not in these quarters */
};

void dr_first_stage_of(struct dr_first_stage *stage, const struct dr_plan_inputs *inputs,
                       const struct dr_plan *plan);
int dr_first_stage_same(const struct dr_first_stage *a, const struct dr_first_stage *b);

/* The column's place in the first stage: is it decided in the common quarters? */
int dr_first_stage_has(const struct dr_program *program, uint32_t column);

/* Hold the first stage in a program, by its columns' bounds.
 *
 * 1. 0: it orders what the program has no column for, so that it leaves no plan. */
int dr_first_stage_hold(struct dr_program *program, const struct dr_first_stage *stage);

/* The same, but for what it leaves undone: there may be more orders, and phases begun earlier. */
int dr_first_stage_at_least(struct dr_program *program, const struct dr_first_stage *stage);

#endif
