/* SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"

#include <stdarg.h>

const char *dr_status_text(enum dr_status status)
{
    switch (status) {
#define DR_STATUS_TEXT(name, text) \
    case DR_##name:                \
        return text;
        DR_STATUSES(DR_STATUS_TEXT)
#undef DR_STATUS_TEXT
    }
    return "unknown status";
}

static void copy_cut(char *to, size_t to_bytes, const char *from)
{
    size_t length = from == NULL ? 0 : strlen(from);

    if (length < to_bytes) {
        if (length > 0)
            memcpy(to, from, length);
        to[length] = '\0';
        return;
    }
    memcpy(to, from, to_bytes - 4);
    memcpy(to + to_bytes - 4, "...", 4);
}

void dr_error_set(struct dr_error *error, const char *file, uint32_t line, const char *field,
                  const char *found, const char *expected_format, ...)
{
    va_list arguments;

    if (error == NULL)
        return;
    copy_cut(error->file, sizeof error->file, file);
    error->line = line;
    copy_cut(error->field, sizeof error->field, field);
    copy_cut(error->found, sizeof error->found, found);
    error->expected[0] = '\0';
    if (expected_format != NULL) {
        va_start(arguments, expected_format);
        vsnprintf(error->expected, sizeof error->expected, expected_format, arguments);
        va_end(arguments);
    }
}

const char *dr_error_line(const struct dr_error *error, char *text, uint32_t text_bytes)
{
    char place[320] = "";

    if (error->file[0] != '\0' && error->line > 0)
        snprintf(place, sizeof place, "%s:%u: ", error->file, error->line);
    else if (error->file[0] != '\0')
        snprintf(place, sizeof place, "%s: ", error->file);
    snprintf(text, text_bytes, "%s%s%s%s%s%s%s%s", place, error->field,
             error->field[0] != '\0' ? ": " : "", error->found[0] != '\0' ? "found '" : "",
             error->found, error->found[0] != '\0' ? "'" : "",
             error->found[0] != '\0' && error->expected[0] != '\0' ? ", expected " : "",
             error->expected);
    return text;
}
