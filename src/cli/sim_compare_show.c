/* SPDX-License-Identifier: Apache-2.0 */
/* What `daero sim compare` shows: a row a measure, a column a variant, and the paired differences.
 */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "cli/sim_compare.h"
#include "cli/table.h"

static const char *const SENSES[] = {NULL, "lower", "higher"};
static const char *const UNITS[] = {"s", "part", NULL, "J"};
static const char *const VERDICTS[] = {"same", "differs", "better", "worse"};

/* A value, or how far it is from another, without its sign. */
static const char *show(enum dr_compare_unit unit, double value)
{
    switch (unit) {
    case DR_COMPARE_SECONDS:
        return value < 60 ? dr_show_format("%.1fs", value)
                          : dr_show_duration((int64_t)(1e6 * value));
    case DR_COMPARE_PART:
        return dr_show_format("%.2f %%", 100 * value);
    case DR_COMPARE_NUMBER:
        return value == floor(value) && value < 1e15 ? dr_show_format("%.0f", value)
                                                     : dr_show_format("%.2f", value);
    case DR_COMPARE_JOULES:
        return dr_show_format("%.1f kWh", value / 3.6e6);
    }
    return "";
}

static const char *show_difference(const struct dr_compared *compared, uint32_t variant,
                                   uint32_t measure)
{
    const struct dr_compare_measure *about = &DR_COMPARE_MEASURE[measure];
    struct dr_compare_difference difference =
        dr_compare_difference(&compared->compare, variant, measure);
    const char *text;

    if (difference.pairs == 0)
        return "";
    text = dr_show_format("%s%s", difference.mean < 0 ? "-" : "+",
                          show(about->unit, fabs(difference.mean)));
    if (difference.mean == 0)
        text = "0";
    if (difference.has_interval)
        text = dr_show_format("%s ± %s", text, show(about->unit, difference.half));
    return difference.is_apart ? dr_show_format("%s %s", text, VERDICTS[difference.verdict]) : text;
}

/* Nothing of the kind happened anywhere: no row for it. */
static int is_nought(const struct dr_compared *compared, uint32_t measure)
{
    for (uint32_t i = 0; i < compared->variants->count * compared->compare.seeds; i += 1)
        if (compared->compare.runs[i].is_done && compared->compare.runs[i].values[measure] != 0)
            return 0;
    return 1;
}

static void print_head(const struct dr_compared *compared)
{
    uint32_t seeds = compared->compare.seeds;
    uint32_t by_chance = 0;

    for (uint32_t i = 0; i < compared->variants->count; i += 1)
        by_chance += compared->variants->by_chance[i];
    if (by_chance == 0)
        puts("Nothing here depends on a seed: each variant was run once.");
    else if (seeds == 1)
        printf("One seed, %llu: what differs may be chance; --seeds N gives intervals.\n",
               (unsigned long long)compared->seed_first);
    else
        printf("Means over %u seeds, %llu to %llu; differences in pairs, with their 95 %% "
               "intervals.\n",
               seeds, (unsigned long long)compared->seed_first,
               (unsigned long long)(compared->seed_first + seeds - 1));
    for (uint32_t i = 0; by_chance > 0 && seeds > 1 && i < compared->variants->count; i += 1)
        if (!compared->variants->by_chance[i])
            printf("%s does not depend on the seed: it was run once.\n",
                   compared->variants->list[i].name);
}

void dr_compared_print(const struct dr_compared *compared)
{
    const struct dr_variants *variants = compared->variants;
    struct dr_table *table;

    print_head(compared);
    putchar('\n');
    table = dr_table_open(1);
    dr_table_column(table, "MEASURE", 0);
    for (uint32_t i = 0; i < variants->count; i += 1) {
        dr_table_column(table, variants->list[i].name, DR_TABLE_RIGHT);
        if (i > 0)
            dr_table_column(
                table, dr_show_format("%s - %s", variants->list[i].name, variants->list[0].name),
                0);
    }
    for (uint32_t measure = 0; measure < DR_COMPARE_COUNT; measure += 1) {
        if (is_nought(compared, measure))
            continue;
        dr_table_row(table);
        dr_table_cell(table, DR_COMPARE_MEASURE[measure].label);
        for (uint32_t i = 0; i < variants->count; i += 1) {
            double mean;
            uint32_t count = dr_compare_mean(&compared->compare, i, measure, &mean);

            dr_table_cell(table, count == 0 ? "" : show(DR_COMPARE_MEASURE[measure].unit, mean));
            if (i > 0)
                dr_table_cell(table, show_difference(compared, i, measure));
        }
    }
    dr_table_print(table);
}

/* ---- as JSON ---- */

static json_t *difference_json(const struct dr_compared *compared, uint32_t variant,
                               uint32_t measure)
{
    struct dr_compare_difference difference =
        dr_compare_difference(&compared->compare, variant, measure);
    json_t *object;

    if (difference.pairs == 0)
        return json_null();
    object = json_pack("{s:i, s:f}", "pairs", (int)difference.pairs, "mean", difference.mean);
    if (difference.has_interval) {
        json_object_set_new(object, "low", json_real(difference.mean - difference.half));
        json_object_set_new(object, "high", json_real(difference.mean + difference.half));
    }
    if (difference.is_apart)
        json_object_set_new(object, "verdict", json_string(VERDICTS[difference.verdict]));
    return object;
}

static json_t *measure_json(const struct dr_compared *compared, uint32_t measure)
{
    const struct dr_compare_measure *about = &DR_COMPARE_MEASURE[measure];
    json_t *object = json_pack("{s:s, s:s, s:s*, s:s*}", "name", about->name, "label", about->label,
                               "unit", UNITS[about->unit], "better", SENSES[about->sense]);
    json_t *list = json_array();

    for (uint32_t i = 0; i < compared->variants->count; i += 1) {
        double mean;
        uint32_t count = dr_compare_mean(&compared->compare, i, measure, &mean);
        json_t *one = json_pack("{s:s, s:i}", "variant", compared->variants->list[i].name, "runs",
                                (int)count);

        if (count > 0)
            json_object_set_new(one, "mean", json_real(mean));
        if (i > 0)
            json_object_set_new(one, "difference", difference_json(compared, i, measure));
        json_array_append_new(list, one);
    }
    json_object_set_new(object, "variants", list);
    return object;
}

/* The options as given, common ones first; a later one of a name holds. */
static json_t *variant_json(const struct dr_variant *variant, int by_chance)
{
    json_t *options = json_object();

    for (uint32_t i = 0; i < variant->cli.given_count; i += 1) {
        const struct dr_cli_given *given = &variant->cli.given[i];
        const char *name = given->option->name;

        if (given->value != NULL && strcmp(name, "output") != 0 && strcmp(name, "runs") != 0 &&
            strcmp(name, "parallel") != 0)
            json_object_set_new(options, name, json_string(given->value));
    }
    return json_pack("{s:s, s:o, s:b}", "name", variant->name, "options", options, "by_chance",
                     by_chance);
}

json_t *dr_compared_json(const struct dr_compared *compared)
{
    const struct dr_variants *variants = compared->variants;
    json_t *list = json_array();
    json_t *measures = json_array();

    for (uint32_t i = 0; i < variants->count; i += 1)
        json_array_append_new(list, variant_json(&variants->list[i], variants->by_chance[i]));
    for (uint32_t measure = 0; measure < DR_COMPARE_COUNT; measure += 1)
        json_array_append_new(measures, measure_json(compared, measure));
    return json_pack("{s:s, s:I, s:I, s:o, s:o, s:O, s:b}", "base", variants->list[0].name,
                     "seed_first", (json_int_t)compared->seed_first, "seeds",
                     (json_int_t)compared->compare.seeds, "variants", list, "measures", measures,
                     "failed", compared->failed, "interrupted", compared->interrupted);
}
