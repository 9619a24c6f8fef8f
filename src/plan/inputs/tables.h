/* SPDX-License-Identifier: Apache-2.0 */
/* tables.h: the tables of a plan's scenario, each column written once; for open.c and resolve.c.
 *
 * The names of columns end in their units: `_w` watts, `_mw` megawatts, `_m` millions of the
 * scenario's currency, `_percent`, `_quarters`. Amounts are of accelerators. docs/planning.md has
 * every table in words. */
#ifndef DR_PLAN_TABLES_H
#define DR_PLAN_TABLES_H

#include "base/claims.h"
#include "plan/inputs/inputs.h"

#define MICRO   DR_CSV_MICRO
#define MONEY   (MICRO * 1000000000) /* the most of one cell: 10^15 of the currency */
#define PERCENT (100 * MICRO)

/* column, kind, needed, min, max, words; base/claims.h. Coordinates are in degrees: for maps alone,
 * both of a site or neither. */
#define SITE_COLUMNS(X, P)                                                   \
    X(P, site, NAME, 1, 0, 0, NULL)                                          \
    X(P, name, TEXT, 1, 0, 0, NULL)                                          \
    X(P, zone, NAME, 1, 0, 0, NULL)                                          \
    X(P, tariff, NAME, 1, 0, 0, NULL)                                        \
    X(P, power_mw, DECIMAL, 1, 0, 100000 * MICRO, NULL)                      \
    X(P, pue, DECIMAL, 1, MICRO, 10 * MICRO, NULL)                           \
    X(P, grade, WHOLE, 1, 0, 1000, NULL)                                     \
    X(P, latitude, DECIMAL, DR_CSV_ABSENT, -90 * MICRO, 90 * MICRO, NULL)    \
    X(P, longitude, DECIMAL, DR_CSV_ABSENT, -180 * MICRO, 180 * MICRO, NULL) \
    DR_CLAIM_COLUMNS(X, P)

/* What can be built at a site, in this order; `begun`: it is being built, and is there in its
 * quarter whatever the plan says. */
#define PHASE_COLUMNS(X, P)                             \
    X(P, site, NAME, 1, 0, 0, NULL)                     \
    X(P, power_mw, DECIMAL, 1, 0, 100000 * MICRO, NULL) \
    X(P, cost_m, DECIMAL, 1, 0, MONEY, NULL)            \
    X(P, build_quarters, WHOLE, 1, 0, 40, NULL)         \
    X(P, quarter, QUARTER, 1, 0, 0, NULL)               \
    X(P, state, WORD, 1, 0, 0, "open begun")            \
    DR_CLAIM_COLUMNS(X, P)

#define CHIP_COLUMNS(X, P)                                \
    X(P, chip, NAME, 1, 0, 0, NULL)                       \
    X(P, vendor, NAME, 1, 0, 0, NULL)                     \
    X(P, domestic, WORD, 1, 0, 0, "no yes")               \
    X(P, busy_w, WHOLE, 1, 1, 1000000, NULL)              \
    X(P, idle_w, WHOLE, 1, 0, 1000000, NULL)              \
    X(P, compute, DECIMAL, 1, 1, 1000000 * MICRO, NULL)   \
    X(P, available_percent, DECIMAL, 1, 0, PERCENT, NULL) \
    X(P, upkeep_percent, DECIMAL, 1, 0, PERCENT, NULL)    \
    X(P, lead_quarters, WHOLE, 1, 0, 20, NULL)            \
    X(P, life_quarters, WHOLE, 1, 1, 80, NULL)            \
    X(P, lot, WHOLE, 1, 1, 100000, NULL)                  \
    X(P, order_min, WHOLE, 1, 0, 10000000, NULL)          \
    DR_CLAIM_COLUMNS(X, P)

/* From a quarter on, until the chip's next row: what one costs, and how many can be ordered in a
 * quarter. Before its first row, and with 0, a chip can't be ordered. */
#define OFFER_COLUMNS(X, P)                   \
    X(P, chip, NAME, 1, 0, 0, NULL)           \
    X(P, quarter, QUARTER, 1, 0, 0, NULL)     \
    X(P, price_m, DECIMAL, 1, 0, MONEY, NULL) \
    X(P, supply, WHOLE, 1, 0, 10000000, NULL) \
    DR_CLAIM_COLUMNS(X, P)

/* What is there already (a quarter before the plan's first) or was bought and will come. */
#define FLEET_COLUMNS(X, P)                  \
    X(P, site, NAME, 1, 0, 0, NULL)          \
    X(P, chip, NAME, 1, 0, 0, NULL)          \
    X(P, count, WHOLE, 1, 1, 10000000, NULL) \
    X(P, quarter, QUARTER, 1, 0, 0, NULL)    \
    DR_CLAIM_COLUMNS(X, P)

#define SECTOR_COLUMNS(X, P)                          \
    X(P, sector, NAME, 1, 0, 0, NULL)                 \
    X(P, name, TEXT, 1, 0, 0, NULL)                   \
    X(P, unserved_m, DECIMAL, 1, 0, MONEY, NULL)      \
    X(P, least_percent, DECIMAL, 1, 0, PERCENT, NULL) \
    X(P, busy_percent, DECIMAL, 1, 1, PERCENT, NULL)  \
    X(P, grade, WHOLE, 1, 0, 1000, NULL)              \
    X(P, zones, TEXT, 0, 0, 0, NULL)                  \
    X(P, critical, WORD, 1, 0, 0, "no yes")           \
    DR_CLAIM_COLUMNS(X, P)

/* How much of a sector's work one accelerator does; without a row it can't. */
#define SPEED_COLUMNS(X, P)                           \
    X(P, sector, NAME, 1, 0, 0, NULL)                 \
    X(P, chip, NAME, 1, 0, 0, NULL)                   \
    X(P, speed, DECIMAL, 1, 1, 1000000 * MICRO, NULL) \
    DR_CLAIM_COLUMNS(X, P)

/* From a quarter on, until the sector's next row; between the two in a straight line. */
#define DEMAND_COLUMNS(X, P)                  \
    X(P, sector, NAME, 1, 0, 0, NULL)         \
    X(P, quarter, QUARTER, 1, 0, 0, NULL)     \
    X(P, units, WHOLE, 1, 0, 100000000, NULL) \
    DR_CLAIM_COLUMNS(X, P)

#define BUDGET_COLUMNS(X, P)                   \
    X(P, year, WHOLE, 1, 1900, 2999, NULL)     \
    X(P, budget_m, DECIMAL, 1, 0, MONEY, NULL) \
    DR_CLAIM_COLUMNS(X, P)

/* From a quarter on: what the grid gives to a zone's sites together. */
#define GRID_COLUMNS(X, P)                               \
    X(P, zone, NAME, 1, 0, 0, NULL)                      \
    X(P, quarter, QUARTER, 1, 0, 0, NULL)                \
    X(P, power_mw, DECIMAL, 1, 0, 1000000 * MICRO, NULL) \
    DR_CLAIM_COLUMNS(X, P)

/* By the quarter of the year: energy by hours of the day's bands taken together, and what the
 * highest draw costs each month. */
#define TARIFF_COLUMNS(X, P)                                        \
    X(P, tariff, NAME, 1, 0, 0, NULL)                               \
    X(P, quarter_of_year, WHOLE, 1, 1, 4, NULL)                     \
    X(P, energy_per_kwh, DECIMAL, 1, 0, MICRO * 1000000, NULL)      \
    X(P, peak_per_kw_month, DECIMAL, 1, 0, MICRO * 100000000, NULL) \
    DR_CLAIM_COLUMNS(X, P)

/* What of its busy_percent a sector's work reaches under real scheduling in a year, or, without
 * one, in all years that have no row of their own; without a row, all of it. A table that need not
 * be there: `daero plan replay` writes it. */
#define FACTOR_COLUMNS(X, P)                                    \
    X(P, sector, NAME, 1, 0, 0, NULL)                           \
    X(P, year, WHOLE, DR_CSV_ABSENT, 1900, 2999, NULL)          \
    X(P, factor_percent, DECIMAL, 1, MICRO / 10, PERCENT, NULL) \
    DR_CLAIM_COLUMNS(X, P)

/* What may come. Percentages are of what the other tables say; weights come to 100. */
#define FUTURE_COLUMNS(X, P)                                      \
    X(P, future, NAME, 1, 0, 0, NULL)                             \
    X(P, name, TEXT, 1, 0, 0, NULL)                               \
    X(P, weight_percent, DECIMAL, 1, MICRO / 1000, PERCENT, NULL) \
    X(P, demand_percent, DECIMAL, 1, MICRO, 10 * PERCENT, NULL)   \
    X(P, price_percent, DECIMAL, 1, MICRO, 10 * PERCENT, NULL)    \
    X(P, tariff_percent, DECIMAL, 1, MICRO, 10 * PERCENT, NULL)   \
    X(P, late_quarters, WHOLE, 1, 0, 8, NULL)                     \
    X(P, grid_late_quarters, WHOLE, 1, 0, 12, NULL)               \
    DR_CLAIM_COLUMNS(X, P)

#define TABLES(X)                                     \
    X(SOURCE, "sources.csv", DR_SOURCE_COLUMNS)       \
    X(SITE, "sites.csv", SITE_COLUMNS)                \
    X(PHASE, "phases.csv", PHASE_COLUMNS)             \
    X(CHIP, "chips.csv", CHIP_COLUMNS)                \
    X(OFFER, "offers.csv", OFFER_COLUMNS)             \
    X(FLEET, "fleet.csv", FLEET_COLUMNS)              \
    X(SECTOR, "sectors.csv", SECTOR_COLUMNS)          \
    X(SPEED, "speeds.csv", SPEED_COLUMNS)             \
    X(DEMAND, "demand.csv", DEMAND_COLUMNS)           \
    X(BUDGET, "budgets.csv", BUDGET_COLUMNS)          \
    X(GRID, "grid.csv", GRID_COLUMNS)                 \
    X(TARIFF, "tariffs.csv", TARIFF_COLUMNS)          \
    X(FACTOR, "capacity_factors.csv", FACTOR_COLUMNS) \
    X(FUTURE, "futures.csv", FUTURE_COLUMNS)

/* Tables from here on need not be there. */
#define TABLE_OPTIONAL TABLE_FACTOR

enum table {
#define TABLE_ENUM(name, file, columns) TABLE_##name,
    TABLES(TABLE_ENUM)
#undef TABLE_ENUM
        TABLE_COUNT
};

#define COLUMN_ENUM(prefix, name, kind, needed, min, max, words) prefix##_##name,
#define ENUM_OF(name, file, columns)                             enum { columns(COLUMN_ENUM, name) name##_COLUMNS_COUNT };
TABLES(ENUM_OF)
#undef ENUM_OF

struct tables {
    struct dr_csv_table tables[TABLE_COUNT];
};

/* From the tables to places and amounts; says every mistake that takes more than a cell. */
void dr_plan_resolve(struct dr_plan_inputs *inputs, const struct tables *tables,
                     struct dr_csv_errors *errors);

/* plan.yaml, as it was read. */
void dr_plan_read_settings(struct dr_plan_inputs *inputs, const char *path, const char *yaml,
                           size_t bytes, struct dr_csv_errors *errors);

#endif
