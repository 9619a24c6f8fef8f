/* SPDX-License-Identifier: Apache-2.0 */
/* rest.h: when a tick need not look at everything anew. For core's own files.
 *
 * A tick has everybody judged and all reservations planned again, and fair preemption tried
 * (POLICY, sections 3 and 5). What happens between ticks is seen by the decision that follows it,
 * and who was refused is remembered under what may help him (core/seats.h); so that a tick finds
 * nothing new but for what time has changed: an attempt comes to where it may be taken back, or by
 * fair share; a reservation's time comes, or is late; energy may be cheaper for who waits for that.
 * Fair preemption alone is tried on ticks and nowhere else: it wants a look at the first tick after
 * anything that has happened, and where so many classes wait that some are asked at each tick, at
 * as many as ask all. A tick for which there is nothing of this is quiet: past use decays in it,
 * nothing else. Every DR_REST_US a tick looks in any case: at the slow change of keys by decay, and
 * at what memory may have missed.
 *
 * An index (I8): after a start the first tick looks. */
#ifndef DR_CORE_REST_H
#define DR_CORE_REST_H

#include "core/state.h"

#define DR_REST_US (10 * DR_MINUTE_US)

struct dr_rest {
    uint64_t seq;       /* nothing but quiet ticks since this fact, if it is the last */
    int64_t looked_us;  /* the last tick that looked */
    int64_t fair_us;    /* when some attempt may be taken by fair share that might not be then */
    uint32_t looks;     /* ticks in a row that have looked, with nothing happening between */
    uint8_t has_looked; /* one has */
    uint8_t is_due;     /* a tick wants everything looked at */
    uint8_t rests;      /* enough have in a row */
};

/* A tick comes, before it counts as the last fact. Returns 1 if it is quiet. */
int dr_rest_tick(struct dr_core *core, int64_t now_us);

/* A fact comes that is nothing that happens. */
void dr_rest_pass(struct dr_core *core);

/* A decision has come to its end, with nothing left to say. */
void dr_rest_settle(struct dr_core *core, int64_t now_us);

/* The tick that came in this instant looks at everything. */
int dr_rest_looks(const struct dr_core *core, int64_t now_us);

#endif
