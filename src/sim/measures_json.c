/* SPDX-License-Identifier: Apache-2.0 */
/* Measures as one JSON object. See measures.h; docs/measures.md says what each is. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/math.h"
#include "base/text.h"
#include "core/power.h"
#include "core/state.h"
#include "sim/tally.h"

static void put_sums(struct dr_measures *measures, const struct dr_measures_about *about,
                     struct dr_buffer *out)
{
    struct dr_sum sums[DR_SUMS];
    const char *comma = "";

    dr_tally_sums(measures, about, sums);
    for (uint32_t i = 0; i < DR_SUMS; i += 1) {
        if (sums[i].is_whole)
            dr_buffer_printf(out, "\"%s\":%" PRId64, sums[i].name, sums[i].value);
        else
            dr_put_figure(out, sums[i].name, sums[i].value);
        dr_buffer_append_text(out, ",");
    }
    dr_buffer_append_text(out, "\"outcomes\":{");
    for (int i = 0; i <= DR_SCHEDULE_unfinished; i += 1) {
        if (measures->outcomes[i] == 0)
            continue;
        dr_buffer_printf(out, "%s\"%s\":%" PRIu64, comma,
                         dr_schedule_outcome_name((enum dr_schedule_outcome)i),
                         measures->outcomes[i]);
        comma = ",";
    }
    dr_buffer_append_text(out, "}");
}

static void put_times(struct dr_buffer *out, const struct dr_spread times[DR_TIMES])
{
    for (uint32_t i = 0; i < DR_TIMES; i += 1) {
        if (i > 0)
            dr_buffer_append_text(out, ",");
        dr_put_spread(out, DR_TIME_NAMES[i], &times[i]);
    }
}

/* `"by_size":{"8-63":{...},...}`, or by class: those that there are. */
static void put_kinds(const struct dr_measures *measures, struct dr_buffer *out, const char *name,
                      int by_size, int64_t *values)
{
    uint32_t count = by_size ? DR_SIZES : DR_JOB_CLASSES;
    const char *comma = "";

    dr_buffer_printf(out, ",\"%s\":{", name);
    for (uint32_t kind = 0; kind < count; kind += 1) {
        struct dr_spread times[DR_TIMES];

        if (dr_tally_count(measures, by_size ? kind : DR_SIZES, by_size ? DR_JOB_CLASSES : kind) ==
            0)
            continue;
        dr_tally_times(measures->ended, measures->ended_count, by_size ? kind : DR_SIZES,
                       by_size ? DR_JOB_CLASSES : kind, values, times);
        dr_buffer_printf(out, "%s\"%s\":{", comma,
                         by_size ? DR_SIZE_NAMES[kind] : DR_JOB_CLASS_NAMES[kind]);
        put_times(out, times);
        dr_buffer_append_text(out, "}");
        comma = ",";
    }
    dr_buffer_append_text(out, "}");
}

static void put_accounts(struct dr_measures *measures, struct dr_buffer *out, int64_t *values)
{
    const char *comma = "";
    uint64_t until;

    dr_tally_sort(measures);
    dr_buffer_append_text(out, ",\"by_account\":{");
    for (uint64_t from = 0; from < measures->ended_count; from = until) {
        const struct dr_account *account =
            &measures->core->accounts[measures->ended[from].account - 1];
        struct dr_spread times[DR_TIMES];

        until = dr_tally_last_of(measures, from);
        dr_buffer_printf(out, "%s\"%s\":{", comma, account->name);
        dr_put_figure(out, "accelerator_hours",
                      dr_mul_div_floor(account->accelerator_ms, 1000, 3600));
        dr_buffer_printf(out, ",\"energy_j\":%" PRId64 ",", account->energy_j);
        dr_put_figure(out, "energy_cost", account->cost_micro);
        dr_buffer_append_text(out, ",");
        dr_tally_times(measures->ended + from, until - from, DR_SIZES, DR_JOB_CLASSES, values,
                       times);
        put_times(out, times);
        dr_buffer_append_text(out, "}");
        comma = ",";
    }
    dr_buffer_append_text(out, "}");
}

static void put_waits(const struct dr_measures *measures, struct dr_buffer *out)
{
    uint64_t jobs[DR_WAIT_EDGES];

    dr_tally_waits(measures, jobs);
    dr_buffer_append_text(out, ",\"wait_distribution\":{\"edges_s\":[");
    for (uint32_t i = 0; i < DR_WAIT_EDGES; i += 1)
        dr_buffer_printf(out, "%s%" PRId64, i == 0 ? "" : ",", DR_WAIT_EDGES_S[i]);
    dr_buffer_append_text(out, "],\"jobs\":[");
    for (uint32_t i = 0; i < DR_WAIT_EDGES; i += 1)
        dr_buffer_printf(out, "%s%" PRIu64, i == 0 ? "" : ",", jobs[i]);
    dr_buffer_append_text(out, "]}");
}

static void put_fairness(const struct dr_measures *measures, struct dr_buffer *out)
{
    struct dr_fairness fairness = dr_fairness_of(&measures->series);

    dr_buffer_append_text(out, ",\"fairness\":{");
    dr_put_figure(out, "largest_deviation", fairness.deviation);
    if (fairness.account_row == DR_ROW_NONE)
        dr_buffer_append_text(out, ",\"account\":null,");
    else
        dr_buffer_printf(out, ",\"account\":\"%s\",",
                         measures->core->accounts[fairness.account_row].name);
    dr_put_figure(out, "accelerator_hours", fairness.hours);
    dr_buffer_printf(out, ",\"accounts\":%" PRIu32 ",", fairness.judged_count);
    if (fairness.judged_count == 0)
        dr_buffer_append_text(out, "\"jain\":null");
    else
        dr_put_figure(out, "jain", fairness.jain);
    dr_buffer_append_text(out, "}");
}

/* Microwatts are millionths of a watt. */
static void put_draw(const struct dr_draw *draw, struct dr_buffer *out)
{
    char at[DR_TEXT_BYTES];

    dr_put_figure(out, "peak_w", draw->peak_uw);
    dr_buffer_printf(out, ",\"at\":\"%s\",", dr_format_instant(draw->peak_us, at));
    if (draw->cap_least_uw == DR_DRAWS_NO_CAP) {
        dr_buffer_append_text(out, "\"cap_w\":null,\"part_of_cap\":null,");
    } else {
        dr_put_figure(out, "cap_w", draw->cap_least_uw);
        dr_buffer_append_text(out, ",");
        dr_put_figure(out, "part_of_cap", draw->part);
        dr_buffer_append_text(out, ",");
    }
    dr_put_figure(out, "over_cap_s", draw->over_us);
}

static void put_draws(const struct dr_measures *measures, struct dr_buffer *out, const char *name,
                      uint32_t from, uint32_t until)
{
    const struct dr_draws *draws = &measures->series.draws;

    dr_buffer_printf(out, ",\"%s\":{", name);
    for (uint32_t i = from; i < until; i += 1) {
        dr_buffer_printf(out, "%s\"%s\":{", i == from ? "" : ",",
                         dr_draw_name(measures->core, &draws->of[i]));
        put_draw(&draws->of[i], out);
        dr_buffer_append_text(out, "}");
    }
    dr_buffer_append_text(out, "}");
}

static void put_power(const struct dr_measures *measures, struct dr_buffer *out)
{
    const struct dr_draws *draws = &measures->series.draws;
    char at[DR_TEXT_BYTES];

    dr_buffer_append_text(out, ",\"power\":{");
    dr_put_figure(out, "peak_w", draws->all.peak_uw);
    dr_buffer_printf(out, ",\"at\":\"%s\",", dr_format_instant(draws->all.peak_us, at));
    dr_put_figure(out, "over_cap_s", draws->over_us);
    put_draws(measures, out, "sites", 0, draws->sites);
    put_draws(measures, out, "zones", draws->sites, draws->count);
    dr_buffer_append_text(out, "}");
}

void dr_measures_json(struct dr_measures *measures, const struct dr_measures_about *about,
                      struct dr_buffer *out)
{
    int64_t *values = calloc(measures->ended_count + 1, sizeof values[0]);
    struct dr_spread times[DR_TIMES];
    struct dr_spread delays;
    char from[DR_TEXT_BYTES];
    char until[DR_TEXT_BYTES];

    DR_ASSERT(values != NULL);
    dr_buffer_printf(out, "{\"from\":\"%s\",\"until\":\"%s\",\"run\":%s,",
                     dr_format_instant(about->from_us, from),
                     dr_format_instant(about->until_us, until), about->policy);
    put_sums(measures, about, out);
    dr_buffer_append_text(out, ",");
    dr_tally_times(measures->ended, measures->ended_count, DR_SIZES, DR_JOB_CLASSES, values, times);
    put_times(out, times);
    put_waits(measures, out);
    dr_buffer_append_text(out, ",");
    delays = dr_tally_delays(measures);
    dr_put_spread(out, "guarantee_delay_s", &delays);
    put_fairness(measures, out);
    put_power(measures, out);
    put_kinds(measures, out, "by_size", 1, values);
    put_kinds(measures, out, "by_class", 0, values);
    put_accounts(measures, out, values);
    dr_buffer_append_text(out, ",");
    dr_series_json(&measures->series, about->base_us, out);
    dr_buffer_printf(out,
                     ",\"facts\":%" PRIu64 ",\"decisions\":%" PRIu64 ",\"state_hash\":\"%016" PRIx64
                     "\",\"interrupted\":%s}",
                     about->facts, about->decisions, about->state_hash,
                     about->interrupted ? "true" : "false");
    free(values);
}
