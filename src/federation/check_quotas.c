/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of guarantees (POLICY, section 1).
 *
 * People guarantee accelerators. CPUs and memory follow in proportion to the nodes of the group's
 * pools, unless the account says something of those groups itself; an account that states no
 * guarantee in a group has what those below it have together; the federation has what its pools
 * declare. */
#include <inttypes.h>

#include "base/math.h"
#include "federation/check.h"

/* "accounts.industry.accounts.hanbit" */
static void account_path(const struct dr_federation *federation, uint32_t place, char *text,
                         size_t bytes)
{
    const struct dr_fed_account *account = &federation->accounts[place];
    size_t length;

    if (place == 0) {
        text[0] = '\0';
        return;
    }
    account_path(federation, account->set.parent - 1, text, bytes);
    length = strlen(text);
    snprintf(text + length, bytes - length, "%saccounts.%s", length > 0 ? "." : "",
             account->set.name);
}

static int64_t add_saturated(int64_t a, int64_t b)
{
    int64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static int64_t pool_amount(const struct dr_fed_pool *pool, uint32_t resource)
{
    int64_t per_node = resource == DR_RESOURCE_ACCELERATORS ? (int64_t)pool->set.accelerators * 1000
                       : resource == DR_RESOURCE_CPUS       ? (int64_t)pool->set.cpus
                                                            : pool->set.memory_mb;

    return per_node * pool->nodes;
}

static uint32_t find_links(const struct dr_federation *federation, struct dr_fed_link *links)
{
    uint32_t count = 0;

    for (uint32_t p = 0; p < federation->pools_count; p += 1) {
        const struct dr_fed_pool *pool = &federation->pools[p];

        if (pool->set.accelerators == 0)
            continue;
        for (uint32_t r = DR_RESOURCE_CPUS; r < DR_RESOURCE_COUNT; r += 1) {
            uint32_t from = pool->set.groups[DR_RESOURCE_ACCELERATORS] - 1;
            uint32_t to = pool->set.groups[r] - 1;
            uint32_t i = 0;

            while (i < count && (links[i].from != from || links[i].to != to))
                i += 1;
            if (i == count) {
                links[i] =
                    (struct dr_fed_link){.from = from, .to = to, .next = DR_ROW_NONE, .first = 1};
                for (uint32_t k = 0; k < i; k += 1)
                    links[i].first = links[i].first && links[k].to != to;
                count += 1;
            }
            links[i].amount += pool_amount(pool, r);
        }
    }
    return count;
}

int64_t dr_fed_proportion(int64_t amount, int64_t all, int64_t declared)
{
    if (amount == DR_FOREVER_US)
        return DR_FOREVER_US;
    return amount >= declared ? all : dr_mul_div_floor(amount, all, declared);
}

/* What follows for CPUs and memory from an account's accelerators. */
static void derive(const struct dr_federation *federation, struct dr_fed_account *account,
                   const struct dr_fed_link *links, uint32_t links_count)
{
    for (uint32_t i = 0; i < links_count; i += 1) {
        const struct dr_fed_limit *from = &account->limits[links[i].from];
        struct dr_fed_limit *to = &account->limits[links[i].to];
        int64_t declared = federation->groups[links[i].from].declared;

        if (!to->stated)
            to->guarantee = add_saturated(
                to->guarantee, dr_fed_proportion(from->guarantee, links[i].amount, declared));
        if (to->line != 0)
            continue;
        /* Limits of several accelerator groups add up; one without a limit takes it off. The first
         * one finds none yet. */
        for (int lend = 0; lend < 2; lend += 1) {
            int64_t limit =
                dr_fed_proportion(lend ? from->lend : from->borrow, links[i].amount, declared);
            int64_t *sum = lend ? &to->lend : &to->borrow;

            if (links[i].first)
                *sum = limit;
            else
                *sum = limit == DR_FOREVER_US || *sum == DR_FOREVER_US ? DR_FOREVER_US
                                                                       : add_saturated(*sum, limit);
        }
    }
}

/* From the leaves up: an account's sum below it, and its guarantee where it states none. */
static void sum_up(struct dr_federation *federation, int accelerators)
{
    for (uint32_t a = federation->accounts_count; a > 0; a -= 1) {
        struct dr_fed_account *account = &federation->accounts[a - 1];

        for (uint32_t g = 0; g < federation->groups_count; g += 1) {
            struct dr_fed_limit *limit = &account->limits[g];

            if ((federation->groups[g].set.resource == DR_RESOURCE_ACCELERATORS) != accelerators)
                continue;
            if (!limit->stated)
                limit->guarantee = dr_max_i64(limit->guarantee, limit->children);
            if (a > 1) {
                struct dr_fed_limit *above =
                    &federation->accounts[account->set.parent - 1].limits[g];

                above->children = add_saturated(above->children, limit->guarantee);
            }
        }
    }
}

/* "academia 40, industry 32" */
static void list_children(const struct dr_federation *federation, uint32_t parent, uint32_t group,
                          char *text, size_t bytes)
{
    size_t at = 0;

    text[0] = '\0';
    for (uint32_t a = 1; a < federation->accounts_count && at + DR_NAME_BYTES * 2 < bytes; a += 1) {
        const struct dr_fed_account *account = &federation->accounts[a];
        char amount[DR_AMOUNT_BYTES];

        if (account->set.parent != parent + 1 || account->limits[group].guarantee == 0)
            continue;
        at += (size_t)snprintf(text + at, bytes - at, "%s%s %s", at == 0 ? "" : ", ",
                               account->set.name,
                               dr_format_amount(federation->groups[group].set.resource,
                                                account->limits[group].guarantee, amount));
    }
}

static void check_sums(struct dr_checker *checker, const struct dr_fed_link *links,
                       uint32_t links_count)
{
    const struct dr_federation *federation = checker->federation;
    char field[600];
    char children[400];
    char found[500];
    char amount[DR_AMOUNT_BYTES];
    char sum[DR_AMOUNT_BYTES];

    for (uint32_t g = 0; g < federation->groups_count; g += 1) {
        const struct dr_fed_group *group = &federation->groups[g];
        const struct dr_fed_limit *root = &federation->accounts[0].limits[g];
        int follows = 0; /* from a group that is wrong itself: one mistake, said once */

        for (uint32_t i = 0; i < links_count; i += 1) {
            const struct dr_fed_limit *from = &federation->accounts[0].limits[links[i].from];

            if (links[i].to == g && from->children > federation->groups[links[i].from].declared)
                follows = 1;
        }
        if (root->children > group->declared && !follows) {
            list_children(federation, 0, g, children, sizeof children);
            snprintf(found, sizeof found, "%s guaranteed in group %s (%s)",
                     dr_format_amount(group->set.resource, root->children, sum), group->set.name,
                     children);
            dr_error_list_add(checker->errors, federation->file, federation->accounts_line,
                              "accounts", found, "at most %s, the group's declared capacity",
                              dr_format_amount(group->set.resource, group->declared, amount));
        } else if (group->set.resource == DR_RESOURCE_ACCELERATORS && group->declared > 0 &&
                   (__int128)root->children * 100 > (__int128)group->declared * 98) {
            snprintf(found, sizeof found, "%s of %s in group %s",
                     dr_format_amount(group->set.resource, root->children, sum),
                     dr_format_amount(group->set.resource, group->declared, amount),
                     group->set.name);
            dr_error_list_add(checker->warnings, federation->file, federation->accounts_line,
                              "accounts", found,
                              "guarantees of at most 98 %% of a group: with a node down they can't "
                              "all be met");
        }
        for (uint32_t a = 1; a < federation->accounts_count; a += 1) {
            const struct dr_fed_limit *limit = &federation->accounts[a].limits[g];

            if (limit->children <= limit->guarantee)
                continue;
            account_path(federation, a, field, sizeof field - 80);
            snprintf(field + strlen(field), 80, ".guarantees.%s", group->set.name);
            list_children(federation, a, g, children, sizeof children);
            dr_error_list_add(checker->errors, federation->file, limit->line, field,
                              dr_format_amount(group->set.resource, limit->guarantee, amount),
                              "at least %s, which the accounts below it have: %s",
                              dr_format_amount(group->set.resource, limit->children, sum),
                              children);
        }
    }
}

/* May the account at `place`, or one below it, use the pool? */
static int consents(const struct dr_federation *federation, const struct dr_fact_pool_set *set,
                    uint32_t place)
{
    int may = set->consent_count == 0;

    for (uint32_t i = 0; i < set->consent_count && !may; i += 1)
        may = dr_check_within(federation, place, set->consent[i] - 1) ||
              dr_check_within(federation, set->consent[i] - 1, place);
    return may;
}

/* A guarantee in a group whose pools its holder may not all use can't be kept on those. */
static void check_consent(struct dr_checker *checker)
{
    const struct dr_federation *federation = checker->federation;
    char field[600];
    char path[300];

    for (uint32_t p = 0; p < federation->pools_count; p += 1) {
        const struct dr_fact_pool_set *set = &federation->pools[p].set;

        if (set->consent_count == 0)
            continue;
        dr_check_pool_path(federation, &federation->pools[p], path, sizeof path);
        for (uint32_t a = 1; a < federation->accounts_count; a += 1) {
            int may = consents(federation, set, a);

            for (uint32_t r = 0; r < DR_RESOURCE_COUNT && !may; r += 1) {
                uint32_t group = set->groups[r] - 1;
                const struct dr_fed_limit *limit = &federation->accounts[a].limits[group];

                if (limit->guarantee == 0 || !limit->stated)
                    continue;
                account_path(federation, a, field, sizeof field - 80);
                snprintf(field + strlen(field), 80, ".guarantees.%s",
                         federation->groups[group].set.name);
                dr_error_list_add(
                    checker->warnings, federation->file, limit->line, field, "a guarantee",
                    "a group whose pools it may all use: the consent of %s leaves it out", path);
            }
        }
        for (uint32_t i = 0; i < federation->allocations_count; i += 1) {
            const struct dr_fed_allocation *allocation = &federation->allocations[i];
            int may = consents(federation, set, allocation->set.account - 1);

            for (uint32_t k = 0; k < allocation->set.amounts_count && !may; k += 1) {
                uint32_t group = allocation->set.amounts[k].group.v;

                if (group != set->groups[federation->groups[group - 1].set.resource] ||
                    allocation->set.amounts[k].guarantee == 0)
                    continue;
                snprintf(field, sizeof field, "allocations.%s.amounts.%s", allocation->set.name,
                         federation->groups[group - 1].set.name);
                dr_error_list_add(
                    checker->warnings, federation->file, allocation->line, field, "an allocation",
                    "a group whose pools its account may all use: the consent of %s leaves it out",
                    path);
            }
        }
    }
}

/* ---- allocations ---- */

static int64_t allocated_in(const struct dr_fed_allocation *allocation, uint32_t group)
{
    for (uint32_t i = 0; i < allocation->set.amounts_count; i += 1)
        if (allocation->set.amounts[i].group.v == group + 1)
            return allocation->set.amounts[i].guarantee;
    return 0;
}

/* CPUs and memory follow from accelerators as guarantees do, in groups of which nothing is said. */
static void derive_allocation(struct dr_checker *checker, struct dr_fed_allocation *allocation,
                              const struct dr_fed_link *links, uint32_t links_count)
{
    const struct dr_federation *federation = checker->federation;
    /* The room behind those read is there: parse_allocations.c. */
    struct dr_quota_limits *amounts = (struct dr_quota_limits *)allocation->set.amounts;
    uint32_t stated = allocation->set.amounts_count;
    uint32_t count = stated;
    char field[300];

    for (uint32_t i = 0; i < links_count; i += 1) {
        int64_t from = allocated_in(allocation, links[i].from);
        uint32_t at = 0;

        while (at < count && amounts[at].group.v != links[i].to + 1)
            at += 1;
        if (from == 0 || at < stated)
            continue;
        if (at == DR_ALLOCATION_GROUPS) {
            snprintf(field, sizeof field, "allocations.%s.amounts", allocation->set.name);
            dr_error_list_add(checker->errors, federation->file, allocation->line, field,
                              "too many groups", "at most %d with those that follow",
                              DR_ALLOCATION_GROUPS);
            break;
        }
        if (at == count) {
            amounts[at] = (struct dr_quota_limits){
                .group = {links[i].to + 1}, .borrow = DR_FOREVER_US, .lend = DR_FOREVER_US};
            count += 1;
        }
        amounts[at].guarantee = add_saturated(
            amounts[at].guarantee,
            dr_fed_proportion(from, links[i].amount, federation->groups[links[i].from].declared));
    }
    allocation->set.amounts_count = count;
}

/* What is guaranteed and what is allocated at one time may not be more than there is. The sum rises
 * when an allocation begins: each beginning is looked at. */
static void check_allocation_sums(struct dr_checker *checker)
{
    const struct dr_federation *federation = checker->federation;
    char field[300];
    char found[200];
    char sum_text[DR_AMOUNT_BYTES];
    char amount[DR_AMOUNT_BYTES];
    char instant[DR_TEXT_BYTES];

    for (uint32_t a = 0; a < federation->allocations_count; a += 1) {
        const struct dr_fed_allocation *begins = &federation->allocations[a];

        for (uint32_t i = 0; i < begins->set.amounts_count; i += 1) {
            uint32_t g = begins->set.amounts[i].group.v - 1;
            const struct dr_fed_group *group = &federation->groups[g];
            int64_t sum = federation->accounts[0].limits[g].children;

            if (begins->set.amounts[i].guarantee == 0 || sum > group->declared)
                continue; /* that has been said */
            for (uint32_t b = 0; b < federation->allocations_count; b += 1) {
                const struct dr_fed_allocation *other = &federation->allocations[b];

                if (other->set.from_us <= begins->set.from_us &&
                    begins->set.from_us < other->set.until_us)
                    sum = add_saturated(sum, allocated_in(other, g));
            }
            if (sum <= group->declared)
                continue;
            snprintf(field, sizeof field, "allocations.%s.amounts.%s", begins->set.name,
                     group->set.name);
            snprintf(found, sizeof found, "%s guaranteed and allocated from %s on",
                     dr_format_amount(group->set.resource, sum, sum_text),
                     dr_format_instant(begins->set.from_us, instant));
            dr_error_list_add(checker->errors, federation->file, begins->line, field, found,
                              "at most %s, the group's declared capacity",
                              dr_format_amount(group->set.resource, group->declared, amount));
            break; /* CPUs and memory are as wrong: one mistake, said once */
        }
    }
}

/* The limits as the facts have them: groups in which nothing is said are left out. */
static int fill_limits(struct dr_federation *federation)
{
    for (uint32_t a = 0; a < federation->accounts_count; a += 1) {
        struct dr_fed_account *account = &federation->accounts[a];
        struct dr_quota_limits *limits;
        uint32_t count = 0;

        for (uint32_t g = 0; g < federation->groups_count; g += 1)
            count += account->limits[g].guarantee != 0 ||
                     account->limits[g].borrow != DR_FOREVER_US ||
                     account->limits[g].lend != DR_FOREVER_US;
        limits = dr_fed_push(&federation->arena, count, sizeof limits[0]);
        if (limits == NULL)
            return 0;
        account->set.limits = limits;
        account->set.limits_count = count;
        count = 0;
        for (uint32_t g = 0; g < federation->groups_count; g += 1) {
            const struct dr_fed_limit *limit = &account->limits[g];

            if (limit->guarantee == 0 && limit->borrow == DR_FOREVER_US &&
                limit->lend == DR_FOREVER_US)
                continue;
            limits[count] = (struct dr_quota_limits){.group = {g + 1},
                                                     .guarantee = limit->guarantee,
                                                     .borrow = limit->borrow,
                                                     .lend = limit->lend};
            count += 1;
        }
    }
    return 1;
}

int dr_check_quotas(struct dr_checker *checker)
{
    struct dr_federation *federation = checker->federation;
    struct dr_fed_link *links =
        dr_fed_push(&federation->arena, (size_t)federation->pools_count * 2, sizeof links[0]);
    uint32_t links_count;

    if (links == NULL)
        return 0;
    for (uint32_t p = 0; p < federation->pools_count; p += 1) {
        for (uint32_t r = 0; r < DR_RESOURCE_COUNT; r += 1)
            federation->groups[federation->pools[p].set.groups[r] - 1].declared +=
                pool_amount(&federation->pools[p], r);
    }
    links_count = find_links(federation, links);
    sum_up(federation, 1);
    for (uint32_t a = 1; a < federation->accounts_count; a += 1)
        derive(federation, &federation->accounts[a], links, links_count);
    sum_up(federation, 0);
    for (uint32_t g = 0; g < federation->groups_count; g += 1)
        federation->accounts[0].limits[g].guarantee = federation->groups[g].declared;
    check_sums(checker, links, links_count);
    check_consent(checker);
    for (uint32_t a = 0; a < federation->allocations_count; a += 1)
        derive_allocation(checker, &federation->allocations[a], links, links_count);
    check_allocation_sums(checker);
    return fill_limits(federation);
}
