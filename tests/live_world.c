/* SPDX-License-Identifier: Apache-2.0 */
#include "live_world.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "serve/fault.h"
#include "test.h"

/* ---- the clock ---- */

static int64_t wall_us(void *context)
{
    return ((struct live_site *)context)->wall_us;
}

static int64_t monotonic_us(void *context)
{
    return ((struct live_site *)context)->monotonic_us;
}

/* ---- the federation ---- */

enum { DECLARES = 12 + 3 * LIVE_FAR_MAX };

static const int64_t tariff[DR_TARIFF_HOURS] = {100000};

struct federation {
    struct dr_fact declares[DECLARES];
    uint32_t groups[DR_RESOURCE_COUNT];
    struct dr_quota_limits whole[DR_RESOURCE_COUNT];
    struct dr_quota_limits half[DR_RESOURCE_COUNT];
    struct dr_membership memberships[2];
    uint32_t count;
};

static struct dr_fact *next(struct federation *federation, enum dr_fact_kind kind)
{
    struct dr_fact *fact = &federation->declares[federation->count];

    if (federation->count == DECLARES)
        abort();
    federation->count += 1;
    memset(fact, 0, sizeof *fact);
    fact->kind = kind;
    return fact;
}

static void declare_account(struct federation *federation, const char *name, uint32_t parent,
                            const struct dr_quota_limits *limits)
{
    struct dr_fact *fact = next(federation, DR_FACT_ACCOUNT_SET);

    dr_copy_name(fact->account_set.name, name);
    fact->account_set.parent = parent;
    fact->account_set.weight = 1000;
    fact->account_set.limits = limits;
    fact->account_set.limits_count = DR_RESOURCE_COUNT;
}

static void declare_site(struct federation *federation, const char *name)
{
    struct dr_fact *fact = next(federation, DR_FACT_SITE_SET);

    dr_copy_name(fact->site_set.name, name);
    fact->site_set.pue_milli = 1000;
    fact->site_set.tariff_micro = tariff;
    fact->site_set.tariff_micro_count = DR_TARIFF_HOURS;
}

static void declare_pool(struct federation *federation, uint32_t site, const char *prefix,
                         uint32_t nodes, uint32_t accelerators)
{
    struct dr_fact *fact = next(federation, DR_FACT_POOL_SET);

    fact->pool_set.site = site;
    dr_copy_name(fact->pool_set.name, "toys");
    fact->pool_set.chip = 1;
    fact->pool_set.owner = 1;
    fact->pool_set.accelerators = accelerators;
    fact->pool_set.cpus = 64000;
    fact->pool_set.memory_mb = 65536;
    dr_copy_name(fact->pool_set.node_prefix, prefix);
    fact->pool_set.groups = federation->groups;
    fact->pool_set.groups_count = DR_RESOURCE_COUNT;
    if (site > 1) {
        dr_copy_name(fact->pool_set.partition, "batch");
        dr_copy_name(fact->pool_set.gres, "gpu:toy");
    }
    fact = next(federation, DR_FACT_NODES_ADDED);
    fact->nodes_added.pool = site;
    fact->nodes_added.count = nodes;
}

static void declare_federation(struct federation *federation, uint32_t nodes, uint32_t accelerators,
                               uint32_t far)
{
    static const char *const names[DR_RESOURCE_COUNT] = {"toy", "cpus", "memory"};
    int64_t amounts[DR_RESOURCE_COUNT] = {
        (int64_t)nodes * (1 + far) * accelerators * 1000,
        (int64_t)nodes * (1 + far) * 64000,
        (int64_t)nodes * (1 + far) * 65536,
    };
    struct dr_fact *fact;

    memset(federation, 0, sizeof *federation);
    fact = next(federation, DR_FACT_SETTINGS_SET);
    dr_copy_name(fact->settings_set.name, "world");
    dr_copy_name(fact->settings_set.currency, "krw");
    fact->settings_set.half_life_us = 7 * DR_DAY_US;
    fact->settings_set.minimum_run_us = 10 * DR_SECOND_US;
    fact->settings_set.loss_cap_us = DR_HOUR_US;
    fact->settings_set.preemption_credit_us = 30 * DR_MINUTE_US;
    fact->settings_set.default_limit_us = DR_HOUR_US;
    fact->settings_set.default_grace_us = 10 * DR_SECOND_US;
    fact->settings_set.retain_ended_us = DR_HOUR_US;
    fact->settings_set.requeue_limit = 1000;
    fact->settings_set.reserve_depth = 1;
    fact->settings_set.job_uid = 65534;
    fact->settings_set.job_gid = 65534;
    fact = next(federation, DR_FACT_CHIP_SET);
    dr_copy_name(fact->chip_set.name, "toy");
    fact->chip_set.is_virtual = 1;
    fact->chip_set.busy_w = 100;
    for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1) {
        struct dr_quota_limits limits = {
            .group = {i + 1},
            .guarantee = amounts[i],
            .borrow = DR_FOREVER_US,
            .lend = DR_FOREVER_US,
        };

        fact = next(federation, DR_FACT_GROUP_SET);
        dr_copy_name(fact->group_set.name, names[i]);
        fact->group_set.resource = (uint8_t)i;
        federation->groups[i] = i + 1;
        federation->whole[i] = limits;
        limits.guarantee /= 2;
        federation->half[i] = limits;
    }
    declare_site(federation, "here");
    for (uint32_t i = 0; i < far; i += 1) {
        char name[DR_NAME_BYTES];

        snprintf(name, sizeof name, "far-%u", i + 1);
        declare_site(federation, name);
    }
    declare_account(federation, "nation", 0, federation->whole);
    declare_pool(federation, 1, "toy", nodes, accelerators);
    for (uint32_t i = 0; i < far; i += 1) {
        char prefix[DR_NAME_BYTES];

        snprintf(prefix, sizeof prefix, "far%un", i + 1);
        declare_pool(federation, i + 2, prefix, nodes, accelerators);
    }
    declare_account(federation, "alpha", 1, federation->half);
    declare_account(federation, "beta", 1, federation->half);
    fact = next(federation, DR_FACT_USER_SET);
    dr_copy_name(fact->user_set.name, "ada");
    fact->user_set.uid = DR_NO_UID;
    fact->user_set.gid = DR_NO_UID;
    federation->memberships[0] = (struct dr_membership){{2}, DR_ROLE_USER};
    federation->memberships[1] = (struct dr_membership){{3}, DR_ROLE_USER};
    fact->user_set.memberships = federation->memberships;
    fact->user_set.memberships_count = 2;
    fact->user_set.default_account = 2;
}

/* ---- the world ---- */

static char base[200];
static uint32_t worlds;

void live_init(struct live_world *world, uint32_t nodes, uint32_t accelerators)
{
    memset(world, 0, sizeof *world);
    if (base[0] == 0)
        snprintf(base, sizeof base, "%s", test_directory());
    worlds += 1;
    snprintf(world->directory, sizeof world->directory, "%s/world-%u", base, worlds);
    world->site = mmap(NULL, sizeof *world->site, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (world->site == MAP_FAILED)
        abort();
    world->site->wall_us = LIVE_BEGIN_US;
    world->site->monotonic_us = DR_HOUR_US;
    world->nodes = nodes;
    world->accelerators = accelerators;
    world->options = (struct dr_controller_options){
        .directory = world->directory,
        .engine_open = live_engine_open,
        .engine_context = world->site,
        .wall_us = wall_us,
        .monotonic_us = monotonic_us,
        .clock_context = world->site,
        .limits = {.jobs_max = 20000,
                   .nodes_max = 64,
                   .pools_max = 8,
                   .accounts_max = 8,
                   .users_max = 8,
                   .tokens_max = 8,
                   .groups_max = 8,
                   .datasets_max = 8,
                   .extents_max = 40000},
    };
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    remove(path);
    return 0;
}

void live_deinit(struct live_world *world)
{
    live_close(world);
    munmap(world->site, sizeof *world->site);
    nftw(world->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

enum dr_status live_open(struct live_world *world, struct dr_error *error)
{
    struct federation federation;
    enum dr_status status;

    declare_federation(&federation, world->nodes, world->accelerators, world->far);
    world->options.declare = federation.declares;
    world->options.declare_count = federation.count;
    status = dr_controller_open(&world->controller, &world->options, NULL, error);
    if (status != DR_OK)
        world->controller = NULL;
    return status;
}

void live_close(struct live_world *world)
{
    dr_controller_close(world->controller);
    world->controller = NULL;
}

enum dr_status live_turn(struct live_world *world)
{
    struct dr_error error = {0};
    char line[1024];
    enum dr_status status = dr_controller_turn(world->controller, 0, &error);

    if (status != DR_OK)
        fprintf(stderr, "# %s\n", dr_error_line(&error, line, sizeof line));
    return status;
}

static void pass(struct live_world *world, int64_t us)
{
    world->site->wall_us += us;
    world->site->monotonic_us += us;
}

enum dr_status live_run(struct live_world *world, int64_t us)
{
    enum dr_status status = live_turn(world);

    while (status == DR_OK && us > 0) {
        int64_t step_us = us < DR_SECOND_US ? us : DR_SECOND_US;

        pass(world, step_us);
        us -= step_us;
        status = live_turn(world);
    }
    return status;
}

static uint32_t live(struct live_world *world)
{
    const struct dr_core *core = dr_controller_core(world->controller);

    return core->accounts[0].jobs_live;
}

int live_drain(struct live_world *world, int64_t us)
{
    while (us > 0 && (live(world) > 0 || world->site->attempts_count == 0)) {
        if (live_run(world, DR_SECOND_US) != DR_OK)
            return 0;
        us -= DR_SECOND_US;
    }
    return live(world) == 0;
}

int live_life(struct live_world *world, const char *fault, void (*life)(struct live_world *world))
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        setenv(DR_FAULT_VARIABLE, fault, 1);
        life(world);
        _exit(15); /* it has to end by itself */
    }
    CHECK(child > 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    return status;
}

void live_end_of_life(struct live_world *world)
{
    if (!live_drain(world, DR_HOUR_US))
        _exit(13);
    if (dr_core_hash(dr_controller_core(world->controller)) != live_hash_of_facts(world))
        _exit(14);
    live_close(world);
    _exit(0);
}

/* ---- requests ---- */

static void request_done(struct dr_request *request)
{
    *(int *)request->context = 1;
}

struct dr_command live_command_of(enum dr_command_kind kind, uint64_t job)
{
    struct dr_command command = {.kind = kind, .user = {1}, .roles = 0xff, .source = "test"};

    command.body.job.v = job;
    return command;
}

static void submit_done(struct dr_request *request)
{
    struct live_request *asked = request->context;

    asked->done = 1;
    if (asked->slot != NULL && asked->answer.job.v != 0)
        *asked->slot = asked->answer.job.v;
}

void live_request_fill(struct live_request *request, const struct live_job *job)
{
    memset(request, 0, sizeof *request);
    request->alternative = (struct dr_alternative){
        .tasks = job->tasks == 0 ? 1 : job->tasks,
        .accelerators_per_task = job->accelerators * 1000,
        .cpus_per_task = 1000,
        .memory_mb_per_task = 128,
        .factor = 1000,
    };
    request->command = live_command_of(DR_COMMAND_SUBMIT, 0);
    request->command.body.submit = (struct dr_fact_job_accepted){
        .account = job->account != NULL && strcmp(job->account, "beta") == 0 ? 3 : 2,
        .text = 1,
        .alternatives = &request->alternative,
        .alternatives_count = 1,
        .limit_us = job->limit_us == 0 ? DR_HOUR_US : job->limit_us,
        .preemptible = !job->firm,
        .requeue = 1,
        .held = (uint8_t)job->hold,
        .unreachable_us = job->unreachable_us,
        .fenced = job->unreachable_us != 0,
    };
    snprintf(request->written, sizeof request->written,
             "{\"name\":\"%s\",\"command\":[\"run\",\"%lld\",\"%d\"]}",
             job->unreachable_us != 0 ? LIVE_FENCED
             : job->name == NULL      ? "job"
                                      : job->name,
             (long long)(job->run_us == 0 ? DR_SECOND_US : job->run_us), job->exit_code);
    request->text = request->written;
    request->slot = job->slot;
    request->request = (struct dr_request){
        .commands = &request->command,
        .count = 1,
        .answers = &request->answer,
        .texts = &request->text,
        .texts_count = 1,
        .done = submit_done,
        .context = request,
    };
    if (job->retry_key != NULL) {
        snprintf(request->request.retry_key, sizeof request->request.retry_key, "%s",
                 job->retry_key);
        memcpy(request->request.retry_request, request->written, DR_HASH_BYTES);
    }
}

uint64_t live_submit(struct live_world *world, const struct live_job *job, struct dr_answer *answer,
                     enum dr_request_result *result)
{
    struct live_request request;

    live_request_fill(&request, job);
    dr_controller_ask(world->controller, &request.request);
    while (!request.done) {
        if (live_turn(world) != DR_OK)
            return 0;
    }
    if (answer != NULL)
        *answer = request.answer;
    if (result != NULL)
        *result = request.request.result;
    return request.answer.job.v;
}

int live_command(struct live_world *world, const struct dr_command *command,
                 struct dr_answer *answer)
{
    struct dr_command copy = *command;
    struct dr_answer mine;
    int done = 0;
    struct dr_request request = {
        .commands = &copy,
        .count = 1,
        .answers = answer == NULL ? &mine : answer,
        .done = request_done,
        .context = &done,
    };

    dr_controller_ask(world->controller, &request);
    while (!done) {
        if (live_turn(world) != DR_OK)
            return 0;
    }
    return request.result == DR_REQUEST_DONE;
}

/* ---- looking ---- */

enum dr_job_state live_state(struct live_world *world, uint64_t job, int *known)
{
    const struct dr_core *core = dr_controller_core(world->controller);
    dr_job_row row = dr_job_find(core, (dr_job_id){job});
    struct dr_store_history history;

    *known = 1;
    if (row.v != DR_ROW_NONE)
        return (enum dr_job_state)core->jobs[row.v].state;
    if (dr_store_history_find(dr_controller_store(world->controller), job, &history) == DR_OK)
        return (enum dr_job_state)history.state;
    *known = 0;
    return DR_JOB_PENDING;
}

const struct live_attempt *live_attempt(const struct live_world *world, uint64_t job,
                                        uint32_t attempt)
{
    return live_find(world->site, job, attempt);
}

uint64_t live_hash_of_facts(const struct live_world *world)
{
    struct dr_store *store = NULL;
    struct dr_store_reader *reader = NULL;
    struct dr_store_read batch;
    struct dr_core *core = NULL;
    struct dr_arena arena = {0};
    struct dr_error error = {0};
    uint64_t hash = 0;

    if (dr_core_open(&core, &world->options.limits) != DR_OK ||
        dr_arena_init(&arena, 16u << 20) != DR_OK ||
        dr_store_open(&store, world->directory, DR_STORE_READ, &error) != DR_OK ||
        dr_store_reader_open(&reader, store, 1) != DR_OK)
        abort();
    while (dr_store_reader_next(reader, &batch, &error) == DR_OK) {
        uint32_t at = 0;

        for (uint32_t i = 0; i < batch.facts_count; i += 1) {
            struct dr_fact fact;
            uint32_t taken = 0;

            dr_arena_reset(&arena, 0);
            if (dr_fact_decode(batch.payload + at, batch.payload_bytes - at, &arena, &fact, &taken,
                               &error) != DR_OK)
                abort();
            at += taken;
            fact.seq = batch.seq_first + i;
            dr_apply(core, &fact, NULL);
        }
    }
    hash = dr_core_hash(core);
    dr_store_reader_close(reader);
    dr_store_close(store);
    dr_core_close(core);
    dr_arena_deinit(&arena);
    return hash;
}
