/* SPDX-License-Identifier: Apache-2.0 */
/* order.h: whose turn it is (POLICY, section 2).
 *
 * A decision makes an order, then asks again and again for the next job: from the root down, at
 * each account to the child with the least key that still has a job worth trying. Keys are
 * integers, in 2^-32: within guarantee (claim + n) / G, above it share + past; a child within
 * guarantee comes before every other. Ties: earlier submit of the next job, then account id.
 *
 * A job that may run in several groups (alternatives, chips of several owners) is judged in each
 * one; the least key counts, which is what lets it use the guarantee that it has. `share` and
 * `past` are maxima over groups (DRF, Ghodsi et al., NSDI 2011, section 4), divided by the
 * account's weight.
 *
 * With settings.ordering FIFO or SJF accounts and their keys have no say: the next is the one of
 * the earliest submit, or of the least time limit, among the first of each leaf account. Tiers and
 * keys of a choice are as above, for what goes by guarantees. */
#ifndef DR_CORE_ORDER_H
#define DR_CORE_ORDER_H

#include "core/place.h"
#include "core/seats.h"

#define DR_ORDER_ONE (INT64_C(1) << 32)

#define DR_ORDER_LOOKS_MAX 32

struct dr_order {
    struct dr_core *core;
    uint32_t stamp;
    /* What has been offered since each look at what is free: from 0 on all, from the last on
     * nothing. A leaf that has been gone through after a look asks what has come since. */
    struct dr_offers since[DR_ORDER_LOOKS_MAX + 1];
    int reserves;           /* somebody may still be given a reservation */
    uint32_t looks;         /* so far; from DR_ORDER_LOOKS_MAX on they count as one */
    uint32_t last;          /* account row of the last choice */
    struct dr_seat_key key; /* of the last choice */
    uint32_t asked_row;     /* the job whose groups these are */
    struct dr_place_group groups[DR_PLACE_GROUPS_MAX];
    uint32_t groups_count;
};

struct dr_choice {
    uint32_t class_row;
    uint32_t job_row;
    enum dr_scope scope;
    uint64_t judged_at;         /* when the class was refused last, by the seats' clock */
    uint8_t tier;               /* of the account below the root: 1 within guarantee, 2 above */
    int64_t keys[DR_DEPTH_MAX]; /* on the path, from below the root to the leaf */
    uint32_t keys_count;
};

/* A new decision about those who wait for something of `offers` (core/seats.h). One at a time. */
void dr_order_begin(struct dr_core *core, struct dr_offers offers, struct dr_order *order);

/* The same order once more, since something has come free after the last look: from the first that
 * this, `news`, may help, or that a relief or a new class may. Who has been judged and can't be
 * helped is not looked at. */
void dr_order_again(struct dr_order *order, struct dr_offers news);

/* Nobody is to have a reservation any more, until it is gone through again. */
void dr_order_no_reservations(struct dr_order *order);

/* The next job. Returns 0 when all have started or been passed. */
int dr_order_next(struct dr_order *order, struct dr_choice *choice);

/* The last choice has been judged: it started, was promised a place, or steps aside with its class.
 * Goes on after it, with what comes later of its account. */
void dr_order_passed(struct dr_order *order);

/* Claims on the path of another account have changed. */
void dr_order_touch(struct dr_order *order, dr_account_id account);

/* Key of an account for one start: the pieces above, for explanations and tests. Returns the tier.
 */
uint8_t dr_order_key(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                     const struct dr_amounts *amounts, int64_t *key);

/* An account has claimed more in a group: its keys follow, if they were known. */
void dr_order_claimed(struct dr_core *core, dr_account_id account, dr_group_id group);

/* Key above guarantee (2.), as sums are now. */
int64_t dr_order_above(struct dr_core *core, dr_account_id account);

/* The same, were `amounts` more claimed in the groups of `pool` (sign 1), or less (-1), or neither
 * (0). */
int64_t dr_order_above_with(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                            const struct dr_amounts *amounts, int sign);

/* How much less could be claimed in a group, at most `most`, so that the key above guarantee is
 * `key` or more still; 0 also where it is less now. */
int64_t dr_order_most_less(const struct dr_core *core, dr_account_id account, dr_group_id group,
                           int64_t most, int64_t key);

#endif
