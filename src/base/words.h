/* SPDX-License-Identifier: Apache-2.0 */
/* words.h: a command's words kept in one text, as facts and people read it.
 *
 * They stand with a space between them; a space or a backslash in a word has a backslash before it:
 * `cat a\ file`. No shell is in this, and none understands it all. */
#ifndef DR_BASE_WORDS_H
#define DR_BASE_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* Append a word, which is not empty, to `text` [bytes]. 0: there is no room, and nothing changed.
 */
DR_MUST_USE int dr_words_add(char *text, size_t bytes, const char *word);

/* The words of a text, 0-terminated in `room` [room_bytes: strlen(text) + 1 is enough], at most
 * `words_max`. Returns how many; more than that, or than there is room for: 0. */
uint32_t dr_words_split(const char *text, char *room, size_t room_bytes, char **words,
                        uint32_t words_max);

#endif
