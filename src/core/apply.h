/* SPDX-License-Identifier: Apache-2.0 */
/* apply.h: what each fact changes, for dr_apply() alone. */
#ifndef DR_CORE_APPLY_H
#define DR_CORE_APPLY_H

#include "core/state.h"

/* ---- core/apply_federation.c ---- */

void dr_apply_chip_removed(struct dr_core *core, const struct dr_fact_chip_removed *fact);
void dr_apply_site_removed(struct dr_core *core, const struct dr_fact_site_removed *fact);
void dr_apply_pool_removed(struct dr_core *core, const struct dr_fact_pool_removed *fact);
void dr_apply_chip_set(struct dr_core *core, const struct dr_fact_chip_set *fact);
void dr_apply_site_set(struct dr_core *core, const struct dr_fact_site_set *fact);
void dr_apply_site_reach(struct dr_core *core, const struct dr_fact_site_reach *fact,
                         int64_t now_us);
void dr_apply_group_set(struct dr_core *core, const struct dr_fact_group_set *fact);
void dr_apply_group_removed(struct dr_core *core, const struct dr_fact_group_removed *fact);
void dr_apply_pool_set(struct dr_core *core, const struct dr_fact_pool_set *fact);
void dr_apply_nodes_added(struct dr_core *core, const struct dr_fact_nodes_added *fact);
void dr_apply_node_flags(struct dr_core *core, const struct dr_fact_node_flags *fact, uint64_t seq,
                         const char *reason);
void dr_apply_data_class_set(struct dr_core *core, const struct dr_fact_data_class_set *fact);
void dr_apply_dataset_set(struct dr_core *core, const struct dr_fact_dataset_set *fact);
void dr_apply_account_set(struct dr_core *core, const struct dr_fact_account_set *fact);
void dr_apply_account_removed(struct dr_core *core, const struct dr_fact_account_removed *fact);
void dr_apply_allocation_set(struct dr_core *core, const struct dr_fact_allocation_set *fact);
void dr_apply_allocation_term(struct dr_core *core, const struct dr_fact_allocation_term *fact);
void dr_apply_allocation_removed(struct dr_core *core,
                                 const struct dr_fact_allocation_removed *fact);
void dr_apply_part_leaving(struct dr_core *core, const struct dr_fact_part_leaving *fact);
void dr_apply_zone_set(struct dr_core *core, const struct dr_fact_zone_set *fact);
void dr_apply_grid_cap_set(struct dr_core *core, const struct dr_fact_grid_cap_set *fact);
void dr_apply_grid_cap_removed(struct dr_core *core, const struct dr_fact_grid_cap_removed *fact);
void dr_apply_window_made(struct dr_core *core, const struct dr_fact_window_made *fact);
void dr_apply_window_dropped(struct dr_core *core, const struct dr_fact_window_dropped *fact);
void dr_apply_window_held(struct dr_core *core, const struct dr_fact_window_held *fact);
void dr_apply_power_short(struct dr_core *core, const struct dr_fact_power_short *fact);
void dr_apply_nodes_power(struct dr_core *core, const struct dr_fact_nodes_power *fact);
void dr_apply_user_set(struct dr_core *core, const struct dr_fact_user_set *fact);
void dr_apply_token_issued(struct dr_core *core, const struct dr_fact_token_issued *fact,
                           int64_t now_us);

/* ---- core/apply_job.c; `batch`: for effects, NULL: they have happened ---- */

void dr_apply_job_accepted(struct dr_core *core, const struct dr_fact *fact);
void dr_apply_job_held(struct dr_core *core, const struct dr_fact_job_held *fact);
void dr_apply_job_released(struct dr_core *core, const struct dr_fact_job_released *fact);
void dr_apply_job_promised(struct dr_core *core, const struct dr_fact_job_promised *fact);
void dr_apply_promise_dropped(struct dr_core *core, uint64_t id);
void dr_apply_reservation_made(struct dr_core *core, const struct dr_fact_reservation_made *fact);
void dr_apply_reservation_dropped(struct dr_core *core, uint64_t id);
void dr_apply_job_placed(struct dr_core *core, const struct dr_fact *fact, struct dr_batch *batch);
void dr_apply_attempt_reach(struct dr_core *core, const struct dr_fact_attempt_reach *fact,
                            int64_t now_us);
void dr_apply_attempt_started(struct dr_core *core, const struct dr_fact_attempt_started *fact);
/* Returns 1 if it helps nobody who waits. */
int dr_apply_checkpoint_seen(struct dr_core *core, const struct dr_fact_checkpoint_seen *fact);
void dr_apply_attempt_stopping(struct dr_core *core, const struct dr_fact_attempt_stopping *fact,
                               struct dr_batch *batch);
void dr_apply_attempt_ended(struct dr_core *core, const struct dr_fact *fact,
                            struct dr_batch *batch);
void dr_apply_job_ended(struct dr_core *core, const struct dr_fact *fact, struct dr_batch *batch);

#endif
