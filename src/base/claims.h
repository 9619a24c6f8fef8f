/* SPDX-License-Identifier: Apache-2.0 */
/* claims.h: folders of tables in which no number stands without its source.
 *
 * Every table but the sources' own ends in three columns: what of the row is assumed (nothing,
 * `all`, or columns parted by ';'), the keys of its sources, words. A room lists its tables and
 * their columns once, as X(prefix, column, kind, needed, min, max, words); the enums of places and
 * what base/csv.h is told come from the list. */
#ifndef DR_BASE_CLAIMS_H
#define DR_BASE_CLAIMS_H

#include "base/csv.h"
#include "base/text.h"

/* Millionths: of DR_CSV_DECIMAL. */
#define DR_CSV_MICRO  INT64_C(1000000)
#define DR_CSV_NO_ROW UINT32_MAX

#define DR_CLAIM_COLUMNS(X, P)         \
    X(P, assumed, TEXT, 0, 0, 0, NULL) \
    X(P, source, TEXT, 1, 0, 0, NULL)  \
    X(P, note, TEXT, 0, 0, 0, NULL)

/* sources.csv */
#define DR_SOURCE_COLUMNS(X, P)          \
    X(P, key, TEXT, 1, 0, 0, NULL)       \
    X(P, publisher, TEXT, 1, 0, 0, NULL) \
    X(P, date, TEXT, 1, 0, 0, NULL)      \
    X(P, address, TEXT, 0, 0, 0, NULL)   \
    X(P, confidence, WORD, 1, 0, 0, "high medium low derived assumed")

/* One column of a list, as a struct dr_csv_column at its place. */
#define DR_CSV_COLUMN_ROW(prefix, name, kind, needed, min, max, words) \
    [prefix##_##name] = {#name, DR_CSV_##kind, needed, min, max, words},

/* A file of a folder. */
struct dr_csv_file {
    const char *name;
    const struct dr_csv_column *columns;
    uint32_t columns_count;
};

/* The row in whose first column `key` stands; DR_CSV_NO_ROW. */
uint32_t dr_csv_find(const struct dr_csv_table *table, const char *key);

/* The next part of a list parted by ';': 0 when there is none. Begin with `*at` at the list. */
int dr_csv_part(const char **at, char part[DR_NAME_BYTES]);

/* The row of another table that a cell names; DR_CSV_NO_ROW and a mistake where there is none. */
uint32_t dr_csv_refer(struct dr_csv_errors *errors, const struct dr_csv_table *table, uint32_t row,
                      uint32_t column, const struct dr_csv_table *to);

/* Say every row whose first cell stands above it already. */
void dr_csv_check_unique(struct dr_csv_errors *errors, const struct dr_csv_table *table);

/* Say every source that `sources` lacks, and everything called assumed that is no column. */
void dr_csv_check_claims(struct dr_csv_errors *errors, const struct dr_csv_table *table,
                         const struct dr_csv_table *sources);

#endif
