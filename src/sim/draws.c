/* SPDX-License-Identifier: Apache-2.0 */
/* See draws.h; read dr_draws_level() first. */
#include "sim/draws.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/math.h"
#include "core/place.h"
#include "core/power.h"
#include "sim/figures.h"

#define NEVER_UW INT64_MIN /* the level of `caps` without one */

static void init(struct dr_draw *draw, uint32_t domain, int64_t from_us)
{
    *draw = (struct dr_draw){.domain = domain,
                             .cap_uw = DR_DRAWS_NO_CAP,
                             .cap_least_uw = DR_DRAWS_NO_CAP,
                             .peak_us = from_us};
    dr_line_init(&draw->line, from_us, 1);
    dr_line_init(&draw->caps, from_us, 1);
    draw->caps.level = NEVER_UW;
}

static void deinit(struct dr_draw *draw)
{
    dr_line_deinit(&draw->line);
    dr_line_deinit(&draw->caps);
}

static void push(struct dr_draws *draws, uint32_t domain, int64_t from_us)
{
    init(&draws->of[draws->count], domain, from_us);
    draws->count += 1;
}

void dr_draws_init(struct dr_draws *draws, const struct dr_core *core, int64_t from_us)
{
    *draws = (struct dr_draws){.since_us = from_us, .caps_until_us = from_us};
    draws->of = calloc(core->sites_count + core->zones_count + 1, sizeof draws->of[0]);
    DR_ASSERT(draws->of != NULL);
    for (uint32_t row = 0; row < core->sites_count; row += 1)
        if (!core->sites[row].removed)
            push(draws, row, from_us);
    draws->sites = draws->count;
    for (uint32_t row = 0; row < core->zones_count; row += 1)
        if (!core->zones[row].removed)
            push(draws, DR_SITES_MAX + row, from_us);
    init(&draws->all, DR_ROW_NONE, from_us);
}

void dr_draws_deinit(struct dr_draws *draws)
{
    for (uint32_t i = 0; i < draws->count; i += 1)
        deinit(&draws->of[i]);
    deinit(&draws->all);
    free(draws->of);
    draws->of = NULL;
    draws->count = 0;
}

/* What held until now goes into the sums. */
static void settle(struct dr_draw *draw, int64_t now_us)
{
    int64_t since_us = draw->line.since_us;

    if (now_us <= since_us)
        return;
    if (draw->line.level > draw->peak_uw) {
        draw->peak_uw = draw->line.level;
        draw->peak_us = since_us;
    }
    if (draw->cap_uw != DR_DRAWS_NO_CAP) {
        draw->part = dr_max_i64(draw->part, dr_millionths(draw->line.level, draw->cap_uw));
        draw->cap_least_uw = dr_min_i64(draw->cap_least_uw, draw->cap_uw);
        if (draw->line.level > draw->cap_uw)
            draw->over_us += now_us - since_us;
    }
    dr_line_reach(&draw->line, now_us);
}

static void settle_over(struct dr_draws *draws, int64_t now_us)
{
    if (now_us <= draws->since_us)
        return;
    if (draws->is_over)
        draws->over_us += now_us - draws->since_us;
    draws->since_us = now_us;
}

static int64_t cap_uw(const struct dr_core *core, uint32_t domain, int64_t time_us)
{
    int64_t watts =
        domain < DR_SITES_MAX
            ? dr_power_site_cap_w(core, (dr_site_id){domain + 1}, time_us)
            : dr_power_zone_cap_w(core, (dr_zone_id){domain - DR_SITES_MAX + 1}, time_us);

    return watts == 0 ? DR_DRAWS_NO_CAP : watts * DR_POWER_UW;
}

/* The next instant after one at which an announced cap begins or ends. */
static int64_t next_change_us(const struct dr_core *core, int64_t after_us)
{
    int64_t next_us = DR_FOREVER_US;

    for (uint32_t i = 0; i < core->grid_caps_count; i += 1) {
        const struct dr_grid_cap *cap = &core->grid_caps[i];

        if (cap->from_us > after_us)
            next_us = dr_min_i64(next_us, cap->from_us);
        else if (cap->until_us > after_us)
            next_us = dr_min_i64(next_us, cap->until_us);
    }
    return next_us;
}

static uint64_t version_of(const struct dr_core *core)
{
    return core->federation_version + core->grid_cap_id_last;
}

static void read_caps(struct dr_draws *draws, const struct dr_core *core, int64_t now_us)
{
    settle_over(draws, now_us);
    draws->is_over = 0;
    for (uint32_t i = 0; i < draws->count; i += 1) {
        struct dr_draw *draw = &draws->of[i];

        settle(draw, now_us);
        draw->cap_uw = cap_uw(core, draw->domain, now_us);
        dr_line_set(&draw->caps, now_us,
                    draw->cap_uw == DR_DRAWS_NO_CAP ? NEVER_UW : -draw->cap_uw);
        draws->is_over |= draw->line.level > draw->cap_uw;
    }
    draws->caps_until_us = next_change_us(core, now_us);
    draws->version = version_of(core);
}

void dr_draws_level(struct dr_draws *draws, const struct dr_core *core, int64_t now_us)
{
    int64_t all_uw = 0;
    int is_over = 0;

    dr_place_prepare(core);
    while (draws->caps_until_us <= now_us)
        read_caps(draws, core, draws->caps_until_us);
    if (draws->version != version_of(core))
        read_caps(draws, core, now_us);
    for (uint32_t i = 0; i < draws->count; i += 1) {
        struct dr_draw *draw = &draws->of[i];
        int64_t uw = core->power->domains[draw->domain].draw_uw;

        if (uw != draw->line.level) {
            settle(draw, now_us);
            draw->line.level = uw;
        }
        is_over |= uw > draw->cap_uw;
        if (i < draws->sites)
            all_uw += uw;
    }
    if (is_over != draws->is_over) {
        settle_over(draws, now_us);
        draws->is_over = is_over;
    }
    if (all_uw != draws->all.line.level) {
        settle(&draws->all, now_us);
        draws->all.line.level = all_uw;
    }
}

void dr_draws_reach(struct dr_draws *draws, int64_t now_us)
{
    settle_over(draws, now_us);
    for (uint32_t i = 0; i < draws->count; i += 1) {
        settle(&draws->of[i], now_us);
        dr_line_reach(&draws->of[i].caps, now_us);
    }
    settle(&draws->all, now_us);
}

const char *dr_draw_name(const struct dr_core *core, const struct dr_draw *draw)
{
    return draw->domain < DR_SITES_MAX ? core->sites[draw->domain].name
                                       : core->zones[draw->domain - DR_SITES_MAX].name;
}

int64_t dr_draw_cap_uw(const struct dr_draw *draw, uint32_t bin)
{
    int64_t most = draw->caps.most[bin];

    return most == NEVER_UW ? DR_DRAWS_NO_CAP : -most;
}
