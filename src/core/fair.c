/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is to give, above the guarantees. See fair.h; read dr_fair() first. */
#include "core/fair.h"

#include "base/math.h"
#include "core/attained.h"
#include "core/quota.h"
#include "core/reclaim.h"
#include "core/space.h"
#include "core/victims.h"

#define NONE DR_ROW_NONE

static int by_service(const struct dr_core *core)
{
    return core->settings.ordering == DR_ORDERING_LAS;
}

int dr_fair_is_on(const struct dr_core *core)
{
    return (core->settings.fair_preemption == DR_FAIR_PREEMPTION_FINAL_SHARE || by_service(core)) &&
           !core->settings.no_preemption;
}

int dr_fair_is_due(const struct dr_core *core, int64_t now_us)
{
    return dr_fair_is_on(core) && dr_rest_looks(core, now_us);
}

uint32_t dr_fair_turns(const struct dr_core *core)
{
    return dr_fair_is_on(core) ? 1 + core->queue->class_rows.count / DR_FAIR_CLASSES_MAX : 1;
}

void dr_fair_begin(struct dr_decision *decision)
{
    struct dr_core *core = decision->core;

    decision->fair = NULL;
    if (!dr_fair_is_due(core, decision->now_us))
        return;
    decision->fair = dr_arena_push(&core->scratch, 1, sizeof *decision->fair);
    DR_ASSERT(decision->fair != NULL);
    *decision->fair =
        (struct dr_fair){.core = core,
                         .memo = dr_arena_push(&core->scratch, core->accounts_count + 1u,
                                               sizeof(struct dr_fair_memo))};
    DR_ASSERT(decision->fair->memo != NULL);
    memset(decision->fair->memo, 0, core->accounts_count * sizeof decision->fair->memo[0]);
}

/* The greatest key among the accounts below one. */
static int64_t most_below(struct dr_core *core, dr_account_id parent)
{
    struct dr_seat *seat = &core->seats->seats[parent.v - 1];

    if (seat->most_seq == core->seq)
        return seat->most;
    seat->most_seq = core->seq;
    seat->most = 0;
    for (uint32_t row = core->accounts[parent.v - 1].first_child; row != NONE;
         row = core->accounts[row].next_sibling)
        seat->most = dr_max_i64(seat->most, dr_order_above(core, (dr_account_id){row + 1}));
    return seat->most;
}

/* Somebody takes nothing now. */
static void doubt(struct dr_core *core)
{
    if (core->seats->fair_seq == 0)
        core->seats->fair_seq = core->seq;
}

static int is_at_least(const struct dr_amounts *a, const struct dr_amounts *b)
{
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
        if (a->of[resource] < b->of[resource])
            return 0;
    return 1;
}

/* With so much more, would each account up to the root have as much as any beside it? */
static int has_most(struct dr_core *core, dr_account_id account, dr_pool_id pool,
                    const struct dr_amounts *amounts)
{
    for (dr_account_id at = account; core->accounts[at.v - 1].parent.v != 0;
         at = core->accounts[at.v - 1].parent)
        if (most_below(core, core->accounts[at.v - 1].parent) >
            dr_order_above_with(core, at, pool, amounts, 1))
            return 0;
    return 1;
}

/* What is known of the groups of a pool, as of now; NULL: nothing is. */
static struct dr_fair_vain *vain_in(struct dr_core *core, dr_account_id account, dr_pool_id pool)
{
    struct dr_seat *seat = &core->seats->seats[account.v - 1];
    const dr_group_id *groups = core->pools[pool.v - 1].groups;

    for (uint32_t i = 0; i < DR_FAIR_VAIN_MAX; i += 1) {
        struct dr_fair_vain *vain = &seat->vain[i];

        if (vain->seq == 0 || memcmp(vain->groups, groups, sizeof vain->groups) != 0)
            continue;
        if (vain->seq != core->seq)
            vain->seq = has_most(core, account, pool, &vain->amounts) ? core->seq : 0;
        return vain->seq != 0 ? vain : NULL;
    }
    return NULL;
}

/* Nobody has more than the account would with the job, however little more it were. */
static void note_vain(struct dr_core *core, dr_account_id account, dr_pool_id pool,
                      const struct dr_amounts *amounts)
{
    struct dr_seat *seat = &core->seats->seats[account.v - 1];
    struct dr_fair_vain *vain = vain_in(core, account, pool);

    if (vain != NULL && !is_at_least(&vain->amounts, amounts))
        return;
    for (uint32_t i = 0; i < DR_FAIR_VAIN_MAX && vain == NULL; i += 1)
        if (seat->vain[i].seq == 0)
            vain = &seat->vain[i];
    if (vain == NULL)
        vain = &seat->vain[core->seq % DR_FAIR_VAIN_MAX];
    vain->seq = core->seq;
    memcpy(vain->groups, core->pools[pool.v - 1].groups, sizeof vain->groups);
    vain->amounts = *amounts;
}

/* Has as little been asked for in vain in every group that the job may run in? */
static int is_vain(struct dr_core *core, const struct dr_job *job)
{
    struct dr_place_group groups[DR_PLACE_GROUPS_MAX];
    uint32_t count;

    if (by_service(core) || core->seats->seats[job->account.v - 1].vain[0].seq == 0)
        return 0;
    count = dr_place_groups(core, job, groups);
    if (!dr_place_groups_tell(core, count))
        return 0;
    for (uint32_t i = 0; i < count; i += 1) {
        struct dr_amounts amounts =
            dr_alternative_amounts(&core->shapes[job->shape].alternatives[groups[i].alternative]);
        const struct dr_fair_vain *vain = vain_in(core, job->account, groups[i].pool);

        if (vain == NULL || !is_at_least(&amounts, &vain->amounts))
            return 0;
    }
    return 1;
}

int dr_fair_asks(struct dr_core *core, const struct dr_job *first)
{
    if ((!by_service(core) && !dr_queue_outranks(core, first)) ||
        (first->id.v + (uint64_t)(core->tick_us / DR_MINUTE_US)) % dr_fair_turns(core) != 0)
        return 0;
    if (!is_vain(core, first))
        return 1;
    doubt(core);
    return 0;
}

int dr_fair(struct dr_decision *decision, const struct dr_choice *choice)
{
    struct dr_core *core = decision->core;

    if (decision->fair == NULL || decision->full ||
        !dr_fair_asks(core, &core->jobs[choice->job_row]))
        return 0;
    if (dr_reclaim_fairly(decision, choice))
        return 1;
    doubt(core);
    return 0;
}

int dr_fair_end(struct dr_decision *decision)
{
    struct dr_core *core = decision->core;
    int any = core->seats->fair_seq != 0 && core->seq != core->seats->fair_seq;

    core->seats->fair_seq = 0;
    return any;
}

/* ---- who asks ---- */

int dr_fair_may_ask(struct dr_core *core, dr_account_id account)
{
    if (by_service(core))
        return 1;
    for (dr_account_id at = account; core->accounts[at.v - 1].parent.v != 0;
         at = core->accounts[at.v - 1].parent)
        if (most_below(core, core->accounts[at.v - 1].parent) > dr_order_above(core, at))
            return 1;
    doubt(core);
    return 0;
}

/* Would it be the same as when the last one asked? */
static int asks_again(const struct dr_fair *fair, const struct dr_job *job, dr_pool_id pool,
                      const struct dr_amounts *amounts)
{
    const struct dr_core *core = fair->core;

    return fair->seq == core->seq && fair->job == job &&
           memcmp(&fair->amounts, amounts, sizeof *amounts) == 0 &&
           memcmp(core->pools[fair->pool.v - 1].groups, core->pools[pool.v - 1].groups,
                  sizeof core->pools[0].groups) == 0;
}

struct dr_fair *dr_fair_ask(struct dr_decision *decision, const struct dr_job *job, dr_pool_id pool,
                            const struct dr_amounts *amounts)
{
    struct dr_core *core = decision->core;
    struct dr_fair *fair = decision->fair;
    dr_account_id at = job->account;
    int any_more;

    if (by_service(core)) {
        fair->job = job;
        fair->band = dr_attained_band(core, job, decision->now_us);
        fair->now_us = decision->now_us;
        return fair;
    }
    if (!asks_again(fair, job, pool, amounts)) {
        fair->job = job;
        fair->amounts = *amounts;
        fair->seq = core->seq;
        fair->stamp += 1;
        fair->any = 0;
        any_more = 0;
        while (core->accounts[at.v - 1].parent.v != 0) {
            dr_account_id parent = core->accounts[at.v - 1].parent;
            struct dr_fair_step *step = &fair->path[core->accounts[at.v - 1].depth];

            step->account = at;
            step->above = !dr_quota_within_stated(core, at, pool, amounts);
            step->before = dr_order_above(core, at);
            step->with = dr_order_above_with(core, at, pool, amounts, 1);
            any_more |= most_below(core, parent) > step->with;
            fair->any |= step->above && most_below(core, parent) > step->with;
            at = parent;
        }
        if (!any_more)
            note_vain(core, job->account, pool, amounts);
    }
    fair->pool = pool;
    return fair->any ? fair : NULL;
}

dr_account_id dr_fair_from(const struct dr_core *core, const struct dr_job *job, dr_pool_id pool,
                           const struct dr_amounts *amounts, dr_account_id *than)
{
    dr_account_id at = job->account;

    if (core->settings.fair_preemption != DR_FAIR_PREEMPTION_FINAL_SHARE || by_service(core) ||
        !dr_queue_outranks(core, job))
        return (dr_account_id){0};
    for (; core->accounts[at.v - 1].parent.v != 0; at = core->accounts[at.v - 1].parent) {
        uint32_t row = core->accounts[core->accounts[at.v - 1].parent.v - 1].first_child;
        int64_t most = dr_order_above_with(core, at, pool, amounts, 1);
        dr_account_id from = {0};

        *than = at;
        for (; row != NONE; row = core->accounts[row].next_sibling) {
            int64_t key = dr_order_above_with(core, (dr_account_id){row + 1}, pool, amounts, 0);

            if (key > most) {
                most = key;
                from.v = row + 1;
            }
        }
        if (from.v != 0 && !dr_quota_within_stated(core, at, pool, amounts))
            return from;
    }
    return (dr_account_id){0};
}

/* ---- who may be taken ---- */

/* Whoever is taken from is left with no less than who takes. */
static int is_final_share(int64_t takes, int64_t left)
{
    return takes <= left;
}

int dr_fair_ripe(const struct dr_core *core, const struct dr_job *victim, int64_t now_us)
{
    return by_service(core) ||
           now_us - dr_job_run(core, victim)->start_us >= core->settings.fair_minimum_run_us;
}

/* The account beside a branch on the path of who asks. */
static const struct dr_fair_step *step_beside(const struct dr_fair *fair, dr_account_id branch)
{
    return &fair->path[fair->core->accounts[branch.v - 1].depth];
}

/* The child of the lowest common account towards another account; 0: they are one. */
static dr_account_id branch_of(const struct dr_fair *fair, dr_account_id account)
{
    dr_account_id x;
    dr_account_id y;

    if (fair->job->account.v == account.v)
        return (dr_account_id){0};
    dr_account_common(fair->core, fair->job->account, account, &x, &y);
    return y;
}

/* How much of a resource the accounts between these can lose and have their guarantees still, in
 * the pool's group. As leaves_guarantees() asks. */
static int64_t spares(const struct dr_fair *fair, dr_account_id account, dr_account_id top,
                      enum dr_resource resource)
{
    const struct dr_core *core = fair->core;
    dr_group_id group = core->pools[fair->pool.v - 1].groups[resource];
    int64_t least = INT64_MAX;

    for (dr_account_id at = account;; at = core->accounts[at.v - 1].parent) {
        const struct dr_quota *quota = dr_quota_at(core, at, group);

        if (dr_quota_keep(quota) < quota->guarantee)
            least = dr_min_i64(least, quota->occupied - quota->guarantee);
        if (at.v == top.v)
            return least;
    }
}

/* The most of `units` that leaves a branch with enough: at most, since CPUs and memory go with
 * them.
 */
static int64_t most_units(const struct dr_fair *fair, dr_account_id branch, int64_t units)
{
    dr_group_id group = fair->core->pools[fair->pool.v - 1].groups[DR_RESOURCE_ACCELERATORS];

    return dr_order_most_less(fair->core, branch, group, units, step_beside(fair, branch)->with);
}

/* The same of all that it claims, once for each who asks. */
static int64_t left_most(struct dr_fair *fair, dr_account_id branch)
{
    struct dr_fair_memo *memo = &fair->memo[branch.v - 1];
    dr_group_id group = fair->core->pools[fair->pool.v - 1].groups[DR_RESOURCE_ACCELERATORS];

    if (memo->left_stamp != fair->stamp)
        memo->left_most = most_units(fair, branch, dr_quota_at(fair->core, branch, group)->claim);
    memo->left_stamp = fair->stamp;
    return memo->left_most;
}

int dr_fair_has(struct dr_fair *fair, dr_account_id account, enum dr_resource resource,
                int64_t accelerators)
{
    struct dr_fair_memo *memo = &fair->memo[account.v - 1];
    dr_account_id branch;

    if (by_service(fair->core))
        return 1;
    if (memo->stamp != fair->stamp) {
        branch = branch_of(fair, account);
        memo->stamp = fair->stamp;
        /* With the job the other's key is no less than before. */
        memo->branch = 0;
        memo->keeps = 0;
        memo->most = INT64_MAX;
        if (branch.v != 0 && step_beside(fair, branch)->above &&
            dr_order_above(fair->core, branch) > step_beside(fair, branch)->with) {
            memo->branch = branch.v;
            fair->memo[branch.v - 1].before = dr_order_above(fair->core, branch);
            for (uint32_t of = 0; of < DR_RESOURCE_COUNT && fair->core->places->groups_alike;
                 of += 1)
                memo->keeps |= (uint8_t)((spares(fair, account, branch, of) < 1) << of);
            if (fair->core->places->groups_alike)
                memo->most = dr_min_i64(spares(fair, account, branch, DR_RESOURCE_ACCELERATORS),
                                        left_most(fair, branch));
        }
    }
    return memo->branch != 0 && ((memo->keeps >> resource) & 1) == 0 &&
           (resource != DR_RESOURCE_ACCELERATORS || accelerators <= memo->most);
}

int64_t dr_fair_units(struct dr_fair *fair, const struct dr_victim *victims, uint32_t count)
{
    int64_t units = 0;

    for (uint32_t i = 0; i < count && by_service(fair->core); i += 1)
        units += victims[i].units;
    if (by_service(fair->core))
        return units;
    fair->sums += 1;
    for (uint32_t i = 0; i < count; i += 1) {
        uint32_t branch = fair->memo[victims[i].account.v - 1].branch;
        struct dr_fair_memo *memo = &fair->memo[branch - 1];

        if (memo->summed != fair->sums) {
            memo->summed = fair->sums;
            memo->units = 0;
        }
        memo->units += victims[i].units;
    }
    for (uint32_t i = 0; i < count; i += 1) {
        uint32_t branch = fair->memo[victims[i].account.v - 1].branch;
        struct dr_fair_memo *memo = &fair->memo[branch - 1];

        if (memo->summed != fair->sums)
            continue;
        memo->summed = 0; /* once for each branch */
        units += most_units(fair, (dr_account_id){branch}, memo->units);
    }
    return units;
}

/* Would each account from the victim's up to `top` still have its guarantee without it, by its
 * accelerators, or by its CPUs if it has none? */
static int leaves_guarantees(const struct dr_core *core, const struct dr_job *victim,
                             const struct dr_amounts *holds, dr_account_id top)
{
    enum dr_resource main = dr_resource_main(holds->of[DR_RESOURCE_ACCELERATORS]);
    dr_group_id group = core->pools[dr_job_run(core, victim)->pool.v - 1].groups[main];

    for (dr_account_id at = victim->account;; at = core->accounts[at.v - 1].parent) {
        const struct dr_quota *quota = dr_quota_at(core, at, group);

        if (dr_max_i64(dr_quota_keep(quota), quota->occupied - holds->of[main]) < quota->guarantee)
            return 0;
        if (at.v == top.v)
            return 1;
    }
}

/* By order las: it has had more, by a band at least, and comes back. */
static int has_had_more(const struct dr_fair *fair, const struct dr_job *victim)
{
    const struct dr_core *core = fair->core;
    dr_account_id branch = branch_of(fair, victim->account);
    struct dr_amounts holds = dr_job_holds(core, victim);

    return dr_job_terms(core, victim)->requeue &&
           dr_attained_band(core, victim, fair->now_us) > fair->band &&
           (branch.v == 0 || leaves_guarantees(core, victim, &holds, branch));
}

static int leaves_enough(const struct dr_fair *fair, const struct dr_job *victim)
{
    const struct dr_core *core = fair->core;
    const struct dr_run *run = dr_job_run(core, victim);
    dr_account_id branch = {fair->memo[victim->account.v - 1].branch};
    struct dr_amounts holds;
    int64_t left;

    if (branch.v == 0)
        return 0;
    holds = dr_job_holds(core, victim);
    if (!leaves_guarantees(core, victim, &holds, branch))
        return 0;
    left = dr_order_above_with(core, branch, run->pool, &holds, -1);
    return left < fair->memo[branch.v - 1].before &&
           is_final_share(step_beside(fair, branch)->with, left) &&
           dr_reclaim_borrows(core, fair->pool, &fair->amounts, victim, branch);
}

enum dr_stop_cause dr_fair_may_take(const struct dr_fair *fair, const struct dr_job *victim)
{
    if (by_service(fair->core))
        return has_had_more(fair, victim) ? DR_STOP_ATTAINED : DR_STOP_NONE;
    return leaves_enough(fair, victim) ? DR_STOP_FAIR_SHARE : DR_STOP_NONE;
}

int dr_fair_holds(const struct dr_fair *fair, const struct dr_job *victim)
{
    dr_account_id branch = {fair->memo[victim->account.v - 1].branch};
    const struct dr_fair_step *step;
    int64_t before;
    int64_t after;

    if (by_service(fair->core))
        return 1;
    step = step_beside(fair, branch);
    before = fair->memo[branch.v - 1].before;
    after = dr_order_above(fair->core, branch);
    return after < before && step->before < before &&
           is_final_share(dr_order_above(fair->core, step->account), after);
}
