/* SPDX-License-Identifier: Apache-2.0 */
/* Each member of a job's JSON by itself: its type, its range, the names that it refers to. */
#include <math.h>
#include <signal.h>
#include <stdarg.h>

#include "serve/jobspec_reader.h"
#include "serve/json.h"

/* ---- saying what is wrong ---- */

int jobspec_fail(struct jobspec_reader *r, enum dr_refusal_kind kind, const char *field,
                 const char *format, ...)
{
    va_list arguments;

    r->answer->refused = kind;
    snprintf(r->answer->field, sizeof r->answer->field, "%s", field);
    va_start(arguments, format);
    vsnprintf(r->answer->text, sizeof r->answer->text, format, arguments);
    va_end(arguments);
    return 0;
}

/* "found X, expected Y" for the field being read. */
int jobspec_wrong(struct jobspec_reader *r, const json_t *value)
{
    char found[80];

    return jobspec_fail(r, DR_REFUSAL_INVALID, r->field, "found %s, expected %s",
                        dr_json_found(value, found, sizeof found), r->expected);
}

int jobspec_wrong_element(struct jobspec_reader *r, size_t i, const json_t *value,
                          const char *expected)
{
    char field[64];
    char found[80];

    snprintf(field, sizeof field, "%s[%zu]", r->field, i);
    return jobspec_fail(r, DR_REFUSAL_INVALID, field, "found %s, expected %s",
                        dr_json_found(value, found, sizeof found), expected);
}

static int unknown(struct jobspec_reader *r, const char *what, const json_t *value)
{
    char found[80];

    return jobspec_fail(r, DR_REFUSAL_UNKNOWN, r->field, "there is no %s %s", what,
                        dr_json_found(value, found, sizeof found));
}

void *jobspec_push(struct jobspec_reader *r, size_t count, size_t bytes)
{
    void *place = dr_arena_push(r->spec->arena, count, bytes);

    if (place == NULL)
        jobspec_fail(r, DR_REFUSAL_LIMIT, r->field,
                     "the request is too large to be kept in memory");
    else
        memset(place, 0, count * bytes);
    return place;
}

/* ---- values ---- */

static int take_integer(struct jobspec_reader *r, const json_t *value, int64_t min, int64_t max,
                        int64_t *to)
{
    int64_t number = json_is_integer(value) ? json_integer_value(value) : 0;

    if (!json_is_integer(value) || number < min || number > max)
        return jobspec_wrong(r, value);
    *to = number;
    return 1;
}

static int take_u32(struct jobspec_reader *r, const json_t *value, uint32_t min, uint32_t max,
                    uint32_t *to)
{
    int64_t number = 0;

    if (!take_integer(r, value, min, max, &number))
        return 0;
    *to = (uint32_t)number;
    return 1;
}

/* 100 years: far beyond any run, and far from overflow when added to an instant. */
#define DURATION_MAX (INT64_C(36525) * DR_DAY_US)
#define INSTANT_MAX  (INT64_C(4102444800) * DR_SECOND_US) /* the year 2100 */

static int take_boolean(struct jobspec_reader *r, const json_t *value, uint8_t *to)
{
    if (!json_is_boolean(value))
        return jobspec_wrong(r, value);
    *to = json_is_true(value) ? 1 : 0;
    return 1;
}

/* A number or a decimal in a string, in thousandths. */
static int take_milli(struct jobspec_reader *r, const json_t *value, int64_t min, int64_t max,
                      uint32_t *to)
{
    int64_t milli = -1;

    if (json_is_integer(value)) {
        int64_t number = json_integer_value(value);

        milli = number >= 0 && number <= max / 1000 ? number * 1000 : -1;
    } else if (json_is_real(value)) {
        double number = json_real_value(value) * 1000;

        milli = number >= 0 && number <= (double)max && fabs(number - rint(number)) < 1e-6
                    ? (int64_t)rint(number)
                    : -1;
    } else if (json_is_string(value) &&
               !dr_parse_milli(json_string_value(value), min, max, &milli)) {
        milli = -1;
    }
    if (milli < min || milli > max)
        return jobspec_wrong(r, value);
    *to = (uint32_t)milli;
    return 1;
}

static int has_control(const char *text)
{
    for (; *text != 0; text += 1) {
        if ((uint8_t)*text < 0x20 || *text == 0x7f)
            return 1;
    }
    return 0;
}

static int take_text(struct jobspec_reader *r, const json_t *value, size_t bytes_max, int lines,
                     enum text_part part)
{
    if (!json_is_string(value) || json_string_length(value) > bytes_max ||
        (!lines && has_control(json_string_value(value))))
        return jobspec_wrong(r, value);
    r->texts[part] = json_string_value(value);
    return 1;
}

/* ---- the members, one function each ---- */

#define TAKE(name) static int take_##name(struct jobspec_reader *r, const json_t *value)

TAKE(accelerators)
{
    uint32_t milli = 0;

    if (!take_milli(r, value, 0, DR_ACCELERATORS_MAX * 1000, &milli))
        return 0;
    if (milli > 1000 && milli % 1000 != 0)
        return jobspec_wrong(r, value);
    r->own.accelerators_per_task = milli;
    return 1;
}

TAKE(account)
{
    struct dr_jobspec *spec = r->spec;
    const char *name = json_string_value(value);

    if (name == NULL || !dr_name_valid(name))
        return jobspec_wrong(r, value);
    if (spec->account.v == 0 || strcmp(spec->account_name, name) != 0) {
        spec->account = dr_account_named(spec->core, name);
        dr_copy_name(spec->account_name, name);
    }
    if (spec->account.v == 0)
        return unknown(r, "account", value);
    r->job.account = spec->account.v;
    return 1;
}

TAKE(alternatives)
{
    if (!json_is_array(value) || json_array_size(value) > DR_ALTERNATIVES_MAX - 1)
        return jobspec_wrong(r, value);
    r->alternatives = value; /* read last: what they leave out is the job's own */
    return 1;
}

TAKE(array)
{
    if (!json_is_string(value))
        return jobspec_wrong(r, value);
    r->array = json_string_value(value);
    return 1;
}

TAKE(begin_us)
{
    return take_integer(r, value, 0, INSTANT_MAX, &r->job.begin_us);
}

TAKE(checkpoint_on_warning)
{
    return take_boolean(r, value, &r->job.checkpoint_on_warning);
}

TAKE(checkpoint_us)
{
    return take_integer(r, value, 0, DURATION_MAX, &r->job.checkpoint_us);
}

TAKE(chips)
{
    r->own.chips = 0;
    if (!json_is_array(value))
        return jobspec_wrong(r, value);
    for (size_t i = 0; i < json_array_size(value); i += 1) {
        const json_t *element = json_array_get(value, i);
        const char *name = json_string_value(element);
        dr_chip_id chip;

        if (name == NULL || !dr_name_valid(name))
            return jobspec_wrong_element(r, i, element, "the name of a chip");
        chip = dr_chip_named(r->spec->core, name);
        if (chip.v == 0)
            return unknown(r, "chip", element);
        r->own.chips |= UINT64_C(1) << (chip.v - 1);
    }
    return 1;
}

TAKE(command)
{
    if (!json_is_array(value) || json_array_size(value) == 0 ||
        json_array_size(value) > DR_JOB_ARGUMENTS_MAX)
        return jobspec_wrong(r, value);
    for (size_t i = 0; i < json_array_size(value); i += 1) {
        const json_t *element = json_array_get(value, i);

        if (!json_is_string(element) || json_string_length(element) > DR_JOB_STRING_BYTES)
            return jobspec_wrong_element(r, i, element, "a string of at most 65536 bytes");
    }
    r->command = value;
    return 1;
}

TAKE(comment)
{
    return take_text(r, value, DR_JOB_STRING_BYTES, 1, COMMENT);
}

TAKE(cpus)
{
    return take_milli(r, value, 1, 4096000, &r->own.cpus_per_task);
}

TAKE(data_class)
{
    const char *name = json_string_value(value);

    if (name == NULL || !dr_name_valid(name))
        return jobspec_wrong(r, value);
    r->job.data_class = dr_class_named(r->spec->core, name).v;
    return r->job.data_class == 0 ? unknown(r, "data class", value) : 1;
}

TAKE(datasets)
{
    size_t count = json_array_size(value);
    uint32_t *datasets;

    if (!json_is_array(value) || count > DR_DATASETS_OF_A_JOB)
        return jobspec_wrong(r, value);
    datasets = jobspec_push(r, count, sizeof *datasets);
    if (datasets == NULL)
        return 0;
    for (size_t i = 0; i < count; i += 1) {
        const json_t *element = json_array_get(value, i);
        const char *name = json_string_value(element);

        if (name == NULL || !dr_name_valid(name))
            return jobspec_wrong_element(r, i, element, "the name of a dataset");
        datasets[i] = dr_dataset_named(r->spec->core, name).v;
        if (datasets[i] == 0)
            return unknown(r, "dataset", element);
    }
    r->job.datasets = datasets;
    r->job.datasets_count = (uint32_t)count;
    return 1;
}

TAKE(deadline_ends)
{
    return take_boolean(r, value, &r->job.deadline_ends);
}

TAKE(deadline_us)
{
    return take_integer(r, value, 0, INSTANT_MAX, &r->job.deadline_us);
}

static int read_dependency(const char *text, struct dr_dependency *dependency)
{
    static const struct {
        const char *word;
        enum dr_dependency_kind kind;
    } WORDS[] = {
        {"afterok:", DR_DEPENDENCY_AFTEROK},
        {"afternotok:", DR_DEPENDENCY_AFTERNOTOK},
        {"afterany:", DR_DEPENDENCY_AFTERANY},
    };
    int64_t job = 0;

    *dependency = (struct dr_dependency){.kind = DR_DEPENDENCY_SINGLETON};
    if (strcmp(text, "singleton") == 0)
        return 1;
    for (size_t i = 0; i < DR_COUNT_OF(WORDS); i += 1) {
        size_t length = strlen(WORDS[i].word);

        if (strncmp(text, WORDS[i].word, length) == 0) {
            dependency->kind = WORDS[i].kind;
            if (!dr_parse_i64(text + length, 1, INT64_MAX, &job))
                return 0;
            dependency->job.v = (uint64_t)job;
            return 1;
        }
    }
    return 0;
}

TAKE(dependencies)
{
    size_t count = json_array_size(value);
    struct dr_dependency *dependencies;

    if (!json_is_array(value))
        return jobspec_wrong(r, value);
    if (count > DR_DEPENDENCIES_MAX)
        return jobspec_fail(r, DR_REFUSAL_LIMIT, r->field, "found %zu of them, expected at most %d",
                            count, DR_DEPENDENCIES_MAX);
    dependencies = jobspec_push(r, count, sizeof *dependencies);
    if (dependencies == NULL)
        return 0;
    for (size_t i = 0; i < count; i += 1) {
        const json_t *element = json_array_get(value, i);

        if (!json_is_string(element) ||
            !read_dependency(json_string_value(element), &dependencies[i]))
            return jobspec_wrong_element(r, i, element,
                                         "afterok:JOB, afternotok:JOB, afterany:JOB or singleton");
    }
    r->job.dependencies = dependencies;
    r->job.dependencies_count = (uint32_t)count;
    return 1;
}

TAKE(directory)
{
    if (!take_text(r, value, 4000, 0, DIRECTORY))
        return 0;
    return r->texts[DIRECTORY][0] == '/' ? 1 : jobspec_wrong(r, value);
}

static int variable_name(const char *name)
{
    if (name[0] == 0 || (name[0] >= '0' && name[0] <= '9'))
        return 0;
    for (; *name != 0; name += 1) {
        /* bash exports functions as BASH_FUNC_name%% */
        if (*name == '=' || (uint8_t)*name <= 0x20 || *name == 0x7f)
            return 0;
    }
    return 1;
}

TAKE(environment)
{
    const char *name;
    json_t *element;

    if (!json_is_object(value))
        return jobspec_wrong(r, value);
    if (json_object_size(value) > DR_JOB_VARIABLES_MAX)
        return jobspec_fail(r, DR_REFUSAL_LIMIT, r->field,
                            "found %zu variables, expected at most %u", json_object_size(value),
                            DR_JOB_VARIABLES_MAX);
    json_object_foreach((json_t *)value, name, element)
    {
        char field[64];

        snprintf(field, sizeof field, "environment.%s", name);
        if (!variable_name(name))
            return jobspec_fail(
                r, DR_REFUSAL_INVALID, field,
                "found the name '%.60s', expected letters, digits and '_', no digit first", name);
        if (!json_is_string(element) || json_string_length(element) > DR_JOB_STRING_BYTES) {
            char found[80];

            return jobspec_fail(r, DR_REFUSAL_INVALID, field,
                                "found %s, expected a string of at most 65536 bytes",
                                dr_json_found(element, found, sizeof found));
        }
    }
    r->environment = value;
    return 1;
}

/* %j %a %A %t %x %u %%, with a width for numbers; what they are filled with is the engine's. */
static int take_pattern(struct jobspec_reader *r, const json_t *value, enum text_part part)
{
    if (!take_text(r, value, 1024, 0, part))
        return 0;
    for (const char *c = r->texts[part]; *c != 0; c += 1) {
        if (*c != '%')
            continue;
        c += 1;
        while (*c >= '0' && *c <= '9')
            c += 1;
        if (*c == 0 || strchr("jaAtxu%", *c) == NULL)
            return jobspec_fail(
                r, DR_REFUSAL_INVALID, r->field,
                "found '%.60s', expected %%j, %%a, %%A, %%t, %%x, %%u or %%%% after a "
                "percent sign",
                r->texts[part]);
    }
    return 1;
}

TAKE(error)
{
    return take_pattern(r, value, ERROR);
}

TAKE(every_task)
{
    uint8_t flag = 0;

    if (!take_boolean(r, value, &flag))
        return 0;
    r->every_task = flag;
    return 1;
}

TAKE(exclusive)
{
    return take_boolean(r, value, &r->exclusive);
}

TAKE(fenced)
{
    return take_boolean(r, value, &r->job.fenced);
}

TAKE(flexible)
{
    return take_boolean(r, value, &r->job.flexible);
}

TAKE(grace_us)
{
    return take_integer(r, value, 1, DURATION_MAX, &r->job.grace_us);
}

TAKE(hold)
{
    return take_boolean(r, value, &r->job.held);
}

TAKE(input)
{
    return take_pattern(r, value, INPUT);
}

TAKE(level)
{
    const char *text = json_string_value(value);

    if (text == NULL)
        return jobspec_wrong(r, value);
    r->job.level_kind = 2;
    if (strncmp(text, "preferred:", 10) == 0) {
        r->job.level_kind = 1;
        text += 10;
    } else if (strncmp(text, "required:", 9) == 0) {
        text += 9;
    }
    if (!dr_name_valid(text))
        return jobspec_wrong(r, value);
    dr_copy_name(r->job.level, text);
    return 1;
}

TAKE(limit_total)
{
    return take_boolean(r, value, &r->job.limit_total);
}

TAKE(limit_us)
{
    return take_integer(r, value, 1, DURATION_MAX, &r->job.limit_us);
}

TAKE(memory_mb)
{
    return take_u32(r, value, 0, 67108864, &r->own.memory_mb_per_task);
}

TAKE(name)
{
    return take_text(r, value, 200, 0, NAME);
}

TAKE(nodes)
{
    return take_u32(r, value, 1, DR_TASKS_MAX, &r->nodes);
}

TAKE(open_mode)
{
    if (!take_text(r, value, 20, 0, OPEN_MODE))
        return 0;
    return strcmp(r->texts[OPEN_MODE], "append") == 0 ||
                   strcmp(r->texts[OPEN_MODE], "truncate") == 0
               ? 1
               : jobspec_wrong(r, value);
}

TAKE(output)
{
    return take_pattern(r, value, OUTPUT);
}

TAKE(partition)
{
    const char *text = json_string_value(value);

    if (text == NULL || strlen(text) >= DR_NAME_BYTES || text[0] == 0 || has_control(text) ||
        strchr(text, ' ') != NULL)
        return jobspec_wrong(r, value);
    dr_copy_name(r->job.partition, text);
    return 1;
}

TAKE(preemptible)
{
    return take_boolean(r, value, &r->job.preemptible);
}

TAKE(priority)
{
    int64_t priority = 0;

    if (!take_integer(r, value, -1000000, 1000000, &priority))
        return 0;
    r->job.priority = (int32_t)priority;
    return 1;
}

TAKE(ranks)
{
    return take_u32(r, value, 1, 4096, &r->ranks);
}

TAKE(requeue)
{
    if (!take_boolean(r, value, &r->job.requeue))
        return 0;
    r->requeue_said = r->job.requeue;
    return 1;
}

TAKE(restart_us)
{
    return take_integer(r, value, 0, DURATION_MAX, &r->job.restart_us);
}

TAKE(script)
{
    if (!take_text(r, value, DR_JOB_SCRIPT_BYTES, 1, SCRIPT))
        return 0;
    return strncmp(r->texts[SCRIPT], "#!", 2) == 0 ? 1 : jobspec_wrong(r, value);
}

TAKE(sites)
{
    if (!json_is_array(value))
        return jobspec_wrong(r, value);
    for (size_t i = 0; i < json_array_size(value); i += 1) {
        const json_t *element = json_array_get(value, i);
        const char *name = json_string_value(element);
        dr_site_id site;

        if (name == NULL || !dr_name_valid(name))
            return jobspec_wrong_element(r, i, element, "the name of a site");
        site = dr_site_named(r->spec->core, name);
        if (site.v == 0)
            return unknown(r, "site", element);
        dr_site_set_add(&r->job.sites, site.v - 1);
    }
    return 1;
}

TAKE(tasks)
{
    const char *text = json_string_value(value);
    const char *dots = text == NULL ? NULL : strstr(text, "..");
    char least[16] = "";
    int64_t numbers[2];

    r->tasks_given = 1;
    if (text == NULL)
        return take_u32(r, value, 1, DR_TASKS_MAX, &r->own.tasks);
    if (dots != NULL && (size_t)(dots - text) < sizeof least)
        memcpy(least, text, (size_t)(dots - text));
    if (dots == NULL || strncmp(r->field, "alternatives[", 13) == 0 ||
        !dr_parse_i64(least, 1, DR_TASKS_MAX, &numbers[0]) ||
        !dr_parse_i64(dots + 2, numbers[0], DR_TASKS_MAX, &numbers[1]))
        return jobspec_fail(r, DR_REFUSAL_INVALID, r->field,
                            "found '%s', expected a whole number, or the least and the most like "
                            "8..64, of 1 to %d",
                            text, DR_TASKS_MAX);
    r->job.tasks_min = (uint32_t)numbers[0];
    r->own.tasks = (uint32_t)numbers[1];
    return 1;
}

TAKE(tasks_min)
{
    return take_u32(r, value, 1, DR_TASKS_MAX, &r->job.tasks_min);
}

TAKE(tasks_per_node)
{
    return take_u32(r, value, 1, DR_TASKS_MAX, &r->own.tasks_per_node_max);
}

TAKE(unreachable_us)
{
    return take_integer(r, value, 0, DURATION_MAX, &r->job.unreachable_us);
}

TAKE(user)
{
    const char *name = json_string_value(value);

    if (name == NULL || !dr_name_valid(name))
        return jobspec_wrong(r, value);
    r->job.job_user = dr_user_named(r->spec->core, name).v;
    return r->job.job_user == 0 ? unknown(r, "user", value) : 1;
}

TAKE(warn_before_us)
{
    return take_integer(r, value, 0, DURATION_MAX, &r->job.warn_before_us);
}

TAKE(warn_signal)
{
    const char *name = json_string_value(value);

    if (name == NULL)
        return take_u32(r, value, 1, 64, &r->job.warn_signal);
    if (strncmp(name, "SIG", 3) == 0)
        name += 3;
    for (int number = 1; number < 32; number += 1) {
        const char *known = sigabbrev_np(number);

        if (known != NULL && strcmp(known, name) == 0) {
            r->job.warn_signal = (uint32_t)number;
            return 1;
        }
    }
    return jobspec_wrong(r, value);
}

TAKE(warn_to)
{
    if (!take_text(r, value, 20, 0, WARN_TO))
        return 0;
    return strcmp(r->texts[WARN_TO], "all") == 0 || strcmp(r->texts[WARN_TO], "script") == 0 ||
                   strcmp(r->texts[WARN_TO], "steps") == 0
               ? 1
               : jobspec_wrong(r, value);
}

/* Only of an alternative. */
int jobspec_take_factor(struct jobspec_reader *r, const json_t *value)
{
    r->expected = "a number from 0.001 to 1000: run time here over the job's own";
    return take_milli(r, value, 1, 1000000, &r->own.factor);
}

static const struct jobspec_member MEMBERS[] = {
#define MEMBER(name, expected, meaning) {#name, expected, take_##name},
    DR_JOB_FIELDS(MEMBER)
#undef MEMBER
};

const struct jobspec_member *jobspec_member(const char *name)
{
    size_t low = 0;
    size_t high = DR_COUNT_OF(MEMBERS);

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(name, MEMBERS[middle].name);

        if (order == 0)
            return &MEMBERS[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
