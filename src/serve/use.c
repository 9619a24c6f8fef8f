/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/use.h"

void use_running(const struct dr_core *core, int64_t now_us, struct use *sums)
{
    for (uint32_t row = core->running.first; row != DR_ROW_NONE;
         row = dr_job_list_next(core, row)) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);
        const struct dr_shape *shape = &core->shapes[job->shape];
        struct dr_amounts amounts = dr_alternative_amounts(&shape->alternatives[run->alternative]);
        struct use *sum = &sums[job->account.v - 1];
        int64_t from_us = run->start_us != 0 ? run->start_us : now_us;
        int64_t run_ms = from_us < now_us ? (now_us - from_us) / 1000 : 0;
        struct dr_energy energy = dr_job_energy(core, job, from_us, from_us + run_ms * 1000);

        sum->running += 1;
        sum->accelerator_ms += amounts.of[DR_RESOURCE_ACCELERATORS] * run_ms / 1000;
        sum->cpu_ms += amounts.of[DR_RESOURCE_CPUS] * run_ms / 1000;
        sum->energy_j += energy.energy_j;
        sum->cost_micro += energy.cost_micro;
    }
}
