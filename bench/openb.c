/* SPDX-License-Identifier: Apache-2.0 */
/* How much of a cluster the core gives out, on a public trace: Alibaba's GPU cluster of 2023
 * ("openb": 1,523 nodes, 6,212 GPUs of seven models, 8,152 tasks), against the results of Q. Weng
 * et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation Gradient
 * Descent", USENIX ATC 2023.
 *
 *     OPENB=DIRECTORY bench/openb [LIST...]     default gpuspec33 multigpu50 gpushare100 cpu250
 *     FIRST=42 SEEDS=10                         the seeds; JSON=1, STRICT=1 as in bench/run
 *
 * DIRECTORY holds openb_node_list_all_node.csv.gz and openb_pod_list_LIST.csv.gz, as published at
 * github.com/alibaba/clusterdata, folder cluster-trace-gpu-v2023/csv, compressed or not. Without
 * OPENB it says that it was skipped.
 *
 * The protocol is the authors' simulator's: tasks drawn from the list are added until the GPUs
 * asked for reach 130 % of the cluster's (or removed at random from a list that asks for more), the
 * list is shuffled by the seed, tasks arrive one by one and never leave. One that fits nowhere
 * counts as failed. Read is the part of the cluster's GPUs that is given out when the GPUs asked
 * for so far reach a stated part. Another generator of random numbers gives another order, so means
 * are compared.
 *
 * Each task is submitted and decided by itself, and cancelled if it did not start. All chips have
 * the same price and draw nothing, so that where a task goes is decided by what its place breaks.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "core/core.h"

#define NODES_MAX   4096
#define TASKS_MAX   65536
#define POOLS_MAX   64
#define MODELS_MAX  16
#define BATCH_BYTES (4u << 20)
#define EFFECTS     65536
#define START_US    (1700000000 * DR_SECOND_US)
#define ASKED_MAX   130 /* percent */

struct node {
    uint32_t cpu_milli;
    uint32_t memory_mb;
    uint32_t gpus;
    uint32_t model; /* chip id; 0: none */
};

struct task {
    uint32_t cpu_milli;
    uint32_t memory_mb;
    uint32_t gpus;
    uint32_t gpu_milli; /* of each */
    uint64_t chips;     /* bit = chip row; 0: any */
};

struct cluster {
    struct node nodes[NODES_MAX];
    uint32_t nodes_count;
    char models[MODELS_MAX][DR_NAME_BYTES];
    uint32_t models_count;
    int64_t gpu_milli;
    struct node pools[POOLS_MAX]; /* one of its nodes each */
    uint32_t pool_nodes[POOLS_MAX];
    uint32_t pools_count;
};

struct list {
    struct task tasks[TASKS_MAX];
    uint32_t count;
};

/* What is held on a node, by the facts. */
struct held {
    int64_t cpu_milli;
    int64_t memory_mb;
    int64_t gpu_milli;
};

struct run {
    struct dr_core *core;
    struct dr_batch batch;
    struct dr_arena decoded;
    struct held held[NODES_MAX]; /* by node id - 1 */
    uint32_t pool_of[NODES_MAX];
    uint64_t wrong;
    uint64_t started; /* id of the job that the last batch started; 0: none */
};

struct figures {
    double at_90;
    double at_130;
    double seconds;
    uint32_t tasks;
    uint32_t failed;
    uint64_t wrong;
};

static struct cluster cluster;
static struct list list;
static struct list arrivals;
static uint64_t random_state;
static int json;
static int missed;

DR_NORETURN static void fail(const char *what, const char *about)
{
    fprintf(stderr, "bench/openb: %s: %s\n", about, what);
    exit(2);
}

static uint32_t pick(uint32_t below)
{
    random_state += UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)((dr_hash_u64(random_state) >> 32) * below >> 32);
}

/* ---- reading ---- */

static FILE *open_csv(const char *directory, const char *name)
{
    char path[1200];
    char command[1300];

    dr_format(path, sizeof path, "%s/%s.csv", directory, name);
    if (access(path, R_OK) == 0)
        return fopen(path, "r");
    dr_format(path, sizeof path, "%s/%s.csv.gz", directory, name);
    if (access(path, R_OK) != 0 || strchr(path, '\'') != NULL)
        fail("no such file", path);
    dr_format(command, sizeof command, "gzip -dc '%s'", path);
    return popen(command, "r");
}

/* Splits a line in place. Returns how many fields. */
static uint32_t fields_of(char *line, char **fields, uint32_t max)
{
    uint32_t count = 0;

    line[strcspn(line, "\r\n")] = 0;
    while (count < max) {
        char *comma = strchr(line, ',');

        fields[count++] = line;
        if (comma == NULL)
            break;
        *comma = 0;
        line = comma + 1;
    }
    return count;
}

static uint32_t number_of(const char *text, const char *file)
{
    int64_t value;

    if (*text == 0)
        return 0;
    if (!dr_parse_i64(text, 0, INT32_MAX, &value))
        fail("a field is no number", file);
    return (uint32_t)value;
}

/* Chip id of a model; made when it is new and `make`. */
static uint32_t model_of(const char *text, size_t length, int make)
{
    char name[DR_NAME_BYTES] = "";

    for (size_t i = 0; i < length && i + 1 < sizeof name; i += 1)
        name[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
    for (uint32_t i = 0; i < cluster.models_count; i += 1)
        if (strcmp(cluster.models[i], name) == 0)
            return i + 1;
    if (!make || cluster.models_count == MODELS_MAX)
        return 0;
    dr_copy_name(cluster.models[cluster.models_count], name);
    cluster.models_count += 1;
    return cluster.models_count;
}

static void read_cluster(const char *directory)
{
    FILE *file = open_csv(directory, "openb_node_list_all_node");
    char line[1024];
    char *fields[8];

    if (file == NULL || fgets(line, sizeof line, file) == NULL)
        fail("can't be read", "openb_node_list_all_node");
    while (fgets(line, sizeof line, file) != NULL) {
        struct node node;
        uint32_t pool = 0;

        if (fields_of(line, fields, 8) < 5 || cluster.nodes_count == NODES_MAX)
            fail("a line has too few fields, or there are too many", "openb_node_list_all_node");
        node = (struct node){number_of(fields[1], "nodes"), number_of(fields[2], "nodes"),
                             number_of(fields[3], "nodes"),
                             model_of(fields[4], strlen(fields[4]), *fields[4] != 0)};
        cluster.nodes[cluster.nodes_count++] = node;
        cluster.gpu_milli += (int64_t)node.gpus * 1000;
        while (pool < cluster.pools_count && memcmp(&cluster.pools[pool], &node, sizeof node) != 0)
            pool += 1;
        if (pool == POOLS_MAX)
            fail("too many kinds of nodes", "openb_node_list_all_node");
        cluster.pools[pool] = node;
        cluster.pool_nodes[pool] += 1;
        cluster.pools_count += pool == cluster.pools_count;
    }
    if (cluster.nodes_count == 0)
        fail("no nodes", "openb_node_list_all_node");
    fclose(file);
}

/* Where the columns stand; UINT32_MAX: not there. */
static void find_columns(char *header, const char *const *names, uint32_t count, uint32_t *columns)
{
    char *fields[16];
    uint32_t found = fields_of(header, fields, 16);

    for (uint32_t i = 0; i < count; i += 1) {
        columns[i] = UINT32_MAX;
        for (uint32_t k = 0; k < found; k += 1)
            if (strcmp(fields[k], names[i]) == 0)
                columns[i] = k;
    }
}

/* The chips that a task accepts: models with a bar between. */
static uint64_t chips_of(const char *text, const char *file)
{
    uint64_t chips = 0;

    for (const char *at = text; *at != 0;) {
        size_t length = strcspn(at, "|");
        uint32_t chip = model_of(at, length, 0);

        if (chip != 0)
            chips |= UINT64_C(1) << (chip - 1);
        at += length + (at[length] == '|');
    }
    if (*text != 0 && chips == 0)
        fail("a task names a model that no node has", file);
    return chips;
}

static void read_list(const char *directory, const char *name)
{
    static const char *const names[5] = {"cpu_milli", "memory_mib", "num_gpu", "gpu_milli",
                                         "gpu_spec"};
    uint32_t columns[5];
    char file_name[300];
    FILE *file;
    char line[2048];
    char *fields[16];

    dr_format(file_name, sizeof file_name, "openb_pod_list_%s", name);
    file = open_csv(directory, file_name);
    list.count = 0;
    if (file == NULL || fgets(line, sizeof line, file) == NULL)
        fail("can't be read", file_name);
    find_columns(line, names, 5, columns);
    while (fgets(line, sizeof line, file) != NULL) {
        uint32_t found = fields_of(line, fields, 16);
        uint32_t numbers[4];

        if (list.count == TASKS_MAX)
            fail("too many tasks", file_name);
        for (uint32_t i = 0; i < 4; i += 1) {
            if (columns[i] >= found)
                fail("a line lacks a column", file_name);
            numbers[i] = number_of(fields[columns[i]], file_name);
        }
        list.tasks[list.count++] =
            (struct task){numbers[0], numbers[1], numbers[2], numbers[3],
                          columns[4] < found ? chips_of(fields[columns[4]], file_name) : 0};
    }
    if (list.count == 0)
        fail("no tasks", file_name);
    fclose(file);
}

static int64_t asked_by(const struct task *task)
{
    return (int64_t)task->gpus * task->gpu_milli;
}

static int is_share(const struct task *task)
{
    return task->gpus == 1 && task->gpu_milli < 1000;
}

/* The tasks of one seed, in the order in which they arrive. */
static void draw_arrivals(uint64_t seed)
{
    int64_t asked = 0;
    int64_t wanted = cluster.gpu_milli * ASKED_MAX / 100;

    random_state = dr_hash_u64(seed);
    memcpy(arrivals.tasks, list.tasks, list.count * sizeof list.tasks[0]);
    arrivals.count = list.count;
    for (uint32_t i = 0; i < list.count; i += 1)
        asked += asked_by(&list.tasks[i]);
    while (asked < wanted && arrivals.count < TASKS_MAX) {
        const struct task *task = &list.tasks[pick(list.count)];

        arrivals.tasks[arrivals.count++] = *task;
        asked += asked_by(task);
    }
    /* A list that asks for more; not one whose last drawn task has passed it. */
    while (asked > wanted && arrivals.count <= list.count) {
        uint32_t i = pick(arrivals.count);

        asked -= asked_by(&arrivals.tasks[i]);
        arrivals.tasks[i] = arrivals.tasks[arrivals.count - 1];
        arrivals.count -= 1;
    }
    for (uint32_t i = arrivals.count; i > 1; i -= 1) {
        uint32_t j = pick(i);
        struct task kept = arrivals.tasks[i - 1];

        arrivals.tasks[i - 1] = arrivals.tasks[j];
        arrivals.tasks[j] = kept;
    }
}

/* ---- the federation ---- */

static void take_placed(struct run *run, const struct dr_fact_job_placed *fact,
                        const struct task *task)
{
    run->started = fact->job;
    for (uint32_t i = 0; i < fact->extents_count; i += 1) {
        uint32_t row = fact->extents[i].node.v - 1;
        struct held *held = &run->held[row];
        const struct node *node = &cluster.pools[run->pool_of[row]];

        held->cpu_milli += task->cpu_milli;
        held->memory_mb += task->memory_mb;
        held->gpu_milli += asked_by(task);
        run->wrong += held->cpu_milli > node->cpu_milli || held->memory_mb > node->memory_mb ||
                      held->gpu_milli > (int64_t)node->gpus * 1000 ||
                      (task->chips != 0 && (task->chips >> (node->model - 1) & 1) == 0);
    }
    run->wrong += fact->extents_count != 1;
}

static void drain(struct run *run, const struct task *task)
{
    uint32_t at = 0;

    run->started = 0;
    while (at < run->batch.bytes_count) {
        struct dr_fact fact;
        struct dr_error error;
        uint32_t taken;

        dr_arena_reset(&run->decoded, 0);
        if (dr_fact_decode(run->batch.bytes + at, run->batch.bytes_count - at, &run->decoded, &fact,
                           &taken, &error) != DR_OK)
            fail(error.field, "a fact does not decode");
        if (fact.kind == DR_FACT_JOB_PLACED && task != NULL)
            take_placed(run, &fact.job_placed, task);
        at += taken;
    }
    dr_batch_clear(&run->batch);
}

static uint32_t must(struct run *run, struct dr_command command)
{
    struct dr_answer answer;

    command.roles = 0xff;
    if (!dr_admit(run->core, &command, START_US, &run->batch, &answer))
        fail(answer.text, answer.field);
    drain(run, NULL);
    return answer.id;
}

static uint32_t declare(struct run *run, struct dr_fact fact)
{
    return must(run, (struct dr_command){.kind = DR_COMMAND_DECLARE, .body.declare = fact});
}

static void declare_account(struct run *run, const char *name, uint32_t parent,
                            const struct dr_quota_limits *limits, uint32_t count)
{
    struct dr_fact fact = {.kind = DR_FACT_ACCOUNT_SET};

    dr_copy_name(fact.account_set.name, name);
    fact.account_set.parent = parent;
    fact.account_set.weight = 1000;
    fact.account_set.limits = limits;
    fact.account_set.limits_count = count;
    declare(run, fact);
}

static void declare_pools(struct run *run)
{
    int64_t tariff[DR_TARIFF_HOURS] = {0};
    struct dr_fact site = {.kind = DR_FACT_SITE_SET};
    uint32_t row = 0;

    dr_copy_name(site.site_set.name, "site");
    dr_copy_name(site.site_set.jurisdiction, "kr");
    site.site_set.pue_milli = 1000;
    site.site_set.tariff_micro = tariff;
    site.site_set.tariff_micro_count = DR_TARIFF_HOURS;
    site.site_set.engine = DR_ENGINE_SIMULATED;
    declare(run, site);
    for (uint32_t i = 0; i < cluster.models_count; i += 1) {
        struct dr_fact chip = {.kind = DR_FACT_CHIP_SET};

        dr_copy_name(chip.chip_set.name, cluster.models[i]);
        chip.chip_set.memory_mb = 32768;
        chip.chip_set.price_micro = 1000000;
        declare(run, chip);
    }
    for (uint32_t p = 0; p < cluster.pools_count; p += 1) {
        const struct node *node = &cluster.pools[p];
        struct dr_fact pool = {.kind = DR_FACT_POOL_SET};
        struct dr_fact nodes = {.kind = DR_FACT_NODES_ADDED};
        uint32_t groups[DR_RESOURCE_COUNT] = {1, 2, 3};

        dr_format(pool.pool_set.name, DR_NAME_BYTES, "pool%u", p + 1);
        dr_format(pool.pool_set.node_prefix, DR_NAME_BYTES, "p%un", p + 1);
        pool.pool_set.site = 1;
        pool.pool_set.chip = node->model;
        pool.pool_set.owner = 1;
        pool.pool_set.accelerators = node->gpus;
        pool.pool_set.cpus = node->cpu_milli;
        pool.pool_set.memory_mb = node->memory_mb;
        pool.pool_set.node_digits = 4;
        pool.pool_set.groups = groups;
        pool.pool_set.groups_count = DR_RESOURCE_COUNT;
        nodes.nodes_added.pool = declare(run, pool);
        nodes.nodes_added.count = cluster.pool_nodes[p];
        declare(run, nodes);
        for (uint32_t i = 0; i < cluster.pool_nodes[p]; i += 1)
            run->pool_of[row++] = p;
    }
}

static void open_run(struct run *run)
{
    static const struct dr_limits limits = {.jobs_max = TASKS_MAX,
                                            .nodes_max = NODES_MAX,
                                            .pools_max = POOLS_MAX,
                                            .accounts_max = 4,
                                            .users_max = 4,
                                            .tokens_max = 4,
                                            .groups_max = 4,
                                            .datasets_max = 4,
                                            .extents_max = 4 * TASKS_MAX};
    static const char *const groups[DR_RESOURCE_COUNT] = {"gpus", "cpus", "memory"};
    struct dr_quota_limits all[DR_RESOURCE_COUNT];
    struct dr_membership membership = {{1}, DR_ROLE_ACCOUNT_ADMIN};
    struct dr_fact settings = {.kind = DR_FACT_SETTINGS_SET};
    struct dr_fact user = {.kind = DR_FACT_USER_SET};

    memset(run, 0, sizeof *run);
    if (dr_core_open(&run->core, &limits) != DR_OK ||
        dr_arena_init(&run->decoded, 1u << 20) != DR_OK)
        fail("no address space", "core");
    run->batch = (struct dr_batch){.bytes = malloc(BATCH_BYTES),
                                   .bytes_max = BATCH_BYTES,
                                   .effects = calloc(EFFECTS, sizeof(struct dr_effect)),
                                   .effects_max = EFFECTS};
    if (run->batch.bytes == NULL || run->batch.effects == NULL)
        fail("out of memory", "batch");
    must(run, (struct dr_command){.kind = DR_COMMAND_LEAD, .body.lead.program = "bench"});
    dr_copy_name(settings.settings_set.name, "openb");
    dr_copy_name(settings.settings_set.currency, "krw");
    settings.settings_set.half_life_us = 7 * DR_DAY_US;
    settings.settings_set.minimum_run_us = 5 * DR_MINUTE_US;
    settings.settings_set.default_grace_us = 30 * DR_SECOND_US;
    settings.settings_set.retain_ended_us = DR_SECOND_US;
    settings.settings_set.job_uid = 65534;
    settings.settings_set.job_gid = 65534;
    declare(run, settings);
    for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1) {
        struct dr_fact group = {.kind = DR_FACT_GROUP_SET};

        dr_copy_name(group.group_set.name, groups[i]);
        group.group_set.resource = (uint8_t)i;
        declare(run, group);
        all[i] = (struct dr_quota_limits){{i + 1}, INT64_C(1) << 40, DR_FOREVER_US, DR_FOREVER_US};
    }
    declare_account(run, "root", 0, all, DR_RESOURCE_COUNT);
    declare_pools(run);
    declare_account(run, "a", 1, NULL, 0);
    dr_copy_name(user.user_set.name, "somebody");
    user.user_set.uid = 1000;
    user.user_set.gid = 1000;
    user.user_set.memberships = &membership;
    user.user_set.memberships_count = 1;
    declare(run, user);
}

static void close_run(struct run *run)
{
    dr_core_close(run->core);
    dr_arena_deinit(&run->decoded);
    free(run->batch.bytes);
    free(run->batch.effects);
}

/* ---- the protocol ---- */

static void decide(struct run *run)
{
    /* One batch holds all that one task can bring about. */
    if (dr_decide(run->core, START_US, &run->batch))
        fail("one task filled a batch", "decision");
}

static int submit(struct run *run, const struct task *task, struct dr_answer *answer)
{
    struct dr_command command = {.kind = DR_COMMAND_SUBMIT, .user = {1}, .roles = 0xff};
    struct dr_alternative way = {.chips = task->chips,
                                 .tasks = 1,
                                 .accelerators_per_task =
                                     task->gpus * (is_share(task) ? task->gpu_milli : 1000),
                                 .cpus_per_task = task->cpu_milli == 0 ? 1 : task->cpu_milli,
                                 .memory_mb_per_task = task->memory_mb,
                                 .factor = 1000};

    command.body.submit.account = 2;
    command.body.submit.job_user = 1;
    command.body.submit.alternatives = &way;
    command.body.submit.alternatives_count = 1;
    command.body.submit.limit_us = 30 * DR_DAY_US;
    command.body.submit.preemptible = 1;
    return dr_admit(run->core, &command, START_US, &run->batch, answer);
}

/* What was asked for lately is the list itself, as the authors give it to FGD: its tasks are
 * submitted and withdrawn before the first arrives. */
static void learn(struct run *run)
{
    for (uint32_t i = 0; i < list.count; i += 1) {
        struct dr_answer answer;

        if (!submit(run, &list.tasks[i], &answer))
            continue;
        must(run, (struct dr_command){.kind = DR_COMMAND_CANCEL, .body.job = answer.job});
    }
    must(run, (struct dr_command){.kind = DR_COMMAND_TICK});
    decide(run);
    drain(run, NULL);
}

static struct figures play(uint64_t seed)
{
    static struct run run;
    struct figures figures = {0};
    int64_t asked = 0;
    int64_t given = 0;
    int64_t began_us;

    draw_arrivals(seed);
    open_run(&run);
    figures.tasks = arrivals.count;
    learn(&run);
    began_us = dr_monotonic_us();
    for (uint32_t i = 0; i < arrivals.count; i += 1) {
        const struct task *task = &arrivals.tasks[i];
        struct dr_answer answer;
        int admitted = submit(&run, task, &answer);

        asked += asked_by(task);
        if (admitted) {
            decide(&run);
            drain(&run, task);
        }
        if (admitted && run.started == answer.job.v) {
            given += asked_by(task);
        } else {
            figures.failed += 1;
            if (admitted) {
                must(&run, (struct dr_command){.kind = DR_COMMAND_CANCEL, .body.job = answer.job});
                decide(&run);
                drain(&run, task);
                run.wrong += run.started != 0;
            }
        }
        if (asked * 100 <= cluster.gpu_milli * 90)
            figures.at_90 = 100.0 * (double)given / (double)cluster.gpu_milli;
    }
    figures.seconds = (double)(dr_monotonic_us() - began_us) / 1e6;
    figures.at_130 = 100.0 * (double)given / (double)cluster.gpu_milli;
    figures.wrong = run.wrong;
    close_run(&run);
    return figures;
}

/* ---- the table ---- */

static void row(const char *what, double value, const char *unit, double bar, int at_least,
                const char *note)
{
    int met = at_least ? value >= bar : value <= bar;
    const char *verdict = bar < 0 ? "" : met ? "met" : "missed";
    char figure[48];
    char limit[48] = "";

    missed += bar >= 0 && !met;
    if (json) {
        printf("{\"what\": \"%s\", \"value\": %.4f", what, value);
        printf(", \"unit\": \"%s\", \"bar\": ", unit);
        if (bar >= 0)
            printf("%.4f", bar);
        else
            printf("null");
        printf(", \"at_least\": %s, \"verdict\": ", at_least ? "true" : "false");
        printf(*verdict ? "\"%s\"" : "null%s", verdict);
        printf(", \"note\": \"%s\"}\n", note);
    } else {
        dr_format(figure, sizeof figure, "%.2f %s", value, unit);
        if (bar >= 0)
            dr_format(limit, sizeof limit, "%s %.2f", at_least ? ">=" : "<=", bar);
        printf("| %-66s | %18s | %12s | %-6s |%s%s\n", what, figure, limit, verdict,
               *note ? "  " : "", note);
    }
    fflush(stdout);
}

static void rows_of(const char *directory, const char *name, double bar_90, double bar_130)
{
    int64_t first = 42;
    int64_t seeds = 10;
    double at_90 = 0;
    double at_130 = 0;
    double seconds = 0;
    double least = 100;
    double most = 0;
    uint64_t wrong = 0;
    struct figures figures = {0};
    char what[128];
    char note[256];

    if (getenv("FIRST") != NULL && !dr_parse_i64(getenv("FIRST"), 0, INT32_MAX, &first))
        fail("expected a number", "FIRST");
    if (getenv("SEEDS") != NULL && !dr_parse_i64(getenv("SEEDS"), 1, 1000, &seeds))
        fail("expected a number from 1", "SEEDS");
    read_list(directory, name);
    dr_format(what, sizeof what, "openb %s, GPUs given out when 130 %% were asked for", name);
    for (int64_t seed = first; seed < first + seeds; seed += 1) {
        figures = play((uint64_t)seed);
        at_90 += figures.at_90 / (double)seeds;
        at_130 += figures.at_130 / (double)seeds;
        seconds = figures.seconds > seconds ? figures.seconds : seconds;
        least = figures.at_130 < least ? figures.at_130 : least;
        most = figures.at_130 > most ? figures.at_130 : most;
        wrong += figures.wrong;
    }
    dr_format(note, sizeof note, "mean of %lld seeds, %.2f to %.2f; of %u tasks %u failed",
              (long long)seeds, least, most, figures.tasks, figures.failed);
    row(what, at_130, "%", bar_130, 1, note);
    row("    when 90 % were asked for", at_90, "%", bar_90, 1, "");
    row("    the slowest seed", seconds, "s", strcmp(name, "default") == 0 ? 1 : -1, 0, "");
    row("    placements that a node's sums forbid", (double)wrong, "facts", 0, 0, "");
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        double at_90; /* -1: no bar */
        double at_130;
    } lists[] = {{"default", -1, 95.39},
                 {"gpuspec33", 80.6, 94.55},
                 {"multigpu50", -1, 97.18},
                 {"gpushare100", -1, 86.90},
                 {"cpu250", -1, 93.41}};
    const char *directory = getenv("OPENB");

    json = getenv("JSON") != NULL && strcmp(getenv("JSON"), "1") == 0;
    if (directory == NULL) {
        printf("bench/openb: skipped, since OPENB names no directory with the trace\n");
        return 0;
    }
    read_cluster(directory);
    if (!json) {
        printf("%u nodes, %lld GPUs, %u models\n", cluster.nodes_count,
               (long long)cluster.gpu_milli / 1000, cluster.models_count);
        printf("| %-66s | %18s | %12s | %-6s |\n", "what", "figure", "bar", "");
        printf("| %.66s | %.17s: | %.11s: | %.6s |\n",
               "------------------------------------------------------------------",
               "-----------------", "-----------", "------");
    }
    for (uint32_t i = 0; i < DR_COUNT_OF(lists); i += 1) {
        int chosen = count < 2;

        for (int k = 1; k < count; k += 1)
            chosen |= strcmp(arguments[k], lists[i].name) == 0;
        if (chosen)
            rows_of(directory, lists[i].name, lists[i].at_90, lists[i].at_130);
    }
    for (int k = 1; k < count; k += 1) {
        int known = 0;

        for (uint32_t i = 0; i < DR_COUNT_OF(lists); i += 1)
            known |= strcmp(arguments[k], lists[i].name) == 0;
        if (!known) /* another list of the trace: nothing to compare with */
            rows_of(directory, arguments[k], -1, -1);
    }
    return getenv("STRICT") != NULL && strcmp(getenv("STRICT"), "1") == 0 && missed > 0;
}
