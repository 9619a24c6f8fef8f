/* SPDX-License-Identifier: Apache-2.0 */
/* pattern.h: names of output files, as people write them ("train-%A_%a.out"). */
#ifndef DR_ENGINE_PATTERN_H
#define DR_ENGINE_PATTERN_H

#include <stddef.h>

#include "engine/engine.h"

/* Fill a pattern in for one task of an attempt: %j job, %A the array's job (without an array: the
 * job), %a the index in it (0), %t task, %x name, %u user, %% a percent sign; "%5j" or "%05j" pads
 * numbers with zeros to that width, at most 10. In a name put in for %x or %u a slash becomes "_",
 * so that what a person calls a job never leads out of the directory that the pattern names.
 *
 * DR_E_INPUT  another letter after %, or none; `*wrong` (may be NULL) is its place in the pattern.
 * DR_E_FULL   the result is longer than `path_bytes`. */
DR_MUST_USE enum dr_status dr_pattern_fill(const char *pattern, const struct dr_launch *launch,
                                           uint32_t task, char *path, size_t path_bytes,
                                           size_t *wrong);

/* 1: tasks of one attempt get files of their own. */
int dr_pattern_has_task(const char *pattern);

#endif
