/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle.h"

#include "core/mix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"

#define NONE       DR_ROW_NONE
#define WHOLE_POOL UINT32_MAX

/* ---- what stands in the state ---- */

int oracle_holds(const struct dr_job *job)
{
    return job->id.v != 0 && (job->state == DR_JOB_CONFIGURING || job->state == DR_JOB_RUNNING ||
                              job->state == DR_JOB_COMPLETING || job->state == DR_JOB_UNREACHABLE);
}

int oracle_node_up(const struct dr_core *core, uint32_t row)
{
    const struct dr_node *node = &core->nodes[row];

    return !node->down && !node->off && !node->drained && !node->removed &&
           core->sites[core->pools[node->pool.v - 1].site.v - 1].answers;
}

int oracle_claims(const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_run *run = dr_job_run(core, job);

    if (run->stopping != DR_STOP_NONE || job->state == DR_JOB_UNREACHABLE)
        return 0;
    for (uint32_t at = run->extents; at != NONE; at = core->extents[at].next)
        if (!oracle_node_up(core, core->extents[at].extent.node.v - 1))
            return 0;
    return 1;
}

int64_t oracle_keep(const struct dr_quota *quota)
{
    return quota->guarantee > quota->lend ? quota->guarantee - quota->lend : 0;
}

const struct dr_quota *oracle_quota(const struct dr_core *core, uint32_t account, uint32_t group)
{
    return &core->quotas[(size_t)(account - 1) * core->limits.groups_max + (group - 1)];
}

static const struct dr_alternative *way_of(const struct dr_core *core, const struct dr_job *job,
                                           uint32_t index)
{
    return &core->shapes[job->shape].alternatives[index];
}

void oracle_amounts(const struct dr_core *core, const struct dr_job *job, uint32_t index,
                    int64_t amounts[3])
{
    const struct dr_alternative *way = way_of(core, job, index);

    amounts[0] = (int64_t)way->tasks * way->accelerators_per_task;
    amounts[1] = (int64_t)way->tasks * way->cpus_per_task;
    amounts[2] = (int64_t)way->tasks * way->memory_mb_per_task;
}

static int64_t factor_of(const struct dr_alternative *way)
{
    return way->factor == 0 ? 1000 : way->factor;
}

int64_t oracle_limit_us(const struct dr_core *core, const struct dr_job *job, uint32_t index)
{
    const struct dr_run *run = dr_job_run(core, job);
    const struct dr_terms *terms = dr_job_terms(core, job);
    int64_t left = job->limit_us;
    int64_t limit;

    if (terms->limit_total)
        left -= run->run_us + run->run_factor_us;
    if (left < (terms->limit_total ? 1000000 : 1))
        left = terms->limit_total ? 1000000 : 1;
    limit = (left * factor_of(way_of(core, job, index)) + 999) / 1000;
    return limit < (terms->limit_total ? 1000000 : 1) ? 1000000 : limit;
}

/* By its limit alone. */
static int64_t staying_end_us(const struct dr_core *core, const struct dr_job *job)
{
    return (dr_job_run(core, job)->start_us != 0 ? dr_job_run(core, job)->start_us
                                                 : dr_job_run(core, job)->placed_us) +
           dr_job_run(core, job)->attempt_limit_us;
}

int64_t oracle_end_us(const struct dr_core *core, const struct dr_job *job, int64_t now_us)
{
    int64_t end = dr_job_run(core, job)->stop_until_us;

    if (job->state == DR_JOB_UNREACHABLE)
        return DR_FOREVER_US;
    if (dr_job_run(core, job)->stopping == DR_STOP_NONE)
        end = staying_end_us(core, job);
    return end > now_us ? end : now_us;
}

int64_t oracle_loss_us(const struct dr_core *core, const struct dr_job *job, int64_t now_us)
{
    const struct dr_run *run = dr_job_run(core, job);
    const struct dr_terms *terms = dr_job_terms(core, job);
    const struct dr_settings *settings = &core->settings;
    int64_t since = run->saved_us > run->start_us ? run->saved_us : run->start_us;
    int64_t amounts[3];
    int64_t units;
    int64_t each = now_us - since;

    oracle_amounts(core, job, run->alternative, amounts);
    units = amounts[0];
    if (units == 0) /* 8 CPUs count as an accelerator */
        units = 1000 * (amounts[1] == 0 ? 1 : (amounts[1] + 7999) / 8000);
    if (each > settings->loss_cap_us)
        each = settings->loss_cap_us;
    each += terms->restart_us + run->preemptions * settings->preemption_credit_us;
    if (terms->checkpoint_on_warning && run->checkpoint_proven)
        each = terms->grace_us + terms->restart_us;
    return (int64_t)((__int128)units * each / 1000);
}

uint32_t oracle_towards(const struct dr_core *core, uint32_t x, uint32_t y)
{
    uint32_t child = x;

    while (x != 0) {
        for (uint32_t at = y; at != 0; at = core->accounts[at - 1].parent.v)
            if (at == x)
                return child;
        child = x;
        x = core->accounts[x - 1].parent.v;
    }
    return child;
}

int oracle_within(const struct dr_core *core, uint32_t account, uint32_t above)
{
    for (; account != 0; account = core->accounts[account - 1].parent.v)
        if (account == above)
            return 1;
    return 0;
}

int oracle_lets_in(const struct dr_core *core, const struct dr_window *window, uint32_t account)
{
    for (uint32_t i = 0; i < window->accounts_count; i += 1)
        if (oracle_within(core, account, window->accounts[i].v))
            return 1;
    return 0;
}

int oracle_has_node(const struct dr_core *core, const struct dr_window *window, uint32_t row)
{
    uint32_t pool = core->nodes[row].pool.v;

    for (uint32_t i = 0; i < window->runs_count; i += 1)
        if (row >= window->runs[i].row && row < window->runs[i].row + window->runs[i].count)
            return 1;
    return window->runs_count == 0 &&
           (window->site.v != 0 ? core->pools[pool - 1].site.v == window->site.v
                                : pool == window->pool.v);
}

int oracle_kept_off(const struct dr_core *core, uint32_t account, uint32_t row, int64_t from_us,
                    int64_t until_us)
{
    for (uint32_t i = 0; i < core->windows_count; i += 1) {
        const struct dr_window *window = &core->windows[i];

        if (oracle_has_node(core, window, row) && !oracle_lets_in(core, window, account) &&
            from_us < window->until_us && window->from_us < until_us)
            return 1;
    }
    return 0;
}

static uint8_t share_of(const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_shape *shape = &core->shapes[job->shape];
    uint8_t share = shape->data_class.v == 0 ? 0 : core->classes[shape->data_class.v - 1].share;

    for (uint32_t i = 0; i < shape->datasets_count; i += 1) {
        uint32_t class = core->datasets[shape->datasets[i] - 1].data_class.v;

        if (class != 0 && core->classes[class - 1].share > share)
            share = core->classes[class - 1].share;
    }
    return share;
}

/* ---- looks ---- */

static void add(const struct dr_core *core, int64_t sums[ORACLE_ACCOUNTS][ORACLE_GROUPS],
                const struct dr_job *job, uint32_t pool, uint32_t index)
{
    int64_t amounts[3];

    oracle_amounts(core, job, index, amounts);
    for (uint32_t at = job->account.v; at != 0; at = core->accounts[at - 1].parent.v)
        for (uint32_t i = 0; i < 3; i += 1)
            sums[at - 1][core->pools[pool - 1].groups[i].v - 1] += amounts[i];
}

static uint32_t block_size(const struct dr_pool *pool)
{
    return pool->levels_count > 0 ? pool->levels[0].nodes : pool->nodes_count;
}

enum held { ATTEMPT, PROMISE, RESERVATION };

static void take(struct oracle *look, const struct dr_job *job, uint32_t first, uint32_t index,
                 enum held kind)
{
    const struct dr_core *core = look->core;
    const struct dr_alternative *way = way_of(core, job, index);
    uint8_t share = share_of(core, job);

    for (uint32_t at = first; at != NONE; at = core->extents[at].next) {
        const struct dr_extent *extent = &core->extents[at].extent;
        uint32_t row = extent->node.v - 1;
        const struct dr_pool *pool = &core->pools[core->nodes[row].pool.v - 1];
        int device = __builtin_ctzll(extent->accelerators | (UINT64_C(1) << 63));
        uint32_t part = way->accelerators_per_task % 1000;

        if (part == 0) {
            look->whole[row] |= extent->accelerators;
            look->drawing[row] |= kind == RESERVATION ? 0 : extent->accelerators;
        } else {
            look->shares[row][device] =
                (uint16_t)(look->shares[row][device] + extent->tasks * part);
            if (kind != RESERVATION)
                look->drawing_shares[row][device] =
                    (uint16_t)(look->drawing_shares[row][device] + extent->tasks * part);
            if (share >= DR_SHARE_NODE && kind == ATTEMPT)
                look->share_guard[row][device] = job->account.v;
            if (share >= DR_SHARE_NODE && kind == PROMISE)
                look->share_pledged[row] |= extent->accelerators;
        }
        look->cpus[row] -= (int64_t)extent->tasks * way->cpus_per_task;
        look->memory_mb[row] -= (int64_t)extent->tasks * way->memory_mb_per_task;
        look->touched[row] = 1;
        if (kind == RESERVATION || share < DR_SHARE_BLOCK)
            continue;
        if (share == DR_SHARE_BLOCK && kind == ATTEMPT)
            look->node_guard[row] = job->account.v;
        if (share == DR_SHARE_BLOCK && kind == PROMISE)
            look->node_pledged[row] = 1;
        for (uint32_t near = 0; share == DR_SHARE_NONE && near < core->nodes_count; near += 1)
            if (core->nodes[near].pool.v == core->nodes[row].pool.v &&
                core->nodes[near].number / block_size(pool) ==
                    core->nodes[row].number / block_size(pool)) {
                if (kind == ATTEMPT)
                    look->block_guard[near] = job->account.v;
                else
                    look->block_pledged[near] = 1;
            }
    }
}

static void sum_occupied(struct oracle *look)
{
    const struct dr_core *core = look->core;
    struct oracle_sums *sums = &look->sums;

    for (uint32_t group = 1; group <= core->groups_count; group += 1)
        for (uint32_t account = core->accounts_count; account > 0; account -= 1) {
            int64_t keep = oracle_keep(oracle_quota(core, account, group));
            int64_t below = 0;
            int children = 0;

            for (uint32_t child = 0; child < core->accounts_count; child += 1)
                if (core->accounts[child].parent.v == account && !core->accounts[child].removed) {
                    below += sums->occupied[child][group - 1];
                    children += 1;
                }
            if (children == 0)
                below = sums->claim[account - 1][group - 1];
            sums->occupied[account - 1][group - 1] = below > keep ? below : keep;
        }
}

static void sum_draws(struct oracle *look)
{
    const struct dr_core *core = look->core;

    memcpy(look->draw_mw, look->idle_mw, sizeof look->draw_mw);
    for (uint32_t row = 0; row < core->nodes_count; row += 1) {
        const struct dr_pool *pool = &core->pools[core->nodes[row].pool.v - 1];

        if (pool->chip.v == 0 || core->nodes[row].down || core->nodes[row].removed)
            continue;
        for (uint32_t i = 0; i < pool->accelerators; i += 1)
            look->draw_mw[pool->site.v - 1] +=
                ((look->drawing[row] >> i) & 1 ? 1000 : look->drawing_shares[row][i]) *
                (core->chips[pool->chip.v - 1].busy_w - core->chips[pool->chip.v - 1].idle_w);
    }
}

void oracle_look(struct oracle *look, const struct dr_core *core, struct oracle_thought thought)
{
    memset(look, 0, sizeof *look);
    look->core = core;
    look->thought = thought;
    if (core->nodes_count > ORACLE_NODES || core->sites_count > ORACLE_SITES)
        abort();
    for (uint32_t row = 0; row < core->nodes_count; row += 1) {
        const struct dr_node *node = &core->nodes[row];
        const struct dr_pool *pool = &core->pools[node->pool.v - 1];

        look->cpus[row] = pool->cpus;
        look->memory_mb[row] = pool->memory_mb;
        if (node->down || node->removed || node->off)
            continue;
        look->idle_mw[pool->site.v - 1] += pool->node_idle_w * 1000;
        if (pool->chip.v != 0)
            look->idle_mw[pool->site.v - 1] +=
                (int64_t)pool->accelerators * core->chips[pool->chip.v - 1].idle_w * 1000;
    }
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);
        const struct dr_terms *terms = dr_job_terms(core, job);
        int counts = oracle_holds(job) && (thought.gone == NULL || !thought.gone[row]);

        if (job->id.v != 0 && run->promise != NONE && job != thought.apart) {
            take(look, job, run->promise, run->promise_alternative, PROMISE);
            add(core, look->sums.claim, job, run->promise_pool.v, run->promise_alternative);
            if (!terms->preemptible)
                add(core, look->sums.firm, job, run->promise_pool.v, run->promise_alternative);
        }
        if (job->id.v != 0 && run->reservation != NONE && thought.reserved &&
            (thought.reserved_until_us == 0 || run->reservation_us <= thought.reserved_until_us) &&
            job != thought.apart) {
            take(look, job, run->reservation, run->reservation_alternative, RESERVATION);
            add(core, look->sums.use, job, run->reservation_pool.v, run->reservation_alternative);
            add(core, look->sums.claim, job, run->reservation_pool.v, run->reservation_alternative);
            if (!terms->preemptible)
                add(core, look->sums.firm, job, run->reservation_pool.v,
                    run->reservation_alternative);
        }
        if (!counts)
            continue;
        take(look, job, run->extents, run->alternative, ATTEMPT);
        add(core, look->sums.use, job, run->pool.v, run->alternative);
        if (!oracle_claims(core, job) && job != thought.also &&
            (thought.stays == NULL || !thought.stays[row]))
            continue;
        add(core, look->sums.claim, job, run->pool.v, run->alternative);
        if (!terms->preemptible)
            add(core, look->sums.firm, job, run->pool.v, run->alternative);
    }
    sum_occupied(look);
    sum_draws(look);
}

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

static uint32_t required_size(const struct dr_core *core, const struct dr_job *job, uint32_t pool)
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
    return required_size(core, job, pool_id) != 0;
}

static int64_t capacity_of(const struct dr_core *core, uint32_t group)
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
            if (core->accounts[at - 1].parent.v == 0 && with > capacity_of(core, group))
                return 0;
        }
    }
    return 1;
}

static int may_enter(const struct oracle *look, const struct dr_job *job, uint32_t row)
{
    const struct dr_core *core = look->core;
    const struct dr_pool *pool = &core->pools[core->nodes[row].pool.v - 1];
    uint8_t share = share_of(core, job);

    if (look->node_guard[row] != 0 && look->node_guard[row] != job->account.v)
        return 0;
    if (look->block_guard[row] != 0 && look->block_guard[row] != job->account.v)
        return 0;
    if (look->node_pledged[row] || look->block_pledged[row])
        return 0;
    if (share == DR_SHARE_BLOCK)
        return !look->touched[row] || look->node_guard[row] != 0;
    if (share == DR_SHARE_NONE && look->block_guard[row] == 0)
        for (uint32_t near = 0; near < core->nodes_count; near += 1)
            if (look->touched[near] && core->nodes[near].pool.v == core->nodes[row].pool.v &&
                core->nodes[near].number / block_size(pool) ==
                    core->nodes[row].number / block_size(pool))
                return 0;
    return 1;
}

/* Accelerators of which nobody has anything. */
static uint32_t free_on(const struct oracle *look, uint32_t row)
{
    uint32_t free = 0;

    for (uint32_t i = 0; i < look->core->pools[look->core->nodes[row].pool.v - 1].accelerators;
         i += 1)
        free += ((look->whole[row] >> i) & 1) == 0 && look->shares[row][i] == 0;
    return free;
}

/* Thousandths left of one that is shared and that the job may share too; 0: it may not. */
static uint32_t left_beside(const struct oracle *look, const struct dr_job *job, uint32_t row,
                            uint32_t device)
{
    uint32_t guard = look->share_guard[row][device];
    uint32_t used = look->shares[row][device];

    if (((look->whole[row] >> device) & 1) || used == 0 || used >= 1000 ||
        ((look->share_pledged[row] >> device) & 1) || (guard != 0 && guard != job->account.v) ||
        (guard == 0 && share_of(look->core, job) >= DR_SHARE_NODE))
        return 0;
    return 1000 - used;
}

static uint32_t tasks_with(const struct dr_alternative *way, int64_t accelerators, int64_t cpus,
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
    const struct dr_alternative *way = way_of(core, job, index);
    uint32_t part = way->accelerators_per_task % 1000;
    uint32_t tasks, shares;

    if (!oracle_node_up(core, row) || core->nodes[row].removing || !may_enter(look, job, row))
        return 0;
    if (look->thought.at_us != 0 && oracle_kept_off(core, job->account.v, row, look->thought.at_us,
                                                    look->thought.at_us + look->thought.late_us +
                                                        oracle_limit_us(core, job, index)))
        return 0;
    tasks = tasks_with(way, free_on(look, row), look->cpus[row], look->memory_mb[row]);
    if (part == 0)
        return tasks;
    shares = free_on(look, row) * (1000 / part);
    for (uint32_t i = 0; i < core->pools[core->nodes[row].pool.v - 1].accelerators; i += 1)
        shares += left_beside(look, job, row, i) / part;
    return tasks < shares ? tasks : shares;
}

/* Tasks that one domain takes: nodes of the pool whose number / size is `domain`. */
static uint64_t tasks_in(const struct oracle *look, const struct dr_job *job, uint32_t index,
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
    uint32_t size = required_size(look->core, job, pool);

    for (uint32_t domain = 0; size != 0 && domain <= nodes / size; domain += 1)
        if (tasks_in(look, job, index, pool, size, domain) >= way_of(look->core, job, index)->tasks)
            return 1;
    return 0;
}

static int64_t busy_more_w(const struct dr_core *core, const struct dr_pool *pool)
{
    return pool->chip.v == 0
               ? 0
               : core->chips[pool->chip.v - 1].busy_w - core->chips[pool->chip.v - 1].idle_w;
}

/* Until when an attempt is in the way of starts: to its believed end; a flexible one until it can
 * be taken, and once that was looked at, shortly before what begins, to its end. */
static int64_t in_the_way_until_us(const struct oracle *look, const struct dr_job *job)
{
    const struct dr_core *core = look->core;
    int stays = job == look->thought.also;
    int64_t end_us = stays ? staying_end_us(core, job) : oracle_end_us(core, job, 0);
    int64_t ripe_us = (dr_job_run(core, job)->start_us != 0 ? dr_job_run(core, job)->start_us
                                                            : dr_job_run(core, job)->placed_us) +
                      core->settings.minimum_run_us;
    int64_t until_us = ripe_us + dr_job_terms(core, job)->grace_us;

    if (!dr_job_terms(core, job)->flexible ||
        (dr_job_run(core, job)->stopping != DR_STOP_NONE && !stays) ||
        job->state == DR_JOB_UNREACHABLE)
        return end_us;
    if (core->time_us >= ripe_us)
        until_us = dr_max_i64(until_us, core->time_us + dr_job_terms(core, job)->grace_us +
                                            30 * DR_SECOND_US + 1);
    return dr_min_i64(until_us, end_us);
}

/* What the site, or the sites of its zone, draw: now, or at a later instant by what is believed.
 * Microwatts of the facility. */
static int64_t draw_at_uw(const struct oracle *look, uint32_t site, uint32_t zone, int64_t later_us)
{
    const struct dr_core *core = look->core;
    int64_t draw_uw = 0;

    for (uint32_t at = 1; at <= core->sites_count; at += 1)
        if (at == site || (zone != 0 && core->sites[at - 1].zone.v == zone))
            draw_uw += (later_us == 0 ? look->draw_mw : look->idle_mw)[at - 1] *
                       core->sites[at - 1].pue_milli;
    for (uint32_t row = 0; later_us != 0 && row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);
        int promised = job->id.v != 0 && run->promise != NONE && job != look->thought.apart;
        int runs = oracle_holds(job) && (look->thought.gone == NULL || !look->thought.gone[row]) &&
                   in_the_way_until_us(look, job) > later_us;
        const struct dr_pool *pool;
        int64_t amounts[3];

        if (!promised && !runs)
            continue;
        pool = &core->pools[(promised ? run->promise_pool.v : run->pool.v) - 1];
        oracle_amounts(core, job, promised ? run->promise_alternative : run->alternative, amounts);
        if (pool->site.v == site || (zone != 0 && core->sites[pool->site.v - 1].zone.v == zone))
            draw_uw +=
                amounts[0] * busy_more_w(core, pool) * core->sites[pool->site.v - 1].pue_milli;
    }
    return draw_uw;
}

static int64_t cap_uw(const struct dr_core *core, uint32_t site, uint32_t zone, int64_t time_us)
{
    int64_t cap_w =
        site != 0 ? core->sites[site - 1].power_cap_w : core->zones[zone - 1].power_cap_w;

    if (cap_w == 0)
        cap_w = INT64_MAX / 1000000;
    for (uint32_t i = 0; i < core->grid_caps_count; i += 1) {
        const struct dr_grid_cap *cap = &core->grid_caps[i];

        if (cap->site.v == site && cap->zone.v == zone && cap->from_us <= time_us &&
            time_us < cap->until_us && cap->power_cap_w < cap_w)
            cap_w = cap->power_cap_w;
    }
    return cap_w * 1000000;
}

/* Is a cap passed at an instant at which another begins to hold? */
static int passed_at(const struct oracle *look, uint32_t site, uint32_t zone, int64_t more_uw,
                     int64_t at_us)
{
    int64_t cap = cap_uw(look->core, site, zone, at_us);

    return cap != cap_uw(look->core, site, zone, at_us - 1) &&
           draw_at_uw(look, site, zone, at_us) + more_uw > cap;
}

int oracle_power_allows(const struct oracle *look, const struct dr_job *job, uint32_t index,
                        uint32_t pool_id, int64_t from_us)
{
    const struct dr_core *core = look->core;
    const struct dr_pool *pool = &core->pools[pool_id - 1];
    uint32_t site = pool->site.v;
    uint32_t zone = core->sites[site - 1].zone.v;
    int64_t limit_us = oracle_limit_us(core, job, index);
    int64_t until_us = from_us + (dr_job_terms(core, job)->flexible
                                      ? dr_min_i64(limit_us, core->settings.minimum_run_us +
                                                                 dr_job_terms(core, job)->grace_us +
                                                                 30 * DR_SECOND_US)
                                      : limit_us);
    int64_t amounts[3];
    int64_t more = 0;

    oracle_amounts(core, job, index, amounts);
    more = amounts[0] * core->sites[site - 1].pue_milli * busy_more_w(core, pool);
    if (draw_at_uw(look, site, 0, 0) + more > cap_uw(core, site, 0, from_us) ||
        (zone != 0 && draw_at_uw(look, 0, zone, 0) + more > cap_uw(core, 0, zone, from_us)))
        return 0;
    for (uint32_t i = 0; i < 2 * core->grid_caps_count; i += 1) {
        const struct dr_grid_cap *cap = &core->grid_caps[i / 2];
        int64_t at = i % 2 == 0 ? cap->from_us : cap->until_us;

        if (at <= from_us || at >= until_us)
            continue;
        if (cap->site.v == site && passed_at(look, site, 0, more, at))
            return 0;
        if (zone != 0 && cap->zone.v == zone && passed_at(look, 0, zone, more, at))
            return 0;
    }
    return 1;
}

int oracle_fits(const struct oracle *look, const struct dr_job *job, uint32_t index, uint32_t pool,
                int64_t from_us)
{
    return oracle_lawful(look->core, job, index, pool) && oracle_room(look, job, index, pool) &&
           oracle_quotas_allow(look, job, index, pool) &&
           oracle_power_allows(look, job, index, pool, from_us);
}

/* ---- the page's rule ---- */

struct placing {
    const struct oracle *look;
    const struct dr_job *job;
    uint32_t index;
    uint32_t pool;
    uint32_t *tasks; /* the answer */
};

/* What is free, in the units by which "least left over" is judged. */
static int64_t free_units(const struct oracle *look, uint32_t row)
{
    const struct dr_core *core = look->core;
    const struct dr_pool *pool = &core->pools[core->nodes[row].pool.v - 1];

    if (!oracle_node_up(core, row) || core->nodes[row].removing)
        return -1; /* it takes nothing */
    if (pool->chip.v != 0)
        return free_on(look, row);
    return look->cpus[row] <= 0 || pool->cpus == 0
               ? 0
               : (look->cpus[row] * 8 + pool->cpus - 1) / pool->cpus;
}

static uint32_t fits_on(const struct placing *placing, uint32_t row)
{
    return oracle_tasks_on(placing->look, placing->job, placing->index, row);
}

/* Of the accelerators that a share could go to, what is left of the fullest; 1000: none is shared.
 */
static uint32_t least_left(const struct placing *placing, uint32_t row)
{
    const struct dr_core *core = placing->look->core;
    uint32_t part = way_of(core, placing->job, placing->index)->accelerators_per_task;
    uint32_t least = 1000;

    for (uint32_t i = 0; i < core->pools[placing->pool - 1].accelerators; i += 1) {
        uint32_t left = left_beside(placing->look, placing->job, row, i);

        if (part % 1000 != 0 && left >= part && left < least)
            least = left;
    }
    return least;
}

/* Does `a` come before `b`, of two nodes that take all the rest? */
static int node_before(const struct placing *placing, uint32_t a, uint32_t b)
{
    if (least_left(placing, a) != least_left(placing, b))
        return least_left(placing, a) < least_left(placing, b);
    if (least_left(placing, a) < 1000)
        return 0; /* lowest number */
    return free_units(placing->look, a) < free_units(placing->look, b);
}

/* The node of a domain that is not used yet and comes first: with `whole`, the one that takes all
 * of `tasks` and has least free; without, the one with most free. */
static uint32_t pick_node(const struct placing *placing, uint32_t size, uint32_t domain,
                          uint64_t tasks, int whole)
{
    const struct dr_core *core = placing->look->core;
    uint32_t best = NONE;

    for (uint32_t row = 0; row < core->nodes_count; row += 1) {
        int64_t units = free_units(placing->look, row);

        if (core->nodes[row].pool.v != placing->pool || core->nodes[row].number / size != domain ||
            placing->tasks[row] > 0 || fits_on(placing, row) == 0)
            continue;
        if (whole && fits_on(placing, row) < tasks)
            continue;
        if (best == NONE ||
            (whole ? node_before(placing, row, best) : units > free_units(placing->look, best)))
            best = row;
    }
    return best;
}

static uint64_t parts_tasks(const struct placing *placing, uint32_t size, uint32_t domain)
{
    return tasks_in(placing->look, placing->job, placing->index, placing->pool, size, domain);
}

static uint32_t level_size(const struct dr_pool *pool, uint32_t level)
{
    uint32_t size = level < pool->levels_count ? pool->levels[level].nodes : pool->nodes_count;

    return size == 0 ? 1 : size;
}

/* The largest domain of a level inside a domain above that is not in `used`; with `whole` the
 * smallest that takes all of `tasks`. */
static uint32_t pick_part(const struct placing *placing, uint32_t level, uint32_t domain,
                          const uint8_t *used, uint64_t tasks, int whole)
{
    const struct dr_pool *pool = &placing->look->core->pools[placing->pool - 1];
    uint32_t size = level_size(pool, level - 1);
    uint32_t above = level_size(pool, level);
    uint32_t best = NONE;
    uint64_t best_tasks = 0;

    for (uint32_t part = 0; part <= (pool->nodes_count - 1) / size; part += 1) {
        uint64_t here = parts_tasks(placing, size, part);

        if (part * size / above != domain || used[part] || here == 0 || (whole && here < tasks))
            continue;
        if (best == NONE || (whole ? here < best_tasks : here > best_tasks)) {
            best = part;
            best_tasks = here;
        }
    }
    return best;
}

static void fill(struct placing *placing, uint32_t level, uint32_t domain, uint64_t tasks)
{
    const struct dr_pool *pool = &placing->look->core->pools[placing->pool - 1];
    uint32_t size = level_size(pool, level);
    uint8_t used[ORACLE_NODES] = {0};

    while (tasks > 0 && level == 0) {
        uint32_t row = pick_node(placing, size, domain, tasks, 1);
        uint64_t here;

        if (row == NONE)
            row = pick_node(placing, size, domain, tasks, 0);
        if (row == NONE)
            abort();
        here = fits_on(placing, row) < tasks ? fits_on(placing, row) : tasks;
        placing->tasks[row] = (uint32_t)here;
        tasks -= here;
    }
    while (tasks > 0) {
        uint32_t part = pick_part(placing, level, domain, used, tasks, 1);
        uint64_t here = tasks;

        if (part == NONE) {
            part = pick_part(placing, level, domain, used, tasks, 0);
            if (part == NONE)
                abort();
            here = parts_tasks(placing, level_size(pool, level - 1), part);
        }
        used[part] = 1;
        fill(placing, level - 1, part, here);
        tasks -= here;
    }
}

/* How many domains of the level below hold the gang, largest first. */
static uint32_t parts_needed(const struct placing *placing, uint32_t level, uint32_t domain)
{
    uint8_t used[ORACLE_NODES] = {0};
    int64_t missing = way_of(placing->look->core, placing->job, placing->index)->tasks;
    uint32_t needed = 0;

    while (missing > 0) {
        uint32_t part = pick_part(placing, level, domain, used, 1, 0);

        used[part] = 1;
        missing -= (int64_t)parts_tasks(
            placing, level_size(&placing->look->core->pools[placing->pool - 1], level - 1), part);
        needed += 1;
    }
    return needed;
}

static int64_t units_in(const struct placing *placing, uint32_t size, uint32_t domain)
{
    const struct dr_core *core = placing->look->core;
    int64_t units = 0;

    for (uint32_t row = 0; row < core->nodes_count; row += 1)
        if (core->nodes[row].pool.v == placing->pool && core->nodes[row].number / size == domain &&
            free_units(placing->look, row) > 0)
            units += free_units(placing->look, row);
    return units;
}

/* ---- what a place breaks ---- */

/* How much a like of the recent mix counts: how often it comes, more if few accelerators are of
 * chips that it takes. */
static double like_counts(const struct dr_core *core, const struct dr_mix_row *like)
{
    double all = 0, there = 0, its = 0;

    for (uint32_t i = 0; i < core->mix->count; i += 1)
        all += (double)core->mix->rows[i].used;
    for (uint32_t i = 0; i < core->pools_count; i += 1) {
        const struct dr_pool *pool = &core->pools[i];
        double here = (double)pool->nodes_count * pool->accelerators;

        if (pool->removed || pool->chip.v == 0)
            continue;
        there += here;
        its += like->chips == 0 || ((like->chips >> (pool->chip.v - 1)) & 1) ? here : 0;
    }
    return (double)like->used / all * (its == 0 ? 1 : fmin(16, there / its));
}

static int like_fits(const struct dr_mix_row *like, const struct dr_pool *pool)
{
    return like->accelerators <= pool->accelerators * 1000 && like->cpus <= pool->cpus &&
           (like->chips == 0 || ((like->chips >> (pool->chip.v - 1)) & 1));
}

/* Accelerators of a node that are of use to the mix, given what is used of each (thousandths). */
static double worth_of(const struct dr_core *core, const struct dr_pool *pool, const uint32_t *used,
                       int64_t cpus)
{
    double worth = 0;
    uint32_t free = 0;

    for (uint32_t i = 0; i < pool->accelerators; i += 1)
        free += used[i] == 0;
    for (uint32_t m = 0; m < core->mix->count; m += 1) {
        const struct dr_mix_row *like = &core->mix->rows[m];
        double use = 0;

        if (!like_fits(like, pool) || (like->cpus * 256ull + pool->cpus - 1) / pool->cpus >
                                          (cpus < 1 ? 0 : (uint64_t)(cpus - 1) * 256 / pool->cpus))
            continue;
        for (uint32_t i = 0; i < pool->accelerators; i += 1)
            if (like->accelerators < 1000 ? used[i] <= 1000 && 1000 - used[i] >= like->accelerators
                                          : used[i] == 0 && free * 1000 >= like->accelerators)
                use += 1 - used[i] / 1000.0;
        worth += like_counts(core, like) * use;
    }
    return worth;
}

/* What whole nodes, in one block or in the pool, are worth to gangs of several. */
static double worth_to_gangs(const struct dr_core *core, const struct dr_pool *pool, int of_block,
                             uint32_t whole)
{
    uint32_t block = pool->levels_count == 0      ? 0
                     : pool->levels[0].nodes > 64 ? 64
                                                  : pool->levels[0].nodes;
    double worth = 0;

    for (uint32_t m = 0; m < core->mix->count; m += 1) {
        const struct dr_mix_row *like = &core->mix->rows[m];
        double nodes =
            ceil((double)like->tasks * like->accelerators / 1000 / (double)pool->accelerators);

        if (!like_fits(like, pool) || nodes < 2 || (nodes <= block) != of_block)
            continue;
        if (!of_block)
            nodes = exp2(ceil(log2(nodes)));
        if (nodes <= whole)
            worth += like_counts(core, like) * (double)pool->accelerators * whole;
    }
    return worth;
}

static uint32_t whole_nodes(const struct oracle *look, uint32_t pool_id, uint32_t size,
                            uint32_t domain)
{
    const struct dr_core *core = look->core;
    uint32_t whole = 0;

    for (uint32_t row = 0; row < core->nodes_count; row += 1)
        whole += core->nodes[row].pool.v == pool_id && core->nodes[row].number / size == domain &&
                 free_units(look, row) == core->pools[pool_id - 1].accelerators;
    return whole;
}

/* By how much a node loses worth if all tasks come to it, beyond what they take. */
static double breaks(const struct placing *placing, uint32_t row)
{
    const struct oracle *look = placing->look;
    const struct dr_core *core = look->core;
    const struct dr_pool *pool = &core->pools[placing->pool - 1];
    const struct dr_alternative *way = way_of(core, placing->job, placing->index);
    uint32_t each = way->accelerators_per_task;
    uint32_t used[DR_ACCELERATORS_MAX], free = 0;
    double loss;

    for (uint32_t i = 0; i < pool->accelerators; i += 1) {
        used[i] = (look->whole[row] >> i) & 1 ? 1001 : look->shares[row][i];
        free += used[i] == 0;
    }
    loss = worth_of(core, pool, used, look->cpus[row]);
    for (uint32_t k = 0; k < way->tasks && each % 1000 != 0; k += 1) {
        uint32_t best = NONE;

        /* The first task on an accelerator stays with it as long as another fits. */
        for (uint32_t i = 0; i < pool->accelerators; i += 1)
            if (used[i] > 0 && used[i] + each <= 1000 &&
                (look->shares[row][i] == 0 || left_beside(look, placing->job, row, i) > 0) &&
                (best == NONE || used[i] > used[best]))
                best = i;
        for (uint32_t i = 0; best == NONE && i < pool->accelerators; i += 1)
            if (used[i] == 0)
                best = i;
        used[best] += each;
    }
    for (uint32_t i = 0, left = way->tasks * each / 1000; each % 1000 == 0 && left > 0; i += 1)
        if (used[i] == 0) {
            used[i] = 1001;
            left -= 1;
        }
    loss -= worth_of(core, pool, used, look->cpus[row] - (int64_t)way->tasks * way->cpus_per_task);
    if (free == pool->accelerators && each > 0) {
        uint32_t whole = whole_nodes(look, placing->pool, pool->nodes_count, 0);

        loss += worth_to_gangs(core, pool, 0, whole) - worth_to_gangs(core, pool, 0, whole - 1);
        if (pool->levels_count > 0) {
            uint32_t size = pool->levels[0].nodes;

            whole = whole_nodes(look, placing->pool, size, core->nodes[row].number / size);
            loss += worth_to_gangs(core, pool, 1, whole) - worth_to_gangs(core, pool, 1, whole - 1);
        }
    }
    return loss - (double)way->tasks * each / 1000;
}

/* Is there a mix by which places in the pool differ? */
static int is_mixed(const struct dr_core *core, const struct dr_pool *pool)
{
    int64_t all = 0;

    for (uint32_t i = 0; i < core->mix->count; i += 1)
        all += core->mix->rows[i].used;
    return all > 0 && pool->chip.v != 0;
}

/* The one that takes all and breaks least. */
static uint32_t least_broken(const struct placing *placing)
{
    const struct dr_core *core = placing->look->core;
    uint32_t best = NONE;

    for (uint32_t row = 0; row < core->nodes_count; row += 1) {
        double more;

        if (core->nodes[row].pool.v != placing->pool ||
            fits_on(placing, row) < way_of(core, placing->job, placing->index)->tasks)
            continue;
        more = best == NONE ? -1 : breaks(placing, row) - breaks(placing, best);
        if (more < -1e-7 || (more < 1e-7 && node_before(placing, row, best)))
            best = row;
    }
    return best;
}

static double breakage_cost(const struct oracle *look, const struct dr_job *job, uint32_t index,
                            uint32_t pool_id, const uint32_t *tasks)
{
    const struct dr_core *core = look->core;
    const struct dr_pool *pool = &core->pools[pool_id - 1];
    struct placing placing = {look, job, index, pool_id, NULL};
    int64_t all = 0;

    if (!is_mixed(core, pool))
        return 0;
    for (uint32_t i = 0; i < core->mix->count; i += 1)
        all += core->mix->rows[i].used;
    for (uint32_t row = 0; row < core->nodes_count; row += 1)
        if (tasks[row] == way_of(core, job, index)->tasks)
            return fmax(0, breaks(&placing, row)) *
                   (double)core->chips[pool->chip.v - 1].price_micro *
                   floor((double)core->mix->hold_used * 60 / (double)all) / 3600;
    return 0;
}

int oracle_place(const struct oracle *look, const struct dr_job *job, uint32_t index,
                 uint32_t pool_id, uint32_t *tasks)
{
    struct placing placing = {look, job, index, pool_id, tasks};
    const struct dr_pool *pool = &look->core->pools[pool_id - 1];
    uint64_t wanted = way_of(look->core, job, index)->tasks;
    uint32_t required = required_size(look->core, job, pool_id);
    uint32_t node;

    memset(tasks, 0, ORACLE_NODES * sizeof tasks[0]);
    if (pool->nodes_count == 0 || required == 0)
        return 0;
    node = is_mixed(look->core, pool) ? least_broken(&placing)
                                      : pick_node(&placing, pool->nodes_count, 0, wanted, 1);
    if (node != NONE) {
        tasks[node] = (uint32_t)wanted;
        return 1;
    }
    if (required == 1)
        return 0;
    for (uint32_t level = 0; level <= pool->levels_count; level += 1) {
        uint32_t size = level_size(pool, level);
        uint32_t best = NONE, best_needed = 0;
        int64_t best_left = 0;

        if (size > required)
            return 0;
        for (uint32_t domain = 0; domain <= (pool->nodes_count - 1) / size; domain += 1) {
            uint32_t needed;
            int64_t left;

            if (parts_tasks(&placing, size, domain) < wanted)
                continue;
            needed =
                level > 0 && level < pool->levels_count ? parts_needed(&placing, level, domain) : 0;
            left = units_in(&placing, size, domain);
            if (best == NONE || needed < best_needed ||
                (needed == best_needed && left < best_left)) {
                best = domain;
                best_needed = needed;
                best_left = left;
            }
        }
        if (best != NONE) {
            fill(&placing, level, best, wanted);
            return 1;
        }
    }
    return 0;
}

uint32_t oracle_span(const struct oracle *look, uint32_t pool, uint32_t size, const uint32_t *tasks)
{
    const struct dr_core *core = look->core;
    uint8_t used[ORACLE_NODES] = {0};
    uint32_t span = 0;

    for (uint32_t row = 0; row < core->nodes_count; row += 1)
        if (core->nodes[row].pool.v == pool && tasks[row] > 0 &&
            !used[core->nodes[row].number / size]) {
            used[core->nodes[row].number / size] = 1;
            span += 1;
        }
    return span;
}

static int compare_down(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x > y ? -1 : x < y;
}

uint32_t oracle_span_least(const struct oracle *look, const struct dr_job *job, uint32_t index,
                           uint32_t pool_id, uint32_t size)
{
    const struct dr_pool *pool = &look->core->pools[pool_id - 1];
    uint64_t wanted = way_of(look->core, job, index)->tasks;
    uint32_t required = required_size(look->core, job, pool_id);
    uint32_t best = NONE;

    if (required > pool->nodes_count)
        required = pool->nodes_count;
    /* Of each domain that may be used alone: the largest parts are the fewest. */
    for (uint32_t domain = 0; domain <= (pool->nodes_count - 1) / required; domain += 1) {
        uint64_t parts[ORACLE_NODES];
        uint64_t sum = 0;
        uint32_t count = 0, needed = 0;

        for (uint32_t part = 0; part <= (pool->nodes_count - 1) / size; part += 1)
            if (part * size / required == domain)
                parts[count++] = tasks_in(look, job, index, pool_id, size, part);
        qsort(parts, count, sizeof parts[0], compare_down);
        while (needed < count && sum < wanted)
            sum += parts[needed++];
        if (sum >= wanted && needed < best)
            best = needed;
    }
    return best;
}

/* ---- money ---- */

static uint32_t tasks_empty(const struct dr_alternative *way, const struct dr_pool *pool)
{
    uint32_t tasks = tasks_with(way, pool->accelerators, pool->cpus, pool->memory_mb);
    uint32_t part = way->accelerators_per_task % 1000;

    if (part != 0 && tasks > pool->accelerators * (1000 / part))
        tasks = pool->accelerators * (1000 / part);
    return tasks;
}

/* What the gang draws, watts before PUE. */
static double draws_w(const struct dr_core *core, const struct dr_alternative *way,
                      const struct dr_pool *pool)
{
    double watts = 0;

    if (pool->chip.v != 0)
        watts = (double)way->tasks * way->accelerators_per_task / 1000 *
                (double)core->chips[pool->chip.v - 1].busy_w;
    if (pool->cpus > 0)
        watts += (double)pool->node_idle_w * way->cpus_per_task * way->tasks / pool->cpus;
    return watts;
}

/* Hour by hour. */
static double energy_cost(const struct dr_site *site, double watts, int64_t from_us, double left)
{
    double at = (double)from_us + site->utc_offset_min * 60e6;
    double cost = 0;

    while (left > 0) {
        double rest = 3600e6 - fmod(at, 3600e6);
        int hour = (int)fmod(floor(at / 3600e6), 24);

        rest = rest < left ? rest : left;
        cost += watts / 1000 * site->pue_milli / 1000 * (double)site->tariff_micro[hour] * rest /
                3600e6;
        at += rest;
        left -= rest;
    }
    return cost;
}

/* Could the empty pool hold the gang, within the level that it requires? */
static int holds_when_empty(const struct dr_core *core, const struct dr_job *job,
                            const struct dr_alternative *way, const struct dr_pool *pool)
{
    const struct dr_shape *shape = &core->shapes[job->shape];
    uint32_t nodes = pool->nodes_count;

    if (shape->level_kind == 2 && strcmp(shape->level, "pool") != 0) {
        nodes = strcmp(shape->level, "node") == 0 ? 1 : 0;
        for (uint32_t i = 0; i < pool->levels_count; i += 1)
            if (strcmp(pool->levels[i].name, shape->level) == 0)
                nodes = pool->levels[i].nodes;
        nodes = dr_min_u32(nodes, pool->nodes_count);
    }
    return (uint64_t)tasks_empty(way, pool) * nodes >= way->tasks;
}

/* What the later start saves in a pool, as a multiple of what rounding may hide. */
static double saved_later(const struct dr_core *core, const struct dr_job *job, int64_t now_us,
                          const struct dr_site *site, double watts, double span, double slack)
{
    double margin = span / 10 < 600e6 ? 600e6 : span / 10;
    double energy = energy_cost(site, watts, now_us, span);
    double gain = 0;

    for (int64_t at = now_us - now_us % DR_MINUTE_US; at <= now_us + DR_DAY_US;
         at += DR_MINUTE_US / 2) { /* limits are half minutes */
        int64_t latest = (int64_t)((double)dr_job_terms(core, job)->deadline_us - span - margin);
        int64_t start = at < latest ? at : latest;
        double then = energy_cost(site, watts, start, span);

        if (start > now_us && energy - then > gain * slack)
            gain = (energy - then) / slack;
        if (start == latest)
            break;
    }
    return gain;
}

/* Of pools that cost the same but for rounding any may be the cheapest: the least of what these
 * save counts. */
double oracle_cheaper_later(const struct dr_core *core, const struct dr_job *job, int64_t now_us)
{
    const struct dr_terms *terms = dr_job_terms(core, job);
    double least = INFINITY;
    double gain = INFINITY;

    if (!terms->flexible || terms->deadline_us == 0 || dr_job_run(core, job)->reservation != NONE)
        return 0;
    for (int pass = 0; pass < 2; pass += 1)
        for (uint32_t index = 0; index < core->shapes[job->shape].alternatives_count; index += 1)
            for (uint32_t id = 1; id <= core->pools_count; id += 1) {
                const struct dr_alternative *way = way_of(core, job, index);
                const struct dr_pool *pool = &core->pools[id - 1];
                const struct dr_site *site = &core->sites[pool->site.v - 1];
                double span = (double)oracle_limit_us(core, job, index);
                double watts = draws_w(core, way, pool);
                double cost = energy_cost(site, watts, now_us, span);
                double slack = 2 + 52 * watts * site->pue_milli / 1e6;

                if (!oracle_lawful(core, job, index, id) || !holds_when_empty(core, job, way, pool))
                    continue;
                if (pool->chip.v != 0)
                    cost += (double)way->tasks * way->accelerators_per_task / 1000 *
                            (double)core->chips[pool->chip.v - 1].price_micro * span / 3600e6;
                if (pass == 0)
                    least = cost < least ? cost : least;
                else if (cost <= least + slack)
                    gain = fmin(gain, saved_later(core, job, now_us, site, watts, span, slack));
            }
    return least < INFINITY ? gain : 0;
}

/* Is it in the queue of its account, perhaps for cheaper hours to come? */
static int queued(const struct dr_core *core, const struct dr_job *job, int64_t now_us)
{
    return job->id.v != 0 && job->state == DR_JOB_PENDING && !job->held && !job->doomed &&
           dr_job_ties(core, job)->edges == NONE && dr_job_run(core, job)->promise == NONE &&
           dr_job_terms(core, job)->begin_us <= now_us && dr_job_terms(core, job)->array_limit == 0;
}

int oracle_waits(const struct dr_core *core, const struct dr_job *job, int64_t now_us)
{
    const struct dr_terms *terms = dr_job_terms(core, job);

    /* Of two ways at nearly one price rounding decides which one waits for its tariff. */
    if (terms->flexible && terms->deadline_us != 0 &&
        core->shapes[job->shape].alternatives_count > 1)
        return 0;
    return queued(core, job, now_us) && oracle_cheaper_later(core, job, now_us) < 0.4;
}

double oracle_cost(const struct oracle *look, const struct dr_job *job, uint32_t index,
                   uint32_t pool_id, const uint32_t *tasks, int64_t now_us)
{
    const struct dr_core *core = look->core;
    const struct dr_shape *shape = &core->shapes[job->shape];
    const struct dr_alternative *way = &shape->alternatives[index];
    const struct dr_pool *pool = &core->pools[pool_id - 1];
    const struct dr_site *site = &core->sites[pool->site.v - 1];
    int64_t limit_us = job->limit_us;
    double accelerators = (double)way->tasks * way->accelerators_per_task / 1000;
    double cost = 0;
    double left;

    if (dr_job_terms(core, job)->limit_total) {
        limit_us -= dr_job_run(core, job)->run_us + dr_job_run(core, job)->run_factor_us;
        limit_us = limit_us < 1000000 ? 1000000 : limit_us;
    }
    if (limit_us > 366 * DR_DAY_US)
        limit_us = 366 * DR_DAY_US;
    left = floor((double)limit_us * (double)factor_of(way) / 1000);
    if (pool->chip.v != 0)
        cost = accelerators * (double)core->chips[pool->chip.v - 1].price_micro * left / 3600e6;
    cost += energy_cost(site, draws_w(core, way, pool), now_us, left);
    cost += breakage_cost(look, job, index, pool_id, tasks);
    if (shape->level_kind == 1) {
        uint32_t size = strcmp(shape->level, "node") == 0 ? 1 : 0;
        uint32_t each = tasks_empty(way, pool);
        double least;

        if (strcmp(shape->level, "pool") == 0)
            size = pool->nodes_count;
        for (uint32_t i = 0; i < pool->levels_count; i += 1)
            if (strcmp(pool->levels[i].name, shape->level) == 0)
                size = pool->levels[i].nodes;
        if (size == 0 || each == 0)
            return cost;
        least = ceil((double)way->tasks / (each * (double)size));
        if (oracle_span(look, pool_id, size, tasks) > least)
            cost += (oracle_span(look, pool_id, size, tasks) - least) *
                    (double)core->settings.span_price_micro;
    }
    return cost;
}

/* ---- shadow times ---- */

int64_t oracle_earliest_us(const struct dr_core *core, const struct dr_job *job, uint32_t index,
                           uint32_t pool, int64_t now_us, int reserved)
{
    static struct oracle look;
    static uint8_t gone[ORACLE_JOBS];
    int64_t time_us = now_us - 1;

    if (!oracle_lawful(core, job, index, pool))
        return DR_FOREVER_US;
    memset(gone, 0, sizeof gone);
    for (;;) {
        int64_t next_us = DR_FOREVER_US;

        for (uint32_t row = 0; row < core->jobs_high; row += 1)
            if (oracle_holds(&core->jobs[row]) && !gone[row] &&
                oracle_end_us(core, &core->jobs[row], now_us) > time_us &&
                oracle_end_us(core, &core->jobs[row], now_us) < next_us)
                next_us = oracle_end_us(core, &core->jobs[row], now_us);
        for (uint32_t i = 0; i < core->grid_caps_count; i += 1)
            if (core->grid_caps[i].until_us > time_us && core->grid_caps[i].until_us > now_us &&
                core->grid_caps[i].until_us < next_us)
                next_us = core->grid_caps[i].until_us;
        for (uint32_t i = 0; i < core->windows_count; i += 1)
            if (core->windows[i].until_us > time_us && core->windows[i].until_us > now_us &&
                core->windows[i].until_us < next_us)
                next_us = core->windows[i].until_us;
        if (next_us == DR_FOREVER_US)
            return DR_FOREVER_US;
        time_us = next_us;
        for (uint32_t row = 0; row < core->jobs_high; row += 1)
            if (oracle_holds(&core->jobs[row]) &&
                oracle_end_us(core, &core->jobs[row], now_us) <= time_us)
                gone[row] = 1;
        oracle_look(
            &look, core,
            (struct oracle_thought){
                .gone = gone, .reserved = (uint8_t)reserved, .apart = job, .at_us = time_us});
        if (oracle_fits(&look, job, index, pool, time_us))
            return time_us;
    }
}

/* ---- order ---- */

static double guarantee_of(const struct oracle *look, uint32_t account, uint32_t group)
{
    const struct dr_core *core = look->core;
    double capacity = (double)capacity_of(core, group);
    double sum = 0;

    for (uint32_t child = 1; child <= core->accounts_count; child += 1)
        if (core->accounts[child - 1].parent.v == 1 && !core->accounts[child - 1].removed)
            sum += (double)oracle_quota(core, child, group)->guarantee;
    if (capacity >= sum)
        return (double)oracle_quota(core, account, group)->guarantee;
    return floor((double)oracle_quota(core, account, group)->guarantee * capacity / sum);
}

double oracle_key_above(const struct oracle *look, uint32_t account)
{
    const struct dr_core *core = look->core;
    double share = 0, past = 0;

    for (uint32_t group = 1; group <= core->groups_count; group += 1) {
        double capacity = (double)capacity_of(core, group);
        double above =
            (double)look->sums.claim[account - 1][group - 1] - guarantee_of(look, account, group);
        double worn = (double)oracle_quota(core, account, group)->past;

        if (capacity == 0)
            continue;
        if (above / capacity > share)
            share = fmin(1, above / capacity);
        /* Used for ever, the capacity adds up to capacity x half-life / ln 2. */
        worn /= capacity * (double)core->settings.half_life_us / 1e6 / log(2);
        past = fmax(past, fmin(1, worn));
    }
    return (share + past) * 1000 / core->accounts[account - 1].weight;
}

const char *oracle_unfair(const struct dr_core *core, const struct dr_job *job,
                          const uint64_t *victims, uint32_t count, const struct dr_job *victim)
{
    static struct oracle before;
    static struct oracle after;
    static uint8_t stays[ORACLE_JOBS];
    uint32_t x = oracle_towards(core, job->account.v, victim->account.v);
    uint32_t y = oracle_towards(core, victim->account.v, job->account.v);
    int64_t amounts[3];
    double rounding;
    int above = 0;

    memset(stays, 0, sizeof stays);
    for (uint32_t i = 0; i < count; i += 1)
        for (uint32_t row = 0; row < core->jobs_high; row += 1)
            stays[row] |= core->jobs[row].id.v == victims[i];
    oracle_look(&before, core, (struct oracle_thought){.stays = stays, .apart = job});
    oracle_look(&after, core, (struct oracle_thought){.gone = NULL});
    if (oracle_key_above(&after, y) >= oracle_key_above(&before, y))
        return "the key of its branch does not fall";
    if (oracle_key_above(&before, x) >= oracle_key_above(&before, y))
        return "its branch had no more than the other";
    /* The core counts past use by whole seconds of its half-life, and keys in 2^-32. */
    rounding = 1e-8 + oracle_key_above(&after, y) * 2e6 / (double)core->settings.half_life_us;
    if (oracle_key_above(&after, x) > oracle_key_above(&after, y) + rounding)
        return "its branch is left with less than the other";
    oracle_amounts(core, job, dr_job_run(core, job)->promise_alternative, amounts);
    for (uint32_t i = 0; i < 3; i += 1) {
        uint32_t group = core->pools[dr_job_run(core, job)->promise_pool.v - 1].groups[i].v;

        above |= amounts[i] != 0 && before.sums.occupied[x - 1][group - 1] + amounts[i] >
                                        oracle_quota(core, x, group)->guarantee;
    }
    return above ? NULL : "the other is within its guarantee";
}

static int key_in(const struct oracle *look, uint32_t account, const struct dr_job *job,
                  uint32_t index, uint32_t pool, double *key)
{
    const struct dr_core *core = look->core;
    int64_t amounts[3];

    oracle_amounts(core, job, index, amounts);
    *key = 0;
    for (uint32_t i = 0; i < 3; i += 1) {
        uint32_t group = core->pools[pool - 1].groups[i].v;
        double guarantee = guarantee_of(look, account, group);

        if (amounts[i] == 0)
            continue;
        if ((double)(look->sums.occupied[account - 1][group - 1] + amounts[i]) > guarantee) {
            *key = oracle_key_above(look, account);
            return 2;
        }
        *key =
            fmax(*key, (double)(look->sums.claim[account - 1][group - 1] + amounts[i]) / guarantee);
    }
    return 1;
}

int oracle_key(const struct oracle *look, uint32_t account, const struct dr_job *job, int most,
               double *key)
{
    const struct dr_core *core = look->core;
    int tier = 0;

    for (uint32_t index = 0; index < core->shapes[job->shape].alternatives_count; index += 1)
        for (uint32_t pool = 1; pool <= core->pools_count; pool += 1) {
            double one;
            int one_tier;
            int less;

            if (!oracle_lawful(core, job, index, pool))
                continue;
            one_tier = key_in(look, account, job, index, pool, &one);
            less = one_tier < tier || (one_tier == tier && one < *key);
            if (tier == 0 || less != most) {
                tier = one_tier;
                *key = one;
            }
        }
    return tier;
}

int oracle_comes_before(const struct oracle *look, const struct dr_job *first,
                        const struct dr_job *second, int64_t now_us)
{
    const struct dr_core *core = look->core;
    uint32_t towards_first, towards_second;
    double key_second, key;
    int tier_second;

    if (first->account.v == second->account.v) {
        if (first->priority != second->priority)
            return first->priority > second->priority;
        if ((dr_job_run(core, first)->preemptions > 0) !=
            (dr_job_run(core, second)->preemptions > 0))
            return dr_job_run(core, first)->preemptions > 0;
        if (first->submit_us != second->submit_us)
            return first->submit_us < second->submit_us;
        return first->id.v < second->id.v;
    }
    towards_first = oracle_towards(core, first->account.v, second->account.v);
    towards_second = oracle_towards(core, second->account.v, first->account.v);
    tier_second = oracle_key(look, towards_second, second, 0, &key_second);
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        int tier;

        if (!queued(core, job, now_us) || !oracle_within(core, job->account.v, towards_first))
            continue;
        tier = oracle_key(look, towards_first, job, 1, &key);
        if (tier > tier_second || (tier == tier_second && key > key_second - 1e-6))
            return 0;
    }
    return 1;
}
