/* SPDX-License-Identifier: Apache-2.0 */
/* Sites whose engines say themselves whether they answer: silent at the start, gone for a while
 * with what runs there, back with all of it, with some, or with more; nodes from both sides; giving
 * up. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "live_world.h"
#include "serve/fault.h"
#include "test.h"

/* Two far sites beside the one here, a node of two accelerators each. */
static void begin(struct live_world *world)
{
    live_init(world, 1, 2);
    world->far = 2;
}

static void open_checked(struct live_world *world)
{
    struct dr_error error = {0};
    char line[1024];

    if (live_open(world, &error) != DR_OK)
        fail_msg("%s", dr_error_line(&error, line, sizeof line));
}

static void reopen(struct live_world *world)
{
    live_close(world);
    open_checked(world);
}

static void run(struct live_world *world, int64_t us)
{
    CHECK_EQ(live_run(world, us), DR_OK);
}

static const struct dr_core *core_of(const struct live_world *world)
{
    return dr_controller_core(world->controller);
}

static struct live_far *far(struct live_world *world, uint32_t place)
{
    return &world->site->far[place - 1];
}

/* A job that fills a node. */
static uint64_t submit(struct live_world *world, int64_t run_us)
{
    uint64_t job = live_submit(
        world, &(struct live_job){.accelerators = 2, .run_us = run_us, .limit_us = DR_DAY_US}, NULL,
        NULL);

    CHECK(job != 0);
    return job;
}

static enum dr_job_state state_of(struct live_world *world, uint64_t job)
{
    int known;
    enum dr_job_state is = live_state(world, job, &known);

    CHECK(known);
    return is;
}

/* Fills all three sites; the job at each, by place. */
static void fill(struct live_world *world, int64_t run_us, uint64_t jobs[3])
{
    memset(jobs, 0, 3 * sizeof jobs[0]);
    for (uint32_t i = 0; i < 3; i += 1) {
        uint64_t job = submit(world, run_us);

        run(world, 2 * DR_SECOND_US);
        CHECK_EQ(state_of(world, job), DR_JOB_RUNNING);
        CHECK_EQ(jobs[live_attempt(world, job, 1)->place], 0);
        jobs[live_attempt(world, job, 1)->place] = job;
    }
}

static void lose(struct live_world *world, uint64_t job)
{
    struct live_attempt *attempt = live_find(world->site, job, 1);

    attempt->lost = 1;
    attempt->ended = 1;
    attempt->end_us = world->site->wall_us;
}

static void check_judge(const struct live_world *world)
{
    CHECK_EQ(world->site->doubled_launches, 0);
    CHECK_EQ(world->site->double_booked, 0);
    CHECK_EQ(world->site->overlaps, 0);
    CHECK_EQ(world->site->old_epochs, 0);
}

/* Nothing is placed at a site that was never heard; the others go on; then it takes what waits. */
TEST(a_site_that_is_silent_at_the_start)
{
    struct live_world world;
    uint64_t jobs[3];
    struct dr_site_health health;

    begin(&world);
    far(&world, 1)->silent = 1;
    open_checked(&world);
    run(&world, DR_SECOND_US);
    CHECK_EQ(core_of(&world)->sites[1].answers, 0);
    CHECK_EQ(core_of(&world)->sites[2].answers, 1);
    for (uint32_t i = 0; i < 3; i += 1)
        jobs[i] = submit(&world, DR_HOUR_US);
    run(&world, 5 * DR_SECOND_US);
    CHECK_EQ(state_of(&world, jobs[0]), DR_JOB_RUNNING);
    CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_RUNNING);
    CHECK_EQ(state_of(&world, jobs[2]), DR_JOB_PENDING);
    CHECK_EQ(world.site->launches, 2);
    CHECK_EQ(dr_controller_site_health(world.controller, (dr_site_id){2}, &health), 1);
    CHECK_EQ(health.engine.answers, 0);
    CHECK_TEXT(health.engine.error, "connection refused");
    CHECK_EQ(dr_controller_site_health(world.controller, (dr_site_id){1}, &health), 0);

    far(&world, 1)->silent = 0;
    run(&world, 2 * DR_SECOND_US);
    CHECK_EQ(core_of(&world)->sites[1].answers, 1);
    CHECK_EQ(state_of(&world, jobs[2]), DR_JOB_RUNNING);
    CHECK_TEXT(live_attempt(&world, jobs[2], 1)->asked, "alpha batch gpu:toy");
    check_judge(&world);
    live_deinit(&world);
}

/* What runs at a site that falls silent is UNREACHABLE and is launched nowhere again, over a
 * restart too; nothing spins; and it is RUNNING again with the same attempt. */
TEST(a_site_that_goes_and_comes_back_with_what_runs)
{
    struct live_world world;
    uint64_t jobs[3];
    uint32_t launches;

    begin(&world);
    open_checked(&world);
    fill(&world, 3 * DR_HOUR_US, jobs);
    far(&world, 1)->silent = 1;
    run(&world, 2 * DR_SECOND_US);
    CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_UNREACHABLE);
    CHECK_EQ(state_of(&world, jobs[0]), DR_JOB_RUNNING);
    CHECK_EQ(state_of(&world, jobs[2]), DR_JOB_RUNNING);
    launches = world.site->launches;
    run(&world, DR_HOUR_US);
    reopen(&world);
    run(&world, DR_MINUTE_US);
    CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_UNREACHABLE);
    CHECK_EQ(world.site->launches, launches);
    far(&world, 1)->silent = 0;
    run(&world, 2 * DR_SECOND_US);
    CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_RUNNING);
    CHECK_EQ(world.site->launches, launches);
    CHECK_EQ(world.site->starts, 3);
    check_judge(&world);
    CHECK_EQ(dr_core_hash(core_of(&world)), live_hash_of_facts(&world));
    live_deinit(&world);
}

/* A restart while a site answers is not felt by anybody: its jobs run on in the state too. */
TEST(a_restart_is_no_silence)
{
    struct live_world world;
    uint64_t jobs[3];
    uint64_t seq;

    begin(&world);
    open_checked(&world);
    fill(&world, DR_HOUR_US, jobs);
    live_close(&world);
    open_checked(&world);
    seq = dr_core_seq(core_of(&world));
    run(&world, 2 * DR_SECOND_US);
    CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_RUNNING);
    CHECK_EQ(dr_core_seq(core_of(&world)), seq);
    check_judge(&world);
    live_deinit(&world);
}

/* Ended meanwhile, lost meanwhile, placed and never launched: each comes out as what it is. */
TEST(what_became_of_it_meanwhile)
{
    struct live_world world;
    uint64_t jobs[3];
    uint64_t next;

    begin(&world);
    open_checked(&world);
    fill(&world, 10 * DR_SECOND_US, jobs);
    far(&world, 1)->silent = 1;
    far(&world, 2)->silent = 1;
    run(&world, DR_SECOND_US);
    lose(&world, jobs[2]);
    run(&world, DR_MINUTE_US);
    CHECK_EQ(state_of(&world, jobs[0]), DR_JOB_COMPLETED);
    CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_UNREACHABLE);
    CHECK_EQ(state_of(&world, jobs[2]), DR_JOB_UNREACHABLE);
    far(&world, 1)->silent = 0;
    run(&world, 2 * DR_SECOND_US);
    CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_COMPLETED);
    CHECK_EQ(live_attempt(&world, jobs[1], 1)->forgotten, 1);
    CHECK_EQ(state_of(&world, jobs[2]), DR_JOB_UNREACHABLE); /* nothing is said of the other site */

    far(&world, 2)->silent = 0;
    run(&world, 2 * DR_SECOND_US);
    CHECK(live_attempt(&world, jobs[2], 2) != NULL); /* it runs again */
    CHECK(live_drain(&world, DR_HOUR_US));
    CHECK_EQ(state_of(&world, jobs[2]), DR_JOB_COMPLETED);

    /* Placed, and then the order did not come through. */
    far(&world, 1)->drained[0] = 1;
    run(&world, 2 * DR_SECOND_US);
    submit(&world, DR_HOUR_US);
    world.site->drop_launch = 1;
    next = submit(&world, DR_SECOND_US);
    run(&world, DR_SECOND_US);
    CHECK_EQ(state_of(&world, next), DR_JOB_CONFIGURING);
    far(&world, 2)->silent = 1;
    world.site->drop_launch = 0;
    run(&world, DR_MINUTE_US);
    CHECK_EQ(state_of(&world, next), DR_JOB_UNREACHABLE);
    CHECK(live_attempt(&world, next, 1) == NULL);
    far(&world, 2)->silent = 0;
    run(&world, 5 * DR_SECOND_US);
    CHECK_EQ(state_of(&world, next), DR_JOB_COMPLETED);
    check_judge(&world);
    live_deinit(&world);
}

/* Cut off for an hour while its jobs run on: nothing of them is launched anywhere else. What ended
 * is told as it ended, and when, if the site still knows; what the site has forgotten by then runs
 * again, since nobody can say how it ended. */
TEST(a_site_that_is_cut_off_for_an_hour)
{
    for (uint32_t round = 0; round < 4; round += 1) {
        uint32_t restart = round & 1, forgets = round >> 1;
        struct live_world world;
        uint64_t jobs[3], job;
        int64_t end_us;

        begin(&world);
        open_checked(&world);
        far(&world, 1)->forget_us = forgets ? 10 * DR_MINUTE_US : 2 * DR_HOUR_US;
        far(&world, 2)->forget_us = 10 * DR_MINUTE_US;
        fill(&world, 30 * DR_MINUTE_US, jobs);
        job = jobs[1];
        end_us = live_attempt(&world, job, 1)->end_us;
        /* the one at the second site runs for longer than the silence */
        live_find(world.site, jobs[2], 1)->end_us += DR_HOUR_US;
        far(&world, 1)->silent = 1;
        far(&world, 2)->silent = 1;
        run(&world, 20 * DR_MINUTE_US);
        CHECK_EQ(state_of(&world, job), DR_JOB_UNREACHABLE);
        if (restart)
            reopen(&world);
        run(&world, 40 * DR_MINUTE_US);
        CHECK_EQ(state_of(&world, jobs[0]), DR_JOB_COMPLETED); /* the others went on */
        CHECK_EQ(state_of(&world, job), DR_JOB_UNREACHABLE);
        CHECK_EQ(state_of(&world, jobs[2]), DR_JOB_UNREACHABLE);
        CHECK_EQ(world.site->starts, 3);

        far(&world, 1)->silent = 0;
        far(&world, 2)->silent = 0;
        run(&world, 10 * DR_SECOND_US);
        CHECK_EQ(state_of(&world, jobs[2]), DR_JOB_RUNNING);
        CHECK(live_attempt(&world, jobs[2], 2) == NULL);
        if (forgets) {
            CHECK(live_attempt(&world, job, 2) != NULL);
            CHECK_EQ(state_of(&world, job), DR_JOB_RUNNING);
        } else {
            CHECK(live_attempt(&world, job, 2) == NULL);
            CHECK_EQ(state_of(&world, job), DR_JOB_COMPLETED);
            CHECK_EQ(live_attempt(&world, job, 1)->end_us, end_us);
            CHECK_EQ(live_attempt(&world, job, 1)->forgotten, 1);
        }
        CHECK(live_drain(&world, 2 * DR_HOUR_US));
        CHECK_EQ(state_of(&world, job), DR_JOB_COMPLETED);
        CHECK_EQ(state_of(&world, jobs[2]), DR_JOB_COMPLETED);
        CHECK_EQ(world.site->starts, forgets ? 4 : 3);
        CHECK_EQ(dr_core_hash(core_of(&world)), live_hash_of_facts(&world));
        check_judge(&world);
        live_deinit(&world);
    }
}

/* A list that breaks off says nothing: of nobody is it concluded that he is lost. */
TEST(half_a_list_is_none)
{
    struct live_world world;
    uint64_t jobs[3];

    begin(&world);
    open_checked(&world);
    fill(&world, 3 * DR_HOUR_US, jobs);
    for (uint8_t half = 1; half <= 2; half += 1) {
        far(&world, 1)->silent = 1;
        run(&world, 2 * DR_SECOND_US);
        far(&world, 1)->half_list = half;
        far(&world, 1)->silent = 0;
        run(&world, 5 * DR_MINUTE_US);
        CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_UNREACHABLE);
        far(&world, 1)->half_list = 0;
        run(&world, DR_MINUTE_US);
        CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_RUNNING);
    }
    CHECK_EQ(world.site->starts, 3);
    check_judge(&world);
    live_deinit(&world);
}

/* What was never ordered from here is counted and left alone; what is over here is stopped. */
TEST(an_attempt_that_is_not_known)
{
    struct live_world world;
    struct live_attempt *other;
    struct dr_site_health health;

    begin(&world);
    far(&world, 1)->silent = 1;
    open_checked(&world);
    submit(&world, DR_SECOND_US);
    other = &world.site->attempts[world.site->attempts_count];
    *other = (struct live_attempt){.job = 9000,
                                   .attempt = 1,
                                   .started = 1,
                                   .place = 1,
                                   .start_us = world.site->wall_us,
                                   .end_us = world.site->wall_us + DR_HOUR_US};
    other[1] = *other;
    other[1].job = 1;
    other[1].attempt = 7; /* of a job that there is, and never so often placed */
    other[2] = *other;
    other[2].job = 9001;
    other[2].end_us = world.site->wall_us;
    world.site->attempts_count += 3;
    run(&world, 10 * DR_SECOND_US);
    far(&world, 1)->silent = 0;
    run(&world, DR_MINUTE_US);
    CHECK_EQ(other[0].ended, 0);
    CHECK_EQ(other[1].ended, 0);
    CHECK_EQ(other[2].ended, 1);
    CHECK_EQ(other[2].forgotten, 0);
    CHECK_EQ(world.site->stops, 0);
    CHECK_EQ(dr_controller_site_health(world.controller, (dr_site_id){2}, &health), 1);
    CHECK_EQ(health.unordered, 3);
    live_deinit(&world);
}

/* A site that answers and can't tell what became of one attempt: that one is UNREACHABLE, over a
 * restart too, and is launched nowhere again before the site says that it is over. */
TEST(an_attempt_that_its_site_lost_sight_of)
{
    struct live_world world;
    uint64_t jobs[3];

    begin(&world);
    far(&world, 1)->expects = 1;
    open_checked(&world);
    fill(&world, 3 * DR_HOUR_US, jobs);
    lose(&world, jobs[1]);
    for (uint32_t restart = 0; restart < 2; restart += 1) {
        reopen(&world);
        run(&world, DR_MINUTE_US);
        CHECK_EQ(far(&world, 1)->expected, jobs[1]);
        CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_UNREACHABLE);
        CHECK_EQ(core_of(&world)->sites[1].answers, 1);
        CHECK_EQ(world.site->starts, 3);
    }
    far(&world, 1)->over = 1;
    run(&world, DR_MINUTE_US);
    CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_RUNNING);
    CHECK_EQ(world.site->starts, 4);
    live_deinit(&world);
}

/* ---- giving up ---- */

/* A fenced job's own word does what an operator's does: it runs again elsewhere, over a restart
 * too; a controller that was away listens first, so that a site that answers by then keeps its
 * attempt; the old one is stopped once its site is back, and its end does not count. */
TEST(a_fenced_job_is_given_up_as_it_says)
{
    for (uint32_t round = 0; round < 3; round += 1) {
        struct live_world world;
        struct live_job fenced = {.accelerators = 2,
                                  .run_us = 3 * DR_HOUR_US,
                                  .limit_us = DR_DAY_US,
                                  .unreachable_us = 30 * DR_MINUTE_US};
        uint64_t jobs[3];

        begin(&world);
        open_checked(&world);
        for (uint32_t i = 0; i < 3; i += 1) {
            jobs[i] = live_submit(&world, &fenced, NULL, NULL);
            run(&world, 2 * DR_SECOND_US);
            CHECK_EQ(live_attempt(&world, jobs[i], 1)->place, i);
        }
        CHECK(live_command(
            &world,
            &(struct dr_command){.kind = DR_COMMAND_CANCEL, .roles = 0xff, .body.job = {jobs[0]}},
            NULL));
        run(&world, DR_MINUTE_US);
        far(&world, 1)->silent = 1;
        run(&world, 20 * DR_MINUTE_US);
        CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_UNREACHABLE);
        if (round == 1)
            reopen(&world); /* the time counts on */
        if (round == 2) {   /* it passes while nobody listens */
            live_close(&world);
            world.site->wall_us += DR_HOUR_US;
            world.site->monotonic_us += DR_HOUR_US;
            open_checked(&world);
            run(&world, 50 * DR_SECOND_US);
            CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_UNREACHABLE);
            CHECK_EQ(world.site->overlaps, 0);
            run(&world, 20 * DR_SECOND_US);
        } else {
            run(&world, 9 * DR_MINUTE_US);
            CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_UNREACHABLE);
            run(&world, 2 * DR_MINUTE_US);
        }
        CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_RUNNING);
        CHECK_EQ(live_attempt(&world, jobs[1], 2)->place, 0);
        CHECK_EQ(live_attempt(&world, jobs[1], 1)->ended, 0);
        CHECK_EQ(state_of(&world, jobs[2]), DR_JOB_RUNNING);
        far(&world, 1)->silent = 0;
        run(&world, 2 * DR_SECOND_US);
        CHECK_EQ(live_attempt(&world, jobs[1], 1)->ended, 1);
        run(&world, 2 * DR_SECOND_US);
        CHECK_EQ(live_attempt(&world, jobs[1], 1)->forgotten, 1);
        CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_RUNNING);
        CHECK_EQ(world.site->overlaps, 0);
        CHECK_EQ(dr_core_hash(core_of(&world)), live_hash_of_facts(&world));
        live_deinit(&world);
    }
}

/* It answers within the minute for which a controller listens that was away: nothing is given up.
 */
TEST(a_controller_that_was_away_listens_first)
{
    struct live_world world;
    struct live_job fenced = {.accelerators = 2,
                              .run_us = 3 * DR_HOUR_US,
                              .limit_us = DR_DAY_US,
                              .unreachable_us = 30 * DR_MINUTE_US};
    uint64_t jobs[2];

    begin(&world);
    open_checked(&world);
    for (uint32_t i = 0; i < 2; i += 1) {
        jobs[i] = live_submit(&world, &fenced, NULL, NULL);
        run(&world, 2 * DR_SECOND_US);
    }
    far(&world, 1)->silent = 1;
    run(&world, DR_MINUTE_US);
    live_close(&world);
    world.site->wall_us += DR_HOUR_US;
    world.site->monotonic_us += DR_HOUR_US;
    open_checked(&world);
    run(&world, 30 * DR_SECOND_US);
    far(&world, 1)->silent = 0;
    run(&world, 5 * DR_MINUTE_US);
    CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_RUNNING);
    CHECK(live_attempt(&world, jobs[1], 2) == NULL);
    check_judge(&world);
    live_deinit(&world);
}

static int give_up(struct live_world *world, uint64_t job, struct dr_answer *answer)
{
    struct dr_command lost = {.kind = DR_COMMAND_LOST, .roles = 0xff, .body.job = {job}};

    return live_command(world, &lost, answer);
}

/* A job that was declared lost runs again elsewhere; when its site is back, the old attempt is
 * stopped there, also if the first word of that does not come through, and whatever was restarted.
 */
TEST(what_was_given_up_is_stopped_when_its_site_is_back)
{
    for (uint32_t restart = 0; restart < 2; restart += 1) {
        struct live_world world;
        struct dr_answer answer;
        uint64_t jobs[3];

        begin(&world);
        open_checked(&world);
        fill(&world, 3 * DR_HOUR_US, jobs);
        CHECK_EQ(give_up(&world, jobs[1], &answer), 0);
        CHECK_HAS(answer.text, "only an UNREACHABLE one");
        far(&world, 1)->silent = 1;
        run(&world, 2 * DR_SECOND_US);
        CHECK_EQ(give_up(&world, jobs[1], &answer), 1);
        run(&world, DR_SECOND_US);
        CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_PENDING);
        CHECK(live_command(
            &world,
            &(struct dr_command){.kind = DR_COMMAND_CANCEL, .roles = 0xff, .body.job = {jobs[0]}},
            NULL));
        run(&world, DR_MINUTE_US);
        CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_RUNNING);
        CHECK_EQ(live_attempt(&world, jobs[1], 2)->place, 0);
        CHECK_EQ(live_attempt(&world, jobs[1], 1)->ended, 0); /* both run, as was said */
        if (restart)
            reopen(&world);
        far(&world, 1)->silent = 0;
        run(&world, 2 * DR_SECOND_US);
        CHECK_EQ(live_attempt(&world, jobs[1], 1)->ended, 1);
        run(&world, 2 * DR_SECOND_US);
        CHECK_EQ(live_attempt(&world, jobs[1], 1)->forgotten, 1);
        CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_RUNNING);
        CHECK_EQ(dr_core_hash(core_of(&world)), live_hash_of_facts(&world));
        live_deinit(&world);
    }
}

/* ---- nodes ---- */

static const struct dr_node *node_at(struct live_world *world, uint32_t place)
{
    return &core_of(world)->nodes[place];
}

static void say(struct live_world *world, uint32_t place, uint8_t drained, const char *reason)
{
    struct dr_command command = {.kind = DR_COMMAND_NODE, .roles = 0xff, .reason = reason};

    command.body.node.node = place + 1;
    command.body.node.drained = drained;
    CHECK(live_command(world, &command, NULL));
}

/* Its site's word: the node leaves and comes back, with the reason given there; said once. */
TEST(a_site_drains_a_node)
{
    struct live_world world;
    uint64_t seq;

    begin(&world);
    open_checked(&world);
    run(&world, DR_SECOND_US);
    far(&world, 1)->drained[0] = 1;
    snprintf(far(&world, 1)->reasons[0], DR_NOTE_BYTES, "fan 3 is loud");
    run(&world, DR_SECOND_US);
    CHECK_EQ(node_at(&world, 1)->drained, 1);
    CHECK_EQ(node_at(&world, 1)->site_knows, 1);
    CHECK_TEXT(core_of(&world)->node_notes[1], "fan 3 is loud");
    CHECK_EQ(core_of(&world)->pools[1].nodes_up, 0);
    CHECK_EQ(far(&world, 1)->drains, 0); /* it need not be told */
    seq = dr_core_seq(core_of(&world));
    reopen(&world);
    run(&world, DR_SECOND_US);
    CHECK_EQ(dr_core_seq(core_of(&world)), seq + 1); /* the lead alone */
    /* Resumed there while no controller ran. */
    live_close(&world);
    far(&world, 1)->drained[0] = 0;
    open_checked(&world);
    run(&world, DR_SECOND_US);
    CHECK_EQ(node_at(&world, 1)->drained, 0);
    CHECK_TEXT(core_of(&world)->node_notes[1], "");
    far(&world, 1)->down[0] = 1;
    run(&world, DR_SECOND_US);
    CHECK_EQ(node_at(&world, 1)->down, 1);
    CHECK_EQ(node_at(&world, 2)->down, 0);
    live_deinit(&world);
}

/* A node that goes down there ends what is on it, and that runs again elsewhere. */
TEST(a_node_that_is_down_there_ends_its_jobs)
{
    struct live_world world;
    uint64_t jobs[3];

    begin(&world);
    open_checked(&world);
    fill(&world, 3 * DR_HOUR_US, jobs);
    far(&world, 2)->down[0] = 1;
    snprintf(far(&world, 2)->reasons[0], DR_NOTE_BYTES, "Not responding");
    run(&world, 3 * DR_SECOND_US);
    CHECK_EQ(state_of(&world, jobs[2]), DR_JOB_PENDING);
    CHECK_EQ(state_of(&world, jobs[1]), DR_JOB_RUNNING);
    CHECK_TEXT(core_of(&world)->node_notes[2], "Not responding");
    far(&world, 2)->down[0] = 0;
    run(&world, 3 * DR_SECOND_US);
    CHECK_EQ(state_of(&world, jobs[2]), DR_JOB_RUNNING);
    check_judge(&world);
    live_deinit(&world);
}

/* A drain from here reaches the site, once it can; the site's operator may end it. */
TEST(a_drain_from_here_reaches_the_site)
{
    struct live_world world;

    begin(&world);
    open_checked(&world);
    run(&world, DR_SECOND_US);
    say(&world, 1, 1, "new cooling");
    run(&world, DR_SECOND_US);
    CHECK_EQ(far(&world, 1)->drained[0], 1);
    CHECK_EQ(far(&world, 1)->drains, 1);
    CHECK_TEXT(far(&world, 1)->reasons[0], "new cooling");
    CHECK_EQ(node_at(&world, 1)->site_knows, 1);
    CHECK_TEXT(core_of(&world)->node_notes[1], "new cooling");
    run(&world, DR_HOUR_US);
    CHECK_EQ(far(&world, 1)->drains, 1);

    /* It refuses, then is silent, then the controller is another one: the word stands. */
    far(&world, 1)->refuse_drains = 1;
    say(&world, 1, 0, "cooled");
    run(&world, DR_MINUTE_US);
    CHECK_EQ(node_at(&world, 1)->site_knows, 0);
    far(&world, 1)->silent = 1;
    far(&world, 1)->refuse_drains = 0;
    run(&world, DR_MINUTE_US);
    reopen(&world);
    run(&world, DR_MINUTE_US);
    CHECK_EQ(far(&world, 1)->drained[0], 1);
    far(&world, 1)->silent = 0;
    run(&world, DR_MINUTE_US);
    CHECK_EQ(far(&world, 1)->drained[0], 0);
    CHECK_EQ(node_at(&world, 1)->drained, 0);
    CHECK_EQ(node_at(&world, 1)->site_knows, 1);

    say(&world, 1, 1, NULL);
    run(&world, DR_SECOND_US);
    far(&world, 1)->drained[0] = 0; /* resumed by the site's operator */
    run(&world, DR_SECOND_US);
    CHECK_EQ(node_at(&world, 1)->drained, 0);
    CHECK_EQ(dr_core_hash(core_of(&world)), live_hash_of_facts(&world));
    live_deinit(&world);
}

/* Slots are no nodes of their site: a drain of one is a word of ours alone, offered once and not
 * every half minute, and what the site says of its slots does not end it. */
TEST(a_drained_slot_is_a_matter_of_the_federation)
{
    struct live_world world;
    uint32_t offered;

    begin(&world);
    far(&world, 1)->slots = 1;
    open_checked(&world);
    run(&world, DR_SECOND_US);
    say(&world, 1, 1, "kept for guests");
    run(&world, DR_MINUTE_US);
    offered = far(&world, 1)->drains_offered;
    CHECK_EQ(offered, 1);
    run(&world, DR_HOUR_US);
    CHECK_EQ(far(&world, 1)->drains_offered, offered);
    far(&world, 1)->drained[0] = 1; /* others use a node of it, and leave */
    run(&world, DR_MINUTE_US);
    far(&world, 1)->drained[0] = 0;
    run(&world, DR_MINUTE_US);
    CHECK_EQ(node_at(&world, 1)->drained, 1);
    reopen(&world);
    run(&world, DR_MINUTE_US);
    CHECK_EQ(node_at(&world, 1)->drained, 1);
    say(&world, 1, 0, NULL);
    run(&world, DR_MINUTE_US);
    CHECK_EQ(node_at(&world, 1)->drained, 0);
    CHECK_EQ(dr_core_hash(core_of(&world)), live_hash_of_facts(&world));
    live_deinit(&world);
}

/* An engine is told of its nodes at the opening and when they change, and of no other change. */
TEST(nodes_are_declared)
{
    struct live_world world;
    struct dr_fact more = {.kind = DR_FACT_NODES_ADDED};
    struct dr_command command = {.kind = DR_COMMAND_DECLARE, .roles = 0xff};

    begin(&world);
    open_checked(&world);
    run(&world, DR_SECOND_US);
    CHECK_EQ(far(&world, 1)->declares, 1);
    CHECK_EQ(far(&world, 1)->nodes_count, 1);
    CHECK_TEXT(far(&world, 1)->names[0], "far1n0");
    say(&world, 1, 1, NULL);
    run(&world, DR_MINUTE_US);
    CHECK_EQ(far(&world, 1)->declares, 1);
    more.nodes_added.pool = 2;
    more.nodes_added.count = 2;
    command.body.declare = more;
    CHECK(live_command(&world, &command, NULL));
    run(&world, DR_SECOND_US);
    CHECK_EQ(far(&world, 1)->declares, 2);
    CHECK_EQ(far(&world, 1)->nodes_count, 3);
    CHECK_EQ(far(&world, 2)->declares, 1);
    live_deinit(&world);
}

/* ---- other settings ---- */

static void set_slurm(struct live_world *world, uint32_t site, const char *url)
{
    static const int64_t tariff[DR_TARIFF_HOURS] = {100000};
    struct dr_command command = {.kind = DR_COMMAND_DECLARE, .roles = 0xff};
    struct dr_fact_site_set *set = &command.body.declare.site_set;
    struct dr_answer answer = {0};

    command.body.declare.kind = DR_FACT_SITE_SET;
    set->site = site;
    snprintf(set->name, sizeof set->name, "far-%u", site - 1);
    set->pue_milli = 1000;
    set->tariff_micro = tariff;
    set->tariff_micro_count = DR_TARIFF_HOURS;
    set->engine = DR_ENGINE_SLURM;
    set->slurm_url = url;
    set->slurm_key = "/etc/daero/far.key";
    if (!live_command(world, &command, &answer))
        fail_msg("%s: %s", answer.field, answer.text);
}

/* Another url opens the engine anew; what runs there goes on, in the state too. A snapshot keeps
 * it.
 */
TEST(other_settings_open_the_engine_anew)
{
    struct live_world world;
    uint64_t job;
    uint32_t opens;

    begin(&world);
    world.options.snapshot_facts = 10;
    open_checked(&world);
    set_slurm(&world, 2, "http://127.0.0.1:17001");
    set_slurm(&world, 3, "http://127.0.0.1:17002");
    run(&world, DR_SECOND_US);
    submit(&world, DR_HOUR_US);
    job = submit(&world, DR_HOUR_US);
    run(&world, 2 * DR_SECOND_US);
    opens = far(&world, 1)->opens;
    set_slurm(&world, 2, "http://127.0.0.1:17101");
    run(&world, 2 * DR_SECOND_US);
    CHECK_EQ(far(&world, 1)->opens, opens + 1);
    CHECK_EQ(far(&world, 2)->opens, 2);
    CHECK_EQ(state_of(&world, job), DR_JOB_RUNNING);
    CHECK_EQ(core_of(&world)->sites[1].answers, 1);
    set_slurm(&world, 2, "http://127.0.0.1:17101");
    run(&world, 10 * DR_MINUTE_US);
    CHECK_EQ(far(&world, 1)->opens, opens + 1);
    CHECK_EQ(dr_core_hash(core_of(&world)), live_hash_of_facts(&world));
    reopen(&world);
    CHECK_TEXT(core_of(&world)->site_slurm[1].url, "http://127.0.0.1:17101");
    CHECK_TEXT(core_of(&world)->site_slurm[1].key, "/etc/daero/far.key");
    CHECK_EQ(dr_core_hash(core_of(&world)), live_hash_of_facts(&world));
    run(&world, 2 * DR_SECOND_US);
    CHECK_EQ(state_of(&world, job), DR_JOB_RUNNING);
    CHECK_EQ(world.site->starts, 2);
    check_judge(&world);
    live_deinit(&world);
}

/* Another engine would know nothing of what runs. */
TEST(the_engine_stays_while_something_runs)
{
    struct live_world world;
    struct dr_command command = {.kind = DR_COMMAND_DECLARE, .roles = 0xff};
    struct dr_fact_site_set *set = &command.body.declare.site_set;
    struct dr_answer answer = {0};
    uint64_t jobs[3];

    begin(&world);
    open_checked(&world);
    fill(&world, DR_MINUTE_US, jobs);
    command.body.declare.kind = DR_FACT_SITE_SET;
    set->site = 2;
    dr_copy_name(set->name, "far-1");
    set->pue_milli = 1000;
    set->tariff_micro = core_of(&world)->sites[1].tariff_micro;
    set->tariff_micro_count = DR_TARIFF_HOURS;
    set->engine = DR_ENGINE_SLURM;
    set->slurm_url = "unix:/run/s.sock";
    set->slurm_key = "/k";
    CHECK_EQ(live_command(&world, &command, &answer), 0);
    CHECK_HAS(answer.text, "is at site far-1, whose engine can't be another one");
    CHECK(live_drain(&world, DR_HOUR_US));
    CHECK_EQ(live_command(&world, &command, &answer), 1);
    live_deinit(&world);
}

/* ---- killed at every point ---- */

enum { ROUNDS = 6 };

/* A site goes and comes back in each round; jobs are asked for once. */
static void life(struct live_world *world)
{
    struct dr_error error = {0};

    if (live_open(world, &error) != DR_OK)
        _exit(10);
    for (uint32_t i = 0; i < ROUNDS; i += 1) {
        char key[16];

        snprintf(key, sizeof key, "job-%u", i);
        far(world, 1 + i % 2)->silent = i % 3 == 1;
        if (world->site->client[i] == 0 &&
            live_submit(world,
                        &(struct live_job){.retry_key = key,
                                           .accelerators = 2,
                                           .run_us = (2 + i) * DR_SECOND_US,
                                           .slot = &world->site->client[i]},
                        NULL, NULL) == 0)
            _exit(11);
        if (live_run(world, 3 * DR_SECOND_US) != DR_OK)
            _exit(12);
    }
    far(world, 1)->silent = 0;
    far(world, 2)->silent = 0;
    live_end_of_life(world);
}

TEST(killed_at_every_point_with_sites_coming_and_going)
{
    static const char *const points[] = {
#define POINT(NAME, name, text) #name,
        DR_FAULTS(POINT)
#undef POINT
    };
    uint32_t kills = 0;

    for (uint32_t p = 0; p < DR_COUNT_OF(points); p += 1) {
        for (uint32_t n = 1; n <= 13; n += 4) {
            struct live_world world;
            char fault[64];
            int status;

            begin(&world);
            snprintf(fault, sizeof fault, "%s:%u", points[p], n);
            status = live_life(&world, fault, life);
            kills += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
            status = live_life(&world, "", life);
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                fail_msg("after %s the next life ended with %d", fault, status);
            for (uint32_t i = 0; i < ROUNDS; i += 1) {
                CHECK(world.site->client[i] != 0);
                CHECK(live_attempt(&world, world.site->client[i], 1) != NULL);
                CHECK(live_attempt(&world, world.site->client[i], 2) == NULL);
            }
            CHECK_EQ(world.site->starts, ROUNDS);
            check_judge(&world);
            live_deinit(&world);
        }
    }
    CHECK(kills > 2 * DR_COUNT_OF(points));
}
