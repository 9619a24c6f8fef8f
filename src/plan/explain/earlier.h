/* SPDX-License-Identifier: Apache-2.0 */
/* earlier.h: what one month earlier is worth, for each phase of a site and each chip that a plan
 * orders.
 *
 * By solving again: what is begun and ordered stays where the plan has it and is paid when the plan
 * pays it, but the phase is there a quarter earlier, or what was ordered of the chip arrives a
 * quarter earlier (and stays as long as it would); what is switched on and who gets it is divided
 * anew. A third of what that saves is a month's. It is what being early is worth to this plan, not
 * what another plan would make of a shorter lead time. */
#ifndef DR_PLAN_EARLIER_H
#define DR_PLAN_EARLIER_H

#include "plan/result/plan.h"

struct dr_month {
    uint32_t site, phase; /* DR_NO_COLUMN: it is about a chip */
    uint32_t chip;        /* DR_NO_COLUMN: about a phase */
    uint32_t quarter;     /* in which it is there, or the first arrives, as things are */
    double worth;         /* of a month, in the currency; 0: nothing waits for it */
};

#define DR_MONTHS_MAX (DR_PLAN_SITES_MAX * DR_PLAN_PHASES_MAX + DR_PLAN_CHIPS_MAX)

/* Those that could be a quarter earlier within the plan, the dearest month first; how many into
 * `*count`, at most DR_MONTHS_MAX; none where the linear program could not be solved. DR_E_MISSING,
 * DR_E_IO: no solver. */
DR_MUST_USE enum dr_status dr_explain_months(const struct dr_plan_inputs *inputs,
                                             const struct dr_plan *plan,
                                             struct dr_month months[DR_MONTHS_MAX], uint32_t *count,
                                             struct dr_error *error);

#endif
