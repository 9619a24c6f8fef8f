/* SPDX-License-Identifier: Apache-2.0 */
/* gate.h: when quotas and power are believed to let a job start in a pool, by the ends of attempts
 * anywhere. For core/backfill.c.
 *
 * Quotas and draws only fall by ends, so that there is one instant from which on they allow it. It
 * is found in sums (core/ends.h). At the root a *keeper*, an account that holds back some of its
 * guarantee also while it is idle, gives back no more than it has above that; its attempts are kept
 * in order for it, until one of them changes. */
#ifndef DR_CORE_GATE_H
#define DR_CORE_GATE_H

#include "core/decide.h"

/* An attempt of a keeper, in one group. */
struct dr_keeper_end {
    int64_t end_us;
    int64_t sum; /* that its keeper's attempts give back of claim until then */
    uint32_t row;
};

struct dr_keeper {
    uint32_t account_row;
    uint32_t first; /* of its ends */
    uint32_t count;
    uint32_t room;    /* from `first` on, that nobody else has */
    uint8_t is_stale; /* its ends have changed since */
};

/* The keepers of one group, by account. */
struct dr_gate_group {
    uint32_t first; /* keeper */
    uint32_t count;
    uint8_t is_known;
    uint8_t nested;    /* one is above others: sums don't tell */
    uint8_t any_stale; /* among them */
};

struct dr_gate {
    struct dr_gate_group *groups; /* [groups_max] */
    struct dr_keeper *keepers;    /* [accounts_max * groups_max] */
    uint32_t keepers_count;
    struct dr_keeper_end *ends; /* [ends_max] the room of keepers, one after another */
    uint32_t ends_count;
    uint32_t ends_max; /* an attempt is in one group of each resource */
};

DR_MUST_USE enum dr_status dr_gate_open(struct dr_core *core);

/* Accounts, or their limits, have changed. */
void dr_gate_changed(struct dr_core *core);

/* An attempt of the account in the group ends at another time, or gives back something else. */
void dr_gate_ends_changed(struct dr_core *core, uint32_t account_row, dr_group_id group);

#define DR_GATE_CANT_TELL (-1) /* ends have to be gone through one by one */

/* What quotas say of one way to run a job in one group, so that they are asked once for all pools
 * of it: while sums stay as they are and instants that matter only come earlier. */
struct dr_gate_answer {
    int64_t when_us;
    int64_t from_us; /* that was looked from */
    uint8_t is_known;
    uint8_t is_shut;
};

/* The instants that are of use to a job: what lies before `from_us` (now at the earliest) is of
 * none, nor what is not before `before_us` (DR_FOREVER_US: all is). */
struct dr_gate_span {
    int64_t from_us;
    int64_t before_us;
};

/* That instant, from_us at the earliest; before_us or later where it is not before that, and
 * DR_FOREVER_US: never, by what is known. With nothing ended they would not allow it: `is_shut`.
 * `answers` [groups_count], by the group of what the job asks most of; NULL: not kept. */
int64_t dr_gate_when(struct dr_decision *decision, const struct dr_job *job, dr_pool_id pool,
                     const struct dr_amounts *amounts, struct dr_gate_span span,
                     struct dr_gate_answer *answers, int *is_shut);

#endif
