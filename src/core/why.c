/* SPDX-License-Identifier: Apache-2.0 */
/* dr_why(): what holds a job (POLICY, section 9; docs/policy.md, section 7).
 *
 * First what lies in the job itself. Then each (way to run it, pool) is looked at: what stands in
 * the way there, each thing that would have to go. The place with the fewest is the answer
 * (better() has the ties). It asks the same functions as a decision does, so that the two can't
 * disagree; tests/property/core_why.c takes the answers at their word.
 *
 * Read look_at() first, then say_place(). */
#include "core/backfill.h"

#include "base/math.h"
#include "core/ends.h"
#include "core/fair.h"
#include "core/never.h"
#include "core/power.h"
#include "core/quota.h"
#include "core/window.h"

#define NONE         DR_ROW_NONE
#define BLOCKERS_MAX 4
#define LOOKS_MAX    64 /* free places that are asked about power and reservations */

struct asking {
    const struct dr_core *core;
    const struct dr_job *job;
    const struct dr_shape *shape;
    uint32_t row;
    int64_t now_us;
    struct dr_why *why;
    struct dr_hold spare; /* for what the list has no room for */
    uint32_t looks;
    struct {
        dr_group_id group;
        uint32_t alternative;
        int yes;
    } owed; /* the last answer of all_owed() */
};

#define SAY(hold, ...)   dr_format((hold)->text, sizeof(hold)->text, __VA_ARGS__)
#define FREES(hold, ...) dr_format((hold)->frees, sizeof(hold)->frees, __VA_ARGS__)

static struct dr_hold *push(struct asking *asking, enum dr_reason reason)
{
    struct dr_why *why = asking->why;
    struct dr_hold *hold = &asking->spare;

    if (why->holds_count < DR_WHY_HOLDS_MAX) {
        hold = &why->holds[why->holds_count];
        why->holds_count += 1;
    }
    hold->reason = reason;
    return hold;
}

/* "4", "62.5 GB" */
static const char *amount_text(const struct dr_core *core, dr_group_id group, int64_t amount,
                               char text[DR_TEXT_BYTES])
{
    return core->groups[group.v - 1].resource == DR_RESOURCE_MEMORY ? dr_format_memory(amount, text)
                                                                    : dr_format_milli(amount, text);
}

static const char *resource_text(const struct dr_core *core, dr_group_id group)
{
    switch ((enum dr_resource)core->groups[group.v - 1].resource) {
    case DR_RESOURCE_ACCELERATORS:
        return "accelerators";
    case DR_RESOURCE_CPUS:
        return "CPUs";
    case DR_RESOURCE_MEMORY:
    case DR_RESOURCE_COUNT:
        break;
    }
    return "memory";
}

/* "4 accelerators", "1 CPU", "62.5 GB of memory" */
#define QUANTITY_BYTES (DR_TEXT_BYTES + 16)
static const char *quantity_text(const struct dr_core *core, dr_group_id group, int64_t amount,
                                 char text[QUANTITY_BYTES])
{
    const char *what = resource_text(core, group);
    char number[DR_TEXT_BYTES];

    if (core->groups[group.v - 1].resource == DR_RESOURCE_MEMORY)
        return dr_format(text, QUANTITY_BYTES, "%s of memory", dr_format_memory(amount, number));
    return dr_format(text, QUANTITY_BYTES, "%s %.*s", dr_format_milli(amount, number),
                     (int)(strlen(what) - (amount == 1000)), what);
}

static const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

/* ---- what lies in the job itself ---- */

static void held(struct asking *asking)
{
    const struct dr_job *job = asking->job;
    struct dr_hold *hold;

    if (!job->held)
        return;
    hold = push(asking, DR_REASON_HELD);
    if (dr_job_run(asking->core, job)->requeues > asking->core->settings.requeue_limit)
        SAY(hold, "job %llu is held: it has been requeued %u times, more than the limit of %u",
            (unsigned long long)job->id.v, dr_job_run(asking->core, job)->requeues,
            asking->core->settings.requeue_limit);
    else
        SAY(hold, "job %llu is held by its user or an operator", (unsigned long long)job->id.v);
    FREES(hold, "daero release %llu", (unsigned long long)job->id.v);
}

static void begin_time(struct asking *asking)
{
    char text[DR_TEXT_BYTES];
    struct dr_hold *hold;

    if (dr_job_terms(asking->core, asking->job)->begin_us <= asking->now_us)
        return;
    hold = push(asking, DR_REASON_BEGIN_TIME);
    hold->until_us = dr_job_terms(asking->core, asking->job)->begin_us;
    SAY(hold, "it is not to start before %s",
        dr_format_instant(dr_job_terms(asking->core, asking->job)->begin_us, text));
}

static void dependency(struct asking *asking)
{
    const struct dr_core *core = asking->core;
    const struct dr_edge *first = NULL;
    const struct dr_job *other;
    struct dr_hold *hold;
    uint32_t count = 0;

    for (uint32_t at = dr_job_ties(asking->core, asking->job)->edges; at != NONE;
         at = core->edges[at].next_of_dependent) {
        const struct dr_edge *edge = &core->edges[at];

        count += 1;
        if (first == NULL || core->jobs[edge->target.v].id.v < core->jobs[first->target.v].id.v)
            first = edge;
    }
    if (first == NULL)
        return;
    hold = push(asking, DR_REASON_DEPENDENCY);
    other = &core->jobs[first->target.v];
    hold->job = other->id;
    SAY(hold, "it waits for job %llu, which is %s (%s)%s", (unsigned long long)other->id.v,
        dr_job_state_name((enum dr_job_state)other->state), dr_dependency_kind_name(first->kind),
        count > 1 ? ", and for others" : "");
    FREES(hold, "the end of job %llu%s%s", (unsigned long long)other->id.v,
          first->kind == DR_DEPENDENCY_AFTEROK ? " with success" : "",
          count > 1 ? ", and of the others" : "");
}

static void array_limit(struct asking *asking)
{
    const struct dr_core *core = asking->core;
    uint32_t row =
        dr_job_terms(core, asking->job)->array_job == 0
            ? NONE
            : dr_row_map_find(&core->array_rows, dr_job_terms(core, asking->job)->array_job);
    struct dr_hold *hold;

    if (row == NONE || core->arrays[row].limit == 0 ||
        core->arrays[row].active < core->arrays[row].limit)
        return;
    hold = push(asking, DR_REASON_ARRAY_LIMIT);
    hold->has = core->arrays[row].active;
    hold->limit = core->arrays[row].limit;
    SAY(hold, "%u elements of array %llu run, as many as it allows at a time",
        core->arrays[row].active, (unsigned long long)dr_job_terms(core, asking->job)->array_job);
    FREES(hold, "the end of one of them");
}

/* It is flexible, has a deadline, and meets it in cheaper hours too. */
static void tariff(struct asking *asking)
{
    const struct dr_core *core = asking->core;
    dr_pool_id pool;
    int64_t later_us = dr_place_cheaper_us(core, asking->job, asking->now_us, &pool);
    struct dr_hold *hold;
    char text[DR_TEXT_BYTES];

    if (later_us == 0)
        return;
    hold = push(asking, DR_REASON_TARIFF);
    hold->pool = pool;
    hold->site = core->pools[pool.v - 1].site;
    hold->until_us = later_us;
    SAY(hold,
        "it is flexible, and energy is cheaper at %s if it starts at %s, early enough for its "
        "deadline",
        core->sites[hold->site.v - 1].name, dr_format_instant(later_us, text));
    FREES(hold, "these hours; without being flexible it would not wait for them");
}

/* ---- promises ---- */

static void reclaiming(struct asking *asking)
{
    const struct dr_job *job = asking->job;
    const struct dr_pool *pool =
        &asking->core->pools[dr_job_run(asking->core, job)->promise_pool.v - 1];
    struct dr_hold *hold = push(asking, DR_REASON_RECLAIMING);
    char text[DR_TEXT_BYTES];

    hold->pool = dr_job_run(asking->core, job)->promise_pool;
    hold->site = pool->site;
    hold->until_us = dr_job_run(asking->core, job)->promise_until_us;
    SAY(hold, "a place in %s/%s has been promised to it; those who hold it have been told to leave",
        asking->core->sites[pool->site.v - 1].name, pool->name);
    FREES(hold, "their end, at %s at the latest",
          dr_format_instant(dr_job_run(asking->core, job)->promise_until_us, text));
}

/* ---- where it could never run ---- */

/* No pool is feasible: of the nearest misses of all ways, what stands in the way in the one with
 * least. Where that is hardware, one hold tells of all ways. */
static void nowhere(struct asking *asking)
{
    const struct dr_core *core = asking->core;
    struct dr_miss best = {.obstacles = 0};
    struct dr_want best_want = {.tasks = 0};

    for (uint32_t i = dr_never_first(asking->shape); i < asking->shape->alternatives_count;
         i += 1) {
        struct dr_want want = dr_place_want(core, asking->job, i);
        struct dr_miss miss = dr_never_nearest(core, asking->shape, &want);
        int hard = (miss.obstacles & DR_OBSTACLES_HARD) != 0;
        int best_hard = (best.obstacles & DR_OBSTACLES_HARD) != 0;

        if (best.obstacles != 0 &&
            (hard > best_hard ||
             (hard == best_hard && dr_bit_count(miss.obstacles) >= dr_bit_count(best.obstacles))))
            continue;
        best = miss;
        best_want = want;
    }
    if (best.obstacles & DR_OBSTACLES_HARD) {
        struct dr_hold *hold = push(asking, DR_REASON_NEVER);

        dr_never_say(core, asking->shape, &best_want, &best,
                     (enum dr_obstacle)dr_bit_lowest(best.obstacles), hold);
        dr_never_all(core, asking->shape, asking->job->account, best_want.kept_at, hold->text,
                     sizeof hold->text);
        return;
    }
    for (unsigned rest = best.obstacles; rest != 0; rest &= rest - 1)
        dr_never_say(core, asking->shape, &best_want, &best, (enum dr_obstacle)dr_bit_lowest(rest),
                     push(asking, DR_REASON_LAW));
}

/* ---- what stands in the way in one place ---- */

struct place {
    struct dr_want want;
    dr_pool_id pool;
    uint8_t down;        /* too few of its nodes are up */
    enum dr_reason room; /* too little is free: CAPACITY, TOPOLOGY, GUARANTEES_OF; else NONE */
    uint64_t tasks;      /* of the gang that it could hold now, or a bound above */
    int64_t free;        /* accelerators */
    struct dr_quota_verdict quotas[DR_QUOTA_VERDICTS_MAX];
    uint32_t quotas_count;
    uint32_t beside_count; /* of quotas, the last: KEPT beside what others have reserved */
    struct dr_power_lack lack;
    struct dr_window_set windows; /* that would have to go */
    uint32_t windows_count;
    uint32_t blockers[BLOCKERS_MAX];
    uint32_t blockers_count; /* there may be more than in the list */
    uint32_t count;          /* of all that */
    enum dr_reason first;
};

static enum dr_resource main_of(const struct dr_want *want)
{
    return want->amounts.of[DR_RESOURCE_ACCELERATORS] > 0 ? DR_RESOURCE_ACCELERATORS
                                                          : DR_RESOURCE_CPUS;
}

/* The account below the root on the job's path; 0: it has none. */
static dr_account_id below_root(const struct dr_core *core, dr_account_id at)
{
    while (at.v > 1 && core->accounts[at.v - 1].parent.v > 1)
        at = core->accounts[at.v - 1].parent;
    return at.v > 1 ? at : (dr_account_id){0};
}

/* Is so much of the group in use within guarantees of others that no room is left for one above
 * its own? */
static int all_owed(struct asking *asking, const struct place *place)
{
    const struct dr_core *core = asking->core;
    enum dr_resource main = main_of(&place->want);
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
static void look_for_room(struct asking *asking, struct place *place)
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
static int has_room(const struct asking *asking, struct place *place,
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
static void look_for_windows(struct asking *asking, struct place *place)
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
static void think_limits(struct asking *asking, const struct place *place, int sign)
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
static uint32_t blockers_if_lent(struct asking *asking, const struct place *place,
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
    count = dr_backfill_blockers(core, asking->row, want, place->pool, asking->now_us,
                                 within_guarantee(core, asking->job), blockers, BLOCKERS_MAX);
    for (unsigned rest = lent; rest != 0; rest &= rest - 1)
        think_kept(core, &all[dr_bit_lowest(rest)]);
    dr_arena_reset(scratch, mark);
    return count;
}

/* Does what a group holds back keep the job from starting beside those who have reservations?
 * By how much. */
static int64_t kept_beside(const struct asking *asking, const struct place *place,
                           const struct dr_want *want, uint32_t resource)
{
    return want->amounts.of[resource] == 0
               ? 0
               : dr_backfill_kept(asking->core, asking->row, want, place->pool, asking->now_us,
                                  within_guarantee(asking->core, asking->job),
                                  (enum dr_resource)resource);
}

static void push_beside(const struct asking *asking, struct place *place, uint32_t resource,
                        int64_t lacks)
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
static void look_for_blockers(struct asking *asking, struct place *place,
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
        uint32_t blockers[BLOCKERS_MAX];
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
static void look_beyond(struct asking *asking, struct place *place)
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

static enum dr_reason first_of(const struct place *place)
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
static void order_quotas(struct place *place)
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
static void look_at(struct asking *asking, struct place *place, const struct place *best)
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
static int better(const struct place *a, const struct place *b)
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

/* ---- what is said of a place ---- */

struct telling {
    struct asking *asking;
    const struct dr_core *core;
    const struct place *place;
    const struct dr_pool *pool;
    const struct dr_site *site;
};

static struct dr_hold *push_here(const struct telling *telling, enum dr_reason reason)
{
    struct dr_hold *hold = push(telling->asking, reason);

    hold->pool = telling->place->pool;
    hold->site = telling->pool->site;
    return hold;
}

/* Nodes of the pool that would be up but for a power cap are named beside. Walks its nodes. */
static void say_off(const struct telling *telling, struct dr_hold *hold)
{
    const struct dr_core *core = telling->core;
    size_t used = strlen(hold->text);
    uint32_t off = 0;

    for (uint32_t i = 0; core->power->off_count > 0 && i < telling->pool->nodes_count; i += 1) {
        const struct dr_node *node = &core->nodes[dr_pool_node_row(telling->pool, i)];

        off += node->off && !node->down && !node->drained && !node->removed;
    }
    if (off > 0)
        dr_format(hold->text + used, sizeof hold->text - used,
                  "; %u node%s of %s/%s %s switched off to keep a power cap", off, plural(off),
                  telling->site->name, telling->pool->name, off == 1 ? "is" : "are");
}

static void say_down(const struct telling *telling)
{
    const struct place *place = telling->place;
    struct dr_hold *hold = push_here(telling, DR_REASON_SITE_DOWN);

    hold->has =
        (int64_t)dr_place_largest_if(telling->core, &place->want, place->pool, DR_PLACE_IF_EMPTY);
    hold->needs = place->want.tasks;
    if (!telling->site->answers) {
        SAY(hold, "site %s does not answer", telling->site->name);
        FREES(hold, "the site's answer");
        return;
    }
    SAY(hold,
        "too few nodes of %s/%s are up, %u of %u: even empty they would hold %lld of its %u tasks",
        telling->site->name, telling->pool->name, telling->pool->nodes_up,
        telling->pool->nodes_count, (long long)hold->has, place->want.tasks);
    say_off(telling, hold);
    FREES(hold, "nodes that come back or are resumed, for %lld more task%s",
          (long long)(hold->needs - hold->has), plural(hold->needs - hold->has));
}

static void say_quota(const struct telling *telling, const struct dr_quota_verdict *verdict)
{
    const struct dr_core *core = telling->core;
    struct dr_hold *hold = push_here(telling, DR_REASON_QUOTA);
    const char *account = core->accounts[verdict->account.v - 1].name;
    const char *group = core->groups[verdict->group.v - 1].name;
    const char *limit_name = verdict->firm ? "guarantee" : "borrowing limit";
    char has[QUANTITY_BYTES];
    char needs[DR_TEXT_BYTES];
    char limit[DR_TEXT_BYTES];
    char more[QUANTITY_BYTES];

    hold->account = verdict->account;
    hold->group = verdict->group;
    hold->has = verdict->has;
    hold->needs = verdict->needs;
    hold->limit = verdict->limit;
    hold->firm = verdict->firm;
    quantity_text(core, verdict->group, verdict->has, has);
    amount_text(core, verdict->group, verdict->needs, needs);
    amount_text(core, verdict->group, verdict->limit, limit);
    quantity_text(core, verdict->group, verdict->needs - verdict->limit, more);
    if (verdict->firm)
        SAY(hold,
            "account %s has %s of group %s in jobs that can't be taken, and would have %s with "
            "this one; its guarantee, within which alone such a job starts, is %s",
            account, has, group, needs, limit);
    else
        SAY(hold,
            "account %s has %s of group %s and would have %s with this job; its guarantee and "
            "borrowing limit together are %s",
            account, has, group, needs, limit);
    if (verdict->needs - verdict->has > verdict->limit)
        FREES(hold, "a %s of %s higher by %s; within the one that stands it can never start",
              limit_name, account, more);
    else
        FREES(hold, "%s given back by other jobs of %s, or a %s of %s higher by as much", more,
              account, limit_name, account);
}

/* Accounts that hold back most of a group while it lies idle, by name: the largest three first. */
static void name_keepers(const struct dr_core *core, struct dr_hold *hold, char *names,
                         size_t names_bytes)
{
    int64_t below = INT64_MAX;
    uint32_t last = 0;
    size_t used = 0;

    names[0] = 0;
    for (uint32_t i = 0; i < 3; i += 1) {
        dr_account_id keeper = {0};
        int64_t most = 0;
        char text[QUANTITY_BYTES];

        for (uint32_t row = 0; row < core->accounts_count; row += 1) {
            const struct dr_quota *quota = dr_quota_at(core, (dr_account_id){row + 1}, hold->group);
            int64_t idle = dr_quota_keep(quota) - quota->claim;

            if (idle > most && (idle < below || (idle == below && row + 1 > last))) {
                most = idle;
                keeper.v = row + 1;
            }
        }
        if (keeper.v == 0)
            return;
        if (i == 0)
            hold->account = keeper;
        below = most;
        last = keeper.v;
        dr_format(names + used, names_bytes - used, "%s%s (%s)", i == 0 ? "" : ", ",
                  core->accounts[keeper.v - 1].name, quantity_text(core, hold->group, most, text));
        used += strlen(names + used);
    }
}

static void say_kept(const struct telling *telling, const struct dr_quota_verdict *verdict,
                     int beside)
{
    const struct dr_core *core = telling->core;
    struct dr_hold *hold = push_here(telling, DR_REASON_KEPT);
    char names[160];
    char more[QUANTITY_BYTES];

    hold->account = verdict->account;
    hold->group = verdict->group;
    hold->has = verdict->has;
    hold->needs = verdict->needs;
    hold->limit = verdict->limit;
    name_keepers(core, hold, names, sizeof names);
    quantity_text(core, verdict->group, verdict->needs - verdict->limit, more);
    SAY(hold,
        "what is free in group %s is held back by lending limits%s%s: with this job%s %s too many "
        "would be taken or held back",
        core->groups[verdict->group.v - 1].name, names[0] == 0 ? "" : ", of account ", names,
        beside ? ", beside those that hold reservations," : "", more);
    FREES(hold, "lending limits higher by %s, or as much given back by others who borrow", more);
}

/* What is too little might be taken by fair share one day: from whom. */
static void say_fair(const struct telling *telling)
{
    const struct dr_core *core = telling->core;
    const struct dr_why *why = telling->asking->why;
    struct dr_hold *hold = &telling->asking->why->holds[why->holds_count - 1];
    size_t used = strlen(hold->frees);
    char span[DR_TEXT_BYTES];
    dr_account_id than;
    dr_account_id from = dr_fair_from(core, telling->asking->job, telling->place->pool,
                                      &telling->place->want.amounts, &than);

    if (from.v == 0)
        return;
    dr_format(
        hold->frees + used, sizeof hold->frees - used,
        "; or, by fair share, attempts of %s, which has more above its guarantee than %s "
        "would, once they have run %s",
        core->accounts[from.v - 1].name, core->accounts[than.v - 1].name,
        dr_format_duration(
            dr_max_i64(core->settings.minimum_run_us, core->settings.fair_minimum_run_us), span));
}

static void say_owed(const struct telling *telling)
{
    const struct dr_core *core = telling->core;
    struct dr_hold *hold = push_here(telling, DR_REASON_GUARANTEES_OF);
    enum dr_resource main = main_of(&telling->place->want);
    dr_group_id group = telling->pool->groups[main];
    char names[200] = "";
    char more[QUANTITY_BYTES];
    size_t used = 0;
    int64_t owed = 0;

    for (uint32_t row = core->accounts[0].first_child; row != NONE;
         row = core->accounts[row].next_sibling) {
        int64_t within = dr_min_i64(dr_quota_at(core, (dr_account_id){row + 1}, group)->claim,
                                    dr_quota_guarantee(core, (dr_account_id){row + 1}, group));

        if (within == 0)
            continue;
        owed += within;
        if (hold->account.v == 0)
            hold->account.v = row + 1;
        if (used < 120) {
            dr_format(names + used, sizeof names - used, "%s%s", used == 0 ? "" : ", ",
                      core->accounts[row].name);
            used += strlen(names + used);
        }
    }
    hold->group = group;
    hold->has = dr_max_i64(0, core->groups[group.v - 1].capacity - owed);
    hold->needs = telling->place->want.amounts.of[main];
    quantity_text(core, group, hold->needs - hold->has, more);
    SAY(hold,
        "the %s of group %s are in use within the guarantees of %s, and this job is above its "
        "own: nothing can be taken back for it",
        resource_text(core, group), core->groups[group.v - 1].name, names);
    FREES(hold, "%s given back by their jobs", more);
}

/* Would the gang fit but for CPUs, memory or data classes? Says so, and returns 1. */
static int say_beside(const struct telling *telling)
{
    const struct place *place = telling->place;
    struct dr_want bare = place->want;
    struct dr_hold *hold;
    const char *what;

    bare.cpus = 0;
    bare.memory_mb = 0;
    if (dr_place_largest_if(telling->core, &place->want, place->pool, DR_PLACE_IF_OPEN) >=
        place->want.tasks) {
        what = "they lie where jobs of other accounts are, and a data class lets neither share";
    } else if (dr_place_largest_if(telling->core, &bare, place->pool, 0) >= place->want.tasks) {
        bare.memory_mb = place->want.memory_mb;
        what = dr_place_largest_if(telling->core, &bare, place->pool, 0) >= place->want.tasks
                   ? "too few CPUs are free beside them"
                   : "too little memory is free beside them";
    } else {
        return 0;
    }
    hold = push_here(telling, DR_REASON_CAPACITY);
    hold->has = (int64_t)place->tasks;
    hold->needs = place->want.tasks;
    SAY(hold, "%s/%s has enough accelerators free, but %s: %lld of its %u tasks would fit",
        telling->site->name, telling->pool->name, what, (long long)hold->has, place->want.tasks);
    FREES(hold, "room for %lld more task%s in %s/%s: the end of jobs there",
          (long long)(hold->needs - hold->has), plural(hold->needs - hold->has),
          telling->site->name, telling->pool->name);
    return 1;
}

static void say_topology(const struct telling *telling)
{
    const struct dr_shape *shape = telling->asking->shape;
    const struct place *place = telling->place;
    int required = shape->level_kind == 2;
    struct dr_hold *hold = push_here(telling, DR_REASON_TOPOLOGY);

    hold->has = (int64_t)place->tasks;
    hold->needs = place->want.tasks;
    SAY(hold,
        "%s/%s has %lld accelerators free, but not close enough together: %s%s would take %lld of "
        "its %u tasks",
        telling->site->name, telling->pool->name, (long long)place->free,
        required ? "the best " : "its nodes", required ? shape->level : "", (long long)hold->has,
        place->want.tasks);
    FREES(hold, "room for %lld more task%s %s%s: the end of jobs there",
          (long long)(hold->needs - hold->has), plural(hold->needs - hold->has),
          required ? "in one " : "of its size on its nodes", required ? shape->level : "");
}

static void say_capacity(const struct telling *telling)
{
    const struct place *place = telling->place;
    struct dr_hold *hold = push_here(telling, DR_REASON_CAPACITY);
    char has[DR_TEXT_BYTES];
    char needs[DR_TEXT_BYTES];
    char more[DR_TEXT_BYTES];

    hold->has = place->free * 1000;
    hold->needs = place->want.amounts.of[DR_RESOURCE_ACCELERATORS];
    if (place->want.accelerators > 0 && hold->has < hold->needs) {
        SAY(hold, "too few accelerators are free: %s/%s comes nearest, with %s of %s",
            telling->site->name, telling->pool->name, dr_format_milli(hold->has, has),
            dr_format_milli(hold->needs, needs));
        FREES(hold, "%s more accelerator%s free there: the end of jobs, or more nodes",
              dr_format_milli(hold->needs - hold->has, more),
              hold->needs - hold->has == 1000 ? "" : "s");
        return;
    }
    hold->has = (int64_t)place->tasks;
    hold->needs = place->want.tasks;
    SAY(hold, "no pool has room for its %u task%s now; %s/%s comes nearest, with room for %lld",
        place->want.tasks, plural(place->want.tasks), telling->site->name, telling->pool->name,
        (long long)hold->has);
    FREES(hold, "room for %lld more task%s there: the end of jobs, or more nodes",
          (long long)(hold->needs - hold->has), plural(hold->needs - hold->has));
    say_off(telling, hold);
}

static void say_power(const struct telling *telling)
{
    const struct dr_core *core = telling->core;
    const struct dr_power_lack *lack = &telling->place->lack;
    struct dr_hold *hold = push_here(telling, DR_REASON_POWER);
    int in_zone = lack->zone.v != 0;
    const char *what = in_zone ? "zone" : "site";
    const char *name =
        in_zone ? core->zones[lack->zone.v - 1].name : core->sites[lack->site.v - 1].name;
    int later = lack->from_us > telling->asking->now_us;
    char from[DR_TEXT_BYTES];
    char until[DR_TEXT_BYTES];

    hold->zone = lack->zone;
    hold->has = in_zone ? dr_power_zone_w(core, lack->zone) : dr_power_site_w(core, lack->site);
    hold->limit = lack->cap_w;
    hold->needs = lack->cap_w + lack->missing_w;
    hold->until_us = lack->until_us == DR_FOREVER_US ? 0 : lack->until_us;
    if (later)
        SAY(hold, "%s %s would pass its power cap of %lld W, which begins at %s, by %lld W", what,
            name, (long long)lack->cap_w, dr_format_instant(lack->from_us, from),
            (long long)lack->missing_w);
    else if (lack->until_us != DR_FOREVER_US)
        SAY(hold, "%s %s would pass its power cap of %lld W, which holds until %s, by %lld W", what,
            name, (long long)lack->cap_w, dr_format_instant(lack->until_us, until),
            (long long)lack->missing_w);
    else
        SAY(hold, "%s %s would pass its power cap of %lld W by %lld W", what, name,
            (long long)lack->cap_w, (long long)lack->missing_w);
    FREES(hold, "%s%lld W less drawn by jobs there, or a cap higher by %lld W",
          later ? "a time limit short enough to end before then, " : "", (long long)lack->missing_w,
          (long long)lack->missing_w);
}

static void say_reservation(const struct telling *telling, uint32_t blocker)
{
    const struct dr_core *core = telling->core;
    const struct dr_job *other = &core->jobs[blocker];
    const struct dr_pool *pool = &core->pools[dr_job_run(core, other)->reservation_pool.v - 1];
    struct dr_hold *hold = push_here(telling, DR_REASON_RESERVATION);
    uint32_t factor = telling->asking->shape->alternatives[telling->place->want.alternative].factor;
    int64_t left_us = dr_job_run(core, other)->reservation_us - telling->asking->now_us;
    char text[DR_TEXT_BYTES];

    hold->job = other->id;
    hold->until_us = dr_job_run(core, other)->reservation_us;
    SAY(hold, "it would delay job %llu, which holds a reservation in %s/%s from %s",
        (unsigned long long)other->id.v, core->sites[pool->site.v - 1].name, pool->name,
        dr_format_instant(dr_job_run(core, other)->reservation_us, text));
    left_us = left_us <= 0 ? 0 : dr_mul_div_floor(left_us, 1000, factor);
    if (left_us >= DR_SECOND_US)
        FREES(hold, "a time limit of at most %s, or the start of job %llu",
              dr_format_duration(left_us / DR_SECOND_US * DR_SECOND_US, text),
              (unsigned long long)other->id.v);
    else
        FREES(hold, "the start of job %llu", (unsigned long long)other->id.v);
}

static void say_window(const struct telling *telling, const struct dr_window *window)
{
    const struct dr_core *core = telling->core;
    struct dr_hold *hold = push_here(telling, DR_REASON_RESERVATION);
    uint32_t factor = telling->asking->shape->alternatives[telling->place->want.alternative].factor;
    int64_t left_us = dr_max_i64(0, window->from_us - telling->asking->now_us);
    char names[160] = "maintenance";
    char from[DR_TEXT_BYTES];
    char until[DR_TEXT_BYTES];

    for (uint32_t i = 0; i < window->accounts_count; i += 1) {
        size_t used = i == 0 ? 0 : strlen(names);

        dr_format(names + used, sizeof names - used, "%s%s",
                  i > 0                         ? ", "
                  : window->accounts_count == 1 ? "account "
                                                : "accounts ",
                  core->accounts[window->accounts[i].v - 1].name);
    }
    hold->window = window->id;
    hold->account = window->accounts_count > 0 ? window->accounts[0] : (dr_account_id){0};
    hold->until_us = window->until_us;
    SAY(hold, "it would run into advance reservation %s in %s/%s, for %s, from %s until %s",
        window->name, telling->site->name, telling->pool->name, names,
        dr_format_instant(window->from_us, from), dr_format_instant(window->until_us, until));
    left_us = dr_mul_div_floor(left_us, 1000, factor);
    if (left_us >= DR_SECOND_US)
        FREES(hold, "a time limit of at most %s, or the end of advance reservation %s",
              dr_format_duration(left_us / DR_SECOND_US * DR_SECOND_US, from), window->name);
    else
        FREES(hold, "the end of advance reservation %s", window->name);
}

static void say_place(struct asking *asking, const struct place *place)
{
    const struct dr_core *core = asking->core;
    const struct dr_pool *pool = &core->pools[place->pool.v - 1];
    struct telling telling = {.asking = asking,
                              .core = core,
                              .place = place,
                              .pool = pool,
                              .site = &core->sites[pool->site.v - 1]};

    if (place->down)
        say_down(&telling);
    for (uint32_t i = 0; i < place->quotas_count; i += 1) {
        if (place->quotas[i].reason == DR_REASON_QUOTA)
            say_quota(&telling, &place->quotas[i]);
        else
            say_kept(&telling, &place->quotas[i], i + place->beside_count >= place->quotas_count);
    }
    if (place->room == DR_REASON_GUARANTEES_OF)
        say_owed(&telling);
    else if (place->room == DR_REASON_TOPOLOGY && !say_beside(&telling))
        say_topology(&telling);
    else if (place->room == DR_REASON_CAPACITY)
        say_capacity(&telling);
    if (place->room == DR_REASON_TOPOLOGY || place->room == DR_REASON_CAPACITY)
        say_fair(&telling);
    for (uint32_t i = 0; place->windows_count > 0 && i < core->windows_count; i += 1)
        if ((place->windows.words[i / 64] >> (i % 64)) & 1)
            say_window(&telling, &core->windows[i]);
    if (place->lack.missing_w > 0)
        say_power(&telling);
    for (uint32_t i = 0; i < dr_min_u32(place->blockers_count, BLOCKERS_MAX); i += 1)
        say_reservation(&telling, place->blockers[i]);
    if (place->blockers_count > BLOCKERS_MAX) {
        struct dr_hold *hold = push_here(&telling, DR_REASON_RESERVATION);

        SAY(hold, "it would delay %u more that hold reservations",
            place->blockers_count - BLOCKERS_MAX);
    }
}

/* ---- whether it could ever start ---- */

/* Would an idle site stay under its cap, and its zone's, with the job, at least in some interval?
 */
static int power_ever(const struct dr_core *core, const struct place *place)
{
    const struct dr_pool *pool = &core->pools[place->pool.v - 1];
    const struct dr_power_domain *site = &core->power->domains[pool->site.v - 1];
    int64_t more_mw = 0;

    if (pool->chip.v != 0)
        more_mw = place->want.amounts.of[DR_RESOURCE_ACCELERATORS] *
                  (core->chips[pool->chip.v - 1].busy_w - core->chips[pool->chip.v - 1].idle_w);
    for (const struct dr_power_domain *at = site; at != NULL;
         at = at == site && site->zone != NONE ? &core->power->domains[site->zone] : NULL) {
        int fits = at->count == 0;

        for (uint32_t i = 0; i < at->count && !fits; i += 1)
            fits = at->idle_uw + more_mw * site->pue_milli <=
                   core->power->intervals[at->first + i].cap_uw;
        if (!fits)
            return 0;
    }
    return 1;
}

/* ---- all of it ---- */

/* One (way, pool) after another; the least that stands in the way. Returns 0 if none is feasible.
 */
static int search(struct asking *asking, struct place *best)
{
    const struct dr_core *core = asking->core;
    int feasible = 0;

    for (uint32_t i = 0; i < asking->shape->alternatives_count; i += 1) {
        struct dr_want want = dr_place_want(core, asking->job, i);

        for (uint32_t row = 0; row < core->pools_count; row += 1) {
            struct place place = {.pool = {0}};

            if (!dr_place_feasible(core, &want, (dr_pool_id){row + 1}))
                continue;
            feasible = 1;
            place.want = want;
            place.pool.v = row + 1;
            asking->why->ever |=
                (uint8_t)(dr_quota_ever(core, asking->job->account, place.pool, &want.amounts,
                                        !dr_job_terms(core, asking->job)->preemptible) &&
                          power_ever(core, &place));
            look_at(asking, &place, best);
            if (better(&place, best))
                *best = place;
        }
    }
    return feasible;
}

static void nothing_holds(struct asking *asking)
{
    struct dr_why *why = asking->why;
    struct dr_hold *hold;

    if (why->before == 0) {
        SAY(&why->holds[0], "nothing holds it; the next decision looks at it");
        return;
    }
    hold = push(asking, DR_REASON_PRIORITY);
    hold->account = asking->job->account;
    hold->has = why->before;
    SAY(hold, "%u job%s of account %s come%s first", why->before, plural(why->before),
        asking->core->accounts[asking->job->account.v - 1].name, why->before == 1 ? "s" : "");
}

void dr_why(const struct dr_core *core, dr_job_id job, int64_t now_us, struct dr_why *why)
{
    dr_job_row row = dr_job_find(core, job);
    struct asking asking = {.core = core, .row = row.v, .now_us = now_us, .why = why};
    struct place best = {.pool = {0}};

    memset(why, 0, sizeof *why);
    if (row.v == NONE) {
        SAY(&why->holds[0], "there is no job %llu", (unsigned long long)job.v);
        return;
    }
    asking.job = &core->jobs[row.v];
    asking.shape = &core->shapes[asking.job->shape];
    if (asking.job->state != DR_JOB_PENDING) {
        SAY(&why->holds[0],
            dr_job_state_ended(asking.job->state) ? "job %llu has ended: %s" : "job %llu is %s",
            (unsigned long long)job.v, dr_job_state_name((enum dr_job_state)asking.job->state));
        return;
    }
    why->reserved_us = dr_job_run(core, asking.job)->reservation == NONE
                           ? 0
                           : dr_job_run(core, asking.job)->reservation_us;
    if (asking.job->queue_class != NONE && asking.job->queue_class > DR_QUEUE_PROMISED)
        why->before = dr_queue_before(core, row);
    held(&asking);
    begin_time(&asking);
    dependency(&asking);
    array_limit(&asking);
    if (dr_job_run(core, asking.job)->promise != NONE) {
        why->ever = 1;
        reclaiming(&asking);
        return;
    }
    tariff(&asking);
    if (!search(&asking, &best))
        nowhere(&asking);
    else
        say_place(&asking, &best);
    if (why->holds_count == 0)
        nothing_holds(&asking);
}
