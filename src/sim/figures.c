/* SPDX-License-Identifier: Apache-2.0 */
/* See figures.h. */
#include "sim/figures.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"

const char *const DR_STATISTIC_NAMES[DR_STATISTICS] = {"mean", "p50", "p90", "p95", "p99", "max"};

int64_t dr_millionths(__int128 part, __int128 whole)
{
    return whole == 0 ? 0 : (int64_t)(part * 1000000 / whole);
}

void dr_put_millionths(struct dr_buffer *out, int64_t value)
{
    char text[DR_TEXT_BYTES];
    int64_t whole = value < 0 ? -value : value;
    int64_t rest = whole % 1000000;
    int places = 6;

    for (; rest != 0 && rest % 10 == 0; rest /= 10)
        places -= 1;
    if (rest == 0)
        dr_format(text, sizeof text, "%s%lld", value < 0 ? "-" : "", (long long)(whole / 1000000));
    else
        dr_format(text, sizeof text, "%s%lld.%0*lld", value < 0 ? "-" : "",
                  (long long)(whole / 1000000), places, (long long)rest);
    dr_buffer_append_text(out, text);
}

void dr_put_figure(struct dr_buffer *out, const char *name, int64_t value)
{
    dr_buffer_printf(out, "\"%s\":", name);
    dr_put_millionths(out, value);
}

/* Bytes of the character that begins here; 0: none does. */
static uint32_t utf8_bytes(const unsigned char *text)
{
    uint32_t count = text[0] < 0x80                      ? 1
                     : text[0] >= 0xc2 && text[0] < 0xe0 ? 2
                     : text[0] >= 0xe0 && text[0] < 0xf0 ? 3
                     : text[0] >= 0xf0 && text[0] < 0xf5 ? 4
                                                         : 0;

    for (uint32_t i = 1; i < count; i += 1)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    /* Longer than need be, half a pair, or above the last one. */
    if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] >= 0xa0) ||
        (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] >= 0x90))
        return 0;
    return count;
}

void dr_put_words(struct dr_buffer *out, const char *name, const char *text)
{
    dr_buffer_printf(out, "\"%s\":\"", name);
    for (const unsigned char *at = (const unsigned char *)text; *at != 0;) {
        uint32_t count = utf8_bytes(at);

        if (count == 0)
            dr_buffer_append_text(out, "?");
        else if (*at < 0x20)
            dr_buffer_printf(out, "\\u%04x", *at);
        else if (*at == '"' || *at == '\\')
            dr_buffer_printf(out, "\\%c", *at);
        else
            dr_buffer_append(out, at, count);
        at += count == 0 ? 1 : count;
    }
    dr_buffer_append_text(out, "\"");
}

static int compare_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

struct dr_spread dr_spread_of(int64_t *values, uint64_t count)
{
    static const uint32_t percents[DR_STATISTICS] = {0, 50, 90, 95, 99, 100};
    struct dr_spread spread = {.count = count};
    __int128 sum = 0;

    if (count == 0)
        return spread;
    qsort(values, count, sizeof values[0], compare_i64);
    for (uint64_t i = 0; i < count; i += 1)
        sum += values[i];
    spread.of[DR_STATISTIC_MEAN] = (int64_t)(sum / (__int128)count);
    for (uint32_t i = DR_STATISTIC_P50; i < DR_STATISTICS; i += 1)
        spread.of[i] = values[(count * percents[i] + 99) / 100 - 1];
    return spread;
}

void dr_put_spread(struct dr_buffer *out, const char *name, const struct dr_spread *spread)
{
    dr_buffer_printf(out, "\"%s\":{\"count\":%" PRIu64, name, spread->count);
    for (uint32_t i = 0; i < DR_STATISTICS; i += 1) {
        dr_buffer_append_text(out, ",");
        dr_put_figure(out, DR_STATISTIC_NAMES[i], spread->of[i]);
    }
    dr_buffer_append_text(out, "}");
}
