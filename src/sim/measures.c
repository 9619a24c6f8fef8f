/* SPDX-License-Identifier: Apache-2.0 */
/* Counting. See measures.h; what it comes to is said by measures_json.c and measures_csv.c. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/math.h"
#include "core/state.h"
#include "sim/tally.h"

/* Bounded slowdown: shorter jobs count as ten seconds long (Feitelson et al., JSSPP 1997). */
#define BOUND_US (10 * DR_SECOND_US)

const char *const DR_SIZE_NAMES[DR_SIZES] = {"0", "shares", "1-7", "8-63", "64-511", "512+"};
static const int64_t SIZE_FROM_MILLI[DR_SIZES] = {0, 1, 1000, 8000, 64000, 512000};

const char *const DR_JOB_CLASS_NAMES[DR_JOB_CLASSES] = {
#define DR_NAME(name, text) #name,
    DR_JOB_CLASS_LIST(DR_NAME)
#undef DR_NAME
};

const char *const DR_TIME_NAMES[DR_TIMES] = {"wait_s", "turnaround_s", "bounded_slowdown"};

const int64_t DR_WAIT_EDGES_S[DR_WAIT_EDGES] = {0,    1,     10,    60,    300,   900,    1800,
                                                3600, 10800, 21600, 43200, 86400, 259200, 604800};

struct dr_measures *dr_measures_open(const struct dr_core *core, int64_t from_us)
{
    struct dr_measures *measures = calloc(1, sizeof *measures);

    DR_ASSERT(measures != NULL);
    measures->core = core;
    measures->first_us = from_us;
    measures->first_submit_us = INT64_MAX;
    measures->last_end_us = INT64_MIN;
    dr_series_init(&measures->series, core, from_us);
    dr_guarantees_init(&measures->guarantees, core);
    return measures;
}

void dr_measures_close(struct dr_measures *measures)
{
    if (measures == NULL)
        return;
    dr_series_deinit(&measures->series);
    dr_guarantees_deinit(&measures->guarantees);
    free(measures->ended);
    free(measures);
}

/* ---- what is fed ---- */

void dr_measures_level(struct dr_measures *measures, int64_t now_us,
                       const struct dr_measures_level *level)
{
    dr_series_level(&measures->series, now_us, level);
    if (now_us < measures->first_us)
        return;
    if (level->pending > measures->pending_most)
        measures->pending_most = level->pending;
    measures->held_most_milli = dr_max_i64(measures->held_most_milli, level->held_milli);
    measures->capacity_most_milli =
        dr_max_i64(measures->capacity_most_milli, level->capacity_milli);
}

struct dr_asked dr_measures_submitted(struct dr_measures *measures, int64_t now_us,
                                      uint32_t job_row)
{
    const struct dr_job *job = &measures->core->jobs[job_row];

    dr_series_move(&measures->series, now_us, job->account.v - 1, DR_ROW_NONE, 0,
                   dr_asked_milli(measures->core, job));
    return dr_guarantees_submitted(&measures->guarantees, now_us, job_row);
}

void dr_measures_waits(struct dr_measures *measures, int64_t now_us, uint32_t job_row,
                       struct dr_asked asked, int sign)
{
    const struct dr_job *job = &measures->core->jobs[job_row];

    dr_series_move(&measures->series, now_us, job->account.v - 1, DR_ROW_NONE, 0,
                   sign * dr_asked_milli(measures->core, job));
    dr_guarantees_waits(&measures->guarantees, job_row, asked, sign);
}

void dr_measures_holds(struct dr_measures *measures, int64_t now_us, uint32_t job_row, int sign)
{
    const struct dr_core *core = measures->core;
    const struct dr_job *job = &core->jobs[job_row];
    int64_t milli = dr_job_holds(core, job).of[DR_RESOURCE_ACCELERATORS];

    dr_series_move(&measures->series, now_us, job->account.v - 1,
                   core->pools[dr_job_run(core, job)->pool.v - 1].site.v - 1, sign * milli, 0);
}

void dr_measures_attempt(struct dr_measures *measures, const struct dr_measures_attempt *attempt)
{
    int64_t counted_us =
        dr_min_i64(attempt->ran_us, attempt->end_us - measures->first_us); /* after the warm-up */

    if (counted_us < 0)
        return;
    measures->attempts += 1;
    measures->preemptions += attempt->outcome == DR_SCHEDULE_preempted;
    measures->node_losses += attempt->outcome == DR_SCHEDULE_node_fail;
    measures->used += (__int128)attempt->accelerators_milli * counted_us;
    measures->lost +=
        (__int128)attempt->accelerators_milli * dr_min_i64(attempt->lost_us, counted_us);
}

static uint8_t size_of(int64_t milli)
{
    uint8_t size = DR_SIZES - 1;

    while (milli < SIZE_FROM_MILLI[size])
        size -= 1;
    return size;
}

enum dr_job_class dr_job_class_of(const struct dr_core *core, uint32_t job_row)
{
    const struct dr_job *job = &core->jobs[job_row];
    const struct dr_terms *terms = dr_job_terms(core, job);
    const struct dr_shape *shape = &core->shapes[job->shape];

    if (!terms->preemptible)
        return DR_JOB_CLASS_firm;
    if (terms->flexible)
        return DR_JOB_CLASS_flexible;
    if (terms->deadline_us != 0)
        return DR_JOB_CLASS_deadline;
    if (shape->sizes > 0)
        return DR_JOB_CLASS_elastic;
    return shape->alternatives[0].tasks > 1 ? DR_JOB_CLASS_gang : DR_JOB_CLASS_single;
}

static struct dr_ended *push_ended(struct dr_measures *measures)
{
    if (measures->ended_count == measures->ended_max) {
        measures->ended_max = measures->ended_max == 0 ? 4096 : 2 * measures->ended_max;
        measures->ended = realloc(measures->ended, measures->ended_max * sizeof measures->ended[0]);
        DR_ASSERT(measures->ended != NULL);
    }
    measures->ended_count += 1;
    return &measures->ended[measures->ended_count - 1];
}

static void count_delay(struct dr_measures *measures, const struct dr_measures_job *job)
{
    int64_t until_us = job->first_start_us == INT64_MIN ? job->end_us : job->first_start_us;

    if (job->asked_within)
        dr_guarantees_delay(&measures->guarantees, until_us - job->submit_us);
}

void dr_measures_job(struct dr_measures *measures, const struct dr_measures_job *job)
{
    struct dr_ended *ended;

    if (job->submit_us < measures->first_us)
        return;
    measures->outcomes[job->outcome] += 1;
    measures->first_submit_us = dr_min_i64(measures->first_submit_us, job->submit_us);
    if (job->deadline_us != INT64_MIN) {
        measures->deadlines += 1;
        measures->deadlines_missed +=
            job->outcome != DR_SCHEDULE_completed || job->end_us > job->deadline_us;
    }
    count_delay(measures, job);
    ended = push_ended(measures);
    *ended = (struct dr_ended){.wait_us = INT64_MIN,
                               .turnaround_us = INT64_MIN,
                               .alone_us = INT64_MIN,
                               .account = job->account,
                               .size = size_of(job->accelerators_milli),
                               .job_class = (uint8_t)job->job_class};
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

/* ---- what it comes to ---- */

static void end(struct dr_measures *measures, const struct dr_measures_about *about)
{
    if (measures->is_over)
        return;
    dr_series_close_bins(&measures->series, about->until_us);
    measures->is_over = 1;
}

static int64_t hours_of(__int128 milli_us)
{
    return (int64_t)(milli_us / 3600000);
}

void dr_tally_sums(struct dr_measures *measures, const struct dr_measures_about *about,
                   struct dr_sum sums[DR_SUMS])
{
    const struct dr_series *series = &measures->series;
    int64_t span_us = dr_max_i64(0, about->until_us - about->from_us);
    __int128 capacity;
    int64_t energy_j = 0;
    int64_t cost_micro = 0;

    end(measures, about);
    capacity = dr_line_sum(&series->capacity);
    for (uint32_t row = 0; row < measures->core->accounts_count; row += 1) {
        energy_j += measures->core->accounts[row].energy_j;
        cost_micro += measures->core->accounts[row].cost_micro;
    }
    const struct dr_sum list[DR_SUMS] = {
        {"jobs", (int64_t)about->jobs, 1},
        {"bad_rows", (int64_t)about->bad_rows, 1},
        {"refused", (int64_t)measures->refused, 1},
        {"attempts", (int64_t)measures->attempts, 1},
        {"span_s", span_us, 0},
        {"makespan_s",
         measures->last_end_us == INT64_MIN ? 0 : measures->last_end_us - measures->first_submit_us,
         0},
        {"allocated", dr_millionths(dr_line_sum(&series->held), capacity), 0},
        {"allocated_most", dr_millionths(measures->held_most_milli, measures->capacity_most_milli),
         0},
        {"allocated_cpus",
         dr_millionths(dr_line_sum(&series->cpus_held), dr_line_sum(&series->cpus_capacity)), 0},
        {"pending_mean", dr_millionths(dr_line_sum(&series->pending), span_us), 0},
        {"pending_most", (int64_t)measures->pending_most, 1},
        {"goodput", dr_millionths(measures->used - measures->lost, capacity), 0},
        {"accelerator_hours", hours_of(measures->used), 0},
        {"lost_accelerator_hours", hours_of(measures->lost), 0},
        {"preemptions", (int64_t)measures->preemptions, 1},
        {"node_losses", (int64_t)measures->node_losses, 1},
        {"deadlines", (int64_t)measures->deadlines, 1},
        {"deadlines_missed", (int64_t)measures->deadlines_missed, 1},
        {"energy_j", energy_j, 1},
        {"energy_cost", cost_micro, 0},
    };
    memcpy(sums, list, sizeof list);
}

static int64_t slowdown_of(const struct dr_ended *ended)
{
    return dr_max_i64(1000000, dr_mul_div_floor(ended->turnaround_us, 1000000,
                                                dr_max_i64(ended->alone_us, BOUND_US)));
}

static int is_of(const struct dr_ended *ended, uint32_t size, uint32_t job_class)
{
    return (size == DR_SIZES || ended->size == size) &&
           (job_class == DR_JOB_CLASSES || ended->job_class == job_class);
}

uint64_t dr_tally_count(const struct dr_measures *measures, uint32_t size, uint32_t job_class)
{
    uint64_t count = 0;

    for (uint64_t i = 0; i < measures->ended_count; i += 1)
        count += is_of(&measures->ended[i], size, job_class) ? 1 : 0;
    return count;
}

void dr_tally_times(const struct dr_ended *list, uint64_t count, uint32_t size, uint32_t job_class,
                    int64_t *values, struct dr_spread times[DR_TIMES])
{
    for (uint32_t time = 0; time < DR_TIMES; time += 1) {
        uint64_t found = 0;

        for (uint64_t i = 0; i < count; i += 1) {
            const struct dr_ended *ended = &list[i];
            int64_t value = time == 0   ? ended->wait_us
                            : time == 1 ? ended->turnaround_us
                                        : ended->alone_us;

            if (!is_of(ended, size, job_class) || value == INT64_MIN)
                continue;
            values[found] = time == 2 ? slowdown_of(ended) : value;
            found += 1;
        }
        times[time] = dr_spread_of(values, found);
    }
}

static int compare_accounts(const void *a, const void *b)
{
    const struct dr_ended *x = a;
    const struct dr_ended *y = b;

    return x->account < y->account ? -1 : x->account > y->account;
}

void dr_tally_sort(struct dr_measures *measures)
{
    if (measures->ended_count > 0)
        qsort(measures->ended, measures->ended_count, sizeof measures->ended[0], compare_accounts);
}

uint64_t dr_tally_last_of(const struct dr_measures *measures, uint64_t from)
{
    uint64_t until = from;

    while (until < measures->ended_count &&
           measures->ended[until].account == measures->ended[from].account)
        until += 1;
    return until;
}

void dr_tally_waits(const struct dr_measures *measures, uint64_t jobs[DR_WAIT_EDGES])
{
    memset(jobs, 0, DR_WAIT_EDGES * sizeof jobs[0]);
    for (uint64_t i = 0; i < measures->ended_count; i += 1) {
        int64_t wait_us = measures->ended[i].wait_us;
        uint32_t edge = DR_WAIT_EDGES - 1;

        if (wait_us == INT64_MIN)
            continue;
        while (wait_us < DR_WAIT_EDGES_S[edge] * DR_SECOND_US)
            edge -= 1;
        jobs[edge] += 1;
    }
}

struct dr_spread dr_tally_delays(struct dr_measures *measures)
{
    return dr_spread_of(measures->guarantees.delays_us, measures->guarantees.count);
}

void dr_measures_series_csv(struct dr_measures *measures, const struct dr_measures_about *about,
                            struct dr_buffer *out)
{
    end(measures, about);
    dr_series_csv(&measures->series, about->base_us, out);
}
