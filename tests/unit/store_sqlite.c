/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite store as its callers meet it. Would catch: rows lost or changed on the way, a second
 * writer let in, readers that disturb or are disturbed, an erased text that is still in the files.
 */
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "store/store.h"
#include "store_fill.h"

static struct dr_store *open_as(const char *directory, enum dr_store_mode mode)
{
    struct dr_store *store = NULL;
    struct dr_error error = {.line = 0};
    char line[1400];
    enum dr_status status = dr_store_open(&store, directory, mode, &error);

    if (status != DR_OK)
        fail_msg("open: %s: %s", dr_status_text(status), dr_error_line(&error, line, sizeof line));
    return store;
}

static void check_filled(struct dr_store *store, uint32_t seed, uint64_t batches)
{
    char why[256];
    int lie;
    enum dr_status status = fill_compare(store, seed, batches, &lie, why);

    if (status != DR_OK || lie)
        fail_msg("%s; %s; %s", dr_status_text(status), why, dr_store_failure(store));
    CHECK_EQ(dr_store_seq(store), fill_seq(seed, batches));
}

TEST(what_was_appended_is_read_back_now_and_after_reopening)
{
    const char *directory = test_directory();
    uint8_t federation[16];
    uint8_t again[16];
    uint8_t head[DR_HASH_BYTES];
    uint8_t head_again[DR_HASH_BYTES];
    struct dr_store *store = open_as(directory, DR_STORE_CREATE);

    CHECK_EQ(dr_store_seq(store), 0);
    check_filled(store, 1, 0);
    CHECK_EQ(fill_append(store, 1, 0, 60), DR_OK);
    check_filled(store, 1, 60);
    dr_store_federation(store, federation);
    dr_store_head(store, head);
    dr_store_close(store);

    store = open_as(directory, DR_STORE_WRITE);
    dr_store_federation(store, again);
    dr_store_head(store, head_again);
    CHECK_BYTES(federation, again, 16);
    CHECK_BYTES(head, head_again, DR_HASH_BYTES);
    check_filled(store, 1, 60);
    CHECK_EQ(fill_append(store, 1, 60, 40), DR_OK);
    dr_store_idle(store, 1700000000000000);
    check_filled(store, 1, 100);
    dr_store_close(store);

    store = open_as(directory, DR_STORE_READ);
    check_filled(store, 1, 100);
    dr_store_close(store);
}

TEST(the_largest_batch_fits)
{
    const char *directory = test_directory();
    struct dr_store *store = open_as(directory, DR_STORE_CREATE);
    struct dr_store_reader *reader;
    struct dr_store_read read;
    struct dr_error error;
    uint8_t *payload = malloc(DR_BATCH_BYTES);
    struct dr_store_batch batch = {.seq_first = 1,
                                   .facts_count = DR_BATCH_FACTS,
                                   .payload = payload,
                                   .payload_bytes = DR_BATCH_BYTES};

    memset(payload, 0x5a, DR_BATCH_BYTES);
    CHECK_EQ(dr_store_append(store, &batch), DR_OK);
    dr_store_close(store);
    store = open_as(directory, DR_STORE_WRITE);
    CHECK_EQ(dr_store_seq(store), DR_BATCH_FACTS);
    CHECK_EQ(dr_store_reader_open(&reader, store, 77), DR_OK);
    CHECK_EQ(dr_store_reader_next(reader, &read, &error), DR_OK);
    CHECK_EQ(read.seq_first, 1);
    CHECK_BYTES(read.payload, payload, DR_BATCH_BYTES);
    CHECK_EQ(dr_store_reader_next(reader, &read, &error), DR_E_END);
    dr_store_reader_close(reader);
    dr_store_close(store);
    free(payload);
}

TEST(reading_begins_anywhere_and_goes_on_with_what_comes)
{
    const char *directory = test_directory();
    struct dr_store *store = open_as(directory, DR_STORE_CREATE);
    struct dr_store_reader *reader;
    struct dr_store_read read;
    struct dr_error error;
    uint64_t last;

    CHECK_EQ(fill_append(store, 2, 0, 30), DR_OK);
    last = fill_seq(2, 30);
    for (uint64_t seq = 0; seq <= last; seq += 1) {
        CHECK_EQ(dr_store_reader_open(&reader, store, seq), DR_OK);
        CHECK_EQ(dr_store_reader_next(reader, &read, &error), DR_OK);
        CHECK(read.seq_first <= (seq == 0 ? 1 : seq));
        CHECK(read.seq_first + read.facts_count > seq);
        dr_store_reader_close(reader);
    }
    /* behind the end: nothing yet, then exactly what holds it */
    CHECK_EQ(dr_store_reader_open(&reader, store, fill_seq(2, 31) + 1), DR_OK);
    CHECK_EQ(dr_store_reader_next(reader, &read, &error), DR_E_END);
    CHECK_EQ(fill_append(store, 2, 30, 1), DR_OK);
    CHECK_EQ(dr_store_reader_next(reader, &read, &error), DR_E_END);
    CHECK_EQ(fill_append(store, 2, 31, 1), DR_OK);
    CHECK_EQ(dr_store_reader_next(reader, &read, &error), DR_OK);
    CHECK_EQ(read.seq_first, fill_seq(2, 31) + 1);
    CHECK_EQ(dr_store_reader_next(reader, &read, &error), DR_E_END);
    dr_store_reader_close(reader);
    dr_store_close(store);
}

TEST(a_reader_beside_the_writer_sees_and_disturbs_nothing)
{
    const char *directory = test_directory();
    struct dr_store *writer = open_as(directory, DR_STORE_CREATE);
    struct dr_store *reader;

    CHECK_EQ(fill_append(writer, 3, 0, 20), DR_OK);
    reader = open_as(directory, DR_STORE_READ);
    check_filled(reader, 3, 20);
    CHECK_EQ(fill_append(writer, 3, 20, 20), DR_OK);
    dr_store_idle(writer, 1700000000000000);
    dr_store_close(reader);
    reader = open_as(directory, DR_STORE_READ);
    check_filled(reader, 3, 40);
    dr_store_close(reader);
    check_filled(writer, 3, 40);
    dr_store_close(writer);
}

/* Opening and reading while another process appends, writes its log back and cuts it. */
TEST(readers_are_never_misled_by_a_busy_writer)
{
    char directory[300];
    uint64_t last_seq = 0;
    uint64_t opened = 0;
    int go_on[2];
    int ready[2];
    char byte;
    pid_t child;
    int ended;

    snprintf(directory, sizeof directory, "%s", test_directory());
    CHECK_EQ(pipe(go_on), 0);
    CHECK_EQ(pipe(ready), 0);
    fflush(NULL);
    child = fork();
    if (child == 0) {
        struct dr_store *store;
        struct dr_error error;

        close(go_on[1]);
        fcntl(go_on[0], F_SETFL, O_NONBLOCK);
        if (dr_store_open(&store, directory, DR_STORE_CREATE, &error) != DR_OK ||
            fill_append(store, 9, 0, 1) != DR_OK || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (uint64_t i = 1; read(go_on[0], &byte, 1) < 0; i += 1) {
            if (fill_append(store, 9, i, 1) != DR_OK)
                _exit(2);
            if (i % 5 == 0) { /* cuts the log */
                (void)!dr_store_text_erase(store, fill_seq(9, i) + 1);
                dr_store_idle(store, 1700000000000000);
            }
        }
        dr_store_close(store);
        _exit(0);
    }
    close(go_on[0]);
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    for (; opened < 60; opened += 1) {
        struct dr_store *store = open_as(directory, DR_STORE_READ);
        struct dr_store_reader *reader;
        struct dr_store_read read_batch;
        struct dr_error error = {.line = 0};
        char line[1400];
        enum dr_status status = dr_store_reader_open(&reader, store, 0);

        CHECK(dr_store_seq(store) >= last_seq);
        last_seq = dr_store_seq(store);
        for (int i = 0; i < 50 && status == DR_OK; i += 1)
            status = dr_store_reader_next(reader, &read_batch, &error);
        if (status != DR_OK && status != DR_E_END)
            fail_msg("%s", dr_error_line(&error, line, sizeof line));
        dr_store_reader_close(reader);
        dr_store_close(store);
    }
    close(go_on[1]);
    CHECK_EQ(waitpid(child, &ended, 0), child);
    CHECK(WIFEXITED(ended));
    CHECK_EQ(WEXITSTATUS(ended), 0);
    close(ready[0]);
    close(ready[1]);
    CHECK(last_seq > 1);
}

TEST(heads_are_found_where_batches_end)
{
    const char *directory = test_directory();
    struct dr_store *store = open_as(directory, DR_STORE_CREATE);
    uint8_t federation[16];
    uint8_t head[DR_HASH_BYTES];
    uint8_t expected[DR_HASH_BYTES];

    dr_store_federation(store, federation);
    dr_store_genesis(federation, expected);
    CHECK_EQ(dr_store_head_at(store, 0, head), DR_OK);
    CHECK_BYTES(head, expected, DR_HASH_BYTES);
    for (uint64_t i = 0; i < 20; i += 1) {
        uint64_t end = fill_seq(4, i + 1);

        CHECK_EQ(fill_append(store, 4, i, 1), DR_OK);
        dr_store_head(store, expected);
        CHECK_EQ(dr_store_head_at(store, end, head), DR_OK);
        CHECK_BYTES(head, expected, DR_HASH_BYTES);
        if (end > fill_seq(4, i) + 1)
            CHECK_EQ(dr_store_head_at(store, end - 1, head), DR_E_MISSING);
        CHECK_EQ(dr_store_head_at(store, end + 1, head), DR_E_MISSING);
    }
    dr_store_close(store);
}

TEST(files_are_the_owners_alone)
{
    char directory[300];
    char path[400];
    struct stat status;
    struct dr_store *store;
    mode_t mask = umask(0);

    snprintf(directory, sizeof directory, "%s/data", test_directory());
    store = open_as(directory, DR_STORE_CREATE);
    CHECK_EQ(fill_append(store, 5, 0, 3), DR_OK);
    umask(mask);
    CHECK_EQ(stat(directory, &status), 0);
    CHECK_EQ(status.st_mode & 0777, 0700);
    for (const char *const *name =
             (const char *const[]){DR_STORE_FILE, DR_STORE_FILE "-wal", DR_STORE_FILE "-shm",
                                   DR_STORE_MARK, DR_STORE_LOCK, NULL};
         *name != NULL; name += 1) {
        snprintf(path, sizeof path, "%s/%s", directory, *name);
        CHECK_EQ(stat(path, &status), 0);
        CHECK_EQ(status.st_mode & 0777, 0600);
    }
    dr_store_close(store);
}

TEST(modes_say_what_is_missing_or_there)
{
    const char *directory = test_directory();
    char path[300];
    char line[1400];
    struct dr_store *store = NULL;
    struct dr_error error = {.line = 0};

    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_WRITE, &error), DR_E_MISSING);
    CHECK_HAS(dr_error_line(&error, line, sizeof line), DR_STORE_FILE);
    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_READ, &error), DR_E_MISSING);
    snprintf(path, sizeof path, "%s/no/where", directory);
    CHECK_EQ(dr_store_open(&store, path, DR_STORE_CREATE, &error), DR_E_MISSING);
    snprintf(path, sizeof path, "%s/" DR_STORE_LOCK, directory);
    CHECK(access(path, F_OK) != 0); /* asking for a store leaves nothing behind */

    store = open_as(directory, DR_STORE_CREATE);
    dr_store_close(store);
    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_CREATE, &error), DR_E_EXISTS);
}

/* A store that was removed by hand must not be begun again under its old log or mark. */
TEST(a_new_store_is_not_made_beside_the_remains_of_one)
{
    const char *directory = test_directory();
    char path[300];
    struct dr_store *store = open_as(directory, DR_STORE_CREATE);
    struct dr_error error = {.line = 0};

    CHECK_EQ(fill_append(store, 1, 0, 2), DR_OK);
    dr_store_close(store);
    snprintf(path, sizeof path, "%s/" DR_STORE_FILE, directory);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_CREATE, &error), DR_E_EXISTS);
    CHECK_HAS(error.file, DR_STORE_MARK);
}

TEST(a_second_writer_is_refused_by_name)
{
    const char *directory = test_directory();
    struct dr_store *store = open_as(directory, DR_STORE_CREATE);
    struct dr_store *second = NULL;
    struct dr_error error = {.line = 0};
    char expected[64];
    pid_t child;
    int ended;

    snprintf(expected, sizeof expected, "process %d", (int)getpid());
    CHECK_EQ(dr_store_open(&second, directory, DR_STORE_WRITE, &error), DR_E_LEASE);
    CHECK_TEXT(error.found, expected);
    fflush(NULL);
    child = fork();
    if (child == 0) { /* another process; what it inherits of ours does not count as its own */
        int status = (int)dr_store_open(&second, directory, DR_STORE_WRITE, &error);

        _exit(status == DR_E_LEASE ? strcmp(error.found, expected) != 0 : 2);
    }
    CHECK_EQ(waitpid(child, &ended, 0), child);
    CHECK(WIFEXITED(ended));
    CHECK_EQ(WEXITSTATUS(ended), 0);
    /* The refusals took nothing from the holder. */
    child = fork();
    if (child == 0)
        _exit((int)dr_store_open(&second, directory, DR_STORE_WRITE, &error) != DR_E_LEASE);
    CHECK_EQ(waitpid(child, &ended, 0), child);
    CHECK_EQ(WEXITSTATUS(ended), 0);
    CHECK_EQ(fill_append(store, 1, 0, 1), DR_OK);
    dr_store_close(store);
    store = open_as(directory, DR_STORE_WRITE);
    dr_store_close(store);
}

/* A child that the controller forked (a forecast) may outlive it, and must not keep the next one
 * out. */
TEST(a_forked_child_does_not_hold_the_lock)
{
    const char *directory = test_directory();
    int ready[2];
    int hold[2];
    char byte;
    pid_t parent;
    pid_t orphan;
    struct dr_store *store;

    CHECK_EQ(pipe(ready), 0);
    CHECK_EQ(pipe(hold), 0);
    fflush(NULL);
    parent = fork();
    if (parent == 0) {
        struct dr_error error;

        close(hold[1]);
        if (dr_store_open(&store, directory, DR_STORE_CREATE, &error) != DR_OK)
            _exit(1);
        orphan = fork();
        if (orphan == 0) {
            close(ready[0]);
            close(ready[1]);
            _exit(read(hold[0], &byte, 1) != 0); /* until the test lets go */
        }
        if (write(ready[1], &orphan, sizeof orphan) != sizeof orphan)
            _exit(1);
        pause();
    }
    close(hold[0]);
    close(ready[1]);
    CHECK_EQ(read(ready[0], &orphan, sizeof orphan), sizeof orphan);
    CHECK_EQ(kill(parent, SIGKILL), 0);
    CHECK_EQ(waitpid(parent, NULL, 0), parent);
    CHECK_EQ(kill(orphan, 0), 0);
    store = open_as(directory, DR_STORE_WRITE);
    dr_store_close(store);
    close(hold[1]);
    close(ready[0]);
}

TEST(retry_keys_are_found_by_user_and_key)
{
    const char *directory = test_directory();
    struct dr_store *store = open_as(directory, DR_STORE_CREATE);
    struct dr_store_retry retries[2] = {
        {.user = 4, .key = "alpha", .time_us = 10, .job_first = 7, .jobs = 3},
        {.user = 5, .key = "alpha", .time_us = 10, .job_first = 10, .jobs = 1},
    };
    struct dr_store_batch batch = {.seq_first = 1,
                                   .facts_count = 1,
                                   .payload = (const uint8_t *)"\001x",
                                   .payload_bytes = 2,
                                   .retries = retries,
                                   .retries_count = 2};
    struct dr_store_retry found;

    CHECK_EQ(dr_store_retry_find(store, 4, "alpha", &found), DR_E_MISSING);
    CHECK_EQ(dr_store_append(store, &batch), DR_OK);
    CHECK_EQ(dr_store_retry_find(store, 4, "alpha", &found), DR_OK);
    CHECK_EQ(found.job_first, 7);
    CHECK_EQ(found.jobs, 3);
    CHECK_EQ(dr_store_retry_find(store, 5, "alpha", &found), DR_OK);
    CHECK_EQ(found.job_first, 10);
    CHECK_EQ(dr_store_retry_find(store, 6, "alpha", &found), DR_E_MISSING);
    CHECK_EQ(dr_store_retry_find(store, 4, "alpha2", &found), DR_E_MISSING);
    dr_store_close(store);
    store = open_as(directory, DR_STORE_READ);
    CHECK_EQ(dr_store_retry_find(store, 4, "alpha", &found), DR_OK);
    CHECK_EQ(found.job_first, 7);
    dr_store_close(store);
}

TEST(retry_keys_live_a_day_and_no_longer)
{
    const char *directory = test_directory();
    const int64_t hour = INT64_C(3600) * 1000000;
    const int64_t start = INT64_C(1700000000) * 1000000;
    struct dr_store *store = open_as(directory, DR_STORE_CREATE);
    struct dr_store_retry found;
    char key[64];

    for (uint64_t i = 0; i < 60; i += 1) {
        struct dr_store_retry retry = {
            .user = 1, .time_us = start + (int64_t)i * hour, .job_first = i + 1, .jobs = 1};
        struct dr_store_batch batch = {.seq_first = i + 1,
                                       .facts_count = 1,
                                       .payload = (const uint8_t *)"\001x",
                                       .payload_bytes = 2,
                                       .retries = &retry,
                                       .retries_count = 1};

        snprintf(retry.key, sizeof retry.key, "k%llu", (unsigned long long)i);
        CHECK_EQ(dr_store_append(store, &batch), DR_OK);
        dr_store_idle(store, retry.time_us);
        if (i == 10) /* the map is built here and has to follow what is dropped later */
            CHECK_EQ(dr_store_retry_find(store, 1, "k0", &found), DR_OK);
        if (i % 7 == 0) {
            dr_store_close(store);
            store = open_as(directory, DR_STORE_WRITE);
        }
    }
    for (int i = 0; i < 60; i += 1) {
        snprintf(key, sizeof key, "k%d", i);
        CHECK_EQ(dr_store_retry_find(store, 1, key, &found), i < 35 ? DR_E_MISSING : DR_OK);
        if (i >= 35)
            CHECK_EQ(found.job_first, i + 1);
    }
    dr_store_close(store);
}

TEST(history_is_listed_by_filter_and_page)
{
    const char *directory = test_directory();
    struct dr_store *store = open_as(directory, DR_STORE_CREATE);
    struct dr_store_history rows[600];
    struct dr_store_history page[7];
    struct dr_store_batch batch = {.seq_first = 1,
                                   .facts_count = 1,
                                   .payload = (const uint8_t *)"\001x",
                                   .payload_bytes = 2,
                                   .history = rows,
                                   .history_count = 600};
    uint32_t count;

    for (uint32_t i = 0; i < 600; i += 1)
        rows[i] = (struct dr_store_history){.job = (i * 7) % 600 + 1, /* ends in another order */
                                            .user = 1 + i % 3,
                                            .account = 1 + i % 5,
                                            .state = (uint8_t)(5 + i % 4)};
    CHECK_EQ(dr_store_append(store, &batch), DR_OK);
    for (uint32_t user = 0; user <= 4; user += 1) {
        for (uint32_t account = 0; account <= 6; account += 1) {
            for (int ended = -1; ended <= 9; ended += 1) {
                uint64_t before = UINT64_MAX;
                uint32_t expected = 0;
                uint32_t listed = 0;

                for (uint32_t i = 0; i < 600; i += 1)
                    expected += (user == 0 || rows[i].user == user) &&
                                (account == 0 || rows[i].account == account) &&
                                (ended < 0 || rows[i].state == ended);
                if (ended == 0)
                    continue; /* no ended state; would list nothing */
                do {
                    CHECK_EQ(
                        dr_store_history_list(store, before, user, account, ended, page, 7, &count),
                        DR_OK);
                    for (uint32_t i = 0; i < count; i += 1) {
                        CHECK(page[i].job < before);
                        CHECK(user == 0 || page[i].user == user);
                        CHECK(account == 0 || page[i].account == account);
                        CHECK(ended < 0 || page[i].state == ended);
                        before = page[i].job;
                    }
                    listed += count;
                } while (count == 7);
                CHECK_EQ(listed, expected);
            }
        }
    }
    CHECK_EQ(dr_store_history_find(store, 600, &page[0]), DR_OK);
    CHECK_EQ(page[0].job, 600);
    CHECK_EQ(dr_store_history_find(store, 601, &page[0]), DR_E_MISSING);
    dr_store_close(store);
}

/* An auditor reads a copy that nobody can write to. */
TEST(a_copy_on_read_only_media_is_read)
{
    char directory[400];
    char path[500];
    struct dr_store *store;
    pid_t child;
    int ended;

    snprintf(directory, sizeof directory, "%s/a copy?%%41",
             test_directory()); /* not a plain name */
    store = open_as(directory, DR_STORE_CREATE);
    CHECK_EQ(fill_append(store, 8, 0, 20), DR_OK);
    dr_store_close(store);
    for (const char *const *name = (const char *const[]){DR_STORE_FILE, DR_STORE_MARK, NULL};
         *name != NULL; name += 1) {
        snprintf(path, sizeof path, "%s/%s", directory, *name);
        CHECK_EQ(chmod(path, 0444), 0);
    }
    CHECK_EQ(chmod(directory, 0555), 0);
    fflush(NULL);
    child = fork();
    if (child == 0) {
        struct dr_error error;
        char why[256];
        int lie;

        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) /* root may write */
            _exit(3);
        if (dr_store_open(&store, directory, DR_STORE_READ, &error) != DR_OK)
            _exit(1);
        _exit(fill_compare(store, 8, 20, &lie, why) != DR_OK || lie ? 2 : 0);
    }
    CHECK_EQ(waitpid(child, &ended, 0), child);
    CHECK_EQ(chmod(directory, 0755), 0);
    CHECK(WIFEXITED(ended));
    CHECK_EQ(WEXITSTATUS(ended), 0);
}

/* How many files under `directory` hold `part`. */
static int files_with(const char *directory, const char *part)
{
    DIR *folder = opendir(directory);
    struct dirent *entry;
    int count = 0;

    while ((entry = readdir(folder)) != NULL) {
        struct dr_buffer content;
        char path[600];

        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        dr_buffer_init(&content, 64u << 20);
        if (dr_buffer_read_file(&content, path) == DR_OK && content.length > 0)
            count += memmem(content.data, content.length, part, strlen(part)) != NULL;
        dr_buffer_deinit(&content);
    }
    closedir(folder);
    return count;
}

TEST(an_erased_text_is_gone_from_every_file)
{
    const char *directory = test_directory();
    struct dr_store *store = open_as(directory, DR_STORE_CREATE);
    struct fill fill;
    struct dr_store_text text;
    uint64_t texts;
    uint64_t gone;
    uint64_t bad;
    uint64_t victim = 0;
    uint8_t head[DR_HASH_BYTES];
    uint8_t head_after[DR_HASH_BYTES];
    char part[41];
    int erased;

    CHECK_EQ(fill_append(store, 6, 0, 80), DR_OK);
    dr_store_head(store, head);
    for (uint64_t i = 0; i < 80; i += 1) { /* a long one, so that it spreads over pages */
        fill_make(&fill, 6, i);
        if (fill.batch.texts_count > 0 && fill.texts[0].bytes > 1500) {
            victim = fill.texts[0].id;
            memcpy(part, fill.text[0] + 1000, 40);
            part[40] = '\0';
            break;
        }
    }
    CHECK(victim != 0);
    CHECK(files_with(directory, part) > 0);
    CHECK_EQ(dr_store_text_erase(store, victim), DR_OK);
    dr_store_idle(store, 1700000000000000);
    CHECK_EQ(files_with(directory, part), 0);
    CHECK_EQ(dr_store_text_read(store, victim, &text, &erased), DR_OK);
    CHECK_EQ(erased, 1);
    CHECK_EQ(text.bytes, 0);
    CHECK_EQ(dr_store_text_erase(store, victim), DR_OK);
    CHECK_EQ(dr_store_text_erase(store, fill_seq(6, 80) + 9), DR_E_MISSING);
    CHECK_EQ(dr_store_text_check(store, &texts, &gone, &bad), DR_OK);
    CHECK_EQ(gone, 1);
    CHECK(texts > 80);
    dr_store_head(store, head_after);
    CHECK_BYTES(head, head_after, DR_HASH_BYTES);
    check_filled(store, 6, 80); /* the chain and all other rows */
    dr_store_close(store);
    CHECK_EQ(files_with(directory, part), 0);
}

/* The log with an erased text is cut by the next start too, when the process died before it could.
 */
TEST(an_erased_text_does_not_come_back_with_a_restart)
{
    const char *directory = test_directory();
    struct fill fill;
    struct dr_store *store;
    char part[21];
    pid_t child;
    int ended;

    fill_make(&fill, 7, 0);
    for (uint64_t i = 1; fill.batch.texts_count == 0; i += 1)
        fill_make(&fill, 7, i);
    memcpy(part, fill.text[0], 20);
    part[20] = '\0';
    fflush(NULL);
    child = fork();
    if (child == 0) {
        struct dr_error error;

        _exit(dr_store_open(&store, directory, DR_STORE_CREATE, &error) != DR_OK ||
              fill_append(store, 7, 0, 20) != DR_OK ||
              dr_store_text_erase(store, fill.texts[0].id) != DR_OK);
    }
    CHECK_EQ(waitpid(child, &ended, 0), child);
    CHECK(WIFEXITED(ended));
    CHECK_EQ(WEXITSTATUS(ended), 0);
    CHECK(files_with(directory, part) > 0);
    store = open_as(directory, DR_STORE_WRITE);
    CHECK_EQ(files_with(directory, part), 0);
    check_filled(store, 7, 20);
    dr_store_close(store);
}
