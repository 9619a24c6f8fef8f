/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/fact_json.h"

#include "serve/json.h"

/* ---- names by id ---- */

#define NAME_BY_ID(function, table)                                                   \
    const char *function(const struct dr_core *core, uint32_t id)                     \
    {                                                                                 \
        return id == 0 || id > core->table##_count ? NULL : core->table[id - 1].name; \
    }
NAME_BY_ID(dr_account_name, accounts)
NAME_BY_ID(dr_chip_name, chips)
NAME_BY_ID(dr_site_name, sites)
NAME_BY_ID(dr_user_name, users)
NAME_BY_ID(dr_group_name, groups)
NAME_BY_ID(dr_class_name, classes)
NAME_BY_ID(dr_dataset_name, datasets)
NAME_BY_ID(dr_allocation_name, allocations)
NAME_BY_ID(dr_zone_name, zones)

const char *dr_grid_cap_name(const struct dr_core *core, uint32_t id)
{
    const struct dr_grid_cap *cap = dr_grid_cap_of(core, id);

    return cap == NULL ? NULL : cap->name;
}

const char *dr_window_name(const struct dr_core *core, uint32_t id)
{
    const struct dr_window *window = dr_window_of(core, id);

    return window == NULL ? NULL : window->name;
}

const char *dr_pool_name(const struct dr_core *core, uint32_t id, char text[DR_PART_NAME_BYTES])
{
    if (id == 0 || id > core->pools_count)
        return NULL;
    snprintf(text, DR_PART_NAME_BYTES, "%s/%s", dr_site_name(core, core->pools[id - 1].site.v),
             core->pools[id - 1].name);
    return text;
}

static const char *node_name(const struct dr_core *core, uint32_t id, char text[DR_PART_NAME_BYTES])
{
    return id == 0 || id > core->nodes_count ? NULL : dr_node_name(core, (dr_node_id){id}, text);
}

void dr_roles_json(struct dr_buffer *out, const char *name, uint8_t roles)
{
    dr_put_begin(out, name, '[');
    for (uint32_t role = 0; role < DR_ROLE_COUNT; role += 1) {
        if ((roles >> role) & 1)
            dr_put_text(out, NULL, dr_role_name((enum dr_role)role));
    }
    dr_put_end(out, ']');
}

/* ---- what a number means ---- */

enum meaning {
    PLAIN,
    ACCOUNT,
    CHIP,
    SITE,
    POOL,
    NODE,
    USER,
    GROUP,
    CLASS,
    DATASET,
    ALLOCATION,
    ZONE,
    GRID_CAP,
    WINDOW,
    JOB_STATE,
    OUTCOME,
    STOP_CAUSE,
    RULE,
    RESOURCE,
    ENGINE,
    SHARE,
    FAIR_PREEMPTION,
    ORDERING,
    PLACEMENT,
    ROLES,
    CLASSES,
    LEVEL_KIND,
    FLAG,
    SECRET,
};

static const struct {
    const char *field;
    enum meaning meaning;
} MEANINGS[] = {
    {"account", ACCOUNT},
    {"parent", ACCOUNT},
    {"owner", ACCOUNT},
    {"default_account", ACCOUNT},
    {"consent", ACCOUNT},
    {"chip", CHIP},
    {"site", SITE},
    {"pool", POOL},
    {"node", NODE},
    {"nodes", NODE},
    {"user", USER},
    {"job_user", USER},
    {"token_user", USER},
    {"group", GROUP},
    {"groups", GROUP},
    {"data_class", CLASS},
    {"dataset", DATASET},
    {"datasets", DATASET},
    {"allocation", ALLOCATION},
    {"zone", ZONE},
    {"cap", GRID_CAP},
    {"window", WINDOW},
    {"accounts", ACCOUNT},
    {"state", JOB_STATE},
    {"next_state", JOB_STATE},
    {"outcome", OUTCOME},
    {"cause", STOP_CAUSE},
    {"rule", RULE},
    {"resource", RESOURCE},
    {"engine", ENGINE},
    {"share", SHARE},
    {"fair_preemption", FAIR_PREEMPTION},
    {"ordering", ORDERING},
    {"placement", PLACEMENT},
    {"no_backfill", FLAG},
    {"no_preemption", FLAG},
    {"roles", ROLES},
    {"classes", CLASSES},
    {"level_kind", LEVEL_KIND},
    {"secret_hash", SECRET},
    {"is_virtual", FLAG},
    {"isolated_network", FLAG},
    {"power_down", FLAG},
    {"slurm_count_placement", FLAG},
    {"site_knows", FLAG},
    {"answers", FLAG},
    {"drained", FLAG},
    {"down", FLAG},
    {"off", FLAG},
    {"removing", FLAG},
    {"removed", FLAG},
    {"preempt_below", FLAG},
    {"limit_total", FLAG},
    {"deadline_ends", FLAG},
    {"preemptible", FLAG},
    {"flexible", FLAG},
    {"requeue", FLAG},
    {"fenced", FLAG},
    {"held", FLAG},
    {"active", FLAG},
    {"declared", FLAG},
    {"hold", FLAG},
    {"evict", FLAG},
    {"forced", FLAG},
    {"over", FLAG},
    {"checkpoint_on_warning", FLAG},
};

static enum meaning meaning_of(const char *field)
{
    for (size_t i = 0; i < DR_COUNT_OF(MEANINGS); i += 1) {
        if (strcmp(MEANINGS[i].field, field) == 0)
            return MEANINGS[i].meaning;
    }
    return PLAIN;
}

static const char *part_name(const struct dr_core *core, enum meaning meaning, uint32_t id,
                             char text[DR_PART_NAME_BYTES])
{
    switch (meaning) {
    case ACCOUNT:
        return dr_account_name(core, id);
    case CHIP:
        return dr_chip_name(core, id);
    case SITE:
        return dr_site_name(core, id);
    case POOL:
        return dr_pool_name(core, id, text);
    case NODE:
        return node_name(core, id, text);
    case USER:
        return dr_user_name(core, id);
    case GROUP:
        return dr_group_name(core, id);
    case CLASS:
        return dr_class_name(core, id);
    case DATASET:
        return dr_dataset_name(core, id);
    case ALLOCATION:
        return dr_allocation_name(core, id);
    case ZONE:
        return dr_zone_name(core, id);
    case GRID_CAP:
        return dr_grid_cap_name(core, id);
    case WINDOW:
        return dr_window_name(core, id);
    case PLAIN:
    case JOB_STATE:
    case OUTCOME:
    case STOP_CAUSE:
    case RULE:
    case RESOURCE:
    case ENGINE:
    case SHARE:
    case FAIR_PREEMPTION:
    case ORDERING:
    case PLACEMENT:
    case ROLES:
    case CLASSES:
    case LEVEL_KIND:
    case FLAG:
    case SECRET:
        break;
    }
    return NULL;
}

static void small_number(struct dr_buffer *out, const struct dr_core *core, const char *name,
                         uint32_t value)
{
    static const char *const LEVEL_KINDS[] = {"none", "preferred", "required"};
    enum meaning meaning = meaning_of(name);
    char text[DR_PART_NAME_BYTES];
    char beside[80];

    switch (meaning) {
    case ACCOUNT:
    case CHIP:
    case SITE:
    case POOL:
    case NODE:
    case USER:
    case GROUP:
    case CLASS:
    case DATASET:
    case ALLOCATION:
    case ZONE:
    case GRID_CAP:
    case WINDOW:
        dr_put_u64(out, name, value);
        snprintf(beside, sizeof beside, "%s_name", name);
        dr_put_text(out, beside, part_name(core, meaning, value, text));
        return;
    case JOB_STATE:
        dr_put_text(out, name, dr_job_state_name((enum dr_job_state)value));
        return;
    case OUTCOME:
        dr_put_text(out, name, dr_outcome_name((enum dr_outcome)value));
        return;
    case STOP_CAUSE:
        dr_put_text(out, name, dr_stop_cause_name((enum dr_stop_cause)value));
        return;
    case RULE:
        dr_put_text(out, name, dr_rule_name((enum dr_rule)value));
        return;
    case RESOURCE:
        dr_put_text(out, name, dr_resource_name((enum dr_resource)value));
        return;
    case ENGINE:
        dr_put_text(out, name, dr_engine_kind_name((enum dr_engine_kind)value));
        return;
    case SHARE:
        dr_put_text(out, name, dr_share_name((enum dr_share)value));
        return;
    case FAIR_PREEMPTION:
        dr_put_text(out, name, dr_fair_preemption_name((enum dr_fair_preemption)value));
        return;
    case ORDERING:
        dr_put_text(out, name, dr_ordering_name((enum dr_ordering)value));
        return;
    case PLACEMENT:
        dr_put_text(out, name, dr_placement_name((enum dr_placement)value));
        return;
    case ROLES:
        dr_roles_json(out, name, (uint8_t)value);
        return;
    case LEVEL_KIND:
        dr_put_text(out, name, LEVEL_KINDS[value < 3 ? value : 0]);
        return;
    case FLAG:
        dr_put_bool(out, name, value != 0);
        return;
    case PLAIN:
    case CLASSES:
    case SECRET:
        dr_put_u64(out, name, value);
        return;
    }
}

/* ---- lists ---- */

static void bits(struct dr_buffer *out, const struct dr_core *core, const char *name,
                 uint64_t words, const char *(*name_of)(const struct dr_core *core, uint32_t id))
{
    dr_put_begin(out, name, '[');
    for (uint32_t row = 0; row < 64; row += 1) {
        if ((words >> row) & 1)
            dr_put_text(out, NULL, name_of(core, row + 1));
    }
    dr_put_end(out, ']');
}

static void sites(struct dr_buffer *out, const struct dr_core *core, const char *name,
                  const struct dr_site_set *set)
{
    dr_put_begin(out, name, '[');
    for (uint32_t row = 0; row < DR_SITES_MAX; row += 1) {
        if (dr_site_set_has(set, row))
            dr_put_text(out, NULL, dr_site_name(core, row + 1));
    }
    dr_put_end(out, ']');
}

static void extents(struct dr_buffer *out, const struct dr_core *core, const struct dr_extent *list,
                    uint32_t count)
{
    char text[DR_PART_NAME_BYTES];

    for (uint32_t i = 0; i < count; i += 1) {
        dr_put_begin(out, NULL, '{');
        dr_put_u64(out, "node", list[i].node.v);
        dr_put_text(out, "node_name", node_name(core, list[i].node.v, text));
        dr_put_u64(out, "tasks", list[i].tasks);
        dr_put_begin(out, "accelerators", '[');
        for (uint32_t bit = 0; bit < 64; bit += 1) {
            if ((list[i].accelerators >> bit) & 1)
                dr_put_u64(out, NULL, bit);
        }
        dr_put_end(out, ']');
        dr_put_end(out, '}');
    }
}

static void alternatives(struct dr_buffer *out, const struct dr_core *core,
                         const struct dr_alternative *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 1) {
        dr_put_begin(out, NULL, '{');
        bits(out, core, "chips", list[i].chips, dr_chip_name);
        dr_put_u64(out, "tasks", list[i].tasks);
        dr_put_u64(out, "accelerators_per_task_milli", list[i].accelerators_per_task);
        dr_put_u64(out, "cpus_per_task_milli", list[i].cpus_per_task);
        dr_put_u64(out, "memory_mb_per_task", list[i].memory_mb_per_task);
        dr_put_u64(out, "tasks_per_node_max", list[i].tasks_per_node_max);
        dr_put_u64(out, "factor_milli", list[i].factor);
        dr_put_end(out, '}');
    }
}

static void dependencies(struct dr_buffer *out, const struct dr_dependency *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 1) {
        dr_put_begin(out, NULL, '{');
        dr_put_text(out, "kind", dr_dependency_kind_name(list[i].kind));
        dr_put_u64(out, "job", list[i].job.v);
        dr_put_end(out, '}');
    }
}

static void levels(struct dr_buffer *out, const struct dr_level *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 1) {
        dr_put_begin(out, NULL, '{');
        dr_put_text(out, "name", list[i].name);
        dr_put_u64(out, "nodes", list[i].nodes);
        dr_put_end(out, '}');
    }
}

static void memberships(struct dr_buffer *out, const struct dr_core *core,
                        const struct dr_membership *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 1) {
        dr_put_begin(out, NULL, '{');
        small_number(out, core, "account", list[i].account.v);
        dr_put_text(out, "role", dr_role_name(list[i].role));
        dr_put_end(out, '}');
    }
}

static void unless_forever(struct dr_buffer *out, const char *name, int64_t value)
{
    if (value == DR_FOREVER_US)
        dr_put_null(out, name);
    else
        dr_put_i64(out, name, value);
}

static void limits(struct dr_buffer *out, const struct dr_core *core,
                   const struct dr_quota_limits *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 1) {
        dr_put_begin(out, NULL, '{');
        small_number(out, core, "group", list[i].group.v);
        dr_put_i64(out, "guarantee", list[i].guarantee);
        unless_forever(out, "borrow", list[i].borrow);
        unless_forever(out, "lend", list[i].lend);
        dr_put_end(out, '}');
    }
}

static void ids(struct dr_buffer *out, const struct dr_core *core, const char *name,
                const uint32_t *list, uint32_t count)
{
    enum meaning meaning = meaning_of(name);
    char text[DR_PART_NAME_BYTES];
    char beside[80];

    dr_put_begin(out, name, '[');
    for (uint32_t i = 0; i < count; i += 1)
        dr_put_u64(out, NULL, list[i]);
    dr_put_end(out, ']');
    if (meaning == PLAIN)
        return;
    snprintf(beside, sizeof beside, "%s_names", name);
    dr_put_begin(out, beside, '[');
    for (uint32_t i = 0; i < count; i += 1)
        dr_put_text(out, NULL, part_name(core, meaning, list[i], text));
    dr_put_end(out, ']');
}

/* ---- one field, one fact ---- */

/* All 64 bits are used: more than a JSON reader's integers hold. */
static void hash_text(struct dr_buffer *out, const char *name, uint64_t hash)
{
    char text[17];

    snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
    dr_put_text(out, name, text);
}

static void field_json(struct dr_buffer *out, const struct dr_core *core,
                       const struct dr_fact *fact, const struct dr_field *field)
{
    const uint8_t *at = (const uint8_t *)fact + field->offset;
    uint32_t count = 0;
    const void *list = NULL;
    const char *note = NULL;
    char hex[65];

    if (field->count_offset != 0) {
        memcpy(&count, (const uint8_t *)fact + field->count_offset, sizeof count);
        memcpy(&list, at, sizeof list);
    }
    if (field->type == DR_FIELD_note)
        memcpy(&note, at, sizeof note);
    switch (field->type) {
    case DR_FIELD_u8:
        small_number(out, core, field->name, *at);
        return;
    case DR_FIELD_u32:
        small_number(out, core, field->name, *(const uint32_t *)(const void *)at);
        return;
    case DR_FIELD_u64:
        if (meaning_of(field->name) == CLASSES)
            bits(out, core, field->name, *(const uint64_t *)(const void *)at, dr_class_name);
        else if (strcmp(field->name, "name_key") == 0)
            hash_text(out, field->name, *(const uint64_t *)(const void *)at);
        else
            dr_put_u64(out, field->name, *(const uint64_t *)(const void *)at);
        return;
    case DR_FIELD_i32:
        dr_put_i64(out, field->name, *(const int32_t *)(const void *)at);
        return;
    case DR_FIELD_i64:
        unless_forever(out, field->name, *(const int64_t *)(const void *)at);
        return;
    case DR_FIELD_name:
        dr_put_text(out, field->name, (const char *)at);
        return;
    case DR_FIELD_note:
        dr_put_text(out, field->name, note == NULL ? "" : note);
        return;
    case DR_FIELD_hash:
        if (meaning_of(field->name) == SECRET)
            return;
        dr_format_hex(at, 32, hex);
        dr_put_text(out, field->name, hex);
        return;
    case DR_FIELD_sites:
        sites(out, core, field->name, (const struct dr_site_set *)(const void *)at);
        return;
    case DR_FIELD_u32s:
        ids(out, core, field->name, list, count);
        return;
    case DR_FIELD_extents:
    case DR_FIELD_alternatives:
    case DR_FIELD_dependencies:
    case DR_FIELD_levels:
    case DR_FIELD_memberships:
    case DR_FIELD_limits:
    case DR_FIELD_i64s:
    case DR_FIELD_names:
        break;
    }
    dr_put_begin(out, field->name, '[');
    if (field->type == DR_FIELD_extents)
        extents(out, core, list, count);
    else if (field->type == DR_FIELD_alternatives)
        alternatives(out, core, list, count);
    else if (field->type == DR_FIELD_dependencies)
        dependencies(out, list, count);
    else if (field->type == DR_FIELD_levels)
        levels(out, list, count);
    else if (field->type == DR_FIELD_memberships)
        memberships(out, core, list, count);
    else if (field->type == DR_FIELD_limits)
        limits(out, core, list, count);
    for (uint32_t i = 0; i < count && field->type == DR_FIELD_i64s; i += 1)
        dr_put_i64(out, NULL, ((const int64_t *)list)[i]);
    for (uint32_t i = 0; i < count && field->type == DR_FIELD_names; i += 1)
        dr_put_text(out, NULL, ((const struct dr_name *)list)[i].text);
    dr_put_end(out, ']');
}

void dr_fact_json(struct dr_buffer *out, const struct dr_core *core, const struct dr_fact *fact)
{
    const struct dr_fact_description *description = dr_fact_describe((uint32_t)fact->kind);

    DR_ASSERT(description != NULL);
    dr_put_begin(out, NULL, '{');
    dr_put_u64(out, "seq", fact->seq);
    dr_put_i64(out, "time_us", fact->time_us);
    dr_put_text(out, "kind", description->name);
    dr_put_u64(out, "by_user", fact->user.v);
    dr_put_text(out, "by_user_name", dr_user_name(core, fact->user.v));
    dr_put_u64(out, "by_token", fact->token.v);
    dr_put_text(out, "source", fact->source);
    dr_put_text(out, "reason", fact->reason);
    for (uint32_t i = 0; i < description->fields_count; i += 1)
        field_json(out, core, fact, &description->fields[i]);
    dr_put_end(out, '}');
}
