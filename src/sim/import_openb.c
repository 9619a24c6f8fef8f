/* SPDX-License-Identifier: Apache-2.0 */
/* Alibaba's GPU cluster of 2023 ("openb"): nodes with models of GPUs, pods that ask for CPUs,
 * memory, whole GPUs or a share of one, and may name the models that they take. As published with
 * Q. Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation
 * Gradient Descent", USENIX ATC 2023.
 *
 * Nodes that are alike make a pool; chips all have one price, so that where a pod goes is decided
 * by what its place breaks. With `fill_percent` the list is made by the authors' protocol: pods
 * drawn from it are added until so much of the GPUs is asked for (or removed by chance from a list
 * that asks for more), all are shuffled by the seed, come a second apart and stay. Before them the
 * list itself comes once, each pod for no time: the authors' program knows the list beforehand, and
 * ours learns what is asked for from what it has seen. */
#include "sim/import.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/text.h"

#define FIELDS_MAX 32
#define MODELS_MAX 32
#define KINDS_MAX  256
#define STAY_US    (100 * DR_DAY_US)
#define KNOWN_US   (10 * DR_MINUTE_US) /* before the first pod that stays */
#define KNOWN_JOBS 1000000000          /* ids from there on */
#define WRITTEN                                                                             \
    (1u << DR_TRACE_job_id | 1u << DR_TRACE_submit_s | 1u << DR_TRACE_runtime_s |           \
     1u << DR_TRACE_tasks | 1u << DR_TRACE_accelerators_per_task | 1u << DR_TRACE_account | \
     1u << DR_TRACE_cpus_per_task | 1u << DR_TRACE_memory_mb_per_task | 1u << DR_TRACE_chips)

struct kind {
    int64_t cpu_milli;
    int64_t memory_mb;
    int64_t gpus;
    uint32_t model; /* from 1; 0: none */
    uint32_t nodes;
};

struct pod {
    int64_t cpu_milli;
    int64_t memory_mb;
    int64_t gpu_milli; /* of all its GPUs; less than 1000: a share of one */
    int64_t submit_us;
    int64_t runtime_us;
    uint64_t models; /* bit = model - 1; 0: any */
};

struct reading {
    struct dr_import *import;
    struct dr_lines *lines;
    struct dr_error *error;
    char *fields[FIELDS_MAX];
    uint32_t fields_count;
    char models[MODELS_MAX][DR_NAME_BYTES];
    uint32_t models_count;
    struct kind kinds[KINDS_MAX];
    uint32_t kinds_count;
    struct pod *pods;
    uint32_t pods_count;
    uint32_t pods_max;
};

/* ---- columns ---- */

struct column {
    const char *name;
    int needed;
    uint32_t at; /* UINT32_MAX: not there */
};

static enum dr_status read_header(struct reading *reading, struct column *columns, uint32_t count)
{
    char *text;
    enum dr_status status = dr_lines_next(reading->lines, &text, reading->error);
    uint32_t found;

    if (status == DR_E_END)
        text = (char[1]){0};
    else if (status != DR_OK)
        return status;
    found = dr_lines_split(text, reading->fields, FIELDS_MAX);
    for (uint32_t i = 0; i < count; i += 1) {
        columns[i].at = UINT32_MAX;
        for (uint32_t k = 0; k < found && k < FIELDS_MAX; k += 1)
            if (strcmp(reading->fields[k], columns[i].name) == 0)
                columns[i].at = k;
        if (columns[i].at == UINT32_MAX && columns[i].needed) {
            dr_error_set(reading->error, dr_lines_path(reading->lines), 1, columns[i].name,
                         "no such column", "the header row as it was published");
            return DR_E_INPUT;
        }
    }
    return DR_OK;
}

/* The next line that is split; DR_E_END. */
static enum dr_status read_line(struct reading *reading)
{
    char *text;
    enum dr_status status;

    do {
        status = dr_lines_next(reading->lines, &text, reading->error);
    } while (status == DR_OK && *text == 0);
    if (status == DR_OK)
        reading->fields_count = dr_lines_split(text, reading->fields, FIELDS_MAX);
    return status;
}

static char *field_of(struct reading *reading, const struct column *column)
{
    static char empty[1];

    return column->at < reading->fields_count ? reading->fields[column->at] : empty;
}

/* A whole number, 0 where nothing stands. */
static int number_of(struct reading *reading, const struct column *column, int64_t *value)
{
    const char *text = field_of(reading, column);

    *value = 0;
    if (*text == 0 || dr_parse_i64(text, 0, INT64_C(1) << 40, value))
        return 1;
    dr_error_set(reading->error, dr_lines_path(reading->lines), dr_lines_number(reading->lines),
                 column->name, text, "a whole number, 0 or more");
    return 0;
}

/* The model of that name, made when it is new and `make`; 0: none. */
static uint32_t model_of(struct reading *reading, const char *text, size_t length, int make)
{
    char name[DR_NAME_BYTES] = "";

    for (size_t i = 0; i < length && i + 1 < sizeof name; i += 1)
        name[i] = (char)tolower((unsigned char)text[i]);
    for (uint32_t i = 0; i < reading->models_count; i += 1)
        if (strcmp(reading->models[i], name) == 0)
            return i + 1;
    if (!make || reading->models_count == MODELS_MAX || !dr_name_valid(name))
        return 0;
    dr_copy_name(reading->models[reading->models_count], name);
    reading->models_count += 1;
    return reading->models_count;
}

/* ---- nodes ---- */

static int read_node(struct reading *reading, const struct column *columns)
{
    struct kind kind = {.nodes = 1};
    const char *model = field_of(reading, &columns[3]);
    uint32_t at = 0;

    if (!number_of(reading, &columns[0], &kind.cpu_milli) ||
        !number_of(reading, &columns[1], &kind.memory_mb) ||
        !number_of(reading, &columns[2], &kind.gpus))
        return 0;
    if (*model != 0)
        kind.model = model_of(reading, model, strlen(model), 1);
    if (kind.cpu_milli == 0 || kind.memory_mb == 0 || kind.gpus > DR_ACCELERATORS_MAX ||
        (kind.gpus > 0) != (kind.model > 0)) {
        dr_error_set(reading->error, dr_lines_path(reading->lines), dr_lines_number(reading->lines),
                     "gpu", field_of(reading, &columns[2]),
                     "CPUs, memory, and GPUs with a model or neither");
        return 0;
    }
    while (at < reading->kinds_count &&
           (reading->kinds[at].cpu_milli != kind.cpu_milli ||
            reading->kinds[at].memory_mb != kind.memory_mb ||
            reading->kinds[at].gpus != kind.gpus || reading->kinds[at].model != kind.model))
        at += 1;
    if (at == KINDS_MAX) {
        dr_error_set(reading->error, dr_lines_path(reading->lines), dr_lines_number(reading->lines),
                     "", "one more kind of node", "at most %d kinds", KINDS_MAX);
        return 0;
    }
    if (at < reading->kinds_count) {
        reading->kinds[at].nodes += 1;
        return 1;
    }
    reading->kinds[at] = kind;
    reading->kinds_count += 1;
    return 1;
}

static enum dr_status read_nodes(struct reading *reading)
{
    struct column columns[] = {
        {"cpu_milli", 1, 0}, {"memory_mib", 1, 0}, {"gpu", 1, 0}, {"model", 1, 0}};
    enum dr_status status =
        dr_lines_open(&reading->lines, reading->import->files[0], reading->error);

    if (status != DR_OK)
        return status;
    status = read_header(reading, columns, DR_COUNT_OF(columns));
    while (status == DR_OK) {
        status = read_line(reading);
        if (status == DR_OK && !read_node(reading, columns))
            status = DR_E_INPUT; /* a fleet with a node missing is another fleet */
    }
    dr_lines_close(reading->lines);
    return status == DR_E_END ? DR_OK : status;
}

/* ---- pods ---- */

static struct pod *push_pod(struct reading *reading)
{
    if (reading->pods_count == reading->pods_max) {
        reading->pods_max = reading->pods_max == 0 ? 16384 : 2 * reading->pods_max;
        reading->pods = realloc(reading->pods, reading->pods_max * sizeof reading->pods[0]);
        DR_ASSERT(reading->pods != NULL);
    }
    reading->pods_count += 1;
    return &reading->pods[reading->pods_count - 1];
}

static int read_models(struct reading *reading, const struct column *column, uint64_t *models)
{
    const char *text = field_of(reading, column);

    *models = 0;
    for (const char *at = text; *at != 0;) {
        size_t length = strcspn(at, "|");
        uint32_t model = model_of(reading, at, length, 0);

        if (model != 0)
            *models |= UINT64_C(1) << (model - 1);
        at += length + (at[length] == '|');
    }
    if (*text == 0 || *models != 0)
        return 1;
    dr_error_set(reading->error, dr_lines_path(reading->lines), dr_lines_number(reading->lines),
                 column->name, text, "a model that some node has");
    return 0;
}

static int read_pod(struct reading *reading, const struct column *columns, struct pod *pod)
{
    int64_t gpus;
    int64_t milli;
    int64_t from;
    int64_t until;
    int64_t scheduled;

    if (!number_of(reading, &columns[0], &pod->cpu_milli) ||
        !number_of(reading, &columns[1], &pod->memory_mb) ||
        !number_of(reading, &columns[2], &gpus) || !number_of(reading, &columns[3], &milli) ||
        !read_models(reading, &columns[4], &pod->models) ||
        !number_of(reading, &columns[5], &from) || !number_of(reading, &columns[6], &until) ||
        !number_of(reading, &columns[7], &scheduled))
        return 0;
    if (milli > 1000 || (gpus > 1 && milli < 1000) || gpus > DR_ACCELERATORS_MAX) {
        dr_error_set(reading->error, dr_lines_path(reading->lines), dr_lines_number(reading->lines),
                     "gpu_milli", field_of(reading, &columns[3]),
                     "up to 1000, and a share (less) of one GPU alone");
        return 0;
    }
    pod->gpu_milli = gpus * milli;
    pod->submit_us = from * DR_SECOND_US;
    if (scheduled < from)
        scheduled = from;
    pod->runtime_us = until > scheduled ? (until - scheduled) * DR_SECOND_US : 0;
    return 1;
}

static enum dr_status read_pods(struct reading *reading)
{
    struct column columns[] = {{"cpu_milli", 1, 0},     {"memory_mib", 1, 0},
                               {"num_gpu", 1, 0},       {"gpu_milli", 1, 0},
                               {"gpu_spec", 0, 0},      {"creation_time", 0, 0},
                               {"deletion_time", 0, 0}, {"scheduled_time", 0, 0}};
    struct dr_import *import = reading->import;
    enum dr_status status = dr_lines_open(&reading->lines, import->files[1], reading->error);

    if (status != DR_OK)
        return status;
    status = read_header(reading, columns, DR_COUNT_OF(columns));
    while (status == DR_OK) {
        struct pod pod = {0};

        status = read_line(reading);
        if (status == DR_E_END || status == DR_E_IO)
            break;
        import->rows += 1;
        if (status == DR_OK && read_pod(reading, columns, &pod)) {
            *push_pod(reading) = pod;
            continue;
        }
        status = dr_import_bad(import, reading->error);
    }
    dr_lines_close(reading->lines);
    return status == DR_E_END ? DR_OK : status;
}

/* ---- the protocol ---- */

static uint32_t pick(uint64_t *random, uint32_t below)
{
    *random += UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)((dr_hash_u64(*random) >> 32) * below >> 32);
}

static void fill(struct reading *reading)
{
    uint64_t random = dr_hash_u64(reading->import->seed);
    uint32_t own = reading->pods_count;
    int64_t asked = 0;
    int64_t wanted = 0;

    for (uint32_t i = 0; i < reading->kinds_count; i += 1)
        wanted += reading->kinds[i].gpus * reading->kinds[i].nodes * 1000;
    wanted = wanted * reading->import->fill_percent / 100;
    for (uint32_t i = 0; i < own; i += 1)
        asked += reading->pods[i].gpu_milli;
    if (asked == 0)
        return;
    while (asked < wanted) {
        struct pod pod = reading->pods[pick(&random, own)];

        *push_pod(reading) = pod;
        asked += pod.gpu_milli;
    }
    /* A list that asks for more; not one whose last drawn pod has passed it. */
    while (asked > wanted && reading->pods_count <= own) {
        uint32_t i = pick(&random, reading->pods_count);

        asked -= reading->pods[i].gpu_milli;
        reading->pods[i] = reading->pods[reading->pods_count - 1];
        reading->pods_count -= 1;
    }
    for (uint32_t i = reading->pods_count; i > 1; i -= 1) {
        uint32_t j = pick(&random, i);
        struct pod kept = reading->pods[i - 1];

        reading->pods[i - 1] = reading->pods[j];
        reading->pods[j] = kept;
    }
    for (uint32_t i = 0; i < reading->pods_count; i += 1) {
        reading->pods[i].submit_us = i * DR_SECOND_US;
        reading->pods[i].runtime_us = STAY_US;
    }
}

/* ---- writing ---- */

static int compare_pods(const void *a, const void *b)
{
    const struct pod *x = a;
    const struct pod *y = b;

    return x->submit_us < y->submit_us ? -1 : x->submit_us > y->submit_us;
}

static void write_pod(const struct reading *reading, const struct pod *pod, uint64_t job)
{
    struct dr_trace_row row = {.job = job,
                               .submit_us = pod->submit_us,
                               .runtime_us = pod->runtime_us,
                               .tasks = 1,
                               .accelerators_milli = (uint32_t)pod->gpu_milli,
                               .account = "all",
                               .cpus_milli = (uint32_t)pod->cpu_milli,
                               .memory_mb = (uint32_t)pod->memory_mb};

    for (uint32_t model = 0; model < reading->models_count; model += 1)
        if ((pod->models >> model) & 1 && row.chips_count < DR_TRACE_LIST_MAX) {
            row.chips[row.chips_count] = (struct dr_trace_chip){reading->models[model], 1000};
            row.chips_count += 1;
        }
    dr_trace_write(reading->import->trace, WRITTEN, &row);
}

/* The list as it is, before the trace's time: a millisecond apart, and each for no time. */
static void write_known(const struct reading *reading)
{
    for (uint32_t i = 0; i < reading->pods_count; i += 1) {
        struct pod pod = reading->pods[i];

        pod.submit_us = -KNOWN_US + i * 1000;
        pod.runtime_us = 0;
        write_pod(reading, &pod, KNOWN_JOBS + i);
    }
}

static void write_pods(struct reading *reading)
{
    struct dr_import *import = reading->import;

    if (import->fill_percent == 0)
        qsort(reading->pods, reading->pods_count, sizeof reading->pods[0], compare_pods);
    for (uint32_t i = 0; i < reading->pods_count; i += 1) {
        if (reading->pods[i].runtime_us == 0) {
            import->skipped += 1;
            continue;
        }
        write_pod(reading, &reading->pods[i], i + 1);
        import->written += 1;
    }
}

static void write_federation(const struct reading *reading)
{
    struct dr_buffer *yaml = reading->import->federation;

    dr_buffer_append_text(yaml, "# Made by `daero sim import openb`.\n"
                                "federation:\n  name: openb\n  default_limit: 400d\n"
                                "  retain_ended: 0s\nchips:\n");
    for (uint32_t i = 0; i < reading->models_count; i += 1)
        dr_buffer_printf(yaml, "  %s:\n    memory: 32GB\n    price: 1\n", reading->models[i]);
    dr_buffer_append_text(yaml, "sites:\n  site:\n    jurisdiction: unknown\n"
                                "    engine: simulated\n    pools:\n");
    for (uint32_t i = 0; i < reading->kinds_count; i += 1) {
        const struct kind *kind = &reading->kinds[i];
        char cpus[DR_TEXT_BYTES];

        dr_buffer_printf(yaml,
                         "      pool-%" PRIu32 ":\n        nodes: %" PRIu32
                         "\n        cpus: %s\n        memory: %" PRId64 "MB\n",
                         i + 1, kind->nodes, dr_format_milli(kind->cpu_milli, cpus),
                         kind->memory_mb);
        if (kind->model != 0)
            dr_buffer_printf(
                yaml, "        chip: %s\n        accelerators: %" PRId64 "\n        group: gpus\n",
                reading->models[kind->model - 1], kind->gpus);
    }
    dr_buffer_append_text(yaml, "accounts:\n  all:\n    weight: 1\n"
                                "users:\n  operator:\n    roles: [admin]\n");
}

enum dr_status dr_import_openb(struct dr_import *import, struct dr_error *error)
{
    struct reading *reading = calloc(1, sizeof *reading);
    enum dr_status status;

    DR_ASSERT(reading != NULL);
    reading->import = import;
    reading->error = error;
    status = read_nodes(reading);
    if (status == DR_OK)
        status = read_pods(reading);
    if (status == DR_OK) {
        dr_trace_write_header(import->trace, WRITTEN);
        if (import->fill_percent > 0) {
            write_known(reading);
            fill(reading);
        }
        write_pods(reading);
        if (import->federation != NULL)
            write_federation(reading);
    }
    free(reading->pods);
    free(reading);
    return status;
}
