/* SPDX-License-Identifier: Apache-2.0 */
/* alternatives_files.h: alternatives in words, as JSON, and as plans in folders.
 *
 * alternatives.json has all of it, alternatives.csv a row for each; `plan` and `alternative-N` are
 * plans as plan/files.h writes them. docs/planning.md has every member and column. */
#ifndef DR_PLAN_ALTERNATIVES_FILES_H
#define DR_PLAN_ALTERNATIVES_FILES_H

#include <jansson.h>

#include "base/buffer.h"
#include "plan/explain/alternatives.h"

/* What an alternative does otherwise, in lines: halls that it begins and the plan does not, and the
 * reverse, or at another time; the largest shifts by site and by chip. */
void dr_alternative_words(const struct dr_alternatives *alternatives,
                          const struct dr_plan_inputs *inputs, uint32_t item,
                          struct dr_buffer *out);

/* Why there are fewer than were asked for; "" where there are not. */
const char *dr_alternatives_why(const struct dr_alternatives *alternatives, uint32_t asked,
                                double within, char text[300]);

/* The caller frees it. */
json_t *dr_alternatives_json(const struct dr_alternatives *alternatives,
                             const struct dr_plan_inputs *inputs,
                             const struct dr_alternatives_options *options);

DR_MUST_USE enum dr_status dr_alternatives_write(const char *directory,
                                                 const struct dr_alternatives *alternatives,
                                                 const struct dr_plan_inputs *inputs,
                                                 const struct dr_alternatives_options *options,
                                                 const char *version, struct dr_error *error);

#endif
