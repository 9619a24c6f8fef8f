/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in the state, read from jobs, nodes and accounts one by one: who holds a place and
 * until when, what a gang amounts to, what it would lose, where an account stands in the tree, and
 * whom an advance reservation lets in. Read oracle.h first; everything else is built on this. */
#include "oracle_parts.h"

#define NONE DR_ROW_NONE

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

const struct dr_alternative *oracle_way(const struct dr_core *core, const struct dr_job *job,
                                        uint32_t index)
{
    return &core->shapes[job->shape].alternatives[index];
}

void oracle_amounts(const struct dr_core *core, const struct dr_job *job, uint32_t index,
                    int64_t amounts[3])
{
    const struct dr_alternative *way = oracle_way(core, job, index);

    amounts[0] = (int64_t)way->tasks * way->accelerators_per_task;
    amounts[1] = (int64_t)way->tasks * way->cpus_per_task;
    amounts[2] = (int64_t)way->tasks * way->memory_mb_per_task;
}

int64_t oracle_factor(const struct dr_alternative *way)
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
    limit = (left * oracle_factor(oracle_way(core, job, index)) + 999) / 1000;
    return limit < (terms->limit_total ? 1000000 : 1) ? 1000000 : limit;
}

int64_t oracle_staying_end_us(const struct dr_core *core, const struct dr_job *job)
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
        end = oracle_staying_end_us(core, job);
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

uint8_t oracle_share(const struct dr_core *core, const struct dr_job *job)
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
