/* SPDX-License-Identifier: Apache-2.0 */
/* events.c: descriptors by epoll, timers by a plain list, in one thread. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "serve/internal.h"

#define EVENTS_AT_ONCE 256

void *dr_list_grow(void *items, uint32_t *capacity, size_t bytes)
{
    DR_ASSERT(*capacity < UINT32_MAX / 2);
    *capacity = *capacity == 0 ? 16 : *capacity * 2;
    items = realloc(items, *capacity * bytes);
    if (items == NULL) {
        fputs("daero: out of memory\n", stderr);
        abort();
    }
    return items;
}

enum dr_status events_open(struct dr_controller *c, struct dr_error *error)
{
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (c->epoll < 0) {
        dr_error_set(error, NULL, 0, "epoll", strerror(errno), "a descriptor to wait on");
        return DR_E_IO;
    }
    return DR_OK;
}

void events_close(struct dr_controller *c)
{
    if (c->epoll >= 0)
        close(c->epoll);
    c->epoll = -1;
    free(c->watches);
    c->watches = NULL;
    c->watches_count = 0;
    free(c->timers.items);
    c->timers.items = NULL;
}

int dr_controller_poll(struct dr_controller *c, int descriptor, uint32_t events,
                       void (*ready)(void *context, uint32_t events), void *context)
{
    struct watch *watch;
    struct epoll_event event;

    DR_ASSERT(descriptor >= 0);
    while ((uint32_t)descriptor >= c->watches_count) {
        uint32_t before = c->watches_count;

        c->watches = dr_list_grow(c->watches, &c->watches_count, sizeof *c->watches);
        memset(c->watches + before, 0, (c->watches_count - before) * sizeof *c->watches);
    }
    watch = &c->watches[descriptor];
    if (events == 0) {
        /* The descriptor may be closed already, which has taken it out of epoll by itself. */
        if (watch->events != 0)
            epoll_ctl(c->epoll, EPOLL_CTL_DEL, descriptor, NULL);
        watch->events = 0;
        watch->generation += 1;
        return 1;
    }
    event = (struct epoll_event){
        .events = events,
        .data.u64 = (uint64_t)watch->generation << 32 | (uint32_t)descriptor,
    };
    if (epoll_ctl(c->epoll, watch->events != 0 ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor,
                  &event) != 0) {
        /* Closed and opened again under the same number without our being told. */
        if (errno != ENOENT || epoll_ctl(c->epoll, EPOLL_CTL_ADD, descriptor, &event) != 0)
            return 0;
    }
    watch->events = events;
    watch->ready = ready;
    watch->context = context;
    return 1;
}

void dr_controller_at(struct dr_controller *c, int64_t monotonic_us, void (*run)(void *context),
                      void *context)
{
    uint32_t i = 0;

    while (i < c->timers.count &&
           (c->timers.items[i].run != run || c->timers.items[i].context != context))
        i += 1;
    if (monotonic_us == DR_FOREVER_US) {
        if (i < c->timers.count) {
            c->timers.count -= 1;
            c->timers.items[i] = c->timers.items[c->timers.count];
        }
        return;
    }
    if (i < c->timers.count)
        c->timers.items[i].monotonic_us = monotonic_us;
    else
        DR_LIST_PUSH(&c->timers, ((struct timer){monotonic_us, run, context}));
}

static int64_t next_timer_us(const struct dr_controller *c)
{
    int64_t next = DR_FOREVER_US;

    for (uint32_t i = 0; i < c->timers.count; i += 1) {
        if (c->timers.items[i].monotonic_us < next)
            next = c->timers.items[i].monotonic_us;
    }
    return next;
}

/* A timer's function may set and cancel timers, its own too: look again after each. Those set for a
 * time that is over already wait for the next turn. */
static uint32_t run_timers(struct dr_controller *c)
{
    int64_t now = controller_monotonic_us(c);
    uint32_t due = 0;
    uint32_t ran = 0;

    for (uint32_t i = 0; i < c->timers.count; i += 1)
        due += c->timers.items[i].monotonic_us <= now;
    while (ran < due) {
        struct timer first = {.monotonic_us = DR_FOREVER_US};
        uint32_t at = 0;

        for (uint32_t i = 0; i < c->timers.count; i += 1) {
            if (c->timers.items[i].monotonic_us < first.monotonic_us) {
                first = c->timers.items[i];
                at = i;
            }
        }
        if (first.monotonic_us > now)
            break;
        c->timers.count -= 1;
        c->timers.items[at] = c->timers.items[c->timers.count];
        first.run(first.context);
        ran += 1;
    }
    return ran;
}

uint32_t events_wait(struct dr_controller *c, int64_t wait_us)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int64_t timer_us = next_timer_us(c);
    int count;

    if (timer_us != DR_FOREVER_US) {
        int64_t left = timer_us - controller_monotonic_us(c);

        wait_us = left < wait_us ? left : wait_us;
    }
    if (wait_us < 0)
        wait_us = 0;
    if (wait_us > DR_MINUTE_US)
        wait_us = DR_MINUTE_US;
    /* Rounded up: waking a moment early would only mean going round once more. */
    count = epoll_wait(c->epoll, events, EVENTS_AT_ONCE, (int)((wait_us + 999) / 1000));
    /* What is heard now is judged by this instant, not by the one before the wait: tokens expire.
     */
    controller_clock(c);
    for (int i = 0; i < count; i += 1) {
        uint32_t descriptor = (uint32_t)events[i].data.u64;
        const struct watch *watch = &c->watches[descriptor];

        /* One handler may have ended the watch of another that is ready in this same round. */
        if (watch->events == 0 || watch->generation != (uint32_t)(events[i].data.u64 >> 32))
            continue;
        watch->ready(watch->context, events[i].events);
    }
    return run_timers(c) + (count > 0 ? (uint32_t)count : 0);
}
