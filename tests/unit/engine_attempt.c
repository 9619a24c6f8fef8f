/* SPDX-License-Identifier: Apache-2.0 */
/* The records of an attempt's file: what is written is read back, and what is not whole does not
 * count. */
#include "engine/attempt.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static int new_file(char path[300])
{
    int fd;

    snprintf(path, 300, "%s/1.1", test_directory());
    fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
    CHECK(fd >= 0);
    return fd;
}

static struct dr_launch sample(void)
{
    static const char *const argv[] = {"one", "", "three"};
    static const char *const environment[] = {"A=b", "EMPTY="};
    static const char *const devices[] = {"GPU-1", "GPU-5"};
    static const char *const device_nodes[] = {"/dev/nvidia1", "/dev/nvidia5"};
    static const struct dr_launch_node nodes[] = {
        {.name = "a",
         .tasks = 2,
         .accelerators = 0x22,
         .device_ids = devices,
         .device_nodes = device_nodes},
        {.name = "b", .tasks = 1, .accelerators = 0},
    };

    return (struct dr_launch){.job = {7},
                              .attempt = 3,
                              .epoch = 9,
                              .name = "name",
                              .script = "#!/bin/sh\n\0x",
                              .script_bytes = 12,
                              .argv = argv,
                              .argv_count = 3,
                              .environment = environment,
                              .environment_count = 2,
                              .directory = "/d",
                              .output = "o",
                              .error = "e",
                              .input = "i",
                              .open_mode_append = 1,
                              .uid = 1000,
                              .gid = 1001,
                              .user = "user",
                              .nodes = nodes,
                              .nodes_count = 2,
                              .site = "here",
                              .chip = "h200",
                              .chip_vendor = "nvidia",
                              .chip_virtual = 1,
                              .tasks = 3,
                              .accelerators_per_task = 1,
                              .cpus_per_task_milli = 1500,
                              .memory_mb_per_task = 512,
                              .run_every_task = 1,
                              .limit_us = 1,
                              .warn_signal = 10,
                              .warn_before_us = 2,
                              .grace_us = 3,
                              .array_job = {5},
                              .array_index = 1,
                              .array_min = 0,
                              .array_max = 9,
                              .array_count = 10};
}

TEST(names_have_one_spelling)
{
    static const char *const wrong[] = {
        "",    "1",   "1.",  ".1",  "01.1", "1.01", "+1.1",         "-1.1",         "1.1.1",
        "1.0", "0.1", "1.x", "a.1", "1.1 ", "1..1", "1.4294967296", "launcher.lock"};
    char name[DR_ATTEMPT_NAME_BYTES];
    dr_job_id job;
    uint32_t attempt;

    CHECK_TEXT(dr_attempt_name((dr_job_id){71}, 4, name), "71.4");
    CHECK(dr_attempt_name_parse("71.4", &job, &attempt));
    CHECK_EQ(job.v, 71);
    CHECK_EQ(attempt, 4);
    for (size_t i = 0; i < DR_COUNT_OF(wrong); i += 1)
        if (dr_attempt_name_parse(wrong[i], &job, &attempt))
            fail_msg("'%s' is taken for an attempt", wrong[i]);
}

TEST(an_order_comes_back_as_it_was)
{
    struct dr_launch launch = sample();
    struct dr_buffer first, second;
    struct dr_order order;
    uint8_t *bytes;

    dr_buffer_init(&first, DR_ORDER_BYTES_MAX);
    dr_buffer_init(&second, DR_ORDER_BYTES_MAX);
    CHECK_EQ(dr_order_encode(&first, &launch, 42), DR_OK);
    bytes = malloc(first.length);
    memcpy(bytes, first.data, first.length);
    CHECK_EQ(dr_order_decode(&order, bytes, first.length), DR_OK);
    CHECK_EQ(order.boot, 42);
    CHECK_TEXT(order.launch.argv[2], "three");
    CHECK_TEXT(order.launch.nodes[0].device_ids[1], "GPU-5");
    CHECK(order.launch.nodes[1].device_ids == NULL);
    CHECK_TEXT(order.launch.nodes[0].device_nodes[0], "/dev/nvidia1");
    CHECK_TEXT(order.launch.nodes[0].device_nodes[1], "/dev/nvidia5");
    CHECK(order.launch.nodes[1].device_nodes == NULL);
    CHECK_EQ(order.launch.script_bytes, 12);
    CHECK_BYTES(order.launch.script, launch.script, 12);
    /* every field: the same order encodes to the same bytes */
    CHECK_EQ(dr_order_encode(&second, &order.launch, order.boot), DR_OK);
    CHECK_EQ(second.length, first.length);
    CHECK_BYTES(second.data, first.data, first.length);
    dr_order_deinit(&order);
    dr_buffer_deinit(&first);
    dr_buffer_deinit(&second);
}

/* Written before an upgrade of the program, and taken after it. */
TEST(an_order_of_version_1_is_read)
{
    enum { LATER_BYTES = 2 * 4 + 2 * (4 + 12 + 1) + 2 * 4 }; /* what versions 2 and 3 have more */
    struct dr_launch launch = sample();
    struct dr_order_head head;
    struct dr_buffer buffer;
    struct dr_order order;
    uint8_t *bytes;

    dr_buffer_init(&buffer, DR_ORDER_BYTES_MAX);
    CHECK_EQ(dr_order_encode(&buffer, &launch, 42), DR_OK);
    memcpy(&head, buffer.data, sizeof head);
    head.version = 1;
    bytes = malloc(buffer.length - LATER_BYTES);
    memcpy(bytes, buffer.data, buffer.length - LATER_BYTES);
    memcpy(bytes, &head, sizeof head);
    CHECK_EQ(dr_order_decode(&order, bytes, buffer.length - LATER_BYTES), DR_OK);
    CHECK_EQ(order.launch.array_count, 10);
    CHECK_TEXT(order.launch.nodes[0].device_ids[1], "GPU-5");
    CHECK(order.launch.nodes[0].device_nodes == NULL);
    dr_order_deinit(&order);
    dr_buffer_deinit(&buffer);
}

TEST(an_order_cut_or_changed_is_refused_or_harmless)
{
    struct dr_launch launch = sample();
    struct dr_buffer buffer;
    struct dr_order order;

    dr_buffer_init(&buffer, DR_ORDER_BYTES_MAX);
    CHECK_EQ(dr_order_encode(&buffer, &launch, 42), DR_OK);
    for (size_t length = 0; length < buffer.length; length += 1) {
        uint8_t *bytes = malloc(length + 1);

        memcpy(bytes, buffer.data, length);
        CHECK_EQ(dr_order_decode(&order, bytes, length), DR_E_CORRUPT);
        dr_order_deinit(&order);
    }
    /* whatever is changed, nothing outside of the bytes is read (the sanitizers would say so) */
    for (size_t at = 0; at < buffer.length; at += 1) {
        uint8_t *bytes = malloc(buffer.length);

        memcpy(bytes, buffer.data, buffer.length);
        bytes[at] ^= 0xff;
        if (dr_order_decode(&order, bytes, buffer.length) == DR_OK)
            CHECK(order.launch.argv_count == 3 && order.launch.nodes_count == 2);
        dr_order_deinit(&order);
    }
    dr_buffer_deinit(&buffer);
}

TEST(an_order_too_large_is_refused)
{
    struct dr_launch launch = sample();
    struct dr_buffer buffer;
    char *script = calloc(1, DR_ORDER_BYTES_MAX);

    dr_buffer_init(&buffer, DR_ORDER_BYTES_MAX);
    launch.script = script;
    launch.script_bytes = DR_ORDER_BYTES_MAX;
    CHECK_EQ(dr_order_encode(&buffer, &launch, 42), DR_E_FULL);
    dr_buffer_deinit(&buffer);
    free(script);
}

TEST(records_in_order_and_none_that_is_half_done)
{
    struct dr_record_started started = {.time_us = 5};
    uint8_t payload[64];
    enum dr_record_kind kind;
    uint64_t offset = 0, after_first;
    size_t bytes;
    char path[300];
    int fd = new_file(path);

    CHECK_EQ(dr_record_read(fd, &offset, &kind, payload, sizeof payload, &bytes), DR_E_END);
    CHECK_EQ(dr_record_append(fd, DR_RECORD_WARNING, "careful", 7), DR_OK);
    CHECK_EQ(dr_record_append(fd, DR_RECORD_STARTED, &started, sizeof started), DR_OK);
    CHECK_EQ(dr_record_append(fd, DR_RECORD_REFUSED, NULL, 0), DR_OK);
    CHECK_EQ(dr_record_read(fd, &offset, &kind, payload, sizeof payload, &bytes), DR_OK);
    CHECK_EQ(kind, DR_RECORD_WARNING);
    CHECK_BYTES(payload, "careful", 7);
    after_first = offset;
    CHECK_EQ(dr_record_read(fd, &offset, &kind, payload, sizeof payload, &bytes), DR_OK);
    CHECK_EQ(kind, DR_RECORD_STARTED);
    CHECK_EQ(bytes, sizeof started);
    CHECK_EQ(dr_record_read(fd, &offset, &kind, payload, sizeof payload, &bytes), DR_OK);
    CHECK_EQ(kind, DR_RECORD_REFUSED);
    CHECK_EQ(dr_record_read(fd, &offset, &kind, payload, sizeof payload, &bytes), DR_E_END);

    /* a payload that is longer than asked for is stepped over */
    offset = 0;
    CHECK_EQ(dr_record_read(fd, &offset, &kind, payload, 2, &bytes), DR_OK);
    CHECK_EQ(offset, after_first);
    CHECK_EQ(bytes, 7);

    /* the writer was killed midway */
    for (off_t length = (off_t)after_first + 1;
         length < (off_t)(after_first + sizeof(struct dr_record_header) + sizeof started);
         length += 1) {
        CHECK_EQ(ftruncate(fd, length), 0);
        offset = after_first;
        CHECK_EQ(dr_record_read(fd, &offset, &kind, payload, sizeof payload, &bytes), DR_E_END);
        CHECK_EQ(offset, after_first);
        CHECK_EQ(ftruncate(fd, (off_t)after_first), 0);
        CHECK_EQ(dr_record_append(fd, DR_RECORD_STARTED, &started, sizeof started), DR_OK);
    }

    /* a byte changed */
    CHECK_EQ(fcntl(fd, F_SETFL, 0), 0);
    CHECK_EQ(pwrite(fd, "C", 1, sizeof(struct dr_record_header)), 1);
    offset = 0;
    CHECK_EQ(dr_record_read(fd, &offset, &kind, payload, sizeof payload, &bytes), DR_E_CORRUPT);
    close(fd);
}

TEST(the_lock_is_the_shims_alone_and_looking_leaves_it)
{
    char path[300];
    int mine = new_file(path);
    int other = open(path, O_RDWR);
    int status = 1;
    pid_t child;

    CHECK(!dr_attempt_locked(other));
    CHECK_EQ(dr_attempt_lock(mine), DR_OK);
    CHECK(dr_attempt_locked(other));
    CHECK_EQ(dr_attempt_lock(other), DR_E_EXISTS);
    /* a process that looks and ends does not take it away, as an old kind of lock would */
    child = fork();
    if (child == 0) {
        int third = open(path, O_RDWR);
        _exit(dr_attempt_locked(third) && close(third) == 0 ? 0 : 1);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK(dr_attempt_locked(other));
    close(mine);
    CHECK(!dr_attempt_locked(other));
    CHECK_EQ(dr_attempt_lock(other), DR_OK);
    close(other);
}

TEST(start_ticks_tell_processes_apart)
{
    int proc = open("/proc", O_RDONLY | O_DIRECTORY);
    char letter = 0;

    CHECK(dr_process_start_ticks(proc, getpid(), &letter) > 0);
    CHECK_EQ(letter, 'R');
    CHECK_EQ(dr_process_start_ticks(proc, 0, &letter),
             dr_process_start_ticks(proc, getpid(), &letter));
    CHECK(dr_process_start_ticks(proc, 1, &letter) < dr_process_start_ticks(proc, 0, &letter));
    CHECK_EQ(dr_process_start_ticks(proc, 1 << 30, &letter), 0);
    close(proc);
}
