/* SPDX-License-Identifier: Apache-2.0 */
/* From the tree of a YAML document to what the file says: keys, types, ranges, references.
 *
 * Sections are read in the order in which they refer to one another, whatever their order in the
 * file. Nothing here stops at a mistake: each is noted, a harmless value stands in, and reading
 * goes on. What takes more than one part to judge is in check.c. */
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>

#include "base/assert.h"
#include "base/math.h"
#include "federation/file.h"

#define NEEDED   1
#define OPTIONAL 0

struct reader {
    struct dr_federation *federation;
    struct dr_error_list *errors;
    const char *file;
    char path[512];    /* "sites.gwangju.pools.b300" */
    uint32_t line;     /* of the part that is being read, for what is missing in it */
    int groups_unsure; /* a pool's chip, owner or group could not be read */
};

/* ---- keys ---- */

static const char *const keys_file[] = {"federation", "chips",    "data_classes", "sites",
                                        "datasets",   "accounts", "users"};
static const char *const keys_federation[] = {
    "name",          "currency",   "default_limit",     "default_grace", "half_life",
    "minimum_run",   "loss_cap",   "preemption_credit", "retain_ended",  "requeue_limit",
    "reserve_depth", "span_price", "preempt_below",     "job_user",      "job_gid"};
static const char *const keys_chip[] = {"vendor",     "country", "memory",  "idle_power",
                                        "busy_power", "price",   "virtual", "stacks"};
static const char *const keys_class[] = {"jurisdictions", "assurance", "share"};
static const char *const keys_site[] = {"operator",     "region", "jurisdiction",     "assurance",
                                        "power_cap",    "pue",    "tariff",           "utc_offset",
                                        "data_classes", "engine", "isolated_network", "pools"};
static const char *const keys_pool[] = {"chip",   "nodes",      "accelerators", "cpus",
                                        "memory", "node_power", "levels",       "node_names",
                                        "owner",  "group",      "consent",      "default_limit"};
static const char *const keys_group[] = {"accelerators", "cpus", "memory"};
static const char *const keys_dataset[] = {"size", "sites", "data_class"};
static const char *const keys_account[] = {"weight", "preempt_below", "default_limit", "guarantees",
                                           "accounts"};
static const char *const keys_guarantee[] = {"guarantee", "borrow", "lend"};
static const char *const keys_user[] = {"uid", "gid", "roles", "accounts", "default_account"};

#define SECTION(name, keys)           \
    {                                 \
        name, keys, DR_COUNT_OF(keys) \
    }
static const struct dr_federation_section sections[] = {
    SECTION("the file", keys_file),    SECTION("federation", keys_federation),
    SECTION("chips", keys_chip),       SECTION("data_classes", keys_class),
    SECTION("sites", keys_site),       SECTION("pools", keys_pool),
    SECTION("group", keys_group),      SECTION("datasets", keys_dataset),
    SECTION("accounts", keys_account), SECTION("guarantees", keys_guarantee),
    SECTION("users", keys_user),
};

const struct dr_federation_section *dr_federation_sections(uint32_t *count)
{
    *count = DR_COUNT_OF(sections);
    return sections;
}

/* ---- mistakes and paths ---- */

/* Note a mistake at the path, and `part` of it (NULL: the path itself). */
static void wrong(struct reader *reader, uint32_t line, const char *part, const char *found,
                  const char *expected_format, ...) DR_PRINTF(5, 6);

static void wrong(struct reader *reader, uint32_t line, const char *part, const char *found,
                  const char *expected_format, ...)
{
    char expected[512];
    char field[600];
    va_list arguments;

    va_start(arguments, expected_format);
    vsnprintf(expected, sizeof expected, expected_format, arguments);
    va_end(arguments);
    snprintf(field, sizeof field, "%s%s%s", reader->path,
             part != NULL && reader->path[0] != '\0' ? "." : "", part == NULL ? "" : part);
    dr_error_list_add(reader->errors, reader->file, line, field, found, "%s", expected);
}

/* Go down to `part`; the result is for leave(). */
static size_t enter(struct reader *reader, const char *part)
{
    size_t length = strlen(reader->path);

    snprintf(reader->path + length, sizeof reader->path - length, "%s%s", length > 0 ? "." : "",
             part);
    return length;
}

static size_t enter_item(struct reader *reader, uint32_t item)
{
    size_t length = strlen(reader->path);

    snprintf(reader->path + length, sizeof reader->path - length, "[%" PRIu32 "]", item);
    return length;
}

static void leave(struct reader *reader, size_t length)
{
    reader->path[length] = '\0';
}

/* "; did you mean 'x'?", or what there is to choose from when it is little. */
static const char *hint(char text[300], const char *found, const char *const *names, uint32_t count)
{
    const char *meant = dr_closest_name(found, names, count);
    size_t at = 0;

    text[0] = '\0';
    if (meant != NULL) {
        snprintf(text, 300, "; did you mean '%s'?", meant);
    } else if (count > 0 && count <= 16) {
        for (uint32_t i = 0; i < count && at < 250; i += 1)
            at += (size_t)snprintf(text + at, 300 - at, "%s%s", i == 0 ? ": " : ", ", names[i]);
        if (at >= 250)
            snprintf(text + 246, 54, "...");
    }
    return text;
}

/* Two of a name in one map. */
static void check_duplicates(struct reader *reader, const struct dr_yaml_node *map)
{
    struct dr_arena *arena = &reader->federation->arena;
    size_t mark = arena->used;
    struct dr_fed_names names;
    const struct dr_yaml_node **first = dr_fed_push(arena, map->count, sizeof first[0]);

    if (first == NULL || !dr_fed_names_init(&names, arena, map->count)) {
        wrong(reader, map->line, NULL, "", "a smaller file");
        dr_arena_reset(arena, mark);
        return;
    }
    for (const struct dr_yaml_node *child = map->first; child != NULL; child = child->next) {
        uint32_t place = dr_fed_names_find(&names, child->key->text);

        if (place != DR_MAP_NONE) {
            wrong(reader, child->key->line, child->key->text, child->key->text,
                  "each name once; it stands on line %" PRIu32 " already", first[place]->key->line);
        } else {
            first[names.count] = child;
            dr_fed_names_add(&names, child->key->text);
        }
    }
    dr_arena_reset(arena, mark);
}

/* Is it a map with no keys but these? Says so where it is not. Nothing at all is an empty map. */
static int check_map(struct reader *reader, const struct dr_yaml_node *map, const char *const *keys,
                     uint32_t count)
{
    char text[300];

    if (dr_yaml_null(map))
        return 1;
    if (map->kind != DR_YAML_MAP) {
        wrong(reader, map->line, NULL, dr_yaml_found(map), "a map with keys of these%s",
              hint(text, "", keys, count));
        return 0;
    }
    check_duplicates(reader, map);
    for (const struct dr_yaml_node *child = map->first; child != NULL; child = child->next) {
        uint32_t i = 0;

        while (i < count && strcmp(keys[i], child->key->text) != 0)
            i += 1;
        if (i == count)
            wrong(reader, child->key->line, child->key->text, child->key->text, "a known key%s",
                  hint(text, child->key->text, keys, count));
    }
    return 1;
}

/* ---- single values ---- */

/* The scalar under `key`; NULL, with a mistake noted, where it is missing though needed or is no
 * scalar. */
static const struct dr_yaml_node *take(struct reader *reader, const struct dr_yaml_node *map,
                                       const char *key, int needed, const char *expected)
{
    const struct dr_yaml_node *node = dr_yaml_get(map, key);

    if (node == NULL) {
        if (needed)
            wrong(reader, reader->line, key, "nothing", "%s", expected);
        return NULL;
    }
    if (node->kind != DR_YAML_SCALAR || dr_yaml_null(node)) {
        wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
        return NULL;
    }
    return node;
}

/* A text for people: up to 63 bytes, nothing that a terminal would act on. */
static int label_valid(const char *text)
{
    if (text[0] == '\0' || strlen(text) >= DR_NAME_BYTES)
        return 0;
    for (const char *p = text; *p != '\0'; p += 1) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f ||
            ((unsigned char)p[0] == 0xc2 && (unsigned char)p[1] < 0xa0))
            return 0;
    }
    return 1;
}

static void read_label(struct reader *reader, const struct dr_yaml_node *map, const char *key,
                       char to[DR_NAME_BYTES])
{
    static const char expected[] = "a text of 1 to 63 bytes on one line";
    const struct dr_yaml_node *node = take(reader, map, key, OPTIONAL, expected);

    if (node == NULL)
        return;
    if (label_valid(node->text))
        dr_copy_name(to, node->text);
    else
        wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
}

static const char expected_name[] = "a name: a-z, 0-9 and '-', not first, at most 63 characters";

static void read_name(struct reader *reader, const struct dr_yaml_node *map, const char *key,
                      int needed, char to[DR_NAME_BYTES])
{
    const struct dr_yaml_node *node = take(reader, map, key, needed, expected_name);

    if (node == NULL)
        return;
    if (dr_name_valid(node->text))
        dr_copy_name(to, node->text);
    else
        wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected_name);
}

static void read_whole(struct reader *reader, const struct dr_yaml_node *map, const char *key,
                       int needed, int64_t min, int64_t max, int64_t *value)
{
    const struct dr_yaml_node *node;
    char expected[100];

    snprintf(expected, sizeof expected, "a whole number from %" PRId64 " to %" PRId64, min, max);
    node = take(reader, map, key, needed, expected);
    if (node != NULL && !dr_parse_i64(node->text, min, max, value))
        wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
}

static void read_u32(struct reader *reader, const struct dr_yaml_node *map, const char *key,
                     int needed, uint32_t min, uint32_t max, uint32_t *value)
{
    int64_t wide = *value;

    read_whole(reader, map, key, needed, min, max, &wide);
    *value = (uint32_t)wide;
}

static void read_milli(struct reader *reader, const struct dr_yaml_node *map, const char *key,
                       int needed, int64_t min, int64_t max, uint32_t *value)
{
    const struct dr_yaml_node *node;
    char low[DR_TEXT_BYTES];
    char high[DR_TEXT_BYTES];
    char expected[160];
    int64_t wide;

    snprintf(expected, sizeof expected, "a number from %s to %s, at most three decimals",
             dr_format_milli(min, low), dr_format_milli(max, high));
    node = take(reader, map, key, needed, expected);
    if (node == NULL)
        return;
    if (dr_parse_milli(node->text, min, max, &wide))
        *value = (uint32_t)wide;
    else
        wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
}

static void read_duration(struct reader *reader, const struct dr_yaml_node *map, const char *key,
                          int needed, int64_t min_us, int64_t max_us, int64_t *duration_us)
{
    const struct dr_yaml_node *node;
    char low[DR_AMOUNT_BYTES];
    char high[DR_AMOUNT_BYTES];
    char expected[200];
    int64_t us;

    snprintf(expected, sizeof expected, "a duration (90s, 15m, 2h, 7d, 1h30m) from %s to %s",
             dr_format_exact_duration(min_us, low), dr_format_exact_duration(max_us, high));
    node = take(reader, map, key, needed, expected);
    if (node == NULL)
        return;
    if (dr_parse_duration_us(node->text, &us) && us >= min_us && us <= max_us)
        *duration_us = us;
    else
        wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
}

static void read_memory(struct reader *reader, const struct dr_yaml_node *map, const char *key,
                        int needed, int64_t *memory_mb)
{
    const struct dr_yaml_node *node;
    char high[DR_AMOUNT_BYTES];
    char expected[160];
    int64_t mb;

    snprintf(expected, sizeof expected, "memory (512M, 64G, 2T; without a unit MB) from 1M to %s",
             dr_format_exact_memory(DR_FEDERATION_MEMORY_MB_MAX, high));
    node = take(reader, map, key, needed, expected);
    if (node == NULL)
        return;
    if (dr_parse_memory_mb(node->text, &mb) && mb >= 1 && mb <= DR_FEDERATION_MEMORY_MB_MAX)
        *memory_mb = mb;
    else
        wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
}

/* A decimal with up to `places` places as a whole number of 10^-places, times `unit`; `*rest` is
 * what stands behind it. The result has to be whole and at most `max`. */
static int parse_decimal(const char *text, int places, int64_t max, int64_t *value,
                         const char **rest)
{
    int64_t sum = 0;
    int after = -1; /* places taken behind the point; -1: no point yet */
    const char *p = text;

    for (; (*p >= '0' && *p <= '9') || (*p == '.' && after < 0); p += 1) {
        if (*p == '.') {
            if (p == text)
                return 0;
            after = 0;
            continue;
        }
        if (after == places || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, *p - '0', &sum))
            return 0;
        after += after >= 0;
    }
    if (p == text || after == 0)
        return 0;
    for (int i = after < 0 ? 0 : after; i < places; i += 1) {
        if (__builtin_mul_overflow(sum, 10, &sum))
            return 0;
    }
    *value = sum;
    *rest = p;
    return sum <= max;
}

static int parse_money(const char *text, int64_t *micro)
{
    const char *rest;

    return parse_decimal(text, 6, DR_FEDERATION_MONEY_MAX, micro, &rest) && *rest == '\0';
}

static const char expected_money[] = "an amount of money from 0 to 1000000, at most six decimals";

static void read_money(struct reader *reader, const struct dr_yaml_node *map, const char *key,
                       int64_t *micro)
{
    const struct dr_yaml_node *node = take(reader, map, key, OPTIONAL, expected_money);
    int64_t value;

    if (node == NULL)
        return;
    if (parse_money(node->text, &value))
        *micro = value;
    else
        wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected_money);
}

/* "700", "700W", "1.2 kW", "3MW", "0.4GW" in watts; a fraction of a watt is dropped. */
static void read_watts(struct reader *reader, const struct dr_yaml_node *map, const char *key,
                       int64_t *watts)
{
    static const char expected[] = "power (700, 700W, 1.2kW, 3MW, 0.4GW) from 0 to 1000 GW";
    static const char units[] = "kMG";
    const struct dr_yaml_node *node = take(reader, map, key, OPTIONAL, expected);
    const char *rest;
    int64_t value;
    int64_t scale = 1;

    if (node == NULL)
        return;
    if (parse_decimal(node->text, 3, INT64_MAX, &value, &rest)) {
        if (*rest == ' ')
            rest += 1;
        for (size_t i = 0; units[i] != '\0'; i += 1) {
            if (*rest == units[i] && rest[1] == 'W') {
                for (size_t k = 0; k <= i; k += 1)
                    scale *= 1000;
                rest += 1;
                break;
            }
        }
        if (*rest == 'W')
            rest += 1;
        if (*rest == '\0' && rest[-1] != ' ' && !__builtin_mul_overflow(value, scale, &value) &&
            value / 1000 <= DR_FEDERATION_WATTS_MAX) {
            *watts = value / 1000;
            return;
        }
    }
    wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
}

static void read_bool(struct reader *reader, const struct dr_yaml_node *map, const char *key,
                      uint8_t *value)
{
    static const char expected[] = "yes or no (or true, false)";
    const struct dr_yaml_node *node = take(reader, map, key, OPTIONAL, expected);

    if (node == NULL)
        return;
    if (strcmp(node->text, "yes") == 0 || strcmp(node->text, "true") == 0)
        *value = 1;
    else if (strcmp(node->text, "no") == 0 || strcmp(node->text, "false") == 0)
        *value = 0;
    else
        wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
}

static void read_choice(struct reader *reader, const struct dr_yaml_node *map, const char *key,
                        const char *const *names, uint32_t count, uint8_t *value)
{
    char text[300];
    char expected[330];
    const struct dr_yaml_node *node;

    snprintf(expected, sizeof expected, "one of these%s", hint(text, "", names, count));
    node = take(reader, map, key, OPTIONAL, expected);
    if (node == NULL)
        return;
    for (uint32_t i = 0; i < count; i += 1) {
        if (strcmp(names[i], node->text) == 0) {
            *value = (uint8_t)i;
            return;
        }
    }
    wrong(reader, node->line, key, dr_yaml_found(node), "one of these%s",
          hint(text, node->text, names, count));
}

/* ---- lists and references ---- */

/* The list under `key`; a single scalar counts as a list of one: `*single` is then it. NULL:
 * nothing. */
static const struct dr_yaml_node *take_list(struct reader *reader, const struct dr_yaml_node *map,
                                            const char *key, const char *of,
                                            const struct dr_yaml_node **single)
{
    const struct dr_yaml_node *node = dr_yaml_get(map, key);

    *single = NULL;
    if (node == NULL || dr_yaml_null(node))
        return NULL;
    if (node->kind == DR_YAML_SCALAR) {
        *single = node;
        return node;
    }
    if (node->kind == DR_YAML_MAP) {
        wrong(reader, node->line, key, "a map", "a list of %s", of);
        return NULL;
    }
    return node;
}

/* The first and the next item of what take_list() gave. */
static const struct dr_yaml_node *first_item(const struct dr_yaml_node *list,
                                             const struct dr_yaml_node *single)
{
    return single != NULL ? single : (list == NULL ? NULL : list->first);
}

static const struct dr_yaml_node *next_item(const struct dr_yaml_node *item,
                                            const struct dr_yaml_node *single)
{
    return single != NULL ? NULL : item->next;
}

/* The place of a declared part plus one; 0 and a mistake where there is none. */
static uint32_t refer(struct reader *reader, const struct dr_yaml_node *node, const char *part,
                      const char *kind, const struct dr_fed_names *names)
{
    char text[300];
    uint32_t place;

    if (node->kind != DR_YAML_SCALAR || dr_yaml_null(node)) {
        wrong(reader, node->line, part, dr_yaml_found(node), "the name of %s of this file", kind);
        return 0;
    }
    place = dr_fed_names_find(names, node->text);
    if (place != DR_MAP_NONE)
        return place + 1;
    wrong(reader, node->line, part, dr_yaml_found(node), "%s of this file%s", kind,
          hint(text, node->text, names->names, names->count));
    return 0;
}

static uint32_t read_reference(struct reader *reader, const struct dr_yaml_node *map,
                               const char *key, const char *kind, const struct dr_fed_names *names)
{
    const struct dr_yaml_node *node = dr_yaml_get(map, key);

    return node == NULL ? 0 : refer(reader, node, key, kind, names);
}

/* A list of names or labels: stacks, jurisdictions. */
static void read_names(struct reader *reader, const struct dr_yaml_node *map, const char *key,
                       int as_names, uint32_t count_max, const struct dr_name **names,
                       uint32_t *count)
{
    const char *expected = as_names ? expected_name : "a text of 1 to 63 bytes on one line";
    const struct dr_yaml_node *single;
    const struct dr_yaml_node *list = take_list(reader, map, key, "names", &single);
    struct dr_name *made;
    size_t length;

    *count = 0;
    *names = NULL;
    if (list == NULL)
        return;
    made = dr_fed_push(&reader->federation->arena, count_max, sizeof made[0]);
    if (made == NULL) {
        wrong(reader, list->line, key, "", "a smaller file");
        return;
    }
    length = enter(reader, key);
    for (const struct dr_yaml_node *item = first_item(list, single); item != NULL;
         item = next_item(item, single)) {
        uint32_t known = 0;

        if (*count == count_max) {
            wrong(reader, item->line, NULL, dr_yaml_found(item), "at most %" PRIu32 " of them",
                  count_max);
            break;
        }
        if (item->kind != DR_YAML_SCALAR || dr_yaml_null(item) ||
            !(as_names ? dr_name_valid(item->text) : label_valid(item->text))) {
            wrong(reader, item->line, NULL, dr_yaml_found(item), "%s", expected);
            continue;
        }
        while (known < *count && strcmp(made[known].text, item->text) != 0)
            known += 1;
        if (known < *count) {
            wrong(reader, item->line, NULL, dr_yaml_found(item), "each of them once");
            continue;
        }
        dr_copy_name(made[*count].text, item->text);
        *count += 1;
    }
    leave(reader, length);
    *names = made;
}

/* ---- Unix accounts ---- */

/* A uid, or the name of an account of this machine, with its group. 0: there is no such account. */
static int unix_account(const char *text, uint32_t *uid, uint32_t *gid)
{
    char memory[16384];
    struct passwd account;
    struct passwd *found = NULL;
    int64_t number;

    if (dr_parse_i64(text, 0, DR_NO_UID - 1, &number)) {
        *uid = (uint32_t)number;
        *gid = *uid;
        if (getpwuid_r(*uid, &account, memory, sizeof memory, &found) == 0 && found != NULL)
            *gid = found->pw_gid;
        return 1;
    }
    if (strlen(text) > 64 || getpwnam_r(text, &account, memory, sizeof memory, &found) != 0 ||
        found == NULL)
        return 0;
    *uid = found->pw_uid;
    *gid = found->pw_gid;
    return 1;
}

/* ---- sections ---- */

/* The map of a section, with names as keys; NULL: there is none. Duplicates are noted here. */
static const struct dr_yaml_node *section_of(struct reader *reader, const struct dr_yaml_node *map,
                                             const char *key, int needed, const char *what)
{
    const struct dr_yaml_node *node = dr_yaml_get(map, key);
    size_t length;

    if (node == NULL || dr_yaml_null(node)) {
        if (needed)
            wrong(reader, node == NULL ? reader->line : node->line, key, "nothing",
                  "a map with at least one %s", what);
        return NULL;
    }
    if (node->kind != DR_YAML_MAP) {
        wrong(reader, node->line, key, dr_yaml_found(node), "a map from the name of each %s", what);
        return NULL;
    }
    if (needed && node->count == 0)
        wrong(reader, node->line, key, "an empty map", "at least one %s", what);
    length = enter(reader, key);
    check_duplicates(reader, node);
    leave(reader, length);
    return node;
}

/* Enter one part of a section; 0: its name is no name or stands there twice. */
static int enter_part(struct reader *reader, const struct dr_yaml_node *part,
                      struct dr_fed_names *names, const char *name, size_t *length)
{
    *length = enter(reader, part->key->text);
    reader->line = part->key->line;
    if (!dr_name_valid(part->key->text)) {
        wrong(reader, part->key->line, NULL, dr_yaml_found(part->key), "%s", expected_name);
        leave(reader, *length);
        return 0;
    }
    if (names->count == names->count_max || dr_fed_names_find(names, name) != DR_MAP_NONE) {
        leave(reader, *length); /* noted with the duplicates */
        return 0;
    }
    dr_fed_names_add(names, name);
    return 1;
}

static uint32_t section_count(const struct dr_yaml_node *section)
{
    return section == NULL ? 0 : section->count;
}

/* Room for what a section may hold, and for its names; 0 and a mistake when there is none. */
static void *section_room(struct reader *reader, const char *key, uint32_t count,
                          uint32_t count_max, size_t bytes, struct dr_fed_names *names)
{
    struct dr_arena *arena = &reader->federation->arena;
    void *room;

    if (count > count_max)
        wrong(reader, reader->line, key, "more", "at most %" PRIu32 " of them", count_max);
    room = dr_fed_push(arena, count, bytes);
    if (room == NULL || !dr_fed_names_init(names, arena, count)) {
        wrong(reader, reader->line, key, "", "a smaller file");
        return NULL;
    }
    return room;
}

static void read_federation(struct reader *reader, const struct dr_yaml_node *top)
{
    struct dr_federation *federation = reader->federation;
    struct dr_fact_settings_set *set = &federation->settings;
    const struct dr_yaml_node *map = dr_yaml_get(top, "federation");
    const struct dr_yaml_node *job_user;
    size_t length;

    *set = (struct dr_fact_settings_set){.half_life_us = 7 * DR_DAY_US,
                                         .minimum_run_us = 5 * DR_MINUTE_US,
                                         .loss_cap_us = DR_HOUR_US,
                                         .preemption_credit_us = 30 * DR_MINUTE_US,
                                         .default_limit_us = DR_HOUR_US,
                                         .default_grace_us = 30 * DR_SECOND_US,
                                         .retain_ended_us = DR_HOUR_US,
                                         .requeue_limit = 10,
                                         .reserve_depth = 1,
                                         .job_uid = 65534,
                                         .job_gid = 65534};
    dr_copy_name(set->name, "federation");
    dr_copy_name(set->currency, "KRW");
    unix_account("nobody", &set->job_uid, &set->job_gid);
    if (map == NULL) {
        wrong(reader, 1, "federation", "nothing", "a map with name and default_limit");
        return;
    }
    federation->line = map->key->line;
    reader->line = map->key->line;
    length = enter(reader, "federation");
    if (check_map(reader, map, keys_federation, DR_COUNT_OF(keys_federation))) {
        read_name(reader, map, "name", NEEDED, set->name);
        read_label(reader, map, "currency", set->currency);
        read_duration(reader, map, "default_limit", NEEDED, DR_SECOND_US,
                      DR_FEDERATION_LIMIT_US_MAX, &set->default_limit_us);
        read_duration(reader, map, "default_grace", OPTIONAL, 0, DR_DAY_US, &set->default_grace_us);
        read_duration(reader, map, "half_life", OPTIONAL, DR_MINUTE_US, DR_FEDERATION_LIMIT_US_MAX,
                      &set->half_life_us);
        read_duration(reader, map, "minimum_run", OPTIONAL, 0, 30 * DR_DAY_US,
                      &set->minimum_run_us);
        read_duration(reader, map, "loss_cap", OPTIONAL, 0, 30 * DR_DAY_US, &set->loss_cap_us);
        read_duration(reader, map, "preemption_credit", OPTIONAL, 0, 30 * DR_DAY_US,
                      &set->preemption_credit_us);
        read_duration(reader, map, "retain_ended", OPTIONAL, 0, 365 * DR_DAY_US,
                      &set->retain_ended_us);
        read_u32(reader, map, "requeue_limit", OPTIONAL, 0, 1000000, &set->requeue_limit);
        read_u32(reader, map, "reserve_depth", OPTIONAL, 0, 1000, &set->reserve_depth);
        read_money(reader, map, "span_price", &set->span_price_micro);
        read_bool(reader, map, "preempt_below", &federation->accounts[0].set.preempt_below);
        job_user = take(reader, map, "job_user", OPTIONAL,
                        "a Unix account of this machine, or a uid from 1 on");
        if (job_user != NULL &&
            (!unix_account(job_user->text, &set->job_uid, &set->job_gid) || set->job_uid == 0)) {
            wrong(reader, job_user->line, "job_user", dr_yaml_found(job_user),
                  "a Unix account of this machine, or a uid from 1 on: no job runs as uid 0");
            set->job_uid = 65534;
            set->job_gid = 65534;
        }
        read_u32(reader, map, "job_gid", OPTIONAL, 1, DR_NO_UID - 1, &set->job_gid);
        if (set->job_gid == 0)
            wrong(reader, reader->line, "job_gid", "0", "a group other than 0");
    }
    leave(reader, length);
    dr_copy_name(federation->accounts[0].set.name, set->name);
}

static void read_chips(struct reader *reader, const struct dr_yaml_node *top)
{
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *section = section_of(reader, top, "chips", OPTIONAL, "chip");
    size_t section_length = enter(reader, "chips");
    size_t length;

    federation->chips = section_room(reader, NULL, section_count(section), DR_CHIPS_MAX,
                                     sizeof federation->chips[0], &federation->chip_names);
    for (const struct dr_yaml_node *part =
             federation->chips == NULL || section == NULL ? NULL : section->first;
         part != NULL; part = part->next) {
        struct dr_fed_chip *chip = &federation->chips[federation->chips_count];
        struct dr_fact_chip_set *set = &chip->set;

        if (!enter_part(reader, part, &federation->chip_names, part->key->text, &length))
            continue;
        federation->chips_count += 1;
        chip->line = part->key->line;
        dr_copy_name(set->name, part->key->text);
        if (check_map(reader, part, keys_chip, DR_COUNT_OF(keys_chip))) {
            read_label(reader, part, "vendor", set->vendor);
            read_name(reader, part, "country", OPTIONAL, set->country);
            read_memory(reader, part, "memory", NEEDED, &set->memory_mb);
            read_watts(reader, part, "idle_power", &set->idle_w);
            read_watts(reader, part, "busy_power", &set->busy_w);
            read_money(reader, part, "price", &set->price_micro);
            read_bool(reader, part, "virtual", &set->is_virtual);
            read_names(reader, part, "stacks", 0, 8, &set->stacks, &set->stacks_count);
            if (set->busy_w < set->idle_w)
                wrong(reader, chip->line, "busy_power", "less than idle_power",
                      "at least idle_power, %" PRId64 " W", set->idle_w);
        }
        leave(reader, length);
    }
    leave(reader, section_length);
}

static void read_classes(struct reader *reader, const struct dr_yaml_node *top)
{
    static const char *const shares[] = {"accelerator", "node", "block", "none"};
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *section =
        section_of(reader, top, "data_classes", OPTIONAL, "data class");
    size_t section_length = enter(reader, "data_classes");
    size_t length;

    federation->classes = section_room(reader, NULL, section_count(section), DR_DATA_CLASSES_MAX,
                                       sizeof federation->classes[0], &federation->class_names);
    for (const struct dr_yaml_node *part =
             federation->classes == NULL || section == NULL ? NULL : section->first;
         part != NULL; part = part->next) {
        struct dr_fed_class *class = &federation->classes[federation->classes_count];

        if (!enter_part(reader, part, &federation->class_names, part->key->text, &length))
            continue;
        federation->classes_count += 1;
        class->line = part->key->line;
        dr_copy_name(class->set.name, part->key->text);
        if (check_map(reader, part, keys_class, DR_COUNT_OF(keys_class))) {
            read_names(reader, part, "jurisdictions", 1, 8, &class->set.jurisdictions,
                       &class->set.jurisdictions_count);
            read_u32(reader, part, "assurance", OPTIONAL, 0, 1000, &class->set.assurance_min);
            read_choice(reader, part, "share", shares, DR_COUNT_OF(shares), &class->set.share);
        }
        leave(reader, length);
    }
    leave(reader, section_length);
}

/* ---- accounts, first pass: the tree ---- */

static uint32_t count_accounts(const struct dr_yaml_node *section)
{
    uint32_t count = 0;

    if (section == NULL || section->kind != DR_YAML_MAP)
        return 0;
    for (const struct dr_yaml_node *part = section->first; part != NULL; part = part->next)
        count += 1 + count_accounts(dr_yaml_get(part, "accounts"));
    return count;
}

/* Accounts below `parent` (its place), with all below them. */
static void read_account_tree(struct reader *reader, const struct dr_yaml_node *map,
                              uint32_t parent)
{
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *section = section_of(reader, map, "accounts", OPTIONAL, "account");
    uint32_t depth = federation->accounts[parent].depth + 1;
    size_t section_length;
    size_t length;

    if (section == NULL)
        return;
    section_length = enter(reader, "accounts");
    if (depth >= DR_DEPTH_MAX) {
        wrong(reader, section->key->line, NULL, "one more level",
              "at most %d levels of accounts below the federation", DR_DEPTH_MAX - 1);
        leave(reader, section_length);
        return;
    }
    for (const struct dr_yaml_node *part = section->first; part != NULL; part = part->next) {
        uint32_t place = federation->accounts_count;
        uint32_t other = dr_fed_names_find(&federation->account_names, part->key->text);
        struct dr_fed_account *account;

        /* Within one map duplicates are noted already; here, those of other branches. */
        if (other != DR_MAP_NONE && federation->accounts[other].set.parent == parent + 1)
            continue;
        if (other != DR_MAP_NONE)
            wrong(reader, part->key->line, part->key->text, part->key->text,
                  "a name of its own: it is the %s on line %" PRIu32 " too",
                  other == 0 ? "federation" : "account", federation->accounts[other].line);
        /* What is below it is read all the same, so that nothing else seems to be missing. */
        length = enter(reader, part->key->text);
        reader->line = part->key->line;
        if (!dr_name_valid(part->key->text))
            wrong(reader, part->key->line, NULL, dr_yaml_found(part->key), "%s", expected_name);
        dr_fed_names_add(&federation->account_names, part->key->text);
        account = &federation->accounts[place];
        federation->accounts_count += 1;
        federation->accounts[parent].children += 1;
        account->line = part->key->line;
        account->depth = depth;
        account->set.parent = parent + 1;
        account->set.weight = 1000;
        dr_copy_name(account->set.name, part->key->text);
        if (check_map(reader, part, keys_account, DR_COUNT_OF(keys_account))) {
            read_milli(reader, part, "weight", OPTIONAL, 1, 1000000000, &account->set.weight);
            read_bool(reader, part, "preempt_below", &account->set.preempt_below);
            read_duration(reader, part, "default_limit", OPTIONAL, DR_SECOND_US,
                          DR_FEDERATION_LIMIT_US_MAX, &account->set.default_limit_us);
            account->guarantees = dr_yaml_get(part, "guarantees");
            read_account_tree(reader, part, place);
        }
        leave(reader, length);
    }
    leave(reader, section_length);
}

/* ---- sites and pools ---- */

static int parse_hour(const char *text, size_t length, uint32_t *hour)
{
    if (length == 0 || length > 2)
        return 0;
    *hour = 0;
    for (size_t i = 0; i < length; i += 1) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        *hour = *hour * 10 + (uint32_t)(text[i] - '0');
    }
    return *hour <= DR_TARIFF_HOURS;
}

/* Bits of the hours from `from` on, before `to`. */
static uint32_t hours(uint32_t from, uint32_t to)
{
    return (uint32_t)((UINT64_C(1) << to) - (UINT64_C(1) << from));
}

/* "0-8: 90": hours from 0 on, before 8. */
static void read_tariff_hours(struct reader *reader, const struct dr_yaml_node *map,
                              int64_t prices[DR_TARIFF_HOURS])
{
    uint32_t covered = 0;
    uint32_t missing = 0;

    for (const struct dr_yaml_node *item = map->first; item != NULL; item = item->next) {
        const char *text = item->key->text;
        const char *dash = strchr(text, '-');
        uint32_t from;
        uint32_t to;
        int64_t micro;

        if (dash == NULL || !parse_hour(text, (size_t)(dash - text), &from) ||
            !parse_hour(dash + 1, strlen(dash + 1), &to) || from >= to) {
            wrong(reader, item->key->line, text, text,
                  "hours of the day, from and before: 0-8, 8-22, 22-24");
            continue;
        }
        if (item->kind != DR_YAML_SCALAR || !parse_money(item->text, &micro)) {
            wrong(reader, item->line, text, dr_yaml_found(item), "%s", expected_money);
            continue;
        }
        if (covered & hours(from, to))
            wrong(reader, item->key->line, text, text,
                  "each hour of the day once; hour %" PRIu32 " has a price already",
                  dr_bit_lowest(covered & hours(from, to)));
        covered |= hours(from, to);
        for (uint32_t hour = from; hour < to; hour += 1)
            prices[hour] = micro;
    }
    while ((covered >> missing) & 1)
        missing += 1;
    if (missing < DR_TARIFF_HOURS)
        wrong(reader, map->line, NULL, "a gap",
              "a price for each of the day's 24 hours; hour %" PRIu32 " has none", missing);
}

static void read_tariff(struct reader *reader, const struct dr_yaml_node *map,
                        struct dr_fact_site_set *set)
{
    const struct dr_yaml_node *node = dr_yaml_get(map, "tariff");
    int64_t *prices = dr_fed_push(&reader->federation->arena, DR_TARIFF_HOURS, sizeof prices[0]);
    size_t length;
    uint32_t hour = 0;
    int64_t micro;

    if (prices == NULL) {
        wrong(reader, reader->line, "tariff", "", "a smaller file");
        return;
    }
    set->tariff_micro = prices;
    set->tariff_micro_count = DR_TARIFF_HOURS;
    memset(prices, 0, DR_TARIFF_HOURS * sizeof prices[0]);
    if (node == NULL)
        return;
    length = enter(reader, "tariff");
    switch (node->kind) {
    case DR_YAML_SCALAR:
        if (!parse_money(node->text, &micro)) {
            wrong(reader, node->line, NULL, dr_yaml_found(node),
                  "a price per kWh, a list of 24, or a map from hours to prices");
            break;
        }
        for (hour = 0; hour < DR_TARIFF_HOURS; hour += 1)
            prices[hour] = micro;
        break;
    case DR_YAML_LIST:
        for (const struct dr_yaml_node *item = node->first; item != NULL; item = item->next) {
            if (item->kind != DR_YAML_SCALAR || !parse_money(item->text, &micro))
                wrong(reader, item->line, NULL, dr_yaml_found(item), "%s", expected_money);
            else if (hour < DR_TARIFF_HOURS)
                prices[hour] = micro;
            hour += 1;
        }
        if (hour != DR_TARIFF_HOURS) {
            char found[40];

            snprintf(found, sizeof found, "%" PRIu32 " prices", hour);
            wrong(reader, node->line, NULL, found, "24 prices, one for each hour of the day");
        }
        break;
    case DR_YAML_MAP:
        read_tariff_hours(reader, node, prices);
        break;
    }
    leave(reader, length);
}

/* "+09:00" */
static void read_offset(struct reader *reader, const struct dr_yaml_node *map, int32_t *minutes)
{
    static const char expected[] = "an offset from UTC from \"-12:00\" to \"+14:00\"";
    const struct dr_yaml_node *node = take(reader, map, "utc_offset", OPTIONAL, expected);
    const char *t;
    int value;

    if (node == NULL)
        return;
    t = node->text;
    if (strlen(t) == 6 && (t[0] == '+' || t[0] == '-') && t[1] >= '0' && t[1] <= '1' &&
        t[2] >= '0' && t[2] <= '9' && t[3] == ':' && t[4] >= '0' && t[4] <= '5' && t[5] >= '0' &&
        t[5] <= '9') {
        value = ((t[1] - '0') * 10 + (t[2] - '0')) * 60 + (t[4] - '0') * 10 + (t[5] - '0');
        value = t[0] == '-' ? -value : value;
        if (value >= -12 * 60 && value <= 14 * 60) {
            *minutes = value;
            return;
        }
    }
    wrong(reader, node->line, "utc_offset", dr_yaml_found(node), "%s", expected);
}

static void read_levels(struct reader *reader, const struct dr_yaml_node *map,
                        struct dr_fact_pool_set *set)
{
    const struct dr_yaml_node *node = dr_yaml_get(map, "levels");
    struct dr_level *levels;
    uint32_t below = 1;
    size_t length;

    if (node == NULL || dr_yaml_null(node))
        return;
    if (node->kind != DR_YAML_MAP) {
        wrong(reader, node->line, "levels", dr_yaml_found(node),
              "a map from the smallest level up to its nodes: {block: 4, rack: 16}");
        return;
    }
    levels = dr_fed_push(&reader->federation->arena, DR_LEVELS_MAX, sizeof levels[0]);
    if (levels == NULL) {
        wrong(reader, node->line, "levels", "", "a smaller file");
        return;
    }
    length = enter(reader, "levels");
    check_duplicates(reader, node);
    set->levels = levels;
    for (const struct dr_yaml_node *item = node->first; item != NULL; item = item->next) {
        int64_t nodes;

        if (set->levels_count == DR_LEVELS_MAX) {
            wrong(reader, item->key->line, item->key->text, item->key->text,
                  "at most %d levels between the node and the pool", DR_LEVELS_MAX);
            break;
        }
        if (!dr_name_valid(item->key->text) || strcmp(item->key->text, "node") == 0 ||
            strcmp(item->key->text, "pool") == 0) {
            wrong(reader, item->key->line, item->key->text, dr_yaml_found(item->key),
                  "a name other than node and pool: a-z, 0-9 and '-'");
            continue;
        }
        if (item->kind != DR_YAML_SCALAR ||
            !dr_parse_i64(item->text, 2, DR_FEDERATION_NODES_MAX, &nodes) || nodes % below != 0 ||
            nodes <= below) {
            if (below == 1)
                wrong(reader, item->line, item->key->text, dr_yaml_found(item),
                      "the nodes of one %s, 2 and more", item->key->text);
            else
                wrong(reader, item->line, item->key->text, dr_yaml_found(item),
                      "a multiple of the level below it: %" PRIu32 ", %" PRIu32 ", ...", below * 2,
                      below * 3);
            continue;
        }
        below = (uint32_t)nodes;
        levels[set->levels_count] = (struct dr_level){.nodes = below};
        dr_copy_name(levels[set->levels_count].name, item->key->text);
        set->levels_count += 1;
    }
    leave(reader, length);
}

/* The first node's name: "gpu001" gives prefix gpu, number 1, three digits. */
static void read_node_names(struct reader *reader, const struct dr_yaml_node *map, const char *site,
                            const char *pool, struct dr_fact_pool_set *set)
{
    static const char expected[] =
        "the first node's name, ending in its number: gpu001, then gpu002, gpu003, ...";
    const struct dr_yaml_node *node = dr_yaml_get(map, "node_names");
    const char *text;
    char prefix[2 * DR_NAME_BYTES + 2];
    size_t length;
    int64_t first;

    set->node_first = 0;
    set->node_digits = 1;
    if (node == NULL) {
        snprintf(prefix, sizeof prefix, "%s-%s-", site, pool);
        if (strlen(prefix) >= DR_NAME_BYTES - 10)
            wrong(reader, reader->line, "node_names", "nothing",
                  "%s (the default, '%s0', is longer than a name may be)", expected, prefix);
        else
            dr_copy_name(set->node_prefix, prefix);
        return;
    }
    text = node->kind == DR_YAML_SCALAR ? node->text : "";
    length = strlen(text);
    while (length > 0 && text[length - 1] >= '0' && text[length - 1] <= '9')
        length -= 1;
    if (length == 0 || text[length] == '\0' || strlen(text) > DR_NAME_BYTES - 10 ||
        !dr_name_valid(text) || !dr_parse_i64(text + length, 0, 100000000, &first)) {
        wrong(reader, node->line, "node_names", dr_yaml_found(node), "%s", expected);
        return;
    }
    memcpy(prefix, text, length);
    prefix[length] = '\0';
    dr_copy_name(set->node_prefix, prefix);
    set->node_first = (uint32_t)first;
    set->node_digits = (uint32_t)strlen(text + length);
}

/* Places of accounts plus one. */
static void read_consent(struct reader *reader, const struct dr_yaml_node *map,
                         struct dr_fact_pool_set *set)
{
    enum { CONSENT_MAX = DR_COUNT_OF(((struct dr_pool *)0)->consent) };
    const struct dr_yaml_node *single;
    const struct dr_yaml_node *list = take_list(reader, map, "consent", "accounts", &single);
    uint32_t *accounts;
    uint32_t item_number = 0;
    size_t length;

    if (list == NULL)
        return;
    accounts = dr_fed_push(&reader->federation->arena, CONSENT_MAX, sizeof accounts[0]);
    if (accounts == NULL) {
        wrong(reader, list->line, "consent", "", "a smaller file");
        return;
    }
    set->consent = accounts;
    length = enter(reader, "consent");
    for (const struct dr_yaml_node *item = first_item(list, single); item != NULL;
         item = next_item(item, single)) {
        size_t item_length = enter_item(reader, item_number);
        uint32_t account;
        uint32_t known = 0;

        item_number += 1;
        account = refer(reader, item, NULL, "an account", &reader->federation->account_names);
        while (known < set->consent_count && accounts[known] != account)
            known += 1;
        if (account != 0 && known < set->consent_count)
            wrong(reader, item->line, NULL, dr_yaml_found(item), "each account once");
        else if (account != 0 && set->consent_count == CONSENT_MAX)
            wrong(reader, item->line, NULL, dr_yaml_found(item), "at most %d accounts",
                  CONSENT_MAX);
        else if (account != 0) {
            accounts[set->consent_count] = account;
            set->consent_count += 1;
        }
        leave(reader, item_length);
    }
    leave(reader, length);
}

/* The place of the group `name`, which is made when it is new; DR_MAP_NONE and a mistake where it
 * counts another resource already. */
static uint32_t group_of(struct reader *reader, uint32_t line, const char *name, uint8_t resource)
{
    static const char *const resources[] = {"accelerators", "CPUs", "memory"};
    struct dr_federation *federation = reader->federation;
    uint32_t place = dr_fed_names_find(&federation->group_names, name);
    struct dr_fed_group *group;

    if (place == DR_MAP_NONE) {
        place = federation->groups_count;
        group = &federation->groups[place];
        *group = (struct dr_fed_group){.set = {.resource = resource}};
        dr_copy_name(group->set.name, name);
        federation->groups_count += 1;
        dr_fed_names_add(&federation->group_names, group->set.name);
    }
    group = &federation->groups[place];
    if (group->set.resource == resource)
        return place;
    wrong(reader, line, "group", name, "a group of %s: this one, of another pool, counts %s",
          resources[resource], resources[group->set.resource]);
    return DR_MAP_NONE;
}

/* The three groups of a pool: one name for all, or one for each, or by chip and owner. */
static void read_groups(struct reader *reader, const struct dr_yaml_node *map,
                        struct dr_fact_pool_set *set)
{
    static const char *const suffixes[DR_RESOURCE_COUNT] = {"", "-cpus", "-memory"};
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *node = dr_yaml_get(map, "group");
    char base[3 * DR_NAME_BYTES] = "";
    char names[DR_RESOURCE_COUNT][3 * DR_NAME_BYTES + 16];
    uint32_t line = node == NULL ? reader->line : node->line;
    uint32_t *groups = dr_fed_push(&federation->arena, DR_RESOURCE_COUNT, sizeof groups[0]);

    if (groups == NULL) {
        wrong(reader, line, "group", "", "a smaller file");
        return;
    }
    memset(groups, 0, DR_RESOURCE_COUNT * sizeof groups[0]);
    set->groups = groups;
    set->groups_count = DR_RESOURCE_COUNT;
    if (node != NULL && node->kind == DR_YAML_MAP) {
        size_t length = enter(reader, "group");

        check_map(reader, node, keys_group, DR_COUNT_OF(keys_group));
        for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1) {
            char name[DR_NAME_BYTES] = "";

            read_name(reader, node, keys_group[i], NEEDED, name);
            snprintf(names[i], sizeof names[i], "%s", name);
        }
        leave(reader, length);
    } else {
        if (node != NULL) {
            char name[DR_NAME_BYTES] = "";

            read_name(reader, map, "group", OPTIONAL, name);
            snprintf(base, sizeof base, "%s", name);
            if (name[0] == '\0')
                return;
        } else {
            const char *chip = set->chip == 0 ? "plain" : federation->chips[set->chip - 1].set.name;

            if (set->owner > 1)
                snprintf(base, sizeof base, "%s-of-%s", chip,
                         federation->accounts[set->owner - 1].set.name);
            else
                snprintf(base, sizeof base, "%s", chip);
        }
        for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1)
            snprintf(names[i], sizeof names[i], "%s%s", base, suffixes[i]);
        if (strlen(names[2]) >= DR_NAME_BYTES) {
            wrong(reader, line, "group", base,
                  "a name of at most 56 characters, since '-memory' is put behind it");
            return;
        }
    }
    for (uint8_t i = 0; i < DR_RESOURCE_COUNT; i += 1) {
        uint32_t place;

        if (names[i][0] == '\0')
            continue;
        place = group_of(reader, line, names[i], i);
        if (place == DR_MAP_NONE)
            continue;
        groups[i] = place + 1;
    }
}

static void read_pool(struct reader *reader, const struct dr_yaml_node *part, uint32_t site)
{
    struct dr_federation *federation = reader->federation;
    const char *site_name = federation->sites[site].set.name;
    struct dr_fed_pool *pool = &federation->pools[federation->pools_count];
    struct dr_fact_pool_set *set = &pool->set;
    size_t name_bytes = strlen(site_name) + 1 + strlen(part->key->text) + 1;
    char *full_name = dr_fed_push(&federation->arena, name_bytes, 1);
    const struct dr_yaml_node *nodes;
    uint32_t errors_before;
    uint32_t owner = 0;
    size_t length;

    if (full_name == NULL) {
        wrong(reader, part->line, NULL, "", "a smaller file");
        return;
    }
    snprintf(full_name, name_bytes, "%s/%s", site_name, part->key->text);
    if (!enter_part(reader, part, &federation->pool_names, full_name, &length))
        return;
    federation->pools_count += 1;
    *pool = (struct dr_fed_pool){.line = part->key->line, .nodes_line = part->key->line};
    set->site = site + 1;
    set->owner = 1;
    dr_copy_name(set->name, part->key->text);
    if (check_map(reader, part, keys_pool, DR_COUNT_OF(keys_pool))) {
        set->chip = read_reference(reader, part, "chip", "a chip", &federation->chip_names);
        nodes = dr_yaml_get(part, "nodes");
        if (nodes != NULL)
            pool->nodes_line = nodes->line;
        read_u32(reader, part, "nodes", NEEDED, 0, DR_FEDERATION_NODES_MAX, &pool->nodes);
        read_u32(reader, part, "accelerators", set->chip != 0 ? NEEDED : OPTIONAL,
                 set->chip != 0 ? 1 : 0, DR_ACCELERATORS_MAX, &set->accelerators);
        if (dr_yaml_get(part, "chip") == NULL && set->accelerators > 0)
            wrong(reader, reader->line, "chip", "nothing",
                  "the chip of its accelerators, a chip of this file");
        read_milli(reader, part, "cpus", NEEDED, 1, DR_FEDERATION_CPUS_MAX, &set->cpus);
        read_memory(reader, part, "memory", NEEDED, &set->memory_mb);
        read_watts(reader, part, "node_power", &set->node_idle_w);
        read_duration(reader, part, "default_limit", OPTIONAL, DR_SECOND_US,
                      DR_FEDERATION_LIMIT_US_MAX, &set->default_limit_us);
        read_levels(reader, part, set);
        read_node_names(reader, part, site_name, set->name, set);
        owner = read_reference(reader, part, "owner", "an account", &federation->account_names);
        if (owner != 0)
            set->owner = owner;
        read_consent(reader, part, set);
    }
    errors_before = reader->errors->count;
    read_groups(reader, part, set);
    if (reader->errors->count > errors_before ||
        (dr_yaml_get(part, "chip") != NULL && set->chip == 0) ||
        (dr_yaml_get(part, "owner") != NULL && owner == 0))
        reader->groups_unsure = 1;
    leave(reader, length);
}

static void read_sites(struct reader *reader, const struct dr_yaml_node *top)
{
    static const char *const engines[] = {"local", "simulated"};
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *section = section_of(reader, top, "sites", NEEDED, "site");
    struct dr_arena *arena = &federation->arena;
    size_t section_length = enter(reader, "sites");
    size_t length;
    uint32_t pools = 0;
    size_t nothing = 0;

    federation->sites = section_room(reader, NULL, section_count(section), DR_SITES_MAX,
                                     sizeof federation->sites[0], &federation->site_names);
    for (const struct dr_yaml_node *part = section == NULL ? NULL : section->first; part != NULL;
         part = part->next) {
        const struct dr_yaml_node *map = dr_yaml_get(part, "pools");

        pools += map == NULL ? 0 : map->count;
    }
    federation->pools = section_room(reader, "*.pools", pools, DR_POOLS_MAX,
                                     sizeof federation->pools[0], &federation->pool_names);
    federation->groups =
        dr_fed_push(arena, pools * DR_RESOURCE_COUNT, sizeof federation->groups[0]);
    if (federation->groups == NULL ||
        !dr_fed_names_init(&federation->group_names, arena, pools * DR_RESOURCE_COUNT)) {
        wrong(reader, 0, NULL, "", "a smaller file");
        section = NULL;
    }
    for (const struct dr_yaml_node *part = federation->sites == NULL || federation->pools == NULL ||
                                                   section == NULL
                                               ? NULL
                                               : section->first;
         part != NULL; part = part->next) {
        struct dr_fed_site *site = &federation->sites[federation->sites_count];
        struct dr_fact_site_set *set = &site->set;
        const struct dr_yaml_node *single;
        const struct dr_yaml_node *list;
        const struct dr_yaml_node *pool_section;
        uint32_t item_number = 0;

        if (!enter_part(reader, part, &federation->site_names, part->key->text, &length))
            continue;
        federation->sites_count += 1;
        site->line = part->key->line;
        dr_copy_name(set->name, part->key->text);
        set->pue_milli = 1000;
        if (!check_map(reader, part, keys_site, DR_COUNT_OF(keys_site))) {
            read_tariff(reader, NULL, set);
            leave(reader, length);
            continue;
        }
        read_label(reader, part, "operator", set->operator_name);
        read_name(reader, part, "region", OPTIONAL, set->region);
        read_name(reader, part, "jurisdiction", OPTIONAL, set->jurisdiction);
        read_u32(reader, part, "assurance", OPTIONAL, 0, 1000, &set->assurance);
        read_watts(reader, part, "power_cap", &set->power_cap_w);
        read_milli(reader, part, "pue", OPTIONAL, 1000, 10000, &set->pue_milli);
        read_tariff(reader, part, set);
        read_offset(reader, part, &set->utc_offset_min);
        read_choice(reader, part, "engine", engines, DR_COUNT_OF(engines), &set->engine);
        read_bool(reader, part, "isolated_network", &set->isolated_network);
        list = take_list(reader, part, "data_classes", "data classes", &single);
        site->classes_node = list;
        nothing = enter(reader, "data_classes");
        for (const struct dr_yaml_node *item = first_item(list, single); item != NULL;
             item = next_item(item, single)) {
            size_t item_length = enter_item(reader, item_number);
            uint32_t class = refer(reader, item, NULL, "a data class", &federation->class_names);

            if (class == 0)
                site->classes_unsure = 1;
            if (class > DR_DATA_CLASSES_MAX)
                class = 0; /* that there are too many has been said */
            if (class != 0 && (set->classes >> (class - 1)) & 1)
                wrong(reader, item->line, NULL, dr_yaml_found(item), "each data class once");
            if (class != 0)
                set->classes |= UINT64_C(1) << (class - 1);
            item_number += 1;
            leave(reader, item_length);
        }
        leave(reader, nothing);
        pool_section = section_of(reader, part, "pools", OPTIONAL, "pool");
        nothing = enter(reader, "pools");
        for (const struct dr_yaml_node *pool = pool_section == NULL ? NULL : pool_section->first;
             pool != NULL; pool = pool->next)
            read_pool(reader, pool, federation->sites_count - 1);
        leave(reader, nothing);
        leave(reader, length);
    }
    leave(reader, section_length);
}

/* ---- accounts, second pass: guarantees ---- */

static int parse_amount(uint8_t resource, const char *text, int64_t *amount)
{
    int64_t value;

    if (resource == DR_RESOURCE_MEMORY ? !dr_parse_memory_mb(text, &value)
                                       : !dr_parse_milli(text, 0, INT64_MAX, &value))
        return 0;
    if (value > DR_FEDERATION_AMOUNT_MAX)
        return 0;
    *amount = value;
    return 1;
}

static void read_amount(struct reader *reader, const struct dr_yaml_node *node, const char *part,
                        uint8_t resource, const char *without, int64_t *amount)
{
    if (node->kind == DR_YAML_SCALAR && without != NULL && strcmp(node->text, without) == 0) {
        *amount = DR_FOREVER_US;
        return;
    }
    if (node->kind == DR_YAML_SCALAR && parse_amount(resource, node->text, amount))
        return;
    wrong(reader, node->line, part, dr_yaml_found(node), "%s%s%s%s",
          resource == DR_RESOURCE_MEMORY         ? "memory (512M, 64G, 2T)"
          : resource == DR_RESOURCE_ACCELERATORS ? "a number of accelerators, 0 and more"
                                                 : "a number of CPUs, 0 and more",
          without == NULL ? "" : ", or '", without == NULL ? "" : without,
          without == NULL ? "" : "'");
}

static void read_guarantees(struct reader *reader, struct dr_fed_account *account)
{
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *map = account->guarantees;
    size_t length;

    if (map == NULL || dr_yaml_null(map))
        return;
    if (map->kind != DR_YAML_MAP) {
        wrong(reader, map->line, "guarantees", dr_yaml_found(map),
              "a map from groups to amounts: {h200: 16}");
        return;
    }
    length = enter(reader, "guarantees");
    check_duplicates(reader, map);
    for (const struct dr_yaml_node *item = map->first; item != NULL; item = item->next) {
        uint32_t place = dr_fed_names_find(&federation->group_names, item->key->text);
        struct dr_fed_limit *limit;
        uint8_t resource;
        char text[300];

        if (place == DR_MAP_NONE && reader->groups_unsure)
            continue; /* it may be the group of a pool that could not be read */
        if (place == DR_MAP_NONE) {
            wrong(reader, item->key->line, item->key->text, item->key->text,
                  "a quota group of this file's pools%s",
                  hint(text, item->key->text, federation->group_names.names,
                       federation->group_names.count));
            continue;
        }
        limit = &account->limits[place];
        resource = federation->groups[place].set.resource;
        limit->line = item->key->line;
        if (item->kind == DR_YAML_MAP) {
            size_t item_length = enter(reader, item->key->text);
            const struct dr_yaml_node *node;

            check_map(reader, item, keys_guarantee, DR_COUNT_OF(keys_guarantee));
            node = dr_yaml_get(item, "guarantee");
            if (node != NULL) {
                read_amount(reader, node, "guarantee", resource, NULL, &limit->guarantee);
                limit->stated = 1;
            }
            node = dr_yaml_get(item, "borrow");
            if (node != NULL)
                read_amount(reader, node, "borrow", resource, "unlimited", &limit->borrow);
            node = dr_yaml_get(item, "lend");
            if (node != NULL)
                read_amount(reader, node, "lend", resource, "all", &limit->lend);
            leave(reader, item_length);
        } else {
            read_amount(reader, item, item->key->text, resource, NULL, &limit->guarantee);
            limit->stated = 1;
        }
    }
    leave(reader, length);
}

/* "accounts.industry.accounts.hanbit" */
static void enter_account(struct reader *reader, uint32_t place)
{
    const struct dr_federation *federation = reader->federation;

    if (place == 0)
        return;
    enter_account(reader, federation->accounts[place].set.parent - 1);
    enter(reader, "accounts");
    enter(reader, federation->accounts[place].set.name);
}

/* 0: there is no room for them. */
static int read_all_guarantees(struct reader *reader)
{
    struct dr_federation *federation = reader->federation;

    if ((uint64_t)federation->accounts_count * federation->groups_count >
        DR_FEDERATION_LIMITS_MAX) {
        wrong(reader, federation->accounts_line, "accounts", "too many",
              "at most %" PRIu64 " accounts times quota groups", DR_FEDERATION_LIMITS_MAX);
        return 0;
    }
    for (uint32_t place = 0; place < federation->accounts_count; place += 1) {
        struct dr_fed_account *account = &federation->accounts[place];

        account->limits =
            dr_fed_push(&federation->arena, federation->groups_count, sizeof account->limits[0]);
        if (account->limits == NULL) {
            wrong(reader, account->line, NULL, "", "fewer accounts or groups");
            return 0;
        }
        for (uint32_t g = 0; g < federation->groups_count; g += 1)
            account->limits[g] =
                (struct dr_fed_limit){.borrow = DR_FOREVER_US, .lend = DR_FOREVER_US};
        enter_account(reader, place);
        reader->line = account->line;
        read_guarantees(reader, account);
        leave(reader, 0);
    }
    return 1;
}

/* ---- datasets and users ---- */

/* "512" bytes, "4T": steps of 1024. */
static int parse_bytes(const char *text, int64_t *bytes)
{
    static const char units[] = "KMGTPE";
    const char *rest;
    int64_t value;
    int64_t scale = 1;

    if (!parse_decimal(text, 3, INT64_MAX, &value, &rest))
        return 0;
    if (*rest == ' ' && rest[1] != '\0')
        rest += 1;
    for (size_t i = 0; units[i] != '\0' && *rest != '\0'; i += 1) {
        scale *= 1024;
        if (*rest == units[i]) {
            rest += 1;
            if (strcmp(rest, "B") == 0 || strcmp(rest, "iB") == 0)
                rest += strlen(rest);
            if (*rest != '\0' || __builtin_mul_overflow(value, scale, &value))
                return 0;
            *bytes = value / 1000;
            return 1;
        }
    }
    *bytes = value / 1000;
    return *rest == '\0' || strcmp(rest, "B") == 0;
}

static void read_datasets(struct reader *reader, const struct dr_yaml_node *top)
{
    static const char expected_size[] = "a size (500M, 64G, 4T, 1.5P; without a unit bytes)";
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *section = section_of(reader, top, "datasets", OPTIONAL, "dataset");
    size_t section_length = enter(reader, "datasets");
    size_t length;

    federation->datasets = section_room(reader, NULL, section_count(section), UINT32_MAX,
                                        sizeof federation->datasets[0], &federation->dataset_names);
    for (const struct dr_yaml_node *part =
             federation->datasets == NULL || section == NULL ? NULL : section->first;
         part != NULL; part = part->next) {
        struct dr_fed_dataset *dataset = &federation->datasets[federation->datasets_count];
        const struct dr_yaml_node *node;
        const struct dr_yaml_node *single;
        const struct dr_yaml_node *list;
        uint32_t item_number = 0;
        size_t list_length;

        if (!enter_part(reader, part, &federation->dataset_names, part->key->text, &length))
            continue;
        federation->datasets_count += 1;
        dataset->line = part->key->line;
        dr_copy_name(dataset->set.name, part->key->text);
        if (check_map(reader, part, keys_dataset, DR_COUNT_OF(keys_dataset))) {
            node = take(reader, part, "size", NEEDED, expected_size);
            if (node != NULL && !parse_bytes(node->text, &dataset->set.bytes))
                wrong(reader, node->line, "size", dr_yaml_found(node), "%s", expected_size);
            dataset->set.data_class = read_reference(reader, part, "data_class", "a data class",
                                                     &federation->class_names);
            list = take_list(reader, part, "sites", "sites", &single);
            list_length = enter(reader, "sites");
            if (list == NULL || (single == NULL && list->count == 0))
                wrong(reader, list == NULL ? dataset->line : list->line, NULL, "nothing",
                      "the sites that have it");
            for (const struct dr_yaml_node *item = first_item(list, single); item != NULL;
                 item = next_item(item, single)) {
                size_t item_length = enter_item(reader, item_number);
                uint32_t site = refer(reader, item, NULL, "a site", &federation->site_names);

                if (site > DR_SITES_MAX)
                    site = 0;
                if (site != 0 && dr_site_set_has(&dataset->set.sites, site - 1))
                    wrong(reader, item->line, NULL, dr_yaml_found(item), "each site once");
                if (site != 0)
                    dr_site_set_add(&dataset->set.sites, site - 1);
                item_number += 1;
                leave(reader, item_length);
            }
            leave(reader, list_length);
        }
        leave(reader, length);
    }
    leave(reader, section_length);
}

static const char *const role_names[DR_ROLE_COUNT] = {"user", "account-admin", "auditor",
                                                      "operator", "admin"};

static int read_role(struct reader *reader, const struct dr_yaml_node *item, enum dr_role *role)
{
    char text[300];

    for (uint32_t i = 0; item->kind == DR_YAML_SCALAR && i < DR_ROLE_COUNT; i += 1) {
        if (strcmp(item->text, role_names[i]) == 0) {
            *role = (enum dr_role)i;
            return 1;
        }
    }
    wrong(reader, item->line, NULL, dr_yaml_found(item), "one of the roles%s",
          hint(text, item->kind == DR_YAML_SCALAR ? item->text : "", role_names, DR_ROLE_COUNT));
    return 0;
}

/* One account of a user with its roles; `roles` NULL: role user. */
static void read_membership(struct reader *reader, struct dr_fact_user_set *set,
                            struct dr_membership *memberships, uint32_t account,
                            const struct dr_yaml_node *roles, uint32_t line)
{
    const struct dr_yaml_node *single = NULL;
    enum dr_role role = DR_ROLE_USER;

    if (roles != NULL && roles->kind == DR_YAML_MAP) {
        wrong(reader, roles->line, NULL, "a map", "a role, or a list of roles");
        return;
    }
    if (roles != NULL && roles->kind == DR_YAML_SCALAR)
        single = roles;
    for (const struct dr_yaml_node *item = first_item(roles, single); roles == NULL || item != NULL;
         item = roles == NULL ? NULL : next_item(item, single)) {
        uint32_t known = 0;

        if (roles != NULL && !read_role(reader, item, &role))
            continue;
        while (known < set->memberships_count &&
               (memberships[known].account.v != account || memberships[known].role != role))
            known += 1;
        if (known < set->memberships_count) {
            wrong(reader, item == NULL ? line : item->line, NULL, role_names[role],
                  "each role in an account once");
        } else if (set->memberships_count == DR_ROLES_MAX) {
            wrong(reader, line, NULL, "one more", "at most %d roles in accounts", DR_ROLES_MAX);
        } else {
            memberships[set->memberships_count] =
                (struct dr_membership){.account = {account}, .role = role};
            set->memberships_count += 1;
        }
        if (roles == NULL)
            break;
    }
}

static void read_memberships(struct reader *reader, const struct dr_yaml_node *map,
                             struct dr_fact_user_set *set)
{
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *node = dr_yaml_get(map, "accounts");
    const struct dr_yaml_node *single = NULL;
    struct dr_membership *memberships;
    uint32_t item_number = 0;
    size_t length;

    if (node == NULL || dr_yaml_null(node))
        return;
    memberships = dr_fed_push(&federation->arena, DR_ROLES_MAX, sizeof memberships[0]);
    if (memberships == NULL) {
        wrong(reader, node->line, "accounts", "", "a smaller file");
        return;
    }
    set->memberships = memberships;
    length = enter(reader, "accounts");
    if (node->kind == DR_YAML_MAP)
        check_duplicates(reader, node);
    if (node->kind == DR_YAML_SCALAR)
        single = node;
    for (const struct dr_yaml_node *item = first_item(node, single); item != NULL;
         item = next_item(item, single)) {
        const struct dr_yaml_node *name = node->kind == DR_YAML_MAP ? item->key : item;
        size_t item_length =
            node->kind == DR_YAML_MAP ? enter(reader, name->text) : enter_item(reader, item_number);
        uint32_t account = refer(reader, name, NULL, "an account", &federation->account_names);

        item_number += 1;
        if (account != 0)
            read_membership(reader, set, memberships, account,
                            node->kind == DR_YAML_MAP && !dr_yaml_null(item) ? item : NULL,
                            item->line);
        leave(reader, item_length);
    }
    leave(reader, length);
}

uint32_t dr_fed_only_account(const struct dr_membership *memberships, uint32_t count)
{
    for (uint32_t i = 1; i < count; i += 1) {
        if (memberships[i].account.v != memberships[0].account.v)
            return 0;
    }
    return count == 0 ? 0 : memberships[0].account.v;
}

static void read_users(struct reader *reader, const struct dr_yaml_node *top)
{
    static const char expected_uid[] = "a Unix account of this machine, or a uid";
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *section = section_of(reader, top, "users", NEEDED, "user");
    size_t section_length = enter(reader, "users");
    size_t length;

    federation->users_line = section == NULL ? 0 : section->key->line;
    federation->users = section_room(reader, NULL, section_count(section), UINT32_MAX,
                                     sizeof federation->users[0], &federation->user_names);
    for (const struct dr_yaml_node *part =
             federation->users == NULL || section == NULL ? NULL : section->first;
         part != NULL; part = part->next) {
        struct dr_fed_user *user = &federation->users[federation->users_count];
        struct dr_fact_user_set *set = &user->set;
        const struct dr_yaml_node *node;
        const struct dr_yaml_node *single;
        const struct dr_yaml_node *list;
        uint32_t item_number = 0;
        uint32_t errors_before;
        size_t list_length;

        if (!enter_part(reader, part, &federation->user_names, part->key->text, &length))
            continue;
        federation->users_count += 1;
        user->line = part->key->line;
        dr_copy_name(set->name, part->key->text);
        set->uid = DR_NO_UID;
        set->gid = DR_NO_UID;
        if (!check_map(reader, part, keys_user, DR_COUNT_OF(keys_user))) {
            leave(reader, length);
            continue;
        }
        node = take(reader, part, "uid", OPTIONAL, expected_uid);
        if (node != NULL && !unix_account(node->text, &set->uid, &set->gid))
            wrong(reader, node->line, "uid", dr_yaml_found(node), "%s", expected_uid);
        node = dr_yaml_get(part, "gid");
        read_u32(reader, part, "gid", OPTIONAL, 0, DR_NO_UID - 1, &set->gid);
        if (node != NULL && dr_yaml_get(part, "uid") == NULL)
            wrong(reader, node->line, "gid", dr_yaml_found(node), "a uid beside it");
        list = take_list(reader, part, "roles", "roles", &single);
        list_length = enter(reader, "roles");
        for (const struct dr_yaml_node *item = first_item(list, single); item != NULL;
             item = next_item(item, single)) {
            size_t item_length = enter_item(reader, item_number);
            enum dr_role role;

            if (read_role(reader, item, &role))
                set->roles |= (uint8_t)(1u << role);
            item_number += 1;
            leave(reader, item_length);
        }
        leave(reader, list_length);
        errors_before = reader->errors->count;
        read_memberships(reader, part, set);
        user->accounts_unsure = reader->errors->count > errors_before;
        node = dr_yaml_get(part, "default_account");
        if (node != NULL && !dr_yaml_null(node))
            set->default_account =
                refer(reader, node, "default_account", "an account", &federation->account_names);
        else if (node == NULL)
            set->default_account = dr_fed_only_account(set->memberships, set->memberships_count);
        leave(reader, length);
    }
    leave(reader, section_length);
}

/* ---- the file ---- */

static void read_file(struct reader *reader, const struct dr_yaml_node *top,
                      struct dr_error_list *warnings)
{
    uint32_t errors_before;
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *accounts = dr_yaml_get(top, "accounts");
    uint32_t accounts_max = 1 + count_accounts(accounts);

    if (!check_map(reader, top, keys_file, DR_COUNT_OF(keys_file)))
        return;
    reader->line = 1;
    federation->accounts_line = accounts == NULL ? 1 : accounts->key->line;
    federation->accounts = section_room(reader, "accounts", accounts_max, UINT32_MAX,
                                        sizeof federation->accounts[0], &federation->account_names);
    if (federation->accounts == NULL)
        return;
    federation->accounts[0].set.weight = 1000;
    federation->accounts_count = 1;
    read_federation(reader, top);
    federation->accounts[0].line = federation->line;
    dr_fed_names_add(&federation->account_names, federation->accounts[0].set.name);
    read_chips(reader, top);
    read_classes(reader, top);
    reader->line = 1;
    errors_before = reader->errors->count;
    read_account_tree(reader, top, 0);
    reader->line = 1;
    read_sites(reader, top);
    federation->amounts_known =
        read_all_guarantees(reader) && reader->errors->count == errors_before;
    reader->line = 1;
    read_datasets(reader, top);
    reader->line = 1;
    read_users(reader, top);
    if (federation->sites == NULL || federation->pools == NULL || federation->groups == NULL ||
        federation->datasets == NULL || federation->users == NULL)
        return; /* no room, which has been said */
    if (!dr_federation_check(federation, reader->errors, warnings))
        wrong(reader, 0, NULL, "", "a smaller file");
}

enum dr_status dr_federation_parse(struct dr_federation **federation, const char *file_name,
                                   const char *yaml, size_t bytes, struct dr_error_list *errors,
                                   struct dr_error_list *warnings)
{
    struct dr_arena arena;
    struct dr_federation *made;
    const struct dr_yaml_node *top;
    struct reader reader;
    uint32_t errors_before = errors->count;

    *federation = NULL;
    if (bytes > DR_FEDERATION_BYTES_MAX) {
        dr_error_list_add(errors, file_name, 0, "", "a larger file", "at most %u bytes",
                          DR_FEDERATION_BYTES_MAX);
        return DR_E_INPUT;
    }
    if (dr_arena_init(&arena, DR_FEDERATION_ARENA_BYTES) != DR_OK) {
        dr_error_list_add(errors, file_name, 0, "", "no address space",
                          "a machine that lends 4 GiB of it");
        return DR_E_INPUT;
    }
    made = dr_fed_push(&arena, 1, sizeof *made);
    made->arena = arena;
    snprintf(made->file, sizeof made->file, "%s", file_name);
    top = dr_yaml_read(&made->arena, file_name, yaml, bytes, errors);
    if (top != NULL) {
        reader =
            (struct reader){.federation = made, .errors = errors, .file = file_name, .line = 1};
        read_file(&reader, top, warnings);
    }
    if (errors->count > errors_before) {
        dr_error_list_sort(errors);
        dr_federation_close(made);
        return DR_E_INPUT;
    }
    made->changes_mark = made->arena.used;
    *federation = made;
    return DR_OK;
}

enum dr_status dr_federation_read(struct dr_federation **federation, const char *path,
                                  struct dr_error_list *errors, struct dr_error_list *warnings)
{
    DR_CLEANUP(dr_buffer_deinit) struct dr_buffer buffer;
    enum dr_status status;

    *federation = NULL;
    dr_buffer_init(&buffer, DR_FEDERATION_BYTES_MAX);
    status = dr_buffer_read_file(&buffer, path);
    if (status == DR_E_MISSING)
        dr_error_list_add(errors, path, 0, "", "no such file", "a federation file");
    else if (status == DR_E_FULL)
        dr_error_list_add(errors, path, 0, "", "a larger file", "at most %u bytes",
                          DR_FEDERATION_BYTES_MAX);
    else if (status != DR_OK)
        dr_error_list_add(errors, path, 0, "", "a file that can't be read", "a federation file");
    if (status != DR_OK)
        return DR_E_INPUT;
    return dr_federation_parse(federation, path, dr_buffer_text(&buffer), buffer.length, errors,
                               warnings);
}

void dr_federation_close(struct dr_federation *federation)
{
    struct dr_arena arena;

    if (federation == NULL)
        return;
    arena = federation->arena; /* the struct lies in it */
    dr_arena_deinit(&arena);
}
