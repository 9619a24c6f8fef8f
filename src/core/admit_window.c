/* SPDX-License-Identifier: Apache-2.0 */
/* DECLARE of an advance reservation (core/window.h): which nodes, and whether it can be. Read
 * dr_check_window() at the end first. */
#include "core/admit.h"
#include "core/place.h"
#include "core/window.h"

#define JUST_NOW_US DR_MINUTE_US /* what began so lately begins now */

/* What is asked, and the nodes so far. */
struct asked {
    const struct dr_core *core;
    struct dr_fact_window_made *window;
    int64_t now_us;
    struct dr_answer *answer;
    uint64_t *nodes; /* bit = node row */
};

static void *scratch(const struct dr_core *core, size_t count, size_t bytes)
{
    void *made = dr_arena_push((struct dr_arena *)&core->scratch, count + 1, bytes);

    DR_ASSERT(made != NULL);
    memset(made, 0, (count + 1) * bytes);
    return made;
}

static int has(const struct asked *asked, uint32_t row)
{
    return (asked->nodes[row / 64] >> (row % 64)) & 1;
}

static void add(const struct asked *asked, uint32_t row)
{
    asked->nodes[row / 64] |= UINT64_C(1) << (row % 64);
}

/* ---- what is asked, by itself ---- */

static int check_name_and_time(const struct asked *asked)
{
    const struct dr_core *core = asked->core;
    struct dr_fact_window_made *window = asked->window;
    struct dr_answer *answer = asked->answer;
    char text[DR_TEXT_BYTES];
    char begin[DR_TEXT_BYTES];

    if (window->window != 0 && window->window != core->window_id_last + 1)
        return dr_refuse(answer, DR_REFUSAL_STATE, "reservation",
                         "an advance reservation never changes: drop it, and create another");
    window->window = core->window_id_last + 1;
    if (core->windows_count == DR_WINDOWS_MAX)
        return dr_refuse(answer, DR_REFUSAL_FULL, "",
                         "there are %d advance reservations, and there can be no more",
                         DR_WINDOWS_MAX);
    if (window->name[0] == '\0')
        dr_format(window->name, sizeof window->name, "reservation-%u", window->window);
    if (!dr_name_valid(window->name))
        return dr_refuse(answer, DR_REFUSAL_INVALID, "name",
                         "found '%s', expected a name of an advance reservation: a-z, 0-9 and -, "
                         "at most 63 characters",
                         window->name);
    if (dr_window_named(core, window->name) != NULL)
        return dr_refuse(answer, DR_REFUSAL_STATE, "name",
                         "another advance reservation is called %s", window->name);
    if (window->from_us == 0 ||
        (window->from_us < asked->now_us && window->from_us > asked->now_us - JUST_NOW_US))
        window->from_us = asked->now_us;
    if (window->from_us < asked->now_us)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "from",
                         "it begins in the past, at %s: expected now or later",
                         dr_format_instant(window->from_us, text));
    if (window->until_us <= window->from_us)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "until",
                         "it would end at %s, expected a time after it begins, at %s",
                         dr_format_instant(window->until_us, text),
                         dr_format_instant(window->from_us, begin));
    return 1;
}

static int check_accounts(const struct asked *asked)
{
    const struct dr_core *core = asked->core;
    const struct dr_fact_window_made *window = asked->window;

    if (window->accounts_count > DR_WINDOW_ACCOUNTS)
        return dr_refuse(asked->answer, DR_REFUSAL_LIMIT, "accounts",
                         "found %u accounts, expected at most %d", window->accounts_count,
                         DR_WINDOW_ACCOUNTS);
    for (uint32_t i = 0; i < window->accounts_count; i += 1)
        if (window->accounts[i] == 0 || window->accounts[i] > core->accounts_count ||
            core->accounts[window->accounts[i] - 1].removed)
            return dr_refuse(asked->answer, DR_REFUSAL_UNKNOWN, "accounts",
                             "there is no account with id %u", window->accounts[i]);
    return 1;
}

/* ---- which nodes ---- */

static int check_there(const struct asked *asked, uint32_t row)
{
    const struct dr_core *core = asked->core;
    char name[DR_NAME_BYTES + 12];

    if (row >= core->nodes_count)
        return dr_refuse(asked->answer, DR_REFUSAL_UNKNOWN, "nodes", "there is no node with id %u",
                         row + 1);
    if (core->nodes[row].removed || core->nodes[row].removing)
        return dr_refuse(asked->answer, DR_REFUSAL_STATE, "nodes",
                         "node %s leaves the federation, or has left it",
                         dr_node_name(core, (dr_node_id){row + 1}, name));
    return 1;
}

static int add_named(const struct asked *asked)
{
    const struct dr_fact_window_made *window = asked->window;

    if (window->runs_count % 2 != 0)
        return dr_refuse(asked->answer, DR_REFUSAL_INVALID, "nodes", "expected pairs");
    for (uint32_t i = 0; i < window->runs_count; i += 2)
        for (uint32_t k = 0; k < window->runs[i + 1]; k += 1) {
            if (!check_there(asked, window->runs[i] - 1 + k))
                return 0;
            add(asked, window->runs[i] - 1 + k);
        }
    return 1;
}

/* Every node of a pool that there is. Returns how many. */
static uint32_t add_pool(const struct asked *asked, dr_pool_id pool)
{
    const struct dr_pool *about = &asked->core->pools[pool.v - 1];
    uint32_t count = 0;

    for (uint32_t i = 0; i < about->ranges_count; i += 1)
        for (uint32_t k = 0; k < about->ranges[i].count; k += 1)
            if (!asked->core->nodes[about->ranges[i].row + k].removed) {
                add(asked, about->ranges[i].row + k);
                count += 1;
            }
    return count;
}

static int add_whole(const struct asked *asked)
{
    const struct dr_core *core = asked->core;
    const struct dr_fact_window_made *window = asked->window;
    uint32_t count = 0;

    for (uint32_t row = 0; row < core->pools_count; row += 1)
        if (row + 1 == window->pool ||
            (window->site != 0 && core->pools[row].site.v == window->site))
            count += add_pool(asked, (dr_pool_id){row + 1});
    if (count == 0)
        return dr_refuse(asked->answer, DR_REFUSAL_STATE, window->pool != 0 ? "pool" : "site",
                         "it has no nodes");
    return 1;
}

/* ---- so many of a pool ---- */

enum fitness { UNFIT, STAYS_HELD, IN_TIME };

/* Does the attempt stay on its nodes when the window begins, by belief? */
static int stays(const struct asked *asked, const struct dr_job *job)
{
    const struct dr_run *run = dr_job_run(asked->core, job);
    int64_t end_us = run->stopping != DR_STOP_NONE ? run->stop_until_us
                                                   : dr_job_believed_end_us(asked->core, job);

    for (uint32_t i = 0; i < asked->window->accounts_count; i += 1)
        if (dr_account_within(asked->core, job->account,
                              (dr_account_id){asked->window->accounts[i]}))
            return 0;
    return job->state == DR_JOB_UNREACHABLE || asked->window->from_us <= asked->now_us ||
           end_us > asked->window->from_us;
}

static int at_the_same_time(const struct asked *asked, const struct dr_window *other)
{
    return asked->window->from_us < other->until_us && other->from_us < asked->window->until_us;
}

static int in_another(const struct asked *asked, uint32_t row)
{
    const struct dr_core *core = asked->core;

    for (uint32_t i = 0; i < core->windows_count; i += 1)
        if (at_the_same_time(asked, &core->windows[i]) && dr_window_has_node(core, i, row))
            return 1;
    return 0;
}

/* What each node of the pool is good for, by its number. */
static uint8_t *judge_nodes(const struct asked *asked, dr_pool_id pool)
{
    const struct dr_core *core = asked->core;
    const struct dr_pool *about = &core->pools[pool.v - 1];
    uint8_t *fitness = scratch(core, about->nodes_count, 1);

    for (uint32_t number = 0; number < about->nodes_count; number += 1) {
        uint32_t row = dr_pool_node_row(about, number);
        const struct dr_node *node = &core->nodes[row];
        int there = !node->removed && !node->removing &&
                    (asked->window->accounts_count == 0 || (!node->down && !node->drained));

        fitness[number] = there && !in_another(asked, row) ? IN_TIME : UNFIT;
    }
    for (uint32_t row = dr_place_attempts(core, pool); row != DR_ROW_NONE;
         row = dr_place_attempts_next(core, row))
        if (stays(asked, &core->jobs[row]))
            for (uint32_t at = dr_job_run(core, &core->jobs[row])->extents; at != DR_ROW_NONE;
                 at = core->extents[at].next) {
                uint8_t *of = &fitness[core->nodes[core->extents[at].extent.node.v - 1].number];

                if (*of == IN_TIME)
                    *of = STAYS_HELD;
            }
    return fitness;
}

/* The domain of so many nodes with enough that are good enough, and fewest of them; ties: the
 * first. DR_ROW_NONE: there is none. `most`: the most that one has. */
static uint32_t best_domain(const struct asked *asked, const struct dr_pool *pool,
                            const uint8_t *fitness, enum fitness least, uint32_t size,
                            uint32_t *most)
{
    uint32_t best = DR_ROW_NONE;
    uint32_t best_good = 0;

    for (uint32_t first = 0; first < pool->nodes_count; first += size) {
        uint32_t good = 0;

        for (uint32_t i = first; i < pool->nodes_count && i - first < size; i += 1)
            good += fitness[i] >= least;
        *most = good > *most ? good : *most;
        if (good >= asked->window->count && (best == DR_ROW_NONE || good < best_good)) {
            best = first;
            best_good = good;
        }
    }
    return best;
}

/* Those that will be empty first, then by number. */
static void add_of_domain(const struct asked *asked, const struct dr_pool *pool,
                          const uint8_t *fitness, enum fitness least, uint32_t first, uint32_t size)
{
    uint32_t left = asked->window->count;

    for (int wanted = IN_TIME; wanted >= (int)least && left > 0; wanted -= 1)
        for (uint32_t i = first; i < pool->nodes_count && i - first < size && left > 0; i += 1)
            if (fitness[i] == wanted) {
                add(asked, dr_pool_node_row(pool, i));
                left -= 1;
            }
}

/* In the smallest domain that has enough, of the level that is asked for. */
static int add_good(const struct asked *asked, const struct dr_pool *pool, const uint8_t *fitness,
                    enum fitness least, uint32_t *most)
{
    const char *level = asked->window->level;

    for (uint32_t i = 0; i <= pool->levels_count; i += 1) {
        uint32_t size = i < pool->levels_count ? pool->levels[i].nodes : pool->nodes_count;
        uint32_t first;

        if (level[0] != '\0' && (i == pool->levels_count || strcmp(pool->levels[i].name, level)))
            continue;
        first = best_domain(asked, pool, fitness, least, size, most);
        if (first != DR_ROW_NONE) {
            add_of_domain(asked, pool, fitness, least, first, size);
            return 1;
        }
    }
    return 0;
}

static int add_counted(const struct asked *asked)
{
    const struct dr_core *core = asked->core;
    const struct dr_fact_window_made *window = asked->window;
    const struct dr_pool *pool = &core->pools[window->pool - 1];
    int others_may_stay = window->accounts_count == 0 || window->evict || window->forced;
    uint32_t most = 0;
    uint8_t *fitness;
    int known = window->level[0] == '\0';

    for (uint32_t i = 0; i < pool->levels_count; i += 1)
        known |= strcmp(pool->levels[i].name, window->level) == 0;
    if (!known)
        return dr_refuse(asked->answer, DR_REFUSAL_UNKNOWN, "level", "pool %s has no level %s",
                         pool->name, window->level);
    fitness = judge_nodes(asked, (dr_pool_id){window->pool});
    if (add_good(asked, pool, fitness, IN_TIME, &most) ||
        (others_may_stay && add_good(asked, pool, fitness, STAYS_HELD, &most)))
        return 1;
    return dr_refuse(asked->answer, DR_REFUSAL_STATE, "count",
                     "%s%s%s has %u node%s%s in no other advance reservation then%s, "
                     "expected %u%s",
                     window->level[0] == '\0' ? "pool " : "the best ",
                     window->level[0] == '\0' ? "" : window->level,
                     window->level[0] == '\0' ? pool->name : " of the pool", most,
                     most == 1 ? "" : "s",
                     window->accounts_count == 0 ? "" : " up, not drained and",
                     others_may_stay ? "" : " and are believed to be empty then", window->count,
                     others_may_stay ? "" : "; `evict` or `force` takes others as well");
}

static int add_nodes(const struct asked *asked)
{
    const struct dr_core *core = asked->core;
    const struct dr_fact_window_made *window = asked->window;

    if ((window->site != 0) + (window->pool != 0) + (window->runs_count != 0) != 1)
        return dr_refuse(asked->answer, DR_REFUSAL_INVALID, "",
                         "expected a site, or a pool, or nodes");
    if (window->site > core->sites_count ||
        (window->site != 0 && core->sites[window->site - 1].removed))
        return dr_refuse(asked->answer, DR_REFUSAL_UNKNOWN, "site", "there is no such site");
    if (window->pool > core->pools_count ||
        (window->pool != 0 && core->pools[window->pool - 1].removed))
        return dr_refuse(asked->answer, DR_REFUSAL_UNKNOWN, "pool", "there is no such pool");
    if (window->pool == 0 && (window->count != 0 || window->level[0] != '\0'))
        return dr_refuse(asked->answer, DR_REFUSAL_INVALID, window->count != 0 ? "count" : "level",
                         "a count, and a level, are of one pool: expected a pool beside it");
    if (window->count == 0 && window->level[0] != '\0')
        return dr_refuse(asked->answer, DR_REFUSAL_INVALID, "level",
                         "found level %s and no count, expected how many nodes are to lie in one "
                         "%s",
                         window->level, window->level);
    if (window->runs_count != 0)
        return add_named(asked);
    return window->count != 0 ? add_counted(asked) : add_whole(asked);
}

/* The nodes as runs, where they are not all of a pool or site. */
static int keep_runs(const struct asked *asked)
{
    const struct dr_core *core = asked->core;
    struct dr_fact_window_made *window = asked->window;
    uint32_t *runs = scratch(core, 2 * DR_WINDOW_RUNS_MAX, sizeof runs[0]);
    uint32_t count = 0;

    if (window->runs_count == 0 && window->count == 0)
        return 1;
    for (uint32_t row = 0; row < core->nodes_count; row += 1) {
        if (!has(asked, row))
            continue;
        if (count > 0 && runs[2 * count - 2] + runs[2 * count - 1] == row + 1) {
            runs[2 * count - 1] += 1;
            continue;
        }
        if (count == DR_WINDOW_RUNS_MAX)
            return dr_refuse(asked->answer, DR_REFUSAL_LIMIT, "nodes",
                             "they lie in more than %d runs of neighbours", DR_WINDOW_RUNS_MAX);
        runs[2 * count] = row + 1;
        runs[2 * count + 1] = 1;
        count += 1;
    }
    window->runs = runs;
    window->runs_count = 2 * count;
    return 1;
}

/* ---- whether it can be ---- */

static int check_overlap(const struct asked *asked)
{
    const struct dr_core *core = asked->core;
    char name[DR_NAME_BYTES + 12];
    char from[DR_TEXT_BYTES];
    char until[DR_TEXT_BYTES];

    for (uint32_t i = 0; i < core->windows_count; i += 1) {
        const struct dr_window *other = &core->windows[i];

        for (uint32_t row = 0; at_the_same_time(asked, other) && row < core->nodes_count; row += 1)
            if (has(asked, row) && dr_window_has_node(core, i, row))
                return dr_refuse(asked->answer, DR_REFUSAL_STATE, "nodes",
                                 "node %s is in advance reservation %s, from %s until %s",
                                 dr_node_name(core, (dr_node_id){row + 1}, name), other->name,
                                 dr_format_instant(other->from_us, from),
                                 dr_format_instant(other->until_us, until));
    }
    return 1;
}

/* Accounts are promised nodes that are empty when it begins. */
static int check_empty(const struct asked *asked)
{
    const struct dr_core *core = asked->core;
    const struct dr_job *first = NULL;
    uint32_t first_node = 0;
    uint32_t count = 0;
    char name[DR_NAME_BYTES + 12];

    for (uint32_t row = core->running.first; row != DR_ROW_NONE;
         row = dr_job_list_next(core, row)) {
        const struct dr_job *job = &core->jobs[row];
        uint32_t at = dr_job_run(core, job)->extents;

        if (!stays(asked, job))
            continue;
        while (at != DR_ROW_NONE && !has(asked, core->extents[at].extent.node.v - 1))
            at = core->extents[at].next;
        if (at == DR_ROW_NONE)
            continue;
        if (first == NULL) {
            first = job;
            first_node = core->extents[at].extent.node.v;
        }
        count += 1;
    }
    if (count == 0 || asked->window->accounts_count == 0 || asked->window->evict ||
        asked->window->forced)
        return 1;
    return dr_refuse(asked->answer, DR_REFUSAL_STATE, "nodes",
                     "job %llu is believed to hold node %s when it begins (%u job%s in all): "
                     "begin it later, tell them to leave (evict), or force it",
                     (unsigned long long)first->id.v,
                     dr_node_name(core, (dr_node_id){first_node}, name), count,
                     count == 1 ? "" : "s");
}

int dr_check_window(const struct dr_core *core, struct dr_fact_window_made *window, int64_t now_us,
                    struct dr_answer *answer)
{
    struct asked asked = {.core = core, .window = window, .now_us = now_us, .answer = answer};

    asked.nodes = scratch(core, (core->nodes_count + 63) / 64, sizeof asked.nodes[0]);
    window->evict = window->evict != 0;
    window->forced = window->forced != 0;
    if (!check_name_and_time(&asked) || !check_accounts(&asked) || !add_nodes(&asked) ||
        !check_overlap(&asked) || !keep_runs(&asked) || !check_empty(&asked))
        return 0;
    answer->id = window->window;
    return 1;
}
