/* SPDX-License-Identifier: Apache-2.0 */
/* Gavel's job lists (D. Narayanan et al., "Heterogeneity-Aware Cluster Scheduling Policies for Deep
 * Learning Workloads", OSDI 2020): lines of ten fields with tabs between, of which type, steps,
 * gang and arrival are read, and the table of steps a second for each type, gang and kind of GPU.
 *
 * A job runs steps / rate seconds on each kind; its run time is that of the fastest, the others are
 * factors. Gangs of up to four are kept on one server, as the consolidated rates were measured;
 * larger ones, which no server holds, go by the rates for gangs that are spread. */
#include "sim/import.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/math.h"
#include "base/text.h"

#define TABLE_BYTES_MAX (64u << 20)
#define FIELDS          10
#define KINDS           3
#define SERVER          4 /* GPUs */
#define FACTOR_MAX      1000000
#define WRITTEN                                                                           \
    (1u << DR_TRACE_job_id | 1u << DR_TRACE_submit_s | 1u << DR_TRACE_runtime_s |         \
     1u << DR_TRACE_tasks | 1u << DR_TRACE_accelerators_per_task | 1u << DR_TRACE_chips | \
     1u << DR_TRACE_account | 1u << DR_TRACE_level)

enum { TYPE, STEPS = 5, GANG = 6, ARRIVAL = 9 };

static const char *const CHIPS[KINDS] = {"v100", "p100", "k80"};
static const uint32_t FLEET[KINDS] = {8, 16, 24};

/* The table, compressed or not, as one text. */
static enum dr_status read_table(const struct dr_import *import, json_t **table,
                                 struct dr_error *error)
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_lines *lines;
    json_error_t wrong;
    enum dr_status status = dr_lines_open(&lines, import->files[1], error);

    if (status != DR_OK)
        return status;
    dr_buffer_init(&text, TABLE_BYTES_MAX);
    for (;;) {
        char *line;

        status = dr_lines_next(lines, &line, error);
        if (status != DR_OK)
            break;
        dr_buffer_append_text(&text, line);
        dr_buffer_append_text(&text, "\n");
    }
    dr_lines_close(lines);
    if (status != DR_E_END)
        return status;
    *table = json_loadb((const char *)text.data, text.length, 0, &wrong);
    if (*table != NULL && json_is_object(*table))
        return DR_OK;
    dr_error_set(error, import->files[1], *table == NULL ? (uint32_t)wrong.line : 1, "",
                 *table == NULL ? wrong.text : "no object", "the table as it was published");
    json_decref(*table);
    *table = NULL;
    return DR_E_INPUT;
}

/* Steps a second; 0: it does not run there. */
static double rate_of(const json_t *table, uint32_t kind, const char *type, int64_t gang)
{
    char group[40];
    char key[200];

    dr_format(group, sizeof group, "%s%s", CHIPS[kind], gang > SERVER ? "_unconsolidated" : "");
    dr_format(key, sizeof key, "('%s', %lld)", type, (long long)gang);
    return json_number_value(
        json_object_get(json_object_get(json_object_get(table, group), key), "null"));
}

static int wrong(const struct dr_lines *lines, const char *field, const char *found,
                 const char *expected, struct dr_error *error)
{
    dr_error_set(error, dr_lines_path(lines), dr_lines_number(lines), field, found, "%s", expected);
    return 0;
}

static int split(char *text, char *fields[FIELDS])
{
    for (uint32_t i = 0; i < FIELDS; i += 1) {
        char *tab = strchr(text, '\t');

        fields[i] = text;
        if (tab == NULL)
            return i + 1 == FIELDS;
        *tab = 0;
        text = tab + 1;
    }
    return 0;
}

static int read_job(const struct dr_lines *lines, const json_t *table, char *text,
                    struct dr_trace_row *row, struct dr_error *error)
{
    char *fields[FIELDS];
    double rates[KINDS];
    double best = 0;
    int64_t steps;
    int64_t gang;

    if (!split(text, fields))
        return wrong(lines, "", "another number of fields", "10, with tabs between", error);
    if (!dr_parse_i64(fields[STEPS], 1, INT64_C(1) << 40, &steps))
        return wrong(lines, "steps", fields[STEPS], "a whole number, 1 or more", error);
    if (!dr_parse_i64(fields[GANG], 1, 1024, &gang))
        return wrong(lines, "gang", fields[GANG], "a whole number from 1 to 1024", error);
    if (!dr_parse_seconds(fields[ARRIVAL], 0, INT64_C(4000000000) * DR_SECOND_US, &row->submit_us))
        return wrong(lines, "arrival", fields[ARRIVAL], "seconds, 0 or more", error);
    for (uint32_t kind = 0; kind < KINDS; kind += 1) {
        rates[kind] = rate_of(table, kind, fields[TYPE], gang);
        best = rates[kind] > best ? rates[kind] : best;
    }
    if (best <= 0)
        return wrong(lines, "type", fields[TYPE], "a type and gang that the table has", error);
    row->runtime_us = (int64_t)((double)steps / best * (double)DR_SECOND_US);
    row->tasks = (uint32_t)gang;
    row->level_kind = gang > 1 && gang <= SERVER ? 2 : 0;
    row->level = "node";
    for (uint32_t kind = 0; kind < KINDS; kind += 1) {
        double factor = rates[kind] > 0 ? best / rates[kind] * 1000 + 0.5 : FACTOR_MAX + 1.0;

        if (factor > FACTOR_MAX)
            continue;
        row->chips[row->chips_count] = (struct dr_trace_chip){CHIPS[kind], (uint32_t)factor};
        row->chips_count += 1;
    }
    return 1;
}

static void write_federation(const struct dr_import *import)
{
    struct dr_buffer *yaml = import->federation;

    dr_buffer_append_text(yaml, "# Made by `daero sim import gavel`.\n"
                                "federation:\n  name: gavel\n  default_limit: 100d\n"
                                "  retain_ended: 0s\nchips:\n");
    /* What a chip is worth: the fastest is the dearest, so that time decides, not price. */
    for (uint32_t kind = 0; kind < KINDS; kind += 1)
        dr_buffer_printf(yaml, "  %s:\n    memory: 16GB\n    price: 1\n", CHIPS[kind]);
    dr_buffer_append_text(yaml, "sites:\n  site:\n    jurisdiction: unknown\n"
                                "    engine: simulated\n    pools:\n");
    for (uint32_t kind = 0; kind < KINDS; kind += 1) {
        uint32_t gpus = import->fleet[kind] == 0 ? FLEET[kind] : import->fleet[kind];

        dr_buffer_printf(yaml,
                         "      %s:\n        chip: %s\n        nodes: %" PRIu32
                         "\n        accelerators: %d\n        cpus: 32\n        memory: 256GB\n",
                         CHIPS[kind], CHIPS[kind], (gpus + SERVER - 1) / SERVER, SERVER);
    }
    dr_buffer_append_text(yaml, "accounts:\n  all:\n    weight: 1\n"
                                "users:\n  operator:\n    roles: [admin]\n");
}

static int compare_rows(const void *a, const void *b)
{
    const struct dr_trace_row *x = a;
    const struct dr_trace_row *y = b;

    if (x->submit_us != y->submit_us)
        return x->submit_us < y->submit_us ? -1 : 1;
    return x->job < y->job ? -1 : x->job > y->job;
}

enum dr_status dr_import_gavel(struct dr_import *import, struct dr_error *error)
{
    struct dr_lines *lines;
    json_t *table = NULL;
    struct dr_trace_row *rows = NULL;
    uint64_t max = 0;
    enum dr_status status = read_table(import, &table, error);

    if (status != DR_OK)
        return status;
    status = dr_lines_open(&lines, import->files[0], error);
    while (status == DR_OK) {
        struct dr_trace_row row = {.accelerators_milli = 1000, .account = "all", .level = ""};
        char *text;

        status = dr_lines_next(lines, &text, error);
        if (status == DR_E_END || status == DR_E_IO)
            break;
        if (status == DR_OK && *text == 0)
            continue;
        import->rows += 1;
        row.job = import->rows;
        if (status != DR_OK || !read_job(lines, table, text, &row, error)) {
            status = dr_import_bad(import, error);
            continue;
        }
        if (import->written == max) {
            max = max == 0 ? 1024 : 2 * max;
            rows = realloc(rows, max * sizeof rows[0]);
            DR_ASSERT(rows != NULL);
        }
        rows[import->written] = row;
        import->written += 1;
    }
    dr_lines_close(lines);
    json_decref(table);
    if (status == DR_E_END) {
        status = DR_OK;
        if (import->written > 0)
            qsort(rows, import->written, sizeof rows[0], compare_rows);
        dr_trace_write_header(import->trace, WRITTEN);
        for (uint64_t i = 0; i < import->written; i += 1)
            dr_trace_write(import->trace, WRITTEN, &rows[i]);
        if (import->federation != NULL)
            write_federation(import);
    }
    free(rows);
    return status;
}
