/* SPDX-License-Identifier: Apache-2.0 */
#include "checker.h"

#include "base/math.h"
#include "core/mix.h"

#include <math.h>
#include <stdlib.h>

#include "oracle.h"

#define NONE DR_ROW_NONE

static int wrong(struct checker *checker, const struct dr_fact *fact, const char *format, ...)
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

static const struct dr_alternative *way_of(const struct dr_core *core, const struct dr_job *job,
                                           uint32_t index)
{
    return &core->shapes[job->shape].alternatives[index];
}

/* ---- I1, I2, I3 ---- */

/* What is taken of each accelerator of a node, thousandths. */
struct taken {
    uint32_t milli[64];
};

static void take_devices(struct checker *checker, const struct dr_fact *fact,
                         const struct dr_core *core, const struct dr_job *job,
                         const struct dr_extent *extent, const struct dr_alternative *way,
                         struct taken *taken)
{
    uint32_t row = extent->node.v - 1;
    uint32_t each = way->accelerators_per_task;
    uint32_t devices = (uint32_t)__builtin_popcountll(extent->accelerators);

    if (each % 1000 == 0 ? devices * 1000 != extent->tasks * each : devices != 1)
        wrong(checker, fact, "job %llu: %u tasks of %u thousandths of an accelerator hold %u",
              (unsigned long long)job->id.v, extent->tasks, each, devices);
    for (uint32_t i = 0; i < 64; i += 1) {
        if (((extent->accelerators >> i) & 1) == 0)
            continue;
        taken[row].milli[i] += each % 1000 == 0 ? 1000 : extent->tasks * each;
        if (taken[row].milli[i] > 1000)
            wrong(checker, fact, "I1: job %llu takes of accelerator %u of node %u what is not free",
                  (unsigned long long)job->id.v, i, row + 1);
        if (i >= core->pools[core->nodes[row].pool.v - 1].accelerators)
            wrong(checker, fact, "job %llu: an accelerator that the node does not have",
                  (unsigned long long)job->id.v);
    }
}

static void check_gang(struct checker *checker, const struct dr_fact *fact,
                       const struct dr_core *core, const struct dr_job *job, uint32_t first,
                       uint32_t pool, uint32_t index, struct taken *taken, int64_t *cpus,
                       int64_t *memory)
{
    const struct dr_alternative *way = way_of(core, job, index);
    uint32_t tasks = 0;
    uint32_t on_node = 0;
    const struct dr_extent *last = NULL;

    for (uint32_t at = first; at != NONE; at = core->extents[at].next) {
        const struct dr_extent *extent = &core->extents[at].extent;
        uint32_t row = extent->node.v - 1;
        int again = last != NULL && last->node.v == extent->node.v;

        if (core->nodes[row].pool.v != pool)
            wrong(checker, fact, "job %llu: node %u is not in its pool %u",
                  (unsigned long long)job->id.v, row + 1, pool);
        if (again &&
            (way->accelerators_per_task % 1000 == 0 || extent->accelerators <= last->accelerators))
            wrong(checker, fact, "job %llu names a node, or an accelerator, twice",
                  (unsigned long long)job->id.v);
        last = extent;
        on_node = (again ? on_node : 0) + extent->tasks;
        if (way->tasks_per_node_max != 0 && on_node > way->tasks_per_node_max)
            wrong(checker, fact, "job %llu: %u tasks on a node", (unsigned long long)job->id.v,
                  on_node);
        take_devices(checker, fact, core, job, extent, way, taken);
        if (cpus != NULL) {
            cpus[row] += (int64_t)extent->tasks * way->cpus_per_task;
            memory[row] += (int64_t)extent->tasks * way->memory_mb_per_task;
        }
        tasks += extent->tasks;
    }
    if (tasks != way->tasks)
        wrong(checker, fact, "I2: job %llu has %u of its %u tasks", (unsigned long long)job->id.v,
              tasks, way->tasks);
}

/* Bits of the accelerators of which something is taken. */
static uint64_t mask_of(const struct taken *taken)
{
    uint64_t mask = 0;

    for (uint32_t i = 0; i < 64; i += 1)
        mask |= (uint64_t)(taken->milli[i] > 0) << i;
    return mask;
}

static void check_places(struct checker *checker, const struct dr_fact *fact,
                         const struct dr_core *core)
{
    static struct taken busy[4096];
    static struct taken promised[4096];
    static int64_t cpus[4096];
    static int64_t memory[4096];

    memset(busy, 0, core->nodes_count * sizeof busy[0]);
    memset(promised, 0, core->nodes_count * sizeof promised[0]);
    memset(cpus, 0, core->nodes_count * sizeof cpus[0]);
    memset(memory, 0, core->nodes_count * sizeof memory[0]);
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];

        if (oracle_holds(job))
            check_gang(checker, fact, core, job, dr_job_run(core, job)->extents,
                       dr_job_run(core, job)->pool.v, dr_job_run(core, job)->alternative, busy,
                       cpus, memory);
        else if (job->id.v != 0 && dr_job_run(core, job)->extents != NONE)
            wrong(checker, fact, "job %llu holds a place and does not run",
                  (unsigned long long)job->id.v);
        if (job->id.v != 0 && dr_job_run(core, job)->promise != NONE)
            check_gang(checker, fact, core, job, dr_job_run(core, job)->promise,
                       dr_job_run(core, job)->promise_pool.v,
                       dr_job_run(core, job)->promise_alternative, promised, NULL, NULL);
    }
    for (uint32_t row = 0; row < core->nodes_count; row += 1) {
        const struct dr_pool *pool = &core->pools[core->nodes[row].pool.v - 1];

        if (cpus[row] > (int64_t)pool->cpus || memory[row] > pool->memory_mb)
            wrong(checker, fact, "I3: node %u gives more CPUs or memory than it has", row + 1);
        if (mask_of(&busy[row]) != core->nodes[row].busy ||
            mask_of(&promised[row]) != core->nodes[row].promised)
            wrong(checker, fact, "the index of node %u is not what jobs hold", row + 1);
    }
}

static int is_share(const struct dr_core *core, const struct dr_job *job)
{
    return way_of(core, job, dr_job_run(core, job)->alternative)->accelerators_per_task % 1000 != 0;
}

/* Attempts of two accounts have shares of one accelerator. */
static int share_a_device(const struct dr_core *core, const struct dr_job *x,
                          const struct dr_job *y)
{
    for (uint32_t a = dr_job_run(core, x)->extents; a != NONE; a = core->extents[a].next)
        for (uint32_t b = dr_job_run(core, y)->extents; b != NONE; b = core->extents[b].next)
            if (core->extents[a].extent.node.v == core->extents[b].extent.node.v &&
                (core->extents[a].extent.accelerators & core->extents[b].extent.accelerators) != 0)
                return 1;
    return 0;
}

/* Who shares with whom: an attempt whose class shares no node (or no block) has no attempt of
 * another account on its nodes (in its blocks). */
static void check_sharing(struct checker *checker, const struct dr_fact *fact,
                          const struct dr_core *core)
{
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);
        uint32_t class = core->shapes[job->shape].data_class.v;

        if (!oracle_holds(job) || class == 0 || core->classes[class - 1].share < DR_SHARE_NODE)
            continue;
        for (uint32_t other = 0; other < core->jobs_high; other += 1) {
            const struct dr_job *near = &core->jobs[other];
            const struct dr_pool *pool = &core->pools[run->pool.v - 1];
            uint32_t size = 1;

            if (!oracle_holds(near) || near->account.v == job->account.v ||
                dr_job_run(core, near)->pool.v != run->pool.v)
                continue;
            if (is_share(core, job) && is_share(core, near) && share_a_device(core, job, near))
                wrong(checker, fact,
                      "job %llu shares an accelerator with job %llu of another "
                      "account",
                      (unsigned long long)job->id.v, (unsigned long long)near->id.v);
            if (core->classes[class - 1].share == DR_SHARE_NODE)
                continue;
            if (core->classes[class - 1].share == DR_SHARE_NONE)
                size = pool->levels_count > 0 ? pool->levels[0].nodes : pool->nodes_count;
            for (uint32_t a = run->extents; a != NONE; a = core->extents[a].next)
                for (uint32_t b = dr_job_run(core, near)->extents; b != NONE;
                     b = core->extents[b].next)
                    if (core->nodes[core->extents[a].extent.node.v - 1].number / size ==
                        core->nodes[core->extents[b].extent.node.v - 1].number / size)
                        wrong(checker, fact, "job %llu shares with job %llu of another account",
                              (unsigned long long)job->id.v, (unsigned long long)near->id.v);
        }
    }
}

/* ---- sums ---- */

static void check_sums(struct checker *checker, const struct dr_fact *fact,
                       const struct dr_core *core, const struct oracle_sums *sums)
{
    for (uint32_t account = 0; account < core->accounts_count; account += 1)
        for (uint32_t group = 0; group < core->groups_count; group += 1) {
            const struct dr_quota *quota =
                &core->quotas[(size_t)account * core->limits.groups_max + group];

            if (quota->use != sums->use[account][group] ||
                quota->claim != sums->claim[account][group] ||
                quota->firm != sums->firm[account][group] ||
                quota->occupied != sums->occupied[account][group])
                wrong(
                    checker, fact,
                    "I4: account %u group %u: use %lld claim %lld firm %lld occupied %lld, should "
                    "be %lld %lld %lld %lld",
                    account + 1, group + 1, (long long)quota->use, (long long)quota->claim,
                    (long long)quota->firm, (long long)quota->occupied,
                    (long long)sums->use[account][group], (long long)sums->claim[account][group],
                    (long long)sums->firm[account][group],
                    (long long)sums->occupied[account][group]);
        }
}

/* Q1 on the job's path and Q2 at the root, in the groups of the pool that the job uses. */
static void check_quotas(struct checker *checker, const struct dr_fact *fact,
                         const struct dr_core *core, const struct oracle_sums *sums,
                         const struct dr_job *job, uint32_t pool, uint32_t index)
{
    const struct dr_alternative *way = way_of(core, job, index);
    int64_t amounts[3] = {way->accelerators_per_task, way->cpus_per_task, way->memory_mb_per_task};

    for (uint32_t i = 0; i < 3; i += 1) {
        uint32_t group = core->pools[pool - 1].groups[i].v - 1;
        int64_t capacity = 0;

        if (amounts[i] == 0)
            continue;
        for (uint32_t at = job->account.v; at != 0; at = core->accounts[at - 1].parent.v) {
            const struct dr_quota *quota =
                &core->quotas[(size_t)(at - 1) * core->limits.groups_max + group];

            if (quota->borrow != DR_FOREVER_US &&
                (sums->claim[at - 1][group] > quota->guarantee + quota->borrow ||
                 (fact->kind == DR_FACT_JOB_PLACED &&
                  sums->use[at - 1][group] > quota->guarantee + quota->borrow)))
                wrong(checker, fact, "Q1: account %u is beyond its limit in group %u", at,
                      group + 1);
        }
        for (uint32_t row = 0; row < core->nodes_count; row += 1) {
            const struct dr_pool *of = &core->pools[core->nodes[row].pool.v - 1];

            if (of->groups[i].v - 1 == group && oracle_node_up(core, row))
                capacity += i == 0   ? (int64_t)of->accelerators * 1000
                            : i == 1 ? (int64_t)of->cpus
                                     : of->memory_mb;
        }
        if (sums->occupied[0][group] > capacity)
            wrong(checker, fact, "Q2: group %u: occupied %lld of %lld", group + 1,
                  (long long)sums->occupied[0][group], (long long)capacity);
        if (!dr_job_terms(core, job)->preemptible) {
            const struct dr_quota *quota =
                &core->quotas[(size_t)(job->account.v - 1) * core->limits.groups_max + group];

            if (sums->firm[job->account.v - 1][group] > quota->guarantee)
                wrong(checker, fact, "firm job %llu starts beyond its guarantee",
                      (unsigned long long)job->id.v);
        }
    }
}

/* ---- law ---- */

/* `was`: the job before it had the place. */
static void check_law(struct checker *checker, const struct dr_fact *fact,
                      const struct dr_core *core, const struct dr_job *was, uint32_t pool_id,
                      uint32_t index, uint32_t first)
{
    const struct dr_job *job = was;
    const struct dr_shape *shape = &core->shapes[job->shape];
    const struct dr_pool *pool = &core->pools[pool_id - 1];
    uint32_t domain = 0;
    uint32_t size = 0;

    if (!oracle_lawful(core, was, index, pool_id))
        wrong(checker, fact,
              "job %llu in pool %u: its chips, sites, data, class, consent or saved work forbid it",
              (unsigned long long)job->id.v, pool_id);
    if (shape->level_kind == 2)
        for (uint32_t i = 0; i < pool->levels_count; i += 1)
            if (strcmp(pool->levels[i].name, shape->level) == 0)
                size = pool->levels[i].nodes;
    if (shape->level_kind == 2 && size == 0)
        wrong(checker, fact, "job %llu in a pool without its level", (unsigned long long)job->id.v);
    for (uint32_t at = first; at != NONE; at = core->extents[at].next) {
        const struct dr_node *node = &core->nodes[core->extents[at].extent.node.v - 1];

        if (!oracle_node_up(core, core->extents[at].extent.node.v - 1) || node->removing)
            wrong(checker, fact, "job %llu on a node that is not up",
                  (unsigned long long)job->id.v);
        if (size == 0)
            continue;
        if (at == first)
            domain = node->number / size;
        if (node->number / size != domain)
            wrong(checker, fact, "job %llu leaves its required %s", (unsigned long long)job->id.v,
                  shape->level);
    }
}

/* When an attempt is believed to be gone. */
static int64_t gone_us(const struct dr_core *core, const struct dr_job *job)
{
    if (job->state == DR_JOB_UNREACHABLE)
        return INT64_MAX;
    if (dr_job_run(core, job)->stopping != DR_STOP_NONE)
        return dr_job_run(core, job)->stop_until_us;
    return (dr_job_run(core, job)->start_us != 0 ? dr_job_run(core, job)->start_us
                                                 : dr_job_run(core, job)->placed_us) +
           dr_job_run(core, job)->attempt_limit_us;
}

/* Until when it is in the way of others' starts: a flexible one may be taken once it has run
 * minimum_run, and has its grace. */
static int64_t counts_until(const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_run *run = dr_job_run(core, job);
    const struct dr_terms *terms = dr_job_terms(core, job);
    int64_t taken_us = (run->start_us != 0 ? run->start_us : run->placed_us) +
                       core->settings.minimum_run_us + terms->grace_us;

    if (!terms->flexible || run->stopping != DR_STOP_NONE || job->state == DR_JOB_UNREACHABLE)
        return gone_us(core, job);
    return taken_us < gone_us(core, job) ? taken_us : gone_us(core, job);
}

static int64_t busy_more_w(const struct dr_core *core, const struct dr_pool *pool)
{
    return pool->chip.v == 0
               ? 0
               : core->chips[pool->chip.v - 1].busy_w - core->chips[pool->chip.v - 1].idle_w;
}

/* Facility draw of one site, or of all sites of a zone, at an instant, in microwatts: now, what
 * nodes give out; later, what is left of it. */
static int64_t draw_at(const struct dr_core *core, uint32_t site, uint32_t zone, int64_t now_us,
                       int64_t time_us)
{
    int64_t draw_uw = 0;

    for (uint32_t row = 0; row < core->nodes_count; row += 1) {
        const struct dr_node *node = &core->nodes[row];
        const struct dr_pool *pool = &core->pools[node->pool.v - 1];
        const struct dr_site *at = &core->sites[pool->site.v - 1];
        int64_t watts = pool->node_idle_w;

        if (node->down || node->removed || node->off || (site != 0 && pool->site.v != site) ||
            (zone != 0 && at->zone.v != zone))
            continue;
        if (pool->chip.v != 0)
            watts += (int64_t)pool->accelerators * core->chips[pool->chip.v - 1].idle_w;
        draw_uw += watts * 1000 * at->pue_milli;
    }
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);
        const struct dr_pool *pool;
        const struct dr_site *at;

        if (!oracle_holds(job) || (time_us > now_us && counts_until(core, job) <= time_us))
            continue;
        pool = &core->pools[run->pool.v - 1];
        at = &core->sites[pool->site.v - 1];
        if ((site != 0 && pool->site.v != site) || (zone != 0 && at->zone.v != zone))
            continue;
        for (uint32_t part = run->extents; part != NONE; part = core->extents[part].next)
            if (time_us > now_us || !core->nodes[core->extents[part].extent.node.v - 1].down)
                draw_uw += (int64_t)core->extents[part].extent.tasks *
                           way_of(core, job, run->alternative)->accelerators_per_task *
                           busy_more_w(core, pool) * at->pue_milli;
    }
    return draw_uw;
}

/* The least cap at an instant, watts; INT64_MAX / 1000000: none. */
static int64_t least_cap(const struct dr_core *core, uint32_t site, uint32_t zone, int64_t time_us)
{
    int64_t standing =
        site != 0 ? core->sites[site - 1].power_cap_w : core->zones[zone - 1].power_cap_w;
    int64_t cap_w = standing == 0 ? INT64_MAX / 1000000 : standing;

    for (uint32_t i = 0; i < core->grid_caps_count; i += 1) {
        const struct dr_grid_cap *cap = &core->grid_caps[i];

        if (cap->site.v == site && cap->zone.v == zone && cap->from_us <= time_us &&
            time_us < cap->until_us && cap->power_cap_w < cap_w)
            cap_w = cap->power_cap_w;
    }
    return cap_w;
}

static int somebody_leaves(const struct dr_core *core)
{
    for (uint32_t row = 0; row < core->jobs_high; row += 1)
        if (oracle_holds(&core->jobs[row]) &&
            dr_job_run(core, &core->jobs[row])->stopping != DR_STOP_NONE)
            return 1;
    return 0;
}

static void check_draw(struct checker *checker, const struct dr_fact *fact,
                       const struct dr_core *core, const struct dr_job *job, uint32_t site,
                       uint32_t zone, int64_t time_us)
{
    int64_t draw_uw;

    if (time_us > fact->time_us && time_us >= gone_us(core, job))
        return;
    /* A flexible job may ignore intervals that begin after its minimum_run. */
    if (dr_job_terms(core, job)->flexible && time_us > fact->time_us &&
        time_us >= fact->time_us + core->settings.minimum_run_us)
        return;
    draw_uw = draw_at(core, site, zone, fact->time_us, time_us);
    if (draw_uw > least_cap(core, site, zone, time_us) * 1000000)
        wrong(checker, fact, "job %llu starts: %s %u draws %lld uW %lld s later, cap %lld W",
              (unsigned long long)job->id.v, site != 0 ? "site" : "zone", site != 0 ? site : zone,
              (long long)draw_uw, (long long)(time_us - fact->time_us) / 1000000,
              (long long)least_cap(core, site, zone, time_us));
}

/* No cap is passed while the job is believed to run: now, or at an instant at which one begins. */
static void check_power(struct checker *checker, const struct dr_fact *fact,
                        const struct dr_core *core, const struct dr_job *job)
{
    uint32_t site = core->pools[dr_job_run(core, job)->pool.v - 1].site.v;
    uint32_t zone = core->sites[site - 1].zone.v;

    check_draw(checker, fact, core, job, site, 0, fact->time_us);
    if (zone != 0)
        check_draw(checker, fact, core, job, 0, zone, fact->time_us);
    for (uint32_t i = 0; i < core->grid_caps_count; i += 1)
        for (int end = 0; end < 2; end += 1) {
            const struct dr_grid_cap *cap = &core->grid_caps[i];
            int64_t time_us = end ? cap->until_us : cap->from_us;

            if (time_us <= fact->time_us)
                continue;
            if (cap->site.v == site)
                check_draw(checker, fact, core, job, site, 0, time_us);
            if (zone != 0 && cap->zone.v == zone)
                check_draw(checker, fact, core, job, 0, zone, time_us);
        }
}

/* Every cap is kept by those who stay, or it was said that it can't be. */
static void check_kept(struct checker *checker, const struct dr_fact *fact,
                       const struct dr_core *core)
{
    for (uint32_t i = 0; i < core->sites_count + core->zones_count; i += 1) {
        uint32_t site = i < core->sites_count ? i + 1 : 0;
        uint32_t zone = site != 0 ? 0 : i - core->sites_count + 1;
        int64_t said_w = site != 0 ? core->sites[site - 1].power_short.missing_w
                                   : core->zones[zone - 1].power_short.missing_w;
        int64_t cap_w = least_cap(core, site, zone, fact->time_us);
        int64_t draw_uw = draw_at(core, site, zone, fact->time_us - 1, fact->time_us);

        /* Who has just started, or may not be taken yet, is not among those that it counts. */
        if (draw_uw > cap_w * 1000000 && said_w == 0 && !somebody_leaves(core))
            wrong(checker, fact, "%s %u draws %lld uW, its cap is %lld W and nobody said so",
                  site != 0 ? "site" : "zone", site != 0 ? site : zone, (long long)draw_uw,
                  (long long)cap_w);
    }
}

/* No node is brought up that takes its site or zone above a cap now, or within an hour. */
static void check_switched(struct checker *checker, const struct dr_fact *fact,
                           const struct dr_core *core)
{
    checker->switched += fact->nodes_power.nodes_count;
    for (uint32_t i = 0; i < fact->nodes_power.nodes_count && !fact->nodes_power.off; i += 1) {
        const struct dr_node *node = &core->nodes[fact->nodes_power.nodes[i] - 1];
        uint32_t site = core->pools[node->pool.v - 1].site.v;
        uint32_t zone = core->sites[site - 1].zone.v;

        for (uint32_t k = 0; k <= core->grid_caps_count && !node->down; k += 1) {
            int64_t at_us = k == 0 ? fact->time_us : core->grid_caps[k - 1].from_us;

            if (at_us < fact->time_us || at_us >= fact->time_us + DR_HOUR_US)
                continue;
            if (draw_at(core, site, 0, fact->time_us, at_us) >
                    least_cap(core, site, 0, at_us) * 1000000 ||
                (zone != 0 && draw_at(core, 0, zone, fact->time_us, at_us) >
                                  least_cap(core, 0, zone, at_us) * 1000000))
                wrong(checker, fact, "node %u is brought up and takes its site above a cap",
                      fact->nodes_power.nodes[i]);
        }
    }
}

/* Flexible attempts alone, and none before its time. */
static void check_curtailed(struct checker *checker, const struct dr_fact *fact,
                            const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_terms *terms = dr_job_terms(core, job);
    int64_t from_us = dr_job_run(core, job)->start_us != 0 ? dr_job_run(core, job)->start_us
                                                           : dr_job_run(core, job)->placed_us;

    checker->curtailed += 1;
    if (!terms->flexible || !terms->preemptible)
        wrong(checker, fact, "job %llu was taken for a cap and is not flexible",
              (unsigned long long)job->id.v);
    if (fact->time_us < from_us + core->settings.minimum_run_us)
        wrong(checker, fact, "job %llu was taken for a cap before it had run minimum_run",
              (unsigned long long)job->id.v);
    if (fact->attempt_stopping.until_us < fact->time_us + terms->grace_us)
        wrong(checker, fact, "job %llu was taken for a cap without its grace",
              (unsigned long long)job->id.v);
}

/* What a place, held or promised, adds to a site or zone, microwatts. */
static int64_t part_uw(const struct dr_core *core, const struct dr_job *job, uint32_t index,
                       uint32_t pool_id, uint32_t first, uint32_t site, uint32_t zone)
{
    const struct dr_pool *pool = &core->pools[pool_id - 1];
    const struct dr_site *at = &core->sites[pool->site.v - 1];
    int64_t sum_uw = 0;

    if ((site != 0 && pool->site.v != site) || (zone != 0 && at->zone.v != zone))
        return 0;
    for (uint32_t part = first; part != NONE; part = core->extents[part].next)
        sum_uw += (int64_t)core->extents[part].extent.tasks *
                  way_of(core, job, index)->accelerators_per_task * busy_more_w(core, pool) *
                  at->pue_milli;
    return sum_uw;
}

/* What is said to be missing is so after everybody who can be taken in time. */
static void check_short(struct checker *checker, const struct dr_fact *fact,
                        const struct dr_core *core)
{
    const struct dr_fact_power_short *power_short = &fact->power_short;
    uint32_t site = power_short->site;
    uint32_t zone = power_short->zone;
    int64_t now_us = fact->time_us;
    int64_t from_us = power_short->from_us > now_us ? power_short->from_us : now_us;
    int64_t stays_uw = draw_at(core, site, zone, from_us - 1, INT64_MAX - 1);

    if (power_short->missing_w == 0)
        return;
    checker->shorts += 1;
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);
        const struct dr_terms *terms = dr_job_terms(core, job);
        int64_t ripe_us =
            (run->start_us != 0 ? run->start_us : run->placed_us) + core->settings.minimum_run_us;

        if (job->id.v == 0)
            continue;
        if (run->promise != NONE)
            stays_uw += part_uw(core, job, run->promise_alternative, run->promise_pool.v,
                                run->promise, site, zone);
        if (!oracle_holds(job) || (from_us > now_us && gone_us(core, job) <= from_us))
            continue;
        if (from_us == now_us && run->stopping != DR_STOP_NONE)
            continue;
        if (terms->flexible && run->stopping == DR_STOP_NONE && job->state != DR_JOB_UNREACHABLE) {
            int64_t told_us = ripe_us > now_us ? ripe_us : now_us;

            if (from_us == now_us ? ripe_us <= now_us
                                  : told_us + terms->grace_us <= from_us &&
                                        now_us + terms->grace_us + 30 * DR_SECOND_US <= from_us)
                continue;
        }
        stays_uw += part_uw(core, job, run->alternative, run->pool.v, run->extents, site, zone);
    }
    if (stays_uw <= power_short->power_cap_w * 1000000)
        wrong(checker, fact, "%s %u is said to miss %lld W, and those who stay draw %lld uW",
              site != 0 ? "site" : "zone", site != 0 ? site : zone,
              (long long)power_short->missing_w, (long long)stays_uw);
}

/* ---- evictions ---- */

static void check_eviction(struct checker *checker, const struct dr_fact *fact,
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
        wrong(checker, fact, "%u evictions since anything came from outside", checker->evictions);
    if (fact->attempt_stopping.loss != oracle_loss_us(core, victim, fact->time_us) / DR_SECOND_US)
        wrong(checker, fact, "job %llu loses %lld accelerator-seconds, not %lld",
              (unsigned long long)victim->id.v,
              (long long)oracle_loss_us(core, victim, fact->time_us) / DR_SECOND_US,
              (long long)fact->attempt_stopping.loss);
    if (!dr_job_terms(core, victim)->preemptible)
        wrong(checker, fact, "firm job %llu was taken", (unsigned long long)victim->id.v);
    if (fact->time_us - dr_job_run(core, victim)->start_us < core->settings.minimum_run_us)
        wrong(checker, fact, "job %llu was taken before it had run minimum_run",
              (unsigned long long)victim->id.v);
    for (uint32_t row = 0; row < core->jobs_high; row += 1)
        if (core->jobs[row].id.v == fact->attempt_stopping.for_job)
            taker = &core->jobs[row];
    if (taker == NULL || taker->state != DR_JOB_PENDING) {
        wrong(checker, fact, "job %llu was taken for nobody", (unsigned long long)victim->id.v);
        return;
    }
    if (fact->attempt_stopping.cause == DR_STOP_PRIORITY) {
        if (victim->priority >= taker->priority)
            wrong(checker, fact, "priority took one of no lower priority");
        return;
    }
    if (taker->account.v == victim->account.v)
        wrong(checker, fact, "an account took from itself");
    if (fact->attempt_stopping.cause == DR_STOP_FAIR_SHARE) {
        checker->fair += 1;
        if (fact->time_us - dr_job_run(core, victim)->start_us < core->settings.fair_minimum_run_us)
            wrong(checker, fact, "job %llu was taken before it had run fair_minimum_run",
                  (unsigned long long)victim->id.v);
        if (core->settings.fair_preemption != DR_FAIR_PREEMPTION_FINAL_SHARE ||
            fact->time_us != core->tick_us)
            wrong(checker, fact, "fair share is not judged now");
        if (dr_job_run(core, taker)->preemptions >= 3)
            wrong(checker, fact, "job %llu has been preempted too often to take by fair share",
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
        wrong(checker, fact, "job %llu was taken though its branch is within its guarantee",
              (unsigned long long)victim->id.v);
}

/* ---- promises ---- */

static const struct dr_job *job_of(const struct dr_core *core, uint64_t id)
{
    for (uint32_t row = 0; row < core->jobs_high; row += 1)
        if (core->jobs[row].id.v == id)
            return &core->jobs[row];
    return NULL;
}

static uint32_t row_of(const struct dr_core *core, const struct dr_job *job)
{
    return (uint32_t)(job - core->jobs);
}

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
static void check_promise(struct checker *checker, const struct dr_fact *fact,
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
        const struct dr_job *victim = job_of(core, checker->victims[i]);
        uint32_t towards = oracle_towards(core, job->account.v, victim->account.v);

        loss += oracle_loss_us(core, victim, fact->time_us);
        if (fact->job_promised.until_us < dr_job_run(core, victim)->stop_until_us)
            wrong(checker, fact, "the promise of job %llu is overdue before job %llu has to leave",
                  (unsigned long long)job->id.v, (unsigned long long)victim->id.v);
        for (uint32_t k = 0; k < 3 && dr_job_run(core, victim)->stopping == DR_STOP_RECLAIM;
             k += 1) {
            uint32_t group = core->pools[pool - 1].groups[k].v;

            if (amounts[k] != 0 && look.sums.occupied[towards - 1][group - 1] >
                                       oracle_quota(core, towards, group)->guarantee)
                wrong(checker, fact, "job %llu takes back though account %u is above its guarantee",
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
                wrong(checker, fact, "priority of job %llu does not reach job %llu",
                      (unsigned long long)job->id.v, (unsigned long long)victim->id.v);
            if (!own && !check_not_under(core, &look, job, victim, at))
                wrong(checker, fact, "priority of job %llu pushes account %u under",
                      (unsigned long long)job->id.v, at);
        }
        for (uint32_t at = victim->account.v;
             dr_job_run(core, victim)->stopping == DR_STOP_FAIR_SHARE && at != 0;
             at = core->accounts[at - 1].parent.v)
            if (!check_not_under(core, &look, job, victim, at))
                wrong(checker, fact, "job %llu takes by fair share and pushes account %u under",
                      (unsigned long long)job->id.v, at);
        if (dr_job_run(core, victim)->stopping == DR_STOP_FAIR_SHARE) {
            const char *unfair =
                oracle_unfair(core, job, checker->victims, checker->victims_count, victim);

            if (unfair != NULL)
                wrong(checker, fact, "job %llu, taken for job %llu by fair share: %s",
                      (unsigned long long)victim->id.v, (unsigned long long)job->id.v, unfair);
        }
    }
    if (fact->job_promised.victims != checker->victims_count ||
        fact->job_promised.loss != loss / DR_SECOND_US)
        wrong(checker, fact, "job %llu: %u victims and %lld lost, not %u and %lld",
              (unsigned long long)job->id.v, checker->victims_count, (long long)loss / DR_SECOND_US,
              fact->job_promised.victims, (long long)fact->job_promised.loss);
    for (uint32_t i = 0; i < checker->victims_count; i += 1) {
        const struct dr_job *kept = job_of(core, checker->victims[i]);

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
            (dr_job_run(core, kept)->stopping != DR_STOP_FAIR_SHARE ||
             fits_beside(&look, job, index, pool)))
            wrong(checker, fact, "job %llu is taken for job %llu, which would fit without that",
                  (unsigned long long)kept->id.v, (unsigned long long)job->id.v);
    }
}

/* A promise is kept while its place can be had, until its victims are overdue. */
static void check_dropped(struct checker *checker, const struct dr_fact *fact,
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
    wrong(checker, fact, "the promise of job %llu is given up", (unsigned long long)was->id.v);
}

static void note_promise(struct checker *checker, const struct dr_fact *fact)
{
    struct checker_promise *promise = &checker->promises[fact->job_promised.job % CHECKER_JOBS];

    promise->nodes_count = 0;
    for (uint32_t i = 0; i < fact->job_promised.extents_count && i < DR_COUNT_OF(promise->nodes);
         i += 1) {
        promise->nodes[i] = fact->job_promised.extents[i].node.v;
        promise->nodes_count += 1;
    }
}

/* ---- starts ---- */

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

/* Could the job start now, whatever else is looked at? `reserved`: a job that has just used its
 * reservation, as it was. Fills the pool. */
static int could_start(const struct oracle *look, const struct dr_job *job, int64_t now_us,
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
                                .reserved_until_us = dr_job_run(core, reserved)->reservation_us,
                                .apart = reserved});
    return oracle_quotas_allow(&look, reserved, dr_job_run(core, reserved)->reservation_alternative,
                               dr_job_run(core, reserved)->reservation_pool.v);
}

/* Who starts above his guarantee takes no quota without which a reserved job could not begin. */
static void check_delays(struct checker *checker, const struct dr_fact *fact,
                         const struct dr_core *core, const struct dr_job *job)
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
            wrong(checker, fact, "job %llu takes the quota that job %llu has reserved",
                  (unsigned long long)job->id.v, (unsigned long long)other->id.v);
    }
}

/* Nobody who surely comes before it could have started instead, and no place is cheaper. */
static void check_start(struct checker *checker, const struct dr_fact *fact,
                        const struct dr_core *core, const struct dr_job *job,
                        const struct dr_job *was)
{
    static struct oracle look;
    static uint8_t gone[ORACLE_JOBS];
    static struct dr_job now;
    uint32_t tasks[ORACLE_NODES];
    double least = INFINITY;
    uint32_t pool;

    if (fact->job_placed.limit_us != oracle_limit_us(core, was, fact->job_placed.alternative))
        wrong(checker, fact, "job %llu has a limit of %lld us", (unsigned long long)job->id.v,
              (long long)fact->job_placed.limit_us);
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
                    wrong(checker, fact, "job %llu could have started larger",
                          (unsigned long long)job->id.v);
                least = cost < least ? cost : least;
            }
    }
    checker->priced += least < INFINITY;
    /* The core rounds down in a few places, by less than a micro-unit per kilowatt each. */
    if (least < INFINITY && fabs((double)fact->job_placed.cost_micro - least) > 1000)
        wrong(checker, fact, "job %llu costs %lld where %.0f is the least",
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
        if (could_start(&look, other, fact->time_us, &now, &pool))
            wrong(checker, fact, "job %llu starts before job %llu, which could start in pool %u",
                  (unsigned long long)job->id.v, (unsigned long long)other->id.v, pool);
    }
}

/* ---- reservations ---- */

static void check_reservation(struct checker *checker, const struct dr_fact *fact,
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
        wrong(checker, fact, "%u reservations in pool %u", of_pool[fact->reservation_made.pool],
              fact->reservation_made.pool);
    of_pool[fact->reservation_made.pool] -= 1;
    oracle_look(&look, core,
                (struct oracle_thought){.reserved = 1, .apart = job, .at_us = fact->time_us});
    if (dr_job_run(core, was)->reservation != NONE &&
        start_us >= dr_job_run(core, was)->reservation_us)
        wrong(checker, fact, "the reservation of job %llu moved back",
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
        wrong(checker, fact, "job %llu is to start in %lld s, not between %lld and %lld",
              (unsigned long long)job->id.v, (long long)(start_us - fact->time_us) / 1000000,
              (long long)(earliest - fact->time_us) / 1000000,
              (long long)(latest - fact->time_us) / 1000000);
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
                dr_job_run(core, was)->stopping == DR_STOP_FAIR_SHARE;
    int lost = dr_job_run(core, was)->stopping == DR_STOP_NODE ||
               (dr_job_run(core, was)->stopping == DR_STOP_NONE &&
                ended->outcome == DR_OUTCOME_NODE_FAILED);
    int again = (lost || (taken && !(exited_well && !dr_job_run(core, was)->saved_after_warning)));
    int64_t kept_us = dr_job_run(core, was)->kept_us;
    enum dr_job_state next = DR_JOB_FAILED;

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
        wrong(checker, fact, "job %llu is %s, not %s", (unsigned long long)job->id.v,
              dr_job_state_name(job->state), dr_job_state_name(next));
    if (next == DR_JOB_PENDING && (run->requeues != dr_job_run(core, was)->requeues + 1 ||
                                   job->held != (run->requeues > core->settings.requeue_limit)))
        wrong(checker, fact, "job %llu is requeued for the %u. time, and %s",
              (unsigned long long)job->id.v, run->requeues, job->held ? "held" : "not held");
    if (run->preemptions != dr_job_run(core, was)->preemptions + (uint32_t)taken)
        wrong(checker, fact, "job %llu has been preempted %u times, it says",
              (unsigned long long)job->id.v, run->preemptions);
    if (dr_job_run(core, was)->start_us != 0 &&
        dr_job_run(core, was)->saved_us > dr_job_run(core, was)->start_us) {
        int64_t saved =
            dr_job_run(core, was)->saved_us - dr_job_run(core, was)->start_us -
            (dr_job_run(core, was)->attempt > 1 ? dr_job_terms(core, was)->restart_us : 0);

        kept_us += saved > 0 ? saved : 0;
    }
    if (run->kept_us != kept_us)
        wrong(checker, fact, "job %llu has %lld us of work saved, not %lld",
              (unsigned long long)job->id.v, (long long)dr_job_run(core, job)->kept_us,
              (long long)kept_us);
}

/* ---- advance reservations ---- */

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
static void check_windows(struct checker *checker, const struct dr_fact *fact,
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
                    wrong(checker, fact, "node %u is in two advance reservations", row + 1);
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);

        if (job->id.v != 0 && oracle_holds(job) &&
            kept_off(core, job, run->extents, checker->windows_known[job->id.v % CHECKER_JOBS],
                     run->placed_us, run->placed_us + run->attempt_limit_us) != 0)
            wrong(checker, fact, "job %llu started into an advance reservation",
                  (unsigned long long)job->id.v);
    }
}

static void check_held(struct checker *checker, const struct dr_fact *fact,
                       const struct dr_core *core)
{
    const struct dr_window *window = dr_window_of(core, fact->window_held.window);

    checker->windows += 1;
    if (window == NULL || window->from_us > fact->time_us ||
        others_in(core, window) != fact->window_held.attempts)
        wrong(checker, fact, "%u attempts of others are in advance reservation %u",
              window == NULL ? 0 : others_in(core, window), fact->window_held.window);
}

/* One that says so tells them to leave, no earlier than it has to. */
static void check_told(struct checker *checker, const struct dr_fact *fact,
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
        wrong(checker, fact, "job %llu is told to leave for no advance reservation",
              (unsigned long long)job->id.v);
}

/* After a decision: all is said, who has to leave was told, and nothing is promised or reserved
 * into one. */
static void check_windows_now(struct checker *checker, const struct dr_core *core, int64_t now_us)
{
    struct dr_fact none = {.kind = DR_FACT_TICK, .time_us = now_us};

    for (uint32_t i = 0; i < core->windows_count; i += 1) {
        const struct dr_window *window = &core->windows[i];

        if (window->until_us <= now_us || window->begun != (window->from_us <= now_us) ||
            (window->held > 0 && others_in(core, window) == 0))
            wrong(checker, &none, "nothing is said of advance reservation %u", window->id);
        for (uint32_t row = 0; row < core->jobs_high; row += 1) {
            const struct dr_job *job = &core->jobs[row];

            if (job->id.v != 0 && window->evict && is_there(core, window, job) &&
                dr_job_run(core, job)->stopping == DR_STOP_NONE && !window->begun &&
                now_us >= window->from_us - dr_job_terms(core, job)->grace_us - 30 * DR_SECOND_US &&
                oracle_end_us(core, job, now_us) > window->from_us + 30 * DR_SECOND_US)
                wrong(checker, &none, "job %llu is not told to leave for advance reservation %u",
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
            wrong(checker, &none, "job %llu is promised what an advance reservation keeps",
                  (unsigned long long)job->id.v);
        /* One that is late is looked at by the next decision that has anything to do. */
        from_us = dr_job_run(core, job)->reservation_us;
        if (dr_job_run(core, job)->reservation == NONE || from_us < now_us)
            continue;
        if (kept_off(core, job, dr_job_run(core, job)->reservation, UINT32_MAX, from_us,
                     from_us + oracle_limit_us(
                                   core, job, dr_job_run(core, job)->reservation_alternative)) != 0)
            wrong(checker, &none, "job %llu reserves what an advance reservation keeps",
                  (unsigned long long)job->id.v);
    }
}

/* ---- ticks ---- */

static void check_tick(struct checker *checker, const struct dr_fact *fact,
                       const struct dr_core *core)
{
    int64_t passed_us = checker->tick_us == 0 ? 0 : fact->time_us - checker->tick_us;
    double decay = exp2(-(double)passed_us / (double)core->settings.half_life_us);

    if (fabs((double)fact->tick.decay / 4294967296.0 - decay) > 1e-6)
        wrong(checker, fact, "decay %u", fact->tick.decay);
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
                wrong(checker, fact, "past use of account %u in group %u is %lld, not %lld",
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

    oracle_look(&look, core, (struct oracle_thought){.at_us = world->now_us});
    check_windows_now(checker, core, world->now_us);
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);
        const struct dr_terms *terms = dr_job_terms(core, job);
        uint32_t pool;

        if (job->id.v != 0 && job->state == DR_JOB_PENDING && terms->deadline_ends &&
            terms->deadline_us != 0 && terms->deadline_us <= world->now_us)
            wrong(checker, &none, "job %llu waits after its deadline",
                  (unsigned long long)job->id.v);
        if (oracle_holds(job) && run->stopping == DR_STOP_NONE &&
            (world->now_us >= (run->start_us != 0 ? run->start_us : run->placed_us) +
                                  run->attempt_limit_us + terms->grace_us + DR_MINUTE_US ||
             (terms->deadline_ends && terms->deadline_us != 0 &&
              terms->deadline_us <= world->now_us)))
            wrong(checker, &none, "job %llu runs beyond its time", (unsigned long long)job->id.v);
        if (job->state == DR_JOB_PENDING && !job->held)
            checker->cheaper += oracle_cheaper_later(core, job, world->now_us) > 1.6;
        for (uint32_t at = job->id.v == 0 ? NONE : run->promise; at != NONE;
             at = core->extents[at].next)
            if (!oracle_node_up(core, core->extents[at].extent.node.v - 1) ||
                core->nodes[core->extents[at].extent.node.v - 1].removing)
                wrong(checker, &none, "job %llu is promised a node that is not up",
                      (unsigned long long)job->id.v);
        if (!oracle_waits(core, job, world->now_us))
            continue;
        checker->waiting += 1;
        if (could_start(&look, job, world->now_us, NULL, &pool))
            wrong(checker, &none, "after a decision job %llu could start in pool %u, and waits",
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
    const struct dr_job *job = dr_fact_job(fact) == 0 ? NULL : job_of(core, dr_fact_job(fact));
    const struct dr_run *run = job == NULL ? NULL : dr_job_run(core, job);
    const struct dr_job *was = job == NULL ? NULL : was_of(checker, job->id.v);

    switch (fact->kind) {
    case DR_FACT_TICK:
        check_tick(checker, fact, core);
        check_kept(checker, fact, core);
        break;
    case DR_FACT_JOB_PLACED:
        checker->starts += 1;
        checker->backfills += fact->job_placed.rule == DR_RULE_BACKFILL;
        check_law(checker, fact, core, was, fact->job_placed.pool, fact->job_placed.alternative,
                  run->extents);
        check_quotas(checker, fact, core, &checker->look.sums, job, fact->job_placed.pool,
                     fact->job_placed.alternative);
        check_power(checker, fact, core, job);
        if (fact->job_placed.rule != DR_RULE_PROMISE &&
            fact->job_placed.rule != DR_RULE_ELSEWHERE &&
            oracle_cheaper_later(core, was, fact->time_us) > 1.6)
            wrong(checker, fact, "job %llu did not wait for cheaper hours",
                  (unsigned long long)was->id.v);
        check_start(checker, fact, core, job, was);
        check_delays(checker, fact, core, job);
        if (dr_job_run(core, was)->reservation != NONE &&
            fact->time_us > dr_job_run(core, was)->reservation_us) {
            checker->late += 1;
            if (checker->calm)
                wrong(checker, fact, "job %llu starts %lld s after its reservation",
                      (unsigned long long)job->id.v,
                      (long long)(fact->time_us - dr_job_run(core, was)->reservation_us) / 1000000);
        }
        break;
    case DR_FACT_JOB_PROMISED:
        check_law(checker, fact, core, job, fact->job_promised.pool, fact->job_promised.alternative,
                  run->promise);
        check_quotas(checker, fact, core, &checker->look.sums, job, fact->job_promised.pool,
                     fact->job_promised.alternative);
        check_promise(checker, fact, core, job);
        note_promise(checker, fact);
        checker->victims_count = 0;
        break;
    case DR_FACT_PROMISE_DROPPED:
        check_dropped(checker, fact, core, was);
        break;
    case DR_FACT_RESERVATION_MADE:
        checker->reservations += 1;
        check_law(checker, fact, core, job, fact->reservation_made.pool,
                  fact->reservation_made.alternative, run->reservation);
        check_reservation(checker, fact, core, job, was);
        break;
    case DR_FACT_RESERVATION_DROPPED:
        for (uint32_t row = 0; fact->reservation_dropped.by != 0 && row < core->jobs_high; row += 1)
            if (core->jobs[row].id.v == fact->reservation_dropped.by &&
                dr_job_run(core, &core->jobs[row])->promise != NONE &&
                dr_job_run(core, &core->jobs[row])->promise_cause == DR_STOP_FAIR_SHARE)
                wrong(checker, fact, "what was taken by fair share had been reserved");
        break;
    case DR_FACT_ATTEMPT_STOPPING:
        if (fact->attempt_stopping.cause == DR_STOP_RECLAIM ||
            fact->attempt_stopping.cause == DR_STOP_PRIORITY ||
            fact->attempt_stopping.cause == DR_STOP_FAIR_SHARE)
            check_eviction(checker, fact, core, job);
        if (fact->attempt_stopping.cause == DR_STOP_POWER)
            check_curtailed(checker, fact, core, job);
        if (fact->attempt_stopping.cause == DR_STOP_WINDOW)
            check_told(checker, fact, core, job);
        break;
    case DR_FACT_NODES_POWER:
        check_switched(checker, fact, core);
        checker->evictions = 0;
        break;
    case DR_FACT_WINDOW_HELD:
        check_held(checker, fact, core);
        break;
    case DR_FACT_POWER_SHORT:
        check_short(checker, fact, core);
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

    check_places(checker, fact, core);
    check_sharing(checker, fact, core);
    oracle_look(&checker->look, core, (struct oracle_thought){.gone = NULL});
    check_sums(checker, fact, core, &checker->look.sums);
    check_windows(checker, fact, core);
    if (fact->kind != DR_FACT_ATTEMPT_STOPPING && fact->kind != DR_FACT_JOB_PROMISED &&
        fact->kind != DR_FACT_RESERVATION_DROPPED)
        checker->victims_count = 0;
    check_fact(checker, fact, core);
    remember(checker, core);
}
