/* SPDX-License-Identifier: Apache-2.0 */
/* instead.h: why this site, and not that one.
 *
 * By solving again without the phases that a plan begins at a site, everything else that it begins
 * and orders at all being held; and with another site's phases in their place, begun when that is
 * cheapest. What either costs more than the plan is said by kind of cost. */
#ifndef DR_PLAN_INSTEAD_H
#define DR_PLAN_INSTEAD_H

#include "plan/result/plan.h"
#include "plan/program/program.h"
#include "plan/search/solver.h"

/* kind of cost, words, the columns that it is the cost of */
#define DR_INSTEAD_PARTS(X)                                                 \
    X(ORDERS, "orders, less what they are worth at the end", BUY, BUY)      \
    X(BUILDING, "building, less what it is worth at the end", PHASE, PHASE) \
    X(ENERGY, "energy and highest draws", DRAW, PEAK)                       \
    X(UPKEEP, "upkeep", ON, ON)                                             \
    X(UNSERVED, "work that is not done", UNSERVED, UNSERVED)                \
    X(SWINGS, "swings of spending", RISE, FALL)

enum dr_instead_part {
#define DR_INSTEAD_ENUM(name, words, a, b) DR_INSTEAD_##name,
    DR_INSTEAD_PARTS(DR_INSTEAD_ENUM)
#undef DR_INSTEAD_ENUM
        DR_INSTEAD_PARTS_COUNT
};

extern const char *const DR_INSTEAD_WORDS[DR_INSTEAD_PARTS_COUNT];

/* How another course differs from the plan. */
struct dr_instead {
    int possible;  /* 1; 0: it keeps not all rules; -1: nothing was found in time */
    double dearer; /* all in all, in the currency; below 0: it is cheaper */
    double parts[DR_INSTEAD_PARTS_COUNT]; /* of that */
    /* The quarter in which each phase of the other site is begun that the plan does not begin;
     * DR_PLAN_NEVER. */
    int32_t phase[DR_PLAN_PHASES_MAX];
};

/* Does the plan begin a phase at a site (1)? And has it one that could be begun (2)? Or both (3).
 */
int dr_instead_phases(const struct dr_plan_inputs *inputs, const struct dr_plan *plan,
                      uint32_t site);

/* Without what the plan begins at `site` (DR_NO_COLUMN: all of that stays), and with at least one
 * phase more at `other` (DR_NO_COLUMN: none); at most `seconds`. 0: the plan itself could not be
 * solved again. */
int dr_explain_instead(const struct dr_program *program, struct dr_solver *solver,
                       const struct dr_plan *plan, uint32_t site, uint32_t other, double seconds,
                       struct dr_instead *instead);

#endif
