/* SPDX-License-Identifier: Apache-2.0 */
/* What a node takes of a gang, and which node is the best for it. See place_search.h. */
#include "core/place_search.h"

#include "core/breakage.h"
#include "core/window.h"

#define NONE        DR_ROW_NONE
#define WEIGHED_MAX 128 /* nodes of a tier, or a step, of which it is asked what they break */

/* ---- what it takes ---- */

int dr_search_is_barred(const struct dr_search *search, uint32_t number)
{
    return search->want->barred != NULL &&
           dr_window_has(search->core, search->want->barred, search->space->rows[number]);
}

int dr_search_may_enter(const struct dr_search *search, uint32_t number)
{
    const struct dr_space *space = search->space;
    const struct dr_room *room = &space->rooms[number];
    const struct dr_domain *block;

    if (dr_search_is_barred(search, number))
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
static int may_join(const struct dr_search *search, const struct dr_share_use *use)
{
    if (use->pledges > 0)
        return 0;
    if (use->guards > 0)
        return use->guard.v == search->want->account.v && use->promised == 0;
    return search->want->share < DR_SHARE_NODE;
}

/* Tasks that an accelerator takes which is shared already. */
static uint32_t tasks_beside(const struct dr_search *search, uint32_t number, uint32_t accelerator)
{
    if (!may_join(search, dr_space_share_use(search->space, number, accelerator)))
        return 0;
    return dr_space_share_left(search->space, number, accelerator) / search->want->part;
}

/* Shares that a node's accelerators have to give. */
static uint32_t shares_on(const struct dr_search *search, uint32_t number)
{
    const struct dr_room *room = &search->space->rooms[number];
    uint32_t tasks = dr_bit_count(room->free & ~room->blocked) * search->per_accelerator;

    if (room->share_most >= search->want->part)
        for (uint64_t rest = room->open & ~room->blocked; rest != 0; rest &= rest - 1)
            tasks += tasks_beside(search, number, dr_bit_lowest(rest));
    return tasks;
}

static uint32_t share_tasks_on(const struct dr_search *search, uint32_t number)
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

uint32_t dr_search_tasks_by_room(const struct dr_search *search, uint32_t number)
{
    const struct dr_room *room = &search->space->rooms[number];

    if (search->want->part != 0)
        return share_tasks_on(search, number);
    return dr_space_tasks_in(search->want, dr_bit_count(room->free & ~room->blocked), room->cpus,
                             room->memory_mb);
}

uint32_t dr_search_tasks_on(const struct dr_search *search, uint32_t number)
{
    const struct dr_room *room = &search->space->rooms[number];

    /* Where not even one fits, no division says how many. */
    if (!room->usable || room->cpus < search->want->cpus ||
        room->memory_mb < search->want->memory_mb || !dr_search_may_enter(search, number))
        return 0;
    return dr_search_tasks_by_room(search, number);
}

/* dr_search_tasks_on() >= tasks, for tasks up to the gang's, without a division. */
static int takes(const struct dr_search *search, uint32_t number, uint32_t tasks)
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
    return dr_search_may_enter(search, number);
}

static void count_node(struct dr_search *search, uint32_t number)
{
    const struct dr_space *space = search->space;
    uint32_t tasks = dr_search_tasks_on(search, number);

    for (uint32_t level = 0; tasks != 0 && level <= space->levels; level += 1)
        search->tasks_of[level][number / space->size[level]] += tasks;
}

void dr_search_count_nodes(struct dr_search *search)
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
            for (uint32_t at = dr_search_next_of_tier(space, tier, 0, space->nodes);
                 at < space->nodes; at = dr_search_next_of_tier(space, tier, at + 1, space->nodes))
                count_node(search, at);
    for (uint32_t step = dr_space_share_step(search->want->part);
         search->want->part != 0 && step <= space->step_most; step += 1) {
        const uint64_t *bits = &space->share_bits[(size_t)step * space->words];

        for (uint32_t at = dr_search_next_in(bits, 0, space->nodes); at < space->nodes;
             at = dr_search_next_in(bits, at + 1, space->nodes))
            if (search->of_tier[space->tier[at]] == 0)
                count_node(search, at);
    }
}

static void push_part(struct dr_search *search, uint32_t number, uint32_t tasks, uint64_t taken)
{
    search->extents[search->extents_count] = (struct dr_extent){
        .node = {search->space->rows[number] + 1}, .tasks = tasks, .accelerators = taken};
    search->extents_count += 1;
}

/* Shares: the accelerator in use with least left that takes one, again and again; then free ones.
 */
static void push_shares(struct dr_search *search, uint32_t number, uint32_t tasks)
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

void dr_search_push(struct dr_search *search, uint32_t number, uint32_t tasks)
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
static uint32_t least_left(const struct dr_search *search, uint32_t number)
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
static uint32_t best_shared_node(const struct dr_search *search, uint32_t from, uint32_t end,
                                 uint64_t tasks, uint32_t above, uint32_t before)
{
    const struct dr_space *space = search->space;
    uint32_t best = NONE;
    uint32_t best_left = 1000;

    for (uint32_t step = dr_space_share_step(search->want->part); step <= space->step_most;
         step += 1) {
        const uint64_t *bits = &space->share_bits[(size_t)step * space->words];

        for (uint32_t at = dr_search_next_in(bits, from, end); at < end;
             at = dr_search_next_in(bits, at + 1, end)) {
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

uint32_t dr_search_best_node(const struct dr_search *search, uint32_t from, uint32_t end,
                             uint64_t tasks, uint32_t above, uint32_t before)
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
        for (at = dr_search_next_of_tier(space, tier, at, end); at < end;
             at = dr_search_next_of_tier(space, tier, at + 1, end))
            if (takes(search, at, (uint32_t)tasks))
                return at;
    }
    return NONE;
}

/* ---- where it breaks least ---- */

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

int dr_search_breaks(const struct dr_core *core, const struct dr_space *space)
{
    if (core->settings.placement != DR_PLACEMENT_DAERO || !core->places->mixed ||
        space->breakage == NULL)
        return 0;
    dr_breakage_fill(core, space->breakage);
    return 1;
}

int64_t dr_search_loss(const struct dr_space *space, const struct dr_want *want, uint32_t number,
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
static int fuller(const struct dr_search *search, uint32_t number, uint32_t best)
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
static void weigh(struct dr_search *search, uint32_t number, uint32_t tasks, uint32_t *best,
                  int64_t *best_loss)
{
    uint32_t mark = search->extents_count;
    int64_t loss;

    if (!takes(search, number, tasks))
        return;
    dr_search_push(search, number, tasks);
    loss = dr_search_loss(search->space, search->want, number, &search->extents[mark],
                          search->extents_count - mark);
    search->extents_count = mark;
    if (*best != NONE &&
        (loss > *best_loss || (loss == *best_loss && !fuller(search, number, *best))))
        return;
    *best = number;
    *best_loss = loss;
}

uint32_t dr_search_least_broken(struct dr_search *search, uint32_t tasks)
{
    const struct dr_space *space = search->space;
    uint32_t best = NONE;
    int64_t best_loss = 0;

    for (uint32_t step = dr_space_share_step(search->want->part);
         search->want->part != 0 && step <= space->step_most; step += 1) {
        const uint64_t *bits = &space->share_bits[(size_t)step * space->words];

        for (uint32_t at = dr_search_next_in(bits, 0, space->nodes), looked = 0;
             at < space->nodes && looked < WEIGHED_MAX;
             at = dr_search_next_in(bits, at + 1, space->nodes), looked += 1)
            weigh(search, at, tasks, &best, &best_loss);
    }
    for (uint32_t tier = 0; tier < space->tiers; tier += 1)
        if (search->of_tier[tier] >= tasks)
            for (uint32_t at = dr_search_next_of_tier(space, tier, 0, space->nodes), looked = 0;
                 at < space->nodes && looked < WEIGHED_MAX;
                 at = dr_search_next_of_tier(space, tier, at + 1, space->nodes), looked += 1)
                weigh(search, at, tasks, &best, &best_loss);
    return best;
}
