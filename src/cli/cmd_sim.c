/* SPDX-License-Identifier: Apache-2.0 */
/* daero sim: a trace of jobs under a virtual clock. */
#include <inttypes.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/options.h"
#include "cli/sim_options.h"
#include "cli/table.h"
#include "core/state.h"
#include "sim/report.h"
#include "sim/run.h"

#define PROGRESS_US  (200 * 1000)
#define MEASURES_MAX (256u << 20)

/* ---- options ---- */

static int estimates(const struct dr_cli *cli, struct dr_jobs_options *jobs)
{
    const char *text = dr_cli_value(cli, "estimates");

    if (text == NULL || strcmp(text, "limit") == 0)
        return 1;
    if (strcmp(text, "exact") == 0) {
        jobs->estimates = DR_ESTIMATES_EXACT;
        return 1;
    }
    if (strncmp(text, "error:", 6) == 0) {
        jobs->estimates = DR_ESTIMATES_ERROR;
        return dr_option_milli_text(cli, "estimates", text + 6, 0, 1000000, &jobs->error_milli);
    }
    dr_cli_fail(cli, DR_EXIT_USAGE, "--estimates: found '%s', expected limit, exact or error:X",
                text);
    return 0;
}

static int instants(const struct dr_cli *cli, struct dr_jobs_options *jobs)
{
    const char *start = dr_cli_value(cli, "start");
    int64_t number = 1;

    if (!dr_parse_instant_us(start == NULL ? "2027-01-01T00:00:00Z" : start, 0, &jobs->base_us)) {
        dr_cli_fail(cli, DR_EXIT_USAGE,
                    "--start: found '%s', expected an instant like 2027-01-01T00:00:00Z", start);
        return 0;
    }
    if (!dr_option_whole(cli, "seed", 0, INT64_MAX, &number))
        return 0;
    jobs->seed = (uint64_t)number;
    return 1;
}

/* CHIP=MTBF/REPAIR, with commas between; + in a variant, whose options have commas between. */
static int failures(const struct dr_cli *cli, struct dr_failures_options *options)
{
    const char *at = dr_cli_value(cli, "failures");

    options->list = dr_cli_value(cli, "failure-list");
    while (at != NULL && *at != 0) {
        struct dr_failure_rate *rate = &options->rates[options->rates_count];
        size_t length = strcspn(at, ",+");
        size_t name = strcspn(at, "=,+");
        char text[DR_TEXT_BYTES];
        char *slash;

        dr_format(text, sizeof text, "%.*s", (int)(length - name), at + name);
        slash = strchr(text, '/');
        if (options->rates_count == DR_FAILURE_RATES_MAX || name == 0 || name >= DR_NAME_BYTES ||
            length - name >= sizeof text || slash == NULL)
            slash = NULL;
        else
            *slash = 0;
        if (slash == NULL || !dr_parse_duration_us(text + 1, &rate->mtbf_us) ||
            !dr_parse_duration_us(slash + 1, &rate->repair_us) || rate->mtbf_us < DR_SECOND_US ||
            rate->repair_us < DR_SECOND_US) {
            dr_cli_fail(cli, DR_EXIT_USAGE,
                        "--failures: found '%.*s', expected CHIP=MTBF/REPAIR, like h200=40d/6h, a "
                        "second or more each; at most %d with commas between",
                        (int)length, at, DR_FAILURE_RATES_MAX);
            return 0;
        }
        dr_format(rate->chip, sizeof rate->chip, "%.*s", (int)name, at);
        options->rates_count += 1;
        at += length + (at[length] != 0);
    }
    return 1;
}

int dr_sim_read_options(const struct dr_cli *cli, struct dr_sim_options *options)
{
    static const char *const backfills[] = {"as-is", "none", "greedy", "easy", "conservative"};
    static const char *const switches[] = {"off", "on"};
    int backfill = DR_SIM_BACKFILL_AS_IS;

    *options = (struct dr_sim_options){.ordering = -1,
                                       .placement = -1,
                                       .preemption = -1,
                                       .jobs = {.arrival_milli = 1000},
                                       .tick_us = DR_MINUTE_US};
    options->trace = dr_cli_value(cli, "trace");
    if (options->trace == NULL || dr_cli_value(cli, "federation") == NULL) {
        dr_cli_fail(cli, DR_EXIT_USAGE, "--%s is missing",
                    options->trace == NULL ? "trace" : "federation");
        return 0;
    }
    options->federation = dr_cli_value(cli, "federation");
    if (!dr_option_word(cli, "order", DR_FEDERATION_ORDERS, DR_FEDERATION_ORDERS_COUNT,
                        &options->ordering) ||
        !dr_option_word(cli, "placement", DR_FEDERATION_PLACEMENTS, DR_FEDERATION_PLACEMENTS_COUNT,
                        &options->placement) ||
        !dr_option_word(cli, "backfill", backfills, DR_COUNT_OF(backfills), &backfill) ||
        !dr_option_word(cli, "preemption", switches, 2, &options->preemption) ||
        !failures(cli, &options->failures) || !estimates(cli, &options->jobs) ||
        !instants(cli, &options->jobs) ||
        !dr_option_milli(cli, "arrivals", 1, 1000000, &options->jobs.arrival_milli) ||
        !dr_option_milli(cli, "bad-rows", 0, 1000, &options->bad_row_milli) ||
        !dr_option_duration(cli, "warm-up", 0, &options->warmup_us) ||
        !dr_option_duration(cli, "horizon", DR_SECOND_US, &options->horizon_us) ||
        !dr_option_duration(cli, "tick", DR_SECOND_US, &options->tick_us))
        return 0;
    options->backfill = (enum dr_sim_backfill)backfill;
    return 1;
}

int dr_sim_draws(const struct dr_sim_options *options)
{
    return options->jobs.estimates == DR_ESTIMATES_ERROR || options->failures.rates_count > 0;
}

/* ---- while it runs ---- */

struct running {
    const struct dr_cli *cli;
    struct dr_sim *sim;
    int shows; /* progress, on a terminal */
    int64_t begun_us;
    int64_t shown_us;
    struct dr_cli_rows rows; /* wrong, or refused */
};

static volatile sig_atomic_t is_interrupted;

static void interrupt(int signal)
{
    (void)signal;
    is_interrupted = 1;
}

static void clear_line(const struct running *running)
{
    if (running->shows)
        fputs("\r\033[K", stderr);
}

static void say(void *context, const struct dr_error *error)
{
    struct running *running = context;

    clear_line(running);
    dr_cli_say_row(&running->rows, error);
}

static int go_on(void *context)
{
    struct running *running = context;
    int64_t now_us;
    struct dr_sim_progress progress;
    double seconds;

    if (is_interrupted)
        return 0;
    now_us = running->shows ? dr_monotonic_us() : 0;
    if (!running->shows || now_us - running->shown_us < PROGRESS_US)
        return 1;
    running->shown_us = now_us;
    progress = dr_sim_progress(running->sim);
    seconds = (double)(now_us - running->begun_us) / 1e6;
    clear_line(running);
    fprintf(stderr,
            "%s simulated, %" PRIu64 " jobs ended, %" PRIu64 " run, %" PRIu64 " wait; %.0f jobs/s",
            dr_show_duration(progress.now_us - progress.first_us), progress.ended, progress.running,
            progress.pending, (double)progress.ended / seconds);
    if (progress.read_part > 0.001)
        fprintf(stderr, "; %.0f %% read, %s to go", 100 * progress.read_part,
                dr_show_duration(
                    (int64_t)(1e6 * seconds * (1 - progress.read_part) / progress.read_part)));
    fflush(stderr);
    return 1;
}

/* ---- what came of it ---- */

static void line(const char *name, const char *value)
{
    printf("%-34s %s\n", name, value);
}

static const char *number_of(const json_t *object, const char *name, const char *format)
{
    return dr_show_format(format, json_number_value(json_object_get(object, name)));
}

static const char *seconds_of(const json_t *object, const char *name)
{
    return dr_show_duration((int64_t)(1e6 * json_number_value(json_object_get(object, name))));
}

static void spread(const json_t *measures, const char *name, const char *member, int is_time)
{
    const json_t *about = json_object_get(measures, member);
    static const char *const parts[] = {"mean", "p50", "p95", "p99", "max"};
    char text[200] = "";
    size_t length = 0;

    for (size_t i = 0; i < DR_COUNT_OF(parts); i += 1)
        length += (size_t)snprintf(
            text + length, sizeof text - length, "%s%s %s", i == 0 ? "" : ", ", parts[i],
            is_time ? seconds_of(about, parts[i]) : number_of(about, parts[i], "%.2f"));
    line(name, text);
}

static double figure(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static void print_fairness(const json_t *measures)
{
    const json_t *fairness = json_object_get(measures, "fairness");
    const char *account = json_string_value(json_object_get(fairness, "account"));
    double hours = figure(fairness, "accelerator_hours");

    if (account == NULL)
        return;
    line("fairness",
         dr_show_format("%s held %.1f accelerator-hours %s its due, %.2f %% of all; Jain %.3f",
                        account, hours < 0 ? -hours : hours, hours < 0 ? "less than" : "more than",
                        100 * figure(fairness, "largest_deviation"), figure(fairness, "jain")));
}

/* The site or zone that came closest to its cap. */
static void print_power(const json_t *measures)
{
    static const char *const kinds[] = {"sites", "zones"};
    const json_t *power = json_object_get(measures, "power");
    char text[200] = "";
    double most = 0;

    for (size_t i = 0; i < DR_COUNT_OF(kinds); i += 1) {
        const char *name;
        json_t *draw;

        json_object_foreach(json_object_get(power, kinds[i]), name, draw)
        {
            if (figure(draw, "part_of_cap") <= most)
                continue;
            most = figure(draw, "part_of_cap");
            snprintf(text, sizeof text, "; %s drew %.1f %% of its cap at most", name, 100 * most);
        }
    }
    if (figure(power, "peak_w") > 0)
        line("power", dr_show_format("%.1f kW at most%s", figure(power, "peak_w") / 1000, text));
    if (figure(power, "over_cap_s") > 0)
        line("power above a cap", seconds_of(power, "over_cap_s"));
}

/* The mean over the bins that say something. */
static void print_unusable(const json_t *measures)
{
    const json_t *values = json_object_get(json_object_get(measures, "series"), "fragmentation");
    double sum = 0;
    double most = 0;
    size_t count = 0;

    for (size_t i = 0; i < json_array_size(values); i += 1) {
        double value = json_number_value(json_array_get(values, i));

        if (!json_is_number(json_array_get(values, i)))
            continue;
        sum += value;
        most = value > most ? value : most;
        count += 1;
    }
    if (most > 0)
        line("free and of no use", dr_show_format("%.1f accelerators on average, %.1f at most",
                                                  sum / (double)count, most));
}

static void print_measures(const json_t *measures, const struct dr_sim *sim, double cpu_s)
{
    const json_t *outcomes = json_object_get(measures, "outcomes");
    struct dr_sim_progress progress = dr_sim_progress(sim);
    char text[300] = "";
    size_t length = 0;
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)outcomes, name, value) length +=
        (size_t)snprintf(text + length, sizeof text - length, "%s%lld %s", length == 0 ? "" : ", ",
                         (long long)json_integer_value(value), name);
    line("jobs", dr_show_format("%lld, %lld refused, %lld rows wrong",
                                (long long)dr_member_number(measures, "jobs"),
                                (long long)dr_member_number(measures, "refused"),
                                (long long)dr_member_number(measures, "bad_rows")));
    line("ended", text);
    line("simulated",
         dr_show_format("%s, first submit to last end %s s", seconds_of(measures, "span_s"),
                        number_of(measures, "makespan_s", "%.0f")));
    line("accelerators given out",
         dr_show_format("%.2f %% on average, %.2f %% at most",
                        100 * json_number_value(json_object_get(measures, "allocated")),
                        100 * json_number_value(json_object_get(measures, "allocated_most"))));
    line("accelerator-hours",
         dr_show_format("%s, of them lost %s", number_of(measures, "accelerator_hours", "%.1f"),
                        number_of(measures, "lost_accelerator_hours", "%.1f")));
    line("waiting jobs",
         dr_show_format("%s on average, %lld at most", number_of(measures, "pending_mean", "%.1f"),
                        (long long)dr_member_number(measures, "pending_most")));
    spread(measures, "wait", "wait_s", 1);
    spread(measures, "turnaround", "turnaround_s", 1);
    spread(measures, "bounded slowdown", "bounded_slowdown", 0);
    if (dr_member_number(json_object_get(measures, "guarantee_delay_s"), "count") > 0)
        spread(measures, "wait within guarantees", "guarantee_delay_s", 1);
    print_fairness(measures);
    print_unusable(measures);
    line("attempts", dr_show_format("%lld, preempted %lld, lost with a node %lld",
                                    (long long)dr_member_number(measures, "attempts"),
                                    (long long)dr_member_number(measures, "preemptions"),
                                    (long long)dr_member_number(measures, "node_losses")));
    if (dr_member_number(measures, "deadlines") > 0)
        line("deadlines",
             dr_show_format("%lld, missed %lld", (long long)dr_member_number(measures, "deadlines"),
                            (long long)dr_member_number(measures, "deadlines_missed")));
    line("energy",
         dr_show_format("%.1f kWh, %s", (double)dr_member_number(measures, "energy_j") / 3.6e6,
                        number_of(measures, "energy_cost", "%.2f")));
    print_power(measures);
    line("state", dr_member_text(measures, "state_hash"));
    line("took", dr_show_format("%.2f CPU seconds, %.0f jobs a second", cpu_s,
                                (double)progress.ended / (cpu_s > 0 ? cpu_s : 1e-6)));
    if (json_is_true(json_object_get(measures, "interrupted")))
        line("interrupted", "the rest of the trace was not run");
}

static double cpu_seconds(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static int write_report(const struct dr_cli *cli, FILE *report, const char *measures)
{
    struct dr_report_run run = {"the run", measures};

    if (report == NULL)
        return DR_EXIT_OK;
    return dr_report_write(report, &run, 1) == DR_OK
               ? DR_EXIT_OK
               : dr_cli_fail(cli, DR_EXIT_FAILED, "--report: %s can't be written",
                             dr_cli_value(cli, "report"));
}

/* What `put` says, into the file that an option names, where it does. */
static int write_table(const struct dr_cli *cli, struct dr_sim *sim, const char *option,
                       void (*put)(struct dr_sim *sim, struct dr_buffer *out))
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    const char *path = dr_cli_value(cli, option);

    if (path == NULL)
        return DR_EXIT_OK;
    dr_buffer_init(&text, MEASURES_MAX);
    put(sim, &text);
    return dr_cli_write_file(cli, path, &text);
}

static int say_measures(const struct dr_cli *cli, struct dr_sim *sim, FILE *report, double cpu_s)
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    const char *path = dr_cli_value(cli, "measures");
    json_t *measures;

    dr_buffer_init(&text, MEASURES_MAX);
    dr_sim_json(sim, &text);
    dr_buffer_append_text(&text, "\n");
    if ((path != NULL && dr_cli_write_file(cli, path, &text) != DR_EXIT_OK) ||
        write_table(cli, sim, "measures-csv", dr_sim_measures_csv) != DR_EXIT_OK ||
        write_table(cli, sim, "series", dr_sim_series_csv) != DR_EXIT_OK)
        return DR_EXIT_FAILED;
    if (write_report(cli, report, dr_buffer_text(&text)) != DR_EXIT_OK)
        return DR_EXIT_FAILED;
    if (cli->json) {
        fwrite(text.data, 1, text.length, stdout);
        return DR_EXIT_OK;
    }
    measures = json_loads(dr_buffer_text(&text), 0, NULL);
    DR_ASSERT(measures != NULL);
    print_measures(measures, sim, cpu_s);
    json_decref(measures);
    return DR_EXIT_OK;
}

static int write_pools(const struct dr_cli *cli, const struct dr_sim *sim)
{
    const char *path = dr_cli_value(cli, "pools");
    FILE *file = path == NULL ? NULL : fopen(path, "we");
    int failed;

    if (path == NULL)
        return DR_EXIT_OK;
    if (file != NULL)
        dr_schedule_pools(file, dr_sim_core(sim));
    failed = file == NULL || ferror(file);
    failed |= file != NULL && fclose(file) != 0;
    return failed ? dr_cli_fail(cli, DR_EXIT_FAILED, "%s can't be written", path) : DR_EXIT_OK;
}

static int run(const struct dr_cli *cli, struct dr_federation *federation,
               struct dr_sim_options *options, FILE *report)
{
    struct running running = {.cli = cli, .shows = isatty(2), .begun_us = dr_monotonic_us()};
    struct sigaction ends = {.sa_handler = interrupt};
    struct dr_error error = {0};
    double cpu_s = cpu_seconds();
    enum dr_status status;
    int code;

    options->say = say;
    options->go_on = go_on;
    options->context = &running;
    status = dr_sim_open(&running.sim, federation, options, &error);
    if (status != DR_OK)
        return dr_cli_fail_error(cli, DR_EXIT_USAGE, &error);
    sigaction(SIGINT, &ends, NULL);
    sigaction(SIGTERM, &ends, NULL);
    status = dr_sim_run(running.sim, &error);
    clear_line(&running);
    code =
        status == DR_OK
            ? write_pools(cli, running.sim)
            : dr_cli_fail_error(cli, status == DR_E_INPUT ? DR_EXIT_USAGE : DR_EXIT_FAILED, &error);
    if (code == DR_EXIT_OK)
        code = say_measures(cli, running.sim, report, cpu_seconds() - cpu_s);
    dr_sim_close(running.sim);
    return code;
}

int dr_cmd_sim_run(struct dr_cli *cli)
{
    struct dr_error_list errors DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_sim_options options;
    struct dr_federation *federation = NULL;
    FILE *report = NULL;
    int code = DR_EXIT_FAILED;
    int failed = 0;

    if (!dr_sim_read_options(cli, &options))
        return DR_EXIT_USAGE;
    if (dr_federation_read(&federation, dr_cli_value(cli, "federation"), &errors, NULL) != DR_OK)
        return dr_cli_fail_all(cli, DR_EXIT_USAGE, &errors);
    if (dr_option_output(cli, "schedule", &options.schedule) &&
        dr_option_output(cli, "facts", &options.facts) && dr_option_output(cli, "report", &report))
        code = run(cli, federation, &options, report);
    failed |= options.schedule != NULL && fclose(options.schedule) != 0;
    failed |= options.facts != NULL && fclose(options.facts) != 0;
    failed |= report != NULL && fclose(report) != 0;
    dr_federation_close(federation);
    if (failed && code == DR_EXIT_OK)
        return dr_cli_fail(cli, DR_EXIT_FAILED, "an output file can't be written");
    return code;
}
