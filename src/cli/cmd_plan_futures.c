/* SPDX-License-Identifier: Apache-2.0 */
/* daero plan futures: what to decide now, when several futures may come. */
#include "cli/options.h"
#include "cli/plan_cli.h"
#include "cli/table.h"
#include "plan/futures/futures_files.h"
#include "plan/futures/study.h"
#include "serve/controller.h"

#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

static void show_progress(void *context, double seconds, const char *text)
{
    (void)context;
    fprintf(stderr, "%6.1f s  %s\n", seconds, text);
}

static const char *put_cost(double cost)
{
    return isfinite(cost) ? dr_cli_millions(cost) : "-";
}

static const char *put_regret(const struct dr_futures *futures, uint32_t stage, uint32_t w)
{
    const struct dr_future_cell *cell = &futures->cells[stage][w];

    switch (cell->result) {
    case DR_FUTURE_PLAN:
        return dr_cli_millions(cell->cost - futures->worlds[w].best);
    case DR_FUTURE_NONE:
        return "none";
    case DR_FUTURE_NOT_TRIED:
    case DR_FUTURE_NOT_IN_TIME:
    case DR_FUTURE_NOT_WHOLE:
        break;
    }
    return "?";
}

static void print_regrets(const struct dr_futures *futures)
{
    struct dr_table *table = dr_table_open(1);

    dr_table_column(table, "FIRST STAGE", 0);
    FOR(w, futures->worlds_count)
        dr_table_column(table, futures->worlds[w].future.name, DR_TABLE_RIGHT);
    dr_table_column(table, "EXPECTED-M", DR_TABLE_RIGHT);
    dr_table_column(table, "WORST-M", DR_TABLE_RIGHT);
    FOR(i, futures->stages_count) {
        const struct dr_stage *stage = &futures->stages[i];

        dr_table_row(table);
        dr_table_cell(
            table, dr_show_format("%s%s%s%s", stage->name, stage->same_as == i ? "" : " (as ",
                                  stage->same_as == i ? "" : futures->stages[stage->same_as].name,
                                  stage->same_as == i ? "" : ")"));
        FOR(w, futures->worlds_count)
            dr_table_cell(table, put_regret(futures, i, w));
        dr_table_cell(table, put_cost(stage->expected));
        dr_table_cell(table, put_cost(stage->regret_max));
    }
    dr_table_row(table);
    dr_table_cell(table, "least cost, M");
    FOR(w, futures->worlds_count)
        dr_table_cell(table, put_cost(futures->worlds[w].best));
    dr_table_cell(table, put_cost(futures->knowing));
    dr_table_cell(table, "");
    dr_table_row(table);
    dr_table_cell(table, "weight, %");
    FOR(w, futures->worlds_count)
        dr_table_cell(table,
                      dr_show_format("%g", (double)futures->worlds[w].future.weight_micro / 1e4));
    dr_table_cell(table, "");
    dr_table_cell(table, "");
    dr_table_print(table);
}

/* What would have to give where a first stage leaves no plan, and what was given from the
 * beginning.
 */
static void print_gives(const struct dr_futures *futures)
{
    struct dr_program *program = calloc(1, sizeof *program);
    char words[400];

    if (program == NULL)
        abort();
    dr_program_init(program, futures->inputs, 0);
    FOR(w, futures->worlds_count) {
        const struct dr_world *world = &futures->worlds[w];

        if (world->relaxed_count > 0)
            printf("\n%s has no plan with all rules. In it these hold instead, for every plan:\n",
                   world->future.name);
        FOR(i, world->relaxed_count)
            printf("  %s\n", dr_relaxed_words(program, &world->relaxed[i], words));
    }
    FOR(i, futures->stages_count) {
        FOR(w, futures->worlds_count) {
            const struct dr_future_cell *cell = &futures->cells[i][w];

            if (cell->result == DR_FUTURE_NONE && futures->stages[i].same_as == i)
                printf("%s, in %s: none; %s\n", futures->stages[i].name,
                       futures->worlds[w].future.name,
                       cell->gives[0] == '\0' ? "nothing that may be relaxed would mend it"
                                              : dr_show_format("it would take %s", cell->gives));
        }
    }
    dr_program_deinit(program);
    free(program);
}

static void print_first_phases(const struct dr_futures *futures)
{
    const struct dr_plan_inputs *inputs = futures->inputs;
    const struct dr_first_stage *first = futures->stages[futures->chosen].first;
    struct dr_table *table = dr_table_open(1);
    char quarter[DR_QUARTER_BYTES];
    uint32_t count = 0;

    dr_table_column(table, "BEGIN", 0);
    dr_table_column(table, "SITE", 0);
    dr_table_column(table, "PHASE", DR_TABLE_RIGHT);
    dr_table_column(table, "MW", DR_TABLE_RIGHT);
    FOR(t, first->quarters) {
        FOR(s, inputs->sites_count) {
            FOR(p, inputs->sites[s].phases_count) {
                if (first->phase[s][p] != (int32_t)t)
                    continue;
                count += 1;
                dr_table_row(table);
                dr_table_cell(table, dr_format_quarter(inputs->begin + t, quarter));
                dr_table_cell(table, inputs->sites[s].name);
                dr_table_cell(table, dr_show_format("%u", p + 1));
                dr_table_cell(table, dr_show_format(
                                         "%.3f", (double)inputs->sites[s].phases[p].power_w / 1e6));
            }
        }
    }
    if (count > 0)
        printf("\nTo be begun, in every future:\n");
    dr_table_print(table);
}

static void print_first_orders(const struct dr_futures *futures)
{
    const struct dr_plan_inputs *inputs = futures->inputs;
    const struct dr_first_stage *first = futures->stages[futures->chosen].first;
    struct dr_table *table = dr_table_open(1);
    char quarter[DR_QUARTER_BYTES];
    uint32_t count = 0;

    dr_table_column(table, "ORDER", 0);
    dr_table_column(table, "CHIP", 0);
    dr_table_column(table, "COUNT", DR_TABLE_RIGHT);
    dr_table_column(table, "SITES", DR_TABLE_RIGHT);
    FOR(t, first->quarters) {
        FOR(c, inputs->chips_count) {
            int64_t sum = 0;
            uint32_t sites = 0;

            FOR(s, inputs->sites_count) {
                sum += first->buy[s][c][t];
                sites += first->buy[s][c][t] > 0;
            }
            if (sum == 0)
                continue;
            count += 1;
            dr_table_row(table);
            dr_table_cell(table, dr_format_quarter(inputs->begin + t, quarter));
            dr_table_cell(table, inputs->chips[c].name);
            dr_table_cell(table, dr_show_format("%lld", (long long)sum));
            dr_table_cell(table, dr_show_format("%u", sites));
        }
    }
    if (count > 0)
        printf("\nTo be ordered, in every future:\n");
    dr_table_print(table);
}

static const char *put_swing(const char *value, const struct dr_future_cell *cell)
{
    if (value[0] == '\0')
        return "";
    return cell->result == DR_FUTURE_PLAN   ? dr_cli_millions(cell->cost)
           : cell->result == DR_FUTURE_NONE ? "no plan"
                                            : "?";
}

static void print_tornado(const struct dr_futures *futures)
{
    static const char *const titles[] = {"ONE THING", "LOW", "COST-M", "HIGH", "COST-M"};
    struct dr_table *table;

    if (futures->swings_count == 0)
        return;
    printf("\nThe plan's first stage with one thing changed at a time; if the tables come true it "
           "costs %s M:\n",
           put_cost(futures->as_told.result == DR_FUTURE_PLAN ? futures->as_told.cost : HUGE_VAL));
    table = dr_table_open(1);
    FOR(i, DR_COUNT_OF(titles))
        dr_table_column(table, titles[i], i == 2 || i == 4 ? DR_TABLE_RIGHT : 0);
    FOR(i, futures->swings_count) {
        const struct dr_swing *swing = &futures->swings[i];

        dr_table_row(table);
        dr_table_cell(table, swing->word);
        dr_table_cell(table, swing->low);
        dr_table_cell(table, put_swing(swing->low, &swing->at_low));
        dr_table_cell(table, swing->high);
        dr_table_cell(table, put_swing(swing->high, &swing->at_high));
    }
    dr_table_print(table);
}

static void print_plan(const struct dr_futures *futures)
{
    const struct dr_plan_inputs *inputs = futures->inputs;
    const struct dr_stage *chosen = &futures->stages[futures->chosen];
    char quarter[DR_QUARTER_BYTES];

    print_first_phases(futures);
    print_first_orders(futures);
    printf("\nUp to %s the plan does what `%s` does; behind that each future goes on by itself. "
           "Expected cost %s M %s, discounted; worst regret %s M. To know the future would be "
           "worth at most %s M.\n",
           dr_format_quarter(inputs->begin + inputs->common_quarters - 1, quarter), chosen->name,
           dr_cli_millions(chosen->expected), inputs->currency, put_cost(chosen->regret_max),
           dr_cli_millions(fmax(0, chosen->expected - futures->knowing)));
    if (isfinite(futures->bound))
        printf("No two-stage plan costs less than %s M (%s): the gap is %.3f %%.\n",
               dr_cli_millions(futures->bound),
               futures->bound_by_all ? "by all futures at once" : "by each future alone",
               100 * dr_plan_gap(chosen->expected, futures->bound));
    else
        printf("In the time there was no bound for one of the futures: the gap is not known.\n");
}

static int show(const struct dr_cli *cli, const struct dr_futures *futures)
{
    const char *output = dr_cli_value(cli, "output");
    struct dr_error error = {0};
    int chosen = futures->chosen < futures->stages_count;

    if (output != NULL && dr_futures_write(output, futures, DR_VERSION, &error) != DR_OK)
        return dr_cli_fail_error(cli, DR_EXIT_FAILED, &error);
    if (cli->json) {
        json_t *json = dr_futures_json(futures);

        dr_cli_print_json(cli, json);
        json_decref(json);
    } else {
        printf(
            "Cost above the future's least, M %s, by what is decided in the first %u quarters:\n",
            futures->inputs->currency, futures->inputs->common_quarters);
        print_regrets(futures);
        print_gives(futures);
        if (chosen)
            print_plan(futures);
        print_tornado(futures);
        if (output != NULL)
            printf("Written to %s.\n", output);
    }
    if (chosen)
        return DR_EXIT_OK;
    return dr_cli_fail(cli, DR_EXIT_REFUSED,
                       "no first stage was found that leaves a plan in every future; give it more "
                       "time with --seconds, or let rules give (`relax` in plan.yaml)");
}

int dr_cmd_plan_futures(struct dr_cli *cli)
{
    struct dr_futures *futures = calloc(1, sizeof *futures);
    struct dr_futures_options options = {.say = show_progress, .at_once = 2};
    struct dr_plan_inputs *inputs = NULL;
    struct dr_error error = {0};
    int64_t seconds = 540, at_once = 2;
    uint32_t gap_milli = 1000;
    int code = DR_EXIT_USAGE;

    if (futures == NULL)
        abort();
    if (dr_option_whole(cli, "seconds", 1, 86400, &seconds) &&
        dr_option_whole(cli, "processes", 1, 64, &at_once) &&
        dr_option_milli(cli, "gap", 0, 100000, &gap_milli))
        inputs = dr_cli_plan_inputs(cli, cli->operands[0], &code);
    if (inputs != NULL && inputs->futures_count == 0) {
        code = dr_cli_fail(cli, DR_EXIT_USAGE,
                           "%s has no futures.csv, which says what may come (docs/planning.md)",
                           inputs->name);
    } else if (inputs != NULL) {
        options.seconds = (double)seconds;
        options.gap = gap_milli / 100000.0;
        options.at_once = (uint32_t)at_once;
        options.stop = dr_cli_plan_stop();
        code = dr_futures_run(futures, inputs, &options, &error) == DR_OK
                   ? show(cli, futures)
                   : dr_cli_fail_error(cli, DR_EXIT_FAILED, &error);
    }
    dr_futures_deinit(futures);
    dr_plan_inputs_close(inputs);
    free(futures);
    return code;
}
