/* SPDX-License-Identifier: Apache-2.0 */
/* plan.yaml: a plan's horizon, targets and switches. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/math.h"
#include "federation/yaml.h"
#include "plan/inputs/tables.h"

#define COMMON_QUARTERS 8

struct reader {
    struct dr_plan_inputs *inputs;
    struct dr_csv_errors *errors;
    const char *file;
    const char *part; /* "targets", or "" */
};

static void wrong(const struct reader *reader, uint32_t line, const char *key, const char *found,
                  const char *expected)
{
    char field[160];

    snprintf(field, sizeof field, "%s%s%s", reader->part,
             reader->part[0] == '\0' || key[0] == '\0' ? "" : ".", key);
    dr_csv_wrong(reader->errors, reader->file, line, field, found, "%s", expected);
}

static const struct dr_yaml_node *scalar(const struct reader *reader,
                                         const struct dr_yaml_node *map, const char *key,
                                         int needed, const char *expected)
{
    const struct dr_yaml_node *node = dr_yaml_get(map, key);

    if (node == NULL || dr_yaml_null(node)) {
        if (needed)
            wrong(reader, map->line, key, "nothing", expected);
        return NULL;
    }
    if (node->kind != DR_YAML_SCALAR) {
        wrong(reader, node->line, key, "a list or map", expected);
        return NULL;
    }
    return node;
}

static void keys(const struct reader *reader, const struct dr_yaml_node *map, const char *allowed)
{
    for (const struct dr_yaml_node *node = map->first; node != NULL; node = node->next) {
        char padded[140], expected[600];

        snprintf(padded, sizeof padded, " %s ", node->key->text);
        snprintf(expected, sizeof expected, "one of:%s", allowed);
        if (strstr(allowed, padded) == NULL)
            wrong(reader, node->line, node->key->text, node->key->text, expected);
    }
}

static void whole(const struct reader *reader, const struct dr_yaml_node *map, const char *key,
                  int needed, int64_t min, int64_t max, int64_t *value)
{
    char expected[100];
    const struct dr_yaml_node *node;

    snprintf(expected, sizeof expected, "a whole number from %" PRId64 " to %" PRId64, min, max);
    node = scalar(reader, map, key, needed, expected);
    if (node != NULL && !dr_parse_i64(node->text, min, max, value))
        wrong(reader, node->line, key, node->text, expected);
}

/* A percentage as millionths of 1. */
static void percent(const struct reader *reader, const struct dr_yaml_node *map, const char *key,
                    int needed, int64_t max, int64_t *micro)
{
    char expected[100];
    const struct dr_yaml_node *node;
    int64_t milli;

    snprintf(expected, sizeof expected, "percent from 0 to %" PRId64 ", like 12.5", max);
    node = scalar(reader, map, key, needed, expected);
    if (node == NULL)
        return;
    if (dr_parse_milli(node->text, 0, max * 1000, &milli))
        *micro = milli * 10;
    else
        wrong(reader, node->line, key, node->text, expected);
}

/* Its place from the plan's first; what lies before or after is taken too. */
static void quarter(const struct reader *reader, const struct dr_yaml_node *map, const char *key,
                    int needed, int64_t begin, int64_t *value)
{
    static const char expected[] = "a quarter: 2027-Q3";
    const struct dr_yaml_node *node = scalar(reader, map, key, needed, expected);
    int64_t found;

    if (node == NULL)
        return;
    if (dr_parse_quarter(node->text, &found))
        *value = found - begin;
    else
        wrong(reader, node->line, key, node->text, expected);
}

static const struct dr_yaml_node *items(struct reader *reader, const struct dr_yaml_node *map,
                                        const char *key)
{
    const struct dr_yaml_node *list = dr_yaml_get(map, key);

    reader->part = "";
    if (list == NULL || dr_yaml_null(list))
        return NULL;
    if (list->kind != DR_YAML_LIST) {
        wrong(reader, list->line, key, "something else", "a list of maps");
        return NULL;
    }
    if (list->count > DR_PLAN_TARGETS_MAX) {
        wrong(reader, list->line, key, "more", "at most 16");
        return NULL;
    }
    reader->part = key;
    return list->first;
}

static void read_targets(struct reader *reader, const struct dr_yaml_node *map)
{
    struct dr_plan_inputs *inputs = reader->inputs;

    for (const struct dr_yaml_node *item = items(reader, map, "targets"); item != NULL;
         item = item->next) {
        struct dr_plan_target *target = &inputs->targets[inputs->targets_count];
        const struct dr_yaml_node *by_node;
        uint32_t before = reader->errors->count;
        int64_t by = 0, compute = 0;

        if (item->kind != DR_YAML_MAP) {
            wrong(reader, item->line, "", item->text, "a map with `by` and `accelerators`");
            continue;
        }
        keys(reader, item, " by accelerators compute ");
        quarter(reader, item, "by", 1, inputs->begin, &by);
        whole(reader, item, "accelerators", 0, 1, 1000000000, &target->accelerators);
        whole(reader, item, "compute", 0, 1, 1000000000, &compute);
        target->compute_micro = compute * DR_PLAN_MICRO;
        if (reader->errors->count > before)
            continue;
        by_node = dr_yaml_get(item, "by");
        if (target->accelerators == 0 && compute == 0)
            wrong(reader, item->line, "", "neither", "`accelerators` or `compute`");
        if (by < 0 || by >= inputs->quarters_count) {
            char expected[100], first[DR_QUARTER_BYTES], last[DR_QUARTER_BYTES];

            snprintf(expected, sizeof expected, "a quarter of the plan: %s to %s",
                     dr_format_quarter(inputs->begin, first),
                     dr_format_quarter(inputs->begin + inputs->quarters_count - 1, last));
            wrong(reader, by_node->line, "by", by_node->text, expected);
        }
        target->quarter = (uint32_t)by;
        inputs->targets_count += 1;
    }
}

static void read_domestic(struct reader *reader, const struct dr_yaml_node *map)
{
    struct dr_plan_inputs *inputs = reader->inputs;

    for (const struct dr_yaml_node *item = items(reader, map, "domestic"); item != NULL;
         item = item->next) {
        static const char *const measures[] = {"value", "units", "compute"};
        struct dr_plan_domestic *domestic = &inputs->domestic[inputs->domestic_count];
        const struct dr_yaml_node *by;
        int64_t from = inputs->begin / 4;
        uint32_t m = 0;

        if (item->kind != DR_YAML_MAP) {
            wrong(reader, item->line, "", item->text, "a map with `from`, `percent` and `by`");
            continue;
        }
        keys(reader, item, " from percent by ");
        whole(reader, item, "from", 1, inputs->begin / 4, 2999, &from);
        percent(reader, item, "percent", 1, 100, &domestic->share_micro);
        by = scalar(reader, item, "by", 1, "value, units or compute");
        while (by != NULL && m < 3 && strcmp(by->text, measures[m]) != 0)
            m += 1;
        if (m == 3)
            wrong(reader, by->line, "by", by->text, "value, units or compute");
        domestic->measure = (enum dr_plan_measure)m;
        domestic->year = (uint32_t)(from - inputs->begin / 4);
        inputs->domestic_count += 1;
    }
}

const char *const DR_PLAN_RELAX_WORDS[DR_PLAN_RELAX_COUNT] = {
#define DR_RELAX_WORD(name, word, a, b, c) word,
    DR_PLAN_RELAXES(DR_RELAX_WORD)
#undef DR_RELAX_WORD
};

/* A list of words, the first to be relaxed first; without it all, in the order of the table. */
static void read_relax(struct reader *reader, const struct dr_yaml_node *map)
{
    struct dr_plan_inputs *inputs = reader->inputs;
    const struct dr_yaml_node *list = dr_yaml_get(map, "relax");

    reader->part = "";
    if (list == NULL) {
        inputs->relax_count = DR_PLAN_RELAX_COUNT;
        for (uint32_t i = 0; i < DR_PLAN_RELAX_COUNT; i += 1)
            inputs->relax[i] = (uint8_t)i;
        return;
    }
    if (list->kind != DR_YAML_LIST)
        wrong(reader, list->line, "relax", "something else", "a list of words");
    for (const struct dr_yaml_node *item = list->kind == DR_YAML_LIST ? list->first : NULL;
         item != NULL; item = item->next) {
        uint32_t i = 0, seen = 0;

        while (i < DR_PLAN_RELAX_COUNT &&
               (item->kind != DR_YAML_SCALAR || strcmp(DR_PLAN_RELAX_WORDS[i], item->text) != 0))
            i += 1;
        while (seen < inputs->relax_count && inputs->relax[seen] != i)
            seen += 1;
        if (i == DR_PLAN_RELAX_COUNT || seen < inputs->relax_count) {
            wrong(reader, item->line, "relax", item->kind == DR_YAML_SCALAR ? item->text : "a map",
                  "each once: shares, lost, starts, domestic, targets, least-work, budget, supply, "
                  "grid, power");
            continue;
        }
        inputs->relax[inputs->relax_count] = (uint8_t)i;
        inputs->relax_count += 1;
    }
}

/* From when on any one zone can be lost, and what of critical work can be done then. */
static void read_lost(struct reader *reader, const struct dr_yaml_node *map)
{
    struct dr_plan_inputs *inputs = reader->inputs;
    const struct dr_yaml_node *percentage = dr_yaml_get(map, "lost_percent");
    const struct dr_yaml_node *when = dr_yaml_get(map, "lost_from");
    int64_t from = INT32_MAX;

    inputs->lost_micro = -1;
    percent(reader, map, "lost_percent", 0, 100, &inputs->lost_micro);
    quarter(reader, map, "lost_from", 0, inputs->begin, &from);
    inputs->lost_quarter = (int32_t)from;
    if (inputs->lost_micro == 0)
        wrong(reader, percentage->line, "lost_percent", percentage->text,
              "more than 0, or no such line");
    if (percentage != NULL && (when == NULL || dr_yaml_null(when)))
        wrong(reader, percentage->line, "lost_from", "nothing", "the quarter from which it holds");
    if (when != NULL && from != INT32_MAX && from >= inputs->quarters_count)
        wrong(reader, when->line, "lost_from", when->text, "a quarter before the plan ends");
}

static void read_map(struct reader *reader, const struct dr_yaml_node *map)
{
    struct dr_plan_inputs *inputs = reader->inputs;
    const struct dr_yaml_node *node;
    uint32_t before;
    int64_t quarters = 1, starts = 0, building = 80, from = 0, common;
    int is_known;

    keys(reader, map,
         " name currency begin quarters discount_percent carry_percent starts_a_quarter "
         "building_quarters steady_percent steady_weight_percent site_percent zone_percent "
         "vendor_percent shares_from lost_from lost_percent targets domestic relax "
         "common_quarters ");
    node = scalar(reader, map, "name", 1, "a name: a-z, 0-9 and '-'");
    if (node != NULL && !dr_name_valid(node->text))
        wrong(reader, node->line, "name", node->text, "a name: a-z, 0-9 and '-' (not first)");
    else if (node != NULL)
        dr_copy_name(inputs->name, node->text);
    node = scalar(reader, map, "currency", 1, "a currency, like KRW");
    if (node != NULL)
        snprintf(inputs->currency, sizeof inputs->currency, "%s", node->text);
    before = reader->errors->count;
    quarter(reader, map, "begin", 1, 0, &inputs->begin);
    whole(reader, map, "quarters", 1, 1, DR_PLAN_QUARTERS_MAX, &quarters);
    is_known = reader->errors->count == before;
    inputs->quarters_count = (uint32_t)quarters;
    inputs->years_count = dr_plan_year(inputs, inputs->quarters_count - 1) + 1;
    percent(reader, map, "discount_percent", 1, 100, &inputs->discount_micro);
    percent(reader, map, "carry_percent", 0, 100, &inputs->carry_micro);
    whole(reader, map, "starts_a_quarter", 0, 1, 1000, &starts);
    inputs->starts_max = (uint32_t)starts;
    common = dr_min_i64(COMMON_QUARTERS, quarters);
    whole(reader, map, "common_quarters", 0, 1, quarters, &common);
    inputs->common_quarters = (uint32_t)common;
    whole(reader, map, "building_quarters", 0, 1, 400, &building);
    inputs->building_quarters = (uint32_t)building;
    percent(reader, map, "steady_percent", 0, 1000, &inputs->steady_micro);
    percent(reader, map, "steady_weight_percent", 0, 100, &inputs->steady_weight_micro);
    percent(reader, map, "site_percent", 0, 100, &inputs->site_share_micro);
    percent(reader, map, "zone_percent", 0, 100, &inputs->zone_share_micro);
    percent(reader, map, "vendor_percent", 0, 100, &inputs->vendor_share_micro);
    quarter(reader, map, "shares_from", 0, inputs->begin, &from);
    inputs->share_quarter = (int32_t)from;
    read_lost(reader, map);
    if (!is_known) /* when the plan begins and ends */
        return;
    read_targets(reader, map);
    read_domestic(reader, map);
    read_relax(reader, map);
}

void dr_plan_read_settings(struct dr_plan_inputs *inputs, const char *path, const char *yaml,
                           size_t bytes, struct dr_csv_errors *errors)
{
    struct dr_error_list list DR_CLEANUP(dr_error_list_deinit) = {0};
    struct reader reader = {.inputs = inputs, .errors = errors, .file = path, .part = ""};
    const struct dr_yaml_node *map = dr_yaml_read(&inputs->arena, path, yaml, bytes, &list);

    for (uint32_t i = 0; i < list.count; i += 1)
        dr_csv_wrong(errors, path, list.errors[i].line, list.errors[i].field, list.errors[i].found,
                     "%s", list.errors[i].expected);
    if (map != NULL && map->kind == DR_YAML_MAP)
        read_map(&reader, map);
    else if (map != NULL)
        dr_csv_wrong(errors, path, map->line, "", "something else", "a map of settings");
}
