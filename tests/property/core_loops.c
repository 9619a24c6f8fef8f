/* SPDX-License-Identifier: Apache-2.0 */
/* No chain of evictions goes on for ever (docs/policy.md, "No loops").
 *
 * First the smallest chase that a search over all choices of victims has found, on the core itself.
 * Then random small worlds in which, from some moment on, nothing comes from outside: no submit, no
 * end of its own, no change; time goes by and attempts grow old enough to be taken. Every decision
 * that only takes back without pushing anybody under his guarantee, and starts, raises a potential;
 * what is taken by fair share keeps that rule; and before long nothing is taken any more. SEEDS=N
 * worlds (300) from seed FIRST (1). */
#include <stdlib.h>

#include "base/math.h"
#include "oracle.h"
#include "world.h"

#define FOR_EVER (1000 * DR_HOUR_US)

static uint64_t dice;

static uint32_t roll(uint32_t below)
{
    dice = dice * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)((dice >> 33) % below);
}

static uint64_t evictions(const struct world *w)
{
    return w->counts[DR_FACT_JOB_PROMISED];
}

/* Two accounts, six accelerators that matter. Small jobs are within their account's guarantee and
 * take back; large ones of higher priority take their own account's small one and so borrow, for
 * the other account's small one to take back. */
TEST(priority_and_reclaim_do_not_chase_each_other)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 6 h200");
    struct job_spec spec = {.limit_us = FOR_EVER};
    uint64_t before;

    world_pool(w, 1, "h200", 1, 2, 0);
    for (uint32_t i = 0; i < 2; i += 1) {
        char name[2] = {(char)('b' + (int)i), 0};

        spec.account = world_account(w, name, WORLD_ACCOUNT_ROOT, i == 0 ? 5 : 3, -1, -1);
        spec.accelerators = 6;
        spec.priority = 2;
        world_submit(w, spec);
        spec.accelerators = i == 0 ? 4 : 3;
        spec.priority = 1;
        world_submit(w, spec);
    }
    world_run_us(w, 4 * DR_HOUR_US);
    CHECK(evictions(w) > 3); /* they do, for a while */
    CHECK(evictions(w) < 16);
    before = evictions(w);
    world_run_us(w, 20 * DR_HOUR_US);
    CHECK_EQ(evictions(w), before);
    for (uint32_t row = 0; row < w->core->jobs_high; row += 1)
        CHECK(!w->core->jobs[row].held);
    CHECK_REPLAY(w);
    world_free(w);
}

/* ---- quiet worlds ---- */

#define DEPTH 4

/* Per depth of the account tree, from the deepest up: what accounts claim within guarantees; then
 * all that is claimed. */
struct potential {
    int64_t within[DEPTH];
    int64_t claim;
};

/* As if `stays` had not been told to leave; NULL: as it is. */
static struct potential potential_of(const struct dr_core *core, const struct dr_job *stays)
{
    struct potential potential = {.claim = 0};
    static struct oracle look;

    oracle_look(&look, core, (struct oracle_thought){.also = stays});
    for (uint32_t account = 2; account <= core->accounts_count; account += 1) {
        int64_t guarantee = oracle_quota(core, account, 1)->guarantee;
        uint32_t depth = 0;

        for (uint32_t at = account; core->accounts[at - 1].parent.v != 0; depth += 1)
            at = core->accounts[at - 1].parent.v;
        potential.within[DEPTH - depth] +=
            dr_min_i64(guarantee, look.sums.occupied[account - 1][0]);
    }
    potential.claim = look.sums.claim[0][0];
    return potential;
}

static int compare(const struct potential *a, const struct potential *b)
{
    for (uint32_t i = 0; i < DEPTH; i += 1)
        if (a->within[i] != b->within[i])
            return a->within[i] < b->within[i] ? -1 : 1;
    return a->claim < b->claim ? -1 : a->claim > b->claim;
}

struct quiet {
    const char *says;
    uint64_t decisions;
    struct potential before; /* the first that was told to leave in this decision */
    uint32_t taken;
    uint32_t fair;   /* of these, by fair share */
    uint32_t others; /* facts of it that the argument leaves out */
    uint64_t victims[64];
    uint64_t for_jobs[64];
    uint32_t victims_count;
    uint32_t rises;
    uint32_t fair_all;
    uint32_t left_out;
};

static const struct dr_job *job_of(const struct dr_core *core, uint64_t id)
{
    for (uint32_t row = 0; row < core->jobs_high; row += 1)
        if (core->jobs[row].id.v == id)
            return &core->jobs[row];
    return NULL;
}

/* A promise: those of this decision who were told to leave for the job. */
static void judge_set(struct quiet *quiet, const struct dr_core *core, uint64_t for_job)
{
    const struct dr_job *job = job_of(core, for_job);
    uint64_t victims[64];
    uint32_t count = 0;

    for (uint32_t i = 0; i < quiet->victims_count; i += 1)
        if (quiet->for_jobs[i] == for_job)
            victims[count++] = quiet->victims[i];
    for (uint32_t i = 0; i < count && quiet->says == NULL; i += 1)
        if (dr_job_run(core, job_of(core, victims[i]))->stopping == DR_STOP_FAIR_SHARE)
            quiet->says = oracle_unfair(core, job, victims, count, job_of(core, victims[i]));
}

static void on_fact(struct world *w, const struct dr_fact *fact, void *context)
{
    struct quiet *quiet = context;

    if (fact->kind == DR_FACT_PROMISE_DROPPED)
        quiet->others += 1;
    if (fact->kind == DR_FACT_JOB_PROMISED)
        judge_set(quiet, w->shadow, fact->job_promised.job);
    if (fact->kind != DR_FACT_ATTEMPT_STOPPING)
        return;
    if (fact->attempt_stopping.cause != DR_STOP_RECLAIM &&
        fact->attempt_stopping.cause != DR_STOP_PRIORITY &&
        fact->attempt_stopping.cause != DR_STOP_FAIR_SHARE)
        return;
    if (quiet->taken == 0)
        quiet->before = potential_of(w->shadow, job_of(w->shadow, fact->attempt_stopping.job));
    quiet->taken += 1;
    quiet->fair += fact->attempt_stopping.cause == DR_STOP_FAIR_SHARE;
    quiet->fair_all += fact->attempt_stopping.cause == DR_STOP_FAIR_SHARE;
    quiet->others += fact->attempt_stopping.cause == DR_STOP_PRIORITY;
    if (quiet->victims_count < 64) {
        quiet->victims[quiet->victims_count] = fact->attempt_stopping.job;
        quiet->for_jobs[quiet->victims_count] = fact->attempt_stopping.for_job;
        quiet->victims_count += 1;
    }
}

/* Is somebody under his guarantee now from whom this decision took? */
static int pushed_under(const struct dr_core *core, const struct quiet *quiet)
{
    static struct oracle look;

    oracle_look(&look, core, (struct oracle_thought){.gone = NULL});
    for (uint32_t i = 0; i < quiet->victims_count; i += 1) {
        uint32_t x = job_of(core, quiet->for_jobs[i])->account.v;

        for (uint32_t at = job_of(core, quiet->victims[i])->account.v; !oracle_within(core, x, at);
             at = core->accounts[at - 1].parent.v)
            if (look.sums.occupied[at - 1][0] < oracle_quota(core, at, 1)->guarantee)
                return 1;
    }
    return 0;
}

static void on_decision(struct world *w, void *context)
{
    struct quiet *quiet = context;
    struct potential after;

    quiet->decisions += 1;
    if (quiet->taken > 0)
        after = potential_of(w->shadow, NULL);
    if (quiet->taken > 0 &&
        (quiet->others > 0 || quiet->fair > 0 || pushed_under(w->shadow, quiet))) {
        quiet->left_out += 1;
    } else if (quiet->taken > 0) {
        quiet->rises += 1;
        if (compare(&after, &quiet->before) <= 0)
            quiet->says = "a decision took back and the potential did not rise";
    }
    quiet->taken = 0;
    quiet->fair = 0;
    quiet->others = 0;
    quiet->victims_count = 0;
}

struct scene {
    struct world *world;
    uint32_t leaves[8];
    uint32_t leaves_count;
    struct quiet quiet;
};

static void submit(struct scene *scene)
{
    world_submit(scene->world,
                 (struct job_spec){.account = scene->leaves[roll(scene->leaves_count)],
                                   .tasks = 1 + roll(2),
                                   .accelerators = 1 + roll(6),
                                   .priority = (int32_t)roll(3),
                                   .checkpoint_us = (int64_t)roll(2) * DR_MINUTE_US,
                                   .restart_us = (int64_t)roll(3) * DR_HOUR_US,
                                   .limit_us = FOR_EVER});
}

static void build(struct scene *scene, uint64_t seed)
{
    struct dr_settings settings;
    char text[80];
    struct world *w;
    uint32_t *leaves = scene->leaves;
    uint32_t count = 1;
    int64_t left;

    snprintf(text, sizeof text, "1 site, 1 pool, %u nodes x %u h200", 1 + roll(4), 1 + roll(8));
    w = world_new(text);
    settings = w->core->settings;
    left = (int64_t)w->core->nodes_count * w->core->pools[0].accelerators;
    if (seed % 2 == 0)
        left /= 3; /* more is borrowed */
    for (uint32_t i = 1 + roll(3); i > 0; i -= 1) {
        int64_t share = roll((uint32_t)left + 1);
        char name[DR_NAME_BYTES];
        uint32_t sector;

        left -= share;
        snprintf(name, sizeof name, "sector%u", i);
        sector = world_account(w, name, WORLD_ACCOUNT_ROOT, share, -1, -1);
        if (roll(2) == 0)
            leaves[count++] = sector;
        for (uint32_t k = leaves[count - 1] == sector ? 0 : 2; k > 0; k -= 1) {
            int64_t part = roll((uint32_t)share + 1);

            share -= part;
            snprintf(name, sizeof name, "leaf%u-%u", i, k);
            leaves[count++] = world_account(w, name, sector, part, -1, -1);
        }
    }
    leaves[0] = WORLD_ACCOUNT_A;
    scene->leaves_count = count;
    scene->world = w;
    if (seed % 4 != 1)
        settings.fair_preemption = DR_FAIR_PREEMPTION_FINAL_SHARE;
    settings.fair_minimum_run_us = (int64_t)(5 + seed % 4 * 10) * DR_MINUTE_US;
    settings.half_life_us = (int64_t)(5 + seed % 3 * 10) * DR_MINUTE_US; /* keys come to rest */
    world_settings(w, settings);
    scene->quiet = (struct quiet){.says = NULL};
    w->check = on_fact;
    w->check_context = &scene->quiet;
    w->decided = on_decision;
}

TEST(quiet_worlds_come_to_rest)
{
    struct test_seeds seeds = test_seeds(300);
    uint64_t most = 0, all = 0, rises = 0, fair = 0, left_out = 0;

    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed += 1) {
        static struct scene scene;
        uint64_t before;
        int rested = 0;

        test_seed(seed);
        dice = seed * 0x9e3779b97f4a7c15ull + 5;
        build(&scene, seed);
        for (uint32_t i = 4 + roll(10); i > 0; i -= 1) {
            submit(&scene);
            if (roll(3) == 0)
                world_run_us(scene.world, (int64_t)roll(12) * DR_MINUTE_US);
        }
        before = evictions(scene.world);
        /* Keys move slowly: who takes by fair share may do so again hours later, but no more than
         * three times. */
        for (uint32_t i = 0; i < 5 && !rested; i += 1) {
            uint64_t late;

            world_run_us(scene.world, 7 * DR_HOUR_US);
            late = evictions(scene.world);
            world_run_us(scene.world, DR_HOUR_US);
            rested = evictions(scene.world) == late;
        }
        all += evictions(scene.world);
        most = evictions(scene.world) - before > most ? evictions(scene.world) - before : most;
        if (scene.quiet.says == NULL && !rested)
            scene.quiet.says = "nothing came from outside for forty hours, and it goes on taking";
        if (scene.quiet.says != NULL)
            fail_msg("seed %llu: %s", (unsigned long long)seed, scene.quiet.says);
        rises += scene.quiet.rises;
        fair += scene.quiet.fair_all;
        left_out += scene.quiet.left_out;
        world_free(scene.world);
    }
    print_message(
        "# %llu promises, %llu taken by fair share, at most %llu promises in a world while "
        "nothing came from outside; %llu decisions raised the potential, %llu are left out "
        "of it\n",
        (unsigned long long)all, (unsigned long long)fair, (unsigned long long)most,
        (unsigned long long)rises, (unsigned long long)left_out);
    if (seeds.count >= 100)
        CHECK(fair > seeds.count / 4);
}

/* ---- a long walk ---- */

#define SEEN_MAX 512

/* Who runs, and to whom the place of those is promised who are told to leave. */
static uint64_t signature(const struct dr_core *core)
{
    uint64_t sum = 0;

    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];

        if (job->id.v != 0 && dr_job_run(core, job)->promise != DR_ROW_NONE)
            sum += job->id.v * 0xbf58476d1ce4e5b9ull;
        if (oracle_holds(job) && dr_job_run(core, job)->stopping == DR_STOP_NONE)
            sum += job->id.v * 0x9e3779b97f4a7c15ull;
    }
    return sum;
}

/* A few ends and submits, then half an hour of nothing: how often does a set of running
 * attempts come back after an eviction? */
static void stroll(struct scene *scene, uint32_t *again_most, uint64_t *chain_most)
{
    struct world *w = scene->world;
    uint64_t seen[SEEN_MAX];
    uint32_t seen_count = 0;
    uint64_t before;

    for (uint32_t i = 1 + roll(4); i > 0 && w->attempts_count > 0; i -= 1) {
        uint64_t job = w->attempts[roll(w->attempts_count)].job;

        if (world_run(w, (dr_job_id){job})->start_us != 0)
            world_end(w, (dr_job_id){job}, 0);
    }
    for (uint32_t i = 0; i < 30 && w->core->accounts[0].jobs_live < 16; i += 1)
        submit(scene);
    before = evictions(w);
    for (uint32_t i = 0; i < 30; i += 1) {
        uint64_t taken = evictions(w);
        uint64_t now;
        uint32_t again = 0;

        world_run_us(w, DR_MINUTE_US);
        if (evictions(w) == taken || seen_count == SEEN_MAX)
            continue;
        now = signature(w->core);
        for (uint32_t k = 0; k < seen_count; k += 1)
            again += seen[k] == now;
        seen[seen_count++] = now;
        *again_most = again > *again_most ? again : *again_most;
    }
    *chain_most = evictions(w) - before > *chain_most ? evictions(w) - before : *chain_most;
}

/* STEPS decisions (100,000) over worlds from seed FIRST (1). */
TEST(a_long_walk_does_not_go_round)
{
    uint64_t steps = getenv("STEPS") != NULL ? strtoull(getenv("STEPS"), NULL, 10) : 100000;
    uint64_t seed = test_seeds(1).first;
    uint64_t done = 0, chain_most = 0, taken = 0, rises = 0, fair = 0, left_out = 0;
    uint32_t again_most = 0;

    for (; done < steps; seed += 1) {
        static struct scene scene;

        test_seed(seed);
        dice = seed * 0x9e3779b97f4a7c15ull + 6;
        build(&scene, seed);
        for (uint32_t i = 0; i < 100 && scene.quiet.says == NULL; i += 1)
            stroll(&scene, &again_most, &chain_most);
        if (scene.quiet.says == NULL && again_most > 3)
            scene.quiet.says = "one and the same state came back more than three times";
        if (scene.quiet.says != NULL)
            fail_msg("seed %llu: %s", (unsigned long long)seed, scene.quiet.says);
        done += scene.quiet.decisions;
        taken += evictions(scene.world);
        rises += scene.quiet.rises;
        fair += scene.quiet.fair_all;
        left_out += scene.quiet.left_out;
        world_free(scene.world);
    }
    print_message("# %llu decisions, %llu promises, %llu taken by fair share, at most %llu while "
                  "nothing came from outside; "
                  "the same attempts ran again after an eviction at most %u times; %llu decisions "
                  "raised the potential, %llu are left out of it\n",
                  (unsigned long long)done, (unsigned long long)taken, (unsigned long long)fair,
                  (unsigned long long)chain_most, again_most, (unsigned long long)rises,
                  (unsigned long long)left_out);
}
