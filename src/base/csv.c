/* SPDX-License-Identifier: Apache-2.0 */
#include "base/csv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/text.h"

struct reader {
    struct dr_csv_errors *errors;
    struct dr_arena *arena;
    const char *file;
    const char *at;
    const char *end;
    uint32_t line;
    uint32_t cells_count;
    char *cells[DR_CSV_COLUMNS_MAX]; /* of the row that was read last */
};

/* ---- saying no ---- */

void dr_csv_wrong(struct dr_csv_errors *errors, const char *file, uint32_t line, const char *field,
                  const char *found, const char *expected_format, ...)
{
    struct dr_error error = {0};
    char expected[sizeof error.expected];
    va_list arguments;

    va_start(arguments, expected_format);
    dr_format_list(expected, sizeof expected, expected_format, arguments);
    va_end(arguments);
    dr_error_set(&error, file, line, field, found, "%s", expected);
    errors->count += 1;
    if (errors->say != NULL)
        errors->say(errors->context, &error);
}

void dr_csv_wrong_cell(struct dr_csv_errors *errors, const struct dr_csv_table *table, uint32_t row,
                       uint32_t column, const char *expected_format, ...)
{
    const struct dr_csv_cell *cell = dr_csv_cell(table, row, column);
    char expected[512];
    va_list arguments;

    va_start(arguments, expected_format);
    dr_format_list(expected, sizeof expected, expected_format, arguments);
    va_end(arguments);
    dr_csv_wrong(errors, table->file, table->lines[row], table->columns[column].name,
                 cell->text[0] == '\0' ? "nothing" : cell->text, "%s", expected);
}

/* ---- rows ---- */

/* Bytes of one character of valid UTF-8 that begins at `at`; 0: none does. */
static size_t character(const char *at, const char *end)
{
    unsigned char first = (unsigned char)*at;
    size_t bytes = first < 0x80                     ? 1
                   : first >= 0xc2 && first <= 0xdf ? 2
                   : (first & 0xf0) == 0xe0         ? 3
                   : first >= 0xf0 && first <= 0xf4 ? 4
                                                    : 0;
    uint32_t code = bytes == 0 ? 0 : first & (0xffu >> (bytes == 1 ? 1 : bytes + 1));

    if (bytes == 0 || (size_t)(end - at) < bytes)
        return 0;
    for (size_t i = 1; i < bytes; i += 1) {
        if (((unsigned char)at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | ((unsigned char)at[i] & 0x3f);
    }
    if ((bytes == 3 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff))) ||
        (bytes == 4 && (code < 0x10000 || code > 0x10ffff)))
        return 0;
    return bytes;
}

/* 1 when every character of the file may stand in a table. */
static int check_text(struct reader *reader)
{
    uint32_t line = 1;

    for (const char *at = reader->at; at < reader->end;) {
        size_t bytes = character(at, reader->end);
        unsigned char first = (unsigned char)*at;
        char found[16];

        if (bytes == 0 || (first < ' ' && first != '\n' && first != '\r') || first == 0x7f) {
            snprintf(found, sizeof found, "byte 0x%02x", first);
            dr_csv_wrong(reader->errors, reader->file, line, "", found,
                         "text in UTF-8 without control characters");
            return 0;
        }
        line += first == '\n';
        at += bytes;
    }
    return 1;
}

static int at_line_end(const struct reader *reader)
{
    return reader->at == reader->end || *reader->at == '\n' ||
           (*reader->at == '\r' && reader->at + 1 < reader->end && reader->at[1] == '\n');
}

static void skip_line(struct reader *reader)
{
    while (reader->at < reader->end && *reader->at != '\n')
        reader->at += 1;
}

/* One cell; its closing comma or end of line is left. NULL: a mistake was said. */
static char *read_cell(struct reader *reader)
{
    const char *begin = reader->at;
    const char *stop = reader->at;
    char *cell;
    size_t length = 0;

    /* Room for what is left of the line holds any cell of it. */
    while (stop < reader->end && *stop != '\n')
        stop += 1;
    if (begin == reader->end || *begin != '"') {
        while (!at_line_end(reader) && *reader->at != ',' && *reader->at != '"')
            reader->at += 1;
        if (!at_line_end(reader) && *reader->at == '"') {
            dr_csv_wrong(reader->errors, reader->file, reader->line, "", "a quote within a cell",
                         "quotes around the whole cell, and two for one inside it");
            return NULL;
        }
        length = (size_t)(reader->at - begin);
        cell = dr_arena_push(reader->arena, length + 1, 1);
        if (cell != NULL)
            memcpy(cell, begin, length);
    } else {
        cell = dr_arena_push(reader->arena, (size_t)(stop - begin) + 1, 1);
        for (reader->at += 1; cell != NULL; reader->at += 1) {
            if (at_line_end(reader)) {
                dr_csv_wrong(reader->errors, reader->file, reader->line, "",
                             "a quote that is not closed", "the closing quote on the same line");
                return NULL;
            }
            if (*reader->at == '"') {
                reader->at += 1;
                if (at_line_end(reader) || *reader->at != '"')
                    break;
            }
            cell[length] = *reader->at;
            length += 1;
        }
        if (cell != NULL && !at_line_end(reader) && *reader->at != ',') {
            dr_csv_wrong(reader->errors, reader->file, reader->line, "",
                         "text behind a closing quote", "a comma or the end of the line");
            return NULL;
        }
    }
    if (cell == NULL) {
        dr_csv_wrong(reader->errors, reader->file, reader->line, "", "", "a smaller file");
        return NULL;
    }
    cell[length] = '\0';
    return cell;
}

/* The next row that has anything, into `reader->cells`. 1: there is one; 0: the end; -1: a mistake
 * was said, and the row is behind us. */
static int read_row(struct reader *reader)
{
    for (; reader->at < reader->end; reader->line += 1) {
        int wrong = 0;

        reader->cells_count = 0;
        while (!wrong) {
            char *cell = read_cell(reader);

            if (cell == NULL) {
                wrong = 1;
            } else if (reader->cells_count == DR_CSV_COLUMNS_MAX) {
                dr_csv_wrong(reader->errors, reader->file, reader->line, "", "more cells",
                             "at most %d in a row", DR_CSV_COLUMNS_MAX);
                wrong = 1;
            } else {
                reader->cells[reader->cells_count] = cell;
                reader->cells_count += 1;
            }
            if (wrong || at_line_end(reader))
                break;
            reader->at += 1; /* the comma */
        }
        skip_line(reader);
        reader->at += reader->at < reader->end;
        if (wrong)
            return -1;
        if (reader->cells_count > 1 || reader->cells[0][0] != '\0')
            return 1;
    }
    return 0;
}

/* ---- cells ---- */

int dr_parse_month(const char *text, int64_t *month)
{
    char year[5];
    int64_t y;
    int64_t m;

    if (strlen(text) != 7 || text[4] != '-' || text[0] < '0' || text[0] > '9' || text[5] < '0' ||
        text[5] > '9')
        return 0;
    memcpy(year, text, 4);
    year[4] = '\0';
    if (!dr_parse_i64(year, 1900, 2999, &y) || !dr_parse_i64(text + 5, 1, 12, &m))
        return 0;
    *month = y * 12 + m - 1;
    return 1;
}

const char *dr_format_month(int64_t month, char text[DR_MONTH_BYTES])
{
    return dr_format(text, DR_MONTH_BYTES, "%04d-%02d", (int)(month / 12), (int)(month % 12) + 1);
}

int dr_parse_quarter(const char *text, int64_t *quarter)
{
    char year[5];
    int64_t y;
    int64_t q;

    if (strlen(text) != 7 || text[4] != '-' || text[5] != 'Q' || text[0] < '0' || text[0] > '9')
        return 0;
    memcpy(year, text, 4);
    year[4] = '\0';
    if (!dr_parse_i64(year, 1900, 2999, &y) || !dr_parse_i64(text + 6, 1, 4, &q))
        return 0;
    *quarter = y * 4 + q - 1;
    return 1;
}

const char *dr_format_quarter(int64_t quarter, char text[DR_QUARTER_BYTES])
{
    return dr_format(text, DR_QUARTER_BYTES, "%04d-Q%d", (int)(quarter / 4),
                     (int)(quarter % 4) + 1);
}

static int parse_date(const char *text, int64_t *date)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    char first[8];
    int64_t month;
    int64_t day;
    int64_t most;
    int64_t year;

    if (strlen(text) != 10 || text[7] != '-' || text[8] < '0' || text[8] > '9')
        return 0;
    memcpy(first, text, 7);
    first[7] = '\0';
    if (!dr_parse_month(first, &month))
        return 0;
    year = month / 12;
    most = days[month % 12] +
           (month % 12 == 1 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    if (!dr_parse_i64(text + 8, 1, most, &day))
        return 0;
    *date = year * 10000 + (month % 12 + 1) * 100 + day;
    return 1;
}

/* Millionths; 0 when it is no number, has more than six decimals or is out of range. */
static int parse_decimal(const char *text, int64_t min, int64_t max, int64_t *value)
{
    char whole[24];
    const char *point = strchr(text, '.');
    size_t length = point == NULL ? strlen(text) : (size_t)(point - text);
    int64_t sum;
    int64_t rest = 0;

    if (length == 0 || length >= sizeof whole)
        return 0;
    memcpy(whole, text, length);
    whole[length] = '\0';
    if (!dr_parse_i64(whole, INT64_MIN / 1000000 + 1, INT64_MAX / 1000000 - 1, &sum))
        return 0;
    sum *= 1000000;
    if (point != NULL) {
        int64_t unit = 100000;

        if (point[1] == '\0' || strlen(point + 1) > 6)
            return 0;
        for (const char *digit = point + 1; *digit != '\0'; digit += 1, unit /= 10) {
            if (*digit < '0' || *digit > '9')
                return 0;
            rest += (*digit - '0') * unit;
        }
    }
    sum += whole[0] == '-' ? -rest : rest;
    if (sum < min || sum > max)
        return 0;
    *value = sum;
    return 1;
}

/* The place of a word in a list parted by spaces; -1: it isn't there. */
static int64_t word_place(const char *words, const char *word)
{
    size_t length = strlen(word);
    int64_t place = 0;

    while (*words != '\0') {
        size_t bytes = strcspn(words, " ");

        if (bytes == length && memcmp(words, word, length) == 0)
            return place;
        place += 1;
        words += bytes + (words[bytes] == ' ');
    }
    return -1;
}

static const char *decimal_text(int64_t value, char text[DR_TEXT_BYTES])
{
    return dr_format_milli(value / 1000, text);
}

/* What stands in a cell, by its column; a mistake leaves it empty. */
static struct dr_csv_cell judge_cell(struct reader *reader, const struct dr_csv_column *column,
                                     uint32_t line, const char *text)
{
    struct dr_csv_cell cell = {.text = text, .value = 0};
    char expected[400] = "";
    char low[DR_TEXT_BYTES];
    char high[DR_TEXT_BYTES];
    int good = 1;

    if (text[0] == '\0') {
        if (column->needed == DR_CSV_NEEDED)
            dr_csv_wrong(reader->errors, reader->file, line, column->name, "nothing", "a value");
        return (struct dr_csv_cell){.text = "", .value = DR_CSV_EMPTY};
    }
    switch (column->kind) {
    case DR_CSV_TEXT:
        break;
    case DR_CSV_NAME:
        good = dr_name_valid(text);
        snprintf(expected, sizeof expected, "a name: a-z, 0-9 and '-' (not first)");
        break;
    case DR_CSV_WORD:
        cell.value = word_place(column->words, text);
        good = cell.value >= 0;
        snprintf(expected, sizeof expected, "one of these: %s", column->words);
        break;
    case DR_CSV_WHOLE:
        good = dr_parse_i64(text, column->min, column->max, &cell.value);
        snprintf(expected, sizeof expected, "a whole number from %" PRId64 " to %" PRId64,
                 column->min, column->max);
        break;
    case DR_CSV_DECIMAL:
        good = parse_decimal(text, column->min, column->max, &cell.value);
        snprintf(expected, sizeof expected, "a number from %s to %s with at most six decimals",
                 decimal_text(column->min, low), decimal_text(column->max, high));
        break;
    case DR_CSV_MONTH:
        good = dr_parse_month(text, &cell.value);
        snprintf(expected, sizeof expected, "a month: 2027-06");
        break;
    case DR_CSV_DATE:
        good = parse_date(text, &cell.value);
        snprintf(expected, sizeof expected, "a day: 2026-04-16");
        break;
    case DR_CSV_QUARTER:
        good = dr_parse_quarter(text, &cell.value);
        snprintf(expected, sizeof expected, "a quarter: 2027-Q3");
        break;
    }
    if (good)
        return cell;
    dr_csv_wrong(reader->errors, reader->file, line, column->name, text, "%s", expected);
    return (struct dr_csv_cell){.text = "", .value = DR_CSV_EMPTY};
}

/* ---- tables ---- */

/* Where each column of the table stands in the file: `places` [columns_count]. 0: the header says
 * something else. */
static int read_header(struct reader *reader, const struct dr_csv_table *table, uint32_t *places)
{
    uint32_t before = reader->errors->count;
    int row = read_row(reader);

    if (row < 0)
        return 0;
    if (row == 0) {
        dr_csv_wrong(reader->errors, reader->file, 1, "", "nothing", "a header row");
        return 0;
    }
    for (uint32_t c = 0; c < table->columns_count; c += 1)
        places[c] = UINT32_MAX;
    for (uint32_t i = 0; i < reader->cells_count; i += 1) {
        uint32_t c = 0;

        while (c < table->columns_count && strcmp(table->columns[c].name, reader->cells[i]) != 0)
            c += 1;
        if (c == table->columns_count)
            dr_csv_wrong(reader->errors, reader->file, reader->line, reader->cells[i],
                         reader->cells[i], "a column of this table");
        else if (places[c] != UINT32_MAX)
            dr_csv_wrong(reader->errors, reader->file, reader->line, reader->cells[i],
                         reader->cells[i], "each column once");
        else
            places[c] = i;
    }
    for (uint32_t c = 0; c < table->columns_count; c += 1) {
        if (places[c] == UINT32_MAX && table->columns[c].needed != DR_CSV_ABSENT)
            dr_csv_wrong(reader->errors, reader->file, reader->line, table->columns[c].name,
                         "nothing", "this column in the header");
    }
    reader->line += 1;
    return reader->errors->count == before;
}

static uint32_t lines_left(const struct reader *reader)
{
    uint32_t count = 1;

    for (const char *at = reader->at; at < reader->end; at += 1)
        count += *at == '\n';
    return count;
}

enum dr_status dr_csv_parse(struct dr_csv_table *table, struct dr_arena *arena, const char *file,
                            const char *text, size_t bytes, const struct dr_csv_column *columns,
                            uint32_t columns_count, struct dr_csv_errors *errors)
{
    struct reader reader = {
        .errors = errors, .arena = arena, .at = text, .end = text + bytes, .line = 1};
    uint32_t places[DR_CSV_COLUMNS_MAX];
    uint32_t before = errors->count;
    uint32_t header_count;
    struct dr_csv_cell *cells;
    uint32_t *lines;
    char *name = dr_arena_push(arena, strlen(file) + 1, 1);
    int row;

    DR_ASSERT(columns_count > 0 && columns_count <= DR_CSV_COLUMNS_MAX);
    *table =
        (struct dr_csv_table){.file = file, .columns = columns, .columns_count = columns_count};
    if (name != NULL) {
        memcpy(name, file, strlen(file) + 1);
        table->file = name;
    }
    reader.file = table->file;
    if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        reader.at += 3; /* a byte order mark, as spreadsheets write it */
    if (!check_text(&reader) || !read_header(&reader, table, places))
        return DR_E_INPUT;
    header_count = reader.cells_count;
    lines = dr_arena_push(arena, lines_left(&reader), sizeof lines[0]);
    cells = dr_arena_push(arena, (size_t)lines_left(&reader) * columns_count, sizeof cells[0]);
    if (name == NULL || lines == NULL || cells == NULL) {
        dr_csv_wrong(errors, file, 0, "", "", "a smaller file");
        return DR_E_INPUT;
    }
    table->cells = cells;
    table->lines = lines;
    for (row = read_row(&reader); row != 0; reader.line += 1, row = read_row(&reader)) {
        struct dr_csv_cell *to = &cells[(size_t)table->rows_count * columns_count];
        char found[32];

        if (row > 0 && reader.cells_count != header_count) {
            snprintf(found, sizeof found, "%" PRIu32 " cells", reader.cells_count);
            dr_csv_wrong(errors, reader.file, reader.line, "", found,
                         "%" PRIu32 ", as many as the header has", header_count);
            row = -1;
        }
        if (row < 0)
            continue;
        for (uint32_t c = 0; c < columns_count; c += 1)
            to[c] = judge_cell(&reader, &columns[c], reader.line,
                               places[c] == UINT32_MAX ? "" : reader.cells[places[c]]);
        lines[table->rows_count] = reader.line;
        table->rows_count += 1;
    }
    return errors->count == before ? DR_OK : DR_E_INPUT;
}

enum dr_status dr_csv_read(struct dr_csv_table *table, struct dr_arena *arena, const char *path,
                           const struct dr_csv_column *columns, uint32_t columns_count,
                           struct dr_csv_errors *errors)
{
    struct dr_buffer buffer DR_CLEANUP(dr_buffer_deinit) = {0};
    enum dr_status status;

    *table =
        (struct dr_csv_table){.file = path, .columns = columns, .columns_count = columns_count};
    dr_buffer_init(&buffer, DR_CSV_BYTES_MAX);
    status = dr_buffer_read_file(&buffer, path);
    if (status == DR_E_MISSING)
        dr_csv_wrong(errors, path, 0, "", "no such file", "a table");
    else if (status == DR_E_FULL)
        dr_csv_wrong(errors, path, 0, "", "a larger file", "at most %u bytes", DR_CSV_BYTES_MAX);
    else if (status != DR_OK)
        dr_csv_wrong(errors, path, 0, "", "a file that can't be read", "a table");
    if (status != DR_OK)
        return DR_E_INPUT;
    return dr_csv_parse(table, arena, path, dr_buffer_text(&buffer), buffer.length, columns,
                        columns_count, errors);
}
