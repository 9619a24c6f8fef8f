/* SPDX-License-Identifier: Apache-2.0 */
/* dr_why(): what holds a job (POLICY, section 9). One question after another, in the order of the
 * table of reasons; the first that says yes is the answer. It asks the same functions as a decision
 * does, so that the two can't disagree. */
#include "core/backfill.h"

#include "base/math.h"
#include "core/power.h"
#include "core/quota.h"

#define NONE DR_ROW_NONE

struct asking {
    const struct dr_core *core;
    const struct dr_job *job;
    uint32_t row;
    int64_t now_us;
    struct dr_why *why;
};

#define SAY(asking, ...)   dr_format((asking)->why->text, sizeof(asking)->why->text, __VA_ARGS__)
#define FREES(asking, ...) dr_format((asking)->why->frees, sizeof(asking)->why->frees, __VA_ARGS__)

static int found(struct asking *asking, enum dr_reason reason)
{
    asking->why->reason = reason;
    return 1;
}

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

/* ---- what lies in the job itself ---- */

static int not_waiting(struct asking *asking)
{
    const struct dr_job *job = asking->job;

    if (job->state == DR_JOB_PENDING)
        return 0;
    SAY(asking, dr_job_state_ended(job->state) ? "job %llu has ended: %s" : "job %llu is %s",
        (unsigned long long)job->id.v, dr_job_state_name((enum dr_job_state)job->state));
    return found(asking, DR_REASON_NONE);
}

static int held(struct asking *asking)
{
    const struct dr_job *job = asking->job;

    if (!job->held)
        return 0;
    if (job->requeues > asking->core->settings.requeue_limit)
        SAY(asking, "job %llu is held: it has been requeued %u times, more than the limit of %u",
            (unsigned long long)job->id.v, job->requeues, asking->core->settings.requeue_limit);
    else
        SAY(asking, "job %llu is held by its user or an operator", (unsigned long long)job->id.v);
    FREES(asking, "daero release %llu", (unsigned long long)job->id.v);
    return found(asking, DR_REASON_HELD);
}

static int begin_time(struct asking *asking)
{
    char text[DR_TEXT_BYTES];

    if (asking->job->begin_us <= asking->now_us)
        return 0;
    asking->why->until_us = asking->job->begin_us;
    SAY(asking, "it is not to start before %s", dr_format_instant(asking->job->begin_us, text));
    return found(asking, DR_REASON_BEGIN_TIME);
}

static int dependency(struct asking *asking)
{
    const struct dr_core *core = asking->core;
    const struct dr_edge *first = NULL;
    const struct dr_job *other;
    uint32_t count = 0;

    for (uint32_t at = asking->job->edges; at != NONE; at = core->edges[at].next_of_dependent) {
        const struct dr_edge *edge = &core->edges[at];

        count += 1;
        if (first == NULL || core->jobs[edge->target.v].id.v < core->jobs[first->target.v].id.v)
            first = edge;
    }
    if (first == NULL)
        return 0;
    other = &core->jobs[first->target.v];
    asking->why->job = other->id;
    SAY(asking, "it waits for job %llu, which is %s (%s)%s", (unsigned long long)other->id.v,
        dr_job_state_name((enum dr_job_state)other->state), dr_dependency_kind_name(first->kind),
        count > 1 ? ", and for others" : "");
    FREES(asking, "the end of job %llu%s", (unsigned long long)other->id.v,
          first->kind == DR_DEPENDENCY_AFTEROK ? " with success" : "");
    return found(asking, DR_REASON_DEPENDENCY);
}

static int array_limit(struct asking *asking)
{
    const struct dr_core *core = asking->core;
    uint32_t row =
        asking->job->array_job == 0 ? NONE : dr_map_find(&core->array_rows, asking->job->array_job);

    if (row == NONE || core->arrays[row].limit == 0 ||
        core->arrays[row].active < core->arrays[row].limit)
        return 0;
    asking->why->has = core->arrays[row].active;
    asking->why->limit = core->arrays[row].limit;
    SAY(asking, "%u elements of array %llu run, as many as it allows at a time",
        core->arrays[row].active, (unsigned long long)asking->job->array_job);
    FREES(asking, "the end of one of them");
    return found(asking, DR_REASON_ARRAY_LIMIT);
}

/* ---- promises ---- */

static int reclaiming(struct asking *asking)
{
    const struct dr_job *job = asking->job;
    char text[DR_TEXT_BYTES];

    if (job->promise == NONE)
        return 0;
    asking->why->pool = job->promise_pool;
    asking->why->until_us = job->promise_until_us;
    SAY(asking, "a place in %s has been promised to it; those who hold it have been told to leave",
        asking->core->pools[job->promise_pool.v - 1].name);
    FREES(asking, "their end, at %s at the latest", dr_format_instant(job->promise_until_us, text));
    return found(asking, DR_REASON_RECLAIMING);
}

/* ---- where it could ever run ---- */

static int nowhere(struct asking *asking)
{
    const struct dr_core *core = asking->core;
    enum dr_obstacle worst = DR_OBSTACLE_NONE;
    uint32_t nearest = 0;
    const char *site;

    for (uint32_t i = 0; i < core->shapes[asking->job->shape].alternatives_count; i += 1) {
        struct dr_want want = dr_place_want(core, asking->job, i);

        for (uint32_t pool = 0; pool < core->pools_count; pool += 1) {
            enum dr_obstacle obstacle = dr_place_obstacle(core, &want, (dr_pool_id){pool + 1});

            if (obstacle == DR_OBSTACLE_NONE)
                return 0;
            if (obstacle > worst) {
                worst = obstacle;
                nearest = pool;
            }
        }
    }
    if (worst <= DR_OBSTACLE_REMOVED) {
        SAY(asking, "there is no pool that could run it");
        return found(asking, DR_REASON_NEVER);
    }
    asking->why->pool.v = nearest + 1;
    asking->why->site = core->pools[nearest].site;
    site = core->sites[core->pools[nearest].site.v - 1].name;
    SAY(asking, "no pool may or can hold it, even when empty; nearest is %s/%s: %s", site,
        core->pools[nearest].name, dr_obstacle_text(worst));
    if (worst == DR_OBSTACLE_DATA)
        return found(asking, DR_REASON_DATA);
    return found(asking, worst >= DR_OBSTACLE_SITE ? DR_REASON_LAW : DR_REASON_NEVER);
}

/* ---- where it may run, one (alternative, pool) after another ---- */

struct place {
    struct dr_want want;
    dr_pool_id pool;
};

/* The next feasible pool after `place`; 0: none left. Start with pool id 0. */
static int next_place(const struct asking *asking, struct place *place)
{
    const struct dr_core *core = asking->core;
    uint32_t ways = core->shapes[asking->job->shape].alternatives_count;

    for (;;) {
        place->pool.v += 1;
        if (place->pool.v > core->pools_count) {
            if (place->want.alternative + 1 >= ways)
                return 0;
            place->pool.v = 0;
            place->want = dr_place_want(core, asking->job, place->want.alternative + 1);
            continue;
        }
        if (dr_place_feasible(core, &place->want, place->pool))
            return 1;
    }
}

static struct place first_place(const struct asking *asking)
{
    return (struct place){.want = dr_place_want(asking->core, asking->job, 0), .pool = {0}};
}

static int site_down(struct asking *asking)
{
    const struct dr_core *core = asking->core;
    struct place place = first_place(asking);
    dr_pool_id first = {0};
    const struct dr_site *site;

    while (next_place(asking, &place)) {
        uint64_t tasks = dr_place_tasks_per_node(core, &place.want, place.pool);

        if (tasks * core->pools[place.pool.v - 1].nodes_up >= place.want.tasks)
            return 0;
        if (first.v == 0)
            first = place.pool;
    }
    site = &core->sites[core->pools[first.v - 1].site.v - 1];
    asking->why->pool = first;
    asking->why->site = core->pools[first.v - 1].site;
    if (!site->answers)
        SAY(asking, "site %s does not answer", site->name);
    else
        SAY(asking, "too few nodes of %s/%s are up: %u of %u", site->name,
            core->pools[first.v - 1].name, core->pools[first.v - 1].nodes_up,
            core->pools[first.v - 1].nodes_count);
    FREES(asking, "%s",
          !site->answers ? "the site's answer" : "nodes that come back or are resumed");
    return found(asking, DR_REASON_SITE_DOWN);
}

/* It is flexible, has a deadline, and meets it in cheaper hours too. */
static int tariff(struct asking *asking)
{
    const struct dr_core *core = asking->core;
    dr_pool_id pool;
    int64_t later_us = dr_place_cheaper_us(core, asking->job, asking->now_us, &pool);
    char text[DR_TEXT_BYTES];

    if (later_us == 0)
        return 0;
    asking->why->pool = pool;
    asking->why->site = core->pools[pool.v - 1].site;
    asking->why->until_us = later_us;
    SAY(asking,
        "it is flexible, and energy is cheaper at %s if it starts at %s, early enough for its "
        "deadline",
        core->sites[asking->why->site.v - 1].name, dr_format_instant(later_us, text));
    FREES(asking, "these hours; without being flexible it would not wait for them");
    return found(asking, DR_REASON_TARIFF);
}

/* The account that holds back most of a group while it lies idle. */
static dr_account_id largest_keeper(const struct dr_core *core, dr_group_id group)
{
    dr_account_id keeper = {0};
    int64_t most = 0;

    for (uint32_t row = 0; row < core->accounts_count; row += 1) {
        const struct dr_quota *quota = dr_quota_at(core, (dr_account_id){row + 1}, group);
        int64_t idle = dr_quota_keep(quota) - quota->claim;

        if (idle > most) {
            most = idle;
            keeper.v = row + 1;
        }
    }
    return keeper;
}

/* The same, where no quota of an account stops it. What the root has no capacity for counts as
 * such: that is a question of room. */
static int next_open_place(const struct asking *asking, struct place *place)
{
    while (next_place(asking, place)) {
        enum dr_reason reason =
            dr_quota_check(asking->core, asking->job->account, place->pool, &place->want.amounts,
                           !asking->job->preemptible, NULL)
                .reason;

        if (reason == DR_REASON_NONE || reason == DR_REASON_CAPACITY)
            return 1;
    }
    return 0;
}

/* Does a quota stop it in every pool? Capacity is no quota: that comes later. */
static int quota(struct asking *asking)
{
    const struct dr_core *core = asking->core;
    struct place place = first_place(asking);
    struct dr_quota_verdict first = {.reason = DR_REASON_NONE};
    char has[DR_TEXT_BYTES];
    char needs[DR_TEXT_BYTES];
    char limit[DR_TEXT_BYTES];

    while (next_place(asking, &place)) {
        struct dr_quota_verdict verdict =
            dr_quota_check(core, asking->job->account, place.pool, &place.want.amounts,
                           !asking->job->preemptible, NULL);

        if (verdict.reason == DR_REASON_NONE || verdict.reason == DR_REASON_CAPACITY)
            return 0;
        if (first.reason == DR_REASON_NONE)
            first = verdict;
    }
    asking->why->account = first.account;
    asking->why->group = first.group;
    asking->why->has = first.has;
    asking->why->needs = first.needs;
    asking->why->limit = first.limit;
    amount_text(core, first.group, first.has, has);
    amount_text(core, first.group, first.needs, needs);
    amount_text(core, first.group, first.limit, limit);
    if (first.reason == DR_REASON_KEPT) {
        dr_account_id keeper = largest_keeper(core, first.group);

        if (keeper.v != 0)
            asking->why->account = keeper;
        SAY(asking, "%s of %s: what is free is held back by the lending limit of account %s",
            resource_text(core, first.group), core->groups[first.group.v - 1].name,
            core->accounts[asking->why->account.v - 1].name);
        FREES(asking, "a higher lending limit of %s, or the end of another borrower's job",
              core->accounts[asking->why->account.v - 1].name);
        return found(asking, DR_REASON_KEPT);
    }
    SAY(asking, "account %s has %s %s of group %s and would have %s with this job; its %s is %s",
        core->accounts[first.account.v - 1].name, has, resource_text(core, first.group),
        core->groups[first.group.v - 1].name, needs,
        asking->job->preemptible
            ? "guarantee and borrowing limit together"
            : "guarantee, within which alone a job that can't be taken starts,",
        limit);
    FREES(asking, "the end of another job of %s, or a higher limit",
          core->accounts[first.account.v - 1].name);
    return found(asking, DR_REASON_QUOTA);
}

/* Is so much owed to guarantees of others, who use it, that no room is left for one above its own?
 */
static int guarantees_of(struct asking *asking)
{
    const struct dr_core *core = asking->core;
    struct place place = first_place(asking);
    dr_group_id group = {0};
    char names[200] = "";
    size_t used = 0;

    while (next_open_place(asking, &place)) {
        enum dr_resource main = place.want.amounts.of[DR_RESOURCE_ACCELERATORS] > 0
                                    ? DR_RESOURCE_ACCELERATORS
                                    : DR_RESOURCE_CPUS;
        int64_t owed = 0;

        group = core->pools[place.pool.v - 1].groups[main];
        for (dr_account_id at = asking->job->account; at.v != 0;
             at = core->accounts[at.v - 1].parent)
            if (core->accounts[at.v - 1].parent.v == 1 &&
                dr_quota_within_guarantee(core, at, place.pool, &place.want.amounts))
                return 0;
        for (uint32_t row = core->accounts[0].first_child; row != NONE;
             row = core->accounts[row].next_sibling)
            owed += dr_min_i64(dr_quota_at(core, (dr_account_id){row + 1}, group)->claim,
                               dr_quota_guarantee(core, (dr_account_id){row + 1}, group));
        if (owed + place.want.amounts.of[main] <= core->groups[group.v - 1].capacity)
            return 0;
    }
    for (uint32_t row = core->accounts[0].first_child; row != NONE;
         row = core->accounts[row].next_sibling) {
        if (dr_min_i64(dr_quota_at(core, (dr_account_id){row + 1}, group)->claim,
                       dr_quota_guarantee(core, (dr_account_id){row + 1}, group)) == 0)
            continue;
        if (asking->why->account.v == 0)
            asking->why->account.v = row + 1;
        if (used < 120) {
            dr_format(names + used, sizeof names - used, "%s%s", used == 0 ? "" : ", ",
                      core->accounts[row].name);
            used += strlen(names + used);
        }
    }
    asking->why->group = group;
    SAY(asking, "%s of %s are in use within the guarantees of %s", resource_text(core, group),
        core->groups[group.v - 1].name, names);
    FREES(asking, "the end of one of their jobs");
    return found(asking, DR_REASON_GUARANTEES_OF);
}

/* A cap stands in the way, of a site or of the zone above it, now or in an interval that the job
 * would run into. */
static int found_power(struct asking *asking, const struct dr_power_lack *lack)
{
    const struct dr_core *core = asking->core;
    int in_zone = lack->zone.v != 0;
    const char *what = in_zone ? "zone" : "site";
    const char *name =
        in_zone ? core->zones[lack->zone.v - 1].name : core->sites[lack->site.v - 1].name;
    char from[DR_TEXT_BYTES];
    char until[DR_TEXT_BYTES];

    asking->why->zone = lack->zone;
    asking->why->has =
        in_zone ? dr_power_zone_w(core, lack->zone) : dr_power_site_w(core, lack->site);
    asking->why->limit = lack->cap_w;
    asking->why->needs = lack->cap_w + lack->missing_w;
    asking->why->until_us = lack->until_us == DR_FOREVER_US ? 0 : lack->until_us;
    if (lack->from_us > asking->now_us)
        SAY(asking, "%s %s would pass its power cap of %lld W, which begins at %s, by %lld W", what,
            name, (long long)lack->cap_w, dr_format_instant(lack->from_us, from),
            (long long)lack->missing_w);
    else if (lack->until_us != DR_FOREVER_US)
        SAY(asking, "%s %s would pass its power cap of %lld W, which holds until %s, by %lld W",
            what, name, (long long)lack->cap_w, dr_format_instant(lack->until_us, until),
            (long long)lack->missing_w);
    else
        SAY(asking, "%s %s would pass its power cap of %lld W by %lld W", what, name,
            (long long)lack->cap_w, (long long)lack->missing_w);
    if (lack->from_us > asking->now_us)
        FREES(asking, "a time limit short enough to end before then, the end of a job there that "
                      "would run as long, or a higher cap");
    else
        FREES(asking, "the end of a job there, or a higher cap");
    return found(asking, DR_REASON_POWER);
}

/* Amounts, then nodes and levels, then power: the pool that comes furthest is the answer. */
static int no_room(struct asking *asking)
{
    const struct dr_core *core = asking->core;
    struct place place = first_place(asking);
    struct place nearest = {.pool = {0}};
    enum dr_reason furthest = DR_REASON_NONE;
    uint64_t most = 0;
    int64_t most_free = 0;
    struct dr_power_lack missing = {0};
    const struct dr_pool *pool;
    const struct dr_site *site;
    char has[DR_TEXT_BYTES];
    char needs[DR_TEXT_BYTES];

    while (next_open_place(asking, &place)) {
        struct dr_arena *scratch = (struct dr_arena *)&core->scratch;
        size_t mark = scratch->used;
        uint64_t largest = dr_place_largest(core, &place.want, place.pool);
        int64_t free = core->pools[place.pool.v - 1].accelerators_free;
        enum dr_reason reason = DR_REASON_CAPACITY;
        struct dr_power_lack lack = {0};
        int64_t watts = 0;

        if (largest >= place.want.tasks) {
            struct dr_extent *extents =
                dr_decision_extents((struct dr_core *)core, &place.want, place.pool);
            uint32_t count = dr_place_find(core, &place.want, place.pool, extents);

            watts = dr_place_power_missing(
                core, &place.want, place.pool, extents, count, asking->now_us,
                dr_power_until_us(core, asking->job, place.want.alternative, asking->now_us),
                &lack);
            dr_arena_reset(scratch, mark);
            if (dr_quota_check(core, asking->job->account, place.pool, &place.want.amounts,
                               !asking->job->preemptible, NULL)
                    .reason == DR_REASON_NONE) {
                if (watts == 0)
                    return 0;
                reason = DR_REASON_POWER;
            }
        } else if (place.want.accelerators > 0 &&
                   free * 1000 >= place.want.amounts.of[DR_RESOURCE_ACCELERATORS]) {
            reason = DR_REASON_TOPOLOGY;
        }
        if (nearest.pool.v == 0 || reason > furthest ||
            (reason == furthest && (largest > most || (largest == most && free > most_free)))) {
            most_free = free;
            nearest = place;
            furthest = reason;
            most = largest;
            missing = lack;
        }
    }
    pool = &core->pools[nearest.pool.v - 1];
    site = &core->sites[pool->site.v - 1];
    asking->why->pool = nearest.pool;
    asking->why->site = pool->site;
    if (furthest == DR_REASON_POWER)
        return found_power(asking, &missing);
    if (furthest == DR_REASON_TOPOLOGY) {
        const struct dr_shape *shape = &core->shapes[asking->job->shape];
        int required = shape->level_kind == 2;

        asking->why->has = (int64_t)most;
        asking->why->needs = nearest.want.tasks;
        SAY(asking,
            "%s/%s has %lld accelerators free, but not close enough together: %s%s would take %llu "
            "of its %u tasks",
            site->name, pool->name, (long long)pool->accelerators_free,
            required ? "the best " : "its nodes", required ? shape->level : "",
            (unsigned long long)most, nearest.want.tasks);
        FREES(asking, "the end of jobs on the same %s", required ? shape->level : "nodes");
        return found(asking, DR_REASON_TOPOLOGY);
    }
    asking->why->has = pool->accelerators_free * 1000;
    asking->why->needs = nearest.want.amounts.of[DR_RESOURCE_ACCELERATORS];
    if (nearest.want.accelerators == 0) {
        asking->why->has = (int64_t)most;
        asking->why->needs = nearest.want.tasks;
        SAY(asking,
            "no pool has room for its %u tasks now; %s/%s comes nearest, with room for %llu",
            nearest.want.tasks, site->name, pool->name, (unsigned long long)most);
    } else {
        SAY(asking, "too few accelerators are free: %s/%s comes nearest, with %s of %s", site->name,
            pool->name, dr_format_milli(asking->why->has, has),
            dr_format_milli(asking->why->needs, needs));
    }
    FREES(asking, "the end of jobs there");
    return found(asking, DR_REASON_CAPACITY);
}

/* It would fit, but for what has been reserved for others. */
static int reserved(struct asking *asking)
{
    const struct dr_core *core = asking->core;
    struct place place = first_place(asking);
    char text[DR_TEXT_BYTES];
    uint32_t first = NONE;

    while (next_open_place(asking, &place)) {
        uint32_t blocker;

        if (dr_place_largest(core, &place.want, place.pool) < place.want.tasks ||
            dr_quota_check(core, asking->job->account, place.pool, &place.want.amounts,
                           !asking->job->preemptible, NULL)
                    .reason != DR_REASON_NONE)
            continue;
        blocker = dr_backfill_blocker(core, asking->job, &place.want, place.pool, asking->now_us);
        if (blocker == NONE)
            return 0;
        if (first == NONE) {
            first = blocker;
            asking->why->pool = place.pool;
        }
    }
    if (first == NONE)
        return 0;
    asking->why->job = core->jobs[first].id;
    asking->why->until_us = core->jobs[first].reservation_us;
    SAY(asking, "it would delay job %llu, which holds a reservation in %s from %s",
        (unsigned long long)core->jobs[first].id.v, core->pools[asking->why->pool.v - 1].name,
        dr_format_instant(core->jobs[first].reservation_us, text));
    FREES(asking, "a time limit short enough to end before then");
    return found(asking, DR_REASON_RESERVATION);
}

static void last_of_all(struct asking *asking)
{
    if (asking->why->before > 0) {
        asking->why->account = asking->job->account;
        SAY(asking, "%u job%s of account %s come%s first", asking->why->before,
            asking->why->before == 1 ? "" : "s",
            asking->core->accounts[asking->job->account.v - 1].name,
            asking->why->before == 1 ? "s" : "");
        asking->why->reason = DR_REASON_PRIORITY;
        return;
    }
    SAY(asking, "nothing holds it; the next decision looks at it");
    asking->why->reason = DR_REASON_NONE;
}

void dr_why(const struct dr_core *core, dr_job_id job, int64_t now_us, struct dr_why *why)
{
    dr_job_row row = dr_job_find(core, job);
    struct asking asking = {.core = core, .row = row.v, .now_us = now_us, .why = why};

    memset(why, 0, sizeof *why);
    if (row.v == NONE) {
        SAY(&asking, "there is no job %llu", (unsigned long long)job.v);
        return;
    }
    asking.job = &core->jobs[row.v];
    if (not_waiting(&asking))
        return;
    why->reserved_us = asking.job->reservation == NONE ? 0 : asking.job->reservation_us;
    if (asking.job->queue_class != NONE && asking.job->queue_class > DR_QUEUE_PROMISED)
        why->before = dr_queue_before(core, row);
    if (held(&asking) || begin_time(&asking) || dependency(&asking) || array_limit(&asking) ||
        reclaiming(&asking) || nowhere(&asking) || site_down(&asking) || tariff(&asking) ||
        quota(&asking) || guarantees_of(&asking) || no_room(&asking) || reserved(&asking))
        return;
    last_of_all(&asking);
}
