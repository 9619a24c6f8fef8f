/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a table: it is refused with a place and a reason, or every cell is what its column
 * says. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dr_csv_column COLUMNS[] = {
    {"name", DR_CSV_NAME, 1, 0, 0, NULL},
    {"n", DR_CSV_WHOLE, 0, -5, 1000, NULL},
    {"d", DR_CSV_DECIMAL, 0, -5000000, INT64_C(1000000000000), NULL},
    {"month", DR_CSV_MONTH, 0, 0, 0, NULL},
    {"day", DR_CSV_DATE, 0, 0, 0, NULL},
    {"word", DR_CSV_WORD, 0, 0, 0, "a bc d"},
    {"text", DR_CSV_TEXT, 0, 0, 0, NULL},
};

static void say(void *context, const struct dr_error *error)
{
    char line[1400];

    (void)context;
    if (error->expected[0] == '\0' || dr_error_line(error, line, sizeof line)[0] == '\0')
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dr_csv_errors errors = {.say = say};
    struct dr_csv_table table;
    struct dr_arena arena;
    char *text = malloc(size); /* so that a read behind the end is seen */
    enum dr_status status;

    if (text == NULL || dr_arena_init(&arena, (size_t)16 << 20) != DR_OK)
        abort();
    if (size > 0)
        memcpy(text, data, size);
    status = dr_csv_parse(&table, &arena, "fuzz.csv", text, size, COLUMNS, DR_COUNT_OF(COLUMNS),
                          &errors);
    if ((status == DR_OK) != (errors.count == 0))
        abort();
    for (uint32_t row = 0; row < table.rows_count; row += 1) {
        int64_t n = dr_csv_cell(&table, row, 1)->value;
        int64_t d = dr_csv_cell(&table, row, 2)->value;
        int64_t word = dr_csv_cell(&table, row, 5)->value;

        if (status == DR_OK && !dr_name_valid(dr_csv_cell(&table, row, 0)->text))
            abort();
        if (n != DR_CSV_EMPTY && (n < -5 || n > 1000))
            abort();
        if (d != DR_CSV_EMPTY && (d < -5000000 || d > INT64_C(1000000000000)))
            abort();
        if (word != DR_CSV_EMPTY && (word < 0 || word > 2))
            abort();
        if (strchr(dr_csv_cell(&table, row, 6)->text, '\n') != NULL)
            abort();
    }
    dr_arena_deinit(&arena);
    free(text);
    return 0;
}
