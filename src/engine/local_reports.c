/* SPDX-License-Identifier: Apache-2.0 */
/* What has happened to the attempts: the hints, what their files say, the reports.
 *
 * Read dr_local_poll(), the last function, first. */
#include "engine/local_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/assert.h"

#define AUDIT_PERIOD_US (2 * DR_SECOND_US)
#define SAVED_QUIET_US  (DR_SECOND_US / 5) /* at least between two looks at one job's marker */
#define SAVED_MARKER    "saved"

/* What an epoll event is about: a row's pidfd, or one of enum source. */
void dr_local_watch_fd(struct local *local, int fd, uint64_t source)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = source};

    if (epoll_ctl(local->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        DR_ASSERT(errno == ENOSPC || errno == ENOMEM);
}

void dr_local_set_timer(struct local *local, int64_t wait_us)
{
    struct itimerspec timer = {
        .it_value = {.tv_sec = wait_us / DR_SECOND_US, .tv_nsec = wait_us % DR_SECOND_US * 1000}};

    timerfd_settime(local->timer_fd, 0, &timer, NULL);
}

/* ---- checkpoints ---- */

int64_t dr_local_saved_time_us(const struct local *local, dr_job_id job)
{
    char path[64];
    struct stat marker;

    snprintf(path, sizeof path, "%" PRIu64 "/" SAVED_MARKER, job.v);
    if (fstatat(local->checkpoints_fd, path, &marker, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(marker.st_mode))
        return 0;
    return (int64_t)marker.st_mtim.tv_sec * DR_SECOND_US + marker.st_mtim.tv_nsec / 1000;
}

/* The marker of an earlier attempt says nothing about this one. Files' times lag behind the clock
 * by up to a tick of the kernel. */
static int newly_saved(struct local *local, struct attempt *attempt)
{
    int64_t time_us;

    if (attempt->started_us == 0)
        return 0;
    time_us = dr_local_saved_time_us(local, attempt->job);
    if (time_us <= attempt->saved_us || time_us <= attempt->left_us ||
        time_us < attempt->started_us - 10000)
        return 0;
    attempt->saved_us = time_us;
    return 1;
}

/* One event at a time, then a pause: a job that writes without end keeps nobody busy. */
static void watch_saved(struct local *local, struct attempt *attempt)
{
    char path[PATH_BYTES + 64];
    int watch;

    snprintf(path, sizeof path, "/proc/self/fd/%d/%" PRIu64, local->checkpoints_fd, attempt->job.v);
    watch = inotify_add_watch(local->saved_fd, path,
                              IN_CREATE | IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVED_TO | IN_ONESHOT |
                                  IN_ONLYDIR | IN_DONT_FOLLOW);
    if (watch < 0 || dr_map_find(&local->watches, (uint64_t)watch + 1) != DR_MAP_NONE)
        return;
    if (local->watches.count == local->watches.count_max) {
        inotify_rm_watch(local->saved_fd, watch);
        return;
    }
    dr_map_insert(&local->watches, (uint64_t)watch + 1, dr_local_row_of(local, attempt));
    attempt->watch = watch;
}

static void hear_saved(struct local *local)
{
    _Alignas(struct inotify_event) char bytes[16384];
    ssize_t length = read(local->saved_fd, bytes, sizeof bytes);

    for (ssize_t at = 0; at < length;) {
        const struct inotify_event *event = (const struct inotify_event *)(bytes + at);
        uint32_t row =
            event->wd < 0 ? DR_MAP_NONE : dr_map_find(&local->watches, (uint64_t)event->wd + 1);

        at += (ssize_t)(sizeof *event + event->len);
        if (row == DR_MAP_NONE || (event->mask & IN_IGNORED) != 0)
            continue;
        /* a one-shot watch is gone with its event */
        dr_map_remove(&local->watches, (uint64_t)event->wd + 1);
        local->rows[row].watch = -1;
        if (local->rows[row].look_us == 0) {
            local->rows[row].look_us = dr_monotonic_us() + SAVED_QUIET_US;
            if (local->looks == 0)
                dr_local_set_timer(local, SAVED_QUIET_US);
            local->looks += 1;
        }
        dr_local_make_ready(local, &local->rows[row]);
    }
}

/* ---- hints ---- */

static void scan_all(struct local *local)
{
    for (uint32_t row = 0; row < local->rows_used; row += 1)
        if (local->rows[row].state != ATTEMPT_FREE)
            dr_local_make_ready(local, &local->rows[row]);
}

static void hear_files(struct local *local)
{
    _Alignas(struct inotify_event) char bytes[65536];
    ssize_t length = read(local->files_fd, bytes, sizeof bytes);

    for (ssize_t at = 0; at < length;) {
        const struct inotify_event *event = (const struct inotify_event *)(bytes + at);
        struct attempt *attempt;
        dr_job_id job;
        uint32_t number;

        at += (ssize_t)(sizeof *event + event->len);
        if ((event->mask & IN_Q_OVERFLOW) != 0)
            scan_all(local);
        if (event->len == 0 || !dr_attempt_name_parse(event->name, &job, &number))
            continue;
        attempt = dr_local_find(local, job, number);
        if (attempt != NULL)
            dr_local_make_ready(local, attempt);
    }
}

/* A shim that is stopped, or hangs on a file system that does not answer: its death ends the tree.
 */
static void kill_overdue(struct local *local)
{
    int64_t now_us = dr_monotonic_us();

    for (uint32_t row = 0; row < local->rows_used; row += 1) {
        struct attempt *attempt = &local->rows[row];

        if (attempt->state == ATTEMPT_RUNNING && attempt->kill_us != 0 &&
            attempt->kill_us < now_us && attempt->pidfd >= 0)
            pidfd_send_signal(attempt->pidfd, SIGKILL, NULL, 0);
    }
}

static void tick(struct local *local)
{
    uint64_t expired;
    int64_t now_us = dr_monotonic_us();

    if (read(local->timer_fd, &expired, sizeof expired) < 0)
        return;
    if (local->looks > 0)
        for (uint32_t row = 0; row < local->rows_used; row += 1) {
            struct attempt *attempt = &local->rows[row];

            if (attempt->state == ATTEMPT_FREE || attempt->look_us == 0 ||
                attempt->look_us > now_us)
                continue;
            attempt->look_us = 0;
            local->looks -= 1;
            watch_saved(local, attempt);
            dr_local_make_ready(local, attempt);
        }
    if (local->socket_fd < 0 && dr_local_start_launcher(local) == DR_OK)
        dr_local_ask_again(local, 0);
    dr_local_ask_again(local, AUDIT_PERIOD_US);
    kill_overdue(local);
    dr_local_set_timer(local, local->looks > 0 ? SAVED_QUIET_US : AUDIT_PERIOD_US);
}

/* A shim is gone: its end is in the file, or there is none. Asked again, since an event may be
 * about a descriptor that had this number before. */
static void hear_shim(struct local *local, struct attempt *attempt)
{
    struct pollfd gone = {.fd = attempt->pidfd, .events = POLLIN};

    if (poll(&gone, 1, 0) != 1)
        return;
    dr_local_drop_pidfd(local, attempt);
    attempt->lost = 1;
    dr_local_make_ready(local, attempt);
}

static void gather(struct local *local)
{
    struct epoll_event events[64];
    int count = epoll_wait(local->epoll_fd, events, DR_COUNT_OF(events), 0);

    for (int i = 0; i < count; i += 1) {
        uint64_t source = events[i].data.u64;

        if (source == SOURCE_FILES)
            hear_files(local);
        else if (source == SOURCE_SAVED)
            hear_saved(local);
        else if (source == SOURCE_TIMER)
            tick(local);
        else if (source == SOURCE_LAUNCHER)
            dr_local_hear_launcher(local);
        else if (source < local->rows_used && local->rows[source].pidfd >= 0)
            hear_shim(local, &local->rows[source]);
    }
}

/* ---- reading on ---- */

void dr_local_take_shim(struct local *local, struct attempt *attempt,
                        const struct dr_record_shim *shim)
{
    char state = 0;

    if (attempt->state == ATTEMPT_ORDERED)
        attempt->state = ATTEMPT_RUNNING;
    attempt->pid = shim->pid;
    if (shim->boot != local->boot) {
        attempt->lost = 1;
        return;
    }
    if (attempt->pidfd >= 0 || attempt->lost)
        return;
    attempt->pidfd = pidfd_open(shim->pid, 0);
    /* looked at after pidfd_open: what it names can't change any more */
    if (attempt->pidfd < 0 ||
        dr_process_start_ticks(local->proc_fd, shim->pid, &state) != shim->start_ticks) {
        dr_local_drop_pidfd(local, attempt);
        attempt->lost = 1;
        return;
    }
    dr_local_watch_fd(local, attempt->pidfd, dr_local_row_of(local, attempt));
}

static void report_end(struct dr_report *report, const struct dr_record_end *end)
{
    report->kind = DR_REPORT_ENDED;
    report->time_us = end->time_us;
    report->outcome = (enum dr_outcome)end->outcome;
    report->exit_code = end->exit_code;
    report->signal = end->signal;
    report->cpu_time_us = end->cpu_time_us;
    report->memory_mb_peak = end->memory_mb_peak;
    snprintf(report->text, sizeof report->text, "%.*s", (int)sizeof report->text - 1, end->text);
}

/* The shim is gone and left no end. */
static void sweep(struct local *local, struct attempt *attempt, int file)
{
    if (dr_attempt_locked(file)) {
        attempt->ordered_us = dr_monotonic_us(); /* it is there after all: it is looked at again */
        attempt->lost = 0;
        return;
    }
    attempt->swept = 1;
    dr_local_ask(local, attempt, DR_LAUNCHER_SWEEP);
}

/* Take the reports that an attempt's file has for us; returns how many, and 1 in `*more` when
 * reports_max cut it short. */
static uint32_t read_on(struct local *local, struct attempt *attempt, struct dr_report *reports,
                        uint32_t reports_max, int *more)
{
    uint8_t payload[sizeof(struct dr_record_end)];
    enum dr_record_kind kind;
    size_t bytes;
    uint32_t count = 0;
    struct dr_record_shim shim = {0};
    int file = dr_local_open_file(local, attempt, O_RDONLY);
    uint64_t offset = attempt->offset;

    *more = 0;
    if (file < 0)
        return 0;
    while (dr_record_read(file, &offset, &kind, payload, sizeof payload, &bytes) == DR_OK) {
        struct dr_report report = {.job = attempt->job, .attempt = attempt->attempt};
        int told = 1;

        /* two at once: a checkpoint may have to be told before an end */
        if (count + 2 > reports_max) {
            *more = 1;
            break;
        }
        if (kind == DR_RECORD_SHIM && bytes == sizeof(struct dr_record_shim)) {
            memcpy(&shim, payload, sizeof shim);
            told = 0;
        } else if (kind == DR_RECORD_STARTED && bytes == sizeof(struct dr_record_started)) {
            struct dr_record_started started;
            memcpy(&started, payload, sizeof started);
            report.kind = DR_REPORT_STARTED;
            report.time_us = attempt->started_us = started.time_us;
            if (attempt->state != ATTEMPT_ENDED && attempt->watch < 0 && attempt->look_us == 0)
                watch_saved(local, attempt);
        } else if (kind == DR_RECORD_WARNING && bytes < sizeof payload) {
            report.kind = DR_REPORT_WARNING;
            report.time_us = dr_clock_us();
            snprintf(report.text, sizeof report.text, "%.*s", (int)bytes, (const char *)payload);
        } else if (kind == DR_RECORD_END && bytes == sizeof(struct dr_record_end)) {
            struct dr_record_end end;
            memcpy(&end, payload, sizeof end);
            end.text[sizeof end.text - 1] = 0;
            if (newly_saved(local, attempt)) {
                reports[count] = report;
                reports[count].kind = DR_REPORT_CHECKPOINT;
                reports[count].time_us = attempt->saved_us;
                count += 1;
            }
            report_end(&report, &end);
            attempt->state = ATTEMPT_ENDED;
            dr_local_drop_pidfd(local, attempt);
            dr_local_drop_watch(local, attempt);
        } else {
            told = 0;
        }
        attempt->offset = offset;
        if (told)
            reports[count++] = report;
        if (kind == DR_RECORD_END)
            break;
    }
    /* where its end was in the file too, nobody needs watching */
    if (shim.pid != 0 && attempt->state != ATTEMPT_ENDED)
        dr_local_take_shim(local, attempt, &shim);
    if (!*more && attempt->state == ATTEMPT_RUNNING && count < reports_max &&
        newly_saved(local, attempt)) {
        reports[count++] = (struct dr_report){.kind = DR_REPORT_CHECKPOINT,
                                              .job = attempt->job,
                                              .attempt = attempt->attempt,
                                              .time_us = attempt->saved_us};
    }
    if (!*more && attempt->state != ATTEMPT_ENDED && attempt->lost && !attempt->swept)
        sweep(local, attempt, file);
    close(file);
    return count;
}

uint32_t dr_local_poll(struct dr_engine *engine, struct dr_report *reports, uint32_t reports_max)
{
    struct local *local = (struct local *)engine;
    uint32_t count = 0;
    uint32_t looks;

    gather(local);
    for (looks = local->ready_count; looks > 0 && count + 2 <= reports_max; looks -= 1) {
        uint32_t row = local->ready[local->ready_first];
        struct attempt *attempt = &local->rows[row];
        int more = 0;

        local->ready_first = (local->ready_first + 1) % local->rows_max;
        local->ready_count -= 1;
        attempt->ready = 0;
        if (attempt->state == ATTEMPT_FREE) {
            attempt->next = local->rows_free;
            local->rows_free = row;
            continue;
        }
        count += read_on(local, attempt, reports + count, reports_max - count, &more);
        if (more)
            dr_local_make_ready(local, attempt);
    }
    /* what is left over makes the descriptor readable again at once */
    if (local->ready_count > 0)
        dr_local_set_timer(local, 1);
    return count;
}
