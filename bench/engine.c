/* SPDX-License-Identifier: Apache-2.0 */
/* How fast the local engine runs jobs, without a controller around it: bench/engine [JOBS] [AT
 * ONCE].
 *
 * Prints a row per figure: what, value, bar, met or missed; with JSON=1 as JSON lines. With
 * STRICT=1 a missed row is the exit status. Isolation is checked from inside 1 % of these very
 * jobs. */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/sort.h"
#include "base/text.h"
#include "engine/local.h"

#define USER_ID    65534u
#define RUNS       3
#define LATENCIES  200
#define CHECK_EACH 100 /* one job in so many looks at its own walls */

static struct dr_engine *engine;
static char base[] = "/var/tmp/daero-bench-XXXXXX";
static char data[64], work[64];
static uint64_t next_job = 1;
static int missed;

static void row(const char *what, double value, double bar, int more_is_better, const char *unit)
{
    int met = more_is_better ? value >= bar : value <= bar;

    missed |= !met;
    if (getenv("JSON") != NULL)
        printf(
            "{\"what\": \"%s\", \"value\": %.3f, \"bar\": %.3f, \"unit\": \"%s\", \"met\": %s}\n",
            what, value, bar, unit, met ? "true" : "false");
    else
        printf("%-58s %10.1f %-6s %s %7.1f  %s\n", what, value, unit,
               more_is_better ? ">=" : "<=", bar, met ? "met" : "missed");
    fflush(stdout);
}

static void launch(const char *const *argv, uint32_t argv_count, const char *script,
                   const char *output)
{
    static const char *const environment[] = {"PATH=/usr/bin:/bin", "HOME=/", "LANG=C.UTF-8"};
    struct dr_launch_node node = {.name = "node-1", .tasks = 1};
    struct dr_launch order = {.job = {next_job},
                              .attempt = 1,
                              .epoch = 1,
                              .name = "true",
                              .script = script,
                              .script_bytes = script == NULL ? 0 : (uint32_t)strlen(script),
                              .argv = argv,
                              .argv_count = argv_count,
                              .environment = environment,
                              .environment_count = 3,
                              .directory = work,
                              .output = output,
                              .error = "",
                              .input = "",
                              .uid = geteuid() == 0 ? USER_ID : geteuid(),
                              .gid = geteuid() == 0 ? USER_ID : getegid(),
                              .user = "nobody",
                              .nodes = &node,
                              .nodes_count = 1,
                              .site = "here",
                              .chip = "",
                              .chip_vendor = "",
                              .tasks = 1,
                              .cpus_per_task_milli = 1000,
                              .memory_mb_per_task = 256,
                              .run_every_task = script == NULL,
                              .limit_us = DR_HOUR_US};
    struct dr_error error = {0};

    if (engine->operations->launch(engine, &order, &error) != DR_OK) {
        fprintf(stderr, "bench: launch: %s\n", error.expected);
        exit(1);
    }
    next_job += 1;
}

/* Take ends as they come, forgetting each; returns how many there were. */
static uint32_t take_ends(int *failed)
{
    struct pollfd wait = {.fd = engine->operations->descriptor(engine), .events = POLLIN};
    struct dr_report reports[128];
    uint32_t ended = 0;
    uint32_t count;

    poll(&wait, 1, 10000);
    count = engine->operations->poll(engine, reports, DR_COUNT_OF(reports));
    for (uint32_t i = 0; i < count; i += 1) {
        if (reports[i].kind != DR_REPORT_ENDED)
            continue;
        ended += 1;
        if (reports[i].outcome != DR_OUTCOME_EXITED || reports[i].exit_code != 0) {
            fprintf(stderr, "bench: job %" PRIu64 ": %s %s\n", reports[i].job.v,
                    dr_outcome_name(reports[i].outcome), reports[i].text);
            *failed = 1;
        }
        engine->operations->forget(engine, reports[i].job, reports[i].attempt);
        dr_local_drop_checkpoints(engine, reports[i].job);
    }
    return ended;
}

/* What a job sees of its own walls: its exit code says whether they stand. */
static const char walls[] =
    "#!/bin/sh\n"
    "grep -q '^Seccomp:.*2' /proc/self/status && grep -q '^NoNewPrivs:.*1' /proc/self/status &&\n"
    "grep -q '^CapEff:.*0000000000000000' /proc/self/status && [ \"$(id -u)\" != 0 ] &&\n"
    "[ \"$(cat /proc/1/comm)\" = daero-shim ] && grep -q daero /proc/self/cgroup\n";

static double run_many(uint32_t jobs, uint32_t at_once, int *failed)
{
    static const char *const program[] = {"/bin/true"};
    uint32_t launched = 0, ended = 0;
    int64_t began_us = dr_monotonic_us();

    while (ended < jobs) {
        while (launched < jobs && launched - ended < at_once) {
            if (launched % CHECK_EACH == 0)
                launch(NULL, 0, walls, "/dev/null");
            else
                launch(program, 1, NULL, "/dev/null");
            launched += 1;
        }
        ended += take_ends(failed);
    }
    return jobs * 1e6 / (double)(dr_monotonic_us() - began_us);
}

static int compare(const void *a, const void *b, const void *context)
{
    double left = *(const double *)a, right = *(const double *)b;

    (void)context;
    return (left > right) - (left < right);
}

/* From launch() to the first line of a script, which writes down the time. */
static double first_line_us(int *failed)
{
    static const char script[] = "#!/bin/sh\nread up idle </proc/uptime; date +%s%N\n";
    DR_CLEANUP(dr_buffer_deinit) struct dr_buffer text;
    int64_t began_us, line_us;
    char path[128];

    snprintf(path, sizeof path, "%s/line", work);
    unlink(path);
    began_us = dr_clock_us();
    launch(NULL, 0, script, path);
    while (take_ends(failed) == 0)
        ;
    dr_buffer_init(&text, 4096);
    if (dr_buffer_read_file(&text, path) != DR_OK) {
        *failed = 1;
        return 0;
    }
    line_us = (int64_t)(strtoull(dr_buffer_text(&text), NULL, 10) / 1000);
    return (double)(line_us - began_us);
}

static double cpu_seconds(void)
{
    struct dr_buffer text;
    double ticks = 0;
    char *at;

    dr_buffer_init(&text, 1 << 20);
    if (dr_buffer_read_file(&text, "/proc/stat") == DR_OK) {
        at = (char *)(uintptr_t)dr_buffer_text(&text) + 4;
        for (int field = 0; field < 8; field += 1) {
            double value = strtod(at, &at);
            if (field != 3 && field != 4)
                ticks += value;
        }
    }
    dr_buffer_deinit(&text);
    return ticks / (double)sysconf(_SC_CLK_TCK);
}

int main(int argument_count, char **arguments)
{
    int64_t jobs = 2000, at_once = 32;
    struct dr_local_options options = {.data_directory = data, .epoch = 1};
    static char shim[4096];
    double rates[RUNS], latencies[LATENCIES], cpu;
    struct dr_error error = {0};
    char line[1200];
    ssize_t bytes;
    const char *strict_text = getenv("STRICT");
    int strict = strict_text != NULL && strcmp(strict_text, "1") == 0;
    int failed = 0;

    if ((argument_count > 1 && !dr_parse_i64(arguments[1], 1, 1000000, &jobs)) ||
        (argument_count > 2 && !dr_parse_i64(arguments[2], 1, 10000, &at_once))) {
        fprintf(stderr, "usage: bench/engine [JOBS] [AT ONCE]\n");
        return 2;
    }
    if (mkdtemp(base) == NULL)
        return 1;
    chmod(base, 0755);
    snprintf(data, sizeof data, "%s/data", base);
    snprintf(work, sizeof work, "%s/work", base);
    mkdir(data, 0755);
    mkdir(work, 0777);
    chmod(work, 0777);
    bytes = readlink("/proc/self/exe", shim, sizeof shim - 64);
    if (bytes <= 0)
        return 1;
    shim[bytes] = 0;
    for (int i = 0; i < 2; i += 1)
        *strrchr(shim, '/') = 0;
    memcpy(shim + strlen(shim), "/daero-shim", sizeof "/daero-shim");
    options.shim_path = shim;
    if (dr_local_open(&engine, &options, &error) != DR_OK) {
        fprintf(stderr, "bench: %s\n", dr_error_line(&error, line, sizeof line));
        return 1;
    }
    if (getenv("JSON") == NULL)
        printf("# %s\n", engine->operations->describe(engine));

    run_many(100, (uint32_t)at_once, &failed);
    cpu = cpu_seconds();
    for (int i = 0; i < RUNS; i += 1)
        rates[i] = run_many((uint32_t)jobs, (uint32_t)at_once, &failed);
    cpu = (cpu_seconds() - cpu) * 1e6 / (RUNS * (double)jobs);
    dr_sort(rates, RUNS, sizeof rates[0], compare, NULL);
    row("/bin/true, isolated, launch to end: jobs per second", rates[RUNS / 2], 500, 1, "/s");
    row("of which processor time per job (whole machine)", cpu, 4000, 0, "us");
    for (int i = 0; i < LATENCIES; i += 1)
        latencies[i] = first_line_us(&failed);
    dr_sort(latencies, LATENCIES, sizeof latencies[0], compare, NULL);
    row("one launch to the first line of its script: p50", latencies[LATENCIES / 2] / 1000, 10, 0,
        "ms");
    row("one launch to the first line of its script: p99", latencies[LATENCIES * 99 / 100] / 1000,
        30, 0, "ms");
    engine->operations->close(engine);
    snprintf(line, sizeof line, "rm -rf %s", base);
    if (system(line) != 0)
        failed = 1;
    if (failed)
        fprintf(stderr, "bench: jobs failed: the figures do not count\n");
    return failed || (missed && strict);
}
