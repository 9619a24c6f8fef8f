/* SPDX-License-Identifier: Apache-2.0 */
/* See report.h: years, the sentence, and the rehearsal as JSON. */
#include "rehearsal/report.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/text.h"

#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

struct dr_promise dr_promise_of(const struct dr_plan_inputs *inputs,
                                const struct dr_rehearsal_options *options,
                                const struct dr_factors *factors, const struct dr_quarter *quarters,
                                uint32_t year, uint32_t sector)
{
    struct dr_promise sum = {0};
    double waits = 0, held = 0, lost = 0, offered = 0, late = 0;

    FOR(i, options->quarters_count) {
        const struct dr_measured *measured = &quarters[i].sectors[sector];

        if (dr_plan_year(inputs, options->quarters[i]) != year)
            continue;
        sum.quarters += 1;
        sum.coarse |= measured->coarse;

        sum.demand += measured->demand;
        sum.promised += measured->promised;
        sum.done += measured->done;
        sum.kept += measured->promised * (1 - measured->late);
        offered += measured->offered;
        late += measured->offered * measured->late;
        sum.given += measured->given;
        held += measured->given * measured->busy;
        lost += measured->given * measured->busy * measured->lost;
        sum.jobs += measured->jobs;
        waits += measured->wait_mean_s * measured->jobs;
        sum.wait_p95_s = fmax(sum.wait_p95_s, measured->wait_p95_s);
    }
    if (sum.quarters == 0)
        return sum;
    if (offered > 0)
        sum.late = late / offered;
    if (sum.given > 0)
        sum.busy = held / sum.given;
    if (held > 0)
        sum.lost = lost / held;
    sum.demand /= sum.quarters;
    sum.promised /= sum.quarters;
    sum.done /= sum.quarters;
    sum.kept /= sum.quarters;
    sum.given /= sum.quarters;
    sum.busy_stated = (double)inputs->sectors[sector].busy_micro / DR_PLAN_MICRO *
                      factors->of[sector][year] / DR_FACTOR_ONE;
    if (sum.jobs > 0)
        sum.wait_mean_s = waits / (double)sum.jobs;
    return sum;
}

int dr_promise_broken(const struct dr_promise *promise, const struct dr_rehearsal_options *options)
{
    return !promise->coarse && promise->promised > 0 &&
           (promise->late > 1 - DR_KEPT_LEAST || promise->wait_mean_s > options->wait_goal_s);
}

static const char *hours(double seconds, char text[32])
{
    if (seconds < 600)
        snprintf(text, 32, "%.0f min", seconds / 60);
    else if (seconds < 48 * 3600)
        snprintf(text, 32, "%.1f h", seconds / 3600);
    else
        snprintf(text, 32, "%.1f days", seconds / 86400);
    return text;
}

/* What is worst in a round. */
struct worst {
    uint32_t year, sector;
    double value;
};

static void put_worst(const struct dr_plan_inputs *inputs, const struct worst *worst,
                      struct dr_buffer *text)
{
    dr_buffer_printf(text, "%s in %" PRId64, inputs->sectors[worst->sector].name,
                     inputs->begin / 4 + worst->year);
}

void dr_rehearsal_sentence(const struct dr_plan_inputs *inputs,
                           const struct dr_rehearsal_options *options, const struct dr_round *round,
                           struct dr_buffer *text)
{
    struct worst late = {0}, wait = {0};
    double promised = 0, kept = 0, waits = 0, jobs = 0;
    uint32_t broken = 0, of = 0, coarse = 0;

    char mean[32], most[32], goal[32];

    FOR(y, inputs->years_count) {
        FOR(k, inputs->sectors_count) {
            struct dr_promise one =
                dr_promise_of(inputs, options, &round->factors, round->quarters, y, k);

            if (one.quarters == 0 || one.promised <= 0)
                continue;
            coarse += (uint32_t)one.coarse;
            if (one.coarse)
                continue;
            of += 1;

            promised += one.promised;
            kept += one.kept;
            waits += one.wait_mean_s * (double)one.jobs;
            jobs += (double)one.jobs;
            broken += (uint32_t)dr_promise_broken(&one, options);
            if (one.late > late.value)
                late = (struct worst){y, k, one.late};
            if (one.wait_mean_s > wait.value)
                wait = (struct worst){y, k, one.wait_mean_s};
        }
    }
    if (promised <= 0) {
        dr_buffer_append_text(text, coarse == 0
                                        ? "The plan promises nothing in these quarters."
                                        : "No sector has enough accelerators at this scale to "
                                          "tell; a smaller N of --scale 1:N would do.");
        return;
    }

    if (broken == 0)
        dr_buffer_append_text(text, "Yes: people would get their compute.");
    else if (kept / promised >= DR_KEPT_LEAST && broken * 4 <= of)
        dr_buffer_append_text(text, "Mostly: people would get their compute, but not all of them.");
    else
        dr_buffer_append_text(text, "No: not all people would get their compute.");
    dr_buffer_printf(text, " Of the work that the plan promises %.1f %% is done in time",
                     100 * kept / promised);
    if (late.value > 1 - DR_KEPT_LEAST) {
        dr_buffer_append_text(text, "; least for ");
        put_worst(inputs, &late, text);
        dr_buffer_printf(text, ", %.1f %%", 100 * (1 - late.value));
    }
    dr_buffer_printf(text, ". A job waits %s on average", hours(jobs > 0 ? waits / jobs : 0, mean));
    if (wait.value > 0) {
        dr_buffer_append_text(text, "; longest for ");
        put_worst(inputs, &wait, text);
        dr_buffer_printf(text, ", %s", hours(wait.value, most));
    }
    dr_buffer_printf(text,
                     ". %" PRIu32 " of %" PRIu32 " promises to a sector in a year %s broken: "
                     "less than %.0f %% in time, or a mean wait above %s.",
                     broken, of, broken == 1 ? "is" : "are", 100 * DR_KEPT_LEAST,
                     hours(options->wait_goal_s, goal));
    if (coarse > 0)
        dr_buffer_printf(text, " %" PRIu32 " more have too few accelerators at this scale to tell.",
                         coarse);
}

/* ---- JSON ---- */

/* Twelve digits hold what is known; more would be the machine's. */
static json_t *number(double value)
{
    return json_real(value);
}

/* Of each sector, by year. */
static json_t *factors_json(const struct dr_plan_inputs *inputs, const struct dr_factors *factors)
{
    json_t *object = json_object();

    FOR(k, inputs->sectors_count) {
        json_t *years = json_object();
        char year[24];

        FOR(y, inputs->years_count) {
            snprintf(year, sizeof year, "%" PRId64, inputs->begin / 4 + y);
            json_object_set_new(years, year, number(factors->of[k][y] / 10.0));
        }
        json_object_set_new(object, inputs->sectors[k].name, years);
    }
    return object;
}

static json_t *quarter_json(const struct dr_plan_inputs *inputs, const struct dr_quarter *quarter)
{
    json_t *sectors = json_object();
    char name[DR_QUARTER_BYTES], hash[20];

    FOR(k, inputs->sectors_count) {
        const struct dr_measured *m = &quarter->sectors[k];

        json_object_set_new(
            sectors, inputs->sectors[k].name,
            json_pack(
                "{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:i, s:i, s:b}",
                "demand_units", m->demand, "promised_units", m->promised, "offered_units",
                m->offered, "done_units", m->done, "waiting_before_unit_hours", m->waiting_before,
                "waiting_after_unit_hours", m->waiting_after, "late_percent", 100 * m->late,
                "given_accelerators", m->given, "busy_percent", 100 * m->busy, "lost_percent",
                100 * m->lost, "wait_mean_s", m->wait_mean_s, "wait_p50_s", m->wait_p50_s,
                "wait_p95_s", m->wait_p95_s, "jobs", (int)m->jobs, "unstarted", (int)m->unstarted,
                "coarse", m->coarse));
    }
    snprintf(hash, sizeof hash, "%016" PRIx64, quarter->state_hash);
    return json_pack("{s:s, s:I, s:i, s:i, s:s, s:f, s:f, s:o}", "quarter",
                     dr_format_quarter(inputs->begin + quarter->quarter, name), "accelerators",
                     (json_int_t)quarter->accelerators, "jobs", (int)quarter->jobs, "refused",
                     (int)quarter->refused, "state_hash", hash, "warm_up_s",
                     (double)quarter->sim_warmup_us / 1e6, "horizon_s",
                     (double)quarter->sim_horizon_us / 1e6, "sectors", sectors);
}

static json_t *quarters_json(const struct dr_plan_inputs *inputs,
                             const struct dr_rehearsal_options *options,
                             const struct dr_quarter *quarters)
{
    json_t *array = json_array();

    FOR(i, options->quarters_count)
        json_array_append_new(array, quarter_json(inputs, &quarters[i]));
    return array;
}

static json_t *promise_json(const struct dr_promise *one, const char *sector, int64_t year,
                            const struct dr_rehearsal_options *options)
{
    double a_day = 24 * one->given;

    return json_pack("{s:I, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, "
                     "s:f, s:I, s:b, "
                     "s:b}",
                     "year", (json_int_t)year, "sector", sector, "demand_units", one->demand,
                     "promised_units", one->promised, "done_units", one->done, "kept_units",
                     one->kept, "late_percent", 100 * one->late, "given_accelerators", one->given,
                     "busy_percent", 100 * one->busy, "stated_busy_percent", 100 * one->busy_stated,
                     "lost_percent", 100 * one->lost, "promised_accelerator_hours_a_day",
                     a_day * one->busy_stated, "achieved_accelerator_hours_a_day",
                     a_day * one->busy_stated * (1 - one->late), "held_accelerator_hours_a_day",
                     a_day * one->busy * (1 - one->lost), "wait_mean_s", one->wait_mean_s,
                     "wait_p95_s", one->wait_p95_s, "jobs", (json_int_t)one->jobs, "coarse",
                     one->coarse, "broken", dr_promise_broken(one, options));
}

static json_t *years_json(const struct dr_plan_inputs *inputs,
                          const struct dr_rehearsal_options *options,
                          const struct dr_factors *factors, const struct dr_quarter *quarters)
{
    json_t *array = json_array();

    FOR(y, inputs->years_count) {
        FOR(k, inputs->sectors_count) {
            struct dr_promise one = dr_promise_of(inputs, options, factors, quarters, y, k);

            if (one.quarters > 0)
                json_array_append_new(array, promise_json(&one, inputs->sectors[k].name,
                                                          inputs->begin / 4 + y, options));
        }
    }
    return array;
}

static json_t *rounds_json(const struct dr_rehearsal *rehearsal,
                           const struct dr_plan_inputs *inputs,
                           const struct dr_rehearsal_options *options)
{
    json_t *array = json_array();

    FOR(i, rehearsal->rounds_count) {
        const struct dr_round *round = &rehearsal->rounds[i];
        struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};

        dr_buffer_init(&text, 4096);
        dr_rehearsal_sentence(inputs, options, round, &text);
        json_array_append_new(
            array, json_pack("{s:s, s:f, s:f, s:b, s:o, s:o, s:f, s:o, s:o}", "answer",
                             dr_buffer_text(&text), "cost", round->cost, "bound", round->bound,
                             "cut_by_the_clock", round->cut, "factors_percent",
                             factors_json(inputs, &round->factors), "next_percent",
                             factors_json(inputs, &round->next), "largest_change_percent",
                             100 * dr_factors_change(inputs, &round->factors, &round->next),
                             "years", years_json(inputs, options, &round->factors, round->quarters),
                             "quarters", quarters_json(inputs, options, round->quarters)));
    }
    return array;
}

static const char *end_word(enum dr_rehearsal_end end)
{
    switch (end) {
    case DR_REHEARSAL_SETTLED:
        return "settled";
    case DR_REHEARSAL_ROUNDS:
        return "rounds";
    case DR_REHEARSAL_NO_PLAN:
        return "no plan";
    case DR_REHEARSAL_STOPPED:
        return "stopped";
    }
    return "";
}

void dr_rehearsal_json(const struct dr_rehearsal *rehearsal, const struct dr_plan_inputs *inputs,
                       const struct dr_rehearsal_options *options,
                       const struct dr_rehearsal_about *about, struct dr_buffer *out)
{
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:{s:i, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:i}, s:s, s:o, "
        "s:o, s:o}",
        "scenario", inputs->name, "inputs_sha256", inputs->hash, "plan_sha256", about->plan_hash,
        "currency", inputs->currency, "daero", about->version, "options", "scale",
        (int)options->each.scale, "seed", (json_int_t)options->each.seed, "warm_up_days",
        (double)options->each.warmup_us / (double)DR_DAY_US, "days",
        (double)options->each.window_us / (double)DR_DAY_US, "longest_job_days",
        (double)options->each.longest_us / (double)DR_DAY_US, "portable",
        options->each.portable_milli / 1000.0, "wait_goal_s", options->wait_goal_s,
        "kept_least_percent", 100 * DR_KEPT_LEAST, "tolerance_percent", 100 * options->tolerance,
        "rounds_max", (int)options->rounds_max, "end", end_word(rehearsal->end), "rounds",
        rounds_json(rehearsal, inputs, options), "all_that_is_asked_for",
        rehearsal->rounds_count > 0 ? quarters_json(inputs, options, rehearsal->all) : json_array(),
        "years_with_all",
        rehearsal->rounds_count > 0
            ? years_json(inputs, options, &rehearsal->rounds[0].factors, rehearsal->all)
            : json_array());
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(12));

    dr_buffer_append_text(out, text);
    free(text);
    json_decref(json);
}
