/* SPDX-License-Identifier: Apache-2.0 */
/* rest.h: when a tick need not look at everything anew. For core's own files.
 *
 * A tick has everybody judged and all reservations planned again, and fair preemption tried (POLICY,
 * sections 3 and 5). Where nothing has happened since the last tick that did, and time alone has
 * changed nothing that they look at, it would come to the same: such a tick is quiet, and past use
 * decays in it, nothing else. What time changes: an attempt comes to where it may be taken back, or
 * by fair share; a reservation's time comes, or is late; energy
 * may be cheaper for who waits for that. And where so many classes wait that fair preemption asks
 * some of them at each tick, all are to have been asked. The slow change of keys by decay is looked
 * at every DR_REST_US.
 *
 * An index (I8): after a start the first tick looks. */
#ifndef DR_CORE_REST_H
#define DR_CORE_REST_H

#include "core/state.h"

#define DR_REST_US (10 * DR_MINUTE_US)

struct dr_rest {
    uint64_t seq;     /* nothing but quiet ticks since this fact; 0: something has happened */
    int64_t until_us; /* quiet before then */
    uint32_t looks;   /* ticks in a row that have looked, with nothing happening between */
    uint8_t is_due;   /* a tick wants everything looked at */
    uint8_t rests;    /* enough have: those that come are quiet */
};

/* A tick comes, before it counts as the last fact. Returns 1 if it is quiet. */
int dr_rest_tick(struct dr_core *core, int64_t now_us);

/* A decision has come to its end, with nothing left to say. */
void dr_rest_settle(struct dr_core *core, int64_t now_us);

/* The tick that came in this instant looks at everything. */
int dr_rest_looks(const struct dr_core *core, int64_t now_us);

#endif
