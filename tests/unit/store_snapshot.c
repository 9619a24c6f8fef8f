/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots beside a store. Would catch: a damaged or foreign one that is used, an unfinished one
 * that is seen, the good ones removed in favour of one that is not. */
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "store/snapshot.h"
#include "store_fill.h"

#define FILLING 41
#define CONTENT 700001

static uint8_t content_byte(uint64_t seq, uint64_t i)
{
    return (uint8_t)dr_hash_u64(seq * 1000003 + i);
}

/* In a child, as the controller does it. `bytes` of content; killed in the middle if `unfinished`.
 */
static void take(const char *directory, const struct dr_store *store, uint64_t bytes,
                 int unfinished)
{
    struct dr_snapshot_at at;
    pid_t child;
    int ended;

    dr_snapshot_here(store, 99, &at);
    fflush(NULL);
    child = fork();
    if (child == 0) {
        struct dr_snapshot_writer *writer;
        struct dr_error error;
        uint8_t *content = malloc(bytes + 1);

        for (uint64_t i = 0; i < bytes; i += 1)
            content[i] = content_byte(at.seq, i);
        if (dr_snapshot_begin(&writer, directory, &at, &error) != DR_OK)
            _exit(1);
        for (uint64_t i = 0; i < bytes;) { /* in pieces of all sizes */
            uint64_t part = 1 + dr_hash_u64(i) % 100000;

            part = part < bytes - i ? part : bytes - i;
            dr_snapshot_write(writer, content + i, part);
            i += part;
        }
        if (unfinished)
            raise(SIGKILL);
        _exit(dr_snapshot_finish(writer, &error) != DR_OK);
    }
    CHECK_EQ(waitpid(child, &ended, 0), child);
    if (unfinished)
        CHECK(WIFSIGNALED(ended));
    else
        CHECK(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
}

static struct dr_store *make_store(const char *directory, uint64_t batches)
{
    struct dr_store *store;
    struct dr_error error;

    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_CREATE, &error), DR_OK);
    CHECK_EQ(fill_append(store, FILLING, 0, batches), DR_OK);
    return store;
}

static char skipped_text[2000];
static int skipped_count;

static void skipped(void *context, const char *text)
{
    (void)context;
    skipped_count += 1;
    snprintf(skipped_text, sizeof skipped_text, "%s", text);
}

/* The seq of the newest one, its content checked; 0: none. */
static uint64_t newest(struct dr_store *store)
{
    struct dr_snapshot snapshot;
    uint64_t seq;
    enum dr_status status;

    skipped_count = 0;
    status = dr_snapshot_newest(store, &snapshot, skipped, NULL);
    if (status == DR_E_MISSING)
        return 0;
    CHECK_EQ(status, DR_OK);
    seq = snapshot.at.seq;
    CHECK_EQ(snapshot.at.state_hash, 99);
    for (uint64_t i = 0; i < snapshot.bytes; i += 1) {
        if (snapshot.data[i] != content_byte(seq, i))
            fail_msg("byte %llu of the content differs", (unsigned long long)i);
    }
    dr_snapshot_close(&snapshot);
    return seq;
}

static const char *snapshot_path(const char *directory, uint64_t seq)
{
    static char path[400];

    snprintf(path, sizeof path, "%s/snapshot-%llu.state", directory, (unsigned long long)seq);
    return path;
}

static int snapshot_files(const char *directory)
{
    DIR *folder = opendir(directory);
    const struct dirent *entry;
    int count = 0;

    while ((entry = readdir(folder)) != NULL)
        count += strncmp(entry->d_name, "snapshot-", 9) == 0;
    closedir(folder);
    return count;
}

static void flip(const char *path, off_t place)
{
    int file = open(path, O_RDWR);
    uint8_t byte;

    CHECK(file >= 0);
    CHECK_EQ(pread(file, &byte, 1, place), 1);
    byte ^= 0x10;
    CHECK_EQ(pwrite(file, &byte, 1, place), 1);
    close(file);
}

TEST(the_newest_is_found_and_two_are_kept)
{
    const char *directory = test_directory();
    struct dr_store *store = make_store(directory, 5);

    CHECK_EQ(newest(store), 0);
    for (uint64_t i = 5; i < 10; i += 1) {
        take(directory, store, i == 6 ? 0 : CONTENT, 0);
        CHECK_EQ(newest(store), fill_seq(FILLING, i));
        CHECK_EQ(snapshot_files(directory), i == 5 ? 1 : 2);
        CHECK_EQ(fill_append(store, FILLING, i, 1), DR_OK);
    }
    dr_store_close(store);
}

TEST(an_unfinished_one_is_not_seen_and_is_cleared_away)
{
    const char *directory = test_directory();
    struct dr_store *store = make_store(directory, 5);
    uint64_t first = dr_store_seq(store);

    take(directory, store, CONTENT, 0);
    CHECK_EQ(fill_append(store, FILLING, 5, 1), DR_OK);
    take(directory, store, CONTENT, 1);
    CHECK_EQ(newest(store), first);
    CHECK_EQ(skipped_count, 0);
    CHECK_EQ(snapshot_files(directory), 2);
    CHECK_EQ(fill_append(store, FILLING, 6, 1), DR_OK);
    take(directory, store, CONTENT, 0);
    CHECK_EQ(newest(store), dr_store_seq(store));
    CHECK_EQ(snapshot_files(directory), 2);
    dr_store_close(store);
}

TEST(a_damaged_one_is_passed_over_for_the_older)
{
    const char *directory = test_directory();
    struct dr_store *store = make_store(directory, 5);
    uint64_t older = dr_store_seq(store);
    uint64_t newer;
    char path[400];
    struct stat status;

    take(directory, store, 5000, 0);
    CHECK_EQ(fill_append(store, FILLING, 5, 1), DR_OK);
    take(directory, store, 5000, 0);
    newer = dr_store_seq(store);
    snprintf(path, sizeof path, "%s", snapshot_path(directory, newer));
    CHECK_EQ(stat(path, &status), 0);
    for (off_t place = 0; place < status.st_size;
         place += place < DR_SNAPSHOT_HEADER_BYTES ? 1 : 37) {
        flip(path, place);
        if (newest(store) != older)
            fail_msg("byte %lld flipped: not noticed", (long long)place);
        CHECK_EQ(skipped_count, 1);
        CHECK_HAS(skipped_text, path);
        flip(path, place);
    }
    CHECK_EQ(newest(store), newer);
    for (off_t size = 0; size < status.st_size; size += 61) {
        CHECK_EQ(truncate(path, status.st_size - 1 - size), 0);
        CHECK_EQ(newest(store), older);
    }
    flip(snapshot_path(directory, older), 300);
    CHECK_EQ(newest(store), 0);
    CHECK_EQ(skipped_count, 2);
    dr_store_close(store);
}

TEST(one_of_another_history_is_not_used)
{
    char directory[300];
    char other[300];
    char command_path[400];
    struct dr_store *store;
    struct dr_store *foreign;
    struct dr_error error;
    uint64_t seq;

    snprintf(directory, sizeof directory, "%s", test_directory());
    snprintf(other, sizeof other, "%s", test_directory());
    store = make_store(directory, 5);
    foreign = make_store(other, 5);
    seq = dr_store_seq(store);
    CHECK_EQ(dr_store_seq(foreign), seq);
    take(other, foreign, 100, 0);
    snprintf(command_path, sizeof command_path, "%s", snapshot_path(other, seq));
    CHECK_EQ(rename(command_path, snapshot_path(directory, seq)), 0);
    CHECK_EQ(newest(store), 0);
    CHECK_HAS(skipped_text, "another federation");
    take(directory, store, 100, 0);
    CHECK_EQ(newest(store), seq);

    /* The store goes back to before the snapshot: it is ahead, and stays unused. */
    CHECK_EQ(fill_append(store, FILLING, 5, 1), DR_OK);
    take(directory, store, 100, 0);
    dr_store_close(store);
    dr_store_close(foreign);
    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_WRITE, &error), DR_OK);
    CHECK_EQ(newest(store), fill_seq(FILLING, 6));
    CHECK_EQ(rename(snapshot_path(directory, fill_seq(FILLING, 6)), other), -1);
    {
        char ahead[400];

        snprintf(ahead, sizeof ahead, "%s", snapshot_path(directory, fill_seq(FILLING, 9)));
        CHECK_EQ(rename(snapshot_path(directory, fill_seq(FILLING, 6)), ahead), 0);
        CHECK_EQ(fill_append(store, FILLING, 6, 1), DR_OK);
        /* Writing the next one keeps this history's older one, and drops what is ahead of it. */
        take(directory, store, 100, 0);
        CHECK(access(ahead, F_OK) != 0);
        CHECK_EQ(access(snapshot_path(directory, seq), F_OK), 0);
        CHECK_EQ(newest(store), fill_seq(FILLING, 7));
    }
    dr_store_close(store);
}

TEST(a_full_disk_leaves_the_older_one)
{
    const char *directory = test_directory();
    struct dr_store *store = make_store(directory, 5);
    uint64_t older = dr_store_seq(store);
    struct dr_snapshot_at at;
    pid_t child;
    int ended;

    take(directory, store, 1000, 0);
    CHECK_EQ(fill_append(store, FILLING, 5, 1), DR_OK);
    dr_snapshot_here(store, 99, &at);
    fflush(NULL);
    child = fork();
    if (child == 0) {
        struct rlimit limit = {.rlim_cur = 300000, .rlim_max = 300000};
        struct dr_snapshot_writer *writer;
        struct dr_error error;
        uint8_t *content = calloc(1, CONTENT);

        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0 ||
            dr_snapshot_begin(&writer, directory, &at, &error) != DR_OK)
            _exit(1);
        dr_snapshot_write(writer, content, CONTENT);
        _exit(dr_snapshot_finish(writer, &error) == DR_E_FULL ? 0 : 2);
    }
    CHECK_EQ(waitpid(child, &ended, 0), child);
    CHECK(WIFEXITED(ended));
    CHECK_EQ(WEXITSTATUS(ended), 0);
    CHECK_EQ(newest(store), older);
    CHECK_EQ(snapshot_files(directory), 1);
    dr_store_close(store);
}
