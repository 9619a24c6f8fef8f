/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void dr_assert_failed(const char *file, int line, const char *condition)
{
    fprintf(stderr, "daero: %s:%d: this must hold and does not: %s\n", file, line, condition);
    abort();
}
