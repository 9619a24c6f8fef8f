/* SPDX-License-Identifier: Apache-2.0 */
/* inputs.h: what a plan is made of, read from a scenario's folder and judged whole.
 *
 * dr_plan_inputs_open() reads plan.yaml, twelve tables and, where they are there,
 * capacity_factors.csv and futures.csv (tables.h; docs/planning.md). After that everything is
 * places and whole numbers: money in the currency's own units, power in watts, shares and speeds in
 * millionths, quarters from the plan's first (0). `money` is at most 10^18.
 *
 * The same numbers go into the program that is solved (formulate.c, in floating point) and into the
 * check of what comes out (check.c, in whole numbers). */
#ifndef DR_PLAN_INPUTS_H
#define DR_PLAN_INPUTS_H

#include "base/arena.h"
#include "base/csv.h"
#include "base/text.h"

#define DR_PLAN_SITES_MAX    64
#define DR_PLAN_CHIPS_MAX    32
#define DR_PLAN_SECTORS_MAX  16
#define DR_PLAN_ZONES_MAX    16
#define DR_PLAN_TARIFFS_MAX  16
#define DR_PLAN_PHASES_MAX   8 /* of a site */
#define DR_PLAN_QUARTERS_MAX 40
#define DR_PLAN_YEARS_MAX    12
#define DR_PLAN_TARGETS_MAX  16
#define DR_PLAN_FUTURES_MAX  12

#define DR_PLAN_MICRO INT64_C(1000000)

struct dr_plan_phase {
    int64_t power_w;
    int64_t cost;
    uint32_t build_quarters;
    int32_t quarter; /* from which it can be begun; begun: in which it is there. May be negative */
    uint32_t begun;
};

struct dr_plan_site {
    char name[DR_NAME_BYTES];
    const char *title;
    uint32_t zone;
    uint32_t tariff;
    int64_t power_w; /* at the beginning */
    int64_t pue_micro;
    uint32_t grade;                          /* what it may host: sectors of at most this grade */
    uint32_t located;                        /* 0: nobody said where it lies */
    uint32_t location_assumed;               /* 1: about there */
    int64_t latitude_micro, longitude_micro; /* degrees; for maps alone */
    uint32_t phases_count;
    struct dr_plan_phase phases[DR_PLAN_PHASES_MAX];
};

struct dr_plan_chip {
    char name[DR_NAME_BYTES];
    char vendor[DR_NAME_BYTES];
    uint32_t vendor_first; /* the first chip of this vendor, by which the vendor is known */
    uint32_t domestic;
    int64_t busy_w, idle_w; /* with its share of server, network and storage; without cooling */
    int64_t compute_micro;  /* of one, in the unit of targets by compute */
    int64_t available_micro;
    int64_t upkeep_micro; /* of its price a year */
    uint32_t lead_quarters, life_quarters;
    uint32_t lot, order_min;
    int64_t price[DR_PLAN_QUARTERS_MAX];  /* by the quarter of the order */
    int64_t supply[DR_PLAN_QUARTERS_MAX]; /* 0: it can't be ordered */
};

struct dr_plan_sector {
    char name[DR_NAME_BYTES];
    const char *title;
    int64_t unserved;    /* what a unit that is not served for a quarter costs */
    int64_t least_micro; /* of the demand, served whatever it costs */
    int64_t busy_micro;  /* of what is given to it, what its work keeps busy */
    /* Of that, what real scheduling lets it reach in each year: capacity_factors.csv; 0: all. */
    int64_t factor_micro[DR_PLAN_YEARS_MAX];
    uint32_t grade;
    uint32_t zones; /* bits */
    uint32_t critical;
    int64_t lost_micro; /* of the demand, what can be done with any one zone lost; 0: none has to */
    int64_t speed_micro[DR_PLAN_CHIPS_MAX]; /* units of work that one does; 0: it can't */
    int64_t demand[DR_PLAN_QUARTERS_MAX];   /* units */
    int64_t eased[DR_PLAN_QUARTERS_MAX]; /* units that need not be done of the least (relaxed.h) */
};

struct dr_plan_zone {
    char name[DR_NAME_BYTES];
    int64_t grid_w[DR_PLAN_QUARTERS_MAX]; /* INT64_MAX: no limit is stated */
};

struct dr_plan_tariff {
    char name[DR_NAME_BYTES];
    int64_t energy_micro[4]; /* of the currency, a kWh; by the quarter of the year */
    int64_t peak_micro[4];   /* a kW and month */
};

/* What the fleet has to come to by the end of a quarter. */
struct dr_plan_target {
    uint32_t quarter;
    int64_t accelerators; /* 0: not stated */
    int64_t compute_micro;
};

enum dr_plan_measure { DR_PLAN_BY_VALUE, DR_PLAN_BY_UNITS, DR_PLAN_BY_COMPUTE };

struct dr_plan_domestic {
    uint32_t year; /* from this one on, by its place */
    enum dr_plan_measure measure;
    int64_t share_micro; /* of what is ordered in a year */
};

/* What may come: futures.csv. Demand and prices part from the tables in a straight line, from the
 * first quarter to the first behind the common ones; the rest holds from the beginning. */
struct dr_plan_future {
    char name[DR_NAME_BYTES];
    const char *title;
    int64_t weight_micro;                            /* of all futures' together */
    int64_t demand_micro, price_micro, tariff_micro; /* of what the tables say */
    uint32_t late_quarters;                          /* between order and use, beyond lead times */
    uint32_t grid_late_quarters; /* open phases take longer, zones' grids grow later */
};

/* Rules that can be mended by somebody's decision: word, the program's rows */
#define DR_PLAN_RELAXES(X)                                \
    X(SHARES, "shares", SITE_SHARE, ZONE_SHARE, VENDOR)   \
    X(LOST, "lost", LOST_LEAST, LOST_LEAST, LOST_LEAST)   \
    X(STARTS, "starts", STARTS, STARTS, STARTS)           \
    X(DOMESTIC, "domestic", DOMESTIC, DOMESTIC, DOMESTIC) \
    X(TARGETS, "targets", TARGET, TARGET_COMPUTE, TARGET) \
    X(LEAST, "least-work", LEAST, LEAST, LEAST)           \
    X(BUDGET, "budget", BUDGET, BUDGET, BUDGET)           \
    X(SUPPLY, "supply", SUPPLY, SUPPLY, SUPPLY)           \
    X(GRID, "grid", GRID, LOST_GRID, GRID)                \
    X(POWER, "power", POWER, POWER, POWER)

enum dr_plan_relax {
#define DR_RELAX_ENUM(name, word, a, b, c) DR_PLAN_RELAX_##name,
    DR_PLAN_RELAXES(DR_RELAX_ENUM)
#undef DR_RELAX_ENUM
        DR_PLAN_RELAX_COUNT
};

extern const char *const DR_PLAN_RELAX_WORDS[DR_PLAN_RELAX_COUNT];

struct dr_plan_inputs {
    struct dr_arena arena;
    char hash[65]; /* SHA-256 of plan.yaml and the tables, in their order */

    /* plan.yaml */
    char name[DR_NAME_BYTES];
    char currency[16];
    int64_t begin; /* dr_parse_quarter() */
    uint32_t quarters_count;
    uint32_t years_count;   /* calendar years that the quarters touch */
    int64_t discount_micro; /* a year */
    int64_t carry_micro;    /* of a year's budget, into the next */
    uint32_t starts_max;    /* phases begun in a quarter; 0: any */
    uint32_t building_quarters;
    int64_t
        steady_micro; /* how much more or less than the quarter before is free; 0 with weight 0 */
    int64_t steady_weight_micro; /* what each unit of money beyond it costs */
    int64_t site_share_micro;    /* of all accelerators, at one site; 0: any */
    int64_t zone_share_micro;
    int64_t vendor_share_micro; /* of a year's orders by value; 0: any */
    int32_t share_quarter;      /* from which the three hold */
    int32_t lost_quarter;       /* from which any one zone can be lost; INT32_MAX: never */
    int64_t lost_micro;         /* of a critical sector's demand; -1: its least_micro */
    uint32_t targets_count;
    struct dr_plan_target targets[DR_PLAN_TARGETS_MAX];
    uint32_t domestic_count;
    struct dr_plan_domestic domestic[DR_PLAN_TARGETS_MAX];

    /* What may be relaxed where no plan keeps all rules, the least dear first: kinds of
     * enum dr_plan_relax. Law and residency never are. */
    uint32_t relax_count;
    uint8_t relax[DR_PLAN_RELAX_COUNT];

    /* What is decided in the first quarters is the same in all futures; futures.csv need not be
     * there. */
    uint32_t common_quarters;
    uint32_t futures_count;
    struct dr_plan_future futures[DR_PLAN_FUTURES_MAX];
    char futures_hash[65]; /* SHA-256 of futures.csv; empty without it */

    uint32_t sites_count, chips_count, sectors_count, zones_count, tariffs_count;
    struct dr_plan_site sites[DR_PLAN_SITES_MAX];
    struct dr_plan_chip chips[DR_PLAN_CHIPS_MAX];
    struct dr_plan_sector sectors[DR_PLAN_SECTORS_MAX];
    struct dr_plan_zone zones[DR_PLAN_ZONES_MAX];
    struct dr_plan_tariff tariffs[DR_PLAN_TARIFFS_MAX];
    int64_t budget[DR_PLAN_YEARS_MAX]; /* INT64_MAX: none is stated for this year */
    /* What is there or was bought before, in each quarter, aged. */
    int64_t base[DR_PLAN_SITES_MAX][DR_PLAN_CHIPS_MAX][DR_PLAN_QUARTERS_MAX];
    int64_t base_ages; /* sum of the ages, in quarters, of what of it is there in the last one */
};

/* Read a scenario's folder.
 *
 * errors  hears every mistake: file, line, column, value, expectation.
 *
 * DR_OK       `*inputs` is the caller's, until dr_plan_inputs_close().
 * DR_E_INPUT  at least one mistake was said; `*inputs` is NULL.
 * DR_E_FULL   the system gave no memory. */
DR_MUST_USE enum dr_status dr_plan_inputs_open(struct dr_plan_inputs **inputs,
                                               const char *directory, struct dr_csv_errors *errors);
/* The files of such a folder that have to be there, NULL at the end. */
extern const char *const DR_PLAN_TABLE_NAMES[];
/* Accepts NULL. */
void dr_plan_inputs_close(struct dr_plan_inputs *inputs);

/* The calendar year of a quarter, from the plan's first. */
static inline uint32_t dr_plan_year(const struct dr_plan_inputs *inputs, uint32_t quarter)
{
    return (uint32_t)((inputs->begin + quarter) / 4 - inputs->begin / 4);
}

/* May a sector's work be done at a site, by law and grade? */
static inline int dr_plan_allowed(const struct dr_plan_inputs *inputs, uint32_t sector,
                                  uint32_t site)
{
    return inputs->sectors[sector].grade <= inputs->sites[site].grade &&
           ((inputs->sectors[sector].zones >> inputs->sites[site].zone) & 1) != 0;
}

/* What of its busy share a sector reaches in a year of the plan, as capacity_factors.csv says or a
 * rehearsal found. */
static inline int64_t dr_plan_factor(const struct dr_plan_sector *sector, uint32_t year)
{
    return sector->factor_micro[year] == 0 ? DR_PLAN_MICRO : sector->factor_micro[year];
}

/* Of what is given to a sector in a quarter, what its work keeps busy: with the factor, cut to
 * millionths, at least one. */
static inline int64_t dr_plan_busy(const struct dr_plan_inputs *inputs, uint32_t sector,
                                   uint32_t quarter)
{
    const struct dr_plan_sector *one = &inputs->sectors[sector];
    int64_t busy_micro =
        one->busy_micro * dr_plan_factor(one, dr_plan_year(inputs, quarter)) / DR_PLAN_MICRO;

    return busy_micro > 0 ? busy_micro : 1;
}

/* Of units that work lasting a quarter does on accelerators: units = accelerators * this / 10^12.
 */
static inline int64_t dr_plan_yield(const struct dr_plan_inputs *inputs, uint32_t sector,
                                    uint32_t chip, uint32_t quarter)
{
    return inputs->sectors[sector].speed_micro[chip] * dr_plan_busy(inputs, sector, quarter);
}

#endif
