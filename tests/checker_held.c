/* SPDX-License-Identifier: Apache-2.0 */
/* What is held: invariants I1 to I4 (places, and sums per account), who shares with whom, and by
 * what law and quotas somebody got a place. Read checker_places() first. */
#include "checker_parts.h"

#define NONE DR_ROW_NONE

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
        checker_wrong(checker, fact,
                      "job %llu: %u tasks of %u thousandths of an accelerator hold %u",
                      (unsigned long long)job->id.v, extent->tasks, each, devices);
    for (uint32_t i = 0; i < 64; i += 1) {
        if (((extent->accelerators >> i) & 1) == 0)
            continue;
        taken[row].milli[i] += each % 1000 == 0 ? 1000 : extent->tasks * each;
        if (taken[row].milli[i] > 1000)
            checker_wrong(checker, fact,
                          "I1: job %llu takes of accelerator %u of node %u what is not free",
                          (unsigned long long)job->id.v, i, row + 1);
        if (i >= core->pools[core->nodes[row].pool.v - 1].accelerators)
            checker_wrong(checker, fact, "job %llu: an accelerator that the node does not have",
                          (unsigned long long)job->id.v);
    }
}

static void check_gang(struct checker *checker, const struct dr_fact *fact,
                       const struct dr_core *core, const struct dr_job *job, uint32_t first,
                       uint32_t pool, uint32_t index, struct taken *taken, int64_t *cpus,
                       int64_t *memory)
{
    const struct dr_alternative *way = oracle_way(core, job, index);
    uint32_t tasks = 0;
    uint32_t on_node = 0;
    const struct dr_extent *last = NULL;

    for (uint32_t at = first; at != NONE; at = core->extents[at].next) {
        const struct dr_extent *extent = &core->extents[at].extent;
        uint32_t row = extent->node.v - 1;
        int again = last != NULL && last->node.v == extent->node.v;

        if (core->nodes[row].pool.v != pool)
            checker_wrong(checker, fact, "job %llu: node %u is not in its pool %u",
                          (unsigned long long)job->id.v, row + 1, pool);
        if (again &&
            (way->accelerators_per_task % 1000 == 0 || extent->accelerators <= last->accelerators))
            checker_wrong(checker, fact, "job %llu names a node, or an accelerator, twice",
                          (unsigned long long)job->id.v);
        last = extent;
        on_node = (again ? on_node : 0) + extent->tasks;
        if (way->tasks_per_node_max != 0 && on_node > way->tasks_per_node_max)
            checker_wrong(checker, fact, "job %llu: %u tasks on a node",
                          (unsigned long long)job->id.v, on_node);
        take_devices(checker, fact, core, job, extent, way, taken);
        if (cpus != NULL) {
            cpus[row] += (int64_t)extent->tasks * way->cpus_per_task;
            memory[row] += (int64_t)extent->tasks * way->memory_mb_per_task;
        }
        tasks += extent->tasks;
    }
    if (tasks != way->tasks)
        checker_wrong(checker, fact, "I2: job %llu has %u of its %u tasks",
                      (unsigned long long)job->id.v, tasks, way->tasks);
}

/* Bits of the accelerators of which something is taken. */
static uint64_t mask_of(const struct taken *taken)
{
    uint64_t mask = 0;

    for (uint32_t i = 0; i < 64; i += 1)
        mask |= (uint64_t)(taken->milli[i] > 0) << i;
    return mask;
}

void checker_places(struct checker *checker, const struct dr_fact *fact, const struct dr_core *core)
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
            checker_wrong(checker, fact, "job %llu holds a place and does not run",
                          (unsigned long long)job->id.v);
        if (job->id.v != 0 && dr_job_run(core, job)->promise != NONE)
            check_gang(checker, fact, core, job, dr_job_run(core, job)->promise,
                       dr_job_run(core, job)->promise_pool.v,
                       dr_job_run(core, job)->promise_alternative, promised, NULL, NULL);
    }
    for (uint32_t row = 0; row < core->nodes_count; row += 1) {
        const struct dr_pool *pool = &core->pools[core->nodes[row].pool.v - 1];

        if (cpus[row] > (int64_t)pool->cpus || memory[row] > pool->memory_mb)
            checker_wrong(checker, fact, "I3: node %u gives more CPUs or memory than it has",
                          row + 1);
        if (mask_of(&busy[row]) != core->nodes[row].busy ||
            mask_of(&promised[row]) != core->nodes[row].promised)
            checker_wrong(checker, fact, "the index of node %u is not what jobs hold", row + 1);
    }
}

static int is_share(const struct dr_core *core, const struct dr_job *job)
{
    return oracle_way(core, job, dr_job_run(core, job)->alternative)->accelerators_per_task %
               1000 !=
           0;
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
void checker_sharing(struct checker *checker, const struct dr_fact *fact,
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
                checker_wrong(checker, fact,
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
                        checker_wrong(
                            checker, fact, "job %llu shares with job %llu of another account",
                            (unsigned long long)job->id.v, (unsigned long long)near->id.v);
        }
    }
}

/* ---- sums ---- */

void checker_sums(struct checker *checker, const struct dr_fact *fact, const struct dr_core *core,
                  const struct oracle_sums *sums)
{
    for (uint32_t account = 0; account < core->accounts_count; account += 1)
        for (uint32_t group = 0; group < core->groups_count; group += 1) {
            const struct dr_quota *quota =
                &core->quotas[(size_t)account * core->limits.groups_max + group];

            if (quota->use != sums->use[account][group] ||
                quota->claim != sums->claim[account][group] ||
                quota->firm != sums->firm[account][group] ||
                quota->occupied != sums->occupied[account][group])
                checker_wrong(
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
void checker_quotas(struct checker *checker, const struct dr_fact *fact, const struct dr_core *core,
                    const struct oracle_sums *sums, const struct dr_job *job, uint32_t pool,
                    uint32_t index)
{
    const struct dr_alternative *way = oracle_way(core, job, index);
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
                checker_wrong(checker, fact, "Q1: account %u is beyond its limit in group %u", at,
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
            checker_wrong(checker, fact, "Q2: group %u: occupied %lld of %lld", group + 1,
                          (long long)sums->occupied[0][group], (long long)capacity);
        if (!dr_job_terms(core, job)->preemptible) {
            const struct dr_quota *quota =
                &core->quotas[(size_t)(job->account.v - 1) * core->limits.groups_max + group];

            if (sums->firm[job->account.v - 1][group] > quota->guarantee)
                checker_wrong(checker, fact, "firm job %llu starts beyond its guarantee",
                              (unsigned long long)job->id.v);
        }
    }
}

/* ---- law ---- */

void checker_law(struct checker *checker, const struct dr_fact *fact, const struct dr_core *core,
                 const struct dr_job *was, uint32_t pool_id, uint32_t index, uint32_t first)
{
    const struct dr_job *job = was;
    const struct dr_shape *shape = &core->shapes[job->shape];
    const struct dr_pool *pool = &core->pools[pool_id - 1];
    uint32_t domain = 0;
    uint32_t size = 0;

    if (!oracle_lawful(core, was, index, pool_id))
        checker_wrong(
            checker, fact,
            "job %llu in pool %u: its chips, sites, data, class, consent or saved work forbid it",
            (unsigned long long)job->id.v, pool_id);
    if (shape->level_kind == 2)
        for (uint32_t i = 0; i < pool->levels_count; i += 1)
            if (strcmp(pool->levels[i].name, shape->level) == 0)
                size = pool->levels[i].nodes;
    if (shape->level_kind == 2 && size == 0)
        checker_wrong(checker, fact, "job %llu in a pool without its level",
                      (unsigned long long)job->id.v);
    for (uint32_t at = first; at != NONE; at = core->extents[at].next) {
        const struct dr_node *node = &core->nodes[core->extents[at].extent.node.v - 1];

        if (!oracle_node_up(core, core->extents[at].extent.node.v - 1) || node->removing)
            checker_wrong(checker, fact, "job %llu on a node that is not up",
                          (unsigned long long)job->id.v);
        if (size == 0)
            continue;
        if (at == first)
            domain = node->number / size;
        if (node->number / size != domain)
            checker_wrong(checker, fact, "job %llu leaves its required %s",
                          (unsigned long long)job->id.v, shape->level);
    }
}
