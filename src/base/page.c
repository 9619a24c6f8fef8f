/* SPDX-License-Identifier: Apache-2.0 */
#include "base/page.h"

#include <string.h>

#include "base/assert.h"

#define MARK "@data@"

static const char *mark_of(const char *page)
{
    const char *mark = strstr(page, MARK);

    DR_ASSERT(mark != NULL);
    return mark;
}

void dr_page_begin(FILE *out, const char *page)
{
    fwrite(page, 1, (size_t)(mark_of(page) - page), out);
}

void dr_page_put(FILE *out, const char *text)
{
    fputs(text, out);
}

void dr_page_put_json(FILE *out, const char *json)
{
    for (;;) {
        size_t plain = strcspn(json, "<");

        fwrite(json, 1, plain, out);
        json += plain;
        if (*json == '\0')
            return;
        fputs("\\u003c", out);
        json += 1;
    }
}

enum dr_status dr_page_end(FILE *out, const char *page)
{
    fputs(mark_of(page) + strlen(MARK), out);
    return fflush(out) == 0 && !ferror(out) ? DR_OK : DR_E_IO;
}
