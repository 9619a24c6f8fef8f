/* SPDX-License-Identifier: Apache-2.0 */
#include "nation_quality.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/backfill.h"

/* ---- cost ---- */

static double tariff_over(const struct nation_site *site, int64_t from_us, int64_t span_us)
{
    int64_t at_us = from_us + 9 * DR_HOUR_US; /* the sites' clocks */
    double sum = 0;

    while (span_us > 0) {
        int64_t step_us = DR_HOUR_US - at_us % DR_HOUR_US;

        step_us = step_us < span_us ? step_us : span_us;
        sum += (double)site->tariff_micro[at_us / DR_HOUR_US % DR_TARIFF_HOURS] * (double)step_us /
               (double)DR_HOUR_US;
        at_us += step_us;
        span_us -= step_us;
    }
    return sum; /* micro-units per kW drawn all the time */
}

static double run_cost(const struct nation *nation, const struct dr_alternative *way, uint32_t p,
                       int64_t limit_us)
{
    const struct nation_pool *pool = &nation->pools[p];
    const struct nation_site *site = &nation->sites[pool->site];
    double accelerators = way->tasks * (way->accelerators_per_task / 1000.0);
    double span_us = (double)limit_us * way->factor / 1000.0;
    double watts =
        accelerators * (double)nation->chip_busy_w[pool->chip] +
        (double)nation->node_idle_w * way->tasks * way->cpus_per_task / (NATION_CPUS * 1000.0);

    return accelerators * (double)nation->chip_price_micro[pool->chip] * span_us /
               (double)DR_HOUR_US +
           watts / 1000.0 * site->pue_milli / 1000.0 *
               tariff_over(site, nation->now_us, (int64_t)span_us);
}

static uint32_t nodes_of(const struct dr_alternative *way)
{
    uint32_t per_node = NATION_PER_NODE / (way->accelerators_per_task / 1000);

    return (way->tasks + per_node - 1) / per_node;
}

static uint32_t least_when_empty(const struct nation_shape *shape, const struct dr_alternative *way)
{
    return (nodes_of(way) + shape->level_nodes - 1) / shape->level_nodes;
}

static double chosen_cost(const struct nation *nation, const struct nation_shape *shape,
                          const struct dr_fact_job_placed *fact, int64_t limit_us)
{
    const struct dr_alternative *way = &shape->alternatives[fact->alternative];
    double cost = run_cost(nation, way, fact->pool - 1, limit_us);
    uint32_t first = nation->pools[fact->pool - 1].node_first;
    uint32_t domains = 0;
    uint32_t last = UINT32_MAX;

    if (shape->level_kind != 1)
        return cost;
    for (uint32_t i = 0; i < fact->extents_count; i += 1) {
        uint32_t domain = (fact->extents[i].node.v - 1 - first) / shape->level_nodes;

        domains += domain != last;
        last = domain;
    }
    return cost + (domains - least_when_empty(shape, way)) * (double)nation->span_price_micro;
}

/* Would the job, started in a pool now, delay somebody who holds a reservation there? */
static int is_reserved(struct nation_quality *quality, uint64_t id, uint32_t way, uint32_t p,
                       int64_t now_us)
{
    struct dr_core *core = quality->second;
    uint32_t row = dr_job_find(core, (dr_job_id){id}).v;
    struct dr_want want = dr_place_want(core, &core->jobs[row], way);
    uint32_t blocker;

    if (dr_backfill_blockers(core, row, &want, (dr_pool_id){p + 1}, now_us, 0, &blocker, 1) > 0)
        return 1;
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
        if (dr_backfill_kept(core, row, &want, (dr_pool_id){p + 1}, now_us, 0,
                             (enum dr_resource)resource) > 0)
            return 1;
    return 0;
}

/* ... that costs less than what was chosen, or as much. */
static double best_cost(const struct nation *nation, struct nation_quality *quality,
                        const struct ledger_job *job, const struct dr_fact *fact, double chosen)
{
    const struct nation_shape *shape = &nation->shapes[job->shape];
    double best = chosen;
    int any_reserved = 0;

    for (uint32_t i = 0; i < shape->alternatives_count; i += 1)
        for (uint32_t p = 0; p < nation->pools_count; p += 1) {
            const struct dr_alternative *way = &shape->alternatives[i];
            double cost;

            if ((shape->near[i][p / 64] >> (p % 64) & 1) == 0)
                continue;
            cost = run_cost(nation, way, p, job->limit_us);
            if (cost >= best || !ledger_allows(nation->ledger, job->account, p, way, job->firm) ||
                !ledger_room(nation->ledger, shape, i, p, job->account,
                             nation->now_us + nation_limit_us(job->limit_us, way)))
                continue;
            if (shape->level_kind == 1) {
                uint32_t least =
                    ledger_least_domains(nation->ledger, p, shape->level_nodes, nodes_of(way));

                if (least > 0)
                    cost +=
                        (least - least_when_empty(shape, way)) * (double)nation->span_price_micro;
            }
            if (cost >= best)
                continue;
            if (quality->second != NULL &&
                is_reserved(quality, fact->job_placed.job, i, p, fact->time_us))
                any_reserved = 1;
            else
                best = cost;
        }
    quality->reserved += any_reserved && best > chosen * (1 - 1e-6);
    return best;
}

static void judge(struct nation *nation, struct nation_quality *quality, const struct dr_fact *fact)
{
    const struct dr_fact_job_placed *placed = &fact->job_placed;
    const struct ledger_job *job;
    double chosen;
    double best;

    if (fact->kind != DR_FACT_JOB_PLACED || placed->rule == DR_RULE_PROMISE ||
        placed->rule == DR_RULE_RESERVATION)
        return;
    quality->seen += 1;
    if (quality->seen % quality->each != 0 || quality->count == QUALITY_SAMPLES)
        return;
    job = &nation->ledger->jobs[placed->job];
    chosen = chosen_cost(nation, &nation->shapes[job->shape], placed, job->limit_us);
    best = best_cost(nation, quality, job, fact, chosen);
    quality->chosen += chosen;
    quality->best += best;
    quality->above[quality->count] = chosen / best - 1;
    quality->elsewhere += chosen > best * (1 + 1e-6);
    quality->count += 1;
}

static void watch(struct nation *nation, const struct dr_fact *fact, void *context)
{
    struct nation_quality *quality = context;
    struct dr_fact next = *fact;

    judge(nation, quality, fact);
    if (quality->second == NULL)
        return;
    next.seq = dr_core_seq(quality->second) + 1;
    dr_apply(quality->second, &next, NULL);
}

static int keep_bytes(void *context, const void *bytes, size_t count)
{
    return fwrite(bytes, 1, count, context) == count;
}

static int kept_bytes(void *context, void *bytes, size_t count)
{
    return fread(bytes, 1, count, context) == count;
}

static struct dr_core *copy_of(const struct nation *nation)
{
    FILE *file = tmpfile();
    struct dr_core *core;

    if (file == NULL || dr_core_save(nation->core, keep_bytes, file) != DR_OK ||
        fflush(file) != 0 || fseek(file, 0, SEEK_SET) != 0 ||
        dr_core_open(&core, &nation->limits) != DR_OK ||
        dr_core_load(core, kept_bytes, file) != DR_OK)
        nation_fail("the state can't be copied");
    fclose(file);
    return core;
}

void quality_watch(struct nation *nation, struct nation_quality *quality, uint64_t expected,
                   int asks)
{
    memset(quality, 0, sizeof *quality);
    quality->each = expected < QUALITY_SAMPLES ? 1 : (uint32_t)(expected / QUALITY_SAMPLES);
    quality->second = asks ? copy_of(nation) : NULL;
    nation->watch = watch;
    nation->watch_context = quality;
}

void quality_done(struct nation *nation, struct nation_quality *quality)
{
    nation->watch = NULL;
    if (quality->second != NULL)
        dr_core_close(quality->second);
    quality->second = NULL;
}

/* ---- shares ---- */

static double weighted_share(const struct nation *nation, uint32_t account)
{
    const struct nation_account *about = &nation->accounts[account];
    double share = 0;

    for (uint32_t g = 0; g < NATION_GROUPS; g += 1) {
        int64_t above = ledger_claim(nation->ledger, account, g) - about->guarantee[g];

        if (above > 0 && nation->group_accelerators[g] > 0)
            share = fmax(share, (double)above / (double)nation->group_accelerators[g]);
    }
    return share * 1000.0 / about->weight;
}

struct nation_fairness quality_fairness(const struct nation *nation)
{
    struct nation_fairness fairness = {0, 0};
    uint8_t *waits = calloc(nation->accounts_count, 1);
    double *least = calloc(nation->accounts_count, sizeof least[0]);
    double *most = calloc(nation->accounts_count, sizeof most[0]);

    if (waits == NULL || least == NULL || most == NULL)
        nation_fail("out of memory");
    for (uint64_t id = 1; id <= nation->jobs_count; id += 1) {
        const struct ledger_job *job = &nation->ledger->jobs[id];
        int bounded = 0;

        for (uint32_t at = job->account; at != UINT32_MAX; at = nation->accounts[at].parent)
            for (uint32_t g = 0; g < NATION_GROUPS; g += 1)
                bounded |= nation->accounts[at].borrow[g] >= 0;
        if (job->state != LEDGER_PENDING || bounded)
            continue;
        for (uint32_t at = job->account; at != UINT32_MAX; at = nation->accounts[at].parent)
            waits[at] = 1;
    }
    for (uint32_t a = 0; a < nation->accounts_count; a += 1) {
        least[a] = INFINITY;
        most[a] = -INFINITY;
    }
    for (uint32_t a = 1; a < nation->accounts_count; a += 1) {
        uint32_t parent = nation->accounts[a].parent;
        double share = weighted_share(nation, a);

        if (!waits[a])
            continue;
        least[parent] = fmin(least[parent], share);
        most[parent] = fmax(most[parent], share);
    }
    for (uint32_t a = 0; a < nation->accounts_count; a += 1) {
        double difference = most[a] < least[a] ? 0 : 100 * (most[a] - least[a]);

        if (nation->accounts[a].depth == 2)
            fairness.leaves = fmax(fairness.leaves, difference);
        else if (nation->accounts[a].depth < 2)
            fairness.above = fmax(fairness.above, difference);
    }
    free(waits);
    free(least);
    free(most);
    return fairness;
}
