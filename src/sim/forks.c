/* SPDX-License-Identifier: Apache-2.0 */
/* See forks.h. */
#include "sim/forks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"

#define LOOK_MS 200

struct child {
    pid_t pid;
    uint32_t number;
};

struct forks {
    const struct dr_forks_options *options;
    struct dr_fork *forks;
    struct child *children; /* [running] */
    struct pollfd *pipes;   /* [running], a child's at its place */
    uint32_t running;
    uint32_t begun;
    uint32_t ended;
};

DR_NORETURN static void be_child(const struct dr_forks_options *options, uint32_t number, int pipe,
                                 pid_t parent)
{
    struct dr_buffer answer;
    size_t written = 0;
    int code;

    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(1);
    dr_buffer_init(&answer, options->answer_bytes_max);
    code = options->work(options->context, number, &answer);
    while (written < answer.length) {
        ssize_t count = write(pipe, answer.data + written, answer.length - written);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            _exit(1);
        written += (size_t)count;
    }
    _exit(answer.full ? 1 : code);
}

/* Begin the next piece. 0: there was no process for it. */
static int begin(struct forks *all)
{
    uint32_t number = all->begun;
    pid_t parent = getpid();
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return 0;
    pid = fork();
    if (pid == 0) {
        close(ends[0]);
        be_child(all->options, number, ends[1], parent);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return 0;
    }
    dr_buffer_init(&all->forks[number].answer, all->options->answer_bytes_max);
    all->children[all->running] = (struct child){pid, number};
    all->pipes[all->running] = (struct pollfd){.fd = ends[0], .events = POLLIN};
    all->running += 1;
    all->begun += 1;
    return 1;
}

static void begin_some(struct forks *all)
{
    while (all->running < all->options->parallel && all->begun < all->options->count) {
        if (begin(all))
            continue;
        if (all->running > 0) /* there may be a process for it when one of these has ended */
            return;
        all->forks[all->begun].end = DR_FORK_NOT_BEGUN;
        all->forks[all->begun].code = errno;
        all->begun += 1;
        all->ended += 1;
    }
}

/* The child at `place` has said all, or is to end. */
static void collect(struct forks *all, uint32_t place, int is_wanted)
{
    struct dr_fork *fork = &all->forks[all->children[place].number];
    int status = 0;

    while (waitpid(all->children[place].pid, &status, 0) < 0 && errno == EINTR) {
    }
    close(all->pipes[place].fd);
    if (!is_wanted) {
        fork->end = DR_FORK_NOT_RUN;
    } else if (WIFSIGNALED(status)) {
        fork->end = DR_FORK_KILLED;
        fork->code = WTERMSIG(status);
    } else {
        fork->code = WEXITSTATUS(status);
        fork->end = fork->code == 0 ? DR_FORK_ANSWERED : DR_FORK_FAILED;
    }
    all->running -= 1;
    all->ended += (uint32_t)is_wanted;
    all->children[place] = all->children[all->running];
    all->pipes[place] = all->pipes[all->running];
}

static void listen_to(struct forks *all, uint32_t place)
{
    uint8_t bytes[65536];
    ssize_t count = read(all->pipes[place].fd, bytes, sizeof bytes);

    if (count > 0)
        dr_buffer_append(&all->forks[all->children[place].number].answer, bytes, (size_t)count);
    else if (count == 0 || errno != EINTR)
        collect(all, place, 1);
}

static void end_all(struct forks *all)
{
    for (uint32_t place = 0; place < all->running; place += 1)
        kill(all->children[place].pid, SIGKILL);
    while (all->running > 0)
        collect(all, all->running - 1, 0);
}

void dr_forks(const struct dr_forks_options *options, struct dr_fork *forks)
{
    struct forks all = {.options = options, .forks = forks};

    DR_ASSERT(options->parallel > 0);
    all.children = calloc(options->parallel, sizeof all.children[0]);
    all.pipes = calloc(options->parallel, sizeof all.pipes[0]);
    DR_ASSERT(all.children != NULL && all.pipes != NULL);
    for (;;) {
        begin_some(&all);
        if (all.running == 0)
            break;
        if (!options->go_on(options->context, all.ended, all.running)) {
            end_all(&all);
            break;
        }
        if (poll(all.pipes, all.running, LOOK_MS) <= 0)
            continue;
        for (uint32_t place = all.running; place > 0; place -= 1)
            if (all.pipes[place - 1].revents != 0)
                listen_to(&all, place - 1);
    }
    free(all.children);
    free(all.pipes);
}
