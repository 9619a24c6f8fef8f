/* SPDX-License-Identifier: Apache-2.0 */
/* ahead.h: the same core run ahead, in a forked child, on its copy of the state.
 *
 * The child plays the sites itself: an attempt starts the moment it is placed and ends when its
 * limit is over; one that is told to leave ends with its grace. Nothing new is submitted. Ticks
 * pass with the events. Everything that a job is believed to do is what the core believes; what
 * really comes is mostly earlier. */
#ifndef DR_SERVE_AHEAD_H
#define DR_SERVE_AHEAD_H

#include "base/events.h"
#include "serve/internal.h"

struct ahead {
    struct dr_core *core;
    int64_t now_us;
    /* Filled in by the caller; NULL: not asked. A job has just been given its place; an attempt is
     * told to leave; time is about to move on from now_us; has enough been seen? */
    void (*started)(void *context, const struct dr_job *job);
    void (*leaves)(void *context, const struct dr_job *job);
    void (*passes)(void *context, int64_t until_us);
    int (*over)(void *context);
    void *context;
    /* inside */
    struct dr_batch batch;
    int64_t tick_us; /* between ticks */
    struct dr_events ends;
};

/* In the child: from the controller's state on. The process gets a limit on its CPU time, far above
 * what ahead_run() is given, and stands back behind others. */
void ahead_begin(struct ahead *ahead, const struct dr_controller *c);

/* Admit one command now, and carry out what follows. 0: refused, as `answer` says. */
int ahead_admit(struct ahead *ahead, const struct dr_command *command, struct dr_answer *answer);

enum ahead_end {
    AHEAD_OVER,    /* `over` said so */
    AHEAD_HORIZON, /* now_us is the horizon */
    AHEAD_CPU,     /* the CPU time is used up: now_us is how far it came */
};
enum ahead_end ahead_run(struct ahead *ahead, int64_t horizon_us, int64_t cpu_us);

#endif
