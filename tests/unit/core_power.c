/* SPDX-License-Identifier: Apache-2.0 */
/* Caps of sites and grid zones, standing and announced. Watts by hand: PUE is 1.2, a node of 8 h200
 * draws 500 + 8 x 100 W idle, which is 1,560 W of the facility, and each accelerator in use adds
 * 600 W, 720 W of the facility. */
#include "world.h"

#include "core/power.h"

#define MINUTE DR_MINUTE_US
#define NODE_W 1560
#define USE_W  720

static void site_in(struct world *w, uint32_t site, int64_t cap_w, uint32_t zone)
{
    const struct dr_site *known = &w->core->sites[site - 1];
    struct dr_fact fact = {.kind = DR_FACT_SITE_SET};
    int64_t tariff[DR_TARIFF_HOURS];

    memcpy(tariff, known->tariff_micro, sizeof tariff);
    fact.site_set.site = site;
    dr_copy_name(fact.site_set.name, known->name);
    fact.site_set.pue_milli = 1200;
    fact.site_set.tariff_micro = tariff;
    fact.site_set.tariff_micro_count = DR_TARIFF_HOURS;
    fact.site_set.engine = known->engine;
    fact.site_set.power_cap_w = cap_w;
    fact.site_set.zone = zone;
    world_declare(w, fact);
}

static void zone(struct world *w, const char *name, int64_t cap_w)
{
    struct dr_fact fact = {.kind = DR_FACT_ZONE_SET};

    dr_copy_name(fact.zone_set.name, name);
    fact.zone_set.power_cap_w = cap_w;
    world_declare(w, fact);
}

/* From and until now on. */
static void announce(struct world *w, uint32_t site, uint32_t in_zone, int64_t cap_w,
                     int64_t from_us, int64_t until_us)
{
    struct dr_fact fact = {.kind = DR_FACT_GRID_CAP_SET};

    fact.grid_cap_set.site = site;
    fact.grid_cap_set.zone = in_zone;
    fact.grid_cap_set.power_cap_w = cap_w;
    fact.grid_cap_set.from_us = w->now_us + from_us;
    fact.grid_cap_set.until_us = w->now_us + until_us;
    world_declare(w, fact);
}

static dr_job_id start(struct world *w, uint32_t accelerators, int64_t limit_us, const char *site)
{
    dr_job_id job = world_submit(
        w, (struct job_spec){.accelerators = accelerators, .limit_us = limit_us, .site = site});

    world_run_us(w, 0);
    return job;
}

static int runs(struct world *w, dr_job_id job)
{
    return world_job(w, job)->state == DR_JOB_RUNNING;
}

/* Sites of a zone share its cap, whichever of them draws; an end at one helps who waits at the
 * other. */
TEST(a_zone_caps_its_sites_together)
{
    struct world *w = world_new("2 sites, 2 pools, 1 nodes x 8 h200");
    dr_job_id first, second, third;
    struct dr_why why;

    zone(w, "capital", 2 * NODE_W + 10 * USE_W);
    site_in(w, 1, 0, 1);
    site_in(w, 2, 0, 1);
    CHECK_EQ(dr_power_zone_w(w->core, (dr_zone_id){1}), 2 * NODE_W);
    first = start(w, 8, 10 * MINUTE, "s1");
    second = start(w, 3, 10 * MINUTE, "s2");
    third = start(w, 2, 60 * MINUTE, "s2");
    CHECK(runs(w, first));
    CHECK(!runs(w, second));
    CHECK(runs(w, third));
    CHECK_EQ(dr_power_zone_w(w->core, (dr_zone_id){1}), 2 * NODE_W + 10 * USE_W);
    why = world_why(w, second);
    CHECK_EQ(why.reason, DR_REASON_POWER);
    CHECK_EQ(why.zone.v, 1);
    CHECK_EQ(why.limit, 2 * NODE_W + 10 * USE_W);
    CHECK_EQ(why.needs - why.limit, 3 * USE_W);
    CHECK_HAS(why.text, "zone capital");
    CHECK_REPLAY(w);
    world_end(w, first, 0);
    world_run_us(w, 0);
    CHECK(runs(w, second));
    CHECK_REPLAY(w);
    world_free(w);
}

/* A start counts until its believed end: it may not run into an announced interval that has no room
 * for it, starts when that is over, and is told so. */
TEST(a_start_looks_ahead)
{
    struct world *w = world_new("1 site, 1 pool, 1 nodes x 8 h200");
    dr_job_id brief, small, large;
    struct dr_why why;
    int64_t begun_us = w->now_us;

    announce(w, 1, 0, NODE_W + 4 * USE_W, 30 * MINUTE, 60 * MINUTE);
    CHECK_EQ(dr_power_site_cap_w(w->core, (dr_site_id){1}, w->now_us), 0);
    CHECK_EQ(dr_power_site_cap_w(w->core, (dr_site_id){1}, w->now_us + 30 * MINUTE),
             NODE_W + 4 * USE_W);
    CHECK_EQ(dr_power_site_cap_w(w->core, (dr_site_id){1}, w->now_us + 60 * MINUTE), 0);
    large = start(w, 5, 31 * MINUTE, NULL);
    small = start(w, 4, 31 * MINUTE, NULL); /* just what the cap leaves */
    brief = start(w, 4, 30 * MINUTE, NULL); /* gone when it begins */
    CHECK(!runs(w, large));
    CHECK(runs(w, small));
    CHECK(runs(w, brief));
    world_end(w, brief, 0);
    world_run_us(w, 0);
    CHECK(!runs(w, large));
    why = world_why(w, large);
    CHECK_EQ(why.reason, DR_REASON_CAPACITY);
    world_end(w, small, 0);
    world_run_us(w, 0);
    CHECK(!runs(w, large));
    why = world_why(w, large);
    CHECK_EQ(why.reason, DR_REASON_POWER);
    CHECK_EQ(why.site.v, 1);
    CHECK_EQ(why.zone.v, 0);
    CHECK_EQ(why.needs - why.limit, USE_W);
    CHECK_EQ(why.until_us, begun_us + 60 * MINUTE);
    CHECK_EQ(why.reserved_us, begun_us + 60 * MINUTE); /* no end, but the cap's */
    CHECK_REPLAY(w);
    world_run_us(w, 59 * MINUTE + 59 * DR_SECOND_US);
    CHECK(!runs(w, large));
    world_run_us(w, DR_SECOND_US);
    CHECK(runs(w, large));
    CHECK_REPLAY(w);
    world_free(w);
}

/* Who runs counts to his believed end, and no longer: earlier ends give room in an interval that is
 * still to come. */
TEST(running_jobs_count_to_their_ends)
{
    struct world *w = world_new("2 sites, 2 pools, 1 nodes x 8 h200");
    dr_job_id first, second, third;

    zone(w, "capital", 0);
    site_in(w, 1, 0, 1);
    site_in(w, 2, 0, 1);
    announce(w, 0, 1, 2 * NODE_W + 4 * USE_W, 30 * MINUTE, 60 * MINUTE);
    first = start(w, 4, 50 * MINUTE, "s1");
    second = start(w, 4, 40 * MINUTE, "s2");
    third = start(w, 4, 30 * MINUTE, "s2");
    CHECK(runs(w, first));
    CHECK(!runs(w, second));
    CHECK(runs(w, third));
    CHECK_REPLAY(w);
    world_end(w, first, 0);
    world_run_us(w, 0);
    CHECK(runs(w, second));
    CHECK_REPLAY(w);
    world_free(w);
}

/* Of several caps the least holds; one that is called off, or made higher, wakes who waits. */
TEST(the_least_cap_holds)
{
    struct world *w = world_new("1 site, 1 pool, 1 nodes x 8 h200");
    struct dr_fact fact = {.kind = DR_FACT_GRID_CAP_REMOVED};
    dr_job_id job;

    site_in(w, 1, NODE_W + 8 * USE_W, 0);
    announce(w, 1, 0, NODE_W + 6 * USE_W, 0, 60 * MINUTE);
    announce(w, 1, 0, NODE_W + 2 * USE_W, 10 * MINUTE, 20 * MINUTE);
    announce(w, 1, 0, NODE_W + 20 * USE_W, 0, 60 * MINUTE); /* more than there was: says nothing */
    CHECK_EQ(dr_power_site_cap_w(w->core, (dr_site_id){1}, w->now_us), NODE_W + 6 * USE_W);
    CHECK_EQ(dr_power_site_cap_w(w->core, (dr_site_id){1}, w->now_us + 15 * MINUTE),
             NODE_W + 2 * USE_W);
    CHECK_EQ(dr_power_site_cap_w(w->core, (dr_site_id){1}, w->now_us + 60 * MINUTE),
             NODE_W + 8 * USE_W);
    job = start(w, 6, 30 * MINUTE, NULL);
    CHECK(!runs(w, job));
    fact.grid_cap_removed.cap = 2;
    world_declare(w, fact);
    world_run_us(w, 0);
    CHECK(runs(w, job));
    CHECK_REPLAY(w);
    world_free(w);
}

/* What is over is forgotten some time later, and its id is never used again. */
TEST(caps_that_are_over_are_forgotten)
{
    struct world *w = world_new("1 site, 1 pool, 1 nodes x 8 h200");

    announce(w, 1, 0, 2000, 0, 10 * MINUTE);
    world_run_us(w, 12 * DR_HOUR_US);
    CHECK_EQ(w->core->grid_caps_count, 1);
    world_run_us(w, 13 * DR_HOUR_US);
    CHECK_EQ(w->core->grid_caps_count, 0);
    announce(w, 1, 0, 2000, 0, 10 * MINUTE);
    CHECK_EQ(w->core->grid_caps[0].id, 2);
    CHECK_TEXT(w->core->grid_caps[0].name, "cap-2");
    CHECK_REPLAY(w);
    world_free(w);
}
