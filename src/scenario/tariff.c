/* SPDX-License-Identifier: Apache-2.0 */
/* What a kilowatt-hour costs in each hour of a working day. */
#include <string.h>

#include "base/math.h"
#include "scenario/tables.h"

/* Two numbers parted by '-', or one alone. */
static int take_range(const char *text, size_t bytes, int64_t first, int64_t last, int64_t *from,
                      int64_t *to)
{
    char copy[16];
    char *dash;

    if (bytes == 0 || bytes >= sizeof copy)
        return 0;
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    dash = strchr(copy, '-');
    if (dash != NULL)
        *dash = '\0';
    return copy[0] >= '0' && dr_parse_i64(copy, first, last, from) &&
           (dash == NULL || dash[1] >= '0') &&
           dr_parse_i64(dash == NULL ? copy : dash + 1, first, last, to);
}

int dr_scenario_ranges(const char *text, int64_t first, int64_t size, int open, uint64_t *bits)
{
    *bits = 0;
    while (*text != '\0') {
        size_t bytes = strcspn(text, ";");
        int64_t from;
        int64_t to;
        int64_t length;

        if (!take_range(text, bytes, first, first + size - !open, &from, &to))
            return 0;
        length = (to - from + size) % size + !open;
        if (open && to - from == size)
            length = size; /* 00-24 */
        if (length == 0)
            return 0;
        for (int64_t i = 0; i < length; i += 1)
            *bits |= UINT64_C(1) << ((from - first + i) % size);
        text += bytes;
        if (*text == ';') {
            text += 1;
            if (*text == '\0')
                return 0;
        }
    }
    return *bits != 0;
}

/* The row counts at the end of a month. */
static int in_effect(const struct dr_scenario *scenario, uint32_t row, int64_t month)
{
    int64_t from = value_of(scenario, TABLE_TARIFF, row, TARIFF_effective_from);
    int64_t to = value_of(scenario, TABLE_TARIFF, row, TARIFF_effective_to);
    int64_t date = month / 12 * 100 + month % 12 + 1; /* 203012, as in 20301231 */

    if (to != DR_CSV_EMPTY && (to / 100 < date || (to / 100 == date && to % 100 < 28)))
        return 0;
    return from / 100 <= date;
}

/* A price with the charges per kWh and those that are a fraction of the bill. */
static int64_t with_charges(const struct dr_scenario *scenario, int64_t price)
{
    for (int fractions = 0; fractions < 2; fractions += 1) {
        int64_t sum = 0;

        for (uint32_t c = 0; c < rows_of(scenario, TABLE_CHARGE); c += 1) {
            int fraction =
                strcmp(text_of(scenario, TABLE_CHARGE, c, CHARGE_unit), "fraction of bill") == 0;
            int64_t value = 0;

            if (value_of(scenario, TABLE_CHARGE, c, CHARGE_in_tariff) == 1 &&
                fraction == fractions &&
                dr_parse_milli(text_of(scenario, TABLE_CHARGE, c, CHARGE_value), 0,
                               INT64_C(1000000000), &value))
                sum += value * 1000;
        }
        price += fractions ? dr_mul_div_floor(price, sum, MICRO) : sum;
    }
    return price;
}

int dr_scenario_tariff(const struct dr_scenario *scenario, int64_t month, int64_t prices[24],
                       struct dr_error *error)
{
    const struct dr_csv_table *table = &scenario->tables[TABLE_TARIFF];
    uint64_t covered = 0;
    char text[DR_MONTH_BYTES];

    for (uint32_t t = 0; t < table->rows_count; t += 1) {
        uint64_t months;
        uint64_t hours;

        if (value_of(scenario, TABLE_TARIFF, t, TARIFF_day_type) != 0 ||
            !in_effect(scenario, t, month))
            continue;
        if (!dr_scenario_ranges(text_of(scenario, TABLE_TARIFF, t, TARIFF_months), 1, 12, 0,
                                &months) ||
            !dr_scenario_ranges(text_of(scenario, TABLE_TARIFF, t, TARIFF_hours), 0, 24, 1,
                                &hours) ||
            (months >> (month % 12) & 1) == 0)
            continue;
        if ((covered & hours) != 0) {
            dr_error_set(error, table->file, table->lines[t], "hours",
                         text_of(scenario, TABLE_TARIFF, t, TARIFF_hours),
                         "one price for each hour of a working day of %s",
                         dr_format_month(month, text));
            return 0;
        }
        covered |= hours;
        for (uint32_t h = 0; h < 24; h += 1) {
            if (hours >> h & 1)
                prices[h] = with_charges(scenario,
                                         value_of(scenario, TABLE_TARIFF, t, TARIFF_price_per_kwh));
        }
    }
    if (covered != (UINT64_C(1) << 24) - 1) {
        dr_error_set(error, table->file, 0, "hours", covered == 0 ? "nothing" : "a gap",
                     "a price for each hour of a working day of %s", dr_format_month(month, text));
        return 0;
    }
    return 1;
}
