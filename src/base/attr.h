/* SPDX-License-Identifier: Apache-2.0 */
/* attr.h: the few GNU extensions that Daero uses, behind names that say what they are for. */
#ifndef DR_BASE_ATTR_H
#define DR_BASE_ATTR_H

#include "base/banned.h"

/* The caller has to look at the result. */
#define DR_MUST_USE __attribute__((warn_unused_result))

/* Run `f(&variable)` when the variable goes out of scope. */
#define DR_CLEANUP(f) __attribute__((cleanup(f)))

/* Check the arguments like printf's: `i` is the format's position, `j` the first argument's. */
#define DR_PRINTF(i, j) __attribute__((format(printf, i, j)))

#define DR_NORETURN __attribute__((noreturn))

#define DR_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
