/* SPDX-License-Identifier: Apache-2.0 */
/* Where a job could ever go: chips, sizes, law, consent. See place.h; read shape_obstacle() first.
 */
#include "core/space.h"

#include "base/hash.h"
#include "base/math.h"

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
        .share = dr_space_share_of(core, shape),
        .amounts = dr_alternative_amounts(way),
    };
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
    const struct dr_space *space = &core->places->spaces[pool.v - 1];
    uint64_t chips = shape->alternatives[want->alternative].chips;
    uint64_t fit;

    if (where->removed || site->removed)
        return DR_OBSTACLE_REMOVED;
    if (where->chip.v == 0 ? chips != 0 || want->accelerators != 0
                           : chips != 0 && ((chips >> (where->chip.v - 1)) & 1) == 0)
        return DR_OBSTACLE_CHIP;
    fit = dr_space_tasks_empty(want, space);
    if (fit * space->live_most[space->levels] < want->tasks)
        return DR_OBSTACLE_SIZE;
    if (shape->level_kind == 2) {
        int level = dr_space_level_named(where, shape->level);

        if (level == DR_LEVEL_MISSING)
            return DR_OBSTACLE_LEVEL;
        if ((level == DR_LEVEL_NODE ? fit : fit * space->live_most[level]) < want->tasks)
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

static const struct dr_place_memory *remembered(const struct dr_core *core,
                                                const struct dr_want *want)
{
    const struct dr_shape *shape = &core->shapes[want->shape];
    struct dr_place_memory *memory =
        &core->places->memories[dr_hash_u64(want->shape) % DR_PLACE_MEMORIES];

    if (memory->version == core->federation_version + 1 && memory->shape == want->shape &&
        memory->hash == shape->hash)
        return memory;
    *memory = (struct dr_place_memory){
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
    const struct dr_place_memory *memory;

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
        const struct dr_place_memory *memory = remembered(core, &want);
        enum dr_resource main = want.accelerators > 0 ? DR_RESOURCE_ACCELERATORS : DR_RESOURCE_CPUS;

        for (uint32_t word = 0; word < DR_POOL_WORDS; word += 1)
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
