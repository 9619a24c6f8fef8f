/* SPDX-License-Identifier: Apache-2.0 */
/* daero sim import: what others have logged, as a trace and a federation. */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/guarded.h"
#include "cli/options.h"
#include "sim/import.h"

#define FEDERATION_MAX (16u << 20)

static void say(void *context, const struct dr_error *error)
{
    dr_cli_say_row(context, error);
}

/* "8,16,24" */
static int fleet(const struct dr_cli *cli, uint32_t gpus[3])
{
    const char *text = dr_cli_value(cli, "fleet");
    const char *at = text;

    for (int i = 0; text != NULL && i < 3; i += 1) {
        char *end;
        long number = strtol(at, &end, 10);

        if (end == at || number < 1 || number > 100000 || *end != (i < 2 ? ',' : '\0')) {
            dr_cli_fail(cli, DR_EXIT_USAGE,
                        "--fleet: found '%s', expected three numbers of GPUs like 8,16,24", text);
            return 0;
        }
        gpus[i] = (uint32_t)number;
        at = end + 1;
    }
    return 1;
}

/* "+09:00" */
static int zone(const struct dr_cli *cli, const char **offset)
{
    const char *text = dr_cli_value(cli, "utc-offset");
    char whole[64];
    int64_t us;

    *offset = text == NULL ? "Z" : text;
    snprintf(whole, sizeof whole, "2027-01-01T00:00:00%s", *offset);
    if ((strcmp(*offset, "Z") == 0 || (strlen(*offset) == 6 && strchr("+-", **offset) != NULL)) &&
        dr_parse_instant_us(whole, 0, &us))
        return 1;
    dr_cli_fail(cli, DR_EXIT_USAGE, "--utc-offset: found '%s', expected one like +09:00", text);
    return 0;
}

static int read_options(const struct dr_cli *cli, struct dr_import *import)
{
    int64_t nodes = 0;
    int64_t size = 0;
    uint32_t fill = 0;
    int64_t seed = 42;

    import->kind = dr_import_named(cli->operands[0]);
    if (import->kind == DR_IMPORT_COUNT) {
        dr_cli_fail(cli, DR_EXIT_USAGE,
                    "found '%s', expected one of these: swf, openb, gavel, sacct, live",
                    cli->operands[0]);
        return 0;
    }
    if (cli->operands_count != 1 + dr_import_files(import->kind)) {
        dr_cli_fail(cli, DR_EXIT_USAGE, "found %u file%s, expected %u for %s",
                    cli->operands_count - 1, cli->operands_count == 2 ? "" : "s",
                    dr_import_files(import->kind), cli->operands[0]);
        return 0;
    }
    if (dr_cli_value(cli, "output") == NULL) {
        dr_cli_fail(cli, DR_EXIT_USAGE, "--output is missing");
        return 0;
    }
    if (import->kind != DR_IMPORT_live &&
        (dr_cli_value(cli, "schedule") != NULL || dr_cli_value(cli, "pools") != NULL)) {
        dr_cli_fail(cli, DR_EXIT_USAGE, "--%s: found '%s', expected it for live alone",
                    dr_cli_value(cli, "schedule") != NULL ? "schedule" : "pools", cli->operands[0]);
        return 0;
    }
    if (!dr_option_milli(cli, "bad-rows", 0, 1000, &import->bad_row_milli) ||
        !dr_option_whole(cli, "nodes", 1, 1000000, &nodes) ||
        !dr_option_whole(cli, "node-size", 1, DR_ACCELERATORS_MAX, &size) ||
        !dr_option_milli(cli, "fill", 0, 100000, &fill) ||
        !dr_option_whole(cli, "seed", 0, INT64_MAX, &seed) || !fleet(cli, import->fleet))
        return 0;
    if (!zone(cli, &import->utc_offset))
        return 0;
    for (uint32_t i = 1; i < cli->operands_count; i += 1)
        import->files[i - 1] = cli->operands[i];
    import->nodes = (uint32_t)nodes;
    import->node_size = (uint32_t)size;
    import->fill_percent = fill / 10;
    import->seed = (uint64_t)seed;
    return 1;
}

static void print_counts(const struct dr_cli *cli, const struct dr_import *import)
{
    char begin[DR_TEXT_BYTES];

    if (cli->json)
        printf("{\"rows\":%" PRIu64 ",\"jobs\":%" PRIu64 ",\"skipped\":%" PRIu64
               ",\"bad_rows\":%" PRIu64 ",\"steps\":%" PRIu64 ",\"joined\":%" PRIu64
               ",\"begin_us\":%" PRId64 "}\n",
               import->rows, import->written, import->skipped, import->bad, import->steps,
               import->joined, import->begin_us);
    else if (import->kind == DR_IMPORT_live)
        printf("%" PRIu64 " jobs were submitted: %" PRIu64 " of them ran and ended\n", import->rows,
               import->written);
    else
        printf("%" PRIu64 " rows: %" PRIu64 " jobs, %" PRIu64 " that never ran, %" PRIu64
               " wrong\n",
               import->rows, import->written, import->skipped, import->bad);
    if (!cli->json && import->kind == DR_IMPORT_sacct)
        printf("%" PRIu64 " rows of steps left out, %" PRIu64 " of earlier attempts joined\n",
               import->steps, import->joined);
    if (!cli->json && (import->kind == DR_IMPORT_sacct || import->kind == DR_IMPORT_live))
        printf("the trace's clock begins at %s (sim run --start)\n",
               dr_format_instant(import->begin_us, begin));
}

struct importing {
    const struct dr_cli *cli;
    struct dr_import *import;
};

static int import_all(void *context, volatile uint64_t *seq)
{
    const struct importing *importing = context;
    const struct dr_cli *cli = importing->cli;
    struct dr_import import = *importing->import;
    struct dr_buffer yaml DR_CLEANUP(dr_buffer_deinit) = {0};
    const char *path = dr_cli_value(cli, "output");
    struct dr_error error = {0};
    enum dr_status status = DR_E_IO;
    int failed;
    int code;

    import.watched = seq;
    dr_buffer_init(&yaml, FEDERATION_MAX);
    import.federation = &yaml;
    import.trace = fopen(path, "we");
    if (import.trace == NULL)
        return dr_cli_fail(cli, DR_EXIT_FAILED, "--output: %s can't be written", path);
    if (dr_option_output(cli, "schedule", &import.schedule) &&
        dr_option_output(cli, "pools", &import.pools))
        status = dr_import(&import, &error);
    failed = fclose(import.trace) != 0;
    failed |= import.schedule != NULL && (ferror(import.schedule) | fclose(import.schedule)) != 0;
    failed |= import.pools != NULL && (ferror(import.pools) | fclose(import.pools)) != 0;
    if (status != DR_OK || failed) {
        unlink(path);
        if (status == DR_OK)
            return dr_cli_fail(cli, DR_EXIT_FAILED, "an output file can't be written");
        if (error.expected[0] == 0) /* said already */
            return DR_EXIT_FAILED;
        dr_cli_fail_error(cli, DR_EXIT_USAGE, &error);
        if (import.bad > 0)
            fprintf(stderr,
                    "%" PRIu64 " of %" PRIu64 " rows are wrong: more than --bad-rows lets pass\n",
                    import.bad, import.rows);
        return status == DR_E_IO ? DR_EXIT_FAILED : DR_EXIT_USAGE;
    }
    code = dr_cli_value(cli, "federation") == NULL
               ? DR_EXIT_OK
               : dr_cli_write_file(cli, dr_cli_value(cli, "federation"), &yaml);
    if (code == DR_EXIT_OK)
        print_counts(cli, &import);
    return code;
}

int dr_cmd_sim_import(struct dr_cli *cli)
{
    struct dr_cli_rows rows = {0};
    struct dr_import import = {.say = say, .context = &rows, .bad_row_milli = 10};
    struct importing importing = {.cli = cli, .import = &import};
    int code;

    if (!read_options(cli, &import))
        return DR_EXIT_USAGE;
    if (import.kind != DR_IMPORT_live)
        return import_all(&importing, NULL);
    code = dr_cli_guarded(cli, import_all, &importing);
    if (code == DR_EXIT_REFUSED)
        unlink(dr_cli_value(cli, "output"));
    return code;
}
