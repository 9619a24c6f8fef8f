/* SPDX-License-Identifier: Apache-2.0 */
/* The local engine with real processes. Controllers, launchers and shims that die, and what goes on
 * without them. */
#include "machine.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "engine/attempt.h"
#include "test.h"

static int file_has(const char *path, const char *text, size_t bytes)
{
    struct dr_buffer buffer;
    int has;

    dr_buffer_init(&buffer, 1 << 20);
    has = dr_buffer_read_file(&buffer, path) == DR_OK && buffer.length >= bytes &&
          memmem(buffer.data, buffer.length, text, bytes) != NULL;
    dr_buffer_deinit(&buffer);
    return has;
}

/* Our child with the data directory among its arguments; shims have the same, and another parent.
 */
static pid_t launcher_of(struct machine *w)
{
    DIR *directory = opendir("/proc");
    struct dirent *entry;
    pid_t found = 0;
    char parent[32];

    CHECK(directory != NULL);
    snprintf(parent, sizeof parent, "PPid:\t%d\n", getpid());
    while ((entry = readdir(directory)) != NULL) {
        char arguments[300], status[300];

        snprintf(arguments, sizeof arguments, "/proc/%s/cmdline", entry->d_name);
        snprintf(status, sizeof status, "/proc/%s/status", entry->d_name);
        if (file_has(arguments, w->data, strlen(w->data) + 1) &&
            file_has(status, parent, strlen(parent)))
            found = (pid_t)strtol(entry->d_name, NULL, 10);
    }
    closedir(directory);
    return found;
}

TEST(the_launcher_may_die_at_any_moment)
{
    struct machine *w = machine_new();
    struct machine_spec s;
    pid_t first;

    machine_shell(w, &s, 1, "echo 1 >>starts; while [ ! -e go ]; do sleep 0.01; done; exit 3\n");
    machine_launch(w, &s);
    machine_wait(w, 0, 1, 1, DR_REPORT_STARTED);
    first = launcher_of(w);
    CHECK(first > 0);
    CHECK_EQ(kill(first, SIGKILL), 0);
    /* these reach a socket whose reader is gone, or one that nobody reads any more */
    for (uint64_t job = 2; job <= 5; job += 1) {
        machine_shell(w, &s, job, "echo %d >>starts\n", (int)job);
        machine_launch(w, &s);
    }
    for (uint64_t job = 2; job <= 5; job += 1)
        CHECK_EQ(machine_end(w, job, 1)->outcome, DR_OUTCOME_EXITED);
    CHECK(launcher_of(w) != first);
    {
        char path[MACHINE_PATH_BYTES];

        snprintf(path, sizeof path, "%s/go", w->work);
        close(open(path, O_CREAT | O_WRONLY, 0644));
    }
    CHECK_EQ(machine_end(w, 1, 1)->exit_code, 3);
    CHECK_EQ(strlen(machine_work_file(w, "starts")), 10);
    machine_free(w);
}

/* A shim that does not answer is killed some time after the grace, and its tree with it. */
TEST(a_frozen_shim_is_ended)
{
    struct machine *w = machine_new();
    struct machine_spec s;

    machine_shell(w, &s, 1, "sleep 300\n");
    machine_launch(w, &s);
    machine_wait(w, 0, 1, 1, DR_REPORT_STARTED);
    CHECK_EQ(kill(machine_shim_of(w, 1, 1), SIGSTOP), 0);
    CHECK_EQ(w->engine->operations->stop(w->engine, s.launch.job, 1, 0, 0), DR_OK);
    CHECK_EQ(machine_end(w, 1, 1)->outcome, DR_OUTCOME_STOPPED);
    machine_free(w);
}

/* Before a reboot: whatever ran then does not now, and what may have run is not started again. */
TEST(attempts_of_an_earlier_boot)
{
    struct machine *w = machine_new();
    struct dr_buffer order;
    struct machine_spec s;
    char path[MACHINE_PATH_BYTES];
    uint64_t mark[2] = {12345, 1};
    int fd;

    machine_shut(w);
    machine_shell(w, &s, 1, "echo ran >>ran\n");
    dr_buffer_init(&order, DR_ORDER_BYTES_MAX);
    CHECK_EQ(dr_order_encode(&order, &s.launch, dr_boot_hash() + 1), DR_OK);
    snprintf(path, sizeof path, "%s/attempts/1.1", w->data);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(dr_record_append(fd, DR_RECORD_ORDER, order.data, order.length), DR_OK);
    close(fd);
    dr_buffer_deinit(&order);
    /* an order that was not written whole was never promised */
    snprintf(path, sizeof path, "%s/attempts/2.1", w->data);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    CHECK_EQ(write(fd, "\1\0\0\0", 4), 4);
    close(fd);
    snprintf(path, sizeof path, "%s/attempts/boot", w->data);
    fd = open(path, O_WRONLY);
    CHECK_EQ(write(fd, mark, sizeof mark), sizeof mark);
    close(fd);

    w->options.epoch = 5;
    machine_open(w);
    CHECK_EQ(machine_end(w, 1, 1)->outcome, DR_OUTCOME_NODE_FAILED);
    /* decided before the machine went down, and its file was lost with it */
    machine_shell(w, &s, 3, "echo ran >>ran\n");
    s.launch.epoch = 4;
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 3, 1)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_TEXT(machine_work_file(w, "ran"), "");
    s.launch.job.v = 2;
    s.launch.epoch = 5;
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 2, 1)->outcome, DR_OUTCOME_EXITED);
    CHECK_TEXT(machine_work_file(w, "ran"), "ran\n");
    machine_free(w);
}

/* A controller that comes and goes while many jobs start and end. */
TEST(many_jobs_and_a_controller_that_comes_and_goes)
{
    enum { JOBS = 120 };
    struct machine *w = machine_new();
    int64_t until_us = dr_monotonic_us() + 4 * MACHINE_WAIT_US;
    uint64_t next = 1;
    uint32_t ended = 0;
    uint8_t seen[JOBS + 1] = {0};
    struct machine_spec s;

    for (uint32_t round = 0; ended < JOBS; round += 1) {
        CHECK(dr_monotonic_us() < until_us);
        for (int i = 0; i < 10 && next <= JOBS; i += 1, next += 1) {
            machine_shell(w, &s, next, "echo $DAERO_JOB_ID >>starts\n");
            s.launch.output = "/dev/null";
            machine_launch(w, &s);
        }
        /* at another point each time */
        for (uint32_t i = 0; i < round % 5; i += 1)
            machine_step(w, dr_monotonic_us() + 3000);
        machine_shut(w);
        machine_open(w);
        if (next > JOBS)
            machine_step(w, dr_monotonic_us() + 20000);
        for (uint32_t i = 0; i < w->reports_count; i += 1) {
            const struct dr_report *report = &w->reports[i];

            if (report->kind != DR_REPORT_ENDED)
                continue;
            if (report->outcome != DR_OUTCOME_EXITED || report->exit_code != 0)
                fail_msg("job %" PRIu64 ": %s %s", report->job.v, dr_outcome_name(report->outcome),
                         report->text);
            /* told again until it is forgotten */
            if (!seen[report->job.v])
                ended += 1;
            seen[report->job.v] = 1;
            w->engine->operations->forget(w->engine, report->job, report->attempt);
        }
        w->reports_count = 0;
    }
    CHECK_EQ(strlen(machine_work_file(w, "starts")), 9 * 2 + 90 * 3 + 21 * 4);
    w->cgroups_left = 1; /* of shims whose launcher ended as they began */
    machine_free(w);
}

/* The controller is killed at some moment of a launch; the next one finds out what became of it. */
TEST(a_killed_controller_loses_and_doubles_nothing)
{
    enum { ROUNDS = 12, JOBS = 8 };
    struct machine *w = machine_new();
    char expected[2000] = "";
    struct machine_spec s;

    machine_shut(w);
    for (uint64_t round = 0; round < ROUNDS; round += 1) {
        pid_t controller = fork();

        if (controller == 0) {
            struct dr_error error = {0};

            if (dr_local_open(&w->engine, &w->options, &error) != DR_OK)
                _exit(1);
            for (uint64_t i = 1; i <= JOBS; i += 1) {
                machine_shell(w, &s, round * JOBS + i, "echo $DAERO_JOB_ID >>starts\n");
                s.launch.output = "/dev/null";
                if (w->engine->operations->launch(w->engine, &s.launch, &error) != DR_OK)
                    _exit(1);
            }
            for (;;)
                pause();
        }
        CHECK(controller > 0);
        /* later in each round: before its launcher is up, amid the launches, after them */
        usleep((useconds_t)(round * 2500));
        CHECK_EQ(kill(controller, SIGKILL), 0);
        CHECK_EQ(waitpid(controller, NULL, 0), controller);
    }
    w->reports_count = 0;
    machine_open(w);
    /* as a controller does that has durable facts: each is launched again, whatever became of it */
    for (uint64_t job = 1; job <= ROUNDS * JOBS; job += 1) {
        machine_shell(w, &s, job, "echo $DAERO_JOB_ID >>starts\n");
        s.launch.output = "/dev/null";
        machine_launch(w, &s);
    }
    for (uint64_t job = 1; job <= ROUNDS * JOBS; job += 1) {
        if (machine_end(w, job, 1)->outcome != DR_OUTCOME_EXITED)
            fail_msg("job %" PRIu64 ": %s %s", job,
                     dr_outcome_name(machine_end(w, job, 1)->outcome),
                     machine_end(w, job, 1)->text);
        CHECK_EQ(machine_end(w, job, 1)->exit_code, 0);
        CHECK_EQ(w->engine->operations->forget(w->engine, (dr_job_id){job}, 1), DR_OK);
    }
    snprintf(expected, sizeof expected, "%s", machine_work_file(w, "starts"));
    for (uint64_t job = 1; job <= ROUNDS * JOBS; job += 1) {
        uint32_t times = 0;
        char line[32];

        snprintf(line, sizeof line, "%" PRIu64 "\n", job);
        for (const char *at = expected; (at = strstr(at, line)) != NULL; at += strlen(line))
            times += at == expected || at[-1] == '\n';
        CHECK_EQ(times, 1);
    }
    w->cgroups_left = 1;
    machine_free(w);
}

/* A controller that has forked (for a forecast) leaves its descriptors open in the copy when it
 * dies; its launcher goes all the same, and the next controller can begin. */
TEST(a_killed_controller_whose_copy_lives_on)
{
    struct machine *w = machine_new();
    pid_t controller, copy = 0;
    int64_t began_us;
    int ends[2];

    machine_shut(w);
    CHECK_EQ(pipe(ends), 0);
    controller = fork();
    if (controller == 0) {
        struct dr_error error = {0};
        pid_t forked;

        if (dr_local_open(&w->engine, &w->options, &error) != DR_OK)
            _exit(1);
        forked = fork();
        if (forked > 0 && write(ends[1], &forked, sizeof forked) != sizeof forked)
            _exit(1);
        for (;;)
            pause();
    }
    CHECK_EQ(read(ends[0], &copy, sizeof copy), sizeof copy);
    CHECK_EQ(kill(controller, SIGKILL), 0);
    CHECK_EQ(waitpid(controller, NULL, 0), controller);
    began_us = dr_monotonic_us();
    machine_open(w);
    CHECK(dr_monotonic_us() - began_us < 5 * DR_SECOND_US);
    CHECK_EQ(kill(copy, SIGKILL), 0);
    close(ends[0]);
    close(ends[1]);
    machine_free(w);
}
