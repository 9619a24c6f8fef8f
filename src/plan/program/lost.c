/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/program/lost.h"

#include <stdlib.h>
#include <string.h>

#include "base/math.h"

typedef __int128 wide;

#define MICRO         DR_PLAN_MICRO
#define CUT           0.003 /* of an accelerator: what rounding takes of one chip at one site */
#define SPARE_MAX     0.05  /* of what has to be possible */
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

/* What is left in a quarter with a zone lost. */
struct left {
    const struct dr_plan_inputs *inputs;
    uint32_t zone, quarter;
    uint32_t may[DR_PLAN_SITES_MAX];   /* bits of sectors whose critical work may be done there */
    uint32_t first[DR_PLAN_SITES_MAX]; /* of its class */
    uint32_t tight[DR_PLAN_ZONES_MAX]; /* the grid gives less than its sites could draw */
};

/* ---- who has to be served, and where ---- */

int dr_lost_exempt(const struct dr_plan_inputs *inputs, uint32_t zone, uint32_t sector)
{
    FOR(s, inputs->sites_count) {
        if (inputs->sites[s].zone != zone && dr_plan_allowed(inputs, sector, s))
            return 0;
    }
    return inputs->sectors[sector].lost_micro > 0;
}

int dr_lost_matters(const struct dr_plan_inputs *inputs, uint32_t zone)
{
    FOR(k, inputs->sectors_count) {
        if (inputs->sectors[k].lost_micro == 0 || dr_lost_exempt(inputs, zone, k))
            continue;
        FOR(s, inputs->sites_count) {
            if (inputs->sites[s].zone == zone && dr_plan_allowed(inputs, k, s))
                return 1;
        }
    }
    return 0;
}

/* Units of a sector's work. */
static double needed(const struct dr_plan_inputs *inputs, uint32_t k, uint32_t t)
{
    return (double)inputs->sectors[k].demand[t] * (double)inputs->sectors[k].lost_micro /
           (double)MICRO;
}

static int asked(const struct left *left, uint32_t k)
{
    return needed(left->inputs, k, left->quarter) > 0 &&
           !dr_lost_exempt(left->inputs, left->zone, k);
}

static int is_tight(const struct dr_plan_inputs *inputs, uint32_t zone, uint32_t t)
{
    int64_t power_w = 0;

    FOR(s, inputs->sites_count) {
        const struct dr_plan_site *site = &inputs->sites[s];

        power_w += site->zone == zone ? site->power_w : 0;
        FOR(p, site->zone == zone ? site->phases_count : 0)
            power_w += site->phases[p].power_w;
    }
    return inputs->zones[zone].grid_w[t] < power_w;
}

static void look(struct left *left, const struct dr_plan_inputs *inputs, uint32_t zone, uint32_t t)
{
    memset(left, 0, sizeof *left);
    left->inputs = inputs;
    left->zone = zone;
    left->quarter = t;
    FOR(z, inputs->zones_count)
        left->tight[z] = (uint32_t)is_tight(inputs, z, t);
    FOR(k, inputs->sectors_count) {
        int is_asked = asked(left, k);

        FOR(s, is_asked ? inputs->sites_count : 0) {
            if (inputs->sites[s].zone != zone && dr_plan_allowed(inputs, k, s))
                left->may[s] |= 1u << k;
        }
    }
    FOR(s, inputs->sites_count) {
        uint32_t first = 0;

        while (first < s &&
               (left->may[first] != left->may[s] || left->tight[inputs->sites[first].zone] ||
                left->tight[inputs->sites[s].zone]))
            first += 1;
        left->first[s] = first;
    }
}

/* ---- the program ---- */

/* Columns of a zone and quarter. */
struct columns {
    uint32_t use[DR_PLAN_SECTORS_MAX][DR_PLAN_SITES_MAX][DR_PLAN_CHIPS_MAX]; /* by the first site */
};

static struct dr_model_name name(uint32_t kind, uint32_t a, uint32_t b, uint32_t c, uint32_t d,
                                 uint32_t e)
{
    return (struct dr_model_name){
        .kind = (uint16_t)kind,
        .place = {(uint16_t)a, (uint16_t)b, (uint16_t)c, (uint16_t)d, (uint16_t)e}};
}

static void entry(struct dr_program *program, uint32_t row, uint32_t column, double value)
{
    if (column != DR_NO_COLUMN)
        dr_model_entry(&program->model, row, column, value);
}

/* Of a class and chip: columns for those who may have it, and no more for all than is on. */
static void add_give(struct dr_program *program, const struct left *left, struct columns *columns,
                     uint32_t first, uint32_t c)
{
    const struct dr_plan_inputs *inputs = left->inputs;
    uint32_t z = left->zone, t = left->quarter, row;
    int any = 0, useful = 0;

    FOR(s, inputs->sites_count)
        any |= left->may[s] != 0 && left->first[s] == first && program->on[s][c][t] != DR_NO_COLUMN;
    FOR(k, any ? inputs->sectors_count : 0) {
        if (((left->may[first] >> k) & 1) == 0 || inputs->sectors[k].speed_micro[c] == 0)
            continue;
        columns->use[k][first][c] = dr_model_column(
            &program->model, name(DR_COLUMN_LOST_USE, z, k, first, c, t), 0, DR_INFINITY, 0, 0);
        useful = 1;
    }
    if (!useful)
        return;
    row = dr_model_row(&program->model, name(DR_ROW_LOST_GIVE, z, first, c, t, DR_NOWHERE),
                       -DR_INFINITY, 0);
    FOR(s, inputs->sites_count) {
        if (left->may[s] != 0 && left->first[s] == first)
            entry(program, row, program->on[s][c][t],
                  -(double)inputs->chips[c].available_micro / (double)MICRO);
    }
    FOR(k, inputs->sectors_count)
        entry(program, row, columns->use[k][first][c], 1);
}

static void add_work(struct dr_program *program, const struct left *left,
                     const struct columns *columns, uint32_t k)
{
    const struct dr_plan_inputs *inputs = left->inputs;
    uint32_t z = left->zone, t = left->quarter, row;
    uint32_t done =
        dr_model_column(&program->model, name(DR_COLUMN_LOST_DONE, z, k, t, DR_NOWHERE, DR_NOWHERE),
                        0, DR_INFINITY, 0, 0);

    program->lost_done[z][k][t] = done;
    row =
        dr_model_row(&program->model, name(DR_ROW_LOST_SUM, z, k, t, DR_NOWHERE, DR_NOWHERE), 0, 0);
    entry(program, row, done, -1);
    FOR(s, inputs->sites_count) {
        FOR(c, inputs->chips_count)
            entry(program, row, columns->use[k][s][c],
                  (double)dr_plan_yield(inputs, k, c, t) / (double)MICRO / (double)MICRO);
    }
    row = dr_model_row(&program->model, name(DR_ROW_LOST_LEAST, z, k, t, DR_NOWHERE, DR_NOWHERE),
                       needed(inputs, k, t) / program->count_scale, DR_INFINITY);
    entry(program, row, done, 1);
}

/* What is on stays on: at idle, and busy for what is given out. */
static void add_grid(struct dr_program *program, const struct left *left,
                     const struct columns *columns, uint32_t zone)
{
    const struct dr_plan_inputs *inputs = left->inputs;
    uint32_t t = left->quarter, may = 0, row;

    FOR(s, inputs->sites_count)
        may |= inputs->sites[s].zone == zone ? left->may[s] : 0;
    if (may == 0 || !left->tight[zone])
        return;
    row = dr_model_row(&program->model,
                       name(DR_ROW_LOST_GRID, left->zone, zone, t, DR_NOWHERE, DR_NOWHERE),
                       -DR_INFINITY, (double)inputs->zones[zone].grid_w[t] / program->power_scale);
    FOR(s, inputs->sites_count) {
        double scale = (double)inputs->sites[s].pue_micro / (double)MICRO * program->count_scale /
                       program->power_scale;

        FOR(c, inputs->sites[s].zone == zone ? inputs->chips_count : 0) {
            const struct dr_plan_chip *chip = &inputs->chips[c];

            entry(program, row, program->on[s][c][t], (double)chip->idle_w * scale);
            FOR(k, inputs->sectors_count)
                entry(program, row, columns->use[k][s][c],
                      (double)(chip->busy_w - chip->idle_w) * scale);
        }
    }
}

static void add_quarter(struct dr_program *program, struct columns *columns, uint32_t z, uint32_t t)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    struct left left;

    look(&left, inputs, z, t);
    memset(columns, 0xff, sizeof *columns); /* none */
    program->lost_use[z][t][0] = program->model.columns_count;
    FOR(s, inputs->sites_count) {
        FOR(c, left.may[s] != 0 && left.first[s] == s ? inputs->chips_count : 0)
            add_give(program, &left, columns, s, c);
    }
    program->lost_use[z][t][1] = program->model.columns_count;
    FOR(k, inputs->sectors_count) {
        if (asked(&left, k))
            add_work(program, &left, columns, k);
    }
    FOR(zone, inputs->zones_count)
        add_grid(program, &left, columns, zone);
}

void dr_lost_add(struct dr_program *program)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    struct columns *columns = malloc(sizeof *columns);

    if (columns == NULL)
        abort();
    FOR(t, inputs->quarters_count) {
        FOR(z, (int32_t)t >= inputs->lost_quarter ? inputs->zones_count : 0) {
            if (dr_lost_matters(inputs, z))
                add_quarter(program, columns, z, t);
        }
    }
    free(columns);
}

void dr_lost_ask(const struct dr_program *program, double *lower, double spare)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    double cut = CUT * inputs->sites_count * inputs->chips_count;

    FOR(k, inputs->sectors_count) {
        FOR(t, inputs->quarters_count) {
            double need = needed(inputs, k, t), most = 0;

            FOR(c, inputs->chips_count)
                most = fmax(most,
                            (double)dr_plan_yield(inputs, k, c, t) / (double)MICRO / (double)MICRO);
            FOR(z, inputs->zones_count) {
                uint32_t column = program->lost_done[z][k][t];

                if (column != DR_NO_COLUMN && spare < 0)
                    lower[column] = 0; /* the row says how much */
                else if (column != DR_NO_COLUMN)
                    lower[column] = (need + cut * most + fmin(spare * most, SPARE_MAX * need)) /
                                    program->count_scale;
            }
        }
    }
}

/* ---- from values to thousandths ---- */

struct division {
    struct left left;
    int64_t use[DR_PLAN_SECTORS_MAX][DR_PLAN_SITES_MAX][DR_PLAN_CHIPS_MAX];
    int64_t free[DR_PLAN_SITES_MAX][DR_PLAN_CHIPS_MAX];
    wide room[DR_PLAN_ZONES_MAX];   /* that the grid has left, in 10^-9 W */
    wide need[DR_PLAN_SECTORS_MAX]; /* that is not met yet, in 10^-15 units */
};

static void prepare(struct division *division, const struct dr_plan *plan)
{
    const struct left *left = &division->left;
    const struct dr_plan_inputs *inputs = left->inputs;

    memset(division->use, 0, sizeof division->use);
    FOR(k, inputs->sectors_count)
        division->need[k] = asked(left, k) ? (wide)inputs->sectors[k].demand[left->quarter] * 1000 *
                                                 MICRO * inputs->sectors[k].lost_micro
                                           : 0;
    FOR(z, inputs->zones_count)
        division->room[z] = (wide)inputs->zones[z].grid_w[left->quarter] * 1000 * MICRO;
    FOR(s, inputs->sites_count) {
        const struct dr_plan_site *site = &inputs->sites[s];

        FOR(c, inputs->chips_count) {
            int64_t on = plan->on_milli[s][c][left->quarter];

            division->free[s][c] = on * inputs->chips[c].available_micro / MICRO;
            division->room[site->zone] -= (wide)on * inputs->chips[c].idle_w * site->pue_micro;
        }
    }
}

/* At most `want` of what is free at a site, and no more than is needed; how many. */
static int64_t place(struct division *division, uint32_t k, uint32_t s, uint32_t c, int64_t want)
{
    const struct dr_plan_inputs *inputs = division->left.inputs;
    const struct dr_plan_site *site = &inputs->sites[s];
    wide each = dr_plan_yield(inputs, k, c, division->left.quarter);
    wide room = division->room[site->zone];
    wide power = (wide)(inputs->chips[c].busy_w - inputs->chips[c].idle_w) * site->pue_micro;
    wide more = dr_min_i64(want, division->free[s][c]);

    if (((division->left.may[s] >> k) & 1) == 0 || each == 0 || division->need[k] <= 0)
        return 0;
    if (more * each > division->need[k])
        more = (division->need[k] + each - 1) / each;
    if (division->left.tight[site->zone] && more * power > room)
        more = room <= 0 ? 0 : room / power;
    division->use[k][s][c] += (int64_t)more;
    division->free[s][c] -= (int64_t)more;
    division->room[site->zone] -= more * power;
    division->need[k] -= more * each;
    return (int64_t)more;
}

static void keep(struct dr_plan *plan, const struct division *division)
{
    const struct dr_plan_inputs *inputs = division->left.inputs;

    FOR(k, inputs->sectors_count) {
        FOR(s, inputs->sites_count) {
            FOR(c, inputs->chips_count) {
                if (division->use[k][s][c] == 0 || plan->lost_count == DR_PLAN_LOST_MAX)
                    continue; /* the check will miss it */
                plan->lost[plan->lost_count] =
                    (struct dr_plan_lost){.quarter = (uint8_t)division->left.quarter,
                                          .zone = (uint8_t)division->left.zone,
                                          .sector = (uint8_t)k,
                                          .site = (uint8_t)s,
                                          .chip = (uint8_t)c,
                                          .use_milli = division->use[k][s][c]};
                plan->lost_count += 1;
            }
        }
    }
}

static void divide_quarter(struct dr_plan *plan, const struct dr_program *program,
                           const double *values, struct division *division)
{
    const struct left *left = &division->left;
    const struct dr_plan_inputs *inputs = left->inputs;
    const uint32_t *columns = program->lost_use[left->zone][left->quarter];

    prepare(division, plan);
    for (uint32_t column = columns[0]; column < columns[1]; column += 1) {
        const uint16_t *at = program->model.columns[column].place;
        int64_t want = (int64_t)fmax(0, floor(values[column] * program->count_scale * 1000 + 0.5));

        FOR(s, inputs->sites_count) {
            if (left->may[s] != 0 && left->first[s] == at[2])
                want -= place(division, at[1], s, at[3], want);
        }
    }
    /* What the digits that were cut have left open: of whatever is free. */
    FOR(k, inputs->sectors_count) {
        FOR(s, inputs->sites_count) {
            FOR(c, inputs->chips_count)
                place(division, k, s, c, INT64_MAX);
        }
    }
    keep(plan, division);
}

void dr_lost_divide(struct dr_plan *plan, const struct dr_program *program, const double *values)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    struct division *division = malloc(sizeof *division);

    if (division == NULL)
        abort();
    plan->lost_count = 0;
    FOR(t, inputs->quarters_count) {
        FOR(z, inputs->zones_count) {
            if (program->lost_use[z][t][1] == 0)
                continue;
            look(&division->left, inputs, z, t);
            divide_quarter(plan, program, values, division);
        }
    }
    free(division);
}
