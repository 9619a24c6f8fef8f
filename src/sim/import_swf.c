/* SPDX-License-Identifier: Apache-2.0 */
/* The Standard Workload Format, version 2.2 (D. Feitelson, Parallel Workloads Archive,
 * www.cs.huji.ac.il/labs/parallel/workload/swf.html): 18 columns with blanks between, -1 for what
 * is not known, comments behind a semicolon.
 *
 * A processor becomes an accelerator of a chip `processor`: it is what jobs wait for. A job's limit
 * is the time that it asked for, which ends it; who ran longer in the log ends there. */
#include "sim/import.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define COLUMNS 18
#define WRITTEN                                                                             \
    (1u << DR_TRACE_job_id | 1u << DR_TRACE_submit_s | 1u << DR_TRACE_runtime_s |           \
     1u << DR_TRACE_tasks | 1u << DR_TRACE_accelerators_per_task | 1u << DR_TRACE_limit_s | \
     1u << DR_TRACE_account | 1u << DR_TRACE_user | 1u << DR_TRACE_status)

enum {
    JOB,
    SUBMIT,
    WAIT,
    RUN,
    USED,
    CPU_TIME,
    MEMORY,
    ASKED,
    TIME_ASKED,
    MEMORY_ASKED,
    STATUS,
    USER
};

static const char *const NAMES[] = {"job",        "submit",       "wait",   "run",
                                    "processors", "cpu",          "memory", "processors_asked",
                                    "time_asked", "memory_asked", "status", "user"};

struct head {
    int64_t nodes;
    int64_t processors;
};

/* "; MaxProcs: 240" */
static void read_comment(const char *text, struct head *head)
{
    static const char *const words[] = {"MaxNodes:", "MaxProcs:"};

    for (size_t i = 0; i < DR_COUNT_OF(words); i += 1) {
        const char *at = strstr(text, words[i]);
        int64_t *value = i == 0 ? &head->nodes : &head->processors;

        if (at == NULL || *value != 0)
            continue;
        at += strlen(words[i]);
        *value = strtoll(at, NULL, 10);
    }
}

/* The first columns of a line; the others may be missing. */
static uint32_t split(char *text, char *fields[COLUMNS])
{
    uint32_t count = 0;

    for (;;) {
        text += strspn(text, " \t");
        if (*text == 0 || count == COLUMNS)
            return count;
        fields[count] = text;
        count += 1;
        text += strcspn(text, " \t");
        if (*text != 0) {
            *text = 0;
            text += 1;
        }
    }
}

static int wrong(const struct dr_lines *lines, uint32_t column, const char *found,
                 const char *expected, struct dr_error *error)
{
    dr_error_set(error, dr_lines_path(lines), dr_lines_number(lines), NAMES[column], found, "%s",
                 expected);
    return 0;
}

/* 1: `row` is a job; 0: the line is wrong, or (`*ran` 0) it never ran. */
static int read_job(const struct dr_lines *lines, char *text, struct dr_trace_row *row, int *ran,
                    struct dr_error *error)
{
    char *fields[COLUMNS];
    uint32_t count = split(text, fields);
    static char user[DR_TEXT_BYTES];
    int64_t numbers[USER + 1];

    *ran = 1;
    if (count < TIME_ASKED + 1)
        return wrong(lines, 0, "too few columns", "18, with blanks between", error);
    for (uint32_t i = 0; i <= USER; i += 1) {
        numbers[i] = -1;
        if (i < count && i != CPU_TIME && i != MEMORY && i != MEMORY_ASKED &&
            !dr_parse_seconds(fields[i], -DR_SECOND_US, INT64_C(4000000000) * DR_SECOND_US,
                              &numbers[i]))
            return wrong(lines, i, fields[i], "a number, or -1", error);
        if (i < count && i != CPU_TIME && i != MEMORY && i != MEMORY_ASKED)
            numbers[i] =
                i == RUN || i == SUBMIT || i == TIME_ASKED ? numbers[i] : numbers[i] / DR_SECOND_US;
    }
    row->job = (uint64_t)numbers[JOB];
    row->submit_us = numbers[SUBMIT];
    row->runtime_us = numbers[RUN];
    row->limit_us = numbers[TIME_ASKED] < 0 ? 0 : numbers[TIME_ASKED];
    if (numbers[JOB] < 0 || numbers[SUBMIT] < 0)
        return wrong(lines, numbers[JOB] < 0 ? JOB : SUBMIT,
                     fields[numbers[JOB] < 0 ? JOB : SUBMIT], "0 or more", error);
    row->tasks = (uint32_t)(numbers[ASKED] > 0 ? numbers[ASKED] : numbers[USED]);
    if (numbers[RUN] < 0 || (numbers[ASKED] <= 0 && numbers[USED] <= 0)) {
        *ran = 0;
        return 0;
    }
    if (row->tasks > DR_TASKS_MAX)
        return wrong(lines, ASKED, fields[ASKED], "at most 65536 processors", error);
    row->status = numbers[STATUS] == 0   ? DR_TRACE_FAILED
                  : numbers[STATUS] == 5 ? DR_TRACE_CANCELLED
                                         : DR_TRACE_COMPLETED;
    dr_format(user, sizeof user, numbers[USER] >= 0 ? "user-%lld" : "", (long long)numbers[USER]);
    row->user = user;
    return 1;
}

static void write_federation(const struct dr_import *import, const struct head *head,
                             uint32_t widest)
{
    int64_t processors = head->processors > 0 ? head->processors : widest;
    int64_t size = import->node_size;
    int64_t nodes = import->nodes;

    if (size == 0)
        size = head->nodes > 0 && processors % head->nodes == 0 &&
                       processors / head->nodes <= DR_ACCELERATORS_MAX
                   ? processors / head->nodes
                   : 1;
    if (nodes == 0)
        nodes = (processors + size - 1) / size;
    dr_buffer_printf(import->federation,
                     "# Made by `daero sim import swf`.\n"
                     "federation:\n  name: log\n  default_limit: 30d\n  retain_ended: 0s\n"
                     "chips:\n  processor:\n    memory: 1GB\n"
                     "sites:\n  site:\n    jurisdiction: unknown\n    engine: simulated\n"
                     "    pools:\n      nodes:\n        chip: processor\n        nodes: %lld\n"
                     "        accelerators: %lld\n        cpus: %lld\n        memory: %lldGB\n"
                     "accounts:\n  all:\n    weight: 1\n"
                     "users:\n  operator:\n    roles: [admin]\n",
                     (long long)nodes, (long long)size, (long long)size, (long long)size);
}

enum dr_status dr_import_swf(struct dr_import *import, struct dr_error *error)
{
    struct dr_lines *lines;
    struct head head = {0};
    uint32_t widest = 1;
    int64_t last_us = INT64_MIN;
    enum dr_status status = dr_lines_open(&lines, import->files[0], error);

    if (status != DR_OK)
        return status;
    dr_trace_write_header(import->trace, WRITTEN);
    for (;;) {
        struct dr_trace_row row = {.accelerators_milli = 1000, .account = "all", .user = ""};
        char *text;
        int ran;

        status = dr_lines_next(lines, &text, error);
        if (status == DR_E_END)
            break;
        if (status == DR_OK && text[strspn(text, " \t")] == 0)
            continue;
        if (status == DR_OK && *text == ';') {
            read_comment(text, &head);
            continue;
        }
        import->rows += 1;
        if (status == DR_OK && read_job(lines, text, &row, &ran, error)) {
            if (row.submit_us >= last_us) {
                last_us = row.submit_us;
                widest = row.tasks > widest ? row.tasks : widest;
                dr_trace_write(import->trace, WRITTEN, &row);
                import->written += 1;
                continue;
            }
            wrong(lines, SUBMIT, "an earlier time than in the line before", "lines in their order",
                  error);
        } else if (status == DR_OK && !ran) {
            import->skipped += 1;
            continue;
        }
        if (status == DR_E_IO)
            break;
        status = dr_import_bad(import, error);
        if (status != DR_OK)
            break;
    }
    if (status == DR_E_END) {
        status = DR_OK;
        if (import->federation != NULL)
            write_federation(import, &head, widest);
    }
    dr_lines_close(lines);
    return status;
}
