/* SPDX-License-Identifier: Apache-2.0 */
/* Where the search of src/core/place.c puts gangs in random pools of up to three levels, partly
 * full, against the page's rule carried out by hand (tests/oracle_place.c), and against the fewest
 * domains that any place could have.
 *
 * SEEDS=N pools (1000) from seed FIRST (1). */
#include "core/place.h"
#include "oracle.h"
#include "world.h"

static uint64_t dice;

static uint32_t roll(uint32_t below)
{
    dice = dice * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)((dice >> 33) % below);
}

struct spans {
    uint32_t asked;
    uint32_t found;
    uint32_t best; /* in as few blocks as possible */
    uint32_t used;
    uint32_t least;
    double worst;
};

/* A pool with racks of blocks, beside the first one, which has other nodes and no levels. */
static void add_racks(struct world *w)
{
    const struct dr_pool *first = &w->core->pools[0];
    struct dr_fact fact = {.kind = DR_FACT_POOL_SET};
    struct dr_fact nodes = {.kind = DR_FACT_NODES_ADDED};
    uint32_t block = 1 + roll(4);
    struct dr_level levels[2] = {{"block", block}, {"rack", block * (1 + roll(4))}};
    uint32_t groups[DR_RESOURCE_COUNT];

    for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1)
        groups[i] = first->groups[i].v;
    fact.pool_set.site = first->site.v;
    fact.pool_set.chip = first->chip.v;
    fact.pool_set.owner = first->owner.v;
    dr_copy_name(fact.pool_set.name, "racks");
    dr_copy_name(fact.pool_set.node_prefix, "r");
    fact.pool_set.node_digits = 1;
    fact.pool_set.accelerators = 1 + roll(8);
    fact.pool_set.cpus = fact.pool_set.accelerators * 8000;
    fact.pool_set.memory_mb = fact.pool_set.accelerators * 64000;
    fact.pool_set.node_idle_w = 500;
    fact.pool_set.levels = levels;
    fact.pool_set.levels_count = roll(3);
    fact.pool_set.groups = groups;
    fact.pool_set.groups_count = DR_RESOURCE_COUNT;
    world_declare(w, fact);
    nodes.nodes_added.pool = w->core->pools_count;
    nodes.nodes_added.count = 2 + roll(23);
    world_declare(w, nodes);
}

static dr_job_id submit(struct world *w, int held)
{
    static const uint32_t shares[] = {100, 250, 333, 500, 700, 999};
    static const char *const levels[] = {"required:block", "preferred:block", "required:rack",
                                         "required:node"};

    return world_submit(w, (struct job_spec){.tasks = 1 + roll(12),
                                             .accelerators = roll(5),
                                             .share = roll(5) == 0 ? shares[roll(6)] : 0,
                                             .cpus = 1 + roll(roll(4) == 0 ? 20 : 4),
                                             .memory_mb = roll(3) == 0 ? roll(90000) : 0,
                                             .tasks_per_node = roll(3) == 0 ? 1 + roll(3) : 0,
                                             .level = roll(3) == 0 ? levels[roll(4)] : NULL,
                                             .limit_us = (1 + (int64_t)roll(50)) * DR_MINUTE_US,
                                             .held = (uint8_t)held});
}

static const char *judge(struct world *w, dr_job_id id, uint32_t pool, struct spans *spans)
{
    static struct oracle look;
    static char text[300];
    const struct dr_core *core = w->core;
    const struct dr_job *job = world_job(w, id);
    struct dr_want want = dr_place_want(core, job, 0);
    struct dr_extent extents[ORACLE_NODES * DR_ACCELERATORS_MAX];
    uint32_t tasks[ORACLE_NODES];
    uint32_t got[ORACLE_NODES] = {0};
    uint32_t count;
    int fits;

    oracle_look(&look, core, (struct oracle_thought){.gone = NULL});
    if (!oracle_lawful(core, job, 0, pool))
        return NULL;
    count = dr_place_find(core, &want, (dr_pool_id){pool}, extents);
    fits = oracle_place(&look, job, 0, pool, tasks);
    spans->asked += 1;
    if (oracle_room(&look, job, 0, pool) != fits)
        return "the rule by hand does not agree with itself";
    if ((count > 0) != fits)
        return dr_format(text, sizeof text, "job %llu, %u tasks: %u parts found, %s",
                         (unsigned long long)id.v, want.tasks, count,
                         fits ? "there is a place" : "there is no place");
    if (!fits)
        return NULL;
    for (uint32_t i = 0; i < count; i += 1)
        got[extents[i].node.v - 1] += extents[i].tasks;
    for (uint32_t row = 0; row < core->nodes_count; row += 1)
        if (got[row] != tasks[row])
            return dr_format(text, sizeof text,
                             "job %llu, %u tasks of %u: %u on node %u, by the rule %u",
                             (unsigned long long)id.v, want.tasks,
                             core->shapes[job->shape].alternatives[0].accelerators_per_task,
                             got[row], row + 1, tasks[row]);
    spans->found += 1;
    if (core->pools[pool - 1].levels_count > 0) {
        uint32_t size = core->pools[pool - 1].levels[0].nodes;
        uint32_t used = oracle_span(&look, pool, size, got);
        uint32_t least = oracle_span_least(&look, job, 0, pool, size);

        if (used < least || (core->pools[pool - 1].levels_count == 1 && used != least))
            return dr_format(text, sizeof text, "job %llu: %u blocks, least possible %u",
                             (unsigned long long)id.v, used, least);
        spans->best += used == least;
        spans->used += used;
        spans->least += least;
        spans->worst = (double)used / least > spans->worst ? (double)used / least : spans->worst;
    }
    return NULL;
}

static const char *play(uint64_t seed, struct spans *spans)
{
    struct world *w;
    const char *says = NULL;
    char text[80];

    dice = seed * 0x9e3779b97f4a7c15ull + 3;
    snprintf(text, sizeof text, "1 site, 1 pool, %u nodes x %u h200", 1 + roll(3), 1 + roll(8));
    w = world_new(text);
    add_racks(w);
    for (int i = 0; i < 30 && says == NULL; i += 1) {
        dr_job_id job = submit(w, 1);

        if (job.v == 0)
            continue;
        for (uint32_t pool = 1; pool <= w->core->pools_count && says == NULL; pool += 1)
            says = judge(w, job, pool, spans);
        if (roll(2) == 0)
            world_release(w, job);
        else
            world_cancel(w, job);
        if (roll(8) == 0)
            world_node(w, roll(w->core->nodes_count), (int)roll(2), 0);
        world_run_us(w, (int64_t)roll(6) * DR_MINUTE_US);
    }
    world_free(w);
    return says;
}

/* A place is found iff there is one, it is the one that the rule names, and where pools have one
 * level it spans as few domains as any place could. */
TEST(places_are_those_of_the_rule)
{
    struct test_seeds seeds = test_seeds(1000);
    struct spans spans = {.worst = 1};

    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed += 1) {
        const char *says;

        test_seed(seed);
        says = play(seed, &spans);
        if (says != NULL)
            fail_msg("seed %llu: %s", (unsigned long long)seed, says);
    }
    print_message("# %u searches, %u found a place; blocks over the least possible: %u of %u, at "
                  "most %.2f, least in %u\n",
                  spans.asked, spans.found, spans.used, spans.least, spans.worst, spans.best);
    if (seeds.count >= 300)
        CHECK(spans.found > 2000);
}
