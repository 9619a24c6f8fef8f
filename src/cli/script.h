/* SPDX-License-Identifier: Apache-2.0 */
/* script.h: reads a job script: the options in its head, and nothing else of it.
 *
 * The head is every line before the first one that is neither empty nor a comment, as in Slurm.
 * Options stand in lines that begin with `#DAERO` or `#SBATCH`; several on a line, arguments quoted
 * as in a shell. docs/formats/job-script.md describes it for users. */
#ifndef DR_CLI_SCRIPT_H
#define DR_CLI_SCRIPT_H

#include "cli/job_options.h"
#include "federation/federation.h"

#define DR_SCRIPT_BYTES_MAX (512u << 10)

/* Read the options of a script into `spec`, those of #SBATCH lines first, so that #DAERO lines win.
 *
 * `name` is for messages; `text` has `bytes` bytes and needs no 0 at its end. `warnings` (may be
 * NULL) gets a line for each #SBATCH line that stands after the head, which Slurm would pass over
 * in silence.
 *
 * DR_E_INPUT: `mistakes` got every one of them, by line, with the option, the value found and what
 * was expected. */
DR_MUST_USE enum dr_status dr_script_read(struct dr_job_spec *spec, const char *name,
                                          const char *text, size_t bytes,
                                          struct dr_buffer *warnings,
                                          struct dr_error_list *mistakes);

#endif
