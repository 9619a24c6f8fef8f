/* SPDX-License-Identifier: Apache-2.0 */
/* What limits clients: its names and ranges, its table in the docs, and a rate on its own clock. */
#include "test.h"

#include "base/buffer.h"
#include "base/text.h"
#include "serve/limits.h"

TEST(limits_are_set_by_name)
{
    struct dr_edge_limits limits = {0};
    struct dr_error error = {0};

    CHECK_EQ(dr_edge_limits_set(&limits, "token-rate=50", &error), DR_OK);
    CHECK_EQ(limits.token_rate, 50);
    CHECK_EQ(dr_edge_limits_set(&limits, "token_rate=1", &error), DR_OK);
    CHECK_EQ(limits.token_rate, 1);
    CHECK_EQ(dr_edge_limits_set(&limits, "token-rate=1000000", &error), DR_OK);
    CHECK_EQ(dr_edge_limits_set(&limits, "token-rate=1000001", &error), DR_E_INPUT);
    CHECK_TEXT(error.expected, "token-rate=N, from 1 to 1000000");
    CHECK_EQ(dr_edge_limits_set(&limits, "token-rate=0", &error), DR_E_INPUT);
    CHECK_EQ(dr_edge_limits_set(&limits, "token-rate", &error), DR_E_INPUT);
    CHECK_EQ(dr_edge_limits_set(&limits, "token-rat=5", &error), DR_E_INPUT);
    CHECK_HAS(error.expected, "daero serve --help");
    CHECK_EQ(dr_edge_limits_set(&limits, "", &error), DR_E_INPUT);
    CHECK_EQ(limits.token_rate, 1000000);
    dr_edge_limits_fill(&limits);
    CHECK_EQ(limits.token_rate, 1000000);
    CHECK_EQ(limits.streams, 256);
}

/* docs/api/README.md has a row for each. */
TEST(the_docs_list_them)
{
    static const char *const ROWS[] = {
#define ROW(name, standard, least, most, text) "| `" #name "` | " #standard " | " text " |",
        DR_EDGE_LIMITS(ROW)
#undef ROW
    };
    struct dr_buffer page;

    dr_buffer_init(&page, 1u << 20);
    CHECK_EQ(dr_buffer_read_file(&page, "docs/api/README.md"), DR_OK);
    for (size_t i = 0; i < DR_COUNT_OF(ROWS); i += 1) {
        if (strstr(dr_buffer_text(&page), ROWS[i]) == NULL)
            fail_msg("docs/api/README.md lacks: %s", ROWS[i]);
    }
    dr_buffer_deinit(&page);
}

TEST(a_rate_gives_a_burst_and_then_its_pace)
{
    struct dr_rate rate = {0};
    int64_t now_us = 77 * DR_DAY_US;

    for (int i = 0; i < 5; i += 1)
        CHECK_EQ(dr_rate_take(&rate, 10, 5, now_us), 0);
    for (int i = 0; i < 3; i += 1) /* what is refused costs nothing */
        CHECK_EQ(dr_rate_take(&rate, 10, 5, now_us), 100000);
    CHECK_EQ(dr_rate_take(&rate, 10, 5, now_us + 99999), 1);
    CHECK_EQ(dr_rate_take(&rate, 10, 5, now_us + 100000), 0);
    CHECK_EQ(dr_rate_take(&rate, 10, 5, now_us + 100000), 100000);
    now_us += DR_HOUR_US;
    for (int i = 0; i < 5; i += 1)
        CHECK_EQ(dr_rate_take(&rate, 10, 5, now_us), 0);
    CHECK(dr_rate_take(&rate, 10, 5, now_us) > 0);
}

/* Over an hour it is the pace that counts, however fast one asks; a burst of one is the strictest.
 */
TEST(a_rate_holds_over_time)
{
    static const struct {
        uint32_t per_s;
        uint32_t burst;
    } RATES[] = {{1, 1}, {3, 1}, {7, 20}, {1000, 2000}, {1000000, 1}};

    for (size_t i = 0; i < DR_COUNT_OF(RATES); i += 1) {
        struct dr_rate rate = {0};
        uint64_t passed = 0;

        for (int64_t now_us = 0; now_us < 10 * DR_SECOND_US; now_us += 37)
            passed += dr_rate_take(&rate, RATES[i].per_s, RATES[i].burst, now_us) == 0;
        CHECK(passed <= 10ull * RATES[i].per_s + RATES[i].burst);
        CHECK(passed >= 10ull * (RATES[i].per_s < 27000 ? RATES[i].per_s : 27000));
    }
}
