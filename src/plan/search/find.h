/* SPDX-License-Identifier: Apache-2.0 */
/* find.h: from a program to a plan that was checked. */
#ifndef DR_PLAN_FIND_H
#define DR_PLAN_FIND_H

#include "plan/result/plan.h"
#include "plan/search/search.h"

enum dr_found {
    DR_FOUND_PLAN,
    DR_FOUND_NONE,        /* nothing keeps all rules */
    DR_FOUND_NOT_IN_TIME, /* neither a solution nor a proof that there is none */
    DR_FOUND_NOT_WHOLE,   /* a solution, and no rounding of it to whole lots that keeps all rules */
};

/* Search, round, check. `plan`, `verdict` and `sums` are filled with DR_FOUND_PLAN alone;
 * `progress`, and `first_s`, when the first solution came, always. DR_E_MISSING, DR_E_IO: no
 * solver. */
DR_MUST_USE enum dr_status dr_plan_find(const struct dr_program *program,
                                        const struct dr_search_options *options,
                                        struct dr_plan *plan, struct dr_plan_verdict *verdict,
                                        struct dr_plan_sums *sums,
                                        struct dr_search_progress *progress, double *first_s,
                                        enum dr_found *found, struct dr_error *error);

#endif
