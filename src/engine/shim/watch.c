/* SPDX-License-Identifier: Apache-2.0 */
/* The shim: one process per attempt, from its order to its end.
 *
 * Where namespaces work it is the first process of its pid namespace, so that the kernel itself
 * ends the whole tree when it dies, and kill(-1) reaches exactly the attempt. It lives apart from
 * the launcher and the controller: limits, warnings and graces are its own business. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/math.h"
#include "engine/shim/watch.h"

/* When one task of a gang fails, the others have this long after their SIGTERM. */
#define GANG_GRACE_US (5 * DR_SECOND_US)
/* After the time limit a job has its grace, but no more than this (Slurm's KillWait). */
#define LIMIT_GRACE_US_MAX (30 * DR_SECOND_US)

/* ---- the end ---- */

void append_end(int file, const struct dr_record_end *end)
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
        if (orphaned()) {
            watch->cgroup.slot = NULL; /* ours alone now, to be removed */
            device_wall_leave(&watch->sandbox->cgroups.devices);
        }
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

static void kill_everything(struct watch *watch);

DR_NORETURN void launch_failed(struct watch *watch, const char *format, ...)
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
    device_rules_of(&watch.devices, launch);
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
