/* SPDX-License-Identifier: Apache-2.0 */
/* checker.h: an independent, obvious judge of a state and of the fact that led to it.
 *
 * It reads primary state alone (jobs, their lists of extents, limits, what the federation declares)
 * and computes everything again from scratch, sharing no code with src/core: a bit per accelerator,
 * sums per account and group by walking all jobs, occupied() by walking the tree. */
#ifndef DR_TEST_CHECKER_H
#define DR_TEST_CHECKER_H

#include "world.h"

struct checker {
    char says[512]; /* what is wrong; "": nothing */
    /* evictions since something came from outside */
    uint32_t evictions;
    uint32_t evictions_most;
    uint32_t starts;
    uint32_t reclaims;
    uint32_t reservations;
    uint32_t backfills;
    uint32_t late; /* reserved jobs that started after their time */
    int calm; /* nothing but limits ends jobs, nobody has a guarantee: reservations must hold */
};

/* Judge the shadow's state after `fact`. For world->check, with a struct checker as context. */
void checker_fact(struct world *world, const struct dr_fact *fact, void *context);

#endif
