/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/pattern.h"

#include <inttypes.h>

#define WIDTH_MAX 10

static size_t put_number(char *text, size_t bytes, uint64_t value, int width)
{
    int length = snprintf(text, bytes, "%0*" PRIu64, width, value);

    return length < 0 ? 0 : (size_t)length;
}

static size_t put_name(char *text, size_t bytes, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < length && i + 1 < bytes; i += 1)
        text[i] = name[i] == '/' ? '_' : name[i];
    return length;
}

enum dr_status dr_pattern_fill(const char *pattern, const struct dr_launch *launch, uint32_t task,
                               char *path, size_t path_bytes, size_t *wrong)
{
    size_t used = 0;

    if (path_bytes == 0)
        return DR_E_FULL;
    for (size_t i = 0; pattern[i] != 0; i += 1) {
        char *at = path + used;
        size_t left = path_bytes - used;
        size_t begin = i;
        int width = 0;

        if (pattern[i] != '%') {
            *at = pattern[i];
            used += 1;
        } else {
            i += 1;
            while (pattern[i] >= '0' && pattern[i] <= '9' && width <= WIDTH_MAX) {
                width = width * 10 + (pattern[i] - '0');
                i += 1;
            }
            if (width > WIDTH_MAX)
                width = WIDTH_MAX;
            switch (pattern[i]) {
            case 'j':
                used += put_number(at, left, launch->job.v, width);
                break;
            case 'A':
                used += put_number(at, left,
                                   launch->array_job.v != 0 ? launch->array_job.v : launch->job.v,
                                   width);
                break;
            case 'a':
                used += put_number(at, left, launch->array_index, width);
                break;
            case 't':
                used += put_number(at, left, task, width);
                break;
            case 'x':
                used += put_name(at, left, launch->name);
                break;
            case 'u':
                used += put_name(at, left, launch->user);
                break;
            case '%':
                *at = '%';
                used += 1;
                break;
            default:
                if (wrong != NULL)
                    *wrong = begin;
                return DR_E_INPUT;
            }
        }
        if (used >= path_bytes)
            return DR_E_FULL;
    }
    path[used] = 0;
    return DR_OK;
}

int dr_pattern_has_task(const char *pattern)
{
    for (size_t i = 0; pattern[i] != 0; i += 1) {
        if (pattern[i] != '%')
            continue;
        i += 1;
        while (pattern[i] >= '0' && pattern[i] <= '9')
            i += 1;
        if (pattern[i] == 't')
            return 1;
        if (pattern[i] == 0)
            return 0;
    }
    return 0;
}
