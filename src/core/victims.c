/* SPDX-License-Identifier: Apache-2.0 */
/* Who may be taken in a pool, and what that would lose. See victims.h. */
#include "core/victims.h"

#include "base/math.h"
#include "base/sort.h"
#include "core/fair.h"
#include "core/lent.h"
#include "core/place.h"

#define NONE DR_ROW_NONE

int64_t dr_victims_units_of(const struct dr_amounts *amounts)
{
    if (amounts->of[DR_RESOURCE_ACCELERATORS] > 0)
        return amounts->of[DR_RESOURCE_ACCELERATORS];
    return 1000 * dr_max_i64(1, (amounts->of[DR_RESOURCE_CPUS] + 7999) / 8000);
}

int64_t dr_victims_units(const struct dr_core *core, const struct dr_job *job)
{
    struct dr_amounts amounts = dr_job_holds(core, job);

    return dr_victims_units_of(&amounts);
}

static int64_t loss_each_us(const struct dr_core *core, const struct dr_job *job, int64_t now_us)
{
    int64_t saved_us = dr_max_i64(dr_job_run(core, job)->start_us, dr_job_run(core, job)->saved_us);

    if (dr_job_terms(core, job)->checkpoint_on_warning && dr_job_run(core, job)->checkpoint_proven)
        return dr_job_terms(core, job)->grace_us + dr_job_terms(core, job)->restart_us;
    return dr_min_i64(dr_max_i64(0, now_us - saved_us), core->settings.loss_cap_us) +
           dr_job_terms(core, job)->restart_us +
           core->settings.preemption_credit_us * (int64_t)dr_job_run(core, job)->preemptions;
}

int64_t dr_victims_loss_us(const struct dr_core *core, const struct dr_job *job, int64_t now_us)
{
    return dr_mul_div_floor(dr_victims_units(core, job), loss_each_us(core, job, now_us), 1000);
}

int dr_victims_comes_back(const struct dr_core *core, const struct dr_job *job)
{
    return dr_job_terms(core, job)->requeue &&
           dr_job_run(core, job)->alternative + 1u < core->shapes[job->shape].sizes;
}

int dr_victims_compare(const void *a, const void *b, const void *context)
{
    const struct dr_core *core = context;
    const struct dr_victim *x = a;
    const struct dr_victim *y = b;
    const struct dr_job *i = &core->jobs[x->row];
    const struct dr_job *j = &core->jobs[y->row];

    if (x->comes_back != y->comes_back)
        return x->comes_back ? -1 : 1;
    if (x->each_us != y->each_us)
        return x->each_us < y->each_us ? -1 : 1;
    if (dr_job_run(core, i)->start_us != dr_job_run(core, j)->start_us)
        return dr_job_run(core, i)->start_us > dr_job_run(core, j)->start_us ? -1 : 1;
    return i->id.v > j->id.v ? -1 : 1;
}

struct dr_victim dr_victims_one(const struct dr_core *core, uint32_t row, int64_t now_us)
{
    struct dr_victim victim = {
        .row = row,
        .account = core->jobs[row].account,
        .units = dr_victims_units(core, &core->jobs[row]),
        .main = (uint8_t)dr_resource_main(
            dr_job_holds(core, &core->jobs[row]).of[DR_RESOURCE_ACCELERATORS]),
        .fair_ripe = (uint8_t)dr_fair_ripe(core, &core->jobs[row], now_us),
        .comes_back = (uint8_t)dr_victims_comes_back(core, &core->jobs[row])};

    victim.each_us = loss_each_us(core, &core->jobs[row], now_us);
    victim.loss_us = dr_mul_div_floor(victim.units, victim.each_us, 1000);
    return victim;
}

void dr_victims_begin(struct dr_decision *decision)
{
    struct dr_core *core = decision->core;

    decision->victims_of =
        dr_arena_push(&core->scratch, core->pools_count + 1u, sizeof decision->victims_of[0]);
    decision->lent_of =
        dr_arena_push(&core->scratch, core->pools_count + 1u, sizeof decision->lent_of[0]);
    decision->victims =
        dr_arena_push(&core->scratch, 2 * core->running.count + 1u, sizeof decision->victims[0]);
    decision->victims_max = core->running.count;
    decision->victims_count = 0;
    DR_ASSERT(decision->victims_of != NULL && decision->lent_of != NULL &&
              decision->victims != NULL);
    for (uint32_t pool = 0; pool < core->pools_count; pool += 1)
        decision->victims_of[pool] = decision->lent_of[pool] = (struct dr_victims){.known = 0};
}

/* Of a pool's attempts those with all of some flags (core/lent.h) that may be taken, into what is
 * left of the room. */
static void find_victims(struct dr_decision *decision, uint32_t pool, uint8_t flags,
                         struct dr_victims *victims)
{
    const struct dr_core *core = decision->core;
    struct dr_victim *first = &decision->victims[decision->victims_count];

    *victims =
        (struct dr_victims){.first = first, .known = 1, .rose_at = core->lent->rose_at[pool]};
    for (uint32_t row = dr_place_attempts(core, (dr_pool_id){pool + 1}); row != NONE;
         row = dr_place_attempts_next(core, row))
        if ((core->lent->flags[row] & flags) == flags) {
            first[victims->count] = dr_victims_one(core, row, decision->now_us);
            victims->count += 1;
        }
    dr_sort(first, victims->count, sizeof first[0], dr_victims_compare, core);
    decision->victims_count += victims->count;
}

const struct dr_victims *dr_victims_in(struct dr_decision *decision, uint32_t pool)
{
    struct dr_victims *victims = &decision->victims_of[pool];

    if (!victims->known)
        find_victims(decision, pool, DR_LENT_RIPE, victims);
    return victims;
}

const struct dr_victims *dr_victims_lent(struct dr_decision *decision, uint32_t pool)
{
    const struct dr_core *core = decision->core;
    struct dr_victims *victims = &decision->lent_of[pool];

    if (victims->known && victims->rose_at == core->lent->rose_at[pool])
        return victims;
    if (decision->victims_count + dr_place_attempts_count(core, (dr_pool_id){pool + 1}) >
        decision->victims_max)
        return dr_victims_in(decision, pool);
    find_victims(decision, pool, DR_LENT_RIPE | DR_LENT_LENT, victims);
    return victims;
}
