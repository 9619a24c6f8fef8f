/* SPDX-License-Identifier: Apache-2.0 */
/* alone.h: a small program of one future by itself, at prices that make all futures agree.
 *
 * What the futures cost least at these prices (dr_joint_prices()), each in whole lots, is in sum a
 * bound of the two-stage plan. It is closer where a future may not decide what another could not
 * pay, power or reach its targets with: so the rows of the other futures that say so are in each
 * program too, with what these decide later in fractions. Futures that differ by demand and tariffs
 * alone have the same such rows. (The university's six futures: 8.92 M by the joint linear program,
 * 9.44 by each future's own plan, 9.58 at prices, 9.66 within the others' budgets.) */
#ifndef DR_PLAN_ALONE_H
#define DR_PLAN_ALONE_H

#include "plan/futures/futures.h"
#include "plan/futures/joint.h"

/* One future's program: its own columns first, in their order. In the joint program's money. For
 * dr_model_deinit(). */
void dr_alone_model(struct dr_model *model, const struct dr_joint *joint,
                    const struct dr_world *worlds, uint32_t future, const double *duals,
                    const double *reduced);

#endif
