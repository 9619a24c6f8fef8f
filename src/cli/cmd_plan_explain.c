/* SPDX-License-Identifier: Apache-2.0 */
/* daero plan explain: what binds a plan, what one more is worth, and why this site. */
#include "cli/options.h"
#include "cli/plan_cli.h"
#include "cli/table.h"
#include "plan/explain/earlier.h"
#include "plan/explain/explain.h"
#include "plan/explain/instead.h"

#define SHOWN_MAX     20
#define INSTEAD_S     120.0
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

struct explained {
    struct dr_program program;
    struct dr_solver *solver;
    double *values;
    struct dr_binding bindings[DR_BINDING_MAX];
    struct dr_price prices[DR_BINDING_MAX];
    struct dr_not_begun phases[DR_PLAN_SITES_MAX];
    struct dr_month months[DR_MONTHS_MAX];
    uint32_t bindings_count, prices_count, phases_count, months_count;
};

/* "2028-Q3", "2028", or nothing. */
static const char *time_text(const struct dr_program *program, uint32_t row)
{
    char quarter[DR_QUARTER_BYTES];
    int is_year;
    int32_t time = dr_program_row_time(program, row, &is_year);

    if (time < 0)
        return "";
    return is_year
               ? dr_show_format("%lld", (long long)(program->inputs->begin / 4 + time))
               : dr_show_format("%s", dr_format_quarter(program->inputs->begin + time, quarter));
}

/* "2028-Q1 to 2030-Q4, 10 of them". */
static const char *span_text(const struct dr_program *program, const struct dr_price *price)
{
    int is_year;
    int32_t first = dr_program_row_time(program, price->first_row, &is_year);
    int32_t last = dr_program_row_time(program, price->last_row, &is_year);

    if (first == last)
        return time_text(program, price->row);
    return dr_show_format("%s to %s%s", time_text(program, price->first_row),
                          time_text(program, price->last_row),
                          price->count == (uint32_t)(last - first) + 1
                              ? ""
                              : dr_show_format(", %u of them", price->count));
}

/* ---- tables ---- */

static const char *worth_text(double worth)
{
    return dr_show_format("%.4g", worth / 1e6);
}

static void say_more(uint32_t count, uint32_t shown)
{
    if (count > shown)
        printf("and %u more; --all shows them\n", count - shown);
}

/* Rules that allow so much (`asked` 0), or ask for so much. */
static void print_prices(const struct explained *explained, int asked, uint32_t most)
{
    struct dr_table *table = dr_table_open(1);
    uint32_t count = 0;

    dr_table_column(table, asked ? "COSTS-M" : "WORTH-M", DR_TABLE_RIGHT);
    dr_table_column(table, "ONE MORE", 0);
    dr_table_column(table, "BINDS", 0);
    dr_table_column(table, "DEAREST", 0);
    dr_table_column(table, "RULE", 0);
    FOR(i, explained->prices_count) {
        const struct dr_price *price = &explained->prices[i];
        char words[300];

        if (price->asked != asked)
            continue;
        count += 1;
        if (count > most)
            continue;
        dr_table_row(table);
        dr_table_cell(table, worth_text(price->worth));
        dr_table_cell(table, price->unit);
        dr_table_cell(table, span_text(&explained->program, price));
        dr_table_cell(table, price->count == 1 ? "" : time_text(&explained->program, price->row));
        dr_table_cell(table, dr_program_row_rule(&explained->program, price->row, words));
    }
    if (count > 0)
        printf("%s\n", asked ? "\nWhat is asked of the plan, and what one more of it would cost:"
                             : "What holds the plan back, and what one more of it is worth:");
    dr_table_print(table);
    say_more(count, most);
}

static void print_quarters(const struct explained *explained, uint32_t most)
{
    struct dr_table *table = dr_table_open(1);

    dr_table_column(table, "WORTH-M", DR_TABLE_RIGHT);
    dr_table_column(table, "COSTS-M", DR_TABLE_RIGHT);
    dr_table_column(table, "ONE MORE", 0);
    dr_table_column(table, "RULE", 0);
    for (uint32_t i = 0; i < explained->bindings_count && i < most; i += 1) {
        const struct dr_binding *binding = &explained->bindings[i];
        char words[300];

        dr_table_row(table);
        dr_table_cell(table, binding->asked ? "" : worth_text(binding->worth));
        dr_table_cell(table, binding->asked ? worth_text(binding->worth) : "");
        dr_table_cell(table, binding->unit);
        dr_table_cell(table, dr_program_row_words(&explained->program, binding->row, words));
    }
    dr_table_print(table);
    say_more(explained->bindings_count, most);
}

/* "naver-sejong, phase 4: 200.0 MW", "orders of gb300-nvl72". */
static const char *month_text(const struct dr_plan_inputs *inputs, const struct dr_month *month)
{
    if (month->chip != DR_NO_COLUMN)
        return dr_show_format("orders of %s", inputs->chips[month->chip].name);
    return dr_show_format(
        "%s, phase %u: %s MW", inputs->sites[month->site].name, month->phase + 1,
        dr_cli_megawatts((double)inputs->sites[month->site].phases[month->phase].power_w));
}

static void print_months(const struct explained *explained, uint32_t most)
{
    const struct dr_plan_inputs *inputs = explained->program.inputs;
    struct dr_table *table = dr_table_open(1);
    uint32_t count = 0;

    dr_table_column(table, "WORTH-M", DR_TABLE_RIGHT);
    dr_table_column(table, "THERE FROM", 0);
    dr_table_column(table, "WHAT", 0);
    FOR(i, explained->months_count) {
        const struct dr_month *month = &explained->months[i];
        char quarter[DR_QUARTER_BYTES];

        if (month->worth == 0)
            continue;
        count += 1;
        if (count > most)
            continue;
        dr_table_row(table);
        dr_table_cell(table, worth_text(month->worth));
        dr_table_cell(table, dr_format_quarter(inputs->begin + month->quarter, quarter));
        dr_table_cell(table, month_text(inputs, month));
    }
    if (explained->months_count > 0)
        printf(
            "\nWhat one month earlier is worth (a quarter's, solved again with the plan's orders, "
            "by three)%s\n",
            count == 0 ? ": nothing" : ":");
    dr_table_print(table);
    say_more(count, most);
}

static void print_not_begun(const struct explained *explained)
{
    const struct dr_plan_inputs *inputs = explained->program.inputs;
    struct dr_table *table = dr_table_open(1);

    dr_table_column(table, "SITE", 0);
    dr_table_column(table, "PHASE", DR_TABLE_RIGHT);
    dr_table_column(table, "BEST BEGUN", 0);
    dr_table_column(table, "DEARER-M", DR_TABLE_RIGHT);
    FOR(i, explained->phases_count) {
        const struct dr_not_begun *phase = &explained->phases[i];
        char quarter[DR_QUARTER_BYTES];

        dr_table_row(table);
        dr_table_cell(table, inputs->sites[phase->site].name);
        dr_table_cell(table, dr_show_format("%u", phase->phase + 1));
        dr_table_cell(table, dr_format_quarter(inputs->begin + phase->quarter, quarter));
        dr_table_cell(table, dr_cli_millions(phase->dearer));
    }
    if (explained->phases_count > 0)
        printf("\nNot begun, and how much dearer the plan would be if it were (solved again, with "
               "all else that is begun held):\n");
    dr_table_print(table);
}

/* ---- JSON ---- */

static json_t *bindings_json(const struct explained *explained)
{
    json_t *list = json_array();

    FOR(i, explained->bindings_count) {
        const struct dr_binding *binding = &explained->bindings[i];
        char words[300];

        json_array_append_new(
            list, json_pack("{s:s, s:f, s:s, s:b}", "rule",
                            dr_program_row_words(&explained->program, binding->row, words), "worth",
                            binding->worth, "of_one", binding->unit, "costs", binding->asked));
    }
    return list;
}

static json_t *prices_json(const struct explained *explained)
{
    json_t *list = json_array();

    FOR(i, explained->prices_count) {
        const struct dr_price *price = &explained->prices[i];
        const struct dr_program *program = &explained->program;
        char words[300];

        json_array_append_new(list, json_pack("{s:s, s:f, s:s, s:b, s:i, s:s, s:s, s:s}", "rule",
                                              dr_program_row_rule(program, price->row, words),
                                              "worth", price->worth, "of_one", price->unit, "costs",
                                              price->asked, "binds", (int)price->count, "first",
                                              time_text(program, price->first_row), "last",
                                              time_text(program, price->last_row), "dearest",
                                              time_text(program, price->row)));
    }
    return list;
}

static json_t *months_json(const struct explained *explained)
{
    const struct dr_plan_inputs *inputs = explained->program.inputs;
    json_t *list = json_array();

    FOR(i, explained->months_count) {
        const struct dr_month *month = &explained->months[i];
        char quarter[DR_QUARTER_BYTES];
        json_t *one = json_pack("{s:s, s:f}", "there",
                                dr_format_quarter(inputs->begin + month->quarter, quarter), "worth",
                                month->worth);

        if (month->chip != DR_NO_COLUMN) {
            json_object_set_new(one, "chip", json_string(inputs->chips[month->chip].name));
        } else {
            json_object_set_new(one, "site", json_string(inputs->sites[month->site].name));
            json_object_set_new(one, "phase", json_integer((json_int_t)month->phase + 1));
        }
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *not_begun_json(const struct explained *explained)
{
    const struct dr_plan_inputs *inputs = explained->program.inputs;
    json_t *list = json_array();

    FOR(i, explained->phases_count) {
        const struct dr_not_begun *phase = &explained->phases[i];
        char quarter[DR_QUARTER_BYTES];

        json_array_append_new(
            list, json_pack("{s:s, s:i, s:s, s:f}", "site", inputs->sites[phase->site].name,
                            "phase", (int)phase->phase + 1, "quarter",
                            dr_format_quarter(inputs->begin + phase->quarter, quarter), "dearer",
                            phase->dearer));
    }
    return list;
}

/* ---- what binds ---- */

static int show(const struct dr_cli *cli, const struct explained *explained)
{
    uint32_t most = dr_cli_value(cli, "all") == NULL ? SHOWN_MAX : UINT32_MAX;

    if (cli->json) {
        json_t *out = json_pack("{s:o, s:o, s:o, s:o}", "prices", prices_json(explained), "binds",
                                bindings_json(explained), "months", months_json(explained),
                                "not_begun", not_begun_json(explained));

        dr_cli_print_json(cli, out);
        json_decref(out);
        return DR_EXIT_OK;
    }
    printf("In millions of %s, of the first quarter; true for small changes, with what is begun "
           "held.\n\n",
           explained->program.inputs->currency);
    if (dr_cli_value(cli, "quarters") != NULL) {
        print_quarters(explained, most);
        return DR_EXIT_OK;
    }
    print_prices(explained, 0, most);
    print_prices(explained, 1, most);
    print_months(explained, most);
    print_not_begun(explained);
    return DR_EXIT_OK;
}

static int explain(const struct dr_cli *cli, struct explained *explained,
                   const struct dr_plan *plan)
{
    const struct dr_program *program = &explained->program;
    struct dr_error error = {0};

    explained->bindings_count =
        dr_explain_binding(program, explained->solver, explained->values, explained->bindings);
    if (!cli->json && dr_cli_value(cli, "quarters") != NULL)
        return show(cli, explained);
    explained->phases_count = dr_explain_not_begun(program, explained->solver, explained->values,
                                                   explained->phases, DR_PLAN_SITES_MAX);
    if (dr_explain_prices(program, explained->values, explained->bindings,
                          explained->bindings_count, explained->prices, &explained->prices_count,
                          &error) != DR_OK ||
        dr_explain_months(program->inputs, plan, explained->months, &explained->months_count,
                          &error) != DR_OK)
        return dr_cli_fail_error(cli, DR_EXIT_FAILED, &error);
    return show(cli, explained);
}

/* ---- why this site ---- */

/* UINT32_MAX: no such site, and that was said. */
static uint32_t site_named(const struct dr_cli *cli, const struct dr_plan_inputs *inputs,
                           const char *option)
{
    const char *name = dr_cli_value(cli, option);

    FOR(s, inputs->sites_count) {
        if (strcmp(inputs->sites[s].name, name) == 0)
            return s;
    }
    dr_cli_fail(cli, DR_EXIT_USAGE, "--%s: found '%s', expected a site of %s", option, name,
                inputs->name);
    return UINT32_MAX;
}

/* "100.0 MW begun in 2027-Q3 and 200.0 MW in 2028-Q3". */
static void print_begun(const struct dr_plan_inputs *inputs, uint32_t site, const int32_t *begun)
{
    const char *before = "";

    FOR(p, inputs->sites[site].phases_count) {
        const struct dr_plan_phase *phase = &inputs->sites[site].phases[p];
        char quarter[DR_QUARTER_BYTES];

        if (phase->begun || begun[p] == DR_PLAN_NEVER)
            continue;
        printf("%s%s MW (begun %s,", before, dr_cli_megawatts((double)phase->power_w),
               dr_format_quarter(inputs->begin + begun[p], quarter));
        printf(" there %s)",
               dr_format_quarter(inputs->begin + begun[p] + phase->build_quarters, quarter));
        before = ", ";
    }
}

static void print_instead(const struct dr_plan_inputs *inputs, const struct dr_instead *instead)
{
    if (instead->possible <= 0) {
        if (instead->possible == 0)
            printf("no plan keeps all rules.\n");
        else
            printf("no plan was found in %.0f s.\n", INSTEAD_S);
        return;
    }
    printf("the plan would cost %s M %s %s:\n", dr_cli_millions(fabs(instead->dearer)),
           inputs->currency, instead->dearer < 0 ? "less" : "more");
    for (int more = 1; more >= 0; more -= 1) {
        FOR(i, DR_INSTEAD_PARTS_COUNT) {
            double part = instead->parts[i];

            if (fabs(part) >= 1e-9 * fabs(instead->dearer) + 1 && (part > 0) == more)
                printf("  %s M %s: %s\n", dr_cli_millions(fabs(part)), more ? "more" : "less",
                       DR_INSTEAD_WORDS[i]);
        }
    }
}

static json_t *instead_json(const struct dr_instead *instead)
{
    json_t *parts = json_object();

    FOR(i, DR_INSTEAD_PARTS_COUNT)
        json_object_set_new(parts, DR_INSTEAD_WORDS[i], json_real(instead->parts[i]));
    return json_pack("{s:b, s:f, s:o}", "possible", instead->possible > 0, "dearer",
                     instead->dearer, "parts", parts);
}

/* The site without which, and the one with more, the plan is solved again. */
static int why(const struct dr_cli *cli, const struct explained *explained,
               const struct dr_plan *plan)
{
    const struct dr_plan_inputs *inputs = explained->program.inputs;
    uint32_t site = site_named(cli, inputs, "why"), other = DR_NO_COLUMN;
    struct dr_instead instead;
    int phases, is_begun;

    if (site == UINT32_MAX)
        return DR_EXIT_USAGE;
    phases = dr_instead_phases(inputs, plan, site);
    is_begun = (phases & 1) != 0;
    if (dr_cli_value(cli, "instead") != NULL) {
        other = site_named(cli, inputs, "instead");
        if (other == UINT32_MAX)
            return DR_EXIT_USAGE;
        if (!is_begun)
            return dr_cli_fail(cli, DR_EXIT_USAGE,
                               "--why: the plan begins nothing at %s, expected a site at which it "
                               "does",
                               inputs->sites[site].name);
        if (other == site || (dr_instead_phases(inputs, plan, other) & 2) == 0)
            return dr_cli_fail(cli, DR_EXIT_USAGE,
                               "--instead: %s has no phase that could be begun beside the plan's, "
                               "expected another site that has one",
                               inputs->sites[other].name);
    } else if (!is_begun) {
        if ((phases & 2) == 0)
            return dr_cli_fail(cli, DR_EXIT_USAGE, "--why: nothing can be begun at %s",
                               inputs->sites[site].name);
        other = site;
    }
    if (!dr_explain_instead(&explained->program, explained->solver, plan,
                            is_begun ? site : DR_NO_COLUMN, other, INSTEAD_S, &instead))
        return dr_cli_fail(cli, DR_EXIT_FAILED, "the plan could not be solved again");
    if (cli->json) {
        json_t *out = instead_json(&instead);

        dr_cli_print_json(cli, out);
        json_decref(out);
        return DR_EXIT_OK;
    }
    printf("%s: the plan builds ", inputs->sites[site].name);
    if (is_begun)
        print_begun(inputs, site, plan->phase[site]);
    else
        printf("nothing there");
    printf(".\nWith everything else as it is begun");
    if (is_begun)
        printf(", but without that");
    if (other != DR_NO_COLUMN && instead.possible > 0) {
        printf("%s with more at %s: ", is_begun ? " and" : ", but", inputs->sites[other].name);
        print_begun(inputs, other, instead.phase);
    }
    printf(", ");
    print_instead(inputs, &instead);
    return DR_EXIT_OK;
}

int dr_cli_plan_explain(const struct dr_cli *cli, const struct dr_program *program,
                        const struct dr_plan *plan, struct dr_cli_explained *explained)
{
    double *values = calloc(program->model.columns_count, sizeof values[0]);
    struct dr_solver *solver = NULL;
    struct dr_error error = {0};
    int code = DR_EXIT_OK;

    if (values == NULL)
        abort();
    dr_plan_binaries(program, plan, values);
    if (dr_solver_open(&solver, &program->model, NULL, &error) != DR_OK) {
        code = dr_cli_fail_error(cli, DR_EXIT_FAILED, &error);
    } else {
        explained->bindings_count =
            dr_explain_binding(program, solver, values, explained->bindings);
        explained->phases_count =
            dr_explain_not_begun(program, solver, values, explained->phases, DR_PLAN_SITES_MAX);
        if (dr_explain_prices(program, values, explained->bindings, explained->bindings_count,
                              explained->prices, &explained->prices_count, &error) != DR_OK)
            code = dr_cli_fail_error(cli, DR_EXIT_FAILED, &error);
    }
    dr_solver_close(solver);
    free(values);
    return code;
}

int dr_cmd_plan_explain(struct dr_cli *cli)
{
    struct dr_cli_written written = {0};
    int code = dr_cli_plan_read(cli, &written);
    struct explained *explained = calloc(1, sizeof *explained);
    struct dr_error error = {0};

    if (explained == NULL)
        abort();
    if (code == DR_EXIT_OK && dr_cli_value(cli, "instead") != NULL &&
        dr_cli_value(cli, "why") == NULL)
        code = dr_cli_fail(cli, DR_EXIT_USAGE, "--instead: expected --why beside it");
    if (code == DR_EXIT_OK) {
        dr_program_init(&explained->program, written.inputs, 0);
        explained->values =
            calloc(explained->program.model.columns_count, sizeof explained->values[0]);
        if (explained->values == NULL)
            abort();
        dr_plan_binaries(&explained->program, written.plan, explained->values);
        if (dr_solver_open(&explained->solver, &explained->program.model, NULL, &error) != DR_OK)
            code = dr_cli_fail_error(cli, DR_EXIT_FAILED, &error);
        else if (dr_cli_value(cli, "why") != NULL)
            code = why(cli, explained, written.plan);
        else
            code = explain(cli, explained, written.plan);
        dr_solver_close(explained->solver);
        dr_program_deinit(&explained->program);
        free(explained->values);
    }
    free(explained);
    dr_cli_plan_close(&written);
    return code;
}
