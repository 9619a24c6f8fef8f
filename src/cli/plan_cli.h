/* SPDX-License-Identifier: Apache-2.0 */
/* plan_cli.h: what the commands of `daero plan` share. */
#ifndef DR_CLI_PLAN_CLI_H
#define DR_CLI_PLAN_CLI_H

#include <signal.h>

#include "cli/cli.h"
#include "plan/explain/explain.h"
#include "plan/result/files.h"

/* The inputs of a scenario; NULL: what is wrong was said, and `*code` is the exit code. */
struct dr_plan_inputs *dr_cli_plan_inputs(const struct dr_cli *cli, const char *name, int *code);

/* Ctrl-C from now on ends a search with what there is: what dr_search_options.stop is. */
const volatile sig_atomic_t *dr_cli_plan_stop(void);

/* A plan that was written, and its scenario. */
struct dr_cli_written {
    struct dr_plan_inputs *scenario; /* as its tables are */
    struct dr_plan_inputs *inputs;   /* in the certificate's future */
    struct dr_plan *plan;
    struct dr_plan_claims claims;
    char hash[65]; /* of the plan's tables as they are */
};

/* Read the plan of the first operand; the exit code. dr_cli_plan_close() whatever it is. */
int dr_cli_plan_read(const struct dr_cli *cli, struct dr_cli_written *written);
void dr_cli_plan_close(struct dr_cli_written *written);

/* What binds a plan, what one more of it is worth, and what it does not begin. */
struct dr_cli_explained {
    struct dr_binding bindings[DR_BINDING_MAX];
    uint32_t bindings_count;
    struct dr_price prices[DR_BINDING_MAX];
    uint32_t prices_count;
    struct dr_not_begun phases[DR_PLAN_SITES_MAX];
    uint32_t phases_count;
};

/* The exit code; where there is no solver that was said. */
int dr_cli_plan_explain(const struct dr_cli *cli, const struct dr_program *program,
                        const struct dr_plan *plan, struct dr_cli_explained *explained);

/* What a page may have beside the plan; NULL where it was not given. */
struct dr_cli_beside {
    json_t *courses;      /* what `daero plan compare --json` found */
    json_t *alternatives; /* alternatives.json */
    json_t *futures;      /* futures.json */
    json_t *replay;       /* replay.json */
};

/* The page of a plan that was checked, into a file.
 *
 * verify  the command that checks it again; NULL: it was not written.
 *
 * The exit code; what is wrong was said. */
int dr_cli_plan_page(const struct dr_cli *cli, const char *path, const struct dr_program *program,
                     const struct dr_plan *plan, const struct dr_plan_sums *sums,
                     json_t *certificate, const char *verify, const struct dr_cli_beside *beside);
/* "daero plan verify plan --data tables", as this command was told where the tables are. */
const char *dr_cli_plan_verify_command(const struct dr_cli *cli, const char *directory);

/* Millions of the currency, from amounts in its own units. */
const char *dr_cli_millions(double amount);
/* Megawatts, from watts. */
const char *dr_cli_megawatts(double power_w);

#endif
