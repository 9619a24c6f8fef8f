/* SPDX-License-Identifier: Apache-2.0 */
/* status.h: how the world fails, and how a person is told where.
 *
 * A status is about the world (a disk, a socket, a file that a person wrote). A refusal by the
 * domain is a value of its own (core/command.h); our own mistakes are DR_ASSERT. */
#ifndef DR_BASE_STATUS_H
#define DR_BASE_STATUS_H

#include <stdint.h>

#include "base/attr.h"

/* name, what it obliges the caller to do */
#define DR_STATUSES(X)                                             \
    X(OK, "done")                                                  \
    X(E_IO, "the system failed; what was kept is unknown")         \
    X(E_FULL, "a stated maximum was reached, or the disk is full") \
    X(E_CORRUPT, "what was read back is not what was written")     \
    X(E_INPUT, "what a person or a peer gave is not valid")        \
    X(E_MISSING, "it does not exist")                              \
    X(E_EXISTS, "it exists already")                               \
    X(E_LEASE, "another controller leads")                         \
    X(E_DENIED, "not allowed")                                     \
    X(E_TIMEOUT, "no answer in time")                              \
    X(E_UNSUPPORTED, "this machine or this version can't do it")   \
    X(E_END, "nothing more to read")

enum dr_status {
#define DR_STATUS_ENUM(name, text) DR_##name,
    DR_STATUSES(DR_STATUS_ENUM)
#undef DR_STATUS_ENUM
};

/* The text of the table above. */
const char *dr_status_text(enum dr_status status);

/* Where something is wrong, what was found there and what was expected: filled by whatever takes
 * input from people. Empty strings are parts that do not apply; line 0 is "no line". */
struct dr_error {
    char file[256];
    uint32_t line;
    char field[128];
    char found[256];
    char expected[512];
};

/* Fill an error; any of the texts may be NULL. Long texts are cut and end in "...". */
void dr_error_set(struct dr_error *error, const char *file, uint32_t line, const char *field,
                  const char *found, const char *expected_format, ...) DR_PRINTF(6, 7);

/* One line for a person: "FILE:LINE: FIELD: found 'X', expected Y". Returns `text`. */
const char *dr_error_line(const struct dr_error *error, char *text, uint32_t text_bytes);

#endif
