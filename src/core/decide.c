/* SPDX-License-Identifier: Apache-2.0 */
/* dr_decide(): one decision, read downwards.
 *
 * What time or other jobs have settled already goes first (ends by deadline and limit, emptied
 * nodes); then jobs whose promised place is free; then the walk in the order of POLICY section 2.
 * A job that can't start steps aside with its whole class and never blocks another account. */
#include "core/decide.h"

#include "base/math.h"
#include "base/sort.h"
#include "core/admit.h"
#include "core/backfill.h"
#include "core/curtail.h"
#include "core/fair.h"
#include "core/leave.h"
#include "core/power.h"
#include "core/lent.h"
#include "core/quota.h"
#include "core/reclaim.h"
#include "core/slack.h"
#include "core/space.h"
#include "core/timer.h"
#include "core/window.h"

#define NONE         DR_ROW_NONE
#define RESTARTS_MAX 64 /* walks that begin again at once; from then on each goes to its end */
#define PASSES_MAX   (RESTARTS_MAX + 16) /* what is left then is for the next decision */

/* ---- settling ---- */

int dr_decision_room(struct dr_decision *decision, uint32_t extents)
{
    const struct dr_core *core = decision->core;

    if (!dr_batch_room(decision->batch, extents)) {
        decision->full = 1;
        return 0;
    }
    return core->extents_count + extents <= core->limits.extents_max;
}

void dr_decision_doubt(struct dr_decision *decision)
{
    decision->doubtful = 1;
    dr_seats_doubted(decision->core);
}

void dr_decision_near(struct dr_decision *decision)
{
    decision->near = 1;
    dr_seats_near_refused(decision->core);
}

struct dr_fact dr_decision_fact(const struct dr_decision *decision, enum dr_fact_kind kind)
{
    struct dr_fact fact;

    memset(&fact, 0, sizeof fact);
    fact.kind = kind;
    fact.time_us = decision->now_us;
    return fact;
}

int64_t dr_decision_end_us(const struct dr_decision *decision, const struct dr_job *job)
{
    const struct dr_run *run = dr_job_run(decision->core, job);
    int64_t end_us = job->state == DR_JOB_UNREACHABLE ? DR_FOREVER_US
                     : run->stopping != DR_STOP_NONE  ? run->stop_until_us
                                                      : dr_job_believed_end_us(decision->core, job);

    return dr_max_i64(decision->now_us, end_us);
}

/* The sums of an attempt alone: 1 adds them, -1 takes them away. */
static void charge(struct dr_core *core, uint32_t job_row, int sign)
{
    const struct dr_job *job = &core->jobs[job_row];
    struct dr_amounts holds = dr_job_holds(core, job);
    unsigned charges = DR_CHARGE_USE | DR_CHARGE_THOUGHT;

    if (dr_job_run(core, job)->counted)
        charges |= DR_CHARGE_CLAIM | (dr_job_terms(core, job)->preemptible ? 0 : DR_CHARGE_FIRM);
    dr_quota_charge(core, job->account, dr_job_run(core, job)->pool, &holds, charges, sign);
}

void dr_decision_think(struct dr_core *core, uint32_t job_row, int sign)
{
    charge(core, job_row, -sign);
    if (sign > 0)
        dr_place_view_release(core, job_row);
    else
        dr_place_view_retake(core, job_row);
}

struct dr_extent *dr_decision_extents(struct dr_core *core, const struct dr_want *want,
                                      dr_pool_id pool)
{
    struct dr_extent *extents =
        dr_arena_push(&core->scratch, dr_place_parts_max(core, want, pool), sizeof extents[0]);

    DR_ASSERT(extents != NULL);
    return extents;
}

void dr_decision_place(struct dr_decision *decision, uint32_t job_row, const struct dr_found *found,
                       enum dr_rule rule, const struct dr_choice *choice)
{
    struct dr_core *core = decision->core;
    const struct dr_job *job = &core->jobs[job_row];
    struct dr_fact fact = dr_decision_fact(decision, DR_FACT_JOB_PLACED);

    fact.job_placed.job = job->id.v;
    fact.job_placed.attempt = dr_job_run(core, job)->attempt + 1;
    fact.job_placed.pool = found->pool.v;
    fact.job_placed.alternative = found->alternative;
    fact.job_placed.rule = (uint8_t)rule;
    if (choice != NULL) {
        fact.job_placed.tier = choice->tier;
        fact.job_placed.keys = choice->keys;
        fact.job_placed.keys_count = choice->keys_count;
    }
    fact.job_placed.cost_micro = found->cost_micro;
    fact.job_placed.limit_us = dr_job_next_limit_us(core, job, found->alternative);
    fact.job_placed.factor = core->shapes[job->shape].alternatives[found->alternative].factor;
    fact.job_placed.share_milli =
        dr_alternative_share(&core->shapes[job->shape].alternatives[found->alternative]);
    fact.job_placed.extents = found->extents;
    fact.job_placed.extents_count = found->count;
    if (dr_job_run(core, job)->reservation != NONE) {
        dr_backfill_forget(decision, job_row);
        decision->freed = 1; /* what it kept from others, where it starts elsewhere or earlier */
    }
    dr_settle(core, &fact, decision->batch);
    dr_backfill_displace(decision, job_row, found->pool, found->extents, found->count,
                         decision->now_us + fact.job_placed.limit_us);
}

/* ---- what time has settled ---- */

static void end_pending(struct dr_decision *decision, uint32_t row, enum dr_job_state state)
{
    struct dr_fact fact = dr_decision_fact(decision, DR_FACT_JOB_ENDED);

    fact.job_ended.job = decision->core->jobs[row].id.v;
    fact.job_ended.state = (uint8_t)state;
    dr_settle(decision->core, &fact, decision->batch);
}

/* Deadlines that end jobs, attempts that their sites should have ended, and those that their jobs
 * want given up, since their sites do not answer. */
static void end_by_time(struct dr_decision *decision)
{
    struct dr_core *core = decision->core;

    for (;;) {
        uint32_t row = dr_timer_first(core);
        const struct dr_job *job;

        if (row == NONE || dr_timer_of(core, &core->jobs[row]) > decision->now_us)
            return;
        if (!dr_decision_room(decision, 0)) {
            decision->full = 1;
            return;
        }
        job = &core->jobs[row];
        if (job->state == DR_JOB_PENDING) {
            end_pending(decision, row, DR_JOB_DEADLINE);
        } else if (dr_job_run(core, job)->give_up_us != 0 &&
                   dr_job_run(core, job)->give_up_us <= decision->now_us) {
            dr_settle_given_up(core, row, decision->now_us, decision->batch);
        } else {
            struct dr_command system = {.kind = DR_COMMAND_TICK};
            enum dr_stop_cause cause =
                dr_job_terms(core, job)->deadline_ends &&
                        dr_job_terms(core, job)->deadline_us != 0 &&
                        dr_job_terms(core, job)->deadline_us <= decision->now_us
                    ? DR_STOP_DEADLINE
                    : DR_STOP_LIMIT;

            dr_settle_stop(core, row, cause, &system, decision->now_us,
                           dr_job_terms(core, job)->grace_us, decision->batch);
        }
        dr_settle_doomed(core, decision->now_us, decision->batch);
    }
}

static void remove_emptied(struct dr_decision *decision)
{
    struct dr_core *core = decision->core;

    for (;;) {
        uint32_t row;
        struct dr_fact fact = dr_decision_fact(decision, DR_FACT_NODE_FLAGS);

        dr_place_prepare(core);
        row = dr_place_emptied(core);
        if (row == NONE || !dr_decision_room(decision, 0))
            return;
        fact.reason = "it was to leave and is empty";
        fact.node_flags.node = row + 1;
        fact.node_flags.drained = 1;
        fact.node_flags.down = core->nodes[row].down;
        fact.node_flags.removed = 1;
        dr_settle(core, &fact, decision->batch);
    }
}

/* ---- promises ---- */

static void drop_promise(struct dr_decision *decision, uint32_t row, uint64_t by)
{
    struct dr_fact fact = dr_decision_fact(decision, DR_FACT_PROMISE_DROPPED);

    fact.promise_dropped.job = decision->core->jobs[row].id.v;
    fact.promise_dropped.by = by;
    dr_settle(decision->core, &fact, decision->batch);
    decision->freed = 1;
}

enum promised {
    PROMISED_FREE,      /* the place can be taken now */
    PROMISED_HELD,      /* others have not left yet */
    PROMISED_BROKEN,    /* it can't be taken any more */
    PROMISED_ELSEWHERE, /* others should have left, and another place is free */
};

/* Do attempts leave the accelerators of a promised part, or the share of one that it has? */
static int devices_free(const struct dr_core *core, const struct dr_extent *extent, uint32_t part)
{
    const struct dr_node *node = &core->nodes[extent->node.v - 1];
    uint32_t held;

    if (part == 0 || (node->busy & extent->accelerators) == 0)
        return (node->busy & extent->accelerators) == 0;
    held = core->device_shares[extent->node.v - 1][dr_bit_lowest(extent->accelerators)].held;
    return held != 0 && held + extent->tasks * part <= 1000;
}

static enum promised promised_place(const struct dr_decision *decision, uint32_t row,
                                    struct dr_found *found)
{
    struct dr_core *core = decision->core;
    const struct dr_job *job = &core->jobs[row];
    struct dr_want want = dr_place_want(core, job, dr_job_run(core, job)->promise_alternative);
    const struct dr_pool *pool = &core->pools[dr_job_run(core, job)->promise_pool.v - 1];
    enum promised state = PROMISED_FREE;

    if (!dr_place_feasible(core, &want, dr_job_run(core, job)->promise_pool) ||
        (core->windows_count > 0 &&
         dr_window_bars(
             core, dr_job_run(core, job)->promise_pool, job->account,
             dr_job_run(core, job)->promise, decision->now_us,
             decision->now_us +
                 dr_job_next_limit_us(core, job, dr_job_run(core, job)->promise_alternative))))
        return PROMISED_BROKEN;
    *found = (struct dr_found){
        .pool = dr_job_run(core, job)->promise_pool,
        .alternative = dr_job_run(core, job)->promise_alternative,
        .cost_micro = dr_place_cost(core, &want, dr_job_run(core, job)->promise_pool,
                                    dr_queue_limit_us(core, job), decision->now_us),
        .extents = dr_decision_extents(core, &want, dr_job_run(core, job)->promise_pool)};
    for (uint32_t at = dr_job_run(core, job)->promise; at != NONE; at = core->extents[at].next) {
        const struct dr_extent *extent = &core->extents[at].extent;
        const struct dr_node *node = &core->nodes[extent->node.v - 1];

        if (!dr_node_up(core, node) || node->removing)
            return PROMISED_BROKEN;
        /* cpus_used counts the promise itself. */
        if (!devices_free(core, extent, want.part) || node->cpus_used > (int64_t)pool->cpus ||
            node->memory_mb_used > pool->memory_mb)
            state = PROMISED_HELD;
        found->extents[found->count] = *extent;
        found->count += 1;
    }
    found->cost_micro += dr_place_span_cost(core, &want, found->pool, found->extents, found->count);
    /* The nodes are free, but something may have come between: somebody near whose class shares
     * with nobody, a lower limit, a lower cap. Others must not wait for ever for that to pass. */
    if (state == PROMISED_FREE &&
        (!dr_place_may_share(core, &want, found->pool, found->extents, found->count) ||
         dr_quota_check(core, job->account, found->pool, &want.amounts,
                        !dr_job_terms(core, job)->preemptible, &want.amounts)
                 .reason != DR_REASON_NONE ||
         dr_place_power_missing(core, &want, found->pool, NULL, 0, decision->now_us,
                                dr_power_until_us(core, job, found->alternative, decision->now_us),
                                NULL) > 0))
        return decision->now_us > dr_job_run(core, job)->promise_until_us ? PROMISED_BROKEN
                                                                          : PROMISED_HELD;
    return state;
}

/* ---- the walk ---- */

struct candidate {
    dr_pool_id pool;
    int64_t rank; /* by which simple placements go; else 0 */
    uint32_t alternative;
    int64_t cost_micro; /* of any place there, before what the place itself adds */
    int64_t free;       /* accelerators: the fuller pool first */
};

/* The search for the cheapest place: pools with room that were met so far and not tried yet. */
struct choosing {
    struct dr_decision *decision;
    uint32_t job_row;
    int displace;
    int64_t now_us;
    struct candidate *candidates;
    uint32_t count;
    struct dr_found *best;
    struct dr_found trial;
    uint32_t parts_max; /* of `trial` */
};

/* Does the first pool by rank have the job, whatever others cost? */
static int is_simple(const struct dr_core *core)
{
    return core->settings.placement == DR_PLACEMENT_FIRST_FIT ||
           core->settings.placement == DR_PLACEMENT_BEST_FIT;
}

static int64_t rank_of(const struct dr_core *core, dr_pool_id pool)
{
    return !is_simple(core) ? 0
           : core->settings.placement == DR_PLACEMENT_FIRST_FIT
               ? pool.v
               : core->pools[pool.v - 1].accelerators_free;
}

static int candidate_before(const struct candidate *x, const struct candidate *y)
{
    if (x->rank != y->rank)
        return x->rank < y->rank;
    if (x->cost_micro != y->cost_micro)
        return x->cost_micro < y->cost_micro;
    if (x->alternative != y->alternative)
        return x->alternative < y->alternative;
    if (x->free != y->free)
        return x->free < y->free;
    return x->pool.v < y->pool.v;
}

/* Take the first one out of the list. */
static struct candidate take_first(struct choosing *choosing)
{
    uint32_t first = 0;
    struct candidate taken;

    for (uint32_t i = 1; i < choosing->count; i += 1)
        if (candidate_before(&choosing->candidates[i], &choosing->candidates[first]))
            first = i;
    taken = choosing->candidates[first];
    choosing->count -= 1;
    choosing->candidates[first] = choosing->candidates[choosing->count];
    return taken;
}

/* Of two places for one job; at equal cost, by what they break. */
static int is_cheaper(const struct dr_found *found, const struct dr_found *best)
{
    if (found->cost_micro != best->cost_micro || found->alternative != best->alternative)
        return found->cost_micro < best->cost_micro;
    return found->breaks < best->breaks;
}

/* Look for a place in every pool met so far that may be cheaper than the best and than `bound`. */
static void try_candidates(struct choosing *choosing, int64_t bound_micro)
{
    struct dr_decision *decision = choosing->decision;
    struct dr_core *core = decision->core;
    const struct dr_job *job = &core->jobs[choosing->job_row];

    while (choosing->count > 0) {
        struct candidate candidate = take_first(choosing);
        struct dr_found *best = choosing->best;
        struct dr_found *found = &choosing->trial;
        struct dr_want want;
        uint32_t parts;

        if (candidate.cost_micro >= bound_micro) {
            choosing->candidates[choosing->count] = candidate;
            choosing->count += 1;
            return;
        }
        /* What is left costs no less even without what its place adds; as much may break less. */
        if (best->count > 0 &&
            (is_simple(core) || candidate.cost_micro >= best->cost_micro + dr_place_mixed(core))) {
            choosing->count = 0;
            return;
        }
        want = dr_place_want(core, job, candidate.alternative);
        parts = dr_place_parts_max(core, &want, candidate.pool);
        if (parts > choosing->parts_max) {
            found->extents = dr_decision_extents(core, &want, candidate.pool);
            choosing->parts_max = parts;
        }
        found->count = dr_backfill_find(decision, choosing->job_row, &want, candidate.pool,
                                        choosing->displace, found->extents);
        if (found->count == 0)
            continue;
        found->pool = candidate.pool;
        found->alternative = candidate.alternative;
        found->breaks =
            dr_place_breakage(core, &want, candidate.pool, found->extents, found->count);
        found->cost_micro =
            candidate.cost_micro +
            dr_place_span_cost(core, &want, candidate.pool, found->extents, found->count) +
            dr_place_breakage_cost(core, candidate.pool, found->breaks);
        if (best->count == 0 || is_cheaper(found, best)) {
            *best = *found;
            choosing->parts_max = 0;
        }
    }
}

/* Whether nobody may start in a pool any more: without backfill, where somebody waits for room. */
static int is_closed(const struct dr_decision *decision, dr_pool_id pool)
{
    return decision->closed != NULL && decision->closed[pool.v - 1];
}

static int quota_allows(const struct dr_core *core, const struct dr_job *job,
                        const struct dr_want *want, dr_pool_id pool)
{
    return dr_quota_check(core, job->account, pool, &want->amounts,
                          !dr_job_terms(core, job)->preemptible, NULL)
               .reason == DR_REASON_NONE;
}

/* Pools of the same three groups have the same verdict: the last one is remembered. */
struct verdict {
    const struct dr_pool *of;
    int allowed;
};

/* Do quotas refuse the job in every group that it may run in? 0: not, or that can't be told. */
static int quotas_refuse(const struct dr_core *core, const struct dr_job *job)
{
    struct dr_place_group groups[DR_PLACE_GROUPS_MAX];
    uint32_t count = dr_place_groups(core, job, groups);
    int firm = !dr_job_terms(core, job)->preemptible;

    if (!dr_place_groups_tell(core, count))
        return 0;
    for (uint32_t i = 0; i < count; i += 1) {
        struct dr_amounts amounts =
            dr_alternative_amounts(&core->shapes[job->shape].alternatives[groups[i].alternative]);

        if (dr_quota_check(core, job->account, groups[i].pool, &amounts, firm, NULL).reason ==
            DR_REASON_NONE)
            return 0;
    }
    return 1;
}

/* Is enough free for it in some pool that was opened after a moment? */
static int has_room(const struct dr_core *core, const struct dr_job *job, uint64_t since)
{
    for (uint32_t i = 0; i < core->shapes[job->shape].alternatives_count; i += 1) {
        struct dr_want want = dr_place_want(core, job, i);
        struct dr_place_walk walk;
        dr_pool_id pool;
        int64_t bound_micro;

        dr_place_walk(core, &want, 0, since != 0, &walk);
        while (dr_place_walk_next(&walk, &pool, &bound_micro))
            if (core->places->opened_at[pool.v - 1] > since &&
                dr_place_room(core, &want, pool) >= want.tasks)
                return 1;
    }
    return 0;
}

/* The cheapest place that is free now and that quotas, power and reservations allow; `displace`:
 * the reservations of those above their guarantee don't count. Only pools that were opened after
 * the moment `since`. Ties: alternative, the fuller pool, pool id. */
static int find_place(struct dr_decision *decision, uint32_t job_row, int displace, uint64_t since,
                      struct dr_found *best)
{
    struct dr_core *core = decision->core;
    const struct dr_job *job = &core->jobs[job_row];
    uint32_t ways = core->shapes[job->shape].alternatives_count;
    uint32_t sizes = core->shapes[job->shape].sizes;
    int64_t limit_us = dr_queue_limit_us(core, job);
    struct choosing choosing = {
        .decision = decision, .job_row = job_row, .displace = displace, .best = best};

    best->count = 0;
    if (quotas_refuse(core, job)) {
        decision->quota_refused |= has_room(core, job, since);
        return 0;
    }
    for (uint32_t i = 0; i < ways; i += 1) {
        struct dr_want want = dr_place_want(core, job, i);
        struct verdict verdict = {.of = NULL};
        int64_t power_until_us = dr_power_until_us(core, job, i, decision->now_us);
        struct dr_place_walk walk;
        dr_pool_id pool;
        int64_t bound_micro;

        dr_place_walk(core, &want, limit_us, since != 0, &walk);
        while (dr_place_walk_next(&walk, &pool, &bound_micro)) {
            const struct dr_pool *about = &core->pools[pool.v - 1];

            if (!is_simple(core)) {
                try_candidates(&choosing, bound_micro);
                if (best->count > 0 && bound_micro > best->cost_micro)
                    break;
            }
            if (core->places->opened_at[pool.v - 1] <= since || is_closed(decision, pool) ||
                dr_place_room(core, &want, pool) < want.tasks)
                continue;
            if (verdict.of == NULL || !dr_pool_same_groups(verdict.of, about)) {
                verdict.of = about;
                verdict.allowed = quota_allows(core, job, &want, pool);
            }
            decision->quota_refused |= !verdict.allowed;
            if (!verdict.allowed)
                continue; /* relief of a quota wakes it (core/seats.h) */
            if (dr_place_power_lacks(core, &want, pool, decision->now_us, power_until_us))
                continue; /* what draws less touches the pool */
            if (want.share < DR_SHARE_BLOCK &&
                (!dr_place_walk_beside(&walk, pool) ||
                 dr_place_room_beside(core, &want, pool) < want.tasks) &&
                dr_backfill_concerned(decision, job_row, &want, pool, displace)) {
                decision->blocked = 1;
                continue;
            }
            if (choosing.candidates == NULL) {
                choosing.candidates = dr_arena_push(&core->scratch, core->pools_count + 1u,
                                                    sizeof choosing.candidates[0]);
                DR_ASSERT(choosing.candidates != NULL);
            }
            choosing.candidates[choosing.count] = (struct candidate){
                .pool = pool,
                .rank = rank_of(core, pool),
                .alternative = i,
                .cost_micro = dr_place_cost(core, &want, pool, limit_us, decision->now_us),
                .free = about->accelerators_free};
            choosing.count += 1;
        }
        try_candidates(&choosing, INT64_MAX);
        /* Of an elastic job the largest size for which there is a place. */
        if (best->count > 0 && i + 1 < sizes)
            i = sizes - 1;
        if (best->count > 0 && is_simple(core))
            break;
    }
    return best->count > 0;
}

/* ---- promises, carried out ---- */

/* Who should have left has not: a place that is free now will do, as if nothing were promised. */
static int place_elsewhere(struct dr_decision *decision, uint32_t row, struct dr_found *found)
{
    struct dr_core *core = decision->core;
    const struct dr_job *job = &core->jobs[row];
    struct dr_want want = dr_place_want(core, job, dr_job_run(core, job)->promise_alternative);
    unsigned charges = DR_CHARGE_THOUGHT | DR_CHARGE_CLAIM |
                       (dr_job_terms(core, job)->preemptible ? 0 : DR_CHARGE_FIRM);
    int is_free;

    dr_quota_charge(core, job->account, dr_job_run(core, job)->promise_pool, &want.amounts, charges,
                    -1);
    decision->in_thought = 1;
    is_free = find_place(decision, row, 0, 0, found);
    decision->in_thought = 0;
    dr_quota_charge(core, job->account, dr_job_run(core, job)->promise_pool, &want.amounts, charges,
                    1);
    return is_free;
}

/* Those whose place is free. Returns how many started. */
static uint32_t place_free(struct dr_decision *decision)
{
    struct dr_core *core = decision->core;
    uint32_t row = dr_queue_first(core, DR_QUEUE_PROMISED);
    uint32_t started = 0;

    while (row != NONE) {
        uint32_t next = dr_queue_next(core, row);
        size_t mark = core->scratch.used;
        struct dr_found found = {0};
        enum promised state = promised_place(decision, row, &found);

        if (state == PROMISED_HELD &&
            decision->now_us > dr_job_run(core, &core->jobs[row])->promise_until_us &&
            place_elsewhere(decision, row, &found))
            state = PROMISED_ELSEWHERE;
        if (state != PROMISED_HELD && !dr_decision_room(decision, found.count))
            return 0;
        if (state == PROMISED_ELSEWHERE) {
            drop_promise(decision, row, 0);
            dr_decision_place(decision, row, &found, DR_RULE_ELSEWHERE, NULL);
        }
        if (state == PROMISED_BROKEN)
            drop_promise(decision, row, 0);
        if (state == PROMISED_FREE)
            dr_decision_place(decision, row, &found, DR_RULE_PROMISE, NULL);
        started += state == PROMISED_ELSEWHERE || state == PROMISED_FREE;
        dr_arena_reset(&core->scratch, mark);
        row = next;
    }
    return started;
}

/* What is promised counts in all caps to come; once it runs, in those that begin before it ends or
 * may be taken, so that there may be power for another. */
static void place_promised(struct dr_decision *decision)
{
    while (place_free(decision) > 0)
        ;
}

static int array_full(const struct dr_core *core, const struct dr_job *job)
{
    uint32_t row;

    if (dr_job_terms(core, job)->array_job == 0 || dr_job_terms(core, job)->array_limit == 0)
        return 0;
    row = dr_row_map_find(&core->array_rows, dr_job_terms(core, job)->array_job);
    return row != DR_MAP_NONE && core->arrays[row].active >= core->arrays[row].limit;
}

/* For who holds a reservation: the chips of pools in which something has come free after a moment,
 * or what others have reserved is less. */
static uint64_t again_since(const struct dr_core *core, uint64_t since)
{
    uint64_t room = 0;

    for (uint32_t row = 0; row < core->pools_count; row += 1)
        if (core->places->freed_at[row] > since ||
            dr_slack_rose_at(core, (dr_pool_id){row + 1}) > since)
            room |= DR_WANTS_AGAIN | dr_seats_chip_of(&core->pools[row]);
    return room;
}

/* What could be taken back in the pools, where it has become more after a moment: as bits of
 * `hunts`. */
static uint64_t hunts_since(struct dr_decision *decision, uint64_t since)
{
    struct dr_core *core = decision->core;
    uint64_t hunts = 0;

    for (uint32_t row = 0; row < core->pools_count; row += 1)
        if (core->places->left_at[row] > since || core->lent->rose_at[row] > since)
            hunts |= dr_seats_offer_hunts(core, (dr_pool_id){row + 1});
    return hunts;
}

/* Begin the order of those whom something may help that has come free since the last decision, and
 * of whoever has not been refused for lack of it; or go through it again for what is new. */
static void begin_order(struct dr_decision *decision)
{
    struct dr_core *core = decision->core;
    uint64_t since = decision->in_part ? decision->looked_at : core->places->untouched_at;
    struct dr_offers offers = {.looked_at = 0};
    struct dr_fits_offers fits;

    if (core->settings.no_backfill) {
        /* Who was refused before, and is not asked now, would keep nothing from others. */
        dr_seats_wake_all(core->seats);
        decision->in_part = 0;
    }
    dr_slack_refresh(core);
    fits = dr_fits_offer(core, since);
    offers.pools = (struct dr_wants){fits.room | again_since(core, since), 0, 0};
    if (!core->settings.no_preemption)
        offers.pools.hunts = hunts_since(decision, since);
    offers.lenient = fits.lenient;
    offers.looked_at = core->seats->clock;
    offers.fair = decision->fair != NULL && !decision->in_part;
    decision->looked_at = core->seats->clock;
    if (decision->asks_fresh)
        offers.pools.room |= DR_WANTS_FRESH;
    decision->asks_fresh = 0;
    if (core->settings.no_backfill) {
        decision->closed = dr_arena_push(&core->scratch, core->pools_count + 1u, 1);
        DR_ASSERT(decision->closed != NULL);
        memset(decision->closed, 0, core->pools_count);
    }
    if (decision->in_part) {
        dr_order_again(&decision->order, offers);
    } else {
        offers.pools.room |= core->seats->wake_all ? DR_WANTS_ALL : DR_WANTS_FRESH;
        dr_order_begin(core, offers, &decision->order);
    }
    decision->in_part = 1;
}

/* A flexible job with a deadline waits for cheaper hours, if it then still meets its deadline with
 * a margin (POLICY, section 7). What is free has no say in it, so that time alone ends the wait. */
static int waits_for_tariff(struct dr_decision *decision, const struct dr_job *job)
{
    int64_t later_us = dr_place_cheaper_us(decision->core, job, decision->now_us, NULL);

    if (later_us != 0)
        dr_power_wait(decision->core, later_us);
    return later_us != 0;
}

/* The job was refused: when is its class to be judged again? `before`: as it was judged. Where the
 * job has come to hold a reservation, or to hold none, it is in another class, which may have the
 * row of the old one. */
static void remember(struct dr_decision *decision, const struct dr_choice *choice,
                     uint64_t judged_at, const struct dr_queue_class *before)
{
    struct dr_core *core = decision->core;
    uint32_t class_row = core->jobs[choice->job_row].queue_class;

    if (class_row != choice->class_row && core->queue->classes[class_row].alone == 0)
        return; /* others may be in it */
    if (decision->open)
        dr_seats_wake(core, class_row);
    else if (decision->doubtful)
        dr_seats_doubt(core, class_row, judged_at);
    else
        dr_seats_park(core, class_row,
                      &(struct dr_refusal){
                          .before = before,
                          .vain = decision->hunted | (decision->near ? DR_NEAR : 0),
                          .judged_at = judged_at,
                          .in_part = choice->scope != DR_SCOPE_ALL,
                      });
}

/* Without backfill: the job found no room, and the pools that it may start in, by quota, are nobody
 * else's until it has started. Returns 1 when there is none left. */
static int close_pools(struct dr_decision *decision, uint32_t job_row)
{
    struct dr_core *core = decision->core;
    const struct dr_job *job = &core->jobs[job_row];
    uint32_t open = 0;

    for (uint32_t i = 0; i < core->shapes[job->shape].alternatives_count; i += 1) {
        struct dr_want want = dr_place_want(core, job, i);

        for (uint32_t row = 0; row < core->pools_count; row += 1)
            decision->closed[row] |=
                !decision->closed[row] && dr_place_feasible(core, &want, (dr_pool_id){row + 1}) &&
                dr_quota_path_allows(core, job->account, (dr_pool_id){row + 1}, &want.amounts,
                                     !dr_job_terms(core, job)->preemptible);
    }
    for (uint32_t row = 0; row < core->pools_count; row += 1)
        open += !decision->closed[row];
    return open == 0;
}

static void walk(struct dr_decision *decision)
{
    struct dr_core *core = decision->core;
    struct dr_choice choice;

    begin_order(decision);
    while (dr_order_next(&decision->order, &choice)) {
        size_t mark = core->scratch.used;
        const struct dr_job *job = &core->jobs[choice.job_row];
        enum dr_rule rule = dr_job_run(core, job)->reservation != NONE ? DR_RULE_RESERVATION
                            : choice.tier == 1                         ? DR_RULE_GUARANTEE
                                                                       : DR_RULE_SHARE;
        struct dr_queue_class before = core->queue->classes[choice.class_row];
        uint64_t now = core->seats->clock;
        uint32_t plans = decision->plans;
        struct dr_found found;

        decision->since = choice.scope != DR_SCOPE_ALL ? choice.judged_at : 0;
        decision->open = 0;
        decision->doubtful = 0;
        decision->hunted = 0;
        decision->near = 0;
        decision->blocked = 0;
        decision->quota_refused = 0;
        if (choice.scope == DR_SCOPE_FAIR) {
            if (!array_full(core, job) && !waits_for_tariff(decision, job))
                dr_fair(decision, &choice);
        } else if (array_full(core, job)) {
            dr_decision_open(decision);
            remember(decision, &choice, now, &before);
        } else if (waits_for_tariff(decision, job)) {
            dr_decision_open(decision); /* what it would save changes with every moment */
            remember(decision, &choice, now, &before);
        } else if (find_place(decision, choice.job_row, 0, decision->since, &found) ||
                   (choice.tier == 1 && decision->blocked &&
                    find_place(decision, choice.job_row, 1, decision->since, &found))) {
            if (rule != DR_RULE_RESERVATION && decision->reserved_of[found.pool.v - 1] != NONE)
                rule = DR_RULE_BACKFILL;
            if (dr_decision_room(decision, found.count))
                dr_decision_place(decision, choice.job_row, &found, rule, &choice);
        } else if (choice.scope == DR_SCOPE_FREED && decision->closed == NULL &&
                   (!decision->quota_refused ||
                    dr_wants_hunts(core->queue->classes[choice.class_row].wants) == 0)) {
            decision->hunted = DR_HUNTED_AGAIN; /* what could be taken is no more than it was */
            dr_backfill_reserve(decision, &choice);
            remember(decision, &choice, now, &before);
        } else if (core->settings.no_preemption ||
                   (!dr_reclaim(decision, &choice) && !dr_fair(decision, &choice))) {
            if (decision->closed == NULL)
                dr_backfill_reserve(decision, &choice);
            remember(decision, &choice, now, &before);
            if (decision->closed != NULL && close_pools(decision, choice.job_row))
                return;
        }
        if (decision->full)
            return;
        if (decision->plans == DR_PLANS_MAX && plans < DR_PLANS_MAX)
            dr_order_no_reservations(&decision->order);
        dr_order_passed(&decision->order);
        dr_arena_reset(&core->scratch, mark);
        /* The first in order is to have what came free, not the next one. */
        if (decision->freed && decision->passes < RESTARTS_MAX)
            return;
    }
}

/* Promises, then the walk. A start takes and frees nothing; where the walk frees something (a
 * reservation that is used or given up, claims of those who are told to leave), it begins again; so
 * it does at its end, where it refused somebody for a reason that a start has taken away since. */
static void once_through(struct dr_decision *decision)
{
    struct dr_core *core = decision->core;
    uint64_t rises;

    dr_arena_reset(&core->scratch, decision->kept);
    decision->passes += 1;
    decision->freed = 0;
    decision->plans = 0;
    core->seats->near_seq = 0;
    if (!decision->in_part || decision->asks_fresh)
        core->seats->doubt_seq = 0;
    dr_lent_refresh(core);
    rises = core->lent->rises;
    dr_backfill_begin(decision);
    dr_fair_begin(decision);
    if (!decision->full)
        place_promised(decision);
    if (!decision->full)
        walk(decision);
    dr_lent_refresh(core);
    if (!decision->full && dr_backfill_end(decision))
        decision->freed = 1;
    dr_slack_refresh(core);
    if ((core->seats->near_seq != 0 && core->seq > core->seats->near_seq) ||
        core->slack->rose_last > decision->looked_at || core->lent->rises != rises)
        decision->freed = 1;
    /* Those who were refused in doubt are fresh. */
    if (!decision->freed && core->seats->doubt_seq != 0 && core->seq > core->seats->doubt_seq) {
        decision->freed = 1;
        decision->asks_fresh = 1;
    }
    if (!decision->full && !decision->freed && dr_fair_end(decision)) {
        decision->freed = 1;
        decision->in_part = 0;
    }
}

int dr_decide(struct dr_core *core, int64_t now_us, struct dr_batch *batch)
{
    struct dr_decision decision = {.core = core, .batch = batch, .now_us = now_us};

    DR_ASSERT(now_us >= core->time_us);
    if (dr_power_advance(core, now_us)) {
        dr_place_touch_all(core);
        dr_seats_wake_all(core->seats);
        core->dirty = 1;
    }
    if (dr_queue_advance(core, now_us) == 0 && !core->dirty && core->doomed_count == 0 &&
        now_us < dr_curtail_next_us(core) && now_us < dr_window_next_us(core) &&
        (dr_timer_first(core) == NONE ||
         dr_timer_of(core, &core->jobs[dr_timer_first(core)]) > now_us))
        return 0;
    core->looks += 1;
    dr_arena_reset(&core->scratch, 0);
    core->seats->fair_seq = 0;
    dr_lent_advance(core, now_us);
    dr_settle_doomed(core, now_us, batch);
    if (core->doomed_count > 0)
        decision.full = 1;
    if (!decision.full)
        end_by_time(&decision);
    if (!decision.full)
        dr_window_settle(&decision);
    if (!decision.full) {
        dr_place_prepare(core);
        dr_curtail(&decision);
    }
    if (!decision.full)
        remove_emptied(&decision);
    if (!decision.full)
        decision.full = !dr_settle_leaving(core, now_us, batch);
    decision.freed = 1;
    dr_arena_reset(&core->scratch, 0);
    dr_reclaim_begin(&decision);
    decision.kept = core->scratch.used;
    while (decision.passes < PASSES_MAX && decision.freed && !decision.full) {
        once_through(&decision);
        if (!decision.freed && !decision.full)
            decision.freed = (uint8_t)dr_curtail_again(&decision);
    }
    if (!decision.full)
        dr_curtail_say(&decision);
    core->dirty = (uint8_t)(decision.full || decision.freed);
    if (!decision.full) {
        dr_place_untouch(core);
        dr_seats_settled(core);
    }
    if (!core->dirty)
        dr_rest_settle(core, now_us);
    return decision.full;
}

int64_t dr_core_next_time_us(const struct dr_core *core)
{
    uint32_t row = dr_timer_first(core);

    return dr_min_i64(dr_min_i64(dr_min_i64(dr_queue_next_time_us(core), dr_window_next_us(core)),
                                 dr_curtail_next_us(core)),
                      row == NONE ? DR_FOREVER_US : dr_timer_of(core, &core->jobs[row]));
}
