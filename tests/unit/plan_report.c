/* SPDX-License-Identifier: Apache-2.0 */
/* The document behind a plan's page: what it has by site, zone, chip and year comes to what the
 * check of the plan summed up, and what is asked is held against the plan itself. And the page with
 * it. What a reader sees is tests/browser/plan.test. */
#include "plan/report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/report/report_page.h"
#include "plan_world.h"
#include "test.h"

#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

/* The campus, its plan and its document, solved once. */
struct told {
    struct dr_plan_inputs *inputs;
    struct dr_program program;
    struct dr_plan *plan;
    struct dr_plan_sums sums;
    double bound;
    struct dr_binding bindings[DR_BINDING_MAX];
    uint32_t bindings_count;
    struct dr_price prices[DR_BINDING_MAX];
    uint32_t prices_count;
    json_t *document;
};

static struct told *campus(void)
{
    static struct told *told;
    struct dr_plan_report report = {.verify = "daero plan verify campus"};
    struct dr_not_begun phases[DR_PLAN_SITES_MAX];
    struct dr_solver *solver = NULL;
    struct dr_error error;
    double *values;

    if (told != NULL)
        return told;
    told = calloc(1, sizeof *told);
    told->inputs = plan_campus();
    told->inputs->sites[0].located = 1;
    told->inputs->sites[0].location_assumed = 1;
    told->inputs->sites[0].latitude_micro = -33868800;
    told->inputs->sites[0].longitude_micro = 151209300;
    told->plan = plan_new();
    CHECK(plan_solve(told->inputs, 0.3, told->plan, &told->sums, &told->bound));
    dr_program_init(&told->program, told->inputs, 0);
    values = calloc(told->program.model.columns_count, sizeof values[0]);
    dr_plan_binaries(&told->program, told->plan, values);
    CHECK_EQ(dr_solver_open(&solver, &told->program.model, NULL, &error), DR_OK);
    told->bindings_count = dr_explain_binding(&told->program, solver, values, told->bindings);
    report.not_begun_count =
        dr_explain_not_begun(&told->program, solver, values, phases, DR_PLAN_SITES_MAX);
    CHECK_EQ(dr_explain_prices(&told->program, values, told->bindings, told->bindings_count,
                               told->prices, &told->prices_count, &error),
             DR_OK);
    dr_solver_close(solver);
    free(values);
    report.program = &told->program;
    report.plan = told->plan;
    report.sums = &told->sums;
    report.bindings = told->bindings;
    report.bindings_count = told->bindings_count;
    report.prices = told->prices;
    report.prices_count = told->prices_count;
    report.not_begun = phases;
    report.certificate = json_pack("{s:s}", "scenario", "</script><b>");
    report.futures = json_pack("{s:s}", "chosen", "</script><i>");
    report.replay = json_pack("{s:s}", "end", "</script><u>");
    told->document = dr_plan_report_json(&report);
    json_decref(report.certificate);
    json_decref(report.futures);
    json_decref(report.replay);
    return told;
}

static const json_t *part(const json_t *of, const char *name)
{
    const json_t *found = json_object_get(of, name);

    if (found == NULL)
        fail_msg("no %s", name);
    return found;
}

static double at(const json_t *list, uint32_t place)
{
    CHECK(place < json_array_size(list));
    return json_number_value(json_array_get(list, place));
}

/* Of all members of a list of things, a line's value in one quarter. */
static double together(const json_t *things, const char *line, uint32_t t)
{
    double sum = 0;

    FOR(i, json_array_size(things))
        sum += at(part(json_array_get(things, i), line), t);
    return sum;
}

static double total(const json_t *list)
{
    double sum = 0;

    FOR(i, json_array_size(list))
        sum += at(list, i);
    return sum;
}

static void check_near(double found, double expected, double most)
{
    if (fabs(found - expected) > most)
        fail_msg("found %.9f, expected %.9f", found, expected);
}

TEST(sites_zones_and_chips_come_to_the_sums)
{
    const struct told *told = campus();
    const json_t *sites = part(told->document, "sites"), *zones = part(told->document, "zones");
    const json_t *chips = part(told->document, "chips");
    const json_t *quarters = part(told->document, "quarters");

    CHECK(told->sums.ordered[0] > 0);
    FOR(t, told->inputs->quarters_count) {
        double on = (double)told->sums.on_milli[t] / 1000;

        check_near(together(sites, "on", t), on, 1e-6);
        check_near(together(chips, "on", t), on, 1e-6);
        check_near(at(part(quarters, "on"), t), on, 1e-9);
        check_near(together(sites, "there", t), (double)told->sums.there[t], 0);
        check_near(together(chips, "there", t), (double)told->sums.there[t], 0);
        check_near(together(sites, "ordered", t), (double)told->sums.ordered[t], 0);
        check_near(together(chips, "ordered", t), (double)told->sums.ordered[t], 0);
        check_near(together(sites, "power_w", t), (double)told->sums.power_w[t], 0);
        check_near(together(zones, "power_w", t), (double)told->sums.power_w[t], 0);
        /* The sums are in whole watts. */
        check_near(together(sites, "draw_w", t), (double)told->sums.draw_w[t], 4);
        check_near(together(zones, "draw_w", t), (double)told->sums.draw_w[t], 4);
        FOR(k, told->inputs->sectors_count) {
            const json_t *sector = json_array_get(part(told->document, "sectors"), k);

            check_near(at(part(sector, "served"), t), (double)told->sums.served[k][t], 0);
            check_near(at(part(sector, "demand"), t), (double)told->inputs->sectors[k].demand[t],
                       0);
        }
    }
    FOR(s, told->inputs->sites_count) {
        const json_t *site = json_array_get(sites, s);

        FOR(t, told->inputs->quarters_count)
            check_near(together(part(site, "chips"), "on", t), at(part(site, "on"), t), 1e-6);
    }
}

TEST(years_and_parts_come_to_the_money)
{
    const struct told *told = campus();
    const json_t *years = part(told->document, "years");
    const json_t *quarters = part(told->document, "quarters");
    const json_t *costs = part(told->document, "costs");
    static const char *const names[] = {"spent", "orders", "domestic_orders", "energy", "upkeep"};
    double cost = 0, spent = 0;

    CHECK_EQ(json_array_size(costs), DR_PLAN_COST_COUNT);
    FOR(i, DR_PLAN_COST_COUNT) {
        double amount = json_number_value(part(json_array_get(costs, i), "amount"));

        CHECK(i == DR_PLAN_COST_LEFT ? amount < 0 : amount >= 0);
        cost += amount;
    }
    check_near(cost, told->sums.cost, 1e-9 * told->sums.cost);
    check_near(json_number_value(part(told->document, "cost")), told->sums.cost, 0);
    FOR(i, DR_COUNT_OF(names)) {
        check_near(total(part(years, names[i])), total(part(quarters, names[i])), 0);
        CHECK(total(part(years, names[i])) > 0);
    }
    FOR(t, told->inputs->quarters_count)
        spent += (double)told->sums.spent[t];
    check_near(total(part(years, "spent")), spent, 0);
    check_near(json_number_value(part(part(told->document, "figures"), "spent")), spent, 0);
    FOR(y, told->inputs->years_count)
        check_near(at(part(years, "budget"), y), (double)told->inputs->budget[y], 0);
}

TEST(what_is_asked_is_held_against_the_plan)
{
    const struct told *told = campus();
    const json_t *targets = part(told->document, "targets");
    const json_t *domestic = part(told->document, "domestic");
    const json_t *first = json_array_get(targets, 0), *units = json_array_get(domestic, 1);
    const json_t *asked = part(units, "asked");
    double ordered = 0, home = 0;

    CHECK_EQ(json_array_size(targets), 2);
    CHECK_TEXT(json_string_value(part(first, "quarter")), "2028-Q2");
    check_near(json_number_value(part(first, "asked")), 300, 0);
    check_near(json_number_value(part(first, "found")), (double)told->sums.on_milli[4] / 1000,
               1e-9);
    CHECK(json_is_true(part(first, "met")));
    CHECK_TEXT(json_string_value(part(json_array_get(targets, 1), "of")), "compute");
    CHECK(json_number_value(part(json_array_get(targets, 1), "found")) >= 1200);

    CHECK_TEXT(json_string_value(part(units, "measure")), "units");
    CHECK(json_is_null(json_array_get(asked, 0))); /* asked for from the second year on */
    check_near(at(asked, 1), 0.3, 1e-12);
    FOR(s, told->inputs->sites_count) {
        FOR(c, told->inputs->chips_count) {
            FOR(t, told->inputs->quarters_count) {
                double buy =
                    dr_plan_year(told->inputs, t) == 1 ? (double)told->plan->buy[s][c][t] : 0;

                ordered += buy;
                home += told->inputs->chips[c].domestic ? buy : 0;
            }
        }
    }
    CHECK(ordered > 0);
    check_near(at(part(units, "found"), 1), home / ordered, 1e-12);
}

/* Of a rule at a place what dr_explain_prices() says, with each time at which one of its rows
 * binds; what one more changes nothing of is left out. */
TEST(rules_that_bind_have_their_price_and_their_times)
{
    const struct told *told = campus();
    const json_t *binds = part(told->document, "binds");
    uint32_t asked = 0, more_than_once = 0;

    CHECK(told->prices_count > 0);
    CHECK_EQ(json_array_size(binds), told->prices_count);
    FOR(i, told->prices_count) {
        const struct dr_price *price = &told->prices[i];
        const json_t *bind = json_array_get(binds, i), *times = part(bind, "times");
        struct dr_row_parts first, last;

        dr_program_row_parts(&told->program, price->first_row, &first);
        dr_program_row_parts(&told->program, price->last_row, &last);
        CHECK_TEXT(json_string_value(part(bind, "row")), first.name);
        CHECK_TEXT(json_string_value(part(bind, "where")), first.where);
        CHECK_TEXT(json_string_value(part(bind, "unit")), price->unit);
        CHECK_EQ(json_is_true(part(bind, "asked")), price->asked);
        check_near(json_number_value(part(bind, "worth")), price->worth, 0);
        CHECK(price->worth > 0);
        CHECK_EQ(json_array_size(times), price->count);
        CHECK_TEXT(json_string_value(json_array_get(times, 0)), first.when);
        CHECK_TEXT(json_string_value(json_array_get(times, price->count - 1)), last.when);
        for (uint32_t k = 1; k < price->count; k += 1)
            CHECK(strcmp(json_string_value(json_array_get(times, k - 1)),
                         json_string_value(json_array_get(times, k))) < 0);
        asked += price->asked != 0;
        more_than_once += price->count > 1;
    }
    CHECK(asked > 0 && asked < told->prices_count);
    CHECK(more_than_once > 0);
}

TEST(phases_say_when_they_are_begun_and_there)
{
    const struct told *told = campus();
    uint32_t begun = 0;

    FOR(s, told->inputs->sites_count) {
        FOR(p, told->inputs->sites[s].phases_count) {
            const json_t *site = json_array_get(part(told->document, "sites"), s);
            const json_t *phase = json_array_get(part(site, "phases"), p);
            int32_t quarter = told->plan->phase[s][p];
            char text[DR_QUARTER_BYTES];

            if (quarter == DR_PLAN_NEVER) {
                CHECK(json_is_null(part(phase, "begin")));
                continue;
            }
            begun += 1;
            dr_format_quarter(told->inputs->begin + quarter, text);
            CHECK_TEXT(json_string_value(part(phase, "begin")), text);
            dr_format_quarter(told->inputs->begin + quarter +
                                  told->inputs->sites[s].phases[p].build_quarters,
                              text);
            CHECK_TEXT(json_string_value(part(phase, "there")), text);
        }
    }
    CHECK(begun > 0);
}

TEST(only_sites_that_say_so_have_coordinates)
{
    const json_t *sites = part(campus()->document, "sites");
    const json_t *first = json_array_get(sites, 0);

    check_near(json_number_value(part(first, "latitude")), -33.8688, 1e-12);
    check_near(json_number_value(part(first, "longitude")), 151.2093, 1e-12);
    CHECK(json_is_true(part(first, "location_assumed")));
    CHECK(json_object_get(json_array_get(sites, 1), "latitude") == NULL);
    CHECK(json_object_get(json_array_get(sites, 1), "longitude") == NULL);
}

/* What was not given has no section, and nothing in the document ends its element. */
TEST(the_page_has_the_document_and_nothing_gets_out_of_it)
{
    static const char open[] = "<script type=\"application/json\" id=\"data\">";
    const struct told *told = campus();
    const char *begin, *end, *in_page = dr_plan_page;
    size_t bytes = 0, scripts = 0, scripts_in_page = 0;
    char *page = NULL;
    FILE *out = open_memstream(&page, &bytes);
    json_t *found;

    CHECK(json_object_get(told->document, "courses") == NULL);
    CHECK(json_object_get(told->document, "alternatives") == NULL);
    CHECK(out != NULL);
    CHECK_EQ(dr_plan_report_write(out, told->document), DR_OK);
    CHECK_EQ(fclose(out), 0);
    begin = strstr(page, open);
    CHECK(begin != NULL);
    begin += strlen(open);
    end = strstr(begin, "</script");
    found = json_loadb(begin, (size_t)(end - begin), 0, NULL);
    CHECK_TEXT(json_string_value(part(part(found, "certificate"), "scenario")), "</script><b>");
    CHECK_TEXT(json_string_value(part(found, "verify")), "daero plan verify campus");
    CHECK_TEXT(json_string_value(part(part(found, "futures"), "chosen")), "</script><i>");
    CHECK_TEXT(json_string_value(part(part(found, "replay"), "end")), "</script><u>");
    for (const char *tag = page; (tag = strstr(tag, "</script")) != NULL; tag += 1)
        scripts += 1;
    for (; (in_page = strstr(in_page, "</script")) != NULL; in_page += 1)
        scripts_in_page += 1;
    CHECK_EQ(scripts, scripts_in_page);
    json_decref(found);
    free(page);
    out = fopen("/dev/full", "we");
    CHECK(out != NULL);
    CHECK_EQ(dr_plan_report_write(out, told->document), DR_E_IO);
    fclose(out);
}
