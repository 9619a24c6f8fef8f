/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for attempts one by one, where the list of the site's jobs is dear.
 *
 * Everything is 3.3 KB a job that slurmctld remembers, whosever it is, so on a busy site two lists
 * lie seconds apart. One job costs the same on any site. So between two lists, while the attempts
 * that are there cost less than half a list, those are asked for that have most likely ended
 * (slurm_likely.h): round after round of some, cut short once several have not. News is worth its
 * price, and an attempt has little of it; rounds are as far apart as keeps what they ask in vain to
 * its part of the time, and further the longer nothing happens.
 *
 * What a list says that was begun later goes before: its answer may be the older one only in what
 * it does not have, so an answer that a list has overtaken is dropped. */
#include <inttypes.h>
#include <stdio.h>

#include "base/math.h"
#include "engine/slurm_internal.h"

#define ASKS_MAX   2                    /* under way at a time */
#define VAIN_MAX   3                    /* answers in a row of a round that are no news */
#define ONE_US     (DR_SECOND_US / 200) /* what one costs, before any was asked for */
#define ONE_US_MAX (DR_SECOND_US / 100) /* what takes longer waits for a busy machine */
#define MEAN_PARTS 8
#define LIFE_S     120

/* What a round costs that asks for so many. */
static int64_t cost_us(const struct slurm *slurm, uint32_t count)
{
    return (int64_t)count * dr_min_i64(slurm->asks.one_us, ONE_US_MAX);
}

static int worth_it(const struct slurm *slurm)
{
    return slurm->active > 0 && slurm->complete && !slurm->jobs.under_way &&
           slurm_pace_us(slurm, slurm->jobs.own_us, 0) > slurm->options.poll_us &&
           2 * cost_us(slurm, slurm->active) <= slurm->jobs.own_us;
}

static int to_ask(const struct row *row)
{
    return (row->state == ROW_PENDING || row->state == ROW_RUNNING) && row->slurm_id != 0;
}

/* One that waits is as one that has just begun to: it should run at once. */
static uint32_t likely(const struct slurm *slurm, const struct row *row, int64_t now_us)
{
    static const struct dr_slurm_runs none;
    int64_t from_us = row->begun_us != 0 ? row->begun_us : row->state_us;

    return dr_slurm_likely(row->begun_us != 0 ? &slurm->runs : &none, row->heard_us - from_us,
                           now_us - from_us);
}

/* The likeliest of them, the likeliest first; of equals the first row. */
static void choose(struct slurm *slurm, int64_t now_us)
{
    struct asks *asks = &slurm->asks;
    uint32_t parts[ROUND_MAX];

    asks->count = asks->next = asks->in_a_row = asks->vain = 0;
    for (uint32_t i = 0; i < slurm->rows_used; i += 1) {
        const struct row *row = &slurm->rows[i];
        uint32_t part, at;

        if (!to_ask(row))
            continue;
        part = likely(slurm, row, now_us);
        if (asks->count == ROUND_MAX && part <= parts[ROUND_MAX - 1])
            continue;
        asks->count = dr_min_u32(asks->count + 1, ROUND_MAX);
        for (at = asks->count - 1; at > 0 && parts[at - 1] < part; at -= 1) {
            parts[at] = parts[at - 1];
            asks->rows[at] = asks->rows[at - 1];
        }
        parts[at] = part;
        asks->rows[at] = i;
    }
}

static int ask(struct slurm *slurm, const struct row *row)
{
    struct dr_slurm_exchange *exchange = slurm_request(slurm, EXCHANGE_ASK);
    char path[DR_SLURM_PATH_BYTES];

    if (exchange == NULL)
        return 0;
    exchange->job = row->job.v;
    exchange->attempt = row->attempt;
    exchange->mark = row->slurm_id;
    exchange->mark2 = (int64_t)slurm->look_number;
    snprintf(path, sizeof path, API "job/%" PRIu32, row->slurm_id);
    slurm->asks.under_way += 1;
    slurm_send(slurm, exchange, "GET", path, slurm->options.user, slurm_site_s(slurm) + LIFE_S,
               NULL, 0);
    return 1;
}

static int round_done(const struct slurm *slurm)
{
    return slurm->asks.next >= slurm->asks.count || slurm->asks.in_a_row >= VAIN_MAX ||
           !worth_it(slurm);
}

static void round_over(struct slurm *slurm)
{
    struct asks *asks = &slurm->asks;

    asks->quiet = asks->changed ? 0 : asks->quiet + 1;
    asks->due_us =
        dr_monotonic_us() + slurm_pace_us(slurm, cost_us(slurm, asks->vain), asks->quiet);
    asks->changed = 0;
    asks->count = 0;
}

/* On with the round, or the next one if it is due. */
void slurm_ask_step(struct slurm *slurm, int64_t now_us)
{
    struct asks *asks = &slurm->asks;

    if (asks->count == 0) {
        if (asks->due_us > now_us || !worth_it(slurm))
            return;
        choose(slurm, now_us);
    }
    while (asks->under_way < ASKS_MAX && !round_done(slurm)) {
        const struct row *row = &slurm->rows[asks->rows[asks->next]];

        if (to_ask(row) && !ask(slurm, row))
            break;
        asks->next += 1;
    }
    if (asks->under_way == 0 && round_done(slurm))
        round_over(slurm);
}

int64_t slurm_ask_due(const struct slurm *slurm)
{
    return slurm->asks.count == 0 && worth_it(slurm) ? slurm->asks.due_us : DR_FOREVER_US;
}

void slurm_ask_soon(struct slurm *slurm, int64_t now_us)
{
    slurm->asks.quiet = 0;
    slurm->asks.due_us = dr_min_i64(slurm->asks.due_us, now_us + slurm_pace_us(slurm, 0, 0));
}

void slurm_ask_open(struct slurm *slurm)
{
    slurm->asks = (struct asks){.one_us = ONE_US};
}

void slurm_ask_answered(struct slurm *slurm, struct dr_slurm_exchange *exchange)
{
    struct asks *asks = &slurm->asks;
    const struct row *row = slurm_find(slurm, (dr_job_id){exchange->job}, exchange->attempt);
    int news = 0;

    asks->under_way -= 1;
    if (!exchange->answered) {
        slurm_failed(slurm, "%s", exchange->error);
        return;
    }
    asks->one_us += (exchange->took_us - asks->one_us) / MEAN_PARTS;
    asks->one_us = dr_max_i64(asks->one_us, 1);
    /* That it is not there is for a whole list to say. */
    if (exchange->status == 200 && exchange->mark2 == (int64_t)slurm->look_number && row != NULL &&
        to_ask(row) && row->slurm_id == (uint32_t)exchange->mark) {
        slurm->began_us = dr_monotonic_us() - exchange->took_us;
        news = slurm_take_one(slurm, row, &exchange->answer);
        slurm_heard(slurm, exchange);
    }
    asks->changed |= news;
    asks->in_a_row = news ? 0 : asks->in_a_row + 1;
    asks->vain += !news;
}
