/* SPDX-License-Identifier: Apache-2.0 */
/* series.h: what was held, asked for and drawn over time, as lines of at most 512 bins.
 *
 * Fed by measures.c. A line is touched only when its level changes: those of a site when something
 * starts or ends there, those of an account when a job of that very account comes, starts or ends.
 * Sums over the tree of accounts are made once, by dr_series_close_bins(). */
#ifndef DR_SIM_SERIES_H
#define DR_SIM_SERIES_H

#include "core/state.h"
#include "sim/draws.h"
#include "sim/line.h"

struct dr_measures_level;
struct dr_buffer;

struct dr_series_site {
    struct dr_line capacity; /* thousandths of accelerators on nodes that are up */
    struct dr_line held;
    int64_t capacity_milli; /* now */
};

/* Thousandths of accelerators; of an inner account after dr_series_close_bins() with all below. */
struct dr_series_account {
    struct dr_line held;
    struct dr_line asked; /* by jobs that wait */
    int64_t guarantee;    /* now; 0: none */
    /* Made where the guarantee changes on the way, else NULL: it always was the one that is now. */
    struct dr_line *guarantees;
};

struct dr_series {
    const struct dr_core *core;
    int64_t from_us;
    int64_t until_us; /* once the bins are closed */
    struct dr_line capacity;
    struct dr_line held;
    struct dr_line cpus_capacity; /* thousandths of CPUs */
    struct dr_line cpus_held;
    struct dr_line pending; /* jobs, with the most */
    struct dr_line running;
    struct dr_series_site *sites; /* [sites_count] by row */
    uint32_t sites_count;
    struct dr_series_account **accounts; /* [accounts_count] by row; NULL: nothing to say of it */
    uint32_t accounts_count;
    struct dr_draws draws;
    struct dr_samples unusable; /* thousandths of accelerators (core/unusable.h) */
    int64_t effort; /* that looking for these may take, in instructions; grows with each step */
    int64_t effort_most;    /* that is saved up */
    uint64_t version;       /* of the federation, as capacities of sites are known */
    uint64_t terms;         /* which allocations run, as guarantees are known */
    uint64_t nodes_changed; /* as it was when capacities were read */
};

void dr_series_init(struct dr_series *series, const struct dr_core *core, int64_t from_us);
void dr_series_deinit(struct dr_series *series);

/* What holds from `now_us` on, until the next call; after the decision of that instant. */
void dr_series_level(struct dr_series *series, int64_t now_us,
                     const struct dr_measures_level *level);

/* A job's account, and a site (DR_ROW_NONE: none), hold so much more or less; its account's waiting
 * jobs ask for so much more or less. */
void dr_series_move(struct dr_series *series, int64_t now_us, uint32_t account_row,
                    uint32_t site_row, int64_t held, int64_t asked);

/* The end: all lines come to it, and inner accounts get the sums of those below. Once. */
void dr_series_close_bins(struct dr_series *series, int64_t until_us);

/* The guarantee of an account, summed over groups of accelerators, in thousandths times the
 * microseconds of a bin. */
__int128 dr_series_guaranteed(const struct dr_series *series, uint32_t account_row, uint32_t bin);

/* The accounts that are worth showing: the two upper levels below the root, then by what they held
 * and id; `rows` [DR_SERIES_ACCOUNTS] in the order of ids. Returns how many. */
#define DR_SERIES_ACCOUNTS 40
uint32_t dr_series_shown(const struct dr_series *series, uint32_t rows[DR_SERIES_ACCOUNTS]);

/* `"series":{...}` as docs/measures.md says. `base_us`: what 0 of the trace's clock is. */
void dr_series_json(const struct dr_series *series, int64_t base_us, struct dr_buffer *out);
/* The same as a table with a row per bin. */
void dr_series_csv(const struct dr_series *series, int64_t base_us, struct dr_buffer *out);

#endif
