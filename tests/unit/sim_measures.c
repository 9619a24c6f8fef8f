/* SPDX-License-Identifier: Apache-2.0 */
/* What runs come to, worked out by hand on worlds of a few jobs. */
#include <stdlib.h>

#include "base/text.h"
#include "sim_world.h"

#define HEAD    "job_id,submit_s,runtime_s,tasks,accelerators_per_task"
#define BASE_US (1800000000 * DR_SECOND_US) /* 2027-01-15T08:00:00Z */

static struct dr_sim_options options(void)
{
    return (struct dr_sim_options){.ordering = DR_ORDERING_FIFO,
                                   .preemption = 0,
                                   .jobs = {.base_us = BASE_US, .arrival_milli = 1000},
                                   .tick_us = DR_MINUTE_US};
}

static void must_run(struct sim_world *w)
{
    sim_world_run(w);
    if (w->status != DR_OK)
        fail_msg("%s: found %s, expected %s", w->error.field, w->error.found, w->error.expected);
    CHECK_TEXT(w->said, "");
}

/* A number at a path, in thousandths. */
static int64_t milli(const struct sim_world *w, const char *path)
{
    const json_t *value = sim_member(w->measures, path);
    double number = json_number_value(value);

    CHECK(json_is_number(value));
    return (int64_t)(number * 1000 + (number < 0 ? -0.5 : 0.5));
}

/* A bin of a list at a path, in thousandths; -1: null. */
static int64_t bin(const struct sim_world *w, const char *path, size_t at)
{
    const json_t *value = json_array_get(sim_member(w->measures, path), at);

    CHECK(value != NULL);
    return json_is_null(value) ? -1 : (int64_t)(json_number_value(value) * 1000 + 0.5);
}

/* Held by a: 8 in [0, 100). By b: 8 in [10, 40), then the 4 that waited since 20, in [40, 90). An
 * accelerator draws 100 W, or 700 W when held: 1,600 W and 600 W for each that is. */
static const char STEPS[] = HEAD ",account\n"
                                 "1,0,100,1,8,a\n"
                                 "2,10,30,1,8,b\n"
                                 "3,20,50,1,4,b\n";

TEST(what_is_held_and_wanted_over_time)
{
    static const struct {
        size_t at;
        int64_t held;
        int64_t pending;
        int64_t running;
        int64_t b_held;
        int64_t b_wanted;
    } bins[] = {{0, 8, 0, 1, 0, 0},   {9, 8, 0, 1, 0, 0},    {10, 16, 0, 2, 8, 8},
                {19, 16, 0, 2, 8, 8}, {20, 16, 1, 2, 8, 12}, {39, 16, 1, 2, 8, 12},
                {40, 12, 0, 2, 4, 4}, {89, 12, 0, 2, 4, 4},  {90, 8, 0, 1, 0, 0},
                {99, 8, 0, 1, 0, 0}};
    struct sim_world w = {.trace = STEPS};

    must_run(&w);
    CHECK_EQ(milli(&w, "series.count"), 100000);
    CHECK_EQ(milli(&w, "series.step_s"), 1000);
    CHECK_EQ(milli(&w, "series.from_s"), 0);
    CHECK_TEXT(json_string_value(sim_member(w.measures, "series.from")), "2027-01-15T08:00:00Z");
    for (size_t i = 0; i < DR_COUNT_OF(bins); i += 1) {
        size_t at = bins[i].at;

        CHECK_EQ(bin(&w, "series.capacity", at), 16000);
        CHECK_EQ(bin(&w, "series.allocated", at), bins[i].held * 1000);
        CHECK_EQ(bin(&w, "series.cpus_capacity", at), 64000);
        CHECK_EQ(bin(&w, "series.cpus_allocated", at), bins[i].running * 1000);
        CHECK_EQ(bin(&w, "series.pending", at), bins[i].pending * 1000);
        CHECK_EQ(bin(&w, "series.pending_most", at), bins[i].pending * 1000);
        CHECK_EQ(bin(&w, "series.running", at), bins[i].running * 1000);
        CHECK_EQ(bin(&w, "series.power_w", at), (1600 + 600 * bins[i].held) * 1000);
        CHECK_EQ(bin(&w, "series.power_most_w", at), (1600 + 600 * bins[i].held) * 1000);
        CHECK_EQ(bin(&w, "series.sites.seoul.capacity", at), 16000);
        CHECK_EQ(bin(&w, "series.sites.seoul.allocated", at), bins[i].held * 1000);
        CHECK_EQ(bin(&w, "series.sites.seoul.power_w", at), (1600 + 600 * bins[i].held) * 1000);
        CHECK_EQ(bin(&w, "series.accounts.a.allocated", at), 8000);
        CHECK_EQ(bin(&w, "series.accounts.a.guarantee", at), 8000);
        CHECK_EQ(bin(&w, "series.accounts.a.wanted", at), 8000);
        CHECK_EQ(bin(&w, "series.accounts.b.allocated", at), bins[i].b_held * 1000);
        CHECK_EQ(bin(&w, "series.accounts.b.wanted", at), bins[i].b_wanted * 1000);
    }
    CHECK_EQ(json_array_size(sim_member(w.measures, "series.running")), 100);
    CHECK(json_is_null(sim_member(w.measures, "series.sites.seoul.cap_w")));
    CHECK(json_is_null(sim_member(w.measures, "series.accounts.b.guarantee")));
    /* 8 x 100 + 8 x 30 + 4 x 50 accelerator-seconds of 16 x 100. */
    CHECK_EQ(milli(&w, "allocated"), 775);
    CHECK_EQ(milli(&w, "pending_mean"), 200);
    CHECK_EQ(milli(&w, "power.peak_w"), 11200000);
    CHECK_TEXT(json_string_value(sim_member(w.measures, "power.at")), "2027-01-15T08:00:10Z");
    CHECK(json_is_null(sim_member(w.measures, "power.sites.seoul.cap_w")));
    sim_world_free(&w);
}

/* Waits of 0, 0 and 20 s; 1 s and 60 s are where classes begin. */
TEST(waits_as_a_distribution)
{
    struct sim_world w = {.trace = STEPS};

    must_run(&w);
    CHECK_EQ(bin(&w, "wait_distribution.edges_s", 0), 0);
    CHECK_EQ(bin(&w, "wait_distribution.edges_s", 1), 1000);
    CHECK_EQ(bin(&w, "wait_distribution.edges_s", 2), 10000);
    CHECK_EQ(bin(&w, "wait_distribution.edges_s", 13), 604800000);
    CHECK_EQ(json_array_size(sim_member(w.measures, "wait_distribution.jobs")), 14);
    CHECK_EQ(bin(&w, "wait_distribution.jobs", 0), 2000);
    CHECK_EQ(bin(&w, "wait_distribution.jobs", 1), 0);
    CHECK_EQ(bin(&w, "wait_distribution.jobs", 2), 1000);
    CHECK_EQ(bin(&w, "wait_distribution.jobs", 13), 0);
    sim_world_free(&w);
    /* Who waits 10 s exactly is where 10 begins. */
    w = (struct sim_world){.trace = HEAD ",account\n1,0,10,2,8,b\n2,0,10,2,8,b\n"};
    must_run(&w);
    CHECK_EQ(bin(&w, "wait_distribution.jobs", 1), 0);
    CHECK_EQ(bin(&w, "wait_distribution.jobs", 2), 1000);
    sim_world_free(&w);
}

/* ---- bins against the schedule ---- */

#define ROWS 300

/* How much of [from, until) lies in a bin, in seconds. */
static double part(double from, double until, double begin, double end)
{
    from = from > begin ? from : begin;
    until = until < end ? until : end;
    return until > from ? until - from : 0;
}

/* A day of jobs: the bins are those of the schedule's rows, summed up one by one. */
TEST(bins_are_those_of_the_schedule)
{
    static char trace[20000] = HEAD ",account\n";
    static double held[512];
    static double held_by_a[512];
    static double pending[512];
    struct sim_world w = {.trace = trace, .options = options()};
    double step;
    double end = 0;
    size_t count;

    for (int i = 0; i < ROWS; i += 1) {
        size_t length = strlen(trace);

        snprintf(trace + length, sizeof trace - length, "%d,%d.5,%d,%d,%d,%s\n", i, i * 177,
                 100 + i * 7919 % 3000, 1 + i % 2, i % 5 == 0 ? 8 : 1 + i % 4, i % 3 ? "a" : "b");
    }
    must_run(&w);
    step = sim_number(sim_member(w.measures, "series"), "step_s");
    count = (size_t)sim_number(sim_member(w.measures, "series"), "count");
    CHECK(count > 256 && count <= 512);
    for (int pass = 0; pass < 2; pass += 1) {
        int rows = 0;

        for (const char *row = w.schedule; *row != 0; row = strchr(row, '\n') + 1) {
            char account;
            double submit, from, until, accelerators;

            CHECK_EQ(sscanf(row, "%*d,1,%c,seoul,h200,h200,%lf,%lf,%lf,completed,%*d,%lf", &account,
                            &submit, &from, &until, &accelerators),
                     5);
            rows += 1;
            end = until > end ? until : end;
            for (size_t i = 0; i < count && pass == 1; i += 1) {
                double begin = 0.5 + (double)i * step; /* the first submit */
                double last = begin + step < end ? begin + step : end;

                held[i] += accelerators * part(from, until, begin, last) / (last - begin);
                pending[i] += part(submit, from, begin, last) / (last - begin);
                if (account == 'a')
                    held_by_a[i] += accelerators * part(from, until, begin, last) / (last - begin);
            }
        }
        CHECK_EQ(rows, ROWS);
    }
    CHECK(end - 0.5 > 512 * step / 2 && end - 0.5 <= 512 * step);
    for (size_t i = 0; i < count; i += 1) {
        CHECK(labs((long)bin(&w, "series.allocated", i) - (long)(held[i] * 1000)) <= 1);
        CHECK(labs((long)bin(&w, "series.sites.seoul.allocated", i) - (long)(held[i] * 1000)) <= 1);
        CHECK(labs((long)bin(&w, "series.pending", i) - (long)(pending[i] * 1000)) <= 1);
        CHECK(labs((long)bin(&w, "series.accounts.a.allocated", i) - (long)(held_by_a[i] * 1000)) <=
              1);
    }
    sim_world_free(&w);
}

/* All that is written is the same each time. */
TEST(the_same_run_is_written_the_same)
{
    struct sim_world one = {.trace = STEPS};
    struct sim_world two = {.trace = STEPS};

    must_run(&one);
    must_run(&two);
    CHECK_TEXT(one.measures_text, two.measures_text);
    CHECK_TEXT(one.measures_csv, two.measures_csv);
    CHECK_TEXT(one.series_csv, two.series_csv);
    sim_world_free(&one);
    sim_world_free(&two);
}

/* ---- power ---- */

/* The standing cap holds (10,000 - 1,600) / 600 = 14 accelerators at most, and from 1000 s to 2000
 * s 5,000 W are announced, which are 5. Job 1 draws 6,400 W; job 2 would make it 11,200 W and
 * starts when it ends; job 3 runs into the announced cap, with 1,600 + 4 x 600 = 4,000 W of 5,000
 * W. */
TEST(draws_against_caps)
{
    struct sim_world w = {
        .federation =
            "federation:\n  name: nation\n  default_limit: 1h\n"
            "chips:\n  h200:\n    memory: 141GB\n    idle_power: 100W\n    busy_power: 700W\n"
            "sites:\n  seoul:\n    jurisdiction: kr\n    engine: simulated\n    power_cap: 10kW\n"
            "    pools:\n      h200: {chip: h200, nodes: 2, accelerators: 8, cpus: 32, memory: "
            "256GB}\n"
            "caps:\n  afternoon:\n    site: seoul\n    power_cap: 5kW\n"
            "    from: 2027-01-15T08:16:40Z\n    until: 2027-01-15T08:33:20Z\n"
            "accounts:\n  b:\n    weight: 1\nusers:\n  operator:\n    roles: [admin]\n",
        .trace = HEAD ",limit_s\n1,0,500,1,8,500\n2,10,300,1,8,400\n3,900,200,1,4,200\n"};

    must_run(&w);
    CHECK_HAS(w.schedule, "2,1,b,seoul,h200,h200,10,500,800,completed");
    CHECK_HAS(w.schedule, "3,1,b,seoul,h200,h200,900,900,1100,completed");
    CHECK_EQ(milli(&w, "power.sites.seoul.peak_w"), 6400000);
    CHECK_EQ(milli(&w, "power.sites.seoul.cap_w"), 5000000);
    CHECK_EQ(milli(&w, "power.sites.seoul.part_of_cap"), 800);
    CHECK_EQ(milli(&w, "power.sites.seoul.over_cap_s"), 0);
    CHECK_EQ(milli(&w, "power.over_cap_s"), 0);
    CHECK_EQ(milli(&w, "series.step_s"), 4000); /* of 1,100 s */
    CHECK_EQ(bin(&w, "series.sites.seoul.cap_w", 0), 10000000);
    CHECK_EQ(bin(&w, "series.sites.seoul.cap_w", 249), 10000000);
    CHECK_EQ(bin(&w, "series.sites.seoul.cap_w", 250), 5000000);
    CHECK_EQ(bin(&w, "series.sites.seoul.power_w", 249), 4000000);
    sim_world_free(&w);
}

/* Empty nodes draw 1,600 W, which nobody can help: from 300 s to 350 s the zone may draw 1,200 W.
 * Nothing happens then; it counts all the same. */
TEST(a_draw_above_its_cap_is_counted)
{
    struct sim_world w = {
        .federation =
            "federation:\n  name: nation\n  default_limit: 1h\n"
            "chips:\n  h200:\n    memory: 141GB\n    idle_power: 100W\n    busy_power: 700W\n"
            "zones:\n  capital: {}\n"
            "sites:\n  seoul:\n    jurisdiction: kr\n    engine: simulated\n    zone: capital\n"
            "    pools:\n      h200: {chip: h200, nodes: 2, accelerators: 8, cpus: 32, memory: "
            "256GB}\n"
            "caps:\n  short:\n    zone: capital\n    power_cap: 1200W\n"
            "    from: 2027-01-15T08:05:00Z\n    until: 2027-01-15T08:05:50Z\n"
            "accounts:\n  b:\n    weight: 1\nusers:\n  operator:\n    roles: [admin]\n",
        .trace = HEAD ",limit_s\n1,0,100,1,8,100\n2,400,100,1,8,100\n"};

    must_run(&w);
    CHECK_EQ(milli(&w, "power.zones.capital.over_cap_s"), 50000);
    CHECK_EQ(milli(&w, "power.zones.capital.cap_w"), 1200000);
    CHECK_EQ(milli(&w, "power.zones.capital.part_of_cap"), 1333); /* 1,600 / 1,200 */
    CHECK_EQ(milli(&w, "power.zones.capital.peak_w"), 6400000);
    CHECK_TEXT(json_string_value(sim_member(w.measures, "power.zones.capital.at")),
               "2027-01-15T08:00:00Z"); /* the first of two times */
    CHECK_EQ(milli(&w, "power.over_cap_s"), 50000);
    CHECK(json_is_null(sim_member(w.measures, "power.sites.seoul.cap_w")));
    CHECK_HAS(w.measures_csv, "\npower_w,,capital,,,over_cap_s,50\n");
    sim_world_free(&w);
}

/* ---- guarantees ---- */

/* Job 2 of a, which is guaranteed 8, asks within that: it has its place when the grace of who has
 * it is over, 20 s later. Job 3 asks while 8 are asked for already; b has no guarantee. */
TEST(a_guarantee_is_late_by_the_grace)
{
    struct sim_world w = {.trace = HEAD ",limit_s,account,grace_s\n"
                                        "1,0,4000,2,8,9000,b,20\n"
                                        "2,1000,500,1,8,500,a,\n"
                                        "3,1005,500,1,8,500,a,\n"};

    must_run(&w);
    CHECK_HAS(w.schedule, "2,1,a,seoul,h200,h200,1000,1020,1520,completed");
    CHECK_EQ(milli(&w, "guarantee_delay_s.count"), 1000);
    CHECK_EQ(milli(&w, "guarantee_delay_s.mean"), 20000);
    CHECK_EQ(milli(&w, "guarantee_delay_s.max"), 20000);
    /* Bins of 16 s: b holds its 16 until 1020, wants them back, and has them from 2025 on. */
    CHECK_EQ(bin(&w, "series.accounts.b.allocated", 1000 / 16), 16000);
    CHECK_EQ(bin(&w, "series.accounts.b.allocated", 1200 / 16), 0);
    CHECK_EQ(bin(&w, "series.accounts.b.wanted", 1200 / 16), 16000);
    CHECK_EQ(bin(&w, "series.accounts.b.allocated", 3000 / 16), 16000);
    CHECK_EQ(bin(&w, "series.accounts.b.wanted", 3000 / 16), 16000);
    sim_world_free(&w);
}

/* Who is cancelled while it waits wants nothing any more. */
TEST(who_is_cancelled_wants_nothing)
{
    struct sim_world w = {.trace =
                              HEAD ",account,depends\n1,0,10,1,1,a,\n2,0,10,1,8,a,afternotok:1\n"
                                   "3,0,60,1,1,b,\n4,20,10,1,8,a,\n"};

    must_run(&w);
    CHECK_EQ(milli(&w, "outcomes.cancelled"), 1000);
    CHECK_EQ(bin(&w, "series.accounts.a.wanted", 5), 9000);
    CHECK_EQ(bin(&w, "series.accounts.a.wanted", 15), 0);
    /* Job 1 asked within the guarantee of 8, and job 4, for all of it, once nothing else is asked
     * for. */
    CHECK_EQ(milli(&w, "guarantee_delay_s.count"), 2000);
    sim_world_free(&w);
}

/* Without preemption it waits for ever: it counts until the end. Once a holds its 8, more is not
 * within; what is held and asked for counts together. */
TEST(a_guarantee_that_is_not_kept_counts_until_the_end)
{
    struct sim_world w = {.trace = HEAD ",account\n1,0,4000,2,8,b\n2,1000,500,1,6,a\n"
                                        "3,1000,500,1,2,a\n4,1000,500,1,1,a\n",
                          .options = options()};

    w.options.horizon_us = 1100 * DR_SECOND_US;
    must_run(&w);
    CHECK_EQ(milli(&w, "guarantee_delay_s.count"), 2000); /* 6, and 6 + 2; 6 + 2 + 1 is more */
    CHECK_EQ(milli(&w, "guarantee_delay_s.mean"), 100000);
    CHECK_EQ(milli(&w, "wait_s.count"), 1000);
    sim_world_free(&w);
}

/* A guarantee further up is one; who may not start yet does not ask. */
TEST(who_asks_within_a_guarantee)
{
    struct sim_world w = {
        .federation =
            "federation:\n  name: nation\n  default_limit: 1h\n"
            "chips:\n  h200:\n    memory: 141GB\n"
            "sites:\n  seoul:\n    jurisdiction: kr\n    engine: simulated\n    pools:\n"
            "      h200: {chip: h200, nodes: 2, accelerators: 8, cpus: 32, memory: 256GB}\n"
            "accounts:\n  ministry:\n    guarantees:\n      h200: 8\n    accounts:\n"
            "      lab:\n        weight: 1\n      office:\n        weight: 1\n"
            "  b:\n    weight: 1\nusers:\n  operator:\n    roles: [admin]\n",
        .trace = HEAD ",account,depends,begin_s\n"
                      "1,0,10,1,2,lab,,\n"
                      "2,1,100,1,2,lab,afterok:1,\n"
                      "3,2,100,1,2,lab,,50\n"
                      "4,3,100,1,2,office,,\n"
                      "5,4,100,1,2,office,,\n"
                      "6,5,100,1,8,b,,\n"};

    must_run(&w);
    /* 1: 2 of 8. 4: 2 held, 4 asked for by 2 and 3, 2 by it: 8. 5 is beyond. */
    CHECK_EQ(milli(&w, "guarantee_delay_s.count"), 2000);
    CHECK_EQ(milli(&w, "guarantee_delay_s.max"), 0);
    /* The ministry has what is below it: in [5, 10) 6 held, and 4 asked for by who may not start.
     */
    CHECK_EQ(bin(&w, "series.accounts.ministry.allocated", 7), 6000);
    CHECK_EQ(bin(&w, "series.accounts.ministry.wanted", 7), 10000);
    CHECK_EQ(bin(&w, "series.accounts.ministry.guarantee", 7), 8000);
    CHECK_EQ(bin(&w, "series.accounts.office.allocated", 7), 4000);
    sim_world_free(&w);
}

/* A guarantee with a term, from 60 s to 180 s: it begins and ends at the first tick after that, at
 * 90 s and 200 s, when jobs come. What a holds of its own is there from the beginning. */
TEST(guarantees_change_over_time)
{
    struct sim_world w = {
        .federation =
            "federation:\n  name: nation\n  default_limit: 1h\n"
            "chips:\n  h200:\n    memory: 141GB\n"
            "sites:\n  seoul:\n    jurisdiction: kr\n    engine: simulated\n    pools:\n"
            "      h200: {chip: h200, nodes: 2, accelerators: 8, cpus: 32, memory: 256GB}\n"
            "accounts:\n  a:\n    guarantees:\n      h200: 2\n  b:\n    weight: 1\n"
            "allocations:\n  grant:\n    account: b\n    amounts: {h200: 4}\n"
            "    from: 2027-01-15T08:01:00Z\n    until: 2027-01-15T08:03:00Z\n"
            "users:\n  operator:\n    roles: [admin]\n",
        .trace = HEAD ",account\n1,0,400,1,1,b\n2,90,1,1,1,b\n3,200,1,1,1,b\n"};

    must_run(&w);
    CHECK_EQ(bin(&w, "series.accounts.b.guarantee", 89), 0);
    CHECK_EQ(bin(&w, "series.accounts.b.guarantee", 90), 4000);
    CHECK_EQ(bin(&w, "series.accounts.b.guarantee", 199), 4000);
    CHECK_EQ(bin(&w, "series.accounts.b.guarantee", 200), 0);
    CHECK_EQ(bin(&w, "series.accounts.a.guarantee", 0), 2000);
    CHECK_EQ(bin(&w, "series.accounts.a.guarantee", 399), 2000);
    CHECK_EQ(bin(&w, "series.accounts.a.wanted", 399), 0);
    sim_world_free(&w);
}

/* ---- fairness ---- */

/* All 16 go to b for 200 s and then to c, in the order of submits. In [0, 100) b wants 32 and c 16:
 * 8 each is their due, so b has 8 more and c 8 less. In [100, 200) b wants no more than it has, and
 * c is short of 8 again. Then c has all it wants. So c is short of 8 x 200 s of 16 x 300 s, and
 * what they held over their due is 2 and 0: Jain 2^2 / (2 x 4). */
TEST(fairness_is_what_was_held_against_what_was_due)
{
    struct sim_world w = {
        .federation =
            "federation:\n  name: nation\n  default_limit: 1h\n"
            "chips:\n  h200:\n    memory: 141GB\n"
            "sites:\n  seoul:\n    jurisdiction: kr\n    engine: simulated\n    pools:\n"
            "      h200: {chip: h200, nodes: 2, accelerators: 8, cpus: 32, memory: 256GB}\n"
            "accounts:\n  b:\n    weight: 1\n  c:\n    weight: 1\n"
            "users:\n  operator:\n    roles: [admin]\n",
        .trace = HEAD ",account\n1,0,100,2,8,b\n2,0,100,2,8,b\n3,0,100,2,8,c\n",
        .options = options()};

    must_run(&w);
    CHECK_HAS(w.schedule, "3,1,c,seoul,h200,h200,0,200,300,completed");
    CHECK_EQ(milli(&w, "fairness.largest_deviation"), 333);
    CHECK_TEXT(json_string_value(sim_member(w.measures, "fairness.account")), "c");
    CHECK_EQ(milli(&w, "fairness.accelerator_hours"), -444); /* 1,600 s */
    CHECK_EQ(milli(&w, "fairness.jain"), 500);
    CHECK_EQ(milli(&w, "fairness.accounts"), 2000);
    CHECK_HAS(w.measures_csv, "\nlargest_deviation,c,,,,,0.333333\n");
    sim_world_free(&w);
}

/* 16 held by a, which is guaranteed 8; b of weight 3 wants 16, c wants 1. Of the 8 above guarantees
 * c would have 8 / 5 by weight, and gets the 1 that it wants; the other 7 go 1 to 3: 1.75 and 5.25.
 * So b is short of 5.25 for 100 s, of 16 x 100 s, and c of 1. */
TEST(a_due_is_by_guarantee_then_by_weight)
{
    struct sim_world w = {
        .federation =
            "federation:\n  name: nation\n  default_limit: 1h\n"
            "chips:\n  h200:\n    memory: 141GB\n"
            "sites:\n  seoul:\n    jurisdiction: kr\n    engine: simulated\n    pools:\n"
            "      h200: {chip: h200, nodes: 2, accelerators: 8, cpus: 32, memory: 256GB}\n"
            "accounts:\n  a:\n    guarantees:\n      h200: 8\n  b:\n    weight: 3\n  c:\n    "
            "weight: 1\n"
            "users:\n  operator:\n    roles: [admin]\n",
        .trace = HEAD ",account\n1,0,100,2,8,a\n2,0,100,2,8,b\n3,0,100,1,1,c\n",
        .options = options()};

    w.options.horizon_us = 100 * DR_SECOND_US;
    must_run(&w);
    CHECK_EQ(milli(&w, "fairness.largest_deviation"), 328); /* 525 / 1,600 */
    CHECK_TEXT(json_string_value(sim_member(w.measures, "fairness.account")), "b");
    CHECK_EQ(milli(&w, "fairness.accelerator_hours"), -146);
    CHECK_EQ(milli(&w, "fairness.accounts"), 2000);
    sim_world_free(&w);
}

/* Nobody wants more than he has: there is nothing to judge. */
TEST(nobody_who_wants_more_is_fair)
{
    struct sim_world w = {.trace = HEAD ",account\n1,0,100,1,8,a\n2,0,100,1,8,b\n"};

    must_run(&w);
    CHECK_EQ(milli(&w, "fairness.largest_deviation"), 0);
    CHECK(json_is_null(sim_member(w.measures, "fairness.account")));
    CHECK(json_is_null(sim_member(w.measures, "fairness.jain")));
    sim_world_free(&w);
}

/* ---- what is free and of no use ---- */

/* What is of no use as a first instant has left things, in thousandths. */
static int64_t unusable(const char *trace)
{
    struct sim_world w = {.trace = trace, .options = options()};
    int64_t value;

    must_run(&w);
    value = bin(&w, "series.fragmentation", 0);
    sim_world_free(&w);
    return value;
}

/* By how often they come, a task of 4 and three of 8: a quarter of the mix can use the 4 that are
 * left on the first node, three quarters can't. */
TEST(what_is_free_and_of_no_use)
{
    struct sim_world w = {.trace = HEAD ",account\n1,0,200,1,4,b\n2,0,200,1,8,b\n3,0,200,1,8,b\n"
                                        "4,0,200,1,8,b\n",
                          .options = options()};

    must_run(&w);
    CHECK_HAS(w.schedule, "1,1,b,seoul,h200,h200,0,0,200");
    CHECK_HAS(w.schedule, "2,1,b,seoul,h200,h200,0,0,200");
    CHECK_EQ(bin(&w, "series.fragmentation", 0), 3000);
    CHECK_EQ(bin(&w, "series.fragmentation", 199), -1); /* nothing happened: not looked for */
    CHECK_EQ(bin(&w, "series.fragmentation", 200), 0);  /* jobs 3 and 4 hold all */
    sim_world_free(&w);
    /* A share of 0.5 leaves 7 and a half beside it: of use to a share, and to none of three 8. */
    CHECK_EQ(unusable(HEAD ",account\n1,0,40,1,0.5,b\n2,0,40,1,8,b\n3,0,40,1,8,b\n"
                           "4,0,40,1,8,b\n"),
             5625);
    /* Two tasks of 4 with all 32 CPUs leave 4 on each node without one. */
    CHECK_EQ(unusable(HEAD ",account,cpus_per_task\n1,0,40,2,4,b,32\n"), 8000);
    /* With 16 of the 32 they leave room for just another one. */
    CHECK_EQ(unusable(HEAD ",account,cpus_per_task\n1,0,40,1,4,b,16\n"), 0);
    /* Nobody who comes wants accelerators: nothing is known of what is free. */
    CHECK_EQ(unusable(HEAD ",account\n1,0,40,1,0,b\n"), -1);
}

/* ---- classes, sizes, the warm-up, the run ---- */

TEST(a_job_is_of_the_first_class_that_it_is)
{
    struct sim_world w = {.trace = HEAD ",account,preemptible,flexible,deadline_s,tasks_min\n"
                                        "1,0,10,1,1,a,no,,100,\n"
                                        "2,0,20,1,1,b,,yes,100,\n"
                                        "3,0,30,2,1,b,,,100,1\n"
                                        "4,0,40,2,1,b,,,,1\n"
                                        "5,0,50,2,1,b,,,,\n"
                                        "6,0,60,1,2,b,,,,\n"
                                        "7,0,70,1,0.5,b,,,,\n"};
    static const struct {
        const char *path;
        int64_t mean;
    } classes[] = {{"by_class.firm", 10},    {"by_class.flexible", 20}, {"by_class.deadline", 30},
                   {"by_class.elastic", 40}, {"by_class.gang", 50},     {"by_class.single", 65}};

    must_run(&w);
    CHECK_EQ(json_object_size(sim_member(w.measures, "by_class")), 6);
    for (size_t i = 0; i < DR_COUNT_OF(classes); i += 1) {
        char path[80];

        dr_format(path, sizeof path, "%s.turnaround_s.mean", classes[i].path);
        CHECK_EQ(milli(&w, path), classes[i].mean * 1000);
        dr_format(path, sizeof path, "%s.wait_s.count", classes[i].path);
        CHECK_EQ(milli(&w, path), i == 5 ? 2000 : 1000);
    }
    CHECK_HAS(w.measures_csv, "\nturnaround_s,,,,single,mean,65\n");
    CHECK_HAS(w.measures_csv, "\nturnaround_s,,,shares,,mean,70\n");
    CHECK_HAS(w.measures_csv, "\nturnaround_s,a,,,,mean,10\n");
    sim_world_free(&w);
}

/* 16 accelerators for 100 s, of which 40 s lie after the warm-up: so much of what there was. The
 * job itself came before and counts in no wait. Job 2 ended before. */
TEST(a_warm_up_counts_nowhere)
{
    struct sim_world w = {.trace = HEAD ",account\n1,0,100,1,8,b\n2,0,30,1,8,b\n",
                          .options = options()};

    w.options.warmup_us = 60 * DR_SECOND_US;
    must_run(&w);
    CHECK_EQ(milli(&w, "span_s"), 40000);
    CHECK_EQ(milli(&w, "allocated"), 500);
    CHECK_EQ(milli(&w, "goodput"), 500);
    CHECK_EQ(milli(&w, "accelerator_hours"), 89); /* 8 x 40 s */
    CHECK_EQ(milli(&w, "attempts"), 1000);
    CHECK_EQ(milli(&w, "wait_s.count"), 0);
    CHECK_EQ(milli(&w, "series.from_s"), 60000);
    CHECK_EQ(milli(&w, "series.count"), 40000);
    CHECK_EQ(bin(&w, "series.allocated", 0), 8000);
    CHECK_EQ(bin(&w, "series.capacity", 39), 16000);
    sim_world_free(&w);
    /* All 100 s of one that fails are lost; 40 s of them count. */
    w = (struct sim_world){.trace = HEAD ",account,status\n1,0,100,1,4,b,failed\n",
                           .options = options()};
    w.options.warmup_us = 60 * DR_SECOND_US;
    must_run(&w);
    CHECK_EQ(milli(&w, "accelerator_hours"), 44); /* 4 x 40 s */
    CHECK_EQ(milli(&w, "lost_accelerator_hours"), 44);
    CHECK_EQ(milli(&w, "goodput"), 0);
    sim_world_free(&w);
    /* One that is longer than the run leaves nothing. */
    w = (struct sim_world){.trace = HEAD ",account\n1,0,100,1,4,b\n", .options = options()};
    w.options.warmup_us = 200 * DR_SECOND_US;
    must_run(&w);
    CHECK_EQ(milli(&w, "span_s"), 0);
    CHECK_EQ(milli(&w, "series.count"), 0);
    CHECK_EQ(milli(&w, "attempts"), 0);
    sim_world_free(&w);
}

/* The policy as it ran: what the options say, else what the federation says. Names of files lose
 * their paths, and what JSON can't have. */
TEST(measures_say_what_was_run)
{
    struct sim_world w = {.trace = STEPS, .options = options()};

    w.options.federation = "/some/where/na\"tion\xff\n.yaml";
    w.options.backfill = DR_SIM_BACKFILL_EASY;
    w.options.jobs.estimates = DR_ESTIMATES_ERROR;
    w.options.jobs.error_milli = 500;
    w.options.jobs.seed = 7;
    must_run(&w);
    CHECK_HAS(w.measures_text,
              "\"run\":{\"federation\":\"na\\\"tion?\\u000a.yaml\",\"trace\":\"trace.csv\","
              "\"order\":\"fifo\",\"backfill\":\"easy\",\"reserve_depth\":1,\"preemption\":false,"
              "\"placement\":\"daero\",\"failures\":[],\"failure_list\":\"\",\"estimates\":\"error:"
              "0.5\",\"seed\":7,\"arrivals\":1,\"warm_up_s\":0,"
              "\"horizon_s\":null,\"tick_s\":60}");
    sim_world_free(&w);
    w = (struct sim_world){.trace = STEPS};
    must_run(&w);
    CHECK_HAS(w.measures_text, "\"run\":{\"federation\":\"\",\"trace\":\"trace.csv\","
                               "\"order\":\"fair\",\"backfill\":");
    CHECK_HAS(w.measures_text, "\"preemption\":true,\"placement\":\"daero\",");
    sim_world_free(&w);
}

/* A row per bin, a column per list of the JSON; nothing where it has null. */
TEST(series_as_a_table)
{
    struct sim_world w = {.trace = HEAD ",account\n1,5,2,1,4,a\n", .options = options()};

    must_run(&w);
    CHECK_TEXT(w.series_csv,
               "from_s,capacity,allocated,cpus_capacity,cpus_allocated,pending,pending_most,"
               "running,fragmentation,power_w,power_most_w,site.seoul.capacity,"
               "site.seoul.allocated,site.seoul.power_w,site.seoul.power_most_w,site.seoul.cap_w,"
               "account.a.allocated,account.a.guarantee,account.a.wanted\n"
               "5,16,4,64,1,0,0,1,0,4000,4000,16,4,4000,4000,,4,8,4\n"
               "6,16,4,64,1,0,0,1,,4000,4000,16,4,4000,4000,,4,8,4\n");
    CHECK_HAS(w.measures_csv, "measure,account,site,size,class,statistic,value\njobs,,,,,,1\n");
    CHECK_HAS(w.measures_csv, "\nspan_s,,,,,,2\n");
    CHECK_HAS(w.measures_csv, "\noutcomes,,,,,completed,1\n");
    CHECK_HAS(w.measures_csv, "\nwait_distribution,,,,,0,1\nwait_distribution,,,,,1,0\n");
    sim_world_free(&w);
}
