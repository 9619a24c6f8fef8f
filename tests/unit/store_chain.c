/* SPDX-License-Identifier: Apache-2.0 */
/* Tampering by somebody who knows the file format: through SQL, with hashes made to fit. Would
 * catch: a change of the past that dr_chain_verify() does not find, or finds at another place, or
 * claims where there is none; words that promise more than was checked. SOAK=N makes N times as
 * many mutations; SEED=N draws others. */
#include "test.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "store/chain.h"
#include "store_fill.h"

#define FILLING 31
#define BATCHES 50
#define NOW_US  INT64_C(1700000000000000)

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static const char *path_in(const char *directory, const char *name)
{
    static char paths[4][400];
    static int turn;

    turn = (turn + 1) % 4;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", directory, name);
    return paths[turn];
}

static void copy_file(const char *from, const char *to)
{
    struct dr_buffer content;
    int file;

    dr_buffer_init(&content, 64u << 20);
    CHECK_EQ(dr_buffer_read_file(&content, from), DR_OK);
    file = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0);
    CHECK_EQ(write(file, content.data, content.length), (ssize_t)content.length);
    close(file);
    dr_buffer_deinit(&content);
}

/* A store whose head was signed every ten batches and at its end. */
static void make_store(const char *directory)
{
    struct dr_store *store;
    struct dr_error error;
    struct dr_chain_key key;
    struct dr_chain_head head;

    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_CREATE, &error), DR_OK);
    CHECK_EQ(dr_chain_key_create(directory, &error), DR_OK);
    CHECK_EQ(dr_chain_key_load(directory, &key, &error), DR_OK);
    for (uint64_t i = 0; i < BATCHES; i += 10) {
        CHECK_EQ(fill_append(store, FILLING, i, 10), DR_OK);
        dr_chain_sign(&key, store, NOW_US + (int64_t)i, &head);
        CHECK_EQ(dr_chain_append(directory, &head, &error), DR_OK);
    }
    dr_store_close(store);
}

static const char *const files[] = {DR_STORE_FILE, DR_STORE_MARK, DR_CHAIN_HEADS, DR_CHAIN_SECRET,
                                    DR_CHAIN_PUBLIC};

static void copy_store(const char *from, const char *to)
{
    unlink(path_in(to, DR_STORE_FILE "-wal"));
    unlink(path_in(to, DR_STORE_FILE "-shm"));
    for (size_t i = 0; i < DR_COUNT_OF(files); i += 1)
        copy_file(path_in(from, files[i]), path_in(to, files[i]));
}

/* What a verification said. */
struct heard {
    struct dr_chain_result result;
    int kinds[16];   /* by enum dr_chain_problem_kind */
    uint64_t wanted; /* a seq; is it within a problem, or a batch beside it? */
    int found;
    uint64_t first; /* of the first problem */
    uint64_t last;
    char text[600];
};

static void hear(void *context, const struct dr_chain_problem *problem)
{
    struct heard *heard = context;

    heard->kinds[problem->kind] += 1;
    heard->found |= problem->seq_first <= heard->wanted + FILL_FACTS &&
                    problem->seq_last + FILL_FACTS >= heard->wanted;
    if (heard->text[0] == '\0') {
        snprintf(heard->text, sizeof heard->text, "%s: %s", dr_chain_problem_name(problem->kind),
                 problem->text);
        heard->first = problem->seq_first;
        heard->last = problem->seq_last;
    }
}

static enum dr_status verify(const char *directory, const char *anchor, struct heard *heard)
{
    struct dr_error error = {.line = 0};
    char line[1400];
    uint64_t wanted = heard->wanted;
    enum dr_status status;

    *heard = (struct heard){.wanted = wanted};
    status = dr_chain_verify(directory, anchor, NULL, hear, heard, &heard->result, &error);
    if (status != DR_OK && status != DR_E_CORRUPT)
        fail_msg("%s", dr_error_line(&error, line, sizeof line));
    CHECK_EQ(heard->result.problems > 0, status == DR_E_CORRUPT);
    CHECK(heard->result.unknown[0] != '\0');
    return status;
}

/* ---- the forger ---- */

static sqlite3 *open_database(const char *directory)
{
    sqlite3 *db;

    CHECK_EQ(sqlite3_open(path_in(directory, DR_STORE_FILE), &db), SQLITE_OK);
    CHECK_EQ(sqlite3_exec(db, "PRAGMA synchronous=OFF", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static void run(sqlite3 *db, const char *format, ...)
{
    va_list arguments;
    char *sql;
    char *message = NULL;

    va_start(arguments, format);
    sql = sqlite3_vmprintf(format, arguments);
    va_end(arguments);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_free(sql);
}

/* Make the hashes of `count` batches from `seq` on fit their content again. */
static void rehash(sqlite3 *db, const char *directory, uint64_t seq, int count)
{
    struct dr_store *store;
    struct dr_error error;
    uint8_t federation[DR_FEDERATION_BYTES];
    uint8_t previous[DR_HASH_BYTES];
    uint8_t hash[DR_HASH_BYTES];
    sqlite3_stmt *read;
    sqlite3_stmt *write_hash;

    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_AUDIT, &error), DR_OK);
    dr_store_federation(store, federation);
    dr_store_close(store);
    dr_store_genesis(federation, previous);
    CHECK_EQ(
        sqlite3_prepare_v2(db, "SELECT hash FROM batch WHERE seq_first<? ORDER BY 1*seq_first DESC",
                           -1, &read, NULL),
        SQLITE_OK);
    sqlite3_bind_int64(read, 1, (int64_t)seq);
    if (sqlite3_step(read) == SQLITE_ROW)
        memcpy(previous, sqlite3_column_blob(read, 0), DR_HASH_BYTES);
    sqlite3_finalize(read);
    run(db, "BEGIN");
    CHECK_EQ(sqlite3_prepare_v2(db,
                                "SELECT seq_first,facts,time_us,state_hash,payload FROM batch "
                                "WHERE seq_first>=? ORDER BY seq_first",
                                -1, &read, NULL),
             SQLITE_OK);
    CHECK_EQ(
        sqlite3_prepare_v2(db, "UPDATE batch SET hash=? WHERE seq_first=?", -1, &write_hash, NULL),
        SQLITE_OK);
    sqlite3_bind_int64(read, 1, (int64_t)seq);
    for (; count > 0 && sqlite3_step(read) == SQLITE_ROW; count -= 1) {
        struct dr_store_read batch = {
            .seq_first = (uint64_t)sqlite3_column_int64(read, 0),
            .facts_count = (uint32_t)sqlite3_column_int64(read, 1),
            .time_us = sqlite3_column_int64(read, 2),
            .state_hash = (uint64_t)sqlite3_column_int64(read, 3),
            .payload = sqlite3_column_blob(read, 4),
            .payload_bytes = (uint32_t)sqlite3_column_bytes(read, 4),
        };

        dr_store_batch_hash(previous, &batch, hash);
        memcpy(previous, hash, DR_HASH_BYTES);
        sqlite3_reset(write_hash);
        sqlite3_bind_blob(write_hash, 1, hash, DR_HASH_BYTES, SQLITE_TRANSIENT);
        sqlite3_bind_int64(write_hash, 2, (int64_t)batch.seq_first);
        CHECK_EQ(sqlite3_step(write_hash), SQLITE_DONE);
    }
    sqlite3_finalize(read);
    sqlite3_finalize(write_hash);
    run(db, "COMMIT");
}

/* Change one byte of a payload. */
static void edit_payload(sqlite3 *db, uint64_t seq, uint64_t chance)
{
    struct sqlite3_blob *blob;
    uint8_t byte;
    int place;

    CHECK_EQ(sqlite3_blob_open(db, "main", "batch", "payload", (int64_t)seq, 1, &blob), SQLITE_OK);
    place = (int)(chance % (uint64_t)sqlite3_blob_bytes(blob));
    CHECK_EQ(sqlite3_blob_read(blob, &byte, 1, place), SQLITE_OK);
    byte ^= (uint8_t)(1u << (chance >> 32) % 8);
    CHECK_EQ(sqlite3_blob_write(blob, &byte, 1, place), SQLITE_OK);
    CHECK_EQ(sqlite3_blob_close(blob), SQLITE_OK);
}

#define MUTATIONS(X)                                                                      \
    X(payload, "a byte of a payload")                                                     \
    X(payload_fitted, "a byte of a payload, its batch's hash made to fit")                \
    X(payload_chained, "a byte of a payload, all hashes after it made to fit")            \
    X(count, "the number of facts")                                                       \
    X(time, "the time")                                                                   \
    X(state_hash, "the state's hash")                                                     \
    X(hash, "the hash")                                                                   \
    X(remove, "a batch removed")                                                          \
    X(remove_chained, "a batch removed, those after it moved up, all hashes made to fit") \
    X(insert, "a batch inserted within another's facts")                                  \
    X(swap, "two batches' content swapped")                                               \
    X(swap_chained, "two batches' content swapped, all hashes made to fit")               \
    X(cut, "the last batches removed")                                                    \
    X(append, "a batch at the end whose hash does not fit")                               \
    X(text, "a text")                                                                     \
    X(head, "a line of signed heads")

enum mutation {
#define MUTATION_ENUM(name, text) MUTATION_##name,
    MUTATIONS(MUTATION_ENUM)
#undef MUTATION_ENUM
        MUTATIONS_COUNT
};

static const char *const mutation_text[] = {
#define MUTATION_TEXT(name, text) text,
    MUTATIONS(MUTATION_TEXT)
#undef MUTATION_TEXT
};

static void edit_heads(const char *directory, uint64_t chance)
{
    int file = open(path_in(directory, DR_CHAIN_HEADS), O_RDWR);
    struct stat status;
    off_t place;
    char byte;

    CHECK(file >= 0);
    CHECK_EQ(fstat(file, &status), 0);
    /* not in the last line, whose damage can also be a kill */
    place = (off_t)(chance % (uint64_t)(status.st_size - 400));
    CHECK_EQ(pread(file, &byte, 1, place), 1);
    byte = byte == '7' ? '8' : '7';
    CHECK_EQ(pwrite(file, &byte, 1, place), 1);
    close(file);
}

/* Returns 0 where the mutation can't be made at this place. */
static int mutate(const char *directory, enum mutation mutation, uint64_t number, uint64_t chance)
{
    static struct fill fill;
    static struct fill other;
    uint64_t seq = fill_seq(FILLING, number) + 1;
    uint64_t other_number = (number + 1 + (chance >> 8) % (BATCHES - 1)) % BATCHES;
    uint64_t other_seq = fill_seq(FILLING, other_number) + 1;
    uint64_t from = seq < other_seq ? seq : other_seq;
    uint64_t end = fill_seq(FILLING, BATCHES);
    sqlite3 *db = open_database(directory);
    int made = 1;

    fill_make(&fill, FILLING, number);
    fill_make(&other, FILLING, other_number);
    switch (mutation) {
    case MUTATION_payload:
        edit_payload(db, seq, chance);
        break;
    case MUTATION_payload_fitted:
        edit_payload(db, seq, chance);
        rehash(db, directory, seq, 1);
        made = number + 1 < BATCHES; /* the last one alone is rewritten wholly by this */
        break;
    case MUTATION_payload_chained:
        edit_payload(db, seq, chance);
        rehash(db, directory, seq, BATCHES);
        break;
    case MUTATION_count:
        run(db, "UPDATE batch SET facts=facts+1 WHERE seq_first=%lld", (long long)seq);
        break;
    case MUTATION_time:
        run(db, "UPDATE batch SET time_us=time_us+1 WHERE seq_first=%lld", (long long)seq);
        break;
    case MUTATION_state_hash:
        run(db, "UPDATE batch SET state_hash=~state_hash WHERE seq_first=%lld", (long long)seq);
        break;
    case MUTATION_hash:
        run(db, "UPDATE batch SET hash=randomblob(32) WHERE seq_first=%lld", (long long)seq);
        break;
    case MUTATION_remove:
        run(db, "DELETE FROM batch WHERE seq_first=%lld", (long long)seq);
        break;
    case MUTATION_remove_chained:
        run(db, "DELETE FROM batch WHERE seq_first=%lld", (long long)seq);
        run(db, "UPDATE batch SET seq_first=-(seq_first-%d) WHERE seq_first>%lld",
            (int)fill.batch.facts_count, (long long)seq);
        run(db, "UPDATE batch SET seq_first=-seq_first WHERE seq_first<0");
        rehash(db, directory, seq, BATCHES);
        break;
    case MUTATION_insert:
        made = fill.batch.facts_count > 1;
        if (made)
            run(db,
                "INSERT INTO batch SELECT seq_first+1,1,time_us,state_hash,hash,payload FROM "
                "batch WHERE seq_first=%lld",
                (long long)seq);
        break;
    case MUTATION_swap:
    case MUTATION_swap_chained:
        /* Of as many facts each, so that nothing but the content tells. */
        made = fill.batch.facts_count == other.batch.facts_count;
        if (made)
            run(db,
                "CREATE TEMP TABLE a AS SELECT * FROM batch WHERE seq_first IN(%lld,%lld);"
                "UPDATE batch SET (time_us,state_hash,hash,payload)="
                "(SELECT time_us,state_hash,hash,payload FROM a WHERE a.seq_first=%lld) "
                "WHERE seq_first=%lld;"
                "UPDATE batch SET (time_us,state_hash,hash,payload)="
                "(SELECT time_us,state_hash,hash,payload FROM a WHERE a.seq_first=%lld) "
                "WHERE seq_first=%lld",
                (long long)seq, (long long)other_seq, (long long)seq, (long long)other_seq,
                (long long)other_seq, (long long)seq);
        if (made && mutation == MUTATION_swap_chained)
            rehash(db, directory, from, BATCHES);
        break;
    case MUTATION_cut:
        run(db, "DELETE FROM batch WHERE seq_first>=%lld", (long long)seq);
        break;
    case MUTATION_append:
        run(db,
            "INSERT INTO batch SELECT %lld,facts,time_us,state_hash,hash,payload FROM batch "
            "WHERE seq_first=%lld",
            (long long)end + 1, (long long)seq);
        break;
    case MUTATION_text:
        made = fill.batch.texts_count > 0;
        if (made)
            run(db, "UPDATE text SET text=CAST('x'||substr(text,2) AS BLOB) WHERE id=%lld",
                (long long)fill.texts[0].id);
        break;
    case MUTATION_head:
        edit_heads(directory, chance);
        break;
    case MUTATIONS_COUNT:
        break;
    }
    CHECK_EQ(sqlite3_close(db), SQLITE_OK);
    return made;
}

TEST(an_untouched_store_passes_and_says_what_it_can_not_know)
{
    const char *directory = test_directory();
    struct heard heard = {.wanted = 0};

    make_store(directory);
    if (verify(directory, NULL, &heard) != DR_OK)
        fail_msg("%s", heard.text);
    CHECK_EQ(heard.result.batches, BATCHES);
    CHECK_EQ(heard.result.seq, fill_seq(FILLING, BATCHES));
    CHECK_EQ(heard.result.facts, heard.result.seq);
    CHECK_EQ(heard.result.heads, BATCHES / 10);
    CHECK_EQ(heard.result.anchored_seq, 0);
    CHECK(heard.result.texts > 20);
    CHECK_HAS(heard.result.unknown, "can't know");
    CHECK_HAS(heard.result.unknown, "cut off");
    /* Its own heads, had they been kept elsewhere. */
    CHECK_EQ(verify(directory, path_in(directory, DR_CHAIN_HEADS), &heard), DR_OK);
    CHECK_EQ(heard.result.anchors, BATCHES / 10);
    CHECK_EQ(heard.result.anchored_seq, heard.result.seq);
}

TEST(every_mutation_is_found_at_its_place)
{
    char whole[300];
    const char *directory;
    uint64_t seed = number_from("SEED", 1);
    uint64_t count = 500 * number_from("SOAK", 1);
    uint64_t made[MUTATIONS_COUNT] = {0};
    struct heard heard = {.wanted = 0};

    snprintf(whole, sizeof whole, "%s", test_directory());
    make_store(whole);
    directory = test_directory();
    for (uint64_t i = 0; i < count; i += 1) {
        uint64_t chance = dr_hash_fold(seed, i);
        enum mutation mutation = (enum mutation)(i % MUTATIONS_COUNT);
        uint64_t number = (chance >> 16) % BATCHES;
        uint64_t first = fill_seq(FILLING, number) + 1;

        copy_store(whole, directory);
        if (!mutate(directory, mutation, number, chance))
            continue;
        made[mutation] += 1;
        heard.wanted = mutation == MUTATION_append ? fill_seq(FILLING, BATCHES) + 1 : first;
        if (verify(directory, NULL, &heard) != DR_E_CORRUPT)
            fail_msg("not found: %s, batch %llu, SEED=%llu", mutation_text[mutation],
                     (unsigned long long)number, (unsigned long long)seed);
        /* At the place, or between the signed heads around it. */
        if (mutation != MUTATION_head && !heard.found &&
            !(mutation == MUTATION_swap_chained && heard.first < first))
            fail_msg("%s, batch of seq %llu, was found elsewhere: %s", mutation_text[mutation],
                     (unsigned long long)first, heard.text);
    }
    for (int i = 0; i < MUTATIONS_COUNT; i += 1) {
        if (made[i] == 0)
            fail_msg("no mutation of %s was made", mutation_text[i]);
    }
}

/* Somebody with the key and all of the directory: only an anchor helps, and the words say so. */
TEST(an_anchor_finds_truncation_and_rewriting)
{
    char whole[300];
    char anchor[400];
    const char *directory;
    struct dr_store *store;
    struct dr_error error;
    struct dr_chain_key key;
    struct dr_chain_head head;
    struct heard heard = {.wanted = 0};
    uint64_t cut_seq = fill_seq(FILLING, 35);
    sqlite3 *db;

    snprintf(whole, sizeof whole, "%s", test_directory());
    make_store(whole);
    snprintf(anchor, sizeof anchor, "%s/anchor", whole);
    copy_file(path_in(whole, DR_CHAIN_HEADS), anchor);
    directory = test_directory();

    /* cut off, with the heads and the mark */
    copy_store(whole, directory);
    db = open_database(directory);
    run(db, "DELETE FROM batch WHERE seq_first>%lld; DELETE FROM text WHERE id>%lld",
        (long long)cut_seq, (long long)cut_seq);
    sqlite3_close(db);
    unlink(path_in(directory, DR_STORE_MARK));
    unlink(path_in(directory, DR_CHAIN_HEADS));
    CHECK_EQ(verify(directory, NULL, &heard), DR_OK);
    CHECK_HAS(heard.result.unknown, "No signed head");
    CHECK_EQ(verify(directory, anchor, &heard), DR_E_CORRUPT);
    CHECK_EQ(heard.kinds[DR_CHAIN_CUT_OFF], 1);
    CHECK_EQ(heard.first, fill_seq(FILLING, 30) + 1); /* behind the last head that fits */
    CHECK_HAS(heard.text, "the store ends at");

    /* rewritten from batch 12 on, all hashes fitted, all heads signed anew with the true key */
    copy_store(whole, directory);
    db = open_database(directory);
    edit_payload(db, fill_seq(FILLING, 12) + 1, 77);
    rehash(db, directory, fill_seq(FILLING, 12) + 1, BATCHES);
    sqlite3_close(db);
    unlink(path_in(directory, DR_STORE_MARK));
    unlink(path_in(directory, DR_CHAIN_HEADS));
    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_READ, &error), DR_OK);
    CHECK_EQ(dr_chain_key_load(directory, &key, &error), DR_OK);
    dr_chain_sign(&key, store, NOW_US, &head);
    CHECK_EQ(dr_chain_append(directory, &head, &error), DR_OK);
    dr_store_close(store);
    CHECK_EQ(verify(directory, NULL, &heard), DR_OK);
    CHECK_EQ(verify(directory, anchor, &heard), DR_E_CORRUPT);
    CHECK_EQ(heard.kinds[DR_CHAIN_REWRITTEN], 1);
    CHECK_EQ(heard.first, fill_seq(FILLING, 10) + 1);
    CHECK_EQ(heard.last, fill_seq(FILLING, 20));

    /* another federation's store in its place */
    {
        char other[300];

        snprintf(other, sizeof other, "%s", test_directory());
        make_store(other);
        CHECK_EQ(verify(other, anchor, &heard), DR_E_CORRUPT);
        CHECK(heard.kinds[DR_CHAIN_REWRITTEN] > 0);
    }

    /* the anchor is behind the store, and no more is claimed */
    CHECK_EQ(truncate(anchor, 0), 0);
    CHECK_EQ(dr_store_open(&store, whole, DR_STORE_WRITE, &error), DR_OK);
    dr_chain_sign(&key, store, NOW_US, &head);
    {
        char line[DR_CHAIN_LINE_BYTES];
        int file = open(anchor, O_WRONLY);

        dr_chain_format(&head, line);
        /* signed with another directory's key: the copy has the same one */
        CHECK_EQ(write(file, line, strlen(line)), (ssize_t)strlen(line));
        close(file);
    }
    CHECK_EQ(fill_append(store, FILLING, BATCHES, 3), DR_OK);
    dr_store_close(store);
    CHECK_EQ(verify(whole, anchor, &heard), DR_OK);
    CHECK_HAS(heard.result.unknown, "The anchor vouches up to");
    CHECK_EQ(heard.result.anchored_seq, fill_seq(FILLING, BATCHES));
    dr_chain_key_forget(&key);
}

TEST(a_given_public_key_is_the_one_that_counts)
{
    char directory[300];
    const char *other;
    struct heard heard = {.wanted = 0};
    struct dr_error error;

    snprintf(directory, sizeof directory, "%s", test_directory());
    make_store(directory);
    other = test_directory();
    CHECK_EQ(dr_chain_key_create(other, &error), DR_OK);
    CHECK_EQ(dr_chain_verify(directory, NULL, path_in(directory, DR_CHAIN_PUBLIC), hear, &heard,
                             &heard.result, &error),
             DR_OK);
    CHECK(strstr(heard.result.unknown, "public key was read") == NULL);
    CHECK_EQ(dr_chain_verify(directory, NULL, path_in(other, DR_CHAIN_PUBLIC), hear, &heard,
                             &heard.result, &error),
             DR_E_CORRUPT);
    CHECK_HAS(heard.text, "another key");
    CHECK_EQ(dr_chain_verify(directory, NULL, path_in(other, "none"), hear, &heard, &heard.result,
                             &error),
             DR_E_MISSING);
    CHECK_EQ(dr_chain_verify(directory, path_in(other, "none"), NULL, hear, &heard, &heard.result,
                             &error),
             DR_E_MISSING);
    CHECK_EQ(dr_chain_verify(other, NULL, NULL, hear, &heard, &heard.result, &error), DR_E_MISSING);
}

TEST(erasing_a_text_is_not_a_change)
{
    const char *directory = test_directory();
    struct dr_store *store;
    struct dr_error error;
    struct fill fill;
    struct heard heard = {.wanted = 0};

    make_store(directory);
    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_WRITE, &error), DR_OK);
    for (uint64_t i = 0; i < BATCHES; i += 1) {
        fill_make(&fill, FILLING, i);
        for (uint32_t j = 0; j < fill.batch.texts_count; j += 2)
            CHECK_EQ(dr_store_text_erase(store, fill.texts[j].id), DR_OK);
    }
    dr_store_close(store);
    CHECK_EQ(verify(directory, NULL, &heard), DR_OK);
    CHECK(heard.result.texts_erased > 10);
}

TEST(verifying_beside_a_living_controller)
{
    const char *directory = test_directory();
    struct dr_store *store;
    struct dr_error error;
    struct heard heard = {.wanted = 0};

    make_store(directory);
    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_WRITE, &error), DR_OK);
    for (uint64_t i = 0; i < 10; i += 1) {
        CHECK_EQ(fill_append(store, FILLING, BATCHES + i, 1), DR_OK);
        CHECK_EQ(verify(directory, NULL, &heard), DR_OK);
        CHECK_EQ(heard.result.seq, fill_seq(FILLING, BATCHES + i + 1));
        dr_store_idle(store, NOW_US);
    }
    dr_store_close(store);
}

TEST(heads_are_read_as_they_are_written_and_in_no_other_way)
{
    const char *directory = test_directory();
    struct dr_store *store;
    struct dr_error error;
    struct dr_chain_key key;
    struct dr_chain_head head;
    struct dr_chain_head again;
    char line[DR_CHAIN_LINE_BYTES];
    char other[DR_CHAIN_LINE_BYTES];
    size_t length;

    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_CREATE, &error), DR_OK);
    CHECK_EQ(dr_chain_key_create(directory, &error), DR_OK);
    CHECK_EQ(dr_chain_key_load(directory, &key, &error), DR_OK);
    CHECK_EQ(fill_append(store, 1, 0, 2), DR_OK);
    dr_chain_sign(&key, store, NOW_US, &head);
    dr_store_close(store);
    dr_chain_format(&head, line);
    length = strlen(line);
    CHECK_EQ(dr_chain_parse(line, length, &again, &error), DR_OK);
    CHECK_BYTES(&head, &again, sizeof head);
    CHECK_EQ(dr_chain_parse(line, length - 1, &again, &error), DR_OK);
    for (size_t i = 0; i + 1 < length; i += 1) {
        memcpy(other, line, length + 1);
        other[i] = other[i] == '0' ? '1' : '0';
        CHECK(dr_chain_parse(other, length, &again, &error) != DR_OK);
        CHECK(dr_chain_parse(line, i, &again, &error) != DR_OK);
        memcpy(other, line, length + 1);
        other[i] = '\0';
        CHECK(dr_chain_parse(other, length, &again, &error) != DR_OK);
        if (other[i] != line[i] && line[i] >= 'a' && line[i] <= 'f') {
            other[i] = (char)(line[i] - 32);
            CHECK(dr_chain_parse(other, length, &again, &error) != DR_OK);
        }
    }
    dr_chain_key_forget(&key);
}

TEST(keys_are_made_once_and_kept_from_others)
{
    const char *directory = test_directory();
    struct dr_chain_key key;
    struct dr_chain_key again;
    struct dr_error error = {.line = 0};
    uint8_t public_key[DR_PUBLIC_KEY_BYTES];
    struct stat status;
    char path[400];

    CHECK_EQ(dr_chain_key_load(directory, &key, &error), DR_E_MISSING);
    CHECK_EQ(dr_chain_key_create(directory, &error), DR_OK);
    CHECK_EQ(dr_chain_key_create(directory, &error), DR_E_EXISTS);
    CHECK_EQ(dr_chain_key_load(directory, &key, &error), DR_OK);
    CHECK_EQ(dr_chain_key_load(directory, &again, &error), DR_OK);
    CHECK_BYTES(&key, &again, sizeof key);
    CHECK_EQ(dr_chain_public_load(path_in(directory, DR_CHAIN_PUBLIC), public_key, &error), DR_OK);
    CHECK_BYTES(public_key, key.public_key, DR_PUBLIC_KEY_BYTES);
    CHECK_EQ(unlink(path_in(directory, DR_CHAIN_PUBLIC)), 0); /* killed between the two */
    CHECK_EQ(dr_chain_key_load(directory, &again, &error), DR_OK);
    CHECK_EQ(dr_chain_public_load(path_in(directory, DR_CHAIN_PUBLIC), public_key, &error), DR_OK);
    CHECK_BYTES(public_key, key.public_key, DR_PUBLIC_KEY_BYTES);
    CHECK(access(path_in(directory, DR_CHAIN_SECRET ".new"), F_OK) != 0);
    snprintf(path, sizeof path, "%s", path_in(directory, DR_CHAIN_SECRET));
    CHECK_EQ(stat(path, &status), 0);
    CHECK_EQ(status.st_mode & 0777, 0600);
    CHECK_EQ(chmod(path, 0640), 0);
    CHECK_EQ(dr_chain_key_load(directory, &again, &error), DR_E_DENIED);
    CHECK_HAS(error.found, "640");
    CHECK_EQ(chmod(path, 0600), 0);
    CHECK_EQ(truncate(path, 50), 0);
    CHECK_EQ(dr_chain_key_load(directory, &again, &error), DR_E_INPUT);
}

/* A line that a kill left unfinished does not spoil the next one. */
TEST(an_unfinished_line_of_heads_is_passed_over)
{
    const char *directory = test_directory();
    struct dr_store *store;
    struct dr_error error;
    struct dr_chain_key key;
    struct dr_chain_head head;
    struct heard heard = {.wanted = 0};
    struct stat status;
    char path[400];

    make_store(directory);
    snprintf(path, sizeof path, "%s", path_in(directory, DR_CHAIN_HEADS));
    CHECK_EQ(stat(path, &status), 0);
    CHECK_EQ(truncate(path, status.st_size - 40), 0);
    CHECK_EQ(verify(directory, NULL, &heard), DR_OK);
    CHECK_EQ(heard.result.heads, BATCHES / 10 - 1);
    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_WRITE, &error), DR_OK);
    CHECK_EQ(dr_chain_key_load(directory, &key, &error), DR_OK);
    dr_chain_sign(&key, store, NOW_US, &head);
    CHECK_EQ(dr_chain_append(directory, &head, &error), DR_OK);
    dr_store_close(store);
    CHECK_EQ(verify(directory, NULL, &heard), DR_OK);
    CHECK_EQ(heard.result.heads, BATCHES / 10);
    dr_chain_key_forget(&key);
}
