/* SPDX-License-Identifier: Apache-2.0 */
/* routes_sites.c: sites, how their engines do, and giving up what runs at one that does not answer.
 */
#include "base/math.h"
#include "serve/exchange.h"
#include "serve/json.h"

#define LOST_MAX 10000u /* jobs in one request */

struct site_sums {
    uint32_t nodes;
    uint32_t nodes_up;
    int64_t accelerators;
    int64_t accelerators_free;
    int64_t cpus_milli;
    int64_t cpus_free_milli; /* of nodes that are up */
    int64_t it_power_mw;
    uint32_t running;
    uint32_t unreachable; /* of them */
    int is_virtual;
};

/* Of a node's accelerators, thousandths. */
static int64_t held_milli(const struct dr_core *core, uint32_t row)
{
    const struct dr_node *node = &core->nodes[row];
    int64_t milli = 0;

    for (uint64_t rest = node->busy; rest != 0; rest &= rest - 1) {
        uint32_t held = core->device_shares[row][dr_bit_lowest(rest)].held;

        milli += held != 0 ? held : 1000;
    }
    return milli;
}

static void sum_site(const struct dr_core *core, uint32_t site, struct site_sums *sums)
{
    *sums = (struct site_sums){0};
    for (uint32_t i = 0; i < core->pools_count; i += 1) {
        const struct dr_pool *pool = &core->pools[i];
        int64_t idle_w = 0;
        int64_t busy_w = 0;

        if (pool->site.v != site || pool->removed)
            continue;
        if (pool->chip.v != 0) {
            idle_w = core->chips[pool->chip.v - 1].idle_w;
            busy_w = core->chips[pool->chip.v - 1].busy_w;
            sums->is_virtual |= core->chips[pool->chip.v - 1].is_virtual;
        }
        sums->nodes_up += pool->nodes_up;
        sums->accelerators_free += pool->accelerators_free;
        for (uint32_t range = 0; range < pool->ranges_count; range += 1) {
            for (uint32_t k = 0; k < pool->ranges[range].count; k += 1) {
                const struct dr_node *node = &core->nodes[pool->ranges[range].row + k];
                int64_t busy_milli = held_milli(core, pool->ranges[range].row + k);

                if (node->removed)
                    continue;
                sums->nodes += 1;
                sums->accelerators += pool->accelerators;
                sums->cpus_milli += pool->cpus;
                if (dr_node_up(core, node))
                    sums->cpus_free_milli +=
                        dr_max_i64((int64_t)pool->cpus - (int64_t)node->cpus_used, 0);
                if (!node->down && !node->off)
                    sums->it_power_mw += (pool->node_idle_w + pool->accelerators * idle_w) * 1000 +
                                         busy_milli * (busy_w - idle_w);
            }
        }
    }
    for (uint32_t row = core->running.first; row != DR_ROW_NONE;
         row = dr_job_list_next(core, row)) {
        const struct dr_job *job = &core->jobs[row];

        if (core->pools[dr_job_run(core, job)->pool.v - 1].site.v != site)
            continue;
        sums->running += 1;
        sums->unreachable += job->state == DR_JOB_UNREACHABLE;
    }
}

static int64_t tariff_now(const struct dr_site *site, int64_t now_us)
{
    int64_t local_us = now_us + site->utc_offset_min * DR_MINUTE_US;

    return site->tariff_micro[(local_us / DR_HOUR_US) % DR_TARIFF_HOURS];
}

/* By the engine's own word; null where it has none: a site on this machine, or a simulated one. Why
 * an engine could not be opened names paths and addresses of the controller's machine. */
static void health_json(struct exchange *x, dr_site_id site)
{
    struct dr_controller *controller = x->http->controller;
    struct dr_buffer *out = &x->out;
    struct dr_site_health health;

    if (!dr_controller_site_health(controller, site, &health)) {
        dr_put_null(out, "health");
        return;
    }
    dr_put_begin(out, "health", '{');
    dr_put_bool(out, "agreed", health.agreed != 0);
    dr_put_i64(out, "heard_us", health.engine.heard_us);
    dr_put_i64(out, "lag_us", health.engine.lag_us);
    dr_put_u64(out, "nodes", health.engine.nodes);
    dr_put_u64(out, "nodes_usable", health.engine.usable);
    dr_put_u64(out, "foreign_jobs", health.engine.foreign);
    dr_put_u64(out, "unordered_attempts", health.unordered);
    dr_put_text(out, "error",
                health.closed && !dr_auth_sees_all(&x->who) ? "its engine can't be opened"
                                                            : health.engine.error);
    dr_put_end(out, '}');
}

/* How a cluster is reached is for those who see all. */
static const char *engine_text(struct exchange *x, dr_site_id site)
{
    if (core_of(x)->sites[site.v - 1].engine == DR_ENGINE_SLURM && !dr_auth_sees_all(&x->who))
        return "";
    return dr_controller_engine_text(x->http->controller, site);
}

/* What the site's own workload manager calls its pools, each name once. */
static void partitions_json(struct dr_buffer *out, const struct dr_core *core, uint32_t site)
{
    dr_put_begin(out, "partitions", '[');
    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        const struct dr_pool *pool = &core->pools[row];
        int told = pool->site.v != site || pool->removed || pool->partition[0] == 0;

        for (uint32_t i = 0; i < row && !told; i += 1)
            told = core->pools[i].site.v == site && !core->pools[i].removed &&
                   strcmp(core->pools[i].partition, pool->partition) == 0;
        if (!told)
            dr_put_text(out, NULL, pool->partition);
    }
    dr_put_end(out, ']');
}

void route_sites(struct exchange *x)
{
    const struct dr_core *core = core_of(x);
    int64_t now_us = dr_controller_now_us(x->http->controller);
    struct dr_buffer *out = &x->out;

    dr_put_begin(out, NULL, '{');
    dr_put_begin(out, "sites", '[');
    for (uint32_t row = 0; row < core->sites_count; row += 1) {
        const struct dr_site *site = &core->sites[row];
        struct site_sums sums;

        if (site->removed)
            continue;
        sum_site(core, row + 1, &sums);
        dr_put_begin(out, NULL, '{');
        dr_put_text(out, "name", site->name);
        dr_put_bool(out, "leaving", site->leaving);
        dr_put_text(out, "operator", site->operator_name);
        dr_put_text(out, "region", site->region);
        dr_put_text(out, "jurisdiction", site->jurisdiction);
        dr_put_u64(out, "assurance", site->assurance);
        dr_put_text(out, "engine", dr_engine_kind_name((enum dr_engine_kind)site->engine));
        dr_put_text(out, "engine_text", engine_text(x, (dr_site_id){row + 1}));
        dr_put_bool(out, "answers", site->answers);
        health_json(x, (dr_site_id){row + 1});
        dr_put_u64(out, "nodes", sums.nodes);
        dr_put_u64(out, "nodes_up", sums.nodes_up);
        dr_put_i64(out, "accelerators", sums.accelerators);
        dr_put_i64(out, "accelerators_free", sums.accelerators_free);
        dr_put_i64(out, "cpus_milli", sums.cpus_milli);
        dr_put_i64(out, "cpus_free_milli", sums.cpus_free_milli);
        dr_put_bool(out, "virtual", sums.is_virtual);
        dr_put_i64(out, "power_w", sums.it_power_mw * site->pue_milli / 1000000);
        dr_put_i64(out, "power_cap_w", site->power_cap_w);
        dr_put_u64(out, "pue_milli", site->pue_milli);
        dr_put_i64(out, "tariff_micro_now", tariff_now(site, now_us));
        dr_put_u64(out, "running", sums.running);
        dr_put_u64(out, "unreachable", sums.unreachable);
        partitions_json(out, core, row + 1);
        dr_put_end(out, '}');
    }
    dr_put_end(out, ']');
    dr_put_text(out, "currency", core->settings.currency);
    dr_put_end(out, '}');
    exchange_answer(x, 200);
}

/* ---- giving up ---- */

static int is_lost_at(const struct dr_core *core, const struct dr_job *job, uint32_t site)
{
    return job->state == DR_JOB_UNREACHABLE &&
           core->pools[dr_job_run(core, job)->pool.v - 1].site.v == site;
}

static uint32_t count_lost(const struct dr_core *core, uint32_t site)
{
    uint32_t count = 0;

    for (uint32_t row = core->running.first; row != DR_ROW_NONE; row = dr_job_list_next(core, row))
        count += is_lost_at(core, &core->jobs[row], site) != 0;
    return count;
}

static void given_up(struct exchange *x)
{
    const struct dr_core *core = core_of(x);

    dr_put_begin(&x->out, NULL, '{');
    dr_put_text(&x->out, "name", x->name);
    dr_put_u64(&x->out, "given_up", x->request.count);
    dr_put_u64(&x->out, "left", count_lost(core, dr_site_named(core, x->name).v));
    dr_put_end(&x->out, '}');
    exchange_answer(x, 200);
}

void route_site_lost(struct exchange *x)
{
    const struct dr_core *core = core_of(x);
    uint32_t site = dr_site_named(core, x->name).v;
    struct dr_command *commands;
    const char *reason;
    uint32_t count;

    if (site == 0) {
        exchange_refuse(x, "UNKNOWN", "name", "there is no site '%s'", x->name);
        return;
    }
    if (!exchange_reason(x, &reason))
        return;
    count = dr_min_u32(count_lost(core, site), LOST_MAX);
    if (count == 0) {
        exchange_refuse(x, "STATE", "name",
                        core->sites[site - 1].answers
                            ? "site %s answers, and no job is UNREACHABLE there"
                            : "no job is UNREACHABLE at site %s",
                        x->name);
        return;
    }
    commands = exchange_commands(x, count);
    for (uint32_t row = core->running.first, i = 0; row != DR_ROW_NONE && i < count;
         row = dr_job_list_next(core, row)) {
        if (!is_lost_at(core, &core->jobs[row], site))
            continue;
        commands[i].kind = DR_COMMAND_LOST;
        commands[i].reason = reason;
        commands[i].body.job = core->jobs[row].id;
        i += 1;
    }
    exchange_ask(x, given_up);
}
