/* SPDX-License-Identifier: Apache-2.0 */
#include "checker.h"

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

static int holds_place(const struct dr_job *job)
{
    return job->id.v != 0 && (job->state == DR_JOB_CONFIGURING || job->state == DR_JOB_RUNNING ||
                              job->state == DR_JOB_COMPLETING || job->state == DR_JOB_UNREACHABLE);
}

static int node_is_up(const struct dr_core *core, uint32_t row)
{
    const struct dr_node *node = &core->nodes[row];

    return !node->down && !node->drained && !node->removed &&
           core->sites[core->pools[node->pool.v - 1].site.v - 1].answers;
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

        if (holds_place(job))
            check_gang(checker, fact, core, job, job->extents, job->pool.v, job->alternative, busy,
                       cpus, memory);
        else if (job->id.v != 0 && job->extents != NONE)
            wrong(checker, fact, "job %llu holds a place and does not run",
                  (unsigned long long)job->id.v);
        if (job->id.v != 0 && job->promise != NONE)
            check_gang(checker, fact, core, job, job->promise, job->promise_pool.v,
                       job->promise_alternative, promised, NULL, NULL);
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
    return way_of(core, job, job->alternative)->accelerators_per_task % 1000 != 0;
}

/* Attempts of two accounts have shares of one accelerator. */
static int share_a_device(const struct dr_core *core, const struct dr_job *x,
                          const struct dr_job *y)
{
    for (uint32_t a = x->extents; a != NONE; a = core->extents[a].next)
        for (uint32_t b = y->extents; b != NONE; b = core->extents[b].next)
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
        uint32_t class = core->shapes[job->shape].data_class.v;

        if (!holds_place(job) || class == 0 || core->classes[class - 1].share < DR_SHARE_NODE)
            continue;
        for (uint32_t other = 0; other < core->jobs_high; other += 1) {
            const struct dr_job *near = &core->jobs[other];
            const struct dr_pool *pool = &core->pools[job->pool.v - 1];
            uint32_t size = 1;

            if (!holds_place(near) || near->account.v == job->account.v ||
                near->pool.v != job->pool.v)
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
            for (uint32_t a = job->extents; a != NONE; a = core->extents[a].next)
                for (uint32_t b = near->extents; b != NONE; b = core->extents[b].next)
                    if (core->nodes[core->extents[a].extent.node.v - 1].number / size ==
                        core->nodes[core->extents[b].extent.node.v - 1].number / size)
                        wrong(checker, fact, "job %llu shares with job %llu of another account",
                              (unsigned long long)job->id.v, (unsigned long long)near->id.v);
        }
    }
}

/* ---- sums ---- */

#define ACCOUNTS 64
#define GROUPS   24

struct sums {
    int64_t use[ACCOUNTS][GROUPS];
    int64_t claim[ACCOUNTS][GROUPS];
    int64_t firm[ACCOUNTS][GROUPS];
    int64_t occupied[ACCOUNTS][GROUPS];
};

static void add(const struct dr_core *core, int64_t sums[ACCOUNTS][GROUPS],
                const struct dr_job *job, uint32_t pool, uint32_t index)
{
    const struct dr_alternative *way = way_of(core, job, index);
    int64_t amounts[3] = {(int64_t)way->tasks * way->accelerators_per_task,
                          (int64_t)way->tasks * way->cpus_per_task,
                          (int64_t)way->tasks * way->memory_mb_per_task};

    for (uint32_t at = job->account.v; at != 0; at = core->accounts[at - 1].parent.v)
        for (uint32_t i = 0; i < 3; i += 1)
            sums[at - 1][core->pools[pool - 1].groups[i].v - 1] += amounts[i];
}

static int claims(const struct dr_core *core, const struct dr_job *job)
{
    if (job->stopping != DR_STOP_NONE || job->state == DR_JOB_UNREACHABLE)
        return 0;
    for (uint32_t at = job->extents; at != NONE; at = core->extents[at].next)
        if (!node_is_up(core, core->extents[at].extent.node.v - 1))
            return 0;
    return 1;
}

static int64_t keep_of(const struct dr_quota *quota)
{
    return quota->guarantee > quota->lend ? quota->guarantee - quota->lend : 0;
}

/* `also`: a job whose attempt counts in claim though it has been told to leave; NULL: none. */
static void sum_up(const struct dr_core *core, struct sums *sums, const struct dr_job *also)
{
    memset(sums, 0, sizeof *sums);
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];

        if (job->id.v != 0 && job->promise != NONE) {
            add(core, sums->claim, job, job->promise_pool.v, job->promise_alternative);
            if (!job->preemptible)
                add(core, sums->firm, job, job->promise_pool.v, job->promise_alternative);
        }
        if (!holds_place(job))
            continue;
        add(core, sums->use, job, job->pool.v, job->alternative);
        if (!claims(core, job) && job != also)
            continue;
        add(core, sums->claim, job, job->pool.v, job->alternative);
        if (!job->preemptible)
            add(core, sums->firm, job, job->pool.v, job->alternative);
    }
    for (uint32_t group = 0; group < core->groups_count; group += 1)
        for (uint32_t account = core->accounts_count; account > 0; account -= 1) {
            const struct dr_quota *quota =
                &core->quotas[(size_t)(account - 1) * core->limits.groups_max + group];
            int64_t below = 0;
            int children = 0;

            for (uint32_t child = 0; child < core->accounts_count; child += 1)
                if (core->accounts[child].parent.v == account && !core->accounts[child].removed) {
                    below += sums->occupied[child][group];
                    children += 1;
                }
            if (children == 0)
                below = sums->claim[account - 1][group];
            sums->occupied[account - 1][group] = below > keep_of(quota) ? below : keep_of(quota);
        }
}

static void check_sums(struct checker *checker, const struct dr_fact *fact,
                       const struct dr_core *core, const struct sums *sums)
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
                         const struct dr_core *core, const struct sums *sums,
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

            if (of->groups[i].v - 1 == group && node_is_up(core, row))
                capacity += i == 0   ? (int64_t)of->accelerators * 1000
                            : i == 1 ? (int64_t)of->cpus
                                     : of->memory_mb;
        }
        if (sums->occupied[0][group] > capacity)
            wrong(checker, fact, "Q2: group %u: occupied %lld of %lld", group + 1,
                  (long long)sums->occupied[0][group], (long long)capacity);
        if (!job->preemptible) {
            const struct dr_quota *quota =
                &core->quotas[(size_t)(job->account.v - 1) * core->limits.groups_max + group];

            if (sums->firm[job->account.v - 1][group] > quota->guarantee)
                wrong(checker, fact, "firm job %llu starts beyond its guarantee",
                      (unsigned long long)job->id.v);
        }
    }
}

/* ---- law ---- */

static int class_allows(const struct dr_core *core, uint32_t class, const struct dr_site *site)
{
    const struct dr_data_class *about;
    int allowed = 0;

    if (class == 0)
        return 1;
    about = &core->classes[class - 1];
    for (uint32_t i = 0; i < about->jurisdictions_count; i += 1)
        allowed |= strcmp(about->jurisdictions[i].text, site->jurisdiction) == 0;
    return (allowed || about->jurisdictions_count == 0) &&
           site->assurance >= about->assurance_min && ((site->classes >> (class - 1)) & 1);
}

static void check_law(struct checker *checker, const struct dr_fact *fact,
                      const struct dr_core *core, const struct dr_job *job, uint32_t pool_id,
                      uint32_t index, uint32_t first)
{
    const struct dr_shape *shape = &core->shapes[job->shape];
    const struct dr_pool *pool = &core->pools[pool_id - 1];
    const struct dr_site *site = &core->sites[pool->site.v - 1];
    uint64_t chips = shape->alternatives[index].chips;
    uint32_t domain = 0;
    uint32_t size = 0;
    int any = 0;
    int consent = pool->consent_count == 0;

    for (uint32_t i = 0; i < 4; i += 1)
        any |= shape->sites.words[i] != 0;
    if (any && !((shape->sites.words[(pool->site.v - 1) / 64] >> ((pool->site.v - 1) % 64)) & 1))
        wrong(checker, fact, "job %llu at a site that it does not name",
              (unsigned long long)job->id.v);
    if (chips != 0 && (pool->chip.v == 0 || !((chips >> (pool->chip.v - 1)) & 1)))
        wrong(checker, fact, "job %llu on a chip that it does not name",
              (unsigned long long)job->id.v);
    if (!class_allows(core, shape->data_class.v, site))
        wrong(checker, fact, "job %llu outside its data class's law",
              (unsigned long long)job->id.v);
    for (uint32_t i = 0; i < pool->consent_count; i += 1)
        for (uint32_t at = job->account.v; at != 0; at = core->accounts[at - 1].parent.v)
            consent |= at == pool->consent[i];
    if (!consent)
        wrong(checker, fact, "job %llu without consent", (unsigned long long)job->id.v);
    if (shape->level_kind == 2)
        for (uint32_t i = 0; i < pool->levels_count; i += 1)
            if (strcmp(pool->levels[i].name, shape->level) == 0)
                size = pool->levels[i].nodes;
    if (shape->level_kind == 2 && size == 0)
        wrong(checker, fact, "job %llu in a pool without its level", (unsigned long long)job->id.v);
    for (uint32_t at = first; at != NONE; at = core->extents[at].next) {
        const struct dr_node *node = &core->nodes[core->extents[at].extent.node.v - 1];

        if (!node_is_up(core, core->extents[at].extent.node.v - 1) || node->removing)
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
static int64_t gone_us(const struct dr_job *job)
{
    if (job->state == DR_JOB_UNREACHABLE)
        return INT64_MAX;
    if (job->stopping != DR_STOP_NONE)
        return job->stop_until_us;
    return (job->start_us != 0 ? job->start_us : job->placed_us) + job->attempt_limit_us;
}

static int64_t busy_more_w(const struct dr_core *core, const struct dr_pool *pool)
{
    return pool->chip.v == 0
               ? 0
               : core->chips[pool->chip.v - 1].busy_w - core->chips[pool->chip.v - 1].idle_w;
}

/* Facility draw of one site, or of all sites of a zone, at an instant, in milliwatts: now, what
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

        if (node->down || node->removed || (site != 0 && pool->site.v != site) ||
            (zone != 0 && at->zone.v != zone))
            continue;
        if (pool->chip.v != 0)
            watts += (int64_t)pool->accelerators * core->chips[pool->chip.v - 1].idle_w;
        draw_uw += watts * 1000 * at->pue_milli;
    }
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_pool *pool;
        const struct dr_site *at;

        if (!holds_place(job) || (time_us > now_us && gone_us(job) <= time_us))
            continue;
        pool = &core->pools[job->pool.v - 1];
        at = &core->sites[pool->site.v - 1];
        if ((site != 0 && pool->site.v != site) || (zone != 0 && at->zone.v != zone))
            continue;
        for (uint32_t part = job->extents; part != NONE; part = core->extents[part].next)
            if (time_us > now_us || !core->nodes[core->extents[part].extent.node.v - 1].down)
                draw_uw += (int64_t)core->extents[part].extent.tasks *
                           way_of(core, job, job->alternative)->accelerators_per_task *
                           busy_more_w(core, pool) * at->pue_milli;
    }
    return (draw_uw + 999) / 1000;
}

/* The least cap at an instant, watts; INT64_MAX / 1000: none. */
static int64_t least_cap(const struct dr_core *core, uint32_t site, uint32_t zone, int64_t time_us)
{
    int64_t standing =
        site != 0 ? core->sites[site - 1].power_cap_w : core->zones[zone - 1].power_cap_w;
    int64_t cap_w = standing == 0 ? INT64_MAX / 1000 : standing;

    for (uint32_t i = 0; i < core->grid_caps_count; i += 1) {
        const struct dr_grid_cap *cap = &core->grid_caps[i];

        if (cap->site.v == site && cap->zone.v == zone && cap->from_us <= time_us &&
            time_us < cap->until_us && cap->power_cap_w < cap_w)
            cap_w = cap->power_cap_w;
    }
    return cap_w;
}

static void check_draw(struct checker *checker, const struct dr_fact *fact,
                       const struct dr_core *core, const struct dr_job *job, uint32_t site,
                       uint32_t zone, int64_t time_us)
{
    int64_t draw_mw;

    if (time_us > fact->time_us && time_us >= gone_us(job))
        return;
    draw_mw = draw_at(core, site, zone, fact->time_us, time_us);
    if (draw_mw > least_cap(core, site, zone, time_us) * 1000)
        wrong(checker, fact, "job %llu starts: %s %u draws %lld mW %lld s later, cap %lld W",
              (unsigned long long)job->id.v, site != 0 ? "site" : "zone", site != 0 ? site : zone,
              (long long)draw_mw, (long long)(time_us - fact->time_us) / 1000000,
              (long long)least_cap(core, site, zone, time_us));
}

/* No cap is passed while the job is believed to run: now, or at an instant at which one begins. */
static void check_power(struct checker *checker, const struct dr_fact *fact,
                        const struct dr_core *core, const struct dr_job *job)
{
    uint32_t site = core->pools[job->pool.v - 1].site.v;
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

/* ---- evictions ---- */

static int64_t occupied_with(const struct sums *sums, uint32_t account, uint32_t group)
{
    return sums->occupied[account - 1][group];
}

static void check_eviction(struct checker *checker, const struct dr_fact *fact,
                           const struct dr_core *core, const struct dr_job *victim)
{
    static struct sums before;
    const struct dr_job *taker = NULL;
    uint32_t x, y, towards_x, towards_y;
    int borrows = 0;

    checker->evictions += 1;
    checker->reclaims += 1;
    if (checker->evictions > checker->evictions_most)
        checker->evictions_most = checker->evictions;
    if (checker->evictions > 20) /* worlds of 40 jobs: more is a loop */
        wrong(checker, fact, "%u evictions since anything came from outside", checker->evictions);
    if (!victim->preemptible)
        wrong(checker, fact, "firm job %llu was taken", (unsigned long long)victim->id.v);
    if (fact->time_us - victim->start_us < core->settings.minimum_run_us)
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
    sum_up(core, &before, victim);
    x = towards_x = taker->account.v;
    y = towards_y = victim->account.v;
    while (x != y) {
        if (x > y) {
            towards_x = x;
            x = core->accounts[x - 1].parent.v;
        } else {
            towards_y = y;
            y = core->accounts[y - 1].parent.v;
        }
    }
    (void)towards_x;
    for (uint32_t i = 0; i < 3; i += 1) {
        uint32_t group = core->pools[victim->pool.v - 1].groups[i].v - 1;
        int all = 1;

        for (uint32_t at = victim->account.v;; at = core->accounts[at - 1].parent.v) {
            const struct dr_quota *quota =
                &core->quotas[(size_t)(at - 1) * core->limits.groups_max + group];

            all &= occupied_with(&before, at, group) > quota->guarantee;
            if (at == towards_y)
                break;
        }
        borrows |= all;
    }
    if (!borrows)
        wrong(checker, fact, "job %llu was taken though its branch is within its guarantee",
              (unsigned long long)victim->id.v);
}

/* ---- all of it ---- */

static const struct dr_job *job_of(const struct dr_core *core, uint64_t id)
{
    for (uint32_t row = 0; row < core->jobs_high; row += 1)
        if (core->jobs[row].id.v == id)
            return &core->jobs[row];
    return NULL;
}

/* Times of reservations, by job id: the latest fact of each. */
static int64_t reserved_us[65536];

void checker_fact(struct world *world, const struct dr_fact *fact, void *context)
{
    struct checker *checker = context;
    const struct dr_core *core = world->shadow;
    static struct sums sums;
    const struct dr_job *job;

    if (fact->kind == DR_FACT_TICK)
        return;
    check_places(checker, fact, core);
    check_sharing(checker, fact, core);
    sum_up(core, &sums, NULL);
    check_sums(checker, fact, core, &sums);
    switch (fact->kind) {
    case DR_FACT_JOB_PLACED:
        job = job_of(core, fact->job_placed.job);
        checker->starts += 1;
        checker->backfills += fact->job_placed.rule == DR_RULE_BACKFILL;
        check_law(checker, fact, core, job, fact->job_placed.pool, fact->job_placed.alternative,
                  job->extents);
        check_quotas(checker, fact, core, &sums, job, fact->job_placed.pool,
                     fact->job_placed.alternative);
        check_power(checker, fact, core, job);
        if (reserved_us[job->id.v % 65536] != 0 && fact->time_us > reserved_us[job->id.v % 65536]) {
            checker->late += 1;
            if (checker->calm)
                wrong(checker, fact, "job %llu starts %lld s after its reservation",
                      (unsigned long long)job->id.v,
                      (long long)(fact->time_us - reserved_us[job->id.v % 65536]) / 1000000);
        }
        reserved_us[job->id.v % 65536] = 0;
        break;
    case DR_FACT_JOB_PROMISED:
        job = job_of(core, fact->job_promised.job);
        check_law(checker, fact, core, job, fact->job_promised.pool, fact->job_promised.alternative,
                  job->promise);
        check_quotas(checker, fact, core, &sums, job, fact->job_promised.pool,
                     fact->job_promised.alternative);
        break;
    case DR_FACT_RESERVATION_MADE:
        job = job_of(core, fact->reservation_made.job);
        checker->reservations += 1;
        check_law(checker, fact, core, job, fact->reservation_made.pool,
                  fact->reservation_made.alternative, job->reservation);
        if (reserved_us[job->id.v % 65536] != 0 &&
            fact->reservation_made.start_us >= reserved_us[job->id.v % 65536])
            wrong(checker, fact, "the reservation of job %llu moved back",
                  (unsigned long long)job->id.v);
        reserved_us[job->id.v % 65536] = fact->reservation_made.start_us;
        break;
    case DR_FACT_RESERVATION_DROPPED:
        reserved_us[fact->reservation_dropped.job % 65536] = 0;
        break;
    case DR_FACT_ATTEMPT_STOPPING:
        if (fact->attempt_stopping.cause == DR_STOP_RECLAIM ||
            fact->attempt_stopping.cause == DR_STOP_PRIORITY)
            check_eviction(checker, fact, core, job_of(core, fact->attempt_stopping.job));
        break;
    case DR_FACT_ATTEMPT_ENDED:
        if (fact->attempt_ended.next_state != DR_JOB_PENDING)
            checker->evictions = 0;
        break;
    case DR_FACT_JOB_ACCEPTED:
        reserved_us[fact->job_accepted.job % 65536] = 0;
        checker->evictions = 0;
        break;
    case DR_FACT_JOB_HELD:
        reserved_us[fact->job_held.job % 65536] = 0;
        break;
    case DR_FACT_JOB_ENDED:
    case DR_FACT_JOB_RELEASED:
    case DR_FACT_NODE_FLAGS:
    case DR_FACT_SITE_REACH:
    case DR_FACT_SITE_SET:
    case DR_FACT_ACCOUNT_SET:
    case DR_FACT_ZONE_SET:
    case DR_FACT_GRID_CAP_SET:
    case DR_FACT_GRID_CAP_REMOVED:
        checker->evictions = 0;
        break;
    case DR_FACT_ZONE_REMOVED:
    case DR_FACT_LEADER_TOOK:
    case DR_FACT_TICK:
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
    case DR_FACT_PROMISE_DROPPED:
    case DR_FACT_ATTEMPT_STARTED:
    case DR_FACT_CHECKPOINT_SEEN:
    case DR_FACT_TEXT_ERASED:
        break;
    }
}
