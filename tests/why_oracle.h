/* SPDX-License-Identifier: Apache-2.0 */
/* why_oracle.h: takes dr_why() at its word.
 *
 * A copy of the state is made in which what the holds name has gone, and nothing else: a limit
 * higher by the amount that is missing, the place free of those who hold it, the cap lifted, the
 * reservation dropped. Every other job that waits is set aside, so that it is the job's turn, and a
 * decision is made. With all holds gone the job has to start; with any part of them left it may
 * not. */
#ifndef DR_TEST_WHY_ORACLE_H
#define DR_TEST_WHY_ORACLE_H

#include "world.h"

struct why_tally {
    uint32_t asked;
    uint32_t decided; /* decisions in copies */
    uint32_t several; /* answers with more than one hold */
    uint32_t by_reason[DR_REASON_PRIORITY + 1];
};

/* A pending job. Returns NULL, or what the answer got wrong. What depends on other jobs
 * (DEPENDENCY, ARRAY_LIMIT, RECLAIMING), on the return of nodes, or on the law, is not tried. */
const char *why_oracle(const struct world *world, dr_job_id job, struct why_tally *tally);

#endif
