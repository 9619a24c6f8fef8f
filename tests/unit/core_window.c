/* SPDX-License-Identifier: Apache-2.0 */
/* Advance reservations: nodes for some accounts, or for nobody, for a time (POLICY, section 5). */
#include "world.h"

#include "core/window.h"

#define MINUTE DR_MINUTE_US
#define OTHER  3 /* a second leaf, in the worlds that have one */

static uint32_t account_a = WORLD_ACCOUNT_A;

/* Two accounts without guarantees, four nodes in blocks of two. */
static struct world *four_nodes(void)
{
    struct world *w = world_new("1 site, 1 pool, 4 nodes x 8 h200, blocks of 2");

    CHECK_EQ(world_account(w, "other", WORLD_ACCOUNT_ROOT, 0, -1, -1), OTHER);
    return w;
}

/* For account a: so many nodes of the pool, in minutes from now on. */
static struct dr_fact_window_made some_nodes(uint32_t count, int64_t from, int64_t until)
{
    return (struct dr_fact_window_made){.accounts = &account_a,
                                        .accounts_count = 1,
                                        .pool = 1,
                                        .count = count,
                                        .from_us = from * MINUTE,
                                        .until_us = until * MINUTE};
}

/* Maintenance of the whole pool. */
static struct dr_fact_window_made whole_pool(int64_t from, int64_t until)
{
    return (struct dr_fact_window_made){
        .pool = 1, .from_us = from * MINUTE, .until_us = until * MINUTE};
}

static dr_job_id submit(struct world *w, uint32_t account, uint32_t tasks, int64_t limit)
{
    dr_job_id job = world_submit(
        w, (struct job_spec){
               .account = account, .tasks = tasks, .accelerators = 8, .limit_us = limit * MINUTE});

    world_run_us(w, 0);
    return job;
}

static int runs(const struct world *w, dr_job_id job)
{
    return world_job(w, job)->state == DR_JOB_RUNNING;
}

/* Who would still run when it begins waits; who ends exactly then starts; when it is over everybody
 * may, at once. */
TEST(maintenance_is_empty_from_start_to_end)
{
    struct world *w = four_nodes();
    dr_job_id longer, shorter;

    CHECK_EQ(world_window(w, whole_pool(60, 120)), 1);
    longer = submit(w, WORLD_ACCOUNT_A, 1, 61);
    shorter = submit(w, WORLD_ACCOUNT_A, 1, 60);
    CHECK(!runs(w, longer));
    CHECK(runs(w, shorter));
    world_run_us(w, 60 * MINUTE);
    CHECK(w->core->windows[0].begun);
    CHECK_EQ(w->core->windows[0].held, 0);
    CHECK_EQ(world_busy_accelerators(w), 0);
    shorter = submit(w, WORLD_ACCOUNT_A, 1, 1);
    world_run_us(w, 60 * MINUTE - 1);
    CHECK(!runs(w, longer) && !runs(w, shorter));
    world_run_us(w, 1);
    CHECK_EQ(w->counts[DR_FACT_WINDOW_DROPPED], 1);
    CHECK_EQ(w->core->windows_count, 0);
    CHECK(runs(w, longer) && runs(w, shorter));
    CHECK_REPLAY(w);
    world_free(w);
}

/* An account's nodes are its own from start to end, also for jobs that run beyond the end. */
TEST(only_the_account_has_its_nodes)
{
    struct world *w = four_nodes();
    dr_job_id own, others;

    CHECK_EQ(world_window(w, some_nodes(3, 10, 60)), 1);
    CHECK_EQ(w->core->windows[0].runs_count, 1);
    others = submit(w, OTHER, 2, 11);
    CHECK(!runs(w, others));
    world_run_us(w, 10 * MINUTE);
    CHECK(!runs(w, others));
    world_cancel(w, others);
    own = submit(w, WORLD_ACCOUNT_A, 3, 600);
    CHECK(runs(w, own));
    others = submit(w, OTHER, 2, 11);
    CHECK_REPLAY(w);
    world_run_us(w, 600 * MINUTE);
    CHECK_EQ(world_job(w, own)->state, DR_JOB_TIMEOUT);
    CHECK(runs(w, others));
    world_free(w);
}

/* Accounts below the one that is named are let in too. */
TEST(accounts_below_are_let_in)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    uint32_t sector = world_account(w, "sector", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    uint32_t leaf = world_account(w, "leaf", sector, 0, -1, -1);
    struct dr_fact_window_made window = some_nodes(2, 0, 60);
    dr_job_id own, others;

    window.accounts = &sector;
    CHECK(world_window(w, window) != 0);
    own = submit(w, leaf, 1, 30);
    others = submit(w, WORLD_ACCOUNT_A, 1, 30);
    CHECK(runs(w, own));
    CHECK(!runs(w, others));
    CHECK_EQ(world_why(w, others).holds[0].reason, DR_REASON_RESERVATION);
    world_free(w);
}

/* Whole nodes of one block: the block that has fewest to spare; those that are empty then. */
TEST(so_many_nodes_of_a_level)
{
    struct world *w = four_nodes();
    struct dr_fact_window_made window = some_nodes(2, 30, 60);
    dr_job_id job = submit(w, OTHER, 1, 120);

    CHECK(runs(w, job));
    CHECK_EQ(world_first_node(w, job), 0);
    dr_copy_name(window.level, "block");
    CHECK_EQ(world_window(w, window), 1);
    CHECK_EQ(w->core->windows[0].runs_count, 1);
    CHECK_EQ(w->core->windows[0].runs[0].row, 2);
    CHECK_EQ(w->core->windows[0].runs[0].count, 2);
    CHECK_EQ(world_window(w, window), 0);
    CHECK_HAS(world_refusal(), "the best block of the pool has 1 node");
    window.evict = 1;
    CHECK_EQ(world_window(w, window), 2);
    CHECK_EQ(w->core->windows[1].runs[0].row, 0);
    CHECK_EQ(world_window(w, some_nodes(1, 59, 61)), 0);
    CHECK_EQ(world_window(w, some_nodes(2, 60, 61)), 3);
    CHECK_REPLAY(w);
    world_free(w);
}

TEST(refusals_say_what_is_wrong)
{
    struct world *w = four_nodes();
    struct dr_fact_window_made window = whole_pool(10, 20);
    struct dr_command command = {.kind = DR_COMMAND_DECLARE, .user = {1}};
    uint32_t run[] = {2, 1, 9, 1};
    struct dr_answer answer;
    dr_job_id job;

    dr_copy_name(window.name, "summer");
    CHECK_EQ(world_window(w, window), 1);
    CHECK_EQ(world_window(w, window), 0);
    CHECK_HAS(world_refusal(), "another advance reservation is called summer");
    CHECK_EQ(world_window(w, whole_pool(19, 30)), 0);
    CHECK_HAS(world_refusal(), "is in advance reservation summer, from");
    CHECK_EQ(world_window(w, whole_pool(-5, 5)), 0);
    CHECK_HAS(world_refusal(), "from: it begins in the past, at ");
    CHECK_EQ(world_window(w, whole_pool(30, 30)), 0);
    CHECK_HAS(world_refusal(), "until: it would end at ");
    window = whole_pool(30, 40);
    window.name[0] = 'A';
    CHECK_EQ(world_window(w, window), 0);
    CHECK_HAS(world_refusal(), "found 'A'");
    window = whole_pool(30, 40);
    window.pool = 9;
    CHECK_EQ(world_window(w, window), 0);
    CHECK_HAS(world_refusal(), "there is no such pool");
    window = whole_pool(30, 40);
    window.site = 1;
    CHECK_EQ(world_window(w, window), 0);
    CHECK_HAS(world_refusal(), "expected a site, or a pool, or nodes");
    window.pool = 0;
    window.site = 0;
    window.runs = run;
    window.runs_count = 4;
    CHECK_EQ(world_window(w, window), 0);
    CHECK_HAS(world_refusal(), "there is no node with id 9");
    window = some_nodes(5, 30, 40);
    CHECK_EQ(world_window(w, window), 0);
    CHECK_HAS(world_refusal(), "has 4 nodes up, not drained and in no other advance reservation"
                               " then and are believed to be empty then");
    window = some_nodes(2, 30, 40);
    dr_copy_name(window.level, "rack");
    CHECK_EQ(world_window(w, window), 0);
    CHECK_HAS(world_refusal(), "has no level rack");
    window = some_nodes(2, 30, 40);
    window.accounts = (const uint32_t[]){99};
    CHECK_EQ(world_window(w, window), 0);
    CHECK_HAS(world_refusal(), "there is no account with id 99");

    command.body.declare.kind = DR_FACT_WINDOW_DROPPED;
    command.body.declare.window_dropped.window = 1;
    CHECK(!dr_admit_check(w->core, &command, w->now_us, &answer));
    CHECK_EQ(answer.refused, DR_REFUSAL_DENIED);

    /* What an account is promised has to be empty when it begins, or it is forced. */
    world_drop_window(w, 1);
    job = submit(w, OTHER, 4, 60);
    CHECK(runs(w, job));
    window = some_nodes(0, 30, 40);
    CHECK_EQ(world_window(w, window), 0);
    CHECK_HAS(world_refusal(), "is believed to hold node");
    window.forced = 1;
    CHECK_EQ(world_window(w, window), 2);
    CHECK_EQ(world_window(w, some_nodes(0, 60, 70)), 3);
    CHECK_REPLAY(w);
    world_free(w);
}

/* There is a table, and it is full once. */
TEST(there_are_so_many_at_most)
{
    struct world *w = four_nodes();

    for (uint32_t i = 0; i < DR_WINDOWS_MAX; i += 1)
        CHECK_EQ(world_window(w, whole_pool(10 + i, 11 + i)), i + 1);
    CHECK_EQ(world_window(w, whole_pool(1, 2)), 0);
    CHECK_HAS(world_refusal(), "there are 256 advance reservations");
    world_drop_window(w, 200);
    CHECK_EQ(world_window(w, whole_pool(1, 2)), 257);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Without `evict` it waits for who was there before, and says when nobody is any more. */
TEST(it_waits_for_those_who_stay)
{
    struct world *w = four_nodes();
    dr_job_id stays = submit(w, OTHER, 2, 60);
    dr_job_id later;

    CHECK_EQ(world_window(w, whole_pool(30, 120)), 1);
    world_run_us(w, 30 * MINUTE);
    CHECK(runs(w, stays));
    CHECK_EQ(w->counts[DR_FACT_WINDOW_HELD], 1);
    CHECK_EQ(w->core->windows[0].held, 1);
    later = submit(w, OTHER, 1, 1);
    CHECK(!runs(w, later));
    world_run_us(w, 31 * MINUTE);
    CHECK_EQ(w->counts[DR_FACT_WINDOW_HELD], 2);
    CHECK_EQ(w->core->windows[0].held, 0);
    CHECK_REPLAY(w);
    world_free(w);
}

/* With it, others are told so early that their grace is over when it begins, and run again later;
 * who ends in time is left alone. */
TEST(others_are_told_to_leave_in_time)
{
    struct world *w = four_nodes();
    struct dr_fact_window_made window = whole_pool(30, 60);
    dr_job_id stays, ends;

    window.evict = 1;
    stays = submit(w, OTHER, 1, 60);
    ends = submit(w, OTHER, 1, 30);
    CHECK_EQ(world_window(w, window), 1);
    world_run_us(w, 30 * MINUTE - 41 * DR_SECOND_US);
    CHECK(runs(w, stays));
    world_run_us(w, DR_SECOND_US);
    CHECK_EQ(world_job(w, stays)->state, DR_JOB_COMPLETING);
    CHECK_EQ(world_run(w, stays)->stopping, DR_STOP_WINDOW);
    CHECK(runs(w, ends));
    world_run_us(w, 40 * DR_SECOND_US);
    CHECK_EQ(world_busy_accelerators(w), 0);
    CHECK_EQ(world_job(w, stays)->state, DR_JOB_PENDING);
    CHECK_EQ(world_run(w, stays)->preemptions, 1);
    CHECK_EQ(world_job(w, ends)->state, DR_JOB_TIMEOUT);
    CHECK_EQ(w->core->windows[0].held, 0);
    world_run_us(w, 30 * MINUTE);
    CHECK(runs(w, stays));
    CHECK_REPLAY(w);
    world_free(w);
}

/* Who would have ended in time, but can't be reached any more, is told like everybody else. */
TEST(who_can_not_be_reached_is_told_too)
{
    struct world *w = four_nodes();
    struct dr_fact_window_made window = whole_pool(30, 60);
    dr_job_id ends;

    window.evict = 1;
    ends = submit(w, OTHER, 1, 30);
    CHECK_EQ(world_window(w, window), 1);
    world_run_us(w, 20 * MINUTE);
    world_site_answers(w, 1, 0);
    world_run_us(w, 10 * MINUTE - 41 * DR_SECOND_US);
    CHECK_EQ(world_run(w, ends)->stopping, DR_STOP_NONE);
    world_run_us(w, DR_SECOND_US);
    CHECK_EQ(world_run(w, ends)->stopping, DR_STOP_WINDOW);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A blocked job is given a time that lies before the window, or after it. */
TEST(reservations_are_planned_around_windows)
{
    struct world *w = four_nodes();
    dr_job_id running = submit(w, OTHER, 4, 30);
    dr_job_id longer, shorter;

    CHECK(runs(w, running));
    CHECK_EQ(world_window(w, whole_pool(60, 90)), 1);
    longer = submit(w, WORLD_ACCOUNT_A, 4, 40);
    CHECK_EQ(world_run(w, longer)->reservation_us, w->now_us + 90 * MINUTE);
    world_cancel(w, longer);
    shorter = submit(w, WORLD_ACCOUNT_A, 4, 30);
    CHECK_EQ(world_run(w, shorter)->reservation_us, w->now_us + 30 * MINUTE);
    world_run_us(w, 30 * MINUTE);
    CHECK(runs(w, shorter));
    CHECK_REPLAY(w);
    world_free(w);
}

/* One that a new window cuts through is given another time. */
TEST(a_new_window_moves_a_reservation)
{
    struct world *w = four_nodes();
    dr_job_id running = submit(w, OTHER, 4, 30);
    dr_job_id waits = submit(w, WORLD_ACCOUNT_A, 4, 40);

    CHECK(runs(w, running));
    CHECK_EQ(world_run(w, waits)->reservation_us, w->now_us + 30 * MINUTE);
    CHECK_EQ(world_window(w, whole_pool(69, 90)), 1);
    world_run_us(w, 0);
    CHECK_EQ(world_run(w, waits)->reservation_us, w->now_us + 90 * MINUTE);
    world_drop_window(w, 1);
    world_run_us(w, 0);
    CHECK_EQ(world_run(w, waits)->reservation_us, w->now_us + 30 * MINUTE);
    CHECK_REPLAY(w);
    world_free(w);
}

/* What is taken back is not promised into a window. */
TEST(nothing_is_promised_into_a_window)
{
    struct world *w = four_nodes();
    uint32_t owner = world_account(w, "owner", WORLD_ACCOUNT_ROOT, 16, -1, -1);
    dr_job_id borrowed = submit(w, OTHER, 4, 600);
    dr_job_id asks;

    CHECK(runs(w, borrowed));
    CHECK_EQ(world_window(w, whole_pool(60, 90)), 1);
    world_run_us(w, 10 * MINUTE);
    asks = submit(w, owner, 2, 55);
    CHECK(runs(w, borrowed));
    CHECK_EQ(world_run(w, asks)->promise, DR_ROW_NONE);
    asks = submit(w, owner, 2, 45);
    CHECK(world_run(w, asks)->promise != DR_ROW_NONE);
    /* ... and what was promised is dropped when one is made. */
    world_drop_window(w, 1);
    CHECK_EQ(world_window(w, whole_pool(5, 30)), 2);
    world_run_us(w, 0);
    CHECK_EQ(world_run(w, asks)->promise, DR_ROW_NONE);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Why names it, and says which limit would do. */
TEST(why_names_the_window)
{
    struct world *w = four_nodes();
    dr_job_id waits;
    struct dr_why why;

    CHECK_EQ(world_window(w, some_nodes(4, 60, 120)), 1);
    waits = submit(w, OTHER, 1, 61);
    why = world_why(w, waits);
    CHECK_EQ(why.holds_count, 1);
    CHECK_EQ(why.holds[0].reason, DR_REASON_RESERVATION);
    CHECK_EQ(why.holds[0].window, 1);
    CHECK_EQ(why.holds[0].until_us, w->now_us + 120 * MINUTE);
    CHECK_HAS(why.holds[0].text, "advance reservation reservation-1 in s1/p1, for account a, from");
    CHECK_HAS(why.holds[0].frees, "a time limit of at most 1h");
    world_free(w);
}

/* Nodes that join a pool later are in a window of all of it; of some nodes, not. */
TEST(nodes_that_join_later)
{
    struct world *w = four_nodes();
    struct dr_fact fact = {.kind = DR_FACT_NODES_ADDED};

    CHECK_EQ(world_window(w, whole_pool(60, 90)), 1);
    CHECK_EQ(world_window(w, some_nodes(4, 90, 120)), 2);
    fact.nodes_added.pool = 1;
    fact.nodes_added.node = 5;
    fact.nodes_added.count = 1;
    world_declare(w, fact);
    CHECK(dr_window_has_node(w->core, 0, 4));
    CHECK(!dr_window_has_node(w->core, 1, 4));
    CHECK_REPLAY(w);
    world_free(w);
}

/* An account that has one stays until that is over. */
TEST(an_account_with_a_window_stays)
{
    struct world *w = four_nodes();
    struct dr_command command = {.kind = DR_COMMAND_DECLARE, .roles = 0xff};
    struct dr_answer answer;

    CHECK_EQ(world_window(w, some_nodes(1, 60, 90)), 1);
    command.body.declare.kind = DR_FACT_ACCOUNT_REMOVED;
    command.body.declare.account_removed.account = WORLD_ACCOUNT_A;
    CHECK(!dr_admit_check(w->core, &command, w->now_us, &answer));
    CHECK_HAS(answer.text, "advance reservation reservation-1 is for account a");
    world_free(w);
}
