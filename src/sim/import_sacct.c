/* SPDX-License-Identifier: Apache-2.0 */
/* A dump of Slurm's accounting, as `sacct --allusers --parsable2 --format=...` prints it: a header
 * row, columns by name in any order, `|` between. Read dr_import_sacct() at the end first.
 *
 * A job's row becomes a job; those of its steps are left out. What a job held is read from
 * AllocTRES, else ReqTRES, else AllocCPUS; its gang has a task on each node where everything is the
 * same on all of them, else a task for each GPU. A job that was requeued has several rows of one
 * number: it came with the first, and ran as the last says. */
#include "sim/import_sacct.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/sort.h"
#include "base/text.h"

#define FIELDS_MAX 256 /* --format=ALL has about 120 */
#define SLOTS      (2 * DR_SACCT_NAMES_MAX)
#define WRITTEN                                                                             \
    (1u << DR_TRACE_job_id | 1u << DR_TRACE_submit_s | 1u << DR_TRACE_runtime_s |           \
     1u << DR_TRACE_tasks | 1u << DR_TRACE_accelerators_per_task | 1u << DR_TRACE_limit_s | \
     1u << DR_TRACE_account | 1u << DR_TRACE_user | 1u << DR_TRACE_cpus_per_task |          \
     1u << DR_TRACE_memory_mb_per_task | 1u << DR_TRACE_chips | 1u << DR_TRACE_begin_s |    \
     1u << DR_TRACE_sites | 1u << DR_TRACE_name | 1u << DR_TRACE_status)

/* name in the dump, is it needed? */
#define COLUMNS(X)   \
    X(JobID, 1)      \
    X(JobIDRaw, 0)   \
    X(Submit, 1)     \
    X(Eligible, 0)   \
    X(Start, 1)      \
    X(End, 1)        \
    X(Elapsed, 0)    \
    X(ElapsedRaw, 0) \
    X(State, 1)      \
    X(AllocTRES, 0)  \
    X(ReqTRES, 0)    \
    X(AllocCPUS, 0)  \
    X(NNodes, 0)     \
    X(ReqMem, 0)     \
    X(Timelimit, 0)  \
    X(Account, 0)    \
    X(User, 0)       \
    X(Partition, 0)

enum column {
#define DR_ENUM(name, needed) COLUMN_##name,
    COLUMNS(DR_ENUM)
#undef DR_ENUM
        COLUMN_COUNT
};

static const struct {
    const char *name;
    int needed;
} ABOUT[] = {
#define ROW(name, needed) {#name, needed},
    COLUMNS(ROW)
#undef ROW
};

struct reading {
    struct dr_sacct sacct;
    struct dr_lines *lines;
    struct dr_error *error;
    uint32_t at[COLUMN_COUNT]; /* field of each; UINT32_MAX: not there */
    uint32_t fields_in_header;
    char *fields[FIELDS_MAX];
};

/* What a job held, all of it. */
struct held {
    int64_t cpus;
    int64_t nodes;
    int64_t memory_mb;
    int64_t gpus;
    int64_t gpus_of_model;
    uint32_t model;
};

/* ---- fields ---- */

static const char *field_of(const struct reading *reading, enum column column)
{
    return reading->at[column] == UINT32_MAX ? "" : reading->fields[reading->at[column]];
}

static int wrong(const struct reading *reading, enum column column, const char *expected)
{
    dr_error_set(reading->error, dr_lines_path(reading->lines), dr_lines_number(reading->lines),
                 ABOUT[column].name, field_of(reading, column), "%s", expected);
    return 0;
}

/* Unlike CSV there are no quotes. */
static uint32_t split(char *text, char *fields[FIELDS_MAX])
{
    uint32_t count = 0;
    char *field;

    while (count < FIELDS_MAX && (field = strsep(&text, "|")) != NULL) {
        fields[count] = field;
        count += 1;
    }
    return text == NULL ? count : FIELDS_MAX + 1;
}

static enum dr_status read_header(struct reading *reading)
{
    char *text = NULL;
    enum dr_status status = dr_lines_next(reading->lines, &text, reading->error);
    char empty[1] = "";

    if (status != DR_OK && status != DR_E_END)
        return status;
    reading->fields_in_header = split(status == DR_E_END ? empty : text, reading->fields);
    for (uint32_t column = 0; column < COLUMN_COUNT; column += 1) {
        reading->at[column] = UINT32_MAX;
        for (uint32_t i = 0; i < reading->fields_in_header && i < FIELDS_MAX; i += 1)
            if (strcasecmp(reading->fields[i], ABOUT[column].name) == 0)
                reading->at[column] = i;
        if (reading->at[column] == UINT32_MAX && ABOUT[column].needed) {
            dr_error_set(
                reading->error, dr_lines_path(reading->lines), 1, ABOUT[column].name,
                "no such column",
                "the header row of sacct --parsable2 with JobID, Submit, Start, End, State");
            return DR_E_INPUT;
        }
    }
    if (reading->at[COLUMN_AllocTRES] != UINT32_MAX || reading->at[COLUMN_ReqTRES] != UINT32_MAX ||
        reading->at[COLUMN_AllocCPUS] != UINT32_MAX)
        return DR_OK;
    dr_error_set(reading->error, dr_lines_path(reading->lines), 1, "AllocTRES", "no such column",
                 "AllocTRES, ReqTRES or AllocCPUS: what jobs held");
    return DR_E_INPUT;
}

/* A name as Daero has them: small letters, digits and dashes. "": 0. */
static uint32_t name_of(struct dr_sacct_names *names, const char *text, size_t length)
{
    char name[DR_NAME_BYTES] = "";
    size_t used = 0;
    uint32_t slot;

    for (size_t i = 0; i < length && used + 1 < sizeof name; i += 1) {
        int letter = tolower((unsigned char)text[i]);

        if (!islower(letter) && !isdigit(letter))
            letter = '-';
        if (letter != '-' || used > 0) {
            name[used] = (char)letter;
            used += 1;
        }
    }
    if (used == 0)
        return 0;
    for (slot = (uint32_t)dr_hash_bytes(0, name, used) % SLOTS; names->slots[slot] != 0;
         slot = (slot + 1) % SLOTS)
        if (strcmp(names->items[names->slots[slot] - 1], name) == 0)
            return names->slots[slot];
    if (names->count == DR_SACCT_NAMES_MAX)
        return 0;
    if (names->items == NULL)
        names->items = calloc(DR_SACCT_NAMES_MAX, sizeof *names->items);
    DR_ASSERT(names->items != NULL);
    dr_copy_name(names->items[names->count], name);
    names->count += 1;
    names->slots[slot] = (uint16_t)names->count;
    return names->count;
}

/* "2027-03-01T10:00:00" in the zone that was given, or seconds since 1970. 0: neither. `*us` is
 * INT64_MIN where it is not known. */
static int instant(const struct reading *reading, enum column column, int64_t *us)
{
    const char *text = field_of(reading, column);
    const char *zone = reading->sacct.import->utc_offset;
    char whole[DR_TEXT_BYTES];
    int64_t seconds;

    *us = INT64_MIN;
    if (*text == 0 || strcmp(text, "Unknown") == 0 || strcmp(text, "None") == 0)
        return 1;
    if (dr_parse_i64(text, 0, INT64_C(1) << 40, &seconds)) {
        *us = seconds * DR_SECOND_US;
        return 1;
    }
    dr_format(whole, sizeof whole, "%s%s", text, strlen(text) == 19 ? zone : "");
    if (strchr(text, 'T') != NULL && dr_parse_instant_us(whole, 0, us))
        return 1;
    return wrong(reading, column, "an instant like 2027-03-01T10:00:00, or Unknown");
}

/* ---- what it held ---- */

static int tres_number(const char *text, size_t length, int64_t *number)
{
    char digits[24];

    if (length == 0 || length >= sizeof digits)
        return 0;
    memcpy(digits, text, length);
    digits[length] = 0;
    return dr_parse_i64(digits, 0, INT64_C(1) << 40, number);
}

static int tres_memory(const char *text, size_t length, int64_t *memory_mb)
{
    char word[24];

    if (length == 0 || length >= sizeof word)
        return 0;
    memcpy(word, text, length);
    word[length] = 0;
    return dr_parse_memory_mb(word, memory_mb);
}

/* One of "cpu=16", "mem=64G", "node=2", "gres/gpu=8", "gres/gpu:h100=8"; others are passed over. */
static int read_tres(struct reading *reading, const char *text, size_t length, struct held *held)
{
    const char *equals = memchr(text, '=', length);
    size_t key = equals == NULL ? 0 : (size_t)(equals - text);
    const char *value = text + key + 1;
    size_t rest = length - key - 1;
    int64_t number = 0;

    if (equals == NULL)
        return 0;
    if (key == 3 && memcmp(text, "cpu", key) == 0)
        return tres_number(value, rest, &held->cpus);
    if (key == 4 && memcmp(text, "node", key) == 0)
        return tres_number(value, rest, &held->nodes);
    if (key == 3 && memcmp(text, "mem", key) == 0)
        return tres_memory(value, rest, &held->memory_mb);
    if (key == 8 && memcmp(text, "gres/gpu", key) == 0)
        return tres_number(value, rest, &held->gpus);
    if (key > 9 && memcmp(text, "gres/gpu:", 9) == 0) {
        if (!tres_number(value, rest, &number))
            return 0;
        held->gpus_of_model += number;
        if (number > 0 && held->model == 0)
            held->model = name_of(&reading->sacct.gpus, text + 9, key - 9);
        else if (number > 0 && held->model != name_of(&reading->sacct.gpus, text + 9, key - 9))
            return 0; /* of two models */
    }
    return 1;
}

/* "4G", of all the job; "4Gn" of each node, "2Gc" of each CPU. */
static int requested_memory(const struct reading *reading, struct held *held)
{
    const char *text = field_of(reading, COLUMN_ReqMem);
    size_t length = strlen(text);
    int64_t times = 1;

    if (length == 0 || strcmp(text, "0") == 0)
        return 1;
    if (text[length - 1] == 'n' || text[length - 1] == 'c') {
        times = text[length - 1] == 'n' ? held->nodes : held->cpus;
        length -= 1;
    }
    if (!tres_memory(text, length, &held->memory_mb))
        return wrong(reading, COLUMN_ReqMem, "memory like 4G, 4Gn or 2Gc");
    held->memory_mb *= times;
    return 1;
}

static int read_held(struct reading *reading, struct held *held)
{
    enum column column =
        *field_of(reading, COLUMN_AllocTRES) != 0 ? COLUMN_AllocTRES : COLUMN_ReqTRES;
    const char *text = field_of(reading, column);

    *held = (struct held){.nodes = 0};
    while (*text != 0) {
        size_t length = strcspn(text, ",");

        if (!read_tres(reading, text, length, held))
            return wrong(reading, column,
                         "amounts like cpu=16,mem=64G,node=2, and GPUs of one model");
        text += length + (text[length] == ',');
    }
    if (held->gpus_of_model > held->gpus)
        held->gpus = held->gpus_of_model;
    if (held->cpus == 0 && *field_of(reading, COLUMN_AllocCPUS) != 0 &&
        !dr_parse_i64(field_of(reading, COLUMN_AllocCPUS), 0, INT64_C(1) << 30, &held->cpus))
        return wrong(reading, COLUMN_AllocCPUS, "a whole number");
    if (held->nodes == 0 && *field_of(reading, COLUMN_NNodes) != 0 &&
        !dr_parse_i64(field_of(reading, COLUMN_NNodes), 0, INT64_C(1) << 20, &held->nodes))
        return wrong(reading, COLUMN_NNodes, "a whole number");
    if (held->nodes == 0)
        held->nodes = 1;
    /* What was given out without memory had none of its own, whatever was asked for. */
    return column == COLUMN_AllocTRES || held->memory_mb != 0 || requested_memory(reading, held);
}

/* A task on each node where they are all alike; else one for each GPU, or CPU. */
static int make_gang(const struct reading *reading, const struct held *held,
                     struct dr_sacct_job *job)
{
    int64_t tasks = held->nodes;

    if (held->gpus == 0 && held->cpus == 0)
        return wrong(reading, COLUMN_AllocTRES, "CPUs or GPUs that it held");
    if (held->gpus % tasks != 0)
        tasks = held->gpus;
    else if (held->gpus == 0 && held->cpus % tasks != 0)
        tasks = held->cpus;
    if (tasks > DR_TASKS_MAX || held->gpus / tasks > DR_ACCELERATORS_MAX ||
        held->cpus / tasks > 4000000)
        return wrong(reading, COLUMN_AllocTRES, "at most 65536 tasks of at most 64 GPUs each");
    job->tasks = (uint32_t)tasks;
    job->gpus_per_task = (uint32_t)(held->gpus / tasks);
    job->cpus_milli = (uint32_t)(held->cpus * 1000 / tasks);
    job->memory_mb = (uint32_t)((held->memory_mb + tasks - 1) / tasks);
    job->nodes = (uint32_t)held->nodes;
    job->gpu = held->model;
    return 1;
}

/* ---- a row ---- */

/* What becomes of a row. */
enum row { ROW_WRONG, ROW_JOB, ROW_STEP, ROW_NEVER_RAN };

/* "CANCELLED by 1000" is CANCELLED. */
static int read_state(const struct reading *reading, struct dr_sacct_job *job, int *has_ended)
{
    static const struct {
        const char *name;
        int ended;
        enum dr_trace_status status;
    } states[] = {
        {"COMPLETED", 1, DR_TRACE_COMPLETED}, {"FAILED", 1, DR_TRACE_FAILED},
        {"TIMEOUT", 1, DR_TRACE_TIMEOUT},     {"CANCELLED", 1, DR_TRACE_CANCELLED},
        {"NODE_FAIL", 1, DR_TRACE_FAILED},    {"OUT_OF_MEMORY", 1, DR_TRACE_FAILED},
        {"BOOT_FAIL", 1, DR_TRACE_FAILED},    {"LAUNCH_FAILED", 1, DR_TRACE_FAILED},
        {"DEADLINE", 1, DR_TRACE_CANCELLED},  {"PREEMPTED", 1, DR_TRACE_CANCELLED},
        {"REQUEUED", 1, DR_TRACE_CANCELLED},  {"REVOKED", 0, DR_TRACE_CANCELLED},
        {"PENDING", 0, DR_TRACE_COMPLETED},   {"RUNNING", 0, DR_TRACE_COMPLETED},
        {"SUSPENDED", 0, DR_TRACE_COMPLETED}, {"RESIZING", 0, DR_TRACE_COMPLETED},
    };
    const char *text = field_of(reading, COLUMN_State);
    size_t length = strcspn(text, " +");

    for (size_t i = 0; i < DR_COUNT_OF(states); i += 1)
        if (length == strlen(states[i].name) && memcmp(text, states[i].name, length) == 0) {
            *has_ended = states[i].ended;
            job->status = (uint8_t)states[i].status;
            return 1;
        }
    return wrong(reading, COLUMN_State, "a state of Slurm, as COMPLETED or CANCELLED by 1000");
}

static int read_runtime(const struct reading *reading, int64_t end_us, struct dr_sacct_job *job)
{
    const char *raw = field_of(reading, COLUMN_ElapsedRaw);
    const char *text = field_of(reading, COLUMN_Elapsed);
    int64_t seconds;

    job->runtime_us = 0;
    if (*raw != 0) {
        if (!dr_parse_i64(raw, 0, INT64_C(1) << 40, &seconds))
            return wrong(reading, COLUMN_ElapsedRaw, "seconds");
        job->runtime_us = seconds * DR_SECOND_US;
    } else if (*text != 0) {
        if (!dr_parse_duration_us(text, &job->runtime_us))
            return wrong(reading, COLUMN_Elapsed, "a duration like 1-02:03:04");
    } else if (job->start_us != INT64_MIN && end_us != INT64_MIN) {
        job->runtime_us = end_us - job->start_us;
    }
    return job->runtime_us >= 0 || wrong(reading, COLUMN_End, "an end after the start");
}

static int read_limit(const struct reading *reading, struct dr_sacct_job *job)
{
    const char *text = field_of(reading, COLUMN_Timelimit);

    job->limit_us = 0;
    if (*text == 0 || strcmp(text, "UNLIMITED") == 0 || strcmp(text, "Partition_Limit") == 0)
        return 1;
    return dr_parse_duration_us(text, &job->limit_us) ||
           wrong(reading, COLUMN_Timelimit,
                 "a duration like 1-00:00:00, UNLIMITED or Partition_Limit");
}

/* The number: of JobIDRaw where the dump has it, else of the row; 0: it is none. */
static int read_id(struct reading *reading, struct dr_sacct_job *job)
{
    const char *text = field_of(reading, COLUMN_JobID);
    int64_t number = 0;

    if (!isdigit((unsigned char)*text) || text[strspn(text, "0123456789_+[]-,%")] != 0)
        return wrong(reading, COLUMN_JobID, "a job's number like 123, 123_4 or 123+0");
    if (reading->at[COLUMN_JobIDRaw] != UINT32_MAX &&
        !dr_parse_i64(field_of(reading, COLUMN_JobIDRaw), 1, INT64_MAX, &number))
        return wrong(reading, COLUMN_JobIDRaw, "a number");
    job->id = (uint64_t)number;
    dr_format(job->name, sizeof job->name, "%s", text);
    for (char *at = job->name; *at != 0; at += 1)
        if (*at == ',')
            *at = ';';
    return 1;
}

static enum row read_row(struct reading *reading, char *text, struct dr_sacct_job *job)
{
    struct dr_sacct *sacct = &reading->sacct;
    struct held held;
    int64_t end_us;
    int has_ended = 0;

    if (split(text, reading->fields) != reading->fields_in_header) {
        dr_error_set(reading->error, dr_lines_path(reading->lines), dr_lines_number(reading->lines),
                     "", "another number of fields", "%" PRIu32 ", as in the header row",
                     reading->fields_in_header);
        return ROW_WRONG;
    }
    if (strchr(field_of(reading, COLUMN_JobID), '.') != NULL)
        return ROW_STEP;
    if (!read_id(reading, job) || !read_state(reading, job, &has_ended) ||
        !instant(reading, COLUMN_Submit, &job->submit_us) ||
        !instant(reading, COLUMN_Eligible, &job->eligible_us) ||
        !instant(reading, COLUMN_Start, &job->start_us) || !instant(reading, COLUMN_End, &end_us) ||
        !read_runtime(reading, end_us, job) || !read_limit(reading, job))
        return ROW_WRONG;
    if (job->submit_us == INT64_MIN) {
        wrong(reading, COLUMN_Submit, "when the job came");
        return ROW_WRONG;
    }
    if (!has_ended || job->start_us == INT64_MIN || job->runtime_us == 0)
        return ROW_NEVER_RAN;
    if (job->eligible_us <= job->submit_us)
        job->eligible_us = INT64_MIN;
    if (!read_held(reading, &held) || !make_gang(reading, &held, job))
        return ROW_WRONG;
    job->account = name_of(&sacct->accounts, field_of(reading, COLUMN_Account),
                           strlen(field_of(reading, COLUMN_Account)));
    job->user = name_of(&sacct->users, field_of(reading, COLUMN_User),
                        strlen(field_of(reading, COLUMN_User)));
    job->partition = name_of(&sacct->partitions, field_of(reading, COLUMN_Partition),
                             strcspn(field_of(reading, COLUMN_Partition), ","));
    return ROW_JOB;
}

/* ---- all of it ---- */

static void keep(struct dr_sacct *sacct, const struct dr_sacct_job *job)
{
    if (sacct->count == sacct->capacity) {
        sacct->capacity = sacct->capacity == 0 ? 16384 : 2 * sacct->capacity;
        sacct->jobs = realloc(sacct->jobs, sacct->capacity * sizeof sacct->jobs[0]);
        DR_ASSERT(sacct->jobs != NULL);
    }
    sacct->jobs[sacct->count] = *job;
    sacct->jobs[sacct->count].order = sacct->count;
    if (job->id == 0)
        sacct->jobs[sacct->count].id = sacct->count + 1;
    sacct->count += 1;
}

static enum dr_status read_rows(struct reading *reading)
{
    struct dr_import *import = reading->sacct.import;
    enum dr_status status = DR_OK;

    while (status == DR_OK) {
        struct dr_sacct_job job = {.id = 0};
        enum row row = ROW_WRONG;
        char *text;

        status = dr_lines_next(reading->lines, &text, reading->error);
        if (status == DR_E_END || status == DR_E_IO)
            break;
        if (status == DR_OK && *text == 0)
            continue;
        if (status == DR_OK)
            row = read_row(reading, text, &job);
        import->rows += row != ROW_STEP;
        import->steps += row == ROW_STEP;
        import->skipped += row == ROW_NEVER_RAN;
        status = row == ROW_WRONG ? dr_import_bad(import, reading->error) : DR_OK;
        if (row == ROW_JOB)
            keep(&reading->sacct, &job);
    }
    return status == DR_E_END ? DR_OK : status;
}

static int by_id(const void *a, const void *b, const void *context)
{
    const struct dr_sacct_job *left = a;
    const struct dr_sacct_job *right = b;

    (void)context;
    if (left->id != right->id)
        return left->id < right->id ? -1 : 1;
    if (left->start_us != right->start_us)
        return left->start_us < right->start_us ? -1 : 1;
    return left->order < right->order ? -1 : left->order > right->order;
}

static int by_submit(const void *a, const void *b, const void *context)
{
    const struct dr_sacct_job *left = a;
    const struct dr_sacct_job *right = b;

    (void)context;
    if (left->submit_us != right->submit_us)
        return left->submit_us < right->submit_us ? -1 : 1;
    return left->id < right->id ? -1 : left->id > right->id;
}

/* Of several rows of one job the last stays, with the first one's submit. */
static void join_attempts(struct dr_sacct *sacct)
{
    uint32_t kept = 0;

    dr_sort(sacct->jobs, sacct->count, sizeof sacct->jobs[0], by_id, NULL);
    for (uint32_t i = 0; i < sacct->count; i += 1) {
        struct dr_sacct_job *job = &sacct->jobs[i];

        if (kept > 0 && sacct->jobs[kept - 1].id == job->id) {
            struct dr_sacct_job *before = &sacct->jobs[kept - 1];

            job->submit_us =
                before->submit_us < job->submit_us ? before->submit_us : job->submit_us;
            job->eligible_us = before->eligible_us;
            sacct->import->joined += 1;
            *before = *job;
            continue;
        }
        sacct->jobs[kept] = *job;
        kept += 1;
    }
    sacct->count = kept;
    dr_sort(sacct->jobs, sacct->count, sizeof sacct->jobs[0], by_submit, NULL);
}

static const char *name(const struct dr_sacct_names *names, uint32_t number, const char *none)
{
    return number == 0 ? none : names->items[number - 1];
}

static void write_trace(struct dr_sacct *sacct)
{
    struct dr_import *import = sacct->import;

    dr_trace_write_header(import->trace, WRITTEN);
    import->begin_us = sacct->count == 0 ? 0 : sacct->jobs[0].submit_us;
    for (uint32_t i = 0; i < sacct->count; i += 1) {
        const struct dr_sacct_job *job = &sacct->jobs[i];
        struct dr_trace_row row = {
            .job = job->id,
            .submit_us = job->submit_us - import->begin_us,
            .runtime_us = job->runtime_us,
            .limit_us = job->limit_us,
            .tasks = job->tasks,
            .accelerators_milli = 1000 * job->gpus_per_task,
            .cpus_milli = job->cpus_milli,
            .memory_mb = job->memory_mb,
            .account = name(&sacct->accounts, job->account, "all"),
            .user = name(&sacct->users, job->user, ""),
            .begin_us =
                job->eligible_us == INT64_MIN ? INT64_MIN : job->eligible_us - import->begin_us,
            .name = job->name,
            .status = (enum dr_trace_status)job->status,
        };

        row.sites[0] = name(&sacct->partitions, job->partition, "cluster");
        row.sites_count = 1;
        row.chips[0] = (struct dr_trace_chip){name(&sacct->gpus, job->gpu, ""), 1000};
        row.chips_count = job->gpu != 0;
        dr_trace_write(import->trace, WRITTEN, &row);
        import->written += 1;
    }
}

enum dr_status dr_import_sacct(struct dr_import *import, struct dr_error *error)
{
    struct reading *reading = calloc(1, sizeof *reading);
    struct dr_sacct *sacct;
    enum dr_status status;

    DR_ASSERT(reading != NULL);
    sacct = &reading->sacct;
    sacct->import = import;
    reading->error = error;
    status = dr_lines_open(&reading->lines, import->files[0], error);
    if (status == DR_OK)
        status = read_header(reading);
    if (status == DR_OK)
        status = read_rows(reading);
    if (status == DR_OK) {
        join_attempts(sacct);
        write_trace(sacct);
        if (import->federation != NULL)
            dr_sacct_federation(sacct);
    }
    dr_lines_close(reading->lines);
    free(sacct->accounts.items);
    free(sacct->users.items);
    free(sacct->partitions.items);
    free(sacct->gpus.items);
    free(sacct->jobs);
    free(reading);
    return status;
}
