/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdio.h>

const char *dr_format(char *text, size_t text_bytes, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, text_bytes, format, arguments);
    va_end(arguments);
    return text;
}

const char *dr_format_list(char *text, size_t text_bytes, const char *format, va_list arguments)
{
    vsnprintf(text, text_bytes, format, arguments);
    return text;
}
