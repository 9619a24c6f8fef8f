/* SPDX-License-Identifier: Apache-2.0 */
/* slurm_likely.h: which attempt has probably ended since it was last heard of. Pure.
 *
 * Jobs of a site resemble those that ended there lately. Of the last runs those count that were
 * longer than this one was when it was last heard of; the part of them that was shorter than it is
 * by now is how likely it has ended (the hazard of the product-limit estimate: Kaplan and Meier,
 * Journal of the American Statistical Association 53, 1958). Beside them stands one run of which
 * nothing is known but that all its orders of magnitude are as likely, so that who was heard of
 * long ago, for its age, is asked for whatever others did. */
#ifndef DR_ENGINE_SLURM_LIKELY_H
#define DR_ENGINE_SLURM_LIKELY_H

#include <stdint.h>

#define DR_SLURM_RUNS_MAX 32

/* The last runs; {0}: none yet. */
struct dr_slurm_runs {
    int64_t run_us[DR_SLURM_RUNS_MAX];
    uint32_t count, next;
};

/* A run has ended; below 0 counts as 0. */
void dr_slurm_runs_add(struct dr_slurm_runs *runs, int64_t run_us);

/* Parts of a million: one that had run for heard_us when it was last heard of has ended by now_us
 * of its run. 0 where now_us <= heard_us; below 0 counts as 0. */
uint32_t dr_slurm_likely(const struct dr_slurm_runs *runs, int64_t heard_us, int64_t now_us);

#endif
