/* SPDX-License-Identifier: Apache-2.0 */
/* What a place costs, POLICY section 4, and what waiting for cheaper hours would save. Read
 * oracle_cost() first. */
#include "oracle_parts.h"

#include <math.h>
#include <string.h>

#include "base/math.h"

#define NONE DR_ROW_NONE

static uint32_t tasks_empty(const struct dr_alternative *way, const struct dr_pool *pool)
{
    uint32_t tasks = oracle_tasks_with(way, pool->accelerators, pool->cpus, pool->memory_mb);
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
        int64_t hours = (int64_t)(at / 3600e6);
        double rest = (double)(hours + 1) * 3600e6 - at;

        rest = rest < left ? rest : left;
        cost += watts / 1000 * site->pue_milli / 1000 * (double)site->tariff_micro[hours % 24] *
                rest / 3600e6;
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
                const struct dr_alternative *way = oracle_way(core, job, index);
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
    left = floor((double)limit_us * (double)oracle_factor(way) / 1000);
    if (pool->chip.v != 0)
        cost = accelerators * (double)core->chips[pool->chip.v - 1].price_micro * left / 3600e6;
    cost += energy_cost(site, draws_w(core, way, pool), now_us, left);
    cost += oracle_breakage_cost(look, job, index, pool_id, tasks);
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
