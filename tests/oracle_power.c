/* SPDX-License-Identifier: Apache-2.0 */
/* Would a site or its zone draw more than a cap if a job started? Read oracle_power_allows() first.
 */
#include "oracle_parts.h"

#include "base/math.h"

#define NONE DR_ROW_NONE

static int64_t busy_more_w(const struct dr_core *core, const struct dr_pool *pool)
{
    return pool->chip.v == 0
               ? 0
               : core->chips[pool->chip.v - 1].busy_w - core->chips[pool->chip.v - 1].idle_w;
}

/* Until when an attempt is in the way of starts: to its believed end; a flexible one until it can
 * be taken, and once that was looked at, shortly before what begins, to its end. */
static int64_t in_the_way_until_us(const struct oracle *look, const struct dr_job *job)
{
    const struct dr_core *core = look->core;
    int stays = job == look->thought.also;
    int64_t end_us = stays ? oracle_staying_end_us(core, job) : oracle_end_us(core, job, 0);
    int64_t ripe_us = (dr_job_run(core, job)->start_us != 0 ? dr_job_run(core, job)->start_us
                                                            : dr_job_run(core, job)->placed_us) +
                      core->settings.minimum_run_us;
    int64_t until_us = ripe_us + dr_job_terms(core, job)->grace_us;
    int64_t now_us = dr_max_i64(core->time_us, look->thought.now_us);

    if (!dr_job_terms(core, job)->flexible ||
        (dr_job_run(core, job)->stopping != DR_STOP_NONE && !stays) ||
        job->state == DR_JOB_UNREACHABLE)
        return end_us;
    if (now_us >= ripe_us)
        until_us = dr_max_i64(until_us,
                              now_us + dr_job_terms(core, job)->grace_us + 30 * DR_SECOND_US + 1);
    return dr_min_i64(until_us, end_us);
}

/* What the site, or the sites of its zone, draw: now, or at a later instant by what is believed.
 * Microwatts of the facility. */
static int64_t draw_at_uw(const struct oracle *look, uint32_t site, uint32_t zone, int64_t later_us)
{
    const struct dr_core *core = look->core;
    int64_t draw_uw = 0;

    for (uint32_t at = 1; at <= core->sites_count; at += 1)
        if (at == site || (zone != 0 && core->sites[at - 1].zone.v == zone))
            draw_uw += (later_us == 0 ? look->draw_mw : look->idle_mw)[at - 1] *
                       core->sites[at - 1].pue_milli;
    for (uint32_t row = 0; later_us != 0 && row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);
        int promised = job->id.v != 0 && run->promise != NONE && job != look->thought.apart;
        int runs = oracle_holds(job) && (look->thought.gone == NULL || !look->thought.gone[row]) &&
                   in_the_way_until_us(look, job) > later_us;
        const struct dr_pool *pool;
        int64_t amounts[3];

        if (!promised && !runs)
            continue;
        pool = &core->pools[(promised ? run->promise_pool.v : run->pool.v) - 1];
        oracle_amounts(core, job, promised ? run->promise_alternative : run->alternative, amounts);
        if (pool->site.v == site || (zone != 0 && core->sites[pool->site.v - 1].zone.v == zone))
            draw_uw +=
                amounts[0] * busy_more_w(core, pool) * core->sites[pool->site.v - 1].pue_milli;
    }
    return draw_uw;
}

static int64_t cap_uw(const struct dr_core *core, uint32_t site, uint32_t zone, int64_t time_us)
{
    int64_t cap_w =
        site != 0 ? core->sites[site - 1].power_cap_w : core->zones[zone - 1].power_cap_w;

    if (cap_w == 0)
        cap_w = INT64_MAX / 1000000;
    for (uint32_t i = 0; i < core->grid_caps_count; i += 1) {
        const struct dr_grid_cap *cap = &core->grid_caps[i];

        if (cap->site.v == site && cap->zone.v == zone && cap->from_us <= time_us &&
            time_us < cap->until_us && cap->power_cap_w < cap_w)
            cap_w = cap->power_cap_w;
    }
    return cap_w * 1000000;
}

/* Is a cap passed at an instant at which another begins to hold? */
static int passed_at(const struct oracle *look, uint32_t site, uint32_t zone, int64_t more_uw,
                     int64_t at_us)
{
    int64_t cap = cap_uw(look->core, site, zone, at_us);

    return cap != cap_uw(look->core, site, zone, at_us - 1) &&
           draw_at_uw(look, site, zone, at_us) + more_uw > cap;
}

int oracle_power_allows(const struct oracle *look, const struct dr_job *job, uint32_t index,
                        uint32_t pool_id, int64_t from_us)
{
    const struct dr_core *core = look->core;
    const struct dr_pool *pool = &core->pools[pool_id - 1];
    uint32_t site = pool->site.v;
    uint32_t zone = core->sites[site - 1].zone.v;
    int64_t limit_us = oracle_limit_us(core, job, index);
    int64_t until_us = from_us + (dr_job_terms(core, job)->flexible
                                      ? dr_min_i64(limit_us, core->settings.minimum_run_us +
                                                                 dr_job_terms(core, job)->grace_us +
                                                                 30 * DR_SECOND_US)
                                      : limit_us);
    int64_t amounts[3];
    int64_t more = 0;

    oracle_amounts(core, job, index, amounts);
    more = amounts[0] * core->sites[site - 1].pue_milli * busy_more_w(core, pool);
    if (draw_at_uw(look, site, 0, 0) + more > cap_uw(core, site, 0, from_us) ||
        (zone != 0 && draw_at_uw(look, 0, zone, 0) + more > cap_uw(core, 0, zone, from_us)))
        return 0;
    for (uint32_t i = 0; i < 2 * core->grid_caps_count; i += 1) {
        const struct dr_grid_cap *cap = &core->grid_caps[i / 2];
        int64_t at = i % 2 == 0 ? cap->from_us : cap->until_us;

        if (at <= from_us || at >= until_us)
            continue;
        if (cap->site.v == site && passed_at(look, site, 0, more, at))
            return 0;
        if (zone != 0 && cap->zone.v == zone && passed_at(look, 0, zone, more, at))
            return 0;
    }
    return 1;
}
