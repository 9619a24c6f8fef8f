/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/futures/futures_files.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "plan/futures/study.h"

#define BYTES_MAX     ((size_t)64 << 20)
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

static const char *const RESULTS[] = {
    [DR_FUTURE_NOT_TRIED] = "not-tried", [DR_FUTURE_PLAN] = "plan",
    [DR_FUTURE_NONE] = "none",           [DR_FUTURE_NOT_IN_TIME] = "not-in-time",
    [DR_FUTURE_NOT_WHOLE] = "not-whole",
};

/* null where it is not known. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static double cost_of(const struct dr_future_cell *cell)
{
    return cell->result == DR_FUTURE_PLAN ? cell->cost : HUGE_VAL;
}

/* ---- JSON ---- */

static json_t *relaxed_json(const struct dr_world *world)
{
    struct dr_program *program = calloc(1, sizeof *program);
    json_t *list = json_array();

    if (program == NULL)
        abort();
    if (world->relaxed_count > 0)
        dr_program_init(program, world->inputs, 0);
    FOR(i, world->relaxed_count) {
        char words[400];

        json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "words",
                                              dr_relaxed_words(program, &world->relaxed[i], words),
                                              "value", (json_int_t)world->relaxed[i].value,
                                              "before", (json_int_t)world->relaxed[i].before));
    }
    dr_program_deinit(program);
    free(program);
    return list;
}

static json_t *world_json(const struct dr_world *world)
{
    const struct dr_plan_future *future = &world->future;

    return json_pack(
        "{s:s, s:s, s:f, s:f, s:f, s:f, s:i, s:i, s:s, s:o, s:o, s:o, s:o}", "future", future->name,
        "name", future->title, "weight", (double)future->weight_micro / 1e6, "demand_percent",
        (double)future->demand_micro / 1e4, "price_percent", (double)future->price_micro / 1e4,
        "tariff_percent", (double)future->tariff_micro / 1e4, "late_quarters",
        (int)future->late_quarters, "grid_late_quarters", (int)future->grid_late_quarters, "own",
        RESULTS[world->own.result], "own_cost", number(cost_of(&world->own)), "bound",
        number(world->bound), "best", number(world->best), "relaxed", relaxed_json(world));
}

static json_t *cell_json(const struct dr_futures *futures, const struct dr_future_cell *cell,
                         uint32_t w)
{
    double cost = cost_of(cell);

    return json_pack("{s:s, s:s, s:o, s:o, s:s, s:b}", "future", futures->worlds[w].future.name,
                     "result", RESULTS[cell->result], "cost", number(cost), "regret",
                     number(cost - futures->worlds[w].best), "gives", cell->gives, "cut",
                     cell->cut);
}

static json_t *stages_json(const struct dr_futures *futures)
{
    json_t *list = json_array();

    FOR(i, futures->stages_count) {
        const struct dr_stage *stage = &futures->stages[i];
        json_t *cells = json_array();

        FOR(w, futures->worlds_count)
            json_array_append_new(cells, cell_json(futures, &futures->cells[i][w], w));
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "stage", stage->name,
                                        "same_as", futures->stages[stage->same_as].name, "expected",
                                        number(stage->expected), "regret", number(stage->regret),
                                        "regret_max", number(stage->regret_max), "in", cells));
    }
    return list;
}

static json_t *first_json(const struct dr_futures *futures)
{
    const struct dr_plan_inputs *inputs = futures->inputs;
    json_t *orders = json_array(), *phases = json_array();
    const struct dr_first_stage *first =
        futures->chosen < futures->stages_count ? futures->stages[futures->chosen].first : NULL;
    char quarter[DR_QUARTER_BYTES];

    FOR(t, first == NULL ? 0 : first->quarters) {
        dr_format_quarter(inputs->begin + t, quarter);
        FOR(s, inputs->sites_count) {
            FOR(c, inputs->chips_count) {
                if (first->buy[s][c][t] != 0)
                    json_array_append_new(orders, json_pack("{s:s, s:s, s:s, s:I}", "quarter",
                                                            quarter, "site", inputs->sites[s].name,
                                                            "chip", inputs->chips[c].name, "count",
                                                            (json_int_t)first->buy[s][c][t]));
            }
            FOR(p, inputs->sites[s].phases_count) {
                if (first->phase[s][p] == (int32_t)t)
                    json_array_append_new(phases,
                                          json_pack("{s:s, s:s, s:i}", "quarter", quarter, "site",
                                                    inputs->sites[s].name, "phase", (int)p + 1));
            }
        }
    }
    return json_pack("{s:o, s:o}", "orders", orders, "phases", phases);
}

static json_t *tornado_json(const struct dr_futures *futures)
{
    json_t *swings = json_array();

    FOR(i, futures->swings_count) {
        const struct dr_swing *swing = &futures->swings[i];

        json_array_append_new(swings,
                              json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:o}", "what", swing->word,
                                        "low", swing->low, "at_low", RESULTS[swing->at_low.result],
                                        "cost_low", number(cost_of(&swing->at_low)), "high",
                                        swing->high, "at_high", RESULTS[swing->at_high.result],
                                        "cost_high", number(cost_of(&swing->at_high))));
    }
    return json_pack("{s:o, s:o}", "cost_as_told", number(cost_of(&futures->as_told)), "swings",
                     swings);
}

json_t *dr_futures_json(const struct dr_futures *futures)
{
    const struct dr_plan_inputs *inputs = futures->inputs;
    const struct dr_stage *chosen =
        futures->chosen < futures->stages_count ? &futures->stages[futures->chosen] : NULL;
    double expected = chosen == NULL ? HUGE_VAL : chosen->expected;
    json_t *worlds = json_array();
    char quarter[DR_QUARTER_BYTES];

    FOR(w, futures->worlds_count)
        json_array_append_new(worlds, world_json(&futures->worlds[w]));
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:i, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, "
        "s:o, s:f}",
        "scenario", inputs->name, "inputs_sha256", inputs->hash, "futures_sha256",
        inputs->futures_hash, "currency", inputs->currency, "common_quarters",
        (int)inputs->common_quarters, "common_until",
        dr_format_quarter(inputs->begin + inputs->common_quarters - 1, quarter), "chosen",
        chosen == NULL ? json_null() : json_string(chosen->name), "expected", number(expected),
        "regret_max", number(chosen == NULL ? HUGE_VAL : chosen->regret_max), "knowing",
        number(futures->knowing), "value_of_knowing", number(expected - futures->knowing), "bound",
        number(futures->bound), "gap_percent",
        number(isfinite(expected) && isfinite(futures->bound)
                   ? 100 * dr_plan_gap(expected, futures->bound)
                   : HUGE_VAL),
        "bound_by", futures->bound_by_all ? "all futures at once" : "each future by itself",
        "first_stage", first_json(futures), "futures", worlds, "stages", stages_json(futures),
        "tornado", tornado_json(futures), "seconds", futures->seconds);
}

/* ---- tables ---- */

static void put_number(struct dr_buffer *out, double value, double scale)
{
    if (isfinite(value))
        dr_buffer_printf(out, "%.6f", value / scale);
}

/* A text with quotes, as CSV has them. */
static void put_text(struct dr_buffer *out, const char *text)
{
    dr_buffer_append_text(out, "\"");
    for (const char *at = text; *at != '\0'; at += 1)
        dr_buffer_printf(out, *at == '"' ? "\"\"" : "%c", *at);
    dr_buffer_append_text(out, "\"");
}

static void put_regrets(struct dr_buffer *out, const struct dr_futures *futures)
{
    dr_buffer_append_text(out, "first_stage,future,result,cost_m,regret_m,gives\n");
    FOR(i, futures->stages_count) {
        FOR(w, futures->worlds_count) {
            const struct dr_future_cell *cell = &futures->cells[i][w];

            dr_buffer_printf(out, "%s,%s,%s,", futures->stages[i].name,
                             futures->worlds[w].future.name, RESULTS[cell->result]);
            put_number(out, cost_of(cell), 1e6);
            dr_buffer_append_text(out, ",");
            put_number(out, cost_of(cell) - futures->worlds[w].best, 1e6);
            dr_buffer_append_text(out, ",");
            put_text(out, cell->gives);
            dr_buffer_append_text(out, "\n");
        }
    }
}

static void put_tornado(struct dr_buffer *out, const struct dr_futures *futures)
{
    dr_buffer_append_text(out, "what,low,low_result,low_cost_m,high,high_result,high_cost_m\n");
    FOR(i, futures->swings_count) {
        const struct dr_swing *swing = &futures->swings[i];

        dr_buffer_printf(out, "%s,%s,%s,", swing->word, swing->low, RESULTS[swing->at_low.result]);
        put_number(out, cost_of(&swing->at_low), 1e6);
        dr_buffer_printf(out, ",%s,%s,", swing->high, RESULTS[swing->at_high.result]);
        put_number(out, cost_of(&swing->at_high), 1e6);
        dr_buffer_append_text(out, "\n");
    }
}

static void put_relaxed(struct dr_buffer *out, const struct dr_futures *futures)
{
    struct dr_program *program = calloc(1, sizeof *program);

    if (program == NULL)
        abort();
    dr_program_init(program, futures->inputs, 0);
    dr_buffer_append_text(out, "future,rule,value,before\n");
    FOR(w, futures->worlds_count) {
        FOR(i, futures->worlds[w].relaxed_count) {
            const struct dr_relaxed *relaxed = &futures->worlds[w].relaxed[i];
            char words[400];

            dr_buffer_printf(out, "%s,", futures->worlds[w].future.name);
            put_text(out, dr_relaxed_words(program, relaxed, words));
            dr_buffer_printf(out, ",%" PRId64 ",%" PRId64 "\n", relaxed->value, relaxed->before);
        }
    }
    dr_program_deinit(program);
    free(program);
}

static void put_first_orders(struct dr_buffer *out, const struct dr_futures *futures)
{
    const struct dr_plan_inputs *inputs = futures->inputs;
    const struct dr_first_stage *first = futures->stages[futures->chosen].first;
    char quarter[DR_QUARTER_BYTES];

    dr_buffer_append_text(out, "quarter,site,chip,count\n");
    FOR(t, first->quarters) {
        FOR(s, inputs->sites_count) {
            FOR(c, inputs->chips_count) {
                if (first->buy[s][c][t] != 0)
                    dr_buffer_printf(out, "%s,%s,%s,%" PRId64 "\n",
                                     dr_format_quarter(inputs->begin + t, quarter),
                                     inputs->sites[s].name, inputs->chips[c].name,
                                     first->buy[s][c][t]);
            }
        }
    }
}

static void put_first_phases(struct dr_buffer *out, const struct dr_futures *futures)
{
    const struct dr_plan_inputs *inputs = futures->inputs;
    const struct dr_first_stage *first = futures->stages[futures->chosen].first;
    char quarter[DR_QUARTER_BYTES];

    dr_buffer_append_text(out, "site,phase,quarter\n");
    FOR(s, inputs->sites_count) {
        FOR(p, inputs->sites[s].phases_count) {
            if (first->phase[s][p] != DR_PLAN_NEVER)
                dr_buffer_printf(out, "%s,%u,%s\n", inputs->sites[s].name, p + 1,
                                 dr_format_quarter(inputs->begin + first->phase[s][p], quarter));
        }
    }
}

static void put_json(struct dr_buffer *out, const struct dr_futures *futures)
{
    json_t *json = dr_futures_json(futures);
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(12));

    dr_buffer_append_text(out, text);
    dr_buffer_append_text(out, "\n");
    free(text);
    json_decref(json);
}

/* ---- plans ---- */

/* The plan of the chosen first stage in a future, checked once more for its sums. */
static enum dr_status write_plan(const char *directory, const struct dr_futures *futures,
                                 uint32_t w, const char *version, struct dr_error *error)
{
    const struct dr_world *world = &futures->worlds[w];
    const struct dr_plan *plan = dr_futures_plan(futures, futures->chosen, w);
    struct dr_plan_verdict *verdict = calloc(1, sizeof *verdict);
    struct dr_plan_sums *sums = calloc(1, sizeof *sums);
    struct dr_plan_proof proof = {.bound = world->bound,
                                  .rows_count = world->rows_count,
                                  .columns_count = world->columns_count,
                                  .binaries_count = world->binaries_count,
                                  .bound_by_search = world->bound_by_search,
                                  .cut = futures->cells[futures->chosen][w].cut,
                                  .seconds = futures->seconds,
                                  .version = version,
                                  .future = world->future.name,
                                  .relaxed = world->relaxed,
                                  .relaxed_count = world->relaxed_count};
    enum dr_status status;
    char path[4096];
    int good;

    if (verdict == NULL || sums == NULL)
        abort();
    good = dr_plan_check(world->inputs, plan, verdict, sums);
    DR_ASSERT(good); /* it was, when its cell was filled */
    proof.cost = sums->cost;
    proof.checks_count = verdict->checks_count;
    snprintf(path, sizeof path, "%s/%s", directory, world->future.name);
    status = dr_plan_write(path, world->inputs, plan, sums, &proof, error);
    free(verdict);
    free(sums);
    return status;
}

enum dr_status dr_futures_write(const char *directory, const struct dr_futures *futures,
                                const char *version, struct dr_error *error)
{
    static const struct {
        const char *name;
        void (*put)(struct dr_buffer *out, const struct dr_futures *futures);
        int of_plan; /* 1: only where there is one */
    } FILES[] = {
        {"futures.json", put_json, 0},
        {"regret.csv", put_regrets, 0},
        {"tornado.csv", put_tornado, 0},
        {"relaxed.csv", put_relaxed, 0},
        {"first_orders.csv", put_first_orders, 1},
        {"first_phases.csv", put_first_phases, 1},
    };
    enum dr_status status = dr_plan_make_directory(directory, error);
    int chosen = futures->chosen < futures->stages_count;

    for (size_t i = 0; i < DR_COUNT_OF(FILES) && status == DR_OK; i += 1) {
        struct dr_buffer out DR_CLEANUP(dr_buffer_deinit) = {0};

        if (FILES[i].of_plan && !chosen)
            continue;
        dr_buffer_init(&out, BYTES_MAX);
        FILES[i].put(&out, futures);
        status = dr_plan_write_file(directory, FILES[i].name, &out, error);
    }
    for (uint32_t w = 0; chosen && w < futures->worlds_count && status == DR_OK; w += 1)
        status = write_plan(directory, futures, w, version, error);
    return status;
}
