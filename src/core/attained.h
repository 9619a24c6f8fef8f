/* SPDX-License-Identifier: Apache-2.0 */
/* attained.h: how much a job has had so far, for `order: las`, least attained service first.
 *
 * Attained service is the running time of all its attempts, the one that runs included, times the
 * accelerators of the last one (without any its CPUs, eight to one). It is compared in bands: below
 * one accelerator-hour, below two, below four, and so on. So two jobs that have had about as much
 * do not push each other out in turn, and a job that runs long moves on a few times only.
 * Source: J. Gu et al., "Tiresias", NSDI 2019, section 4.1 (discretized two-dimensional LAS; there
 * two queues).
 *
 * With preemption, a job that waits may take, at a tick, attempts of jobs in higher bands than its
 * own, of whatever account, which have run minimum_run and come back afterwards (core/fair.h). */
#ifndef DR_CORE_ATTAINED_H
#define DR_CORE_ATTAINED_H

#include "core/state.h"

/* 0: below one accelerator-hour. */
uint32_t dr_attained_band(const struct dr_core *core, const struct dr_job *job, int64_t now_us);

/* The same where settings.ordering is LAS; else 0. For who waits: whom time does not change. */
uint32_t dr_attained_rank(const struct dr_core *core, const struct dr_job *job);

#endif
