/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/search/find.h"

#include "plan/search/condense.h"

/* By linear programs of half the columns, where the program is large. */
static enum dr_status round_to_lots(const struct dr_program *program, const double *values,
                                    struct dr_plan *plan, struct dr_plan_verdict *verdict,
                                    struct dr_plan_sums *sums, int *made, struct dr_error *error)
{
    struct dr_condensed condensed;
    struct dr_solver *solver = NULL;
    enum dr_status status;

    dr_condensed_init(&condensed, program);
    /* One that an interrupt does not end: what was found is still to be rounded. */
    status = dr_solver_open(&solver, program->whole_lots ? &program->model : &condensed.model, NULL,
                            error);
    if (status == DR_OK)
        *made = program->whole_lots
                    ? dr_plan_make(plan, program, solver, values, verdict, sums)
                    : dr_plan_make_condensed(plan, &condensed, solver, values, verdict, sums);
    dr_solver_close(solver);
    dr_condensed_deinit(&condensed);
    return status;
}

enum dr_status dr_plan_find(const struct dr_program *program,
                            const struct dr_search_options *options, struct dr_plan *plan,
                            struct dr_plan_verdict *verdict, struct dr_plan_sums *sums,
                            struct dr_search_progress *progress, double *first_s,
                            enum dr_found *found, struct dr_error *error)
{
    struct dr_search search = {0};
    int made = 0;
    enum dr_status status = dr_search_run(&search, program, options, error);

    *progress = search.progress;
    *first_s = search.first_s;
    *found = search.infeasible ? DR_FOUND_NONE : DR_FOUND_NOT_IN_TIME;
    if (status == DR_OK && search.progress.has_values) {
        status = round_to_lots(program, search.values, plan, verdict, sums, &made, error);
        if (status == DR_OK)
            *found = made ? DR_FOUND_PLAN : DR_FOUND_NOT_WHOLE;
    }
    dr_search_deinit(&search);
    return status;
}
