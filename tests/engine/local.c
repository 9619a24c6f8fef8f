/* SPDX-License-Identifier: Apache-2.0 */
/* The local engine with real processes: what a job sees, how it ends, and what is left of it. */
#include "engine/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/hash.h"
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
    int cgroups_left; /* by launchers that ended amid launches: tidied up after a minute */
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

/* The engine leaves no cgroup behind, whatever the jobs did. */
static void world_free(struct world *w)
{
    static const char *const places[] = {"/pids", "/devices", "/unified", ""};
    char path[128];

    if (w->engine != NULL)
        world_shut(w);
    for (size_t i = 0; i < DR_COUNT_OF(places); i += 1) {
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/daero-%08x", places[i],
                 (uint32_t)dr_hash_bytes(7, w->data, strlen(w->data)));
        if (access(path, F_OK) == 0 && !w->cgroups_left)
            fail_msg("%s is still there", path);
    }
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
        if (dr_buffer_read_file(&buffer, path) == DR_OK && buffer.length > 0 &&
            memmem(buffer.data, buffer.length, mark, strlen(mark)) != NULL)
            count += 1;
        dr_buffer_deinit(&buffer);
    }
    closedir(directory);
    return count;
}

static void wait_for_marked(const char *mark, uint32_t count)
{
    int64_t until_us = dr_monotonic_us() + WAIT_US;

    while (count_marked(mark) < count) {
        if (dr_monotonic_us() > until_us)
            fail_msg("%u processes in place of %u in time", count_marked(mark), count);
        usleep(2000);
    }
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

static void keep_last(void *context, const struct dr_engine_attempt *attempt)
{
    *(struct dr_engine_attempt *)context = *attempt;
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
    {
        struct dr_engine_attempt told = {0};

        /* known at once, before any report was taken */
        CHECK_EQ(w->engine->operations->list(w->engine, keep_last, &told), DR_OK);
        CHECK_EQ(told.job.v, 1);
        CHECK_EQ(told.ended, 1);
    }
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
    spec_shell(w, &s, 1, FORK_AWAY "echo up >up; while [ ! -e go ]; do sleep 0.01; done\n");
    s.launch.environment = (const char *const[]){mark};
    s.launch.environment_count = 1;
    world_launch(w, &s);
    wait_for_file(w, "up");
    wait_for_marked(mark, 7);
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
    spec_shell(w, &s, 1, FORK_AWAY "echo up >up; sleep 300\n");
    s.launch.environment = (const char *const[]){mark};
    s.launch.environment_count = 1;
    world_launch(w, &s);
    wait_for_file(w, "up");
    wait_for_marked(mark, 7);
    CHECK_EQ(kill(shim_of(w, 1, 1), SIGKILL), 0);
    CHECK_EQ(world_end(w, 1, 1)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_EQ(count_marked(mark), 0);
    CHECK_EQ(world_count(w, 1, 1, DR_REPORT_ENDED), 1);
    world_free(w);
}

TEST(the_time_limit_warns_then_ends)
{
    struct world *w = world_new();
    struct spec s;

    spec_shell(w, &s, 1,
               "trap 'echo warned' USR1; trap 'echo told' TERM\n"
               "while :; do sleep 0.01; done\n");
    s.launch.limit_us = DR_SECOND_US;
    s.launch.warn_signal = SIGUSR1;
    s.launch.warn_before_us = DR_SECOND_US / 2;
    s.launch.grace_us = DR_SECOND_US / 5;
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 1, 1)->outcome, DR_OUTCOME_TIMED_OUT);
    CHECK_HAS(work_file(w, "out"), "warned\n");
    CHECK_HAS(strstr(work_file(w, "out"), "warned\n"), "told\n");
    CHECK(world_end(w, 1, 1)->time_us - world_find(w, 0, 1, 1, DR_REPORT_STARTED)->time_us >=
          s.launch.limit_us + s.launch.grace_us);
    world_free(w);
}

TEST(memory_over_the_limit)
{
    struct world *w = world_new();
    struct spec s;

    if (strstr(w->engine->operations->describe(w->engine), "memory") == NULL ||
        strstr(w->engine->operations->describe(w->engine), "no cgroup") != NULL) {
        world_free(w);
        SKIP_TEST("no memory cgroup here");
    }
    spec_shell(w, &s, 1, "head -c 200000000 /dev/zero | tail -c 199999999 >/dev/null\n");
    s.launch.memory_mb_per_task = 48;
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 1, 1)->outcome, DR_OUTCOME_OUT_OF_MEMORY);
    CHECK(world_end(w, 1, 1)->memory_mb_peak >= 40);
    CHECK(world_end(w, 1, 1)->memory_mb_peak <= 48);
    world_free(w);
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
    struct world *w = world_new();
    struct spec s;

    world_shut(w);
    w->options.pids_max = 77;
    world_open(w);
    for (uint32_t tasks = 1; tasks <= 2; tasks += 1) {
        spec_shell(w, &s, tasks, "%s", script);
        s.launch.cpus_per_task_milli = 1500;
        s.launch.tasks = s.nodes[0].tasks = tasks;
        s.launch.output = tasks == 1 ? "one" : "two";
        world_launch(w, &s);
        if (world_end(w, tasks, 1)->exit_code == 9 ||
            strstr(w->engine->operations->describe(w->engine), "memory cpu pids") == NULL) {
            world_free(w);
            SKIP_TEST("not all controllers are here, or none of them is in sight");
        }
    }
    CHECK_EQ(strncmp(work_file(w, "one"), "150000", 6), 0);
    CHECK_HAS(work_file(w, "one"), "\n77\n268435456\n");
    CHECK_EQ(strncmp(work_file(w, "two"), "300000", 6), 0);
    CHECK_HAS(work_file(w, "two"), "\n77\n536870912\n");
    world_free(w);
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
    struct world *w = world_new();
    struct spec s;

    for (uint32_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        spec_shell(w, &s, 1 + i, "true\n");
        s.launch.script = cases[i].script;
        s.launch.script_bytes = (uint32_t)strlen(cases[i].script);
        s.launch.output = cases[i].output;
        world_launch(w, &s);
        CHECK_EQ(world_end(w, 1 + i, 1)->outcome, DR_OUTCOME_LAUNCH_FAILED);
        CHECK_HAS(world_end(w, 1 + i, 1)->text, cases[i].text);
        CHECK_EQ(world_count(w, 1 + i, 1, DR_REPORT_STARTED), 0);
    }
    spec_shell(w, &s, 50, "true\n");
    s.launch.script = NULL;
    s.launch.argv = (const char *const[]){"no-such-program"};
    s.launch.argv_count = 1;
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 50, 1)->outcome, DR_OUTCOME_LAUNCH_FAILED);
    CHECK_HAS(world_end(w, 50, 1)->text, "'no-such-program' can't be run: there is no such file");
    world_free(w);
}

TEST(orders_that_never_can_be_carried_out)
{
    struct world *w = world_new();
    struct dr_error error = {0};
    struct spec s;

    spec_shell(w, &s, 1, "true\n");
    s.launch.uid = 0;
    CHECK_EQ(w->engine->operations->launch(w->engine, &s.launch, &error), DR_E_INPUT);
    CHECK_HAS(error.expected, "no job runs as root");
    s.launch.uid = job_uid();
    s.launch.gid = 0;
    CHECK_EQ(w->engine->operations->launch(w->engine, &s.launch, &error), DR_E_INPUT);
    s.launch.gid = USER_ID;
    s.launch.script = NULL;
    CHECK_EQ(w->engine->operations->launch(w->engine, &s.launch, &error), DR_E_INPUT);
    world_free(w);
}

TEST(a_missing_directory_is_replaced_as_slurm_does)
{
    struct world *w = world_new();
    struct spec s;
    char output[NAME_MAX_];

    spec_shell(w, &s, 1, "pwd\n");
    snprintf(output, sizeof output, "%s/out", w->work);
    s.launch.output = output;
    s.launch.directory = "/no/such/directory";
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 1, 1)->exit_code, 0);
    CHECK_TEXT(work_file(w, "out"),
               "daero: can't run in '/no/such/directory'; running in /tmp\n/tmp\n");
    world_free(w);
}

TEST(output_files)
{
    struct world *w = world_new();
    struct spec s;

    spec_shell(w, &s, 12, "echo out-$DAERO_ATTEMPT; echo err-$DAERO_ATTEMPT >&2; cat\n");
    s.launch.name = "a/b";
    s.launch.output = "%j-%x-%u.out";
    s.launch.error = "%%%A_%a.err";
    s.launch.input = "in";
    s.launch.array_job = (dr_job_id){10};
    s.launch.array_index = 2;
    {
        char path[NAME_MAX_];
        int fd;

        snprintf(path, sizeof path, "%s/in", w->work);
        fd = open(path, O_CREAT | O_WRONLY, 0644);
        CHECK_EQ(write(fd, "fed\n", 4), 4);
        close(fd);
    }
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 12, 1)->exit_code, 0);
    CHECK_TEXT(work_file(w, "12-a_b-nobody.out"), "out-1\nfed\n");
    CHECK_TEXT(work_file(w, "%10_2.err"), "err-1\n");
    /* the next attempt goes on in the same files */
    s.launch.attempt = 2;
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 12, 2)->exit_code, 0);
    CHECK_TEXT(work_file(w, "12-a_b-nobody.out"), "out-1\nfed\nout-2\nfed\n");
    world_free(w);
}

/* A link that its user planted must not make root write where the user may not. */
TEST(output_through_a_link_is_opened_in_the_users_name)
{
    struct world *w = world_new();
    struct spec s;
    char link_path[NAME_MAX_], target[NAME_MAX_];
    int fd;

    if (geteuid() != 0) {
        world_free(w);
        SKIP_TEST("needs root: jobs run as another user then");
    }
    snprintf(target, sizeof target, "%s/roots", w->base);
    snprintf(link_path, sizeof link_path, "%s/out", w->work);
    fd = open(target, O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0);
    close(fd);
    CHECK_EQ(symlink(target, link_path), 0);
    spec_shell(w, &s, 1, "true\n");
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 1, 1)->outcome, DR_OUTCOME_LAUNCH_FAILED);
    CHECK_HAS(world_end(w, 1, 1)->text, "Permission denied");
    world_free(w);
}

TEST(a_full_disk_is_the_jobs_own_trouble)
{
    struct world *w = world_new();
    struct spec s;
    char full[NAME_MAX_], output[NAME_MAX_ + 8];

    world_shut(w); /* where mounts are private, the launcher sees what was there when it started */
    snprintf(full, sizeof full, "%s/full", w->work);
    CHECK_EQ(mkdir(full, 0777), 0);
    if (mount("tmpfs", full, "tmpfs", 0, "size=16k,mode=1777") != 0) {
        free(w);
        SKIP_TEST("needs root: a small disk to fill");
    }
    world_open(w);
    spec_shell(w, &s, 1, "head -c 100000 /dev/zero; echo status $? >status\n");
    snprintf(output, sizeof output, "%s/out", full);
    s.launch.output = output;
    world_launch(w, &s);
    world_end(w, 1, 1);
    umount2(full, MNT_DETACH);
    CHECK_EQ(world_end(w, 1, 1)->outcome, DR_OUTCOME_EXITED);
    CHECK_TEXT(work_file(w, "status"), "status 1\n");
    world_free(w);
}

TEST(tasks_and_their_environment)
{
    struct world *w = world_new();
    struct spec s;
    const char *text;

    spec_shell(w, &s, 71,
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
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 71, 1)->exit_code, 0);
    text = work_file(w, "out-0");
    CHECK_TEXT(text, "0/3 0/2 0 0/3 4,5 0 a,b here h200 71.1 yes 127.0.0.1\n");
    text = work_file(w, "out-1");
    CHECK_TEXT(text, "1/3 1/2 0 1/3 6,7 1 a,b here h200 71.1 yes 127.0.0.1\n");
    text = work_file(w, "out-2");
    CHECK_TEXT(text, "2/3 0/1 1 2/3 0,1 2 a,b here h200 71.1 yes 127.0.0.1\n");
    world_free(w);
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
    struct world *w = world_new();
    struct spec s;

    spec_shell(w, &s, 1, "true\n");
    s.launch.script = python;
    s.launch.script_bytes = sizeof python - 1;
    s.nodes[0].tasks = 4;
    s.launch.tasks = 4;
    s.launch.run_every_task = 1;
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 1, 1)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(world_end(w, 1, 1)->exit_code, 0);
    CHECK_TEXT(work_file(w, "out"), "6\n");
    world_free(w);
}

TEST(a_gang_ends_as_a_whole)
{
    struct world *w = world_new();
    struct spec s;
    int64_t began_us = dr_monotonic_us();

    spec_shell(w, &s, 1, "if [ $RANK = 1 ]; then exit 4; fi; sleep 300\n");
    s.nodes[0].tasks = 3;
    s.launch.tasks = 3;
    s.launch.run_every_task = 1;
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 1, 1)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(world_end(w, 1, 1)->exit_code, 4);
    CHECK(dr_monotonic_us() - began_us < 100 * DR_SECOND_US);
    world_free(w);
}

/* The job looks at its own walls; each line that it writes is one of them. */
TEST(the_walls_seen_from_inside)
{
    struct world *w = world_new();
    struct spec s;
    const char *text;
    char ours[64], line[128];
    ssize_t bytes;

    if (strstr(w->engine->operations->describe(w->engine), "namespaces mount") == NULL ||
        strstr(w->engine->operations->describe(w->engine), "no seccomp") != NULL) {
        world_free(w);
        SKIP_TEST("no namespaces or no seccomp here");
    }
    CHECK_EQ(setenv("ENGINE_TEST_SECRET", "secret", 1), 0);
    spec_shell(w, &s, 1,
               "grep -E '^(Seccomp|NoNewPrivs|CapEff|CapBnd|CapPrm):' /proc/self/status\n"
               "echo uid $(id -u) gid $(id -g) groups $(id -G)\n"
               "for n in mnt pid ipc uts; do readlink /proc/self/ns/$n; done\n"
               "cat /proc/self/cgroup\n"
               "echo fds $(ls /proc/self/fd | wc -l)\n"
               "[ $(ls /proc | grep -c '^[0-9]') -le 6 ] && echo alone\n"
               "ls %s/attempts %s/store 2>&1 | grep -c 'No such file'\n"
               "echo tmp $(ls -A /tmp | wc -l)\n"
               "env | grep -c ENGINE_TEST_SECRET\n"
               "unshare -U true 2>/dev/null || echo no-unshare\n"
               "mount -t tmpfs x /mnt 2>/dev/null || echo no-mount\n"
               "kill -9 1 2>/dev/null; echo core $(ulimit -c)\n"
               "touch $DAERO_CHECKPOINT_DIR/here && echo checkpoint-ok\n"
               "ls $DAERO_CHECKPOINT_DIR/.. >/dev/null 2>&1 || echo checkpoints-closed\n",
               w->data, w->data);
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 1, 1)->exit_code, 0);
    text = work_file(w, "out");
    CHECK_HAS(text, "Seccomp:\t2");
    CHECK_HAS(text, "NoNewPrivs:\t1");
    CHECK_HAS(text, "CapEff:\t0000000000000000");
    CHECK_HAS(text, "CapPrm:\t0000000000000000");
    CHECK_HAS(text, "CapBnd:\t0000000000000000");
    for (int i = 0; i < 4; i += 1) {
        static const char *const names[] = {"mnt", "pid", "ipc", "uts"};

        snprintf(line, sizeof line, "/proc/self/ns/%s", names[i]);
        bytes = readlink(line, ours, sizeof ours - 1);
        CHECK(bytes > 0);
        ours[bytes] = 0;
        snprintf(line, sizeof line, "%s:[", names[i]);
        CHECK_HAS(text, line);
        CHECK(strstr(text, ours) == NULL);
    }
    if (geteuid() == 0) {
        CHECK_HAS(text, "uid 65534 gid 65534 groups 65534\n");
        if (strstr(w->engine->operations->describe(w->engine), "no cgroup") == NULL)
            CHECK_HAS(text, "daero-");
        CHECK_HAS(text, "checkpoints-closed");
    }
    CHECK_HAS(text, "fds 4\n");   /* ls: three and the directory that it reads */
    CHECK_HAS(text, "\nalone\n"); /* the shim, the shell, its subshells, ls and grep */
    CHECK_HAS(text, "\n2\ntmp "); /* neither attempts nor store */
    CHECK_HAS(text, "tmp 1\n");   /* where its directory lies */
    CHECK_HAS(text, "\n0\nno-unshare\nno-mount\ncore 0\ncheckpoint-ok\n");
    world_free(w);
}

/* Whether `path` can be opened by the user that jobs run as, where no wall is in the way. */
static int opens_for_the_user(const char *path)
{
    int status = 1;
    pid_t child = fork();

    if (child == 0)
        _exit(setresgid(USER_ID, USER_ID, USER_ID) == 0 &&
                      setresuid(USER_ID, USER_ID, USER_ID) == 0 &&
                      open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY) >= 0
                  ? 0
                  : 1);
    return waitpid(child, &status, 0) == child && status == 0;
}

/* Nodes in the job's directory that anybody may open, so that nothing but the wall can forbid it:
 * stand-ins for two accelerators. */
static int make_device_nodes(struct world *w, char paths[2][NAME_MAX_])
{
    static const struct {
        mode_t type;
        unsigned int major, minor;
    } candidates[] = {{S_IFBLK, 7, 0}, {S_IFBLK, 7, 1}, {S_IFCHR, 4, 0}, {S_IFCHR, 4, 1}};
    static const char *const names[] = {"first", "second"};
    int made = 0;

    for (size_t i = 0; i < DR_COUNT_OF(candidates) && made < 2; i += 1) {
        snprintf(paths[made], NAME_MAX_, "%s/%s", w->work, names[made]);
        unlink(paths[made]);
        if (mknod(paths[made], candidates[i].type | 0666,
                  makedev(candidates[i].major, candidates[i].minor)) == 0 &&
            chmod(paths[made], 0666) == 0 && opens_for_the_user(paths[made]))
            made += 1;
    }
    return made == 2;
}

/* A job that holds the accelerators in `bits` of a real chip; says which of the two nodes open. */
static const char *world_devices(struct world *w, uint64_t job, const char *const *nodes,
                                 uint64_t bits, uint32_t chip_virtual)
{
    static char name[32];
    struct spec s;

    spec_shell(w, &s, job,
               ": </dev/null && : >/dev/null && head -c1 /dev/urandom >/dev/null && echo pseudo\n"
               "(: <first) 2>&1 && echo first\n(: <second) 2>&1 && echo second\nexit 0\n");
    snprintf(name, sizeof name, "out-%" PRIu64, job);
    s.launch.output = name;
    s.launch.chip = bits != 0 ? "h200" : "";
    s.launch.chip_vendor = bits != 0 ? "nvidia" : "";
    s.launch.chip_virtual = chip_virtual;
    s.nodes[0].accelerators = bits;
    s.nodes[0].device_nodes = nodes;
    world_launch(w, &s);
    if (world_end(w, job, 1)->outcome != DR_OUTCOME_EXITED)
        fail_msg("%s", world_end(w, job, 1)->text);
    return work_file(w, name);
}

TEST(accelerators_that_were_not_given_do_not_open)
{
    struct world *w = world_new();
    char paths[2][NAME_MAX_];
    const char *const both[] = {paths[0], paths[1]};
    const char *text;
    struct spec s;

    if (geteuid() != 0 ||
        strstr(w->engine->operations->describe(w->engine), "no devices cgroup") != NULL ||
        !make_device_nodes(w, paths)) {
        world_free(w);
        SKIP_TEST("needs root, a devices cgroup, and nodes that it may make");
    }
    text = world_devices(w, 1, NULL, 0, 0);
    CHECK_HAS(text, "pseudo\n");
    CHECK_HAS(text, "first: Operation not permitted");
    CHECK_HAS(text, "second: Operation not permitted");
    /* one each, and then none again: whatever is used again between attempts, the list is not */
    text = world_devices(w, 2, both, 1, 0);
    CHECK_HAS(text, "pseudo\nfirst\n");
    CHECK_HAS(text, "second: Operation not permitted");
    text = world_devices(w, 3, both + 1, 1, 0);
    CHECK_HAS(text, "first: Operation not permitted");
    CHECK_HAS(text, "\nsecond\n");
    text = world_devices(w, 4, NULL, 0, 0);
    CHECK_HAS(text, "first: Operation not permitted");
    CHECK_HAS(text, "second: Operation not permitted");
    CHECK_HAS(world_devices(w, 5, both, 3, 0), "pseudo\nfirst\nsecond\n");
    /* virtual ones have no nodes */
    CHECK_HAS(world_devices(w, 6, NULL, 3, 1), "first: Operation not permitted");
    CHECK(world_find(w, 0, 6, 1, DR_REPORT_WARNING) == NULL);
    /* nobody knows which nodes they are: the job has to have them, and a person is told */
    CHECK_HAS(world_devices(w, 7, NULL, 3, 0), "pseudo\nfirst\nsecond\n");
    CHECK_HAS(world_wait(w, 0, 7, 1, DR_REPORT_WARNING)->text, "not known");
    /* nor does the shim open them for it */
    spec_shell(w, &s, 8, "cat\n");
    s.launch.input = "first";
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 8, 1)->outcome, DR_OUTCOME_LAUNCH_FAILED);
    spec_shell(w, &s, 9, "echo\n");
    s.launch.output = "second";
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 9, 1)->outcome, DR_OUTCOME_LAUNCH_FAILED);
    world_free(w);
}

TEST(checkpoints_are_told_once_each)
{
    struct world *w = world_new();
    struct spec s;
    const struct dr_report *first;
    uint32_t from;
    char path[NAME_MAX_];

    spec_shell(w, &s, 1,
               "cd $DAERO_CHECKPOINT_DIR; ls %s/again 2>/dev/null; echo 1 >state; touch saved\n"
               "while [ ! -e %s/again ]; do sleep 0.01; done; echo 2 >state; touch saved\n"
               "while [ ! -e %s/end ]; do sleep 0.01; done; touch saved\n",
               w->work, w->work, w->work);
    world_launch(w, &s);
    first = world_wait(w, 0, 1, 1, DR_REPORT_CHECKPOINT);
    CHECK(world_find(w, 0, 1, 1, DR_REPORT_STARTED) != NULL);
    from = w->reports_count;
    snprintf(path, sizeof path, "%s/again", w->work);
    close(open(path, O_CREAT | O_WRONLY, 0644));
    CHECK(world_wait(w, from, 1, 1, DR_REPORT_CHECKPOINT)->time_us > first->time_us);
    world_shut(w);

    /* told again after a restart, with the same time; and the last one, just before the end, with
     * it */
    from = w->reports_count;
    world_open(w);
    CHECK(world_wait(w, from, 1, 1, DR_REPORT_CHECKPOINT)->time_us > first->time_us);
    from = w->reports_count;
    snprintf(path, sizeof path, "%s/end", w->work);
    close(open(path, O_CREAT | O_WRONLY, 0644));
    world_wait(w, from, 1, 1, DR_REPORT_ENDED);
    CHECK(world_find(w, from, 1, 1, DR_REPORT_CHECKPOINT) != NULL);
    CHECK_EQ(w->engine->operations->forget(w->engine, s.launch.job, 1), DR_OK);

    /* a later attempt finds what was saved, and the old marker is not its own */
    spec_shell(w, &s, 1, "cat $DAERO_CHECKPOINT_DIR/state\n");
    s.launch.attempt = 2;
    s.launch.output = "second";
    from = w->reports_count;
    world_launch(w, &s);
    world_end(w, 1, 2);
    CHECK_TEXT(work_file(w, "second"), "2\n");
    CHECK_EQ(world_count(w, 1, 2, DR_REPORT_CHECKPOINT), 0);

    /* the job is over */
    CHECK_EQ(dr_local_drop_checkpoints(w->engine, s.launch.job), DR_OK);
    CHECK_EQ(dr_local_drop_checkpoints(w->engine, s.launch.job), DR_E_MISSING);
    {
        int64_t until_us = dr_monotonic_us() + WAIT_US;

        snprintf(path, sizeof path, "%s/checkpoints/.dropped-1", w->data);
        while (access(path, F_OK) == 0 && dr_monotonic_us() < until_us)
            usleep(1000);
        CHECK(access(path, F_OK) != 0);
    }
    world_free(w);
}

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
static pid_t launcher_of(struct world *w)
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
    struct world *w = world_new();
    struct spec s;
    pid_t first;

    spec_shell(w, &s, 1, "echo 1 >>starts; while [ ! -e go ]; do sleep 0.01; done; exit 3\n");
    world_launch(w, &s);
    world_wait(w, 0, 1, 1, DR_REPORT_STARTED);
    first = launcher_of(w);
    CHECK(first > 0);
    CHECK_EQ(kill(first, SIGKILL), 0);
    /* these reach a socket whose reader is gone, or one that nobody reads any more */
    for (uint64_t job = 2; job <= 5; job += 1) {
        spec_shell(w, &s, job, "echo %d >>starts\n", (int)job);
        world_launch(w, &s);
    }
    for (uint64_t job = 2; job <= 5; job += 1)
        CHECK_EQ(world_end(w, job, 1)->outcome, DR_OUTCOME_EXITED);
    CHECK(launcher_of(w) != first);
    {
        char path[NAME_MAX_];

        snprintf(path, sizeof path, "%s/go", w->work);
        close(open(path, O_CREAT | O_WRONLY, 0644));
    }
    CHECK_EQ(world_end(w, 1, 1)->exit_code, 3);
    CHECK_EQ(strlen(work_file(w, "starts")), 10);
    world_free(w);
}

/* A shim that does not answer is killed some time after the grace, and its tree with it. */
TEST(a_frozen_shim_is_ended)
{
    struct world *w = world_new();
    struct spec s;

    spec_shell(w, &s, 1, "sleep 300\n");
    world_launch(w, &s);
    world_wait(w, 0, 1, 1, DR_REPORT_STARTED);
    CHECK_EQ(kill(shim_of(w, 1, 1), SIGSTOP), 0);
    CHECK_EQ(w->engine->operations->stop(w->engine, s.launch.job, 1, 0, 0), DR_OK);
    CHECK_EQ(world_end(w, 1, 1)->outcome, DR_OUTCOME_STOPPED);
    world_free(w);
}

/* Before a reboot: whatever ran then does not now, and what may have run is not started again. */
TEST(attempts_of_an_earlier_boot)
{
    struct world *w = world_new();
    struct dr_buffer order;
    struct spec s;
    char path[NAME_MAX_];
    uint64_t mark[2] = {12345, 1};
    int fd;

    world_shut(w);
    spec_shell(w, &s, 1, "echo ran >>ran\n");
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
    world_open(w);
    CHECK_EQ(world_end(w, 1, 1)->outcome, DR_OUTCOME_NODE_FAILED);
    /* decided before the machine went down, and its file was lost with it */
    spec_shell(w, &s, 3, "echo ran >>ran\n");
    s.launch.epoch = 4;
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 3, 1)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_TEXT(work_file(w, "ran"), "");
    s.launch.job.v = 2;
    s.launch.epoch = 5;
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 2, 1)->outcome, DR_OUTCOME_EXITED);
    CHECK_TEXT(work_file(w, "ran"), "ran\n");
    world_free(w);
}

/* A controller that comes and goes while many jobs start and end. */
TEST(many_jobs_and_a_controller_that_comes_and_goes)
{
    enum { JOBS = 120 };
    struct world *w = world_new();
    int64_t until_us = dr_monotonic_us() + 4 * WAIT_US;
    uint64_t next = 1;
    uint32_t ended = 0;
    uint8_t seen[JOBS + 1] = {0};
    struct spec s;

    for (uint32_t round = 0; ended < JOBS; round += 1) {
        CHECK(dr_monotonic_us() < until_us);
        for (int i = 0; i < 10 && next <= JOBS; i += 1, next += 1) {
            spec_shell(w, &s, next, "echo $DAERO_JOB_ID >>starts\n");
            s.launch.output = "/dev/null";
            world_launch(w, &s);
        }
        /* at another point each time */
        for (uint32_t i = 0; i < round % 5; i += 1)
            world_step(w, dr_monotonic_us() + 3000);
        world_shut(w);
        world_open(w);
        if (next > JOBS)
            world_step(w, dr_monotonic_us() + 20000);
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
    CHECK_EQ(strlen(work_file(w, "starts")), 9 * 2 + 90 * 3 + 21 * 4);
    w->cgroups_left = 1; /* of shims whose launcher ended as they began */
    world_free(w);
}

/* The controller is killed at some moment of a launch; the next one finds out what became of it. */
TEST(a_killed_controller_loses_and_doubles_nothing)
{
    enum { ROUNDS = 12, JOBS = 8 };
    struct world *w = world_new();
    char expected[2000] = "";
    struct spec s;

    world_shut(w);
    for (uint64_t round = 0; round < ROUNDS; round += 1) {
        pid_t controller = fork();

        if (controller == 0) {
            struct dr_error error = {0};

            if (dr_local_open(&w->engine, &w->options, &error) != DR_OK)
                _exit(1);
            for (uint64_t i = 1; i <= JOBS; i += 1) {
                spec_shell(w, &s, round * JOBS + i, "echo $DAERO_JOB_ID >>starts\n");
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
    world_open(w);
    /* as a controller does that has durable facts: each is launched again, whatever became of it */
    for (uint64_t job = 1; job <= ROUNDS * JOBS; job += 1) {
        spec_shell(w, &s, job, "echo $DAERO_JOB_ID >>starts\n");
        s.launch.output = "/dev/null";
        world_launch(w, &s);
    }
    for (uint64_t job = 1; job <= ROUNDS * JOBS; job += 1) {
        if (world_end(w, job, 1)->outcome != DR_OUTCOME_EXITED)
            fail_msg("job %" PRIu64 ": %s %s", job, dr_outcome_name(world_end(w, job, 1)->outcome),
                     world_end(w, job, 1)->text);
        CHECK_EQ(world_end(w, job, 1)->exit_code, 0);
        CHECK_EQ(w->engine->operations->forget(w->engine, (dr_job_id){job}, 1), DR_OK);
    }
    snprintf(expected, sizeof expected, "%s", work_file(w, "starts"));
    for (uint64_t job = 1; job <= ROUNDS * JOBS; job += 1) {
        uint32_t times = 0;
        char line[32];

        snprintf(line, sizeof line, "%" PRIu64 "\n", job);
        for (const char *at = expected; (at = strstr(at, line)) != NULL; at += strlen(line))
            times += at == expected || at[-1] == '\n';
        CHECK_EQ(times, 1);
    }
    w->cgroups_left = 1;
    world_free(w);
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

/* All that is in `/` again, below a directory that is no mount itself. */
static int make_chroot(const char *chroot_path)
{
    DIR *directory = opendir("/");
    struct dirent *entry;
    int ok = directory != NULL;

    while (ok && (entry = readdir(directory)) != NULL) {
        char from[300], to[NAME_MAX_ + 300], link[1024];
        ssize_t bytes;

        snprintf(from, sizeof from, "/%s", entry->d_name);
        snprintf(to, sizeof to, "%s/%s", chroot_path, entry->d_name);
        bytes = readlink(from, link, sizeof link - 1);
        link[bytes > 0 ? bytes : 0] = 0;
        if (bytes > 0)
            ok = symlink(link, to) == 0;
        else if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            ok = mkdir(to, 0755) == 0 && mount(from, to, NULL, MS_BIND | MS_REC, NULL) == 0;
    }
    if (directory != NULL)
        closedir(directory);
    return ok;
}

/* Whoever runs a controller in a chroot has the same walls: nothing there needs `/` to be a mount.
 * Around it mounts spread, as they do under systemd; those of the launcher must not. */
TEST(in_a_plain_chroot)
{
    char root[NAME_MAX_], said[NAME_MAX_ + 8];
    int status = 1;
    pid_t child;

    if (geteuid() != 0)
        SKIP_TEST("needs root: chroot");
    snprintf(root, sizeof root, "%s", test_directory());
    snprintf(said, sizeof said, "%s.said", root);
    child = fork();
    if (child == 0) {
        int out = open(said, O_WRONLY | O_CREAT | O_TRUNC, 0644);

        if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
            _exit(77);
        if (!make_chroot(root) || mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) != 0 ||
            chroot(root) != 0 || chdir("/") != 0 || dup2(out, 1) != 1)
            _exit(99);
        execl("/proc/self/exe", "local", "the_walls_seen", (char *)NULL);
        _exit(98);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        SKIP_TEST("no namespaces here");
    {
        struct dr_buffer text;

        dr_buffer_init(&text, 65536);
        CHECK_EQ(dr_buffer_read_file(&text, said), DR_OK);
        unlink(said);
        CHECK_HAS(dr_buffer_text(&text), "ok 1 - the_walls");
        CHECK_EQ(status, 0);
        dr_buffer_deinit(&text);
    }
}

/* Scripts and checkpoints lie below the data directory: closed itself, it does no harm; closed
 * above, no script can run, and the engine says why beforehand. */
TEST(a_data_directory_that_users_cannot_pass)
{
    struct world *w = world_new();
    struct spec s;

    if (geteuid() != 0 ||
        strstr(w->engine->operations->describe(w->engine), "no namespaces") != NULL) {
        world_free(w);
        SKIP_TEST("needs root: jobs run as another user then");
    }
    world_shut(w);
    CHECK_EQ(chmod(w->data, 0700), 0);
    world_open(w);
    CHECK(strstr(w->engine->operations->describe(w->engine), "may not pass") == NULL);
    spec_shell(w, &s, 1, "touch $DAERO_CHECKPOINT_DIR/x\n");
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 1, 1)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(world_end(w, 1, 1)->exit_code, 0);
    world_shut(w);
    CHECK_EQ(chmod(w->base, 0700), 0);
    world_open(w);
    CHECK_HAS(w->engine->operations->describe(w->engine), "users may not pass");
    world_free(w);
}

TEST(without_the_machines_network)
{
    struct world *w = world_new();
    struct spec s;

    world_shut(w);
    w->options.network_none = 1;
    world_open(w);
    if (strstr(w->engine->operations->describe(w->engine), "uts net") == NULL) {
        world_free(w);
        SKIP_TEST("no network namespaces here");
    }
    spec_shell(w, &s, 1,
               "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '\n"
               "python3 -c 'import socket; s = socket.create_server((\"127.0.0.1\", 0)); "
               "socket.create_connection(s.getsockname()); print(\"up\")'\n");
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 1, 1)->exit_code, 0);
    CHECK_TEXT(work_file(w, "out"), "lo\nup\n");
    world_free(w);
}

TEST(a_sandbox_that_is_required)
{
    struct world *w = world_new();
    struct dr_error error = {0};
    const char *text = w->engine->operations->describe(w->engine);
    int whole = strstr(text, "no namespaces") == NULL && strstr(text, "no seccomp") == NULL &&
                strstr(text, "no cgroup") == NULL;

    world_shut(w);
    w->options.sandbox_required = 1;
    if (whole) {
        world_open(w);
    } else {
        CHECK_EQ(dr_local_open(&w->engine, &w->options, &error), DR_E_UNSUPPORTED);
        CHECK_HAS(error.expected, "the full sandbox is required, and this machine has: no");
    }
    world_free(w);
}

TEST(a_shared_tmp_where_it_is_wanted)
{
    struct world *w = world_new();
    char path[] = "/tmp/daero-test-shared-XXXXXX";
    int fd = mkstemp(path);
    struct spec s;

    CHECK(fd >= 0);
    close(fd);
    spec_shell(w, &s, 1, "test -e %s && exit 5; exit 4\n", path);
    world_launch(w, &s);
    world_end(w, 1, 1);
    world_shut(w);
    w->options.shared_tmp = 1;
    world_open(w);
    spec_shell(w, &s, 2, "test -e %s && exit 5; exit 4\n", path);
    world_launch(w, &s);
    CHECK_EQ(world_end(w, 2, 1)->exit_code, 5);
    unlink(path);
    if (strstr(w->engine->operations->describe(w->engine), "no namespaces") == NULL)
        CHECK_EQ(world_end(w, 1, 1)->exit_code, 4);
    world_free(w);
}

/* A controller that has forked (for a forecast) leaves its descriptors open in the copy when it
 * dies; its launcher goes all the same, and the next controller can begin. */
TEST(a_killed_controller_whose_copy_lives_on)
{
    struct world *w = world_new();
    pid_t controller, copy = 0;
    int64_t began_us;
    int ends[2];

    world_shut(w);
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
    world_open(w);
    CHECK(dr_monotonic_us() - began_us < 5 * DR_SECOND_US);
    CHECK_EQ(kill(copy, SIGKILL), 0);
    close(ends[0]);
    close(ends[1]);
    world_free(w);
}
