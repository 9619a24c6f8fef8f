/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a scenario's folder. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "plan/inputs/tables.h"

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

const char *const DR_PLAN_TABLE_NAMES[] = {
    "plan.yaml",
#define NAME_OF(name, file, columns) TABLE_##name >= TABLE_OPTIONAL ? NULL : (file),
    TABLES(NAME_OF)
#undef NAME_OF
        NULL,
};

/* A file of the folder, and its bytes into the hash. 0: it can't be read, and that was said. */
static int read_into(struct dr_buffer *buffer, crypto_hash_sha256_state *state, const char *path,
                     const char *what, struct dr_csv_errors *errors)
{
    enum dr_status status;

    dr_buffer_clear(buffer);
    status = dr_buffer_read_file(buffer, path);
    if (status != DR_OK) {
        dr_csv_wrong(errors, path, 0, "", status == DR_E_MISSING ? "no such file" : "a file",
                     "%s that can be read, of at most %u bytes", what, DR_CSV_BYTES_MAX);
        return 0;
    }
    crypto_hash_sha256_update(state, buffer->data, buffer->length);
    crypto_hash_sha256_update(state, (const unsigned char *)"", 1);
    return 1;
}

static void end_hash(crypto_hash_sha256_state *state, char hash[65])
{
    unsigned char digest[crypto_hash_sha256_BYTES];

    crypto_hash_sha256_final(state, digest);
    dr_format_hex(digest, sizeof digest, hash);
}

/* Settings and tables; the hash of all of it. Futures have a hash of their own, since a plan of
 * what the other tables say does not change with them. */
static void read_all(struct dr_plan_inputs *inputs, struct tables *tables, const char *directory,
                     struct dr_csv_errors *errors)
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    crypto_hash_sha256_state state, futures;
    char path[4096];

    dr_buffer_init(&text, DR_CSV_BYTES_MAX);
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_init(&futures);
    snprintf(path, sizeof path, "%s/plan.yaml", directory);
    if (read_into(&text, &state, path, "a plan's settings", errors))
        dr_plan_read_settings(inputs, path, dr_buffer_text(&text), text.length, errors);
    for (uint32_t t = 0; t < TABLE_COUNT; t += 1) {
        char *kept;

        snprintf(path, sizeof path, "%s/%s", directory, FILES[t].name);
        if (t >= TABLE_OPTIONAL && access(path, F_OK) != 0)
            continue;
        kept = dr_arena_push(&inputs->arena, strlen(path) + 1, 1);
        if (kept == NULL)
            abort();
        memcpy(kept, path, strlen(path) + 1);
        /* What refers to a table that is wrong is judged once all can be read. */
        if (read_into(&text, t == TABLE_FUTURE ? &futures : &state, kept, "a table", errors) &&
            dr_csv_parse(&tables->tables[t], &inputs->arena, kept, dr_buffer_text(&text),
                         text.length, FILES[t].columns, FILES[t].columns_count, errors) != DR_OK)
            continue;
    }
    end_hash(&state, inputs->hash);
    if (tables->tables[TABLE_FUTURE].rows_count > 0)
        end_hash(&futures, inputs->futures_hash);
}

enum dr_status dr_plan_inputs_open(struct dr_plan_inputs **inputs, const char *directory,
                                   struct dr_csv_errors *errors)
{
    struct dr_plan_inputs *made = calloc(1, sizeof *made);
    struct tables *tables;
    uint32_t before = errors->count;

    *inputs = NULL;
    if (access(directory, F_OK) != 0) {
        free(made);
        dr_csv_wrong(errors, directory, 0, "", "no such folder",
                     "a scenario's, with plan.yaml and its tables");
        return DR_E_INPUT;
    }
    if (made == NULL || sodium_init() < 0)
        return DR_E_FULL;
    if (dr_arena_init(&made->arena, ARENA_BYTES) != DR_OK) {
        free(made);
        return DR_E_FULL;
    }
    tables = calloc(1, sizeof *tables);
    if (tables == NULL)
        abort();
    read_all(made, tables, directory, errors);
    if (errors->count == before)
        dr_plan_resolve(made, tables, errors);
    free(tables);
    if (errors->count > before) {
        dr_plan_inputs_close(made);
        return DR_E_INPUT;
    }
    *inputs = made;
    return DR_OK;
}

void dr_plan_inputs_close(struct dr_plan_inputs *inputs)
{
    if (inputs == NULL)
        return;
    dr_arena_deinit(&inputs->arena);
    free(inputs);
}
