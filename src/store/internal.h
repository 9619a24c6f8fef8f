/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h: what the files of this room share. Nobody else includes it. */
#ifndef DR_STORE_INTERNAL_H
#define DR_STORE_INTERNAL_H

#include <openssl/evp.h>
#include <sqlite3.h>

#include "base/hash.h"
#include "base/map.h"
#include "store/store.h"

/* "Daer": SQLite's application_id, at byte 68 of the file. */
#define DR_STORE_APPLICATION 0x44616572
#define DR_STORE_PAGE        4096
#define DR_PATH_MAX          1024

/* Every table, its statement as SQLite keeps it: opening compares them word for word. */
#define DR_STORE_TABLES(X)                                                                        \
    X(meta, "CREATE TABLE meta(one INTEGER PRIMARY KEY CHECK(one=1),federation BLOB NOT NULL,"    \
            "created_us INTEGER NOT NULL,checksum INTEGER NOT NULL)")                             \
    X(batch, "CREATE TABLE batch(seq_first INTEGER PRIMARY KEY,facts INTEGER NOT NULL,"           \
             "time_us INTEGER NOT NULL,state_hash INTEGER NOT NULL,hash BLOB NOT NULL,"           \
             "payload BLOB NOT NULL)")                                                            \
    X(text, "CREATE TABLE text(id INTEGER PRIMARY KEY,salt BLOB,hash BLOB,text BLOB)")            \
    X(retry, "CREATE TABLE retry(id INTEGER PRIMARY KEY,user INTEGER NOT NULL,key TEXT NOT NULL," \
             "request BLOB NOT NULL,time_us INTEGER NOT NULL,job_first INTEGER NOT NULL,"         \
             "jobs INTEGER NOT NULL,checksum INTEGER NOT NULL)")                                  \
    X(history, "CREATE TABLE history(job INTEGER PRIMARY KEY,user INTEGER NOT NULL,"              \
               "account INTEGER NOT NULL,state INTEGER NOT NULL,row BLOB NOT NULL)")              \
    X(history_user, "CREATE INDEX history_user ON history(user,job)")                             \
    X(history_account, "CREATE INDEX history_account ON history(account,job)")

#define DR_STORE_STATEMENTS(X)                                                                  \
    X(begin, "BEGIN IMMEDIATE")                                                                 \
    X(commit, "COMMIT")                                                                         \
    X(rollback, "ROLLBACK")                                                                     \
    X(batch_insert, "INSERT INTO batch VALUES(?,?,?,?,?,?)")                                    \
    X(batch_at, "SELECT seq_first,facts,time_us,state_hash,hash,payload FROM batch "            \
                "WHERE seq_first>=? ORDER BY seq_first LIMIT 1")                                \
    X(batch_before, "SELECT seq_first,facts,hash FROM batch WHERE seq_first<=? "                \
                    "ORDER BY seq_first DESC LIMIT 1")                                          \
    X(text_insert, "INSERT INTO text VALUES(?,?,?,?)")                                          \
    X(text_read, "SELECT salt,hash,text FROM text WHERE id=?")                                  \
    X(text_from, "SELECT id,salt,hash,text FROM text WHERE id>? ORDER BY id")                   \
    X(text_last, "SELECT id FROM text ORDER BY id DESC LIMIT 1")                                \
    X(text_erase, "UPDATE text SET salt=NULL,hash=NULL,text=NULL WHERE id=?")                   \
    X(retry_insert, "INSERT INTO retry VALUES(?,?,?,?,?,?,?,?)")                                \
    X(retry_from, "SELECT id,user,key,request,time_us,job_first,jobs,checksum FROM retry "      \
                  "WHERE id>=? ORDER BY id")                                                    \
    X(retry_ends, "SELECT (SELECT id FROM retry ORDER BY id LIMIT 1),"                          \
                  "(SELECT id FROM retry ORDER BY id DESC LIMIT 1)")                            \
    X(retry_drop, "DELETE FROM retry WHERE id<?")                                               \
    X(history_insert, "INSERT OR REPLACE INTO history VALUES(?,?,?,?,?)")                       \
    X(history_find, "SELECT job,user,account,state,row FROM history WHERE job=?")               \
    X(history_all, "SELECT job,user,account,state,row FROM history WHERE job<? "                \
                   "AND (?2<0 OR state=?2) ORDER BY job DESC LIMIT ?3")                         \
    X(history_user, "SELECT job,user,account,state,row FROM history INDEXED BY history_user "   \
                    "WHERE user=?4 AND job<?1 AND (?5=0 OR account=?5) AND (?2<0 OR state=?2) " \
                    "ORDER BY job DESC LIMIT ?3")                                               \
    X(history_account,                                                                          \
      "SELECT job,user,account,state,row FROM history INDEXED BY history_account "              \
      "WHERE account=?5 AND job<?1 AND (?2<0 OR state=?2) ORDER BY job DESC LIMIT ?3")

enum dr_store_statement {
#define DR_STATEMENT_ENUM(name, sql) DR_STATEMENT_##name,
    DR_STORE_STATEMENTS(DR_STATEMENT_ENUM)
#undef DR_STATEMENT_ENUM
        DR_STATEMENTS_COUNT
};

/* The directory's lock. At most one in a process and directory. */
struct dr_store_lock {
    int file; /* -1: none */
    uint64_t device;
    uint64_t inode;
    int64_t pid; /* who holds it: a forked child inherits the list, but not the lock */
    struct dr_store_lock *next; /* of this process */
};

struct dr_store {
    sqlite3 *db;
    sqlite3_stmt *statements[DR_STATEMENTS_COUNT];
    enum dr_store_mode mode;
    char directory[DR_PATH_MAX];
    uint8_t federation[DR_FEDERATION_BYTES];
    uint8_t head[DR_HASH_BYTES];
    uint64_t seq;
    struct dr_store_lock lock;
    int mark;              /* file of DR_STORE_MARK, -1: none */
    enum dr_status broken; /* DR_OK, or what every further write answers */
    char failure[256];

    /* the write-ahead log */
    int wal_pages;      /* in the log since it was last begun anew */
    int log_cut_wanted; /* something was erased: the log has to go */

    /* retry keys: fingerprint of (user, key) -> id, built on the first search */
    struct dr_arena retry_arena;
    struct dr_map retry_map;
    uint64_t retry_seed;    /* so that nobody can choose colliding keys */
    uint64_t retry_base;    /* map rows are id - base */
    uint64_t retry_next;    /* ids below are in the map */
    uint64_t retry_last;    /* the last id given out */
    int64_t retry_swept_us; /* when old ones were last dropped */

    uint8_t *text; /* what dr_store_text_read() gave out */
    uint32_t text_capacity;
};

/* ---- lock.c ---- */

/* DR_E_LEASE: `*pid` is the holder's, 0 where the system does not tell. */
DR_MUST_USE enum dr_status dr_store_lock_take(struct dr_store_lock *lock, const char *directory,
                                              int64_t *pid, struct dr_error *error);
void dr_store_lock_drop(struct dr_store_lock *lock);

/* ---- sqlite.c ---- */

/* A call on `path` has just failed: fill `error` from errno and say what kind of failure it is. */
enum dr_status dr_store_system_error(const char *path, const char *expected,
                                     struct dr_error *error);

/* The statement, reset; its last result can't be used any more. */
sqlite3_stmt *dr_store_use(struct dr_store *store, enum dr_store_statement statement);
/* What SQLite's answer means while reading; keeps its words for dr_store_failure(). */
enum dr_status dr_store_read_failed(struct dr_store *store, int rc);
/* The same while writing; the store takes no more writes. */
enum dr_status dr_store_write_failed(struct dr_store *store, int rc);

/* Fill `error` for the store's main file. Returns DR_E_CORRUPT. */
enum dr_status dr_store_refuse(const struct dr_store *store, const char *field, const char *found,
                               struct dr_error *error, const char *expected);
/* The last batch at or before `seq`: *seq_first is 0 when there is none. On failure
 * dr_store_failure() says what was found. */
DR_MUST_USE enum dr_status dr_store_batch_before(struct dr_store *store, uint64_t seq,
                                                 uint64_t *seq_first, uint64_t *seq_last,
                                                 uint8_t hash[DR_HASH_BYTES]);
/* Write the log back and cut it to nothing. */
void dr_store_cut_log(struct dr_store *store);

/* ---- rows.c ---- */

DR_MUST_USE int dr_store_rows_insert(struct dr_store *store, const struct dr_store_batch *batch);
/* Do the last rows of texts, retry keys and history read as written? */
DR_MUST_USE enum dr_status dr_store_rows_check(struct dr_store *store, struct dr_error *error);
/* Drop old retry keys, a few thousand at a time. */
void dr_store_retry_sweep(struct dr_store *store, int64_t now_us);
void dr_store_rows_deinit(struct dr_store *store);

/* ---- check.c: what opening looks at besides SQLite ---- */

/* The main file's header and size, before SQLite sees it. */
DR_MUST_USE enum dr_status dr_store_check_file(const char *directory, struct dr_error *error);

/* The mark: the last batch that was durable. */
struct dr_store_mark {
    uint64_t seq; /* 0: there is none */
    uint8_t head[DR_HASH_BYTES];
};
DR_MUST_USE enum dr_status dr_store_mark_read(const char *directory, struct dr_store_mark *mark,
                                              struct dr_error *error);
/* Opens the mark's file for dr_store_mark_write(); -1: the system refuses. */
int dr_store_mark_open(const char *directory);
void dr_store_mark_write(int file, uint64_t seq, const uint8_t head[DR_HASH_BYTES]);

/* Is the write-ahead log whole? `text` [text_bytes] says what is wrong with it, or is "". */
DR_MUST_USE enum dr_status dr_store_check_log(const char *directory, char *text,
                                              uint32_t text_bytes);

/* ---- hash.c ---- */

const EVP_MD *dr_store_sha256(void);
/* SHA-256 over `a` and then `b`. */
void dr_store_hash(const void *a, size_t a_bytes, const void *b, size_t b_bytes,
                   uint8_t hash[DR_HASH_BYTES]);

#endif
