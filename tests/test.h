/* SPDX-License-Identifier: Apache-2.0 */
/* test.h: how a test is written.
 *
 *     TEST(node_down_requeues_the_gang)
 *     {
 *         CHECK_EQ(1 + 1, 2);
 *     }
 *
 * A file of tests is a program; tests/test.c holds main() and runs the tests in the order in which
 * they stand, under cmocka, as TAP. `PROGRAM PATTERN` runs those whose name contains PATTERN. A
 * failed CHECK ends its test. */
#ifndef DR_TEST_H
#define DR_TEST_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void test_register(const char *name, void (*run)(void **state));

#define TEST(name)                                                 \
    static void test_##name(void **state);                         \
    __attribute__((constructor)) static void register_##name(void) \
    {                                                              \
        test_register(#name, test_##name);                         \
    }                                                              \
    static void test_##name(void **state __attribute__((unused)))

#define CHECK(condition)          assert_true(condition)
#define CHECK_EQ(a, b)            assert_int_equal(a, b)
#define CHECK_TEXT(a, b)          assert_string_equal(a, b)
#define CHECK_BYTES(a, b, length) assert_memory_equal(a, b, length)
/* `text` has `part` somewhere; says both when it has not. */
#define CHECK_HAS(text, part)                                   \
    do {                                                        \
        if (strstr(text, part) == NULL)                         \
            fail_msg("'%s' does not contain '%s'", text, part); \
    } while (0)
#define SKIP_TEST(why)                       \
    do {                                     \
        print_message("skipped: %s\n", why); \
        skip();                              \
    } while (0)

/* Worlds of a property test: SEEDS of them (`count` unless the environment says otherwise) from
 * seed FIRST (1). */
struct test_seeds {
    uint64_t first;
    uint64_t count;
};
struct test_seeds test_seeds(uint64_t count);

/* The world of this seed begins: an assertion of the core that ends the program says which it was.
 */
void test_seed(uint64_t seed);

/* A new empty directory under build/tmp, removed when the program ends. Returns the same buffer
 * each call: copy it to keep it. */
const char *test_directory(void);

#endif
