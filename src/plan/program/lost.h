/* SPDX-License-Identifier: Apache-2.0 */
/* lost.h: critical work with any one zone of the grid lost (N-1).
 *
 * From inputs->lost_quarter on, whichever zone is lost with all its sites, `lost_micro` of each
 * critical sector's demand can be done at the sites that are left, on what is on there, whoever has
 * it otherwise, where law and grade allow it and their own zone's grid gives the power. Energy and
 * money of such a quarter are not counted: it is to be possible, not cheap.
 *
 * Sites at which the same critical work may be done are one class in the program, since what counts
 * is how many accelerators of a chip they have together; a site is a class of its own where its
 * zone's grid gives less than its sites could draw. A class is known by its first site outside the
 * lost zone. check.c knows nothing of this: it judges the plan's own division (struct
 * dr_plan_lost), site by site. */
#ifndef DR_PLAN_LOST_H
#define DR_PLAN_LOST_H

#include "plan/result/plan.h"
#include "plan/program/program.h"

/* A critical sector whose work may be done in this zone alone: it can't outlive the zone, and
 * nothing is asked of it while the zone is lost. */
int dr_lost_exempt(const struct dr_plan_inputs *inputs, uint32_t zone, uint32_t sector);
/* Has the plan to allow for the zone's loss: may critical work be done there that has other places?
 */
int dr_lost_matters(const struct dr_plan_inputs *inputs, uint32_t zone);

/* The rule's columns and rows; none where there is no such rule. */
void dr_lost_add(struct dr_program *program);

/* Lower bounds [columns] by which somewhat more can be done than has to be: what rounding to
 * thousandths takes, and the work of `spare` accelerators, at most a twentieth more; below 0: no
 * more than has to be. */
void dr_lost_ask(const struct dr_program *program, double *lower, double spare);

/* plan->lost, from a solution's values [columns] and what is on in the plan. */
void dr_lost_divide(struct dr_plan *plan, const struct dr_program *program, const double *values);

#endif
