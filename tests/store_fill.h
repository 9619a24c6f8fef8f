/* SPDX-License-Identifier: Apache-2.0 */
/* store_fill.h: batches whose content follows from their number, so that a store can be filled,
 * killed or damaged, and what it gives back be judged without having kept anything. */
#ifndef DR_STORE_FILL_H
#define DR_STORE_FILL_H

#include "store/store.h"

#define FILL_TEXTS   4 /* at most, a batch */
#define FILL_FACTS   6
#define FILL_PAYLOAD 8192

/* A batch and what it points to. */
struct fill {
    struct dr_store_batch batch;
    struct dr_store_text texts[FILL_TEXTS];
    struct dr_store_retry retries[FILL_TEXTS];
    struct dr_store_history history[FILL_TEXTS];
    char text[FILL_TEXTS][2048];
    uint8_t payload[FILL_PAYLOAD];
};

/* Batch `number` (from 0) of the filling `seed`; seq_first is where the batches before it end. */
void fill_make(struct fill *fill, uint32_t seed, uint64_t number);

/* The seq of the last fact of `batches` batches. */
uint64_t fill_seq(uint32_t seed, uint64_t batches);

/* Append the batches [from, from + count). The first status that is not DR_OK. */
enum dr_status fill_append(struct dr_store *store, uint32_t seed, uint64_t from, uint64_t count);

/* Read everything of a store that holds exactly `batches` batches, and compare. DR_OK: all of it is
 * as written. DR_E_CORRUPT or DR_E_MISSING: the store said so. Content that differs from what was
 * written without the store noticing is `*lie` = 1, with `why`. Erased texts may be missing. */
enum dr_status fill_compare(struct dr_store *store, uint32_t seed, uint64_t batches, int *lie,
                            char why[256]);

#endif
