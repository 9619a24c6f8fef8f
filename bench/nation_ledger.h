/* SPDX-License-Identifier: Apache-2.0 */
/* nation_ledger.h: the bench's own books, kept from the core's facts alone.
 *
 * A bit per accelerator, CPUs and memory per node, sums per account and group, watts per site. It
 * shares no code with the core and looks at none of its state, so it is what the bench fills a
 * nation by, and what judges the core: each placement when it is taken in (never twice, never in
 * part, inside law, level, consent, quota, power and data class), and the sums afresh from the live
 * jobs every 1,000 facts. What it finds is counted and the first sentences are kept. */
#ifndef DR_BENCH_NATION_LEDGER_H
#define DR_BENCH_NATION_LEDGER_H

#include "nation_world.h"

enum ledger_state { LEDGER_NONE, LEDGER_PENDING, LEDGER_RUNNING, LEDGER_LEAVING, LEDGER_ENDED };

struct ledger_job {
    uint32_t account; /* row */
    uint32_t shape;
    uint32_t size; /* accelerators held */
    uint32_t attempt;
    int64_t start_us;
    int64_t limit_us;
    struct dr_extent *extents; /* held; malloc */
    uint32_t extents_count;
    struct dr_extent *promise; /* malloc */
    uint32_t promise_count;
    uint16_t pool;
    uint16_t promise_pool;
    uint8_t alternative;
    uint8_t promise_alternative;
    uint8_t state;   /* enum ledger_state */
    uint8_t counted; /* in claims: it runs, was not told to leave, and its nodes are up */
    uint8_t firm;
    int32_t priority;
    struct dr_extent *reserved; /* malloc */
    uint32_t reserved_count;
};

struct ledger_node {
    uint8_t busy; /* accelerators held: bit */
    uint8_t promised;
    uint8_t off; /* drained or down */
    uint16_t tasks;
    int32_t cpus_milli;
    int32_t memory_mb;
    uint32_t guard; /* account + 1 that a class of its own shares the node with nobody else */
    uint32_t guards;
    uint8_t reserved; /* accelerators that reservations name: bit */
    uint32_t reservations;
    int64_t reserved_us; /* the earliest of them */
};

struct ledger_sums {
    int64_t use[DR_RESOURCE_COUNT];
    int64_t claim[DR_RESOURCE_COUNT];
    int64_t occupied[DR_RESOURCE_COUNT]; /* POLICY, section 1 */
    int64_t below[DR_RESOURCE_COUNT];    /* sum of what the children occupy */
};

struct nation_ledger {
    const struct nation *nation;
    struct ledger_job *jobs; /* by id */
    uint32_t jobs_max;
    struct ledger_node *nodes;
    uint32_t *pool_of; /* by node row */
    struct ledger_pool {
        uint32_t words;
        uint64_t *with[NATION_PER_NODE + 1]; /* bit = node with exactly so many free */
        int64_t free;
    } * pools;
    struct ledger_sums *sums; /* [accounts * NATION_GROUPS] */
    int64_t *lifted;          /* [accounts * NATION_GROUPS * DR_RESOURCE_COUNT] claims above the
                                 limit since a node with attempts on it was resumed; 0: none */
    int64_t *site_w;          /* IT watts */
    uint64_t running;
    uint64_t running_accelerators;
    uint64_t pending;
    uint64_t facts;
    uint64_t checks;
    uint64_t violations;
    char first[3][256];
    /* Of the placements taken in since cleared: */
    uint64_t gangs;        /* of more than one node */
    uint64_t blocks;       /* that they span */
    uint64_t blocks_least; /* that they could have */
    uint64_t reservations_made;
    int64_t look_until_us; /* of ledger_room() */
};

/* Accelerators of a node that are neither held nor promised. */
static inline uint32_t ledger_free_of(const struct ledger_node *node)
{
    return NATION_PER_NODE - (uint32_t)__builtin_popcount(node->busy | node->promised);
}

/* Does a job's data class keep its nodes from everybody else's jobs? */
static inline int ledger_guarded(const struct nation_shape *shape)
{
    return shape->data_class == NATION_CLASSES; /* defence: the node with nobody else */
}

struct nation_ledger *ledger_new(const struct nation *nation, uint32_t jobs_max);
void ledger_free(struct nation_ledger *ledger);

void ledger_accept(struct nation_ledger *ledger, uint64_t id, const struct nation_job *job);
void ledger_fact(struct nation_ledger *ledger, const struct dr_fact *fact);

/* All sums afresh; said when they or a rule don't hold. */
void ledger_check(struct nation_ledger *ledger);

/* A place for the whole gang that is free now; `extents` [NATION nodes]. Returns how many parts. */
uint32_t ledger_find(const struct nation_ledger *ledger, const struct nation_shape *shape,
                     uint32_t alternative, uint32_t pool, uint32_t account,
                     struct dr_extent *extents);

/* Is there a place now at all, for a job that would end at `until_us`? Every way to lay the gang
 * out counts; what is reserved for before that does not. */
int ledger_room(struct nation_ledger *ledger, const struct nation_shape *shape,
                uint32_t alternative, uint32_t pool, uint32_t account, int64_t until_us);

/* May the account take it, by Q1, Q2, consent and the site's power? */
int ledger_allows(const struct nation_ledger *ledger, uint32_t account, uint32_t pool,
                  const struct dr_alternative *way, uint8_t firm);

/* Accelerators that the leaf claims in a group. */
int64_t ledger_claim(const struct nation_ledger *ledger, uint32_t account, uint32_t group);

/* Fewest domains of `nodes` each that so many wholly free nodes of the pool lie in now. */
uint32_t ledger_least_domains(const struct nation_ledger *ledger, uint32_t pool, uint32_t domain,
                              uint32_t nodes);

#endif
