/* SPDX-License-Identifier: Apache-2.0 */
/* How fast the store makes submits durable, by itself: what the controller adds is in other
 * benches. Medians of RUNS runs (default 3), each on a new store in TMPDIR or the directory given
 * as argument. JSON=1 prints JSON lines, STRICT=1 makes a missed bar the exit status. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"
#include "store/store.h"

#define RUNS_MAX   15
#define FACT_BYTES 250
#define TEXT_BYTES 400 /* a short script with its name and options */
#define BATCH_MAX  1000

static const char *base = "/tmp";
static int missed;

struct load {
    uint32_t jobs_per_batch;
    uint32_t jobs;
    int with_keys; /* each job comes with a retry key of its own */
};

struct figures {
    double jobs_per_s;
    double p50_ms;
    double p99_ms;
    double max_ms;
    double open_ms;
    double read_mb_per_s;
};

static struct dr_store_text texts[BATCH_MAX];
static struct dr_store_retry retries[BATCH_MAX];
static char text_bytes[BATCH_MAX][TEXT_BYTES];
static uint8_t payload[BATCH_MAX * (FACT_BYTES + 4)];

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

static void fail(const char *what, enum dr_status status)
{
    fprintf(stderr, "bench/store: %s: %s\n", what, dr_status_text(status));
    exit(2);
}

/* A batch of jobs, each a fact and a text of its own, as a submit makes them. */
static struct dr_store_batch make_batch(uint64_t seq_first, const struct load *load)
{
    struct dr_store_batch batch = {
        .seq_first = seq_first,
        .facts_count = load->jobs_per_batch,
        .time_us = dr_clock_us(),
        .payload = payload,
        .texts = texts,
        .texts_count = load->jobs_per_batch,
        .retries = retries,
        .retries_count = load->with_keys ? load->jobs_per_batch : 0,
    };
    uint32_t used = 0;

    for (uint32_t i = 0; i < load->jobs_per_batch; i += 1) {
        uint64_t job = seq_first + i;

        for (uint32_t j = 0; j < 4; j += 1)
            payload[used++] = (uint8_t)(FACT_BYTES >> (8 * j));
        for (uint32_t j = 0; j < FACT_BYTES; j += 8) {
            uint64_t word = dr_hash_u64(job * 64 + j);

            memcpy(payload + used + j, &word, FACT_BYTES - j < 8 ? FACT_BYTES - j : 8);
        }
        used += FACT_BYTES;
        texts[i].id = job;
        texts[i].text = text_bytes[i];
        texts[i].bytes = TEXT_BYTES;
        memcpy(text_bytes[i], &job, sizeof job);
        memcpy(texts[i].salt, &job, sizeof job);
        dr_store_text_hash(texts[i].salt, texts[i].text, TEXT_BYTES, texts[i].hash);
        retries[i].user = 1;
        retries[i].job_first = job;
        retries[i].jobs = 1;
        retries[i].time_us = batch.time_us;
        snprintf(retries[i].key, sizeof retries[i].key, "%016llx",
                 (unsigned long long)dr_hash_u64(job));
    }
    batch.payload_bytes = used;
    return batch;
}

static void remove_store(const char *directory)
{
    static const char *const names[] = {DR_STORE_FILE, DR_STORE_FILE "-wal", DR_STORE_FILE "-shm",
                                        DR_STORE_MARK, DR_STORE_LOCK};
    char path[600];

    for (size_t i = 0; i < DR_COUNT_OF(names); i += 1) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        unlink(path);
    }
    rmdir(directory);
}

static void read_back(const char *directory, struct figures *figures)
{
    struct dr_store *store;
    struct dr_store_reader *reader;
    struct dr_store_read batch;
    struct dr_error error;
    int64_t began_us = dr_monotonic_us();
    int64_t opened_us;
    uint64_t bytes = 0;
    enum dr_status status = dr_store_open(&store, directory, DR_STORE_WRITE, &error);

    if (status == DR_OK)
        status = dr_store_reader_open(&reader, store, 0);
    if (status != DR_OK)
        fail("opening", status);
    opened_us = dr_monotonic_us();
    while ((status = dr_store_reader_next(reader, &batch, &error)) == DR_OK)
        bytes += batch.payload_bytes;
    if (status != DR_E_END)
        fail("reading", status);
    figures->open_ms = (double)(opened_us - began_us) / 1e3;
    figures->read_mb_per_s = (double)bytes / (double)(dr_monotonic_us() - opened_us + 1);
    dr_store_reader_close(reader);
    dr_store_close(store);
}

static struct figures measure(const struct load *load)
{
    char directory[500];
    struct dr_store *store;
    struct dr_error error;
    struct figures figures = {0};
    uint32_t batches = load->jobs / load->jobs_per_batch;
    double *took_ms = calloc(batches, sizeof *took_ms);
    struct dr_store_retry found;
    int64_t began_us;
    enum dr_status status;

    snprintf(directory, sizeof directory, "%s/daero-bench-XXXXXX", base);
    if (took_ms == NULL || mkdtemp(directory) == NULL)
        fail(directory, DR_E_IO);
    status = dr_store_open(&store, directory, DR_STORE_CREATE, &error);
    if (status != DR_OK)
        fail("creating", status);
    began_us = dr_monotonic_us();
    for (uint32_t i = 0; i < batches; i += 1) {
        struct dr_store_batch batch = make_batch(dr_store_seq(store) + 1, load);
        int64_t start_us = dr_monotonic_us();

        for (uint32_t j = 0; j < batch.retries_count; j += 1) {
            if (dr_store_retry_find(store, 1, retries[j].key, &found) != DR_E_MISSING)
                fail("a key that was never given", DR_E_EXISTS);
        }
        status = dr_store_append(store, &batch);
        if (status != DR_OK)
            fail(dr_store_failure(store), status);
        took_ms[i] = (double)(dr_monotonic_us() - start_us) / 1e3;
    }
    figures.jobs_per_s = (double)load->jobs * 1e6 / (double)(dr_monotonic_us() - began_us);
    qsort(took_ms, batches, sizeof *took_ms, compare_doubles);
    figures.p50_ms = took_ms[batches / 2];
    figures.p99_ms = took_ms[(uint64_t)batches * 99 / 100];
    figures.max_ms = took_ms[batches - 1];
    free(took_ms);
    dr_store_close(store);
    read_back(directory, &figures);
    remove_store(directory);
    return figures;
}

static void print_row(const char *what, double figure, const char *unit, double bar, int at_least)
{
    const char *json = getenv("JSON");
    int bound = bar > 0;
    int met = !bound || (at_least ? figure >= bar : figure <= bar);

    missed += !met;
    if (json != NULL && strcmp(json, "1") == 0) {
        printf("{\"bench\":\"store\",\"what\":\"%s\",\"figure\":%.2f,\"unit\":\"%s\"", what, figure,
               unit);
        if (bound)
            printf(",\"bar\":%.2f,\"verdict\":\"%s\"", bar, met ? "met" : "missed");
        printf("}\n");
        return;
    }
    if (bound)
        printf("%-58s %12.1f %-7s %s %9.0f  %s\n", what, figure, unit, at_least ? ">=" : "<=", bar,
               met ? "met" : "missed");
    else
        printf("%-58s %12.1f %-7s\n", what, figure, unit);
}

static double median_of(const struct figures *runs, int count, size_t offset)
{
    double values[RUNS_MAX];

    for (int i = 0; i < count; i += 1)
        memcpy(&values[i], (const char *)&runs[i] + offset, sizeof values[i]);
    qsort(values, (size_t)count, sizeof values[0], compare_doubles);
    return values[count / 2];
}

int main(int argument_count, char **arguments)
{
    static const struct load single = {.jobs_per_batch = 64, .jobs = 64000, .with_keys = 1};
    static const struct load batched = {.jobs_per_batch = 1000, .jobs = 300000};
    const char *strict = getenv("STRICT");
    const char *wanted = getenv("RUNS");
    struct figures runs[RUNS_MAX];
    int count = wanted == NULL ? 3 : (int)strtol(wanted, NULL, 10);

    if (getenv("TMPDIR") != NULL)
        base = getenv("TMPDIR");
    if (argument_count > 1)
        base = arguments[1];
    if (count < 1 || count > RUNS_MAX)
        count = 3;
#define MEDIAN(field) median_of(runs, count, offsetof(struct figures, field))
    for (int i = 0; i < count; i += 1)
        runs[i] = measure(&single);
    print_row("durable submits, batches of 64, each with a retry key", MEDIAN(jobs_per_s), "jobs/s",
              5000, 1);
    print_row("  one batch, p50", MEDIAN(p50_ms), "ms", 0, 0);
    print_row("  one batch, p99", MEDIAN(p99_ms), "ms", 50, 0);
    print_row("  one batch, slowest", MEDIAN(max_ms), "ms", 0, 0);
    for (int i = 0; i < count; i += 1)
        runs[i] = measure(&batched);
    print_row("durable submits, batches of 1,000", MEDIAN(jobs_per_s), "jobs/s", 50000, 1);
    print_row("  one batch, p50", MEDIAN(p50_ms), "ms", 0, 0);
    print_row("  one batch, p99", MEDIAN(p99_ms), "ms", 0, 0);
    print_row("  one batch, slowest", MEDIAN(max_ms), "ms", 0, 0);
    print_row("open a store of 300,000 jobs", MEDIAN(open_ms), "ms", 0, 0);
    print_row("read it back, chain checked", MEDIAN(read_mb_per_s), "MB/s", 0, 0);
    return strict != NULL && strcmp(strict, "1") == 0 && missed > 0 ? 1 : 0;
}
