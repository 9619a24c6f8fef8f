/* SPDX-License-Identifier: Apache-2.0 */
/* Treaps of believed ends. See ends.h. */
#include "core/ends.h"

#include "base/hash.h"
#include "core/gate.h"
#include "core/quota.h"
#include "core/slack.h"
#include "core/space.h"
#include "core/vacancy.h"

#define NONE DR_ROW_NONE

enum dr_status dr_ends_open(struct dr_core *core)
{
    struct dr_ends *ends = dr_arena_push(&core->tables, 1, sizeof *ends);

    if (ends == NULL)
        return DR_E_FULL;
    ends->ends = dr_arena_push(&core->tables, core->limits.jobs_max, sizeof ends->ends[0]);
    ends->roots = dr_arena_push(&core->tables, core->limits.pools_max, sizeof ends->roots[0]);
    if (ends->ends == NULL || ends->roots == NULL)
        return DR_E_FULL;
    core->ends = ends;
    return DR_OK;
}

void dr_ends_clear(struct dr_core *core)
{
    for (uint32_t pool = 0; pool < core->limits.pools_max; pool += 1)
        core->ends->roots[pool] = NONE;
    for (uint32_t row = 0; row < core->jobs_high; row += 1)
        if (core->ends->ends[row].pool.v != 0) /* what is not written to takes no memory */
            core->ends->ends[row].pool.v = 0;
    for (uint32_t pool = 0; pool < core->limits.pools_max; pool += 1)
        dr_vacancy_changed(core, (dr_pool_id){pool + 1});
}

static int before(const struct dr_core *core, uint32_t a, uint32_t b)
{
    const struct dr_end *x = &core->ends->ends[a];
    const struct dr_end *y = &core->ends->ends[b];

    return x->end_us != y->end_us ? x->end_us < y->end_us : core->jobs[a].id.v < core->jobs[b].id.v;
}

/* ---- sums ---- */

static void add(struct dr_gives *sum, const struct dr_gives *gives, int sign)
{
    for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1)
        sum->amounts.of[i] += sign * gives->amounts.of[i];
    sum->drawing += sign * gives->drawing;
}

static void add_below(struct dr_gives *sum, const struct dr_end *ends, uint32_t row, int sign)
{
    if (row != NONE)
        add(sum, &ends[row].below, sign);
}

struct dr_gives dr_ends_gives(const struct dr_core *core, uint32_t row)
{
    const struct dr_end *ends = core->ends->ends;
    struct dr_gives own = ends[row].below;

    add_below(&own, ends, ends[row].left, -1);
    add_below(&own, ends, ends[row].right, -1);
    return own;
}

static int same_gives(const struct dr_gives *a, const struct dr_gives *b)
{
    return memcmp(&a->amounts, &b->amounts, sizeof a->amounts) == 0 && a->drawing == b->drawing;
}

/* ---- the treaps ---- */

static void replace(struct dr_ends *all, uint32_t row, uint32_t with)
{
    struct dr_end *ends = all->ends;
    uint32_t parent = ends[row].parent;

    if (parent == NONE)
        all->roots[ends[row].pool.v - 1] = with;
    else if (ends[parent].left == row)
        ends[parent].left = with;
    else
        ends[parent].right = with;
    if (with != NONE)
        ends[with].parent = parent;
}

/* Turn the edge between `row` and its parent, so that `row` comes above. */
static void rotate_up(struct dr_ends *all, uint32_t row)
{
    struct dr_end *ends = all->ends;
    uint32_t parent = ends[row].parent;
    struct dr_gives both = ends[parent].below;

    replace(all, parent, row);
    add(&ends[parent].below, &ends[row].below, -1);
    if (ends[parent].left == row) {
        add_below(&ends[parent].below, ends, ends[row].right, 1);
        ends[parent].left = ends[row].right;
        if (ends[row].right != NONE)
            ends[ends[row].right].parent = parent;
        ends[row].right = parent;
    } else {
        add_below(&ends[parent].below, ends, ends[row].left, 1);
        ends[parent].right = ends[row].left;
        if (ends[row].left != NONE)
            ends[ends[row].left].parent = parent;
        ends[row].left = parent;
    }
    ends[parent].parent = row;
    ends[row].below = both;
}

static uint64_t rank(const struct dr_core *core, uint32_t row)
{
    return dr_hash_u64(core->jobs[row].id.v);
}

/* Who knows the order of ends of accounts that keep something back has to look again. */
static void changed(struct dr_core *core, uint32_t row)
{
    const struct dr_pool *pool = &core->pools[core->ends->ends[row].pool.v - 1];

    dr_vacancy_changed(core, core->ends->ends[row].pool);
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
        dr_slack_changed(core, pool->groups[resource]);
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
        if (dr_quota_keep(dr_quota_at(core, core->jobs[row].account, pool->groups[resource])) > 0)
            dr_gate_ends_changed(core, core->jobs[row].account.v - 1, pool->groups[resource]);
}

static void put(struct dr_core *core, uint32_t row, struct dr_gives gives)
{
    struct dr_ends *all = core->ends;
    struct dr_end *end = &all->ends[row];
    uint32_t *root = &all->roots[end->pool.v - 1];
    uint32_t parent = NONE;

    for (uint32_t at = *root; at != NONE;) {
        add(&all->ends[at].below, &gives, 1);
        parent = at;
        at = before(core, row, at) ? all->ends[at].left : all->ends[at].right;
    }
    end->left = NONE;
    end->right = NONE;
    end->parent = parent;
    end->below = gives;
    if (parent == NONE)
        *root = row;
    else if (before(core, row, parent))
        all->ends[parent].left = row;
    else
        all->ends[parent].right = row;
    while (end->parent != NONE && rank(core, row) > rank(core, end->parent))
        rotate_up(all, row);
    changed(core, row);
}

static void take(struct dr_core *core, uint32_t row)
{
    struct dr_ends *all = core->ends;
    struct dr_end *end = &all->ends[row];
    struct dr_gives gives = dr_ends_gives(core, row);

    changed(core, row);
    while (end->left != NONE && end->right != NONE)
        rotate_up(all, rank(core, end->left) > rank(core, end->right) ? end->left : end->right);
    replace(all, row, end->left != NONE ? end->left : end->right);
    for (uint32_t at = end->parent; at != NONE; at = all->ends[at].parent)
        add(&all->ends[at].below, &gives, -1);
    end->pool.v = 0;
}

/* By how much less is drawn once it has ended: what is promised goes on, and a node that is down
 * draws nothing. */
static int64_t drawing_of(const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_run *run = dr_job_run(core, job);
    const struct dr_alternative *way = &core->shapes[job->shape].alternatives[run->alternative];
    uint32_t share = dr_alternative_share(way);
    int64_t drawing = 0;

    if (way->accelerators_per_task == 0)
        return 0;
    for (uint32_t at = run->extents; at != NONE; at = core->extents[at].next)
        if (!core->nodes[core->extents[at].extent.node.v - 1].down)
            drawing += dr_space_drawn_less(core, &core->extents[at].extent, share);
    return drawing;
}

void dr_ends_update(struct dr_core *core, uint32_t row)
{
    const struct dr_job *job = &core->jobs[row];
    const struct dr_run *run = dr_job_run(core, job);
    struct dr_end *end = &core->ends->ends[row];
    int holds = job->state == DR_JOB_CONFIGURING || job->state == DR_JOB_RUNNING ||
                job->state == DR_JOB_COMPLETING;
    struct dr_gives gives = {{{0}}, 0};
    struct dr_gives had;
    int64_t end_us;

    if (!holds) {
        if (end->pool.v != 0)
            take(core, row);
        return;
    }
    end_us = run->stopping != DR_STOP_NONE ? run->stop_until_us : dr_job_believed_end_us(core, job);
    gives.drawing = drawing_of(core, job);
    if (run->counted)
        gives.amounts = dr_job_holds(core, job);
    if (end->pool.v != 0) {
        had = dr_ends_gives(core, row);
        if (end->pool.v == run->pool.v && end->end_us == end_us && same_gives(&had, &gives))
            return;
        take(core, row);
    }
    end->pool = run->pool;
    end->end_us = end_us;
    put(core, row, gives);
}

static uint32_t leftmost(const struct dr_end *ends, uint32_t row)
{
    while (row != NONE && ends[row].left != NONE)
        row = ends[row].left;
    return row;
}

void dr_ends_promised(struct dr_core *core, dr_pool_id pool)
{
    if (dr_place_leaving_count(core, pool) == 0)
        return;
    for (uint32_t row = dr_place_attempts(core, pool); row != NONE;
         row = dr_place_attempts_next(core, row))
        if (dr_job_run(core, &core->jobs[row])->stopping != DR_STOP_NONE)
            dr_ends_update(core, row);
}

uint32_t dr_ends_first(const struct dr_core *core, dr_pool_id pool)
{
    return leftmost(core->ends->ends, core->ends->roots[pool.v - 1]);
}

uint32_t dr_ends_next(const struct dr_core *core, uint32_t row)
{
    const struct dr_end *ends = core->ends->ends;
    uint32_t parent;

    if (ends[row].right != NONE)
        return leftmost(ends, ends[row].right);
    parent = ends[row].parent;
    while (parent != NONE && ends[parent].right == row) {
        row = parent;
        parent = ends[row].parent;
    }
    return parent;
}

struct dr_amounts dr_ends_sum(const struct dr_core *core, dr_pool_id pool, int64_t until_us)
{
    const struct dr_end *ends = core->ends->ends;
    struct dr_amounts sum = {{0}};

    for (uint32_t at = core->ends->roots[pool.v - 1]; at != NONE;) {
        if (ends[at].end_us > until_us) {
            at = ends[at].left;
            continue;
        }
        for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1)
            sum.of[i] += ends[at].below.amounts.of[i] -
                         (ends[at].right == NONE ? 0 : ends[ends[at].right].below.amounts.of[i]);
        at = ends[at].right;
    }
    return sum;
}

static int64_t below_of(const struct dr_end *end, uint32_t what)
{
    return what == DR_ENDS_DRAWING ? end->below.drawing : end->below.amounts.of[what];
}

static int64_t pool_sum(const struct dr_core *core, uint32_t root, uint32_t what, int64_t until_us)
{
    const struct dr_end *ends = core->ends->ends;
    int64_t sum = 0;

    for (uint32_t at = root; at != NONE;) {
        const struct dr_end *end = &ends[at];

        if (end->end_us > until_us) {
            at = end->left;
            continue;
        }
        sum += below_of(end, what) - (end->right == NONE ? 0 : below_of(&ends[end->right], what));
        at = end->right;
    }
    return sum;
}

int64_t dr_ends_weighed(const struct dr_core *core, const int64_t *weights, uint32_t what,
                        int64_t until_us)
{
    int64_t sum = 0;

    for (uint32_t row = 0; row < core->pools_count; row += 1)
        if (weights[row] != 0)
            sum += weights[row] * pool_sum(core, core->ends->roots[row], what, until_us);
    return sum;
}

int64_t dr_ends_first_instant(int64_t (*given_back)(const void *context, int64_t until_us),
                              const void *context, int64_t amount, int64_t now_us,
                              int64_t before_us)
{
    int64_t last_us = before_us == DR_FOREVER_US ? before_us : before_us - 1;
    int64_t early_us = now_us; /* too early, once the tests below have failed */
    int64_t step_us = DR_MINUTE_US;
    int64_t at_us;

    if (last_us < now_us || given_back(context, last_us) < amount)
        return before_us;
    if (given_back(context, now_us) >= amount)
        return now_us;
    while (early_us + step_us < last_us && given_back(context, early_us + step_us) < amount) {
        early_us += step_us;
        step_us *= 4;
    }
    for (at_us = dr_min_i64(early_us + step_us, last_us); at_us - early_us > 1;) {
        int64_t middle_us = early_us + (at_us - early_us) / 2;

        if (given_back(context, middle_us) >= amount)
            at_us = middle_us;
        else
            early_us = middle_us;
    }
    return at_us;
}

/* ---- for tests ---- */

static int agrees(const struct dr_core *core, uint32_t row, uint32_t parent, dr_pool_id pool)
{
    const struct dr_end *ends = core->ends->ends;
    const struct dr_end *end;
    const struct dr_job *job;
    struct dr_gives gives = {{{0}}, 0};
    struct dr_gives had;

    if (row == NONE)
        return 1;
    end = &ends[row];
    job = &core->jobs[row];
    if (end->parent != parent || end->pool.v != pool.v || dr_job_run(core, job)->pool.v != pool.v ||
        (end->left != NONE && !before(core, end->left, row)) ||
        (end->right != NONE && !before(core, row, end->right)))
        return 0;
    if (end->end_us != (dr_job_run(core, job)->stopping != DR_STOP_NONE
                            ? dr_job_run(core, job)->stop_until_us
                            : dr_job_believed_end_us(core, job)))
        return 0;
    if (dr_job_run(core, job)->counted)
        gives.amounts = dr_job_holds(core, job);
    gives.drawing = drawing_of(core, job);
    had = dr_ends_gives(core, row);
    if (!same_gives(&had, &gives))
        return 0;
    return agrees(core, end->left, row, pool) && agrees(core, end->right, row, pool);
}

int dr_ends_consistent(const struct dr_core *core)
{
    uint32_t found = 0;
    uint32_t held = 0;

    for (uint32_t pool = 0; pool < core->pools_count; pool += 1)
        if (!agrees(core, core->ends->roots[pool], NONE, (dr_pool_id){pool + 1}))
            return 0;
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        found += core->ends->ends[row].pool.v != 0;
        held += core->jobs[row].id.v != 0 && (core->jobs[row].state == DR_JOB_CONFIGURING ||
                                              core->jobs[row].state == DR_JOB_RUNNING ||
                                              core->jobs[row].state == DR_JOB_COMPLETING);
    }
    return found == held;
}
