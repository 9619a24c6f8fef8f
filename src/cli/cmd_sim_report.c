/* SPDX-License-Identifier: Apache-2.0 */
/* daero sim report: measures of runs as a page. */
#include <string.h>

#include "base/text.h"
#include "cli/options.h"
#include "sim/report.h"

/* A run of the command line: NAME=FILE, where NAME may have a "=" too, or FILE, which is named by
 * its base name. */
struct given {
    char name[256];
    struct dr_buffer measures;
};

/* The base name of a path, without ".json". */
static void name_of_path(const char *path, char *name, size_t bytes)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    size_t length = strlen(base);

    if (length > 5 && strcmp(base + length - 5, ".json") == 0)
        length -= 5;
    snprintf(name, bytes, "%.*s", (int)length, base);
}

static void read_given(const char *operand, struct given *given, const struct dr_report_run *before,
                       uint32_t count, struct dr_error_list *errors)
{
    const char *equals = strrchr(operand, '=');
    enum dr_status name;
    enum dr_status file;

    if (equals == NULL)
        name_of_path(operand, given->name, sizeof given->name);
    else
        snprintf(given->name, sizeof given->name, "%.*s", (int)(equals - operand), operand);
    name = dr_report_check_name(operand, given->name, before, count, errors);
    file = dr_report_read(equals == NULL ? operand : equals + 1, &given->measures, errors);
    DR_ASSERT((name == DR_OK && file == DR_OK) || errors->count > 0);
}

static int write_page(const struct dr_cli *cli, const char *path, const struct dr_report_run *runs,
                      uint32_t count)
{
    FILE *out = fopen(path, "we");
    int failed = out == NULL || dr_report_write(out, runs, count) != DR_OK;

    failed |= out != NULL && fclose(out) != 0;
    return failed ? dr_cli_fail(cli, DR_EXIT_FAILED, "--output: %s can't be written", path)
                  : DR_EXIT_OK;
}

int dr_cmd_sim_report(struct dr_cli *cli)
{
    struct dr_error_list errors DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_report_run runs[DR_REPORT_RUNS_MAX];
    struct given given[DR_REPORT_RUNS_MAX] = {0};
    const char *path = dr_cli_value(cli, "output");
    uint32_t count = cli->operands_count;
    int code;

    if (path == NULL)
        return dr_cli_fail(cli, DR_EXIT_USAGE, "--output is missing");
    if (count > DR_REPORT_RUNS_MAX)
        return dr_cli_fail(cli, DR_EXIT_USAGE, "found %u files, expected at most %d", count,
                           DR_REPORT_RUNS_MAX);
    for (uint32_t i = 0; i < count; i += 1) {
        dr_buffer_init(&given[i].measures, DR_REPORT_MEASURES_MAX);
        read_given(cli->operands[i], &given[i], runs, i, &errors);
        runs[i] = (struct dr_report_run){given[i].name, dr_buffer_text(&given[i].measures)};
    }
    code = errors.count > 0 ? dr_cli_fail_all(cli, DR_EXIT_USAGE, &errors)
                            : write_page(cli, path, runs, count);
    for (uint32_t i = 0; i < count; i += 1)
        dr_buffer_deinit(&given[i].measures);
    if (code == DR_EXIT_OK && cli->json)
        printf("{\"runs\":%u}\n", count);
    return code;
}
