/* SPDX-License-Identifier: Apache-2.0 */
/* The planning scenarios that ship: they open without a mistake, hold what a second reading of
 * their tables counts (and, for Korea, of the tables of scenarios/korea, from which they were
 * made), and the small one has a plan. A mistake in a table is said where it stands. */
#include "test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan/program/lost.h"
#include "plan_world.h"

#define KOREA      "scenarios/korea-2030"
#define UNIVERSITY "scenarios/university"
#define MICRO      1000000

static char said[16384];

static void say(void *context, const struct dr_error *error)
{
    char line[1400];
    size_t length = strlen(said);

    (void)context;
    snprintf(said + length, sizeof said - length, "%s\n", dr_error_line(error, line, sizeof line));
}

static struct dr_plan_inputs *open_inputs(const char *directory)
{
    struct dr_csv_errors errors = {.say = say};
    struct dr_plan_inputs *inputs;
    enum dr_status status;

    said[0] = '\0';
    status = dr_plan_inputs_open(&inputs, directory, &errors);
    CHECK_EQ(status == DR_OK, errors.count == 0);
    return inputs;
}

static struct dr_plan_inputs *shipped(const char *directory)
{
    struct dr_plan_inputs *inputs = open_inputs(directory);

    if (inputs == NULL)
        fail_msg("%s", said);
    return inputs;
}

/* ---- a second reading, which knows nothing of the first ---- */

#define ROWS_MAX  256
#define CELLS_MAX 16

struct table {
    char cells[ROWS_MAX][CELLS_MAX][128]; /* the header is row 0 */
    uint32_t rows;
};

static void read_table(struct table *table, const char *directory, const char *file)
{
    static char line[8192];
    char path[256];
    FILE *from;

    snprintf(path, sizeof path, "%s/%s", directory, file);
    from = fopen(path, "r");
    CHECK(from != NULL);
    memset(table, 0, sizeof *table);
    while (fgets(line, sizeof line, from) != NULL) {
        uint32_t cell = 0;
        size_t length = 0;
        int quoted = 0;

        CHECK(table->rows < ROWS_MAX);
        for (const char *at = line; *at != '\n' && *at != '\0' && cell < CELLS_MAX; at += 1) {
            if (*at == '"') {
                quoted = !quoted;
            } else if (*at == ',' && !quoted) {
                cell += 1;
                length = 0;
            } else if (length < 127) {
                table->cells[table->rows][cell][length] = *at;
                length += 1;
            }
        }
        table->rows += 1;
    }
    fclose(from);
}

static uint32_t column(const struct table *table, const char *name)
{
    for (uint32_t c = 0; c < CELLS_MAX; c += 1) {
        if (strcmp(table->cells[0][c], name) == 0)
            return c;
    }
    fail_msg("no column %s", name);
    return 0;
}

static const char *cell(const struct table *table, uint32_t row, const char *name)
{
    return table->cells[row][column(table, name)];
}

static int whole(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

/* "2027-06" or "2027-Q2" as quarters from 2026-Q3. */
static int quarter(const char *text)
{
    int year = whole(text), part = text[5] == 'Q' ? text[6] - '1' : (whole(text + 5) - 1) / 3;

    return (year - 2026) * 4 + part - 2;
}

static double sum_of(const char *directory, const char *file, const char *name)
{
    static struct table table;
    double sum = 0;

    read_table(&table, directory, file);
    for (uint32_t r = 1; r < table.rows; r += 1)
        sum += strtod(cell(&table, r, name), NULL);
    return sum;
}

/* ---- Korea ---- */

static int64_t base_of(const struct dr_plan_inputs *inputs, uint32_t t)
{
    int64_t sum = 0;

    for (uint32_t s = 0; s < inputs->sites_count; s += 1) {
        for (uint32_t c = 0; c < inputs->chips_count; c += 1)
            sum += inputs->base[s][c][t];
    }
    return sum;
}

TEST(korea_has_what_was_installed_and_the_first_wave)
{
    static struct table fleets;
    struct dr_plan_inputs *inputs = shipped(KOREA);
    int64_t all = 0, first_wave = 0, installed = 0;

    read_table(&fleets, "scenarios/korea", "fleets.csv");
    for (uint32_t r = 1; r < fleets.rows; r += 1) {
        int64_t count = whole(cell(&fleets, r, "count"));
        const char *wave = cell(&fleets, r, "wave");

        first_wave += strcmp(wave, "1") == 0 ? count : 0;
        installed += strcmp(wave, "0") == 0 ? count : 0;
        /* Domestic ones that come after 2026 are the plan's to order. */
        all += strcmp(wave, "npu") == 0 && strcmp(cell(&fleets, r, "month"), "2026-12") <= 0 ? count
                                                                                             : 0;
    }
    all += first_wave + installed;
    CHECK_EQ(first_wave, 260000);
    CHECK_EQ(installed, 65000);
    CHECK_EQ(all, 328328);
    CHECK_EQ((int64_t)sum_of(KOREA, "fleet.csv", "count"), all);
    /* In each quarter: what has come by its end and is not 20 quarters old. */
    for (uint32_t t = 0; t < inputs->quarters_count; t += 1) {
        int64_t sum = 0;

        for (uint32_t r = 1; r < fleets.rows; r += 1) {
            const char *wave = cell(&fleets, r, "wave");
            int from = quarter(cell(&fleets, r, "month"));

            if ((wave[0] == '0' || wave[0] == '1' || (wave[0] == 'n' && from <= 1)) &&
                from <= (int)t && (int)t < from + 20)
                sum += whole(cell(&fleets, r, "count"));
        }
        CHECK_EQ(base_of(inputs, t), sum);
    }
    dr_plan_inputs_close(inputs);
}

TEST(korea_has_the_power_that_stands_and_is_being_built)
{
    static struct table steps;
    struct dr_plan_inputs *inputs = shipped(KOREA);
    int64_t now_w = 0, all_w = 0, year_ends_w[2] = {0};

    read_table(&steps, "scenarios/korea", "site_power.csv");
    CHECK_EQ(inputs->sites_count, 34);
    for (uint32_t s = 0; s < inputs->sites_count; s += 1) {
        const struct dr_plan_site *site = &inputs->sites[s];
        int64_t sum_w = site->power_w, begun_w = site->power_w, now = 0, last = 0;

        for (uint32_t r = 1; r < steps.rows; r += 1) {
            if (strcmp(cell(&steps, r, "site"), site->name) != 0)
                continue;
            last = (int64_t)(strtod(cell(&steps, r, "power_mw"), NULL) * 1e6);
            if (strcmp(cell(&steps, r, "month"), "2026-06") <= 0)
                now = last;
        }
        for (uint32_t p = 0; p < site->phases_count; p += 1) {
            const struct dr_plan_phase *phase = &site->phases[p];

            sum_w += phase->power_w;
            begun_w += phase->begun ? phase->power_w : 0;
            for (int y = 0; y < 2; y += 1)
                year_ends_w[y] += phase->begun && phase->quarter <= 1 + 4 * y ? phase->power_w : 0;
        }
        CHECK_EQ(site->power_w, now);
        CHECK(sum_w >=
              last); /* all that scenarios/korea gives it by 2030, and what was announced beyond */
        CHECK(begun_w <= last);
        now_w += site->power_w;
        all_w += sum_w;
    }
    /* README.md and data: 538 MW at the end of 2026, 819 MW of 2027. */
    CHECK_EQ((now_w + year_ends_w[0]) / MICRO, 538);
    CHECK_EQ((now_w + year_ends_w[1]) / MICRO, 819);
    CHECK_EQ(all_w / MICRO, (int64_t)(sum_of(KOREA, "sites.csv", "power_mw") +
                                      sum_of(KOREA, "phases.csv", "power_mw")));
    dr_plan_inputs_close(inputs);
}

TEST(korea_has_its_budgets_and_targets)
{
    struct dr_plan_inputs *inputs = shipped(KOREA);
    int64_t sum = 0;

    CHECK_EQ(inputs->years_count, 6);
    for (uint32_t y = 0; y < inputs->years_count; y += 1)
        sum += inputs->budget[y];
    CHECK_EQ(sum, INT64_C(242) * 1000000000000);
    CHECK_EQ(sum, (int64_t)sum_of(KOREA, "budgets.csv", "budget_m") * MICRO);
    CHECK_EQ(inputs->targets_count, 2);
    CHECK_EQ(inputs->targets[0].accelerators, 260000);
    CHECK_EQ(inputs->targets[1].accelerators, 1000000);
    CHECK_EQ(inputs->targets[1].quarter, quarter("2030-Q4"));
    CHECK_EQ(inputs->domestic[inputs->domestic_count - 1].share_micro, 600000);
    CHECK_EQ(inputs->sectors_count, 10);
    /* A flat load pays 151.6 for energy and 14 of charges, and the fund of 2.7 %. */
    sum = 0;
    for (int q = 0; q < 4; q += 1)
        sum += inputs->tariffs[0].energy_micro[q] / 4;
    CHECK(llabs(sum - (int64_t)((151.6 + 14) * 1.027 * MICRO)) < MICRO / 2);
    dr_plan_inputs_close(inputs);
}

/* Health, government and defence outlive any one zone, but defence its only one. */
TEST(korea_has_critical_work_that_outlives_a_zone)
{
    struct dr_plan_inputs *inputs = shipped(KOREA);
    uint32_t critical = 0, exempt = 0;

    CHECK_EQ(inputs->lost_quarter, quarter("2030-Q1"));
    for (uint32_t k = 0; k < inputs->sectors_count; k += 1) {
        CHECK_EQ(inputs->sectors[k].lost_micro, inputs->sectors[k].critical ? 400000 : 0);
        critical += inputs->sectors[k].critical;
        for (uint32_t z = 0; z < inputs->zones_count; z += 1) {
            if (!dr_lost_exempt(inputs, z, k))
                continue;
            exempt += 1;
            CHECK_TEXT(inputs->sectors[k].name, "defence");
            CHECK_TEXT(inputs->zones[z].name, "chungcheong");
        }
    }
    CHECK_EQ(critical, 3);
    CHECK_EQ(exempt, 1);
    dr_plan_inputs_close(inputs);
}

/* What the first wave brings can be switched on: its sites have the power when it comes. */
TEST(korea_has_power_for_the_first_wave)
{
    struct dr_plan_inputs *inputs = shipped(KOREA);

    for (uint32_t s = 0; s < inputs->sites_count; s += 1) {
        const struct dr_plan_site *site = &inputs->sites[s];

        for (uint32_t t = 0; t < inputs->quarters_count; t += 1) {
            int64_t power_w = site->power_w, busy_w = 0;

            for (uint32_t p = 0; p < site->phases_count; p += 1)
                power_w += site->phases[p].begun && site->phases[p].quarter <= (int)t
                               ? site->phases[p].power_w
                               : 0;
            for (uint32_t c = 0; c < inputs->chips_count; c += 1)
                busy_w += inputs->base[s][c][t] * inputs->chips[c].busy_w;
            if (busy_w / 1000 * site->pue_micro > power_w * 1000)
                fail_msg("%s in quarter %u: %lld of %lld W", site->name, t,
                         (long long)(busy_w / 1000 * site->pue_micro / 1000), (long long)power_w);
        }
    }
    dr_plan_inputs_close(inputs);
}

/* ---- the university ---- */

TEST(the_university_has_a_plan)
{
    struct dr_plan_inputs *inputs = shipped(UNIVERSITY);
    struct dr_plan *plan = plan_new();
    struct dr_plan_verdict verdict;
    struct dr_plan_sums sums;
    double bound;
    int64_t bought = 0;

    CHECK_EQ(inputs->sites_count, 2);
    CHECK_EQ(inputs->quarters_count, 16);
    CHECK_EQ(base_of(inputs, 0), 64);
    CHECK_EQ((int64_t)(sum_of(UNIVERSITY, "fleet.csv", "count")), 64);
    CHECK(plan_solve(inputs, 0.015, plan, &sums, &bound));
    CHECK(dr_plan_check(inputs, plan, &verdict, &sums));
    CHECK(bound <= sums.cost && sums.cost <= bound * 1.02);
    for (uint32_t t = 0; t < inputs->quarters_count; t += 1)
        bought += sums.ordered[t];
    CHECK(bought > 100 && bought % 8 == 0);
    /* The annex has to be begun, or patients' data would have no place. */
    CHECK(plan->phase[1][0] != DR_PLAN_NEVER);
    free(plan);
    dr_plan_inputs_close(inputs);
}

/* ---- mistakes ---- */

/* The university with one part of a file changed; what its reading says. */
static const char *with(const char *file, const char *part, const char *instead)
{
    static const char *const files[] = {"plan.yaml",  "sources.csv", "sites.csv",   "phases.csv",
                                        "chips.csv",  "offers.csv",  "fleet.csv",   "sectors.csv",
                                        "speeds.csv", "demand.csv",  "budgets.csv", "grid.csv",
                                        "tariffs.csv"};
    static char text[65536];
    char directory[] = "/tmp/daero-plan-XXXXXX", path[256];

    CHECK(mkdtemp(directory) != NULL);
    for (size_t i = 0; i < DR_COUNT_OF(files); i += 1) {
        FILE *from, *to;
        size_t length;
        char *at;

        snprintf(path, sizeof path, UNIVERSITY "/%s", files[i]);
        from = fopen(path, "r");
        CHECK(from != NULL);
        length = fread(text, 1, sizeof text - 1, from);
        text[length] = '\0';
        fclose(from);
        snprintf(path, sizeof path, "%s/%s", directory, files[i]);
        to = fopen(path, "w");
        CHECK(to != NULL);
        at = strcmp(file, files[i]) == 0 ? strstr(text, part) : NULL;
        CHECK((at != NULL) == (strcmp(file, files[i]) == 0));
        if (at == NULL) {
            fputs(text, to);
        } else {
            fwrite(text, 1, (size_t)(at - text), to);
            fputs(instead, to);
            fputs(at + strlen(part), to);
        }
        fclose(to);
    }
    CHECK(open_inputs(directory) == NULL);
    for (size_t i = 0; i < DR_COUNT_OF(files); i += 1) {
        snprintf(path, sizeof path, "%s/%s", directory, files[i]);
        unlink(path);
    }
    rmdir(directory);
    return said;
}

TEST(a_mistake_is_said_where_it_stands)
{
    CHECK_HAS(with("sites.csv", "0.12", "120kW"), "sites.csv:2: power_mw: found '120kW'");
    CHECK_HAS(with("sites.csv", ",scenario,", ",K-NONE,"), "sites.csv:2: source: found 'K-NONE'");
    CHECK_HAS(with("chips.csv", "lead_quarters,", ""),
              "chips.csv:1: lead_quarters: found 'nothing', expected this column in the header");
    CHECK_HAS(with("fleet.csv", "a100", "a1000"),
              "fleet.csv:2: chip: found 'a1000', expected a chip of chips.csv");
    CHECK_HAS(with("fleet.csv", ",32,", ",-32,"), "fleet.csv:2: count: found '-32'");
    CHECK_HAS(with("offers.csv", "2026-Q4", "2026Q4"), "offers.csv:2: quarter: found '2026Q4'");
    CHECK_HAS(with("tariffs.csv", "campus,4", "campus,3"),
              "a row for each of the four quarters: 4 has none");
    CHECK_HAS(with("budgets.csv", "2027", "2037"),
              "budgets.csv: year: found 'nothing', expected a row for 2027 too");
    CHECK_HAS(with("sectors.csv", "60,2,,yes", "60,9,,yes"), "sectors.csv:4: grade: found '9'");
    CHECK_HAS(with("sectors.csv", "60,2,,yes", "60,2,campus;north,yes"),
              "sectors.csv:4: zones: found 'campus;north'");
    CHECK_HAS(said, "'north' is none");
    CHECK_HAS(with("plan.yaml", "2029-Q3", "2039-Q3"),
              "targets.by: found '2039-Q3', expected a quarter of the plan: 2026-Q4 to 2030-Q3");
    CHECK_HAS(with("plan.yaml", ", compute: 150", ""),
              "targets: found 'neither', expected `accelerators` or `compute`");
    CHECK(open_inputs("scenarios/none") == NULL);
    CHECK_TEXT(said,
               "scenarios/none: found 'no such folder', expected a scenario's, with plan.yaml "
               "and its tables\n");
}
