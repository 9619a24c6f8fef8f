/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of victims in one pool. See victim_sets.h; read dr_hunt_try_sets() first. */
#include "core/victim_sets.h"

#include "base/math.h"
#include "core/power.h"
#include "core/quota.h"
#include "core/reclaim.h"
#include "core/space.h"

#define NONE DR_ROW_NONE

/* ---- who may be taken ---- */

static int above(const struct dr_core *core, dr_account_id account, dr_group_id group)
{
    const struct dr_quota *quota = dr_quota_at(core, account, group);

    return quota->occupied > quota->guarantee;
}

int dr_reclaim_borrows(const struct dr_core *core, dr_pool_id pool,
                       const struct dr_amounts *amounts, const struct dr_job *victim,
                       dr_account_id top)
{
    struct dr_amounts holds = dr_job_holds(core, victim);

    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
        dr_group_id group = core->pools[pool.v - 1].groups[resource];
        dr_account_id at = victim->account;
        int all = amounts->of[resource] != 0 && holds.of[resource] != 0 &&
                  core->pools[dr_job_run(core, victim)->pool.v - 1].groups[resource].v == group.v;

        while (all) {
            all = above(core, at, group);
            if (at.v == top.v)
                break;
            at = core->accounts[at.v - 1].parent;
        }
        if (all)
            return 1;
    }
    return 0;
}

enum dr_stop_cause dr_hunt_may_take(const struct dr_hunt *hunt, const struct dr_job *victim)
{
    const struct dr_core *core = hunt->core;
    dr_account_id x;
    dr_account_id y;
    dr_account_id at;

    if (hunt->fair != NULL)
        return dr_fair_may_take(hunt->fair, victim);
    at = dr_account_common(core, hunt->job->account, victim->account, &x, &y);
    if (hunt->job->account.v != victim->account.v &&
        dr_quota_within_stated(core, x, hunt->pool, &hunt->want.amounts) &&
        dr_reclaim_borrows(core, hunt->pool, &hunt->want.amounts, victim, y))
        return DR_STOP_RECLAIM;
    if (victim->priority >= hunt->job->priority || !dr_queue_outranks(hunt->core, hunt->job))
        return DR_STOP_NONE;
    if (hunt->job->account.v == victim->account.v)
        return DR_STOP_PRIORITY;
    for (; at.v != 0; at = core->accounts[at.v - 1].parent)
        if (core->accounts[at.v - 1].preempt_below)
            return DR_STOP_PRIORITY;
    return DR_STOP_NONE;
}

/* Is a branch towards a victim that is gone in thought under its guarantee now? Judged by the
 * victim's accelerators; by its CPUs if it has none. */
static int pushed_under(const struct dr_hunt *hunt, const struct dr_job *victim)
{
    const struct dr_core *core = hunt->core;
    struct dr_amounts holds = dr_job_holds(core, victim);
    enum dr_resource main = dr_resource_main(holds.of[DR_RESOURCE_ACCELERATORS]);
    dr_group_id group = core->pools[dr_job_run(core, victim)->pool.v - 1].groups[main];
    dr_account_id x;
    dr_account_id y;

    if (hunt->job->account.v == victim->account.v)
        return 0;
    dr_account_common(core, hunt->job->account, victim->account, &x, &y);
    for (dr_account_id at = victim->account;; at = core->accounts[at.v - 1].parent) {
        const struct dr_quota *quota = dr_quota_at(core, at, group);

        if (quota->occupied < quota->guarantee)
            return 1;
        if (at.v == y.v)
            return 0;
    }
}

/* ---- thought: attempts leave and come back ---- */

static void choose(struct dr_hunt *hunt, struct dr_victim *victim, enum dr_stop_cause cause)
{
    victim->chosen = 1;
    victim->cause = (uint8_t)cause;
    dr_decision_think(hunt->core, victim->row, 1);
}

static void give_back(struct dr_hunt *hunt, struct dr_victim *victim)
{
    victim->chosen = 0;
    dr_decision_think(hunt->core, victim->row, -1);
}

static void give_all_back(struct dr_hunt *hunt)
{
    for (uint32_t i = 0; i < hunt->count; i += 1)
        if (hunt->victims[i].chosen)
            give_back(hunt, &hunt->victims[i]);
}

int dr_hunt_quota_allows(const struct dr_hunt *hunt)
{
    return dr_quota_check(hunt->core, hunt->job->account, hunt->pool, &hunt->want.amounts,
                          !dr_job_terms(hunt->core, hunt->job)->preemptible, NULL)
               .reason == DR_REASON_NONE;
}

int dr_hunt_fits(struct dr_hunt *hunt)
{
    if (dr_place_room(hunt->core, &hunt->want, hunt->pool) < hunt->want.tasks ||
        !dr_hunt_quota_allows(hunt))
        return 0;
    hunt->extents_count = dr_place_find(hunt->core, &hunt->want, hunt->pool, hunt->extents);
    return hunt->extents_count > 0 &&
           dr_place_power_missing(hunt->core, &hunt->want, hunt->pool, hunt->extents,
                                  hunt->extents_count, hunt->decision->now_us,
                                  dr_power_until_us(hunt->core, hunt->job, hunt->want.alternative,
                                                    hunt->decision->now_us),
                                  NULL) == 0;
}

/* ---- sets ---- */

/* Whose loss would leave him with less than who asks may be in no set that is taken by fair share.
 */
static int set_is_fair(struct dr_hunt *hunt)
{
    struct dr_core *core = hunt->core;
    int holds = 1;

    dr_quota_charge(core, hunt->job->account, hunt->pool, &hunt->want.amounts,
                    DR_CHARGE_CLAIM | DR_CHARGE_THOUGHT, 1);
    for (uint32_t i = 0; i < hunt->count && holds; i += 1)
        if (hunt->victims[i].chosen)
            holds = dr_fair_holds(hunt->fair, &core->jobs[hunt->victims[i].row]);
    dr_quota_charge(core, hunt->job->account, hunt->pool, &hunt->want.amounts,
                    DR_CHARGE_CLAIM | DR_CHARGE_THOUGHT, -1);
    return holds;
}

/* The chosen one of greatest loss that has not been tried: `before` limits by (loss, id). */
static struct dr_victim *dearest(const struct dr_hunt *hunt, const struct dr_victim *before)
{
    const struct dr_core *core = hunt->core;
    struct dr_victim *best = NULL;

    for (uint32_t i = 0; i < hunt->count; i += 1) {
        struct dr_victim *victim = &hunt->victims[i];

        if (!victim->chosen)
            continue;
        if (before != NULL && (victim->loss_us > before->loss_us ||
                               (victim->loss_us == before->loss_us &&
                                core->jobs[victim->row].id.v >= core->jobs[before->row].id.v)))
            continue;
        if (best == NULL || victim->loss_us > best->loss_us ||
            (victim->loss_us == best->loss_us &&
             core->jobs[victim->row].id.v > core->jobs[best->row].id.v))
            best = victim;
    }
    return best;
}

/* What is not needed, dearest first. Returns how many that were. */
static uint32_t give_needless_back(struct dr_hunt *hunt)
{
    uint32_t count = 0;

    for (struct dr_victim *victim = dearest(hunt, NULL); victim != NULL;
         victim = dearest(hunt, victim)) {
        enum dr_stop_cause cause = (enum dr_stop_cause)victim->cause;

        give_back(hunt, victim);
        count += 1;
        if (dr_hunt_fits(hunt))
            continue;
        choose(hunt, victim, cause);
        count -= 1;
    }
    return count;
}

/* Give back what is not needed; then check every condition on what is left, from the start. Leaves
 * the set chosen and the place in hunt->extents when it holds. */
static int settle_set(struct dr_hunt *hunt)
{
    uint8_t *chosen = dr_arena_push(&hunt->core->scratch, hunt->count + 1u, 1);

    DR_ASSERT(chosen != NULL);
    /* One of its own account whose class keeps others off, once given back, may let it come where
     * it could not before. */
    while (give_needless_back(hunt) > 0 && hunt->want.share >= DR_SHARE_NODE)
        ;
    for (uint32_t i = 0; i < hunt->count; i += 1)
        chosen[i] = hunt->victims[i].chosen;
    give_all_back(hunt);
    for (uint32_t i = 0; i < hunt->count; i += 1) {
        enum dr_stop_cause cause;

        if (!chosen[i])
            continue;
        cause = dr_hunt_may_take(hunt, &hunt->core->jobs[hunt->victims[i].row]);
        if (cause == DR_STOP_NONE)
            return 0;
        choose(hunt, &hunt->victims[i], cause);
    }
    return dr_hunt_fits(hunt);
}

/* When everybody whose place it takes has to be gone. */
static int64_t until_us(const struct dr_hunt *hunt)
{
    const struct dr_core *core = hunt->core;
    int64_t until = hunt->decision->now_us;

    for (uint32_t i = 0; i < hunt->count; i += 1)
        if (hunt->victims[i].chosen)
            until = dr_max_i64(until,
                               hunt->decision->now_us +
                                   dr_job_terms(core, &core->jobs[hunt->victims[i].row])->grace_us);
    for (uint32_t i = 0; i < hunt->leaving_count; i += 1) {
        const struct dr_job *job = &core->jobs[hunt->leaving[i]];

        for (uint32_t at = dr_job_run(core, job)->extents; at != NONE; at = core->extents[at].next)
            for (uint32_t k = 0; k < hunt->extents_count; k += 1)
                if (core->extents[at].extent.node.v == hunt->extents[k].node.v)
                    until = dr_max_i64(until, dr_job_run(core, job)->stop_until_us);
    }
    return until;
}

int dr_hunt_keep(struct dr_hunt *hunt, struct dr_hunt_plan *plan)
{
    struct dr_core *core = hunt->core;
    struct dr_hunt_plan set = {
        .found = {.pool = hunt->pool, .alternative = hunt->want.alternative}};
    int better;

    for (uint32_t i = 0; i < hunt->count; i += 1) {
        const struct dr_victim *victim = &hunt->victims[i];
        const struct dr_job *job = &core->jobs[victim->row];

        if (!victim->chosen)
            continue;
        set.count += 1;
        set.loss_us += victim->loss_us;
        set.units += victim->units;
        set.evicts |= !dr_victims_comes_back(core, job);
        if (pushed_under(hunt, job)) {
            if (victim->cause != DR_STOP_RECLAIM)
                return 0; /* priority and fair share never do that */
            set.under = 1;
        }
    }
    if (hunt->fair != NULL && !set_is_fair(hunt))
        return 0;
    if (plan->found.count == 0)
        better = 1;
    else if (set.under != plan->under)
        better = set.under < plan->under;
    else if (set.evicts != plan->evicts)
        better = set.evicts < plan->evicts;
    else if (set.loss_us != plan->loss_us)
        better = set.loss_us < plan->loss_us;
    else if (set.units != plan->units)
        better = set.units < plan->units;
    else
        better = set.count < plan->count;
    if (!better)
        return 0;
    set.found.count = hunt->extents_count;
    set.found.extents = dr_decision_extents(core, &hunt->want, hunt->pool);
    memcpy(set.found.extents, hunt->extents, hunt->extents_count * sizeof hunt->extents[0]);
    set.victims = dr_arena_push(&core->scratch, set.count + 1u, sizeof set.victims[0]);
    DR_ASSERT(set.victims != NULL);
    set.count = 0;
    for (uint32_t i = 0; i < hunt->count; i += 1)
        if (hunt->victims[i].chosen) {
            set.victims[set.count] = hunt->victims[i];
            set.count += 1;
        }
    set.until_us = until_us(hunt);
    *plan = set;
    return 1;
}

/* Units that it lacks beside what is free. */
static int64_t missing_units(const struct dr_hunt *hunt)
{
    return hunt->want.accelerators == 0
               ? hunt->units
               : hunt->units - 1000 * dr_place_free(hunt->core, hunt->pool);
}

/* Sets (a) and (c): in order, until the job fits. `any_larger`: for their size some were left out.
 */
static int walk(struct dr_hunt *hunt, int all_sizes, int *any_larger)
{
    int64_t missing = missing_units(hunt);

    *any_larger = 0;
    for (uint32_t i = 0; i < hunt->count; i += 1) {
        struct dr_victim *victim = &hunt->victims[i];
        enum dr_stop_cause cause;

        if (!all_sizes && victim->units > (missing > 0 ? missing : hunt->units)) {
            *any_larger = 1;
            continue;
        }
        cause = dr_hunt_may_take(hunt, &hunt->core->jobs[victim->row]);
        if (cause == DR_STOP_NONE)
            continue;
        choose(hunt, victim, cause);
        missing -= victim->units;
        if (dr_hunt_fits(hunt))
            return 1;
    }
    return 0;
}

/* Who has less than this is not enough alone. Where accelerators are shared, more may come free
 * than somebody has. */
static int64_t least_units(const struct dr_hunt *hunt)
{
    const struct dr_space *space = &hunt->core->places->spaces[hunt->pool.v - 1];

    return hunt->want.accelerators == 0 || space->share_uses != NULL ? 0 : missing_units(hunt);
}

/* Set (b): the one of least loss with which it fits. */
static int single(struct dr_hunt *hunt)
{
    int64_t least = least_units(hunt);
    struct dr_victim *best = NULL;
    enum dr_stop_cause best_cause = DR_STOP_NONE;

    for (uint32_t i = 0; i < hunt->count; i += 1) {
        struct dr_victim *victim = &hunt->victims[i];
        enum dr_stop_cause cause;

        /* Order of loss per unit: equal loss keeps the first. */
        if (victim->units < least || (best != NULL && victim->loss_us >= best->loss_us))
            continue;
        cause = dr_hunt_may_take(hunt, &hunt->core->jobs[victim->row]);
        if (cause == DR_STOP_NONE)
            continue;
        choose(hunt, victim, cause);
        if (dr_hunt_fits(hunt)) {
            best = victim;
            best_cause = cause;
        }
        give_back(hunt, victim);
    }
    if (best == NULL)
        return 0;
    choose(hunt, best, best_cause);
    return dr_hunt_fits(hunt);
}

int dr_hunt_try_sets(struct dr_hunt *hunt, struct dr_hunt_plan *plan)
{
    int kept = 0;
    int any_larger;

    if (walk(hunt, 0, &any_larger) && settle_set(hunt))
        kept |= dr_hunt_keep(hunt, plan);
    give_all_back(hunt);
    if (single(hunt))
        kept |= dr_hunt_keep(hunt, plan);
    give_all_back(hunt);
    /* Where nobody was too large for (a), (c) is the same. */
    if (any_larger && walk(hunt, 1, &any_larger) && settle_set(hunt))
        kept |= dr_hunt_keep(hunt, plan);
    give_all_back(hunt);
    return kept;
}
