/* SPDX-License-Identifier: Apache-2.0 */
/* fits.h: which of the shapes that wait would fit somewhere now. For core's own files.
 *
 * Jobs of one shape find room in the same pools. So when something has come free it is enough to
 * look once per shape: whoever waits with a shape that fits nowhere is not asked. A look leaves
 * quotas, consent, saved work and what others have reserved aside, and so promises too much; it
 * never hides a pool in which a job of the shape could start, or reserve.
 *
 * What a look has found is remembered. That a shape fits nowhere stays true until something comes
 * free, since starts only take; that it fits, until the next fact. */
#ifndef DR_CORE_FITS_H
#define DR_CORE_FITS_H

#include "core/space.h"

/* What a shape fits for. */
enum dr_fit_kind {
    DR_FITS_START,
    DR_FITS_RESERVE, /* to start, or to have a reservation */
    DR_FITS_KINDS,
};

/* What is known of a shape, for one kind. */
struct dr_fit {
    uint64_t none_since; /* in no pool in which something came free after that ... */
    uint64_t none_until; /* ... and until then, by the seats' clock (core/seats.h); 0: not known */
    uint64_t fits_at;    /* but in one in which something came free then ... */
    uint64_t fits_seq;   /* ... while core->seq is that */
};

struct dr_fit_shape {
    struct dr_fit of[DR_FITS_KINDS];
    uint64_t version; /* core->federation_version + 1 that these are true for */
    uint32_t waiting; /* classes of the shape */
    uint32_t place;   /* in the list, while there are any */
};

struct dr_fits {
    struct dr_fit_shape *shapes; /* [jobs_max] by shape row */
    uint32_t *waiting;           /* [jobs_max] rows of shapes that wait, in no order */
    uint32_t waiting_count;
    uint32_t vain;              /* classes that were asked about a shape that fits nowhere, since
                                   the last dr_fits_offer() */
    struct dr_pool_set powered; /* by rank: pools whose caps leave power for some accelerator ... */
    uint64_t powered_seq;       /* ... at that core->seq + 1 */
    int64_t powered_us;         /* ... and time */
};

DR_MUST_USE enum dr_status dr_fits_open(struct dr_core *core);

/* Nobody waits. */
void dr_fits_clear(struct dr_core *core);

/* A class with the shape waits (sign 1), or waits no more (-1). */
void dr_fits_wait(struct dr_core *core, uint32_t shape_row, int sign);

/* Might a job of the shape start, or have a reservation, in a pool in which something has come free
 * after the moment `since`? Not in a view. */
int dr_fits_since(struct dr_core *core, uint32_t shape_row, uint64_t since, enum dr_fit_kind kind);

/* What they want for whom that is so, as bits of `room` (core/seats.h); `anywhere` [DR_FITS_KINDS]:
 * and for whom it is so in any pool at all. Costs some 50 ns for each shape that waits. */
uint64_t dr_fits_offer(struct dr_core *core, uint64_t since, uint64_t *anywhere);

/* Have so many been asked in vain that looking at all shapes is cheaper? */
static inline int dr_fits_pays(const struct dr_core *core)
{
    return core->fits->vain > core->fits->waiting_count;
}

#endif
