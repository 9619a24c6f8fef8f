/* SPDX-License-Identifier: Apache-2.0 */
/* forks.h: pieces of work, each in a child process of its own, several at a time.
 *
 * A child gives its answer back through a pipe; one that fails or is killed costs its own answer
 * alone. Children end with their parent, however it ends, and leave Ctrl-C to it. */
#ifndef DR_SIM_FORKS_H
#define DR_SIM_FORKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

struct dr_forks_options {
    uint32_t count;    /* pieces, from 0 on, begun in this order */
    uint32_t parallel; /* at most so many at a time; at least 1 */
    size_t answer_bytes_max;
    /* In the child: append the answer of piece `number`; the exit status, 0 for done. */
    int (*work)(void *context, uint32_t number, struct dr_buffer *answer);
    /* In the parent, five times a second and with each end; 0: end all that run, begin no more. */
    int (*go_on)(void *context, uint32_t ended, uint32_t running);
    void *context;
};

enum dr_fork_end {
    DR_FORK_NOT_RUN, /* it was not begun, or ended by go_on */
    DR_FORK_ANSWERED,
    DR_FORK_FAILED,    /* `code` is its exit status; `answer` what it gave */
    DR_FORK_KILLED,    /* `code` is the signal */
    DR_FORK_NOT_BEGUN, /* the machine has no process for it; `code` is errno */
};

struct dr_fork {
    enum dr_fork_end end;
    int code;
    struct dr_buffer answer; /* the caller's */
};

/* Do all pieces; `forks` [count] zeroed. Returns when no child is left. */
void dr_forks(const struct dr_forks_options *options, struct dr_fork *forks);

#endif
