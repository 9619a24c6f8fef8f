/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator: what a trace comes to, to the row. */
#include <stdlib.h>

#include "base/text.h"
#include "sim_world.h"

#define HEAD "job_id,submit_s,runtime_s,tasks,accelerators_per_task"

/* As sim_world_run() would have them, to be changed. */
static struct dr_sim_options options(void)
{
    return (struct dr_sim_options){
        .ordering = -1,
        .placement = -1,
        .preemption = -1,
        .jobs = {.base_us = 1800000000 * DR_SECOND_US, .arrival_milli = 1000},
        .tick_us = DR_MINUTE_US};
}

static void must_run(struct sim_world *w)
{
    sim_world_run(w);
    if (w->status != DR_OK)
        fail_msg("%s: found %s, expected %s", w->error.field, w->error.found, w->error.expected);
}

/* Times on the trace's clock, places task by task, in the order of ends. */
TEST(a_schedule_says_where_and_when)
{
    struct sim_world w = {.trace = HEAD ",account,name\n"
                                        "5,0,100,2,4,a,first\n"
                                        "6,0.5,10.25,1,8,b,\n"
                                        "7,1,60,3,0.5,b,\n"
                                        "8,2,30,1,0,b,\n"};

    must_run(&w);
    CHECK_TEXT(w.schedule, "6,1,b,seoul,h200,h200,0.5,0.5,10.75,completed,1,8,1:0-7\n"
                           "8,1,b,seoul,h200,h200,2,10.75,40.75,completed,1,0,1:\n"
                           "7,1,b,seoul,h200,h200,1,10.75,70.75,completed,3,1.5,"
                           "1:0@0.5;1:0@0.5;1:1@0.5\n"
                           "5,1,a,seoul,h200,h200,0,0,100,completed,2,8,0:0-3;0:4-7\n");
    CHECK_TEXT(w.said, "");
    CHECK_EQ(sim_number(w.measures, "jobs"), 4);
    CHECK_EQ(sim_number(w.measures, "makespan_s"), 100);
    CHECK_EQ(sim_number(w.measures, "attempts"), 4);
    CHECK_EQ(sim_number(json_object_get(w.measures, "outcomes"), "completed"), 4);
    CHECK_EQ((int)(1e6 * sim_number(w.measures, "accelerator_hours")),
             (800 + 82 + 90) * 1000000 / 3600);
    CHECK_EQ((int)(1000 * sim_number(json_object_get(w.measures, "wait_s"), "max")), 9750);
    sim_world_free(&w);
}

/* The same input comes to the same facts and schedule, byte for byte, and the same state. */
TEST(the_same_input_gives_the_same_bytes)
{
    char trace[16000] = HEAD ",account,priority,checkpoint_s\n";
    struct sim_world one = {.trace = trace};
    struct sim_world two = {.trace = trace};

    for (int i = 0; i < 200; i += 1) {
        size_t length = strlen(trace);

        snprintf(trace + length, sizeof trace - length, "%d,%d,%d,%d,%d,%s,%d,%d\n", i, i * 37,
                 100 + i * 7919 % 3000, 1 + i % 3, i % 5 == 0 ? 8 : 1 + i % 4, i % 3 ? "a" : "b",
                 i % 2, i % 4 * 300);
    }
    must_run(&one);
    must_run(&two);
    CHECK_TEXT(one.schedule, two.schedule);
    CHECK_EQ(one.hash, two.hash);
    CHECK_EQ(one.facts.length, two.facts.length);
    CHECK_BYTES(one.facts.data, two.facts.data, one.facts.length);
    CHECK(json_equal(one.measures, two.measures));
    sim_world_free(&one);
    sim_world_free(&two);
}

/* The facts alone rebuild the state. */
TEST(the_facts_rebuild_the_state)
{
    struct sim_world w = {.trace = HEAD ",account\n1,0,100,2,4,a\n2,5,50,2,8,b\n3,9,600,1,1,b\n"};
    struct dr_core *core;
    struct dr_arena arena;
    uint64_t seq = 0;
    size_t at = 0;

    must_run(&w);
    CHECK_EQ(dr_core_open(&core, &DR_LIMITS_DEFAULT), DR_OK);
    CHECK_EQ(dr_arena_init(&arena, 1u << 24), DR_OK);
    while (at < w.facts.length) {
        struct dr_fact fact;
        struct dr_error error;
        uint32_t taken;

        dr_arena_reset(&arena, 0);
        CHECK_EQ(dr_fact_decode(w.facts.data + at, (uint32_t)(w.facts.length - at), &arena, &fact,
                                &taken, &error),
                 DR_OK);
        seq += 1;
        fact.seq = seq;
        dr_apply(core, &fact, NULL);
        at += taken;
    }
    CHECK_EQ(dr_core_hash(core), w.hash);
    CHECK_EQ((uint64_t)sim_number(w.measures, "facts"), seq);
    dr_arena_deinit(&arena);
    dr_core_close(core);
    sim_world_free(&w);
}

/* A gang of 16 waits behind 8 that run for 100 s. In order nobody overtakes it; by EASY who is gone
 * before it starts does; the job that is too long for that waits. */
static const char QUEUE[] = HEAD ",limit_s,account\n"
                                 "1,0,100,1,8,100,b\n"
                                 "2,1,50,2,8,50,b\n"
                                 "3,2,90,1,8,98,b\n"
                                 "4,3,90,1,8,99,b\n";

TEST(fifo_and_easy_are_what_they_are_called)
{
    struct sim_world w = {.trace = QUEUE, .options = options()};

    w.options.ordering = DR_ORDERING_FIFO;
    w.options.preemption = 0;
    w.options.backfill = DR_SIM_BACKFILL_NONE;
    must_run(&w);
    CHECK_TEXT(w.schedule, "1,1,b,seoul,h200,h200,0,0,100,completed,1,8,0:0-7\n"
                           "2,1,b,seoul,h200,h200,1,100,150,completed,2,16,0:0-7;1:0-7\n"
                           "3,1,b,seoul,h200,h200,2,150,240,completed,1,8,0:0-7\n"
                           "4,1,b,seoul,h200,h200,3,150,240,completed,1,8,1:0-7\n");
    sim_world_free(&w);
    w = (struct sim_world){.trace = QUEUE, .options = options()};
    w.options.ordering = DR_ORDERING_FIFO;
    w.options.preemption = 0;
    w.options.backfill = DR_SIM_BACKFILL_EASY;
    must_run(&w);
    CHECK_TEXT(w.schedule, "3,1,b,seoul,h200,h200,2,2,92,completed,1,8,1:0-7\n"
                           "1,1,b,seoul,h200,h200,0,0,100,completed,1,8,0:0-7\n"
                           "2,1,b,seoul,h200,h200,1,100,150,completed,2,16,0:0-7;1:0-7\n"
                           "4,1,b,seoul,h200,h200,3,150,240,completed,1,8,0:0-7\n");
    sim_world_free(&w);
    /* By whoever fits, the one that is too long starts too, and the gang waits. */
    w = (struct sim_world){.trace = QUEUE, .options = options()};
    w.options.preemption = 0;
    w.options.backfill = DR_SIM_BACKFILL_GREEDY;
    must_run(&w);
    CHECK_HAS(w.schedule, "4,1,b,seoul,h200,h200,3,92,182,completed");
    CHECK_HAS(w.schedule, "2,1,b,seoul,h200,h200,1,182,232,completed");
    sim_world_free(&w);
}

/* What is known of run times changes who slips in. */
TEST(estimates_may_be_exact_or_wrong)
{
    static const char careful[] = HEAD ",limit_s,account\n"
                                       "1,0,100,1,8,100,b\n"
                                       "2,1,50,2,8,50,b\n"
                                       "3,2,90,1,8,500,b\n";
    struct sim_world w = {.trace = careful, .options = options()};

    w.options.preemption = 0;
    must_run(&w);
    CHECK_HAS(w.schedule, "3,1,b,seoul,h200,h200,2,150,240,completed");
    sim_world_free(&w);
    w = (struct sim_world){.trace = careful, .options = options()};
    w.options.preemption = 0;
    w.options.jobs.estimates = DR_ESTIMATES_EXACT;
    must_run(&w);
    CHECK_HAS(w.schedule, "3,1,b,seoul,h200,h200,2,2,92,completed");
    sim_world_free(&w);
    w = (struct sim_world){.trace = QUEUE, .options = options()};
    w.options.preemption = 0;
    w.options.jobs.estimates = DR_ESTIMATES_EXACT;
    must_run(&w);
    /* 3 and 4 run for 90 s each: the first of them is gone by 92, the other would be by 182. */
    CHECK_HAS(w.schedule, "3,1,b,seoul,h200,h200,2,2,92,completed");
    CHECK_HAS(w.schedule, "4,1,b,seoul,h200,h200,3,150,240,completed");
    sim_world_free(&w);
    w = (struct sim_world){.trace = QUEUE, .options = options()};
    w.options.preemption = 0;
    w.options.jobs.estimates = DR_ESTIMATES_ERROR;
    w.options.jobs.error_milli = 100000;
    must_run(&w);
    CHECK_HAS(w.schedule, "3,1,b,seoul,h200,h200,2,150,240,completed"); /* it seemed too long */
    sim_world_free(&w);
}

/* Who is still at work at its limit ends there; what the trace says to fail fails. */
TEST(attempts_end_as_the_trace_says)
{
    struct sim_world w = {.trace = HEAD ",limit_s,account,status\n"
                                        "1,0,100,1,1,60,b,\n"
                                        "2,0,40,1,1,60,b,failed\n"
                                        "3,0,41,1,1,60,b,cancelled\n"
                                        "4,0,60,1,1,60,b,\n"
                                        "5,0,42,1,1,61,b,timeout\n"};

    must_run(&w);
    CHECK_TEXT(w.schedule, "2,1,b,seoul,h200,h200,0,0,40,failed,1,1,0:1\n"
                           "3,1,b,seoul,h200,h200,0,0,41,cancelled,1,1,0:2\n"
                           "1,1,b,seoul,h200,h200,0,0,60,timeout,1,1,0:0\n"
                           "4,1,b,seoul,h200,h200,0,0,60,completed,1,1,0:3\n"
                           "5,1,b,seoul,h200,h200,0,0,61,timeout,1,1,0:4\n");
    sim_world_free(&w);
}

/* An account takes its guarantee back. The one that leaves goes on later from its last checkpoint,
 * with its restart; the work since is lost. */
TEST(who_is_preempted_goes_on_from_its_checkpoint)
{
    struct sim_world w = {.trace = HEAD ",limit_s,account,checkpoint_s,restart_s,grace_s\n"
                                        "1,0,4000,2,8,9000,b,400,50,20\n"
                                        "2,1000,500,1,8,500,a,,,\n"};

    must_run(&w);
    /* Warned at 1000, gone at 1020: of 1020 s two checkpoints are kept; 3200 s + 50 s are left. */
    CHECK_TEXT(w.schedule, "1,1,b,seoul,h200,h200,0,0,1020,preempted,2,16,0:0-7;1:0-7\n"
                           "2,1,a,seoul,h200,h200,1000,1020,1520,completed,1,8,0:0-7\n"
                           "1,2,b,seoul,h200,h200,0,1520,4770,completed,2,16,0:0-7;1:0-7\n");
    CHECK_EQ(sim_number(w.measures, "preemptions"), 1);
    /* 220 s of the first attempt, 50 s of the second. */
    CHECK_EQ((int)(1000 * sim_number(w.measures, "lost_accelerator_hours")), 270 * 16 * 10 / 36);
    sim_world_free(&w);
    w = (struct sim_world){.trace = HEAD ",account\n1,0,4000,2,8,b\n2,1000,500,1,8,a\n",
                           .options = options()};
    w.options.preemption = 0;
    must_run(&w);
    CHECK_EQ(sim_number(w.measures, "preemptions"), 0);
    sim_world_free(&w);
}

/* Jobs run as fast as their chip lets them, and where they are done first does not decide: cost
 * does. */
TEST(a_chip_has_its_factor)
{
    struct sim_world w = {
        .federation = "federation:\n  name: nation\n  default_limit: 1h\n"
                      "chips:\n  h200:\n    memory: 141GB\n    price: 1\n"
                      "  old:\n    memory: 32GB\n    price: 1\n"
                      "sites:\n  seoul:\n    jurisdiction: kr\n    engine: simulated\n    pools:\n"
                      "      new:\n        chip: h200\n        nodes: 1\n        accelerators: 8\n"
                      "        cpus: 32\n        memory: 256GB\n"
                      "      old:\n        chip: old\n        nodes: 1\n        accelerators: 8\n"
                      "        cpus: 32\n        memory: 256GB\n"
                      "accounts:\n  b:\n    weight: 1\nusers:\n  operator:\n    roles: [admin]\n",
        .trace = HEAD ",chips\n1,0,100,1,8,h200:1|old:2.5\n2,0,100,1,8,h200:1|old:2.5\n"};

    must_run(&w);
    CHECK_TEXT(w.schedule, "1,1,b,seoul,new,h200,0,0,100,completed,1,8,0:0-7\n"
                           "2,1,b,seoul,old,old,0,0,250,completed,1,8,0:0-7\n");
    sim_world_free(&w);
}

/* Chips of one factor are one way to run a job: a job may name more chips than there may be ways.
 */
TEST(chips_of_one_factor_are_one_way)
{
    char yaml[2000] = "federation:\n  name: nation\n  default_limit: 1h\nchips:\n";
    char trace[400] = HEAD ",chips\n1,0,10,1,8,";
    struct sim_world w = {.federation = yaml, .trace = trace};

    for (int i = 0; i < 10; i += 1) {
        snprintf(yaml + strlen(yaml), sizeof yaml - strlen(yaml), "  c%d:\n    memory: 1GB\n", i);
        snprintf(trace + strlen(trace), sizeof trace - strlen(trace), "%sc%d:1.5", i ? "|" : "", i);
    }
    snprintf(trace + strlen(trace), sizeof trace - strlen(trace), "\n");
    snprintf(yaml + strlen(yaml), sizeof yaml - strlen(yaml),
             "sites:\n  seoul:\n    jurisdiction: kr\n    engine: simulated\n    pools:\n"
             "      p:\n        chip: c9\n        nodes: 1\n        accelerators: 8\n"
             "        cpus: 32\n        memory: 256GB\n"
             "accounts:\n  b:\n    weight: 1\nusers:\n  operator:\n    roles: [admin]\n");
    must_run(&w);
    CHECK_TEXT(w.said, "");
    CHECK_TEXT(w.schedule, "1,1,b,seoul,p,c9,0,0,15,completed,1,8,0:0-7\n");
    sim_world_free(&w);
}

TEST(jobs_wait_for_those_that_they_depend_on)
{
    struct sim_world w = {.trace = HEAD ",account,depends,status\n"
                                        "1,0,100,1,1,b,,failed\n"
                                        "2,0,50,1,1,b,,\n"
                                        "3,1,10,1,1,b,afterok:2,\n"
                                        "4,1,10,1,1,b,afterany:1|afterok:2,\n"
                                        "5,1,10,1,1,b,afterok:1,\n"
                                        "6,200,10,1,1,b,afternotok:1,\n"
                                        "7,201,10,1,1,b,afterok:1,\n"
                                        "8,202,10,1,1,b,afterok:99,\n"};

    must_run(&w);
    CHECK_TEXT(w.schedule, "2,1,b,seoul,h200,h200,0,0,50,completed,1,1,0:1\n"
                           "3,1,b,seoul,h200,h200,1,50,60,completed,1,1,0:1\n"
                           "1,1,b,seoul,h200,h200,0,0,100,failed,1,1,0:0\n"
                           "5,0,b,,,,1,,100,cancelled,,,\n"
                           "4,1,b,seoul,h200,h200,1,100,110,completed,1,1,0:0\n"
                           "6,1,b,seoul,h200,h200,200,200,210,completed,1,1,0:0\n");
    CHECK_EQ(sim_number(w.measures, "refused"), 2);
    CHECK_HAS(w.said, "trace.csv:8: depends: found '1', expected a job that ended as asked for");
    CHECK_HAS(w.said, "trace.csv:9: depends: found '99', expected the job_id of a row before");
    sim_world_free(&w);
}

/* What can't be let in is counted and said with its line; the others run. */
TEST(jobs_that_are_refused_are_said)
{
    struct sim_world w = {.trace = HEAD ",account,chips\n"
                                        "1,0,10,1,8,b,\n"
                                        "2,0,10,1,8,c,\n"
                                        "3,0,10,1,8,b,b300\n"
                                        "4,0,10,3,8,b,\n"
                                        "5,0,10,1,8,,\n"};

    must_run(&w);
    CHECK_EQ(sim_number(w.measures, "refused"), 4);
    CHECK_HAS(w.said, "trace.csv:3: account: found 'c', expected an account of the federation");
    CHECK_HAS(w.said, "trace.csv:4: chips: found 'b300', expected a chip of the federation");
    CHECK_HAS(w.said, "trace.csv:5: ");
    CHECK_HAS(w.said, "NEVER");
    CHECK_HAS(w.said, "trace.csv:6: account: found 'nothing', expected an account: the federation "
                      "has more than one");
    CHECK_TEXT(w.schedule, "1,1,b,seoul,h200,h200,0,0,10,completed,1,8,0:0-7\n");
    sim_world_free(&w);
}

/* Rows that can't be read end the run, unless a part of them is let pass. */
TEST(wrong_rows_end_the_run_beyond_the_stated_part)
{
    struct sim_world w = {.trace = HEAD ",account\n1,0,10,1,8,b\n2,0,ten,1,8,b\n3,0,10,1,8,b\n"};

    sim_world_run(&w);
    CHECK_EQ(w.status, DR_E_INPUT);
    CHECK_EQ(w.error.line, 3);
    CHECK_TEXT(w.error.field, "runtime_s");
    sim_world_free(&w);
    w = (struct sim_world){.trace = w.trace, .options = options()};
    w.options.bad_row_milli = 500;
    must_run(&w);
    CHECK_EQ(sim_number(w.measures, "bad_rows"), 1);
    CHECK_HAS(w.said, "trace.csv:3: runtime_s: found 'ten'");
    CHECK_EQ(sim_number(json_object_get(w.measures, "outcomes"), "completed"), 2);
    sim_world_free(&w);
}

/* At the horizon what runs is unfinished; what was submitted in the warm-up counts in no measure;
 * arrivals may be denser. */
TEST(a_run_may_be_cut_and_scaled)
{
    struct sim_world w = {.trace = HEAD ",account\n1,10,50,1,8,b\n2,60,500,1,8,b\n3,70,10,2,8,b\n",
                          .options = options()};

    w.options.horizon_us = 100 * DR_SECOND_US;
    w.options.warmup_us = 40 * DR_SECOND_US;
    must_run(&w);
    CHECK_TEXT(w.schedule, "1,1,b,seoul,h200,h200,10,10,60,completed,1,8,0:0-7\n"
                           "2,1,b,seoul,h200,h200,60,60,,unfinished,1,8,0:0-7\n");
    CHECK_EQ(sim_number(json_object_get(w.measures, "outcomes"), "unfinished"), 2);
    CHECK(json_object_get(json_object_get(w.measures, "outcomes"), "completed") == NULL);
    CHECK_EQ(sim_number(w.measures, "span_s"), 60);
    sim_world_free(&w);
    w = (struct sim_world){.trace = HEAD ",account\n1,10,50,1,8,b\n2,60,5,1,8,b\n",
                           .options = options()};
    w.options.jobs.arrival_milli = 500;
    must_run(&w);
    CHECK_HAS(w.schedule, "2,1,b,seoul,h200,h200,35,35,40,completed");
    sim_world_free(&w);
}

/* Who is told to end ends with what is done so far. */
TEST(an_interrupted_run_says_so)
{
    char trace[60000] = HEAD ",account\n";
    struct sim_world w = {.trace = trace, .stop_after = 2};

    for (int i = 0; i < 2000; i += 1) {
        size_t length = strlen(trace);

        snprintf(trace + length, sizeof trace - length, "%d,%d,5,1,8,b\n", i, i * 10);
    }
    must_run(&w);
    CHECK(json_is_true(json_object_get(w.measures, "interrupted")));
    CHECK(sim_number(json_object_get(w.measures, "outcomes"), "completed") > 100);
    CHECK(sim_number(json_object_get(w.measures, "outcomes"), "completed") < 1900);
    sim_world_free(&w);
}

/* The trace's clock may begin before its 0, on the calendar before --start. */
TEST(a_job_may_come_before_the_clocks_zero)
{
    struct sim_world w = {.trace = HEAD ",account\n1,-100.5,50,1,8,b\n2,-1,0,1,8,b\n3,5,1,1,8,b\n"};

    must_run(&w);
    CHECK_TEXT(w.schedule, "1,1,b,seoul,h200,h200,-100.5,-100.5,-50.5,completed,1,8,0:0-7\n"
                           "2,1,b,seoul,h200,h200,-1,-1,-1,completed,1,8,0:0-7\n"
                           "3,1,b,seoul,h200,h200,5,5,6,completed,1,8,0:0-7\n");
    sim_world_free(&w);
}

TEST(an_empty_trace_is_a_run_of_nothing)
{
    struct sim_world w = {.trace = HEAD "\n"};

    must_run(&w);
    CHECK_TEXT(w.schedule, "");
    CHECK_EQ(sim_number(w.measures, "jobs"), 0);
    sim_world_free(&w);
}
