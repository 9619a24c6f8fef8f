/* SPDX-License-Identifier: Apache-2.0 */
/* study.h: what the files of the two-stage study share (futures.h): futures.c runs it,
 * joint_solve.c solves all futures at once, swings.c changes one thing at a time. */
#ifndef DR_PLAN_STUDY_H
#define DR_PLAN_STUDY_H

#include "plan/result/files.h"
#include "plan/futures/futures.h"

/* What a process learns of a world by itself. */
struct own {
    enum dr_status status;
    struct dr_future_cell cell;
    double bound;
    int bound_by_search;
    int whole_lots;
    uint32_t rows_count, columns_count, binaries_count;
    uint32_t relaxed_count;
    struct dr_relaxed relaxed[DR_RELAXED_MAX];
};

/* The tables with one thing changed. */
struct swing_world {
    struct dr_plan_future future;
    char words[64];
    uint32_t dimension; /* DR_SWINGS_MAX: nothing is changed */
    int high;
};
#define SWING_WORLDS_MAX (2 * DR_SWINGS_MAX + 1)

/* Shared by the study's processes; each writes its own piece's places. */
struct dr_futures_memory {
    struct own own[DR_PLAN_FUTURES_MAX + 1];
    struct dr_future_cell cells[DR_STAGES_MAX][DR_PLAN_FUTURES_MAX];
    struct dr_future_cell swings[SWING_WORLDS_MAX];
    struct dr_plan *own_plans; /* [worlds + 1] */
    struct dr_plan *plans;     /* [stages][worlds] */
};

struct run {
    struct dr_futures *futures;
    const struct dr_futures_options *options;
    struct dr_world *worlds; /* the futures', and their mean */
    struct dr_futures_memory *memory;
    int64_t begin_us;
    int64_t step_end_us; /* of the step that runs */
    uint32_t pieces;     /* of it */
    uint32_t stages_done;
    int small; /* the futures' programs are: orders are whole lots */
    struct swing_world swings[SWING_WORLDS_MAX];
    uint32_t swings_count;
};

/* "there is no plan", "not tried", ... */
const char *dr_future_result_words(enum dr_future_result result);

struct dr_joint_answer {
    double bound;  /* in the currency */
    int has_first; /* a first stage was found */
};

/* All futures in one program, until an instant. 1: it gave a bound, and perhaps a first stage. 0:
 * it is too large, has no solution, or gave nothing in time.
 *
 * all_whole  of a small program: everything is whole, from the best candidate so far on; 0: no more
 *            than the first stage is, which takes a hundredth of the time. */
int dr_joint_solve(const struct run *run, int all_whole, int64_t end_us,
                   struct dr_first_stage *first, struct dr_joint_answer *answer);

/* The worlds that are still to be planned; how many. */
uint32_t dr_swings_list(const struct dr_futures *futures,
                        struct swing_world worlds[SWING_WORLDS_MAX]);
/* Their costs into `futures->swings`, the widest first. */
void dr_swings_sort(struct dr_futures *futures, const struct swing_world *worlds,
                    const struct dr_future_cell *cells, uint32_t count);

#endif
