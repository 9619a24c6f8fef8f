/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/job_json.h"

#include <pwd.h>
#include <unistd.h>

#include "base/sort.h"
#include "engine/pattern.h"
#include "serve/fact_json.h"
#include "serve/json.h"

/* ---- what was written into a job ---- */

/* The name stands first in a text that has one (jobspec.c), so a list needs no parsing. */
static void name_json(struct dr_buffer *out, const char *text)
{
    static const char PREFIX[] = "{\"name\":";
    const char *end;

    if (text == NULL || strncmp(text, PREFIX, sizeof PREFIX - 1) != 0) {
        dr_put_text(out, "name", text == NULL ? NULL : "");
        return;
    }
    text += sizeof PREFIX - 1;
    for (end = text + 1; *end != '"'; end += 1)
        end += *end == '\\';
    dr_put_raw(out, "name", text, (size_t)(end + 1 - text));
}

static void text_member(struct dr_buffer *out, json_t *text, const char *name)
{
    json_t *value = json_object_get(text, name);
    char *dumped;

    if (value == NULL)
        return;
    dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    DR_ASSERT(dumped != NULL);
    dr_put_raw(out, name, dumped, strlen(dumped));
    free(dumped);
}

/* The path at which there is something, else the first. */
static const char *likely_path(const struct dr_output *output)
{
    for (uint32_t i = 0; i < output->count; i += 1)
        if (access(output->paths[i], F_OK) == 0)
            return output->paths[i];
    return output->paths[0];
}

static void written_json(struct dr_buffer *out, struct dr_controller *controller,
                         const struct dr_output_of *of, int secrets)
{
    static const char *const MEMBERS[] = {"script",    "command",    "directory", "input",
                                          "open_mode", "every_task", "comment"};
    const char *written = dr_controller_text(controller, of->text);
    json_t *text = written == NULL ? NULL : json_loads(written, 0, NULL);
    struct dr_output *output;

    dr_put_bool(out, "erased", of->text != 0 && written == NULL);
    if (text == NULL)
        return;
    for (size_t i = 0; i < DR_COUNT_OF(MEMBERS); i += 1)
        text_member(out, text, MEMBERS[i]);
    if (secrets)
        text_member(out, text, "environment");
    json_decref(text);
    output = malloc(sizeof *output);
    DR_ASSERT(output != NULL);
    if (dr_job_output(controller, of, "output", 0, output))
        dr_put_text(out, "output", likely_path(output));
    if (dr_job_output(controller, of, "error", 0, output))
        dr_put_text(out, "error", likely_path(output));
    free(output);
}

/* What was said when the job ended: the engine's sentence for a launch that failed, the reason that
 * a person gave for cancelling. It stands in the fact alone, so its batch is read. */
static void ending_json(struct dr_buffer *out, struct dr_controller *controller, uint64_t seq)
{
    struct dr_store_reader *reader = NULL;
    struct dr_store_read batch;
    struct dr_arena arena;
    struct dr_error error;
    uint32_t at = 0;
    const char *said = NULL;

    if (dr_arena_init(&arena, 2 * DR_FACT_BYTES_MAX) != DR_OK)
        return;
    if (dr_store_reader_open(&reader, dr_controller_store(controller), seq) == DR_OK &&
        dr_store_reader_next(reader, &batch, &error) == DR_OK) {
        for (uint64_t number = batch.seq_first; number <= seq && at < batch.payload_bytes;
             number += 1) {
            struct dr_fact fact;
            uint32_t taken;

            dr_arena_reset(&arena, 0);
            if (dr_fact_decode(batch.payload + at, batch.payload_bytes - at, &arena, &fact, &taken,
                               &error) != DR_OK)
                break;
            at += taken;
            if (number == seq &&
                (fact.kind == DR_FACT_ATTEMPT_ENDED || fact.kind == DR_FACT_JOB_ENDED))
                said = fact.reason;
        }
    }
    dr_put_text(out, "end_text", said);
    dr_store_reader_close(reader);
    dr_arena_deinit(&arena);
}

/* ---- files ---- */

dr_site_id dr_job_site(const struct dr_core *core, const struct dr_job *job)
{
    dr_pool_id pool = dr_job_run(core, job)->pool;

    return pool.v == 0 ? (dr_site_id){0} : core->pools[pool.v - 1].site;
}

int dr_job_output(struct dr_controller *controller, const struct dr_output_of *of,
                  const char *stream, uint32_t task, struct dr_output *output)
{
    const struct dr_core *core = dr_controller_core(controller);
    const struct dr_user *user = &core->users[of->user - 1];
    const char *written = dr_controller_text(controller, of->text);
    json_t *text = written == NULL ? NULL : json_loads(written, 0, NULL);
    const char *pattern = json_string_value(json_object_get(text, stream));
    const char *directory = json_string_value(json_object_get(text, "directory"));
    const char *name = json_string_value(json_object_get(text, "name"));
    struct dr_launch launch = {
        .job = {of->job},
        .array_job = {of->array_job},
        .array_index = of->array_index,
        .name = name == NULL ? "" : name,
        .user = user->name,
    };
    struct passwd *entry;
    char file[1100];
    int filled;
    int is_slurm = of->site != 0 && core->sites[of->site - 1].engine == DR_ENGINE_SLURM;

    if (text == NULL)
        return 0;
    output->uid = user->uid;
    output->gid = user->gid;
    dr_copy_name(output->login, user->name);
    if (output->uid == DR_NO_UID || output->uid == 0) {
        output->uid = core->settings.job_uid;
        output->gid = core->settings.job_gid;
        output->login[0] = '\0';
    }
    entry = getpwuid(output->uid);
    if (output->login[0] == '\0')
        snprintf(output->login, sizeof output->login, "%s",
                 entry == NULL ? "nobody" : entry->pw_name);
    if (entry != NULL && (output->gid == DR_NO_UID || output->gid == 0))
        output->gid = entry->pw_gid;
    if (pattern == NULL || pattern[0] == 0)
        pattern = json_string_value(json_object_get(text, "output"));
    if (pattern == NULL || pattern[0] == 0)
        pattern = "daero-%j.out";
    filled = dr_pattern_fill(pattern, &launch, task, file, sizeof file, NULL) == DR_OK;
    if (directory == NULL || directory[0] == 0)
        directory =
            entry == NULL || entry->pw_dir == NULL || (is_slurm && access(entry->pw_dir, F_OK) != 0)
                ? "/" /* as engine/slurm_document.c has it */
                : entry->pw_dir;
    if (filled && (file[0] == '/' || is_slurm)) {
        snprintf(output->paths[0], DR_PATH_BYTES, "%.2900s%s%s", file[0] == '/' ? "" : directory,
                 file[0] == '/' || directory[strlen(directory) - 1] == '/' ? "" : "/", file);
        output->count = 1;
    } else if (filled) {
        /* Where the directory can't be entered the job runs in /tmp; where it can't be written, the
         * output goes there. */
        snprintf(output->paths[0], DR_PATH_BYTES, "%.2900s%s%s", directory,
                 directory[strlen(directory) - 1] == '/' ? "" : "/", file);
        snprintf(output->paths[1], DR_PATH_BYTES, "/tmp/%s", file);
        output->count = 2;
    }
    json_decref(text);
    return filled;
}

/* ---- nodes ---- */

static int compare_u32(const void *a, const void *b, const void *context)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    (void)context;
    return x < y ? -1 : x > y;
}

/* A node with shares of several accelerators has a part for each. */
static uint32_t without_repeats(uint32_t *numbers, uint32_t count)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i += 1)
        if (kept == 0 || numbers[kept - 1] != numbers[i])
            numbers[kept++] = numbers[i];
    return kept;
}

/* "gpu[1-2,5]" and the list of names. */
static void nodes_json(struct dr_buffer *out, const struct dr_core *core, uint32_t first)
{
    uint32_t count = 0;
    uint32_t *numbers;
    const struct dr_pool *pool = NULL;
    char name[DR_NAME_BYTES + 12];
    struct dr_buffer text;

    for (uint32_t row = first; row != DR_ROW_NONE; row = core->extents[row].next)
        count += 1;
    if (count == 0) {
        dr_put_text(out, "nodes", "");
        dr_put_begin(out, "node_list", '[');
        dr_put_end(out, ']');
        return;
    }
    numbers = calloc(count, sizeof *numbers);
    DR_ASSERT(numbers != NULL);
    count = 0;
    for (uint32_t row = first; row != DR_ROW_NONE; row = core->extents[row].next) {
        const struct dr_node *node = &core->nodes[core->extents[row].extent.node.v - 1];

        pool = &core->pools[node->pool.v - 1];
        numbers[count] = node->number + pool->node_first;
        count += 1;
    }
    dr_sort(numbers, count, sizeof *numbers, compare_u32, NULL);
    count = without_repeats(numbers, count);
    dr_buffer_init(&text, 1u << 20);
    dr_buffer_append_text(&text, pool->node_prefix);
    if (count > 1)
        dr_buffer_append_text(&text, "[");
    for (uint32_t i = 0; i < count;) {
        uint32_t last = i;

        while (last + 1 < count && numbers[last + 1] == numbers[last] + 1)
            last += 1;
        dr_buffer_printf(&text, "%s%0*u", i == 0 ? "" : ",", (int)pool->node_digits, numbers[i]);
        if (last > i)
            dr_buffer_printf(&text, "-%0*u", (int)pool->node_digits, numbers[last]);
        i = last + 1;
    }
    if (count > 1)
        dr_buffer_append_text(&text, "]");
    dr_put_text(out, "nodes", dr_buffer_text(&text));
    dr_buffer_deinit(&text);
    free(numbers);
    dr_put_begin(out, "node_list", '[');
    for (uint32_t row = first, last = 0; row != DR_ROW_NONE; row = core->extents[row].next) {
        if (core->extents[row].extent.node.v != last)
            dr_put_text(out, NULL, dr_node_name(core, core->extents[row].extent.node, name));
        last = core->extents[row].extent.node.v;
    }
    dr_put_end(out, ']');
}

/* ---- jobs ---- */

/* 0: not known. */
static void known_json(struct dr_buffer *out, const char *name, int64_t value)
{
    if (value == 0)
        dr_put_null(out, name);
    else
        dr_put_i64(out, name, value);
}

static void chips_json(struct dr_buffer *out, const struct dr_core *core, uint64_t chips)
{
    dr_put_begin(out, "chips", '[');
    for (uint32_t row = 0; row < core->chips_count; row += 1) {
        if ((chips >> row) & 1)
            dr_put_text(out, NULL, core->chips[row].name);
    }
    dr_put_end(out, ']');
}

static void dependencies_json(struct dr_buffer *out, const struct dr_core *core,
                              const struct dr_job *job)
{
    dr_put_begin(out, "dependencies", '[');
    for (uint32_t row = dr_job_ties(core, job)->edges; row != DR_ROW_NONE;
         row = core->edges[row].next_of_dependent) {
        static const char *const WORDS[] = {"afterok", "afternotok", "afterany", "singleton"};
        const struct dr_edge *edge = &core->edges[row];
        char text[48];

        snprintf(text, sizeof text, "%s:%llu", WORDS[edge->kind],
                 (unsigned long long)core->jobs[edge->target.v].id.v);
        dr_put_text(out, NULL, text);
    }
    dr_put_end(out, ']');
}

static int holds_place(const struct dr_job *job)
{
    return job->state > DR_JOB_PENDING && !dr_job_state_ended((enum dr_job_state)job->state);
}

static void place_json(struct dr_buffer *out, const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_run *run = dr_job_run(core, job);
    const struct dr_pool *pool = run->pool.v == 0 ? NULL : &core->pools[run->pool.v - 1];

    dr_put_text(out, "site", pool == NULL ? NULL : dr_site_name(core, pool->site.v));
    dr_put_text(out, "pool", pool == NULL ? NULL : pool->name);
    dr_put_text(out, "chip", pool == NULL ? NULL : dr_chip_name(core, pool->chip.v));
    dr_put_bool(out, "virtual",
                pool != NULL && pool->chip.v != 0 && core->chips[pool->chip.v - 1].is_virtual);
    nodes_json(out, core, holds_place(job) ? run->extents : DR_ROW_NONE);
    dr_put_text(out, "rule",
                run->attempt == 0 ? NULL : dr_rule_name((enum dr_rule)dr_job_run(core, job)->rule));
}

static void waiting_json(struct dr_buffer *out, const struct dr_core *core,
                         const struct dr_job *job)
{
    const struct dr_run *run = dr_job_run(core, job);

    if (run->promise != DR_ROW_NONE && job->state == DR_JOB_PENDING) {
        char pool[DR_PART_NAME_BYTES];

        dr_put_begin(out, "promised", '{');
        dr_put_text(out, "pool", dr_pool_name(core, run->promise_pool.v, pool));
        dr_put_text(out, "cause",
                    dr_stop_cause_name((enum dr_stop_cause)dr_job_run(core, job)->promise_cause));
        dr_put_i64(out, "until_us", run->promise_until_us);
        dr_put_end(out, '}');
    } else {
        dr_put_null(out, "promised");
    }
    known_json(out, "reservation_us",
               run->reservation != DR_ROW_NONE && job->state == DR_JOB_PENDING ? run->reservation_us
                                                                               : 0);
}

void dr_job_json(struct dr_buffer *out, struct dr_controller *controller, const struct dr_job *job,
                 int detail, int secrets)
{
    const struct dr_core *core = dr_controller_core(controller);
    const struct dr_shape *shape = &core->shapes[job->shape];
    const struct dr_alternative *alternative =
        &shape->alternatives[dr_job_run(core, job)->attempt == 0
                                 ? 0
                                 : dr_job_run(core, job)->alternative];
    struct dr_amounts amounts = dr_alternative_amounts(alternative);
    int64_t now_us = dr_controller_now_us(controller);
    int ended = dr_job_state_ended((enum dr_job_state)job->state);
    int running = holds_place(job) && dr_job_run(core, job)->start_us != 0;
    struct dr_why why;
    enum dr_reason reason = DR_REASON_NONE;

    if (job->state == DR_JOB_PENDING) {
        dr_why(core, job->id, now_us, &why);
        reason = why.holds[0].reason;
    }
    dr_put_begin(out, NULL, '{');
    dr_put_u64(out, "job", job->id.v);
    name_json(out, dr_controller_text(controller, job->text));
    dr_put_text(out, "account", dr_account_name(core, job->account.v));
    dr_put_text(out, "user", dr_user_name(core, dr_job_terms(core, job)->user.v));
    dr_put_text(out, "state", dr_job_state_name((enum dr_job_state)job->state));
    dr_put_text(out, "reason", dr_reason_name(reason));
    dr_put_i64(out, "priority", job->priority);
    dr_put_bool(out, "held", job->held);
    dr_put_u64(out, "tasks", alternative->tasks);
    if (shape->sizes > 0)
        dr_put_u64(out, "tasks_min", shape->alternatives[shape->sizes - 1].tasks);
    else
        dr_put_null(out, "tasks_min");
    dr_put_i64(out, "accelerators_milli", amounts.of[DR_RESOURCE_ACCELERATORS]);
    dr_put_i64(out, "cpus_milli", amounts.of[DR_RESOURCE_CPUS]);
    dr_put_i64(out, "memory_mb", amounts.of[DR_RESOURCE_MEMORY]);
    chips_json(out, core, alternative->chips);
    place_json(out, core, job);
    dr_put_u64(out, "attempt", dr_job_run(core, job)->attempt);
    dr_put_i64(out, "submit_us", job->submit_us);
    known_json(out, "begin_us", dr_job_terms(core, job)->begin_us);
    known_json(out, "start_us", dr_job_run(core, job)->start_us);
    known_json(out, "end_us", ended ? dr_job_run(core, job)->end_us : 0);
    known_json(out, "deadline_us", dr_job_terms(core, job)->deadline_us);
    dr_put_i64(out, "limit_us", job->limit_us);
    known_json(out, "attempt_limit_us",
               dr_job_run(core, job)->attempt == 0 ? 0 : dr_job_run(core, job)->attempt_limit_us);
    dr_put_i64(out, "wait_us",
               dr_job_run(core, job)->first_start_us != 0
                   ? dr_job_run(core, job)->first_start_us - job->submit_us
               : ended ? 0
                       : now_us - job->submit_us);
    dr_put_i64(out, "run_us",
               dr_job_run(core, job)->run_us +
                   (running ? now_us - dr_job_run(core, job)->start_us : 0));
    dr_put_i64(out, "kept_us", dr_job_run(core, job)->kept_us);
    known_json(out, "saved_us", dr_job_run(core, job)->saved_us);
    if (ended) {
        dr_put_i64(out, "exit_code", dr_job_run(core, job)->exit_code);
        dr_put_i64(out, "signal", dr_job_run(core, job)->signal);
        known_json(out, "cpu_time_us", dr_job_run(core, job)->cpu_time_us);
        known_json(out, "memory_mb_peak", dr_job_run(core, job)->memory_mb_peak);
    } else {
        dr_put_null(out, "exit_code");
        dr_put_null(out, "signal");
    }
    dr_put_u64(out, "preemptions", dr_job_run(core, job)->preemptions);
    dr_put_u64(out, "requeues", dr_job_run(core, job)->requeues);
    dr_put_bool(out, "preemptible", dr_job_terms(core, job)->preemptible);
    dr_put_bool(out, "flexible", dr_job_terms(core, job)->flexible);
    known_json(out, "unreachable_us", dr_job_terms(core, job)->unreachable_us);
    known_json(out, "give_up_us", dr_job_run(core, job)->give_up_us);
    known_json(out, "array_job", (int64_t)dr_job_terms(core, job)->array_job);
    if (dr_job_terms(core, job)->array_job == 0)
        dr_put_null(out, "array_index");
    else
        dr_put_u64(out, "array_index", job->array_index);
    dependencies_json(out, core, job);
    dr_put_text(out, "data_class", dr_class_name(core, shape->data_class.v));
    dr_put_text(out, "partition", shape->partition[0] == 0 ? NULL : shape->partition);
    dr_put_text(out, "stopping",
                dr_job_run(core, job)->stopping == DR_STOP_NONE
                    ? NULL
                    : dr_stop_cause_name((enum dr_stop_cause)dr_job_run(core, job)->stopping));
    known_json(
        out, "until_us",
        dr_job_run(core, job)->stopping == DR_STOP_NONE ? 0 : dr_job_run(core, job)->stop_until_us);
    waiting_json(out, core, job);
    if (detail) {
        struct dr_output_of of = {.job = job->id.v,
                                  .array_job = dr_job_terms(core, job)->array_job,
                                  .array_index = job->array_index,
                                  .user = dr_job_terms(core, job)->user.v,
                                  .text = job->text,
                                  .site = dr_job_site(core, job).v};

        written_json(out, controller, &of, secrets);
        if (ended)
            ending_json(out, controller, job->last_seq);
    }
    dr_put_end(out, '}');
}

void dr_history_json(struct dr_buffer *out, struct dr_controller *controller,
                     const struct dr_store_history *row, int detail, int secrets)
{
    const struct dr_core *core = dr_controller_core(controller);

    dr_put_begin(out, NULL, '{');
    dr_put_u64(out, "job", row->job);
    name_json(out, dr_controller_text(controller, row->text));
    dr_put_text(out, "account", dr_account_name(core, row->account));
    dr_put_text(out, "user", dr_user_name(core, row->user));
    dr_put_text(out, "state", dr_job_state_name((enum dr_job_state)row->state));
    dr_put_text(out, "reason", dr_reason_name(DR_REASON_NONE));
    dr_put_i64(out, "accelerators_milli", row->accelerators);
    dr_put_text(out, "site", dr_site_name(core, row->site));
    dr_put_u64(out, "attempt", row->attempts);
    dr_put_i64(out, "submit_us", row->submit_time_us);
    known_json(out, "start_us", row->start_time_us);
    known_json(out, "end_us", row->end_time_us);
    dr_put_i64(out, "run_us", row->run_time_us);
    dr_put_i64(out, "exit_code", row->exit_code);
    dr_put_i64(out, "signal", row->signal);
    known_json(out, "array_job", (int64_t)row->array_job);
    if (row->array_job == 0)
        dr_put_null(out, "array_index");
    else
        dr_put_u64(out, "array_index", row->array_index);
    if (detail) {
        struct dr_output_of of = {.job = row->job,
                                  .array_job = row->array_job,
                                  .array_index = row->array_index,
                                  .user = row->user,
                                  .text = row->text,
                                  .site = row->site};

        written_json(out, controller, &of, secrets);
        ending_json(out, controller, row->end_seq);
    }
    dr_put_end(out, '}');
}
