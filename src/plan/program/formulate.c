/* SPDX-License-Identifier: Apache-2.0 */
/* From inputs to the program: columns first, then rows, in the order of docs/planning.md. */
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "plan/program/lost.h"
#include "plan/program/program.h"

#define MICRO          ((double)DR_PLAN_MICRO)
#define WHOLE_LOTS_MAX 256 /* columns of orders */
#define FOR(i, count)  for (uint32_t i = 0; i < (count); i += 1)

static struct dr_model_name name4(uint32_t kind, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    return (struct dr_model_name){
        .kind = (uint16_t)kind,
        .place = {(uint16_t)a, (uint16_t)b, (uint16_t)c, (uint16_t)d, DR_NOWHERE}};
}

static struct dr_model_name name3(uint32_t kind, uint32_t a, uint32_t b, uint32_t c)
{
    return name4(kind, a, b, c, DR_NOWHERE);
}

static struct dr_model_name name2(uint32_t kind, uint32_t a, uint32_t b)
{
    return name3(kind, a, b, DR_NOWHERE);
}

static struct dr_model_name name1(uint32_t kind, uint32_t a)
{
    return name2(kind, a, DR_NOWHERE);
}

static void entry(struct dr_program *program, uint32_t row, uint32_t column, double value)
{
    if (column != DR_NO_COLUMN)
        dr_model_entry(&program->model, row, column, value);
}

/* What money of a quarter is worth in the first. */
static double worth(const struct dr_program *program, double quarter)
{
    return pow(1 + (double)program->inputs->discount_micro / MICRO, -quarter / 4);
}

/* Accelerators, money and watts in the program's units. */
static double counted(const struct dr_program *program, double accelerators)
{
    return accelerators / program->count_scale;
}

static double money(const struct dr_program *program, double amount)
{
    return amount / program->money_scale;
}

static double watts(const struct dr_program *program, double power_w)
{
    return power_w / program->power_scale;
}

/* What one of a BUY column is in the program's unit of accelerators. */
static double unit(const struct dr_program *program, uint32_t chip)
{
    return counted(program, dr_program_unit(program, chip));
}

static double power_of_ten(double value)
{
    return value <= 1 ? 1 : pow(10, floor(log10(value)));
}

static void choose_scales(struct dr_program *program)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    double most = 1, price = 1, busy_w = 1;

    FOR(k, inputs->sectors_count) {
        FOR(t, inputs->quarters_count)
            most = fmax(most, (double)inputs->sectors[k].demand[t]);
    }
    FOR(i, inputs->targets_count)
        most = fmax(most, (double)inputs->targets[i].accelerators);
    FOR(c, inputs->chips_count) {
        busy_w = fmax(busy_w, (double)inputs->chips[c].busy_w);
        FOR(t, inputs->quarters_count)
            price = fmax(price, (double)inputs->chips[c].price[t]);
    }
    program->count_scale = power_of_ten(most / 1000);
    program->money_scale = power_of_ten(price * program->count_scale / 100);
    program->power_scale = power_of_ten(busy_w * program->count_scale);
}

/* A chip's orders may go to each site in each quarter. */
static int is_small(const struct dr_plan_inputs *inputs)
{
    uint32_t orders = 0;

    FOR(c, inputs->chips_count) {
        FOR(t, inputs->quarters_count)
            orders += inputs->chips[c].supply[t] > 0 ? inputs->sites_count : 0;
    }
    return orders <= WHOLE_LOTS_MAX;
}

/* ---- what may be of use ---- */

/* Any work that the chip does and that may be done there. */
static int useful(const struct dr_plan_inputs *inputs, uint32_t s, uint32_t c)
{
    FOR(k, inputs->sectors_count) {
        if (dr_plan_allowed(inputs, k, s) && inputs->sectors[k].speed_micro[c] > 0)
            return 1;
    }
    return 0;
}

static int64_t power_ever(const struct dr_plan_site *site)
{
    int64_t power_w = site->power_w;

    FOR(p, site->phases_count)
        power_w += site->phases[p].power_w;
    return power_w;
}

/* ---- costs ---- */

/* Of one accelerator that is ordered in a quarter: its price, less what is left of it at the end.
 */
static double buy_cost(const struct dr_program *program, uint32_t c, uint32_t t)
{
    const struct dr_plan_chip *chip = &program->inputs->chips[c];
    double end = program->inputs->quarters_count, life = chip->life_quarters;
    double left = fmax(0, life - (end - (t + chip->lead_quarters))) / life;

    return (double)chip->price[t] * (worth(program, t) - left * worth(program, end));
}

/* Of a phase that is begun in quarter t: paid in equal parts while it is built. One that is not
 * there by the end is worth nothing then, or a plan would begin to build to spend steadily. */
static double phase_cost(const struct dr_program *program, const struct dr_plan_phase *phase,
                         uint32_t t)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    uint32_t parts = phase->build_quarters == 0 ? 1 : phase->build_quarters;
    uint32_t there = t + phase->build_quarters, end = inputs->quarters_count;
    double life = inputs->building_quarters, sum = 0;
    double left = there < end ? fmax(0, life - (end - there)) / life : 0;

    for (uint32_t i = 0; i < parts && t + i < end; i += 1)
        sum += worth(program, t + i) / parts;
    return (double)phase->cost * (sum - left * worth(program, end));
}

static double energy_cost(const struct dr_program *program, uint32_t s, uint32_t t)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    const struct dr_plan_tariff *tariff = &inputs->tariffs[inputs->sites[s].tariff];

    /* Of one watt through a quarter: 91.3125 days of 24 hours. */
    return (double)tariff->energy_micro[(inputs->begin + t) % 4] / MICRO * 2191.5 / 1000 *
           worth(program, t + 0.5);
}

/* Of one watt of a year's highest draw, for the months of the year that the plan has. */
static double peak_cost(const struct dr_program *program, uint32_t s, uint32_t y)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    const struct dr_plan_tariff *tariff = &inputs->tariffs[inputs->sites[s].tariff];
    double sum = 0;

    FOR(t, inputs->quarters_count) {
        if (dr_plan_year(inputs, t) == y)
            sum += (double)tariff->peak_micro[(inputs->begin + t) % 4] / MICRO * 3 / 1000 *
                   worth(program, t + 0.5);
    }
    return sum;
}

/* ---- columns ---- */

static void add_purchases(struct dr_program *program)
{
    const struct dr_plan_inputs *inputs = program->inputs;

    FOR(s, inputs->sites_count) {
        FOR(c, inputs->chips_count) {
            const struct dr_plan_chip *chip = &inputs->chips[c];
            int good = useful(inputs, s, c) && power_ever(&inputs->sites[s]) > 0;
            int64_t base = 0;
            int bought = 0;

            FOR(t, inputs->quarters_count) {
                base = inputs->base[s][c][t];
                if (good && chip->supply[t] > 0 && t + chip->lead_quarters < inputs->quarters_count)
                    program->buy[s][c][t] = dr_model_column(
                        &program->model, name3(DR_COLUMN_BUY, s, c, t), 0,
                        (double)chip->supply[t] / dr_program_unit(program, c),
                        money(program, buy_cost(program, c, t) * dr_program_unit(program, c)),
                        program->whole_lots);
                bought |= t >= chip->lead_quarters &&
                          program->buy[s][c][t - chip->lead_quarters] != DR_NO_COLUMN;
                if (base == 0 && !bought)
                    continue;
                program->on[s][c][t] = dr_model_column(
                    &program->model, name3(DR_COLUMN_ON, s, c, t), 0, DR_INFINITY,
                    money(program, (double)chip->price[t] * (double)chip->upkeep_micro / MICRO / 4 *
                                       worth(program, t + 0.5) * program->count_scale),
                    0);
                FOR(k, inputs->sectors_count) {
                    if (dr_plan_allowed(inputs, k, s) && inputs->sectors[k].speed_micro[c] > 0 &&
                        inputs->sectors[k].demand[t] > 0)
                        program->use[k][s][c][t] =
                            dr_model_column(&program->model, name4(DR_COLUMN_USE, k, s, c, t), 0,
                                            DR_INFINITY, 0, 0);
                }
            }
        }
    }
}

static void add_phases(struct dr_program *program)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    uint32_t last = inputs->quarters_count - 1;

    FOR(s, inputs->sites_count) {
        FOR(p, inputs->sites[s].phases_count) {
            const struct dr_plan_phase *phase = &inputs->sites[s].phases[p];

            /* Begun in t: Y(t) - Y(t - 1) is 1, so that costs go by the difference of neighbours.
             */
            FOR(t, inputs->quarters_count) {
                double cost = phase_cost(program, phase, t);
                double next = t == last ? 0 : phase_cost(program, phase, t + 1);

                if (phase->begun || (int32_t)t < phase->quarter)
                    continue;
                program->phase[s][p][t] =
                    dr_model_column(&program->model, name3(DR_COLUMN_PHASE, s, p, t), 0, 1,
                                    money(program, cost - next), 1);
            }
        }
    }
    FOR(c, inputs->chips_count) {
        FOR(t, inputs->quarters_count) {
            const struct dr_plan_chip *chip = &inputs->chips[c];

            if (chip->order_min > 0 && chip->supply[t] > 0 &&
                t + chip->lead_quarters < inputs->quarters_count)
                program->order[c][t] =
                    dr_model_column(&program->model, name2(DR_COLUMN_ORDER, c, t), 0, 1, 0, 1);
        }
    }
}

static void add_sums(struct dr_program *program)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    int steady = inputs->steady_weight_micro > 0;
    int shares = inputs->site_share_micro > 0 || inputs->zone_share_micro > 0;

    FOR(k, inputs->sectors_count) {
        FOR(t, inputs->quarters_count) {
            const struct dr_plan_sector *sector = &inputs->sectors[k];

            if (sector->demand[t] > 0)
                program->unserved[k][t] = dr_model_column(
                    &program->model, name2(DR_COLUMN_UNSERVED, k, t), 0,
                    counted(program, (double)sector->demand[t]),
                    money(program, (double)sector->unserved * worth(program, t + 0.5) *
                                       program->count_scale),
                    0);
        }
    }
    FOR(s, inputs->sites_count) {
        FOR(t, inputs->quarters_count)
            program->draw[s][t] = dr_model_column(
                &program->model, name2(DR_COLUMN_DRAW, s, t), 0, DR_INFINITY,
                money(program, energy_cost(program, s, t) * program->power_scale), 0);
        FOR(y, inputs->years_count)
            program->peak[s][y] =
                dr_model_column(&program->model, name2(DR_COLUMN_PEAK, s, y), 0, DR_INFINITY,
                                money(program, peak_cost(program, s, y) * program->power_scale), 0);
    }
    FOR(t, inputs->quarters_count) {
        double weight = (double)inputs->steady_weight_micro / MICRO * worth(program, t);

        program->spend[t] =
            dr_model_column(&program->model, name1(DR_COLUMN_SPEND, t), 0, DR_INFINITY, 0, 0);
        if (steady && t > 0) {
            program->rise[t] = dr_model_column(&program->model, name1(DR_COLUMN_RISE, t), 0,
                                               DR_INFINITY, weight, 0);
            program->fall[t] = dr_model_column(&program->model, name1(DR_COLUMN_FALL, t), 0,
                                               DR_INFINITY, weight, 0);
        }
        if (shares || inputs->targets_count > 0)
            program->total[t] =
                dr_model_column(&program->model, name1(DR_COLUMN_TOTAL, t), 0, DR_INFINITY, 0, 0);
    }
    FOR(i, inputs->targets_count) {
        if (inputs->targets[i].compute_micro > 0)
            program->compute[i] =
                dr_model_column(&program->model, name1(DR_COLUMN_COMPUTE, i), 0, DR_INFINITY, 0, 0);
    }
    FOR(y, inputs->years_count) {
        if (inputs->carry_micro > 0 && y + 1 < inputs->years_count &&
            inputs->budget[y] != INT64_MAX && inputs->budget[y + 1] != INT64_MAX)
            program->carry[y] = dr_model_column(
                &program->model, name1(DR_COLUMN_CARRY, y), 0,
                money(program, (double)inputs->budget[y] * (double)inputs->carry_micro / MICRO), 0,
                0);
    }
}

/* ---- rows: accelerators, work, power ---- */

static void add_fleet_rows(struct dr_program *program)
{
    const struct dr_plan_inputs *inputs = program->inputs;

    FOR(s, inputs->sites_count) {
        FOR(c, inputs->chips_count) {
            const struct dr_plan_chip *chip = &inputs->chips[c];

            FOR(t, inputs->quarters_count) {
                uint32_t row;

                if (program->on[s][c][t] == DR_NO_COLUMN)
                    continue;
                row = dr_model_row(&program->model, name3(DR_ROW_HAVE, s, c, t), -DR_INFINITY,
                                   counted(program, (double)inputs->base[s][c][t]));
                entry(program, row, program->on[s][c][t], 1);
                FOR(b, t + 1) { /* ordered in b, there by t, and not too old */
                    if (b + chip->lead_quarters <= t &&
                        t < b + chip->lead_quarters + chip->life_quarters)
                        entry(program, row, program->buy[s][c][b], -unit(program, c));
                }
                row = dr_model_row(&program->model, name3(DR_ROW_GIVE, s, c, t), -DR_INFINITY, 0);
                entry(program, row, program->on[s][c][t], -(double)chip->available_micro / MICRO);
                FOR(k, inputs->sectors_count)
                    entry(program, row, program->use[k][s][c][t], 1);
            }
        }
    }
}

static void add_work_rows(struct dr_program *program)
{
    const struct dr_plan_inputs *inputs = program->inputs;

    FOR(k, inputs->sectors_count) {
        const struct dr_plan_sector *sector = &inputs->sectors[k];

        FOR(t, inputs->quarters_count) {
            double demand = counted(program, (double)sector->demand[t]);
            uint32_t row;

            if (program->unserved[k][t] == DR_NO_COLUMN)
                continue;
            row = dr_model_row(&program->model, name2(DR_ROW_DEMAND, k, t), demand, demand);
            entry(program, row, program->unserved[k][t], 1);
            FOR(s, inputs->sites_count) {
                FOR(c, inputs->chips_count)
                    entry(program, row, program->use[k][s][c][t],
                          (double)dr_plan_yield(inputs, k, c, t) / MICRO / MICRO);
            }
            if (sector->least_micro == 0)
                continue;
            row = dr_model_row(&program->model, name2(DR_ROW_LEAST, k, t), -DR_INFINITY,
                               demand * (1 - (double)sector->least_micro / MICRO) +
                                   counted(program, (double)sector->eased[t]));
            entry(program, row, program->unserved[k][t], 1);
        }
    }
}

static void add_power_rows(struct dr_program *program)
{
    const struct dr_plan_inputs *inputs = program->inputs;

    FOR(s, inputs->sites_count) {
        const struct dr_plan_site *site = &inputs->sites[s];
        double pue = (double)site->pue_micro / MICRO;

        FOR(t, inputs->quarters_count) {
            double power_w = (double)site->power_w;
            uint32_t row, drawn;

            FOR(p, site->phases_count)
                power_w += site->phases[p].begun && site->phases[p].quarter <= (int32_t)t
                               ? (double)site->phases[p].power_w
                               : 0;
            row = dr_model_row(&program->model, name2(DR_ROW_POWER, s, t), -DR_INFINITY,
                               watts(program, power_w));
            FOR(c, inputs->chips_count)
                entry(program, row, program->on[s][c][t],
                      watts(program, (double)inputs->chips[c].busy_w * pue * program->count_scale));
            FOR(p, site->phases_count) {
                const struct dr_plan_phase *phase = &site->phases[p];

                if (t >= phase->build_quarters)
                    entry(program, row, program->phase[s][p][t - phase->build_quarters],
                          -watts(program, (double)phase->power_w));
            }
            drawn = dr_model_row(&program->model, name2(DR_ROW_DRAWN, s, t), 0, 0);
            entry(program, drawn, program->draw[s][t], -1);
            FOR(c, inputs->chips_count) {
                double idle_w = (double)inputs->chips[c].idle_w;
                double busy_w = (double)inputs->chips[c].busy_w;

                entry(program, drawn, program->on[s][c][t],
                      watts(program, idle_w * pue * program->count_scale));
                FOR(k, inputs->sectors_count)
                    entry(program, drawn, program->use[k][s][c][t],
                          watts(program, (busy_w - idle_w) * pue * program->count_scale));
            }
            row = dr_model_row(&program->model, name2(DR_ROW_HIGHEST, s, t), -DR_INFINITY, 0);
            entry(program, row, program->draw[s][t], 1);
            entry(program, row, program->peak[s][dr_plan_year(inputs, t)], -1);
        }
    }
    FOR(z, inputs->zones_count) {
        FOR(t, inputs->quarters_count) {
            uint32_t row;

            if (inputs->zones[z].grid_w[t] == INT64_MAX)
                continue;
            row = dr_model_row(&program->model, name2(DR_ROW_GRID, z, t), -DR_INFINITY,
                               watts(program, (double)inputs->zones[z].grid_w[t]));
            FOR(s, inputs->sites_count) {
                if (inputs->sites[s].zone == z)
                    entry(program, row, program->draw[s][t], 1);
            }
        }
    }
}

/* ---- rows: orders, building, money ---- */

static void add_order_rows(struct dr_program *program)
{
    const struct dr_plan_inputs *inputs = program->inputs;

    FOR(c, inputs->chips_count) {
        const struct dr_plan_chip *chip = &inputs->chips[c];

        FOR(t, inputs->quarters_count) {
            uint32_t order = program->order[c][t], row, least = 0;
            double supply = counted(program, (double)chip->supply[t]);

            if (chip->supply[t] == 0 || t + chip->lead_quarters >= inputs->quarters_count)
                continue;
            row = dr_model_row(&program->model, name2(DR_ROW_SUPPLY, c, t), -DR_INFINITY,
                               order == DR_NO_COLUMN ? supply : 0);
            entry(program, row, order, -supply);
            if (order != DR_NO_COLUMN) {
                least =
                    dr_model_row(&program->model, name2(DR_ROW_ORDER_MIN, c, t), 0, DR_INFINITY);
                entry(program, least, order, -counted(program, chip->order_min));
            }
            FOR(s, inputs->sites_count) {
                entry(program, row, program->buy[s][c][t], unit(program, c));
                if (order != DR_NO_COLUMN)
                    entry(program, least, program->buy[s][c][t], unit(program, c));
            }
        }
    }
}

static void add_building_rows(struct dr_program *program)
{
    const struct dr_plan_inputs *inputs = program->inputs;

    FOR(s, inputs->sites_count) {
        FOR(p, inputs->sites[s].phases_count) {
            FOR(t, inputs->quarters_count) {
                uint32_t now = program->phase[s][p][t], row;

                if (now == DR_NO_COLUMN)
                    continue;
                if (t > 0 && program->phase[s][p][t - 1] != DR_NO_COLUMN) {
                    row =
                        dr_model_row(&program->model, name3(DR_ROW_STAYS, s, p, t), 0, DR_INFINITY);
                    entry(program, row, now, 1);
                    entry(program, row, program->phase[s][p][t - 1], -1);
                }
                if (p > 0 && !inputs->sites[s].phases[p - 1].begun) {
                    row = dr_model_row(&program->model, name3(DR_ROW_AFTER, s, p, t), -DR_INFINITY,
                                       0);
                    entry(program, row, now, 1);
                    entry(program, row, program->phase[s][p - 1][t], -1);
                }
            }
        }
    }
    FOR(t, inputs->quarters_count) {
        uint32_t row;

        if (inputs->starts_max == 0)
            break;
        row = dr_model_row(&program->model, name1(DR_ROW_STARTS, t), -DR_INFINITY,
                           inputs->starts_max);
        FOR(s, inputs->sites_count) {
            FOR(p, inputs->sites[s].phases_count) {
                entry(program, row, program->phase[s][p][t], 1);
                if (t > 0)
                    entry(program, row, program->phase[s][p][t - 1], -1);
            }
        }
    }
}

static void add_money_rows(struct dr_program *program)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    double free = (double)inputs->steady_micro / MICRO;

    FOR(t, inputs->quarters_count) {
        uint32_t row = dr_model_row(&program->model, name1(DR_ROW_SPENDING, t), 0, 0);

        entry(program, row, program->spend[t], -1);
        FOR(s, inputs->sites_count) {
            FOR(c, inputs->chips_count)
                entry(program, row, program->buy[s][c][t],
                      money(program,
                            (double)inputs->chips[c].price[t] * dr_program_unit(program, c)));
            FOR(p, inputs->sites[s].phases_count) {
                const struct dr_plan_phase *phase = &inputs->sites[s].phases[p];
                uint32_t parts = phase->build_quarters == 0 ? 1 : phase->build_quarters;

                /* A part is due for each phase that was begun less than `parts` quarters ago. */
                entry(program, row, program->phase[s][p][t],
                      money(program, (double)phase->cost / parts));
                if (t >= parts)
                    entry(program, row, program->phase[s][p][t - parts],
                          -money(program, (double)phase->cost / parts));
            }
        }
        if (program->rise[t] == DR_NO_COLUMN)
            continue;
        row = dr_model_row(&program->model, name1(DR_ROW_STEADY_UP, t), -DR_INFINITY, 0);
        entry(program, row, program->spend[t], 1);
        entry(program, row, program->spend[t - 1], -(1 + free));
        entry(program, row, program->rise[t], -1);
        row = dr_model_row(&program->model, name1(DR_ROW_STEADY_DOWN, t), -DR_INFINITY, 0);
        entry(program, row, program->spend[t], -1);
        entry(program, row, program->spend[t - 1], fmax(0, 1 - free));
        entry(program, row, program->fall[t], -1);
    }
    FOR(y, inputs->years_count) {
        uint32_t row;

        if (inputs->budget[y] == INT64_MAX)
            continue;
        row = dr_model_row(&program->model, name1(DR_ROW_BUDGET, y), -DR_INFINITY,
                           money(program, (double)inputs->budget[y]));
        FOR(t, inputs->quarters_count) {
            if (dr_plan_year(inputs, t) == y)
                entry(program, row, program->spend[t], 1);
        }
        entry(program, row, program->carry[y], 1);
        if (y > 0)
            entry(program, row, program->carry[y - 1], -1);
    }
}

/* ---- rows: what policy asks for ---- */

static double measured(const struct dr_program *program, enum dr_plan_measure measure, uint32_t c,
                       uint32_t t)
{
    const struct dr_plan_chip *chip = &program->inputs->chips[c];

    switch (measure) {
    case DR_PLAN_BY_VALUE:
        return money(program, (double)chip->price[t] * dr_program_unit(program, c));
    case DR_PLAN_BY_UNITS:
        return unit(program, c);
    case DR_PLAN_BY_COMPUTE:
        return (double)chip->compute_micro / MICRO * unit(program, c);
    }
    return 0;
}

/* Of each year the last rule that has begun holds. */
static uint32_t rule_of(const struct dr_plan_inputs *inputs, uint32_t y,
                        enum dr_plan_measure measure)
{
    uint32_t rule = DR_NO_COLUMN;

    FOR(i, inputs->domestic_count) {
        if (inputs->domestic[i].measure == measure && inputs->domestic[i].year <= y &&
            (rule == DR_NO_COLUMN || inputs->domestic[i].year >= inputs->domestic[rule].year))
            rule = i;
    }
    return rule;
}

/* What of a year's orders belongs to a vendor (by its first chip; DR_NO_COLUMN: to domestic ones)
 * less its share of all. */
static void add_share(struct dr_program *program, uint32_t row, uint32_t y,
                      enum dr_plan_measure measure, double share, uint32_t vendor)
{
    const struct dr_plan_inputs *inputs = program->inputs;

    FOR(t, inputs->quarters_count) {
        FOR(s, dr_plan_year(inputs, t) == y ? inputs->sites_count : 0) {
            FOR(c, inputs->chips_count) {
                const struct dr_plan_chip *chip = &inputs->chips[c];
                int own =
                    vendor == DR_NO_COLUMN ? chip->domestic != 0 : chip->vendor_first == vendor;

                entry(program, row, program->buy[s][c][t],
                      measured(program, measure, c, t) * (own - share));
            }
        }
    }
}

static void add_share_rows(struct dr_program *program)
{
    const struct dr_plan_inputs *inputs = program->inputs;

    FOR(y, inputs->years_count) {
        for (enum dr_plan_measure m = DR_PLAN_BY_VALUE; m <= DR_PLAN_BY_COMPUTE; m += 1) {
            uint32_t rule = rule_of(inputs, y, m), row;
            double share;

            if (rule == DR_NO_COLUMN)
                continue;
            share = (double)inputs->domestic[rule].share_micro / MICRO;
            row = dr_model_row(&program->model, name2(DR_ROW_DOMESTIC, rule, y), 0, DR_INFINITY);
            add_share(program, row, y, m, share, DR_NO_COLUMN);
        }
        FOR(v, inputs->chips_count) {
            double share = (double)inputs->vendor_share_micro / MICRO;
            uint32_t row;

            if (inputs->vendor_share_micro == 0 || inputs->chips[v].vendor_first != v ||
                (int64_t)y < (inputs->begin + inputs->share_quarter) / 4 - inputs->begin / 4)
                continue;
            row = dr_model_row(&program->model, name2(DR_ROW_VENDOR, v, y), -DR_INFINITY, 0);
            add_share(program, row, y, DR_PLAN_BY_VALUE, share, v);
        }
    }
}

static void add_target_rows(struct dr_program *program)
{
    const struct dr_plan_inputs *inputs = program->inputs;

    FOR(t, inputs->quarters_count) {
        double site = (double)inputs->site_share_micro / MICRO;
        double zone = (double)inputs->zone_share_micro / MICRO;
        uint32_t row;

        if (program->total[t] == DR_NO_COLUMN)
            break;
        row = dr_model_row(&program->model, name1(DR_ROW_ALL, t), 0, 0);
        entry(program, row, program->total[t], -1);
        FOR(s, inputs->sites_count) {
            FOR(c, inputs->chips_count)
                entry(program, row, program->on[s][c][t], 1);
        }
        if ((int32_t)t < inputs->share_quarter)
            continue;
        FOR(s, site > 0 ? inputs->sites_count : 0) {
            row = dr_model_row(&program->model, name2(DR_ROW_SITE_SHARE, s, t), -DR_INFINITY, 0);
            entry(program, row, program->total[t], -site);
            FOR(c, inputs->chips_count)
                entry(program, row, program->on[s][c][t], 1);
        }
        FOR(z, zone > 0 ? inputs->zones_count : 0) {
            row = dr_model_row(&program->model, name2(DR_ROW_ZONE_SHARE, z, t), -DR_INFINITY, 0);
            entry(program, row, program->total[t], -zone);
            FOR(s, inputs->sites_count) {
                FOR(c, inputs->sites[s].zone == z ? inputs->chips_count : 0)
                    entry(program, row, program->on[s][c][t], 1);
            }
        }
    }
    FOR(i, inputs->targets_count) {
        const struct dr_plan_target *target = &inputs->targets[i];
        uint32_t row;

        if (target->accelerators > 0) {
            row = dr_model_row(&program->model, name1(DR_ROW_TARGET, i),
                               counted(program, (double)target->accelerators), DR_INFINITY);
            entry(program, row, program->total[target->quarter], 1);
        }
        if (target->compute_micro > 0) {
            row = dr_model_row(&program->model, name1(DR_ROW_COMPUTED, i), 0, 0);
            entry(program, row, program->compute[i], -1);
            FOR(s, inputs->sites_count) {
                FOR(c, inputs->chips_count)
                    entry(program, row, program->on[s][c][target->quarter],
                          (double)inputs->chips[c].compute_micro / MICRO);
            }
            row =
                dr_model_row(&program->model, name1(DR_ROW_TARGET_COMPUTE, i),
                             counted(program, (double)target->compute_micro / MICRO), DR_INFINITY);
            entry(program, row, program->compute[i], 1);
        }
    }
}

/* ---- the whole ---- */

static void add_slacks(struct dr_program *program, uint64_t soften)
{
    struct dr_model *model = &program->model;

    FOR(r, model->rows_count) {
        int above = !isfinite(model->row_lower[r]);

        if (((soften >> model->rows[r].kind) & 1) == 0)
            continue;
        entry(program, r,
              dr_model_column(model, name2(DR_COLUMN_SLACK, r & 0xffff, r >> 16), 0, DR_INFINITY, 0,
                              0),
              above ? -1 : 1);
    }
}

void dr_program_init(struct dr_program *program, const struct dr_plan_inputs *inputs,
                     uint64_t soften)
{
    memset(program, 0xff, sizeof *program); /* no column anywhere */
    dr_model_init(&program->model);
    program->inputs = inputs;
    program->whole_lots = is_small(inputs);
    program->buy = malloc(DR_PLAN_SITES_MAX * sizeof program->buy[0]);
    program->on = malloc(DR_PLAN_SITES_MAX * sizeof program->on[0]);
    program->use = malloc(DR_PLAN_SECTORS_MAX * sizeof program->use[0]);
    if (program->buy == NULL || program->on == NULL || program->use == NULL)
        abort();
    memset(program->buy, 0xff, DR_PLAN_SITES_MAX * sizeof program->buy[0]);
    memset(program->on, 0xff, DR_PLAN_SITES_MAX * sizeof program->on[0]);
    memset(program->use, 0xff, DR_PLAN_SECTORS_MAX * sizeof program->use[0]);
    choose_scales(program);
    add_purchases(program);
    add_phases(program);
    add_sums(program);
    add_fleet_rows(program);
    add_work_rows(program);
    add_power_rows(program);
    add_order_rows(program);
    add_building_rows(program);
    add_money_rows(program);
    add_share_rows(program);
    add_target_rows(program);
    memset(program->lost_use, 0, sizeof program->lost_use);
    dr_lost_add(program);
    if (soften != 0)
        add_slacks(program, soften);
    dr_model_finish(&program->model);
}

void dr_program_deinit(struct dr_program *program)
{
    dr_model_deinit(&program->model);
    free(program->buy);
    free(program->on);
    free(program->use);
    program->buy = NULL;
    program->on = NULL;
    program->use = NULL;
}
