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
    uint32_t placed;        /* 1: Slurm had given it nodes */
    uint32_t withdrawn;     /* 1: ended here before it could begin: its node takes nothing new */
    uint32_t requeues;      /* 1: Slurm would run it again by itself */
    int64_t ran_s;          /* from its start to its end, as Slurm has them */
    int64_t launch_s;       /* for so long the site's slurmd may be at a launch */
};

/* Did a node give its launch up? slurmd then asks slurmctld for a requeue, which JobRequeue=0
 * forbids, and cancels the job: what is left reads, field by field, like a job that an operator
 * cancelled and that left with 0. So one that was placed and cancelled, by nobody here, with status
 * 0, and as early as a launch can be given up, is taken for that. An operator's cancel of a job
 * that catches SIGTERM and leaves with 0 that early is so told wrongly, and run again: the other
 * way round, jobs that nobody cancelled would be lost. Of a job that Slurm may requeue it does not:
 * what is given up is requeued then, so a cancel is an operator's. */
int dr_slurm_launch_given_up(const struct dr_slurm_end *end);

/* Fills outcome, exit_code, signal and text of a report. */
void dr_slurm_tell_end(const struct dr_slurm_end *end, struct dr_report *report);

#endif
