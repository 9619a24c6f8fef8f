/* SPDX-License-Identifier: Apache-2.0 */
/* SUBMIT: everything that can be wrong with a job, and the fact that accepts it. */
#include "base/math.h"
#include "core/admit.h"
#include "core/never.h"
#include "core/timer.h"

#define PRIORITY_MAX    1000000
#define DURATION_MAX_US (400 * DR_DAY_US)
#define SINGLETONS_MAX  4096
#define FACTOR_MAX      1000000
#define SIGNAL_MAX      64
#define MEMORY_MB_MAX   (1u << 30)
#define CPUS_MILLI_MAX  (1u << 24)

static int check_account(const struct dr_core *core, const struct dr_command *command,
                         struct dr_fact_job_accepted *job, struct dr_answer *answer)
{
    const struct dr_account *account;
    uint8_t roles;

    if (job->job_user == 0)
        job->job_user = command->user.v;
    if (job->job_user == 0 || job->job_user > core->users_count ||
        core->users[job->job_user - 1].removed)
        return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "user", "there is no such user");
    if (job->job_user != command->user.v && !(dr_command_roles(core, command, (dr_account_id){0}) &
                                              (DR_ROLE_BIT(OPERATOR) | DR_ROLE_BIT(ADMIN))))
        return dr_refuse(answer, DR_REFUSAL_DENIED, "user",
                         "only operators and admins submit for other users");
    if (job->account == 0) {
        job->account = core->users[job->job_user - 1].default_account.v;
        if (job->account == 0)
            return dr_refuse(answer, DR_REFUSAL_INVALID, "account",
                             "user %s has no default account; name one",
                             core->users[job->job_user - 1].name);
    }
    if (job->account > core->accounts_count || core->accounts[job->account - 1].removed)
        return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "account", "there is no such account");
    account = &core->accounts[job->account - 1];
    if (account->leaving)
        return dr_refuse(answer, DR_REFUSAL_STATE, "account",
                         "account %s is leaving the federation and takes no new jobs",
                         account->name);
    if (account->first_child != DR_ROW_NONE)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "account",
                         "account %s has accounts below it; jobs belong to one of those",
                         account->name);
    roles = dr_user_roles(core, (dr_user_id){job->job_user}, (dr_account_id){job->account});
    if (command->user.v == job->job_user)
        roles &= command->roles;
    if (!(roles & (DR_ROLE_BIT(USER) | DR_ROLE_BIT(ACCOUNT_ADMIN) | DR_ROLE_BIT(ADMIN))))
        return dr_refuse(answer, DR_REFUSAL_DENIED, "account",
                         "user %s may not submit to account %s",
                         core->users[job->job_user - 1].name, account->name);
    return 1;
}

dr_account_id dr_submit_account(const struct dr_core *core, const struct dr_command *command)
{
    const struct dr_fact_job_accepted *job = &command->body.submit;
    uint32_t user = job->job_user != 0 ? job->job_user : command->user.v;
    uint32_t account = job->account;

    if (account == 0 && user != 0 && user <= core->users_count)
        account = core->users[user - 1].default_account.v;
    if (account > core->accounts_count)
        account = 0;
    return (dr_account_id){account};
}

uint32_t dr_account_jobs_max(const struct dr_core *core, dr_account_id id)
{
    const struct dr_account *account = &core->accounts[id.v - 1];

    if (account->jobs_max != 0 || account->first_child != DR_ROW_NONE)
        return account->jobs_max;
    return core->settings.default_jobs_max;
}

int dr_admit_more_jobs(const struct dr_core *core, dr_account_id id, uint32_t more,
                       struct dr_answer *answer)
{
    const struct dr_account *account = &core->accounts[id.v - 1];
    uint32_t jobs_max = dr_account_jobs_max(core, id);

    if (jobs_max == 0 || (uint64_t)account->jobs_live + more <= jobs_max)
        return 1;
    return dr_refuse(answer, DR_REFUSAL_LIMIT, "account",
                     "account %s has %u jobs that have not ended; with %u more it would pass its "
                     "limit of %u (%s)",
                     account->name, account->jobs_live, more, jobs_max,
                     account->jobs_max != 0 ? "its jobs_max" : "the federation's default_jobs_max");
}

/* The account and all above it. */
static int check_jobs_max(const struct dr_core *core, const struct dr_fact_job_accepted *job,
                          struct dr_answer *answer)
{
    for (dr_account_id id = {job->account}; id.v != 0; id = core->accounts[id.v - 1].parent)
        if (!dr_admit_more_jobs(core, id, 1, answer))
            return 0;
    return 1;
}

static int check_alternative(const struct dr_core *core, const struct dr_alternative *alternative,
                             uint32_t index, struct dr_answer *answer)
{
    char prefix[32] = "";
    char field[64];

    if (index > 0)
        dr_format(prefix, sizeof prefix, "alternatives[%u].", index - 1);
#define FIELD(name) dr_format(field, sizeof field, "%s%s", prefix, name)
    if (alternative->tasks < 1 || alternative->tasks > DR_TASKS_MAX)
        return dr_refuse(answer, DR_REFUSAL_INVALID, FIELD("tasks"),
                         "found %u tasks, expected 1 to %u", alternative->tasks, DR_TASKS_MAX);
    if (alternative->accelerators_per_task > 1000 && alternative->accelerators_per_task % 1000 != 0)
        return dr_refuse(answer, DR_REFUSAL_INVALID, FIELD("accelerators"),
                         "found %u thousandths of an accelerator per task, expected a whole number "
                         "of accelerators, or a share of one (less than 1)",
                         alternative->accelerators_per_task);
    if (alternative->accelerators_per_task > DR_ACCELERATORS_MAX * 1000)
        return dr_refuse(answer, DR_REFUSAL_INVALID, FIELD("accelerators"),
                         "found %u accelerators per task, expected at most %u (a task runs on one "
                         "node; use more tasks)",
                         alternative->accelerators_per_task / 1000, DR_ACCELERATORS_MAX);
    if (alternative->cpus_per_task < 1 || alternative->cpus_per_task > CPUS_MILLI_MAX)
        return dr_refuse(answer, DR_REFUSAL_INVALID, FIELD("cpus"),
                         "found %u thousandths of a CPU per task, expected 1 to %u",
                         alternative->cpus_per_task, CPUS_MILLI_MAX);
    if (alternative->memory_mb_per_task > MEMORY_MB_MAX)
        return dr_refuse(answer, DR_REFUSAL_INVALID, FIELD("memory_mb"),
                         "found %u MB per task, expected at most %u",
                         alternative->memory_mb_per_task, MEMORY_MB_MAX);
    if (alternative->factor < 1 || alternative->factor > FACTOR_MAX)
        return dr_refuse(answer, DR_REFUSAL_INVALID, FIELD("factor"),
                         "found %u thousandths, expected a factor from 0.001 to 1000",
                         alternative->factor);
    if (core->chips_count < 64 && alternative->chips >> core->chips_count != 0)
        return dr_refuse(answer, DR_REFUSAL_UNKNOWN, FIELD("chips"), "there is no such chip");
#undef FIELD
    return 1;
}

/* ---- sizes of an elastic job ---- */

/* So many sizes, each `ratio` / 65536 of the last, at least one less, down to the least. */
static uint32_t sizes_by(uint32_t most, uint32_t least, uint32_t ratio, uint32_t max,
                         uint32_t sizes[DR_ALTERNATIVES_MAX])
{
    uint32_t count = 1;

    sizes[0] = most;
    while (count < max && sizes[count - 1] > least) {
        uint32_t next = (uint32_t)(((uint64_t)sizes[count - 1] * ratio) >> 16);

        sizes[count] = next < least ? least : next;
        count += 1;
    }
    return count;
}

/* An elastic job's first way becomes several, from the most tasks to the least, in steps of equal
 * ratio and as many as there is room for. All that looks at ways (quotas, places, reservations,
 * taking back) needs to know no more. With fewer tasks it is believed to take longer in proportion,
 * as the factor of each says; so its limit, which is stated for the most tasks, does too. */
static int settle_sizes(const struct dr_core *core, struct dr_fact_job_accepted *job,
                        struct dr_answer *answer)
{
    uint32_t most = job->alternatives[0].tasks;
    uint32_t least = job->tasks_min;
    uint32_t max = DR_ALTERNATIVES_MAX + 1 - job->alternatives_count;
    uint32_t sizes[DR_ALTERNATIVES_MAX];
    uint32_t low = 0;
    uint32_t high = 65535;
    struct dr_alternative *ways;

    job->sizes = 0;
    if (least > most)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "tasks_min",
                         "found %u, expected at most the tasks of the job, %u", least, most);
    if (least == 0 || least == most) {
        job->tasks_min = 0;
        return 1;
    }
    if (max < 2)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "tasks_min",
                         "an elastic job may have at most %u further ways to run it, found %u",
                         DR_ALTERNATIVES_MAX - 2, job->alternatives_count - 1);
    /* The largest ratio that comes down to the least. */
    while (low < high) {
        uint32_t middle = (low + high + 1) / 2;
        uint32_t count = sizes_by(most, least, middle, max, sizes);

        if (sizes[count - 1] == least)
            low = middle;
        else
            high = middle - 1;
    }
    job->sizes = (uint8_t)sizes_by(most, least, low, max, sizes);
    ways = dr_arena_push((struct dr_arena *)&core->scratch,
                         job->sizes + job->alternatives_count - 1u, sizeof ways[0]);
    if (ways == NULL)
        return dr_refuse(answer, DR_REFUSAL_FULL, "alternatives", "no room to judge them");
    for (uint32_t i = 0; i < job->sizes; i += 1) {
        ways[i] = job->alternatives[0];
        ways[i].tasks = sizes[i];
        ways[i].factor = (uint32_t)dr_min_i64(
            FACTOR_MAX, dr_mul_div_ceil(job->alternatives[0].factor, most, sizes[i]));
    }
    for (uint32_t i = 1; i < job->alternatives_count; i += 1)
        ways[job->sizes + i - 1] = job->alternatives[i];
    job->alternatives = ways;
    job->alternatives_count += job->sizes - 1u;
    return 1;
}

/* ---- memory that is not stated ---- */

static int may_use(const struct dr_core *core, const struct dr_pool *pool,
                   const struct dr_fact_job_accepted *job)
{
    int may = pool->consent_count == 0;

    for (uint32_t i = 0; i < pool->consent_count && !may; i += 1)
        may = dr_account_within(core, (dr_account_id){job->account},
                                (dr_account_id){pool->consent[i]});
    return may && !pool->removed && !pool->leaving && dr_pool_in_partition(pool, job->partition) &&
           (dr_site_set_empty(&job->sites) || dr_site_set_has(&job->sites, pool->site.v - 1));
}

/* What a task has of a node's memory: as much of it as of the CPUs, or of the accelerators,
 * whichever is more. Tasks alike that fit by those then fit by memory too. */
static int64_t memory_share(const struct dr_pool *pool, const struct dr_alternative *way)
{
    int64_t by_cpus =
        pool->default_memory_per_cpu_mb != 0
            ? dr_mul_div_floor(pool->default_memory_per_cpu_mb, way->cpus_per_task, 1000)
            : dr_mul_div_floor(pool->memory_mb, way->cpus_per_task, pool->cpus);
    int64_t by_accelerators = 0;

    if (pool->accelerators > 0)
        by_accelerators = pool->default_memory_per_accelerator_mb != 0
                              ? dr_mul_div_floor(pool->default_memory_per_accelerator_mb,
                                                 way->accelerators_per_task, 1000)
                              : dr_mul_div_floor(pool->memory_mb, way->accelerators_per_task,
                                                 (int64_t)pool->accelerators * 1000);
    return dr_min_i64(pool->memory_mb, dr_max_i64(1, dr_max_i64(by_cpus, by_accelerators)));
}

/* An alternative that states no memory gets its least share of the nodes that it may run on, once
 * for all: the fact has it, quotas count it and the engine limits it, wherever the job then runs.
 * (Slurm decides the same at submission, by DefMemPerCPU and DefMemPerGPU of a partition.) */
static int settle_memory(const struct dr_core *core, struct dr_fact_job_accepted *job,
                         struct dr_answer *answer)
{
    struct dr_alternative *ways;
    int stated = 1;

    for (uint32_t i = 0; i < job->alternatives_count; i += 1)
        stated &= job->alternatives[i].memory_mb_per_task != 0;
    if (stated)
        return 1;
    ways =
        dr_arena_push((struct dr_arena *)&core->scratch, job->alternatives_count, sizeof ways[0]);
    if (ways == NULL)
        return dr_refuse(answer, DR_REFUSAL_FULL, "alternatives", "no room to judge them");
    for (uint32_t i = 0; i < job->alternatives_count; i += 1) {
        int64_t least_mb = 0;

        ways[i] = job->alternatives[i];
        for (uint32_t row = 0; row < core->pools_count && ways[i].memory_mb_per_task == 0;
             row += 1) {
            const struct dr_pool *pool = &core->pools[row];
            int64_t share_mb;

            if ((ways[i].chips != 0 &&
                 (pool->chip.v == 0 || !((ways[i].chips >> (pool->chip.v - 1)) & 1))) ||
                ways[i].accelerators_per_task > pool->accelerators * 1000 ||
                ways[i].cpus_per_task > pool->cpus || !may_use(core, pool, job))
                continue;
            share_mb = memory_share(pool, &ways[i]);
            if (least_mb == 0 || share_mb < least_mb)
                least_mb = share_mb;
        }
        if (ways[i].memory_mb_per_task == 0)
            ways[i].memory_mb_per_task = (uint32_t)dr_min_i64(least_mb, MEMORY_MB_MAX);
    }
    job->alternatives = ways;
    return 1;
}

static int check_span(int64_t value, int64_t max, const char *field, struct dr_answer *answer)
{
    char found[DR_TEXT_BYTES];
    char most[DR_TEXT_BYTES];

    if (value >= 0 && value <= max)
        return 1;
    return dr_refuse(answer, DR_REFUSAL_INVALID, field, "found %s, expected 0 to %s",
                     dr_format_duration(value, found), dr_format_duration(max, most));
}

/* The least default limit of the pools whose chip some alternative takes; 0: none has one. */
static int64_t limit_of_pools(const struct dr_core *core, const struct dr_fact_job_accepted *job)
{
    int64_t least_us = 0;

    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        const struct dr_pool *pool = &core->pools[row];
        int takes = 0;

        for (uint32_t i = 0; i < job->alternatives_count; i += 1)
            takes |=
                job->alternatives[i].chips == 0 ||
                (pool->chip.v != 0 && ((job->alternatives[i].chips >> (pool->chip.v - 1)) & 1));
        if (takes && !pool->removed && pool->default_limit_us != 0 &&
            dr_pool_in_partition(pool, job->partition) &&
            (least_us == 0 || pool->default_limit_us < least_us))
            least_us = pool->default_limit_us;
    }
    return least_us;
}

/* To run a job again while its last attempt may run on is safe only where the job itself keeps the
 * old one from harm, which nobody can see from here: it has to say so. */
static int check_unreachable(const struct dr_fact_job_accepted *job, struct dr_answer *answer)
{
    if (job->unreachable_us < DR_UNREACHABLE_LEAST_US || job->unreachable_us > DURATION_MAX_US)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "unreachable_us",
                         "found %lld s, expected 1 minute to 400 days: how long the site of its "
                         "attempt has not answered when that is given up",
                         (long long)(job->unreachable_us / DR_SECOND_US));
    if (!job->requeue)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "unreachable_us",
                         "what is given up runs again, and this job is not to be requeued");
    if (!job->fenced)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "fenced",
                         "an attempt at a site that does not answer may run on, beside the next "
                         "one: the job has to say that it is fenced, that is, that what it writes "
                         "to refuses an attempt once a later one (DAERO_ATTEMPT) has been there");
    return 1;
}

static int check_times(const struct dr_core *core, struct dr_fact_job_accepted *job, int64_t now_us,
                       struct dr_answer *answer)
{
    uint32_t row;

    if (!check_span(job->limit_us, DURATION_MAX_US, "limit_us", answer))
        return 0;
    for (row = job->account - 1; job->limit_us == 0 && row != DR_ROW_NONE;
         row = core->accounts[row].parent.v - 1)
        job->limit_us = core->accounts[row].default_limit_us;
    if (job->limit_us == 0)
        job->limit_us = limit_of_pools(core, job);
    if (job->limit_us == 0)
        job->limit_us = core->settings.default_limit_us;
    if (job->limit_us == 0)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "limit_us",
                         "the job states no time limit and neither its account nor the federation "
                         "has a default");
    if (job->grace_us == 0)
        job->grace_us = core->settings.default_grace_us;
    if (job->flexible && !job->preemptible)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "flexible",
                         "a flexible job is taken before a lower power cap begins, and this one is "
                         "not preemptible");
    if (!check_span(job->grace_us, DR_DAY_US, "grace_us", answer) ||
        !check_span(job->checkpoint_us, DURATION_MAX_US, "checkpoint_us", answer) ||
        !check_span(job->restart_us, DURATION_MAX_US, "restart_us", answer) ||
        !check_span(job->warn_before_us, DURATION_MAX_US, "warn_before_us", answer))
        return 0;
    for (uint32_t i = 0; i < job->alternatives_count; i += 1)
        if (job->warn_before_us >=
            dr_mul_div_ceil(job->limit_us, job->alternatives[i].factor, 1000))
            return dr_refuse(answer, DR_REFUSAL_INVALID, "warn_before_us",
                             "the warning would come before the start: it must be less than the "
                             "time limit (of an alternative: times its factor)");
    if (job->unreachable_us != 0 && !check_unreachable(job, answer))
        return 0;
    if (job->begin_us < 0)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "begin_us", "expected an instant after 1970");
    if (job->deadline_us != 0 && job->deadline_us <= now_us)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "deadline_us",
                         "the deadline has passed already");
    if (job->deadline_us != 0 && job->deadline_us <= job->begin_us)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "deadline_us",
                         "the deadline comes before the not-before time");
    if (job->warn_signal > SIGNAL_MAX)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "warn_signal",
                         "found signal %u, expected 1 to %u", job->warn_signal, SIGNAL_MAX);
    return 1;
}

/* There has to be such a pool; that it could hold the job is judged with the rest of its shape. */
static int check_partition(const struct dr_core *core, const struct dr_fact_job_accepted *job,
                           struct dr_answer *answer)
{
    char known[200] = "";
    size_t used = 0;

    if (job->partition[0] == 0)
        return 1;
    for (uint32_t row = 0; row < core->pools_count; row += 1)
        if (!core->pools[row].removed && dr_pool_in_partition(&core->pools[row], job->partition))
            return 1;
    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        const struct dr_pool *pool = &core->pools[row];
        int told = pool->removed || pool->partition[0] == 0;

        for (uint32_t i = 0; i < row && !told; i += 1)
            told =
                !core->pools[i].removed && strcmp(core->pools[i].partition, pool->partition) == 0;
        if (told || used + strlen(pool->partition) + 8 > sizeof known)
            continue;
        dr_format(known + used, sizeof known - used, "%s%s", used == 0 ? "" : ", ",
                  pool->partition);
        used += strlen(known + used);
    }
    return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "partition",
                     "no pool has the partition '%s'; known are: %s", job->partition,
                     used == 0 ? "none" : known);
}

static int check_place(const struct dr_core *core, const struct dr_fact_job_accepted *job,
                       struct dr_answer *answer)
{
    if (job->level_kind > 2)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "level", "expected a topology level");
    if (job->level_kind != 0 && !dr_name_valid(job->level))
        return dr_refuse(answer, DR_REFUSAL_INVALID, "level",
                         "found '%s', expected the name of a topology level", job->level);
    for (uint32_t row = 0; row < DR_SITES_MAX; row += 1)
        if (dr_site_set_has(&job->sites, row) &&
            (row >= core->sites_count || core->sites[row].removed))
            return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "sites", "there is no such site");
    if (!check_partition(core, job, answer))
        return 0;
    if (job->data_class > core->classes_count ||
        (job->data_class != 0 && core->classes[job->data_class - 1].removed))
        return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "data_class", "there is no such data class");
    if (job->datasets_count > DR_DATASETS_OF_A_JOB)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "datasets", "found %u, expected at most %u",
                         job->datasets_count, DR_DATASETS_OF_A_JOB);
    for (uint32_t i = 0; i < job->datasets_count; i += 1)
        if (job->datasets[i] == 0 || job->datasets[i] > core->datasets_count ||
            core->datasets[job->datasets[i] - 1].removed)
            return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "datasets", "there is no such dataset");
    return 1;
}

/* Dependencies on jobs that have ended are judged here and left out of the fact; SINGLETON becomes
 * one dependency per earlier job of the same user and name. */
static int check_dependencies(const struct dr_core *core, struct dr_fact_job_accepted *job,
                              struct dr_answer *answer)
{
    struct dr_dependency *kept;
    uint32_t kept_count = 0;
    uint32_t kept_max = job->dependencies_count + SINGLETONS_MAX;

    if (job->dependencies_count == 0)
        return 1;
    if (job->dependencies_count > DR_DEPENDENCIES_MAX)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "dependencies",
                         "found %u, expected at most %u", job->dependencies_count,
                         DR_DEPENDENCIES_MAX);
    /* Scratch is written by a check as well: it is nobody's state. */
    kept = dr_arena_push((struct dr_arena *)&core->scratch, kept_max, sizeof kept[0]);
    if (kept == NULL)
        return dr_refuse(answer, DR_REFUSAL_FULL, "dependencies", "no room to judge them");
    for (uint32_t i = 0; i < job->dependencies_count; i += 1) {
        const struct dr_dependency *wanted = &job->dependencies[i];
        uint32_t row = dr_row_map_find(&core->job_rows, wanted->job.v);
        enum dr_job_state state;

        if (wanted->kind == DR_DEPENDENCY_SINGLETON) {
            for (uint32_t other = 0; other < core->jobs_high; other += 1) {
                const struct dr_job *earlier = &core->jobs[other];

                if (earlier->id.v == 0 || earlier->name_key != job->name_key ||
                    dr_job_terms(core, earlier)->user.v != job->job_user ||
                    dr_job_state_ended((enum dr_job_state)earlier->state))
                    continue;
                if (kept_count == kept_max)
                    return dr_refuse(answer, DR_REFUSAL_LIMIT, "dependencies",
                                     "more than %u earlier jobs have the same user and name",
                                     SINGLETONS_MAX);
                kept[kept_count] = (struct dr_dependency){DR_DEPENDENCY_SINGLETON, earlier->id};
                kept_count += 1;
            }
            continue;
        }
        if (row == DR_MAP_NONE)
            return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "dependencies", "there is no job %llu",
                             (unsigned long long)wanted->job.v);
        state = (enum dr_job_state)core->jobs[row].state;
        if (!dr_job_state_ended(state)) {
            kept[kept_count] = *wanted;
            kept_count += 1;
        } else if (wanted->kind != DR_DEPENDENCY_AFTERANY &&
                   (wanted->kind == DR_DEPENDENCY_AFTEROK) != (state == DR_JOB_COMPLETED)) {
            return dr_refuse(answer, DR_REFUSAL_NEVER, "dependencies",
                             "%s:%llu can never hold: that job has ended, %s",
                             wanted->kind == DR_DEPENDENCY_AFTEROK ? "afterok" : "afternotok",
                             (unsigned long long)wanted->job.v, dr_job_state_name(state));
        }
    }
    if (core->edges_count + kept_count > core->edges_max)
        return dr_refuse(answer, DR_REFUSAL_FULL, "dependencies",
                         "the table of dependencies is full (%u)", core->edges_max);
    job->dependencies = kept;
    job->dependencies_count = kept_count;
    return 1;
}

/* Could it ever run, on what there is, by what is allowed? */
static int check_ever(const struct dr_core *core, const struct dr_fact_job_accepted *job,
                      struct dr_answer *answer)
{
    struct dr_shape shape;

    memset(&shape, 0, sizeof shape);
    for (uint32_t i = 0; i < job->alternatives_count; i += 1)
        shape.alternatives[i] = job->alternatives[i];
    shape.alternatives_count = job->alternatives_count;
    shape.sizes = job->sizes;
    shape.level_kind = job->level_kind;
    memcpy(shape.level, job->level, sizeof shape.level);
    shape.sites = job->sites;
    memcpy(shape.partition, job->partition, sizeof shape.partition);
    shape.data_class.v = job->data_class;
    for (uint32_t i = 0; i < job->datasets_count; i += 1)
        shape.datasets[i] = job->datasets[i];
    shape.datasets_count = job->datasets_count;
    if (!dr_never(core, &shape, (dr_account_id){job->account}, answer->text, sizeof answer->text))
        return 1;
    answer->refused = DR_REFUSAL_NEVER;
    return 0;
}

int dr_check_submit(const struct dr_core *core, const struct dr_command *command, int64_t now_us,
                    struct dr_fact *settled, struct dr_answer *answer)
{
    struct dr_fact_job_accepted *job;

    *settled = dr_fact_of(command, DR_FACT_JOB_ACCEPTED, now_us);
    job = &settled->job_accepted;
    *job = command->body.submit;
    if (!check_account(core, command, job, answer))
        return 0;
    if (job->alternatives_count < 1 || job->alternatives_count > DR_ALTERNATIVES_MAX)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "alternatives",
                         "found %u ways to run it, expected 1 to %u", job->alternatives_count,
                         DR_ALTERNATIVES_MAX);
    for (uint32_t i = 0; i < job->alternatives_count; i += 1)
        if (!check_alternative(core, &job->alternatives[i], i, answer))
            return 0;
    if (!settle_sizes(core, job, answer))
        return 0;
    if (job->priority < -PRIORITY_MAX || job->priority > PRIORITY_MAX)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "priority", "found %d, expected -%d to %d",
                         job->priority, PRIORITY_MAX, PRIORITY_MAX);
    if (!check_times(core, job, now_us, answer) || !check_place(core, job, answer) ||
        !settle_memory(core, job, answer) || !check_ever(core, job, answer) ||
        !check_dependencies(core, job, answer) || !check_jobs_max(core, job, answer))
        return 0;
    job->job = core->job_id_last + 1;
    job->in_mix = 1;
    if (job->array_job != 0) {
        /* Checked ahead of those before it, an element's place may be beyond the ids that there
         * are: on a new controller the ids of the whole array are. */
        job->array_job = job->array_job > job->job ? job->job : job->job - (job->array_job - 1);
    }
    return 1;
}
