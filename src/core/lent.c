/* SPDX-License-Identifier: Apache-2.0 */
/* See lent.h; read dr_lent_update() first. */
#include "core/lent.h"

#include "core/fair.h"
#include "core/place.h"
#include "core/quota.h"
#include "core/victims.h"
#include "core/seats.h"
#include "core/space.h"

enum dr_status dr_lent_open(struct dr_core *core)
{
    const struct dr_limits *limits = &core->limits;
    struct dr_lent *lent = dr_arena_push(&core->tables, 1, sizeof *lent);

    if (lent == NULL)
        return DR_E_FULL;
    lent->words = (limits->groups_max + 63) / 64;
#define TABLE(field, count)                                                   \
    lent->field = dr_arena_push(&core->tables, count, sizeof lent->field[0]); \
    if (lent->field == NULL)                                                  \
    return DR_E_FULL
    TABLE(flags, limits->jobs_max);
    TABLE(heap, limits->jobs_max);
    TABLE(place, limits->jobs_max);
    TABLE(above, (size_t)limits->accounts_max * lent->words);
    TABLE(newly, lent->words);
    TABLE(leaves, limits->jobs_max);
    TABLE(stale, limits->accounts_max);
    TABLE(stale_rows, limits->accounts_max);
    TABLE(units, limits->pools_max);
    TABLE(leaving, limits->pools_max);
    TABLE(left, limits->pools_max);
    TABLE(left_known, limits->pools_max);
    TABLE(rose_at, limits->pools_max);
    for (uint32_t i = 0; i < DR_LENT_REACHES; i += 1) {
        TABLE(reaches[i].units, limits->accounts_max);
    }
#undef TABLE
    core->lent = lent;
    return DR_OK;
}

void dr_lent_clear(struct dr_core *core)
{
    struct dr_lent *lent = core->lent;
    const struct dr_limits *limits = &core->limits;

    for (uint32_t at = 0; at < lent->heap_count; at += 1)
        lent->place[lent->heap[at].row] = 0;
    for (uint32_t at = 0; at < lent->leaves_count; at += 1)
        lent->place[lent->leaves[at]] = 0;
    lent->heap_count = 0;
    lent->leaves_count = 0;
    memset(lent->flags, 0, core->jobs_high);
    memset(lent->units, 0, limits->pools_max * sizeof lent->units[0]);
    memset(lent->leaving, 0, limits->pools_max * sizeof lent->leaving[0]);
    memset(lent->left_known, 0, limits->pools_max);
    lent->units_all = 0;
    lent->leaving_all = 0;
    for (uint32_t row = 0; row < limits->pools_max; row += 1)
        lent->rose_last = lent->rose_at[row] = dr_seats_moment(core->seats);
    for (uint32_t row = 0; row < core->accounts_count; row += 1)
        dr_lent_stale(core, row);
}

/* ---- what ripens, by time ---- */

static int before(const struct dr_ripening *a, const struct dr_ripening *b)
{
    return a->when_us != b->when_us ? a->when_us < b->when_us : a->row < b->row;
}

static void put(struct dr_lent *lent, uint32_t at, struct dr_ripening ripening)
{
    lent->heap[at] = ripening;
    lent->place[ripening.row] = at + 1;
}

static void sift_up(struct dr_lent *lent, uint32_t at, struct dr_ripening ripening)
{
    for (; at > 0 && before(&ripening, &lent->heap[(at - 1) / 2]); at = (at - 1) / 2)
        put(lent, at, lent->heap[(at - 1) / 2]);
    put(lent, at, ripening);
}

static void sift_down(struct dr_lent *lent, uint32_t at, struct dr_ripening ripening)
{
    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child >= lent->heap_count)
            break;
        if (child + 1 < lent->heap_count && before(&lent->heap[child + 1], &lent->heap[child]))
            child += 1;
        if (!before(&lent->heap[child], &ripening))
            break;
        put(lent, at, lent->heap[child]);
        at = child;
    }
    put(lent, at, ripening);
}

static void heap_push(struct dr_lent *lent, uint32_t row, int64_t when_us)
{
    lent->heap_count += 1;
    sift_up(lent, lent->heap_count - 1, (struct dr_ripening){when_us, row});
}

static void heap_remove(struct dr_lent *lent, uint32_t row)
{
    uint32_t at = lent->place[row] - 1;
    struct dr_ripening last;

    lent->place[row] = 0;
    lent->heap_count -= 1;
    if (at == lent->heap_count)
        return;
    last = lent->heap[lent->heap_count];
    sift_up(lent, at, last);
    sift_down(lent, lent->place[last.row] - 1, last);
}

/* ---- who lends ---- */

/* Does an attempt hold anything in some of these groups, of which each has a bit? */
static int holds_in(const struct dr_core *core, const struct dr_job *job, const uint64_t *groups)
{
    struct dr_amounts holds = dr_job_holds(core, job);
    const struct dr_pool *pool = &core->pools[dr_job_run(core, job)->pool.v - 1];

    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
        uint32_t row = pool->groups[resource].v - 1;

        if (holds.of[resource] != 0 && (groups[row / 64] >> (row % 64) & 1))
            return 1;
    }
    return 0;
}

static int lends(const struct dr_core *core, const struct dr_job *job)
{
    return holds_in(core, job,
                    &core->lent->above[(size_t)(job->account.v - 1) * core->lent->words]);
}

static void rise(struct dr_core *core, dr_pool_id pool)
{
    core->lent->rose_last = core->lent->rose_at[pool.v - 1] = dr_seats_stir(core, pool);
    dr_seats_rise(core, pool, core->lent->rose_last);
    dr_place_risen(core, pool);
    core->lent->rises += 1;
}

static void set_lent(struct dr_core *core, uint32_t row, int is_lent)
{
    struct dr_lent *lent = core->lent;
    const struct dr_job *job = &core->jobs[row];
    const struct dr_run *run = dr_job_run(core, job);
    int64_t units;

    if (is_lent == ((lent->flags[row] & DR_LENT_LENT) != 0))
        return;
    units = dr_victims_units(core, job);
    lent->units[run->pool.v - 1] += is_lent ? units : -units;
    lent->units_all += is_lent ? units : -units;
    lent->flags[row] ^= DR_LENT_LENT;
    if (is_lent)
        rise(core, run->pool);
}

static void set_leaves(struct dr_core *core, uint32_t row, int leaves)
{
    struct dr_lent *lent = core->lent;
    const struct dr_job *job = &core->jobs[row];
    const struct dr_run *run = dr_job_run(core, job);
    int64_t units;

    if (leaves == ((lent->flags[row] & DR_LENT_LEAVES) != 0))
        return;
    units = dr_victims_units(core, job);
    lent->leaving[run->pool.v - 1] += leaves ? units : -units;
    lent->leaving_all += leaves ? units : -units;
    lent->left_known[run->pool.v - 1] = 0;
    lent->flags[row] ^= DR_LENT_LEAVES;
    if (leaves) {
        lent->leaves[lent->leaves_count] = row;
        lent->leaves_count += 1;
        lent->place[row] = lent->leaves_count;
        rise(core, run->pool);
    } else {
        lent->leaves_count -= 1;
        lent->leaves[lent->place[row] - 1] = lent->leaves[lent->leaves_count];
        lent->place[lent->leaves[lent->leaves_count]] = lent->place[row];
        lent->place[row] = 0;
    }
}

/* Of an attempt that leaves, what is promised to nobody. A bound: of what shares hold all. */
static int64_t left_of(const struct dr_core *core, uint32_t row)
{
    const struct dr_job *job = &core->jobs[row];
    const struct dr_run *run = dr_job_run(core, job);
    const struct dr_alternative *way = &core->shapes[job->shape].alternatives[run->alternative];
    int64_t units = dr_victims_units(core, job);

    if (way->accelerators_per_task == 0 || dr_alternative_share(way) != 0)
        return units;
    for (uint32_t at = run->extents; at != DR_ROW_NONE; at = core->extents[at].next) {
        const struct dr_extent *extent = &core->extents[at].extent;

        if ((extent->accelerators & core->nodes[extent->node.v - 1].promised) != 0)
            units -=
                1000 * (int64_t)dr_bit_count(extent->accelerators &
                                             dr_space_whole_promised(core, extent->node.v - 1));
    }
    return units;
}

int64_t dr_lent_left(const struct dr_core *core, uint32_t pool_row)
{
    struct dr_lent *lent = core->lent;

    if (lent->leaving[pool_row] == 0)
        return 0;
    if (lent->left_known[pool_row])
        return lent->left[pool_row];
    lent->left[pool_row] = 0;
    lent->left_known[pool_row] = 1;
    for (uint32_t i = 0; i < lent->leaves_count; i += 1)
        if (dr_job_run(core, &core->jobs[lent->leaves[i]])->pool.v == pool_row + 1)
            lent->left[pool_row] += left_of(core, lent->leaves[i]);
    return lent->left[pool_row];
}

void dr_lent_promised(struct dr_core *core, dr_pool_id pool, int less)
{
    struct dr_lent *lent = core->lent;

    lent->left_known[pool.v - 1] = 0;
    if (less && lent->leaving[pool.v - 1] != 0)
        rise(core, pool);
}

static void set_ripe(struct dr_core *core, uint32_t row)
{
    const struct dr_job *job = &core->jobs[row];

    core->lent->flags[row] |= DR_LENT_RIPE;
    dr_seats_stir(core, dr_job_run(core, job)->pool); /* also where it is taken by priority */
    set_lent(core, row, lends(core, job));
    dr_seats_own_ripe(core, job->account, job->priority);
}

/* When an attempt that could be taken, were it old enough, comes to where it may be, or also by
 * fair share; 0: it has. */
static int64_t ripens_us(const struct dr_core *core, uint32_t row)
{
    const struct dr_settings *settings = &core->settings;
    int64_t start_us = dr_job_run(core, &core->jobs[row])->start_us;

    if (start_us + settings->minimum_run_us > core->lent->now_us)
        return start_us + settings->minimum_run_us;
    return dr_fair_is_on(core) && start_us + settings->fair_minimum_run_us > core->lent->now_us
               ? start_us + settings->fair_minimum_run_us
               : 0;
}

static void wait_to_ripen(struct dr_core *core, uint32_t row)
{
    int64_t when_us = ripens_us(core, row);

    if (when_us == 0)
        return;
    heap_push(core->lent, row, when_us);
    core->lent->flags[row] |= DR_LENT_YOUNG;
}

void dr_lent_update(struct dr_core *core, uint32_t row)
{
    struct dr_lent *lent = core->lent;
    const struct dr_job *job = &core->jobs[row];
    const struct dr_run *run = dr_job_run(core, job);
    int takeable = job->state == DR_JOB_RUNNING && dr_job_terms(core, job)->preemptible &&
                   run->counted && run->stopping == DR_STOP_NONE && run->start_us != 0;
    int64_t ripe_us = run->start_us + core->settings.minimum_run_us;

    if (lent->flags[row] == 0 && !takeable && job->state != DR_JOB_COMPLETING)
        return;
    if (!takeable || ripe_us > lent->now_us) {
        set_lent(core, row, 0);
        lent->flags[row] &= (uint8_t)~DR_LENT_RIPE;
    }
    if (lent->flags[row] & DR_LENT_YOUNG) {
        heap_remove(lent, row);
        lent->flags[row] &= (uint8_t)~DR_LENT_YOUNG;
    }
    set_leaves(core, row, job->state == DR_JOB_COMPLETING && run->stopping != DR_STOP_NONE);
    if (takeable)
        wait_to_ripen(core, row);
    if (takeable && ripe_us <= lent->now_us && (lent->flags[row] & DR_LENT_RIPE) == 0)
        set_ripe(core, row);
}

void dr_lent_advance(struct dr_core *core, int64_t now_us)
{
    struct dr_lent *lent = core->lent;

    lent->now_us = now_us;
    while (lent->heap_count > 0 && lent->heap[0].when_us <= now_us) {
        uint32_t row = lent->heap[0].row;

        heap_remove(lent, row);
        lent->flags[row] &= (uint8_t)~DR_LENT_YOUNG;
        if ((lent->flags[row] & DR_LENT_RIPE) == 0)
            set_ripe(core, row);
        wait_to_ripen(core, row);
    }
}

/* ---- accounts ---- */

void dr_lent_stale(struct dr_core *core, uint32_t row)
{
    struct dr_lent *lent = core->lent;

    if (lent->stale[row])
        return;
    lent->stale[row] = 1;
    lent->stale_rows[lent->stale_count] = row;
    lent->stale_count += 1;
}

/* An account above others goes above its guarantee: what is lent below it may be had by more. */
static void more_may_take(struct dr_core *core, uint32_t word, uint64_t groups)
{
    for (uint32_t row = 0; row < core->pools_count; row += 1)
        for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
            uint32_t group = core->pools[row].groups[resource].v - 1;

            if (group / 64 == word && (groups >> (group % 64) & 1) && core->lent->units[row] > 0)
                rise(core, (dr_pool_id){row + 1});
        }
}

static void refresh(struct dr_core *core, uint32_t row)
{
    struct dr_lent *lent = core->lent;
    uint64_t *above = &lent->above[(size_t)row * lent->words];
    uint64_t *newly = lent->newly;
    int has_attempts = dr_place_attempts_of(core, (dr_account_id){row + 1}) != DR_ROW_NONE;
    int changed = 0;

    for (uint32_t word = 0; word * 64 < core->groups_count; word += 1) {
        uint64_t now = 0;

        for (uint32_t bit = 0; bit < 64 && word * 64 + bit < core->groups_count; bit += 1) {
            const struct dr_quota *quota =
                dr_quota_at(core, (dr_account_id){row + 1}, (dr_group_id){word * 64 + bit + 1});

            now |= (uint64_t)(quota->occupied > quota->guarantee) << bit;
        }
        newly[word] = now & ~above[word];
        changed |= now != above[word];
        above[word] = now;
        if (newly[word] != 0 && core->accounts[row].first_child != DR_ROW_NONE)
            more_may_take(core, word, newly[word]);
    }
    for (uint32_t at = changed && has_attempts
                           ? dr_place_attempts_of(core, (dr_account_id){row + 1})
                           : DR_ROW_NONE;
         at != DR_ROW_NONE; at = dr_place_attempts_of_next(core, at)) {
        const struct dr_job *job = &core->jobs[at];

        if ((lent->flags[at] & DR_LENT_RIPE) == 0)
            continue;
        /* It was lent already, and is so now for who asks for something else too. */
        if ((lent->flags[at] & DR_LENT_LENT) != 0 && holds_in(core, job, newly))
            rise(core, dr_job_run(core, job)->pool);
        set_lent(core, at, lends(core, job));
    }
}

void dr_lent_refresh(struct dr_core *core)
{
    struct dr_lent *lent = core->lent;

    for (uint32_t i = 0; i < lent->stale_count; i += 1) {
        lent->stale[lent->stale_rows[i]] = 0;
        refresh(core, lent->stale_rows[i]);
    }
    lent->stale_count = 0;
}

/* ---- who may have it ---- */

static int is_above(const struct dr_core *core, uint32_t account_row, dr_group_id group)
{
    const uint64_t *above = &core->lent->above[(size_t)account_row * core->lent->words];

    return above[(group.v - 1) / 64] >> ((group.v - 1) % 64) & 1;
}

/* Its units count for its account and those above as far as all are above their guarantees. */
static void reach(const struct dr_core *core, int64_t *units, uint32_t row)
{
    const struct dr_job *job = &core->jobs[row];
    const struct dr_pool *pool = &core->pools[dr_job_run(core, job)->pool.v - 1];
    struct dr_amounts holds = dr_job_holds(core, job);
    int in[DR_RESOURCE_COUNT];
    int any = 1;

    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
        in[resource] = holds.of[resource] != 0;
    for (dr_account_id at = job->account; at.v != 0; at = core->accounts[at.v - 1].parent) {
        any = 0;
        for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
            in[resource] = in[resource] && is_above(core, at.v - 1, pool->groups[resource]);
            any |= in[resource];
        }
        if (!any)
            return;
        units[at.v - 1] += dr_victims_units(core, job);
    }
}

static const int64_t *reached(struct dr_core *core, uint32_t pool_row)
{
    struct dr_lent *lent = core->lent;
    struct dr_lent_reach *oldest = &lent->reaches[0];

    lent->asked += 1;
    for (uint32_t i = 0; i < DR_LENT_REACHES; i += 1) {
        struct dr_lent_reach *at = &lent->reaches[i];

        if (at->pool == pool_row + 1) {
            oldest = at;
            break;
        }
        if (at->used < oldest->used)
            oldest = at;
    }
    oldest->used = lent->asked;
    if (oldest->pool == pool_row + 1 && oldest->at >= lent->rose_at[pool_row])
        return oldest->units;
    oldest->pool = pool_row + 1;
    oldest->at = lent->rose_at[pool_row];
    memset(oldest->units, 0, core->accounts_count * sizeof oldest->units[0]);
    for (uint32_t row = dr_place_attempts(core, (dr_pool_id){pool_row + 1}); row != DR_ROW_NONE;
         row = dr_place_attempts_next(core, row))
        if ((lent->flags[row] & DR_LENT_LENT) != 0)
            reach(core, oldest->units, row);
    return oldest->units;
}

int64_t dr_lent_to(struct dr_core *core, dr_pool_id pool, dr_account_id guarantor,
                   const struct dr_amounts *amounts)
{
    const int64_t *units;
    int64_t sum = 0;

    if (core->lent->units[pool.v - 1] == 0)
        return 0;
    units = reached(core, pool.v - 1);
    for (dr_account_id at = guarantor; core->accounts[at.v - 1].parent.v != 0;
         at = core->accounts[at.v - 1].parent) {
        if (at.v != guarantor.v && !dr_quota_within_stated(core, at, pool, amounts))
            continue;
        for (uint32_t child = core->accounts[core->accounts[at.v - 1].parent.v - 1].first_child;
             child != DR_ROW_NONE; child = core->accounts[child].next_sibling)
            sum += child + 1 == at.v ? 0 : units[child];
    }
    return sum;
}

/* ---- for tests ---- */

int dr_lent_consistent(struct dr_core *core)
{
    struct dr_lent *lent = core->lent;
    int64_t units[DR_POOLS_MAX] = {0};
    int64_t leaving[DR_POOLS_MAX] = {0};

    dr_lent_refresh(core);
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);
        int waits = 0;
        uint8_t flags = 0;

        if (job->id.v != 0 && job->state == DR_JOB_RUNNING &&
            dr_job_terms(core, job)->preemptible && run->counted && run->stopping == DR_STOP_NONE &&
            run->start_us != 0)
            flags = run->start_us + core->settings.minimum_run_us > lent->now_us ? DR_LENT_YOUNG
                                                                                 : DR_LENT_RIPE;
        waits = flags != 0 && ripens_us(core, row) != 0;
        if (flags == DR_LENT_RIPE && lends(core, job)) {
            flags |= DR_LENT_LENT;
            units[run->pool.v - 1] += dr_victims_units(core, job);
        }
        if (job->id.v != 0 && job->state == DR_JOB_COMPLETING && run->stopping != DR_STOP_NONE) {
            flags |= DR_LENT_LEAVES;
            leaving[run->pool.v - 1] += dr_victims_units(core, job);
        }
        if (waits)
            flags |= DR_LENT_YOUNG;
        if (flags != lent->flags[row] ||
            (lent->place[row] != 0) != (waits || flags == DR_LENT_LEAVES))
            return 0;
    }
    for (uint32_t i = 1; i < lent->heap_count; i += 1)
        if (before(&lent->heap[i], &lent->heap[(i - 1) / 2]))
            return 0;
    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        int64_t left = dr_lent_left(core, row);

        lent->left_known[row] = 0;
        if (left != dr_lent_left(core, row))
            return 0;
    }
    return memcmp(units, lent->units, core->pools_count * sizeof units[0]) == 0 &&
           memcmp(leaving, lent->leaving, core->pools_count * sizeof leaving[0]) == 0;
}
