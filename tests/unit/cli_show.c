/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown: the live screen's lines, facts in words, exit codes. */
#include <locale.h>

#include "cli/fact_words.h"
#include "cli/top.h"
#include "cli/wait.h"
#include "test.h"

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);

    CHECK(value != NULL);
    return value;
}

/* ---- the live screen ---- */

static void draw(struct dr_screen *screen, uint32_t columns, const char *live_text)
{
    json_t *sites =
        parse("{\"sites\":[{\"name\":\"here\",\"nodes\":4,\"nodes_up\":3,\"accelerators\":8,"
              "\"accelerators_free\":2,\"running\":1,\"power_w\":900,\"answers\":true}]}");
    json_t *accounts = parse("{\"accounts\":[{\"name\":\"nation\",\"depth\":0,\"pending\":1,"
                             "\"running\":1,\"groups\":[]}]}");
    json_t *health = parse("{\"seq\":7,\"epoch\":2}");
    json_t *live = parse(live_text);

    setlocale(LC_CTYPE, "C.UTF-8");
    dr_screen_init(screen, columns);
    dr_screen_draw(screen, health, sites, accounts, live, NULL);
    json_decref(sites);
    json_decref(accounts);
    json_decref(health);
    json_decref(live);
}

/* Korean takes two columns a letter: columns after it must stand where they stand without it. */
TEST(wide_names_keep_the_columns)
{
    struct dr_screen screen;
    const char *korean;
    const char *plain;

    draw(&screen, 80,
         "{\"jobs\":[{\"job\":1,\"name\":\"훈련\",\"account\":\"a\",\"state\":\"RUNNING\"},"
         "{\"job\":2,\"name\":\"abcd\",\"account\":\"a\",\"state\":\"RUNNING\"}]}");
    CHECK_EQ(screen.count, screen.fixed + 2);
    korean = screen.lines[screen.fixed].text;
    plain = screen.lines[screen.fixed + 1].text;
    CHECK_HAS(korean, "훈련");
    /* two letters of three bytes and two columns each */
    CHECK_EQ(strstr(korean, "RUNNING") - korean, strstr(plain, "RUNNING") - plain + 2);
    CHECK_EQ(screen.lines[screen.fixed].style, DR_STYLE_GOOD);
    dr_screen_deinit(&screen);
}

TEST(no_line_is_wider_than_the_screen)
{
    for (uint32_t columns = 20; columns <= 130; columns += 11) {
        struct dr_screen screen;

        draw(&screen, columns,
             "{\"jobs\":[{\"job\":123456789,\"name\":\"가나다라마바사아자차카타파하\",\"account\":"
             "\"x\","
             "\"state\":\"PENDING\",\"reason\":\"GUARANTEES_OF\"},{\"job\":2,\"nodes\":"
             "\"a-very-long-list-of-nodes[1-100],and-another[1-100],and-a-third[1-100]\","
             "\"state\":\"RUNNING\",\"virtual\":true}]}");
        for (uint32_t i = 0; i < screen.count; i += 1)
            CHECK(screen.lines[i].columns <= columns);
        dr_screen_deinit(&screen);
    }
}

TEST(more_jobs_than_a_screen_holds)
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_screen screen;

    dr_buffer_init(&text, 1u << 20);
    dr_buffer_append_text(&text, "{\"jobs\":[");
    for (int i = 1; i <= 1000; i += 1)
        dr_buffer_printf(&text, "%s{\"job\":%d,\"state\":\"PENDING\"}", i > 1 ? "," : "", i);
    dr_buffer_append_text(&text, "]}");
    draw(&screen, 80, dr_buffer_text(&text));
    CHECK_EQ(screen.count, 600);
    dr_screen_deinit(&screen);
}

/* ---- facts in words ---- */

static void check_words(const char *fact_text, const char *expected)
{
    struct dr_buffer words DR_CLEANUP(dr_buffer_deinit) = {0};
    json_t *fact = parse(fact_text);

    dr_buffer_init(&words, 4096);
    dr_fact_words(&words, fact);
    CHECK_TEXT(dr_buffer_text(&words), expected);
    json_decref(fact);
}

TEST(facts_in_words)
{
    check_words(
        "{\"kind\":\"JOB_ACCEPTED\",\"job\":7,\"account_name\":\"cars\",\"job_user_name\":\"ann\","
        "\"by_user_name\":\"op\",\"reason\":null}",
        "job 7 accepted into cars for ann [op]");
    check_words(
        "{\"kind\":\"JOB_PLACED\",\"job\":7,\"attempt\":2,\"pool_name\":\"here/v\",\"rule\":"
        "\"SHARE\",\"tier\":2,\"cost_micro\":1500000,\"extents\":[{\"node_name\":\"n1\","
        "\"accelerators\":[0,1,2,5]},{\"node_name\":\"n2\",\"accelerators\":[]},"
        "{\"node_name\":\"n3\",\"accelerators\":[7]}]}",
        "job 7 attempt 2 placed in here/v on n1:0-2+5;n2;n3:7 (SHARE, tier 2, cost 1.50)");
    check_words("{\"kind\":\"ATTEMPT_ENDED\",\"job\":7,\"attempt\":1,\"outcome\":\"EXITED\","
                "\"exit_code\":3,\"signal\":0,\"next_state\":\"FAILED\"}",
                "job 7 attempt 1 ended: EXITED with code 3; the job is FAILED");
    check_words(
        "{\"kind\":\"NODE_FLAGS\",\"seq\":4,\"node\":3,\"node_name\":\"n3\",\"drained\":true,"
        "\"by_user_name\":\"op\",\"reason\":\"a fan\"}",
        "a node was drained, resumed, lost, found or removed: node 3, node_name n3, "
        "drained yes [op: a fan]");
}

TEST(exit_codes_of_jobs)
{
    static const struct {
        const char *job;
        int code;
    } cases[] = {{"{\"state\":\"COMPLETED\",\"exit_code\":0}", 0},
                 {"{\"state\":\"FAILED\",\"exit_code\":7}", 7},
                 {"{\"state\":\"FAILED\",\"exit_code\":0,\"signal\":11}", 139},
                 {"{\"state\":\"FAILED\",\"exit_code\":0}", 1},
                 {"{\"state\":\"CANCELLED\",\"signal\":9}", 1},
                 {"{\"state\":\"TIMEOUT\"}", 1}};

    for (size_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        json_t *job = parse(cases[i].job);

        CHECK_EQ(dr_wait_exit_code(job), cases[i].code);
        json_decref(job);
    }
    CHECK_EQ(dr_wait_ended("COMPLETING"), 0);
    CHECK_EQ(dr_wait_ended("UNREACHABLE"), 0);
    CHECK_EQ(dr_wait_ended("COMPLETED"), 1);
    CHECK_EQ(dr_wait_ended("DEADLINE"), 1);
}
