/* SPDX-License-Identifier: Apache-2.0 */
/* How fast and how well the core decides for a nation of N accelerators (nation_world.h), on one
 * core, without store, engine or network.
 *
 *     bench/nation [SCENE...]     fill-a fill-b full full-million reserve reserve-levels reclaim
 *                                 memory memory-million curve; all of them by default
 *     N=100000 SEED=7 bench/nation fill-a
 *     SECONDS=60                  what one row may take; then it is missed
 *     INSTRUCTIONS=1              count them under callgrind where the machine has no counter
 *     JSON=1, STRICT=1            as in bench/run
 *
 * Each scene runs in a process of its own, begins in a state that does not depend on the core's
 * policy, and is ended when its time is over. The bars are for N = 1,000,000. */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nation_ledger.h"
#include "nation_world.h"

#if defined(__has_include)
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#define HAS_CALLGRIND 1
#endif
#endif
#ifndef HAS_CALLGRIND
#define HAS_CALLGRIND 0
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_TOGGLE_COLLECT
#define CALLGRIND_DUMP_STATS_AT(name) ((void)(name))
#endif

#define REPORT_FD    3
#define SAMPLES_MAX  20000
#define NOTE_BYTES   300
#define KEY_BYTES    32
#define FULL_SECONDS 600 /* to build a scene's state */

/* ---- the table ---- */

enum sense { AT_MOST, AT_LEAST };

struct row {
    const char *scene;
    const char *key;
    const char *what; /* %s: a number that grows with N */
    const char *unit;
    double bar; /* 0: none; VIOLATIONS: none may be */
    enum sense sense;
};

#define NO_BAR     0
#define VIOLATIONS -1

static const struct row ROWS[] = {
    {"fill-a", "fill-a", "mix A: an empty nation, N/5 pending, all judged once and full", "ms", 80,
     AT_MOST},
    {"fill-a", "fill-a-starts", "    of these jobs started", "jobs", NO_BAR, AT_LEAST},
    {"fill-a", "fill-a-used", "    accelerators in use then", "%", NO_BAR, AT_LEAST},
    {"fill-a", "fill-a-wrong", "    found wrong by the checker", "facts", VIOLATIONS, AT_MOST},
    {"fill-b", "fill-b", "mix B: starts until full, refusals included", "starts/s", 800000,
     AT_LEAST},
    {"fill-b", "fill-b-starts", "    of these jobs started", "jobs", NO_BAR, AT_LEAST},
    {"fill-b", "fill-b-used", "    accelerators in use then", "%", NO_BAR, AT_LEAST},
    {"fill-b", "fill-b-wrong", "    found wrong by the checker", "facts", VIOLATIONS, AT_MOST},
    {"full", "first", "full, N/10 pending: the first decision ever there", "ms", NO_BAR, AT_MOST},
    {"full", "nothing", "    nothing changed since: a decision", "ms", 0.1, AT_MOST},
    {"full", "submit", "    one job submitted: admit and decision, p50", "us", NO_BAR, AT_MOST},
    {"full", "submit-p99", "    one job submitted: admit and decision, p99", "us", NO_BAR, AT_MOST},
    {"full", "tick", "    a tick: admit and decision", "ms", NO_BAR, AT_MOST},
    {"full", "event-p50", "    a 64-accelerator job ended: event to placement, p50", "us", 20,
     AT_MOST},
    {"full", "event-p99", "    a 64-accelerator job ended: event to placement, p99", "us", 250,
     AT_MOST},
    {"full", "started", "    one start reported: admit and decision, p50", "us", NO_BAR, AT_MOST},
    {"full", "why", "    why a pending job waits, p99", "ms", NO_BAR, AT_MOST},
    {"full", "never", "    \"this job can never run here, because\", p99", "ms", 0.1, AT_MOST},
    {"full", "rejudge", "    N/10 pending re-judged from nothing", "ms", 30, AT_MOST},
    {"full", "full-wrong", "    found wrong by the checker", "facts", VIOLATIONS, AT_MOST},
    {"full-million", "rejudge-million", "N pending re-judged from nothing", "ms", 300, AT_MOST},
    {"reserve", "reserve", "N/1,000 conservative reservations, N/5 running, by amount", "ms", 80,
     AT_MOST},
    {"reserve", "reserve-tick", "    and again on a tick", "ms", NO_BAR, AT_MOST},
    {"reserve-levels", "reserve-levels", "    the same with required levels", "ms", 250, AT_MOST},
    {"reclaim", "reclaim-gang", "reclaim of N/500 for one gang from a full nation", "ms", 5,
     AT_MOST},
    {"reclaim", "reclaim-small", "    a small job's reclaim, p99", "ms", 1, AT_MOST},
    {"reclaim", "reclaim-wrong", "    found wrong by the checker", "facts", VIOLATIONS, AT_MOST},
    {"memory", "memory", "state in memory, N/5 running and N/10 pending", "MiB", 192, AT_MOST},
    {"memory-million", "memory-million", "state in memory, N/5 running and N pending", "MiB", 384,
     AT_MOST},
};

struct result {
    double value;
    double ops;
    double instructions; /* of all operations; 0: not counted */
    char note[NOTE_BYTES];
    int known;
};

static struct result results[DR_COUNT_OF(ROWS)];

static int64_t option(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    int64_t value;

    if (text == NULL)
        return otherwise;
    if (!dr_parse_i64(text, 0, INT64_MAX, &value))
        nation_fail("found %s=%s, expected a number", name, text);
    return value;
}

/* ---- measuring ---- */

static int counter = -1;
static int collecting;
static double *samples;
static uint32_t samples_count;
static int64_t began_ns;
static uint64_t began_instructions;
static int64_t spent_ns;
static uint64_t spent_instructions;

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static uint64_t read_counter(void)
{
    uint64_t value = 0;

    if (counter >= 0 && read(counter, &value, sizeof value) != sizeof value)
        return 0;
    return value;
}

static void open_counter(void)
{
    struct perf_event_attr attributes = {.type = PERF_TYPE_HARDWARE,
                                         .size = sizeof attributes,
                                         .config = PERF_COUNT_HW_INSTRUCTIONS,
                                         .exclude_kernel = 1,
                                         .exclude_hv = 1};

    counter = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
    collecting = HAS_CALLGRIND && getenv("CALLGRIND") != NULL;
}

/* Between these is what a row counts. */
static void begin(void)
{
    began_instructions = read_counter();
    began_ns = now_ns();
    if (collecting)
        CALLGRIND_TOGGLE_COLLECT;
}

static double end(void)
{
    int64_t took;

    if (collecting)
        CALLGRIND_TOGGLE_COLLECT;
    took = now_ns() - began_ns;
    spent_ns += took;
    spent_instructions += read_counter() - began_instructions;
    return (double)took;
}

static void sample(double value)
{
    if (samples_count < SAMPLES_MAX)
        samples[samples_count++] = value;
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

static double quantile(double part)
{
    if (samples_count == 0)
        return 0;
    qsort(samples, samples_count, sizeof samples[0], compare_doubles);
    return samples[(uint32_t)((double)(samples_count - 1) * part + 0.5)];
}

/* ---- from a scene to the table ---- */

static void say(const char *format, ...) DR_PRINTF(1, 2);

static void say(const char *format, ...)
{
    char text[KEY_BYTES + NOTE_BYTES + 128];
    va_list arguments;
    int bytes;

    va_start(arguments, format);
    bytes = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (write(REPORT_FD, text, (size_t)bytes) != bytes)
        exit(3);
}

/* From now on time counts for this row. */
static void row_begins(const char *key)
{
    say("begin %s\n", key);
    spent_ns = 0;
    spent_instructions = 0;
    samples_count = 0;
    if (collecting)
        CALLGRIND_START_INSTRUMENTATION;
}

static void row_ends(const char *key, double value, double ops, const char *format, ...)
    DR_PRINTF(4, 5);

static void row_ends(const char *key, double value, double ops, const char *format, ...)
{
    char note[NOTE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    dr_format_list(note, sizeof note, format, arguments);
    va_end(arguments);
    if (collecting && ops > 0)
        CALLGRIND_DUMP_STATS_AT(key);
    say("row %s %.17g %.17g %llu %s\n", key, value, ops, (unsigned long long)spent_instructions,
        note);
}

static void wrong_row(struct nation *nation, const char *key)
{
    const struct nation_ledger *ledger = nation->ledger;

    ledger_check(nation->ledger);
    row_ends(key, (double)ledger->violations, 0, "%llu facts, %llu full checks%s%s",
             (unsigned long long)ledger->facts, (unsigned long long)ledger->checks,
             ledger->violations > 0 ? ": " : "", ledger->violations > 0 ? ledger->first[0] : "");
}

/* ---- scenes ---- */

static uint32_t N;
static uint64_t SEED;
static int64_t ROW_NS; /* what one row may take */

static void decide_timed(struct nation *nation)
{
    int more;

    do {
        begin();
        more = dr_decide(nation->core, nation->now_us, &nation->batch);
        end();
        nation_drain(nation);
    } while (more);
}

/* One event: its command and the decisions that follow, until nothing is left. Returns ns. */
static double event_timed(struct nation *nation, struct dr_command *command)
{
    struct dr_answer answer;
    double took;
    int more;

    begin();
    if (!dr_admit(nation->core, command, nation->now_us, &nation->batch, &answer))
        nation_fail("the core refuses an event: %s: %s", answer.field, answer.text);
    if (command->kind == DR_COMMAND_SUBMIT)
        nation->jobs_count = answer.job.v;
    more = dr_decide(nation->core, nation->now_us, &nation->batch);
    took = end();
    while (more) {
        nation_drain(nation);
        begin();
        more = dr_decide(nation->core, nation->now_us, &nation->batch);
        took += end();
    }
    return took;
}

static double submit_timed(struct nation *nation, const struct nation_job *job)
{
    struct nation_submit store;
    double took;

    nation_command(nation, job, &store);
    ledger_accept(nation->ledger, nation->jobs_count + 1, job);
    took = event_timed(nation, &store.command);
    nation_drain(nation);
    return took;
}

static void scene_fill(enum nation_mix mix, const char *key)
{
    uint32_t pending = mix == NATION_MIX_A ? N / 5 : N / 4 + N / 50;
    struct nation *nation = nation_new(N, SEED, pending + 1024);
    char name[KEY_BYTES];
    uint64_t starts;

    for (uint32_t i = 0; i < pending; i += 1) {
        struct nation_job job = nation_draw(nation, mix, 0);

        job.account = nation_leaf(nation);
        nation_submit(nation, &job);
    }
    row_begins(key);
    decide_timed(nation);
    starts = nation->facts[DR_FACT_JOB_PLACED];
    if (mix == NATION_MIX_A)
        row_ends(key, (double)spent_ns / 1e6, pending, "%u jobs, %.0f ns each", pending,
                 (double)spent_ns / pending);
    else
        row_ends(key, (double)starts * 1e9 / (double)spent_ns, (double)starts,
                 "%u jobs waited, %.0f ns a start", pending,
                 (double)spent_ns / (double)(starts > 0 ? starts : 1));
    dr_format(name, sizeof name, "%s-starts", key);
    row_ends(name, (double)starts, 0, "gangs span %.4f times the least blocks",
             nation->ledger->blocks_least == 0
                 ? 1.0
                 : (double)nation->ledger->blocks / (double)nation->ledger->blocks_least);
    dr_format(name, sizeof name, "%s-used", key);
    row_ends(name, 100.0 * (double)nation->ledger->running_accelerators / N, 0, "%s", "");
    dr_format(name, sizeof name, "%s-wrong", key);
    wrong_row(nation, name);
    nation_free(nation);
}

/* Running jobs of about 64 accelerators, in random order; in a nation without, of 16 and more. */
static uint32_t jobs_of_64(struct nation *nation, uint64_t *ids, uint32_t max)
{
    uint32_t count = 0;

    for (uint32_t wide = 0; wide < 2 && count < 20; wide += 1) {
        count = 0;
        for (uint64_t id = 1; id <= nation->jobs_count && count < max; id += 1) {
            const struct ledger_job *job = &nation->ledger->jobs[id];

            if (job->state == LEDGER_RUNNING && job->size >= (wide ? 16 : 56) && job->size <= 72)
                ids[count++] = id;
        }
    }
    for (uint32_t i = count; i > 1; i -= 1) {
        uint32_t j = nation_pick(nation, i);
        uint64_t kept = ids[i - 1];

        ids[i - 1] = ids[j];
        ids[j] = kept;
    }
    return count;
}

static int bytes_write(void *context, const void *bytes, size_t count)
{
    return fwrite(bytes, 1, count, context) == count;
}

static int bytes_read(void *context, void *bytes, size_t count)
{
    return fread(bytes, 1, count, context) == count;
}

/* The state alone goes over into a core that remembers nothing. */
static void forget(struct nation *nation)
{
    FILE *file = tmpfile();
    struct nation_job job = nation_draw(nation, NATION_MIX_A, 8);
    struct nation_submit store;
    struct dr_answer answer;

    if (file == NULL || dr_core_save(nation->core, bytes_write, file) != DR_OK)
        nation_fail("the state can't be saved");
    rewind(file);
    dr_core_close(nation->core);
    if (dr_core_open(&nation->core, &nation->limits) != DR_OK ||
        dr_core_load(nation->core, bytes_read, file) != DR_OK)
        nation_fail("the state can't be loaded");
    fclose(file);
    /* Indexes that are built when first asked for are built by this. */
    job.account = nation->leaf_first;
    nation_command(nation, &job, &store);
    dr_admit_check(nation->core, &store.command, nation->now_us, &answer);
}

static void rejudge(struct nation *nation, const char *key)
{
    uint64_t pending = nation->ledger->pending;
    uint32_t tries = collecting ? 1 : 3;
    int64_t until = now_ns() + ROW_NS / 2;
    int64_t best = INT64_MAX;

    nation->facts[DR_FACT_JOB_PLACED] = 0;
    for (uint32_t i = 0; i < tries && (i == 0 || now_ns() < until); i += 1) {
        forget(nation);
        row_begins(key);
        decide_timed(nation);
        best = spent_ns < best ? spent_ns : best;
        nation_started(nation);
    }
    row_ends(key, (double)best / 1e6, (double)pending, "%llu pending, %.0f ns each, %llu started",
             (unsigned long long)pending, (double)best / (double)(pending == 0 ? 1 : pending),
             (unsigned long long)nation->facts[DR_FACT_JOB_PLACED]);
}

static void rows_of_why(struct nation *nation)
{
    struct dr_why why;
    uint32_t asked = 0;

    row_begins("why");
    for (uint64_t id = nation->jobs_count; id > 0 && asked < 1000; id -= 1) {
        if (nation->ledger->jobs[id].state != LEDGER_PENDING)
            continue;
        begin();
        dr_why(nation->core, (dr_job_id){id}, nation->now_us, &why);
        sample(end());
        asked += 1;
    }
    row_ends("why", quantile(0.99) / 1e6, asked, "p50 %.1f us, of %u", quantile(0.5) / 1e3, asked);
    row_begins("never");
    for (uint32_t i = 0; i < 200; i += 1) {
        uint32_t shape = NATION_SHAPES_EACH + nation_pick(nation, NATION_SHAPES_EACH);
        struct nation_job job = {
            .account = nation_leaf(nation), .shape = shape, .limit_us = DR_HOUR_US};
        struct nation_submit store;
        struct dr_alternative ways[2];
        struct dr_answer answer;

        /* A gang that no pool holds, or no block. */
        nation_command(nation, &job, &store);
        memcpy(ways, nation->shapes[shape].alternatives, sizeof ways);
        for (uint32_t k = 0; k < 2; k += 1)
            ways[k].tasks = i % 2 == 0 ? (nation->pools[0].nodes + 1) * 2 : 2 * NATION_BLOCK + 1;
        store.command.body.submit.alternatives = ways;
        if (i % 2 == 1) {
            store.command.body.submit.level_kind = 2;
            dr_copy_name(store.command.body.submit.level, "block");
        }
        begin();
        dr_admit(nation->core, &store.command, nation->now_us, &nation->batch, &answer);
        sample(end());
        if (answer.refused != DR_REFUSAL_NEVER)
            nation_fail("a job that can never run is not refused");
    }
    row_ends("never", quantile(0.99) / 1e6, 200, "p50 %.1f us, at submit", quantile(0.5) / 1e3);
}

static void events(struct nation *nation)
{
    uint32_t max = (uint32_t)option("EVENTS", collecting ? 100 : 2000);
    uint64_t *ids = calloc(65536, sizeof ids[0]);
    uint32_t count = jobs_of_64(nation, ids, 65536);
    double *started = calloc(SAMPLES_MAX, sizeof started[0]);
    uint32_t started_count = 0;
    uint32_t without = 0;
    uint64_t before = nation->facts[DR_FACT_JOB_PLACED];
    int64_t until;
    uint32_t done = 0;

    if (ids == NULL || started == NULL)
        nation_fail("out of memory");
    row_begins("event-p50");
    until = now_ns() + ROW_NS * 8 / 10;
    for (; done < count && done < max && (done == 0 || now_ns() < until); done += 1) {
        struct dr_command command = nation_end_command(nation, ids[done]);
        uint64_t placed = nation->facts[DR_FACT_JOB_PLACED];
        int64_t kept_ns = spent_ns;
        uint64_t kept_instructions;

        nation->now_us += 1000;
        command.body.attempt.time_us = nation->now_us;
        sample(event_timed(nation, &command));
        nation_drain(nation);
        without += nation->facts[DR_FACT_JOB_PLACED] == placed;
        kept_ns = spent_ns;
        kept_instructions = spent_instructions;
        for (uint32_t i = 0; i < nation->launched_count; i += 1) {
            struct dr_command report = {.kind = DR_COMMAND_STARTED, .roles = 0xff};

            report.body.attempt.job.v = nation->launched[i];
            report.body.attempt.attempt = nation->ledger->jobs[nation->launched[i]].attempt;
            report.body.attempt.time_us = nation->now_us;
            if (!collecting && started_count < SAMPLES_MAX)
                started[started_count++] = event_timed(nation, &report);
            else
                nation_admit(nation, &report);
        }
        nation_drain(nation);
        nation->launched_count = 0;
        spent_ns = kept_ns;
        spent_instructions = kept_instructions;
        /* As many wait as before. */
        nation_pend(nation, NATION_MIX_A, (uint32_t)(nation->facts[DR_FACT_JOB_PLACED] - placed), 0,
                    NULL);
        nation_decide(nation);
        nation_left(nation);
        nation_decide(nation);
        nation_started(nation);
    }
    row_ends("event-p50", quantile(0.5) / 1e3, done,
             "%u events, mean %.1f us, %.1f starts each, %u without any", done,
             (double)spent_ns / 1e3 / (done == 0 ? 1 : done),
             (double)(nation->facts[DR_FACT_JOB_PLACED] - before) / (done == 0 ? 1 : done),
             without);
    row_ends("event-p99", quantile(0.99) / 1e3, 0, "worst %.1f us", quantile(1) / 1e3);
    memcpy(samples, started, started_count * sizeof samples[0]);
    samples_count = started_count;
    if (started_count > 0)
        row_ends("started", quantile(0.5) / 1e3, 0, "p99 %.1f us", quantile(0.99) / 1e3);
    free(ids);
    free(started);
}

static void scene_full(void)
{
    uint32_t pending = N / 10;
    struct nation *nation = nation_new(N, SEED, N / 2 + N / 10 + 100000);
    uint32_t max = collecting ? 50 : 500;

    nation_fill(nation, NATION_MIX_A, NULL);
    nation_pend(nation, NATION_MIX_A, pending, 0, NULL);
    row_begins("first");
    decide_timed(nation);
    row_ends("first", (double)spent_ns / 1e6, pending,
             "%llu run on %.2f %% of the accelerators, %llu started now, %llu told to leave",
             (unsigned long long)nation->ledger->running,
             100.0 * (double)nation->ledger->running_accelerators / N,
             (unsigned long long)nation->facts[DR_FACT_JOB_PLACED],
             (unsigned long long)nation->facts[DR_FACT_ATTEMPT_STOPPING]);
    nation_left(nation);
    nation_decide(nation);
    nation_started(nation);
    nation_decide(nation);
    row_begins("nothing");
    for (uint32_t i = 0; i < 1000; i += 1)
        decide_timed(nation);
    row_ends("nothing", (double)spent_ns / 1e9, 1000, "%s", "no fact since the last decision");
    if (option("ONLY_EVENTS", 0) == 0) {
        int64_t until;

        row_begins("submit");
        until = now_ns() + ROW_NS * 8 / 10;
        for (uint32_t i = 0; i < max && (i == 0 || now_ns() < until); i += 1) {
            struct nation_job job = nation_draw(nation, NATION_MIX_A, 0);

            nation->now_us += 1000;
            job.account = nation_leaf(nation);
            sample(submit_timed(nation, &job));
        }
        row_ends("submit", quantile(0.5) / 1e3, samples_count, "of %u", samples_count);
        row_ends("submit-p99", quantile(0.99) / 1e3, 0, "worst %.1f us", quantile(1) / 1e3);
        nation_started(nation);
        nation_decide(nation);
        row_begins("tick");
        for (uint32_t i = 0; i < 3; i += 1) {
            struct dr_command tick = {.kind = DR_COMMAND_TICK, .roles = 0xff};

            nation->now_us += DR_MINUTE_US;
            sample(event_timed(nation, &tick));
            nation_drain(nation);
            nation_left(nation);
            nation_started(nation);
            nation_decide(nation);
        }
        row_ends("tick", quantile(0.5) / 1e6, 3, "%s", "median of 3");
    }
    events(nation);
    if (option("ONLY_EVENTS", 0) == 0) {
        rows_of_why(nation);
        rejudge(nation, "rejudge");
    }
    wrong_row(nation, "full-wrong");
    nation_free(nation);
}

static void scene_full_million(void)
{
    struct nation *nation = nation_new(N, SEED, N + N / 2 + 100000);

    nation_fill(nation, NATION_MIX_A, NULL);
    nation_pend(nation, NATION_MIX_A, N, 0, NULL);
    rejudge(nation, "rejudge-million");
    nation_free(nation);
}

static void scene_reserve(int levels, const char *key)
{
    uint32_t wanted = N / 1000 < 10 ? 10 : N / 1000;
    struct nation *nation = nation_new(N, SEED, N / 2 + 100000);

    nation_fill(nation, NATION_MIX_B, NULL);
    nation_declare_settings(nation, wanted);
    nation_decide(nation);
    for (uint32_t i = 0; i < wanted; i += 1) {
        struct nation_job job;

        do
            job = nation_draw(nation, NATION_MIX_A, 0);
        while (job.size < 16 || job.size > 512 ||
               nation->shapes[job.shape].level_kind != (levels ? 2 : 0));
        job.account = nation_leaf(nation);
        job.priority = 0;
        nation_submit(nation, &job);
    }
    nation->facts[DR_FACT_JOB_PLACED] = 0;
    row_begins(key);
    decide_timed(nation);
    row_ends(key,
             nation->ledger->reservations_made * 10 < wanted * 9 ? INFINITY
                                                                 : (double)spent_ns / 1e6,
             wanted, "%.2f ms for %llu of %u, %llu started, %llu run", (double)spent_ns / 1e6,
             (unsigned long long)nation->ledger->reservations_made, wanted,
             (unsigned long long)nation->facts[DR_FACT_JOB_PLACED],
             (unsigned long long)nation->ledger->running);
    if (!levels) {
        struct dr_command tick = {.kind = DR_COMMAND_TICK, .roles = 0xff};
        double took;

        nation->now_us += DR_MINUTE_US;
        row_begins("reserve-tick");
        took = event_timed(nation, &tick);
        nation_drain(nation);
        row_ends("reserve-tick", took / 1e6, wanted, "%s", "admit and decision");
    }
    nation_free(nation);
}

/* What one job's reclaim does: it is submitted, and a set is found and promised to it. */
static double reclaim_timed(struct nation *nation, uint32_t leaf, uint32_t shape, uint64_t *taken,
                            int *promised)
{
    struct nation_job job = {.account = leaf,
                             .shape = shape,
                             .limit_us = DR_HOUR_US,
                             .size = nation->shapes[shape].size};
    uint64_t before = nation->facts[DR_FACT_JOB_PROMISED];
    double took;

    nation->now_us += 1000;
    took = submit_timed(nation, &job);
    *promised = nation->facts[DR_FACT_JOB_PROMISED] > before;
    for (uint32_t i = 0; i < nation->leaving_count; i += 1)
        *taken += nation->ledger->jobs[nation->leaving[i]].size;
    nation_left(nation);
    nation_decide(nation);
    nation_started(nation);
    nation_decide(nation);
    return took;
}

static void scene_reclaim(void)
{
    struct nation *nation = nation_new(N, SEED, N / 2 + 100000);
    uint32_t gang = N / 500 < 16 ? 2 : N / 500 / 8;
    uint8_t *skip = calloc(nation->leaves_count, 1);
    uint32_t big[NATION_CHIPS] = {0};
    uint32_t small[NATION_CHIPS][4];
    uint32_t gangs = 0;
    uint32_t tried = 0;
    uint64_t taken = 0;
    uint64_t asked = 0;
    uint32_t max = collecting ? 40 : 1000;
    int64_t until;
    int promised;

    for (uint32_t i = 0; i < nation->leaves_count; i += 1) {
        const struct nation_account *leaf = &nation->accounts[nation->leaf_first + i];
        uint32_t home = leaf->home;

        if (leaf->keep[home] != 0 || home >= NATION_CHIPS)
            continue;
        skip[i] = i % 10 == 0;
        if (leaf->guarantee[home] >= 8 * (int64_t)gang &&
            (big[home] == 0 || leaf->guarantee[home] > nation->accounts[big[home]].guarantee[home]))
            big[home] = nation->leaf_first + i;
    }
    for (uint32_t h = 0; h < NATION_CHIPS; h += 1) {
        if (big[h] != 0)
            skip[big[h] - nation->leaf_first] = 1;
        for (uint32_t k = 0; k < 4; k += 1)
            small[h][k] = nation_shape(nation, 1, 1u << k, UINT64_C(1) << h);
    }
    nation_fill(nation, NATION_MIX_A, skip);
    nation_pend(nation, NATION_MIX_A, N / 10, 0, skip);
    row_begins("reclaim-gang"); /* the first decision counts against its time, not in its figure */
    nation_decide(nation);
    nation_left(nation);
    nation_decide(nation);
    nation_started(nation);
    nation_decide(nation);
    row_begins("reclaim-gang");
    for (uint32_t h = 0; h < NATION_CHIPS; h += 1) {
        double took;

        if (big[h] == 0)
            continue;
        took = reclaim_timed(nation, big[h], nation_shape(nation, gang, 8, UINT64_C(1) << h),
                             &taken, &promised);
        tried += 1;
        if (!promised)
            continue;
        gangs += 1;
        asked += 8 * gang;
        sample(took);
    }
    row_ends(
        "reclaim-gang", gangs == 0 ? INFINITY : quantile(0.5) / 1e6, gangs,
        "median; worst %.2f ms; %u accelerators each, %u of %u gangs were promised them, taken "
        "%.3f times that",
        quantile(1) / 1e6, 8 * gang, gangs, tried,
        asked == 0 ? 0.0 : (double)taken / (double)asked);
    row_begins("reclaim-small");
    until = now_ns() + ROW_NS * 8 / 10;
    tried = 0;
    taken = 0;
    for (uint32_t i = 0; i < nation->leaves_count && samples_count < max; i += 10) {
        uint32_t leaf = nation->leaf_first + i;
        uint32_t home = nation->accounts[leaf].home;
        int64_t left = nation->accounts[leaf].guarantee[home];

        for (uint32_t k = 0;
             k < 4 && skip[i] && left >= (1 << k) && (tried == 0 || now_ns() < until); k += 1) {
            double took = reclaim_timed(nation, leaf, small[home][k], &taken, &promised);

            left -= 1 << k;
            tried += 1;
            if (promised)
                sample(took);
        }
    }
    row_ends("reclaim-small", samples_count == 0 ? INFINITY : quantile(0.99) / 1e6, tried,
             "p50 %.3f ms, %u of %u jobs were promised a place, the others found one free or wait",
             quantile(0.5) / 1e6, samples_count, tried);
    wrong_row(nation, "reclaim-wrong");
    free(skip);
    nation_free(nation);
}

static double resident_mib(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;

    if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1)
        nation_fail("/proc/self/statm can't be read");
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576.0;
}

/* The state goes through a file into a process that has nothing else. */
static void memory_loaded(const char *key, FILE *file)
{
    struct dr_limits limits;
    struct dr_core *core;
    double before;
    double loaded;

    if (fread(&limits, sizeof limits, 1, file) != 1)
        nation_fail("the state can't be read");
    before = resident_mib();
    if (dr_core_open(&core, &limits) != DR_OK || dr_core_load(core, bytes_read, file) != DR_OK)
        nation_fail("the state can't be loaded");
    loaded = resident_mib() - before;
    row_ends(key, loaded, 0, "%s", "loaded, before the first decision");
    dr_core_close(core);
}

static void scene_memory(uint32_t pending, const char *key, char **arguments)
{
    struct nation *nation = nation_new(N, SEED, N / 5 + N / 20 + pending + 100000);
    int fd = memfd_create("state", 0);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w+");
    char text[16];

    if (file == NULL)
        nation_fail("no file for the state");
    row_begins(key);
    nation_fill(nation, NATION_MIX_B, NULL);
    nation_pend(nation, NATION_MIX_B, pending, 0, NULL);
    if (fwrite(&nation->limits, sizeof nation->limits, 1, file) != 1 ||
        dr_core_save(nation->core, bytes_write, file) != DR_OK || fflush(file) != 0)
        nation_fail("the state can't be saved");
    rewind(file);
    dr_format(text, sizeof text, "%d", fd);
    setenv("STATE_FD", text, 1);
    execv("/proc/self/exe", arguments);
    nation_fail("execv: %s", strerror(errno));
}

static void run_scene(const char *scene, char **arguments)
{
    if (strcmp(scene, "fill-a") == 0)
        scene_fill(NATION_MIX_A, "fill-a");
    else if (strcmp(scene, "fill-b") == 0)
        scene_fill(NATION_MIX_B, "fill-b");
    else if (strcmp(scene, "full") == 0)
        scene_full();
    else if (strcmp(scene, "full-million") == 0)
        scene_full_million();
    else if (strcmp(scene, "reserve") == 0)
        scene_reserve(0, "reserve");
    else if (strcmp(scene, "reserve-levels") == 0)
        scene_reserve(1, "reserve-levels");
    else if (strcmp(scene, "reclaim") == 0)
        scene_reclaim();
    else if (getenv("STATE_FD") != NULL)
        memory_loaded(scene, fdopen((int)option("STATE_FD", 0), "r"));
    else if (strcmp(scene, "memory") == 0)
        scene_memory(N / 10, "memory", arguments);
    else
        scene_memory(N, "memory-million", arguments);
}

/* ---- the table's side ---- */

static int json;
static int missed;
static int seconds;

static const char *number(double value, char text[48])
{
    if (isinf(value))
        return dr_format(text, 48, "not done");
    if (value >= 1000 || value == floor(value)) {
        char plain[32];
        char *to = text;
        size_t length;

        dr_format(plain, sizeof plain, "%.0f", value);
        length = strlen(plain);
        for (size_t i = 0; i < length; i += 1) {
            *to++ = plain[i];
            if ((length - i) % 3 == 1 && i + 1 < length)
                *to++ = ',';
        }
        *to = 0;
        return text;
    }
    return dr_format(text, 48, value >= 10 ? "%.1f" : value >= 0.1 ? "%.2f" : "%.4f", value);
}

static void print_row(const char *what, double value, const char *unit, double bar,
                      enum sense sense, const char *note, double instructions, int known)
{
    char figure[80];
    char limit[64] = "";
    char each[64] = "";
    char text[48];
    int ok = known && !isinf(value) && (sense == AT_LEAST ? value >= bar : value <= bar);
    const char *verdict;

    if (bar == VIOLATIONS)
        ok = known && value == 0; /* NOLINT: a count */
    verdict = bar == NO_BAR ? "" : ok ? "met" : "missed";
    missed += bar != NO_BAR && !ok;
    if (instructions > 0)
        dr_format(each, sizeof each, "%s", number(instructions, text));
    if (json) {
        printf("{\"what\": \"%s\", \"n\": %u, \"value\": ", what + strspn(what, " "), N);
        if (known && !isinf(value))
            printf("%.6g", value);
        else
            printf("null");
        printf(", \"unit\": \"%s\", \"bar\": ", unit);
        if (bar == NO_BAR)
            printf("null");
        else
            printf("%.6g", bar == VIOLATIONS ? 0 : bar);
        printf(", \"at_least\": %s, \"verdict\": ", sense == AT_LEAST ? "true" : "false");
        printf(*verdict ? "\"%s\"" : "null%s", verdict);
        printf(", \"instructions\": %.0f, \"note\": \"", instructions);
        for (; *note != 0; note += 1)
            putchar(*note == '"' || *note == '\\' ? '\'' : *note);
        printf("\"}\n");
    } else {
        if (!known)
            dr_format(figure, sizeof figure, "not measured");
        else if (isinf(value))
            dr_format(figure, sizeof figure, "not done");
        else
            dr_format(figure, sizeof figure, "%s %s", number(value, text), unit);
        if (bar != NO_BAR)
            dr_format(limit, sizeof limit, "%s %s",
                      sense == AT_LEAST ? ">=" : "<=", number(bar == VIOLATIONS ? 0 : bar, text));
        printf("| %-66s | %18s | %12s | %-6s | %14s |%s%s\n", what, figure, limit, verdict, each,
               *note ? "  " : "", note);
    }
    fflush(stdout);
}

static uint32_t row_of(const char *key)
{
    for (uint32_t i = 0; i < DR_COUNT_OF(ROWS); i += 1)
        if (strcmp(ROWS[i].key, key) == 0)
            return i;
    nation_fail("found row %s", key);
}

static void take_line(char *line, char begun[KEY_BYTES])
{
    char key[KEY_BYTES];
    double value;
    double ops;
    unsigned long long instructions;
    int at = 0;

    if (sscanf(line, "begin %31s", key) == 1) {
        memcpy(begun, key, KEY_BYTES);
        return;
    }
    if (sscanf(line, "row %31s %lf %lf %llu %n", key, &value, &ops, &instructions, &at) >= 4) {
        struct result *result = &results[row_of(key)];

        result->known = 1;
        result->value = value;
        result->ops = ops;
        result->instructions = (double)instructions;
        dr_format(result->note, sizeof result->note, "%s", line + at);
    }
}

/* One scene in a process of its own, with a time limit for each of its rows. Returns why it ended:
 * NULL when it came to its end by itself. */
static const char *run_child(const char *scene, char **arguments, const char *callgrind,
                             char begun[KEY_BYTES])
{
    static char reason[128];
    int pipes[2];
    int64_t until = now_ns() + (int64_t)FULL_SECONDS * 1000000000;
    char text[8192];
    size_t have = 0;
    int status;
    pid_t child;

    begun[0] = 0;
    fflush(stdout);
    if (pipe2(pipes, O_CLOEXEC) != 0 || (child = fork()) < 0)
        nation_fail("no process: %s", strerror(errno));
    if (child == 0) {
        char out[300];
        char self[300];
        ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);

        if (length < 0 || dup2(pipes[1], REPORT_FD) < 0)
            _exit(3);
        self[length] = 0;
        setenv("SCENE", scene, 1);
        if (callgrind != NULL) {
            setenv("CALLGRIND", "1", 1);
            dr_format(out, sizeof out, "--callgrind-out-file=%s/out", callgrind);
            execlp("valgrind", "valgrind", "-q", "--tool=callgrind", "--collect-atstart=no",
                   "--instr-atstart=no", out, self, (char *)NULL);
        } else {
            execv(self, arguments);
        }
        _exit(3);
    }
    close(pipes[1]);
    for (;;) {
        struct pollfd wait = {pipes[0], POLLIN, 0};
        int64_t left = (until - now_ns()) / 1000000;
        ssize_t got;
        char *line;

        if (left <= 0 || poll(&wait, 1, (int)left) == 0) {
            kill(child, SIGKILL);
            dr_format(reason, sizeof reason, "not finished in %lld s at N = %u",
                      begun[0] == 0 ? (long long)FULL_SECONDS
                                    : (long long)seconds * (callgrind != NULL ? 60 : 1),
                      N);
            break;
        }
        got = read(pipes[0], text + have, sizeof text - 1 - have);
        if (got <= 0) {
            reason[0] = 0;
            break;
        }
        have += (size_t)got;
        text[have] = 0;
        while ((line = strchr(text, '\n')) != NULL) {
            *line = 0;
            take_line(text, begun);
            have -= (size_t)(line + 1 - text);
            memmove(text, line + 1, have + 1);
        }
        until = now_ns() +
                (int64_t)(begun[0] == 0 ? FULL_SECONDS : seconds * (callgrind != NULL ? 60 : 1)) *
                    1000000000;
    }
    close(pipes[0]);
    waitpid(child, &status, 0);
    if (reason[0] == 0 && status == 0)
        return NULL;
    if (reason[0] == 0)
        dr_format(reason, sizeof reason, "the scene's process ended: %s %d",
                  WIFSIGNALED(status) ? "signal" : "status",
                  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return reason;
}

/* What callgrind counted, from the dumps that the scene had it make. */
static void take_dumps(const char *directory)
{
    char path[400];

    for (uint32_t i = 1; i < 100; i += 1) {
        char line[1024];
        char key[KEY_BYTES] = "";
        double total = 0;
        FILE *file;

        dr_format(path, sizeof path, "%s/out.%u", directory, i);
        file = fopen(path, "r");
        if (file == NULL)
            continue;
        while (fgets(line, sizeof line, file) != NULL) {
            sscanf(line, "desc: Trigger: Client Request: %31s", key);
            if (sscanf(line, "totals: %lf", &total) == 1 ||
                sscanf(line, "summary: %lf", &total) == 1)
                continue;
        }
        fclose(file);
        unlink(path);
        if (key[0] != 0)
            results[row_of(key)].instructions = total;
    }
    dr_format(path, sizeof path, "%s/out", directory);
    unlink(path);
}

static void count_instructions(const char *scene, char **arguments)
{
    struct result kept[DR_COUNT_OF(ROWS)];
    char directory[] = "/tmp/nation-callgrind-XXXXXX";
    char begun[KEY_BYTES];

    memcpy(kept, results, sizeof kept);
    if (mkdtemp(directory) == NULL)
        nation_fail("no directory: %s", strerror(errno));
    run_child(scene, arguments, directory, begun);
    for (uint32_t i = 0; i < DR_COUNT_OF(ROWS); i += 1)
        results[i].instructions = 0;
    take_dumps(directory);
    rmdir(directory);
    for (uint32_t i = 0; i < DR_COUNT_OF(ROWS); i += 1) {
        if (results[i].ops > 0 && results[i].instructions > 0) {
            kept[i].instructions = results[i].instructions / results[i].ops;
            kept[i].ops = 1;
        }
        results[i] = kept[i];
    }
}

static void print_scene(const char *scene, const char *reason, const char *begun)
{
    int reached = 1;

    for (uint32_t i = 0; i < DR_COUNT_OF(ROWS); i += 1) {
        const struct row *row = &ROWS[i];
        const struct result *result = &results[i];
        const char *note = result->note;

        if (strcmp(row->scene, scene) != 0)
            continue;
        if (!result->known) {
            note = reached && (begun[0] == 0 || strcmp(begun, row->key) == 0) && reason != NULL
                       ? reason
                       : "not reached";
            reached = reached && strcmp(note, "not reached") == 0;
        }
        print_row(row->what, result->value, row->unit, row->bar, row->sense, note,
                  result->known && result->ops > 0 ? result->instructions / result->ops : 0,
                  result->known);
    }
}

static void scene(const char *name, char **arguments)
{
    char begun[KEY_BYTES];
    const char *reason;

    memset(results, 0, sizeof results);
    reason = run_child(name, arguments, NULL, begun);
    if (option("INSTRUCTIONS", 0) != 0 && counter < 0)
        count_instructions(name, arguments);
    print_scene(name, reason, begun);
}

/* What an event costs at growing N: by instructions where they are counted, else by time. */
static void curve(char **arguments)
{
    uint32_t most = N;
    double first = 0;
    double first_log = 0;
    uint32_t p50 = row_of("event-p50");

    setenv("ONLY_EVENTS", "1", 1);
    for (uint32_t n = 1000; n <= most; n *= 10) {
        char begun[KEY_BYTES];
        char text[48];
        char what[128];
        const char *reason;
        double cost;
        double each;

        N = n;
        dr_format(text, sizeof text, "%u", n);
        setenv("N", text, 1);
        memset(results, 0, sizeof results);
        reason = run_child("full", arguments, NULL, begun);
        if (option("INSTRUCTIONS", 0) != 0 && counter < 0)
            count_instructions("full", arguments);
        each = results[p50].ops > 0 ? results[p50].instructions / results[p50].ops : 0;
        cost = each > 0 ? each : results[p50].value;
        if (n == 1000) {
            first = cost;
            first_log = log((double)n);
        }
        dr_format(what, sizeof what, "an event at N = %s, p50", number(n, text));
        print_row(what, results[p50].value, "us", NO_BAR, AT_MOST,
                  results[p50].known ? results[p50].note
                  : reason != NULL   ? reason
                                     : "",
                  each, results[p50].known);
        if (n > 1000) {
            dr_format(what, sizeof what, "    its growth from N = 1,000, over log N's");
            print_row(what, cost / first / (log((double)n) / first_log), "x",
                      n == most ? 1 : NO_BAR, AT_MOST, each > 0 ? "by instructions" : "by time", 0,
                      results[p50].known && first > 0);
        }
    }
    unsetenv("ONLY_EVENTS");
    N = most;
}

int main(int count, char **arguments)
{
    static const char *const scenes[] = {
        "fill-a",         "fill-b",  "full",   "full-million",   "reserve",
        "reserve-levels", "reclaim", "memory", "memory-million", "curve"};
    const char *only = getenv("SCENE");

    N = (uint32_t)option("N", 1000000);
    SEED = (uint64_t)option("SEED", 20260);
    seconds = (int)option("SECONDS", 60);
    ROW_NS = (int64_t)seconds * 1000000000;
    json = option("JSON", 0) != 0;
    if (N < 1000 || N > 4000000)
        nation_fail("found N=%u, expected 1,000 to 4,000,000", N);
    open_counter();
    if (only != NULL) {
        samples = calloc(SAMPLES_MAX, sizeof samples[0]);
        if (samples == NULL)
            nation_fail("out of memory");
        run_scene(only, arguments);
        return 0;
    }
    if (!json) {
        printf("N = %u accelerators, seed %llu, one core; at most %d s a row; instructions %s\n", N,
               (unsigned long long)SEED, seconds,
               counter >= 0                     ? "by the machine's counter"
               : option("INSTRUCTIONS", 0) != 0 ? "by callgrind"
                                                : "not counted (INSTRUCTIONS=1: by callgrind)");
        printf("| %-66s | %18s | %12s | %-6s | %14s |\n", "what", "figure", "bar", "",
               "instructions");
        printf("| %.66s | %.17s: | %.11s: | %.6s | %.13s: |\n",
               "------------------------------------------------------------------",
               "-----------------", "-----------", "------", "-------------");
    }
    for (uint32_t i = 0; i < DR_COUNT_OF(scenes); i += 1) {
        int chosen = count < 2;

        for (int k = 1; k < count; k += 1)
            chosen |= strcmp(arguments[k], scenes[i]) == 0;
        if (!chosen)
            continue;
        if (strcmp(scenes[i], "curve") == 0)
            curve(arguments);
        else
            scene(scenes[i], arguments);
    }
    return option("STRICT", 0) != 0 && missed > 0;
}
