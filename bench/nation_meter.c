/* SPDX-License-Identifier: Apache-2.0 */
#include "nation_meter.h"

#include <linux/perf_event.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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

int64_t meter_option(const char *name, int64_t otherwise)
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

struct meter meter = {.counter = -1};

static int64_t began_ns;
static uint64_t began_instructions;

int64_t meter_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Processor time of this thread: what else runs on the machine doesn't count. */
static int64_t processor_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static uint64_t read_counter(void)
{
    uint64_t value = 0;

    if (meter.counter >= 0 && read(meter.counter, &value, sizeof value) != sizeof value)
        return 0;
    return value;
}

void meter_open(void)
{
    struct perf_event_attr attributes = {.type = PERF_TYPE_HARDWARE,
                                         .size = sizeof attributes,
                                         .config = PERF_COUNT_HW_INSTRUCTIONS,
                                         .exclude_kernel = 1,
                                         .exclude_hv = 1};

    meter.counter = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
    meter.callgrind = HAS_CALLGRIND && getenv("CALLGRIND") != NULL;
    meter.samples = calloc(METER_SAMPLES_MAX, sizeof meter.samples[0]);
    if (meter.samples == NULL)
        nation_fail("out of memory");
}

void meter_begin(void)
{
    began_instructions = read_counter();
    began_ns = processor_ns();
    if (meter.callgrind)
        CALLGRIND_TOGGLE_COLLECT;
}

double meter_end(void)
{
    int64_t took;

    if (meter.callgrind)
        CALLGRIND_TOGGLE_COLLECT;
    took = processor_ns() - began_ns;
    meter.spent_ns += took;
    meter.spent_instructions += read_counter() - began_instructions;
    return (double)took;
}

void meter_sample(double value)
{
    if (meter.samples_count < METER_SAMPLES_MAX)
        meter.samples[meter.samples_count++] = value;
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

double meter_quantile(double part)
{
    if (meter.samples_count == 0)
        return 0;
    qsort(meter.samples, meter.samples_count, sizeof meter.samples[0], compare_doubles);
    return meter.samples[(uint32_t)((double)(meter.samples_count - 1) * part + 0.5)];
}

/* ---- from a scene to the table ---- */

static void say(const char *format, ...) DR_PRINTF(1, 2);

static void say(const char *format, ...)
{
    char text[METER_KEY_BYTES + METER_NOTE_BYTES + 128];
    va_list arguments;
    int bytes;

    va_start(arguments, format);
    bytes = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (write(METER_REPORT_FD, text, (size_t)bytes) != bytes)
        exit(3);
}

void meter_row_begins(const char *key)
{
    say("begin %s\n", key);
    meter.spent_ns = 0;
    meter.spent_instructions = 0;
    meter.samples_count = 0;
    if (meter.callgrind)
        CALLGRIND_START_INSTRUMENTATION;
}

void meter_row_ends(const char *key, double value, double ops, const char *format, ...)
{
    char note[METER_NOTE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    dr_format_list(note, sizeof note, format, arguments);
    va_end(arguments);
    if (meter.callgrind && ops > 0)
        CALLGRIND_DUMP_STATS_AT(key);
    say("row %s %.17g %.17g %llu %s\n", key, value, ops,
        (unsigned long long)meter.spent_instructions, note);
}
