/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings, limits and kills. An order to the site is given again until a look shows that it has
 * been carried out; each is harmless when it is given twice.
 *
 * Slurm has a time limit of its own, in whole minutes and coarsely kept: it holds while no
 * controller runs. The exact one is kept here. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "engine/slurm_internal.h"

#define AGAIN_US           (3 * DR_SECOND_US) /* a kill whose effect is not seen */
#define RETRY_US           DR_SECOND_US
#define PROVE_US           (DR_SECOND_US / 2)
#define LIMIT_GRACE_US_MAX (30 * DR_SECOND_US) /* as the local engine; Slurm's KillWait */
#define LIFE_S             60

static void order(struct slurm *slurm, struct row *row, uint32_t signal)
{
    struct dr_slurm_exchange *exchange =
        slurm->orders < ORDERS_MAX ? slurm_request(slurm, EXCHANGE_ORDER) : NULL;
    const char *name = signal == 0 ? NULL : sigabbrev_np((int)signal);
    char path[DR_SLURM_PATH_BYTES];

    if (exchange == NULL) {
        row->again_us = dr_monotonic_us() + 50000;
        slurm_at(slurm, row, row->again_us);
        return;
    }
    if (signal == 0)
        snprintf(path, sizeof path, API "job/%" PRIu32, row->slurm_id);
    else if (name != NULL)
        snprintf(path, sizeof path, API "job/%" PRIu32 "?signal=%s", row->slurm_id, name);
    else
        snprintf(path, sizeof path, API "job/%" PRIu32 "?signal=%" PRIu32, row->slurm_id, signal);
    exchange->job = row->job.v;
    exchange->attempt = row->attempt;
    exchange->mark = signal;
    row->ordering = 1;
    slurm->orders += 1;
    slurm_send(slurm, exchange, "DELETE", path, slurm->options.user, slurm_site_s(slurm) + LIFE_S,
               NULL, 0);
}

void slurm_cancel(struct slurm *slurm, uint32_t slurm_id)
{
    struct dr_slurm_exchange *exchange =
        slurm->orders < ORDERS_MAX ? slurm_request(slurm, EXCHANGE_ORDER) : NULL;
    char path[DR_SLURM_PATH_BYTES];

    if (exchange == NULL)
        return; /* the next look shows it again */
    snprintf(path, sizeof path, API "job/%" PRIu32, slurm_id);
    slurm->orders += 1;
    slurm_send(slurm, exchange, "DELETE", path, slurm->options.user, slurm_site_s(slurm) + LIFE_S,
               NULL, 0);
}

/* The end of a grace, for Slurm to keep should no controller be there then: as a time limit, which
 * it knows in whole minutes, rounded up, and keeps to half a minute or so. Never a longer one than
 * it has. */
static void hand_over(struct slurm *slurm, struct row *row, int64_t now_us)
{
    struct dr_slurm_exchange *exchange;
    char path[DR_SLURM_PATH_BYTES];
    int64_t ran_us = now_us - row->begun_us + DR_SECOND_US; /* by Slurm's clock, told in seconds */
    int64_t minutes;
    json_t *body;
    char *text;

    if (row->state != ROW_RUNNING || row->begun_us == 0 || row->kill_us == DR_FOREVER_US ||
        row->kill_us <= now_us) {
        row->handing = row->handing && row->state != ROW_RUNNING;
        return;
    }
    minutes = (ran_us + row->kill_us - now_us) / DR_MINUTE_US + 1;
    row->handing = 0;
    if (row->site_limit_min != 0 && minutes >= row->site_limit_min)
        return;
    exchange = slurm->orders < ORDERS_MAX ? slurm_request(slurm, EXCHANGE_LIMIT) : NULL;
    if (exchange == NULL) {
        row->handing = 1;
        slurm_at(slurm, row, now_us + 50000);
        return;
    }
    snprintf(path, sizeof path, API "job/%" PRIu32, row->slurm_id);
    body = json_pack("{s:I}", "time_limit", (json_int_t)minutes);
    text = json_dumps(body, JSON_COMPACT);
    if (text == NULL)
        abort();
    json_decref(body);
    exchange->job = row->job.v;
    exchange->attempt = row->attempt;
    exchange->mark = minutes;
    slurm->orders += 1;
    slurm_send(slurm, exchange, "POST", path, slurm->options.user, slurm_site_s(slurm) + LIFE_S,
               text, strlen(text));
}

void slurm_limit_answered(struct slurm *slurm, struct dr_slurm_exchange *exchange)
{
    struct row *row = slurm_find(slurm, (dr_job_id){exchange->job}, exchange->attempt);

    slurm->orders -= 1;
    if (exchange->answered && exchange->status == 200)
        slurm_heard(slurm, exchange);
    if (row != NULL && exchange->answered && exchange->status == 200)
        row->site_limit_min = (uint32_t)exchange->mark;
    else if (row != NULL && !exchange->answered)
        row->handing = 1; /* with the next order, or look */
}

static int64_t later(int64_t from_us, int64_t by_us)
{
    return by_us >= DR_FOREVER_US - from_us ? DR_FOREVER_US : from_us + dr_max_i64(by_us, 0);
}

/* The limit's two moments, once the attempt has begun. */
static void limits(struct slurm *slurm, struct row *row, int64_t now_us)
{
    int64_t limit_us, warn_us;

    if (row->begun_us == 0 || !row->ordered || row->limit_us <= 0 || row->limit != LIMIT_AHEAD ||
        row->state != ROW_RUNNING)
        return;
    limit_us = later(row->begun_us, row->limit_us);
    if (row->warn_before_us > 0 && row->warn_before_us < row->limit_us && !row->warned) {
        warn_us = limit_us == DR_FOREVER_US ? DR_FOREVER_US : limit_us - row->warn_before_us;
        if (now_us >= warn_us) {
            row->warned = 1;
            row->signal = 1;
            row->stop_signal = row->warn_signal == 0 ? SIGTERM : row->warn_signal;
        } else {
            slurm_at(slurm, row, warn_us);
        }
    }
    if (now_us < limit_us) {
        slurm_at(slurm, row, limit_us);
        return;
    }
    row->limit = row->told ? LIMIT_PASSED : LIMIT_OVER;
    row->signal = row->grace_us > 0;
    row->stop_signal = SIGTERM;
    row->kill_us = dr_min_i64(
        row->kill_us, now_us + dr_min_i64(dr_max_i64(row->grace_us, 0), LIMIT_GRACE_US_MAX));
}

/* When its time has come, the look that decides is asked for until it has decided: one that is
 * under way may have begun too early, or fail. */
static void prove(struct slurm *slurm, const struct row *row, int64_t now_us)
{
    int64_t wait_s;

    if (!slurm->clock_known)
        return;
    wait_s = row->sure_s - slurm_site_s(slurm);
    if (wait_s <= 0 && slurm->failures == 0 &&
        !(slurm->jobs.under_way && slurm->proof_s >= row->sure_s))
        slurm->clock.due_us = dr_min_i64(slurm->clock.due_us, now_us);
    slurm_at(slurm, row, now_us + dr_max_i64(wait_s * DR_SECOND_US, PROVE_US));
}

void slurm_advance(struct slurm *slurm, struct row *row)
{
    int64_t now_us = dr_monotonic_us();

    if (row->state == ROW_UNSURE)
        prove(slurm, row, now_us);
    if (row->state != ROW_PENDING && row->state != ROW_RUNNING)
        return;
    limits(slurm, row, now_us);
    if (row->kill_us != DR_FOREVER_US && row->kill_us > now_us)
        slurm_at(slurm, row, row->kill_us);
    if (row->handing && slurm->failures == 0)
        hand_over(slurm, row, now_us);
    if (row->ordering || (!row->signal && row->kill_us > now_us))
        return;
    if (row->again_us > now_us) {
        slurm_at(slurm, row, row->again_us);
        return;
    }
    if (slurm->failures > 0) { /* the site does not answer: when it does */
        row->again_us = now_us + RETRY_US;
        slurm_at(slurm, row, row->again_us);
        return;
    }
    if (row->kill_us <= now_us)
        order(slurm, row, 0);
    else if (row->warn_to != DR_WARN_ALL && row->state == ROW_RUNNING &&
             row->stop_signal == (row->warn_signal == 0 ? SIGTERM : row->warn_signal))
        slurm_scancel(slurm, row);
    else
        order(slurm, row, row->stop_signal);
}

void slurm_order_answered(struct slurm *slurm, struct dr_slurm_exchange *exchange)
{
    struct row *row = slurm_find(slurm, (dr_job_id){exchange->job}, exchange->attempt);
    int ok = exchange->answered && (exchange->status == 200 || exchange->status == 500);

    slurm->orders -= 1;
    if (!exchange->answered)
        slurm_failed(slurm, "%s", exchange->error);
    else if (exchange->status == 200)
        slurm_heard(slurm, exchange);
    slurm_look_soon(slurm);
    if (row == NULL)
        return;
    row->ordering = 0;
    row->again_us = dr_monotonic_us() + (ok ? AGAIN_US : RETRY_US);
    if (ok && exchange->mark != 0 && exchange->status == 500 && row->state == ROW_PENDING) {
        row->signal = 0;
        if (row->told)
            row->kill_us = 0; /* it has not begun: nobody is there to be warned */
        row->again_us = 0;
    } else if (ok && exchange->mark != 0) {
        if (exchange->status == 200)
            row->signal = 0; /* 500: it is about to begin, or has ended: a look will tell */
        if (row->kill_us > dr_monotonic_us())
            row->again_us = 0;
        if (row->signal)
            row->again_us = dr_monotonic_us() + RETRY_US / 4;
    }
    slurm_advance(slurm, row);
}

static void take_stop(struct slurm *slurm, struct row *row, uint32_t signal, int64_t grace_us)
{
    int64_t now_us = dr_monotonic_us();
    int64_t kill_us = later(now_us, grace_us);

    row->told = 1;
    if (grace_us > 0) {
        row->signal = 1;
        row->stop_signal = signal != 0 ? signal : row->warn_signal;
        if (row->stop_signal == 0 || row->stop_signal > 64)
            row->stop_signal = SIGTERM;
    }
    row->kill_us = dr_min_i64(row->kill_us, kill_us);
    row->handing = grace_us > 0;
    row->again_us = 0;
    slurm_advance(slurm, row);
}

enum dr_status slurm_stop(struct dr_engine *engine, dr_job_id job, uint32_t attempt,
                          uint32_t signal, int64_t grace_us)
{
    struct slurm *slurm = (struct slurm *)engine;
    struct row *row = slurm_find(slurm, job, attempt);

    if (row == NULL && (job.v == 0 || attempt == 0))
        return DR_E_MISSING;
    if (row == NULL && !slurm->complete)
        return DR_E_IO;
    if (row == NULL) {
        row = slurm_add(slurm, job, attempt);
        slurm_set_state(slurm, row, ROW_REFUSED);
        return DR_E_MISSING;
    }
    switch ((enum row_state)row->state) {
    case ROW_REFUSED:
        return DR_E_MISSING;
    case ROW_WANTED: /* not submitted, and never will be */
        free(row->body);
        row->body = NULL;
        slurm_set_state(slurm, row, ROW_REFUSED);
        return DR_E_MISSING;
    case ROW_ENDED:
    case ROW_FORGOTTEN:
        return DR_OK;
    case ROW_SENT:
    case ROW_UNSURE:
    case ROW_GONE:
    case ROW_PENDING:
    case ROW_RUNNING:
        take_stop(slurm, row, signal, grace_us);
        slurm_turn(slurm);
        return DR_OK;
    case ROW_FREE:
        break;
    }
    return DR_E_MISSING;
}
