/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TESTS_MAX 500

static struct CMUnitTest tests[TESTS_MAX];
static size_t tests_count;

void test_register(const char *name, void (*run)(void **state))
{
    if (tests_count == TESTS_MAX)
        abort();
    tests[tests_count] = (struct CMUnitTest){.name = name, .test_func = run};
    tests_count += 1;
}

static uint64_t seed_now;

static void say_seed(int signal_number)
{
    char text[80];
    int bytes = snprintf(text, sizeof text, "# it ended in seed %llu: SEEDS=1 FIRST=%llu\n",
                         (unsigned long long)seed_now, (unsigned long long)seed_now);

    if (write(STDERR_FILENO, text, (size_t)bytes) != bytes)
        _exit(1);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

struct test_seeds test_seeds(uint64_t count)
{
    const char *first = getenv("FIRST");
    const char *seeds = getenv("SEEDS");

    return (struct test_seeds){first == NULL ? 1 : strtoull(first, NULL, 10),
                               seeds == NULL ? count : strtoull(seeds, NULL, 10)};
}

void test_seed(uint64_t seed)
{
    seed_now = seed;
    signal(SIGABRT, say_seed);
}

static char directories[64][128];
static int directories_count;

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    remove(path);
    return 0;
}

static void remove_directories(void)
{
    for (int i = 0; i < directories_count; i += 1)
        nftw(directories[i], remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_directory(void)
{
    char *path = directories[directories_count];
    const char *base = getenv("TMPDIR");

    if (directories_count == 63)
        abort();
    snprintf(path, sizeof directories[0], "%s/daero-test-XXXXXX", base == NULL ? "/tmp" : base);
    if (mkdtemp(path) == NULL)
        abort();
    chmod(path, 0755);
    if (directories_count == 0)
        atexit(remove_directories);
    directories_count += 1;
    return path;
}

int main(int argument_count, char **arguments)
{
    char pattern[256];

    if (getenv("CMOCKA_MESSAGE_OUTPUT") == NULL)
        cmocka_set_message_output(CM_OUTPUT_TAP);
    if (argument_count > 1) {
        snprintf(pattern, sizeof pattern, "*%s*", arguments[1]);
        cmocka_set_test_filter(pattern);
    }
    return _cmocka_run_group_tests(arguments[0], tests, tests_count, NULL, NULL) == 0 ? 0 : 1;
}
