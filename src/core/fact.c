/* SPDX-License-Identifier: Apache-2.0 */
/* The codec of facts: loops over the descriptions that core/fact_table.h gives. */
#include "core/fact.h"

#include <stddef.h>

/* ---- descriptions ---- */

#define DR_COUNT_u8(fact, name)           0
#define DR_COUNT_u32(fact, name)          0
#define DR_COUNT_u64(fact, name)          0
#define DR_COUNT_i32(fact, name)          0
#define DR_COUNT_i64(fact, name)          0
#define DR_COUNT_name(fact, name)         0
#define DR_COUNT_note(fact, name)         0
#define DR_COUNT_hash(fact, name)         0
#define DR_COUNT_sites(fact, name)        0
#define DR_COUNT_LIST(fact, name)         (uint32_t) offsetof(struct dr_fact, fact.name##_count)
#define DR_COUNT_extents(fact, name)      DR_COUNT_LIST(fact, name)
#define DR_COUNT_alternatives(fact, name) DR_COUNT_LIST(fact, name)
#define DR_COUNT_dependencies(fact, name) DR_COUNT_LIST(fact, name)
#define DR_COUNT_levels(fact, name)       DR_COUNT_LIST(fact, name)
#define DR_COUNT_memberships(fact, name)  DR_COUNT_LIST(fact, name)
#define DR_COUNT_limits(fact, name)       DR_COUNT_LIST(fact, name)
#define DR_COUNT_u32s(fact, name)         DR_COUNT_LIST(fact, name)
#define DR_COUNT_i64s(fact, name)         DR_COUNT_LIST(fact, name)
#define DR_COUNT_names(fact, name)        DR_COUNT_LIST(fact, name)

/* The field lists know nothing of their fact, so DR_HERE names it around each use. */
#define DR_FIELD_ROW(type, name, doc)                                          \
    {#name, DR_FIELD_##type, (uint32_t)offsetof(struct dr_fact, DR_HERE.name), \
     DR_COUNT_##type(DR_HERE, name), doc},

#define DR_HERE leader_took
static const struct dr_field fields_leader_took[] = {DR_FIELDS_leader_took(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE tick
static const struct dr_field fields_tick[] = {DR_FIELDS_tick(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE settings_set
static const struct dr_field fields_settings_set[] = {DR_FIELDS_settings_set(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE chip_set
static const struct dr_field fields_chip_set[] = {DR_FIELDS_chip_set(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE chip_removed
static const struct dr_field fields_chip_removed[] = {DR_FIELDS_chip_removed(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE site_set
static const struct dr_field fields_site_set[] = {DR_FIELDS_site_set(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE site_removed
static const struct dr_field fields_site_removed[] = {DR_FIELDS_site_removed(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE site_reach
static const struct dr_field fields_site_reach[] = {DR_FIELDS_site_reach(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE group_set
static const struct dr_field fields_group_set[] = {DR_FIELDS_group_set(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE group_removed
static const struct dr_field fields_group_removed[] = {DR_FIELDS_group_removed(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE part_leaving
static const struct dr_field fields_part_leaving[] = {DR_FIELDS_part_leaving(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE pool_set
static const struct dr_field fields_pool_set[] = {DR_FIELDS_pool_set(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE pool_removed
static const struct dr_field fields_pool_removed[] = {DR_FIELDS_pool_removed(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE nodes_added
static const struct dr_field fields_nodes_added[] = {DR_FIELDS_nodes_added(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE node_flags
static const struct dr_field fields_node_flags[] = {DR_FIELDS_node_flags(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE data_class_set
static const struct dr_field fields_data_class_set[] = {DR_FIELDS_data_class_set(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE data_class_removed
static const struct dr_field fields_data_class_removed[] = {
    DR_FIELDS_data_class_removed(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE dataset_set
static const struct dr_field fields_dataset_set[] = {DR_FIELDS_dataset_set(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE dataset_removed
static const struct dr_field fields_dataset_removed[] = {DR_FIELDS_dataset_removed(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE account_set
static const struct dr_field fields_account_set[] = {DR_FIELDS_account_set(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE account_removed
static const struct dr_field fields_account_removed[] = {DR_FIELDS_account_removed(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE allocation_set
static const struct dr_field fields_allocation_set[] = {DR_FIELDS_allocation_set(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE allocation_removed
static const struct dr_field fields_allocation_removed[] = {
    DR_FIELDS_allocation_removed(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE allocation_term
static const struct dr_field fields_allocation_term[] = {DR_FIELDS_allocation_term(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE zone_set
static const struct dr_field fields_zone_set[] = {DR_FIELDS_zone_set(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE zone_removed
static const struct dr_field fields_zone_removed[] = {DR_FIELDS_zone_removed(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE grid_cap_set
static const struct dr_field fields_grid_cap_set[] = {DR_FIELDS_grid_cap_set(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE grid_cap_removed
static const struct dr_field fields_grid_cap_removed[] = {DR_FIELDS_grid_cap_removed(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE power_short
static const struct dr_field fields_power_short[] = {DR_FIELDS_power_short(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE nodes_power
static const struct dr_field fields_nodes_power[] = {DR_FIELDS_nodes_power(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE window_made
static const struct dr_field fields_window_made[] = {DR_FIELDS_window_made(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE window_dropped
static const struct dr_field fields_window_dropped[] = {DR_FIELDS_window_dropped(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE window_held
static const struct dr_field fields_window_held[] = {DR_FIELDS_window_held(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE decided_nothing
static const struct dr_field fields_decided_nothing[] = {DR_FIELDS_decided_nothing(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE user_set
static const struct dr_field fields_user_set[] = {DR_FIELDS_user_set(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE user_removed
static const struct dr_field fields_user_removed[] = {DR_FIELDS_user_removed(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE token_issued
static const struct dr_field fields_token_issued[] = {DR_FIELDS_token_issued(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE token_revoked
static const struct dr_field fields_token_revoked[] = {DR_FIELDS_token_revoked(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE job_accepted
static const struct dr_field fields_job_accepted[] = {DR_FIELDS_job_accepted(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE job_held
static const struct dr_field fields_job_held[] = {DR_FIELDS_job_held(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE job_released
static const struct dr_field fields_job_released[] = {DR_FIELDS_job_released(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE job_promised
static const struct dr_field fields_job_promised[] = {DR_FIELDS_job_promised(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE promise_dropped
static const struct dr_field fields_promise_dropped[] = {DR_FIELDS_promise_dropped(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE reservation_made
static const struct dr_field fields_reservation_made[] = {DR_FIELDS_reservation_made(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE reservation_dropped
static const struct dr_field fields_reservation_dropped[] = {
    DR_FIELDS_reservation_dropped(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE job_placed
static const struct dr_field fields_job_placed[] = {DR_FIELDS_job_placed(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE attempt_started
static const struct dr_field fields_attempt_started[] = {DR_FIELDS_attempt_started(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE checkpoint_seen
static const struct dr_field fields_checkpoint_seen[] = {DR_FIELDS_checkpoint_seen(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE attempt_reach
static const struct dr_field fields_attempt_reach[] = {DR_FIELDS_attempt_reach(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE attempt_stopping
static const struct dr_field fields_attempt_stopping[] = {DR_FIELDS_attempt_stopping(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE attempt_ended
static const struct dr_field fields_attempt_ended[] = {DR_FIELDS_attempt_ended(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE job_ended
static const struct dr_field fields_job_ended[] = {DR_FIELDS_job_ended(DR_FIELD_ROW)};
#undef DR_HERE
#define DR_HERE text_erased
static const struct dr_field fields_text_erased[] = {DR_FIELDS_text_erased(DR_FIELD_ROW)};
#undef DR_HERE

static const struct dr_fact_description descriptions[] = {
#define DR_DESCRIPTION(number, NAME, name, doc) \
    {DR_FACT_##NAME, #NAME, doc, fields_##name, DR_COUNT_OF(fields_##name)},
    DR_FACTS(DR_DESCRIPTION)
#undef DR_DESCRIPTION
};

/* Numbers of kinds have gaps: where each one is described, plus one. */
enum place {
#define DR_PLACE(number, NAME, name, doc) PLACE_##NAME,
    DR_FACTS(DR_PLACE)
#undef DR_PLACE
};

static const uint8_t places[] = {
#define DR_PLACE(number, NAME, name, doc) [DR_FACT_##NAME] = PLACE_##NAME + 1,
    DR_FACTS(DR_PLACE)
#undef DR_PLACE
};

const struct dr_fact_description *dr_fact_describe(uint32_t kind)
{
    if (kind >= DR_COUNT_OF(places) || places[kind] == 0)
        return NULL;
    return &descriptions[places[kind] - 1];
}

const struct dr_fact_description *dr_fact_descriptions(uint32_t *count)
{
    *count = DR_COUNT_OF(descriptions);
    return descriptions;
}

/* ---- writing ---- */

struct writer {
    uint8_t *at;
    uint8_t *end;
    int full;
};

static void put_u64(struct writer *writer, uint64_t value)
{
    uint8_t *at = writer->at;

    for (; value > 0x7f && at < writer->end; value >>= 7) {
        *at = (uint8_t)(value | 0x80);
        at += 1;
    }
    if (at == writer->end) {
        writer->full = 1;
        return;
    }
    *at = (uint8_t)value;
    writer->at = at + 1;
}

static void put_i64(struct writer *writer, int64_t value)
{
    put_u64(writer, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

static void put_bytes(struct writer *writer, const void *bytes, size_t count)
{
    if ((size_t)(writer->end - writer->at) < count) {
        writer->full = 1;
        return;
    }
    if (count > 0)
        memcpy(writer->at, bytes, count);
    writer->at += count;
}

static void put_text(struct writer *writer, const char *text, size_t bytes_max)
{
    size_t length = 0;

    while (text != NULL && length < bytes_max && text[length] != '\0')
        length += 1;
    put_u64(writer, length);
    put_bytes(writer, text, length);
}

static void put_field(struct writer *writer, const struct dr_fact *fact,
                      const struct dr_field *field)
{
    const uint8_t *place = (const uint8_t *)fact + field->offset;
    const void *list = NULL;
    uint32_t count = 0;

    if (field->count_offset != 0) {
        memcpy(&list, place, sizeof list);
        memcpy(&count, (const uint8_t *)fact + field->count_offset, sizeof count);
        put_u64(writer, count);
    }
    switch (field->type) {
    case DR_FIELD_u8:
        put_u64(writer, *place);
        return;
    case DR_FIELD_u32:
        put_u64(writer, *(const uint32_t *)place);
        return;
    case DR_FIELD_u64:
        put_u64(writer, *(const uint64_t *)place);
        return;
    case DR_FIELD_i32:
        put_i64(writer, *(const int32_t *)place);
        return;
    case DR_FIELD_i64:
        put_i64(writer, *(const int64_t *)place);
        return;
    case DR_FIELD_name:
        put_text(writer, (const char *)place, DR_NAME_BYTES - 1);
        return;
    case DR_FIELD_note:
        put_text(writer, *(const char *const *)place, DR_NOTE_BYTES - 1);
        return;
    case DR_FIELD_hash:
        put_bytes(writer, place, 32);
        return;
    case DR_FIELD_sites: {
        const struct dr_site_set *set = (const struct dr_site_set *)place;
        uint32_t words = DR_SITES_MAX / 64;

        while (words > 0 && set->words[words - 1] == 0)
            words -= 1;
        put_u64(writer, words);
        for (uint32_t i = 0; i < words; i += 1)
            put_u64(writer, set->words[i]);
        return;
    }
    case DR_FIELD_extents:
        for (uint32_t i = 0; i < count; i += 1) {
            const struct dr_extent *item = (const struct dr_extent *)list + i;

            put_u64(writer, item->node.v);
            put_u64(writer, item->tasks);
            put_u64(writer, item->accelerators);
        }
        return;
    case DR_FIELD_alternatives:
        for (uint32_t i = 0; i < count; i += 1) {
            const struct dr_alternative *item = (const struct dr_alternative *)list + i;

            put_u64(writer, item->chips);
            put_u64(writer, item->tasks);
            put_u64(writer, item->accelerators_per_task);
            put_u64(writer, item->cpus_per_task);
            put_u64(writer, item->memory_mb_per_task);
            put_u64(writer, item->tasks_per_node_max);
            put_u64(writer, item->factor);
        }
        return;
    case DR_FIELD_dependencies:
        for (uint32_t i = 0; i < count; i += 1) {
            const struct dr_dependency *item = (const struct dr_dependency *)list + i;

            put_u64(writer, (uint64_t)item->kind);
            put_u64(writer, item->job.v);
        }
        return;
    case DR_FIELD_levels:
        for (uint32_t i = 0; i < count; i += 1) {
            const struct dr_level *item = (const struct dr_level *)list + i;

            put_text(writer, item->name, DR_NAME_BYTES - 1);
            put_u64(writer, item->nodes);
        }
        return;
    case DR_FIELD_memberships:
        for (uint32_t i = 0; i < count; i += 1) {
            const struct dr_membership *item = (const struct dr_membership *)list + i;

            put_u64(writer, item->account.v);
            put_u64(writer, (uint64_t)item->role);
        }
        return;
    case DR_FIELD_limits:
        for (uint32_t i = 0; i < count; i += 1) {
            const struct dr_quota_limits *item = (const struct dr_quota_limits *)list + i;

            put_u64(writer, item->group.v);
            put_i64(writer, item->guarantee);
            put_i64(writer, item->borrow);
            put_i64(writer, item->lend);
        }
        return;
    case DR_FIELD_u32s:
        for (uint32_t i = 0; i < count; i += 1)
            put_u64(writer, ((const uint32_t *)list)[i]);
        return;
    case DR_FIELD_i64s:
        for (uint32_t i = 0; i < count; i += 1)
            put_i64(writer, ((const int64_t *)list)[i]);
        return;
    case DR_FIELD_names:
        for (uint32_t i = 0; i < count; i += 1)
            put_text(writer, ((const struct dr_name *)list)[i].text, DR_NAME_BYTES - 1);
        return;
    }
}

/* The length ahead takes four bytes always, little end first, so that the record can be written in
 * place. */
#define LENGTH_BYTES 4

uint32_t dr_fact_encode(const struct dr_fact *fact, uint8_t *bytes, uint32_t bytes_max)
{
    const struct dr_fact_description *description = dr_fact_describe((uint32_t)fact->kind);
    struct writer writer;
    uint32_t length;

    DR_ASSERT(description != NULL);
    if (bytes_max <= LENGTH_BYTES)
        return 0;
    writer = (struct writer){.at = bytes + LENGTH_BYTES, .end = bytes + bytes_max};
    put_u64(&writer, (uint64_t)fact->kind);
    put_i64(&writer, fact->time_us);
    put_u64(&writer, fact->user.v);
    put_u64(&writer, fact->token.v);
    put_text(&writer, fact->source, DR_NOTE_BYTES - 1);
    put_text(&writer, fact->reason, DR_NOTE_BYTES - 1);
    for (uint32_t i = 0; i < description->fields_count; i += 1)
        put_field(&writer, fact, &description->fields[i]);
    if (writer.full)
        return 0;
    length = (uint32_t)(writer.at - bytes) - LENGTH_BYTES;
    DR_ASSERT(length <= DR_FACT_BYTES_MAX);
    for (uint32_t i = 0; i < LENGTH_BYTES; i += 1)
        bytes[i] = (uint8_t)(length >> (8 * i));
    return length + LENGTH_BYTES;
}

/* ---- reading ---- */

struct reader {
    const uint8_t *begin;
    const uint8_t *at;
    const uint8_t *end;
    struct dr_arena *arena;
    const char *field; /* what is being read */
    enum dr_status status;
};

static void fail(struct reader *reader, enum dr_status status)
{
    if (reader->status == DR_OK)
        reader->status = status;
}

static uint64_t get_u64(struct reader *reader, uint64_t max)
{
    uint64_t value = 0;

    for (uint32_t shift = 0; shift < 64; shift += 7) {
        uint8_t byte;

        if (reader->status != DR_OK || reader->at == reader->end) {
            fail(reader, DR_E_CORRUPT);
            return 0;
        }
        byte = *reader->at;
        if (shift == 63 && byte > 1)
            break;
        reader->at += 1;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            if (value > max)
                break;
            return value;
        }
    }
    fail(reader, DR_E_CORRUPT);
    return 0;
}

static int64_t get_i64(struct reader *reader)
{
    uint64_t value = get_u64(reader, UINT64_MAX);

    return (int64_t)((value >> 1) ^ (0 - (value & 1)));
}

static uint32_t get_u32(struct reader *reader)
{
    return (uint32_t)get_u64(reader, UINT32_MAX);
}

/* A text of at most bytes_max bytes without a 0 in it; NULL when empty. */
static const char *get_note(struct reader *reader, uint32_t bytes_max)
{
    uint64_t length = get_u64(reader, bytes_max);
    char *text;

    if (reader->status != DR_OK || length == 0)
        return NULL;
    if ((uint64_t)(reader->end - reader->at) < length || memchr(reader->at, '\0', length) != NULL) {
        fail(reader, DR_E_CORRUPT);
        return NULL;
    }
    text = dr_arena_push(reader->arena, length + 1, 1);
    if (text == NULL) {
        fail(reader, DR_E_FULL);
        return NULL;
    }
    memcpy(text, reader->at, length);
    text[length] = '\0';
    reader->at += length;
    return text;
}

static void get_name(struct reader *reader, char to[DR_NAME_BYTES])
{
    uint64_t length = get_u64(reader, DR_NAME_BYTES - 1);

    memset(to, 0, DR_NAME_BYTES);
    if (reader->status != DR_OK)
        return;
    if ((uint64_t)(reader->end - reader->at) < length || memchr(reader->at, '\0', length) != NULL) {
        fail(reader, DR_E_CORRUPT);
        return;
    }
    memcpy(to, reader->at, length);
    reader->at += length;
}

static void *get_list(struct reader *reader, size_t bytes, uint32_t *count)
{
    /* Every element takes a byte at least, which bounds the count by what is there. */
    uint64_t wanted = get_u64(reader, UINT32_MAX);
    void *list = NULL;

    *count = 0;
    if (reader->status != DR_OK || wanted == 0)
        return NULL;
    if (wanted > (uint64_t)(reader->end - reader->at)) {
        fail(reader, DR_E_CORRUPT);
        return NULL;
    }
    list = dr_arena_push(reader->arena, wanted, bytes);
    if (list == NULL) {
        fail(reader, DR_E_FULL);
        return NULL;
    }
    memset(list, 0, wanted * bytes);
    *count = (uint32_t)wanted;
    return list;
}

static void get_field(struct reader *reader, struct dr_fact *fact, const struct dr_field *field)
{
    uint8_t *place = (uint8_t *)fact + field->offset;
    void *list = NULL;
    uint32_t count = 0;

    switch (field->type) {
    case DR_FIELD_u8:
        *place = (uint8_t)get_u64(reader, UINT8_MAX);
        return;
    case DR_FIELD_u32:
        *(uint32_t *)place = get_u32(reader);
        return;
    case DR_FIELD_u64:
        *(uint64_t *)place = get_u64(reader, UINT64_MAX);
        return;
    case DR_FIELD_i32: {
        int64_t value = get_i64(reader);

        if (value < INT32_MIN || value > INT32_MAX)
            fail(reader, DR_E_CORRUPT);
        *(int32_t *)place = (int32_t)value;
        return;
    }
    case DR_FIELD_i64:
        *(int64_t *)place = get_i64(reader);
        return;
    case DR_FIELD_name:
        get_name(reader, (char *)place);
        return;
    case DR_FIELD_note:
        *(const char **)place = get_note(reader, DR_NOTE_BYTES - 1);
        return;
    case DR_FIELD_hash:
        if (reader->end - reader->at < 32) {
            fail(reader, DR_E_CORRUPT);
            return;
        }
        memcpy(place, reader->at, 32);
        reader->at += 32;
        return;
    case DR_FIELD_sites: {
        struct dr_site_set *set = (struct dr_site_set *)place;
        uint64_t words = get_u64(reader, DR_SITES_MAX / 64);

        for (uint64_t i = 0; i < words; i += 1)
            set->words[i] = get_u64(reader, UINT64_MAX);
        return;
    }
    case DR_FIELD_extents: {
        struct dr_extent *items = get_list(reader, sizeof items[0], &count);

        for (uint32_t i = 0; i < count; i += 1) {
            items[i].node.v = get_u32(reader);
            items[i].tasks = (uint32_t)get_u64(reader, DR_TASKS_MAX);
            items[i].accelerators = get_u64(reader, UINT64_MAX);
        }
        list = items;
        break;
    }
    case DR_FIELD_alternatives: {
        struct dr_alternative *items = get_list(reader, sizeof items[0], &count);

        for (uint32_t i = 0; i < count; i += 1) {
            items[i].chips = get_u64(reader, UINT64_MAX);
            items[i].tasks = (uint32_t)get_u64(reader, DR_TASKS_MAX);
            items[i].accelerators_per_task = get_u32(reader);
            items[i].cpus_per_task = get_u32(reader);
            items[i].memory_mb_per_task = get_u32(reader);
            items[i].tasks_per_node_max = get_u32(reader);
            items[i].factor = get_u32(reader);
        }
        list = items;
        break;
    }
    case DR_FIELD_dependencies: {
        struct dr_dependency *items = get_list(reader, sizeof items[0], &count);

        for (uint32_t i = 0; i < count; i += 1) {
            items[i].kind = (enum dr_dependency_kind)get_u64(reader, DR_DEPENDENCY_SINGLETON);
            items[i].job.v = get_u64(reader, UINT64_MAX);
        }
        list = items;
        break;
    }
    case DR_FIELD_levels: {
        struct dr_level *items = get_list(reader, sizeof items[0], &count);

        for (uint32_t i = 0; i < count; i += 1) {
            get_name(reader, items[i].name);
            items[i].nodes = get_u32(reader);
        }
        list = items;
        break;
    }
    case DR_FIELD_memberships: {
        struct dr_membership *items = get_list(reader, sizeof items[0], &count);

        for (uint32_t i = 0; i < count; i += 1) {
            items[i].account.v = get_u32(reader);
            items[i].role = (enum dr_role)get_u64(reader, DR_ROLE_COUNT - 1);
        }
        list = items;
        break;
    }
    case DR_FIELD_limits: {
        struct dr_quota_limits *items = get_list(reader, sizeof items[0], &count);

        for (uint32_t i = 0; i < count; i += 1) {
            items[i].group.v = get_u32(reader);
            items[i].guarantee = get_i64(reader);
            items[i].borrow = get_i64(reader);
            items[i].lend = get_i64(reader);
        }
        list = items;
        break;
    }
    case DR_FIELD_u32s: {
        uint32_t *items = get_list(reader, sizeof items[0], &count);

        for (uint32_t i = 0; i < count; i += 1)
            items[i] = get_u32(reader);
        list = items;
        break;
    }
    case DR_FIELD_i64s: {
        int64_t *items = get_list(reader, sizeof items[0], &count);

        for (uint32_t i = 0; i < count; i += 1)
            items[i] = get_i64(reader);
        list = items;
        break;
    }
    case DR_FIELD_names: {
        struct dr_name *items = get_list(reader, sizeof items[0], &count);

        for (uint32_t i = 0; i < count; i += 1)
            get_name(reader, items[i].text);
        list = items;
        break;
    }
    }
    memcpy(place, &list, sizeof list);
    memcpy((uint8_t *)fact + field->count_offset, &count, sizeof count);
}

static enum dr_status corrupt(const struct reader *reader, struct dr_error *error)
{
    char offset[32];

    dr_format(offset, sizeof offset, "byte %ld", (long)(reader->at - reader->begin));
    dr_error_set(error, NULL, 0, reader->field, offset, "a fact's record");
    return reader->status;
}

enum dr_status dr_fact_decode(const uint8_t *bytes, uint32_t bytes_count, struct dr_arena *arena,
                              struct dr_fact *fact, uint32_t *taken, struct dr_error *error)
{
    const struct dr_fact_description *description;
    struct reader reader = {.begin = bytes,
                            .at = bytes,
                            .end = bytes + bytes_count,
                            .arena = arena,
                            .field = "length",
                            .status = DR_OK};
    uint32_t length = 0;
    uint32_t kind;

    if (bytes_count == 0)
        return DR_E_END;
    reader.status = DR_E_CORRUPT;
    if (bytes_count < LENGTH_BYTES)
        return corrupt(&reader, error);
    for (uint32_t i = 0; i < LENGTH_BYTES; i += 1)
        length |= (uint32_t)bytes[i] << (8 * i);
    if (length > DR_FACT_BYTES_MAX || length > bytes_count - LENGTH_BYTES)
        return corrupt(&reader, error);
    reader.status = DR_OK;
    reader.at += LENGTH_BYTES;
    reader.end = reader.at + length;

    reader.field = "kind";
    kind = get_u32(&reader);
    description = dr_fact_describe(kind);
    if (description == NULL)
        fail(&reader, DR_E_CORRUPT);
    memset(fact, 0, sizeof *fact);
    reader.field = "header";
    fact->time_us = get_i64(&reader);
    fact->user.v = get_u32(&reader);
    fact->token.v = get_u32(&reader);
    fact->source = get_note(&reader, DR_NOTE_BYTES - 1);
    fact->reason = get_note(&reader, DR_NOTE_BYTES - 1);
    if (reader.status != DR_OK)
        return corrupt(&reader, error);
    fact->kind = description->kind;
    for (uint32_t i = 0; i < description->fields_count; i += 1) {
        if (reader.at == reader.end)
            break; /* an older record: the rest is zero */
        reader.field = description->fields[i].name;
        get_field(&reader, fact, &description->fields[i]);
        if (reader.status != DR_OK)
            return corrupt(&reader, error);
    }
    if (reader.at != reader.end) {
        reader.field = "end";
        fail(&reader, DR_E_CORRUPT);
        return corrupt(&reader, error);
    }
    *taken = length + LENGTH_BYTES;
    return DR_OK;
}
