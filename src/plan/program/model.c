/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/program/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static void *grown(void *old, uint32_t count, size_t bytes)
{
    void *made = realloc(old, (size_t)count * bytes);

    if (made == NULL)
        abort();
    return made;
}

void dr_model_init(struct dr_model *model)
{
    memset(model, 0, sizeof *model);
}

void dr_model_deinit(struct dr_model *model)
{
    free(model->columns);
    free(model->lower);
    free(model->upper);
    free(model->cost);
    free(model->integer);
    free(model->rows);
    free(model->row_lower);
    free(model->row_upper);
    free(model->starts);
    free(model->entry_rows);
    free(model->entries);
    free(model->came_column);
    free(model->came_row);
    free(model->came_value);
    memset(model, 0, sizeof *model);
}

uint32_t dr_model_column(struct dr_model *model, struct dr_model_name name, double lower,
                         double upper, double cost, int integer)
{
    uint32_t c = model->columns_count;

    if (c == model->columns_room) {
        uint32_t room = model->columns_room = c == 0 ? 4096 : 2 * c;

        model->columns = grown(model->columns, room, sizeof model->columns[0]);
        model->lower = grown(model->lower, room, sizeof model->lower[0]);
        model->upper = grown(model->upper, room, sizeof model->upper[0]);
        model->cost = grown(model->cost, room, sizeof model->cost[0]);
        model->integer = grown(model->integer, room, sizeof model->integer[0]);
    }
    model->columns[c] = name;
    model->lower[c] = lower;
    model->upper[c] = upper;
    model->cost[c] = cost;
    model->integer[c] = (uint8_t)integer;
    model->columns_count += 1;
    return c;
}

uint32_t dr_model_row(struct dr_model *model, struct dr_model_name name, double lower, double upper)
{
    uint32_t r = model->rows_count;

    if (r == model->rows_room) {
        uint32_t room = model->rows_room = r == 0 ? 4096 : 2 * r;

        model->rows = grown(model->rows, room, sizeof model->rows[0]);
        model->row_lower = grown(model->row_lower, room, sizeof model->row_lower[0]);
        model->row_upper = grown(model->row_upper, room, sizeof model->row_upper[0]);
    }
    model->rows[r] = name;
    model->row_lower[r] = lower;
    model->row_upper[r] = upper;
    model->rows_count += 1;
    return r;
}

void dr_model_entry(struct dr_model *model, uint32_t row, uint32_t column, double value)
{
    uint32_t e = model->entries_count;

    DR_ASSERT(row < model->rows_count);
    DR_ASSERT(column < model->columns_count);
    if (value == 0)
        return;
    if (e == model->entries_room) {
        uint32_t room = model->entries_room = e == 0 ? 16384 : 2 * e;

        model->came_column = grown(model->came_column, room, sizeof model->came_column[0]);
        model->came_row = grown(model->came_row, room, sizeof model->came_row[0]);
        model->came_value = grown(model->came_value, room, sizeof model->came_value[0]);
    }
    model->came_column[e] = column;
    model->came_row[e] = row;
    model->came_value[e] = value;
    model->entries_count += 1;
}

/* By column, in the order in which they came; rows come in rising order, so that entries of one
 * place are neighbours and are added up. */
void dr_model_finish(struct dr_model *model)
{
    uint32_t columns = model->columns_count;
    int32_t *at = calloc(columns + 1, sizeof at[0]);
    uint32_t kept = 0;
    int32_t begin = 0;

    if (at == NULL)
        abort();
    model->starts = grown(model->starts, columns + 1, sizeof model->starts[0]);
    model->entry_rows =
        grown(model->entry_rows, model->entries_count + 1, sizeof model->entry_rows[0]);
    model->entries = grown(model->entries, model->entries_count + 1, sizeof model->entries[0]);
    for (uint32_t e = 0; e < model->entries_count; e += 1)
        at[model->came_column[e] + 1] += 1;
    for (uint32_t c = 0; c < columns; c += 1)
        at[c + 1] += at[c];
    memcpy(model->starts, at, (columns + 1) * sizeof at[0]);
    for (uint32_t e = 0; e < model->entries_count; e += 1) {
        int32_t place = at[model->came_column[e]]++;

        model->entry_rows[place] = (int32_t)model->came_row[e];
        model->entries[place] = model->came_value[e];
    }
    for (uint32_t c = 0; c < columns; c += 1) {
        int32_t end = model->starts[c + 1];
        uint32_t first = kept;

        for (int32_t e = begin; e < end; e += 1) {
            if (kept > first && model->entry_rows[kept - 1] == model->entry_rows[e]) {
                model->entries[kept - 1] += model->entries[e];
                continue;
            }
            model->entry_rows[kept] = model->entry_rows[e];
            model->entries[kept] = model->entries[e];
            kept += 1;
        }
        model->starts[c] = (int32_t)first;
        begin = end;
    }
    model->starts[columns] = (int32_t)kept;
    model->entries_count = kept;
    free(at);
    free(model->came_column);
    free(model->came_row);
    free(model->came_value);
    model->came_column = model->came_row = NULL;
    model->came_value = NULL;
    model->entries_room = 0;
}

void dr_model_sums(const struct dr_model *model, const double *values, double *sums)
{
    memset(sums, 0, model->rows_count * sizeof sums[0]);
    for (uint32_t c = 0; c < model->columns_count; c += 1) {
        for (int32_t e = model->starts[c]; e < model->starts[c + 1]; e += 1)
            sums[model->entry_rows[e]] += model->entries[e] * values[c];
    }
}

double dr_model_cost(const struct dr_model *model, const double *values)
{
    double cost = 0;

    for (uint32_t c = 0; c < model->columns_count; c += 1)
        cost += model->cost[c] * values[c];
    return cost;
}
