/* SPDX-License-Identifier: Apache-2.0 */
/* The Slurm engine over real daemons: launches, and each way in which Slurm tells an end. */
#include "slurm_site.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"

TEST(start_and_end_with_the_exit_code)
{
    struct site *w = site_new();
    struct site_spec s;

    site_shell(w, &s,
               "echo hello \"$1\" $SLURM_JOB_NAME $DAERO_JOB_ID $DAERO_NODELIST; id -un; exit 7\n");
    s.launch.argv = (const char *const[]){"it's"};
    s.launch.argv_count = 1;
    site_launch(w, &s);
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(site_end(w, &s)->exit_code, 7);
    CHECK(site_find(w, 0, s.launch.job.v, 1, DR_REPORT_STARTED) != NULL);
    CHECK_TEXT(site_file(w, "out"), "hello it's train 1 seoul1\nnobody\n");
    CHECK_EQ(w->engine->operations->forget(w->engine, s.launch.job, 1), DR_OK);
    CHECK_EQ(w->engine->operations->forget(w->engine, s.launch.job, 1), DR_E_MISSING);
    site_free(w);
}

TEST(completed)
{
    struct site *w = site_new();
    const char *const argv[] = {"/bin/true"};
    struct site_spec s;

    site_argv(w, &s, argv, 1);
    site_launch(w, &s);
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(site_end(w, &s)->exit_code, 0);
    site_free(w);
}

/* How ends are told: each is something that Slurm itself says of a job. */

TEST(a_signal_is_told_as_a_signal)
{
    struct site *w = site_new();
    struct site_spec s, usr;

    /* Slurm calls the first a JobLaunchFailure */
    site_shell(w, &s, "kill -SEGV $$\n");
    site_launch(w, &s);
    site_shell(w, &usr, "kill -USR2 $$\n");
    site_launch(w, &usr);
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_SIGNALLED);
    CHECK_EQ(site_end(w, &s)->signal, SIGSEGV);
    CHECK_EQ(site_end(w, &usr)->outcome, DR_OUTCOME_SIGNALLED);
    CHECK_EQ(site_end(w, &usr)->signal, SIGUSR2);
    site_free(w);
}

TEST(what_can_not_be_launched)
{
    struct site *w = site_new();
    struct site_spec s, interpreter, node, shape;

    site_shell(w, &s, "exit 0\n");
    s.launch.output = "/nowhere/at/all";
    site_launch(w, &s);
    site_shell(w, &interpreter, "exit 0\n");
    interpreter.launch.script = "#!/no/such/interpreter\n";
    interpreter.launch.script_bytes = (uint32_t)strlen(interpreter.launch.script);
    site_launch(w, &interpreter);
    site_shell(w, &node, "exit 0\n");
    node.nodes[0].name = "seoul99";
    site_launch(w, &node);
    site_shell(w, &shape, "exit 0\n");
    shape.launch.accelerators_per_task = SITE_GPUS + 1;
    shape.nodes[0].accelerators = 1;
    site_launch(w, &shape);
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_LAUNCH_FAILED);
    CHECK_HAS(site_end(w, &s)->text, "4021");
    CHECK_EQ(site_end(w, &interpreter)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(site_end(w, &interpreter)->exit_code, 2);
    CHECK_EQ(site_end(w, &node)->outcome, DR_OUTCOME_LAUNCH_FAILED);
    CHECK_HAS(site_end(w, &node)->text, "Invalid node name");
    CHECK_EQ(site_end(w, &shape)->outcome, DR_OUTCOME_LAUNCH_FAILED);
    CHECK_HAS(site_end(w, &shape)->text, "2014");
    site_free(w);
}

TEST(cancelled_by_the_sites_operator)
{
    struct site *w = site_new();
    struct site_spec s;

    site_shell(w, &s, "echo up >up; sleep 100\n");
    site_launch(w, &s);
    site_wait_for_file(w, "up", "up");
    site_command("scancel $(squeue -h -o %%A)");
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_STOPPED);
    CHECK_HAS(site_end(w, &s)->text, "not by Daero");
    site_free(w);
}

TEST(its_time_limit_is_kept_exactly)
{
    struct site *w = site_new();
    struct site_spec s;
    const struct dr_report *started;

    site_shell(w, &s,
               "trap 'echo warned >>said' USR1; trap 'echo term >>said' TERM\n"
               "while :; do sleep 0.05; done\n");
    s.launch.limit_us = 3 * DR_SECOND_US;
    s.launch.warn_signal = SIGUSR1;
    s.launch.warn_before_us = 2 * DR_SECOND_US;
    s.launch.grace_us = DR_SECOND_US;
    site_launch(w, &s);
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_TIMED_OUT);
    started = site_find(w, 0, s.launch.job.v, 1, DR_REPORT_STARTED);
    CHECK(started != NULL);
    CHECK(site_end(w, &s)->time_us - started->time_us >= 3 * DR_SECOND_US);
    /* Slurm's own kill begins with another SIGTERM */
    CHECK_HAS(site_file(w, "said"), "warned\nterm\n");
    site_free(w);
}

TEST(stop_warns_script_and_steps_then_kills)
{
    struct site *w = site_new();
    struct site_spec s, stubborn;

    site_shell(w, &s,
               "srun sh -c 'trap \"echo step >>said; exit 0\" USR1; echo up >up; while :; do sleep "
               "0.05; done' &\n"
               "trap 'echo script >>said; wait; exit 5' USR1\nwait\n");
    site_launch(w, &s);
    site_shell(w, &stubborn, "trap '' TERM; echo up >deaf; while :; do sleep 0.05; done\n");
    site_launch(w, &stubborn);
    site_wait_for_file(w, "up", "up");
    site_wait_for_file(w, "deaf", "up");
    site_wait(w, 0, s.launch.job.v, 1, DR_REPORT_STARTED);
    CHECK_EQ(w->engine->operations->stop(w->engine, s.launch.job, 1, SIGUSR1, 20 * DR_SECOND_US),
             DR_OK);
    CHECK_EQ(w->engine->operations->stop(w->engine, stubborn.launch.job, 1, 0, DR_SECOND_US / 2),
             DR_OK);
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_STOPPED);
    CHECK_EQ(site_end(w, &s)->exit_code, 5);
    CHECK_HAS(site_file(w, "said"), "script");
    CHECK_HAS(site_file(w, "said"), "step");
    CHECK_EQ(site_end(w, &stubborn)->outcome, DR_OUTCOME_STOPPED);
    CHECK_EQ(site_end(w, &stubborn)->signal, SIGKILL);
    site_free(w);
}

TEST(stop_of_what_has_not_begun)
{
    struct site *w = site_new();
    struct site_spec s, never;

    site_shell(w, &s, "exit 0\n");
    s.launch.partition = "batch";
    s.launch.cpus_per_task_milli = 1000;
    site_command("scontrol update partitionname=batch state=down");
    site_launch(w, &s);
    site_step(w, dr_monotonic_us() + 100000);
    CHECK_EQ(w->engine->operations->stop(w->engine, s.launch.job, 1, 0, 10 * DR_SECOND_US), DR_OK);
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_STOPPED);
    CHECK(site_find(w, 0, s.launch.job.v, 1, DR_REPORT_STARTED) == NULL);
    site_command("scontrol update partitionname=batch state=up");

    site_shell(w, &never, "echo ran >ran\n");
    CHECK_EQ(w->engine->operations->stop(w->engine, never.launch.job, 1, 0, 0), DR_E_MISSING);
    {
        struct dr_error error = {0};

        CHECK_EQ(w->engine->operations->launch(w->engine, &never.launch, &error), DR_E_INPUT);
    }
    site_free(w);
}

TEST(a_gang_over_two_nodes_with_accelerators)
{
    struct site *w = site_new();
    const char *const argv[] = {
        "/bin/sh", "-c",
        "echo $DAERO_TASK_ID/$WORLD_SIZE $LOCAL_RANK/$LOCAL_WORLD_SIZE $NODE_RANK "
        "$SLURMD_NODENAME gpus=$(echo $DAERO_VISIBLE_DEVICES | tr , ' ' | wc -w) $MASTER_ADDR "
        ">task-$RANK"};
    struct site_spec s;

    site_argv(w, &s, argv, 3);
    s.launch.nodes_count = 2;
    s.nodes[0].tasks = 2;
    s.nodes[0].accelerators = 0xf;
    s.nodes[1].accelerators = 0x3;
    s.launch.tasks = 3;
    s.launch.accelerators_per_task = 2;
    s.launch.chip = "h200";
    site_launch(w, &s);
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_EXITED);
    CHECK_TEXT(site_file(w, "out"), "");
    CHECK_EQ(site_end(w, &s)->exit_code, 0);
    CHECK_TEXT(site_file(w, "task-0"), "0/3 0/2 0 seoul1 gpus=2 seoul1\n");
    CHECK_TEXT(site_file(w, "task-1"), "1/3 1/2 0 seoul1 gpus=2 seoul1\n");
    CHECK_TEXT(site_file(w, "task-2"), "2/3 0/1 1 seoul2 gpus=2 seoul1\n");
    site_free(w);
}

TEST(one_failing_task_ends_the_gang_and_a_script_may_run_per_task)
{
    struct site *w = site_new();
    struct site_spec s;

    site_shell(
        w, &s,
        "echo $RANK $1 >task-$RANK; [ $RANK = 1 ] && kill -ABRT $$; [ $RANK = 2 ] && sleep 60\n");
    s.launch.run_every_task = 1;
    s.launch.tasks = 3;
    s.nodes[0].tasks = 3;
    s.launch.argv = (const char *const[]){"a 'b' \"c\""};
    s.launch.argv_count = 1;
    s.launch.output = "out-%j-%t";
    site_launch(w, &s);
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_SIGNALLED);
    CHECK_TEXT(site_file(w, "task-0"), "0 a 'b' \"c\"\n");
    CHECK_TEXT(site_file(w, "task-2"), "2 a 'b' \"c\"\n");
    {
        char name[64];

        snprintf(name, sizeof name, "out-%llu-0", (unsigned long long)s.launch.job.v);
        CHECK_HAS(site_file(w, name), "CANCELLED"); /* by Slurm, once another has failed */
    }
    site_free(w);
}
