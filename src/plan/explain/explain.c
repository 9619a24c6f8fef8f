/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/explain/explain.h"

#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "base/sort.h"

#define MICRO         1e6
#define NOTHING       1e-7
#define STEP          0.01 /* of what a rule allows or asks for: how much it gives to find its price */
#define SMALLEST      1e-6 /* of what its duals say: less is the solver's last digits */
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

/* ---- units ---- */

double dr_explain_unit(const struct dr_program *program, uint32_t row, const char **unit)
{
    switch ((enum dr_plan_row)program->model.rows[row].kind) {
    case DR_ROW_POWER:
    case DR_ROW_GRID:
    case DR_ROW_LOST_GRID:
        *unit = "MW";
        return program->power_scale / 1e6;
    case DR_ROW_BUDGET:
        *unit = "M of budget";
        return program->money_scale / 1e6;
    case DR_ROW_STARTS:
        *unit = "phase";
        return 1;
    case DR_ROW_LEAST:
    case DR_ROW_DEMAND:
    case DR_ROW_LOST_SUM:
    case DR_ROW_LOST_LEAST:
        *unit = "unit of work";
        return program->count_scale;
    case DR_ROW_TARGET_COMPUTE:
        *unit = "unit of compute";
        return program->count_scale;
    case DR_ROW_DOMESTIC:
        switch (program->inputs->domestic[program->model.rows[row].place[0]].measure) {
        case DR_PLAN_BY_VALUE:
            *unit = "M of orders";
            return program->money_scale / 1e6;
        case DR_PLAN_BY_UNITS:
            *unit = "accelerator";
            return program->count_scale;
        case DR_PLAN_BY_COMPUTE:
            *unit = "unit of compute";
            return program->count_scale;
        }
        break;
    case DR_ROW_VENDOR:
        *unit = "M of orders";
        return program->money_scale / 1e6;
    case DR_ROW_SUPPLY:
    case DR_ROW_TARGET:
    case DR_ROW_SITE_SHARE:
    case DR_ROW_ZONE_SHARE:
    case DR_ROW_HAVE:
    case DR_ROW_GIVE:
    case DR_ROW_DRAWN:
    case DR_ROW_HIGHEST:
    case DR_ROW_ORDER_MIN:
    case DR_ROW_STAYS:
    case DR_ROW_AFTER:
    case DR_ROW_SPENDING:
    case DR_ROW_STEADY_UP:
    case DR_ROW_STEADY_DOWN:
    case DR_ROW_ALL:
    case DR_ROW_COMPUTED:
    case DR_ROW_LOST_GIVE:
    case DR_ROW_COUNT:
        break;
    }
    *unit = "accelerator";
    return program->count_scale;
}

static uint64_t rows_of(enum dr_plan_relax kind)
{
    static const uint64_t ROWS[] = {
#define RELAX_ROWS(name, word, a, b, c) \
    UINT64_C(1) << DR_ROW_##a | UINT64_C(1) << DR_ROW_##b | UINT64_C(1) << DR_ROW_##c,
        DR_PLAN_RELAXES(RELAX_ROWS)
#undef RELAX_ROWS
    };

    return ROWS[kind];
}

/* ---- what binds ---- */

static void hold(const struct dr_program *program, const double *values, double *lower,
                 double *upper)
{
    const struct dr_model *model = &program->model;

    memcpy(lower, model->lower, model->columns_count * sizeof lower[0]);
    memcpy(upper, model->upper, model->columns_count * sizeof upper[0]);
    FOR(c, model->columns_count) {
        /* Orders in whole lots may move, or nothing would have a price. */
        if (model->integer[c] && model->columns[c].kind != DR_COLUMN_BUY)
            lower[c] = upper[c] = round(values[c]);
    }
}

static int most_first(const void *a, const void *b, const void *context)
{
    const struct dr_binding *first = a, *second = b;

    (void)context;
    if (first->stake != second->stake)
        return first->stake > second->stake ? -1 : 1;
    return first->row < second->row ? -1 : first->row > second->row;
}

/* What a row comes to without what it is held against. */
static void add_parts(const struct dr_model *model, const double *values, double *parts)
{
    memset(parts, 0, model->rows_count * sizeof parts[0]);
    FOR(c, model->columns_count) {
        for (int32_t e = model->starts[c]; e < model->starts[c + 1]; e += 1)
            parts[model->entry_rows[e]] += fmax(0, model->entries[e] * values[c]);
    }
}

/* All that was ordered in a year, in the units of a share's row. */
static double ordered(const struct dr_program *program, const double *values, uint32_t y,
                      enum dr_plan_measure measure)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    double sum = 0;

    FOR(t, inputs->quarters_count) {
        FOR(s, dr_plan_year(inputs, t) == y ? inputs->sites_count : 0) {
            FOR(c, inputs->chips_count) {
                uint32_t column = program->buy[s][c][t];
                double count =
                    column == DR_NO_COLUMN ? 0 : values[column] * dr_program_unit(program, c);

                switch (measure) {
                case DR_PLAN_BY_VALUE:
                    sum += count * (double)inputs->chips[c].price[t] / program->money_scale;
                    break;
                case DR_PLAN_BY_UNITS:
                    sum += count / program->count_scale;
                    break;
                case DR_PLAN_BY_COMPUTE:
                    sum += count * (double)inputs->chips[c].compute_micro / MICRO /
                           program->count_scale;
                    break;
                }
            }
        }
    }
    return sum;
}

/* What one of people's units more is of a row's side. Of a share that is a hundredth of the whole,
 * of large budgets a thousand million. */
static double one_more(const struct dr_program *program, const double *values, uint32_t row,
                       const char **unit)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    const struct dr_model_name *name = &program->model.rows[row];

    switch ((int)name->kind) {
    case DR_ROW_DOMESTIC:
        *unit = "percentage point";
        return ordered(program, values, name->place[1], inputs->domestic[name->place[0]].measure) /
               100;
    case DR_ROW_VENDOR:
        *unit = "percentage point";
        return ordered(program, values, name->place[1], DR_PLAN_BY_VALUE) / 100;
    case DR_ROW_SITE_SHARE:
    case DR_ROW_ZONE_SHARE:
        *unit = "percentage point";
        return values[program->total[name->place[1]]] / 100;
    case DR_ROW_BUDGET:
        FOR(y, inputs->years_count) {
            if (inputs->budget[y] != INT64_MAX && inputs->budget[y] >= INT64_C(1000000000000)) {
                *unit = "1,000 M of budget";
                return 1e9 / program->money_scale;
            }
        }
        break;
    default:
        break;
    }
    return 1 / dr_explain_unit(program, row, unit);
}

static int is_asked(enum dr_plan_row kind)
{
    return kind == DR_ROW_DOMESTIC || kind == DR_ROW_TARGET || kind == DR_ROW_TARGET_COMPUTE ||
           kind == DR_ROW_LEAST || kind == DR_ROW_LOST_LEAST;
}

uint32_t dr_explain_binding(const struct dr_program *program, struct dr_solver *solver,
                            const double *values, struct dr_binding bindings[DR_BINDING_MAX])
{
    const struct dr_model *model = &program->model;
    double *lower = malloc(model->columns_count * sizeof lower[0]);
    double *upper = malloc(model->columns_count * sizeof upper[0]);
    double *solved = malloc(model->columns_count * sizeof solved[0]);
    double *duals = malloc(model->rows_count * sizeof duals[0]);
    double *parts = malloc(model->rows_count * sizeof parts[0]);
    struct dr_binding *all = malloc(model->rows_count * sizeof all[0]);
    struct dr_solver_limits limits = {0};
    struct dr_solver_answer answer;
    uint64_t wanted = 0;
    uint32_t count = 0;

    if (lower == NULL || upper == NULL || solved == NULL || duals == NULL || parts == NULL ||
        all == NULL)
        abort();
    FOR(i, DR_PLAN_RELAX_COUNT)
        wanted |= rows_of((enum dr_plan_relax)i);
    hold(program, values, lower, upper);
    answer = dr_solver_lp(solver, lower, upper, NULL, &limits, solved, duals, NULL);
    if (answer.result == DR_SOLVER_OPTIMAL)
        add_parts(model, solved, parts);
    for (uint32_t r = 0; r < model->rows_count && answer.result == DR_SOLVER_OPTIMAL; r += 1) {
        double price = fabs(duals[r]) * program->money_scale;
        const char *unit;

        if (((wanted >> model->rows[r].kind) & 1) == 0 || fabs(duals[r]) < NOTHING)
            continue;
        all[count].row = r;
        all[count].worth = price * one_more(program, solved, r, &unit);
        all[count].unit = unit;
        all[count].asked = is_asked((enum dr_plan_row)model->rows[r].kind);
        all[count].stake = price * parts[r];
        count += all[count].worth > 0;
    }
    dr_sort(all, count, sizeof all[0], most_first, NULL);
    count = count < DR_BINDING_MAX ? count : DR_BINDING_MAX;
    memcpy(bindings, all, count * sizeof all[0]);
    free(lower);
    free(upper);
    free(solved);
    free(duals);
    free(parts);
    free(all);
    return count;
}

/* ---- added up ---- */

static int same_rule(const struct dr_program *program, uint32_t a, uint32_t b)
{
    const struct dr_model_name *first = &program->model.rows[a], *second = &program->model.rows[b];
    int is_year;
    uint32_t places = 0;

    if (first->kind != second->kind || dr_program_row_time(program, a, &is_year) < 0)
        return a == b;
    while (places < DR_COUNT_OF(first->place) && first->place[places] != DR_NOWHERE)
        places += 1;
    return memcmp(first->place, second->place, (places - 1) * sizeof first->place[0]) == 0;
}

static int dearest_first(const void *a, const void *b, const void *context)
{
    const struct dr_price *first = a, *second = b;

    (void)context;
    if (first->stake != second->stake)
        return first->stake > second->stake ? -1 : 1;
    return first->row < second->row ? -1 : first->row > second->row;
}

/* By rule and place; worth is the sum of the duals' yet. How many. */
static uint32_t group(const struct dr_program *program, const struct dr_binding *bindings,
                      uint32_t count, struct dr_price *prices, uint32_t *price_of)
{
    double *dearest = calloc(count + 1, sizeof dearest[0]);
    uint32_t made = 0;
    int is_year;

    if (dearest == NULL)
        abort();
    FOR(i, count) {
        const struct dr_binding *one = &bindings[i];
        int32_t time = dr_program_row_time(program, one->row, &is_year);
        uint32_t at = 0;

        while (at < made && !same_rule(program, prices[at].row, one->row))
            at += 1;
        if (at == made) {
            prices[at] = (struct dr_price){.row = one->row,
                                           .first_row = one->row,
                                           .last_row = one->row,
                                           .unit = one->unit,
                                           .asked = one->asked};
            made += 1;
        }
        if (time < dr_program_row_time(program, prices[at].first_row, &is_year))
            prices[at].first_row = one->row;
        if (time > dr_program_row_time(program, prices[at].last_row, &is_year))
            prices[at].last_row = one->row;
        if (one->worth > dearest[at]) {
            dearest[at] = one->worth;
            prices[at].row = one->row;
        }
        prices[at].count += 1;
        price_of[i] = at;
    }
    free(dearest);
    return made;
}

/* A program whose rules may be given more: rows and columns are those of the other, with columns of
 * slack behind them. */
struct softened {
    struct dr_program program;
    struct dr_solver *solver;
    double *lower, *upper, *values, *parts;
    uint32_t *slack; /* [rows] */
};

static enum dr_status soften(struct softened *softened, const struct dr_program *program,
                             const double *values, struct dr_error *error)
{
    const struct dr_model *model = &softened->program.model;
    uint64_t wanted = 0;

    memset(softened, 0, sizeof *softened);
    FOR(i, DR_PLAN_RELAX_COUNT)
        wanted |= rows_of((enum dr_plan_relax)i);
    dr_program_init(&softened->program, program->inputs, wanted);
    softened->lower = calloc(model->columns_count, sizeof softened->lower[0]);
    softened->upper = calloc(model->columns_count, sizeof softened->upper[0]);
    softened->values = calloc(model->columns_count, sizeof softened->values[0]);
    softened->parts = calloc(model->rows_count, sizeof softened->parts[0]);
    softened->slack = calloc(model->rows_count, sizeof softened->slack[0]);
    if (softened->lower == NULL || softened->upper == NULL || softened->values == NULL ||
        softened->parts == NULL || softened->slack == NULL)
        abort();
    memcpy(softened->values, values, program->model.columns_count * sizeof values[0]);
    hold(&softened->program, softened->values, softened->lower, softened->upper);
    FOR(c, model->columns_count) {
        const uint16_t *at = model->columns[c].place;

        if (model->columns[c].kind != DR_COLUMN_SLACK)
            continue;
        softened->upper[c] = 0;
        softened->slack[at[0] | (uint32_t)at[1] << 16] = c;
    }
    return dr_solver_open(&softened->solver, model, NULL, error);
}

static void harden(struct softened *softened)
{
    dr_solver_close(softened->solver);
    dr_program_deinit(&softened->program);
    free(softened->lower);
    free(softened->upper);
    free(softened->values);
    free(softened->parts);
    free(softened->slack);
}

/* In the currency; HUGE_VAL: not solved. `values` NULL: not wanted. */
static double cost_of(struct dr_solver *solver, const struct dr_program *program,
                      const double *lower, const double *upper, double *values)
{
    struct dr_solver_limits limits = {0};
    struct dr_solver_answer answer =
        dr_solver_lp(solver, lower, upper, NULL, &limits, values, NULL, NULL);

    return answer.result == DR_SOLVER_OPTIMAL ? answer.cost * program->money_scale : HUGE_VAL;
}

/* By what a price's rows are given more: a hundredth of the largest of them, or, where they allow
 * nothing (a site without power), a thousandth of the largest of their kind; in people's units. */
static double step_of(const struct softened *softened, const struct dr_binding *bindings,
                      const uint32_t *price_of, uint32_t count, uint32_t price)
{
    const struct dr_model *model = &softened->program.model;
    double own = 0, any = 0, one = 1;
    const char *unit;

    FOR(i, count) {
        uint32_t row = bindings[i].row;

        if (price_of[i] != price)
            continue;
        own = fmax(own, softened->parts[row]);
        one = one_more(&softened->program, softened->values, row, &unit);
        FOR(r, own > 0 ? 0 : model->rows_count)
            any = fmax(any, model->rows[r].kind == model->rows[row].kind ? softened->parts[r] : 0);
    }
    own = own > 0 ? STEP * own : STEP / 10 * any;
    return own > 0 ? own / one : 1;
}

/* What one more at all of a price's rows saves, by what a little more saves. */
static double one_saves(struct softened *softened, const struct dr_binding *bindings,
                        const uint32_t *price_of, uint32_t count, uint32_t price, double before)
{
    double times = step_of(softened, bindings, price_of, count, price), after;
    const char *unit;

    FOR(i, count) {
        uint32_t row = bindings[i].row;

        if (price_of[i] == price)
            softened->upper[softened->slack[row]] =
                times * one_more(&softened->program, softened->values, row, &unit);
    }
    after = cost_of(softened->solver, &softened->program, softened->lower, softened->upper, NULL);
    FOR(i, count) {
        if (price_of[i] == price)
            softened->upper[softened->slack[bindings[i].row]] = 0;
    }
    return (before - after) / times;
}

enum dr_status dr_explain_prices(const struct dr_program *program, const double *values,
                                 const struct dr_binding *bindings, uint32_t count,
                                 struct dr_price *prices, uint32_t *prices_count,
                                 struct dr_error *error)
{
    uint32_t *price_of = calloc(count + 1, sizeof price_of[0]);
    struct softened softened;
    enum dr_status status = soften(&softened, program, values, error);
    double before = HUGE_VAL;
    uint32_t made = 0, kept = 0;

    if (price_of == NULL)
        abort();
    if (status == DR_OK)
        before = cost_of(softened.solver, program, softened.lower, softened.upper, softened.values);
    if (isfinite(before)) {
        add_parts(&softened.program.model, softened.values, softened.parts);
        made = group(program, bindings, count, prices, price_of);
    }
    FOR(i, made) {
        double duals = 0;

        prices[i].worth = one_saves(&softened, bindings, price_of, count, i, before);
        prices[i].stake = 0;
        FOR(b, count) {
            duals += price_of[b] == i ? bindings[b].worth : 0;
            prices[i].stake += price_of[b] == i ? bindings[b].stake : 0;
        }
        prices[i].stake *= prices[i].worth / duals;
        if (isfinite(prices[i].worth) && prices[i].worth > SMALLEST * duals)
            prices[kept++] = prices[i];
    }
    dr_sort(prices, kept, sizeof prices[0], dearest_first, NULL);
    *prices_count = kept;
    harden(&softened);
    free(price_of);
    return status;
}

/* ---- not begun ---- */

/* A phase is free between never and at once, but has to be begun by the end. */
static void force(const struct dr_program *program, uint32_t s, uint32_t p, double *lower,
                  double *upper)
{
    uint32_t last = program->inputs->quarters_count - 1;

    FOR(t, last + 1) {
        uint32_t column = program->phase[s][p][t];

        if (column == DR_NO_COLUMN)
            continue;
        lower[column] = t == last;
        upper[column] = 1;
    }
}

/* Begun in the quarter by which the larger part of it was. */
static uint32_t begin_whole(const struct dr_program *program, uint32_t s, uint32_t p,
                            const double *values, double *lower, double *upper)
{
    uint32_t last = program->inputs->quarters_count - 1, quarter = last;

    FOR(back, last + 1) {
        uint32_t t = last - back, column = program->phase[s][p][t];

        if (column == DR_NO_COLUMN)
            continue;
        lower[column] = upper[column] = values[column] > 0.5;
        quarter = values[column] > 0.5 ? t : quarter;
    }
    lower[program->phase[s][p][last]] = upper[program->phase[s][p][last]] = 1;
    return quarter;
}

static void begin_never(const struct dr_program *program, uint32_t s, uint32_t p, double *lower,
                        double *upper)
{
    FOR(t, program->inputs->quarters_count) {
        uint32_t column = program->phase[s][p][t];

        if (column != DR_NO_COLUMN)
            lower[column] = upper[column] = 0;
    }
}

/* The first phase of a site that the plan does not begin; DR_NO_COLUMN: none. */
static uint32_t next_phase(const struct dr_program *program, uint32_t s, const double *values)
{
    const struct dr_plan_site *site = &program->inputs->sites[s];

    FOR(p, site->phases_count) {
        uint32_t end = program->phase[s][p][program->inputs->quarters_count - 1];

        if (!site->phases[p].begun && (end == DR_NO_COLUMN || values[end] < 0.5))
            return end == DR_NO_COLUMN ? DR_NO_COLUMN : p; /* later ones wait for this one */
    }
    return DR_NO_COLUMN;
}

uint32_t dr_explain_not_begun(const struct dr_program *program, struct dr_solver *solver,
                              const double *values, struct dr_not_begun *phases,
                              uint32_t phases_max)
{
    const struct dr_model *model = &program->model;
    double *lower = malloc(model->columns_count * sizeof lower[0]);
    double *upper = malloc(model->columns_count * sizeof upper[0]);
    double *solved = malloc(model->columns_count * sizeof solved[0]);
    uint32_t count = 0;
    double before;

    if (lower == NULL || upper == NULL || solved == NULL)
        abort();
    hold(program, values, lower, upper);
    before = cost_of(solver, program, lower, upper, NULL);
    FOR(s, isfinite(before) ? program->inputs->sites_count : 0) {
        uint32_t p = next_phase(program, s, values), quarter;
        double after;

        if (p == DR_NO_COLUMN || count == phases_max)
            continue;
        force(program, s, p, lower, upper);
        after = cost_of(solver, program, lower, upper, solved);
        if (isfinite(after)) {
            quarter = begin_whole(program, s, p, solved, lower, upper);
            after = cost_of(solver, program, lower, upper, NULL);
        }
        if (isfinite(after)) {
            phases[count] = (struct dr_not_begun){s, p, quarter, after - before};
            count += 1;
        }
        begin_never(program, s, p, lower, upper);
    }
    free(lower);
    free(upper);
    free(solved);
    return count;
}

/* ---- kinds of rules ---- */

uint64_t dr_explain_softened(const uint8_t *kinds, uint32_t count)
{
    uint64_t soften = 0;

    FOR(i, count)
        soften |= rows_of((enum dr_plan_relax)kinds[i]);
    return soften;
}
