/* SPDX-License-Identifier: Apache-2.0 */
/* The shim: one process per attempt, from its order to its end.
 *
 * Where namespaces work it is the first process of its pid namespace, so that the kernel itself
 * ends the whole tree when it dies, and kill(-1) reaches exactly the attempt. It lives apart from
 * the launcher and the controller: limits, warnings and graces are its own business. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/math.h"
#include "base/text.h"
#include "engine/environment.h"
#include "engine/pattern.h"
#include "engine/shim/shim.h"

/* When one task of a gang fails, the others have this long after their SIGTERM. */
#define GANG_GRACE_US (5 * DR_SECOND_US)
/* After the time limit a job has its grace, but no more than this (Slurm's KillWait). */
#define LIMIT_GRACE_US_MAX (30 * DR_SECOND_US)
#define PORT_FIRST         20000
#define PORT_COUNT         12000 /* below the range that the kernel gives to clients */

struct watch {
    struct sandbox *sandbox;
    const struct account *account;
    char name[DR_ATTEMPT_NAME_BYTES];
    int file; /* the attempt's; we hold its lock */
    struct dr_order order;
    struct cgroup cgroup;
    struct cgroup_limits limits;
    int signals;
    char directory[PATH_BYTES]; /* where the job runs */
    char checkpoint_directory[PATH_BYTES];
    char script_path[PATH_BYTES + DR_ATTEMPT_NAME_BYTES + 16];
    int script_written;

    pid_t *tasks; /* [tasks_count], 0: ended */
    uint32_t tasks_count, tasks_left;
    int64_t started_us;                 /* monotonic */
    int64_t warn_us, limit_us, kill_us; /* monotonic; DR_FOREVER_US: never */
    int stopped, timed_out, gang_ending, killing;
    int failed, failed_status; /* of the first task that failed */
    struct dr_record_end end;
};

/* ---- the end ---- */

/* The end has to be known: a full disk is waited for. */
static void append_end(int file, const struct dr_record_end *end)
{
    while (dr_record_append(file, DR_RECORD_END, end, sizeof *end) == DR_E_FULL)
        usleep(200000);
}

/* The launcher that would take our slot back is gone; its signal has been pending since. */
static int orphaned(void)
{
    sigset_t pending;

    return sigpending(&pending) == 0 && sigismember(&pending, SIGUSR2) == 1;
}

DR_NORETURN static void finish(struct watch *watch)
{
    struct rusage usage;

    /* a launch may have failed while we acted in the user's name */
    if (watch->sandbox->root && setresuid((uid_t)-1, 0, 0) != 0)
        _exit(1);
    if (watch->script_written)
        unlinkat(watch->sandbox->scripts, strrchr(watch->script_path, '/') + 1, 0);
    if (watch->cgroup.tree != NULL) {
        watch->end.memory_mb_peak = cgroup_memory_mb_peak(&watch->cgroup);
        if (orphaned())
            watch->cgroup.slot = NULL; /* ours alone now, to be removed */
        cgroup_close(&watch->cgroup);
    }
    if (getrusage(RUSAGE_CHILDREN, &usage) == 0) {
        watch->end.cpu_time_us =
            ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * DR_SECOND_US +
            usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
        if (watch->end.memory_mb_peak == 0)
            watch->end.memory_mb_peak = usage.ru_maxrss >> 10;
    }
    watch->end.time_us = dr_clock_us();
    append_end(watch->file, &watch->end);
    _exit(0);
}

DR_NORETURN static void launch_failed(struct watch *watch, const char *format, ...) DR_PRINTF(2, 3);
static void kill_everything(struct watch *watch);

DR_NORETURN static void launch_failed(struct watch *watch, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(watch->end.text, sizeof watch->end.text, format, arguments);
    va_end(arguments);
    watch->end.outcome = DR_OUTCOME_LAUNCH_FAILED;
    kill_everything(watch);
    finish(watch);
}

/* ---- signals to the tree ---- */

/* Without a pid namespace: our descendants, by the kernel's lists of children. */
static uint32_t signal_children(int proc, pid_t pid, int signal_number)
{
    char path[64];
    uint32_t count = 0;
    struct dr_buffer text;

    dr_buffer_init(&text, 1 << 20);
    if (pid == 0)
        snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    else
        snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    (void)proc;
    if (dr_buffer_read_file(&text, path) == DR_OK)
        for (const char *at = dr_buffer_text(&text); *at >= '0' && *at <= '9';) {
            char *end;
            pid_t child = (pid_t)strtol(at, &end, 10);

            count += 1 + signal_children(proc, child, signal_number);
            kill(child, signal_number);
            at = *end == 0 ? end : end + 1;
        }
    dr_buffer_deinit(&text);
    return count;
}

static void signal_all(struct watch *watch, int signal_number)
{
    if (watch->sandbox->namespaces != 0)
        kill(-1, signal_number); /* the namespace, less its first process */
    else
        signal_children(watch->sandbox->proc, 0, signal_number);
}

static void kill_everything(struct watch *watch)
{
    for (;;) {
        pid_t pid;

        signal_all(watch, SIGKILL);
        /* Orphans come to us, so nothing is left once we have no children. In a pid namespace one
         * signal has reached all; without one, a fork may have been quicker, so look again. */
        do
            pid = waitpid(-1, NULL, __WALL | (watch->sandbox->namespaces != 0 ? 0 : WNOHANG));
        while (pid > 0);
        if (pid < 0 && errno == ECHILD)
            break;
        if (pid == 0)
            usleep(1000);
    }
}

/* ---- preparing ---- */

static void write_shim_record(struct watch *watch)
{
    struct dr_record_shim shim = {.time_us = dr_clock_us(), .boot = watch->sandbox->boot};
    char link[32];
    ssize_t bytes = readlinkat(watch->sandbox->proc, "self", link, sizeof link - 1);
    char state;

    /* The machine's /proc tells our pid as everybody else sees it; getpid() says 1 here. */
    if (bytes > 0) {
        link[bytes] = 0;
        shim.pid = (int32_t)strtol(link, NULL, 10);
    }
    shim.start_ticks = dr_process_start_ticks(watch->sandbox->proc, 0, &state);
    if (dr_record_append(watch->file, DR_RECORD_SHIM, &shim, sizeof shim) != DR_OK)
        _exit(1); /* nothing has been done yet: it will be tried again */
}

static void take_stop(struct watch *watch, const struct dr_record_stop *stop, int running);

/* Everything after the order: a stop counts, a shim before us ends us. */
static void read_records(struct watch *watch, uint64_t *offset, int running)
{
    uint8_t payload[sizeof(struct dr_record_end)];
    enum dr_record_kind kind;
    size_t bytes;

    while (dr_record_read(watch->file, offset, &kind, payload, sizeof payload, &bytes) == DR_OK) {
        struct dr_record_stop stop;

        if (!running && (kind == DR_RECORD_SHIM || kind == DR_RECORD_END))
            _exit(0);
        if (kind == DR_RECORD_STOP && bytes == sizeof stop) {
            memcpy(&stop, payload, sizeof stop);
            take_stop(watch, &stop, running);
        }
    }
}

static void read_order(struct watch *watch, uint64_t *offset)
{
    struct dr_record_header header;
    enum dr_record_kind kind;
    uint8_t *bytes;
    size_t length;

    if (pread(watch->file, &header, sizeof header, 0) != sizeof header ||
        header.kind != DR_RECORD_ORDER || header.bytes > DR_ORDER_BYTES_MAX)
        _exit(1);
    bytes = malloc(header.bytes);
    if (bytes == NULL ||
        dr_record_read(watch->file, offset, &kind, bytes, header.bytes, &length) != DR_OK ||
        dr_order_decode(&watch->order, bytes, length) != DR_OK)
        _exit(1);
}

static void as_user(struct watch *watch)
{
    const struct dr_launch *launch = &watch->order.launch;

    if (!watch->sandbox->root)
        return;
    if (launch->uid == 0 || launch->gid == 0)
        launch_failed(watch, "no job runs as uid or gid 0");
    if (setgroups((size_t)watch->account->groups_count, watch->account->groups) != 0 ||
        setresgid(launch->gid, launch->gid, launch->gid) != 0 ||
        setresuid((uid_t)-1, launch->uid, 0) != 0)
        launch_failed(watch, "can't act as user %" PRIu32 ": %s", launch->uid, strerror(errno));
}

static void as_ourselves(struct watch *watch)
{
    if (watch->sandbox->root && setresuid((uid_t)-1, 0, 0) != 0)
        launch_failed(watch, "can't act as root again: %s", strerror(errno));
}

/* Where the job runs. Slurm's rule: a directory that is not there does not stop a job; it runs in
 * /tmp, and its output says so. Returns 1 when that happened. */
static int choose_directory(struct watch *watch)
{
    const char *wanted = watch->order.launch.directory;

    if (wanted[0] == 0)
        wanted = watch->account->home[0] != 0 && chdir(watch->account->home) == 0
                     ? watch->account->home
                     : "/";
    if (chdir(wanted) == 0 && getcwd(watch->directory, sizeof watch->directory) != NULL)
        return 0;
    snprintf(watch->directory, sizeof watch->directory, "/tmp");
    if (chdir("/tmp") != 0)
        launch_failed(watch, "neither its directory nor /tmp can be entered: %s", strerror(errno));
    return 1;
}

/* In the user's name, so that a link that leads elsewhere leads only where the user may write
 * anyway. */
static int open_output(struct watch *watch, const char *pattern, uint32_t task)
{
    const struct dr_launch *launch = &watch->order.launch;
    int append = launch->open_mode_append || launch->attempt > 1;
    int flags =
        O_WRONLY | O_CREAT | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | O_APPEND | (append ? 0 : O_TRUNC);
    char path[PATH_BYTES];
    size_t wrong;
    int fd;

    switch (dr_pattern_fill(pattern, launch, task, path, sizeof path, &wrong)) {
    case DR_OK:
        break;
    case DR_E_INPUT:
        launch_failed(watch, "output file '%.80s': '%.3s' is none of %%j %%a %%A %%t %%x %%u %%%%",
                      pattern, pattern + wrong);
    case DR_E_FULL:
    case DR_E_IO:
    case DR_E_CORRUPT:
    case DR_E_MISSING:
    case DR_E_EXISTS:
    case DR_E_LEASE:
    case DR_E_DENIED:
    case DR_E_TIMEOUT:
    case DR_E_UNSUPPORTED:
    case DR_E_END:
        launch_failed(watch, "output file '%.80s...': its name is too long", pattern);
    }
    /* Not blocking: a pipe without a reader is an error, not a wait for ever. */
    fd = open(path, flags, 0666);
    if (fd < 0 && (errno == EACCES || errno == EROFS) && launch->output[0] == 0 && path[0] != '/') {
        /* Nobody asked for this place: a job that runs as another user than the one whose directory
         * it is gets its output into /tmp, as a job whose directory can't be entered does. */
        char elsewhere[PATH_BYTES + 8];

        snprintf(elsewhere, sizeof elsewhere, "/tmp/%s", path);
        fd = open(elsewhere, flags | O_NOFOLLOW, 0666);
        if (fd >= 0)
            dprintf(fd, "daero: user %" PRIu32 " can't write in '%s'; the output is here\n",
                    launch->uid, watch->directory);
    }
    if (fd < 0)
        launch_failed(watch, "output file '%.100s' can't be opened by user %" PRIu32 ": %s", path,
                      launch->uid, strerror(errno));
    fcntl(fd, F_SETFL, O_WRONLY | O_APPEND);
    return fd;
}

struct streams {
    int input;
    int *output; /* [outputs_count] */
    int *error;
    uint32_t outputs_count; /* 1, or one per task */
};

static void open_streams(struct watch *watch, struct streams *streams)
{
    const struct dr_launch *launch = &watch->order.launch;
    const char *output = launch->output[0] == 0 ? "daero-%j.out" : launch->output;
    const char *error = launch->error[0] == 0 ? output : launch->error;
    int missing;

    as_user(watch);
    umask(022);
    missing = choose_directory(watch);
    streams->input = open(launch->input[0] == 0 ? "/dev/null" : launch->input,
                          O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (streams->input < 0)
        launch_failed(watch, "input file '%.100s' can't be opened by user %" PRIu32 ": %s",
                      launch->input, launch->uid, strerror(errno));
    fcntl(streams->input, F_SETFL, O_RDONLY);
    streams->outputs_count =
        dr_pattern_has_task(output) || dr_pattern_has_task(error) ? watch->tasks_count : 1;
    streams->output = calloc(streams->outputs_count, sizeof *streams->output);
    streams->error = calloc(streams->outputs_count, sizeof *streams->error);
    if (streams->output == NULL || streams->error == NULL)
        abort();
    for (uint32_t i = 0; i < streams->outputs_count; i += 1) {
        streams->output[i] = open_output(watch, output, i);
        streams->error[i] = error == output || strcmp(error, output) == 0
                                ? streams->output[i]
                                : open_output(watch, error, i);
    }
    if (missing)
        dprintf(streams->error[0], "daero: can't run in '%s'; running in /tmp\n",
                launch->directory);
    as_ourselves(watch);
}

/* A file of its own, for the user's eyes: the interpreter opens it by name. */
static void write_script(struct watch *watch)
{
    const struct dr_launch *launch = &watch->order.launch;
    uint32_t written = 0;
    int fd;

    if (launch->script == NULL)
        return;
    if (launch->script_bytes < 2 || memcmp(launch->script, "#!", 2) != 0)
        launch_failed(watch,
                      "the script's first line has to be '#!' and an interpreter, like #!/bin/sh");
    snprintf(watch->script_path, sizeof watch->script_path, "%s/%s.script",
             watch->sandbox->scripts_path, watch->name);
    fd = openat(watch->sandbox->scripts, strrchr(watch->script_path, '/') + 1,
                O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0500);
    if (fd < 0)
        launch_failed(watch, "the script can't be written: %s", strerror(errno));
    watch->script_written = 1;
    while (written < launch->script_bytes) {
        ssize_t bytes = write(fd, launch->script + written, launch->script_bytes - written);
        if (bytes <= 0) {
            int failure = errno;
            close(fd);
            launch_failed(watch, "the script can't be written: %s", strerror(failure));
        }
        written += (uint32_t)bytes;
    }
    if (watch->sandbox->root && fchown(fd, launch->uid, launch->gid) != 0)
        launch_failed(watch, "the script can't be given to user %" PRIu32 ": %s", launch->uid,
                      strerror(errno));
    close(fd);
}

/* A port that nobody listens on now, and that no other attempt is likely to be given. */
static uint32_t free_port(const struct dr_launch *launch)
{
    uint32_t first = (uint32_t)((launch->job.v * 7 + launch->attempt * 1009) % PORT_COUNT);

    if (launch->tasks == 1)
        return PORT_FIRST + first; /* it meets nobody */
    for (uint32_t i = 0; i < 200; i += 1) {
        uint32_t port = PORT_FIRST + (first + i) % PORT_COUNT;
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int ok = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;

        if (fd >= 0)
            close(fd);
        if (ok)
            return port;
    }
    return PORT_FIRST + first;
}

/* A slot that can't be used (its memory can't be got down to the new limit, somebody has removed
 * it) is given up for a cgroup of the attempt's own. */
static void enter_cgroup(struct watch *watch, struct cgroup_slot *slot)
{
    struct cgroup_tree *tree = &watch->sandbox->cgroups;
    char wrong[200];

    if (slot != NULL) {
        if (cgroup_open(&watch->cgroup, tree, slot, watch->name, &watch->limits, wrong,
                        sizeof wrong) == DR_OK)
            return;
        slot->retire = 1;
        cgroup_close(&watch->cgroup);
    }
    if (cgroup_open(&watch->cgroup, tree, NULL, watch->name, &watch->limits, wrong, sizeof wrong) !=
        DR_OK)
        launch_failed(watch, "%s", wrong);
}

/* ---- starting ---- */

static const char *value_of(char *const *environment, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; environment[i] != NULL; i += 1)
        if (strncmp(environment[i], name, length) == 0 && environment[i][length] == '=')
            return environment[i] + length + 1;
    return "";
}

static const char *interpreter(const struct dr_launch *launch, char text[128])
{
    size_t length;
    const char *at = launch->script + 2;
    const char *end = memchr(at, '\n', launch->script_bytes - 2);

    if (end == NULL)
        end = launch->script + launch->script_bytes;
    while (at < end && *at == ' ')
        at += 1;
    for (length = 0; at + length < end && length < 127 && at[length] != ' '; length += 1)
        text[length] = at[length];
    text[length] = 0;
    if (length > 0 && text[length - 1] == '\r')
        snprintf(text + length - 1, 128 - length, "\\r");
    return text;
}

DR_NORETURN static void start_failed(struct watch *watch, const struct task_start *start)
{
    const struct dr_launch *launch = &watch->order.launch;
    const char *why = strerror(start->failure);
    char text[128];

    switch (start->stage) {
    case TASK_STAGE_NONE:
        launch_failed(watch, "no process could be made: %s", why);
    case TASK_STAGE_CGROUP:
        launch_failed(watch, "the task can't enter its cgroup: %s", why);
    case TASK_STAGE_USER:
        launch_failed(watch, "can't become user %" PRIu32 ": %s", launch->uid, why);
    case TASK_STAGE_DIRECTORY:
        launch_failed(watch, "directory '%.100s' can't be entered: %s", start->directory, why);
    case TASK_STAGE_EXEC:
        break;
    }
    if (launch->script == NULL)
        launch_failed(watch, "program '%.100s' can't be run: %s", launch->argv[0],
                      start->failure == ENOENT ? "there is no such file" : why);
    if (start->failure == ENOENT)
        launch_failed(watch, "the script's interpreter '%.100s' is not there",
                      interpreter(launch, text));
    launch_failed(watch, "the script's interpreter '%.100s' can't be run: %s",
                  interpreter(launch, text), why);
}

static void start_tasks(struct watch *watch, const struct streams *streams)
{
    const struct dr_launch *launch = &watch->order.launch;
    struct dr_surroundings surroundings = {.home = watch->account->home,
                                           .shell = watch->account->shell,
                                           .checkpoint_directory = watch->checkpoint_directory,
                                           .directory = watch->directory,
                                           .master_port = free_port(launch)};
    char **argv = calloc((size_t)launch->argv_count + 2, sizeof *argv);
    uint32_t shift = launch->script != NULL;
    struct dr_record_started started;

    if (argv == NULL)
        abort();
    if (shift)
        argv[0] = watch->script_path;
    for (uint32_t i = 0; i < launch->argv_count; i += 1)
        argv[shift + i] = (char *)(uintptr_t)launch->argv[i];

    for (uint32_t i = 0; i < watch->tasks_count; i += 1) {
        struct dr_task_place place = dr_task_place(launch, i);
        char **environment = dr_environment_build(launch, &place, &surroundings);
        uint32_t stream = streams->outputs_count == 1 ? 0 : i;
        struct task_start start = {.launch = launch,
                                   .cgroup = &watch->cgroup,
                                   .drop_user = watch->sandbox->root,
                                   .die_with_parent = watch->sandbox->namespaces == 0,
                                   .directory = watch->directory,
                                   .program = shift ? watch->script_path : NULL,
                                   .path = value_of(environment, "PATH"),
                                   .argv = argv,
                                   .environment = environment,
                                   .input = streams->input,
                                   .output = streams->output[stream],
                                   .error = streams->error[stream]};
        pid_t pid = task_start(&start);

        /* removed under us by a launcher that was ending: again, in one of its own */
        for (int again = 0;
             again < 20 && pid < 0 && start.stage == TASK_STAGE_CGROUP && start.failure == ENODEV;
             again += 1) {
            if (watch->cgroup.slot != NULL)
                watch->cgroup.slot->retire = 1;
            cgroup_close(&watch->cgroup);
            enter_cgroup(watch, NULL);
            pid = task_start(&start);
        }
        free(environment);
        if (pid < 0)
            start_failed(watch, &start);
        watch->tasks[i] = pid;
        watch->tasks_left += 1;
        if (i == 0)
            started.time_us = dr_clock_us();
    }
    free(argv);
    close(streams->input);
    for (uint32_t i = 0; i < streams->outputs_count; i += 1) {
        close(streams->output[i]);
        if (streams->error[i] != streams->output[i])
            close(streams->error[i]);
    }
    free(streams->output);
    free(streams->error);
    /* Without room for it the start goes untold, and the end will tell both. */
    if (dr_record_append(watch->file, DR_RECORD_STARTED, &started, sizeof started) != DR_OK)
        return;
}

/* ---- watching ---- */

static void end_by(struct watch *watch, int64_t when_us)
{
    watch->kill_us = dr_min_i64(watch->kill_us, when_us);
}

static void take_stop(struct watch *watch, const struct dr_record_stop *stop, int running)
{
    uint32_t number = stop->signal != 0 ? stop->signal : watch->order.launch.warn_signal;
    int64_t now_us = dr_monotonic_us();

    watch->stopped = 1;
    if (!running)
        return;
    if (number == 0 || number > 64)
        number = SIGTERM;
    if (stop->grace_us > 0) {
        signal_all(watch, (int)number);
        signal_all(watch, SIGCONT);
    }
    end_by(watch, stop->grace_us > DR_DAY_US * 365 ? DR_FOREVER_US
                                                   : now_us + dr_max_i64(stop->grace_us, 0));
}

static void task_ended(struct watch *watch, uint32_t task, int status)
{
    watch->tasks[task] = 0;
    watch->tasks_left -= 1;
    if (status == 0 || watch->failed)
        return;
    watch->failed = 1;
    watch->failed_status = status;
    if (watch->tasks_left > 0 && !watch->gang_ending && !watch->killing) {
        watch->gang_ending = 1;
        signal_all(watch, SIGTERM);
        signal_all(watch, SIGCONT);
        end_by(watch, dr_monotonic_us() + GANG_GRACE_US);
    }
}

static void reap(struct watch *watch)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
        for (uint32_t i = 0; i < watch->tasks_count; i += 1)
            if (watch->tasks[i] == pid) {
                task_ended(watch, i, status);
                break;
            }
}

static void timers(struct watch *watch)
{
    int64_t now_us = dr_monotonic_us();
    const struct dr_launch *launch = &watch->order.launch;

    if (now_us >= watch->warn_us) {
        watch->warn_us = DR_FOREVER_US;
        signal_all(watch, launch->warn_signal == 0 || launch->warn_signal > 64
                              ? SIGTERM
                              : (int)launch->warn_signal);
    }
    if (now_us >= watch->limit_us) {
        watch->limit_us = DR_FOREVER_US;
        watch->timed_out = !watch->stopped;
        signal_all(watch, SIGTERM);
        signal_all(watch, SIGCONT);
        end_by(watch, now_us + dr_min_i64(launch->grace_us, LIMIT_GRACE_US_MAX));
    }
    if (now_us >= watch->kill_us) {
        watch->kill_us = DR_FOREVER_US;
        watch->killing = 1;
        signal_all(watch, SIGKILL);
    }
}

static void wait_for_event(struct watch *watch, uint64_t *offset)
{
    int64_t next_us = dr_min_i64(watch->warn_us, dr_min_i64(watch->limit_us, watch->kill_us));
    int64_t wait_us = next_us == DR_FOREVER_US ? DR_DAY_US : next_us - dr_monotonic_us();
    struct timespec timeout = {.tv_sec = dr_max_i64(wait_us, 0) / DR_SECOND_US,
                               .tv_nsec = dr_max_i64(wait_us, 0) % DR_SECOND_US * 1000};
    struct pollfd poll_fd = {.fd = watch->signals, .events = POLLIN};
    struct signalfd_siginfo info[8];

    if (ppoll(&poll_fd, 1, &timeout, NULL) <= 0)
        return;
    if (read(watch->signals, info, sizeof info) > 0) {
        reap(watch);
        if (watch->tasks_left > 0)
            read_records(watch, offset, 1);
    }
}

static void judge(struct watch *watch)
{
    struct dr_record_end *end = &watch->end;
    int status = watch->failed_status;

    if (WIFEXITED(status))
        end->exit_code = WEXITSTATUS(status);
    else
        end->signal = WTERMSIG(status);
    if (watch->timed_out)
        end->outcome = DR_OUTCOME_TIMED_OUT;
    else if (watch->stopped)
        end->outcome = DR_OUTCOME_STOPPED;
    else if (status != 0 && cgroup_oom_kills(&watch->cgroup) > 0)
        end->outcome = DR_OUTCOME_OUT_OF_MEMORY;
    else
        end->outcome = WIFEXITED(status) ? DR_OUTCOME_EXITED : DR_OUTCOME_SIGNALLED;
}

static int64_t later(int64_t from_us, int64_t by_us)
{
    return by_us >= DR_FOREVER_US - from_us ? DR_FOREVER_US : from_us + by_us;
}

static void prepare_signals(struct watch *watch)
{
    sigset_t all, heard;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&heard);
    sigaddset(&heard, SIGCHLD);
    sigaddset(&heard, SIGUSR1);
    watch->signals = signalfd(-1, &heard, SFD_CLOEXEC);
    if (watch->signals < 0)
        _exit(1);
}

static struct cgroup_limits limits_of(const struct dr_launch *launch,
                                      const struct cgroup_limits *defaults)
{
    struct cgroup_limits limits = *defaults;

    limits.memory_mb = (int64_t)launch->memory_mb_per_task * launch->tasks;
    limits.cpus_milli = (int64_t)launch->cpus_per_task_milli * launch->tasks;
    return limits;
}

void watch_attempt(struct sandbox *sandbox, const struct account *account, struct cgroup_slot *slot,
                   const struct cgroup_limits *defaults, dr_job_id job, uint32_t attempt)
{
    static struct watch watch; /* paths make it large */
    const struct dr_launch *launch = &watch.order.launch;
    struct streams streams;
    char wrong[200];
    uint64_t offset = 0;

    watch = (struct watch){.sandbox = sandbox, .account = account, .signals = -1};
    dr_attempt_name(job, attempt, watch.name);
    prepare_signals(&watch);
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    watch.file = openat(sandbox->attempts, watch.name, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    if (watch.file < 0 || dr_attempt_lock(watch.file) != DR_OK)
        _exit(0); /* forgotten, or another shim has it */
    read_order(&watch, &offset);
    if (watch.order.boot != sandbox->boot)
        _exit(0);
    read_records(&watch, &offset, 0);
    write_shim_record(&watch);
    /* A stop that came before our pid was there to be signalled. */
    {
        uint64_t again = offset;
        enum dr_record_kind kind;
        uint8_t payload[sizeof(struct dr_record_end)];
        size_t bytes;

        while (dr_record_read(watch.file, &again, &kind, payload, sizeof payload, &bytes) ==
               DR_OK) {
            offset = again;
            if (kind == DR_RECORD_STOP)
                watch.stopped = 1;
        }
    }
    if (watch.stopped) {
        watch.end.outcome = DR_OUTCOME_STOPPED;
        finish(&watch);
    }

    watch.warn_us = watch.limit_us = watch.kill_us = DR_FOREVER_US;
    watch.tasks_count = launch->run_every_task ? launch->tasks : 1;
    watch.tasks = calloc(watch.tasks_count, sizeof *watch.tasks);
    if (watch.tasks == NULL)
        abort();
    snprintf(watch.checkpoint_directory, sizeof watch.checkpoint_directory,
             "%s/checkpoints/%" PRIu64, sandbox->data, job.v);
    watch.limits = limits_of(launch, defaults);
    enter_cgroup(&watch, slot);
    open_streams(&watch, &streams);
    prctl(PR_SET_PDEATHSIG, SIGUSR2); /* here, since acting as another user clears it */
    if (sandbox_enter(sandbox, watch.directory, wrong, sizeof wrong) != DR_OK)
        launch_failed(&watch, "%s", wrong);
    write_script(&watch);
    if (sandbox_filter(sandbox) != DR_OK)
        launch_failed(&watch, "the seccomp filter can't be set: %s", strerror(errno));
    start_tasks(&watch, &streams);

    watch.started_us = dr_monotonic_us();
    if (launch->limit_us > 0) {
        watch.limit_us = later(watch.started_us, launch->limit_us);
        if (launch->warn_before_us > 0 && launch->warn_before_us < launch->limit_us)
            watch.warn_us = watch.limit_us == DR_FOREVER_US
                                ? DR_FOREVER_US
                                : watch.limit_us - launch->warn_before_us;
    }
    read_records(&watch, &offset, 1);
    while (watch.tasks_left > 0) {
        wait_for_event(&watch, &offset);
        timers(&watch);
    }
    kill_everything(&watch);
    judge(&watch);
    finish(&watch);
}

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
