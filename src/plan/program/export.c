/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/program/export.h"

#include <ctype.h>
#include <stdlib.h>

#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

/* E, L or G, by which of a row's sides are there; none of ours has two that differ. */
static char sense(const struct dr_model *model, uint32_t row)
{
    if (model->row_lower[row] == model->row_upper[row])
        return 'E';
    return isfinite(model->row_upper[row]) ? 'L' : 'G';
}

static double side(const struct dr_model *model, uint32_t row)
{
    return isfinite(model->row_upper[row]) ? model->row_upper[row] : model->row_lower[row];
}

void dr_export_mps(const struct dr_program *program, FILE *file)
{
    const struct dr_model *model = &program->model;
    char column[300], row[300];
    int integer = 0;

    fprintf(file, "NAME %s FREE\nROWS\n N COST\n", program->inputs->name);
    FOR(r, model->rows_count)
        fprintf(file, " %c %s\n", sense(model, r), dr_program_row_name(program, r, row));
    fprintf(file, "COLUMNS\n");
    FOR(c, model->columns_count) {
        if (model->integer[c] != integer)
            fprintf(file, " M%u 'MARKER' '%s'\n", c, integer ? "INTEND" : "INTORG");
        integer = model->integer[c];
        dr_program_column_name(program, c, column);
        if (model->cost[c] != 0 || model->starts[c] == model->starts[c + 1])
            fprintf(file, " %s COST %.17g\n", column, model->cost[c]);
        for (int32_t e = model->starts[c]; e < model->starts[c + 1]; e += 1)
            fprintf(file, " %s %s %.17g\n", column,
                    dr_program_row_name(program, (uint32_t)model->entry_rows[e], row),
                    model->entries[e]);
    }
    if (integer)
        fprintf(file, " MLAST 'MARKER' 'INTEND'\n");
    fprintf(file, "RHS\n");
    FOR(r, model->rows_count) {
        if (side(model, r) != 0)
            fprintf(file, " RHS %s %.17g\n", dr_program_row_name(program, r, row), side(model, r));
    }
    fprintf(file, "BOUNDS\n");
    FOR(c, model->columns_count) {
        dr_program_column_name(program, c, column);
        if (isfinite(model->upper[c]))
            fprintf(file, " UP BND %s %.17g\n", column, model->upper[c]);
        if (model->lower[c] != 0)
            fprintf(file, " LO BND %s %.17g\n", column, model->lower[c]);
    }
    fprintf(file, "ENDATA\n");
}

/* An LP file takes no '(' ',' or ')' here, and '-' would be a minus. */
static const char *plain(char text[300])
{
    for (char *at = text; *at != '\0'; at += 1) {
        if (!isalnum((unsigned char)*at))
            *at = '_';
    }
    return text;
}

static void put_term(FILE *file, double value, const char *name, uint32_t *width)
{
    *width += (uint32_t)fprintf(file, " %s %.17g %s", value < 0 ? "-" : "+", fabs(value), name);
    if (*width > 200) {
        fprintf(file, "\n");
        *width = 0;
    }
}

struct by_row {
    uint32_t *starts; /* [rows + 1] */
    uint32_t *columns;
    double *values;
};

static struct by_row turn(const struct dr_model *model)
{
    struct by_row by = {calloc(model->rows_count + 2, sizeof by.starts[0]),
                        calloc(model->entries_count + 1, sizeof by.columns[0]),
                        calloc(model->entries_count + 1, sizeof by.values[0])};

    if (by.starts == NULL || by.columns == NULL || by.values == NULL)
        abort();
    FOR(e, model->entries_count)
        by.starts[model->entry_rows[e] + 2] += 1;
    FOR(r, model->rows_count)
        by.starts[r + 1] += by.starts[r];
    FOR(c, model->columns_count) {
        for (int32_t e = model->starts[c]; e < model->starts[c + 1]; e += 1) {
            uint32_t at = by.starts[model->entry_rows[e] + 1]++;

            by.columns[at] = c;
            by.values[at] = model->entries[e];
        }
    }
    return by;
}

void dr_export_lp(const struct dr_program *program, FILE *file)
{
    const struct dr_model *model = &program->model;
    struct by_row by = turn(model);
    char text[300];
    uint32_t width = 0;

    fprintf(file, "Minimize\n COST:");
    FOR(c, model->columns_count) {
        if (model->cost[c] == 0)
            continue;
        dr_program_column_name(program, c, text);
        put_term(file, model->cost[c], plain(text), &width);
    }
    fprintf(file, "\nSubject To\n");
    FOR(r, model->rows_count) {
        static const char *const signs[] = {['E'] = "=", ['L'] = "<=", ['G'] = ">="};

        dr_program_row_name(program, r, text);
        fprintf(file, " %s:", plain(text));
        width = 0;
        for (uint32_t e = by.starts[r]; e < by.starts[r + 1]; e += 1) {
            dr_program_column_name(program, by.columns[e], text);
            put_term(file, by.values[e], plain(text), &width);
        }
        if (by.starts[r] == by.starts[r + 1]) { /* a row has to have something in it */
            dr_program_column_name(program, 0, text);
            put_term(file, 0, plain(text), &width);
        }
        fprintf(file, " %s %.17g\n", signs[(unsigned char)sense(model, r)], side(model, r));
    }
    fprintf(file, "Bounds\n");
    FOR(c, model->columns_count) {
        if (!isfinite(model->upper[c]))
            continue;
        dr_program_column_name(program, c, text);
        fprintf(file, " %.17g <= %s <= %.17g\n", model->lower[c], plain(text), model->upper[c]);
    }
    fprintf(file, "General\n");
    FOR(c, model->columns_count) {
        dr_program_column_name(program, c, text);
        if (model->integer[c])
            fprintf(file, " %s\n", plain(text));
    }
    fprintf(file, "End\n");
    free(by.starts);
    free(by.columns);
    free(by.values);
}
