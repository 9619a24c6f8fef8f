/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, paths, single values, lists and references: what every section of a file is read with. */
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>

#include "federation/reader.h"

/* ---- keys ---- */

static const char *const keys_file[] = {"federation", "chips",    "data_classes", "zones", "sites",
                                        "datasets",   "accounts", "allocations",  "caps",  "users"};
static const char *const keys_federation[] = {"name",
                                              "currency",
                                              "default_limit",
                                              "default_grace",
                                              "half_life",
                                              "minimum_run",
                                              "loss_cap",
                                              "preemption_credit",
                                              "retain_ended",
                                              "requeue_limit",
                                              "reserve_depth",
                                              "span_price",
                                              "preempt_below",
                                              "job_user",
                                              "job_gid",
                                              "default_jobs_max",
                                              "fair_preemption",
                                              "fair_minimum_run",
                                              "order",
                                              "placement",
                                              "backfill",
                                              "preemption"};
const char *const DR_FEDERATION_PLACEMENTS[DR_FEDERATION_PLACEMENTS_COUNT] = {"daero", "first-fit",
                                                                              "best-fit", "pack"};
const char *const DR_FEDERATION_ENGINES[DR_FEDERATION_ENGINES_COUNT] = {"local", "simulated",
                                                                        "slurm"};
const char *const DR_FEDERATION_ORDERS[DR_FEDERATION_ORDERS_COUNT] = {"fair", "fifo", "sjf", "las"};

static const char *const keys_chip[] = {"vendor",     "country", "memory",  "idle_power",
                                        "busy_power", "price",   "virtual", "stacks"};
static const char *const keys_class[] = {"jurisdictions", "assurance", "share"};
static const char *const keys_site[] = {
    "operator",   "region", "jurisdiction", "assurance",    "zone",   "power_cap",
    "pue",        "tariff", "utc_offset",   "data_classes", "engine", "isolated_network",
    "power_down", "slurm",  "pools"};
static const char *const keys_slurm[] = {"url", "key", "user", "conf", "placement", "log_command"};
static const char *const keys_pool[] = {"chip",
                                        "nodes",
                                        "accelerators",
                                        "cpus",
                                        "memory",
                                        "node_power",
                                        "levels",
                                        "node_names",
                                        "owner",
                                        "group",
                                        "consent",
                                        "default_limit",
                                        "default_memory_per_cpu",
                                        "default_memory_per_accelerator",
                                        "partition",
                                        "gres"};
static const char *const keys_group[] = {"accelerators", "cpus", "memory"};
static const char *const keys_dataset[] = {"size", "sites", "data_class"};
static const char *const keys_account[] = {"weight",   "preempt_below", "default_limit",
                                           "jobs_max", "guarantees",    "accounts"};
static const char *const keys_guarantee[] = {"guarantee", "borrow", "lend"};
static const char *const keys_allocation[] = {"account", "amounts", "from", "until"};
static const char *const keys_zone[] = {"power_cap"};
static const char *const keys_cap[] = {"zone", "site", "power_cap", "from", "until"};
static const char *const keys_user[] = {"uid", "gid", "roles", "accounts", "default_account"};

#define SECTION(name, keys)           \
    {                                 \
        name, keys, DR_COUNT_OF(keys) \
    }
static const struct dr_federation_section sections[] = {
    SECTION("the file", keys_file),
    SECTION("federation", keys_federation),
    SECTION("chips", keys_chip),
    SECTION("data_classes", keys_class),
    SECTION("zones", keys_zone),
    SECTION("sites", keys_site),
    SECTION("slurm", keys_slurm),
    SECTION("pools", keys_pool),
    SECTION("group", keys_group),
    SECTION("datasets", keys_dataset),
    SECTION("accounts", keys_account),
    SECTION("guarantees", keys_guarantee),
    SECTION("allocations", keys_allocation),
    SECTION("caps", keys_cap),
    SECTION("users", keys_user),
};

const struct dr_federation_section *dr_federation_sections(uint32_t *count)
{
    *count = DR_COUNT_OF(sections);
    return sections;
}

/* ---- mistakes and paths ---- */

void dr_fed_wrong(struct dr_fed_reader *reader, uint32_t line, const char *part, const char *found,
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

/* Go down to `part`; the result is for dr_fed_leave(). */
size_t dr_fed_enter(struct dr_fed_reader *reader, const char *part)
{
    size_t length = strlen(reader->path);

    snprintf(reader->path + length, sizeof reader->path - length, "%s%s", length > 0 ? "." : "",
             part);
    return length;
}

size_t dr_fed_enter_item(struct dr_fed_reader *reader, uint32_t item)
{
    size_t length = strlen(reader->path);

    snprintf(reader->path + length, sizeof reader->path - length, "[%" PRIu32 "]", item);
    return length;
}

void dr_fed_leave(struct dr_fed_reader *reader, size_t length)
{
    reader->path[length] = '\0';
}

/* "; did you mean 'x'?", or what there is to choose from when it is little. */
const char *dr_fed_hint(char text[300], const char *found, const char *const *names, uint32_t count)
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
void dr_fed_check_duplicates(struct dr_fed_reader *reader, const struct dr_yaml_node *map)
{
    struct dr_arena *arena = &reader->federation->arena;
    size_t mark = arena->used;
    struct dr_fed_names names;
    const struct dr_yaml_node **first = dr_fed_push(arena, map->count, sizeof first[0]);

    if (first == NULL || !dr_fed_names_init(&names, arena, map->count)) {
        dr_fed_wrong(reader, map->line, NULL, "", "a smaller file");
        dr_arena_reset(arena, mark);
        return;
    }
    for (const struct dr_yaml_node *child = map->first; child != NULL; child = child->next) {
        uint32_t place = dr_fed_names_find(&names, child->key->text);

        if (place != DR_MAP_NONE) {
            dr_fed_wrong(reader, child->key->line, child->key->text, child->key->text,
                         "each name once; it stands on line %" PRIu32 " already",
                         first[place]->key->line);
        } else {
            first[names.count] = child;
            dr_fed_names_add(&names, child->key->text);
        }
    }
    dr_arena_reset(arena, mark);
}

int dr_fed_check_map(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                     const char *section)
{
    const struct dr_federation_section *known = sections;
    const char *const *keys;
    uint32_t count;
    char text[300];

    while (strcmp(known->name, section) != 0)
        known += 1; /* the name is one of them */
    keys = known->keys;
    count = known->keys_count;
    if (dr_yaml_null(map))
        return 1;
    if (map->kind != DR_YAML_MAP) {
        dr_fed_wrong(reader, map->line, NULL, dr_yaml_found(map), "a map with keys of these%s",
                     dr_fed_hint(text, "", keys, count));
        return 0;
    }
    dr_fed_check_duplicates(reader, map);
    for (const struct dr_yaml_node *child = map->first; child != NULL; child = child->next) {
        uint32_t i = 0;

        while (i < count && strcmp(keys[i], child->key->text) != 0)
            i += 1;
        if (i == count)
            dr_fed_wrong(reader, child->key->line, child->key->text, child->key->text,
                         "a known key%s", dr_fed_hint(text, child->key->text, keys, count));
    }
    return 1;
}

/* ---- single values ---- */

/* The scalar under `key`; NULL, with a mistake noted, where it is missing though needed or is no
 * scalar. */
const struct dr_yaml_node *dr_fed_take(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                                       const char *key, int needed, const char *expected)
{
    const struct dr_yaml_node *node = dr_yaml_get(map, key);

    if (node == NULL) {
        if (needed)
            dr_fed_wrong(reader, reader->line, key, "nothing", "%s", expected);
        return NULL;
    }
    if (node->kind != DR_YAML_SCALAR || dr_yaml_null(node)) {
        dr_fed_wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
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

void dr_fed_read_label(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                       const char *key, char to[DR_NAME_BYTES])
{
    static const char expected[] = "a text of 1 to 63 bytes on one line";
    const struct dr_yaml_node *node = dr_fed_take(reader, map, key, DR_FED_OPTIONAL, expected);

    if (node == NULL)
        return;
    if (label_valid(node->text))
        dr_copy_name(to, node->text);
    else
        dr_fed_wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
}

const char dr_fed_expected_name[] = "a name: a-z, 0-9 and '-', not first, at most 63 characters";

void dr_fed_read_name(struct dr_fed_reader *reader, const struct dr_yaml_node *map, const char *key,
                      int needed, char to[DR_NAME_BYTES])
{
    const struct dr_yaml_node *node = dr_fed_take(reader, map, key, needed, dr_fed_expected_name);

    if (node == NULL)
        return;
    if (dr_name_valid(node->text))
        dr_copy_name(to, node->text);
    else
        dr_fed_wrong(reader, node->line, key, dr_yaml_found(node), "%s", dr_fed_expected_name);
}

static void read_whole(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                       const char *key, int needed, int64_t min, int64_t max, int64_t *value)
{
    const struct dr_yaml_node *node;
    char expected[100];

    snprintf(expected, sizeof expected, "a whole number from %" PRId64 " to %" PRId64, min, max);
    node = dr_fed_take(reader, map, key, needed, expected);
    if (node != NULL && !dr_parse_i64(node->text, min, max, value))
        dr_fed_wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
}

void dr_fed_read_u32(struct dr_fed_reader *reader, const struct dr_yaml_node *map, const char *key,
                     int needed, uint32_t min, uint32_t max, uint32_t *value)
{
    int64_t wide = *value;

    read_whole(reader, map, key, needed, min, max, &wide);
    *value = (uint32_t)wide;
}

void dr_fed_read_milli(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                       const char *key, int needed, int64_t min, int64_t max, uint32_t *value)
{
    const struct dr_yaml_node *node;
    char low[DR_TEXT_BYTES];
    char high[DR_TEXT_BYTES];
    char expected[160];
    int64_t wide;

    snprintf(expected, sizeof expected, "a number from %s to %s, at most three decimals",
             dr_format_milli(min, low), dr_format_milli(max, high));
    node = dr_fed_take(reader, map, key, needed, expected);
    if (node == NULL)
        return;
    if (dr_parse_milli(node->text, min, max, &wide))
        *value = (uint32_t)wide;
    else
        dr_fed_wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
}

void dr_fed_read_duration(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                          const char *key, int needed, int64_t min_us, int64_t max_us,
                          int64_t *duration_us)
{
    const struct dr_yaml_node *node;
    char low[DR_AMOUNT_BYTES];
    char high[DR_AMOUNT_BYTES];
    char expected[200];
    int64_t us;

    snprintf(expected, sizeof expected, "a duration (90s, 15m, 2h, 7d, 1h30m) from %s to %s",
             dr_format_exact_duration(min_us, low), dr_format_exact_duration(max_us, high));
    node = dr_fed_take(reader, map, key, needed, expected);
    if (node == NULL)
        return;
    if (dr_parse_duration_us(node->text, &us) && us >= min_us && us <= max_us)
        *duration_us = us;
    else
        dr_fed_wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
}

void dr_fed_read_memory(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                        const char *key, int needed, int64_t *memory_mb)
{
    const struct dr_yaml_node *node;
    char high[DR_AMOUNT_BYTES];
    char expected[160];
    int64_t mb;

    snprintf(expected, sizeof expected, "memory (512M, 64G, 2T; without a unit MB) from 1M to %s",
             dr_format_exact_memory(DR_FEDERATION_MEMORY_MB_MAX, high));
    node = dr_fed_take(reader, map, key, needed, expected);
    if (node == NULL)
        return;
    if (dr_parse_memory_mb(node->text, &mb) && mb >= 1 && mb <= DR_FEDERATION_MEMORY_MB_MAX)
        *memory_mb = mb;
    else
        dr_fed_wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
}

/* A decimal with up to `places` places as a whole number of 10^-places, times `unit`; `*rest` is
 * what stands behind it. The result has to be whole and at most `max`. */
int dr_fed_parse_decimal(const char *text, int places, int64_t max, int64_t *value,
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

int dr_fed_parse_money(const char *text, int64_t *micro)
{
    const char *rest;

    return dr_fed_parse_decimal(text, 6, DR_FEDERATION_MONEY_MAX, micro, &rest) && *rest == '\0';
}

const char dr_fed_expected_money[] = "an amount of money from 0 to 1000000, at most six decimals";

void dr_fed_read_money(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                       const char *key, int64_t *micro)
{
    const struct dr_yaml_node *node =
        dr_fed_take(reader, map, key, DR_FED_OPTIONAL, dr_fed_expected_money);
    int64_t value;

    if (node == NULL)
        return;
    if (dr_fed_parse_money(node->text, &value))
        *micro = value;
    else
        dr_fed_wrong(reader, node->line, key, dr_yaml_found(node), "%s", dr_fed_expected_money);
}

/* "700", "700W", "1.2 kW", "3MW", "0.4GW" in watts; a fraction of a watt is dropped. */
int dr_parse_watts(const char *text, int64_t *watts)
{
    static const char units[] = "kMG";
    const char *rest;
    int64_t value;
    int64_t scale = 1;

    if (!dr_fed_parse_decimal(text, 3, INT64_MAX, &value, &rest))
        return 0;
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
    if (*rest != '\0' || rest[-1] == ' ' || __builtin_mul_overflow(value, scale, &value) ||
        value / 1000 > DR_FEDERATION_WATTS_MAX)
        return 0;
    *watts = value / 1000;
    return 1;
}

void dr_fed_read_watts(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                       const char *key, int64_t *watts)
{
    static const char expected[] = "power (700, 700W, 1.2kW, 3MW, 0.4GW) from 0 to 1000 GW";
    const struct dr_yaml_node *node = dr_fed_take(reader, map, key, DR_FED_OPTIONAL, expected);

    if (node != NULL && !dr_parse_watts(node->text, watts))
        dr_fed_wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
}

void dr_fed_read_bool(struct dr_fed_reader *reader, const struct dr_yaml_node *map, const char *key,
                      uint8_t *value)
{
    static const char expected[] = "yes or no (or true, false)";
    const struct dr_yaml_node *node = dr_fed_take(reader, map, key, DR_FED_OPTIONAL, expected);

    if (node == NULL)
        return;
    if (strcmp(node->text, "yes") == 0 || strcmp(node->text, "true") == 0)
        *value = 1;
    else if (strcmp(node->text, "no") == 0 || strcmp(node->text, "false") == 0)
        *value = 0;
    else
        dr_fed_wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
}

void dr_fed_read_choice(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                        const char *key, const char *const *names, uint32_t count, uint8_t *value)
{
    char text[300];
    char expected[330];
    const struct dr_yaml_node *node;

    snprintf(expected, sizeof expected, "one of these%s", dr_fed_hint(text, "", names, count));
    node = dr_fed_take(reader, map, key, DR_FED_OPTIONAL, expected);
    if (node == NULL)
        return;
    for (uint32_t i = 0; i < count; i += 1) {
        if (strcmp(names[i], node->text) == 0) {
            *value = (uint8_t)i;
            return;
        }
    }
    dr_fed_hint(text, node->text, names, count);
    dr_fed_wrong(reader, node->line, key, dr_yaml_found(node), "%s%s", expected,
                 text[0] == ';' ? text : ""); /* else it is the list again */
}

/* ---- lists and references ---- */

/* The list under `key`; a single scalar counts as a list of one: `*single` is then it. NULL:
 * nothing. */
const struct dr_yaml_node *dr_fed_take_list(struct dr_fed_reader *reader,
                                            const struct dr_yaml_node *map, const char *key,
                                            const char *of, const struct dr_yaml_node **single)
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
        dr_fed_wrong(reader, node->line, key, "a map", "a list of %s", of);
        return NULL;
    }
    return node;
}

/* The first and the next item of what dr_fed_take_list() gave. */
const struct dr_yaml_node *dr_fed_first_item(const struct dr_yaml_node *list,
                                             const struct dr_yaml_node *single)
{
    return single != NULL ? single : (list == NULL ? NULL : list->first);
}

const struct dr_yaml_node *dr_fed_next_item(const struct dr_yaml_node *item,
                                            const struct dr_yaml_node *single)
{
    return single != NULL ? NULL : item->next;
}

/* The place of a declared part plus one; 0 and a mistake where there is none. */
uint32_t dr_fed_refer(struct dr_fed_reader *reader, const struct dr_yaml_node *node,
                      const char *part, const char *kind, const struct dr_fed_names *names)
{
    char text[300];
    uint32_t place;

    if (node->kind != DR_YAML_SCALAR || dr_yaml_null(node)) {
        dr_fed_wrong(reader, node->line, part, dr_yaml_found(node), "the name of %s of this file",
                     kind);
        return 0;
    }
    place = dr_fed_names_find(names, node->text);
    if (place != DR_MAP_NONE)
        return place + 1;
    dr_fed_wrong(reader, node->line, part, dr_yaml_found(node), "%s of this file%s", kind,
                 dr_fed_hint(text, node->text, names->names, names->count));
    return 0;
}

uint32_t dr_fed_read_reference(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                               const char *key, const char *kind, const struct dr_fed_names *names)
{
    const struct dr_yaml_node *node = dr_yaml_get(map, key);

    return node == NULL ? 0 : dr_fed_refer(reader, node, key, kind, names);
}

/* A day, or a second with its zone: a file means the same wherever it is read. */
void dr_fed_read_instant(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                         const char *key, int64_t *instant_us)
{
    static const char expected[] =
        "a day (2027-03-01, from midnight UTC), or an instant with its zone "
        "(2027-03-01T09:00:00+09:00)";
    const struct dr_yaml_node *node = dr_fed_take(reader, map, key, DR_FED_NEEDED, expected);
    char text[64];
    size_t length;

    if (node == NULL)
        return;
    length = strlen(node->text);
    if (length <= 40) {
        snprintf(text, sizeof text, "%s%s", node->text, length == 10 ? "T00:00:00Z" : "");
        if (strchr(text, 'T') != NULL && strpbrk(text + 10, "Z+-") != NULL &&
            dr_parse_instant_us(text, 0, instant_us) && *instant_us % DR_SECOND_US == 0)
            return;
    }
    dr_fed_wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
}

/* A list of names or labels: stacks, jurisdictions. */
void dr_fed_read_names(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                       const char *key, int as_names, uint32_t count_max,
                       const struct dr_name **names, uint32_t *count)
{
    const char *expected = as_names ? dr_fed_expected_name : "a text of 1 to 63 bytes on one line";
    const struct dr_yaml_node *single;
    const struct dr_yaml_node *list = dr_fed_take_list(reader, map, key, "names", &single);
    struct dr_name *made;
    size_t length;

    *count = 0;
    *names = NULL;
    if (list == NULL)
        return;
    made = dr_fed_push(&reader->federation->arena, count_max, sizeof made[0]);
    if (made == NULL) {
        dr_fed_wrong(reader, list->line, key, "", "a smaller file");
        return;
    }
    length = dr_fed_enter(reader, key);
    for (const struct dr_yaml_node *item = dr_fed_first_item(list, single); item != NULL;
         item = dr_fed_next_item(item, single)) {
        uint32_t known = 0;

        if (*count == count_max) {
            dr_fed_wrong(reader, item->line, NULL, dr_yaml_found(item),
                         "at most %" PRIu32 " of them", count_max);
            break;
        }
        if (item->kind != DR_YAML_SCALAR || dr_yaml_null(item) ||
            !(as_names ? dr_name_valid(item->text) : label_valid(item->text))) {
            dr_fed_wrong(reader, item->line, NULL, dr_yaml_found(item), "%s", expected);
            continue;
        }
        while (known < *count && strcmp(made[known].text, item->text) != 0)
            known += 1;
        if (known < *count) {
            dr_fed_wrong(reader, item->line, NULL, dr_yaml_found(item), "each of them once");
            continue;
        }
        dr_copy_name(made[*count].text, item->text);
        *count += 1;
    }
    dr_fed_leave(reader, length);
    *names = made;
}

/* ---- Unix accounts ---- */

/* A uid, or the name of an account of this machine, with its group. 0: there is no such account. */
int dr_fed_unix_account(const char *text, uint32_t *uid, uint32_t *gid)
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
const struct dr_yaml_node *dr_fed_section_of(struct dr_fed_reader *reader,
                                             const struct dr_yaml_node *map, const char *key,
                                             int needed, const char *what)
{
    const struct dr_yaml_node *node = dr_yaml_get(map, key);
    size_t length;

    if (node == NULL || dr_yaml_null(node)) {
        if (needed)
            dr_fed_wrong(reader, node == NULL ? reader->line : node->line, key, "nothing",
                         "a map with at least one %s", what);
        return NULL;
    }
    if (node->kind != DR_YAML_MAP) {
        dr_fed_wrong(reader, node->line, key, dr_yaml_found(node), "a map from the name of each %s",
                     what);
        return NULL;
    }
    if (needed && node->count == 0)
        dr_fed_wrong(reader, node->line, key, "an empty map", "at least one %s", what);
    length = dr_fed_enter(reader, key);
    dr_fed_check_duplicates(reader, node);
    dr_fed_leave(reader, length);
    return node;
}

/* Enter one part of a section; 0: its name is no name or stands there twice. */
int dr_fed_enter_part(struct dr_fed_reader *reader, const struct dr_yaml_node *part,
                      struct dr_fed_names *names, const char *name, size_t *length)
{
    *length = dr_fed_enter(reader, part->key->text);
    reader->line = part->key->line;
    if (!dr_name_valid(part->key->text)) {
        dr_fed_wrong(reader, part->key->line, NULL, dr_yaml_found(part->key), "%s",
                     dr_fed_expected_name);
        dr_fed_leave(reader, *length);
        return 0;
    }
    if (names->count == names->count_max || dr_fed_names_find(names, name) != DR_MAP_NONE) {
        dr_fed_leave(reader, *length); /* noted with the duplicates */
        return 0;
    }
    dr_fed_names_add(names, name);
    return 1;
}

uint32_t dr_fed_section_count(const struct dr_yaml_node *section)
{
    return section == NULL ? 0 : section->count;
}

/* Room for what a section may hold, and for its names; 0 and a mistake when there is none. */
void *dr_fed_section_room(struct dr_fed_reader *reader, const char *key, uint32_t count,
                          uint32_t count_max, size_t bytes, struct dr_fed_names *names)
{
    struct dr_arena *arena = &reader->federation->arena;
    void *room;

    if (count > count_max)
        dr_fed_wrong(reader, reader->line, key, "more", "at most %" PRIu32 " of them", count_max);
    room = dr_fed_push(arena, count, bytes);
    if (room == NULL || !dr_fed_names_init(names, arena, count)) {
        dr_fed_wrong(reader, reader->line, key, "", "a smaller file");
        return NULL;
    }
    return room;
}
