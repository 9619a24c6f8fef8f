/* SPDX-License-Identifier: Apache-2.0 */
/* rows.h: how rows are given out, linked and given back. For core's own files.
 *
 * Everything here keeps the indexes of core/state.h true; nothing here decides. */
#ifndef DR_CORE_ROWS_H
#define DR_CORE_ROWS_H

#include "core/state.h"

/* ---- accounts and nodes ---- */

/* Hang account `row` below its parent. */
void dr_rows_join_parent(struct dr_core *core, uint32_t row);

/* Recompute, from nodes and what is held, the capacity of every group and what is up and free in
 * every pool. Costs one walk over the nodes: for changes of the federation, of nodes and of sites.
 */
void dr_rows_capacity(struct dr_core *core);

/* The same for one node: before its flags change, and after. The first says whether it was up. */
int dr_rows_node_changes(struct dr_core *core, uint32_t node_row);
void dr_rows_node_changed(struct dr_core *core, uint32_t node_row, int was_up);

/* ---- lists of extents: placements, promises, reservations ---- */

/* Keep a list; returns its first row. The caller has made sure of room. */
uint32_t dr_rows_extents_push(struct dr_core *core, const struct dr_extent *extents,
                              uint32_t count);
void dr_rows_extents_free(struct dr_core *core, uint32_t first);

/* ---- shapes ---- */

/* The row of an equal shape, made if there is none; counts one job more. */
uint32_t dr_rows_shape_take(struct dr_core *core, const struct dr_shape *shape);
void dr_rows_shape_drop(struct dr_core *core, uint32_t row);
/* Put a row that is in use into the map. */
void dr_rows_shape_link(struct dr_core *core, uint32_t row);

/* The same of terms. */
uint32_t dr_rows_terms_take(struct dr_core *core, const struct dr_terms *terms);
void dr_rows_terms_drop(struct dr_core *core, uint32_t row);
void dr_rows_terms_link(struct dr_core *core, uint32_t row);

/* ---- jobs ---- */

/* What a job has become, to be written to: given out when it is first asked for. There is room for
 * that of every job. */
struct dr_run *dr_rows_run(struct dr_core *core, struct dr_job *job);
/* Nothing has become of it yet. */
struct dr_run dr_rows_no_run(void);

/* A zeroed row with no lists. The caller has made sure of room. */
uint32_t dr_rows_job_push(struct dr_core *core, dr_job_id id);
/* Forget an ended job. */
void dr_rows_job_free(struct dr_core *core, uint32_t row);

void dr_rows_list_push(struct dr_core *core, struct dr_job_list *list, uint32_t row);
void dr_rows_list_remove(struct dr_core *core, struct dr_job_list *list, uint32_t row);

/* A dependency of `dependent` on a job that lives. */
void dr_rows_edge_push(struct dr_core *core, enum dr_dependency_kind kind, uint32_t dependent,
                       uint32_t target);
/* Take one dependency out of both its lists. */
void dr_rows_edge_free(struct dr_core *core, uint32_t edge);

/* The array's record, made if there is none; an element joins or leaves it. */
struct dr_array *dr_rows_array_join(struct dr_core *core, uint64_t array_job, uint32_t limit);
void dr_rows_array_leave(struct dr_core *core, uint64_t array_job);
/* NULL: `array_job` is 0. */
struct dr_array *dr_rows_array(struct dr_core *core, uint64_t array_job);

/* The job waits for nothing but its turn and a place: it belongs into the queue. */
int dr_rows_job_queued(const struct dr_core *core, const struct dr_job *job);

/* Live jobs counted in the account and all above it. */
void dr_rows_count_live(struct dr_core *core, dr_account_id account, int change);

/* ---- holding places ---- */

/* What a job's current attempt, or its promise, holds on nodes and in quotas; sign 1 takes, -1
 * gives back. I1 and I3 are asserted. */
void dr_rows_hold(struct dr_core *core, struct dr_job *job, int sign);
void dr_rows_hold_promise(struct dr_core *core, struct dr_job *job, int sign);

/* Should the attempt's use count in claim: it has not been warned, its nodes are up? */
int dr_rows_attempt_counts(const struct dr_core *core, const struct dr_job *job);
/* Bring the claim in line with that. */
void dr_rows_recount(struct dr_core *core, struct dr_job *job);
/* A running job's site can't say what its attempt does (0), or can again (1). */
void dr_rows_reach(struct dr_core *core, uint32_t row, int answers, int64_t now_us);

/* ---- for dr_core_index() ---- */

/* Everything that follows from one job: lists, arrays, edges, holdings, queue. */
void dr_rows_index_job(struct dr_core *core, uint32_t row);
void dr_rows_sort_ended(struct dr_core *core);

#endif
