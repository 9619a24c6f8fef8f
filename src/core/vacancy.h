/* SPDX-License-Identifier: Apache-2.0 */
/* vacancy.h: when nodes of a pool are believed to be free of all that holds accelerators there. For
 * core/backfill_plan.c: gangs of whole nodes, which is what waits longest, need no other instants.
 *
 * An index (I8), per pool and on demand: its nodes by the last attempt on each (core/ends.h), those
 * apart of which a waiting job has reserved accelerators. What an instant says is a lower bound:
 * whoever has CPUs, memory or a promise there may be in the way longer. */
#ifndef DR_CORE_VACANCY_H
#define DR_CORE_VACANCY_H

#include "core/place.h"

struct dr_vacancy {
    uint32_t last;   /* job row of the attempt that ends last there; DR_ROW_NONE: there is none */
    uint32_t number; /* of the node in its pool */
};

struct dr_vacancies {
    struct dr_vacancy *nodes; /* [nodes_max] of one pool after another, by time, then number */
    uint32_t *first;          /* [pools_max] of a pool's */
    uint32_t *counts;         /* [pools_max] of a pool's; who never ends is left out */
    uint32_t *reserved;       /* [pools_max] that follow on these, in the same order */
    uint8_t *known;           /* [pools_max] */
    uint64_t version;         /* core->federation_version + 1 that `first` is of */
};

DR_MUST_USE enum dr_status dr_vacancy_open(struct dr_core *core);

/* An attempt in the pool has come, gone, or ends at another time; or a reservation has. */
void dr_vacancy_changed(struct dr_core *core, dr_pool_id pool);

/* When so many nodes are vacant that nobody has reserved, but for the reservation `own_extent` (a
 * row; DR_ROW_NONE: none), wherever in the pool they lie: 0: now already; DR_FOREVER_US: never. A
 * few instructions. */
int64_t dr_vacancy_soonest_us(struct dr_core *core, dr_pool_id pool, uint32_t nodes,
                              uint32_t own_extent);

/* The same, of nodes that are up and promised to nobody, in one domain of the level `level`, or
 * wherever they lie in the pool (levels_count); DR_FOREVER_US also where it is not before an
 * instant. */
int64_t dr_vacancy_when_us(struct dr_core *core, dr_pool_id pool, uint32_t nodes, uint32_t level,
                           uint32_t own_extent, int64_t before_us);

/* The attempts that end by an instant and hold something on nodes that are vacant by then: their
 * rows in the order of ends, into `rows` [attempts of the pool]. Returns how many there are. */
uint32_t dr_vacancy_leavers(struct dr_core *core, dr_pool_id pool, int64_t by_us, uint32_t *rows);

/* For tests: is what is known what ends say? */
int dr_vacancy_consistent(struct dr_core *core);

#endif
