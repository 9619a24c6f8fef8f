/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/explain/variants.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "base/text.h"

#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)
#define WINDOW        4 /* quarters of a one-off purchase */

const char *const DR_PLAN_VARIANT_WORDS[DR_PLAN_VARIANT_COUNT] = {
#define DR_VARIANT_WORD(name, word, text) word,
    DR_PLAN_VARIANTS(DR_VARIANT_WORD)
#undef DR_VARIANT_WORD
};

const char *const DR_PLAN_VARIANT_TEXTS[DR_PLAN_VARIANT_COUNT] = {
#define DR_VARIANT_TEXT(name, word, text) text,
    DR_PLAN_VARIANTS(DR_VARIANT_TEXT)
#undef DR_VARIANT_TEXT
};

static void invest_nothing(struct dr_plan_inputs *inputs)
{
    inputs->targets_count = inputs->domestic_count = 0;
    inputs->site_share_micro = inputs->zone_share_micro = inputs->vendor_share_micro = 0;
    inputs->steady_weight_micro = 0;
    FOR(c, inputs->chips_count)
        memset(inputs->chips[c].supply, 0, sizeof inputs->chips[c].supply);
    FOR(k, inputs->sectors_count)
        inputs->sectors[k].least_micro = inputs->sectors[k].lost_micro = 0;
    FOR(s, inputs->sites_count) {
        uint32_t kept = 0;

        while (kept < inputs->sites[s].phases_count && inputs->sites[s].phases[kept].begun)
            kept += 1;
        inputs->sites[s].phases_count = kept;
    }
}

static void invest_at_once(struct dr_plan_inputs *inputs)
{
    int64_t budget = 0;

    FOR(c, inputs->chips_count) {
        struct dr_plan_chip *chip = &inputs->chips[c];
        int64_t supply = 0;

        FOR(t, inputs->quarters_count)
            supply += chip->supply[t];
        FOR(t, inputs->quarters_count)
            chip->supply[t] = t < WINDOW && chip->price[t] > 0 ? supply / WINDOW : 0;
    }
    FOR(y, inputs->years_count)
        budget = inputs->budget[y] == INT64_MAX || budget == INT64_MAX ? INT64_MAX
                                                                       : budget + inputs->budget[y];
    FOR(y, inputs->years_count)
        inputs->budget[y] = budget;
    inputs->steady_weight_micro = 0;
}

struct dr_plan_inputs *dr_plan_variant(const struct dr_plan_inputs *inputs,
                                       enum dr_plan_variant variant)
{
    struct dr_plan_inputs *made = malloc(sizeof *made);

    if (made == NULL)
        abort();
    *made = *inputs;
    memset(&made->arena, 0, sizeof made->arena);
    switch (variant) {
    case DR_PLAN_VARIANT_NOTHING:
        invest_nothing(made);
        break;
    case DR_PLAN_VARIANT_ONE_OFF:
        invest_at_once(made);
        break;
    case DR_PLAN_VARIANT_STEADY:
        made->steady_micro = DR_PLAN_MICRO / 10;
        made->steady_weight_micro = DR_PLAN_MICRO;
        break;
    case DR_PLAN_VARIANT_PLAN:
    case DR_PLAN_VARIANT_COUNT:
        break;
    }
    return made;
}

void dr_plan_variant_close(struct dr_plan_inputs *inputs)
{
    free(inputs);
}

/* Sum of ages, in quarters, of what the plan ordered and is there in the last quarter. */
static double ages(const struct dr_plan_inputs *inputs, const struct dr_plan *plan)
{
    uint32_t end = inputs->quarters_count - 1;
    double sum = (double)inputs->base_ages;

    FOR(s, inputs->sites_count) {
        FOR(c, inputs->chips_count) {
            const struct dr_plan_chip *chip = &inputs->chips[c];

            FOR(t, inputs->quarters_count) {
                uint32_t arrives = t + chip->lead_quarters;

                if (arrives <= end && end < arrives + chip->life_quarters)
                    sum += (double)plan->buy[s][c][t] * (end - arrives);
            }
        }
    }
    return sum;
}

void dr_plan_figure(const struct dr_plan_inputs *inputs, const struct dr_plan *plan,
                    const struct dr_plan_sums *sums, struct dr_plan_figures *figures)
{
    double asked = 0, done = 0, orders = 0, domestic = 0, mean = 0, last = 0;
    uint32_t end = inputs->quarters_count - 1;
    double asked_in[DR_PLAN_YEARS_MAX] = {0}, done_in[DR_PLAN_YEARS_MAX] = {0};
    double spent_in[DR_PLAN_YEARS_MAX] = {0};

    memset(figures, 0, sizeof *figures);
    figures->cost = sums->cost;
    FOR(k, inputs->sectors_count) {
        double of_asked = 0, of_done = 0;

        FOR(t, inputs->quarters_count) {
            of_asked += (double)inputs->sectors[k].demand[t];
            of_done += (double)sums->served[k][t];
            asked_in[dr_plan_year(inputs, t)] += (double)inputs->sectors[k].demand[t];
            done_in[dr_plan_year(inputs, t)] += (double)sums->served[k][t];
        }
        figures->unmet_of[k] = of_asked > 0 ? 1 - of_done / of_asked : 0;
        asked += of_asked;
        done += of_done;
    }
    figures->unmet = asked > 0 ? 1 - done / asked : 0;
    FOR(t, inputs->quarters_count) {
        double given = 0;

        FOR(k, inputs->sectors_count) {
            FOR(s, inputs->sites_count) {
                FOR(c, inputs->chips_count)
                    given += (double)plan->use_milli[k][s][c][t] / 1000;
            }
        }
        figures->idle += (double)sums->there[t] - given;
        figures->spent += (double)sums->spent[t];
        spent_in[dr_plan_year(inputs, t)] += (double)sums->spent[t];
        orders += (double)sums->spent_orders[t];
        domestic += (double)sums->spent_domestic[t];
        figures->peak_w = fmax(figures->peak_w, (double)sums->draw_w[t]);
    }
    figures->domestic = orders > 0 ? domestic / orders : 0;
    if (sums->there[end] > 0)
        figures->age_quarters = ages(inputs, plan) / (double)sums->there[end];
    mean = figures->spent / inputs->years_count;
    FOR(y, inputs->years_count) {
        figures->unmet_in[y] = asked_in[y] > 0 ? 1 - done_in[y] / asked_in[y] : 0;
        if (y > 0 && mean > 0)
            figures->swing = fmax(figures->swing, fabs(spent_in[y] - last) / mean);
        last = spent_in[y];
    }
}

json_t *dr_plan_figures_json(const struct dr_plan_inputs *inputs,
                             const struct dr_plan_figures *figures)
{
    json_t *of = json_object(), *in = json_object();

    FOR(k, inputs->sectors_count)
        json_object_set_new(of, inputs->sectors[k].name, json_real(figures->unmet_of[k]));
    FOR(y, inputs->years_count) {
        char year[32];

        dr_format(year, sizeof year, "%lld", (long long)(inputs->begin / 4 + y));
        json_object_set_new(in, year, json_real(figures->unmet_in[y]));
    }
    return json_pack("{s:f, s:f, s:f, s:o, s:o, s:f, s:f, s:f, s:f, s:f}", "cost", figures->cost,
                     "spent", figures->spent, "unmet", figures->unmet, "unmet_of", of, "unmet_in",
                     in, "domestic", figures->domestic, "peak_w", figures->peak_w,
                     "idle_accelerator_quarters", figures->idle, "age_quarters",
                     figures->age_quarters, "swing", figures->swing);
}
