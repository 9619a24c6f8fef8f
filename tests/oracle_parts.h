/* SPDX-License-Identifier: Apache-2.0 */
/* oracle_parts.h: what the oracle's files use of each other. Who asks the oracle reads oracle.h. */
#ifndef DR_TEST_ORACLE_PARTS_H
#define DR_TEST_ORACLE_PARTS_H

#include "oracle.h"

/* ---- oracle_state.c ---- */

/* How long that way takes of the limit, thousandths. */
int64_t oracle_factor(const struct dr_alternative *way);
/* The end of an attempt by its limit alone. */
int64_t oracle_staying_end_us(const struct dr_core *core, const struct dr_job *job);
/* The strictest sharing (DR_SHARE_*) of its class and of those of its data. */
uint8_t oracle_share(const struct dr_core *core, const struct dr_job *job);

/* ---- oracle_room.c ---- */

/* Nodes of the domain that the job must not leave; UINT32_MAX: the pool, 0: it has no such level.
 */
uint32_t oracle_required_size(const struct dr_core *core, const struct dr_job *job, uint32_t pool);
/* What the nodes of a group that are up have of it. */
int64_t oracle_capacity(const struct dr_core *core, uint32_t group);
/* Nodes of a block, for `share: none`. */
uint32_t oracle_block_size(const struct dr_pool *pool);
/* Accelerators of a node of which nobody has anything. */
uint32_t oracle_free_on(const struct oracle *look, uint32_t node_row);
/* Thousandths left of one that is shared and that the job may share too; 0: it may not. */
uint32_t oracle_left_beside(const struct oracle *look, const struct dr_job *job, uint32_t node_row,
                            uint32_t device);
/* What is free on a node, in the units by which "least left over" is judged; -1: it takes nothing.
 */
int64_t oracle_free_units(const struct oracle *look, uint32_t node_row);
/* Tasks for which there is so much. */
uint32_t oracle_tasks_with(const struct dr_alternative *way, int64_t accelerators, int64_t cpus,
                           int64_t memory_mb);
/* Tasks that one domain takes: nodes of the pool whose number / size is `domain`. */
uint64_t oracle_tasks_in(const struct oracle *look, const struct dr_job *job, uint32_t alternative,
                         uint32_t pool, uint32_t size, uint32_t domain);

/* ---- oracle_breakage.c ---- */

/* Is there a mix by which places in the pool differ? */
int oracle_is_mixed(const struct dr_core *core, const struct dr_pool *pool);
/* By how much a node loses worth if all tasks come to it, beyond what they take; in accelerators.
 */
double oracle_breaks(const struct oracle *look, const struct dr_job *job, uint32_t alternative,
                     uint32_t pool, uint32_t node_row);
/* What a place breaks, micro-units. */
double oracle_breakage_cost(const struct oracle *look, const struct dr_job *job,
                            uint32_t alternative, uint32_t pool, const uint32_t *tasks);

#endif
