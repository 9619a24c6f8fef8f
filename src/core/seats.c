/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of an account in order: a treap that sums up what they want. See seats.h; read
 * dr_seats_next() first. */
#include "core/seats.h"

#include "base/hash.h"
#include "base/math.h"
#include "core/attained.h"
#include "core/fits.h"
#include "core/lent.h"
#include "core/power.h"
#include "core/quota.h"
#include "core/victims.h"
#include "core/slack.h"
#include "core/space.h"

#define NONE DR_ROW_NONE

#define SHAPE_BITS  39
#define TOTAL_BITS  25
#define CHIP_BITS   23
#define OWN_BITS    11
#define TOTAL_SHIFT 14
#define CHIP_SHIFT  SHAPE_BITS
#define CHIP_NONE   (UINT64_C(1) << (CHIP_SHIFT + CHIP_BITS - 1))

_Static_assert(DR_WANTS_SHAPE == (UINT64_C(1) << SHAPE_BITS) - 1 &&
                   DR_WANTS_TOTAL == ((UINT64_C(1) << TOTAL_BITS) - 1) << TOTAL_SHIFT &&
                   TOTAL_SHIFT + TOTAL_BITS == CHIP_SHIFT &&
                   DR_WANTS_CHIPS == ((UINT64_C(1) << CHIP_BITS) - 1) << CHIP_SHIFT,
               "fields of room and of hunts");
_Static_assert((DR_WANTS_CHIPS & (DR_WANTS_AGAIN | DR_WANTS_FRESH | DR_WANTS_NEAR)) == 0 &&
                   DR_WANTS_OWN == (UINT64_C(1) << OWN_BITS) - 1 &&
                   (DR_WANTS_OWN & (DR_WANTS_KEPT | DR_WANTS_TAKES | DR_WANTS_LENIENT)) == 0 &&
                   (DR_WANTS_KEPT | DR_WANTS_TAKES | DR_WANTS_LENIENT) < DR_WANTS_SOME,
               "bits stand beside the fields");

enum dr_status dr_seats_open(struct dr_core *core)
{
    struct dr_seats *seats = dr_arena_push(&core->tables, 1, sizeof *seats);

    if (seats == NULL)
        return DR_E_FULL;
    seats->seats = dr_arena_push(&core->tables, core->limits.accounts_max, sizeof seats->seats[0]);
    seats->relieved_in =
        dr_arena_push(&core->tables, core->limits.groups_max, sizeof seats->relieved_in[0]);
    seats->stirred_in =
        dr_arena_push(&core->tables, core->limits.groups_max, sizeof seats->stirred_in[0]);
    seats->risen_in =
        dr_arena_push(&core->tables, core->limits.groups_max, sizeof seats->risen_in[0]);
    if (seats->seats == NULL || seats->relieved_in == NULL || seats->stirred_in == NULL ||
        seats->risen_in == NULL)
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
    dr_seats_wake_all(core->seats);
    dr_fits_clear(core);
    for (uint32_t row = 0; row < core->accounts_count; row += 1)
        dr_seats_join(core, row);
}

/* ---- bits ---- */

static uint64_t chip_bit(uint32_t chip_row)
{
    return UINT64_C(1) << (CHIP_SHIFT + chip_row % (CHIP_BITS - 1));
}

/* The power of two in a gang, as a bit of DR_WANTS_OWN. */
static uint32_t own_bit(uint32_t total)
{
    return total == 0 ? 0 : dr_min_u32(dr_bit_log(total) - 1, OWN_BITS - 1);
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

int64_t dr_seats_least(struct dr_wants wants, enum dr_resource resource)
{
    uint64_t bits =
        (wants.sums >> ((uint32_t)resource * SUM_BITS)) & ((UINT64_C(1) << SUM_BITS) - 1);
    uint32_t low;

    if (bits == 0)
        return INT64_MAX;
    low = dr_bit_lowest(bits);
    if (low == 0)
        return 1;
    return (INT64_C(1) << low) * (resource == DR_RESOURCE_MEMORY ? 4096 : 1000);
}

int dr_seats_without(struct dr_wants wants)
{
    return (wants.room & CHIP_NONE) != 0;
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

uint64_t dr_seats_chip_of(const struct dr_pool *pool)
{
    return pool->chip.v == 0 ? CHIP_NONE : chip_bit(pool->chip.v - 1);
}

uint64_t dr_seats_room_of(const struct dr_core *core, uint32_t shape_row)
{
    const struct dr_shape *shape = &core->shapes[shape_row];
    uint64_t wants = UINT64_C(1) << (shape_row % SHAPE_BITS);

    for (uint32_t i = 0; i < shape->alternatives_count; i += 1) {
        const struct dr_alternative *way = &shape->alternatives[i];

        if (way->chips == 0)
            wants |= DR_WANTS_CHIPS & ~CHIP_NONE;
        for (uint64_t rest = way->chips; rest != 0; rest &= rest - 1)
            wants |= chip_bit(dr_bit_lowest(rest));
        if (way->accelerators_per_task < 1000)
            wants |= CHIP_NONE;
    }
    return wants;
}

static struct dr_wants wants_of(const struct dr_core *core, uint32_t shape_row)
{
    return (struct dr_wants){dr_seats_room_of(core, shape_row), sums_of(&core->shapes[shape_row]),
                             DR_WANTS_LENIENT};
}

static struct dr_wants both(struct dr_wants a, struct dr_wants b)
{
    return (struct dr_wants){a.room | b.room, a.sums | b.sums, a.hunts | b.hunts};
}

static int equal(struct dr_wants a, struct dr_wants b)
{
    return a.room == b.room && a.sums == b.sums && a.hunts == b.hunts;
}

int dr_seats_keeps(struct dr_core *core, dr_account_id account)
{
    struct dr_seat *seat = &core->seats->seats[account.v - 1];

    if (seat->keeps_at == core->seats->limits + 1)
        return seat->keeps;
    seat->keeps_at = core->seats->limits + 1;
    seat->keeps = seat->first_child != NONE;
    for (dr_account_id at = account; core->accounts[at.v - 1].parent.v != 0;
         at = core->accounts[at.v - 1].parent)
        for (uint32_t group = 1; group <= core->groups_count; group += 1)
            seat->keeps |= dr_quota_keep(dr_quota_at(core, at, (dr_group_id){group})) > 0;
    return seat->keeps;
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

static void relieve(struct dr_core *core, dr_account_id account, uint64_t moment)
{
    struct dr_seat *seat = &core->seats->seats[account.v - 1];

    if (seat->relieved_at < moment)
        seat->relieved_at = moment;
    mark_path(core, account);
}

/* Of the classes that wait there. */
static int32_t top_priority(const struct dr_core *core, const struct dr_seat *seat)
{
    const struct dr_queue_class *classes = core->queue->classes;
    uint32_t first = seat->root;

    if (first == NONE)
        return INT32_MIN;
    while (classes[first].line_left != NONE)
        first = classes[first].line_left;
    return classes[first].priority;
}

/* Accounts that hold ripe attempts in a pool, and wait for what their own attempts give back: what
 * these, and what is `free` or may be taken from others there, may be enough for since that
 * `moment`. */
static void relieve_own(struct dr_core *core, dr_pool_id pool, int64_t free, uint64_t moment)
{
    struct dr_seat *seats = core->seats->seats;

    for (int pass = 0; pass < 2; pass += 1)
        for (uint32_t row = dr_place_attempts(core, pool); row != NONE;
             row = dr_place_attempts_next(core, row)) {
            const struct dr_job *job = &core->jobs[row];
            struct dr_seat *seat = &seats[job->account.v - 1];

            if ((seat->wants.hunts & DR_WANTS_OWN) == 0 || !dr_lent_ripe(core, row) ||
                top_priority(core, seat) <= job->priority)
                continue;
            if (pass == 0 && seat->summed != pool.v) {
                seat->summed = pool.v;
                seat->own_units = 0;
            }
            if (pass == 0) {
                seat->own_units += dr_victims_units(core, job);
            } else if (seat->summed == pool.v) {
                int64_t total = dr_min_i64((free + seat->own_units) / 1000, UINT32_MAX);

                seat->relief_own |= (UINT64_C(2) << own_bit((uint32_t)total)) - 1;
                seat->summed = 0;
                relieve(core, job->account, moment);
            }
        }
}

/* When more could be had there, free or by taking back. */
uint64_t dr_seats_rose_at(const struct dr_core *core, uint32_t pool_row)
{
    uint64_t left_at = core->places->left_at[pool_row];
    uint64_t rose_at = core->lent->rose_at[pool_row];

    return left_at > rose_at ? left_at : rose_at;
}

int dr_seats_rose_since(const struct dr_core *core, dr_pool_id pool, uint64_t since, int *in_group)
{
    *in_group = 0;
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
        *in_group |= core->seats->risen_in[core->pools[pool.v - 1].groups[resource].v - 1] > since;
    return dr_seats_rose_at(core, pool.v - 1) > since;
}

uint64_t dr_seats_offer_hunts(struct dr_core *core, dr_pool_id pool)
{
    const struct dr_space *space = &core->places->spaces[pool.v - 1];
    int64_t free = dr_space_free_milli(space);
    int64_t total;

    free += dr_lent_left(core, pool.v - 1) + core->lent->units[pool.v - 1];
    relieve_own(core, pool, free, dr_seats_rose_at(core, pool.v - 1));
    total = dr_min_i64(free / 1000, (1 << TOTAL_BITS) - 1);
    return (((UINT64_C(1) << dr_bit_log((uint32_t)total)) - 1) | 1) << TOTAL_SHIFT |
           dr_seats_chip_of(&core->pools[pool.v - 1]);
}

/* ---- the treap of one account ---- */

/* But for the id, which is in the row of its first job. */
static struct dr_seat_key key_without_id(const struct dr_core *core,
                                         const struct dr_queue_class *class)
{
    int64_t rank_us = core->settings.ordering == DR_ORDERING_SJF
                          ? class->limit_us
                          : dr_attained_rank(core, &core->jobs[class->first]);

    return (struct dr_seat_key){class->priority, class->again, rank_us, class->first_submit_us, 0};
}

struct dr_seat_key dr_seats_key(const struct dr_core *core, uint32_t class_row)
{
    const struct dr_queue_class *class = &core->queue->classes[class_row];
    struct dr_seat_key key = key_without_id(core, class);

    key.id = core->jobs[class->first].id.v;
    return key;
}

/* By all but the id: < 0 when `a` comes first. */
static int compare_keys(struct dr_seat_key a, struct dr_seat_key b)
{
    if (a.priority != b.priority)
        return a.priority > b.priority ? -1 : 1;
    if (a.again != b.again)
        return a.again > b.again ? -1 : 1;
    if (a.rank_us != b.rank_us)
        return a.rank_us < b.rank_us ? -1 : 1;
    if (a.submit_us != b.submit_us)
        return a.submit_us < b.submit_us ? -1 : 1;
    return 0;
}

static int class_after(const struct dr_core *core, const struct dr_queue_class *class,
                       const struct dr_seat_key *key)
{
    int order = compare_keys(key_without_id(core, class), *key);

    return order != 0 ? order > 0 : core->jobs[class->first].id.v > key->id;
}

static int class_before(const struct dr_core *core, uint32_t a, uint32_t b)
{
    const struct dr_queue_class *x = &core->queue->classes[a];
    const struct dr_queue_class *y = &core->queue->classes[b];
    int order = compare_keys(key_without_id(core, x), key_without_id(core, y));

    return order != 0 ? order < 0 : core->jobs[x->first].id.v < core->jobs[y->first].id.v;
}

static struct dr_wants wants_below(const struct dr_queue *queue, uint32_t row)
{
    return row == NONE ? (struct dr_wants){0, 0, 0} : queue->classes[row].wants_below;
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
        if (wants.sums != seats[at].wants.sums || ((wants.room ^ seats[at].wants.room) & CHIP_NONE))
            dr_seats_changed(core->seats, at); /* its bound */
        seats[at].wants = wants;
    }
}

/* Classes have come or gone: what the account and those above it offer is to be looked for again.
 */
static void unsettle(struct dr_core *core, uint32_t account_row, int has_come)
{
    struct dr_seat *seats = core->seats->seats;

    for (uint32_t at = account_row; at != NONE; at = seats[at].parent) {
        seats[at].put_below |= (uint8_t)has_come;
        seats[at].state = DR_SEAT_BOUND;
        seats[at].tier = 0;
        seats[at].key = INT64_MIN;
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
    struct dr_seat *seat = &core->seats->seats[dr_queue_account(core, class).v - 1];
    uint32_t parent = NONE;

    class->wants = wants_of(core, class->shape);
    class->wants.room |= DR_WANTS_FRESH | (class->alone ? DR_WANTS_AGAIN : 0);
    class->doubtful = 0;
    class->judged_at = 0;
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
    sum_path(core, row, dr_queue_account(core, class).v - 1);
    unsettle(core, dr_queue_account(core, class).v - 1, 1);
    dr_fits_wait(core, class->shape, class->limit_us, 1);
}

void dr_seats_take(struct dr_core *core, uint32_t row)
{
    struct dr_queue *queue = core->queue;
    struct dr_queue_class *class = &queue->classes[row];
    struct dr_seat *seat = &core->seats->seats[dr_queue_account(core, class).v - 1];
    uint32_t parent;

    while (class->line_left != NONE && class->line_right != NONE)
        rotate_up(queue, seat,
                  rank(class->line_left) > rank(class->line_right) ? class->line_left
                                                                   : class->line_right);
    replace(queue, seat, row, class->line_left != NONE ? class->line_left : class->line_right);
    parent = class->line_parent;
    sum_path(core, parent, dr_queue_account(core, class).v - 1);
    unsettle(core, dr_queue_account(core, class).v - 1, 0);
    dr_fits_wait(core, class->shape, class->limit_us, -1);
}

uint32_t dr_seats_first(const struct dr_core *core, dr_account_id account)
{
    uint32_t row = core->seats->seats[account.v - 1].root;

    while (row != NONE && core->queue->classes[row].line_left != NONE)
        row = core->queue->classes[row].line_left;
    return row;
}

uint32_t dr_seats_after(const struct dr_core *core, uint32_t row)
{
    const struct dr_queue_class *classes = core->queue->classes;
    uint32_t parent;

    if (classes[row].line_right != NONE) {
        for (row = classes[row].line_right; classes[row].line_left != NONE;)
            row = classes[row].line_left;
        return row;
    }
    parent = classes[row].line_parent;
    while (parent != NONE && classes[parent].line_right == row) {
        row = parent;
        parent = classes[row].line_parent;
    }
    return parent;
}

/* Gangs that its own account's attempts of lower priority may make room for. */
uint64_t dr_seats_own_of(const struct dr_shape *shape)
{
    uint64_t own = 0;

    for (uint32_t i = 0; i < shape->alternatives_count; i += 1)
        own |= UINT64_C(1) << own_bit(shape->alternatives[i].accelerators_per_task / 1000 *
                                      shape->alternatives[i].tasks);
    return own;
}

uint64_t dr_seats_hunts_of(const struct dr_shape *shape, unsigned hunted)
{
    uint64_t hunts = 0;

    for (uint32_t i = 0; (hunted & DR_HUNTED_OTHERS) != 0 && i < shape->alternatives_count;
         i += 1) {
        uint32_t total =
            shape->alternatives[i].accelerators_per_task / 1000 * shape->alternatives[i].tasks;

        hunts |= UINT64_C(1) << (TOTAL_SHIFT + (total == 0 ? 0 : dr_bit_log(total) - 1));
    }
    if (hunted & DR_HUNTED_GROUP)
        hunts |= DR_WANTS_SOME;
    if (hunted & DR_HUNTED_OWN)
        hunts |= DR_WANTS_TAKES;
    return hunts;
}

void dr_seats_set_wants(struct dr_core *core, uint32_t row, struct dr_wants wants)
{
    struct dr_queue_class *class = &core->queue->classes[row];

    if (equal(wants, class->wants))
        return;
    class->wants = wants;
    sum_path(core, row, dr_queue_account(core, class).v - 1);
}

void dr_seats_wake(struct dr_core *core, uint32_t class_row)
{
    struct dr_wants wants = core->queue->classes[class_row].wants;

    core->queue->classes[class_row].doubtful = 0;
    wants.room |= DR_WANTS_FRESH;
    wants.hunts = DR_WANTS_LENIENT; /* nothing is noted of it */
    dr_seats_set_wants(core, class_row, wants);
}

void dr_seats_doubt(struct dr_core *core, uint32_t class_row, uint64_t judged_at)
{
    dr_seats_wake(core, class_row);
    core->queue->classes[class_row].doubtful = 1;
    core->queue->classes[class_row].judged_at = judged_at;
}

/* ---- whose turn it is ---- */

/* Until when everything has been looked at that a class was held against: now, or when pools were,
 * if something has come free there since. */
static uint64_t looked_until(const struct dr_core *core, const struct dr_offers *offers)
{
    const struct dr_places *places = core->places;

    return places->opened_last > offers->looked_at || places->left_last > offers->looked_at ||
                   core->lent->rose_last > offers->looked_at ||
                   core->slack->rose_last > offers->looked_at
               ? offers->looked_at
               : core->seats->clock;
}

/* Depth of the recursion: that of a treap. */
static uint32_t next_in(struct dr_core *core, uint32_t row, const struct dr_seat_key *after,
                        const struct dr_offers *offers, enum dr_scope *scope)
{
    struct dr_queue_class *class;
    uint32_t found = NONE;
    int passed = 0; /* it and what is left of it come before `after` */

    if (row == NONE)
        return NONE;
    class = &core->queue->classes[row];
    if (!dr_offers_meet(class->wants_below, offers))
        return NONE;
    /* Classes lie all over memory: fetch what will be looked at while this one is. */
    if (class->line_left != NONE)
        __builtin_prefetch(&core->queue->classes[class->line_left].wants_below);
    if (class->line_right != NONE)
        __builtin_prefetch(&core->queue->classes[class->line_right].wants_below);
    if (after != NULL)
        passed = !class_after(core, class, after);
    if (!passed) {
        found = next_in(core, class->line_left, after, offers, scope);
        if (found == NONE && dr_offers_meet(class->wants, offers)) {
            *scope = dr_seats_scope(core, row, offers);
            if (*scope != DR_SCOPE_NONE)
                found = row;
            /* Who is left asleep may be judged later in the same decision. */
            if (*scope <= DR_SCOPE_FAIR && !dr_seats_is_woken(core, class))
                class->judged_at = looked_until(core, offers);
        }
    }
    if (found == NONE)
        found = next_in(core, class->line_right, passed ? after : NULL, offers, scope);
    return found;
}

uint32_t dr_seats_next(struct dr_core *core, uint32_t account_row, const struct dr_seat_key *after,
                       const struct dr_offers *offers, enum dr_scope *scope)
{
    return next_in(core, core->seats->seats[account_row].root, after, offers, scope);
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

static uint64_t relief_at(struct dr_core *core, dr_account_id account, dr_group_id group,
                          uint32_t resource, int64_t gained, int is_leaf)
{
    const struct dr_quota *quota = dr_quota_at(core, account, group);
    uint64_t bits;

    /* Of the root only who found no time is relieved so: where it has room pools are opened. Where
     * nothing is kept back, it refuses nobody who finds a place. */
    if (core->accounts[account.v - 1].parent.v == 0) {
        if (quota->kept > 0 && core->groups[group.v - 1].capacity > quota->occupied)
            dr_place_open_group(core, group);
        return 0;
    }
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

void dr_seats_own_ripe(struct dr_core *core, dr_account_id account, int32_t priority)
{
    struct dr_seat *seat = &core->seats->seats[account.v - 1];

    if ((seat->wants.hunts & DR_WANTS_OWN) == 0 || top_priority(core, seat) <= priority)
        return;
    seat->relief_own |= DR_WANTS_OWN;
    relieve(core, account, dr_seats_moment(core->seats));
}

/* Whom relief in a pool may help. */
static uint64_t chips_of(const struct dr_pool *pool)
{
    return pool->chip.v == 0 ? DR_WANTS_CHIPS : CHIP_NONE | chip_bit(pool->chip.v - 1);
}

void dr_seats_relieve(struct dr_core *core, dr_account_id account, dr_pool_id pool,
                      const struct dr_amounts *amounts)
{
    struct dr_seats *seats = core->seats;
    const struct dr_pool *where = &core->pools[pool.v - 1];
    uint64_t moment = dr_seats_moment(seats);
    uint64_t chips = chips_of(where);

    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
        if (amounts->of[resource] != 0)
            seats->relieved_in[where->groups[resource].v - 1] = moment;
    for (dr_account_id at = account; at.v != 0; at = core->accounts[at.v - 1].parent) {
        struct dr_seat *seat = &seats->seats[at.v - 1];
        uint64_t relief = 0;

        for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
            if (amounts->of[resource] != 0)
                relief |=
                    DR_WANTS_ANY_RELIEF | relief_at(core, at, where->groups[resource], resource,
                                                    amounts->of[resource], at.v == account.v);
        seat->relief |= relief;
        seat->relief_chips |= chips;
        if (seat->parent != NONE) /* what is occupied has fallen, or what is kept is not used */
            seat->relief_own |= DR_WANTS_NEAR | DR_WANTS_KEPT;
        seat->relieved_at = moment;
    }
    mark_path(core, account);
}

void dr_seats_lifted(struct dr_core *core, dr_group_id group, int64_t before)
{
    struct dr_seats *seats = core->seats;
    const struct dr_group *about = &core->groups[group.v - 1];

    if (about->capacity <= before || core->accounts_count == 0)
        return;
    if (before < about->guaranteed) {
        dr_seats_wake_all(seats);
        return;
    }
    /* Who found no time may find one. Pools in which the root has more room are opened with what
     * came back (core/apply_federation.c). */
    seats->seats[0].relief |= DR_WANTS_ANY_RELIEF;
    relieve(core, (dr_account_id){1}, dr_seats_moment(seats));
}

void dr_seats_near(struct dr_core *core, dr_account_id account)
{
    struct dr_seat *seats = core->seats->seats;
    uint64_t moment = dr_seats_moment(core->seats);

    for (uint32_t at = account.v - 1; seats[at].parent != NONE; at = seats[at].parent) {
        seats[at].relief_own |= DR_WANTS_NEAR;
        seats[at].relieved_at = moment;
    }
    mark_path(core, account);
}

void dr_seats_replan(struct dr_core *core, dr_account_id account)
{
    struct dr_seat *seats = core->seats->seats;
    uint64_t moment = dr_seats_moment(core->seats);

    dr_seats_near(core, account);
    for (uint32_t at = account.v - 1; at != NONE; at = seats[at].parent) {
        seats[at].relief |= DR_WANTS_ANY_RELIEF;
        seats[at].relieved_at = moment;
    }
}

void dr_seats_settled(struct dr_core *core)
{
    struct dr_seats *seats = core->seats;

    for (uint32_t row = seats->relieved_first; row != NONE; row = seats->seats[row].relieved_next) {
        seats->seats[row].relief = 0;
        seats->seats[row].relief_chips = 0;
        seats->seats[row].relief_own = 0;
        seats->seats[row].relief_below = 0;
    }
    seats->relieved_first = NONE;
    seats->wake_all = 0;
    seats->wake_each = 0;
}

/* ---- for tests ---- */

static int treap_agrees(const struct dr_core *core, uint32_t row)
{
    const struct dr_queue *queue = core->queue;
    const struct dr_queue_class *class = &queue->classes[row];

    if (row == NONE)
        return 1;
    if (class->first != dr_queue_first(core, row) || !dr_queue_class_agrees(core, row) ||
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
