/* SPDX-License-Identifier: Apache-2.0 */
/* plan_world.h: small planning worlds from a seed, made in memory, for tests of the planner. */
#ifndef DR_TESTS_PLAN_WORLD_H
#define DR_TESTS_PLAN_WORLD_H

#include "plan/search/find.h"

/* From here on dice are thrown from this seed; plan_world() does so itself. */
void plan_dice(uint64_t seed);
/* 0 to below - 1, from the last seed. */
uint32_t plan_roll(uint32_t below);

/* One sector; one chip at one or two sites whose power may be short, or two chips at one site with
 * power enough; three quarters; orders of at most two lots. Small enough to try every plan. The
 * caller frees it. */
struct dr_plan_inputs *plan_world(uint64_t seed);

/* The same with one chip and two sites in a zone each, and a part of the work that can be done with
 * any of the two lost. */
struct dr_plan_inputs *plan_world_lost(uint64_t seed);

/* Three sites in two zones, three chips of two vendors, two sectors, two years; every kind of rule
 * is there, and most of them bind. One of the sectors may be served in one zone alone. */
struct dr_plan_inputs *plan_campus(void);

/* The best plan that the search finds, at most by `gap` from the best there is: 1, and `plan`,
 * `sums` and `bound` (in the currency) are filled. 0: there is none. A plan that breaks a rule
 * fails the test. */
int plan_solve(const struct dr_plan_inputs *inputs, double gap, struct dr_plan *plan,
               struct dr_plan_sums *sums, double *bound);

/* The largest plan structs live here, since a stack would be small for them. */
struct dr_plan *plan_new(void);

#endif
