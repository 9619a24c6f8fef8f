/* SPDX-License-Identifier: Apache-2.0 */
/* See what_if_world.h. */
#include "serve/what_if_world.h"

#include <errno.h>
#include <unistd.h>

#include "base/sort.h"
#include "core/power.h"

#define WHAT_IF_CPU_US (10 * DR_SECOND_US)

static int compare_jobs(const void *a, const void *b, const void *context)
{
    const struct world_job *left = a;
    const struct world_job *right = b;

    (void)context;
    return left->id < right->id ? -1 : left->id > right->id;
}

static int holds_place(const struct dr_job *job)
{
    return job->state == DR_JOB_CONFIGURING || job->state == DR_JOB_RUNNING ||
           job->state == DR_JOB_COMPLETING;
}

struct world_job *what_if_jobs(const struct dr_core *core, uint32_t *count)
{
    struct world_job *jobs = calloc(core->jobs_high + 1u, sizeof *jobs);

    DR_ASSERT(jobs != NULL);
    *count = 0;
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];

        if (job->id.v == 0 || (job->state != DR_JOB_PENDING && !holds_place(job)))
            continue;
        jobs[*count] = (struct world_job){.id = job->id.v,
                                          .account = job->account.v,
                                          .user = dr_job_terms(core, job)->user.v,
                                          .waits = job->state == DR_JOB_PENDING};
        *count += 1;
    }
    dr_sort(jobs, *count, sizeof *jobs, compare_jobs, NULL);
    return jobs;
}

static uint32_t place_of(const struct world *world, uint64_t id)
{
    uint32_t low = 0;
    uint32_t high = world->jobs_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (world->jobs[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < world->jobs_count && world->jobs[low].id == id ? low : DR_ROW_NONE;
}

/* ---- while it runs ---- */

static void started(void *context, const struct dr_job *job)
{
    struct world *world = context;
    uint32_t place = place_of(world, job->id.v);

    if (place != DR_ROW_NONE && world->jobs[place].waits && world->at_us[place] == NEVER_US)
        world->at_us[place] = world->ahead.now_us;
}

static void leaves(void *context, const struct dr_job *job)
{
    struct world *world = context;
    uint32_t place = place_of(world, job->id.v);

    if (!dr_stop_is_preemption((enum dr_stop_cause)dr_job_run(world->ahead.core, job)->stopping))
        return;
    world->sums.taken += 1;
    if (place != DR_ROW_NONE && !world->jobs[place].waits && world->at_us[place] == NEVER_US)
        world->at_us[place] = world->ahead.now_us;
}

static void passes(void *context, int64_t until_us)
{
    struct world *world = context;
    const struct dr_core *core = world->ahead.core;

    for (uint32_t row = 0; row < core->sites_count; row += 1) {
        int64_t power_w;

        if (core->sites[row].removed)
            continue;
        power_w = dr_power_site_w(core, (dr_site_id){row + 1});
        world->site_uws[row] += (__int128)power_w * (until_us - world->ahead.now_us);
        if (power_w > world->sites[row].power_w_most)
            world->sites[row].power_w_most = power_w;
    }
}

/* ---- from its beginning to its end ---- */

/* What accounts have used up to now, less (-1) or more (1). */
static void add_use(struct world *world, int sign)
{
    const struct dr_core *core = world->ahead.core;
    struct use *running = calloc(core->accounts_count + 1u, sizeof *running);

    DR_ASSERT(running != NULL);
    use_running(core, world->ahead.now_us, running);
    for (uint32_t row = 0; row < core->accounts_count; row += 1) {
        const struct dr_account *account = &core->accounts[row];
        struct use *use = &world->use[row];

        use->accelerator_ms += sign * (account->accelerator_ms + running[row].accelerator_ms);
        use->cpu_ms += sign * (account->cpu_ms + running[row].cpu_ms);
        use->energy_j += sign * (account->energy_j + running[row].energy_j);
        use->cost_micro += sign * (account->cost_micro + running[row].cost_micro);
    }
    free(running);
}

void what_if_begin(struct world *world, const struct dr_controller *c, const struct world_job *jobs,
                   uint32_t jobs_count)
{
    *world = (struct world){.jobs = jobs, .jobs_count = jobs_count, .begun_us = c->now_us};
    world->at_us = calloc(jobs_count + 1u, sizeof world->at_us[0]);
    world->use = calloc(c->core->limits.accounts_max, sizeof world->use[0]);
    world->sites = calloc(DR_SITES_MAX, sizeof world->sites[0]);
    world->site_uws = calloc(DR_SITES_MAX, sizeof world->site_uws[0]);
    DR_ASSERT(world->at_us != NULL && world->use != NULL && world->sites != NULL &&
              world->site_uws != NULL);
    for (uint32_t i = 0; i < jobs_count; i += 1)
        world->at_us[i] = NEVER_US;
    world->ahead =
        (struct ahead){.started = started, .leaves = leaves, .passes = passes, .context = world};
    ahead_begin(&world->ahead, c);
    add_use(world, -1);
}

static void sum_up(struct world *world)
{
    const struct dr_core *core = world->ahead.core;
    struct world_sums *sums = &world->sums;
    int64_t span_us = world->ahead.now_us - world->begun_us;

    add_use(world, 1);
    sums->reached_us = world->ahead.now_us;
    sums->accounts_count = core->accounts_count;
    sums->sites_count = core->sites_count;
    for (uint32_t row = 0; row < core->groups_count; row += 1)
        if (!core->groups[row].removed && core->groups[row].resource == DR_RESOURCE_ACCELERATORS)
            sums->capacity_milli += core->groups[row].capacity;
    for (uint32_t row = 0; row < core->sites_count; row += 1) {
        world->sites[row].power_cap_w = core->sites[row].power_cap_w;
        if (span_us > 0)
            world->sites[row].power_w_mean = (int64_t)(world->site_uws[row] / span_us);
    }
}

void what_if_run(struct world *world, int64_t horizon_us)
{
    world->sums.end = ahead_run(&world->ahead, horizon_us, WHAT_IF_CPU_US);
    sum_up(world);
}

/* ---- through a pipe ---- */

static int read_all(int pipe, void *bytes, size_t count)
{
    char *to = bytes;

    while (count > 0) {
        ssize_t got = read(pipe, to, count);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return 0;
        to += got;
        count -= (size_t)got;
    }
    return 1;
}

int what_if_write(const struct world *world, int pipe)
{
    const struct world_sums *sums = &world->sums;

    return child_write(pipe, sums, sizeof *sums) &&
           child_write(pipe, world->at_us, world->jobs_count * sizeof world->at_us[0]) &&
           child_write(pipe, world->use, sums->accounts_count * sizeof world->use[0]) &&
           child_write(pipe, world->sites, sums->sites_count * sizeof world->sites[0]);
}

int what_if_read(struct world *world, int pipe)
{
    struct world_sums *sums = &world->sums;

    return read_all(pipe, sums, sizeof *sums) &&
           read_all(pipe, world->at_us, world->jobs_count * sizeof world->at_us[0]) &&
           read_all(pipe, world->use, sums->accounts_count * sizeof world->use[0]) &&
           read_all(pipe, world->sites, sums->sites_count * sizeof world->sites[0]);
}
