/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <libsmartcols/libsmartcols.h>
#include <unistd.h>

#include "base/assert.h"

struct dr_table {
    struct libscols_table *table;
    struct libscols_line *line;
    size_t cell;
};

struct dr_table *dr_table_open(int header)
{
    struct dr_table *table = calloc(1, sizeof *table);

    DR_ASSERT(table != NULL);
    table->table = scols_new_table();
    DR_ASSERT(table->table != NULL);
    scols_table_enable_noheadings(table->table, !header);
    /* Longer than the screen may be in a pipe: what reads it wants all of it. */
    if (!isatty(STDOUT_FILENO))
        scols_table_set_termwidth(table->table, 4096);
    return table;
}

void dr_table_column(struct dr_table *table, const char *name, uint32_t flags)
{
    int cut = (flags & DR_TABLE_CUT) != 0 && isatty(STDOUT_FILENO);

    scols_table_new_column(table->table, name, 0,
                           ((flags & DR_TABLE_RIGHT) != 0 ? SCOLS_FL_RIGHT : 0) |
                               (cut ? SCOLS_FL_TRUNC : 0));
}

void dr_table_row(struct dr_table *table)
{
    table->line = scols_table_new_line(table->table, NULL);
    table->cell = 0;
    DR_ASSERT(table->line != NULL);
}

void dr_table_cell(struct dr_table *table, const char *text)
{
    scols_line_set_data(table->line, table->cell, text == NULL || text[0] == '\0' ? "-" : text);
    table->cell += 1;
}

void dr_table_print(struct dr_table *table)
{
    scols_print_table(table->table);
    scols_unref_table(table->table);
    free(table);
}
