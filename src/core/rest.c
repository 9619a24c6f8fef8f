/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rest.h"

#include "base/math.h"
#include "core/backfill.h"
#include "core/fair.h"
#include "core/lent.h"
#include "core/power.h"
#include "core/queue.h"
#include "core/seats.h"

/* When a reservation's time comes, or is late; at once where one is. */
static int64_t reserved_us(const struct dr_core *core, int64_t now_us)
{
    int64_t next_us = DR_FOREVER_US;

    for (uint32_t at = dr_queue_reserved_first(core); at != DR_ROW_NONE;
         at = dr_queue_reserved_next(core, at)) {
        int64_t when_us = dr_job_run(core, &core->jobs[at])->reservation_us;

        if (when_us <= now_us)
            when_us = dr_max_i64(now_us, when_us + DR_RESERVATION_LATE_US);
        next_us = dr_min_i64(next_us, when_us);
    }
    return next_us;
}

/* Ticks before this don't look at everybody. */
static int64_t all_us(const struct dr_core *core)
{
    const struct dr_rest *rest = &core->seats->rest;

    if (!rest->has_looked)
        return INT64_MIN;
    return rest->looked_us + (core->seq - rest->looked_seq >= core->queue->class_rows.count
                                  ? DR_REST_US
                                  : DR_REST_MOST_US);
}

/* Ticks before this are quiet, if they need not look at everybody. */
static int64_t look_us(const struct dr_core *core, int64_t now_us)
{
    const struct dr_rest *rest = &core->seats->rest;
    int64_t until_us = reserved_us(core, now_us);

    /* Nodes that are off, and jobs that wait for cheaper hours, are tried again on each tick. */
    if (core->power->off_count > 0 || core->power->cheap_us != DR_FOREVER_US)
        return INT64_MIN;
    /* By LAS who runs may be taken after a while, by whoever has had less. */
    if (dr_fair_is_on(core) &&
        (core->settings.ordering == DR_ORDERING_LAS || !rest->rests || rest->seq != core->seq))
        return INT64_MIN;
    if (core->lent->heap_count > 0 && !core->settings.no_preemption)
        until_us = dr_min_i64(until_us, core->lent->heap[0].when_us);
    return until_us;
}

void dr_rest_pass(struct dr_core *core)
{
    core->seats->rest.seq += core->seats->rest.seq == core->seq;
}

enum dr_rest_level dr_rest_tick(struct dr_core *core, int64_t now_us)
{
    struct dr_rest *rest = &core->seats->rest;
    int has_happened = rest->seq != core->seq;

    if (now_us < all_us(core) && now_us < look_us(core, now_us)) {
        rest->seq += !has_happened; /* this tick is nothing that happens */
        return DR_REST_QUIET;
    }
    if (has_happened || rest->rests)
        rest->looks = 0;
    rest->rests = 0;
    if (now_us >= all_us(core))
        rest->due = DR_REST_ALL;
    else if (rest->due == DR_REST_QUIET)
        rest->due = DR_REST_LOOK;
    return (enum dr_rest_level)rest->due;
}

void dr_rest_settle(struct dr_core *core, int64_t now_us)
{
    struct dr_rest *rest = &core->seats->rest;

    if (rest->due == DR_REST_QUIET)
        return;
    if (rest->due == DR_REST_ALL) {
        rest->has_looked = 1;
        rest->looked_us = now_us;
        rest->looked_seq = core->seq;
    }
    rest->due = DR_REST_QUIET;
    rest->seq = core->seq;
    rest->looks += 1;
    rest->rests = rest->looks >= dr_fair_turns(core);
}

int64_t dr_core_quiet_until_us(const struct dr_core *core)
{
    return dr_min_i64(all_us(core), look_us(core, core->time_us));
}

int dr_rest_looks(const struct dr_core *core, int64_t now_us)
{
    return core->tick_us == now_us && core->seats->rest.due != DR_REST_QUIET;
}
