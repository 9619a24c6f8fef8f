/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a scenario's folder. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "plan/tables.h"

/* Address space; touched as it is used. */
#define ARENA_BYTES ((size_t)256 << 20)

#define COLUMN_ROW(prefix, name, kind, needed, min, max, words) \
    [prefix##_##name] = {#name, DR_CSV_##kind, needed, min, max, words},
#define COLUMNS_OF(name, file, columns) \
    static const struct dr_csv_column name##_columns[] = {columns(COLUMN_ROW, name)};
TABLES(COLUMNS_OF)
#undef COLUMNS_OF

static const struct {
    const char *file;
    const struct dr_csv_column *columns;
    uint32_t columns_count;
} FILES[TABLE_COUNT] = {
#define FILE_ROW(name, file, columns) \
    [TABLE_##name] = {file, name##_columns, DR_COUNT_OF(name##_columns)},
    TABLES(FILE_ROW)
#undef FILE_ROW
};

static void hash_file(crypto_hash_sha256_state *state, const char *path)
{
    struct dr_buffer buffer DR_CLEANUP(dr_buffer_deinit) = {0};

    dr_buffer_init(&buffer, DR_CSV_BYTES_MAX);
    if (dr_buffer_read_file(&buffer, path) != DR_OK)
        return; /* said by whoever reads it */
    crypto_hash_sha256_update(state, buffer.data, buffer.length);
    crypto_hash_sha256_update(state, (const unsigned char *)"", 1);
}

enum dr_status dr_plan_inputs_open(struct dr_plan_inputs **inputs, const char *directory,
                                   struct dr_csv_errors *errors)
{
    struct dr_plan_inputs *made = calloc(1, sizeof *made);
    static struct tables tables;
    crypto_hash_sha256_state state;
    unsigned char digest[crypto_hash_sha256_BYTES];
    uint32_t before = errors->count;
    char path[4096];

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
    crypto_hash_sha256_init(&state);
    snprintf(path, sizeof path, "%s/plan.yaml", directory);
    dr_plan_read_settings(made, path, errors);
    hash_file(&state, path);
    for (uint32_t t = 0; t < TABLE_COUNT; t += 1) {
        char *kept;

        snprintf(path, sizeof path, "%s/%s", directory, FILES[t].file);
        hash_file(&state, path);
        kept = dr_arena_push(&made->arena, strlen(path) + 1, 1);
        if (kept == NULL)
            abort();
        memcpy(kept, path, strlen(path) + 1);
        if (dr_csv_read(&tables.tables[t], &made->arena, kept, FILES[t].columns,
                        FILES[t].columns_count, errors) != DR_OK)
            continue; /* what refers to it is judged once all can be read */
    }
    crypto_hash_sha256_final(&state, digest);
    dr_format_hex(digest, sizeof digest, made->hash);
    if (errors->count == before)
        dr_plan_resolve(made, &tables, errors);
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
