/* SPDX-License-Identifier: Apache-2.0 */
#include "base/words.h"

#include <string.h>

int dr_words_add(char *text, size_t bytes, const char *word)
{
    size_t begin = strlen(text);
    size_t at = begin;

    if (at > 0 && at + 1 < bytes)
        text[at++] = ' ';
    for (; *word != '\0'; word += 1) {
        if (at + 2 >= bytes) {
            text[begin] = '\0';
            return 0;
        }
        if (*word == ' ' || *word == '\\')
            text[at++] = '\\';
        text[at++] = *word;
    }
    text[at] = '\0';
    return 1;
}

uint32_t dr_words_split(const char *text, char *room, size_t room_bytes, char **words,
                        uint32_t words_max)
{
    uint32_t count = 0;
    size_t at = 0;

    while (*text != '\0') {
        if (*text == ' ') {
            text += 1;
            continue;
        }
        if (count == words_max)
            return 0;
        words[count] = room + at;
        count += 1;
        for (; *text != '\0' && *text != ' '; text += 1) {
            if (*text == '\\' && text[1] != '\0')
                text += 1;
            if (at + 1 >= room_bytes)
                return 0;
            room[at++] = *text;
        }
        if (at >= room_bytes)
            return 0;
        room[at++] = '\0';
    }
    return count;
}
