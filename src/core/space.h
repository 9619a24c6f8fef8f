/* SPDX-License-Identifier: Apache-2.0 */
/* space.h: what is free in the pools, as an index. For the files of placement alone.
 *
 * A space is a function of the nodes (I8). space.c keeps it; feasible.c says where a job could ever
 * go, place.c where it can go now, cost.c what that costs. */
#ifndef DR_CORE_SPACE_H
#define DR_CORE_SPACE_H

#include "base/math.h"
#include "core/mix.h"
#include "core/place.h"

#define DR_TIER_NONE      255 /* the node takes nothing: not up, or leaving */
#define DR_CPU_TIERS      8 /* of pools without accelerators: eighths of a node's CPUs, rounded up */
#define DR_SHARE_STEPS    16 /* of what is left of a shared accelerator */
#define DR_PLACE_MEMORIES 16384
#define DR_POOL_WORDS     (DR_POOLS_MAX / 64)
#define DR_POOL_LOGS      24
#define DR_LEVEL_NODE     (-1)
#define DR_LEVEL_MISSING  (-2)

struct dr_breakage;
struct dr_places;

/* What one node has to give. */
struct dr_room {
    uint64_t free;    /* accelerators, wholly */
    uint64_t open;    /* held in shares: struct dr_share_use says what is left; not in `free` */
    uint64_t blocked; /* of both, kept from everybody in a view */
    int64_t cpus;     /* blocked ones are taken off already */
    int64_t memory_mb;
    uint8_t usable;
    uint8_t empty;            /* nothing is held or promised there */
    uint16_t promises;        /* parts of these, of whatever class */
    dr_account_id guard;      /* the account that it is given to alone; 0: nobody */
    uint16_t guards_of_node;  /* attempts there whose class shares no node */
    uint16_t guards_of_block; /* ... and no block */
    uint16_t pledges_of_node;
    uint16_t pledges_of_block;
    uint16_t share_most; /* left of the accelerator in `open` with most; set by the space itself */
    uint32_t share_left; /* the sum over `open` */
};

/* What one accelerator's shares come to, in a view too: held, promised and blocked. */
struct dr_share_use {
    uint32_t
        used; /* thousandths; more than 1000 where shares are promised that others still hold */
    uint16_t guards; /* as in struct dr_device_share */
    uint16_t pledges;
    dr_account_id guard;
    uint16_t promised; /* thousandths of `used` */
};

struct dr_domain {
    uint32_t shorts;     /* usable nodes with less than their share of CPUs or memory free */
    uint32_t busy;       /* nodes that are not empty */
    uint32_t guards;     /* of blocks */
    dr_account_id guard; /* whose */
    uint32_t pledges;
    uint32_t promises;
};

/* A set of pools, bit = rank. */
struct dr_pool_set {
    uint64_t words[DR_POOL_WORDS];
};

/* Pools by what is free in their spaces. */
struct dr_pool_sets {
    struct dr_pool_set with_unit[DR_ACCELERATORS_MAX + 1]; /* some node has so many free */
    struct dr_pool_set with_units[DR_POOL_LOGS];           /* 2^k accelerators are free */
    struct dr_pool_set with_share[DR_SHARE_STEPS + 1];     /* some node is of that step or above */
};

/* The most CPUs and memory that are free on one node of a tier; known on demand. */
struct dr_most {
    int64_t cpus;
    int64_t memory_mb;
    uint8_t stale; /* a node that had as much has changed */
};

/* The space of one pool. Nodes by number; level levels_count is the pool itself, one domain. */
struct dr_space {
    struct dr_places *places;
    struct dr_pool_sets *sets; /* that it keeps true, for its rank */
    uint32_t nodes;
    uint32_t words; /* of one bitmap */
    uint32_t tiers; /* of free capacity, 0 to tiers - 1 */
    uint32_t levels;
    uint32_t size[DR_LEVELS_MAX + 1];      /* nodes per domain */
    uint32_t domains[DR_LEVELS_MAX + 1];   /* how many */
    uint32_t live_most[DR_LEVELS_MAX + 1]; /* nodes not leaving in the largest domain */
    uint32_t *counts[DR_LEVELS_MAX + 1];   /* [domains][tiers] usable nodes */
    uint32_t *whole[DR_LEVELS_MAX + 1];    /* [domains] of them, in the top tier */
    uint32_t *units[DR_LEVELS_MAX + 1];    /* [domains] sum of their tiers: what is free */
    uint32_t *shares[DR_LEVELS_MAX + 1];   /* [domains] sum of share_left */
    uint32_t tier_most;                    /* the highest tier with a node; 0: none above 0 */
    uint32_t step_most;                    /* the highest step with a node; 0: none */
    uint32_t rank;                         /* of the pool, see struct dr_places */
    struct dr_domain *about[DR_LEVELS_MAX + 1];
    uint64_t *bits;       /* [tiers][words] usable nodes of that tier */
    struct dr_most *most; /* [tiers] of its nodes */
    uint64_t *share_bits; /* [DR_SHARE_STEPS + 1][words] usable nodes by the step of share_most */
    uint32_t share_counts[DR_SHARE_STEPS + 1];
    struct dr_share_use *share_uses; /* [nodes][accelerators]; NULL: nothing was ever shared */
    uint32_t accelerators;           /* of a node */
    uint8_t *tier;                   /* [nodes] */
    struct dr_room *rooms;
    uint32_t *rows;               /* [nodes] of core->nodes */
    struct dr_breakage *breakage; /* core/breakage.h; NULL: nothing to break */
    uint64_t all;                 /* accelerators of a node */
    int64_t cpus;
    int64_t memory_mb;
    uint32_t guards; /* attempts with a guard, node by node */
};

/* Attempts of one account that no other may be near, per node row. */
struct dr_guard {
    dr_account_id account;
    uint16_t of_node;
    uint16_t of_block;
    uint16_t pledges_of_node;
    uint16_t pledges_of_block;
};

/* What a node draws, before PUE. */
struct dr_node_draw {
    int64_t milliwatts;
    int64_t idle_w; /* of that, with nothing on it */
};

/* What jobs that wait have reserved of a node, whoever holds it until then. */
struct dr_node_reserved {
    uint64_t accelerators; /* as a whole */
    int64_t cpus;
    int64_t memory_mb;
    uint32_t parts;  /* of reservations */
    uint32_t shares; /* of these, of one accelerator: places->reserved_shares */
};

/* What a shape may use, remembered. `pools` of it lie in dr_places.memory_words. */
struct dr_place_memory {
    uint64_t version;
    uint32_t shape;
    uint32_t groups_count;
    uint16_t pools[DR_PLACE_GROUPS_MAX]; /* of its groups, leaving consent and saved work aside */
    uint8_t alternatives[DR_PLACE_GROUPS_MAX];
};

/* The groups of the job that was asked about last: it is often asked about again at once. */
struct dr_place_last {
    uint64_t version; /* core->federation_version + 1; 0: none */
    uint32_t shape;
    dr_account_id account;
    dr_site_id kept_at;
    uint32_t count;
    struct dr_place_group groups[DR_PLACE_GROUPS_MAX];
};

/* The pools whose owners have not let an account in. */
struct dr_refused {
    uint64_t version; /* core->federation_version + 1; 0: none */
    uint64_t any;     /* is there one? */
    struct dr_pool_set pools;
};

/* Pools are ranked by the least that an accelerator-hour can cost there (ties: pool id), and sets
 * of pools have a bit per rank, so that a walk along a set's bits meets the cheap ones first. */
struct dr_places {
    struct dr_arena arena; /* the spaces */
    uint64_t version;      /* core->federation_version that they were built for */
    uint64_t held_version; /* of federation and nodes, at which all reservations had their nodes */
    uint8_t built;
    uint8_t mixed;        /* there is a mix */
    uint32_t mix_version; /* core->mix->version that `weights` are of */
    struct dr_mix_weights weights;
    struct dr_place_last last_groups;
    struct dr_space *spaces;           /* [pools_max] */
    struct dr_space *beside;           /* [pools_max] with all that is reserved kept from
                                          everybody; no nodes: nothing was ever reserved */
    struct dr_node_reserved *reserved; /* [nodes_max] */
    uint16_t (*reserved_shares)[DR_ACCELERATORS_MAX]; /* [nodes_max] thousandths */
    uint32_t *reserved_count;                         /* [pools_max] reservations */
    int64_t *reserved_until_us;                 /* [pools_max] none of them begins after that */
    struct dr_guard *guards;                    /* [nodes_max] */
    struct dr_node_draw *draws;                 /* [nodes_max] */
    int64_t (*tariff_sum)[DR_TARIFF_HOURS + 1]; /* [DR_SITES_MAX] of the hours before, micro */
    uint32_t *attempts;                         /* [pools_max] first attempt of a pool */
    uint32_t *next;                             /* [jobs_max] */
    uint32_t *previous;                         /* [jobs_max] */
    uint32_t *attempts_of;                      /* [accounts_max] first attempt of an account */
    uint32_t *next_of;                          /* [jobs_max] */
    uint32_t *previous_of;                      /* [jobs_max] */
    uint32_t *leaving;       /* [nodes_max] rows of nodes that leave the federation, in no order */
    uint32_t *leaving_place; /* [nodes_max] */
    uint32_t leaving_count;
    uint8_t *touched;    /* [pools_max] something was freed there since the last decision */
    uint64_t *freed_at;  /* [pools_max] the last time, by the seats' clock (core/seats.h) */
    uint64_t *left_at;   /* [pools_max] the same, but for what was only reserved */
    uint64_t *opened_at; /* [pools_max] the same, or what is free there may be had by more: at the
                            root, or beside what is reserved */
    uint64_t opened_last;
    uint64_t freed_last; /* the greatest of these */
    uint64_t left_last;
    uint64_t untouched_at;  /* by it, dr_place_untouch() */
    uint8_t *unreserved;    /* [pools_max] a reservation there has ended since */
    uint32_t *held_count;   /* [pools_max] attempts */
    uint32_t *leaves_count; /* [pools_max] of them, told to leave */

    /* by rank */
    uint8_t groups_alike; /* pools of one group of accelerators are in one of CPUs, one of memory */
    uint32_t words;       /* of a set that are in use */
    uint32_t *pool_of;    /* [pools_max] rank to pool row */
    int64_t *hour_micro;  /* [pools_max] the least that an accelerator-hour costs */
    int64_t slack_micro;  /* by which rounding may take a cost under that, per accelerator */
    struct dr_pool_set touched_set; /* as touched[] and unreserved[] */
    struct dr_pool_set unreserved_set;
    struct dr_pool_set opened_set; /* opened_at since then */
    struct dr_pool_set risen_set; /* more may be had there since: left_at, or core->lent->rose_at */
    struct dr_pool_set asks_consent;
    struct dr_pool_set of_chip[DR_CHIPS_MAX + 1]; /* 0: without accelerators */
    struct dr_pool_set *of_site;                  /* [DR_SITES_MAX] */
    struct dr_pool_set with_reserved;             /* reserved_count > 0 */
    struct dr_pool_set reservable;                /* ... below settings.reserve_depth */
    struct dr_pool_sets sets;                     /* by `spaces` */
    struct dr_pool_sets beside_sets;              /* by `beside` */
    struct dr_pool_sets trial_sets;               /* for dr_place_consistent() */
    struct dr_place_memory *memories;             /* [DR_PLACE_MEMORIES] */
    struct dr_refused *refused;                   /* [accounts_max] */
    struct dr_pool_set *of_group;                 /* [groups_max] whatever the resource */
    uint64_t *group_chips; /* [groups_max] of its pools, as bits of DR_WANTS_CHIPS (core/seats.h) */
    uint64_t *memory_words; /* [DR_ALTERNATIVES_MAX][DR_PLACE_MEMORIES][words] */
};

/* 0: nothing is left; 1 to DR_SHARE_STEPS: how much is, of an accelerator. Who asks for a share
 * finds it at its own step or above. */
static inline uint32_t dr_space_share_step(uint32_t left)
{
    return left == 0 ? 0 : 1 + dr_min_u32(left, 999) * DR_SHARE_STEPS / 1000;
}

static inline struct dr_share_use *dr_space_share_use(const struct dr_space *space, uint32_t number,
                                                      uint32_t accelerator)
{
    return &space->share_uses[(size_t)number * space->accelerators + accelerator];
}

/* Thousandths left of an accelerator in `open`. */
static inline uint32_t dr_space_share_left(const struct dr_space *space, uint32_t number,
                                           uint32_t accelerator)
{
    uint32_t used = dr_space_share_use(space, number, accelerator)->used;

    return used < 1000 ? 1000 - used : 0;
}

/* Thousandths of accelerators that are free in a pool, shares of opened ones among them. */
static inline int64_t dr_space_free_milli(const struct dr_space *space)
{
    if (space->all == 0)
        return 0;
    return INT64_C(1000) * space->units[space->levels][0] + space->shares[space->levels][0];
}

/* Tasks that a node with so much free takes; accelerators that are shared already aside. */
uint32_t dr_space_tasks_in(const struct dr_want *want, uint32_t accelerators, int64_t cpus,
                           int64_t memory_mb);

/* ... that an empty node takes. */
uint32_t dr_space_tasks_empty(const struct dr_want *want, const struct dr_space *space);

/* The level of that name: DR_LEVEL_NODE, one of the pool's, or the pool (levels_count). */
int dr_space_level_named(const struct dr_pool *pool, const char *name);

/* The strictest sharing of a shape's data classes. */
uint8_t dr_space_share_of(const struct dr_core *core, const struct dr_shape *shape);

/* One past the last node of a domain. */
uint32_t dr_space_last_of(const struct dr_space *space, uint32_t level, uint32_t domain);

static inline void dr_pool_set_put(struct dr_pool_set *set, uint32_t rank, int is_in)
{
    uint64_t bit = UINT64_C(1) << (rank % 64);

    set->words[rank / 64] = is_in ? set->words[rank / 64] | bit : set->words[rank / 64] & ~bit;
}

static inline int dr_pool_set_has(const struct dr_pool_set *set, uint32_t rank)
{
    return (set->words[rank / 64] >> (rank % 64)) & 1;
}

/* The pools that a shape may ever use in one of its ways, consent and saved work aside; [words]. */
const uint64_t *dr_place_pools(const struct dr_core *core, const struct dr_want *want);

/* Of the pools in one word those with enough accelerators free in sum and on some node. */
uint64_t dr_place_enough(const struct dr_core *core, const struct dr_want *want, uint32_t word);

/* The feasible ones with enough accelerators free in sum and on some node; and of these, where that
 * is so beside all that is reserved (NULL: not asked). */
void dr_place_could(const struct dr_core *core, const struct dr_want *want,
                    struct dr_pool_set *could, struct dr_pool_set *beside);

/* The feasible ones: with consent, and where its saved work lies. Fills `words` words. */
void dr_place_allowed(const struct dr_core *core, const struct dr_want *want,
                      struct dr_pool_set *allowed);

/* Accelerators of a node that are promised whole. */
uint64_t dr_space_whole_promised(const struct dr_core *core, uint32_t node_row);

/* From now on somebody shares an accelerator there. */
void dr_space_need_shares(struct dr_space *space);

/* Milliwatts by which thousandths of a pool's accelerators draw more when they are held. */
int64_t dr_space_share_mw(const struct dr_core *core, const struct dr_pool *pool,
                          int64_t thousandths);

/* May some node take a task? Upper bound: by accelerators, CPUs and memory, each for itself. */
int dr_space_may_take(const struct dr_space *space, const struct dr_want *want);

/* A space with no node in it yet, from the places' arena. */
void dr_space_lay_out(const struct dr_core *core, uint32_t pool_row, struct dr_space *space,
                      struct dr_pool_sets *sets);

/* What a node has to give in truth: its shares go into the space, its room is returned; and what is
 * left of that beside what jobs have reserved there. */
void dr_space_true_shares(const struct dr_core *core, struct dr_space *space, uint32_t node_row);
struct dr_room dr_space_true_room(const struct dr_core *core, uint32_t node_row);
void dr_space_take_reserved(const struct dr_core *core, struct dr_space *space, uint32_t node_row,
                            struct dr_room *room);

/* What is left of the accelerators in `open`. */
void dr_space_sum_shares(const struct dr_space *space, uint32_t number, struct dr_room *room);

/* By what is free on it; DR_TIER_NONE: it takes nothing. */
uint8_t dr_space_tier_of(const struct dr_space *space, const struct dr_room *room);

/* What a node draws, its accelerators included. */
/* By how much less is drawn once a part is not held any more, thousandths of accelerators: what is
 * promised of it goes on. `share`: of one accelerator, per task; 0: it is of whole ones. */
int64_t dr_space_drawn_less(const struct dr_core *core, const struct dr_extent *extent,
                            uint32_t share);

struct dr_node_draw dr_space_draw_of(const struct dr_core *core, uint32_t node_row);

/* Put a node's room into the space; the sums follow. */
void dr_space_set_room(struct dr_space *space, uint32_t number, const struct dr_room *room);

/* Its true room and shares into its pool's own space, after a view. */
void dr_space_restore(struct dr_core *core, uint32_t node_row);

#endif
