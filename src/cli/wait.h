/* SPDX-License-Identifier: Apache-2.0 */
/* wait.h: wait for the end of jobs, for `daero wait` and `daero submit --wait`. */
#ifndef DR_CLI_WAIT_H
#define DR_CLI_WAIT_H

#include "cli/cli.h"

/* Wait until jobs job .. job + count - 1 have ended; `each` (may be NULL) is called with every
 * job's JSON as it has ended. Returns the exit code: the largest of the jobs' own, or what went
 * wrong. A controller that is being restarted is waited for. */
int dr_wait_jobs(struct dr_cli *cli, uint64_t job, uint64_t count,
                 void (*each)(struct dr_cli *cli, const json_t *job));

/* A job's exit code as a shell would see it. */
int dr_wait_exit_code(const json_t *job);
int dr_wait_ended(const char *state);

#endif
