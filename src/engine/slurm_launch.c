/* SPDX-License-Identifier: Apache-2.0 */
/* From an order to a job that the site has, once. README.md, "Once, whatever fails", has the
 * argument; slurm_submitted() and slurm_not_there() are where it is kept. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/math.h"
#include "engine/slurm_internal.h"

#define AGAIN_US     (2 * DR_SECOND_US) /* after a refusal that may pass */
#define TRIES_MAX    60
#define AGE_MARGIN_S 30

/* ---- telling ---- */

void slurm_tell_started(struct slurm *slurm, struct row *row)
{
    struct dr_report *report = slurm_report(slurm, DR_REPORT_STARTED, row->job, row->attempt);

    report->time_us = row->started_us;
}

void slurm_tell_ended(struct slurm *slurm, struct row *row)
{
    struct dr_report *report;

    if (row->begun_us != 0)
        slurm_tell_started(slurm, row);
    report = slurm_report(slurm, DR_REPORT_ENDED, row->job, row->attempt);
    *report = *row->end;
}

void slurm_end(struct slurm *slurm, struct row *row, const struct dr_report *end)
{
    if (row->end == NULL)
        row->end = malloc(sizeof *row->end);
    if (row->end == NULL)
        abort();
    *row->end = *end;
    row->end->kind = DR_REPORT_ENDED;
    row->end->job = row->job;
    row->end->attempt = row->attempt;
    free(row->body);
    row->body = NULL;
    slurm_set_state(slurm, row, ROW_ENDED);
    *slurm_report(slurm, DR_REPORT_ENDED, row->job, row->attempt) = *row->end;
}

void slurm_end_with(struct slurm *slurm, struct row *row, enum dr_outcome outcome, const char *text)
{
    struct dr_report end = {.outcome = outcome, .time_us = dr_clock_us()};

    if (row->told) {
        end.outcome = DR_OUTCOME_STOPPED;
        text = row->begun_us == 0 && row->body != NULL
                   ? "it had not begun when it was told to leave"
                   : "its site does not know it any more";
    }
    snprintf(end.text, sizeof end.text, "%s", text);
    slurm_end(slurm, row, &end);
}

/* ---- the line of those to submit ---- */

static void line_up(struct slurm *slurm, struct row *row)
{
    uint32_t number = (uint32_t)(row - slurm->rows);

    slurm_set_state(slurm, row, ROW_WANTED);
    if (row->in_line)
        return;
    row->in_line = 1;
    row->next_wanted = ROW_NONE;
    if (slurm->wanted_first == ROW_NONE)
        slurm->wanted_first = number;
    else
        slurm->rows[slurm->wanted_last].next_wanted = number;
    slurm->wanted_last = number;
}

static void unsure_from(struct slurm *slurm, struct row *row, int64_t sure_s)
{
    row->sure_s = sure_s;
    slurm_set_state(slurm, row, ROW_UNSURE);
    slurm_advance(slurm, row);
    slurm_look_soon(slurm);
}

/* Another engine may have sent it, before this one was opened. */
void slurm_maybe_sent(struct slurm *slurm, struct row *row, int64_t decided_us)
{
    int64_t sure_s = slurm_sent_sure_s(slurm, row->job.v, row->attempt, decided_us);

    if (sure_s != 0) {
        row->since_us = decided_us;
        unsure_from(slurm, row, sure_s);
    } else if (row->body != NULL) {
        line_up(slurm, row);
    } else {
        slurm_end_with(slurm, row, DR_OUTCOME_STOPPED, "");
    }
}

static void submit(struct slurm *slurm, struct row *row)
{
    int64_t end_s = slurm_site_s(slurm) + slurm->life_s;
    struct dr_slurm_exchange *exchange;
    char *body;

    if (!slurm_sent_note(slurm, row, end_s)) {
        row->again_us = dr_monotonic_us() + AGAIN_US;
        slurm_at(slurm, row, row->again_us);
        line_up(slurm, row);
        return;
    }
    exchange = slurm_request(slurm, EXCHANGE_SUBMIT);
    DR_ASSERT(exchange != NULL && row->body != NULL);
    exchange->job = row->job.v;
    exchange->attempt = row->attempt;
    exchange->mark = end_s + SURE_MARGIN_S;
    body = malloc(row->body_bytes);
    if (body == NULL)
        abort();
    memcpy(body, row->body, row->body_bytes);
    if (row->since_us == 0)
        row->since_us = dr_clock_us();
    slurm_set_state(slurm, row, ROW_SENT);
    slurm->submits += 1;
    slurm_send(slurm, exchange, "POST", API "job/submit", row->user, end_s, body, row->body_bytes);
}

void slurm_submit_more(struct slurm *slurm)
{
    uint32_t left = ROW_NONE, last = ROW_NONE;
    int64_t now_us = dr_monotonic_us();

    if (!slurm->complete || slurm->failures > 0 || !slurm->clock_known)
        return;
    while (slurm->wanted_first != ROW_NONE && slurm->submits < SUBMITS_MAX) {
        uint32_t number = slurm->wanted_first;
        struct row *row = &slurm->rows[number];

        slurm->wanted_first = row->next_wanted;
        if (row->state == ROW_WANTED && row->again_us > now_us) {
            /* not yet: kept for the end of the line */
            if (last == ROW_NONE)
                left = number;
            else
                slurm->rows[last].next_wanted = number;
            last = number;
            row->next_wanted = ROW_NONE;
            continue;
        }
        row->in_line = 0;
        if (row->state == ROW_WANTED)
            submit(slurm, row);
    }
    if (slurm->wanted_first == ROW_NONE)
        slurm->wanted_last = ROW_NONE;
    if (left == ROW_NONE)
        return;
    if (slurm->wanted_first == ROW_NONE)
        slurm->wanted_first = left;
    else
        slurm->rows[slurm->wanted_last].next_wanted = left;
    slurm->wanted_last = last;
}

/* ---- the order ---- */

static enum dr_status check_launch(const struct dr_launch *launch, struct dr_error *error)
{
    if (launch->job.v == 0 || launch->attempt == 0) {
        dr_error_set(error, NULL, 0, "attempt", NULL, "a job id and an attempt from 1");
        return DR_E_INPUT;
    }
    if (launch->uid == 0 || strcmp(launch->login, "root") == 0) {
        dr_error_set(error, NULL, 0, "user", launch->login,
                     "an unprivileged user: no job runs as root");
        return DR_E_INPUT;
    }
    if (!dr_slurm_user_valid(launch->login)) {
        dr_error_set(error, NULL, 0, "user", launch->login, "a user name that the site can have");
        return DR_E_INPUT;
    }
    if (launch->script == NULL && launch->argv_count == 0) {
        dr_error_set(error, NULL, 0, "script", NULL, "a script, or a program to run");
        return DR_E_INPUT;
    }
    if (launch->script != NULL &&
        (launch->script_bytes < 3 || memcmp(launch->script, "#!", 2) != 0)) {
        dr_error_set(error, NULL, 0, "script", NULL,
                     "the script's first line has to be '#!' and an interpreter, like #!/bin/sh");
        return DR_E_INPUT;
    }
    if (launch->tasks == 0 || launch->tasks > DR_TASKS_MAX || launch->nodes_count == 0) {
        dr_error_set(error, NULL, 0, "tasks", NULL, "1 to %d tasks on at least one node",
                     DR_TASKS_MAX);
        return DR_E_INPUT;
    }
    return DR_OK;
}

static char *copy(const char *text)
{
    char *made = strdup(text);

    if (made == NULL)
        abort();
    return made;
}

void slurm_keep_nodes(struct row *row, const struct dr_launch_node *nodes, uint32_t count)
{
    size_t bytes = 1, used = 0;

    if (row->nodes != NULL)
        return;
    for (uint32_t i = 0; i < count; i += 1)
        bytes += strlen(nodes[i].name) + 1;
    row->nodes = malloc(bytes);
    if (row->nodes == NULL)
        abort();
    for (uint32_t i = 0; i < count; i += 1) {
        size_t length = strlen(nodes[i].name) + 1;

        memcpy(row->nodes + used, nodes[i].name, length);
        used += length;
    }
    row->nodes[used] = 0;
}

static void keep_order(struct row *row, const struct dr_launch *launch)
{
    row->ordered = 1;
    row->limit_us = launch->limit_us;
    row->warn_signal = launch->warn_signal;
    row->warn_before_us = launch->warn_before_us;
    row->grace_us = launch->grace_us;
    row->warn_to = (uint8_t)launch->warn_to;
    if (row->user == NULL)
        row->user = copy(launch->login);
    slurm_keep_nodes(row, launch->nodes, launch->nodes_count);
}

/* Known here already, from an order or from a look. */
static enum dr_status launch_again(struct slurm *slurm, struct row *row,
                                   const struct dr_launch *launch, struct dr_error *error)
{
    if (row->state == ROW_REFUSED) {
        dr_error_set(error, NULL, 0, "attempt", NULL, "one that was not stopped before its launch");
        return DR_E_INPUT;
    }
    if (row->user != NULL && strcmp(row->user, launch->login) != 0) {
        dr_error_set(error, NULL, 0, "user", launch->login,
                     "%s: the site has a job of that user under this attempt's name", row->user);
        return DR_E_INPUT;
    }
    keep_order(row, launch);
    slurm_tell_unseen(slurm, row);
    if (row->end != NULL)
        slurm_tell_ended(slurm, row);
    else if (row->begun_us != 0)
        slurm_tell_started(slurm, row);
    slurm_advance(slurm, row);
    slurm_turn(slurm);
    return DR_OK;
}

enum dr_status slurm_launch(struct dr_engine *engine, const struct dr_launch *launch,
                            struct dr_error *error)
{
    struct slurm *slurm = (struct slurm *)engine;
    struct row *row = slurm_find(slurm, launch->job, launch->attempt);
    enum dr_status status = check_launch(launch, error);
    size_t body_bytes = 0;
    char *body = NULL;

    if (row != NULL)
        return launch_again(slurm, row, launch, error);
    if (status == DR_OK)
        status = slurm_document(slurm, launch, &body, &body_bytes, error);
    if (status != DR_OK)
        return status;
    row = slurm_add(slurm, launch->job, launch->attempt);
    row->body = body;
    row->body_bytes = body_bytes;
    keep_order(row, launch);
    if (launch->maybe_given || launch->epoch < slurm->options.epoch || slurm->reopened)
        slurm_maybe_sent(slurm, row, launch->decided_us);
    else
        line_up(slurm, row);
    slurm_turn(slurm);
    return DR_OK;
}

/* ---- answers ---- */

int64_t slurm_error_of(json_t *answer, char *text, size_t bytes)
{
    json_t *first = json_array_get(json_object_get(answer, "errors"), 0);
    json_t *number = json_object_get(first, "error_code");
    const char *words = json_string_value(json_object_get(first, "error"));
    const char *more = json_string_value(json_object_get(first, "description"));

    if (number == NULL)
        number = json_object_get(first, "error_number");
    if (first == NULL)
        snprintf(text, bytes, "no word of what is wrong");
    else
        snprintf(text, bytes, "%s%s%s (%" JSON_INTEGER_FORMAT ")", words == NULL ? "" : words,
                 words != NULL && more != NULL ? ": " : "", more == NULL ? "" : more,
                 json_integer_value(number));
    return first == NULL ? 0 : json_integer_value(number);
}

/* Slurm's own refusals of what was asked (slurm/slurm_errno.h: ESLURM_*), and parse errors of
 * slurmrestd: they say for certain that there is no such job. Others, of communication above all,
 * do not. */
static int is_refusal(int64_t number)
{
    return (number >= 2000 && number < 3000) || number == 9001;
}

/* Refusals that have nothing to do with the job: too many are there, or slurmctld is starting. */
static int may_pass(int64_t number)
{
    return number == 11 || number == 2057 || number == 2058 || number == 2009;
}

static void kept(struct slurm *slurm, struct row *row, json_int_t id)
{
    struct row *other = slurm_find_id(slurm, (uint32_t)id);

    if (other != NULL && other != row) { /* of a site that has lost its state */
        if (other->state == ROW_PENDING || other->state == ROW_RUNNING)
            slurm_gone(slurm, other);
        slurm_set_id(slurm, other, 0);
    }
    slurm_set_id(slurm, row, (uint32_t)id);
    slurm_sent_became(slurm, row);
    free(row->body);
    row->body = NULL;
    row->kept = slurm->look_number + 1;
    slurm_set_state(slurm, row, ROW_PENDING);
    slurm_look_soon(slurm);
    slurm_advance(slurm, row);
}

static void refused(struct slurm *slurm, struct row *row, int64_t number, const char *words)
{
    char text[200];

    if (may_pass(number) && row->tries < TRIES_MAX && !row->told) {
        row->tries += 1;
        row->again_us = dr_monotonic_us() + AGAIN_US;
        slurm_at(slurm, row, row->again_us);
        line_up(slurm, row);
        return;
    }
    snprintf(text, sizeof text, "Slurm does not take it: %s", words);
    slurm_end_with(slurm, row, DR_OUTCOME_LAUNCH_FAILED, text);
}

void slurm_submitted(struct slurm *slurm, struct dr_slurm_exchange *exchange)
{
    struct row *row = slurm_find(slurm, (dr_job_id){exchange->job}, exchange->attempt);
    json_t *answer = NULL;
    char words[160] = "";
    json_int_t id = 0;
    int64_t number;

    slurm->submits -= 1;
    if (exchange->answered)
        answer = json_loadb((const char *)exchange->answer.data, exchange->answer.length, 0, NULL);
    if (json_is_integer(json_object_get(answer, "job_id")))
        id = json_integer_value(json_object_get(answer, "job_id"));
    number = slurm_error_of(answer, words, sizeof words);
    json_decref(answer);
    if (row == NULL)
        return; /* found, ended and forgotten before this answer came */
    if (row->state != ROW_SENT) {
        /* A look has found it meanwhile: then the answer says the same, or was lost. */
        if (id > 0 && row->slurm_id != (uint32_t)id)
            slurm_cancel(slurm, (uint32_t)id);
        return;
    }
    if (id > 0 && id <= UINT32_MAX) {
        slurm_heard(slurm, exchange);
        kept(slurm, row, id);
        return;
    }
    if (exchange->answered && (is_refusal(number) || may_pass(number))) {
        slurm_heard(slurm, exchange);
        refused(slurm, row, number, words);
        return;
    }
    if (exchange->answered && exchange->status == 401) {
        slurm_failed(slurm, "slurmrestd does not take the tokens (HTTP 401): is key_file the key "
                            "of this cluster?");
        line_up(slurm, row);
        return;
    }
    if (!exchange->answered && exchange->sent == DR_SLURM_NOT_SENT) {
        slurm_failed(slurm, "%s", exchange->error);
        line_up(slurm, row);
        return;
    }
    if (!exchange->answered)
        slurm_failed(slurm, "%s", exchange->error);
    else
        slurm_failed(slurm, "an answer to a submission that says nothing (HTTP %ld): %s",
                     exchange->status, words);
    unsure_from(slurm, row, exchange->mark);
}

/* The request's token had run out, by the site's own clock, before the look began: what has not
 * arrived will not take effect any more. What has arrived, and was begun, and forgotten by a
 * slurmctld that was killed, may run: slurm_fence.c. */
void slurm_not_there(struct slurm *slurm, struct row *row, int64_t proof_s)
{
    if (row->state == ROW_UNSURE && proof_s >= row->sure_s)
        slurm_gone(slurm, row);
}

void slurm_void(struct slurm *slurm, struct row *row)
{
    int64_t age_us = dr_clock_us() - row->since_us;

    if (row->since_us != 0 && age_us / DR_SECOND_US > slurm->min_job_age_s - AGE_MARGIN_S) {
        /* So long ago that the site would have forgotten a short one that ran. */
        slurm_end_with(slurm, row, DR_OUTCOME_NODE_FAILED,
                       "whether it ran can't be known: its site was away for longer than it "
                       "remembers jobs that have ended (MinJobAge)");
        return;
    }
    row->since_us = 0;
    line_up(slurm, row);
}
