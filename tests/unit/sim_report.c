/* SPDX-License-Identifier: Apache-2.0 */
/* The report: runs put into the page so that none of them can become a part of it, and files that
 * are no measures. What a reader sees of it is tests/browser/report.test. */
#include "sim/report.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/report_page.h"
#include "test.h"

#define MEASURES "{\"jobs\":3,\"wait_s\":{},\"state_hash\":\"00ff\"}"

/* The page with these runs. The caller frees it. */
static char *page_of(const struct dr_report_run *runs, uint32_t count)
{
    size_t bytes = 0;
    char *page = NULL;
    FILE *out = open_memstream(&page, &bytes);

    CHECK(out != NULL);
    CHECK_EQ(dr_report_write(out, runs, count), DR_OK);
    CHECK_EQ(fclose(out), 0);
    return page;
}

static uint32_t count_of(const char *text, const char *part)
{
    uint32_t count = 0;

    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        count += 1;
    return count;
}

/* The runs as the page's own script reads them: the whole content of the element, as JSON. */
static json_t *runs_of(const char *page)
{
    static const char open[] = "<script type=\"application/json\" id=\"data\">";
    const char *begin = strstr(page, open);
    const char *end;
    json_t *runs;

    CHECK(begin != NULL);
    begin += strlen(open);
    end = strstr(begin, "</script");
    CHECK(end != NULL);
    runs = json_loadb(begin, (size_t)(end - begin), 0, NULL);
    CHECK(json_is_array(runs));
    return runs;
}

TEST(runs_stand_in_the_page_in_their_order)
{
    struct dr_report_run two[] = {{"fair", MEASURES}, {"first come", "{\"jobs\":4}"}};
    char *page = page_of(two, 2);
    json_t *runs = runs_of(page);
    const json_t *second = json_array_get(runs, 1);

    CHECK_EQ(json_array_size(runs), 2);
    CHECK_TEXT(json_string_value(json_object_get(json_array_get(runs, 0), "name")), "fair");
    CHECK_TEXT(json_string_value(json_object_get(second, "name")), "first come");
    CHECK_EQ(json_integer_value(json_object_get(json_object_get(second, "measures"), "jobs")), 4);
    CHECK(strncmp(page, "<!doctype html>", 15) == 0);
    CHECK_TEXT(page + strlen(page) - 8, "</html>\n");
    CHECK(strstr(page, "@data@") == NULL);
    json_decref(runs);
    free(page);
}

/* No name, of a run or in its measures, ends the element that it stands in. */
TEST(no_name_gets_out_of_its_element)
{
    static const char hostile[] = "</script><script>alert(1)</script><!--\"'&";
    static const char account[] = "{\"jobs\":1,\"by_account\":{\"</SCRIPT ><img src=x>\":{}}}";
    struct dr_report_run run = {hostile, account};
    char *page = page_of(&run, 1);
    json_t *runs = runs_of(page);
    const json_t *first = json_array_get(runs, 0);
    const json_t *accounts = json_object_get(json_object_get(first, "measures"), "by_account");

    CHECK_TEXT(json_string_value(json_object_get(first, "name")), hostile);
    CHECK(json_object_get(accounts, "</SCRIPT ><img src=x>") != NULL);
    CHECK_EQ(count_of(page, "</script"), count_of(dr_report_page, "</script"));
    CHECK(strstr(page, "<img") == NULL);
    CHECK(strstr(page, "</SCRIPT") == NULL);
    json_decref(runs);
    free(page);
}

TEST(a_page_that_can_not_be_written_is_said)
{
    struct dr_report_run run = {"fair", MEASURES};
    FILE *full = fopen("/dev/full", "we");

    CHECK(full != NULL);
    CHECK_EQ(dr_report_write(full, &run, 1), DR_E_IO);
    fclose(full);
}

/* Each mistake of a file, as lines. */
static void check_file(const char *content, const char *expected)
{
    struct dr_error_list errors = {0};
    struct dr_buffer measures = {0};
    char path[] = "/tmp/daero-report-XXXXXX";
    struct dr_buffer said DR_CLEANUP(dr_buffer_deinit) = {0};
    char line[1400];
    int file = mkstemp(path);

    CHECK(file >= 0);
    CHECK_EQ(write(file, content, strlen(content)), (ssize_t)strlen(content));
    close(file);
    dr_buffer_init(&said, 1u << 16);
    dr_buffer_init(&measures, DR_REPORT_MEASURES_MAX);
    CHECK_EQ(dr_report_read(path, &measures, &errors), *expected == '\0' ? DR_OK : DR_E_INPUT);
    for (uint32_t i = 0; i < errors.count; i += 1) {
        dr_error_line(&errors.errors[i], line, sizeof line);
        CHECK(strncmp(line, path, strlen(path)) == 0); /* which file */
        dr_buffer_printf(&said, "%s\n", line + strlen(path));
    }
    CHECK_TEXT(dr_buffer_text(&said), expected);
    unlink(path);
    dr_buffer_deinit(&measures);
    dr_error_list_deinit(&errors);
}

TEST(files_that_are_no_measures_are_said_with_all_mistakes)
{
    check_file(MEASURES, "");
    check_file(
        "{\"jobs\":\n3,]",
        ":2: found 'string or '}' expected near ']'', expected measures as `daero sim run -o "
        "FILE` writes them\n");
    check_file("[1]", ":1: found 'no object', expected measures as `daero sim run -o FILE` writes "
                      "them\n");
    check_file("{\"jobs\":\"many\",\"wait_s\":7,\"other\":1}",
               ": jobs: found '\"many\"', expected a number of jobs\n"
               ": wait_s: found '7', expected an object of mean, p50, p95 and so on\n"
               ": state_hash: found 'nothing', expected the hash as a text\n");
}

TEST(a_file_that_is_not_there_is_said)
{
    struct dr_error_list errors = {0};
    struct dr_buffer measures = {0};

    dr_buffer_init(&measures, DR_REPORT_MEASURES_MAX);
    CHECK_EQ(dr_report_read("/nowhere/a.json", &measures, &errors), DR_E_INPUT);
    CHECK_EQ(errors.count, 1);
    CHECK_TEXT(errors.errors[0].file, "/nowhere/a.json");
    CHECK_TEXT(errors.errors[0].found, "it does not exist");
    dr_error_list_deinit(&errors);
}

TEST(names_are_short_text_and_differ)
{
    static const char *const wrong[] = {
        "", "sixty-one bytes sixty-one bytes sixty-one bytes sixty-one byt", "\xff", "fair"};
    struct dr_report_run before = {"fair", MEASURES};
    struct dr_error_list errors = {0};

    CHECK_EQ(dr_report_check_name("b", "대로", &before, 1, &errors), DR_OK);
    for (uint32_t i = 0; i < DR_COUNT_OF(wrong); i += 1)
        CHECK_EQ(dr_report_check_name("b=b.json", wrong[i], &before, 1, &errors), DR_E_INPUT);
    CHECK_EQ(errors.count, DR_COUNT_OF(wrong));
    CHECK_TEXT(errors.errors[2].found, "bytes that are no UTF-8");
    CHECK_TEXT(errors.errors[3].field, "b=b.json");
    CHECK_TEXT(errors.errors[3].expected, "a name that no other run has");
    dr_error_list_deinit(&errors);
}
