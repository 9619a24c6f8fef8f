/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes into the reader of jobs: what it takes has a text that is JSON, and commands within the
 * core's limits; what it refuses has a reason. */
#include "serve/jobspec.h"

#include <jansson.h>

#include "base/buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dr_core *core;
static struct dr_arena arena;
static struct dr_buffer room;

static void open_core(void)
{
    static const struct dr_limits LIMITS = {.jobs_max = 16,
                                            .nodes_max = 16,
                                            .pools_max = 4,
                                            .accounts_max = 4,
                                            .users_max = 4,
                                            .tokens_max = 4,
                                            .groups_max = 4,
                                            .datasets_max = 4,
                                            .extents_max = 16};

    DR_ASSERT(dr_core_open(&core, &LIMITS) == DR_OK);
    DR_ASSERT(dr_arena_init(&arena, 128u << 20) == DR_OK);
    dr_buffer_init(&room, 2u << 20);
    core->chips_count = 1;
    dr_copy_name(core->chips[0].name, "h200");
    core->sites_count = 1;
    dr_copy_name(core->sites[0].name, "s1");
    core->accounts_count = 1;
    dr_copy_name(core->accounts[0].name, "a");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dr_jobspec spec;

    if (core == NULL)
        open_core();
    dr_arena_reset(&arena, 0);
    spec = (struct dr_jobspec){.core = core, .arena = &arena, .text = &room};
    if (!dr_jobspec_read(&spec, (const char *)data, size)) {
        DR_ASSERT(spec.problems_count > 0);
        DR_ASSERT(spec.problems[0].answer.refused != DR_REFUSAL_NONE);
        DR_ASSERT(spec.problems[0].answer.text[0] != 0);
        return 0;
    }
    DR_ASSERT(spec.count > 0 && spec.count <= DR_JOBS_PER_REQUEST);
    for (uint32_t i = 0; i < spec.texts_count; i += 1) {
        json_t *text = json_loads(spec.texts[i], JSON_REJECT_DUPLICATES, NULL);

        DR_ASSERT(json_is_object(text));
        json_decref(text);
    }
    for (uint32_t i = 0; i < spec.count; i += 1) {
        const struct dr_fact_job_accepted *job = &spec.commands[i].body.submit;

        DR_ASSERT(job->text >= 1 && job->text <= spec.texts_count);
        DR_ASSERT(job->alternatives_count >= 1 && job->alternatives_count <= DR_ALTERNATIVES_MAX);
        DR_ASSERT(job->dependencies_count <= DR_DEPENDENCIES_MAX);
        DR_ASSERT(job->datasets_count <= DR_DATASETS_OF_A_JOB);
        for (uint32_t k = 0; k < job->alternatives_count; k += 1)
            DR_ASSERT(job->alternatives[k].tasks >= 1 &&
                      job->alternatives[k].tasks <= DR_TASKS_MAX);
    }
    return 0;
}
