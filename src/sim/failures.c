/* SPDX-License-Identifier: Apache-2.0 */
/* See failures.h; read dr_failures_pop() first. */
#include "sim/failures.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/events.h"
#include "base/hash.h"
#include "base/math.h"
#include "base/text.h"
#include "core/state.h"
#include "sim/chance.h"
#include "sim/trace.h"

#define FIELDS      5
#define TIME_MAX_US (INT64_C(200) * 366 * DR_DAY_US)

/* In an event `job` is the node's id and `attempt` the number of the draw; LISTED: the list says
 * so; FOR_EVER: and that it stays down. */
enum { EVENT_DOWN, EVENT_UP };
#define LISTED   0
#define FOR_EVER UINT32_MAX

struct dr_failures {
    const struct dr_core *core;
    struct dr_failures_options options;
    uint64_t seed;
    struct dr_events events;
    uint16_t *causes; /* [nodes_count] that hold a node down */
    uint32_t repairs;
};

/* ---- by chance ---- */

static const struct dr_failure_rate *rate_of(const struct dr_failures *failures, uint32_t node_row)
{
    const struct dr_core *core = failures->core;
    dr_chip_id chip = core->pools[core->nodes[node_row].pool.v - 1].chip;
    const struct dr_failure_rate *any = NULL;

    for (uint32_t i = 0; i < failures->options.rates_count; i += 1) {
        const struct dr_failure_rate *rate = &failures->options.rates[i];

        if (chip.v != 0 && strcmp(rate->chip, core->chips[chip.v - 1].name) == 0)
            return rate;
        if (strcmp(rate->chip, "any") == 0)
            any = rate;
    }
    return any;
}

/* The node's next failure after an instant, and its repair. */
static void draw(struct dr_failures *failures, uint32_t node_row, uint32_t number, int64_t from_us)
{
    const struct dr_failure_rate *rate = rate_of(failures, node_row);
    struct dr_chance chance = dr_chance_of(
        dr_hash_fold(dr_hash_fold(dr_hash_u64(failures->seed), node_row + 1u), number));
    int64_t down_us;

    if (rate == NULL)
        return;
    down_us = from_us + dr_max_i64(1, dr_chance_exponential(&chance, rate->mtbf_us));
    dr_events_push(&failures->events,
                   (struct dr_event){down_us, node_row + 1u, number, EVENT_DOWN});
    dr_events_push(
        &failures->events,
        (struct dr_event){down_us + dr_max_i64(1, dr_chance_exponential(&chance, rate->repair_us)),
                          node_row + 1u, number, EVENT_UP});
}

static enum dr_status check_rates(const struct dr_failures *failures, struct dr_error *error)
{
    for (uint32_t i = 0; i < failures->options.rates_count; i += 1) {
        const char *chip = failures->options.rates[i].chip;

        if (strcmp(chip, "any") == 0 || dr_chip_named(failures->core, chip).v != 0)
            continue;
        dr_error_set(error, "", 0, "failures", chip, "a chip of the federation, or any");
        return DR_E_INPUT;
    }
    return DR_OK;
}

/* ---- as a list says ---- */

static enum dr_status wrong(const struct dr_lines *lines, const char *field, const char *found,
                            const char *expected, struct dr_error *error)
{
    dr_error_set(error, dr_lines_path(lines), dr_lines_number(lines), field, found, "%s", expected);
    return DR_E_INPUT;
}

static enum dr_status read_failure(struct dr_failures *failures, const struct dr_lines *lines,
                                   char *text, int64_t base_us, struct dr_error *error)
{
    const struct dr_core *core = failures->core;
    char *fields[FIELDS];
    dr_site_id site;
    dr_pool_id pool;
    uint32_t id;
    int64_t node;
    int64_t down_us;
    int64_t up_us = TIME_MAX_US;

    if (dr_lines_split(text, fields, FIELDS) != FIELDS)
        return wrong(lines, "", "another number of fields", "site,pool,node,down_s,up_s", error);
    site = dr_site_named(core, fields[0]);
    if (site.v == 0)
        return wrong(lines, "site", fields[0], "a site of the federation", error);
    pool = dr_pool_named(core, site, fields[1]);
    if (pool.v == 0)
        return wrong(lines, "pool", fields[1], "a pool of that site", error);
    if (!dr_parse_i64(fields[2], 0, (int64_t)core->pools[pool.v - 1].nodes_count - 1, &node))
        return wrong(lines, "node", fields[2], "a node of the pool, by number from 0", error);
    if (!dr_parse_seconds(fields[3], 0, TIME_MAX_US, &down_us))
        return wrong(lines, "down_s", fields[3], "seconds, 0 or more", error);
    if (fields[4][0] != 0 && !dr_parse_seconds(fields[4], 0, TIME_MAX_US, &up_us))
        return wrong(lines, "up_s", fields[4], "seconds, or nothing: it stays down", error);
    if (up_us <= down_us)
        return wrong(lines, "up_s", fields[4], "a time after down_s", error);
    id = dr_pool_node_row(&core->pools[pool.v - 1], (uint32_t)node) + 1u;
    dr_events_push(&failures->events,
                   (struct dr_event){base_us + down_us, id, fields[4][0] != 0 ? LISTED : FOR_EVER,
                                     EVENT_DOWN});
    if (fields[4][0] != 0)
        dr_events_push(&failures->events, (struct dr_event){base_us + up_us, id, LISTED, EVENT_UP});
    return DR_OK;
}

static enum dr_status read_list(struct dr_failures *failures, int64_t base_us,
                                struct dr_error *error)
{
    struct dr_lines *lines;
    enum dr_status status = dr_lines_open(&lines, failures->options.list, error);
    char *text;

    if (status != DR_OK)
        return status;
    status = dr_lines_next(lines, &text, error);
    if (status == DR_E_END || (status == DR_OK && strcmp(text, "site,pool,node,down_s,up_s") != 0))
        status = wrong(lines, "", status == DR_OK ? text : "an empty file",
                       "the header site,pool,node,down_s,up_s", error);
    while (status == DR_OK) {
        status = dr_lines_next(lines, &text, error);
        if (status == DR_OK)
            status = read_failure(failures, lines, text, base_us, error);
    }
    dr_lines_close(lines);
    return status == DR_E_END ? DR_OK : status;
}

/* ---- all of them ---- */

enum dr_status dr_failures_open(struct dr_failures **failures, const struct dr_core *core,
                                const struct dr_failures_options *options, uint64_t seed,
                                int64_t from_us, int64_t base_us, struct dr_error *error)
{
    struct dr_failures *made = calloc(1, sizeof *made);
    enum dr_status status;

    DR_ASSERT(made != NULL);
    *failures = NULL;
    made->core = core;
    made->options = *options;
    made->seed = seed;
    made->causes = calloc(core->nodes_count + 1u, sizeof made->causes[0]);
    DR_ASSERT(made->causes != NULL);
    status = check_rates(made, error);
    for (uint32_t row = 0; status == DR_OK && row < core->nodes_count; row += 1)
        if (!core->nodes[row].removed)
            draw(made, row, 1, from_us);
    if (status == DR_OK && options->list != NULL)
        status = read_list(made, base_us, error);
    if (status != DR_OK) {
        dr_failures_close(made);
        return status;
    }
    *failures = made;
    return DR_OK;
}

void dr_failures_close(struct dr_failures *failures)
{
    if (failures == NULL)
        return;
    dr_events_deinit(&failures->events);
    free(failures->causes);
    free(failures);
}

int64_t dr_failures_next_us(const struct dr_failures *failures)
{
    return dr_min_i64(dr_events_next_us(&failures->events), DR_FOREVER_US);
}

int dr_failures_pop(struct dr_failures *failures, int64_t now_us, struct dr_failure *failure)
{
    while (dr_events_next_us(&failures->events) <= now_us) {
        struct dr_event event = dr_events_pop(&failures->events);
        uint32_t row = (uint32_t)event.job - 1;
        int is_down = event.kind == EVENT_DOWN;

        failures->causes[row] = (uint16_t)(failures->causes[row] + (is_down ? 1 : -1));
        if (event.attempt != FOR_EVER)
            failures->repairs += is_down ? 1 : -1u;
        if (!is_down && event.attempt != LISTED)
            draw(failures, row, event.attempt + 1, event.time_us);
        if (failures->causes[row] != (is_down ? 1 : 0))
            continue; /* it is down for another reason too */
        *failure = (struct dr_failure){.node = {row + 1}, .is_down = is_down};
        return 1;
    }
    return 0;
}

uint32_t dr_failures_repairs(const struct dr_failures *failures)
{
    return failures->repairs;
}
