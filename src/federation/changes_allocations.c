/* SPDX-License-Identifier: Apache-2.0 */
/* Differences in allocations. What leaves or becomes less comes before guarantees move, what is new
 * or becomes more after them, so that at no moment more is promised than there is. */
#include <inttypes.h>

#include "base/math.h"
#include "federation/changes.h"

/* What the core has of an allocation in a group of the file; 0: nothing. */
static int64_t amount_before(const struct dr_differ *differ, const struct dr_allocation *from,
                             uint32_t group)
{
    for (uint32_t i = 0; i < from->amounts_count; i += 1)
        if (from->amounts[i].group.v == differ->groups[group - 1])
            return from->amounts[i].amount;
    return 0;
}

/* Nothing more, and not at other times. */
static int lessens(const struct dr_differ *differ, const struct dr_allocation *from,
                   const struct dr_fact_allocation_set *to)
{
    for (uint32_t i = 0; i < to->amounts_count; i += 1)
        if (to->amounts[i].guarantee > amount_before(differ, from, to->amounts[i].group.v))
            return 0;
    return to->from_us >= from->from_us && to->until_us <= from->until_us;
}

static void say_instant(struct dr_change *change, const char *field, int64_t from, int64_t to)
{
    char a[DR_TEXT_BYTES];
    char b[DR_TEXT_BYTES];

    dr_say_text(change, field, dr_format_instant(from, a), dr_format_instant(to, b));
}

static void say_amounts(struct dr_differ *differ, struct dr_change *change,
                        const struct dr_allocation *from, const struct dr_fact_allocation_set *to)
{
    const struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;

    for (uint32_t i = 0; i < to->amounts_count; i += 1) {
        const struct dr_fact_group_set *group = &federation->groups[to->amounts[i].group.v - 1].set;

        dr_say_amount(change, "amount", group->resource, group->name, "",
                      from == NULL ? 0 : amount_before(differ, from, to->amounts[i].group.v),
                      to->amounts[i].guarantee);
    }
    for (uint32_t i = 0; from != NULL && i < from->amounts_count; i += 1) {
        const struct dr_group *group = &core->groups[from->amounts[i].group.v - 1];
        int kept = 0;

        for (uint32_t k = 0; k < to->amounts_count; k += 1)
            kept |= differ->groups[to->amounts[k].group.v - 1] == from->amounts[i].group.v;
        if (!kept)
            dr_say_amount(change, "amount", group->resource, group->name, "",
                          from->amounts[i].amount, 0);
    }
}

static void declare(struct dr_differ *differ, uint32_t place, int only_less)
{
    struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;
    const struct dr_fact_allocation_set *to = &federation->allocations[place].set;
    uint32_t id = differ->allocations[place];
    const struct dr_allocation *from =
        id > core->allocations_count ? NULL : &core->allocations[id - 1];
    struct dr_quota_limits *amounts;
    struct dr_change *change;

    if ((from != NULL && lessens(differ, from, to)) != only_less)
        return;
    if (from != NULL && from->account.v != differ->accounts[to->account - 1]) {
        dr_change_refuse(differ, federation->allocations[place].line, to->name,
                         federation->accounts[to->account - 1].set.name,
                         "its account %s, as before: give it another name to make a new one",
                         core->accounts[from->account.v - 1].name);
        return;
    }
    amounts = dr_fed_push(&federation->arena, to->amounts_count, sizeof amounts[0]);
    if (amounts == NULL) {
        dr_change_refuse(differ, 0, "allocations", "too many at once", "a smaller change");
        return;
    }
    change = dr_change_add(differ, "allocation", to->name, DR_FACT_ALLOCATION_SET);
    change->declare.allocation_set = *to;
    change->declare.allocation_set.allocation = id;
    change->declare.allocation_set.account = differ->accounts[to->account - 1];
    change->declare.allocation_set.amounts = amounts;
    for (uint32_t i = 0; i < to->amounts_count; i += 1) {
        amounts[i] = to->amounts[i];
        amounts[i].group.v = differ->groups[to->amounts[i].group.v - 1];
    }
    if (from == NULL) {
        char a[DR_TEXT_BYTES];
        char b[DR_TEXT_BYTES];

        dr_say(change, "new, for %s from %s until %s",
               federation->accounts[to->account - 1].set.name, dr_format_instant(to->from_us, a),
               dr_format_instant(to->until_us, b));
        say_amounts(differ, change, NULL, to);
        return;
    }
    say_instant(change, "from", from->from_us, to->from_us);
    say_instant(change, "until", from->until_us, to->until_us);
    say_amounts(differ, change, from, to);
    dr_change_keep(differ, change);
}

void dr_lower_allocations(struct dr_differ *differ)
{
    const struct dr_core *core = differ->core;

    for (uint32_t row = 0; row < core->allocations_count; row += 1) {
        struct dr_change *change;

        if (core->allocations[row].removed || differ->allocation_places[row] != 0)
            continue;
        change = dr_change_add(differ, "allocation", core->allocations[row].name,
                               DR_FACT_ALLOCATION_REMOVED);
        change->declare.allocation_removed.allocation = row + 1;
        dr_say(change, "removed");
    }
    for (uint32_t place = 0; place < differ->federation->allocations_count; place += 1)
        declare(differ, place, 1);
}

void dr_declare_allocations(struct dr_differ *differ)
{
    for (uint32_t place = 0; place < differ->federation->allocations_count; place += 1)
        declare(differ, place, 0);
}
