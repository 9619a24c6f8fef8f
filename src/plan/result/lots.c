/* SPDX-License-Identifier: Apache-2.0 */
/* From a solution of the program to a plan in whole lots.
 *
 * Orders are rounded down, and what was cut off is given back lot by lot, the largest remainder
 * first, where supply, budgets and shares allow it exactly (struct ledger). Then orders and phases
 * are fixed, the linear program divides what there is anew, and its values are rounded to
 * thousandths: those that would break a rule by the last digit are taken back. A result counts when
 * dr_plan_check() says so. */
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "base/sort.h"
#include "plan/program/lost.h"
#include "plan/result/plan.h"
#include "plan/program/program.h"
#include "plan/search/condense.h"
#include "plan/search/solver.h"

typedef __int128 wide;

#define ATTEMPTS_MAX  9
#define DIGITS        0.01 /* of an accelerator: more than what cutting takes in a small program */
#define MICRO         DR_PLAN_MICRO
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

/* What a plan has ordered, in the sums that rules are about. */
struct ledger {
    const struct dr_plan_inputs *inputs;
    int64_t building[DR_PLAN_QUARTERS_MAX];
    int64_t ordered[DR_PLAN_CHIPS_MAX][DR_PLAN_QUARTERS_MAX];
    int64_t spent[DR_PLAN_YEARS_MAX];
    wide all[DR_PLAN_YEARS_MAX][3], home[DR_PLAN_YEARS_MAX][3]; /* by enum dr_plan_measure */
    wide vendor[DR_PLAN_YEARS_MAX][DR_PLAN_CHIPS_MAX];
};

struct remainder {
    uint16_t site, chip, quarter;
    uint16_t padding;
    double part; /* of a lot */
};

/* ---- the ledger ---- */

static void add_building(struct ledger *ledger, const struct dr_plan *plan)
{
    const struct dr_plan_inputs *inputs = ledger->inputs;

    FOR(s, inputs->sites_count) {
        FOR(p, inputs->sites[s].phases_count) {
            const struct dr_plan_phase *phase = &inputs->sites[s].phases[p];
            uint32_t parts = phase->build_quarters == 0 ? 1 : phase->build_quarters;
            int64_t part = phase->cost / parts;

            if (plan->phase[s][p] == DR_PLAN_NEVER)
                continue;
            FOR(i, parts) {
                uint32_t t = (uint32_t)plan->phase[s][p] + i;

                if (t < inputs->quarters_count)
                    ledger->building[t] += part + (i == 0 ? phase->cost % parts : 0);
            }
        }
    }
    FOR(t, inputs->quarters_count)
        ledger->spent[dr_plan_year(inputs, t)] += ledger->building[t];
}

static void order(struct ledger *ledger, uint32_t c, uint32_t t, int64_t count)
{
    const struct dr_plan_chip *chip = &ledger->inputs->chips[c];
    uint32_t y = dr_plan_year(ledger->inputs, t);
    const wide amounts[3] = {(wide)count * chip->price[t], count,
                             (wide)count * chip->compute_micro};

    ledger->ordered[c][t] += count;
    ledger->spent[y] += count * chip->price[t];
    ledger->vendor[y][chip->vendor_first] += amounts[0];
    for (int m = 0; m < 3; m += 1) {
        ledger->all[y][m] += amounts[m];
        ledger->home[y][m] += chip->domestic ? amounts[m] : 0;
    }
}

/* Every year's spending within its budget and what is kept for it. */
static int budgets_hold(const struct ledger *ledger)
{
    const struct dr_plan_inputs *inputs = ledger->inputs;
    int64_t kept = 0;

    FOR(y, inputs->years_count) {
        int64_t left;

        if (inputs->budget[y] == INT64_MAX) {
            kept = 0;
            continue;
        }
        left = inputs->budget[y] + kept - ledger->spent[y];
        if (left < 0)
            return 0;
        kept =
            y + 1 < inputs->years_count && inputs->budget[y + 1] != INT64_MAX
                ? dr_min_i64(left, dr_mul_div_floor(inputs->budget[y], inputs->carry_micro, MICRO))
                : 0;
    }
    return 1;
}

static int domestic_holds(const struct ledger *ledger, uint32_t y)
{
    const struct dr_plan_inputs *inputs = ledger->inputs;

    for (int m = 0; m < 3; m += 1) {
        int64_t share = -1;
        uint32_t from = 0;

        FOR(i, inputs->domestic_count) {
            if ((int)inputs->domestic[i].measure == m && inputs->domestic[i].year <= y &&
                (share < 0 || inputs->domestic[i].year >= from)) {
                share = inputs->domestic[i].share_micro;
                from = inputs->domestic[i].year;
            }
        }
        if (share > 0 && ledger->all[y][m] * share > ledger->home[y][m] * MICRO)
            return 0;
    }
    return 1;
}

static int vendors_hold(const struct ledger *ledger, uint32_t y)
{
    const struct dr_plan_inputs *inputs = ledger->inputs;

    if (inputs->vendor_share_micro == 0 ||
        inputs->begin / 4 + y < (inputs->begin + inputs->share_quarter) / 4)
        return 1;
    FOR(v, inputs->chips_count) {
        if (ledger->vendor[y][v] * MICRO > ledger->all[y][0] * inputs->vendor_share_micro)
            return 0;
    }
    return 1;
}

/* One lot more, where it breaks nothing that held. Shares that don't hold yet don't forbid it: they
 * are mended afterwards (mend_shares()). */
static int may_order(struct ledger *ledger, uint32_t c, uint32_t t)
{
    const struct dr_plan_chip *chip = &ledger->inputs->chips[c];
    uint32_t y = dr_plan_year(ledger->inputs, t);
    int domestic = domestic_holds(ledger, y), vendors = vendors_hold(ledger, y), good;

    if (ledger->ordered[c][t] + chip->lot > chip->supply[t])
        return 0;
    order(ledger, c, t, chip->lot);
    good = budgets_hold(ledger) && (chip->domestic || !domestic || domestic_holds(ledger, y)) &&
           (!vendors || vendors_hold(ledger, y));
    if (!good)
        order(ledger, c, t, -(int64_t)chip->lot);
    return good;
}

/* ---- orders ---- */

static int largest_first(const void *a, const void *b, const void *context)
{
    const struct remainder *first = a, *second = b;

    (void)context;
    if (first->part != second->part)
        return first->part > second->part ? -1 : 1;
    if (first->quarter != second->quarter)
        return first->quarter < second->quarter ? -1 : 1;
    if (first->chip != second->chip)
        return first->chip < second->chip ? -1 : 1;
    return first->site < second->site ? -1 : first->site > second->site;
}

static uint32_t round_down(struct dr_plan *plan, const struct dr_program *program,
                           const double *values, struct ledger *ledger,
                           struct remainder *remainders)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    uint32_t count = 0;

    FOR(s, inputs->sites_count) {
        FOR(c, inputs->chips_count) {
            FOR(t, inputs->quarters_count) {
                uint32_t column = program->buy[s][c][t];
                double lots;
                int64_t whole;

                if (column == DR_NO_COLUMN)
                    continue;
                lots = values[column] * dr_program_unit(program, c) / inputs->chips[c].lot;
                whole = (int64_t)floor(lots + 1e-6);
                if (whole < 0)
                    whole = 0;
                plan->buy[s][c][t] = whole * inputs->chips[c].lot;
                order(ledger, c, t, plan->buy[s][c][t]);
                if (lots - (double)whole < 1e-6)
                    continue;
                remainders[count] = (struct remainder){.site = (uint16_t)s,
                                                       .chip = (uint16_t)c,
                                                       .quarter = (uint16_t)t,
                                                       .part = lots - (double)whole};
                count += 1;
            }
        }
    }
    dr_sort(remainders, count, sizeof remainders[0], largest_first, NULL);
    return count;
}

/* What rounding down cut off of each chip's orders, given back in whole lots. */
static void give_back(struct dr_plan *plan, struct ledger *ledger,
                      const struct remainder *remainders, uint32_t count)
{
    const struct dr_plan_inputs *inputs = ledger->inputs;
    double owed[DR_PLAN_CHIPS_MAX] = {0};

    FOR(i, count)
        owed[remainders[i].chip] += remainders[i].part;
    FOR(i, count) {
        uint32_t c = remainders[i].chip, t = remainders[i].quarter;

        if (owed[c] < 0.5 || !may_order(ledger, c, t))
            continue;
        plan->buy[remainders[i].site][c][t] += inputs->chips[c].lot;
        owed[c] -= 1;
    }
}

/* An order that the program's bounds hold where it is. */
static int is_held(const struct dr_program *program, uint32_t s, uint32_t c, uint32_t t)
{
    uint32_t column = program->buy[s][c][t];

    return column != DR_NO_COLUMN && program->model.lower[column] == program->model.upper[column];
}

/* Foreign lots out, the last first, while a year has too few domestic ones. */
static void mend_shares(struct dr_plan *plan, const struct dr_program *program,
                        struct ledger *ledger)
{
    const struct dr_plan_inputs *inputs = ledger->inputs;

    FOR(back, inputs->quarters_count) {
        uint32_t t = inputs->quarters_count - 1 - back, y = dr_plan_year(inputs, t);

        FOR(c, inputs->chips_count) {
            FOR(s, inputs->sites_count) {
                while (!inputs->chips[c].domestic && !domestic_holds(ledger, y) &&
                       plan->buy[s][c][t] > 0 && !is_held(program, s, c, t)) {
                    plan->buy[s][c][t] -= inputs->chips[c].lot;
                    order(ledger, c, t, -(int64_t)inputs->chips[c].lot);
                }
            }
        }
    }
}

/* An order that came below its least by rounding: up again at the site that has the most of it. */
static void mend_least_orders(struct dr_plan *plan, struct ledger *ledger)
{
    const struct dr_plan_inputs *inputs = ledger->inputs;

    FOR(c, inputs->chips_count) {
        FOR(t, inputs->quarters_count) {
            uint32_t most = 0;

            FOR(s, inputs->sites_count)
                most = plan->buy[s][c][t] > plan->buy[most][c][t] ? s : most;
            while (ledger->ordered[c][t] > 0 &&
                   ledger->ordered[c][t] < inputs->chips[c].order_min && may_order(ledger, c, t))
                plan->buy[most][c][t] += inputs->chips[c].lot;
            /* It can't: then none at all. */
            FOR(s, ledger->ordered[c][t] < inputs->chips[c].order_min ? inputs->sites_count : 0) {
                order(ledger, c, t, -plan->buy[s][c][t]);
                plan->buy[s][c][t] = 0;
            }
        }
    }
}

/* ---- what is switched on, and who has it ---- */

static int64_t milli(const struct dr_program *program, const double *values, uint32_t column)
{
    return column == DR_NO_COLUMN
               ? 0
               : (int64_t)fmax(0, floor(values[column] * program->count_scale * 1000 + 0.5));
}

static int64_t ceil_div(wide a, wide b)
{
    return (int64_t)((a + b - 1) / b);
}

/* `over` and `each` in the same unit: at least that much less of the largest cells. */
static void take_back(int64_t *cells[], uint32_t count, wide over, const wide *each)
{
    while (over > 0) {
        uint32_t most = count;
        int64_t less;

        FOR(i, count) {
            if (each[i] > 0 && *cells[i] > 0 && (most == count || *cells[i] > *cells[most]))
                most = i;
        }
        if (most == count)
            return;
        less = dr_min_i64(ceil_div(over, each[most]), *cells[most]);
        *cells[most] -= less;
        over -= less * each[most];
    }
}

/* Accelerators that are there in a quarter. */
static int64_t there(const struct dr_plan *plan, const struct dr_program *program, uint32_t s,
                     uint32_t c, uint32_t t)
{
    const struct dr_plan_chip *chip = &program->inputs->chips[c];
    int64_t count = program->inputs->base[s][c][t];

    FOR(b, t + 1) {
        if (b + chip->lead_quarters <= t && t < b + chip->lead_quarters + chip->life_quarters)
            count += plan->buy[s][c][b];
    }
    return count;
}

/* Power that a site has in a quarter. */
static int64_t power_there(const struct dr_plan *plan, const struct dr_program *program, uint32_t s,
                           uint32_t t)
{
    const struct dr_plan_site *site = &program->inputs->sites[s];
    int64_t power_w = site->power_w;

    FOR(p, site->phases_count) {
        const struct dr_plan_phase *phase = &site->phases[p];
        int32_t from = phase->begun ? phase->quarter
                       : plan->phase[s][p] == DR_PLAN_NEVER
                           ? INT32_MAX
                           : plan->phase[s][p] + (int32_t)phase->build_quarters;

        power_w += from <= (int32_t)t ? phase->power_w : 0;
    }
    return power_w;
}

static void fit_on(struct dr_plan *plan, const struct dr_program *program, uint32_t s, uint32_t t)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    const struct dr_plan_site *site = &inputs->sites[s];
    int64_t *cells[DR_PLAN_CHIPS_MAX];
    wide each[DR_PLAN_CHIPS_MAX], over = 0;
    int64_t power_w = power_there(plan, program, s, t);

    FOR(c, inputs->chips_count) {
        cells[c] = &plan->on_milli[s][c][t];
        each[c] = (wide)inputs->chips[c].busy_w * site->pue_micro;
        over += *cells[c] * each[c];
    }
    take_back(cells, inputs->chips_count, over - (wide)power_w * 1000 * MICRO, each);
}

/* At most its share of all is on in the sites of a zone, or at one of them. 1: some were too many.
 */
static int fit_share(struct dr_plan *plan, const struct dr_program *program, int64_t share_micro,
                     uint32_t first, uint32_t behind, uint32_t zone, uint32_t t)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    static int64_t *cells[DR_PLAN_SITES_MAX * DR_PLAN_CHIPS_MAX];
    static wide each[DR_PLAN_SITES_MAX * DR_PLAN_CHIPS_MAX];
    wide own = 0, all = 0, over;
    uint32_t count = 0;

    FOR(s, inputs->sites_count) {
        FOR(c, inputs->chips_count) {
            all += plan->on_milli[s][c][t];
            if (s < first || s >= behind || (zone != DR_NOWHERE && inputs->sites[s].zone != zone))
                continue;
            own += plan->on_milli[s][c][t];
            cells[count] = &plan->on_milli[s][c][t];
            each[count] = MICRO - share_micro;
            count += 1;
        }
    }
    over = own * MICRO - all * share_micro;
    take_back(cells, count, over, each);
    return over > 0;
}

/* What is taken back of one makes all less, and so the share of another more. */
static void fit_shares(struct dr_plan *plan, const struct dr_program *program, uint32_t t)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    int again = (int32_t)t >= inputs->share_quarter;

    while (again) {
        again = 0;
        FOR(s, inputs->site_share_micro > 0 ? inputs->sites_count : 0)
            again |= fit_share(plan, program, inputs->site_share_micro, s, s + 1, DR_NOWHERE, t);
        FOR(z, inputs->zone_share_micro > 0 ? inputs->zones_count : 0)
            again |=
                fit_share(plan, program, inputs->zone_share_micro, 0, inputs->sites_count, z, t);
    }
}

static void fit_use(struct dr_plan *plan, const struct dr_program *program, uint32_t s, uint32_t c,
                    uint32_t t)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    int64_t *cells[DR_PLAN_SECTORS_MAX];
    wide each[DR_PLAN_SECTORS_MAX], given = 0;

    FOR(k, inputs->sectors_count) {
        cells[k] = &plan->use_milli[k][s][c][t];
        each[k] = 1;
        given += *cells[k];
    }
    take_back(cells, inputs->sectors_count,
              given - (wide)plan->on_milli[s][c][t] * inputs->chips[c].available_micro / MICRO,
              each);
}

static void fit_work(struct dr_plan *plan, const struct dr_program *program, uint32_t k, uint32_t t)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    static int64_t *cells[DR_PLAN_SITES_MAX * DR_PLAN_CHIPS_MAX];
    static wide each[DR_PLAN_SITES_MAX * DR_PLAN_CHIPS_MAX];
    wide over = -(wide)inputs->sectors[k].demand[t] * 1000 * MICRO * MICRO;
    uint32_t count = 0;

    FOR(s, inputs->sites_count) {
        FOR(c, inputs->chips_count) {
            cells[count] = &plan->use_milli[k][s][c][t];
            each[count] = dr_plan_yield(inputs, k, c);
            over += *cells[count] * each[count];
            count += 1;
        }
    }
    take_back(cells, count, over, each);
}

static void fit_grid(struct dr_plan *plan, const struct dr_program *program, uint32_t z, uint32_t t)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    static int64_t *cells[DR_PLAN_SECTORS_MAX * DR_PLAN_SITES_MAX * DR_PLAN_CHIPS_MAX];
    static wide each[DR_PLAN_SECTORS_MAX * DR_PLAN_SITES_MAX * DR_PLAN_CHIPS_MAX];
    wide over;
    uint32_t count = 0;

    if (inputs->zones[z].grid_w[t] == INT64_MAX)
        return;
    over = -(wide)inputs->zones[z].grid_w[t] * 1000 * MICRO;
    FOR(s, inputs->sites_count) {
        int64_t pue = inputs->sites[s].pue_micro;

        FOR(c, inputs->sites[s].zone == z ? inputs->chips_count : 0) {
            const struct dr_plan_chip *chip = &inputs->chips[c];

            over += (wide)plan->on_milli[s][c][t] * chip->idle_w * pue;
            FOR(k, inputs->sectors_count) {
                cells[count] = &plan->use_milli[k][s][c][t];
                each[count] = (wide)(chip->busy_w - chip->idle_w) * pue;
                over += *cells[count] * each[count];
                count += 1;
            }
        }
    }
    take_back(cells, count, over, each);
}

/* Power that a site has left in a quarter beside what is on, in thousandths of a microwatt. */
static wide power_left(const struct dr_plan *plan, const struct dr_program *program, uint32_t s,
                       uint32_t t)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    wide left = (wide)power_there(plan, program, s, t) * 1000 * MICRO;

    FOR(c, inputs->chips_count)
        left -=
            (wide)plan->on_milli[s][c][t] * inputs->chips[c].busy_w * inputs->sites[s].pue_micro;
    return left;
}

/* What is done of a sector's work beyond what has to be, in 10^-15 units. */
static wide beyond_least(const struct dr_plan *plan, const struct dr_program *program, uint32_t k,
                         uint32_t t)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    wide sum = -(wide)inputs->sectors[k].demand[t] * 1000 * MICRO * inputs->sectors[k].least_micro +
               (wide)inputs->sectors[k].eased[t] * 1000 * MICRO * MICRO;

    FOR(s, inputs->sites_count) {
        FOR(c, inputs->chips_count)
            sum += (wide)plan->use_milli[k][s][c][t] * dr_plan_yield(inputs, k, c);
    }
    return sum;
}

/* Where all that is on is given out: from those who have more than has to be done. */
static void take_over(struct dr_plan *plan, const struct dr_program *program, uint32_t k,
                      uint32_t s, uint32_t c, uint32_t t)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    wide each = dr_plan_yield(inputs, k, c);

    FOR(from, inputs->sectors_count) {
        wide need = -beyond_least(plan, program, k, t);
        wide spare = beyond_least(plan, program, from, t);
        int64_t more;

        if (from == k || need <= 0 || spare <= 0 || plan->use_milli[from][s][c][t] == 0)
            continue;
        spare /= dr_plan_yield(inputs, from, c);
        more = dr_min_i64(ceil_div(need, each), plan->use_milli[from][s][c][t]);
        more = spare < more ? (int64_t)spare : more;
        plan->use_milli[from][s][c][t] -= more;
        plan->use_milli[k][s][c][t] += more;
    }
}

/* What has to be done and is missed by the digits that were cut: given out of what is on, of what
 * can be switched on, or of what others can spare. */
static void reach_least(struct dr_plan *plan, const struct dr_program *program, uint32_t k,
                        uint32_t t)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    wide need = -beyond_least(plan, program, k, t);

    for (uint32_t s = 0; s < inputs->sites_count && need > 0; s += 1) {
        for (uint32_t c = 0; c < inputs->chips_count && need > 0; c += 1) {
            int64_t each = dr_plan_yield(inputs, k, c), given = 0, more, room;
            int64_t available = inputs->chips[c].available_micro;

            if (program->use[k][s][c][t] == DR_NO_COLUMN || available == 0)
                continue;
            FOR(other, inputs->sectors_count)
                given += plan->use_milli[other][s][c][t];
            more = ceil_div(need, each);
            room = plan->on_milli[s][c][t] * available / MICRO - given;
            if (more > room) {
                int64_t switched = ceil_div((wide)(more - room) * MICRO, available);
                wide power = power_left(plan, program, s, t) /
                             ((wide)inputs->chips[c].busy_w * inputs->sites[s].pue_micro);

                switched = dr_min_i64(switched, there(plan, program, s, c, t) * 1000 -
                                                    plan->on_milli[s][c][t]);
                switched = (int64_t)(power < switched ? power : switched);
                if (switched > 0)
                    plan->on_milli[s][c][t] += switched;
                room = plan->on_milli[s][c][t] * available / MICRO - given;
            }
            more = dr_min_i64(more, room);
            if (more <= 0)
                continue;
            plan->use_milli[k][s][c][t] += more;
            need -= (wide)more * each;
        }
    }
    FOR(s, need > 0 ? inputs->sites_count : 0) {
        FOR(c, inputs->chips_count) {
            if (program->use[k][s][c][t] != DR_NO_COLUMN)
                take_over(plan, program, k, s, c, t);
        }
    }
}

static void divide(struct dr_plan *plan, const struct dr_program *program, const double *values)
{
    const struct dr_plan_inputs *inputs = program->inputs;

    FOR(t, inputs->quarters_count) {
        FOR(s, inputs->sites_count) {
            FOR(c, inputs->chips_count) {
                plan->on_milli[s][c][t] = dr_min_i64(milli(program, values, program->on[s][c][t]),
                                                     there(plan, program, s, c, t) * 1000);
                FOR(k, inputs->sectors_count)
                    plan->use_milli[k][s][c][t] = milli(program, values, program->use[k][s][c][t]);
            }
            fit_on(plan, program, s, t);
        }
        fit_shares(plan, program, t);
        FOR(s, inputs->sites_count) {
            FOR(c, inputs->chips_count)
                fit_use(plan, program, s, c, t);
        }
        FOR(k, inputs->sectors_count) {
            fit_work(plan, program, k, t);
            reach_least(plan, program, k, t);
        }
        FOR(z, inputs->zones_count)
            fit_grid(plan, program, z, t);
    }
    dr_lost_divide(plan, program, values);
}

/* ---- the whole ---- */

static void read_phases(struct dr_plan *plan, const struct dr_program *program,
                        const double *values)
{
    const struct dr_plan_inputs *inputs = program->inputs;

    FOR(s, DR_PLAN_SITES_MAX) {
        FOR(p, DR_PLAN_PHASES_MAX)
            plan->phase[s][p] = DR_PLAN_NEVER;
    }
    FOR(s, inputs->sites_count) {
        FOR(p, inputs->sites[s].phases_count) {
            FOR(t, inputs->quarters_count) {
                uint32_t column = program->phase[s][p][t];

                if (column != DR_NO_COLUMN && values[column] > 0.5) {
                    plan->phase[s][p] = (int32_t)t;
                    break;
                }
            }
        }
    }
}

/* What has to be reached is to be passed by `spare` accelerators. */
static void ask_more(const struct dr_program *program, double *lower, double *upper, double spare)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    double most_compute = 0;

    FOR(c, inputs->chips_count)
        most_compute = fmax(most_compute, (double)inputs->chips[c].compute_micro / MICRO);
    FOR(i, inputs->targets_count) {
        uint32_t column = program->total[inputs->targets[i].quarter];
        double least = ((double)inputs->targets[i].accelerators + spare) / program->count_scale;

        if (inputs->targets[i].accelerators > 0)
            lower[column] = fmax(lower[column], least);
        column = program->compute[i];
        least = (double)inputs->targets[i].compute_micro / MICRO + spare * most_compute;
        if (column != DR_NO_COLUMN)
            lower[column] = fmax(lower[column], least / program->count_scale);
    }
    FOR(k, inputs->sectors_count) {
        const struct dr_plan_sector *sector = &inputs->sectors[k];

        FOR(t, inputs->quarters_count) {
            uint32_t column = program->unserved[k][t];
            double most = (double)sector->demand[t] * (1 - (double)sector->least_micro / MICRO) +
                          (double)sector->eased[t];

            if (column != DR_NO_COLUMN && sector->least_micro > 0)
                upper[column] =
                    fmax(0, fmin(upper[column], (most - 2 * spare) / program->count_scale));
        }
    }
}

struct rounding {
    const struct dr_program *program;
    const struct dr_condensed *condensed; /* NULL: `solver` is of the program itself */
    struct dr_solver *solver;
};

/* The linear program within bounds of the program's columns: those that the condensed one takes
 * together have none. */
static struct dr_solver_answer solve(const struct rounding *rounding, const double *lower,
                                     const double *upper, double *divided)
{
    const struct dr_condensed *condensed = rounding->condensed;
    struct dr_solver_limits limits = {0};
    struct dr_solver_answer answer;
    size_t bytes;
    double *at_least, *at_most, *values;

    if (condensed == NULL)
        return dr_solver_lp(rounding->solver, lower, upper, NULL, &limits, divided, NULL, NULL);
    bytes = condensed->model.columns_count * sizeof at_least[0];
    at_least = malloc(bytes);
    at_most = malloc(bytes);
    values = malloc(bytes);
    if (at_least == NULL || at_most == NULL || values == NULL)
        abort();
    memcpy(at_least, condensed->model.lower, bytes);
    memcpy(at_most, condensed->model.upper, bytes);
    FOR(c, rounding->program->model.columns_count) {
        if (condensed->place[c] == DR_NO_COLUMN)
            continue;
        at_least[condensed->place[c]] = lower[c];
        at_most[condensed->place[c]] = upper[c];
    }
    answer = dr_solver_lp(rounding->solver, at_least, at_most, NULL, &limits, values, NULL, NULL);
    if (answer.result == DR_SOLVER_OPTIMAL)
        dr_condensed_expand(condensed, values, divided);
    free(at_least);
    free(at_most);
    free(values);
    return answer;
}

/* What there is, divided anew, with `spare` accelerators more than rules ask for; with fewer, or
 * none, to be used while a zone is lost, where that many can't be had. */
static struct dr_solver_answer divide_anew(const struct rounding *rounding, double *lower,
                                           double *upper, double spare, double *divided)
{
    const struct dr_program *program = rounding->program;
    const double lost_spares[] = {spare, 0, -1};
    int has_lost = program->inputs->lost_quarter < (int32_t)program->inputs->quarters_count;
    struct dr_solver_answer answer = {.result = DR_SOLVER_FAILED};

    ask_more(program, lower, upper, spare);
    FOR(i, has_lost ? DR_COUNT_OF(lost_spares) : 1) {
        dr_lost_ask(program, lower, lost_spares[i]);
        answer = solve(rounding, lower, upper, divided);
        if (answer.result == DR_SOLVER_OPTIMAL)
            break;
    }
    return answer;
}

/* Bounds that hold the binaries where they are. */
static void hold_binaries(const struct dr_model *model, const double *values, double *lower,
                          double *upper)
{
    FOR(c, model->columns_count) {
        if (model->integer[c])
            lower[c] = upper[c] = round(values[c]);
    }
}

/* And the orders. An order that was rounded away is none. */
static void hold_orders(const struct dr_plan *plan, const struct dr_program *program, double *lower,
                        double *upper)
{
    const struct dr_plan_inputs *inputs = program->inputs;

    FOR(c, inputs->chips_count) {
        FOR(t, inputs->quarters_count) {
            int64_t sum = 0;

            FOR(s, inputs->sites_count) {
                uint32_t column = program->buy[s][c][t];

                sum += plan->buy[s][c][t];
                if (column != DR_NO_COLUMN)
                    lower[column] = upper[column] =
                        (double)plan->buy[s][c][t] / dr_program_unit(program, c);
            }
            if (program->order[c][t] != DR_NO_COLUMN)
                lower[program->order[c][t]] = upper[program->order[c][t]] = sum > 0;
        }
    }
}

static int make(struct dr_plan *plan, const struct rounding *rounding, const double *values,
                struct dr_plan_verdict *verdict, struct dr_plan_sums *sums)
{
    const struct dr_program *program = rounding->program;
    const struct dr_model *model = &program->model;
    const struct dr_plan_inputs *inputs = program->inputs;
    size_t cells = (size_t)inputs->sites_count * inputs->chips_count * inputs->quarters_count;
    struct remainder *remainders = malloc(cells * sizeof remainders[0]);
    struct ledger *ledger = malloc(sizeof *ledger);
    double *lower = malloc(model->columns_count * sizeof lower[0]);
    double *upper = malloc(model->columns_count * sizeof upper[0]);
    double *divided = malloc(model->columns_count * sizeof divided[0]);
    double cut = 0;
    int made = 0;

    if (remainders == NULL || ledger == NULL || lower == NULL || upper == NULL || divided == NULL)
        abort();
    /* Where the rounded orders don't reach a target, it is asked for more before they are rounded:
     * first an eighth of what rounding can cut off, then twice as much each time. */
    for (int attempt = 0; attempt < ATTEMPTS_MAX && !made; attempt += 1) {
        struct dr_solver_answer answer;
        const double *from = values;
        uint32_t count;

        memcpy(lower, model->lower, model->columns_count * sizeof lower[0]);
        memcpy(upper, model->upper, model->columns_count * sizeof upper[0]);
        hold_binaries(model, values, lower, upper);
        if (attempt > 0) {
            answer = divide_anew(rounding, lower, upper, cut / 8 * (1 << (attempt - 1)), divided);
            if (answer.result != DR_SOLVER_OPTIMAL)
                break;
            from = divided;
        }
        memset(plan, 0, sizeof *plan);
        memset(ledger, 0, sizeof *ledger);
        ledger->inputs = inputs;
        read_phases(plan, program, values);
        add_building(ledger, plan);
        count = round_down(plan, program, from, ledger, remainders);
        if (attempt == 0) {
            FOR(i, count)
                cut += inputs->chips[remainders[i].chip].lot;
        }
        give_back(plan, ledger, remainders, count);
        mend_shares(plan, program, ledger);
        mend_least_orders(plan, ledger);
        memcpy(lower, model->lower, model->columns_count * sizeof lower[0]);
        memcpy(upper, model->upper, model->columns_count * sizeof upper[0]);
        hold_binaries(model, values, lower, upper);
        hold_orders(plan, program, lower, upper);
        /* The last digits of what is switched on will be cut. */
        answer = divide_anew(rounding, lower, upper,
                             program->count_scale > 1 ? 1 : DIGITS * attempt, divided);
        if (answer.result != DR_SOLVER_OPTIMAL)
            continue;
        divide(plan, program, divided);
        made = dr_plan_check(inputs, plan, verdict, sums);
    }
    free(remainders);
    free(ledger);
    free(lower);
    free(upper);
    free(divided);
    return made;
}

int dr_plan_make(struct dr_plan *plan, const struct dr_program *program, struct dr_solver *solver,
                 const double *values, struct dr_plan_verdict *verdict, struct dr_plan_sums *sums)
{
    struct rounding rounding = {.program = program, .solver = solver};

    return make(plan, &rounding, values, verdict, sums);
}

int dr_plan_make_condensed(struct dr_plan *plan, const struct dr_condensed *condensed,
                           struct dr_solver *solver, const double *values,
                           struct dr_plan_verdict *verdict, struct dr_plan_sums *sums)
{
    struct rounding rounding = {
        .program = condensed->program, .condensed = condensed, .solver = solver};

    return make(plan, &rounding, values, verdict, sums);
}

void dr_plan_binaries(const struct dr_program *program, const struct dr_plan *plan, double *values)
{
    const struct dr_plan_inputs *inputs = program->inputs;

    memset(values, 0, program->model.columns_count * sizeof values[0]);
    FOR(t, inputs->quarters_count) {
        FOR(s, inputs->sites_count) {
            FOR(p, inputs->sites[s].phases_count) {
                if (program->phase[s][p][t] != DR_NO_COLUMN)
                    values[program->phase[s][p][t]] =
                        plan->phase[s][p] != DR_PLAN_NEVER && plan->phase[s][p] <= (int32_t)t;
            }
        }
        FOR(c, inputs->chips_count) {
            int64_t sum = 0;

            FOR(s, inputs->sites_count)
                sum += plan->buy[s][c][t];
            if (program->order[c][t] != DR_NO_COLUMN)
                values[program->order[c][t]] = sum > 0;
        }
    }
}
