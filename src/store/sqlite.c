/* SPDX-License-Identifier: Apache-2.0 */
/* Appending, what SQLite's answers mean, and the log. Opening is in open.c, reading batches back in
 * reader.c, texts, retry keys and history in rows.c.
 *
 * Write-ahead log, synchronous=FULL: COMMIT returns when the log is synced. SQLite would write the
 * log back into the file by itself every 1,000 pages, in the middle of somebody's commit; that is
 * switched off and done from dr_store_idle(), with a bound for a controller that is never idle. */
#include "store/internal.h"

#include <errno.h>

#include "base/assert.h"

/* Pages of 4 KiB in the log: from how many on an idle moment writes them back, and at how many an
 * append has to. */
#define LOG_PAGES_IDLE 256
#define LOG_PAGES_MAX  2048

/* ---- failures ---- */

static void note_failure(struct dr_store *store, int rc, int why)
{
    snprintf(store->failure, sizeof store->failure, "%s (SQLite %d%s%s)",
             store->db == NULL ? sqlite3_errstr(rc) : sqlite3_errmsg(store->db), rc,
             why == 0 ? "" : ": ", why == 0 ? "" : strerror(why));
}

enum dr_status dr_store_read_failed(struct dr_store *store, int rc)
{
    note_failure(store, rc, store->db == NULL ? 0 : sqlite3_system_errno(store->db));
    switch (rc & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_SCHEMA:
    case SQLITE_TOOBIG:
        return DR_E_CORRUPT;
    case SQLITE_FULL:
        return DR_E_FULL;
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return DR_E_DENIED;
    default:
        return rc == SQLITE_IOERR_SHORT_READ ? DR_E_CORRUPT : DR_E_IO;
    }
}

enum dr_status dr_store_write_failed(struct dr_store *store, int rc)
{
    /* SQLite does not keep the system's word of a failed commit; errno still has it. */
    int why = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_FULL ? errno : 0;

    note_failure(store, rc, why);
    store->broken = DR_E_IO;
    /* A write that found no room was not synced, and its commit is not in the log. */
    if ((rc & 0xff) == SQLITE_FULL || (rc == SQLITE_IOERR_WRITE && (why == EFBIG || why == EDQUOT)))
        store->broken = DR_E_FULL;
    if (!sqlite3_get_autocommit(store->db))
        sqlite3_step(dr_store_use(store, DR_STATEMENT_rollback));
    return store->broken;
}

const char *dr_store_failure(const struct dr_store *store)
{
    return store->failure;
}

sqlite3_stmt *dr_store_use(struct dr_store *store, enum dr_store_statement statement)
{
    sqlite3_reset(store->statements[statement]);
    return store->statements[statement];
}

enum dr_status dr_store_refuse(const struct dr_store *store, const char *field, const char *found,
                               struct dr_error *error, const char *expected)
{
    char path[DR_PATH_MAX + 32];

    snprintf(path, sizeof path, "%s/%s", store->directory, DR_STORE_FILE);
    dr_error_set(error, path, 0, field, found, "%s", expected);
    return DR_E_CORRUPT;
}

/* The last batch at or before `seq`: *seq_first is 0 when there is none. */
enum dr_status dr_store_batch_before(struct dr_store *store, uint64_t seq, uint64_t *seq_first,
                                     uint64_t *seq_last, uint8_t hash[DR_HASH_BYTES])
{
    sqlite3_stmt *read = dr_store_use(store, DR_STATEMENT_batch_before);
    enum dr_status status = DR_OK;
    int rc;

    *seq_first = 0;
    *seq_last = 0;
    sqlite3_bind_int64(read, 1, seq > INT64_MAX ? INT64_MAX : (int64_t)seq);
    rc = sqlite3_step(read);
    if (rc == SQLITE_ROW) {
        int64_t first = sqlite3_column_int64(read, 0);
        int64_t facts = sqlite3_column_int64(read, 1);

        if (first < 1 || facts < 1 || facts > DR_BATCH_FACTS || first > INT64_MAX - facts ||
            sqlite3_column_bytes(read, 2) != DR_HASH_BYTES) {
            snprintf(store->failure, sizeof store->failure,
                     "the row of the batch that begins at seq %lld is damaged", (long long)first);
            status = DR_E_CORRUPT;
        } else {
            *seq_first = (uint64_t)first;
            *seq_last = (uint64_t)(first + facts - 1);
            memcpy(hash, sqlite3_column_blob(read, 2), DR_HASH_BYTES);
        }
    } else if (rc != SQLITE_DONE) {
        status = dr_store_read_failed(store, rc);
    }
    sqlite3_reset(read);
    return status;
}

/* ---- the log ---- */

/* Write the log back into the file, as far as nobody reads it. A failure here takes nothing from
 * what is durable, since the log stays; but a sync that failed must not be tried again, so it is
 * the end. */
static void write_back(struct dr_store *store)
{
    int rc;

    errno = 0;
    rc = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc == SQLITE_OK)
        store->wal_pages = 0; /* the next commit counts again */
    else if (rc != SQLITE_BUSY && rc != SQLITE_LOCKED)
        dr_store_write_failed(store, rc);
}

/* Write the log back and cut it to nothing. Not done while somebody reads: tried again when idle.
 */
void dr_store_cut_log(struct dr_store *store)
{
    int rc;

    sqlite3_busy_timeout(store->db, 0);
    errno = 0;
    rc = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(store->db, 5000);
    if (rc == SQLITE_OK) {
        store->wal_pages = 0;
        store->log_cut_wanted = 0;
    } else if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED) {
        store->log_cut_wanted = 1;
    } else {
        dr_store_write_failed(store, rc);
    }
}

/* ---- appending ---- */

static int insert_batch(struct dr_store *store, const struct dr_store_batch *batch,
                        const uint8_t hash[DR_HASH_BYTES])
{
    sqlite3_stmt *insert = dr_store_use(store, DR_STATEMENT_batch_insert);
    int rc;

    sqlite3_bind_int64(insert, 1, (int64_t)batch->seq_first);
    sqlite3_bind_int64(insert, 2, batch->facts_count);
    sqlite3_bind_int64(insert, 3, batch->time_us);
    sqlite3_bind_int64(insert, 4, (int64_t)batch->state_hash);
    sqlite3_bind_blob(insert, 5, hash, DR_HASH_BYTES, SQLITE_STATIC);
    sqlite3_bind_blob(insert, 6, batch->payload, (int)batch->payload_bytes, SQLITE_STATIC);
    rc = sqlite3_step(insert);
    sqlite3_reset(insert);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int step_once(struct dr_store *store, enum dr_store_statement statement)
{
    sqlite3_stmt *step = dr_store_use(store, statement);
    int rc = sqlite3_step(step);

    sqlite3_reset(step);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

enum dr_status dr_store_append(struct dr_store *store, const struct dr_store_batch *batch)
{
    struct dr_store_read chained = {
        .seq_first = batch->seq_first,
        .facts_count = batch->facts_count,
        .time_us = batch->time_us,
        .state_hash = batch->state_hash,
        .payload = batch->payload,
        .payload_bytes = batch->payload_bytes,
    };
    uint8_t hash[DR_HASH_BYTES];
    int rc;

    DR_ASSERT(store->mode == DR_STORE_CREATE || store->mode == DR_STORE_WRITE);
    DR_ASSERT(batch->seq_first == store->seq + 1);
    DR_ASSERT(batch->facts_count >= 1 && batch->facts_count <= DR_BATCH_FACTS);
    DR_ASSERT(batch->payload_bytes >= 1 && batch->payload_bytes <= DR_BATCH_BYTES);
    if (store->broken != DR_OK)
        return store->broken;
    dr_store_batch_hash(store->head, &chained, hash);
    errno = 0;
    rc = step_once(store, DR_STATEMENT_begin);
    if (rc == SQLITE_OK)
        rc = insert_batch(store, batch, hash);
    if (rc == SQLITE_OK)
        rc = dr_store_rows_insert(store, batch);
    if (rc == SQLITE_OK)
        rc = step_once(store, DR_STATEMENT_commit);
    if (rc != SQLITE_OK)
        return dr_store_write_failed(store, rc);
    store->seq += batch->facts_count;
    memcpy(store->head, hash, DR_HASH_BYTES);
    dr_store_mark_write(store->mark, store->seq, store->head);
    if (store->wal_pages >= LOG_PAGES_MAX)
        write_back(store);
    return DR_OK;
}

void dr_store_idle(struct dr_store *store, int64_t now_us)
{
    if (store->broken != DR_OK || store->mark < 0)
        return;
    dr_store_retry_sweep(store, now_us);
    if (store->log_cut_wanted)
        dr_store_cut_log(store);
    else if (store->wal_pages >= LOG_PAGES_IDLE)
        write_back(store);
}

uint64_t dr_store_seq(const struct dr_store *store)
{
    return store->seq;
}

void dr_store_head(const struct dr_store *store, uint8_t head[DR_HASH_BYTES])
{
    memcpy(head, store->head, DR_HASH_BYTES);
}

void dr_store_federation(const struct dr_store *store, uint8_t federation[DR_FEDERATION_BYTES])
{
    memcpy(federation, store->federation, DR_FEDERATION_BYTES);
}

enum dr_status dr_store_head_at(struct dr_store *store, uint64_t seq, uint8_t head[DR_HASH_BYTES])
{
    uint8_t hash[DR_HASH_BYTES];
    uint64_t first;
    uint64_t last;
    enum dr_status status;

    if (seq == 0) {
        dr_store_genesis(store->federation, head);
        return DR_OK;
    }
    status = dr_store_batch_before(store, seq, &first, &last, hash);
    if (status != DR_OK)
        return status;
    if (first == 0 || last != seq)
        return DR_E_MISSING;
    memcpy(head, hash, DR_HASH_BYTES);
    return DR_OK;
}
