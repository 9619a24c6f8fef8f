/* SPDX-License-Identifier: Apache-2.0 */
/* assert.h: our own mistakes, caught in release builds too.
 *
 * Input and records read back are checked and refused with their position, never asserted. */
#ifndef DR_BASE_ASSERT_H
#define DR_BASE_ASSERT_H

#include "base/attr.h"

/* Print the place and the condition on standard error, and abort. */
DR_NORETURN void dr_assert_failed(const char *file, int line, const char *condition);

#define DR_ASSERT(condition) \
    ((condition) ? (void)0 : dr_assert_failed(__FILE__, __LINE__, #condition))

#endif
