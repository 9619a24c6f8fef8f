/* SPDX-License-Identifier: Apache-2.0 */
/* Advance reservations: nobody whom one does not let in starts, is promised or reserves a place
 * into it, and who has to leave for one is told in time. Read checker_windows() first. */
#include "checker_parts.h"

#define NONE DR_ROW_NONE

/* Of the nodes of a list, the first that one keeps off between two instants; 0: none. `last`: made
 * no later than that one. */
static uint32_t kept_off(const struct dr_core *core, const struct dr_job *job, uint32_t first,
                         uint32_t last, int64_t from_us, int64_t until_us)
{
    for (uint32_t at = first; at != NONE; at = core->extents[at].next)
        for (uint32_t i = 0; i < core->windows_count; i += 1) {
            const struct dr_window *window = &core->windows[i];
            uint32_t row = core->extents[at].extent.node.v - 1;

            if (window->id <= last && oracle_has_node(core, window, row) &&
                !oracle_lets_in(core, window, job->account.v) && from_us < window->until_us &&
                window->from_us < until_us)
                return row + 1;
        }
    return 0;
}

static int is_there(const struct dr_core *core, const struct dr_window *window,
                    const struct dr_job *job)
{
    if (!oracle_holds(job) || oracle_lets_in(core, window, job->account.v))
        return 0;
    for (uint32_t at = dr_job_run(core, job)->extents; at != NONE; at = core->extents[at].next)
        if (oracle_has_node(core, window, core->extents[at].extent.node.v - 1))
            return 1;
    return 0;
}

static uint32_t others_in(const struct dr_core *core, const struct dr_window *window)
{
    uint32_t count = 0;

    for (uint32_t row = 0; row < core->jobs_high; row += 1)
        count += core->jobs[row].id.v != 0 && is_there(core, window, &core->jobs[row]);
    return count;
}

/* By what was believed when it started, no attempt is in one that was made before and does not let
 * it in. */
void checker_windows(struct checker *checker, const struct dr_fact *fact,
                     const struct dr_core *core)
{
    if (fact->kind == DR_FACT_JOB_PLACED)
        checker->windows_known[fact->job_placed.job % CHECKER_JOBS] = core->window_id_last;
    for (uint32_t i = 0; i < core->windows_count; i += 1)
        for (uint32_t row = 0; row < core->nodes_count; row += 1)
            for (uint32_t k = 0; k < i; k += 1)
                if (core->windows[i].from_us < core->windows[k].until_us &&
                    core->windows[k].from_us < core->windows[i].until_us &&
                    oracle_has_node(core, &core->windows[i], row) &&
                    oracle_has_node(core, &core->windows[k], row))
                    checker_wrong(checker, fact, "node %u is in two advance reservations", row + 1);
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);

        if (job->id.v != 0 && oracle_holds(job) &&
            kept_off(core, job, run->extents, checker->windows_known[job->id.v % CHECKER_JOBS],
                     run->placed_us, run->placed_us + run->attempt_limit_us) != 0)
            checker_wrong(checker, fact, "job %llu started into an advance reservation",
                          (unsigned long long)job->id.v);
    }
}

void checker_window_held(struct checker *checker, const struct dr_fact *fact,
                         const struct dr_core *core)
{
    const struct dr_window *window = dr_window_of(core, fact->window_held.window);

    checker->windows += 1;
    if (window == NULL || window->from_us > fact->time_us ||
        others_in(core, window) != fact->window_held.attempts)
        checker_wrong(checker, fact, "%u attempts of others are in advance reservation %u",
                      window == NULL ? 0 : others_in(core, window), fact->window_held.window);
}

/* One that says so tells them to leave, no earlier than it has to. */
void checker_window_told(struct checker *checker, const struct dr_fact *fact,
                         const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_run *run = dr_job_run(core, job);
    int64_t believed_us =
        (run->start_us != 0 ? run->start_us : run->placed_us) + run->attempt_limit_us;
    int good = 0;

    checker->told += 1;
    for (uint32_t i = 0; i < core->windows_count; i += 1) {
        const struct dr_window *window = &core->windows[i];

        good |= window->evict && is_there(core, window, job) &&
                fact->time_us >=
                    window->from_us - dr_job_terms(core, job)->grace_us - 30 * DR_SECOND_US &&
                (believed_us > window->from_us + 30 * DR_SECOND_US || run->before_unreachable != 0);
    }
    if (!good)
        checker_wrong(checker, fact, "job %llu is told to leave for no advance reservation",
                      (unsigned long long)job->id.v);
}

/* After a decision: all is said, who has to leave was told, and nothing is promised or reserved
 * into one. */
void checker_windows_now(struct checker *checker, const struct dr_core *core, int64_t now_us)
{
    struct dr_fact none = {.kind = DR_FACT_TICK, .time_us = now_us};

    for (uint32_t i = 0; i < core->windows_count; i += 1) {
        const struct dr_window *window = &core->windows[i];

        if (window->until_us <= now_us || window->begun != (window->from_us <= now_us) ||
            (window->held > 0 && others_in(core, window) == 0))
            checker_wrong(checker, &none, "nothing is said of advance reservation %u", window->id);
        for (uint32_t row = 0; row < core->jobs_high; row += 1) {
            const struct dr_job *job = &core->jobs[row];

            if (job->id.v != 0 && window->evict && is_there(core, window, job) &&
                dr_job_run(core, job)->stopping == DR_STOP_NONE && !window->begun &&
                now_us >= window->from_us - dr_job_terms(core, job)->grace_us - 30 * DR_SECOND_US &&
                oracle_end_us(core, job, now_us) > window->from_us + 30 * DR_SECOND_US)
                checker_wrong(checker, &none,
                              "job %llu is not told to leave for advance reservation %u",
                              (unsigned long long)job->id.v, window->id);
        }
    }
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        int64_t from_us;

        if (job->id.v == 0)
            continue;
        if (dr_job_run(core, job)->promise != NONE &&
            kept_off(core, job, dr_job_run(core, job)->promise, UINT32_MAX, now_us,
                     now_us + oracle_limit_us(core, job,
                                              dr_job_run(core, job)->promise_alternative)) != 0)
            checker_wrong(checker, &none, "job %llu is promised what an advance reservation keeps",
                          (unsigned long long)job->id.v);
        /* One that is late is looked at by the next decision that has anything to do. */
        from_us = dr_job_run(core, job)->reservation_us;
        if (dr_job_run(core, job)->reservation == NONE || from_us < now_us)
            continue;
        if (kept_off(core, job, dr_job_run(core, job)->reservation, UINT32_MAX, from_us,
                     from_us + oracle_limit_us(
                                   core, job, dr_job_run(core, job)->reservation_alternative)) != 0)
            checker_wrong(checker, &none, "job %llu reserves what an advance reservation keeps",
                          (unsigned long long)job->id.v);
    }
}
