/* SPDX-License-Identifier: Apache-2.0 */
/* Hunts for victims, pool by pool, and the promise. See reclaim.h; read dr_reclaim(). */
#include "core/reclaim.h"

#include "base/math.h"
#include "base/sort.h"
#include "core/backfill.h"
#include "core/fair.h"
#include "core/lent.h"
#include "core/power.h"
#include "core/quota.h"
#include "core/space.h"
#include "core/victim_sets.h"
#include "core/victims.h"
#include "core/window.h"

#define NONE DR_ROW_NONE

/* ---- one pool ---- */

/* Does this pool lend attempts to the hunt: its own, or with `whole_group` all of the main group?
 */
static int hunted(const struct dr_hunt *hunt, uint32_t row, int whole_group)
{
    const struct dr_core *core = hunt->core;
    enum dr_resource main = dr_resource_main(hunt->want.amounts.of[DR_RESOURCE_ACCELERATORS]);

    return row == hunt->pool.v - 1 ||
           (whole_group &&
            core->pools[row].groups[main].v == core->pools[hunt->pool.v - 1].groups[main].v);
}

void dr_reclaim_begin(struct dr_decision *decision)
{
    struct dr_core *core = decision->core;

    dr_victims_begin(decision);
    decision->own_units =
        dr_arena_push(&core->scratch, core->pools_count + 1u, sizeof decision->own_units[0]);
    DR_ASSERT(decision->own_units != NULL);
    memset(decision->own_units, 0, core->pools_count * sizeof decision->own_units[0]);
}

static void consider(struct dr_hunt *hunt, const struct dr_victim *victim)
{
    const struct dr_job *job = &hunt->core->jobs[victim->row];

    if ((hunt->fair != NULL && !dr_fair_has(hunt->fair, victim->account,
                                            (enum dr_resource)victim->main, victim->units)) ||
        !dr_lent_ripe(hunt->core, victim->row) || (hunt->fair != NULL && !victim->fair_ripe) ||
        dr_hunt_may_take(hunt, job) == DR_STOP_NONE)
        return;
    hunt->victims[hunt->count] = *victim;
    hunt->count += 1;
}

/* Those of one pool who may be taken. Whose account is within its guarantee is taken by priority
 * alone: by its own account, or from above. */
static void consider_all(struct dr_hunt *hunt, uint32_t pool)
{
    const struct dr_lent *lent = hunt->core->lent;
    int lent_alone = hunt->fair == NULL && !hunt->far_below;
    const struct dr_victims *victims;

    if (lent_alone && lent->units[pool] == 0)
        return;
    victims =
        lent_alone ? dr_victims_lent(hunt->decision, pool) : dr_victims_in(hunt->decision, pool);
    for (uint32_t i = 0; i < victims->count; i += 1) {
        const struct dr_victim *victim = &victims->first[i];

        if (!lent_alone || (lent->flags[victim->row] & DR_LENT_LENT) != 0)
            consider(hunt, victim);
    }
}

/* Those of its own account that nothing else lets be taken, in the pools that are hunted. */
static void consider_own(struct dr_hunt *hunt, int whole_group, int lent_too)
{
    const struct dr_core *core = hunt->core;

    for (uint32_t row = dr_place_attempts_of(core, hunt->job->account); row != NONE;
         row = dr_place_attempts_of_next(core, row))
        if (hunted(hunt, dr_job_run(core, &core->jobs[row])->pool.v - 1, whole_group) &&
            (lent_too || (core->lent->flags[row] & DR_LENT_LENT) == 0)) {
            struct dr_victim victim = dr_victims_one(core, row, hunt->decision->now_us);

            consider(hunt, &victim);
        }
}

static void find_leaving(struct dr_hunt *hunt, uint32_t pool)
{
    const struct dr_core *core = hunt->core;
    const struct dr_lent *lent = core->lent;

    for (uint32_t i = 0; lent->leaving[pool] != 0 && i < lent->leaves_count; i += 1) {
        if (dr_job_run(core, &core->jobs[lent->leaves[i]])->pool.v != pool + 1)
            continue;
        hunt->leaving[hunt->leaving_count] = lent->leaves[i];
        hunt->leaving_count += 1;
    }
}

/* Those who may be taken, and those who leave anyway: of the pool, or of all in its group. Who is
 * not within a guarantee takes from his own account alone, unless one above says otherwise. */
static void gather(struct dr_hunt *hunt, int whole_group, int guaranteed)
{
    struct dr_core *core = hunt->core;
    int everybody = guaranteed || hunt->far_below;
    uint32_t from = whole_group ? 0 : hunt->pool.v - 1;
    uint32_t to = whole_group ? core->pools_count : hunt->pool.v;
    size_t attempts = 0;

    for (uint32_t pool = from; pool < to; pool += 1)
        if (hunted(hunt, pool, whole_group))
            attempts += dr_place_attempts_count(core, (dr_pool_id){pool + 1});
    hunt->victims = dr_arena_push(&core->scratch, attempts + 1, sizeof hunt->victims[0]);
    hunt->leaving = dr_arena_push(&core->scratch, attempts + 1, sizeof hunt->leaving[0]);
    DR_ASSERT(hunt->victims != NULL && hunt->leaving != NULL);
    hunt->count = 0;
    hunt->leaving_count = 0;
    for (uint32_t pool = from; pool < to; pool += 1) {
        if (!hunted(hunt, pool, whole_group))
            continue;
        if (everybody)
            consider_all(hunt, pool);
        find_leaving(hunt, pool);
    }
    if (!everybody || (hunt->outranks && hunt->fair == NULL && !hunt->far_below))
        consider_own(hunt, whole_group, !everybody);
    if (whole_group || !everybody || hunt->outranks)
        dr_sort(hunt->victims, hunt->count, sizeof hunt->victims[0], dr_victims_compare, core);
}

/* When the job is believed to end, if it began when the last of those who leave, or may be told to,
 * has used up its grace. */
static int64_t believed_end_us(const struct dr_hunt *hunt)
{
    const struct dr_core *core = hunt->core;
    int64_t now_us = hunt->decision->now_us;
    int64_t begin_us = now_us;

    for (uint32_t i = 0; i < hunt->count; i += 1)
        begin_us = dr_max_i64(
            begin_us, now_us + dr_job_terms(core, &core->jobs[hunt->victims[i].row])->grace_us);
    for (uint32_t i = 0; i < hunt->leaving_count; i += 1)
        begin_us =
            dr_max_i64(begin_us, dr_job_run(core, &core->jobs[hunt->leaving[i]])->stop_until_us);
    return begin_us + dr_job_next_limit_us(core, hunt->job, hunt->want.alternative);
}

/* Advance reservations that would keep nodes from the job until then. */
static void heed_windows(struct dr_hunt *hunt)
{
    const struct dr_core *core = hunt->core;

    if (core->windows_count == 0)
        return;
    hunt->want.barred =
        dr_window_barring(core, hunt->pool, hunt->job->account, hunt->decision->now_us,
                          believed_end_us(hunt), &hunt->barred)
            ? &hunt->barred
            : NULL;
}

static void leave_or_return(struct dr_hunt *hunt, int sign)
{
    for (uint32_t i = 0; i < hunt->leaving_count; i += 1)
        dr_decision_think(hunt->core, hunt->leaving[i], sign);
}

/* What could be taken back in a pool, at most. */
static int64_t takeable_units(const struct dr_hunt *hunt, uint32_t pool_row, int guaranteed)
{
    const struct dr_lent *lent = hunt->core->lent;

    return lent->leaving[pool_row] + (guaranteed ? lent->units[pool_row] : 0) +
           hunt->decision->own_units[pool_row];
}

static int group_has_takeable(const struct dr_hunt *hunt, int guaranteed)
{
    for (uint32_t row = 0; row < hunt->core->pools_count; row += 1)
        if (hunted(hunt, row, 1) && takeable_units(hunt, row, guaranteed) > 0)
            return 1;
    return 0;
}

/* May there be victims enough? Refuses from sums alone (core/lent.h), and says by what the class is
 * to be met when there may be more. Units of jobs without accelerators don't add up with what is
 * free. */
static int worth_hunting(struct dr_hunt *hunt, int guaranteed)
{
    struct dr_decision *decision = hunt->decision;
    const struct dr_core *core = hunt->core;
    uint32_t pool = hunt->pool.v - 1;
    int64_t takeable = takeable_units(hunt, pool, guaranteed);

    if (guaranteed)
        decision->hunted |= DR_HUNTED_OTHERS;
    if (hunt->outranks)
        decision->hunted |= DR_HUNTED_OWN;
    if (hunt->far_below)
        return 1;
    if (hunt->want.accelerators > 0 && dr_space_free_milli(&core->places->spaces[pool]) + takeable -
                                               core->lent->leaving[pool] +
                                               dr_lent_left(core, pool) <
                                           hunt->units)
        return 0;
    if (takeable > 0)
        return 1;
    if (dr_place_room(core, &hunt->want, hunt->pool) < hunt->want.tasks ||
        dr_hunt_quota_allows(hunt))
        return 0;
    if (guaranteed)
        decision->hunted |= DR_HUNTED_GROUP;
    return (core->lent->units_all > 0 || core->lent->leaving_all > 0 || hunt->outranks) &&
           group_has_takeable(hunt, guaranteed);
}

/* Does that guarantee let it take too little where there is no room, by sums, and nothing else let
 * it take anything? */
static int too_few_for(const struct dr_hunt *hunt, dr_account_id guarantor)
{
    struct dr_core *core = hunt->core;
    uint32_t pool = hunt->pool.v - 1;
    int64_t lacks =
        hunt->units - dr_space_free_milli(&core->places->spaces[pool]) - dr_lent_left(core, pool);

    if (hunt->want.accelerators == 0 || hunt->outranks || hunt->far_below ||
        (lacks <= 0 && core->lent->leaving[pool] > 0))
        return 0;
    return dr_lent_to(core, hunt->pool, guarantor, &hunt->want.amounts) < dr_max_i64(1, lacks) &&
           dr_place_room(core, &hunt->want, hunt->pool) < hunt->want.tasks;
}

/* A quota alone is in the way, so that what is lent in the whole group helps. */
static int only_quota_refuses(struct dr_hunt *hunt)
{
    return dr_place_room(hunt->core, &hunt->want, hunt->pool) >= hunt->want.tasks &&
           !dr_hunt_quota_allows(hunt) &&
           dr_place_find(hunt->core, &hunt->want, hunt->pool, hunt->extents) > 0;
}

/* Within a guarantee or not: by the groups of one way, where those tell. */
static void look_within(struct dr_hunt *hunt)
{
    const struct dr_core *core = hunt->core;

    hunt->groups_count = dr_place_groups(core, hunt->job, hunt->groups);
    if (!dr_place_groups_tell(core, hunt->groups_count))
        hunt->groups_count = 0;
    for (uint32_t i = 0; i < hunt->groups_count; i += 1)
        hunt->within[i] = hunt->groups[i].alternative != hunt->want.alternative
                              ? (dr_account_id){0}
                              : dr_quota_guarantor(core, hunt->job->account, hunt->groups[i].pool,
                                                   &hunt->want.amounts);
}

/* The lowest account on its path within whose guarantee it is in the pool; id 0: none. */
static dr_account_id within(const struct dr_hunt *hunt)
{
    uint32_t group = dr_place_group_of(hunt->core, hunt->groups, hunt->groups_count, hunt->pool,
                                       hunt->want.alternative);

    return group != NONE ? hunt->within[group]
                         : dr_quota_guarantor(hunt->core, hunt->job->account, hunt->pool,
                                              &hunt->want.amounts);
}

/* May more be had for it in the pool than when it was refused: there, or where only quotas are in
 * the way in the whole group? */
static int rose_for(const struct dr_hunt *hunt)
{
    int in_group;

    return dr_seats_rose_since(hunt->core, hunt->pool, hunt->decision->since, &in_group) ||
           hunt->core->places->freed_at[hunt->pool.v - 1] > hunt->decision->since ||
           (in_group && dr_place_room(hunt->core, &hunt->want, hunt->pool) >= hunt->want.tasks);
}

static void hunt_in(struct dr_hunt *hunt, struct dr_hunt_plan *plan)
{
    struct dr_core *core = hunt->core;
    size_t mark = core->scratch.used;
    int kept = 0;
    dr_account_id guarantor = within(hunt);
    int guaranteed = guarantor.v != 0;

    if (hunt->decision->since != 0 && !rose_for(hunt))
        return;
    if (!guaranteed && !hunt->outranks && !hunt->far_below)
        return;
    /* A later start may lift a branch so far above its guarantee that priority may take from it. */
    if (hunt->far_below)
        dr_decision_doubt(hunt->decision);
    if (!worth_hunting(hunt, guaranteed) || too_few_for(hunt, guarantor))
        return;
    hunt->extents = dr_decision_extents(core, &hunt->want, hunt->pool);
    gather(hunt, 0, guaranteed);
    heed_windows(hunt);
    if (only_quota_refuses(hunt)) {
        gather(hunt, 1, guaranteed);
        heed_windows(hunt);
    }
    if (hunt->count == 0 && (hunt->leaving_count == 0 || !guaranteed)) {
        dr_arena_reset(&core->scratch, mark);
        return;
    }
    leave_or_return(hunt, 1);
    /* Where those who leave make no room, and there is nobody else, only what rises there helps. */
    hunt->decision->hunts +=
        hunt->count > 0 || dr_place_room(core, &hunt->want, hunt->pool) >= hunt->want.tasks;
    if (guaranteed && dr_hunt_fits(hunt))
        kept = dr_hunt_keep(hunt, plan); /* those who leave anyway are enough */
    else
        kept = dr_hunt_try_sets(hunt, plan);
    leave_or_return(hunt, -1);
    if (!kept)
        dr_arena_reset(&core->scratch, mark);
}

/* What is free in the pool, what leaves, and what may be had: are these too few accelerators? */
static int too_few(const struct dr_hunt *hunt)
{
    const struct dr_core *core = hunt->core;
    int64_t there = dr_space_free_milli(&core->places->spaces[hunt->pool.v - 1]) +
                    dr_lent_left(core, hunt->pool.v - 1);

    return hunt->want.accelerators > 0 &&
           there + dr_fair_units(hunt->fair, hunt->victims, hunt->count) < hunt->units;
}

/* By fair share. Where those who leave anyway are enough it waits for them. */
static void hunt_fairly_in(struct dr_hunt *hunt, struct dr_hunt_plan *plan)
{
    struct dr_core *core = hunt->core;
    size_t mark = core->scratch.used;
    int64_t end_us;
    int kept = 0;

    hunt->fair = dr_fair_ask(hunt->decision, hunt->job, hunt->pool, &hunt->want.amounts);
    /* What is reserved is in the way of who would end later all the more. */
    end_us = hunt->decision->now_us + dr_job_next_limit_us(core, hunt->job, hunt->want.alternative);
    if (hunt->fair == NULL ||
        !dr_backfill_quota_leaves(hunt->decision, hunt->job, &hunt->want, hunt->pool, end_us))
        return;
    hunt->extents = dr_decision_extents(core, &hunt->want, hunt->pool);
    gather(hunt, 0, 1);
    heed_windows(hunt);
    if (only_quota_refuses(hunt)) {
        gather(hunt, 1, 1);
        heed_windows(hunt);
    }
    if (hunt->count > 0 && !too_few(hunt)) {
        end_us = believed_end_us(hunt);
        if (dr_backfill_quota_leaves(hunt->decision, hunt->job, &hunt->want, hunt->pool, end_us)) {
            dr_backfill_block(hunt->decision, hunt->job, hunt->pool, end_us);
            leave_or_return(hunt, 1);
            if (!dr_hunt_fits(hunt))
                kept = dr_hunt_try_sets(hunt, plan);
            leave_or_return(hunt, -1);
            dr_backfill_unblock(hunt->decision, hunt->job, hunt->pool, end_us);
        }
    }
    if (!kept)
        dr_arena_reset(&core->scratch, mark);
}

/* ---- the promise ---- */

/* Do others hold accelerators of the place still? Of shares that is not asked. */
static int is_held(const struct dr_core *core, const struct dr_job *job,
                   const struct dr_found *found)
{
    if (dr_alternative_share(&core->shapes[job->shape].alternatives[found->alternative]) != 0)
        return 0;
    for (uint32_t i = 0; i < found->count; i += 1)
        if ((core->nodes[found->extents[i].node.v - 1].busy & found->extents[i].accelerators) != 0)
            return 1;
    return 0;
}

static int settle_plan(struct dr_decision *decision, const struct dr_choice *choice,
                       const struct dr_hunt_plan *plan)
{
    struct dr_core *core = decision->core;
    const struct dr_job *job = &core->jobs[choice->job_row];
    struct dr_fact fact;
    uint8_t cause = DR_STOP_NONE;

    if (decision->batch->effects_max - decision->batch->effects_count < plan->count + 4 ||
        !dr_batch_room(decision->batch, plan->found.count + 32 * plan->count)) {
        decision->full = decision->batch->facts_count > 0;
        return 0;
    }
    if (!dr_decision_room(decision, plan->found.count))
        return 0;
    if (dr_job_run(core, job)->reservation != NONE) {
        dr_backfill_drop(decision, choice->job_row, 0); /* the next one may reserve there */
        dr_backfill_forget(decision, choice->job_row);
    }
    for (uint32_t i = 0; i < plan->count; i += 1) {
        const struct dr_victim *victim = &plan->victims[i];
        const struct dr_job *taken = &core->jobs[victim->row];

        fact = dr_decision_fact(decision, DR_FACT_ATTEMPT_STOPPING);
        fact.attempt_stopping.job = taken->id.v;
        fact.attempt_stopping.attempt = dr_job_run(core, taken)->attempt;
        fact.attempt_stopping.cause = victim->cause;
        fact.attempt_stopping.for_job = job->id.v;
        fact.attempt_stopping.loss = victim->loss_us / DR_SECOND_US;
        fact.attempt_stopping.signal = dr_job_terms(core, taken)->warn_signal;
        fact.attempt_stopping.until_us = decision->now_us + dr_job_terms(core, taken)->grace_us;
        dr_settle(core, &fact, decision->batch);
        if (cause != DR_STOP_RECLAIM)
            cause = victim->cause;
    }
    fact = dr_decision_fact(decision, DR_FACT_JOB_PROMISED);
    fact.job_promised.job = job->id.v;
    fact.job_promised.pool = plan->found.pool.v;
    fact.job_promised.alternative = plan->found.alternative;
    fact.job_promised.cause = cause;
    fact.job_promised.until_us = plan->until_us;
    fact.job_promised.loss = plan->loss_us / DR_SECOND_US;
    fact.job_promised.victims = plan->count;
    fact.job_promised.share_milli =
        dr_alternative_share(&core->shapes[job->shape].alternatives[plan->found.alternative]);
    fact.job_promised.extents = plan->found.extents;
    fact.job_promised.extents_count = plan->found.count;
    dr_settle(core, &fact, decision->batch);
    /* Claims of those who leave; or a place that others have left by now. */
    if (plan->count > 0 || !is_held(core, job, &plan->found))
        decision->freed = 1;
    if (cause != DR_STOP_FAIR_SHARE &&
        cause != DR_STOP_ATTAINED) /* which is beside what others reserve */
        dr_backfill_displace(decision, choice->job_row, plan->found.pool, plan->found.extents,
                             plan->found.count, DR_FOREVER_US);
    for (uint32_t i = 0; i < plan->count; i += 1)
        dr_order_touch(&decision->order, core->jobs[plan->victims[i].row].account);
    return 1;
}

/* Does its own account run something of lower priority that may be taken one day? What may be taken
 * now is summed up per pool, with sign 1, or taken out of the sums again; `any_ripe`: there is
 * some.
 */
static int outranks_own(struct dr_decision *decision, const struct dr_job *job, int sign,
                        int *any_ripe)
{
    const struct dr_core *core = decision->core;
    int outranks = 0;

    *any_ripe = 0;

    for (uint32_t row = dr_place_attempts_of(core, job->account); row != NONE;
         row = dr_place_attempts_of_next(core, row)) {
        const struct dr_job *own = &core->jobs[row];

        if (own->priority >= job->priority || !dr_job_terms(core, own)->preemptible ||
            !dr_queue_outranks(core, job))
            continue;
        outranks = 1;
        if (!dr_lent_ripe(core, row))
            continue;
        *any_ripe = 1;
        decision->own_units[dr_job_run(core, own)->pool.v - 1] +=
            sign * dr_victims_units(core, own);
    }
    return outranks;
}

static int reaches_below(const struct dr_core *core, dr_account_id account)
{
    for (; account.v != 0; account = core->accounts[account.v - 1].parent)
        if (core->accounts[account.v - 1].preempt_below)
            return 1;
    return 0;
}

/* Of the pools in a set those of groups in which it is within a guarantee: as long as it takes from
 * nobody by priority, it hunts nowhere else. */
static void keep_within(const struct dr_hunt *hunt, struct dr_pool_set *pools)
{
    const struct dr_places *places = hunt->core->places;
    enum dr_resource main = dr_resource_main(hunt->want.amounts.of[DR_RESOURCE_ACCELERATORS]);
    struct dr_pool_set within = {{0}};

    if (hunt->outranks || hunt->far_below || hunt->groups_count == 0)
        return;
    for (uint32_t i = 0; i < hunt->groups_count; i += 1)
        if (hunt->within[i].v != 0) {
            dr_group_id group = hunt->core->pools[hunt->groups[i].pool.v - 1].groups[main];

            for (uint32_t word = 0; word < places->words; word += 1)
                within.words[word] |= places->of_group[group.v - 1].words[word];
        }
    for (uint32_t word = 0; word < places->words; word += 1)
        pools->words[word] &= within.words[word];
}

/* ... and, where it was refused before, those in which more may be had since; if only quotas may be
 * in the way, also those of a group in which that is so (rose_for()). */
static void keep_risen(const struct dr_hunt *hunt, struct dr_pool_set *pools)
{
    const struct dr_core *core = hunt->core;
    const struct dr_places *places = core->places;
    struct dr_pool_set near;

    if (hunt->decision->since == 0)
        return;
    dr_place_could(core, &hunt->want, &near, NULL);
    for (uint32_t word = 0; word < places->words; word += 1) {
        uint64_t risen = 0;

        for (uint32_t group = 0; near.words[word] != 0 && group < core->groups_count; group += 1)
            if (core->seats->risen_in[group] > hunt->decision->since)
                risen |= places->of_group[group].words[word];
        pools->words[word] &= places->risen_set.words[word] | places->touched_set.words[word] |
                              (near.words[word] & risen);
    }
}

/* In every pool, by every way to run the job. */
static void hunt_everywhere(const struct dr_hunt *about,
                            void (*hunt_here)(struct dr_hunt *, struct dr_hunt_plan *),
                            struct dr_hunt_plan *plan)
{
    struct dr_core *core = about->core;
    const struct dr_job *job = about->job;

    for (uint32_t i = 0; i < core->shapes[job->shape].alternatives_count; i += 1) {
        struct dr_hunt hunt = *about;
        struct dr_pool_set allowed;

        hunt.want = dr_place_want(core, job, i);
        hunt.units = dr_victims_units_of(&hunt.want.amounts);
        look_within(&hunt);
        dr_place_allowed(core, &hunt.want, &allowed);
        if (hunt_here == hunt_in) {
            keep_within(&hunt, &allowed);
            keep_risen(&hunt, &allowed);
        }
        for (uint32_t row = 0; row < core->pools_count; row += 1) {
            if (!dr_pool_set_has(&allowed, core->places->spaces[row].rank))
                continue;
            hunt.pool.v = row + 1;
            hunt.want.barred = NULL;
            hunt.fair = NULL;
            hunt_here(&hunt, plan);
        }
    }
}

int dr_reclaim_fairly(struct dr_decision *decision, const struct dr_choice *choice)
{
    struct dr_hunt hunt = {.decision = decision,
                           .core = decision->core,
                           .job = &decision->core->jobs[choice->job_row]};
    struct dr_hunt_plan plan = {.found = {.count = 0}};

    hunt_everywhere(&hunt, hunt_fairly_in, &plan);
    return plan.found.count > 0 && settle_plan(decision, choice, &plan);
}

/* Is it within some guarantee on its path, by some way, in some pool? */
static int within_anything(const struct dr_core *core, const struct dr_job *job)
{
    struct dr_place_group groups[DR_PLACE_GROUPS_MAX];
    uint32_t count = dr_place_groups(core, job, groups);

    if (!dr_place_groups_tell(core, count))
        return 1;
    for (uint32_t i = 0; i < count; i += 1) {
        struct dr_amounts amounts =
            dr_alternative_amounts(&core->shapes[job->shape].alternatives[groups[i].alternative]);

        if (dr_quota_guarantor(core, job->account, groups[i].pool, &amounts).v != 0)
            return 1;
    }
    return 0;
}

/* Nobody may be taken anywhere, or it may take nobody: says what worth_hunting() would say of every
 * pool, without looking at any. */
static int hunts_nobody(struct dr_decision *decision, const struct dr_hunt *hunt, int any_ripe)
{
    const struct dr_lent *lent = hunt->core->lent;
    int guaranteed;

    if (hunt->far_below || (hunt->outranks && any_ripe))
        return 0;
    guaranteed = within_anything(hunt->core, hunt->job);
    if (guaranteed && (lent->units_all > 0 || lent->leaving_all > 0))
        return 0;
    if (hunt->outranks)
        decision->hunted |= DR_HUNTED_OWN;
    if (guaranteed)
        decision->hunted |= DR_HUNTED_OTHERS | (decision->quota_refused ? DR_HUNTED_GROUP : 0);
    return 1;
}

/* Does its own account run something of lower priority that may be taken now? */
static int takes_own(const struct dr_core *core, const struct dr_job *job)
{
    for (uint32_t row = dr_place_attempts_of(core, job->account); row != NONE;
         row = dr_place_attempts_of_next(core, row))
        if (core->jobs[row].priority < job->priority && dr_lent_ripe(core, row))
            return 1;
    return 0;
}

int dr_reclaim_may(struct dr_core *core, const struct dr_job *job)
{
    if (core->settings.no_preemption)
        return 0;
    dr_lent_refresh(core);
    return reaches_below(core, job->account) || takes_own(core, job) ||
           ((core->lent->units_all > 0 || core->lent->leaving_all > 0) &&
            within_anything(core, job));
}

int dr_reclaim(struct dr_decision *decision, const struct dr_choice *choice)
{
    struct dr_core *core = decision->core;
    const struct dr_job *job = &core->jobs[choice->job_row];
    struct dr_hunt_plan plan = {.found = {.count = 0}};
    uint32_t hunts = decision->hunts;
    int any_ripe;
    struct dr_hunt hunt = {.decision = decision,
                           .core = core,
                           .job = job,
                           .outranks = outranks_own(decision, job, 1, &any_ripe),
                           .far_below =
                               dr_queue_outranks(core, job) && reaches_below(core, job->account)};

    dr_lent_refresh(core); /* what a start of this walk has made of its account */
    if (!hunts_nobody(decision, &hunt, any_ripe))
        hunt_everywhere(&hunt, hunt_in, &plan);
    outranks_own(decision, job, -1, &any_ripe);
    if (plan.found.count == 0 && decision->hunts > hunts)
        dr_decision_doubt(decision); /* another set may do, beside others that start */
    return plan.found.count > 0 && settle_plan(decision, choice, &plan);
}
