/* SPDX-License-Identifier: Apache-2.0 */
/* events.h: what happens to attempts at a later time, the earliest first: for loops that play the
 * sites themselves (sim/run.c, serve/forecast.c). A heap; events that others have overtaken stay in
 * it until their time, and whoever takes them out lets them go. */
#ifndef DR_BASE_EVENTS_H
#define DR_BASE_EVENTS_H

#include <stdint.h>

struct dr_event {
    int64_t time_us;
    uint64_t job;
    uint32_t attempt;
    uint32_t kind; /* the owner's */
};

/* Empty when zeroed. */
struct dr_events {
    struct dr_event *heap;
    uint32_t count;
    uint32_t count_max;
};

void dr_events_push(struct dr_events *events, struct dr_event event);
/* The earliest; ties: job, then kind. There is one. */
struct dr_event dr_events_pop(struct dr_events *events);
void dr_events_deinit(struct dr_events *events);

/* When the earliest is; INT64_MAX: there is none. */
static inline int64_t dr_events_next_us(const struct dr_events *events)
{
    return events->count == 0 ? INT64_MAX : events->heap[0].time_us;
}

#endif
