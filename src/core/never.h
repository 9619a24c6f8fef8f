/* SPDX-License-Identifier: Apache-2.0 */
/* never.h: why a job could run nowhere, in words (POLICY, section 9). For core's own files.
 *
 * For each way to run the job there is a nearest miss: of all pools the one in which the fewest
 * things of hardware (chip, size, level) stand in the way, then the fewest rules (sites, law,
 * consent, data), then the one that comes furthest in the order of enum dr_obstacle, then the
 * largest, then the lowest id. */
#ifndef DR_CORE_NEVER_H
#define DR_CORE_NEVER_H

#include "core/place.h"

#define DR_OBSTACLES_HARD                                                          \
    (1u << DR_OBSTACLE_REMOVED | 1u << DR_OBSTACLE_CHIP | 1u << DR_OBSTACLE_SIZE | \
     1u << DR_OBSTACLE_LEVEL)

struct dr_miss {
    dr_pool_id pool;    /* 0: there is no pool at all */
    unsigned obstacles; /* bits; 0: the pool could hold it */
};

/* The first way whose nearest miss tells all: of the sizes of an elastic job the least. */
static inline uint32_t dr_never_first(const struct dr_shape *shape)
{
    return shape->sizes > 1 ? shape->sizes - 1u : 0;
}

/* The nearest miss of one way; obstacles 0: some pool could hold it. */
struct dr_miss dr_never_nearest(const struct dr_core *core, const struct dr_shape *shape,
                                const struct dr_want *want);

/* What one obstacle of a miss is, with names and amounts, and what would take it away: `hold` gets
 * reason, pool, site, has and needs, text and frees. Of hardware the text is about all pools. */
void dr_never_say(const struct dr_core *core, const struct dr_shape *shape,
                  const struct dr_want *want, const struct dr_miss *miss, enum dr_obstacle obstacle,
                  struct dr_hold *hold);

/* The nearest misses of all ways, one after another: "no pool has 16 accelerators a node; ...". */
void dr_never_all(const struct dr_core *core, const struct dr_shape *shape, dr_account_id account,
                  dr_site_id kept_at, char *text, size_t text_bytes);

/* Could no pool hold a job of this shape and account, even when empty? For dr_admit(): returns 1
 * and says why. */
int dr_never(const struct dr_core *core, const struct dr_shape *shape, dr_account_id account,
             char *text, size_t text_bytes);

#endif
