/* SPDX-License-Identifier: Apache-2.0 */
/* edits.h: changes to a file that has been read, for parse.c. */
#ifndef DR_FEDERATION_EDITS_H
#define DR_FEDERATION_EDITS_H

#include "federation/file.h"

/* Between reading and judging. What can't be changed is added to `errors`, with the kind of edit as
 * its field: "add", "quota", "cap". */
void dr_fed_edit(struct dr_federation *federation, const struct dr_edit *edits, uint32_t count,
                 struct dr_error_list *errors);

#endif
