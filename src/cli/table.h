/* SPDX-License-Identifier: Apache-2.0 */
/* table.h: tables on a terminal, by libsmartcols: columns as wide as what is in them, Korean and
 * other double-width text counted right. On a terminal long cells of a column that allows it are
 * cut to fit; in a pipe nothing is cut. */
#ifndef DR_CLI_TABLE_H
#define DR_CLI_TABLE_H

#include <stdint.h>

struct dr_table;

#define DR_TABLE_RIGHT 1u /* numbers */
#define DR_TABLE_CUT   2u /* may be cut on a terminal */

struct dr_table *dr_table_open(int header);
void dr_table_column(struct dr_table *table, const char *name, uint32_t flags);
/* A new row; then its cells from the left. */
void dr_table_row(struct dr_table *table);
void dr_table_cell(struct dr_table *table, const char *text);
/* Print on standard output and free. */
void dr_table_print(struct dr_table *table);

#endif
