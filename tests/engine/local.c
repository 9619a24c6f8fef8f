/* SPDX-License-Identifier: Apache-2.0 */
/* The local engine with real processes. What a job sees and leaves behind, and how it ends. */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

TEST(start_and_end_with_the_exit_code)
{
    struct machine *w = machine_new();
    const struct dr_report *started, *ended;
    struct machine_spec s;

    machine_shell(w, &s, 1, "echo hello $1; exit 7\n");
    s.launch.argv = (const char *const[]){"there"};
    s.launch.argv_count = 1;
    machine_launch(w, &s);
    ended = machine_end(w, 1, 1);
    started = machine_find(w, 0, 1, 1, DR_REPORT_STARTED);
    if (started == NULL)
        fail_msg("%s", ended->text);
    CHECK_EQ(ended->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(ended->exit_code, 7);
    CHECK(ended->time_us >= started->time_us);
    CHECK_TEXT(machine_work_file(w, "out"), "hello there\n");
    CHECK_EQ(w->engine->operations->forget(w->engine, s.launch.job, 1), DR_OK);
    CHECK_EQ(w->engine->operations->forget(w->engine, s.launch.job, 1), DR_E_MISSING);
    machine_free(w);
}

TEST(end_by_a_signal)
{
    struct machine *w = machine_new();
    struct machine_spec s;

    machine_shell(w, &s, 1, "kill -USR2 $$\n");
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 1, 1)->outcome, DR_OUTCOME_SIGNALLED);
    CHECK_EQ(machine_end(w, 1, 1)->signal, SIGUSR2);
    machine_free(w);
}

static void keep_last(void *context, const struct dr_engine_attempt *attempt)
{
    *(struct dr_engine_attempt *)context = *attempt;
}

TEST(reopened_while_it_runs_and_after_its_end)
{
    struct machine *w = machine_new();
    struct machine_spec s;

    /* the file is the judge: one line per real start */
    machine_shell(w, &s, 1,
                  "echo started >>starts; while [ ! -e go ]; do sleep 0.01; done; exit 3\n");
    machine_launch(w, &s);
    machine_wait(w, 0, 1, 1, DR_REPORT_STARTED);
    machine_wait_for_file(w, "starts");
    machine_shut(w);
    w->reports_count = 0;
    machine_open(w);
    machine_launch(w, &s);
    machine_wait(w, 0, 1, 1, DR_REPORT_STARTED);
    CHECK(machine_find(w, 0, 1, 1, DR_REPORT_ENDED) == NULL);
    machine_shut(w);

    /* it ends while no controller is there */
    {
        char path[MACHINE_PATH_BYTES];
        int64_t until_us = dr_monotonic_us() + MACHINE_WAIT_US;
        pid_t shim = machine_shim_of(w, 1, 1);

        snprintf(path, sizeof path, "%s/go", w->work);
        close(open(path, O_CREAT | O_WRONLY, 0644));
        while (kill(shim, 0) == 0 && dr_monotonic_us() < until_us)
            usleep(1000);
    }
    w->reports_count = 0;
    machine_open(w);
    {
        struct dr_engine_attempt told = {0};

        /* known at once, before any report was taken */
        CHECK_EQ(w->engine->operations->list(w->engine, keep_last, &told), DR_OK);
        CHECK_EQ(told.job.v, 1);
        CHECK_EQ(told.ended, 1);
    }
    CHECK_EQ(machine_end(w, 1, 1)->exit_code, 3);
    CHECK_EQ(machine_count(w, 1, 1, DR_REPORT_ENDED), 1);
    machine_launch(w, &s);
    machine_wait(w, w->reports_count, 1, 1, DR_REPORT_ENDED);
    CHECK_TEXT(machine_work_file(w, "starts"), "started\n");
    CHECK_EQ(w->engine->operations->forget(w->engine, s.launch.job, 1), DR_OK);
    machine_shut(w);
    w->reports_count = 0;
    machine_open(w);
    machine_step(w, dr_monotonic_us() + 50000);
    CHECK_EQ(w->reports_count, 0);
    machine_free(w);
}

TEST(stop_and_grace)
{
    struct machine *w = machine_new();
    struct machine_spec s;

    machine_shell(w, &s, 1,
                  "trap 'echo leaving; exit 5' TERM; echo up >up; while :; do sleep 0.01; done\n");
    machine_launch(w, &s);
    machine_wait_for_file(w, "up");
    CHECK_EQ(w->engine->operations->stop(w->engine, s.launch.job, 1, 0, 10 * DR_SECOND_US), DR_OK);
    CHECK_EQ(machine_end(w, 1, 1)->outcome, DR_OUTCOME_STOPPED);
    CHECK_EQ(machine_end(w, 1, 1)->exit_code, 5);
    CHECK_HAS(machine_work_file(w, "out"), "leaving");
    machine_free(w);
}

TEST(stop_of_one_that_ignores_it)
{
    struct machine *w = machine_new();
    struct machine_spec s;
    int64_t began_us;

    machine_shell(w, &s, 1, "trap '' TERM; echo up >up; while :; do sleep 100; done\n");
    machine_launch(w, &s);
    machine_wait_for_file(w, "up");
    began_us = dr_monotonic_us();
    CHECK_EQ(w->engine->operations->stop(w->engine, s.launch.job, 1, 0, DR_HOUR_US), DR_OK);
    /* a shorter grace holds */
    CHECK_EQ(w->engine->operations->stop(w->engine, s.launch.job, 1, 0, DR_SECOND_US / 5), DR_OK);
    CHECK_EQ(machine_end(w, 1, 1)->outcome, DR_OUTCOME_STOPPED);
    CHECK_EQ(machine_end(w, 1, 1)->signal, SIGKILL);
    CHECK(dr_monotonic_us() - began_us >= DR_SECOND_US / 5);
    machine_free(w);
}

TEST(stop_before_launch_refuses_it_for_ever)
{
    struct machine *w = machine_new();
    struct dr_error error = {0};
    struct machine_spec s;

    machine_shell(w, &s, 1, "echo ran >ran\n");
    CHECK_EQ(w->engine->operations->stop(w->engine, s.launch.job, 1, 0, 0), DR_E_MISSING);
    CHECK_EQ(w->engine->operations->launch(w->engine, &s.launch, &error), DR_E_INPUT);
    machine_shut(w);
    machine_open(w);
    CHECK_EQ(w->engine->operations->launch(w->engine, &s.launch, &error), DR_E_INPUT);
    CHECK_EQ(w->engine->operations->stop(w->engine, s.launch.job, 1, 0, 0), DR_E_MISSING);
    s.launch.attempt = 2;
    machine_launch(w, &s);
    machine_end(w, 1, 2);
    CHECK_EQ(machine_count(w, 1, 1, DR_REPORT_STARTED), 0);
    machine_free(w);
}

/* A process that double-forks, leaves its session, closes its files and renames itself. */
#define FORK_AWAY                                                                                 \
    "for i in 1 2 3; do (setsid sh -c '(exec 0<&- 1>&- 2>&-; sleep 300) & (sleep 301 &) &' &) ; " \
    "done\n"

TEST(nothing_survives_an_end)
{
    struct machine *w = machine_new();
    struct machine_spec s;
    char mark[64], go[MACHINE_PATH_BYTES];

    snprintf(mark, sizeof mark, "ENGINE_TEST_MARK=%d.survives", getpid());
    machine_shell(w, &s, 1, FORK_AWAY "echo up >up; while [ ! -e go ]; do sleep 0.01; done\n");
    s.launch.environment = (const char *const[]){mark};
    s.launch.environment_count = 1;
    machine_launch(w, &s);
    machine_wait_for_file(w, "up");
    machine_wait_for_marked(mark, 7);
    snprintf(go, sizeof go, "%s/go", w->work);
    close(open(go, O_CREAT | O_WRONLY, 0644));
    CHECK_EQ(machine_end(w, 1, 1)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(machine_count_marked(mark), 0);
    machine_free(w);
}

TEST(a_lost_shim_takes_the_tree_with_it)
{
    struct machine *w = machine_new();
    struct machine_spec s;
    char mark[64];

    snprintf(mark, sizeof mark, "ENGINE_TEST_MARK=%d.lost", getpid());
    machine_shell(w, &s, 1, FORK_AWAY "echo up >up; sleep 300\n");
    s.launch.environment = (const char *const[]){mark};
    s.launch.environment_count = 1;
    machine_launch(w, &s);
    machine_wait_for_file(w, "up");
    machine_wait_for_marked(mark, 7);
    CHECK_EQ(kill(machine_shim_of(w, 1, 1), SIGKILL), 0);
    CHECK_EQ(machine_end(w, 1, 1)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_EQ(machine_count_marked(mark), 0);
    CHECK_EQ(machine_count(w, 1, 1, DR_REPORT_ENDED), 1);
    machine_free(w);
}

TEST(the_time_limit_warns_then_ends)
{
    struct machine *w = machine_new();
    struct machine_spec s;

    machine_shell(w, &s, 1,
                  "trap 'echo warned' USR1; trap 'echo told' TERM\n"
                  "while :; do sleep 0.01; done\n");
    s.launch.limit_us = DR_SECOND_US;
    s.launch.warn_signal = SIGUSR1;
    s.launch.warn_before_us = DR_SECOND_US / 2;
    s.launch.grace_us = DR_SECOND_US / 5;
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 1, 1)->outcome, DR_OUTCOME_TIMED_OUT);
    CHECK_HAS(machine_work_file(w, "out"), "warned\n");
    CHECK_HAS(strstr(machine_work_file(w, "out"), "warned\n"), "told\n");
    CHECK(machine_end(w, 1, 1)->time_us - machine_find(w, 0, 1, 1, DR_REPORT_STARTED)->time_us >=
          s.launch.limit_us + s.launch.grace_us);
    machine_free(w);
}

TEST(memory_over_the_limit)
{
    struct machine *w = machine_new();
    struct machine_spec s;

    if (strstr(w->engine->operations->describe(w->engine), "memory") == NULL ||
        strstr(w->engine->operations->describe(w->engine), "no cgroup") != NULL) {
        machine_free(w);
        SKIP_TEST("no memory cgroup here");
    }
    machine_shell(w, &s, 1, "head -c 200000000 /dev/zero | tail -c 199999999 >/dev/null\n");
    s.launch.memory_mb_per_task = 48;
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 1, 1)->outcome, DR_OUTCOME_OUT_OF_MEMORY);
    CHECK(machine_end(w, 1, 1)->memory_mb_peak >= 40);
    CHECK(machine_end(w, 1, 1)->memory_mb_peak <= 48);
    machine_free(w);
}

/* As the kernel has them, in either version; the second attempt meets a cgroup that was used. */
TEST(limits_of_the_attempt_as_a_whole)
{
    static const char script[] =
        "of() { sed -n \"s/^[0-9]*:\\([^:]*,\\)\\{0,1\\}$1\\(,[^:]*\\)\\{0,1\\}://p\" "
        "/proc/self/cgroup; }\n"
        "cd /sys/fs/cgroup\n"
        "one=$(sed -n 's/^0::.//p' /proc/self/cgroup)\n"
        "if [ -e $one/cpu.max ]; then cat $one/cpu.max $one/pids.max $one/memory.max; else\n"
        "cat cpu/$(of cpu)/cpu.cfs_quota_us pids/$(of pids)/pids.max "
        "memory/$(of memory)/memory.limit_in_bytes || exit 9; fi\n";
    struct machine *w = machine_new();
    struct machine_spec s;

    machine_shut(w);
    w->options.pids_max = 77;
    machine_open(w);
    for (uint32_t tasks = 1; tasks <= 2; tasks += 1) {
        machine_shell(w, &s, tasks, "%s", script);
        s.launch.cpus_per_task_milli = 1500;
        s.launch.tasks = s.nodes[0].tasks = tasks;
        s.launch.output = tasks == 1 ? "one" : "two";
        machine_launch(w, &s);
        if (machine_end(w, tasks, 1)->exit_code == 9 ||
            strstr(w->engine->operations->describe(w->engine), "memory cpu pids") == NULL) {
            machine_free(w);
            SKIP_TEST("not all controllers are here, or none of them is in sight");
        }
    }
    CHECK_EQ(strncmp(machine_work_file(w, "one"), "150000", 6), 0);
    CHECK_HAS(machine_work_file(w, "one"), "\n77\n268435456\n");
    CHECK_EQ(strncmp(machine_work_file(w, "two"), "300000", 6), 0);
    CHECK_HAS(machine_work_file(w, "two"), "\n77\n536870912\n");
    machine_free(w);
}

TEST(what_cannot_be_launched_says_why)
{
    static const struct {
        const char *script, *output, *directory, *text;
    } cases[] = {
        {"#!/no/such/shell\ntrue\n", "out", NULL, "interpreter '/no/such/shell' is not there"},
        {"#!/bin/sh\r\ntrue\r\n", "out", NULL, "interpreter '/bin/sh\\r' is not there"},
        {"echo no first line\n", "out", NULL, "first line"},
        {"#!/bin/sh\ntrue\n", "no/such/place/out", NULL, "'no/such/place/out' can't be opened"},
        {"#!/bin/sh\ntrue\n", "/proc/version", NULL, "'/proc/version' can't be opened"},
        {"#!/bin/sh\ntrue\n", "out-%q", NULL, "'%q' is none of"},
    };
    struct machine *w = machine_new();
    struct machine_spec s;

    for (uint32_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        machine_shell(w, &s, 1 + i, "true\n");
        s.launch.script = cases[i].script;
        s.launch.script_bytes = (uint32_t)strlen(cases[i].script);
        s.launch.output = cases[i].output;
        machine_launch(w, &s);
        CHECK_EQ(machine_end(w, 1 + i, 1)->outcome, DR_OUTCOME_LAUNCH_FAILED);
        CHECK_HAS(machine_end(w, 1 + i, 1)->text, cases[i].text);
        CHECK_EQ(machine_count(w, 1 + i, 1, DR_REPORT_STARTED), 0);
    }
    machine_shell(w, &s, 50, "true\n");
    s.launch.script = NULL;
    s.launch.argv = (const char *const[]){"no-such-program"};
    s.launch.argv_count = 1;
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 50, 1)->outcome, DR_OUTCOME_LAUNCH_FAILED);
    CHECK_HAS(machine_end(w, 50, 1)->text, "'no-such-program' can't be run: there is no such file");
    machine_free(w);
}

TEST(orders_that_never_can_be_carried_out)
{
    struct machine *w = machine_new();
    struct dr_error error = {0};
    struct machine_spec s;

    machine_shell(w, &s, 1, "true\n");
    s.launch.uid = 0;
    CHECK_EQ(w->engine->operations->launch(w->engine, &s.launch, &error), DR_E_INPUT);
    CHECK_HAS(error.expected, "no job runs as root");
    s.launch.uid = machine_job_uid();
    s.launch.gid = 0;
    CHECK_EQ(w->engine->operations->launch(w->engine, &s.launch, &error), DR_E_INPUT);
    s.launch.gid = MACHINE_USER_ID;
    s.launch.script = NULL;
    CHECK_EQ(w->engine->operations->launch(w->engine, &s.launch, &error), DR_E_INPUT);
    machine_free(w);
}

TEST(a_missing_directory_is_replaced_as_slurm_does)
{
    struct machine *w = machine_new();
    struct machine_spec s;
    char output[MACHINE_PATH_BYTES];

    machine_shell(w, &s, 1, "pwd\n");
    snprintf(output, sizeof output, "%s/out", w->work);
    s.launch.output = output;
    s.launch.directory = "/no/such/directory";
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 1, 1)->exit_code, 0);
    CHECK_TEXT(machine_work_file(w, "out"),
               "daero: can't run in '/no/such/directory'; running in /tmp\n/tmp\n");
    machine_free(w);
}

TEST(output_files)
{
    struct machine *w = machine_new();
    struct machine_spec s;

    machine_shell(w, &s, 12, "echo out-$DAERO_ATTEMPT; echo err-$DAERO_ATTEMPT >&2; cat\n");
    s.launch.name = "a/b";
    s.launch.output = "%j-%x-%u.out";
    s.launch.error = "%%%A_%a.err";
    s.launch.input = "in";
    s.launch.array_job = (dr_job_id){10};
    s.launch.array_index = 2;
    {
        char path[MACHINE_PATH_BYTES];
        int fd;

        snprintf(path, sizeof path, "%s/in", w->work);
        fd = open(path, O_CREAT | O_WRONLY, 0644);
        CHECK_EQ(write(fd, "fed\n", 4), 4);
        close(fd);
    }
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 12, 1)->exit_code, 0);
    CHECK_TEXT(machine_work_file(w, "12-a_b-nobody.out"), "out-1\nfed\n");
    CHECK_TEXT(machine_work_file(w, "%10_2.err"), "err-1\n");
    /* the next attempt goes on in the same files */
    s.launch.attempt = 2;
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 12, 2)->exit_code, 0);
    CHECK_TEXT(machine_work_file(w, "12-a_b-nobody.out"), "out-1\nfed\nout-2\nfed\n");
    machine_free(w);
}

/* A link that its user planted must not make root write where the user may not. */
TEST(output_through_a_link_is_opened_in_the_users_name)
{
    struct machine *w = machine_new();
    struct machine_spec s;
    char link_path[MACHINE_PATH_BYTES], target[MACHINE_PATH_BYTES];
    int fd;

    if (geteuid() != 0) {
        machine_free(w);
        SKIP_TEST("needs root: jobs run as another user then");
    }
    snprintf(target, sizeof target, "%s/roots", w->base);
    snprintf(link_path, sizeof link_path, "%s/out", w->work);
    fd = open(target, O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0);
    close(fd);
    CHECK_EQ(symlink(target, link_path), 0);
    machine_shell(w, &s, 1, "true\n");
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 1, 1)->outcome, DR_OUTCOME_LAUNCH_FAILED);
    CHECK_HAS(machine_end(w, 1, 1)->text, "Permission denied");
    machine_free(w);
}

TEST(a_full_disk_is_the_jobs_own_trouble)
{
    struct machine *w = machine_new();
    struct machine_spec s;
    char full[MACHINE_PATH_BYTES], output[MACHINE_PATH_BYTES + 8];

    machine_shut(
        w); /* where mounts are private, the launcher sees what was there when it started */
    snprintf(full, sizeof full, "%s/full", w->work);
    CHECK_EQ(mkdir(full, 0777), 0);
    if (mount("tmpfs", full, "tmpfs", 0, "size=16k,mode=1777") != 0) {
        free(w);
        SKIP_TEST("needs root: a small disk to fill");
    }
    machine_open(w);
    machine_shell(w, &s, 1, "head -c 100000 /dev/zero; echo status $? >status\n");
    snprintf(output, sizeof output, "%s/out", full);
    s.launch.output = output;
    machine_launch(w, &s);
    machine_end(w, 1, 1);
    umount2(full, MNT_DETACH);
    CHECK_EQ(machine_end(w, 1, 1)->outcome, DR_OUTCOME_EXITED);
    CHECK_TEXT(machine_work_file(w, "status"), "status 1\n");
    machine_free(w);
}

TEST(tasks_and_their_environment)
{
    struct machine *w = machine_new();
    struct machine_spec s;
    const char *text;

    machine_shell(w, &s, 71,
                  "echo $RANK/$WORLD_SIZE $LOCAL_RANK/$LOCAL_WORLD_SIZE $NODE_RANK "
                  "$DAERO_TASK_ID/$DAERO_NTASKS "
                  "$CUDA_VISIBLE_DEVICES $SLURM_PROCID $DAERO_NODELIST $DAERO_SITE $DAERO_CHIP "
                  "$DAERO_JOB_ID.$DAERO_ATTEMPT $MINE $MASTER_ADDR\n");
    s.nodes[0] = (struct dr_launch_node){.name = "a", .tasks = 2, .accelerators = 0xf0};
    s.nodes[1] = (struct dr_launch_node){.name = "b", .tasks = 1, .accelerators = 0x3};
    s.launch.nodes_count = 2;
    s.launch.tasks = 3;
    s.launch.run_every_task = 1;
    s.launch.accelerators_per_task = 2;
    s.launch.chip = "h200";
    s.launch.chip_vendor = "nvidia";
    s.launch.output = "out-%t";
    s.launch.environment = (const char *const[]){"MINE=yes", "RANK=77", "DAERO_SITE=elsewhere"};
    s.launch.environment_count = 3;
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 71, 1)->exit_code, 0);
    text = machine_work_file(w, "out-0");
    CHECK_TEXT(text, "0/3 0/2 0 0/3 4,5 0 a,b here h200 71.1 yes 127.0.0.1\n");
    text = machine_work_file(w, "out-1");
    CHECK_TEXT(text, "1/3 1/2 0 1/3 6,7 1 a,b here h200 71.1 yes 127.0.0.1\n");
    text = machine_work_file(w, "out-2");
    CHECK_TEXT(text, "2/3 0/1 1 2/3 0,1 2 a,b here h200 71.1 yes 127.0.0.1\n");
    machine_free(w);
}

/* The tasks find each other through MASTER_ADDR and MASTER_PORT and add up their ranks. */
TEST(a_gang_meets_and_computes)
{
    static const char python[] =
        "#!/usr/bin/python3\n"
        "import os, socket, time\n"
        "rank, size = int(os.environ['RANK']), int(os.environ['WORLD_SIZE'])\n"
        "at = (os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT']))\n"
        "if rank == 0:\n"
        "    s = socket.create_server(at)\n"
        "    print(sum(int(s.accept()[0].recv(99)) for i in range(size - 1)))\n"
        "else:\n"
        "    while True:\n"
        "        try:\n"
        "            socket.create_connection(at).send(b'%d' % rank); break\n"
        "        except ConnectionRefusedError: time.sleep(0.01)\n";
    struct machine *w = machine_new();
    struct machine_spec s;

    machine_shell(w, &s, 1, "true\n");
    s.launch.script = python;
    s.launch.script_bytes = sizeof python - 1;
    s.nodes[0].tasks = 4;
    s.launch.tasks = 4;
    s.launch.run_every_task = 1;
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 1, 1)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(machine_end(w, 1, 1)->exit_code, 0);
    CHECK_TEXT(machine_work_file(w, "out"), "6\n");
    machine_free(w);
}

TEST(a_gang_ends_as_a_whole)
{
    struct machine *w = machine_new();
    struct machine_spec s;
    int64_t began_us = dr_monotonic_us();

    machine_shell(w, &s, 1, "if [ $RANK = 1 ]; then exit 4; fi; sleep 300\n");
    s.nodes[0].tasks = 3;
    s.launch.tasks = 3;
    s.launch.run_every_task = 1;
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 1, 1)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(machine_end(w, 1, 1)->exit_code, 4);
    CHECK(dr_monotonic_us() - began_us < 100 * DR_SECOND_US);
    machine_free(w);
}

TEST(checkpoints_are_told_once_each)
{
    struct machine *w = machine_new();
    struct machine_spec s;
    const struct dr_report *first;
    uint32_t from;
    char path[MACHINE_PATH_BYTES];

    machine_shell(w, &s, 1,
                  "cd $DAERO_CHECKPOINT_DIR; ls %s/again 2>/dev/null; echo 1 >state; touch saved\n"
                  "while [ ! -e %s/again ]; do sleep 0.01; done; echo 2 >state; touch saved\n"
                  "while [ ! -e %s/end ]; do sleep 0.01; done; touch saved\n",
                  w->work, w->work, w->work);
    machine_launch(w, &s);
    first = machine_wait(w, 0, 1, 1, DR_REPORT_CHECKPOINT);
    CHECK(machine_find(w, 0, 1, 1, DR_REPORT_STARTED) != NULL);
    from = w->reports_count;
    snprintf(path, sizeof path, "%s/again", w->work);
    close(open(path, O_CREAT | O_WRONLY, 0644));
    CHECK(machine_wait(w, from, 1, 1, DR_REPORT_CHECKPOINT)->time_us > first->time_us);
    machine_shut(w);

    /* told again after a restart, with the same time; and the last one, just before the end, with
     * it */
    from = w->reports_count;
    machine_open(w);
    CHECK(machine_wait(w, from, 1, 1, DR_REPORT_CHECKPOINT)->time_us > first->time_us);
    from = w->reports_count;
    snprintf(path, sizeof path, "%s/end", w->work);
    close(open(path, O_CREAT | O_WRONLY, 0644));
    machine_wait(w, from, 1, 1, DR_REPORT_ENDED);
    CHECK(machine_find(w, from, 1, 1, DR_REPORT_CHECKPOINT) != NULL);
    CHECK_EQ(w->engine->operations->forget(w->engine, s.launch.job, 1), DR_OK);

    /* a later attempt finds what was saved, and the old marker is not its own */
    machine_shell(w, &s, 1, "cat $DAERO_CHECKPOINT_DIR/state\n");
    s.launch.attempt = 2;
    s.launch.output = "second";
    from = w->reports_count;
    machine_launch(w, &s);
    machine_end(w, 1, 2);
    CHECK_TEXT(machine_work_file(w, "second"), "2\n");
    CHECK_EQ(machine_count(w, 1, 2, DR_REPORT_CHECKPOINT), 0);

    /* the job is over */
    CHECK_EQ(dr_local_drop_checkpoints(w->engine, s.launch.job), DR_OK);
    CHECK_EQ(dr_local_drop_checkpoints(w->engine, s.launch.job), DR_E_MISSING);
    {
        int64_t until_us = dr_monotonic_us() + MACHINE_WAIT_US;

        snprintf(path, sizeof path, "%s/checkpoints/.dropped-1", w->data);
        while (access(path, F_OK) == 0 && dr_monotonic_us() < until_us)
            usleep(1000);
        CHECK(access(path, F_OK) != 0);
    }
    machine_free(w);
}

/* Run one of the tests above where no namespaces can be made. */
static void run_without_namespaces(const char *test)
{
    int status = 1;
    pid_t child = fork();

    if (child == 0) {
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        int null = open("/dev/null", O_WRONLY);

        if (filter == NULL || null < 0 ||
            seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 0) != 0 ||
            seccomp_load(filter) != 0)
            _exit(99);
        dup2(null, 1);
        execl("/proc/self/exe", "local", test, (char *)NULL);
        _exit(98);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    if (status != 0)
        fail_msg("%s fails without namespaces: %d", test, status);
}

TEST(where_no_namespaces_can_be_made)
{
    run_without_namespaces("start_and_end");
    run_without_namespaces("reopened");
    run_without_namespaces("stop_and_grace");
    run_without_namespaces("stop_of_one");
    run_without_namespaces("nothing_survives");
    run_without_namespaces("a_lost_shim");
    run_without_namespaces("a_gang_ends");
    run_without_namespaces("output_files");
}
