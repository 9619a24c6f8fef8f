/* SPDX-License-Identifier: Apache-2.0 */
/* From the shim to the program: what is done between fork and exec.
 *
 * vfork, since copying the shim's page tables costs more than all the rest of it; so the child
 * works in the shim's memory until it execs, and touches only its own stack and `start`. That also
 * carries its errors back without a pipe. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/shim/shim.h"

static void look_in_path(const struct task_start *start)
{
    const char *at = start->path;
    char candidate[PATH_BYTES];
    int denied = 0;

    for (;;) {
        size_t length = strcspn(at, ":");
        int fits = length + strlen(start->argv[0]) + 2 <= sizeof candidate;

        if (fits) {
            memcpy(candidate, at, length);
            if (length > 0)
                candidate[length++] = '/';
            memcpy(candidate + length, start->argv[0], strlen(start->argv[0]) + 1);
            execve(candidate, start->argv, start->environment);
            if (errno == EACCES)
                denied = 1;
            else if (errno != ENOENT && errno != ENOTDIR)
                return;
        }
        at += strcspn(at, ":");
        if (*at == 0)
            break;
        at += 1;
    }
    errno = denied ? EACCES : ENOENT;
}

DR_NORETURN static void child(struct task_start *start)
{
    sigset_t none;

    start->stage = TASK_STAGE_CGROUP;
    for (int part = 0; part < CGROUP_PARTS; part += 1)
        if (start->cgroup->procs[part] >= 0 && write(start->cgroup->procs[part], "0", 1) != 1)
            goto failed;
    if (start->cgroup->devices_tasks >= 0 && write(start->cgroup->devices_tasks, "0", 1) != 1)
        goto failed;
    setsid();
    dup2(start->input, 0);
    dup2(start->output, 1);
    dup2(start->error, 2);
    close_range(3, ~0u, 0);

    start->stage = TASK_STAGE_USER;
    if (start->drop_user &&
        setresuid(start->launch->uid, start->launch->uid, start->launch->uid) != 0)
        goto failed;
    if (start->die_with_parent)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    umask(022);
    start->stage = TASK_STAGE_DIRECTORY;
    if (chdir(start->directory) != 0)
        goto failed;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    start->stage = TASK_STAGE_EXEC;
    if (start->program != NULL)
        execve(start->program, start->argv, start->environment);
    else if (strchr(start->argv[0], '/') != NULL)
        execve(start->argv[0], start->argv, start->environment);
    else
        look_in_path(start);
failed:
    start->failure = errno;
    _exit(127);
}

pid_t task_start(struct task_start *start)
{
    pid_t pid;

    start->stage = TASK_STAGE_NONE;
    start->failure = 0;
    pid = vfork();
    if (pid == 0)
        child(start);
    if (pid < 0) {
        start->failure = errno;
        return -1;
    }
    return start->failure == 0 ? pid : -1;
}
