/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/result/files.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "plan/futures/future.h"

#define BYTES_MAX     ((size_t)256 << 20)
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

enum { ORDERS, PHASES, FLEET, WORK, LOST, TABLES_COUNT };
static const char *const NAMES[TABLES_COUNT] = {"orders.csv", "phases.csv", "fleet.csv", "work.csv",
                                                "lost.csv"};

double dr_plan_gap(double cost, double bound)
{
    return cost == bound ? 0 : fmax(0, cost - bound) / fmax(fabs(cost), 1e-9);
}

/* ---- writing ---- */

static void put_milli(struct dr_buffer *out, int64_t milli)
{
    char text[DR_TEXT_BYTES];

    dr_buffer_append_text(out, dr_format_milli(milli, text));
}

static void put_orders(struct dr_buffer *out, const struct dr_plan_inputs *inputs,
                       const struct dr_plan *plan)
{
    char quarter[DR_QUARTER_BYTES];

    dr_buffer_append_text(out, "quarter,site,chip,count\n");
    FOR(t, inputs->quarters_count) {
        dr_format_quarter(inputs->begin + t, quarter);
        FOR(s, inputs->sites_count) {
            FOR(c, inputs->chips_count) {
                if (plan->buy[s][c][t] != 0)
                    dr_buffer_printf(out, "%s,%s,%s,%" PRId64 "\n", quarter, inputs->sites[s].name,
                                     inputs->chips[c].name, plan->buy[s][c][t]);
            }
        }
    }
}

static void put_phases(struct dr_buffer *out, const struct dr_plan_inputs *inputs,
                       const struct dr_plan *plan)
{
    char quarter[DR_QUARTER_BYTES];

    dr_buffer_append_text(out, "site,phase,quarter\n");
    FOR(s, inputs->sites_count) {
        FOR(p, inputs->sites[s].phases_count) {
            if (plan->phase[s][p] != DR_PLAN_NEVER)
                dr_buffer_printf(out, "%s,%u,%s\n", inputs->sites[s].name, p + 1,
                                 dr_format_quarter(inputs->begin + plan->phase[s][p], quarter));
        }
    }
}

static void put_fleet(struct dr_buffer *out, const struct dr_plan_inputs *inputs,
                      const struct dr_plan *plan)
{
    char quarter[DR_QUARTER_BYTES];

    dr_buffer_append_text(out, "quarter,site,chip,on\n");
    FOR(t, inputs->quarters_count) {
        dr_format_quarter(inputs->begin + t, quarter);
        FOR(s, inputs->sites_count) {
            FOR(c, inputs->chips_count) {
                if (plan->on_milli[s][c][t] == 0)
                    continue;
                dr_buffer_printf(out, "%s,%s,%s,", quarter, inputs->sites[s].name,
                                 inputs->chips[c].name);
                put_milli(out, plan->on_milli[s][c][t]);
                dr_buffer_append_text(out, "\n");
            }
        }
    }
}

static void put_work(struct dr_buffer *out, const struct dr_plan_inputs *inputs,
                     const struct dr_plan *plan)
{
    char quarter[DR_QUARTER_BYTES];

    dr_buffer_append_text(out, "quarter,sector,site,chip,accelerators\n");
    FOR(t, inputs->quarters_count) {
        dr_format_quarter(inputs->begin + t, quarter);
        FOR(k, inputs->sectors_count) {
            FOR(s, inputs->sites_count) {
                FOR(c, inputs->chips_count) {
                    if (plan->use_milli[k][s][c][t] == 0)
                        continue;
                    dr_buffer_printf(out, "%s,%s,%s,%s,", quarter, inputs->sectors[k].name,
                                     inputs->sites[s].name, inputs->chips[c].name);
                    put_milli(out, plan->use_milli[k][s][c][t]);
                    dr_buffer_append_text(out, "\n");
                }
            }
        }
    }
}

static void put_lost(struct dr_buffer *out, const struct dr_plan_inputs *inputs,
                     const struct dr_plan *plan)
{
    char quarter[DR_QUARTER_BYTES];

    dr_buffer_append_text(out, "quarter,lost,sector,site,chip,accelerators\n");
    FOR(i, plan->lost_count) {
        const struct dr_plan_lost *lost = &plan->lost[i];

        dr_buffer_printf(out, "%s,%s,%s,%s,%s,",
                         dr_format_quarter(inputs->begin + lost->quarter, quarter),
                         inputs->zones[lost->zone].name, inputs->sectors[lost->sector].name,
                         inputs->sites[lost->site].name, inputs->chips[lost->chip].name);
        put_milli(out, lost->use_milli);
        dr_buffer_append_text(out, "\n");
    }
}

static void put_quarters(struct dr_buffer *out, const struct dr_plan_inputs *inputs,
                         const struct dr_plan_sums *sums)
{
    char quarter[DR_QUARTER_BYTES];

    dr_buffer_append_text(out,
                          "quarter,ordered,there,on,spent_m,orders_m,domestic_orders_m,energy_m,"
                          "upkeep_m,draw_mw,power_mw");
    FOR(k, inputs->sectors_count)
        dr_buffer_printf(out, ",%s_units,%s_served_units", inputs->sectors[k].name,
                         inputs->sectors[k].name);
    dr_buffer_append_text(out, "\n");
    FOR(t, inputs->quarters_count) {
        dr_buffer_printf(out, "%s,%" PRId64 ",%" PRId64 ",",
                         dr_format_quarter(inputs->begin + t, quarter), sums->ordered[t],
                         sums->there[t]);
        put_milli(out, sums->on_milli[t]);
        dr_buffer_printf(out, ",%.6f,%.6f,%.6f,%.6f,%.6f,%.3f,%.3f", (double)sums->spent[t] / 1e6,
                         (double)sums->spent_orders[t] / 1e6, (double)sums->spent_domestic[t] / 1e6,
                         (double)sums->energy_cost[t] / 1e6, (double)sums->upkeep[t] / 1e6,
                         (double)sums->draw_w[t] / 1e6, (double)sums->power_w[t] / 1e6);
        FOR(k, inputs->sectors_count)
            dr_buffer_printf(out, ",%" PRId64 ",%" PRId64, inputs->sectors[k].demand[t],
                             sums->served[k][t]);
        dr_buffer_append_text(out, "\n");
    }
}

enum dr_status dr_plan_write_file(const char *directory, const char *name,
                                  const struct dr_buffer *content, struct dr_error *error)
{
    char path[4096];
    FILE *file;
    int bad;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    file = fopen(path, "w");
    bad = file == NULL || fwrite(content->data, 1, content->length, file) != content->length;
    if (file != NULL && fclose(file) != 0)
        bad = 1;
    if (!bad)
        return DR_OK;
    dr_error_set(error, path, 0, NULL, NULL, "a file that can be written: %s", strerror(errno));
    return DR_E_IO;
}

/* Which future it is a plan in, and what rules that has of its own. */
static void add_future(json_t *json, const struct dr_plan_inputs *inputs,
                       const struct dr_plan_proof *proof)
{
    struct dr_program *program = calloc(1, sizeof *program);
    json_t *relaxed = json_array();

    if (program == NULL)
        abort();
    dr_program_init(program, inputs, 0);
    FOR(i, proof->relaxed_count) {
        FOR(r, program->model.rows_count) {
            char name[300];

            if (memcmp(&program->model.rows[r], &proof->relaxed[i].row,
                       sizeof proof->relaxed[i].row) == 0)
                json_array_append_new(
                    relaxed, json_pack("{s:s, s:I}", "rule", dr_program_row_name(program, r, name),
                                       "value", (json_int_t)proof->relaxed[i].value));
        }
    }
    json_object_set_new(json, "future", json_string(proof->future));
    json_object_set_new(json, "futures_sha256", json_string(inputs->futures_hash));
    json_object_set_new(json, "relaxed", relaxed);
    dr_program_deinit(program);
    free(program);
}

static json_t *certificate_json(const struct dr_plan_inputs *inputs,
                                const struct dr_plan_proof *proof, const char *plan_hash)
{
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:f, s:f, s:f, s:I, s:i, s:{s:s, s:s, s:i, s:i, s:i, s:i, s:s},"
        " s:{s:f, s:f, s:f, s:b}}",
        "scenario", inputs->name, "inputs_sha256", inputs->hash, "plan_sha256", plan_hash,
        "currency", inputs->currency, "cost", proof->cost, "bound", proof->bound, "gap_percent",
        100 * dr_plan_gap(proof->cost, proof->bound), "rules_checked",
        (json_int_t)proof->checks_count, "rules_broken", 0, "program", "solvers",
        "CBC 2.10, Clp 1.17 (coinor-libcbc)", "daero", proof->version, "seed", 1, "rows",
        (int)proof->rows_count, "columns", (int)proof->columns_count, "binaries",
        (int)proof->binaries_count, "bound_by",
        proof->bound_by_search ? "branch and bound" : "the linear program", "run", "seconds",
        proof->seconds, "solver_cpu_seconds", proof->cpu_s, "first_plan_seconds", proof->first_s,
        "cut_by_the_clock", proof->cut);
    if (proof->future != NULL)
        add_future(json, inputs, proof);
    return json;
}

static void put_certificate(struct dr_buffer *out, const struct dr_plan_inputs *inputs,
                            const struct dr_plan_proof *proof, const char *plan_hash)
{
    json_t *json = certificate_json(inputs, proof, plan_hash);
    char *text;

    text = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    dr_buffer_append_text(out, text);
    dr_buffer_append_text(out, "\n");
    free(text);
    json_decref(json);
}

static void hash_tables(const struct dr_buffer tables[TABLES_COUNT], char hash[65])
{
    crypto_hash_sha256_state state;
    unsigned char digest[crypto_hash_sha256_BYTES];

    crypto_hash_sha256_init(&state);
    FOR(i, TABLES_COUNT) {
        crypto_hash_sha256_update(&state, tables[i].data, tables[i].length);
        crypto_hash_sha256_update(&state, (const unsigned char *)"", 1);
    }
    crypto_hash_sha256_final(&state, digest);
    dr_format_hex(digest, sizeof digest, hash);
}

/* The plan itself, for dr_buffer_deinit(); `hash` is of it. */
static void make_tables(struct dr_buffer tables[TABLES_COUNT], const struct dr_plan_inputs *inputs,
                        const struct dr_plan *plan, char hash[65])
{
    FOR(i, TABLES_COUNT)
        dr_buffer_init(&tables[i], BYTES_MAX);
    put_orders(&tables[ORDERS], inputs, plan);
    put_phases(&tables[PHASES], inputs, plan);
    put_fleet(&tables[FLEET], inputs, plan);
    put_work(&tables[WORK], inputs, plan);
    put_lost(&tables[LOST], inputs, plan);
    hash_tables(tables, hash);
}

json_t *dr_plan_certificate(const struct dr_plan_inputs *inputs, const struct dr_plan *plan,
                            const struct dr_plan_proof *proof)
{
    struct dr_buffer tables[TABLES_COUNT];
    char hash[65];

    make_tables(tables, inputs, plan, hash);
    FOR(i, TABLES_COUNT)
        dr_buffer_deinit(&tables[i]);
    return certificate_json(inputs, proof, hash);
}

enum dr_status dr_plan_make_directory(const char *directory, struct dr_error *error)
{
    if (mkdir(directory, 0777) == 0 || errno == EEXIST)
        return DR_OK;
    dr_error_set(error, directory, 0, NULL, NULL, "a directory that can be made: %s",
                 strerror(errno));
    return DR_E_IO;
}

enum dr_status dr_plan_write(const char *directory, const struct dr_plan_inputs *inputs,
                             const struct dr_plan *plan, const struct dr_plan_sums *sums,
                             const struct dr_plan_proof *proof, struct dr_error *error)
{
    struct dr_buffer tables[TABLES_COUNT], more;
    enum dr_status status;
    char hash[65];

    status = dr_plan_make_directory(directory, error);
    if (status != DR_OK)
        return status;
    make_tables(tables, inputs, plan, hash);
    dr_buffer_init(&more, BYTES_MAX);
    for (uint32_t i = 0; i < TABLES_COUNT && status == DR_OK; i += 1)
        status = dr_plan_write_file(directory, NAMES[i], &tables[i], error);
    if (status == DR_OK) {
        put_quarters(&more, inputs, sums);
        status = dr_plan_write_file(directory, "quarters.csv", &more, error);
    }
    if (status == DR_OK) {
        dr_buffer_clear(&more);
        put_certificate(&more, inputs, proof, hash);
        status = dr_plan_write_file(directory, "certificate.json", &more, error);
    }
    FOR(i, TABLES_COUNT)
        dr_buffer_deinit(&tables[i]);
    dr_buffer_deinit(&more);
    return status;
}

/* ---- reading ---- */

enum { O_quarter, O_site, O_chip, O_count };
static const struct dr_csv_column ORDER_COLUMNS[] = {
    {"quarter", DR_CSV_QUARTER, 1, 0, 0, NULL},
    {"site", DR_CSV_NAME, 1, 0, 0, NULL},
    {"chip", DR_CSV_NAME, 1, 0, 0, NULL},
    {"count", DR_CSV_WHOLE, 1, -1000000000, 1000000000, NULL},
};
enum { P_site, P_phase, P_quarter };
static const struct dr_csv_column PHASE_COLUMNS[] = {
    {"site", DR_CSV_NAME, 1, 0, 0, NULL},
    {"phase", DR_CSV_WHOLE, 1, 1, DR_PLAN_PHASES_MAX, NULL},
    {"quarter", DR_CSV_QUARTER, 1, 0, 0, NULL},
};
enum { F_quarter, F_site, F_chip, F_on };
static const struct dr_csv_column FLEET_COLUMNS[] = {
    {"quarter", DR_CSV_QUARTER, 1, 0, 0, NULL},
    {"site", DR_CSV_NAME, 1, 0, 0, NULL},
    {"chip", DR_CSV_NAME, 1, 0, 0, NULL},
    {"on", DR_CSV_DECIMAL, 1, -INT64_C(1000000000000000), INT64_C(1000000000000000), NULL},
};
enum { W_quarter, W_sector, W_site, W_chip, W_accelerators };
static const struct dr_csv_column WORK_COLUMNS[] = {
    {"quarter", DR_CSV_QUARTER, 1, 0, 0, NULL},
    {"sector", DR_CSV_NAME, 1, 0, 0, NULL},
    {"site", DR_CSV_NAME, 1, 0, 0, NULL},
    {"chip", DR_CSV_NAME, 1, 0, 0, NULL},
    {"accelerators", DR_CSV_DECIMAL, 1, -INT64_C(1000000000000000), INT64_C(1000000000000000),
     NULL},
};
enum { L_quarter, L_lost, L_sector, L_site, L_chip, L_accelerators };
static const struct dr_csv_column LOST_COLUMNS[] = {
    {"quarter", DR_CSV_QUARTER, 1, 0, 0, NULL},
    {"lost", DR_CSV_NAME, 1, 0, 0, NULL},
    {"sector", DR_CSV_NAME, 1, 0, 0, NULL},
    {"site", DR_CSV_NAME, 1, 0, 0, NULL},
    {"chip", DR_CSV_NAME, 1, 0, 0, NULL},
    {"accelerators", DR_CSV_DECIMAL, 1, -INT64_C(1000000000000000), INT64_C(1000000000000000),
     NULL},
};

struct reading {
    const struct dr_plan_inputs *inputs;
    struct dr_csv_table table;
    struct dr_csv_errors *errors;
};

/* Places of a row's names; UINT32_MAX and a mistake where there is none. */
static uint32_t site_of(const struct reading *reading, uint32_t row, uint32_t column)
{
    FOR(s, reading->inputs->sites_count) {
        if (strcmp(reading->inputs->sites[s].name,
                   dr_csv_cell(&reading->table, row, column)->text) == 0)
            return s;
    }
    dr_csv_wrong_cell(reading->errors, &reading->table, row, column, "a site of the scenario");
    return UINT32_MAX;
}

static uint32_t chip_of(const struct reading *reading, uint32_t row, uint32_t column)
{
    FOR(c, reading->inputs->chips_count) {
        if (strcmp(reading->inputs->chips[c].name,
                   dr_csv_cell(&reading->table, row, column)->text) == 0)
            return c;
    }
    dr_csv_wrong_cell(reading->errors, &reading->table, row, column, "a chip of the scenario");
    return UINT32_MAX;
}

static uint32_t sector_of(const struct reading *reading, uint32_t row, uint32_t column)
{
    FOR(k, reading->inputs->sectors_count) {
        if (strcmp(reading->inputs->sectors[k].name,
                   dr_csv_cell(&reading->table, row, column)->text) == 0)
            return k;
    }
    dr_csv_wrong_cell(reading->errors, &reading->table, row, column, "a sector of the scenario");
    return UINT32_MAX;
}

static uint32_t zone_of(const struct reading *reading, uint32_t row, uint32_t column)
{
    FOR(z, reading->inputs->zones_count) {
        if (strcmp(reading->inputs->zones[z].name,
                   dr_csv_cell(&reading->table, row, column)->text) == 0)
            return z;
    }
    dr_csv_wrong_cell(reading->errors, &reading->table, row, column, "a zone of the scenario");
    return UINT32_MAX;
}

static uint32_t quarter_of(const struct reading *reading, uint32_t row, uint32_t column)
{
    int64_t t = dr_csv_cell(&reading->table, row, column)->value - reading->inputs->begin;

    if (t >= 0 && t < reading->inputs->quarters_count)
        return (uint32_t)t;
    dr_csv_wrong_cell(reading->errors, &reading->table, row, column, "a quarter of the plan");
    return UINT32_MAX;
}

static int64_t milli_of(const struct reading *reading, uint32_t row, uint32_t column)
{
    int64_t micro = dr_csv_cell(&reading->table, row, column)->value;

    if (micro % 1000 != 0)
        dr_csv_wrong_cell(reading->errors, &reading->table, row, column, "at most three decimals");
    return micro / 1000;
}

/* A place that stands twice would be read as one of the two. */
static int64_t *once(const struct reading *reading, uint32_t row, int64_t *cell)
{
    if (*cell != 0)
        dr_csv_wrong_cell(reading->errors, &reading->table, row, 0, "each place once");
    return cell;
}

/* Rows of the same place count together. */
static void read_lost(struct dr_plan *plan, const struct reading *reading, uint32_t row)
{
    uint32_t t = quarter_of(reading, row, L_quarter), z = zone_of(reading, row, L_lost);
    uint32_t k = sector_of(reading, row, L_sector), s = site_of(reading, row, L_site);
    uint32_t c = chip_of(reading, row, L_chip);

    if (t == UINT32_MAX || z == UINT32_MAX || k == UINT32_MAX || s == UINT32_MAX || c == UINT32_MAX)
        return;
    if (plan->lost_count == DR_PLAN_LOST_MAX) {
        dr_csv_wrong_cell(reading->errors, &reading->table, row, 0, "at most %u rows",
                          DR_PLAN_LOST_MAX);
        return;
    }
    plan->lost[plan->lost_count] =
        (struct dr_plan_lost){.quarter = (uint8_t)t,
                              .zone = (uint8_t)z,
                              .sector = (uint8_t)k,
                              .site = (uint8_t)s,
                              .chip = (uint8_t)c,
                              .use_milli = milli_of(reading, row, L_accelerators)};
    plan->lost_count += 1;
}

static void read_row(struct dr_plan *plan, const struct reading *reading, int kind, uint32_t row)
{
    const struct dr_csv_table *table = &reading->table;
    uint32_t s, c, t, k;

    switch (kind) {
    case ORDERS:
        t = quarter_of(reading, row, O_quarter);
        s = site_of(reading, row, O_site);
        c = chip_of(reading, row, O_chip);
        if (t != UINT32_MAX && s != UINT32_MAX && c != UINT32_MAX)
            *once(reading, row, &plan->buy[s][c][t]) = dr_csv_cell(table, row, O_count)->value;
        break;
    case PHASES:
        s = site_of(reading, row, P_site);
        t = quarter_of(reading, row, P_quarter);
        k = (uint32_t)dr_csv_cell(table, row, P_phase)->value - 1;
        if (s != UINT32_MAX && k >= reading->inputs->sites[s].phases_count)
            dr_csv_wrong_cell(reading->errors, table, row, P_phase, "a phase of the site");
        else if (s != UINT32_MAX && t != UINT32_MAX && plan->phase[s][k] != DR_PLAN_NEVER)
            dr_csv_wrong_cell(reading->errors, table, row, P_phase, "each phase once");
        else if (s != UINT32_MAX && t != UINT32_MAX)
            plan->phase[s][k] = (int32_t)t;
        break;
    case FLEET:
        t = quarter_of(reading, row, F_quarter);
        s = site_of(reading, row, F_site);
        c = chip_of(reading, row, F_chip);
        if (t != UINT32_MAX && s != UINT32_MAX && c != UINT32_MAX)
            *once(reading, row, &plan->on_milli[s][c][t]) = milli_of(reading, row, F_on);
        break;
    case LOST:
        read_lost(plan, reading, row);
        break;
    default:
        t = quarter_of(reading, row, W_quarter);
        k = sector_of(reading, row, W_sector);
        s = site_of(reading, row, W_site);
        c = chip_of(reading, row, W_chip);
        if (t != UINT32_MAX && s != UINT32_MAX && c != UINT32_MAX && k != UINT32_MAX)
            *once(reading, row, &plan->use_milli[k][s][c][t]) =
                milli_of(reading, row, W_accelerators);
        break;
    }
}

enum dr_status dr_plan_read(struct dr_plan *plan, const char *directory,
                            const struct dr_plan_inputs *inputs, char plan_hash[65],
                            struct dr_csv_errors *errors)
{
    static const struct {
        const struct dr_csv_column *columns;
        uint32_t count;
    } FORMS[TABLES_COUNT] = {
        {ORDER_COLUMNS, DR_COUNT_OF(ORDER_COLUMNS)}, {PHASE_COLUMNS, DR_COUNT_OF(PHASE_COLUMNS)},
        {FLEET_COLUMNS, DR_COUNT_OF(FLEET_COLUMNS)}, {WORK_COLUMNS, DR_COUNT_OF(WORK_COLUMNS)},
        {LOST_COLUMNS, DR_COUNT_OF(LOST_COLUMNS)},
    };
    struct dr_buffer tables[TABLES_COUNT];
    struct dr_arena arena;
    uint32_t before = errors->count;

    if (dr_arena_init(&arena, BYTES_MAX) != DR_OK)
        return DR_E_FULL;
    memset(plan, 0, sizeof *plan);
    FOR(s, DR_PLAN_SITES_MAX) {
        FOR(p, DR_PLAN_PHASES_MAX)
            plan->phase[s][p] = DR_PLAN_NEVER;
    }
    FOR(i, TABLES_COUNT) {
        struct reading reading = {.inputs = inputs, .errors = errors};
        char path[4096];

        dr_buffer_init(&tables[i], BYTES_MAX);
        snprintf(path, sizeof path, "%s/%s", directory, NAMES[i]);
        if (dr_buffer_read_file(&tables[i], path) != DR_OK) {
            dr_csv_wrong(errors, path, 0, "", "nothing that can be read", "a table of a plan");
            continue;
        }
        if (dr_csv_parse(&reading.table, &arena, path, dr_buffer_text(&tables[i]), tables[i].length,
                         FORMS[i].columns, FORMS[i].count, errors) != DR_OK)
            continue;
        FOR(row, reading.table.rows_count)
            read_row(plan, &reading, (int)i, row);
    }
    hash_tables(tables, plan_hash);
    FOR(i, TABLES_COUNT)
        dr_buffer_deinit(&tables[i]);
    dr_arena_deinit(&arena);
    return errors->count == before ? DR_OK : DR_E_INPUT;
}

/* What it says of a future, if it names one. 0: not in that form. */
static int read_future(struct dr_plan_claims *claims, json_t *json)
{
    const char *future, *hash, *row;
    json_t *relaxed, *one;
    json_int_t value;
    size_t i;

    if (json_object_get(json, "future") == NULL)
        return 1;
    if (json_unpack(json, "{s:s, s:s, s:o}", "future", &future, "futures_sha256", &hash, "relaxed",
                    &relaxed) != 0 ||
        json_array_size(relaxed) > DR_RELAXED_MAX)
        return 0;
    dr_copy_name(claims->future, future);
    snprintf(claims->futures_hash, sizeof claims->futures_hash, "%s", hash);
    json_array_foreach(relaxed, i, one)
    {
        if (json_unpack(one, "{s:s, s:I}", "rule", &row, "value", &value) != 0)
            return 0;
        snprintf(claims->relaxed[i].row, sizeof claims->relaxed[i].row, "%s", row);
        claims->relaxed[i].value = value;
        claims->relaxed_count += 1;
    }
    return 1;
}

enum dr_status dr_plan_read_claims(struct dr_plan_claims *claims, const char *directory,
                                   struct dr_error *error)
{
    char path[4096];
    json_error_t wrong;
    json_t *json;
    const char *scenario, *inputs_hash, *plan_hash, *by;
    int good;

    memset(claims, 0, sizeof *claims);
    snprintf(path, sizeof path, "%s/certificate.json", directory);
    json = json_load_file(path, JSON_REJECT_DUPLICATES, &wrong);
    if (json == NULL) {
        dr_error_set(error, path, wrong.line < 0 ? 0 : (uint32_t)wrong.line, NULL, NULL,
                     "a plan's certificate: %s", wrong.text);
        return DR_E_MISSING;
    }
    good =
        json_unpack_ex(json, &wrong, 0, "{s:s, s:s, s:s, s:F, s:F, s:{s:s}}", "scenario", &scenario,
                       "inputs_sha256", &inputs_hash, "plan_sha256", &plan_hash, "cost",
                       &claims->cost, "bound", &claims->bound, "program", "bound_by", &by) == 0;
    if (good && !read_future(claims, json)) {
        snprintf(wrong.text, sizeof wrong.text, "future, futures_sha256 and relaxed");
        good = 0;
    }
    if (good) {
        claims->bound_by_search = strcmp(by, "branch and bound") == 0;
        dr_copy_name(claims->scenario, scenario);
        snprintf(claims->inputs_hash, sizeof claims->inputs_hash, "%s", inputs_hash);
        snprintf(claims->plan_hash, sizeof claims->plan_hash, "%s", plan_hash);
    } else {
        dr_error_set(error, path, 0, NULL, NULL,
                     "scenario, inputs_sha256, plan_sha256, cost, bound and program.bound_by: %s",
                     wrong.text);
    }
    json_decref(json);
    return good ? DR_OK : DR_E_INPUT;
}

/* ---- the inputs of a certificate ---- */

/* The rules that it names, among the rows of the future's own program. */
static int apply_claimed(struct dr_plan_inputs *inputs, const struct dr_plan_claims *claims,
                         struct dr_error *error)
{
    struct dr_program *program = calloc(1, sizeof *program);
    uint32_t found = 0;

    if (program == NULL)
        abort();
    if (claims->relaxed_count > 0)
        dr_program_init(program, inputs, 0);
    FOR(i, claims->relaxed_count) {
        uint32_t r = 0;
        char name[300];

        while (r < program->model.rows_count &&
               strcmp(dr_program_row_name(program, r, name), claims->relaxed[i].row) != 0)
            r += 1;
        if (r == program->model.rows_count ||
            !dr_relaxed_apply(inputs, &(struct dr_relaxed){.row = program->model.rows[r],
                                                           .value = claims->relaxed[i].value})) {
            dr_error_set(error, "certificate.json", 0, "relaxed", claims->relaxed[i].row,
                         "a rule of the scenario that may be relaxed");
            break;
        }
        found += 1;
    }
    dr_program_deinit(program);
    free(program);
    return found == claims->relaxed_count;
}

struct dr_plan_inputs *dr_plan_claimed_inputs(const struct dr_plan_inputs *inputs,
                                              const struct dr_plan_claims *claims,
                                              struct dr_error *error)
{
    struct dr_plan_future future = dr_plan_as_told();
    struct dr_plan_inputs *made;
    uint32_t f = 0;

    while (f < inputs->futures_count && strcmp(inputs->futures[f].name, claims->future) != 0)
        f += 1;
    if (claims->future[0] != '\0' && f == inputs->futures_count) {
        dr_error_set(error, "certificate.json", 0, "future", claims->future,
                     "a future of the scenario's futures.csv");
        return NULL;
    }
    if (f < inputs->futures_count)
        future = inputs->futures[f];
    made = dr_plan_in_future(inputs, &future);
    if (apply_claimed(made, claims, error))
        return made;
    dr_plan_future_close(made);
    return NULL;
}
