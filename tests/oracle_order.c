/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits, and who of them comes first: tiers and keys of accounts, POLICY section 2, and the
 * rule by which one above its guarantee is taken from. Read oracle_comes_before() first. */
#include "oracle_parts.h"

#include <math.h>
#include <string.h>

#define NONE DR_ROW_NONE

/* Is it in the queue of its account, perhaps for cheaper hours to come? */
static int queued(const struct dr_core *core, const struct dr_job *job, int64_t now_us)
{
    return job->id.v != 0 && job->state == DR_JOB_PENDING && !job->held && !job->doomed &&
           dr_job_ties(core, job)->edges == NONE && dr_job_run(core, job)->promise == NONE &&
           dr_job_terms(core, job)->begin_us <= now_us && dr_job_terms(core, job)->array_limit == 0;
}

int oracle_waits(const struct dr_core *core, const struct dr_job *job, int64_t now_us)
{
    const struct dr_terms *terms = dr_job_terms(core, job);

    /* Of two ways at nearly one price rounding decides which one waits for its tariff. */
    if (terms->flexible && terms->deadline_us != 0 &&
        core->shapes[job->shape].alternatives_count > 1)
        return 0;
    return queued(core, job, now_us) && oracle_cheaper_later(core, job, now_us) < 0.4;
}

static double guarantee_of(const struct oracle *look, uint32_t account, uint32_t group)
{
    const struct dr_core *core = look->core;
    double capacity = (double)oracle_capacity(core, group);
    double sum = 0;

    for (uint32_t child = 1; child <= core->accounts_count; child += 1)
        if (core->accounts[child - 1].parent.v == 1 && !core->accounts[child - 1].removed)
            sum += (double)oracle_quota(core, child, group)->guarantee;
    if (capacity >= sum)
        return (double)oracle_quota(core, account, group)->guarantee;
    return floor((double)oracle_quota(core, account, group)->guarantee * capacity / sum);
}

double oracle_key_above(const struct oracle *look, uint32_t account)
{
    const struct dr_core *core = look->core;
    double share = 0, past = 0;

    for (uint32_t group = 1; group <= core->groups_count; group += 1) {
        double capacity = (double)oracle_capacity(core, group);
        double above =
            (double)look->sums.claim[account - 1][group - 1] - guarantee_of(look, account, group);
        double worn = (double)oracle_quota(core, account, group)->past;

        if (capacity == 0)
            continue;
        if (above / capacity > share)
            share = fmin(1, above / capacity);
        /* Used for ever, the capacity adds up to capacity x half-life / ln 2. */
        worn /= capacity * (double)core->settings.half_life_us / 1e6 / log(2);
        past = fmax(past, fmin(1, worn));
    }
    return (share + past) * 1000 / core->accounts[account - 1].weight;
}

/* The core counts past use by whole seconds of half-life / ln 2, and keys in 2^-32. */
static double rounding_of(const struct dr_core *core, double key)
{
    return 1e-8 + key / floor((double)core->settings.half_life_us / 1e6 / log(2));
}

const char *oracle_unfair(const struct dr_core *core, const struct dr_job *job,
                          const uint64_t *victims, uint32_t count, const struct dr_job *victim)
{
    static struct oracle before;
    static struct oracle after;
    static uint8_t stays[ORACLE_JOBS];
    uint32_t x = oracle_towards(core, job->account.v, victim->account.v);
    uint32_t y = oracle_towards(core, victim->account.v, job->account.v);
    int64_t amounts[3];
    int above = 0;

    memset(stays, 0, sizeof stays);
    for (uint32_t i = 0; i < count; i += 1)
        for (uint32_t row = 0; row < core->jobs_high; row += 1)
            stays[row] |= core->jobs[row].id.v == victims[i];
    oracle_look(&before, core, (struct oracle_thought){.stays = stays, .apart = job});
    oracle_look(&after, core, (struct oracle_thought){.gone = NULL});
    if (oracle_key_above(&after, y) >= oracle_key_above(&before, y))
        return "the key of its branch does not fall";
    if (oracle_key_above(&before, x) >= oracle_key_above(&before, y))
        return "its branch had no more than the other";
    if (oracle_key_above(&after, x) >
        oracle_key_above(&after, y) + rounding_of(core, oracle_key_above(&after, y)))
        return "its branch is left with less than the other";
    oracle_amounts(core, job, dr_job_run(core, job)->promise_alternative, amounts);
    for (uint32_t i = 0; i < 3; i += 1) {
        uint32_t group = core->pools[dr_job_run(core, job)->promise_pool.v - 1].groups[i].v;

        above |= amounts[i] != 0 && before.sums.occupied[x - 1][group - 1] + amounts[i] >
                                        oracle_quota(core, x, group)->guarantee;
    }
    return above ? NULL : "the other is within its guarantee";
}

static int key_in(const struct oracle *look, uint32_t account, const struct dr_job *job,
                  uint32_t index, uint32_t pool, double *key)
{
    const struct dr_core *core = look->core;
    int64_t amounts[3];

    oracle_amounts(core, job, index, amounts);
    *key = 0;
    for (uint32_t i = 0; i < 3; i += 1) {
        uint32_t group = core->pools[pool - 1].groups[i].v;
        double guarantee = guarantee_of(look, account, group);

        if (amounts[i] == 0)
            continue;
        if ((double)(look->sums.occupied[account - 1][group - 1] + amounts[i]) > guarantee) {
            *key = oracle_key_above(look, account);
            return 2;
        }
        *key =
            fmax(*key, (double)(look->sums.claim[account - 1][group - 1] + amounts[i]) / guarantee);
    }
    return 1;
}

int oracle_key(const struct oracle *look, uint32_t account, const struct dr_job *job, int most,
               double *key)
{
    const struct dr_core *core = look->core;
    int tier = 0;

    for (uint32_t index = 0; index < core->shapes[job->shape].alternatives_count; index += 1)
        for (uint32_t pool = 1; pool <= core->pools_count; pool += 1) {
            double one;
            int one_tier;
            int less;

            if (!oracle_lawful(core, job, index, pool))
                continue;
            one_tier = key_in(look, account, job, index, pool, &one);
            less = one_tier < tier || (one_tier == tier && one < *key);
            if (tier == 0 || less != most) {
                tier = one_tier;
                *key = one;
            }
        }
    return tier;
}

int oracle_band(const struct dr_core *core, const struct dr_job *job, int64_t now_us)
{
    const struct dr_run *run = dr_job_run(core, job);
    double seconds = floor((double)run->run_us / 1e6);
    double hours;
    int64_t amounts[3];
    int band = 0;

    if (job->state != DR_JOB_PENDING && run->start_us != 0)
        seconds = floor((double)(run->run_us + now_us - run->start_us) / 1e6);
    oracle_amounts(core, job, run->alternative, amounts);
    hours = seconds / 3600 *
            (amounts[0] > 0 ? (double)amounts[0] / 1000 : fmax(1, ceil((double)amounts[1] / 8000)));

    for (double least = 1; hours >= least; least *= 2)
        band += 1;
    return band;
}

/* By what the other orders go first; 0: they go by submit alone. */
static double rank_of(const struct dr_core *core, const struct dr_job *job, int64_t now_us)
{
    const struct dr_alternative *way = oracle_way(core, job, 0);

    if (core->settings.ordering == DR_ORDERING_LAS)
        return oracle_band(core, job, now_us);
    if (core->settings.ordering == DR_ORDERING_SJF)
        return (double)(oracle_limit_us(core, job, 0) * 1000 / (way->factor ? way->factor : 1000));
    return 0;
}

/* In other orders than the fair one, whatever their accounts. */
static int is_earlier(const struct dr_core *core, const struct dr_job *first,
                      const struct dr_job *second, int64_t now_us)
{
    double x = rank_of(core, first, now_us);
    double y = rank_of(core, second, now_us);

    if (x != y)
        return x < y;
    if (first->submit_us != second->submit_us)
        return first->submit_us < second->submit_us;
    return first->id.v < second->id.v;
}

/* Of one account. */
static int comes_first(const struct dr_core *core, const struct dr_job *first,
                       const struct dr_job *second, int64_t now_us)
{
    int again = dr_job_run(core, first)->preemptions > 0;

    if (first->priority != second->priority)
        return first->priority > second->priority;
    if (core->settings.ordering != DR_ORDERING_LAS &&
        again != (dr_job_run(core, second)->preemptions > 0))
        return again;
    return is_earlier(core, first, second, now_us);
}

/* Do all of its account that come no later than it come before the other one, too? */
static int is_earlier_with_all(const struct dr_core *core, const struct dr_job *first,
                               const struct dr_job *second, int64_t now_us)
{
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];

        if (job->account.v == first->account.v && queued(core, job, now_us) &&
            !comes_first(core, first, job, now_us) && !is_earlier(core, job, second, now_us))
            return 0;
    }
    return 1;
}

int oracle_comes_before(const struct oracle *look, const struct dr_job *first,
                        const struct dr_job *second, int64_t now_us)
{
    const struct dr_core *core = look->core;
    uint32_t towards_first, towards_second;
    double key_second, key;
    int tier_second;

    if (first->account.v == second->account.v)
        return comes_first(core, first, second, now_us);
    if (core->settings.ordering != DR_ORDERING_FAIR)
        return is_earlier_with_all(core, first, second, now_us);
    towards_first = oracle_towards(core, first->account.v, second->account.v);
    towards_second = oracle_towards(core, second->account.v, first->account.v);
    tier_second = oracle_key(look, towards_second, second, 0, &key_second);
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        int tier;

        if (!queued(core, job, now_us) || !oracle_within(core, job->account.v, towards_first))
            continue;
        tier = oracle_key(look, towards_first, job, 1, &key);
        if (tier > tier_second ||
            (tier == tier_second && key > key_second - 1e-6 - rounding_of(core, key_second)))
            return 0;
    }
    return 1;
}
