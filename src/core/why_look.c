/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in the way of a job in one place, each thing that would have to go. Read
 * dr_why_look() first. */
#include "core/why.h"

#include "base/math.h"
#include "core/backfill.h"
#include "core/ends.h"
#include "core/fair.h"
#include "core/never.h"
#include "core/power.h"
#include "core/quota.h"

#define NONE      DR_ROW_NONE
#define LOOKS_MAX 64 /* free places that are asked about power and reservations */

/* The account below the root on the job's path; 0: it has none. */
static dr_account_id below_root(const struct dr_core *core, dr_account_id at)
{
    while (at.v > 1 && core->accounts[at.v - 1].parent.v > 1)
        at = core->accounts[at.v - 1].parent;
    return at.v > 1 ? at : (dr_account_id){0};
}

/* Is so much of the group in use within guarantees of others that no room is left for one above
 * its own? */
static int all_owed(struct dr_why_asking *asking, const struct dr_why_place *place)
{
    const struct dr_core *core = asking->core;
    enum dr_resource main = dr_resource_main(place->want.amounts.of[DR_RESOURCE_ACCELERATORS]);
    dr_group_id group = core->pools[place->pool.v - 1].groups[main];
    dr_account_id own = below_root(core, asking->job->account);
    int64_t owed = 0;

    if (asking->owed.group.v == group.v && asking->owed.alternative == place->want.alternative)
        return asking->owed.yes;
    for (uint32_t row = core->accounts[0].first_child; row != NONE;
         row = core->accounts[row].next_sibling)
        owed += dr_min_i64(dr_quota_at(core, (dr_account_id){row + 1}, group)->claim,
                           dr_quota_guarantee(core, (dr_account_id){row + 1}, group));
    asking->owed.group = group;
    asking->owed.alternative = place->want.alternative;
    asking->owed.yes =
        owed + place->want.amounts.of[main] > core->groups[group.v - 1].capacity &&
        (own.v == 0 || !dr_quota_within_guarantee(core, own, place->pool, &place->want.amounts));
    return asking->owed.yes;
}

/* What counts as claimed in the pool: it goes with those who hold it. */
static struct dr_amounts claimed_in(const struct dr_core *core, dr_pool_id pool)
{
    struct dr_amounts sum = dr_ends_sum(core, pool, DR_FOREVER_US);

    for (uint32_t row = dr_queue_first(core, DR_QUEUE_PROMISED); row != NONE;
         row = dr_queue_next(core, row)) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);
        struct dr_amounts promised;

        if (run->promise_pool.v != pool.v)
            continue;
        promised = dr_alternative_amounts(
            &core->shapes[job->shape].alternatives[run->promise_alternative]);
        for (uint32_t k = 0; k < DR_RESOURCE_COUNT; k += 1)
            sum.of[k] += promised.of[k];
    }
    return sum;
}

/* Is enough free there, of enough nodes that are up? Sets down, room and tasks. */
static void look_for_room(struct dr_why_asking *asking, struct dr_why_place *place)
{
    const struct dr_core *core = asking->core;

    place->tasks = dr_place_room(core, &place->want, place->pool);
    if (place->tasks >= place->want.tasks)
        place->tasks = dr_place_largest(core, &place->want, place->pool);
    if (place->tasks >= place->want.tasks)
        return;
    if (!dr_place_all_up(core, place->pool)) {
        place->down = dr_place_largest_if(core, &place->want, place->pool, DR_PLACE_IF_EMPTY) <
                      place->want.tasks;
        if (place->down && dr_place_largest_if(core, &place->want, place->pool, DR_PLACE_IF_UP) >=
                               place->want.tasks)
            return;
    }
    if (all_owed(asking, place))
        place->room = DR_REASON_GUARANTEES_OF;
    else if (place->want.accelerators > 0 &&
             place->free * 1000 >= place->want.amounts.of[DR_RESOURCE_ACCELERATORS])
        place->room = DR_REASON_TOPOLOGY;
    else
        place->room = DR_REASON_CAPACITY;
}

/* Would the gang have room, with these windows alone keeping nodes from it: now, or where that
 * takes more, once nodes are back and others have left? */
static int has_room(const struct dr_why_asking *asking, struct dr_why_place *place,
                    const struct dr_window_set *barred)
{
    unsigned conditions = place->down
                              ? DR_PLACE_IF_UP | DR_PLACE_IF_EMPTY
                              : (place->room != DR_REASON_NONE ? (unsigned)DR_PLACE_IF_EMPTY : 0u);
    struct dr_want want = place->want;

    want.barred = barred;
    return (conditions == 0
                ? dr_place_largest(asking->core, &want, place->pool)
                : dr_place_largest_if(asking->core, &want, place->pool, conditions)) >= want.tasks;
}

/* Advance reservations that stand in the way there: those of all, one after another left out, as
 * long as it takes them all. Sets windows. */
static void look_for_windows(struct dr_why_asking *asking, struct dr_why_place *place)
{
    const struct dr_core *core = asking->core;
    int64_t until_us =
        asking->now_us + dr_job_next_limit_us(core, asking->job, place->want.alternative);
    struct dr_window_set barred;
    struct dr_window_set all;

    if (!dr_window_barring(core, place->pool, asking->job->account, asking->now_us, until_us,
                           &all) ||
        has_room(asking, place, &all))
        return;
    barred = (struct dr_window_set){{0}};
    for (uint32_t i = 0; i < core->windows_count; i += 1) {
        uint64_t bit = UINT64_C(1) << (i % 64);

        if ((all.words[i / 64] & bit) == 0)
            continue;
        barred.words[i / 64] |= bit;
        if (has_room(asking, place, &barred))
            continue;
        barred.words[i / 64] &= ~bit;
        place->windows.words[i / 64] |= bit;
        place->windows_count += 1;
    }
}

/* Does it come within guarantees, below the root, in some group? */
static int within_guarantee(const struct dr_core *core, const struct dr_job *job)
{
    dr_account_id own = below_root(core, job->account);
    struct dr_place_group groups[DR_PLACE_GROUPS_MAX];
    uint32_t count = dr_place_groups(core, job, groups);

    for (uint32_t i = 0; own.v != 0 && i < count; i += 1) {
        struct dr_want want = dr_place_want(core, job, groups[i].alternative);

        if (dr_quota_within_guarantee(core, own, groups[i].pool, &want.amounts))
            return 1;
    }
    return 0;
}

/* In thought: limits that stand in the way are higher by what is missing (sign 1), or what they are
 * (-1). What is held back stays the same. */
static void think_limits(struct dr_why_asking *asking, const struct dr_why_place *place, int sign)
{
    for (uint32_t i = 0; i < place->quotas_count; i += 1) {
        const struct dr_quota_verdict *verdict = &place->quotas[i];
        struct dr_quota *quota = dr_quota_at(asking->core, verdict->account, verdict->group);
        int64_t missing = (verdict->needs - verdict->limit) * sign;

        if (verdict->reason == DR_REASON_QUOTA && verdict->firm) {
            quota->guarantee += missing;
            quota->lend += quota->lend < DR_FOREVER_US ? missing : 0;
            if (asking->core->accounts[verdict->account.v - 1].parent.v == 1)
                asking->core->groups[verdict->group.v - 1].guaranteed += missing;
        } else if (verdict->reason == DR_REASON_QUOTA) {
            quota->borrow += missing;
        }
    }
}

/* In thought, what a group holds back may all be lent. */
struct lent_all {
    dr_group_id group;
    struct dr_quota root; /* as they are */
    int64_t *occupied;    /* of the accounts below the root, in their order */
};

/* Of what changes by it, reservations are asked about with the sums of the root and of the accounts
 * below it alone. */
static void think_lent(const struct dr_core *core, struct lent_all *all, dr_group_id group)
{
    struct dr_arena *scratch = (struct dr_arena *)&core->scratch;
    struct dr_quota *root = dr_quota_at(core, (dr_account_id){1}, group);
    uint32_t count = 0;

    all->group = group;
    all->root = *root;
    all->occupied = dr_arena_push(scratch, core->accounts_count, sizeof all->occupied[0]);
    DR_ASSERT(all->occupied != NULL);
    root->occupied = root->claim;
    root->kept = 0;
    for (uint32_t row = core->accounts[0].first_child; row != NONE;
         row = core->accounts[row].next_sibling) {
        struct dr_quota *quota = dr_quota_at(core, (dr_account_id){row + 1}, group);

        all->occupied[count] = quota->occupied;
        quota->occupied = quota->claim;
        count += 1;
    }
}

static void think_kept(const struct dr_core *core, const struct lent_all *all)
{
    uint32_t count = 0;

    *dr_quota_at(core, (dr_account_id){1}, all->group) = all->root;
    for (uint32_t row = core->accounts[0].first_child; row != NONE;
         row = core->accounts[row].next_sibling) {
        dr_quota_at(core, (dr_account_id){row + 1}, all->group)->occupied = all->occupied[count];
        count += 1;
    }
}

/* Reservations of others that would have to go, were everything lent in the groups of some
 * resources (bits). */
static uint32_t blockers_if_lent(struct dr_why_asking *asking, const struct dr_why_place *place,
                                 const struct dr_want *want, unsigned lent, uint32_t *blockers)
{
    const struct dr_core *core = asking->core;
    struct dr_arena *scratch = (struct dr_arena *)&core->scratch;
    size_t mark = scratch->used;
    struct lent_all all[DR_RESOURCE_COUNT];
    uint32_t count;

    for (unsigned rest = lent; rest != 0; rest &= rest - 1) {
        uint32_t resource = (uint32_t)dr_bit_lowest(rest);

        think_lent(core, &all[resource], core->pools[place->pool.v - 1].groups[resource]);
    }
    count =
        dr_backfill_blockers(core, asking->row, want, place->pool, asking->now_us,
                             within_guarantee(core, asking->job), blockers, DR_WHY_BLOCKERS_MAX);
    for (unsigned rest = lent; rest != 0; rest &= rest - 1)
        think_kept(core, &all[dr_bit_lowest(rest)]);
    dr_arena_reset(scratch, mark);
    return count;
}

/* Does what a group holds back keep the job from starting beside those who have reservations?
 * By how much. */
static int64_t kept_beside(const struct dr_why_asking *asking, const struct dr_why_place *place,
                           const struct dr_want *want, uint32_t resource)
{
    return want->amounts.of[resource] == 0
               ? 0
               : dr_backfill_kept(asking->core, asking->row, want, place->pool, asking->now_us,
                                  within_guarantee(asking->core, asking->job),
                                  (enum dr_resource)resource);
}

static void push_beside(const struct dr_why_asking *asking, struct dr_why_place *place,
                        uint32_t resource, int64_t lacks)
{
    dr_group_id group = asking->core->pools[place->pool.v - 1].groups[resource];
    int64_t capacity = asking->core->groups[group.v - 1].capacity;

    place->quotas[place->quotas_count] =
        (struct dr_quota_verdict){.reason = DR_REASON_KEPT,
                                  .account = {1},
                                  .group = group,
                                  .has = capacity + lacks - place->want.amounts.of[resource],
                                  .needs = capacity + lacks,
                                  .limit = capacity};
    place->quotas_count += 1;
    place->beside_count += 1;
}

/* Which reservations of others stand in the way. What a lending limit holds back from the job it
 * holds back from them too. Where a limit makes several of them stand in the way, it is named in
 * their place. Sets blockers, adds to quotas. */
static void look_for_blockers(struct dr_why_asking *asking, struct dr_why_place *place,
                              const struct dr_want *want)
{
    const struct dr_pool *pool = &asking->core->pools[place->pool.v - 1];
    int64_t lacks[DR_RESOURCE_COUNT] = {0};
    unsigned lent = 0;
    unsigned more = 0;
    unsigned best = 0;

    for (uint32_t i = 0; i < place->quotas_count; i += 1)
        for (uint32_t k = 0; k < DR_RESOURCE_COUNT; k += 1)
            if (place->quotas[i].reason == DR_REASON_KEPT &&
                place->quotas[i].group.v == pool->groups[k].v)
                lent |= 1u << k;
    place->blockers_count = blockers_if_lent(asking, place, want, lent, place->blockers);
    for (uint32_t k = 0; place->blockers_count > 1 && k < DR_RESOURCE_COUNT; k += 1) {
        lacks[k] = (lent >> k) & 1 ? 0 : kept_beside(asking, place, want, k);
        more |= lacks[k] > 0 ? 1u << k : 0;
    }
    for (unsigned bits = more; bits != 0; bits = (bits - 1) & more) {
        uint32_t least = place->blockers_count + dr_bit_count(best);
        uint32_t blockers[DR_WHY_BLOCKERS_MAX];
        uint32_t count;

        if (dr_bit_count(bits) >= least)
            continue;
        count = blockers_if_lent(asking, place, want, lent | bits, blockers);
        if (dr_bit_count(bits) + count >= least)
            continue;
        best = bits;
        place->blockers_count = count;
        memcpy(place->blockers, blockers, sizeof blockers);
    }
    for (uint32_t k = 0; k < DR_RESOURCE_COUNT; k += 1)
        if ((best >> k) & 1)
            push_beside(asking, place, k, lacks[k]);
}

/* Of a place that is free: caps, and what others have reserved. */
static void look_beyond(struct dr_why_asking *asking, struct dr_why_place *place)
{
    const struct dr_core *core = asking->core;
    struct dr_arena *scratch = (struct dr_arena *)&core->scratch;
    size_t mark = scratch->used;
    struct dr_extent *extents =
        dr_decision_extents((struct dr_core *)core, &place->want, place->pool);
    struct dr_window_set barred = {{0}};
    struct dr_want want = place->want;
    uint32_t count;

    if (dr_window_barring(
            core, place->pool, asking->job->account, asking->now_us,
            asking->now_us + dr_job_next_limit_us(core, asking->job, want.alternative), &barred))
        for (uint32_t word = 0; word < DR_COUNT_OF(barred.words); word += 1)
            barred.words[word] &= ~place->windows.words[word];
    want.barred = &barred;
    count = dr_place_find(core, &want, place->pool, extents);
    (void)dr_place_power_missing(
        core, &want, place->pool, extents, count, asking->now_us,
        dr_power_until_us(core, asking->job, place->want.alternative, asking->now_us),
        &place->lack);
    dr_arena_reset(scratch, mark);
    /* A limit that holds it may be what holds others, who have reserved. */
    think_limits(asking, place, 1);
    look_for_blockers(asking, place, &want);
    think_limits(asking, place, -1);
}

static enum dr_reason first_of(const struct dr_why_place *place)
{
    if (place->down)
        return DR_REASON_SITE_DOWN;
    if (place->quotas_count > 0 && place->quotas[0].reason == DR_REASON_QUOTA)
        return DR_REASON_QUOTA;
    if (place->quotas_count > 0)
        return DR_REASON_KEPT;
    if (place->room != DR_REASON_NONE)
        return place->room;
    return place->lack.missing_w > 0 ? DR_REASON_POWER : DR_REASON_RESERVATION;
}

/* QUOTA before KEPT; else as they are. */
static void order_quotas(struct dr_why_place *place)
{
    for (uint32_t i = 1; i < place->quotas_count; i += 1)
        for (uint32_t k = i; k > 0 && place->quotas[k - 1].reason > place->quotas[k].reason;
             k -= 1) {
            struct dr_quota_verdict kept = place->quotas[k];

            place->quotas[k] = place->quotas[k - 1];
            place->quotas[k - 1] = kept;
        }
}

/* Everything that stands in the way of a start there. Where nodes have to come back first, what
 * that changes (capacity, claims, caps) is judged once they have; where others have to leave first,
 * caps and reservations are; `best` says when it is not worth asking. */
void dr_why_look(struct dr_why_asking *asking, struct dr_why_place *place,
                 const struct dr_why_place *best)
{
    const struct dr_core *core = asking->core;
    struct dr_amounts claimed;
    int full;

    place->free = core->pools[place->pool.v - 1].accelerators_free;
    look_for_room(asking, place);
    look_for_windows(asking, place);
    place->quotas_count = dr_quota_obstacles(
        core, asking->job->account, place->pool, &place->want.amounts,
        !dr_job_terms(core, asking->job)->preemptible, NULL, place->quotas, &full);
    if (full && place->room == DR_REASON_NONE && !place->down)
        place->room = DR_REASON_CAPACITY;
    if (place->room != DR_REASON_NONE) {
        claimed = claimed_in(core, place->pool);
        place->quotas_count = dr_quota_obstacles(
            core, asking->job->account, place->pool, &place->want.amounts,
            !dr_job_terms(core, asking->job)->preemptible, &claimed, place->quotas, &full);
    }
    order_quotas(place);
    while (place->down && place->quotas_count > 0 &&
           place->quotas[place->quotas_count - 1].reason == DR_REASON_KEPT)
        place->quotas_count -= 1;
    place->count =
        place->down + place->quotas_count + (place->room != DR_REASON_NONE) + place->windows_count;
    if (!place->down && place->room == DR_REASON_NONE) {
        if (place->count > best->count && best->pool.v != 0)
            return;
        if (asking->looks == LOOKS_MAX && best->pool.v != 0) {
            place->count = UINT32_MAX; /* nobody knows */
            return;
        }
        asking->looks += 1;
        look_beyond(asking, place);
        place->count += place->beside_count + (place->lack.missing_w > 0) + place->blockers_count;
    }
    place->first = first_of(place);
}

/* Fewer things in the way; the first of them later in the order of reasons (so a place without
 * room comes before one whose quota is full); fewer tasks missing; less that is asked (what is
 * enough for more could be enough, in part, for less); more free; else the one that was met first:
 * way, pool id. */
int dr_why_better(const struct dr_why_place *a, const struct dr_why_place *b)
{
    int64_t missing_a = dr_max_i64(0, (int64_t)a->want.tasks - (int64_t)a->tasks);
    int64_t missing_b = dr_max_i64(0, (int64_t)b->want.tasks - (int64_t)b->tasks);

    if (b->pool.v == 0 || a->count != b->count)
        return b->pool.v == 0 || a->count < b->count;
    if (a->first != b->first)
        return a->first > b->first;
    if (missing_a != missing_b)
        return missing_a < missing_b;
    for (uint32_t k = 0; k < DR_RESOURCE_COUNT; k += 1)
        if (a->want.amounts.of[k] != b->want.amounts.of[k])
            return a->want.amounts.of[k] < b->want.amounts.of[k];
    return a->free > b->free;
}
