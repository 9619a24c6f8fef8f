/* SPDX-License-Identifier: Apache-2.0 */
/* effects.c: what engines are told, and what they report.
 *
 * Orders leave only after their facts are durable. Every order may be given twice; one that an
 * engine can't take now is given again later, as long as the state still wants it. An attempt that
 * can't be launched, or is not there when it is told to leave, becomes an observation like any
 * report. */
#include <jansson.h>
#include <pwd.h>

#include "base/math.h"
#include "engine/local.h"
#include "serve/internal.h"

#define AGAIN_FIRST_US (DR_SECOND_US / 4)
#define AGAIN_LAST_US  (30 * DR_SECOND_US)

dr_site_id effects_site(const struct dr_controller *c, const struct dr_job *job)
{
    if (dr_job_run(c->core, job)->pool.v == 0)
        return (dr_site_id){0};
    return c->core->pools[dr_job_run(c->core, job)->pool.v - 1].site;
}

/* ---- reports ---- */

void effects_observe(struct dr_controller *c, dr_site_id site, const struct dr_report *report)
{
    DR_LIST_PUSH(&c->observations, ((struct observation){.report = *report, .site = site}));
}

void effects_gather(struct dr_controller *c)
{
    struct dr_report reports[REPORTS_AT_ONCE];

    for (uint32_t i = 0; i < c->core->sites_count; i += 1) {
        struct dr_engine *engine = c->engines[i];
        int seen = 0;

        for (uint32_t j = 0; j < i; j += 1)
            seen |= c->engines[j] == engine;
        if (engine == NULL || seen)
            continue;
        while (c->observations.count < ADMIT_FACTS) {
            uint32_t count = engine->operations->poll(engine, reports, REPORTS_AT_ONCE);

            for (uint32_t k = 0; k < count; k += 1)
                effects_observe(c, (dr_site_id){i + 1}, &reports[k]);
            c->figures.reports += count;
            if (count < REPORTS_AT_ONCE)
                break;
        }
    }
}

/* A job, when the state still has this attempt of it in being. */
static const struct dr_job *job_of(const struct dr_controller *c, dr_job_id id, uint32_t attempt)
{
    dr_job_row row = dr_job_find(c->core, id);
    const struct dr_job *job;

    if (row.v == DR_ROW_NONE)
        return NULL;
    job = &c->core->jobs[row.v];
    if (dr_job_run(c->core, job)->attempt != attempt || job->state == DR_JOB_PENDING ||
        dr_job_state_ended((enum dr_job_state)job->state))
        return NULL;
    return job;
}

/* 0: this batch has no room for what it brings. */
static int admit_observation(struct dr_controller *c, const struct observation *seen)
{
    const struct dr_report *report = &seen->report;
    struct dr_command command = {.roles = 0xff};
    struct dr_answer answer;
    int admitted;

    switch (report->kind) {
    case DR_REPORT_STARTED:
        command.kind = DR_COMMAND_STARTED;
        break;
    case DR_REPORT_ENDED:
        command.kind = DR_COMMAND_ENDED;
        break;
    case DR_REPORT_CHECKPOINT:
        command.kind = DR_COMMAND_CHECKPOINT;
        break;
    case DR_REPORT_WARNING:
        if (report->job.v == 0)
            controller_log(c, "site %s: %s", c->core->sites[seen->site.v - 1].name, report->text);
        else
            controller_log(c, "job %llu attempt %u: %s", (unsigned long long)report->job.v,
                           report->attempt, report->text);
        return 1;
    case DR_REPORT_REACH:
        command.kind = DR_COMMAND_REACH;
        break;
    case DR_REPORT_SITE:
        return sites_observe_reach(c, seen);
    case DR_REPORT_NODE:
        return site_nodes_observe(c, seen);
    }
    command.body.attempt.job = report->job;
    command.body.attempt.attempt = report->attempt;
    command.body.attempt.time_us = report->time_us;
    command.body.attempt.outcome = report->outcome;
    command.body.attempt.exit_code = report->exit_code;
    command.body.attempt.signal = report->signal;
    command.body.attempt.cpu_time_us = report->cpu_time_us;
    command.body.attempt.memory_mb_peak = report->memory_mb_peak;
    command.body.attempt.answers = report->answers;
    if ((report->kind == DR_REPORT_ENDED || report->kind == DR_REPORT_REACH) &&
        report->text[0] != 0)
        command.reason = report->text;
    admitted = dr_admit(c->core, &command, c->now_us, &c->batch, &answer);
    /* Known before, or of an attempt that the state knows nothing of: either way its end is
     * settled, and the engine need not say it again. */
    if (!admitted && answer.refused == DR_REFUSAL_FULL && c->batch.facts_count > 0)
        return 0;
    if (report->kind != DR_REPORT_ENDED || (admitted && !answer.unchanged))
        return 1;
    if (job_of(c, report->job, report->attempt) != NULL)
        controller_log(c, "job %llu attempt %u: its end is refused: %s: %s",
                       (unsigned long long)report->job.v, report->attempt, answer.field,
                       answer.text);
    else if (!agree_is_foreign(c, seen->site, report->job, report->attempt))
        DR_LIST_PUSH(&c->forgets, ((struct dr_effect){.kind = DR_EFFECT_FORGET,
                                                      .job = report->job,
                                                      .attempt = report->attempt,
                                                      .site = seen->site}));
    return 1;
}

void effects_admit(struct dr_controller *c)
{
    uint32_t i = 0;

    if (c->observations.count == 0)
        return;
    while (i < c->observations.count && c->batch.facts_count < ADMIT_FACTS &&
           admit_observation(c, &c->observations.items[i]))
        i += 1;
    memmove(c->observations.items, c->observations.items + i,
            (c->observations.count - i) * sizeof *c->observations.items);
    c->observations.count -= i;
}

/* ---- orders ---- */

static void observe_end(struct dr_controller *c, const struct dr_effect *effect,
                        enum dr_outcome outcome, const char *text)
{
    struct dr_report report = {
        .kind = DR_REPORT_ENDED,
        .job = effect->job,
        .attempt = effect->attempt,
        .time_us = c->now_us,
        .outcome = outcome,
    };

    snprintf(report.text, sizeof report.text, "%s", text);
    effects_observe(c, effect->site, &report);
}

static void postpone(struct dr_controller *c, const struct dr_effect *effect, int64_t waited_us)
{
    int64_t wait_us = waited_us == 0 ? AGAIN_FIRST_US : waited_us * 2;

    if (wait_us > AGAIN_LAST_US)
        wait_us = AGAIN_LAST_US;
    DR_LIST_PUSH(&c->postponed, ((struct postponed){
                                    .effect = *effect,
                                    .monotonic_us = controller_monotonic_us(c) + wait_us,
                                    .wait_us = wait_us,
                                    .is_old = job_of(c, effect->job, effect->attempt) == NULL,
                                }));
}

static const char *text_of(const json_t *text, const char *member)
{
    const char *value = json_string_value(json_object_get(text, member));

    return value == NULL ? "" : value;
}

/* Strings of a JSON array, or "NAME=value" of an object. Freed by free_strings(). */
static const char **strings_of(json_t *value, uint32_t *count)
{
    size_t size = json_is_object(value) ? json_object_size(value) : json_array_size(value);
    const char **strings = calloc(size + 1, sizeof *strings);
    const char *key;
    json_t *item;
    size_t i;

    DR_ASSERT(strings != NULL);
    *count = 0;
    if (json_is_object(value)) {
        json_object_foreach(value, key, item)
        {
            char *line = NULL;

            if (!json_is_string(item))
                continue;
            DR_ASSERT(asprintf(&line, "%s=%s", key, json_string_value(item)) >= 0);
            strings[*count] = line;
            *count += 1;
        }
        return strings;
    }
    json_array_foreach(value, i, item)
    {
        char *line;

        if (!json_is_string(item))
            continue;
        line = strdup(json_string_value(item));
        DR_ASSERT(line != NULL);
        strings[*count] = line;
        *count += 1;
    }
    return strings;
}

static void free_strings(const char **strings, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 1)
        free((void *)(uintptr_t)strings[i]);
    free(strings);
}

/* Who runs the job: the user's own uid; where there is none, or it is root, the uid that the
 * federation names for such jobs. */
static void fill_user(const struct dr_controller *c, const struct dr_job *job,
                      struct dr_launch *launch, char name[DR_NAME_BYTES], char login[DR_NAME_BYTES])
{
    const struct dr_user *user = &c->core->users[dr_job_terms(c->core, job)->user.v - 1];
    struct passwd *entry;

    launch->uid = user->uid;
    launch->gid = user->gid;
    dr_copy_name(name, user->name);
    launch->user = name;
    launch->login = name;
    if (launch->uid == DR_NO_UID || launch->uid == 0) {
        launch->uid = c->core->settings.job_uid;
        launch->gid = c->core->settings.job_gid;
        entry = getpwuid(launch->uid);
        snprintf(login, DR_NAME_BYTES, "%s", entry == NULL ? "nobody" : entry->pw_name);
        launch->login = login;
    }
    if (launch->gid == DR_NO_UID || launch->gid == 0) {
        entry = getpwuid(launch->uid);
        if (entry != NULL)
            launch->gid = entry->pw_gid;
    }
}

static uint32_t array_number(const json_t *text, const char *member)
{
    json_int_t value = json_integer_value(json_object_get(json_object_get(text, "array"), member));

    return value < 0 || value > UINT32_MAX ? 0 : (uint32_t)value;
}

/* The nodes of a placement, with what they point to. */
struct places {
    struct dr_launch_node *nodes;
    uint32_t count;
    char (*names)[DR_NAME_BYTES + 12];
    const char **ids, **devices;
};

/* What the vendor's variable calls this machine's accelerators; NULL where they are numbers. */
static const char *const *device_ids(const struct dr_controller *c, const struct dr_chip *chip,
                                     uint64_t accelerators, const char **ids)
{
    uint32_t count = 0;

    if (accelerators == 0 || chip == NULL || chip->is_virtual)
        return NULL;
    for (uint32_t bit = 0; bit < DR_ACCELERATORS_MAX; bit += 1) {
        if (!((accelerators >> bit) & 1))
            continue;
        if (bit >= c->devices_count || strcmp(c->devices[bit].vendor, chip->vendor) != 0)
            return NULL;
        ids[count] = c->devices[bit].id;
        count += 1;
    }
    return ids;
}

/* What a process opens to use them; NULL where that is unknown. */
static const char *const *device_nodes(const struct dr_controller *c, const char *const *ids,
                                       uint64_t accelerators, const char **nodes)
{
    uint32_t count = 0;

    if (ids == NULL)
        return NULL;
    for (uint64_t left = accelerators; left != 0; left &= left - 1) {
        nodes[count] = c->devices[dr_bit_lowest(left)].node;
        if (nodes[count][0] == 0)
            return NULL;
        count += 1;
    }
    return nodes;
}

static void fill_places(const struct dr_controller *c, const struct dr_job *job,
                        const struct dr_chip *chip, struct places *places)
{
    const struct dr_extent_row *extents = c->core->extents;
    uint32_t count = 0;

    for (uint32_t row = dr_job_run(c->core, job)->extents; row != DR_ROW_NONE;
         row = extents[row].next)
        count += 1;
    places->nodes = calloc(count + 1, sizeof *places->nodes);
    places->names = calloc(count + 1, sizeof *places->names);
    places->ids = calloc((size_t)(count + 1) * DR_ACCELERATORS_MAX, sizeof *places->ids);
    places->devices = calloc((size_t)(count + 1) * DR_ACCELERATORS_MAX, sizeof *places->devices);
    DR_ASSERT(places->nodes != NULL && places->names != NULL);
    DR_ASSERT(places->ids != NULL && places->devices != NULL);
    places->count = 0;
    for (uint32_t row = dr_job_run(c->core, job)->extents, last = 0; row != DR_ROW_NONE;
         row = extents[row].next) {
        const struct dr_extent *extent = &extents[row].extent;
        struct dr_launch_node *node;

        /* Shares on one node have a part for each of its accelerators. */
        if (extent->node.v != last) {
            places->nodes[places->count].name =
                dr_node_name(c->core, extent->node, places->names[places->count]);
            places->count += 1;
        }
        node = &places->nodes[places->count - 1];
        node->tasks += extent->tasks;
        node->accelerators |= extent->accelerators;
        last = extent->node.v;
    }
    for (uint32_t i = 0; i < places->count; i += 1) {
        struct dr_launch_node *node = &places->nodes[i];
        size_t first = (size_t)i * DR_ACCELERATORS_MAX;

        node->device_ids = device_ids(c, chip, node->accelerators, places->ids + first);
        node->device_nodes =
            device_nodes(c, node->device_ids, node->accelerators, places->devices + first);
    }
}

static void free_places(struct places *places)
{
    free(places->nodes);
    free(places->names);
    free(places->ids);
    free(places->devices);
}

static enum dr_status give_launch(struct dr_controller *c, const struct dr_job *job,
                                  struct dr_engine *engine, struct dr_error *error)
{
    const struct dr_pool *pool = &c->core->pools[dr_job_run(c->core, job)->pool.v - 1];
    const struct dr_shape *shape = &c->core->shapes[job->shape];
    const struct dr_alternative *alternative =
        &shape->alternatives[dr_job_run(c->core, job)->alternative];
    const char *written = dr_controller_text(c, job->text);
    json_t *text = written == NULL ? NULL : json_loads(written, 0, NULL);
    const struct dr_chip *chip = NULL;
    const json_t *every_task;
    char user[DR_NAME_BYTES];
    char login[DR_NAME_BYTES];
    struct places places;
    const char **argv;
    const char **environment;
    struct dr_launch launch = {
        .job = job->id,
        .attempt = dr_job_run(c->core, job)->attempt,
        .epoch = c->core->epoch,
        .maybe_given = dr_job_run(c->core, job)->placed_us <= c->led_us,
        .decided_us = dr_job_run(c->core, job)->placed_us,
        .site = c->core->sites[pool->site.v - 1].name,
        .account = c->core->accounts[job->account.v - 1].name,
        .partition = pool->partition,
        .gres = "",
        .chip = "",
        .chip_vendor = "",
        .tasks = alternative->tasks,
        .accelerators_per_task = alternative->accelerators_per_task / 1000,
        .cpus_per_task_milli = alternative->cpus_per_task,
        .memory_mb_per_task = alternative->memory_mb_per_task,
        .limit_us = dr_job_run(c->core, job)->attempt_limit_us,
        .warn_signal = dr_job_terms(c->core, job)->warn_signal,
        .warn_before_us = dr_job_terms(c->core, job)->warn_before_us,
        .grace_us = dr_job_terms(c->core, job)->grace_us,
        .array_job = {dr_job_terms(c->core, job)->array_job},
        .array_index = job->array_index,
    };
    enum dr_status status;

    if (text == NULL) {
        dr_error_set(error, NULL, 0, "text", NULL, "a job whose text has not been erased");
        return DR_E_INPUT;
    }
    launch.name = text_of(text, "name");
    launch.script = json_string_value(json_object_get(text, "script"));
    launch.script_bytes = (uint32_t)json_string_length(json_object_get(text, "script"));
    argv = strings_of(json_object_get(text, "command"), &launch.argv_count);
    launch.argv = argv;
    environment = strings_of(json_object_get(text, "environment"), &launch.environment_count);
    launch.environment = environment;
    launch.directory = text_of(text, "directory");
    launch.output = text_of(text, "output");
    launch.error = text_of(text, "error");
    launch.input = text_of(text, "input");
    launch.open_mode_append = strcmp(text_of(text, "open_mode"), "append") == 0;
    every_task = json_object_get(text, "every_task");
    /* Where it is not said: a command once per task, a script once. */
    launch.run_every_task = every_task != NULL ? json_is_true(every_task) : launch.script == NULL;
    launch.array_min = array_number(text, "min");
    launch.array_max = array_number(text, "max");
    launch.array_count = array_number(text, "count");
    launch.array_step = array_number(text, "step");
    launch.warn_to = strcmp(text_of(text, "warn_to"), "script") == 0  ? DR_WARN_SCRIPT
                     : strcmp(text_of(text, "warn_to"), "steps") == 0 ? DR_WARN_STEPS
                                                                      : DR_WARN_ALL;
    launch.ranks = (uint32_t)json_integer_value(json_object_get(text, "ranks"));
    launch.exclusive = json_is_true(json_object_get(text, "exclusive"));
    launch.requeue = json_is_true(json_object_get(text, "requeue"));
    if (pool->chip.v != 0 && alternative->accelerators_per_task != 0) {
        chip = &c->core->chips[pool->chip.v - 1];
        launch.chip = chip->name;
        launch.chip_vendor = chip->vendor;
        launch.chip_virtual = chip->is_virtual;
        launch.gres = pool->gres[0] != 0 ? pool->gres : "gpu";
    }
    fill_user(c, job, &launch, user, login);
    fill_places(c, job, chip, &places);
    launch.nodes = places.nodes;
    launch.nodes_count = places.count;
    status = engine->operations->launch(engine, &launch, error);
    free_strings(argv, launch.argv_count);
    free_strings(environment, launch.environment_count);
    free_places(&places);
    json_decref(text);
    return status;
}

void effects_expect(struct dr_controller *c, const struct dr_job *job, enum dr_job_state state,
                    struct dr_engine *engine)
{
    const struct dr_run *run = dr_job_run(c->core, job);
    struct dr_engine_expected expected = {
        .job = job->id,
        .attempt = run->attempt,
        .begun = run->start_us != 0,
        .told = state == DR_JOB_COMPLETING,
        .decided_us = run->placed_us,
        .partition = c->core->pools[run->pool.v - 1].partition,
    };
    struct places places;

    fill_places(c, job, NULL, &places);
    expected.nodes = places.nodes;
    expected.nodes_count = places.count;
    engine->operations->expect(engine, &expected);
    free_places(&places);
}

static void release_launch(struct dr_controller *c, const struct dr_effect *effect,
                           struct dr_engine *engine, int64_t waited_us)
{
    const struct dr_job *job = job_of(c, effect->job, effect->attempt);
    struct dr_error error = {0};
    char line[1024];
    enum dr_status status;

    /* It may have ended or been told to leave since, in this same batch or while the order waited.
     */
    if (job == NULL || job->state == DR_JOB_COMPLETING || job->state == DR_JOB_RUNNING)
        return;
    if (job->state == DR_JOB_UNREACHABLE) {
        postpone(c, effect, waited_us);
        return;
    }
    status = give_launch(c, job, engine, &error);
    c->figures.launches += 1;
    if (status == DR_OK)
        return;
    dr_error_line(&error, line, sizeof line);
    if (status == DR_E_INPUT) {
        observe_end(c, effect, DR_OUTCOME_LAUNCH_FAILED, line);
        return;
    }
    controller_log(c, "job %llu attempt %u: launch: %s; again later",
                   (unsigned long long)effect->job.v, effect->attempt, line);
    postpone(c, effect, waited_us);
}

static void release_stop(struct dr_controller *c, const struct dr_effect *effect,
                         struct dr_engine *engine, int64_t waited_us)
{
    int64_t grace_us = effect->until_us > c->now_us ? effect->until_us - c->now_us : 0;
    enum dr_status status;

    status =
        engine->operations->stop(engine, effect->job, effect->attempt, effect->signal, grace_us);
    c->figures.stops += 1;
    if (status == DR_OK)
        return;
    if (status == DR_E_MISSING) {
        if (job_of(c, effect->job, effect->attempt) != NULL)
            observe_end(c, effect, DR_OUTCOME_STOPPED, "it was not there when told to leave");
        return;
    }
    controller_log(c, "job %llu attempt %u: stop: %s; again later",
                   (unsigned long long)effect->job.v, effect->attempt, dr_status_text(status));
    postpone(c, effect, waited_us);
}

/* What the job saved is of no use any more. Only the local engine keeps checkpoints itself. */
static void drop_checkpoints(struct dr_controller *c, const struct dr_effect *effect)
{
    dr_job_row row = dr_job_find(c->core, effect->job);
    dr_site_id site;
    enum dr_status status;

    if (row.v == DR_ROW_NONE || c->options.engine_open != NULL)
        return;
    site = effects_site(c, dr_job_at(c->core, row));
    if (site.v == 0 || c->core->sites[site.v - 1].engine != DR_ENGINE_LOCAL ||
        c->engines[site.v - 1] == NULL)
        return;
    status = dr_local_drop_checkpoints(c->engines[site.v - 1], effect->job);
    if (status != DR_OK && status != DR_E_MISSING)
        controller_log(c, "job %llu: its checkpoints can't be removed: %s",
                       (unsigned long long)effect->job.v, dr_status_text(status));
}

static void release(struct dr_controller *c, const struct dr_effect *effect, int64_t waited_us)
{
    struct dr_engine *engine;

    if (effect->kind == DR_EFFECT_ENDED) { /* its history row went with the facts */
        drop_checkpoints(c, effect);
        return;
    }
    DR_ASSERT(effect->site.v >= 1 && effect->site.v <= c->core->sites_count);
    sites_engine_open(c, effect->site);
    engine = c->engines[effect->site.v - 1];
    if (engine == NULL) {
        if (effect->kind != DR_EFFECT_FORGET)
            postpone(c, effect, waited_us);
        return;
    }
    if (!c->links[effect->site.v - 1].agreed)
        return; /* agreeing gives every order again that is still wanted */
    dr_fault_pass(&c->fault, DR_FAULT_BEFORE_EFFECT);
    switch (effect->kind) {
    case DR_EFFECT_LAUNCH:
        release_launch(c, effect, engine, waited_us);
        break;
    case DR_EFFECT_STOP:
        release_stop(c, effect, engine, waited_us);
        break;
    case DR_EFFECT_FORGET:
        /* Not taken: the end is reported again one day, and forgotten then. */
        if (engine->operations->forget(engine, effect->job, effect->attempt) == DR_E_IO)
            controller_log(c, "job %llu attempt %u: its records can't be removed",
                           (unsigned long long)effect->job.v, effect->attempt);
        break;
    case DR_EFFECT_ENDED:
        break;
    }
    dr_fault_pass(&c->fault, DR_FAULT_AFTER_EFFECT);
}

void effects_release(struct dr_controller *c, const struct dr_effect *effect)
{
    release(c, effect, 0);
}

int64_t effects_next_us(const struct dr_controller *c)
{
    int64_t next = DR_FOREVER_US;

    for (uint32_t i = 0; i < c->postponed.count; i += 1) {
        if (c->postponed.items[i].monotonic_us < next)
            next = c->postponed.items[i].monotonic_us;
    }
    return dr_min_i64(next, sites_next_us(c));
}

void effects_again(struct dr_controller *c)
{
    int64_t now = controller_monotonic_us(c);
    uint32_t count = c->postponed.count;
    uint32_t kept = 0;

    if (count == 0)
        return;
    /* What is postponed anew goes behind `count`. */
    for (uint32_t i = 0; i < count; i += 1) {
        struct postponed order = c->postponed.items[i];

        if (order.monotonic_us > now) {
            c->postponed.items[kept] = order;
            kept += 1;
        } else if (order.effect.kind != DR_EFFECT_STOP || order.is_old ||
                   job_of(c, order.effect.job, order.effect.attempt) != NULL) {
            release(c, &order.effect, order.wait_us);
        }
    }
    memmove(c->postponed.items + kept, c->postponed.items + count,
            (c->postponed.count - count) * sizeof *c->postponed.items);
    c->postponed.count -= count - kept;
}

void effects_close(struct dr_controller *c)
{
    free(c->observations.items);
    free(c->postponed.items);
}
