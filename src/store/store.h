/* SPDX-License-Identifier: Apache-2.0 */
/* store.h: where facts are kept.
 *
 * One writer appends batches; recovery and readers read them back in order. Read dr_store_append()
 * first. SQLite sits behind it (store/sqlite.c); the layout is in docs/formats/store.md and that of
 * the records in docs/formats/facts.md. The store does not look inside a fact.
 *
 * A batch is one transaction: facts, texts, retry keys and history rows, all of it or none. The
 * batches are chained: hash = SHA-256(previous hash, first seq, count, time, state hash, payload),
 * and heads of the chain are signed with the controller's Ed25519 key (store/chain.h).
 * dr_store_batch_hash() is the exact formula; the hash before the first batch is made from the
 * federation's id.
 *
 * Facts are for ever. Texts (what people wrote into jobs: scripts, environments, names) can be
 * erased: the fact holds SHA-256(salt, text) and the salt goes with the text. */
#ifndef DR_STORE_STORE_H
#define DR_STORE_STORE_H

#include <stdint.h>

#include "base/status.h"

#define DR_HASH_BYTES       32
#define DR_SALT_BYTES       16
#define DR_FEDERATION_BYTES 16
#define DR_BATCH_FACTS      (1u << 20)   /* at most in one batch: more than its bytes allow */
#define DR_BATCH_BYTES      (64u << 20)  /* at most in one batch's payload */
#define DR_STORE_FILE       "facts.db"   /* in the data directory; beside it -wal and -shm */
#define DR_STORE_MARK       "facts.mark" /* the last batch that was durable: finds a lost log */
#define DR_STORE_LOCK       "lock"       /* locked by the one writer; holds its pid */
#define DR_STORE_VERSION    1
#define DR_RETRY_KEEP_US    (INT64_C(24) * 3600 * 1000000)

struct dr_store;

/* What a job's user wrote, as JSON text, kept apart from facts. Several jobs (an array) share one.
 */
struct dr_store_text {
    uint64_t id; /* the seq of the first fact that names it */
    uint8_t salt[DR_SALT_BYTES];
    uint8_t hash[DR_HASH_BYTES]; /* dr_store_text_hash(); the fact holds the same */
    const char *text;
    uint32_t bytes;
};

/* "This request was answered so": makes a retried submit safe. */
struct dr_store_retry {
    uint32_t user;                  /* dr_user_id */
    char key[64];                   /* the client's Idempotency-Key, 1 to 63 bytes */
    uint8_t request[DR_HASH_BYTES]; /* SHA-256 of the request's body */
    int64_t time_us;
    uint64_t job_first; /* ids given out: job_first .. job_first + jobs - 1 */
    uint32_t jobs;
};

/* One row per job that has ended and left the core, so that it can still be listed and shown.
 * Derived from facts, and not in their chain. */
struct dr_store_history {
    uint64_t job;
    uint64_t text;       /* dr_store_text.id */
    uint64_t submit_seq; /* its first and last fact */
    uint64_t end_seq;
    uint32_t user;
    uint32_t account;
    uint8_t state; /* enum dr_job_state */
    int32_t exit_code;
    int32_t signal;
    uint32_t attempts;
    uint64_t array_job; /* 0: none */
    uint32_t array_index;
    int64_t submit_time_us;
    int64_t start_time_us; /* of the last attempt; 0: never ran */
    int64_t end_time_us;
    int64_t run_time_us;  /* of all attempts */
    int64_t accelerators; /* of the last attempt, thousandths */
    uint32_t site;        /* of the last attempt, 0: never placed */
};

struct dr_store_batch {
    uint64_t seq_first; /* one more than the last kept */
    uint32_t facts_count;
    int64_t time_us;
    uint64_t state_hash; /* of the state after this batch, 0: not taken */
    /* Encoded facts one after another, each with its length ahead in four bytes, little end first
     * (core/fact.h). */
    const uint8_t *payload;
    uint32_t payload_bytes;
    const struct dr_store_text *texts;
    uint32_t texts_count;
    const struct dr_store_retry *retries;
    uint32_t retries_count;
    const struct dr_store_history *history;
    uint32_t history_count;
};

/* How the store is opened. */
enum dr_store_mode {
    DR_STORE_CREATE, /* must not exist */
    DR_STORE_WRITE,  /* must exist; the one writer: takes the directory's lock */
    DR_STORE_READ,   /* must exist; beside a writer or without one, also on read-only media */
    DR_STORE_AUDIT, /* like READ, but opens a store whose content is wrong: for dr_chain_verify() */
};

/* Open the store in `directory`. DR_STORE_CREATE makes the directory (0700) where it is missing,
 * not its parents, and the files 0600. For the writing modes the directory is locked as long as the
 * store is open, by a record lock that forked children do not hold. A forked child must not touch
 * the store.
 *
 * Opening checks what it can without reading everything: the file's header, size and schema, the
 * last batches' hashes, the last rows of the other tables, and that the last batch which was
 * durable is still there. Everything else is checked where it is read.
 *
 * DR_E_MISSING, DR_E_EXISTS  per mode.
 * DR_E_LEASE    another controller holds the directory; `error` names its pid.
 * DR_E_CORRUPT  a file is cut short, has a flipped bit, or is no store, or the chain's last batches
 *               don't match: `error` says what was found where. Nothing was changed.
 * DR_E_UNSUPPORTED  written by a newer version.
 * DR_E_IO, DR_E_FULL, DR_E_DENIED  the system refused; `error` says what. */
DR_MUST_USE enum dr_status dr_store_open(struct dr_store **store, const char *directory,
                                         enum dr_store_mode mode, struct dr_error *error);

/* Writes the log back into the file, unless the store is broken. */
void dr_store_close(struct dr_store *store);

/* What was read from it is damaged: nothing is written to it any more, its files stay as they are.
 * Before dr_store_close(). */
void dr_store_leave_as_is(struct dr_store *store);

/* Make a batch durable: all of it or none. Text ids rise from one batch's text to the next.
 *
 * DR_OK      on stable storage: clients may be answered and effects may leave.
 * DR_E_FULL  the disk is full; nothing was kept, but memory is ahead: stop the process.
 * DR_E_IO    it is unknown what was kept. Stop the process: start-up is recovery.
 *
 * After a failure every further append fails in the same way without touching the disk: a failed
 * sync is never tried again. */
DR_MUST_USE enum dr_status dr_store_append(struct dr_store *store,
                                           const struct dr_store_batch *batch);

/* What the system said when the last call failed, for the program's last words; "" when none did.
 */
const char *dr_store_failure(const struct dr_store *store);

/* The last fact kept (0: none) and the head of the chain after it. */
uint64_t dr_store_seq(const struct dr_store *store);
void dr_store_head(const struct dr_store *store, uint8_t head[DR_HASH_BYTES]);
/* 16 random bytes given at creation: names the federation, salts hashes. */
void dr_store_federation(const struct dr_store *store, uint8_t federation[DR_FEDERATION_BYTES]);

/* The head of the chain after the batch that ends with fact `seq` (0: before the first), as it is
 * stored. DR_E_MISSING: no batch ends there. */
DR_MUST_USE enum dr_status dr_store_head_at(struct dr_store *store, uint64_t seq,
                                            uint8_t head[DR_HASH_BYTES]);

/* The chain's formula (docs/formats/store.md). */
struct dr_store_read;
void dr_store_batch_hash(const uint8_t previous[DR_HASH_BYTES], const struct dr_store_read *batch,
                         uint8_t hash[DR_HASH_BYTES]);
void dr_store_genesis(const uint8_t federation[DR_FEDERATION_BYTES], uint8_t head[DR_HASH_BYTES]);

/* A batch read back. Pointers live until the next read or the reader's close. */
struct dr_store_read {
    uint64_t seq_first;
    uint32_t facts_count;
    int64_t time_us;
    uint64_t state_hash;
    const uint8_t *payload;
    uint32_t payload_bytes;
    uint8_t hash[DR_HASH_BYTES];
};

struct dr_store_reader;

/* Read batches in order, beginning with the one that holds fact `seq` (0 and 1: the first). Each
 * batch's chain hash is recomputed from its predecessor's while reading. No transaction stays open
 * between reads, so appends may go on beside any number of readers. */
DR_MUST_USE enum dr_status dr_store_reader_open(struct dr_store_reader **reader,
                                                struct dr_store *store, uint64_t seq);
/* DR_E_END after the last kept so far: a later call finds what was appended since. DR_E_CORRUPT
 * with the place in `error`. */
DR_MUST_USE enum dr_status dr_store_reader_next(struct dr_store_reader *reader,
                                                struct dr_store_read *batch,
                                                struct dr_error *error);
void dr_store_reader_close(struct dr_store_reader *reader);

/* A text by its id. DR_E_MISSING: never there. `*erased` is 1 and bytes is 0 where it was erased.
 * DR_E_CORRUPT: it does not match its hash. The text is borrowed until the next call. */
DR_MUST_USE enum dr_status dr_store_text_read(struct dr_store *store, uint64_t id,
                                              struct dr_store_text *text, int *erased);
/* Remove a text and its salt for good. The fact that says so is the caller's, and comes first. What
 * was deleted is overwritten with zeros in the file (secure_delete), and the next dr_store_idle()
 * cuts the write-ahead log, which is the last place that still has it. DR_E_MISSING: never there;
 * erasing twice is DR_OK. DR_E_IO, DR_E_FULL as in dr_store_append(). */
DR_MUST_USE enum dr_status dr_store_text_erase(struct dr_store *store, uint64_t id);
/* Do all texts that are not erased match their hashes? `*bad_id` is the first that does not. */
DR_MUST_USE enum dr_status dr_store_text_check(struct dr_store *store, uint64_t *texts,
                                               uint64_t *erased, uint64_t *bad_id);
void dr_store_text_hash(const uint8_t salt[DR_SALT_BYTES], const char *text, uint32_t bytes,
                        uint8_t hash[DR_HASH_BYTES]);

/* The answer given to this key before. DR_E_MISSING: none. Keys are kept for DR_RETRY_KEEP_US at
 * least. */
DR_MUST_USE enum dr_status dr_store_retry_find(struct dr_store *store, uint32_t user,
                                               const char *key, struct dr_store_retry *retry);

/* Ended jobs, highest id first, those below `job_before` (UINT64_MAX: from the top), filtered where
 * a value is given: user and account 0 = any, state -1 = any. Returns through `rows` [rows_max]. */
DR_MUST_USE enum dr_status dr_store_history_list(struct dr_store *store, uint64_t job_before,
                                                 uint32_t user, uint32_t account, int state,
                                                 struct dr_store_history *rows, uint32_t rows_max,
                                                 uint32_t *rows_count);
DR_MUST_USE enum dr_status dr_store_history_find(struct dr_store *store, uint64_t job,
                                                 struct dr_store_history *row);

/* Housekeeping from an idle moment, a few milliseconds at most: writes the log back into the file,
 * drops old retry keys, cuts the log after an erasure. Calling it often costs nothing. */
void dr_store_idle(struct dr_store *store, int64_t now_us);

#endif
