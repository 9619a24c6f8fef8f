/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/futures/relaxed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "plan/explain/explain.h"

#define MICRO         DR_PLAN_MICRO
#define NOTHING       1e-7
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

/* The number of the inputs that a rule goes by; `other` where that has another width. NULL: the
 * rule is none that may be relaxed. */
static int64_t *number_of(struct dr_plan_inputs *inputs, const struct dr_model_name *row,
                          int64_t *other)
{
    const uint16_t *at = row->place;

    switch ((int)row->kind) {
    case DR_ROW_TARGET:
        return &inputs->targets[at[0]].accelerators;
    case DR_ROW_TARGET_COMPUTE:
        return &inputs->targets[at[0]].compute_micro;
    case DR_ROW_LEAST:
        return &inputs->sectors[at[0]].eased[at[1]];
    case DR_ROW_BUDGET:
        return &inputs->budget[at[0]];
    case DR_ROW_SUPPLY:
        return &inputs->chips[at[0]].supply[at[1]];
    case DR_ROW_GRID:
        return &inputs->zones[at[0]].grid_w[at[1]];
    case DR_ROW_POWER:
        return &inputs->sites[at[0]].power_w;
    case DR_ROW_LOST_LEAST:
        return &inputs->sectors[at[1]].lost_micro;
    case DR_ROW_LOST_GRID:
        return &inputs->zones[at[1]].grid_w[at[2]];
    case DR_ROW_DOMESTIC:
        return &inputs->domestic[at[0]].share_micro;
    case DR_ROW_STARTS:
        *other = inputs->starts_max;
        return other;
    case DR_ROW_SITE_SHARE:
    case DR_ROW_ZONE_SHARE:
    case DR_ROW_VENDOR:
        *other = inputs->share_quarter;
        return other;
    default:
        return NULL;
    }
}

int dr_relaxed_apply(struct dr_plan_inputs *inputs, const struct dr_relaxed *relaxed)
{
    int64_t other = 0, *number = number_of(inputs, &relaxed->row, &other);

    if (number == NULL)
        return 0;
    *number = relaxed->value;
    if (relaxed->row.kind == DR_ROW_STARTS)
        inputs->starts_max = (uint32_t)other;
    else if (number == &other)
        inputs->share_quarter = (int32_t)other;
    return 1;
}

/* Domestic orders of a year as a part of all, by a rule's measure. */
static int64_t domestic_part(const struct dr_program *program, const struct dr_model_name *row,
                             const double *values)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    enum dr_plan_measure measure = inputs->domestic[row->place[0]].measure;
    double all = 0, home = 0;

    FOR(t, inputs->quarters_count) {
        FOR(s, dr_plan_year(inputs, t) == row->place[1] ? inputs->sites_count : 0) {
            FOR(c, inputs->chips_count) {
                uint32_t column = program->buy[s][c][t];
                double amount;

                if (column == DR_NO_COLUMN)
                    continue;
                amount = values[column] * dr_program_unit(program, c);
                amount *= measure == DR_PLAN_BY_VALUE   ? (double)inputs->chips[c].price[t]
                          : measure == DR_PLAN_BY_UNITS ? 1
                                                        : (double)inputs->chips[c].compute_micro;
                all += amount;
                home += inputs->chips[c].domestic ? amount : 0;
            }
        }
    }
    return all > 0 ? (int64_t)(home / all * (double)MICRO) : 0;
}

/* What the rule has to ask for where the program broke it by `slack`, in the program's units. */
static int64_t value_for(const struct dr_program *program, const struct dr_model_name *row,
                         int64_t before, double slack, double margin, const double *values)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    double side = (double)before, counted = slack * program->count_scale, demand;
    uint32_t y = row->place[1];

    switch ((int)row->kind) {
    case DR_ROW_TARGET:
        return dr_max_i64(1, (int64_t)floor(side - counted - margin * side));
    case DR_ROW_TARGET_COMPUTE:
        return dr_max_i64(1, (int64_t)floor(side - counted * (double)MICRO - margin * side));
    case DR_ROW_LEAST:
        demand = (double)inputs->sectors[row->place[0]].demand[row->place[1]];
        return (int64_t)ceil(side + counted + margin * demand);
    case DR_ROW_BUDGET:
        return (int64_t)ceil(side * (1 + margin) + slack * program->money_scale);
    case DR_ROW_SUPPLY:
        return (int64_t)ceil(side * (1 + margin) + counted);
    case DR_ROW_LOST_LEAST:
        demand = fmax(1, (double)inputs->sectors[y].demand[row->place[2]]);
        return dr_max_i64(0, (int64_t)floor(side - (counted / demand + margin) * (double)MICRO));
    case DR_ROW_GRID:
    case DR_ROW_LOST_GRID:
    case DR_ROW_POWER:
        return (int64_t)ceil(side * (1 + margin) + slack * program->power_scale);
    case DR_ROW_STARTS:
        return (int64_t)ceil(side + slack - NOTHING);
    case DR_ROW_DOMESTIC:
        return dr_max_i64(0,
                          domestic_part(program, row, values) - (int64_t)(margin * (double)MICRO));
    case DR_ROW_VENDOR: /* from the first quarter of the year behind */
        return ((inputs->begin / 4 + y + 1) * 4) - inputs->begin;
    default:
        return row->place[1] + 1;
    }
}

/* Is this number of the inputs given in the list already? Its place there, or the next. */
static uint32_t place_of(const struct dr_plan_inputs *inputs, const struct dr_relaxed *list,
                         uint32_t count, const struct dr_model_name *row)
{
    struct dr_plan_inputs *any = (struct dr_plan_inputs *)(uintptr_t)inputs;
    int64_t other = 0, more = 0;

    FOR(i, count) {
        int64_t *a = number_of(any, row, &other), *b = number_of(any, &list[i].row, &more);

        if (a == b || (a == &other && b == &more &&
                       (row->kind == DR_ROW_STARTS) == (list[i].row.kind == DR_ROW_STARTS)))
            return i;
    }
    return count;
}

uint32_t dr_relaxed_find(const struct dr_plan_inputs *inputs, const struct dr_first_stage *first,
                         double margin, struct dr_relaxed relaxed[DR_RELAXED_MAX])
{
    struct dr_plan_inputs *any = (struct dr_plan_inputs *)(uintptr_t)inputs;
    struct dr_program *program = calloc(1, sizeof *program);
    uint32_t count = 0;
    double *values;
    int mended;

    if (program == NULL)
        abort();
    dr_program_init(program, inputs, dr_explain_softened(inputs->relax, inputs->relax_count));
    values = calloc(program->model.columns_count, sizeof values[0]);
    if (values == NULL)
        abort();
    mended = (first == NULL || dr_first_stage_hold(program, first)) &&
             dr_explain_soften(program, inputs->relax, inputs->relax_count, values);
    for (uint32_t c = 0; c < program->model.columns_count && mended; c += 1) {
        const struct dr_model_name *name = &program->model.columns[c];
        const struct dr_model_name *row;
        struct dr_relaxed *one;
        int64_t other = 0, before, value;
        uint32_t place;

        if (name->kind != DR_COLUMN_SLACK || values[c] < NOTHING)
            continue;
        row = &program->model.rows[name->place[0] | (uint32_t)name->place[1] << 16];
        place = place_of(inputs, relaxed, count, row);
        if (place == DR_RELAXED_MAX)
            continue;
        before = *number_of(any, row, &other);
        value = value_for(program, row, before, values[c], margin, values);
        one = &relaxed[place];
        if (place < count && (value > before ? value <= one->value : value >= one->value))
            continue;
        *one = (struct dr_relaxed){.row = *row, .value = value, .before = before};
        count += place == count;
    }
    dr_program_deinit(program);
    free(program);
    free(values);
    return count;
}

const char *dr_relaxed_words(const struct dr_program *program, const struct dr_relaxed *relaxed,
                             char text[400])
{
    const struct dr_plan_inputs *inputs = program->inputs;
    char rule[300], quarter[DR_QUARTER_BYTES];
    double value = (double)relaxed->value, before = (double)relaxed->before;

    /* Any row of that name will do for its words. */
    FOR(r, program->model.rows_count) {
        if (memcmp(&program->model.rows[r], &relaxed->row, sizeof relaxed->row) != 0)
            continue;
        dr_program_row_words(program, r, rule);
        switch ((int)relaxed->row.kind) {
        case DR_ROW_LEAST:
            snprintf(text, 400, "%s: %.0f units less", rule, value - before);
            return text;
        case DR_ROW_DOMESTIC:
        case DR_ROW_LOST_LEAST:
            snprintf(text, 400, "%s: %.2f %% (was %.2f)", rule, value / 1e4, before / 1e4);
            return text;
        case DR_ROW_BUDGET:
        case DR_ROW_TARGET_COMPUTE:
            snprintf(text, 400, "%s: %.1f%s (was %.1f)", rule, value / 1e6,
                     relaxed->row.kind == DR_ROW_BUDGET ? " M" : "", before / 1e6);
            return text;
        case DR_ROW_GRID:
        case DR_ROW_LOST_GRID:
        case DR_ROW_POWER:
            snprintf(text, 400, "%s: %.3f MW (was %.3f)", rule, value / 1e6, before / 1e6);
            return text;
        case DR_ROW_SITE_SHARE:
        case DR_ROW_ZONE_SHARE:
        case DR_ROW_VENDOR:
            snprintf(text, 400, "%s: not before %s", rule,
                     dr_format_quarter(inputs->begin + relaxed->value, quarter));
            return text;
        default:
            snprintf(text, 400, "%s: %" PRId64 " (was %" PRId64 ")", rule, relaxed->value,
                     relaxed->before);
            return text;
        }
    }
    snprintf(text, 400, "a rule that this scenario has not");
    return text;
}
