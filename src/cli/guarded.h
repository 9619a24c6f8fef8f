/* SPDX-License-Identifier: Apache-2.0 */
/* guarded.h: what applies the facts of somebody's journal, in a process of its own: a fact that
 * can't follow the ones before it ends the process that applies it, and this one goes on and says
 * so. */
#ifndef DR_CLI_GUARDED_H
#define DR_CLI_GUARDED_H

#include "cli/cli.h"

/* `run` sets `seq` to each fact's before it is applied. Returns its exit code; DR_EXIT_REFUSED
 * where a fact can't follow, DR_EXIT_FAILED where the system ended it: that has been said. */
int dr_cli_guarded(const struct dr_cli *cli, int (*run)(void *context, volatile uint64_t *seq),
                   void *context);

#endif
