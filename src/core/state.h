/* SPDX-License-Identifier: Apache-2.0 */
/* state.h: what there is, in plain arrays. Everyone may read it; only core/apply.c writes it.
 *
 * Primary state comes from facts and is hashed, saved and loaded field by field (core/walk.c).
 * Fields under "index" are functions of the primary state, rebuilt by dr_core_index(). Ids of the
 * federation's parts are row + 1. */
#ifndef DR_CORE_STATE_H
#define DR_CORE_STATE_H

#include "base/row_map.h"
#include "core/core.h"

#define DR_POOLS_MAX       1024
#define DR_POOL_RANGES_MAX 16 /* a pool's nodes lie in at most so many runs of rows */

struct dr_settings {
    char name[DR_NAME_BYTES];
    char currency[DR_NAME_BYTES];
    int64_t half_life_us;
    int64_t minimum_run_us;
    int64_t loss_cap_us;
    int64_t preemption_credit_us;
    int64_t default_limit_us;
    int64_t default_grace_us;
    int64_t retain_ended_us;
    int64_t span_price_micro;
    uint32_t requeue_limit;
    uint32_t reserve_depth;
    uint32_t default_jobs_max; /* 0: no limit */
    uint32_t job_uid;
    uint32_t job_gid;
    uint8_t fair_preemption; /* enum dr_fair_preemption */
    int64_t fair_minimum_run_us;
    uint8_t ordering;      /* enum dr_ordering */
    uint8_t no_backfill;   /* who finds no room keeps its pools from all who come after it */
    uint8_t no_preemption; /* nobody is taken from for another job */
    uint8_t placement;     /* enum dr_placement */
};

struct dr_chip {
    char name[DR_NAME_BYTES];
    char vendor[DR_NAME_BYTES];
    char country[DR_NAME_BYTES];
    struct dr_name stacks[8];
    uint32_t stacks_count;
    int64_t memory_mb; /* per accelerator */
    int64_t idle_w;
    int64_t busy_w;
    int64_t price_micro; /* per accelerator-hour */
    uint8_t is_virtual;
    uint8_t removed;
    uint8_t leaving; /* once nothing uses it: core/leave.h */
};

/* The last that was said of a cap that can't be met. */
struct dr_power_short {
    int64_t missing_w; /* 0: all can be met */
    int64_t cap_w;
    int64_t from_us;
};

struct dr_site {
    char name[DR_NAME_BYTES];
    char operator_name[DR_NAME_BYTES];
    char region[DR_NAME_BYTES];
    char jurisdiction[DR_NAME_BYTES];
    uint32_t assurance;
    int64_t power_cap_w; /* 0: none */
    dr_zone_id zone;     /* 0: none */
    struct dr_power_short power_short;
    uint8_t power_down; /* empty nodes may be switched off to keep a power cap */
    uint32_t pue_milli;
    int64_t tariff_micro[DR_TARIFF_HOURS]; /* per kWh */
    int32_t utc_offset_min;
    uint64_t classes; /* that it may host: bit = data class row */
    uint8_t engine;   /* enum dr_engine_kind */
    uint8_t isolated_network;
    uint8_t answers;
    uint8_t removed;
    uint8_t leaving;
};

/* How the Slurm cluster of a site is reached; all empty for another engine. */
struct dr_site_slurm {
    char url[DR_NOTE_BYTES];
    char key[DR_NOTE_BYTES]; /* path of the key's file */
    char user[DR_NOTE_BYTES];
    char conf[DR_NOTE_BYTES];
    char log_command[DR_NOTE_BYTES];
    uint8_t count_placement; /* so many nodes of a partition, instead of the very nodes */
};

/* A grid zone: sites that share one supply. */
struct dr_zone {
    char name[DR_NAME_BYTES];
    int64_t power_cap_w; /* 0: none */
    struct dr_power_short power_short;
    uint8_t removed;
};

/* A cap for a time, announced: core/power.h. Forgotten some time after it is over. */
struct dr_grid_cap {
    uint32_t id; /* counts up, never used again */
    char name[DR_NAME_BYTES];
    dr_zone_id zone; /* of the two one is 0 */
    dr_site_id site;
    int64_t from_us;
    int64_t until_us;
    int64_t power_cap_w;
    uint8_t declared; /* by the federation file */
};

/* An advance reservation: core/window.h. */
struct dr_window {
    uint32_t id; /* counts up, never used again */
    char name[DR_NAME_BYTES];
    dr_account_id accounts[DR_WINDOW_ACCOUNTS]; /* with all below them; none: for maintenance */
    uint32_t accounts_count;
    dr_site_id site; /* all its nodes; 0: of the pool */
    dr_pool_id pool; /* without runs all its nodes */
    struct dr_node_run {
        uint32_t row;
        uint32_t count;
    } runs[DR_WINDOW_RUNS_MAX];
    uint32_t runs_count;
    int64_t from_us;
    int64_t until_us;
    uint8_t evict; /* others are told to leave in time */
    uint8_t begun; /* it was said */
    uint32_t held; /* attempts of others on its nodes then, as it was said last */
};

struct dr_level_of_pool {
    char name[DR_NAME_BYTES];
    uint32_t nodes; /* per domain */
};

struct dr_pool {
    char name[DR_NAME_BYTES];
    char node_prefix[DR_NAME_BYTES];
    dr_site_id site;
    dr_chip_id chip; /* 0: none */
    dr_account_id owner;
    dr_group_id groups[DR_RESOURCE_COUNT];
    uint32_t accelerators; /* per node */
    uint32_t cpus;         /* per node, thousandths */
    int64_t memory_mb;     /* per node */
    int64_t node_idle_w;
    struct dr_level_of_pool levels[DR_LEVELS_MAX];
    uint32_t levels_count;
    uint32_t node_first;
    uint32_t node_digits;
    int64_t default_limit_us;                  /* 0: none */
    int64_t default_memory_per_cpu_mb;         /* 0: its share of the node */
    int64_t default_memory_per_accelerator_mb; /* the same */
    char partition[DR_NAME_BYTES];             /* of the site's own workload manager */
    char gres[DR_NAME_BYTES];                  /* what that calls the accelerators */
    uint32_t consent[16];                      /* account ids; none: all */
    uint32_t consent_count;
    struct {
        uint32_t row;
        uint32_t count;
    } ranges[DR_POOL_RANGES_MAX]; /* node rows, in the order of node numbers */
    uint32_t ranges_count;
    uint32_t nodes_count; /* with those removed */
    uint8_t removed;
    uint8_t leaving; /* once its last node has */
    /* index */
    uint32_t nodes_up;
    int64_t accelerators_free; /* on nodes that are up, neither held nor promised */
};

struct dr_node {
    dr_pool_id pool;
    uint32_t number; /* within the pool, from 0 */
    uint8_t drained;
    uint8_t down;
    uint8_t removing;
    uint8_t removed;
    uint8_t off;        /* switched off for a power cap */
    uint8_t site_knows; /* its site says so, or has taken it: it need not be told */
    uint64_t flags_seq; /* the fact that set these */
    /* index */
    uint64_t busy;     /* accelerators held, whole or in part: bit */
    uint64_t promised; /* accelerators promised to a waiting job, whole or in part: bit */
    uint64_t shared; /* accelerators held or promised in part: core->device_shares says how much */
    int64_t cpus_used; /* held and promised, thousandths */
    int64_t memory_mb_used;
    uint32_t tasks;    /* of attempts here */
    uint16_t promises; /* parts of these, to whomever */
};

/* What shares hold of one accelerator, in thousandths. An accelerator that is held, or promised,
 * and has 0 here is so as a whole. Index. */
struct dr_device_share {
    uint16_t held;
    uint16_t promised;
    uint16_t guards;     /* attempts on it whose class shares no accelerator */
    uint16_t pledges;    /* the same, promised to */
    dr_account_id guard; /* whose these are; 0: there are none */
};

struct dr_data_class {
    char name[DR_NAME_BYTES];
    struct dr_name jurisdictions[8]; /* none: anywhere */
    uint32_t jurisdictions_count;
    uint32_t assurance_min;
    uint8_t share; /* enum dr_share */
    uint8_t removed;
};

struct dr_dataset {
    char name[DR_NAME_BYTES];
    int64_t bytes;
    struct dr_site_set sites;
    dr_class_id data_class;
    uint8_t removed;
};

struct dr_group {
    char name[DR_NAME_BYTES];
    uint8_t resource; /* enum dr_resource */
    uint8_t removed;  /* no pool counts in it and no account has anything in it */
    uint8_t leaving;
    /* index */
    int64_t capacity;   /* over nodes that are up (not down, not drained, site answers) */
    int64_t declared;   /* over all nodes that are not removed */
    int64_t guaranteed; /* sum over the accounts below the root */
};

/* Quota of one account in one group: core->quotas[account row * groups_max + group row]. */
struct dr_quota {
    int64_t guarantee; /* with what is allocated now */
    int64_t borrow;    /* DR_FOREVER_US: no limit */
    int64_t lend;      /* DR_FOREVER_US: all */
    int64_t past;      /* decayed use above guarantee: unit-seconds; advances on ticks */
    /* index */
    int64_t use;
    int64_t claim;
    int64_t firm;              /* of claim: jobs that can't be taken */
    int64_t occupied;          /* POLICY, section 1 */
    int64_t children_occupied; /* sum over children */
    int64_t kept;              /* occupied, were nothing claimed */
    int64_t children_kept;
};

struct dr_account {
    char name[DR_NAME_BYTES];
    dr_account_id parent; /* 0: the root */
    uint32_t weight;      /* thousandths */
    uint8_t preempt_below;
    uint8_t removed;
    uint8_t leaving; /* once its last job has ended; takes no new ones */
    uint8_t depth;   /* root 0 */
    int64_t default_limit_us;
    uint32_t jobs_max; /* live in its subtree; 0: none stated */
    /* sums over ended attempts of the account itself, not of those below it */
    int64_t accelerator_ms;
    int64_t cpu_ms;
    int64_t energy_j;
    int64_t cost_micro;
    int64_t wait_us_sum; /* of first starts */
    uint64_t starts;     /* first starts */
    uint64_t ended[16];  /* jobs, by enum dr_job_state */
    uint64_t preempted;  /* attempts taken from it */
    /* index */
    uint32_t first_child; /* row */
    uint32_t next_sibling;
    uint32_t jobs_live; /* not ended, in its subtree */
    uint32_t pending;   /* of the account itself */
    uint32_t running;
};

/* A guarantee with a term: core/allocate.h. */
struct dr_allocation {
    char name[DR_NAME_BYTES];
    dr_account_id account;
    int64_t from_us;
    int64_t until_us;
    struct {
        dr_group_id group;
        int64_t amount;
    } amounts[DR_ALLOCATION_GROUPS];
    uint32_t amounts_count;
    uint8_t active; /* its amounts are in the guarantees */
    uint8_t removed;
};

struct dr_user {
    char name[DR_NAME_BYTES];
    uint32_t uid; /* DR_NO_UID: none */
    uint32_t gid;
    uint8_t roles;
    struct dr_membership memberships[DR_ROLES_MAX];
    uint32_t memberships_count;
    dr_account_id default_account;
    uint8_t removed;
};

struct dr_token {
    dr_user_id user;
    uint8_t roles;
    uint8_t revoked;
    uint8_t secret_hash[32];
    int64_t expires_us;
    int64_t issued_us;
    char label[DR_NAME_BYTES];
};

/* Everything that placement looks at in a job, shared by all jobs alike. */
struct dr_shape {
    struct dr_alternative alternatives[DR_ALTERNATIVES_MAX];
    uint32_t alternatives_count;
    uint8_t
        sizes; /* elastic: so many of them, from the first, are sizes of one, falling; 0: fixed */
    uint8_t level_kind; /* 0 none, 1 preferred, 2 required */
    char level[DR_NAME_BYTES];
    struct dr_site_set sites;      /* empty: any */
    char partition[DR_NAME_BYTES]; /* names parted by commas: a pool's is one of them; empty: any */
    dr_class_id data_class;
    uint32_t datasets[DR_DATASETS_OF_A_JOB];
    uint32_t datasets_count;
    uint32_t jobs; /* that refer to it; 0: the row is free */
    /* index */
    uint32_t next; /* of the same hash, or free */
    uint64_t hash;
};

/* A part of a placement, of a promise or of a reservation; kept in lists by row. */
struct dr_extent_row {
    struct dr_extent extent;
    uint32_t next; /* DR_ROW_NONE: the last */
};

/* A dependency of a pending job; kept in a list per dependent (primary) and per target (index). */
struct dr_edge {
    enum dr_dependency_kind kind;
    dr_job_row dependent;
    dr_job_row target;
    uint32_t next_of_dependent;
    uint32_t next_of_target;
};

/* What a job was submitted with, beside its shape and what is its own: shared by all jobs alike. */
struct dr_terms {
    dr_user_id user;
    int64_t begin_us;
    int64_t deadline_us;
    int64_t checkpoint_us;
    int64_t restart_us;
    int64_t grace_us;
    int64_t warn_before_us;
    uint64_t seed_runtime_us;
    uint64_t array_job; /* id of the first element; 0: none */
    uint32_t array_limit;
    uint32_t warn_signal;
    uint8_t limit_total;
    uint8_t deadline_ends;
    uint8_t preemptible;
    uint8_t flexible; /* taken before a lower power cap begins */
    uint8_t requeue;
    uint8_t checkpoint_on_warning;
    int64_t unreachable_us; /* its site silent for so long: the attempt is given up; 0: never */
    uint32_t jobs;          /* that refer to it; 0: the row is free */
    /* index */
    uint32_t next; /* of the same hash, or free */
    uint64_t hash;
};

/* What has become of a job: its attempts, what it was promised or has reserved, its end. Most jobs
 * that wait have none of it. */
struct dr_run {
    /* the current or last attempt; attempt 0: never placed */
    uint32_t attempt;
    dr_pool_id pool;
    uint8_t alternative;
    uint8_t rule;
    uint8_t stopping;            /* enum dr_stop_cause */
    uint8_t before_unreachable;  /* state to come back to */
    uint8_t saved_after_warning; /* this attempt saved its work after it was told to leave */
    uint8_t counted;             /* index: its use counts in claim (not warned, its nodes are up) */
    uint32_t extents;            /* first row of its placement; kept while the attempt holds it */
    int64_t placed_us;
    int64_t start_us; /* of the attempt, by the site's clock; 0: not yet */
    int64_t stop_until_us;
    int64_t give_up_us; /* UNREACHABLE, and the job says so: when it is given up; 0: it is not */
    int64_t attempt_limit_us;
    int64_t saved_us; /* last observed checkpoint of this attempt; 0: none */
    dr_job_id stopping_for;
    uint32_t attempt_factor; /* that it was made with, thousandths; 0: none, by an older program */
    /* over all attempts */
    uint8_t checkpoint_proven; /* it has saved after a warning at least once */
    uint32_t preemptions;      /* attempts taken from it */
    uint32_t requeues;
    int64_t run_us;        /* running time of ended attempts */
    int64_t kept_us;       /* of that, work that was saved */
    int64_t run_factor_us; /* what run_us would have been more, or less, at factor 1 */
    int64_t first_start_us;
    /* waiting */
    uint32_t promise; /* first extent row; DR_ROW_NONE: none */
    dr_pool_id promise_pool;
    int64_t promise_until_us;
    int64_t reservation_us;
    uint32_t reservation; /* first extent row; DR_ROW_NONE: none */
    dr_pool_id reservation_pool;
    uint8_t promise_alternative;
    uint8_t promise_cause;
    uint8_t reservation_alternative;
    uint8_t guaranteed; /* index: its reservation was found to be within guarantee */
    /* ended */
    int32_t exit_code;
    int64_t ended_us; /* time of the fact that said so; 0: live */
    int64_t end_us;   /* by the site's clock */
    int64_t cpu_time_us;
    int64_t memory_mb_peak;
    int32_t signal;
    /* index: neighbours (job rows) among those that run, that have ended, or that wait with a
     * reservation (core/queue.h); of a free row the next one */
    uint32_t list_next;
    uint32_t list_previous;
};

/* A job's dependencies, and those of others on it; most jobs have neither. */
struct dr_ties {
    uint32_t edges;    /* first dependency; DR_ROW_NONE: none left */
    uint32_t edges_to; /* index: first dependency on this job; or the next free row */
};

/* Kept small: a million of these wait. What was asked for is in its shape and terms, what has
 * become of it in its run: dr_job_terms() and dr_job_run(). */
struct dr_job {
    dr_job_id id; /* 0: the row is free */
    uint64_t text;
    uint64_t name_key;
    uint64_t submit_seq;
    uint64_t last_seq; /* its latest fact */
    int64_t submit_us;
    int64_t limit_us; /* of an attempt, or of all with limit_total */
    dr_account_id account;
    uint32_t shape; /* row */
    uint32_t terms; /* row */
    uint32_t run;   /* row; 0: it has none */
    int32_t priority;
    uint32_t array_index;
    uint32_t ties; /* row; 0: it has none */
    uint8_t state; /* enum dr_job_state */
    uint8_t held;
    uint8_t doomed; /* a dependency can't hold any more: to be ended */
    /* index */
    uint32_t queue_class; /* core/queue.h; DR_ROW_NONE: not in a queue */
    uint32_t queue_left;  /* treap of its class; or the next free row */
    uint32_t queue_right;
    uint32_t queue_parent;
};

/* A doubly linked list of job rows. */
struct dr_job_list {
    uint32_t first;
    uint32_t last;
    uint32_t count;
};

struct dr_array {
    uint64_t array_job;
    uint32_t limit;  /* 0: none */
    uint32_t active; /* elements that hold a place */
    uint32_t live;   /* elements not ended; 0: the row is free */
};

struct dr_core {
    struct dr_limits limits;
    struct dr_arena tables;  /* all arrays below */
    struct dr_arena scratch; /* reset once per decision */

    /* primary */
    uint64_t seq;
    uint64_t epoch;
    uint64_t job_id_last;
    int64_t time_us; /* of the last fact */
    int64_t tick_us; /* of the last tick */
    struct dr_settings settings;
    struct dr_chip *chips;
    uint32_t chips_count;
    struct dr_site *sites;
    uint32_t sites_count;
    struct dr_pool *pools;
    uint32_t pools_count;
    struct dr_node *nodes;
    uint32_t nodes_count;
    struct dr_site_slurm *site_slurm;  /* [DR_SITES_MAX] by site row */
    char (*node_notes)[DR_NOTE_BYTES]; /* [nodes_max] why a node is drained or down */
    struct dr_data_class *classes;
    uint32_t classes_count;
    struct dr_dataset *datasets;
    uint32_t datasets_count;
    struct dr_group *groups;
    uint32_t groups_count;
    struct dr_account *accounts;
    uint32_t accounts_count;
    struct dr_quota *quotas;
    uint64_t *quotas_used; /* [accounts_max][quota_words] groups in which an account has, or had, a
                              guarantee, a claim or past use: index */
    uint32_t quota_words;
    struct dr_allocation *allocations; /* [DR_ALLOCATIONS_MAX] */
    uint32_t allocations_count;
    struct dr_zone *zones; /* [DR_ZONES_MAX] */
    uint32_t zones_count;
    struct dr_grid_cap *grid_caps; /* [DR_GRID_CAPS_MAX] in the order of their ids */
    uint32_t grid_caps_count;
    uint32_t grid_cap_id_last;
    struct dr_window *windows; /* [DR_WINDOWS_MAX] in the order of their ids */
    uint32_t windows_count;
    uint32_t window_id_last;
    struct dr_user *users;
    uint32_t users_count;
    struct dr_token *tokens;
    uint32_t tokens_count;
    struct dr_job *jobs;     /* [jobs_max]; rows in use have an id */
    uint32_t jobs_high;      /* rows ever used */
    struct dr_shape *shapes; /* [jobs_max] */
    uint32_t shapes_high;
    struct dr_terms *terms; /* [jobs_max] */
    uint32_t terms_high;
    struct dr_run
        *runs; /* [jobs_max + 1]; row 0, with nothing in it, is that of jobs without one */
    uint32_t runs_high;
    struct dr_ties *ties; /* [jobs_max + 1]; row 0 as that of `runs` */
    uint32_t ties_high;
    struct dr_extent_row *extents;
    uint32_t extents_high;
    struct dr_edge *edges;
    uint32_t edges_high;
    uint32_t edges_max;

    /* index */
    uint64_t federation_version; /* grows with every fact that changes what is feasible where */
    uint64_t node_words;         /* grows with every fact that says something of nodes */
    uint32_t jobs_free;          /* first free row, through queue_left */
    uint32_t jobs_count;
    uint32_t shapes_free;
    uint32_t shapes_count;
    uint32_t terms_free;
    uint32_t runs_free; /* through list_next; 0: none */
    uint32_t ties_free; /* through edges_to; 0: none */
    uint32_t extents_free;
    uint32_t extents_count;
    uint32_t edges_free;
    uint32_t edges_count;
    struct dr_row_map job_rows;   /* by id */
    struct dr_row_map shape_rows; /* by hash: the first of a chain */
    struct dr_row_map terms_rows; /* the same */
    struct dr_row_map array_rows; /* by the array's job id */
    struct dr_array *arrays;      /* [jobs_max] */
    uint32_t arrays_high;
    uint32_t arrays_free; /* through `limit` */
    struct dr_job_list
        running; /* CONFIGURING, RUNNING, COMPLETING, UNREACHABLE, in order of placement */
    struct dr_job_list ended; /* in order of their end */
    uint32_t *doomed;         /* stack of rows whose dependency failed */
    uint32_t doomed_count;
    struct dr_queue *queue;   /* core/queue.h: pending jobs in order, per account */
    struct dr_seats *seats;   /* core/seats.h: classes in order, and what they want */
    struct dr_fits *fits;     /* core/fits.h: which shapes that wait would fit somewhere now */
    struct dr_mix *mix;       /* core/mix.h: what was asked for lately; primary */
    struct dr_places *places; /* core/place.h: what is free where */
    struct dr_device_share (*device_shares)[DR_ACCELERATORS_MAX]; /* [nodes_max] */
    struct dr_ends *ends;           /* core/ends.h: when attempts are believed to end */
    struct dr_vacancies *vacancies; /* core/vacancy.h: when nodes are believed to be free of them */
    struct dr_slack *slack;         /* core/slack.h: what reservations leave of capacity */
    struct dr_gate *gate;           /* core/gate.h: who keeps what back, and when it comes free */
    struct dr_lent *lent;           /* core/lent.h: what might be taken back */
    struct dr_timers *timers;       /* core/timer.h: when time alone has to be looked at */
    struct dr_power *power; /* core/power.h: what sites and zones draw, and what caps leave */
    struct dr_window_index *window_index; /* core/window.h: which nodes they keep */
    uint32_t leaving_count;               /* parts that are to leave */
    uint8_t dirty;                        /* something changed that a decision may use */
    uint64_t looks;                       /* decisions that looked at what there is */
};

/* ---- reading ---- */

static inline struct dr_job *dr_job_at(struct dr_core *core, dr_job_row row)
{
    DR_ASSERT(row.v < core->jobs_high);
    return &core->jobs[row.v];
}

static inline const struct dr_terms *dr_job_terms(const struct dr_core *core,
                                                  const struct dr_job *job)
{
    return &core->terms[job->terms];
}

/* Of a job that has none: one with nothing in it. */
static inline const struct dr_run *dr_job_run(const struct dr_core *core, const struct dr_job *job)
{
    return &core->runs[job->run];
}

static inline const struct dr_ties *dr_job_ties(const struct dr_core *core,
                                                const struct dr_job *job)
{
    return &core->ties[job->ties];
}

/* The next in the list of running, or of ended jobs; DR_ROW_NONE: the last. */
static inline uint32_t dr_job_list_next(const struct dr_core *core, uint32_t row)
{
    return core->runs[core->jobs[row].run].list_next;
}

/* DR_ROW_NONE in .v: no such job in the state (never was, or ended and forgotten). */
static inline dr_job_row dr_job_find(const struct dr_core *core, dr_job_id id)
{
    return (dr_job_row){dr_row_map_find(&core->job_rows, id.v)};
}

static inline struct dr_quota *dr_quota_at(const struct dr_core *core, dr_account_id account,
                                           dr_group_id group)
{
    DR_ASSERT(account.v - 1 < core->accounts_count);
    DR_ASSERT(group.v - 1 < core->groups_count);
    return &core->quotas[(size_t)(account.v - 1) * core->limits.groups_max + (group.v - 1)];
}

/* The row of node `number` of a pool. */
uint32_t dr_pool_node_row(const struct dr_pool *pool, uint32_t number);

/* Up: takes part in capacity. */
static inline int dr_node_up(const struct dr_core *core, const struct dr_node *node)
{
    const struct dr_pool *pool = &core->pools[node->pool.v - 1];

    return !node->down && !node->drained && !node->removed && !node->off &&
           core->sites[pool->site.v - 1].answers;
}

/* "gpu007": the pool's prefix and the node's number. */
const char *dr_node_name(const struct dr_core *core, dr_node_id node,
                         char text[DR_NAME_BYTES + 12]);

/* Are two pools in the same three groups? Then quotas say the same of both. */
static inline int dr_pool_same_groups(const struct dr_pool *a, const struct dr_pool *b)
{
    return a->groups[0].v == b->groups[0].v && a->groups[1].v == b->groups[1].v &&
           a->groups[2].v == b->groups[2].v;
}

/* Is `account` the same as `above`, or below it? */
int dr_account_within(const struct dr_core *core, dr_account_id account, dr_account_id above);

/* The account below the root that it belongs to; 0: it is the root itself. */
dr_account_id dr_account_branch(const struct dr_core *core, dr_account_id account);

/* The lowest account that is the same as both or above them, and its children towards them: on the
 * path of one that is it itself, that one. */
dr_account_id dr_account_common(const struct dr_core *core, dr_account_id x, dr_account_id y,
                                dr_account_id *towards_x, dr_account_id *towards_y);

/* The fact that would say what the settings are. */
struct dr_fact_settings_set dr_settings_fact(const struct dr_settings *settings);

/* Find by name among those not removed; id 0: none. Linear: for the edge. */
dr_chip_id dr_chip_named(const struct dr_core *core, const char *name);
dr_site_id dr_site_named(const struct dr_core *core, const char *name);
dr_pool_id dr_pool_named(const struct dr_core *core, dr_site_id site, const char *name);
dr_account_id dr_account_named(const struct dr_core *core, const char *name);
dr_user_id dr_user_named(const struct dr_core *core, const char *name);
dr_user_id dr_user_of_uid(const struct dr_core *core, uint32_t uid);
dr_class_id dr_class_named(const struct dr_core *core, const char *name);
dr_dataset_id dr_dataset_named(const struct dr_core *core, const char *name);
dr_group_id dr_group_named(const struct dr_core *core, const char *name);
uint32_t dr_allocation_named(const struct dr_core *core, const char *name);
dr_zone_id dr_zone_named(const struct dr_core *core, const char *name);
/* The announced cap of that name, or id; NULL: there is none. */
const struct dr_grid_cap *dr_grid_cap_named(const struct dr_core *core, const char *name);
const struct dr_grid_cap *dr_grid_cap_of(const struct dr_core *core, uint32_t id);
/* The advance reservation of that name, or id; NULL: there is none. */
const struct dr_window *dr_window_named(const struct dr_core *core, const char *name);
const struct dr_window *dr_window_of(const struct dr_core *core, uint32_t id);
dr_node_id dr_node_named(const struct dr_core *core, const char *name);

/* What `user` may do at `account` (id 0: everywhere): its general roles and those of memberships at
 * or above the account, as bits of enum dr_role. */
uint8_t dr_user_roles(const struct dr_core *core, dr_user_id user, dr_account_id account);

/* Is the pool's partition among these, as in struct dr_shape? */
int dr_pool_in_partition(const struct dr_pool *pool, const char *partition);

/* Names are unique: chips, sites, pools within their site (written SITE/POOL), accounts, users,
 * data classes, datasets, groups; node names within the federation. */

/* Amounts of an alternative's whole gang. */
struct dr_amounts {
    int64_t of[DR_RESOURCE_COUNT]; /* accelerators and CPUs in thousandths, memory in MB */
};
struct dr_amounts dr_alternative_amounts(const struct dr_alternative *alternative);

/* What an attempt holds. */
static inline struct dr_amounts dr_job_holds(const struct dr_core *core, const struct dr_job *job)
{
    return dr_alternative_amounts(
        &core->shapes[job->shape].alternatives[dr_job_run(core, job)->alternative]);
}

/* What a waiting job has reserved. */
static inline struct dr_amounts dr_job_reserved(const struct dr_core *core,
                                                const struct dr_job *job)
{
    return dr_alternative_amounts(
        &core->shapes[job->shape].alternatives[dr_job_run(core, job)->reservation_alternative]);
}

/* What ended attempts have used up of a job's limit: their running time at factor 1. */
static inline int64_t dr_job_spent_us(const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_run *run = dr_job_run(core, job);

    return run->run_us + run->run_factor_us;
}

/* The limit of an attempt by this alternative: what is left of the job's, which is stated for
 * factor 1, times the alternative's factor, rounded up; a second at least. */
int64_t dr_job_next_limit_us(const struct dr_core *core, const struct dr_job *job,
                             uint32_t alternative);

/* When the attempt of a job that holds a place is believed to end: start (or placement) + limit. */
static inline int64_t dr_job_believed_end_us(const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_run *run = dr_job_run(core, job);

    return (run->start_us != 0 ? run->start_us : run->placed_us) + run->attempt_limit_us;
}

/* Energy and cost of an attempt that held its place from `from_us` to `to_us`: the busy draw of its
 * accelerators above idle plus its share of the nodes' idle draw by CPUs, times the site's PUE;
 * priced by the tariff hour by hour. Whole joules and micro-units, rounded down. */
struct dr_energy {
    int64_t energy_j;
    int64_t cost_micro; /* energy alone */
};
struct dr_energy dr_job_energy(const struct dr_core *core, const struct dr_job *job,
                               int64_t from_us, int64_t to_us);

/* ---- for core's own files ---- */

/* Rebuild every index from the primary state. */
void dr_core_index(struct dr_core *core);

/* Add a fact: seq, time and actor are filled in by the caller; it goes through dr_apply() and into
 * the batch. The caller has made sure of room (dr_batch_room). */
void dr_settle(struct dr_core *core, struct dr_fact *fact, struct dr_batch *batch);

/* Is there room for one more decision (a fact with `extents` parts, and its effects)? */
int dr_batch_room(const struct dr_batch *batch, uint32_t extents);

#endif
