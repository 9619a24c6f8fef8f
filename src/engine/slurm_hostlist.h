/* SPDX-License-Identifier: Apache-2.0 */
/* slurm_hostlist.h: Slurm's short form of node names, "seoul[1-3,07],gate". */
#ifndef DR_ENGINE_SLURM_HOSTLIST_H
#define DR_ENGINE_SLURM_HOSTLIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define DR_SLURM_HOST_BYTES 256

/* Call `each` per name, in order. Numbers keep their leading zeros; several brackets in a name
 * multiply ("rack[1-2]n[1-3]").
 *
 * DR_E_INPUT: not such a list, or one of more than `names_max` names; `each` may have been called
 * for what came before. */
DR_MUST_USE enum dr_status dr_slurm_hostlist(const char *text, size_t bytes, uint32_t names_max,
                                             void (*each)(void *context, const char *name),
                                             void *context);

#endif
