/* SPDX-License-Identifier: Apache-2.0 */
/* Where a job could ever go: chips, sizes, law, consent. See place.h; read shape_obstacle() first.
 */
#include "core/queue.h"
#include "core/space.h"

#include "base/math.h"

/* ---- feasible ---- */

struct dr_want dr_place_want_of(const struct dr_core *core, const struct dr_shape *shape,
                                dr_account_id account, uint32_t alternative)
{
    const struct dr_alternative *way = &shape->alternatives[alternative];

    return (struct dr_want){
        .shape = DR_ROW_NONE,
        .account = account,
        .alternative = alternative,
        .tasks = way->tasks,
        .accelerators = way->accelerators_per_task / 1000,
        .part = dr_alternative_share(way),
        .cpus = way->cpus_per_task,
        .memory_mb = way->memory_mb_per_task,
        .tasks_per_node_max = way->tasks_per_node_max,
        .share = dr_space_share_of(core, shape),
        .amounts = dr_alternative_amounts(way),
    };
}

struct dr_want dr_place_want(const struct dr_core *core, const struct dr_job *job,
                             uint32_t alternative)
{
    const struct dr_run *run = dr_job_run(core, job);
    struct dr_want want =
        dr_place_want_of(core, &core->shapes[job->shape], job->account, alternative);

    want.shape = job->shape;
    if (run->kept_us > 0 && run->pool.v != 0)
        want.kept_at = core->pools[run->pool.v - 1].site;
    return want;
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

/* ---- one question each; with dr_place_prepare() behind them ---- */

static int is_removed(const struct dr_core *core, dr_pool_id pool)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];

    return where->removed || core->sites[where->site.v - 1].removed;
}

static int chip_fits(const struct dr_core *core, const struct dr_shape *shape,
                     const struct dr_want *want, dr_pool_id pool)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];
    uint64_t chips = shape->alternatives[want->alternative].chips;

    if (where->chip.v == 0)
        return chips == 0 && want->accelerators + want->part == 0;
    return chips == 0 || ((chips >> (where->chip.v - 1)) & 1) != 0;
}

static int size_fits(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool)
{
    const struct dr_space *space = &core->places->spaces[pool.v - 1];

    return dr_space_tasks_empty(want, space) * space->live_most[space->levels] >= want->tasks;
}

static int level_fits(const struct dr_core *core, const struct dr_shape *shape,
                      const struct dr_want *want, dr_pool_id pool)
{
    const struct dr_space *space = &core->places->spaces[pool.v - 1];
    uint32_t fit = dr_space_tasks_empty(want, space);
    int level;

    if (shape->level_kind != 2)
        return 1;
    level = dr_space_level_named(&core->pools[pool.v - 1], shape->level);
    return level != DR_LEVEL_MISSING &&
           (level == DR_LEVEL_NODE ? fit : fit * space->live_most[level]) >= want->tasks;
}

static int site_asked_for(const struct dr_core *core, const struct dr_shape *shape, dr_pool_id pool)
{
    return dr_site_set_empty(&shape->sites) ||
           dr_site_set_has(&shape->sites, core->pools[pool.v - 1].site.v - 1);
}

static int partition_asked_for(const struct dr_core *core, const struct dr_shape *shape,
                               dr_pool_id pool)
{
    return dr_pool_in_partition(&core->pools[pool.v - 1], shape->partition);
}

static int law_fits(const struct dr_core *core, const struct dr_shape *shape, dr_pool_id pool)
{
    const struct dr_site *site = &core->sites[core->pools[pool.v - 1].site.v - 1];

    if (!law_allows(core, shape->data_class, site))
        return 0;
    for (uint32_t i = 0; i < shape->datasets_count; i += 1)
        if (!law_allows(core, core->datasets[shape->datasets[i] - 1].data_class, site))
            return 0;
    return 1;
}

static int data_there(const struct dr_core *core, const struct dr_shape *shape, dr_pool_id pool)
{
    for (uint32_t i = 0; i < shape->datasets_count; i += 1)
        if (!dr_site_set_has(&core->datasets[shape->datasets[i] - 1].sites,
                             core->pools[pool.v - 1].site.v - 1))
            return 0;
    return 1;
}

/* What depends on the shape alone. */
static enum dr_obstacle shape_obstacle(const struct dr_core *core, const struct dr_shape *shape,
                                       const struct dr_want *want, dr_pool_id pool)
{
    if (is_removed(core, pool))
        return DR_OBSTACLE_REMOVED;
    if (!chip_fits(core, shape, want, pool))
        return DR_OBSTACLE_CHIP;
    if (!size_fits(core, want, pool))
        return DR_OBSTACLE_SIZE;
    if (!level_fits(core, shape, want, pool))
        return DR_OBSTACLE_LEVEL;
    if (!site_asked_for(core, shape, pool))
        return DR_OBSTACLE_SITE;
    if (!partition_asked_for(core, shape, pool))
        return DR_OBSTACLE_PARTITION;
    if (!law_fits(core, shape, pool))
        return DR_OBSTACLE_LAW;
    return data_there(core, shape, pool) ? DR_OBSTACLE_NONE : DR_OBSTACLE_DATA;
}

static int consents(const struct dr_core *core, const struct dr_pool *pool, dr_account_id account)
{
    for (uint32_t i = 0; i < pool->consent_count; i += 1)
        if (dr_account_within(core, account, (dr_account_id){pool->consent[i]}))
            return 1;
    return pool->consent_count == 0;
}

static int kept_there(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool)
{
    return want->kept_at.v == 0 || want->kept_at.v == core->pools[pool.v - 1].site.v;
}

/* What depends on the job besides. */
static enum dr_obstacle job_obstacle(const struct dr_core *core, const struct dr_want *want,
                                     dr_pool_id pool)
{
    if (!consents(core, &core->pools[pool.v - 1], want->account))
        return DR_OBSTACLE_CONSENT;
    return kept_there(core, want, pool) ? DR_OBSTACLE_NONE : DR_OBSTACLE_DATA;
}

unsigned dr_place_obstacles(const struct dr_core *core, const struct dr_shape *shape,
                            const struct dr_want *want, dr_pool_id pool)
{
    unsigned found = 0;

    dr_place_prepare(core);
#define NOTE(is_there, name) found |= (is_there) ? 1u << DR_OBSTACLE_##name : 0
    NOTE(is_removed(core, pool), REMOVED);
    NOTE(!chip_fits(core, shape, want, pool), CHIP);
    NOTE(!size_fits(core, want, pool), SIZE);
    NOTE(!level_fits(core, shape, want, pool), LEVEL);
    NOTE(!site_asked_for(core, shape, pool), SITE);
    NOTE(!partition_asked_for(core, shape, pool), PARTITION);
    NOTE(!law_fits(core, shape, pool), LAW);
    NOTE(!consents(core, &core->pools[pool.v - 1], want->account), CONSENT);
    NOTE(!data_there(core, shape, pool) || !kept_there(core, want, pool), DATA);
#undef NOTE
    return found;
}

/* The groups of one way that are not in the list yet: the first pool of each, by id. `allowed`
 * [words], by rank. */
static uint32_t add_groups(const struct dr_core *core, const struct dr_want *want,
                           const uint64_t *allowed, struct dr_place_group *groups, uint32_t count)
{
    const struct dr_places *places = core->places;
    enum dr_resource main = dr_resource_main(
        core->shapes[want->shape].alternatives[want->alternative].accelerators_per_task);
    uint32_t first = count;

    for (uint32_t word = 0; word < places->words; word += 1)
        for (uint64_t rest = allowed[word]; rest != 0; rest &= rest - 1) {
            uint32_t row = places->pool_of[word * 64 + dr_bit_lowest(rest)];
            uint32_t k = first;

            while (k < count && core->pools[groups[k].pool.v - 1].groups[main].v !=
                                    core->pools[row].groups[main].v)
                k += 1;
            if (k == DR_PLACE_GROUPS_MAX)
                continue;
            if (k == count) {
                groups[count] = (struct dr_place_group){{row + 1}, want->alternative, count};
                count += 1;
            } else if (row + 1 < groups[k].pool.v) {
                groups[k].pool.v = row + 1;
            }
        }
    return count;
}

static uint64_t *words_of(const struct dr_places *places, const struct dr_place_memory *memory,
                          uint32_t alternative)
{
    size_t slot = (size_t)(memory - places->memories);

    return &places->memory_words[(alternative * (size_t)DR_PLACE_MEMORIES + slot) * places->words];
}

void dr_place_shape_changed(struct dr_core *core, uint32_t shape_row)
{
    struct dr_place_memory *memory = &core->places->memories[shape_row % DR_PLACE_MEMORIES];

    if (memory->shape == shape_row)
        memory->version = 0;
    core->places->last_groups.version = 0;
}

static const struct dr_place_memory *remembered(const struct dr_core *core, uint32_t shape_row)
{
    struct dr_places *places = core->places;
    const struct dr_shape *shape = &core->shapes[shape_row];
    struct dr_place_memory *memory = &places->memories[shape_row % DR_PLACE_MEMORIES];
    struct dr_place_group groups[DR_PLACE_GROUPS_MAX];

    if (memory->version == core->federation_version + 1 && memory->shape == shape_row)
        return memory;
    *memory = (struct dr_place_memory){.version = core->federation_version + 1, .shape = shape_row};
    for (uint32_t i = 0; i < shape->alternatives_count; i += 1) {
        struct dr_want way = dr_place_want(core, &(struct dr_job){.shape = shape_row}, i);
        uint64_t *words = words_of(places, memory, i);

        memset(words, 0, places->words * sizeof words[0]);
        for (uint32_t rank = 0; rank < core->pools_count; rank += 1)
            if (shape_obstacle(core, shape, &way, (dr_pool_id){places->pool_of[rank] + 1}) ==
                DR_OBSTACLE_NONE)
                words[rank / 64] |= UINT64_C(1) << (rank % 64);
        memory->groups_count = add_groups(core, &way, words, groups, memory->groups_count);
    }
    for (uint32_t k = 0; k < memory->groups_count; k += 1) {
        memory->pools[k] = (uint16_t)groups[k].pool.v;
        memory->alternatives[k] = (uint8_t)groups[k].alternative;
    }
    return memory;
}

const uint64_t *dr_place_pools(const struct dr_core *core, const struct dr_want *want)
{
    return words_of(core->places, remembered(core, want->shape), want->alternative);
}

int dr_place_feasible(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool)
{
    uint32_t rank;

    dr_place_prepare(core);
    rank = core->places->spaces[pool.v - 1].rank;
    return ((dr_place_pools(core, want)[rank / 64] >> (rank % 64)) & 1) &&
           job_obstacle(core, want, pool) == DR_OBSTACLE_NONE;
}

/* The pools whose owners have not let an account in, remembered; [words]. */
static const struct dr_refused *refused_to(const struct dr_core *core, dr_account_id account)
{
    const struct dr_places *places = core->places;
    struct dr_refused *refused = &places->refused[account.v - 1];

    if (refused->version == core->federation_version + 1)
        return refused;
    refused->version = core->federation_version + 1;
    refused->any = 0;
    for (uint32_t word = 0; word < places->words; word += 1) {
        refused->pools.words[word] = 0;
        for (uint64_t rest = places->asks_consent.words[word]; rest != 0; rest &= rest - 1) {
            uint32_t rank = word * 64 + dr_bit_lowest(rest);

            if (!consents(core, &core->pools[places->pool_of[rank]], account))
                refused->pools.words[word] |= rest & -rest;
        }
        refused->any |= refused->pools.words[word];
    }
    return refused;
}

void dr_place_allowed(const struct dr_core *core, const struct dr_want *want,
                      struct dr_pool_set *allowed)
{
    const struct dr_places *places = core->places;
    const uint64_t *pools = dr_place_pools(core, want);
    const uint64_t *refused = refused_to(core, want->account)->pools.words;

    for (uint32_t word = 0; word < places->words; word += 1) {
        allowed->words[word] = pools[word] & ~refused[word];
        if (want->kept_at.v != 0)
            allowed->words[word] &= places->of_site[want->kept_at.v - 1].words[word];
    }
}

/* Of the pools in two sets, but for those that refuse it or lie elsewhere, the lowest id; 0: none.
 */
static uint32_t lowest_pool(const struct dr_places *places, const uint64_t *pools,
                            const uint64_t *of_group, const uint64_t *refused, const uint64_t *site)
{
    uint32_t lowest = UINT32_MAX;

    for (uint32_t word = 0; word < places->words; word += 1)
        for (uint64_t rest = pools[word] & of_group[word] & ~refused[word] &
                             (site == NULL ? UINT64_MAX : site[word]);
             rest != 0; rest &= rest - 1)
            lowest = dr_min_u32(lowest, places->pool_of[word * 64 + dr_bit_lowest(rest)]);
    return lowest + 1;
}

/* Is any pool of its shape refused to the job, or elsewhere? */
static int is_curtailed(const struct dr_core *core, const struct dr_job *job,
                        const uint64_t *refused, const uint64_t *site)
{
    const struct dr_places *places = core->places;
    const struct dr_place_memory *memory = remembered(core, job->shape);
    uint64_t gone = 0;

    for (uint32_t i = 0; i < core->shapes[job->shape].alternatives_count; i += 1)
        for (uint32_t word = 0; word < places->words; word += 1)
            gone |= words_of(places, memory, i)[word] &
                    (refused[word] | (site == NULL ? 0 : ~site[word]));
    return gone != 0;
}

uint32_t dr_place_groups_of_shape(const struct dr_core *core, uint32_t shape_row,
                                  struct dr_place_group *groups)
{
    const struct dr_place_memory *memory = remembered(core, shape_row);

    for (uint32_t i = 0; i < memory->groups_count; i += 1)
        groups[i] = (struct dr_place_group){{memory->pools[i]}, memory->alternatives[i], i};
    return memory->groups_count;
}

int dr_place_groups_typical(const struct dr_core *core, uint32_t shape_row)
{
    return remembered(core, shape_row)->groups_count < DR_PLACE_GROUPS_MAX;
}

static uint32_t groups_of(const struct dr_core *core, const struct dr_job *job, dr_site_id kept_at,
                          struct dr_place_group *groups)
{
    const struct dr_places *places = core->places;
    const struct dr_place_memory *memory;
    const struct dr_refused *about;
    const uint64_t *refused;
    const uint64_t *site = NULL;
    uint32_t count = 0;

    memory = remembered(core, job->shape);
    about = refused_to(core, job->account);
    refused = about->pools.words;
    if (about->any == 0 && kept_at.v == 0)
        return dr_place_groups_of_shape(core, job->shape, groups);
    if (kept_at.v != 0)
        site = places->of_site[kept_at.v - 1].words;
    if (memory->groups_count == DR_PLACE_GROUPS_MAX && is_curtailed(core, job, refused, site)) {
        for (uint32_t i = 0; i < core->shapes[job->shape].alternatives_count; i += 1) {
            struct dr_want want = dr_place_want(core, job, i);
            struct dr_pool_set allowed;

            dr_place_allowed(core, &want, &allowed);
            count = add_groups(core, &want, allowed.words, groups, count);
        }
        return count;
    }
    for (uint32_t i = 0; i < memory->groups_count; i += 1) {
        struct dr_place_group group = {{memory->pools[i]}, memory->alternatives[i], i};
        const uint64_t *pools = words_of(places, memory, group.alternative);
        enum dr_resource main = dr_resource_main(
            core->shapes[job->shape].alternatives[group.alternative].accelerators_per_task);
        const uint64_t *of_group =
            places->of_group[core->pools[group.pool.v - 1].groups[main].v - 1].words;
        uint64_t gone = 0;

        for (uint32_t word = 0; word < places->words; word += 1)
            gone |=
                pools[word] & of_group[word] & (refused[word] | (site == NULL ? 0 : ~site[word]));
        if (gone != 0)
            group.pool.v = lowest_pool(places, pools, of_group, refused, site);
        groups[count] = group;
        count += group.pool.v != 0;
    }
    return count;
}

uint32_t dr_place_groups(const struct dr_core *core, const struct dr_job *job,
                         struct dr_place_group *groups)
{
    struct dr_place_last *last = &core->places->last_groups;
    dr_site_id kept_at = dr_queue_kept_at(core, job);

    dr_place_prepare(core);
    if (last->version != core->federation_version + 1 || last->shape != job->shape ||
        last->account.v != job->account.v || last->kept_at.v != kept_at.v) {
        last->version = core->federation_version + 1;
        last->shape = job->shape;
        last->account = job->account;
        last->kept_at = kept_at;
        last->count = groups_of(core, job, kept_at, last->groups);
    }
    memcpy(groups, last->groups, last->count * sizeof groups[0]);
    return last->count;
}

int dr_place_groups_tell(const struct dr_core *core, uint32_t count)
{
    return count < DR_PLACE_GROUPS_MAX && core->places->groups_alike;
}

uint32_t dr_place_group_of(const struct dr_core *core, const struct dr_place_group *groups,
                           uint32_t count, dr_pool_id pool, uint32_t alternative)
{
    for (uint32_t i = 0; i < count; i += 1)
        if (groups[i].alternative == alternative &&
            dr_pool_same_groups(&core->pools[groups[i].pool.v - 1], &core->pools[pool.v - 1]))
            return i;
    return DR_ROW_NONE;
}
