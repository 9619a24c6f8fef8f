/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a scenario's tables, and the moments that it knows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "scenario/tables.h"

/* Address space; touched as it is used. */
#define ARENA_BYTES ((size_t)256 << 20)

#define COLUMNS_OF(name, file, columns) \
    static const struct dr_csv_column name##_columns[] = {columns(DR_CSV_COLUMN_ROW, name)};
TABLES(COLUMNS_OF)
#undef COLUMNS_OF

static const struct dr_csv_file FILES[TABLE_COUNT] = {
#define FILE_ROW(name, file, columns) \
    [TABLE_##name] = {file, name##_columns, DR_COUNT_OF(name##_columns)},
    TABLES(FILE_ROW)
#undef FILE_ROW
};

uint32_t dr_scenario_find(const struct dr_scenario *scenario, enum table table, const char *key)
{
    return dr_csv_find(&scenario->tables[table], key);
}

int dr_scenario_within(const struct dr_scenario *scenario, uint32_t tenant, uint32_t above)
{
    while (tenant != above && tenant != NO_ROW)
        tenant = scenario->tenant_parent[tenant];
    return tenant == above;
}

/* ---- moments ---- */

static int by_month(const void *a, const void *b, const void *context)
{
    int64_t first = *(const int64_t *)a;
    int64_t second = *(const int64_t *)b;

    (void)context;
    return first < second ? -1 : first > second;
}

static uint32_t waves_of(const struct dr_scenario *scenario, const char *list)
{
    char part[DR_NAME_BYTES];
    uint32_t waves = 0;

    if (strcmp(list, "all") == 0)
        return UINT32_MAX;
    while (dr_csv_part(&list, part)) {
        for (uint32_t w = 0; w < scenario->waves_count; w += 1)
            waves |= strcmp(scenario->waves[w], part) == 0 ? 1u << w : 0;
    }
    return waves;
}

static int list_moments(struct dr_scenario *scenario)
{
    uint32_t stages = rows_of(scenario, TABLE_STAGE);
    uint32_t most = rows_of(scenario, TABLE_FLEET) + rows_of(scenario, TABLE_POWER);
    int64_t *months = dr_arena_push(&scenario->arena, most, sizeof months[0]);
    uint32_t count = 0;

    scenario->moments = dr_arena_push(&scenario->arena, stages + most, sizeof scenario->moments[0]);
    if (months == NULL || scenario->moments == NULL)
        return 0;
    for (uint32_t s = 0; s < stages; s += 1) {
        struct dr_scenario_moment *moment = &scenario->moments[s];

        dr_copy_name(moment->name, text_of(scenario, TABLE_STAGE, s, STAGE_stage));
        moment->month = value_of(scenario, TABLE_STAGE, s, STAGE_month);
        moment->waves = waves_of(scenario, text_of(scenario, TABLE_STAGE, s, STAGE_waves));
        moment->note = text_of(scenario, TABLE_STAGE, s, STAGE_note);
    }
    for (uint32_t i = 0; i < most; i += 1) {
        uint32_t fleets = rows_of(scenario, TABLE_FLEET);
        int64_t month = i < fleets ? value_of(scenario, TABLE_FLEET, i, FLEET_month)
                                   : value_of(scenario, TABLE_POWER, i - fleets, POWER_month);
        uint32_t known = 0;

        while (known < count && months[known] != month)
            known += 1;
        if (known == count && month >= scenario->settings.from && month <= scenario->settings.to) {
            months[count] = month;
            count += 1;
        }
    }
    dr_sort(months, count, sizeof months[0], by_month, NULL);
    scenario->moments_count = stages + count;
    for (uint32_t i = 0; i < count; i += 1) {
        char text[DR_MONTH_BYTES];

        scenario->moments[stages + i] =
            (struct dr_scenario_moment){.month = months[i], .waves = UINT32_MAX, .note = ""};
        dr_copy_name(scenario->moments[stages + i].name, dr_format_month(months[i], text));
    }
    return 1;
}

const struct dr_scenario_moment *dr_scenario_moments(const struct dr_scenario *scenario,
                                                     uint32_t *count)
{
    *count = scenario->moments_count;
    return scenario->moments;
}

enum dr_status dr_scenario_at(const struct dr_scenario *scenario, const char *text,
                              struct dr_scenario_moment *moment, struct dr_error *error)
{
    char stages[300] = "";
    char from[DR_MONTH_BYTES];
    char to[DR_MONTH_BYTES];
    int64_t month;

    for (uint32_t s = 0; s < rows_of(scenario, TABLE_STAGE); s += 1) {
        size_t length = strlen(stages);

        if (strcmp(scenario->moments[s].name, text) == 0) {
            *moment = scenario->moments[s];
            return DR_OK;
        }
        snprintf(stages + length, sizeof stages - length, ", %s", scenario->moments[s].name);
    }
    if (!dr_parse_month(text, &month) || month < scenario->settings.from ||
        month > scenario->settings.to) {
        dr_error_set(error, NULL, 0, "--at", text, "a month from %s to %s, or a stage%s%s",
                     dr_format_month(scenario->settings.from, from),
                     dr_format_month(scenario->settings.to, to), stages[0] == '\0' ? "" : ": ",
                     stages[0] == '\0' ? "" : stages + 2);
        return DR_E_INPUT;
    }
    *moment = (struct dr_scenario_moment){.month = month, .waves = UINT32_MAX, .note = ""};
    dr_format_month(month, from);
    dr_copy_name(moment->name, from);
    return DR_OK;
}

/* ---- open ---- */

enum dr_status dr_scenario_open(struct dr_scenario **scenario, const char *directory,
                                struct dr_csv_errors *errors)
{
    struct dr_scenario *made = calloc(1, sizeof *made);
    uint32_t before = errors->count;
    char path[4096];

    *scenario = NULL;
    if (made == NULL)
        return DR_E_FULL;
    if (dr_arena_init(&made->arena, ARENA_BYTES) != DR_OK) {
        free(made);
        return DR_E_FULL;
    }
    for (uint32_t t = 0; t < TABLE_COUNT; t += 1) {
        snprintf(path, sizeof path, "%s/%s", directory, FILES[t].name);
        if (dr_csv_read(&made->tables[t], &made->arena, path, FILES[t].columns,
                        FILES[t].columns_count, errors) != DR_OK)
            continue; /* what refers to it is judged once all can be read */
    }
    if (errors->count == before)
        dr_scenario_resolve(made, errors);
    if (errors->count == before && !list_moments(made))
        dr_csv_wrong(errors, directory, 0, "", "", "smaller tables");
    if (errors->count > before) {
        dr_scenario_close(made);
        return DR_E_INPUT;
    }
    *scenario = made;
    return DR_OK;
}

void dr_scenario_close(struct dr_scenario *scenario)
{
    if (scenario == NULL)
        return;
    dr_arena_deinit(&scenario->arena);
    free(scenario);
}
