/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "engine/attempt.h"
#include "test.h"

#define REPORTS 64

uint32_t machine_job_uid(void)
{
    return geteuid() == 0 ? MACHINE_USER_ID : geteuid();
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

void machine_open(struct machine *w)
{
    struct dr_error error = {0};
    char line[1200];

    if (dr_local_open(&w->engine, &w->options, &error) != DR_OK)
        fail_msg("%s", dr_error_line(&error, line, sizeof line));
}

struct machine *machine_new(void)
{
    struct machine *w = calloc(1, sizeof *w);

    CHECK(w != NULL);
    snprintf(w->base, sizeof w->base, "%s", test_directory());
    snprintf(w->data, sizeof w->data, "%s/data", w->base);
    snprintf(w->work, sizeof w->work, "%s/work", w->base);
    CHECK_EQ(mkdir(w->data, 0755), 0);
    CHECK_EQ(mkdir(w->work, 0777), 0);
    CHECK_EQ(chmod(w->work, 0777), 0);
    w->options = (struct dr_local_options){.data_directory = w->data, .shim_path = shim_path()};
    machine_open(w);
    return w;
}

void machine_shut(struct machine *w)
{
    w->engine->operations->close(w->engine);
    w->engine = NULL;
}

void machine_free(struct machine *w)
{
    static const char *const places[] = {"/pids", "/devices", "/unified", ""};
    char path[128];

    if (w->engine != NULL)
        machine_shut(w);
    for (size_t i = 0; i < DR_COUNT_OF(places); i += 1) {
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/daero-%08x", places[i],
                 (uint32_t)dr_hash_bytes(7, w->data, strlen(w->data)));
        if (access(path, F_OK) == 0 && !w->cgroups_left)
            fail_msg("%s is still there", path);
    }
    free(w);
}

void machine_step(struct machine *w, int64_t until_us)
{
    const struct dr_engine_operations *engine = w->engine->operations;
    struct pollfd wait = {.fd = engine->descriptor(w->engine), .events = POLLIN};
    int64_t left_us = until_us - dr_monotonic_us();

    poll(&wait, 1, left_us < 0 ? 0 : (int)(left_us / 1000) + 1);
    CHECK(w->reports_count + REPORTS < DR_COUNT_OF(w->reports));
    w->reports_count += engine->poll(w->engine, w->reports + w->reports_count, REPORTS);
}

const struct dr_report *machine_find(struct machine *w, uint32_t from, uint64_t job,
                                     uint32_t attempt, enum dr_report_kind kind)
{
    for (uint32_t i = from; i < w->reports_count; i += 1)
        if (w->reports[i].job.v == job && w->reports[i].attempt == attempt &&
            w->reports[i].kind == kind)
            return &w->reports[i];
    return NULL;
}

uint32_t machine_count(struct machine *w, uint64_t job, uint32_t attempt, enum dr_report_kind kind)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < w->reports_count; i += 1)
        count += w->reports[i].job.v == job && w->reports[i].attempt == attempt &&
                 w->reports[i].kind == kind;
    return count;
}

const struct dr_report *machine_wait(struct machine *w, uint32_t from, uint64_t job,
                                     uint32_t attempt, enum dr_report_kind kind)
{
    int64_t until_us = dr_monotonic_us() + MACHINE_WAIT_US;
    const struct dr_report *found;

    while ((found = machine_find(w, from, job, attempt, kind)) == NULL) {
        if (dr_monotonic_us() > until_us)
            fail_msg("no report of kind %d for %" PRIu64 ".%u in time", (int)kind, job, attempt);
        machine_step(w, until_us);
    }
    return found;
}

const struct dr_report *machine_end(struct machine *w, uint64_t job, uint32_t attempt)
{
    return machine_wait(w, 0, job, attempt, DR_REPORT_ENDED);
}

void machine_shell(struct machine *w, struct machine_spec *s, uint64_t job, const char *format, ...)
{
    va_list arguments;
    int length;

    *s = (struct machine_spec){0};
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
                                   .uid = machine_job_uid(),
                                   .gid = geteuid() == 0 ? MACHINE_USER_ID : getegid(),
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

void machine_launch(struct machine *w, const struct machine_spec *s)
{
    struct dr_error error = {0};
    char line[1200];

    if (w->engine->operations->launch(w->engine, &s->launch, &error) != DR_OK)
        fail_msg("launch: %s", dr_error_line(&error, line, sizeof line));
}

const char *machine_work_file(struct machine *w, const char *name)
{
    static char text[65536];
    struct dr_buffer buffer;
    char path[MACHINE_PATH_BYTES];

    dr_buffer_init(&buffer, sizeof text - 1);
    snprintf(path, sizeof path, "%s/%s", w->work, name);
    text[0] = 0;
    if (dr_buffer_read_file(&buffer, path) == DR_OK)
        snprintf(text, sizeof text, "%s", dr_buffer_text(&buffer));
    dr_buffer_deinit(&buffer);
    return text;
}

void machine_wait_for_file(struct machine *w, const char *name)
{
    int64_t until_us = dr_monotonic_us() + MACHINE_WAIT_US;

    while (machine_work_file(w, name)[0] == 0) {
        if (dr_monotonic_us() > until_us)
            fail_msg("the job has not written '%s' in time", name);
        usleep(2000);
    }
}

uint32_t machine_count_marked(const char *mark)
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

void machine_wait_for_marked(const char *mark, uint32_t count)
{
    int64_t until_us = dr_monotonic_us() + MACHINE_WAIT_US;

    while (machine_count_marked(mark) < count) {
        if (dr_monotonic_us() > until_us)
            fail_msg("%u processes in place of %u in time", machine_count_marked(mark), count);
        usleep(2000);
    }
}

pid_t machine_shim_of(struct machine *w, uint64_t job, uint32_t attempt)
{
    char path[MACHINE_PATH_BYTES];
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
