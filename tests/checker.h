/* SPDX-License-Identifier: Apache-2.0 */
/* checker.h: an independent, obvious judge of a state and of the fact that led to it.
 *
 * It reads primary state alone (jobs, their lists of extents, limits, what the federation declares)
 * and computes everything again from scratch, by tests/oracle.h, sharing no code with src/core: a
 * bit per accelerator, sums per account and group by walking all jobs, whether a job could start,
 * when and where, by trying. checker.c says which fact is judged by what, checker_parts.h by whom.
 */
#ifndef DR_TEST_CHECKER_H
#define DR_TEST_CHECKER_H

#include "oracle.h"
#include "world.h"

#define CHECKER_JOBS 128 /* rows, and ids */

struct checker_promise {
    uint32_t nodes[ORACLE_NODES];
    uint32_t nodes_count;
};

struct checker {
    char says[512]; /* what is wrong; "": nothing */
    int calm; /* nothing but limits ends jobs, nobody has a guarantee: reservations must hold */
    /* what was looked at */
    uint32_t starts;
    uint32_t priced;   /* of them, compared with the cheapest of all places */
    uint32_t compared; /* jobs that surely came before one that started */
    uint32_t waiting;  /* jobs that waited after a decision */
    uint32_t reclaims;
    uint32_t fair;      /* of these, by fair share */
    uint32_t attained;  /* of these, by order las */
    uint32_t switched;  /* nodes switched off, or on */
    uint32_t cheaper;   /* times that a job waited for cheaper hours */
    uint32_t shorts;    /* caps of which it was said that they can't be met */
    uint32_t curtailed; /* attempts told to leave for a power cap */
    uint32_t reservations;
    uint32_t shadows; /* of them, first ones: compared with the earliest time that there is */
    uint32_t backfills;
    uint32_t contests; /* starts beside a reservation, by quota */
    uint32_t late;     /* reserved jobs that started after their time */
    uint32_t windows;  /* times that an advance reservation began, or was left by others */
    uint32_t told;     /* attempts told to leave for one */
    /* evictions since something came from outside */
    uint32_t evictions;
    uint32_t evictions_most;
    /* what it remembers */
    struct oracle look;   /* after the last fact */
    uint64_t victims[64]; /* told to leave since the last fact of another kind */
    uint32_t victims_count;
    int64_t tick_us;
    int64_t past[ORACLE_ACCOUNTS][ORACLE_GROUPS];
    int64_t guarantee[ORACLE_ACCOUNTS][ORACLE_GROUPS];
    struct dr_job was[CHECKER_JOBS]; /* jobs before the fact */
    uint32_t was_count;
    struct checker_promise promises[CHECKER_JOBS]; /* by job id */
    uint32_t windows_known[CHECKER_JOBS]; /* by job id: the last that was made before its start */
};

/* Judge the shadow's state after `fact`. For world->check, with a struct checker as context. */
void checker_fact(struct world *world, const struct dr_fact *fact, void *context);

/* After a decision: does somebody wait who could start, or is beyond his time? For world->decided.
 */
void checker_decided(struct world *world, void *context);

#endif
