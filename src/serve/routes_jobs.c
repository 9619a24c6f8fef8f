/* SPDX-License-Identifier: Apache-2.0 */
/* routes_jobs.c: jobs are submitted, held, released, cancelled, erased. What is asked about them is
 * in routes_queue.c. */
#include <jansson.h>
#include <openssl/sha.h>

#include "serve/exchange.h"
#include "serve/fact_json.h"
#include "serve/job_json.h"
#include "serve/json.h"
#include "serve/stream.h"

/* ---- submit ---- */

static void submitted(struct exchange *x)
{
    const struct dr_request *request = &x->request;
    int batch = x->status == DR_JOBSPEC_BATCH; /* the form, kept here until there is a status */
    int array = x->status == DR_JOBSPEC_ARRAY;

    dr_put_begin(&x->out, NULL, '{');
    if (batch) {
        dr_put_begin(&x->out, "jobs", '[');
        for (uint32_t i = 0; i < request->count; i += 1)
            dr_put_u64(&x->out, NULL, request->answers[i].job.v);
        dr_put_end(&x->out, ']');
    } else {
        dr_put_u64(&x->out, "job", request->answers[0].job.v);
        if (array)
            dr_put_u64(&x->out, "count", request->count);
    }
    if (request->result == DR_REQUEST_REPEATED)
        dr_put_bool(&x->out, "repeated", 1);
    dr_put_end(&x->out, '}');
    exchange_answer(x, request->result == DR_REQUEST_REPEATED ? 200 : 201);
}

static void refuse_spec(struct exchange *x, const struct dr_jobspec *spec)
{
    const char *kind = dr_refusal_name(spec->problems[0].answer.refused);

    dr_put_begin(&x->out, NULL, '{');
    for (uint32_t i = 0; i < spec->problems_count; i += 1) {
        const struct dr_jobspec_problem *problem = &spec->problems[i];

        if (i == 1)
            dr_put_begin(&x->out, "errors", '[');
        dr_put_begin(&x->out, i == 0 ? "error" : NULL, '{');
        dr_put_text(&x->out, "kind", dr_refusal_name(problem->answer.refused));
        dr_put_text(&x->out, "field", problem->answer.field);
        dr_put_text(&x->out, "text", problem->answer.text);
        if (spec->form == DR_JOBSPEC_BATCH)
            dr_put_u64(&x->out, "index", problem->index);
        dr_put_end(&x->out, '}');
    }
    if (spec->problems_count > 1)
        dr_put_end(&x->out, ']');
    if (spec->problems_more > 0)
        dr_put_u64(&x->out, "more", spec->problems_more);
    dr_put_end(&x->out, '}');
    exchange_answer(x, kind_status(kind));
}

/* 1: none, or a good one in the request. */
static int take_retry_key(struct exchange *x)
{
    const char *key = exchange_header(x, "Idempotency-Key");

    if (key == NULL)
        return 1;
    if (key[0] == 0 || strlen(key) >= sizeof x->request.retry_key) {
        exchange_refuse(x, "INVALID", "Idempotency-Key", "expected 1 to 63 characters");
        return 0;
    }
    snprintf(x->request.retry_key, sizeof x->request.retry_key, "%s", key);
    SHA256(x->body.data, x->body.length, x->request.retry_request);
    return 1;
}

void route_jobs_submit(struct exchange *x)
{
    struct dr_jobspec spec = {
        .core = core_of(x),
        .arena = &x->arena,
        .text = &x->http->text,
        .asker = exchange_asker(x, NULL),
    };

    memcpy(spec.salt, x->http->federation, sizeof spec.salt);
    /* Root has no jobs as root: they are those of the user with its uid, unless one is named. */
    if (x->who.system && x->who.user.v != 0)
        spec.asker.user = x->who.user;
    if (!take_retry_key(x))
        return;
    if (!dr_jobspec_read(&spec, x->body.length == 0 ? "" : (const char *)x->body.data,
                         x->body.length)) {
        refuse_spec(x, &spec);
        return;
    }
    if (x->who.system) {
        /* The system may name anybody, itself included. */
        for (uint32_t i = 0; i < spec.count; i += 1) {
            if (spec.commands[i].body.submit.job_user != 0)
                spec.commands[i].user.v = 0;
            else if (spec.commands[i].user.v == 0) {
                exchange_refuse(x, "INVALID", "user",
                                "no user of the federation has uid %u, expected the name of one",
                                x->who.peer->uid);
                return;
            }
        }
    }
    x->request.commands = spec.commands;
    x->request.count = spec.count;
    x->request.texts = spec.texts;
    x->request.texts_count = spec.texts_count;
    x->status = spec.form;
    exchange_ask(x, submitted);
}

/* Its owner, its account's admins and admins: not those who only look on. */
static int is_near(struct exchange *x, const struct exchange_job *found)
{
    uint8_t roles = dr_auth_roles(core_of(x), &x->who, (dr_account_id){found->account});

    if (roles & (DR_ROLE(ACCOUNT_ADMIN) | DR_ROLE(ADMIN)))
        return 1;
    return x->who.user.v == found->owner && (x->who.roles_any & DR_ROLE(USER)) != 0;
}

/* ---- what is done to one job ---- */

static void changed(struct exchange *x)
{
    dr_put_begin(&x->out, NULL, '{');
    dr_put_u64(&x->out, "job", x->number);
    dr_put_bool(&x->out, "unchanged", x->request.answers[0].unchanged != 0);
    dr_put_end(&x->out, '}');
    exchange_answer(x, 200);
}

static void act(struct exchange *x, enum dr_command_kind kind)
{
    struct exchange_job found;
    struct dr_command *command;
    const char *reason;

    if (!exchange_find(x, &found) || !exchange_reason(x, &reason))
        return;
    if (found.job == NULL) {
        exchange_refuse(x, "STATE", "job", "job %llu has ended: %s", (unsigned long long)x->number,
                        dr_job_state_name((enum dr_job_state)found.row.state));
        return;
    }
    command = exchange_commands(x, 1);
    command->kind = kind;
    command->reason = reason;
    command->body.job.v = x->number;
    exchange_ask(x, changed);
}

void route_job_cancel(struct exchange *x)
{
    act(x, DR_COMMAND_CANCEL);
}

void route_job_hold(struct exchange *x)
{
    act(x, DR_COMMAND_HOLD);
}

void route_job_release(struct exchange *x)
{
    act(x, DR_COMMAND_RELEASE);
}

void route_job_lost(struct exchange *x)
{
    act(x, DR_COMMAND_LOST);
}

void route_job_checkpoint(struct exchange *x)
{
    struct exchange_job found;
    struct dr_command *command;
    json_t *root = exchange_object(x, "");

    if (root == NULL)
        return;
    json_decref(root);
    if (!exchange_find(x, &found))
        return;
    if (!is_near(x, &found)) {
        exchange_refuse(x, "DENIED", "job", "its owner or an admin of its account may say so");
        return;
    }
    if (found.job == NULL ||
        (found.job->state != DR_JOB_RUNNING && found.job->state != DR_JOB_COMPLETING)) {
        exchange_refuse(x, "STATE", "job", "job %llu does not run", (unsigned long long)x->number);
        return;
    }
    command = exchange_commands(x, 1);
    command->kind = DR_COMMAND_CHECKPOINT;
    command->body.attempt.job = found.job->id;
    command->body.attempt.attempt = dr_job_run(core_of(x), found.job)->attempt;
    command->body.attempt.time_us = dr_controller_now_us(x->http->controller);
    exchange_ask(x, changed);
}

void route_job_erase(struct exchange *x)
{
    struct exchange_job found;
    struct dr_command *command;
    const char *reason;

    if (!exchange_find(x, &found) || !exchange_reason(x, &reason))
        return;
    if (!is_near(x, &found)) {
        exchange_refuse(x, "DENIED", "job", "its owner or an admin of its account may do this");
        return;
    }
    if (found.job != NULL && !dr_job_state_ended((enum dr_job_state)found.job->state)) {
        exchange_refuse(x, "STATE", "job", "job %llu has not ended; expected one that has",
                        (unsigned long long)x->number);
        return;
    }
    command = exchange_commands(x, 1);
    command->kind = DR_COMMAND_ERASE;
    command->reason = reason;
    command->body.declare.kind = DR_FACT_TEXT_ERASED;
    command->body.declare.text_erased.text = found.job != NULL ? found.job->text : found.row.text;
    if (command->body.declare.text_erased.text == 0) {
        exchange_refuse(x, "STATE", "job", "nothing was written into job %llu",
                        (unsigned long long)x->number);
        return;
    }
    exchange_ask(x, changed);
}

/* ---- cancelling many ---- */

static void cancelled(struct exchange *x)
{
    dr_put_begin(&x->out, NULL, '{');
    dr_put_begin(&x->out, "jobs", '[');
    for (uint32_t i = 0; i < x->request.count; i += 1) {
        dr_put_begin(&x->out, NULL, '{');
        dr_put_u64(&x->out, "job", x->request.commands[i].body.job.v);
        dr_put_bool(&x->out, "unchanged", x->request.answers[i].unchanged != 0);
        dr_put_end(&x->out, '}');
    }
    dr_put_end(&x->out, ']');
    dr_put_end(&x->out, '}');
    exchange_answer(x, 200);
}

static int add_cancel(struct exchange *x, uint64_t job, uint32_t *count)
{
    struct dr_core *core = core_of(x);
    dr_job_row row = dr_job_find(core, (dr_job_id){job});

    if (row.v == DR_ROW_NONE || !exchange_sees(x, dr_job_terms(core, &core->jobs[row.v])->user.v,
                                               core->jobs[row.v].account.v)) {
        exchange_refuse(x, "UNKNOWN", "jobs", "there is no live job %llu", (unsigned long long)job);
        return 0;
    }
    x->request.commands[*count].kind = DR_COMMAND_CANCEL;
    x->request.commands[*count].body.job.v = job;
    *count += 1;
    return 1;
}

/* The live elements of an array that the asker may see. */
static int add_array(struct exchange *x, uint64_t array, uint32_t *count)
{
    struct dr_core *core = core_of(x);

    for (uint64_t job = array; job < array + DR_JOBS_PER_REQUEST; job += 1) {
        dr_job_row row = dr_job_find(core, (dr_job_id){job});

        if (row.v == DR_ROW_NONE || dr_job_terms(core, &core->jobs[row.v])->array_job != array ||
            dr_job_state_ended((enum dr_job_state)core->jobs[row.v].state))
            continue;
        if (exchange_sees(x, dr_job_terms(core, &core->jobs[row.v])->user.v,
                          core->jobs[row.v].account.v))
            add_cancel(x, job, count);
    }
    if (*count == 0)
        exchange_refuse(x, "UNKNOWN", "array", "there is no live job of array %llu",
                        (unsigned long long)array);
    return *count > 0;
}

void route_jobs_cancel(struct exchange *x)
{
    json_t *root = exchange_object(x, "jobs array");
    const json_t *jobs = json_object_get(root, "jobs");
    const json_t *array = json_object_get(root, "array");
    uint32_t count = 0;
    int good = 1;

    if (root == NULL)
        return;
    if ((jobs == NULL) == (array == NULL) ||
        (jobs != NULL && (!json_is_array(jobs) || json_array_size(jobs) == 0 ||
                          json_array_size(jobs) > x->http->limits.batch_jobs)) ||
        (array != NULL && (!json_is_integer(array) || json_integer_value(array) < 1))) {
        exchange_refuse(x, "INVALID", "jobs",
                        "expected jobs, a list of 1 to %u ids, or array, the id of an array",
                        x->http->limits.batch_jobs);
        json_decref(root);
        return;
    }
    exchange_commands(x, array != NULL ? DR_JOBS_PER_REQUEST : (uint32_t)json_array_size(jobs));
    if (array != NULL)
        good = add_array(x, (uint64_t)json_integer_value(array), &count);
    for (size_t i = 0; good && jobs != NULL && i < json_array_size(jobs); i += 1) {
        const json_t *job = json_array_get(jobs, i);

        if (!json_is_integer(job) || json_integer_value(job) < 1) {
            exchange_refuse(x, "INVALID", "jobs", "expected ids of jobs: whole numbers from 1");
            good = 0;
        } else {
            good = add_cancel(x, (uint64_t)json_integer_value(job), &count);
        }
    }
    json_decref(root);
    if (!good)
        return;
    x->request.count = count;
    exchange_ask(x, cancelled);
}
