/* SPDX-License-Identifier: Apache-2.0 */
#include "why_oracle.h"

#include <stdlib.h>

#include "base/math.h"
#include "core/place.h"
#include "core/quota.h"
#include "core/rows.h"

#define NONE DR_ROW_NONE

/* ---- a copy of the state ---- */

struct bytes {
    uint8_t *data;
    size_t count;
    size_t max;
    size_t read;
};

static int bytes_write(void *context, const void *data, size_t count)
{
    struct bytes *bytes = context;

    if (bytes->count + count > bytes->max) {
        bytes->max = 2 * (bytes->count + count);
        bytes->data = realloc(bytes->data, bytes->max);
        assert_non_null(bytes->data);
    }
    memcpy(bytes->data + bytes->count, data, count);
    bytes->count += count;
    return 1;
}

static int bytes_read(void *context, void *data, size_t count)
{
    struct bytes *bytes = context;

    if (bytes->read + count > bytes->count)
        return 0;
    memcpy(data, bytes->data + bytes->read, count);
    bytes->read += count;
    return 1;
}

static struct dr_core *copy_of(const struct dr_core *core, struct bytes *bytes)
{
    struct dr_core *copy;

    if (bytes->count == 0)
        assert_int_equal(dr_core_save(core, bytes_write, bytes), DR_OK);
    bytes->read = 0;
    assert_int_equal(dr_core_open(&copy, &core->limits), DR_OK);
    assert_int_equal(dr_core_load(copy, bytes_read, bytes), DR_OK);
    return copy;
}

/* ---- without what the holds name ---- */

/* What somebody who is gone from a pool has in the sums of quotas: that stays. */
struct phantom {
    dr_account_id account;
    dr_pool_id pool;
    struct dr_amounts amounts;
    unsigned charges;
};

struct trial {
    struct dr_core *core;
    uint32_t row;   /* of the job */
    int beside_all; /* reservations stay, but for those in a pool that is emptied */
    struct phantom phantoms[256];
    uint32_t phantoms_count;
};

static struct dr_amounts amounts_of(const struct dr_core *core, const struct dr_job *job,
                                    uint32_t alternative)
{
    return dr_alternative_amounts(&core->shapes[job->shape].alternatives[alternative]);
}

static void leave_phantom(struct trial *trial, const struct dr_job *job, dr_pool_id pool,
                          uint32_t alternative, unsigned charges)
{
    assert_true(trial->phantoms_count < 256);
    if ((charges & DR_CHARGE_CLAIM) && !dr_job_terms(trial->core, job)->preemptible)
        charges |= DR_CHARGE_FIRM;
    trial->phantoms[trial->phantoms_count] =
        (struct phantom){job->account, pool, amounts_of(trial->core, job, alternative), charges};
    trial->phantoms_count += 1;
}

static void set_aside(struct dr_core *core, struct dr_job *job)
{
    job->state = DR_JOB_PENDING;
    job->held = 1;
    core->runs[job->run].promise = NONE;
    core->runs[job->run].reservation = NONE;
}

/* Terms are shared: it gets its own. */
static void set_terms(struct dr_core *core, struct dr_job *job, struct dr_terms terms)
{
    uint32_t before = job->terms;

    job->terms = dr_rows_terms_take(core, &terms);
    dr_rows_terms_drop(core, before);
}

/* Nobody holds anything in the pool, or is promised it; caps and reservations are what is looked at
 * next: caps are lifted there, and nobody has a reservation, anywhere. */
static void empty_pool(struct trial *trial, dr_pool_id pool)
{
    struct dr_core *core = trial->core;
    dr_site_id site = core->pools[pool.v - 1].site;

    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        struct dr_job *job = &core->jobs[row];
        struct dr_run *run = &core->runs[job->run];

        if (job->id.v == 0 || row == trial->row)
            continue;
        if (!trial->beside_all || run->reservation_pool.v == pool.v)
            run->reservation = NONE;
        if (run->promise != NONE && run->promise_pool.v == pool.v) {
            leave_phantom(trial, job, pool, run->promise_alternative, DR_CHARGE_CLAIM);
            set_aside(core, job);
        }
        if (run->extents != NONE && job->state != DR_JOB_PENDING &&
            !dr_job_state_ended((enum dr_job_state)job->state) && run->pool.v == pool.v) {
            leave_phantom(trial, job, pool, run->alternative,
                          DR_CHARGE_USE | (run->counted ? DR_CHARGE_CLAIM : 0));
            run->extents = NONE;
            set_aside(core, job);
        }
    }
    core->sites[site.v - 1].power_cap_w = 0;
    if (core->sites[site.v - 1].zone.v != 0)
        core->zones[core->sites[site.v - 1].zone.v - 1].power_cap_w = 0;
    core->grid_caps_count = 0;
}

static void raise_limit(struct trial *trial, const struct dr_hold *hold)
{
    struct dr_quota *quota = dr_quota_at(trial->core, hold->account, hold->group);
    int64_t missing = hold->needs - hold->limit;

    if (hold->firm) {
        quota->guarantee += missing;
        if (quota->lend < DR_FOREVER_US)
            quota->lend += missing; /* no more is held back than was */
    } else {
        quota->borrow += missing;
    }
}

static void call_off(struct dr_core *core, uint32_t window)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < core->windows_count; i += 1)
        if (core->windows[i].id != window) {
            core->windows[kept] = core->windows[i];
            kept += 1;
        }
    core->windows_count = kept;
}

static void relax(struct trial *trial, const struct dr_hold *hold)
{
    struct dr_core *core = trial->core;
    struct dr_job *job = &core->jobs[trial->row];
    struct dr_terms terms = *dr_job_terms(core, job);
    dr_site_id site;

    switch (hold->reason) {
    case DR_REASON_HELD:
        job->held = 0;
        core->runs[job->run].requeues = 0;
        return;
    case DR_REASON_BEGIN_TIME:
        terms.begin_us = 0;
        set_terms(core, job, terms);
        return;
    case DR_REASON_TARIFF:
        terms.deadline_us = 0;
        set_terms(core, job, terms);
        return;
    case DR_REASON_QUOTA:
        raise_limit(trial, hold);
        return;
    case DR_REASON_KEPT:
        for (uint32_t account = 1; account <= core->accounts_count; account += 1)
            dr_quota_at(core, (dr_account_id){account}, hold->group)->lend = DR_FOREVER_US;
        return;
    case DR_REASON_GUARANTEES_OF:
    case DR_REASON_CAPACITY:
    case DR_REASON_TOPOLOGY:
        empty_pool(trial, hold->pool);
        return;
    case DR_REASON_POWER:
        site = core->pools[hold->pool.v - 1].site;
        core->sites[site.v - 1].power_cap_w = 0;
        if (core->sites[site.v - 1].zone.v != 0)
            core->zones[core->sites[site.v - 1].zone.v - 1].power_cap_w = 0;
        core->grid_caps_count = 0;
        for (uint32_t row = 0; row < core->nodes_count; row += 1)
            core->nodes[row].drained |= core->nodes[row].off; /* they don't come back by that */
        return;
    case DR_REASON_RESERVATION:
        if (hold->window != 0) {
            call_off(core, hold->window);
            return;
        }
        core->runs[core->jobs[dr_job_find(core, hold->job).v].run].reservation = NONE;
        return;
    case DR_REASON_NONE:
    case DR_REASON_DEPENDENCY:
    case DR_REASON_ARRAY_LIMIT:
    case DR_REASON_NEVER:
    case DR_REASON_LAW:
    case DR_REASON_SITE_DOWN:
    case DR_REASON_RECLAIMING:
    case DR_REASON_DATA:
    case DR_REASON_PRIORITY:
        return;
    }
}

/* Other jobs that wait have no turn: those without a reservation are held, those with one are of a
 * full array. */
static void keep_others(struct trial *trial)
{
    struct dr_core *core = trial->core;

    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        struct dr_job *job = &core->jobs[row];

        if (job->id.v == 0 || row == trial->row || job->state != DR_JOB_PENDING ||
            dr_job_run(core, job)->promise != NONE)
            continue;
        if (dr_job_run(core, job)->reservation == NONE) {
            job->held = 1;
        } else {
            struct dr_terms terms = *dr_job_terms(core, job);

            terms.array_job = UINT64_MAX / 2 + row;
            terms.array_limit = 1;
            set_terms(core, job, terms);
        }
    }
    dr_core_index(core);
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        struct dr_job *job = &core->jobs[row];

        if (job->id.v != 0 && dr_job_terms(core, job)->array_job == UINT64_MAX / 2 + row)
            core->arrays[dr_row_map_find(&core->array_rows, dr_job_terms(core, job)->array_job)]
                .active = 1;
    }
    for (uint32_t i = 0; i < trial->phantoms_count; i += 1) {
        const struct phantom *phantom = &trial->phantoms[i];
        const struct dr_pool *pool = &core->pools[phantom->pool.v - 1];

        dr_quota_charge(core, phantom->account, phantom->pool, &phantom->amounts, phantom->charges,
                        1);
        for (uint32_t k = 0; k < DR_RESOURCE_COUNT && (phantom->charges & DR_CHARGE_CLAIM); k += 1)
            core->groups[pool->groups[k].v - 1].capacity += phantom->amounts.of[k];
    }
}

static int is_room(enum dr_reason reason)
{
    return reason == DR_REASON_GUARANTEES_OF || reason == DR_REASON_CAPACITY ||
           reason == DR_REASON_TOPOLOGY;
}

struct start {
    dr_pool_id pool; /* 0: there is none */
    uint32_t alternative;
    int overtaken; /* there is none, and somebody took what he was promised, which what has gone had
                      held as well: that can't be set aside, and may leave too little of a quota */
};

static int takes_a_promise(const struct dr_core *before, const struct dr_core *after)
{
    for (uint32_t row = 0; row < before->jobs_high; row += 1) {
        const struct dr_job *job = &before->jobs[row];

        if (job->id.v != 0 && dr_job_run(before, job)->promise != NONE &&
            job->state == DR_JOB_PENDING && after->jobs[row].state != DR_JOB_PENDING)
            return 1;
    }
    return 0;
}

/* Where it starts, once the holds whose bits are set have gone. */
static struct start start_of(const struct world *world, dr_job_id job, const struct dr_why *why,
                             unsigned bits, int beside_all, struct bytes *bytes)
{
    struct trial trial = {.core = copy_of(world->core, bytes), .beside_all = beside_all};
    static uint8_t facts[1 << 20];
    static struct dr_effect effects[4096];
    struct dr_batch batch = {.bytes = facts,
                             .bytes_max = sizeof facts,
                             .effects = effects,
                             .effects_max = DR_COUNT_OF(effects)};
    struct start start = {.pool = {0}};
    const struct dr_job *started;
    const struct dr_run *run;

    trial.row = dr_job_find(trial.core, job).v;
    for (uint32_t i = 0; i < why->holds_count; i += 1)
        if ((bits >> i) & 1)
            relax(&trial, &why->holds[i]);
    keep_others(&trial);
    (void)dr_decide(trial.core, world->now_us, &batch);
    /* Who is promised what others hold has not been let through: he has taken it. */
    started = &trial.core->jobs[trial.row];
    run = dr_job_run(trial.core, started);
    if (started->state != DR_JOB_PENDING && run->rule != DR_RULE_PROMISE)
        start = (struct start){.pool = run->pool, .alternative = run->alternative};
    else
        start.overtaken = takes_a_promise(world->core, trial.core);
    dr_core_close(trial.core);
    return start;
}

/* Is enough free there for it now? */
static int has_room(const struct dr_core *core, dr_job_id job, const struct start *start)
{
    struct dr_want want =
        dr_place_want(core, &core->jobs[dr_job_find(core, job).v], start->alternative);

    return dr_place_largest(core, &want, start->pool) >= want.tasks;
}

/* Does it start, once the holds whose bits are set have gone? */
static int starts(const struct world *world, dr_job_id job, const struct dr_why *why, unsigned bits,
                  struct bytes *bytes)
{
    struct start start = start_of(world, job, why, bits, 0, bytes);

    if (bits == (1u << why->holds_count) - 1)
        return start.pool.v != 0 || start.overtaken;
    if (start.pool.v == 0)
        return 0;
    /* Caps and reservations go with what a pool holds. That tells nothing of other pools, nor of a
     * way to run it that has room: it is caps and reservations that hold it there. */
    for (uint32_t i = 0; i < why->holds_count; i += 1) {
        if (((bits >> i) & 1) == 0 || !is_room(why->holds[i].reason))
            continue;
        if (why->holds[i].pool.v != start.pool.v)
            return start_of(world, job, why, bits, 1, bytes).pool.v != 0;
        if (has_room(world->core, job, &start))
            return 0;
    }
    return 1;
}

static int is_tried(const struct dr_core *core, const struct dr_why *why)
{
    const unsigned lifts = 1u << DR_REASON_CAPACITY | 1u << DR_REASON_TOPOLOGY |
                           1u << DR_REASON_GUARANTEES_OF | 1u << DR_REASON_POWER;
    unsigned seen = 0;

    for (uint32_t i = 0; i < why->holds_count; i += 1)
        seen |= 1u << why->holds[i].reason;
    if (seen & (1u << DR_REASON_DEPENDENCY | 1u << DR_REASON_ARRAY_LIMIT |
                1u << DR_REASON_RECLAIMING | 1u << DR_REASON_SITE_DOWN | 1u << DR_REASON_NEVER |
                1u << DR_REASON_LAW | 1u << DR_REASON_DATA))
        return 0;
    /* With caps lifted, nodes that are off come back: what is up counts anew, without phantoms. */
    for (uint32_t row = 0; (seen & lifts) && row < core->nodes_count; row += 1)
        if (core->nodes[row].off)
            return 0;
    return why->holds_count <= 6;
}

const char *why_oracle(const struct world *world, dr_job_id job, struct why_tally *tally)
{
    static char text[3000];
    struct bytes bytes = {.data = NULL};
    struct dr_why why;
    const char *says = NULL;

    dr_why(world->core, job, world->now_us, &why);
    for (uint32_t i = 0; i < why.holds_count; i += 1)
        tally->by_reason[why.holds[i].reason] += 1;
    if (!is_tried(world->core, &why))
        return NULL;
    tally->asked += 1;
    tally->several += why.holds_count > 1;
    for (unsigned bits = 0; bits < 1u << why.holds_count && says == NULL; bits += 1) {
        int all = bits == (1u << why.holds_count) - 1;

        tally->decided += 1;
        if (starts(world, job, &why, bits, &bytes) == all ||
            (why.holds_count == 1 && why.holds[0].reason == DR_REASON_PRIORITY))
            continue;
        dr_format(text, sizeof text,
                  "job %llu %s without %#x of its %u holds:", (unsigned long long)job.v,
                  all ? "does not start" : "starts", bits, why.holds_count);
        for (uint32_t i = 0; i < why.holds_count; i += 1)
            dr_format(text + strlen(text), sizeof text - strlen(text), " %s: %s;",
                      dr_reason_name(why.holds[i].reason), why.holds[i].text);
        says = text;
    }
    free(bytes.data);
    return says;
}
