/* SPDX-License-Identifier: Apache-2.0 */
/* csv.h: small tables that people write, read whole and judged whole.
 *
 * A table is a CSV file (RFC 4180, UTF-8) with a header row. What its columns are called, what may
 * stand in them and which may be empty is said by an array of struct dr_csv_column; columns stand
 * in the file in any order. Every mistake is reported with file, line, column, the value found and
 * what was expected; none stops the reading. Read dr_csv_read() first.
 *
 * Meant for tables of up to some ten thousand rows: all of a table is kept. Traces of jobs are
 * streamed elsewhere. */
#ifndef DR_BASE_CSV_H
#define DR_BASE_CSV_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

/* A larger file is refused before it is parsed. */
#define DR_CSV_BYTES_MAX   (16u << 20)
#define DR_CSV_COLUMNS_MAX 64
/* The value of an empty cell. */
#define DR_CSV_EMPTY INT64_MIN

enum dr_csv_kind {
    DR_CSV_TEXT,    /* anything; value 0 */
    DR_CSV_NAME,    /* dr_name_valid(); value 0 */
    DR_CSV_WORD,    /* one of `words`; its place among them, from 0 */
    DR_CSV_WHOLE,   /* a whole number from `min` to `max` */
    DR_CSV_DECIMAL, /* with up to six decimals, from `min` to `max`; all in millionths */
    DR_CSV_MONTH,   /* 2027-06: the year times twelve plus the month, January being 0 */
    DR_CSV_DATE,    /* 2026-04-16: 20260416 */
    DR_CSV_QUARTER, /* 2027-Q3: the year times four plus the quarter, the first being 0 */
};

enum dr_csv_need {
    DR_CSV_MAY,    /* its cells may be empty */
    DR_CSV_NEEDED, /* an empty cell is a mistake */
    DR_CSV_ABSENT, /* the whole column may be left out; then all of its cells are empty */
};

struct dr_csv_column {
    const char *name;
    enum dr_csv_kind kind;
    enum dr_csv_need needed;
    int64_t min;
    int64_t max;
    const char *words; /* parted by spaces */
};

struct dr_csv_cell {
    const char *text; /* "" where nothing stands */
    int64_t value;    /* by kind; DR_CSV_EMPTY where nothing stands */
};

/* Who hears of mistakes. */
struct dr_csv_errors {
    void (*say)(void *context, const struct dr_error *error); /* NULL: nobody */
    void *context;
    uint32_t count;
};

struct dr_csv_table {
    const char *file;
    const struct dr_csv_column *columns; /* [columns_count], as they were asked for */
    uint32_t columns_count;
    uint32_t rows_count;
    const struct dr_csv_cell *cells; /* [rows_count][columns_count] */
    const uint32_t *lines;           /* [rows_count] */
};

/* Read a table.
 *
 * arena    holds all of it; what was pushed stays there also when the table is refused.
 * path     stands in the errors; the file is opened.
 * columns  [columns_count], at most DR_CSV_COLUMNS_MAX; borrowed for as long as the table is used.
 *          Each has to be in the header, once, but for DR_CSV_ABSENT, and nothing else.
 *
 * DR_OK       no mistake was found.
 * DR_E_INPUT  `errors->count` rose; cells that were wrong are empty. */
DR_MUST_USE enum dr_status dr_csv_read(struct dr_csv_table *table, struct dr_arena *arena,
                                       const char *path, const struct dr_csv_column *columns,
                                       uint32_t columns_count, struct dr_csv_errors *errors);

/* The same for bytes that were read already. */
DR_MUST_USE enum dr_status dr_csv_parse(struct dr_csv_table *table, struct dr_arena *arena,
                                        const char *file, const char *text, size_t bytes,
                                        const struct dr_csv_column *columns, uint32_t columns_count,
                                        struct dr_csv_errors *errors);

static inline const struct dr_csv_cell *dr_csv_cell(const struct dr_csv_table *table, uint32_t row,
                                                    uint32_t column)
{
    return &table->cells[(size_t)row * table->columns_count + column];
}

/* Say what is wrong with a cell, for judgements that take more than one of them. */
void dr_csv_wrong_cell(struct dr_csv_errors *errors, const struct dr_csv_table *table, uint32_t row,
                       uint32_t column, const char *expected_format, ...) DR_PRINTF(5, 6);
/* Say it of any place; `line` 0: of the whole file. */
void dr_csv_wrong(struct dr_csv_errors *errors, const char *file, uint32_t line, const char *field,
                  const char *found, const char *expected_format, ...) DR_PRINTF(6, 7);

/* 2027-06 as a value of DR_CSV_MONTH; 0 when it is none. */
int dr_parse_month(const char *text, int64_t *month);
/* The reverse; `text` has DR_MONTH_BYTES. */
#define DR_MONTH_BYTES 24
const char *dr_format_month(int64_t month, char text[DR_MONTH_BYTES]);

/* The same for 2027-Q3 and DR_CSV_QUARTER. */
int dr_parse_quarter(const char *text, int64_t *quarter);
#define DR_QUARTER_BYTES 24
const char *dr_format_quarter(int64_t quarter, char text[DR_QUARTER_BYTES]);

#endif
