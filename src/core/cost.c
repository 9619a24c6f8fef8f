/* SPDX-License-Identifier: Apache-2.0 */
/* What a place costs, and what it draws. See place.h. */
#include "core/space.h"

#include "base/math.h"
#include "core/power.h"

#define NONE           DR_ROW_NONE
#define MARGIN_YEAR_US (366 * DR_DAY_US)

/* ---- money ---- */

/* What one kW costs from `from_us` for `span_us`, micro-units; `sum` is the site's tariff summed up
 * by hours. */
static int64_t kilowatt_cost(const struct dr_site *site, const int64_t *sum, int64_t from_us,
                             int64_t span_us)
{
    int64_t local = from_us + site->utc_offset_min * DR_MINUTE_US;
    int64_t from = ((local % DR_DAY_US) + DR_DAY_US) % DR_DAY_US;
    int64_t hour = from / DR_HOUR_US;
    int64_t rest = span_us % DR_DAY_US;
    int64_t cost = span_us / DR_DAY_US * sum[DR_TARIFF_HOURS];
    int64_t first = dr_min_i64(rest, DR_HOUR_US - from % DR_HOUR_US);
    int64_t hours;

    /* To the full hour, whole hours, and what is left of the last. */
    cost += dr_mul_div_floor(site->tariff_micro[hour], first, DR_HOUR_US);
    rest -= first;
    hour += 1;
    hours = rest / DR_HOUR_US;
    rest %= DR_HOUR_US;
    if (hour + hours < DR_TARIFF_HOURS)
        cost += sum[hour + hours] - sum[hour];
    else
        cost += sum[DR_TARIFF_HOURS] - sum[hour] + sum[hour + hours - DR_TARIFF_HOURS];
    return cost +
           dr_mul_div_floor(site->tariff_micro[(hour + hours) % DR_TARIFF_HOURS], rest, DR_HOUR_US);
}

int64_t dr_place_span_us(const struct dr_core *core, const struct dr_want *want, int64_t limit_us)
{
    uint32_t factor = core->shapes[want->shape].alternatives[want->alternative].factor;

    return dr_mul_div_floor(dr_min_i64(limit_us, MARGIN_YEAR_US), factor == 0 ? 1000 : factor,
                            1000);
}

int64_t dr_place_cost(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                      int64_t limit_us, int64_t now_us)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];
    const struct dr_site *site = &core->sites[where->site.v - 1];
    int64_t thousandths = want->amounts.of[DR_RESOURCE_ACCELERATORS];
    int64_t milliwatts = 0;
    int64_t cost = 0;
    int64_t span_us = dr_place_span_us(core, want, limit_us);

    dr_place_prepare(core);

    if (where->chip.v != 0) {
        const struct dr_chip *chip = &core->chips[where->chip.v - 1];

        cost = dr_mul_div_floor(dr_mul_div_floor(thousandths, chip->price_micro, 1000), span_us,
                                DR_HOUR_US);
        milliwatts = thousandths * chip->busy_w;
    }
    if (where->cpus > 0)
        milliwatts += dr_mul_div_floor(where->node_idle_w * 1000, want->cpus * want->tasks,
                                       (int64_t)where->cpus);
    return cost + dr_mul_div_floor(kilowatt_cost(site, core->places->tariff_sum[where->site.v - 1],
                                                 now_us, span_us),
                                   dr_mul_div_floor(milliwatts, site->pue_milli, 1000), 1000000);
}

int64_t dr_place_span_cost(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                           const struct dr_extent *extents, uint32_t count)
{
    const struct dr_shape *shape = &core->shapes[want->shape];
    const struct dr_pool *where = &core->pools[pool.v - 1];
    const struct dr_space *space = &core->places->spaces[pool.v - 1];
    int64_t used = 0;
    int64_t least;
    int64_t fit = dr_space_tasks_empty(want, space);
    uint32_t last = NONE;
    int level;

    if (shape->level_kind != 1 || fit == 0)
        return 0;
    level = dr_space_level_named(where, shape->level);
    if (level == DR_LEVEL_MISSING)
        return 0;
    if (level != DR_LEVEL_NODE)
        fit *= space->size[level];
    least = (want->tasks + fit - 1) / fit;
    for (uint32_t i = 0; i < count; i += 1) {
        uint32_t number = core->nodes[extents[i].node.v - 1].number;
        uint32_t domain = level == DR_LEVEL_NODE ? number : number / space->size[level];

        used += domain != last;
        last = domain;
    }
    return dr_max_i64(0, used - least) * core->settings.span_price_micro;
}

/* ---- power ---- */

int64_t dr_place_power_missing(const struct dr_core *core, const struct dr_want *want,
                               dr_pool_id pool, const struct dr_extent *extents, uint32_t count,
                               int64_t from_us, int64_t until_us, struct dr_power_lack *lack)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];
    struct dr_power_lack found;
    int64_t more_mw = 0;

    dr_place_prepare(core);
    if (!core->power->domains[where->site.v - 1].limited)
        return 0;
    if (where->chip.v != 0) {
        const struct dr_chip *chip = &core->chips[where->chip.v - 1];

        for (uint32_t i = 0; i < count; i += 1) {
            const struct dr_node *node = &core->nodes[extents[i].node.v - 1];

            if (want->part != 0)
                more_mw += (int64_t)extents[i].tasks * want->part;
            else
                more_mw += 1000 * (int64_t)dr_bit_count(
                                      extents[i].accelerators &
                                      core->places->spaces[pool.v - 1].rooms[node->number].free);
        }
        more_mw *= chip->busy_w - chip->idle_w;
    }
    found = dr_power_lack(core, where->site, more_mw, from_us, until_us);
    if (lack != NULL)
        *lack = found;
    return found.missing_w;
}
