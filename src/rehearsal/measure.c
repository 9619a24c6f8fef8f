/* SPDX-License-Identifier: Apache-2.0 */
#include "rehearsal/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/math.h"
#include "base/sort.h"

#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)
#define HOUR          3600e6

struct job {
    int64_t first_start_us; /* INT64_MAX: none yet */
    int64_t waits_from_us;  /* INT64_MAX: it runs, or is over */
    __int128 kept;          /* work that is done for good, as dr_drawn_work() counts it */
};

struct dr_measuring {
    const struct dr_drawn *drawn;
    const struct dr_fleet *fleet;
    int64_t from_us, until_us;
    struct job *jobs; /* [drawn->count] */
    __int128 done[DR_PLAN_SECTORS_MAX];
    __int128 held[DR_PLAN_SECTORS_MAX], lost[DR_PLAN_SECTORS_MAX]; /* milli-accelerators * us */
    /* Work times how long it waited in the window's first and last quarter: hours. */
    double before[DR_PLAN_SECTORS_MAX], after[DR_PLAN_SECTORS_MAX];
};

struct dr_measuring *dr_measuring_open(const struct dr_drawn *drawn, const struct dr_fleet *fleet,
                                       int64_t from_us, int64_t until_us)
{
    struct dr_measuring *measuring = calloc(1, sizeof *measuring);

    DR_ASSERT(measuring != NULL);
    measuring->drawn = drawn;
    measuring->fleet = fleet;
    measuring->from_us = from_us;
    measuring->until_us = until_us;
    measuring->jobs = calloc((size_t)drawn->count + 1, sizeof measuring->jobs[0]);
    DR_ASSERT(measuring->jobs != NULL);
    FOR(i, drawn->count)
        measuring->jobs[i] =
            (struct job){.first_start_us = INT64_MAX, .waits_from_us = drawn->jobs[i].submit_us};
    return measuring;
}

void dr_measuring_close(struct dr_measuring *measuring)
{
    if (measuring == NULL)
        return;
    free(measuring->jobs);
    free(measuring);
}

/* Of two intervals, what they have in common. */
static int64_t common_us(int64_t start_us, int64_t end_us, int64_t from_us, int64_t until_us)
{
    return dr_max_i64(0, dr_min_i64(end_us, until_us) - dr_max_i64(start_us, from_us));
}

static int64_t within(const struct dr_measuring *measuring, int64_t start_us, int64_t end_us)
{
    return common_us(start_us, end_us, measuring->from_us, measuring->until_us);
}

/* A job has waited until then. */
static void waited(struct dr_measuring *measuring, uint32_t number, int64_t until_us)
{
    const struct dr_drawn_job *drawn = &measuring->drawn->jobs[number];
    const struct job *job = &measuring->jobs[number];
    int64_t quarter_us = (measuring->until_us - measuring->from_us) / 4;
    double work = (double)(dr_drawn_work(measuring->fleet, drawn) - job->kept);
    int64_t first_us = common_us(job->waits_from_us, until_us, measuring->from_us,
                                 measuring->from_us + quarter_us);
    int64_t last_us = common_us(job->waits_from_us, until_us, measuring->until_us - quarter_us,
                                measuring->until_us);

    measuring->before[drawn->sector] += work * (double)first_us / (double)quarter_us;
    measuring->after[drawn->sector] += work * (double)last_us / (double)quarter_us;
}

void dr_measuring_ran(struct dr_measuring *measuring, uint32_t chip, const struct dr_sim_ran *ran)
{
    const struct dr_drawn_job *drawn = &measuring->drawn->jobs[ran->job - 1];
    struct job *job = &measuring->jobs[ran->job - 1];
    uint32_t k = drawn->sector;
    int64_t speed_micro = measuring->fleet->inputs->sectors[k].speed_micro[chip];
    /* One that fails, or that its limit ends, has done what it was going to do. */
    int loses = ran->waits_again || ran->outcome == DR_SCHEDULE_completed;
    int64_t useful_us = ran->end_us - (loses ? ran->lost_us : 0);
    __int128 each = (__int128)(ran->accelerators_milli / 1000) * speed_micro; /* a microsecond */

    waited(measuring, (uint32_t)(ran->job - 1), ran->start_us);
    job->first_start_us = dr_min_i64(job->first_start_us, ran->start_us);
    job->waits_from_us = ran->waits_again ? ran->end_us : INT64_MAX;
    job->kept += (useful_us - ran->start_us) * each;
    measuring->done[k] += within(measuring, ran->start_us, useful_us) * each;
    measuring->held[k] +=
        (__int128)within(measuring, ran->start_us, ran->end_us) * ran->accelerators_milli;
    measuring->lost[k] +=
        (__int128)within(measuring, useful_us, ran->end_us) * ran->accelerators_milli;
}

static int by_length(const void *a, const void *b, const void *context)
{
    const int64_t *x = a, *y = b;

    (void)context;
    return *x < *y ? -1 : *x > *y;
}

/* Waits [count] of one sector. */
static void spread(struct dr_measured *measured, int64_t *waits, uint32_t count)
{
    double sum = 0;

    measured->jobs = count;
    if (count == 0)
        return;
    dr_sort(waits, count, sizeof waits[0], by_length, NULL);
    FOR(i, count)
        sum += (double)waits[i];
    measured->wait_mean_s = sum / count / 1e6;
    measured->wait_p50_s = (double)waits[(count - 1) / 2] / 1e6;
    measured->wait_p95_s = (double)waits[(uint32_t)((uint64_t)(count - 1) * 95 / 100)] / 1e6;
}

static void end_sector(struct dr_measuring *measuring, uint32_t k, int64_t *waits,
                       struct dr_measured *measured)
{
    const struct dr_fleet *fleet = measuring->fleet;
    double hours = (double)(measuring->until_us - measuring->from_us) / HOUR;
    double scale = fleet->scale;
    __int128 offered = 0;
    uint32_t count = 0;

    memset(measured, 0, sizeof *measured);
    FOR(i, measuring->drawn->count) {
        const struct dr_drawn_job *drawn = &measuring->drawn->jobs[i];
        const struct job *job = &measuring->jobs[i];

        if (drawn->sector != k || drawn->submit_us >= measuring->until_us)
            continue;
        if (job->waits_from_us != INT64_MAX)
            waited(measuring, i, measuring->until_us);
        if (drawn->submit_us < measuring->from_us)
            continue;
        offered += dr_drawn_work(fleet, drawn);
        measured->unstarted += job->first_start_us == INT64_MAX;
        waits[count] = dr_min_i64(job->first_start_us, measuring->until_us) - drawn->submit_us;
        count += 1;
    }
    spread(measured, waits, count);
    measured->promised = (double)fleet->served[k];
    measured->demand = (double)fleet->demand[k];
    measured->offered = (double)offered / (1e6 * HOUR) / hours * scale;
    measured->done = (double)measuring->done[k] / (1e6 * HOUR) / hours * scale;
    measured->waiting_before = measuring->before[k] / (1e6 * HOUR) * scale;
    measured->waiting_after = measuring->after[k] / (1e6 * HOUR) * scale;
    if (offered > 0)
        measured->late = fmin(
            1, fmax(0, (measuring->after[k] - measuring->before[k]) / (0.75 * (double)offered)));
    measured->coarse = fleet->scale > 1 && fleet->given_milli[k] < DR_MEASURED_LEAST * 1000;
    measured->given = (double)fleet->given_milli[k] / 1000 * scale;
    if (fleet->given_milli[k] > 0)
        measured->busy = (double)measuring->held[k] / HOUR / hours / (double)fleet->given_milli[k];
    if (measuring->held[k] > 0)
        measured->lost = (double)measuring->lost[k] / (double)measuring->held[k];
    /* What has no place anywhere comes, and waits. */
    if (measuring->drawn->placeless_micro[k] > 0) {
        measured->offered += (double)measuring->drawn->placeless_micro[k] / 1e6 * scale;
        measured->waiting_after += measured->offered * hours;
        measured->late = 1;
    }
}

void dr_measuring_end(struct dr_measuring *measuring, struct dr_measured *measured)
{
    int64_t *waits = calloc((size_t)measuring->drawn->count + 1, sizeof waits[0]);

    DR_ASSERT(waits != NULL);
    FOR(k, measuring->fleet->inputs->sectors_count)
        end_sector(measuring, k, waits, &measured[k]);
    free(waits);
}
