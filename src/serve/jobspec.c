/* SPDX-License-Identifier: Apache-2.0 */
/* A body to jobs, a job to its command and its text. Members are read in jobspec_members.c, what
 * several of them make in jobspec_shapes.c. */
#include "serve/jobspec.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "serve/jobspec_reader.h"
#include "serve/json.h"

/* ---- the text ---- */

/* From one index to the next, where that is always the same; else 1, as Slurm has it. */
static uint32_t step_of(const struct jobspec_indexes *indexes)
{
    uint32_t step = indexes->count < 2 ? 1 : indexes->values[1] - indexes->values[0];

    for (uint32_t i = 2; i < indexes->count; i += 1)
        if (indexes->values[i] - indexes->values[i - 1] != step)
            return 1;
    return step;
}

static const char *write_text(struct jobspec_reader *r, const struct jobspec_indexes *indexes)
{
    static const char *const MEMBER_OF[] = {
        [NAME] = "name",           [SCRIPT] = "script",   [DIRECTORY] = "directory",
        [OUTPUT] = "output",       [ERROR] = "error",     [INPUT] = "input",
        [OPEN_MODE] = "open_mode", [COMMENT] = "comment", [WARN_TO] = "warn_to",
    };
    struct dr_buffer *out = r->spec->text;
    char *text;

    dr_buffer_clear(out);
    dr_put_begin(out, NULL, '{');
    for (size_t i = 0; i < DR_COUNT_OF(MEMBER_OF); i += 1) {
        if (r->texts[i] != NULL)
            dr_put_text(out, MEMBER_OF[i], r->texts[i]);
    }
    if (r->command != NULL) {
        dr_put_begin(out, "command", '[');
        for (size_t i = 0; i < json_array_size(r->command); i += 1)
            dr_put_text(out, NULL, json_string_value(json_array_get(r->command, i)));
        dr_put_end(out, ']');
    }
    if (r->environment != NULL && json_object_size(r->environment) > 0) {
        const char *name;
        json_t *value;

        dr_put_begin(out, "environment", '{');
        json_object_foreach((json_t *)r->environment, name, value)
            dr_put_text(out, name, json_string_value(value));
        dr_put_end(out, '}');
    }
    if (r->every_task >= 0)
        dr_put_bool(out, "every_task", r->every_task);
    if (r->exclusive)
        dr_put_bool(out, "exclusive", 1);
    if (r->ranks > 1)
        dr_put_u64(out, "ranks", r->ranks);
    if (r->requeue_said)
        dr_put_bool(out, "requeue", 1);
    if (indexes->count > 0) {
        dr_put_begin(out, "array", '{');
        dr_put_u64(out, "min", indexes->values[0]);
        dr_put_u64(out, "max", indexes->values[indexes->count - 1]);
        dr_put_u64(out, "count", indexes->count);
        dr_put_u64(out, "step", step_of(indexes));
        dr_put_end(out, '}');
    }
    dr_put_end(out, '}');
    if (out->full) {
        jobspec_fail(r, DR_REFUSAL_LIMIT, "",
                     "script, arguments and environment are too large together");
        return NULL;
    }
    text = dr_arena_push(r->spec->arena, out->length + 1, 1);
    if (text == NULL)
        jobspec_fail(r, DR_REFUSAL_LIMIT, "", "the request is too large to be kept in memory");
    else
        memcpy(text, dr_buffer_text(out), out->length + 1);
    return text;
}

/* ---- jobs ---- */

/* SHA256() looks the algorithm up by name each time, which costs four times what hashing a name
 * does. */
static void sha256(const uint8_t *bytes, size_t count, uint8_t digest[SHA256_DIGEST_LENGTH])
{
    static EVP_MD_CTX *context;
    int done;

    if (context == NULL) {
        EVP_MD *algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);

        context = EVP_MD_CTX_new();
        DR_ASSERT(algorithm != NULL && context != NULL);
        done = EVP_DigestInit_ex(context, algorithm, NULL);
        EVP_MD_free(algorithm); /* the context has its own */
    } else {
        done = EVP_DigestInit_ex(context, NULL, NULL);
    }
    done = done == 1 && EVP_DigestUpdate(context, bytes, count) == 1 &&
           EVP_DigestFinal_ex(context, digest, NULL) == 1;
    DR_ASSERT(done);
}

uint64_t dr_jobspec_name_key(const uint8_t salt[16], dr_user_id user, const char *name)
{
    uint8_t bytes[16 + 4 + 200];
    uint8_t digest[SHA256_DIGEST_LENGTH];
    size_t length = strnlen(name, 200);
    uint64_t key = 0;

    memcpy(bytes, salt, 16);
    for (int i = 0; i < 4; i += 1)
        bytes[16 + i] = (uint8_t)(user.v >> (8 * i));
    memcpy(bytes + 20, name, length);
    sha256(bytes, 20 + length, digest);
    for (int i = 0; i < 8; i += 1)
        key |= (uint64_t)digest[i] << (8 * i);
    return key;
}

/* What holds between members. */
static int check_whole(struct jobspec_reader *r)
{
    if (r->command == NULL && r->texts[SCRIPT] == NULL)
        return jobspec_fail(r, DR_REFUSAL_INVALID, "command",
                            "found neither, expected command or script");
    if (r->job.deadline_ends && r->job.deadline_us == 0)
        return jobspec_fail(r, DR_REFUSAL_INVALID, "deadline_ends",
                            "expected a deadline_us with it");
    return 1;
}

static struct dr_answer *next_problem(struct dr_jobspec *spec, uint32_t index)
{
    static struct dr_answer beyond; /* written, never read: more problems than are reported */

    if (spec->problems_count == DR_JOBSPEC_ERRORS_MAX) {
        spec->problems_more += 1;
        return &beyond;
    }
    spec->problems[spec->problems_count] = (struct dr_jobspec_problem){.index = index};
    spec->problems_count += 1;
    return &spec->problems[spec->problems_count - 1].answer;
}

/* Read one object. `indexes->count` > 0: it is an array's. 0: what is wrong with single members is
 * among the problems, and what is wrong with the whole in r->answer. */
static int read_job(struct jobspec_reader *r, const json_t *object, struct jobspec_indexes *indexes,
                    const char **text)
{
    const char *name;
    json_t *value;
    dr_user_id owner;
    int good = 1;

    r->job.preemptible = 1;
    r->job.requeue = 1;
    r->own = (struct dr_alternative){.tasks = 1, .cpus_per_task = 1000, .factor = 1000};
    r->every_task = -1;
    *indexes = (struct jobspec_indexes){0};
    if (!json_is_object(object)) {
        r->field = "";
        r->expected = "an object that describes a job";
        return jobspec_wrong(r, object);
    }
    json_object_foreach((json_t *)object, name, value)
    {
        const struct jobspec_member *member = jobspec_member(name);

        if (member == NULL) {
            char field[64];

            snprintf(field, sizeof field, "%s", name);
            jobspec_fail(r, DR_REFUSAL_INVALID, field, "a job has no member '%.60s'", name);
        } else {
            r->field = member->name;
            r->expected = member->expected;
            if (member->take(r, value))
                continue;
        }
        /* The others are looked at all the same: a person mends them together. */
        *next_problem(r->spec, r->index) = *r->answer;
        *r->answer = (struct dr_answer){0};
        good = 0;
    }
    if (!good)
        return 0;
    if (!check_whole(r) || !jobspec_shapes(r) || (r->array != NULL && !jobspec_array(r, indexes)))
        return 0;
    owner = r->job.job_user != 0 ? (dr_user_id){r->job.job_user} : r->spec->asker.user;
    r->job.name_key =
        dr_jobspec_name_key(r->spec->salt, owner, r->texts[NAME] == NULL ? "" : r->texts[NAME]);
    *text = write_text(r, indexes);
    return *text != NULL;
}

static void problem(struct dr_jobspec *spec, enum dr_refusal_kind kind, const char *field,
                    const char *text)
{
    struct dr_answer *answer = next_problem(spec, 0);

    answer->refused = kind;
    snprintf(answer->field, sizeof answer->field, "%s", field);
    snprintf(answer->text, sizeof answer->text, "%s", text);
}

static int reserve(struct dr_jobspec *spec, uint32_t commands, uint32_t texts)
{
    spec->commands = dr_arena_push(spec->arena, commands, sizeof *spec->commands);
    spec->texts = dr_arena_push(spec->arena, texts, sizeof *spec->texts);
    if (spec->commands != NULL && spec->texts != NULL)
        return 1;
    problem(spec, DR_REFUSAL_LIMIT, "", "the request is too large to be kept in memory");
    return 0;
}

static void add_command(struct dr_jobspec *spec, const struct dr_fact_job_accepted *job)
{
    struct dr_command *command = &spec->commands[spec->count];

    command->kind = DR_COMMAND_SUBMIT;
    command->user = spec->asker.user;
    command->token = spec->asker.token;
    command->roles = spec->asker.roles;
    command->source = spec->asker.source;
    command->reason = spec->asker.reason;
    command->body.submit = *job;
    spec->count += 1;
}

static void read_batch(struct dr_jobspec *spec, const json_t *jobs)
{
    size_t count = json_array_size(jobs);

    if (!json_is_array(jobs) || count == 0 || count > spec->jobs_max) {
        char text[80];

        snprintf(text, sizeof text, "found %zu, expected a list of 1 to %u jobs", count,
                 spec->jobs_max);
        problem(spec, json_is_array(jobs) && count > 0 ? DR_REFUSAL_LIMIT : DR_REFUSAL_INVALID,
                "jobs", text);
        return;
    }
    if (!reserve(spec, (uint32_t)count, (uint32_t)count))
        return;
    for (uint32_t i = 0; i < count; i += 1) {
        struct dr_answer answer = {0};
        struct jobspec_reader r = {.spec = spec, .index = i, .answer = &answer};
        struct jobspec_indexes indexes;
        const char *text = NULL;

        if (!read_job(&r, json_array_get(jobs, i), &indexes, &text) ||
            (indexes.count > 0 &&
             !jobspec_fail(&r, DR_REFUSAL_INVALID, "array",
                           "an array is submitted by itself, not in a list"))) {
            if (answer.refused != DR_REFUSAL_NONE)
                *next_problem(spec, i) = answer;
            continue;
        }
        spec->texts[spec->texts_count] = text;
        spec->texts_count += 1;
        r.job.text = spec->texts_count;
        add_command(spec, &r.job);
    }
}

static void read_one(struct dr_jobspec *spec, const json_t *object)
{
    struct dr_answer answer = {0};
    struct jobspec_reader r = {.spec = spec, .answer = &answer};
    struct jobspec_indexes indexes;
    const char *text = NULL;

    if (!read_job(&r, object, &indexes, &text)) {
        if (answer.refused != DR_REFUSAL_NONE)
            *next_problem(spec, 0) = answer;
        return;
    }
    if (!reserve(spec, indexes.count == 0 ? 1 : indexes.count, 1))
        return;
    spec->texts[0] = text;
    spec->texts_count = 1;
    r.job.text = 1;
    if (indexes.count == 0) {
        add_command(spec, &r.job);
        return;
    }
    spec->form = DR_JOBSPEC_ARRAY;
    for (uint32_t i = 0; i < indexes.count; i += 1) {
        r.job.array_job = i + 1; /* its place; the core makes it the first one's id */
        r.job.array_index = indexes.values[i];
        r.job.array_limit = indexes.limit;
        add_command(spec, &r.job);
    }
}

int dr_jobspec_read(struct dr_jobspec *spec, const char *body, size_t bytes)
{
    struct dr_error error = {0};
    json_t *root = dr_json_read(body, bytes, &error);
    const json_t *jobs = json_object_get(root, "jobs");

    spec->form = jobs == NULL ? DR_JOBSPEC_ONE : DR_JOBSPEC_BATCH;
    spec->count = 0;
    if (spec->jobs_max == 0)
        spec->jobs_max = DR_JOBS_PER_REQUEST;
    spec->texts_count = 0;
    spec->problems_count = 0;
    spec->problems_more = 0;
    spec->problems = dr_arena_push(spec->arena, DR_JOBSPEC_ERRORS_MAX, sizeof *spec->problems);
    DR_ASSERT(spec->problems != NULL); /* an arena with less room is no arena for this */
    if (root == NULL) {
        char text[400];

        snprintf(text, sizeof text, "found %.120s, expected %.200s", error.found, error.expected);
        problem(spec, DR_REFUSAL_INVALID, "body", text);
    } else if (jobs == NULL) {
        read_one(spec, root);
    } else if (json_object_size(root) != 1) {
        problem(spec, DR_REFUSAL_INVALID, "jobs",
                "found other members beside it, expected it alone");
    } else {
        read_batch(spec, jobs);
    }
    json_decref(root);
    return spec->problems_count == 0;
}
