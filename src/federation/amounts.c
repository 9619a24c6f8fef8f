/* SPDX-License-Identifier: Apache-2.0 */
/* Amounts as people write them, exactly: reading one back gives the same. */
#include <inttypes.h>

#include "federation/file.h"

const char *dr_format_exact_duration(int64_t duration_us, char text[DR_AMOUNT_BYTES])
{
    static const struct {
        int64_t us;
        char letter;
    } units[] = {{DR_DAY_US, 'd'}, {DR_HOUR_US, 'h'}, {DR_MINUTE_US, 'm'}};
    int64_t rest = duration_us;
    size_t at = 0;

    for (size_t i = 0; i < DR_COUNT_OF(units); i += 1) {
        if (rest >= units[i].us) {
            at += (size_t)snprintf(text + at, DR_AMOUNT_BYTES - at, "%" PRId64 "%c",
                                   rest / units[i].us, units[i].letter);
            rest %= units[i].us;
        }
    }
    if (rest > 0 || at == 0) {
        char seconds[DR_AMOUNT_BYTES];

        snprintf(text + at, DR_AMOUNT_BYTES - at, "%ss", dr_format_exact_money(rest, seconds));
    }
    return text;
}

const char *dr_format_exact_memory(int64_t memory_mb, char text[DR_AMOUNT_BYTES])
{
    static const char letters[] = "MGT";
    size_t unit = 0;

    while (unit < 2 && memory_mb != 0 && memory_mb % 1024 == 0) {
        memory_mb /= 1024;
        unit += 1;
    }
    snprintf(text, DR_AMOUNT_BYTES, "%" PRId64 "%c", memory_mb, letters[unit]);
    return text;
}

const char *dr_format_exact_money(int64_t micro, char text[DR_AMOUNT_BYTES])
{
    int length = snprintf(text, DR_AMOUNT_BYTES, "%s%" PRId64 ".%06" PRId64, micro < 0 ? "-" : "",
                          micro < 0 ? -(micro / 1000000) : micro / 1000000,
                          micro < 0 ? -(micro % 1000000) : micro % 1000000);

    while (text[length - 1] == '0')
        length -= 1;
    if (text[length - 1] == '.')
        length -= 1;
    text[length] = '\0';
    return text;
}

const char *dr_format_amount(uint8_t resource, int64_t amount, char text[DR_AMOUNT_BYTES])
{
    if (resource == DR_RESOURCE_MEMORY)
        return dr_format_exact_memory(amount, text);
    return dr_format_milli(amount, text);
}
