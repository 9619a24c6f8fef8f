/* SPDX-License-Identifier: Apache-2.0 */
/* What a place costs, and what it draws. See place.h. */
#include "core/space.h"

#include "base/math.h"
#include "core/power.h"
#include "core/queue.h"

#define NONE           DR_ROW_NONE
#define MARGIN_YEAR_US (366 * DR_DAY_US)
#define TARIFF_STEPS   26 /* roundings of a kilowatt's cost, each by less than a micro-unit */

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

/* What a gang draws while it runs, for its cost: facility milliwatts. */
static int64_t gang_mw(const struct dr_core *core, const struct dr_want *want,
                       const struct dr_pool *where)
{
    int64_t milliwatts = 0;

    if (where->chip.v != 0)
        milliwatts =
            want->amounts.of[DR_RESOURCE_ACCELERATORS] * core->chips[where->chip.v - 1].busy_w;
    if (where->cpus > 0)
        milliwatts += dr_mul_div_floor(where->node_idle_w * 1000, want->cpus * want->tasks,
                                       (int64_t)where->cpus);
    return dr_mul_div_floor(milliwatts, core->sites[where->site.v - 1].pue_milli, 1000);
}

static int64_t energy_cost(const struct dr_core *core, const struct dr_pool *where,
                           int64_t milliwatts, int64_t from_us, int64_t span_us)
{
    return dr_mul_div_floor(kilowatt_cost(&core->sites[where->site.v - 1],
                                          core->places->tariff_sum[where->site.v - 1], from_us,
                                          span_us),
                            milliwatts, 1000000);
}

int64_t dr_place_cost(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                      int64_t limit_us, int64_t now_us)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];
    int64_t span_us = dr_place_span_us(core, want, limit_us);
    int64_t cost = 0;

    dr_place_prepare(core);
    if (where->chip.v != 0)
        cost = dr_mul_div_floor(dr_mul_div_floor(want->amounts.of[DR_RESOURCE_ACCELERATORS],
                                                 core->chips[where->chip.v - 1].price_micro, 1000),
                                span_us, DR_HOUR_US);
    return cost + energy_cost(core, where, gang_mw(core, want, where), now_us, span_us);
}

/* A later start at which energy costs least, by more than rounding might feign. The cost is
 * linear in the start between the instants at which the run begins or ends with an hour of the
 * tariff, so that the least is at one of those, or at the latest. */
static int64_t cheaper_start_us(const struct dr_core *core, const struct dr_want *want,
                                dr_pool_id pool, int64_t limit_us, int64_t now_us,
                                int64_t latest_us)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];
    int64_t span_us = dr_place_span_us(core, want, limit_us);
    int64_t local_us = now_us + core->sites[where->site.v - 1].utc_offset_min * DR_MINUTE_US;
    int64_t hour_us = now_us + DR_HOUR_US - ((local_us % DR_HOUR_US) + DR_HOUR_US) % DR_HOUR_US;
    int64_t milliwatts = gang_mw(core, want, where);
    int64_t least = energy_cost(core, where, milliwatts, now_us, span_us);
    int64_t best_us = 0;

    least -= 2 + dr_mul_div_ceil(2 * TARIFF_STEPS, milliwatts, 1000000);
    latest_us = dr_min_i64(latest_us, now_us + DR_DAY_US);
    for (uint32_t i = 0; i <= 2 * DR_TARIFF_HOURS; i += 1) {
        int64_t start_us = hour_us + (i / 2) * DR_HOUR_US - (i % 2 == 0 ? span_us % DR_HOUR_US : 0);
        int64_t cost;

        if (i == 2 * DR_TARIFF_HOURS)
            start_us = latest_us;
        if (start_us <= now_us || start_us > latest_us)
            continue;
        cost = energy_cost(core, where, milliwatts, start_us, span_us);
        if (cost >= least)
            continue;
        least = cost;
        best_us = start_us;
    }
    return best_us;
}

int64_t dr_place_cheaper_us(const struct dr_core *core, const struct dr_job *job, int64_t now_us,
                            dr_pool_id *pool)
{
    const struct dr_terms *terms = dr_job_terms(core, job);
    int64_t limit_us = dr_queue_limit_us(core, job);
    int64_t least = INT64_MAX;
    struct dr_want best_want = {0};
    dr_pool_id best = {0};

    if (!terms->flexible || terms->deadline_us == 0 || dr_job_run(core, job)->reservation != NONE)
        return 0;
    dr_place_prepare(core);
    for (uint32_t i = 0; i < core->shapes[job->shape].alternatives_count; i += 1) {
        struct dr_want want = dr_place_want(core, job, i);
        struct dr_pool_set allowed;

        dr_place_allowed(core, &want, &allowed);
        for (uint32_t row = 0; row < core->pools_count; row += 1) {
            int64_t cost;

            if (!dr_pool_set_has(&allowed, core->places->spaces[row].rank))
                continue;
            cost = dr_place_cost(core, &want, (dr_pool_id){row + 1}, limit_us, now_us);
            if (cost >= least)
                continue;
            least = cost;
            best.v = row + 1;
            best_want = want;
        }
    }
    if (pool != NULL)
        *pool = best;
    return best.v == 0 ? 0
                       : cheaper_start_us(core, &best_want, best, limit_us, now_us,
                                          dr_power_latest_us(core, job, best_want.alternative));
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

static int64_t draw_mw(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool)
{
    dr_chip_id chip = core->pools[pool.v - 1].chip;

    return chip.v == 0 ? 0
                       : want->amounts.of[DR_RESOURCE_ACCELERATORS] *
                             (core->chips[chip.v - 1].busy_w - core->chips[chip.v - 1].idle_w);
}

int64_t dr_place_powered_us(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                            int64_t now_us)
{
    dr_site_id site = core->pools[pool.v - 1].site;

    return core->power->domains[site.v - 1].limited
               ? dr_power_enough_until_us(core, site, draw_mw(core, want, pool), now_us)
               : INT64_MAX;
}

int dr_place_power_lacks(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                         int64_t from_us, int64_t until_us)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];

    return core->power->domains[where->site.v - 1].limited &&
           dr_power_lack(core, where->site, draw_mw(core, want, pool), from_us, until_us)
                   .missing_w > 0;
}
