/* SPDX-License-Identifier: Apache-2.0 */
#include "nation_ledger.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_EACH 1000 /* facts */

static void wrong(struct nation_ledger *ledger, const char *format, ...) DR_PRINTF(2, 3);

static void wrong(struct nation_ledger *ledger, const char *format, ...)
{
    va_list arguments;

    if (ledger->violations < DR_COUNT_OF(ledger->first)) {
        va_start(arguments, format);
        dr_format_list(ledger->first[ledger->violations], sizeof ledger->first[0], format,
                       arguments);
        va_end(arguments);
    }
    ledger->violations += 1;
}

/* ---- making ---- */

static void sums_open(const struct nation *nation, struct ledger_sums *sums);

static int64_t idle_w(const struct nation *nation, uint32_t pool)
{
    return nation->node_idle_w + NATION_PER_NODE * nation->chip_idle_w[nation->pools[pool].chip];
}

struct nation_ledger *ledger_new(const struct nation *nation, uint32_t jobs_max)
{
    struct nation_ledger *ledger = nation_zeroed(1, sizeof *ledger);

    ledger->nation = nation;
    ledger->jobs_max = jobs_max;
    ledger->jobs = nation_zeroed((size_t)jobs_max + 1, sizeof ledger->jobs[0]);
    ledger->nodes = nation_zeroed(nation->nodes_count, sizeof ledger->nodes[0]);
    ledger->pool_of = nation_zeroed(nation->nodes_count, sizeof ledger->pool_of[0]);
    ledger->pools = nation_zeroed(nation->pools_count, sizeof ledger->pools[0]);
    ledger->sums =
        nation_zeroed((size_t)nation->accounts_count * NATION_GROUPS, sizeof ledger->sums[0]);
    ledger->lifted =
        nation_zeroed((size_t)nation->accounts_count * NATION_GROUPS * DR_RESOURCE_COUNT,
                      sizeof ledger->lifted[0]);
    sums_open(nation, ledger->sums);
    ledger->site_w = nation_zeroed(nation->sites_count, sizeof ledger->site_w[0]);
    for (uint32_t p = 0; p < nation->pools_count; p += 1) {
        const struct nation_pool *about = &nation->pools[p];
        struct ledger_pool *pool = &ledger->pools[p];

        pool->words = (about->nodes + 63) / 64;
        pool->free = (int64_t)about->nodes * NATION_PER_NODE;
        for (uint32_t f = 0; f <= NATION_PER_NODE; f += 1)
            pool->with[f] = nation_zeroed(pool->words, sizeof(uint64_t));
        for (uint32_t i = 0; i < about->nodes; i += 1) {
            pool->with[NATION_PER_NODE][i / 64] |= UINT64_C(1) << (i % 64);
            ledger->pool_of[about->node_first + i] = p;
        }
        ledger->site_w[about->site] += about->nodes * idle_w(nation, p);
    }
    return ledger;
}

void ledger_free(struct nation_ledger *ledger)
{
    if (ledger == NULL)
        return;
    for (uint32_t i = 0; i <= ledger->jobs_max; i += 1) {
        free(ledger->jobs[i].extents);
        free(ledger->jobs[i].promise);
        free(ledger->jobs[i].reserved);
    }
    for (uint32_t p = 0; p < ledger->nation->pools_count; p += 1)
        for (uint32_t f = 0; f <= NATION_PER_NODE; f += 1)
            free(ledger->pools[p].with[f]);
    free(ledger->jobs);
    free(ledger->nodes);
    free(ledger->pool_of);
    free(ledger->pools);
    free(ledger->sums);
    free(ledger->lifted);
    free(ledger->site_w);
    free(ledger);
}

/* ---- sums ---- */

/* What one accelerator of a limit is in each resource. */
static int64_t each_of(uint32_t resource)
{
    static const int64_t each[DR_RESOURCE_COUNT] = {1000, NATION_CPUS * 1000 / NATION_PER_NODE,
                                                    NATION_MEMORY_MB / NATION_PER_NODE};

    return each[resource];
}

static struct ledger_sums *sums_of(const struct nation_ledger *ledger, uint32_t account,
                                   uint32_t group)
{
    return &ledger->sums[(size_t)account * NATION_GROUPS + group];
}

/* What is kept back for accounts is occupied before anybody claims anything. */
static void sums_open(const struct nation *nation, struct ledger_sums *sums)
{
    /* Children have higher rows than their parents. */
    for (uint32_t a = nation->accounts_count; a > 0; a -= 1)
        for (uint32_t g = 0; g < NATION_GROUPS; g += 1)
            for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1) {
                const struct nation_account *account = &nation->accounts[a - 1];
                struct ledger_sums *at = &sums[(size_t)(a - 1) * NATION_GROUPS + g];

                at->occupied[i] = account->keep[g] * each_of(i);
                if (at->occupied[i] < at->below[i])
                    at->occupied[i] = at->below[i];
                if (account->parent != UINT32_MAX)
                    sums[(size_t)account->parent * NATION_GROUPS + g].below[i] += at->occupied[i];
            }
}

int64_t ledger_claim(const struct nation_ledger *ledger, uint32_t account, uint32_t group)
{
    return sums_of(ledger, account, group)->claim[DR_RESOURCE_ACCELERATORS] / 1000;
}

static void amounts_of(const struct dr_alternative *way, int64_t amounts[DR_RESOURCE_COUNT])
{
    amounts[DR_RESOURCE_ACCELERATORS] = (int64_t)way->accelerators_per_task * way->tasks;
    amounts[DR_RESOURCE_CPUS] = (int64_t)way->cpus_per_task * way->tasks;
    amounts[DR_RESOURCE_MEMORY] = (int64_t)way->memory_mb_per_task * way->tasks;
}

/* With `more` claimed at a leaf, or `risen` more occupied below. */
static int64_t occupied_of(const struct nation_ledger *ledger, uint32_t account, uint32_t group,
                           uint32_t resource, int64_t more, int64_t risen)
{
    const struct nation *nation = ledger->nation;
    const struct ledger_sums *sums = sums_of(ledger, account, group);
    int64_t keep = nation->accounts[account].keep[group] * each_of(resource);
    int64_t value = account >= nation->leaf_first ? sums->claim[resource] + more
                                                  : sums->below[resource] + risen;

    return value > keep ? value : keep;
}

static void charge(struct nation_ledger *ledger, uint32_t account, uint32_t pool,
                   const struct dr_alternative *way, int use, int claim)
{
    int64_t amounts[DR_RESOURCE_COUNT];
    uint32_t group = ledger->nation->pools[pool].group;

    amounts_of(way, amounts);
    for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1) {
        int64_t risen = 0;

        for (uint32_t at = account; at != UINT32_MAX; at = ledger->nation->accounts[at].parent) {
            struct ledger_sums *sums = sums_of(ledger, at, group);
            int64_t before = sums->occupied[i];

            sums->use[i] += use * amounts[i];
            sums->claim[i] += claim * amounts[i];
            sums->below[i] += risen;
            sums->occupied[i] = occupied_of(ledger, at, group, i, 0, 0);
            risen = sums->occupied[i] - before;
        }
    }
}

static int64_t limit_of(const struct nation_account *account, uint32_t group)
{
    return account->borrow[group] < 0 ? INT64_MAX / (1 << 24)
                                      : account->guarantee[group] + account->borrow[group];
}

static int has_consent(const struct nation_ledger *ledger, uint32_t account, uint32_t pool)
{
    const struct nation *nation = ledger->nation;
    const uint32_t *consent = nation->pools[pool].consent;

    if (consent[0] == 0)
        return 1;
    for (uint32_t at = account; at != UINT32_MAX; at = nation->accounts[at].parent)
        if (at + 1 == consent[0] || at + 1 == consent[1])
            return 1;
    return 0;
}

static int power_allows(const struct nation_ledger *ledger, uint32_t pool, int64_t accelerators)
{
    const struct nation *nation = ledger->nation;
    const struct nation_pool *about = &nation->pools[pool];
    const struct nation_site *site = &nation->sites[about->site];
    int64_t watts = ledger->site_w[about->site] + accelerators * (nation->chip_busy_w[about->chip] -
                                                                  nation->chip_idle_w[about->chip]);

    return site->power_cap_w == 0 || watts * site->pue_milli <= site->power_cap_w * 1000;
}

int ledger_allows(const struct nation_ledger *ledger, uint32_t account, uint32_t pool,
                  const struct dr_alternative *way, uint8_t firm)
{
    const struct nation *nation = ledger->nation;
    uint32_t group = nation->pools[pool].group;
    int64_t amounts[DR_RESOURCE_COUNT];

    amounts_of(way, amounts);
    if (!has_consent(ledger, account, pool) ||
        !power_allows(ledger, pool, amounts[DR_RESOURCE_ACCELERATORS] / 1000))
        return 0;
    for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1) {
        int64_t risen = 0; /* of what is occupied, from below */

        if (firm && sums_of(ledger, account, group)->claim[i] + amounts[i] >
                        nation->accounts[account].guarantee[group] * each_of(i))
            return 0;
        for (uint32_t at = account; at != UINT32_MAX; at = nation->accounts[at].parent) {
            const struct ledger_sums *sums = sums_of(ledger, at, group);
            int64_t limit = limit_of(&nation->accounts[at], group) * each_of(i);
            int64_t occupied = occupied_of(ledger, at, group, i, amounts[i], risen);

            if (sums->claim[i] + amounts[i] > limit || sums->use[i] + amounts[i] > limit)
                return 0;
            if (at == 0 && occupied > nation->group_accelerators[group] * each_of(i))
                return 0;
            risen = occupied - sums->occupied[i];
        }
    }
    return 1;
}

/* ---- facts ---- */

static void node_changed(struct nation_ledger *ledger, uint32_t row, uint32_t before)
{
    uint32_t p = ledger->pool_of[row];
    struct ledger_pool *pool = &ledger->pools[p];
    uint32_t i = row - ledger->nation->pools[p].node_first;
    uint32_t after = ledger_free_of(&ledger->nodes[row]);

    if (before == after)
        return;
    pool->with[before][i / 64] &= ~(UINT64_C(1) << (i % 64));
    pool->with[after][i / 64] |= UINT64_C(1) << (i % 64);
    pool->free += (int64_t)after - (int64_t)before;
}

static const struct nation_shape *shape_of(const struct nation_ledger *ledger,
                                           const struct ledger_job *job)
{
    return &ledger->nation->shapes[job->shape];
}

void ledger_accept(struct nation_ledger *ledger, uint64_t id, const struct nation_job *job)
{
    if (id > ledger->jobs_max)
        nation_fail("more jobs than the bench has room for");
    ledger->jobs[id] = (struct ledger_job){.account = job->account,
                                           .shape = job->shape,
                                           .limit_us = job->limit_us,
                                           .priority = job->priority,
                                           .firm = job->firm,
                                           .state = LEDGER_PENDING};
    ledger->pending += 1;
}

static struct dr_extent *copy_of(const struct dr_extent *extents, uint32_t count)
{
    struct dr_extent *made = nation_zeroed(count, sizeof made[0]);

    memcpy(made, extents, count * sizeof made[0]);
    return made;
}

/* A whole gang, on nodes of the pool, inside what law, level and class say. */
static void check_parts(struct nation_ledger *ledger, uint64_t id, const struct ledger_job *job,
                        uint32_t p, uint32_t alternative, const struct dr_extent *extents,
                        uint32_t count)
{
    const struct nation *nation = ledger->nation;
    const struct nation_shape *shape = shape_of(ledger, job);
    const struct dr_alternative *way;
    uint64_t tasks = 0;

    if (p >= nation->pools_count || alternative >= shape->alternatives_count) {
        wrong(ledger, "job %llu in a pool or way that there is not", (unsigned long long)id);
        return;
    }
    way = &shape->alternatives[alternative];
    if ((shape->feasible[alternative][p / 64] >> (p % 64) & 1) == 0)
        wrong(ledger, "job %llu in pool %u, which chip, size or law forbid", (unsigned long long)id,
              p + 1);
    if (!has_consent(ledger, job->account, p))
        wrong(ledger, "job %llu in pool %u without consent", (unsigned long long)id, p + 1);
    for (uint32_t i = 0; i < count; i += 1) {
        uint32_t row = extents[i].node.v - 1;
        uint32_t each = way->accelerators_per_task / 1000;

        if (row >= nation->nodes_count || ledger->pool_of[row] != p) {
            wrong(ledger, "job %llu on a node of another pool", (unsigned long long)id);
            return;
        }
        tasks += extents[i].tasks;
        if ((uint32_t)__builtin_popcountll(extents[i].accelerators) != extents[i].tasks * each ||
            extents[i].accelerators >> NATION_PER_NODE != 0)
            wrong(ledger, "job %llu has other accelerators on node %u than its tasks ask",
                  (unsigned long long)id, row + 1);
        if (shape->level_kind == 2 &&
            (row - nation->pools[p].node_first) / shape->level_nodes !=
                (extents[0].node.v - 1 - nation->pools[p].node_first) / shape->level_nodes)
            wrong(ledger, "job %llu leaves its required %s", (unsigned long long)id, shape->level);
    }
    if (tasks != way->tasks)
        wrong(ledger, "job %llu has %llu of %u tasks", (unsigned long long)id,
              (unsigned long long)tasks, way->tasks);
}

static void hold(struct nation_ledger *ledger, uint64_t id, struct ledger_job *job, int sign)
{
    const struct nation *nation = ledger->nation;
    const struct nation_shape *shape = shape_of(ledger, job);
    const struct dr_alternative *way = &shape->alternatives[job->alternative];
    const struct nation_pool *about = &nation->pools[job->pool];
    int64_t accelerators = 0;

    for (uint32_t i = 0; i < job->extents_count; i += 1) {
        const struct dr_extent *extent = &job->extents[i];
        struct ledger_node *node = &ledger->nodes[extent->node.v - 1];
        uint32_t before = ledger_free_of(node);

        if (sign > 0 && ((node->busy & extent->accelerators) != 0 ||
                         (node->promised & extent->accelerators) != 0))
            wrong(ledger, "job %llu: an accelerator of node %u is given twice",
                  (unsigned long long)id, extent->node.v);
        if (sign > 0)
            node->busy = (uint8_t)(node->busy | extent->accelerators);
        else
            node->busy = (uint8_t)(node->busy & ~extent->accelerators);
        node->tasks = (uint16_t)(node->tasks + sign * (int32_t)extent->tasks);
        node->cpus_milli += sign * (int32_t)(way->cpus_per_task * extent->tasks);
        node->memory_mb += sign * (int32_t)(way->memory_mb_per_task * extent->tasks);
        if (sign > 0 && node->guard != 0 && node->guard != job->account + 1)
            wrong(ledger, "job %llu on node %u, which account %u shares with nobody",
                  (unsigned long long)id, extent->node.v, node->guard);
        if (ledger_guarded(shape)) {
            if (sign > 0 && node->guards == 0 && node->tasks > extent->tasks)
                wrong(ledger, "job %llu shares node %u against its data class",
                      (unsigned long long)id, extent->node.v);
            node->guards = (uint32_t)((int32_t)node->guards + sign);
            node->guard = node->guards > 0 ? job->account + 1 : 0;
        }
        if (node->cpus_milli > NATION_CPUS * 1000 || node->memory_mb > NATION_MEMORY_MB)
            wrong(ledger, "node %u has more CPUs or memory given than it has", extent->node.v);
        accelerators += __builtin_popcountll(extent->accelerators);
        node_changed(ledger, extent->node.v - 1, before);
    }
    ledger->site_w[about->site] +=
        sign * accelerators * (nation->chip_busy_w[about->chip] - nation->chip_idle_w[about->chip]);
    ledger->running += (uint64_t)(int64_t)sign;
    ledger->running_accelerators += (uint64_t)(sign * accelerators);
}

static void drop_promise(struct nation_ledger *ledger, struct ledger_job *job)
{
    if (job->promise == NULL)
        return;
    for (uint32_t i = 0; i < job->promise_count; i += 1) {
        struct ledger_node *node = &ledger->nodes[job->promise[i].node.v - 1];
        uint32_t before = ledger_free_of(node);

        node->promised = (uint8_t)(node->promised & ~job->promise[i].accelerators);
        node_changed(ledger, job->promise[i].node.v - 1, before);
    }
    charge(ledger, job->account, job->promise_pool,
           &shape_of(ledger, job)->alternatives[job->promise_alternative], 0, -1);
    free(job->promise);
    job->promise = NULL;
    job->promise_count = 0;
}

static void promised(struct nation_ledger *ledger, struct ledger_job *job,
                     const struct dr_fact_job_promised *fact)
{
    drop_promise(ledger, job);
    check_parts(ledger, fact->job, job, fact->pool - 1, fact->alternative, fact->extents,
                fact->extents_count);
    job->promise = copy_of(fact->extents, fact->extents_count);
    job->promise_count = fact->extents_count;
    job->promise_pool = (uint16_t)(fact->pool - 1);
    job->promise_alternative = (uint8_t)fact->alternative;
    for (uint32_t i = 0; i < job->promise_count; i += 1) {
        struct ledger_node *node = &ledger->nodes[job->promise[i].node.v - 1];
        uint32_t before = ledger_free_of(node);

        if ((node->promised & job->promise[i].accelerators) != 0)
            wrong(ledger, "job %llu is promised what another is", (unsigned long long)fact->job);
        node->promised = (uint8_t)(node->promised | job->promise[i].accelerators);
        node_changed(ledger, job->promise[i].node.v - 1, before);
    }
    charge(ledger, job->account, job->promise_pool,
           &shape_of(ledger, job)->alternatives[job->promise_alternative], 0, 1);
}

static void drop_reservation(struct nation_ledger *ledger, struct ledger_job *job)
{
    for (uint32_t i = 0; i < job->reserved_count; i += 1) {
        struct ledger_node *node = &ledger->nodes[job->reserved[i].node.v - 1];

        node->reservations -= 1;
        if (node->reservations == 0)
            node->reserved = 0;
    }
    free(job->reserved);
    job->reserved = NULL;
    job->reserved_count = 0;
}

static void reserved(struct nation_ledger *ledger, struct ledger_job *job,
                     const struct dr_fact_reservation_made *fact)
{
    drop_reservation(ledger, job);
    check_parts(ledger, fact->job, job, fact->pool - 1, fact->alternative, fact->extents,
                fact->extents_count);
    job->reserved = copy_of(fact->extents, fact->extents_count);
    job->reserved_count = fact->extents_count;
    for (uint32_t i = 0; i < job->reserved_count; i += 1) {
        struct ledger_node *node = &ledger->nodes[job->reserved[i].node.v - 1];

        if (node->reservations == 0 || fact->start_us < node->reserved_us)
            node->reserved_us = fact->start_us;
        node->reserved = (uint8_t)(node->reserved | job->reserved[i].accelerators);
        node->reservations += 1;
    }
    ledger->reservations_made += 1;
}

static void placed(struct nation_ledger *ledger, struct ledger_job *job,
                   const struct dr_fact_job_placed *fact)
{
    const struct nation_shape *shape = shape_of(ledger, job);
    uint32_t p = fact->pool - 1;
    uint32_t nodes = fact->extents_count;

    if (job->state != LEDGER_PENDING)
        wrong(ledger, "job %llu is placed though it does not wait", (unsigned long long)fact->job);
    check_parts(ledger, fact->job, job, p, fact->alternative, fact->extents, nodes);
    drop_promise(ledger, job);
    drop_reservation(ledger, job);
    if (!ledger_allows(ledger, job->account, p, &shape->alternatives[fact->alternative], job->firm))
        wrong(ledger, "job %llu is placed beyond a quota or a power cap",
              (unsigned long long)fact->job);
    if (nodes > 1) {
        const struct nation_pool *about = &ledger->nation->pools[p];
        uint32_t least = ledger_least_domains(ledger, p, NATION_BLOCK, nodes);
        uint32_t last = UINT32_MAX;

        ledger->gangs += least > 0;
        for (uint32_t i = 0; i < nodes && least > 0; i += 1) {
            uint32_t block = (fact->extents[i].node.v - 1 - about->node_first) / NATION_BLOCK;

            ledger->blocks += block != last;
            last = block;
        }
        ledger->blocks_least += least;
    }
    free(job->extents);
    job->extents = copy_of(fact->extents, nodes);
    job->extents_count = nodes;
    job->pool = (uint16_t)p;
    job->alternative = (uint8_t)fact->alternative;
    job->attempt = fact->attempt;
    job->state = LEDGER_RUNNING;
    job->counted = 1;
    for (uint32_t i = 0; i < nodes; i += 1)
        if (ledger->nodes[fact->extents[i].node.v - 1].off)
            wrong(ledger, "job %llu is placed on node %u, which is not up",
                  (unsigned long long)fact->job, fact->extents[i].node.v);
    job->size = shape->alternatives[fact->alternative].tasks *
                (shape->alternatives[fact->alternative].accelerators_per_task / 1000);
    hold(ledger, fact->job, job, 1);
    charge(ledger, job->account, p, &shape->alternatives[fact->alternative], 1, 1);
    ledger->pending -= 1;
}

static void ended(struct nation_ledger *ledger, struct ledger_job *job,
                  const struct dr_fact_attempt_ended *fact)
{
    const struct dr_alternative *way = &shape_of(ledger, job)->alternatives[job->alternative];

    if (job->state != LEDGER_RUNNING && job->state != LEDGER_LEAVING) {
        wrong(ledger, "job %llu ends though it does not run", (unsigned long long)fact->job);
        return;
    }
    charge(ledger, job->account, job->pool, way, -1, -(int)job->counted);
    job->counted = 0;
    hold(ledger, fact->job, job, -1);
    free(job->extents);
    job->extents = NULL;
    job->extents_count = 0;
    job->state = fact->next_state == DR_JOB_PENDING ? LEDGER_PENDING : LEDGER_ENDED;
    ledger->pending += job->state == LEDGER_PENDING;
}

/* Who was told to leave, or has a part on a node that is not up, counts in use alone. */
static void recount(struct nation_ledger *ledger, struct ledger_job *job)
{
    uint8_t counts = job->state == LEDGER_RUNNING;

    for (uint32_t i = 0; i < job->extents_count; i += 1)
        counts = counts && !ledger->nodes[job->extents[i].node.v - 1].off;
    if (counts == job->counted)
        return;
    charge(ledger, job->account, job->pool, &shape_of(ledger, job)->alternatives[job->alternative],
           0, counts - job->counted);
    job->counted = counts;
}

static int64_t *lifted_of(struct nation_ledger *ledger, uint32_t account, uint32_t group,
                          uint32_t resource)
{
    return &ledger
                ->lifted[((size_t)account * NATION_GROUPS + group) * DR_RESOURCE_COUNT + resource];
}

/* What was given to others while a node was drained stays theirs when it is resumed. */
static void lift(struct nation_ledger *ledger, const struct ledger_job *job)
{
    uint32_t group = ledger->nation->pools[job->pool].group;

    for (uint32_t at = job->account; at != UINT32_MAX; at = ledger->nation->accounts[at].parent)
        for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1)
            *lifted_of(ledger, at, group, i) = sums_of(ledger, at, group)->claim[i];
}

static void flagged(struct nation_ledger *ledger, const struct dr_fact_node_flags *fact)
{
    ledger->nodes[fact->node - 1].off = fact->drained || fact->down;
    for (uint32_t id = 1; id <= ledger->jobs_max; id += 1)
        for (uint32_t i = 0; i < ledger->jobs[id].extents_count; i += 1)
            if (ledger->jobs[id].extents[i].node.v == fact->node) {
                recount(ledger, &ledger->jobs[id]);
                lift(ledger, &ledger->jobs[id]);
            }
}

static uint64_t job_of(const struct dr_fact *fact)
{
    if (fact->kind == DR_FACT_JOB_PROMISED)
        return fact->job_promised.job;
    if (fact->kind == DR_FACT_PROMISE_DROPPED)
        return fact->promise_dropped.job;
    if (fact->kind == DR_FACT_RESERVATION_MADE)
        return fact->reservation_made.job;
    if (fact->kind == DR_FACT_RESERVATION_DROPPED)
        return fact->reservation_dropped.job;
    if (fact->kind == DR_FACT_JOB_PLACED)
        return fact->job_placed.job;
    if (fact->kind == DR_FACT_ATTEMPT_STARTED)
        return fact->attempt_started.job;
    if (fact->kind == DR_FACT_ATTEMPT_STOPPING)
        return fact->attempt_stopping.job;
    if (fact->kind == DR_FACT_ATTEMPT_ENDED)
        return fact->attempt_ended.job;
    if (fact->kind == DR_FACT_JOB_ENDED)
        return fact->job_ended.job;
    return 0;
}

void ledger_fact(struct nation_ledger *ledger, const struct dr_fact *fact)
{
    uint64_t id = job_of(fact);
    struct ledger_job *job = &ledger->jobs[id <= ledger->jobs_max ? id : 0];

    ledger->facts += 1;
    if (fact->kind == DR_FACT_NODE_FLAGS)
        flagged(ledger, &fact->node_flags);
    if (id == 0)
        return;
    if (job->state == LEDGER_NONE) {
        wrong(ledger, "a fact about job %llu, which there is not", (unsigned long long)id);
        return;
    }
    if (fact->kind == DR_FACT_JOB_PROMISED) {
        promised(ledger, job, &fact->job_promised);
    } else if (fact->kind == DR_FACT_PROMISE_DROPPED) {
        drop_promise(ledger, job);
    } else if (fact->kind == DR_FACT_RESERVATION_MADE) {
        reserved(ledger, job, &fact->reservation_made);
    } else if (fact->kind == DR_FACT_RESERVATION_DROPPED) {
        drop_reservation(ledger, job);
    } else if (fact->kind == DR_FACT_JOB_PLACED) {
        placed(ledger, job, &fact->job_placed);
    } else if (fact->kind == DR_FACT_ATTEMPT_STARTED) {
        job->start_us = fact->attempt_started.start_us;
    } else if (fact->kind == DR_FACT_ATTEMPT_STOPPING) {
        job->state = LEDGER_LEAVING;
        recount(ledger, job);
    } else if (fact->kind == DR_FACT_ATTEMPT_ENDED) {
        ended(ledger, job, &fact->attempt_ended);
    } else if (fact->kind == DR_FACT_JOB_ENDED && job->state == LEDGER_PENDING) {
        drop_promise(ledger, job);
        drop_reservation(ledger, job);
        job->state = LEDGER_ENDED;
        ledger->pending -= 1;
    }
    if (ledger->facts % CHECK_EACH == 0)
        ledger_check(ledger);
}

/* ---- all of it, afresh ---- */

/* Is an account beyond its limit, but for what a resumed node has lifted it to? That only falls. */
static int is_beyond(struct nation_ledger *ledger, uint32_t account, uint32_t group,
                     uint32_t resource)
{
    const struct ledger_sums *sums = sums_of(ledger, account, group);
    int64_t limit = limit_of(&ledger->nation->accounts[account], group) * each_of(resource);
    int64_t *lifted = lifted_of(ledger, account, group, resource);

    if (*lifted > sums->claim[resource])
        *lifted = sums->claim[resource];
    return sums->use[resource] > limit ||
           (sums->claim[resource] > limit && sums->claim[resource] > *lifted);
}

static void check_occupied(struct nation_ledger *ledger)
{
    const struct nation *nation = ledger->nation;
    int64_t *occupied = nation_zeroed(nation->accounts_count, sizeof occupied[0]);

    for (uint32_t g = 0; g < NATION_GROUPS; g += 1)
        for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1) {
            memset(occupied, 0, nation->accounts_count * sizeof occupied[0]);
            /* Children have higher rows than their parents. */
            for (uint32_t a = nation->accounts_count; a > 0; a -= 1) {
                const struct nation_account *account = &nation->accounts[a - 1];
                const struct ledger_sums *sums = sums_of(ledger, a - 1, g);
                int64_t value = a - 1 >= nation->leaf_first ? sums->claim[i] : occupied[a - 1];

                if (value < account->keep[g] * each_of(i))
                    value = account->keep[g] * each_of(i);
                if (is_beyond(ledger, a - 1, g, i))
                    wrong(ledger, "account %u is beyond its limit in group %u", a, g + 1);
                if (account->parent != UINT32_MAX)
                    occupied[account->parent] += value;
                else if (value > nation->group_accelerators[g] * each_of(i))
                    wrong(ledger, "group %u: %lld is occupied of %lld", g + 1, (long long)value,
                          (long long)(nation->group_accelerators[g] * each_of(i)));
            }
        }
    free(occupied);
}

void ledger_check(struct nation_ledger *ledger)
{
    const struct nation *nation = ledger->nation;
    size_t rows = (size_t)nation->accounts_count * NATION_GROUPS;
    struct ledger_sums *kept = ledger->sums;
    uint8_t *busy = nation_zeroed(nation->nodes_count, 1);

    ledger->checks += 1;
    ledger->sums = nation_zeroed(rows, sizeof ledger->sums[0]);
    sums_open(nation, ledger->sums);
    for (uint64_t id = 1; id <= nation->jobs_count && id <= ledger->jobs_max; id += 1) {
        const struct ledger_job *job = &ledger->jobs[id];
        const struct nation_shape *shape = shape_of(ledger, job);

        if (job->promise != NULL)
            charge(ledger, job->account, job->promise_pool,
                   &shape->alternatives[job->promise_alternative], 0, 1);
        if (job->extents == NULL)
            continue;
        charge(ledger, job->account, job->pool, &shape->alternatives[job->alternative], 1,
               job->counted);
        for (uint32_t i = 0; i < job->extents_count; i += 1) {
            uint32_t row = job->extents[i].node.v - 1;

            if ((busy[row] & job->extents[i].accelerators) != 0)
                wrong(ledger, "an accelerator of node %u is held twice", row + 1);
            busy[row] = (uint8_t)(busy[row] | job->extents[i].accelerators);
        }
    }
    if (memcmp(kept, ledger->sums, rows * sizeof kept[0]) != 0)
        wrong(ledger, "sums kept by facts and sums over live jobs differ");
    for (uint32_t row = 0; row < nation->nodes_count; row += 1)
        if (busy[row] != ledger->nodes[row].busy)
            wrong(ledger, "node %u: held accelerators differ", row + 1);
    for (uint32_t s = 0; s < nation->sites_count; s += 1)
        if (nation->sites[s].power_cap_w != 0 &&
            ledger->site_w[s] * nation->sites[s].pue_milli > nation->sites[s].power_cap_w * 1000)
            wrong(ledger, "site %u draws more than its cap", s + 1);
    free(ledger->sums);
    ledger->sums = kept;
    free(busy);
    check_occupied(ledger);
}
