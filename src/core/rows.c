/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rows.h"

#include "base/hash.h"
#include "base/math.h"
#include "base/sort.h"
#include "core/ends.h"
#include "core/lent.h"
#include "core/place.h"
#include "core/power.h"
#include "core/seats.h"
#include "core/slack.h"
#include "core/quota.h"
#include "core/timer.h"

/* ---- accounts and nodes ---- */

void dr_rows_join_parent(struct dr_core *core, uint32_t row)
{
    struct dr_account *account = &core->accounts[row];
    struct dr_account *parent;
    uint32_t *link;

    account->first_child = DR_ROW_NONE;
    account->next_sibling = DR_ROW_NONE;
    account->depth = 0;
    if (account->parent.v == 0)
        return;
    parent = &core->accounts[account->parent.v - 1];
    account->depth = (uint8_t)(parent->depth + 1);
    if (account->removed)
        return;
    /* In the order of ids. */
    for (link = &parent->first_child; *link != DR_ROW_NONE && *link < row;)
        link = &core->accounts[*link].next_sibling;
    account->next_sibling = *link;
    *link = row;
}

/* What a node adds to its groups and its pool (sign 1), or took part in (-1). */
static void count_node(struct dr_core *core, uint32_t row, int sign)
{
    const struct dr_node *node = &core->nodes[row];
    struct dr_pool *pool = &core->pools[node->pool.v - 1];
    int up = dr_node_up(core, node);
    int64_t amounts[DR_RESOURCE_COUNT] = {
        [DR_RESOURCE_ACCELERATORS] = (int64_t)pool->accelerators * 1000,
        [DR_RESOURCE_CPUS] = pool->cpus,
        [DR_RESOURCE_MEMORY] = pool->memory_mb,
    };

    if (node->removed)
        return;
    for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1) {
        struct dr_group *group = &core->groups[pool->groups[i].v - 1];

        group->declared += sign * amounts[i];
        group->capacity += up ? sign * amounts[i] : 0;
    }
    if (!up)
        return;
    pool->nodes_up += (uint32_t)sign;
    pool->accelerators_free +=
        sign * ((int64_t)pool->accelerators - dr_bit_count(node->busy | node->promised));
}

void dr_rows_capacity(struct dr_core *core)
{
    size_t mark = core->scratch.used;
    int64_t *before = dr_arena_push(&core->scratch, core->groups_count + 1u, sizeof before[0]);

    DR_ASSERT(before != NULL);
    for (uint32_t row = 0; row < core->groups_count; row += 1) {
        before[row] = core->groups[row].capacity;
        core->groups[row].capacity = 0;
        core->groups[row].declared = 0;
    }
    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        core->pools[row].nodes_up = 0;
        core->pools[row].accelerators_free = 0;
    }
    for (uint32_t row = 0; row < core->nodes_count; row += 1)
        count_node(core, row, 1);
    dr_slack_clear(core);
    dr_seats_all_changed(core->seats);
    for (uint32_t row = 0; row < core->groups_count; row += 1)
        dr_seats_lifted(core, (dr_group_id){row + 1}, before[row]);
    dr_arena_reset(&core->scratch, mark);
}

int dr_rows_node_changes(struct dr_core *core, uint32_t row)
{
    count_node(core, row, -1);
    return dr_node_up(core, &core->nodes[row]);
}

void dr_rows_node_changed(struct dr_core *core, uint32_t row, int was_up)
{
    dr_pool_id pool = core->nodes[row].pool;
    const dr_group_id *groups = core->pools[pool.v - 1].groups;
    int64_t without[DR_RESOURCE_COUNT];

    for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1)
        without[i] = core->groups[groups[i].v - 1].capacity;
    count_node(core, row, 1);
    dr_slack_charged(core, pool);
    dr_seats_all_changed(core->seats);
    for (uint32_t i = 0; i < DR_RESOURCE_COUNT && !was_up; i += 1)
        dr_seats_lifted(core, groups[i], without[i]);
}

/* ---- extents ---- */

uint32_t dr_rows_extents_push(struct dr_core *core, const struct dr_extent *extents, uint32_t count)
{
    uint32_t first = DR_ROW_NONE;

    for (uint32_t i = count; i > 0; i -= 1) {
        uint32_t row;

        if (core->extents_free != 0) {
            row = core->extents_free - 1;
            core->extents_free = core->extents[row].next;
        } else {
            DR_ASSERT(core->extents_high < core->limits.extents_max);
            row = core->extents_high;
            core->extents_high += 1;
        }
        core->extents[row].extent = extents[i - 1];
        core->extents[row].next = first;
        first = row;
        core->extents_count += 1;
    }
    return first;
}

void dr_rows_extents_free(struct dr_core *core, uint32_t first)
{
    while (first != DR_ROW_NONE) {
        uint32_t next = core->extents[first].next;

        core->extents[first].next = core->extents_free;
        core->extents_free = first + 1;
        core->extents_count -= 1;
        first = next;
    }
}

/* ---- shapes ---- */

static uint64_t shape_hash(const struct dr_shape *shape)
{
    uint64_t hash = 1;

    for (uint32_t i = 0; i < shape->alternatives_count; i += 1) {
        const struct dr_alternative *alternative = &shape->alternatives[i];

        hash = dr_hash_fold(hash, alternative->chips);
        hash = dr_hash_fold(hash, alternative->tasks);
        hash = dr_hash_fold(hash, alternative->accelerators_per_task);
        hash = dr_hash_fold(hash, alternative->cpus_per_task);
        hash = dr_hash_fold(hash, alternative->memory_mb_per_task);
        hash = dr_hash_fold(hash, alternative->tasks_per_node_max);
        hash = dr_hash_fold(hash, alternative->factor);
    }
    hash = dr_hash_fold(hash, shape->level_kind + shape->sizes * UINT64_C(4));
    hash = dr_hash_bytes(hash, shape->level, sizeof shape->level);
    for (uint32_t i = 0; i < DR_SITES_MAX / 64; i += 1)
        hash = dr_hash_fold(hash, shape->sites.words[i]);
    if (shape->partition[0] != 0)
        hash = dr_hash_bytes(hash, shape->partition, sizeof shape->partition);
    hash = dr_hash_fold(hash, shape->data_class.v);
    for (uint32_t i = 0; i < shape->datasets_count; i += 1)
        hash = dr_hash_fold(hash, shape->datasets[i]);
    return hash == 0 ? 1 : hash;
}

static int shape_equal(const struct dr_shape *a, const struct dr_shape *b)
{
    if (a->alternatives_count != b->alternatives_count || a->sizes != b->sizes ||
        a->level_kind != b->level_kind || a->data_class.v != b->data_class.v ||
        a->datasets_count != b->datasets_count ||
        memcmp(a->level, b->level, sizeof a->level) != 0 ||
        memcmp(&a->sites, &b->sites, sizeof a->sites) != 0 ||
        memcmp(a->partition, b->partition, sizeof a->partition) != 0 ||
        memcmp(a->datasets, b->datasets, a->datasets_count * sizeof a->datasets[0]) != 0)
        return 0;
    for (uint32_t i = 0; i < a->alternatives_count; i += 1) {
        const struct dr_alternative *x = &a->alternatives[i];
        const struct dr_alternative *y = &b->alternatives[i];

        if (x->chips != y->chips || x->tasks != y->tasks ||
            x->accelerators_per_task != y->accelerators_per_task ||
            x->cpus_per_task != y->cpus_per_task ||
            x->memory_mb_per_task != y->memory_mb_per_task ||
            x->tasks_per_node_max != y->tasks_per_node_max || x->factor != y->factor)
            return 0;
    }
    return 1;
}

void dr_rows_shape_link(struct dr_core *core, uint32_t row)
{
    struct dr_shape *shape = &core->shapes[row];
    uint32_t first;

    shape->hash = shape_hash(shape);
    first = dr_row_map_find(&core->shape_rows, shape->hash);
    shape->next = first;
    if (first != DR_MAP_NONE)
        dr_row_map_remove(&core->shape_rows, first);
    dr_row_map_insert(&core->shape_rows, row);
}

uint32_t dr_rows_shape_take(struct dr_core *core, const struct dr_shape *shape)
{
    uint64_t hash = shape_hash(shape);
    uint32_t row;

    for (row = dr_row_map_find(&core->shape_rows, hash); row != DR_MAP_NONE;
         row = core->shapes[row].next)
        if (shape_equal(&core->shapes[row], shape)) {
            core->shapes[row].jobs += 1;
            return row;
        }
    if (core->shapes_free != 0) {
        row = core->shapes_free - 1;
        core->shapes_free = core->shapes[row].next;
    } else {
        DR_ASSERT(core->shapes_high < core->limits.jobs_max);
        row = core->shapes_high;
        core->shapes_high += 1;
    }
    core->shapes[row] = *shape;
    dr_place_shape_changed(core, row);
    core->shapes[row].jobs = 1;
    core->shapes_count += 1;
    dr_rows_shape_link(core, row);
    return row;
}

void dr_rows_shape_drop(struct dr_core *core, uint32_t row)
{
    struct dr_shape *shape = &core->shapes[row];
    uint32_t first;

    DR_ASSERT(shape->jobs > 0);
    shape->jobs -= 1;
    if (shape->jobs > 0)
        return;
    first = dr_row_map_find(&core->shape_rows, shape->hash);
    if (first == row) {
        dr_row_map_remove(&core->shape_rows, row);
        if (shape->next != DR_MAP_NONE)
            dr_row_map_insert(&core->shape_rows, shape->next);
    } else {
        while (core->shapes[first].next != row)
            first = core->shapes[first].next;
        core->shapes[first].next = shape->next;
    }
    shape->next = core->shapes_free;
    core->shapes_free = row + 1;
    core->shapes_count -= 1;
}

/* ---- terms ---- */

static uint64_t terms_hash(const struct dr_terms *terms)
{
    uint64_t hash = dr_hash_fold(1, terms->user.v);

    hash = dr_hash_fold(hash, (uint64_t)terms->begin_us);
    hash = dr_hash_fold(hash, (uint64_t)terms->deadline_us);
    hash = dr_hash_fold(hash, (uint64_t)terms->checkpoint_us);
    hash = dr_hash_fold(hash, (uint64_t)terms->restart_us);
    hash = dr_hash_fold(hash, (uint64_t)terms->grace_us);
    hash = dr_hash_fold(hash, (uint64_t)terms->warn_before_us);
    hash = dr_hash_fold(hash, (uint64_t)terms->unreachable_us);
    hash = dr_hash_fold(hash, terms->seed_runtime_us);
    hash = dr_hash_fold(hash, terms->array_job);
    hash = dr_hash_fold(hash, terms->array_limit * UINT64_C(4294967296) + terms->warn_signal);
    hash = dr_hash_fold(hash, terms->limit_total + terms->deadline_ends * 2u +
                                  terms->preemptible * 4u + terms->flexible * 8u +
                                  terms->requeue * 16u + terms->checkpoint_on_warning * 32u);
    return hash == 0 ? 1 : hash;
}

static int terms_equal(const struct dr_terms *a, const struct dr_terms *b)
{
    return a->user.v == b->user.v && a->begin_us == b->begin_us &&
           a->deadline_us == b->deadline_us && a->checkpoint_us == b->checkpoint_us &&
           a->restart_us == b->restart_us && a->grace_us == b->grace_us &&
           a->warn_before_us == b->warn_before_us && a->seed_runtime_us == b->seed_runtime_us &&
           a->array_job == b->array_job && a->array_limit == b->array_limit &&
           a->warn_signal == b->warn_signal && a->limit_total == b->limit_total &&
           a->deadline_ends == b->deadline_ends && a->preemptible == b->preemptible &&
           a->flexible == b->flexible && a->requeue == b->requeue &&
           a->checkpoint_on_warning == b->checkpoint_on_warning &&
           a->unreachable_us == b->unreachable_us;
}

void dr_rows_terms_link(struct dr_core *core, uint32_t row)
{
    struct dr_terms *terms = &core->terms[row];
    uint32_t first;

    terms->hash = terms_hash(terms);
    first = dr_row_map_find(&core->terms_rows, terms->hash);
    terms->next = first;
    if (first != DR_MAP_NONE)
        dr_row_map_remove(&core->terms_rows, first);
    dr_row_map_insert(&core->terms_rows, row);
}

uint32_t dr_rows_terms_take(struct dr_core *core, const struct dr_terms *terms)
{
    uint32_t row;

    for (row = dr_row_map_find(&core->terms_rows, terms_hash(terms)); row != DR_MAP_NONE;
         row = core->terms[row].next)
        if (terms_equal(&core->terms[row], terms)) {
            core->terms[row].jobs += 1;
            return row;
        }
    if (core->terms_free != 0) {
        row = core->terms_free - 1;
        core->terms_free = core->terms[row].next;
    } else {
        DR_ASSERT(core->terms_high < core->limits.jobs_max);
        row = core->terms_high;
        core->terms_high += 1;
    }
    core->terms[row] = *terms;
    core->terms[row].jobs = 1;
    dr_rows_terms_link(core, row);
    return row;
}

void dr_rows_terms_drop(struct dr_core *core, uint32_t row)
{
    struct dr_terms *terms = &core->terms[row];
    uint32_t first;

    DR_ASSERT(terms->jobs > 0);
    terms->jobs -= 1;
    if (terms->jobs > 0)
        return;
    first = dr_row_map_find(&core->terms_rows, terms->hash);
    if (first == row) {
        dr_row_map_remove(&core->terms_rows, row);
        if (terms->next != DR_MAP_NONE)
            dr_row_map_insert(&core->terms_rows, terms->next);
    } else {
        while (core->terms[first].next != row)
            first = core->terms[first].next;
        core->terms[first].next = terms->next;
    }
    terms->next = core->terms_free;
    core->terms_free = row + 1;
}

/* ---- jobs ---- */

struct dr_run dr_rows_no_run(void)
{
    return (struct dr_run){.extents = DR_ROW_NONE,
                           .promise = DR_ROW_NONE,
                           .reservation = DR_ROW_NONE,
                           .list_next = DR_ROW_NONE,
                           .list_previous = DR_ROW_NONE};
}

struct dr_run *dr_rows_run(struct dr_core *core, struct dr_job *job)
{
    if (job->run == 0) {
        job->run = core->runs_free;
        if (job->run != 0) {
            core->runs_free = core->runs[job->run].list_next;
        } else {
            DR_ASSERT(core->runs_high <= core->limits.jobs_max);
            job->run = core->runs_high;
            core->runs_high += 1;
        }
        core->runs[job->run] = dr_rows_no_run();
    }
    return &core->runs[job->run];
}

uint32_t dr_rows_job_push(struct dr_core *core, dr_job_id id)
{
    struct dr_job *job;
    uint32_t row;

    if (core->jobs_free != 0) {
        row = core->jobs_free - 1;
        core->jobs_free = core->jobs[row].queue_left;
    } else {
        DR_ASSERT(core->jobs_high < core->limits.jobs_max);
        row = core->jobs_high;
        core->jobs_high += 1;
    }
    job = &core->jobs[row];
    *job = (struct dr_job){.id = id,
                           .queue_class = DR_ROW_NONE,
                           .queue_left = DR_ROW_NONE,
                           .queue_right = DR_ROW_NONE,
                           .queue_parent = DR_ROW_NONE};
    dr_row_map_insert(&core->job_rows, row);
    core->jobs_count += 1;
    return row;
}

void dr_rows_job_free(struct dr_core *core, uint32_t row)
{
    struct dr_job *job = &core->jobs[row];

    DR_ASSERT(dr_job_state_ended(job->state));
    DR_ASSERT(job->ties == 0);
    dr_row_map_remove(&core->job_rows, row);
    dr_rows_list_remove(core, &core->ended, row);
    dr_rows_shape_drop(core, job->shape);
    dr_rows_terms_drop(core, job->terms);
    core->runs[job->run].list_next = core->runs_free; /* one that has ended has a run */
    core->runs_free = job->run;
    job->run = 0;
    job->id.v = 0;
    job->queue_left = core->jobs_free;
    core->jobs_free = row + 1;
    core->jobs_count -= 1;
}

static struct dr_run *run_at(struct dr_core *core, uint32_t row)
{
    return &core->runs[core->jobs[row].run];
}

void dr_rows_list_push(struct dr_core *core, struct dr_job_list *list, uint32_t row)
{
    struct dr_run *run = dr_rows_run(core, &core->jobs[row]);

    run->list_next = DR_ROW_NONE;
    run->list_previous = list->last;
    if (list->last == DR_ROW_NONE)
        list->first = row;
    else
        run_at(core, list->last)->list_next = row;
    list->last = row;
    list->count += 1;
}

void dr_rows_list_remove(struct dr_core *core, struct dr_job_list *list, uint32_t row)
{
    struct dr_run *run = run_at(core, row);

    if (run->list_previous == DR_ROW_NONE)
        list->first = run->list_next;
    else
        run_at(core, run->list_previous)->list_next = run->list_next;
    if (run->list_next == DR_ROW_NONE)
        list->last = run->list_previous;
    else
        run_at(core, run->list_next)->list_previous = run->list_previous;
    run->list_next = DR_ROW_NONE;
    run->list_previous = DR_ROW_NONE;
    list->count -= 1;
}

static struct dr_ties *take_ties(struct dr_core *core, struct dr_job *job)
{
    if (job->ties == 0) {
        job->ties = core->ties_free;
        if (job->ties != 0) {
            core->ties_free = core->ties[job->ties].edges_to;
        } else {
            DR_ASSERT(core->ties_high <= core->limits.jobs_max);
            job->ties = core->ties_high;
            core->ties_high += 1;
        }
        core->ties[job->ties] = core->ties[0];
    }
    return &core->ties[job->ties];
}

static void drop_ties_without_edges(struct dr_core *core, struct dr_job *job)
{
    struct dr_ties *ties = &core->ties[job->ties];

    if (job->ties == 0 || ties->edges != DR_ROW_NONE || ties->edges_to != DR_ROW_NONE)
        return;
    ties->edges_to = core->ties_free;
    core->ties_free = job->ties;
    job->ties = 0;
}

void dr_rows_edge_push(struct dr_core *core, enum dr_dependency_kind kind, uint32_t dependent,
                       uint32_t target)
{
    struct dr_ties *from = take_ties(core, &core->jobs[dependent]);
    struct dr_ties *to = take_ties(core, &core->jobs[target]);
    uint32_t row;

    if (core->edges_free != 0) {
        row = core->edges_free - 1;
        core->edges_free = core->edges[row].next_of_dependent;
    } else {
        DR_ASSERT(core->edges_high < core->edges_max);
        row = core->edges_high;
        core->edges_high += 1;
    }
    core->edges[row] = (struct dr_edge){.kind = kind,
                                        .dependent = {dependent},
                                        .target = {target},
                                        .next_of_dependent = from->edges,
                                        .next_of_target = to->edges_to};
    from->edges = row;
    to->edges_to = row;
    core->edges_count += 1;
}

void dr_rows_edge_free(struct dr_core *core, uint32_t row)
{
    struct dr_edge *edge = &core->edges[row];
    struct dr_job *dependent = &core->jobs[edge->dependent.v];
    struct dr_job *target = &core->jobs[edge->target.v];
    uint32_t *link;

    for (link = &core->ties[dependent->ties].edges; *link != row;)
        link = &core->edges[*link].next_of_dependent;
    *link = edge->next_of_dependent;
    for (link = &core->ties[target->ties].edges_to; *link != row;)
        link = &core->edges[*link].next_of_target;
    *link = edge->next_of_target;
    drop_ties_without_edges(core, dependent);
    drop_ties_without_edges(core, target);
    edge->next_of_dependent = core->edges_free;
    core->edges_free = row + 1;
    core->edges_count -= 1;
}

struct dr_array *dr_rows_array(struct dr_core *core, uint64_t array_job)
{
    uint32_t row = dr_row_map_find(&core->array_rows, array_job);

    return row == DR_MAP_NONE ? NULL : &core->arrays[row];
}

struct dr_array *dr_rows_array_join(struct dr_core *core, uint64_t array_job, uint32_t limit)
{
    struct dr_array *array = dr_rows_array(core, array_job);

    if (array == NULL) {
        uint32_t row = core->arrays_free;

        if (row != DR_ROW_NONE) {
            core->arrays_free = core->arrays[row].limit;
        } else {
            row = core->arrays_high;
            core->arrays_high += 1;
        }
        array = &core->arrays[row];
        *array = (struct dr_array){.array_job = array_job, .limit = limit};
        dr_row_map_insert(&core->array_rows, row);
    }
    array->live += 1;
    return array;
}

void dr_rows_array_leave(struct dr_core *core, uint64_t array_job)
{
    struct dr_array *array = dr_rows_array(core, array_job);

    DR_ASSERT(array != NULL && array->live > 0);
    array->live -= 1;
    if (array->live > 0)
        return;
    dr_row_map_remove(&core->array_rows, (uint32_t)(array - core->arrays));
    array->limit = core->arrays_free;
    core->arrays_free = (uint32_t)(array - core->arrays);
}

int dr_rows_job_queued(const struct dr_core *core, const struct dr_job *job)
{
    return job->state == DR_JOB_PENDING && !job->held && !job->doomed &&
           dr_job_ties(core, job)->edges == DR_ROW_NONE;
}

void dr_rows_count_live(struct dr_core *core, dr_account_id account, int change)
{
    for (; account.v != 0; account = core->accounts[account.v - 1].parent)
        core->accounts[account.v - 1].jobs_live =
            (uint32_t)((int64_t)core->accounts[account.v - 1].jobs_live + change);
}

/* ---- holding places ---- */

static const struct dr_alternative *alternative_of(const struct dr_core *core,
                                                   const struct dr_job *job, uint32_t index)
{
    return &core->shapes[job->shape].alternatives[index];
}

/* Tasks that share one accelerator: what they hold of it, and its bits. */
static void hold_share(struct dr_core *core, const struct dr_extent *extent, uint32_t share,
                       int promised, int sign)
{
    struct dr_node *node = &core->nodes[extent->node.v - 1];
    struct dr_device_share *device =
        &core->device_shares[extent->node.v - 1][dr_bit_lowest(extent->accelerators)];
    uint16_t *part = promised ? &device->promised : &device->held;
    uint64_t *mask = promised ? &node->promised : &node->busy;
    int64_t after = *part + sign * (int64_t)(extent->tasks * share);

    DR_ASSERT(dr_bit_count(extent->accelerators) == 1);
    DR_ASSERT(*part > 0 || (*mask & extent->accelerators) == 0 || sign < 0); /* I1 */
    DR_ASSERT(after >= 0 && after <= 1000);
    *part = (uint16_t)after;
    *mask = after > 0 ? *mask | extent->accelerators : *mask & ~extent->accelerators;
    node->shared = device->held + device->promised > 0 ? node->shared | extent->accelerators
                                                       : node->shared & ~extent->accelerators;
}

/* The parts of a list on their nodes; `promised`: which of the two masks. */
static void hold_extents(struct dr_core *core, const struct dr_alternative *alternative,
                         uint32_t first, int promised, int sign)
{
    for (uint32_t row = first; row != DR_ROW_NONE; row = core->extents[row].next) {
        const struct dr_extent *extent = &core->extents[row].extent;
        struct dr_node *node = &core->nodes[extent->node.v - 1];
        struct dr_pool *pool = &core->pools[node->pool.v - 1];
        uint64_t *mask = promised ? &node->promised : &node->busy;
        int64_t free_before = dr_bit_count(node->busy | node->promised);
        uint32_t share = dr_alternative_share(alternative);

        if (share != 0) {
            hold_share(core, extent, share, promised, sign);
        } else if (sign > 0) {
            DR_ASSERT((*mask & extent->accelerators) == 0); /* I1 */
            *mask |= extent->accelerators;
        } else {
            DR_ASSERT((*mask & extent->accelerators) == extent->accelerators);
            *mask &= ~extent->accelerators;
        }
        node->cpus_used += sign * (int64_t)extent->tasks * alternative->cpus_per_task;
        node->memory_mb_used += sign * (int64_t)extent->tasks * alternative->memory_mb_per_task;
        if (!promised)
            node->tasks = (uint32_t)((int64_t)node->tasks + sign * (int64_t)extent->tasks);
        if (dr_node_up(core, node))
            pool->accelerators_free +=
                free_before - (int64_t)dr_bit_count(node->busy | node->promised);
        dr_place_changed(core, extent->node.v - 1);
    }
}

static unsigned claim_charges(const struct dr_core *core, const struct dr_job *job)
{
    return dr_job_terms(core, job)->preemptible ? DR_CHARGE_CLAIM
                                                : DR_CHARGE_CLAIM | DR_CHARGE_FIRM;
}

int dr_rows_attempt_counts(const struct dr_core *core, const struct dr_job *job)
{
    if (dr_job_run(core, job)->stopping != DR_STOP_NONE || job->state == DR_JOB_UNREACHABLE)
        return 0;
    for (uint32_t row = dr_job_run(core, job)->extents; row != DR_ROW_NONE;
         row = core->extents[row].next)
        if (!dr_node_up(core, &core->nodes[core->extents[row].extent.node.v - 1]))
            return 0;
    return 1;
}

void dr_rows_recount(struct dr_core *core, struct dr_job *job)
{
    struct dr_run *run = &core->runs[job->run];
    int counts = dr_rows_attempt_counts(core, job);
    struct dr_amounts amounts;

    DR_ASSERT(job->run != 0);
    if (counts == run->counted)
        return;
    amounts = dr_alternative_amounts(alternative_of(core, job, run->alternative));
    dr_quota_charge(core, job->account, run->pool, &amounts, claim_charges(core, job),
                    counts ? 1 : -1);
    if (!counts)
        dr_seats_relieve(core, job->account, run->pool, &amounts);
    run->counted = (uint8_t)counts;
    if (core->ends->ends[job - core->jobs].pool.v != 0)
        dr_ends_update(core, (uint32_t)(job - core->jobs));
    dr_lent_update(core, (uint32_t)(job - core->jobs));
}

void dr_rows_reach(struct dr_core *core, uint32_t row, int answers, int64_t now_us)
{
    struct dr_job *job = &core->jobs[row];
    int64_t patience_us = dr_job_terms(core, job)->unreachable_us;

    if (!answers && job->state != DR_JOB_UNREACHABLE) {
        dr_rows_run(core, job)->before_unreachable = job->state;
        dr_rows_run(core, job)->give_up_us = patience_us == 0 ? 0 : now_us + patience_us;
        job->state = DR_JOB_UNREACHABLE;
    } else if (answers && job->state == DR_JOB_UNREACHABLE) {
        job->state = dr_job_run(core, job)->before_unreachable;
        dr_rows_run(core, job)->give_up_us = 0;
    }
    if (patience_us != 0)
        dr_timer_update(core, row);
    dr_rows_recount(core, job);
    dr_ends_update(core, row);
    dr_power_update(core, row);
    dr_lent_update(core, row);
}

void dr_rows_hold(struct dr_core *core, struct dr_job *job, int sign)
{
    struct dr_run *run = &core->runs[job->run];
    const struct dr_alternative *alternative = alternative_of(core, job, run->alternative);
    struct dr_amounts amounts = dr_alternative_amounts(alternative);
    struct dr_account *account = &core->accounts[job->account.v - 1];
    uint64_t array_job = dr_job_terms(core, job)->array_job;
    struct dr_array *array = array_job == 0 ? NULL : dr_rows_array(core, array_job);

    DR_ASSERT(job->run != 0);
    if (sign < 0 && run->counted) {
        dr_quota_charge(core, job->account, run->pool, &amounts, claim_charges(core, job), -1);
        run->counted = 0;
    }
    hold_extents(core, alternative, run->extents, 0, sign);
    dr_place_attempt(core, (dr_job_row){(uint32_t)(job - core->jobs)}, sign);
    dr_quota_charge(core, job->account, run->pool, &amounts, DR_CHARGE_USE, sign);
    if (sign < 0)
        dr_seats_relieve(core, job->account, run->pool, &amounts);
    account->running = (uint32_t)((int64_t)account->running + sign);
    if (array != NULL)
        array->active = (uint32_t)((int64_t)array->active + sign);
    if (sign > 0)
        dr_rows_recount(core, job);
}

void dr_rows_hold_promise(struct dr_core *core, struct dr_job *job, int sign)
{
    const struct dr_run *run = dr_job_run(core, job);
    const struct dr_alternative *alternative = alternative_of(core, job, run->promise_alternative);
    struct dr_amounts amounts = dr_alternative_amounts(alternative);

    hold_extents(core, alternative, run->promise, 1, sign);
    dr_place_promise(core, (dr_job_row){(uint32_t)(job - core->jobs)}, sign);
    dr_ends_promised(core, run->promise_pool);
    dr_lent_promised(core, run->promise_pool, sign < 0);
    dr_quota_charge(core, job->account, run->promise_pool, &amounts, claim_charges(core, job),
                    sign);
    if (sign < 0) {
        dr_seats_relieve(core, job->account, run->promise_pool, &amounts);
        dr_place_touch(core, run->promise_pool);
    }
}

/* ---- for dr_core_index() ---- */

void dr_rows_index_job(struct dr_core *core, uint32_t row)
{
    struct dr_job *job = &core->jobs[row];

    core->jobs_count += 1;
    if (job->run != 0)
        core->runs[job->run].counted = 0;
    job->queue_class = DR_ROW_NONE;
    dr_timer_update(core, row);
    dr_ends_update(core, row);
    if (dr_job_state_ended(job->state)) {
        dr_rows_list_push(core, &core->ended, row);
        return;
    }
    dr_rows_count_live(core, job->account, 1);
    if (dr_job_terms(core, job)->array_job != 0)
        dr_rows_array_join(core, dr_job_terms(core, job)->array_job,
                           dr_job_terms(core, job)->array_limit);
    if (job->doomed) {
        core->doomed[core->doomed_count] = row;
        core->doomed_count += 1;
    }
    if (dr_job_run(core, job)->promise != DR_ROW_NONE)
        dr_rows_hold_promise(core, job, 1);
    if (dr_job_run(core, job)->reservation != DR_ROW_NONE)
        dr_place_reserve(core, (dr_job_row){row}, 1);
    if (job->state == DR_JOB_PENDING) {
        core->accounts[job->account.v - 1].pending += 1;
        if (dr_rows_job_queued(core, job))
            dr_queue_add(core, (dr_job_row){row});
        return;
    }
    dr_rows_list_push(core, &core->running, row);
    dr_rows_hold(core, job, 1);
    dr_ends_update(core, row);
    dr_lent_update(core, row);
}

struct ended_key {
    uint64_t seq;
    uint32_t row;
};

static int compare_ended(const void *a, const void *b, const void *context)
{
    const struct ended_key *x = a;
    const struct ended_key *y = b;

    (void)context;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

void dr_rows_sort_ended(struct dr_core *core)
{
    size_t mark = core->scratch.used;
    uint32_t count = core->ended.count;
    struct ended_key *keys = dr_arena_push(&core->scratch, count + 1u, sizeof keys[0]);
    uint32_t i = 0;

    DR_ASSERT(keys != NULL);
    for (uint32_t row = core->ended.first; row != DR_ROW_NONE; row = dr_job_list_next(core, row)) {
        keys[i] = (struct ended_key){core->jobs[row].last_seq, row};
        i += 1;
    }
    dr_sort(keys, count, sizeof keys[0], compare_ended, NULL);
    core->ended = (struct dr_job_list){DR_ROW_NONE, DR_ROW_NONE, 0};
    for (i = 0; i < count; i += 1)
        dr_rows_list_push(core, &core->ended, keys[i].row);
    dr_arena_reset(&core->scratch, mark);
}
