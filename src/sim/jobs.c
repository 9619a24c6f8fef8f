/* SPDX-License-Identifier: Apache-2.0 */
/* See jobs.h; read dr_jobs_command() first. */
#include "sim/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/math.h"
#include "base/text.h"
#include "core/admit.h"
#include "core/state.h"

#define LIMIT_MAX_US (400 * DR_DAY_US)

struct tie {
    uint64_t row_job; /* plus 1; 0: empty */
    uint64_t job;
    uint32_t state; /* enum dr_job_state; PENDING until it has ended */
};

struct dr_jobs {
    const struct dr_core *core;
    struct dr_jobs_options options;
    dr_user_id user;
    uint32_t only_leaf; /* account id; 0: there are several */
    int64_t first_us;   /* submit of the first row, on the trace's clock */
    int has_first;
    uint32_t *leaves; /* [leaves_mask + 1] account ids by the hash of their names */
    uint32_t leaves_mask;
    struct tie *ties; /* [ties_mask + 1] jobs of rows, where some row depends on others */
    uint64_t ties_mask;
    uint64_t ties_count;
    struct dr_alternative ways[DR_ALTERNATIVES_MAX];
    struct dr_dependency dependencies[DR_TRACE_LIST_MAX];
    uint32_t datasets[DR_TRACE_LIST_MAX];
};

static uint64_t hash_name(const char *name)
{
    return dr_hash_bytes(0, name, strlen(name));
}

static void list_leaves(struct dr_jobs *jobs)
{
    const struct dr_core *core = jobs->core;
    uint32_t leaves = 0;
    uint32_t size = 16;

    while (size < core->accounts_count * 2)
        size *= 2;
    jobs->leaves = calloc(size, sizeof jobs->leaves[0]);
    DR_ASSERT(jobs->leaves != NULL);
    jobs->leaves_mask = size - 1;
    for (uint32_t row = 0; row < core->accounts_count; row += 1) {
        const struct dr_account *account = &core->accounts[row];
        uint32_t at = (uint32_t)hash_name(account->name) & jobs->leaves_mask;

        if (account->removed)
            continue;
        if (account->first_child == DR_ROW_NONE) {
            leaves += 1;
            jobs->only_leaf = row + 1;
        }
        while (jobs->leaves[at] != 0)
            at = (at + 1) & jobs->leaves_mask;
        jobs->leaves[at] = row + 1;
    }
    if (leaves != 1)
        jobs->only_leaf = 0;
}

enum dr_status dr_jobs_open(struct dr_jobs **jobs, const struct dr_core *core,
                            const struct dr_jobs_options *options, struct dr_error *error)
{
    struct dr_jobs *made = calloc(1, sizeof *made);

    DR_ASSERT(made != NULL);
    *jobs = NULL;
    made->core = core;
    made->options = *options;
    for (uint32_t row = core->users_count; row > 0; row -= 1)
        if (!core->users[row - 1].removed && (core->users[row - 1].roles & DR_ROLE_BIT(ADMIN)))
            made->user.v = row;
    if (made->user.v == 0) {
        dr_jobs_close(made);
        dr_error_set(error, "", 0, "users", "nobody who is an admin everywhere", "one at least");
        return DR_E_INPUT;
    }
    list_leaves(made);
    *jobs = made;
    return DR_OK;
}

void dr_jobs_close(struct dr_jobs *jobs)
{
    if (jobs == NULL)
        return;
    free(jobs->leaves);
    free(jobs->ties);
    free(jobs);
}

/* ---- times ---- */

/* An instant of the trace's clock; arrivals are scaled from the first row on, and what else a row
 * says of instants keeps its distance to its submit. */
static int64_t submit_of(struct dr_jobs *jobs, const struct dr_trace_row *row)
{
    if (!jobs->has_first) {
        jobs->first_us = row->submit_us;
        jobs->has_first = 1;
    }
    if (jobs->options.arrival_milli == 1000)
        return row->submit_us;
    return jobs->first_us +
           dr_mul_div_floor(row->submit_us - jobs->first_us, jobs->options.arrival_milli, 1000);
}

int64_t dr_jobs_submit_us(struct dr_jobs *jobs, const struct dr_trace_row *row)
{
    return jobs->options.base_us + submit_of(jobs, row);
}

static int64_t instant_of(struct dr_jobs *jobs, const struct dr_trace_row *row, int64_t us)
{
    return us == INT64_MIN ? 0
                           : jobs->options.base_us + submit_of(jobs, row) + (us - row->submit_us);
}

/* Evenly from 1 to 1 + error, by the job alone. */
static int64_t with_error(const struct dr_jobs *jobs, const struct dr_trace_row *row)
{
    uint64_t random = dr_hash_u64(jobs->options.seed ^ dr_hash_u64(row->job + 1));
    int64_t more_milli = (int64_t)((random >> 32) * (jobs->options.error_milli + 1) >> 32);

    return row->runtime_us + dr_mul_div_floor(row->runtime_us, more_milli, 1000);
}

static int64_t limit_of(const struct dr_jobs *jobs, const struct dr_trace_row *row)
{
    int64_t limit_us = row->limit_us;

    if (jobs->options.estimates == DR_ESTIMATES_EXACT)
        limit_us = row->runtime_us;
    if (jobs->options.estimates == DR_ESTIMATES_ERROR)
        limit_us = with_error(jobs, row);
    if (jobs->options.estimates != DR_ESTIMATES_LIMIT)
        limit_us = dr_max_i64(DR_SECOND_US, limit_us + row->restart_us);
    return dr_min_i64(limit_us, LIMIT_MAX_US);
}

/* ---- names ---- */

static int unknown(const struct dr_trace_row *row, const char *field, const char *found,
                   const char *expected, struct dr_error *error)
{
    dr_error_set(error, "", row->line, field, *found == 0 ? "nothing" : found, "%s", expected);
    return 0;
}

static uint32_t account_named(const struct dr_jobs *jobs, const char *name)
{
    uint32_t at = (uint32_t)hash_name(name) & jobs->leaves_mask;

    while (jobs->leaves[at] != 0 &&
           strcmp(jobs->core->accounts[jobs->leaves[at] - 1].name, name) != 0)
        at = (at + 1) & jobs->leaves_mask;
    return jobs->leaves[at];
}

static int bind_account(const struct dr_jobs *jobs, const struct dr_trace_row *row,
                        struct dr_fact_job_accepted *job, struct dr_error *error)
{
    job->account = *row->account == 0 ? jobs->only_leaf : account_named(jobs, row->account);
    return job->account != 0 ||
           unknown(row, "account", row->account,
                   *row->account == 0 ? "an account: the federation has more than one"
                                      : "an account of the federation",
                   error);
}

static int bind_chip(const struct dr_jobs *jobs, const struct dr_trace_row *row, const char *field,
                     const char *name, uint64_t *chips, struct dr_error *error)
{
    dr_chip_id chip = dr_chip_named(jobs->core, name);

    if (chip.v == 0)
        return unknown(row, field, name, "a chip of the federation", error);
    *chips |= UINT64_C(1) << (chip.v - 1);
    return 1;
}

/* Chips of one factor make one alternative, in the order in which factors are first named. */
static int bind_ways(struct dr_jobs *jobs, const struct dr_trace_row *row,
                     struct dr_fact_job_accepted *job, struct dr_error *error)
{
    struct dr_alternative own = {.tasks = row->tasks,
                                 .accelerators_per_task = row->accelerators_milli,
                                 .cpus_per_task = row->cpus_milli,
                                 .memory_mb_per_task = row->memory_mb,
                                 .factor = 1000};
    uint32_t count = 0;

    for (uint32_t i = 0; i < row->chips_count; i += 1) {
        uint32_t at = 0;

        while (at < count && jobs->ways[at].factor != row->chips[i].factor)
            at += 1;
        if (at == DR_ALTERNATIVES_MAX)
            return unknown(row, "chips", row->chips[i].name, "at most 8 different factors", error);
        if (at == count) {
            jobs->ways[at] = own;
            jobs->ways[at].factor = row->chips[i].factor;
            count += 1;
        }
        if (!bind_chip(jobs, row, "chips", row->chips[i].name, &jobs->ways[at].chips, error))
            return 0;
    }
    if (count == 0) {
        jobs->ways[0] = own;
        count = 1;
    }
    for (uint32_t i = 0; i < row->ways_count; i += 1) {
        if (count == DR_ALTERNATIVES_MAX)
            return unknown(row, "alternatives", row->ways[i].chip,
                           "at most 8 ways to run it, with its chips' factors", error);
        jobs->ways[count] = own;
        jobs->ways[count].tasks = row->ways[i].tasks;
        jobs->ways[count].accelerators_per_task = row->ways[i].accelerators_milli;
        jobs->ways[count].factor = row->ways[i].factor;
        if (!bind_chip(jobs, row, "alternatives", row->ways[i].chip, &jobs->ways[count].chips,
                       error))
            return 0;
        count += 1;
    }
    job->alternatives = jobs->ways;
    job->alternatives_count = count;
    return 1;
}

static int bind_data(struct dr_jobs *jobs, const struct dr_trace_row *row,
                     struct dr_fact_job_accepted *job, struct dr_error *error)
{
    for (uint32_t i = 0; i < row->sites_count; i += 1) {
        dr_site_id site = dr_site_named(jobs->core, row->sites[i]);

        if (site.v == 0)
            return unknown(row, "sites", row->sites[i], "a site of the federation", error);
        dr_site_set_add(&job->sites, site.v - 1);
    }
    for (uint32_t i = 0; i < row->data_count; i += 1) {
        dr_dataset_id dataset = dr_dataset_named(jobs->core, row->data[i]);

        if (dataset.v == 0)
            return unknown(row, "data", row->data[i], "a dataset of the federation", error);
        jobs->datasets[i] = dataset.v;
    }
    job->datasets = jobs->datasets;
    job->datasets_count = row->data_count;
    if (*row->data_class != 0) {
        job->data_class = dr_class_named(jobs->core, row->data_class).v;
        if (job->data_class == 0)
            return unknown(row, "data_class", row->data_class, "a data class of the federation",
                           error);
    }
    return 1;
}

/* ---- rows that others depend on ---- */

static struct tie *tie_at(const struct dr_jobs *jobs, uint64_t row_job)
{
    uint64_t at = dr_hash_u64(row_job + 1) & jobs->ties_mask;

    while (jobs->ties[at].row_job != 0 && jobs->ties[at].row_job != row_job + 1)
        at = (at + 1) & jobs->ties_mask;
    return &jobs->ties[at];
}

static void grow_ties(struct dr_jobs *jobs)
{
    struct tie *old = jobs->ties;
    uint64_t old_size = old == NULL ? 0 : jobs->ties_mask + 1;
    uint64_t size = old_size == 0 ? 1024 : old_size * 2;

    jobs->ties = calloc(size, sizeof jobs->ties[0]);
    DR_ASSERT(jobs->ties != NULL);
    jobs->ties_mask = size - 1;
    for (uint64_t i = 0; i < old_size; i += 1)
        if (old[i].row_job != 0)
            *tie_at(jobs, old[i].row_job - 1) = old[i];
    free(old);
}

void dr_jobs_accepted(struct dr_jobs *jobs, uint64_t row_job, dr_job_id job)
{
    struct tie *tie;

    if (2 * (jobs->ties_count + 1) > (jobs->ties == NULL ? 0 : jobs->ties_mask + 1))
        grow_ties(jobs);
    tie = tie_at(jobs, row_job);
    jobs->ties_count += tie->row_job == 0;
    *tie = (struct tie){row_job + 1, job.v, DR_JOB_PENDING};
}

void dr_jobs_ended(struct dr_jobs *jobs, uint64_t row_job, enum dr_job_state state)
{
    struct tie *tie = jobs->ties == NULL ? NULL : tie_at(jobs, row_job);

    if (tie != NULL && tie->row_job != 0)
        tie->state = state;
}

/* One that has ended is judged here: the core may have forgotten it. */
static int bind_depends(struct dr_jobs *jobs, const struct dr_trace_row *row,
                        struct dr_fact_job_accepted *job, struct dr_error *error)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < row->depends_count; i += 1) {
        const struct dr_trace_dependency *depends = &row->depends[i];
        const struct tie *tie = jobs->ties == NULL ? NULL : tie_at(jobs, depends->job);
        char found[DR_TEXT_BYTES];

        dr_format(found, sizeof found, "%llu", (unsigned long long)depends->job);
        if (tie == NULL || tie->row_job == 0)
            return unknown(row, "depends", found,
                           "the job_id of a row before this one that was accepted", error);
        if (tie->state != DR_JOB_PENDING) {
            if (depends->kind != DR_DEPENDENCY_AFTERANY &&
                (depends->kind == DR_DEPENDENCY_AFTEROK) != (tie->state == DR_JOB_COMPLETED))
                return unknown(row, "depends", found, "a job that ended as asked for: it did not",
                               error);
            continue;
        }
        jobs->dependencies[count] =
            (struct dr_dependency){.kind = depends->kind, .job = {tie->job}};
        count += 1;
    }
    job->dependencies = jobs->dependencies;
    job->dependencies_count = count;
    return 1;
}

enum dr_status dr_jobs_command(struct dr_jobs *jobs, const struct dr_trace_row *row,
                               struct dr_command *command, struct dr_error *error)
{
    struct dr_fact_job_accepted *job = &command->body.submit;

    *command = (struct dr_command){.kind = DR_COMMAND_SUBMIT, .user = jobs->user, .roles = 0xff};
    if (!bind_account(jobs, row, job, error) || !bind_ways(jobs, row, job, error) ||
        !bind_data(jobs, row, job, error) || !bind_depends(jobs, row, job, error))
        return DR_E_INPUT;
    job->priority = row->priority;
    job->level_kind = row->level_kind;
    dr_copy_name(job->level, row->level);
    job->limit_us = limit_of(jobs, row);
    job->begin_us = instant_of(jobs, row, row->begin_us);
    job->deadline_us = instant_of(jobs, row, row->deadline_us);
    job->preemptible = row->preemptible;
    job->requeue = row->requeue;
    job->flexible = row->flexible;
    job->checkpoint_us = row->checkpoint_us;
    job->restart_us = row->restart_us;
    job->grace_us = row->grace_us;
    job->tasks_min = row->tasks_min;
    return DR_OK;
}
