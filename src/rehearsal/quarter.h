/* SPDX-License-Identifier: Apache-2.0 */
/* quarter.h: one quarter of a plan through the real core. */
#ifndef DR_REHEARSAL_QUARTER_H
#define DR_REHEARSAL_QUARTER_H

#include "rehearsal/measure.h"

struct dr_quarter_options {
    uint32_t quarter;
    uint32_t scale;
    int all;            /* offer whatever is asked for, not what the plan says gets done */
    int64_t warmup_us;  /* counts in no measure */
    int64_t window_us;  /* what is measured, behind it */
    int64_t longest_us; /* no job runs longer */
    uint32_t portable_milli;
    uint64_t seed;
    const char *directory; /* where federation.yaml and jobs.csv are written; NULL: nowhere */
};

struct dr_quarter {
    uint32_t quarter;
    uint32_t jobs;
    uint32_t refused;     /* of them, by admission */
    int64_t accelerators; /* scaled */
    uint64_t state_hash;
    /* What `daero sim run` is given for the same run, beside the files. */
    int64_t sim_warmup_us, sim_horizon_us;
    double cpu_s; /* of the run; differs from time to time */
    struct dr_measured sectors[DR_PLAN_SECTORS_MAX];
};

/* A plan that keeps its rules; `sums` are dr_plan_check()'s. `error` says what is wrong. */
DR_MUST_USE enum dr_status dr_quarter_run(struct dr_quarter *result,
                                          const struct dr_plan_inputs *inputs,
                                          const struct dr_plan *plan,
                                          const struct dr_plan_sums *sums,
                                          const struct dr_quarter_options *options,
                                          struct dr_error *error);

#endif
