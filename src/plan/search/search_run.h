/* SPDX-License-Identifier: Apache-2.0 */
/* search_run.h: what the parts of the search share (search.c, moves.c, tree.c); nobody else's.
 *
 * All of them work on the condensed program. A line is one phase of one site: its columns, one for
 * each quarter in which it can have been begun, 0 ... 0 1 ... 1. Where a line starts is a number
 * from 0 to its count: the first of its columns that is 1, `count` where it is never begun. */
#ifndef DR_PLAN_SEARCH_RUN_H
#define DR_PLAN_SEARCH_RUN_H

#include "plan/search/condense.h"
#include "plan/search/search.h"

#define DR_SEARCH_WHOLE     1e-6
#define DR_SEARCH_LINES_MAX (DR_PLAN_SITES_MAX * DR_PLAN_PHASES_MAX)

struct dr_search_line {
    uint32_t site;
    uint32_t begin;  /* quarter of its first column */
    uint32_t column; /* its first; they are neighbours */
    uint32_t count;
    uint32_t before; /* the line of the site's phase before; DR_NO_COLUMN: none */
};

struct dr_search_run {
    struct dr_search *search;
    const struct dr_program *program;
    const struct dr_search_options *options;
    struct dr_condensed condensed;
    const struct dr_model *model; /* the condensed one's */
    struct dr_solver *solver;
    int64_t begin_us;
    double *lower, *upper; /* [columns] of the request */
    double *values;        /* [columns] of the answer */
    double *reduced;       /* [columns] of the answer */
    double *best;          /* [columns] the best so far */
    uint8_t *integer;
    uint32_t lines_count;
    struct dr_search_line lines[DR_SEARCH_LINES_MAX];
};

double dr_search_left_s(const struct dr_search_run *run);
int dr_search_stopped(const struct dr_search_run *run);
/* Nothing more is to be done: stopped, out of time, or good enough. */
int dr_search_done(const struct dr_search_run *run);
void dr_search_tell(struct dr_search_run *run, const char *step);
/* A solution whose binaries are whole; kept where it is better. 1: it was. */
int dr_search_keep(struct dr_search_run *run, const double *values, double cost);
/* Bounds as the program has them. */
void dr_search_reset(struct dr_search_run *run);
/* The linear program within `lower` and `upper`, into `values` and `reduced`, in the time left. */
struct dr_solver_answer dr_search_lp(struct dr_search_run *run,
                                     const struct dr_solver_limits *limits);

/* `values` costs `cost` and has whole phases: hold these, make the orders whole, and keep the
 * solution if it is one. An order of at least its least needs no more than to be counted as one;
 * below that it is none, or at least the least, whichever is nearer. */
void dr_search_round_orders(struct dr_search_run *run, double cost);

/* Dive from `values` within `lower` and `upper`, which it narrows: the binaries nearest to 1 are
 * held there, an eighth of those left at a time. Given up at `cutoff` (0: never). 1: `values` are
 * whole; they were kept if they are the best. */
int dr_search_dive(struct dr_search_run *run, double cutoff);

#endif
