/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that fail in a simulation, by a list and by chance. */
#include <string.h>

#include "core/state.h"
#include "federation/federation.h"
#include "sim/failures.h"
#include "sim/fold.h"
#include "sim_world.h"

#define HEAD "job_id,submit_s,runtime_s,tasks,accelerators_per_task"
#define LIST "site,pool,node,down_s,up_s\n"

static void run_with_list(struct sim_world *w, const char *trace, const char *list)
{
    *w = (struct sim_world){
        .federation = w->federation,
        .trace = trace,
        .options = {.ordering = -1,
                    .placement = -1,
                    .preemption = -1,
                    .jobs = {.base_us = 1800000000 * DR_SECOND_US, .arrival_milli = 1000},
                    .failures = {.list = sim_file("failures.csv", list)},
                    .tick_us = DR_MINUTE_US}};
    sim_world_run(w);
}

/* A gang on two nodes loses one after 250 s, of which 200 were saved; it waits for the repair,
 * since one node is too little, and its restart takes 7 s. Who runs elsewhere notices nothing. */
TEST(a_gang_goes_on_from_its_checkpoint)
{
    struct sim_world w = {0};

    run_with_list(&w,
                  HEAD ",checkpoint_s,restart_s,account\n1,0,300,2,6,100,7,b\n2,0,400,1,2,,,b\n",
                  LIST "seoul,h200,1,250,280\n");
    CHECK_EQ(w.status, DR_OK);
    CHECK_TEXT(w.schedule, "1,1,b,seoul,h200,h200,0,0,250,node_fail,2,12,0:0-5;1:0-5\n"
                           "1,2,b,seoul,h200,h200,0,280,387,completed,2,12,0:0-5;1:0-5\n"
                           "2,1,b,seoul,h200,h200,0,0,400,completed,1,2,0:6-7\n");
    CHECK_EQ(sim_number(w.measures, "node_losses"), 1);
    /* 50 s of work and 7 s of restart, on 12 accelerators. */
    CHECK_EQ((int)(1e6 * sim_number(w.measures, "lost_accelerator_hours")),
             57 * 12 * 1000000 / 3600);
    /* 30 of 400 s one of the two nodes was not there. */
    CHECK_EQ((int)(1e6 * sim_number(w.measures, "allocated")),
             (int)(1e6 * (12 * 357 + 2 * 400) / (16 * 400 - 8 * 30)));
    sim_world_free(&w);
}

/* What ends in the instant in which its node fails has ended; what would start then does not. */
TEST(ends_come_first_and_starts_last)
{
    struct sim_world w = {0};

    run_with_list(&w, HEAD ",account\n1,0,100,2,8,b\n2,100,50,2,8,b\n",
                  LIST "seoul,h200,0,100,160\n");
    CHECK_TEXT(w.schedule, "1,1,b,seoul,h200,h200,0,0,100,completed,2,16,0:0-7;1:0-7\n"
                           "2,1,b,seoul,h200,h200,100,160,210,completed,2,16,0:0-7;1:0-7\n");
    sim_world_free(&w);
}

/* A node for which two causes overlap is up when both are over; one that stays down for ever keeps
 * a gang waiting, and the run comes to its end. */
TEST(causes_overlap_and_some_stay)
{
    struct sim_world w = {0};

    run_with_list(&w, HEAD ",account\n1,5,10,2,8,b\n",
                  LIST "seoul,h200,0,1,50\nseoul,h200,0,20,70\nseoul,h200,1,2,30\n");
    CHECK_TEXT(w.schedule, "1,1,b,seoul,h200,h200,5,70,80,completed,2,16,0:0-7;1:0-7\n");
    sim_world_free(&w);
    run_with_list(&w, HEAD ",account\n1,5,10,2,8,b\n", LIST "seoul,h200,0,1,\n");
    CHECK_EQ(w.status, DR_OK);
    CHECK_EQ(sim_number(json_object_get(w.measures, "outcomes"), "unfinished"), 1);
    sim_world_free(&w);
}

/* A node of one site fails in the instant in which one of another comes back: what sites have is
 * told apart. The most that was held is told of all that there was. */
TEST(sites_lose_what_is_theirs)
{
    static const char two_sites[] =
        "federation: {name: two, default_limit: 1h}\n"
        "chips: {h200: {memory: 141GB, price: 1}}\n"
        "sites:\n"
        "  a: {jurisdiction: kr, engine: simulated, pools: {p: {chip: h200, nodes: 1, "
        "accelerators: 8, cpus: 32, memory: 256GB}}}\n"
        "  b: {jurisdiction: kr, engine: simulated, pools: {p: {chip: h200, nodes: 1, "
        "accelerators: 8, cpus: 32, memory: 256GB}}}\n"
        "accounts: {all: {weight: 1}}\nusers: {op: {roles: [admin]}}\n";
    struct sim_world w = {.federation = two_sites};
    json_t *sites;

    run_with_list(&w, HEAD "\n1,0,5,1,8\n2,39,1,1,8\n", LIST "a,p,0,10,20\nb,p,0,20,30\n");
    CHECK_EQ(w.status, DR_OK);
    sites = json_object_get(json_object_get(w.measures, "series"), "sites");
    for (size_t second = 0; second < 40; second += 1) {
        json_t *a = json_object_get(json_object_get(sites, "a"), "capacity");
        json_t *b = json_object_get(json_object_get(sites, "b"), "capacity");

        CHECK_EQ(json_number_value(json_array_get(a, second)), second / 10 == 1 ? 0 : 8);
        CHECK_EQ(json_number_value(json_array_get(b, second)), second / 10 == 2 ? 0 : 8);
    }
    CHECK_EQ((int)(1000 * sim_number(w.measures, "allocated_most")), 500);
    sim_world_free(&w);
}

TEST(a_wrong_list_is_refused_with_its_place)
{
    static const struct {
        const char *list;
        uint32_t line;
        const char *field;
        const char *found;
    } cases[] = {
        {"", 1, "", "an empty file"},
        {"site,pool\n", 1, "", "site,pool"},
        {LIST "seoul,h200,0,1\n", 2, "", "another number of fields"},
        {LIST "seoul,h200,0,1,2\nbusan,h200,0,1,2\n", 3, "site", "busan"},
        {LIST "seoul,b300,0,1,2\n", 2, "pool", "b300"},
        {LIST "seoul,h200,2,1,2\n", 2, "node", "2"},
        {LIST "seoul,h200,0,x,2\n", 2, "down_s", "x"},
        {LIST "seoul,h200,0,1,y\n", 2, "up_s", "y"},
        {LIST "seoul,h200,0,9,9\n", 2, "up_s", "9"},
    };

    for (uint32_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        struct sim_world w = {0};

        run_with_list(&w, HEAD ",account\n1,5,10,2,8,b\n", cases[i].list);
        CHECK_EQ(w.status, DR_E_INPUT);
        CHECK_EQ(w.error.line, cases[i].line);
        CHECK_TEXT(w.error.field, cases[i].field);
        CHECK_TEXT(w.error.found, cases[i].found);
        sim_world_free(&w);
    }
}

/* ---- by chance ---- */

static const char TWO_CHIPS[] =
    "federation:\n  name: two\n  default_limit: 1d\n"
    "chips:\n  h200:\n    memory: 141GB\n    price: 1\n"
    "  b300:\n    memory: 288GB\n    price: 1\n"
    "sites:\n  seoul:\n    jurisdiction: kr\n    engine: simulated\n    pools:\n"
    "      old:\n        chip: h200\n        nodes: 400\n        accelerators: 8\n"
    "        cpus: 32\n        memory: 512GB\n"
    "      new:\n        chip: b300\n        nodes: 100\n        accelerators: 8\n"
    "        cpus: 32\n        memory: 512GB\n"
    "accounts:\n  all:\n    weight: 1\nusers:\n  op:\n    roles: [admin]\n";

struct counts {
    uint32_t downs[2]; /* by pool */
    int64_t down_us[2];
    uint64_t of_old; /* a sum over all that happens to nodes of the first pool */
};

/* All failures of a year. */
static struct counts count(struct dr_core *core, const struct dr_failures_options *options,
                           uint64_t seed)
{
    const int64_t until_us = 365 * DR_DAY_US;
    struct dr_failures *failures;
    struct dr_error error = {0};
    struct dr_failure failure;
    struct counts counts = {0};

    CHECK_EQ(dr_failures_open(&failures, core, options, seed, 0, 0, &error), DR_OK);
    while (dr_failures_next_us(failures) <= until_us) {
        int64_t now_us = dr_failures_next_us(failures);
        uint32_t pool;

        CHECK(dr_failures_pop(failures, now_us, &failure));
        pool = core->nodes[failure.node.v - 1].pool.v - 1;
        counts.downs[pool] += (uint32_t)failure.is_down;
        counts.down_us[pool] += failure.is_down ? until_us - now_us : now_us - until_us;
        if (pool == 0)
            counts.of_old =
                counts.of_old * 31 + (uint64_t)now_us * failure.node.v + (uint64_t)failure.is_down;
    }
    dr_failures_close(failures);
    return counts;
}

/* As many as the rates say: 400 nodes x 365 / (30 + 1) days, and 100 x 365 / (10 + 0.25); a
 * standard deviation is the root of that. They are down for 1 / 31 and 1 / 41 of the time. */
TEST(failures_come_at_their_rates)
{
    struct dr_fold fold = {0};
    struct dr_error error = {0};
    struct dr_error_list errors = {0};
    struct dr_federation *federation;
    struct dr_failures_options options = {
        .rates = {{"h200", 30 * DR_DAY_US, DR_DAY_US}, {"any", 10 * DR_DAY_US, 6 * DR_HOUR_US}},
        .rates_count = 2};
    struct counts one;
    struct counts other;

    CHECK_EQ(dr_federation_read(&federation, sim_file("two.yaml", TWO_CHIPS), &errors, NULL),
             DR_OK);
    CHECK_EQ(dr_fold_open(&fold, &error), DR_OK);
    CHECK_EQ(dr_fold_federation(&fold, federation, &error), DR_OK);
    one = count(fold.core, &options, 1);
    CHECK(one.downs[0] > 4710 - 3 * 69 && one.downs[0] < 4710 + 3 * 69);
    CHECK(one.downs[1] > 3561 - 3 * 60 && one.downs[1] < 3561 + 3 * 60);
    CHECK(one.down_us[0] / DR_DAY_US > 400 * 365 / 31 * 95 / 100 &&
          one.down_us[0] / DR_DAY_US < 400 * 365 / 31 * 105 / 100);
    CHECK(one.down_us[1] / DR_DAY_US > 100 * 365 / 41 * 95 / 100 &&
          one.down_us[1] / DR_DAY_US < 100 * 365 / 41 * 105 / 100);
    /* The same seed, the same failures, whatever other chips do; another seed, others. */
    other = count(fold.core, &options, 1);
    CHECK_EQ(other.of_old, one.of_old);
    options.rates_count = 1;
    other = count(fold.core, &options, 1);
    CHECK_EQ(other.of_old, one.of_old);
    CHECK_EQ(other.downs[1], 0);
    other = count(fold.core, &options, 2);
    CHECK(other.of_old != one.of_old);
    dr_federation_close(federation);
    dr_fold_close(&fold);
}

TEST(rates_name_chips_that_there_are)
{
    struct sim_world w = {
        .trace = HEAD ",account\n1,5,10,2,8,b\n",
        .options = {.ordering = -1,
                    .placement = -1,
                    .preemption = -1,
                    .jobs = {.arrival_milli = 1000},
                    .failures = {.rates = {{"b300", DR_DAY_US, DR_HOUR_US}}, .rates_count = 1},
                    .tick_us = DR_MINUTE_US}};

    sim_world_run(&w);
    CHECK_EQ(w.status, DR_E_INPUT);
    CHECK_TEXT(w.error.field, "failures");
    CHECK_TEXT(w.error.found, "b300");
    sim_world_free(&w);
}

/* With failures, too, the same input gives the same bytes; who has been requeued too often is held,
 * and the run ends. */
TEST(a_run_with_failures_repeats_itself)
{
    struct sim_world w[2];

    for (int i = 0; i < 2; i += 1) {
        w[i] = (struct sim_world){
            .trace = HEAD ",account,limit_s\n1,0,90000,2,8,b,172800\n2,10,300,1,4,a,600\n"
                          "3,86400,300,1,4,a,3600\n",
            .options = {
                .ordering = -1,
                .placement = -1,
                .preemption = -1,
                .jobs = {.base_us = 1800000000 * DR_SECOND_US, .arrival_milli = 1000, .seed = 5},
                .failures = {.rates = {{"h200", 4 * DR_HOUR_US, DR_HOUR_US}}, .rates_count = 1},
                .tick_us = DR_MINUTE_US}};
        sim_world_run(&w[i]);
        CHECK_EQ(w[i].status, DR_OK);
    }
    CHECK_TEXT(w[0].schedule, w[1].schedule);
    CHECK_EQ(w[0].hash, w[1].hash);
    CHECK_EQ(sim_number(w[0].measures, "node_losses"), 10);
    CHECK_EQ(sim_number(json_object_get(w[0].measures, "outcomes"), "unfinished"), 1);
    CHECK_EQ(sim_number(json_object_get(w[0].measures, "outcomes"), "completed"), 2);
    for (int i = 0; i < 2; i += 1)
        sim_world_free(&w[i]);
}

/* Who goes on with another attempt was told to leave for others, or has lost a node: told so by its
 * site, or by the controller, after which the site says that it was stopped. */
TEST(a_lost_node_is_no_preemption)
{
    static const struct {
        enum dr_job_state state;
        enum dr_stop_cause stopping;
        enum dr_schedule_outcome outcome;
    } cases[] = {
        {DR_JOB_PENDING, DR_STOP_NONE, DR_SCHEDULE_node_fail},
        {DR_JOB_PENDING, DR_STOP_NODE, DR_SCHEDULE_node_fail},
        {DR_JOB_PENDING, DR_STOP_RECLAIM, DR_SCHEDULE_preempted},
        {DR_JOB_PENDING, DR_STOP_ATTAINED, DR_SCHEDULE_preempted},
        {DR_JOB_NODE_FAIL, DR_STOP_NODE, DR_SCHEDULE_node_fail},
        {DR_JOB_OUT_OF_MEMORY, DR_STOP_NONE, DR_SCHEDULE_failed},
        {DR_JOB_DEADLINE, DR_STOP_DEADLINE, DR_SCHEDULE_cancelled},
    };

    for (uint32_t i = 0; i < DR_COUNT_OF(cases); i += 1)
        CHECK_EQ(dr_schedule_outcome_of(cases[i].state, cases[i].stopping), cases[i].outcome);
}
