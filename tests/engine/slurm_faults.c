/* SPDX-License-Identifier: Apache-2.0 */
/* The Slurm engine over real daemons that fail: cut off, stopped, killed, started again. The files
 * that jobs write are the judge of what ran. */
#include "slurm_site.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"

static void keep(void *context, const struct dr_engine_attempt *attempt)
{
    struct dr_engine_attempt *found = context;

    if (attempt->job.v == found->job.v)
        *found = *attempt;
}

static pid_t daemon_pid(const char *name)
{
    return (pid_t)strtol(site_command("cat %s/run/%s.proc", site_directory(), name), NULL, 10);
}

static uint32_t lines(const char *text)
{
    uint32_t count = 0;

    for (; *text != 0; text += 1)
        count += *text == '\n';
    return count;
}

TEST(reopened_while_it_runs_and_after_its_end)
{
    struct site *w = site_new();
    struct dr_engine_attempt found = {0};
    struct site_spec s;

    site_shell(w, &s, "echo started >>starts; while [ ! -e go ]; do sleep 0.05; done; exit 3\n");
    site_launch(w, &s);
    site_wait_for_file(w, "starts", "started");
    site_shut(w);
    w->options.epoch = 2;
    w->reports_count = 0;
    site_open(w);
    found.job = s.launch.job;
    CHECK_EQ(w->engine->operations->list(w->engine, keep, &found), DR_OK);
    CHECK_EQ(found.attempt, 1);
    CHECK_EQ(found.ended, 0);
    site_launch(w, &s);
    site_wait(w, 0, s.launch.job.v, 1, DR_REPORT_STARTED);
    site_shut(w);

    /* it ends while no controller is there */
    site_command("touch %s/go; while squeue -h | grep -q .; do sleep 0.05; done", w->work);
    w->options.epoch = 3;
    w->reports_count = 0;
    site_open(w);
    CHECK_EQ(w->engine->operations->list(w->engine, keep, &found), DR_OK);
    CHECK_EQ(found.ended, 1);
    site_launch(w, &s);
    CHECK_EQ(site_end(w, &s)->exit_code, 3);
    CHECK_TEXT(site_file(w, "starts"), "started\n");
    site_free(w);
}

TEST(launched_before_the_site_answers)
{
    struct site *w = site_new();
    struct dr_engine_attempt found = {0};
    struct dr_error error = {0};
    struct site_spec s;

    site_shut(w);
    site_daemon("stop", "slurmrestd");
    w->reports_count = 0;
    CHECK_EQ(dr_slurm_open(&w->engine, &w->options, &error), DR_OK);
    CHECK_EQ(w->engine->operations->list(w->engine, keep, &found), DR_E_IO);
    site_shell(w, &s, "echo started >>starts\n");
    site_launch(w, &s);
    CHECK_EQ(site_wait(w, 0, 0, 0, DR_REPORT_SITE)->answers, 0);
    CHECK(site_find(w, 0, 0, 0, DR_REPORT_SITE)->text[0] != 0);
    {
        uint32_t before = w->reports_count;

        site_daemon("start", "slurmrestd");
        CHECK_EQ(site_wait(w, before, 0, 0, DR_REPORT_SITE)->answers, 1);
    }
    CHECK_EQ(site_end(w, &s)->exit_code, 0);
    CHECK_TEXT(site_file(w, "starts"), "started\n");
    site_free(w);
}

/* slurmctld stands still while a submission waits in its backlog: it is found when it goes on. */
TEST(an_unsure_submission_that_arrives_late_is_adopted)
{
    struct site *w = site_new();
    pid_t slurmctld = daemon_pid("slurmctld");
    int64_t until_us;
    struct site_spec s;

    site_shut(w);
    w->options.timeout_us = 2 * DR_SECOND_US;
    w->reports_count = 0;
    site_open(w);
    site_shell(w, &s, "echo started >>starts\n");
    CHECK_EQ(kill(slurmctld, SIGSTOP), 0);
    site_launch(w, &s);
    until_us = dr_monotonic_us() + 5 * DR_SECOND_US / 2;
    while (dr_monotonic_us() < until_us)
        site_step(w, until_us);
    CHECK_EQ(kill(slurmctld, SIGCONT), 0);
    CHECK_EQ(site_end(w, &s)->exit_code, 0);
    CHECK_TEXT(site_file(w, "starts"), "started\n");
    CHECK_EQ(lines(site_command("squeue -h -t all -o %%k | grep -F ':%llu:1:'",
                                (unsigned long long)s.launch.job.v)),
             1);
    site_free(w);
}

/* It stands still for longer than the submission's token lives: that one is void, a second one is
 * sent, and the first never turns up. */
TEST(an_unsure_submission_that_is_void_is_sent_again_once)
{
    struct site *w = site_new();
    pid_t slurmctld = daemon_pid("slurmctld");
    int64_t until_us;
    struct site_spec s;
    uint32_t before;

    site_shut(w);
    w->options.timeout_us = DR_SECOND_US;
    w->reports_count = 0;
    site_open(w);
    before = w->reports_count;
    site_shell(w, &s, "echo started >>starts\n");
    CHECK_EQ(kill(slurmctld, SIGSTOP), 0);
    site_launch(w, &s);
    until_us = dr_monotonic_us() + 6 * DR_SECOND_US;
    while (dr_monotonic_us() < until_us)
        site_step(w, until_us);
    CHECK_EQ(kill(slurmctld, SIGCONT), 0);
    CHECK(site_find(w, before, 0, 0, DR_REPORT_SITE) != NULL);
    CHECK_EQ(site_find(w, before, 0, 0, DR_REPORT_SITE)->answers, 0);
    CHECK_EQ(site_end(w, &s)->exit_code, 0);
    CHECK_TEXT(site_file(w, "starts"), "started\n");
    CHECK_EQ(lines(site_command("squeue -h -t all -o %%k | grep -F ':%llu:1:'",
                                (unsigned long long)s.launch.job.v)),
             1);
    CHECK_HAS(site_command("grep 'token expired' %s/log/slurmctld.log", site_directory()),
              "token expired");
    site_free(w);
}

TEST(slurmrestd_is_killed_again_and_again_under_load)
{
    enum { JOBS = 60 };
    struct site *w = site_new();
    struct site_spec s;
    uint64_t first = 0;

    site_shut(w);
    w->options.timeout_us = 2 * DR_SECOND_US;
    w->reports_count = 0;
    site_open(w);
    for (int i = 0; i < JOBS; i += 1) {
        site_shell(w, &s, "echo $DAERO_JOB_ID >>starts\n");
        s.launch.output = "/dev/null";
        s.nodes[0].name = i % 2 == 0 ? "seoul1" : "seoul2";
        first = i == 0 ? s.launch.job.v : first;
        site_launch(w, &s);
        site_step(w, 0);
        if (i % 20 == 10) {
            site_daemon("stop", "slurmrestd KILL");
            site_step(w, dr_monotonic_us() + 20000);
            site_daemon("start", "slurmrestd");
        }
    }
    for (uint64_t job = first; job < first + JOBS; job += 1)
        CHECK_EQ(site_wait(w, 0, job, 1, DR_REPORT_ENDED)->exit_code, 0);
    CHECK_EQ(lines(site_file(w, "starts")), JOBS);
    CHECK_EQ(lines(site_command("sort -u %s/starts", w->work)), JOBS);
    site_free(w);
}

TEST(slurmctld_is_restarted_while_jobs_run)
{
    struct site *w = site_new();
    struct site_spec s;

    site_shell(w, &s, "echo started >>starts; while [ ! -e go ]; do sleep 0.05; done; exit 4\n");
    site_launch(w, &s);
    site_wait_for_file(w, "starts", "started");
    site_daemon("stop", "slurmctld");
    site_step(w, dr_monotonic_us() + 10000);
    site_daemon("start", "slurmctld");
    site_command("touch %s/go", w->work);
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(site_end(w, &s)->exit_code, 4);
    CHECK_TEXT(site_file(w, "starts"), "started\n");
    site_free(w);
}

TEST(jobs_of_others_and_doubles)
{
    struct site *w = site_new();
    struct dr_engine_health health;
    struct site_spec s;

    site_command("sbatch -o /dev/null --wrap 'sleep 30' -J stranger");
    site_command(
        "timeout 30 sh -c 'until squeue -h -n stranger -t R | grep -q .; do sleep 0.1; done'");
    site_shell(w, &s, "echo started >>starts; while [ ! -e go ]; do sleep 0.05; done\n");
    site_launch(w, &s);
    site_wait_for_file(w, "starts", "started");
    /* somebody gives another job its mark */
    site_command(
        "sbatch -o /dev/null --comment daero:test:seoul:%llu:1:1 -H -J double --wrap 'true'",
        (unsigned long long)s.launch.job.v);
    CHECK_HAS(site_wait(w, 0, s.launch.job.v, 1, DR_REPORT_WARNING)->text, "second job");
    site_command("touch %s/go", w->work);
    CHECK_EQ(site_end(w, &s)->exit_code, 0);
    CHECK_HAS(site_command("squeue -h -t all -n double -o %%T"), "CANCELLED");
    CHECK_HAS(site_command("squeue -h -n stranger -o %%T"), "RUNNING");
    /* the end may have been told by one answer alone; others are counted by the next list */
    for (int i = 0; i < 100; i += 1) {
        w->engine->operations->health(w->engine, &health);
        if (health.foreign == 1)
            break;
        site_step(w, dr_monotonic_us() + DR_SECOND_US / 20);
    }
    CHECK_EQ(health.answers, 1);
    CHECK_EQ(health.foreign, 1);
    site_command("scancel -n stranger");
    site_free(w);
}

TEST(drain_from_either_side_and_what_the_file_gets_wrong)
{
    struct site *w = site_new();
    struct dr_engine_node nodes[] = {
        {.name = "seoul1", .partition = "batch", .gres = "gpu", .accelerators = SITE_GPUS},
        {.name = "seoul9", .partition = "batch", .gres = "gpu", .accelerators = SITE_GPUS},
        {.name = "seoul2", .partition = "batch", .gres = "gpu:h200", .accelerators = 8},
    };

    w->engine->operations->declare(w->engine, nodes, 2);
    site_wait_for_node(w, "seoul9", 1, 0, "no node of this name");
    CHECK_HAS(site_wait(w, 0, 0, 0, DR_REPORT_WARNING)->text, "seoul2");
    CHECK_EQ(w->engine->operations->drain(w->engine, "seoul9", 1, "x"), DR_E_MISSING);
    CHECK_EQ(w->engine->operations->drain(w->engine, "seoul1", 1, "new disks"), DR_OK);
    site_wait_for_node(w, "seoul1", 0, 1, "new disks");
    CHECK_HAS(site_command("scontrol -o show node seoul1"), "DRAIN");
    CHECK_EQ(w->engine->operations->drain(w->engine, "seoul1", 0, NULL), DR_OK);
    site_wait_for_node(w, "seoul1", 0, 0, "");
    site_command("scontrol update nodename=seoul1 state=drain reason='a fan is loud'");
    site_wait_for_node(w, "seoul1", 0, 1, "a fan is loud");
    site_command("scontrol update nodename=seoul1 state=resume");
    site_wait_for_node(w, "seoul1", 0, 0, "");
    w->engine->operations->declare(w->engine, nodes, 3);
    site_wait_for_node(w, "seoul2", 0, 1, "declared with 8 of gpu:h200");
    site_free(w);
}

TEST(count_placement_leaves_others_their_nodes)
{
    struct site *w = site_new();
    struct dr_engine_node nodes[] = {
        {.name = "slot1", .partition = "batch"},
        {.name = "slot2", .partition = "batch"},
    };
    struct site_spec s;

    site_shut(w);
    w->options.count_placement = 1;
    w->reports_count = 0;
    site_open(w);
    w->engine->operations->declare(w->engine, nodes, 2);
    site_command("sbatch -o /dev/null --wrap 'sleep 60' -J stranger -w seoul1");
    site_wait_for_node(w, "slot2", 0, 1, "used by others");
    site_shell(w, &s, "echo $DAERO_NODELIST >where\n");
    s.nodes[0].name = "slot1";
    s.launch.cpus_per_task_milli = 64000;
    site_launch(w, &s);
    CHECK_EQ(site_end(w, &s)->exit_code, 0);
    CHECK_TEXT(site_file(w, "where"), "seoul2\n");
    site_command("scancel -n stranger");
    site_wait_for_node(w, "slot2", 0, 0, "");
    site_free(w);
}

static const struct dr_engine_node both_nodes[] = {
    {.name = "seoul1", .partition = "batch", .gres = "gpu", .accelerators = SITE_GPUS},
    {.name = "seoul2", .partition = "batch", .gres = "gpu", .accelerators = SITE_GPUS},
};

/* Requeued by an operator, preempted by the site's rules, lost with its node: at the same time,
 * since Slurm takes its time. */
TEST(what_the_site_does_by_itself)
{
    struct site *w = site_new();
    struct site_spec requeued, preempted, lost;

    site_loses_nodes_soon();
    w->engine->operations->declare(w->engine, both_nodes, 2);
    site_shell(w, &requeued, "echo started >>starts; sleep 100\n");
    requeued.nodes[0].name = "seoul2";
    site_launch(w, &requeued);
    site_wait_for_file(w, "starts", "started");
    site_command("id=$(squeue -h -t R -o %%A); scontrol update jobid=$id requeue=1; "
                 "scontrol requeue $id");
    site_shell(w, &preempted, "echo started >>low; sleep 100\n");
    preempted.launch.partition = "scavenge";
    preempted.launch.cpus_per_task_milli = 64000;
    site_launch(w, &preempted);
    site_shell(w, &lost, "echo up >up; sleep 100\n");
    lost.nodes[0].name = "seoul2";
    site_launch(w, &lost);
    site_wait_for_file(w, "low", "started");
    site_command("sbatch -p urgent -c 64 -w seoul1 -o /dev/null --wrap 'sleep 1'");
    site_wait_for_file(w, "up", "up");
    CHECK_EQ(site_end(w, &requeued)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_HAS(site_end(w, &requeued)->text, "requeued");
    site_daemon("stop", "seoul2 KILL");
    CHECK_EQ(site_end(w, &preempted)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_HAS(site_end(w, &preempted)->text, "preempted");
    CHECK_EQ(site_end(w, &lost)->outcome, DR_OUTCOME_NODE_FAILED);
    site_wait_for_node(w, "seoul2", 1, 0, "down");
    site_daemon("start", "seoul2");
    site_wait_for_node(w, "seoul2", 0, 0, "");
    CHECK_TEXT(site_file(w, "starts"), "started\n");
    CHECK_TEXT(site_file(w, "low"), "started\n");
    site_free(w);
}

/* All of a gang is lost with one of its nodes, and is as little the job's own doing. */
TEST(a_gang_that_loses_one_of_its_nodes)
{
    struct site *w = site_new();
    struct site_spec s;

    site_loses_nodes_soon();
    w->engine->operations->declare(w->engine, both_nodes, 2);
    site_shell(w, &s, "echo up >up; sleep 100\n");
    s.launch.nodes_count = 2;
    s.launch.tasks = 2;
    site_launch(w, &s);
    site_wait_for_file(w, "up", "up");
    site_daemon("stop", "seoul2 KILL");
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_HAS(site_end(w, &s)->text, "lost a node");
    CHECK_EQ(site_end(w, &s)->exit_code, 0);
    CHECK_EQ(site_end(w, &s)->signal, 0);
    site_daemon("start", "seoul2");
    site_wait_for_node(w, "seoul2", 0, 0, "");
    site_free(w);
}

/* A slurmd that hangs is a lost node to slurmctld, for what runs there and for what comes. When it
 * goes on it finds the order in its socket; nothing runs a second time. */
TEST(a_slurmd_that_hangs)
{
    struct site *w = site_new();
    pid_t slurmd = daemon_pid("seoul2");
    struct site_spec runs, comes;

    site_loses_nodes_soon();
    w->engine->operations->declare(w->engine, both_nodes, 2);
    site_shell(w, &runs, "echo started >>runs; sleep 100\n");
    runs.nodes[0].name = "seoul2";
    site_launch(w, &runs);
    site_wait_for_file(w, "runs", "started");
    CHECK_EQ(kill(slurmd, SIGSTOP), 0);
    site_shell(w, &comes, "echo started >>comes; sleep 100\n");
    comes.nodes[0].name = "seoul2";
    site_launch(w, &comes);
    CHECK_EQ(site_end(w, &runs)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_EQ(site_end(w, &comes)->outcome, DR_OUTCOME_NODE_FAILED);
    site_wait_for_node(w, "seoul2", 1, 0, "down");
    CHECK_EQ(kill(slurmd, SIGCONT), 0);
    site_wait_for_node(w, "seoul2", 0, 0, "");
    site_command("timeout 20 sh -c 'while squeue -h | grep -q .; do sleep 0.1; done'");
    CHECK_TEXT(site_file(w, "runs"), "started\n");
    CHECK(lines(site_file(w, "comes")) <= 1);
    site_free(w);
}
