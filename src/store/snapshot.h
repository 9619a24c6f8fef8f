/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.h: the core's state as files beside the store, so that start-up reads one and the tail.
 *
 * A snapshot is a stream of bytes whose format is the core's, under a header that says at which
 * fact it was taken and what the chain's head was there. A forked child of the controller writes
 * it, so nothing here touches the store while writing. The two newest are kept. Layout:
 * docs/formats/store.md. */
#ifndef DR_STORE_SNAPSHOT_H
#define DR_STORE_SNAPSHOT_H

#include "store/store.h"

#define DR_SNAPSHOT_VERSION 1

/* What a snapshot stands for. */
struct dr_snapshot_at {
    uint8_t federation[DR_FEDERATION_BYTES];
    uint64_t seq; /* the last fact in it; a batch ends there */
    uint64_t state_hash;
    uint8_t head[DR_HASH_BYTES]; /* of the chain after `seq` */
};

/* Fill `at` for the store as it is now; before the fork. */
void dr_snapshot_here(const struct dr_store *store, uint64_t state_hash, struct dr_snapshot_at *at);

struct dr_snapshot_writer;

/* Begin `snapshot-SEQ.state` in `directory` under another name. One writer at a time: what an
 * earlier one left unfinished is removed. */
DR_MUST_USE enum dr_status dr_snapshot_begin(struct dr_snapshot_writer **writer,
                                             const char *directory, const struct dr_snapshot_at *at,
                                             struct dr_error *error);

/* Add bytes. A failure is kept and told by dr_snapshot_finish(). */
void dr_snapshot_write(struct dr_snapshot_writer *writer, const void *data, size_t bytes);

/* Sync, give the file its name, sync the directory, remove all but this one and the one before it.
 * Frees the writer. On failure no file of that name is left. DR_E_FULL, DR_E_IO. */
DR_MUST_USE enum dr_status dr_snapshot_finish(struct dr_snapshot_writer *writer,
                                              struct dr_error *error);

/* Give up; accepts NULL. */
void dr_snapshot_abandon(struct dr_snapshot_writer *writer);

struct dr_snapshot {
    struct dr_snapshot_at at;
    const uint8_t *data; /* whole and checked */
    uint64_t bytes;
    void *map;
    uint64_t map_bytes;
};

/* The newest snapshot beside the store that is whole and belongs to this store's history. `skipped`
 * is called with a sentence for each newer one that is not; it may be NULL. DR_E_MISSING: none. */
DR_MUST_USE enum dr_status dr_snapshot_newest(struct dr_store *store, struct dr_snapshot *snapshot,
                                              void (*skipped)(void *context, const char *text),
                                              void *context);

/* The same among those that were taken before fact `seq`. */
DR_MUST_USE enum dr_status dr_snapshot_before(struct dr_store *store, uint64_t seq,
                                              struct dr_snapshot *snapshot,
                                              void (*skipped)(void *context, const char *text),
                                              void *context);

/* Accepts a zeroed one. */
void dr_snapshot_close(struct dr_snapshot *snapshot);

/* ---- for tests: the header alone ---- */

#define DR_SNAPSHOT_HEADER_BYTES 192

/* `length` and `content_hash` as the header says. DR_E_CORRUPT: not a snapshot, or damaged.
 * DR_E_UNSUPPORTED: of a newer version. */
DR_MUST_USE enum dr_status dr_snapshot_header_read(const uint8_t header[DR_SNAPSHOT_HEADER_BYTES],
                                                   struct dr_snapshot_at *at, uint64_t *length,
                                                   uint8_t content_hash[DR_HASH_BYTES]);

#endif
