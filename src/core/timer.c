/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap that knows where each job is. See timer.h. */
#include "core/timer.h"

#include "base/math.h"

enum dr_status dr_timer_open(struct dr_core *core)
{
    struct dr_timers *timers = dr_arena_push(&core->tables, 1, sizeof *timers);

    if (timers == NULL)
        return DR_E_FULL;
    timers->heap = dr_arena_push(&core->tables, core->limits.jobs_max, sizeof timers->heap[0]);
    timers->place = dr_arena_push(&core->tables, core->limits.jobs_max, sizeof timers->place[0]);
    if (timers->heap == NULL || timers->place == NULL)
        return DR_E_FULL;
    core->timers = timers;
    return DR_OK;
}

void dr_timer_clear(struct dr_core *core)
{
    for (uint32_t at = 0; at < core->timers->count; at += 1)
        core->timers->place[core->timers->heap[at]] = 0;
    core->timers->count = 0;
}

int64_t dr_timer_of(const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_terms *terms = dr_job_terms(core, job);
    int64_t give_up_us = dr_job_run(core, job)->give_up_us;
    int64_t when = give_up_us == 0 ? DR_FOREVER_US : give_up_us;

    if (job->id.v == 0 || dr_job_state_ended(job->state))
        return DR_FOREVER_US;
    if (dr_job_run(core, job)->stopping != DR_STOP_NONE)
        return when;
    if (terms->deadline_ends && terms->deadline_us != 0)
        when = dr_min_i64(when, terms->deadline_us);
    if (job->state != DR_JOB_PENDING)
        when =
            dr_min_i64(when, dr_job_believed_end_us(core, job) + terms->grace_us + DR_OVERDUE_US);
    return when;
}

static int before(const struct dr_core *core, uint32_t a, uint32_t b)
{
    int64_t x = dr_timer_of(core, &core->jobs[a]);
    int64_t y = dr_timer_of(core, &core->jobs[b]);

    return x != y ? x < y : core->jobs[a].id.v < core->jobs[b].id.v;
}

static void put(struct dr_timers *timers, uint32_t at, uint32_t row)
{
    timers->heap[at] = row;
    timers->place[row] = at + 1;
}

static void sift_up(struct dr_core *core, uint32_t at, uint32_t row)
{
    struct dr_timers *timers = core->timers;

    while (at > 0 && before(core, row, timers->heap[(at - 1) / 2])) {
        put(timers, at, timers->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(timers, at, row);
}

static void sift_down(struct dr_core *core, uint32_t at, uint32_t row)
{
    struct dr_timers *timers = core->timers;

    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child >= timers->count)
            break;
        if (child + 1 < timers->count && before(core, timers->heap[child + 1], timers->heap[child]))
            child += 1;
        if (!before(core, timers->heap[child], row))
            break;
        put(timers, at, timers->heap[child]);
        at = child;
    }
    put(timers, at, row);
}

void dr_timer_update(struct dr_core *core, uint32_t row)
{
    struct dr_timers *timers = core->timers;
    uint32_t at;

    if (timers->place[row] == 0) {
        if (dr_timer_of(core, &core->jobs[row]) == DR_FOREVER_US)
            return;
        timers->count += 1;
        sift_up(core, timers->count - 1, row);
        return;
    }
    at = timers->place[row] - 1;
    if (dr_timer_of(core, &core->jobs[row]) == DR_FOREVER_US) {
        timers->place[row] = 0;
        timers->count -= 1;
        if (at == timers->count)
            return;
        row = timers->heap[timers->count];
    }
    sift_up(core, at, row);
    sift_down(core, timers->place[row] - 1, row);
}

uint32_t dr_timer_first(const struct dr_core *core)
{
    return core->timers->count == 0 ? DR_ROW_NONE : core->timers->heap[0];
}
