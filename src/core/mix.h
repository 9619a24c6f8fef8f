/* SPDX-License-Identifier: Apache-2.0 */
/* mix.h: what has been asked for lately. For core's own files.
 *
 * What a place breaks is what others could have used (core/breakage.h), and who the others are is
 * told by those who came before: each job that is accepted adds its tasks to the row of their like.
 * Once a tick all rows decay, and what they come to then is what decisions use until the next, so
 * that between ticks a place costs the same however many jobs come. Shapes are kept roughly, so
 * that rows stay few: CPUs to seven bits, tasks to two, shares of an accelerator in steps; memory
 * not at all. Jobs without accelerators break things and cannot be broken, so they do not count.
 *
 * Primary state. A job counts if its fact says so; facts of older programs don't. */
#ifndef DR_CORE_MIX_H
#define DR_CORE_MIX_H

#include "core/state.h"

#define DR_MIX_MAX        512
#define DR_MIX_HALF_TICKS 1440 /* ticks in which a row decays to its half: a day */
#define DR_MIX_SHARE_STEP 10   /* thousandths */

struct dr_mix_row {
    uint64_t chips;        /* that its first way takes: bit = chip row; 0: any */
    uint32_t accelerators; /* per task, thousandths */
    uint32_t cpus;         /* per task, thousandths */
    uint32_t tasks;        /* of a gang */
    int64_t recent;        /* tasks, 16384 each, decayed */
    int64_t used;          /* the same as of the last tick: what decisions go by */
};

/* How often each row comes, and how much more it weighs for having fewer accelerators to go to. */
struct dr_mix_weights {
    int64_t all;             /* of `used`, as of the last tick */
    uint32_t count;          /* who came later has no weight yet */
    uint8_t known;           /* what follows is that of the last tick */
    uint32_t of[DR_MIX_MAX]; /* parts of DR_BREAKAGE_ONE */
    int64_t hold_s;          /* for how long a task holds what it has, on average */
};

struct dr_mix {
    struct dr_mix_row rows[DR_MIX_MAX];
    uint32_t count;
    int64_t hold_recent; /* sum of recent x the jobs' limits in minutes */
    int64_t hold_used;
    /* index */
    uint32_t version; /* grows when what decisions go by changes */
};

DR_MUST_USE enum dr_status dr_mix_open(struct dr_core *core);

/* A job has come. A like that finds no row is left out until a tick has made room. */
void dr_mix_add(struct dr_core *core, const struct dr_alternative *way, int64_t limit_us);

void dr_mix_tick(struct dr_core *core);

#endif
