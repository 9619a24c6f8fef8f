/* SPDX-License-Identifier: Apache-2.0 */
/* Every fact and every decision comes here: read check_fact(), which says by what each kind of fact
 * is judged. The judges of a subject are in checker_held.c, checker_power.c, checker_evictions.c,
 * checker_starts.c and checker_windows.c; those of ends and ticks are below. */
#include "checker_parts.h"

#include <math.h>
#include <stdlib.h>

#define NONE DR_ROW_NONE

int checker_wrong(struct checker *checker, const struct dr_fact *fact, const char *format, ...)
{
    va_list arguments;
    int used;

    if (checker->says[0] != 0)
        return 0;
    used = snprintf(checker->says, sizeof checker->says,
                    "fact %llu (kind %d): ", (unsigned long long)fact->seq, (int)fact->kind);
    va_start(arguments, format);
    vsnprintf(checker->says + used, sizeof checker->says - (size_t)used, format, arguments);
    va_end(arguments);
    return 0;
}

const struct dr_job *checker_job(const struct dr_core *core, uint64_t id)
{
    for (uint32_t row = 0; row < core->jobs_high; row += 1)
        if (core->jobs[row].id.v == id)
            return &core->jobs[row];
    return NULL;
}

/* ---- ends ---- */

static void check_end(struct checker *checker, const struct dr_fact *fact,
                      const struct dr_core *core, const struct dr_job *job,
                      const struct dr_job *was)
{
    const struct dr_run *run = dr_job_run(core, job);
    const struct dr_fact_attempt_ended *ended = &fact->attempt_ended;
    int exited_well = ended->outcome == DR_OUTCOME_EXITED && ended->exit_code == 0;
    int taken = dr_job_run(core, was)->stopping == DR_STOP_RECLAIM ||
                dr_job_run(core, was)->stopping == DR_STOP_PRIORITY ||
                dr_job_run(core, was)->stopping == DR_STOP_POWER ||
                dr_job_run(core, was)->stopping == DR_STOP_WINDOW ||
                dr_job_run(core, was)->stopping == DR_STOP_FAIR_SHARE ||
                dr_job_run(core, was)->stopping == DR_STOP_ATTAINED;
    int lost = dr_job_run(core, was)->stopping == DR_STOP_NODE ||
               (dr_job_run(core, was)->stopping == DR_STOP_NONE &&
                ended->outcome == DR_OUTCOME_NODE_FAILED);
    int again = (lost || (taken && !(exited_well && !dr_job_run(core, was)->saved_after_warning)));
    int64_t kept_us = dr_job_run(core, was)->kept_us;
    enum dr_job_state next = DR_JOB_FAILED;
    uint32_t counts; /* towards the limit of requeues */

    if (again)
        next = dr_job_terms(core, was)->requeue ? DR_JOB_PENDING
               : taken                          ? DR_JOB_PREEMPTED
                                                : DR_JOB_NODE_FAIL;
    else if (taken)
        next = DR_JOB_COMPLETED;
    else if (dr_job_run(core, was)->stopping == DR_STOP_CANCEL ||
             dr_job_run(core, was)->stopping == DR_STOP_UNKNOWN)
        next = DR_JOB_CANCELLED;
    else if (dr_job_run(core, was)->stopping == DR_STOP_DEADLINE)
        next = DR_JOB_DEADLINE;
    else if (dr_job_run(core, was)->stopping == DR_STOP_LIMIT ||
             ended->outcome == DR_OUTCOME_TIMED_OUT)
        next = DR_JOB_TIMEOUT;
    else if (exited_well)
        next = DR_JOB_COMPLETED;
    else if (ended->outcome == DR_OUTCOME_OUT_OF_MEMORY)
        next = DR_JOB_OUT_OF_MEMORY;
    else if (ended->outcome == DR_OUTCOME_STOPPED)
        next = DR_JOB_CANCELLED;
    if (job->state != next)
        checker_wrong(checker, fact, "job %llu is %s, not %s", (unsigned long long)job->id.v,
                      dr_job_state_name(job->state), dr_job_state_name(next));
    counts = dr_job_run(core, was)->stopping != DR_STOP_ATTAINED;
    if (next == DR_JOB_PENDING &&
        (run->requeues != dr_job_run(core, was)->requeues + counts ||
         job->held != (counts && run->requeues > core->settings.requeue_limit)))
        checker_wrong(checker, fact, "job %llu is requeued for the %u. time, and %s",
                      (unsigned long long)job->id.v, run->requeues,
                      job->held ? "held" : "not held");
    if (run->preemptions != dr_job_run(core, was)->preemptions + (uint32_t)taken)
        checker_wrong(checker, fact, "job %llu has been preempted %u times, it says",
                      (unsigned long long)job->id.v, run->preemptions);
    if (dr_job_run(core, was)->start_us != 0 &&
        dr_job_run(core, was)->saved_us > dr_job_run(core, was)->start_us) {
        int64_t saved =
            dr_job_run(core, was)->saved_us - dr_job_run(core, was)->start_us -
            (dr_job_run(core, was)->attempt > 1 ? dr_job_terms(core, was)->restart_us : 0);

        kept_us += saved > 0 ? saved : 0;
    }
    if (run->kept_us != kept_us)
        checker_wrong(checker, fact, "job %llu has %lld us of work saved, not %lld",
                      (unsigned long long)job->id.v, (long long)dr_job_run(core, job)->kept_us,
                      (long long)kept_us);
}

/* ---- ticks ---- */

static void check_tick(struct checker *checker, const struct dr_fact *fact,
                       const struct dr_core *core)
{
    int64_t passed_us = checker->tick_us == 0 ? 0 : fact->time_us - checker->tick_us;
    double decay = exp2(-(double)passed_us / (double)core->settings.half_life_us);

    if (fabs((double)fact->tick.decay / 4294967296.0 - decay) > 1e-6)
        checker_wrong(checker, fact, "decay %u", fact->tick.decay);
    for (uint32_t account = 1; account <= core->accounts_count; account += 1)
        for (uint32_t group = 1; group <= core->groups_count; group += 1) {
            const struct dr_quota *quota = oracle_quota(core, account, group);
            int64_t *past = &checker->past[account - 1][group - 1];
            int64_t above = checker->look.sums.use[account - 1][group - 1] -
                            checker->guarantee[account - 1][group - 1];

            *past = (int64_t)(((__int128)*past * fact->tick.decay) >> 32);
            if (above > 0)
                *past += above * (passed_us / 1000000);
            if (quota->past != *past)
                checker_wrong(checker, fact, "past use of account %u in group %u is %lld, not %lld",
                              account, group, (long long)quota->past, (long long)*past);
        }
    checker->tick_us = fact->time_us;
}

/* ---- after a decision ---- */

void checker_decided(struct world *world, void *context)
{
    struct checker *checker = context;
    const struct dr_core *core = world->shadow;
    static struct oracle look;
    struct dr_fact none = {.kind = DR_FACT_TICK, .time_us = world->now_us};

    oracle_look(&look, core,
                (struct oracle_thought){.now_us = world->now_us, .at_us = world->now_us});
    checker_windows_now(checker, core, world->now_us);
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);
        const struct dr_terms *terms = dr_job_terms(core, job);
        uint32_t pool;

        if (job->id.v != 0 && job->state == DR_JOB_PENDING && terms->deadline_ends &&
            terms->deadline_us != 0 && terms->deadline_us <= world->now_us)
            checker_wrong(checker, &none, "job %llu waits after its deadline",
                          (unsigned long long)job->id.v);
        if (oracle_holds(job) && run->stopping == DR_STOP_NONE &&
            (world->now_us >= (run->start_us != 0 ? run->start_us : run->placed_us) +
                                  run->attempt_limit_us + terms->grace_us + DR_MINUTE_US ||
             (terms->deadline_ends && terms->deadline_us != 0 &&
              terms->deadline_us <= world->now_us)))
            checker_wrong(checker, &none, "job %llu runs beyond its time",
                          (unsigned long long)job->id.v);
        if (job->state == DR_JOB_PENDING && !job->held)
            checker->cheaper += oracle_cheaper_later(core, job, world->now_us) > 1.6;
        for (uint32_t at = job->id.v == 0 ? NONE : run->promise; at != NONE;
             at = core->extents[at].next)
            if (!oracle_node_up(core, core->extents[at].extent.node.v - 1) ||
                core->nodes[core->extents[at].extent.node.v - 1].removing)
                checker_wrong(checker, &none, "job %llu is promised a node that is not up",
                              (unsigned long long)job->id.v);
        if (!oracle_waits(core, job, world->now_us))
            continue;
        checker->waiting += 1;
        if (checker_could_start(&look, job, world->now_us, NULL, &pool))
            checker_wrong(checker, &none,
                          "after a decision job %llu could start in pool %u, and waits",
                          (unsigned long long)job->id.v, pool);
    }
}

/* ---- all of it ---- */

static void remember(struct checker *checker, const struct dr_core *core)
{
    if (core->jobs_high > CHECKER_JOBS)
        abort();
    checker->was_count = core->jobs_high;
    memcpy(checker->was, core->jobs, core->jobs_high * sizeof checker->was[0]);
    /* What had become of them lies in the last rows of the same table, which no job comes to. */
    if (core->runs_high + CHECKER_JOBS > core->limits.jobs_max)
        abort();
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        checker->was[row].run = core->limits.jobs_max - row;
        core->runs[checker->was[row].run] = *dr_job_run(core, &core->jobs[row]);
    }
    for (uint32_t account = 1; account <= core->accounts_count; account += 1)
        for (uint32_t group = 1; group <= core->groups_count; group += 1)
            checker->guarantee[account - 1][group - 1] =
                oracle_quota(core, account, group)->guarantee;
}

/* The job as it was before the fact. */
static const struct dr_job *was_of(const struct checker *checker, uint64_t id)
{
    for (uint32_t row = 0; row < checker->was_count; row += 1)
        if (checker->was[row].id.v == id)
            return &checker->was[row];
    return NULL;
}

static void check_fact(struct checker *checker, const struct dr_fact *fact,
                       const struct dr_core *core)
{
    const struct dr_job *job = dr_fact_job(fact) == 0 ? NULL : checker_job(core, dr_fact_job(fact));
    const struct dr_run *run = job == NULL ? NULL : dr_job_run(core, job);
    const struct dr_job *was = job == NULL ? NULL : was_of(checker, job->id.v);

    switch (fact->kind) {
    case DR_FACT_TICK:
    case DR_FACT_DECIDED_NOTHING:
        check_tick(checker, fact, core);
        checker_kept(checker, fact, core);
        break;
    case DR_FACT_JOB_PLACED:
        checker->starts += 1;
        checker->backfills += fact->job_placed.rule == DR_RULE_BACKFILL;
        checker_law(checker, fact, core, was, fact->job_placed.pool, fact->job_placed.alternative,
                    run->extents);
        checker_quotas(checker, fact, core, &checker->look.sums, job, fact->job_placed.pool,
                       fact->job_placed.alternative);
        checker_power(checker, fact, core, job);
        if (fact->job_placed.rule != DR_RULE_PROMISE &&
            fact->job_placed.rule != DR_RULE_ELSEWHERE &&
            oracle_cheaper_later(core, was, fact->time_us) > 1.6)
            checker_wrong(checker, fact, "job %llu did not wait for cheaper hours",
                          (unsigned long long)was->id.v);
        checker_start(checker, fact, core, job, was);
        checker_delays(checker, fact, core, job);
        if (dr_job_run(core, was)->reservation != NONE &&
            fact->time_us > dr_job_run(core, was)->reservation_us) {
            checker->late += 1;
            if (checker->calm)
                checker_wrong(checker, fact, "job %llu starts %lld s after its reservation",
                              (unsigned long long)job->id.v,
                              (long long)(fact->time_us - dr_job_run(core, was)->reservation_us) /
                                  1000000);
        }
        break;
    case DR_FACT_JOB_PROMISED:
        checker_law(checker, fact, core, job, fact->job_promised.pool,
                    fact->job_promised.alternative, run->promise);
        checker_quotas(checker, fact, core, &checker->look.sums, job, fact->job_promised.pool,
                       fact->job_promised.alternative);
        checker_promise(checker, fact, core, job);
        checker_note_promise(checker, fact);
        checker->victims_count = 0;
        break;
    case DR_FACT_PROMISE_DROPPED:
        checker_dropped(checker, fact, core, was);
        break;
    case DR_FACT_RESERVATION_MADE:
        checker->reservations += 1;
        checker_law(checker, fact, core, job, fact->reservation_made.pool,
                    fact->reservation_made.alternative, run->reservation);
        checker_reservation(checker, fact, core, job, was);
        break;
    case DR_FACT_RESERVATION_DROPPED:
        for (uint32_t row = 0; fact->reservation_dropped.by != 0 && row < core->jobs_high; row += 1)
            if (core->jobs[row].id.v == fact->reservation_dropped.by &&
                dr_job_run(core, &core->jobs[row])->promise != NONE &&
                (dr_job_run(core, &core->jobs[row])->promise_cause == DR_STOP_FAIR_SHARE ||
                 dr_job_run(core, &core->jobs[row])->promise_cause == DR_STOP_ATTAINED))
                checker_wrong(checker, fact, "what was taken by fair share had been reserved");
        break;
    case DR_FACT_ATTEMPT_STOPPING:
        if (fact->attempt_stopping.cause == DR_STOP_RECLAIM ||
            fact->attempt_stopping.cause == DR_STOP_PRIORITY ||
            fact->attempt_stopping.cause == DR_STOP_FAIR_SHARE ||
            fact->attempt_stopping.cause == DR_STOP_ATTAINED)
            checker_eviction(checker, fact, core, job);
        if (fact->attempt_stopping.cause == DR_STOP_POWER)
            checker_curtailed(checker, fact, core, job);
        if (fact->attempt_stopping.cause == DR_STOP_WINDOW)
            checker_window_told(checker, fact, core, job);
        break;
    case DR_FACT_NODES_POWER:
        checker_switched(checker, fact, core);
        checker->evictions = 0;
        break;
    case DR_FACT_WINDOW_HELD:
        checker_window_held(checker, fact, core);
        break;
    case DR_FACT_POWER_SHORT:
        checker_short(checker, fact, core);
        break;
    case DR_FACT_ATTEMPT_ENDED:
        check_end(checker, fact, core, job, was);
        if (fact->attempt_ended.next_state != DR_JOB_PENDING)
            checker->evictions = 0;
        break;
    case DR_FACT_JOB_ACCEPTED:
    case DR_FACT_JOB_ENDED:
    case DR_FACT_JOB_RELEASED:
    case DR_FACT_NODE_FLAGS:
    case DR_FACT_SITE_REACH:
    case DR_FACT_ATTEMPT_REACH:
    case DR_FACT_SITE_SET:
    case DR_FACT_ACCOUNT_SET:
    case DR_FACT_ZONE_SET:
    case DR_FACT_GRID_CAP_SET:
    case DR_FACT_GRID_CAP_REMOVED:
    case DR_FACT_WINDOW_MADE:
    case DR_FACT_WINDOW_DROPPED:
        checker->evictions = 0;
        break;
    case DR_FACT_ZONE_REMOVED:
    case DR_FACT_LEADER_TOOK:
    case DR_FACT_SETTINGS_SET:
    case DR_FACT_CHIP_SET:
    case DR_FACT_CHIP_REMOVED:
    case DR_FACT_SITE_REMOVED:
    case DR_FACT_GROUP_SET:
    case DR_FACT_GROUP_REMOVED:
    case DR_FACT_POOL_SET:
    case DR_FACT_POOL_REMOVED:
    case DR_FACT_PART_LEAVING:
    case DR_FACT_NODES_ADDED:
    case DR_FACT_DATA_CLASS_SET:
    case DR_FACT_DATA_CLASS_REMOVED:
    case DR_FACT_DATASET_SET:
    case DR_FACT_DATASET_REMOVED:
    case DR_FACT_ACCOUNT_REMOVED:
    case DR_FACT_ALLOCATION_SET:
    case DR_FACT_ALLOCATION_REMOVED:
    case DR_FACT_ALLOCATION_TERM:
    case DR_FACT_USER_SET:
    case DR_FACT_USER_REMOVED:
    case DR_FACT_TOKEN_ISSUED:
    case DR_FACT_TOKEN_REVOKED:
    case DR_FACT_JOB_HELD:
    case DR_FACT_ATTEMPT_STARTED:
    case DR_FACT_CHECKPOINT_SEEN:
    case DR_FACT_TEXT_ERASED:
        break;
    }
}

void checker_fact(struct world *world, const struct dr_fact *fact, void *context)
{
    struct checker *checker = context;
    const struct dr_core *core = world->shadow;

    checker_places(checker, fact, core);
    checker_sharing(checker, fact, core);
    oracle_look(&checker->look, core, (struct oracle_thought){.gone = NULL});
    checker_sums(checker, fact, core, &checker->look.sums);
    checker_windows(checker, fact, core);
    if (fact->kind != DR_FACT_ATTEMPT_STOPPING && fact->kind != DR_FACT_JOB_PROMISED &&
        fact->kind != DR_FACT_RESERVATION_DROPPED)
        checker->victims_count = 0;
    check_fact(checker, fact, core);
    remember(checker, core);
}
