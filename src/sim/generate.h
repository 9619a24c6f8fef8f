/* SPDX-License-Identifier: Apache-2.0 */
/* generate.h: workloads that are made up, with the mix of a nation; docs/simulator.md says from
 * which distributions.
 *
 * Row by row, so that a trace of any length takes no more memory than a short one. The same
 * federation, options and seed give the same bytes on every machine (sim/chance.h). */
#ifndef DR_SIM_GENERATE_H
#define DR_SIM_GENERATE_H

#include <stdio.h>

#include "federation/federation.h"

struct dr_generate {
    uint64_t jobs;
    uint64_t seed;
    uint32_t load_milli; /* accelerator-time asked for over what there is, as a mean: 1000 is all */
    uint32_t gang_max;   /* accelerators; 0: half of the largest pool, 4096 at most */
    uint32_t growth_milli; /* of arrivals in a year: 1000 doubles them */
    uint32_t flexible_milli;
    uint32_t alternatives_milli;
    uint32_t elastic_milli; /* of trainings */
    /* what came of it */
    int64_t span_us; /* from the first submit to the last */
};

/* Write a trace. DR_E_INPUT: the federation has nothing that a job could run on, or nobody who
 * could submit it; DR_E_IO, DR_E_FULL. `error` says why. */
DR_MUST_USE enum dr_status dr_generate(struct dr_generate *generate,
                                       struct dr_federation *federation, FILE *trace,
                                       struct dr_error *error);

#endif
