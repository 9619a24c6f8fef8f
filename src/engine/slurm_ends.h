/* SPDX-License-Identifier: Apache-2.0 */
/* slurm_ends.h: what Slurm says of a job, in Daero's words. A pure table; the cases were seen with
 * Slurm 22.05, and README.md lists them. */
#ifndef DR_ENGINE_SLURM_ENDS_H
#define DR_ENGINE_SLURM_ENDS_H

#include "engine/engine.h"

/* Where a job stands at its site. */
enum dr_slurm_phase {
    DR_SLURM_WAITS,   /* it has not begun; Slurm may say why not */
    DR_SLURM_RUNS,    /* it holds its nodes, also while it is suspended, or its last processes go */
    DR_SLURM_OVER,    /* nothing of it is left */
    DR_SLURM_UNKNOWN, /* a word that this table does not have: wait for another */
};

enum dr_slurm_phase dr_slurm_phase(const char *job_state);

/* Of a job that is over. */
struct dr_slurm_end {
    const char *state;      /* job_state */
    const char *reason;     /* state_reason; "" */
    int64_t status;         /* exit_code: what wait() gives, or one of Slurm's error numbers */
    int64_t derived_status; /* derived_exit_code: the worst of its steps */
    uint32_t told;          /* 1: the controller told it to leave */
    uint32_t limit;         /* 1: ended here at its time limit */
    uint32_t restarts;      /* how often Slurm ran it again by itself */
};

/* Fills outcome, exit_code, signal and text of a report. */
void dr_slurm_tell_end(const struct dr_slurm_end *end, struct dr_report *report);

#endif
