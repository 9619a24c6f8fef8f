/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/jobspec.h"

#include <math.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdarg.h>

#include "serve/json.h"

/* One job object while it is read. */
struct reader {
    struct dr_jobspec *spec;
    uint32_t index; /* place in "jobs" */
    struct dr_fact_job_accepted job;
    struct dr_alternative own; /* shape of the job itself */
    const json_t *alternatives;
    const json_t *command;
    const json_t *environment;
    const char *texts[8]; /* enum text_part */
    const char *array;
    uint32_t nodes;
    uint32_t tasks_given;
    int every_task;       /* -1: not said */
    const char *expected; /* of the field being read */
    const char *field;
    struct dr_answer *answer; /* filled by fail() */
};

enum text_part { NAME, SCRIPT, DIRECTORY, OUTPUT, ERROR, INPUT, OPEN_MODE, COMMENT };

/* ---- saying what is wrong ---- */

static int fail_at(struct reader *r, enum dr_refusal_kind kind, const char *field,
                   const char *format, ...) DR_PRINTF(4, 5);

static int fail_at(struct reader *r, enum dr_refusal_kind kind, const char *field,
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
static int wrong(struct reader *r, const json_t *value)
{
    char found[80];

    return fail_at(r, DR_REFUSAL_INVALID, r->field, "found %s, expected %s",
                   dr_json_found(value, found, sizeof found), r->expected);
}

static int wrong_element(struct reader *r, size_t i, const json_t *value, const char *expected)
{
    char field[64];
    char found[80];

    snprintf(field, sizeof field, "%s[%zu]", r->field, i);
    return fail_at(r, DR_REFUSAL_INVALID, field, "found %s, expected %s",
                   dr_json_found(value, found, sizeof found), expected);
}

static int unknown(struct reader *r, const char *what, const json_t *value)
{
    char found[80];

    return fail_at(r, DR_REFUSAL_UNKNOWN, r->field, "there is no %s %s", what,
                   dr_json_found(value, found, sizeof found));
}

static void *push(struct reader *r, size_t count, size_t bytes)
{
    void *place = dr_arena_push(r->spec->arena, count, bytes);

    if (place == NULL)
        fail_at(r, DR_REFUSAL_LIMIT, r->field, "the request is too large to be kept in memory");
    else
        memset(place, 0, count * bytes);
    return place;
}

/* ---- values ---- */

static int take_integer(struct reader *r, const json_t *value, int64_t min, int64_t max,
                        int64_t *to)
{
    int64_t number = json_is_integer(value) ? json_integer_value(value) : 0;

    if (!json_is_integer(value) || number < min || number > max)
        return wrong(r, value);
    *to = number;
    return 1;
}

static int take_u32(struct reader *r, const json_t *value, uint32_t min, uint32_t max, uint32_t *to)
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

static int take_boolean(struct reader *r, const json_t *value, uint8_t *to)
{
    if (!json_is_boolean(value))
        return wrong(r, value);
    *to = json_is_true(value) ? 1 : 0;
    return 1;
}

/* A number or a decimal in a string, in thousandths. */
static int take_milli(struct reader *r, const json_t *value, int64_t min, int64_t max, uint32_t *to)
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
        return wrong(r, value);
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

static int take_text(struct reader *r, const json_t *value, size_t bytes_max, int lines,
                     enum text_part part)
{
    if (!json_is_string(value) || json_string_length(value) > bytes_max ||
        (!lines && has_control(json_string_value(value))))
        return wrong(r, value);
    r->texts[part] = json_string_value(value);
    return 1;
}

/* ---- the members, one function each ---- */

#define TAKE(name) static int take_##name(struct reader *r, const json_t *value)

TAKE(accelerators)
{
    uint32_t whole = 0;

    if (!take_u32(r, value, 0, DR_ACCELERATORS_MAX, &whole))
        return 0;
    r->own.accelerators_per_task = whole * 1000;
    return 1;
}

TAKE(account)
{
    struct dr_jobspec *spec = r->spec;
    const char *name = json_string_value(value);

    if (name == NULL || !dr_name_valid(name))
        return wrong(r, value);
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
        return wrong(r, value);
    r->alternatives = value; /* read last: what they leave out is the job's own */
    return 1;
}

TAKE(array)
{
    if (!json_is_string(value))
        return wrong(r, value);
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
        return wrong(r, value);
    for (size_t i = 0; i < json_array_size(value); i += 1) {
        const json_t *element = json_array_get(value, i);
        const char *name = json_string_value(element);
        dr_chip_id chip;

        if (name == NULL || !dr_name_valid(name))
            return wrong_element(r, i, element, "the name of a chip");
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
        return wrong(r, value);
    for (size_t i = 0; i < json_array_size(value); i += 1) {
        const json_t *element = json_array_get(value, i);

        if (!json_is_string(element) || json_string_length(element) > DR_JOB_STRING_BYTES)
            return wrong_element(r, i, element, "a string of at most 65536 bytes");
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
        return wrong(r, value);
    r->job.data_class = dr_class_named(r->spec->core, name).v;
    return r->job.data_class == 0 ? unknown(r, "data class", value) : 1;
}

TAKE(datasets)
{
    size_t count = json_array_size(value);
    uint32_t *datasets;

    if (!json_is_array(value) || count > DR_DATASETS_OF_A_JOB)
        return wrong(r, value);
    datasets = push(r, count, sizeof *datasets);
    if (datasets == NULL)
        return 0;
    for (size_t i = 0; i < count; i += 1) {
        const json_t *element = json_array_get(value, i);
        const char *name = json_string_value(element);

        if (name == NULL || !dr_name_valid(name))
            return wrong_element(r, i, element, "the name of a dataset");
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
        return wrong(r, value);
    if (count > DR_DEPENDENCIES_MAX)
        return fail_at(r, DR_REFUSAL_LIMIT, r->field, "found %zu of them, expected at most %d",
                       count, DR_DEPENDENCIES_MAX);
    dependencies = push(r, count, sizeof *dependencies);
    if (dependencies == NULL)
        return 0;
    for (size_t i = 0; i < count; i += 1) {
        const json_t *element = json_array_get(value, i);

        if (!json_is_string(element) ||
            !read_dependency(json_string_value(element), &dependencies[i]))
            return wrong_element(r, i, element,
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
    return r->texts[DIRECTORY][0] == '/' ? 1 : wrong(r, value);
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
        return wrong(r, value);
    if (json_object_size(value) > DR_JOB_VARIABLES_MAX)
        return fail_at(r, DR_REFUSAL_LIMIT, r->field, "found %zu variables, expected at most %u",
                       json_object_size(value), DR_JOB_VARIABLES_MAX);
    json_object_foreach((json_t *)value, name, element)
    {
        char field[64];

        snprintf(field, sizeof field, "environment.%s", name);
        if (!variable_name(name))
            return fail_at(
                r, DR_REFUSAL_INVALID, field,
                "found the name '%.60s', expected letters, digits and '_', no digit first", name);
        if (!json_is_string(element) || json_string_length(element) > DR_JOB_STRING_BYTES) {
            char found[80];

            return fail_at(r, DR_REFUSAL_INVALID, field,
                           "found %s, expected a string of at most 65536 bytes",
                           dr_json_found(element, found, sizeof found));
        }
    }
    r->environment = value;
    return 1;
}

/* %j %a %A %t %x %u %%, with a width for numbers; what they are filled with is the engine's. */
static int take_pattern(struct reader *r, const json_t *value, enum text_part part)
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
            return fail_at(r, DR_REFUSAL_INVALID, r->field,
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
        return wrong(r, value);
    r->job.level_kind = 2;
    if (strncmp(text, "preferred:", 10) == 0) {
        r->job.level_kind = 1;
        text += 10;
    } else if (strncmp(text, "required:", 9) == 0) {
        text += 9;
    }
    if (!dr_name_valid(text))
        return wrong(r, value);
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
               : wrong(r, value);
}

TAKE(output)
{
    return take_pattern(r, value, OUTPUT);
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

TAKE(requeue)
{
    return take_boolean(r, value, &r->job.requeue);
}

TAKE(restart_us)
{
    return take_integer(r, value, 0, DURATION_MAX, &r->job.restart_us);
}

TAKE(script)
{
    if (!take_text(r, value, DR_JOB_SCRIPT_BYTES, 1, SCRIPT))
        return 0;
    return strncmp(r->texts[SCRIPT], "#!", 2) == 0 ? 1 : wrong(r, value);
}

TAKE(sites)
{
    if (!json_is_array(value))
        return wrong(r, value);
    for (size_t i = 0; i < json_array_size(value); i += 1) {
        const json_t *element = json_array_get(value, i);
        const char *name = json_string_value(element);
        dr_site_id site;

        if (name == NULL || !dr_name_valid(name))
            return wrong_element(r, i, element, "the name of a site");
        site = dr_site_named(r->spec->core, name);
        if (site.v == 0)
            return unknown(r, "site", element);
        dr_site_set_add(&r->job.sites, site.v - 1);
    }
    return 1;
}

TAKE(tasks)
{
    r->tasks_given = 1;
    return take_u32(r, value, 1, DR_TASKS_MAX, &r->own.tasks);
}

TAKE(tasks_per_node)
{
    return take_u32(r, value, 1, DR_TASKS_MAX, &r->own.tasks_per_node_max);
}

TAKE(user)
{
    const char *name = json_string_value(value);

    if (name == NULL || !dr_name_valid(name))
        return wrong(r, value);
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
    return wrong(r, value);
}

/* Only of an alternative. */
TAKE(factor)
{
    r->expected = "a number from 0.001 to 1000: run time here over the job's own";
    return take_milli(r, value, 1, 1000000, &r->own.factor);
}

struct member {
    const char *name;
    const char *expected;
    int (*take)(struct reader *r, const json_t *value);
};

static const struct member MEMBERS[] = {
#define MEMBER(name, expected, meaning) {#name, expected, take_##name},
    DR_JOB_FIELDS(MEMBER)
#undef MEMBER
};

static const struct member *member_named(const char *name)
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

/* ---- shapes ---- */

static int of_an_alternative(const char *name)
{
#define KNOWN(known)               \
    if (strcmp(name, #known) == 0) \
        return 1;
    DR_ALTERNATIVE_FIELDS(KNOWN)
#undef KNOWN
    return 0;
}

static int read_alternative(struct reader *r, const json_t *object, size_t i,
                            struct dr_alternative *alternative)
{
    struct dr_alternative own = r->own;
    const char *name;
    json_t *value;
    int taken = 1;

    if (!json_is_object(object)) {
        r->field = "alternatives";
        return wrong_element(r, i, object, "an object");
    }
    json_object_foreach((json_t *)object, name, value)
    {
        char field[64];

        snprintf(field, sizeof field, "alternatives[%zu].%s", i, name);
        r->field = field;
        if (!of_an_alternative(name)) {
            taken = fail_at(r, DR_REFUSAL_INVALID, field, "an alternative has no such member");
        } else {
            const struct member *member = member_named(name);

            r->expected = member != NULL ? member->expected : "";
            taken = member != NULL ? member->take(r, value) : take_factor(r, value);
        }
        if (!taken)
            break;
    }
    *alternative = r->own;
    r->own = own;
    return taken;
}

/* `nodes` at least: so few tasks on one that the gang needs that many. */
static int spread(struct reader *r)
{
    if (r->nodes == 0)
        return 1;
    if (!r->tasks_given)
        r->own.tasks = r->nodes * (r->own.tasks_per_node_max == 0 ? 1 : r->own.tasks_per_node_max);
    if (r->own.tasks > DR_TASKS_MAX || r->own.tasks < r->nodes)
        return fail_at(r, DR_REFUSAL_INVALID, "nodes",
                       "found %u for %u tasks, expected at most as "
                       "many nodes as tasks, and at most %d tasks",
                       r->nodes, r->own.tasks, DR_TASKS_MAX);
    if (r->nodes > 1) {
        uint32_t most = (r->own.tasks - 1) / (r->nodes - 1);

        if (r->own.tasks_per_node_max == 0 || r->own.tasks_per_node_max > most)
            r->own.tasks_per_node_max = most;
    }
    return 1;
}

static int read_shapes(struct reader *r)
{
    size_t more = r->alternatives == NULL ? 0 : json_array_size(r->alternatives);
    struct dr_alternative *list;

    r->field = "tasks";
    if (!spread(r))
        return 0;
    list = push(r, 1 + more, sizeof *list);
    if (list == NULL)
        return 0;
    list[0] = r->own;
    for (size_t i = 0; i < more; i += 1) {
        if (!read_alternative(r, json_array_get(r->alternatives, i), i, &list[1 + i]))
            return 0;
    }
    r->job.alternatives = list;
    r->job.alternatives_count = 1 + (uint32_t)more;
    return 1;
}

/* ---- arrays ---- */

struct indexes {
    uint32_t *values; /* rising */
    uint32_t count;
    uint32_t limit; /* at a time; 0: all */
};

/* A number at the front of `*text`, which moves behind it. */
static int take_number(const char **text, uint32_t max, uint32_t *number)
{
    uint64_t sum = 0;
    const char *c = *text;

    while (*c >= '0' && *c <= '9' && sum <= max) {
        sum = sum * 10 + (uint64_t)(*c - '0');
        c += 1;
    }
    if (c == *text || sum > max)
        return 0;
    *number = (uint32_t)sum;
    *text = c;
    return 1;
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* "0-9%2", "1,3,5-7", "0-12:4" */
static int read_array(struct reader *r, struct indexes *indexes)
{
    const char *text = r->array;
    const char *syntax = "found '%.80s', expected indexes like 0-9%%2, 1,3,5-7 or 0-12:4, at most "
                         "4000000 each";
    uint32_t unique = 0;

    r->field = "array";
    *indexes = (struct indexes){0};
    indexes->values = push(r, r->spec->jobs_max, sizeof *indexes->values);
    if (indexes->values == NULL)
        return 0;
    for (;;) {
        uint32_t first = 0;
        uint32_t last;
        uint32_t step = 1;

        if (!take_number(&text, DR_ARRAY_INDEX_MAX, &first))
            return fail_at(r, DR_REFUSAL_INVALID, "array", syntax, r->array);
        last = first;
        if (*text == '-') {
            text += 1;
            if (!take_number(&text, DR_ARRAY_INDEX_MAX, &last) || last < first)
                return fail_at(r, DR_REFUSAL_INVALID, "array", syntax, r->array);
            if (*text == ':') {
                text += 1;
                if (!take_number(&text, DR_ARRAY_INDEX_MAX, &step) || step == 0)
                    return fail_at(r, DR_REFUSAL_INVALID, "array", syntax, r->array);
            }
        }
        for (; first <= last; first += step) {
            if (indexes->count == r->spec->jobs_max)
                return fail_at(r, DR_REFUSAL_LIMIT, "array",
                               "found more than %u indexes, expected at most so many",
                               r->spec->jobs_max);
            indexes->values[indexes->count] = first;
            indexes->count += 1;
        }
        if (*text != ',')
            break;
        text += 1;
    }
    if (*text == '%') {
        text += 1;
        if (!take_number(&text, DR_ARRAY_INDEX_MAX, &indexes->limit) || indexes->limit == 0)
            return fail_at(r, DR_REFUSAL_INVALID, "array", syntax, r->array);
    }
    if (*text != 0)
        return fail_at(r, DR_REFUSAL_INVALID, "array", syntax, r->array);
    qsort(indexes->values, indexes->count, sizeof *indexes->values, compare_u32);
    for (uint32_t i = 0; i < indexes->count; i += 1) {
        if (i == 0 || indexes->values[i] != indexes->values[unique - 1]) {
            indexes->values[unique] = indexes->values[i];
            unique += 1;
        }
    }
    indexes->count = unique;
    return 1;
}

/* ---- the text ---- */

static const char *write_text(struct reader *r, const struct indexes *indexes)
{
    static const char *const MEMBER_OF[] = {
        [NAME] = "name",   [SCRIPT] = "script", [DIRECTORY] = "directory", [OUTPUT] = "output",
        [ERROR] = "error", [INPUT] = "input",   [OPEN_MODE] = "open_mode", [COMMENT] = "comment",
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
    if (indexes->count > 0) {
        dr_put_begin(out, "array", '{');
        dr_put_u64(out, "min", indexes->values[0]);
        dr_put_u64(out, "max", indexes->values[indexes->count - 1]);
        dr_put_u64(out, "count", indexes->count);
        dr_put_end(out, '}');
    }
    dr_put_end(out, '}');
    if (out->full) {
        fail_at(r, DR_REFUSAL_LIMIT, "",
                "script, arguments and environment are too large together");
        return NULL;
    }
    text = dr_arena_push(r->spec->arena, out->length + 1, 1);
    if (text == NULL)
        fail_at(r, DR_REFUSAL_LIMIT, "", "the request is too large to be kept in memory");
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
static int check_whole(struct reader *r)
{
    if (r->command == NULL && r->texts[SCRIPT] == NULL)
        return fail_at(r, DR_REFUSAL_INVALID, "command",
                       "found neither, expected command or script");
    if (r->job.deadline_ends && r->job.deadline_us == 0)
        return fail_at(r, DR_REFUSAL_INVALID, "deadline_ends", "expected a deadline_us with it");
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
static int read_job(struct reader *r, const json_t *object, struct indexes *indexes,
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
    *indexes = (struct indexes){0};
    if (!json_is_object(object)) {
        r->field = "";
        r->expected = "an object that describes a job";
        return wrong(r, object);
    }
    json_object_foreach((json_t *)object, name, value)
    {
        const struct member *member = member_named(name);

        if (member == NULL) {
            char field[64];

            snprintf(field, sizeof field, "%s", name);
            fail_at(r, DR_REFUSAL_INVALID, field, "a job has no member '%.60s'", name);
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
    if (!check_whole(r) || !read_shapes(r) || (r->array != NULL && !read_array(r, indexes)))
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
        struct reader r = {.spec = spec, .index = i, .answer = &answer};
        struct indexes indexes;
        const char *text = NULL;

        if (!read_job(&r, json_array_get(jobs, i), &indexes, &text) ||
            (indexes.count > 0 && !fail_at(&r, DR_REFUSAL_INVALID, "array",
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
    struct reader r = {.spec = spec, .answer = &answer};
    struct indexes indexes;
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
