/* SPDX-License-Identifier: Apache-2.0 */
/* See trace.h; read dr_trace_next() first. */
#include "sim/trace.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/math.h"
#include "base/text.h"

#define COLUMNS_MAX 256
#define NEEDED      5
#define TIME_MAX_US (INT64_C(200) * 366 * DR_DAY_US)
#define ABSENT      UINT32_MAX

static const char *const NAMES[] = {
#define NAME(name, text) #name,
    DR_TRACE_COLUMNS(NAME)
#undef NAME
};

struct dr_trace {
    struct dr_lines *lines;
    uint32_t columns[DR_TRACE_COLUMN_COUNT]; /* which field of a line; ABSENT: none */
    uint32_t fields_count;                   /* of the header */
    int64_t last_us;                         /* submit of the row before */
};

/* ---- opening ---- */

static int known_column(const char *name)
{
    for (int i = 0; i < DR_TRACE_COLUMN_COUNT; i += 1)
        if (strcmp(NAMES[i], name) == 0)
            return i;
    return -1;
}

static enum dr_status read_header(struct dr_trace *trace, struct dr_error *error)
{
    const char *path = dr_lines_path(trace->lines);
    char *fields[COLUMNS_MAX];
    char *text;
    enum dr_status status = dr_lines_next(trace->lines, &text, error);

    if (status == DR_E_END) {
        dr_error_set(error, path, 1, "", "an empty file", "a header row");
        return DR_E_INPUT;
    }
    if (status != DR_OK)
        return status;
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    trace->fields_count = dr_lines_split(text, fields, COLUMNS_MAX);
    if (trace->fields_count == 0 || trace->fields_count > COLUMNS_MAX) {
        dr_error_set(error, path, 1, "", "a header that can't be split",
                     "names of columns with commas between");
        return DR_E_INPUT;
    }
    for (uint32_t i = 0; i < DR_TRACE_COLUMN_COUNT; i += 1)
        trace->columns[i] = ABSENT;
    for (uint32_t i = 0; i < trace->fields_count; i += 1) {
        int column = known_column(fields[i]);

        if (column < 0 || trace->columns[column] != ABSENT) {
            dr_error_set(error, path, 1, fields[i], column < 0 ? "an unknown column" : "it twice",
                         "the columns of docs/formats/trace.md, each once");
            return DR_E_INPUT;
        }
        trace->columns[column] = i;
    }
    for (uint32_t i = 0; i < NEEDED; i += 1)
        if (trace->columns[i] == ABSENT) {
            dr_error_set(error, path, 1, NAMES[i], "no such column",
                         "job_id, submit_s, runtime_s, tasks and accelerators_per_task");
            return DR_E_INPUT;
        }
    return DR_OK;
}

enum dr_status dr_trace_open(struct dr_trace **trace, const char *path, struct dr_error *error)
{
    struct dr_trace *made = calloc(1, sizeof *made);
    enum dr_status status;

    DR_ASSERT(made != NULL);
    *trace = NULL;
    made->last_us = INT64_MIN;
    status = dr_lines_open(&made->lines, path, error);
    if (status == DR_OK)
        status = read_header(made, error);
    if (status != DR_OK) {
        dr_trace_close(made);
        return status;
    }
    *trace = made;
    return DR_OK;
}

void dr_trace_close(struct dr_trace *trace)
{
    if (trace == NULL)
        return;
    dr_lines_close(trace->lines);
    free(trace);
}

const struct dr_lines *dr_trace_lines(const struct dr_trace *trace)
{
    return trace->lines;
}

int dr_trace_has(const struct dr_trace *trace, enum dr_trace_column column)
{
    return trace->columns[column] != ABSENT;
}

/* ---- values ---- */

/* A decimal with at most `places` places, times ten to their power. */
static int parse_decimal(const char *text, uint32_t places, int64_t *value)
{
    int64_t sum = 0;
    int negative = *text == '-';
    int digits = 0;
    const char *at = text + negative;

    for (; *at >= '0' && *at <= '9'; at += 1) {
        if (sum > INT64_MAX / 100)
            return 0;
        sum = sum * 10 + (*at - '0');
        digits += 1;
    }
    if (*at == '.') {
        at += 1;
        for (; *at >= '0' && *at <= '9' && places > 0; at += 1, places -= 1) {
            if (sum > INT64_MAX / 100)
                return 0;
            sum = sum * 10 + (*at - '0');
            digits += 1;
        }
        while (*at == '0')
            at += 1;
    }
    if (*at != 0 || digits == 0)
        return 0;
    for (; places > 0; places -= 1) {
        if (sum > INT64_MAX / 100)
            return 0;
        sum *= 10;
    }
    *value = negative ? -sum : sum;
    return 1;
}

int dr_parse_seconds(const char *text, int64_t min_us, int64_t max_us, int64_t *us)
{
    int64_t value;

    if (!parse_decimal(text, 6, &value) || value < min_us || value > max_us)
        return 0;
    *us = value;
    return 1;
}

const char *dr_format_seconds(int64_t us, char *text)
{
    int64_t whole = us < 0 ? -us : us;
    int64_t rest = whole % DR_SECOND_US;
    int places = 6;

    if (rest == 0)
        return dr_format(text, DR_TEXT_BYTES, "%s%lld", us < 0 ? "-" : "",
                         (long long)(whole / DR_SECOND_US));
    for (; rest % 10 == 0; rest /= 10)
        places -= 1;
    return dr_format(text, DR_TEXT_BYTES, "%s%lld.%0*lld", us < 0 ? "-" : "",
                     (long long)(whole / DR_SECOND_US), places, (long long)rest);
}

struct reading {
    const struct dr_trace *trace;
    char **fields;
    struct dr_error *error;
};

static char *field_of(const struct reading *reading, enum dr_trace_column column)
{
    static char empty[1];
    uint32_t at = reading->trace->columns[column];

    return at == ABSENT ? empty : reading->fields[at];
}

static int wrong(const struct reading *reading, enum dr_trace_column column, const char *found,
                 const char *expected)
{
    dr_error_set(reading->error, dr_lines_path(reading->trace->lines),
                 dr_lines_number(reading->trace->lines), NAMES[column],
                 *found == 0 ? "nothing" : found, "%s", expected);
    return 0;
}

/* An empty field leaves the value as it is. */
static int take_seconds(const struct reading *reading, enum dr_trace_column column, int64_t min_us,
                        int64_t *us)
{
    const char *text = field_of(reading, column);

    if (*text == 0)
        return 1;
    return dr_parse_seconds(text, min_us, TIME_MAX_US, us) ||
           wrong(reading, column, text,
                 min_us < 0 ? "seconds, with up to six places"
                            : "seconds, 0 or more, with up to six places");
}

static int take_u32(const struct reading *reading, enum dr_trace_column column, uint32_t min,
                    uint32_t max, uint32_t *value)
{
    const char *text = field_of(reading, column);
    char expected[80];
    int64_t number;

    if (*text == 0)
        return 1;
    if (!dr_parse_i64(text, min, max, &number))
        return wrong(
            reading, column, text,
            dr_format(expected, sizeof expected, "a whole number from %u to %u", min, max));
    *value = (uint32_t)number;
    return 1;
}

static int take_milli(const struct reading *reading, enum dr_trace_column column, uint32_t max,
                      uint32_t *value)
{
    const char *text = field_of(reading, column);
    char expected[80];
    int64_t number;

    if (*text == 0)
        return 1;
    if (!parse_decimal(text, 3, &number) || number < 0 || number > max)
        return wrong(reading, column, text,
                     dr_format(expected, sizeof expected,
                               "a number from 0 to %u, with up to three places", max / 1000));
    *value = (uint32_t)number;
    return 1;
}

static int take_flag(const struct reading *reading, enum dr_trace_column column, uint8_t *value)
{
    const char *text = field_of(reading, column);

    if (*text == 0)
        return 1;
    if (strcmp(text, "1") == 0 || strcmp(text, "yes") == 0 || strcmp(text, "true") == 0)
        *value = 1;
    else if (strcmp(text, "0") == 0 || strcmp(text, "no") == 0 || strcmp(text, "false") == 0)
        *value = 0;
    else
        return wrong(reading, column, text, "yes or no, 1 or 0");
    return 1;
}

/* The next part of a list `a|b|c`; NULL: no more. */
static char *next_part(char **rest)
{
    char *part = *rest;
    char *bar;

    if (part == NULL || *part == 0)
        return NULL;
    bar = strchr(part, '|');
    *rest = bar == NULL ? NULL : bar + 1;
    if (bar != NULL)
        *bar = 0;
    return part;
}

static int take_names(const struct reading *reading, enum dr_trace_column column,
                      const char *names[DR_TRACE_LIST_MAX], uint32_t *count)
{
    char *rest = field_of(reading, column);
    char *part;

    while ((part = next_part(&rest)) != NULL) {
        if (!dr_name_valid(part))
            return wrong(reading, column, part, "names with bars between: a|b");
        if (*count == DR_TRACE_LIST_MAX)
            return wrong(reading, column, part, "at most 16 names");
        names[*count] = part;
        *count += 1;
    }
    return 1;
}

/* A factor behind the last colon, which is cut off; 1000: none is stated. */
static int cut_factor(char *part, uint32_t *factor)
{
    char *colon = strrchr(part, ':');
    int64_t value;

    *factor = 1000;
    if (colon == NULL)
        return 1;
    if (!parse_decimal(colon + 1, 3, &value) || value < 1 || value > 1000000)
        return 0;
    *colon = 0;
    *factor = (uint32_t)value;
    return 1;
}

static int take_chips(const struct reading *reading, struct dr_trace_row *row)
{
    char *rest = field_of(reading, DR_TRACE_chips);
    char *part;

    while ((part = next_part(&rest)) != NULL) {
        struct dr_trace_chip *chip = &row->chips[row->chips_count];

        if (row->chips_count == DR_TRACE_LIST_MAX)
            return wrong(reading, DR_TRACE_chips, part, "at most 16 chips");
        if (!cut_factor(part, &chip->factor) || !dr_name_valid(part))
            return wrong(reading, DR_TRACE_chips, part,
                         "chips with factors from 0.001 to 1000: h200:1.0|b300:0.55");
        chip->name = part;
        row->chips_count += 1;
    }
    return 1;
}

/* h200:64x8:1.0 */
static int take_ways(const struct reading *reading, struct dr_trace_row *row)
{
    char *rest = field_of(reading, DR_TRACE_alternatives);
    char *part;

    while ((part = next_part(&rest)) != NULL) {
        struct dr_trace_way *way = &row->ways[row->ways_count];
        char *colon = strchr(part, ':');
        char *cross = colon == NULL ? NULL : strchr(colon + 1, 'x');
        int64_t tasks = 0;
        int64_t accelerators = 0;

        if (row->ways_count == DR_ALTERNATIVES_MAX - 1)
            return wrong(reading, DR_TRACE_alternatives, part, "at most 7 shapes");
        way->factor = 1000;
        if (colon != NULL && strchr(colon + 1, ':') != NULL && !cut_factor(part, &way->factor))
            colon = NULL;
        if (colon != NULL && cross != NULL) {
            *colon = 0;
            *cross = 0;
        }
        if (colon == NULL || cross == NULL || !dr_name_valid(part) ||
            !dr_parse_i64(colon + 1, 1, DR_TASKS_MAX, &tasks) ||
            !parse_decimal(cross + 1, 3, &accelerators) || accelerators < 0 ||
            accelerators > DR_ACCELERATORS_MAX * 1000)
            return wrong(reading, DR_TRACE_alternatives, part,
                         "shapes like h200:64x8:1.0|rngd:256x4:1.3, chip, tasks x accelerators "
                         "and factor");
        way->chip = part;
        way->tasks = (uint32_t)tasks;
        way->accelerators_milli = (uint32_t)accelerators;
        row->ways_count += 1;
    }
    return 1;
}

static int take_depends(const struct reading *reading, struct dr_trace_row *row)
{
    static const struct {
        const char *word;
        enum dr_dependency_kind kind;
    } kinds[] = {{"afterok", DR_DEPENDENCY_AFTEROK},
                 {"afterany", DR_DEPENDENCY_AFTERANY},
                 {"afternotok", DR_DEPENDENCY_AFTERNOTOK}};
    char *rest = field_of(reading, DR_TRACE_depends);
    char *part;

    while ((part = next_part(&rest)) != NULL) {
        struct dr_trace_dependency *edge = &row->depends[row->depends_count];
        char *colon = strchr(part, ':');
        size_t i = 0;
        int64_t job;

        if (row->depends_count == DR_TRACE_LIST_MAX)
            return wrong(reading, DR_TRACE_depends, part, "at most 16 jobs");
        if (colon != NULL)
            *colon = 0;
        while (i < DR_COUNT_OF(kinds) && strcmp(kinds[i].word, part) != 0)
            i += 1;
        if (colon == NULL || i == DR_COUNT_OF(kinds) ||
            !dr_parse_i64(colon + 1, 0, INT64_MAX, &job))
            return wrong(reading, DR_TRACE_depends, part,
                         "earlier jobs like afterok:7|afterany:9|afternotok:3");
        *edge = (struct dr_trace_dependency){kinds[i].kind, (uint64_t)job};
        row->depends_count += 1;
    }
    return 1;
}

static int take_level(const struct reading *reading, struct dr_trace_row *row)
{
    char *text = field_of(reading, DR_TRACE_level);

    row->level_kind = *text == 0 ? 0 : 2;
    if (strncmp(text, "required:", 9) == 0) {
        text += 9;
    } else if (strncmp(text, "preferred:", 10) == 0) {
        row->level_kind = 1;
        text += 10;
    }
    row->level = text;
    return row->level_kind == 0 || dr_name_valid(text) ||
           wrong(reading, DR_TRACE_level, text, "a level: block, required:block, preferred:block");
}

static int take_name(const struct reading *reading, enum dr_trace_column column, const char **name)
{
    *name = field_of(reading, column);
    return **name == 0 || dr_name_valid(*name) ||
           wrong(reading, column, *name, "a name of small letters, digits and dashes");
}

static int take_status(const struct reading *reading, struct dr_trace_row *row)
{
    static const char *const words[] = {"completed", "failed", "cancelled", "timeout"};
    const char *text = field_of(reading, DR_TRACE_status);

    for (uint32_t i = 0; i < DR_COUNT_OF(words); i += 1)
        if (*text == 0 || strcmp(words[i], text) == 0) {
            row->status = (enum dr_trace_status)i;
            return 1;
        }
    return wrong(reading, DR_TRACE_status, text, "completed, failed, cancelled or timeout");
}

static int take_needed(const struct reading *reading, struct dr_trace_row *row)
{
    int64_t job;

    for (int i = 0; i < NEEDED; i += 1)
        if (*field_of(reading, (enum dr_trace_column)i) == 0)
            return wrong(reading, (enum dr_trace_column)i, "", "a value: it is needed");
    if (!dr_parse_i64(field_of(reading, DR_TRACE_job_id), 0, INT64_MAX, &job))
        return wrong(reading, DR_TRACE_job_id, field_of(reading, DR_TRACE_job_id),
                     "a whole number, 0 or more");
    row->job = (uint64_t)job;
    return take_seconds(reading, DR_TRACE_submit_s, -TIME_MAX_US, &row->submit_us) &&
           take_seconds(reading, DR_TRACE_runtime_s, 0, &row->runtime_us) &&
           take_u32(reading, DR_TRACE_tasks, 1, DR_TASKS_MAX, &row->tasks) &&
           take_milli(reading, DR_TRACE_accelerators_per_task, DR_ACCELERATORS_MAX * 1000,
                      &row->accelerators_milli);
}

static int take_priority(const struct reading *reading, struct dr_trace_row *row)
{
    const char *text = field_of(reading, DR_TRACE_priority);
    int64_t value = 0;

    if (*text != 0 && !dr_parse_i64(text, -1000000, 1000000, &value))
        return wrong(reading, DR_TRACE_priority, text, "a whole number from -1000000 to 1000000");
    row->priority = (int32_t)value;
    return 1;
}

/* What is not needed; most traces have little of it. */
static int take_rest(const struct reading *reading, struct dr_trace_row *row)
{
    row->account = field_of(reading, DR_TRACE_account);
    row->user = field_of(reading, DR_TRACE_user);
    row->name = field_of(reading, DR_TRACE_name);
    return take_seconds(reading, DR_TRACE_limit_s, 0, &row->limit_us) &&
           take_priority(reading, row) &&
           take_milli(reading, DR_TRACE_cpus_per_task, 1u << 24, &row->cpus_milli) &&
           take_u32(reading, DR_TRACE_memory_mb_per_task, 0, 1u << 30, &row->memory_mb) &&
           take_chips(reading, row) &&
           take_flag(reading, DR_TRACE_preemptible, &row->preemptible) &&
           take_seconds(reading, DR_TRACE_checkpoint_s, 0, &row->checkpoint_us) &&
           take_seconds(reading, DR_TRACE_restart_s, 0, &row->restart_us) &&
           take_seconds(reading, DR_TRACE_grace_s, 0, &row->grace_us) && take_level(reading, row) &&
           take_seconds(reading, DR_TRACE_begin_s, -TIME_MAX_US, &row->begin_us) &&
           take_seconds(reading, DR_TRACE_deadline_s, -TIME_MAX_US, &row->deadline_us) &&
           take_name(reading, DR_TRACE_data_class, &row->data_class) &&
           take_names(reading, DR_TRACE_data, row->data, &row->data_count) &&
           take_names(reading, DR_TRACE_sites, row->sites, &row->sites_count) &&
           take_depends(reading, row) && take_flag(reading, DR_TRACE_requeue, &row->requeue) &&
           take_u32(reading, DR_TRACE_tasks_min, 0, DR_TASKS_MAX, &row->tasks_min) &&
           take_flag(reading, DR_TRACE_flexible, &row->flexible) && take_ways(reading, row) &&
           take_status(reading, row);
}

enum dr_status dr_trace_next(struct dr_trace *trace, struct dr_trace_row *row,
                             struct dr_error *error)
{
    char *fields[COLUMNS_MAX];
    struct reading reading = {.trace = trace, .fields = fields, .error = error};
    enum dr_status status;
    uint32_t count;
    char *text;

    do {
        status = dr_lines_next(trace->lines, &text, error);
        if (status != DR_OK)
            return status;
    } while (*text == 0);
    *row = (struct dr_trace_row){.line = dr_lines_number(trace->lines),
                                 .cpus_milli = 1000,
                                 .preemptible = 1,
                                 .requeue = 1,
                                 .begin_us = INT64_MIN,
                                 .deadline_us = INT64_MIN};
    count = dr_lines_split(text, fields, COLUMNS_MAX);
    if (count != trace->fields_count) {
        char found[40];

        dr_error_set(error, dr_lines_path(trace->lines), row->line, "",
                     count == 0 ? "a quote that is not closed"
                                : dr_format(found, sizeof found, "%u fields", count),
                     "%u, as the header has", trace->fields_count);
        return DR_E_INPUT;
    }
    if (!take_needed(&reading, row) || !take_rest(&reading, row))
        return DR_E_INPUT;
    if (row->submit_us < trace->last_us) {
        char last[DR_TEXT_BYTES];
        char expected[100];

        dr_format(expected, sizeof expected,
                  "at least %s, as in the row before (the rows are sorted)",
                  dr_format_seconds(trace->last_us, last));
        wrong(&reading, DR_TRACE_submit_s, field_of(&reading, DR_TRACE_submit_s), expected);
        return DR_E_INPUT;
    }
    trace->last_us = row->submit_us;
    return DR_OK;
}
