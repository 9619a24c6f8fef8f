/* SPDX-License-Identifier: Apache-2.0 */
/* checker_parts.h: the judges of single subjects, for checker.c, which says which fact goes to
 * which.
 *
 * `core` is the state after the fact, `job` its job in that state, `was` the job as it was before.
 * Who wants to have a world judged reads checker.h. */
#ifndef DR_TEST_CHECKER_PARTS_H
#define DR_TEST_CHECKER_PARTS_H

#include "base/attr.h"
#include "checker.h"

/* Say what is wrong with the state after a fact; of several the first stays. Returns 0. */
DR_PRINTF(3, 4)
int checker_wrong(struct checker *checker, const struct dr_fact *fact, const char *format, ...);
/* The job of an id, or NULL. */
const struct dr_job *checker_job(const struct dr_core *core, uint64_t id);

/* ---- checker_held.c ---- */

void checker_places(struct checker *checker, const struct dr_fact *fact,
                    const struct dr_core *core);
void checker_sharing(struct checker *checker, const struct dr_fact *fact,
                     const struct dr_core *core);
void checker_sums(struct checker *checker, const struct dr_fact *fact, const struct dr_core *core,
                  const struct oracle_sums *sums);
void checker_quotas(struct checker *checker, const struct dr_fact *fact, const struct dr_core *core,
                    const struct oracle_sums *sums, const struct dr_job *job, uint32_t pool,
                    uint32_t alternative);
/* `first`: of the list of its extents; the job before it had the place. */
void checker_law(struct checker *checker, const struct dr_fact *fact, const struct dr_core *core,
                 const struct dr_job *was, uint32_t pool, uint32_t alternative, uint32_t first);

/* ---- checker_power.c ---- */

void checker_power(struct checker *checker, const struct dr_fact *fact, const struct dr_core *core,
                   const struct dr_job *job);
void checker_kept(struct checker *checker, const struct dr_fact *fact, const struct dr_core *core);
void checker_switched(struct checker *checker, const struct dr_fact *fact,
                      const struct dr_core *core);
void checker_curtailed(struct checker *checker, const struct dr_fact *fact,
                       const struct dr_core *core, const struct dr_job *job);
void checker_short(struct checker *checker, const struct dr_fact *fact, const struct dr_core *core);

/* ---- checker_evictions.c ---- */

void checker_eviction(struct checker *checker, const struct dr_fact *fact,
                      const struct dr_core *core, const struct dr_job *victim);
void checker_promise(struct checker *checker, const struct dr_fact *fact,
                     const struct dr_core *core, const struct dr_job *job);
/* Remember its nodes, for checker_dropped(). */
void checker_note_promise(struct checker *checker, const struct dr_fact *fact);
void checker_dropped(struct checker *checker, const struct dr_fact *fact,
                     const struct dr_core *core, const struct dr_job *was);

/* ---- checker_starts.c ---- */

/* Could the job start now, whatever else is looked at? `reserved`: a job that has just used its
 * reservation, as it was, or NULL. Fills the pool. */
int checker_could_start(const struct oracle *look, const struct dr_job *job, int64_t now_us,
                        const struct dr_job *reserved, uint32_t *pool);
void checker_start(struct checker *checker, const struct dr_fact *fact, const struct dr_core *core,
                   const struct dr_job *job, const struct dr_job *was);
void checker_delays(struct checker *checker, const struct dr_fact *fact, const struct dr_core *core,
                    const struct dr_job *job);
void checker_reservation(struct checker *checker, const struct dr_fact *fact,
                         const struct dr_core *core, const struct dr_job *job,
                         const struct dr_job *was);

/* ---- checker_windows.c ---- */

void checker_windows(struct checker *checker, const struct dr_fact *fact,
                     const struct dr_core *core);
void checker_window_held(struct checker *checker, const struct dr_fact *fact,
                         const struct dr_core *core);
void checker_window_told(struct checker *checker, const struct dr_fact *fact,
                         const struct dr_core *core, const struct dr_job *job);
/* After a decision. */
void checker_windows_now(struct checker *checker, const struct dr_core *core, int64_t now_us);

#endif
