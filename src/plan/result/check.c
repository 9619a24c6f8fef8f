/* SPDX-License-Identifier: Apache-2.0 */
/* Is it a plan? By the inputs alone, in whole numbers, rule after rule as docs/planning.md says
 * them.
 *
 * Written to be read beside that page, and from it: it knows nothing of the program that was
 * solved, and takes the longer way where that is the plainer one. Sides of a rule are multiplied up
 * instead of divided, in 128 bits: the largest, work in 10^-15 units of all accelerators, stays
 * below 10^31. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "plan/result/plan.h"

typedef __int128 wide;

#define MICRO         DR_PLAN_MICRO
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

struct check {
    const struct dr_plan_inputs *inputs;
    const struct dr_plan *plan;
    struct dr_plan_verdict *verdict;
    struct dr_plan_sums *sums;
};

/* ---- findings ---- */

static const char *put_wide(wide value, char text[64])
{
    char digits[64];
    int at = 63, negative = value < 0;

    digits[at] = '\0';
    do {
        int digit = (int)(value % 10);

        digits[--at] = (char)('0' + (digit < 0 ? -digit : digit));
        value /= 10;
    } while (value != 0 && at > 1);
    if (negative)
        digits[--at] = '-';
    snprintf(text, 64, "%s", digits + at);
    return text;
}

static const char *quarter_text(const struct check *check, uint32_t t, char text[DR_QUARTER_BYTES])
{
    return dr_format_quarter(check->inputs->begin + t, text);
}

/* found <= limit, or the rule is broken. */
static void at_most(struct check *check, const char *rule, wide found, wide limit,
                    const char *format, ...) DR_PRINTF(5, 6);

static void at_most(struct check *check, const char *rule, wide found, wide limit,
                    const char *format, ...)
{
    struct dr_plan_verdict *verdict = check->verdict;
    struct dr_plan_finding *finding = &verdict->findings[verdict->kept_count];
    va_list arguments;

    verdict->checks_count += 1;
    if (found <= limit)
        return;
    verdict->broken_count += 1;
    if (verdict->kept_count == DR_COUNT_OF(verdict->findings))
        return;
    verdict->kept_count += 1;
    snprintf(finding->rule, sizeof finding->rule, "%s", rule);
    va_start(arguments, format);
    vsnprintf(finding->where, sizeof finding->where, format, arguments);
    va_end(arguments);
    put_wide(found, finding->found);
    put_wide(limit, finding->limit);
}

/* ---- what follows from the plan ---- */

/* Accelerators that are there: from before, and ordered early enough and not too long ago. */
static int64_t there(const struct check *check, uint32_t s, uint32_t c, uint32_t t)
{
    const struct dr_plan_chip *chip = &check->inputs->chips[c];
    int64_t count = check->inputs->base[s][c][t];

    FOR(ordered, t + 1) {
        uint32_t arrives = ordered + chip->lead_quarters;

        if (arrives <= t && t - arrives < chip->life_quarters)
            count += check->plan->buy[s][c][ordered];
    }
    return count;
}

/* Power that a site has in a quarter. */
static int64_t power_of(const struct check *check, uint32_t s, uint32_t t)
{
    const struct dr_plan_site *site = &check->inputs->sites[s];
    int64_t power_w = site->power_w;

    FOR(p, site->phases_count) {
        int32_t begun = check->plan->phase[s][p];

        if (site->phases[p].begun)
            power_w += site->phases[p].quarter <= (int32_t)t ? site->phases[p].power_w : 0;
        else if (begun != DR_PLAN_NEVER &&
                 begun + (int32_t)site->phases[p].build_quarters <= (int32_t)t)
            power_w += site->phases[p].power_w;
    }
    return power_w;
}

/* What building costs in a quarter: each phase in equal parts, what does not divide in the first.
 */
static int64_t building_of(const struct check *check, uint32_t t)
{
    int64_t sum = 0;

    FOR(s, check->inputs->sites_count) {
        FOR(p, check->inputs->sites[s].phases_count) {
            const struct dr_plan_phase *phase = &check->inputs->sites[s].phases[p];
            int32_t begun = check->plan->phase[s][p];
            int64_t parts = phase->build_quarters == 0 ? 1 : phase->build_quarters;

            if (phase->begun || begun == DR_PLAN_NEVER || (int32_t)t < begun ||
                (int32_t)t >= begun + parts)
                continue;
            sum += phase->cost / parts + ((int32_t)t == begun ? phase->cost % parts : 0);
        }
    }
    return sum;
}

/* In 10^-9 W: on at idle, and the rest of a busy one's draw for what is given out; with the PUE. */
static wide draw_of(const struct check *check, uint32_t s, uint32_t t)
{
    wide sum = 0;

    FOR(c, check->inputs->chips_count) {
        const struct dr_plan_chip *chip = &check->inputs->chips[c];

        sum += (wide)check->plan->on_milli[s][c][t] * chip->idle_w;
        FOR(k, check->inputs->sectors_count)
            sum += (wide)check->plan->use_milli[k][s][c][t] * (chip->busy_w - chip->idle_w);
    }
    return sum * check->inputs->sites[s].pue_micro;
}

/* ---- rules ---- */

static void check_signs(struct check *check)
{
    const struct dr_plan_inputs *inputs = check->inputs;
    char quarter[DR_QUARTER_BYTES];

    FOR(t, inputs->quarters_count) {
        quarter_text(check, t, quarter);
        FOR(s, inputs->sites_count) {
            FOR(c, inputs->chips_count) {
                const struct dr_plan_chip *chip = &inputs->chips[c];
                int64_t buy = check->plan->buy[s][c][t], given = 0;

                at_most(check, "no negative order", -buy, 0, "%s, %s, %s", inputs->sites[s].name,
                        chip->name, quarter);
                at_most(check, "whole lots", buy % chip->lot, 0, "%s, %s, %s",
                        inputs->sites[s].name, chip->name, quarter);
                at_most(check, "nothing negative", -check->plan->on_milli[s][c][t], 0, "%s, %s, %s",
                        inputs->sites[s].name, chip->name, quarter);
                at_most(check, "no more on than there", check->plan->on_milli[s][c][t],
                        (wide)there(check, s, c, t) * 1000, "%s, %s, %s", inputs->sites[s].name,
                        chip->name, quarter);
                FOR(k, inputs->sectors_count) {
                    int64_t use = check->plan->use_milli[k][s][c][t];
                    int may = inputs->sectors[k].speed_micro[c] > 0 &&
                              inputs->sectors[k].grade <= inputs->sites[s].grade &&
                              (inputs->sectors[k].zones & 1u << inputs->sites[s].zone) != 0;

                    given += use;
                    at_most(check, "nothing negative", -use, 0, "%s, %s, %s, %s",
                            inputs->sectors[k].name, inputs->sites[s].name, chip->name, quarter);
                    at_most(check, "work where it may be done", may ? 0 : use, 0, "%s, %s, %s, %s",
                            inputs->sectors[k].name, inputs->sites[s].name, chip->name, quarter);
                }
                at_most(check, "no more given out than available", (wide)given * MICRO,
                        (wide)check->plan->on_milli[s][c][t] * chip->available_micro, "%s, %s, %s",
                        inputs->sites[s].name, chip->name, quarter);
            }
        }
    }
}

static void check_orders(struct check *check)
{
    const struct dr_plan_inputs *inputs = check->inputs;
    char quarter[DR_QUARTER_BYTES];

    FOR(c, inputs->chips_count) {
        const struct dr_plan_chip *chip = &inputs->chips[c];

        FOR(t, inputs->quarters_count) {
            int64_t sum = 0;

            FOR(s, inputs->sites_count)
                sum += check->plan->buy[s][c][t];
            quarter_text(check, t, quarter);
            at_most(check, "supply", sum, chip->supply[t], "%s, %s", chip->name, quarter);
            if (sum > 0)
                at_most(check, "least order", chip->order_min, sum, "%s, %s", chip->name, quarter);
        }
    }
}

static void check_building(struct check *check)
{
    const struct dr_plan_inputs *inputs = check->inputs;
    char quarter[DR_QUARTER_BYTES];

    FOR(t, inputs->quarters_count) {
        int64_t starts = 0;

        FOR(s, inputs->sites_count) {
            FOR(p, inputs->sites[s].phases_count)
                starts +=
                    !inputs->sites[s].phases[p].begun && check->plan->phase[s][p] == (int32_t)t;
        }
        if (inputs->starts_max > 0)
            at_most(check, "starts", starts, inputs->starts_max, "%s",
                    quarter_text(check, t, quarter));
    }
    FOR(s, inputs->sites_count) {
        FOR(p, inputs->sites[s].phases_count) {
            const struct dr_plan_phase *phase = &inputs->sites[s].phases[p];
            int32_t begun = check->plan->phase[s][p];

            if (phase->begun) {
                at_most(check, "begun before", begun == DR_PLAN_NEVER ? 0 : 1, 0, "%s, phase %u",
                        inputs->sites[s].name, p + 1);
                continue;
            }
            if (begun == DR_PLAN_NEVER)
                continue;
            at_most(check, "within the plan", begun, (wide)inputs->quarters_count - 1,
                    "%s, phase %u", inputs->sites[s].name, p + 1);
            at_most(check, "earliest beginning", phase->quarter, begun, "%s, phase %u",
                    inputs->sites[s].name, p + 1);
            if (p == 0 || inputs->sites[s].phases[p - 1].begun)
                continue;
            at_most(check, "phases in order",
                    check->plan->phase[s][p - 1] == DR_PLAN_NEVER ? INT32_MAX
                                                                  : check->plan->phase[s][p - 1],
                    begun, "%s, phase %u", inputs->sites[s].name, p + 1);
        }
    }
}

static void check_power(struct check *check)
{
    const struct dr_plan_inputs *inputs = check->inputs;
    char quarter[DR_QUARTER_BYTES];

    FOR(t, inputs->quarters_count) {
        wide draws[DR_PLAN_ZONES_MAX] = {0}, all = 0;

        quarter_text(check, t, quarter);
        check->sums->power_w[t] = 0;
        FOR(s, inputs->sites_count) {
            const struct dr_plan_site *site = &inputs->sites[s];
            int64_t power_w = power_of(check, s, t);
            wide busy = 0, draw = draw_of(check, s, t);

            FOR(c, inputs->chips_count)
                busy += (wide)check->plan->on_milli[s][c][t] * inputs->chips[c].busy_w;
            at_most(check, "power", busy * site->pue_micro, (wide)power_w * 1000 * MICRO, "%s, %s",
                    site->name, quarter);
            draws[site->zone] += draw;
            all += draw;
            check->sums->power_w[t] += power_w;
        }
        check->sums->draw_w[t] = (int64_t)(all / 1000 / MICRO);
        FOR(z, inputs->zones_count) {
            if (inputs->zones[z].grid_w[t] != INT64_MAX)
                at_most(check, "grid", draws[z], (wide)inputs->zones[z].grid_w[t] * 1000 * MICRO,
                        "%s, %s", inputs->zones[z].name, quarter);
        }
    }
}

/* Of what a sector is given, what it keeps busy: its share, times what real scheduling lets it
 * reach in the quarter's calendar year. */
static int64_t busy_of(const struct check *check, uint32_t k, uint32_t t)
{
    const struct dr_plan_sector *sector = &check->inputs->sectors[k];
    int64_t year = (check->inputs->begin + t) / 4 - check->inputs->begin / 4;
    int64_t factor_micro = sector->factor_micro[year];
    int64_t busy_micro =
        factor_micro == 0 ? sector->busy_micro : sector->busy_micro * factor_micro / MICRO;

    return busy_micro < 1 ? 1 : busy_micro;
}

static void check_work(struct check *check)
{
    const struct dr_plan_inputs *inputs = check->inputs;
    char quarter[DR_QUARTER_BYTES];
    const wide unit = (wide)1000 * MICRO * MICRO; /* 10^-15 units */

    FOR(k, inputs->sectors_count) {
        const struct dr_plan_sector *sector = &inputs->sectors[k];

        FOR(t, inputs->quarters_count) {
            wide done = 0, demand = (wide)sector->demand[t] * unit;
            int64_t busy_micro = busy_of(check, k, t);

            FOR(s, inputs->sites_count) {
                FOR(c, inputs->chips_count)
                    done += (wide)check->plan->use_milli[k][s][c][t] * sector->speed_micro[c] *
                            busy_micro;
            }
            quarter_text(check, t, quarter);
            at_most(check, "no more work than asked for", done, demand, "%s, %s", sector->name,
                    quarter);
            at_most(check, "work that has to be done",
                    demand / MICRO * sector->least_micro - (wide)sector->eased[t] * unit, done,
                    "%s, %s", sector->name, quarter);
            check->sums->served[k][t] = (int64_t)(done / unit);
        }
    }
}

static void check_money(struct check *check)
{
    const struct dr_plan_inputs *inputs = check->inputs;
    int64_t kept = 0;

    FOR(t, inputs->quarters_count) {
        int64_t orders = 0, domestic = 0, count = 0;

        FOR(s, inputs->sites_count) {
            FOR(c, inputs->chips_count) {
                int64_t price = check->plan->buy[s][c][t] * inputs->chips[c].price[t];

                orders += price;
                domestic += inputs->chips[c].domestic ? price : 0;
                count += check->plan->buy[s][c][t];
            }
        }
        check->sums->ordered[t] = count;
        check->sums->spent_orders[t] = orders;
        check->sums->spent_domestic[t] = domestic;
        check->sums->spent[t] = orders + building_of(check, t);
    }
    /* As much is kept for the next year as is left and may be. */
    FOR(y, inputs->years_count) {
        int64_t spent = 0, budget = inputs->budget[y], left;
        int next = y + 1 < inputs->years_count && inputs->budget[y + 1] != INT64_MAX;

        FOR(t, inputs->quarters_count)
            spent += dr_plan_year(inputs, t) == y ? check->sums->spent[t] : 0;
        if (budget == INT64_MAX) {
            kept = 0;
            continue;
        }
        at_most(check, "budget", spent, (wide)budget + kept, "%lld",
                (long long)(inputs->begin / 4 + y));
        left = budget + kept - spent;
        kept = next ? dr_max_i64(
                          0, dr_min_i64(left, dr_mul_div_floor(budget, inputs->carry_micro, MICRO)))
                    : 0;
    }
}

/* By value, units or compute. */
static wide measured(const struct check *check, enum dr_plan_measure measure, uint32_t s,
                     uint32_t c, uint32_t t)
{
    int64_t buy = check->plan->buy[s][c][t];

    if (measure == DR_PLAN_BY_VALUE)
        return (wide)buy * check->inputs->chips[c].price[t];
    return measure == DR_PLAN_BY_UNITS ? (wide)buy
                                       : (wide)buy * check->inputs->chips[c].compute_micro;
}

static void check_shares(struct check *check)
{
    static const char *const rules[] = {"domestic share by value", "domestic share by units",
                                        "domestic share by compute"};
    const struct dr_plan_inputs *inputs = check->inputs;

    FOR(y, inputs->years_count) {
        for (int m = 0; m < 3; m += 1) {
            const struct dr_plan_domestic *rule = NULL;
            wide all = 0, home = 0;

            FOR(i, inputs->domestic_count) { /* the last that has begun */
                const struct dr_plan_domestic *one = &inputs->domestic[i];

                if ((int)one->measure == m && one->year <= y &&
                    (rule == NULL || one->year >= rule->year))
                    rule = one;
            }
            if (rule == NULL)
                continue;
            FOR(t, inputs->quarters_count) {
                FOR(s, dr_plan_year(inputs, t) == y ? inputs->sites_count : 0) {
                    FOR(c, inputs->chips_count) {
                        wide amount = measured(check, (enum dr_plan_measure)m, s, c, t);

                        all += amount;
                        home += inputs->chips[c].domestic ? amount : 0;
                    }
                }
            }
            at_most(check, rules[m], all * rule->share_micro, home * MICRO, "%lld",
                    (long long)(inputs->begin / 4 + y));
        }
        FOR(v, inputs->vendor_share_micro > 0 ? inputs->chips_count : 0) {
            wide all = 0, own = 0;

            if (inputs->chips[v].vendor_first != v ||
                inputs->begin / 4 + y < (inputs->begin + inputs->share_quarter) / 4)
                continue;
            FOR(t, inputs->quarters_count) {
                FOR(s, dr_plan_year(inputs, t) == y ? inputs->sites_count : 0) {
                    FOR(c, inputs->chips_count) {
                        wide amount = measured(check, DR_PLAN_BY_VALUE, s, c, t);

                        all += amount;
                        own += strcmp(inputs->chips[c].vendor, inputs->chips[v].vendor) == 0
                                   ? amount
                                   : 0;
                    }
                }
            }
            at_most(check, "one vendor's share", own * MICRO, all * inputs->vendor_share_micro,
                    "%s, %lld", inputs->chips[v].vendor, (long long)(inputs->begin / 4 + y));
        }
    }
}

static void check_fleet(struct check *check)
{
    const struct dr_plan_inputs *inputs = check->inputs;
    char quarter[DR_QUARTER_BYTES];

    FOR(t, inputs->quarters_count) {
        wide on[DR_PLAN_SITES_MAX] = {0}, zones[DR_PLAN_ZONES_MAX] = {0}, all = 0;

        check->sums->there[t] = 0;
        FOR(s, inputs->sites_count) {
            FOR(c, inputs->chips_count) {
                on[s] += check->plan->on_milli[s][c][t];
                check->sums->there[t] += there(check, s, c, t);
            }
            zones[inputs->sites[s].zone] += on[s];
            all += on[s];
        }
        check->sums->on_milli[t] = (int64_t)all;
        if ((int32_t)t < inputs->share_quarter)
            continue;
        quarter_text(check, t, quarter);
        FOR(s, inputs->site_share_micro > 0 ? inputs->sites_count : 0)
            at_most(check, "one site's share", on[s] * MICRO, all * inputs->site_share_micro,
                    "%s, %s", inputs->sites[s].name, quarter);
        FOR(z, inputs->zone_share_micro > 0 ? inputs->zones_count : 0)
            at_most(check, "one zone's share", zones[z] * MICRO, all * inputs->zone_share_micro,
                    "%s, %s", inputs->zones[z].name, quarter);
    }
    FOR(i, inputs->targets_count) {
        const struct dr_plan_target *target = &inputs->targets[i];
        wide compute = 0;

        quarter_text(check, target->quarter, quarter);
        FOR(s, inputs->sites_count) {
            FOR(c, inputs->chips_count)
                compute += (wide)check->plan->on_milli[s][c][target->quarter] *
                           inputs->chips[c].compute_micro;
        }
        if (target->accelerators > 0)
            at_most(check, "target", (wide)target->accelerators * 1000,
                    check->sums->on_milli[target->quarter], "%s", quarter);
        if (target->compute_micro > 0)
            at_most(check, "target by compute", (wide)target->compute_micro * 1000, compute, "%s",
                    quarter);
    }
}

/* ---- a zone is lost ---- */

/* May the sector's work be done at some site inside the zone (1), outside it (2), in both (3)? */
static int places_of(const struct check *check, uint32_t k, uint32_t z)
{
    const struct dr_plan_inputs *inputs = check->inputs;
    int places = 0;

    FOR(s, inputs->sites_count) {
        const struct dr_plan_site *site = &inputs->sites[s];

        if (inputs->sectors[k].grade <= site->grade &&
            (inputs->sectors[k].zones & 1u << site->zone) != 0)
            places |= site->zone == z ? 1 : 2;
    }
    return places;
}

/* What the plan says that would be given out while the zone is lost, whoever has it otherwise. */
struct emergency {
    int64_t given[DR_PLAN_SITES_MAX][DR_PLAN_CHIPS_MAX];
    wide done[DR_PLAN_SECTORS_MAX]; /* 10^-15 units */
};

static void check_emergency(struct check *check, const struct emergency *emergency, uint32_t z,
                            uint32_t t, const char *where)
{
    const struct dr_plan_inputs *inputs = check->inputs;
    wide draws[DR_PLAN_ZONES_MAX] = {0};

    FOR(s, inputs->sites_count) {
        FOR(c, inputs->chips_count) {
            const struct dr_plan_chip *chip = &inputs->chips[c];
            int64_t on = check->plan->on_milli[s][c][t], given = emergency->given[s][c];

            at_most(check, "no more given out than available, a zone lost", (wide)given * MICRO,
                    (wide)on * chip->available_micro, "%s, %s, %s", inputs->sites[s].name,
                    chip->name, where);
            draws[inputs->sites[s].zone] +=
                ((wide)on * chip->idle_w + (wide)given * (chip->busy_w - chip->idle_w)) *
                inputs->sites[s].pue_micro;
        }
    }
    FOR(other, inputs->zones_count) {
        if (other != z && inputs->zones[other].grid_w[t] != INT64_MAX)
            at_most(check, "grid, another zone lost", draws[other],
                    (wide)inputs->zones[other].grid_w[t] * 1000 * MICRO, "%s, %s",
                    inputs->zones[other].name, where);
    }
    FOR(k, inputs->sectors_count) {
        if (places_of(check, k, z) != 1) /* it has a place elsewhere */
            at_most(check, "critical work, a zone lost",
                    (wide)inputs->sectors[k].demand[t] * 1000 * MICRO *
                        inputs->sectors[k].lost_micro,
                    emergency->done[k], "%s, %s", inputs->sectors[k].name, where);
    }
}

static void check_lost(struct check *check)
{
    const struct dr_plan_inputs *inputs = check->inputs;
    struct emergency *emergency = malloc(sizeof *emergency);
    char quarter[DR_QUARTER_BYTES], where[120];

    if (emergency == NULL)
        abort();
    FOR(z, inputs->zones_count) {
        int matters = 0;

        FOR(k, inputs->sectors_count)
            matters |= inputs->sectors[k].lost_micro > 0 && places_of(check, k, z) == 3;
        FOR(t, inputs->quarters_count) {
            memset(emergency, 0, sizeof *emergency);
            snprintf(where, sizeof where, "%s lost, %s", inputs->zones[z].name,
                     quarter_text(check, t, quarter));
            FOR(i, check->plan->lost_count) {
                const struct dr_plan_lost *lost = &check->plan->lost[i];
                const struct dr_plan_site *site = &inputs->sites[lost->site];
                const struct dr_plan_sector *sector = &inputs->sectors[lost->sector];
                int may;

                if (lost->zone != z || lost->quarter != t)
                    continue;
                may = site->zone != z && sector->lost_micro > 0 &&
                      sector->speed_micro[lost->chip] > 0 && sector->grade <= site->grade &&
                      (sector->zones & 1u << site->zone) != 0;
                at_most(check, "nothing negative", -lost->use_milli, 0, "%s, %s, %s", sector->name,
                        site->name, where);
                at_most(check, "work where it may be done, a zone lost", may ? 0 : lost->use_milli,
                        0, "%s, %s, %s", sector->name, site->name, where);
                emergency->given[lost->site][lost->chip] += lost->use_milli;
                emergency->done[lost->sector] += (wide)lost->use_milli *
                                                 sector->speed_micro[lost->chip] *
                                                 busy_of(check, lost->sector, t);
            }
            if (matters && (int32_t)t >= inputs->lost_quarter)
                check_emergency(check, emergency, z, t, where);
        }
    }
    free(emergency);
}

/* ---- what it costs ---- */

/* What money of a quarter is worth in the first. */
static double discount(const struct check *check, double quarter)
{
    return exp(-quarter / 4 * log1p((double)check->inputs->discount_micro / 1e6));
}

/* What is left of purchases and buildings at the end, in a straight line. */
static double left_at_end(const struct check *check)
{
    const struct dr_plan_inputs *inputs = check->inputs;
    int32_t end = (int32_t)inputs->quarters_count;
    double left = 0;

    FOR(s, inputs->sites_count) {
        FOR(c, inputs->chips_count) {
            const struct dr_plan_chip *chip = &inputs->chips[c];

            FOR(t, inputs->quarters_count) {
                int32_t lasts = (int32_t)(t + chip->lead_quarters + chip->life_quarters) - end;

                if (lasts > 0)
                    left += (double)(check->plan->buy[s][c][t] * chip->price[t]) * lasts /
                            chip->life_quarters;
            }
        }
        FOR(p, inputs->sites[s].phases_count) {
            const struct dr_plan_phase *phase = &inputs->sites[s].phases[p];
            int32_t begun = check->plan->phase[s][p];
            int32_t life = (int32_t)inputs->building_quarters, age;

            if (phase->begun || begun == DR_PLAN_NEVER)
                continue;
            age = end - begun - (int32_t)phase->build_quarters;
            if (age > 0 && age < life) /* one that is not there yet is worth nothing */
                left += (double)phase->cost * (life - age) / life;
        }
    }
    return left;
}

static void add_up_cost(struct check *check)
{
    const struct dr_plan_inputs *inputs = check->inputs;
    struct dr_plan_sums *sums = check->sums;
    double cost = 0, last = 0;

    FOR(t, inputs->quarters_count) {
        double energy = 0, upkeep = 0, unserved = 0;
        double spent = (double)sums->spent[t];

        FOR(s, inputs->sites_count) {
            const struct dr_plan_tariff *tariff = &inputs->tariffs[inputs->sites[s].tariff];

            /* A quarter has 365.25 / 4 days. */
            energy += (double)draw_of(check, s, t) / 1e12 * (365.25 * 24 / 4) *
                      (double)tariff->energy_micro[(inputs->begin + t) % 4] / 1e6;
            FOR(c, inputs->chips_count)
                upkeep += (double)check->plan->on_milli[s][c][t] / 1e3 *
                          (double)inputs->chips[c].price[t] *
                          (double)inputs->chips[c].upkeep_micro / 4e6;
        }
        FOR(k, inputs->sectors_count) {
            double done = 0;

            FOR(s, inputs->sites_count) {
                FOR(c, inputs->chips_count)
                    done += (double)check->plan->use_milli[k][s][c][t] / 1e3 *
                            (double)inputs->sectors[k].speed_micro[c] / 1e6 *
                            (double)busy_of(check, k, t) / 1e6;
            }
            unserved +=
                ((double)inputs->sectors[k].demand[t] - done) * (double)inputs->sectors[k].unserved;
        }
        sums->energy_cost[t] = (int64_t)energy;
        sums->upkeep[t] = (int64_t)upkeep;
        cost +=
            discount(check, t) * spent + discount(check, t + 0.5) * (energy + upkeep + unserved);
        sums->cost_of[DR_PLAN_COST_ORDERS] += discount(check, t) * (double)sums->spent_orders[t];
        sums->cost_of[DR_PLAN_COST_BUILDING] +=
            discount(check, t) * (spent - (double)sums->spent_orders[t]);
        sums->cost_of[DR_PLAN_COST_ENERGY] += discount(check, t + 0.5) * energy;
        sums->cost_of[DR_PLAN_COST_UPKEEP] += discount(check, t + 0.5) * upkeep;
        sums->cost_of[DR_PLAN_COST_UNSERVED] += discount(check, t + 0.5) * unserved;
        if (t > 0 && inputs->steady_weight_micro > 0) {
            double free = (double)inputs->steady_micro / 1e6;
            double over = fmax(0, spent - (1 + free) * last);
            double under = fmax(0, fmax(0, 1 - free) * last - spent);
            double swing =
                discount(check, t) * (over + under) * (double)inputs->steady_weight_micro / 1e6;

            cost += swing;
            sums->cost_of[DR_PLAN_COST_SWINGS] += swing;
        }
        last = spent;
    }
    FOR(y, inputs->years_count) {
        double year = 0;

        FOR(s, inputs->sites_count) {
            const struct dr_plan_tariff *tariff = &inputs->tariffs[inputs->sites[s].tariff];
            double most = 0, months = 0;

            FOR(t, inputs->quarters_count) {
                if (dr_plan_year(inputs, t) != y)
                    continue;
                most = fmax(most, (double)draw_of(check, s, t) / 1e12);
                months += 3 * (double)tariff->peak_micro[(inputs->begin + t) % 4] / 1e6 *
                          discount(check, t + 0.5);
            }
            year += most * months;
        }
        sums->peak_cost[y] = (int64_t)year;
        cost += year;
        sums->cost_of[DR_PLAN_COST_PEAKS] += year;
    }
    sums->cost_of[DR_PLAN_COST_LEFT] =
        -discount(check, inputs->quarters_count) * left_at_end(check);
    sums->cost = cost + sums->cost_of[DR_PLAN_COST_LEFT];
}

int dr_plan_check(const struct dr_plan_inputs *inputs, const struct dr_plan *plan,
                  struct dr_plan_verdict *verdict, struct dr_plan_sums *sums)
{
    struct check check = {inputs, plan, verdict, sums};

    memset(verdict, 0, sizeof *verdict);
    memset(sums, 0, sizeof *sums);
    check_signs(&check);
    check_orders(&check);
    check_building(&check);
    check_power(&check);
    check_work(&check);
    check_money(&check);
    check_shares(&check);
    check_fleet(&check);
    check_lost(&check);
    add_up_cost(&check);
    return verdict->broken_count == 0;
}
