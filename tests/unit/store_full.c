/* SPDX-License-Identifier: Apache-2.0 */
/* The store's disk is full, or refuses. Would catch: an append that says it is durable and is not,
 * a batch kept in part, a retry after a failed write, a store that does not open again once there
 * is room. */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"
#include "store_fill.h"

#define FILLING 51

/* Append until it fails; the number of batches kept. */
static uint64_t append_until_refused(struct dr_store *store, uint64_t from, enum dr_status *refusal)
{
    static struct fill fill;

    for (uint64_t i = from;; i += 1) {
        *refusal = fill_append(store, FILLING, i, 1);
        if (*refusal != DR_OK) {
            CHECK(dr_store_failure(store)[0] != '\0');
            /* It stays refused, with the same answer, whatever happens to the disk. */
            fill_make(&fill, FILLING, i);
            CHECK_EQ(dr_store_append(store, &fill.batch), *refusal);
            return i;
        }
        if (i % 16 == 0)
            dr_store_idle(store, 1700000000000000);
    }
}

static void check_whole(const char *directory, uint64_t batches)
{
    struct dr_store *store;
    struct dr_error error = {.line = 0};
    char line[1400];
    char why[256];
    int lie;
    enum dr_status status = dr_store_open(&store, directory, DR_STORE_WRITE, &error);

    if (status != DR_OK)
        fail_msg("%s", dr_error_line(&error, line, sizeof line));
    CHECK_EQ(dr_store_seq(store), fill_seq(FILLING, batches));
    CHECK_EQ(fill_compare(store, FILLING, batches, &lie, why), DR_OK);
    CHECK_EQ(lie, 0);
    CHECK_EQ(fill_append(store, FILLING, batches, 5), DR_OK);
    CHECK_EQ(fill_compare(store, FILLING, batches + 5, &lie, why), DR_OK);
    CHECK_EQ(lie, 0);
    dr_store_close(store);
}

static char mounted[300];

static void unmount(void)
{
    if (mounted[0] != '\0')
        umount2(mounted, MNT_DETACH);
    mounted[0] = '\0';
}

TEST(a_full_disk_is_told_and_nothing_is_kept_in_part)
{
    struct dr_store *store;
    struct dr_error error;
    enum dr_status refusal;
    char directory[400];
    char ballast[400];
    uint64_t batches = 0;
    int file;

    if (geteuid() != 0)
        SKIP_TEST("mounting a small file system needs root; the next test stands in");
    snprintf(mounted, sizeof mounted, "%s", test_directory());
    if (mount("daero-test", mounted, "tmpfs", 0, "size=8m,mode=0700") != 0) {
        mounted[0] = '\0';
        SKIP_TEST("this machine lets nobody mount; the next test stands in");
    }
    atexit(unmount);
    snprintf(directory, sizeof directory, "%s/data", mounted);
    snprintf(ballast, sizeof ballast, "%s/ballast", mounted);
    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_CREATE, &error), DR_OK);
    for (int round = 0; round < 4; round += 1) {
        /* The disk fills at another page each round. */
        static const uint8_t bytes[7000000];

        file = open(ballast, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        CHECK(file >= 0);
        CHECK(write(file, bytes, 6800000 - (size_t)round * 333000) > 0);
        close(file);
        batches = append_until_refused(store, batches, &refusal);
        CHECK_EQ(refusal, DR_E_FULL);
        CHECK(batches > 10);
        dr_store_close(store);
        CHECK_EQ(unlink(ballast), 0);
        check_whole(directory, batches);
        batches += 5;
        if (round == 3)
            break;
        CHECK_EQ(dr_store_open(&store, directory, DR_STORE_WRITE, &error), DR_OK);
    }
    unmount();
}

TEST(a_file_size_limit_is_told_and_nothing_is_kept_in_part)
{
    for (rlim_t kib = 150; kib <= 900; kib += 151) {
        const char *directory = test_directory();
        uint64_t batches = 0;
        int pipes[2];
        int ended;
        pid_t child;

        CHECK_EQ(pipe(pipes), 0);
        fflush(NULL);
        child = fork();
        if (child == 0) {
            struct rlimit limit = {.rlim_cur = kib * 1024, .rlim_max = kib * 1024};
            struct dr_store *store;
            struct dr_error error;
            enum dr_status refusal;

            signal(SIGXFSZ, SIG_IGN);
            if (setrlimit(RLIMIT_FSIZE, &limit) != 0 ||
                dr_store_open(&store, directory, DR_STORE_CREATE, &error) != DR_OK)
                _exit(1);
            batches = append_until_refused(store, 0, &refusal);
            if (refusal != DR_E_FULL)
                fprintf(stderr, "# %s: %s\n", dr_status_text(refusal), dr_store_failure(store));
            _exit(refusal != DR_E_FULL ||
                  write(pipes[1], &batches, sizeof batches) != sizeof batches);
        }
        close(pipes[1]);
        CHECK_EQ(read(pipes[0], &batches, sizeof batches), sizeof batches);
        close(pipes[0]);
        CHECK_EQ(waitpid(child, &ended, 0), child);
        CHECK(WIFEXITED(ended));
        CHECK_EQ(WEXITSTATUS(ended), 0);
        check_whole(directory, batches);
    }
}

TEST(a_store_is_not_made_where_there_is_no_room)
{
    const char *directory = test_directory();
    int ended;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        struct rlimit limit = {.rlim_cur = 6000, .rlim_max = 6000};
        struct dr_store *store;
        struct dr_error error = {.line = 0};
        enum dr_status status;

        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(1);
        status = dr_store_open(&store, directory, DR_STORE_CREATE, &error);
        _exit(status == DR_OK || error.found[0] == '\0' ? 2 : 0);
    }
    CHECK_EQ(waitpid(child, &ended, 0), child);
    CHECK(WIFEXITED(ended));
    CHECK_EQ(WEXITSTATUS(ended), 0);
    {
        struct dr_store *store;
        struct dr_error error;

        CHECK_EQ(dr_store_open(&store, directory, DR_STORE_CREATE, &error), DR_OK);
        dr_store_close(store);
    }
}
