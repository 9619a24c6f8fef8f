/* SPDX-License-Identifier: Apache-2.0 */
/* rest.h: when a tick need not look at everything anew. For core's own files.
 *
 * What happens between ticks is seen by the decision that follows it, and who was refused is
 * remembered under what may help him (core/seats.h); so that a tick finds nothing new but for what
 * time has changed. An attempt comes to where it may be taken back; a reservation's time comes, or
 * is late; energy may be cheaper for who waits for that: then a decision is made, about whom that
 * may help. Fair preemption is tried on ticks and nowhere else: in the first after anything that
 * has happened, when an attempt comes to where it may be taken so, and where so many classes wait
 * that some are asked at each tick, in as many as ask all. A tick for which there is nothing of
 * this is quiet: past use decays in it, nothing else.
 *
 * Now and then a tick has everybody judged and all reservations planned again: at the slow change
 * of keys by decay, and at what memory may have missed. Not more often than every DR_REST_US, and
 * not before as many facts have come as classes wait, so that it costs no more than what has
 * happened did; but every DR_REST_MOST_US in any case.
 *
 * An index (I8): after a start the first tick looks at everybody. */
#ifndef DR_CORE_REST_H
#define DR_CORE_REST_H

#include "core/state.h"

#define DR_REST_US      (10 * DR_MINUTE_US)
#define DR_REST_MOST_US (6 * DR_HOUR_US)

enum dr_rest_level {
    DR_REST_QUIET, /* past use decays, nothing else */
    DR_REST_LOOK,  /* a decision, and fair preemption is tried */
    DR_REST_ALL,   /* ... in which everybody is judged */
};

struct dr_rest {
    uint64_t seq;        /* nothing but quiet ticks since this fact, if it is the last */
    int64_t looked_us;   /* the last tick that looked at everybody */
    uint64_t looked_seq; /* the last fact then */
    uint32_t looks;      /* ticks in a row that have looked, with nothing happening between */
    uint8_t has_looked;  /* one has, at everybody */
    uint8_t due;         /* enum dr_rest_level: what the tick of this instant wants */
    uint8_t rests;       /* enough have in a row */
};

/* A tick comes, before it counts as the last fact. */
enum dr_rest_level dr_rest_tick(struct dr_core *core, int64_t now_us);

/* A fact comes that is nothing that happens. */
void dr_rest_pass(struct dr_core *core);

/* A decision has come to its end, with nothing left to say. */
void dr_rest_settle(struct dr_core *core, int64_t now_us);

/* The tick that came in this instant is not quiet. */
int dr_rest_looks(const struct dr_core *core, int64_t now_us);

#endif
