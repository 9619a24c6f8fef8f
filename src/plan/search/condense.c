/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/search/condense.h"

#include <stdlib.h>
#include <string.h>

#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

/* The column's entry in a DEMAND row; -1: it hasn't just one. */
static int32_t demand_entry(const struct dr_model *model, uint32_t column)
{
    int32_t found = -1;

    for (int32_t e = model->starts[column]; e < model->starts[column + 1]; e += 1) {
        if (model->rows[model->entry_rows[e]].kind != DR_ROW_DEMAND)
            continue;
        if (found >= 0)
            return -1;
        found = e;
    }
    return found;
}

/* Alike but for their entries in DEMAND rows, `skip_a` and `skip_b`. Entries come in the order in
 * which rows were made, the same for both. */
static int alike(const struct dr_model *model, uint32_t a, int32_t skip_a, uint32_t b,
                 int32_t skip_b)
{
    int32_t i = model->starts[a], j = model->starts[b];

    for (;; i += 1, j += 1) {
        i += i == skip_a;
        j += j == skip_b;
        if (i == model->starts[a + 1] || j == model->starts[b + 1])
            return i == model->starts[a + 1] && j == model->starts[b + 1];
        if (model->entry_rows[i] != model->entry_rows[j] || model->entries[i] != model->entries[j])
            return 0;
    }
}

/* The sectors that are given this chip here; 0 where the columns are not as condense.h says. */
static uint32_t sectors_of(const struct dr_program *program, uint32_t s, uint32_t c, uint32_t t)
{
    const struct dr_model *model = &program->model;
    uint32_t sectors = 0, first = DR_NO_COLUMN;
    int32_t first_entry = -1;

    FOR(k, program->inputs->sectors_count) {
        uint32_t column = program->use[k][s][c][t];
        int32_t entry;

        if (column == DR_NO_COLUMN)
            continue;
        entry = demand_entry(model, column);
        if (entry < 0 || model->cost[column] != 0 || model->integer[column] ||
            model->lower[column] != 0 || isfinite(model->upper[column]))
            return 0;
        if (first == DR_NO_COLUMN) {
            first = column;
            first_entry = entry;
        } else if (!alike(model, first, first_entry, column, entry)) {
            return 0;
        }
        sectors |= 1U << k;
    }
    return sectors;
}

/* Is a unit of this chip's as good for every sector's work at one site as at the other? */
static int same_work(const struct dr_program *program, uint32_t sectors, uint32_t a, uint32_t b,
                     uint32_t c, uint32_t t)
{
    const struct dr_model *model = &program->model;

    FOR(k, program->inputs->sectors_count) {
        int32_t first, second;

        if (((sectors >> k) & 1) == 0)
            continue;
        first = demand_entry(model, program->use[k][a][c][t]);
        second = demand_entry(model, program->use[k][b][c][t]);
        if (model->entry_rows[first] != model->entry_rows[second] ||
            model->entries[first] != model->entries[second])
            return 0;
    }
    return 1;
}

static uint32_t bits(uint32_t value)
{
    return (uint32_t)__builtin_popcount(value);
}

/* Sites of one kind, from `s` on, that no kind has yet. */
static void find_kind(struct dr_condensed *condensed, uint32_t sectors[DR_PLAN_SITES_MAX],
                      uint32_t s, uint32_t c, uint32_t t)
{
    const struct dr_program *program = condensed->program;
    struct dr_condensed_kind *kind = &condensed->kinds[condensed->kinds_count];
    uint32_t own = sectors[s], count = 0;

    kind->cells_begin = condensed->cells_count;
    for (uint32_t other = s; other < program->inputs->sites_count; other += 1) {
        if (sectors[other] != own || !same_work(program, own, s, other, c, t))
            continue;
        condensed->cells[condensed->cells_count + count].site = other;
        count += 1;
    }
    if (own == 0 || count * bits(own) <= count + bits(own))
        return; /* nothing is gained */
    FOR(i, count)
        sectors[condensed->cells[condensed->cells_count + i].site] = 0;
    condensed->cells_count += count;
    kind->cells_end = condensed->cells_count;
    kind->sectors = own;
    kind->chip = (uint16_t)c;
    kind->quarter = (uint16_t)t;
    FOR(k, program->inputs->sectors_count) {
        FOR(i, ((own >> k) & 1) != 0 ? count : 0)
            condensed->place[program->use[k][condensed->cells[kind->cells_begin + i].site][c][t]] =
                DR_NO_COLUMN;
    }
    condensed->kinds_count += 1;
}

static void find_kinds(struct dr_condensed *condensed)
{
    const struct dr_program *program = condensed->program;
    const struct dr_plan_inputs *inputs = program->inputs;

    FOR(c, inputs->chips_count) {
        FOR(t, inputs->quarters_count) {
            uint32_t sectors[DR_PLAN_SITES_MAX];

            FOR(s, inputs->sites_count)
                sectors[s] = sectors_of(program, s, c, t);
            FOR(s, inputs->sites_count) {
                if (sectors[s] != 0)
                    find_kind(condensed, sectors, s, c, t);
            }
        }
    }
}

static void copy_entries(struct dr_condensed *condensed, uint32_t to, int32_t begin, int32_t end,
                         int32_t skip)
{
    const struct dr_model *full = &condensed->program->model;

    for (int32_t e = begin; e < end; e += 1) {
        if (e != skip)
            dr_model_entry(&condensed->model, (uint32_t)full->entry_rows[e], to, full->entries[e]);
    }
}

/* What each site gives out, what each sector is given, and that they come to the same. */
static void add_kind(struct dr_condensed *condensed, struct dr_condensed_kind *kind)
{
    const struct dr_program *program = condensed->program;
    const struct dr_model *full = &program->model;
    struct dr_model *model = &condensed->model;
    struct dr_model_name name = {.kind = DR_COLUMN_USE};
    uint32_t first_site = condensed->cells[kind->cells_begin].site;
    uint32_t first = (uint32_t)__builtin_ctz(kind->sectors), row;

    name.place[0] = DR_NOWHERE;
    row = dr_model_row(model, (struct dr_model_name){.kind = DR_ROW_GIVE}, 0, 0);
    for (uint32_t i = kind->cells_begin; i < kind->cells_end; i += 1) {
        struct dr_condensed_cell *cell = &condensed->cells[i];
        uint32_t from = program->use[first][cell->site][kind->chip][kind->quarter];

        cell->given = dr_model_column(model, name, 0, DR_INFINITY, 0, 0);
        copy_entries(condensed, cell->given, full->starts[from], full->starts[from + 1],
                     demand_entry(full, from));
        dr_model_entry(model, row, cell->given, 1);
    }
    kind->use = model->columns_count;
    FOR(k, program->inputs->sectors_count) {
        uint32_t from, to;
        int32_t entry;

        if (((kind->sectors >> k) & 1) == 0)
            continue;
        from = program->use[k][first_site][kind->chip][kind->quarter];
        entry = demand_entry(full, from);
        to = dr_model_column(model, full->columns[from], 0, DR_INFINITY, 0, 0);
        copy_entries(condensed, to, entry, entry + 1, -1);
        dr_model_entry(model, row, to, -1);
    }
}

void dr_condensed_init(struct dr_condensed *condensed, const struct dr_program *program)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    const struct dr_model *full = &program->model;
    size_t cells = (size_t)inputs->sites_count * inputs->chips_count * inputs->quarters_count;

    memset(condensed, 0, sizeof *condensed);
    condensed->program = program;
    condensed->place = calloc(full->columns_count + 1, sizeof condensed->place[0]);
    condensed->kinds = calloc(cells + 1, sizeof condensed->kinds[0]);
    condensed->cells = calloc(cells + inputs->sites_count, sizeof condensed->cells[0]);
    if (condensed->place == NULL || condensed->kinds == NULL || condensed->cells == NULL)
        abort();
    dr_model_init(&condensed->model);
    find_kinds(condensed);
    FOR(r, full->rows_count)
        dr_model_row(&condensed->model, full->rows[r], full->row_lower[r], full->row_upper[r]);
    FOR(c, full->columns_count) {
        if (condensed->place[c] == DR_NO_COLUMN)
            continue;
        condensed->place[c] = dr_model_column(&condensed->model, full->columns[c], full->lower[c],
                                              full->upper[c], full->cost[c], full->integer[c]);
        copy_entries(condensed, condensed->place[c], full->starts[c], full->starts[c + 1], -1);
    }
    FOR(i, condensed->kinds_count)
        add_kind(condensed, &condensed->kinds[i]);
    dr_model_finish(&condensed->model);
}

void dr_condensed_deinit(struct dr_condensed *condensed)
{
    dr_model_deinit(&condensed->model);
    free(condensed->place);
    free(condensed->kinds);
    free(condensed->cells);
    memset(condensed, 0, sizeof *condensed);
}

void dr_condensed_expand(const struct dr_condensed *condensed, const double *values, double *full)
{
    const struct dr_program *program = condensed->program;

    FOR(c, program->model.columns_count)
        full[c] = condensed->place[c] == DR_NO_COLUMN ? 0 : values[condensed->place[c]];
    FOR(i, condensed->kinds_count) {
        const struct dr_condensed_kind *kind = &condensed->kinds[i];
        double all = 0;

        for (uint32_t at = kind->cells_begin; at < kind->cells_end; at += 1)
            all += values[condensed->cells[at].given];
        for (uint32_t at = kind->cells_begin; at < kind->cells_end && all > 0; at += 1) {
            const struct dr_condensed_cell *cell = &condensed->cells[at];
            uint32_t use = kind->use;

            FOR(k, program->inputs->sectors_count) {
                if (((kind->sectors >> k) & 1) == 0)
                    continue;
                full[program->use[k][cell->site][kind->chip][kind->quarter]] =
                    values[use] * values[cell->given] / all;
                use += 1;
            }
        }
    }
}
