/* SPDX-License-Identifier: Apache-2.0 */
/* Power: no start takes a site or zone above a cap, who is taken for one may be, and what is said
 * to be missing is. Read draw_at() first. */
#include "checker_parts.h"

#define NONE DR_ROW_NONE

/* When an attempt is believed to be gone. */
static int64_t gone_us(const struct dr_core *core, const struct dr_job *job)
{
    if (job->state == DR_JOB_UNREACHABLE)
        return INT64_MAX;
    if (dr_job_run(core, job)->stopping != DR_STOP_NONE)
        return dr_job_run(core, job)->stop_until_us;
    return (dr_job_run(core, job)->start_us != 0 ? dr_job_run(core, job)->start_us
                                                 : dr_job_run(core, job)->placed_us) +
           dr_job_run(core, job)->attempt_limit_us;
}

/* Until when it is in the way of others' starts: a flexible one may be taken once it has run
 * minimum_run, and has its grace. */
static int64_t counts_until(const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_run *run = dr_job_run(core, job);
    const struct dr_terms *terms = dr_job_terms(core, job);
    int64_t taken_us = (run->start_us != 0 ? run->start_us : run->placed_us) +
                       core->settings.minimum_run_us + terms->grace_us;

    if (!terms->flexible || run->stopping != DR_STOP_NONE || job->state == DR_JOB_UNREACHABLE)
        return gone_us(core, job);
    return taken_us < gone_us(core, job) ? taken_us : gone_us(core, job);
}

static int64_t busy_more_w(const struct dr_core *core, const struct dr_pool *pool)
{
    return pool->chip.v == 0
               ? 0
               : core->chips[pool->chip.v - 1].busy_w - core->chips[pool->chip.v - 1].idle_w;
}

/* Facility draw of one site, or of all sites of a zone, at an instant, in microwatts: now, what
 * nodes give out; later, what is left of it. */
static int64_t draw_at(const struct dr_core *core, uint32_t site, uint32_t zone, int64_t now_us,
                       int64_t time_us)
{
    int64_t draw_uw = 0;

    for (uint32_t row = 0; row < core->nodes_count; row += 1) {
        const struct dr_node *node = &core->nodes[row];
        const struct dr_pool *pool = &core->pools[node->pool.v - 1];
        const struct dr_site *at = &core->sites[pool->site.v - 1];
        int64_t watts = pool->node_idle_w;

        if (node->down || node->removed || node->off || (site != 0 && pool->site.v != site) ||
            (zone != 0 && at->zone.v != zone))
            continue;
        if (pool->chip.v != 0)
            watts += (int64_t)pool->accelerators * core->chips[pool->chip.v - 1].idle_w;
        draw_uw += watts * 1000 * at->pue_milli;
    }
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);
        const struct dr_pool *pool;
        const struct dr_site *at;

        if (!oracle_holds(job) || (time_us > now_us && counts_until(core, job) <= time_us))
            continue;
        pool = &core->pools[run->pool.v - 1];
        at = &core->sites[pool->site.v - 1];
        if ((site != 0 && pool->site.v != site) || (zone != 0 && at->zone.v != zone))
            continue;
        for (uint32_t part = run->extents; part != NONE; part = core->extents[part].next)
            if (time_us > now_us || !core->nodes[core->extents[part].extent.node.v - 1].down)
                draw_uw += (int64_t)core->extents[part].extent.tasks *
                           oracle_way(core, job, run->alternative)->accelerators_per_task *
                           busy_more_w(core, pool) * at->pue_milli;
    }
    return draw_uw;
}

/* The least cap at an instant, watts; INT64_MAX / 1000000: none. */
static int64_t least_cap(const struct dr_core *core, uint32_t site, uint32_t zone, int64_t time_us)
{
    int64_t standing =
        site != 0 ? core->sites[site - 1].power_cap_w : core->zones[zone - 1].power_cap_w;
    int64_t cap_w = standing == 0 ? INT64_MAX / 1000000 : standing;

    for (uint32_t i = 0; i < core->grid_caps_count; i += 1) {
        const struct dr_grid_cap *cap = &core->grid_caps[i];

        if (cap->site.v == site && cap->zone.v == zone && cap->from_us <= time_us &&
            time_us < cap->until_us && cap->power_cap_w < cap_w)
            cap_w = cap->power_cap_w;
    }
    return cap_w;
}

static int somebody_leaves(const struct dr_core *core)
{
    for (uint32_t row = 0; row < core->jobs_high; row += 1)
        if (oracle_holds(&core->jobs[row]) &&
            dr_job_run(core, &core->jobs[row])->stopping != DR_STOP_NONE)
            return 1;
    return 0;
}

static void check_draw(struct checker *checker, const struct dr_fact *fact,
                       const struct dr_core *core, const struct dr_job *job, uint32_t site,
                       uint32_t zone, int64_t time_us)
{
    int64_t draw_uw;

    if (time_us > fact->time_us && time_us >= gone_us(core, job))
        return;
    /* A flexible job may ignore intervals that begin after its minimum_run. */
    if (dr_job_terms(core, job)->flexible && time_us > fact->time_us &&
        time_us >= fact->time_us + core->settings.minimum_run_us)
        return;
    draw_uw = draw_at(core, site, zone, fact->time_us, time_us);
    if (draw_uw > least_cap(core, site, zone, time_us) * 1000000)
        checker_wrong(
            checker, fact, "job %llu starts: %s %u draws %lld uW %lld s later, cap %lld W",
            (unsigned long long)job->id.v, site != 0 ? "site" : "zone", site != 0 ? site : zone,
            (long long)draw_uw, (long long)(time_us - fact->time_us) / 1000000,
            (long long)least_cap(core, site, zone, time_us));
}

/* No cap is passed while the job is believed to run: now, or at an instant at which one begins. */
void checker_power(struct checker *checker, const struct dr_fact *fact, const struct dr_core *core,
                   const struct dr_job *job)
{
    uint32_t site = core->pools[dr_job_run(core, job)->pool.v - 1].site.v;
    uint32_t zone = core->sites[site - 1].zone.v;

    check_draw(checker, fact, core, job, site, 0, fact->time_us);
    if (zone != 0)
        check_draw(checker, fact, core, job, 0, zone, fact->time_us);
    for (uint32_t i = 0; i < core->grid_caps_count; i += 1)
        for (int end = 0; end < 2; end += 1) {
            const struct dr_grid_cap *cap = &core->grid_caps[i];
            int64_t time_us = end ? cap->until_us : cap->from_us;

            if (time_us <= fact->time_us)
                continue;
            if (cap->site.v == site)
                check_draw(checker, fact, core, job, site, 0, time_us);
            if (zone != 0 && cap->zone.v == zone)
                check_draw(checker, fact, core, job, 0, zone, time_us);
        }
}

/* Every cap is kept by those who stay, or it was said that it can't be. */
void checker_kept(struct checker *checker, const struct dr_fact *fact, const struct dr_core *core)
{
    for (uint32_t i = 0; i < core->sites_count + core->zones_count; i += 1) {
        uint32_t site = i < core->sites_count ? i + 1 : 0;
        uint32_t zone = site != 0 ? 0 : i - core->sites_count + 1;
        int64_t said_w = site != 0 ? core->sites[site - 1].power_short.missing_w
                                   : core->zones[zone - 1].power_short.missing_w;
        int64_t cap_w = least_cap(core, site, zone, fact->time_us);
        int64_t draw_uw = draw_at(core, site, zone, fact->time_us - 1, fact->time_us);

        /* Who has just started, or may not be taken yet, is not among those that it counts. */
        if (draw_uw > cap_w * 1000000 && said_w == 0 && !somebody_leaves(core))
            checker_wrong(checker, fact,
                          "%s %u draws %lld uW, its cap is %lld W and nobody said so",
                          site != 0 ? "site" : "zone", site != 0 ? site : zone, (long long)draw_uw,
                          (long long)cap_w);
    }
}

/* Is a cap passed at an instant, which is now or when another one begins to hold? */
static int passes(const struct dr_core *core, uint32_t site, uint32_t zone, int64_t now_us,
                  int64_t at_us)
{
    int64_t cap_w = least_cap(core, site, zone, at_us);

    return (at_us == now_us || cap_w != least_cap(core, site, zone, at_us - 1)) &&
           draw_at(core, site, zone, now_us, at_us) > cap_w * 1000000;
}

/* No node is brought up that takes its site or zone above a cap now, or within an hour. */
void checker_switched(struct checker *checker, const struct dr_fact *fact,
                      const struct dr_core *core)
{
    checker->switched += fact->nodes_power.nodes_count;
    for (uint32_t i = 0; i < fact->nodes_power.nodes_count && !fact->nodes_power.off; i += 1) {
        const struct dr_node *node = &core->nodes[fact->nodes_power.nodes[i] - 1];
        uint32_t site = core->pools[node->pool.v - 1].site.v;
        uint32_t zone = core->sites[site - 1].zone.v;

        for (uint32_t k = 0; k <= core->grid_caps_count && !node->down; k += 1) {
            int64_t at_us = k == 0 ? fact->time_us : core->grid_caps[k - 1].from_us;

            if (at_us < fact->time_us || at_us >= fact->time_us + DR_HOUR_US)
                continue;
            if (passes(core, site, 0, fact->time_us, at_us) ||
                (zone != 0 && passes(core, 0, zone, fact->time_us, at_us)))
                checker_wrong(checker, fact, "node %u is brought up and takes its site above a cap",
                              fact->nodes_power.nodes[i]);
        }
    }
}

/* Flexible attempts alone, and none before its time. */
void checker_curtailed(struct checker *checker, const struct dr_fact *fact,
                       const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_terms *terms = dr_job_terms(core, job);
    int64_t from_us = dr_job_run(core, job)->start_us != 0 ? dr_job_run(core, job)->start_us
                                                           : dr_job_run(core, job)->placed_us;

    checker->curtailed += 1;
    if (!terms->flexible || !terms->preemptible)
        checker_wrong(checker, fact, "job %llu was taken for a cap and is not flexible",
                      (unsigned long long)job->id.v);
    if (fact->time_us < from_us + core->settings.minimum_run_us)
        checker_wrong(checker, fact, "job %llu was taken for a cap before it had run minimum_run",
                      (unsigned long long)job->id.v);
    if (fact->attempt_stopping.until_us < fact->time_us + terms->grace_us)
        checker_wrong(checker, fact, "job %llu was taken for a cap without its grace",
                      (unsigned long long)job->id.v);
}

/* What a place, held or promised, adds to a site or zone, microwatts. */
static int64_t part_uw(const struct dr_core *core, const struct dr_job *job, uint32_t index,
                       uint32_t pool_id, uint32_t first, uint32_t site, uint32_t zone)
{
    const struct dr_pool *pool = &core->pools[pool_id - 1];
    const struct dr_site *at = &core->sites[pool->site.v - 1];
    int64_t sum_uw = 0;

    if ((site != 0 && pool->site.v != site) || (zone != 0 && at->zone.v != zone))
        return 0;
    for (uint32_t part = first; part != NONE; part = core->extents[part].next)
        sum_uw += (int64_t)core->extents[part].extent.tasks *
                  oracle_way(core, job, index)->accelerators_per_task * busy_more_w(core, pool) *
                  at->pue_milli;
    return sum_uw;
}

/* What is said to be missing is so after everybody who can be taken in time; who would have to be
 * told in this very instant has been looked at before others were promised places in it. */
void checker_short(struct checker *checker, const struct dr_fact *fact, const struct dr_core *core)
{
    const struct dr_fact_power_short *power_short = &fact->power_short;
    uint32_t site = power_short->site;
    uint32_t zone = power_short->zone;
    int64_t now_us = fact->time_us;
    int64_t from_us = power_short->from_us > now_us ? power_short->from_us : now_us;
    int64_t stays_uw = draw_at(core, site, zone, from_us - 1, INT64_MAX - 1);

    if (power_short->missing_w == 0)
        return;
    checker->shorts += 1;
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);
        const struct dr_terms *terms = dr_job_terms(core, job);
        int64_t ripe_us =
            (run->start_us != 0 ? run->start_us : run->placed_us) + core->settings.minimum_run_us;

        if (job->id.v == 0)
            continue;
        if (run->promise != NONE)
            stays_uw += part_uw(core, job, run->promise_alternative, run->promise_pool.v,
                                run->promise, site, zone);
        if (!oracle_holds(job) || (from_us > now_us && gone_us(core, job) <= from_us))
            continue;
        if (from_us == now_us && run->stopping != DR_STOP_NONE)
            continue;
        if (terms->flexible && run->stopping == DR_STOP_NONE && job->state != DR_JOB_UNREACHABLE) {
            int64_t told_us = ripe_us > now_us ? ripe_us : now_us;

            if (from_us == now_us ? ripe_us <= now_us
                                  : told_us + terms->grace_us <= from_us &&
                                        now_us + terms->grace_us + 30 * DR_SECOND_US < from_us)
                continue;
        }
        stays_uw += part_uw(core, job, run->alternative, run->pool.v, run->extents, site, zone);
    }
    if (stays_uw <= power_short->power_cap_w * 1000000)
        checker_wrong(checker, fact,
                      "%s %u is said to miss %lld W, and those who stay draw %lld uW",
                      site != 0 ? "site" : "zone", site != 0 ? site : zone,
                      (long long)power_short->missing_w, (long long)stays_uw);
}
