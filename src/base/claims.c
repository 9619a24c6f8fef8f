/* SPDX-License-Identifier: Apache-2.0 */
#include "base/claims.h"

#include <inttypes.h>
#include <string.h>

uint32_t dr_csv_find(const struct dr_csv_table *table, const char *key)
{
    for (uint32_t row = 0; row < table->rows_count; row += 1) {
        if (strcmp(dr_csv_cell(table, row, 0)->text, key) == 0)
            return row;
    }
    return DR_CSV_NO_ROW;
}

int dr_csv_part(const char **at, char part[DR_NAME_BYTES])
{
    size_t bytes = strcspn(*at, ";");

    if (**at == '\0')
        return 0;
    dr_format(part, DR_NAME_BYTES, "%.*s", (int)(bytes < DR_NAME_BYTES ? bytes : DR_NAME_BYTES - 1),
              *at);
    *at += bytes + ((*at)[bytes] == ';');
    return 1;
}

uint32_t dr_csv_refer(struct dr_csv_errors *errors, const struct dr_csv_table *table, uint32_t row,
                      uint32_t column, const struct dr_csv_table *to)
{
    uint32_t found = dr_csv_find(to, dr_csv_cell(table, row, column)->text);
    const char *file = strrchr(to->file, '/');

    if (found == DR_CSV_NO_ROW)
        dr_csv_wrong_cell(errors, table, row, column, "a %s of %s", to->columns[0].name,
                          file == NULL ? to->file : file + 1);
    return found;
}

void dr_csv_check_unique(struct dr_csv_errors *errors, const struct dr_csv_table *table)
{
    for (uint32_t row = 0; row < table->rows_count; row += 1) {
        const char *key = dr_csv_cell(table, row, 0)->text;
        uint32_t first = dr_csv_find(table, key);

        if (first != row && key[0] != '\0')
            dr_csv_wrong_cell(errors, table, row, 0,
                              "each once; it stands on line %" PRIu32 " already",
                              table->lines[first]);
    }
}

static uint32_t column_named(const struct dr_csv_table *table, const char *name)
{
    uint32_t column = 0;

    while (column < table->columns_count && strcmp(table->columns[column].name, name) != 0)
        column += 1;
    return column;
}

void dr_csv_check_claims(struct dr_csv_errors *errors, const struct dr_csv_table *table,
                         const struct dr_csv_table *sources)
{
    uint32_t assumed = column_named(table, "assumed");
    uint32_t source = column_named(table, "source");
    char part[DR_NAME_BYTES];

    for (uint32_t row = 0; row < table->rows_count; row += 1) {
        const char *at = dr_csv_cell(table, row, source)->text;

        while (dr_csv_part(&at, part)) {
            if (dr_csv_find(sources, part) == DR_CSV_NO_ROW)
                dr_csv_wrong_cell(errors, table, row, source,
                                  "keys of sources.csv, parted by ';': '%s' is none", part);
        }
        at = dr_csv_cell(table, row, assumed)->text;
        if (strcmp(at, "all") == 0)
            continue;
        while (dr_csv_part(&at, part)) {
            if (column_named(table, part) == table->columns_count)
                dr_csv_wrong_cell(errors, table, row, assumed,
                                  "nothing, 'all', or columns of this table, parted by ';': "
                                  "'%s' is none",
                                  part);
        }
    }
}
