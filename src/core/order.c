/* SPDX-License-Identifier: Apache-2.0 */
/* The walk down the account tree. See order.h; read dr_order_next() first.
 *
 * What an account offers is looked for only when it may be its turn: until then its seat has a
 * bound that its sums alone give (core/seats.h), no greater than the key of anything that it can
 * offer. After a start or a refusal the seats on the path go back to their bounds. */
#include "core/order.h"

#include "base/math.h"
#include "core/fair.h"
#include "core/quota.h"

#define NONE DR_ROW_NONE

/* ---- keys ---- */

/* part / whole in 2^-32, at most one. Both are halved until the product fits in 64 bits: the last
 * bits of very large amounts don't count. */
static int64_t ratio(int64_t part, int64_t whole)
{
    if (part >= whole)
        return DR_ORDER_ONE;
    while (whole >= DR_ORDER_ONE / 2) {
        part /= 2;
        whole /= 2;
    }
    return (part << 32) / whole;
}

static int64_t by_weight(int64_t key, uint32_t weight)
{
    return dr_mul_div_floor(key, 1000, weight == 0 ? 1 : weight);
}

/* Groups in which an account has, or had, anything: bits of 64 of them from `word` * 64 on. */
static uint64_t used_in(const struct dr_core *core, dr_account_id account, uint32_t word)
{
    return core->quotas_used[(size_t)(account.v - 1) * core->quota_words + word];
}

/* A part of capacity: what is claimed above the guarantee there. */
static int64_t share_in(const struct dr_core *core, dr_account_id account, dr_group_id group,
                        int64_t claim)
{
    int64_t capacity = core->groups[group.v - 1].capacity;
    int64_t guarantee;

    if (capacity == 0 || claim <= 0)
        return 0;
    guarantee = dr_quota_guarantee(core, account, group);
    return claim > guarantee ? ratio(claim - guarantee, capacity) : 0;
}

/* A part of what the capacity would give in the time that past use is remembered. */
static int64_t past_in(const struct dr_core *core, dr_group_id group, int64_t past, int64_t seconds)
{
    int64_t capacity = core->groups[group.v - 1].capacity;

    return capacity > 0 && past > 0 && seconds > 0 && capacity < INT64_MAX / seconds
               ? ratio(past, capacity * seconds)
               : 0;
}

/* A use of x for ever is x * H / ln 2 in decayed unit-seconds. */
static int64_t remembered_s(const struct dr_core *core)
{
    return dr_mul_div_floor(core->settings.half_life_us, 1442695, INT64_C(1000000) * DR_SECOND_US);
}

static void sum_above(const struct dr_core *core, dr_account_id account, int64_t *share,
                      int64_t *past)
{
    int64_t seconds = remembered_s(core);

    *share = 0;
    *past = 0;
    for (uint32_t word = 0; word < core->quota_words; word += 1)
        for (uint64_t rest = used_in(core, account, word); rest != 0; rest &= rest - 1) {
            dr_group_id group = {word * 64 + dr_bit_lowest(rest) + 1};
            const struct dr_quota *quota = dr_quota_at(core, account, group);

            *share = dr_max_i64(*share, share_in(core, account, group, quota->claim));
            *past = dr_max_i64(*past, past_in(core, group, quota->past, seconds));
        }
}

/* The greatest share in other groups than these. */
static int64_t share_beside(const struct dr_core *core, dr_account_id account,
                            const dr_group_id *groups, uint32_t count)
{
    int64_t share = 0;

    for (uint32_t word = 0; word < core->quota_words; word += 1)
        for (uint64_t rest = used_in(core, account, word); rest != 0; rest &= rest - 1) {
            dr_group_id group = {word * 64 + dr_bit_lowest(rest) + 1};
            int is_one = 0;

            for (uint32_t i = 0; i < count; i += 1)
                is_one |= groups[i].v == group.v;
            if (!is_one)
                share = dr_max_i64(share, share_in(core, account, group,
                                                   dr_quota_at(core, account, group)->claim));
        }
    return share;
}

static int64_t key_above(const struct dr_core *core, dr_account_id account)
{
    int64_t share;
    int64_t past;

    sum_above(core, account, &share, &past);
    return by_weight(share + past, core->accounts[account.v - 1].weight);
}

/* What sums say of its past; its share too, if they are known. */
static int64_t past_of(const struct dr_core *core, dr_account_id account)
{
    const struct dr_seat *seat = &core->seats->seats[account.v - 1];
    int64_t share;
    int64_t past;

    if (seat->known == core->seats->version)
        return seat->past;
    sum_above(core, account, &share, &past);
    return past;
}

uint8_t dr_order_key(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                     const struct dr_amounts *amounts, int64_t *key)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];

    *key = 0;
    if (!dr_quota_within_guarantee(core, account, pool, amounts)) {
        const struct dr_seat *seat = &core->seats->seats[account.v - 1];

        *key = seat->known == core->seats->version ? seat->above_key : key_above(core, account);
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

/* The least key of an account over the groups that the job may run in. Where it isn't within its
 * guarantee the key is the same in all of them. */
static uint8_t least_key(struct dr_order *order, dr_account_id account, uint32_t job_row,
                         int64_t *key)
{
    const struct dr_core *core = order->core;
    const struct dr_job *job = &core->jobs[job_row];
    const struct dr_seat *seat = &core->seats->seats[account.v - 1];
    uint8_t tier = 2;

    *key = dr_order_above(order->core, account);
    if (seat->bound_tier == 2)
        return 2;
    if (order->asked_row != job_row)
        order->groups_count = dr_place_groups(core, job, order->groups);
    order->asked_row = job_row;
    for (uint32_t i = 0; i < order->groups_count; i += 1) {
        const struct dr_place_group *group = &order->groups[i];
        const struct dr_alternative *way =
            &core->shapes[job->shape].alternatives[group->alternative];
        enum dr_resource main = dr_resource_main(way->accelerators_per_task);
        struct dr_amounts amounts;
        int64_t one;

        if (dr_quota_at(core, account, core->pools[group->pool.v - 1].groups[main])->guarantee == 0)
            continue;
        amounts = dr_alternative_amounts(way);
        if (dr_order_key(core, account, group->pool, &amounts, &one) == 2 ||
            (tier == 1 && one >= *key))
            continue;
        tier = 1;
        *key = one;
    }
    return tier;
}

/* ---- what an account's sums alone say ---- */

/* A bound for what it offers within its guarantee: a job finds room there for the least that is
 * asked for in the group of its accelerators, or else of its CPUs, and its key is no less than what
 * is claimed there with that. */
static void know_least(struct dr_core *core, uint32_t row)
{
    struct dr_seat *seat = &core->seats->seats[row];
    dr_account_id account = {row + 1};
    int64_t asked[DR_RESOURCE_COUNT];

    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
        asked[resource] = dr_seats_least(seat->wants, resource);
    asked[DR_RESOURCE_MEMORY] = INT64_MAX;
    if (!dr_seats_without(seat->wants))
        asked[DR_RESOURCE_CPUS] = INT64_MAX;
    seat->least = INT64_MAX;
    seat->least_in = NONE;
    for (uint32_t word = 0; word < core->quota_words; word += 1)
        for (uint64_t rest = used_in(core, account, word); rest != 0; rest &= rest - 1) {
            dr_group_id group = {word * 64 + dr_bit_lowest(rest) + 1};
            int64_t asks = asked[core->groups[group.v - 1].resource];
            const struct dr_quota *quota;
            int64_t guarantee;
            int64_t key;

            if (asks == INT64_MAX)
                continue;
            quota = dr_quota_at(core, account, group);
            if (asks > quota->guarantee)
                continue;
            guarantee = dr_quota_guarantee(core, account, group);
            if (quota->occupied > guarantee - asks)
                continue;
            key = ratio(quota->claim + asks, guarantee);
            if (key >= seat->least)
                continue;
            seat->least = key;
            seat->least_in = group.v - 1;
        }
}

static void set_keys(struct dr_core *core, uint32_t row)
{
    struct dr_seat *seat = &core->seats->seats[row];

    seat->above_key = by_weight(seat->share + seat->past, core->accounts[row].weight);
    seat->bound_tier = seat->least == INT64_MAX ? 2 : 1;
    seat->bound_key = seat->least == INT64_MAX ? seat->above_key : seat->least;
}

/* A bound for whatever it offers, and its key above guarantee. */
static void know(struct dr_core *core, uint32_t row)
{
    struct dr_seat *seat = &core->seats->seats[row];

    know_least(core, row);
    sum_above(core, (dr_account_id){row + 1}, &seat->share, &seat->past);
    set_keys(core, row);
    seat->known = core->seats->version;
}

void dr_order_claimed(struct dr_core *core, dr_account_id account, dr_group_id group)
{
    uint32_t row = account.v - 1;
    struct dr_seat *seat = &core->seats->seats[row];

    if (seat->known != core->seats->version)
        return;
    seat->share = dr_max_i64(
        seat->share, share_in(core, account, group, dr_quota_at(core, account, group)->claim));
    /* Elsewhere less is left within its guarantee, or it is claimed already. */
    if (seat->least_in == group.v - 1)
        know_least(core, row);
    set_keys(core, row);
}

int64_t dr_order_above(struct dr_core *core, dr_account_id account)
{
    const struct dr_seat *seat = &core->seats->seats[account.v - 1];

    if (seat->known != core->seats->version)
        know(core, account.v - 1);
    return seat->above_key;
}

int64_t dr_order_above_with(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                            const struct dr_amounts *amounts, int sign)
{
    const struct dr_seat *seat = &core->seats->seats[account.v - 1];
    const dr_group_id *groups = core->pools[pool.v - 1].groups;
    int64_t share = sign >= 0 && seat->known == core->seats->version
                        ? seat->share /* with more claimed no share is less */
                        : share_beside(core, account, groups, DR_RESOURCE_COUNT);

    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
        share = dr_max_i64(share, share_in(core, account, groups[resource],
                                           dr_quota_at(core, account, groups[resource])->claim +
                                               sign * amounts->of[resource]));
    return by_weight(share + past_of(core, account), core->accounts[account.v - 1].weight);
}

int64_t dr_order_most_less(const struct dr_core *core, dr_account_id account, dr_group_id group,
                           int64_t most, int64_t key)
{
    uint32_t weight = core->accounts[account.v - 1].weight;
    int64_t claim = dr_quota_at(core, account, group)->claim;
    int64_t beside = share_beside(core, account, &group, 1);
    int64_t past = past_of(core, account);
    int64_t least = 0;

    if (by_weight(beside + past, weight) >= key)
        return most;
    while (least < most) {
        int64_t middle = least + (most - least + 1) / 2;
        int64_t share = dr_max_i64(beside, share_in(core, account, group, claim - middle));

        if (by_weight(share + past, weight) >= key)
            least = middle;
        else
            most = middle - 1;
    }
    return least;
}

/* Does it go by the keys of accounts? Otherwise nobody's are looked at but those on the path of
 * whose turn it is. */
static int is_by_keys(const struct dr_core *core)
{
    return core->settings.ordering == DR_ORDERING_FAIR;
}

static void to_bound(struct dr_order *order, uint32_t row)
{
    struct dr_seat *seat = &order->core->seats->seats[row];

    seat->state = DR_SEAT_BOUND;
    if (!is_by_keys(order->core))
        return;
    if (seat->known != order->core->seats->version)
        know(order->core, row);
    seat->tier = seat->bound_tier;
    seat->key = seat->bound_key;
}

/* The seat as it stands in this decision. */
static struct dr_seat *seat_at(struct dr_order *order, uint32_t row)
{
    struct dr_seat *seat = &order->core->seats->seats[row];

    if (seat->stamp != order->stamp) {
        seat->stamp = order->stamp;
        seat->begun = 0;
        seat->put_below = 0;
        seat->has_new = 0;
        seat->gone = 0;
        to_bound(order, row);
    }
    return seat;
}

/* ---- the tree ---- */

/* ... by what they offer alone, whatever their sums: everybody who has not said it is asked. */
static int offer_before(const struct dr_core *core, const struct dr_seat *a, uint32_t row_a,
                        const struct dr_seat *b, uint32_t row_b)
{
    struct dr_seat_key x;
    struct dr_seat_key y;

    if (a->state != b->state)
        return a->state == DR_SEAT_BOUND;
    if (a->state != DR_SEAT_OFFER)
        return row_a < row_b;
    x = dr_seats_key(core, a->class_row);
    y = dr_seats_key(core, b->class_row);
    if (x.rank_us != y.rank_us)
        return x.rank_us < y.rank_us;
    return x.submit_us != y.submit_us ? x.submit_us < y.submit_us : x.id < y.id;
}

/* Does `a` come before `b`? Where keys are equal and one is a bound, that one has to be looked at
 * first. */
static int seat_before(const struct dr_core *core, const struct dr_seat *a, uint32_t row_a,
                       const struct dr_seat *b, uint32_t row_b)
{
    if (!is_by_keys(core))
        return offer_before(core, a, row_a, b, row_b);
    if (a->tier != b->tier)
        return a->tier < b->tier;
    if (a->key != b->key)
        return a->key < b->key;
    if (a->state != b->state)
        return a->state == DR_SEAT_BOUND;
    if (a->state == DR_SEAT_OFFER && a->submit_us != b->submit_us)
        return a->submit_us < b->submit_us;
    return row_a < row_b;
}

/* May something at or below the seat be helped, by the offers or by its own relief and those below?
 */
static int meets(const struct dr_seat *seat, const struct dr_offers *offers)
{
    return seat->relief_below || dr_offers_meet(seat->wants, offers);
}

/* What the reliefs of a seat since a moment offer, with those above it so far. */
static void add_reliefs(const struct dr_core *core, uint32_t row, uint64_t since,
                        struct dr_offers *offers)
{
    const struct dr_seat *seat = &core->seats->seats[row];

    if ((seat->relief == 0 && seat->relief_own == 0) || seat->relieved_at <= since)
        return;
    offers->reliefs.sums |= seat->relief;
    offers->reliefs.room |= seat->relief_chips;
    offers->reliefs.hunts |= seat->relief_own;
    if (offers->relieved_at < seat->relieved_at)
        offers->relieved_at = seat->relieved_at;
}

/* Offer no shapes that fit nowhere any more. */
static void refine(struct dr_order *order)
{
    struct dr_fits_offers fits =
        dr_fits_refine(order->core, order->core->places->untouched_at, order->reserves);

    for (uint32_t look = 0; look <= order->looks; look += 1) {
        order->since[look].pools.room &= fits.room | ~DR_WANTS_SHAPE;
        order->since[look].lenient &= fits.lenient;
    }
}

/* What is offered to the classes of an account since it was gone through last. */
static struct dr_offers offers_to(struct dr_order *order, uint32_t row)
{
    const struct dr_seat *seats = order->core->seats->seats;
    struct dr_offers offers;
    uint64_t since;

    if (dr_fits_pays(order->core) && !order->core->seats->wake_all)
        refine(order);
    offers = order->since[seats[row].gone];
    since = seats[row].gone == 0 ? 0 : offers.looked_at;

    offers.looked_at = order->since[order->looks].looked_at;
    if (seats[row].put_below || seats[row].has_new)
        offers.pools.room |= DR_WANTS_FRESH;
    offers.fair = offers.fair && dr_fair_may_ask(order->core, (dr_account_id){row + 1});
    for (uint32_t at = row; at != NONE; at = seats[at].parent)
        add_reliefs(order->core, at, since, &offers);
    return offers;
}

static void set_offer_key(struct dr_order *order, uint32_t row)
{
    struct dr_seat *seat = &order->core->seats->seats[row];
    const struct dr_queue_class *class = &order->core->queue->classes[seat->class_row];

    seat->tier = least_key(order, (dr_account_id){row + 1}, class->first, &seat->key);
}

/* Find out what the account offers; `offers`: to it and those below. Levels are few: the recursion
 * is no deeper than the tree. */
static void resolve(struct dr_order *order, uint32_t row, struct dr_offers offers)
{
    struct dr_core *core = order->core;
    struct dr_seat *seats = core->seats->seats;
    struct dr_seat *seat = seat_at(order, row);

    if (seat->root != NONE) {
        struct dr_offers since = offers_to(order, row);

        seat->class_row =
            dr_seats_next(core, row, seat->begun ? &seat->last : NULL, &since, &seat->scope);
        seat->best = row;
        if (seat->class_row != NONE)
            seat->submit_us = core->queue->classes[seat->class_row].first_submit_us;
    } else {
        add_reliefs(core, row, 0, &offers);
        seat->class_row = NONE;
        for (;;) {
            uint32_t best = NONE;

            for (uint32_t child = seat->first_child; child != NONE;
                 child = seats[child].next_sibling) {
                if (!meets(&seats[child], &offers))
                    continue;
                if (seat_at(order, child)->state == DR_SEAT_EMPTY)
                    continue;
                if (best == NONE || seat_before(core, &seats[child], child, &seats[best], best))
                    best = child;
            }
            if (best == NONE)
                break;
            if (seats[best].state == DR_SEAT_OFFER) {
                seat->best = best;
                seat->class_row = seats[best].class_row;
                seat->submit_us = seats[best].submit_us;
                break;
            }
            resolve(order, best, offers);
        }
    }
    if (seat->class_row == NONE) {
        seat->state = DR_SEAT_EMPTY;
        seat->has_new = 0;
        seat->gone = (uint8_t)order->looks;
        return;
    }
    seat->state = DR_SEAT_OFFER;
    if (is_by_keys(core) && seat->parent != NONE)
        set_offer_key(order, row);
}

void dr_order_begin(struct dr_core *core, struct dr_offers offers, struct dr_order *order)
{
    core->seats->stamp += 1;
    if (core->seats->stamp == 0) {
        for (uint32_t row = 0; row < core->accounts_count; row += 1)
            core->seats->seats[row].stamp = 0;
        core->seats->stamp = 1;
    }
    order->core = core;
    order->stamp = core->seats->stamp;
    order->looks = 1;
    order->reserves = 1;
    order->last = NONE;
    order->asked_row = NONE;
    order->since[0] = offers;
    order->since[1] = (struct dr_offers){.looked_at = offers.looked_at};
}

void dr_order_no_reservations(struct dr_order *order)
{
    order->reserves = 0;
    if (!order->core->seats->wake_all)
        refine(order);
}

/* Back to its bound, if anything new at or below it may help. Depth: that of the tree. */
static int renew(struct dr_order *order, uint32_t row, struct dr_offers news, uint64_t since)
{
    struct dr_seat *seats = order->core->seats->seats;
    struct dr_seat *seat = &seats[row];
    int is_new;

    if (seat->relief_below)
        add_reliefs(order->core, row, since, &news);
    is_new = seat->put_below || dr_offers_meet(seat->wants, &news);
    if (!is_new && !seat->relief_below)
        return 0;
    if (seat->put_below)
        seat->has_new = 1;
    seat->put_below = 0;
    if (seat->root == NONE) {
        is_new = 0;
        for (uint32_t child = seat->first_child; child != NONE; child = seats[child].next_sibling)
            is_new |= renew(order, child, news, since);
    }
    if (!is_new)
        return 0;
    seat_at(order, row)->begun = 0;
    to_bound(order, row);
    return 1;
}

void dr_order_again(struct dr_order *order, struct dr_offers news)
{
    uint64_t since = order->since[order->looks].looked_at;

    order->reserves = 1;
    for (uint32_t look = 0; look <= order->looks; look += 1) {
        struct dr_offers *offers = &order->since[look];

        offers->pools.room |= news.pools.room;
        offers->pools.hunts |= news.pools.hunts;
        offers->lenient |= news.lenient;
    }
    if (order->looks < DR_ORDER_LOOKS_MAX) {
        order->looks += 1;
        order->since[order->looks] = (struct dr_offers){.looked_at = news.looked_at};
    }
    if (order->core->accounts_count > 0)
        renew(order, 0, news, since);
}

int dr_order_next(struct dr_order *order, struct dr_choice *choice)
{
    struct dr_core *core = order->core;
    struct dr_seat *seats = core->seats->seats;
    uint32_t at = 0;

    if (core->accounts_count == 0)
        return 0;
    order->asked_row = NONE;
    if (seat_at(order, 0)->state == DR_SEAT_BOUND)
        resolve(order, 0, order->since[0]);
    if (seats[0].state == DR_SEAT_EMPTY)
        return 0;
    *choice = (struct dr_choice){.tier = 1, .class_row = seats[0].class_row};
    while (seats[at].best != at) {
        at = seats[at].best;
        if (!is_by_keys(core))
            set_offer_key(order, at);
        if (choice->keys_count == 0)
            choice->tier = seats[at].tier;
        if (choice->keys_count < DR_DEPTH_MAX) {
            choice->keys[choice->keys_count] = seats[at].key;
            choice->keys_count += 1;
        }
    }
    choice->job_row = core->queue->classes[choice->class_row].first;
    choice->scope = seats[at].scope;
    choice->judged_at = core->queue->classes[choice->class_row].judged_at;
    order->last = at;
    order->key = dr_seats_key(core, choice->class_row);
    return 1;
}

static void path_to_bounds(struct dr_order *order, uint32_t row)
{
    for (; row != NONE; row = order->core->seats->seats[row].parent) {
        seat_at(order, row);
        to_bound(order, row);
    }
}

void dr_order_passed(struct dr_order *order)
{
    struct dr_seat *leaf = &order->core->seats->seats[order->last];

    leaf->last = order->key;
    leaf->begun = 1;
    path_to_bounds(order, order->last);
}

void dr_order_touch(struct dr_order *order, dr_account_id account)
{
    path_to_bounds(order, account.v - 1);
}
