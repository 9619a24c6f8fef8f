/* SPDX-License-Identifier: Apache-2.0 */
/* plan_cli.h: what the commands of `daero plan` share. */
#ifndef DR_CLI_PLAN_CLI_H
#define DR_CLI_PLAN_CLI_H

#include <signal.h>

#include "cli/cli.h"
#include "plan/files.h"

/* The inputs of a scenario; NULL: what is wrong was said, and `*code` is the exit code. */
struct dr_plan_inputs *dr_cli_plan_inputs(const struct dr_cli *cli, const char *name, int *code);

/* A plan that was written, with its scenario. */
struct dr_cli_written {
    struct dr_plan_inputs *inputs;
    struct dr_plan *plan;
    struct dr_plan_claims claims;
    char hash[65]; /* of its tables, as they are now */
};

/* The one that the first operand names. The exit code; what is wrong was said. */
int dr_cli_plan_read_written(const struct dr_cli *cli, struct dr_cli_written *written);
/* Accepts a zeroed one. */
void dr_cli_plan_close_written(struct dr_cli_written *written);

/* Ctrl-C from now on ends a search with what there is: what dr_search_options.stop is. */
const volatile sig_atomic_t *dr_cli_plan_stop(void);

/* Millions of the currency, from amounts in its own units. */
const char *dr_cli_millions(double amount);

#endif
