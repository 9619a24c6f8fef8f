/* SPDX-License-Identifier: Apache-2.0 */
/* See slack.h; read dr_slack_leaves() first. */
#include "core/slack.h"

#include "base/math.h"
#include "base/sort.h"
#include "core/ends.h"
#include "core/queue.h"
#include "core/quota.h"
#include "core/seats.h"
#include "core/space.h"

#define NONE DR_ROW_NONE

enum dr_status dr_slack_open(struct dr_core *core)
{
    struct dr_slack *slack = dr_arena_push(&core->tables, 1, sizeof *slack);

    if (slack == NULL)
        return DR_E_FULL;
    slack->groups = dr_arena_push(&core->tables, core->limits.groups_max, sizeof slack->groups[0]);
    slack->at = dr_arena_push(&core->tables, DR_SLACK_MAX, sizeof slack->at[0]);
    if (slack->groups == NULL || slack->at == NULL)
        return DR_E_FULL;
    core->slack = slack;
    dr_slack_forget(core);
    return DR_OK;
}

void dr_slack_clear(struct dr_core *core)
{
    core->slack->version += 1;
}

/* For who holds a reservation himself. */
static void rise_for_some(struct dr_core *core, struct dr_slack_group *about)
{
    core->slack->rose_last = about->rose_at = dr_seats_moment(core->seats);
}

static void rise(struct dr_core *core, struct dr_slack_group *about)
{
    rise_for_some(core, about);
    about->opened_at = about->rose_at;
    dr_place_open_group(core, (dr_group_id){(uint32_t)(about - core->slack->groups) + 1});
}

/* Nobody has any room in `at`: nobody knows any more whether slacks have risen. */
static void forget_places(struct dr_core *core)
{
    dr_slack_clear(core);
    core->slack->count = 0;
    for (uint32_t row = 0; row < core->limits.groups_max; row += 1) {
        struct dr_slack_group *about = &core->slack->groups[row];

        about->room = 0;
        about->count = 0;
        if (about->is_watched)
            rise(core, about);
    }
}

void dr_slack_forget(struct dr_core *core)
{
    forget_places(core);
    for (uint32_t row = 0; row < core->limits.groups_max; row += 1) {
        core->slack->groups[row].needs = 0;
        core->slack->groups[row].is_watched = 0;
    }
}

void dr_slack_reserve(struct dr_core *core, dr_pool_id pool, const struct dr_amounts *amounts,
                      int sign)
{
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
        dr_group_id group = core->pools[pool.v - 1].groups[resource];

        if (amounts->of[resource] == 0)
            continue;
        core->slack->groups[group.v - 1].needs += sign * amounts->of[resource];
        dr_slack_changed(core, group);
    }
}

void dr_slack_charged(struct dr_core *core, dr_pool_id pool)
{
    /* Whether a reserved job is within its guarantee depends on all groups of its pool. */
    if (!core->places->groups_alike)
        dr_slack_clear(core);
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
        dr_slack_changed(core, core->pools[pool.v - 1].groups[resource]);
}

static int compare_starts(const void *a, const void *b, const void *context)
{
    const struct dr_slack_at *x = a;
    const struct dr_slack_at *y = b;

    (void)context;
    if (x->start_us != y->start_us)
        return x->start_us < y->start_us ? -1 : 1;
    if (x->needs != y->needs)
        return x->needs < y->needs ? -1 : 1;
    return x->is_guaranteed - y->is_guaranteed;
}

/* What is claimed at the root once all that ends until then has ended. */
static int64_t claim_then(const struct dr_core *core, dr_group_id group, int64_t until_us)
{
    enum dr_resource resource = core->groups[group.v - 1].resource;
    int64_t claim = dr_quota_at(core, (dr_account_id){1}, group)->claim;

    for (uint32_t row = 0; row < core->pools_count; row += 1)
        if (core->pools[row].groups[resource].v == group.v)
            claim -= dr_ends_sum(core, (dr_pool_id){row + 1}, until_us).of[resource];
    return claim;
}

/* `held`: by the reserved job and by others who begin until then. What ends there gives back
 * between what it claims and that less what lending limits can hold back; where the reserved job
 * could not start even without anybody else, nothing is delayed. */
static int64_t slack_by(const struct dr_core *core, dr_group_id group, int64_t claim, int64_t held)
{
    const struct dr_quota *quota = dr_quota_at(core, (dr_account_id){1}, group);
    int64_t capacity = core->groups[group.v - 1].capacity;
    int64_t most;

    if (quota->kept == 0 || claim + held > capacity)
        return INT64_MAX;
    most = dr_min_i64(quota->occupied, claim + quota->kept) + held;
    return capacity - most;
}

int64_t dr_slack_of(const struct dr_core *core, dr_group_id group, int64_t start_us, int64_t held)
{
    return slack_by(core, group, claim_then(core, group, start_us), held);
}

/* The reservations in a group, in no order, into `at` [max]; returns how many there are. */
static uint32_t gather(const struct dr_core *core, dr_group_id group, struct dr_slack_at *at,
                       uint32_t max)
{
    enum dr_resource resource = core->groups[group.v - 1].resource;
    uint32_t count = 0;

    for (uint32_t row = dr_queue_reserved_first(core); row != NONE;
         row = dr_queue_reserved_next(core, row)) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);
        struct dr_amounts needs = dr_job_reserved(core, job);

        if (needs.of[resource] == 0 ||
            core->pools[run->reservation_pool.v - 1].groups[resource].v != group.v)
            continue;
        if (count < max)
            at[count] =
                (struct dr_slack_at){.start_us = run->reservation_us,
                                     .needs = needs.of[resource],
                                     .is_guaranteed = (uint8_t)dr_quota_branch_within(
                                         core, job->account, run->reservation_pool, &needs)};
        count += 1;
    }
    return count;
}

/* Where there is too little room, what is known of others goes: it is soon looked for again. */
static int make_room(struct dr_core *core, struct dr_slack_group *about, uint32_t count)
{
    struct dr_slack *slack = core->slack;

    if (count > DR_SLACK_MAX)
        return 0;
    if (slack->count + count > DR_SLACK_MAX)
        forget_places(core);
    about->first = slack->count;
    about->room = count;
    slack->count += count;
    return 1;
}

/* ---- have they risen? ---- */

/* What may be added by who ends after the first `begun` reservations have begun. */
static int64_t most(const struct dr_slack_at *at, uint32_t begun, int64_t beside, int displace)
{
    if (begun == 0)
        return INT64_MAX;
    return dr_max_i64(beside, displace ? at[begun - 1].least_guaranteed : at[begun - 1].least);
}

/* May anybody add more than before, for any end? */
static int has_risen(const struct dr_slack_at *old, uint32_t old_count, int64_t old_beside,
                     const struct dr_slack_at *at, uint32_t count, int64_t beside)
{
    uint32_t i = 0;
    uint32_t k = 0;

    while (i < old_count || k < count) {
        int64_t start_us = i == old_count ? at[k].start_us
                           : k == count   ? old[i].start_us
                                          : dr_min_i64(old[i].start_us, at[k].start_us);

        for (; i < old_count && old[i].start_us == start_us; i += 1)
            ;
        for (; k < count && at[k].start_us == start_us; k += 1)
            ;
        for (int displace = 0; displace < 2; displace += 1)
            if (most(at, k, beside, displace) > most(old, i, old_beside, displace))
                return 1;
    }
    return 0;
}

/* Is a reservation another one, or one's own slack greater, or perhaps greater without its own
 * needs: where it could not start with them, it may have been able to without? */
static int has_any_risen(const struct dr_slack_at *old, uint32_t old_count, int64_t old_beside,
                         const struct dr_slack_at *at, uint32_t count, int64_t beside)
{
    if (old_count != count || beside > old_beside)
        return 1;
    for (uint32_t i = 0; i < count; i += 1)
        if (compare_starts(&old[i], &at[i], NULL) != 0 || at[i].own > old[i].own ||
            (at[i].own == INT64_MAX && beside != INT64_MAX))
            return 1;
    return 0;
}

/* ---- summing up ---- */

/* What may be added beside all reservations, whenever they begin. */
static int64_t beside_all(const struct dr_core *core, dr_group_id group)
{
    const struct dr_quota *root = dr_quota_at(core, (dr_account_id){1}, group);

    return root->kept == 0 ? INT64_MAX
                           : core->groups[group.v - 1].capacity - root->occupied -
                                 core->slack->groups[group.v - 1].needs;
}

static int know(struct dr_core *core, dr_group_id group)
{
    struct dr_slack *slack = core->slack;
    struct dr_slack_group *about = &slack->groups[group.v - 1];
    size_t mark = core->scratch.used;
    uint32_t old_count = about->count;
    int64_t old_beside = about->beside;
    struct dr_slack_at *old = dr_arena_push(&core->scratch, old_count + 1u, sizeof old[0]);
    uint32_t count;
    struct dr_slack_at *at;
    int64_t held = 0;
    int64_t least = INT64_MAX;
    int64_t least_guaranteed = INT64_MAX;

    DR_ASSERT(old != NULL);
    if (old_count > 0)
        memcpy(old, &slack->at[about->first], old_count * sizeof old[0]);
    count = gather(core, group, &slack->at[about->first], about->room);
    if (count > about->room) {
        if (!make_room(core, about, count)) {
            if (about->is_watched)
                rise(core, about);
            dr_arena_reset(&core->scratch, mark);
            return 0;
        }
        gather(core, group, &slack->at[about->first], about->room);
    }
    about->count = count;
    about->known = slack->version;
    about->beside = beside_all(core, group);
    at = &slack->at[about->first];
    dr_sort(at, about->count, sizeof at[0], compare_starts, NULL);
    for (uint32_t i = 0; i < about->count;) {
        uint32_t end = i;
        int any_guaranteed = 0;
        int64_t slack_there;
        int64_t claim;

        /* Those of one instant count on each other. */
        for (; end < about->count && at[end].start_us == at[i].start_us; end += 1) {
            held += at[end].needs;
            any_guaranteed |= at[end].is_guaranteed;
        }
        claim = claim_then(core, group, at[i].start_us);
        slack_there = slack_by(core, group, claim, held);
        least = dr_min_i64(least, slack_there);
        if (any_guaranteed)
            least_guaranteed = dr_min_i64(least_guaranteed, slack_there);
        for (; i < end; i += 1) {
            at[i].claim = claim;
            at[i].held = held;
            at[i].own = slack_there;
            at[i].least = least;
            at[i].least_guaranteed = least_guaranteed;
        }
    }
    if (about->is_watched &&
        has_risen(old, old_count, old_beside, at, about->count, about->beside)) {
        rise(core, about);
    } else if (about->is_watched &&
               has_any_risen(old, old_count, old_beside, at, about->count, about->beside)) {
        rise_for_some(core, about);
    }
    dr_arena_reset(&core->scratch, mark);
    return 1;
}

static int is_known(const struct dr_core *core, dr_group_id group)
{
    return core->slack->groups[group.v - 1].known == core->slack->version;
}

void dr_slack_watch(struct dr_core *core, dr_pool_id pool)
{
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
        dr_group_id group = core->pools[pool.v - 1].groups[resource];

        if (!is_known(core, group))
            know(core, group);
        core->slack->groups[group.v - 1].is_watched = 1;
    }
}

void dr_slack_refresh(struct dr_core *core)
{
    for (uint32_t row = 0; row < core->groups_count; row += 1)
        if (core->slack->groups[row].is_watched && !is_known(core, (dr_group_id){row + 1}))
            know(core, (dr_group_id){row + 1});
}

uint64_t dr_slack_rose_at(const struct dr_core *core, dr_pool_id pool)
{
    uint64_t last = 0;

    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
        uint64_t at = core->slack->groups[core->pools[pool.v - 1].groups[resource].v - 1].rose_at;

        if (last < at)
            last = at;
    }
    return last;
}

/* The first `begun` reservations but its own, which counts on as much as it asks: what others leave
 * it. Returns whether that is enough. */
static int others_leave(const struct dr_core *core, const struct dr_job *job, dr_group_id group,
                        uint32_t begun, int64_t amount, int displace)
{
    const struct dr_slack_at *at = &core->slack->at[core->slack->groups[group.v - 1].first];
    enum dr_resource resource = core->groups[group.v - 1].resource;
    const struct dr_run *run = dr_job_run(core, job);
    struct dr_amounts needs = dr_job_reserved(core, job);
    int64_t own = core->pools[run->reservation_pool.v - 1].groups[resource].v == group.v
                      ? needs.of[resource]
                      : 0;
    int guaranteed = dr_quota_branch_within(core, job->account, run->reservation_pool, &needs);
    int has_met = own == 0; /* one like its own is left out: which one makes no difference */

    for (uint32_t i = 0; i < begun; i += 1) {
        int64_t held = at[i].held - (at[i].start_us >= run->reservation_us ? own : 0);

        if (!has_met && at[i].start_us == run->reservation_us && at[i].needs == own &&
            at[i].is_guaranteed == guaranteed) {
            has_met = 1;
            continue;
        }
        if ((!displace || at[i].is_guaranteed) && amount > slack_by(core, group, at[i].claim, held))
            return 0;
    }
    return 1;
}

int64_t dr_slack_until_us(struct dr_core *core, dr_group_id group, int64_t amount, int displace)
{
    const struct dr_slack_group *about = &core->slack->groups[group.v - 1];
    const struct dr_slack_at *at;

    if (amount <= beside_all(core, group) || (!is_known(core, group) && !know(core, group)))
        return INT64_MAX;
    at = &core->slack->at[about->first];
    for (uint32_t i = 0; i < about->count; i += 1)
        if (amount > (displace ? at[i].least_guaranteed : at[i].least))
            return at[i].start_us;
    return INT64_MAX;
}

int dr_slack_leaves(struct dr_core *core, const struct dr_job *job, dr_group_id group,
                    int64_t amount, int64_t end_us, int displace, int *can_tell)
{
    const struct dr_slack_group *about = &core->slack->groups[group.v - 1];
    const struct dr_slack_at *at;
    uint32_t low = 0;
    uint32_t high;

    *can_tell = 1;
    if (amount <= beside_all(core, group))
        return 1;
    if (!is_known(core, group) && !know(core, group)) {
        *can_tell = 0;
        return 1;
    }
    at = &core->slack->at[about->first];
    high = about->count;
    /* How many begin before it ends. */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (at[middle].start_us < end_us)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return 1;
    if (dr_job_run(core, job)->reservation != NONE)
        return others_leave(core, job, group, low, amount, displace);
    return amount <= (displace ? at[low - 1].least_guaranteed : at[low - 1].least);
}
