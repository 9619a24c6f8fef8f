/* SPDX-License-Identifier: Apache-2.0 */
/* daero plan alternatives: plans that cost little more than the best and differ from it. */
#include "cli/options.h"
#include "cli/plan_cli.h"
#include "cli/table.h"
#include "plan/explain/alternatives_files.h"
#include "plan/result/files.h"
#include "serve/controller.h"

#define BYTES_MAX     ((size_t)1 << 20)
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

static void show_progress(void *context, double seconds, const char *text)
{
    (void)context;
    fprintf(stderr, "%6.1f s  %s\n", seconds, text);
}

static void print_table(const struct dr_alternatives *alternatives)
{
    static const char *const titles[] = {"COST-M",  "OVER-%",  "DIFFERS-%",
                                         "CHIPS-%", "HALLS-%", "NEAREST-%"};
    struct dr_table *table = dr_table_open(1);

    dr_table_column(table, "ALTERNATIVE", 0);
    FOR(i, DR_COUNT_OF(titles))
        dr_table_column(table, titles[i], DR_TABLE_RIGHT);
    dr_table_row(table);
    dr_table_cell(table, "the plan");
    dr_table_cell(table, dr_cli_millions(alternatives->sums.cost));
    FOR(i, alternatives->count) {
        const struct dr_plan_alternative *one = &alternatives->items[i];

        dr_table_row(table);
        dr_table_cell(table, dr_show_format("%u", i + 1));
        dr_table_cell(table, dr_cli_millions(one->sums.cost));
        dr_table_cell(
            table, dr_show_format("%+.2f", 100 * (one->sums.cost / alternatives->sums.cost - 1)));
        dr_table_cell(table, dr_show_format("%.1f", 100 * one->from_plan.all));
        dr_table_cell(table, dr_show_format("%.1f", 100 * one->from_plan.fleet));
        dr_table_cell(table, dr_show_format("%.1f", 100 * one->from_plan.halls));
        dr_table_cell(table, dr_show_format("%.1f", 100 * one->nearest));
    }
    dr_table_print(table);
}

static void print_words(const struct dr_alternatives *alternatives,
                        const struct dr_plan_inputs *inputs)
{
    FOR(i, alternatives->count) {
        struct dr_buffer words DR_CLEANUP(dr_buffer_deinit) = {0};

        dr_buffer_init(&words, BYTES_MAX);
        dr_alternative_words(alternatives, inputs, i, &words);
        printf("\n%u:\n", i + 1);
        for (const char *at = dr_buffer_text(&words); *at != '\0';) {
            size_t length = strcspn(at, "\n");

            printf("  %.*s\n", (int)length, at);
            at += length + (at[length] == '\n');
        }
    }
}

static int show(const struct dr_cli *cli, const struct dr_alternatives *alternatives,
                const struct dr_plan_inputs *inputs, const struct dr_alternatives_options *options)
{
    const char *output = dr_cli_value(cli, "output");
    struct dr_error error = {0};
    char why[300];

    if (output != NULL &&
        dr_alternatives_write(output, alternatives, inputs, options, DR_VERSION, &error) != DR_OK)
        return dr_cli_fail_error(cli, DR_EXIT_FAILED, &error);
    if (cli->json) {
        json_t *json = dr_alternatives_json(alternatives, inputs, options);

        dr_cli_print_json(cli, json);
        json_decref(json);
        return DR_EXIT_OK;
    }
    print_table(alternatives);
    print_words(alternatives, inputs);
    printf("\nAll in whole lots, checked, M %s. No plan costs less than %s M.\n", inputs->currency,
           dr_cli_millions(alternatives->bound));
    dr_alternatives_why(alternatives, options->count, options->within, why);
    if (why[0] != '\0')
        printf("%s.\n", why);
    if (output != NULL)
        printf("Written to %s.\n", output);
    return DR_EXIT_OK;
}

static int run(const struct dr_cli *cli, const struct dr_plan_inputs *inputs,
               const struct dr_alternatives_options *options)
{
    struct dr_alternatives *alternatives = calloc(1, sizeof *alternatives);
    struct dr_error error = {0};
    int code;

    if (alternatives == NULL)
        abort();
    if (dr_alternatives_run(alternatives, inputs, options, &error) != DR_OK)
        code = dr_cli_fail_error(cli, DR_EXIT_FAILED, &error);
    else if (alternatives->found == DR_FOUND_PLAN)
        code = show(cli, alternatives, inputs, options);
    else
        code = dr_cli_fail(cli, DR_EXIT_REFUSED,
                           "no plan was found to hold others against; `daero plan run` says why");
    dr_alternatives_deinit(alternatives);
    free(alternatives);
    return code;
}

int dr_cmd_plan_alternatives(struct dr_cli *cli)
{
    struct dr_alternatives_options options = {.say = show_progress, .gap = 0.005};
    struct dr_plan_inputs *inputs = NULL;
    int64_t count = 5, seconds = 300;
    uint32_t within_milli = 2000;
    int code = DR_EXIT_USAGE;

    if (dr_option_whole(cli, "count", 1, DR_PLAN_ALTERNATIVES_MAX, &count) &&
        dr_option_whole(cli, "seconds", 1, 86400, &seconds) &&
        dr_option_milli(cli, "within", 1, 100000, &within_milli))
        inputs = dr_cli_plan_inputs(cli, cli->operands[0], &code);
    if (inputs != NULL) {
        options.count = (uint32_t)count;
        options.seconds = (double)seconds;
        options.within = within_milli / 100000.0;
        options.stop = dr_cli_plan_stop();
        code = run(cli, inputs, &options);
    }
    dr_plan_inputs_close(inputs);
    return code;
}
