/* SPDX-License-Identifier: Apache-2.0 */
/* job_json.h: a job as JSON, and the files that it writes. */
#ifndef DR_SERVE_JOB_JSON_H
#define DR_SERVE_JOB_JSON_H

#include "base/buffer.h"
#include "core/state.h"
#include "serve/controller.h"

#define DR_PATH_BYTES 4096

/* A job in the state. `detail` adds what was written into it; `secrets` its environment. */
void dr_job_json(struct dr_buffer *out, struct dr_controller *controller, const struct dr_job *job,
                 int detail, int secrets);
/* A job that has left the state. */
void dr_history_json(struct dr_buffer *out, struct dr_controller *controller,
                     const struct dr_store_history *row, int detail, int secrets);

/* The file that a job writes: the places where it may be, the likeliest first. */
struct dr_output {
    char paths[2][DR_PATH_BYTES];
    uint32_t count;
    uint32_t uid; /* as whom it is written */
    uint32_t gid;
    char login[DR_NAME_BYTES]; /* what its user is called there */
};
struct dr_output_of {
    uint64_t job;
    uint64_t array_job;
    uint32_t array_index;
    uint32_t user;
    uint64_t text;
    uint32_t site; /* of its current or last attempt; 0: never placed */
};
/* The site of a job's current or last attempt; 0: it was never placed. */
dr_site_id dr_job_site(const struct dr_core *core, const struct dr_job *job);
/* `stream` is "output" or "error". 0: the job's text is erased, or its pattern can't be filled. */
int dr_job_output(struct dr_controller *controller, const struct dr_output_of *of,
                  const char *stream, uint32_t task, struct dr_output *output);

#endif
