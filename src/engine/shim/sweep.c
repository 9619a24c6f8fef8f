/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of an attempt whose shim was lost. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#include "engine/shim/watch.h"

/* Where there was neither a pid namespace nor a cgroup: who still has the attempt's variables. A
 * process that has given itself another environment is not found; describe() says what is missing
 * here. */
static uint32_t kill_by_environment(struct sandbox *sandbox, dr_job_id job, uint32_t attempt)
{
    int fd = openat(sandbox->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    char job_text[64], attempt_text[64], path[300];
    uint32_t killed = 0;

    snprintf(job_text, sizeof job_text, "DAERO_JOB_ID=%" PRIu64, job.v);
    snprintf(attempt_text, sizeof attempt_text, "DAERO_ATTEMPT=%" PRIu32, attempt);
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        DR_CLEANUP(dr_buffer_deinit) struct dr_buffer text;

        dr_buffer_init(&text, 1 << 20);
        snprintf(path, sizeof path, "/proc/%s/environ", entry->d_name);
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
            dr_buffer_read_file(&text, path) != DR_OK || text.length == 0)
            continue;
        /* each with its 0 */
        if (memmem(text.data, text.length, job_text, strlen(job_text) + 1) != NULL &&
            memmem(text.data, text.length, attempt_text, strlen(attempt_text) + 1) != NULL &&
            kill((pid_t)strtol(entry->d_name, NULL, 10), SIGKILL) == 0)
            killed += 1;
    }
    if (directory != NULL)
        closedir(directory);
    return killed;
}

static int was_stopped(int file)
{
    uint8_t payload[sizeof(struct dr_record_end)];
    enum dr_record_kind kind;
    uint64_t offset = 0;
    size_t bytes;

    while (dr_record_read(file, &offset, &kind, payload, sizeof payload, &bytes) == DR_OK)
        if (kind == DR_RECORD_STOP)
            return 1;
    return 0;
}

void watch_sweep(struct sandbox *sandbox, dr_job_id job, uint32_t attempt)
{
    struct dr_record_end end = {.outcome = DR_OUTCOME_NODE_FAILED,
                                .text = "the process that watched over it was lost"};
    char name[DR_ATTEMPT_NAME_BYTES], script[DR_ATTEMPT_NAME_BYTES + 8];
    int file;

    dr_attempt_name(job, attempt, name);
    file = openat(sandbox->attempts, name, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0)
        return;
    if (dr_attempt_lock(file) == DR_OK) {
        if (sandbox->cgroups.version != 0)
            cgroup_sweep(&sandbox->cgroups, name);
        for (int i = 0; sandbox->namespaces == 0 && i < 1000; i += 1) {
            if (kill_by_environment(sandbox, job, attempt) == 0)
                break;
            usleep(1000);
        }
        if (was_stopped(file))
            end.outcome = DR_OUTCOME_STOPPED;
        snprintf(script, sizeof script, "%s.script", name);
        unlinkat(sandbox->scripts, script, 0);
        end.time_us = dr_clock_us();
        append_end(file, &end);
    }
    close(file);
}
