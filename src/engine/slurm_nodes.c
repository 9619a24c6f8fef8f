/* SPDX-License-Identifier: Apache-2.0 */
/* The site's nodes against those that the federation declares.
 *
 * With exact placement a declared node is the site's node of that name, and is reported as the site
 * has it. With count placement declared nodes are slots: so many of them as the partition has nodes
 * that neither the site nor other people's jobs take away can be used, and the others, the last
 * ones first, are reported as drained. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/math.h"
#include "engine/slurm_hostlist.h"
#include "engine/slurm_internal.h"
#include "engine/slurm_scan.h"

#define HOSTS_MAX   65536u
#define TOLD_UNLIKE 1u /* a told_hash that differs from 0, "usable"; any other is told again */

enum member {
    NODE_NAME,
    NODE_STATE,
    NODE_FLAGS,
    NODE_REASON,
    NODE_GRES,
    NODE_PARTITIONS,
    NODE_CPUS,
    NODE_MEMORY,
    NODE_SLURMD,
    MEMBERS
};
static const char *const members[MEMBERS] = {"name",   "state",       "state_flags",
                                             "reason", "gres",        "partitions",
                                             "cpus",   "real_memory", "slurmd_start_time"};

/* ---- the table ---- */

static int compare_declared(const void *a, const void *b)
{
    return strcmp(((const struct declared *)a)->name, ((const struct declared *)b)->name);
}

static int compare_name(const void *name, const void *declared)
{
    return strcmp(name, ((const struct declared *)declared)->name);
}

struct declared *slurm_declared(struct slurm *slurm, const char *name)
{
    if (slurm->declared_count == 0)
        return NULL;
    return bsearch(name, slurm->declared, slurm->declared_count, sizeof *slurm->declared,
                   compare_name);
}

void slurm_declare(struct dr_engine *engine, const struct dr_engine_node *nodes, uint32_t count)
{
    struct slurm *slurm = (struct slurm *)engine;
    struct declared *made = calloc((size_t)count + 1, sizeof *made);

    if (made == NULL)
        abort();
    for (uint32_t i = 0; i < count; i += 1) {
        const struct declared *before = slurm_declared(slurm, nodes[i].name);

        snprintf(made[i].name, sizeof made[i].name, "%s", nodes[i].name);
        snprintf(made[i].partition, sizeof made[i].partition, "%s", nodes[i].partition);
        snprintf(made[i].gres, sizeof made[i].gres, "%s", nodes[i].gres);
        made[i].accelerators = nodes[i].accelerators;
        made[i].cpus_milli = nodes[i].cpus_milli;
        made[i].memory_mb = nodes[i].memory_mb;
        /* What the controller has may be older than the site's word, which is then told anew. */
        made[i].told_hash = nodes[i].drained || nodes[i].down ? TOLD_UNLIKE : 0;
        if (before != NULL) {
            made[i].wanted = before->wanted;
            memcpy(made[i].reason, before->reason, sizeof made[i].reason);
        }
    }
    qsort(made, count, sizeof *made, compare_declared);
    free(slurm->declared);
    slurm->declared = made;
    slurm->declared_count = count;
    slurm->extra_told = 0;
    slurm->nodes_known = 0;
    slurm->nodes.since_s = 0; /* the whole list, against the new table */
    slurm->jobs.since_s = slurm->options.count_placement ? 0 : slurm->jobs.since_s;
    slurm->nodes.due_us = slurm->nodes.under_way ? DR_FOREVER_US : dr_monotonic_us();
    slurm->nodes.again = slurm->nodes.under_way;
    slurm_turn(slurm);
}

static void tell(struct slurm *slurm, struct declared *node)
{
    struct dr_report *report;
    uint64_t hash;
    int usable = !node->down && !node->drained;

    if (usable)
        node->text[0] = 0;
    hash = usable ? 0
                  : dr_hash_bytes((uint64_t)node->down * 2 + node->drained, node->text,
                                  strlen(node->text));
    if (hash == node->told_hash)
        return;
    /* An order that the site has not taken yet: what it says of that is of before. */
    if (node->wanted != DRAIN_NONE && !node->down)
        return;
    node->told_hash = hash;
    report = slurm_report(slurm, DR_REPORT_NODE, (dr_job_id){0}, 0);
    snprintf(report->node, sizeof report->node, "%s", node->name);
    report->node_down = node->down;
    report->node_drained = node->drained;
    snprintf(report->text, sizeof report->text, "%s", node->text);
}

/* ---- what the site says of one node ---- */

static int has(const json_t *array, const char *text)
{
    for (size_t i = 0; i < json_array_size(array); i += 1) {
        const char *value = json_string_value(json_array_get(array, i));

        if (value != NULL && strcmp(value, text) == 0)
            return 1;
    }
    return 0;
}

/* How many of "gpu:h200" a node's gres, "gpu:h200:8(S:0-1),gpu:a100:2", has; "gpu" counts every
 * type. */
static uint32_t gres_count(const char *gres, const char *wanted)
{
    size_t length = strlen(wanted);
    uint32_t count = 0;

    while (*gres != 0) {
        size_t bytes = strcspn(gres, ",(");
        const char *number = gres + bytes;

        while (number > gres && number[-1] >= '0' && number[-1] <= '9')
            number -= 1;
        if (strncmp(gres, wanted, length) == 0 && (gres[length] == ':' || bytes == length))
            count += number > gres && number[-1] == ':' && number < gres + bytes
                         ? (uint32_t)strtoul(number, NULL, 10)
                         : 1;
        gres += bytes;
        if (*gres == '(')
            gres += strcspn(gres, ")");
        gres += strcspn(gres, ",");
        gres += *gres == ',';
    }
    return count;
}

static void say(struct declared *node, const char *format, ...) DR_PRINTF(2, 3);
static void say(struct declared *node, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    dr_format_list(node->text, sizeof node->text, format, arguments);
    va_end(arguments);
}

/* What the file declares and the site does not have. */
static int mismatch(struct declared *node, const json_t *site)
{
    const char *gres = json_string_value(json_object_get(site, "gres"));
    int64_t cpus = json_integer_value(json_object_get(site, "cpus"));
    int64_t memory_mb = json_integer_value(json_object_get(site, "real_memory"));

    gres = gres == NULL ? "" : gres;
    if (node->partition[0] != 0 && !has(json_object_get(site, "partitions"), node->partition))
        say(node, "declared in partition %s, which does not have it at the site", node->partition);
    else if (node->accelerators > 0 && gres_count(gres, node->gres) < node->accelerators)
        say(node, "declared with %" PRIu32 " of %s, the site has '%s'", node->accelerators,
            node->gres[0] == 0 ? "no gres" : node->gres, gres);
    else if (node->cpus_milli > cpus * 1000)
        say(node, "declared with %" PRId64 " CPUs, the site has %" PRId64, node->cpus_milli / 1000,
            cpus);
    else if (node->memory_mb > memory_mb)
        say(node, "declared with %" PRId64 " MB of memory, the site has %" PRId64, node->memory_mb,
            memory_mb);
    else
        return 0;
    return 1;
}

static void judge(struct declared *node, const json_t *site)
{
    static const char *const flags[] = {
        "FAIL",          "MAINTENANCE",    "REBOOT_ISSUED",    "POWERED_DOWN",
        "POWERING_DOWN", "NOT_RESPONDING", "REBOOT_REQUESTED", "INVALID_REG"};
    const char *state = json_string_value(json_object_get(site, "state"));
    const char *reason = json_string_value(json_object_get(site, "reason"));
    const json_t *flag = json_object_get(site, "state_flags");
    int unheard;

    state = state == NULL ? "unknown" : state;
    reason = reason == NULL ? "" : reason;
    node->down = node->drained = node->shut = 0;
    /* "unknown": a slurmctld that has just started has not heard of the node yet. What runs there
     * runs on; a node that stays silent is called down by slurmctld, after SlurmdTimeout. */
    unheard = strcmp(state, "unknown") == 0;
    if (!unheard && strcmp(state, "idle") != 0 && strcmp(state, "mixed") != 0 &&
        strcmp(state, "allocated") != 0 && strcmp(state, "inval") != 0 &&
        strcmp(state, "invalid") != 0) {
        node->down = node->shut = 1;
        say(node, "%s at the site%s%s", state, reason[0] == 0 ? "" : ": ", reason);
        return;
    }
    if (has(flag, "DRAIN")) {
        node->drained = node->shut = 1;
        say(node, "%s", reason[0] == 0 ? "drained at the site, no reason given" : reason);
        return;
    }
    for (size_t i = 0; i < DR_COUNT_OF(flags); i += 1)
        if (has(flag, flags[i])) {
            node->drained = 1;
            say(node, "%s at the site%s%s", flags[i], reason[0] == 0 ? "" : ": ", reason);
            return;
        }
    node->drained = (uint8_t)mismatch(node, site);
    if (!node->drained && unheard) {
        node->drained = 1;
        say(node, "not heard of yet at the site, since it started");
    }
}

/* ---- the list ---- */

struct taking {
    struct slurm *slurm;
    uint32_t extra;
    char first_extra[DR_SLURM_HOST_BYTES];
    uint32_t free; /* count placement: nodes of the declared partitions that can be used */
    const char *why;
};

static int is_busy(const struct slurm *slurm, const char *name)
{
    char line[DR_SLURM_HOST_BYTES + 3];

    if (slurm->busy == NULL)
        return 0;
    snprintf(line, sizeof line, "\n%s\n", name);
    return strstr(slurm->busy, line) != NULL;
}

static void count_node(struct taking *taking, const char *name, const json_t *site)
{
    const struct slurm *slurm = taking->slurm;
    struct declared like = {0};

    if (slurm->declared_count == 0)
        return;
    like = slurm->declared[0];
    if (like.partition[0] != 0 && !has(json_object_get(site, "partitions"), like.partition))
        return;
    judge(&like, site);
    if (like.down || like.drained)
        taking->why = "down or drained at the site";
    else if (is_busy(slurm, name))
        taking->why = "used by others at the site";
    else
        taking->free += 1;
}

/* Has it registered with the slurmctld that tells this, and is it heard? A slurmctld that has just
 * started has its nodes from a file, without this time. */
static int is_at_work(const struct dr_slurm_object *object)
{
    const struct dr_slurm_raw *flags = &object->members[NODE_FLAGS];
    const struct dr_slurm_raw *state = &object->members[NODE_STATE];
    int64_t started_s = 0;

    return dr_slurm_raw_number(&object->members[NODE_SLURMD], &started_s) && started_s > 0 &&
           !dr_slurm_raw_is(state, "unknown") && !dr_slurm_raw_is(state, "down") &&
           memmem(flags->text, flags->bytes, "NOT_RESPONDING", 14) == NULL &&
           memmem(flags->text, flags->bytes, "INVALID_REG", 11) == NULL;
}

static int take_node(void *context, const struct dr_slurm_object *object)
{
    struct taking *taking = context;
    struct slurm *slurm = taking->slurm;
    const struct dr_slurm_raw *raw = &object->members[NODE_NAME];
    char name[DR_SLURM_HOST_BYTES];
    struct declared *node;
    uint64_t hash = 1;
    json_t *site;

    if (raw->text == NULL || raw->bytes < 3 || raw->bytes - 2 >= sizeof name)
        return 1;
    memcpy(name, raw->text + 1, raw->bytes - 2);
    name[raw->bytes - 2] = 0;
    if (slurm->gone > 0)
        slurm_fence_node(slurm, name, is_at_work(object));
    node = slurm_declared(slurm, name);
    if (node == NULL && !slurm->options.count_placement) {
        taking->extra += 1;
        if (taking->extra == 1)
            snprintf(taking->first_extra, sizeof taking->first_extra, "%s", name);
        return 0;
    }
    for (uint32_t i = 0; i < MEMBERS; i += 1)
        hash = dr_hash_bytes(hash, object->members[i].text, object->members[i].bytes);
    if (!slurm->options.count_placement) {
        node->here = 1;
        if (node->seen_hash == hash)
            return 0;
        node->seen_hash = hash;
    }
    site = json_loadb(object->whole.text, object->whole.bytes, 0, NULL);
    if (site == NULL)
        return 1;
    if (slurm->options.count_placement)
        count_node(taking, name, site);
    else
        judge(node, site);
    json_decref(site);
    return 0;
}

/* Slots that the core has given to jobs of ours. */
static void mark_taken(struct slurm *slurm)
{
    for (uint32_t i = 0; i < slurm->declared_count; i += 1)
        slurm->declared[i].here = 0;
    for (uint32_t i = 0; i < slurm->rows_used; i += 1) {
        const struct row *row = &slurm->rows[i];

        if (row->state < ROW_WANTED || row->state > ROW_RUNNING || row->nodes == NULL)
            continue;
        for (const char *name = row->nodes; *name != 0; name += strlen(name) + 1) {
            struct declared *node = slurm_declared(slurm, name);

            if (node != NULL)
                node->here = 1;
        }
    }
}

/* So many slots as the site has free for us stay; idle ones go first, the last of them first. */
static void share_out(struct slurm *slurm, const struct taking *taking)
{
    uint32_t missing =
        slurm->declared_count > taking->free ? slurm->declared_count - taking->free : 0;

    mark_taken(slurm);
    slurm->present = slurm->declared_count;
    slurm->usable = slurm->declared_count - missing;
    for (uint32_t i = slurm->declared_count; i-- > 0;) {
        struct declared *node = &slurm->declared[i];

        node->down = 0;
        node->drained = missing > 0 && !node->here;
        missing -= node->drained;
        if (node->drained)
            say(node, "%s",
                taking->why == NULL ? "the site's partition has fewer nodes" : taking->why);
        tell(slurm, node);
    }
}

/* ---- jobs that wait for a node that takes nothing new ---- */

static int waits_for_a_shut_node(struct slurm *slurm, const struct row *row)
{
    if (row->nodes == NULL)
        return 0;
    for (const char *name = row->nodes; *name != 0; name += strlen(name) + 1) {
        const struct declared *node = slurm_declared(slurm, name);

        if (node != NULL && node->shut)
            return 1;
    }
    return 0;
}

/* Slurm would keep such a job until somebody resumes the node, and Daero its place. Whether it has
 * begun just before the node was drained only a look at the jobs that begins after this one of the
 * nodes can tell. */
void slurm_nodes_looked(struct slurm *slurm)
{
    uint32_t before = slurm->shut;

    if (slurm->options.count_placement) /* slots: Slurm chooses among the nodes that it has */
        return;
    for (uint32_t i = 0; i < slurm->rows_used; i += 1) {
        struct row *row = &slurm->rows[i];
        int shut_out = row->state == ROW_PENDING && waits_for_a_shut_node(slurm, row);

        if (shut_out == (row->shut != 0))
            continue;
        row->shut = shut_out ? slurm->look_number + 1 : 0;
        slurm->shut += shut_out ? 1 : UINT32_MAX;
    }
    if (slurm->shut > before)
        slurm_look_soon(slurm);
}

/* After a complete look at the jobs. */
void slurm_withdraw(struct slurm *slurm)
{
    for (uint32_t i = 0; slurm->shut > 0 && i < slurm->rows_used; i += 1) {
        struct row *row = &slurm->rows[i];

        if (row->shut == 0 || row->shut > slurm->look_under_way || row->withdrawn)
            continue;
        row->withdrawn = 1;
        row->kill_us = 0;
        row->again_us = 0;
        slurm_advance(slurm, row);
    }
}

static void compare_all(struct slurm *slurm, const struct taking *taking)
{
    slurm->present = slurm->usable = 0;
    for (uint32_t i = 0; i < slurm->declared_count; i += 1) {
        struct declared *node = &slurm->declared[i];

        if (!node->here) {
            node->seen_hash = 0;
            node->down = node->shut = 1;
            node->drained = 0;
            say(node, "the site has no node of this name");
        }
        slurm->present += node->here;
        slurm->usable += !node->down && !node->drained;
        tell(slurm, node);
    }
    if (taking->extra != slurm->extra_told && taking->extra > 0 && slurm->declared_count > 0)
        slurm_warn(slurm, (dr_job_id){0}, 0,
                   "the site has %" PRIu32 " nodes that are not declared and are left alone, "
                   "%s the first",
                   taking->extra, taking->first_extra);
    slurm->extra_told = taking->extra;
}

int slurm_nodes_take(struct slurm *slurm, struct dr_slurm_exchange *exchange)
{
    struct taking taking = {.slurm = slurm};
    const char *text = (const char *)exchange->answer.data;
    size_t bytes = exchange->answer.length;

    for (uint32_t i = 0; i < slurm->declared_count; i += 1)
        slurm->declared[i].here = 0;
    slurm_fence_begin(slurm);
    if (dr_slurm_scan(text, bytes, "nodes", members, MEMBERS, NULL, NULL) < 0 ||
        dr_slurm_scan(text, bytes, "nodes", members, MEMBERS, take_node, &taking) < 0)
        return 0;
    slurm->nodes_known = 1;
    slurm_fence_judge(slurm, exchange->began_us);
    if (slurm->options.count_placement)
        share_out(slurm, &taking);
    else
        compare_all(slurm, &taking);
    return 1;
}

/* ---- count placement: nodes that others use ---- */

void slurm_others_begin(struct slurm *slurm)
{
    dr_buffer_clear(&slurm->busy_next);
    dr_buffer_append_text(&slurm->busy_next, "\n");
}

static void add_host(void *context, const char *name)
{
    struct slurm *slurm = context;

    dr_buffer_printf(&slurm->busy_next, "%s\n", name);
}

void slurm_others_use(struct slurm *slurm, const char *nodes, size_t bytes)
{
    if (dr_slurm_hostlist(nodes, bytes, HOSTS_MAX, add_host, slurm) != DR_OK)
        return; /* a form that is not known: the site's own count of idle nodes still holds */
}

void slurm_others_end(struct slurm *slurm)
{
    const char *text = dr_buffer_text(&slurm->busy_next);

    if (!slurm->options.count_placement || (slurm->busy != NULL && strcmp(slurm->busy, text) == 0))
        return;
    free(slurm->busy);
    slurm->busy = strdup(text);
    if (slurm->busy == NULL)
        abort();
    slurm->nodes.since_s = 0;
    if (slurm->nodes.under_way)
        slurm->nodes.again = 1;
    else
        slurm->nodes.due_us = dr_monotonic_us();
}

/* ---- drain ---- */

enum dr_status slurm_drain(struct dr_engine *engine, const char *node, uint32_t drained,
                           const char *reason)
{
    struct slurm *slurm = (struct slurm *)engine;
    struct declared *declared = slurm_declared(slurm, node);

    if (declared == NULL ||
        (slurm->nodes_known && !slurm->options.count_placement && !declared->here))
        return DR_E_MISSING;
    if (slurm->options.count_placement)
        return DR_E_UNSUPPORTED; /* a slot is no node of the site */
    declared->wanted = drained ? DRAIN_ON : DRAIN_OFF;
    snprintf(declared->reason, sizeof declared->reason, "%s",
             reason == NULL || reason[0] == 0 ? "drained in Daero" : reason);
    slurm_turn(slurm);
    return DR_OK;
}
