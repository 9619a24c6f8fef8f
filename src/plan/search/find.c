/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/search/find.h"

enum dr_status dr_plan_find(const struct dr_program *program,
                            const struct dr_search_options *options, struct dr_plan *plan,
                            struct dr_plan_verdict *verdict, struct dr_plan_sums *sums,
                            struct dr_search_progress *progress, double *first_s,
                            enum dr_found *found, struct dr_error *error)
{
    struct dr_search search = {0};
    struct dr_solver *solver = NULL;
    enum dr_status status = dr_search_run(&search, program, options, error);

    *progress = search.progress;
    *first_s = search.first_s;
    *found = search.infeasible ? DR_FOUND_NONE : DR_FOUND_NOT_IN_TIME;
    if (status == DR_OK && search.progress.has_values) {
        /* One that an interrupt does not end: what was found is still to be rounded. */
        status = dr_solver_open(&solver, &program->model, NULL, error);
        if (status == DR_OK)
            *found = dr_plan_make(plan, program, solver, search.values, verdict, sums)
                         ? DR_FOUND_PLAN
                         : DR_FOUND_NOT_WHOLE;
        dr_solver_close(solver);
    }
    dr_search_deinit(&search);
    return status;
}
