/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of mistakes, names by place, and the texts that both need. */
#include <inttypes.h>
#include <stdarg.h>

#include "base/hash.h"
#include "base/sort.h"
#include "federation/file.h"

#define ERRORS_MAX 1000

void dr_error_list_deinit(struct dr_error_list *list)
{
    if (list == NULL)
        return;
    free(list->errors);
    *list = (struct dr_error_list){0};
}

void dr_error_list_add(struct dr_error_list *list, const char *file, uint32_t line,
                       const char *field, const char *found, const char *expected_format, ...)
{
    char expected[sizeof((struct dr_error *)0)->expected];
    va_list arguments;

    if (list == NULL || list->count > ERRORS_MAX)
        return;
    if (list->count == list->count_max) {
        list->count_max = list->count_max == 0 ? 8 : 2 * list->count_max;
        list->errors = realloc(list->errors, list->count_max * sizeof list->errors[0]);
        if (list->errors == NULL) {
            fprintf(stderr, "daero: out of memory for a list of errors\n");
            abort();
        }
    }
    if (list->count == ERRORS_MAX) {
        dr_error_set(&list->errors[list->count], file, 0, "", "",
                     "there are more mistakes than the %d above", ERRORS_MAX);
    } else {
        va_start(arguments, expected_format);
        vsnprintf(expected, sizeof expected, expected_format, arguments);
        va_end(arguments);
        dr_error_set(&list->errors[list->count], file, line, field, found, "%s", expected);
    }
    list->count += 1;
}

static int by_line_then_place(const void *a, const void *b, const void *context)
{
    const struct dr_error *errors = context;
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    /* Line 0 is the file as a whole, or "there are more": last. */
    if (errors[x].line != errors[y].line)
        return errors[x].line - 1 < errors[y].line - 1 ? -1 : 1;
    return x < y ? -1 : (x > y ? 1 : 0);
}

void dr_error_list_sort(struct dr_error_list *list)
{
    struct dr_error *sorted;
    uint32_t *order;

    if (list == NULL || list->count < 2)
        return;
    sorted = malloc(list->count * sizeof sorted[0]);
    order = malloc(list->count * sizeof order[0]);
    if (sorted == NULL || order == NULL) {
        fprintf(stderr, "daero: out of memory for a list of errors\n");
        abort();
    }
    for (uint32_t i = 0; i < list->count; i += 1)
        order[i] = i;
    dr_sort(order, list->count, sizeof order[0], by_line_then_place, list->errors);
    for (uint32_t i = 0; i < list->count; i += 1)
        sorted[i] = list->errors[order[i]];
    free(order);
    free(list->errors);
    list->errors = sorted;
    list->count_max = list->count;
}

const char *dr_yaml_found(const struct dr_yaml_node *node)
{
    if (node == NULL || dr_yaml_null(node))
        return "nothing";
    switch (node->kind) {
    case DR_YAML_SCALAR:
        return node->text[0] == '\0' ? "an empty text" : node->text;
    case DR_YAML_LIST:
        return "a list";
    case DR_YAML_MAP:
        return "a map";
    }
    return "nothing";
}

/* ---- the name that was meant ---- */

/* Slips between two names: letters missing, added, changed, or two neighbours swapped (optimal
 * string alignment). Names are short: longer ones are too far from anything. */
static uint32_t slips(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    uint32_t rows[3][LONGEST + 1];
    size_t a_length = strlen(a);
    size_t b_length = strlen(b);

    if (a_length > LONGEST || b_length > LONGEST)
        return UINT32_MAX;
    for (uint32_t k = 0; k <= b_length; k += 1)
        rows[0][k] = k;
    for (uint32_t i = 1; i <= a_length; i += 1) {
        uint32_t *row = rows[i % 3];
        const uint32_t *before = rows[(i + 2) % 3];
        const uint32_t *before_that = rows[(i + 1) % 3];

        row[0] = i;
        for (uint32_t k = 1; k <= b_length; k += 1) {
            uint32_t least = before[k - 1] + (a[i - 1] != b[k - 1] ? 1 : 0);

            if (before[k] + 1 < least)
                least = before[k] + 1;
            if (row[k - 1] + 1 < least)
                least = row[k - 1] + 1;
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] &&
                before_that[k - 2] + 1 < least)
                least = before_that[k - 2] + 1;
            row[k] = least;
        }
    }
    return rows[a_length % 3][b_length];
}

const char *dr_closest_name(const char *found, const char *const *names, uint32_t count)
{
    const char *best = NULL;
    uint32_t best_slips = strlen(found) < 4 ? 2 : 3;

    /* A suggestion is a courtesy: it may not cost more than reading the file did. */
    if (count > 2000)
        count = 2000;
    for (uint32_t i = 0; i < count; i += 1) {
        uint32_t now = slips(found, names[i]);

        if (now < best_slips) {
            best_slips = now;
            best = names[i];
        }
    }
    return best;
}

void *dr_fed_push(struct dr_arena *arena, size_t count, size_t bytes)
{
    void *room = dr_arena_push(arena, count, bytes);

    if (room != NULL)
        memset(room, 0, count * bytes);
    return room;
}

/* ---- names by place ---- */

static uint64_t name_key(const char *name)
{
    uint64_t hash = dr_hash_bytes(0, name, strlen(name));

    return hash == 0 ? 1 : hash;
}

int dr_fed_names_init(struct dr_fed_names *names, struct dr_arena *arena, uint32_t count_max)
{
    names->names = dr_fed_push(arena, count_max, sizeof names->names[0]);
    names->count = 0;
    names->count_max = count_max;
    if (names->names == NULL || dr_map_init(&names->map, arena, count_max) != DR_OK)
        return 0;
    dr_map_clear(&names->map); /* the arena may have been used here before */
    return 1;
}

uint32_t dr_fed_names_find(const struct dr_fed_names *names, const char *name)
{
    uint32_t row = dr_map_find(&names->map, name_key(name));

    if (row != DR_MAP_NONE && strcmp(names->names[row], name) != 0)
        row = DR_MAP_NONE; /* another name with the same 64-bit hash */
    return row;
}

void dr_fed_names_add(struct dr_fed_names *names, const char *name)
{
    DR_ASSERT(names->count < names->count_max);
    if (dr_map_find(&names->map, name_key(name)) == DR_MAP_NONE)
        dr_map_insert(&names->map, name_key(name), names->count);
    names->names[names->count] = name;
    names->count += 1;
}
