/* SPDX-License-Identifier: Apache-2.0 */
/* The local engine, the controller's side of it. Read attempt.h and README.md first.
 *
 * All that matters is in the attempts' files; what is here is an index over them. inotify says
 * which file has grown, a pidfd says that a shim is gone, a slow timer looks at what has been
 * silent for long; each only puts the attempt on the list of those to look at, and dr_local_poll()
 * reads on where it had stopped in the file. So a lost hint costs time, never an end.
 *
 * Here it is opened and closed; local_internal.h says which file does what else. */
#include "engine/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "engine/local_internal.h"

#define ATTEMPTS_MAX 65536u

/* ---- operations ---- */

static int local_descriptor(const struct dr_engine *engine)
{
    return ((const struct local *)engine)->epoll_fd;
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
    dr_local_stop_launcher(local);
    for (uint32_t row = 0; row < local->rows_used; row += 1)
        if (local->rows[row].state != ATTEMPT_FREE)
            dr_local_drop_pidfd(local, &local->rows[row]);
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
    .launch = dr_local_launch,
    .stop = dr_local_stop,
    .forget = dr_local_forget,
    .list = dr_local_list,
    .descriptor = local_descriptor,
    .poll = dr_local_poll,
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
    } else if ((attempt = dr_local_add(local, job, number)) != NULL) {
        attempt->state = kind == DR_RECORD_REFUSED ? ATTEMPT_REFUSED : ATTEMPT_ORDERED;
        attempt->uid = head.uid;
        /* the machine went down: whether it ran nobody can know, but it does not now */
        attempt->lost = attempt->state == ATTEMPT_ORDERED && head.boot != local->boot;
        while (dr_record_read(file, &offset, &kind, &head, sizeof head, &bytes) == DR_OK)
            if (kind == DR_RECORD_END)
                attempt->state = ATTEMPT_ENDED;
            else if (kind == DR_RECORD_SHIM)
                attempt->state = ATTEMPT_RUNNING;
        dr_local_make_ready(local, attempt);
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
    dr_local_watch_fd(local, local->files_fd, SOURCE_FILES);
    dr_local_watch_fd(local, local->saved_fd, SOURCE_SAVED);
    dr_local_watch_fd(local, local->timer_fd, SOURCE_TIMER);
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
    status = dr_local_start_launcher(local);
    if (status != DR_OK) {
        dr_error_set(error, local->shim, 0, NULL, NULL, "that it can be run: %s", strerror(errno));
        return status;
    }
    return dr_local_wait_for_hello(local, error);
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
    dr_local_set_timer(local, 1);
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
