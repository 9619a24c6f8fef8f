/* SPDX-License-Identifier: Apache-2.0 */
/* What importers share: kinds, wrong rows, and how a trace is written. */
#include "sim/import.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"

static const struct {
    const char *name;
    const char *files;
} KINDS[] = {
#define KIND(name, files, text) {#name, files},
    DR_IMPORTS(KIND)
#undef KIND
};

enum dr_import_kind dr_import_named(const char *name)
{
    uint32_t kind = 0;

    while (kind < DR_IMPORT_COUNT && strcmp(KINDS[kind].name, name) != 0)
        kind += 1;
    return (enum dr_import_kind)kind;
}

uint32_t dr_import_files(enum dr_import_kind kind)
{
    return strchr(KINDS[kind].files, ' ') == NULL ? 1 : 2;
}

enum dr_status dr_import_bad(struct dr_import *import, struct dr_error *error)
{
    import->bad += 1;
    if (import->bad * 1000 > (import->rows + 99) * import->bad_row_milli)
        return DR_E_INPUT;
    if (import->say != NULL)
        import->say(import->context, error);
    return DR_OK;
}

enum dr_status dr_import(struct dr_import *import, struct dr_error *error)
{
    enum dr_status status = DR_E_INPUT;

    switch (import->kind) {
    case DR_IMPORT_swf:
        status = dr_import_swf(import, error);
        break;
    case DR_IMPORT_openb:
        status = dr_import_openb(import, error);
        break;
    case DR_IMPORT_gavel:
        status = dr_import_gavel(import, error);
        break;
    case DR_IMPORT_sacct:
        status = dr_import_sacct(import, error);
        break;
    case DR_IMPORT_live:
        status = dr_import_live(import, error);
        break;
    case DR_IMPORT_COUNT:
        break;
    }
    if (status == DR_OK && import->written == 0) {
        dr_error_set(error, import->files[0], 0, "", "no job that ever ran", "one at least");
        return DR_E_INPUT;
    }
    if (status == DR_OK && ferror(import->trace)) {
        dr_error_set(error, "", 0, "", "a trace that can't be written", "room on the disk");
        return DR_E_IO;
    }
    return status;
}

/* ---- writing a trace ---- */

static const char *const NAMES[] = {
#define NAME(name, text) #name,
    DR_TRACE_COLUMNS(NAME)
#undef NAME
};

void dr_trace_write_header(FILE *file, uint32_t columns)
{
    const char *comma = "";

    for (uint32_t i = 0; i < DR_TRACE_COLUMN_COUNT; i += 1)
        if ((columns >> i) & 1) {
            fprintf(file, "%s%s", comma, NAMES[i]);
            comma = ",";
        }
    putc('\n', file);
}

static void put_seconds(FILE *file, int64_t us)
{
    char text[DR_TEXT_BYTES];

    if (us != INT64_MIN)
        fputs(dr_format_seconds(us, text), file);
}

static void put_milli(FILE *file, int64_t milli)
{
    char text[DR_TEXT_BYTES];

    fputs(dr_format_milli(milli, text), file);
}

static void put_names(FILE *file, const char *const *names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 1)
        fprintf(file, "%s%s", i == 0 ? "" : "|", names[i]);
}

static void put_chips(FILE *file, const struct dr_trace_row *row)
{
    for (uint32_t i = 0; i < row->chips_count; i += 1) {
        fprintf(file, "%s%s:", i == 0 ? "" : "|", row->chips[i].name);
        put_milli(file, row->chips[i].factor);
    }
}

static void put_ways(FILE *file, const struct dr_trace_row *row)
{
    for (uint32_t i = 0; i < row->ways_count; i += 1) {
        fprintf(file, "%s%s:%" PRIu32 "x", i == 0 ? "" : "|", row->ways[i].chip,
                row->ways[i].tasks);
        put_milli(file, row->ways[i].accelerators_milli);
        putc(':', file);
        put_milli(file, row->ways[i].factor);
    }
}

static void put_depends(FILE *file, const struct dr_trace_row *row)
{
    static const char *const words[] = {"afterok", "afternotok", "afterany"};

    for (uint32_t i = 0; i < row->depends_count; i += 1)
        fprintf(file, "%s%s:%" PRIu64, i == 0 ? "" : "|", words[row->depends[i].kind],
                row->depends[i].job);
}

static void put_column(FILE *file, enum dr_trace_column column, const struct dr_trace_row *row)
{
    static const char *const statuses[] = {"", "failed", "cancelled", "timeout"};
    static const char *const levels[] = {"", "preferred:", ""};

    switch (column) {
    case DR_TRACE_job_id:
        fprintf(file, "%" PRIu64, row->job);
        return;
    case DR_TRACE_submit_s:
        put_seconds(file, row->submit_us);
        return;
    case DR_TRACE_runtime_s:
        put_seconds(file, row->runtime_us);
        return;
    case DR_TRACE_tasks:
        fprintf(file, "%" PRIu32, row->tasks);
        return;
    case DR_TRACE_accelerators_per_task:
        put_milli(file, row->accelerators_milli);
        return;
    case DR_TRACE_limit_s:
        put_seconds(file, row->limit_us == 0 ? INT64_MIN : row->limit_us);
        return;
    case DR_TRACE_account:
        fputs(row->account, file);
        return;
    case DR_TRACE_user:
        fputs(row->user, file);
        return;
    case DR_TRACE_priority:
        fprintf(file, "%" PRId32, row->priority);
        return;
    case DR_TRACE_cpus_per_task:
        put_milli(file, row->cpus_milli);
        return;
    case DR_TRACE_memory_mb_per_task:
        if (row->memory_mb != 0)
            fprintf(file, "%" PRIu32, row->memory_mb);
        return;
    case DR_TRACE_chips:
        put_chips(file, row);
        return;
    case DR_TRACE_preemptible:
        fputs(row->preemptible ? "yes" : "no", file);
        return;
    case DR_TRACE_checkpoint_s:
        put_seconds(file, row->checkpoint_us == 0 ? INT64_MIN : row->checkpoint_us);
        return;
    case DR_TRACE_restart_s:
        put_seconds(file, row->restart_us);
        return;
    case DR_TRACE_grace_s:
        put_seconds(file, row->grace_us == 0 ? INT64_MIN : row->grace_us);
        return;
    case DR_TRACE_level:
        if (row->level_kind != 0)
            fprintf(file, "%s%s", levels[row->level_kind], row->level);
        return;
    case DR_TRACE_begin_s:
        put_seconds(file, row->begin_us);
        return;
    case DR_TRACE_deadline_s:
        put_seconds(file, row->deadline_us);
        return;
    case DR_TRACE_data_class:
        fputs(row->data_class, file);
        return;
    case DR_TRACE_data:
        put_names(file, row->data, row->data_count);
        return;
    case DR_TRACE_sites:
        put_names(file, row->sites, row->sites_count);
        return;
    case DR_TRACE_depends:
        put_depends(file, row);
        return;
    case DR_TRACE_requeue:
        fputs(row->requeue ? "yes" : "no", file);
        return;
    case DR_TRACE_tasks_min:
        if (row->tasks_min != 0)
            fprintf(file, "%" PRIu32, row->tasks_min);
        return;
    case DR_TRACE_flexible:
        fputs(row->flexible ? "yes" : "no", file);
        return;
    case DR_TRACE_alternatives:
        put_ways(file, row);
        return;
    case DR_TRACE_name:
        fputs(row->name, file);
        return;
    case DR_TRACE_status:
        fputs(statuses[row->status], file);
        return;
    case DR_TRACE_COLUMN_COUNT:
        return;
    }
}

void dr_trace_write(FILE *file, uint32_t columns, const struct dr_trace_row *row)
{
    const char *comma = "";

    for (uint32_t i = 0; i < DR_TRACE_COLUMN_COUNT; i += 1) {
        if (!((columns >> i) & 1))
            continue;
        fputs(comma, file);
        comma = ",";
        put_column(file, (enum dr_trace_column)i, row);
    }
    putc('\n', file);
}
