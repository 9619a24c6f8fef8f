/* SPDX-License-Identifier: Apache-2.0 */
/* What stands where at the end of a month. */
#include <string.h>

#include "scenario/tables.h"

int64_t dr_scenario_pool_count(const struct dr_scenario *scenario, uint32_t pool,
                               const struct dr_scenario_moment *moment)
{
    int64_t count = 0;

    for (uint32_t f = 0; f < rows_of(scenario, TABLE_FLEET); f += 1) {
        if (scenario->fleet_pool[f] == pool && (scenario->fleet_wave[f] & moment->waves) != 0 &&
            value_of(scenario, TABLE_FLEET, f, FLEET_month) <= moment->month)
            count += value_of(scenario, TABLE_FLEET, f, FLEET_count);
    }
    return count;
}

uint32_t dr_scenario_power_row(const struct dr_scenario *scenario, uint32_t site, int64_t month)
{
    const char *name = text_of(scenario, TABLE_SITE, site, SITE_site);
    int64_t latest = INT64_MIN;
    uint32_t row = NO_ROW;

    for (uint32_t p = 0; p < rows_of(scenario, TABLE_POWER); p += 1) {
        int64_t from = value_of(scenario, TABLE_POWER, p, POWER_month);

        if (strcmp(text_of(scenario, TABLE_POWER, p, POWER_site), name) != 0 || from > month ||
            from < latest)
            continue;
        latest = from;
        row = p;
    }
    return row;
}

int64_t dr_scenario_cap_w(const struct dr_scenario *scenario, uint32_t site, int64_t month)
{
    uint32_t row = dr_scenario_power_row(scenario, site, month);

    return row == NO_ROW ? 0
                         : value_of(scenario, TABLE_POWER, row, POWER_power_mw); /* millionths */
}

void dr_scenario_count(const struct dr_scenario *scenario, const struct dr_scenario_moment *moment,
                       struct dr_scenario_totals *totals)
{
    *totals = (struct dr_scenario_totals){0};
    for (uint32_t s = 0; s < rows_of(scenario, TABLE_SITE); s += 1) {
        int64_t it_w = 0;
        uint32_t pools = 0;

        for (uint32_t p = 0; p < scenario->pools_count; p += 1) {
            const struct scenario_pool *pool = &scenario->pools[p];
            int64_t per_node = value_of(scenario, TABLE_CHIP, pool->chip, CHIP_node_accelerators);
            int64_t count = pool->site == s ? dr_scenario_pool_count(scenario, p, moment) : 0;

            if (count == 0)
                continue;
            pools += (uint32_t)(count >= per_node) + (uint32_t)(count % per_node != 0);
            totals->nodes += (count + per_node - 1) / per_node;
            totals->accelerators += count;
            it_w += count * value_of(scenario, TABLE_CHIP, pool->chip, CHIP_it_w);
        }
        if (pools == 0)
            continue;
        totals->sites += 1;
        totals->pools += pools;
        totals->load_w += it_w * value_of(scenario, TABLE_SITE, s, SITE_pue) / MICRO;
        totals->cap_w += dr_scenario_cap_w(scenario, s, moment->month);
    }
}
