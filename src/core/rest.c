/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rest.h"

#include "base/math.h"
#include "core/backfill.h"
#include "core/fair.h"
#include "core/lent.h"
#include "core/power.h"
#include "core/queue.h"
#include "core/seats.h"

int dr_rest_tick(struct dr_core *core, int64_t now_us)
{
    struct dr_rest *rest = &core->seats->rest;

    if (rest->seq != 0 && rest->seq == core->seq && now_us < rest->until_us) {
        rest->seq = core->seq + 1;
        return 1;
    }
    if (rest->seq != core->seq || rest->rests)
        rest->looks = 0;
    rest->rests = 0;
    rest->is_due = 1;
    return 0;
}

/* When some attempt may be taken by fair share that may not be yet. */
static int64_t fair_ripe_us(const struct dr_core *core, int64_t now_us)
{
    int64_t next_us = DR_FOREVER_US;

    if (!dr_fair_is_on(core))
        return next_us;
    for (uint32_t row = core->running.first; row != DR_ROW_NONE;
         row = dr_job_list_next(core, row)) {
        int64_t ripe_us =
            dr_job_run(core, &core->jobs[row])->start_us + core->settings.fair_minimum_run_us;

        if (ripe_us > now_us)
            next_us = dr_min_i64(next_us, ripe_us);
    }
    return next_us;
}

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

void dr_rest_settle(struct dr_core *core, int64_t now_us)
{
    struct dr_rest *rest = &core->seats->rest;

    if (!rest->is_due)
        return;
    rest->is_due = 0;
    rest->seq = core->seq;
    rest->looks += 1;
    rest->rests = rest->looks >= dr_fair_turns(core);
    rest->until_us = now_us + DR_REST_US;
    /* Nodes that are off, and jobs that wait for cheaper hours, are tried again on each tick. */
    if (!rest->rests || core->power->off_count > 0 || core->power->cheap_us != DR_FOREVER_US)
        rest->until_us = now_us;
    if (core->lent->heap_count > 0)
        rest->until_us = dr_min_i64(rest->until_us, core->lent->heap[0].when_us);
    rest->until_us = dr_min_i64(rest->until_us, fair_ripe_us(core, now_us));
    rest->until_us = dr_min_i64(rest->until_us, reserved_us(core, now_us));
}

int64_t dr_core_quiet_until_us(const struct dr_core *core)
{
    const struct dr_rest *rest = &core->seats->rest;

    return rest->seq != 0 && rest->seq == core->seq ? rest->until_us : INT64_MIN;
}

int dr_rest_looks(const struct dr_core *core, int64_t now_us)
{
    return core->tick_us == now_us && core->seats->rest.is_due;
}
