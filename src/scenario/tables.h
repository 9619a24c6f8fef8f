/* SPDX-License-Identifier: Apache-2.0 */
/* tables.h: a scenario's tables as the files of this room see them.
 *
 * Each table is a list of columns, written once: the enum of their places, what may stand in them,
 * and the header that a file must have come from it. Rows stay where they are in the tables; what
 * takes more than one table (a delivery's pool, a pool's owner) is resolved once, into places. */
#ifndef DR_SCENARIO_TABLES_H
#define DR_SCENARIO_TABLES_H

#include "base/arena.h"
#include "base/claims.h"
#include "scenario/scenario.h"

#define DR_WAVES_MAX 16
#define MICRO        DR_CSV_MICRO

/* column, kind, needed, min, max, words; base/claims.h */
#define SETTING_COLUMNS(X, P)          \
    X(P, setting, TEXT, 1, 0, 0, NULL) \
    X(P, value, TEXT, 1, 0, 0, NULL)   \
    X(P, unit, TEXT, 0, 0, 0, NULL)    \
    DR_CLAIM_COLUMNS(X, P)

#define STAGE_COLUMNS(X, P)           \
    X(P, stage, NAME, 1, 0, 0, NULL)  \
    X(P, month, MONTH, 1, 0, 0, NULL) \
    X(P, waves, TEXT, 1, 0, 0, NULL)  \
    DR_CLAIM_COLUMNS(X, P)

#define GRADE_COLUMNS(X, P)                  \
    X(P, grade, NAME, 1, 0, 0, NULL)         \
    X(P, assurance, WHOLE, 1, 0, 1000, NULL) \
    DR_CLAIM_COLUMNS(X, P)

#define POLICY_COLUMNS(X, P)             \
    X(P, rule, NAME, 1, 0, 0, NULL)      \
    X(P, scope, TEXT, 1, 0, 0, NULL)     \
    X(P, condition, TEXT, 1, 0, 0, NULL) \
    X(P, effect, TEXT, 1, 0, 0, NULL)    \
    X(P, in_force, TEXT, 1, 0, 0, NULL)  \
    DR_CLAIM_COLUMNS(X, P)

#define CLASS_COLUMNS(X, P)                                   \
    X(P, class, NAME, 1, 0, 0, NULL)                          \
    X(P, jurisdictions, TEXT, 0, 0, 0, NULL)                  \
    X(P, assurance, WHOLE, 1, 0, 1000, NULL)                  \
    X(P, share, WORD, 1, 0, 0, "accelerator node block none") \
    X(P, policy, TEXT, 0, 0, 0, NULL)                         \
    DR_CLAIM_COLUMNS(X, P)

#define CHIP_COLUMNS(X, P)                                  \
    X(P, chip, TEXT, 1, 0, 0, NULL)                         \
    X(P, vendor, TEXT, 1, 0, 0, NULL)                       \
    X(P, country, NAME, 1, 0, 0, NULL)                      \
    X(P, class, TEXT, 1, 0, 0, NULL)                        \
    X(P, bf16_tflops, DECIMAL, 1, 0, MICRO * 1000000, NULL) \
    X(P, fp8_tflops, DECIMAL, 1, 0, MICRO * 1000000, NULL)  \
    X(P, memory_gb, WHOLE, 1, 1, 65536, NULL)               \
    X(P, memory_tbps, DECIMAL, 1, 0, MICRO * 1000000, NULL) \
    X(P, memory_type, TEXT, 1, 0, 0, NULL)                  \
    X(P, idle_w, WHOLE, 1, 0, 100000, NULL)                 \
    X(P, busy_w, WHOLE, 1, 0, 100000, NULL)                 \
    X(P, it_w, WHOLE, 1, 0, 100000, NULL)                   \
    X(P, node_accelerators, WHOLE, 1, 1, 64, NULL)          \
    X(P, scaleup_accelerators, WHOLE, 1, 1, 1000000, NULL)  \
    X(P, rack_accelerators, WHOLE, 1, 1, 1000000, NULL)     \
    X(P, spine_nodes, WHOLE, 1, 1, 1000000, NULL)           \
    X(P, node_cpus, WHOLE, 1, 1, 4096, NULL)                \
    X(P, node_memory_gb, WHOLE, 1, 1, 262144, NULL)         \
    X(P, price_usd, WHOLE, 0, 0, 100000000, NULL)           \
    X(P, all_in_usd, WHOLE, 0, 0, 100000000, NULL)          \
    X(P, stack, TEXT, 1, 0, 0, NULL)                        \
    X(P, trains, WHOLE, 1, 0, 1, NULL)                      \
    X(P, serves, WHOLE, 1, 0, 1, NULL)                      \
    DR_CLAIM_COLUMNS(X, P)

#define SITE_COLUMNS(X, P)                                 \
    X(P, site, NAME, 1, 0, 0, NULL)                        \
    X(P, name, TEXT, 1, 0, 0, NULL)                        \
    X(P, operator, TEXT, 1, 0, 0, NULL)                    \
    X(P, place, TEXT, 1, 0, 0, NULL)                       \
    X(P, region, NAME, 1, 0, 0, NULL)                      \
    X(P, jurisdiction, NAME, 1, 0, 0, NULL)                \
    X(P, grid_zone, NAME, 1, 0, 0, NULL)                   \
    X(P, lat, DECIMAL, 0, -90 * MICRO, 90 * MICRO, NULL)   \
    X(P, lon, DECIMAL, 0, -180 * MICRO, 180 * MICRO, NULL) \
    X(P, power_announced, TEXT, 0, 0, 0, NULL)             \
    X(P, go_live, MONTH, 0, 0, 0, NULL)                    \
    X(P, sector, TEXT, 1, 0, 0, NULL)                      \
    X(P, status, TEXT, 1, 0, 0, NULL)                      \
    X(P, pue, DECIMAL, 1, MICRO, 10 * MICRO, NULL)         \
    X(P, grade, NAME, 1, 0, 0, NULL)                       \
    X(P, isolated_network, WORD, 1, 0, 0, "no yes")        \
    DR_CLAIM_COLUMNS(X, P)

#define POWER_COLUMNS(X, P)                             \
    X(P, site, NAME, 1, 0, 0, NULL)                     \
    X(P, month, MONTH, 1, 0, 0, NULL)                   \
    X(P, power_mw, DECIMAL, 1, 0, 100000 * MICRO, NULL) \
    DR_CLAIM_COLUMNS(X, P)

#define FLEET_COLUMNS(X, P)                  \
    X(P, site, NAME, 1, 0, 0, NULL)          \
    X(P, pool, NAME, 1, 0, 0, NULL)          \
    X(P, chip, TEXT, 1, 0, 0, NULL)          \
    X(P, count, WHOLE, 1, 1, 10000000, NULL) \
    X(P, month, MONTH, 1, 0, 0, NULL)        \
    X(P, owner, NAME, 1, 0, 0, NULL)         \
    X(P, account, NAME, 1, 0, 0, NULL)       \
    X(P, consent, TEXT, 0, 0, 0, NULL)       \
    X(P, wave, NAME, 1, 0, 0, NULL)          \
    X(P, use, TEXT, 1, 0, 0, NULL)           \
    DR_CLAIM_COLUMNS(X, P)

#define TENANT_COLUMNS(X, P)                                     \
    X(P, account, NAME, 1, 0, 0, NULL)                           \
    X(P, parent, NAME, 0, 0, 0, NULL)                            \
    X(P, name, TEXT, 1, 0, 0, NULL)                              \
    X(P, sector, TEXT, 1, 0, 0, NULL)                            \
    X(P, kind, TEXT, 1, 0, 0, NULL)                              \
    X(P, guarantee_type, WORD, 1, 0, 0, "none gpus share fleet") \
    X(P, guarantee, DECIMAL, 0, 0, 100000000 * MICRO, NULL)      \
    X(P, weight, DECIMAL, 0, 1000, 1000000 * MICRO, NULL)        \
    X(P, borrow, DECIMAL, 0, 0, 1000 * MICRO, NULL)              \
    X(P, lend, DECIMAL, 0, 0, MICRO, NULL)                       \
    X(P, data_class, NAME, 1, 0, 0, NULL)                        \
    X(P, residency, TEXT, 0, 0, 0, NULL)                         \
    X(P, price_rule, TEXT, 0, 0, 0, NULL)                        \
    DR_CLAIM_COLUMNS(X, P)

#define PROJECT_COLUMNS(X, P)                      \
    X(P, parent, NAME, 1, 0, 0, NULL)              \
    X(P, prefix, NAME, 1, 0, 0, NULL)              \
    X(P, count, WHOLE, 1, 1, 10000, NULL)          \
    X(P, accelerators, WHOLE, 1, 0, 1000000, NULL) \
    X(P, caps, TEXT, 0, 0, 0, NULL)                \
    DR_CLAIM_COLUMNS(X, P)

#define TARIFF_COLUMNS(X, P)                                         \
    X(P, tariff, TEXT, 1, 0, 0, NULL)                                \
    X(P, version, WHOLE, 1, 1, 1000, NULL)                           \
    X(P, effective_from, DATE, 1, 0, 0, NULL)                        \
    X(P, effective_to, DATE, 0, 0, 0, NULL)                          \
    X(P, season, TEXT, 1, 0, 0, NULL)                                \
    X(P, months, TEXT, 1, 0, 0, NULL)                                \
    X(P, day_type, WORD, 1, 0, 0, "weekday saturday sunday_holiday") \
    X(P, band, TEXT, 1, 0, 0, NULL)                                  \
    X(P, hours, TEXT, 1, 0, 0, NULL)                                 \
    X(P, price_per_kwh, DECIMAL, 1, 0, 1000000 * MICRO, NULL)        \
    DR_CLAIM_COLUMNS(X, P)

#define CHARGE_COLUMNS(X, P)                 \
    X(P, item, TEXT, 1, 0, 0, NULL)          \
    X(P, value, TEXT, 1, 0, 0, NULL)         \
    X(P, unit, TEXT, 1, 0, 0, NULL)          \
    X(P, applies, TEXT, 1, 0, 0, NULL)       \
    X(P, in_tariff, WORD, 1, 0, 0, "no yes") \
    DR_CLAIM_COLUMNS(X, P)

#define PROGRAMME_COLUMNS(X, P)                          \
    X(P, programme, TEXT, 1, 0, 0, NULL)                 \
    X(P, year, TEXT, 1, 0, 0, NULL)                      \
    X(P, metric, TEXT, 1, 0, 0, NULL)                    \
    X(P, value, DECIMAL, 1, 0, 1000000000 * MICRO, NULL) \
    X(P, unit, TEXT, 1, 0, 0, NULL)                      \
    X(P, kind, TEXT, 1, 0, 0, NULL)                      \
    DR_CLAIM_COLUMNS(X, P)

#define RUN_COLUMNS(X, P)                                              \
    X(P, run, TEXT, 1, 0, 0, NULL)                                     \
    X(P, organisation, TEXT, 1, 0, 0, NULL)                            \
    X(P, country, NAME, 1, 0, 0, NULL)                                 \
    X(P, params_b, DECIMAL, 0, 0, 1000000 * MICRO, NULL)               \
    X(P, active_b, DECIMAL, 0, 0, 1000000 * MICRO, NULL)               \
    X(P, tokens_t, DECIMAL, 0, 0, 1000000 * MICRO, NULL)               \
    X(P, accelerators, DECIMAL, 1, 0, 10000000 * MICRO, NULL)          \
    X(P, chip, TEXT, 1, 0, 0, NULL)                                    \
    X(P, days, WHOLE, 0, 1, 10000, NULL)                               \
    X(P, accelerator_hours, WHOLE, 0, 1, INT64_C(1000000000000), NULL) \
    X(P, train_flops, TEXT, 0, 0, 0, NULL)                             \
    DR_CLAIM_COLUMNS(X, P)

/* enumerator, file, columns. Programmes and runs are kept for the planner and for workloads: they
 * are judged here, and nothing of a federation comes from them. */
#define TABLES(X)                                     \
    X(SOURCE, "sources.csv", DR_SOURCE_COLUMNS)       \
    X(SETTING, "settings.csv", SETTING_COLUMNS)       \
    X(STAGE, "stages.csv", STAGE_COLUMNS)             \
    X(GRADE, "grades.csv", GRADE_COLUMNS)             \
    X(POLICY, "policy.csv", POLICY_COLUMNS)           \
    X(CLASS, "classes.csv", CLASS_COLUMNS)            \
    X(CHIP, "chips.csv", CHIP_COLUMNS)                \
    X(SITE, "sites.csv", SITE_COLUMNS)                \
    X(POWER, "site_power.csv", POWER_COLUMNS)         \
    X(FLEET, "fleets.csv", FLEET_COLUMNS)             \
    X(TENANT, "tenants.csv", TENANT_COLUMNS)          \
    X(PROJECT, "projects.csv", PROJECT_COLUMNS)       \
    X(TARIFF, "tariff.csv", TARIFF_COLUMNS)           \
    X(CHARGE, "tariff_fixed.csv", CHARGE_COLUMNS)     \
    X(PROGRAMME, "programmes.csv", PROGRAMME_COLUMNS) \
    X(RUN, "runs.csv", RUN_COLUMNS)

enum table {
#define TABLE_ENUM(name, file, columns) TABLE_##name,
    TABLES(TABLE_ENUM)
#undef TABLE_ENUM
        TABLE_COUNT,
};

/* The places of columns: CHIP_busy_w and its like. */
#define COLUMN_ENUM(prefix, name, kind, needed, min, max, words) prefix##_##name,
#define COLUMNS_ENUM(name, file, columns)          \
    enum name##_column{                            \
        columns(COLUMN_ENUM, name) name##_COLUMNS, \
    };
TABLES(COLUMNS_ENUM)
#undef COLUMNS_ENUM
#undef COLUMN_ENUM

enum guarantee_type {
    GUARANTEE_NONE,  /* its machines belong to the nearest account above it that has one */
    GUARANTEE_GPUS,  /* so many accelerators */
    GUARANTEE_SHARE, /* a part of its parent's */
    GUARANTEE_FLEET, /* what its pools have */
};

#define NO_ROW      DR_CSV_NO_ROW
#define CONSENT_MAX 16 /* as in the federation file */

/* Deliveries of one name at one site: what they have in common. */
struct scenario_pool {
    uint32_t fleet; /* the first delivery */
    uint32_t site;
    uint32_t chip;
    uint32_t account;
    uint32_t group;
    uint32_t consent[CONSENT_MAX];
    uint32_t consent_count;
};

/* A quota group, as the federation makes it: a chip's accelerators of one owner. */
struct scenario_group {
    uint32_t chip;
    uint32_t account;
    uint32_t holder; /* who is guaranteed them */
};

struct scenario_settings {
    char name[DR_NAME_BYTES];
    const char *currency;
    int64_t per_usd; /* of the currency, millionths */
    int64_t service_years;
    int64_t guaranteed_milli; /* of what is installed */
    int64_t from;             /* months */
    int64_t to;
    const char *utc_offset;
    const char *default_limit;
    int64_t span_price; /* whole currency */
};

struct dr_scenario {
    struct dr_arena arena;
    struct dr_csv_table tables[TABLE_COUNT];
    struct scenario_settings settings;
    const char *waves[DR_WAVES_MAX];
    uint32_t waves_count;
    uint32_t *fleet_pool;    /* [fleets] */
    uint32_t *fleet_wave;    /* [fleets], a bit */
    uint32_t *tenant_parent; /* [tenants], NO_ROW for the root */
    uint32_t *project_parent;
    struct scenario_pool *pools;
    uint32_t pools_count;
    struct scenario_group *groups;
    uint32_t groups_count;
    struct dr_scenario_moment *moments;
    uint32_t moments_count;
};

static inline const char *text_of(const struct dr_scenario *scenario, enum table table,
                                  uint32_t row, uint32_t column)
{
    return dr_csv_cell(&scenario->tables[table], row, column)->text;
}

static inline int64_t value_of(const struct dr_scenario *scenario, enum table table, uint32_t row,
                               uint32_t column)
{
    return dr_csv_cell(&scenario->tables[table], row, column)->value;
}

static inline uint32_t rows_of(const struct dr_scenario *scenario, enum table table)
{
    return scenario->tables[table].rows_count;
}

/* The row in whose first column `key` stands; NO_ROW. */
uint32_t dr_scenario_find(const struct dr_scenario *scenario, enum table table, const char *key);

/* The tenant is `above` or somewhere below it. */
int dr_scenario_within(const struct dr_scenario *scenario, uint32_t tenant, uint32_t above);

/* ---- resolve.c ---- */

/* What takes more than one cell to judge; resolves the places above. */
void dr_scenario_resolve(struct dr_scenario *scenario, struct dr_csv_errors *errors);

/* ---- fleet.c ---- */

/* How many accelerators a pool has at a moment. */
int64_t dr_scenario_pool_count(const struct dr_scenario *scenario, uint32_t pool,
                               const struct dr_scenario_moment *moment);
/* The row of site_power.csv that holds at the end of a month; NO_ROW: the site has no power yet. */
uint32_t dr_scenario_power_row(const struct dr_scenario *scenario, uint32_t site, int64_t month);
/* What it says, in watts; 0: none yet. */
int64_t dr_scenario_cap_w(const struct dr_scenario *scenario, uint32_t site, int64_t month);

/* ---- guarantees.c ---- */

/* What each account is guaranteed of each group at a moment: `amounts` [groups_count][tenants],
 * `installed` [groups_count]. Rounded down, so that what is below an account never comes to more
 * than its own, and what is guaranteed in all to no more than the setting guaranteed_share. */
void dr_scenario_guarantees(const struct dr_scenario *scenario,
                            const struct dr_scenario_moment *moment, int64_t *amounts,
                            int64_t *installed);

/* ---- tariff.c ---- */

/* "6-8", "3-5;9-10", "11-2", "22-08": what of [0, size) it covers, as bits; `first` is the number
 * that the first bit stands for, `open` 1 where the last of a range does not belong to it. 0: it is
 * no such list. */
int dr_scenario_ranges(const char *text, int64_t first, int64_t size, int open, uint64_t *bits);

/* Prices per kWh of the 24 hours of a working day, millionths of the currency, all charges per kWh
 * included. 0: `error` says what the tables lack. */
int dr_scenario_tariff(const struct dr_scenario *scenario, int64_t month, int64_t prices[24],
                       struct dr_error *error);

#endif
