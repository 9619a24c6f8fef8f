/* SPDX-License-Identifier: Apache-2.0 */
/* daero scenario: a scenario's tables as a federation file. */
#include "base/text.h"
#include "cli/options.h"
#include "cli/table.h"
#include "scenario/scenario.h"

static const char *megawatts(int64_t watts)
{
    return dr_show_format("%lld", (long long)(watts / 1000000));
}

static json_t *moment_json(const struct dr_scenario *scenario,
                           const struct dr_scenario_moment *moment)
{
    struct dr_scenario_totals totals;
    char month[DR_MONTH_BYTES];

    dr_scenario_count(scenario, moment, &totals);
    return json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:s}", "at", moment->name, "month",
                     dr_format_month(moment->month, month), "accelerators",
                     (json_int_t)totals.accelerators, "nodes", (json_int_t)totals.nodes, "sites",
                     (json_int_t)totals.sites, "pools", (json_int_t)totals.pools, "load_w",
                     (json_int_t)totals.load_w, "cap_w", (json_int_t)totals.cap_w, "what",
                     moment->note);
}

static int list(const struct dr_cli *cli, const struct dr_scenario *scenario)
{
    static const char *const names[] = {"ACCELERATORS", "NODES", "SITES", "POOLS", "MW", "CAP-MW"};
    uint32_t count;
    const struct dr_scenario_moment *moments = dr_scenario_moments(scenario, &count);
    struct dr_table *table = cli->json ? NULL : dr_table_open(1);
    json_t *answer = json_array();

    if (table != NULL) {
        dr_table_column(table, "AT", 0);
        dr_table_column(table, "MONTH", 0);
        for (size_t i = 0; i < DR_COUNT_OF(names); i += 1)
            dr_table_column(table, names[i], DR_TABLE_RIGHT);
        dr_table_column(table, "WHAT", DR_TABLE_CUT);
    }
    for (uint32_t i = 0; i < count; i += 1) {
        const struct dr_scenario_moment *moment = &moments[i];
        struct dr_scenario_totals totals;
        char month[DR_MONTH_BYTES];

        if (table == NULL) {
            json_array_append_new(answer, moment_json(scenario, moment));
            continue;
        }
        dr_scenario_count(scenario, moment, &totals);
        dr_table_row(table);
        dr_table_cell(table, moment->name);
        dr_table_cell(table, dr_format_month(moment->month, month));
        dr_table_cell(table, dr_show_format("%lld", (long long)totals.accelerators));
        dr_table_cell(table, dr_show_format("%lld", (long long)totals.nodes));
        dr_table_cell(table, dr_show_format("%u", totals.sites));
        dr_table_cell(table, dr_show_format("%u", totals.pools));
        dr_table_cell(table, megawatts(totals.load_w));
        dr_table_cell(table, megawatts(totals.cap_w));
        dr_table_cell(table, moment->note);
    }
    if (table != NULL)
        dr_table_print(table);
    else
        dr_cli_print_json(cli, answer);
    json_decref(answer);
    return DR_EXIT_OK;
}

static int write_federation(const struct dr_cli *cli, const struct dr_scenario *scenario,
                            const char *at)
{
    const char *path = dr_cli_value(cli, "output");
    struct dr_buffer yaml DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_scenario_moment moment;
    struct dr_error error = {0};
    enum dr_status status;
    json_t *answer = NULL;

    dr_buffer_init(&yaml, DR_SCENARIO_YAML_MAX);
    if (dr_scenario_at(scenario, at, &moment, &error) != DR_OK)
        return dr_cli_fail_error(cli, DR_EXIT_USAGE, &error);
    status = dr_scenario_write(scenario, &moment, &yaml, &error);
    if (status == DR_E_INPUT)
        return dr_cli_fail_error(cli, DR_EXIT_USAGE, &error);
    if (status != DR_OK)
        return dr_cli_fail(cli, DR_EXIT_FAILED, "the federation is larger than %zu bytes",
                           DR_SCENARIO_YAML_MAX);
    if (path != NULL && strcmp(path, "-") != 0) {
        if (dr_cli_write_file(cli, path, &yaml) != DR_EXIT_OK)
            return DR_EXIT_FAILED;
    } else {
        path = NULL;
    }
    if (cli->json) {
        answer = moment_json(scenario, &moment);
        json_object_set_new(answer, path == NULL ? "yaml" : "file",
                            json_string(path == NULL ? dr_buffer_text(&yaml) : path));
        dr_cli_print_json(cli, answer);
        json_decref(answer);
    } else if (path == NULL) {
        fputs(dr_buffer_text(&yaml), stdout);
    }
    return DR_EXIT_OK; /* what standard output had to say is said at the end of the program */
}

int dr_cmd_scenario(struct dr_cli *cli)
{
    const char *at = dr_cli_value(cli, "at");
    struct dr_csv_errors errors = {.say = dr_cli_say_error};
    struct dr_scenario *scenario = NULL;
    char directory[4096];
    enum dr_status status;
    int code;

    if ((at == NULL) == (dr_cli_value(cli, "list") == NULL))
        return dr_cli_fail(cli, DR_EXIT_USAGE, "%s",
                           at == NULL ? "--at is missing; --list says which "
                                        "moments there are"
                                      : "--at and --list exclude each other");
    if (!dr_cli_find_scenario(cli, cli->operands[0], "settings.csv", directory))
        return DR_EXIT_USAGE;
    status = dr_scenario_open(&scenario, directory, &errors);
    if (status == DR_E_INPUT)
        return dr_cli_fail(cli, DR_EXIT_USAGE, "%u mistake%s in the tables of %s", errors.count,
                           errors.count == 1 ? "" : "s", directory);
    if (status != DR_OK)
        return dr_cli_fail(cli, DR_EXIT_FAILED, "%s", dr_status_text(status));
    code = at == NULL ? list(cli, scenario) : write_federation(cli, scenario, at);
    dr_scenario_close(scenario);
    return code;
}
