/* SPDX-License-Identifier: Apache-2.0 */
/* page.h: JSON put into a page of HTML that stands in the program.
 *
 * The pages are made from web/report when Daero is built. Each has the mark "@data@" once, in an
 * element that is data: what is written there holds no code, and nothing in it can end that
 * element. dr_page_begin(), then any number of dr_page_put() and dr_page_put_json(), then
 * dr_page_end(). */
#ifndef DR_BASE_PAGE_H
#define DR_BASE_PAGE_H

#include <stdio.h>

#include "base/status.h"

/* A page's bytes as they lie in build/gen (Makefile), with a 0 after them: the definition of
 * `extern const char symbol[]`, once in the program. */
#define DR_PAGE_BYTES(symbol, file)                      \
    __asm__(".pushsection .rodata\n"                     \
            ".global " #symbol "\n"                      \
            ".type " #symbol ", %object\n" #symbol ":\n" \
            ".incbin \"" file "\"\n"                     \
            ".byte 0\n"                                  \
            ".size " #symbol ", . - " #symbol "\n"       \
            ".popsection\n")

/* What comes before the mark. */
void dr_page_begin(FILE *out, const char *page);
/* JSON's own punctuation, as it is. */
void dr_page_put(FILE *out, const char *text);
/* JSON of others: "<" is written as an escape. It stands in texts alone, and neither "</script" nor
 * "<!--" can then be in it. */
void dr_page_put_json(FILE *out, const char *json);
/* What comes behind the mark. DR_E_IO: not all of the page could be written. */
DR_MUST_USE enum dr_status dr_page_end(FILE *out, const char *page);

#endif
