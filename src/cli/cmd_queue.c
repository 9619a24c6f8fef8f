/* SPDX-License-Identifier: Apache-2.0 */
/* daero queue: like squeue, columns by choice. */
#include <ctype.h>

#include "base/text.h"
#include "cli/table.h"
#include "cli/wait.h"
#include "cli/queue.h"

/* ---- columns ---- */

static const char *column_job(const json_t *job)
{
    return dr_member_text(job, "job");
}

static const char *column_name(const json_t *job)
{
    return dr_member_text(job, "name");
}

static const char *column_account(const json_t *job)
{
    return dr_member_text(job, "account");
}

static const char *column_user(const json_t *job)
{
    return dr_member_text(job, "user");
}

static const char *column_state(const json_t *job)
{
    return dr_member_text(job, "state");
}

static const char *column_priority(const json_t *job)
{
    return dr_member_text(job, "priority");
}

static const char *column_tasks(const json_t *job)
{
    return dr_member_text(job, "tasks");
}

static const char *column_accelerators(const json_t *job)
{
    return dr_show_milli(dr_member_number(job, "accelerators_milli"));
}

static const char *column_cpus(const json_t *job)
{
    return dr_show_milli(dr_member_number(job, "cpus_milli"));
}

static const char *column_memory(const json_t *job)
{
    return dr_show_memory(dr_member_number(job, "memory_mb"));
}

static const char *column_chip(const json_t *job)
{
    return dr_member_text(job, "chip");
}

static const char *column_site(const json_t *job)
{
    return dr_member_text(job, "site");
}

static const char *column_time(const json_t *job)
{
    int64_t run_us = dr_member_number(job, "run_us");

    return dr_member_number(job, "start_us") > 0 || run_us > 0 ? dr_show_duration(run_us) : "-";
}

static const char *column_wait(const json_t *job)
{
    return dr_show_duration(dr_member_number(job, "wait_us"));
}

static const char *column_limit(const json_t *job)
{
    return dr_show_duration(dr_member_number(job, "limit_us"));
}

static const char *column_submit(const json_t *job)
{
    return dr_show_clock(dr_member_number(job, "submit_us"));
}

static const char *column_start(const json_t *job)
{
    return dr_show_clock(dr_member_number(job, "start_us"));
}

static const char *column_end(const json_t *job)
{
    return dr_show_clock(dr_member_number(job, "end_us"));
}

static const char *column_attempt(const json_t *job)
{
    return dr_member_text(job, "attempt");
}

static const char *column_preemptions(const json_t *job)
{
    return dr_member_text(job, "preemptions");
}

static const char *column_exit(const json_t *job)
{
    if (!dr_wait_ended(dr_member_text(job, "state")))
        return "-";
    if (dr_member_number(job, "signal") > 0)
        return dr_show_format("signal %s", dr_member_text(job, "signal"));
    return dr_member_text(job, "exit_code");
}

static const char *column_array(const json_t *job)
{
    if (dr_member_number(job, "array_job") == 0)
        return "-";
    return dr_show_format("%s[%s]", dr_member_text(job, "array_job"),
                          dr_member_text(job, "array_index"));
}

static const char *column_reason(const json_t *job)
{
    return dr_member_text(job, "reason");
}

/* Where it runs, or why it waits, as squeue's last column. */
static const char *column_where(const json_t *job)
{
    const char *state = dr_member_text(job, "state");
    const char *nodes = dr_member_text(job, "nodes");

    if (strcmp(state, "PENDING") == 0)
        return dr_show_format("(%s)", dr_member_text(job, "reason"));
    if (dr_member_true(job, "virtual") && nodes[0] != '\0')
        return dr_show_format("%.200s (virtual accelerators)", nodes);
    return nodes;
}

#define R DR_TABLE_RIGHT
#define C DR_TABLE_CUT
const struct dr_queue_column DR_QUEUE_COLUMNS[] = {
    {"job", "JOB", R, column_job},
    {"name", "NAME", C, column_name},
    {"account", "ACCOUNT", 0, column_account},
    {"user", "USER", 0, column_user},
    {"state", "STATE", 0, column_state},
    {"priority", "PRIORITY", R, column_priority},
    {"tasks", "TASKS", R, column_tasks},
    {"accelerators", "ACC", R, column_accelerators},
    {"cpus", "CPUS", R, column_cpus},
    {"memory", "MEMORY", R, column_memory},
    {"chip", "CHIP", 0, column_chip},
    {"site", "SITE", 0, column_site},
    {"time", "TIME", R, column_time},
    {"wait", "WAIT", R, column_wait},
    {"limit", "LIMIT", R, column_limit},
    {"submit", "SUBMITTED", 0, column_submit},
    {"start", "STARTED", 0, column_start},
    {"end", "ENDED", 0, column_end},
    {"attempt", "ATTEMPT", R, column_attempt},
    {"preemptions", "TAKEN BACK", R, column_preemptions},
    {"exit", "EXIT", R, column_exit},
    {"array", "ARRAY", 0, column_array},
    {"reason", "REASON", 0, column_reason},
    {"where", "NODES (REASON)", C, column_where},
};
const uint32_t DR_QUEUE_COLUMNS_COUNT = DR_COUNT_OF(DR_QUEUE_COLUMNS);
#undef R
#undef C

const struct dr_queue_column *dr_queue_column(const char *name)
{
    for (uint32_t i = 0; i < DR_QUEUE_COLUMNS_COUNT; i += 1) {
        if (strcmp(DR_QUEUE_COLUMNS[i].name, name) == 0)
            return &DR_QUEUE_COLUMNS[i];
    }
    return NULL;
}

/* ---- the request ---- */

static int query_path(struct dr_cli *cli, struct dr_buffer *path, int64_t limit)
{
    static const char *const filters[] = {"account", "user", "name", "site"};
    const char *state = dr_cli_value(cli, "state");
    char upper[256] = "live";

    if (state != NULL) {
        int word =
            strcmp(state, "live") == 0 || strcmp(state, "ended") == 0 || strcmp(state, "all") == 0;

        snprintf(upper, sizeof upper, "%s", state);
        for (char *at = upper; !word && *at != '\0'; at += 1)
            *at = (char)toupper((unsigned char)*at);
    }
    dr_buffer_printf(path, "/v1/jobs?limit=%lld", (long long)limit);
    if (strcmp(upper, "all") != 0) {
        dr_buffer_append_text(path, "&state=");
        dr_cli_escape(path, upper);
    }
    for (size_t i = 0; i < DR_COUNT_OF(filters); i += 1) {
        const char *value = dr_cli_value(cli, filters[i]);

        if (value == NULL)
            continue;
        dr_buffer_printf(path, "&%s=", filters[i]);
        dr_cli_escape(path, value);
    }
    return !path->full;
}

int dr_cmd_queue(struct dr_cli *cli)
{
    const char *format = dr_cli_value(cli, "format");
    const char *limit_text = dr_cli_value(cli, "limit");
    char columns[512];
    const struct dr_queue_column *chosen[DR_COUNT_OF(DR_QUEUE_COLUMNS)];
    uint32_t chosen_count = 0;
    char *cursor = columns;
    char *name;
    int64_t limit = 200;
    struct dr_buffer path DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_table *table;
    json_t *answer = NULL;
    json_t *job;
    size_t i;
    int code;

    if (format != NULL && strcmp(format, "help") == 0) {
        for (uint32_t c = 0; c < DR_QUEUE_COLUMNS_COUNT; c += 1)
            puts(DR_QUEUE_COLUMNS[c].name);
        return DR_EXIT_OK;
    }
    snprintf(columns, sizeof columns, "%s",
             format == NULL ? "job,name,account,user,state,tasks,accelerators,time,limit,where"
                            : format);
    while ((name = strsep(&cursor, ",")) != NULL) {
        const struct dr_queue_column *column = dr_queue_column(name);

        if (column == NULL || chosen_count == DR_COUNT_OF(chosen))
            return dr_cli_fail(cli, DR_EXIT_USAGE,
                               "--format: found '%s', expected columns that `daero queue "
                               "--format=help` lists, each once",
                               name);
        chosen[chosen_count] = column;
        chosen_count += 1;
    }
    if (limit_text != NULL && !dr_parse_i64(limit_text, 1, 1000000, &limit))
        return dr_cli_fail(cli, DR_EXIT_USAGE,
                           "--limit: found '%s', expected a whole number from 1", limit_text);
    dr_buffer_init(&path, 4096);
    if (!query_path(cli, &path, limit))
        return dr_cli_fail(cli, DR_EXIT_USAGE, "the filters are too long");
    code = dr_cli_ask(cli, "GET", dr_buffer_text(&path), NULL, NULL, &answer);
    if (code != DR_EXIT_OK)
        return code;
    if (cli->json) {
        code = dr_cli_print_json(cli, answer);
        json_decref(answer);
        return code;
    }
    table = dr_table_open(dr_cli_value(cli, "no-header") == NULL);
    for (uint32_t c = 0; c < chosen_count; c += 1)
        dr_table_column(table, chosen[c]->header, chosen[c]->flags);
    json_array_foreach(json_object_get(answer, "jobs"), i, job)
    {
        dr_table_row(table);
        for (uint32_t c = 0; c < chosen_count; c += 1)
            dr_table_cell(table, chosen[c]->text(job));
    }
    dr_table_print(table);
    if (json_is_integer(json_object_get(answer, "next")))
        fprintf(stderr, "daero queue: there are more; --limit shows more than %lld\n",
                (long long)limit);
    json_decref(answer);
    return DR_EXIT_OK;
}
