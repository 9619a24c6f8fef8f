/* SPDX-License-Identifier: Apache-2.0 */
#include "nation_scene.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nation_ledger.h"
#include "nation_quality.h"

/* As in struct scene_options. */
static uint32_t N;
static uint64_t SEED;
static int64_t ROW_NS;

static void wrong_row(struct nation *nation, const char *key)
{
    const struct nation_ledger *ledger = nation->ledger;

    ledger_check(nation->ledger);
    meter_row_ends(key, (double)ledger->violations, 0, "%llu facts, %llu full checks%s%s",
                   (unsigned long long)ledger->facts, (unsigned long long)ledger->checks,
                   ledger->violations > 0 ? ": " : "",
                   ledger->violations > 0 ? ledger->first[0] : "");
}

/* What the choices since quality_watch() were worth. */
static void quality_rows(struct nation *nation, struct nation_quality *quality, const char *key)
{
    const struct nation_ledger *ledger = nation->ledger;
    char name[METER_KEY_BYTES];

    quality_done(nation, quality);
    meter.samples_count = 0;
    for (uint32_t i = 0; i < quality->count; i += 1)
        meter_sample(quality->above[i]);
    dr_format(name, sizeof name, "%s-cost", key);
    meter_row_ends(name, quality->count == 0 ? 0 : 100 * (quality->chosen / quality->best - 1), 0,
                   "%u starts looked at, %u had something cheaper, %u more beside reservations "
                   "alone; p99 %.2f %%, worst %.2f %%",
                   quality->count, quality->elsewhere, quality->reserved,
                   100 * meter_quantile(0.99), 100 * meter_quantile(1));
    dr_format(name, sizeof name, "%s-blocks", key);
    meter_row_ends(
        name, ledger->blocks_least == 0 ? 1 : (double)ledger->blocks / (double)ledger->blocks_least,
        0, "%llu gangs of more than one node", (unsigned long long)ledger->gangs);
}

static void decide_timed(struct nation *nation)
{
    int more;

    do {
        meter_begin();
        more = dr_decide(nation->core, nation->now_us, &nation->batch);
        meter_end();
        nation_drain(nation);
    } while (more);
}

/* One event: its command and the decisions that follow, until nothing is left. Returns ns. */
static double event_timed(struct nation *nation, struct dr_command *command)
{
    struct dr_answer answer;
    double took;
    int more;

    meter_begin();
    if (!dr_admit(nation->core, command, nation->now_us, &nation->batch, &answer))
        nation_fail("the core refuses an event: %s: %s", answer.field, answer.text);
    if (command->kind == DR_COMMAND_SUBMIT)
        nation->jobs_count = answer.job.v;
    more = dr_decide(nation->core, nation->now_us, &nation->batch);
    took = meter_end();
    while (more) {
        nation_drain(nation);
        meter_begin();
        more = dr_decide(nation->core, nation->now_us, &nation->batch);
        took += meter_end();
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
    static struct nation_quality quality[1];
    struct nation_fairness fairness;
    char name[METER_KEY_BYTES];
    uint64_t starts;

    for (uint32_t i = 0; i < pending; i += 1) {
        struct nation_job job = nation_draw(nation, mix, 0);

        job.account = nation_leaf(nation);
        nation_submit(nation, &job);
    }
    quality_watch(nation, quality, mix == NATION_MIX_A ? N / 62 : N / 5, 0);
    meter_row_begins(key);
    decide_timed(nation);
    starts = nation->facts[DR_FACT_JOB_PLACED];
    if (mix == NATION_MIX_A)
        meter_row_ends(key, (double)meter.spent_ns / 1e6, pending, "%u jobs, %.0f ns each", pending,
                       (double)meter.spent_ns / pending);
    else
        meter_row_ends(key, (double)starts * 1e9 / (double)meter.spent_ns, (double)starts,
                       "%u jobs waited, %.0f ns a start", pending,
                       (double)meter.spent_ns / (double)(starts > 0 ? starts : 1));
    dr_format(name, sizeof name, "%s-starts", key);
    meter_row_ends(name, (double)starts, 0, "%s", "");
    dr_format(name, sizeof name, "%s-used", key);
    meter_row_ends(name, 100.0 * (double)nation->ledger->running_accelerators / N, 0, "%s", "");
    quality_rows(nation, quality, key);
    fairness = quality_fairness(nation);
    dr_format(name, sizeof name, "%s-share", key);
    meter_row_ends(name, fairness.above, 0, "between leaves of one parent %.3f", fairness.leaves);
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
    uint32_t tries = meter.callgrind ? 1 : 3;
    int64_t until = meter_now_ns() + ROW_NS / 2;
    int64_t best = INT64_MAX;

    nation->facts[DR_FACT_JOB_PLACED] = 0;
    for (uint32_t i = 0; i < tries && (i == 0 || meter_now_ns() < until); i += 1) {
        forget(nation);
        meter_row_begins(key);
        decide_timed(nation);
        best = meter.spent_ns < best ? meter.spent_ns : best;
        nation_started(nation);
    }
    meter_row_ends(key, (double)best / 1e6, (double)pending,
                   "%llu pending, %.0f ns each, %llu started", (unsigned long long)pending,
                   (double)best / (double)(pending == 0 ? 1 : pending),
                   (unsigned long long)nation->facts[DR_FACT_JOB_PLACED]);
}

static void rows_of_why(struct nation *nation)
{
    struct dr_why why;
    uint32_t asked = 0;

    meter_row_begins("why");
    for (uint64_t id = nation->jobs_count; id > 0 && asked < 1000; id -= 1) {
        if (nation->ledger->jobs[id].state != LEDGER_PENDING)
            continue;
        meter_begin();
        dr_why(nation->core, (dr_job_id){id}, nation->now_us, &why);
        meter_sample(meter_end());
        asked += 1;
    }
    meter_row_ends("why", meter_quantile(0.99) / 1e6, asked, "p50 %.1f us, of %u",
                   meter_quantile(0.5) / 1e3, asked);
    meter_row_begins("never");
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
        meter_begin();
        dr_admit(nation->core, &store.command, nation->now_us, &nation->batch, &answer);
        meter_sample(meter_end());
        if (answer.refused != DR_REFUSAL_NEVER)
            nation_fail("a job that can never run is not refused");
    }
    meter_row_ends("never", meter_quantile(0.99) / 1e6, 200, "p50 %.1f us, at submit",
                   meter_quantile(0.5) / 1e3);
}

static void event_rows(const struct nation *nation, uint32_t done, uint64_t before,
                       uint32_t without)
{
    meter_row_ends("event-p50", meter_quantile(0.5) / 1e3, done,
                   "%u events, mean %.1f us, %.1f starts each, %u without any", done,
                   (double)meter.spent_ns / 1e3 / (done == 0 ? 1 : done),
                   (double)(nation->facts[DR_FACT_JOB_PLACED] - before) / (done == 0 ? 1 : done),
                   without);
    meter_row_ends("event-p99", meter_quantile(0.99) / 1e3, 0, "worst %.1f us",
                   meter_quantile(1) / 1e3);
}

static void events(struct nation *nation)
{
    uint32_t max = (uint32_t)meter_option("EVENTS", meter.callgrind ? 100 : 2000);
    uint64_t *ids = calloc(65536, sizeof ids[0]);
    uint32_t count = jobs_of_64(nation, ids, 65536);
    double *started = calloc(METER_SAMPLES_MAX, sizeof started[0]);
    uint32_t started_count = 0;
    uint32_t without = 0;
    uint64_t before = nation->facts[DR_FACT_JOB_PLACED];
    int64_t until;
    uint32_t done = 0;

    if (ids == NULL || started == NULL)
        nation_fail("out of memory");
    meter_row_begins("event-p50");
    until = meter_now_ns() + ROW_NS * 8 / 10;
    for (; done < count && done < max && (done == 0 || meter_now_ns() < until); done += 1) {
        struct dr_command command = nation_end_command(nation, ids[done]);
        uint64_t placed = nation->facts[DR_FACT_JOB_PLACED];
        int64_t kept_ns = meter.spent_ns;
        uint64_t kept_instructions;

        nation->now_us += 1000;
        command.body.attempt.time_us = nation->now_us;
        meter_sample(event_timed(nation, &command));
        nation_drain(nation);
        without += nation->facts[DR_FACT_JOB_PLACED] == placed;
        kept_ns = meter.spent_ns;
        kept_instructions = meter.spent_instructions;
        /* One start is reported by itself, the others together. */
        if (nation->launched_count > 0 && !meter.callgrind && started_count < METER_SAMPLES_MAX) {
            struct dr_command report = {.kind = DR_COMMAND_STARTED, .roles = 0xff};

            report.body.attempt.job.v = nation->launched[0];
            report.body.attempt.attempt = nation->ledger->jobs[nation->launched[0]].attempt;
            report.body.attempt.time_us = nation->now_us;
            started[started_count++] = event_timed(nation, &report);
            nation_drain(nation);
        }
        nation_started(nation);
        meter.spent_ns = kept_ns;
        meter.spent_instructions = kept_instructions;
        /* As many wait as before. */
        nation_pend(nation, NATION_MIX_A, (uint32_t)(nation->facts[DR_FACT_JOB_PLACED] - placed), 0,
                    NULL);
        nation_decide(nation);
        nation_left(nation);
        nation_started(nation);
        nation_decide(nation);
        if (!meter.callgrind && meter_now_ns() > until - ROW_NS / 2)
            event_rows(nation, done + 1, before, without); /* should time be over */
    }
    event_rows(nation, done, before, without);
    memcpy(meter.samples, started, started_count * sizeof meter.samples[0]);
    meter.samples_count = started_count;
    if (started_count > 0)
        meter_row_ends("started", meter_quantile(0.5) / 1e3, 0, "p99 %.1f us",
                       meter_quantile(0.99) / 1e3);
    free(ids);
    free(started);
}

/* A node is drained, and resumed: two events. */
static void nodes_drained(struct nation *nation, uint32_t max)
{
    int64_t until;

    meter_row_begins("node");
    until = meter_now_ns() + ROW_NS * 8 / 10;
    for (uint32_t i = 0; i < max && (i < 2 || meter_now_ns() < until); i += 1) {
        struct dr_command command = {.kind = DR_COMMAND_NODE, .roles = 0xff};

        nation->now_us += 1000;
        command.body.node.node = 1 + (uint32_t)((uint64_t)(i / 2) * 7919 % nation->nodes_count);
        command.body.node.drained = i % 2 == 0;
        meter_sample(event_timed(nation, &command));
        nation_drain(nation);
    }
    meter_row_ends("node", meter_quantile(0.5) / 1e3, meter.samples_count, "p99 %.1f us, of %u",
                   meter_quantile(0.99) / 1e3, meter.samples_count);
    nation_started(nation);
    nation_decide(nation);
}

static void scene_full(void)
{
    uint32_t pending = N / 10;
    struct nation *nation = nation_new(N, SEED, N / 2 + N / 10 + 100000);
    uint32_t max = meter.callgrind ? 50 : 500;
    int everything = meter_option("ONLY_EVENTS", 0) == 0;
    static struct nation_quality quality[1];

    nation_fill(nation, NATION_MIX_A, NULL);
    nation_pend(nation, NATION_MIX_A, pending, 0, NULL);
    if (everything)
        rows_of_why(nation);
    meter_row_begins("first");
    decide_timed(nation);
    meter_row_ends("first", (double)meter.spent_ns / 1e6, pending,
                   "%llu run on %.2f %% of the accelerators, %llu started now, %llu told to leave",
                   (unsigned long long)nation->ledger->running,
                   100.0 * (double)nation->ledger->running_accelerators / N,
                   (unsigned long long)nation->facts[DR_FACT_JOB_PLACED],
                   (unsigned long long)nation->facts[DR_FACT_ATTEMPT_STOPPING]);
    nation_left(nation);
    nation_decide(nation);
    nation_started(nation);
    nation_decide(nation);
    meter_row_begins("nothing");
    for (uint32_t i = 0; i < 1000; i += 1)
        decide_timed(nation);
    meter_row_ends("nothing", (double)meter.spent_ns / 1e9, 1000, "%s",
                   "no fact since the last decision");
    if (everything) {
        int64_t until;

        meter_row_begins("submit");
        until = meter_now_ns() + ROW_NS * 8 / 10;
        for (uint32_t i = 0; i < max && (i == 0 || meter_now_ns() < until); i += 1) {
            struct nation_job job = nation_draw(nation, NATION_MIX_A, 0);

            nation->now_us += 1000;
            job.account = nation_leaf(nation);
            meter_sample(submit_timed(nation, &job));
        }
        meter_row_ends("submit", meter_quantile(0.5) / 1e3, meter.samples_count, "of %u",
                       meter.samples_count);
        meter_row_ends("submit-p99", meter_quantile(0.99) / 1e3, 0, "worst %.1f us",
                       meter_quantile(1) / 1e3);
        nation_started(nation);
        nation_decide(nation);
        nodes_drained(nation, max / 2);
        meter_row_begins("tick");
        for (uint32_t i = 0; i < 3; i += 1) {
            struct dr_command tick = {.kind = DR_COMMAND_TICK, .roles = 0xff};

            nation->now_us += DR_MINUTE_US;
            meter_sample(event_timed(nation, &tick));
            nation_drain(nation);
            nation_left(nation);
            nation_started(nation);
            nation_decide(nation);
        }
        meter_row_ends("tick", meter_quantile(0.5) / 1e6, 3, "%s", "median of 3");
    }
    nation->ledger->gangs = nation->ledger->blocks = nation->ledger->blocks_least = 0;
    quality_watch(nation, quality, 2000, 1);
    events(nation);
    quality_rows(nation, quality, "full");
    if (everything) {
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
    meter_row_begins(key);
    decide_timed(nation);
    meter_row_ends(
        key,
        nation->ledger->reservations_made * 10 < wanted * 9 ? INFINITY
                                                            : (double)meter.spent_ns / 1e6,
        wanted, "%.2f ms for %llu of %u, %llu started, %llu run", (double)meter.spent_ns / 1e6,
        (unsigned long long)nation->ledger->reservations_made, wanted,
        (unsigned long long)nation->facts[DR_FACT_JOB_PLACED],
        (unsigned long long)nation->ledger->running);
    if (!levels) {
        struct dr_command tick = {.kind = DR_COMMAND_TICK, .roles = 0xff};
        double took;

        nation->now_us += DR_MINUTE_US;
        meter_row_begins("reserve-tick");
        took = event_timed(nation, &tick);
        nation_drain(nation);
        meter_row_ends("reserve-tick", took / 1e6, wanted, "%s", "admit and decision");
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
    uint32_t max = meter.callgrind ? 40 : 1000;
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
    meter_row_begins(
        "reclaim-gang"); /* the first decision counts against its time, not in its figure */
    nation_decide(nation);
    nation_left(nation);
    nation_decide(nation);
    nation_started(nation);
    nation_decide(nation);
    meter_row_begins("reclaim-gang");
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
        meter_sample(took);
    }
    meter_row_ends(
        "reclaim-gang", gangs == 0 ? INFINITY : meter_quantile(0.5) / 1e6, gangs,
        "median; worst %.2f ms; %u accelerators each, %u of %u gangs were promised them, taken "
        "%.3f times that",
        meter_quantile(1) / 1e6, 8 * gang, gangs, tried,
        asked == 0 ? 0.0 : (double)taken / (double)asked);
    meter_row_begins("reclaim-small");
    until = meter_now_ns() + ROW_NS * 8 / 10;
    tried = 0;
    taken = 0;
    for (uint32_t i = 0; i < nation->leaves_count && meter.samples_count < max; i += 10) {
        uint32_t leaf = nation->leaf_first + i;
        uint32_t home = nation->accounts[leaf].home;
        int64_t left = nation->accounts[leaf].guarantee[home];

        for (uint32_t k = 0;
             k < 4 && skip[i] && left >= (1 << k) && (tried == 0 || meter_now_ns() < until);
             k += 1) {
            double took = reclaim_timed(nation, leaf, small[home][k], &taken, &promised);

            left -= 1 << k;
            tried += 1;
            if (promised)
                meter_sample(took);
        }
    }
    meter_row_ends(
        "reclaim-small", meter.samples_count == 0 ? INFINITY : meter_quantile(0.99) / 1e6, tried,
        "p50 %.3f ms, %u of %u jobs were promised a place, the others found one free or wait",
        meter_quantile(0.5) / 1e6, meter.samples_count, tried);
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
    static uint8_t bytes[4u << 20];
    static struct dr_effect effects[1u << 16];
    struct dr_batch batch = {.bytes = bytes,
                             .bytes_max = sizeof bytes,
                             .effects = effects,
                             .effects_max = DR_COUNT_OF(effects)};
    struct dr_limits limits;
    struct dr_core *core;
    int64_t now_us;
    double before;
    double loaded;

    if (fread(&limits, sizeof limits, 1, file) != 1 || fread(&now_us, sizeof now_us, 1, file) != 1)
        nation_fail("the state can't be read");
    memset(bytes, 1, sizeof bytes); /* the batch is the caller's, not the state's */
    memset(effects, 1, sizeof effects);
    before = resident_mib();
    meter_row_begins(key);
    if (dr_core_open(&core, &limits) != DR_OK || dr_core_load(core, bytes_read, file) != DR_OK)
        nation_fail("the state can't be loaded");
    loaded = resident_mib() - before;
    meter_row_ends(key, loaded, 0, "%s", "loaded; the first decision was not finished in time");
    while (dr_decide(core, now_us, &batch))
        dr_batch_clear(&batch);
    meter_row_ends(key, resident_mib() - before, 0, "after a decision; %.1f MiB when just loaded",
                   loaded);
    dr_core_close(core);
}

static void scene_memory(uint32_t pending, char **arguments)
{
    struct nation *nation = nation_new(N, SEED, N / 5 + N / 20 + pending + 100000);
    int fd = memfd_create("state", 0);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w+");
    char text[16];

    if (file == NULL)
        nation_fail("no file for the state");
    nation_fill(nation, NATION_MIX_B, NULL);
    nation_pend(nation, NATION_MIX_B, pending, 0, NULL);
    if (fwrite(&nation->limits, sizeof nation->limits, 1, file) != 1 ||
        fwrite(&nation->now_us, sizeof nation->now_us, 1, file) != 1 ||
        dr_core_save(nation->core, bytes_write, file) != DR_OK || fflush(file) != 0)
        nation_fail("the state can't be saved");
    rewind(file);
    dr_format(text, sizeof text, "%d", fd);
    setenv("STATE_FD", text, 1);
    execv("/proc/self/exe", arguments);
    nation_fail("execv: %s", strerror(errno));
}

void scene_run(const char *scene, const struct scene_options *options)
{
    char **arguments = options->arguments;

    N = options->accelerators;
    SEED = options->seed;
    ROW_NS = options->row_ns;
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
        memory_loaded(scene, fdopen((int)meter_option("STATE_FD", 0), "r"));
    else if (strcmp(scene, "memory") == 0)
        scene_memory(N / 10, arguments);
    else
        scene_memory(N, arguments);
}
