/* SPDX-License-Identifier: Apache-2.0 */
/* Reading batches back, each checked against the chain. */
#include "store/internal.h"

#include "base/assert.h"

struct dr_store_reader {
    struct dr_store *store;
    uint64_t wanted; /* batches that end below it are passed over */
    uint64_t next;   /* the first fact of the batch to read; 0: not yet looked up */
    uint8_t previous[DR_HASH_BYTES];
    uint8_t *payload;
    uint32_t payload_capacity;
};

enum dr_status dr_store_reader_open(struct dr_store_reader **reader_out, struct dr_store *store,
                                    uint64_t seq)
{
    struct dr_store_reader *reader = calloc(1, sizeof *reader);

    DR_ASSERT(reader != NULL);
    reader->store = store;
    reader->wanted = seq == 0 ? 1 : seq;
    *reader_out = reader;
    return DR_OK;
}

void dr_store_reader_close(struct dr_store_reader *reader)
{
    if (reader == NULL)
        return;
    free(reader->payload);
    free(reader);
}

static enum dr_status broken_chain(const struct dr_store_reader *reader, uint64_t first,
                                   uint64_t last, const char *found, struct dr_error *error)
{
    char field[64];

    snprintf(field, sizeof field, "batch of seq %llu to %llu", (unsigned long long)first,
             (unsigned long long)last);
    return dr_store_refuse(
        reader->store, field, found, error,
        "the batch that was written; nothing was changed. 'daero audit verify' checks the "
        "whole chain");
}

/* Where reading begins, and the hash before it. */
static enum dr_status seek(struct dr_store_reader *reader, struct dr_error *error)
{
    struct dr_store *store = reader->store;
    uint64_t first;
    uint64_t last;
    uint64_t before;
    enum dr_status status =
        dr_store_batch_before(store, reader->wanted, &first, &last, reader->previous);

    if (status != DR_OK) {
        broken_chain(reader, reader->wanted, reader->wanted, store->failure, error);
        return status;
    }
    if (first == 0 || first == 1) {
        reader->next = 1;
        dr_store_genesis(store->federation, reader->previous);
        return DR_OK;
    }
    if (last < reader->wanted) { /* behind the end, or in a gap: then the next read says so */
        reader->next = last + 1;
        return DR_OK;
    }
    reader->next = first;
    status = dr_store_batch_before(store, first - 1, &before, &last, reader->previous);
    if (status != DR_OK) {
        broken_chain(reader, first - 1, first - 1, store->failure, error);
        return status;
    }
    if (before == 0 || last != first - 1)
        return broken_chain(reader, last + 1, first - 1, "no batch", error);
    return DR_OK;
}

static void keep_payload(struct dr_store_reader *reader, const void *payload, uint32_t bytes)
{
    if (bytes > reader->payload_capacity) {
        free(reader->payload);
        reader->payload = malloc(bytes);
        DR_ASSERT(reader->payload != NULL);
        reader->payload_capacity = bytes;
    }
    memcpy(reader->payload, payload, bytes);
}

/* The row under `read` into `batch`; 0 when it can't be what was written. */
static int take_row(struct dr_store_reader *reader, sqlite3_stmt *read, struct dr_store_read *batch)
{
    int64_t facts = sqlite3_column_int64(read, 1);
    int64_t bytes = sqlite3_column_bytes(read, 5);
    const void *payload = sqlite3_column_blob(read, 5);

    if (facts < 1 || facts > DR_BATCH_FACTS || bytes < 1 || bytes > DR_BATCH_BYTES ||
        sqlite3_column_bytes(read, 4) != DR_HASH_BYTES || payload == NULL)
        return 0;
    *batch = (struct dr_store_read){
        .seq_first = (uint64_t)sqlite3_column_int64(read, 0),
        .facts_count = (uint32_t)facts,
        .time_us = sqlite3_column_int64(read, 2),
        .state_hash = (uint64_t)sqlite3_column_int64(read, 3),
        .payload_bytes = (uint32_t)bytes,
    };
    memcpy(batch->hash, sqlite3_column_blob(read, 4), DR_HASH_BYTES);
    keep_payload(reader, payload, batch->payload_bytes);
    batch->payload = reader->payload;
    return 1;
}

static enum dr_status read_next(struct dr_store_reader *reader, struct dr_store_read *batch,
                                struct dr_error *error)
{
    struct dr_store *store = reader->store;
    sqlite3_stmt *read = dr_store_use(store, DR_STATEMENT_batch_at);
    uint8_t hash[DR_HASH_BYTES];
    int taken;
    int rc;

    sqlite3_bind_int64(read, 1, (int64_t)reader->next);
    rc = sqlite3_step(read);
    if (rc == SQLITE_DONE) {
        sqlite3_reset(read);
        if (reader->next <= store->seq)
            return broken_chain(reader, reader->next, store->seq, "no batch", error);
        return DR_E_END;
    }
    if (rc != SQLITE_ROW) {
        enum dr_status status = dr_store_read_failed(store, rc);

        sqlite3_reset(read);
        broken_chain(reader, reader->next, reader->next, store->failure, error);
        return status;
    }
    if (sqlite3_column_int64(read, 0) != (int64_t)reader->next) {
        uint64_t first = (uint64_t)sqlite3_column_int64(read, 0);

        sqlite3_reset(read);
        return broken_chain(reader, reader->next, first - 1, "no batch", error);
    }
    taken = take_row(reader, read, batch);
    sqlite3_reset(read);
    if (!taken)
        return broken_chain(reader, reader->next, reader->next, "a damaged row", error);
    dr_store_batch_hash(reader->previous, batch, hash);
    if (memcmp(hash, batch->hash, DR_HASH_BYTES) != 0)
        return broken_chain(reader, batch->seq_first, batch->seq_first + batch->facts_count - 1,
                            "content that does not match its hash in the chain", error);
    memcpy(reader->previous, hash, DR_HASH_BYTES);
    reader->next = batch->seq_first + batch->facts_count;
    return DR_OK;
}

enum dr_status dr_store_reader_next(struct dr_store_reader *reader, struct dr_store_read *batch,
                                    struct dr_error *error)
{
    struct dr_store_read read;
    enum dr_status status = DR_OK;

    if (reader->next == 0) {
        status = seek(reader, error);
        if (status != DR_OK) {
            reader->next = 0;
            return status;
        }
    }
    do
        status = read_next(reader, &read, error);
    while (status == DR_OK && reader->next <= reader->wanted);
    if (status == DR_OK)
        *batch = read;
    return status;
}
