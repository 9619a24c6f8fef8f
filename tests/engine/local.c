/* SPDX-License-Identifier: Apache-2.0 */
/* The local engine with real processes: what a job sees, how it ends, and what is left of it. */
#include "engine/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "engine/attempt.h"
#include "test.h"

#define USER_ID   65534u
#define REPORTS   64
#define WAIT_US   (20 * DR_SECOND_US)
#define NAME_MAX_ 512

/* ---- a small world: an engine over a new directory, and what it has reported ---- */

struct world {
    char base[200]; /* both of these are in it */
    char data[220]; /* the controller's */
    char work[220]; /* the job's */
    struct dr_local_options options;
    struct dr_engine *engine;
    struct dr_report reports[4096];
    uint32_t reports_count;
};

static uint32_t job_uid(void)
{
    return geteuid() == 0 ? USER_ID : geteuid();
}

static const char *shim_path(void)
{
    static char path[4096];
    ssize_t bytes = readlink("/proc/self/exe", path, sizeof path - 64);

    CHECK(bytes > 0);
    path[bytes] = 0;
    for (int i = 0; i < 3; i += 1)
        *strrchr(path, '/') = 0;
    memcpy(path + strlen(path), "/daero-shim", sizeof "/daero-shim");
    return path;
}

static void world_open(struct world *w)
{
    struct dr_error error = {0};
    char line[1200];

    if (dr_local_open(&w->engine, &w->options, &error) != DR_OK)
        fail_msg("%s", dr_error_line(&error, line, sizeof line));
}

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);

    CHECK(w != NULL);
    snprintf(w->base, sizeof w->base, "%s", test_directory());
    snprintf(w->data, sizeof w->data, "%s/data", w->base);
    snprintf(w->work, sizeof w->work, "%s/work", w->base);
    CHECK_EQ(mkdir(w->data, 0755), 0);
    CHECK_EQ(mkdir(w->work, 0777), 0);
    CHECK_EQ(chmod(w->work, 0777), 0);
    w->options = (struct dr_local_options){.data_directory = w->data, .shim_path = shim_path()};
    world_open(w);
    return w;
}

static void world_shut(struct world *w)
{
    w->engine->operations->close(w->engine);
    w->engine = NULL;
}

static void world_free(struct world *w)
{
    if (w->engine != NULL)
        world_shut(w);
    free(w);
}

/* Wait for the descriptor once, and take what there is. */
static void world_step(struct world *w, int64_t until_us)
{
    const struct dr_engine_operations *engine = w->engine->operations;
    struct pollfd wait = {.fd = engine->descriptor(w->engine), .events = POLLIN};
    int64_t left_us = until_us - dr_monotonic_us();

    poll(&wait, 1, left_us < 0 ? 0 : (int)(left_us / 1000) + 1);
    CHECK(w->reports_count + REPORTS < DR_COUNT_OF(w->reports));
    w->reports_count += engine->poll(w->engine, w->reports + w->reports_count, REPORTS);
}

static const struct dr_report *world_find(struct world *w, uint32_t from, uint64_t job,
                                          uint32_t attempt, enum dr_report_kind kind)
{
    for (uint32_t i = from; i < w->reports_count; i += 1)
        if (w->reports[i].job.v == job && w->reports[i].attempt == attempt &&
            w->reports[i].kind == kind)
            return &w->reports[i];
    return NULL;
}

static uint32_t world_count(struct world *w, uint64_t job, uint32_t attempt,
                            enum dr_report_kind kind)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < w->reports_count; i += 1)
        count += w->reports[i].job.v == job && w->reports[i].attempt == attempt &&
                 w->reports[i].kind == kind;
    return count;
}

static const struct dr_report *world_wait(struct world *w, uint32_t from, uint64_t job,
                                          uint32_t attempt, enum dr_report_kind kind)
{
    int64_t until_us = dr_monotonic_us() + WAIT_US;
    const struct dr_report *found;

    while ((found = world_find(w, from, job, attempt, kind)) == NULL) {
        if (dr_monotonic_us() > until_us)
            fail_msg("no report of kind %d for %" PRIu64 ".%u in time", (int)kind, job, attempt);
        world_step(w, until_us);
    }
    return found;
}

static const struct dr_report *world_end(struct world *w, uint64_t job, uint32_t attempt)
{
    return world_wait(w, 0, job, attempt, DR_REPORT_ENDED);
}

/* A job of one task with a shell script; tests change what they are about. */
struct spec {
    struct dr_launch launch;
    struct dr_launch_node nodes[8];
    char script[8192];
};

static void spec_shell(struct world *w, struct spec *s, uint64_t job, const char *format, ...)
    DR_PRINTF(4, 5);
static void spec_shell(struct world *w, struct spec *s, uint64_t job, const char *format, ...)
{
    va_list arguments;
    int length;

    *s = (struct spec){0};
    memcpy(s->script, "#!/bin/sh\n", 10);
    va_start(arguments, format);
    length = vsnprintf(s->script + 10, sizeof s->script - 10, format, arguments);
    va_end(arguments);
    CHECK(length > 0 && (size_t)length < sizeof s->script - 10);
    s->nodes[0] = (struct dr_launch_node){.name = "node-1", .tasks = 1};
    s->launch = (struct dr_launch){.job = {job},
                                   .attempt = 1,
                                   .epoch = 1,
                                   .name = "test",
                                   .script = s->script,
                                   .script_bytes = (uint32_t)strlen(s->script),
                                   .directory = w->work,
                                   .output = "out",
                                   .error = "",
                                   .input = "",
                                   .uid = job_uid(),
                                   .gid = geteuid() == 0 ? USER_ID : getegid(),
                                   .user = "nobody",
                                   .nodes = s->nodes,
                                   .nodes_count = 1,
                                   .site = "here",
                                   .chip = "",
                                   .chip_vendor = "",
                                   .tasks = 1,
                                   .cpus_per_task_milli = 1000,
                                   .memory_mb_per_task = 256,
                                   .limit_us = DR_HOUR_US};
}

static void world_launch(struct world *w, const struct spec *s)
{
    struct dr_error error = {0};
    char line[1200];

    if (w->engine->operations->launch(w->engine, &s->launch, &error) != DR_OK)
        fail_msg("launch: %s", dr_error_line(&error, line, sizeof line));
}

static const char *work_file(struct world *w, const char *name)
{
    static char text[65536];
    struct dr_buffer buffer;
    char path[NAME_MAX_];

    dr_buffer_init(&buffer, sizeof text - 1);
    snprintf(path, sizeof path, "%s/%s", w->work, name);
    text[0] = 0;
    if (dr_buffer_read_file(&buffer, path) == DR_OK)
        snprintf(text, sizeof text, "%s", dr_buffer_text(&buffer));
    dr_buffer_deinit(&buffer);
    return text;
}

static void wait_for_file(struct world *w, const char *name)
{
    int64_t until_us = dr_monotonic_us() + WAIT_US;

    while (work_file(w, name)[0] == 0) {
        if (dr_monotonic_us() > until_us)
            fail_msg("the job has not written '%s' in time", name);
        usleep(2000);
    }
}

/* How many live processes have `mark` in their environment: nothing else can tell where a process
 * that has left its parent, session and name behind came from. */
static uint32_t count_marked(const char *mark)
{
    DIR *directory = opendir("/proc");
    struct dirent *entry;
    uint32_t count = 0;

    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL) {
        struct dr_buffer buffer;
        char path[300];

        if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
            continue;
        snprintf(path, sizeof path, "/proc/%s/environ", entry->d_name);
        dr_buffer_init(&buffer, 1 << 20);
        if (dr_buffer_read_file(&buffer, path) == DR_OK &&
            memmem(buffer.data, buffer.length, mark, strlen(mark)) != NULL)
            count += 1;
        dr_buffer_deinit(&buffer);
    }
    closedir(directory);
    return count;
}

/* The shim's pid, from the attempt's file. */
static pid_t shim_of(struct world *w, uint64_t job, uint32_t attempt)
{
    char path[NAME_MAX_];
    uint8_t payload[sizeof(struct dr_record_end)];
    enum dr_record_kind kind;
    uint64_t offset = 0;
    size_t bytes;
    pid_t pid = 0;
    int fd;

    snprintf(path, sizeof path, "%s/attempts/%" PRIu64 ".%u", w->data, job, attempt);
    fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    while (dr_record_read(fd, &offset, &kind, payload, sizeof payload, &bytes) == DR_OK)
        if (kind == DR_RECORD_SHIM) {
            struct dr_record_shim shim;
            memcpy(&shim, payload, sizeof shim);
            pid = shim.pid;
        }
    close(fd);
    return pid;
}

/* ---- tests ---- */

TEST(start_and_end_with_the_exit_code)
{
    struct world *w = world_new();
    const struct dr_report *started, *ended;
    struct spec s;

    spec_shell(w, &s, 1, "echo hello $1; exit 7\n");
    s.launch.argv = (const char *const[]){"there"};
    s.launch.argv_count = 1;
    world_launch(w, &s);
    ended = world_end(w, 1, 1);
    started = world_find(w, 0, 1, 1, DR_REPORT_STARTED);
    if (started == NULL)
        fail_msg("%s", ended->text);
    CHECK_EQ(ended->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(ended->exit_code, 7);
    CHECK(ended->time_us >= started->time_us);
    CHECK_TEXT(work_file(w, "out"), "hello there\n");
    CHECK_EQ(w->engine->operations->forget(w->engine, s.launch.job, 1), DR_OK);
    CHECK_EQ(w->engine->operations->forget(w->engine, s.launch.job, 1), DR_E_MISSING);
    world_free(w);
}

TEST(end_by_a_signal)
{
    struct world *w = world_new();
    struct spec s;

    spec_shell(w, &s, 1, "kill -USR2 $$\n");
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 1, 1)->outcome, DR_OUTCOME_SIGNALLED);
    CHECK_EQ(world_end(w, 1, 1)->signal, SIGUSR2);
    world_free(w);
}

TEST(reopened_while_it_runs_and_after_its_end)
{
    struct world *w = world_new();
    struct spec s;

    /* the file is the judge: one line per real start */
    spec_shell(w, &s, 1, "echo started >>starts; while [ ! -e go ]; do sleep 0.01; done; exit 3\n");
    world_launch(w, &s);
    world_wait(w, 0, 1, 1, DR_REPORT_STARTED);
    wait_for_file(w, "starts");
    world_shut(w);
    w->reports_count = 0;
    world_open(w);
    world_launch(w, &s);
    world_wait(w, 0, 1, 1, DR_REPORT_STARTED);
    CHECK(world_find(w, 0, 1, 1, DR_REPORT_ENDED) == NULL);
    world_shut(w);

    /* it ends while no controller is there */
    {
        char path[NAME_MAX_];
        int64_t until_us = dr_monotonic_us() + WAIT_US;
        pid_t shim = shim_of(w, 1, 1);

        snprintf(path, sizeof path, "%s/go", w->work);
        close(open(path, O_CREAT | O_WRONLY, 0644));
        while (kill(shim, 0) == 0 && dr_monotonic_us() < until_us)
            usleep(1000);
    }
    w->reports_count = 0;
    world_open(w);
    CHECK_EQ(world_end(w, 1, 1)->exit_code, 3);
    CHECK_EQ(world_count(w, 1, 1, DR_REPORT_ENDED), 1);
    world_launch(w, &s);
    world_wait(w, w->reports_count, 1, 1, DR_REPORT_ENDED);
    CHECK_TEXT(work_file(w, "starts"), "started\n");
    CHECK_EQ(w->engine->operations->forget(w->engine, s.launch.job, 1), DR_OK);
    world_shut(w);
    w->reports_count = 0;
    world_open(w);
    world_step(w, dr_monotonic_us() + 50000);
    CHECK_EQ(w->reports_count, 0);
    world_free(w);
}

TEST(stop_and_grace)
{
    struct world *w = world_new();
    struct spec s;

    spec_shell(w, &s, 1,
               "trap 'echo leaving; exit 5' TERM; echo up >up; while :; do sleep 0.01; done\n");
    world_launch(w, &s);
    wait_for_file(w, "up");
    CHECK_EQ(w->engine->operations->stop(w->engine, s.launch.job, 1, 0, 10 * DR_SECOND_US), DR_OK);
    CHECK_EQ(world_end(w, 1, 1)->outcome, DR_OUTCOME_STOPPED);
    CHECK_EQ(world_end(w, 1, 1)->exit_code, 5);
    CHECK_HAS(work_file(w, "out"), "leaving");
    world_free(w);
}

TEST(stop_of_one_that_ignores_it)
{
    struct world *w = world_new();
    struct spec s;
    int64_t began_us;

    spec_shell(w, &s, 1, "trap '' TERM; echo up >up; while :; do sleep 100; done\n");
    world_launch(w, &s);
    wait_for_file(w, "up");
    began_us = dr_monotonic_us();
    CHECK_EQ(w->engine->operations->stop(w->engine, s.launch.job, 1, 0, DR_HOUR_US), DR_OK);
    /* a shorter grace holds */
    CHECK_EQ(w->engine->operations->stop(w->engine, s.launch.job, 1, 0, DR_SECOND_US / 5), DR_OK);
    CHECK_EQ(world_end(w, 1, 1)->outcome, DR_OUTCOME_STOPPED);
    CHECK_EQ(world_end(w, 1, 1)->signal, SIGKILL);
    CHECK(dr_monotonic_us() - began_us >= DR_SECOND_US / 5);
    world_free(w);
}

TEST(stop_before_launch_refuses_it_for_ever)
{
    struct world *w = world_new();
    struct dr_error error = {0};
    struct spec s;

    spec_shell(w, &s, 1, "echo ran >ran\n");
    CHECK_EQ(w->engine->operations->stop(w->engine, s.launch.job, 1, 0, 0), DR_E_MISSING);
    CHECK_EQ(w->engine->operations->launch(w->engine, &s.launch, &error), DR_E_INPUT);
    world_shut(w);
    world_open(w);
    CHECK_EQ(w->engine->operations->launch(w->engine, &s.launch, &error), DR_E_INPUT);
    CHECK_EQ(w->engine->operations->stop(w->engine, s.launch.job, 1, 0, 0), DR_E_MISSING);
    s.launch.attempt = 2;
    world_launch(w, &s);
    world_end(w, 1, 2);
    CHECK_EQ(world_count(w, 1, 1, DR_REPORT_STARTED), 0);
    world_free(w);
}

/* A process that double-forks, leaves its session, closes its files and renames itself. */
#define FORK_AWAY                                                                                 \
    "for i in 1 2 3; do (setsid sh -c '(exec 0<&- 1>&- 2>&-; sleep 300) & (sleep 301 &) &' &) ; " \
    "done\n"

TEST(nothing_survives_an_end)
{
    struct world *w = world_new();
    struct spec s;
    char mark[64], go[NAME_MAX_];

    snprintf(mark, sizeof mark, "ENGINE_TEST_MARK=%d.survives", getpid());
    spec_shell(w, &s, 1,
               FORK_AWAY "sleep 0.2; echo up >up; while [ ! -e go ]; do sleep 0.01; done\n");
    s.launch.environment = (const char *const[]){mark};
    s.launch.environment_count = 1;
    world_launch(w, &s);
    wait_for_file(w, "up");
    CHECK(count_marked(mark) >= 7);
    snprintf(go, sizeof go, "%s/go", w->work);
    close(open(go, O_CREAT | O_WRONLY, 0644));
    CHECK_EQ(world_end(w, 1, 1)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(count_marked(mark), 0);
    world_free(w);
}

TEST(a_lost_shim_takes_the_tree_with_it)
{
    struct world *w = world_new();
    struct spec s;
    char mark[64];

    snprintf(mark, sizeof mark, "ENGINE_TEST_MARK=%d.lost", getpid());
    spec_shell(w, &s, 1, FORK_AWAY "sleep 0.2; echo up >up; sleep 300\n");
    s.launch.environment = (const char *const[]){mark};
    s.launch.environment_count = 1;
    world_launch(w, &s);
    wait_for_file(w, "up");
    CHECK(count_marked(mark) >= 7);
    CHECK_EQ(kill(shim_of(w, 1, 1), SIGKILL), 0);
    CHECK_EQ(world_end(w, 1, 1)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_EQ(count_marked(mark), 0);
    CHECK_EQ(world_count(w, 1, 1, DR_REPORT_ENDED), 1);
    world_free(w);
}
