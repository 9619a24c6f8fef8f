/* SPDX-License-Identifier: Apache-2.0 */
/* plan_cli.h: what the commands of `daero plan` share. */
#ifndef DR_CLI_PLAN_CLI_H
#define DR_CLI_PLAN_CLI_H

#include <signal.h>

#include "cli/cli.h"
#include "plan/files.h"

/* The inputs of a scenario; NULL: what is wrong was said, and `*code` is the exit code. */
struct dr_plan_inputs *dr_cli_plan_inputs(const struct dr_cli *cli, const char *name, int *code);

/* Ctrl-C from now on ends a search with what there is: what dr_search_options.stop is. */
const volatile sig_atomic_t *dr_cli_plan_stop(void);

/* A plan that was written, and its scenario. */
struct dr_cli_written {
    struct dr_plan_inputs *inputs;
    struct dr_plan *plan;
    struct dr_plan_claims claims;
    char hash[65]; /* of the plan's tables as they are */
};

/* Read the plan of the first operand; the exit code. dr_cli_plan_close() whatever it is. */
int dr_cli_plan_read(const struct dr_cli *cli, struct dr_cli_written *written);
void dr_cli_plan_close(struct dr_cli_written *written);

/* Millions of the currency, from amounts in its own units. */
const char *dr_cli_millions(double amount);
/* Megawatts, from watts. */
const char *dr_cli_megawatts(double power_w);

#endif
