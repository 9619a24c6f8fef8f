/* SPDX-License-Identifier: Apache-2.0 */
/* Making, opening and closing a store. What opening checks besides SQLite is in check.c, the lock
 * in lock.c. Nothing is written before all checks have passed. */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/text.h"

/* Opening recomputes this many batches from the end. */
#define CHECKED_BATCHES 8

static const char *const statement_sql[] = {
#define STATEMENT_SQL(name, sql) sql,
    DR_STORE_STATEMENTS(STATEMENT_SQL)
#undef STATEMENT_SQL
};

/* ---- making a store ---- */

enum dr_status dr_store_system_error(const char *path, const char *expected, struct dr_error *error)
{
    int why = errno;

    dr_error_set(error, path, 0, "", strerror(why), "%s", expected);
    switch (why) {
    case ENOENT:
        return DR_E_MISSING;
    case EEXIST:
        return DR_E_EXISTS;
    case ENOSPC:
    case EDQUOT:
        return DR_E_FULL;
    case EACCES:
    case EPERM:
    case EROFS:
        return DR_E_DENIED;
    default:
        return DR_E_IO;
    }
}

static enum dr_status sync_path(const char *path, struct dr_error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    int failed = file < 0 || fsync(file) != 0;

    if (failed) {
        enum dr_status status = dr_store_system_error(path, "a file that can be synced", error);

        if (file >= 0)
            close(file);
        return status;
    }
    close(file);
    return DR_OK;
}

static int64_t meta_checksum(const uint8_t federation[DR_FEDERATION_BYTES], int64_t created_us)
{
    return (int64_t)dr_hash_bytes((uint64_t)created_us, federation, DR_FEDERATION_BYTES);
}

static int fill_new(sqlite3 *db, const uint8_t federation[DR_FEDERATION_BYTES])
{
    static const char *const setup[] = {"PRAGMA page_size=4096",
                                        "PRAGMA journal_mode=WAL",
                                        "PRAGMA synchronous=FULL",
                                        "PRAGMA secure_delete=ON",
                                        "BEGIN",
                                        "PRAGMA application_id=1147233650",
                                        "PRAGMA user_version=1",
#define TABLE_SQL(name, sql) sql,
                                        DR_STORE_TABLES(TABLE_SQL)
#undef TABLE_SQL
    };
    sqlite3_stmt *insert = NULL;
    int64_t now_us = dr_clock_us();
    int rc = SQLITE_OK;

    for (size_t i = 0; rc == SQLITE_OK && i < DR_COUNT_OF(setup); i += 1)
        rc = sqlite3_exec(db, setup[i], NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db, "INSERT INTO meta VALUES(1,?,?,?)", -1, &insert, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_blob(insert, 1, federation, DR_FEDERATION_BYTES, SQLITE_STATIC);
        sqlite3_bind_int64(insert, 2, now_us);
        sqlite3_bind_int64(insert, 3, meta_checksum(federation, now_us));
        rc = sqlite3_step(insert);
        rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    sqlite3_finalize(insert);
    return rc == SQLITE_OK ? sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) : rc;
}

/* Write an empty store under another name and rename it, so that a kill leaves all or nothing. */
static enum dr_status make_file(const char *directory, struct dr_error *error)
{
    uint8_t federation[DR_FEDERATION_BYTES];
    char making[DR_PATH_MAX + 32];
    char path[DR_PATH_MAX + 32];
    sqlite3 *db = NULL;
    enum dr_status status;
    int file;
    int rc;

    snprintf(path, sizeof path, "%s/%s", directory, DR_STORE_FILE);
    snprintf(making, sizeof making, "%s/%s.new", directory, DR_STORE_FILE);
    unlink(making); /* left by a kill; the lock is ours */
    file = open(making, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return dr_store_system_error(making, "a directory in which files can be made", error);
    close(file);
    if (getentropy(federation, sizeof federation) != 0)
        return dr_store_system_error(making, "random bytes from the system", error);
    rc = sqlite3_open_v2(making, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = fill_new(db, federation);
    if (rc != SQLITE_OK) {
        dr_error_set(error, making, 0, "", db == NULL ? sqlite3_errstr(rc) : sqlite3_errmsg(db),
                     "a new store");
        sqlite3_close(db);
        unlink(making);
        return (rc & 0xff) == SQLITE_FULL ? DR_E_FULL : DR_E_IO;
    }
    sqlite3_close(db); /* the last connection: the log goes into the file */
    status = sync_path(making, error);
    if (status == DR_OK && rename(making, path) != 0)
        status = dr_store_system_error(path, "a directory in which files can be made", error);
    if (status == DR_OK)
        status = sync_path(directory, error);
    return status;
}

static enum dr_status create(const char *directory, struct dr_error *error)
{
    static const char *const traces[] = {DR_STORE_FILE, DR_STORE_FILE "-wal", DR_STORE_MARK};
    char path[DR_PATH_MAX + 32];

    for (size_t i = 0; i < DR_COUNT_OF(traces); i += 1) {
        struct stat there;

        snprintf(path, sizeof path, "%s/%s", directory, traces[i]);
        if (lstat(path, &there) == 0) {
            dr_error_set(error, path, 0, "", "a file of an earlier store",
                         "a directory without a store");
            return DR_E_EXISTS;
        }
    }
    return make_file(directory, error);
}

/* ---- opening ---- */

static enum dr_status open_failed(struct dr_store *store, int rc, const char *what,
                                  struct dr_error *error)
{
    enum dr_status status = dr_store_read_failed(store, rc);

    dr_store_refuse(store, what, store->failure, error,
                    status == DR_E_CORRUPT ? "a whole store; nothing was changed"
                                           : "a store that the system can read");
    return status;
}

/* The tables are ours, word for word: a flipped byte in the schema would lead reads astray. */
static enum dr_status check_schema(struct dr_store *store, struct dr_error *error)
{
    static const struct {
        const char *name;
        const char *sql;
    } expected[] = {
#define TABLE_ROW(name, sql) {#name, sql},
        DR_STORE_TABLES(TABLE_ROW)
#undef TABLE_ROW
    };
    sqlite3_stmt *read = NULL;
    size_t count = 0;
    int rc = sqlite3_prepare_v2(store->db, "SELECT name,sql FROM sqlite_master ORDER BY rowid", -1,
                                &read, NULL);

    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        const char *name;
        const char *sql;

        rc = sqlite3_step(read);
        if (rc != SQLITE_ROW)
            break;
        name = (const char *)sqlite3_column_text(read, 0);
        sql = (const char *)sqlite3_column_text(read, 1);
        if (count == DR_COUNT_OF(expected) || name == NULL || sql == NULL ||
            strcmp(name, expected[count].name) != 0 || strcmp(sql, expected[count].sql) != 0) {
            dr_store_refuse(store, "schema", name == NULL ? "no name" : name, error,
                            "the tables of a store: not one, or damaged in its first page");
            sqlite3_finalize(read);
            return DR_E_CORRUPT;
        }
        count += 1;
    }
    sqlite3_finalize(read);
    if (rc != SQLITE_DONE)
        return open_failed(store, rc, "schema", error);
    if (count != DR_COUNT_OF(expected))
        return dr_store_refuse(store, "schema", "too few tables", error, "the tables of a store");
    return DR_OK;
}

static enum dr_status read_meta(struct dr_store *store, struct dr_error *error)
{
    sqlite3_stmt *read = NULL;
    enum dr_status status = DR_OK;
    int rc = sqlite3_prepare_v2(store->db, "SELECT federation,created_us,checksum FROM meta", -1,
                                &read, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(read);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(read, 0) == DR_FEDERATION_BYTES) {
        memcpy(store->federation, sqlite3_column_blob(read, 0), DR_FEDERATION_BYTES);
        if (sqlite3_column_int64(read, 2) !=
            meta_checksum(store->federation, sqlite3_column_int64(read, 1)))
            status = dr_store_refuse(store, "federation id", "a wrong checksum", error,
                                     "the id that was written: the table meta is damaged");
    } else if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
        status =
            dr_store_refuse(store, "federation id", "none", error, "16 bytes in the table meta");
    } else {
        status = open_failed(store, rc, "federation id", error);
    }
    sqlite3_finalize(read);
    return status;
}

/* Open the connection and set it up. `uri`: the path is one. */
static int connect_to(struct dr_store *store, const char *path, int writes, int uri)
{
    static const char *const pragmas[] = {
        "PRAGMA synchronous=FULL",   "PRAGMA secure_delete=ON",  "PRAGMA wal_autocheckpoint=0",
        "PRAGMA cache_size=-16384",  "PRAGMA temp_store=MEMORY", "PRAGMA trusted_schema=OFF",
        "PRAGMA cell_size_check=ON", "PRAGMA schema_version",
    };
    int rc = sqlite3_open_v2(path, &store->db,
                             (writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) |
                                 (uri ? SQLITE_OPEN_URI : 0) | SQLITE_OPEN_NOMUTEX,
                             NULL);

    if (rc != SQLITE_OK)
        return rc;
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, 5000);
    /* Closing must not write a log back that turns out to be damaged. */
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    for (size_t i = 0; rc == SQLITE_OK && i < DR_COUNT_OF(pragmas); i += 1)
        rc = sqlite3_exec(store->db, pragmas[i], NULL, NULL, NULL);
    return rc;
}

/* "file:PATH?immutable=1", all but the plainest bytes of the path as %XX. */
static void immutable_uri(const char *path, char *uri, size_t uri_bytes)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
    size_t used = (size_t)snprintf(uri, uri_bytes, "file:");

    for (; *path != '\0'; path += 1)
        used += (size_t)snprintf(uri + used, uri_bytes - used,
                                 strchr(plain, *path) != NULL ? "%c" : "%%%02X", (uint8_t)*path);
    snprintf(uri + used, uri_bytes - used, "?immutable=1");
}

static enum dr_status open_database(struct dr_store *store, struct dr_error *error)
{
    int writes = store->mode == DR_STORE_CREATE || store->mode == DR_STORE_WRITE;
    char path[DR_PATH_MAX + 32];
    char uri[3 * sizeof path + 32];
    struct stat log;
    int rc;

    snprintf(path, sizeof path, "%s/%s", store->directory, DR_STORE_FILE);
    rc = connect_to(store, path, writes, 0);
    if (!writes && ((rc & 0xff) == SQLITE_READONLY || (rc & 0xff) == SQLITE_CANTOPEN)) {
        /* SQLite wants to make an index of the log, and this directory can't be written: an
         * auditor's copy, perhaps on read-only media. Without the index there is no living writer,
         * and without a log there is nothing to index. */
        snprintf(path, sizeof path, "%s/%s-shm", store->directory, DR_STORE_FILE);
        if (access(path, F_OK) == 0)
            return open_failed(store, rc, "opening", error);
        snprintf(path, sizeof path, "%s/%s-wal", store->directory, DR_STORE_FILE);
        if (stat(path, &log) == 0 && log.st_size > 0) {
            dr_error_set(error, path, 0, "", "a log in a directory that can't be written",
                         "a copy where it can: reading a log makes an index beside it");
            return DR_E_DENIED;
        }
        sqlite3_close(store->db);
        store->db = NULL;
        snprintf(path, sizeof path, "%s/%s", store->directory, DR_STORE_FILE);
        immutable_uri(path, uri, sizeof uri);
        rc = connect_to(store, uri, 0, 1);
    }
    return rc == SQLITE_OK ? DR_OK : open_failed(store, rc, "opening", error);
}

static enum dr_status prepare_all(struct dr_store *store, struct dr_error *error)
{
    for (int i = 0; i < DR_STATEMENTS_COUNT; i += 1) {
        int rc = sqlite3_prepare_v3(store->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                    &store->statements[i], NULL);

        if (rc != SQLITE_OK)
            return open_failed(store, rc, "schema", error);
    }
    return DR_OK;
}

/* Find the chain's end and recompute its last batches. */
static enum dr_status check_end(struct dr_store *store, struct dr_error *error)
{
    struct dr_store_reader *reader = NULL;
    struct dr_store_read batch;
    uint8_t hash[DR_HASH_BYTES];
    uint64_t first;
    uint64_t last;
    uint64_t from = 0;
    enum dr_status status = dr_store_batch_before(store, INT64_MAX, &first, &last, store->head);

    if (status != DR_OK) {
        dr_store_refuse(store, "last batch", store->failure, error,
                        "a batch as it was written; nothing was changed");
        return status;
    }
    if (first == 0)
        dr_store_genesis(store->federation, store->head);
    store->seq = last;
    for (int i = 0; i < CHECKED_BATCHES && first > 0; i += 1) {
        from = first;
        status = dr_store_batch_before(store, first - 1, &first, &last, hash);
        if (status != DR_OK) {
            dr_store_refuse(store, "batch", store->failure, error,
                            "a batch as it was written; nothing was changed");
            return status;
        }
    }
    status = dr_store_reader_open(&reader, store, from);
    while (status == DR_OK)
        status = dr_store_reader_next(reader, &batch, error);
    dr_store_reader_close(reader);
    return status == DR_E_END ? DR_OK : status;
}

/* What was durable once has to be there. */
static enum dr_status check_mark(struct dr_store *store, const struct dr_store_mark *mark,
                                 const char *log, struct dr_error *error)
{
    uint8_t head[DR_HASH_BYTES];
    char found[128];
    char expected[512];
    enum dr_status status;

    if (mark->seq == 0)
        return DR_OK;
    if (mark->seq > store->seq) {
        snprintf(found, sizeof found, "an end at seq %llu", (unsigned long long)store->seq);
        snprintf(expected, sizeof expected,
                 "facts up to seq %llu, which were durable: the file or its log was cut short, "
                 "removed or damaged%s%s; nothing was changed. To go on from an older copy, remove "
                 "%s first",
                 (unsigned long long)mark->seq, log[0] == '\0' ? "" : ": ", log, DR_STORE_MARK);
        return dr_store_refuse(store, "last batch", found, error, expected);
    }
    status = dr_store_head_at(store, mark->seq, head);
    if (status == DR_E_IO)
        return open_failed(store, SQLITE_IOERR, "mark", error);
    if (status != DR_OK || memcmp(head, mark->head, DR_HASH_BYTES) != 0) {
        snprintf(found, sizeof found, "another batch at seq %llu", (unsigned long long)mark->seq);
        return dr_store_refuse(store, "chain", found, error,
                               "the batch that was durable there (" DR_STORE_MARK
                               "): the file was exchanged or damaged");
    }
    return DR_OK;
}

static int note_log_pages(void *context, sqlite3 *db, const char *name, int pages)
{
    struct dr_store *store = context;

    (void)db;
    (void)name;
    store->wal_pages = pages;
    return SQLITE_OK;
}

static enum dr_status begin_writing(struct dr_store *store, struct dr_error *error)
{
    sqlite3_stmt *ends = dr_store_use(store, DR_STATEMENT_retry_ends);
    int rc = sqlite3_step(ends);

    if (rc != SQLITE_ROW)
        return open_failed(store, rc, "retry keys", error);
    store->retry_last = (uint64_t)sqlite3_column_int64(ends, 1);
    sqlite3_reset(ends);
    store->mark = dr_store_mark_open(store->directory);
    if (store->mark < 0)
        return dr_store_system_error(store->directory,
                                     "a file " DR_STORE_MARK " that can be written", error);
    sqlite3_wal_hook(store->db, note_log_pages, store);
    /* A fresh log for this run: check.c relies on it, and erased texts are gone with the old one.
     */
    dr_store_cut_log(store);
    if (store->broken != DR_OK) {
        dr_store_refuse(store, "log", store->failure, error, "a log that can be written back");
        return store->broken;
    }
    return DR_OK;
}

static enum dr_status open_checked(struct dr_store *store, struct dr_error *error)
{
    int writes = store->mode == DR_STORE_CREATE || store->mode == DR_STORE_WRITE;
    struct dr_store_mark mark = {0};
    char log[160] = "";
    enum dr_status status = DR_OK;

    /* The mark first: beside a live writer the store may only be ahead of it. */
    if (store->mode != DR_STORE_AUDIT)
        status = dr_store_mark_read(store->directory, &mark, error);
    if (status == DR_OK)
        status = dr_store_check_file(store->directory, error);
    if (status == DR_OK && writes) {
        status = dr_store_check_log(store->directory, log, sizeof log);
        if (status == DR_E_CORRUPT)
            return dr_store_refuse(store, "log", log, error, "a whole log; nothing was changed");
        if (status != DR_OK)
            return dr_store_system_error(store->directory, "a log that can be read", error);
    }
    if (status == DR_OK)
        status = open_database(store, error);
    if (status == DR_OK)
        status = check_schema(store, error);
    if (status == DR_OK)
        status = prepare_all(store, error);
    if (status == DR_OK)
        status = read_meta(store, error);
    if (status != DR_OK || store->mode == DR_STORE_AUDIT)
        return status;
    status = check_end(store, error);
    if (status == DR_OK)
        status = check_mark(store, &mark, log, error);
    if (status == DR_OK)
        status = dr_store_rows_check(store, error);
    if (status == DR_OK && writes)
        status = begin_writing(store, error);
    return status;
}

/* The directory, and for writers its lock. */
static enum dr_status enter(struct dr_store *store, struct dr_error *error)
{
    char path[DR_PATH_MAX + 32];
    struct stat there;
    int64_t pid;
    enum dr_status status;

    if (store->mode == DR_STORE_CREATE && mkdir(store->directory, 0700) != 0 && errno != EEXIST)
        return dr_store_system_error(store->directory, "a data directory that can be made", error);
    if (store->mode != DR_STORE_CREATE) {
        snprintf(path, sizeof path, "%s/%s", store->directory, DR_STORE_FILE);
        if (stat(path, &there) != 0)
            return dr_store_system_error(path, "a data directory with a store", error);
    }
    if (store->mode == DR_STORE_READ || store->mode == DR_STORE_AUDIT)
        return DR_OK;
    status = dr_store_lock_take(&store->lock, store->directory, &pid, error);
    if (status == DR_OK && store->mode == DR_STORE_CREATE)
        status = create(store->directory, error);
    return status;
}

enum dr_status dr_store_open(struct dr_store **store_out, const char *directory,
                             enum dr_store_mode mode, struct dr_error *error)
{
    struct dr_store *store;
    enum dr_status status;

    if (strlen(directory) >= DR_PATH_MAX) {
        dr_error_set(error, directory, 0, "", "a longer path", "at most %d bytes", DR_PATH_MAX - 1);
        return DR_E_INPUT;
    }
    store = calloc(1, sizeof *store);
    DR_ASSERT(store != NULL);
    store->mode = mode;
    store->lock.file = -1;
    store->mark = -1;
    snprintf(store->directory, sizeof store->directory, "%s", directory);
    status = enter(store, error);
    if (status == DR_OK)
        status = open_checked(store, error);
    if (status != DR_OK) {
        store->broken = status; /* closing writes nothing */
        dr_store_close(store);
        return status;
    }
    *store_out = store;
    return DR_OK;
}

void dr_store_leave_as_is(struct dr_store *store)
{
    if (store->broken == DR_OK)
        store->broken = DR_E_CORRUPT;
}

void dr_store_close(struct dr_store *store)
{
    if (store == NULL)
        return;
    for (int i = 0; i < DR_STATEMENTS_COUNT; i += 1)
        sqlite3_finalize(store->statements[i]);
    if (store->broken == DR_OK && store->mark >= 0)
        sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    sqlite3_close(store->db);
    dr_store_rows_deinit(store);
    if (store->mark >= 0)
        close(store->mark);
    dr_store_lock_drop(&store->lock);
    free(store);
}
