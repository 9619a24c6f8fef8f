/* SPDX-License-Identifier: Apache-2.0 */
/* Caps of sites and grid zones, standing and announced. Watts by hand: PUE is 1.2, a node of 8 h200
 * draws 500 + 8 x 100 W idle, which is 1,560 W of the facility, and each accelerator in use adds
 * 600 W, 720 W of the facility. */
#include "world.h"

#include "core/fits.h"
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
    CHECK_EQ(why.holds[0].reason, DR_REASON_POWER);
    CHECK_EQ(why.holds[0].zone.v, 1);
    CHECK_EQ(why.holds[0].limit, 2 * NODE_W + 10 * USE_W);
    CHECK_EQ(why.holds[0].needs - why.holds[0].limit, 3 * USE_W);
    CHECK_HAS(why.holds[0].text, "zone capital");
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
    CHECK_EQ(why.holds[0].reason, DR_REASON_CAPACITY);
    world_end(w, small, 0);
    world_run_us(w, 0);
    CHECK(!runs(w, large));
    why = world_why(w, large);
    CHECK_EQ(why.holds[0].reason, DR_REASON_POWER);
    CHECK_EQ(why.holds[0].site.v, 1);
    CHECK_EQ(why.holds[0].zone.v, 0);
    CHECK_EQ(why.holds[0].needs - why.holds[0].limit, USE_W);
    CHECK_EQ(why.holds[0].until_us, begun_us + 60 * MINUTE);
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

/* ---- flexible jobs ---- */

static dr_job_id start_flexible(struct world *w, uint32_t accelerators, int64_t checkpoint_us)
{
    dr_job_id job = world_submit(w, (struct job_spec){.accelerators = accelerators,
                                                      .limit_us = 4 * DR_HOUR_US,
                                                      .grace_us = MINUTE,
                                                      .checkpoint_us = checkpoint_us,
                                                      .flexible = 1});

    world_run_us(w, 0);
    return job;
}

/* It starts under a cap that begins once it can be taken, is told so early that its grace is over
 * before, and starts again when the cap is over. */
TEST(a_flexible_job_runs_until_the_cap_begins)
{
    struct world *w = world_new("1 site, 1 pool, 1 nodes x 8 h200");
    dr_job_id firm, job;

    announce(w, 1, 0, NODE_W + 4 * USE_W, 30 * MINUTE, 60 * MINUTE);
    firm = start(w, 8, 4 * DR_HOUR_US, NULL);
    CHECK(!runs(w, firm));
    world_cancel(w, firm);
    job = start_flexible(w, 8, 0);
    CHECK(runs(w, job));
    CHECK_REPLAY(w);
    world_run_us(w, 28 * MINUTE + 29 * DR_SECOND_US);
    CHECK(runs(w, job));
    world_run_us(w, DR_SECOND_US); /* the grace and half a minute before */
    CHECK_EQ(world_job(w, job)->state, DR_JOB_COMPLETING);
    CHECK_EQ(world_run(w, job)->stopping, DR_STOP_POWER);
    CHECK_EQ(world_run(w, job)->stop_until_us, w->now_us + MINUTE);
    CHECK_REPLAY(w);
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_PENDING);
    CHECK_EQ(world_run(w, job)->preemptions, 1);
    CHECK_EQ(world_why(w, job).holds[0].reason, DR_REASON_POWER);
    world_run_us(w, 30 * MINUTE + 29 * DR_SECOND_US);
    CHECK(!runs(w, job));
    world_run_us(w, DR_SECOND_US);
    CHECK(runs(w, job));
    CHECK_EQ(w->counts[DR_FACT_POWER_SHORT], 0);
    CHECK_REPLAY(w);
    world_free(w);
}

/* One whose minimum_run, grace and notice reach into the interval may not ignore it. */
TEST(a_flexible_job_counts_while_it_may_not_be_taken)
{
    struct world *w = world_new("1 site, 1 pool, 1 nodes x 8 h200");
    dr_job_id job;

    /* 5 minutes of minimum_run, a minute of grace, half a minute of notice */
    announce(w, 1, 0, NODE_W + 4 * USE_W, 6 * MINUTE + 29 * DR_SECOND_US, 60 * MINUTE);
    job = start_flexible(w, 5, 0);
    CHECK(!runs(w, job));
    announce(w, 1, 0, NODE_W + 5 * USE_W, 6 * MINUTE, 60 * MINUTE); /* less, but for the least */
    world_run_us(w, 0);
    CHECK(!runs(w, job));
    world_free(w);
}

/* Least loss per watt goes first, no more than needed; who has saved his work loses least. */
TEST(the_cheapest_flexible_jobs_are_taken)
{
    struct world *w = world_new("2 sites, 2 pools, 1 nodes x 8 h200");
    dr_job_id dear, saved, small, firm;

    zone(w, "capital", 0);
    site_in(w, 1, 0, 1);
    site_in(w, 2, 0, 1);
    dear = start_flexible(w, 4, 0);
    saved = start_flexible(w, 4, 10 * MINUTE);
    small = start_flexible(w, 2, 0);
    firm = start(w, 4, 4 * DR_HOUR_US, NULL);
    CHECK(runs(w, dear) && runs(w, saved) && runs(w, small) && runs(w, firm));
    world_run_us(w, 5 * MINUTE);
    /* 14 are in use; 10 are left: `saved` alone is enough */
    announce(w, 0, 1, 2 * NODE_W + 10 * USE_W, 20 * MINUTE, 60 * MINUTE);
    world_run_us(w, 20 * MINUTE);
    CHECK(runs(w, dear) && runs(w, small) && runs(w, firm));
    CHECK_EQ(world_job(w, saved)->state, DR_JOB_PENDING);
    CHECK(world_run(w, saved)->kept_us >= 20 * MINUTE);
    CHECK_REPLAY(w);
    /* 10 are in use; 9 are left: `small` is the least that is enough, though `dear` loses as much
     * per watt and would come first by its id. */
    announce(w, 0, 1, 2 * NODE_W + 9 * USE_W, 10 * MINUTE, 60 * MINUTE);
    world_run_us(w, 10 * MINUTE);
    CHECK(runs(w, dear) && runs(w, firm));
    CHECK_EQ(world_job(w, small)->state, DR_JOB_PENDING);
    CHECK_EQ(w->counts[DR_FACT_POWER_SHORT], 0);
    CHECK_REPLAY(w);
    world_free(w);
}

/* The cheapest alone is not enough, the next alone is: the first is given back. */
TEST(no_more_is_taken_than_needed)
{
    struct world *w = world_new("1 site, 1 pool, 1 nodes x 8 h200");
    dr_job_id little, large;

    little = start_flexible(w, 2, MINUTE);
    large = start_flexible(w, 4, 0);
    world_run_us(w, 6 * MINUTE);
    announce(w, 1, 0, NODE_W + 3 * USE_W, 10 * MINUTE, 60 * MINUTE);
    world_run_us(w, 10 * MINUTE);
    CHECK(runs(w, little));
    CHECK_EQ(world_run(w, little)->attempt, 1);
    CHECK_EQ(world_job(w, large)->state, DR_JOB_PENDING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Who may not be taken comes before who may: in an interval to come flexible attempts stand back.
 */
TEST(flexible_jobs_stand_back)
{
    struct world *w = world_new("2 sites, 2 pools, 1 nodes x 8 h200");
    dr_job_id job, firm;

    zone(w, "capital", 0);
    site_in(w, 1, 0, 1);
    site_in(w, 2, 0, 1);
    announce(w, 0, 1, 2 * NODE_W + 8 * USE_W, 60 * MINUTE, 90 * MINUTE);
    job = start_flexible(w, 8, 0);
    firm = start(w, 8, 4 * DR_HOUR_US, NULL);
    CHECK(runs(w, job) && runs(w, firm));
    world_run_us(w, 60 * MINUTE);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_PENDING);
    CHECK(runs(w, firm));
    CHECK_REPLAY(w);
    world_free(w);
}

/* A cap is announced in the very instant in which flexible jobs were looked at for another, and
 * left alone: it is the last in which they can be told in time for this one. */
TEST(a_cap_announced_in_the_instant_of_a_look)
{
    struct world *w = world_new("1 site, 1 pool, 1 nodes x 8 h200");
    dr_job_id job = start_flexible(w, 8, 0);
    int64_t notice_us = dr_job_terms(w->core, world_job(w, job))->grace_us + DR_POWER_NOTICE_US;

    announce(w, 1, 0, NODE_W + 8 * USE_W, 60 * MINUTE, 90 * MINUTE);
    world_run_us(w, 60 * MINUTE - notice_us);
    CHECK_EQ(world_run(w, job)->stopping, DR_STOP_NONE);
    CHECK_EQ(w->core->power->looked_us, w->now_us);
    announce(w, 1, 0, NODE_W + 4 * USE_W, notice_us, 60 * MINUTE);
    world_run_us(w, 0);
    CHECK_EQ(world_run(w, job)->stopping, DR_STOP_POWER);
    CHECK_EQ(w->counts[DR_FACT_POWER_SHORT], 0);
    CHECK_REPLAY(w);
    world_free(w);
}

/* What can't be met is said at once, with the watts missing, and when it is over. */
TEST(what_is_missing_is_said)
{
    struct world *w = world_new("1 site, 1 pool, 1 nodes x 8 h200");
    const struct dr_power_short *said = &w->core->sites[0].power_short;
    dr_job_id firm, job;
    int64_t begun_us = w->now_us;

    firm = start(w, 6, 4 * DR_HOUR_US, NULL);
    job = start_flexible(w, 2, 0);
    CHECK(runs(w, firm) && runs(w, job));
    announce(w, 1, 0, NODE_W + 4 * USE_W, 30 * MINUTE, 60 * MINUTE);
    world_run_us(w, 0);
    CHECK_EQ(w->counts[DR_FACT_POWER_SHORT], 1);
    CHECK_EQ(said->missing_w, 2 * USE_W); /* the flexible one is taken, that is not enough */
    CHECK_EQ(said->cap_w, NODE_W + 4 * USE_W);
    CHECK_EQ(said->from_us, begun_us + 30 * MINUTE);
    CHECK_REPLAY(w);
    world_run_us(w, 31 * MINUTE);
    CHECK_EQ(w->counts[DR_FACT_POWER_SHORT], 1);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_PENDING);
    world_end(w, firm, 0);
    world_run_us(w, 0);
    CHECK_EQ(w->counts[DR_FACT_POWER_SHORT], 2);
    CHECK_EQ(said->missing_w, 0);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A cap at once: flexible jobs are told at once, those that have run minimum_run. */
TEST(a_cap_without_notice)
{
    struct world *w = world_new("1 site, 1 pool, 1 nodes x 8 h200");
    dr_job_id job;

    world_run_us(w, 20 * DR_SECOND_US); /* no tick helps */
    job = start_flexible(w, 8, 0);
    world_run_us(w, 3 * MINUTE);
    announce(w, 1, 0, NODE_W + 4 * USE_W, 0, 60 * MINUTE);
    world_run_us(w, 0);
    CHECK(runs(w, job));
    CHECK_EQ(w->core->sites[0].power_short.missing_w, 4 * USE_W);
    world_run_us(w, 2 * MINUTE);
    CHECK_EQ(world_run(w, job)->stopping, DR_STOP_POWER);
    CHECK_EQ(w->core->sites[0].power_short.missing_w, 0);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Who is flexible can be taken. */
TEST(a_firm_job_is_not_flexible)
{
    struct world *w = world_new("1 site, 1 pool, 1 nodes x 8 h200");

    CHECK_EQ(world_submit(w, (struct job_spec){.accelerators = 1, .firm = 1, .flexible = 1}).v, 0);
    CHECK_HAS(world_refusal(), "flexible");
    world_free(w);
}

/* ---- cheaper hours ---- */

/* 0.2 a kWh until 14:00, 0.1 from then on; worlds begin at 08:00. */
static void tariff(struct world *w, uint32_t site)
{
    const struct dr_site *known = &w->core->sites[site - 1];
    struct dr_fact fact = {.kind = DR_FACT_SITE_SET};
    int64_t prices[DR_TARIFF_HOURS];

    for (uint32_t hour = 0; hour < DR_TARIFF_HOURS; hour += 1)
        prices[hour] = hour < 14 ? 200000 : 100000;
    fact.site_set.site = site;
    dr_copy_name(fact.site_set.name, known->name);
    fact.site_set.pue_milli = 1200;
    fact.site_set.tariff_micro = prices;
    fact.site_set.tariff_micro_count = DR_TARIFF_HOURS;
    fact.site_set.engine = known->engine;
    world_declare(w, fact);
}

static dr_job_id start_by(struct world *w, int flexible, int64_t deadline_us)
{
    dr_job_id job = world_submit(w, (struct job_spec){.accelerators = 1,
                                                      .limit_us = DR_HOUR_US,
                                                      .flexible = (uint8_t)flexible,
                                                      .deadline_us = deadline_us});

    world_run_us(w, 0);
    return job;
}

/* A flexible job with a deadline waits for cheaper hours, iff its believed start there meets the
 * deadline with a margin; nobody else does. */
TEST(flexible_jobs_wait_for_cheaper_hours)
{
    struct world *w = world_new("1 site, 1 pool, 4 nodes x 8 h200");
    int64_t begun_us = w->now_us;
    dr_job_id job;
    struct dr_why why;

    tariff(w, 1);
    CHECK(runs(w, start_by(w, 0, 20 * DR_HOUR_US)));
    CHECK(runs(w, start_by(w, 1, 0)));
    CHECK(runs(w, start_by(w, 1, 2 * DR_HOUR_US)));
    job = start_by(w, 1, 7 * DR_HOUR_US + 10 * MINUTE); /* an hour, and ten minutes of margin */
    CHECK(!runs(w, job));
    why = world_why(w, job);
    CHECK_EQ(why.holds[0].reason, DR_REASON_TARIFF);
    CHECK_EQ(why.holds[0].site.v, 1);
    CHECK_EQ(why.holds[0].until_us, begun_us + 6 * DR_HOUR_US);
    CHECK_REPLAY(w);
    world_run_us(w, 6 * DR_HOUR_US - DR_SECOND_US);
    CHECK(!runs(w, job));
    world_run_us(w, DR_SECOND_US);
    CHECK(runs(w, job));
    CHECK_EQ(world_run(w, job)->start_us, begun_us + 6 * DR_HOUR_US);
    CHECK_REPLAY(w);
    world_free(w);
}

/* With less time the cheap hours are met in part: it begins as late as the margin lets it, which is
 * between ticks, and the clock alone wakes it. */
TEST(the_margin_is_kept)
{
    struct world *w = world_new("1 site, 1 pool, 4 nodes x 8 h200");
    int64_t begun_us = w->now_us;
    dr_job_id job, flat;

    tariff(w, 1);
    job = start_by(w, 1, 6 * DR_HOUR_US + 40 * MINUTE + 7 * DR_SECOND_US);
    CHECK(!runs(w, job));
    CHECK_EQ(world_why(w, job).holds[0].until_us,
             begun_us + 5 * DR_HOUR_US + 30 * MINUTE + 7 * DR_SECOND_US);
    world_run_us(w, 5 * DR_HOUR_US + 30 * MINUTE + 6 * DR_SECOND_US);
    CHECK(!runs(w, job));
    world_run_us(w, DR_SECOND_US);
    CHECK(runs(w, job));
    world_run_us(w, 12 * DR_HOUR_US);
    flat = start_by(w, 1, 3 * DR_HOUR_US); /* nothing cheaper comes */
    CHECK(runs(w, flat));
    world_free(w);
}

/* ---- empty nodes ---- */

static void may_power_down(struct world *w, uint32_t site)
{
    const struct dr_site *known = &w->core->sites[site - 1];
    struct dr_fact fact = {.kind = DR_FACT_SITE_SET};
    int64_t prices[DR_TARIFF_HOURS];

    memcpy(prices, known->tariff_micro, sizeof prices);
    fact.site_set.site = site;
    dr_copy_name(fact.site_set.name, known->name);
    fact.site_set.pue_milli = 1200;
    fact.site_set.tariff_micro = prices;
    fact.site_set.tariff_micro_count = DR_TARIFF_HOURS;
    fact.site_set.engine = DR_ENGINE_SIMULATED;
    fact.site_set.power_down = 1;
    world_declare(w, fact);
}

static uint32_t nodes_off(const struct world *w)
{
    uint32_t count = 0;

    for (uint32_t row = 0; row < w->core->nodes_count; row += 1)
        count += w->core->nodes[row].off;
    return count;
}

/* What keeping jobs from starting can't meet, empty nodes that are switched off do, half a minute
 * before, no more of them than needed; they are on again when the cap is over. */
TEST(empty_nodes_are_switched_off_and_on)
{
    struct world *w = world_new("1 site, 1 pool, 4 nodes x 8 h200");
    dr_job_id firm, waits;

    may_power_down(w, 1);
    firm = start(w, 8, 4 * DR_HOUR_US, NULL);
    CHECK(runs(w, firm));
    /* 4 nodes and 8 accelerators; without two of the nodes there is room for one more in use */
    announce(w, 1, 0, 2 * NODE_W + 9 * USE_W, 30 * MINUTE, 60 * MINUTE);
    world_run_us(w, 29 * MINUTE + 29 * DR_SECOND_US);
    CHECK_EQ(nodes_off(w), 0);
    CHECK_EQ(w->counts[DR_FACT_POWER_SHORT], 0);
    world_run_us(w, DR_SECOND_US);
    CHECK_EQ(nodes_off(w), 2);
    CHECK_EQ(dr_power_site_w(w->core, (dr_site_id){1}), 2 * NODE_W + 8 * USE_W);
    CHECK_REPLAY(w);
    waits = start(w, 8, MINUTE, NULL);
    CHECK(!runs(w, waits));
    CHECK_EQ(world_why(w, waits).holds[0].reason, DR_REASON_POWER);
    world_run_us(w, 30 * MINUTE);
    CHECK_EQ(nodes_off(w), 2);
    world_run_us(w, 30 * DR_SECOND_US);
    CHECK_EQ(nodes_off(w), 0);
    CHECK(runs(w, waits));
    CHECK_REPLAY(w);
    world_free(w);
}

/* Where a site does not say that its nodes may be switched off, they stay, and what is missing is
 * said. */
TEST(nodes_stay_on_where_nobody_says_otherwise)
{
    struct world *w = world_new("1 site, 1 pool, 4 nodes x 8 h200");

    announce(w, 1, 0, 3 * NODE_W, 30 * MINUTE, 60 * MINUTE);
    world_run_us(w, 40 * MINUTE);
    CHECK_EQ(nodes_off(w), 0);
    CHECK_EQ(w->core->sites[0].power_short.missing_w, NODE_W);
    world_free(w);
}

/* Room without power is none, until the cap is lifted: not even that is asked of whoever waits. */
TEST(a_shape_fits_where_there_is_power)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    dr_job_id waits;

    site_in(w, 1, 2 * NODE_W + 4 * USE_W, 0);
    start(w, 3, 0, NULL);
    waits = start(w, 2, 0, NULL);
    CHECK(!runs(w, waits));
    CHECK_EQ(dr_fits_since(w->core, world_job(w, waits)->shape, 0, 1, 0, DR_FITS_ROOM), 0);
    site_in(w, 1, 2 * NODE_W + 5 * USE_W, 0);
    world_run_us(w, 0);
    CHECK(runs(w, waits));
    CHECK_REPLAY(w);
    world_free(w);
}

/* Six accounts that come before whoever has used something. Returns the first. */
static uint32_t six_accounts(struct world *w)
{
    uint32_t first = 0;

    for (uint32_t i = 0; i < 6; i += 1) {
        char name[8];
        uint32_t account;

        snprintf(name, sizeof name, "c%u", i);
        account = world_account(w, name, WORLD_ACCOUNT_ROOT, 0, -1, -1);
        first = i == 0 ? account : first;
    }
    return first;
}

/* They wait with a gang of two nodes that fits nowhere: who comes after them is then offered only
 * what fits somewhere. Returns the first of their jobs. */
static dr_job_id ask_six_in_vain(struct world *w, uint32_t account, const char *site,
                                 uint32_t accelerators)
{
    dr_job_id first = {0};

    for (uint32_t i = 0; i < 6; i += 1) {
        dr_job_id job = world_submit(w, (struct job_spec){.account = account + i,
                                                          .site = site,
                                                          .chips = 1,
                                                          .tasks = 2,
                                                          .tasks_per_node = 1,
                                                          .accelerators = accelerators,
                                                          .memory_mb = 1});

        first = i == 0 ? job : first;
    }
    world_run_us(w, MINUTE);
    return first;
}

/* The root refuses a small job. When it has room for it there is no power, and it is not asked;
 * then it is met in vain, since something else came free; then another chip's job leaves it power.
 */
TEST(what_the_root_has_room_for_is_not_forgotten_for_want_of_power)
{
    struct world *w = world_remembering("1 site, 1 pool, 2 nodes x 8 h200", 0);
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    struct job_spec spec = {.memory_mb = 1, .chips = 1};
    uint32_t six = six_accounts(w);
    dr_job_id large, half, draws, small, in_vain;

    world_pool(w, 1, "b300", 1, 8, 0);
    world_pool(w, world_site(w, "s2"), "h200", 2, 8, 0);
    world_account(w, "keeper", WORLD_ACCOUNT_ROOT, 4, -1, 0);
    spec.site = "s1";
    spec.accelerators = 8;
    world_submit(w, spec);
    spec.accelerators = 4;
    world_submit(w, spec);
    spec.site = "s2";
    spec.accelerators = 8;
    large = world_submit(w, spec);
    spec.accelerators = 4;
    half = world_submit(w, spec);
    world_submit(w, spec);
    world_run_us(w, MINUTE);
    draws = world_submit(
        w, (struct job_spec){
               .account = b, .site = "s1", .chips = 2, .accelerators = 8, .memory_mb = 1});
    world_run_us(w, MINUTE);
    CHECK(runs(w, draws));
    site_in(w, 1, w->core->power->domains[0].draw_uw / DR_POWER_UW + 1, 0);
    spec.account = b;
    spec.site = "s1";
    spec.accelerators = 1;
    small = world_submit(w, spec);
    world_run_us(w, MINUTE);
    CHECK(!runs(w, small));
    in_vain = ask_six_in_vain(w, six, "s2", 5);
    world_end(w, large, 0);
    world_decide(w);
    for (uint32_t i = 0; i < 6; i += 1)
        world_cancel(w, (dr_job_id){in_vain.v + i});
    world_decide(w);
    world_end(w, half, 0);
    world_decide(w);
    CHECK_EQ(world_job(w, small)->state, DR_JOB_PENDING);
    world_end(w, draws, 0);
    world_decide(w);
    CHECK_EQ(world_job(w, small)->state, DR_JOB_CONFIGURING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Who would take what a reservation counts on is refused. When more may be added beside it there is
 * no power, and he is not asked; then another chip's job leaves it to him. */
TEST(what_may_be_added_beside_is_not_forgotten_for_want_of_power)
{
    struct world *w = world_remembering("1 site, 1 pool, 1 node x 8 h200", 1);
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    struct job_spec spec = {.memory_mb = 1, .chips = 1};
    uint32_t six = six_accounts(w);
    dr_job_id sooner, later, draws, refused;

    world_pool(w, world_site(w, "s2"), "h200", 2, 8, 0);
    world_pool(w, 2, "b300", 1, 8, 0);
    world_pool(w, world_site(w, "s3"), "h200", 1, 4, 0);
    world_pool(w, world_site(w, "s4"), "h200", 1, 4, 0);
    world_account(w, "keeper", WORLD_ACCOUNT_ROOT, 8, -1, 0);
    spec.site = "s1";
    spec.accelerators = 4;
    spec.limit_us = 60 * MINUTE;
    world_submit(w, spec);
    spec.site = "s2";
    spec.accelerators = 8;
    spec.limit_us = 300 * MINUTE;
    world_submit(w, spec);
    spec.site = "s3";
    spec.accelerators = 2;
    spec.limit_us = 50 * MINUTE;
    sooner = world_submit(w, spec);
    spec.limit_us = 200 * MINUTE;
    later = world_submit(w, spec);
    world_run_us(w, MINUTE);
    spec.site = "s1";
    spec.accelerators = 8;
    spec.limit_us = 60 * MINUTE;
    world_submit(w, spec);
    spec.site = "s2";
    spec.tasks = 2;
    world_submit(w, spec);
    world_run_us(w, MINUTE);
    site_in(w, 2, 1000000, 0);
    world_run_us(w, 0);
    site_in(w, 2,
            w->core->power->domains[1].draw_uw / DR_POWER_UW +
                8 * (w->core->chips[1].busy_w - w->core->chips[1].idle_w) * 1200 / 1000 + 1,
            0);
    world_run_us(w, 0);
    spec.account = b;
    spec.tasks = 1;
    spec.limit_us = 90 * MINUTE;
    refused = world_submit(w, spec);
    world_run_us(w, MINUTE);
    CHECK_EQ(world_why(w, refused).holds[0].reason, DR_REASON_RESERVATION);
    draws = world_submit(w, (struct job_spec){.account = b,
                                              .site = "s2",
                                              .chips = 2,
                                              .accelerators = 8,
                                              .limit_us = 300 * MINUTE,
                                              .memory_mb = 1});
    world_run_us(w, MINUTE);
    CHECK(runs(w, draws));
    ask_six_in_vain(w, six, NULL, 2);
    world_end(w, sooner, 0);
    world_decide(w);
    world_end(w, later, 0);
    world_decide(w);
    CHECK(!runs(w, refused));
    world_end(w, draws, 0);
    world_decide(w);
    CHECK_EQ(world_job(w, refused)->state, DR_JOB_CONFIGURING);
    CHECK_REPLAY(w);
    world_free(w);
}
