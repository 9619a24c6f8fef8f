/* SPDX-License-Identifier: Apache-2.0 */
/* dr_why(): what holds a job (POLICY, section 9; docs/policy.md, section 7).
 *
 * First what lies in the job itself. Then each (way to run it, pool) is looked at: what stands in
 * the way there, each thing that would have to go (why_look.c). The place with the fewest is the
 * answer, and is told (why_say.c). It asks the same functions as a decision does, so that the two
 * can't disagree; random worlds (tests/property/core_worlds.c) take the answers at their word.
 *
 * Read dr_why() first. */
#include "core/why.h"

#include "base/math.h"
#include "core/backfill.h"
#include "core/ends.h"
#include "core/fair.h"
#include "core/never.h"
#include "core/power.h"
#include "core/quota.h"

#define NONE DR_ROW_NONE

struct dr_hold *dr_why_push(struct dr_why_asking *asking, enum dr_reason reason)
{
    struct dr_why *why = asking->why;
    struct dr_hold *hold = &asking->spare;

    if (why->holds_count < DR_WHY_HOLDS_MAX) {
        hold = &why->holds[why->holds_count];
        why->holds_count += 1;
    }
    hold->reason = reason;
    return hold;
}

/* ---- what lies in the job itself ---- */

static void held(struct dr_why_asking *asking)
{
    const struct dr_job *job = asking->job;
    struct dr_hold *hold;

    if (!job->held)
        return;
    hold = dr_why_push(asking, DR_REASON_HELD);
    if (dr_job_run(asking->core, job)->requeues > asking->core->settings.requeue_limit)
        DR_SAY(hold, "job %llu is held: it has been requeued %u times, more than the limit of %u",
               (unsigned long long)job->id.v, dr_job_run(asking->core, job)->requeues,
               asking->core->settings.requeue_limit);
    else
        DR_SAY(hold, "job %llu is held by its user or an operator", (unsigned long long)job->id.v);
    DR_FREES(hold, "daero release %llu", (unsigned long long)job->id.v);
}

static void begin_time(struct dr_why_asking *asking)
{
    char text[DR_TEXT_BYTES];
    struct dr_hold *hold;

    if (dr_job_terms(asking->core, asking->job)->begin_us <= asking->now_us)
        return;
    hold = dr_why_push(asking, DR_REASON_BEGIN_TIME);
    hold->until_us = dr_job_terms(asking->core, asking->job)->begin_us;
    DR_SAY(hold, "it is not to start before %s",
           dr_format_instant(dr_job_terms(asking->core, asking->job)->begin_us, text));
}

static void dependency(struct dr_why_asking *asking)
{
    const struct dr_core *core = asking->core;
    const struct dr_edge *first = NULL;
    const struct dr_job *other;
    struct dr_hold *hold;
    uint32_t count = 0;

    for (uint32_t at = dr_job_ties(asking->core, asking->job)->edges; at != NONE;
         at = core->edges[at].next_of_dependent) {
        const struct dr_edge *edge = &core->edges[at];

        count += 1;
        if (first == NULL || core->jobs[edge->target.v].id.v < core->jobs[first->target.v].id.v)
            first = edge;
    }
    if (first == NULL)
        return;
    hold = dr_why_push(asking, DR_REASON_DEPENDENCY);
    other = &core->jobs[first->target.v];
    hold->job = other->id;
    DR_SAY(hold, "it waits for job %llu, which is %s (%s)%s", (unsigned long long)other->id.v,
           dr_job_state_name((enum dr_job_state)other->state), dr_dependency_kind_name(first->kind),
           count > 1 ? ", and for others" : "");
    DR_FREES(hold, "the end of job %llu%s%s", (unsigned long long)other->id.v,
             first->kind == DR_DEPENDENCY_AFTEROK ? " with success" : "",
             count > 1 ? ", and of the others" : "");
}

static void array_limit(struct dr_why_asking *asking)
{
    const struct dr_core *core = asking->core;
    uint32_t row =
        dr_job_terms(core, asking->job)->array_job == 0
            ? NONE
            : dr_row_map_find(&core->array_rows, dr_job_terms(core, asking->job)->array_job);
    struct dr_hold *hold;

    if (row == NONE || core->arrays[row].limit == 0 ||
        core->arrays[row].active < core->arrays[row].limit)
        return;
    hold = dr_why_push(asking, DR_REASON_ARRAY_LIMIT);
    hold->has = core->arrays[row].active;
    hold->limit = core->arrays[row].limit;
    DR_SAY(hold, "%u elements of array %llu run, as many as it allows at a time",
           core->arrays[row].active,
           (unsigned long long)dr_job_terms(core, asking->job)->array_job);
    DR_FREES(hold, "the end of one of them");
}

/* It is flexible, has a deadline, and meets it in cheaper hours too. */
static void tariff(struct dr_why_asking *asking)
{
    const struct dr_core *core = asking->core;
    dr_pool_id pool;
    int64_t later_us = dr_place_cheaper_us(core, asking->job, asking->now_us, &pool);
    struct dr_hold *hold;
    char text[DR_TEXT_BYTES];

    if (later_us == 0)
        return;
    hold = dr_why_push(asking, DR_REASON_TARIFF);
    hold->pool = pool;
    hold->site = core->pools[pool.v - 1].site;
    hold->until_us = later_us;
    DR_SAY(hold,
           "it is flexible, and energy is cheaper at %s if it starts at %s, early enough for its "
           "deadline",
           core->sites[hold->site.v - 1].name, dr_format_instant(later_us, text));
    DR_FREES(hold, "these hours; without being flexible it would not wait for them");
}

/* ---- promises ---- */

static void reclaiming(struct dr_why_asking *asking)
{
    const struct dr_job *job = asking->job;
    const struct dr_pool *pool =
        &asking->core->pools[dr_job_run(asking->core, job)->promise_pool.v - 1];
    struct dr_hold *hold = dr_why_push(asking, DR_REASON_RECLAIMING);
    char text[DR_TEXT_BYTES];

    hold->pool = dr_job_run(asking->core, job)->promise_pool;
    hold->site = pool->site;
    hold->until_us = dr_job_run(asking->core, job)->promise_until_us;
    DR_SAY(hold,
           "a place in %s/%s has been promised to it; those who hold it have been told to leave",
           asking->core->sites[pool->site.v - 1].name, pool->name);
    DR_FREES(hold, "their end, at %s at the latest",
             dr_format_instant(dr_job_run(asking->core, job)->promise_until_us, text));
}

/* ---- where it could never run ---- */

/* No pool is feasible: of the nearest misses of all ways, what stands in the way in the one with
 * least. Where that is hardware, one hold tells of all ways. */
static void nowhere(struct dr_why_asking *asking)
{
    const struct dr_core *core = asking->core;
    struct dr_miss best = {.obstacles = 0};
    struct dr_want best_want = {.tasks = 0};

    for (uint32_t i = dr_never_first(asking->shape); i < asking->shape->alternatives_count;
         i += 1) {
        struct dr_want want = dr_place_want(core, asking->job, i);
        struct dr_miss miss = dr_never_nearest(core, asking->shape, &want);
        int hard = (miss.obstacles & DR_OBSTACLES_HARD) != 0;
        int best_hard = (best.obstacles & DR_OBSTACLES_HARD) != 0;

        if (best.obstacles != 0 &&
            (hard > best_hard ||
             (hard == best_hard && dr_bit_count(miss.obstacles) >= dr_bit_count(best.obstacles))))
            continue;
        best = miss;
        best_want = want;
    }
    if (best.obstacles & DR_OBSTACLES_HARD) {
        struct dr_hold *hold = dr_why_push(asking, DR_REASON_NEVER);

        dr_never_say(core, asking->shape, &best_want, &best,
                     (enum dr_obstacle)dr_bit_lowest(best.obstacles), hold);
        dr_never_all(core, asking->shape, asking->job->account, best_want.kept_at, hold->text,
                     sizeof hold->text);
        return;
    }
    for (unsigned rest = best.obstacles; rest != 0; rest &= rest - 1)
        dr_never_say(core, asking->shape, &best_want, &best, (enum dr_obstacle)dr_bit_lowest(rest),
                     dr_why_push(asking, DR_REASON_LAW));
}

/* ---- whether it could ever start ---- */

/* Would an idle site stay under its cap, and its zone's, with the job, at least in some interval?
 */
static int power_ever(const struct dr_core *core, const struct dr_why_place *place)
{
    const struct dr_pool *pool = &core->pools[place->pool.v - 1];
    const struct dr_power_domain *site = &core->power->domains[pool->site.v - 1];
    int64_t more_mw = 0;

    if (pool->chip.v != 0)
        more_mw = place->want.amounts.of[DR_RESOURCE_ACCELERATORS] *
                  (core->chips[pool->chip.v - 1].busy_w - core->chips[pool->chip.v - 1].idle_w);
    for (const struct dr_power_domain *at = site; at != NULL;
         at = at == site && site->zone != NONE ? &core->power->domains[site->zone] : NULL) {
        int fits = at->count == 0;

        for (uint32_t i = 0; i < at->count && !fits; i += 1)
            fits = at->idle_uw + more_mw * site->pue_milli <=
                   core->power->intervals[at->first + i].cap_uw;
        if (!fits)
            return 0;
    }
    return 1;
}

/* ---- all of it ---- */

/* One (way, pool) after another; the least that stands in the way. Returns 0 if none is feasible.
 */
static int search(struct dr_why_asking *asking, struct dr_why_place *best)
{
    const struct dr_core *core = asking->core;
    int feasible = 0;

    for (uint32_t i = 0; i < asking->shape->alternatives_count; i += 1) {
        struct dr_want want = dr_place_want(core, asking->job, i);

        for (uint32_t row = 0; row < core->pools_count; row += 1) {
            struct dr_why_place place = {.pool = {0}};

            if (!dr_place_feasible(core, &want, (dr_pool_id){row + 1}))
                continue;
            feasible = 1;
            place.want = want;
            place.pool.v = row + 1;
            asking->why->ever |=
                (uint8_t)(dr_quota_ever(core, asking->job->account, place.pool, &want.amounts,
                                        !dr_job_terms(core, asking->job)->preemptible) &&
                          power_ever(core, &place));
            dr_why_look(asking, &place, best);
            if (dr_why_better(&place, best))
                *best = place;
        }
    }
    return feasible;
}

static void nothing_holds(struct dr_why_asking *asking)
{
    struct dr_why *why = asking->why;
    struct dr_hold *hold;

    if (why->before == 0) {
        DR_SAY(&why->holds[0], "nothing holds it; the next decision looks at it");
        return;
    }
    hold = dr_why_push(asking, DR_REASON_PRIORITY);
    hold->account = asking->job->account;
    hold->has = why->before;
    DR_SAY(hold, "%u job%s of account %s come%s first", why->before, dr_why_plural(why->before),
           asking->core->accounts[asking->job->account.v - 1].name, why->before == 1 ? "s" : "");
}

void dr_why(const struct dr_core *core, dr_job_id job, int64_t now_us, struct dr_why *why)
{
    dr_job_row row = dr_job_find(core, job);
    struct dr_why_asking asking = {.core = core, .row = row.v, .now_us = now_us, .why = why};
    struct dr_why_place best = {.pool = {0}};

    memset(why, 0, sizeof *why);
    if (row.v == NONE) {
        DR_SAY(&why->holds[0], "there is no job %llu", (unsigned long long)job.v);
        return;
    }
    asking.job = &core->jobs[row.v];
    asking.shape = &core->shapes[asking.job->shape];
    if (asking.job->state != DR_JOB_PENDING) {
        DR_SAY(&why->holds[0],
               dr_job_state_ended(asking.job->state) ? "job %llu has ended: %s" : "job %llu is %s",
               (unsigned long long)job.v, dr_job_state_name((enum dr_job_state)asking.job->state));
        return;
    }
    why->reserved_us = dr_job_run(core, asking.job)->reservation == NONE
                           ? 0
                           : dr_job_run(core, asking.job)->reservation_us;
    if (asking.job->queue_class != NONE && asking.job->queue_class > DR_QUEUE_PROMISED)
        why->before = dr_queue_before(core, row);
    held(&asking);
    begin_time(&asking);
    dependency(&asking);
    array_limit(&asking);
    if (dr_job_run(core, asking.job)->promise != NONE) {
        why->ever = 1;
        reclaiming(&asking);
        return;
    }
    tariff(&asking);
    if (!search(&asking, &best))
        nowhere(&asking);
    else
        dr_why_say(&asking, &best);
    if (why->holds_count == 0)
        nothing_holds(&asking);
}
