/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a trace: what they may say, and what is said of those that are wrong. */
#include "sim/trace.h"

#include <stdlib.h>

#include "base/text.h"
#include "sim_world.h"

#define NEEDED "job_id,submit_s,runtime_s,tasks,accelerators_per_task"

static struct dr_trace *opened(const char *text)
{
    struct dr_trace *trace;
    struct dr_error error = {0};

    if (dr_trace_open(&trace, sim_file("t.csv", text), &error) != DR_OK)
        fail_msg("%s: %s, expected %s", error.field, error.found, error.expected);
    return trace;
}

/* Everything that a row can say, columns in another order than the page has them. */
TEST(a_row_says_all_that_it_can)
{
    struct dr_trace *trace = opened(
        "name,submit_s,job_id,runtime_s,accelerators_per_task,tasks,limit_s,account,user,priority,"
        "cpus_per_task,memory_mb_per_task,chips,preemptible,checkpoint_s,restart_s,grace_s,level,"
        "begin_s,deadline_s,data_class,data,sites,depends,requeue,tasks_min,flexible,alternatives,"
        "status\r\n"
        "\"a, \"\"quoted\"\" name\",-3.5,7,60.25,0.25,64,90,lab,kim,-4,1.5,2048,"
        "h200:1.0|b300:0.55,no,600,30,15,preferred:block,10,100.000001,medical,x|y,seoul|busan,"
        "afterok:3|afterany:5,no,8,yes,h200:64x8:1.2|rngd:256x4,failed\r\n");
    struct dr_trace_row row;
    struct dr_error error = {0};

    CHECK_EQ(dr_trace_next(trace, &row, &error), DR_OK);
    CHECK_TEXT(row.name, "a, \"quoted\" name");
    CHECK_EQ(row.line, 2);
    CHECK_EQ(row.job, 7);
    CHECK_EQ(row.submit_us, -3500000);
    CHECK_EQ(row.runtime_us, 60250000);
    CHECK_EQ(row.tasks, 64);
    CHECK_EQ(row.accelerators_milli, 250);
    CHECK_EQ(row.limit_us, 90 * DR_SECOND_US);
    CHECK_TEXT(row.account, "lab");
    CHECK_TEXT(row.user, "kim");
    CHECK_EQ(row.priority, -4);
    CHECK_EQ(row.cpus_milli, 1500);
    CHECK_EQ(row.memory_mb, 2048);
    CHECK_EQ(row.chips_count, 2);
    CHECK_TEXT(row.chips[1].name, "b300");
    CHECK_EQ(row.chips[1].factor, 550);
    CHECK_EQ(row.preemptible, 0);
    CHECK_EQ(row.checkpoint_us, 600 * DR_SECOND_US);
    CHECK_EQ(row.restart_us, 30 * DR_SECOND_US);
    CHECK_EQ(row.grace_us, 15 * DR_SECOND_US);
    CHECK_EQ(row.level_kind, 1);
    CHECK_TEXT(row.level, "block");
    CHECK_EQ(row.begin_us, 10 * DR_SECOND_US);
    CHECK_EQ(row.deadline_us, 100 * DR_SECOND_US + 1);
    CHECK_TEXT(row.data_class, "medical");
    CHECK_EQ(row.data_count, 2);
    CHECK_TEXT(row.data[1], "y");
    CHECK_EQ(row.sites_count, 2);
    CHECK_EQ(row.depends_count, 2);
    CHECK_EQ(row.depends[1].kind, DR_DEPENDENCY_AFTERANY);
    CHECK_EQ(row.depends[1].job, 5);
    CHECK_EQ(row.requeue, 0);
    CHECK_EQ(row.tasks_min, 8);
    CHECK_EQ(row.flexible, 1);
    CHECK_EQ(row.ways_count, 2);
    CHECK_TEXT(row.ways[1].chip, "rngd");
    CHECK_EQ(row.ways[1].tasks, 256);
    CHECK_EQ(row.ways[1].accelerators_milli, 4000);
    CHECK_EQ(row.ways[1].factor, 1000);
    CHECK_EQ(row.ways[0].factor, 1200);
    CHECK_EQ(row.status, DR_TRACE_FAILED);
    CHECK_EQ(dr_trace_next(trace, &row, &error), DR_E_END);
    dr_trace_close(trace);
}

/* What is not stated has the default that the page says. */
TEST(a_row_may_say_little)
{
    struct dr_trace *trace = opened(NEEDED "\n1,0,60,1,8\n\n2,0,60,1,8");
    struct dr_trace_row row;
    struct dr_error error = {0};

    CHECK_EQ(dr_trace_next(trace, &row, &error), DR_OK);
    CHECK_EQ(row.cpus_milli, 1000);
    CHECK_EQ(row.preemptible, 1);
    CHECK_EQ(row.requeue, 1);
    CHECK_EQ(row.limit_us, 0);
    CHECK_TEXT(row.account, "");
    CHECK_EQ(row.level_kind, 0);
    CHECK(row.begin_us == INT64_MIN && row.deadline_us == INT64_MIN);
    CHECK_EQ(row.status, DR_TRACE_COMPLETED);
    CHECK_EQ(dr_trace_next(trace, &row, &error), DR_OK); /* an empty line, no end of line */
    CHECK_EQ(row.job, 2);
    CHECK_EQ(row.line, 4);
    dr_trace_close(trace);
}

/* Each mistake is said with line, column, what was found and what was expected; the row after it
 * is read. */
TEST(mistakes_are_said_where_they_stand)
{
    static const struct {
        const char *columns;
        const char *row;
        const char *field;
        const char *found;
        const char *expected;
    } cases[] = {
        {"", "x,0,60,1,8", "job_id", "x", "a whole number"},
        {"", "1,,60,1,8", "submit_s", "nothing", "a value"},
        {"", "1,0,-1,1,8", "runtime_s", "-1", "0 or more"},
        {"", "1,0,1e3,1,8", "runtime_s", "1e3", "seconds"},
        {"", "1,0,0.0000001,1,8", "runtime_s", "0.0000001", "six places"},
        {"", "1,0,60,0,8", "tasks", "0", "from 1 to"},
        {"", "1,0,60,1,65", "accelerators_per_task", "65", "to 64"},
        {"", "1,0,60,1", "", "4 fields", "5, as the header has"},
        {"", "1,0,60,1,8,9", "", "6 fields", "5, as the header has"},
        {"", "\"1,0,60,1,8", "", "a quote that is not closed", "5"},
        {",chips", "1,0,60,1,8,h200:0", "chips", "h200:0", "factors from 0.001"},
        {",chips", "1,0,60,1,8,H200", "chips", "H200", "h200:1.0"},
        {",preemptible", "1,0,60,1,8,maybe", "preemptible", "maybe", "yes or no"},
        {",level", "1,0,60,1,8,wanted:block", "level", "wanted:block", "required:block"},
        {",depends", "1,0,60,1,8,after:7", "depends", "after", "afterok:7"},
        {",alternatives", "1,0,60,1,8,h200:64", "alternatives", "h200:64", "h200:64x8:1.0"},
        {",alternatives", "1,0,60,1,8,h200:0x8", "alternatives", "h200", "h200:64x8:1.0"},
        {",status", "1,0,60,1,8,lost", "status", "lost", "completed, failed"},
        {",priority", "1,0,60,1,8,1.5", "priority", "1.5", "a whole number"},
        {",cpus_per_task", "1,0,60,1,8,0.0001", "cpus_per_task", "0.0001", "three places"},
    };

    for (size_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        char text[400];
        char good[200];
        struct dr_trace *trace;
        struct dr_trace_row row;
        struct dr_error error = {0};

        snprintf(good, sizeof good, "2,0,60,1,8%s", cases[i].columns[0] == 0 ? "" : ",");
        snprintf(text, sizeof text, NEEDED "%s\n%s\n%s\n", cases[i].columns, cases[i].row, good);
        trace = opened(text);
        CHECK_EQ(dr_trace_next(trace, &row, &error), DR_E_INPUT);
        CHECK_EQ(error.line, 2);
        CHECK_TEXT(error.field, cases[i].field);
        CHECK_TEXT(error.found, cases[i].found);
        CHECK_HAS(error.expected, cases[i].expected);
        CHECK_EQ(dr_trace_next(trace, &row, &error), DR_OK);
        CHECK_EQ(row.job, 2);
        dr_trace_close(trace);
    }
}

/* Rows out of order are wrong; those after it go by the last that was right. */
TEST(rows_stand_in_the_order_of_their_submits)
{
    struct dr_trace *trace = opened(NEEDED "\n1,10,60,1,8\n2,9.5,60,1,8\n3,10,60,1,8\n");
    struct dr_trace_row row;
    struct dr_error error = {0};

    CHECK_EQ(dr_trace_next(trace, &row, &error), DR_OK);
    CHECK_EQ(dr_trace_next(trace, &row, &error), DR_E_INPUT);
    CHECK_TEXT(error.field, "submit_s");
    CHECK_HAS(error.expected, "at least 10,");
    CHECK_EQ(dr_trace_next(trace, &row, &error), DR_OK);
    CHECK_EQ(row.job, 3);
    dr_trace_close(trace);
}

TEST(headers_that_are_wrong_are_refused)
{
    static const struct {
        const char *text;
        const char *field;
        const char *found;
    } cases[] = {
        {"", "", "an empty file"},
        {"job_id,submit_s,runtime_s,tasks\n", "accelerators_per_task", "no such column"},
        {NEEDED ",colour\n", "colour", "an unknown column"},
        {NEEDED ",tasks\n", "tasks", "it twice"},
    };

    for (size_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        struct dr_trace *trace;
        struct dr_error error = {0};

        CHECK_EQ(dr_trace_open(&trace, sim_file("t.csv", cases[i].text), &error), DR_E_INPUT);
        CHECK_EQ(error.line, 1);
        CHECK_TEXT(error.field, cases[i].field);
        CHECK_TEXT(error.found, cases[i].found);
    }
}

TEST(a_file_that_is_not_there_is_said)
{
    struct dr_trace *trace;
    struct dr_error error = {0};

    CHECK_EQ(dr_trace_open(&trace, "/nowhere/t.csv", &error), DR_E_MISSING);
    CHECK_TEXT(error.file, "/nowhere/t.csv");
    CHECK_EQ(dr_trace_open(&trace, "/tmp", &error), DR_E_MISSING);
}

/* A line that is too long, or has a zero byte, is one wrong row. */
TEST(lines_that_are_no_text_are_wrong_rows)
{
    char *text = malloc(200000);
    FILE *file;
    struct dr_trace *trace;
    struct dr_trace_row row;
    struct dr_error error = {0};

    CHECK(text != NULL);
    memcpy(text, NEEDED "\n", sizeof NEEDED + 1);
    memset(text + strlen(text), '1', 70000);
    memcpy(text + strlen(NEEDED) + 70001, "\n3,0,60,1,8\n", 13);
    trace = opened(text);
    CHECK_EQ(dr_trace_next(trace, &row, &error), DR_E_INPUT);
    CHECK_HAS(error.expected, "65535 bytes");
    CHECK_EQ(dr_trace_next(trace, &row, &error), DR_OK);
    CHECK_EQ(row.job, 3);
    dr_trace_close(trace);
    /* A zero in the middle of a row. */
    memset(text, 0, 200000);
    memcpy(text, NEEDED "\n1,0,60,1,8x9\n3,0,60,1,8\n", sizeof NEEDED + 25);
    *strchr(text, 'x') = 0;
    file = fopen(sim_file("zero.csv", ""), "we");
    CHECK(file != NULL);
    CHECK_EQ(fwrite(text, 1, sizeof NEEDED + 24, file), sizeof NEEDED + 24);
    CHECK_EQ(fclose(file), 0);
    CHECK_EQ(dr_trace_open(&trace, sim_path("zero.csv"), &error), DR_OK);
    CHECK_EQ(dr_trace_next(trace, &row, &error), DR_E_INPUT);
    CHECK_TEXT(error.found, "a zero byte");
    CHECK_EQ(dr_trace_next(trace, &row, &error), DR_OK);
    CHECK_EQ(row.job, 3);
    dr_trace_close(trace);
    free(text);
}

TEST(seconds_are_written_as_they_are_read)
{
    static const int64_t times[] = {0, 1, -1, 999999, 1000000, -1500000, 123456789012345};
    char text[DR_TEXT_BYTES];
    int64_t times_us;

    for (size_t i = 0; i < DR_COUNT_OF(times); i += 1) {
        int64_t us;

        CHECK(dr_parse_seconds(dr_format_seconds(times[i], text), INT64_MIN, INT64_MAX, &us));
        CHECK_EQ(us, times[i]);
    }
    CHECK_TEXT(dr_format_seconds(-1500000, text), "-1.5");
    CHECK(dr_parse_seconds("1.500000000", 0, INT64_MAX, &times_us));
    CHECK_EQ(times_us, 1500000);
    CHECK(!dr_parse_seconds("1.0000001", 0, INT64_MAX, &times_us));
}
