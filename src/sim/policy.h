/* SPDX-License-Identifier: Apache-2.0 */
/* policy.h: what was run, for whoever reads the measures later. */
#ifndef DR_SIM_POLICY_H
#define DR_SIM_POLICY_H

#include "sim/run.h"

/* A JSON object: names of files without their paths, and the policy as it ran: what the options
 * say, else what the federation says. `core` is as it was opened with these options. */
void dr_sim_policy_json(const struct dr_sim_options *options, const struct dr_core *core,
                        struct dr_buffer *out);

#endif
