/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/explain/alternatives_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "plan/result/files.h"

#define BYTES_MAX     ((size_t)64 << 20)
#define SHIFTS_SHOWN  3
#define HALLS_SHOWN   6
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

/* Accelerators there at the end, of a site or a chip, beyond the plan's. */
struct shift {
    const char *name;
    int64_t count, plan;
};

static int64_t beyond(const struct shift *shift)
{
    return shift->count - shift->plan;
}

static int largest_first(const void *a, const void *b, const void *context)
{
    const struct shift *first = a, *second = b;
    int64_t one = llabs(beyond(first)), other = llabs(beyond(second));

    (void)context;
    if (one != other)
        return one > other ? -1 : 1;
    return strcmp(first->name, second->name);
}

static uint32_t list_sites(const struct dr_alternatives *alternatives,
                           const struct dr_plan_inputs *inputs, uint32_t item,
                           struct shift shifts[DR_PLAN_SITES_MAX])
{
    FOR(s, inputs->sites_count) {
        shifts[s] = (struct shift){.name = inputs->sites[s].name};
        FOR(c, inputs->chips_count) {
            shifts[s].count += dr_plan_there_at_end(inputs, alternatives->items[item].plan, s, c);
            shifts[s].plan += dr_plan_there_at_end(inputs, alternatives->plan, s, c);
        }
    }
    dr_sort(shifts, inputs->sites_count, sizeof shifts[0], largest_first, NULL);
    return inputs->sites_count;
}

static uint32_t list_chips(const struct dr_alternatives *alternatives,
                           const struct dr_plan_inputs *inputs, uint32_t item,
                           struct shift shifts[DR_PLAN_SITES_MAX])
{
    FOR(c, inputs->chips_count) {
        shifts[c] = (struct shift){.name = inputs->chips[c].name};
        FOR(s, inputs->sites_count) {
            shifts[c].count += dr_plan_there_at_end(inputs, alternatives->items[item].plan, s, c);
            shifts[c].plan += dr_plan_there_at_end(inputs, alternatives->plan, s, c);
        }
    }
    dr_sort(shifts, inputs->chips_count, sizeof shifts[0], largest_first, NULL);
    return inputs->chips_count;
}

/* ---- words ---- */

static void put_shifts(struct dr_buffer *out, const char *what, const struct shift *shifts,
                       uint32_t count)
{
    uint32_t shown = 0;

    for (uint32_t i = 0; i < count && shown < SHIFTS_SHOWN && beyond(&shifts[i]) != 0; i += 1) {
        dr_buffer_printf(out, "%s%s %+" PRId64, shown == 0 ? what : ", ", shifts[i].name,
                         beyond(&shifts[i]));
        shown += 1;
    }
    if (shown > 0)
        dr_buffer_append_text(out, "\n");
}

enum hall { BEGUN, NOT_BEGUN, EARLIER, LATER, HALLS_COUNT };

/* Which of these a phase is; HALLS_COUNT: the same in both. */
static enum hall hall_of(int32_t own, int32_t plan)
{
    if (own == plan)
        return HALLS_COUNT;
    if (plan == DR_PLAN_NEVER)
        return BEGUN;
    if (own == DR_PLAN_NEVER)
        return NOT_BEGUN;
    return own < plan ? EARLIER : LATER;
}

static void put_halls(struct dr_buffer *out, const struct dr_alternatives *alternatives,
                      const struct dr_plan_inputs *inputs, uint32_t item, enum hall kind)
{
    static const char *const WORDS[HALLS_COUNT] = {
        "begins, and the plan does not: ", "does not begin: ", "begins earlier: ",
        "begins later: "};
    const struct dr_plan *own = alternatives->items[item].plan;
    uint32_t count = 0;
    char quarter[DR_QUARTER_BYTES];

    FOR(s, inputs->sites_count) {
        FOR(p, inputs->sites[s].phases_count) {
            if (hall_of(own->phase[s][p], alternatives->plan->phase[s][p]) != kind)
                continue;
            count += 1;
            if (count > HALLS_SHOWN)
                continue;
            dr_buffer_printf(out, "%s%s %u", count == 1 ? WORDS[kind] : ", ", inputs->sites[s].name,
                             p + 1);
            if (kind != NOT_BEGUN)
                dr_buffer_printf(out, " (%s)",
                                 dr_format_quarter(inputs->begin + own->phase[s][p], quarter));
        }
    }
    if (count > HALLS_SHOWN)
        dr_buffer_printf(out, " and %u more", count - HALLS_SHOWN);
    if (count > 0)
        dr_buffer_append_text(out, "\n");
}

void dr_alternative_words(const struct dr_alternatives *alternatives,
                          const struct dr_plan_inputs *inputs, uint32_t item, struct dr_buffer *out)
{
    struct shift shifts[DR_PLAN_SITES_MAX];

    for (enum hall kind = BEGUN; kind < HALLS_COUNT; kind += 1)
        put_halls(out, alternatives, inputs, item, kind);
    put_shifts(out, "accelerators at the end, by site: ", shifts,
               list_sites(alternatives, inputs, item, shifts));
    put_shifts(out, "accelerators at the end, by chip: ", shifts,
               list_chips(alternatives, inputs, item, shifts));
}

const char *dr_alternatives_why(const struct dr_alternatives *alternatives, uint32_t asked,
                                double within, char text[300])
{
    text[0] = '\0';
    if (alternatives->count >= asked)
        return text;
    snprintf(
        text, 300,
        "%u of %u were found in %u tries: in whole lots %u cost more than %g %% beyond the plan, "
        "%u broke a rule, %u differed by less than half a percent%s",
        alternatives->count, asked, alternatives->tried, alternatives->too_dear, 100 * within,
        alternatives->not_whole, alternatives->too_alike,
        alternatives->cut ? "; the clock ended the search" : "");
    return text;
}

/* ---- JSON ---- */

static json_t *halls_json(const struct dr_alternatives *alternatives,
                          const struct dr_plan_inputs *inputs, uint32_t item)
{
    static const char *const NAMES[HALLS_COUNT] = {"begun", "not-begun", "earlier", "later"};
    json_t *list = json_array();
    char quarter[DR_QUARTER_BYTES], other[DR_QUARTER_BYTES];

    FOR(s, inputs->sites_count) {
        FOR(p, inputs->sites[s].phases_count) {
            int32_t own = alternatives->items[item].plan->phase[s][p];
            int32_t plan = alternatives->plan->phase[s][p];
            enum hall kind = hall_of(own, plan);

            if (kind == HALLS_COUNT)
                continue;
            json_array_append_new(
                list,
                json_pack(
                    "{s:s, s:i, s:s, s:s?, s:s?}", "site", inputs->sites[s].name, "phase",
                    (int)p + 1, "what", NAMES[kind], "quarter",
                    own == DR_PLAN_NEVER ? NULL : dr_format_quarter(inputs->begin + own, quarter),
                    "plan_quarter",
                    plan == DR_PLAN_NEVER ? NULL : dr_format_quarter(inputs->begin + plan, other)));
        }
    }
    return list;
}

static json_t *shifts_json(const char *name, const struct shift *shifts, uint32_t count)
{
    json_t *list = json_array();

    FOR(i, count) {
        if (shifts[i].count != 0 || shifts[i].plan != 0)
            json_array_append_new(list, json_pack("{s:s, s:I, s:I}", name, shifts[i].name,
                                                  "accelerators", (json_int_t)shifts[i].count,
                                                  "plan", (json_int_t)shifts[i].plan));
    }
    return list;
}

static json_t *item_json(const struct dr_alternatives *alternatives,
                         const struct dr_plan_inputs *inputs, uint32_t item)
{
    const struct dr_plan_alternative *one = &alternatives->items[item];
    struct dr_buffer words DR_CLEANUP(dr_buffer_deinit) = {0};
    struct shift shifts[DR_PLAN_SITES_MAX];
    json_t *sites, *chips;
    char name[32];

    dr_buffer_init(&words, BYTES_MAX);
    dr_alternative_words(alternatives, inputs, item, &words);
    sites = shifts_json("site", shifts, list_sites(alternatives, inputs, item, shifts));
    chips = shifts_json("chip", shifts, list_chips(alternatives, inputs, item, shifts));
    snprintf(name, sizeof name, "alternative-%u", item + 1);
    return json_pack(
        "{s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:s, s:o, s:o, s:o}", "alternative", name, "cost",
        one->sums.cost, "over_percent", 100 * (one->sums.cost / alternatives->sums.cost - 1),
        "differs", one->from_plan.all, "differs_fleet", one->from_plan.fleet, "differs_halls",
        one->from_plan.halls, "nearest", one->nearest, "words", dr_buffer_text(&words), "halls",
        halls_json(alternatives, inputs, item), "sites", sites, "chips", chips);
}

json_t *dr_alternatives_json(const struct dr_alternatives *alternatives,
                             const struct dr_plan_inputs *inputs,
                             const struct dr_alternatives_options *options)
{
    json_t *items = json_array();
    char why[300];

    FOR(i, alternatives->count)
        json_array_append_new(items, item_json(alternatives, inputs, i));
    return json_pack(
        "{s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:i, s:i, s:s, s:b, s:f, s:o}", "scenario",
        inputs->name, "inputs_sha256", inputs->hash, "currency", inputs->currency, "cost",
        alternatives->sums.cost, "bound", alternatives->bound, "gap_percent",
        100 * dr_plan_gap(alternatives->sums.cost, alternatives->bound), "within_percent",
        100 * options->within, "asked", (int)options->count, "tried", (int)alternatives->tried,
        "fewer", dr_alternatives_why(alternatives, options->count, options->within, why),
        "cut_by_the_clock", alternatives->cut, "seconds", alternatives->seconds, "alternatives",
        items);
}

/* ---- files ---- */

static void put_csv(struct dr_buffer *out, const struct dr_alternatives *alternatives)
{
    dr_buffer_append_text(out, "alternative,cost_m,over_percent,differs_percent,fleet_percent,"
                               "halls_percent,nearest_percent\n");
    FOR(i, alternatives->count) {
        const struct dr_plan_alternative *one = &alternatives->items[i];

        dr_buffer_printf(out, "alternative-%u,%.6f,%.3f,%.2f,%.2f,%.2f,%.2f\n", i + 1,
                         one->sums.cost / 1e6, 100 * (one->sums.cost / alternatives->sums.cost - 1),
                         100 * one->from_plan.all, 100 * one->from_plan.fleet,
                         100 * one->from_plan.halls, 100 * one->nearest);
    }
}

static enum dr_status write_plan(const char *directory, const char *name,
                                 const struct dr_alternatives *alternatives,
                                 const struct dr_plan_inputs *inputs, const struct dr_plan *plan,
                                 const struct dr_plan_sums *sums, uint64_t checks_count,
                                 const char *version, struct dr_error *error)
{
    struct dr_plan_proof proof = {.cost = sums->cost,
                                  .bound = alternatives->bound,
                                  .rows_count = alternatives->rows_count,
                                  .columns_count = alternatives->columns_count,
                                  .binaries_count = alternatives->binaries_count,
                                  .bound_by_search = alternatives->bound_by_search,
                                  .checks_count = checks_count,
                                  .cut = alternatives->cut,
                                  .seconds = alternatives->seconds,
                                  .version = version};
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    return dr_plan_write(path, inputs, plan, sums, &proof, error);
}

enum dr_status dr_alternatives_write(const char *directory,
                                     const struct dr_alternatives *alternatives,
                                     const struct dr_plan_inputs *inputs,
                                     const struct dr_alternatives_options *options,
                                     const char *version, struct dr_error *error)
{
    struct dr_buffer out DR_CLEANUP(dr_buffer_deinit) = {0};
    enum dr_status status = dr_plan_make_directory(directory, error);
    json_t *json = dr_alternatives_json(alternatives, inputs, options);
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(12));

    dr_buffer_init(&out, BYTES_MAX);
    dr_buffer_append_text(&out, text);
    dr_buffer_append_text(&out, "\n");
    if (status == DR_OK)
        status = dr_plan_write_file(directory, "alternatives.json", &out, error);
    dr_buffer_clear(&out);
    put_csv(&out, alternatives);
    if (status == DR_OK)
        status = dr_plan_write_file(directory, "alternatives.csv", &out, error);
    if (status == DR_OK)
        status = write_plan(directory, "plan", alternatives, inputs, alternatives->plan,
                            &alternatives->sums, alternatives->checks_count, version, error);
    for (uint32_t i = 0; i < alternatives->count && status == DR_OK; i += 1) {
        const struct dr_plan_alternative *one = &alternatives->items[i];
        char name[32];

        snprintf(name, sizeof name, "alternative-%u", i + 1);
        status = write_plan(directory, name, alternatives, inputs, one->plan, &one->sums,
                            one->checks_count, version, error);
    }
    free(text);
    json_decref(json);
    return status;
}
