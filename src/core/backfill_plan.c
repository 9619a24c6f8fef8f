/* SPDX-License-Identifier: Apache-2.0 */
/* When and where a blocked job could start: its reservation. See backfill.h; read
 * dr_backfill_reserve() first. */
#include "core/backfill.h"

#include "base/math.h"
#include "base/sort.h"
#include "core/ends.h"
#include "core/gate.h"
#include "core/pledges.h"
#include "core/power.h"
#include "core/quota.h"
#include "core/space.h"
#include "core/vacancy.h"
#include "core/window.h"

#define NONE DR_ROW_NONE

struct end {
    int64_t end_us;
    uint32_t row;
};

static int compare_ends(const void *a, const void *b, const void *context)
{
    const struct dr_core *core = context;
    const struct end *x = a;
    const struct end *y = b;

    if (x->end_us != y->end_us)
        return x->end_us < y->end_us ? -1 : 1;
    return core->jobs[x->row].id.v < core->jobs[y->row].id.v ? -1 : 1;
}

/* The highest account on a job's path, the root aside, whose quota can stop it: one with a
 * borrowing limit, or for a job that can't be taken its own. 0: only the root's capacity can. */
static dr_account_id highest_limited(const struct dr_core *core, const struct dr_job *job,
                                     const struct dr_pool *pool)
{
    dr_account_id highest = {dr_job_terms(core, job)->preemptible ? 0 : job->account.v};

    for (dr_account_id at = job->account; core->accounts[at.v - 1].parent.v != 0;
         at = core->accounts[at.v - 1].parent)
        for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
            const struct dr_quota *quota = dr_quota_at(core, at, pool->groups[resource]);

            if (quota->borrow < DR_FOREVER_US - quota->guarantee)
                highest = at;
        }
    return highest;
}

/* Could capacity that is claimed or held back be in the way too, whatever stands below the root? */
static int root_may_refuse(const struct dr_core *core, const struct dr_pool *pool,
                           const struct dr_amounts *amounts)
{
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
        dr_group_id group = pool->groups[resource];

        if (amounts->of[resource] != 0 &&
            dr_quota_at(core, (dr_account_id){1}, group)->occupied + amounts->of[resource] >
                core->groups[group.v - 1].capacity)
            return 1;
    }
    return 0;
}

struct ends {
    struct end *ends;
    uint32_t count;
    int64_t now_us;
};

static void push_end(const struct dr_core *core, struct ends *ends, uint32_t row)
{
    ends->ends[ends->count] = (struct end){dr_ends_of(core, row, ends->now_us), row};
    ends->count += 1;
}

/* Whose ends help a job that waits for more than room in its pool. */
struct helpers {
    dr_pool_id pool;
    dr_account_id account; /* whose quota may be in the way; 0: the root's */
    int any_quota;         /* a quota is in the way */
    int of_power;          /* a power cap holds there: what draws less under it helps */
};

/* Under one cap: of the same site, or of sites in the same grid zone. */
static int share_power(const struct dr_core *core, dr_site_id a, dr_site_id b)
{
    const struct dr_power_domain *domains = core->power->domains;

    return a.v == b.v ||
           (domains[a.v - 1].zone != NONE && domains[a.v - 1].zone == domains[b.v - 1].zone);
}

static int pool_helps(const struct dr_core *core, const struct helpers *helpers, uint32_t row)
{
    const struct dr_pool *own = &core->pools[helpers->pool.v - 1];
    const struct dr_pool *other = &core->pools[row];

    return row == helpers->pool.v - 1 ||
           (helpers->of_power && share_power(core, own->site, other->site)) ||
           (helpers->any_quota && helpers->account.v == 0 &&
            (other->groups[0].v == own->groups[0].v || other->groups[1].v == own->groups[1].v ||
             other->groups[2].v == own->groups[2].v));
}

/* Levels are few. */
static void push_account(const struct dr_core *core, struct ends *ends, uint32_t account_row,
                         const struct helpers *helpers)
{
    for (uint32_t row = dr_place_attempts_of(core, (dr_account_id){account_row + 1}); row != NONE;
         row = dr_place_attempts_of_next(core, row))
        if (!pool_helps(core, helpers, dr_job_run(core, &core->jobs[row])->pool.v - 1) &&
            core->ends->ends[row].pool.v != 0)
            push_end(core, ends, row);
    for (uint32_t child = core->accounts[account_row].first_child; child != NONE;
         child = core->accounts[child].next_sibling)
        push_account(core, ends, child, helpers);
}

/* The ends that help where a quota or a power cap may be in the way, in order: those of the pool;
 * of the account whose quota it is, or of all in the pool's groups where that is the root's; of the
 * pool's site. */
static struct end *ends_of_others(struct dr_decision *decision, const struct helpers *helpers,
                                  uint32_t *count)
{
    struct dr_core *core = decision->core;
    struct ends ends = {.now_us = decision->now_us};

    ends.ends = dr_arena_push(&core->scratch, core->running.count + 1u, sizeof ends.ends[0]);
    DR_ASSERT(ends.ends != NULL);
    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        if (!pool_helps(core, helpers, row))
            continue;
        for (uint32_t at = dr_ends_first(core, (dr_pool_id){row + 1}); at != NONE;
             at = dr_ends_next(core, at))
            push_end(core, &ends, at);
    }
    if (helpers->account.v != 0)
        push_account(core, &ends, helpers->account.v - 1, helpers);
    dr_sort(ends.ends, ends.count, sizeof ends.ends[0], compare_ends, core);
    *count = ends.count;
    return ends.ends;
}

/* The ends that may make room, one after another, and those that have been met: of the pool, or
 * with `sorted` those that a quota or a power cap asks for. */
struct ending {
    struct dr_decision *decision;
    const struct end *sorted;
    uint32_t sorted_count;
    uint32_t next; /* of the pool: job row */
    uint32_t *gone;
    uint32_t gone_count;
    int of_sums; /* what they give back of quotas counts: no sum tells when these allow it */
};

/* `gate_us`: when quotas and power are known to let it start. */
static struct ending begin_ending(struct dr_decision *decision, const struct dr_job *job,
                                  dr_pool_id pool, const struct dr_amounts *amounts,
                                  int64_t gate_us)
{
    struct dr_core *core = decision->core;
    const struct dr_pool *where = &core->pools[pool.v - 1];
    struct ending ending = {.decision = decision, .next = dr_ends_first(core, pool)};

    ending.of_sums = gate_us == DR_GATE_CANT_TELL;
    if (ending.of_sums) {
        enum dr_reason quota = dr_quota_check(core, job->account, pool, amounts,
                                              !dr_job_terms(core, job)->preemptible, NULL)
                                   .reason;
        struct helpers helpers = {.pool = pool,
                                  .any_quota = quota != DR_REASON_NONE,
                                  .of_power = core->power->domains[where->site.v - 1].limited};

        if (quota == DR_REASON_QUOTA && !root_may_refuse(core, where, amounts))
            helpers.account = highest_limited(core, job, where);
        ending.sorted = ends_of_others(decision, &helpers, &ending.sorted_count);
    }
    ending.gone = dr_arena_push(
        &core->scratch,
        (ending.sorted != NULL ? ending.sorted_count : dr_place_attempts_count(core, pool)) + 1u,
        sizeof ending.gone[0]);
    DR_ASSERT(ending.gone != NULL);
    return ending;
}

/* The time of the next end; DR_FOREVER_US: there is none. */
static int64_t next_end_us(const struct ending *ending)
{
    const struct dr_decision *decision = ending->decision;

    if (ending->sorted != NULL)
        return ending->gone_count < ending->sorted_count ? ending->sorted[ending->gone_count].end_us
                                                         : DR_FOREVER_US;
    return ending->next == NONE ? DR_FOREVER_US
                                : dr_ends_of(decision->core, ending->next, decision->now_us);
}

/* In thought: an attempt has ended (sign 1), or goes on (-1). */
static void think(const struct ending *ending, uint32_t row, int sign)
{
    struct dr_core *core = ending->decision->core;

    if (ending->of_sums)
        dr_decision_think(core, row, sign);
    else if (sign > 0)
        dr_place_view_release(core, row);
    else
        dr_place_view_retake(core, row);
}

/* In thought: the next attempt has ended. */
static void end_next(struct ending *ending)
{
    struct dr_core *core = ending->decision->core;
    uint32_t row = ending->sorted != NULL ? ending->sorted[ending->gone_count].row : ending->next;

    if (ending->sorted == NULL)
        ending->next = dr_ends_next(core, row);
    ending->gone[ending->gone_count] = row;
    ending->gone_count += 1;
    think(ending, row, 1);
}

/* Do quotas and power let the job start at the place, in thought? */
static int others_allow(const struct dr_decision *decision, const struct dr_job *job,
                        const struct dr_want *want, const struct dr_found *found, int64_t time_us)
{
    const struct dr_core *core = decision->core;

    return dr_quota_check(core, job->account, found->pool, &want->amounts,
                          !dr_job_terms(core, job)->preemptible, NULL)
                   .reason == DR_REASON_NONE &&
           dr_place_power_missing(core, want, found->pool, found->extents, found->count, time_us,
                                  dr_power_until_us(core, job, found->alternative, time_us),
                                  NULL) == 0;
}

/* In thought: the reserved jobs but one hold their quota (sign 1), or don't. */
static void charge_reserved(struct dr_decision *decision, const struct dr_job *except, int sign)
{
    struct dr_core *core = decision->core;
    int is_reserved = dr_job_run(core, except)->reservation != NONE;
    struct dr_pledges *pledges = dr_backfill_pledges(decision);

    if (is_reserved && sign > 0)
        dr_pledges_add(core, pledges, except, -1);
    dr_pledges_charge(core, pledges, sign);
    if (is_reserved && sign < 0)
        dr_pledges_add(core, pledges, except, 1);
}

/* Accelerators that others have reserved in a pool from well before an instant on, so that nobody
 * is believed to hold them then. Thousandths. */
static int64_t reserved_until(const struct dr_decision *decision, uint32_t job_row, dr_pool_id pool,
                              int64_t until_us)
{
    const struct dr_core *core = decision->core;
    int64_t sum = 0;

    for (uint32_t at = decision->reserved_of[pool.v - 1]; at != NONE;
         at = decision->reserved[at].next) {
        const struct dr_reserved *reserved = &decision->reserved[at];
        const struct dr_job *job = &core->jobs[reserved->row];

        if (reserved->row != job_row && reserved->start_us + DR_RESERVATION_LATE_US < until_us)
            sum += dr_job_reserved(core, job).of[DR_RESOURCE_ACCELERATORS];
    }
    return sum;
}

/* Is too much of the pool held until an instant, by sums? Whoever leaves there holds nothing in
 * these, and what is free counts though nobody may find it usable. */
static int held_too_long(const struct dr_decision *decision, uint32_t job_row,
                         const struct dr_want *want, dr_pool_id pool, int64_t before_us)
{
    const struct dr_core *core = decision->core;
    const struct dr_pool *about = &core->pools[pool.v - 1];
    int64_t most = INT64_C(1000) * about->nodes_count * about->accelerators;
    int64_t held = dr_ends_sum(core, pool, DR_FOREVER_US).of[DR_RESOURCE_ACCELERATORS];

    if (before_us == DR_FOREVER_US)
        return 0;
    held -= dr_ends_sum(core, pool, before_us - 1).of[DR_RESOURCE_ACCELERATORS];
    held += reserved_until(decision, job_row, pool, before_us - 1);
    return most - held < want->amounts.of[DR_RESOURCE_ACCELERATORS];
}

/* A pool in which the job might have a reservation, and what is known of it. */
struct plan {
    struct dr_decision *decision;
    uint32_t job_row;
    struct dr_want want;
    struct dr_found *found;
    int64_t before_us;  /* instants from there on are not looked at */
    int64_t soonest_us; /* none before this one will do */
    int64_t gate_us;    /* when quotas and power are known to let it start */
    int is_shut;        /* ... which they don't with nothing ended */
};

/* Does each task take all accelerators of a node? */
static int takes_whole_nodes(const struct dr_core *core, const struct dr_want *want,
                             dr_pool_id pool)
{
    return want->part == 0 && want->accelerators > 0 &&
           want->accelerators == core->pools[pool.v - 1].accelerators;
}

/* Keep so many of the nodes that are vacant now from everybody, in thought: those of the highest
 * numbers. Returns how many; `numbers` and `kept` [spare] say which, and what they had. */
static uint32_t spare_vacant(const struct dr_core *core, dr_pool_id pool_id, uint32_t spare,
                             uint32_t *numbers, struct dr_room *kept)
{
    const struct dr_pool *pool = &core->pools[pool_id.v - 1];
    struct dr_space *space = &core->places->spaces[pool_id.v - 1];
    uint32_t count = 0;

    for (uint32_t range = pool->ranges_count; range > 0 && count < spare; range -= 1)
        for (uint32_t i = pool->ranges[range - 1].count; i > 0 && count < spare; i -= 1) {
            const struct dr_node *node = &core->nodes[pool->ranges[range - 1].row + i - 1];
            struct dr_room room = space->rooms[node->number];

            if (node->tasks > 0 || !room.empty)
                continue;
            kept[count] = room;
            numbers[count] = node->number;
            count += 1;
            room.blocked = room.free;
            room.empty = 0;
            room.cpus = 0;
            room.memory_mb = 0;
            dr_space_set_room(space, node->number, &room);
        }
    return count;
}

/* A place among what is free in thought, of nodes that others leave first: as many as can be spared
 * of those that are vacant now stay free for who may start beside it. (EASY, which reserves an
 * amount, has that by itself.) Returns its parts; 0: there is none. */
static uint32_t find_place(const struct plan *plan, const struct dr_want *want)
{
    struct dr_core *core = plan->decision->core;
    struct dr_found *found = plan->found;
    struct dr_space *space = &core->places->spaces[found->pool.v - 1];
    uint32_t fit = dr_space_tasks_empty(want, space);
    size_t mark = core->scratch.used;
    int64_t spare;
    uint32_t count;
    struct dr_room *kept;
    uint32_t *numbers;

    found->count = dr_place_find(core, want, found->pool, found->extents);
    spare = fit == 0 || found->count == 0
                ? 0
                : ((int64_t)dr_place_room(core, want, found->pool) - want->tasks) / fit;
    spare = dr_min_i64(spare, core->pools[found->pool.v - 1].nodes_count);
    if (spare <= 0)
        return found->count;
    kept = dr_arena_push(&core->scratch, (size_t)spare, sizeof kept[0]);
    numbers = dr_arena_push(&core->scratch, (size_t)spare, sizeof numbers[0]);
    DR_ASSERT(kept != NULL && numbers != NULL);
    count = spare_vacant(core, found->pool, (uint32_t)spare, numbers, kept);
    if (count > 0)
        found->count = dr_place_find(core, want, found->pool, found->extents);
    while (count > 0) {
        count -= 1;
        dr_space_set_room(space, numbers[count], &kept[count]);
    }
    dr_arena_reset(&core->scratch, mark);
    if (found->count == 0) /* not without these */
        found->count = dr_place_find(core, want, found->pool, found->extents);
    return found->count;
}

/* When enough nodes are vacant in one domain of the level that it requires. */
static int64_t vacant_us(const struct plan *plan)
{
    struct dr_core *core = plan->decision->core;
    const struct dr_shape *shape = &core->shapes[plan->want.shape];
    const struct dr_pool *pool = &core->pools[plan->found->pool.v - 1];
    int level = shape->level_kind == 2 ? dr_space_level_named(pool, shape->level) : -1;

    return dr_vacancy_when_us(core, plan->found->pool, plan->want.tasks,
                              level < 0 ? pool->levels_count : (uint32_t)level,
                              dr_job_run(core, &core->jobs[plan->job_row])->reservation,
                              plan->before_us);
}

/* The place at the first instant at which it may be there, without a look at all ends before: of
 * whole nodes none counts that is not vacant by then. DR_FOREVER_US: it is not there. */
static int64_t by_vacancies(struct plan *plan)
{
    struct dr_core *core = plan->decision->core;
    struct dr_found *found = plan->found;
    size_t mark = core->scratch.used;
    uint32_t *rows = dr_arena_push(&core->scratch, dr_place_attempts_count(core, found->pool) + 1u,
                                   sizeof rows[0]);
    uint32_t count;

    DR_ASSERT(rows != NULL);
    count = dr_vacancy_leavers(core, found->pool, plan->soonest_us, rows);
    for (uint32_t i = 0; i < count; i += 1)
        dr_place_view_release(core, rows[i]);
    find_place(plan, &plan->want);
    while (count > 0)
        dr_place_view_retake(core, rows[--count]);
    dr_arena_reset(&core->scratch, mark);
    return found->count > 0 ? plan->soonest_us : DR_FOREVER_US;
}

/* ... at the first instant of all at which something ends. */
static int64_t by_ends(struct plan *plan)
{
    struct dr_decision *decision = plan->decision;
    struct dr_core *core = decision->core;
    const struct dr_job *job = &core->jobs[plan->job_row];
    struct dr_found *found = plan->found;
    struct dr_want want = plan->want;
    dr_site_id site = core->pools[found->pool.v - 1].site;
    int can_tell = plan->gate_us != DR_GATE_CANT_TELL;
    int64_t next_us; /* another instant to look at: the gate opens, a cap rises */
    int64_t limit_us =
        core->windows_count == 0 ? 0 : dr_job_next_limit_us(core, job, found->alternative);
    int64_t clear_us = dr_window_clear_us(core, found->pool, job->account, decision->now_us);
    int64_t when = DR_FOREVER_US;
    struct dr_window_set barred;
    struct ending ending = begin_ending(decision, job, found->pool, &want.amounts, plan->gate_us);

    if (!can_tell)
        next_us = dr_power_rise_us(core, site, decision->now_us);
    else
        next_us = plan->is_shut ? plan->gate_us : DR_FOREVER_US;
    for (;;) {
        int64_t time_us = dr_min_i64(dr_min_i64(next_end_us(&ending), next_us), clear_us);

        if (time_us >= plan->before_us)
            break;
        if (clear_us == time_us)
            clear_us = dr_window_clear_us(core, found->pool, job->account, time_us);

        if (next_us == time_us)
            next_us = can_tell ? DR_FOREVER_US : dr_power_rise_us(core, site, time_us);
        while (next_end_us(&ending) == time_us)
            end_next(&ending);
        if (time_us < plan->soonest_us || dr_place_room(core, &want, found->pool) < want.tasks)
            continue;
        want.barred =
            dr_window_barring(core, found->pool, job->account, time_us, time_us + limit_us, &barred)
                ? &barred
                : NULL;
        if (find_place(plan, &want) > 0 &&
            (can_tell || others_allow(decision, job, &want, found, time_us))) {
            when = time_us;
            break;
        }
    }
    while (ending.gone_count > 0) {
        ending.gone_count -= 1;
        think(&ending, ending.gone[ending.gone_count], -1);
    }
    return when;
}

/* The places that others have reserved in the pool are kept from it (sign 1), or are not. */
static void hide_reserved(const struct plan *plan, int sign)
{
    struct dr_decision *decision = plan->decision;
    struct dr_core *core = decision->core;

    for (uint32_t at = decision->reserved_of[plan->found->pool.v - 1]; at != NONE;
         at = decision->reserved[at].next) {
        const struct dr_job *other = &core->jobs[decision->reserved[at].row];

        if (decision->reserved[at].row == plan->job_row)
            continue;
        if (sign > 0)
            dr_backfill_hide(core, other);
        else
            dr_place_view_undo(core, dr_job_run(core, other)->reservation);
    }
}

/* When the job could start in a pool, with the quota of other reservations charged: fills `found`
 * and returns the time; DR_FOREVER_US: never, by what is known, or not before `before_us`. */
static int64_t earliest(struct dr_decision *decision, uint32_t job_row, struct dr_found *found,
                        int64_t before_us, struct dr_gate_answer *answers)
{
    struct dr_core *core = decision->core;
    const struct dr_job *job = &core->jobs[job_row];
    struct plan plan = {.decision = decision,
                        .job_row = job_row,
                        .want = dr_place_want(core, job, found->alternative),
                        .found = found,
                        .before_us = before_us};
    int whole = takes_whole_nodes(core, &plan.want, found->pool);
    int64_t when = DR_FOREVER_US;

    if (whole)
        plan.soonest_us = vacant_us(&plan);
    if (plan.soonest_us >= before_us ||
        (!whole && held_too_long(decision, job_row, &plan.want, found->pool, before_us)))
        return DR_FOREVER_US;
    plan.gate_us = dr_gate_when(
        decision, job, found->pool, &plan.want.amounts,
        (struct dr_gate_span){dr_max_i64(plan.soonest_us, decision->now_us), before_us}, answers,
        &plan.is_shut);
    if (plan.gate_us != DR_GATE_CANT_TELL) {
        if (plan.is_shut || plan.soonest_us > 0)
            plan.soonest_us =
                dr_max_i64(dr_max_i64(plan.gate_us, plan.soonest_us), decision->now_us);
        if (plan.gate_us >= before_us || plan.soonest_us >= before_us)
            return DR_FOREVER_US;
    }
    decision->plans += 1;
    hide_reserved(&plan, 1);
    if (whole && plan.soonest_us > 0 && plan.gate_us != DR_GATE_CANT_TELL &&
        core->windows_count == 0)
        when = by_vacancies(&plan);
    if (when == DR_FOREVER_US)
        when = by_ends(&plan);
    hide_reserved(&plan, -1);
    return when;
}

static uint32_t held_in(const struct dr_decision *decision, dr_pool_id pool, uint32_t job_row)
{
    uint32_t count = 0;

    for (uint32_t at = decision->reserved_of[pool.v - 1]; at != NONE;
         at = decision->reserved[at].next)
        count += decision->reserved[at].row != job_row;
    return count;
}

/* A pool, and one way to run in it. */
struct candidate {
    int64_t soonest_us; /* a lower bound, cheaply had */
    uint32_t pool_row;
    uint32_t alternative;
};

static int comes_before(const struct dr_found *found, const struct dr_found *other)
{
    return found->alternative != other->alternative ? found->alternative < other->alternative
                                                    : found->pool.v < other->pool.v;
}

static int compare_candidates(const void *a, const void *b, const void *context)
{
    const struct candidate *x = a;
    const struct candidate *y = b;

    (void)context;
    if (x->soonest_us != y->soonest_us)
        return x->soonest_us < y->soonest_us ? -1 : 1;
    if (x->alternative != y->alternative)
        return x->alternative < y->alternative ? -1 : 1;
    return x->pool_row < y->pool_row ? -1 : x->pool_row > y->pool_row;
}

/* Where it might have a reservation, or an earlier one than it has, by what is to be looked at in
 * this decision; those of the least bound first. */
static struct candidate *list_candidates(struct dr_decision *decision,
                                         const struct dr_choice *choice, uint32_t *count)
{
    struct dr_core *core = decision->core;
    const struct dr_job *job = &core->jobs[choice->job_row];
    uint32_t reservation = dr_job_run(core, job)->reservation;
    int is_reserved = reservation != NONE;
    uint32_t ways = core->shapes[job->shape].alternatives_count;
    struct candidate *candidates =
        dr_arena_push(&core->scratch, (size_t)ways * core->pools_count + 1u, sizeof candidates[0]);

    DR_ASSERT(candidates != NULL);
    *count = 0;
    for (uint32_t i = 0; i < ways; i += 1) {
        struct dr_want want = dr_place_want(core, job, i);

        if (!is_reserved && !dr_place_reservable(core, &want))
            continue;
        for (uint32_t row = 0; row < core->pools_count; row += 1) {
            dr_pool_id pool = {row + 1};
            struct candidate candidate = {.pool_row = row, .alternative = i};

            if (core->places->freed_at[row] <= decision->since ||
                (is_reserved && (!dr_place_touched(core, pool) ||
                                 core->places->freed_at[row] <= choice->judged_at)) ||
                !dr_place_feasible(core, &want, pool) ||
                held_in(decision, pool, choice->job_row) >= core->settings.reserve_depth)
                continue;
            if (takes_whole_nodes(core, &want, pool))
                candidate.soonest_us = dr_vacancy_soonest_us(core, pool, want.tasks, reservation);
            candidates[*count] = candidate;
            *count += 1;
        }
    }
    dr_sort(candidates, *count, sizeof candidates[0], compare_candidates, NULL);
    return candidates;
}

void dr_backfill_reserve(struct dr_decision *decision, const struct dr_choice *choice)
{
    struct dr_core *core = decision->core;
    const struct dr_job *job = &core->jobs[choice->job_row];
    int64_t best_us = dr_job_run(core, job)->reservation != NONE
                          ? dr_job_run(core, job)->reservation_us
                          : DR_FOREVER_US;
    struct dr_found best = {.count = 0};
    uint32_t plans = decision->plans;
    struct dr_gate_answer *answers[DR_ALTERNATIVES_MAX] = {NULL};
    const struct candidate *candidates;
    uint32_t candidates_count;
    int is_charged = 0;
    int is_reserved;
    int looked = 0; /* or known to be in vain */
    struct dr_fact fact;

    if (dr_job_run(core, job)->reservation != NONE &&
        decision->now_us > dr_job_run(core, job)->reservation_us + DR_RESERVATION_LATE_US) {
        if (!dr_decision_room(decision, 0))
            return;
        dr_backfill_forget(decision, choice->job_row);
        dr_backfill_drop(decision, choice->job_row, 0);
        best_us = DR_FOREVER_US;
    }

    is_reserved = dr_job_run(core, job)->reservation != NONE;
    candidates = list_candidates(decision, choice, &candidates_count);
    for (uint32_t i = 0; i < candidates_count && decision->plans < DR_PLANS_MAX; i += 1) {
        struct dr_found found = {.pool = {candidates[i].pool_row + 1},
                                 .alternative = candidates[i].alternative};
        struct dr_want want = dr_place_want(core, job, found.alternative);
        /* As early as the best, if it comes before it. */
        int64_t before_us = best_us + (best.count > 0);
        size_t mark = core->scratch.used;
        int64_t when;

        if (candidates[i].soonest_us >= before_us) {
            looked = 1;
            break;
        }
        if (dr_quota_never(core, job->account, found.pool, &want.amounts,
                           !dr_job_terms(core, job)->preemptible))
            continue;
        looked = 1;
        if (!is_charged)
            charge_reserved(decision, job, 1);
        is_charged = 1;
        if (answers[found.alternative] == NULL) {
            answers[found.alternative] =
                dr_arena_push(&core->scratch, core->groups_count + 1u, sizeof answers[0][0]);
            DR_ASSERT(answers[found.alternative] != NULL);
            memset(answers[found.alternative], 0, core->groups_count * sizeof answers[0][0]);
            mark = core->scratch.used;
        }
        found.extents = dr_decision_extents(core, &want, found.pool);
        when = earliest(decision, choice->job_row, &found, before_us, answers[found.alternative]);
        /* Times are ends of attempts: where there is none, a start may give it one. And who keeps
         * others off may come beside those of its account and class that start. */
        if (when == DR_FOREVER_US &&
            (dr_place_attempts_count(core, found.pool) == 0 || want.share >= DR_SHARE_BLOCK))
            dr_decision_doubt(decision);
        if (when < best_us || (when == best_us && best.count > 0 && comes_before(&found, &best))) {
            best_us = when;
            best = found;
        } else {
            dr_arena_reset(&core->scratch, mark);
        }
    }
    if (is_charged)
        charge_reserved(decision, job, -1);
    if (best.count == 0 && looked && !is_reserved)
        decision->hunted |= DR_PLANNED;
    if (best.count == 0 || decision->reserved_count == decision->reserved_max ||
        !dr_decision_room(decision, best.count))
        return;
    decision->plans = plans; /* not in vain */
    fact = dr_decision_fact(decision, DR_FACT_RESERVATION_MADE);
    fact.reservation_made.job = job->id.v;
    fact.reservation_made.pool = best.pool.v;
    fact.reservation_made.alternative = best.alternative;
    fact.reservation_made.start_us = best_us;
    fact.reservation_made.share_milli =
        dr_alternative_share(&core->shapes[job->shape].alternatives[best.alternative]);
    fact.reservation_made.extents = best.extents;
    fact.reservation_made.extents_count = best.count;
    if (dr_job_run(core, job)->reservation != NONE) {
        dr_backfill_forget(decision, choice->job_row);
        decision->freed = 1; /* the place that it had */
    }
    dr_settle(core, &fact, decision->batch);
    dr_backfill_enlist(decision, choice->job_row);
}
