/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a plan's scenario: a good one is read, and each mistake is said where it stands. And the
 * page that explains the program names every row and column of it. */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "plan/futures/future.h"
#include "test.h"

#define CLAIM ",all,MADE,\n"

static const struct {
    const char *name;
    const char *text;
} FILES[] = {
    {"plan.yaml", "name: small\ncurrency: USD\nbegin: 2027-Q1\nquarters: 6\ndiscount_percent: 5\n"
                  "targets:\n  - {by: 2028-Q2, accelerators: 32}\n"
                  "domestic:\n  - {from: 2027, percent: 20, by: units}\n"},
    {"sources.csv", "key,publisher,date,address,confidence\nMADE,the test,2026,,assumed\n"},
    {"sites.csv", "site,name,zone,tariff,power_mw,pue,grade,assumed,source,note\n"
                  "room,A room,town,day,0.1,1.2,1" CLAIM},
    {"phases.csv", "site,power_mw,cost_m,build_quarters,quarter,state,assumed,source,note\n"
                   "room,0.2,0.5,1,2027-Q2,open" CLAIM},
    {"chips.csv",
     "chip,vendor,domestic,busy_w,idle_w,compute,available_percent,upkeep_percent,lead_quarters,"
     "life_quarters,lot,order_min,assumed,source,note\n"
     "fast,abroad,no,1400,400,2,95,5,1,20,8,0" CLAIM "near,home,yes,700,200,1,95,5,1,20,4,0" CLAIM},
    {"offers.csv", "chip,quarter,price_m,supply,assumed,source,note\n"
                   "fast,2027-Q1,0.045,16" CLAIM "near,2027-Q1,0.018,32" CLAIM},
    {"fleet.csv", "site,chip,count,quarter,assumed,source,note\nroom,near,4,2026-Q1" CLAIM},
    {"sectors.csv",
     "sector,name,unserved_m,least_percent,busy_percent,grade,zones,critical,assumed,"
     "source,note\nscience,Science,0.01,10,80,1,town,no" CLAIM},
    {"speeds.csv",
     "sector,chip,speed,assumed,source,note\nscience,fast,2" CLAIM "science,near,1" CLAIM},
    {"demand.csv", "sector,quarter,units,assumed,source,note\nscience,2027-Q1,4" CLAIM
                   "science,2028-Q2,40" CLAIM},
    {"budgets.csv", "year,budget_m,assumed,source,note\n2027,3" CLAIM "2028,3" CLAIM},
    {"grid.csv", "zone,quarter,power_mw,assumed,source,note\ntown,2027-Q1,1" CLAIM},
    {"tariffs.csv",
     "tariff,quarter_of_year,energy_per_kwh,peak_per_kw_month,assumed,source,note\n"
     "day,1,0.1,5" CLAIM "day,2,0.1,5" CLAIM "day,3,0.1,5" CLAIM "day,4,0.1,5" CLAIM},
    {"futures.csv",
     "future,name,weight_percent,demand_percent,price_percent,tariff_percent,late_quarters,"
     "grid_late_quarters,assumed,source,note\nmid,As told,60,100,100,100,0,0" CLAIM
     "late,Late,40,150,80,110,1,2" CLAIM},
};

static char said[16384];
static const char *written_to; /* by the last read_with() */

static void say(void *context, const struct dr_error *error)
{
    char line[1400];
    size_t length = strlen(said);

    (void)context;
    snprintf(said + length, sizeof said - length, "%s\n", dr_error_line(error, line, sizeof line));
}

#define FACTORS_HEAD "sector,factor_percent,assumed,source,note\n"
#define YEARS_HEAD   "sector,year,factor_percent,assumed,source,note\n"

/* The table that need not be there; NULL: it is not. */
static const char *factors;

static void write_factors(const char *directory)
{
    char path[4096];
    FILE *out;

    snprintf(path, sizeof path, "%s/capacity_factors.csv", directory);
    remove(path);
    if (factors == NULL)
        return;
    out = fopen(path, "w");
    CHECK(out != NULL);
    fputs(factors, out);
    fclose(out);
}

/* The scenario with `from` of one file replaced by `to`; NULL: nothing is. */
static struct dr_plan_inputs *read_with(const char *file, const char *from, const char *to)
{
    struct dr_csv_errors errors = {.say = say};
    struct dr_plan_inputs *inputs = NULL;
    const char *directory = test_directory();
    char path[4096];
    int changed = file == NULL;
    enum dr_status status;

    said[0] = '\0';
    written_to = directory;
    for (size_t i = 0; i < DR_COUNT_OF(FILES); i += 1) {
        const char *text = FILES[i].text, *at = NULL;
        FILE *out;

        snprintf(path, sizeof path, "%s/%s", directory, FILES[i].name);
        out = fopen(path, "w");
        CHECK(out != NULL);
        if (file != NULL && strcmp(FILES[i].name, file) == 0)
            at = strstr(text, from);
        if (at != NULL) {
            fprintf(out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
            changed = 1;
        } else {
            fputs(text, out);
        }
        fclose(out);
    }
    CHECK(changed);
    write_factors(directory);
    status = dr_plan_inputs_open(&inputs, directory, &errors);
    CHECK_EQ(status, errors.count == 0 ? DR_OK : DR_E_INPUT);
    return inputs;
}

TEST(a_scenario_is_read_into_places_and_whole_numbers)
{
    struct dr_plan_inputs *inputs = read_with(NULL, NULL, NULL);

    if (inputs == NULL)
        fail_msg("%s", said);
    CHECK_EQ(inputs->begin, 2027 * 4);
    CHECK_EQ(inputs->years_count, 2);
    CHECK_EQ(inputs->sites[0].power_w, 100000);
    CHECK_EQ(inputs->sites[0].phases[0].cost, 500000);
    CHECK_EQ(inputs->sites[0].phases[0].quarter, 1);
    CHECK_EQ(inputs->chips[0].price[0], 45000);
    CHECK_EQ(inputs->chips[1].available_micro, 950000);
    CHECK_EQ(inputs->base[0][1][0], 4);
    CHECK_EQ(inputs->sectors[0].demand[0], 4);
    CHECK_EQ(inputs->sectors[0].demand[1], 11); /* 4 + 36 / 5, rounded down */
    CHECK_EQ(inputs->sectors[0].demand[5], 40);
    CHECK_EQ(inputs->tariffs[0].energy_micro[3], 100000);
    CHECK_EQ(inputs->budget[1], 3000000);
    CHECK_EQ(inputs->targets[0].quarter, 5);
    CHECK_EQ(inputs->domestic[0].measure, DR_PLAN_BY_UNITS);
    CHECK_EQ(inputs->relax_count, DR_PLAN_RELAX_COUNT);
    CHECK_EQ(inputs->common_quarters, 6); /* there are no eight */
    CHECK_EQ(inputs->futures_count, 2);
    CHECK_EQ(inputs->futures[1].weight_micro, 400000);
    CHECK_EQ(inputs->futures[1].price_micro, 800000);
    CHECK_EQ(inputs->futures[1].grid_late_quarters, 2);
    CHECK_EQ(strlen(inputs->futures_hash), 64);
    dr_plan_inputs_close(inputs);
}

TEST(a_factor_is_of_the_busy_share_and_changes_the_hash)
{
    struct dr_plan_inputs *without, *with, *by_year;

    factors = NULL;
    without = read_with(NULL, NULL, NULL);
    factors = FACTORS_HEAD "science,93.5" CLAIM;
    with = read_with(NULL, NULL, NULL);
    factors = YEARS_HEAD "science,2028,50" CLAIM "science,,93.5" CLAIM;
    by_year = read_with(NULL, NULL, NULL);
    factors = NULL;
    CHECK_EQ(without->sectors[0].busy_micro, 800000);
    CHECK_EQ(with->sectors[0].busy_micro, 800000);
    CHECK_EQ(dr_plan_factor(&without->sectors[0], 0), 1000000);
    for (uint32_t t = 0; t < without->quarters_count; t += 1) {
        int in_2028 = (without->begin + t) / 4 == 2028;

        CHECK_EQ(dr_plan_busy(without, 0, t), 800000);
        CHECK_EQ(dr_plan_busy(with, 0, t), 748000);
        CHECK_EQ(dr_plan_busy(by_year, 0, t), in_2028 ? 400000 : 748000);
        CHECK_EQ(dr_plan_yield(by_year, 0, 1, t), in_2028 ? 400000000000 : 748000000000);
    }
    CHECK(strcmp(without->hash, with->hash) != 0);
    CHECK(strcmp(by_year->hash, with->hash) != 0);
    dr_plan_inputs_close(without);
    dr_plan_inputs_close(with);
    dr_plan_inputs_close(by_year);
}

TEST(a_wrong_factor_is_said_where_it_stands)
{
    static const struct {
        const char *text, *words;
    } MISTAKES[] = {
        {FACTORS_HEAD "sports,90" CLAIM, "capacity_factors.csv:2: sector: found 'sports'"},
        {FACTORS_HEAD "science,101" CLAIM, "factor_percent: found '101'"},
        {FACTORS_HEAD "science,0" CLAIM, "factor_percent: found '0'"},
        {FACTORS_HEAD "science,90" CLAIM "science,80" CLAIM,
         "capacity_factors.csv:3: sector: found 'science', expected each sector once"},
        {YEARS_HEAD "science,2028,90" CLAIM "science,,70" CLAIM "science,2028,80" CLAIM,
         "capacity_factors.csv:4: sector: found 'science', expected each sector once in a year"},
        {YEARS_HEAD "science,2062,90" CLAIM,
         "capacity_factors.csv:2: year: found '2062', expected nothing, or a year of the plan: "
         "2027 to 2028"},
        {YEARS_HEAD "science,soon,90" CLAIM, "capacity_factors.csv:2: year: found 'soon'"},
        {FACTORS_HEAD "science,90,,WIKI,\n", "capacity_factors.csv:2: source"},
    };

    for (size_t i = 0; i < DR_COUNT_OF(MISTAKES); i += 1) {
        factors = MISTAKES[i].text;
        CHECK(read_with(NULL, NULL, NULL) == NULL);
        CHECK_HAS(said, MISTAKES[i].words);
    }
    factors = NULL;
}

TEST(what_is_wrong_is_said_where_it_stands)
{
    static const struct {
        const char *file, *from, *to;
        const char *words[3];
    } MISTAKES[] = {
        {"sites.csv", "1.2,1", "0.8,1", {"sites.csv:2", "pue", "found '0.8'"}},
        {"sites.csv", "day", "night", {"sites.csv:2: tariff: found 'night'", "tariffs.csv", ""}},
        {"sites.csv", "MADE", "WIKI", {"sites.csv:2: source", "'WIKI' is none", ""}},
        {"phases.csv", "room,", "hall,", {"phases.csv:2: site: found 'hall'", "a site of", ""}},
        {"phases.csv", "2027-Q2", "2027-06", {"quarter: found '2027-06'", "2027-Q3", ""}},
        {"phases.csv", "open", "built", {"state: found 'built'", "open begun", ""}},
        {"chips.csv", "1400,400", "400,1400", {"idle_w", "at most busy_w", ""}},
        {"chips.csv", "near,", "fast,", {"chips.csv:3: chip", "it stands on line 2 already", ""}},
        {"chips.csv", "lot,", "lots,", {"lots", "a column of this table", "lot:"}},
        {"offers.csv", "near,2027-Q1", "fast,2027-Q1", {"offers.csv:3: quarter", "later", ""}},
        {"offers.csv", "16", "-16", {"supply: found '-16'", "from 0", ""}},
        {"fleet.csv", "near", "far", {"fleet.csv:2: chip: found 'far'", "a chip of chips.csv", ""}},
        {"sectors.csv", "town", "sea", {"sectors.csv:2: zones", "zones of sites.csv", ""}},
        {"speeds.csv",
         "science,near",
         "science,fast",
         {"speeds.csv:3: chip", "each pair once", ""}},
        {"demand.csv", "2028-Q2", "2026-Q2", {"demand.csv:3: quarter", "later", ""}},
        {"budgets.csv", "2028", "2027", {"budgets.csv:3: year", "each year once", ""}},
        {"grid.csv", "town", "port", {"grid.csv:2: zone: found 'port'", "sites.csv", ""}},
        {"tariffs.csv", "day,4", "day,3", {"tariffs.csv:5", "each quarter once", "four quarters"}},
        {"futures.csv", "late,Late", "mid,Late", {"futures.csv:3: future", "line 2 already", ""}},
        {"futures.csv", "mid,", "mean,", {"futures.csv:2: future: found 'mean'", "hedge", ""}},
        {"futures.csv", "60,100", "50,100", {"futures.csv: weight_percent: found '90'", "100", ""}},
        {"futures.csv", "60,100", "0,100", {"futures.csv:2: weight_percent", "found '0'", ""}},
        {"futures.csv", ",1,2", ",9,2", {"futures.csv:3: late_quarters: found '9'", "to 8", ""}},
        {"futures.csv", "MADE", "WIKI", {"futures.csv:2: source", "'WIKI' is none", ""}},
        {"plan.yaml",
         "quarters: 6",
         "common_quarters: 7\nquarters: 6",
         {"common_quarters: found '7'", "from 1 to 6", ""}},
        {"plan.yaml", "quarters: 6", "quarters: 60", {"plan.yaml:4: quarters", "from 1 to 40", ""}},
        {"plan.yaml",
         "discount_percent: 5",
         "discount: 5",
         {"plan.yaml:5: discount", "discount_percent", "nothing"}},
        {"plan.yaml",
         "2028-Q2",
         "2031-Q2",
         {"plan.yaml:7: targets.by", "a quarter of the plan", ""}},
        {"plan.yaml",
         "currency",
         "lost_percent: 0\ncurrency",
         {"plan.yaml:2: lost_percent: found '0'", "plan.yaml:2: lost_from: found 'nothing'", ""}},
        {"plan.yaml",
         "currency",
         "lost_from: 2031-Q1\ncurrency",
         {"plan.yaml:2: lost_from: found '2031-Q1'", "before the plan ends", ""}},
        {"plan.yaml",
         "currency",
         "lost_from: 2027-Q2\ncurrency",
         {"sectors.csv: critical: found 'no in every row'", "a critical sector", ""}},
        {"plan.yaml", "by: units", "by: weight", {"domestic.by: found 'weight'", "value", ""}},
    };

    for (size_t i = 0; i < DR_COUNT_OF(MISTAKES); i += 1) {
        CHECK(read_with(MISTAKES[i].file, MISTAKES[i].from, MISTAKES[i].to) == NULL);
        for (int w = 0; w < 3; w += 1)
            CHECK_HAS(said, MISTAKES[i].words[w]);
    }
}

/* Coordinates are for maps: both of a site or neither, and a scenario may lack the columns. */
TEST(a_site_may_say_where_it_lies)
{
    static const struct {
        const char *latitude, *longitude, *expected;
    } WRONG[] = {
        {"48.137", "", "sites.csv:2: longitude: found 'nothing', expected both"},
        {"", "11.575", "sites.csv:2: latitude: found 'nothing', expected both"},
        {"90.000001", "0", "latitude: found '90.000001'"},
        {"0", "-180.1", "longitude: found '-180.1'"},
    };
    struct dr_plan_inputs *inputs = read_with(NULL, NULL, NULL);
    char rows[300];

    CHECK_EQ(inputs->sites[0].located, 0);
    dr_plan_inputs_close(inputs);
    for (int assumed = 0; assumed < 2; assumed += 1) {
        snprintf(rows, sizeof rows,
                 "grade,latitude,longitude,assumed,source,note\n"
                 "room,A room,town,day,0.1,1.2,1,48.137,-11.575,%s,MADE,",
                 assumed ? "pue;longitude" : "pue");
        inputs = read_with("sites.csv",
                           "grade,assumed,source,note\n"
                           "room,A room,town,day,0.1,1.2,1" CLAIM,
                           rows);
        if (inputs == NULL)
            fail_msg("%s", said);
        CHECK_EQ(inputs->sites[0].located, 1);
        CHECK_EQ(inputs->sites[0].location_assumed, assumed);
        CHECK_EQ(inputs->sites[0].latitude_micro, 48137000);
        CHECK_EQ(inputs->sites[0].longitude_micro, -11575000);
        dr_plan_inputs_close(inputs);
    }
    for (size_t i = 0; i < DR_COUNT_OF(WRONG); i += 1) {
        snprintf(rows, sizeof rows,
                 "grade,latitude,longitude,assumed,source,note\n"
                 "room,A room,town,day,0.1,1.2,1,%s,%s,,MADE,",
                 WRONG[i].latitude, WRONG[i].longitude);
        CHECK(read_with("sites.csv",
                        "grade,assumed,source,note\n"
                        "room,A room,town,day,0.1,1.2,1" CLAIM,
                        rows) == NULL);
        CHECK_HAS(said, WRONG[i].expected);
    }
}

TEST(futures_need_not_be_there_and_are_no_part_of_the_other_hash)
{
    struct dr_plan_inputs *with = read_with(NULL, NULL, NULL), *without = NULL;
    struct dr_csv_errors errors = {.say = say};
    char path[4096];

    snprintf(path, sizeof path, "%s/futures.csv", written_to);
    CHECK_EQ(remove(path), 0);
    CHECK_EQ(dr_plan_inputs_open(&without, written_to, &errors), DR_OK);
    CHECK_EQ(without->futures_count, 0);
    CHECK_TEXT(without->futures_hash, "");
    CHECK_TEXT(without->hash, with->hash);
    dr_plan_inputs_close(with);
    dr_plan_inputs_close(without);
}

TEST(a_future_changes_what_it_says_and_nothing_else)
{
    struct dr_plan_inputs *inputs = read_with(NULL, NULL, NULL), *late;

    inputs->common_quarters = 2;
    inputs->zones[0].grid_w[3] = 2000000; /* grows, and shrinks again */
    inputs->zones[0].grid_w[4] = 500000;
    late = dr_plan_in_future(inputs, &inputs->futures[1]);
    CHECK_EQ(late->sectors[0].demand[0], 4); /* as told, half the way, all of it */
    CHECK_EQ(late->sectors[0].demand[1], 11 * 5 / 4);
    CHECK_EQ(late->sectors[0].demand[5], 60);
    CHECK_EQ(late->chips[0].price[0], 45000);
    CHECK_EQ(late->chips[0].price[1], 40500);
    CHECK_EQ(late->chips[0].price[5], 36000);
    CHECK_EQ(late->chips[0].lead_quarters, 2);
    CHECK_EQ(late->tariffs[0].energy_micro[0], 110000);
    CHECK_EQ(late->sites[0].phases[0].build_quarters, 3);
    CHECK_EQ(late->zones[0].grid_w[3], 1000000); /* what it was two quarters earlier */
    CHECK_EQ(late->zones[0].grid_w[4], 500000);  /* no later than told */
    CHECK_EQ(late->zones[0].grid_w[5], 1000000); /* not yet the growth of quarter 3 */
    CHECK_EQ(late->base[0][1][0], inputs->base[0][1][0]);
    CHECK_EQ(late->budget[0], inputs->budget[0]);
    dr_plan_future_close(late);
    dr_plan_inputs_close(inputs);
}

TEST(all_mistakes_are_said_at_once)
{
    CHECK(read_with("chips.csv", "no,1400,400,2,95", "maybe,x,400,0,195") == NULL);
    CHECK_HAS(said, "domestic: found 'maybe'");
    CHECK_HAS(said, "busy_w: found 'x'");
    CHECK_HAS(said, "compute: found '0'");
    CHECK_HAS(said, "available_percent: found '195'");
}

TEST(the_page_on_planning_names_every_row_and_column)
{
    static const char *const names[] = {
#define NAME_OF(name, places, words) #name,
        DR_PLAN_COLUMNS(NAME_OF) DR_PLAN_ROWS(NAME_OF)
#undef NAME_OF
    };
    struct dr_buffer page DR_CLEANUP(dr_buffer_deinit) = {0};

    dr_buffer_init(&page, 1 << 20);
    CHECK_EQ(dr_buffer_read_file(&page, "docs/planning.md"), DR_OK);
    for (size_t i = 0; i < DR_COUNT_OF(names); i += 1) {
        char text[80];

        snprintf(text, sizeof text, "%s(", names[i]);
        CHECK_HAS(dr_buffer_text(&page), text);
    }
}
