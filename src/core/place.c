/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a place. See place.h for the rule; read dr_place_find() first. */
#include "core/breakage.h"
#include "core/space.h"
#include "core/window.h"

#include "base/math.h"
#include "base/sort.h"

#define NONE        DR_ROW_NONE
#define WEIGHED_MAX 128 /* nodes of a tier, or a step, of which it is asked what they break */

/* ---- one node ---- */

struct search {
    const struct dr_core *core;
    const struct dr_want *want;
    const struct dr_pool *pool;
    const struct dr_space *space;
    uint32_t tasks_empty;     /* of an empty node */
    int exact;                /* amounts per tier don't tell all: look at nodes */
    uint32_t per_accelerator; /* shares that one that is wholly free takes */
    int whole;                /* a task takes a whole node: the top tier's counts tell all */
    uint32_t of_tier[DR_ACCELERATORS_MAX + 1]; /* most tasks that a node of a tier can take */
    uint32_t *tasks_of[DR_LEVELS_MAX + 1];     /* by domain, where nodes were looked at */
    struct dr_extent *extents;
    uint32_t extents_count;
};

/* Do advance reservations keep the node from it? */
static int is_barred(const struct search *search, uint32_t number)
{
    return search->want->barred != NULL &&
           dr_window_has(search->core, search->want->barred, search->space->rows[number]);
}

static int may_enter(const struct search *search, uint32_t number)
{
    const struct dr_space *space = search->space;
    const struct dr_room *room = &space->rooms[number];
    const struct dr_domain *block;

    if (is_barred(search, number))
        return 0;
    if (space->guards == 0 && search->want->share < DR_SHARE_BLOCK)
        return 1;
    block = &space->about[0][number / space->size[0]];
    if (room->guards_of_node > 0 && room->guard.v != search->want->account.v)
        return 0;
    if (block->guards > 0 && block->guard.v != search->want->account.v)
        return 0;
    /* Kept for the one that it was promised to: its own account's other jobs would spoil it too. */
    if (room->pledges_of_node > 0 || block->pledges > 0)
        return 0;
    /* Beside its own, unless these leave for others. */
    if (search->want->share == DR_SHARE_NONE)
        return block->busy == 0 || (block->guards > 0 && block->promises == 0);
    if (search->want->share == DR_SHARE_BLOCK)
        return room->empty || (room->guards_of_node > 0 && room->promises == 0);
    return 1;
}

/* May the job have a share of an accelerator that is shared already? Its class, or that of one
 * there, may forbid it: then only attempts of one account with such a class are together. */
static int may_join(const struct search *search, const struct dr_share_use *use)
{
    if (use->pledges > 0)
        return 0;
    if (use->guards > 0)
        return use->guard.v == search->want->account.v && use->promised == 0;
    return search->want->share < DR_SHARE_NODE;
}

/* Tasks that an accelerator takes which is shared already. */
static uint32_t tasks_beside(const struct search *search, uint32_t number, uint32_t accelerator)
{
    if (!may_join(search, dr_space_share_use(search->space, number, accelerator)))
        return 0;
    return dr_space_share_left(search->space, number, accelerator) / search->want->part;
}

/* Shares that a node's accelerators have to give. */
static uint32_t shares_on(const struct search *search, uint32_t number)
{
    const struct dr_room *room = &search->space->rooms[number];
    uint32_t tasks = dr_bit_count(room->free & ~room->blocked) * search->per_accelerator;

    if (room->share_most >= search->want->part)
        for (uint64_t rest = room->open & ~room->blocked; rest != 0; rest &= rest - 1)
            tasks += tasks_beside(search, number, dr_bit_lowest(rest));
    return tasks;
}

static uint32_t share_tasks_on(const struct search *search, uint32_t number)
{
    const struct dr_room *room = &search->space->rooms[number];
    uint32_t tasks = shares_on(search, number);
    uint32_t most = search->want->tasks;

    if (tasks == 0)
        return 0;
    if (search->want->tasks_per_node_max != 0)
        most = dr_min_u32(most, search->want->tasks_per_node_max);
    if (search->want->cpus != 0)
        most = (uint32_t)dr_min_i64(most, dr_max_i64(0, room->cpus) / search->want->cpus);
    if (search->want->memory_mb != 0)
        most = (uint32_t)dr_min_i64(most, dr_max_i64(0, room->memory_mb) / search->want->memory_mb);
    return dr_min_u32(tasks, most);
}

/* What is free there, whoever may enter. */
static uint32_t tasks_by_room(const struct search *search, uint32_t number)
{
    const struct dr_room *room = &search->space->rooms[number];

    if (search->want->part != 0)
        return share_tasks_on(search, number);
    return dr_space_tasks_in(search->want, dr_bit_count(room->free & ~room->blocked), room->cpus,
                             room->memory_mb);
}

static uint32_t tasks_on(const struct search *search, uint32_t number)
{
    const struct dr_room *room = &search->space->rooms[number];

    /* Where not even one fits, no division says how many. */
    if (!room->usable || room->cpus < search->want->cpus ||
        room->memory_mb < search->want->memory_mb || !may_enter(search, number))
        return 0;
    return tasks_by_room(search, number);
}

/* tasks_on() >= tasks, for tasks up to the gang's, without a division. */
static int takes(const struct search *search, uint32_t number, uint32_t tasks)
{
    const struct dr_want *want = search->want;
    const struct dr_room *room = &search->space->rooms[number];

    if (!room->usable || room->cpus < tasks * want->cpus ||
        room->memory_mb < tasks * want->memory_mb ||
        (want->tasks_per_node_max != 0 && tasks > want->tasks_per_node_max))
        return 0;
    if (want->part != 0
            ? shares_on(search, number) < tasks
            : dr_bit_count(room->free & ~room->blocked) < (uint64_t)tasks * want->accelerators)
        return 0;
    return may_enter(search, number);
}

static uint64_t tasks_bound(const struct search *search, uint32_t level, uint32_t domain)
{
    const struct dr_space *space = search->space;
    const uint32_t *counts = &space->counts[level][(size_t)domain * space->tiers];
    uint64_t tasks = 0;

    if (search->whole)
        return space->whole[level][domain];
    for (uint32_t tier = 0; tier < space->tiers; tier += 1)
        tasks += (uint64_t)counts[tier] * search->of_tier[tier];
    if (search->want->part != 0)
        tasks += space->shares[level][domain] / search->want->part;
    return tasks;
}

/* The next node of a set from `from` on, before `end`; `end`: none. */
static uint32_t next_in(const uint64_t *bits, uint32_t from, uint32_t end)
{
    while (from < end) {
        uint64_t word = bits[from / 64] >> (from % 64);

        if (word != 0) {
            from += dr_bit_lowest(word);
            return from < end ? from : end;
        }
        from = (from / 64 + 1) * 64;
    }
    return end;
}

/* The next usable node of a tier. */
static uint32_t next_of_tier(const struct dr_space *space, uint32_t tier, uint32_t from,
                             uint32_t end)
{
    return next_in(&space->bits[(size_t)tier * space->words], from, end);
}

static void count_node(struct search *search, uint32_t number)
{
    const struct dr_space *space = search->space;
    uint32_t tasks = tasks_on(search, number);

    for (uint32_t level = 0; tasks != 0 && level <= space->levels; level += 1)
        search->tasks_of[level][number / space->size[level]] += tasks;
}

/* Where amounts per tier don't tell: what every node that may take some takes, summed up by level,
 * in scratch. Nodes with too little free are not looked at. */
static void count_nodes(struct search *search)
{
    const struct dr_space *space = search->space;
    struct dr_arena *scratch = (struct dr_arena *)&search->core->scratch;

    if (!search->exact && space->about[space->levels][0].shorts == 0)
        return;
    for (uint32_t level = 0; level <= space->levels; level += 1) {
        search->tasks_of[level] =
            dr_arena_push(scratch, space->domains[level], sizeof search->tasks_of[level][0]);
        DR_ASSERT(search->tasks_of[level] != NULL);
        memset(search->tasks_of[level], 0,
               space->domains[level] * sizeof search->tasks_of[level][0]);
    }
    for (uint32_t tier = 0; tier < space->tiers; tier += 1)
        if (search->of_tier[tier] > 0 && space->counts[space->levels][tier] > 0)
            for (uint32_t at = next_of_tier(space, tier, 0, space->nodes); at < space->nodes;
                 at = next_of_tier(space, tier, at + 1, space->nodes))
                count_node(search, at);
    for (uint32_t step = dr_space_share_step(search->want->part);
         search->want->part != 0 && step <= space->step_most; step += 1) {
        const uint64_t *bits = &space->share_bits[(size_t)step * space->words];

        for (uint32_t at = next_in(bits, 0, space->nodes); at < space->nodes;
             at = next_in(bits, at + 1, space->nodes))
            if (search->of_tier[space->tier[at]] == 0)
                count_node(search, at);
    }
}

/* Tasks that a domain takes. */
static uint64_t tasks_in_domain(const struct search *search, uint32_t level, uint32_t domain)
{
    return search->tasks_of[level] != NULL ? search->tasks_of[level][domain]
                                           : tasks_bound(search, level, domain);
}

static void push_part(struct search *search, uint32_t number, uint32_t tasks, uint64_t taken)
{
    search->extents[search->extents_count] = (struct dr_extent){
        .node = {search->space->rows[number] + 1}, .tasks = tasks, .accelerators = taken};
    search->extents_count += 1;
}

/* Shares: the accelerator in use with least left that takes one, again and again; then free ones.
 */
static void push_shares(struct search *search, uint32_t number, uint32_t tasks)
{
    const struct dr_room *room = &search->space->rooms[number];
    uint64_t open = room->open & ~room->blocked;
    uint64_t rest = room->free & ~room->blocked;

    while (tasks > 0) {
        uint64_t best = 0;
        uint32_t best_left = UINT32_MAX;
        uint32_t taken = search->per_accelerator;

        for (uint64_t bits = open; bits != 0; bits &= bits - 1) {
            uint32_t left = dr_space_share_left(search->space, number, dr_bit_lowest(bits));

            if (left < best_left && tasks_beside(search, number, dr_bit_lowest(bits)) > 0) {
                best = bits & -bits;
                best_left = left;
            }
        }
        if (best != 0) {
            taken = best_left / search->want->part;
            open &= ~best;
        } else {
            DR_ASSERT(rest != 0);
            best = rest & -rest;
            rest &= rest - 1;
        }
        taken = dr_min_u32(taken, tasks);
        push_part(search, number, taken, best);
        tasks -= taken;
    }
}

static void push_extent(struct search *search, uint32_t number, uint32_t tasks)
{
    const struct dr_room *room = &search->space->rooms[number];
    uint32_t wanted = tasks * search->want->accelerators;
    uint64_t rest = room->free & ~room->blocked;
    uint64_t taken = 0;

    if (search->want->part != 0) {
        push_shares(search, number, tasks);
        return;
    }

    for (uint32_t i = 0; i < wanted; i += 1) {
        taken |= rest & -rest;
        rest &= rest - 1;
    }
    push_part(search, number, tasks, taken);
}

/* Thousandths left of the accelerator that a share would go to; 1000: a free one. */
static uint32_t least_left(const struct search *search, uint32_t number)
{
    const struct dr_room *room = &search->space->rooms[number];
    uint32_t least = 1000;

    for (uint64_t rest = room->open & ~room->blocked; rest != 0; rest &= rest - 1)
        if (tasks_beside(search, number, dr_bit_lowest(rest)) > 0)
            least =
                dr_min_u32(least, dr_space_share_left(search->space, number, dr_bit_lowest(rest)));
    return least;
}

/* The node in [from, end), not taken yet, whose shared accelerators take part in holding `tasks`,
 * and the one that is used first has least left; NONE. */
static uint32_t best_shared_node(const struct search *search, uint32_t from, uint32_t end,
                                 uint64_t tasks, uint32_t above, uint32_t before)
{
    const struct dr_space *space = search->space;
    uint32_t best = NONE;
    uint32_t best_left = 1000;

    for (uint32_t step = dr_space_share_step(search->want->part); step <= space->step_most;
         step += 1) {
        const uint64_t *bits = &space->share_bits[(size_t)step * space->words];

        for (uint32_t at = next_in(bits, from, end); at < end; at = next_in(bits, at + 1, end)) {
            uint32_t left;

            if (space->tier[at] > above || (space->tier[at] == above && at < before))
                continue;
            left = least_left(search, at);
            if (left < best_left || (left == best_left && at < best && left < 1000))
                if (takes(search, at, (uint32_t)tasks)) {
                    best = at;
                    best_left = left;
                }
        }
    }
    return best;
}

/* The node in [from, end) that takes `tasks` and has least left over; NONE. Nodes of tiers above
 * `above`, and of that tier before number `before`, are taken already. */
static uint32_t best_node(const struct search *search, uint32_t from, uint32_t end, uint64_t tasks,
                          uint32_t above, uint32_t before)
{
    const struct dr_space *space = search->space;

    if (search->want->part != 0) {
        uint32_t best = best_shared_node(search, from, end, tasks, above, before);

        if (best != NONE)
            return best;
    }
    for (uint32_t tier = 0; tier < space->tiers && tier <= above; tier += 1) {
        uint32_t at = tier == above && before > from ? before : from;

        if (search->of_tier[tier] < tasks || space->counts[space->levels][tier] == 0)
            continue;
        for (at = next_of_tier(space, tier, at, end); at < end;
             at = next_of_tier(space, tier, at + 1, end))
            if (takes(search, at, (uint32_t)tasks))
                return at;
    }
    return NONE;
}

/* ---- one node: where it breaks least ---- */

/* What is left of a node now, in a view too. */
static void left_now(const struct dr_space *space, uint32_t number, struct dr_node_left *left)
{
    const struct dr_room *room = &space->rooms[number];

    left->free = dr_bit_count(room->free & ~room->blocked);
    left->cpus = room->cpus;
    left->open = 0;
    for (uint64_t rest = room->open & ~room->blocked; rest != 0; rest &= rest - 1) {
        left->left[left->open] = (uint16_t)dr_space_share_left(space, number, dr_bit_lowest(rest));
        left->open += 1;
    }
}

/* ... once the parts of a place are taken. */
static void take_parts(const struct dr_space *space, const struct dr_want *want, uint32_t number,
                       const struct dr_extent *parts, uint32_t count, struct dr_node_left *left)
{
    const struct dr_room *room = &space->rooms[number];
    uint64_t open = room->open & ~room->blocked;

    for (uint32_t i = 0; i < count; i += 1) {
        left->cpus -= (int64_t)parts[i].tasks * want->cpus;
        if (want->part == 0) {
            left->free -= dr_bit_count(parts[i].accelerators);
        } else if ((parts[i].accelerators & open) != 0) {
            uint16_t *at = &left->left[dr_bit_count(open & (parts[i].accelerators - 1))];

            *at = (uint16_t)(*at - parts[i].tasks * want->part);
        } else {
            left->free -= 1;
            left->left[left->open] = (uint16_t)(1000 - parts[i].tasks * want->part);
            left->open += 1;
        }
    }
}

/* Is there a mix, whose tables are then those of it, and something to break? */
static int breaks(const struct dr_core *core, const struct dr_space *space)
{
    if (!core->places->mixed || space->breakage == NULL)
        return 0;
    dr_breakage_fill(core, space->breakage);
    return 1;
}

/* What the parts of a place on one node break, what they take included. */
static int64_t loss_of(const struct dr_space *space, const struct dr_want *want, uint32_t number,
                       const struct dr_extent *parts, uint32_t count)
{
    struct dr_node_left left;
    uint32_t before;
    int64_t loss;

    left_now(space, number, &left);
    before = left.free;
    loss = dr_breakage_worth(space->breakage, &left);
    take_parts(space, want, number, parts, count, &left);
    loss -= dr_breakage_worth(space->breakage, &left);
    if (before == space->accelerators && left.free < before)
        loss += dr_breakage_of_node(space->breakage, space->whole[0][number / space->size[0]],
                                    space->whole[space->levels][0]);
    return loss;
}

/* Of two nodes that break as much, met in this order: does a share rather go to the other one? */
static int fuller(const struct search *search, uint32_t number, uint32_t best)
{
    uint32_t left;
    uint32_t best_left;

    if (search->want->part == 0)
        return 0;
    left = least_left(search, number);
    best_left = least_left(search, best);
    return left < best_left || (left == best_left && left < 1000 && number < best);
}

/* The better of a node and the best so far, by what `tasks` there would break. */
static void weigh(struct search *search, uint32_t number, uint32_t tasks, uint32_t *best,
                  int64_t *best_loss)
{
    uint32_t mark = search->extents_count;
    int64_t loss;

    if (!takes(search, number, tasks))
        return;
    push_extent(search, number, tasks);
    loss = loss_of(search->space, search->want, number, &search->extents[mark],
                   search->extents_count - mark);
    search->extents_count = mark;
    if (*best != NONE &&
        (loss > *best_loss || (loss == *best_loss && !fuller(search, number, *best))))
        return;
    *best = number;
    *best_loss = loss;
}

/* The node that takes them all and breaks least, of the first so many in each tier and step. Ties:
 * accelerators that are shared already, the one with least left over, the lowest number. */
static uint32_t least_broken_node(struct search *search, uint32_t tasks)
{
    const struct dr_space *space = search->space;
    uint32_t best = NONE;
    int64_t best_loss = 0;

    for (uint32_t step = dr_space_share_step(search->want->part);
         search->want->part != 0 && step <= space->step_most; step += 1) {
        const uint64_t *bits = &space->share_bits[(size_t)step * space->words];

        for (uint32_t at = next_in(bits, 0, space->nodes), looked = 0;
             at < space->nodes && looked < WEIGHED_MAX;
             at = next_in(bits, at + 1, space->nodes), looked += 1)
            weigh(search, at, tasks, &best, &best_loss);
    }
    for (uint32_t tier = 0; tier < space->tiers; tier += 1)
        if (search->of_tier[tier] >= tasks)
            for (uint32_t at = next_of_tier(space, tier, 0, space->nodes), looked = 0;
                 at < space->nodes && looked < WEIGHED_MAX;
                 at = next_of_tier(space, tier, at + 1, space->nodes), looked += 1)
                weigh(search, at, tasks, &best, &best_loss);
    return best;
}

/* ---- several nodes: domains, and the parts that they have ---- */

/* Fill nodes of [from, end), which hold them together: one that takes the rest, or the one with
 * most free, and again. */
static void fill_nodes(struct search *search, uint32_t from, uint32_t end, uint64_t tasks)
{
    const struct dr_space *space = search->space;
    uint32_t tier = space->tiers - 1;
    uint32_t at = from;

    while (tasks > 0) {
        uint32_t taken;

        if (tasks <= search->tasks_empty) {
            uint32_t best = best_node(search, from, end, tasks, tier, at);

            if (best != NONE) {
                push_extent(search, best, (uint32_t)tasks);
                return;
            }
        }
        for (;;) {
            at = next_of_tier(space, tier, at, end);
            if (at < end)
                break;
            DR_ASSERT(tier > 0);
            tier -= 1;
            at = from;
        }
        taken = tasks_on(search, at);
        if (taken > tasks)
            taken = (uint32_t)tasks;
        if (taken > 0)
            push_extent(search, at, taken);
        tasks -= taken;
        at += 1;
    }
}

struct part {
    uint64_t tasks;
    uint32_t domain;
};

static int compare_parts(const void *a, const void *b, const void *context)
{
    const struct part *x = a;
    const struct part *y = b;

    (void)context;
    if (x->tasks != y->tasks)
        return x->tasks > y->tasks ? -1 : 1;
    return x->domain < y->domain ? -1 : 1;
}

/* The domains of the level below that lie in one domain and take something, largest first. */
static struct part *parts_of(const struct search *search, uint32_t level, uint32_t domain,
                             uint32_t *count)
{
    const struct dr_space *space = search->space;
    uint32_t end = dr_space_last_of(space, level, domain);
    uint32_t first = domain * space->size[level] / space->size[level - 1];
    uint32_t last = (end - 1) / space->size[level - 1];
    struct part *parts = dr_arena_push((struct dr_arena *)&search->core->scratch, last - first + 1u,
                                       sizeof parts[0]);

    DR_ASSERT(parts != NULL);
    *count = 0;
    for (uint32_t at = first; at <= last; at += 1) {
        uint64_t tasks = tasks_in_domain(search, level - 1, at);

        if (tasks > 0) {
            parts[*count] = (struct part){tasks, at};
            *count += 1;
        }
    }
    dr_sort(parts, *count, sizeof parts[0], compare_parts, NULL);
    return parts;
}

/* From `from` on: the part that takes `tasks` with least left over, and the lowest number. */
static uint32_t best_part(const struct part *parts, uint32_t from, uint32_t count, uint64_t tasks)
{
    uint32_t best = NONE;

    for (uint32_t i = from; i < count && parts[i].tasks >= tasks; i += 1)
        if (best == NONE || parts[i].tasks < parts[best].tasks)
            best = i;
    return best;
}

static uint32_t parts_needed(const struct part *parts, uint32_t count, uint64_t tasks)
{
    uint32_t needed = 0;

    while (tasks > 0) {
        DR_ASSERT(needed < count);
        tasks -= parts[needed].tasks < tasks ? parts[needed].tasks : tasks;
        needed += 1;
    }
    return needed;
}

/* Levels are few: the recursion is no deeper than DR_LEVELS_MAX + 1. */
static void fill(struct search *search, uint32_t level, uint32_t domain, uint64_t tasks)
{
    const struct dr_space *space = search->space;
    struct dr_arena *scratch = (struct dr_arena *)&search->core->scratch;
    size_t mark = scratch->used;
    struct part *parts;
    uint32_t count;

    if (level == 0) {
        fill_nodes(search, domain * space->size[0], dr_space_last_of(space, 0, domain), tasks);
        return;
    }
    parts = parts_of(search, level, domain, &count);
    for (uint32_t i = 0; tasks > 0; i += 1) {
        uint32_t best = best_part(parts, i, count, tasks);
        uint64_t taken;

        if (best != NONE) {
            fill(search, level - 1, parts[best].domain, tasks);
            break;
        }
        DR_ASSERT(i < count);
        taken = parts[i].tasks;
        fill(search, level - 1, parts[i].domain, taken);
        tasks -= taken;
    }
    dr_arena_reset(scratch, mark);
}

/* ---- the place ---- */

static struct search search_of(const struct dr_core *core, const struct dr_want *want,
                               dr_pool_id pool, const struct dr_space *space)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];
    struct search search;
    int64_t all = dr_bit_count(space->all);
    int64_t wanted = want->accelerators;

    search.core = core;
    search.want = want;
    search.pool = where;
    search.space = space;
    search.extents = NULL;
    search.extents_count = 0;
    memset(search.tasks_of, 0, sizeof search.tasks_of);
    search.tasks_empty = dr_space_tasks_empty(want, space);
    /* A task that asks no more than its accelerators' share of CPUs and memory fits wherever they
     * are free, unless a node is short. */
    search.per_accelerator = want->part == 0 ? 0 : 1000 / want->part;
    search.exact = wanted == 0 || want->barred != NULL || space->guards > 0 ||
                   want->share >= DR_SHARE_BLOCK || want->cpus * all > wanted * space->cpus ||
                   want->memory_mb * all > wanted * space->memory_mb;
    search.whole = wanted > 0 && wanted == all && search.tasks_empty == 1;
    if (wanted > 0) {
        /* Tiers count accelerators: one task more each `wanted` tiers. */
        uint32_t tasks = 0;
        uint32_t next = (uint32_t)wanted;

        for (uint32_t tier = 0; tier < space->tiers; tier += 1) {
            if (tier == next && tasks < search.tasks_empty) {
                tasks += 1;
                next += (uint32_t)wanted;
            }
            search.of_tier[tier] = tasks;
        }
    } else if (want->part != 0) {
        for (uint32_t tier = 0; tier < space->tiers; tier += 1)
            search.of_tier[tier] = dr_min_u32(search.tasks_empty, tier * search.per_accelerator);
    } else if (space->all != 0) {
        for (uint32_t tier = 0; tier < space->tiers; tier += 1)
            search.of_tier[tier] = search.tasks_empty;
    } else {
        for (uint32_t tier = 0; tier < space->tiers; tier += 1)
            search.of_tier[tier] = dr_space_tasks_in(
                want, 0, (int64_t)tier * space->cpus / DR_CPU_TIERS, space->memory_mb);
    }
    return search;
}

static struct search search_in(const struct dr_core *core, const struct dr_want *want,
                               dr_pool_id pool)
{
    return search_of(core, want, pool, &core->places->spaces[pool.v - 1]);
}

static int compare_extents(const void *a, const void *b, const void *context)
{
    const struct dr_core *core = context;
    uint32_t x = core->nodes[((const struct dr_extent *)a)->node.v - 1].number;
    uint32_t y = core->nodes[((const struct dr_extent *)b)->node.v - 1].number;
    uint64_t i = ((const struct dr_extent *)a)->accelerators;
    uint64_t j = ((const struct dr_extent *)b)->accelerators;

    if (x != y)
        return x < y ? -1 : 1;
    return i < j ? -1 : i > j;
}

uint32_t dr_place_parts_max(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool)
{
    return want->part != 0 ? want->tasks
                           : dr_min_u32(want->tasks, core->pools[pool.v - 1].nodes_count);
}

/* The best domain of one level; NONE. */
static uint32_t best_domain(const struct search *search, uint32_t level)
{
    const struct dr_space *space = search->space;
    struct dr_arena *scratch = (struct dr_arena *)&search->core->scratch;
    uint32_t best = NONE;
    uint32_t best_needed = 0;
    uint64_t best_left = 0;

    for (uint32_t domain = 0; domain < space->domains[level]; domain += 1) {
        uint32_t needed = 0;
        uint64_t left;

        if (tasks_in_domain(search, level, domain) < search->want->tasks)
            continue;
        if (level > 0 && level < space->levels) {
            size_t mark = scratch->used;
            uint32_t count;
            struct part *parts = parts_of(search, level, domain, &count);

            needed = parts_needed(parts, count, search->want->tasks);
            dr_arena_reset(scratch, mark);
        }
        left = space->units[level][domain];
        if (best == NONE || needed < best_needed || (needed == best_needed && left < best_left)) {
            best = domain;
            best_needed = needed;
            best_left = left;
        }
    }
    return best;
}

static int level_required(const struct dr_core *core, const struct dr_want *want,
                          const struct dr_pool *pool)
{
    const struct dr_shape *shape = &core->shapes[want->shape];

    return shape->level_kind == 2 ? dr_space_level_named(pool, shape->level)
                                  : (int)pool->levels_count;
}

/* The place on several nodes: in the smallest level that has a domain for it, to `highest`. */
static void fill_levels(struct search *search, int highest)
{
    for (int level = 0; level <= highest && search->extents_count == 0; level += 1) {
        uint32_t domain = best_domain(search, (uint32_t)level);

        if (domain != NONE)
            fill(search, (uint32_t)level, domain, search->want->tasks);
    }
}

static uint32_t find_in(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                        const struct dr_space *space, struct dr_extent *extents)
{
    size_t mark = core->scratch.used;
    struct search search = search_of(core, want, pool, space);
    int highest;

    search.extents = extents;
    highest = level_required(core, want, search.pool);
    if (highest == DR_LEVEL_MISSING || space->nodes == 0 ||
        tasks_bound(&search, space->levels, 0) < want->tasks)
        return 0;
    if (want->tasks <= search.tasks_empty) {
        uint32_t node = breaks(core, space)
                            ? least_broken_node(&search, want->tasks)
                            : best_node(&search, 0, space->nodes, want->tasks, space->tiers - 1, 0);

        /* Not weighed, but there. */
        if (node == NONE && (want->tasks == 1 || want->barred != NULL))
            node = best_node(&search, 0, space->nodes, want->tasks, space->tiers - 1, 0);
        if (node != NONE) {
            push_extent(&search, node, want->tasks);
            dr_sort(extents, search.extents_count, sizeof extents[0], compare_extents, core);
            return search.extents_count;
        }
        if (want->tasks == 1)
            return 0;
    }
    count_nodes(&search);
    if (tasks_in_domain(&search, space->levels, 0) >= want->tasks)
        fill_levels(&search, highest);
    dr_arena_reset((struct dr_arena *)&core->scratch, mark);
    dr_sort(extents, search.extents_count, sizeof extents[0], compare_extents, core);
    return search.extents_count;
}

uint32_t dr_place_find(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                       struct dr_extent *extents)
{
    dr_place_prepare(core);
    return find_in(core, want, pool, &core->places->spaces[pool.v - 1], extents);
}

uint32_t dr_place_find_beside(const struct dr_core *core, const struct dr_want *want,
                              dr_pool_id pool, struct dr_extent *extents)
{
    dr_place_prepare(core);
    return find_in(core, want, pool, &core->places->beside[pool.v - 1], extents);
}

/* ---- what stands at a place ---- */

/* Does nobody hold a share of the accelerator who, by his class or the job's, may not be there? */
static int share_may_stay(const struct dr_core *core, const struct dr_want *want,
                          const struct dr_extent *extent)
{
    const struct dr_device_share *device =
        &core->device_shares[extent->node.v - 1][dr_bit_lowest(extent->accelerators)];

    if (device->guards > 0)
        return device->guard.v == want->account.v;
    return want->share < DR_SHARE_NODE || device->held == 0;
}

int dr_place_mixed(const struct dr_core *core)
{
    return core->places->mixed;
}

int64_t dr_place_breakage(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                          const struct dr_extent *extents, uint32_t count)
{
    const struct dr_space *space = &core->places->spaces[pool.v - 1];

    if (count == 0 || extents[count - 1].node.v != extents[0].node.v || !breaks(core, space))
        return 0;
    return loss_of(space, want, core->nodes[extents[0].node.v - 1].number, extents, count) -
           want->amounts.of[DR_RESOURCE_ACCELERATORS] * DR_BREAKAGE_ONE;
}

int64_t dr_place_breakage_cost(const struct dr_core *core, dr_pool_id pool, int64_t rise)
{
    struct dr_breakage *breakage = core->places->spaces[pool.v - 1].breakage;

    if (rise <= 0)
        return 0;
    dr_breakage_fill(core, breakage);
    return dr_mul_div_floor(rise, breakage->price_micro, INT64_C(1000) * DR_BREAKAGE_ONE);
}

int dr_place_may_share(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                       const struct dr_extent *extents, uint32_t count)
{
    const struct dr_space *space;

    dr_place_prepare(core);
    space = &core->places->spaces[pool.v - 1];
    for (uint32_t i = 0; i < count; i += 1) {
        uint32_t number = core->nodes[extents[i].node.v - 1].number;
        uint32_t block = number / space->size[0];
        /* Of the block where that matters, else of the node alone. */
        uint32_t from = want->share == DR_SHARE_NONE ? block * space->size[0] : number;
        uint32_t end =
            want->share == DR_SHARE_NONE ? dr_space_last_of(space, 0, block) : number + 1;

        if (want->part != 0 && !share_may_stay(core, want, &extents[i]))
            return 0;
        if (space->rooms[number].guards_of_node > 0 &&
            space->rooms[number].guard.v != want->account.v)
            return 0;
        if (space->about[0][block].guards > 0 && space->about[0][block].guard.v != want->account.v)
            return 0;
        for (; want->share >= DR_SHARE_BLOCK && from < end; from += 1)
            if (core->nodes[space->rows[from]].tasks > 0 &&
                space->rooms[from].guard.v != want->account.v)
                return 0;
    }
    return 1;
}

static uint64_t room_in(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                        const struct dr_space *space)
{
    struct search search;

    if (space->nodes == 0 || !dr_space_may_take(space, want))
        return 0;
    if (want->tasks == 1)
        return 1;
    search = search_of(core, want, pool, space);
    return tasks_bound(&search, space->levels, 0);
}

uint64_t dr_place_room(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool)
{
    dr_place_prepare(core);
    return room_in(core, want, pool, &core->places->spaces[pool.v - 1]);
}

uint64_t dr_place_room_beside(const struct dr_core *core, const struct dr_want *want,
                              dr_pool_id pool)
{
    dr_place_prepare(core);
    return room_in(core, want, pool,
                   core->places->reserved_count[pool.v - 1] == 0
                       ? &core->places->spaces[pool.v - 1]
                       : &core->places->beside[pool.v - 1]);
}

/* ---- how many tasks there could be ---- */

uint64_t dr_place_largest(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool)
{
    size_t mark = core->scratch.used;
    struct search search;
    const struct dr_space *space;
    uint64_t largest = 0;
    int level;

    dr_place_prepare(core);
    search = search_in(core, want, pool);
    space = search.space;
    level = level_required(core, want, search.pool);
    if (level == DR_LEVEL_NODE) {
        for (uint32_t number = 0; number < space->nodes; number += 1)
            if (tasks_on(&search, number) > largest)
                largest = tasks_on(&search, number);
        return largest;
    }
    if (level == DR_LEVEL_MISSING || space->nodes == 0)
        return 0;
    count_nodes(&search);
    for (uint32_t domain = 0; domain < space->domains[level]; domain += 1) {
        uint64_t tasks = tasks_in_domain(&search, (uint32_t)level, domain);

        if (tasks > largest)
            largest = tasks;
    }
    dr_arena_reset((struct dr_arena *)&core->scratch, mark);
    return largest;
}

/* Tasks that a node would take, were things as `conditions` say. */
static uint32_t tasks_if(const struct search *search, uint32_t number, unsigned conditions)
{
    const struct dr_node *node = &search->core->nodes[search->space->rows[number]];

    if (node->removed || node->removing ||
        (!(conditions & DR_PLACE_IF_UP) && !dr_node_up(search->core, node)) ||
        is_barred(search, number))
        return 0;
    if (conditions & DR_PLACE_IF_EMPTY)
        return search->tasks_empty;
    if (!(conditions & DR_PLACE_IF_OPEN) && !may_enter(search, number))
        return 0;
    return tasks_by_room(search, number);
}

uint64_t dr_place_largest_if(const struct dr_core *core, const struct dr_want *want,
                             dr_pool_id pool, unsigned conditions)
{
    struct search search;
    const struct dr_space *space;
    uint64_t largest = 0;
    uint64_t tasks = 0;
    uint32_t size;
    int level;

    dr_place_prepare(core);
    search = search_in(core, want, pool);
    space = search.space;
    level = level_required(core, want, search.pool);
    if (conditions & DR_PLACE_IF_ANYWHERE)
        level = (int)space->levels;
    if (level == DR_LEVEL_MISSING)
        return 0;
    size = level == DR_LEVEL_NODE ? 1 : space->size[level];
    for (uint32_t number = 0; number < space->nodes; number += 1) {
        if (number % size == 0)
            tasks = 0;
        tasks += tasks_if(&search, number, conditions);
        if (tasks > largest)
            largest = tasks;
    }
    return largest;
}

int dr_place_all_up(const struct dr_core *core, dr_pool_id pool)
{
    const struct dr_space *space = &core->places->spaces[pool.v - 1];

    dr_place_prepare(core);
    return core->pools[pool.v - 1].nodes_up >= space->live_most[space->levels];
}

uint32_t dr_place_tasks_per_node(const struct dr_core *core, const struct dr_want *want,
                                 dr_pool_id pool)
{
    dr_place_prepare(core);
    return dr_space_tasks_empty(want, &core->places->spaces[pool.v - 1]);
}
