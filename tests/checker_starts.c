/* SPDX-License-Identifier: Apache-2.0 */
/* Starts, and reservations of starts: nobody who comes first is passed by, no place is cheaper, no
 * reserved job is delayed, no reservation is too late. Read checker_start() first. */
#include "checker_parts.h"

#include <math.h>

#include "core/mix.h"

#define NONE DR_ROW_NONE

static uint32_t row_of(const struct dr_core *core, const struct dr_job *job)
{
    return (uint32_t)(job - core->jobs);
}

/* May a job that runs until `end_us` start without a thought for reservations? */
static int free_of_reservations(const struct dr_core *core, const struct dr_job *job,
                                int64_t end_us)
{
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *other = &core->jobs[row];

        if (other->id.v != 0 && other != job && dr_job_run(core, other)->reservation != NONE &&
            dr_job_run(core, other)->reservation_us < end_us)
            return 0;
    }
    return 1;
}

int checker_could_start(const struct oracle *look, const struct dr_job *job, int64_t now_us,
                        const struct dr_job *reserved, uint32_t *pool)
{
    const struct dr_core *core = look->core;

    for (uint32_t index = 0; index < core->shapes[job->shape].alternatives_count; index += 1)
        for (*pool = 1; *pool <= core->pools_count; *pool += 1)
            if (free_of_reservations(core, job, now_us + oracle_limit_us(core, job, index)) &&
                (reserved == NULL || dr_job_run(core, reserved)->reservation == NONE ||
                 dr_job_run(core, reserved)->reservation_us >=
                     now_us + oracle_limit_us(core, job, index)) &&
                oracle_fits(look, job, index, *pool, now_us))
                return 1;
    return 0;
}

/* Could a reserved job start at its time by quotas, if attempts end as believed, with the job that
 * has just started, or without? */
static int quotas_at(const struct dr_core *core, const struct dr_job *reserved,
                     const struct dr_job *started, int with, int64_t now_us)
{
    static struct oracle look;
    static uint8_t gone[ORACLE_JOBS];

    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];

        /* An attempt that was launched a little late ends a little after the reservation that
         * counts on it: that is nobody's doing. */
        gone[row] =
            oracle_holds(job) && (job == started ? !with
                                                 : oracle_end_us(core, job, now_us) <=
                                                       dr_job_run(core, reserved)->reservation_us +
                                                           (with ? DR_MINUTE_US : 0));
    }
    oracle_look(
        &look, core,
        (struct oracle_thought){.gone = gone,
                                .reserved = 1,
                                .places_aside = 1,
                                .reserved_until_us = dr_job_run(core, reserved)->reservation_us,
                                .apart = reserved});
    return oracle_quotas_allow(&look, reserved, dr_job_run(core, reserved)->reservation_alternative,
                               dr_job_run(core, reserved)->reservation_pool.v);
}

/* Who starts above his guarantee takes no quota without which a reserved job could not begin. */
void checker_delays(struct checker *checker, const struct dr_fact *fact, const struct dr_core *core,
                    const struct dr_job *job)
{
    int64_t end_us = fact->time_us + fact->job_placed.limit_us;

    if (fact->job_placed.tier != 2)
        return;
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *other = &core->jobs[row];

        if (other->id.v == 0 || dr_job_run(core, other)->reservation == NONE ||
            dr_job_run(core, other)->reservation_us >= end_us ||
            dr_job_run(core, other)->reservation_us < fact->time_us)
            continue;
        checker->contests += 1;
        if (quotas_at(core, other, job, 0, fact->time_us) &&
            !quotas_at(core, other, job, 1, fact->time_us))
            checker_wrong(checker, fact, "job %llu takes the quota that job %llu has reserved",
                          (unsigned long long)job->id.v, (unsigned long long)other->id.v);
    }
}

/* Nobody who surely comes before it could have started instead, and no place is cheaper. */
void checker_start(struct checker *checker, const struct dr_fact *fact, const struct dr_core *core,
                   const struct dr_job *job, const struct dr_job *was)
{
    static struct oracle look;
    static uint8_t gone[ORACLE_JOBS];
    static struct dr_job now;
    uint32_t tasks[ORACLE_NODES];
    double least = INFINITY;
    uint32_t pool;

    if (fact->job_placed.limit_us != oracle_limit_us(core, was, fact->job_placed.alternative))
        checker_wrong(checker, fact, "job %llu has a limit of %lld us",
                      (unsigned long long)job->id.v, (long long)fact->job_placed.limit_us);
    if (fact->job_placed.rule == DR_RULE_PROMISE ||
        (fact->job_placed.rule == DR_RULE_ELSEWHERE && core->mix->count > 0))
        return; /* what was promised counts as taken while another place is looked for */
    memset(gone, 0, sizeof gone);
    gone[row_of(core, job)] = 1;
    oracle_look(&look, core,
                (struct oracle_thought){.gone = gone, .apart = job, .at_us = fact->time_us});
    for (uint32_t index = 0; index < core->shapes[job->shape].alternatives_count; index += 1) {
        /* Of an elastic job's sizes only the largest for which there is a place. */
        int is_size = index < core->shapes[job->shape].sizes;

        if (is_size && least < INFINITY)
            continue;
        for (pool = 1; pool <= core->pools_count; pool += 1)
            if (free_of_reservations(core, job, DR_FOREVER_US) &&
                oracle_fits(&look, was, index, pool, fact->time_us) &&
                oracle_place(&look, was, index, pool, tasks)) {
                double cost = oracle_cost(&look, was, index, pool, tasks, fact->time_us);

                if (is_size && index < fact->job_placed.alternative &&
                    fact->job_placed.alternative < core->shapes[job->shape].sizes)
                    checker_wrong(checker, fact, "job %llu could have started larger",
                                  (unsigned long long)job->id.v);
                least = cost < least ? cost : least;
            }
    }
    checker->priced += least < INFINITY;
    /* The core rounds energy down in some thirty places, by less than a micro-unit per kilowatt
     * each; and how often a like comes to 2^-20, so that what a place breaks may cost less by some
     * parts in 10^5. */
    if (least < INFINITY && core->settings.placement == DR_PLACEMENT_DAERO &&
        fabs((double)fact->job_placed.cost_micro - least) > fmax(1000, least / 10000))
        checker_wrong(checker, fact, "job %llu costs %lld where %.0f is the least",
                      (unsigned long long)job->id.v, (long long)fact->job_placed.cost_micro, least);
    if (fact->job_placed.rule == DR_RULE_ELSEWHERE)
        return;
    now = *was;
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *other = &core->jobs[row];

        if (!oracle_waits(core, other, fact->time_us) ||
            !oracle_comes_before(&look, other, &now, fact->time_us))
            continue;
        checker->compared += 1;
        if (checker_could_start(&look, other, fact->time_us, &now, &pool))
            checker_wrong(checker, fact,
                          "job %llu starts before job %llu, which could start in pool %u",
                          (unsigned long long)job->id.v, (unsigned long long)other->id.v, pool);
    }
}

/* ---- reservations ---- */

void checker_reservation(struct checker *checker, const struct dr_fact *fact,
                         const struct dr_core *core, const struct dr_job *job,
                         const struct dr_job *was)
{
    static struct oracle look;
    uint32_t of_pool[ORACLE_NODES] = {0};
    int64_t latest = DR_FOREVER_US;
    int64_t earliest = DR_FOREVER_US;
    int64_t start_us = fact->reservation_made.start_us;

    for (uint32_t row = 0; row < core->jobs_high; row += 1)
        if (core->jobs[row].id.v != 0 && dr_job_run(core, &core->jobs[row])->reservation != NONE)
            of_pool[dr_job_run(core, &core->jobs[row])->reservation_pool.v] += 1;
    if (of_pool[fact->reservation_made.pool] > core->settings.reserve_depth)
        checker_wrong(checker, fact, "%u reservations in pool %u",
                      of_pool[fact->reservation_made.pool], fact->reservation_made.pool);
    of_pool[fact->reservation_made.pool] -= 1;
    oracle_look(&look, core,
                (struct oracle_thought){.reserved = 1, .apart = job, .at_us = fact->time_us});
    if (dr_job_run(core, was)->reservation != NONE &&
        start_us >= dr_job_run(core, was)->reservation_us)
        checker_wrong(checker, fact, "the reservation of job %llu moved back",
                      (unsigned long long)job->id.v);
    for (uint32_t index = 0; index < core->shapes[job->shape].alternatives_count; index += 1)
        for (uint32_t pool = 1; pool <= core->pools_count; pool += 1) {
            int64_t when = oracle_earliest_us(core, job, index, pool, fact->time_us, 0);

            earliest = when < earliest ? when : earliest;
            if (of_pool[pool] >= core->settings.reserve_depth ||
                dr_job_run(core, was)->reservation != NONE ||
                oracle_fits(&look, job, index, pool, fact->time_us))
                continue; /* what holds it there now is another's reservation, not an end */
            when = oracle_earliest_us(core, job, index, pool, fact->time_us, 1);
            latest = when < latest ? when : latest;
        }
    checker->shadows += dr_job_run(core, was)->reservation == NONE;
    if (start_us < earliest || (dr_job_run(core, was)->reservation == NONE && start_us > latest))
        checker_wrong(checker, fact, "job %llu is to start in %lld s, not between %lld and %lld",
                      (unsigned long long)job->id.v,
                      (long long)(start_us - fact->time_us) / 1000000,
                      (long long)(earliest - fact->time_us) / 1000000,
                      (long long)(latest - fact->time_us) / 1000000);
}
