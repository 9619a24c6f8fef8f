/* SPDX-License-Identifier: Apache-2.0 */
/* place.h: where a gang can go (POLICY, section 4).
 *
 * Two questions, kept apart. *Feasible*: could this pool ever hold the job, by chip, size, level,
 * site, law, data and consent? That depends on the federation alone and is remembered per shape.
 * *Free*: is there a place now, and which nodes? That is a search in the pool's space.
 *
 * The greedy rule by which nodes are found, level by level: the node that holds the whole gang and
 * has least left over; else the smallest level with a domain that holds it, there the domain that
 * needs the fewest domains of the level below (at the lowest level: that leaves least), then leaves
 * least, then the lowest number; else the whole pool. Inside a domain that is not a node: a part
 * that holds all that is missing, the one with least left over; otherwise the largest part, whole,
 * and again. Left over counts accelerators (in pools without: eighths of a node's CPUs). Ties: the
 * lowest number. On a node the lowest free accelerators are taken. Tasks that take a share of an
 * accelerator go first where accelerators are shared already, on the node and then on the
 * accelerator that has least left; there as many as fit. (Deviates from POLICY nowhere; domains are
 * judged by what they hold of this very gang, CPUs and memory included.)
 *
 * A pool's space is an index: per node what is free, and per level and domain how many nodes have
 * how much free. Views (reclaim, backfill) change a space in thought and put it right again by the
 * truth in core->nodes. */
#ifndef DR_CORE_PLACE_H
#define DR_CORE_PLACE_H

#include "core/state.h"

struct dr_places;
struct dr_window_set;

/* ---- kept by core's own files ---- */

/* Tables for core->limits, from core->tables. */
DR_MUST_USE enum dr_status dr_place_open(struct dr_core *core);
void dr_place_close(struct dr_core *core);

/* The nodes, pools or sites may all have changed: build everything again when next asked. Attempts
 * are forgotten and have to be added by dr_place_attempt(). */
void dr_place_index(struct dr_core *core);

/* What a node holds, or one of its flags, has changed; also the way out of a view. */
void dr_place_changed(struct dr_core *core, uint32_t node_row);

/* An attempt takes (sign 1) or gives back (-1) its place: job->extents in job->pool. After
 * dr_node's fields have changed. */
void dr_place_attempt(struct dr_core *core, dr_job_row row, int sign);

/* Has something in the pool been freed since dr_place_untouch()? True after a rebuild and a tick.
 */
int dr_place_touched(const struct dr_core *core, dr_pool_id pool);
void dr_place_untouch(struct dr_core *core);
void dr_place_touch_all(struct dr_core *core);

/* Something was freed in a pool; where a power cap holds, that helps every pool of its site, or of
 * its grid zone. */
void dr_place_touch(struct dr_core *core, dr_pool_id pool);

/* What is free in the pools of a group may be had by more than before: the root has more room, or
 * more may be added beside what is reserved. */
void dr_place_open_group(struct dr_core *core, dr_group_id group);
void dr_place_touch_site(struct dr_core *core, dr_site_id site);

/* The row has a new shape. */
void dr_place_shape_changed(struct dr_core *core, uint32_t shape_row);

/* More may be taken back in a pool (core/lent.h). */
void dr_place_risen(struct dr_core *core, dr_pool_id pool);

/* A reservation in the pool has come to its end: others may have one there. Until
 * dr_place_untouch(). */
void dr_place_unreserved(struct dr_core *core, dr_pool_id pool);

/* The same for a promise: who may share with nobody has its place kept free of others, from then
 * on. */
void dr_place_promise(struct dr_core *core, dr_job_row row, int sign);

/* A waiting job has reserved its place (sign 1), or gives it up: job->reservation. */
void dr_place_reserve(struct dr_core *core, dr_job_row row, int sign);

/* settings.reserve_depth has changed. */
void dr_place_depth(struct dr_core *core);

/* ---- asking ---- */

/* Make the spaces true. Everything below calls it; dr_decide() once. */
void dr_place_prepare(const struct dr_core *core);

/* Why a pool can't hold an alternative of a job, ever. */
enum dr_obstacle {
    DR_OBSTACLE_NONE,
    DR_OBSTACLE_REMOVED,   /* the pool has been removed */
    DR_OBSTACLE_CHIP,      /* other chips than the job takes */
    DR_OBSTACLE_SIZE,      /* a task fits no node, or the gang not all nodes together */
    DR_OBSTACLE_LEVEL,     /* no such level, or no domain of it is large enough */
    DR_OBSTACLE_SITE,      /* not among the job's sites */
    DR_OBSTACLE_PARTITION, /* of no partition that the job names */
    DR_OBSTACLE_LAW, /* the site may not host the data class: not listed, jurisdiction, assurance */
    DR_OBSTACLE_CONSENT, /* the owner has not let this account in */
    DR_OBSTACLE_DATA,    /* a dataset is not at the site, or the saved work lies at another */
};

/* What a job's placement depends on, put together once. */
struct dr_want {
    uint32_t shape;
    dr_account_id account;
    dr_site_id kept_at; /* 0: no saved work */
    uint32_t alternative;
    uint32_t tasks;
    uint32_t accelerators; /* per task, whole */
    uint32_t part;         /* of one accelerator, per task, thousandths; 0: none */
    int64_t cpus;          /* per task, thousandths */
    int64_t memory_mb;     /* per task */
    uint32_t tasks_per_node_max;
    uint8_t share;             /* enum dr_share: the strictest of its data classes */
    struct dr_amounts amounts; /* of the whole gang */
    const struct dr_window_set
        *barred; /* keep their nodes from it (core/window.h); NULL: none do */
};

struct dr_want dr_place_want(const struct dr_core *core, const struct dr_job *job,
                             uint32_t alternative);

/* What stands in the way there, whatever is free: bit = 1 << enum dr_obstacle; 0: feasible. The
 * shape need not be in the state: `want` has no row for it then. */
unsigned dr_place_obstacles(const struct dr_core *core, const struct dr_shape *shape,
                            const struct dr_want *want, dr_pool_id pool);

/* The same as one answer, from what is remembered per shape. */
int dr_place_feasible(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool);

/* A group that a job may run in: its first feasible pool there, for the first alternative that
 * leads to it. The group is that of the accelerators, or of CPUs for a job without. */
#define DR_PLACE_GROUPS_MAX 32
struct dr_place_group {
    dr_pool_id pool;
    uint32_t alternative;
    uint32_t of_shape; /* which of the groups of its shape this is (dr_place_groups_typical()) */
};

/* `groups` [DR_PLACE_GROUPS_MAX]; a job that fits more is judged in the first of them. Returns how
 * many; 0: no pool is feasible. */
uint32_t dr_place_groups(const struct dr_core *core, const struct dr_job *job,
                         struct dr_place_group *groups);

/* The same of a shape alone, leaving consent and saved work aside. */
uint32_t dr_place_groups_of_shape(const struct dr_core *core, uint32_t shape_row,
                                  struct dr_place_group *groups);

/* Are the groups of all jobs of the shape some of these? Not where there may be more of them. */
int dr_place_groups_typical(const struct dr_core *core, uint32_t shape_row);

/* Do these groups tell of every pool that the job may run in? Not where there may be more of them,
 * or where pools of one group of accelerators are in several of CPUs or memory. */
int dr_place_groups_tell(const struct dr_core *core, uint32_t count);

/* Which of them a pool is in, by one way to run the job; DR_ROW_NONE: in none. */
uint32_t dr_place_group_of(const struct dr_core *core, const struct dr_place_group *groups,
                           uint32_t count, dr_pool_id pool, uint32_t alternative);

/* What a shape asks of a placement, before it is a job. */
struct dr_want dr_place_want_of(const struct dr_core *core, const struct dr_shape *shape,
                                dr_account_id account, uint32_t alternative);

/* The parts that a place may have: a node each, or with shares an accelerator each. */
uint32_t dr_place_parts_max(const struct dr_core *core, const struct dr_want *want,
                            dr_pool_id pool);

/* A place that is free now, by the rule above. `extents` [dr_place_parts_max()] is filled in the
 * order of node numbers. Returns how many; 0: there is none. */
uint32_t dr_place_find(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                       struct dr_extent *extents);

/* The same beside all that is reserved in the pool, were it taken already. */
uint32_t dr_place_find_beside(const struct dr_core *core, const struct dr_want *want,
                              dr_pool_id pool, struct dr_extent *extents);

/* Are there pools among those that it may use in which a reservation more may be given? */
int dr_place_reservable(const struct dr_core *core, const struct dr_want *want);

/* How many reservations that is. */
uint32_t dr_place_reserved_count(const struct dr_core *core, dr_pool_id pool);

/* Do data classes, the job's and those of attempts near it, let these parts be taken now? What is
 * free in a space is so by itself; this is for a place that was promised earlier. */
int dr_place_may_share(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                       const struct dr_extent *extents, uint32_t count);

/* The pools that may hold a job now: feasible, with enough accelerators free in sum and on some
 * node (in a view too), from the one with the least bound of cost up. What is left out can't hold
 * it; what is met may still have too little room. Bounds never fall on the way, and no place in the
 * pool costs less than its bound; so a search may stop once a bound is above the best that it has.
 * `opened`: only those that were opened since the last decision. */
struct dr_place_walk {
    const struct dr_core *core;
    uint64_t left[DR_POOLS_MAX / 64];   /* by rank */
    uint64_t beside[DR_POOLS_MAX / 64]; /* those that may hold it beside all that is reserved */
    uint32_t words;
    uint32_t word;
    int64_t span_us;
    int64_t accelerators; /* of the gang, thousandths */
};
void dr_place_walk(const struct dr_core *core, const struct dr_want *want, int64_t limit_us,
                   int opened, struct dr_place_walk *walk);
int dr_place_walk_next(struct dr_place_walk *walk, dr_pool_id *pool, int64_t *bound_micro);

/* May the pool hold it beside all that is reserved there? */
int dr_place_walk_beside(const struct dr_place_walk *walk, dr_pool_id pool);

/* Upper bound of the tasks that are free for it in the pool; exact where CPUs, memory and data
 * classes leave no doubt. Cheap: no node is looked at. */
uint64_t dr_place_room(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool);

/* The same beside all that is reserved there. */
uint64_t dr_place_room_beside(const struct dr_core *core, const struct dr_want *want,
                              dr_pool_id pool);

/* Tasks of the gang that the best domain of the required level could hold now; without a required
 * level, the pool. Walks the pool's nodes: for explanations. */
uint64_t dr_place_largest(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool);

/* The same, were things otherwise: bits. Walks all nodes of the pool. */
#define DR_PLACE_IF_UP       1u /* every node were up */
#define DR_PLACE_IF_EMPTY    2u /* nobody held anything */
#define DR_PLACE_IF_OPEN     4u /* no data class kept anybody from a node that others hold */
#define DR_PLACE_IF_ANYWHERE 8u /* no level were required */
uint64_t dr_place_largest_if(const struct dr_core *core, const struct dr_want *want,
                             dr_pool_id pool, unsigned conditions);

/* Are all nodes of the pool up, but for those that leave? */
int dr_place_all_up(const struct dr_core *core, dr_pool_id pool);

/* Tasks of the gang that one empty node takes. */
uint32_t dr_place_tasks_per_node(const struct dr_core *core, const struct dr_want *want,
                                 dr_pool_id pool);

/* How long it would run at most, for its cost: the limit at the way's factor, a year at most. */
int64_t dr_place_span_us(const struct dr_core *core, const struct dr_want *want, int64_t limit_us);

/* Money: run and energy of `limit_us` on this pool from `now_us`, micro-units. A lower bound of the
 * cost of any place there. */
int64_t dr_place_cost(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                      int64_t limit_us, int64_t now_us);

/* For a flexible job with a deadline and no reservation: a later start, within a day, by which it
 * still meets that with a margin (dr_power_latest_us()), and at which energy costs less than now
 * and least, in the pool that would be its cheapest now if all were free (ties: way, pool); 0:
 * there is none. The earliest of several. `pool`: that one, where there is. */
int64_t dr_place_cheaper_us(const struct dr_core *core, const struct dr_job *job, int64_t now_us,
                            dr_pool_id *pool);

/* And of a place: each domain of the preferred level beyond the least possible, at its price. */
int64_t dr_place_span_cost(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                           const struct dr_extent *extents, uint32_t count);

/* Is anything known of what comes, so that places differ in what they break? */
int dr_place_mixed(const struct dr_core *core);

/* What a place breaks: the rise of expected unusable accelerators (core/breakage.h), in thousandths
 * times 2^20; negative where it takes what was of little use. 0 for a gang on several nodes, and
 * while nothing is known of what comes. Before the place is taken. */
int64_t dr_place_breakage(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                          const struct dr_extent *extents, uint32_t count);

/* Its price: for the time that jobs hold accelerators on average, at the chip's opportunity price;
 * never below 0. */
int64_t dr_place_breakage_cost(const struct dr_core *core, dr_pool_id pool, int64_t rise);

/* Watts by which a cap of the site or its zone would be passed if the place were taken from
 * one instant until another, in a view too; 0: all stay under. What is promised to the job counts
 * already: ask with no extents then. `lack`: whose cap, and when; NULL:
 * not asked. See core/power.h. */
struct dr_power_lack;
int64_t dr_place_power_missing(const struct dr_core *core, const struct dr_want *want,
                               dr_pool_id pool, const struct dr_extent *extents, uint32_t count,
                               int64_t from_us, int64_t until_us, struct dr_power_lack *lack);

/* When caps that begin after an instant would leave too little power first, whatever it took there,
 * if it lacks none at that; INT64_MAX: never. */
int64_t dr_place_powered_us(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                            int64_t now_us);

/* Would it lack power wherever in the pool it took what is free there? */
int dr_place_power_lacks(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                         int64_t from_us, int64_t until_us);

/* The attempts that hold places in a pool, in no order: first, and next after a job's row. */
uint32_t dr_place_attempts(const struct dr_core *core, dr_pool_id pool);
uint32_t dr_place_attempts_next(const struct dr_core *core, uint32_t job_row);

/* The same for the attempts of an account itself, not of those below it. */
uint32_t dr_place_attempts_of(const struct dr_core *core, dr_account_id account);
uint32_t dr_place_attempts_of_next(const struct dr_core *core, uint32_t job_row);

/* How many, and how many of them have been told to leave. */
uint32_t dr_place_attempts_count(const struct dr_core *core, dr_pool_id pool);
uint32_t dr_place_leaving_count(const struct dr_core *core, dr_pool_id pool);

/* An attempt that holds its place has been told to leave. */
void dr_place_leaves(struct dr_core *core, dr_pool_id pool);

/* Accelerators that are wholly free in the pool, in a view too. */
int64_t dr_place_free(const struct dr_core *core, dr_pool_id pool);

/* Nodes that leave the federation and hold nothing any more: the first such row, or DR_ROW_NONE. */
uint32_t dr_place_emptied(const struct dr_core *core);

/* ---- views: change a space in thought ---- */

/* As if the attempt had left; as if the place were taken; undo both for one list of extents. */
void dr_place_view_release(struct dr_core *core, uint32_t job_row);
/* The reverse of dr_place_view_release(). */
void dr_place_view_retake(struct dr_core *core, uint32_t job_row);
void dr_place_view_take(struct dr_core *core, const struct dr_want *want,
                        const struct dr_extent *extents, uint32_t count);
/* As if the parts were kept from everybody: their accelerators, CPUs and memory. To be undone,
 * after everything that was released on the way has been taken again. */
void dr_place_view_block(struct dr_core *core, const struct dr_alternative *alternative,
                         uint32_t first_extent_row);
void dr_place_view_undo(struct dr_core *core, uint32_t first_extent_row);

/* Is everything that the space says equal to a space built afresh? For tests. */
int dr_place_consistent(const struct dr_core *core);

#endif
