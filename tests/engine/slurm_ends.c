/* SPDX-License-Identifier: Apache-2.0 */
/* The Slurm engine over real daemons: ends that are not the job's own doing, and what a site's own
 * rules and operators do to jobs that wait. Those that a job brings about itself are in slurm.c. */
#include "slurm_site.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"

static const char *slurm_id(const struct site_spec *s)
{
    return site_command("squeue -h -t all -o '%%A %%k' | sed -n 's/ .*:%llu:%u:[0-9]*$//p' | "
                        "tr -d '\\n'",
                        (unsigned long long)s->launch.job.v, s->launch.attempt);
}

/* Until a line of the shell prints something. */
static void wait_for_command(struct site *w, const char *line)
{
    int64_t until_us = dr_monotonic_us() + SITE_WAIT_US;

    while (site_command("%s", line)[0] == 0) {
        if (dr_monotonic_us() > until_us)
            fail_msg("nothing comes of: %s\n%s", line, site_command("squeue -t all"));
        if (w->engine != NULL)
            site_step(w, dr_monotonic_us() + 50000);
        else
            poll(NULL, 0, 50);
    }
}

static void wait_until_pending(struct site *w, const struct site_spec *s)
{
    char line[200];

    snprintf(line, sizeof line, "squeue -h -t PD -o %%k | grep ':%llu:%u:'",
             (unsigned long long)s->launch.job.v, s->launch.attempt);
    wait_for_command(w, line);
}

/* What the kernel kills for its memory, whether or not the script then goes on. It needs a cluster
 * with such limits, so it comes first: all tests of this program share the cluster. */
TEST(out_of_memory)
{
    struct site *w;
    struct site_spec s, caught;
    static const char eats[] = "awk 'BEGIN { x = \"x\"; while (1) x = x x }'";

    site_with_memory_limits();
    w = site_new();
    site_shell(w, &s, "exec %s\n", eats);
    s.launch.memory_mb_per_task = 50;
    site_launch(w, &s);
    site_shell(w, &caught, "%s; echo \"went on: $?\" >after\n", eats);
    caught.launch.memory_mb_per_task = 50;
    site_launch(w, &caught);
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_OUT_OF_MEMORY);
    CHECK_EQ(site_end(w, &s)->exit_code, 0);
    CHECK_EQ(site_end(w, &s)->signal, 0);
    CHECK_EQ(site_end(w, &caught)->outcome, DR_OUTCOME_OUT_OF_MEMORY);
    CHECK_TEXT(site_file(w, "after"), "went on: 137\n");
    site_free(w);
}

/* A node whose prolog fails, or that can't write what a job needs: Slurm cancels the job as root,
 * status 0, as if an operator had. */
TEST(a_launch_that_a_node_gives_up_is_no_cancel)
{
    struct site *w = site_new();
    struct dr_engine_node nodes[] = {
        {.name = "seoul1", .partition = "batch"},
        {.name = "seoul2", .partition = "batch"},
    };
    struct site_spec prolog, spool;

    w->engine->operations->declare(w->engine, nodes, 2);
    site_command("printf '#!/bin/sh\\n! [ \"$SLURMD_NODENAME\" = seoul2 ] || ! [ -e %s/broken ]\\n'"
                 " >%s/prolog; chmod 755 %s/prolog; touch %s/broken;"
                 " echo Prolog=%s/prolog >>$SLURM_CONF; scontrol reconfigure",
                 w->work, w->work, w->work, w->work, w->work);
    site_shell(w, &prolog, "echo ran >ran\n");
    prolog.nodes[0].name = "seoul2";
    site_launch(w, &prolog);
    CHECK_EQ(site_end(w, &prolog)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_HAS(site_end(w, &prolog)->text, "gave the launch up");
    site_wait_for_node(w, "seoul2", 0, 1, "Prolog error");
    site_command("rm %s/broken; sed -i /^Prolog=/d $SLURM_CONF; scontrol reconfigure;"
                 " scontrol update nodename=seoul2 state=resume",
                 w->work);
    site_wait_for_node(w, "seoul2", 0, 0, "");

    /* files stand where the next jobs' directories belong */
    site_command("touch $(seq -f '%s/spool/seoul2/job%%05.0f' 1 200)", site_directory());
    site_shell(w, &spool, "echo ran >ran\n");
    spool.nodes[0].name = "seoul2";
    site_launch(w, &spool);
    CHECK_EQ(site_end(w, &spool)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_EQ(site_end(w, &spool)->exit_code, 0);
    site_command("find %s/spool/seoul2 -name 'job0*' -type f -delete", site_directory());
    CHECK_TEXT(site_file(w, "ran"), "");
    site_free(w);
}

/* One that Slurm may run again by itself is requeued where its launch is given up: a cancel of it
 * is always somebody's, even where it leaves with 0 at once. */
TEST(a_cancel_of_what_slurm_may_run_again)
{
    struct site *w = site_new();
    struct site_spec saves, spool;

    site_shell(w, &saves, "trap 'exit 0' TERM; echo up >up; while :; do sleep 0.05; done\n");
    saves.launch.requeue = 1;
    site_launch(w, &saves);
    site_wait_for_file(w, "up", "up");
    site_command("scancel %s", slurm_id(&saves));
    CHECK_EQ(site_end(w, &saves)->outcome, DR_OUTCOME_STOPPED);
    CHECK_HAS(site_end(w, &saves)->text, "not by Daero");
    CHECK_EQ(site_end(w, &saves)->signal, 0);

    site_command("touch $(seq -f '%s/spool/seoul2/job%%05.0f' 1 200)", site_directory());
    site_shell(w, &spool, "echo ran >ran\n");
    spool.nodes[0].name = "seoul2";
    spool.launch.requeue = 1;
    site_launch(w, &spool);
    CHECK_EQ(site_end(w, &spool)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_HAS(site_end(w, &spool)->text, "requeued");
    site_command("find %s/spool/seoul2 -name 'job0*' -type f -delete", site_directory());
    CHECK_TEXT(site_file(w, "ran"), "");
    site_free(w);
}

/* What Slurm still has its nodes for is not over: their epilog, here. */
TEST(it_is_over_when_slurm_has_its_nodes_back)
{
    struct site *w = site_new();
    struct site_spec s;

    site_command("printf '#!/bin/sh\nwhile [ -e %s/busy ]; do sleep 0.05; done\n' >%s/epilog;"
                 " chmod 755 %s/epilog; touch %s/busy;"
                 " echo Epilog=%s/epilog >>$SLURM_CONF; scontrol reconfigure",
                 w->work, w->work, w->work, w->work, w->work);
    site_shell(w, &s, "echo up >up; sleep 100\n");
    site_launch(w, &s);
    site_wait_for_file(w, "up", "up");
    CHECK_EQ(w->engine->operations->stop(w->engine, s.launch.job, 1, 0, 0), DR_OK);
    wait_for_command(w, "squeue -h -t CG");
    for (int64_t until_us = dr_monotonic_us() + DR_SECOND_US; dr_monotonic_us() < until_us;)
        site_step(w, until_us);
    CHECK(site_find(w, 0, s.launch.job.v, 1, DR_REPORT_ENDED) == NULL);
    site_command("rm %s/busy", w->work);
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_STOPPED);
    site_command("sed -i /^Epilog=/d $SLURM_CONF; scontrol reconfigure");
    site_free(w);
}

/* Drained after the job was submitted for it: what runs there runs on, what waits there would wait
 * until somebody resumes the node. */
TEST(what_waits_for_a_drained_node_is_withdrawn)
{
    struct site *w = site_new();
    struct dr_engine_node nodes[] = {
        {.name = "seoul1", .partition = "batch"},
        {.name = "seoul2", .partition = "batch"},
    };
    struct site_spec runs, waits, other;
    char id[32];

    w->engine->operations->declare(w->engine, nodes, 2);
    site_shell(w, &runs, "echo up >up; while [ ! -e go ]; do sleep 0.05; done\n");
    site_launch(w, &runs);
    site_wait_for_file(w, "up", "up");
    site_command("scontrol update partitionname=batch state=down");
    site_shell(w, &waits, "echo ran >ran\n");
    waits.launch.nodes_count = 2; /* one of its nodes is enough */
    site_launch(w, &waits);
    site_shell(w, &other, "echo ran >other\n");
    other.nodes[0].name = "seoul2";
    site_launch(w, &other);
    wait_until_pending(w, &waits);
    wait_until_pending(w, &other);
    snprintf(id, sizeof id, "%s", slurm_id(&waits));
    site_command("scontrol update nodename=seoul1 state=drain reason='a fan'");
    CHECK_EQ(site_end(w, &waits)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_HAS(site_end(w, &waits)->text, "withdrawn");
    CHECK(site_find(w, 0, waits.launch.job.v, 1, DR_REPORT_STARTED) == NULL);
    CHECK_HAS(site_command("squeue -h -t all -j %s -o %%T", id), "CANCELLED");
    site_command("scontrol update partitionname=batch state=up; touch %s/go", w->work);
    CHECK_EQ(site_end(w, &other)->exit_code, 0);
    CHECK_EQ(site_end(w, &runs)->outcome, DR_OUTCOME_EXITED);
    site_command("scontrol update nodename=seoul1 state=resume");
    site_wait_for_node(w, "seoul1", 0, 0, "");
    CHECK_TEXT(site_file(w, "ran"), "");
    site_free(w);
}

/* A job that the site's operator holds is his to release; that it waits for him is said once. */
TEST(held_by_the_sites_operator)
{
    struct site *w = site_new();
    struct site_spec s;

    site_command("scontrol update partitionname=batch state=down");
    site_shell(w, &s, "exit 3\n");
    site_launch(w, &s);
    CHECK_HAS(site_wait(w, 0, s.launch.job.v, 1, DR_REPORT_WARNING)->text, "PartitionDown");
    site_command("scontrol hold %s; scontrol update partitionname=batch state=up", slurm_id(&s));
    wait_for_command(w, "squeue -h -t PD -o %r | grep JobHeldAdmin");
    site_command("scontrol release %s", slurm_id(&s));
    CHECK_EQ(site_end(w, &s)->exit_code, 3);
    CHECK_EQ(site_count(w, s.launch.job.v, 1, DR_REPORT_WARNING), 1);
    site_free(w);
}

/* Cancelled before it began, and while it catches what an operator's cancel sends: in the first
 * moments after its start only a status tells the second from a launch that was given up. */
TEST(cancelled_by_the_sites_operator_at_any_time)
{
    struct site *w = site_new();
    struct site_spec waits, saves;

    site_shell(w, &saves, "trap 'exit 4' TERM; echo up >up; while :; do sleep 0.05; done\n");
    site_launch(w, &saves);
    site_wait_for_file(w, "up", "up");
    site_command("scontrol update partitionname=batch state=down");
    site_shell(w, &waits, "exit 0\n");
    site_launch(w, &waits);
    wait_until_pending(w, &waits);
    site_command("scancel %s", slurm_id(&waits));
    site_command("scancel %s", slurm_id(&saves));
    CHECK_EQ(site_end(w, &waits)->outcome, DR_OUTCOME_STOPPED);
    CHECK_HAS(site_end(w, &waits)->text, "not by Daero");
    CHECK_EQ(site_end(w, &saves)->outcome, DR_OUTCOME_STOPPED);
    CHECK_EQ(site_end(w, &saves)->exit_code, 4);
    site_command("scontrol update partitionname=batch state=up");
    site_free(w);
}

TEST(directories_that_are_not_there)
{
    struct site *w = site_new();
    struct site_spec output, work, both;

    site_shell(w, &output, "exit 0\n");
    output.launch.output = "no/such/place/out";
    site_launch(w, &output);
    site_shell(w, &work, "echo ran in $PWD\n");
    work.launch.directory = "/no/such/place";
    work.launch.output = "/dev/null";
    site_launch(w, &work);
    site_shell(w, &both, "exit 0\n");
    both.launch.directory = "/no/such/place";
    site_launch(w, &both);
    CHECK_EQ(site_end(w, &output)->outcome, DR_OUTCOME_LAUNCH_FAILED);
    /* Slurm itself runs it in /tmp, and says that it COMPLETED */
    CHECK_EQ(site_end(w, &work)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(site_end(w, &work)->exit_code, 126);
    CHECK(site_end(w, &both)->exit_code != 0 ||
          site_end(w, &both)->outcome == DR_OUTCOME_LAUNCH_FAILED);
    site_free(w);
}

/* The site's own limit, while no controller looks. An operator brings it forward: Slurm's shortest
 * is a minute. */
TEST(the_sites_time_limit_while_nobody_looks)
{
    struct site *w = site_new();
    struct site_spec s;
    char id[32], line[100];

    site_shell(w, &s, "echo up >up; sleep 100\n");
    site_launch(w, &s);
    site_wait_for_file(w, "up", "up");
    site_wait(w, 0, s.launch.job.v, 1, DR_REPORT_STARTED);
    site_shut(w);
    snprintf(id, sizeof id, "%s", slurm_id(&s));
    site_command("scontrol update jobid=%s endtime=$(date -d '+1 second' +%%FT%%T)", id);
    snprintf(line, sizeof line, "squeue -h -t TO -j %s", id);
    wait_for_command(w, line);
    w->options.epoch = 2;
    w->reports_count = 0;
    site_open(w);
    site_launch(w, &s);
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_TIMED_OUT);
    site_free(w);
}

/* A stop's grace is kept by Slurm too, as a time limit in whole minutes: never a longer one than
 * the job has. */
TEST(the_end_of_a_grace_is_handed_to_the_site)
{
    struct site *w = site_new();
    struct site_spec s, ends_anyway;
    char line[200];

    site_shell(w, &s, "trap : TERM; echo up >up; while :; do sleep 0.05; done\n");
    s.launch.limit_us = 3600 * DR_SECOND_US;
    site_launch(w, &s);
    site_shell(w, &ends_anyway, "trap : TERM; echo up >up2; while :; do sleep 0.05; done\n");
    ends_anyway.launch.limit_us = 60 * DR_SECOND_US;
    site_launch(w, &ends_anyway);
    site_wait_for_file(w, "up", "up");
    site_wait_for_file(w, "up2", "up");
    site_wait(w, 0, s.launch.job.v, 1, DR_REPORT_STARTED);
    site_wait(w, 0, ends_anyway.launch.job.v, 1, DR_REPORT_STARTED);
    CHECK_EQ(w->engine->operations->stop(w->engine, s.launch.job, 1, SIGTERM, 100 * DR_SECOND_US),
             DR_OK);
    CHECK_EQ(w->engine->operations->stop(w->engine, ends_anyway.launch.job, 1, SIGTERM,
                                         100 * DR_SECOND_US),
             DR_OK);
    snprintf(line, sizeof line, "squeue -h -o '%%l %%k' | grep '^2:00 .*:%llu:1:'",
             (unsigned long long)s.launch.job.v);
    wait_for_command(w, line);
    CHECK_HAS(site_command("squeue -h -o '%%l %%k' | grep ':%llu:1:'",
                           (unsigned long long)ends_anyway.launch.job.v),
              "1:00 ");
    CHECK_EQ(w->engine->operations->stop(w->engine, s.launch.job, 1, 0, 0), DR_OK);
    CHECK_EQ(w->engine->operations->stop(w->engine, ends_anyway.launch.job, 1, 0, 0), DR_OK);
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_STOPPED);
    CHECK_EQ(site_end(w, &ends_anyway)->outcome, DR_OUTCOME_STOPPED);
    site_free(w);
}

/* slurmrestd listens on a socket of its machine too. */
TEST(over_a_unix_socket)
{
    struct site *w = site_new();
    char url[200];
    struct site_spec s, after;

    site_shut(w);
    snprintf(url, sizeof url, "unix:%s/run/rest/jwt.sock", site_directory());
    w->options.url = url;
    w->reports_count = 0;
    site_open(w);
    site_shell(w, &s, "exit 3\n");
    site_launch(w, &s);
    CHECK_EQ(site_end(w, &s)->exit_code, 3);
    site_daemon("stop", "slurmrestd KILL");
    site_shell(w, &after, "echo started >>starts; exit 4\n");
    site_launch(w, &after);
    CHECK_EQ(site_wait(w, w->reports_count, 0, 0, DR_REPORT_SITE)->answers, 0);
    site_daemon("start", "slurmrestd");
    CHECK_EQ(site_end(w, &after)->exit_code, 4);
    CHECK_TEXT(site_file(w, "starts"), "started\n");
    site_free(w);
}

/* What an operator has to know of the site's own configuration is said when it is opened. */
TEST(a_site_whose_slurm_runs_jobs_again)
{
    struct site *w = site_new();

    site_command("sed -i s/^JobRequeue=0/JobRequeue=1/ $SLURM_CONF; scontrol reconfigure");
    site_shut(w);
    w->reports_count = 0;
    site_open(w);
    CHECK_HAS(site_wait(w, 0, 0, 0, DR_REPORT_WARNING)->text, "JobRequeue=0 is better");
    site_command("sed -i s/^JobRequeue=1/JobRequeue=0/ $SLURM_CONF; scontrol reconfigure");
    site_free(w);
}

/* Where a job has been made one that Slurm may run again: it is not, whatever takes it. At the same
 * time, since Slurm takes its time. */
TEST(what_the_site_would_run_again)
{
    struct site *w = site_new();
    struct dr_engine_node nodes[] = {
        {.name = "seoul1", .partition = "batch"},
        {.name = "seoul2", .partition = "batch"},
    };
    struct site_spec preempted, lost;

    site_loses_nodes_soon();
    w->engine->operations->declare(w->engine, nodes, 2);
    site_shell(w, &preempted, "echo started >>low; sleep 100\n");
    preempted.launch.partition = "scavenge";
    preempted.launch.cpus_per_task_milli = 64000;
    site_launch(w, &preempted);
    site_shell(w, &lost, "echo started >>lost; sleep 100\n");
    lost.nodes[0].name = "seoul2";
    site_launch(w, &lost);
    site_wait_for_file(w, "low", "started");
    site_wait_for_file(w, "lost", "started");
    site_command("scontrol update jobid=%s requeue=1", slurm_id(&preempted));
    site_command("scontrol update jobid=%s requeue=1", slurm_id(&lost));
    site_command("sbatch -p urgent -c 64 --mem=100 -w seoul1 -o /dev/null --wrap 'sleep 1'");
    site_daemon("stop", "seoul2 KILL");
    CHECK_EQ(site_end(w, &preempted)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_HAS(site_end(w, &preempted)->text, "requeued");
    CHECK_EQ(site_end(w, &lost)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_HAS(site_end(w, &lost)->text, "requeued");
    site_wait_for_node(w, "seoul2", 1, 0, "down");
    site_daemon("start", "seoul2");
    site_wait_for_node(w, "seoul2", 0, 0, "");
    CHECK_TEXT(site_file(w, "low"), "started\n");
    CHECK_TEXT(site_file(w, "lost"), "started\n");
    site_free(w);
}
