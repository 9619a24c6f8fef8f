/* SPDX-License-Identifier: Apache-2.0 */
/* core.h: the heart of Daero. Begin here.
 *
 * The state of the federation is a fold over facts. Three functions do all the work; none does I/O,
 * reads a clock, draws a random number or depends on a thread:
 *
 *     dr_admit (state, command, now) -> facts, or a refusal        core/admit.c
 *     dr_decide(state, now)          -> facts                      core/decide.c
 *     dr_apply (state, fact)         -> state, effects             core/apply.c
 *
 * The live loop is: gather commands and observations, admit each, decide, append the batch of facts
 * durably, then answer clients and release effects. Recovery reads facts back and calls dr_apply()
 * alone. The simulator does the same as the live loop under another clock.
 *
 * The states of a job, and the fact on each arrow:
 *
 *    JOB_ACCEPTED                    JOB_ENDED
 *   ------------> PENDING -------------------------------------> CANCELLED, DEADLINE
 *                 |    ^
 *       JOB_PLACED|    |ATTEMPT_ENDED(next PENDING): preempted, node lost
 *                 v    |
 *           CONFIGURING --ATTEMPT_STARTED--> RUNNING --ATTEMPT_ENDED--> COMPLETED, FAILED, TIMEOUT,
 *                 |                            |            ^           OUT_OF_MEMORY, PREEMPTED,
 *                 +------ATTEMPT_STOPPING------+            |           NODE_FAIL, CANCELLED
 *                                v                          |
 *                            COMPLETING ----ATTEMPT_ENDED---+
 *
 *   CONFIGURING, RUNNING and COMPLETING become UNREACHABLE and come back by SITE_REACH, all of a
 *   site, or by ATTEMPT_REACH, one whose site answers and has lost sight of it; or end by
 *   ATTEMPT_ENDED when they are given up.
 *
 * Invariants, which code and tests refer to by number:
 *  I1  An accelerator is held by at most one attempt, and promised to at most one job, or by and to
 *      several in shares, which come to at most all of it.
 *  I2  A gang holds its whole placement or nothing.
 *  I3  What attempts hold on a node never exceeds its CPUs and memory.
 *  I4  use and claim of an account and group are the sums over its subtree's attempts and promises.
 *  I5  Q1: use <= G + B and claim <= G + B on every path (checked in decide, where B may have been
 *      lowered since: then nothing new starts).
 *  I6  Q2: occupied(root) <= capacity for every group, at every start.
 *  I7  Ids are never used again; job ids, attempts, epochs and seqs only grow.
 *  I8  Indexes (maps, queues, sums, free counts) are functions of the primary state:
 * dr_core_index() rebuilds them all, and the state's hash does not see them. */
#ifndef DR_CORE_CORE_H
#define DR_CORE_CORE_H

#include "core/command.h"

#define DR_POLICY_VERSION 6

struct dr_core;
struct dr_job;

/* Sizes of the tables, fixed at start; a full table is a refusal. Address space is reserved for all
 * of it; memory is touched as it is used. */
struct dr_limits {
    uint32_t jobs_max; /* live and recently ended */
    uint32_t nodes_max;
    uint32_t pools_max; /* at most 1024 */
    uint32_t accounts_max;
    uint32_t users_max;
    uint32_t tokens_max;
    uint32_t groups_max;
    uint32_t datasets_max;
    uint32_t extents_max; /* parts of placements, promises and reservations */
};

/* Enough for the design point: 1,200,000 jobs, 262,144 nodes, 16,384 accounts. */
extern const struct dr_limits DR_LIMITS_DEFAULT;

/* What the live loop has to do for a fact. Every one is idempotent at the engine. */
enum dr_effect_kind {
    DR_EFFECT_LAUNCH, /* job, attempt */
    DR_EFFECT_STOP,   /* job, attempt, signal, until_us (grace ends; in the past: at once) */
    DR_EFFECT_FORGET, /* the end of (job, attempt) is a fact: the engine may drop its records */
    DR_EFFECT_ENDED,  /* the job is over: write its history row, drop its checkpoints */
};

struct dr_effect {
    enum dr_effect_kind kind;
    dr_job_id job;
    uint32_t attempt;
    dr_site_id site;
    uint32_t signal;
    int64_t until_us;
};

/* What the live loop leaves dr_decide() of a batch: more than the largest gang's place takes. A
 * decision is cut where it is full, so one that is made again needs the same. */
#define DR_DECIDE_BYTES   (4u << 20)
#define DR_DECIDE_EFFECTS (1u << 20)

/* Facts made since the last append, encoded one after another, and their effects. The caller owns
 * the memory: `bytes` [bytes_max], `effects` [effects_max]. */
struct dr_batch {
    uint8_t *bytes;
    uint32_t bytes_max;
    uint32_t bytes_count;
    uint32_t facts_count;
    uint64_t seq_first; /* of the first fact in it */
    struct dr_effect *effects;
    uint32_t effects_max;
    uint32_t effects_count;
};

static inline void dr_batch_clear(struct dr_batch *batch)
{
    batch->bytes_count = 0;
    batch->facts_count = 0;
    batch->effects_count = 0;
}

/* A core with nothing in it: not even a root account, which the first facts bring. DR_E_FULL: the
 * system refuses so much address space. */
DR_MUST_USE enum dr_status dr_core_open(struct dr_core **core, const struct dr_limits *limits);
void dr_core_close(struct dr_core *core);

/* Judge one command. Admitted: its facts are in the state and at the end of `batch`. Refused:
 * nothing has changed, and `answer` says why. Returns 1 or 0 accordingly. `now_us` must not be less
 * than at any call before (the live loop holds back a clock that steps backwards). */
int dr_admit(struct dr_core *core, const struct dr_command *command, int64_t now_us,
             struct dr_batch *batch, struct dr_answer *answer);

/* The same judgement without admitting anything. A SUBMIT that passes here is refused by dr_admit()
 * in the same state only when a table is full, so a list of jobs can be checked whole before the
 * first is admitted. */
int dr_admit_check(const struct dr_core *core, const struct dr_command *command, int64_t now_us,
                   struct dr_answer *answer);

/* May an account have `more` live jobs in its subtree? It has a limit when it states a jobs_max; an
 * account without accounts below it has the federation's default otherwise. This account alone, not
 * those above it. 0: `answer` says how many there are and may be. A list of jobs is asked about as
 * a whole, each account on the way up for all of the list's jobs below it. */
int dr_admit_more_jobs(const struct dr_core *core, dr_account_id account, uint32_t more,
                       struct dr_answer *answer);
/* The account that a SUBMIT would be counted under; 0: it names none that there is. */
dr_account_id dr_submit_account(const struct dr_core *core, const struct dr_command *command);
/* The limit of the above; 0: none. */
uint32_t dr_account_jobs_max(const struct dr_core *core, dr_account_id account);

/* Decide everything that can be decided now: starts, reclaims, promises, reservations, ends by
 * deadline. Returns 1 if the batch filled up first: append it, then call again. */
int dr_decide(struct dr_core *core, int64_t now_us, struct dr_batch *batch);

/* Put one fact into the state; `fact->seq` is one more than dr_core_seq(). `batch` gets the
 * effects; NULL during recovery. The fact must have been admitted or decided on this same history;
 * a fact that contradicts the state's structure ends the process. */
void dr_apply(struct dr_core *core, const struct dr_fact *fact, struct dr_batch *batch);

/* When dr_decide() will have something to do by the passage of time alone; DR_FOREVER_US: never. */
int64_t dr_core_next_time_us(const struct dr_core *core);

/* Ticks before this change nothing but past use (core/rest.h), unless something happens first;
 * INT64_MIN: the next one may change more. */
int64_t dr_core_quiet_until_us(const struct dr_core *core);

/* The last fact applied, and a hash of the primary state after it: equal on every machine, compiler
 * and run for the same facts. Costs one walk over the state. */
uint64_t dr_core_seq(const struct dr_core *core);
uint64_t dr_core_hash(const struct dr_core *core);

/* Write and read the primary state (core/walk.c). `write` and `read` return 0 when they can't; a
 * state of another version, or with anything out of range, is refused with DR_E_UNSUPPORTED or
 * DR_E_CORRUPT, and `core`, which must be fresh, is then to be closed. */
typedef int dr_write_bytes(void *context, const void *bytes, size_t count);
typedef int dr_read_bytes(void *context, void *bytes, size_t count);
DR_MUST_USE enum dr_status dr_core_save(const struct dr_core *core, dr_write_bytes *write,
                                        void *context);
DR_MUST_USE enum dr_status dr_core_load(struct dr_core *core, dr_read_bytes *read, void *context);

/* One thing that holds a job. */
struct dr_hold {
    enum dr_reason reason;
    dr_account_id account; /* QUOTA: whose; KEPT, GUARANTEES_OF: the first; LAW: without consent */
    dr_group_id group;     /* QUOTA, KEPT, GUARANTEES_OF */
    dr_pool_id pool;       /* the nearest: CAPACITY, TOPOLOGY, POWER, RESERVATION, LAW, DATA ... */
    dr_site_id site;       /* of that pool */
    dr_zone_id zone;       /* POWER: whose cap it is; 0: the site's */
    dr_job_id job;         /* DEPENDENCY, RESERVATION: whose */
    uint32_t window;       /* RESERVATION: or this advance one; 0: the job's */
    int64_t has;           /* QUOTA: claim; CAPACITY: free; TOPOLOGY: largest free domain; NEVER */
    int64_t needs;         /* QUOTA: with the job; CAPACITY, TOPOLOGY: the gang; NEVER */
    int64_t limit;         /* QUOTA: G + B; KEPT: what is up; POWER: the cap */
    int64_t until_us;      /* BEGIN_TIME, RECLAIMING, RESERVATION, POWER, TARIFF; else 0 */
    uint8_t firm;          /* QUOTA: the limit is G alone, since the job can't be taken */
    char text[400];        /* a sentence with names and amounts */
    char frees[240];       /* the least that would take it away, in words; "": time alone does */
};

/* Why a job waits: the least set of things such that without all of them it could start now, were
 * it its turn, and without any part of them it could not. First what lies in the job itself (HELD
 * to ARRAY_LIMIT, as many as there are), then what stands in the way in the one (way to run it,
 * pool) where the least does. `ever` 0: the ends of other jobs alone never let it start: a limit, a
 * rule or the federation has to change. Bounded work; changes nothing. See docs/policy.md,
 * section 7. */
#define DR_WHY_HOLDS_MAX 16
struct dr_why {
    struct dr_hold holds[DR_WHY_HOLDS_MAX]; /* where nothing holds it, the first has reason NONE and
                                               says so */
    uint32_t holds_count;
    int64_t reserved_us; /* the job's own reservation, 0: none */
    uint32_t before;     /* jobs of its account that come first */
    uint8_t ever;
};
void dr_why(const struct dr_core *core, dr_job_id job, int64_t now_us, struct dr_why *why);

/* The state itself, to read: core/state.h. */

#endif
