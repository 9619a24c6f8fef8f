/* SPDX-License-Identifier: Apache-2.0 */
/* by_hand.h: admit() and apply() without the policy, for tests. Jobs are placed by hand, so that
 * each test shows one arrow of the job's states, one refusal, one sum. */
#ifndef TESTS_BY_HAND_H
#define TESTS_BY_HAND_H

#include "test.h"

#include "base/buffer.h"
#include "core/admit.h"
#include "core/quota.h"
#include "core/state.h"

#define ADMIN 1
#define ANNA  2
#define BORA  3

/* A federation of one site with one pool of 4 nodes x 8 accelerators, and the tree
 * root > science (16 guaranteed) > lab (12), farm (4); root > industry (8). */
struct hand {
    struct dr_core *core;
    struct dr_batch batch;
    struct dr_buffer journal; /* every record so far */
    int64_t now_us;
    struct dr_answer answer;
    struct dr_alternative alternative; /* of the last hand_submit_of() */
};

extern struct hand hand;
extern const struct dr_limits HAND_LIMITS;

/* A test begins and ends with these. */
void hand_set_up(void);
void hand_tear_down(void);

/* ---- what comes from outside: 1, or 0 where it is refused (then hand.answer says why) ---- */

int hand_admit(const struct dr_command *command);
/* In a user's name, with every role. */
int hand_admit_as(uint32_t user, struct dr_command command);
/* Fails the test where it is refused, as the others below do. */
void hand_declare(struct dr_fact fact);
/* A gang of so many tasks; it points to hand.alternative. */
struct dr_command hand_submit_of(uint32_t tasks, uint32_t accelerators);
uint64_t hand_submit(uint32_t user, uint32_t tasks, uint32_t accelerators);
void hand_report(enum dr_command_kind kind, uint64_t id, enum dr_outcome outcome, int exit_code);

/* ---- what a decision would do ---- */

/* All tasks on one node, on the lowest accelerators from `bit` on. */
void hand_place(uint64_t id, uint32_t node, uint32_t bit);
void hand_stop(uint64_t id, enum dr_stop_cause cause);

/* ---- what has become of it ---- */

struct dr_job *hand_job(uint64_t id);
const struct dr_run *hand_run_of(uint64_t id);
const struct dr_terms *hand_terms_of(uint64_t id);
struct dr_quota *hand_quota(uint32_t account);

/* What the batch has been given goes into the journal. */
void hand_keep_batch(void);
/* Read the journal into a fresh core. */
struct dr_core *hand_replay(void);

#endif
