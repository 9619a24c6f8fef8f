/* SPDX-License-Identifier: Apache-2.0 */
/* Tables are read as they were meant; each mistake is said once, with its line, column, value and
 * what was expected, and none hides another. */
#include "test.h"

#include "base/csv.h"

enum { SITE, POWER, MONTH, KIND, DAY, NOTE, HEIGHT };
static const struct dr_csv_column COLUMNS[] = {
    {"site", DR_CSV_NAME, 1, 0, 0, NULL},
    {"power_mw", DR_CSV_DECIMAL, 1, 0, INT64_C(1000000000), NULL},
    {"month", DR_CSV_MONTH, 0, 0, 0, NULL},
    {"kind", DR_CSV_WORD, 0, 0, 0, "public private"},
    {"day", DR_CSV_DATE, 0, 0, 0, NULL},
    {"note", DR_CSV_TEXT, 0, 0, 0, NULL},
    {"height", DR_CSV_WHOLE, DR_CSV_ABSENT, 0, 9, NULL},
};
#define HEADER "site,power_mw,month,kind,day,note\n"

static char said[4096];

static void say(void *context, const struct dr_error *error)
{
    char line[1400];
    size_t length = strlen(said);

    (void)context;
    snprintf(said + length, sizeof said - length, "%s\n", dr_error_line(error, line, sizeof line));
}

static struct dr_arena arena;

static uint32_t parse(struct dr_csv_table *table, const char *text, size_t bytes)
{
    struct dr_csv_errors errors = {.say = say};
    enum dr_status status;

    if (arena.base == NULL)
        CHECK_EQ(dr_arena_init(&arena, (size_t)64 << 20), DR_OK);
    dr_arena_reset(&arena, 0);
    said[0] = '\0';
    status =
        dr_csv_parse(table, &arena, "t.csv", text, bytes, COLUMNS, DR_COUNT_OF(COLUMNS), &errors);
    CHECK_EQ(status == DR_OK, errors.count == 0);
    return errors.count;
}

TEST(a_column_that_may_be_absent)
{
    static const char without[] = HEADER "seoul,1,,,,\n";
    static const char with[] = "site,power_mw,month,kind,day,note,height\n"
                               "seoul,1,,,,,7\n"
                               "busan,1,,,,,\n";
    static const char high[] = "site,power_mw,month,kind,day,note,height\nseoul,1,,,,,10\n";
    struct dr_csv_table table;

    CHECK_EQ(parse(&table, without, sizeof without - 1), 0);
    CHECK_EQ(dr_csv_cell(&table, 0, HEIGHT)->value, DR_CSV_EMPTY);
    CHECK_TEXT(dr_csv_cell(&table, 0, HEIGHT)->text, "");
    CHECK_EQ(parse(&table, with, sizeof with - 1), 0);
    CHECK_EQ(dr_csv_cell(&table, 0, HEIGHT)->value, 7);
    CHECK_EQ(dr_csv_cell(&table, 1, HEIGHT)->value, DR_CSV_EMPTY);
    CHECK_EQ(parse(&table, high, sizeof high - 1), 1);
    CHECK_HAS(said, "t.csv:2: height: found '10'");
}

TEST(a_table_that_is_good)
{
    static const char text[] = "\xef\xbb\xbf"
                               "note,site,kind,power_mw,day,month\r\n"
                               "\"two, with \"\"quotes\"\"\",gwangju,private,8.25,2028-02-29,\r\n"
                               "\n"
                               "\xec\x84\x9c\xec\x9a\xb8,seoul,,0.000001,,2030-12";
    struct dr_csv_table table;

    CHECK_EQ(parse(&table, text, sizeof text - 1), 0);
    CHECK_EQ(table.rows_count, 2);
    CHECK_EQ(table.lines[0], 2);
    CHECK_EQ(table.lines[1], 4);
    CHECK_TEXT(dr_csv_cell(&table, 0, NOTE)->text, "two, with \"quotes\"");
    CHECK_TEXT(dr_csv_cell(&table, 0, SITE)->text, "gwangju");
    CHECK_EQ(dr_csv_cell(&table, 0, KIND)->value, 1);
    CHECK_EQ(dr_csv_cell(&table, 0, POWER)->value, 8250000);
    CHECK_EQ(dr_csv_cell(&table, 0, DAY)->value, 20280229);
    CHECK_EQ(dr_csv_cell(&table, 0, MONTH)->value, DR_CSV_EMPTY);
    CHECK_TEXT(dr_csv_cell(&table, 0, MONTH)->text, "");
    CHECK_TEXT(dr_csv_cell(&table, 1, NOTE)->text, "\xec\x84\x9c\xec\x9a\xb8");
    CHECK_EQ(dr_csv_cell(&table, 1, POWER)->value, 1);
    CHECK_EQ(dr_csv_cell(&table, 1, MONTH)->value, 2030 * 12 + 11);
    CHECK_EQ(dr_csv_cell(&table, 1, KIND)->value, DR_CSV_EMPTY);
}

TEST(months_there_and_back)
{
    char text[DR_MONTH_BYTES];
    int64_t month;

    CHECK_EQ(dr_parse_month("2030-12", &month), 1);
    CHECK_TEXT(dr_format_month(month, text), "2030-12");
    CHECK_TEXT(dr_format_month(month + 1, text), "2031-01");
    CHECK_EQ(dr_parse_month("2030-13", &month), 0);
    CHECK_EQ(dr_parse_month("2030-00", &month), 0);
    CHECK_EQ(dr_parse_month("2030-1", &month), 0);
    CHECK_EQ(dr_parse_month("2030-+1", &month), 0);
    CHECK_EQ(dr_parse_month("30-12-1", &month), 0);
    CHECK_EQ(dr_parse_month("", &month), 0);
}

/* One mistake each: the whole of what is said. */
static const struct {
    const char *text;
    const char *said;
} MISTAKES[] = {
    {"", "t.csv:1: found 'nothing', expected a header row\n"},
    {"site,power_mw,month,kind,day\n",
     "t.csv:1: note: found 'nothing', expected this column in the header\n"},
    {"site,power_mw,month,kind,day,note,site\n", "t.csv:1: site: found 'site', expected each "
                                                 "column once\n"},
    {"site,power_mw,month,kind,day,note,x\n",
     "t.csv:1: x: found 'x', expected a column of this table\n"},
    {HEADER "a,1,2030-01,,\n", "t.csv:2: found '5 cells', expected 6, as many as the header has\n"},
    {HEADER "a,1,2030-01,,,,\n",
     "t.csv:2: found '7 cells', expected 6, as many as the header has\n"},
    {HEADER "a,1,,,,\nB,1,,,,\n",
     "t.csv:3: site: found 'B', expected a name: a-z, 0-9 and '-' (not first)\n"},
    {HEADER ",1,,,,\n", "t.csv:2: site: found 'nothing', expected a value\n"},
    {HEADER "a,,,,,\n", "t.csv:2: power_mw: found 'nothing', expected a value\n"},
    {HEADER "a,1MW,,,,\n", "t.csv:2: power_mw: found '1MW', expected a number from 0 to 1000 with "
                           "at most six decimals\n"},
    {HEADER "a,1.,,,,\n", "t.csv:2: power_mw: found '1.', expected a number from 0 to 1000 with "
                          "at most six decimals\n"},
    {HEADER "a,.5,,,,\n", "t.csv:2: power_mw: found '.5', expected a number from 0 to 1000 with "
                          "at most six decimals\n"},
    {HEADER "a,0.1234567,,,,\n", "t.csv:2: power_mw: found '0.1234567', expected a number from 0 "
                                 "to 1000 with at most six decimals\n"},
    {HEADER "a,-0.5,,,,\n", "t.csv:2: power_mw: found '-0.5', expected a number from 0 to 1000 "
                            "with at most six decimals\n"},
    {HEADER "a,1000.1,,,,\n", "t.csv:2: power_mw: found '1000.1', expected a number from 0 to "
                              "1000 with at most six decimals\n"},
    {HEADER "a,99999999999999999999,,,,\n",
     "t.csv:2: power_mw: found '99999999999999999999', expected a number from 0 to 1000 with at "
     "most six decimals\n"},
    {HEADER "a,1,2030,,,\n", "t.csv:2: month: found '2030', expected a month: 2027-06\n"},
    {HEADER "a,1,,Public,,\n",
     "t.csv:2: kind: found 'Public', expected one of these: public private\n"},
    {HEADER "a,1,,,2027-02-29,\n",
     "t.csv:2: day: found '2027-02-29', expected a day: 2026-04-16\n"},
    {HEADER "a,1,,,,b \"c\"\n", "t.csv:2: found 'a quote within a cell', expected quotes around "
                                "the whole cell, and two for one inside it\n"},
    {HEADER "a,1,,,,\"b\nc\"\n", "t.csv:2: found 'a quote that is not closed', expected the "
                                 "closing quote on the same line\n"
                                 "t.csv:3: found 'a quote within a cell', expected quotes around "
                                 "the whole cell, and two for one inside it\n"},
    {HEADER "a,1,,,,\"b\"c\n", "t.csv:2: found 'text behind a closing quote', expected a comma or "
                               "the end of the line\n"},
    {HEADER "a,1,,,,\x01\n", "t.csv:2: found 'byte 0x01', expected text in UTF-8 without control "
                             "characters\n"},
    {HEADER "a,1,,,,\xc3(\n", "t.csv:2: found 'byte 0xc3', expected text in UTF-8 without control "
                              "characters\n"},
    {HEADER "a,1,,,,\xed\xa0\x80\n", "t.csv:2: found 'byte 0xed', expected text in UTF-8 without "
                                     "control characters\n"},
    /* several: all of them */
    {HEADER "A,x,y,z,,\nb,2\n",
     "t.csv:2: site: found 'A', expected a name: a-z, 0-9 and '-' (not first)\n"
     "t.csv:2: power_mw: found 'x', expected a number from 0 to 1000 with at most six decimals\n"
     "t.csv:2: month: found 'y', expected a month: 2027-06\n"
     "t.csv:2: kind: found 'z', expected one of these: public private\n"
     "t.csv:3: found '2 cells', expected 6, as many as the header has\n"},
};

TEST(mistakes)
{
    for (size_t i = 0; i < DR_COUNT_OF(MISTAKES); i += 1) {
        struct dr_csv_table table;

        CHECK(parse(&table, MISTAKES[i].text, strlen(MISTAKES[i].text)) > 0);
        CHECK_TEXT(said, MISTAKES[i].said);
    }
}

TEST(a_file_that_is_not_there)
{
    struct dr_csv_errors errors = {.say = say};
    struct dr_csv_table table;
    struct dr_arena small;

    said[0] = '\0';
    CHECK_EQ(dr_arena_init(&small, 1 << 20), DR_OK);
    CHECK_EQ(dr_csv_read(&table, &small, "no/such.csv", COLUMNS, DR_COUNT_OF(COLUMNS), &errors),
             DR_E_INPUT);
    CHECK_EQ(errors.count, 1);
    CHECK_TEXT(said, "no/such.csv: found 'no such file', expected a table\n");
    dr_arena_deinit(&small);
}

/* An arena that is too small is a mistake of the file's, not a crash. */
TEST(a_table_too_large_for_its_memory)
{
    static char text[70000] = HEADER;
    struct dr_csv_errors errors = {.say = say};
    struct dr_csv_table table;
    struct dr_arena small;

    memset(text + strlen(HEADER), 'a', sizeof text - strlen(HEADER) - 1);
    memcpy(text + sizeof text - 8, ",1,,,,\n", 8);
    said[0] = '\0';
    CHECK_EQ(dr_arena_init(&small, 16384), DR_OK);
    CHECK_EQ(dr_csv_parse(&table, &small, "t.csv", text, sizeof text - 1, COLUMNS,
                          DR_COUNT_OF(COLUMNS), &errors),
             DR_E_INPUT);
    CHECK_TEXT(said, "t.csv:2: a smaller file\n");
    dr_arena_deinit(&small);
}
