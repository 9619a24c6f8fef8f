/* SPDX-License-Identifier: Apache-2.0 */
/* seats.h: who waits in which account, in order, and what it takes to help them. For core's own
 * files.
 *
 * Every account has a seat. A leaf's seat holds its classes (core/queue.h) in order: priority,
 * preempted before new, submit time and id of the first job. Every class says what it wants as a
 * few bits, and seats sum the bits up to the root, so that a decision about what has come free
 * descends only to those whom it might help.
 *
 * Memory of failure (POLICY, section 6): a class that was refused for lack of room alone is parked.
 * It is judged again when room of its kind has come free in a pool, not before. Bits may promise
 * too much, and then a class is judged in vain; they never hide one that could start. */
#ifndef DR_CORE_SEATS_H
#define DR_CORE_SEATS_H

#include "core/fits.h"
#include "core/queue.h"
#include "core/rest.h"

/* Bits of what is wanted, and offered. A class is met where one bit of each field is offered, where
 * fresh ones are asked for and it is fresh, or where its amounts are among those that a quota on
 * its path has room for since. */
#define DR_WANTS_SHAPE UINT64_C(0x0000007fffffffff) /* its row, folded into 39 bits */
#define DR_WANTS_CHIPS UINT64_C(0x3fffff8000000000) /* folded into 23 bits; the last: no chip */
#define DR_WANTS_FRESH UINT64_C(0x8000000000000000) /* not parked */
#define DR_WANTS_AGAIN                                                        \
    UINT64_C(0x4000000000000000) /* a reservation earlier than the one it has \
                                  */
#define DR_WANTS_ALL UINT64_MAX

/* Bits of what is to be taken back: of the gang, where somebody else's attempts would do, powers of
 * two (the first bit: or anything at all); and of the gang, powers of two, where its own account's
 * would. CHIPS are those of groups where it may take so. */
#define DR_WANTS_TOTAL UINT64_C(0x0000007fffffc000)
#define DR_WANTS_SOME  UINT64_C(0x0000000000004000)
#define DR_WANTS_OWN   UINT64_C(0x00000000000007ff)
/* ... it has some of lower priority there; nothing offers this */
#define DR_WANTS_TAKES UINT64_C(0x0000000000001000)
/* ... less than its gang at the root of the account tree, since an account on its path keeps
 * something back: how much is decided there. */
#define DR_WANTS_KEPT UINT64_C(0x0000000000000800)
/* ... whatever its shape fits, for more than anybody: core/fits.h */
#define DR_WANTS_LENIENT UINT64_C(0x0000000000002000)
/* ... a place that would not delay what others have reserved, by quotas on its path (DR_NEAR). */
#define DR_WANTS_NEAR UINT64_C(0x4000000000000000)

/* Is it of a shape and chips that are bits of `room`? */
static inline int dr_wants_fit(struct dr_wants wants, uint64_t room)
{
    uint64_t both = wants.room & room;

    return (both & DR_WANTS_SHAPE) != 0 && (both & DR_WANTS_CHIPS) != 0;
}

static inline int dr_wants_meet(struct dr_wants wants, struct dr_wants offers)
{
    uint64_t both = wants.room & offers.room;
    uint64_t hunts = wants.hunts & offers.hunts;

    return (wants.sums & offers.sums) != 0 || (both & DR_WANTS_FRESH) != 0 ||
           dr_wants_fit(wants, offers.room) ||
           ((both & DR_WANTS_AGAIN) != 0 && (both & DR_WANTS_CHIPS) != 0) ||
           (hunts & (DR_WANTS_OWN | DR_WANTS_NEAR | DR_WANTS_KEPT)) != 0 ||
           ((hunts & DR_WANTS_TOTAL) != 0 && (hunts & DR_WANTS_CHIPS) != 0);
}

/* Of sums: any relief at all, whatever the amount. */
#define DR_WANTS_ANY_RELIEF (UINT64_C(1) << 63)

/* What hunts for victims want, the rest aside. */
static inline uint64_t dr_wants_hunts(struct dr_wants wants)
{
    return wants.hunts & (DR_WANTS_TOTAL | DR_WANTS_TAKES);
}

/* Why a hunt for victims found none, so that its class is met when there may be some. */
#define DR_HUNTED_OTHERS 1u /* too little is lent in the pools that it may use */
#define DR_HUNTED_GROUP  2u /* a quota needs it, and nothing is lent in its whole group */
#define DR_HUNTED_OWN    4u /* too little is held by its own account's lower priorities */
#define DR_HUNTED_AGAIN  8u /* it was not looked for: as it was */

/* And a time in vain, when it could have had a reservation: whatever its quotas get back helps. */
#define DR_PLANNED 16u

/* A place would have delayed what others have reserved, by the quota of an account on its path:
 * what is started, reserved or given up at or below that, and when it ends, may change it. */
#define DR_NEAR 32u

/* A place in the order within an account. */
struct dr_seat_key {
    int32_t priority;
    uint8_t again;
    int64_t rank_us; /* by which SJF goes; the band of LAS; 0 otherwise */
    int64_t submit_us;
    uint64_t id;
};

/* What a class has to be judged for. */
enum dr_scope {
    DR_SCOPE_NONE,
    DR_SCOPE_FAIR,  /* what it may take by fair share (core/fair.h), and nothing else */
    DR_SCOPE_FREED, /* a place in a pool in which something has come free since it was refused */
    DR_SCOPE_RISEN, /* ... and what may be taken back where there is more since */
    DR_SCOPE_ALL,
};

/* How a seat stands in the decision that goes on (core/order.c). */
enum dr_seat_state {
    DR_SEAT_BOUND, /* tier and key are a bound: what it offers has not been looked for */
    DR_SEAT_OFFER, /* they are those of its offer */
    DR_SEAT_EMPTY, /* it has nothing to offer any more */
};

/* What a job of the account would ask for in vain, by fair share: so much or more, in these groups.
 */
struct dr_fair_vain {
    uint64_t seq; /* as of this fact; 0: nothing is known */
    dr_group_id groups[DR_RESOURCE_COUNT];
    struct dr_amounts amounts;
};

#define DR_FAIR_VAIN_MAX 2

struct dr_seat {
    struct dr_wants wants;  /* of all classes at and below it */
    uint64_t relief;        /* amounts that its quotas have room for since the last decision */
    uint64_t relief_chips;  /* DR_WANTS_CHIPS: of what chips */
    uint64_t relief_own;    /* DR_WANTS_OWN: gangs that its own attempts may make room for since */
    uint64_t relieved_at;   /* either, the last time, by the seats' clock */
    uint8_t relief_below;   /* it, or one below it, has relief: it is in the list of these */
    uint8_t put_below;      /* a class has come, at it or below it, since an order looked */
    uint32_t relieved_next; /* account row; DR_ROW_NONE: the last */
    uint32_t parent;
    uint32_t first_child;
    uint32_t next_sibling;
    uint32_t root;     /* of its own classes; DR_ROW_NONE: none */
    uint64_t keeps_at; /* `keeps` is true while dr_seats.limits + 1 is that */
    uint8_t keeps;     /* it, or an account above it, keeps something back in some group */
    /* keys of the account that depend on its sums alone; true while `known` is the version */
    uint64_t known;
    uint8_t bound_tier;
    int64_t bound_key;
    int64_t above_key;
    int64_t share;     /* of what is above its guarantee, not yet by weight */
    int64_t past;      /* likewise */
    int64_t least;     /* within its guarantee, whatever it offers; INT64_MAX: nothing is */
    uint32_t least_in; /* group row */
    /* in the decision that goes on, if `stamp` is its own */
    uint32_t stamp;
    uint8_t state; /* enum dr_seat_state */
    uint8_t tier;
    uint8_t begun;   /* `last` is set */
    uint8_t has_new; /* of a leaf: classes have come since it was gone through */
    uint8_t gone;    /* ... after how many looks at what is free; 0: it was not */
    int64_t key;
    uint64_t most_seq; /* the fact as of which `most` is known; 0: none */
    int64_t most;      /* greatest key above guarantee of the accounts below it */
    struct dr_fair_vain vain[DR_FAIR_VAIN_MAX];
    int64_t submit_us; /* of the offer */
    uint32_t summed;   /* pool for which `own_units` is summed up */
    int64_t own_units;
    uint32_t class_row;      /* of the offer */
    enum dr_scope scope;     /* of the offer, at a leaf */
    uint32_t best;           /* child that makes it; a leaf: itself */
    struct dr_seat_key last; /* of a leaf: what was judged last */
};

struct dr_seats {
    struct dr_rest rest;     /* core/rest.h */
    struct dr_seat *seats;   /* [accounts_max] by account row */
    uint64_t version;        /* of what all keys depend on; starts at 1 */
    uint32_t stamp;          /* of the decision that goes on */
    uint32_t relieved_first; /* account row */
    uint8_t wake_all;        /* something has changed that anybody may have waited for */
    uint8_t wake_each;       /* ... and nobody is left asleep */
    uint64_t clock;          /* counts what has come free, or may be had, in order */
    uint64_t woken;          /* by it, the last wake of all */
    uint64_t *relieved_in;   /* [groups_max] by it, when something was given back there, last */
    uint64_t *stirred_in;    /* [groups_max] ... when something started, was promised, came free or
                                might be taken back */
    uint64_t *risen_in;      /* [groups_max] ... when more could be had, free or by taking back */
    uint64_t limits;         /* counts changes of the limits of accounts */
    uint64_t doubt_seq;      /* the fact before which somebody was refused in doubt, or passed over
                                because nothing had stirred him; 0: nobody was */
    uint64_t fair_seq; /* the fact before which somebody took nothing by fair share, or was passed
                          over since his account might not; 0: nobody was, since all were asked */
    uint64_t near_seq; /* the fact before which somebody was refused, in the walk that goes on,
                          for what others have reserved (DR_NEAR); 0: nobody was */
};

DR_MUST_USE enum dr_status dr_seats_open(struct dr_core *core);

/* Something has come free: its place in the order of these. */
static inline uint64_t dr_seats_moment(struct dr_seats *seats)
{
    seats->clock += 1;
    return seats->clock;
}

/* Something has started or come free in a pool, or may be taken back there: the moment. */
static inline uint64_t dr_seats_stir(struct dr_core *core, dr_pool_id pool)
{
    uint64_t moment = dr_seats_moment(core->seats);

    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT && pool.v <= core->pools_count;
         resource += 1)
        core->seats->stirred_in[core->pools[pool.v - 1].groups[resource].v - 1] = moment;
    return moment;
}

/* ... and that is more than could be had there before. */
static inline void dr_seats_rise(struct dr_core *core, dr_pool_id pool, uint64_t moment)
{
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT && pool.v <= core->pools_count;
         resource += 1)
        core->seats->risen_in[core->pools[pool.v - 1].groups[resource].v - 1] = moment;
}

/* Everybody is to be judged again, in case memory has missed something: who would be refused as he
 * was is left asleep (core/judged.c). */
static inline void dr_seats_wake_again(struct dr_seats *seats)
{
    seats->wake_all = 1;
    seats->woken = dr_seats_moment(seats);
}

/* Everybody is to be judged again, since what was noted of him may not hold any more. */
static inline void dr_seats_wake_all(struct dr_seats *seats)
{
    dr_seats_wake_again(seats);
    seats->wake_each = 1;
}

/* Forget the classes, and hang up accounts anew. */
void dr_seats_clear(struct dr_core *core);

/* The account has come, below its parent. */
void dr_seats_join(struct dr_core *core, uint32_t account_row);

/* A class takes its seat; it has its first job, and is fresh. It leaves before its first job
 * changes. */
void dr_seats_put(struct dr_core *core, uint32_t class_row);
void dr_seats_take(struct dr_core *core, uint32_t class_row);

/* How a class was refused. */
struct dr_refusal {
    const struct dr_queue_class *before; /* its class when it was judged */
    unsigned vain;                       /* DR_HUNTED_*, DR_PLANNED, DR_NEAR */
    uint64_t judged_at;                  /* the moment after which something may help it */
    int in_part; /* only by what had come free: what was known of the rest still holds */
};

/* It was refused for lack of room, or of a quota, and is to be met when there is some, or something
 * to take; or it is to be judged whatever there is. */
void dr_seats_park(struct dr_core *core, uint32_t class_row, const struct dr_refusal *refusal);
void dr_seats_wake(struct dr_core *core, uint32_t class_row);

/* The same, once anything has started, ended or come free after the moment `judged_at` in a group
 * that it may run in. */
void dr_seats_doubt(struct dr_core *core, uint32_t class_row, uint64_t judged_at);

/* What is offered to the classes of an account: by pools, and by the reliefs on its path, of which
 * `room` says of what chips. */
struct dr_offers {
    struct dr_wants pools;
    struct dr_wants reliefs;
    uint64_t lenient;     /* as pools.room, for those with DR_WANTS_LENIENT */
    uint64_t relieved_at; /* the last of the reliefs */
    uint64_t looked_at;   /* when `pools` were looked for, by the seats' clock */
    int fair;             /* whoever waits may take by fair share, if his account may */
};

static inline int dr_offers_meet(struct dr_wants wants, const struct dr_offers *offers)
{
    return (offers->fair && wants.room != 0) || dr_wants_meet(wants, offers->pools) ||
           dr_wants_meet(wants, offers->reliefs) ||
           ((wants.hunts & DR_WANTS_LENIENT) != 0 && dr_wants_fit(wants, offers->lenient));
}

/* The first class of an account after a key (NULL: of all) that `offers` might help, and that has
 * not been refused since they came; DR_ROW_NONE: none. */
uint32_t dr_seats_next(struct dr_core *core, uint32_t account_row, const struct dr_seat_key *after,
                       const struct dr_offers *offers, enum dr_scope *scope);

/* The classes of an account in order; DR_ROW_NONE: no more. */
uint32_t dr_seats_first(const struct dr_core *core, dr_account_id account);
uint32_t dr_seats_after(const struct dr_core *core, uint32_t class_row);

struct dr_seat_key dr_seats_key(const struct dr_core *core, uint32_t class_row);

/* The chip of a pool, as one of DR_WANTS_CHIPS. */
uint64_t dr_seats_chip_of(const struct dr_pool *pool);

/* What jobs of a shape want, as bits of `room`. */
uint64_t dr_seats_room_of(const struct dr_core *core, uint32_t shape_row);

/* What a pool offers with what could be taken back there: as bits of `hunts`. Accounts whose own
 * attempts there may now be enough have relief. */
uint64_t dr_seats_offer_hunts(struct dr_core *core, dr_pool_id pool);

/* May a job of the account ask the root for less than its gang, since an account on its path keeps
 * something back, or is not a leaf? */
int dr_seats_keeps(struct dr_core *core, dr_account_id account);

/* An account has given back amounts in a pool's groups (its sums say so already): its quotas and
 * those above have room for jobs that were too large before. */
void dr_seats_relieve(struct dr_core *core, dr_account_id account, dr_pool_id pool,
                      const struct dr_amounts *amounts);

/* The capacity of a group was less before: there is room at the root for jobs that were too large,
 * and where guarantees have shrunk for want of nodes they may have grown. */
void dr_seats_lifted(struct dr_core *core, dr_group_id group, int64_t before);

/* A reservation of the account is no more: what it kept in quotas may now have an end. */
void dr_seats_replan(struct dr_core *core, dr_account_id account);

/* The account has started or reserved something, or what it runs will end at another time: others
 * near it may have a place beside reservations now. */
void dr_seats_near(struct dr_core *core, dr_account_id account);

/* An attempt of the account may be taken from now on. */
void dr_seats_own_ripe(struct dr_core *core, dr_account_id account, int32_t priority);

/* A decision has looked at everything: what came before it helps nobody any more. */
void dr_seats_settled(struct dr_core *core);

/* Sums of an account, or of all, have changed: its keys are not what they were. */
static inline void dr_seats_changed(struct dr_seats *seats, uint32_t account_row)
{
    seats->seats[account_row].known = 0;
}

static inline void dr_seats_all_changed(struct dr_seats *seats)
{
    seats->version += 1;
}

/* The least amount of a resource that any class with such wants asks for; INT64_MAX: none asks for
 * any. A lower bound. */
int64_t dr_seats_least(struct dr_wants wants, enum dr_resource resource);

/* May a class with such wants run without a whole accelerator? */
int dr_seats_without(struct dr_wants wants);

/* ---- between seats.c and judged.c ---- */

/* Something that anybody may have waited for has changed since the class was judged. */
int dr_seats_is_woken(const struct dr_core *core, const struct dr_queue_class *class);

/* What a class has to be judged for: by what has come since it was refused, of what is offered. May
 * note that it waits for something else now. */
enum dr_scope dr_seats_scope(struct dr_core *core, uint32_t class_row,
                             const struct dr_offers *offers);

/* Somebody is in doubt: what starts in this decision may stir him. */
static inline void dr_seats_doubted(struct dr_core *core)
{
    if (core->seats->doubt_seq == 0)
        core->seats->doubt_seq = core->seq;
}

/* Somebody is refused for what others on his path have reserved: once anything has been decided
 * since, he is to be looked at again before the decision is over. */
static inline void dr_seats_near_refused(struct dr_core *core)
{
    if (core->seats->near_seq == 0)
        core->seats->near_seq = core->seq;
}

/* What a class waits for; sums follow up its account's classes, and up the accounts. */
void dr_seats_set_wants(struct dr_core *core, uint32_t class_row, struct dr_wants wants);

/* What is to be taken back for a shape, by how it was hunted for (DR_HUNTED_*), and what its own
 * account's attempts of lower priority might make room for: as bits of `hunts`. */
uint64_t dr_seats_hunts_of(const struct dr_shape *shape, unsigned hunted);
uint64_t dr_seats_own_of(const struct dr_shape *shape);

/* When more could be had in a pool, free or by taking back. */
uint64_t dr_seats_rose_at(const struct dr_core *core, uint32_t pool_row);

/* Could more be had since a moment in a pool, or in one of its groups? */
int dr_seats_rose_since(const struct dr_core *core, dr_pool_id pool, uint64_t since, int *in_group);

/* For tests: do all sums of bits agree, and is every account in order? */
int dr_seats_consistent(const struct dr_core *core);

/* For tests: while nothing has been given back since a decision, do quotas let nobody who is parked
 * have more than was noted of him? */
int dr_seats_bounded(const struct dr_core *core);

#endif
