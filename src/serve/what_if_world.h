/* SPDX-License-Identifier: Apache-2.0 */
/* what_if_world.h: one of the two worlds of a what-if, and what is noted of it; for what_if*.c. */
#ifndef DR_SERVE_WHAT_IF_WORLD_H
#define DR_SERVE_WHAT_IF_WORLD_H

#include "serve/ahead.h"
#include "serve/use.h"
#include "serve/what_if.h"

#define NEVER_US INT64_MAX /* not before the world's end */

/* A job that waits now, or holds a place. Both worlds have the same, in order of their ids. */
struct world_job {
    uint64_t id;
    uint32_t account;
    uint32_t user;
    uint8_t waits;
};

struct world_site {
    int64_t power_w_mean;
    int64_t power_w_most;
    int64_t power_cap_w; /* the standing one; 0: none */
};

/* What is said of a world, in one piece, as it goes through a pipe. */
struct world_sums {
    int64_t reached_us;
    int64_t capacity_milli; /* accelerators of nodes that are up, at its end */
    uint64_t taken;         /* attempts that were told to leave for others, or for power */
    uint32_t accounts_count;
    uint32_t sites_count;
    enum ahead_end end;
};

struct world {
    struct ahead ahead;
    const struct world_job *jobs; /* [jobs_count] */
    uint32_t jobs_count;
    struct world_sums sums;
    int64_t *at_us; /* [jobs_count] who waits: when it starts; who runs: when it is told to leave */
    struct use *use;          /* [accounts_max] from the beginning on */
    struct world_site *sites; /* [DR_SITES_MAX] */
    __int128 *site_uws;       /* [DR_SITES_MAX] watts times microseconds, so far */
    int64_t begun_us;
};

/* All jobs that both worlds are asked about; the caller's. */
struct world_job *what_if_jobs(const struct dr_core *core, uint32_t *count);

/* In a child of the controller: the state as it is. */
void what_if_begin(struct world *world, const struct dr_controller *c, const struct world_job *jobs,
                   uint32_t jobs_count);
/* Run it ahead, and sum up. */
void what_if_run(struct world *world, int64_t horizon_us);

/* Through a pipe, into a world that has begun. 0: the other end is gone. */
int what_if_write(const struct world *world, int pipe);
int what_if_read(struct world *world, int pipe);

/* what_if_json.c: what differs, as the answer's object. */
struct dr_change;
void what_if_compare_json(struct dr_buffer *out, const struct world *as_is,
                          const struct world *changed, const struct dr_change *changes,
                          uint32_t changes_count, const struct dr_what_if_wish *wish);

#endif
