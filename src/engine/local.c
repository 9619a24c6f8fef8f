/* SPDX-License-Identifier: Apache-2.0 */
/* The local engine, the controller's side of it. Read attempt.h and README.md first.
 *
 * All that matters is in the attempts' files; what is here is an index over them. inotify says
 * which file has grown, a pidfd says that a shim is gone, a slow timer looks at what has been
 * silent for long; each only puts the attempt on the list of those to look at, and dr_local poll()
 * reads on where it had stopped in the file. So a lost hint costs time, never an end. */
#include "engine/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/map.h"
#include "base/math.h"
#include "engine/attempt.h"
#include "engine/launcher.h"

#define ATTEMPTS_MAX     65536u
#define LAUNCHER_WAIT_MS 10000
#define LAUNCHER_END_MS  2000
#define AUDIT_PERIOD_US  (2 * DR_SECOND_US)
#define SAVED_QUIET_US   (DR_SECOND_US / 5) /* at least between two looks at one job's marker */
#define STOP_MARGIN_US   (5 * DR_SECOND_US) /* for the shim to end its tree after the grace */
#define SAVED_MARKER     "saved"
#define PATH_BYTES       4096
#define ROW_NONE         UINT32_MAX

enum attempt_state {
    ATTEMPT_FREE,
    ATTEMPT_REFUSED, /* a tombstone */
    ATTEMPT_ORDERED, /* no shim has taken it yet */
    ATTEMPT_RUNNING, /* a shim has */
    ATTEMPT_ENDED,   /* its end is in the file */
};

struct attempt {
    dr_job_id job;
    uint32_t attempt;
    uint32_t next;      /* another attempt of the same job, or ROW_NONE */
    uint64_t offset;    /* of its file: read up to here */
    int64_t ordered_us; /* monotonic: when the launcher was last asked */
    int64_t saved_us;   /* the marker's time that was last reported; 0: none */
    int64_t left_us; /* the marker's time when it was launched: an earlier attempt's; 0: unknown */
    int64_t started_us; /* by the clock; 0: not yet */
    int64_t look_us;    /* monotonic: look at the marker again then; 0: when inotify says so */
    int64_t kill_us;    /* monotonic: a shim that should have ended is killed then; 0: never */
    int32_t pid;        /* of the shim */
    int pidfd;          /* -1: none */
    int watch;          /* inotify's, on the checkpoint directory; -1: none */
    uint32_t uid;
    uint8_t state; /* enum attempt_state */
    uint8_t ready; /* on the list */
    uint8_t lost;  /* its shim is gone: unless its end turns up, sweep */
    uint8_t swept; /* the launcher has been asked to */
};

struct local {
    struct dr_engine engine; /* first */
    char data[PATH_BYTES];
    char shim[PATH_BYTES];
    char description[1100];
    struct dr_local_options options;
    uint64_t boot;
    uint64_t first_epoch; /* of this boot: earlier ones decided before the machine went down */
    int attempts_fd, checkpoints_fd, proc_fd;
    int epoll_fd, files_fd, saved_fd, timer_fd, socket_fd;
    pid_t launcher;
    int64_t launcher_us; /* monotonic: when it was started */

    struct dr_arena arena;
    struct dr_map jobs;    /* job id to its first row */
    struct dr_map watches; /* inotify's watch + 1 to row */
    struct attempt *rows;
    uint32_t rows_max, rows_used, rows_free; /* rows_free: list by `next` */
    uint32_t *ready;                         /* ring of rows to look at */
    uint32_t ready_first, ready_count;
    uint32_t looks; /* attempts with look_us */
    char warning[200];
};

/* What an epoll event is about: a row's pidfd, or one of these. */
enum source { SOURCE_FILES = UINT32_MAX - 8, SOURCE_SAVED, SOURCE_TIMER, SOURCE_LAUNCHER };

/* ---- rows ---- */

static struct attempt *find(struct local *local, dr_job_id job, uint32_t attempt)
{
    uint32_t row = job.v == 0 ? DR_MAP_NONE : dr_map_find(&local->jobs, job.v);

    if (row == DR_MAP_NONE)
        return NULL;
    for (; row != ROW_NONE; row = local->rows[row].next)
        if (local->rows[row].attempt == attempt)
            return &local->rows[row];
    return NULL;
}

static uint32_t row_of(const struct local *local, const struct attempt *attempt)
{
    return (uint32_t)(attempt - local->rows);
}

static struct attempt *add(struct local *local, dr_job_id job, uint32_t attempt)
{
    uint32_t row = local->rows_free;
    uint32_t first;
    struct attempt *added;

    if (row != ROW_NONE)
        local->rows_free = local->rows[row].next;
    else if (local->rows_used < local->rows_max)
        row = local->rows_used++;
    else
        return NULL;
    added = &local->rows[row];
    *added = (struct attempt){
        .job = job, .attempt = attempt, .next = ROW_NONE, .pidfd = -1, .watch = -1};
    first = dr_map_find(&local->jobs, job.v);
    if (first == DR_MAP_NONE) {
        dr_map_insert(&local->jobs, job.v, row);
    } else {
        added->next = local->rows[first].next;
        local->rows[first].next = row;
    }
    return added;
}

static void make_ready(struct local *local, struct attempt *attempt)
{
    if (attempt->ready || attempt->state == ATTEMPT_REFUSED)
        return;
    attempt->ready = 1;
    local->ready[(local->ready_first + local->ready_count) % local->rows_max] =
        row_of(local, attempt);
    local->ready_count += 1;
}

static void drop_watch(struct local *local, struct attempt *attempt)
{
    if (attempt->watch >= 0) {
        inotify_rm_watch(local->saved_fd, attempt->watch);
        dr_map_remove(&local->watches, (uint64_t)attempt->watch + 1);
        attempt->watch = -1;
    }
    if (attempt->look_us != 0) {
        attempt->look_us = 0;
        local->looks -= 1;
    }
}

/* A forked copy of this process (the forecast's) may hold the descriptor open, so closing alone
 * would leave it in the epoll set. */
static void drop_pidfd(struct local *local, struct attempt *attempt)
{
    if (attempt->pidfd < 0)
        return;
    epoll_ctl(local->epoll_fd, EPOLL_CTL_DEL, attempt->pidfd, NULL);
    close(attempt->pidfd);
    attempt->pidfd = -1;
}

static void remove_row(struct local *local, struct attempt *attempt)
{
    uint32_t row = row_of(local, attempt);
    uint32_t first = dr_map_find(&local->jobs, attempt->job.v);

    drop_watch(local, attempt);
    drop_pidfd(local, attempt);
    if (first == row) {
        dr_map_remove(&local->jobs, attempt->job.v);
        if (attempt->next != ROW_NONE)
            dr_map_insert(&local->jobs, attempt->job.v, attempt->next);
    } else {
        while (local->rows[first].next != row)
            first = local->rows[first].next;
        local->rows[first].next = attempt->next;
    }
    attempt->state = ATTEMPT_FREE;
    /* A row on the ready list is freed when its turn comes, or it would be there twice. */
    if (attempt->ready)
        return;
    attempt->next = local->rows_free;
    local->rows_free = row;
}

static int open_file(const struct local *local, const struct attempt *attempt, int flags)
{
    char name[DR_ATTEMPT_NAME_BYTES];

    dr_attempt_name(attempt->job, attempt->attempt, name);
    return openat(local->attempts_fd, name, flags | O_CLOEXEC | O_NOFOLLOW);
}

/* ---- the launcher ---- */

static void watch_fd(struct local *local, int fd, uint64_t source)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = source};

    if (epoll_ctl(local->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        DR_ASSERT(errno == ENOSPC || errno == ENOMEM);
}

static void stop_launcher(struct local *local)
{
    struct pollfd gone = {.fd = -1, .events = POLLIN};

    if (local->socket_fd >= 0) {
        epoll_ctl(local->epoll_fd, EPOLL_CTL_DEL, local->socket_fd, NULL);
        close(local->socket_fd);
    }
    local->socket_fd = -1;
    if (local->launcher > 0) {
        /* It clears up and ends when its socket closes; one that hangs is not waited for. */
        gone.fd = pidfd_open(local->launcher, 0);
        if (gone.fd >= 0) {
            poll(&gone, 1, LAUNCHER_END_MS);
            close(gone.fd);
        }
        kill(local->launcher, SIGKILL);
        while (waitpid(local->launcher, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    local->launcher = 0;
}

static enum dr_status spawn_launcher(struct local *local, int socket_there)
{
    const struct dr_local_options *options = &local->options;
    posix_spawn_file_actions_t actions;
    char pids[16];
    char *arguments[10];
    char *environment[] = {NULL};
    /* posix_spawn wants them writable, and they have to outlive the branches below */
    static char name[] = "daero-shim", part[] = "launcher", pids_option[] = "--pids",
                network_option[] = "--network-none", tmp_option[] = "--shared-tmp",
                required_option[] = "--required";
    int count = 0;
    int failure;

    snprintf(pids, sizeof pids, "%" PRIu32, options->pids_max == 0 ? 8192 : options->pids_max);
    arguments[count++] = name;
    arguments[count++] = part;
    arguments[count++] = local->data;
    arguments[count++] = pids_option;
    arguments[count++] = pids;
    if (options->network_none)
        arguments[count++] = network_option;
    if (options->shared_tmp)
        arguments[count++] = tmp_option;
    if (options->sandbox_required)
        arguments[count++] = required_option;
    arguments[count] = NULL;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, socket_there, DR_LAUNCHER_SOCKET);
    posix_spawn_file_actions_addclosefrom_np(&actions, DR_LAUNCHER_SOCKET + 1);
    failure = posix_spawn(&local->launcher, local->shim, &actions, NULL, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    if (failure == 0)
        return DR_OK;
    local->launcher = 0;
    errno = failure;
    return failure == ENOENT || failure == EACCES ? DR_E_MISSING : DR_E_IO;
}

/* Start it; its HELLO comes later, on the socket. */
static enum dr_status start_launcher(struct local *local)
{
    int ends[2];
    enum dr_status status;
    int bytes = 1 << 20;

    local->launcher_us = dr_monotonic_us();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return DR_E_IO;
    /* the launcher's end waits */
    fcntl(ends[1], F_SETFL, 0);
    /* dup2 onto itself would keep the close-on-exec flag */
    if (ends[1] == DR_LAUNCHER_SOCKET) {
        int moved = fcntl(ends[1], F_DUPFD_CLOEXEC, DR_LAUNCHER_SOCKET + 1);
        close(ends[1]);
        ends[1] = moved;
    }
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    status = spawn_launcher(local, ends[1]);
    close(ends[1]);
    if (status != DR_OK) {
        close(ends[0]);
        return status;
    }
    local->socket_fd = ends[0];
    watch_fd(local, local->socket_fd, SOURCE_LAUNCHER);
    return DR_OK;
}

/* Lost messages are sent again by audit(), so nothing here is an error. */
static void ask(struct local *local, struct attempt *attempt, enum dr_launcher_request_kind kind)
{
    struct dr_launcher_request request = {
        .kind = kind, .job = attempt->job.v, .attempt = attempt->attempt, .uid = attempt->uid};

    attempt->ordered_us = dr_monotonic_us();
    if (local->socket_fd >= 0 &&
        send(local->socket_fd, &request, sizeof request, MSG_NOSIGNAL) != sizeof request)
        attempt->ordered_us = 0;
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

/* Everything that the launcher may have been told and not done. */
static void ask_again(struct local *local, int64_t silent_us)
{
    int64_t now_us = dr_monotonic_us();

    for (uint32_t row = 0; row < local->rows_used; row += 1) {
        struct attempt *attempt = &local->rows[row];

        if (now_us - attempt->ordered_us < silent_us)
            continue;
        if (attempt->swept && attempt->state != ATTEMPT_ENDED)
            ask(local, attempt, DR_LAUNCHER_SWEEP);
        else if (attempt->state == ATTEMPT_ORDERED && !attempt->lost)
            ask(local, attempt, DR_LAUNCHER_LAUNCH);
        else if (attempt->state == ATTEMPT_RUNNING && attempt->pidfd < 0)
            make_ready(local, attempt);
    }
}

static void launcher_gone(struct local *local)
{
    stop_launcher(local);
    /* One that can't live is not started in a loop: the timer tries again. */
    if (dr_monotonic_us() - local->launcher_us < DR_SECOND_US)
        return;
    if (start_launcher(local) == DR_OK)
        ask_again(local, 0);
}

static void hear_launcher(struct local *local)
{
    struct dr_launcher_reply reply;
    ssize_t bytes;

    while ((bytes = recv(local->socket_fd, &reply, sizeof reply, MSG_DONTWAIT)) == sizeof reply) {
        struct attempt *attempt = find(local, (dr_job_id){reply.job}, reply.attempt);

        reply.text[sizeof reply.text - 1] = 0;
        if (reply.kind == DR_LAUNCHER_HELLO)
            snprintf(local->description, sizeof local->description, "%s", reply.text);
        else if (reply.kind == DR_LAUNCHER_BUSY && attempt != NULL)
            snprintf(local->warning, sizeof local->warning,
                     "no process could be made, trying on: %.120s", reply.text);
    }
    if (bytes == 0 || (bytes < 0 && errno != EAGAIN && errno != EINTR))
        launcher_gone(local);
}

static enum dr_status wait_for_hello(struct local *local, struct dr_error *error)
{
    struct pollfd wait = {.fd = local->socket_fd, .events = POLLIN};
    struct dr_launcher_reply reply;

    if (poll(&wait, 1, LAUNCHER_WAIT_MS) != 1 ||
        recv(local->socket_fd, &reply, sizeof reply, 0) != sizeof reply) {
        dr_error_set(error, local->shim, 0, NULL, "no answer", "that it starts as the launcher");
        return DR_E_IO;
    }
    reply.text[sizeof reply.text - 1] = 0;
    if (reply.kind != DR_LAUNCHER_HELLO) {
        dr_error_set(error, NULL, 0, "sandbox", NULL, "%s", reply.text);
        return DR_E_UNSUPPORTED;
    }
    snprintf(local->description, sizeof local->description, "%s", reply.text);
    return DR_OK;
}

/* ---- checkpoints ---- */

static int64_t saved_time_us(const struct local *local, dr_job_id job)
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
    time_us = saved_time_us(local, attempt->job);
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
    dr_map_insert(&local->watches, (uint64_t)watch + 1, row_of(local, attempt));
    attempt->watch = watch;
}

static void set_timer(struct local *local, int64_t wait_us)
{
    struct itimerspec timer = {
        .it_value = {.tv_sec = wait_us / DR_SECOND_US, .tv_nsec = wait_us % DR_SECOND_US * 1000}};

    timerfd_settime(local->timer_fd, 0, &timer, NULL);
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
                set_timer(local, SAVED_QUIET_US);
            local->looks += 1;
        }
        make_ready(local, &local->rows[row]);
    }
}

/* ---- hints ---- */

static void scan_all(struct local *local)
{
    for (uint32_t row = 0; row < local->rows_used; row += 1)
        if (local->rows[row].state != ATTEMPT_FREE)
            make_ready(local, &local->rows[row]);
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
        attempt = find(local, job, number);
        if (attempt != NULL)
            make_ready(local, attempt);
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
            make_ready(local, attempt);
        }
    if (local->socket_fd < 0 && start_launcher(local) == DR_OK)
        ask_again(local, 0);
    ask_again(local, AUDIT_PERIOD_US);
    kill_overdue(local);
    set_timer(local, local->looks > 0 ? SAVED_QUIET_US : AUDIT_PERIOD_US);
}

/* A shim is gone: its end is in the file, or there is none. Asked again, since an event may be
 * about a descriptor that had this number before. */
static void hear_shim(struct local *local, struct attempt *attempt)
{
    struct pollfd gone = {.fd = attempt->pidfd, .events = POLLIN};

    if (poll(&gone, 1, 0) != 1)
        return;
    drop_pidfd(local, attempt);
    attempt->lost = 1;
    make_ready(local, attempt);
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
            hear_launcher(local);
        else if (source < local->rows_used && local->rows[source].pidfd >= 0)
            hear_shim(local, &local->rows[source]);
    }
}

/* ---- reading on ---- */

static void take_shim(struct local *local, struct attempt *attempt,
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
        drop_pidfd(local, attempt);
        attempt->lost = 1;
        return;
    }
    watch_fd(local, attempt->pidfd, row_of(local, attempt));
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
        attempt->ordered_us = dr_monotonic_us(); /* it is there after all: audit() looks again */
        attempt->lost = 0;
        return;
    }
    attempt->swept = 1;
    ask(local, attempt, DR_LAUNCHER_SWEEP);
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
    int file = open_file(local, attempt, O_RDONLY);
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
            drop_pidfd(local, attempt);
            drop_watch(local, attempt);
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
        take_shim(local, attempt, &shim);
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

/* ---- operations ---- */

static enum dr_status check_launch(const struct dr_launch *launch, struct dr_error *error)
{
    if (launch->job.v == 0 || launch->attempt == 0) {
        dr_error_set(error, NULL, 0, "attempt", NULL, "a job id and an attempt from 1");
        return DR_E_INPUT;
    }
    if (launch->uid == 0 || launch->gid == 0) {
        dr_error_set(error, NULL, 0, launch->uid == 0 ? "uid" : "gid", "0",
                     "an unprivileged user: no job runs as root");
        return DR_E_INPUT;
    }
    if (geteuid() != 0 && launch->uid != geteuid()) {
        char found[16];

        snprintf(found, sizeof found, "%" PRIu32, launch->uid);
        dr_error_set(error, NULL, 0, "uid", found,
                     "%u: a controller that is not root runs jobs as its own user only", geteuid());
        return DR_E_INPUT;
    }
    if (launch->script == NULL && launch->argv_count == 0) {
        dr_error_set(error, NULL, 0, "script", NULL, "a script, or a program to run");
        return DR_E_INPUT;
    }
    if (launch->tasks == 0 || launch->tasks > DR_TASKS_MAX || launch->nodes_count == 0) {
        dr_error_set(error, NULL, 0, "tasks", NULL, "1 to %d tasks on at least one node",
                     DR_TASKS_MAX);
        return DR_E_INPUT;
    }
    return DR_OK;
}

static enum dr_status make_checkpoint_directory(struct local *local, const struct dr_launch *launch)
{
    char name[24];

    snprintf(name, sizeof name, "%" PRIu64, launch->job.v);
    if (mkdirat(local->checkpoints_fd, name, 0700) != 0 && errno != EEXIST)
        return DR_E_IO;
    if (geteuid() == 0 &&
        fchownat(local->checkpoints_fd, name, launch->uid, launch->gid, AT_SYMLINK_NOFOLLOW) != 0)
        return DR_E_IO;
    return DR_OK;
}

static enum dr_status write_order(struct local *local, const struct dr_launch *launch,
                                  uint64_t boot, struct dr_buffer *order, struct dr_error *error)
{
    char name[DR_ATTEMPT_NAME_BYTES];
    enum dr_status status;
    int file;

    dr_buffer_init(order, DR_ORDER_BYTES_MAX);
    if (dr_order_encode(order, launch, boot) != DR_OK) {
        dr_error_set(error, NULL, 0, "script", NULL,
                     "script, arguments and environment of at most %u bytes together",
                     DR_ORDER_BYTES_MAX);
        return DR_E_INPUT;
    }
    dr_attempt_name(launch->job, launch->attempt, name);
    file = openat(local->attempts_fd, name,
                  O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) {
        dr_error_set(error, local->data, 0, "attempts", NULL, "a new file there: %s",
                     strerror(errno));
        return DR_E_IO;
    }
    status = make_checkpoint_directory(local, launch);
    if (status == DR_OK)
        status = dr_record_append(file, DR_RECORD_ORDER, order->data, order->length);
    close(file);
    if (status != DR_OK) {
        dr_error_set(error, local->data, 0, "attempts", NULL, "room for the order: %s",
                     strerror(errno));
        unlinkat(local->attempts_fd, name, 0);
        return DR_E_IO;
    }
    return DR_OK;
}

static enum dr_status local_launch(struct dr_engine *engine, const struct dr_launch *launch,
                                   struct dr_error *error)
{
    struct local *local = (struct local *)engine;
    DR_CLEANUP(dr_buffer_deinit) struct dr_buffer order = {0};
    struct attempt *attempt = find(local, launch->job, launch->attempt);
    enum dr_status status;
    int before_boot;

    if (attempt != NULL && attempt->state == ATTEMPT_REFUSED) {
        dr_error_set(error, NULL, 0, "attempt", NULL, "one that was not stopped before its launch");
        return DR_E_INPUT;
    }
    if (attempt != NULL) {
        /* known: told again from the start */
        attempt->offset = 0;
        attempt->saved_us = 0;
        make_ready(local, attempt);
        set_timer(local, 1);
        return DR_OK;
    }
    status = check_launch(launch, error);
    if (status != DR_OK)
        return status;
    attempt = add(local, launch->job, launch->attempt);
    if (attempt == NULL) {
        dr_error_set(error, NULL, 0, "attempts", NULL, "at most %" PRIu32 " that are not forgotten",
                     local->rows_max);
        return DR_E_IO;
    }
    before_boot = launch->epoch < local->first_epoch;
    status = write_order(local, launch, before_boot ? 0 : local->boot, &order, error);
    if (status != DR_OK) {
        remove_row(local, attempt);
        return status;
    }
    attempt->state = ATTEMPT_ORDERED;
    attempt->uid = launch->uid;
    attempt->left_us = launch->attempt > 1 ? saved_time_us(local, launch->job) : 0;
    attempt->offset = sizeof(struct dr_record_header) + order.length;
    if (before_boot) {
        attempt->lost = 1;
        make_ready(local, attempt);
        set_timer(local, 1); /* or nothing would say that poll() has something to do */
        return DR_OK;
    }
    ask(local, attempt, DR_LAUNCHER_LAUNCH);
    return DR_OK;
}

static enum dr_status refuse_for_ever(struct local *local, dr_job_id job, uint32_t number)
{
    char name[DR_ATTEMPT_NAME_BYTES];
    struct attempt *attempt;
    int file;

    if (job.v == 0 || number == 0)
        return DR_E_MISSING;
    attempt = add(local, job, number);
    if (attempt == NULL)
        return DR_E_FULL;
    attempt->state = ATTEMPT_REFUSED;
    file = openat(local->attempts_fd, dr_attempt_name(job, number, name),
                  O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0 || dr_record_append(file, DR_RECORD_REFUSED, NULL, 0) != DR_OK) {
        if (file >= 0)
            close(file);
        unlinkat(local->attempts_fd, name, 0);
        remove_row(local, attempt);
        return DR_E_IO;
    }
    close(file);
    return DR_E_MISSING;
}

/* The record first, then the hint: a shim that takes the order in between finds the record. */
static enum dr_status local_stop(struct dr_engine *engine, dr_job_id job, uint32_t number,
                                 uint32_t signal_number, int64_t grace_us)
{
    struct local *local = (struct local *)engine;
    struct attempt *attempt = find(local, job, number);
    struct dr_record_stop stop = {
        .time_us = dr_clock_us(), .grace_us = grace_us, .signal = signal_number};
    enum dr_status status;
    int file;

    if (attempt == NULL)
        return refuse_for_ever(local, job, number);
    if (attempt->state == ATTEMPT_REFUSED)
        return DR_E_MISSING;
    if (attempt->state == ATTEMPT_ENDED)
        return DR_OK;
    file = open_file(local, attempt, O_RDWR | O_APPEND);
    if (file < 0)
        return DR_E_IO;
    status = dr_record_append(file, DR_RECORD_STOP, &stop, sizeof stop);
    if (attempt->pidfd < 0) {
        uint64_t offset = 0;
        uint8_t payload[sizeof(struct dr_record_end)];
        enum dr_record_kind kind;
        size_t bytes;

        while (dr_record_read(file, &offset, &kind, payload, sizeof payload, &bytes) == DR_OK)
            if (kind == DR_RECORD_SHIM && bytes == sizeof(struct dr_record_shim)) {
                struct dr_record_shim shim;
                memcpy(&shim, payload, sizeof shim);
                take_shim(local, attempt, &shim);
                make_ready(local, attempt);
            }
    }
    close(file);
    if (attempt->pidfd >= 0)
        pidfd_send_signal(attempt->pidfd, SIGUSR1, NULL, 0);
    if (grace_us < DR_DAY_US) {
        int64_t kill_us = dr_monotonic_us() + dr_max_i64(grace_us, 0) + STOP_MARGIN_US;
        attempt->kill_us = attempt->kill_us == 0 ? kill_us : dr_min_i64(attempt->kill_us, kill_us);
    }
    return status == DR_E_FULL ? DR_E_IO : status;
}

static enum dr_status local_forget(struct dr_engine *engine, dr_job_id job, uint32_t number)
{
    struct local *local = (struct local *)engine;
    struct attempt *attempt = find(local, job, number);
    char name[DR_ATTEMPT_NAME_BYTES];

    if (attempt == NULL)
        return DR_E_MISSING;
    if (attempt->state != ATTEMPT_ENDED && attempt->state != ATTEMPT_REFUSED)
        return DR_E_EXISTS;
    if (unlinkat(local->attempts_fd, dr_attempt_name(job, number, name), 0) != 0 && errno != ENOENT)
        return DR_E_IO;
    remove_row(local, attempt);
    return DR_OK;
}

static enum dr_status local_list(struct dr_engine *engine,
                                 void (*each)(void *context,
                                              const struct dr_engine_attempt *attempt),
                                 void *context)
{
    struct local *local = (struct local *)engine;

    for (uint32_t row = 0; row < local->rows_used; row += 1) {
        const struct attempt *attempt = &local->rows[row];
        struct dr_engine_attempt told = {.job = attempt->job,
                                         .attempt = attempt->attempt,
                                         .ended = attempt->state == ATTEMPT_ENDED};

        if (attempt->state != ATTEMPT_FREE && attempt->state != ATTEMPT_REFUSED)
            each(context, &told);
    }
    return DR_OK;
}

static int local_descriptor(const struct dr_engine *engine)
{
    return ((const struct local *)engine)->epoll_fd;
}

static uint32_t local_poll(struct dr_engine *engine, struct dr_report *reports,
                           uint32_t reports_max)
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
            make_ready(local, attempt);
    }
    /* what is left over makes the descriptor readable again at once */
    if (local->ready_count > 0)
        set_timer(local, 1);
    return count;
}

static const char *local_describe(const struct dr_engine *engine)
{
    return ((const struct local *)engine)->description;
}

static void local_close(struct dr_engine *engine)
{
    struct local *local = (struct local *)engine;

    if (local == NULL)
        return;
    stop_launcher(local);
    for (uint32_t row = 0; row < local->rows_used; row += 1)
        if (local->rows[row].state != ATTEMPT_FREE)
            drop_pidfd(local, &local->rows[row]);
    const int fds[] = {local->attempts_fd, local->checkpoints_fd, local->proc_fd, local->files_fd,
                       local->saved_fd,    local->timer_fd,       local->epoll_fd};
    for (size_t i = 0; i < DR_COUNT_OF(fds); i += 1)
        if (fds[i] >= 0)
            close(fds[i]);
    dr_arena_deinit(&local->arena);
    free(local);
}

static const struct dr_engine_operations operations = {
    .name = "local",
    .launch = local_launch,
    .stop = local_stop,
    .forget = local_forget,
    .list = local_list,
    .descriptor = local_descriptor,
    .poll = local_poll,
    .describe = local_describe,
    .close = local_close,
};

/* ---- opening ---- */

static int make_directory(const struct local *local, const char *name, mode_t mode)
{
    char path[PATH_BYTES + 32];

    snprintf(path, sizeof path, "%s/%s", local->data, name);
    if (mkdir(path, mode) != 0 && errno != EEXIST)
        return -1;
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

struct boot_mark {
    uint64_t boot;
    uint64_t first_epoch; /* of the controllers that ran since */
};

/* An attempt's file need not survive a crash of the machine, but an order must not be carried out
 * twice. An order that was decided before this boot and has no file may have run then: it is not
 * started. The mark is the one thing here that is synced, once a boot. */
static enum dr_status read_boot_mark(struct local *local)
{
    struct boot_mark mark = {0};
    int fd = openat(local->attempts_fd, "boot", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int ok = fd >= 0;

    if (ok && (pread(fd, &mark, sizeof mark, 0) != sizeof mark || mark.boot != local->boot)) {
        mark = (struct boot_mark){.boot = local->boot, .first_epoch = local->options.epoch};
        ok = pwrite(fd, &mark, sizeof mark, 0) == sizeof mark && fsync(fd) == 0 &&
             fsync(local->attempts_fd) == 0;
    }
    if (fd >= 0)
        close(fd);
    local->first_epoch = mark.first_epoch;
    return ok ? DR_OK : DR_E_IO;
}

static enum dr_status allocate(struct local *local)
{
    uint32_t max = local->options.attempts_max == 0 ? ATTEMPTS_MAX : local->options.attempts_max;
    size_t bytes =
        (size_t)max * (sizeof(struct attempt) + 8 * sizeof(struct dr_map_slot) + 64) + 65536;

    if (dr_arena_init(&local->arena, bytes) != DR_OK ||
        dr_map_init(&local->jobs, &local->arena, max) != DR_OK ||
        dr_map_init(&local->watches, &local->arena, max) != DR_OK)
        return DR_E_FULL;
    local->rows = dr_arena_push(&local->arena, max, sizeof *local->rows);
    local->ready = dr_arena_push(&local->arena, max, sizeof *local->ready);
    local->rows_max = max;
    local->rows_free = ROW_NONE;
    return local->rows == NULL || local->ready == NULL ? DR_E_FULL : DR_OK;
}

static enum dr_status choose_shim(struct local *local, struct dr_error *error)
{
    ssize_t bytes;
    char *slash;

    if (local->options.shim_path != NULL) {
        snprintf(local->shim, sizeof local->shim, "%s", local->options.shim_path);
    } else {
        bytes = readlink("/proc/self/exe", local->shim, sizeof local->shim - 32);
        if (bytes <= 0)
            return DR_E_IO;
        local->shim[bytes] = 0;
        slash = strrchr(local->shim, '/');
        memcpy(slash + 1, "daero-shim", sizeof "daero-shim");
    }
    if (access(local->shim, X_OK) == 0)
        return DR_OK;
    dr_error_set(error, local->shim, 0, NULL, NULL, "the program daero-shim: %s", strerror(errno));
    return DR_E_MISSING;
}

/* An order that was not written whole was never promised to anybody. */
static void find_attempt(struct local *local, const char *name)
{
    enum dr_record_kind kind;
    struct attempt *attempt;
    struct dr_order_head head = {0};
    uint64_t offset = 0;
    dr_job_id job;
    uint32_t number;
    size_t bytes;
    int file;

    if (!dr_attempt_name_parse(name, &job, &number))
        return;
    file = openat(local->attempts_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0)
        return;
    if (dr_record_read(file, &offset, &kind, &head, sizeof head, &bytes) != DR_OK) {
        unlinkat(local->attempts_fd, name, 0);
    } else if ((attempt = add(local, job, number)) != NULL) {
        attempt->state = kind == DR_RECORD_REFUSED ? ATTEMPT_REFUSED : ATTEMPT_ORDERED;
        attempt->uid = head.uid;
        /* the machine went down: whether it ran nobody can know, but it does not now */
        attempt->lost = attempt->state == ATTEMPT_ORDERED && head.boot != local->boot;
        while (dr_record_read(file, &offset, &kind, &head, sizeof head, &bytes) == DR_OK)
            if (kind == DR_RECORD_END)
                attempt->state = ATTEMPT_ENDED;
            else if (kind == DR_RECORD_SHIM)
                attempt->state = ATTEMPT_RUNNING;
        make_ready(local, attempt);
    }
    close(file);
}

static enum dr_status find_attempts(struct local *local)
{
    int fd = openat(local->attempts_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (directory == NULL)
        return DR_E_IO;
    while ((entry = readdir(directory)) != NULL)
        find_attempt(local, entry->d_name);
    closedir(directory);
    return DR_OK;
}

static enum dr_status open_all(struct local *local, struct dr_error *error)
{
    enum dr_status status = choose_shim(local, error);
    char path[PATH_BYTES + 32];

    if (status != DR_OK)
        return status;
    local->attempts_fd = make_directory(local, "attempts", 0700);
    local->checkpoints_fd = make_directory(local, "checkpoints", 0711);
    local->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    local->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    local->files_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    local->saved_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    local->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    snprintf(path, sizeof path, "%s/attempts", local->data);
    if (local->attempts_fd < 0 || local->checkpoints_fd < 0 || local->proc_fd < 0 ||
        local->epoll_fd < 0 || local->files_fd < 0 || local->saved_fd < 0 || local->timer_fd < 0 ||
        fchmod(local->checkpoints_fd, 0711) != 0 ||
        inotify_add_watch(local->files_fd, path, IN_MODIFY | IN_ONLYDIR) < 0) {
        dr_error_set(error, local->data, 0, NULL, NULL, "a directory to keep attempts in: %s",
                     strerror(errno));
        return DR_E_IO;
    }
    watch_fd(local, local->files_fd, SOURCE_FILES);
    watch_fd(local, local->saved_fd, SOURCE_SAVED);
    watch_fd(local, local->timer_fd, SOURCE_TIMER);
    status = allocate(local);
    if (status == DR_OK)
        status = read_boot_mark(local);
    if (status == DR_OK)
        status = find_attempts(local);
    if (status != DR_OK) {
        dr_error_set(error, local->data, 0, "attempts", NULL, "that its attempts can be read: %s",
                     dr_status_text(status));
        return status;
    }
    status = start_launcher(local);
    if (status != DR_OK) {
        dr_error_set(error, local->shim, 0, NULL, NULL, "that it can be run: %s", strerror(errno));
        return status;
    }
    return wait_for_hello(local, error);
}

enum dr_status dr_local_open(struct dr_engine **engine, const struct dr_local_options *options,
                             struct dr_error *error)
{
    struct local *local;
    enum dr_status status;

    if (options->data_directory == NULL || options->data_directory[0] != '/' ||
        strlen(options->data_directory) > PATH_BYTES - 200) {
        dr_error_set(error, NULL, 0, "data directory", options->data_directory, "an absolute path");
        return DR_E_INPUT;
    }
    local = calloc(1, sizeof *local);
    if (local == NULL)
        abort();
    local->engine.operations = &operations;
    local->options = *options;
    local->boot = dr_boot_hash();
    local->attempts_fd = local->checkpoints_fd = local->proc_fd = local->epoll_fd = -1;
    local->files_fd = local->saved_fd = local->timer_fd = local->socket_fd = -1;
    /* without links in it: the launcher covers it up under this name */
    if (realpath(options->data_directory, local->data) == NULL) {
        dr_error_set(error, options->data_directory, 0, NULL, NULL, "a directory: %s",
                     strerror(errno));
        free(local);
        return errno == ENOENT ? DR_E_MISSING : DR_E_IO;
    }
    status = open_all(local, error);
    if (status != DR_OK) {
        local_close(&local->engine);
        return status;
    }
    set_timer(local, 1);
    *engine = &local->engine;
    return DR_OK;
}

enum dr_status dr_local_drop_checkpoints(struct dr_engine *engine, dr_job_id job)
{
    struct local *local = (struct local *)engine;
    struct dr_launcher_request request = {.kind = DR_LAUNCHER_DROP, .job = job.v};
    char name[32], dropped[32];

    snprintf(name, sizeof name, "%" PRIu64, job.v);
    if (unlinkat(local->checkpoints_fd, name, AT_REMOVEDIR) == 0)
        return DR_OK;
    if (errno == ENOENT)
        return DR_E_MISSING;
    /* Out of the way at once; what is in it may take long, and is the launcher's work. */
    snprintf(dropped, sizeof dropped, DR_DROPPED_PREFIX "%" PRIu64, job.v);
    if (renameat(local->checkpoints_fd, name, local->checkpoints_fd, dropped) != 0)
        return DR_E_IO;
    if (local->socket_fd >= 0 &&
        send(local->socket_fd, &request, sizeof request, MSG_NOSIGNAL) != sizeof request)
        return DR_OK; /* the next launcher finds it at its start */
    return DR_OK;
}

const char *dr_local_checkpoint_path(const struct dr_engine *engine, dr_job_id job, char *path,
                                     uint32_t path_bytes)
{
    snprintf(path, path_bytes, "%s/checkpoints/%" PRIu64, ((const struct local *)engine)->data,
             job.v);
    return path;
}
