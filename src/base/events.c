/* SPDX-License-Identifier: Apache-2.0 */
#include "base/events.h"

#include <stdlib.h>

#include "base/assert.h"

static int earlier(const struct dr_event *a, const struct dr_event *b)
{
    if (a->time_us != b->time_us)
        return a->time_us < b->time_us;
    return a->job != b->job ? a->job < b->job : a->kind < b->kind;
}

void dr_events_push(struct dr_events *events, struct dr_event event)
{
    uint32_t at = events->count;

    if (at == events->count_max) {
        events->count_max = at == 0 ? 1024 : 2 * at;
        events->heap = realloc(events->heap, events->count_max * sizeof events->heap[0]);
        DR_ASSERT(events->heap != NULL);
    }
    events->count += 1;
    while (at > 0 && earlier(&event, &events->heap[(at - 1) / 2])) {
        events->heap[at] = events->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    events->heap[at] = event;
}

struct dr_event dr_events_pop(struct dr_events *events)
{
    struct dr_event *heap = events->heap;
    struct dr_event first = heap[0];
    struct dr_event last = heap[events->count - 1];
    uint32_t at = 0;

    events->count -= 1;
    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child >= events->count)
            break;
        child += child + 1 < events->count && earlier(&heap[child + 1], &heap[child]);
        if (!earlier(&heap[child], &last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return first;
}

void dr_events_deinit(struct dr_events *events)
{
    free(events->heap);
    *events = (struct dr_events){0};
}
