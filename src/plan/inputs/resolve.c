/* SPDX-License-Identifier: Apache-2.0 */
/* From a scenario's tables to places and amounts. Each mistake is said at the cell that has to
 * change. */
#include <inttypes.h>
#include <string.h>

#include "base/math.h"
#include "plan/inputs/tables.h"

struct resolver {
    struct dr_plan_inputs *inputs;
    const struct tables *tables;
    struct dr_csv_errors *errors;
};

static uint32_t rows_of(const struct resolver *resolver, enum table table)
{
    return resolver->tables->tables[table].rows_count;
}

static const char *text_of(const struct resolver *resolver, enum table table, uint32_t row,
                           uint32_t column)
{
    return dr_csv_cell(&resolver->tables->tables[table], row, column)->text;
}

static int64_t value_of(const struct resolver *resolver, enum table table, uint32_t row,
                        uint32_t column)
{
    return dr_csv_cell(&resolver->tables->tables[table], row, column)->value;
}

static void wrong(const struct resolver *resolver, enum table table, uint32_t row, uint32_t column,
                  const char *expected)
{
    dr_csv_wrong_cell(resolver->errors, &resolver->tables->tables[table], row, column, "%s",
                      expected);
}

/* The row of another table that a cell names; 0 and a mistake where there is none. */
static uint32_t refer(const struct resolver *resolver, enum table table, uint32_t row,
                      uint32_t column, enum table to)
{
    uint32_t found = dr_csv_refer(resolver->errors, &resolver->tables->tables[table], row, column,
                                  &resolver->tables->tables[to]);

    return found == DR_CSV_NO_ROW ? 0 : found;
}

static int64_t quarter_of(const struct resolver *resolver, enum table table, uint32_t row,
                          uint32_t column)
{
    return value_of(resolver, table, row, column) - resolver->inputs->begin;
}

/* ---- every table ---- */

static void check_unique(const struct resolver *resolver, enum table table, uint32_t max)
{
    dr_csv_check_unique(resolver->errors, &resolver->tables->tables[table]);
    if (rows_of(resolver, table) > max)
        dr_csv_wrong(resolver->errors, resolver->tables->tables[table].file, 0, "", "more",
                     "at most %" PRIu32 " rows", max);
    if (rows_of(resolver, table) == 0)
        dr_csv_wrong(resolver->errors, resolver->tables->tables[table].file, 0, "", "no rows",
                     "at least one row");
}

/* ---- tables ---- */

/* Zones are known by the sites' table and the grid's. */
static uint32_t zone_named(const struct resolver *resolver, const char *name)
{
    struct dr_plan_inputs *inputs = resolver->inputs;
    uint32_t z = 0;

    while (z < inputs->zones_count && strcmp(inputs->zones[z].name, name) != 0)
        z += 1;
    return z;
}

static void resolve_zones(const struct resolver *resolver)
{
    struct dr_plan_inputs *inputs = resolver->inputs;

    for (uint32_t row = 0; row < rows_of(resolver, TABLE_SITE); row += 1) {
        const char *name = text_of(resolver, TABLE_SITE, row, SITE_zone);

        if (zone_named(resolver, name) < inputs->zones_count)
            continue;
        if (inputs->zones_count == DR_PLAN_ZONES_MAX) {
            wrong(resolver, TABLE_SITE, row, SITE_zone, "at most 16 zones");
            return;
        }
        dr_copy_name(inputs->zones[inputs->zones_count].name, name);
        for (uint32_t t = 0; t < DR_PLAN_QUARTERS_MAX; t += 1)
            inputs->zones[inputs->zones_count].grid_w[t] = INT64_MAX;
        inputs->zones_count += 1;
    }
    for (uint32_t row = 0; row < rows_of(resolver, TABLE_GRID); row += 1) {
        uint32_t z = zone_named(resolver, text_of(resolver, TABLE_GRID, row, GRID_zone));
        int64_t from = quarter_of(resolver, TABLE_GRID, row, GRID_quarter);

        if (z == inputs->zones_count) {
            wrong(resolver, TABLE_GRID, row, GRID_zone, "a zone of sites.csv");
            continue;
        }
        for (int64_t t = dr_max_i64(from, 0); t < inputs->quarters_count; t += 1)
            inputs->zones[z].grid_w[t] = value_of(resolver, TABLE_GRID, row, GRID_power_mw);
    }
}

/* A tariff has a row for each quarter of the year; its first row names it. */
static uint32_t tariff_named(struct dr_plan_inputs *inputs, const char *name)
{
    uint32_t i = 0;

    while (i < inputs->tariffs_count && strcmp(inputs->tariffs[i].name, name) != 0)
        i += 1;
    return i;
}

static void resolve_tariffs(const struct resolver *resolver)
{
    struct dr_plan_inputs *inputs = resolver->inputs;
    uint32_t seen[DR_PLAN_TARIFFS_MAX] = {0}, first[DR_PLAN_TARIFFS_MAX] = {0};

    for (uint32_t row = 0; row < rows_of(resolver, TABLE_TARIFF); row += 1) {
        const char *name = text_of(resolver, TABLE_TARIFF, row, TARIFF_tariff);
        uint32_t i = tariff_named(inputs, name);
        int64_t q = value_of(resolver, TABLE_TARIFF, row, TARIFF_quarter_of_year) - 1;

        if (i == DR_PLAN_TARIFFS_MAX) {
            wrong(resolver, TABLE_TARIFF, row, TARIFF_tariff, "at most 16 tariffs");
            return;
        }
        if (i == inputs->tariffs_count) {
            dr_copy_name(inputs->tariffs[i].name, name);
            inputs->tariffs_count += 1;
            first[i] = row;
        }
        if ((seen[i] >> q) & 1)
            wrong(resolver, TABLE_TARIFF, row, TARIFF_quarter_of_year, "each quarter once");
        seen[i] |= 1u << q;
        inputs->tariffs[i].energy_micro[q] =
            value_of(resolver, TABLE_TARIFF, row, TARIFF_energy_per_kwh);
        inputs->tariffs[i].peak_micro[q] =
            value_of(resolver, TABLE_TARIFF, row, TARIFF_peak_per_kw_month);
    }
    for (uint32_t i = 0; i < inputs->tariffs_count; i += 1) {
        for (uint32_t q = 0; q < 4; q += 1) {
            if (((seen[i] >> q) & 1) == 0)
                dr_csv_wrong_cell(resolver->errors, &resolver->tables->tables[TABLE_TARIFF],
                                  first[i], TARIFF_tariff,
                                  "a row for each of the four quarters: %" PRIu32 " has none",
                                  q + 1);
        }
    }
}

/* Does a row's `assumed` name a column? */
static int is_assumed(const struct resolver *resolver, uint32_t site, const char *column)
{
    const char *at = text_of(resolver, TABLE_SITE, site, SITE_assumed);
    char part[DR_NAME_BYTES];

    while (dr_csv_part(&at, part)) {
        if (strcmp(part, column) == 0 || strcmp(part, "all") == 0)
            return 1;
    }
    return 0;
}

static void resolve_location(const struct resolver *resolver, uint32_t s)
{
    struct dr_plan_site *site = &resolver->inputs->sites[s];
    int64_t latitude = value_of(resolver, TABLE_SITE, s, SITE_latitude);
    int64_t longitude = value_of(resolver, TABLE_SITE, s, SITE_longitude);

    if ((latitude == DR_CSV_EMPTY) != (longitude == DR_CSV_EMPTY)) {
        wrong(resolver, TABLE_SITE, s, latitude == DR_CSV_EMPTY ? SITE_latitude : SITE_longitude,
              "both coordinates of a site, or neither");
        return;
    }
    if (latitude == DR_CSV_EMPTY)
        return;
    site->located = 1;
    site->latitude_micro = latitude;
    site->longitude_micro = longitude;
    site->location_assumed =
        (uint32_t)(is_assumed(resolver, s, "latitude") || is_assumed(resolver, s, "longitude"));
}

static void resolve_sites(const struct resolver *resolver)
{
    struct dr_plan_inputs *inputs = resolver->inputs;

    inputs->sites_count = rows_of(resolver, TABLE_SITE);
    for (uint32_t s = 0; s < inputs->sites_count; s += 1) {
        struct dr_plan_site *site = &inputs->sites[s];

        dr_copy_name(site->name, text_of(resolver, TABLE_SITE, s, SITE_site));
        site->title = text_of(resolver, TABLE_SITE, s, SITE_name);
        site->zone = zone_named(resolver, text_of(resolver, TABLE_SITE, s, SITE_zone));
        site->tariff = tariff_named(inputs, text_of(resolver, TABLE_SITE, s, SITE_tariff));
        if (site->tariff == inputs->tariffs_count)
            wrong(resolver, TABLE_SITE, s, SITE_tariff, "a tariff of tariffs.csv");
        site->power_w = value_of(resolver, TABLE_SITE, s, SITE_power_mw);
        site->pue_micro = value_of(resolver, TABLE_SITE, s, SITE_pue);
        site->grade = (uint32_t)value_of(resolver, TABLE_SITE, s, SITE_grade);
        resolve_location(resolver, s);
    }
    for (uint32_t row = 0; row < rows_of(resolver, TABLE_PHASE); row += 1) {
        struct dr_plan_site *site =
            &inputs->sites[refer(resolver, TABLE_PHASE, row, PHASE_site, TABLE_SITE)];
        struct dr_plan_phase *phase = &site->phases[site->phases_count];

        if (site->phases_count == DR_PLAN_PHASES_MAX) {
            wrong(resolver, TABLE_PHASE, row, PHASE_site, "at most 8 phases of a site");
            continue;
        }
        phase->power_w = value_of(resolver, TABLE_PHASE, row, PHASE_power_mw);
        phase->cost = value_of(resolver, TABLE_PHASE, row, PHASE_cost_m);
        phase->build_quarters =
            (uint32_t)value_of(resolver, TABLE_PHASE, row, PHASE_build_quarters);
        phase->quarter = (int32_t)quarter_of(resolver, TABLE_PHASE, row, PHASE_quarter);
        phase->begun = (uint32_t)value_of(resolver, TABLE_PHASE, row, PHASE_state);
        if (phase->begun && site->phases_count > 0 && !site->phases[site->phases_count - 1].begun)
            wrong(resolver, TABLE_PHASE, row, PHASE_state,
                  "those that are begun before a site's open ones");
        site->phases_count += 1;
    }
}

static void resolve_chips(const struct resolver *resolver)
{
    struct dr_plan_inputs *inputs = resolver->inputs;
    int64_t last[DR_PLAN_CHIPS_MAX];

    inputs->chips_count = rows_of(resolver, TABLE_CHIP);
    for (uint32_t c = 0; c < inputs->chips_count; c += 1) {
        struct dr_plan_chip *chip = &inputs->chips[c];

        last[c] = INT64_MIN;
        dr_copy_name(chip->name, text_of(resolver, TABLE_CHIP, c, CHIP_chip));
        dr_copy_name(chip->vendor, text_of(resolver, TABLE_CHIP, c, CHIP_vendor));
        while (strcmp(inputs->chips[chip->vendor_first].vendor, chip->vendor) != 0)
            chip->vendor_first += 1;
        chip->domestic = (uint32_t)value_of(resolver, TABLE_CHIP, c, CHIP_domestic);
        chip->busy_w = value_of(resolver, TABLE_CHIP, c, CHIP_busy_w);
        chip->idle_w = value_of(resolver, TABLE_CHIP, c, CHIP_idle_w);
        chip->compute_micro = value_of(resolver, TABLE_CHIP, c, CHIP_compute);
        chip->available_micro = value_of(resolver, TABLE_CHIP, c, CHIP_available_percent) / 100;
        chip->upkeep_micro = value_of(resolver, TABLE_CHIP, c, CHIP_upkeep_percent) / 100;
        chip->lead_quarters = (uint32_t)value_of(resolver, TABLE_CHIP, c, CHIP_lead_quarters);
        chip->life_quarters = (uint32_t)value_of(resolver, TABLE_CHIP, c, CHIP_life_quarters);
        chip->lot = (uint32_t)value_of(resolver, TABLE_CHIP, c, CHIP_lot);
        chip->order_min = (uint32_t)value_of(resolver, TABLE_CHIP, c, CHIP_order_min);
        if (chip->idle_w > chip->busy_w)
            wrong(resolver, TABLE_CHIP, c, CHIP_idle_w, "at most busy_w");
    }
    for (uint32_t row = 0; row < rows_of(resolver, TABLE_OFFER); row += 1) {
        uint32_t c = refer(resolver, TABLE_OFFER, row, OFFER_chip, TABLE_CHIP);
        int64_t from = quarter_of(resolver, TABLE_OFFER, row, OFFER_quarter);

        if (from <= last[c])
            wrong(resolver, TABLE_OFFER, row, OFFER_quarter, "a later one than the chip's last");
        last[c] = from;
        for (int64_t t = dr_max_i64(from, 0); t < inputs->quarters_count; t += 1) {
            inputs->chips[c].price[t] = value_of(resolver, TABLE_OFFER, row, OFFER_price_m);
            inputs->chips[c].supply[t] = value_of(resolver, TABLE_OFFER, row, OFFER_supply);
        }
    }
    for (uint32_t row = 0; row < rows_of(resolver, TABLE_FLEET); row += 1) {
        uint32_t s = refer(resolver, TABLE_FLEET, row, FLEET_site, TABLE_SITE);
        uint32_t c = refer(resolver, TABLE_FLEET, row, FLEET_chip, TABLE_CHIP);
        int64_t from = quarter_of(resolver, TABLE_FLEET, row, FLEET_quarter);
        int64_t to = dr_min_i64(from + inputs->chips[c].life_quarters, inputs->quarters_count);

        for (int64_t t = dr_max_i64(from, 0); t < to; t += 1)
            inputs->base[s][c][t] += value_of(resolver, TABLE_FLEET, row, FLEET_count);
        if (from < to && to == inputs->quarters_count)
            inputs->base_ages +=
                value_of(resolver, TABLE_FLEET, row, FLEET_count) * (to - 1 - from);
    }
}

/* Some site may do its work, and some chip can. */
static void check_sector(const struct resolver *resolver, uint32_t k)
{
    const struct dr_plan_inputs *inputs = resolver->inputs;
    uint32_t s = 0, c = 0;

    while (s < inputs->sites_count && !dr_plan_allowed(inputs, k, s))
        s += 1;
    while (c < inputs->chips_count && inputs->sectors[k].speed_micro[c] == 0)
        c += 1;
    if (s == inputs->sites_count)
        wrong(resolver, TABLE_SECTOR, k, SECTOR_grade,
              "at most the grade of some site of its zones, or its work can be done nowhere");
    if (c == inputs->chips_count)
        wrong(resolver, TABLE_SECTOR, k, SECTOR_sector,
              "at least one row of it in speeds.csv, or no chip can do its work");
}

/* What of critical work can be done with any one zone lost. */
static void resolve_lost(const struct resolver *resolver)
{
    struct dr_plan_inputs *inputs = resolver->inputs;
    uint32_t critical = 0;

    if (inputs->lost_quarter == INT32_MAX)
        return;
    for (uint32_t k = 0; k < inputs->sectors_count; k += 1) {
        struct dr_plan_sector *sector = &inputs->sectors[k];

        if (!sector->critical)
            continue;
        critical += 1;
        sector->lost_micro = inputs->lost_micro < 0 ? sector->least_micro : inputs->lost_micro;
        if (sector->lost_micro == 0)
            wrong(resolver, TABLE_SECTOR, k, SECTOR_least_percent,
                  "more than 0 of a critical sector, or lost_percent in plan.yaml: what has to be "
                  "possible with a zone lost");
    }
    if (critical == 0)
        dr_csv_wrong(resolver->errors, resolver->tables->tables[TABLE_SECTOR].file, 0, "critical",
                     "no in every row", "a critical sector, or no lost_from in plan.yaml");
}

static void resolve_sectors(const struct resolver *resolver)
{
    struct dr_plan_inputs *inputs = resolver->inputs;
    int64_t last[DR_PLAN_SECTORS_MAX];

    inputs->sectors_count = rows_of(resolver, TABLE_SECTOR);
    for (uint32_t k = 0; k < inputs->sectors_count; k += 1) {
        struct dr_plan_sector *sector = &inputs->sectors[k];
        const char *at = text_of(resolver, TABLE_SECTOR, k, SECTOR_zones);
        char part[DR_NAME_BYTES];

        last[k] = INT64_MIN;
        dr_copy_name(sector->name, text_of(resolver, TABLE_SECTOR, k, SECTOR_sector));
        sector->title = text_of(resolver, TABLE_SECTOR, k, SECTOR_name);
        sector->unserved = value_of(resolver, TABLE_SECTOR, k, SECTOR_unserved_m);
        sector->least_micro = value_of(resolver, TABLE_SECTOR, k, SECTOR_least_percent) / 100;
        sector->busy_micro = value_of(resolver, TABLE_SECTOR, k, SECTOR_busy_percent) / 100;
        sector->grade = (uint32_t)value_of(resolver, TABLE_SECTOR, k, SECTOR_grade);
        sector->critical = (uint32_t)value_of(resolver, TABLE_SECTOR, k, SECTOR_critical);
        sector->zones = at[0] == '\0' ? UINT32_MAX : 0;
        while (dr_csv_part(&at, part)) {
            uint32_t z = zone_named(resolver, part);

            if (z == inputs->zones_count)
                dr_csv_wrong_cell(
                    resolver->errors, &resolver->tables->tables[TABLE_SECTOR], k, SECTOR_zones,
                    "nothing, or zones of sites.csv, parted by ';': '%s' is none", part);
            else
                sector->zones |= 1u << z;
        }
    }
    for (uint32_t row = 0; row < rows_of(resolver, TABLE_SPEED); row += 1) {
        uint32_t k = refer(resolver, TABLE_SPEED, row, SPEED_sector, TABLE_SECTOR);
        uint32_t c = refer(resolver, TABLE_SPEED, row, SPEED_chip, TABLE_CHIP);

        if (inputs->sectors[k].speed_micro[c] != 0)
            wrong(resolver, TABLE_SPEED, row, SPEED_chip, "each pair once");
        inputs->sectors[k].speed_micro[c] = value_of(resolver, TABLE_SPEED, row, SPEED_speed);
    }
    for (uint32_t row = 0; row < rows_of(resolver, TABLE_DEMAND); row += 1) {
        uint32_t k = refer(resolver, TABLE_DEMAND, row, DEMAND_sector, TABLE_SECTOR);
        int64_t *demand = inputs->sectors[k].demand;
        int64_t from = quarter_of(resolver, TABLE_DEMAND, row, DEMAND_quarter);
        int64_t units = value_of(resolver, TABLE_DEMAND, row, DEMAND_units);
        int64_t before = 0;

        if (from <= last[k]) {
            wrong(resolver, TABLE_DEMAND, row, DEMAND_quarter,
                  "a later one than the sector's last");
            continue;
        }
        /* In a straight line from the last row, whose units stand in the quarters behind it. */
        if (last[k] != INT64_MIN && last[k] < inputs->quarters_count) {
            before = last[k] < 0 ? demand[0] : demand[last[k]];
            for (int64_t t = dr_max_i64(last[k], 0); t < dr_min_i64(from, inputs->quarters_count);
                 t += 1)
                demand[t] = before + dr_mul_div_floor(units - before, t - last[k], from - last[k]);
        }
        for (int64_t t = dr_max_i64(from, 0); t < inputs->quarters_count; t += 1)
            demand[t] = units;
        last[k] = from;
    }
    for (uint32_t k = 0; k < inputs->sectors_count; k += 1)
        check_sector(resolver, k);
    resolve_lost(resolver);
}

/* Rows with a year first; those without one are of the years that are left. */
static void resolve_factors(const struct resolver *resolver)
{
    struct dr_plan_inputs *inputs = resolver->inputs;
    int64_t others[DR_PLAN_SECTORS_MAX] = {0};

    for (uint32_t row = 0; row < rows_of(resolver, TABLE_FACTOR); row += 1) {
        uint32_t k = refer(resolver, TABLE_FACTOR, row, FACTOR_sector, TABLE_SECTOR);
        int64_t year = value_of(resolver, TABLE_FACTOR, row, FACTOR_year);
        int64_t y = year - inputs->begin / 4;
        int64_t *factor = &others[k];

        if (year != DR_CSV_EMPTY && (y < 0 || y >= inputs->years_count)) {
            dr_csv_wrong_cell(resolver->errors, &resolver->tables->tables[TABLE_FACTOR], row,
                              FACTOR_year,
                              "nothing, or a year of the plan: %" PRId64 " to %" PRId64,
                              inputs->begin / 4, inputs->begin / 4 + inputs->years_count - 1);
            continue;
        }
        if (year != DR_CSV_EMPTY)
            factor = &inputs->sectors[k].factor_micro[y];
        if (*factor != 0)
            wrong(resolver, TABLE_FACTOR, row, FACTOR_sector,
                  year == DR_CSV_EMPTY ? "each sector once" : "each sector once in a year");
        else
            *factor = value_of(resolver, TABLE_FACTOR, row, FACTOR_factor_percent) / 100;
    }
    for (uint32_t k = 0; k < inputs->sectors_count; k += 1) {
        for (uint32_t y = 0; y < inputs->years_count; y += 1) {
            if (inputs->sectors[k].factor_micro[y] == 0)
                inputs->sectors[k].factor_micro[y] = others[k];
        }
    }
}

static void resolve_budgets(const struct resolver *resolver)
{
    struct dr_plan_inputs *inputs = resolver->inputs;

    for (uint32_t y = 0; y < DR_PLAN_YEARS_MAX; y += 1)
        inputs->budget[y] = INT64_MAX;
    for (uint32_t row = 0; row < rows_of(resolver, TABLE_BUDGET); row += 1) {
        int64_t y = value_of(resolver, TABLE_BUDGET, row, BUDGET_year) - inputs->begin / 4;

        if (y < 0 || y >= inputs->years_count)
            continue;
        if (inputs->budget[y] != INT64_MAX)
            wrong(resolver, TABLE_BUDGET, row, BUDGET_year, "each year once");
        inputs->budget[y] = value_of(resolver, TABLE_BUDGET, row, BUDGET_budget_m);
    }
    /* One year without a limit among others that have one is a slip. */
    for (uint32_t y = 0; rows_of(resolver, TABLE_BUDGET) > 0 && y < inputs->years_count; y += 1) {
        if (inputs->budget[y] == INT64_MAX)
            dr_csv_wrong(resolver->errors, resolver->tables->tables[TABLE_BUDGET].file, 0, "year",
                         "nothing",
                         "a row for %" PRId64 " too: each year of the plan, or no row at all",
                         inputs->begin / 4 + y);
    }
}

static void resolve_futures(const struct resolver *resolver)
{
    struct dr_plan_inputs *inputs = resolver->inputs;
    const struct dr_csv_table *table = &resolver->tables->tables[TABLE_FUTURE];
    int64_t weights = 0;

    inputs->futures_count = table->rows_count;
    for (uint32_t row = 0; row < inputs->futures_count; row += 1) {
        struct dr_plan_future *future = &inputs->futures[row];

        dr_copy_name(future->name, text_of(resolver, TABLE_FUTURE, row, FUTURE_future));
        if (strcmp(future->name, "mean") == 0 || strcmp(future->name, "hedge") == 0 ||
            strcmp(future->name, "all") == 0 || strcmp(future->name, "whole") == 0)
            wrong(resolver, TABLE_FUTURE, row, FUTURE_future,
                  "another name: mean, hedge, all and whole are plans of `daero plan futures`");
        future->title = text_of(resolver, TABLE_FUTURE, row, FUTURE_name);
        future->weight_micro = value_of(resolver, TABLE_FUTURE, row, FUTURE_weight_percent) / 100;
        weights += value_of(resolver, TABLE_FUTURE, row, FUTURE_weight_percent);
        future->demand_micro = value_of(resolver, TABLE_FUTURE, row, FUTURE_demand_percent) / 100;
        future->price_micro = value_of(resolver, TABLE_FUTURE, row, FUTURE_price_percent) / 100;
        future->tariff_micro = value_of(resolver, TABLE_FUTURE, row, FUTURE_tariff_percent) / 100;
        future->late_quarters =
            (uint32_t)value_of(resolver, TABLE_FUTURE, row, FUTURE_late_quarters);
        future->grid_late_quarters =
            (uint32_t)value_of(resolver, TABLE_FUTURE, row, FUTURE_grid_late_quarters);
    }
    if (table->rows_count > 0 && weights != PERCENT) {
        char sum[40];

        dr_format(sum, sizeof sum, "%.6g", (double)weights / (double)MICRO);
        dr_csv_wrong(resolver->errors, table->file, 0, "weight_percent", sum,
                     "100 in all rows together");
    }
}

void dr_plan_resolve(struct dr_plan_inputs *inputs, const struct tables *tables,
                     struct dr_csv_errors *errors)
{
    struct resolver resolver = {.inputs = inputs, .tables = tables, .errors = errors};
    uint32_t before = errors->count;

    check_unique(&resolver, TABLE_SOURCE, 100000);
    check_unique(&resolver, TABLE_SITE, DR_PLAN_SITES_MAX);
    check_unique(&resolver, TABLE_CHIP, DR_PLAN_CHIPS_MAX);
    check_unique(&resolver, TABLE_SECTOR, DR_PLAN_SECTORS_MAX);
    if (tables->tables[TABLE_FUTURE].columns != NULL) /* it is there */
        check_unique(&resolver, TABLE_FUTURE, DR_PLAN_FUTURES_MAX);
    for (enum table t = TABLE_SITE; t < TABLE_COUNT; t += 1) {
        if (tables->tables[t].columns != NULL)
            dr_csv_check_claims(errors, &tables->tables[t], &tables->tables[TABLE_SOURCE]);
    }
    if (errors->count > before)
        return; /* places would mean nothing */
    resolve_zones(&resolver);
    resolve_tariffs(&resolver);
    resolve_sites(&resolver);
    resolve_chips(&resolver);
    resolve_sectors(&resolver);
    resolve_factors(&resolver);
    resolve_budgets(&resolver);
    resolve_futures(&resolver);
}
