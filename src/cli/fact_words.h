/* SPDX-License-Identifier: Apache-2.0 */
/* fact_words.h: a fact, as the API gives it, in words: for `daero events` and `daero audit
 * decision`. */
#ifndef DR_CLI_FACT_WORDS_H
#define DR_CLI_FACT_WORDS_H

#include "cli/cli.h"

/* One line without its end: "job 71 attempt 1 was placed in here/virtual: gpu1:0-1; ...". */
void dr_fact_words(struct dr_buffer *text, const json_t *fact);
/* "gpu1:0-3;gpu2:0" of a fact's extents; "gpu1:3@0.5" where its tasks hold half of accelerator 3.
 */
void dr_extent_words(struct dr_buffer *text, const json_t *fact);
/* What a rule means: "within the guarantee of ..." */
const char *dr_rule_words(const char *rule);

#endif
