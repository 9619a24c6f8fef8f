/* SPDX-License-Identifier: Apache-2.0 */
/* admit.h: the parts of dr_admit(), for core's own files. */
#ifndef DR_CORE_ADMIT_H
#define DR_CORE_ADMIT_H

#include "core/state.h"

/* Refuse: fill the answer and return 0. */
int dr_refuse(struct dr_answer *answer, enum dr_refusal_kind kind, const char *field,
              const char *format, ...) DR_PRINTF(4, 5);

/* A fact with the command's actor and this time; the body is the caller's. */
struct dr_fact dr_fact_of(const struct dr_command *command, enum dr_fact_kind kind, int64_t now_us);

/* The roles with which the command may act at an account (id 0: everywhere), bits of enum dr_role.
 */
uint8_t dr_command_roles(const struct dr_core *core, const struct dr_command *command,
                         dr_account_id account);
#define DR_ROLE_BIT(role) (1u << DR_ROLE_##role)

/* core/admit_job.c: SUBMIT. `settled` is what would be settled; its lists point into the command
 * and core->scratch. */
int dr_check_submit(const struct dr_core *core, const struct dr_command *command, int64_t now_us,
                    struct dr_fact *settled, struct dr_answer *answer);

/* core/admit_federation.c: DECLARE and TOKEN. */
int dr_check_declare(const struct dr_core *core, const struct dr_command *command, int64_t now_us,
                     struct dr_fact *settled, struct dr_answer *answer);

/* core/admit_window.c: an advance reservation. Its runs become those of the nodes that it gets;
 * they lie in core->scratch. */
int dr_check_window(const struct dr_core *core, struct dr_fact_window_made *window, int64_t now_us,
                    struct dr_answer *answer);

/* Tell a job's current attempt to leave. */
void dr_settle_stop(struct dr_core *core, uint32_t row, enum dr_stop_cause cause,
                    const struct dr_command *command, int64_t now_us, int64_t grace_us,
                    struct dr_batch *batch);

/* The job's own word (POLICY, section 8): its attempt, at a site that has not answered for so long,
 * is given up as an operator's `lost` does it. */
void dr_settle_given_up(struct dr_core *core, uint32_t row, int64_t now_us, struct dr_batch *batch);

/* End the jobs whose dependency can't hold any more, as far as the batch has room. */
void dr_settle_doomed(struct dr_core *core, int64_t now_us, struct dr_batch *batch);

/* Past use is multiplied by the result over 2^32 after `elapsed_us`: 2^(-elapsed / half_life). */
uint32_t dr_decay(int64_t elapsed_us, int64_t half_life_us);

#endif
