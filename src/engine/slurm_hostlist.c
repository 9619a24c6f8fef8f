/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/slurm_hostlist.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct walk {
    uint32_t names_max;
    uint32_t count;
    void (*each)(void *context, const char *name);
    void *context;
};

/* Digits up to `end`; how many, or 0: none, or too many. */
static uint32_t number_of(const char *at, const char *end, uint64_t *value)
{
    uint32_t digits = 0;

    *value = 0;
    while (at + digits < end && at[digits] >= '0' && at[digits] <= '9') {
        *value = *value * 10 + (uint64_t)(at[digits] - '0');
        digits += 1;
        if (digits > 9)
            return 0;
    }
    return digits;
}

/* `name` holds `used` bytes; the rest of the pattern is at..end, without commas outside brackets.
 */
static int expand(struct walk *walk, char name[DR_SLURM_HOST_BYTES], size_t used, const char *at,
                  const char *end)
{
    const char *close;

    while (at < end && *at != '[') {
        if (used + 1 >= DR_SLURM_HOST_BYTES || *at == ']')
            return 0;
        name[used++] = *at++;
    }
    if (at == end) {
        if (used == 0 || walk->count == walk->names_max)
            return 0;
        name[used] = 0;
        walk->count += 1;
        walk->each(walk->context, name);
        return 1;
    }
    close = memchr(at, ']', (size_t)(end - at));
    if (close == NULL || close == at + 1)
        return 0;
    for (at += 1; at < close;) {
        uint64_t first, last;
        uint32_t width = number_of(at, close, &first);

        if (width == 0)
            return 0;
        at += width;
        last = first;
        if (at < close && *at == '-') {
            uint32_t digits = number_of(at + 1, close, &last);

            if (digits == 0 || last < first)
                return 0;
            at += 1 + digits;
        }
        for (uint64_t number = first; number <= last; number += 1) {
            int length =
                snprintf(name + used, DR_SLURM_HOST_BYTES - used, "%0*" PRIu64, (int)width, number);

            if (length < 0 || (size_t)length >= DR_SLURM_HOST_BYTES - used ||
                !expand(walk, name, used + (size_t)length, close + 1, end))
                return 0;
        }
        if (at < close && *at != ',')
            return 0;
        at += at < close;
    }
    return 1;
}

enum dr_status dr_slurm_hostlist(const char *text, size_t bytes, uint32_t names_max,
                                 void (*each)(void *context, const char *name), void *context)
{
    struct walk walk = {.names_max = names_max, .each = each, .context = context};
    char name[DR_SLURM_HOST_BYTES];
    size_t begin = 0;
    int inside = 0;

    for (size_t i = 0; i <= bytes; i += 1) {
        if (i < bytes && text[i] == '[')
            inside += 1;
        if (i < bytes && text[i] == ']')
            inside -= 1;
        if (inside < 0 || inside > 1)
            return DR_E_INPUT;
        if (i < bytes && (text[i] != ',' || inside))
            continue;
        if (bytes > 0 && !expand(&walk, name, 0, text + begin, text + i))
            return DR_E_INPUT;
        begin = i + 1;
    }
    return inside == 0 ? DR_OK : DR_E_INPUT;
}
