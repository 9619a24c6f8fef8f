/* SPDX-License-Identifier: Apache-2.0 */
/* What applies somebody's facts is in a process of its own (cli/guarded.h). */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/guarded.h"
#include "test.h"

/* What the command says, on standard error, and its exit code. */
static int say(int (*run)(void *context, volatile uint64_t *seq), void *context, char text[400])
{
    static const struct dr_cli_command command = {.name = "sim replay"};
    struct dr_cli cli = {.command = &command};
    int to[2];
    int old = dup(2);
    ssize_t length;
    int code;

    CHECK_EQ(pipe(to), 0);
    fflush(stderr);
    dup2(to[1], 2);
    close(to[1]);
    code = dr_cli_guarded(&cli, run, context);
    fflush(stderr);
    dup2(old, 2);
    close(old);
    length = read(to[0], text, 399);
    close(to[0]);
    text[length < 0 ? 0 : length] = 0;
    return code;
}

static int comes_to_its_end(void *context, volatile uint64_t *seq)
{
    *seq = 9;
    return *(int *)context;
}

static int breaks_off(void *context, volatile uint64_t *seq)
{
    *seq = 7;
    (void)context;
    abort();
}

static int is_killed(void *context, volatile uint64_t *seq)
{
    (void)context;
    (void)seq;
    raise(SIGKILL);
    return 0;
}

TEST(an_exit_code_is_passed_on)
{
    char text[400];

    for (int code = 0; code < 4; code += 1)
        CHECK_EQ(say(comes_to_its_end, &code, text), code);
    CHECK_TEXT(text, "");
}

TEST(a_fact_that_cannot_follow_is_told_by_its_number)
{
    char text[400];

    CHECK_EQ(say(breaks_off, NULL, text), DR_EXIT_REFUSED);
    CHECK_HAS(text, "fact 7 contradicts the state that the facts before it give; expected one that "
                    "can follow them");
}

TEST(another_end_is_the_systems)
{
    char text[400];

    CHECK_EQ(say(is_killed, NULL, text), DR_EXIT_FAILED);
    CHECK_HAS(text, "ended by the system");
}
