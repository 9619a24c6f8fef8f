/* SPDX-License-Identifier: Apache-2.0 */
#include "core/quota.h"

#include "base/math.h"
#include "core/gate.h"
#include "core/lent.h"
#include "core/order.h"
#include "core/seats.h"
#include "core/slack.h"

static int is_leaf(const struct dr_core *core, dr_account_id account)
{
    return core->accounts[account.v - 1].first_child == DR_ROW_NONE;
}

int64_t dr_quota_keep(const struct dr_quota *quota)
{
    return quota->lend >= quota->guarantee ? 0 : quota->guarantee - quota->lend;
}

static void note_used(struct dr_core *core, dr_account_id account, dr_group_id group)
{
    core->quotas_used[(size_t)(account.v - 1) * core->quota_words + (group.v - 1) / 64] |=
        UINT64_C(1) << (group.v - 1) % 64;
}

static int64_t occupied_of(const struct dr_core *core, dr_account_id account,
                           const struct dr_quota *quota)
{
    return dr_max_i64(dr_quota_keep(quota),
                      is_leaf(core, account) ? quota->claim : quota->children_occupied);
}

static int64_t kept_of(const struct dr_quota *quota)
{
    return dr_max_i64(dr_quota_keep(quota), quota->children_kept);
}

/* Add to one account; `risen`: by how much those below it occupy more. Returns how much more it
 * occupies itself. */
static int64_t add(struct dr_core *core, dr_account_id account, dr_group_id group, int64_t amount,
                   int64_t risen, unsigned charges)
{
    struct dr_quota *quota = dr_quota_at(core, account, group);
    int64_t before = quota->occupied;

    if (charges & DR_CHARGE_USE)
        quota->use += amount;
    if (charges & DR_CHARGE_CLAIM)
        quota->claim += amount;
    if (charges & DR_CHARGE_FIRM)
        quota->firm += amount;
    DR_ASSERT(quota->use >= 0); /* I4 */
    quota->children_occupied += risen;
    quota->occupied = occupied_of(core, account, quota);
    return quota->occupied - before;
}

void dr_quota_charge(struct dr_core *core, dr_account_id account, dr_pool_id pool,
                     const struct dr_amounts *amounts, unsigned charges, int sign)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];

    if ((charges & DR_CHARGE_THOUGHT) == 0)
        dr_slack_charged(core, pool);
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
        int64_t amount = amounts->of[resource] * sign;
        int64_t risen = 0; /* of occupied, in the child */

        if (amount == 0)
            continue;
        for (dr_account_id at = account; at.v != 0; at = core->accounts[at.v - 1].parent) {
            risen = add(core, at, where->groups[resource], amount, risen, charges);
            note_used(core, at, where->groups[resource]);
            if (sign > 0 && (charges & DR_CHARGE_THOUGHT) == 0)
                dr_order_claimed(core, at, where->groups[resource]);
            else
                dr_seats_changed(core->seats, at.v - 1);
            dr_lent_stale(core, at.v - 1);
        }
    }
}

void dr_quota_charge_one(struct dr_core *core, dr_account_id account, dr_group_id group,
                         int64_t amount, int64_t firm)
{
    dr_account_id parent = core->accounts[account.v - 1].parent;
    int64_t risen = add(core, account, group, amount, 0, DR_CHARGE_USE | DR_CHARGE_CLAIM);

    dr_quota_at(core, account, group)->firm += firm;
    if (parent.v != 0)
        dr_quota_at(core, parent, group)->children_occupied += risen;
}

static int over(int64_t value, int64_t guarantee, int64_t borrow)
{
    return borrow < DR_FOREVER_US - guarantee && value > guarantee + borrow;
}

/* Would `amount` more pass the account's own limits? `promised`: claimed for it already. */
static int passes(const struct dr_quota *quota, int64_t amount, int64_t promised)
{
    return over(dr_max_i64(quota->use, quota->claim - promised) + amount, quota->guarantee,
                quota->borrow);
}

struct dr_quota_verdict dr_quota_check(const struct dr_core *core, dr_account_id account,
                                       dr_pool_id pool, const struct dr_amounts *amounts, int firm,
                                       const struct dr_amounts *held)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];

    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
        dr_group_id group = where->groups[resource];
        int64_t amount = amounts->of[resource];
        int64_t promised = held != NULL ? held->of[resource] : 0;
        int64_t risen = 0;

        if (amount == 0)
            continue;
        for (dr_account_id at = account; at.v != 0; at = core->accounts[at.v - 1].parent) {
            const struct dr_quota *quota = dr_quota_at(core, at, group);
            int64_t claim = quota->claim - promised;
            int64_t occupied;

            if (passes(quota, amount, promised))
                return (struct dr_quota_verdict){DR_REASON_QUOTA,
                                                 at,
                                                 group,
                                                 dr_max_i64(quota->use, claim),
                                                 dr_max_i64(quota->use, claim) + amount,
                                                 quota->guarantee + quota->borrow,
                                                 0};
            if (firm && at.v == account.v && quota->firm - promised + amount > quota->guarantee)
                return (struct dr_quota_verdict){DR_REASON_QUOTA,
                                                 at,
                                                 group,
                                                 quota->firm - promised,
                                                 quota->firm - promised + amount,
                                                 quota->guarantee,
                                                 0};
            if (at.v == account.v)
                occupied = dr_max_i64(dr_quota_keep(quota), claim + amount);
            else
                occupied = dr_max_i64(dr_quota_keep(quota), quota->children_occupied + risen);
            risen = occupied - quota->occupied;
            if (core->accounts[at.v - 1].parent.v == 0 &&
                occupied > core->groups[group.v - 1].capacity)
                return (struct dr_quota_verdict){
                    quota->occupied > quota->claim ? DR_REASON_KEPT : DR_REASON_CAPACITY,
                    at,
                    group,
                    quota->occupied,
                    occupied,
                    core->groups[group.v - 1].capacity,
                    0};
        }
    }
    return (struct dr_quota_verdict){.reason = DR_REASON_NONE};
}

int dr_quota_path_allows(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                         const struct dr_amounts *amounts, int firm)
{
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
        dr_group_id group = core->pools[pool.v - 1].groups[resource];
        int64_t amount = amounts->of[resource];

        if (amount == 0)
            continue;
        if (firm && dr_quota_at(core, account, group)->firm + amount >
                        dr_quota_at(core, account, group)->guarantee)
            return 0;
        for (dr_account_id at = account; at.v != 0; at = core->accounts[at.v - 1].parent)
            if (passes(dr_quota_at(core, at, group), amount, 0))
                return 0;
    }
    return 1;
}

int dr_quota_never(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                   const struct dr_amounts *amounts, int firm)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];

    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
        for (dr_account_id at = account; at.v != 0; at = core->accounts[at.v - 1].parent) {
            const struct dr_quota *quota = dr_quota_at(core, at, where->groups[resource]);

            if (amounts->of[resource] != 0 &&
                (over(amounts->of[resource], quota->guarantee, quota->borrow) ||
                 (firm && at.v == account.v && amounts->of[resource] > quota->guarantee)))
                return 1;
        }
    return 0;
}

/* What one account stops on its own: its guarantee, for a job that can't be taken; both limits
 * together, where that is not done with by as much more of the guarantee. */
static uint32_t account_verdicts(const struct dr_core *core, dr_account_id at, dr_group_id group,
                                 int64_t amount, int firm, struct dr_quota_verdict *verdicts)
{
    const struct dr_quota *quota = dr_quota_at(core, at, group);
    int64_t most = dr_max_i64(quota->use, quota->claim) + amount;
    int64_t firm_lacks = firm ? dr_max_i64(0, quota->firm + amount - quota->guarantee) : 0;
    uint32_t count = 0;

    if (firm_lacks > 0) {
        verdicts[count] = (struct dr_quota_verdict){
            DR_REASON_QUOTA,  at,       group, quota->firm, quota->firm + amount,
            quota->guarantee, .firm = 1};
        count += 1;
    }
    if (over(most - firm_lacks, quota->guarantee, quota->borrow)) {
        verdicts[count] = (struct dr_quota_verdict){
            DR_REASON_QUOTA, at, group, most - amount, most, quota->guarantee + quota->borrow, 0};
        count += 1;
    }
    return count;
}

uint32_t dr_quota_obstacles(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                            const struct dr_amounts *amounts, int firm,
                            const struct dr_amounts *given_back, struct dr_quota_verdict *verdicts,
                            int *full)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];
    uint32_t count = 0;

    *full = 0;
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
        dr_group_id group = where->groups[resource];
        int64_t amount = amounts->of[resource];
        int64_t room = core->groups[group.v - 1].capacity +
                       (given_back != NULL ? given_back->of[resource] : 0);
        int64_t risen = 0;

        if (amount == 0)
            continue;
        for (dr_account_id at = account; at.v != 0; at = core->accounts[at.v - 1].parent) {
            const struct dr_quota *quota = dr_quota_at(core, at, group);
            int64_t occupied = dr_max_i64(dr_quota_keep(quota),
                                          at.v == account.v ? quota->claim + amount
                                                            : quota->children_occupied + risen);

            count += account_verdicts(core, at, group, amount, firm && at.v == account.v,
                                      &verdicts[count]);
            risen = occupied - quota->occupied;
            if (core->accounts[at.v - 1].parent.v != 0)
                continue;
            *full |= quota->claim + amount > room;
            if (occupied > room && quota->claim + amount <= room) {
                verdicts[count] = (struct dr_quota_verdict){
                    DR_REASON_KEPT, at, group, quota->occupied, occupied, room, 0};
                count += 1;
            }
        }
    }
    return count;
}

int dr_quota_ever(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                  const struct dr_amounts *amounts, int firm)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];

    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
        dr_group_id group = where->groups[resource];
        int64_t amount = amounts->of[resource];
        int64_t risen = 0; /* of what is kept, in the child */

        if (amount == 0)
            continue;
        for (dr_account_id at = account; at.v != 0; at = core->accounts[at.v - 1].parent) {
            const struct dr_quota *quota = dr_quota_at(core, at, group);
            int64_t occupied = dr_max_i64(
                dr_quota_keep(quota), at.v == account.v ? amount : quota->children_kept + risen);

            if (over(amount, quota->guarantee, quota->borrow) ||
                (firm && at.v == account.v && amount > quota->guarantee))
                return 0;
            risen = occupied - quota->kept;
            if (core->accounts[at.v - 1].parent.v == 0 &&
                occupied > core->groups[group.v - 1].declared)
                return 0;
        }
    }
    return 1;
}

int64_t dr_quota_guarantee(const struct dr_core *core, dr_account_id account, dr_group_id group)
{
    const struct dr_group *about = &core->groups[group.v - 1];
    int64_t guarantee = dr_quota_at(core, account, group)->guarantee;

    if (about->capacity >= about->guaranteed)
        return guarantee;
    return dr_mul_div_floor(guarantee, about->capacity, about->guaranteed);
}

int dr_quota_within_guarantee(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                              const struct dr_amounts *amounts)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];

    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
        dr_group_id group = where->groups[resource];

        if (amounts->of[resource] != 0 &&
            dr_quota_at(core, account, group)->occupied + amounts->of[resource] >
                dr_quota_guarantee(core, account, group))
            return 0;
    }
    return 1;
}

int dr_quota_branch_within(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                           const struct dr_amounts *amounts)
{
    dr_account_id branch = dr_account_branch(core, account);

    return branch.v != 0 && dr_quota_within_guarantee(core, branch, pool, amounts);
}

int dr_quota_within_stated(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                           const struct dr_amounts *amounts)
{
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
        const struct dr_quota *quota =
            dr_quota_at(core, account, core->pools[pool.v - 1].groups[resource]);

        if (amounts->of[resource] != 0 &&
            quota->occupied + amounts->of[resource] > quota->guarantee)
            return 0;
    }
    return 1;
}

dr_account_id dr_quota_guarantor(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                                 const struct dr_amounts *amounts)
{
    for (dr_account_id at = account; core->accounts[at.v - 1].parent.v != 0;
         at = core->accounts[at.v - 1].parent)
        if (dr_quota_within_stated(core, at, pool, amounts))
            return at;
    return (dr_account_id){0};
}

/* What the root's children are guaranteed in one group. */
static void sum_guaranteed(struct dr_core *core, dr_group_id group)
{
    int64_t sum = 0;

    if (core->accounts_count == 0)
        return;
    for (uint32_t row = core->accounts[0].first_child; row != DR_ROW_NONE;
         row = core->accounts[row].next_sibling)
        sum += dr_quota_at(core, (dr_account_id){row + 1}, group)->guarantee;
    core->groups[group.v - 1].guaranteed = sum;
}

void dr_quota_refresh(struct dr_core *core, dr_account_id account)
{
    core->seats->limits += 1;
    for (uint32_t row = 0; row < core->groups_count; row += 1) {
        dr_group_id group = {row + 1};
        int64_t risen = 0;
        int64_t kept_risen = 0;

        for (dr_account_id at = account; at.v != 0; at = core->accounts[at.v - 1].parent) {
            struct dr_quota *quota = dr_quota_at(core, at, group);
            int64_t before = quota->occupied;
            int64_t kept_before = quota->kept;

            if (quota->guarantee != 0)
                note_used(core, at, group);
            quota->children_occupied += risen;
            quota->occupied = occupied_of(core, at, quota);
            risen = quota->occupied - before;
            quota->children_kept += kept_risen;
            quota->kept = kept_of(quota);
            kept_risen = quota->kept - kept_before;
        }
        sum_guaranteed(core, group);
    }
    for (dr_account_id at = account; at.v != 0; at = core->accounts[at.v - 1].parent)
        dr_lent_stale(core, at.v - 1);
    dr_gate_changed(core);
    dr_slack_clear(core);
    dr_seats_all_changed(core->seats);
}

void dr_quota_tick(struct dr_core *core, int64_t now_us, uint32_t decay)
{
    int64_t seconds = core->tick_us == 0 ? 0 : (now_us - core->tick_us) / DR_SECOND_US;

    for (size_t word = 0; word < (size_t)core->accounts_count * core->quota_words; word += 1)
        for (uint64_t rest = core->quotas_used[word]; rest != 0; rest &= rest - 1) {
            uint32_t account_row = (uint32_t)(word / core->quota_words);
            uint32_t group_row = (uint32_t)(word % core->quota_words) * 64 + dr_bit_lowest(rest);
            struct dr_quota *quota =
                dr_quota_at(core, (dr_account_id){account_row + 1}, (dr_group_id){group_row + 1});
            int64_t above = dr_max_i64(0, quota->use - quota->guarantee);

            if (quota->past == 0 && above == 0)
                continue;
            quota->past = dr_mul_div_floor(quota->past, decay, INT64_C(1) << 32) +
                          dr_mul_div_floor(above, seconds, 1);
        }
    dr_seats_all_changed(core->seats);
}

static void hand_up(const struct dr_quota *quota, struct dr_quota *parent)
{
    parent->children_occupied += quota->occupied;
    parent->children_kept += quota->kept;
}

void dr_quota_index(struct dr_core *core)
{
    /* Children have higher rows than their parents: the last first. */
    for (uint32_t a = 0; a < core->accounts_count; a += 1)
        for (uint32_t g = 0; g < core->groups_count; g += 1) {
            struct dr_quota *quota =
                dr_quota_at(core, (dr_account_id){a + 1}, (dr_group_id){g + 1});

            quota->use = 0;
            quota->claim = 0;
            quota->firm = 0;
            quota->children_occupied = 0;
            quota->children_kept = 0;
        }
    for (uint32_t a = core->accounts_count; a > 0; a -= 1)
        for (uint32_t g = 0; g < core->groups_count; g += 1) {
            dr_account_id account = {a};
            dr_account_id parent = core->accounts[a - 1].parent;
            struct dr_quota *quota = dr_quota_at(core, account, (dr_group_id){g + 1});

            if (quota->guarantee != 0 || quota->past != 0)
                note_used(core, account, (dr_group_id){g + 1});
            quota->occupied = occupied_of(core, account, quota);
            quota->kept = kept_of(quota);
            if (parent.v != 0)
                hand_up(quota, dr_quota_at(core, parent, (dr_group_id){g + 1}));
        }
    for (uint32_t g = 0; g < core->groups_count; g += 1)
        sum_guaranteed(core, (dr_group_id){g + 1});
    dr_seats_all_changed(core->seats);
    core->seats->limits += 1;
}
