/* SPDX-License-Identifier: Apache-2.0 */
/* top.h: the screen of `daero top` as lines, before any terminal. */
#ifndef DR_CLI_TOP_H
#define DR_CLI_TOP_H

#include "cli/cli.h"

enum dr_screen_style {
    DR_STYLE_PLAIN,
    DR_STYLE_TITLE,
    DR_STYLE_HEADER,
    DR_STYLE_GOOD,
    DR_STYLE_NOTE,
    DR_STYLE_BAD,
};

struct dr_screen_line {
    char text[1024];
    size_t bytes;
    uint32_t columns; /* that the text takes */
    enum dr_screen_style style;
};

struct dr_screen {
    struct dr_screen_line *lines;
    uint32_t count;
    uint32_t fixed;   /* lines at the top that don't scroll */
    uint32_t columns; /* no line takes more */
};

void dr_screen_init(struct dr_screen *screen, uint32_t columns);
void dr_screen_deinit(struct dr_screen *screen);
/* Make the screen anew from the API's answers (any may be NULL). */
void dr_screen_draw(struct dr_screen *screen, const json_t *health, const json_t *sites,
                    const json_t *accounts, const json_t *live, const json_t *ended);

#endif
