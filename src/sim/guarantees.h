/* SPDX-License-Identifier: Apache-2.0 */
/* guarantees.h: how long who asks within a guarantee waits.
 *
 * A job asks within a guarantee if, as it is submitted, some account on its path below the root has
 * a guarantee in the job's group of accelerators that covers all that the account's subtree holds
 * there and all that its waiting jobs ask for there, this one included. What the account asks for
 * is then its own (docs/policy.md, section 3: it is promised it, and takes it back from who
 * borrows), and the time until the job starts is the guarantee's delay. Jobs that may not start
 * yet, for a dependency or a begin time, are not asked about, but count in what is asked for. */
#ifndef DR_SIM_GUARANTEES_H
#define DR_SIM_GUARANTEES_H

#include "core/state.h"

/* Of a job, kept by the loop while the job lives. */
struct dr_asked {
    uint16_t group; /* row + 1 of its first feasible group of accelerators; 0: none */
    uint8_t within; /* it asked within a guarantee */
};

struct dr_guarantees {
    const struct dr_core *core;
    uint32_t groups;
    int64_t *asked; /* [accounts][groups] by jobs that wait, of the subtree; thousandths */
    int64_t *delays_us;
    uint64_t count;
    uint64_t count_max;
};

void dr_guarantees_init(struct dr_guarantees *guarantees, const struct dr_core *core);
void dr_guarantees_deinit(struct dr_guarantees *guarantees);

/* Thousandths of accelerators that a waiting job asks for: its first way's. */
int64_t dr_asked_milli(const struct dr_core *core, const struct dr_job *job);

/* A job has been submitted and waits: what it asks for is counted, and judged. */
struct dr_asked dr_guarantees_submitted(struct dr_guarantees *guarantees, int64_t now_us,
                                        uint32_t job_row);
/* It waits again (sign 1), or does no more (-1). */
void dr_guarantees_waits(struct dr_guarantees *guarantees, uint32_t job_row, struct dr_asked asked,
                         int sign);
/* A job that asked within a guarantee has started for the first time, or the run has ended. */
void dr_guarantees_delay(struct dr_guarantees *guarantees, int64_t delay_us);

#endif
