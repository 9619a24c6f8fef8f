/* SPDX-License-Identifier: Apache-2.0 */
/* daero plan: what to build, where, when and with what (docs/planning.md). */
#include <signal.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/options.h"
#include "cli/plan_cli.h"
#include "cli/table.h"
#include "plan/explain/explain.h"
#include "plan/program/export.h"
#include "plan/result/files.h"
#include "plan/search/find.h"
#include "plan/program/lost.h"
#include "plan/futures/future.h"
#include "serve/controller.h"

#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

static volatile sig_atomic_t is_interrupted;

static void interrupt(int signal)
{
    (void)signal;
    is_interrupted = 1;
}

const volatile sig_atomic_t *dr_cli_plan_stop(void)
{
    signal(SIGINT, interrupt);
    return &is_interrupted;
}

struct dr_plan_inputs *dr_cli_plan_inputs(const struct dr_cli *cli, const char *name, int *code)
{
    struct dr_csv_errors errors = {.say = dr_cli_say_error};
    struct dr_plan_inputs *inputs = NULL;
    char directory[4096];
    enum dr_status status;

    *code = DR_EXIT_USAGE;
    if (!dr_cli_find_scenario(cli, name, "plan.yaml", directory))
        return NULL;
    status = dr_plan_inputs_open(&inputs, directory, &errors);
    if (status == DR_E_INPUT)
        dr_cli_fail(cli, DR_EXIT_USAGE, "%u mistake%s in the tables of %s", errors.count,
                    errors.count == 1 ? "" : "s", directory);
    else if (status != DR_OK)
        *code = dr_cli_fail(cli, DR_EXIT_FAILED, "%s", dr_status_text(status));
    return inputs;
}

/* ---- run ---- */

static void show_progress(void *context, const struct dr_search_progress *progress)
{
    const struct dr_program *program = context;
    double scale = program->money_scale;
    char best[100] = "no plan yet", cost[DR_TEXT_BYTES], bound[DR_TEXT_BYTES];

    if (progress->has_values)
        snprintf(best, sizeof best, "best %s M, gap %.3f %%",
                 dr_format_money((int64_t)(progress->cost * scale), cost),
                 100 * dr_plan_gap(progress->cost, progress->bound));
    fprintf(stderr, "%6.1f s (%.1f CPU)  %-20s %s; none costs less than %s M\n", progress->seconds,
            progress->cpu_s, progress->step, best,
            isfinite(progress->bound) ? dr_format_money((int64_t)(progress->bound * scale), bound)
                                      : "?");
}

const char *dr_cli_millions(double amount)
{
    char text[DR_TEXT_BYTES];

    return dr_show_format("%s", dr_format_money((int64_t)amount, text));
}

/* A hall of a university is part of one. */
const char *dr_cli_megawatts(double power_w)
{
    return dr_show_format("%.*f", power_w < 10e6 ? 3 : 1, power_w / 1e6);
}

static const char *percent(double part, double whole)
{
    return whole <= 0 ? "-" : dr_show_format("%.1f", 100 * part / whole);
}

static void print_years(const struct dr_plan_inputs *inputs, const struct dr_plan_sums *sums)
{
    static const char *const names[] = {"ORDERED", "ON",       "SPENT-M", "DOMESTIC-%",
                                        "DRAW-MW", "POWER-MW", "SERVED-%"};
    struct dr_table *table = dr_table_open(1);

    dr_table_column(table, "YEAR", 0);
    FOR(i, DR_COUNT_OF(names))
        dr_table_column(table, names[i], DR_TABLE_RIGHT);
    FOR(y, inputs->years_count) {
        double ordered = 0, spent = 0, orders = 0, domestic = 0, demand = 0, served = 0, draw = 0;
        uint32_t last = 0;

        FOR(t, inputs->quarters_count) {
            if (dr_plan_year(inputs, t) != y)
                continue;
            last = t;
            ordered += (double)sums->ordered[t];
            spent += (double)sums->spent[t];
            orders += (double)sums->spent_orders[t];
            domestic += (double)sums->spent_domestic[t];
            draw = fmax(draw, (double)sums->draw_w[t]);
            FOR(k, inputs->sectors_count) {
                demand += (double)inputs->sectors[k].demand[t];
                served += (double)sums->served[k][t];
            }
        }
        dr_table_row(table);
        dr_table_cell(table, dr_show_format("%lld", (long long)(inputs->begin / 4 + y)));
        dr_table_cell(table, dr_show_format("%.0f", ordered));
        dr_table_cell(table, dr_show_format("%lld", (long long)(sums->on_milli[last] / 1000)));
        dr_table_cell(table, dr_cli_millions(spent));
        dr_table_cell(table, percent(domestic, orders));
        dr_table_cell(table, dr_cli_megawatts(draw));
        dr_table_cell(table, dr_cli_megawatts((double)sums->power_w[last]));
        dr_table_cell(table, percent(served, demand));
    }
    dr_table_print(table);
}

static void print_phases(const struct dr_plan_inputs *inputs, const struct dr_plan *plan)
{
    struct dr_table *table = dr_table_open(1);
    uint32_t count = 0;

    dr_table_column(table, "BEGIN", 0);
    dr_table_column(table, "THERE", 0);
    dr_table_column(table, "SITE", 0);
    dr_table_column(table, "PHASE", DR_TABLE_RIGHT);
    dr_table_column(table, "MW", DR_TABLE_RIGHT);
    dr_table_column(table, "COST-M", DR_TABLE_RIGHT);
    FOR(t, inputs->quarters_count) {
        FOR(s, inputs->sites_count) {
            FOR(p, inputs->sites[s].phases_count) {
                const struct dr_plan_phase *phase = &inputs->sites[s].phases[p];
                char quarter[DR_QUARTER_BYTES];

                if (plan->phase[s][p] != (int32_t)t)
                    continue;
                count += 1;
                dr_table_row(table);
                dr_table_cell(table, dr_format_quarter(inputs->begin + t, quarter));
                dr_table_cell(
                    table, dr_format_quarter(inputs->begin + t + phase->build_quarters, quarter));
                dr_table_cell(table, inputs->sites[s].name);
                dr_table_cell(table, dr_show_format("%u", p + 1));
                dr_table_cell(table, dr_cli_megawatts((double)phase->power_w));
                dr_table_cell(table, dr_cli_millions((double)phase->cost));
            }
        }
    }
    if (count > 0)
        printf("\nTo be begun:\n");
    dr_table_print(table);
}

static void print_findings(const struct dr_plan_verdict *verdict)
{
    FOR(i, verdict->kept_count)
        fprintf(stderr, "broken: %s: %s: found %s, expected at most %s\n",
                verdict->findings[i].rule, verdict->findings[i].where, verdict->findings[i].found,
                verdict->findings[i].limit);
    if (verdict->broken_count > verdict->kept_count)
        fprintf(stderr, "broken: %u more\n", verdict->broken_count - verdict->kept_count);
}

/* Critical sectors that can't outlive a zone: the plan keeps its rules without a word of them. */
static json_t *list_exempt(const struct dr_plan_inputs *inputs)
{
    json_t *list = json_array();

    FOR(z, inputs->zones_count) {
        FOR(k, inputs->sectors_count) {
            if (dr_lost_exempt(inputs, z, k))
                json_array_append_new(list, json_pack("{s:s, s:s}", "zone", inputs->zones[z].name,
                                                      "sector", inputs->sectors[k].name));
        }
    }
    return list;
}

static void print_exempt(const struct dr_plan_inputs *inputs)
{
    FOR(z, inputs->zones_count) {
        FOR(k, inputs->sectors_count) {
            if (dr_lost_exempt(inputs, z, k))
                printf("With %s lost, the work of %s can be done nowhere: by law and grade it has "
                       "no other place. The plan can't mend that.\n",
                       inputs->zones[z].name, inputs->sectors[k].name);
        }
    }
}

static int write_and_print(const struct dr_cli *cli, const struct dr_program *program,
                           const struct dr_plan *plan, const struct dr_plan_sums *sums,
                           const struct dr_plan_proof *proof)
{
    const char *output = dr_cli_value(cli, "output"), *page = dr_cli_value(cli, "report");
    const struct dr_plan_inputs *inputs = program->inputs;
    struct dr_error error = {0};
    json_t *answer;

    if (output != NULL && dr_plan_write(output, inputs, plan, sums, proof, &error) != DR_OK)
        return dr_cli_fail_error(cli, DR_EXIT_FAILED, &error);
    if (page != NULL) {
        const struct dr_cli_beside nothing = {0};
        json_t *certificate = dr_plan_certificate(inputs, plan, proof);
        int code = dr_cli_plan_page(cli, page, program, plan, sums, certificate,
                                    output == NULL ? NULL : dr_cli_plan_verify_command(cli, output),
                                    &nothing);

        json_decref(certificate);
        if (code != DR_EXIT_OK)
            return code;
    }
    if (cli->json) {
        answer = json_pack("{s:s, s:f, s:f, s:f, s:I, s:f, s:f, s:b, s:o, s:s?}", "scenario",
                           inputs->name, "cost", proof->cost, "bound", proof->bound, "gap_percent",
                           100 * dr_plan_gap(proof->cost, proof->bound), "rules_checked",
                           (json_int_t)proof->checks_count, "seconds", proof->seconds,
                           "solver_cpu_seconds", proof->cpu_s, "cut_by_the_clock", proof->cut,
                           "not_outliving_a_zone", list_exempt(inputs), "directory", output);
        dr_cli_print_json(cli, answer);
        json_decref(answer);
        return DR_EXIT_OK;
    }
    print_years(inputs, sums);
    print_phases(inputs, plan);
    printf("\nCost, discounted: %s M %s. No plan of these tables costs less than %s M: the gap is "
           "%.3f %%.\n%llu rules were checked in whole numbers; all hold.%s\n",
           dr_cli_millions(proof->cost), inputs->currency, dr_cli_millions(proof->bound),
           100 * dr_plan_gap(proof->cost, proof->bound), (unsigned long long)proof->checks_count,
           proof->cut ? " The clock cut a step: another run may find another plan." : "");
    print_exempt(inputs);
    if (output != NULL)
        printf("Written to %s; `%s` checks it again.\n", output,
               dr_cli_plan_verify_command(cli, output));
    return DR_EXIT_OK;
}

/* What would have to give where no plan keeps all rules. */
static int say_infeasible(const struct dr_cli *cli, const struct dr_plan_inputs *inputs,
                          struct dr_program *program)
{
    struct dr_relaxation relaxations[DR_PLAN_RELAX_COUNT];
    char words[300];
    uint32_t count;

    dr_program_deinit(program);
    count = dr_explain_infeasible(inputs, relaxations, program);
    if (count > 0)
        fprintf(stderr, "%s\n",
                relaxations[0].alone ? "Any one of these would mend it, by the linear program:"
                                     : "No single kind of rule mends it; these together would, by "
                                       "the linear program:");
    for (uint32_t i = 0; i < count; i += 1)
        fprintf(stderr, "  %-10s %s %s%s in all, in %u place%s; most, %s, at: %s\n",
                DR_PLAN_RELAX_WORDS[relaxations[i].kind],
                dr_show_format("%.1f", relaxations[i].sum), relaxations[i].unit,
                strchr(relaxations[i].unit, ' ') == NULL && relaxations[i].unit[0] != 'M' ? "s"
                                                                                          : "",
                relaxations[i].rows, relaxations[i].rows == 1 ? "" : "s",
                dr_show_format("%.1f", relaxations[i].most),
                dr_program_row_words(program, relaxations[i].row, words));
    return dr_cli_fail(cli, DR_EXIT_REFUSED, "no plan keeps all of these rules%s",
                       count == 0 ? ", and nothing that may be relaxed would mend it: lead times, "
                                    "residency, or least orders"
                                  : "");
}

static int say_found(const struct dr_cli *cli, const struct dr_program *program,
                     const struct dr_plan *plan, const struct dr_plan_verdict *verdict,
                     const struct dr_plan_sums *sums, const struct dr_search_progress *progress,
                     double first_s)
{
    struct dr_plan_proof proof = {.cost = sums->cost,
                                  .bound = progress->bound * program->money_scale,
                                  .rows_count = program->model.rows_count,
                                  .columns_count = program->model.columns_count,
                                  .checks_count = verdict->checks_count,
                                  .bound_by_search = progress->bound_by_search,
                                  .cut = progress->cut,
                                  .seconds = progress->seconds,
                                  .cpu_s = progress->cpu_s,
                                  .first_s = first_s,
                                  .version = DR_VERSION};

    FOR(c, program->model.columns_count)
        proof.binaries_count += program->model.integer[c];
    return write_and_print(cli, program, plan, sums, &proof);
}

int dr_cmd_plan_run(struct dr_cli *cli)
{
    struct dr_program *program = calloc(1, sizeof *program);
    struct dr_plan *plan = calloc(1, sizeof *plan);
    struct dr_plan_verdict *verdict = calloc(1, sizeof *verdict);
    struct dr_plan_sums *sums = calloc(1, sizeof *sums);
    struct dr_search_options options = {.progress = show_progress, .context = program};
    struct dr_search_progress progress;
    struct dr_plan_inputs *inputs = NULL;
    struct dr_error error = {0};
    enum dr_found found;
    double first_s;
    int64_t seconds = 180;
    uint32_t gap_milli = 500;
    int code = DR_EXIT_USAGE;

    if (program == NULL || plan == NULL || verdict == NULL || sums == NULL)
        abort();
    if (dr_option_whole(cli, "seconds", 1, 86400, &seconds) &&
        dr_option_milli(cli, "gap", 0, 100000, &gap_milli))
        inputs = dr_cli_plan_inputs(cli, cli->operands[0], &code);
    if (inputs != NULL) {
        options.seconds = (double)seconds;
        options.gap = gap_milli / 100000.0;
        options.stop = dr_cli_plan_stop();
        dr_program_init(program, inputs, 0);
        if (dr_plan_find(program, &options, plan, verdict, sums, &progress, &first_s, &found,
                         &error) != DR_OK) {
            code = dr_cli_fail_error(cli, DR_EXIT_FAILED, &error);
        } else {
            switch (found) {
            case DR_FOUND_PLAN:
                code = say_found(cli, program, plan, verdict, sums, &progress, first_s);
                break;
            case DR_FOUND_NONE:
                code = say_infeasible(cli, inputs, program);
                break;
            case DR_FOUND_NOT_IN_TIME:
                code = dr_cli_fail(cli, DR_EXIT_REFUSED,
                                   "no plan was found in %lld s; give it more with --seconds",
                                   (long long)seconds);
                break;
            case DR_FOUND_NOT_WHOLE:
                print_findings(verdict);
                code = dr_cli_fail(
                    cli, DR_EXIT_REFUSED,
                    "no plan in whole lots was found beside the one in fractions; smaller lots, or "
                    "targets a little lower, would do");
                break;
            }
        }
        dr_program_deinit(program);
    }
    dr_plan_inputs_close(inputs);
    free(program);
    free(plan);
    free(verdict);
    free(sums);
    return code;
}

/* ---- verify ---- */

static int verify(const struct dr_cli *cli, const struct dr_plan_inputs *inputs,
                  const struct dr_plan *plan, const struct dr_plan_claims *claims,
                  const char *plan_hash)
{
    struct dr_plan_verdict *verdict = calloc(1, sizeof *verdict);
    struct dr_plan_sums *sums = calloc(1, sizeof *sums);
    struct dr_program *program = calloc(1, sizeof *program);
    struct dr_search search = {0};
    struct dr_search_options options = {.seconds = 3600, .gap = 1e-6, .bound_only = 1};
    struct dr_error error = {0};
    double bound;
    int wrong = 0;

    if (verdict == NULL || sums == NULL || program == NULL)
        abort();
    if (!dr_plan_check(inputs, plan, verdict, sums))
        wrong = 1;
    print_findings(verdict);
    dr_program_init(program, inputs, 0);
    options.stop = dr_cli_plan_stop();
    /* A bound by branch and bound is found again by branch and bound, below the plan's cost. */
    if (claims->bound_by_search && !program->whole_lots) {
        options.known_cost = sums->cost / program->money_scale;
        options.known_bound = claims->bound / program->money_scale;
        options.known_bound -= 1e-9 * fabs(options.known_bound);
    }
    if (dr_search_run(&search, program, &options, &error) != DR_OK) {
        dr_cli_say_error(NULL, &error);
        wrong = 1;
    }
    bound = search.progress.bound * program->money_scale;
    if (strcmp(claims->inputs_hash, inputs->hash) != 0) {
        fprintf(stderr,
                "the scenario's tables are not those of the certificate: SHA-256 %s, the "
                "certificate has %s\n",
                inputs->hash, claims->inputs_hash);
        wrong = 1;
    }
    if (strcmp(claims->futures_hash, claims->future[0] == '\0' ? "" : inputs->futures_hash) != 0) {
        fprintf(stderr,
                "futures.csv is not that of the certificate: SHA-256 %s, the certificate has %s\n",
                inputs->futures_hash, claims->futures_hash);
        wrong = 1;
    }
    if (strcmp(claims->plan_hash, plan_hash) != 0) {
        fprintf(stderr,
                "the plan's tables are not those of the certificate: SHA-256 %s, the "
                "certificate has %s\n",
                plan_hash, claims->plan_hash);
        wrong = 1;
    }
    if (fabs(sums->cost - claims->cost) > 1e-9 * fabs(sums->cost)) {
        fprintf(stderr, "the plan costs %.6f, the certificate says %.6f\n", sums->cost,
                claims->cost);
        wrong = 1;
    }
    if (!isfinite(bound)) {
        fprintf(stderr, "the program could not be solved again, so the bound is not checked\n");
        wrong = 1;
    } else if (claims->bound > bound + 1e-6 * fabs(bound)) {
        fprintf(stderr, "a bound of %.6f is found, the certificate says %.6f\n", bound,
                claims->bound);
        wrong = 1;
    }
    if (cli->json) {
        json_t *out = json_pack("{s:b, s:I, s:i, s:f, s:f, s:f}", "holds", !wrong, "rules_checked",
                                (json_int_t)verdict->checks_count, "rules_broken",
                                (int)verdict->broken_count, "cost", sums->cost, "bound", bound,
                                "gap_percent", 100 * dr_plan_gap(sums->cost, bound));

        dr_cli_print_json(cli, out);
        json_decref(out);
    } else {
        if (claims->future[0] != '\0')
            printf("In the future %s%s. ", claims->future,
                   claims->relaxed_count == 0
                       ? ""
                       : dr_show_format(", with %u of its rules relaxed", claims->relaxed_count));
        printf("%llu rules checked in whole numbers, %u broken. Cost %s M %s, bound %s M, gap %.3f "
               "%%. %s\n",
               (unsigned long long)verdict->checks_count, verdict->broken_count,
               dr_cli_millions(sums->cost), inputs->currency, dr_cli_millions(bound),
               100 * dr_plan_gap(sums->cost, bound),
               wrong ? "The certificate does not hold." : "The certificate holds.");
    }
    dr_search_deinit(&search);
    dr_program_deinit(program);
    free(program);
    free(verdict);
    free(sums);
    return wrong ? DR_EXIT_REFUSED : DR_EXIT_OK;
}

/* ---- a plan that was written ---- */

int dr_cli_plan_read(const struct dr_cli *cli, struct dr_cli_written *written)
{
    struct dr_csv_errors errors = {.say = dr_cli_say_error};
    struct dr_error error = {0};
    int code = DR_EXIT_USAGE;

    memset(written, 0, sizeof *written);
    if (dr_plan_read_claims(&written->claims, cli->operands[0], &error) != DR_OK)
        return dr_cli_fail_error(cli, DR_EXIT_USAGE, &error);
    written->scenario = dr_cli_plan_inputs(cli, written->claims.scenario, &code);
    if (written->scenario == NULL)
        return code;
    written->inputs = dr_plan_claimed_inputs(written->scenario, &written->claims, &error);
    if (written->inputs == NULL)
        return dr_cli_fail_error(cli, DR_EXIT_USAGE, &error);
    written->plan = calloc(1, sizeof *written->plan);
    if (written->plan == NULL)
        abort();
    if (dr_plan_read(written->plan, cli->operands[0], written->inputs, written->hash, &errors) ==
        DR_OK)
        return DR_EXIT_OK;
    return dr_cli_fail(cli, DR_EXIT_USAGE, "%u mistake%s in the plan's tables", errors.count,
                       errors.count == 1 ? "" : "s");
}

void dr_cli_plan_close(struct dr_cli_written *written)
{
    dr_plan_future_close(written->inputs);
    dr_plan_inputs_close(written->scenario);
    free(written->plan);
}

int dr_cmd_plan_verify(struct dr_cli *cli)
{
    struct dr_cli_written written = {0};
    int code = dr_cli_plan_read(cli, &written);

    if (code == DR_EXIT_OK)
        code = verify(cli, written.inputs, written.plan, &written.claims, written.hash);
    dr_cli_plan_close(&written);
    return code;
}

/* ---- export ---- */

int dr_cmd_plan_export(struct dr_cli *cli)
{
    static const char *const formats[] = {"mps", "lp"};
    const char *path = dr_cli_value(cli, "output");
    struct dr_program *program;
    struct dr_plan_inputs *inputs;
    FILE *file = NULL;
    int format = 0, code;

    if (!dr_option_word(cli, "format", formats, DR_COUNT_OF(formats), &format))
        return DR_EXIT_USAGE;
    inputs = dr_cli_plan_inputs(cli, cli->operands[0], &code);
    if (inputs == NULL)
        return code;
    code = dr_option_output(cli, "output", &file) ? DR_EXIT_OK : DR_EXIT_FAILED;
    if (code == DR_EXIT_OK) {
        program = calloc(1, sizeof *program);
        if (program == NULL)
            abort();
        dr_program_init(program, inputs, 0);
        (format == 0 ? dr_export_mps : dr_export_lp)(program, file == NULL ? stdout : file);
        dr_program_deinit(program);
        free(program);
        if (file != NULL && fclose(file) != 0)
            code = dr_cli_fail(cli, DR_EXIT_FAILED, "%s: it can't be written", path);
    }
    dr_plan_inputs_close(inputs);
    return code;
}
