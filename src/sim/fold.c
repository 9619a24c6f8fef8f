/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/fold.h"

#include <string.h>

#include "base/assert.h"
#include "base/text.h"

#define BATCH_BYTES   (8u << 20)
#define BATCH_EFFECTS 65536

static void flush(struct dr_fold *fold)
{
    if (fold->flush != NULL)
        fold->flush(fold->context);
    else
        dr_batch_clear(&fold->batch);
}

enum dr_status dr_fold_open(struct dr_fold *fold, struct dr_error *error)
{
    struct dr_command lead = {.kind = DR_COMMAND_LEAD, .roles = 0xff};

    if (dr_core_open(&fold->core, &DR_LIMITS_DEFAULT) != DR_OK ||
        dr_arena_init(&fold->arena,
                      BATCH_BYTES + BATCH_EFFECTS * sizeof(struct dr_effect) + 4096) != DR_OK) {
        dr_error_set(error, NULL, 0, "", "too little address space", "room for the core's tables");
        return DR_E_FULL;
    }
    fold->batch = (struct dr_batch){
        .bytes = dr_arena_push(&fold->arena, BATCH_BYTES, 1),
        .bytes_max = BATCH_BYTES,
        .effects = dr_arena_push(&fold->arena, BATCH_EFFECTS, sizeof(struct dr_effect)),
        .effects_max = BATCH_EFFECTS,
    };
    dr_copy_name(lead.body.lead.program, "daero-sim");
    return dr_fold_admit(fold, &lead, "", error);
}

void dr_fold_close(struct dr_fold *fold)
{
    dr_core_close(fold->core);
    dr_arena_deinit(&fold->arena);
}

enum dr_status dr_fold_admit(struct dr_fold *fold, const struct dr_command *command,
                             const char *what, struct dr_error *error)
{
    struct dr_answer answer = {0};

    if (!dr_admit(fold->core, command, fold->now_us, &fold->batch, &answer)) {
        dr_error_set(error, what, 0, answer.field, dr_refusal_name(answer.refused),
                     "a federation that is let in: %s", answer.text);
        return DR_E_INPUT;
    }
    flush(fold);
    return DR_OK;
}

enum dr_status dr_fold_federation(struct dr_fold *fold, struct dr_federation *federation,
                                  struct dr_error *error)
{
    struct dr_error_list errors DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_change *changes;
    uint32_t count;

    if (dr_federation_changes(federation, fold->core, &changes, &count, &errors) != DR_OK) {
        *error = errors.errors[0];
        return DR_E_INPUT;
    }
    for (uint32_t i = 0; i < count; i += 1) {
        struct dr_command command = {
            .kind = DR_COMMAND_DECLARE, .roles = 0xff, .body.declare = changes[i].declare};
        enum dr_status status = dr_fold_admit(fold, &command, changes[i].name, error);

        if (status != DR_OK)
            return status;
    }
    return DR_OK;
}
