/* SPDX-License-Identifier: Apache-2.0 */
/* Measures as a table: a row for each figure, so that tables of many runs can be put under each
 * other. See measures.h; docs/measures.md has the columns. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/math.h"
#include "base/text.h"
#include "core/state.h"
#include "sim/tally.h"

/* What a figure is about; "" where it is about all. */
struct about {
    const char *account;
    const char *site; /* or zone */
    const char *size;
    const char *job_class;
};
static const struct about ALL = {"", "", "", ""};

static void put_key(struct dr_buffer *out, const char *measure, const struct about *about,
                    const char *statistic)
{
    dr_buffer_printf(out, "%s,%s,%s,%s,%s,%s,", measure, about->account, about->site, about->size,
                     about->job_class, statistic);
}

static void put_value(struct dr_buffer *out, const char *measure, const struct about *about,
                      const char *statistic, int64_t millionths)
{
    put_key(out, measure, about, statistic);
    dr_put_millionths(out, millionths);
    dr_buffer_append_text(out, "\n");
}

static void put_whole(struct dr_buffer *out, const char *measure, const struct about *about,
                      const char *statistic, int64_t value)
{
    put_key(out, measure, about, statistic);
    dr_buffer_printf(out, "%" PRId64 "\n", value);
}

static void put_spread(struct dr_buffer *out, const char *measure, const struct about *about,
                       const struct dr_spread *spread)
{
    put_whole(out, measure, about, "count", (int64_t)spread->count);
    for (uint32_t i = 0; i < DR_STATISTICS && spread->count > 0; i += 1)
        put_value(out, measure, about, DR_STATISTIC_NAMES[i], spread->of[i]);
}

static void put_times(struct dr_buffer *out, const struct about *about,
                      const struct dr_spread times[DR_TIMES])
{
    for (uint32_t i = 0; i < DR_TIMES; i += 1)
        put_spread(out, DR_TIME_NAMES[i], about, &times[i]);
}

static void put_sums(struct dr_measures *measures, const struct dr_measures_about *about,
                     struct dr_buffer *out)
{
    struct dr_sum sums[DR_SUMS];

    dr_tally_sums(measures, about, sums);
    for (uint32_t i = 0; i < DR_SUMS; i += 1) {
        if (sums[i].is_whole)
            put_whole(out, sums[i].name, &ALL, "", sums[i].value);
        else
            put_value(out, sums[i].name, &ALL, "", sums[i].value);
    }
    for (int i = 0; i <= DR_SCHEDULE_unfinished; i += 1)
        if (measures->outcomes[i] > 0)
            put_whole(out, "outcomes", &ALL, dr_schedule_outcome_name((enum dr_schedule_outcome)i),
                      (int64_t)measures->outcomes[i]);
}

static void put_waits(const struct dr_measures *measures, struct dr_buffer *out)
{
    uint64_t jobs[DR_WAIT_EDGES];

    dr_tally_waits(measures, jobs);
    for (uint32_t i = 0; i < DR_WAIT_EDGES; i += 1) {
        char edge[DR_TEXT_BYTES];

        dr_format(edge, sizeof edge, "%lld", (long long)DR_WAIT_EDGES_S[i]);
        put_whole(out, "wait_distribution", &ALL, edge, (int64_t)jobs[i]);
    }
}

static void put_fairness(const struct dr_measures *measures, struct dr_buffer *out)
{
    struct dr_fairness fairness = dr_fairness_of(&measures->series);
    struct about about = ALL;

    if (fairness.account_row != DR_ROW_NONE)
        about.account = measures->core->accounts[fairness.account_row].name;
    put_value(out, "largest_deviation", &about, "", fairness.deviation);
    put_value(out, "deviation_accelerator_hours", &about, "", fairness.hours);
    if (fairness.judged_count > 0)
        put_value(out, "jain", &ALL, "", fairness.jain);
}

static void put_draws(const struct dr_measures *measures, struct dr_buffer *out)
{
    const struct dr_draws *draws = &measures->series.draws;

    put_value(out, "power_w", &ALL, "peak", draws->all.peak_uw);
    put_value(out, "power_w", &ALL, "over_cap_s", draws->over_us);
    for (uint32_t i = 0; i < draws->count; i += 1) {
        const struct dr_draw *draw = &draws->of[i];
        struct about about = ALL;

        about.site = dr_draw_name(measures->core, draw);
        put_value(out, "power_w", &about, "peak", draw->peak_uw);
        if (draw->cap_least_uw == DR_DRAWS_NO_CAP)
            continue;
        put_value(out, "power_w", &about, "cap", draw->cap_least_uw);
        put_value(out, "power_w", &about, "part_of_cap", draw->part);
        put_value(out, "power_w", &about, "over_cap_s", draw->over_us);
    }
}

static void put_kinds(const struct dr_measures *measures, struct dr_buffer *out, int64_t *values)
{
    struct dr_spread times[DR_TIMES];

    for (uint32_t size = 0; size < DR_SIZES; size += 1) {
        struct about about = ALL;

        about.size = DR_SIZE_NAMES[size];
        if (dr_tally_count(measures, size, DR_JOB_CLASSES) == 0)
            continue;
        dr_tally_times(measures->ended, measures->ended_count, size, DR_JOB_CLASSES, values, times);
        put_times(out, &about, times);
    }
    for (uint32_t kind = 0; kind < DR_JOB_CLASSES; kind += 1) {
        struct about about = ALL;

        about.job_class = DR_JOB_CLASS_NAMES[kind];
        if (dr_tally_count(measures, DR_SIZES, kind) == 0)
            continue;
        dr_tally_times(measures->ended, measures->ended_count, DR_SIZES, kind, values, times);
        put_times(out, &about, times);
    }
}

static void put_accounts(struct dr_measures *measures, struct dr_buffer *out, int64_t *values)
{
    uint64_t until;

    dr_tally_sort(measures);
    for (uint64_t from = 0; from < measures->ended_count; from = until) {
        const struct dr_account *account =
            &measures->core->accounts[measures->ended[from].account - 1];
        struct about about = ALL;
        struct dr_spread times[DR_TIMES];

        until = dr_tally_last_of(measures, from);
        about.account = account->name;
        put_value(out, "accelerator_hours", &about, "",
                  dr_mul_div_floor(account->accelerator_ms, 1000, 3600));
        put_whole(out, "energy_j", &about, "", account->energy_j);
        put_value(out, "energy_cost", &about, "", account->cost_micro);
        dr_tally_times(measures->ended + from, until - from, DR_SIZES, DR_JOB_CLASSES, values,
                       times);
        put_times(out, &about, times);
    }
}

void dr_measures_csv(struct dr_measures *measures, const struct dr_measures_about *about,
                     struct dr_buffer *out)
{
    int64_t *values = calloc(measures->ended_count + 1, sizeof values[0]);
    struct dr_spread times[DR_TIMES];
    struct dr_spread delays;

    DR_ASSERT(values != NULL);
    dr_buffer_append_text(out, "measure,account,site,size,class,statistic,value\n");
    put_sums(measures, about, out);
    dr_tally_times(measures->ended, measures->ended_count, DR_SIZES, DR_JOB_CLASSES, values, times);
    put_times(out, &ALL, times);
    put_waits(measures, out);
    delays = dr_tally_delays(measures);
    put_spread(out, "guarantee_delay_s", &ALL, &delays);
    put_fairness(measures, out);
    put_draws(measures, out);
    put_kinds(measures, out, values);
    put_accounts(measures, out, values);
    put_whole(out, "facts", &ALL, "", (int64_t)about->facts);
    put_whole(out, "decisions", &ALL, "", (int64_t)about->decisions);
    free(values);
}
