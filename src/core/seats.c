/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of an account in order: a treap that sums up what they want. See seats.h; read
 * dr_seats_next() first. */
#include "core/seats.h"

#include "base/hash.h"
#include "base/math.h"
#include "core/quota.h"
#include "core/space.h"

#define NONE DR_ROW_NONE

#define UNIT_BITS   14
#define TOTAL_BITS  25
#define CHIP_BITS   23
#define TOTAL_SHIFT UNIT_BITS
#define CHIP_SHIFT  (UNIT_BITS + TOTAL_BITS)
#define CHIP_NONE   (UINT64_C(1) << (CHIP_SHIFT + CHIP_BITS - 1))

enum dr_status dr_seats_open(struct dr_core *core)
{
    struct dr_seats *seats = dr_arena_push(&core->tables, 1, sizeof *seats);

    if (seats == NULL)
        return DR_E_FULL;
    seats->seats = dr_arena_push(&core->tables, core->limits.accounts_max, sizeof seats->seats[0]);
    if (seats->seats == NULL)
        return DR_E_FULL;
    seats->version = 1;
    seats->relieved_first = NONE;
    core->seats = seats;
    return DR_OK;
}

void dr_seats_join(struct dr_core *core, uint32_t row)
{
    struct dr_seats *seats = core->seats;
    struct dr_seat *seat = &seats->seats[row];
    uint32_t parent = core->accounts[row].parent.v;

    *seat =
        (struct dr_seat){.parent = NONE, .first_child = NONE, .next_sibling = NONE, .root = NONE};
    if (parent == 0)
        return;
    seat->parent = parent - 1;
    seat->next_sibling = seats->seats[parent - 1].first_child;
    seats->seats[parent - 1].first_child = row;
    dr_seats_changed(seats, parent - 1);
}

void dr_seats_clear(struct dr_core *core)
{
    core->seats->relieved_first = NONE;
    core->seats->wake_all = 1;
    for (uint32_t row = 0; row < core->accounts_count; row += 1)
        dr_seats_join(core, row);
}

/* ---- bits ---- */

/* 0: none; 1 to 8; 9: up to 16, 10: to 32, 11: to 64. */
static uint32_t unit_class(uint32_t units)
{
    return units <= 8 ? units : 5 + dr_bit_log(units - 1);
}

static uint64_t chip_bit(uint32_t chip_row)
{
    return UINT64_C(1) << (CHIP_SHIFT + chip_row % (CHIP_BITS - 1));
}

/* 0 to 20: the power of two in an amount; the last is for all that is larger. */
#define SUM_BITS 21

static uint32_t sum_bit(int64_t amount)
{
    uint32_t value = amount > (1 << SUM_BITS) ? 1u << SUM_BITS : (uint32_t)amount;

    return value == 0 ? 0 : dr_min_u32(dr_bit_log(value) - 1, SUM_BITS - 1);
}

/* Accelerators, CPUs, and memory in units of 4 GiB, so that gangs of any size fit the bits. */
static int64_t in_whole(uint32_t resource, int64_t amount)
{
    return resource == DR_RESOURCE_MEMORY ? amount / 4096 : amount / 1000;
}

static uint64_t sums_of(const struct dr_shape *shape)
{
    uint64_t sums = 0;

    for (uint32_t i = 0; i < shape->alternatives_count; i += 1) {
        struct dr_amounts amounts = dr_alternative_amounts(&shape->alternatives[i]);

        for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
            if (amounts.of[resource] != 0)
                sums |= UINT64_C(1) << (resource * SUM_BITS +
                                        sum_bit(in_whole(resource, amounts.of[resource])));
    }
    return sums;
}

static uint64_t room_of(const struct dr_shape *shape)
{
    uint64_t wants = 0;

    for (uint32_t i = 0; i < shape->alternatives_count; i += 1) {
        const struct dr_alternative *way = &shape->alternatives[i];
        uint32_t units = way->accelerators_per_task / 1000;
        uint32_t total = units * way->tasks;

        wants |= UINT64_C(1) << unit_class(units);
        wants |= UINT64_C(1) << (TOTAL_SHIFT + (total == 0 ? 0 : dr_bit_log(total) - 1));
        if (way->chips == 0)
            wants |= DR_WANTS_CHIPS & ~CHIP_NONE;
        for (uint64_t rest = way->chips; rest != 0; rest &= rest - 1)
            wants |= chip_bit(dr_bit_lowest(rest));
        if (units == 0)
            wants |= CHIP_NONE;
    }
    return wants;
}

static struct dr_wants wants_of(const struct dr_shape *shape)
{
    return (struct dr_wants){room_of(shape), sums_of(shape)};
}

static struct dr_wants both(struct dr_wants a, struct dr_wants b)
{
    return (struct dr_wants){a.room | b.room, a.sums | b.sums};
}

static int equal(struct dr_wants a, struct dr_wants b)
{
    return a.room == b.room && a.sums == b.sums;
}

uint64_t dr_seats_offer(const struct dr_core *core, dr_pool_id pool)
{
    const struct dr_pool *about = &core->pools[pool.v - 1];
    const struct dr_space *space = &core->places->spaces[pool.v - 1];
    uint32_t units = space->all == 0 ? 0 : space->tier_most;
    uint32_t total = space->all == 0 ? 0 : space->units[space->levels][0];
    uint64_t offers = UINT64_C(1) | UINT64_C(1) << TOTAL_SHIFT;

    offers |= (UINT64_C(2) << unit_class(units)) - 1;
    offers |= ((UINT64_C(1) << dr_bit_log(total)) - 1) << TOTAL_SHIFT;
    return offers | (about->chip.v == 0 ? CHIP_NONE : chip_bit(about->chip.v - 1));
}

/* ---- the treap of one account ---- */

struct dr_seat_key dr_seats_key(const struct dr_core *core, uint32_t class_row)
{
    const struct dr_queue_class *class = &core->queue->classes[class_row];

    return (struct dr_seat_key){class->priority, class->again, class->first_submit_us,
                                class->first_id};
}

static int key_before(const struct dr_seat_key *a, const struct dr_seat_key *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority;
    if (a->again != b->again)
        return a->again > b->again;
    if (a->submit_us != b->submit_us)
        return a->submit_us < b->submit_us;
    return a->id < b->id;
}

static int class_before(const struct dr_core *core, uint32_t a, uint32_t b)
{
    struct dr_seat_key x = dr_seats_key(core, a);
    struct dr_seat_key y = dr_seats_key(core, b);

    return key_before(&x, &y);
}

static struct dr_wants wants_below(const struct dr_queue *queue, uint32_t row)
{
    return row == NONE ? (struct dr_wants){0, 0} : queue->classes[row].wants_below;
}

static void sum_up(struct dr_queue *queue, uint32_t row)
{
    struct dr_queue_class *class = &queue->classes[row];

    class->wants_below = both(class->wants, both(wants_below(queue, class->line_left),
                                                 wants_below(queue, class->line_right)));
}

static void replace(struct dr_queue *queue, struct dr_seat *seat, uint32_t row, uint32_t with)
{
    uint32_t parent = queue->classes[row].line_parent;

    if (parent == NONE)
        seat->root = with;
    else if (queue->classes[parent].line_left == row)
        queue->classes[parent].line_left = with;
    else
        queue->classes[parent].line_right = with;
    if (with != NONE)
        queue->classes[with].line_parent = parent;
}

static void rotate_up(struct dr_queue *queue, struct dr_seat *seat, uint32_t row)
{
    struct dr_queue_class *class = &queue->classes[row];
    uint32_t parent = class->line_parent;
    struct dr_queue_class *above = &queue->classes[parent];

    replace(queue, seat, parent, row);
    if (above->line_left == row) {
        above->line_left = class->line_right;
        if (class->line_right != NONE)
            queue->classes[class->line_right].line_parent = parent;
        class->line_right = parent;
    } else {
        above->line_right = class->line_left;
        if (class->line_left != NONE)
            queue->classes[class->line_left].line_parent = parent;
        class->line_left = parent;
    }
    above->line_parent = row;
    sum_up(queue, parent);
    sum_up(queue, row);
}

/* Sums from a class up its treap and up the accounts, as far as they change. */
static void sum_path(struct dr_core *core, uint32_t class_row, uint32_t account_row)
{
    struct dr_queue *queue = core->queue;
    struct dr_seat *seats = core->seats->seats;

    for (uint32_t at = class_row; at != NONE; at = queue->classes[at].line_parent) {
        struct dr_wants before = queue->classes[at].wants_below;

        sum_up(queue, at);
        if (equal(queue->classes[at].wants_below, before) && at != class_row)
            break;
    }
    for (uint32_t at = account_row; at != NONE; at = seats[at].parent) {
        struct dr_wants wants = wants_below(queue, seats[at].root);

        for (uint32_t child = seats[at].first_child; child != NONE;
             child = seats[child].next_sibling)
            wants = both(wants, seats[child].wants);
        if (equal(wants, seats[at].wants))
            return;
        seats[at].wants = wants;
    }
}

static uint64_t rank(uint32_t class_row)
{
    return dr_hash_u64(class_row);
}

void dr_seats_put(struct dr_core *core, uint32_t row)
{
    struct dr_queue *queue = core->queue;
    struct dr_queue_class *class = &queue->classes[row];
    struct dr_seat *seat = &core->seats->seats[class->account.v - 1];
    uint32_t parent = NONE;

    class->wants = wants_of(&core->shapes[class->shape]);
    class->wants.room |= DR_WANTS_FRESH;
    for (uint32_t at = seat->root; at != NONE;) {
        parent = at;
        at = class_before(core, row, at) ? queue->classes[at].line_left
                                         : queue->classes[at].line_right;
    }
    class->line_left = NONE;
    class->line_right = NONE;
    class->line_parent = parent;
    class->wants_below = class->wants;
    if (parent == NONE)
        seat->root = row;
    else if (class_before(core, row, parent))
        queue->classes[parent].line_left = row;
    else
        queue->classes[parent].line_right = row;
    while (class->line_parent != NONE && rank(row) > rank(class->line_parent))
        rotate_up(queue, seat, row);
    sum_path(core, row, class->account.v - 1);
}

void dr_seats_take(struct dr_core *core, uint32_t row)
{
    struct dr_queue *queue = core->queue;
    struct dr_queue_class *class = &queue->classes[row];
    struct dr_seat *seat = &core->seats->seats[class->account.v - 1];
    uint32_t parent;

    while (class->line_left != NONE && class->line_right != NONE)
        rotate_up(queue, seat,
                  rank(class->line_left) > rank(class->line_right) ? class->line_left
                                                                   : class->line_right);
    replace(queue, seat, row, class->line_left != NONE ? class->line_left : class->line_right);
    parent = class->line_parent;
    sum_path(core, parent, class->account.v - 1);
}

static void set_fresh(struct dr_core *core, uint32_t row, int fresh)
{
    struct dr_queue_class *class = &core->queue->classes[row];
    uint64_t room =
        fresh ? class->wants.room | DR_WANTS_FRESH : class->wants.room & ~DR_WANTS_FRESH;

    if (room == class->wants.room)
        return;
    class->wants.room = room;
    sum_path(core, row, class->account.v - 1);
}

void dr_seats_park(struct dr_core *core, uint32_t class_row)
{
    set_fresh(core, class_row, 0);
}

void dr_seats_wake(struct dr_core *core, uint32_t class_row)
{
    set_fresh(core, class_row, 1);
}

/* Depth of the recursion: that of a treap. */
static uint32_t next_in(const struct dr_core *core, uint32_t row, const struct dr_seat_key *after,
                        struct dr_wants offers)
{
    const struct dr_queue_class *class;
    uint32_t found = NONE;
    int passed = 0; /* it and what is left of it come before `after` */

    if (row == NONE || !dr_wants_meet(core->queue->classes[row].wants_below, offers))
        return NONE;
    class = &core->queue->classes[row];
    if (after != NULL) {
        struct dr_seat_key key = dr_seats_key(core, row);

        passed = !key_before(after, &key);
    }
    if (!passed) {
        found = next_in(core, class->line_left, after, offers);
        if (found == NONE && dr_wants_meet(class->wants, offers))
            found = row;
    }
    if (found == NONE)
        found = next_in(core, class->line_right, passed ? after : NULL, offers);
    return found;
}

uint32_t dr_seats_next(const struct dr_core *core, uint32_t account_row,
                       const struct dr_seat_key *after, struct dr_wants offers)
{
    return next_in(core, core->seats->seats[account_row].root, after, offers);
}

/* ---- relief ---- */

/* Bits of the amounts that fit into `room_now` and did not while it was less by `gained`. */
static uint64_t relieved(uint32_t resource, int64_t room_now, int64_t gained)
{
    uint32_t low;
    uint32_t high;

    if (room_now <= 0)
        return 0;
    low = sum_bit(in_whole(resource, dr_max_i64(0, room_now - gained)));
    high = sum_bit(in_whole(resource, room_now));
    return ((UINT64_C(2) << high) - (UINT64_C(1) << low)) << (resource * SUM_BITS);
}

static uint64_t relief_at(const struct dr_core *core, dr_account_id account, dr_group_id group,
                          uint32_t resource, int64_t gained, int is_leaf)
{
    const struct dr_quota *quota = dr_quota_at(core, account, group);
    uint64_t bits;

    if (core->accounts[account.v - 1].parent.v == 0)
        return relieved(resource, core->groups[group.v - 1].capacity - quota->occupied, gained);
    bits = relieved(resource, dr_quota_guarantee(core, account, group) - quota->occupied, gained) |
           relieved(resource, quota->guarantee - quota->occupied, gained);
    if (quota->borrow < DR_FOREVER_US - quota->guarantee)
        bits |= relieved(resource,
                         quota->guarantee + quota->borrow - dr_max_i64(quota->use, quota->claim),
                         gained);
    if (is_leaf)
        bits |= relieved(resource, quota->guarantee - quota->firm, gained);
    return bits;
}

static void mark_path(struct dr_core *core, dr_account_id account)
{
    struct dr_seats *seats = core->seats;

    for (; account.v != 0; account = core->accounts[account.v - 1].parent) {
        struct dr_seat *seat = &seats->seats[account.v - 1];

        if (seat->relief_below)
            continue;
        seat->relief_below = 1;
        seat->relieved_next = seats->relieved_first;
        seats->relieved_first = account.v - 1;
    }
}

void dr_seats_outranked(struct dr_core *core, dr_account_id account, int32_t priority)
{
    struct dr_seat *seat = &core->seats->seats[account.v - 1];
    uint32_t first = seat->root;

    while (first != NONE && core->queue->classes[first].line_left != NONE)
        first = core->queue->classes[first].line_left;
    if (first == NONE || core->queue->classes[first].priority <= priority)
        return;
    seat->relief = UINT64_MAX;
    mark_path(core, account);
}

void dr_seats_relieve(struct dr_core *core, dr_account_id account, dr_pool_id pool,
                      const struct dr_amounts *amounts)
{
    struct dr_seats *seats = core->seats;
    const struct dr_pool *where = &core->pools[pool.v - 1];

    for (dr_account_id at = account; at.v != 0; at = core->accounts[at.v - 1].parent) {
        struct dr_seat *seat = &seats->seats[at.v - 1];

        for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
            if (amounts->of[resource] != 0)
                seat->relief |= relief_at(core, at, where->groups[resource], resource,
                                          amounts->of[resource], at.v == account.v);
    }
    mark_path(core, account);
}

void dr_seats_settled(struct dr_core *core)
{
    struct dr_seats *seats = core->seats;

    for (uint32_t row = seats->relieved_first; row != NONE; row = seats->seats[row].relieved_next) {
        seats->seats[row].relief = 0;
        seats->seats[row].relief_below = 0;
    }
    seats->relieved_first = NONE;
    seats->wake_all = 0;
}

/* ---- for tests ---- */

static int treap_agrees(const struct dr_core *core, uint32_t row)
{
    const struct dr_queue *queue = core->queue;
    const struct dr_queue_class *class = &queue->classes[row];

    if (row == NONE)
        return 1;
    if (class->first != dr_queue_first(core, row) ||
        class->first_id != core->jobs[class->first].id.v ||
        class->first_submit_us != core->jobs[class->first].submit_us ||
        !equal(class->wants_below, both(class->wants, both(wants_below(queue, class->line_left),
                                                           wants_below(queue, class->line_right)))))
        return 0;
    if (class->line_left != NONE && (queue->classes[class->line_left].line_parent != row ||
                                     !class_before(core, class->line_left, row)))
        return 0;
    if (class->line_right != NONE && (queue->classes[class->line_right].line_parent != row ||
                                      !class_before(core, row, class->line_right)))
        return 0;
    return treap_agrees(core, class->line_left) && treap_agrees(core, class->line_right);
}

int dr_seats_consistent(const struct dr_core *core)
{
    const struct dr_seat *seats = core->seats->seats;

    for (uint32_t row = 0; row < core->accounts_count; row += 1) {
        struct dr_wants wants = wants_below(core->queue, seats[row].root);

        if (!treap_agrees(core, seats[row].root))
            return 0;
        for (uint32_t child = seats[row].first_child; child != NONE;
             child = seats[child].next_sibling)
            wants = both(wants, seats[child].wants);
        if (!equal(wants, seats[row].wants))
            return 0;
    }
    return 1;
}
