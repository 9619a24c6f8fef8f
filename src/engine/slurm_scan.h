/* SPDX-License-Identifier: Apache-2.0 */
/* slurm_scan.h: a long JSON answer of slurmrestd, object by object.
 *
 * A site's list of jobs is 3.3 KB a job, and most of them ended long ago. So the list is not made
 * into a tree: one pass finds where each object of `"jobs": [...]` (or `"nodes"`) begins and ends
 * and what stands behind some of its own members; who wants more parses that object alone. */
#ifndef DR_ENGINE_SLURM_SCAN_H
#define DR_ENGINE_SLURM_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* A value as it stands in the text: strings with their quotes and escapes. NULL: not there. */
struct dr_slurm_raw {
    const char *text;
    size_t bytes;
};

struct dr_slurm_object {
    struct dr_slurm_raw whole;
    struct dr_slurm_raw *members; /* [names_count], of the names that were asked for */
};

/* Go through the array of objects that is the member `array` of the text's top object.
 *
 * names    [names_count], at most 16, of members to tell
 * each     called per object; another result than 0 ends the walk. NULL: look at the form alone
 *
 * How many objects there were, or -1: the text is not JSON to the end, or has no such array, or
 * `each` ended it. Half an answer may tell anything, so look at the form of the whole first. */
int64_t dr_slurm_scan(const char *text, size_t bytes, const char *array, const char *const *names,
                      uint32_t names_count,
                      int (*each)(void *context, const struct dr_slurm_object *object),
                      void *context);

/* A whole number: 1 and *value, or 0. */
int dr_slurm_raw_number(const struct dr_slurm_raw *raw, int64_t *value);
/* Is it the string "..." (without escapes)? */
int dr_slurm_raw_is(const struct dr_slurm_raw *raw, const char *text);

#endif
