/* SPDX-License-Identifier: Apache-2.0 */
/* Spaces of pools, and the search in them. See place.h; read struct space, then dr_place_find(). */
#include "core/place.h"

#include "base/hash.h"
#include "base/math.h"
#include "base/sort.h"

#define NONE           DR_ROW_NONE
#define TIER_NONE      255 /* the node takes nothing: not up, or leaving */
#define CPU_TIERS      8   /* of pools without accelerators: eighths of a node's CPUs, rounded up */
#define MEMORY_SLOTS   4096
#define POOL_WORDS     (DR_POOLS_MAX / 64)
#define MARGIN_YEAR_US (366 * DR_DAY_US)

/* What one node has to give. */
struct room {
    uint64_t free;    /* accelerators */
    uint64_t blocked; /* of them, kept from everybody in a view */
    int64_t cpus;     /* blocked ones are taken off already */
    int64_t memory_mb;
    uint8_t usable;
    uint8_t empty;            /* nothing is held or promised there */
    dr_account_id guard;      /* the account that it is given to alone; 0: nobody */
    uint16_t guards_of_node;  /* attempts there whose class shares no node */
    uint16_t guards_of_block; /* ... and no block */
    uint16_t pledges_of_node;
    uint16_t pledges_of_block;
};

struct domain {
    uint32_t shorts;     /* usable nodes with less than their share of CPUs or memory free */
    uint32_t busy;       /* nodes that are not empty */
    uint32_t guards;     /* of blocks */
    dr_account_id guard; /* whose */
    uint32_t pledges;
};

/* The space of one pool. Nodes by number; level levels_count is the pool itself, one domain. */
struct space {
    uint32_t nodes;
    uint32_t words; /* of one bitmap */
    uint32_t tiers; /* of free capacity, 0 to tiers - 1 */
    uint32_t levels;
    uint32_t size[DR_LEVELS_MAX + 1];      /* nodes per domain */
    uint32_t domains[DR_LEVELS_MAX + 1];   /* how many */
    uint32_t live_most[DR_LEVELS_MAX + 1]; /* nodes not leaving in the largest domain */
    uint32_t *counts[DR_LEVELS_MAX + 1];   /* [domains][tiers] usable nodes */
    struct domain *about[DR_LEVELS_MAX + 1];
    uint64_t *bits; /* [tiers][words] usable nodes of that tier */
    uint8_t *tier;  /* [nodes] */
    struct room *rooms;
    uint32_t *rows; /* [nodes] of core->nodes */
    uint64_t all;   /* accelerators of a node */
    int64_t cpus;
    int64_t memory_mb;
    uint32_t guards; /* attempts with a guard, node by node */
};

/* Attempts of one account that no other may be near, per node row. */
struct guard {
    dr_account_id account;
    uint16_t of_node;
    uint16_t of_block;
    uint16_t pledges_of_node;
    uint16_t pledges_of_block;
};

struct memory {
    uint64_t version;
    uint64_t hash;
    uint32_t shape;
    uint64_t pools[DR_ALTERNATIVES_MAX][POOL_WORDS];
};

struct dr_places {
    struct dr_arena arena; /* the spaces */
    uint64_t version;      /* core->federation_version that they were built for */
    uint8_t built;
    struct space *spaces;    /* [pools_max] */
    struct guard *guards;    /* [nodes_max] */
    int32_t *watts;          /* [nodes_max] IT draw that a node adds to its site */
    int64_t *site_w;         /* [DR_SITES_MAX] */
    uint32_t *attempts;      /* [pools_max] first attempt of a pool */
    uint32_t *next;          /* [jobs_max] */
    uint32_t *previous;      /* [jobs_max] */
    uint32_t *leaving;       /* [nodes_max] rows of nodes that leave the federation, in no order */
    uint32_t *leaving_place; /* [nodes_max] */
    uint32_t leaving_count;
    struct memory *memories; /* [MEMORY_SLOTS] */
    uint8_t *touched;        /* [pools_max] something was freed there since the last decision */
    int32_t priority_lowest; /* of attempts since the index was built */
};

enum dr_status dr_place_open(struct dr_core *core)
{
    const struct dr_limits *limits = &core->limits;
    struct dr_places *places = dr_arena_push(&core->tables, 1, sizeof *places);

    if (places == NULL)
        return DR_E_FULL;
    /* Worst: 4 levels of single-node domains, and 65 tiers. */
    if (dr_arena_init(&places->arena,
                      (size_t)limits->nodes_max * (sizeof(struct room) + 512 + 4 * 65 * 5) +
                          ((size_t)limits->pools_max << 14)) != DR_OK)
        return DR_E_FULL;
#define TABLE(field, count)                                                       \
    places->field = dr_arena_push(&core->tables, count, sizeof places->field[0]); \
    if (places->field == NULL)                                                    \
    return DR_E_FULL
    TABLE(spaces, limits->pools_max);
    TABLE(guards, limits->nodes_max);
    TABLE(watts, limits->nodes_max);
    TABLE(site_w, DR_SITES_MAX);
    TABLE(attempts, limits->pools_max);
    TABLE(next, limits->jobs_max);
    TABLE(previous, limits->jobs_max);
    TABLE(leaving, limits->nodes_max);
    TABLE(leaving_place, limits->nodes_max);
    TABLE(touched, limits->pools_max);
    TABLE(memories, MEMORY_SLOTS);
#undef TABLE
    core->places = places;
    dr_place_index(core);
    return DR_OK;
}

void dr_place_close(struct dr_core *core)
{
    if (core->places != NULL)
        dr_arena_deinit(&core->places->arena);
}

void dr_place_index(struct dr_core *core)
{
    struct dr_places *places = core->places;

    places->built = 0;
    dr_place_touch_all(core);
    places->priority_lowest = INT32_MAX;
    for (uint32_t i = 0; i < core->limits.pools_max; i += 1)
        places->attempts[i] = NONE;
    for (uint32_t i = 0; i < core->nodes_count; i += 1)
        places->guards[i] = (struct guard){0};
}

int dr_place_touched(const struct dr_core *core, dr_pool_id pool)
{
    return core->places->touched[pool.v - 1];
}

void dr_place_untouch(struct dr_core *core)
{
    memset(core->places->touched, 0, core->limits.pools_max);
}

void dr_place_touch_all(struct dr_core *core)
{
    memset(core->places->touched, 1, core->limits.pools_max);
}

/* ---- keeping a space ---- */

static uint8_t tier_of(const struct space *space, const struct room *room)
{
    if (!room->usable)
        return TIER_NONE;
    if (space->all != 0)
        return (uint8_t)dr_bit_count(room->free & ~room->blocked);
    if (room->cpus <= 0 || space->cpus == 0)
        return 0;
    return (uint8_t)((room->cpus * CPU_TIERS + space->cpus - 1) / space->cpus);
}

/* Less than its share of CPUs or memory per free accelerator: amounts alone don't tell then. */
static int is_short(const struct space *space, const struct room *room)
{
    int64_t all = dr_bit_count(space->all);
    int64_t free = dr_bit_count(room->free & ~room->blocked);

    return room->usable && (room->cpus * all < free * space->cpus ||
                            room->memory_mb * all < free * space->memory_mb);
}

/* Take a node's part in all sums in (sign 1) or out (-1). */
static void count_node(struct space *space, uint32_t number, int sign)
{
    const struct room *room = &space->rooms[number];
    uint8_t tier = space->tier[number];
    uint32_t lacks = (uint32_t)is_short(space, room);

    space->guards += (uint32_t)(sign * (room->guards_of_node + room->guards_of_block +
                                        room->pledges_of_node + room->pledges_of_block));
    if (tier != TIER_NONE) {
        uint64_t *word = &space->bits[(size_t)tier * space->words + number / 64];
        uint64_t bit = UINT64_C(1) << (number % 64);

        *word = sign > 0 ? *word | bit : *word & ~bit;
    }
    for (uint32_t level = 0; level <= space->levels; level += 1) {
        uint32_t at = number / space->size[level];
        struct domain *domain = &space->about[level][at];

        if (tier != TIER_NONE)
            space->counts[level][(size_t)at * space->tiers + tier] += (uint32_t)sign;
        domain->shorts += (uint32_t)(sign * (int)lacks);
        domain->busy += (uint32_t)(sign * !room->empty);
        domain->guards += (uint32_t)(sign * room->guards_of_block);
        if (sign > 0 && room->guards_of_block > 0)
            domain->guard = room->guard;
        domain->pledges += (uint32_t)(sign * room->pledges_of_block);
    }
}

static void set_room(struct space *space, uint32_t number, const struct room *room)
{
    count_node(space, number, -1);
    space->rooms[number] = *room;
    space->tier[number] = tier_of(space, room);
    count_node(space, number, 1);
}

static struct room true_room(const struct dr_core *core, uint32_t row)
{
    const struct dr_node *node = &core->nodes[row];
    const struct dr_pool *pool = &core->pools[node->pool.v - 1];
    const struct guard *guard = &core->places->guards[row];
    uint64_t all = core->places->spaces[node->pool.v - 1].all;

    return (struct room){
        .free = all & ~(node->busy | node->promised),
        .cpus = (int64_t)pool->cpus - node->cpus_used,
        .memory_mb = pool->memory_mb - node->memory_mb_used,
        .usable = dr_node_up(core, node) && !node->removing && !pool->removed,
        .empty = (node->busy | node->promised) == 0 && node->tasks == 0 && node->cpus_used == 0 &&
                 node->memory_mb_used == 0,
        .guard = guard->account,
        .guards_of_node = guard->of_node,
        .guards_of_block = guard->of_block,
        .pledges_of_node = guard->pledges_of_node,
        .pledges_of_block = guard->pledges_of_block,
    };
}

/* What the node draws, its accelerators included, before PUE. */
static int32_t draw_of(const struct dr_core *core, uint32_t row)
{
    const struct dr_node *node = &core->nodes[row];
    const struct dr_pool *pool = &core->pools[node->pool.v - 1];
    int64_t watts = pool->node_idle_w;

    if (node->down || node->removed)
        return 0;
    if (pool->chip.v != 0) {
        const struct dr_chip *chip = &core->chips[pool->chip.v - 1];

        watts += (int64_t)pool->accelerators * chip->idle_w +
                 (int64_t)dr_bit_count(node->busy | node->promised) * (chip->busy_w - chip->idle_w);
    }
    return (int32_t)watts;
}

static void count_watts(const struct dr_core *core, uint32_t row)
{
    struct dr_places *places = core->places;
    const struct dr_pool *pool = &core->pools[core->nodes[row].pool.v - 1];
    int32_t watts = draw_of(core, row);

    places->site_w[pool->site.v - 1] += watts - places->watts[row];
    places->watts[row] = watts;
}

static void count_leaving(const struct dr_core *core, uint32_t row)
{
    struct dr_places *places = core->places;
    const struct dr_node *node = &core->nodes[row];
    int leaves = node->removing && !node->removed;
    uint32_t place = places->leaving_place[row];

    if (leaves && place == 0) {
        places->leaving[places->leaving_count] = row;
        places->leaving_count += 1;
        places->leaving_place[row] = places->leaving_count;
    } else if (!leaves && place != 0) {
        uint32_t last = places->leaving[places->leaving_count - 1];

        places->leaving[place - 1] = last;
        places->leaving_place[last] = place;
        places->leaving_place[row] = 0;
        places->leaving_count -= 1;
    }
}

void dr_place_changed(struct dr_core *core, uint32_t node_row)
{
    struct dr_places *places = core->places;
    const struct dr_node *node = &core->nodes[node_row];
    struct room room;

    if (!places->built || places->version != core->federation_version)
        return; /* all of it is built again when next asked */
    room = true_room(core, node_row);
    set_room(&places->spaces[node->pool.v - 1], node->number, &room);
    count_watts(core, node_row);
    count_leaving(core, node_row);
}

static void *take(struct dr_places *places, size_t count, size_t bytes)
{
    void *rows = dr_arena_push(&places->arena, count, bytes);

    DR_ASSERT(rows != NULL); /* sized for the worst at open */
    memset(rows, 0, count * bytes);
    return rows;
}

static void build_space(const struct dr_core *core, uint32_t pool_row)
{
    struct dr_places *places = core->places;
    const struct dr_pool *pool = &core->pools[pool_row];
    struct space *space = &places->spaces[pool_row];
    uint32_t number = 0;

    *space =
        (struct space){.nodes = pool->nodes_count,
                       .words = pool->nodes_count / 64 + 1,
                       .tiers = pool->accelerators == 0 ? CPU_TIERS + 1 : pool->accelerators + 1,
                       .levels = pool->levels_count,
                       .cpus = pool->cpus,
                       .memory_mb = pool->memory_mb};
    if (pool->accelerators > 0)
        space->all = UINT64_MAX >> (64 - pool->accelerators);
    for (uint32_t level = 0; level <= space->levels; level += 1) {
        space->size[level] = level < space->levels ? pool->levels[level].nodes : pool->nodes_count;
        if (space->size[level] == 0)
            space->size[level] = 1;
        space->domains[level] = pool->nodes_count / space->size[level] + 1;
        space->counts[level] =
            take(places, (size_t)space->domains[level] * space->tiers, sizeof(uint32_t));
        space->about[level] = take(places, space->domains[level], sizeof(struct domain));
    }
    space->bits = take(places, (size_t)space->tiers * space->words, sizeof(uint64_t));
    space->tier = take(places, space->nodes + 1u, 1);
    space->rooms = take(places, space->nodes + 1u, sizeof(struct room));
    space->rows = take(places, space->nodes + 1u, sizeof(uint32_t));
    for (uint32_t i = 0; i < pool->ranges_count; i += 1)
        for (uint32_t k = 0; k < pool->ranges[i].count; k += 1, number += 1) {
            uint32_t row = pool->ranges[i].row + k;

            DR_ASSERT(core->nodes[row].number == number);
            space->rows[number] = row;
            space->rooms[number] = true_room(core, row);
            space->tier[number] = tier_of(space, &space->rooms[number]);
            count_node(space, number, 1);
            places->watts[row] = 0;
            count_watts(core, row);
            count_leaving(core, row);
        }
    DR_ASSERT(number == space->nodes);
    for (uint32_t level = 0; level <= space->levels; level += 1)
        for (uint32_t domain = 0; domain < space->domains[level]; domain += 1) {
            uint32_t live = 0;

            for (uint32_t i = domain * space->size[level];
                 i < space->nodes && i < (domain + 1) * space->size[level]; i += 1)
                live +=
                    !core->nodes[space->rows[i]].removed && !core->nodes[space->rows[i]].removing;
            if (live > space->live_most[level])
                space->live_most[level] = live;
        }
}

void dr_place_prepare(const struct dr_core *core)
{
    struct dr_places *places = core->places;

    if (places->built && places->version == core->federation_version)
        return;
    memset(places->touched, 1, core->limits.pools_max);
    dr_arena_reset(&places->arena, 0);
    memset(places->site_w, 0, DR_SITES_MAX * sizeof places->site_w[0]);
    for (uint32_t i = 0; i < core->nodes_count; i += 1)
        places->leaving_place[i] = 0;
    places->leaving_count = 0;
    places->version = core->federation_version;
    for (uint32_t row = 0; row < core->pools_count; row += 1)
        build_space(core, row);
    places->built = 1;
}

/* ---- attempts ---- */

static uint8_t share_of(const struct dr_core *core, const struct dr_shape *shape)
{
    uint8_t share = DR_SHARE_ACCELERATOR;

    if (shape->data_class.v != 0)
        share = core->classes[shape->data_class.v - 1].share;
    for (uint32_t i = 0; i < shape->datasets_count; i += 1) {
        dr_class_id class = core->datasets[shape->datasets[i] - 1].data_class;

        if (class.v != 0 && core->classes[class.v - 1].share > share)
            share = core->classes[class.v - 1].share;
    }
    return share;
}

void dr_place_attempt(struct dr_core *core, dr_job_row row, int sign)
{
    struct dr_places *places = core->places;
    const struct dr_job *job = dr_job_at(core, row);
    uint32_t *first = &places->attempts[job->pool.v - 1];
    uint8_t share = share_of(core, &core->shapes[job->shape]);

    if (sign > 0) {
        if (job->priority < places->priority_lowest)
            places->priority_lowest = job->priority;
        places->next[row.v] = *first;
        places->previous[row.v] = NONE;
        if (*first != NONE)
            places->previous[*first] = row.v;
        *first = row.v;
    } else {
        places->touched[job->pool.v - 1] = 1;
        if (places->previous[row.v] == NONE)
            *first = places->next[row.v];
        else
            places->next[places->previous[row.v]] = places->next[row.v];
        if (places->next[row.v] != NONE)
            places->previous[places->next[row.v]] = places->previous[row.v];
    }
    for (uint32_t at = job->extents; at != NONE; at = core->extents[at].next) {
        uint32_t node = core->extents[at].extent.node.v - 1;
        struct guard *guard = &places->guards[node];

        if (share == DR_SHARE_BLOCK)
            guard->of_node = (uint16_t)(guard->of_node + sign);
        if (share == DR_SHARE_NONE)
            guard->of_block = (uint16_t)(guard->of_block + sign);
        if (guard->of_node + guard->of_block == 0)
            guard->account.v = 0;
        else if (share >= DR_SHARE_BLOCK && sign > 0)
            guard->account = job->account;
        if (share >= DR_SHARE_BLOCK)
            dr_place_changed(core, node);
    }
}

void dr_place_promise(struct dr_core *core, dr_job_row row, int sign)
{
    const struct dr_job *job = dr_job_at(core, row);
    uint8_t share = share_of(core, &core->shapes[job->shape]);

    for (uint32_t at = job->promise; share >= DR_SHARE_BLOCK && at != NONE;
         at = core->extents[at].next) {
        uint32_t node = core->extents[at].extent.node.v - 1;
        struct guard *guard = &core->places->guards[node];

        if (share == DR_SHARE_BLOCK)
            guard->pledges_of_node = (uint16_t)(guard->pledges_of_node + sign);
        else
            guard->pledges_of_block = (uint16_t)(guard->pledges_of_block + sign);
        dr_place_changed(core, node);
    }
}

int32_t dr_place_priority_lowest(const struct dr_core *core)
{
    return core->places->priority_lowest;
}

int64_t dr_place_free(const struct dr_core *core, dr_pool_id pool)
{
    const struct space *space;
    int64_t free = 0;

    dr_place_prepare(core);
    space = &core->places->spaces[pool.v - 1];
    for (uint32_t tier = 1; space->all != 0 && tier < space->tiers; tier += 1)
        free += (int64_t)space->counts[space->levels][tier] * tier;
    return free;
}

uint32_t dr_place_attempts(const struct dr_core *core, dr_pool_id pool)
{
    return core->places->attempts[pool.v - 1];
}

uint32_t dr_place_attempts_next(const struct dr_core *core, uint32_t job_row)
{
    return core->places->next[job_row];
}

uint32_t dr_place_emptied(const struct dr_core *core)
{
    const struct dr_places *places = core->places;
    uint32_t found = NONE;

    for (uint32_t i = 0; i < places->leaving_count; i += 1) {
        const struct dr_node *node = &core->nodes[places->leaving[i]];

        if (node->busy == 0 && node->promised == 0 && node->tasks == 0 &&
            places->leaving[i] < found)
            found = places->leaving[i];
    }
    return found;
}

/* ---- feasible ---- */

struct dr_want dr_place_want(const struct dr_core *core, const struct dr_job *job,
                             uint32_t alternative)
{
    const struct dr_shape *shape = &core->shapes[job->shape];
    const struct dr_alternative *way = &shape->alternatives[alternative];

    return (struct dr_want){
        .shape = job->shape,
        .account = job->account,
        .kept_at = job->kept_us > 0 && job->pool.v != 0 ? core->pools[job->pool.v - 1].site
                                                        : (dr_site_id){0},
        .alternative = alternative,
        .tasks = way->tasks,
        .accelerators = way->accelerators_per_task / 1000,
        .cpus = way->cpus_per_task,
        .memory_mb = way->memory_mb_per_task,
        .tasks_per_node_max = way->tasks_per_node_max,
        .share = share_of(core, shape),
        .amounts = dr_alternative_amounts(way),
    };
}

/* Tasks that a node with so much free takes. */
static uint32_t tasks_in(const struct dr_want *want, uint32_t accelerators, int64_t cpus,
                         int64_t memory_mb)
{
    int64_t tasks = want->tasks;

    if (want->tasks_per_node_max != 0)
        tasks = dr_min_i64(tasks, want->tasks_per_node_max);
    if (want->accelerators != 0)
        tasks = dr_min_i64(tasks, accelerators / want->accelerators);
    if (want->cpus != 0)
        tasks = dr_min_i64(tasks, cpus / want->cpus);
    if (want->memory_mb != 0)
        tasks = dr_min_i64(tasks, memory_mb / want->memory_mb);
    return tasks < 0 ? 0 : (uint32_t)tasks;
}

static uint32_t tasks_when_empty(const struct dr_want *want, const struct space *space)
{
    return tasks_in(want, dr_bit_count(space->all), space->cpus, space->memory_mb);
}

#define LEVEL_NODE    (-1)
#define LEVEL_MISSING (-2)

/* The level of that name: the node, one of the pool's, or the pool (levels_count). */
static int level_named(const struct dr_pool *pool, const char *name)
{
    if (strcmp(name, "node") == 0)
        return LEVEL_NODE;
    if (strcmp(name, "pool") == 0)
        return (int)pool->levels_count;
    for (uint32_t level = 0; level < pool->levels_count; level += 1)
        if (strcmp(pool->levels[level].name, name) == 0)
            return (int)level;
    return LEVEL_MISSING;
}

static int law_allows(const struct dr_core *core, dr_class_id class, const struct dr_site *site)
{
    const struct dr_data_class *about;

    if (class.v == 0)
        return 1;
    about = &core->classes[class.v - 1];
    if (((site->classes >> (class.v - 1)) & 1) == 0 || site->assurance < about->assurance_min)
        return 0;
    for (uint32_t i = 0; i < about->jurisdictions_count; i += 1)
        if (strcmp(about->jurisdictions[i].text, site->jurisdiction) == 0)
            return 1;
    return about->jurisdictions_count == 0;
}

/* What depends on the shape alone. */
static enum dr_obstacle shape_obstacle(const struct dr_core *core, const struct dr_shape *shape,
                                       const struct dr_want *want, dr_pool_id pool)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];
    const struct dr_site *site = &core->sites[where->site.v - 1];
    const struct space *space = &core->places->spaces[pool.v - 1];
    uint64_t chips = shape->alternatives[want->alternative].chips;
    uint64_t fit;

    if (where->removed || site->removed)
        return DR_OBSTACLE_REMOVED;
    if (where->chip.v == 0 ? chips != 0 || want->accelerators != 0
                           : chips != 0 && ((chips >> (where->chip.v - 1)) & 1) == 0)
        return DR_OBSTACLE_CHIP;
    fit = tasks_when_empty(want, space);
    if (fit * space->live_most[space->levels] < want->tasks)
        return DR_OBSTACLE_SIZE;
    if (shape->level_kind == 2) {
        int level = level_named(where, shape->level);

        if (level == LEVEL_MISSING)
            return DR_OBSTACLE_LEVEL;
        if ((level == LEVEL_NODE ? fit : fit * space->live_most[level]) < want->tasks)
            return DR_OBSTACLE_LEVEL;
    }
    if (!dr_site_set_empty(&shape->sites) && !dr_site_set_has(&shape->sites, where->site.v - 1))
        return DR_OBSTACLE_SITE;
    if (!law_allows(core, shape->data_class, site))
        return DR_OBSTACLE_LAW;
    for (uint32_t i = 0; i < shape->datasets_count; i += 1)
        if (!law_allows(core, core->datasets[shape->datasets[i] - 1].data_class, site))
            return DR_OBSTACLE_LAW;
    for (uint32_t i = 0; i < shape->datasets_count; i += 1)
        if (!dr_site_set_has(&core->datasets[shape->datasets[i] - 1].sites, where->site.v - 1))
            return DR_OBSTACLE_DATA;
    return DR_OBSTACLE_NONE;
}

static int consents(const struct dr_core *core, const struct dr_pool *pool, dr_account_id account)
{
    for (uint32_t i = 0; i < pool->consent_count; i += 1)
        if (dr_account_within(core, account, (dr_account_id){pool->consent[i]}))
            return 1;
    return pool->consent_count == 0;
}

/* What depends on the job besides. */
static enum dr_obstacle job_obstacle(const struct dr_core *core, const struct dr_want *want,
                                     dr_pool_id pool)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];

    if (!consents(core, where, want->account))
        return DR_OBSTACLE_CONSENT;
    if (want->kept_at.v != 0 && want->kept_at.v != where->site.v)
        return DR_OBSTACLE_DATA;
    return DR_OBSTACLE_NONE;
}

enum dr_obstacle dr_place_obstacle(const struct dr_core *core, const struct dr_want *want,
                                   dr_pool_id pool)
{
    enum dr_obstacle of_shape;
    enum dr_obstacle of_job;

    dr_place_prepare(core);
    of_shape = shape_obstacle(core, &core->shapes[want->shape], want, pool);
    of_job = job_obstacle(core, want, pool);
    if (of_shape == DR_OBSTACLE_NONE || (of_job != DR_OBSTACLE_NONE && of_job < of_shape))
        return of_job;
    return of_shape;
}

static const struct memory *remembered(const struct dr_core *core, const struct dr_want *want)
{
    const struct dr_shape *shape = &core->shapes[want->shape];
    struct memory *memory = &core->places->memories[dr_hash_u64(want->shape) % MEMORY_SLOTS];

    if (memory->version == core->federation_version + 1 && memory->shape == want->shape &&
        memory->hash == shape->hash)
        return memory;
    *memory = (struct memory){
        .version = core->federation_version + 1, .shape = want->shape, .hash = shape->hash};
    for (uint32_t i = 0; i < shape->alternatives_count; i += 1) {
        struct dr_want way = dr_place_want(
            core, &(struct dr_job){.shape = want->shape, .account = want->account}, i);

        for (uint32_t pool = 0; pool < core->pools_count; pool += 1)
            if (shape_obstacle(core, shape, &way, (dr_pool_id){pool + 1}) == DR_OBSTACLE_NONE)
                memory->pools[i][pool / 64] |= UINT64_C(1) << (pool % 64);
    }
    return memory;
}

int dr_place_feasible(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool)
{
    const struct memory *memory;

    dr_place_prepare(core);
    memory = remembered(core, want);
    return ((memory->pools[want->alternative][(pool.v - 1) / 64] >> ((pool.v - 1) % 64)) & 1) &&
           job_obstacle(core, want, pool) == DR_OBSTACLE_NONE;
}

uint32_t dr_place_groups(const struct dr_core *core, const struct dr_job *job,
                         struct dr_place_group *groups)
{
    const struct dr_shape *shape = &core->shapes[job->shape];
    uint32_t count = 0;

    dr_place_prepare(core);
    for (uint32_t i = 0; i < shape->alternatives_count; i += 1) {
        struct dr_want want = dr_place_want(core, job, i);
        const struct memory *memory = remembered(core, &want);
        enum dr_resource main = want.accelerators > 0 ? DR_RESOURCE_ACCELERATORS : DR_RESOURCE_CPUS;

        for (uint32_t word = 0; word < POOL_WORDS; word += 1)
            for (uint64_t rest = memory->pools[i][word]; rest != 0; rest &= rest - 1) {
                dr_pool_id pool = {word * 64 + dr_bit_lowest(rest) + 1};
                uint32_t group = core->pools[pool.v - 1].groups[main].v;
                uint32_t k = 0;

                while (k < count && (groups[k].alternative != i ||
                                     core->pools[groups[k].pool.v - 1].groups[main].v != group))
                    k += 1;
                if (k < count || job_obstacle(core, &want, pool) != DR_OBSTACLE_NONE)
                    continue;
                groups[count] = (struct dr_place_group){pool, i};
                count += 1;
                if (count == DR_PLACE_GROUPS_MAX)
                    return count;
            }
    }
    return count;
}

/* ---- the search ---- */

struct search {
    const struct dr_core *core;
    const struct dr_want *want;
    const struct dr_pool *pool;
    const struct space *space;
    uint32_t tasks_empty; /* of an empty node */
    int exact;            /* amounts per tier don't tell all: look at nodes */
    struct dr_extent *extents;
    uint32_t extents_count;
};

static int may_enter(const struct search *search, uint32_t number)
{
    const struct space *space = search->space;
    const struct room *room = &space->rooms[number];
    const struct domain *block;

    if (space->guards == 0 && search->want->share < DR_SHARE_BLOCK)
        return 1;
    block = &space->about[0][number / space->size[0]];
    if (room->guards_of_node > 0 && room->guard.v != search->want->account.v)
        return 0;
    if (block->guards > 0 && block->guard.v != search->want->account.v)
        return 0;
    /* Kept for the one that it was promised to: its own account's other jobs would spoil it too. */
    if (room->pledges_of_node > 0 || block->pledges > 0)
        return 0;
    if (search->want->share == DR_SHARE_NONE)
        return block->busy == 0 || block->guards > 0;
    if (search->want->share == DR_SHARE_BLOCK)
        return room->empty || room->guards_of_node > 0;
    return 1;
}

static uint32_t tasks_on(const struct search *search, uint32_t number)
{
    const struct room *room = &search->space->rooms[number];

    if (!room->usable || !may_enter(search, number))
        return 0;
    return tasks_in(search->want, dr_bit_count(room->free & ~room->blocked), room->cpus,
                    room->memory_mb);
}

/* Most tasks that a node of this tier can take. */
static uint32_t tasks_of_tier(const struct search *search, uint32_t tier)
{
    const struct space *space = search->space;

    if (space->all != 0)
        return tasks_in(search->want, tier, space->cpus, space->memory_mb);
    return tasks_in(search->want, 0, (int64_t)tier * space->cpus / CPU_TIERS, space->memory_mb);
}

static uint64_t tasks_bound(const struct search *search, uint32_t level, uint32_t domain)
{
    const struct space *space = search->space;
    const uint32_t *counts = &space->counts[level][(size_t)domain * space->tiers];
    uint64_t tasks = 0;

    for (uint32_t tier = 0; tier < space->tiers; tier += 1)
        if (counts[tier] != 0)
            tasks += (uint64_t)counts[tier] * tasks_of_tier(search, tier);
    return tasks;
}

static uint64_t left_in(const struct search *search, uint32_t level, uint32_t domain)
{
    const struct space *space = search->space;
    const uint32_t *counts = &space->counts[level][(size_t)domain * space->tiers];
    uint64_t left = 0;

    for (uint32_t tier = 1; tier < space->tiers; tier += 1)
        left += (uint64_t)counts[tier] * tier;
    return left;
}

static uint32_t last_of(const struct space *space, uint32_t level, uint32_t domain)
{
    uint32_t end = (domain + 1) * space->size[level];

    return end < space->nodes ? end : space->nodes;
}

/* Tasks that a domain takes. */
static uint64_t tasks_in_domain(const struct search *search, uint32_t level, uint32_t domain)
{
    const struct space *space = search->space;
    uint64_t tasks = tasks_bound(search, level, domain);
    uint32_t end = last_of(space, level, domain);

    if (tasks == 0 || (!search->exact && space->about[level][domain].shorts == 0))
        return tasks;
    tasks = 0;
    for (uint32_t number = domain * space->size[level]; number < end; number += 1)
        tasks += tasks_on(search, number);
    return tasks;
}

static void push_extent(struct search *search, uint32_t number, uint32_t tasks)
{
    const struct room *room = &search->space->rooms[number];
    uint32_t wanted = tasks * search->want->accelerators;
    uint64_t rest = room->free & ~room->blocked;
    uint64_t taken = 0;

    for (uint32_t i = 0; i < wanted; i += 1) {
        taken |= rest & -rest;
        rest &= rest - 1;
    }
    search->extents[search->extents_count] = (struct dr_extent){
        .node = {search->space->rows[number] + 1}, .tasks = tasks, .accelerators = taken};
    search->extents_count += 1;
}

/* The next usable node of a tier from `from` on, before `end`; `end`: none. */
static uint32_t next_of_tier(const struct space *space, uint32_t tier, uint32_t from, uint32_t end)
{
    const uint64_t *bits = &space->bits[(size_t)tier * space->words];

    while (from < end) {
        uint64_t word = bits[from / 64] >> (from % 64);

        if (word != 0) {
            from += dr_bit_lowest(word);
            return from < end ? from : end;
        }
        from = (from / 64 + 1) * 64;
    }
    return end;
}

/* The node in [from, end) that takes `tasks` and has least left over; NONE. Nodes of tiers above
 * `above`, and of that tier before number `before`, are taken already. */
static uint32_t best_node(const struct search *search, uint32_t from, uint32_t end, uint64_t tasks,
                          uint32_t above, uint32_t before)
{
    const struct space *space = search->space;

    for (uint32_t tier = 0; tier < space->tiers && tier <= above; tier += 1) {
        uint32_t at = tier == above && before > from ? before : from;

        if (tasks_of_tier(search, tier) < tasks)
            continue;
        for (at = next_of_tier(space, tier, at, end); at < end;
             at = next_of_tier(space, tier, at + 1, end))
            if (tasks_on(search, at) >= tasks)
                return at;
    }
    return NONE;
}

/* Fill nodes of [from, end), which hold them together: one that takes the rest, or the one with
 * most free, and again. */
static void fill_nodes(struct search *search, uint32_t from, uint32_t end, uint64_t tasks)
{
    const struct space *space = search->space;
    uint32_t tier = space->tiers - 1;
    uint32_t at = from;

    while (tasks > 0) {
        uint32_t taken;

        if (tasks <= search->tasks_empty) {
            uint32_t best = best_node(search, from, end, tasks, tier, at);

            if (best != NONE) {
                push_extent(search, best, (uint32_t)tasks);
                return;
            }
        }
        for (;;) {
            at = next_of_tier(space, tier, at, end);
            if (at < end)
                break;
            DR_ASSERT(tier > 0);
            tier -= 1;
            at = from;
        }
        taken = tasks_on(search, at);
        if (taken > tasks)
            taken = (uint32_t)tasks;
        if (taken > 0)
            push_extent(search, at, taken);
        tasks -= taken;
        at += 1;
    }
}

struct part {
    uint64_t tasks;
    uint32_t domain;
};

static int compare_parts(const void *a, const void *b, const void *context)
{
    const struct part *x = a;
    const struct part *y = b;

    (void)context;
    if (x->tasks != y->tasks)
        return x->tasks > y->tasks ? -1 : 1;
    return x->domain < y->domain ? -1 : 1;
}

/* The domains of the level below that lie in one domain and take something, largest first. */
static struct part *parts_of(const struct search *search, uint32_t level, uint32_t domain,
                             uint32_t *count)
{
    const struct space *space = search->space;
    uint32_t end = last_of(space, level, domain);
    uint32_t first = domain * space->size[level] / space->size[level - 1];
    uint32_t last = (end - 1) / space->size[level - 1];
    struct part *parts = dr_arena_push((struct dr_arena *)&search->core->scratch, last - first + 1u,
                                       sizeof parts[0]);

    DR_ASSERT(parts != NULL);
    *count = 0;
    for (uint32_t at = first; at <= last; at += 1) {
        uint64_t tasks = tasks_in_domain(search, level - 1, at);

        if (tasks > 0) {
            parts[*count] = (struct part){tasks, at};
            *count += 1;
        }
    }
    dr_sort(parts, *count, sizeof parts[0], compare_parts, NULL);
    return parts;
}

/* From `from` on: the part that takes `tasks` with least left over, and the lowest number. */
static uint32_t best_part(const struct part *parts, uint32_t from, uint32_t count, uint64_t tasks)
{
    uint32_t best = NONE;

    for (uint32_t i = from; i < count && parts[i].tasks >= tasks; i += 1)
        if (best == NONE || parts[i].tasks < parts[best].tasks)
            best = i;
    return best;
}

static uint32_t parts_needed(const struct part *parts, uint32_t count, uint64_t tasks)
{
    uint32_t needed = 0;

    while (tasks > 0) {
        DR_ASSERT(needed < count);
        tasks -= parts[needed].tasks < tasks ? parts[needed].tasks : tasks;
        needed += 1;
    }
    return needed;
}

/* Levels are few: the recursion is no deeper than DR_LEVELS_MAX + 1. */
static void fill(struct search *search, uint32_t level, uint32_t domain, uint64_t tasks)
{
    const struct space *space = search->space;
    struct dr_arena *scratch = (struct dr_arena *)&search->core->scratch;
    size_t mark = scratch->used;
    struct part *parts;
    uint32_t count;

    if (level == 0) {
        fill_nodes(search, domain * space->size[0], last_of(space, 0, domain), tasks);
        return;
    }
    parts = parts_of(search, level, domain, &count);
    for (uint32_t i = 0; tasks > 0; i += 1) {
        uint32_t best = best_part(parts, i, count, tasks);
        uint64_t taken;

        if (best != NONE) {
            fill(search, level - 1, parts[best].domain, tasks);
            break;
        }
        DR_ASSERT(i < count);
        taken = parts[i].tasks;
        fill(search, level - 1, parts[i].domain, taken);
        tasks -= taken;
    }
    dr_arena_reset(scratch, mark);
}

static struct search search_in(const struct dr_core *core, const struct dr_want *want,
                               dr_pool_id pool)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];
    const struct space *space = &core->places->spaces[pool.v - 1];
    struct search search = {.core = core, .want = want, .pool = where, .space = space};
    int64_t all = dr_bit_count(space->all);
    int64_t wanted = want->accelerators;

    search.tasks_empty = tasks_when_empty(want, space);
    /* A task that asks no more than its accelerators' share of CPUs and memory fits wherever they
     * are free, unless a node is short. */
    search.exact = wanted == 0 || space->guards > 0 || want->share >= DR_SHARE_BLOCK ||
                   want->cpus * all > wanted * space->cpus ||
                   want->memory_mb * all > wanted * space->memory_mb;
    return search;
}

static int compare_extents(const void *a, const void *b, const void *context)
{
    const struct dr_core *core = context;
    uint32_t x = core->nodes[((const struct dr_extent *)a)->node.v - 1].number;
    uint32_t y = core->nodes[((const struct dr_extent *)b)->node.v - 1].number;

    return x < y ? -1 : x > y;
}

/* The best domain of one level; NONE. */
static uint32_t best_domain(const struct search *search, uint32_t level)
{
    const struct space *space = search->space;
    struct dr_arena *scratch = (struct dr_arena *)&search->core->scratch;
    uint32_t best = NONE;
    uint32_t best_needed = 0;
    uint64_t best_left = 0;

    for (uint32_t domain = 0; domain < space->domains[level]; domain += 1) {
        uint32_t needed = 0;
        uint64_t left;

        if (tasks_bound(search, level, domain) < search->want->tasks ||
            tasks_in_domain(search, level, domain) < search->want->tasks)
            continue;
        if (level > 0 && level < space->levels) {
            size_t mark = scratch->used;
            uint32_t count;
            struct part *parts = parts_of(search, level, domain, &count);

            needed = parts_needed(parts, count, search->want->tasks);
            dr_arena_reset(scratch, mark);
        }
        left = left_in(search, level, domain);
        if (best == NONE || needed < best_needed || (needed == best_needed && left < best_left)) {
            best = domain;
            best_needed = needed;
            best_left = left;
        }
    }
    return best;
}

static int level_required(const struct dr_core *core, const struct dr_want *want,
                          const struct dr_pool *pool)
{
    const struct dr_shape *shape = &core->shapes[want->shape];

    return shape->level_kind == 2 ? level_named(pool, shape->level) : (int)pool->levels_count;
}

uint32_t dr_place_find(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                       struct dr_extent *extents)
{
    struct search search;
    const struct space *space;
    int highest;

    dr_place_prepare(core);
    search = search_in(core, want, pool);
    space = search.space;
    search.extents = extents;
    highest = level_required(core, want, search.pool);
    if (highest == LEVEL_MISSING || space->nodes == 0 ||
        tasks_bound(&search, space->levels, 0) < want->tasks)
        return 0;
    if (want->tasks <= search.tasks_empty) {
        uint32_t node = best_node(&search, 0, space->nodes, want->tasks, space->tiers - 1, 0);

        if (node != NONE) {
            push_extent(&search, node, want->tasks);
            return 1;
        }
    }
    for (int level = 0; level <= highest; level += 1) {
        uint32_t domain = best_domain(&search, (uint32_t)level);

        if (domain == NONE)
            continue;
        fill(&search, (uint32_t)level, domain, want->tasks);
        dr_sort(extents, search.extents_count, sizeof extents[0], compare_extents, core);
        return search.extents_count;
    }
    return 0;
}

int dr_place_may_share(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                       const struct dr_extent *extents, uint32_t count)
{
    const struct space *space;

    dr_place_prepare(core);
    space = &core->places->spaces[pool.v - 1];
    for (uint32_t i = 0; i < count; i += 1) {
        uint32_t number = core->nodes[extents[i].node.v - 1].number;
        uint32_t block = number / space->size[0];
        /* Of the block where that matters, else of the node alone. */
        uint32_t from = want->share == DR_SHARE_NONE ? block * space->size[0] : number;
        uint32_t end = want->share == DR_SHARE_NONE ? last_of(space, 0, block) : number + 1;

        if (space->rooms[number].guards_of_node > 0 &&
            space->rooms[number].guard.v != want->account.v)
            return 0;
        if (space->about[0][block].guards > 0 && space->about[0][block].guard.v != want->account.v)
            return 0;
        for (; want->share >= DR_SHARE_BLOCK && from < end; from += 1)
            if (core->nodes[space->rows[from]].tasks > 0 &&
                space->rooms[from].guard.v != want->account.v)
                return 0;
    }
    return 1;
}

uint64_t dr_place_room(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool)
{
    struct search search;

    dr_place_prepare(core);
    search = search_in(core, want, pool);
    if (search.space->nodes == 0)
        return 0;
    return tasks_bound(&search, search.space->levels, 0);
}

uint64_t dr_place_largest(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool)
{
    struct search search;
    const struct space *space;
    uint64_t largest = 0;
    int level;

    dr_place_prepare(core);
    search = search_in(core, want, pool);
    space = search.space;
    level = level_required(core, want, search.pool);
    if (level == LEVEL_NODE) {
        for (uint32_t number = 0; number < space->nodes; number += 1)
            if (tasks_on(&search, number) > largest)
                largest = tasks_on(&search, number);
        return largest;
    }
    if (level == LEVEL_MISSING || space->nodes == 0)
        return 0;
    for (uint32_t domain = 0; domain < space->domains[level]; domain += 1) {
        uint64_t tasks = tasks_in_domain(&search, (uint32_t)level, domain);

        if (tasks > largest)
            largest = tasks;
    }
    return largest;
}

uint32_t dr_place_tasks_per_node(const struct dr_core *core, const struct dr_want *want,
                                 dr_pool_id pool)
{
    dr_place_prepare(core);
    return tasks_when_empty(want, &core->places->spaces[pool.v - 1]);
}

/* ---- money ---- */

/* What one kW costs from `from_us` for `span_us`, micro-units. */
static int64_t kilowatt_cost(const struct dr_site *site, int64_t from_us, int64_t span_us)
{
    int64_t local = from_us + site->utc_offset_min * DR_MINUTE_US;
    int64_t days = span_us / DR_DAY_US;
    int64_t rest = span_us % DR_DAY_US;
    int64_t day = 0;
    int64_t cost = 0;

    for (uint32_t hour = 0; hour < DR_TARIFF_HOURS; hour += 1)
        day += site->tariff_micro[hour];
    while (rest > 0) {
        int64_t of_day = ((local % DR_DAY_US) + DR_DAY_US) % DR_DAY_US;
        int64_t step = dr_min_i64(rest, DR_HOUR_US - of_day % DR_HOUR_US);

        cost += dr_mul_div_floor(site->tariff_micro[of_day / DR_HOUR_US], step, DR_HOUR_US);
        local += step;
        rest -= step;
    }
    return cost + days * day;
}

int64_t dr_place_cost(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                      int64_t limit_us, int64_t now_us)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];
    const struct dr_site *site = &core->sites[where->site.v - 1];
    const struct dr_alternative *way = &core->shapes[want->shape].alternatives[want->alternative];
    int64_t accelerators = (int64_t)want->accelerators * want->tasks;
    int64_t milliwatts = 0;
    int64_t cost = 0;
    int64_t span_us = dr_mul_div_floor(dr_min_i64(limit_us, MARGIN_YEAR_US),
                                       way->factor == 0 ? 1000 : way->factor, 1000);

    if (where->chip.v != 0) {
        const struct dr_chip *chip = &core->chips[where->chip.v - 1];

        cost = dr_mul_div_floor(accelerators * chip->price_micro, span_us, DR_HOUR_US);
        milliwatts = accelerators * chip->busy_w * 1000;
    }
    if (where->cpus > 0)
        milliwatts += dr_mul_div_floor(where->node_idle_w * 1000, want->cpus * want->tasks,
                                       (int64_t)where->cpus);
    return cost + dr_mul_div_floor(kilowatt_cost(site, now_us, span_us),
                                   dr_mul_div_floor(milliwatts, site->pue_milli, 1000), 1000000);
}

int64_t dr_place_span_cost(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                           const struct dr_extent *extents, uint32_t count)
{
    const struct dr_shape *shape = &core->shapes[want->shape];
    const struct dr_pool *where = &core->pools[pool.v - 1];
    const struct space *space = &core->places->spaces[pool.v - 1];
    int64_t used = 0;
    int64_t least;
    int64_t fit = tasks_when_empty(want, space);
    uint32_t last = NONE;
    int level;

    if (shape->level_kind != 1 || fit == 0)
        return 0;
    level = level_named(where, shape->level);
    if (level == LEVEL_MISSING)
        return 0;
    if (level != LEVEL_NODE)
        fit *= space->size[level];
    least = (want->tasks + fit - 1) / fit;
    for (uint32_t i = 0; i < count; i += 1) {
        uint32_t number = core->nodes[extents[i].node.v - 1].number;
        uint32_t domain = level == LEVEL_NODE ? number : number / space->size[level];

        used += domain != last;
        last = domain;
    }
    return dr_max_i64(0, used - least) * core->settings.span_price_micro;
}

/* ---- power ---- */

static int64_t facility_w(const struct dr_site *site, int64_t watts)
{
    return dr_mul_div_ceil(watts, site->pue_milli, 1000);
}

int64_t dr_place_site_draw_w(const struct dr_core *core, dr_site_id site)
{
    dr_place_prepare(core);
    return facility_w(&core->sites[site.v - 1], core->places->site_w[site.v - 1]);
}

int64_t dr_place_power_missing(const struct dr_core *core, dr_pool_id pool,
                               const struct dr_extent *extents, uint32_t count)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];
    const struct dr_site *site = &core->sites[where->site.v - 1];
    int64_t watts;

    dr_place_prepare(core);
    watts = core->places->site_w[where->site.v - 1];
    if (site->power_cap_w == 0)
        return 0;
    if (where->chip.v != 0) {
        const struct dr_chip *chip = &core->chips[where->chip.v - 1];
        int64_t more = 0;

        for (uint32_t i = 0; i < count; i += 1) {
            const struct dr_node *node = &core->nodes[extents[i].node.v - 1];

            more += dr_bit_count(extents[i].accelerators &
                                 core->places->spaces[pool.v - 1].rooms[node->number].free);
        }
        watts += more * (chip->busy_w - chip->idle_w);
    }
    return dr_max_i64(0, facility_w(site, watts) - site->power_cap_w);
}

/* ---- views ---- */

static void release_or_retake(struct dr_core *core, uint32_t job_row, int sign)
{
    struct dr_places *places = core->places;
    const struct dr_job *job = &core->jobs[job_row];
    const struct dr_shape *shape = &core->shapes[job->shape];
    const struct dr_alternative *way = &shape->alternatives[job->alternative];
    uint8_t share = share_of(core, shape);

    for (uint32_t at = job->extents; at != NONE; at = core->extents[at].next) {
        const struct dr_extent *extent = &core->extents[at].extent;
        const struct dr_node *node = &core->nodes[extent->node.v - 1];
        struct space *space = &places->spaces[node->pool.v - 1];
        struct room room = space->rooms[node->number];
        const struct dr_pool *pool = &core->pools[node->pool.v - 1];

        if (pool->chip.v != 0 && !node->down)
            places->site_w[pool->site.v - 1] -=
                sign * (int64_t)dr_bit_count(extent->accelerators & ~node->promised) *
                (core->chips[pool->chip.v - 1].busy_w - core->chips[pool->chip.v - 1].idle_w);
        if (sign > 0)
            room.free |= extent->accelerators & ~node->promised;
        else
            room.free &= ~extent->accelerators;
        room.cpus += sign * (int64_t)extent->tasks * way->cpus_per_task;
        room.memory_mb += sign * (int64_t)extent->tasks * way->memory_mb_per_task;
        if (share == DR_SHARE_BLOCK)
            room.guards_of_node = (uint16_t)(room.guards_of_node - sign);
        if (share == DR_SHARE_NONE)
            room.guards_of_block = (uint16_t)(room.guards_of_block - sign);
        room.empty = room.free == space->all && room.cpus == space->cpus &&
                     room.memory_mb == space->memory_mb;
        set_room(space, node->number, &room);
    }
}

void dr_place_view_release(struct dr_core *core, uint32_t job_row)
{
    release_or_retake(core, job_row, 1);
}

void dr_place_view_retake(struct dr_core *core, uint32_t job_row)
{
    release_or_retake(core, job_row, -1);
}

void dr_place_view_take(struct dr_core *core, const struct dr_want *want,
                        const struct dr_extent *extents, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 1) {
        const struct dr_node *node = &core->nodes[extents[i].node.v - 1];
        struct space *space = &core->places->spaces[node->pool.v - 1];
        struct room room = space->rooms[node->number];

        room.free &= ~extents[i].accelerators;
        room.cpus -= extents[i].tasks * want->cpus;
        room.memory_mb -= extents[i].tasks * want->memory_mb;
        room.empty = 0;
        set_room(space, node->number, &room);
    }
}

void dr_place_view_block(struct dr_core *core, const struct dr_alternative *alternative,
                         uint32_t first_extent_row)
{
    for (uint32_t at = first_extent_row; at != NONE; at = core->extents[at].next) {
        const struct dr_extent *extent = &core->extents[at].extent;
        const struct dr_node *node = &core->nodes[extent->node.v - 1];
        struct space *space = &core->places->spaces[node->pool.v - 1];
        struct room room = space->rooms[node->number];

        room.blocked |= extent->accelerators;
        room.cpus -= (int64_t)extent->tasks * alternative->cpus_per_task;
        room.memory_mb -= (int64_t)extent->tasks * alternative->memory_mb_per_task;
        room.empty = 0;
        set_room(space, node->number, &room);
    }
}

void dr_place_view_undo(struct dr_core *core, uint32_t first_extent_row)
{
    for (uint32_t at = first_extent_row; at != NONE; at = core->extents[at].next)
        dr_place_changed(core, core->extents[at].extent.node.v - 1);
}

/* ---- never ---- */

const char *dr_obstacle_text(enum dr_obstacle obstacle)
{
    switch (obstacle) {
    case DR_OBSTACLE_NONE:
        return "nothing";
    case DR_OBSTACLE_REMOVED:
        return "it has been removed";
    case DR_OBSTACLE_CHIP:
        return "it has no accelerators that the job takes";
    case DR_OBSTACLE_SIZE:
        return "it is too small, even when empty";
    case DR_OBSTACLE_LEVEL:
        return "no domain of the required level is large enough there";
    case DR_OBSTACLE_SITE:
        return "its site is not among the job's sites";
    case DR_OBSTACLE_LAW:
        return "its site may not host the job's data class";
    case DR_OBSTACLE_CONSENT:
        return "its owner has not let the account in";
    case DR_OBSTACLE_DATA:
        return "the job's data is not at its site";
    }
    return "";
}

int dr_place_never(const struct dr_core *core, const struct dr_shape *shape, dr_account_id account,
                   char *text, uint32_t text_bytes)
{
    enum dr_obstacle worst = DR_OBSTACLE_NONE;
    uint32_t nearest = 0;
    const struct dr_alternative *way = &shape->alternatives[0];
    char cpus[DR_TEXT_BYTES];

    dr_place_prepare(core);
    for (uint32_t i = 0; i < shape->alternatives_count; i += 1) {
        const struct dr_alternative *about = &shape->alternatives[i];
        struct dr_want want = {.account = account,
                               .alternative = i,
                               .tasks = about->tasks,
                               .accelerators = about->accelerators_per_task / 1000,
                               .cpus = about->cpus_per_task,
                               .memory_mb = about->memory_mb_per_task,
                               .tasks_per_node_max = about->tasks_per_node_max};

        for (uint32_t pool = 0; pool < core->pools_count; pool += 1) {
            enum dr_obstacle obstacle = shape_obstacle(core, shape, &want, (dr_pool_id){pool + 1});

            if (obstacle == DR_OBSTACLE_NONE)
                obstacle = job_obstacle(core, &want, (dr_pool_id){pool + 1});
            if (obstacle == DR_OBSTACLE_NONE)
                return 0;
            if (obstacle > worst) {
                worst = obstacle;
                nearest = pool + 1;
                way = about;
            }
        }
    }
    if (worst <= DR_OBSTACLE_REMOVED) {
        dr_format(text, text_bytes, "there is no pool yet that could run it");
        return 1;
    }
    dr_format(text, text_bytes,
              "%u task%s of %u accelerator%s, %s CPUs and %u MB%s%s: no pool could hold it, even "
              "when empty; nearest is %s/%s: %s",
              way->tasks, way->tasks == 1 ? "" : "s", way->accelerators_per_task / 1000,
              way->accelerators_per_task == 1000 ? "" : "s",
              dr_format_milli(way->cpus_per_task, cpus), way->memory_mb_per_task,
              shape->level_kind == 2 ? " within one " : "",
              shape->level_kind == 2 ? shape->level : "",
              core->sites[core->pools[nearest - 1].site.v - 1].name, core->pools[nearest - 1].name,
              dr_obstacle_text(worst));
    return 1;
}

/* ---- for tests ---- */

int dr_place_consistent(const struct dr_core *core)
{
    struct dr_places *places = core->places;

    dr_place_prepare(core);
    for (uint32_t pool = 0; pool < core->pools_count; pool += 1) {
        struct space *space = &places->spaces[pool];
        uint32_t counted = 0;

        for (uint32_t number = 0; number < space->nodes; number += 1) {
            struct room room = true_room(core, space->rows[number]);
            const struct room *kept = &space->rooms[number];
            uint8_t tier = tier_of(space, &room);

            if (room.free != kept->free || room.cpus != kept->cpus ||
                room.memory_mb != kept->memory_mb || room.usable != kept->usable ||
                room.empty != kept->empty || room.guard.v != kept->guard.v ||
                room.guards_of_node != kept->guards_of_node ||
                room.guards_of_block != kept->guards_of_block || tier != space->tier[number] ||
                places->watts[space->rows[number]] != draw_of(core, space->rows[number]))
                return 0;
            if (tier == TIER_NONE)
                continue;
            counted += 1;
            if (((space->bits[(size_t)tier * space->words + number / 64] >> (number % 64)) & 1) ==
                0)
                return 0;
        }
        for (uint32_t level = 0; level <= space->levels; level += 1) {
            uint32_t sum = 0;

            for (size_t i = 0; i < (size_t)space->domains[level] * space->tiers; i += 1)
                sum += space->counts[level][i];
            if (sum != counted)
                return 0;
        }
    }
    return 1;
}
