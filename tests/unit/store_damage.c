/* SPDX-License-Identifier: Apache-2.0 */
/* Files that were cut, exchanged or have a flipped bit. Would catch: content given out that was
 * never written, facts that vanish without a word, and a damaged store that opening or closing
 * writes to. SOAK=N tries N times more of each; SEED=N draws other places. */
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "store/store.h"
#include "store_fill.h"

#define FILLING 21
#define BATCHES 90

static const char *const names[] = {DR_STORE_FILE, DR_STORE_FILE "-wal", DR_STORE_MARK};
enum { MAIN, LOG, MARK, FILES };

/* The files of a store, kept in memory. A file that is not there has `there` = 0. */
struct copy {
    struct dr_buffer files[FILES];
    int there[FILES];
};

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static const char *path_of(const char *directory, int file)
{
    static char path[400];

    snprintf(path, sizeof path, "%s/%s", directory, names[file]);
    return path;
}

static void copy_take(struct copy *copy, const char *directory)
{
    for (int i = 0; i < FILES; i += 1) {
        dr_buffer_init(&copy->files[i], 64u << 20);
        copy->there[i] = dr_buffer_read_file(&copy->files[i], path_of(directory, i)) == DR_OK;
    }
}

static void copy_free(struct copy *copy)
{
    for (int i = 0; i < FILES; i += 1)
        dr_buffer_deinit(&copy->files[i]);
}

static void copy_put(const struct copy *copy, const char *directory)
{
    char path[400];

    snprintf(path, sizeof path, "%s/%s-shm", directory, DR_STORE_FILE);
    unlink(path);
    for (int i = 0; i < FILES; i += 1) {
        int file;

        unlink(path_of(directory, i));
        if (!copy->there[i])
            continue;
        file = open(path_of(directory, i), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        CHECK(file >= 0);
        CHECK_EQ(write(file, copy->files[i].data, copy->files[i].length),
                 (ssize_t)copy->files[i].length);
        close(file);
    }
}

/* A file that is not there and an empty one are the same. */
static int copy_same(const struct copy *copy, const char *directory, int file)
{
    struct dr_buffer now;
    size_t length = copy->there[file] ? copy->files[file].length : 0;
    int same;

    dr_buffer_init(&now, 64u << 20);
    if (dr_buffer_read_file(&now, path_of(directory, file)) != DR_OK)
        now.length = 0;
    same = now.length == length &&
           (length == 0 || memcmp(now.data, copy->files[file].data, length) == 0);
    dr_buffer_deinit(&now);
    return same;
}

/* Fill a store and leave it closed, or as a killed process leaves it, with all in its log. */
static void make_store(const char *directory, int killed, uint64_t batches)
{
    struct dr_store *store;
    struct dr_error error;
    pid_t child;
    int ended;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        if (dr_store_open(&store, directory, DR_STORE_CREATE, &error) != DR_OK ||
            fill_append(store, FILLING, 0, batches) != DR_OK)
            _exit(1);
        if (!killed)
            dr_store_close(store);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &ended, 0), child);
    CHECK(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
}

static void check_same(const struct copy *copy, const char *directory, const char *what)
{
    for (int i = 0; i < FILES; i += 1) {
        if (!copy_same(copy, directory, i))
            fail_msg("%s: was refused, but %s was changed", what, names[i]);
    }
}

/* Open what was damaged as a writer would. 1: refused, now or on reading; 0: all is as it was
 * written. Anything else fails the test, with `what` and the seed to repeat it. */
static int judge(const char *directory, const struct copy *damaged, const char *what)
{
    struct dr_store *store = NULL;
    struct dr_error error = {.line = 0};
    char line[1400];
    char why[256];
    int lie;
    enum dr_status status = dr_store_open(&store, directory, DR_STORE_WRITE, &error);

    if (status != DR_OK) {
        dr_error_line(&error, line, sizeof line);
        if (status != DR_E_CORRUPT && status != DR_E_UNSUPPORTED)
            fail_msg("%s: %s: %s", what, dr_status_text(status), line);
        if (strstr(line, directory) == NULL || error.found[0] == '\0' || error.expected[0] == '\0')
            fail_msg("%s: the message does not say what was found where: %s", what, line);
        check_same(damaged, directory, what);
        return 1;
    }
    status = fill_compare(store, FILLING, BATCHES, &lie, why);
    if (status != DR_OK)
        dr_store_leave_as_is(store);
    dr_store_close(store);
    if (status != DR_OK)
        check_same(damaged, directory, what);
    if (lie)
        fail_msg("%s: not noticed: %s", what, why);
    return status != DR_OK;
}

/* Flip one bit at many places of a file. Returns how often it was noticed. */
static uint64_t flip_many(int killed, int file, uint64_t count, uint64_t *tried)
{
    const char *directory = test_directory();
    uint64_t seed = number_from("SEED", 1);
    struct copy copy;
    uint64_t noticed = 0;

    *tried = count * number_from("SOAK", 1);
    make_store(directory, killed, BATCHES);
    copy_take(&copy, directory);
    CHECK(copy.files[file].length > 0);
    for (uint64_t i = 0; i < *tried; i += 1) {
        uint64_t chance = dr_hash_fold(dr_hash_fold(seed, (uint64_t)file + 10), i);
        /* every byte of the first header, then anywhere */
        size_t place = i < 100 && file == MAIN ? (size_t)i : chance % copy.files[file].length;
        uint8_t bit = (uint8_t)(1u << (chance >> 40) % 8);
        char what[128];

        snprintf(what, sizeof what, "%s, byte %zu ^ 0x%02x", names[file], place, bit);
        copy.files[file].data[place] ^= bit;
        copy_put(&copy, directory);
        noticed += (uint64_t)judge(directory, &copy, what);
        copy.files[file].data[place] ^= bit;
    }
    copy_put(&copy, directory);
    CHECK_EQ(judge(directory, &copy, "whole"), 0);
    copy_free(&copy);
    return noticed;
}

TEST(a_flipped_bit_in_the_file_is_noticed_or_harmless)
{
    uint64_t tried;
    uint64_t noticed = flip_many(0, MAIN, 250, &tried);

    /* Most of the file is payloads, texts and rows with hashes; the rest are the free ends of
     * pages. */
    print_message("# %llu of %llu noticed\n", (unsigned long long)noticed,
                  (unsigned long long)tried);
    CHECK(noticed > tried / 2);
}

TEST(a_flipped_bit_in_the_log_is_noticed_or_harmless)
{
    uint64_t tried;
    uint64_t noticed = flip_many(1, LOG, 80, &tried);

    /* Every byte of a log is under its checksums. */
    CHECK_EQ(noticed, tried);
}

TEST(a_flipped_bit_in_the_mark_is_noticed)
{
    uint64_t tried;
    uint64_t noticed = flip_many(0, MARK, 56, &tried);

    CHECK_EQ(noticed, tried);
}

TEST(a_file_that_was_cut_short_is_refused)
{
    const char *directory = test_directory();
    uint64_t seed = number_from("SEED", 1);
    uint64_t count = 40 * number_from("SOAK", 1);
    struct copy copy;
    size_t whole;

    make_store(directory, 0, BATCHES);
    copy_take(&copy, directory);
    whole = copy.files[MAIN].length;
    for (uint64_t i = 0; i < count; i += 1) {
        char what[64];

        copy.files[MAIN].length = i < 3 ? i * 99 : dr_hash_fold(seed, i) % whole;
        snprintf(what, sizeof what, "cut to %zu of %zu bytes", copy.files[MAIN].length, whole);
        copy_put(&copy, directory);
        if (!judge(directory, &copy, what))
            fail_msg("%s: not noticed", what);
    }
    copy.files[MAIN].length = whole;
    copy_free(&copy);
}

/* SQLite by itself takes a cut log for one that ended there. */
TEST(a_log_that_was_cut_or_removed_is_refused)
{
    const char *directory = test_directory();
    uint64_t seed = number_from("SEED", 1);
    uint64_t count = 40 * number_from("SOAK", 1);
    struct copy copy;
    size_t whole;

    make_store(directory, 1, BATCHES);
    copy_take(&copy, directory);
    whole = copy.files[LOG].length;
    for (uint64_t i = 0; i < count; i += 1) {
        char what[64];

        copy.files[LOG].length = i == 0 ? 0 : dr_hash_fold(seed, i) % whole;
        snprintf(what, sizeof what, "log cut to %zu of %zu bytes", copy.files[LOG].length, whole);
        copy_put(&copy, directory);
        if (!judge(directory, &copy, what))
            fail_msg("%s: not noticed", what);
    }
    copy.there[LOG] = 0;
    copy.files[LOG].length = 0;
    copy_put(&copy, directory);
    CHECK_EQ(judge(directory, &copy, "log removed"), 1);
    copy.there[LOG] = 1;
    copy.files[LOG].length = whole;
    copy_put(&copy, directory);
    CHECK_EQ(judge(directory, &copy, "whole"), 0);
    copy_free(&copy);
}

/* Without its mark, damage in the middle of a log is still told from a torn last transaction. */
TEST(damage_within_the_log_is_noticed_without_the_mark)
{
    const char *directory = test_directory();
    struct copy copy;

    make_store(directory, 1, BATCHES);
    copy_take(&copy, directory);
    copy.there[MARK] = 0;
    for (size_t place = 4000; place < copy.files[LOG].length / 2; place += 20011) {
        char what[64];

        snprintf(what, sizeof what, "log, byte %zu, no mark", place);
        copy.files[LOG].data[place] ^= 1;
        copy_put(&copy, directory);
        CHECK_EQ(judge(directory, &copy, what), 1);
        copy.files[LOG].data[place] ^= 1;
    }
    copy_put(&copy, directory);
    CHECK_EQ(judge(directory, &copy, "no mark"), 0);
    copy_free(&copy);
}

/* What a power cut leaves: a last transaction that was never acknowledged, in part. */
TEST(a_torn_last_transaction_is_taken_back)
{
    const char *directory = test_directory();
    char other[300];
    struct copy before;
    struct copy after;
    struct dr_store *store;
    struct dr_error error;
    char why[256];
    int lie;

    snprintf(other, sizeof other, "%s", test_directory());
    make_store(directory, 1, BATCHES);
    copy_take(&before, directory);
    /* The same store with one batch more in the same log, in a child that does not close it. */
    copy_put(&before, other);
    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_WRITE, &error), DR_OK);
    CHECK_EQ(fill_append(store, FILLING, BATCHES, 1), DR_OK);
    copy_take(&after,
              directory); /* the log was begun anew on opening, and holds this batch alone */
    dr_store_close(store);
    /* The mark is that of before; of the log any part may have reached the disk. */
    for (size_t length = 0; length < after.files[LOG].length; length += 1000) {
        struct copy torn = after;

        torn.files[MARK] = before.files[MARK];
        torn.files[LOG].length = length;
        copy_put(&torn, other);
        CHECK_EQ(dr_store_open(&store, other, DR_STORE_WRITE, &error), DR_OK);
        CHECK_EQ(fill_compare(store, FILLING, BATCHES, &lie, why), DR_OK);
        CHECK_EQ(lie, 0);
        CHECK_EQ(fill_append(store, FILLING, BATCHES, 2), DR_OK);
        CHECK_EQ(fill_compare(store, FILLING, BATCHES + 2, &lie, why), DR_OK);
        CHECK_EQ(lie, 0);
        dr_store_close(store);
    }
    copy_free(&before);
    copy_free(&after);
}

TEST(an_older_copy_is_refused_until_the_mark_is_removed)
{
    const char *directory = test_directory();
    struct copy copy;
    struct dr_store *store;
    struct dr_error error = {.line = 0};
    char line[1400];

    make_store(directory, 0, 40);
    copy_take(&copy, directory);
    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_WRITE, &error), DR_OK);
    CHECK_EQ(fill_append(store, FILLING, 40, 5), DR_OK);
    dr_store_close(store);
    dr_buffer_deinit(&copy.files[MARK]);
    dr_buffer_init(&copy.files[MARK], 1000);
    CHECK_EQ(dr_buffer_read_file(&copy.files[MARK], path_of(directory, MARK)), DR_OK);
    copy_put(&copy, directory);
    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_WRITE, &error), DR_E_CORRUPT);
    CHECK_HAS(dr_error_line(&error, line, sizeof line), "remove " DR_STORE_MARK);
    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_READ, &error), DR_E_CORRUPT);
    CHECK_EQ(unlink(path_of(directory, MARK)), 0);
    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_WRITE, &error), DR_OK);
    CHECK_EQ(dr_store_seq(store), fill_seq(FILLING, 40));
    dr_store_close(store);
    copy_free(&copy);
}

TEST(a_newer_version_and_other_files_are_told_apart)
{
    const char *directory = test_directory();
    struct copy copy;
    struct dr_store *store;
    struct dr_error error = {.line = 0};

    make_store(directory, 0, 3);
    copy_take(&copy, directory);
    copy.files[MAIN].data[63] = DR_STORE_VERSION + 1;
    copy_put(&copy, directory);
    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_WRITE, &error), DR_E_UNSUPPORTED);
    CHECK_HAS(error.expected, "newer version");
    memset(copy.files[MAIN].data, 'x', 200);
    copy_put(&copy, directory);
    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_READ, &error), DR_E_CORRUPT);
    CHECK_HAS(error.expected, "not a store");
    copy_free(&copy);
}
