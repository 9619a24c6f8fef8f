/* SPDX-License-Identifier: Apache-2.0 */
/* Words in one text: what was put in comes out, and what does not fit changes nothing. */
#include "base/words.h"

#include <string.h>

#include "test.h"

TEST(words_come_back)
{
    static const char *const WORDS[] = {"ssh", "a b", "c\\d", " ", "\\ ", "+%o", "한글"};
    char text[64] = "";
    char room[64];
    char *words[DR_COUNT_OF(WORDS)];

    for (size_t i = 0; i < DR_COUNT_OF(WORDS); i += 1)
        CHECK(dr_words_add(text, sizeof text, WORDS[i]));
    CHECK_TEXT(text, "ssh a\\ b c\\\\d \\  \\\\\\  +%o 한글");
    CHECK_EQ(dr_words_split(text, room, strlen(text) + 1, words, DR_COUNT_OF(WORDS)),
             DR_COUNT_OF(WORDS));
    for (size_t i = 0; i < DR_COUNT_OF(WORDS); i += 1)
        CHECK_TEXT(words[i], WORDS[i]);
    CHECK_EQ(dr_words_split(text, room, sizeof room, words, DR_COUNT_OF(WORDS) - 1), 0);
}

TEST(words_have_bounds)
{
    char text[8] = "abc";
    char room[8];
    char *words[4];

    CHECK(!dr_words_add(text, sizeof text, "defg"));
    CHECK_TEXT(text, "abc");
    CHECK(!dr_words_add(text, sizeof text, "d f"));
    CHECK_TEXT(text, "abc");
    CHECK(dr_words_add(text, sizeof text, "def") || strcmp(text, "abc") == 0);
    CHECK_EQ(dr_words_split("", room, sizeof room, words, 4), 0);
    CHECK_EQ(dr_words_split("  a  b ", room, sizeof room, words, 4), 2);
    CHECK_TEXT(words[1], "b");
    CHECK_EQ(dr_words_split("abcdefgh", room, sizeof room, words, 4), 0);
    CHECK_EQ(dr_words_split("a\\", room, sizeof room, words, 4), 1); /* at the end it is itself */
    CHECK_TEXT(words[0], "a\\");
}
