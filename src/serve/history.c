/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/internal.h"

struct dr_store_history history_row(const struct dr_controller *c, const struct dr_job *job)
{
    const struct dr_shape *shape = &c->core->shapes[job->shape];
    struct dr_amounts amounts =
        dr_alternative_amounts(&shape->alternatives[dr_job_run(c->core, job)->alternative]);

    return (struct dr_store_history){
        .job = job->id.v,
        .text = job->text,
        .submit_seq = job->submit_seq,
        .end_seq = job->last_seq,
        .user = dr_job_terms(c->core, job)->user.v,
        .account = job->account.v,
        .state = job->state,
        .exit_code = dr_job_run(c->core, job)->exit_code,
        .signal = dr_job_run(c->core, job)->signal,
        .attempts = dr_job_run(c->core, job)->attempt,
        .array_job = dr_job_terms(c->core, job)->array_job,
        .array_index = job->array_index,
        .submit_time_us = job->submit_us,
        .start_time_us = dr_job_run(c->core, job)->start_us,
        .end_time_us = dr_job_run(c->core, job)->ended_us,
        .run_time_us = dr_job_run(c->core, job)->run_us,
        .accelerators = amounts.of[DR_RESOURCE_ACCELERATORS],
        .site = effects_site(c, job).v,
    };
}
