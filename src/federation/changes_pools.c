/* SPDX-License-Identifier: Apache-2.0 */
/* Differences in pools and their nodes. */
#include <inttypes.h>

#include "federation/changes.h"

static int levels_differ(const struct dr_pool *from, const struct dr_fact_pool_set *to)
{
    if (from->levels_count != to->levels_count)
        return 1;
    for (uint32_t i = 0; i < to->levels_count; i += 1) {
        if (strcmp(from->levels[i].name, to->levels[i].name) != 0 ||
            from->levels[i].nodes != to->levels[i].nodes)
            return 1;
    }
    return 0;
}

/* What may not change of a pool that is there; 0 and a mistake when it does. */
static int pool_keeps(struct dr_differ *differ, const struct dr_fed_pool *file_pool,
                      const struct dr_pool *from, const struct dr_fact_pool_set *fact,
                      const char *name)
{
    const struct dr_core *core = differ->core;
    char field[200];
    char number[32];

    if (from->chip.v != fact->chip) {
        snprintf(field, sizeof field, "%s.chip", name);
        dr_change_refuse(differ, file_pool->line, field, "another chip",
                         "%s, as before: a pool never changes its chip; declare another pool",
                         from->chip.v == 0 ? "none" : core->chips[from->chip.v - 1].name);
        return 0;
    }
    if (from->accelerators != fact->accelerators) {
        snprintf(field, sizeof field, "%s.accelerators", name);
        snprintf(number, sizeof number, "%" PRIu32, fact->accelerators);
        dr_change_refuse(differ, file_pool->line, field, number,
                         "%" PRIu32
                         ", as before: a pool never changes its accelerators; declare another pool",
                         from->accelerators);
        return 0;
    }
    for (uint32_t r = 0; r < DR_RESOURCE_COUNT; r += 1) {
        if (from->groups[r].v == fact->groups[r])
            continue;
        snprintf(field, sizeof field, "%s.group", name);
        dr_change_refuse(
            differ, file_pool->line, field,
            differ->federation->groups[file_pool->set.groups[r] - 1].set.name,
            "%s, as before: a pool never changes its quota groups (the default comes from chip "
            "and owner: write `group:`)",
            core->groups[from->groups[r].v - 1].name);
        return 0;
    }
    return 1;
}

static void add_nodes(struct dr_differ *differ, uint32_t id, const char *name, uint32_t *node_next,
                      uint32_t from, uint32_t to, uint32_t line)
{
    const struct dr_core *core = differ->core;
    struct dr_change *change;

    if (to == from)
        return;
    if (to - from > core->limits.nodes_max - (*node_next - 1)) {
        dr_change_refuse(differ, line, name, "more nodes than there is room for",
                         "at most %" PRIu32 " new nodes here",
                         core->limits.nodes_max - (*node_next - 1));
        return;
    }
    if (id <= core->pools_count && core->pools[id - 1].ranges_count == DR_POOL_RANGES_MAX) {
        dr_change_refuse(differ, line, name, "one more growth",
                         "a pool that grows at most %d times; declare another pool",
                         DR_POOL_RANGES_MAX);
        return;
    }
    change = dr_change_add(differ, "nodes", name, DR_FACT_NODES_ADDED);
    change->declare.nodes_added =
        (struct dr_fact_nodes_added){.pool = id, .node = *node_next, .count = to - from};
    dr_say_number(change, "nodes", "", from, to);
    *node_next += to - from;
}

/* Take the last `leave` living nodes of a pool out. Returns how many of the pool's nodes are then
 * still there, because attempts run on them. */
static uint32_t remove_nodes(struct dr_differ *differ, uint32_t pool_row, uint32_t leave)
{
    const struct dr_core *core = differ->core;
    const struct dr_pool *pool = &core->pools[pool_row];
    uint32_t staying = 0;

    for (uint32_t number = pool->nodes_count; number > 0; number -= 1) {
        uint32_t row = dr_pool_node_row(pool, number - 1);
        const struct dr_node *node = &core->nodes[row];
        char text[DR_NAME_BYTES + 12];
        struct dr_change *change;
        uint8_t empty = node->tasks == 0 && node->promised == 0;

        if (node->removed)
            continue;
        if (!node->removing && leave == 0) {
            staying += 1;
            continue;
        }
        if (!node->removing)
            leave -= 1;
        else if (!empty) {
            staying += 1;
            continue; /* on its way */
        }
        change = dr_change_add(differ, "node", dr_node_name(core, (dr_node_id){row + 1}, text),
                               DR_FACT_NODE_FLAGS);
        change->declare.node_flags = (struct dr_fact_node_flags){
            .node = row + 1, .drained = 1, .down = node->down, .removing = 1, .removed = empty};
        if (!empty)
            staying += 1;
        dr_say(change, empty ? "leaves" : "leaves once it is empty");
    }
    return staying;
}

static void say_default_memory(struct dr_change *change, const char *field, int64_t from,
                               int64_t to)
{
    char a[DR_AMOUNT_BYTES];
    char b[DR_AMOUNT_BYTES];

    dr_say_text(change, field, from == 0 ? "its share" : dr_format_exact_memory(from, a),
                to == 0 ? "its share" : dr_format_exact_memory(to, b));
}

void dr_declare_pools(struct dr_differ *differ)
{
    struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;
    uint32_t node_next = core->nodes_count + 1;

    for (uint32_t place = 0; place < federation->pools_count; place += 1) {
        const struct dr_fed_pool *pool = &federation->pools[place];
        const struct dr_fact_pool_set *to = &pool->set;
        uint32_t id = differ->pools[place];
        uint32_t *consent = dr_fed_push(&federation->arena, to->consent_count, sizeof consent[0]);
        uint32_t *groups = dr_fed_push(&federation->arena, DR_RESOURCE_COUNT, sizeof groups[0]);
        struct dr_fact_pool_set fact = *to;
        struct dr_change *change;
        char name[2 * DR_NAME_BYTES];

        snprintf(name, sizeof name, "%s/%s", federation->sites[to->site - 1].set.name, to->name);
        if (consent == NULL || groups == NULL) {
            dr_change_refuse(differ, pool->line, name, "too much at once", "a smaller change");
            return;
        }
        for (uint32_t i = 0; i < to->consent_count; i += 1)
            consent[i] = differ->accounts[to->consent[i] - 1];
        for (uint32_t r = 0; r < DR_RESOURCE_COUNT; r += 1)
            groups[r] = differ->groups[to->groups[r] - 1];
        fact.pool = id;
        fact.site = differ->sites[to->site - 1];
        fact.chip = to->chip == 0 ? 0 : differ->chips[to->chip - 1];
        fact.owner = differ->accounts[to->owner - 1];
        fact.consent = consent;
        fact.groups = groups;
        if (id > core->pools_count) {
            change = dr_change_add(differ, "pool", name, DR_FACT_POOL_SET);
            change->declare.pool_set = fact;
            if (to->chip != 0)
                dr_say(change, "new, %" PRIu32 " x %s a node", to->accelerators,
                       federation->chips[to->chip - 1].set.name);
            else
                dr_say(change, "new, without accelerators");
            add_nodes(differ, id, name, &node_next, 0, pool->nodes, pool->nodes_line);
            continue;
        }
        const struct dr_pool *from = &core->pools[id - 1];
        uint32_t nodes = dr_fed_living_nodes(core, from);

        if (!pool_keeps(differ, pool, from, &fact, name))
            continue;
        change = dr_change_add(differ, "pool", name, DR_FACT_POOL_SET);
        change->declare.pool_set = fact;
        if (from->leaving)
            dr_say(change, "stays");
        if (from->owner.v != fact.owner)
            dr_say_text(change, "owner", core->accounts[from->owner.v - 1].name,
                        federation->accounts[to->owner - 1].set.name);
        dr_say_milli(change, "cpus", from->cpus, to->cpus);
        dr_say_memory(change, "memory", from->memory_mb, to->memory_mb);
        dr_say_number(change, "node_power", "W", from->node_idle_w, to->node_idle_w);
        if (levels_differ(from, to))
            dr_say(change, "levels: %" PRIu32 " -> %" PRIu32, from->levels_count, to->levels_count);
        if (strcmp(from->node_prefix, to->node_prefix) != 0 || from->node_first != to->node_first ||
            from->node_digits != to->node_digits)
            dr_say(change, "node_names: %s%0*" PRIu32 " -> %s%0*" PRIu32, from->node_prefix,
                   (int)from->node_digits, from->node_first, to->node_prefix, (int)to->node_digits,
                   to->node_first);
        say_default_memory(change, "default_memory_per_cpu", from->default_memory_per_cpu_mb,
                           to->default_memory_per_cpu_mb);
        say_default_memory(change, "default_memory_per_accelerator",
                           from->default_memory_per_accelerator_mb,
                           to->default_memory_per_accelerator_mb);
        dr_say_text(change, "partition", from->partition, to->partition);
        dr_say_text(change, "gres", from->gres, to->gres);
        dr_say_duration(change, "default_limit", from->default_limit_us, to->default_limit_us);
        if (from->consent_count != to->consent_count ||
            memcmp(from->consent, consent, to->consent_count * sizeof consent[0]) != 0)
            dr_say(change, "consent: %" PRIu32 " -> %" PRIu32 " accounts", from->consent_count,
                   to->consent_count);
        dr_change_keep(differ, change);
        if (pool->nodes > nodes)
            add_nodes(differ, id, name, &node_next, nodes, pool->nodes, pool->nodes_line);
        else
            remove_nodes(differ, id - 1, nodes - pool->nodes);
    }
}

void dr_remove_pools(struct dr_differ *differ)
{
    const struct dr_core *core = differ->core;

    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        const struct dr_pool *pool = &core->pools[row];
        struct dr_change *change;
        char name[2 * DR_NAME_BYTES];

        if (pool->removed || differ->pool_places[row] != 0)
            continue;
        snprintf(name, sizeof name, "%s/%s", core->sites[pool->site.v - 1].name, pool->name);
        if (remove_nodes(differ, row, dr_fed_living_nodes(core, pool)) > 0) {
            if (!pool->leaving)
                dr_change_leaves(differ, "pool", name, "its last node")->pool = row + 1;
            continue;
        }
        change = dr_change_add(differ, "pool", name, DR_FACT_POOL_REMOVED);
        change->declare.pool_removed.pool = row + 1;
        dr_say(change, "removed");
        differ->pool_places[row] = UINT32_MAX; /* gone: for remove_sites() and remove_chips() */
    }
}

int dr_pool_stands(const struct dr_differ *differ, uint32_t site, uint32_t chip, uint32_t group,
                   uint32_t owner)
{
    const struct dr_core *core = differ->core;

    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        const struct dr_pool *pool = &core->pools[row];

        if (pool->removed || differ->pool_places[row] == UINT32_MAX)
            continue;
        if ((site != 0 && pool->site.v == site) || (chip != 0 && pool->chip.v == chip) ||
            (owner != 0 && pool->owner.v == owner))
            return 1;
        for (uint32_t r = 0; group != 0 && r < DR_RESOURCE_COUNT; r += 1)
            if (pool->groups[r].v == group)
                return 1;
    }
    return 0;
}
