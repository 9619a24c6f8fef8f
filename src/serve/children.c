/* SPDX-License-Identifier: Apache-2.0 */
/* children.c: forked helpers, and what waits for a quiet moment. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "serve/internal.h"

int child_fork(struct child *child)
{
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid = fork();
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    if (pid == 0) {
        /* Connections that the parent closes must not live on in here, nor a terminal's signals end
         * the child with half an answer: the parent's reading end going away does. */
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_DFL);
        if (dup2(ends[1], 3) != 3)
            _exit(1);
        close_range(4, ~0u, 0);
        child->pid = 0;
        child->pipe = 3;
        return 0;
    }
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    child->pid = pid;
    child->pipe = ends[0];
    return 1;
}

int child_collect(struct child *child)
{
    int status = 0;

    close(child->pipe);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
    }
    *child = (struct child){.pipe = -1};
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void child_end(struct child *child)
{
    kill(child->pid, SIGKILL);
    child_collect(child);
}

void children_idle(struct dr_controller *c)
{
    if (c->idle_seq == dr_core_seq(c->core) ||
        controller_monotonic_us(c) - c->snapshot_monotonic_us < DR_SECOND_US)
        return;
    dr_store_idle(c->store, c->now_us);
    c->idle_seq = dr_core_seq(c->core);
}

void children_close(struct dr_controller *c)
{
    (void)c;
}
