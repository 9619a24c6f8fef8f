/* SPDX-License-Identifier: Apache-2.0 */
/* Nearest misses, and their sentences. See never.h; read dr_never_nearest(). */
#include "core/never.h"

#include "base/math.h"
#include "core/space.h"

/* ---- which pool comes nearest ---- */

/* The tasks that a pool, or the largest domain of the level that the job requires, would hold. */
static uint64_t holds_empty(const struct dr_core *core, const struct dr_shape *shape,
                            const struct dr_want *want, dr_pool_id pool)
{
    const struct dr_space *space = &core->places->spaces[pool.v - 1];
    uint64_t fit = dr_space_tasks_empty(want, space);
    int level = shape->level_kind == 2
                    ? dr_space_level_named(&core->pools[pool.v - 1], shape->level)
                    : (int)space->levels;

    if (level == DR_LEVEL_MISSING)
        return 0;
    return level == DR_LEVEL_NODE ? fit : fit * space->live_most[level];
}

/* Of accelerators, CPUs and memory: for how many is a node large enough for one task? */
static uint32_t fitting(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool)
{
    const struct dr_pool *about = &core->pools[pool.v - 1];
    uint32_t count = want->accelerators + (want->part != 0) <= about->accelerators;

    count += want->cpus <= (int64_t)about->cpus;
    count += want->memory_mb <= about->memory_mb;
    return count;
}

struct nearness {
    uint32_t hard;
    uint32_t rules;
    uint32_t furthest; /* the first obstacle: the later the better */
    uint64_t tasks;
    uint32_t fitting;
    uint32_t accelerators;
};

static struct nearness nearness_of(const struct dr_core *core, const struct dr_shape *shape,
                                   const struct dr_want *want, dr_pool_id pool, unsigned obstacles)
{
    return (struct nearness){
        .hard = dr_bit_count(obstacles & DR_OBSTACLES_HARD),
        .rules = dr_bit_count(obstacles & ~DR_OBSTACLES_HARD),
        .furthest = obstacles == 0 ? 0 : dr_bit_lowest(obstacles),
        .tasks = (uint64_t)dr_min_i64(want->tasks, (int64_t)holds_empty(core, shape, want, pool)),
        .fitting = fitting(core, want, pool),
        .accelerators = core->pools[pool.v - 1].accelerators,
    };
}

static int nearer(const struct nearness *a, const struct nearness *b)
{
    if (a->hard != b->hard)
        return a->hard < b->hard;
    if (a->rules != b->rules && a->hard == 0)
        return a->rules < b->rules;
    if (a->furthest != b->furthest)
        return a->furthest > b->furthest;
    if (a->tasks != b->tasks)
        return a->tasks > b->tasks;
    if (a->fitting != b->fitting)
        return a->fitting > b->fitting;
    return a->accelerators > b->accelerators;
}

struct dr_miss dr_never_nearest(const struct dr_core *core, const struct dr_shape *shape,
                                const struct dr_want *want)
{
    struct dr_miss best = {.obstacles = 1u << DR_OBSTACLE_REMOVED};
    struct nearness best_is = {.hard = UINT32_MAX};

    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        dr_pool_id pool = {row + 1};
        unsigned obstacles = dr_place_obstacles(core, shape, want, pool);
        struct nearness is;

        if (obstacles & 1u << DR_OBSTACLE_REMOVED)
            continue;
        if (obstacles == 0)
            return (struct dr_miss){pool, 0};
        is = nearness_of(core, shape, want, pool, obstacles);
        if (nearer(&is, &best_is)) {
            best_is = is;
            best = (struct dr_miss){pool, obstacles};
        }
    }
    return best;
}

/* ---- words ---- */

struct saying {
    const struct dr_core *core;
    const struct dr_shape *shape;
    const struct dr_want *want;
    const struct dr_pool *pool;
    const struct dr_site *site;
    struct dr_hold *hold;
};

#define SAY(saying, ...) dr_format((saying)->hold->text, sizeof(saying)->hold->text, __VA_ARGS__)
#define FREES(saying, ...) \
    dr_format((saying)->hold->frees, sizeof(saying)->hold->frees, __VA_ARGS__)

/* Add a name to a list: "a", "a or b". */
static void list_name(char *list, size_t bytes, const char *name, const char *between)
{
    size_t used = strlen(list);

    dr_format(list + used, bytes - used, "%s%s", used == 0 ? "" : between, name);
}

static void say_chip(struct saying *saying)
{
    const struct dr_core *core = saying->core;
    uint64_t chips = saying->shape->alternatives[saying->want->alternative].chips;
    char names[160] = "";

    for (uint64_t rest = chips; rest != 0; rest &= rest - 1)
        list_name(names, sizeof names, core->chips[dr_bit_lowest(rest)].name, " or ");
    if (chips != 0)
        SAY(saying, "no pool has %s", names);
    else
        SAY(saying, "no pool has accelerators");
    FREES(saying, "other chips, or a pool that has them");
}

/* Of which of its three amounts a task asks more than a node has. */
static enum dr_resource exceeded(const struct dr_want *want, const struct dr_pool *pool)
{
    if (want->accelerators + (want->part != 0) > pool->accelerators)
        return DR_RESOURCE_ACCELERATORS;
    return want->cpus > (int64_t)pool->cpus ? DR_RESOURCE_CPUS : DR_RESOURCE_MEMORY;
}

static int64_t of_node(const struct dr_pool *pool, enum dr_resource resource)
{
    switch (resource) {
    case DR_RESOURCE_ACCELERATORS:
        return pool->accelerators * INT64_C(1000);
    case DR_RESOURCE_CPUS:
        return pool->cpus;
    case DR_RESOURCE_MEMORY:
    case DR_RESOURCE_COUNT:
        break;
    }
    return pool->memory_mb;
}

static int64_t of_task(const struct dr_want *want, enum dr_resource resource)
{
    switch (resource) {
    case DR_RESOURCE_ACCELERATORS:
        return want->accelerators * INT64_C(1000) + want->part;
    case DR_RESOURCE_CPUS:
        return want->cpus;
    case DR_RESOURCE_MEMORY:
    case DR_RESOURCE_COUNT:
        break;
    }
    return want->memory_mb;
}

static const char *amount_words(enum dr_resource resource, int64_t amount, char text[64])
{
    char number[DR_TEXT_BYTES];

    if (resource == DR_RESOURCE_MEMORY)
        return dr_format(text, 64, "%s of memory", dr_format_memory(amount, number));
    return dr_format(text, 64, "%s %s%s", dr_format_milli(amount, number),
                     resource == DR_RESOURCE_CPUS ? "CPU" : "accelerator",
                     amount == 1000 ? "" : "s");
}

/* A task is too large for a node. */
static void say_node(struct saying *saying)
{
    const struct dr_core *core = saying->core;
    enum dr_resource resource = exceeded(saying->want, saying->pool);
    const struct dr_pool *most = saying->pool;
    int64_t asked = of_task(saying->want, resource);
    char needs[64];
    char has[64];
    char number[DR_TEXT_BYTES];

    for (uint32_t row = 0; row < core->pools_count; row += 1)
        if (!(dr_place_obstacles(core, saying->shape, saying->want, (dr_pool_id){row + 1}) &
              (1u << DR_OBSTACLE_REMOVED | 1u << DR_OBSTACLE_CHIP)) &&
            of_node(&core->pools[row], resource) > of_node(most, resource))
            most = &core->pools[row];
    saying->hold->has = of_node(most, resource);
    saying->hold->needs = asked;
    saying->hold->pool.v = (uint32_t)(most - core->pools) + 1;
    saying->hold->site = most->site;
    amount_words(resource, asked, needs);
    amount_words(resource, of_node(saying->pool, resource), has);
    if (of_node(most, resource) < asked)
        SAY(saying, "no pool has %s a node; the largest has %s (%s/%s)", needs,
            resource == DR_RESOURCE_MEMORY ? dr_format_memory(of_node(most, resource), number)
                                           : dr_format_milli(of_node(most, resource), number),
            core->sites[most->site.v - 1].name, most->name);
    else
        SAY(saying,
            "no pool has all that a task asks on one node; %s/%s comes nearest, with %s a node "
            "instead of %s",
            saying->site->name, saying->pool->name, has, needs);
    FREES(saying, "tasks of at most %s",
          amount_words(resource, of_node(saying->pool, resource), has));
}

/* "64 tasks of 8 accelerators" */
static const char *gang_words(const struct dr_want *want, char text[96])
{
    char each[64];
    enum dr_resource resource = dr_resource_main((int64_t)want->accelerators + want->part);

    return dr_format(text, 96, "%u task%s of %s", want->tasks, want->tasks == 1 ? "" : "s",
                     amount_words(resource, of_task(want, resource), each));
}

static void say_size(struct saying *saying)
{
    char gang[96];
    uint64_t holds;

    if (fitting(saying->core, saying->want,
                (dr_pool_id){(uint32_t)(saying->pool - saying->core->pools) + 1}) < 3) {
        say_node(saying);
        return;
    }
    holds = (uint64_t)dr_place_tasks_per_node(saying->core, saying->want, saying->hold->pool) *
            saying->core->places->spaces[saying->hold->pool.v - 1]
                .live_most[saying->pool->levels_count];
    saying->hold->has = (int64_t)holds;
    saying->hold->needs = saying->want->tasks;
    SAY(saying, "no pool holds %s even when empty; the largest holds %llu of them (%s/%s)",
        gang_words(saying->want, gang), (unsigned long long)holds, saying->site->name,
        saying->pool->name);
    FREES(saying, "at most %llu tasks", (unsigned long long)holds);
}

static void say_level(struct saying *saying)
{
    const char *level = saying->shape->level;
    uint64_t holds = holds_empty(saying->core, saying->shape, saying->want, saying->hold->pool);
    char gang[96];

    saying->hold->has = (int64_t)holds;
    saying->hold->needs = saying->want->tasks;
    if (dr_space_level_named(saying->pool, level) == DR_LEVEL_MISSING) {
        SAY(saying, "no pool that could hold it has a level '%s'", level);
        FREES(saying, "another level, or none");
        return;
    }
    SAY(saying, "no %s holds %s even when empty; the largest holds %llu of them (%s/%s)", level,
        gang_words(saying->want, gang), (unsigned long long)holds, saying->site->name,
        saying->pool->name);
    FREES(saying, "at most %llu tasks, or '%s' preferred instead of required",
          (unsigned long long)holds, level);
}

static void say_site(struct saying *saying)
{
    SAY(saying, "%s/%s could hold it, but %s is not among the sites that it names",
        saying->site->name, saying->pool->name, saying->site->name);
    FREES(saying, "%s among its sites", saying->site->name);
}

static void say_partition(struct saying *saying)
{
    SAY(saying, "%s/%s could hold it, but is %s%s, and it asks for partition %s",
        saying->site->name, saying->pool->name,
        saying->pool->partition[0] == 0 ? "in no partition that has a name" : "in partition ",
        saying->pool->partition, saying->shape->partition);
    FREES(saying, "no partition, or that of %s/%s", saying->site->name, saying->pool->name);
}

/* Why a site may not host a class; 0: it may. */
static int say_class(struct saying *saying, dr_class_id id)
{
    const struct dr_site *site = saying->site;
    const struct dr_data_class *class;
    char names[160] = "";
    int inside;

    if (id.v == 0)
        return 0;
    class = &saying->core->classes[id.v - 1];
    inside = class->jurisdictions_count == 0;
    for (uint32_t i = 0; i < class->jurisdictions_count; i += 1) {
        list_name(names, sizeof names, class->jurisdictions[i].text, " or ");
        inside |= strcmp(class->jurisdictions[i].text, site->jurisdiction) == 0;
    }
    if (!inside) {
        SAY(saying, "data class %s may be in %s only; %s/%s, which could hold it, is in %s",
            class->name, names, site->name, saying->pool->name, site->jurisdiction);
        FREES(saying, "another rule for the class %s", class->name);
    } else if (site->assurance < class->assurance_min) {
        SAY(saying, "data class %s asks for assurance %u; %s/%s, which could hold it, has %u",
            class->name, class->assurance_min, site->name, saying->pool->name, site->assurance);
        FREES(saying, "assurance %u of site %s", class->assurance_min, site->name);
    } else if (((site->classes >> (id.v - 1)) & 1) == 0) {
        SAY(saying, "site %s, whose pool %s could hold it, does not host data class %s", site->name,
            saying->pool->name, class->name);
        FREES(saying, "%s among the classes that site %s hosts", class->name, site->name);
    } else {
        return 0;
    }
    return 1;
}

static void say_law(struct saying *saying)
{
    const struct dr_shape *shape = saying->shape;
    int said = say_class(saying, shape->data_class);

    for (uint32_t i = 0; !said && i < shape->datasets_count; i += 1)
        said = say_class(saying, saying->core->datasets[shape->datasets[i] - 1].data_class);
}

static void say_consent(struct saying *saying)
{
    const char *account = saying->core->accounts[saying->want->account.v - 1].name;

    saying->hold->account = saying->want->account;
    SAY(saying, "the owner of %s/%s, which could hold it, has not let account %s in",
        saying->site->name, saying->pool->name, account);
    FREES(saying, "the owner's consent to account %s", account);
}

static void say_data(struct saying *saying)
{
    const struct dr_core *core = saying->core;
    uint32_t at = saying->pool->site.v - 1;

    for (uint32_t i = 0; i < saying->shape->datasets_count; i += 1) {
        const struct dr_dataset *data = &core->datasets[saying->shape->datasets[i] - 1];
        char names[160] = "";

        if (dr_site_set_has(&data->sites, at))
            continue;
        for (uint32_t row = 0; row < core->sites_count; row += 1)
            if (dr_site_set_has(&data->sites, row))
                list_name(names, sizeof names, core->sites[row].name, " and ");
        SAY(saying, "dataset %s is at %s; %s/%s, which could hold the job, has no copy", data->name,
            names[0] == 0 ? "no site" : names, saying->site->name, saying->pool->name);
        FREES(saying, "a copy of %s at site %s", data->name, saying->site->name);
        return;
    }
    SAY(saying,
        "the work that it has saved lies at site %s, where nothing could hold it; %s/%s "
        "could",
        core->sites[saying->want->kept_at.v - 1].name, saying->site->name, saying->pool->name);
    FREES(saying, "a pool at site %s that takes it", core->sites[saying->want->kept_at.v - 1].name);
}

void dr_never_say(const struct dr_core *core, const struct dr_shape *shape,
                  const struct dr_want *want, const struct dr_miss *miss, enum dr_obstacle obstacle,
                  struct dr_hold *hold)
{
    struct saying saying = {.core = core, .shape = shape, .want = want, .hold = hold};

    hold->reason = DR_REASON_NEVER;
    if (miss->pool.v == 0) {
        SAY(&saying, "there is no pool yet");
        return;
    }
    saying.pool = &core->pools[miss->pool.v - 1];
    saying.site = &core->sites[saying.pool->site.v - 1];
    hold->pool = miss->pool;
    hold->site = saying.pool->site;
    switch (obstacle) {
    case DR_OBSTACLE_NONE:
    case DR_OBSTACLE_REMOVED:
        SAY(&saying, "there is no pool");
        return;
    case DR_OBSTACLE_CHIP:
        say_chip(&saying);
        return;
    case DR_OBSTACLE_SIZE:
        say_size(&saying);
        return;
    case DR_OBSTACLE_LEVEL:
        say_level(&saying);
        return;
    case DR_OBSTACLE_SITE:
        hold->reason = DR_REASON_LAW;
        say_site(&saying);
        return;
    case DR_OBSTACLE_PARTITION:
        hold->reason = DR_REASON_LAW;
        say_partition(&saying);
        return;
    case DR_OBSTACLE_LAW:
        hold->reason = DR_REASON_LAW;
        say_law(&saying);
        return;
    case DR_OBSTACLE_CONSENT:
        hold->reason = DR_REASON_LAW;
        say_consent(&saying);
        return;
    case DR_OBSTACLE_DATA:
        hold->reason = DR_REASON_DATA;
        say_data(&saying);
        return;
    }
}

void dr_never_all(const struct dr_core *core, const struct dr_shape *shape, dr_account_id account,
                  dr_site_id kept_at, char *text, size_t text_bytes)
{
    uint32_t first = dr_never_first(shape);
    size_t used = 0;

    text[0] = 0;
    for (uint32_t i = first; i < shape->alternatives_count && used < text_bytes - 1; i += 1) {
        struct dr_want want = dr_place_want_of(core, shape, account, i);
        struct dr_hold hold = {.reason = DR_REASON_NONE};
        struct dr_miss miss;

        want.kept_at = kept_at;
        miss = dr_never_nearest(core, shape, &want);
        dr_never_say(core, shape, &want, &miss, (enum dr_obstacle)dr_bit_lowest(miss.obstacles),
                     &hold);
        if (shape->alternatives_count == first + 1)
            dr_format(text, text_bytes, "%s", hold.text);
        else
            dr_format(text + used, text_bytes - used, "%sas %s: %s", i == first ? "" : ". Or ",
                      gang_words(&want, (char[96]){0}), hold.text);
        used += strlen(text + used);
    }
}

int dr_never(const struct dr_core *core, const struct dr_shape *shape, dr_account_id account,
             char *text, size_t text_bytes)
{
    static const char BEGINS[] = "it can run nowhere: ";

    for (uint32_t i = 0; i < shape->alternatives_count; i += 1) {
        struct dr_want want = dr_place_want_of(core, shape, account, i);

        if (dr_never_nearest(core, shape, &want).obstacles == 0)
            return 0;
    }
    dr_format(text, text_bytes, "%s", BEGINS);
    dr_never_all(core, shape, account, (dr_site_id){0}, text + sizeof BEGINS - 1,
                 text_bytes - (sizeof BEGINS - 1));
    return 1;
}
