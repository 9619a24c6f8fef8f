/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/status.h"

TEST(every_status_has_a_text_of_its_own)
{
    static const enum dr_status all[] = {
#define STATUS_VALUE(name, text) DR_##name,
        DR_STATUSES(STATUS_VALUE)
#undef STATUS_VALUE
    };

    for (size_t i = 0; i < DR_COUNT_OF(all); i += 1) {
        CHECK(strlen(dr_status_text(all[i])) > 0);
        for (size_t k = 0; k < i; k += 1)
            CHECK(strcmp(dr_status_text(all[i]), dr_status_text(all[k])) != 0);
    }
}

TEST(a_line_for_a_person)
{
    struct dr_error error;
    char text[1200];

    dr_error_set(&error, "f.yaml", 7, "sites.a", "x", "a number from %d to %d", 1, 9);
    CHECK_TEXT(dr_error_line(&error, text, sizeof text),
               "f.yaml:7: sites.a: found 'x', expected a number from 1 to 9");
    dr_error_set(&error, "f.yaml", 0, NULL, NULL, "readable text");
    CHECK_TEXT(dr_error_line(&error, text, sizeof text), "f.yaml: readable text");
    dr_error_set(&error, NULL, 0, "name", "X", NULL);
    CHECK_TEXT(dr_error_line(&error, text, sizeof text), "name: found 'X'");
    dr_error_set(NULL, "f", 1, "a", "b", "c"); /* nobody wants to know */
}

TEST(long_texts_are_cut)
{
    struct dr_error error;
    char big[2000];
    char text[64];

    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    dr_error_set(&error, big, 1, big, big, "%s", big);
    CHECK_EQ(strlen(error.file), sizeof error.file - 1);
    CHECK_TEXT(error.file + sizeof error.file - 4, "...");
    CHECK_EQ(strlen(error.field), sizeof error.field - 1);
    CHECK_EQ(strlen(error.found), sizeof error.found - 1);
    CHECK_TEXT(error.found + sizeof error.found - 4, "...");
    dr_error_line(&error, text, sizeof text);
    CHECK_EQ(strlen(text), sizeof text - 1);
}
