/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/futures/crew.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE_MAX 64

struct worker {
    pid_t process; /* 0: none */
    uint32_t piece;
};

static int begin(const struct dr_crew *crew, struct worker *worker, uint32_t piece)
{
    pid_t self = getpid();

    fflush(NULL);
    worker->piece = piece;
    worker->process = fork();
    if (worker->process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != self)
            _exit(127);
        crew->work(crew->context, piece);
        fflush(NULL);
        _exit(0);
    }
    if (worker->process > 0)
        return 1;
    worker->process = 0;
    return 0;
}

static int is_stopped(const struct dr_crew *crew)
{
    return crew->stop != NULL && *crew->stop;
}

/* Wait for one of the workers; 1: it ended of itself. Its place is free again. */
static int await(const struct dr_crew *crew, struct worker *workers, uint32_t at_once, int *told)
{
    const struct timespec moment = {.tv_nsec = 20000000};

    for (;;) {
        for (uint32_t i = 0; i < at_once; i += 1) {
            int status;

            if (workers[i].process == 0 ||
                waitpid(workers[i].process, &status, WNOHANG) != workers[i].process)
                continue;
            workers[i].process = 0;
            if (crew->done != NULL)
                crew->done(crew->context, workers[i].piece);
            return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        }
        /* At a terminal Ctrl-C reaches them too; a signal to this process alone does not. */
        for (uint32_t i = 0; i < at_once && is_stopped(crew) && !*told; i += 1) {
            if (workers[i].process != 0)
                kill(workers[i].process, SIGINT);
        }
        *told |= is_stopped(crew);
        nanosleep(&moment, NULL);
    }
}

int dr_crew_run(const struct dr_crew *crew)
{
    struct worker workers[AT_ONCE_MAX] = {0};
    uint32_t at_once = crew->at_once < AT_ONCE_MAX ? crew->at_once : AT_ONCE_MAX;
    uint32_t next = 0, busy = 0;
    int good = 1, told = 0;

    while ((next < crew->count && !is_stopped(crew)) || busy > 0) {
        uint32_t place = 0;

        while (place < at_once && workers[place].process != 0)
            place += 1;
        if (next < crew->count && !is_stopped(crew) && place < at_once) {
            int begun = begin(crew, &workers[place], next);

            next += 1;
            busy += (uint32_t)begun;
            good &= begun;
            continue;
        }
        good &= await(crew, workers, at_once, &told);
        busy -= 1;
    }
    return good;
}

void *dr_crew_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        abort();
    return memory;
}

void dr_crew_release(void *memory, size_t bytes)
{
    if (memory != NULL)
        munmap(memory, bytes);
}
