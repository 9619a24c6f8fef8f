/* SPDX-License-Identifier: Apache-2.0 */
/* queue.h: pending jobs that nothing but capacity, quota or policy holds, in the order of their
 * account.
 *
 * An index over the primary state: apply.c adds and removes; decide.c walks. Jobs of an account
 * that are alike in everything a decision looks at form a class, judged once per decision; within a
 * class the order is submit time, then id. */
#ifndef DR_CORE_QUEUE_H
#define DR_CORE_QUEUE_H

#include "core/state.h"

struct dr_queue;

/* Tables for core->limits.jobs_max jobs, from core->tables. */
DR_MUST_USE enum dr_status dr_queue_init(struct dr_core *core);

/* Forget everything; dr_core_index() then adds the jobs again. */
void dr_queue_clear(struct dr_core *core);

/* A job is PENDING, not held, and has no dependency left. Its begin time may lie in the future: the
 * queue holds it aside until dr_queue_advance() passes it. */
void dr_queue_add(struct dr_core *core, dr_job_row row);

/* It was added before, and is to be placed, held, or ended. Called before its state changes. */
void dr_queue_remove(struct dr_core *core, dr_job_row row);

/* Time has come to `now_us`: jobs whose begin time has passed join. Returns how many did. */
uint32_t dr_queue_advance(struct dr_core *core, int64_t now_us);

/* The earliest begin time still to come; DR_FOREVER_US: none. */
int64_t dr_queue_next_time_us(const struct dr_core *core);

#endif
