/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/slurm_likely.h"

#include "base/math.h"

#define MILLION 1000000

void dr_slurm_runs_add(struct dr_slurm_runs *runs, int64_t run_us)
{
    runs->run_us[runs->next] = dr_max_i64(run_us, 0);
    runs->next = (runs->next + 1) % DR_SLURM_RUNS_MAX;
    runs->count = dr_min_u32(runs->count + 1, DR_SLURM_RUNS_MAX);
}

uint32_t dr_slurm_likely(const struct dr_slurm_runs *runs, int64_t heard_us, int64_t now_us)
{
    uint32_t longer = 0, over = 0;
    double unknown;

    heard_us = dr_max_i64(heard_us, 0);
    if (now_us <= heard_us)
        return 0;
    for (uint32_t i = 0; i < runs->count; i += 1) {
        longer += runs->run_us[i] > heard_us;
        over += runs->run_us[i] > heard_us && runs->run_us[i] <= now_us;
    }
    unknown = (double)(now_us - heard_us) / (double)now_us;
    return (uint32_t)(MILLION * (over + unknown) / (longer + 1));
}
