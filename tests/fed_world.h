/* SPDX-License-Identifier: Apache-2.0 */
/* fed_world.h: for tests of the federation room: a file that has everything, and a core to apply
 * files to. */
#ifndef DR_TESTS_FED_WORLD_H
#define DR_TESTS_FED_WORLD_H

#include "core/state.h"
#include "federation/federation.h"

/* Two sites, three pools, two chips, six accounts, three users; no warning, no mistake. */
extern const char FED_WORLD[];

/* A small core with nothing in it. */
struct dr_core *fed_core(void);

/* Fails the test when the file is refused. */
struct dr_federation *fed_parse(const char *yaml);

/* Apply a file: every change has to be admitted. Returns how many there were, and appends a line
 * for each to `text` (NULL: nowhere): "kind name: text". */
uint32_t fed_apply(struct dr_core *core, const char *yaml, struct dr_buffer *text);

/* The file asks for no change; says for which if it does. */
void fed_check_nothing(struct dr_core *core, const char *yaml);

/* The file with the first `from` replaced by `to`, in one of a few buffers that are used in turn.
 */
const char *fed_edited(const char *yaml, const char *from, const char *to);

#endif
