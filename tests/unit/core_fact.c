/* SPDX-License-Identifier: Apache-2.0 */
/* The codec of facts: what is written is read back, old records stay readable, anything else is
 * refused with its place, and the page in docs/ says what the table says. */
#include "test.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "core/fact.h"

static uint64_t next_random(uint64_t *seed)
{
    *seed += 0x9e3779b97f4a7c15ull;
    return dr_hash_u64(*seed);
}

/* Random content for every field; lists of up to 5. */
static void fill(struct dr_fact *fact, const struct dr_fact_description *about, uint64_t *seed,
                 struct dr_arena *arena)
{
    memset(fact, 0, sizeof *fact);
    fact->kind = about->kind;
    fact->time_us = (int64_t)(next_random(seed) >> 12);
    fact->user.v = (uint32_t)next_random(seed);
    fact->token.v = (uint32_t)(next_random(seed) & 3);
    fact->source = next_random(seed) & 1 ? "unix:uid=1000,pid=7" : NULL;
    fact->reason = next_random(seed) & 1 ? "a reason" : NULL;
    for (uint32_t i = 0; i < about->fields_count; i += 1) {
        const struct dr_field *field = &about->fields[i];
        uint8_t *place = (uint8_t *)fact + field->offset;
        uint32_t count = (uint32_t)(next_random(seed) % 6);
        uint64_t value = next_random(seed) >> (next_random(seed) % 64);
        void *list = NULL;

#define LIST(type, fields)                                            \
    do {                                                              \
        type *items = dr_arena_push(arena, count + 1u, sizeof(type)); \
                                                                      \
        for (uint32_t k = 0; k < count; k += 1) {                     \
            memset(&items[k], 0, sizeof(type));                       \
            fields;                                                   \
        }                                                             \
        list = count == 0 ? NULL : items;                             \
    } while (0)
        switch (field->type) {
        case DR_FIELD_u8:
            *place = (uint8_t)value;
            continue;
        case DR_FIELD_u32:
            *(uint32_t *)place = (uint32_t)value;
            continue;
        case DR_FIELD_i32:
            *(int32_t *)place = (int32_t)value;
            continue;
        case DR_FIELD_u64:
        case DR_FIELD_i64:
            *(uint64_t *)place = value;
            continue;
        case DR_FIELD_name:
            memset(place, 'a' + (int)(value % 26), value % DR_NAME_BYTES);
            continue;
        case DR_FIELD_note:
            *(const char **)place = value & 1 ? "unix:/run/daero/seoul.sock" + value % 16 : NULL;
            continue;
        case DR_FIELD_hash:
            memset(place, (int)(value & 0xff), 32);
            continue;
        case DR_FIELD_sites:
            ((struct dr_site_set *)place)->words[value % 4] = value;
            continue;
        case DR_FIELD_extents:
            LIST(struct dr_extent, items[k].node.v = k; items[k].tasks = k;
                 items[k].accelerators = value);
            break;
        case DR_FIELD_alternatives:
            LIST(struct dr_alternative, items[k].chips = value; items[k].tasks = k + 1;
                 items[k].factor = 1000);
            break;
        case DR_FIELD_dependencies:
            LIST(struct dr_dependency, items[k].kind = DR_DEPENDENCY_AFTERANY;
                 items[k].job.v = value);
            break;
        case DR_FIELD_levels:
            LIST(struct dr_level, items[k].name[0] = 'x'; items[k].nodes = k);
            break;
        case DR_FIELD_memberships:
            LIST(struct dr_membership, items[k].account.v = k; items[k].role = DR_ROLE_AUDITOR);
            break;
        case DR_FIELD_limits:
            LIST(struct dr_quota_limits, items[k].group.v = k; items[k].guarantee = (int64_t)value;
                 items[k].borrow = -5; items[k].lend = DR_FOREVER_US);
            break;
        case DR_FIELD_u32s:
            LIST(uint32_t, items[k] = (uint32_t)value + k);
            break;
        case DR_FIELD_i64s:
            LIST(int64_t, items[k] = -(int64_t)(value >> 1));
            break;
        case DR_FIELD_names:
            LIST(struct dr_name, items[k].text[0] = 'n');
            break;
        }
#undef LIST
        memcpy(place, &list, sizeof list);
        memcpy((uint8_t *)fact + field->count_offset, &count, sizeof count);
    }
}

/* Write, read, write again: the two records are equal. Pointers differ, so facts aren't compared.
 */
static void check_round(const struct dr_fact *fact, struct dr_arena *arena)
{
    static uint8_t first[65536];
    static uint8_t second[65536];
    struct dr_fact back;
    struct dr_error error;
    uint32_t bytes = dr_fact_encode(fact, first, sizeof first);
    uint32_t taken;

    CHECK(bytes > 0);
    CHECK_EQ(dr_fact_decode(first, bytes, arena, &back, &taken, &error), DR_OK);
    CHECK_EQ(taken, bytes);
    CHECK_EQ(back.time_us, fact->time_us);
    CHECK_EQ(back.user.v, fact->user.v);
    CHECK((back.reason == NULL) == (fact->reason == NULL));
    CHECK_EQ(dr_fact_encode(&back, second, sizeof second), bytes);
    CHECK_BYTES(first, second, bytes);
}

TEST(every_fact_is_read_back_as_it_was_written)
{
    struct dr_arena arena;
    uint64_t seed = 7;
    uint32_t count;
    const struct dr_fact_description *all = dr_fact_descriptions(&count);

    CHECK_EQ(dr_arena_init(&arena, 16u << 20), DR_OK);
    for (int round = 0; round < 200; round += 1)
        for (uint32_t i = 0; i < count; i += 1) {
            struct dr_fact fact;

            dr_arena_reset(&arena, 0);
            fill(&fact, &all[i], &seed, &arena);
            check_round(&fact, &arena);
        }
    dr_arena_deinit(&arena);
}

TEST(a_record_is_tens_of_bytes)
{
    struct dr_extent extent = {{12}, 8, 0xff};
    struct dr_fact fact;
    uint8_t bytes[1024];

    memset(&fact, 0, sizeof fact);
    fact.kind = DR_FACT_JOB_PLACED;
    fact.time_us = INT64_C(1795000000000000);
    fact.job_placed.job = 1000000;
    fact.job_placed.attempt = 1;
    fact.job_placed.pool = 3;
    fact.job_placed.limit_us = DR_HOUR_US;
    fact.job_placed.extents = &extent;
    fact.job_placed.extents_count = 1;
    CHECK(dr_fact_encode(&fact, bytes, sizeof bytes) < 60);
}

/* Fields that a later version added read as zero from an older record. */
TEST(a_record_that_ends_early_reads_zero)
{
    struct dr_fact fact;
    struct dr_fact back;
    struct dr_arena arena;
    struct dr_error error;
    uint8_t bytes[1024];
    uint32_t length;
    uint32_t taken;

    CHECK_EQ(dr_arena_init(&arena, 1u << 20), DR_OK);
    memset(&fact, 0, sizeof fact);
    fact.kind = DR_FACT_ATTEMPT_ENDED;
    fact.attempt_ended.job = 5;
    fact.attempt_ended.attempt = 1;
    fact.attempt_ended.cpu_time_us = 1;
    fact.attempt_ended.memory_mb_peak = 1;
    length = dr_fact_encode(&fact, bytes, sizeof bytes);
    bytes[0] = (uint8_t)(bytes[0] - 2); /* the last two fields take a byte each */
    CHECK_EQ(dr_fact_decode(bytes, length - 2, &arena, &back, &taken, &error), DR_OK);
    CHECK_EQ(back.attempt_ended.job, 5);
    CHECK_EQ(back.attempt_ended.cpu_time_us, 0);
    CHECK_EQ(back.attempt_ended.memory_mb_peak, 0);
    dr_arena_deinit(&arena);
}

TEST(what_is_no_record_is_refused_with_its_place)
{
    static const struct {
        uint8_t bytes[12];
        uint32_t count;
        const char *field;
    } cases[] = {
        {{1, 0, 0}, 3, "length"},                           /* not even a length */
        {{200, 0, 0, 0, 2}, 5, "length"},                   /* longer than what is there */
        {{1, 0, 0, 0, 99}, 5, "header"},                    /* a kind that is none */
        {{2, 0, 0, 0, 2, 0x80}, 6, "header"},               /* a number without an end */
        {{5, 0, 0, 0, 11, 0, 0, 0, 0}, 9, "header"},        /* the header is cut */
        {{8, 0, 0, 0, 11, 0, 0, 0, 0, 0, 1, 1}, 12, "end"}, /* something after the last field */
    };
    struct dr_arena arena;

    CHECK_EQ(dr_arena_init(&arena, 1u << 20), DR_OK);
    for (uint32_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        struct dr_fact fact;
        struct dr_error error = {0};
        uint32_t taken;

        CHECK_EQ(dr_fact_decode(cases[i].bytes, cases[i].count, &arena, &fact, &taken, &error),
                 DR_E_CORRUPT);
        CHECK_TEXT(error.field, cases[i].field);
        CHECK_HAS(error.found, "byte ");
    }
    dr_arena_deinit(&arena);
}

/* A list's count can't ask for more memory than the record could fill. */
TEST(a_false_count_is_refused)
{
    uint8_t bytes[] = {12, 0, 0, 0, 43, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0xff, 0xff, 0x7f};
    struct dr_arena arena;
    struct dr_fact fact;
    struct dr_error error;
    uint32_t taken;

    bytes[0] = sizeof bytes - 4;
    CHECK_EQ(dr_arena_init(&arena, 1u << 20), DR_OK);
    CHECK_EQ(dr_fact_decode(bytes, sizeof bytes, &arena, &fact, &taken, &error), DR_E_CORRUPT);
    dr_arena_deinit(&arena);
}

static const char *type_name(enum dr_field_type type)
{
    static const char *const names[] = {
        "u8",     "u32",         "u64",    "i32",     "i64",          "name",
        "note",   "hash",        "sites",  "extents", "alternatives", "dependencies",
        "levels", "memberships", "limits", "u32s",    "i64s",         "names"};

    return names[type];
}

/* docs/formats/facts.md has a table per fact, made from the same list. ACCEPT=1 writes it. */
TEST(the_page_in_docs_says_what_the_table_says)
{
    const char *path = "docs/formats/facts.md";
    const char *mark = "## The facts\n";
    struct dr_buffer page;
    struct dr_buffer wanted;
    uint32_t count;
    const struct dr_fact_description *all = dr_fact_descriptions(&count);
    const char *text;
    const char *place;

    dr_buffer_init(&page, 1u << 20);
    dr_buffer_init(&wanted, 1u << 20);
    CHECK_EQ(dr_buffer_read_file(&page, path), DR_OK);
    text = dr_buffer_text(&page);
    place = strstr(text, mark);
    CHECK(place != NULL);
    dr_buffer_append(&wanted, text, (size_t)(place - text) + strlen(mark));
    for (uint32_t i = 0; i < count; i += 1) {
        dr_buffer_printf(&wanted,
                         "\n### %u %s\n\n%s.\n\n| field | type | meaning |\n| --- | --- | --- |\n",
                         (unsigned)all[i].kind, all[i].name, all[i].doc);
        for (uint32_t k = 0; k < all[i].fields_count; k += 1)
            dr_buffer_printf(&wanted, "| `%s` | %s | %s |\n", all[i].fields[k].name,
                             type_name(all[i].fields[k].type), all[i].fields[k].doc);
    }
    if (getenv("ACCEPT") != NULL) {
        FILE *file = fopen(path, "w");

        CHECK(file != NULL);
        fwrite(wanted.data, 1, wanted.length, file);
        fclose(file);
    } else if (strcmp(text, dr_buffer_text(&wanted)) != 0) {
        fail_msg("%s differs from core/fact_table.h; ACCEPT=1 writes it anew", path);
    }
    dr_buffer_deinit(&page);
    dr_buffer_deinit(&wanted);
}
