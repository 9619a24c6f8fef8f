/* SPDX-License-Identifier: Apache-2.0 */
/* site_nodes.c: nodes of sites that have a word of their own about them.
 *
 * A drain is one state seen from both sides. What an operator of the federation says is a fact
 * first; its site is then told, again and again until it has taken it, also after a restart: the
 * fact that its site knows (`site_knows`) is what ends that. What the site says is a fact too, and
 * replaces what was said here, unless the site was not told of that yet. */
#include "base/hash.h"
#include "serve/internal.h"

struct declared {
    struct dr_engine_node *nodes;
    char (*names)[DR_NAME_BYTES + 12];
    uint32_t *rows;
    uint32_t count;
    uint64_t hash;
};

static uint64_t version(const struct dr_controller *c)
{
    return c->core->federation_version + c->core->node_words;
}

/* Was something said of the node here that its site has not taken yet? A node that leaves the
 * federation stays as it is at its site. */
static int is_to_be_told(const struct dr_node *node)
{
    return node->flags_seq != 0 && !node->site_knows && !node->removing && !node->removed;
}

static void declare_pool(const struct dr_controller *c, const struct dr_pool *pool,
                         struct declared *to)
{
    for (uint32_t number = 0; number < pool->nodes_count; number += 1) {
        uint32_t row = dr_pool_node_row(pool, number);
        const struct dr_node *node = &c->core->nodes[row];
        struct dr_engine_node *next = &to->nodes[to->count];

        if (node->removed)
            continue;
        *next = (struct dr_engine_node){
            .name = dr_node_name(c->core, (dr_node_id){row + 1}, to->names[to->count]),
            .partition = pool->partition,
            .gres = pool->accelerators == 0 ? ""
                    : pool->gres[0] != 0    ? pool->gres
                                            : "gpu",
            .accelerators = pool->accelerators,
            .cpus_milli = pool->cpus,
            .memory_mb = pool->memory_mb,
            .drained = node->drained,
            .down = node->down,
        };
        to->rows[to->count] = row;
        to->count += 1;
        /* Flags aside: what is said of them has its own way. */
        to->hash = dr_hash_fold(to->hash, row);
        to->hash = dr_hash_bytes(to->hash, next->name, strlen(next->name));
        to->hash = dr_hash_bytes(to->hash, next->partition, strlen(next->partition));
        to->hash = dr_hash_bytes(to->hash, next->gres, strlen(next->gres));
        to->hash = dr_hash_fold(to->hash, (uint64_t)next->cpus_milli);
        to->hash = dr_hash_fold(to->hash, (uint64_t)next->memory_mb);
    }
}

static void declared_init(const struct dr_controller *c, uint32_t site_row, struct declared *to)
{
    uint32_t count = 0;

    for (uint32_t p = 0; p < c->core->pools_count; p += 1) {
        if (c->core->pools[p].site.v == site_row + 1 && !c->core->pools[p].removed)
            count += c->core->pools[p].nodes_count;
    }
    *to = (struct declared){.hash = 1};
    to->nodes = calloc(count + 1, sizeof *to->nodes);
    to->names = calloc(count + 1, sizeof *to->names);
    to->rows = calloc(count + 1, sizeof *to->rows);
    DR_ASSERT(to->nodes != NULL && to->names != NULL && to->rows != NULL);
    for (uint32_t p = 0; p < c->core->pools_count; p += 1) {
        if (c->core->pools[p].site.v == site_row + 1 && !c->core->pools[p].removed)
            declare_pool(c, &c->core->pools[p], to);
    }
}

static void declared_deinit(struct declared *declared)
{
    free(declared->nodes);
    free(declared->names);
    free(declared->rows);
}

/* Give one word to its site; 0: it could not be given. */
static int tell_node(struct dr_controller *c, uint32_t site_row, const char *name, uint32_t row)
{
    struct dr_engine *engine = c->engines[site_row];
    const struct dr_node *node = &c->core->nodes[row];
    struct dr_report taken = {
        .kind = DR_REPORT_NODE, .node_down = node->down, .node_drained = node->drained};
    enum dr_status status = DR_OK;

    if (engine->operations->drain != NULL)
        status = engine->operations->drain(engine, name, node->drained, c->core->node_notes[row]);
    if (status == DR_E_UNSUPPORTED && node->drained) {
        c->links[site_row].slots = 1; /* it stays our word, which the site's does not end */
        return 1;
    }
    if (status == DR_E_MISSING)
        controller_log(c, "site %s has no node %s to %s", c->core->sites[site_row].name, name,
                       node->drained ? "drain" : "resume");
    else if (status != DR_OK && status != DR_E_UNSUPPORTED)
        return 0;
    snprintf(taken.node, sizeof taken.node, "%s", name);
    effects_observe(c, (dr_site_id){site_row + 1}, &taken);
    return 1;
}

static void tell_site(struct dr_controller *c, uint32_t site_row)
{
    struct dr_engine *engine = c->engines[site_row];
    struct site_link *link = &c->links[site_row];
    struct declared declared;

    declared_init(c, site_row, &declared);
    if (engine->operations->declare != NULL && declared.hash != link->declared) {
        engine->operations->declare(engine, declared.nodes, declared.count);
        link->declared = declared.hash;
    }
    link->waiting = 0;
    for (uint32_t i = 0; link->agreed && i < declared.count; i += 1) {
        if (is_to_be_told(&c->core->nodes[declared.rows[i]]) &&
            !tell_node(c, site_row, declared.nodes[i].name, declared.rows[i]))
            link->waiting = 1;
    }
    if (link->waiting)
        sites_ask_again(c, link);
    else if (link->agreed)
        link->ask_wait_us = 0;
    link->version = version(c);
    declared_deinit(&declared);
}

void site_nodes_tell(struct dr_controller *c)
{
    for (uint32_t i = 0; i < c->core->sites_count; i += 1) {
        const struct site_link *link = &c->links[i];

        if (c->engines[i] == NULL || c->engines[i]->operations->health == NULL)
            continue;
        if (link->version != version(c) ||
            (link->waiting && link->agreed && link->ask_monotonic_us <= controller_monotonic_us(c)))
            tell_site(c, i);
    }
}

/* Why it is as its site says. */
static const char *note_of(const struct dr_report *report, const struct dr_node *node)
{
    if (!report->node_down && !report->node_drained)
        return "";
    if (report->text[0] != '\0')
        return report->text;
    if (report->node_down)
        return "its site says that it is down";
    return node->drained ? "" : "its site has drained it";
}

int site_nodes_observe(struct dr_controller *c, const struct observation *seen)
{
    const struct dr_report *report = &seen->report;
    dr_node_id id = dr_node_named(c->core, report->node);
    struct dr_command command = controller_command(DR_COMMAND_NODE);
    const struct dr_node *node;
    struct dr_answer answer;
    char source[DR_NAME_BYTES + 8];
    char note[DR_NOTE_BYTES];

    if (id.v == 0 || !sites_is_remote(c, seen->site))
        return 1;
    node = &c->core->nodes[id.v - 1];
    if (node->removed || c->core->pools[node->pool.v - 1].site.v != seen->site.v)
        return 1;
    snprintf(source, sizeof source, "site:%s", c->core->sites[seen->site.v - 1].name);
    command.source = source;
    command.body.node.node = id.v;
    command.body.node.down = report->node_down;
    command.body.node.drained = report->node_drained || node->removing;
    command.body.node.site_knows = 1;
    if (is_to_be_told(node) && (report->node_drained != node->drained ||
                                (node->drained && c->links[seen->site.v - 1].slots))) {
        command.body.node.drained = node->drained;
        command.body.node.site_knows = 0;
    }
    /* The reason that was given first stays with what it was given for. */
    if (command.body.node.drained == node->drained && command.body.node.down == node->down)
        memcpy(note, c->core->node_notes[id.v - 1], sizeof note);
    else
        snprintf(note, sizeof note, "%s", note_of(report, node));
    command.reason = note[0] == '\0' ? NULL : note;
    if (dr_admit(c->core, &command, c->now_us, &c->batch, &answer))
        return 1;
    return answer.refused != DR_REFUSAL_FULL || c->batch.facts_count == 0;
}
