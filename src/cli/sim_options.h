/* SPDX-License-Identifier: Apache-2.0 */
/* sim_options.h: options of `daero sim`, read for one run or for several that are compared. */
#ifndef DR_CLI_SIM_OPTIONS_H
#define DR_CLI_SIM_OPTIONS_H

#include "cli/cli.h"
#include "sim/generate.h"
#include "sim/run.h"

/* What `daero sim run` was given; output files are left alone. 0: a value is wrong, and that has
 * been said. */
int dr_sim_read_options(const struct dr_cli *cli, struct dr_sim_options *options);
/* 1: something in a run with these options is drawn by chance, from their seed. */
int dr_sim_draws(const struct dr_sim_options *options);
/* What `daero sim generate` was given. 0 as above. */
int dr_sim_read_generate(const struct dr_cli *cli, struct dr_generate *generate);

#endif
