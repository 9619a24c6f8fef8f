/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for attempts one by one, where the list of the site's jobs is dear.
 *
 * Everything is 3.3 KB a job that slurmctld remembers, whosever it is, so on a busy site two lists
 * lie seconds apart. One job costs the same on any site. So between two lists, while the attempts
 * that are there cost less than half a list, each is asked for by its number: round after round, as
 * far apart as keeps them to their part of the time, and further the longer nothing happens.
 *
 * What a list says that was begun later goes before: its answer may be the older one only in what
 * it does not have, so an answer that a list has overtaken is dropped. */
#include <inttypes.h>
#include <stdio.h>

#include "base/math.h"
#include "engine/slurm_internal.h"

#define ASKS_MAX   2                    /* under way at a time */
#define ONE_US     (DR_SECOND_US / 200) /* what one costs, before any was asked for */
#define MEAN_PARTS 8
#define LIFE_S     120

/* A round asks for each of them once. */
static int64_t round_us(const struct slurm *slurm)
{
    return (int64_t)slurm->active * slurm->asks.one_us;
}

static int worth_it(const struct slurm *slurm)
{
    return slurm->active > 0 && slurm->complete && !slurm->jobs.under_way &&
           slurm_pace_us(slurm, slurm->jobs.own_us, 0) > slurm->options.poll_us &&
           2 * round_us(slurm) <= slurm->jobs.took_us;
}

static int to_ask(const struct row *row)
{
    return (row->state == ROW_PENDING || row->state == ROW_RUNNING) && row->slurm_id != 0;
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

static void round_over(struct slurm *slurm)
{
    struct asks *asks = &slurm->asks;

    asks->quiet = asks->changed ? 0 : asks->quiet + 1;
    asks->changed = 0;
    asks->next = ROW_NONE;
    asks->due_us = dr_monotonic_us() + slurm_pace_us(slurm, round_us(slurm), asks->quiet);
}

/* On with the round, or the next one if it is due. */
void slurm_ask_step(struct slurm *slurm, int64_t now_us)
{
    struct asks *asks = &slurm->asks;

    if (asks->next == ROW_NONE) {
        if (asks->due_us > now_us || !worth_it(slurm))
            return;
        asks->next = 0;
    }
    while (asks->next < slurm->rows_used && asks->under_way < ASKS_MAX && worth_it(slurm)) {
        const struct row *row = &slurm->rows[asks->next];

        if (to_ask(row) && !ask(slurm, row))
            break;
        asks->next += 1;
    }
    if (asks->under_way == 0 && (asks->next >= slurm->rows_used || !worth_it(slurm)))
        round_over(slurm);
}

int64_t slurm_ask_due(const struct slurm *slurm)
{
    return slurm->asks.next == ROW_NONE && worth_it(slurm) ? slurm->asks.due_us : DR_FOREVER_US;
}

void slurm_ask_soon(struct slurm *slurm, int64_t now_us)
{
    slurm->asks.quiet = 0;
    slurm->asks.due_us =
        dr_min_i64(slurm->asks.due_us, now_us + slurm_pace_us(slurm, round_us(slurm), 0));
}

void slurm_ask_open(struct slurm *slurm)
{
    slurm->asks = (struct asks){.next = ROW_NONE, .one_us = ONE_US};
}

void slurm_ask_answered(struct slurm *slurm, struct dr_slurm_exchange *exchange)
{
    struct asks *asks = &slurm->asks;
    const struct row *row = slurm_find(slurm, (dr_job_id){exchange->job}, exchange->attempt);

    asks->under_way -= 1;
    if (!exchange->answered) {
        slurm_failed(slurm, "%s", exchange->error);
        return;
    }
    asks->one_us += (exchange->took_us - asks->one_us) / MEAN_PARTS;
    asks->one_us = dr_max_i64(asks->one_us, 1);
    /* That it is not there is for a whole list to say. */
    if (exchange->status != 200 || exchange->mark2 != (int64_t)slurm->look_number || row == NULL ||
        !to_ask(row) || row->slurm_id != (uint32_t)exchange->mark)
        return;
    asks->changed |= slurm_take_one(slurm, row, &exchange->answer);
    slurm_heard(slurm, exchange);
}
