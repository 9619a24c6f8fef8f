/* SPDX-License-Identifier: Apache-2.0 */
/* held.h: plans in one world with one first stage after another, by one solver.
 *
 * Each linear program begins at the basis of the one before: only bounds differ, so that the dual
 * simplex goes on where it was. Large programs are condensed (condense.h), dived and rounded so;
 * where the dive leaves too much, the whole search follows (search.h). */
#ifndef DR_PLAN_HELD_H
#define DR_PLAN_HELD_H

#include "plan/futures/futures.h"

struct dr_held;

/* `inputs` is borrowed. DR_E_MISSING, DR_E_IO: no solver. */
DR_MUST_USE enum dr_status dr_held_open(struct dr_held **held, const struct dr_plan_inputs *inputs,
                                        const volatile sig_atomic_t *stop, struct dr_error *error);
/* Accepts NULL. */
void dr_held_close(struct dr_held *held);

/* The best plan that keeps to a first stage, checked; `plan` is written where the cell says so.
 *
 * end_us  dr_monotonic_us() at which it gives up.
 * gap     relative: enough, where it searches.
 * far     what a dive may leave to its linear program before it is searched on; in programs with
 *         whole lots nothing is dived. */
void dr_held_plan(struct dr_held *held, const struct dr_first_stage *first, double gap, double far,
                  int64_t end_us, struct dr_plan *plan, struct dr_future_cell *cell);

/* What else a future needs in the common quarters: the first stage of its best plan that does at
 * least what `first` does. 0: none was found. */
int dr_held_extend(struct dr_held *held, const struct dr_first_stage *first, double gap,
                   int64_t end_us, struct dr_first_stage *extended);

#endif
