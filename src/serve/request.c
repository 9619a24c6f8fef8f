/* SPDX-License-Identifier: Apache-2.0 */
/* request.c: one client's request: all of it or none.
 *
 * Every command is checked before the first is admitted, so that a refusal changes nothing. Where
 * commands of a list bear on one another (declarations: a site, then its pools; jobs that wait for
 * earlier ones of the same name), the list is tried out whole in a forked child, on a copy of the
 * state. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "serve/internal.h"

/* An upper bound of the facts that admitting a command writes. */
static uint64_t command_bytes(const struct dr_command *command)
{
    uint64_t bytes = 256;

    if (command->source != NULL)
        bytes += strlen(command->source);
    if (command->reason != NULL)
        bytes += strlen(command->reason);
    switch (command->kind) {
    case DR_COMMAND_SUBMIT:
        bytes += 512 + 64 * (uint64_t)command->body.submit.alternatives_count +
                 16 * (uint64_t)command->body.submit.dependencies_count +
                 8 * (uint64_t)command->body.submit.datasets_count;
        break;
    case DR_COMMAND_DECLARE:
    case DR_COMMAND_TOKEN:
    case DR_COMMAND_ERASE:
        bytes += 8192;
        if (command->body.declare.kind == DR_FACT_ACCOUNT_SET)
            bytes += 48 * (uint64_t)command->body.declare.account_set.limits_count;
        break;
    case DR_COMMAND_CANCEL:
    case DR_COMMAND_HOLD:
    case DR_COMMAND_RELEASE:
    case DR_COMMAND_NODE:
    case DR_COMMAND_LOST:
    case DR_COMMAND_LEAD:
    case DR_COMMAND_TICK:
    case DR_COMMAND_STARTED:
    case DR_COMMAND_ENDED:
    case DR_COMMAND_CHECKPOINT:
    case DR_COMMAND_REACH:
    case DR_COMMAND_SITE:
    case DR_COMMAND_NOTE:
        break;
    }
    return bytes;
}

static void refuse(struct dr_request *request, uint32_t i, enum dr_refusal_kind kind,
                   const char *field, const char *text)
{
    struct dr_answer *answer = &request->answers[i];

    memset(request->answers, 0, request->count * sizeof *request->answers);
    answer->refused = kind;
    snprintf(answer->field, sizeof answer->field, "%s", field);
    snprintf(answer->text, sizeof answer->text, "%s", text);
    request->result = DR_REQUEST_REFUSED;
}

/* ---- safe retries ---- */

static uint64_t retry_hash(uint32_t user, const char *key)
{
    return dr_hash_bytes(user, key, strlen(key));
}

/* Has this key been answered before, durably or in this same batch? */
static int retry_find(struct dr_controller *c, uint32_t user, const char *key,
                      struct dr_store_retry *retry)
{
    uint64_t hash = retry_hash(user, key);
    enum dr_status status;

    for (uint32_t i = 0; i < c->fresh_retries.count; i += 1) {
        const struct fresh_retry *fresh = &c->fresh_retries.items[i];
        const struct dr_store_retry *kept = &c->retries.items[fresh->row];

        if (fresh->hash == hash && kept->user == user && strcmp(kept->key, key) == 0) {
            *retry = *kept;
            return 1;
        }
    }
    status = dr_store_retry_find(c->store, user, key, retry);
    if (status == DR_OK)
        return 1;
    if (status != DR_E_MISSING) {
        /* Without the answer of before, a retry could run a job twice: better not to go on. */
        controller_log(c, "retry keys can't be read: %s", dr_status_text(status));
        abort();
    }
    return 0;
}

static void answer_again(struct dr_request *request, const struct dr_store_retry *retry)
{
    uint32_t submits = 0;

    if (memcmp(retry->request, request->retry_request, DR_HASH_BYTES) != 0) {
        request->result = DR_REQUEST_CONFLICT;
        return;
    }
    for (uint32_t i = 0; i < request->count; i += 1) {
        request->answers[i] = (struct dr_answer){.refused = DR_REFUSAL_NONE, .unchanged = 1};
        if (request->commands[i].kind == DR_COMMAND_SUBMIT && submits < retry->jobs) {
            request->answers[i].job.v = retry->job_first + submits;
            submits += 1;
        }
    }
    request->result = DR_REQUEST_REPEATED;
}

static void retry_keep(struct dr_controller *c, const struct dr_request *request)
{
    struct dr_store_retry retry = {
        .user = request->commands[0].user.v,
        .time_us = c->now_us,
    };

    memcpy(retry.key, request->retry_key, sizeof retry.key);
    memcpy(retry.request, request->retry_request, DR_HASH_BYTES);
    for (uint32_t i = 0; i < request->count; i += 1) {
        if (request->commands[i].kind != DR_COMMAND_SUBMIT)
            continue;
        if (retry.jobs == 0)
            retry.job_first = request->answers[i].job.v;
        /* Ids of one request are given out in a row: nothing comes in between. */
        DR_ASSERT(request->answers[i].job.v == retry.job_first + retry.jobs);
        retry.jobs += 1;
    }
    DR_LIST_PUSH(&c->retries, retry);
    DR_LIST_PUSH(&c->fresh_retries, ((struct fresh_retry){
                                        .hash = retry_hash(retry.user, retry.key),
                                        .row = c->retries.count - 1,
                                    }));
}

/* ---- checks ---- */

/* Is there room for all of it? A list whose single jobs pass one by one could still fill a table.
 */
static int check_room(struct dr_controller *c, struct dr_request *request)
{
    const struct dr_core *core = c->core;
    uint64_t jobs = core->jobs_count;
    uint64_t edges = core->edges_count;

    for (uint32_t i = 0; i < request->count; i += 1) {
        const struct dr_command *command = &request->commands[i];

        if (command->kind != DR_COMMAND_SUBMIT)
            continue;
        jobs += 1;
        edges += command->body.submit.dependencies_count;
        if (jobs > core->limits.jobs_max || edges > core->edges_max) {
            refuse(request, i, DR_REFUSAL_FULL, "",
                   "the controller's table of jobs has no room for this request");
            return 0;
        }
    }
    return 1;
}

/* A list that would take an account past its number of live jobs is refused whole, before its
 * single jobs are looked at: each of them alone might pass. */
static int check_accounts(struct dr_controller *c, struct dr_request *request)
{
    const struct dr_core *core = c->core;
    uint32_t *more = calloc(core->accounts_count + 1u, sizeof *more);
    struct dr_answer answer = {0};
    int passed = 1;

    DR_ASSERT(more != NULL);
    for (uint32_t i = 0; i < request->count; i += 1) {
        dr_account_id id = {0};

        if (request->commands[i].kind == DR_COMMAND_SUBMIT)
            id = dr_submit_account(core, &request->commands[i]);
        for (; id.v != 0; id = core->accounts[id.v - 1].parent)
            more[id.v] += 1;
    }
    for (uint32_t row = 0; passed && row < core->accounts_count; row += 1)
        passed = more[row + 1] == 0 ||
                 dr_admit_more_jobs(core, (dr_account_id){row + 1}, more[row + 1], &answer);
    if (!passed)
        refuse(request, 0, answer.refused, answer.field, answer.text);
    free(more);
    return passed;
}

/* Each text once: an array's elements share theirs. */
static int check_texts(struct dr_request *request)
{
    for (uint32_t text = 0; text < request->texts_count; text += 1) {
        uint32_t i = 0;

        if (strlen(request->texts[text]) <= TEXT_BYTES_MAX)
            continue;
        while (i + 1 < request->count && (request->commands[i].kind != DR_COMMAND_SUBMIT ||
                                          request->commands[i].body.submit.text != text + 1))
            i += 1;
        refuse(request, i, DR_REFUSAL_LIMIT, "script",
               "the job's text is larger than 1 MB; expected a smaller script or environment");
        return 0;
    }
    return 1;
}

/* Commands that build on one another: try them all on a copy of the state. */
static int check_by_trial(struct dr_controller *c, struct dr_request *request)
{
    size_t bytes = request->count * sizeof *request->answers;
    struct dr_answer *answers =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int passed = 1;
    int status = 0;
    pid_t child;

    DR_ASSERT(answers != MAP_FAILED);
    child = fork();
    if (child == 0) {
        for (uint32_t i = 0; i < request->count; i += 1)
            dr_admit(c->core, &request->commands[i], c->now_us, &c->batch, &answers[i]);
        _exit(0);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        refuse(request, 0, DR_REFUSAL_FULL, "", "this list can't be tried out at the moment");
        munmap(answers, bytes);
        return 0;
    }
    memcpy(request->answers, answers, bytes);
    munmap(answers, bytes);
    for (uint32_t i = 0; i < request->count; i += 1)
        passed &= request->answers[i].refused == DR_REFUSAL_NONE;
    if (!passed)
        request->result = DR_REQUEST_REFUSED;
    return passed;
}

static int check_each(struct dr_controller *c, struct dr_request *request)
{
    int passed = 1;

    for (uint32_t i = 0; i < request->count; i += 1) {
        if (!dr_admit_check(c->core, &request->commands[i], c->now_us, &request->answers[i])) {
            request->result = DR_REQUEST_REFUSED;
            passed = 0;
        }
    }
    return passed;
}

/* Is the judgement of each command the same before and after those ahead of it in the list? */
static int independent(const struct dr_request *request)
{
    enum dr_command_kind kind = request->commands[0].kind;

    for (uint32_t i = 0; i < request->count; i += 1) {
        const struct dr_command *command = &request->commands[i];

        if (command->kind != kind)
            return 0;
        for (uint32_t j = 0;
             kind == DR_COMMAND_SUBMIT && j < command->body.submit.dependencies_count; j += 1) {
            if (command->body.submit.dependencies[j].kind == DR_DEPENDENCY_SINGLETON)
                return 0;
        }
    }
    return kind == DR_COMMAND_SUBMIT || kind == DR_COMMAND_CANCEL || kind == DR_COMMAND_HOLD ||
           kind == DR_COMMAND_RELEASE;
}

static int check(struct dr_controller *c, struct dr_request *request)
{
    if (!check_texts(request))
        return 0;
    if (request->count == 1) /* dr_admit() itself judges it */
        return 1;
    if (!check_accounts(c, request))
        return 0;
    if (!independent(request))
        return check_by_trial(c, request);
    return check_room(c, request) && check_each(c, request);
}

/* ---- admission ---- */

/* The text gets its id from the first fact that names it, which is the next one. */
static void name_text(struct dr_controller *c, const struct dr_request *request,
                      struct dr_fact_job_accepted *submit, uint32_t texts_first, uint32_t *rows)
{
    uint32_t index = (uint32_t)submit->text - 1;
    struct dr_store_text text;

    DR_ASSERT(submit->text <= request->texts_count);
    if (rows[index] == UINT32_MAX) {
        text = (struct dr_store_text){
            .id = dr_core_seq(c->core) + 1,
            .text = request->texts[index],
            .bytes = (uint32_t)strlen(request->texts[index]),
        };
        texts_salt(c, &text);
        rows[index] = c->texts.count - texts_first;
        DR_LIST_PUSH(&c->texts, text);
    }
    submit->text = c->texts.items[texts_first + rows[index]].id;
    memcpy(submit->text_hash, c->texts.items[texts_first + rows[index]].hash, DR_HASH_BYTES);
}

static void admit_all(struct dr_controller *c, struct dr_request *request)
{
    uint32_t texts_first = c->texts.count;
    uint32_t one_row = UINT32_MAX;
    uint32_t *rows = &one_row; /* of each text in c->texts, counted from texts_first */

    if (request->texts_count > 1) {
        rows = malloc(request->texts_count * sizeof *rows);
        DR_ASSERT(rows != NULL);
        memset(rows, 0xff, request->texts_count * sizeof *rows);
    }
    for (uint32_t i = 0; i < request->count; i += 1) {
        struct dr_command *command = &request->commands[i];

        if (command->kind == DR_COMMAND_SUBMIT && command->body.submit.text != 0)
            name_text(c, request, &command->body.submit, texts_first, rows);
        if (!dr_admit(c->core, command, c->now_us, &c->batch, &request->answers[i])) {
            /* A list was checked: only the first of one can be refused here. */
            DR_ASSERT(request->count == 1);
            request->result = DR_REQUEST_REFUSED;
            c->texts.count = texts_first;
        } else if (command->kind == DR_COMMAND_ERASE) {
            DR_LIST_PUSH(&c->erasures, command->body.declare.text_erased.text);
        }
    }
    if (rows != &one_row)
        free(rows);
}

int request_admit(struct dr_controller *c, struct dr_request *request)
{
    struct dr_store_retry retry;
    uint64_t bytes = 0;

    request->result = DR_REQUEST_DONE;
    for (uint32_t i = 0; i < request->count; i += 1)
        bytes += command_bytes(&request->commands[i]);
    if (bytes > REQUEST_BYTES) {
        refuse(request, 0, DR_REFUSAL_LIMIT, "",
               "the request is too large for one transaction; expected fewer commands");
        return 1;
    }
    if (c->batch.facts_count > 0 && c->batch.bytes_count + bytes > REQUEST_BYTES)
        return 0;
    if (request->count == 0)
        return 1;
    if (request->retry_key[0] != 0 &&
        retry_find(c, request->commands[0].user.v, request->retry_key, &retry)) {
        answer_again(request, &retry);
        return 1;
    }
    if (!check(c, request))
        return 1;
    admit_all(c, request);
    if (request->retry_key[0] != 0 && request->result == DR_REQUEST_DONE)
        retry_keep(c, request);
    return 1;
}
