/* SPDX-License-Identifier: Apache-2.0 */
/* What stands beside the chain of facts: texts, retry keys and ended jobs.
 *
 * None of them is in the chain, so each row carries its own check: a text its salted hash (the fact
 * holds the same), retry keys and history a 64-bit checksum against flipped bits. */
#include "store/internal.h"

#include <errno.h>
#include <sys/random.h>

#include "base/assert.h"

static enum dr_status damaged(struct dr_store *store, const char *table, uint64_t id)
{
    snprintf(store->failure, sizeof store->failure, "row %llu of the table %s is damaged",
             (unsigned long long)id, table);
    return DR_E_CORRUPT;
}

static int stepped(sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);

    sqlite3_reset(statement);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* ---- texts ---- */

static int insert_text(struct dr_store *store, const struct dr_store_text *text)
{
    sqlite3_stmt *insert = dr_store_use(store, DR_STATEMENT_text_insert);

    sqlite3_bind_int64(insert, 1, (int64_t)text->id);
    sqlite3_bind_blob(insert, 2, text->salt, DR_SALT_BYTES, SQLITE_STATIC);
    sqlite3_bind_blob(insert, 3, text->hash, DR_HASH_BYTES, SQLITE_STATIC);
    /* An empty text is a blob of no bytes; NULL is one that was erased. */
    if (text->bytes == 0)
        sqlite3_bind_zeroblob(insert, 4, 0);
    else
        sqlite3_bind_blob(insert, 4, text->text, (int)text->bytes, SQLITE_STATIC);
    return stepped(insert);
}

/* The columns salt, hash, text from `column` on; the text stays SQLite's. */
static enum dr_status take_text(struct dr_store *store, sqlite3_stmt *read, int column, uint64_t id,
                                struct dr_store_text *text, int *erased)
{
    uint8_t hash[DR_HASH_BYTES];

    *text = (struct dr_store_text){.id = id};
    *erased = 0;
    if (sqlite3_column_type(read, column) == SQLITE_NULL &&
        sqlite3_column_type(read, column + 1) == SQLITE_NULL &&
        sqlite3_column_type(read, column + 2) == SQLITE_NULL) {
        *erased = 1;
        return DR_OK;
    }
    if (sqlite3_column_bytes(read, column) != DR_SALT_BYTES ||
        sqlite3_column_bytes(read, column + 1) != DR_HASH_BYTES ||
        sqlite3_column_type(read, column + 2) != SQLITE_BLOB)
        return damaged(store, "text", id);
    memcpy(text->salt, sqlite3_column_blob(read, column), DR_SALT_BYTES);
    memcpy(text->hash, sqlite3_column_blob(read, column + 1), DR_HASH_BYTES);
    text->text = sqlite3_column_blob(read, column + 2);
    text->bytes = (uint32_t)sqlite3_column_bytes(read, column + 2);
    dr_store_text_hash(text->salt, text->text, text->bytes, hash);
    return memcmp(hash, text->hash, DR_HASH_BYTES) == 0 ? DR_OK : damaged(store, "text", id);
}

enum dr_status dr_store_text_read(struct dr_store *store, uint64_t id, struct dr_store_text *text,
                                  int *erased)
{
    sqlite3_stmt *read = dr_store_use(store, DR_STATEMENT_text_read);
    struct dr_store_text found;
    enum dr_status status;
    int gone;
    int rc;

    sqlite3_bind_int64(read, 1, (int64_t)id);
    rc = sqlite3_step(read);
    if (rc == SQLITE_DONE)
        status = DR_E_MISSING;
    else if (rc != SQLITE_ROW)
        status = dr_store_read_failed(store, rc);
    else
        status = take_text(store, read, 0, id, &found, &gone);
    if (status != DR_OK) {
        sqlite3_reset(read);
        return status;
    }
    if (found.bytes >= store->text_capacity) {
        free(store->text);
        store->text_capacity = found.bytes + 1;
        store->text = malloc(store->text_capacity);
        DR_ASSERT(store->text != NULL);
    }
    if (found.bytes > 0)
        memcpy(store->text, found.text, found.bytes);
    store->text[found.bytes] = 0; /* not counted; for the careless */
    found.text = (const char *)store->text;
    sqlite3_reset(read);
    *text = found;
    *erased = gone;
    return DR_OK;
}

enum dr_status dr_store_text_erase(struct dr_store *store, uint64_t id)
{
    sqlite3_stmt *erase = dr_store_use(store, DR_STATEMENT_text_erase);
    int rc;

    DR_ASSERT(store->mode == DR_STORE_CREATE || store->mode == DR_STORE_WRITE);
    if (store->broken != DR_OK)
        return store->broken;
    if (store->text_capacity > 0) /* what was lent out goes too */
        memset(store->text, 0, store->text_capacity);
    sqlite3_bind_int64(erase, 1, (int64_t)id);
    errno = 0;
    rc = stepped(erase);
    if (rc != SQLITE_OK)
        return dr_store_write_failed(store, rc);
    if (sqlite3_changes(store->db) == 0)
        return DR_E_MISSING;
    store->log_cut_wanted = 1;
    return DR_OK;
}

#define CHECK_ROWS 256 /* in one transaction, so that a living controller's log does not grow */

enum dr_status dr_store_text_check(struct dr_store *store, uint64_t *texts, uint64_t *erased,
                                   uint64_t *bad_id)
{
    enum dr_status status = DR_OK;
    uint64_t id = 0;
    int rc = SQLITE_ROW;

    *texts = 0;
    *erased = 0;
    *bad_id = 0;
    while (status == DR_OK && rc != SQLITE_DONE) {
        sqlite3_stmt *read = dr_store_use(store, DR_STATEMENT_text_from);

        sqlite3_bind_int64(read, 1, (int64_t)id);
        for (int i = 0; status == DR_OK && i < CHECK_ROWS; i += 1) {
            struct dr_store_text text;
            int gone = 0;

            rc = sqlite3_step(read);
            if (rc == SQLITE_DONE)
                break;
            if (rc != SQLITE_ROW) {
                *bad_id = id + 1; /* at the earliest */
                status = dr_store_read_failed(store, rc);
                break;
            }
            id = (uint64_t)sqlite3_column_int64(read, 0);
            status = take_text(store, read, 1, id, &text, &gone);
            if (status != DR_OK)
                *bad_id = id;
            *texts += 1;
            *erased += gone != 0;
        }
        sqlite3_reset(read);
    }
    return status;
}

/* ---- retry keys ----
 *
 * Clients choose the keys, so an index on them would touch a page of its own for each: at 64 keys a
 * batch the log would grow six times as fast as by the facts. The table is kept in the order of
 * arrival, and the index is a map in memory, built when the first key is looked for. */

static uint64_t retry_fingerprint(const struct dr_store *store, uint32_t user, const char *key)
{
    uint64_t hash = dr_hash_bytes(dr_hash_fold(store->retry_seed, user), key, strlen(key));

    return hash == 0 ? 1 : hash; /* the map does not take 0 */
}

static int64_t retry_checksum(const struct dr_store_retry *retry)
{
    uint64_t hash = dr_hash_fold(1, retry->user);

    hash = dr_hash_bytes(hash, retry->key, strlen(retry->key));
    hash = dr_hash_bytes(hash, retry->request, DR_HASH_BYTES);
    hash = dr_hash_fold(hash, (uint64_t)retry->time_us);
    hash = dr_hash_fold(hash, retry->job_first);
    return (int64_t)dr_hash_fold(hash, retry->jobs);
}

static int insert_retry(struct dr_store *store, const struct dr_store_retry *retry)
{
    sqlite3_stmt *insert = dr_store_use(store, DR_STATEMENT_retry_insert);
    size_t key_bytes = strnlen(retry->key, sizeof retry->key);

    DR_ASSERT(key_bytes >= 1 && key_bytes < sizeof retry->key);
    store->retry_last += 1;
    sqlite3_bind_int64(insert, 1, (int64_t)store->retry_last);
    sqlite3_bind_int64(insert, 2, retry->user);
    sqlite3_bind_text(insert, 3, retry->key, (int)key_bytes, SQLITE_STATIC);
    sqlite3_bind_blob(insert, 4, retry->request, DR_HASH_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(insert, 5, retry->time_us);
    sqlite3_bind_int64(insert, 6, (int64_t)retry->job_first);
    sqlite3_bind_int64(insert, 7, retry->jobs);
    sqlite3_bind_int64(insert, 8, retry_checksum(retry));
    return stepped(insert);
}

static enum dr_status take_retry(struct dr_store *store, sqlite3_stmt *read,
                                 struct dr_store_retry *retry)
{
    uint64_t id = (uint64_t)sqlite3_column_int64(read, 0);
    const char *key = (const char *)sqlite3_column_text(read, 2);
    int key_bytes = sqlite3_column_bytes(read, 2);

    *retry = (struct dr_store_retry){.user = (uint32_t)sqlite3_column_int64(read, 1)};
    if (key == NULL || key_bytes < 1 || key_bytes >= (int)sizeof retry->key ||
        sqlite3_column_bytes(read, 3) != DR_HASH_BYTES)
        return damaged(store, "retry", id);
    memcpy(retry->key, key, (size_t)key_bytes);
    memcpy(retry->request, sqlite3_column_blob(read, 3), DR_HASH_BYTES);
    retry->time_us = sqlite3_column_int64(read, 4);
    retry->job_first = (uint64_t)sqlite3_column_int64(read, 5);
    retry->jobs = (uint32_t)sqlite3_column_int64(read, 6);
    if (sqlite3_column_int64(read, 7) != retry_checksum(retry))
        return damaged(store, "retry", id);
    return DR_OK;
}

/* Make the map anew, with room for `count` keys. */
static enum dr_status retry_map_make(struct dr_store *store, uint64_t base, uint64_t count)
{
    size_t bytes;

    if (count > UINT32_MAX / 2)
        return DR_E_FULL;
    dr_arena_deinit(&store->retry_arena);
    store->retry_arena = (struct dr_arena){0};
    store->retry_map = (struct dr_map){0};
    store->retry_base = base;
    store->retry_next = base;
    if (store->retry_seed == 0 &&
        getrandom(&store->retry_seed, sizeof store->retry_seed, 0) != sizeof store->retry_seed)
        return DR_E_IO;
    bytes = 1u << 16;
    while (bytes < count * 2 * 2 * sizeof(struct dr_map_slot))
        bytes *= 2;
    if (dr_arena_init(&store->retry_arena, bytes) != DR_OK ||
        dr_map_init(&store->retry_map, &store->retry_arena, (uint32_t)count) != DR_OK)
        return DR_E_FULL;
    return DR_OK;
}

/* Bring the map up to the table. The last of equal keys wins. */
static enum dr_status retry_map_follow(struct dr_store *store)
{
    sqlite3_stmt *read = dr_store_use(store, DR_STATEMENT_retry_ends);
    enum dr_status status = DR_OK;
    uint64_t first;
    uint64_t last;
    int rc = sqlite3_step(read);

    if (rc != SQLITE_ROW) {
        sqlite3_reset(read);
        return dr_store_read_failed(store, rc);
    }
    first = (uint64_t)sqlite3_column_int64(read, 0);
    last = (uint64_t)sqlite3_column_int64(read, 1);
    sqlite3_reset(read);
    if (last == 0 || last < store->retry_next)
        return DR_OK;
    if (store->retry_next < first) /* what was dropped before it was followed */
        store->retry_next = first;
    if (store->retry_map.count_max == 0 ||
        store->retry_map.count + (last + 1 - store->retry_next) > store->retry_map.count_max) {
        status = retry_map_make(store, first, 2 * (last + 1 - first) + 1024);
        if (status != DR_OK)
            return status;
    }
    read = dr_store_use(store, DR_STATEMENT_retry_from);
    sqlite3_bind_int64(read, 1, (int64_t)store->retry_next);
    while (status == DR_OK && (rc = sqlite3_step(read)) != SQLITE_DONE) {
        struct dr_store_retry retry;
        uint64_t fingerprint;

        if (rc != SQLITE_ROW) {
            status = dr_store_read_failed(store, rc);
            break;
        }
        status = take_retry(store, read, &retry);
        /* Ids are given out without gaps and dropped from the low end alone. */
        if (status == DR_OK && (uint64_t)sqlite3_column_int64(read, 0) != store->retry_next)
            status = damaged(store, "retry", store->retry_next);
        if (status != DR_OK)
            break;
        fingerprint = retry_fingerprint(store, retry.user, retry.key);
        if (dr_map_find(&store->retry_map, fingerprint) != DR_MAP_NONE)
            dr_map_remove(&store->retry_map, fingerprint);
        dr_map_insert(&store->retry_map, fingerprint,
                      (uint32_t)(store->retry_next - store->retry_base));
        store->retry_next += 1;
    }
    sqlite3_reset(read);
    if (status == DR_OK && store->retry_next != last + 1)
        status = damaged(store, "retry", store->retry_next);
    return status;
}

enum dr_status dr_store_retry_find(struct dr_store *store, uint32_t user, const char *key,
                                   struct dr_store_retry *retry)
{
    struct dr_store_retry found;
    sqlite3_stmt *read;
    uint32_t row;
    enum dr_status status = retry_map_follow(store);
    int rc;

    if (status != DR_OK)
        return status;
    if (store->retry_map.count_max == 0)
        return DR_E_MISSING;
    row = dr_map_find(&store->retry_map, retry_fingerprint(store, user, key));
    if (row == DR_MAP_NONE)
        return DR_E_MISSING;
    read = dr_store_use(store, DR_STATEMENT_retry_from);
    sqlite3_bind_int64(read, 1, (int64_t)(store->retry_base + row));
    rc = sqlite3_step(read);
    if (rc == SQLITE_ROW && (uint64_t)sqlite3_column_int64(read, 0) != store->retry_base + row)
        rc = SQLITE_DONE; /* dropped meanwhile */
    if (rc == SQLITE_DONE)
        status = DR_E_MISSING;
    else if (rc != SQLITE_ROW)
        status = dr_store_read_failed(store, rc);
    else
        status = take_retry(store, read, &found);
    sqlite3_reset(read);
    if (status == DR_OK && (found.user != user || strcmp(found.key, key) != 0))
        status = DR_E_MISSING;
    if (status == DR_OK)
        *retry = found;
    return status;
}

#define SWEEP_EVERY_US (INT64_C(60) * 1000000)
#define SWEEP_ROWS     4096

void dr_store_retry_sweep(struct dr_store *store, int64_t now_us)
{
    sqlite3_stmt *read;
    sqlite3_stmt *drop;
    uint64_t keep_from = 0;
    int count = 0;
    int rc;

    if (store->retry_last == 0 || now_us < store->retry_swept_us + SWEEP_EVERY_US)
        return;
    store->retry_swept_us = now_us;
    read = dr_store_use(store, DR_STATEMENT_retry_from);
    sqlite3_bind_int64(read, 1, 0);
    while ((rc = sqlite3_step(read)) == SQLITE_ROW && count < SWEEP_ROWS) {
        struct dr_store_retry retry;
        uint64_t id = (uint64_t)sqlite3_column_int64(read, 0);
        uint64_t fingerprint;
        uint32_t row;

        /* The last row stays, so that ids go on rising. */
        if (id == store->retry_last || take_retry(store, read, &retry) != DR_OK ||
            retry.time_us >= now_us - DR_RETRY_KEEP_US)
            break;
        keep_from = id + 1;
        count += 1;
        if (store->retry_map.count_max == 0)
            continue;
        fingerprint = retry_fingerprint(store, retry.user, retry.key);
        row = dr_map_find(&store->retry_map, fingerprint);
        if (row != DR_MAP_NONE && store->retry_base + row == id)
            dr_map_remove(&store->retry_map, fingerprint);
    }
    sqlite3_reset(read);
    if (keep_from == 0)
        return;
    drop = dr_store_use(store, DR_STATEMENT_retry_drop);
    sqlite3_bind_int64(drop, 1, (int64_t)keep_from);
    errno = 0;
    rc = stepped(drop);
    if (rc != SQLITE_OK)
        dr_store_write_failed(store, rc);
    if (count == SWEEP_ROWS)
        store->retry_swept_us = 0; /* go on at the next idle moment */
}

/* ---- ended jobs ---- */

/* Fields in the order of the row's bytes, each a little-endian 64-bit word, then the checksum. */
#define HISTORY_FIELDS(X)      \
    X(uint64_t, job)           \
    X(uint64_t, text)          \
    X(uint64_t, submit_seq)    \
    X(uint64_t, end_seq)       \
    X(uint32_t, user)          \
    X(uint32_t, account)       \
    X(uint8_t, state)          \
    X(int32_t, exit_code)      \
    X(int32_t, signal)         \
    X(uint32_t, attempts)      \
    X(uint64_t, array_job)     \
    X(uint32_t, array_index)   \
    X(int64_t, submit_time_us) \
    X(int64_t, start_time_us)  \
    X(int64_t, end_time_us)    \
    X(int64_t, run_time_us)    \
    X(int64_t, accelerators)   \
    X(uint32_t, site)

enum {
#define HISTORY_WORD(type, name) HISTORY_##name,
    HISTORY_FIELDS(HISTORY_WORD)
#undef HISTORY_WORD
        HISTORY_checksum,
    HISTORY_WORDS
};

static uint64_t history_checksum(const uint64_t words[HISTORY_WORDS])
{
    uint64_t hash = 1;

    for (int i = 0; i < HISTORY_checksum; i += 1)
        hash = dr_hash_fold(hash, words[i]);
    return hash;
}

static int insert_history(struct dr_store *store, const struct dr_store_history *row)
{
    sqlite3_stmt *insert = dr_store_use(store, DR_STATEMENT_history_insert);
    uint64_t words[HISTORY_WORDS];

#define HISTORY_PUT(type, name) words[HISTORY_##name] = (uint64_t)row->name;
    HISTORY_FIELDS(HISTORY_PUT)
#undef HISTORY_PUT
    words[HISTORY_checksum] = history_checksum(words);
    sqlite3_bind_int64(insert, 1, (int64_t)row->job);
    sqlite3_bind_int64(insert, 2, row->user);
    sqlite3_bind_int64(insert, 3, row->account);
    sqlite3_bind_int64(insert, 4, row->state);
    sqlite3_bind_blob(insert, 5, words, sizeof words, SQLITE_STATIC);
    return stepped(insert);
}

static enum dr_status take_history(struct dr_store *store, sqlite3_stmt *read,
                                   struct dr_store_history *row)
{
    uint64_t job = (uint64_t)sqlite3_column_int64(read, 0);
    uint64_t words[HISTORY_WORDS];

    if (sqlite3_column_bytes(read, 4) != sizeof words)
        return damaged(store, "history", job);
    memcpy(words, sqlite3_column_blob(read, 4), sizeof words);
    *row = (struct dr_store_history){0};
#define HISTORY_TAKE(type, name) row->name = (type)words[HISTORY_##name];
    HISTORY_FIELDS(HISTORY_TAKE)
#undef HISTORY_TAKE
    if (words[HISTORY_checksum] != history_checksum(words) || row->job != job ||
        row->user != sqlite3_column_int64(read, 1) ||
        row->account != sqlite3_column_int64(read, 2) ||
        row->state != sqlite3_column_int64(read, 3))
        return damaged(store, "history", job);
    return DR_OK;
}

enum dr_status dr_store_history_list(struct dr_store *store, uint64_t job_before, uint32_t user,
                                     uint32_t account, int state, struct dr_store_history *rows,
                                     uint32_t rows_max, uint32_t *rows_count)
{
    sqlite3_stmt *read = dr_store_use(store, user != 0      ? DR_STATEMENT_history_user
                                             : account != 0 ? DR_STATEMENT_history_account
                                                            : DR_STATEMENT_history_all);
    enum dr_status status = DR_OK;
    uint32_t count = 0;
    int rc = SQLITE_DONE;

    sqlite3_bind_int64(read, 1, job_before > INT64_MAX ? INT64_MAX : (int64_t)job_before);
    sqlite3_bind_int64(read, 2, state);
    sqlite3_bind_int64(read, 3, rows_max);
    if (user != 0)
        sqlite3_bind_int64(read, 4, user);
    if (user != 0 || account != 0)
        sqlite3_bind_int64(read, 5, account);
    while (status == DR_OK && count < rows_max && (rc = sqlite3_step(read)) == SQLITE_ROW) {
        status = take_history(store, read, &rows[count]);
        count += 1;
    }
    if (status == DR_OK && rc != SQLITE_ROW && rc != SQLITE_DONE)
        status = dr_store_read_failed(store, rc);
    sqlite3_reset(read);
    if (status == DR_OK)
        *rows_count = count;
    return status;
}

enum dr_status dr_store_history_find(struct dr_store *store, uint64_t job,
                                     struct dr_store_history *row)
{
    sqlite3_stmt *read = dr_store_use(store, DR_STATEMENT_history_find);
    struct dr_store_history found;
    enum dr_status status;
    int rc;

    sqlite3_bind_int64(read, 1, (int64_t)job);
    rc = sqlite3_step(read);
    if (rc == SQLITE_DONE)
        status = DR_E_MISSING;
    else if (rc != SQLITE_ROW)
        status = dr_store_read_failed(store, rc);
    else
        status = take_history(store, read, &found);
    sqlite3_reset(read);
    if (status == DR_OK)
        *row = found;
    return status;
}

/* ---- all of them ---- */

int dr_store_rows_insert(struct dr_store *store, const struct dr_store_batch *batch)
{
    int rc = SQLITE_OK;

    for (uint32_t i = 0; rc == SQLITE_OK && i < batch->texts_count; i += 1)
        rc = insert_text(store, &batch->texts[i]);
    for (uint32_t i = 0; rc == SQLITE_OK && i < batch->retries_count; i += 1)
        rc = insert_retry(store, &batch->retries[i]);
    for (uint32_t i = 0; rc == SQLITE_OK && i < batch->history_count; i += 1)
        rc = insert_history(store, &batch->history[i]);
    return rc;
}

enum dr_status dr_store_rows_check(struct dr_store *store, struct dr_error *error)
{
    sqlite3_stmt *last = dr_store_use(store, DR_STATEMENT_text_last);
    struct dr_store_history history;
    struct dr_store_text text;
    enum dr_status status = DR_OK;
    char path[DR_PATH_MAX + 32];
    uint32_t count;
    int erased;
    int rc = sqlite3_step(last);

    if (rc == SQLITE_ROW) {
        uint64_t id = (uint64_t)sqlite3_column_int64(last, 0);

        sqlite3_reset(last);
        status = dr_store_text_read(store, id, &text, &erased);
    } else if (rc != SQLITE_DONE) {
        status = dr_store_read_failed(store, rc);
    }
    sqlite3_reset(last);
    if (status == DR_OK)
        status = dr_store_history_list(store, UINT64_MAX, 0, 0, -1, &history, 1, &count);
    if (status != DR_OK) {
        snprintf(path, sizeof path, "%s/%s", store->directory, DR_STORE_FILE);
        dr_error_set(error, path, 0, "last rows", store->failure,
                     "rows as they were written; nothing was changed");
    }
    return status;
}

void dr_store_rows_deinit(struct dr_store *store)
{
    dr_arena_deinit(&store->retry_arena);
    free(store->text);
}
