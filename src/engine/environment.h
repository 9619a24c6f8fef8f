/* SPDX-License-Identifier: Apache-2.0 */
/* environment.h: the variables that a task finds.
 *
 * What the user gave comes first, less what only Daero may say (DAERO_*, SLURM_*, and the names in
 * the tables of environment.c); then defaults for HOME, USER, LOGNAME, SHELL, PATH and TMPDIR where
 * the user gave none; then ours. Nothing of the controller's own environment is in it.
 * docs/formats/job-environment.md lists them. */
#ifndef DR_ENGINE_ENVIRONMENT_H
#define DR_ENGINE_ENVIRONMENT_H

#include "engine/engine.h"

/* Where one task of the gang stands. */
struct dr_task_place {
    uint32_t task;       /* in the gang */
    uint32_t node;       /* entry of launch->nodes */
    uint32_t task_local; /* among the tasks of its node */
};

/* What the engine knows and the order does not. */
struct dr_surroundings {
    const char *home;  /* of the user on this machine; "": unknown */
    const char *shell; /* "": unknown */
    const char *checkpoint_directory;
    const char *directory; /* where the job runs in the end */
    uint32_t master_port;
};

/* The place of a task. task < launch->tasks; tasks beyond the nodes' sum stand on the last node. */
struct dr_task_place dr_task_place(const struct dr_launch *launch, uint32_t task);

/* The accelerators of the task's node that are the task's: accelerators_per_task of them in order,
 * or all of the node's where the program runs once for all tasks. */
uint64_t dr_task_accelerators(const struct dr_launch *launch, const struct dr_task_place *place);

/* "NAME=value" strings, closed by NULL, in one block for free(). Borrows the order's strings. */
char **dr_environment_build(const struct dr_launch *launch, const struct dr_task_place *place,
                            const struct dr_surroundings *surroundings);

#endif
