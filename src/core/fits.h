/* SPDX-License-Identifier: Apache-2.0 */
/* fits.h: which of the shapes that wait would fit somewhere now. For core's own files.
 *
 * Jobs of one shape find room in the same pools, and the root of the account tree and those who
 * have reserved leave them the same there. So when something has come free, or what is free may be
 * had by more, it is enough to look once per shape: whoever waits with a shape that fits nowhere is
 * not asked. A look leaves the quotas below the root, consent, and saved work aside, and so
 * promises too much; it never hides a pool in which a job of the shape could start, or reserve.
 *
 * What a look has found is remembered. That a shape fits nowhere stays true until a pool is opened
 * (core/space.h), since starts only take; that it fits, until the next fact. */
#ifndef DR_CORE_FITS_H
#define DR_CORE_FITS_H

#include "core/queue.h"
#include "core/space.h"

/* What a shape fits for. */
enum dr_fit_kind {
    DR_FITS_ROOM,   /* enough is free, and power for it */
    DR_FITS_TAKE,   /* ... but the root has no room for it: who takes back what it needs there */
    DR_FITS_WITHIN, /* ... beside what those within their guarantees have reserved: who comes before
                       the others that have */
    DR_FITS_KEEPS,  /* ... beside all that is reserved: who may ask the root for less than his gang,
                       since an account on his path keeps something back */
    DR_FITS_START,  /* ... and the root has room for it: anybody else */
    DR_FITS_RESERVE, /* it may have a reservation */
    DR_FITS_KINDS,
};

/* For how long it fits, in which of the groups of its shape (core/place.h), as bits. */
struct dr_fit_span {
    uint32_t ever;      /* in pools there with any limit */
    uint32_t some;      /* ... or with no greater one than that, of a factor of 1 */
    int64_t longest_us; /* 0: in none */
};

/* What is known of a shape, for one kind. */
struct dr_fit {
    uint64_t none_since; /* in no pool that was opened after that ... */
    uint64_t none_until; /* ... and until then, by the seats' clock (core/seats.h); 0: not known */
    uint64_t fits_at;    /* but in one that was opened then ... */
    uint64_t fits_since; /* ... of those that were opened after that ... */
    uint64_t fits_seq;   /* ... while core->seq is that ... */
    struct dr_fit_span spans[2]; /* ... for so long; of flexible ones, to which caps that begin
                                    later are no matter, the second */
};

struct dr_fit_shape {
    struct dr_fit of[DR_FITS_KINDS];
    uint64_t version;            /* core->federation_version + 1 that these are true for */
    struct dr_pool_set pools;    /* that it may run in, one way or another */
    struct dr_pool_set reserves; /* those that DR_FITS_RESERVE is about */
    uint32_t unit;               /* the fewest accelerators of a task, of all ways to run it ... */
    uint32_t log;                /* ... and the least power of two in a gang; 0, 0: there is a way
                                    without whole ones */
    uint64_t room;               /* dr_seats_room_of() */
    int64_t least_us;            /* the limits of its classes are no less */
    uint32_t waiting;            /* classes of the shape */
    uint32_t place;              /* in the list, while there are any */
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
void dr_fits_wait(struct dr_core *core, uint32_t shape_row, int64_t limit_us, int sign);

/* Might a job of the shape and limit start, or have a reservation, in a pool that was opened after
 * the moment `since`? Of a flexible one caps that begin later are left aside. Not in a view. In
 * which of the groups of the shape, as bits; UINT32_MAX where these do not tell; 0: not. */
uint32_t dr_fits_since(struct dr_core *core, uint32_t shape_row, int64_t limit_us, int is_flexible,
                       uint64_t since, enum dr_fit_kind kind);

/* May a job of the class have a reservation so, consent and saved work considered? */
int dr_fits_reserves(struct dr_core *core, const struct dr_queue_class *class, uint64_t since);

/* What is offered to classes whose shapes may fit in a pool that was opened after a moment, as bits
 * of `room` (core/seats.h): to all, and to those with DR_WANTS_LENIENT. By what is free in sums, at
 * some 5 ns for each shape that waits. */
struct dr_fits_offers {
    uint64_t room;
    uint64_t lenient;
};
struct dr_fits_offers dr_fits_offer(struct dr_core *core, uint64_t since);

/* The same by a look at each of these shapes, for the least limit that it waits with. `reserves`:
 * who may have a reservation counts. */
struct dr_fits_offers dr_fits_refine(struct dr_core *core, uint64_t since, int reserves);

/* Have so many been asked in vain that looking at all shapes is cheaper? */
static inline int dr_fits_pays(const struct dr_core *core)
{
    return core->fits->vain > core->fits->waiting_count / 4;
}

#endif
