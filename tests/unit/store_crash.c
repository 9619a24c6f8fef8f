/* SPDX-License-Identifier: Apache-2.0 */
/* kill -9 of the process that appends, at moments chosen by chance, over and over on one store.
 * Would catch: a batch that was answered and is gone, a batch in part, a store that does not open
 * again. SOAK=N kills N times instead of 40; SEED=N draws other moments. */
#include "test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "store/store.h"
#include "store_fill.h"

#define FILLING 11

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

/* Append from batch `number` on, until killed; each number goes into the pipe once it is durable.
 */
static void append_for_ever(const char *directory, uint64_t number, int acknowledged)
{
    struct dr_store *store;
    struct dr_error error;
    enum dr_status status = dr_store_open(&store, directory, DR_STORE_WRITE, &error);

    if (status == DR_E_MISSING)
        status = dr_store_open(&store, directory, DR_STORE_CREATE, &error);
    if (status != DR_OK || dr_store_seq(store) != fill_seq(FILLING, number))
        _exit(1);
    for (;; number += 1) {
        if (fill_append(store, FILLING, number, 1) != DR_OK)
            _exit(2);
        if (write(acknowledged, &number, sizeof number) != sizeof number)
            _exit(3);
        if (number % 7 == 3)
            dr_store_idle(store, 1700000000000000 + (int64_t)number);
        if (number % 64 == 9) /* cuts the log at the next idle moment */
            (void)!dr_store_text_erase(store, fill_seq(FILLING, number) + 1);
    }
}

/* How many batches the store in `directory` holds; checks those from `from` on. */
static uint64_t count_batches(const char *directory, uint64_t from)
{
    static struct fill fill;
    struct dr_store *store;
    struct dr_store_reader *reader;
    struct dr_store_read read;
    struct dr_error error = {.line = 0};
    char line[1400];
    enum dr_status status = dr_store_open(&store, directory, DR_STORE_READ, &error);

    if (status == DR_E_MISSING)
        return 0;
    if (status != DR_OK)
        fail_msg("%s", dr_error_line(&error, line, sizeof line));
    CHECK_EQ(dr_store_reader_open(&reader, store, fill_seq(FILLING, from) + 1), DR_OK);
    while ((status = dr_store_reader_next(reader, &read, &error)) == DR_OK) {
        fill_make(&fill, FILLING, from);
        CHECK_EQ(read.seq_first, fill.batch.seq_first);
        CHECK_EQ(read.payload_bytes, fill.batch.payload_bytes);
        CHECK_BYTES(read.payload, fill.payload, read.payload_bytes);
        from += 1;
    }
    if (status != DR_E_END)
        fail_msg("%s", dr_error_line(&error, line, sizeof line));
    CHECK_EQ(dr_store_seq(store), fill_seq(FILLING, from));
    dr_store_reader_close(reader);
    dr_store_close(store);
    return from;
}

TEST(nothing_that_was_acknowledged_is_lost_by_kills)
{
    uint64_t kills = number_from("SOAK", 40);
    uint64_t seed = number_from("SEED", 1);
    char directory[300];
    uint64_t batches = 0;
    struct dr_store *store;
    struct dr_error error;
    char why[256];
    int lie;

    snprintf(directory, sizeof directory, "%s/data", test_directory());
    for (uint64_t kill_number = 0; kill_number < kills; kill_number += 1) {
        uint64_t chance = dr_hash_fold(seed, kill_number);
        uint64_t wanted = kill_number < 4 ? 0 : chance % 24; /* the first ones while it is made */
        uint64_t acknowledged = batches;
        uint64_t number;
        int pipes[2];
        int ended;
        pid_t child;

        CHECK_EQ(pipe(pipes), 0);
        fflush(NULL);
        child = fork();
        if (child == 0) {
            close(pipes[0]);
            append_for_ever(directory, batches, pipes[1]);
        }
        close(pipes[1]);
        for (uint64_t i = 0; i < wanted && read(pipes[0], &number, sizeof number) == sizeof number;
             i += 1)
            acknowledged = number + 1;
        /* Some instructions more, so that the kill falls anywhere within an append. */
        for (volatile uint64_t spin = (chance >> 8) % 400000; spin > 0; spin -= 1)
            ;
        CHECK_EQ(kill(child, SIGKILL), 0);
        CHECK_EQ(waitpid(child, &ended, 0), child);
        if (!WIFSIGNALED(ended))
            fail_msg("the writer ended by itself with %d at kill %llu, SEED=%llu",
                     WEXITSTATUS(ended), (unsigned long long)kill_number, (unsigned long long)seed);
        while (read(pipes[0], &number, sizeof number) == sizeof number)
            acknowledged = number + 1;
        close(pipes[0]);
        batches = count_batches(directory, batches);
        if (batches < acknowledged)
            fail_msg("%llu batches were acknowledged, %llu are there at kill %llu, SEED=%llu",
                     (unsigned long long)acknowledged, (unsigned long long)batches,
                     (unsigned long long)kill_number, (unsigned long long)seed);
        /* Not one more than could have been on its way. */
        CHECK(batches <= acknowledged + 1);
    }
    CHECK(batches > kills);
    CHECK_EQ(dr_store_open(&store, directory, DR_STORE_WRITE, &error), DR_OK);
    CHECK_EQ(fill_compare(store, FILLING, batches, &lie, why), DR_OK);
    CHECK_EQ(lie, 0);
    dr_store_close(store);
    print_message("# %llu kills, %llu batches\n", (unsigned long long)kills,
                  (unsigned long long)batches);
}
