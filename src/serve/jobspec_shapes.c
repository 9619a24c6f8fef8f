/* SPDX-License-Identifier: Apache-2.0 */
/* What several members of a job's JSON make: its alternatives, so many tasks to a node, the
 * elements of an array. */
#include <stdlib.h>

#include "serve/jobspec_reader.h"

/* ---- shapes ---- */

static int of_an_alternative(const char *name)
{
#define KNOWN(known)               \
    if (strcmp(name, #known) == 0) \
        return 1;
    DR_ALTERNATIVE_FIELDS(KNOWN)
#undef KNOWN
    return 0;
}

static int read_alternative(struct jobspec_reader *r, const json_t *object, size_t i,
                            struct dr_alternative *alternative)
{
    struct dr_alternative own = r->own;
    const char *name;
    json_t *value;
    int taken = 1;

    if (!json_is_object(object)) {
        r->field = "alternatives";
        return jobspec_wrong_element(r, i, object, "an object");
    }
    json_object_foreach((json_t *)object, name, value)
    {
        char field[64];

        snprintf(field, sizeof field, "alternatives[%zu].%s", i, name);
        r->field = field;
        if (!of_an_alternative(name)) {
            taken = jobspec_fail(r, DR_REFUSAL_INVALID, field, "an alternative has no such member");
        } else {
            const struct jobspec_member *member = jobspec_member(name);

            r->expected = member != NULL ? member->expected : "";
            taken = member != NULL ? member->take(r, value) : jobspec_take_factor(r, value);
        }
        if (!taken)
            break;
    }
    *alternative = r->own;
    r->own = own;
    return taken;
}

/* `nodes` at least: so few tasks on one that the gang needs that many. */
static int spread(struct jobspec_reader *r)
{
    if (r->nodes == 0)
        return 1;
    if (!r->tasks_given)
        r->own.tasks = r->nodes * (r->own.tasks_per_node_max == 0 ? 1 : r->own.tasks_per_node_max);
    if (r->own.tasks > DR_TASKS_MAX || r->own.tasks < r->nodes)
        return jobspec_fail(r, DR_REFUSAL_INVALID, "nodes",
                            "found %u for %u tasks, expected at most as "
                            "many nodes as tasks, and at most %d tasks",
                            r->nodes, r->own.tasks, DR_TASKS_MAX);
    if (r->nodes > 1) {
        uint32_t most = (r->own.tasks - 1) / (r->nodes - 1);

        if (r->own.tasks_per_node_max == 0 || r->own.tasks_per_node_max > most)
            r->own.tasks_per_node_max = most;
    }
    return 1;
}

static int could_hold(const struct jobspec_reader *r, const struct dr_pool *pool)
{
    return !pool->removed && !pool->leaving &&
           (r->own.chips == 0 ||
            (pool->chip.v != 0 && ((r->own.chips >> (pool->chip.v - 1)) & 1) != 0)) &&
           r->own.accelerators_per_task <= pool->accelerators * 1000 &&
           r->own.cpus_per_task <= pool->cpus &&
           (dr_site_set_empty(&r->job.sites) || dr_site_set_has(&r->job.sites, pool->site.v - 1)) &&
           dr_pool_in_partition(pool, r->job.partition);
}

/* A node is had as a whole by taking all its CPUs, since every task takes some: so its task's CPUs
 * become those of a node of the pools that could hold it, which have to be alike in this. */
static int take_whole_nodes(struct jobspec_reader *r)
{
    const struct dr_core *core = r->spec->core;
    const struct dr_pool *first = NULL;

    if (!r->exclusive)
        return 1;
    if (r->alternatives != NULL || r->job.tasks_min != 0 ||
        (r->own.tasks > 1 && r->own.tasks_per_node_max != 1))
        return jobspec_fail(r, DR_REFUSAL_INVALID, "exclusive",
                            "found %u tasks that may share a node, or several shapes, expected one "
                            "shape with tasks_per_node 1; with more tasks on a node ask for its "
                            "CPUs: cpus per task and tasks_per_node",
                            r->own.tasks);
    r->own.tasks_per_node_max = 1;
    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        const struct dr_pool *pool = &core->pools[row];

        if (!could_hold(r, pool))
            continue;
        if (first == NULL)
            first = pool;
        if (pool->cpus != first->cpus)
            return jobspec_fail(
                r, DR_REFUSAL_INVALID, "exclusive",
                "nodes of %s/%s and of %s/%s, which could hold it, differ in their CPUs (%u and "
                "%u); name sites, chips or a partition of one kind of nodes",
                core->sites[first->site.v - 1].name, first->name,
                core->sites[pool->site.v - 1].name, pool->name, first->cpus / 1000,
                pool->cpus / 1000);
    }
    if (first != NULL)
        r->own.cpus_per_task = first->cpus;
    return 1;
}

int jobspec_shapes(struct jobspec_reader *r)
{
    size_t more = r->alternatives == NULL ? 0 : json_array_size(r->alternatives);
    struct dr_alternative *list;

    r->field = "tasks";
    if (!spread(r) || !take_whole_nodes(r))
        return 0;
    list = jobspec_push(r, 1 + more, sizeof *list);
    if (list == NULL)
        return 0;
    list[0] = r->own;
    for (size_t i = 0; i < more; i += 1) {
        if (!read_alternative(r, json_array_get(r->alternatives, i), i, &list[1 + i]))
            return 0;
    }
    r->job.alternatives = list;
    r->job.alternatives_count = 1 + (uint32_t)more;
    return 1;
}

/* ---- arrays ---- */

/* A number at the front of `*text`, which moves behind it. */
static int take_number(const char **text, uint32_t max, uint32_t *number)
{
    uint64_t sum = 0;
    const char *c = *text;

    while (*c >= '0' && *c <= '9' && sum <= max) {
        sum = sum * 10 + (uint64_t)(*c - '0');
        c += 1;
    }
    if (c == *text || sum > max)
        return 0;
    *number = (uint32_t)sum;
    *text = c;
    return 1;
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* "0-9%2", "1,3,5-7", "0-12:4" */
int jobspec_array(struct jobspec_reader *r, struct jobspec_indexes *indexes)
{
    const char *text = r->array;
    const char *syntax = "found '%.80s', expected indexes like 0-9%%2, 1,3,5-7 or 0-12:4, at most "
                         "4000000 each";
    uint32_t unique = 0;

    r->field = "array";
    *indexes = (struct jobspec_indexes){0};
    indexes->values = jobspec_push(r, r->spec->jobs_max, sizeof *indexes->values);
    if (indexes->values == NULL)
        return 0;
    for (;;) {
        uint32_t first = 0;
        uint32_t last;
        uint32_t step = 1;

        if (!take_number(&text, DR_ARRAY_INDEX_MAX, &first))
            return jobspec_fail(r, DR_REFUSAL_INVALID, "array", syntax, r->array);
        last = first;
        if (*text == '-') {
            text += 1;
            if (!take_number(&text, DR_ARRAY_INDEX_MAX, &last) || last < first)
                return jobspec_fail(r, DR_REFUSAL_INVALID, "array", syntax, r->array);
            if (*text == ':') {
                text += 1;
                if (!take_number(&text, DR_ARRAY_INDEX_MAX, &step) || step == 0)
                    return jobspec_fail(r, DR_REFUSAL_INVALID, "array", syntax, r->array);
            }
        }
        for (; first <= last; first += step) {
            if (indexes->count == r->spec->jobs_max)
                return jobspec_fail(r, DR_REFUSAL_LIMIT, "array",
                                    "found more than %u indexes, expected at most so many",
                                    r->spec->jobs_max);
            indexes->values[indexes->count] = first;
            indexes->count += 1;
        }
        if (*text != ',')
            break;
        text += 1;
    }
    if (*text == '%') {
        text += 1;
        if (!take_number(&text, DR_ARRAY_INDEX_MAX, &indexes->limit) || indexes->limit == 0)
            return jobspec_fail(r, DR_REFUSAL_INVALID, "array", syntax, r->array);
    }
    if (*text != 0)
        return jobspec_fail(r, DR_REFUSAL_INVALID, "array", syntax, r->array);
    qsort(indexes->values, indexes->count, sizeof *indexes->values, compare_u32);
    for (uint32_t i = 0; i < indexes->count; i += 1) {
        if (i == 0 || indexes->values[i] != indexes->values[unique - 1]) {
            indexes->values[unique] = indexes->values[i];
            unique += 1;
        }
    }
    indexes->count = unique;
    return 1;
}
