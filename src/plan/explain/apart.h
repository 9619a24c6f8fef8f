/* SPDX-License-Identifier: Apache-2.0 */
/* apart.h: one plan that is away from others and costs little more than the best; a try of
 * alternatives.c, for large programs.
 *
 * A row that caps the cost makes a program of which each solve takes a minute. So the cost stays
 * the objective, and being where the others are is a price on top: as high a price as leaves the
 * cost below the cap, found by halving. Only costs change, so each solve begins at the basis of the
 * last, and takes a second. First with all free, at a part of what may be spent more; then a dive;
 * then, with what it begins and orders held, at all that may be spent. */
#ifndef DR_PLAN_APART_H
#define DR_PLAN_APART_H

#include <signal.h>

#include "plan/result/plan.h"
#include "plan/search/condense.h"

#define DR_APART_BASIS 1 /* the solver's: of the linear program without a price */

enum dr_apart_found {
    DR_APART_PLAN,
    DR_APART_TOO_DEAR,  /* what was found can't be had below the cap */
    DR_APART_NOT_WHOLE, /* it can, and not in whole lots */
    DR_APART_NONE,      /* nothing was found: the clock, or the solver */
};

struct dr_apart {
    const struct dr_condensed *condensed;
    struct dr_solver *solver; /* of the condensed program */
    const double *away;       /* [columns of the condensed program] of being where others are */
    double best;              /* the plan's cost, in the program's units */
    double cap;               /* what it may cost at most */
    int64_t end_us;           /* dr_monotonic_us() */
    const volatile sig_atomic_t *stop;
    /* Out. */
    struct dr_plan *plan; /* filled with DR_APART_PLAN alone, as are the two below */
    struct dr_plan_verdict *verdict;
    struct dr_plan_sums *sums;
    int cut; /* the clock cut it */
};

enum dr_apart_found dr_apart_find(struct dr_apart *apart);

#endif
