/* SPDX-License-Identifier: Apache-2.0 */
/* moves.h: better plans by beginning phases earlier, later, elsewhere or not at all.
 *
 * With all phases held, the linear program says what the plan costs, and its reduced costs say what
 * any other beginning of the phases costs at least: cost is convex in them, so that
 * cost + reduced * (other - held) is below it everywhere (a cut of Benders, Partitioning Procedures
 * for Solving Mixed-Variables Programming Problems, Numerische Mathematik 4, 1962). All that were
 * learnt are kept. So of the hundred thousands of ways to begin one or two phases otherwise only
 * those are tried by which, by all that is known, something could be saved, the most first; and
 * when there is none left, no change of one or two phases saves anything.
 *
 * Orders are not held to be whole meanwhile: dr_search_round_orders() makes them so at the end. */
#ifndef DR_PLAN_MOVES_H
#define DR_PLAN_MOVES_H

#include "plan/search/search_run.h"

struct dr_moves;

/* `run` is borrowed until the close. Two kept bases are used, `basis` and the next. */
struct dr_moves *dr_moves_open(struct dr_search_run *run, uint32_t basis);
/* Accepts NULL. */
void dr_moves_close(struct dr_moves *moves);

/* Learn from the run's `values` and `reduced`, an optimal answer that cost `cost`, whatever the
 * bounds of phases were (not those of other columns: these have to be the program's). */
void dr_moves_learn(struct dr_moves *moves, double cost);

/* From the starts of the best so far on while it gets better, with at most `programs` linear
 * programs. 1: a better plan was kept. */
int dr_moves_from_best(struct dr_moves *moves, uint32_t programs);
/* From the starts that `values` comes nearest to, where they cost little more than the best. */
int dr_moves_from_values(struct dr_moves *moves, const double *values, uint32_t programs);

#endif
