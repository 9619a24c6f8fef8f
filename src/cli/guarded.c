/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/guarded.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int dr_cli_guarded(const struct dr_cli *cli, int (*run)(void *context, volatile uint64_t *seq),
                   void *context)
{
    volatile uint64_t *seq =
        mmap(NULL, sizeof *seq, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = 0;
    pid_t child;

    fflush(stdout);
    child = seq == MAP_FAILED ? -1 : fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        status = run(context, seq);
        fflush(stdout);
        _exit(status);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child > 0 && WIFEXITED(status))
        return WEXITSTATUS(status);
    if (child < 0 || WTERMSIG(status) != SIGABRT)
        return dr_cli_fail(cli, DR_EXIT_FAILED, "reading the journal was ended by the system");
    return dr_cli_fail(cli, DR_EXIT_REFUSED,
                       "fact %" PRIu64 " contradicts the state that the facts before it give; "
                       "expected one that can follow them",
                       *seq);
}
