/* SPDX-License-Identifier: Apache-2.0 */
/* Facts as JSON: every kind comes out as one object with every field of the table, and with names.
 */
#include "serve/fact_json.h"

#include <jansson.h>

#include "serve/json.h"
#include "world.h"

static json_t *as_json(const struct dr_core *core, const struct dr_fact *fact)
{
    struct dr_buffer out;
    json_t *root;

    dr_buffer_init(&out, 1u << 20);
    dr_fact_json(&out, core, fact);
    root = json_loads(dr_buffer_text(&out), JSON_REJECT_DUPLICATES, NULL);
    if (root == NULL)
        fail_msg("not JSON: %s", dr_buffer_text(&out));
    dr_buffer_deinit(&out);
    return root;
}

static const char *text_of(const json_t *root, const char *member)
{
    const char *text = json_string_value(json_object_get(root, member));

    return text == NULL ? "(none)" : text;
}

/* No kind has a field whose name the header has already: a document with a member twice is refused.
 */
TEST(every_kind_is_one_object_with_all_its_fields)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    uint32_t count;
    const struct dr_fact_description *all = dr_fact_descriptions(&count);

    for (uint32_t i = 0; i < count; i += 1) {
        struct dr_fact fact = {.seq = 7, .time_us = 8, .kind = all[i].kind};
        json_t *root = as_json(w->core, &fact);

        CHECK_TEXT(text_of(root, "kind"), all[i].name);
        for (uint32_t k = 0; k < all[i].fields_count; k += 1) {
            int there = json_object_get(root, all[i].fields[k].name) != NULL;

            if (there == (strcmp(all[i].fields[k].name, "secret_hash") == 0))
                fail_msg("%s.%s", all[i].name, all[i].fields[k].name);
        }
        json_decref(root);
    }
    world_free(w);
}

/* What the table calls an id of a part, or a closed set, does not come out as a bare number. */
TEST(closed_sets_and_parts_have_names)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    uint32_t count;
    const struct dr_fact_description *all = dr_fact_descriptions(&count);

    for (uint32_t i = 0; i < count; i += 1) {
        struct dr_fact fact = {.kind = all[i].kind};
        json_t *root = as_json(w->core, &fact);

        for (uint32_t k = 0; k < all[i].fields_count; k += 1) {
            const struct dr_field *field = &all[i].fields[k];
            char beside[80];

            if (strncmp(field->doc, "enum dr_", 8) == 0 &&
                !json_is_string(json_object_get(root, field->name)))
                fail_msg("%s.%s is no name", all[i].name, field->name);
            snprintf(beside, sizeof beside, "%s_name", field->name);
            if (field->type == DR_FIELD_u32 && strncmp(field->doc, "id", 2) == 0 &&
                strcmp(field->name, "token") != 0 && json_object_get(root, beside) == NULL)
                fail_msg("%s.%s has no name beside it", all[i].name, field->name);
        }
        json_decref(root);
    }
    world_free(w);
}

TEST(a_placement_with_names)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    static const struct dr_extent PLACE[] = {{.node = {2}, .tasks = 3, .accelerators = 0x81}};
    static const int64_t KEYS[] = {-5, 6};
    struct dr_fact fact = {.seq = 9, .kind = DR_FACT_JOB_PLACED, .source = "a\"b"};
    json_t *root;
    json_t *part;

    fact.job_placed.job = 71;
    fact.job_placed.pool = 1;
    fact.job_placed.rule = DR_RULE_BACKFILL;
    fact.job_placed.keys = KEYS;
    fact.job_placed.keys_count = 2;
    fact.job_placed.extents = PLACE;
    fact.job_placed.extents_count = 1;
    root = as_json(w->core, &fact);
    CHECK_EQ(json_integer_value(json_object_get(root, "job")), 71);
    CHECK_TEXT(text_of(root, "pool_name"), "s1/p1");
    CHECK_TEXT(text_of(root, "rule"), "BACKFILL");
    CHECK_TEXT(text_of(root, "source"), "a\"b");
    CHECK_EQ(json_integer_value(json_array_get(json_object_get(root, "keys"), 0)), -5);
    part = json_array_get(json_object_get(root, "extents"), 0);
    CHECK_EQ(json_integer_value(json_object_get(part, "node")), 2);
    CHECK(strlen(text_of(part, "node_name")) > 1);
    CHECK_EQ(json_array_size(json_object_get(part, "accelerators")), 2);
    CHECK_EQ(json_integer_value(json_array_get(json_object_get(part, "accelerators"), 1)), 7);
    json_decref(root);
    world_free(w);
}

TEST(text_that_is_not_utf8_becomes_text)
{
    struct dr_buffer out;

    dr_buffer_init(&out, 4096);
    dr_put_begin(&out, NULL, '[');
    dr_put_text(&out, NULL,
                "a\xff"
                "b");
    dr_put_text(&out, NULL, "\xc0\xaf");     /* overlong */
    dr_put_text(&out, NULL, "\xed\xa0\x80"); /* a surrogate */
    dr_put_text(&out, NULL, "\xe2\x82");     /* cut short */
    dr_put_i64(&out, NULL, INT64_MIN);
    dr_put_u64(&out, NULL, UINT64_MAX);
    dr_put_bool(&out, NULL, 1);
    dr_put_null(&out, NULL);
    dr_put_end(&out, ']');
    CHECK_TEXT(dr_buffer_text(&out),
               "[\"a\xef\xbf\xbd"
               "b\",\"\xef\xbf\xbd\xef\xbf\xbd\","
               "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\"\xef\xbf\xbd\xef\xbf\xbd\","
               "-9223372036854775808,18446744073709551615,true,null]");
    dr_buffer_deinit(&out);
}
