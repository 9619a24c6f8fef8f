/* SPDX-License-Identifier: Apache-2.0 */
/* window.h: advance reservations, in the core called windows (POLICY, section 5): nodes that from
 * one instant until another only jobs of some accounts may use, or nobody, for maintenance.
 *
 * A job starts on a node only if it is believed to end (start + limit) before a window that does
 * not let it in begins there, or if it starts when that is over. A window gives no quota and takes
 * none: it keeps others off its nodes, and what starts there starts by all other rules.
 * Reservations of blocked jobs (core/backfill.h) and promises (core/reclaim.h) are given around
 * windows; one that a new window cuts through is dropped.
 *
 * Who runs when a window is made, and is believed to stay when it begins, is told to leave in time
 * if the window says `evict`: so early that its grace is over by then. Otherwise the window waits:
 * nobody starts there, and it is said how many are left when it begins (WINDOW_HELD), and when
 * nobody is any more.
 *
 * Time alone begins and ends a window. Its end is a fact, which lets everybody be judged again who
 * was refused; until then a refusal by it stays right, so that the memory of refusals
 * (core/seats.h) needs to know nothing of windows. No two of them have a node in common at the same
 * time.
 *
 * Which nodes a window has is an index (I8): a bit per node, and a set of windows per pool, so that
 * a search in a pool without any asks one word. */
#ifndef DR_CORE_WINDOW_H
#define DR_CORE_WINDOW_H

#include "core/state.h"

/* A set of windows, bit = place in core->windows. */
struct dr_window_set {
    uint64_t words[DR_WINDOWS_MAX / 64];
};

struct dr_window_index {
    uint64_t *nodes;               /* [DR_WINDOWS_MAX][words] bit = node row */
    uint32_t words;                /* of one window */
    struct dr_window_set *of_pool; /* [pools_max] that have a node there */
    uint32_t waiting;              /* have begun, and others were still there */
    int64_t next_us;               /* when one begins, ends, or has somebody to tell */
};

DR_MUST_USE enum dr_status dr_window_open(struct dr_core *core);

/* Windows, or nodes, have changed. */
void dr_window_index(struct dr_core *core);

/* Does it let in the jobs of an account? */
int dr_window_lets_in(const struct dr_core *core, const struct dr_window *window,
                      dr_account_id account);

/* See dr_window_barring(), which asks first whether there is any window at all. */
int dr_window_find_barring(const struct dr_core *core, dr_pool_id pool, dr_account_id account,
                           int64_t from_us, int64_t until_us, struct dr_window_set *set);

/* The windows that keep a job of the account from nodes of the pool, if it ran from one instant
 * until another. Returns 0, and leaves `set` alone, where none does. */
static inline int dr_window_barring(const struct dr_core *core, dr_pool_id pool,
                                    dr_account_id account, int64_t from_us, int64_t until_us,
                                    struct dr_window_set *set)
{
    return core->windows_count != 0 &&
           dr_window_find_barring(core, pool, account, from_us, until_us, set);
}

/* Has the window at a place in core->windows the node? */
static inline int dr_window_has_node(const struct dr_core *core, uint32_t place, uint32_t node_row)
{
    const struct dr_window_index *index = core->window_index;

    return (index->nodes[(size_t)place * index->words + node_row / 64] >> (node_row % 64)) & 1;
}

/* How many nodes it has, those that have left aside. */
uint32_t dr_window_nodes(const struct dr_core *core, const struct dr_window *window);

/* Of the windows that have a node, the one that begins first; NULL: none has. */
const struct dr_window *dr_window_of_node(const struct dr_core *core, uint32_t node_row);

/* Has one of them the node? */
int dr_window_has(const struct dr_core *core, const struct dr_window_set *set, uint32_t node_row);

int64_t dr_window_find_clear_us(const struct dr_core *core, dr_pool_id pool, dr_account_id account,
                                int64_t after_us);

/* The next instant after one at which a window in the pool ends that does not let the account in;
 * DR_FOREVER_US: there is none. */
static inline int64_t dr_window_clear_us(const struct dr_core *core, dr_pool_id pool,
                                         dr_account_id account, int64_t after_us)
{
    return core->windows_count == 0 ? DR_FOREVER_US
                                    : dr_window_find_clear_us(core, pool, account, after_us);
}

/* Would one of the windows forbid a job of the account the place, from one instant until another?
 */
int dr_window_bars(const struct dr_core *core, dr_pool_id pool, dr_account_id account,
                   uint32_t first_extent_row, int64_t from_us, int64_t until_us);

/* Attempts of others that hold nodes of the window and are believed to do so at `at_us` still, now
 * at the earliest: how many there are; the first `max` job rows in `rows`, and when the last of
 * them is believed to end, DR_FOREVER_US: nobody can say, 0: there are none. NULL: not asked. */
uint32_t dr_window_others(const struct dr_core *core, const struct dr_window *window,
                          int64_t now_us, int64_t at_us, uint32_t *rows, uint32_t max,
                          int64_t *last_us);

/* A window of the account that is not over; 0: there is none. */
uint32_t dr_window_of_account(const struct dr_core *core, dr_account_id account);

/* An attempt is believed to end later than it was: somebody else may have to be told. Or something
 * is promised, perhaps not for long. */
static inline void dr_window_look_again(struct dr_core *core)
{
    if (core->windows_count != 0)
        core->window_index->next_us = 0;
}

/* ---- the decision ---- */

struct dr_decision;

/* What time brings: windows that are over go, those that begin say so, who has to leave is told.
 * May mark the decision full. */
void dr_window_settle(struct dr_decision *decision);

static inline int64_t dr_window_next_us(const struct dr_core *core)
{
    return core->window_index->next_us;
}

/* For tests: is the index equal to one built afresh? */
int dr_window_consistent(const struct dr_core *core);

#endif
