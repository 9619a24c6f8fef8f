/* SPDX-License-Identifier: Apache-2.0 */
/* From an order to its running tasks: the cgroup, output files and script as the user, the tasks.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/environment.h"
#include "engine/pattern.h"
#include "engine/shim/watch.h"

#define PORT_FIRST 20000
#define PORT_COUNT 12000 /* below the range that the kernel gives to clients */

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

/* The shim may stand before the wall that its tasks stand behind. */
static void check_device(struct watch *watch, int fd, const char *path)
{
    struct stat info;

    if (watch->sandbox->cgroups.devices.version != 0 &&
        (fstat(fd, &info) != 0 || !device_rules_allow(&watch->devices, &info)))
        launch_failed(watch, "'%.100s' is a device that the job was not given", path);
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
    check_device(watch, fd, path);
    fcntl(fd, F_SETFL, O_WRONLY | O_APPEND);
    return fd;
}

void open_streams(struct watch *watch, struct streams *streams)
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
    check_device(watch, streams->input, launch->input);
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
void write_script(struct watch *watch)
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

static void build_wall(struct watch *watch)
{
    static const char text[] = "which device nodes its accelerators are is not known: the job can "
                               "open those of others too";

    if (device_wall_enter(&watch->cgroup, watch->name, &watch->devices) != DR_OK)
        launch_failed(watch, "the devices cgroup can't be set: %s", strerror(errno));
    /* without room for the warning the job goes on */
    if (watch->devices.open && watch->sandbox->cgroups.devices.version != 0 &&
        dr_record_append(watch->file, DR_RECORD_WARNING, text, sizeof text - 1) != DR_OK)
        return;
}

/* A slot that can't be used (its memory can't be got down to the new limit, somebody has removed
 * it) is given up for a cgroup of the attempt's own. */
void enter_cgroup(struct watch *watch, struct cgroup_slot *slot)
{
    struct cgroup_tree *tree = &watch->sandbox->cgroups;
    char wrong[200];

    if (slot != NULL) {
        if (cgroup_open(&watch->cgroup, tree, slot, watch->name, &watch->limits, wrong,
                        sizeof wrong) == DR_OK) {
            build_wall(watch);
            return;
        }
        slot->retire = 1;
        cgroup_close(&watch->cgroup);
    }
    if (cgroup_open(&watch->cgroup, tree, NULL, watch->name, &watch->limits, wrong, sizeof wrong) !=
        DR_OK)
        launch_failed(watch, "%s", wrong);
    build_wall(watch);
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

void start_tasks(struct watch *watch, const struct streams *streams)
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
