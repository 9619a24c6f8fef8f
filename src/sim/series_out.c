/* SPDX-License-Identifier: Apache-2.0 */
/* Series as JSON and as a table. See series.h; docs/measures.md says what each is. */
#include <inttypes.h>

#include "base/text.h"
#include "sim/figures.h"
#include "sim/series.h"

#define MILLI INT64_C(1000)
#define MICRO INT64_C(1000000)

/* One figure per bin, in millionths. */
struct column {
    const struct dr_series *series;
    const struct dr_line *line;
    int64_t per; /* levels of the line in a unit */
    const struct dr_draw *draw;
    const struct dr_series_account *account;
    uint32_t row; /* of the account */
    int64_t (*value)(const struct column *column, uint32_t bin);
};

#define NOTHING INT64_MIN /* null, or an empty cell */

static int64_t mean(const struct column *column, uint32_t bin)
{
    return dr_line_mean(column->line, bin, column->series->until_us, column->per);
}

static int64_t most(const struct column *column, uint32_t bin)
{
    int64_t level = column->line->most[bin];

    return (int64_t)((__int128)level * 1000000 / column->per);
}

static int64_t cap(const struct column *column, uint32_t bin)
{
    int64_t uw = dr_draw_cap_uw(column->draw, bin);

    return uw == DR_DRAWS_NO_CAP ? NOTHING : uw;
}

static int64_t unusable(const struct column *column, uint32_t bin)
{
    int64_t milli = column->series->unusable.values[bin];

    return milli == DR_SAMPLES_NONE ? NOTHING : milli * MILLI;
}

static int64_t guarantee(const struct column *column, uint32_t bin)
{
    __int128 width_us = dr_line_width_us(&column->account->held, bin, column->series->until_us);

    return (int64_t)(dr_series_guaranteed(column->series, column->row, bin) * MILLI / width_us);
}

static int64_t wanted(const struct column *column, uint32_t bin)
{
    const struct dr_series_account *account = column->account;
    int64_t until_us = column->series->until_us;

    return dr_line_mean(&account->held, bin, until_us, MILLI) +
           dr_line_mean(&account->asked, bin, until_us, MILLI);
}

static uint32_t bins(const struct dr_series *series)
{
    return dr_line_count(series->from_us, series->until_us);
}

/* What is told of the run, of a site, of an account: in this order. `take` gets each. */
typedef void take_column(void *context, const char *name, const struct column *column);

static void each_of_run(const struct dr_series *series, take_column *take, void *context)
{
    const struct {
        const char *name;
        struct column column;
    } columns[] = {
        {"capacity", {.line = &series->capacity, .per = MILLI, .value = mean}},
        {"allocated", {.line = &series->held, .per = MILLI, .value = mean}},
        {"cpus_capacity", {.line = &series->cpus_capacity, .per = MILLI, .value = mean}},
        {"cpus_allocated", {.line = &series->cpus_held, .per = MILLI, .value = mean}},
        {"pending", {.line = &series->pending, .per = 1, .value = mean}},
        {"pending_most", {.line = &series->pending, .per = 1, .value = most}},
        {"running", {.line = &series->running, .per = 1, .value = mean}},
        {"fragmentation", {.value = unusable}},
        {"power_w", {.line = &series->draws.all.line, .per = MICRO, .value = mean}},
        {"power_most_w", {.line = &series->draws.all.line, .per = MICRO, .value = most}},
    };

    for (uint32_t i = 0; i < DR_COUNT_OF(columns); i += 1) {
        struct column column = columns[i].column;

        column.series = series;
        take(context, columns[i].name, &column);
    }
}

static void each_of_site(const struct dr_series *series, const struct dr_draw *draw,
                         take_column *take, void *context)
{
    const struct dr_series_site *site = &series->sites[draw->domain];
    struct column column = {.series = series, .draw = draw, .value = mean};

    column.line = &site->capacity;
    column.per = MILLI;
    take(context, "capacity", &column);
    column.line = &site->held;
    take(context, "allocated", &column);
    column.line = &draw->line;
    column.per = MICRO;
    take(context, "power_w", &column);
    column.value = most;
    take(context, "power_most_w", &column);
    column.value = draw->cap_least_uw == DR_DRAWS_NO_CAP ? NULL : cap;
    take(context, "cap_w", &column);
}

static int has_guarantee(const struct dr_series_account *account)
{
    return account->guarantee > 0 || account->guarantees != NULL;
}

static void each_of_account(const struct dr_series *series, uint32_t row, take_column *take,
                            void *context)
{
    const struct dr_series_account *account = series->accounts[row];
    struct column column = {.series = series,
                            .account = account,
                            .row = row,
                            .line = &account->held,
                            .per = MILLI,
                            .value = mean};

    take(context, "allocated", &column);
    column.value = has_guarantee(account) ? guarantee : NULL;
    take(context, "guarantee", &column);
    column.value = wanted;
    take(context, "wanted", &column);
}

/* ---- as JSON ---- */

struct json {
    struct dr_buffer *out;
    const char *comma;
};

/* Thousandths are enough to draw. */
static void put_value(struct dr_buffer *out, int64_t value, const char *nothing)
{
    if (value == NOTHING)
        dr_buffer_append_text(out, nothing);
    else
        dr_put_millionths(out, value / 1000 * 1000);
}

static void take_as_json(void *context, const char *name, const struct column *column)
{
    struct json *json = context;
    uint32_t count = bins(column->series);

    dr_buffer_printf(json->out, "%s\"%s\":", json->comma, name);
    json->comma = ",";
    if (column->value == NULL) {
        dr_buffer_append_text(json->out, "null");
        return;
    }
    dr_buffer_append_text(json->out, "[");
    for (uint32_t bin = 0; bin < count; bin += 1) {
        if (bin > 0)
            dr_buffer_append_text(json->out, ",");
        put_value(json->out, column->value(column, bin), "null");
    }
    dr_buffer_append_text(json->out, "]");
}

void dr_series_json(const struct dr_series *series, int64_t base_us, struct dr_buffer *out)
{
    struct json json = {.out = out, .comma = ","};
    uint32_t rows[DR_SERIES_ACCOUNTS];
    uint32_t count = dr_series_shown(series, rows);
    char from[DR_TEXT_BYTES];

    dr_buffer_printf(out, "\"series\":{\"from\":\"%s\",", dr_format_instant(series->from_us, from));
    dr_put_figure(out, "from_s", series->from_us - base_us);
    dr_buffer_append_text(out, ",");
    dr_put_figure(out, "step_s", dr_line_step_us(series->from_us, series->until_us));
    dr_buffer_printf(out, ",\"count\":%" PRIu32, bins(series));
    each_of_run(series, take_as_json, &json);
    dr_buffer_append_text(out, ",\"sites\":{");
    for (uint32_t i = 0; i < series->draws.sites; i += 1) {
        dr_buffer_printf(out, "%s\"%s\":{", i == 0 ? "" : ",",
                         dr_draw_name(series->core, &series->draws.of[i]));
        json.comma = "";
        each_of_site(series, &series->draws.of[i], take_as_json, &json);
        dr_buffer_append_text(out, "}");
    }
    dr_buffer_append_text(out, "},\"accounts\":{");
    for (uint32_t i = 0; i < count; i += 1) {
        dr_buffer_printf(out, "%s\"%s\":{", i == 0 ? "" : ",",
                         series->core->accounts[rows[i]].name);
        json.comma = "";
        each_of_account(series, rows[i], take_as_json, &json);
        dr_buffer_append_text(out, "}");
    }
    dr_buffer_append_text(out, "}}");
}

/* ---- as a table ---- */

struct table {
    struct dr_buffer *out;
    const char *prefix; /* "site.seoul." */
    uint32_t bin;
    int is_header;
};

static void take_as_cell(void *context, const char *name, const struct column *column)
{
    const struct table *table = context;

    if (table->is_header)
        dr_buffer_printf(table->out, ",%s%s", table->prefix, name);
    else
        dr_buffer_append_text(table->out, ",");
    if (!table->is_header && column->value != NULL)
        put_value(table->out, column->value(column, table->bin), "");
}

/* The header, or the row of a bin, without what stands before the first figure. */
static void put_row(const struct dr_series *series, const uint32_t *rows, uint32_t count,
                    struct table *table)
{
    char prefix[DR_NAME_BYTES + 16] = "";

    table->prefix = prefix;
    each_of_run(series, take_as_cell, table);
    for (uint32_t i = 0; i < series->draws.sites; i += 1) {
        dr_format(prefix, sizeof prefix, "site.%s.",
                  dr_draw_name(series->core, &series->draws.of[i]));
        each_of_site(series, &series->draws.of[i], take_as_cell, table);
    }
    for (uint32_t i = 0; i < count; i += 1) {
        dr_format(prefix, sizeof prefix, "account.%s.", series->core->accounts[rows[i]].name);
        each_of_account(series, rows[i], take_as_cell, table);
    }
    dr_buffer_append_text(table->out, "\n");
}

void dr_series_csv(const struct dr_series *series, int64_t base_us, struct dr_buffer *out)
{
    struct table table = {.out = out, .is_header = 1};
    int64_t step_us = dr_line_step_us(series->from_us, series->until_us);
    uint32_t rows[DR_SERIES_ACCOUNTS];
    uint32_t count = dr_series_shown(series, rows);

    dr_buffer_append_text(out, "from_s");
    put_row(series, rows, count, &table);
    table.is_header = 0;
    for (uint32_t bin = 0; bin < bins(series); bin += 1) {
        dr_put_millionths(out, series->from_us + bin * step_us - base_us);
        table.bin = bin;
        put_row(series, rows, count, &table);
    }
}
