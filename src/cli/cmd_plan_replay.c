/* SPDX-License-Identifier: Apache-2.0 */
/* daero plan replay: a plan rehearsed by the real core (docs/planning.md). */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/math.h"
#include "base/text.h"
#include "cli/options.h"
#include "cli/plan_cli.h"
#include "cli/table.h"
#include "rehearsal/report.h"
#include "serve/controller.h"

#define FOR(i, count)    for (uint32_t i = 0; i < (count); i += 1)
#define FLEET_MOST       80000  /* accelerators of the largest quarter, by default */
#define ACCELERATOR_DAYS 300000 /* of it, that are measured by default */
#define WARMUP_DAYS      3
#define WEEKS_MOST       52
#define JSON_MAX         (64u << 20)

/* ---- options ---- */

static int64_t largest_fleet(const struct dr_plan_inputs *inputs, const struct dr_plan_sums *sums)
{
    int64_t most = 0;

    FOR(t, inputs->quarters_count)
        most = dr_max_i64(most, sums->on_milli[t] / 1000);
    return most;
}

/* 1, 2, 5, 10, 20, 50, ... */
static uint32_t default_scale(int64_t fleet)
{
    static const uint32_t steps[] = {1, 2, 5};
    uint32_t power = 1;

    for (uint32_t i = 0;; i += 1) {
        if (fleet / (steps[i % 3] * power) <= FLEET_MOST)
            return steps[i % 3] * power;
        power *= i % 3 == 2 ? 10 : 1;
    }
}

static int read_scale(const struct dr_cli *cli, int64_t fleet, uint32_t *scale)
{
    const char *text = dr_cli_value(cli, "scale");
    int64_t number = default_scale(fleet);

    if (text != NULL &&
        !dr_parse_i64(strncmp(text, "1:", 2) == 0 ? text + 2 : text, 1, 1000000, &number)) {
        dr_cli_fail(cli, DR_EXIT_USAGE,
                    "--scale: found '%s', expected 1:N, with N from 1 to 1000000", text);
        return 0;
    }
    *scale = (uint32_t)number;
    return 1;
}

static void list_quarters(const struct dr_plan_inputs *inputs, int every,
                          struct dr_rehearsal_options *options)
{
    FOR(t, inputs->quarters_count) {
        int last = t + 1 == inputs->quarters_count ||
                   dr_plan_year(inputs, t + 1) != dr_plan_year(inputs, t);

        if (!every && !last)
            continue;
        options->quarters[options->quarters_count] = t;
        options->quarters_count += 1;
    }
}

static int read_options(const struct dr_cli *cli, const struct dr_plan_inputs *inputs,
                        const struct dr_plan_sums *sums, struct dr_rehearsal_options *options)
{
    static const char *const which[] = {"yearly", "every"};
    int64_t days, rounds = 4, seed = 1, seconds = 180, parallel = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t wait_us = 4 * DR_HOUR_US, fleet = largest_fleet(inputs, sums);
    uint32_t gap_milli = 500, tolerance_milli = 2000;
    int every = 0;

    options->each.portable_milli = 200;
    options->each.longest_us = 7 * DR_DAY_US;
    if (!read_scale(cli, fleet, &options->each.scale))
        return 0;
    days =
        7 * dr_max_i64(1, dr_min_i64(WEEKS_MOST, ACCELERATOR_DAYS * (int64_t)options->each.scale /
                                                         (7 * dr_max_i64(1, fleet)) +
                                                     1));
    if (!dr_option_word(cli, "quarters", which, DR_COUNT_OF(which), &every) ||
        !dr_option_whole(cli, "days", 1, 400, &days) ||
        !dr_option_whole(cli, "rounds", 1, DR_ROUNDS_MAX, &rounds) ||
        !dr_option_duration(cli, "wait", DR_SECOND_US, &wait_us) ||
        !dr_option_milli(cli, "tolerance", 100, 100000, &tolerance_milli) ||
        !dr_option_duration(cli, "longest", DR_HOUR_US, &options->each.longest_us) ||
        !dr_option_milli(cli, "portable", 0, 1000, &options->each.portable_milli) ||
        !dr_option_whole(cli, "seed", 0, INT64_MAX, &seed) ||
        !dr_option_whole(cli, "parallel", 1, 256, &parallel) ||
        !dr_option_whole(cli, "seconds", 1, 86400, &seconds) ||
        !dr_option_milli(cli, "gap", 0, 100000, &gap_milli))
        return 0;
    if (options->each.longest_us > DR_KIND_RUNTIME_MAX_US) {
        dr_cli_fail(cli, DR_EXIT_USAGE, "--longest: found '%s', expected at most 20d",
                    dr_cli_value(cli, "longest"));
        return 0;
    }
    list_quarters(inputs, every, options);
    options->each.warmup_us = WARMUP_DAYS * DR_DAY_US;
    options->each.window_us = days * DR_DAY_US;
    options->each.seed = (uint64_t)seed;
    options->directory = dr_cli_value(cli, "output");
    options->rounds_max = (uint32_t)rounds;
    options->tolerance = tolerance_milli / 100000.0;
    options->wait_goal_s = (double)wait_us / 1e6;
    options->parallel = (uint32_t)parallel;
    options->search.seconds = (double)seconds;
    options->search.gap = gap_milli / 100000.0;
    options->search.stop = dr_cli_plan_stop();
    return 1;
}

/* ---- while it runs ---- */

struct showing {
    int is_terminal;
    int64_t begun_us;
    uint32_t round;
    uint32_t planned;
};

static void show_progress(void *context, uint32_t round, uint32_t ended, uint32_t of)
{
    struct showing *showing = context;
    double seconds = (double)(dr_monotonic_us() - showing->begun_us) / 1e6;

    if (of == 0) {
        fprintf(stderr, "%6.1f s  round %u: planning anew with the factors of round %u\n", seconds,
                round, round - 1);
        return;
    }
    if (showing->round != round)
        fprintf(stderr, "%6.1f s  round %u: %u runs\n", seconds, round, of);
    showing->round = round;
    if (showing->is_terminal && ended < of)
        fprintf(stderr, "\r\033[K%6.1f s  %u of %u are done", seconds, ended, of);
    else if (showing->is_terminal)
        fputs("\r\033[K", stderr);
    fflush(stderr);
}

/* ---- what came of it ---- */

static const char *percent(double part, double whole)
{
    return whole > 0 ? dr_show_format("%.1f", 100 * part / whole) : "-";
}

static const char *seconds_of(double seconds)
{
    return dr_show_duration((int64_t)seconds / 60 * DR_MINUTE_US);
}

static double change_of(const struct dr_plan_inputs *inputs, const struct dr_round *round)
{
    return dr_factors_change(inputs, &round->factors, &round->next);
}

static void print_years(const struct dr_plan_inputs *inputs,
                        const struct dr_rehearsal_options *options, const struct dr_round *round,
                        const struct dr_quarter *all)
{
    static const char *const names[] = {"ASKED",  "PROMISED-%", "KEPT-%", "IF-ALL-%",
                                        "BUSY-%", "OF-%",       "WAIT",   "WAIT-95"};
    struct dr_table *table = dr_table_open(1);
    int coarse = 0;

    dr_table_column(table, "YEAR", 0);
    dr_table_column(table, "SECTOR", 0);
    FOR(i, DR_COUNT_OF(names))
        dr_table_column(table, names[i], DR_TABLE_RIGHT);
    FOR(y, inputs->years_count) {
        FOR(k, inputs->sectors_count) {
            struct dr_promise one =
                dr_promise_of(inputs, options, &round->factors, round->quarters, y, k);
            struct dr_promise with_all = dr_promise_of(inputs, options, &round->factors, all, y, k);

            if (one.quarters == 0 || one.demand <= 0)
                continue;
            dr_table_row(table);
            dr_table_cell(table, dr_show_format("%lld", (long long)(inputs->begin / 4 + y)));
            dr_table_cell(table,
                          dr_show_format("%s%s", inputs->sectors[k].name, one.coarse ? " ~" : ""));
            coarse |= one.coarse;

            dr_table_cell(table, dr_show_format("%.0f", one.demand));
            dr_table_cell(table, percent(one.promised, one.demand));
            dr_table_cell(table, percent(one.kept, one.demand));
            dr_table_cell(table, percent(with_all.done, one.demand));
            dr_table_cell(table, dr_show_format("%.1f", 100 * one.busy));
            dr_table_cell(table, dr_show_format("%.1f", 100 * one.busy_stated));
            dr_table_cell(table, one.jobs > 0 ? seconds_of(one.wait_mean_s) : "-");
            dr_table_cell(table, one.jobs > 0 ? seconds_of(one.wait_p95_s) : "-");
        }
    }
    dr_table_print(table);
    if (coarse)
        printf("~ fewer than %d accelerators at this scale: a job or two decide; no factor goes by "
               "it\n",
               DR_MEASURED_LEAST);
}

/* What the plan of each round costs, and by how much a factor changes behind it. */
static void print_costs(const struct dr_rehearsal *rehearsal, const struct dr_plan_inputs *inputs)
{
    struct dr_table *table = dr_table_open(1);

    dr_table_column(table, "ROUND", DR_TABLE_RIGHT);
    dr_table_column(table, "COST-M", DR_TABLE_RIGHT);
    dr_table_column(table, "NONE-BELOW-M", DR_TABLE_RIGHT);
    dr_table_column(table, "CHANGE-%", DR_TABLE_RIGHT);
    FOR(i, rehearsal->rounds_count) {
        const struct dr_round *round = &rehearsal->rounds[i];

        dr_table_row(table);
        dr_table_cell(table, dr_show_format("%u", i + 1));
        dr_table_cell(table, dr_cli_millions(round->cost));
        dr_table_cell(table, dr_cli_millions(round->bound));
        dr_table_cell(table, dr_show_format("%.1f", 100 * change_of(inputs, round)));
    }
    dr_table_print(table);
}

static void print_rounds(const struct dr_rehearsal *rehearsal, const struct dr_plan_inputs *inputs,
                         const struct dr_rehearsal_options *options)
{
    struct dr_table *table = dr_table_open(1);

    dr_table_column(table, "ROUND", DR_TABLE_RIGHT);
    dr_table_column(table, "YEAR", 0);
    FOR(k, inputs->sectors_count)
        dr_table_column(table, inputs->sectors[k].name, DR_TABLE_RIGHT);
    FOR(i, rehearsal->rounds_count) {
        const struct dr_round *round = &rehearsal->rounds[i];

        FOR(y, inputs->years_count) {
            dr_table_row(table);
            dr_table_cell(table, dr_show_format("%u", i + 1));
            dr_table_cell(table, dr_show_format("%lld", (long long)(inputs->begin / 4 + y)));
            FOR(k, inputs->sectors_count) {
                struct dr_seen seen =
                    dr_seen_of(inputs, round->quarters, options->quarters_count, k, y);

                dr_table_cell(table, seen.jobs == 0 ? "-"
                                                    : dr_show_format("%.1f (%s)",
                                                                     round->factors.of[k][y] / 10.0,
                                                                     seconds_of(seen.wait_s)));
            }
        }
    }
    printf("\nCapacity factors, %% of each sector's busy_percent, and the mean wait under them:\n");
    dr_table_print(table);
    printf("\n");
    print_costs(rehearsal, inputs);
}

static void print_end(const struct dr_rehearsal *rehearsal, const struct dr_plan_inputs *inputs,
                      const struct dr_rehearsal_options *options)
{
    const struct dr_round *first = &rehearsal->rounds[0];
    const struct dr_round *last = &rehearsal->rounds[rehearsal->rounds_count - 1];
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};

    switch (rehearsal->end) {
    case DR_REHEARSAL_SETTLED:
        printf("Settled: the last round changes no factor by %.1f %% or more.",
               100 * options->tolerance);
        break;
    case DR_REHEARSAL_ROUNDS:
        printf("Not settled after %u round%s: a factor would still change by %.1f %%.",
               rehearsal->rounds_count, rehearsal->rounds_count == 1 ? "" : "s",
               100 * change_of(inputs, last));
        break;
    case DR_REHEARSAL_NO_PLAN:
        printf("%s under the factors that round %u asks for.",
               rehearsal->found == DR_FOUND_NONE ? "No plan keeps all rules"
                                                 : "No plan was found that keeps all rules",
               rehearsal->rounds_count);
        break;
    case DR_REHEARSAL_STOPPED:
        printf("Interrupted.");
        break;
    }
    printf("\n");
    if (rehearsal->rounds_count < 2)
        return;
    printf("With real scheduling the plan costs %+.2f %% (%+.2f %% at least, by the bounds): that "
           "is its price.%s\n",
           100 * (last->cost / first->cost - 1), 100 * (last->bound / first->bound - 1),
           last->cut ? " The clock cut the search: another run may find another plan." : "");
    dr_buffer_init(&text, 4096);
    dr_rehearsal_sentence(inputs, options, last, &text);
    printf("Under it: %s\n", dr_buffer_text(&text));
}

static void print_all(const struct dr_rehearsal *rehearsal, const struct dr_plan_inputs *inputs,
                      const struct dr_rehearsal_options *options)
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    uint64_t jobs = 0;

    dr_buffer_init(&text, 4096);
    dr_rehearsal_sentence(inputs, options, &rehearsal->rounds[0], &text);
    FOR(i, options->quarters_count)
        jobs += rehearsal->rounds[0].quarters[i].jobs;
    printf("%s\n\n", dr_buffer_text(&text));
    print_years(inputs, options, &rehearsal->rounds[0], rehearsal->all);
    printf("%u quarters, %lld days of each behind %lld of warm-up, one accelerator for %u of the "
           "plan, %" PRIu64 " jobs.\n",
           options->quarters_count, (long long)(options->each.window_us / DR_DAY_US),
           (long long)(options->each.warmup_us / DR_DAY_US), options->each.scale, jobs);
    print_rounds(rehearsal, inputs, options);
    print_end(rehearsal, inputs, options);
}

static int show(const struct dr_cli *cli, const struct dr_rehearsal *rehearsal,
                const struct dr_plan_inputs *inputs, const struct dr_rehearsal_options *options,
                const struct dr_rehearsal_about *about)
{
    struct dr_error error = {0};

    if (options->directory != NULL &&
        dr_rehearsal_write(rehearsal, inputs, options, about, &error) != DR_OK)
        return dr_cli_fail_error(cli, DR_EXIT_FAILED, &error);
    if (cli->json) {
        struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};

        dr_buffer_init(&text, JSON_MAX);
        dr_rehearsal_json(rehearsal, inputs, options, about, &text);
        puts(dr_buffer_text(&text));
        return DR_EXIT_OK;
    }
    print_all(rehearsal, inputs, options);
    if (options->directory != NULL)
        printf("Written to %s.\n", options->directory);
    return DR_EXIT_OK;
}

/* ---- the command ---- */

/* A plan that breaks its rules, or was made of other tables, promises nothing. */
static int judge(const struct dr_cli *cli, const struct dr_cli_written *written,
                 struct dr_plan_sums *sums)
{
    struct dr_plan_verdict *verdict = calloc(1, sizeof *verdict);
    int good, code = DR_EXIT_OK;

    if (verdict == NULL)
        abort();
    good = dr_plan_check(written->inputs, written->plan, verdict, sums);
    if (strcmp(written->claims.inputs_hash, written->inputs->hash) != 0 ||
        strcmp(written->claims.plan_hash, written->hash) != 0)
        code = dr_cli_fail(cli, DR_EXIT_REFUSED,
                           "%s: the %s not those of the certificate; `daero plan verify` says more",
                           cli->operands[0],
                           strcmp(written->claims.plan_hash, written->hash) != 0
                               ? "plan's tables are"
                               : "scenario's tables are");
    else if (!good)
        code = dr_cli_fail(cli, DR_EXIT_REFUSED,
                           "%s: the plan breaks %u rules, the first %s: %s; `daero plan verify` "
                           "says more",
                           cli->operands[0], verdict->broken_count, verdict->findings[0].rule,
                           verdict->findings[0].where);
    free(verdict);
    return code;
}

static int replay(const struct dr_cli *cli, const struct dr_cli_written *written,
                  struct dr_rehearsal_options *options)
{
    struct dr_rehearsal *rehearsal = calloc(1, sizeof *rehearsal);
    struct showing showing = {.is_terminal = isatty(2), .begun_us = dr_monotonic_us()};
    struct dr_rehearsal_about about = {.plan_hash = written->hash, .version = DR_VERSION};
    struct dr_error error = {0};
    char scenario[4096];
    int code = DR_EXIT_OK;

    if (rehearsal == NULL)
        abort();
    options->progress = show_progress;
    options->context = &showing;
    if (options->directory != NULL && mkdir(options->directory, 0777) < 0 && errno != EEXIST)
        code = dr_cli_fail(cli, DR_EXIT_FAILED, "%s: a directory that can be made: %s",
                           options->directory, strerror(errno));
    else if (!dr_cli_find_scenario(cli, written->claims.scenario, "plan.yaml", scenario))
        code = DR_EXIT_USAGE;
    else if (dr_rehearse(rehearsal, written->inputs, written->plan, written->claims.bound, options,
                         &error) != DR_OK)
        code = dr_cli_fail_error(cli, DR_EXIT_FAILED, &error);
    else if (rehearsal->rounds_count == 0)
        code = dr_cli_fail(cli, DR_EXIT_FAILED, "interrupted before the plan was rehearsed");
    about.scenario = scenario;
    if (code == DR_EXIT_OK)
        code = show(cli, rehearsal, written->inputs, options, &about);
    free(rehearsal);
    return code;
}

int dr_cmd_plan_replay(struct dr_cli *cli)
{
    struct dr_rehearsal_options *options = calloc(1, sizeof *options);
    struct dr_plan_sums *sums = calloc(1, sizeof *sums);
    struct dr_cli_written written = {0};
    int code = dr_cli_plan_read(cli, &written);

    if (options == NULL || sums == NULL)
        abort();
    if (code == DR_EXIT_OK)
        code = judge(cli, &written, sums);
    if (code == DR_EXIT_OK)
        code = read_options(cli, written.inputs, sums, options) ? replay(cli, &written, options)
                                                                : DR_EXIT_USAGE;
    dr_cli_plan_close(&written);
    free(options);
    free(sums);
    return code;
}
