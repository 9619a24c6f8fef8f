/* SPDX-License-Identifier: Apache-2.0 */
/* The Slurm engine over a real slurmctld that loses what it was told: it is killed, and goes on
 * from an older state or from none. The files that jobs write are the judge of what ran. */
#include "slurm_site.h"

#include "test.h"

/* ---- the site's state is put back by hand to what it was at some earlier moment, as one that was
 * killed before it saved has it ---- */

static void keep_state(void)
{
    site_command("rm -rf %s/kept; cp -a %s/state %s/kept", site_directory(), site_directory(),
                 site_directory());
}

static void go_back_to_kept_state(void)
{
    site_daemon("stop", "slurmctld KILL");
    site_command("rm -rf %s/state; cp -a %s/kept %s/state", site_directory(), site_directory(),
                 site_directory());
    site_daemon("start", "slurmctld");
    /* numbers that were given out, which nodes would refuse for a while, go to jobs that never run
     */
    site_command("for i in 1 2 3 4 5 6; do sbatch -H -J number -o /dev/null --wrap true; done");
}

/* An attempt that slurmctld has forgotten runs on at a node that has not registered since. It is
 * not over before: who is told so runs it again. */
TEST(what_was_forgotten_is_not_over_before_its_node_has_registered)
{
    struct site *w = site_new();
    struct dr_engine_node node = {
        .name = "seoul1", .partition = "batch", .gres = "gpu", .accelerators = SITE_GPUS};
    struct site_spec s;

    site_loses_nodes_soon();
    w->engine->operations->declare(w->engine, &node, 1);
    site_daemon("stop", "slurmctld");
    keep_state();
    site_daemon("start", "slurmctld");
    site_shell(w, &s,
               "echo started >>starts; while [ ! -e go ]; do sleep 0.05; done; echo on >>starts\n");
    site_launch(w, &s);
    site_wait_for_file(w, "starts", "started");
    site_wait(w, 0, s.launch.job.v, 1, DR_REPORT_STARTED);
    site_daemon("stop", "seoul1 KILL"); /* the job runs on */
    go_back_to_kept_state();
    CHECK_EQ(site_wait(w, 0, s.launch.job.v, 1, DR_REPORT_REACH)->answers, 0);
    CHECK_HAS(site_wait(w, 0, s.launch.job.v, 1, DR_REPORT_REACH)->text, "seoul1");
    site_wait_for_node(w, "seoul1", 1, 0, "down"); /* by slurmctld's word too */
    CHECK(site_find(w, 0, s.launch.job.v, 1, DR_REPORT_ENDED) == NULL);

    /* a controller that starts now knows it from its facts alone */
    site_shut(w);
    w->options.epoch += 1;
    w->reports_count = 0;
    site_open(w);
    w->engine->operations->expect(w->engine, &(struct dr_engine_expected){.job = s.launch.job,
                                                                          .attempt = 1,
                                                                          .begun = 1,
                                                                          .partition = "batch",
                                                                          .nodes = s.nodes,
                                                                          .nodes_count = 1});
    CHECK_EQ(site_wait(w, 0, s.launch.job.v, 1, DR_REPORT_REACH)->answers, 0);
    CHECK(site_find(w, 0, s.launch.job.v, 1, DR_REPORT_ENDED) == NULL);
    CHECK_TEXT(site_file(w, "starts"), "started\n");

    site_daemon("start", "seoul1");
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_NODE_FAILED);
    site_command("touch %s/go; sleep 0.5", w->work);
    CHECK_TEXT(site_file(w, "starts"), "started\n"); /* nothing of it was left */
    site_command("scancel -n number; scontrol update nodename=seoul1 state=resume");
    site_free(w);
}

/* One that slurmctld has as waiting again, though it ran, would run a second time. */
TEST(what_waits_again_after_it_ran_is_cancelled)
{
    struct site *w = site_new();
    struct site_spec s;

    site_command("scontrol update partitionname=batch state=down");
    site_shell(w, &s, "echo started >>starts; sleep 100\n");
    site_launch(w, &s);
    while (site_command("squeue -h -t PD")[0] == 0)
        site_step(w, dr_monotonic_us() + 50000);
    site_daemon("stop", "slurmctld");
    keep_state();
    site_daemon("start", "slurmctld");
    site_command("scontrol update partitionname=batch state=up");
    site_wait_for_file(w, "starts", "started");
    site_wait(w, 0, s.launch.job.v, 1, DR_REPORT_STARTED);
    go_back_to_kept_state();
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_HAS(site_end(w, &s)->text, "would have run it again");
    site_command("scontrol update partitionname=batch state=up");
    site_command("scancel -n number; scontrol update nodename=seoul1 state=resume");
    CHECK_TEXT(site_command("squeue -h | head -n 1"), "");
    CHECK_TEXT(site_file(w, "starts"), "started\n");
    site_free(w);
}

/* Ended while slurmctld had not saved that, and was killed: it has the job as running until its
 * node registers without it. How it ended nobody knows, and the report says what is known. */
TEST(an_end_that_slurmctld_forgot)
{
    struct site *w = site_new();
    int64_t begun_us;
    struct site_spec s;

    site_loses_nodes_soon();
    site_shell(w, &s, "echo started >>starts; while [ ! -e go ]; do sleep 0.05; done\n");
    site_launch(w, &s);
    site_wait_for_file(w, "starts", "started");
    begun_us = site_wait(w, 0, s.launch.job.v, 1, DR_REPORT_STARTED)->time_us;
    site_daemon("stop", "slurmctld");
    keep_state();
    site_daemon("start", "slurmctld");
    site_shut(w);
    site_command("touch %s/go; timeout 30 sh -c 'while squeue -h | grep -q .; do sleep 0.1; done'",
                 w->work);
    go_back_to_kept_state();
    w->options.epoch += 1;
    w->reports_count = 0;
    site_open(w);
    site_launch(w, &s);
    /* slurmctld misses nobody before BatchStartTimeout and MessageTimeout, 10 and 5 s */
    while (dr_clock_us() < begun_us + 17 * DR_SECOND_US)
        site_step(w, dr_monotonic_us() + 100000);
    CHECK(site_find(w, 0, s.launch.job.v, 1, DR_REPORT_ENDED) == NULL);
    site_daemon("stop", "seoul1");
    site_daemon("start", "seoul1");
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_HAS(site_end(w, &s)->text, "does not have it");
    CHECK_TEXT(site_file(w, "starts"), "started\n");
    site_command("scancel -n number");
    site_free(w);
}

/* Started with nothing of its state, it knows of no job, and its nodes kill what they run. */
TEST(slurmctld_starts_without_its_state)
{
    struct site *w = site_new();
    struct site_spec s, after;

    site_shell(w, &s, "echo started >>starts; sleep 100\n");
    site_launch(w, &s);
    site_wait_for_file(w, "starts", "started");
    site_wait(w, 0, s.launch.job.v, 1, DR_REPORT_STARTED);
    site_daemon("stop", "slurmctld KILL");
    site_command("rm -rf %s/state/*; echo FirstJobId=7000 >>$SLURM_CONF", site_directory());
    site_daemon("start", "slurmctld");
    site_shell(w, &after, "echo after >>starts; exit 5\n");
    site_launch(w, &after);
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_HAS(site_end(w, &s)->text, "does not know it any more");
    CHECK_EQ(site_end(w, &after)->exit_code, 5);
    CHECK_TEXT(site_file(w, "starts"), "started\nafter\n");
    site_command("sed -i /^FirstJobId=/d $SLURM_CONF");
    site_free(w);
}

/* Killed, it forgets what it has not saved: the job is its to keep or to lose, and ends once. It
 * gives out numbers again then, which its nodes refuse for a while: so this test is the last. */
TEST(slurmctld_is_killed_while_jobs_run)
{
    struct site *w = site_new();
    struct site_spec s;

    site_shell(w, &s, "echo started >>starts; while [ ! -e go ]; do sleep 0.05; done; exit 4\n");
    site_launch(w, &s);
    site_wait_for_file(w, "starts", "started");
    site_daemon("stop", "slurmctld KILL");
    site_daemon("start", "slurmctld");
    site_command("touch %s/go", w->work);
    if (site_end(w, &s)->outcome != DR_OUTCOME_NODE_FAILED)
        CHECK_EQ(site_end(w, &s)->exit_code, 4);
    CHECK_EQ(site_count(w, s.launch.job.v, 1, DR_REPORT_ENDED), 1);
    CHECK_TEXT(site_file(w, "starts"), "started\n");
    site_free(w);
}
