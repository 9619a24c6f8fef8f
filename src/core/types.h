/* SPDX-License-Identifier: Apache-2.0 */
/* types.h: the ids, closed sets and small values that facts, commands and the state share.
 *
 * An id is for ever and users see it; a row is a place in an array. For what the federation file
 * declares (chips, sites, pools, nodes, accounts, ...) the id is the row plus one, ids are given
 * out in order and never used again, and 0 means "none". Jobs come and go, so theirs differ:
 * dr_job_id counts up for ever, dr_job_row is reused. */
#ifndef DR_CORE_TYPES_H
#define DR_CORE_TYPES_H

#include <stdint.h>

#include "base/assert.h"
#include "base/text.h"

/* clang-format off */
typedef struct { uint64_t v; } dr_job_id;
typedef struct { uint32_t v; } dr_chip_id;
typedef struct { uint32_t v; } dr_site_id;
typedef struct { uint32_t v; } dr_pool_id;
typedef struct { uint32_t v; } dr_node_id;
typedef struct { uint32_t v; } dr_account_id; /* 1 is the root, the federation itself */
typedef struct { uint32_t v; } dr_user_id;    /* 0: the system */
typedef struct { uint32_t v; } dr_token_id;
typedef struct { uint32_t v; } dr_class_id;   /* a data class */
typedef struct { uint32_t v; } dr_dataset_id;
typedef struct { uint32_t v; } dr_group_id;   /* a quota group */
typedef struct { uint32_t v; } dr_zone_id;    /* a grid zone */
typedef struct { uint32_t v; } dr_job_row;    /* DR_ROW_NONE: no job */
/* clang-format on */

#define DR_ROW_NONE UINT32_MAX

/* Hard maxima of the records; the tables' sizes are struct dr_limits (core.h). */
#define DR_CHIPS_MAX         64
#define DR_SITES_MAX         256
#define DR_ZONES_MAX         64
#define DR_GRID_CAPS_MAX     4096 /* announced and not yet forgotten */
#define DR_WINDOWS_MAX       256  /* advance reservations that are not over */
#define DR_WINDOW_ACCOUNTS   16   /* of one */
#define DR_WINDOW_RUNS_MAX   512  /* of nodes in a row, of one */
#define DR_DATA_CLASSES_MAX  64
#define DR_LEVELS_MAX        4 /* topology levels of a pool above the node, the pool itself excluded */
#define DR_ACCELERATORS_MAX  64 /* of a node: one bit each */
#define DR_ALTERNATIVES_MAX  8
#define DR_DEPENDENCIES_MAX  32
#define DR_DATASETS_OF_A_JOB 8
#define DR_TASKS_MAX         65536
#define DR_ALLOCATIONS_MAX   16384
#define DR_ALLOCATION_GROUPS 16
#define DR_DEPTH_MAX         8  /* of the account tree, the root included */
#define DR_ROLES_MAX         64 /* accounts that one user may name */
#define DR_TARIFF_HOURS      24

#define DR_FOREVER_US INT64_MAX

/* A set of sites, bit = site row. */
struct dr_site_set {
    uint64_t words[DR_SITES_MAX / 64];
};

static inline int dr_site_set_has(const struct dr_site_set *set, uint32_t row)
{
    return (set->words[row / 64] >> (row % 64)) & 1;
}

static inline void dr_site_set_add(struct dr_site_set *set, uint32_t row)
{
    set->words[row / 64] |= UINT64_C(1) << (row % 64);
}

static inline int dr_site_set_empty(const struct dr_site_set *set)
{
    uint64_t any = 0;

    for (uint32_t i = 0; i < DR_SITES_MAX / 64; i += 1)
        any |= set->words[i];
    return any == 0;
}

/* ---- closed sets; each table gives the enum, the names in JSON and the pages in docs/ ---- */

/* Slurm's names, and UNREACHABLE for an attempt whose site does not answer. */
#define DR_JOB_STATES(X)                                                        \
    X(PENDING, "waiting to be placed")                                          \
    X(CONFIGURING, "placed; its site has not said yet that it runs")            \
    X(RUNNING, "its tasks run")                                                 \
    X(COMPLETING, "told to leave; its site has not said yet that it has ended") \
    X(UNREACHABLE, "its site does not answer")                                  \
    X(COMPLETED, "ended with exit code 0")                                      \
    X(FAILED, "ended with another exit code, or could not be launched")         \
    X(CANCELLED, "ended by its user or an operator")                            \
    X(TIMEOUT, "ended at its time limit")                                       \
    X(NODE_FAIL, "a node failed under it, and it may not run again")            \
    X(PREEMPTED, "taken back for another job, and it may not run again")        \
    X(OUT_OF_MEMORY, "ended because it used more memory than it asked for")     \
    X(DEADLINE, "not ended by its deadline")

enum dr_job_state {
#define DR_ENUM(name, text) DR_JOB_##name,
    DR_JOB_STATES(DR_ENUM)
#undef DR_ENUM
};

static inline int dr_job_state_ended(enum dr_job_state state)
{
    return state >= DR_JOB_COMPLETED;
}

/* How one attempt ended, as its site tells it. */
#define DR_OUTCOMES(X)                                                   \
    X(EXITED, "the leading process ended by itself: exit_code")          \
    X(SIGNALLED, "a signal ended it: signal")                            \
    X(TIMED_OUT, "its site ended it at the time limit")                  \
    X(OUT_OF_MEMORY, "the memory limit ended it")                        \
    X(STOPPED, "its site ended it because the controller said so")       \
    X(LAUNCH_FAILED, "it never ran: the order could not be carried out") \
    X(NODE_FAILED, "its node, or what watched over it there, was lost")

enum dr_outcome {
#define DR_ENUM(name, text) DR_OUTCOME_##name,
    DR_OUTCOMES(DR_ENUM)
#undef DR_ENUM
};

/* Why an attempt is told to leave. */
#define DR_STOP_CAUSES(X)                                                             \
    X(NONE, "it is not")                                                              \
    X(CANCEL, "its user or an operator cancelled it")                                 \
    X(RECLAIM, "a job within its guarantee takes the capacity back")                  \
    X(PRIORITY, "a job of higher priority takes the capacity")                        \
    X(LIMIT, "its time limit is over and its site has not ended it")                  \
    X(DEADLINE, "its deadline has passed")                                            \
    X(NODE, "a node of its gang failed")                                              \
    X(UNKNOWN, "the controller does not know it, or has ended it")                    \
    X(POWER, "it is flexible, and a lower power cap begins")                          \
    X(WINDOW, "its nodes are reserved for others, or for maintenance")                \
    X(FAIR_SHARE, "fair share: a job of an account that has less takes the capacity") \
    X(ATTAINED, "order las: a job that has had less service takes the capacity")

enum dr_stop_cause {
#define DR_ENUM(name, text) DR_STOP_##name,
    DR_STOP_CAUSES(DR_ENUM)
#undef DR_ENUM
};

/* Is it told to leave for others, so that it goes on later? Not who is over anyhow. */
static inline int dr_stop_is_preemption(enum dr_stop_cause cause)
{
    switch (cause) {
    case DR_STOP_RECLAIM:
    case DR_STOP_PRIORITY:
    case DR_STOP_POWER:
    case DR_STOP_WINDOW:
    case DR_STOP_FAIR_SHARE:
    case DR_STOP_ATTAINED:
        return 1;
    case DR_STOP_NONE:
    case DR_STOP_CANCEL:
    case DR_STOP_LIMIT:
    case DR_STOP_DEADLINE:
    case DR_STOP_NODE:
    case DR_STOP_UNKNOWN:
        break;
    }
    return 0;
}

/* Why a job waits (POLICY, section 9), in the order in which they are looked for. */
#define DR_REASONS(X)                                                                             \
    X(NONE, "nothing holds it")                                                                   \
    X(HELD, "held by its user, an operator, or after too many requeues")                          \
    X(BEGIN_TIME, "its not-before time has not come")                                             \
    X(DEPENDENCY, "another job has to end first")                                                 \
    X(ARRAY_LIMIT, "as many of its array run as may run at a time")                               \
    X(NEVER, "no pool could hold it even when empty")                                             \
    X(LAW, "a rule of place or of data forbids every pool that could hold it")                    \
    X(SITE_DOWN, "the sites that could hold it don't answer, or their nodes are down or drained") \
    X(QUOTA, "a quota on its account's path is used up")                                          \
    X(KEPT, "what is free is held back by another account's lending limit")                       \
    X(GUARANTEES_OF, "what is free is owed to other accounts' guarantees")                        \
    X(RECLAIMING, "others have been warned to leave for it")                                      \
    X(CAPACITY, "too little is free in every pool that it may use")                               \
    X(TOPOLOGY, "enough is free, but not close enough together")                                  \
    X(TARIFF, "it waits for hours in which energy is cheaper")                                    \
    X(POWER, "a power cap leaves no room")                                                        \
    X(RESERVATION, "it would delay a job that holds a reservation, or run into an advance one")   \
    X(DATA, "its data is elsewhere")                                                              \
    X(PRIORITY, "other jobs of its account come first")

enum dr_reason {
#define DR_ENUM(name, text) DR_REASON_##name,
    DR_REASONS(DR_ENUM)
#undef DR_ENUM
};

/* The rule that a placement followed. */
#define DR_RULES(X)                                                                    \
    X(NONE, "no rule")                                                                 \
    X(GUARANTEE, "within the guarantee of every account on its path's choosing level") \
    X(SHARE, "above guarantee, least weighted share first")                            \
    X(BACKFILL, "beside reservations of others in its pool, delaying none")            \
    X(PROMISE, "takes what others were warned to leave for it")                        \
    X(RESERVATION, "takes what was reserved for it")                                   \
    X(ELSEWHERE, "its promised place is overdue, and another one is free")

enum dr_rule {
#define DR_ENUM(name, text) DR_RULE_##name,
    DR_RULES(DR_ENUM)
#undef DR_ENUM
};

#define DR_RESOURCES(X)                             \
    X(ACCELERATORS, "accelerators, in thousandths") \
    X(CPUS, "CPUs, in thousandths")                 \
    X(MEMORY, "memory, in MB")

enum dr_resource {
#define DR_ENUM(name, text) DR_RESOURCE_##name,
    DR_RESOURCES(DR_ENUM)
#undef DR_ENUM
        DR_RESOURCE_COUNT
};

/* The resource by whose group a job is judged that asks so many accelerators: theirs, or CPUs. */
static inline enum dr_resource dr_resource_main(int64_t accelerators)
{
    return accelerators > 0 ? DR_RESOURCE_ACCELERATORS : DR_RESOURCE_CPUS;
}

#define DR_ENGINES(X)                                                   \
    X(LOCAL, "real processes on the controller's own machine")          \
    X(SIMULATED, "no processes at all: ends come from a virtual clock") \
    X(SLURM, "a Slurm cluster, through its slurmrestd")

enum dr_engine_kind {
#define DR_ENUM(name, text) DR_ENGINE_##name,
    DR_ENGINES(DR_ENUM)
#undef DR_ENUM
};

#define DR_DEPENDENCY_KINDS(X)                         \
    X(AFTEROK, "that job has COMPLETED")               \
    X(AFTERNOTOK, "that job has ended in another way") \
    X(AFTERANY, "that job has ended")                  \
    X(SINGLETON, "no earlier job of the same user and name is left")

enum dr_dependency_kind {
#define DR_ENUM(name, text) DR_DEPENDENCY_##name,
    DR_DEPENDENCY_KINDS(DR_ENUM)
#undef DR_ENUM
};

/* What a user may do; a user has these in general, and in single accounts. */
#define DR_ROLES(X)                                                                    \
    X(USER, "submit to an account; see and end own jobs")                              \
    X(ACCOUNT_ADMIN, "see, hold, release and cancel every job at or below an account") \
    X(AUDITOR, "read everything, change nothing")                                      \
    X(OPERATOR, "drain and resume nodes; hold, release and cancel every job")          \
    X(ADMIN, "everything, the federation and all tokens included")

enum dr_role {
#define DR_ENUM(name, text) DR_ROLE_##name,
    DR_ROLES(DR_ENUM)
#undef DR_ENUM
        DR_ROLE_COUNT
};

/* What jobs above their guarantees may take from each other (core/fair.h). Facts of older programs
 * say OFF. */
#define DR_FAIR_PREEMPTIONS(X) \
    X(OFF, "nothing")          \
    X(FINAL_SHARE, "what leaves who is taken from with no less than who takes")

enum dr_fair_preemption {
#define DR_ENUM(name, text) DR_FAIR_PREEMPTION_##name,
    DR_FAIR_PREEMPTIONS(DR_ENUM)
#undef DR_ENUM
};

/* Whose turn it is (core/order.h). Facts of older programs say FAIR. */
#define DR_ORDERINGS(X)                                                            \
    X(FAIR, "guarantees first, then the least share of what is borrowed")          \
    X(FIFO, "the earliest submit, whatever its account")                           \
    X(SJF, "the least time limit, whatever its account; then the earliest submit") \
    X(LAS, "who has had least so far, whatever its account; then the earliest submit")

enum dr_ordering {
#define DR_ENUM(name, text) DR_ORDERING_##name,
    DR_ORDERINGS(DR_ENUM)
#undef DR_ENUM
};

/* Which place a job gets of those that are free (core/place.h). Facts of older programs say DAERO.
 */
#define DR_PLACEMENTS(X)                                                                    \
    X(DAERO, "the cheapest, in few domains, where it breaks least of what others may need") \
    X(FIRST_FIT, "the first pool by id that has room, nodes by number")                     \
    X(BEST_FIT, "the pool with least free that has room, nodes with least free first")      \
    X(PACK, "as DAERO, but what it breaks does not count")

enum dr_placement {
#define DR_ENUM(name, text) DR_PLACEMENT_##name,
    DR_PLACEMENTS(DR_ENUM)
#undef DR_ENUM
};

/* With whom a data class may share a node's parts (POLICY, section 4). */
#define DR_SHARES(X)                                            \
    X(ACCELERATOR, "with anyone, parts of one accelerator too") \
    X(NODE, "the node, never an accelerator")                   \
    X(BLOCK, "the block, never a node")                         \
    X(NONE, "nothing below the site: whole blocks")

enum dr_share {
#define DR_ENUM(name, text) DR_SHARE_##name,
    DR_SHARES(DR_ENUM)
#undef DR_ENUM
};

/* Names of the enumerators, as they stand in JSON, tables and docs: "PENDING". Never NULL. */
const char *dr_job_state_name(enum dr_job_state value);
const char *dr_outcome_name(enum dr_outcome value);
const char *dr_stop_cause_name(enum dr_stop_cause value);
const char *dr_reason_name(enum dr_reason value);
const char *dr_reason_text(enum dr_reason value);
const char *dr_rule_name(enum dr_rule value);
const char *dr_resource_name(enum dr_resource value);
const char *dr_engine_kind_name(enum dr_engine_kind value);
const char *dr_dependency_kind_name(enum dr_dependency_kind value);
const char *dr_role_name(enum dr_role value);
const char *dr_share_name(enum dr_share value);
const char *dr_fair_preemption_name(enum dr_fair_preemption value);
const char *dr_ordering_name(enum dr_ordering value);
const char *dr_placement_name(enum dr_placement value);

/* ---- small values ---- */

/* A part of a placement: tasks of the gang on one node. The task's CPUs and memory follow from the
 * job; accelerators are named one by one. Tasks that take a share of an accelerator have a part for
 * each accelerator that they are on: one bit, and the tasks of the gang that share it. */
struct dr_extent {
    dr_node_id node;
    uint32_t tasks;
    uint64_t accelerators; /* bit = accelerator of the node */
};

/* One way to run a job. */
struct dr_alternative {
    uint64_t chips;                 /* bit = chip row; 0: any */
    uint32_t tasks;                 /* of the gang, 1 to DR_TASKS_MAX */
    uint32_t accelerators_per_task; /* thousandths: whole accelerators, a share of one, or 0 */
    uint32_t cpus_per_task;         /* thousandths */
    uint32_t memory_mb_per_task;
    uint32_t tasks_per_node_max; /* 0: as many as fit */
    uint32_t factor;             /* thousandths: run time here over the job's stated one */
};

/* The share of one accelerator that a task takes, thousandths: 1 to 999; 0: whole ones, or none. */
static inline uint32_t dr_alternative_share(const struct dr_alternative *alternative)
{
    return alternative->accelerators_per_task < 1000 ? alternative->accelerators_per_task : 0;
}

struct dr_dependency {
    enum dr_dependency_kind kind;
    dr_job_id job;
};

/* One level of a pool above the node: `nodes` neighbours make one domain. */
struct dr_level {
    char name[DR_NAME_BYTES]; /* "block", "rack" */
    uint32_t nodes;           /* per domain, a multiple of the level below */
};

struct dr_membership {
    dr_account_id account;
    enum dr_role role;
};

/* A guarantee of one account in one group, and how far it may go beyond or lend. */
struct dr_quota_limits {
    dr_group_id group;
    int64_t guarantee; /* in the group's unit; see enum dr_resource */
    int64_t borrow;    /* DR_FOREVER_US: no limit */
    int64_t lend;      /* DR_FOREVER_US: all of the guarantee */
};

#endif
