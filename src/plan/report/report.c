/* SPDX-License-Identifier: Apache-2.0 */
/* The document behind a plan's page. Everything is taken from the plan and its sums; what is summed
 * up here by site, zone and chip comes to what dr_plan_sums has (tests/unit/plan_report.c). */
#include "plan/report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/page.h"
#include "plan/report/report_page.h"
#include "plan/explain/variants.h"

#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

struct making {
    const struct dr_plan_report *report;
    const struct dr_plan_inputs *inputs;
    const struct dr_plan *plan;
    const struct dr_plan_sums *sums;
};

static void set(json_t *object, const char *name, json_t *value)
{
    int wrong = json_object_set_new(object, name, value);

    DR_ASSERT(wrong == 0);
}

static void push(json_t *array, json_t *value)
{
    int wrong = json_array_append_new(array, value);

    DR_ASSERT(wrong == 0);
}

/* A list over time of whole numbers. */
static json_t *over(const int64_t *values, uint32_t count)
{
    json_t *list = json_array();

    FOR(i, count)
        push(list, json_integer(values[i]));
    return list;
}

/* Thousandths, as people count. */
static json_t *over_milli(const int64_t *values, uint32_t count)
{
    json_t *list = json_array();

    FOR(i, count)
        push(list, json_real((double)values[i] / 1000));
    return list;
}

static json_t *over_real(const double *values, uint32_t count)
{
    json_t *list = json_array();

    FOR(i, count)
        push(list, json_real(values[i]));
    return list;
}

/* INT64_MAX is no limit. */
static json_t *limits(const int64_t *values, uint32_t count)
{
    json_t *list = json_array();
    uint32_t stated = 0;

    FOR(i, count) {
        stated += values[i] != INT64_MAX;
        push(list, values[i] == INT64_MAX ? json_null() : json_integer(values[i]));
    }
    if (stated > 0)
        return list;
    json_decref(list);
    return json_null();
}

static json_t *quarter_json(const struct making *making, int64_t quarter)
{
    char text[DR_QUARTER_BYTES];

    return json_string(dr_format_quarter(making->inputs->begin + quarter, text));
}

/* ---- what follows from the plan, by place ---- */

static int64_t there(const struct making *making, uint32_t s, uint32_t c, uint32_t t)
{
    const struct dr_plan_chip *chip = &making->inputs->chips[c];
    int64_t count = making->inputs->base[s][c][t];

    FOR(ordered, t + 1) {
        uint32_t came = ordered + chip->lead_quarters;

        if (came <= t && t < came + chip->life_quarters)
            count += making->plan->buy[s][c][ordered];
    }
    return count;
}

/* In watts, cooling included. */
static double draw_w(const struct making *making, uint32_t s, uint32_t t)
{
    double sum = 0;

    FOR(c, making->inputs->chips_count) {
        const struct dr_plan_chip *chip = &making->inputs->chips[c];

        sum += (double)making->plan->on_milli[s][c][t] * (double)chip->idle_w;
        FOR(k, making->inputs->sectors_count)
            sum +=
                (double)making->plan->use_milli[k][s][c][t] * (double)(chip->busy_w - chip->idle_w);
    }
    return sum / 1e3 * (double)making->inputs->sites[s].pue_micro / 1e6;
}

static int64_t power_w(const struct making *making, uint32_t s, uint32_t t)
{
    const struct dr_plan_site *site = &making->inputs->sites[s];
    int64_t sum = site->power_w;

    FOR(p, site->phases_count) {
        const struct dr_plan_phase *phase = &site->phases[p];
        int32_t begun = making->plan->phase[s][p];
        int32_t is_there = phase->begun             ? phase->quarter
                           : begun == DR_PLAN_NEVER ? INT32_MAX
                                                    : begun + (int32_t)phase->build_quarters;

        sum += is_there <= (int32_t)t ? phase->power_w : 0;
    }
    return sum;
}

/* ---- the scenario, and sums over time ---- */

static json_t *scenario_json(const struct making *making)
{
    const struct dr_plan_inputs *inputs = making->inputs;
    json_t *quarters = json_array(), *years = json_array(), *years_of = json_array();

    FOR(t, inputs->quarters_count) {
        push(quarters, quarter_json(making, t));
        push(years_of, json_integer(dr_plan_year(inputs, t)));
    }
    FOR(y, inputs->years_count)
        push(years, json_integer(inputs->begin / 4 + y));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:f, s:f, s:f, s:f}", "name", inputs->name,
                     "currency", inputs->currency, "quarters", quarters, "years", years,
                     "year_of_quarter", years_of, "discount", (double)inputs->discount_micro / 1e6,
                     "carry", (double)inputs->carry_micro / 1e6, "site_share",
                     (double)inputs->site_share_micro / 1e6, "zone_share",
                     (double)inputs->zone_share_micro / 1e6);
}

static json_t *quarters_json(const struct making *making)
{
    const struct dr_plan_sums *sums = making->sums;
    uint32_t count = making->inputs->quarters_count;
    json_t *quarters = json_object();

    set(quarters, "ordered", over(sums->ordered, count));
    set(quarters, "there", over(sums->there, count));
    set(quarters, "on", over_milli(sums->on_milli, count));
    set(quarters, "spent", over(sums->spent, count));
    set(quarters, "orders", over(sums->spent_orders, count));
    set(quarters, "domestic_orders", over(sums->spent_domestic, count));
    set(quarters, "energy", over(sums->energy_cost, count));
    set(quarters, "upkeep", over(sums->upkeep, count));
    set(quarters, "draw_w", over(sums->draw_w, count));
    set(quarters, "power_w", over(sums->power_w, count));
    return quarters;
}

static void add_by_year(const struct making *making, const int64_t *values, int64_t *years)
{
    FOR(t, making->inputs->quarters_count)
        years[dr_plan_year(making->inputs, t)] += values[t];
}

static json_t *years_json(const struct making *making)
{
    const struct dr_plan_sums *sums = making->sums;
    const struct {
        const char *name;
        const int64_t *values;
    } parts[] = {{"spent", sums->spent},
                 {"orders", sums->spent_orders},
                 {"domestic_orders", sums->spent_domestic},
                 {"energy", sums->energy_cost},
                 {"upkeep", sums->upkeep}};
    uint32_t count = making->inputs->years_count;
    json_t *years = json_object();

    FOR(i, DR_COUNT_OF(parts)) {
        int64_t of[DR_PLAN_YEARS_MAX] = {0};

        add_by_year(making, parts[i].values, of);
        set(years, parts[i].name, over(of, count));
    }
    set(years, "peaks", over(sums->peak_cost, count));
    set(years, "budget", limits(making->inputs->budget, count));
    return years;
}

static json_t *costs_json(const struct making *making)
{
    static const char *const words[][2] = {
#define COST_WORDS(name, word, words) {word, words},
        DR_PLAN_COSTS(COST_WORDS)
#undef COST_WORDS
    };
    json_t *costs = json_array();

    FOR(i, DR_PLAN_COST_COUNT)
        push(costs, json_pack("{s:s, s:s, s:f}", "part", words[i][0], "words", words[i][1],
                              "amount", making->sums->cost_of[i]));
    return costs;
}

/* ---- targets ---- */

static json_t *targets_json(const struct making *making)
{
    const struct dr_plan_inputs *inputs = making->inputs;
    json_t *targets = json_array();

    FOR(g, inputs->targets_count) {
        const struct dr_plan_target *target = &inputs->targets[g];
        int by_compute = target->accelerators == 0;
        double found = 0, asked = by_compute ? (double)target->compute_micro / 1e6
                                             : (double)target->accelerators;

        FOR(s, inputs->sites_count) {
            FOR(c, inputs->chips_count)
                found += (double)making->plan->on_milli[s][c][target->quarter] / 1e3 *
                         (by_compute ? (double)inputs->chips[c].compute_micro / 1e6 : 1);
        }
        push(targets, json_pack("{s:o, s:s, s:f, s:f, s:b}", "quarter",
                                quarter_json(making, target->quarter), "of",
                                by_compute ? "compute" : "accelerators", "asked", asked, "found",
                                found, "met", found >= asked * (1 - 1e-9)));
    }
    return targets;
}

/* Of all that is ordered in a year, by one measure: all of it, and what is domestic. */
static void ordered_in(const struct making *making, enum dr_plan_measure measure, uint32_t year,
                       double *all, double *domestic)
{
    const struct dr_plan_inputs *inputs = making->inputs;

    *all = *domestic = 0;
    FOR(t, inputs->quarters_count) {
        FOR(s, dr_plan_year(inputs, t) == year ? inputs->sites_count : 0) {
            FOR(c, inputs->chips_count) {
                const struct dr_plan_chip *chip = &inputs->chips[c];
                double one = measure == DR_PLAN_BY_VALUE   ? (double)chip->price[t]
                             : measure == DR_PLAN_BY_UNITS ? 1
                                                           : (double)chip->compute_micro / 1e6;
                double amount = one * (double)making->plan->buy[s][c][t];

                *all += amount;
                *domestic += chip->domestic ? amount : 0;
            }
        }
    }
}

/* The share that is asked of a year's orders; below 0: none is. The last rule that has begun. */
static double asked_in(const struct dr_plan_inputs *inputs, enum dr_plan_measure measure,
                       uint32_t year)
{
    const struct dr_plan_domestic *last = NULL;

    FOR(i, inputs->domestic_count) {
        const struct dr_plan_domestic *rule = &inputs->domestic[i];

        if (rule->measure == measure && rule->year <= year &&
            (last == NULL || rule->year >= last->year))
            last = rule;
    }
    return last == NULL ? -1 : (double)last->share_micro / 1e6;
}

static json_t *domestic_json(const struct making *making)
{
    static const char *const measures[] = {"value", "units", "compute"};
    json_t *all = json_array();

    FOR(m, DR_COUNT_OF(measures)) {
        json_t *asked = json_array(), *found = json_array();
        int any = 0;

        FOR(y, making->inputs->years_count) {
            double share = asked_in(making->inputs, (enum dr_plan_measure)m, y);
            double orders, domestic;

            ordered_in(making, (enum dr_plan_measure)m, y, &orders, &domestic);
            any |= share >= 0;
            push(asked, share < 0 ? json_null() : json_real(share));
            push(found, orders > 0 ? json_real(domestic / orders) : json_null());
        }
        push(all, json_pack("{s:s, s:b, s:o, s:o}", "measure", measures[m], "is_asked", any,
                            "asked", asked, "found", found));
    }
    return all;
}

/* ---- places ---- */

static json_t *phases_json(const struct making *making, uint32_t s)
{
    const struct dr_plan_site *site = &making->inputs->sites[s];
    json_t *phases = json_array();

    FOR(p, site->phases_count) {
        const struct dr_plan_phase *phase = &site->phases[p];
        int32_t begun = making->plan->phase[s][p];
        json_t *one = json_pack("{s:I, s:I, s:i, s:b}", "power_w", (json_int_t)phase->power_w,
                                "cost", (json_int_t)phase->cost, "build_quarters",
                                (int)phase->build_quarters, "begun_before", (int)phase->begun);

        if (phase->begun) {
            set(one, "begin", json_null());
            set(one, "there", quarter_json(making, phase->quarter));
        } else if (begun != DR_PLAN_NEVER) {
            set(one, "begin", quarter_json(making, begun));
            set(one, "there", quarter_json(making, begun + (int64_t)phase->build_quarters));
        } else {
            set(one, "begin", json_null());
            set(one, "there", json_null());
        }
        push(phases, one);
    }
    return phases;
}

/* What is on at a site, chip by chip; chips that never are have no place. */
static json_t *site_chips_json(const struct making *making, uint32_t s)
{
    const struct dr_plan_inputs *inputs = making->inputs;
    json_t *chips = json_array();

    FOR(c, inputs->chips_count) {
        int any = 0;

        FOR(t, inputs->quarters_count)
            any |= making->plan->on_milli[s][c][t] != 0;
        if (any)
            push(chips,
                 json_pack("{s:s, s:o}", "chip", inputs->chips[c].name, "on",
                           over_milli(making->plan->on_milli[s][c], inputs->quarters_count)));
    }
    return chips;
}

static json_t *site_json(const struct making *making, uint32_t s)
{
    const struct dr_plan_inputs *inputs = making->inputs;
    const struct dr_plan_site *site = &inputs->sites[s];
    int64_t on_milli[DR_PLAN_QUARTERS_MAX] = {0}, power[DR_PLAN_QUARTERS_MAX];
    int64_t is_there[DR_PLAN_QUARTERS_MAX] = {0}, ordered[DR_PLAN_QUARTERS_MAX] = {0};
    double draw[DR_PLAN_QUARTERS_MAX];
    json_t *made;

    FOR(t, inputs->quarters_count) {
        FOR(c, inputs->chips_count) {
            on_milli[t] += making->plan->on_milli[s][c][t];
            ordered[t] += making->plan->buy[s][c][t];
            is_there[t] += there(making, s, c, t);
        }
        draw[t] = draw_w(making, s, t);
        power[t] = power_w(making, s, t);
    }
    made = json_pack("{s:s, s:s, s:s, s:i, s:f}", "site", site->name, "name", site->title, "zone",
                     inputs->zones[site->zone].name, "grade", (int)site->grade, "pue",
                     (double)site->pue_micro / 1e6);
    if (site->located) {
        set(made, "latitude", json_real((double)site->latitude_micro / 1e6));
        set(made, "longitude", json_real((double)site->longitude_micro / 1e6));
        set(made, "location_assumed", json_boolean(site->location_assumed));
    }
    set(made, "on", over_milli(on_milli, inputs->quarters_count));
    set(made, "there", over(is_there, inputs->quarters_count));
    set(made, "ordered", over(ordered, inputs->quarters_count));
    set(made, "draw_w", over_real(draw, inputs->quarters_count));
    set(made, "power_w", over(power, inputs->quarters_count));
    set(made, "phases", phases_json(making, s));
    set(made, "chips", site_chips_json(making, s));
    return made;
}

static json_t *zone_json(const struct making *making, uint32_t z)
{
    const struct dr_plan_inputs *inputs = making->inputs;
    double draw[DR_PLAN_QUARTERS_MAX] = {0};
    int64_t power[DR_PLAN_QUARTERS_MAX] = {0};

    FOR(s, inputs->sites_count) {
        FOR(t, inputs->sites[s].zone == z ? inputs->quarters_count : 0) {
            draw[t] += draw_w(making, s, t);
            power[t] += power_w(making, s, t);
        }
    }
    return json_pack("{s:s, s:o, s:o, s:o}", "zone", inputs->zones[z].name, "draw_w",
                     over_real(draw, inputs->quarters_count), "power_w",
                     over(power, inputs->quarters_count), "grid_w",
                     limits(inputs->zones[z].grid_w, inputs->quarters_count));
}

static json_t *chip_json(const struct making *making, uint32_t c)
{
    const struct dr_plan_inputs *inputs = making->inputs;
    const struct dr_plan_chip *chip = &inputs->chips[c];
    int64_t on_milli[DR_PLAN_QUARTERS_MAX] = {0}, ordered[DR_PLAN_QUARTERS_MAX] = {0};
    int64_t is_there[DR_PLAN_QUARTERS_MAX] = {0};

    FOR(s, inputs->sites_count) {
        FOR(t, inputs->quarters_count) {
            on_milli[t] += making->plan->on_milli[s][c][t];
            ordered[t] += making->plan->buy[s][c][t];
            is_there[t] += there(making, s, c, t);
        }
    }
    return json_pack(
        "{s:s, s:s, s:b, s:f, s:i, s:o, s:o, s:o, s:o, s:o}", "chip", chip->name, "vendor",
        chip->vendor, "domestic", (int)chip->domestic, "compute", (double)chip->compute_micro / 1e6,
        "busy_w", (int)chip->busy_w, "price", over(chip->price, inputs->quarters_count), "supply",
        over(chip->supply, inputs->quarters_count), "on",
        over_milli(on_milli, inputs->quarters_count), "there",
        over(is_there, inputs->quarters_count), "ordered", over(ordered, inputs->quarters_count));
}

static json_t *sector_json(const struct making *making, uint32_t k)
{
    const struct dr_plan_sector *sector = &making->inputs->sectors[k];
    uint32_t count = making->inputs->quarters_count;

    return json_pack("{s:s, s:s, s:I, s:f, s:b, s:o, s:o}", "sector", sector->name, "name",
                     sector->title, "unserved_cost", (json_int_t)sector->unserved, "least",
                     (double)sector->least_micro / 1e6, "critical", (int)sector->critical, "demand",
                     over(sector->demand, count), "served", over(making->sums->served[k], count));
}

static json_t *listed(const struct making *making, uint32_t count,
                      json_t *(*make)(const struct making *making, uint32_t place))
{
    json_t *list = json_array();

    FOR(i, count)
        push(list, make(making, i));
    return list;
}

/* ---- what binds ---- */

/* When one of a rule's rows binds, among its times, earliest first. */
static void push_time(json_t *times, const char *when)
{
    size_t at = json_array_size(times);

    while (at > 0 && strcmp(when, json_string_value(json_array_get(times, at - 1))) < 0)
        at -= 1;
    json_array_insert_new(times, at, json_string(when));
}

/* The times at which a rule binds at its place; `rule` are the parts of row `of`. */
static json_t *times_json(const struct dr_plan_report *report, uint32_t of,
                          const struct dr_row_parts *rule)
{
    json_t *times = json_array();

    FOR(b, report->bindings_count) {
        uint32_t row = report->bindings[b].row;
        struct dr_row_parts parts;
        int is_year;

        dr_program_row_parts(report->program, row, &parts);
        if (row == of ||
            (dr_program_row_time(report->program, of, &is_year) >= 0 &&
             strcmp(parts.name, rule->name) == 0 && strcmp(parts.where, rule->where) == 0))
            push_time(times, parts.when);
    }
    return times;
}

/* In the order of the prices: those with the most at stake first. */
static json_t *binds_json(const struct making *making)
{
    const struct dr_plan_report *report = making->report;
    json_t *binds = json_array();

    FOR(i, report->prices_count) {
        const struct dr_price *price = &report->prices[i];
        struct dr_row_parts parts;

        dr_program_row_parts(report->program, price->row, &parts);
        push(binds,
             json_pack("{s:s, s:s, s:s, s:s, s:b, s:f, s:o}", "row", parts.name, "rule", parts.rule,
                       "where", parts.where, "unit", price->unit, "asked", price->asked, "worth",
                       price->worth, "times", times_json(report, price->row, &parts)));
    }
    return binds;
}

static json_t *not_begun_json(const struct making *making)
{
    json_t *list = json_array();

    FOR(i, making->report->not_begun_count) {
        const struct dr_not_begun *one = &making->report->not_begun[i];
        const struct dr_plan_site *site = &making->inputs->sites[one->site];

        if (isfinite(one->dearer))
            push(list, json_pack("{s:s, s:i, s:I, s:I, s:o, s:f}", "site", site->name, "phase",
                                 (int)one->phase + 1, "power_w",
                                 (json_int_t)site->phases[one->phase].power_w, "cost",
                                 (json_int_t)site->phases[one->phase].cost, "quarter",
                                 quarter_json(making, one->quarter), "dearer", one->dearer));
    }
    return list;
}

/* ---- the document, the page ---- */

json_t *dr_plan_report_json(const struct dr_plan_report *report)
{
    const struct dr_plan_inputs *inputs = report->program->inputs;
    struct making making = {report, inputs, report->plan, report->sums};
    struct dr_plan_figures figures;
    json_t *document = json_object();

    dr_plan_figure(inputs, report->plan, report->sums, &figures);
    set(document, "scenario", scenario_json(&making));
    set(document, "cost", json_real(report->sums->cost));
    set(document, "costs", costs_json(&making));
    set(document, "figures", dr_plan_figures_json(inputs, &figures));
    set(document, "targets", targets_json(&making));
    set(document, "domestic", domestic_json(&making));
    set(document, "quarters", quarters_json(&making));
    set(document, "years", years_json(&making));
    set(document, "sites", listed(&making, inputs->sites_count, site_json));
    set(document, "zones", listed(&making, inputs->zones_count, zone_json));
    set(document, "chips", listed(&making, inputs->chips_count, chip_json));
    set(document, "sectors", listed(&making, inputs->sectors_count, sector_json));
    set(document, "binds", binds_json(&making));
    set(document, "not_begun", not_begun_json(&making));
    set(document, "certificate", json_incref(report->certificate));
    if (report->verify != NULL)
        set(document, "verify", json_string(report->verify));
    if (report->courses != NULL)
        set(document, "courses", json_incref(report->courses));
    if (report->alternatives != NULL)
        set(document, "alternatives", json_incref(report->alternatives));
    if (report->futures != NULL)
        set(document, "futures", json_incref(report->futures));
    if (report->replay != NULL)
        set(document, "replay", json_incref(report->replay));
    return document;
}

enum dr_status dr_plan_report_write(FILE *out, const json_t *document)
{
    char *text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(12));

    DR_ASSERT(text != NULL);
    dr_page_begin(out, dr_plan_page);
    dr_page_put_json(out, text);
    free(text);
    return dr_page_end(out, dr_plan_page);
}
