/* SPDX-License-Identifier: Apache-2.0 */
/* fact_json.h: any fact as JSON, from its description in core/fact_table.h.
 *
 * Members are the fact's fields under their own names. Beside the id of a part stands its name
 * ("account": 3, "account_name": "academia"); closed sets are written by their names ("outcome":
 * "EXITED"), a limit that is none as null. A token's hash is left out. */
#ifndef DR_SERVE_FACT_JSON_H
#define DR_SERVE_FACT_JSON_H

#include "base/buffer.h"
#include "core/state.h"

/* Append one fact as an object. Names are those of the state as it is now. */
void dr_fact_json(struct dr_buffer *out, const struct dr_core *core, const struct dr_fact *fact);

/* The names of roles (bits of enum dr_role) as a list. */
void dr_roles_json(struct dr_buffer *out, const char *name, uint8_t roles);

/* Names of parts by id, as they stand in JSON; NULL for id 0 or one that is not there. `text` is
 * room for those that are put together. */
#define DR_PART_NAME_BYTES (DR_NAME_BYTES * 2)
const char *dr_account_name(const struct dr_core *core, uint32_t id);
const char *dr_chip_name(const struct dr_core *core, uint32_t id);
const char *dr_site_name(const struct dr_core *core, uint32_t id);
const char *dr_user_name(const struct dr_core *core, uint32_t id);
const char *dr_group_name(const struct dr_core *core, uint32_t id);
const char *dr_class_name(const struct dr_core *core, uint32_t id);
const char *dr_dataset_name(const struct dr_core *core, uint32_t id);
const char *dr_allocation_name(const struct dr_core *core, uint32_t id);
const char *dr_zone_name(const struct dr_core *core, uint32_t id);
const char *dr_grid_cap_name(const struct dr_core *core, uint32_t id);
const char *dr_window_name(const struct dr_core *core, uint32_t id);
/* "SITE/POOL" */
const char *dr_pool_name(const struct dr_core *core, uint32_t id, char text[DR_PART_NAME_BYTES]);

#endif
