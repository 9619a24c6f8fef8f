/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attained.h"

#include "base/math.h"
#include "core/victims.h"

uint32_t dr_attained_band(const struct dr_core *core, const struct dr_job *job, int64_t now_us)
{
    const struct dr_run *run = dr_job_run(core, job);
    struct dr_amounts amounts =
        dr_alternative_amounts(&core->shapes[job->shape].alternatives[run->alternative]);
    int64_t ran_us = run->run_us;
    int64_t hours;

    if (job->state != DR_JOB_PENDING && run->start_us != 0)
        ran_us += dr_max_i64(0, now_us - run->start_us);
    hours = dr_mul_div_floor(ran_us / DR_SECOND_US, dr_victims_units_of(&amounts), 3600 * 1000);
    return dr_bit_log((uint32_t)dr_min_i64(hours, UINT32_MAX));
}

uint32_t dr_attained_rank(const struct dr_core *core, const struct dr_job *job)
{
    return core->settings.ordering == DR_ORDERING_LAS ? dr_attained_band(core, job, 0) : 0;
}
