/* SPDX-License-Identifier: Apache-2.0 */
/* Advance reservations. See window.h; read dr_window_find_barring(), then dr_window_settle(). */
#include "core/window.h"

#include "base/math.h"
#include "core/decide.h"
#include "core/power.h"
#include "core/victims.h"

#define NONE DR_ROW_NONE

enum dr_status dr_window_open(struct dr_core *core)
{
    struct dr_window_index *index = dr_arena_push(&core->tables, 1, sizeof *index);

    if (index == NULL)
        return DR_E_FULL;
    index->words = (core->limits.nodes_max + 63) / 64;
    index->nodes =
        dr_arena_push(&core->tables, (size_t)DR_WINDOWS_MAX * index->words, sizeof index->nodes[0]);
    index->of_pool = dr_arena_push(&core->tables, core->limits.pools_max, sizeof index->of_pool[0]);
    if (index->nodes == NULL || index->of_pool == NULL)
        return DR_E_FULL;
    index->next_us = DR_FOREVER_US;
    core->window_index = index;
    return DR_OK;
}

/* ---- the index ---- */

static uint64_t *nodes_of(const struct dr_core *core, uint32_t place)
{
    return core->window_index->nodes + (size_t)place * core->window_index->words;
}

static void put(struct dr_window_set *set, uint32_t place)
{
    set->words[place / 64] |= UINT64_C(1) << (place % 64);
}

static void add_node(struct dr_core *core, uint32_t place, uint32_t node_row)
{
    nodes_of(core, place)[node_row / 64] |= UINT64_C(1) << (node_row % 64);
    put(&core->window_index->of_pool[core->nodes[node_row].pool.v - 1], place);
}

static void add_pool(struct dr_core *core, uint32_t place, const struct dr_pool *pool)
{
    for (uint32_t i = 0; i < pool->ranges_count; i += 1)
        for (uint32_t k = 0; k < pool->ranges[i].count; k += 1)
            add_node(core, place, pool->ranges[i].row + k);
}

void dr_window_index(struct dr_core *core)
{
    struct dr_window_index *index = core->window_index;

    memset(index->of_pool, 0, core->limits.pools_max * sizeof index->of_pool[0]);
    index->waiting = 0;
    for (uint32_t place = 0; place < core->windows_count; place += 1) {
        const struct dr_window *window = &core->windows[place];

        memset(nodes_of(core, place), 0, index->words * sizeof index->nodes[0]);
        for (uint32_t i = 0; i < window->runs_count; i += 1)
            for (uint32_t k = 0; k < window->runs[i].count; k += 1)
                add_node(core, place, window->runs[i].row + k);
        for (uint32_t pool = 0; window->runs_count == 0 && pool < core->pools_count; pool += 1)
            if (pool + 1 == window->pool.v ||
                (window->site.v != 0 && core->pools[pool].site.v == window->site.v))
                add_pool(core, place, &core->pools[pool]);
        index->waiting += window->begun && window->held > 0;
    }
    index->next_us = core->windows_count == 0 ? DR_FOREVER_US : 0;
}

/* ---- who is let in ---- */

int dr_window_lets_in(const struct dr_core *core, const struct dr_window *window,
                      dr_account_id account)
{
    for (uint32_t i = 0; i < window->accounts_count; i += 1)
        if (dr_account_within(core, account, window->accounts[i]))
            return 1;
    return 0;
}

int dr_window_find_barring(const struct dr_core *core, dr_pool_id pool, dr_account_id account,
                           int64_t from_us, int64_t until_us, struct dr_window_set *set)
{
    const struct dr_window_set *here = &core->window_index->of_pool[pool.v - 1];
    struct dr_window_set barring = {{0}};
    int some = 0;

    for (uint32_t word = 0; word < DR_COUNT_OF(here->words); word += 1)
        for (uint64_t rest = here->words[word]; rest != 0; rest &= rest - 1) {
            uint32_t place = word * 64 + dr_bit_lowest(rest);
            const struct dr_window *window = &core->windows[place];

            if (from_us >= window->until_us || until_us <= window->from_us ||
                dr_window_lets_in(core, window, account))
                continue;
            put(&barring, place);
            some = 1;
        }
    if (some)
        *set = barring;
    return some;
}

int64_t dr_window_find_clear_us(const struct dr_core *core, dr_pool_id pool, dr_account_id account,
                                int64_t after_us)
{
    struct dr_window_set set;
    int64_t clear_us = DR_FOREVER_US;

    if (!dr_window_barring(core, pool, account, after_us, DR_FOREVER_US, &set))
        return DR_FOREVER_US;
    for (uint32_t word = 0; word < DR_COUNT_OF(set.words); word += 1)
        for (uint64_t rest = set.words[word]; rest != 0; rest &= rest - 1)
            clear_us =
                dr_min_i64(clear_us, core->windows[word * 64 + dr_bit_lowest(rest)].until_us);
    return clear_us;
}

int dr_window_has(const struct dr_core *core, const struct dr_window_set *set, uint32_t node_row)
{
    for (uint32_t word = 0; word < DR_COUNT_OF(set->words); word += 1)
        for (uint64_t rest = set->words[word]; rest != 0; rest &= rest - 1)
            if (dr_window_has_node(core, word * 64 + dr_bit_lowest(rest), node_row))
                return 1;
    return 0;
}

int dr_window_bars(const struct dr_core *core, dr_pool_id pool, dr_account_id account,
                   uint32_t first, int64_t from_us, int64_t until_us)
{
    struct dr_window_set set;

    if (!dr_window_barring(core, pool, account, from_us, until_us, &set))
        return 0;
    for (uint32_t at = first; at != NONE; at = core->extents[at].next)
        if (dr_window_has(core, &set, core->extents[at].extent.node.v - 1))
            return 1;
    return 0;
}

uint32_t dr_window_of_account(const struct dr_core *core, dr_account_id account)
{
    for (uint32_t place = 0; place < core->windows_count; place += 1)
        for (uint32_t i = 0; i < core->windows[place].accounts_count; i += 1)
            if (core->windows[place].accounts[i].v == account.v)
                return core->windows[place].id;
    return 0;
}

uint32_t dr_window_nodes(const struct dr_core *core, const struct dr_window *window)
{
    uint32_t place = (uint32_t)(window - core->windows);
    uint32_t count = 0;

    for (uint32_t row = 0; row < core->nodes_count; row += 1)
        count += !core->nodes[row].removed && dr_window_has_node(core, place, row);
    return count;
}

const struct dr_window *dr_window_of_node(const struct dr_core *core, uint32_t node_row)
{
    const struct dr_window *first = NULL;

    for (uint32_t place = 0; place < core->windows_count; place += 1)
        if (dr_window_has_node(core, place, node_row) &&
            (first == NULL || core->windows[place].from_us < first->from_us))
            first = &core->windows[place];
    return first;
}

/* ---- others on its nodes ---- */

static struct dr_window_set alone(const struct dr_core *core, const struct dr_window *window)
{
    struct dr_window_set set = {{0}};

    put(&set, (uint32_t)(window - core->windows));
    return set;
}

static int is_in(const struct dr_window_set *set, const struct dr_window_set *one)
{
    for (uint32_t word = 0; word < DR_COUNT_OF(set->words); word += 1)
        if ((set->words[word] & one->words[word]) != 0)
            return 1;
    return 0;
}

static int holds(const struct dr_core *core, const struct dr_window_set *set, uint32_t job_row)
{
    for (uint32_t at = dr_job_run(core, &core->jobs[job_row])->extents; at != NONE;
         at = core->extents[at].next)
        if (dr_window_has(core, set, core->extents[at].extent.node.v - 1))
            return 1;
    return 0;
}

/* When an attempt is believed to end, now at the earliest; DR_FOREVER_US: its site does not answer.
 */
static int64_t end_us(const struct dr_core *core, const struct dr_job *job, int64_t now_us)
{
    const struct dr_run *run = dr_job_run(core, job);

    if (job->state == DR_JOB_UNREACHABLE)
        return DR_FOREVER_US;
    return dr_max_i64(now_us, run->stopping != DR_STOP_NONE ? run->stop_until_us
                                                            : dr_job_believed_end_us(core, job));
}

/* The attempts of others in the window, one after another: `row` NONE begins, and is the answer
 * when there are no more. `pool` is where it goes on. */
static uint32_t next_other(const struct dr_core *core, const struct dr_window *window,
                           uint32_t *pool, uint32_t row)
{
    struct dr_window_set set = alone(core, window);

    for (;;) {
        if (row != NONE)
            row = dr_place_attempts_next(core, row);
        while (row == NONE) {
            if (*pool == core->pools_count)
                return NONE;
            if (is_in(&core->window_index->of_pool[*pool], &set))
                row = dr_place_attempts(core, (dr_pool_id){*pool + 1});
            *pool += 1;
        }
        if (!dr_window_lets_in(core, window, core->jobs[row].account) && holds(core, &set, row))
            return row;
    }
}

uint32_t dr_window_others(const struct dr_core *core, const struct dr_window *window,
                          int64_t now_us, int64_t at_us, uint32_t *rows, uint32_t max,
                          int64_t *last_us)
{
    uint32_t pool = 0;
    uint32_t count = 0;
    int64_t last = 0;

    dr_place_prepare(core);
    for (uint32_t row = next_other(core, window, &pool, NONE); row != NONE;
         row = next_other(core, window, &pool, row)) {
        int64_t end = end_us(core, &core->jobs[row], now_us);

        if (end <= at_us && at_us > now_us)
            continue;
        if (count < max)
            rows[count] = row;
        count += 1;
        last = dr_max_i64(last, end);
    }
    if (last_us != NULL)
        *last_us = last;
    return count;
}

/* ---- the decision ---- */

/* The window tells others to leave, when it has to. Returns when it has somebody to tell next. */
static int64_t tell(struct dr_decision *decision, const struct dr_window *window)
{
    struct dr_core *core = decision->core;
    int64_t next_us = DR_FOREVER_US;
    uint32_t pool = 0;

    for (uint32_t row = next_other(core, window, &pool, NONE); row != NONE;
         row = next_other(core, window, &pool, row)) {
        const struct dr_job *job = &core->jobs[row];
        int64_t warn_us = window->from_us - dr_job_terms(core, job)->grace_us - DR_POWER_NOTICE_US;
        struct dr_fact fact;

        /* Its limit ends it in time, launched a little late as it may have been, or has come. */
        if (dr_job_run(core, job)->stopping != DR_STOP_NONE ||
            (job->state != DR_JOB_UNREACHABLE &&
             dr_job_believed_end_us(core, job) <=
                 dr_max_i64(decision->now_us, window->from_us + DR_POWER_NOTICE_US)))
            continue;
        if (warn_us > decision->now_us) {
            next_us = dr_min_i64(next_us, warn_us);
            continue;
        }
        if (!dr_decision_room(decision, 0)) {
            decision->full = 1;
            return decision->now_us;
        }
        fact = dr_decision_fact(decision, DR_FACT_ATTEMPT_STOPPING);
        fact.attempt_stopping.job = job->id.v;
        fact.attempt_stopping.attempt = dr_job_run(core, job)->attempt;
        fact.attempt_stopping.cause = DR_STOP_WINDOW;
        fact.attempt_stopping.loss = dr_victims_loss_us(core, job, decision->now_us) / DR_SECOND_US;
        fact.attempt_stopping.signal = dr_job_terms(core, job)->warn_signal;
        fact.attempt_stopping.until_us = decision->now_us + dr_job_terms(core, job)->grace_us;
        dr_settle(core, &fact, decision->batch);
    }
    return next_us;
}

/* When somebody's promise is of no use any more because he would still run when a window begins
 * that keeps its nodes from him. */
static int64_t promises_end_us(const struct dr_core *core, int64_t now_us)
{
    int64_t next_us = DR_FOREVER_US;

    for (uint32_t row = dr_queue_first(core, DR_QUEUE_PROMISED); row != NONE;
         row = dr_queue_next(core, row)) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);
        int64_t limit_us = dr_job_next_limit_us(core, job, run->promise_alternative);

        for (uint32_t place = 0; place < core->windows_count; place += 1) {
            const struct dr_window *window = &core->windows[place];

            if (window->from_us - limit_us >= now_us && window->from_us - limit_us < next_us &&
                dr_window_bars(core, run->promise_pool, job->account, run->promise, window->from_us,
                               window->from_us + 1))
                next_us = window->from_us - limit_us + 1;
        }
    }
    return next_us;
}

/* It has begun: say how many others it waits for, and when it waits for none any more. */
static void say(struct dr_decision *decision, const struct dr_window *window)
{
    struct dr_core *core = decision->core;
    uint32_t pool = 0;
    uint32_t others = 0;
    struct dr_fact fact;

    if (!window->begun)
        others = dr_window_others(core, window, decision->now_us, decision->now_us, NULL, 0, NULL);
    else if (window->held == 0 || next_other(core, window, &pool, NONE) != NONE)
        return;
    if (!dr_decision_room(decision, 0)) {
        decision->full = 1;
        return;
    }
    fact = dr_decision_fact(decision, DR_FACT_WINDOW_HELD);
    fact.window_held.window = window->id;
    fact.window_held.attempts = others;
    dr_copy_name(fact.window_held.name, window->name);
    dr_settle(core, &fact, decision->batch);
}

static void end(struct dr_decision *decision, const struct dr_window *window)
{
    struct dr_fact fact = dr_decision_fact(decision, DR_FACT_WINDOW_DROPPED);

    if (!dr_decision_room(decision, 0)) {
        decision->full = 1;
        return;
    }
    fact.window_dropped.window = window->id;
    fact.window_dropped.over = 1;
    dr_copy_name(fact.window_dropped.name, window->name);
    dr_settle(decision->core, &fact, decision->batch);
}

void dr_window_settle(struct dr_decision *decision)
{
    struct dr_core *core = decision->core;
    struct dr_window_index *index = core->window_index;
    int64_t next_us = DR_FOREVER_US;

    if (decision->now_us < index->next_us && index->waiting == 0)
        return;
    dr_place_prepare(core);
    for (uint32_t place = 0; place < core->windows_count && !decision->full;) {
        const struct dr_window *window = &core->windows[place];

        if (window->until_us <= decision->now_us) {
            end(decision, window); /* the next one is in its place now */
            continue;
        }
        if (window->evict)
            next_us = dr_min_i64(next_us, tell(decision, window));
        if (window->from_us <= decision->now_us && !decision->full)
            say(decision, window);
        next_us = dr_min_i64(next_us, window->begun ? window->until_us : window->from_us);
        place += 1;
    }
    if (!decision->full)
        index->next_us = dr_min_i64(next_us, promises_end_us(core, decision->now_us));
}

/* ---- for tests ---- */

int dr_window_consistent(const struct dr_core *core)
{
    const struct dr_window_index *index = core->window_index;
    uint32_t waiting = 0;

    for (uint32_t place = 0; place < core->windows_count; place += 1) {
        const struct dr_window *window = &core->windows[place];
        struct dr_window_set set = alone(core, window);

        for (uint32_t row = 0; row < core->nodes_count; row += 1) {
            const struct dr_node *node = &core->nodes[row];
            dr_site_id site = core->pools[node->pool.v - 1].site;
            int has = window->runs_count == 0 &&
                      (window->pool.v == node->pool.v || window->site.v == site.v);

            for (uint32_t i = 0; i < window->runs_count; i += 1)
                has |= row - window->runs[i].row < window->runs[i].count;
            if (has != dr_window_has(core, &set, row) ||
                (has && !is_in(&index->of_pool[node->pool.v - 1], &set)))
                return 0;
        }
        waiting += window->begun && window->held > 0;
    }
    return waiting == index->waiting &&
           (core->windows_count > 0 || index->next_us == DR_FOREVER_US);
}
