/* SPDX-License-Identifier: Apache-2.0 */
/* tree.h: branch and bound over the phases, for a bound better than the linear program's.
 *
 * Nodes are solved from the basis of the node above, the one of the least bound first. What is
 * asked is whether a phase is ever begun, then by when: with phases cumulative, one column says
 * either. Which phase is asked about is decided by what its answers have cost before (pseudo-costs;
 * Achterberg, Koch and Martin, Branching Rules Revisited, Operations Research Letters 33, 2005),
 * and where little is known by a look ahead of LOOK_STEPS steps of dual simplex.
 *
 * Cuts close little of the gap (those of HiGHS, at its root, a fiftieth): what is missing is no
 * single row's, but that sites come in lumps. */
#ifndef DR_PLAN_TREE_H
#define DR_PLAN_TREE_H

#include "plan/search/moves.h"

/* Until dr_search_done(), or until there is nothing below the best. Raises the run's bound; better
 * plans are looked for beside it by dr_moves_from_values(), where `moves` is not NULL.
 *
 * root   the kept basis of the linear program.
 * bases  from which number on nodes may keep theirs. */
void dr_tree_run(struct dr_search_run *run, struct dr_moves *moves, uint32_t root, uint32_t bases);

#endif
