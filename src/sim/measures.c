/* SPDX-License-Identifier: Apache-2.0 */
/* See measures.h. */
#include "sim/measures.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/math.h"
#include "base/text.h"
#include "core/state.h"

/* Bounded slowdown: shorter jobs count as ten seconds long (Feitelson et al., JSSPP 1997). */
#define BOUND_US (10 * DR_SECOND_US)
/* Classes of size: from so many accelerators on. */
#define SIZES 6

static const struct {
    const char *name;
    int64_t from_milli;
} SIZE_NAMES[SIZES] = {{"0", 0},       {"shares", 1},     {"1-7", 1000},
                       {"8-63", 8000}, {"64-511", 64000}, {"512+", 512000}};

struct ended {
    int64_t wait_us; /* to the first start; INT64_MIN: it never started */
    int64_t turnaround_us;
    int64_t alone_us; /* INT64_MIN: it did not complete */
    uint32_t account;
    uint32_t size;
};

struct dr_measures {
    struct ended *ended;
    uint64_t ended_count;
    uint64_t ended_max;
    struct dr_measures_level level;
    int64_t level_us; /* since when */
    int64_t first_us; /* of the first level */
    /* integrals over time: thousandths of an accelerator, or jobs, times microseconds */
    __int128 held;
    __int128 capacity;
    __int128 cpus_held;
    __int128 cpus_capacity;
    __int128 pending;
    __int128 busy_us; /* somebody held or waited */
    uint64_t pending_most;
    int64_t held_most_milli;
    __int128 used; /* by attempts that ended */
    __int128 lost; /* of that */
    uint64_t outcomes[7];
    uint64_t preemptions;
    uint64_t node_losses;
    uint64_t attempts;
    uint64_t refused;
    uint64_t deadlines;
    uint64_t deadlines_missed;
    int64_t first_submit_us;
    int64_t last_end_us;
};

struct dr_measures *dr_measures_open(int64_t from_us)
{
    struct dr_measures *measures = calloc(1, sizeof *measures);

    DR_ASSERT(measures != NULL);
    measures->level_us = from_us;
    measures->first_us = from_us;
    measures->first_submit_us = INT64_MAX;
    measures->last_end_us = INT64_MIN;
    return measures;
}

void dr_measures_close(struct dr_measures *measures)
{
    if (measures == NULL)
        return;
    free(measures->ended);
    free(measures);
}

void dr_measures_level(struct dr_measures *measures, int64_t now_us,
                       const struct dr_measures_level *level)
{
    const struct dr_measures_level *was = &measures->level;
    int64_t span_us = now_us - dr_max_i64(measures->level_us, measures->first_us);

    if (span_us > 0) {
        measures->held += (__int128)was->held_milli * span_us;
        measures->capacity += (__int128)was->capacity_milli * span_us;
        measures->cpus_held += (__int128)was->cpus_held * span_us;
        measures->cpus_capacity += (__int128)was->cpus_capacity * span_us;
        measures->pending += (__int128)was->pending * span_us;
        if (was->pending > 0 || was->running > 0)
            measures->busy_us += span_us;
    }
    measures->level = *level;
    measures->level_us = now_us;
    if (now_us < measures->first_us)
        return;
    if (level->pending > measures->pending_most)
        measures->pending_most = level->pending;
    measures->held_most_milli = dr_max_i64(measures->held_most_milli, level->held_milli);
}

void dr_measures_attempt(struct dr_measures *measures, const struct dr_measures_attempt *attempt)
{
    measures->attempts += 1;
    measures->preemptions += attempt->outcome == DR_SCHEDULE_preempted;
    measures->node_losses += attempt->outcome == DR_SCHEDULE_node_fail;
    measures->used += (__int128)attempt->accelerators_milli * attempt->ran_us;
    measures->lost += (__int128)attempt->accelerators_milli * attempt->lost_us;
}

static uint32_t size_of(int64_t milli)
{
    uint32_t size = SIZES - 1;

    while (milli < SIZE_NAMES[size].from_milli)
        size -= 1;
    return size;
}

void dr_measures_job(struct dr_measures *measures, const struct dr_measures_job *job)
{
    struct ended *ended;

    if (job->submit_us < measures->first_us)
        return;
    measures->outcomes[job->outcome] += 1;
    measures->first_submit_us = dr_min_i64(measures->first_submit_us, job->submit_us);
    if (job->deadline_us != INT64_MIN) {
        measures->deadlines += 1;
        measures->deadlines_missed +=
            job->outcome != DR_SCHEDULE_completed || job->end_us > job->deadline_us;
    }
    if (measures->ended_count == measures->ended_max) {
        measures->ended_max = measures->ended_max == 0 ? 4096 : 2 * measures->ended_max;
        measures->ended = realloc(measures->ended, measures->ended_max * sizeof measures->ended[0]);
        DR_ASSERT(measures->ended != NULL);
    }
    ended = &measures->ended[measures->ended_count];
    measures->ended_count += 1;
    *ended = (struct ended){.wait_us = INT64_MIN,
                            .turnaround_us = INT64_MIN,
                            .alone_us = INT64_MIN,
                            .account = job->account,
                            .size = size_of(job->accelerators_milli)};
    if (job->first_start_us != INT64_MIN)
        ended->wait_us = job->first_start_us - job->submit_us;
    if (job->outcome == DR_SCHEDULE_unfinished)
        return;
    measures->last_end_us = dr_max_i64(measures->last_end_us, job->end_us);
    if (job->first_start_us != INT64_MIN)
        ended->turnaround_us = job->end_us - job->submit_us;
    if (job->outcome == DR_SCHEDULE_completed)
        ended->alone_us = job->alone_us;
}

void dr_measures_refused(struct dr_measures *measures)
{
    measures->refused += 1;
}

/* ---- in JSON ---- */

static int compare_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* Millionths with up to six places. */
static void put_millionths(struct dr_buffer *out, int64_t value)
{
    char text[DR_TEXT_BYTES];
    int64_t whole = value < 0 ? -value : value;
    int64_t rest = whole % 1000000;
    int places = 6;

    for (; rest != 0 && rest % 10 == 0; rest /= 10)
        places -= 1;
    if (rest == 0)
        dr_format(text, sizeof text, "%s%lld", value < 0 ? "-" : "", (long long)(whole / 1000000));
    else
        dr_format(text, sizeof text, "%s%lld.%0*lld", value < 0 ? "-" : "",
                  (long long)(whole / 1000000), places, (long long)rest);
    dr_buffer_append_text(out, text);
}

/* part / whole in millionths; 0 for none. */
static int64_t millionths(__int128 part, __int128 whole)
{
    return whole == 0 ? 0 : (int64_t)(part * 1000000 / whole);
}

static void put_ratio(struct dr_buffer *out, const char *name, __int128 part, __int128 whole)
{
    dr_buffer_printf(out, "\"%s\":", name);
    put_millionths(out, millionths(part, whole));
}

/* Mean and percentiles (the least value that so many do not pass) of `values`, which are sorted. */
static void put_spread(struct dr_buffer *out, const char *name, int64_t *values, uint64_t count)
{
    static const struct {
        const char *name;
        uint32_t percent;
    } parts[] = {{"p50", 50}, {"p90", 90}, {"p95", 95}, {"p99", 99}};
    __int128 sum = 0;

    qsort(values, count, sizeof values[0], compare_i64);
    for (uint64_t i = 0; i < count; i += 1)
        sum += values[i];
    dr_buffer_printf(out, "\"%s\":{\"count\":%" PRIu64 ",\"mean\":", name, count);
    put_millionths(out, count == 0 ? 0 : (int64_t)(sum / (__int128)count));
    for (uint32_t i = 0; i < DR_COUNT_OF(parts); i += 1) {
        uint64_t at = (count * parts[i].percent + 99) / 100;

        dr_buffer_printf(out, ",\"%s\":", parts[i].name);
        put_millionths(out, count == 0 ? 0 : values[at == 0 ? 0 : at - 1]);
    }
    dr_buffer_append_text(out, ",\"max\":");
    put_millionths(out, count == 0 ? 0 : values[count - 1]);
    dr_buffer_append_text(out, "}");
}

/* Waits, turnarounds and slowdowns of those of a size; SIZES: of all. `values` [count] scratch. */
static void put_times(struct dr_buffer *out, const struct ended *list, uint64_t list_count,
                      uint32_t size, int64_t *values)
{
    uint64_t count = 0;

    for (uint64_t i = 0; i < list_count; i += 1)
        if ((size == SIZES || list[i].size == size) && list[i].wait_us != INT64_MIN)
            values[count++] = list[i].wait_us;
    put_spread(out, "wait_s", values, count);
    count = 0;
    for (uint64_t i = 0; i < list_count; i += 1)
        if ((size == SIZES || list[i].size == size) && list[i].turnaround_us != INT64_MIN)
            values[count++] = list[i].turnaround_us;
    dr_buffer_append_text(out, ",");
    put_spread(out, "turnaround_s", values, count);
    count = 0;
    for (uint64_t i = 0; i < list_count; i += 1)
        if ((size == SIZES || list[i].size == size) && list[i].alone_us != INT64_MIN)
            values[count++] =
                dr_max_i64(1000000, dr_mul_div_floor(list[i].turnaround_us, 1000000,
                                                     dr_max_i64(list[i].alone_us, BOUND_US)));
    dr_buffer_append_text(out, ",");
    put_spread(out, "bounded_slowdown", values, count);
}

static void put_sizes(const struct dr_measures *measures, struct dr_buffer *out, int64_t *values)
{
    const char *comma = "";
    uint8_t seen[SIZES] = {0};

    for (uint64_t i = 0; i < measures->ended_count; i += 1)
        seen[measures->ended[i].size] = 1;
    dr_buffer_append_text(out, ",\"by_size\":{");
    for (uint32_t size = 0; size < SIZES; size += 1) {
        if (!seen[size])
            continue;
        dr_buffer_printf(out, "%s\"%s\":{", comma, SIZE_NAMES[size].name);
        put_times(out, measures->ended, measures->ended_count, size, values);
        dr_buffer_append_text(out, "}");
        comma = ",";
    }
    dr_buffer_append_text(out, "}");
}

static int compare_accounts(const void *a, const void *b)
{
    const struct ended *x = a;
    const struct ended *y = b;

    return x->account < y->account ? -1 : x->account > y->account;
}

/* Sorts the jobs: those of an account then lie in a row, in an order that no figure depends on. */
static void put_accounts(struct dr_measures *measures, const struct dr_core *core,
                         struct dr_buffer *out, int64_t *values)
{
    const char *comma = "";

    if (measures->ended_count > 0)
        qsort(measures->ended, measures->ended_count, sizeof measures->ended[0], compare_accounts);
    dr_buffer_append_text(out, ",\"by_account\":{");
    for (uint64_t from = 0; from < measures->ended_count;) {
        uint32_t id = measures->ended[from].account;
        const struct dr_account *account = &core->accounts[id - 1];
        uint64_t until = from;

        while (until < measures->ended_count && measures->ended[until].account == id)
            until += 1;
        dr_buffer_printf(out, "%s\"%s\":{\"accelerator_hours\":", comma, account->name);
        put_millionths(out, dr_mul_div_floor(account->accelerator_ms, 1000, 3600));
        dr_buffer_printf(out, ",\"energy_j\":%" PRId64 ",\"energy_cost\":", account->energy_j);
        put_millionths(out, account->cost_micro);
        dr_buffer_append_text(out, ",");
        put_times(out, measures->ended + from, until - from, SIZES, values);
        dr_buffer_append_text(out, "}");
        comma = ",";
        from = until;
    }
    dr_buffer_append_text(out, "}");
}

static void put_sums(const struct dr_measures *measures, const struct dr_core *core,
                     const struct dr_measures_about *about, struct dr_buffer *out)
{
    int64_t span_us = about->until_us - about->from_us;
    int64_t energy_j = 0;
    int64_t cost_micro = 0;
    const char *comma = "";

    for (uint32_t row = 0; row < core->accounts_count; row += 1) {
        energy_j += core->accounts[row].energy_j;
        cost_micro += core->accounts[row].cost_micro;
    }
    dr_buffer_printf(out,
                     "\"jobs\":%" PRIu64 ",\"bad_rows\":%" PRIu64 ",\"refused\":%" PRIu64
                     ",\"attempts\":%" PRIu64 ",\"outcomes\":{",
                     about->jobs, about->bad_rows, measures->refused, measures->attempts);
    for (int i = 0; i < 7; i += 1) {
        if (measures->outcomes[i] == 0)
            continue;
        dr_buffer_printf(out, "%s\"%s\":%" PRIu64, comma,
                         dr_schedule_outcome_name((enum dr_schedule_outcome)i),
                         measures->outcomes[i]);
        comma = ",";
    }
    dr_buffer_append_text(out, "},\"span_s\":");
    put_millionths(out, span_us);
    dr_buffer_append_text(out, ",\"makespan_s\":");
    put_millionths(out, measures->last_end_us == INT64_MIN
                            ? 0
                            : measures->last_end_us - measures->first_submit_us);
    dr_buffer_append_text(out, ",");
    put_ratio(out, "allocated", measures->held, measures->capacity);
    dr_buffer_append_text(out, ",");
    put_ratio(out, "allocated_most", measures->held_most_milli, measures->level.capacity_milli);
    dr_buffer_append_text(out, ",");
    put_ratio(out, "allocated_cpus", measures->cpus_held, measures->cpus_capacity);
    dr_buffer_append_text(out, ",");
    put_ratio(out, "pending_mean", measures->pending, span_us);
    dr_buffer_printf(out, ",\"pending_most\":%" PRIu64 ",", measures->pending_most);
    put_ratio(out, "goodput", measures->used - measures->lost, measures->capacity);
    dr_buffer_append_text(out, ",\"accelerator_hours\":");
    put_millionths(out, (int64_t)(measures->used / 3600000));
    dr_buffer_append_text(out, ",\"lost_accelerator_hours\":");
    put_millionths(out, (int64_t)(measures->lost / 3600000));
    dr_buffer_printf(out,
                     ",\"preemptions\":%" PRIu64 ",\"node_losses\":%" PRIu64
                     ",\"deadlines\":%" PRIu64 ",\"deadlines_missed\":%" PRIu64
                     ",\"energy_j\":%" PRId64 ",\"energy_cost\":",
                     measures->preemptions, measures->node_losses, measures->deadlines,
                     measures->deadlines_missed, energy_j);
    put_millionths(out, cost_micro);
    dr_buffer_append_text(out, ",");
}

void dr_measures_json(struct dr_measures *measures, const struct dr_core *core,
                      const struct dr_measures_about *about, struct dr_buffer *out)
{
    int64_t *values = calloc(measures->ended_count + 1, sizeof values[0]);
    char from[DR_TEXT_BYTES];
    char until[DR_TEXT_BYTES];

    DR_ASSERT(values != NULL);
    dr_buffer_printf(out, "{\"from\":\"%s\",\"until\":\"%s\",",
                     dr_format_instant(about->from_us, from),
                     dr_format_instant(about->until_us, until));
    put_sums(measures, core, about, out);
    put_times(out, measures->ended, measures->ended_count, SIZES, values);
    put_sizes(measures, out, values);
    put_accounts(measures, core, out, values);
    dr_buffer_printf(out,
                     ",\"facts\":%" PRIu64 ",\"decisions\":%" PRIu64 ",\"state_hash\":\"%016" PRIx64
                     "\",\"interrupted\":%s}",
                     about->facts, about->decisions, about->state_hash,
                     about->interrupted ? "true" : "false");
    free(values);
}
