/* SPDX-License-Identifier: Apache-2.0 */
/* victims.h: attempts that time lets be taken, by pool, and what taking them loses (POLICY, section
 * 3). For core/reclaim.c, which chooses among them. */
#ifndef DR_CORE_VICTIMS_H
#define DR_CORE_VICTIMS_H

#include "core/decide.h"

struct dr_victim {
    uint32_t row;
    dr_account_id account;
    int64_t units;   /* thousandths of accelerators */
    int64_t loss_us; /* accelerators x microseconds */
    int64_t each_us; /* loss per unit */
    uint8_t chosen;
    uint8_t main;       /* enum dr_resource that its account's guarantee is looked at by */
    uint8_t fair_ripe;  /* it has run long enough to be taken by fair share */
    uint8_t comes_back; /* dr_victims_comes_back() */
    uint8_t cause;      /* enum dr_stop_cause, when chosen */
};

/* Attempts of a pool that time lets be taken, or of these what is lent, cheapest first: looked for
 * once in a decision, and again when something else is lent there. */
struct dr_victims {
    const struct dr_victim *first;
    uint32_t count;
    uint8_t known;
    uint64_t rose_at; /* core->lent->rose_at of the pool then */
};

/* What would be lost by ending the attempt now, in accelerator-microseconds: accelerators x (time
 * since its last observed checkpoint, at most loss_cap, plus restart, plus credit for earlier
 * preemptions). */
int64_t dr_victims_loss_us(const struct dr_core *core, const struct dr_job *job, int64_t now_us);

/* Accelerators of an attempt, thousandths; without any its CPUs, eight to one, rounded up to whole
 * ones; at least one. */
int64_t dr_victims_units(const struct dr_core *core, const struct dr_job *job);

/* The same of amounts. */
int64_t dr_victims_units_of(const struct dr_amounts *amounts);

/* An elastic attempt above its least size: with what is left of its place it may come back. */
int dr_victims_comes_back(const struct dr_core *core, const struct dr_job *job);

/* The order in which they are tried: `a` and `b` struct dr_victim, `context` the core. Total. */
int dr_victims_compare(const void *a, const void *b, const void *context);

/* Before the walks of a decision. */
void dr_victims_begin(struct dr_decision *decision);

struct dr_victim dr_victims_one(const struct dr_core *core, uint32_t row, int64_t now_us);

/* All of a pool. In a decision time stands still and who starts does not run yet, so the list only
 * loses who was warned. */
const struct dr_victims *dr_victims_in(struct dr_decision *decision, uint32_t pool);

/* What is lent of these, or more. Lists that have to be looked for again fill the room: then all.
 */
const struct dr_victims *dr_victims_lent(struct dr_decision *decision, uint32_t pool);

#endif
