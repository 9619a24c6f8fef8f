/* SPDX-License-Identifier: Apache-2.0 */
/* fold.h: a fresh core, and a federation file folded into it. */
#ifndef DR_SIM_FOLD_H
#define DR_SIM_FOLD_H

#include "federation/federation.h"

/* A core with its batch, and who takes what is in the batch before it is cleared. */
struct dr_fold {
    struct dr_core *core;
    struct dr_batch batch;
    struct dr_arena arena; /* of the batch */
    int64_t now_us;
    void (*flush)(void *context); /* has to clear the batch; NULL: it is cleared */
    void *context;
};

/* An empty core that is led. DR_E_FULL: too little address space. */
DR_MUST_USE enum dr_status dr_fold_open(struct dr_fold *fold, struct dr_error *error);
/* Accepts a zeroed one. */
void dr_fold_close(struct dr_fold *fold);

/* Admit one command. DR_E_INPUT: refused, as `error` says; `what` is its file or part. */
DR_MUST_USE enum dr_status dr_fold_admit(struct dr_fold *fold, const struct dr_command *command,
                                         const char *what, struct dr_error *error);

/* All of a federation file. */
DR_MUST_USE enum dr_status dr_fold_federation(struct dr_fold *fold,
                                              struct dr_federation *federation,
                                              struct dr_error *error);

#endif
