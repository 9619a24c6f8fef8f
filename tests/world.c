/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include "base/math.h"
#include "core/place.h"
#include "core/power.h"
#include "core/ends.h"
#include "core/lent.h"
#include "core/seats.h"
#include "core/quota.h"
#include "core/vacancy.h"
#include "core/window.h"

#define FACTS_BYTES (8u << 20)
#define EFFECTS     4096
#define START_US    (1800000000 * DR_SECOND_US) /* a Tuesday in 2027 */

static char refusal[512];

const char *world_refusal(void)
{
    return refusal;
}

static const struct dr_limits SMALL = {.jobs_max = 4096,
                                       .nodes_max = 4096,
                                       .pools_max = 16,
                                       .accounts_max = 64,
                                       .users_max = 8,
                                       .tokens_max = 8,
                                       .groups_max = 24,
                                       .datasets_max = 16,
                                       .extents_max = 65536};

/* ---- facts ---- */

static void keep(struct world *world)
{
    const struct dr_batch *batch = &world->batch;
    uint32_t at = 0;

    if (world->log_bytes + batch->bytes_count > world->log_bytes_max) {
        world->log_bytes_max = 2 * (world->log_bytes + batch->bytes_count);
        world->log = realloc(world->log, world->log_bytes_max);
        assert_non_null(world->log);
    }
    memcpy(world->log + world->log_bytes, batch->bytes, batch->bytes_count);
    world->log_bytes += batch->bytes_count;
    while (at < batch->bytes_count) {
        struct dr_fact fact;
        struct dr_error error;
        uint32_t taken;

        dr_arena_reset(&world->decoded, 0);
        if (dr_fact_decode(batch->bytes + at, batch->bytes_count - at, &world->decoded, &fact,
                           &taken, &error) != DR_OK)
            fail_msg("a fact of the core does not decode: %s", error.field);
        fact.seq = dr_core_seq(world->shadow) + 1;
        dr_apply(world->shadow, &fact, NULL);
        world->facts_count += 1;
        world->counts[fact.kind] += 1;
        if (world->check != NULL)
            world->check(world, &fact, world->check_context);
        at += taken;
    }
}

static struct world_attempt *attempt_of(struct world *world, uint64_t job)
{
    for (uint32_t i = 0; i < world->attempts_count; i += 1)
        if (world->attempts[i].job == job)
            return &world->attempts[i];
    return NULL;
}

/* What the job really does is in its text field's place: the spec, by job id. */
struct truth {
    int64_t run_us;
    int64_t leave_us;
    uint8_t leaves_well;
};
static struct truth truths[65536];

static void launch(struct world *world, const struct dr_effect *effect)
{
    const struct dr_job *job = world_job(world, effect->job);
    const struct truth *truth = &truths[effect->job.v % 65536];
    struct world_attempt *attempt;
    int64_t rest;

    if (attempt_of(world, effect->job.v) != NULL)
        fail_msg("job %llu was launched while it runs", (unsigned long long)effect->job.v);
    if (world->attempts_count == world->attempts_max) {
        world->attempts_max = world->attempts_max == 0 ? 64 : 2 * world->attempts_max;
        world->attempts = realloc(world->attempts, world->attempts_max * sizeof world->attempts[0]);
        assert_non_null(world->attempts);
    }
    attempt = &world->attempts[world->attempts_count];
    world->attempts_count += 1;
    *attempt = (struct world_attempt){.job = effect->job.v,
                                      .attempt = effect->attempt,
                                      .start_us = world->now_us + world->launch_delay_us,
                                      .outcome = DR_OUTCOME_EXITED,
                                      .save_us = DR_FOREVER_US};
    rest = truth->run_us == 0 ? DR_FOREVER_US / 4
                              : truth->run_us - dr_job_run(world->core, job)->kept_us;
    if (dr_job_run(world->core, job)->attempt > 1)
        rest += dr_job_terms(world->core, job)->restart_us;
    attempt->end_us = attempt->start_us + (rest < 0 ? 0 : rest);
    if (attempt->end_us > attempt->start_us + dr_job_run(world->core, job)->attempt_limit_us) {
        attempt->end_us = attempt->start_us + dr_job_run(world->core, job)->attempt_limit_us;
        attempt->outcome = DR_OUTCOME_TIMED_OUT;
    }
    if (dr_job_terms(world->core, job)->checkpoint_us > 0)
        attempt->save_us = attempt->start_us + dr_job_terms(world->core, job)->checkpoint_us;
}

static void stop(struct world *world, const struct dr_effect *effect)
{
    struct world_attempt *attempt = attempt_of(world, effect->job.v);
    const struct truth *truth = &truths[effect->job.v % 65536];
    int64_t leave_us = effect->until_us;

    if (attempt == NULL || attempt->attempt != effect->attempt)
        return;
    if (truth->leave_us != 0 && world->now_us + truth->leave_us < leave_us)
        leave_us = world->now_us + truth->leave_us;
    if (leave_us < world->now_us)
        leave_us = world->now_us;
    if (dr_job_terms(world->core, world_job(world, effect->job))->checkpoint_on_warning)
        attempt->save_us = world->now_us;
    if (leave_us < attempt->end_us) {
        attempt->end_us = leave_us;
        attempt->outcome = truth->leaves_well ? DR_OUTCOME_EXITED : DR_OUTCOME_STOPPED;
    }
}

static void flush(struct world *world)
{
    struct dr_effect effects[EFFECTS];
    uint32_t count = world->batch.effects_count;

    memcpy(effects, world->batch.effects, count * sizeof effects[0]);
    keep(world);
    dr_batch_clear(&world->batch);
    for (uint32_t i = 0; i < count; i += 1) {
        if (effects[i].kind == DR_EFFECT_LAUNCH)
            launch(world, &effects[i]);
        if (effects[i].kind == DR_EFFECT_STOP)
            stop(world, &effects[i]);
    }
}

static int admit(struct world *world, struct dr_command *command, struct dr_answer *answer)
{
    int admitted;

    memset(answer, 0, sizeof *answer);
    admitted = dr_admit(world->core, command, world->now_us, &world->batch, answer);
    if (!admitted)
        dr_format(refusal, sizeof refusal, "%s: %s", answer->field, answer->text);
    flush(world);
    return admitted;
}

static uint32_t must(struct world *world, struct dr_command command)
{
    struct dr_answer answer;

    command.roles = 0xff;
    if (!admit(world, &command, &answer))
        fail_msg("refused: %s", refusal);
    return answer.id;
}

static uint32_t declare(struct world *world, struct dr_fact fact)
{
    return must(world, (struct dr_command){.kind = DR_COMMAND_DECLARE, .body.declare = fact});
}

void world_declare(struct world *world, struct dr_fact fact)
{
    declare(world, fact);
}

uint32_t world_window(struct world *world, struct dr_fact_window_made window)
{
    struct dr_command command = {.kind = DR_COMMAND_DECLARE, .roles = 0xff};
    struct dr_answer answer;

    window.from_us += world->now_us;
    window.until_us += world->now_us;
    command.body.declare.kind = DR_FACT_WINDOW_MADE;
    command.body.declare.window_made = window;
    return admit(world, &command, &answer) ? answer.id : 0;
}

void world_drop_window(struct world *world, uint32_t window)
{
    struct dr_fact fact = {.kind = DR_FACT_WINDOW_DROPPED};

    fact.window_dropped.window = window;
    declare(world, fact);
}

/* A decision leaves nothing undone: asked again at once, with no memory of who was refused, it has
 * nothing to say; nor, after a tick in which it was tried, has fair preemption. */
static void ask_again(struct world *world, int looked)
{
    struct dr_rest rest = world->core->seats->rest;

    dr_seats_wake_all(world->core->seats); /* or it would be for the next decision */
    if (looked)
        world->core->seats->rest.due = DR_REST_ALL;
    for (uint32_t row = 0; row < world->core->accounts_count; row += 1)
        memset(world->core->seats->seats[row].vain, 0, sizeof world->core->seats->seats[row].vain);
    if (dr_decide(world->core, world->now_us, &world->batch) != 0 || world->batch.facts_count != 0)
        world->undecided += 1;
    if (world->batch.facts_count == 0)
        world->core->seats->rest = rest;
    flush(world);
}

uint32_t world_decide(struct world *world)
{
    uint64_t before = world->facts_count;
    int looked = dr_rest_looks(world->core, world->now_us);
    uint8_t asked = world->core->dirty || dr_core_next_time_us(world->core) <= world->now_us;

    for (uint32_t i = 0;; i += 1) {
        int more = dr_decide(world->core, world->now_us, &world->batch);

        flush(world);
        if (!more)
            break;
        if (i > 1000)
            fail_msg("a decision does not come to an end");
    }
    if (world->decided != NULL && !world->core->dirty)
        world->decided(world, world->check_context);
    world->decisions += 1;
    if (world->decisions % world->asks_every != 0)
        return (uint32_t)(world->facts_count - before);
    world->core->dirty = asked;
    if (asked)
        ask_again(world, looked);
    return (uint32_t)(world->facts_count - before);
}

/* ---- building ---- */

static void settings_of(struct world *world, struct dr_settings settings)
{
    struct dr_fact fact = {.kind = DR_FACT_SETTINGS_SET};

    fact.settings_set = dr_settings_fact(&settings);
    declare(world, fact);
}

void world_settings(struct world *world, struct dr_settings settings)
{
    settings_of(world, settings);
}

uint32_t world_site(struct world *world, const char *name)
{
    struct dr_fact fact = {.kind = DR_FACT_SITE_SET};
    int64_t tariff[DR_TARIFF_HOURS];

    for (uint32_t i = 0; i < DR_TARIFF_HOURS; i += 1)
        tariff[i] = 100000;
    dr_copy_name(fact.site_set.name, name);
    dr_copy_name(fact.site_set.jurisdiction, "kr");
    fact.site_set.pue_milli = 1200;
    fact.site_set.tariff_micro = tariff;
    fact.site_set.tariff_micro_count = DR_TARIFF_HOURS;
    fact.site_set.classes = UINT64_MAX;
    fact.site_set.engine = DR_ENGINE_SIMULATED;
    return declare(world, fact);
}

/* The chip of that name, made with its groups if there is none. "cpu": no chip. */
static uint32_t chip_of(struct world *world, const char *name, uint32_t groups[DR_RESOURCE_COUNT])
{
    static const char *const suffix[DR_RESOURCE_COUNT] = {"", "-cpu", "-memory"};
    dr_chip_id chip = dr_chip_named(world->core, name);
    char text[DR_NAME_BYTES];

    if (chip.v == 0 && strcmp(name, "cpu") != 0) {
        struct dr_fact fact = {.kind = DR_FACT_CHIP_SET};

        dr_copy_name(fact.chip_set.name, name);
        fact.chip_set.memory_mb = 80000;
        fact.chip_set.idle_w = 100;
        fact.chip_set.busy_w = 700;
        fact.chip_set.price_micro = 2000000;
        chip.v = declare(world, fact);
    }
    for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1) {
        dr_format(text, sizeof text, "%s%s", name, suffix[i]);
        groups[i] = dr_group_named(world->core, text).v;
        if (groups[i] == 0) {
            struct dr_fact fact = {.kind = DR_FACT_GROUP_SET};

            dr_copy_name(fact.group_set.name, text);
            fact.group_set.resource = (uint8_t)i;
            groups[i] = declare(world, fact);
        }
    }
    return chip.v;
}

static void account_of(struct world *world, uint32_t id, const char *name, uint32_t parent,
                       uint32_t weight, uint8_t preempt_below, const struct dr_quota_limits *limits,
                       uint32_t count)
{
    struct dr_fact fact = {.kind = DR_FACT_ACCOUNT_SET};

    fact.account_set.account = id;
    fact.account_set.parent = parent;
    dr_copy_name(fact.account_set.name, name);
    fact.account_set.weight = weight;
    fact.account_set.preempt_below = preempt_below;
    fact.account_set.limits = limits;
    fact.account_set.limits_count = count;
    declare(world, fact);
}

/* The root has more of everything than there ever is. */
static void raise_root(struct world *world)
{
    struct dr_quota_limits limits[24];
    uint32_t count = world->core->groups_count;

    for (uint32_t i = 0; i < count; i += 1)
        limits[i] = (struct dr_quota_limits){{i + 1}, 1000000000, DR_FOREVER_US, DR_FOREVER_US};
    account_of(world, WORLD_ACCOUNT_ROOT, "root", 0, 1000, 0, limits, count);
}

uint32_t world_pool(struct world *world, uint32_t site, const char *chip, uint32_t nodes,
                    uint32_t accelerators, uint32_t block)
{
    struct dr_fact fact = {.kind = DR_FACT_POOL_SET};
    struct dr_fact added = {.kind = DR_FACT_NODES_ADDED};
    uint32_t groups[DR_RESOURCE_COUNT];
    struct dr_level level = {"block", block};

    fact.pool_set.chip = chip_of(world, chip, groups);
    fact.pool_set.site = site;
    dr_format(fact.pool_set.name, DR_NAME_BYTES, "p%u", world->core->pools_count + 1);
    dr_format(fact.pool_set.node_prefix, DR_NAME_BYTES, "p%un", world->core->pools_count + 1);
    dr_copy_name(fact.pool_set.partition, world->core->pools_count % 2 == 0 ? "odd" : "even");
    fact.pool_set.owner = WORLD_ACCOUNT_ROOT;
    fact.pool_set.accelerators = fact.pool_set.chip == 0 ? 0 : accelerators;
    fact.pool_set.cpus = accelerators * 8000;
    fact.pool_set.memory_mb = accelerators * 64000;
    fact.pool_set.node_idle_w = 500;
    fact.pool_set.node_digits = 1;
    fact.pool_set.levels = &level;
    fact.pool_set.levels_count = block > 0;
    fact.pool_set.groups = groups;
    fact.pool_set.groups_count = DR_RESOURCE_COUNT;
    added.nodes_added.pool = declare(world, fact);
    added.nodes_added.count = nodes;
    if (nodes > 0)
        declare(world, added);
    raise_root(world);
    return added.nodes_added.pool;
}

/* Limits in the three groups of a chip (0: of "cpu", in CPUs), in proportion to one accelerator. */
static uint32_t limits_of(const struct world *world, uint32_t chip, int64_t guarantee,
                          int64_t borrow, int64_t lend, struct dr_quota_limits limits[3])
{
    const struct dr_core *core = world->core;
    int64_t each[DR_RESOURCE_COUNT] = {1000, 8000, 64000};

    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        if (core->pools[row].chip.v != chip)
            continue;
        for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1) {
            limits[i] = (struct dr_quota_limits){core->pools[row].groups[i], guarantee * each[i],
                                                 borrow < 0 ? DR_FOREVER_US : borrow * each[i],
                                                 lend < 0 ? DR_FOREVER_US : lend * each[i]};
        }
        return DR_RESOURCE_COUNT;
    }
    return 0;
}

uint32_t world_account(struct world *world, const char *name, uint32_t parent, int64_t guarantee,
                       int64_t borrow, int64_t lend)
{
    struct dr_quota_limits limits[3];
    uint32_t count =
        limits_of(world, world->core->pools[0].chip.v, guarantee, borrow, lend, limits);

    account_of(world, world->core->accounts_count + 1, name, parent, 1000, 0, limits, count);
    return world->core->accounts_count;
}

static void change_account(struct world *world, uint32_t account,
                           const struct dr_quota_limits *changed, uint32_t changed_count,
                           uint32_t weight, uint8_t preempt_below)
{
    struct dr_core *core = world->core;
    struct dr_quota_limits all[24];

    for (uint32_t i = 0; i < core->groups_count; i += 1) {
        const struct dr_quota *quota =
            dr_quota_at(core, (dr_account_id){account}, (dr_group_id){i + 1});

        all[i] = (struct dr_quota_limits){{i + 1}, quota->guarantee, quota->borrow, quota->lend};
    }
    for (uint32_t i = 0; i < changed_count; i += 1)
        all[changed[i].group.v - 1] = changed[i];
    account_of(world, account, core->accounts[account - 1].name,
               core->accounts[account - 1].parent.v, weight, preempt_below, all,
               core->groups_count);
}

void world_limits(struct world *world, uint32_t account, uint32_t chip, int64_t guarantee,
                  int64_t borrow, int64_t lend)
{
    struct dr_quota_limits limits[3];
    uint32_t count = limits_of(world, chip, guarantee, borrow, lend, limits);

    change_account(world, account, limits, count, world->core->accounts[account - 1].weight,
                   world->core->accounts[account - 1].preempt_below);
}

void world_weight(struct world *world, uint32_t account, uint32_t weight)
{
    change_account(world, account, NULL, 0, weight,
                   world->core->accounts[account - 1].preempt_below);
}

void world_preempt_below(struct world *world, uint32_t account)
{
    change_account(world, account, NULL, 0, world->core->accounts[account - 1].weight, 1);
}

struct world *world_new(const char *text)
{
    struct world *world = calloc(1, sizeof *world);
    unsigned sites, pools, nodes, accelerators, block = 0;
    char chip[32];
    struct dr_command user = {.kind = DR_COMMAND_DECLARE};
    struct dr_membership membership = {{WORLD_ACCOUNT_ROOT}, DR_ROLE_ACCOUNT_ADMIN};
    struct dr_settings settings = {.name = "test",
                                   .currency = "krw",
                                   .half_life_us = 7 * DR_DAY_US,
                                   .minimum_run_us = 5 * DR_MINUTE_US,
                                   .loss_cap_us = DR_HOUR_US,
                                   .preemption_credit_us = 30 * DR_MINUTE_US,
                                   .default_limit_us = DR_HOUR_US,
                                   .default_grace_us = 10 * DR_SECOND_US,
                                   .retain_ended_us = DR_DAY_US,
                                   .span_price_micro = 1000000,
                                   .requeue_limit = 10,
                                   .reserve_depth = 1,
                                   .job_uid = 65534,
                                   .job_gid = 65534};

    assert_non_null(world);
    if (sscanf(text, "%u %*[a-z], %u %*[a-z], %u %*[a-z] x %u %31[a-z0-9], blocks of %u", &sites,
               &pools, &nodes, &accelerators, chip, &block) < 5)
        fail_msg("world_new: '%s' is not 'S sites, P pools, N nodes x A CHIP[, blocks of K]'",
                 text);
    if (dr_core_open(&world->core, &SMALL) != DR_OK ||
        dr_core_open(&world->shadow, &SMALL) != DR_OK ||
        dr_arena_init(&world->decoded, 64u << 20) != DR_OK)
        fail_msg("no memory");
    world->batch = (struct dr_batch){.bytes = malloc(FACTS_BYTES),
                                     .bytes_max = FACTS_BYTES,
                                     .effects = calloc(EFFECTS, sizeof(struct dr_effect)),
                                     .effects_max = EFFECTS};
    world->now_us = START_US;
    world->next_tick_us = START_US + DR_MINUTE_US;
    world->tick_us = DR_MINUTE_US;
    world->asks_every = 1;
    must(world, (struct dr_command){.kind = DR_COMMAND_LEAD, .body.lead.program = "test"});
    settings_of(world, settings);
    account_of(world, 0, "root", 0, 1000, 0, NULL, 0);
    for (unsigned i = 0; i < sites; i += 1) {
        char name[DR_NAME_BYTES];

        dr_format(name, sizeof name, "s%u", i + 1);
        world_site(world, name);
    }
    for (unsigned i = 0; i < pools; i += 1)
        world_pool(world, i % sites + 1, chip, nodes, accelerators, block);
    account_of(world, 0, "a", WORLD_ACCOUNT_ROOT, 1000, 0, NULL, 0);
    user.body.declare.kind = DR_FACT_USER_SET;
    dr_copy_name(user.body.declare.user_set.name, "somebody");
    user.body.declare.user_set.uid = 1000;
    user.body.declare.user_set.gid = 1000;
    user.body.declare.user_set.memberships = &membership;
    user.body.declare.user_set.memberships_count = 1;
    must(world, user);
    return world;
}

struct world *world_remembering(const char *text, uint32_t reserve_depth)
{
    struct world *world = world_new(text);
    struct dr_settings settings = world->core->settings;

    settings.reserve_depth = reserve_depth;
    world_settings(world, settings);
    world->asks_every = 1000;
    world->tick_us = DR_HOUR_US;
    return world;
}

void world_free(struct world *world)
{
    dr_core_close(world->core);
    dr_core_close(world->shadow);
    dr_arena_deinit(&world->decoded);
    free(world->batch.bytes);
    free(world->batch.effects);
    free(world->log);
    free(world->attempts);
    free(world);
}

/* ---- jobs ---- */

dr_job_id world_submit(struct world *world, struct job_spec spec)
{
    struct dr_command command = {.kind = DR_COMMAND_SUBMIT, .user = {1}, .roles = 0xff};
    struct dr_fact_job_accepted *job = &command.body.submit;
    struct dr_alternative ways[2] = {
        {.chips = spec.chips,
         .tasks = spec.tasks == 0 ? 1 : spec.tasks,
         .accelerators_per_task = spec.share != 0 ? spec.share : spec.accelerators * 1000,
         .cpus_per_task = spec.cpus == 0 ? 1000 : spec.cpus * 1000,
         .memory_mb_per_task = spec.memory_mb,
         .tasks_per_node_max = spec.tasks_per_node,
         .factor = 1000},
        spec.second};
    struct dr_dependency after = {DR_DEPENDENCY_AFTEROK, {spec.after}};
    struct dr_answer answer;

    job->account = spec.account == 0 ? WORLD_ACCOUNT_A : spec.account;
    job->job_user = 1;
    job->priority = spec.priority;
    job->alternatives = ways;
    job->alternatives_count = spec.second.tasks > 0 ? 2 : 1;
    job->tasks_min = spec.tasks_min;
    if (spec.level != NULL) {
        const char *colon = strchr(spec.level, ':');

        job->level_kind = strncmp(spec.level, "required", 8) == 0 ? 2 : 1;
        dr_copy_name(job->level, colon + 1);
    }
    if (spec.site != NULL)
        dr_site_set_add(&job->sites, dr_site_named(world->core, spec.site).v - 1);
    if (spec.partition != NULL)
        dr_copy_name(job->partition, spec.partition);
    job->data_class = spec.data_class;
    if (spec.dataset != 0) {
        job->datasets = &spec.dataset;
        job->datasets_count = 1;
    }
    job->limit_us = spec.limit_us == 0 ? DR_HOUR_US : spec.limit_us;
    job->begin_us = spec.begin_us == 0 ? 0 : world->now_us + spec.begin_us;
    job->deadline_us = spec.deadline_us == 0 ? 0 : world->now_us + spec.deadline_us;
    job->deadline_ends = spec.deadline_ends;
    job->limit_total = spec.limit_total;
    job->preemptible = !spec.firm;
    job->flexible = spec.flexible;
    job->requeue = !spec.final;
    job->fenced = spec.fenced;
    job->unreachable_us = spec.unreachable_us;
    job->held = spec.held;
    job->checkpoint_us = spec.checkpoint_us;
    job->checkpoint_on_warning = spec.checkpoint_on_warning;
    job->restart_us = spec.restart_us;
    job->grace_us = spec.grace_us == 0 ? 10 * DR_SECOND_US : spec.grace_us;
    if (spec.array_index > 0) {
        job->array_job = spec.array_index;
        job->array_index = spec.array_index;
        job->array_limit = spec.array_limit;
    }
    if (spec.after != 0) {
        job->dependencies = &after;
        job->dependencies_count = 1;
    }
    if (!admit(world, &command, &answer))
        return (dr_job_id){0};
    truths[answer.job.v % 65536] = (struct truth){spec.run_us, spec.leave_us, spec.leaves_well};
    return answer.job;
}

static void report(struct world *world, enum dr_command_kind kind,
                   const struct world_attempt *attempt, int exit_code)
{
    struct dr_command command = {.kind = kind, .roles = 0xff};
    struct dr_answer answer;

    command.body.attempt.job.v = attempt->job;
    command.body.attempt.attempt = attempt->attempt;
    command.body.attempt.time_us = kind == DR_COMMAND_STARTED ? attempt->start_us : world->now_us;
    command.body.attempt.outcome = attempt->outcome;
    command.body.attempt.exit_code = exit_code;
    admit(world, &command, &answer);
}

static int reachable(const struct world *world, const struct world_attempt *attempt)
{
    const struct dr_job *job = world_job(world, (dr_job_id){attempt->job});

    return job->state != DR_JOB_UNREACHABLE;
}

/* What the engine has to say by now. Returns 1 if it said something. */
static int engine(struct world *world)
{
    for (uint32_t i = 0; i < world->attempts_count; i += 1) {
        struct world_attempt *attempt = &world->attempts[i];

        if (!reachable(world, attempt))
            continue;
        if (!attempt->reported && attempt->start_us <= world->now_us) {
            attempt->reported = 1;
            report(world, DR_COMMAND_STARTED, attempt, 0);
            return 1;
        }
        if (attempt->save_us <= world->now_us && attempt->save_us <= attempt->end_us) {
            const struct dr_job *job = world_job(world, (dr_job_id){attempt->job});

            attempt->save_us =
                dr_job_terms(world->core, job)->checkpoint_us > 0 &&
                        dr_job_run(world->core, job)->stopping == DR_STOP_NONE
                    ? attempt->save_us + dr_job_terms(world->core, job)->checkpoint_us
                    : DR_FOREVER_US;
            report(world, DR_COMMAND_CHECKPOINT, attempt, 0);
            return 1;
        }
        if (attempt->reported && attempt->end_us <= world->now_us) {
            struct world_attempt gone = *attempt;

            world->attempts_count -= 1;
            memmove(attempt, attempt + 1, (world->attempts_count - i) * sizeof *attempt);
            report(world, DR_COMMAND_ENDED, &gone, 0);
            return 1;
        }
    }
    return 0;
}

static int64_t engine_next_us(const struct world *world)
{
    int64_t next_us = DR_FOREVER_US;

    for (uint32_t i = 0; i < world->attempts_count; i += 1) {
        const struct world_attempt *attempt = &world->attempts[i];

        if (!reachable(world, attempt))
            continue;
        next_us = dr_min_i64(next_us, attempt->reported ? attempt->end_us : attempt->start_us);
        if (attempt->save_us <= attempt->end_us)
            next_us = dr_min_i64(next_us, attempt->save_us);
    }
    return next_us;
}

void world_run_us(struct world *world, int64_t span_us)
{
    int64_t until_us = world->now_us + span_us;

    world_decide(world);
    for (;;) {
        int64_t next_us;

        while (engine(world))
            world_decide(world);
        next_us = dr_min_i64(world->next_tick_us, engine_next_us(world));
        next_us = dr_min_i64(next_us, dr_core_next_time_us(world->core));
        if (next_us > until_us)
            break;
        world->now_us = dr_max_i64(world->now_us, next_us);
        if (world->now_us >= world->next_tick_us) {
            world->next_tick_us += world->tick_us;
            must(world, (struct dr_command){.kind = DR_COMMAND_TICK});
        }
        if (world_decide(world) == 0 && dr_core_next_time_us(world->core) <= world->now_us)
            fail_msg("the core wants to be asked now, and then has nothing to do");
    }
    world->now_us = until_us;
}

struct world *world_reserved_twice(uint32_t *b)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");

    *b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    world_pool(w, world_site(w, "s2"), "h200", 3, 8, 0);
    world_pool(w, world_site(w, "s3"), "h200", 3, 8, 0);
    world_account(w, "c", WORLD_ACCOUNT_ROOT, 20, -1, 0);
    for (uint32_t i = 0; i < 2; i += 1) { /* one runs in s1 and in s2, and one waits for it */
        struct job_spec spec = {.site = "s1", .accelerators = 8, .memory_mb = 1};

        spec.tasks = i == 0 ? 1 : 2;
        spec.limit_us = 30 * DR_MINUTE_US;
        world_submit(w, spec);
        spec.site = "s2";
        spec.tasks = i == 0 ? 1 : 3;
        spec.limit_us = 60 * DR_MINUTE_US;
        world_submit(w, spec);
        world_run_us(w, DR_MINUTE_US);
    }
    return w;
}

void world_node(struct world *world, uint32_t row, int drained, int down)
{
    struct dr_command command = {.kind = DR_COMMAND_NODE};

    command.body.node.node = row + 1;
    command.body.node.drained = (uint8_t)drained;
    command.body.node.down = (uint8_t)down;
    must(world, command);
    for (uint32_t i = 0; down && i < world->attempts_count; i += 1) {
        /* The engine learns that what ran there is gone. */
        struct world_attempt *attempt = &world->attempts[i];
        const struct dr_job *job = world_job(world, (dr_job_id){attempt->job});

        if (dr_job_run(world->core, job)->stopping == DR_STOP_NODE &&
            attempt->end_us > world->now_us) {
            attempt->end_us = world->now_us;
            attempt->outcome = DR_OUTCOME_NODE_FAILED;
        }
    }
}

void world_node_down(struct world *world, uint32_t row)
{
    world_node(world, row, 0, 1);
}

void world_site_answers(struct world *world, uint32_t site, int answers)
{
    struct dr_command command = {.kind = DR_COMMAND_SITE};

    command.body.site.site.v = site;
    command.body.site.answers = (uint8_t)answers;
    must(world, command);
}

static void about_job(struct world *world, enum dr_command_kind kind, dr_job_id job)
{
    struct dr_command command = {.kind = kind, .roles = 0xff, .user = {1}};
    struct dr_answer answer;

    command.body.job = job;
    if (!admit(world, &command, &answer))
        fail_msg("refused: %s", refusal);
}

void world_cancel(struct world *world, dr_job_id job)
{
    about_job(world, DR_COMMAND_CANCEL, job);
}

void world_hold(struct world *world, dr_job_id job)
{
    about_job(world, DR_COMMAND_HOLD, job);
}

void world_release(struct world *world, dr_job_id job)
{
    about_job(world, DR_COMMAND_RELEASE, job);
}

void world_end(struct world *world, dr_job_id job, int exit_code)
{
    struct world_attempt *attempt = attempt_of(world, job.v);
    struct world_attempt gone;

    assert_non_null(attempt);
    gone = *attempt;
    gone.outcome = DR_OUTCOME_EXITED;
    world->attempts_count -= 1;
    memmove(attempt, attempt + 1,
            (world->attempts_count - (uint32_t)(attempt - world->attempts)) * sizeof *attempt);
    report(world, DR_COMMAND_ENDED, &gone, exit_code);
}

void world_save(struct world *world, dr_job_id job)
{
    struct world_attempt *attempt = attempt_of(world, job.v);

    assert_non_null(attempt);
    report(world, DR_COMMAND_CHECKPOINT, attempt, 0);
}

/* ---- looking ---- */

const struct dr_run *world_run(const struct world *world, dr_job_id job)
{
    return dr_job_run(world->core, world_job(world, job));
}

const struct dr_job *world_job(const struct world *world, dr_job_id job)
{
    dr_job_row row = dr_job_find(world->core, job);

    if (row.v == DR_ROW_NONE)
        fail_msg("there is no job %llu", (unsigned long long)job.v);
    return &world->core->jobs[row.v];
}

uint32_t world_busy_accelerators(const struct world *world)
{
    uint32_t busy = 0;

    for (uint32_t i = 0; i < world->core->nodes_count; i += 1)
        busy += dr_bit_count(world->core->nodes[i].busy);
    return busy;
}

int world_first_node(const struct world *world, dr_job_id job)
{
    uint32_t at = world_run(world, job)->extents;

    if (at == DR_ROW_NONE)
        return -1;
    return (int)world->core->nodes[world->core->extents[at].extent.node.v - 1].number;
}

uint32_t world_nodes_of(const struct world *world, dr_job_id job)
{
    uint32_t count = 0;

    for (uint32_t at = world_run(world, job)->extents; at != DR_ROW_NONE;
         at = world->core->extents[at].next)
        count += 1;
    return count;
}

struct dr_why world_why(const struct world *world, dr_job_id job)
{
    struct dr_why why;

    dr_why(world->core, job, world->now_us, &why);
    return why;
}

/* ---- replay ---- */

static const char *sums_differ(const struct dr_core *a, const struct dr_core *b)
{
    static char text[200];

    for (uint32_t account = 0; account < a->accounts_count; account += 1)
        for (uint32_t group = 0; group < a->groups_count; group += 1) {
            const struct dr_quota *x =
                dr_quota_at(a, (dr_account_id){account + 1}, (dr_group_id){group + 1});
            const struct dr_quota *y =
                dr_quota_at(b, (dr_account_id){account + 1}, (dr_group_id){group + 1});

            if (x->use != y->use || x->claim != y->claim || x->firm != y->firm ||
                x->occupied != y->occupied || x->children_occupied != y->children_occupied)
                return dr_format(text, sizeof text,
                                 "sums of account %u in group %u differ: use %lld %lld, claim %lld "
                                 "%lld, occupied %lld %lld",
                                 account + 1, group + 1, (long long)x->use, (long long)y->use,
                                 (long long)x->claim, (long long)y->claim, (long long)x->occupied,
                                 (long long)y->occupied);
        }
    for (uint32_t node = 0; node < a->nodes_count; node += 1)
        if (a->nodes[node].busy != b->nodes[node].busy ||
            a->nodes[node].promised != b->nodes[node].promised ||
            a->nodes[node].cpus_used != b->nodes[node].cpus_used ||
            a->nodes[node].tasks != b->nodes[node].tasks)
            return dr_format(text, sizeof text, "node %u differs", node + 1);
    for (uint32_t pool = 0; pool < a->pools_count; pool += 1)
        if (a->pools[pool].accelerators_free != b->pools[pool].accelerators_free ||
            a->pools[pool].nodes_up != b->pools[pool].nodes_up)
            return dr_format(text, sizeof text, "pool %u differs", pool + 1);
    return NULL;
}

const char *world_replay(struct world *world)
{
    const char *differs;

    if (dr_core_hash(world->core) != dr_core_hash(world->shadow))
        return "the facts, through the codec, give another state";
    if (!dr_place_consistent(world->core))
        return "the index of places is not what nodes say";
    if (!dr_lent_consistent(world->core))
        return "what is lent is not what attempts and sums say";
    if (!dr_ends_consistent(world->core))
        return "the order of ends, or their sums, is not what attempts say";
    if (!dr_vacancy_consistent(world->core))
        return "nodes are not vacant when attempts say";
    if (!dr_power_consistent(world->core))
        return "draws, or what attempts have in announced intervals, do not add up";
    if (!dr_window_consistent(world->core))
        return "the index of advance reservations is not what they say";
    if (!dr_seats_consistent(world->core))
        return "the order of classes, or what they want, does not add up";
    if (!dr_seats_bounded(world->core))
        return "quotas let somebody who is parked have more than was noted of him";
    dr_core_index(world->shadow);
    differs = sums_differ(world->core, world->shadow);
    if (differs != NULL)
        return differs;
    if (dr_core_hash(world->core) != dr_core_hash(world->shadow))
        return "rebuilding the indexes changed the state";
    return NULL;
}
