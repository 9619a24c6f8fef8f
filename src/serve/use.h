/* SPDX-License-Identifier: Apache-2.0 */
/* use.h: what the attempts that run have used up to now; accounts have sums of those that ended. */
#ifndef DR_SERVE_USE_H
#define DR_SERVE_USE_H

#include "core/state.h"

struct use {
    int64_t accelerator_ms; /* whole accelerators times milliseconds */
    int64_t cpu_ms;
    int64_t energy_j;
    int64_t cost_micro;
    uint32_t running;
};

/* Add to `sums` [accounts_count], by account row. */
void use_running(const struct dr_core *core, int64_t now_us, struct use *sums);

#endif
