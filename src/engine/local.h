/* SPDX-License-Identifier: Apache-2.0 */
/* local.h: the engine that runs jobs as processes on this machine.
 *
 * A job runs in the view that README.md draws: as its user, with a process table, a /tmp (where its
 * own working directory stays in view, even beneath /tmp) and an IPC space of its own, without
 * privileges, and without sight of the controller's data directory other than its checkpoints. Its
 * output files are opened in its user's name, from outside that view. */
#ifndef DR_ENGINE_LOCAL_H
#define DR_ENGINE_LOCAL_H

#include "base/status.h"
#include "engine/engine.h"

struct dr_local_options {
    /* Of the controller, absolute; attempts/ and checkpoints/ are made in it. It may be closed to
     * others itself, but the directories above it have to let the jobs' users pass: see describe().
     */
    const char *data_directory;
    const char *shim_path;     /* NULL: "daero-shim" beside this very program */
    uint64_t epoch;            /* of this controller */
    uint32_t attempts_max;     /* 0: 65,536; not forgotten ones, running or ended */
    uint32_t pids_max;         /* processes and threads of one attempt; 0: 8,192 */
    uint32_t network_none;     /* 1: jobs have no network but a loopback of their own */
    uint32_t shared_tmp;       /* 1: jobs see the machine's /tmp */
    uint32_t sandbox_required; /* 1: refuse to open where a part of the walls is missing */
};

/* Start the launcher, find what runs and what has ended. Waits for the launcher's word, a few
 * milliseconds.
 *
 * DR_E_INPUT        the data directory's path is not absolute, or is too long.
 * DR_E_MISSING      the shim is not there.
 * DR_E_UNSUPPORTED  sandbox_required, and something is missing: `error` says what.
 * DR_E_IO           the system failed. */
DR_MUST_USE enum dr_status dr_local_open(struct dr_engine **engine,
                                         const struct dr_local_options *options,
                                         struct dr_error *error);

/* The job is over: what it saved may go. Its attempts have been forgotten. DR_E_MISSING: it saved
 * nothing. */
enum dr_status dr_local_drop_checkpoints(struct dr_engine *engine, dr_job_id job);

/* Where a job finds DAERO_CHECKPOINT_DIR. Returns `path`. */
const char *dr_local_checkpoint_path(const struct dr_engine *engine, dr_job_id job, char *path,
                                     uint32_t path_bytes);

#endif
