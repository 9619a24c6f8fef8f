/* SPDX-License-Identifier: Apache-2.0 */
#include "live_world.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/hash.h"
#include "test.h"

/* ---- the clock and chance ---- */

static int64_t wall_us(void *context)
{
    return ((struct live_site *)context)->wall_us;
}

static int64_t monotonic_us(void *context)
{
    return ((struct live_site *)context)->monotonic_us;
}

uint64_t live_random(struct live_site *site)
{
    site->random += 0x9e3779b97f4a7c15ull;
    return dr_hash_u64(site->random);
}

static int chance(struct live_site *site, uint32_t percent)
{
    return percent != 0 && live_random(site) % 100 < percent;
}

/* ---- the site ---- */

struct site_engine {
    struct dr_engine engine;
    struct live_site *site;
};

static struct live_attempt *find(struct live_site *site, uint64_t job, uint32_t attempt)
{
    for (uint32_t i = site->attempts_count; i > 0; i -= 1) {
        if (site->attempts[i - 1].job == job && site->attempts[i - 1].attempt == attempt)
            return &site->attempts[i - 1];
    }
    return NULL;
}

static struct live_attempt *add(struct live_site *site, uint64_t job, uint32_t attempt)
{
    struct live_attempt *added = &site->attempts[site->attempts_count];

    if (site->attempts_count == LIVE_ATTEMPTS_MAX)
        abort();
    memset(added, 0, sizeof *added);
    added->job = job;
    added->attempt = attempt;
    site->attempts_count += 1;
    return added;
}

static int64_t delay_us(struct live_site *site)
{
    if (!chance(site, site->late_percent))
        return 0;
    return (int64_t)(live_random(site) % 30) * DR_SECOND_US;
}

static void judge_place(struct live_site *site, const struct live_attempt *placed)
{
    for (uint32_t i = 0; i < site->attempts_count; i += 1) {
        const struct live_attempt *other = &site->attempts[i];

        if (other == placed || !other->started || other->ended)
            continue;
        site->overlaps += other->job == placed->job;
        for (uint32_t j = 0; j < other->nodes_count; j += 1) {
            for (uint32_t k = 0; k < placed->nodes_count; k += 1) {
                if (strcmp(other->nodes[j].node, placed->nodes[k].node) == 0 &&
                    (other->nodes[j].accelerators & placed->nodes[k].accelerators) != 0)
                    site->double_booked += 1;
            }
        }
    }
}

/* Ends whose time has come. */
static void pass_time(struct live_site *site)
{
    for (uint32_t i = 0; i < site->attempts_count; i += 1) {
        struct live_attempt *attempt = &site->attempts[i];

        if (attempt->started && !attempt->ended && attempt->end_us <= site->wall_us) {
            attempt->ended = 1;
            attempt->tell_us = site->wall_us + delay_us(site);
        }
    }
}

static enum dr_status site_launch(struct dr_engine *engine, const struct dr_launch *launch,
                                  struct dr_error *error)
{
    struct live_site *site = ((struct site_engine *)engine)->site;
    struct live_attempt *attempt = find(site, launch->job.v, launch->attempt);
    int doubt = chance(site, site->doubt_percent);
    int64_t run_us = DR_SECOND_US;
    int64_t exit_code = 0;

    pass_time(site);
    if (launch->epoch < site->epoch_last)
        site->old_epochs += 1;
    site->epoch_last = launch->epoch;
    if (site->refuse_launch) {
        dr_error_set(error, NULL, 0, "script", "#!/no/such", "an interpreter that exists");
        return DR_E_INPUT;
    }
    if (launch->uid == 0)
        abort();
    if (site->drop_launch)
        return DR_E_IO;
    if (doubt && live_random(site) % 2 == 0)
        return DR_E_IO; /* never kept */
    if (attempt != NULL && !attempt->lost) {
        if (attempt->forgotten)
            site->doubled_launches += 1;
        attempt->told_started = 0;
        attempt->told_ended = 0;
        return doubt ? DR_E_IO : DR_OK;
    }
    /* What the site lost it knows nothing of: nothing of it runs any more, and it starts. */
    if (attempt != NULL)
        attempt->job = 0;
    attempt = add(site, launch->job.v, launch->attempt);
    for (uint32_t i = 0; i < launch->nodes_count && i < DR_COUNT_OF(attempt->nodes); i += 1) {
        dr_copy_name(attempt->nodes[i].node, launch->nodes[i].name);
        attempt->nodes[i].accelerators = launch->nodes[i].accelerators;
        attempt->nodes_count += 1;
    }
    if (launch->argv_count != 3 || strcmp(launch->argv[0], "run") != 0 ||
        !dr_parse_i64(launch->argv[1], 0, INT64_MAX, &run_us) ||
        !dr_parse_i64(launch->argv[2], 0, 255, &exit_code))
        abort();
    dr_copy_name(attempt->name, launch->name);
    judge_place(site, attempt);
    site->starts += 1;
    attempt->started = 1;
    attempt->start_us = site->wall_us;
    attempt->end_us = site->wall_us + run_us;
    attempt->outcome = DR_OUTCOME_EXITED;
    attempt->exit_code = (int32_t)exit_code;
    if (launch->limit_us < run_us) {
        attempt->end_us = site->wall_us + launch->limit_us;
        attempt->outcome = DR_OUTCOME_TIMED_OUT;
        attempt->exit_code = 0;
    }
    attempt->tell_us = site->wall_us + delay_us(site);
    return doubt ? DR_E_IO : DR_OK;
}

static enum dr_status site_stop(struct dr_engine *engine, dr_job_id job, uint32_t number,
                                uint32_t signal, int64_t grace_us)
{
    struct live_site *site = ((struct site_engine *)engine)->site;
    struct live_attempt *attempt = find(site, job.v, number);

    (void)signal;
    pass_time(site);
    if (attempt == NULL) {
        attempt = add(site, job.v, number);
        attempt->refused = 1;
        attempt->ended = 1;
        attempt->forgotten = 1;
        return DR_E_MISSING;
    }
    if (attempt->refused || attempt->lost)
        return DR_E_MISSING;
    if (!attempt->ended && site->wall_us + grace_us < attempt->end_us) {
        attempt->end_us = site->wall_us + grace_us;
        attempt->outcome = DR_OUTCOME_STOPPED;
    }
    pass_time(site);
    return DR_OK;
}

static enum dr_status site_forget(struct dr_engine *engine, dr_job_id job, uint32_t number)
{
    struct live_site *site = ((struct site_engine *)engine)->site;
    struct live_attempt *attempt = find(site, job.v, number);

    if (attempt == NULL || !attempt->ended)
        return DR_E_MISSING;
    attempt->forgotten = 1;
    return DR_OK;
}

static enum dr_status site_list(struct dr_engine *engine,
                                void (*each)(void *context,
                                             const struct dr_engine_attempt *attempt),
                                void *context)
{
    struct live_site *site = ((struct site_engine *)engine)->site;

    pass_time(site);
    for (uint32_t i = 0; i < site->attempts_count; i += 1) {
        const struct live_attempt *attempt = &site->attempts[i];
        struct dr_engine_attempt listed = {{attempt->job}, attempt->attempt, attempt->ended};

        if (!attempt->forgotten && !attempt->lost)
            each(context, &listed);
    }
    return DR_OK;
}

static int site_descriptor(const struct dr_engine *engine)
{
    (void)engine;
    return -1;
}

static uint32_t site_poll(struct dr_engine *engine, struct dr_report *reports, uint32_t reports_max)
{
    struct live_site *site = ((struct site_engine *)engine)->site;
    uint32_t first =
        site->attempts_count == 0 ? 0 : (uint32_t)(live_random(site) % site->attempts_count);
    uint32_t count = 0;

    pass_time(site);
    /* From anywhere: no order between attempts is promised. */
    for (uint32_t n = 0; n < site->attempts_count; n += 1) {
        struct live_attempt *attempt = &site->attempts[(first + n) % site->attempts_count];
        struct dr_report report = {
            .job = {attempt->job},
            .attempt = attempt->attempt,
            .outcome = attempt->outcome,
            .exit_code = attempt->exit_code,
        };

        if (attempt->forgotten || attempt->lost || !attempt->started ||
            attempt->tell_us > site->wall_us || count + 4 > reports_max)
            continue;
        if (!attempt->told_started) {
            report.kind = DR_REPORT_STARTED;
            report.time_us = attempt->start_us;
            reports[count] = report;
            count += 1;
            attempt->told_started = 1;
            if (chance(site, site->double_percent)) {
                reports[count] = report;
                count += 1;
            }
        }
        if (attempt->ended && !attempt->told_ended) {
            report.kind = DR_REPORT_ENDED;
            report.time_us = attempt->end_us;
            reports[count] = report;
            count += 1;
            attempt->told_ended = 1;
            if (chance(site, site->double_percent)) {
                reports[count] = report;
                count += 1;
            }
        }
    }
    return count;
}

static const char *site_describe(const struct dr_engine *engine)
{
    (void)engine;
    return "rows in memory";
}

static void site_close(struct dr_engine *engine)
{
    free(engine);
}

static const struct dr_engine_operations site_operations = {
    .name = "memory",
    .launch = site_launch,
    .stop = site_stop,
    .forget = site_forget,
    .list = site_list,
    .descriptor = site_descriptor,
    .poll = site_poll,
    .describe = site_describe,
    .close = site_close,
};

static struct dr_engine *open_engine(void *context, const struct dr_site *site)
{
    struct site_engine *engine = calloc(1, sizeof *engine);
    struct live_site *shared = context;

    (void)site;
    if (engine == NULL)
        abort();
    engine->engine.operations = &site_operations;
    engine->site = shared;
    /* After a restart everything is told again. */
    for (uint32_t i = 0; i < shared->attempts_count; i += 1) {
        shared->attempts[i].told_started = 0;
        shared->attempts[i].told_ended = 0;
    }
    return &engine->engine;
}

/* ---- the federation ---- */

enum { DECLARES = 12 };

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

static void declare_federation(struct federation *federation, uint32_t nodes, uint32_t accelerators)
{
    static const char *const names[DR_RESOURCE_COUNT] = {"toy", "cpus", "memory"};
    int64_t amounts[DR_RESOURCE_COUNT] = {
        (int64_t)nodes * accelerators * 1000,
        (int64_t)nodes * 64000,
        (int64_t)nodes * 65536,
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
    fact = next(federation, DR_FACT_SITE_SET);
    dr_copy_name(fact->site_set.name, "here");
    fact->site_set.pue_milli = 1000;
    fact->site_set.tariff_micro = tariff;
    fact->site_set.tariff_micro_count = DR_TARIFF_HOURS;
    declare_account(federation, "nation", 0, federation->whole);
    fact = next(federation, DR_FACT_POOL_SET);
    fact->pool_set.site = 1;
    dr_copy_name(fact->pool_set.name, "toys");
    fact->pool_set.chip = 1;
    fact->pool_set.owner = 1;
    fact->pool_set.accelerators = accelerators;
    fact->pool_set.cpus = 64000;
    fact->pool_set.memory_mb = 65536;
    dr_copy_name(fact->pool_set.node_prefix, "toy");
    fact->pool_set.groups = federation->groups;
    fact->pool_set.groups_count = DR_RESOURCE_COUNT;
    fact = next(federation, DR_FACT_NODES_ADDED);
    fact->nodes_added.pool = 1;
    fact->nodes_added.count = nodes;
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
        .engine_open = open_engine,
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

    declare_federation(&federation, world->nodes, world->accelerators);
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
    };
    snprintf(request->written, sizeof request->written,
             "{\"name\":\"%s\",\"command\":[\"run\",\"%lld\",\"%d\"]}",
             job->name == NULL ? "job" : job->name,
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
    return find(world->site, job, attempt);
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
