/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/buffer.h"

TEST(nothing_written)
{
    struct dr_buffer buffer = {0};

    CHECK_TEXT(dr_buffer_text(&buffer), "");
    dr_buffer_deinit(&buffer);
    dr_buffer_init(&buffer, 10);
    CHECK_TEXT(dr_buffer_text(&buffer), "");
    dr_buffer_append(&buffer, "", 0);
    CHECK_EQ(buffer.length, 0);
    dr_buffer_deinit(&buffer);
}

TEST(grows_and_keeps_its_content)
{
    struct dr_buffer buffer;

    dr_buffer_init(&buffer, 100000);
    for (int i = 0; i < 10000; i += 1)
        dr_buffer_printf(&buffer, "%04d", i);
    CHECK_EQ(buffer.length, 40000);
    CHECK(!buffer.full);
    CHECK_BYTES(dr_buffer_text(&buffer) + 4 * 4711, "4711", 4);
    CHECK_EQ(strlen(dr_buffer_text(&buffer)), 40000);
    dr_buffer_deinit(&buffer);
}

/* At its maximum a buffer drops what does not fit, whole, and everything after it. */
TEST(full_is_sticky)
{
    struct dr_buffer buffer;

    dr_buffer_init(&buffer, 10);
    dr_buffer_append_text(&buffer, "0123456789");
    CHECK(!buffer.full);
    dr_buffer_append_text(&buffer, "");
    CHECK(!buffer.full);
    dr_buffer_append_text(&buffer, "x");
    CHECK(buffer.full);
    CHECK_TEXT(dr_buffer_text(&buffer), "0123456789");
    dr_buffer_consume(&buffer, 5);
    dr_buffer_append_text(&buffer, "y"); /* there is room now, but a hole before it */
    CHECK_TEXT(dr_buffer_text(&buffer), "56789");
    dr_buffer_clear(&buffer);
    dr_buffer_printf(&buffer, "%s", "0123456789a");
    CHECK(buffer.full);
    CHECK_EQ(buffer.length, 0);
    dr_buffer_deinit(&buffer);
}

TEST(consume)
{
    struct dr_buffer buffer;

    dr_buffer_init(&buffer, 100);
    dr_buffer_append_text(&buffer, "one two");
    dr_buffer_consume(&buffer, 0);
    dr_buffer_consume(&buffer, 4);
    CHECK_TEXT(dr_buffer_text(&buffer), "two");
    dr_buffer_append_text(&buffer, " three");
    CHECK_TEXT(dr_buffer_text(&buffer), "two three");
    dr_buffer_consume(&buffer, 9);
    CHECK_EQ(buffer.length, 0);
    dr_buffer_deinit(&buffer);
}

TEST(bytes_with_zeros)
{
    struct dr_buffer buffer;

    dr_buffer_init(&buffer, 100);
    dr_buffer_append(&buffer, "a\0b", 3);
    CHECK_EQ(buffer.length, 3);
    CHECK_BYTES(dr_buffer_text(&buffer), "a\0b", 4);
    dr_buffer_deinit(&buffer);
}

TEST(files)
{
    char path[200];
    char missing[210];
    struct dr_buffer buffer;
    char block[1000];
    int file;

    snprintf(path, sizeof path, "%s/file", test_directory());
    snprintf(missing, sizeof missing, "%s-not", path);
    file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(file >= 0);
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 40; i += 1)
        CHECK_EQ(write(file, block, sizeof block), sizeof block);
    close(file);

    dr_buffer_init(&buffer, 40000);
    CHECK_EQ(dr_buffer_read_file(&buffer, path), DR_OK);
    CHECK_EQ(buffer.length, 40000);
    dr_buffer_deinit(&buffer);
    dr_buffer_init(&buffer, 39999);
    CHECK_EQ(dr_buffer_read_file(&buffer, path), DR_E_FULL);
    CHECK_EQ(dr_buffer_read_file(&buffer, missing), DR_E_MISSING);
    CHECK_EQ(dr_buffer_read_file(&buffer, "/"), DR_E_IO);
    dr_buffer_deinit(&buffer);
}
