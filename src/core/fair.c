/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is to give, above the guarantees. See fair.h; read dr_fair() first. */
#include "core/fair.h"

#include "base/math.h"
#include "core/quota.h"
#include "core/reclaim.h"

#define NONE DR_ROW_NONE

/* The greatest key among the accounts below one, as of a fact. */
struct dr_fair_most {
    uint64_t seq; /* 0: not known */
    int64_t key;
};

int dr_fair_is_due(const struct dr_core *core, int64_t now_us)
{
    return core->settings.fair_preemption == DR_FAIR_PREEMPTION_FINAL_SHARE &&
           core->tick_us == now_us;
}

void dr_fair_begin(struct dr_decision *decision)
{
    struct dr_core *core = decision->core;

    decision->fair_most = NULL;
    if (!dr_fair_is_due(core, decision->now_us))
        return;
    decision->fair_most =
        dr_arena_push(&core->scratch, core->accounts_count + 1u, sizeof decision->fair_most[0]);
    DR_ASSERT(decision->fair_most != NULL);
    memset(decision->fair_most, 0, core->accounts_count * sizeof decision->fair_most[0]);
}

/* Is it the class's turn at this tick? */
static int is_asked(const struct dr_core *core, const struct dr_job *first)
{
    uint64_t every = 1 + core->queue->class_rows.count / DR_FAIR_CLASSES_MAX;

    return (first->id.v + (uint64_t)(core->tick_us / DR_MINUTE_US)) % every == 0;
}

int dr_fair(struct dr_decision *decision, const struct dr_choice *choice)
{
    struct dr_core *core = decision->core;

    if (decision->fair_most == NULL || decision->full ||
        !dr_queue_outranks(core, &core->jobs[choice->job_row]) ||
        !is_asked(core, &core->jobs[choice->job_row]))
        return 0;
    if (dr_reclaim_fairly(decision, choice))
        return 1;
    if (decision->fair_doubt_seq == 0)
        decision->fair_doubt_seq = core->seq;
    return 0;
}

/* ---- who asks ---- */

static int64_t most_below(struct dr_decision *decision, dr_account_id parent)
{
    struct dr_core *core = decision->core;
    struct dr_fair_most *most = &decision->fair_most[parent.v - 1];

    if (most->seq == core->seq)
        return most->key;
    *most = (struct dr_fair_most){.seq = core->seq};
    for (uint32_t row = core->accounts[parent.v - 1].first_child; row != NONE;
         row = core->accounts[row].next_sibling)
        most->key = dr_max_i64(most->key, dr_order_above(core, (dr_account_id){row + 1}));
    return most->key;
}

int dr_fair_ask(struct dr_decision *decision, const struct dr_job *job, dr_pool_id pool,
                const struct dr_amounts *amounts, struct dr_fair *fair)
{
    struct dr_core *core = decision->core;
    dr_account_id at = job->account;
    int any = 0;

    *fair = (struct dr_fair){
        .core = core, .job = job, .pool = pool, .amounts = amounts, .now_us = decision->now_us};
    while (core->accounts[at.v - 1].parent.v != 0) {
        dr_account_id parent = core->accounts[at.v - 1].parent;
        struct dr_fair_step *step = &fair->path[core->accounts[at.v - 1].depth];

        step->account = at;
        step->above = !dr_quota_within_stated(core, at, pool, amounts);
        step->before = dr_order_above(core, at);
        step->with = dr_order_above_with(core, at, pool, amounts, 1);
        any |= step->above && most_below(decision, parent) > step->with;
        at = parent;
    }
    return any;
}

dr_account_id dr_fair_from(const struct dr_core *core, const struct dr_job *job, dr_pool_id pool,
                           const struct dr_amounts *amounts, dr_account_id *than)
{
    dr_account_id at = job->account;

    if (core->settings.fair_preemption != DR_FAIR_PREEMPTION_FINAL_SHARE ||
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

int dr_fair_ripe(const struct dr_core *core, const struct dr_job *victim, int64_t now_us)
{
    return now_us - dr_job_run(core, victim)->start_us >= core->settings.fair_minimum_run_us;
}

/* The child of the lowest common account towards the victim, and the step towards who asks; 0: they
 * have one account. */
static dr_account_id branch_of(const struct dr_fair *fair, const struct dr_job *victim,
                               const struct dr_fair_step **step)
{
    const struct dr_core *core = fair->core;
    dr_account_id x;
    dr_account_id y;

    if (fair->job->account.v == victim->account.v)
        return (dr_account_id){0};
    dr_account_common(core, fair->job->account, victim->account, &x, &y);
    *step = &fair->path[core->accounts[x.v - 1].depth];
    return y;
}

/* Whoever is taken from is left with no less than who takes. */
static int is_final_share(int64_t takes, int64_t left)
{
    return takes <= left;
}

int dr_fair_may_take(const struct dr_fair *fair, const struct dr_job *victim)
{
    const struct dr_core *core = fair->core;
    const struct dr_run *run = dr_job_run(core, victim);
    const struct dr_fair_step *step;
    dr_account_id branch = branch_of(fair, victim, &step);
    struct dr_amounts holds;

    if (branch.v == 0 || !step->above ||
        dr_order_above(fair->core, branch) <= dr_max_i64(step->before, step->with))
        return 0;
    holds = dr_alternative_amounts(&core->shapes[victim->shape].alternatives[run->alternative]);
    return is_final_share(step->with, dr_order_above_with(core, branch, run->pool, &holds, -1)) &&
           dr_reclaim_borrows(core, fair->pool, fair->amounts, victim, branch);
}

int64_t dr_fair_key(const struct dr_fair *fair, const struct dr_job *victim)
{
    const struct dr_fair_step *step;

    return dr_order_above(fair->core, branch_of(fair, victim, &step));
}

int dr_fair_holds(const struct dr_fair *fair, const struct dr_job *victim, int64_t before)
{
    const struct dr_fair_step *step;
    dr_account_id branch = branch_of(fair, victim, &step);
    int64_t after = dr_order_above(fair->core, branch);

    return after < before && step->before < before &&
           is_final_share(dr_order_above(fair->core, step->account), after);
}
