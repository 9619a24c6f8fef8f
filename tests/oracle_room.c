/* SPDX-License-Identifier: Apache-2.0 */
/* Could a job start in a pool, by everything that stands in its way? Read oracle_fits() first: the
 * law, room on nodes, quotas, and the power caps of oracle_power.c. */
#include "oracle_parts.h"

#include <string.h>

#define WHOLE_POOL UINT32_MAX

static int class_lawful(const struct dr_core *core, uint32_t class, const struct dr_site *site)
{
    const struct dr_data_class *about;
    int listed = 0;

    if (class == 0)
        return 1;
    about = &core->classes[class - 1];
    for (uint32_t i = 0; i < about->jurisdictions_count; i += 1)
        listed |= strcmp(about->jurisdictions[i].text, site->jurisdiction) == 0;
    return (listed || about->jurisdictions_count == 0) && site->assurance >= about->assurance_min &&
           ((site->classes >> (class - 1)) & 1);
}

uint32_t oracle_required_size(const struct dr_core *core, const struct dr_job *job, uint32_t pool)
{
    const struct dr_shape *shape = &core->shapes[job->shape];

    if (shape->level_kind != 2 || strcmp(shape->level, "pool") == 0)
        return WHOLE_POOL;
    if (strcmp(shape->level, "node") == 0)
        return 1;
    for (uint32_t i = 0; i < core->pools[pool - 1].levels_count; i += 1)
        if (strcmp(core->pools[pool - 1].levels[i].name, shape->level) == 0)
            return core->pools[pool - 1].levels[i].nodes;
    return 0;
}

static int in_sites(const struct dr_site_set *set, uint32_t site)
{
    return (set->words[(site - 1) / 64] >> ((site - 1) % 64)) & 1;
}

int oracle_lawful(const struct dr_core *core, const struct dr_job *job, uint32_t index,
                  uint32_t pool_id)
{
    const struct dr_run *run = dr_job_run(core, job);
    const struct dr_shape *shape = &core->shapes[job->shape];
    const struct dr_alternative *way = &shape->alternatives[index];
    const struct dr_pool *pool = &core->pools[pool_id - 1];
    const struct dr_site *site = &core->sites[pool->site.v - 1];
    int any = 0;
    int consent = pool->consent_count == 0;

    for (uint32_t i = 0; i < DR_COUNT_OF(shape->sites.words); i += 1)
        any |= shape->sites.words[i] != 0;
    if (any && !in_sites(&shape->sites, pool->site.v))
        return 0;
    if (shape->partition[0] != 0 && strcmp(shape->partition, pool->partition) != 0)
        return 0; /* worlds name one at most */
    if (way->chips != 0 && (pool->chip.v == 0 || !((way->chips >> (pool->chip.v - 1)) & 1)))
        return 0;
    if (way->chips == 0 && way->accelerators_per_task == 0 && pool->chip.v != 0 && pool->cpus == 0)
        return 0;
    if (!class_lawful(core, shape->data_class.v, site))
        return 0;
    for (uint32_t i = 0; i < shape->datasets_count; i += 1) {
        const struct dr_dataset *data = &core->datasets[shape->datasets[i] - 1];

        if (!in_sites(&data->sites, pool->site.v) || !class_lawful(core, data->data_class.v, site))
            return 0;
    }
    for (uint32_t i = 0; i < pool->consent_count; i += 1)
        for (uint32_t at = job->account.v; at != 0; at = core->accounts[at - 1].parent.v)
            consent |= at == pool->consent[i];
    if (!consent)
        return 0;
    /* Saved work is read where it was saved. */
    if (run->kept_us > 0 && run->pool.v != 0 && core->pools[run->pool.v - 1].site.v != pool->site.v)
        return 0;
    return oracle_required_size(core, job, pool_id) != 0;
}

int64_t oracle_capacity(const struct dr_core *core, uint32_t group)
{
    int64_t capacity = 0;

    for (uint32_t row = 0; row < core->nodes_count; row += 1) {
        const struct dr_pool *pool = &core->pools[core->nodes[row].pool.v - 1];

        if (!oracle_node_up(core, row))
            continue;
        if (pool->groups[0].v == group)
            capacity += (int64_t)pool->accelerators * 1000;
        if (pool->groups[1].v == group)
            capacity += pool->cpus;
        if (pool->groups[2].v == group)
            capacity += pool->memory_mb;
    }
    return capacity;
}

static int keeps_something(const struct dr_core *core, uint32_t group)
{
    for (uint32_t account = 1; account <= core->accounts_count; account += 1)
        if (oracle_keep(oracle_quota(core, account, group)) > 0)
            return 1;
    return 0;
}

int oracle_quotas_allow(const struct oracle *look, const struct dr_job *job, uint32_t index,
                        uint32_t pool)
{
    const struct dr_core *core = look->core;
    int64_t amounts[3];

    oracle_amounts(core, job, index, amounts);
    for (uint32_t i = 0; i < 3; i += 1) {
        uint32_t group = core->pools[pool - 1].groups[i].v;
        int64_t risen = 0;

        if (amounts[i] == 0)
            continue;
        for (uint32_t at = job->account.v; at != 0; at = core->accounts[at - 1].parent.v) {
            const struct dr_quota *quota = oracle_quota(core, at, group);
            int64_t occupied = look->sums.occupied[at - 1][group - 1];
            int64_t below = 0;
            int64_t with;

            if (quota->borrow != DR_FOREVER_US &&
                (look->sums.use[at - 1][group - 1] + amounts[i] >
                     quota->guarantee + quota->borrow ||
                 look->sums.claim[at - 1][group - 1] + amounts[i] >
                     quota->guarantee + quota->borrow))
                return 0;
            if (at == job->account.v && !dr_job_terms(core, job)->preemptible &&
                look->sums.firm[at - 1][group - 1] + amounts[i] > quota->guarantee)
                return 0;
            for (uint32_t child = 0; child < core->accounts_count; child += 1)
                if (core->accounts[child].parent.v == at && !core->accounts[child].removed)
                    below += look->sums.occupied[child][group - 1];
            with = at == job->account.v ? look->sums.claim[at - 1][group - 1] + amounts[i]
                                        : below + risen;
            if (with < oracle_keep(quota))
                with = oracle_keep(quota);
            risen = with - occupied;
            if (core->accounts[at - 1].parent.v == 0 && with > oracle_capacity(core, group) &&
                !(look->thought.places_aside && !keeps_something(core, group)))
                return 0;
        }
    }
    return 1;
}

uint32_t oracle_block_size(const struct dr_pool *pool)
{
    return pool->levels_count > 0 ? pool->levels[0].nodes : pool->nodes_count;
}

static int may_enter(const struct oracle *look, const struct dr_job *job, uint32_t row)
{
    const struct dr_core *core = look->core;
    const struct dr_pool *pool = &core->pools[core->nodes[row].pool.v - 1];
    uint8_t share = oracle_share(core, job);

    if (look->node_guard[row] != 0 && look->node_guard[row] != job->account.v)
        return 0;
    if (look->block_guard[row] != 0 && look->block_guard[row] != job->account.v)
        return 0;
    if (look->node_pledged[row] || look->block_pledged[row])
        return 0;
    if (share == DR_SHARE_BLOCK)
        return !look->touched[row] || (look->node_guard[row] != 0 && !look->node_promised[row]);
    if (share == DR_SHARE_NONE && look->block_guard[row] != 0)
        return !look->block_promised[row];
    if (share == DR_SHARE_NONE && look->block_guard[row] == 0)
        for (uint32_t near = 0; near < core->nodes_count; near += 1)
            if (look->touched[near] && core->nodes[near].pool.v == core->nodes[row].pool.v &&
                core->nodes[near].number / oracle_block_size(pool) ==
                    core->nodes[row].number / oracle_block_size(pool))
                return 0;
    return 1;
}

uint32_t oracle_free_on(const struct oracle *look, uint32_t row)
{
    uint32_t free = 0;

    for (uint32_t i = 0; i < look->core->pools[look->core->nodes[row].pool.v - 1].accelerators;
         i += 1)
        free += ((look->whole[row] >> i) & 1) == 0 && look->shares[row][i] == 0;
    return free;
}

uint32_t oracle_left_beside(const struct oracle *look, const struct dr_job *job, uint32_t row,
                            uint32_t device)
{
    uint32_t guard = look->share_guard[row][device];
    uint32_t used = look->shares[row][device];

    if (((look->whole[row] >> device) & 1) || used == 0 || used >= 1000 ||
        ((look->share_pledged[row] >> device) & 1) ||
        (guard != 0 && ((look->share_promised[row] >> device) & 1)) ||
        (guard != 0 && guard != job->account.v) ||
        (guard == 0 && oracle_share(look->core, job) >= DR_SHARE_NODE))
        return 0;
    return 1000 - used;
}

int64_t oracle_free_units(const struct oracle *look, uint32_t row)
{
    const struct dr_core *core = look->core;
    const struct dr_pool *pool = &core->pools[core->nodes[row].pool.v - 1];

    if (!oracle_node_up(core, row) || core->nodes[row].removing)
        return -1; /* it takes nothing */
    if (pool->chip.v != 0)
        return oracle_free_on(look, row);
    return look->cpus[row] <= 0 || pool->cpus == 0
               ? 0
               : (look->cpus[row] * 8 + pool->cpus - 1) / pool->cpus;
}

uint32_t oracle_tasks_with(const struct dr_alternative *way, int64_t accelerators, int64_t cpus,
                           int64_t memory_mb)
{
    int64_t tasks = way->tasks;

    if (way->tasks_per_node_max != 0 && tasks > way->tasks_per_node_max)
        tasks = way->tasks_per_node_max;
    while (tasks > 0 &&
           (tasks * (way->accelerators_per_task / 1000) > accelerators ||
            tasks * way->cpus_per_task > cpus || tasks * way->memory_mb_per_task > memory_mb))
        tasks -= 1;
    return (uint32_t)tasks;
}

uint32_t oracle_tasks_on(const struct oracle *look, const struct dr_job *job, uint32_t index,
                         uint32_t row)
{
    const struct dr_core *core = look->core;
    const struct dr_alternative *way = oracle_way(core, job, index);
    uint32_t part = way->accelerators_per_task % 1000;
    uint32_t tasks, shares;

    if (!oracle_node_up(core, row) || core->nodes[row].removing || !may_enter(look, job, row))
        return 0;
    if (look->thought.at_us != 0 && oracle_kept_off(core, job->account.v, row, look->thought.at_us,
                                                    look->thought.at_us + look->thought.late_us +
                                                        oracle_limit_us(core, job, index)))
        return 0;
    tasks =
        oracle_tasks_with(way, oracle_free_on(look, row), look->cpus[row], look->memory_mb[row]);
    if (part == 0)
        return tasks;
    shares = oracle_free_on(look, row) * (1000 / part);
    for (uint32_t i = 0; i < core->pools[core->nodes[row].pool.v - 1].accelerators; i += 1)
        shares += oracle_left_beside(look, job, row, i) / part;
    return tasks < shares ? tasks : shares;
}

uint64_t oracle_tasks_in(const struct oracle *look, const struct dr_job *job, uint32_t index,
                         uint32_t pool, uint32_t size, uint32_t domain)
{
    const struct dr_core *core = look->core;
    uint64_t tasks = 0;

    for (uint32_t row = 0; row < core->nodes_count; row += 1)
        if (core->nodes[row].pool.v == pool && core->nodes[row].number / size == domain)
            tasks += oracle_tasks_on(look, job, index, row);
    return tasks;
}

int oracle_room(const struct oracle *look, const struct dr_job *job, uint32_t index, uint32_t pool)
{
    uint32_t nodes = look->core->pools[pool - 1].nodes_count;
    uint32_t size = oracle_required_size(look->core, job, pool);

    for (uint32_t domain = 0; size != 0 && domain <= nodes / size; domain += 1)
        if (oracle_tasks_in(look, job, index, pool, size, domain) >=
            oracle_way(look->core, job, index)->tasks)
            return 1;
    return 0;
}

int oracle_fits(const struct oracle *look, const struct dr_job *job, uint32_t index, uint32_t pool,
                int64_t from_us)
{
    return oracle_lawful(look->core, job, index, pool) && oracle_room(look, job, index, pool) &&
           oracle_quotas_allow(look, job, index, pool) &&
           oracle_power_allows(look, job, index, pool, from_us);
}
