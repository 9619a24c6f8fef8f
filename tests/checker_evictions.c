/* SPDX-License-Identifier: Apache-2.0 */
/* Who is taken, for whom, and what he was promised: reclaim, priority and fair share. Each victim
 * is judged when he is told to leave, by checker_eviction(), and the set as a whole when its place
 * is promised, by checker_promise(). */
#include "checker_parts.h"

#include "base/math.h"

void checker_eviction(struct checker *checker, const struct dr_fact *fact,
                      const struct dr_core *core, const struct dr_job *victim)
{
    static struct oracle before;
    const struct dr_job *taker = NULL;
    uint32_t towards_y;
    int borrows = 0;

    checker->evictions += 1;
    checker->reclaims += 1;
    if (checker->victims_count < DR_COUNT_OF(checker->victims)) {
        checker->victims[checker->victims_count] = victim->id.v;
        checker->victims_count += 1;
    }
    if (checker->evictions > checker->evictions_most)
        checker->evictions_most = checker->evictions;
    if (checker->evictions > 20) /* worlds of 40 jobs: more is a loop */
        checker_wrong(checker, fact, "%u evictions since anything came from outside",
                      checker->evictions);
    if (fact->attempt_stopping.loss != oracle_loss_us(core, victim, fact->time_us) / DR_SECOND_US)
        checker_wrong(checker, fact, "job %llu loses %lld accelerator-seconds, not %lld",
                      (unsigned long long)victim->id.v,
                      (long long)oracle_loss_us(core, victim, fact->time_us) / DR_SECOND_US,
                      (long long)fact->attempt_stopping.loss);
    if (!dr_job_terms(core, victim)->preemptible)
        checker_wrong(checker, fact, "firm job %llu was taken", (unsigned long long)victim->id.v);
    if (fact->time_us - dr_job_run(core, victim)->start_us < core->settings.minimum_run_us)
        checker_wrong(checker, fact, "job %llu was taken before it had run minimum_run",
                      (unsigned long long)victim->id.v);
    for (uint32_t row = 0; row < core->jobs_high; row += 1)
        if (core->jobs[row].id.v == fact->attempt_stopping.for_job)
            taker = &core->jobs[row];
    if (taker == NULL || taker->state != DR_JOB_PENDING) {
        checker_wrong(checker, fact, "job %llu was taken for nobody",
                      (unsigned long long)victim->id.v);
        return;
    }
    if (fact->attempt_stopping.cause == DR_STOP_PRIORITY) {
        if (victim->priority >= taker->priority)
            checker_wrong(checker, fact, "priority took one of no lower priority");
        return;
    }
    if (fact->attempt_stopping.cause == DR_STOP_ATTAINED) {
        checker->attained += 1;
        if (core->settings.ordering != DR_ORDERING_LAS || fact->time_us != core->tick_us)
            checker_wrong(checker, fact, "attained service is not judged now");
        if (oracle_band(core, victim, fact->time_us) <= oracle_band(core, taker, fact->time_us))
            checker_wrong(checker, fact, "job %llu was taken, which had had no more",
                          (unsigned long long)victim->id.v);
        if (!dr_job_terms(core, victim)->requeue)
            checker_wrong(checker, fact, "job %llu was taken, which does not come back",
                          (unsigned long long)victim->id.v);
        return;
    }
    if (taker->account.v == victim->account.v)
        checker_wrong(checker, fact, "an account took from itself");
    if (fact->attempt_stopping.cause == DR_STOP_FAIR_SHARE) {
        checker->fair += 1;
        if (fact->time_us - dr_job_run(core, victim)->start_us < core->settings.fair_minimum_run_us)
            checker_wrong(checker, fact, "job %llu was taken before it had run fair_minimum_run",
                          (unsigned long long)victim->id.v);
        if (core->settings.fair_preemption != DR_FAIR_PREEMPTION_FINAL_SHARE ||
            fact->time_us != core->tick_us)
            checker_wrong(checker, fact, "fair share is not judged now");
        if (dr_job_run(core, taker)->preemptions >= 3)
            checker_wrong(checker, fact,
                          "job %llu has been preempted too often to take by fair share",
                          (unsigned long long)taker->id.v);
    }
    oracle_look(&before, core, (struct oracle_thought){.also = victim});
    towards_y = oracle_towards(core, victim->account.v, taker->account.v);
    for (uint32_t i = 0; i < 3; i += 1) {
        uint32_t group = core->pools[dr_job_run(core, victim)->pool.v - 1].groups[i].v - 1;
        int all = 1;

        for (uint32_t at = victim->account.v;; at = core->accounts[at - 1].parent.v) {
            const struct dr_quota *quota =
                &core->quotas[(size_t)(at - 1) * core->limits.groups_max + group];

            all &= before.sums.occupied[at - 1][group] > quota->guarantee;
            if (at == towards_y)
                break;
        }
        borrows |= all;
    }
    if (!borrows)
        checker_wrong(checker, fact, "job %llu was taken though its branch is within its guarantee",
                      (unsigned long long)victim->id.v);
}

/* ---- promises ---- */

/* Does an account below the common one have less than its guarantee, after one below it, or it,
 * was taken from? */
static int check_not_under(const struct dr_core *core, const struct oracle *look,
                           const struct dr_job *job, const struct dr_job *victim, uint32_t at)
{
    int64_t holds[3];
    uint32_t group;

    if (oracle_within(core, job->account.v, at))
        return 1;
    oracle_amounts(core, victim, dr_job_run(core, victim)->alternative, holds);
    group = core->pools[dr_job_run(core, victim)->pool.v - 1].groups[holds[0] > 0 ? 0 : 1].v;
    return look->sums.occupied[at - 1][group - 1] >= oracle_quota(core, at, group)->guarantee;
}

/* ... and beside whatever others reserve? */
static int fits_beside(const struct oracle *look, const struct dr_job *job, uint32_t index,
                       uint32_t pool)
{
    static struct oracle reserved;
    struct oracle_thought thought = look->thought;

    thought.reserved = 1;
    oracle_look(&reserved, look->core, thought);
    return oracle_room(&reserved, job, index, pool);
}

/* The set as a whole: whoever takes back is within his guarantee with what he asked, and would not
 * fit if any one of them stayed. */
void checker_promise(struct checker *checker, const struct dr_fact *fact,
                     const struct dr_core *core, const struct dr_job *job)
{
    static struct oracle look;
    static uint8_t gone[ORACLE_JOBS];
    uint32_t pool = fact->job_promised.pool;
    uint32_t index = fact->job_promised.alternative;
    int64_t loss = 0;
    int64_t amounts[3];

    oracle_amounts(core, job, index, amounts);
    oracle_look(&look, core, (struct oracle_thought){.gone = NULL});
    for (uint32_t i = 0; i < checker->victims_count; i += 1) {
        const struct dr_job *victim = checker_job(core, checker->victims[i]);
        uint32_t towards = oracle_towards(core, job->account.v, victim->account.v);

        loss += oracle_loss_us(core, victim, fact->time_us);
        if (fact->job_promised.until_us < dr_job_run(core, victim)->stop_until_us)
            checker_wrong(checker, fact,
                          "the promise of job %llu is overdue before job %llu has to leave",
                          (unsigned long long)job->id.v, (unsigned long long)victim->id.v);
        for (uint32_t k = 0; k < 3 && dr_job_run(core, victim)->stopping == DR_STOP_RECLAIM;
             k += 1) {
            uint32_t group = core->pools[pool - 1].groups[k].v;

            if (amounts[k] != 0 && look.sums.occupied[towards - 1][group - 1] >
                                       oracle_quota(core, towards, group)->guarantee)
                checker_wrong(checker, fact,
                              "job %llu takes back though account %u is above its guarantee",
                              (unsigned long long)job->id.v, towards);
        }
        for (uint32_t at = victim->account.v;
             dr_job_run(core, victim)->stopping == DR_STOP_PRIORITY && at != 0;
             at = core->accounts[at - 1].parent.v) {
            int own = victim->account.v == job->account.v;
            int below = own;

            for (uint32_t above = job->account.v; above != 0 && !own;
                 above = core->accounts[above - 1].parent.v)
                below |= core->accounts[above - 1].preempt_below &&
                         oracle_within(core, victim->account.v, above);
            if (!below)
                checker_wrong(checker, fact, "priority of job %llu does not reach job %llu",
                              (unsigned long long)job->id.v, (unsigned long long)victim->id.v);
            if (!own && !check_not_under(core, &look, job, victim, at))
                checker_wrong(checker, fact, "priority of job %llu pushes account %u under",
                              (unsigned long long)job->id.v, at);
        }
        for (uint32_t at = victim->account.v;
             (dr_job_run(core, victim)->stopping == DR_STOP_FAIR_SHARE ||
              dr_job_run(core, victim)->stopping == DR_STOP_ATTAINED) &&
             at != 0;
             at = core->accounts[at - 1].parent.v)
            if (!check_not_under(core, &look, job, victim, at))
                checker_wrong(checker, fact,
                              "job %llu takes by fair share and pushes account %u under",
                              (unsigned long long)job->id.v, at);
        if (dr_job_run(core, victim)->stopping == DR_STOP_FAIR_SHARE) {
            const char *unfair =
                oracle_unfair(core, job, checker->victims, checker->victims_count, victim);

            if (unfair != NULL)
                checker_wrong(checker, fact, "job %llu, taken for job %llu by fair share: %s",
                              (unsigned long long)victim->id.v, (unsigned long long)job->id.v,
                              unfair);
        }
    }
    if (fact->job_promised.victims != checker->victims_count ||
        fact->job_promised.loss != loss / DR_SECOND_US)
        checker_wrong(checker, fact, "job %llu: %u victims and %lld lost, not %u and %lld",
                      (unsigned long long)job->id.v, checker->victims_count,
                      (long long)loss / DR_SECOND_US, fact->job_promised.victims,
                      (long long)fact->job_promised.loss);
    for (uint32_t i = 0; i < checker->victims_count; i += 1) {
        const struct dr_job *kept = checker_job(core, checker->victims[i]);

        for (uint32_t row = 0; row < core->jobs_high; row += 1)
            gone[row] = core->jobs[row].state == DR_JOB_COMPLETING &&
                        dr_job_run(core, &core->jobs[row])->pool.v == pool &&
                        &core->jobs[row] != kept;
        oracle_look(&look, core,
                    (struct oracle_thought){.gone = gone,
                                            .also = kept,
                                            .apart = job,
                                            .at_us = fact->time_us,
                                            .late_us = 2 * DR_MINUTE_US});
        if (oracle_fits(&look, job, index, pool, fact->time_us) &&
            ((dr_job_run(core, kept)->stopping != DR_STOP_FAIR_SHARE &&
              dr_job_run(core, kept)->stopping != DR_STOP_ATTAINED) ||
             fits_beside(&look, job, index, pool)))
            checker_wrong(checker, fact,
                          "job %llu is taken for job %llu, which would fit without that",
                          (unsigned long long)kept->id.v, (unsigned long long)job->id.v);
    }
}

/* A promise is kept while its place can be had, until its victims are overdue. */
void checker_dropped(struct checker *checker, const struct dr_fact *fact,
                     const struct dr_core *core, const struct dr_job *was)
{
    const struct checker_promise *promise = &checker->promises[was->id.v % CHECKER_JOBS];

    if (fact->time_us > dr_job_run(core, was)->promise_until_us ||
        !oracle_lawful(core, was, dr_job_run(core, was)->promise_alternative,
                       dr_job_run(core, was)->promise_pool.v))
        return;
    for (uint32_t i = 0; i < promise->nodes_count; i += 1)
        if (!oracle_node_up(core, promise->nodes[i] - 1) ||
            core->nodes[promise->nodes[i] - 1].removing ||
            oracle_kept_off(
                core, was->account.v, promise->nodes[i] - 1, fact->time_us,
                fact->time_us +
                    oracle_limit_us(core, was, dr_job_run(core, was)->promise_alternative)))
            return;
    checker_wrong(checker, fact, "the promise of job %llu is given up",
                  (unsigned long long)was->id.v);
}

void checker_note_promise(struct checker *checker, const struct dr_fact *fact)
{
    struct checker_promise *promise = &checker->promises[fact->job_promised.job % CHECKER_JOBS];

    promise->nodes_count = 0;
    for (uint32_t i = 0; i < fact->job_promised.extents_count && i < DR_COUNT_OF(promise->nodes);
         i += 1) {
        promise->nodes[i] = fact->job_promised.extents[i].node.v;
        promise->nodes_count += 1;
    }
}
