/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/pattern.h"

#include "test.h"

static const struct dr_launch launch = {.job = {123},
                                        .attempt = 1,
                                        .name = "a/../b",
                                        .user = "kim",
                                        .array_job = {120},
                                        .array_index = 3};

static void check(const char *pattern, const char *path)
{
    char text[256];

    if (dr_pattern_fill(pattern, &launch, 5, text, sizeof text, NULL) != DR_OK)
        fail_msg("'%s' is refused", pattern);
    CHECK_TEXT(text, path);
}

TEST(every_letter)
{
    check("plain", "plain");
    check("%j", "123");
    check("%A_%a.out", "120_3.out");
    check("/x/%t-%u", "/x/5-kim");
    check("%05j-%3t-%j", "00123-005-123");
    check("100%%", "100%");
    check("%%j", "%j");
    /* a name is one part of a path, wherever it comes from */
    check("%x", "a_.._b");
}

TEST(without_an_array)
{
    struct dr_launch single = {.job = {9}, .name = "", .user = ""};
    char text[16];

    CHECK_EQ(dr_pattern_fill("%A_%a", &single, 0, text, sizeof text, NULL), DR_OK);
    CHECK_TEXT(text, "9_0");
}

TEST(wrong_letters_and_long_results)
{
    char text[8];
    size_t wrong = 0;

    CHECK_EQ(dr_pattern_fill("ab%q", &launch, 0, text, sizeof text, &wrong), DR_E_INPUT);
    CHECK_EQ(wrong, 2);
    CHECK_EQ(dr_pattern_fill("ab%", &launch, 0, text, sizeof text, &wrong), DR_E_INPUT);
    CHECK_EQ(dr_pattern_fill("%99999999999j", &launch, 0, text, sizeof text, &wrong), DR_E_INPUT);
    CHECK_EQ(dr_pattern_fill("1234567", &launch, 0, text, sizeof text, NULL), DR_OK);
    CHECK_EQ(dr_pattern_fill("12345678", &launch, 0, text, sizeof text, NULL), DR_E_FULL);
    CHECK_EQ(dr_pattern_fill("%010j", &launch, 0, text, sizeof text, NULL), DR_E_FULL);
    CHECK_EQ(dr_pattern_fill("1234%x", &launch, 0, text, sizeof text, NULL), DR_E_FULL);
    CHECK_EQ(dr_pattern_fill("", &launch, 0, text, 0, NULL), DR_E_FULL);
}

TEST(files_of_their_own)
{
    CHECK(dr_pattern_has_task("a-%t"));
    CHECK(dr_pattern_has_task("%04t"));
    CHECK(!dr_pattern_has_task("a-%%t"));
    CHECK(!dr_pattern_has_task("%j"));
    CHECK(!dr_pattern_has_task("%"));
}
