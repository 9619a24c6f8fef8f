/* SPDX-License-Identifier: Apache-2.0 */
/* The walk down the account tree. See order.h; read dr_order_next() first.
 *
 * Only accounts with waiting jobs, and those above them, take part: one node each. A leaf keeps a
 * heap of its classes by their first jobs; every node keeps the best offer below it, so that after
 * a start only the path to the root is looked at again. */
#include "core/order.h"

#include "base/math.h"
#include "core/place.h"
#include "core/quota.h"

#define NONE DR_ROW_NONE

struct entry {
    uint32_t class_row;
    uint32_t job_row; /* first of the class */
};

struct offer {
    uint32_t leaf; /* node; NONE: nothing to offer */
    int64_t submit_us;
};

struct node {
    dr_account_id account;
    uint32_t parent; /* node; NONE: the root */
    uint32_t first_child;
    uint32_t next_sibling;
    uint32_t best; /* child with the best offer; a leaf: itself */
    struct offer offer;
    uint8_t tier; /* of the offer, as its parent sees it */
    int64_t key;
    struct entry *heap; /* of a leaf */
    uint32_t heap_count;
};

struct dr_order {
    struct dr_core *core;
    struct node *nodes;
    uint32_t nodes_count;
    uint32_t *node_of; /* [accounts_count] */
    uint32_t last;     /* leaf of the last choice */
};

/* ---- keys ---- */

static int64_t ratio(int64_t part, int64_t whole)
{
    if (part >= whole)
        return DR_ORDER_ONE;
    return dr_mul_div_floor(part, DR_ORDER_ONE, whole);
}

static int64_t by_weight(int64_t key, uint32_t weight)
{
    return dr_mul_div_floor(key, 1000, weight == 0 ? 1 : weight);
}

static int64_t key_above(const struct dr_core *core, dr_account_id account)
{
    int64_t share = 0;
    int64_t past = 0;
    /* A use of x for ever is x * H / ln 2 in decayed unit-seconds. */
    int64_t seconds =
        dr_mul_div_floor(core->settings.half_life_us, 1442695, INT64_C(1000000) * DR_SECOND_US);

    for (uint32_t group = 0; group < core->groups_count; group += 1) {
        const struct dr_quota *quota = dr_quota_at(core, account, (dr_group_id){group + 1});
        int64_t capacity = core->groups[group].capacity;
        int64_t guarantee;

        if (capacity == 0 || (quota->claim == 0 && quota->past == 0))
            continue;
        guarantee = dr_quota_guarantee(core, account, (dr_group_id){group + 1});
        if (quota->claim > guarantee)
            share = dr_max_i64(share, ratio(quota->claim - guarantee, capacity));
        if (quota->past > 0 && seconds > 0 && capacity < INT64_MAX / seconds)
            past = dr_max_i64(past, ratio(quota->past, capacity * seconds));
    }
    return by_weight(share + past, core->accounts[account.v - 1].weight);
}

uint8_t dr_order_key(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                     const struct dr_amounts *amounts, int64_t *key)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];

    *key = 0;
    if (!dr_quota_within_guarantee(core, account, pool, amounts)) {
        *key = key_above(core, account);
        return 2;
    }
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
        dr_group_id group = where->groups[resource];
        int64_t guarantee = dr_quota_guarantee(core, account, group);

        if (amounts->of[resource] != 0 && guarantee > 0)
            *key = dr_max_i64(
                *key,
                ratio(dr_quota_at(core, account, group)->claim + amounts->of[resource], guarantee));
    }
    return 1;
}

/* The least key of an account over the groups that the job may run in. */
static uint8_t least_key(const struct dr_core *core, dr_account_id account,
                         const struct dr_job *job, int64_t *key)
{
    struct dr_place_group groups[DR_PLACE_GROUPS_MAX];
    uint32_t count = dr_place_groups(core, job, groups);
    uint8_t tier = 2;

    *key = INT64_MAX;
    for (uint32_t i = 0; i < count; i += 1) {
        struct dr_amounts amounts =
            dr_alternative_amounts(&core->shapes[job->shape].alternatives[groups[i].alternative]);
        int64_t one;
        uint8_t one_tier = dr_order_key(core, account, groups[i].pool, &amounts, &one);

        if (one_tier < tier || (one_tier == tier && one < *key)) {
            tier = one_tier;
            *key = one;
        }
    }
    return tier;
}

/* ---- leaves ---- */

static int entry_before(const struct dr_core *core, const struct entry *a, const struct entry *b)
{
    const struct dr_queue_class *x = &core->queue->classes[a->class_row];
    const struct dr_queue_class *y = &core->queue->classes[b->class_row];
    const struct dr_job *i = &core->jobs[a->job_row];
    const struct dr_job *j = &core->jobs[b->job_row];

    if (x->priority != y->priority)
        return x->priority > y->priority;
    if (x->again != y->again)
        return x->again > y->again;
    if (i->submit_us != j->submit_us)
        return i->submit_us < j->submit_us;
    return i->id.v < j->id.v;
}

static void sift_down(const struct dr_core *core, struct node *leaf, uint32_t at)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        struct entry kept = leaf->heap[at];

        if (child >= leaf->heap_count)
            return;
        if (child + 1 < leaf->heap_count &&
            entry_before(core, &leaf->heap[child + 1], &leaf->heap[child]))
            child += 1;
        if (!entry_before(core, &leaf->heap[child], &kept))
            return;
        leaf->heap[at] = leaf->heap[child];
        leaf->heap[child] = kept;
        at = child;
    }
}

/* ---- the tree ---- */

/* What `node` offers and its key in its parent's eyes. */
static void judge(struct dr_order *order, uint32_t at)
{
    struct dr_core *core = order->core;
    struct node *node = &order->nodes[at];

    node->offer.leaf = NONE;
    if (node->heap_count > 0) {
        node->offer.leaf = at;
        node->offer.submit_us = core->jobs[node->heap[0].job_row].submit_us;
    } else {
        const struct node *best = NULL;

        for (uint32_t child = node->first_child; child != NONE;
             child = order->nodes[child].next_sibling) {
            const struct node *other = &order->nodes[child];
            int before;

            if (other->offer.leaf == NONE)
                continue;
            if (best == NULL)
                before = 1;
            else if (other->tier != best->tier)
                before = other->tier < best->tier;
            else if (other->key != best->key)
                before = other->key < best->key;
            else if (other->offer.submit_us != best->offer.submit_us)
                before = other->offer.submit_us < best->offer.submit_us;
            else
                before = other->account.v < best->account.v;
            if (before)
                best = other;
        }
        if (best != NULL) {
            node->best = (uint32_t)(best - order->nodes);
            node->offer = best->offer;
        }
    }
    if (node->offer.leaf != NONE && node->parent != NONE)
        node->tier =
            least_key(core, node->account,
                      &core->jobs[order->nodes[node->offer.leaf].heap[0].job_row], &node->key);
}

static uint32_t node_for(struct dr_order *order, dr_account_id account)
{
    uint32_t at = order->node_of[account.v - 1];
    uint32_t below = NONE;

    if (at != NONE)
        return at;
    at = order->nodes_count;
    /* The account and all above it that are not there yet. */
    for (; account.v != 0; account = order->core->accounts[account.v - 1].parent) {
        uint32_t known = order->node_of[account.v - 1];
        uint32_t row = known == NONE ? order->nodes_count : known;
        struct node *node = &order->nodes[row];

        if (known == NONE) {
            *node = (struct node){
                .account = account, .parent = NONE, .first_child = NONE, .next_sibling = NONE};
            order->nodes_count += 1;
            order->node_of[account.v - 1] = row;
        }
        if (below != NONE) {
            order->nodes[below].parent = row;
            order->nodes[below].next_sibling = node->first_child;
            node->first_child = below;
        }
        if (known != NONE)
            break;
        below = row;
    }
    return at;
}

struct dr_order *dr_order_begin(struct dr_core *core)
{
    const struct dr_queue *queue = core->queue;
    struct dr_order *order = dr_arena_push(&core->scratch, 1, sizeof *order);

    DR_ASSERT(order != NULL);
    *order = (struct dr_order){.core = core, .last = NONE};
    order->node_of =
        dr_arena_push(&core->scratch, core->accounts_count + 1u, sizeof order->node_of[0]);
    order->nodes = dr_arena_push(&core->scratch, core->accounts_count + 1u, sizeof order->nodes[0]);
    DR_ASSERT(order->node_of != NULL && order->nodes != NULL);
    for (uint32_t i = 0; i < core->accounts_count; i += 1)
        order->node_of[i] = NONE;
    for (uint32_t i = 0; i < queue->active_count; i += 1) {
        dr_account_id account = {queue->active[i] + 1};
        struct node *leaf = &order->nodes[node_for(order, account)];
        uint32_t count = 0;

        for (uint32_t at = queue->first_class[account.v - 1]; at != NONE;
             at = queue->classes[at].next)
            count += 1;
        leaf->heap = dr_arena_push(&core->scratch, count, sizeof leaf->heap[0]);
        DR_ASSERT(leaf->heap != NULL);
        for (uint32_t at = queue->first_class[account.v - 1]; at != NONE;
             at = queue->classes[at].next) {
            leaf->heap[leaf->heap_count] = (struct entry){at, dr_queue_first(core, at)};
            leaf->heap_count += 1;
        }
        for (uint32_t k = count / 2; k > 0; k -= 1)
            sift_down(core, leaf, k - 1);
    }
    /* Children have higher account ids than their parents. */
    for (uint32_t row = core->accounts_count; row > 0; row -= 1)
        if (order->node_of[row - 1] != NONE)
            judge(order, order->node_of[row - 1]);
    return order;
}

static void judge_path(struct dr_order *order, uint32_t at)
{
    for (; at != NONE; at = order->nodes[at].parent)
        judge(order, at);
}

int dr_order_next(struct dr_order *order, struct dr_choice *choice)
{
    uint32_t at = order->core->accounts_count == 0 ? NONE : order->node_of[0];
    const struct node *leaf;

    if (at == NONE || order->nodes[at].offer.leaf == NONE)
        return 0;
    *choice = (struct dr_choice){.tier = 1};
    while (order->nodes[at].heap_count == 0) {
        at = order->nodes[at].best;
        if (choice->keys_count == 0)
            choice->tier = order->nodes[at].tier;
        if (choice->keys_count < DR_DEPTH_MAX) {
            choice->keys[choice->keys_count] = order->nodes[at].key;
            choice->keys_count += 1;
        }
    }
    leaf = &order->nodes[at];
    DR_ASSERT(leaf->heap_count > 0);
    choice->class_row = leaf->heap[0].class_row;
    choice->job_row = leaf->heap[0].job_row;
    order->last = at;
    return 1;
}

void dr_order_aside(struct dr_order *order)
{
    struct node *leaf = &order->nodes[order->last];

    leaf->heap_count -= 1;
    leaf->heap[0] = leaf->heap[leaf->heap_count];
    sift_down(order->core, leaf, 0);
    judge_path(order, order->last);
}

void dr_order_changed(struct dr_order *order)
{
    struct dr_core *core = order->core;
    struct node *leaf = &order->nodes[order->last];
    const struct dr_queue_class *class = &core->queue->classes[leaf->heap[0].class_row];

    if (class->hash == 0 || class->count == 0) {
        dr_order_aside(order);
        return;
    }
    leaf->heap[0].job_row = dr_queue_first(core, leaf->heap[0].class_row);
    sift_down(core, leaf, 0);
    judge_path(order, order->last);
}

void dr_order_touch(struct dr_order *order, dr_account_id account)
{
    for (; account.v != 0; account = order->core->accounts[account.v - 1].parent)
        if (order->node_of[account.v - 1] != NONE) {
            judge_path(order, order->node_of[account.v - 1]);
            return;
        }
}
