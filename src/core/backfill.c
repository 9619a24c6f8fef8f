/* SPDX-License-Identifier: Apache-2.0 */
/* Reservations that others have, and starting beside them. See backfill.h; read dr_backfill_find().
 * When and where a new one is: backfill_plan.c. */
#include "core/backfill.h"

#include "base/math.h"
#include "base/sort.h"
#include "core/ends.h"
#include "core/pledges.h"
#include "core/power.h"
#include "core/quota.h"
#include "core/seats.h"
#include "core/slack.h"
#include "core/space.h"
#include "core/window.h"

#define NONE DR_ROW_NONE

/* ---- the list of one decision ---- */

/* Was the reservation within guarantee, and is not any more? Then others may displace it. */
static int loses_guarantee(struct dr_core *core, uint32_t row)
{
    struct dr_job *job = &core->jobs[row];
    struct dr_run *run = &core->runs[job->run];
    struct dr_want want = dr_place_want(core, job, run->reservation_alternative);
    int was_guaranteed = run->guaranteed;

    run->guaranteed =
        (uint8_t)dr_quota_branch_within(core, job->account, run->reservation_pool, &want.amounts);
    if (!was_guaranteed || run->guaranteed)
        return 0;
    dr_place_unreserved(core, run->reservation_pool);
    return 1;
}

int dr_backfill_end(struct dr_decision *decision)
{
    int lost = 0;

    for (uint32_t i = 0; i < decision->reserved_count; i += 1)
        if (decision->reserved[i].alive &&
            loses_guarantee(decision->core, decision->reserved[i].row))
            lost = 1;
    return lost;
}

void dr_backfill_enlist(struct dr_decision *decision, uint32_t row)
{
    struct dr_core *core = decision->core;
    const struct dr_job *job = &core->jobs[row];
    struct dr_reserved *reserved = &decision->reserved[decision->reserved_count];
    uint32_t *first = &decision->reserved_of[dr_job_run(core, job)->reservation_pool.v - 1];

    DR_ASSERT(decision->reserved_count < decision->reserved_max);
    *reserved = (struct dr_reserved){.row = row,
                                     .pool = dr_job_run(core, job)->reservation_pool,
                                     .start_us = dr_job_run(core, job)->reservation_us,
                                     .branch = dr_account_branch(core, job->account),
                                     .alive = 1,
                                     .next = *first};
    *first = decision->reserved_count;
    decision->reserved_count += 1;
    if (decision->pledges != NULL && decision->pledges->known)
        dr_pledges_add(core, decision->pledges, job, 1);
    loses_guarantee(core, row);
}

struct dr_pledges *dr_backfill_pledges(struct dr_decision *decision)
{
    struct dr_core *core = decision->core;
    struct dr_pledges *pledges = decision->pledges;

    if (pledges->known)
        return pledges;
    dr_pledges_clear(core, pledges);
    for (uint32_t at = 0; at < decision->reserved_count; at += 1)
        if (decision->reserved[at].alive)
            dr_pledges_add(core, pledges, &core->jobs[decision->reserved[at].row], 1);
    pledges->known = 1;
    return pledges;
}

void dr_backfill_forget(struct dr_decision *decision, uint32_t row)
{
    for (uint32_t pool = 0; pool < decision->core->pools_count; pool += 1)
        for (uint32_t *link = &decision->reserved_of[pool]; *link != NONE;
             link = &decision->reserved[*link].next)
            if (decision->reserved[*link].row == row) {
                decision->reserved[*link].alive = 0;
                *link = decision->reserved[*link].next;
                decision->pledges->known = 0; /* it may be gone by now: added up anew */
                return;
            }
}

void dr_backfill_drop(struct dr_decision *decision, uint32_t row, uint64_t by)
{
    struct dr_fact fact = dr_decision_fact(decision, DR_FACT_RESERVATION_DROPPED);

    fact.reservation_dropped.job = decision->core->jobs[row].id.v;
    fact.reservation_dropped.by = by;
    dr_settle(decision->core, &fact, decision->batch);
    decision->freed = 1;
}

/* Do advance reservations keep its nodes from the job, now that it would start then? */
static int cut_through(const struct dr_core *core, const struct dr_job *job, int64_t now_us)
{
    int64_t from_us = dr_max_i64(now_us, dr_job_run(core, job)->reservation_us);

    return dr_window_bars(
        core, dr_job_run(core, job)->reservation_pool, job->account,
        dr_job_run(core, job)->reservation, from_us,
        from_us + dr_job_next_limit_us(core, job, dr_job_run(core, job)->reservation_alternative));
}

/* `nodes`: its nodes may have gone. */
static int still_holds(const struct dr_core *core, const struct dr_job *job, int64_t now_us,
                       int nodes)
{
    struct dr_want want = dr_place_want(core, job, dr_job_run(core, job)->reservation_alternative);

    if (!dr_place_feasible(core, &want, dr_job_run(core, job)->reservation_pool) ||
        dr_quota_never(core, job->account, dr_job_run(core, job)->reservation_pool, &want.amounts,
                       !dr_job_terms(core, job)->preemptible) ||
        (core->windows_count > 0 && cut_through(core, job, now_us)))
        return 0;
    for (uint32_t at = dr_job_run(core, job)->reservation; nodes && at != NONE;
         at = core->extents[at].next) {
        const struct dr_node *node = &core->nodes[core->extents[at].extent.node.v - 1];

        if (!dr_node_up(core, node) || node->removing)
            return 0;
    }
    return 1;
}

static int compare_rows(const void *a, const void *b, const void *context)
{
    const struct dr_core *core = context;
    uint64_t x = core->jobs[*(const uint32_t *)a].id.v;
    uint64_t y = core->jobs[*(const uint32_t *)b].id.v;

    return x < y ? -1 : x > y;
}

void dr_backfill_begin(struct dr_decision *decision)
{
    struct dr_core *core = decision->core;
    uint32_t depth = core->settings.reserve_depth;
    uint32_t count = 0;
    uint32_t *rows;
    uint64_t version = core->federation_version + core->node_words + 1;
    int nodes = core->places->held_version != version;

    dr_place_prepare(core);
    for (uint32_t at = dr_queue_reserved_first(core); at != NONE;
         at = dr_queue_reserved_next(core, at))
        count += 1;
    rows = dr_arena_push(&core->scratch, count + 1u, sizeof rows[0]);
    /* Each may be given an earlier one once. */
    decision->reserved_max = 2 * count + core->pools_count * depth;
    decision->reserved = dr_arena_push(&core->scratch, (size_t)decision->reserved_max + 1,
                                       sizeof decision->reserved[0]);
    decision->reserved_of =
        dr_arena_push(&core->scratch, core->pools_count + 1u, sizeof decision->reserved_of[0]);
    DR_ASSERT(rows != NULL && decision->reserved != NULL && decision->reserved_of != NULL);
    decision->reserved_count = 0;
    decision->pledges = dr_pledges_new(core);
    for (uint32_t pool = 0; pool < core->pools_count; pool += 1)
        decision->reserved_of[pool] = NONE;
    count = 0;
    for (uint32_t at = dr_queue_reserved_first(core); at != NONE;
         at = dr_queue_reserved_next(core, at)) {
        rows[count] = at;
        count += 1;
    }
    dr_sort(rows, count, sizeof rows[0], compare_rows, core);
    for (uint32_t i = 0; i < count; i += 1) {
        if (still_holds(core, &core->jobs[rows[i]], decision->now_us, nodes)) {
            dr_backfill_enlist(decision, rows[i]);
            if (decision->now_us >
                dr_job_run(core, &core->jobs[rows[i]])->reservation_us + DR_RESERVATION_LATE_US)
                dr_seats_wake(core, core->jobs[rows[i]].queue_class);
            continue;
        }
        if (!dr_decision_room(decision, 0))
            return;
        dr_backfill_drop(decision, rows[i], 0);
    }
    core->places->held_version = version;
}

/* ---- what others may not touch ---- */

/* As sums are now: a start of this decision may have made a borrower of its account. */
static int reserved_guaranteed(const struct dr_decision *decision, struct dr_reserved *reserved)
{
    const struct dr_core *core = decision->core;
    const struct dr_job *job = &core->jobs[reserved->row];
    struct dr_amounts amounts;

    if (reserved->guaranteed_seq == core->seq && core->seq != 0 && !decision->in_thought)
        return reserved->is_guaranteed;
    amounts = dr_job_reserved(core, job);
    reserved->is_guaranteed =
        (uint8_t)dr_quota_branch_within(core, job->account, reserved->pool, &amounts);
    reserved->guaranteed_seq = decision->in_thought ? 0 : core->seq;
    return reserved->is_guaranteed;
}

/* Does a job that runs until `end_us` meet this reservation at all? */
static int concerns(const struct dr_decision *decision, struct dr_reserved *reserved,
                    uint32_t job_row, int64_t end_us, int displace)
{
    return reserved->row != job_row && end_us > reserved->start_us &&
           (!displace || reserved_guaranteed(decision, reserved));
}

/* ---- quotas of those who wait ---- */

/* What a reserved job and a later one ask of an account's sums, in one resource. */
struct contest {
    const struct dr_decision *decision;
    const struct dr_reserved *reserved;
    const struct dr_job *waiting;
    const struct dr_job *later;
    dr_group_id group;
    uint32_t resource;
    int64_t needs; /* the reserved job */
    int64_t adds;  /* the later one */
};

struct ends_sum {
    int64_t use;
    int64_t claim;
    int64_t firm;
};

/* What attempts at and below an account give back until the reservation begins. Levels are few. */
static void sum_ends(const struct contest *contest, uint32_t account_row, struct ends_sum *sum)
{
    const struct dr_core *core = contest->decision->core;

    for (uint32_t row = dr_place_attempts_of(core, (dr_account_id){account_row + 1}); row != NONE;
         row = dr_place_attempts_of_next(core, row)) {
        const struct dr_job *job = &core->jobs[row];
        int64_t amount;

        if (core->pools[dr_job_run(core, job)->pool.v - 1].groups[contest->resource].v !=
                contest->group.v ||
            dr_decision_end_us(contest->decision, job) > contest->reserved->start_us)
            continue;
        amount = dr_job_holds(core, job).of[contest->resource];
        sum->use += amount;
        if (dr_job_run(core, job)->counted)
            sum->claim += amount;
        if (dr_job_run(core, job)->counted && !dr_job_terms(core, job)->preemptible)
            sum->firm += amount;
    }
    for (uint32_t child = core->accounts[account_row].first_child; child != NONE;
         child = core->accounts[child].next_sibling)
        sum_ends(contest, child, sum);
}

/* What other reserved jobs at and below an account hold by then. */
static int64_t sum_reserved(const struct contest *contest, dr_account_id account, int firm)
{
    const struct dr_decision *decision = contest->decision;
    const struct dr_core *core = decision->core;
    int64_t sum = 0;

    for (uint32_t i = 0; i < decision->reserved_count; i += 1) {
        const struct dr_reserved *other = &decision->reserved[i];
        const struct dr_job *job = &core->jobs[other->row];

        if (!other->alive || other == contest->reserved || job == contest->later ||
            other->start_us > contest->reserved->start_us ||
            (firm && dr_job_terms(core, job)->preemptible) ||
            core->pools[other->pool.v - 1].groups[contest->resource].v != contest->group.v ||
            !dr_account_within(core, job->account, account))
            continue;
        sum += dr_job_reserved(core, job).of[contest->resource];
    }
    return sum;
}

/* May the later job add its amount where sums stay at or below `limit`? `least` and `most` are
 * bounds of what is there when the reservation begins, with the reserved job. Where that could not
 * start even without the later one, nothing is delayed. */
static int leaves_room(const struct contest *contest, int64_t least, int64_t most, int64_t limit)
{
    return most + contest->adds <= limit || least > limit;
}

/* An account on both paths that has a borrowing limit, or in which neither may be taken. */
static int account_leaves(const struct contest *contest, dr_account_id account)
{
    const struct dr_core *core = contest->decision->core;
    const struct dr_quota *quota = dr_quota_at(core, account, contest->group);
    int limited = quota->borrow < DR_FOREVER_US - quota->guarantee;
    int firm = account.v == contest->waiting->account.v && account.v == contest->later->account.v &&
               !dr_job_terms(core, contest->waiting)->preemptible &&
               !dr_job_terms(core, contest->later)->preemptible;
    struct ends_sum ends = {0};
    int64_t planned;

    if (!limited && !firm)
        return 1;
    sum_ends(contest, account.v - 1, &ends);
    planned = dr_max_i64(quota->use - ends.use, quota->claim - ends.claim) + contest->needs +
              sum_reserved(contest, account, 0);
    if (limited && !leaves_room(contest, planned, planned, quota->guarantee + quota->borrow))
        return 0;
    planned = quota->firm - ends.firm + contest->needs + sum_reserved(contest, account, 1);
    return !firm || leaves_room(contest, planned, planned, quota->guarantee);
}

/* The root, where capacity is held back while it is idle: also what is in use now, once that ends.
 * What ends there gives back between what it claims and that less what lending limits can hold
 * back. Returns by how much less would have to be held back; 0: none. */
static int64_t root_lacks(const struct contest *contest)
{
    const struct dr_core *core = contest->decision->core;
    const struct dr_quota *quota = dr_quota_at(core, (dr_account_id){1}, contest->group);
    int64_t held = contest->needs + sum_reserved(contest, (dr_account_id){1}, 0);
    int64_t slack;

    if (quota->kept == 0 ||
        quota->occupied + held + contest->adds <= core->groups[contest->group.v - 1].capacity)
        return 0;
    slack = dr_slack_of(core, contest->group, contest->reserved->start_us, held);
    return slack == INT64_MAX ? 0 : dr_max_i64(0, contest->adds - slack);
}

/* With the job started, could the reserved one start at its time, by the quotas of accounts above
 * both, the root aside? And by the root's, with `at_root`. */
static int quota_leaves(struct dr_decision *decision, const struct dr_reserved *reserved,
                        const struct dr_job *job, dr_pool_id pool, const struct dr_amounts *amounts,
                        int at_root)
{
    struct dr_core *core = decision->core;
    const struct dr_job *waiting = &core->jobs[reserved->row];
    struct dr_amounts needs = dr_job_reserved(core, waiting);
    const struct dr_pool *here = &core->pools[pool.v - 1];
    const struct dr_pool *there = &core->pools[reserved->pool.v - 1];

    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
        struct contest contest = {.decision = decision,
                                  .reserved = reserved,
                                  .waiting = waiting,
                                  .later = job,
                                  .group = here->groups[resource],
                                  .resource = resource,
                                  .needs = needs.of[resource],
                                  .adds = amounts->of[resource]};
        dr_account_id at = waiting->account;

        if (contest.group.v != there->groups[resource].v || contest.adds == 0 || contest.needs == 0)
            continue;
        for (; core->accounts[at.v - 1].parent.v != 0; at = core->accounts[at.v - 1].parent)
            if (dr_account_within(core, job->account, at) && !account_leaves(&contest, at))
                return 0;
        if (at_root && root_lacks(&contest) > 0)
            return 0;
    }
    return 1;
}

enum leaves {
    LEAVES_ENOUGH,
    LEAVES_LITTLE,      /* at the root, for what reservations count on there */
    LEAVES_LITTLE_NEAR, /* by an account on the path */
    LEAVES_UNKNOWN,     /* too little; by the root or an account */
};

/* The same for all that a job would meet. What they leave at the root is known without looking at
 * each (core/slack.h), unless sums are those of a thought. */
static enum leaves quotas_leave(struct dr_decision *decision, uint32_t job_row, dr_pool_id pool,
                                const struct dr_amounts *amounts, int64_t end_us, int displace)
{
    struct dr_core *core = decision->core;
    const struct dr_job *job = &core->jobs[job_row];
    dr_account_id branch = dr_account_branch(core, job->account);
    int at_root = decision->in_thought;

    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT && !at_root; resource += 1) {
        int can_tell;

        if (amounts->of[resource] != 0 &&
            !dr_slack_leaves(core, job, core->pools[pool.v - 1].groups[resource],
                             amounts->of[resource], end_us, displace, &can_tell))
            return LEAVES_LITTLE;
        at_root |= amounts->of[resource] != 0 && !can_tell;
    }
    for (uint32_t at = 0; at < decision->reserved_count; at += 1) {
        struct dr_reserved *reserved = &decision->reserved[at];

        if (reserved->alive && (at_root || reserved->branch.v == branch.v) &&
            concerns(decision, reserved, job_row, end_us, displace) &&
            !quota_leaves(decision, reserved, job, pool, amounts, at_root))
            return at_root ? LEAVES_UNKNOWN : LEAVES_LITTLE_NEAR;
    }
    return LEAVES_ENOUGH;
}

void dr_backfill_hide(struct dr_core *core, const struct dr_job *job)
{
    dr_place_view_block(
        core,
        &core->shapes[job->shape].alternatives[dr_job_run(core, job)->reservation_alternative],
        dr_job_run(core, job)->reservation);
}

uint32_t dr_backfill_find(struct dr_decision *decision, uint32_t job_row,
                          const struct dr_want *want, dr_pool_id pool, int displace,
                          struct dr_extent *extents)
{
    struct dr_core *core = decision->core;
    const struct dr_job *job = &core->jobs[job_row];
    int64_t end_us = decision->now_us + dr_job_next_limit_us(core, job, want->alternative);
    struct dr_window_set barred;
    struct dr_want around;
    uint32_t blocked = 0;
    uint32_t count;
    int all;

    if (want->barred == NULL &&
        dr_window_barring(core, pool, job->account, decision->now_us, end_us, &barred)) {
        around = *want;
        around.barred = &barred;
        want = &around;
    }
    for (uint32_t at = decision->reserved_of[pool.v - 1]; at != NONE;
         at = decision->reserved[at].next)
        blocked += (uint32_t)concerns(decision, &decision->reserved[at], job_row, end_us, displace);
    all = blocked > 0 && blocked == dr_place_reserved_count(core, pool);
    count = all ? dr_place_find_beside(core, want, pool, extents)
                : dr_place_find(core, want, pool, extents);
    /* Where nothing is free, nothing is beside reservations. */
    if (count > 0 && blocked > 0 && !all) {
        for (uint32_t at = decision->reserved_of[pool.v - 1]; at != NONE;
             at = decision->reserved[at].next)
            if (concerns(decision, &decision->reserved[at], job_row, end_us, displace))
                dr_backfill_hide(core, &core->jobs[decision->reserved[at].row]);
        count = dr_place_find(core, want, pool, extents);
        for (uint32_t at = decision->reserved_of[pool.v - 1]; at != NONE;
             at = decision->reserved[at].next)
            if (concerns(decision, &decision->reserved[at], job_row, end_us, displace))
                dr_place_view_undo(
                    core, dr_job_run(core, &core->jobs[decision->reserved[at].row])->reservation);
    }
    decision->blocked |= count == 0 && blocked > 0;
    /* A later start may give a block that is reserved in part to the job's own account. */
    if (count == 0 && blocked > 0 && want->share >= DR_SHARE_BLOCK)
        dr_decision_doubt(decision);
    if (count > 0) {
        enum leaves leaves =
            quotas_leave(decision, job_row, pool, &want->amounts, end_us, displace);

        if (leaves == LEAVES_ENOUGH)
            return count;
        decision->blocked = 1;
        if (decision->in_thought)
            return 0;
        if (leaves != LEAVES_LITTLE_NEAR)
            dr_slack_watch(core, pool); /* that opens it again */
        if (leaves != LEAVES_LITTLE)
            dr_decision_near(decision);
    }
    return 0;
}

int dr_backfill_concerned(const struct dr_decision *decision, uint32_t job_row,
                          const struct dr_want *want, dr_pool_id pool, int displace)
{
    const struct dr_core *core = decision->core;
    int64_t end_us =
        decision->now_us + dr_job_next_limit_us(core, &core->jobs[job_row], want->alternative);

    for (uint32_t at = decision->reserved_of[pool.v - 1]; at != NONE;
         at = decision->reserved[at].next)
        if (!concerns(decision, &decision->reserved[at], job_row, end_us, displace))
            return 0;
    return 1;
}

int dr_backfill_quota_leaves(struct dr_decision *decision, const struct dr_job *job,
                             const struct dr_want *want, dr_pool_id pool, int64_t end_us)
{
    return quotas_leave(decision, (uint32_t)(job - decision->core->jobs), pool, &want->amounts,
                        end_us, 0) == LEAVES_ENOUGH;
}

void dr_backfill_block(struct dr_decision *decision, const struct dr_job *job, dr_pool_id pool,
                       int64_t end_us)
{
    struct dr_core *core = decision->core;

    for (uint32_t at = decision->reserved_of[pool.v - 1]; at != NONE;
         at = decision->reserved[at].next)
        if (concerns(decision, &decision->reserved[at], (uint32_t)(job - core->jobs), end_us, 0))
            dr_backfill_hide(core, &core->jobs[decision->reserved[at].row]);
}

void dr_backfill_unblock(struct dr_decision *decision, const struct dr_job *job, dr_pool_id pool,
                         int64_t end_us)
{
    struct dr_core *core = decision->core;

    for (uint32_t at = decision->reserved_of[pool.v - 1]; at != NONE;
         at = decision->reserved[at].next)
        if (concerns(decision, &decision->reserved[at], (uint32_t)(job - core->jobs), end_us, 0))
            dr_place_view_undo(
                core, dr_job_run(core, &core->jobs[decision->reserved[at].row])->reservation);
}

/* Does a place that was taken now leave too little of the accelerators of a reserved part? */
static int meet(const struct dr_core *core, const struct dr_extent *taken,
                const struct dr_extent *reserved, uint32_t share)
{
    uint64_t both = taken->accelerators & reserved->accelerators;
    const struct dr_device_share *device;

    if (both == 0 || share == 0)
        return both != 0;
    device = &core->device_shares[reserved->node.v - 1][dr_bit_lowest(both)];
    return device->held == 0 || device->held + device->promised + reserved->tasks * share > 1000;
}

static int cuts(const struct dr_core *core, const struct dr_job *reserved,
                const struct dr_extent *extents, uint32_t count)
{
    const struct dr_alternative *way =
        &core->shapes[reserved->shape]
             .alternatives[dr_job_run(core, reserved)->reservation_alternative];

    for (uint32_t at = dr_job_run(core, reserved)->reservation; at != NONE;
         at = core->extents[at].next) {
        const struct dr_extent *part = &core->extents[at].extent;

        for (uint32_t i = 0; i < count; i += 1) {
            const struct dr_node *node = &core->nodes[part->node.v - 1];
            const struct dr_pool *pool = &core->pools[node->pool.v - 1];

            if (extents[i].node.v != part->node.v)
                continue;
            if (meet(core, &extents[i], part, dr_alternative_share(way)) ||
                (int64_t)pool->cpus - node->cpus_used < (int64_t)part->tasks * way->cpus_per_task ||
                pool->memory_mb - node->memory_mb_used <
                    (int64_t)part->tasks * way->memory_mb_per_task)
                return 1;
        }
    }
    return 0;
}

void dr_backfill_displace(struct dr_decision *decision, uint32_t job_row, dr_pool_id pool,
                          const struct dr_extent *extents, uint32_t count, int64_t end_us)
{
    struct dr_core *core = decision->core;
    uint32_t *link = &decision->reserved_of[pool.v - 1];

    while (*link != NONE) {
        struct dr_reserved *reserved = &decision->reserved[*link];

        if (!concerns(decision, reserved, job_row, end_us, 0) ||
            !cuts(core, &core->jobs[reserved->row], extents, count)) {
            link = &reserved->next;
            continue;
        }
        if (!dr_decision_room(decision, 0))
            return;
        dr_backfill_drop(decision, reserved->row, core->jobs[job_row].id.v);
        reserved->alive = 0;
        *link = reserved->next;
    }
}

/* ---- whose reservation it is that somebody waits for ---- */

/* Those that still hold, as at the beginning of a decision. */
static struct dr_decision view_of(struct dr_core *core, int64_t now_us)
{
    struct dr_decision view = {.core = core, .now_us = now_us, .in_thought = 1};

    for (uint32_t at = dr_queue_reserved_first(core); at != NONE;
         at = dr_queue_reserved_next(core, at))
        view.reserved_max += 1;
    view.reserved =
        dr_arena_push(&core->scratch, (size_t)view.reserved_max + 1, sizeof view.reserved[0]);
    view.reserved_of =
        dr_arena_push(&core->scratch, core->pools_count + 1u, sizeof view.reserved_of[0]);
    DR_ASSERT(view.reserved != NULL && view.reserved_of != NULL);
    for (uint32_t pool = 0; pool < core->pools_count; pool += 1)
        view.reserved_of[pool] = NONE;
    for (uint32_t at = dr_queue_reserved_first(core); at != NONE;
         at = dr_queue_reserved_next(core, at))
        if (still_holds(core, &core->jobs[at], now_us, 1))
            dr_backfill_enlist(&view, at);
    return view;
}

struct asked {
    struct dr_decision *view;
    const struct dr_want *want;
    struct dr_extent *extents;
    int64_t *start_us; /* [reserved_count] as they are; the view has FOREVER for who is aside */
    uint32_t job_row;
    dr_pool_id pool;
    int displace;
};

/* Reservations from `from` to `to` - 1 count, those from `to` on don't; what is before `from` is as
 * it was left. */
static void set_aside(const struct asked *asked, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < asked->view->reserved_count; i += 1)
        asked->view->reserved[i].start_us = i < to ? asked->start_us[i] : DR_FOREVER_US;
}

/* Could the job start then? */
static int starts_beside(const struct asked *asked, uint32_t from, uint32_t to)
{
    set_aside(asked, from, to);
    return dr_backfill_find(asked->view, asked->job_row, asked->want, asked->pool, asked->displace,
                            asked->extents) > 0;
}

uint32_t dr_backfill_blockers(const struct dr_core *core, uint32_t job_row,
                              const struct dr_want *want, dr_pool_id pool, int64_t now_us,
                              int displace, uint32_t *blockers, uint32_t max)
{
    struct dr_core *seen = (struct dr_core *)core; /* views: put right again by the search */
    size_t mark = core->scratch.used;
    struct dr_decision view = view_of(seen, now_us);
    struct asked asked = {.view = &view,
                          .want = want,
                          .extents = dr_decision_extents(seen, want, pool),
                          .job_row = job_row,
                          .pool = pool,
                          .displace = displace};
    uint32_t all = view.reserved_count;
    uint32_t count = 0;

    asked.start_us = dr_arena_push(&seen->scratch, all + 1u, sizeof asked.start_us[0]);
    DR_ASSERT(asked.start_us != NULL);
    for (uint32_t i = 0; i < all; i += 1)
        asked.start_us[i] = view.reserved[i].start_us;
    for (uint32_t from = 0; from < all && !starts_beside(&asked, from, all);) {
        uint32_t low = from;
        uint32_t high = all - 1;

        /* The first one that, with those before it, is too much. */
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;

            if (starts_beside(&asked, from, middle + 1))
                low = middle + 1;
            else
                high = middle;
        }
        set_aside(&asked, from, low);
        if (count < max)
            blockers[count] = view.reserved[low].row;
        count += 1;
        from = low + 1;
    }
    dr_arena_reset(&seen->scratch, mark);
    return count;
}

int64_t dr_backfill_kept(const struct dr_core *core, uint32_t job_row, const struct dr_want *want,
                         dr_pool_id pool, int64_t now_us, int displace, enum dr_resource resource)
{
    struct dr_core *seen = (struct dr_core *)core;
    size_t mark = core->scratch.used;
    struct dr_decision view = view_of(seen, now_us);
    const struct dr_job *job = &core->jobs[job_row];
    int64_t end_us = now_us + dr_job_next_limit_us(core, job, want->alternative);
    int64_t most = 0;

    for (uint32_t at = 0; at < view.reserved_count; at += 1) {
        struct dr_reserved *reserved = &view.reserved[at];
        const struct dr_job *waiting = &core->jobs[reserved->row];
        struct contest contest = {.decision = &view,
                                  .reserved = reserved,
                                  .waiting = waiting,
                                  .later = job,
                                  .group = core->pools[pool.v - 1].groups[resource],
                                  .resource = resource,
                                  .needs = dr_job_reserved(core, waiting).of[resource],
                                  .adds = want->amounts.of[resource]};

        if (concerns(&view, reserved, job_row, end_us, displace) && contest.needs != 0 &&
            core->pools[reserved->pool.v - 1].groups[resource].v == contest.group.v)
            most = dr_max_i64(most, root_lacks(&contest));
    }
    dr_arena_reset(&seen->scratch, mark);
    return most;
}
