/* SPDX-License-Identifier: Apache-2.0 */
/* unusable.h: how much of what is free is of no use to those who come. For who watches; no decision
 * reads it.
 *
 * This is F of Q. Weng et al., "Beware of Fragmentation", USENIX ATC 2023, section 4: over all
 * nodes, the free accelerators that a task of the recent mix can't use, by how often each like
 * comes. core/breakage.h says what a node is worth to the mix; F is what is free less that, with
 * weights that add up to one over the likes that fit an empty node of the pool. So a chip that few
 * may use is not called broken for it; gangs count as their tasks, one node at a time. */
#ifndef DR_CORE_UNUSABLE_H
#define DR_CORE_UNUSABLE_H

#include "core/state.h"

/* Thousandths of accelerators, over all pools; 0 in pools that none of the mix fits. `effort`:
 * about how many instructions it may take to fill tables that no placement has filled since the
 * last tick; set to what all of it took. Returns 0: that is too little, or nothing is known of who
 * comes (before the first tick with a job). */
int dr_unusable(const struct dr_core *core, int64_t *milli, int64_t *effort);

#endif
