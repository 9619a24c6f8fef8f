/* SPDX-License-Identifier: Apache-2.0 */
/* See gate.h; read dr_gate_when() first. */
#include "core/gate.h"

#include "base/math.h"
#include "base/sort.h"
#include "core/ends.h"
#include "core/power.h"
#include "core/quota.h"

#define NONE DR_ROW_NONE

enum dr_status dr_gate_open(struct dr_core *core)
{
    const struct dr_limits *limits = &core->limits;
    struct dr_gate *gate = dr_arena_push(&core->tables, 1, sizeof *gate);

    if (gate == NULL)
        return DR_E_FULL;
    gate->groups = dr_arena_push(&core->tables, limits->groups_max, sizeof gate->groups[0]);
    gate->keepers = dr_arena_push(&core->tables, (size_t)limits->accounts_max * limits->groups_max,
                                  sizeof gate->keepers[0]);
    gate->ends_max = limits->jobs_max * DR_RESOURCE_COUNT;
    gate->ends = dr_arena_push(&core->tables, gate->ends_max, sizeof gate->ends[0]);
    if (gate->groups == NULL || gate->keepers == NULL || gate->ends == NULL)
        return DR_E_FULL;
    core->gate = gate;
    return DR_OK;
}

void dr_gate_changed(struct dr_core *core)
{
    for (uint32_t row = 0; row < core->limits.groups_max; row += 1)
        core->gate->groups[row] = (struct dr_gate_group){0};
    core->gate->keepers_count = 0;
    core->gate->ends_count = 0;
}

void dr_gate_ends_changed(struct dr_core *core, uint32_t account_row, dr_group_id group)
{
    struct dr_gate *gate = core->gate;
    struct dr_gate_group *about = &gate->groups[group.v - 1];
    uint32_t low = about->first;
    uint32_t high = about->first + about->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (gate->keepers[middle].account_row < account_row)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == about->first + about->count || gate->keepers[low].account_row != account_row)
        return;
    gate->keepers[low].is_stale = 1;
    about->any_stale = 1;
}

/* ---- power ---- */

struct drawing {
    const struct dr_core *core;
    int64_t weights[DR_POOLS_MAX]; /* microwatts of a thousandth of an accelerator */
};

static int64_t draws_less(const void *context, int64_t until_us)
{
    const struct drawing *drawing = context;

    return dr_ends_weighed(drawing->core, drawing->weights, DR_ENDS_DRAWING, until_us);
}

/* When the standing caps of the site and of its zone are believed to leave room: draws only fall by
 * ends. DR_GATE_CANT_TELL: caps change with time. */
static int64_t power_when(const struct dr_decision *decision, const struct dr_pool *where,
                          const struct dr_amounts *amounts, struct dr_gate_span span, int *is_shut)
{
    const struct dr_core *core = decision->core;
    const struct dr_power *power = core->power;
    const struct dr_power_domain *site = &power->domains[where->site.v - 1];
    const struct dr_chip *chip = where->chip.v == 0 ? NULL : &core->chips[where->chip.v - 1];
    int64_t more_uw = chip == NULL ? 0
                                   : amounts->of[DR_RESOURCE_ACCELERATORS] *
                                         (chip->busy_w - chip->idle_w) * site->pue_milli;
    int64_t when = decision->now_us;
    struct drawing drawing = {.core = core};

    if (!site->limited)
        return when;
    if (site->scheduled)
        return DR_GATE_CANT_TELL;
    for (uint32_t zone = 0; zone < 2; zone += 1) {
        uint32_t domain = zone ? site->zone : where->site.v - 1;
        int64_t over_uw;

        if (domain == NONE || power->domains[domain].count == 0 ||
            power->intervals[power->domains[domain].first].cap_uw == DR_POWER_NO_CAP)
            continue;
        over_uw = power->domains[domain].draw_uw + more_uw -
                  power->intervals[power->domains[domain].first].cap_uw;
        if (over_uw <= 0)
            continue;
        *is_shut = 1;
        for (uint32_t row = 0; row < core->pools_count; row += 1) {
            const struct dr_pool *pool = &core->pools[row];
            const struct dr_power_domain *at = &power->domains[pool->site.v - 1];

            drawing.weights[row] = 0;
            if (pool->chip.v != 0 && (zone ? at->zone == domain : pool->site.v - 1 == domain))
                drawing.weights[row] = at->pue_milli * (core->chips[pool->chip.v - 1].busy_w -
                                                        core->chips[pool->chip.v - 1].idle_w);
        }
        when = dr_max_i64(when, dr_ends_first_instant(draws_less, &drawing, over_uw, span.from_us,
                                                      span.before_us));
    }
    return when;
}

/* ---- accounts ---- */

struct giver {
    int64_t end_us;
    uint32_t row;
};

static int compare_givers(const void *a, const void *b, const void *context)
{
    const struct dr_core *core = context;
    const struct giver *x = a;
    const struct giver *y = b;

    if (x->end_us != y->end_us)
        return x->end_us < y->end_us ? -1 : 1;
    return core->jobs[x->row].id.v < core->jobs[y->row].id.v ? -1 : 1;
}

/* What attempts of one account, and below it, give back of its sums, in one resource of a group. */
struct givers {
    dr_group_id group;
    uint32_t resource;
    struct giver *ends; /* [running] */
    uint32_t count;
    int64_t now_us;
};

/* Levels are few. */
static void push_givers(const struct dr_core *core, struct givers *givers, uint32_t account_row)
{
    for (uint32_t row = dr_place_attempts_of(core, (dr_account_id){account_row + 1}); row != NONE;
         row = dr_place_attempts_of_next(core, row))
        if (core->ends->ends[row].pool.v != 0 &&
            core->pools[dr_job_run(core, &core->jobs[row])->pool.v - 1]
                    .groups[givers->resource]
                    .v == givers->group.v) {
            givers->ends[givers->count] =
                (struct giver){dr_ends_of(core, row, givers->now_us), row};
            givers->count += 1;
        }
    for (uint32_t child = core->accounts[account_row].first_child; child != NONE;
         child = core->accounts[child].next_sibling)
        push_givers(core, givers, child);
}

/* The first instant at which the sums of an account have fallen by so much. */
static int64_t account_when(struct dr_core *core, dr_account_id account, struct givers *givers,
                            int64_t use, int64_t claim, int64_t firm)
{
    size_t mark = core->scratch.used;
    int64_t when = DR_FOREVER_US;

    givers->ends = dr_arena_push(&core->scratch, core->running.count + 1u, sizeof givers->ends[0]);
    DR_ASSERT(givers->ends != NULL);
    givers->count = 0;
    push_givers(core, givers, account.v - 1);
    dr_sort(givers->ends, givers->count, sizeof givers->ends[0], compare_givers, core);
    for (uint32_t i = 0; i < givers->count; i += 1) {
        const struct dr_job *job = &core->jobs[givers->ends[i].row];
        const struct dr_run *run = dr_job_run(core, job);
        int64_t amount = dr_job_holds(core, job).of[givers->resource];

        use -= amount;
        claim -= run->counted ? amount : 0;
        firm -= run->counted && !dr_job_terms(core, job)->preemptible ? amount : 0;
        if (use <= 0 && claim <= 0 && firm <= 0) {
            when = givers->ends[i].end_us;
            break;
        }
    }
    dr_arena_reset(&core->scratch, mark);
    return when;
}

/* ---- the root ---- */

static int compare_keeper_ends(const void *a, const void *b, const void *context)
{
    const struct dr_core *core = context;
    const struct dr_keeper_end *x = a;
    const struct dr_keeper_end *y = b;

    if (x->end_us != y->end_us)
        return x->end_us < y->end_us ? -1 : 1;
    return core->jobs[x->row].id.v < core->jobs[y->row].id.v ? -1 : 1;
}

/* Nobody has any room for ends. */
static void forget_ends(struct dr_core *core)
{
    struct dr_gate *gate = core->gate;

    gate->ends_count = 0;
    for (uint32_t i = 0; i < gate->keepers_count; i += 1) {
        gate->keepers[i].room = 0;
        gate->keepers[i].is_stale = 1;
    }
    for (uint32_t row = 0; row < core->groups_count; row += 1)
        gate->groups[row].any_stale = 1;
}

/* The attempts of an account, not of those below it, that give something back in a group: in no
 * order, into `ends` [max]. Returns how many there are. */
static uint32_t ends_of(const struct dr_core *core, uint32_t account_row, dr_group_id group,
                        struct dr_keeper_end *ends, uint32_t max)
{
    uint32_t resource = core->groups[group.v - 1].resource;
    uint32_t count = 0;

    for (uint32_t row = dr_place_attempts_of(core, (dr_account_id){account_row + 1}); row != NONE;
         row = dr_place_attempts_of_next(core, row)) {
        const struct dr_end *end = &core->ends->ends[row];

        if (end->pool.v == 0 || core->pools[end->pool.v - 1].groups[resource].v != group.v ||
            dr_ends_gives(core, row).amounts.of[resource] == 0)
            continue;
        if (count < max)
            ends[count] = (struct dr_keeper_end){.end_us = end->end_us, .row = row};
        count += 1;
    }
    return count;
}

/* Returns 0 where there was no room, and everything known of others is gone. */
static int know_ends(struct dr_core *core, struct dr_keeper *keeper, dr_group_id group)
{
    struct dr_gate *gate = core->gate;
    uint32_t resource = core->groups[group.v - 1].resource;
    struct dr_keeper_end *ends = &gate->ends[keeper->first];
    int64_t sum = 0;

    keeper->count = ends_of(core, keeper->account_row, group, ends, keeper->room);
    if (keeper->count > keeper->room) {
        if (gate->ends_count + keeper->count > gate->ends_max) {
            forget_ends(core);
            return 0;
        }
        keeper->first = gate->ends_count;
        keeper->room = keeper->count;
        gate->ends_count += keeper->count;
        ends = &gate->ends[keeper->first];
        ends_of(core, keeper->account_row, group, ends, keeper->room);
    }
    dr_sort(ends, keeper->count, sizeof ends[0], compare_keeper_ends, core);
    for (uint32_t i = 0; i < keeper->count; i += 1) {
        sum += dr_ends_gives(core, ends[i].row).amounts.of[resource];
        ends[i].sum = sum;
    }
    keeper->is_stale = 0;
    return 1;
}

static void find_keepers(struct dr_core *core, dr_group_id group)
{
    struct dr_gate *gate = core->gate;
    struct dr_gate_group *about = &gate->groups[group.v - 1];

    *about = (struct dr_gate_group){.first = gate->keepers_count, .is_known = 1, .any_stale = 1};
    for (uint32_t row = 1; row < core->accounts_count; row += 1) {
        if (dr_quota_keep(dr_quota_at(core, (dr_account_id){row + 1}, group)) == 0)
            continue;
        about->nested |= core->accounts[row].first_child != NONE;
        gate->keepers[gate->keepers_count] = (struct dr_keeper){.account_row = row, .is_stale = 1};
        gate->keepers_count += 1;
    }
    about->count = gate->keepers_count - about->first;
}

/* The keepers of a group; those whose ends have changed are looked at again. */
static const struct dr_gate_group *keepers_of(struct dr_core *core, dr_group_id group)
{
    struct dr_gate *gate = core->gate;
    struct dr_gate_group *about = &gate->groups[group.v - 1];

    if (!about->is_known)
        find_keepers(core, group);
    while (about->any_stale && !about->nested) {
        about->any_stale = 0;
        for (uint32_t i = 0; i < about->count && !about->any_stale; i += 1)
            if (gate->keepers[about->first + i].is_stale)
                (void)know_ends(core, &gate->keepers[about->first + i], group);
    }
    return about;
}

/* What a job adds to what the root has occupied in a group. */
struct filling {
    struct dr_core *core;
    const struct dr_gate_group *keepers;
    dr_account_id account; /* of the job */
    dr_group_id group;
    uint32_t resource;
    int64_t amount;
    int64_t weights[DR_POOLS_MAX];
};

/* What all ends until an instant give back at the root, with the job there. */
static int64_t given_back(const void *context, int64_t until_us)
{
    const struct filling *filling = context;
    const struct dr_core *core = filling->core;
    const struct dr_gate *gate = core->gate;
    int64_t sum = dr_ends_weighed(core, filling->weights, filling->resource, until_us);

    for (uint32_t i = 0; i < filling->keepers->count; i += 1) {
        const struct dr_keeper *keeper = &gate->keepers[filling->keepers->first + i];
        const struct dr_keeper_end *ends = &gate->ends[keeper->first];
        dr_account_id account = {keeper->account_row + 1};
        const struct dr_quota *quota = dr_quota_at(core, account, filling->group);
        int64_t keep = dr_quota_keep(quota);
        int64_t claim = quota->claim + (account.v == filling->account.v ? filling->amount : 0);
        uint32_t low = 0;
        uint32_t high = keeper->count;

        while (low < high) {
            uint32_t middle = (low + high) / 2;

            if (ends[middle].end_us <= until_us)
                low = middle + 1;
            else
                high = middle;
        }
        if (low > 0)
            sum -= dr_max_i64(0, ends[low - 1].sum - dr_max_i64(0, claim - keep));
    }
    return sum;
}

/* When the root's capacity is believed to suffice. */
static int64_t root_when(struct dr_decision *decision, const struct dr_job *job,
                         const struct givers *givers, int64_t amount, struct dr_gate_span span,
                         int *is_shut)
{
    struct dr_core *core = decision->core;
    const struct dr_quota *root = dr_quota_at(core, (dr_account_id){1}, givers->group);
    const struct dr_quota *own = dr_quota_at(core, job->account, givers->group);
    struct filling filling = {.core = core,
                              .account = job->account,
                              .group = givers->group,
                              .resource = givers->resource,
                              .amount = amount};
    /* It fills up first what its own account keeps. */
    int64_t rise = dr_max_i64(own->occupied, own->claim + amount) - own->occupied;
    int64_t over = root->occupied + rise - core->groups[givers->group.v - 1].capacity;

    if (root->kept > 0) {
        filling.keepers = keepers_of(core, givers->group);
        if (filling.keepers->nested)
            return DR_GATE_CANT_TELL;
    } else {
        static const struct dr_gate_group nobody;

        filling.keepers = &nobody;
    }
    if (over <= 0)
        return decision->now_us;
    *is_shut = 1;
    for (uint32_t row = 0; row < core->pools_count; row += 1)
        filling.weights[row] = core->pools[row].groups[givers->resource].v == givers->group.v;
    return dr_ends_first_instant(given_back, &filling, over, span.from_us, span.before_us);
}

/* When quotas are believed to let the job start in the pool, by the ends of attempts: they only
 * fall by these. DR_GATE_CANT_TELL: capacity is held back for somebody, so that sums don't tell. */
static int64_t quota_when(struct dr_decision *decision, const struct dr_job *job, dr_pool_id pool,
                          const struct dr_amounts *amounts, struct dr_gate_span span, int *is_shut)
{
    struct dr_core *core = decision->core;
    int64_t when = decision->now_us;

    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
        struct givers givers = {.group = core->pools[pool.v - 1].groups[resource],
                                .resource = resource,
                                .now_us = decision->now_us};
        int64_t amount = amounts->of[resource];
        int64_t root_us;

        if (amount == 0)
            continue;
        root_us = root_when(decision, job, &givers, amount, span, is_shut);
        if (root_us == DR_GATE_CANT_TELL)
            return root_us;
        when = dr_max_i64(when, root_us);
        for (dr_account_id at = job->account;
             core->accounts[at.v - 1].parent.v != 0 && when < span.before_us;
             at = core->accounts[at.v - 1].parent) {
            const struct dr_quota *quota = dr_quota_at(core, at, givers.group);
            int64_t firm = at.v == job->account.v && !dr_job_terms(core, job)->preemptible
                               ? quota->firm + amount - quota->guarantee
                               : 0;
            int64_t use = 0;
            int64_t claim = 0;

            if (quota->borrow < DR_FOREVER_US - quota->guarantee) {
                use = quota->use + amount - quota->guarantee - quota->borrow;
                claim = quota->claim + amount - quota->guarantee - quota->borrow;
            }
            if (use > 0 || claim > 0 || firm > 0) {
                *is_shut = 1;
                when = dr_max_i64(when, account_when(core, at, &givers, use, claim, firm));
            }
        }
    }
    return when;
}

/* The same, asked once for all pools of a group, where these are in the same groups of everything.
 */
static int64_t quota_answer(struct dr_decision *decision, const struct dr_job *job, dr_pool_id pool,
                            const struct dr_amounts *amounts, struct dr_gate_span span,
                            struct dr_gate_answer *answers, int *is_shut)
{
    const struct dr_core *core = decision->core;
    enum dr_resource main = dr_resource_main(amounts->of[DR_RESOURCE_ACCELERATORS]);
    struct dr_gate_answer *answer;
    int shut = 0;

    if (answers == NULL || !core->places->groups_alike)
        return quota_when(decision, job, pool, amounts, span, is_shut);
    answer = &answers[core->pools[pool.v - 1].groups[main].v - 1];
    /* Exact, unless they allowed it already where it was looked from. */
    if (!answer->is_known ||
        (answer->when_us <= answer->from_us && span.from_us < answer->from_us)) {
        answer->when_us = quota_when(decision, job, pool, amounts, span, &shut);
        answer->from_us = span.from_us;
        answer->is_shut = (uint8_t)shut;
        answer->is_known = 1;
    }
    *is_shut |= answer->is_shut;
    return answer->when_us;
}

int64_t dr_gate_when(struct dr_decision *decision, const struct dr_job *job, dr_pool_id pool,
                     const struct dr_amounts *amounts, struct dr_gate_span span,
                     struct dr_gate_answer *answers, int *is_shut)
{
    int64_t quota_us = quota_answer(decision, job, pool, amounts, span, answers, is_shut);
    int64_t power_us;

    if (quota_us != DR_GATE_CANT_TELL && quota_us >= span.before_us)
        return quota_us;
    power_us = power_when(decision, &decision->core->pools[pool.v - 1], amounts, span, is_shut);
    if (power_us == DR_FOREVER_US || quota_us == DR_FOREVER_US)
        return DR_FOREVER_US;
    if (power_us == DR_GATE_CANT_TELL || quota_us == DR_GATE_CANT_TELL)
        return DR_GATE_CANT_TELL;
    return dr_max_i64(power_us, quota_us);
}
