/* SPDX-License-Identifier: Apache-2.0 */
/* Taking options one by one, and working out what follows from several. The table is in
 * job_table.c. */
#include "cli/job_options.h"

#include <ctype.h>
#include <limits.h>
#include <strings.h>
#include <unistd.h>

#include "base/math.h"
#include "base/text.h"

#define TASKS_MAX       65536
#define RANKS_MAX       4096
#define ENVIRONMENT_MAX (256u << 10) /* bytes of names and values that travel with a job */

void dr_job_init(struct dr_job_spec *spec, int64_t now_us)
{
    memset(spec, 0, sizeof *spec);
    spec->job = json_object();
    spec->environment = json_object();
    spec->origins = json_object();
    spec->now_us = now_us;
}

void dr_job_deinit(struct dr_job_spec *spec)
{
    json_decref(spec->job);
    json_decref(spec->environment);
    json_decref(spec->origins);
    memset(spec, 0, sizeof *spec);
}

static void put(struct dr_job_spec *spec, const char *member, json_t *value)
{
    json_object_set_new(spec->job, member, value);
}

/* What an option has changed in the job is its word: a refusal by the controller is shown there. */
static void note_origins(struct dr_job_spec *spec, const json_t *before)
{
    const char *name;
    json_t *value;

    json_object_foreach(spec->job, name, value)
    {
        if (json_object_get(before, name) != value)
            json_object_set_new(spec->origins, name, json_string(spec->said));
    }
}

enum dr_status dr_job_set(struct dr_job_spec *spec, const struct dr_job_option *option,
                          const char *written, const char *value, struct dr_error *error)
{
    const char *argument = option->option.argument;
    char expected[400] = "";
    char said[96];
    json_t *before;
    int taken;

    snprintf(said, sizeof said, "%.40s%s%.50s", written, value == NULL ? "" : "=",
             value == NULL ? "" : value);
    if (spec->file != NULL)
        snprintf(spec->said, sizeof spec->said, "%.180s:%u: %s", spec->file, spec->line, said);
    else
        snprintf(spec->said, sizeof spec->said, "%s", said);
    if (option->kind == DR_JOB_REFUSED) {
        dr_error_set(error, NULL, 0, said, NULL, "%s", option->instead);
        return DR_E_INPUT;
    }
    if (argument == NULL && value != NULL) {
        dr_error_set(error, NULL, 0, written, value, "no value: it is said or left out");
        return DR_E_INPUT;
    }
    if (argument != NULL && !dr_cli_optional(&option->option) && value == NULL) {
        dr_error_set(error, NULL, 0, written, NULL, "a value is missing: %s", argument);
        return DR_E_INPUT;
    }
    spec->option = option->option.name;
    before = json_copy(spec->job);
    taken = option->set(spec, value, option->detail, expected, sizeof expected);
    if (taken)
        note_origins(spec, before);
    json_decref(before);
    if (!taken) {
        dr_error_set(error, NULL, 0, written,
                     value == NULL      ? ""
                     : value[0] == '\0' ? "\"\""
                                        : value,
                     "%s", expected);
        return DR_E_INPUT;
    }
    return DR_OK;
}

enum dr_status dr_job_set_named(struct dr_job_spec *spec, const char *written, const char *value,
                                int sbatch, struct dr_error *error)
{
    const struct dr_job_option *option = NULL;

    if (strncmp(written, "--", 2) == 0)
        option = dr_job_option_find(written + 2);
    else if (written[0] == '-' && written[1] != '\0' && written[2] == '\0')
        option = dr_job_option_letter(written[1]);
    if (option == NULL) {
        dr_error_set(error, NULL, 0, written, NULL,
                     "there is no such option; `daero help submit` lists them all");
        return DR_E_INPUT;
    }
    if (sbatch && option->kind == DR_JOB_OWN) {
        dr_error_set(error, NULL, 0, written, NULL,
                     "this is Daero's own option: write it in a #DAERO line");
        return DR_E_INPUT;
    }
    return dr_job_set(spec, option, written, value, error);
}

enum dr_status dr_job_set_environment(struct dr_job_spec *spec, char **environment,
                                      struct dr_error_list *mistakes)
{
    static const char prefix[] = "DAERO_SUBMIT_";
    uint32_t before = mistakes->count;

    for (uint32_t i = 0; environment[i] != NULL; i += 1) {
        const char *entry = environment[i];
        const char *equals = strchr(entry, '=');
        const struct dr_job_option *option;
        struct dr_error error = {0};
        char name[64];
        char written[96];
        size_t length;

        if (strncmp(entry, prefix, sizeof prefix - 1) != 0 || equals == NULL)
            continue;
        length = (size_t)(equals - entry) - (sizeof prefix - 1);
        snprintf(written, sizeof written, "%.*s", (int)(equals - entry), entry);
        snprintf(name, sizeof name, "%.*s", (int)length, entry + sizeof prefix - 1);
        for (char *at = name; *at != '\0'; at += 1)
            *at = (char)(*at == '_' ? '-' : tolower((unsigned char)*at));
        option = dr_job_option_find(name);
        if (option == NULL || option->option.argument == NULL) {
            dr_error_list_add(mistakes, NULL, 0, written, NULL,
                              "no option with an argument is called --%s", name);
            continue;
        }
        spec->layer = DR_LAYER_ENVIRONMENT;
        if (dr_job_set(spec, option, written, equals + 1, &error) != DR_OK)
            dr_error_list_add(mistakes, NULL, 0, error.field, error.found, "%s", error.expected);
    }
    return mistakes->count == before ? DR_OK : DR_E_INPUT;
}

/* ---- working out ---- */

static int64_t said(const struct dr_amount *amount)
{
    return amount->layer > 0 ? amount->value : -1;
}

#define CONTRADICTS(amount, ...) \
    (dr_error_set(error, NULL, 0, (amount)->said, NULL, __VA_ARGS__), DR_E_INPUT)

/* Several tasks of sbatch's that share a node, and what of it can't be divided among them
 * (`--ntasks=8 --gres=gpu:1`, `--exclusive`), or that have to be there together (`--nodes=2
 * --ntasks-per-node=4` is exactly two): together they are one of Daero's tasks, and the script
 * starts them itself, as it does anyway. 1: so it was. */
static int fold(struct dr_job_spec *spec, int64_t *tasks_on_node, int64_t node, int64_t job)
{
    int alone = spec->nodes <= 1 && *tasks_on_node == spec->tasks;
    int exclusive = json_object_get(spec->job, "exclusive") != NULL;
    int exact = spec->nodes_exact && spec->tasks == spec->nodes * *tasks_on_node &&
                (job <= 0 || job % spec->nodes == 0);

    if (!spec->has_script || *tasks_on_node == 1 || *tasks_on_node > RANKS_MAX ||
        spec->tasks % *tasks_on_node != 0 || spec->tasks_min > 0 ||
        spec->accelerators[DR_PER_TASK].layer > 0 ||
        json_object_get(spec->job, "alternatives") != NULL ||
        json_is_true(json_object_get(spec->job, "every_task")))
        return 0;
    if (!exclusive && !exact && !(node > 0 && node % *tasks_on_node != 0) &&
        !(job > 0 && job % spec->tasks != 0 && alone))
        return 0;
    spec->ranks = *tasks_on_node;
    spec->tasks /= spec->ranks;
    spec->tasks_per_node = 1;
    *tasks_on_node = 1;
    return 1;
}

/* Accelerators can be said per task, per node and per job; they and the counts of tasks and nodes
 * that were said must agree, and say the rest as sbatch would. */
static enum dr_status finish_shape(struct dr_job_spec *spec, int64_t *accelerators,
                                   int64_t *tasks_on_node, struct dr_error *error)
{
    const struct dr_amount *per_task = &spec->accelerators[DR_PER_TASK];
    const struct dr_amount *per_node = &spec->accelerators[DR_PER_NODE];
    const struct dr_amount *per_job = &spec->accelerators[DR_PER_JOB];
    int64_t task = said(per_task);
    int64_t node = said(per_node);
    int64_t job = said(per_job);

    if (per_task->layer > 0 && per_task->share > 0 && (node > 0 || job > 0))
        return CONTRADICTS(node > 0 ? per_node : per_job,
                           "%s asks for a share of an accelerator per task; keep one",
                           per_task->said);
    if (job > 0 && node > 0 && spec->nodes == 0) {
        if (job % node != 0)
            return CONTRADICTS(per_job, "%lld accelerators can't be had %lld to a node (%s)",
                               (long long)job, (long long)node, per_node->said);
        spec->nodes = job / node;
    }
    if (spec->tasks == 0) {
        if (spec->nodes > 0 && spec->tasks_per_node > 0)
            spec->tasks = spec->nodes * spec->tasks_per_node;
        else if (task > 0 && job > 0 && job % task == 0)
            spec->tasks = job / task;
        else if (task > 0 && node > 0 && node % task == 0)
            spec->tasks = (node / task) * (spec->nodes > 0 ? spec->nodes : 1);
        else if (spec->nodes > 0)
            spec->tasks = spec->nodes;
        else
            spec->tasks = spec->tasks_per_node > 0 ? spec->tasks_per_node : 1;
    }
    if (spec->tasks > TASKS_MAX) {
        dr_error_set(error, NULL, 0, "tasks", NULL, "%lld tasks come together, at most %d may",
                     (long long)spec->tasks, TASKS_MAX);
        return DR_E_INPUT;
    }
    if (spec->nodes > spec->tasks) {
        dr_error_set(error, NULL, 0, "nodes", NULL,
                     "%lld nodes are asked for %lld tasks: a node without a task is not given out",
                     (long long)spec->nodes, (long long)spec->tasks);
        return DR_E_INPUT;
    }
    if (spec->tasks_per_node > 0)
        *tasks_on_node = dr_min_i64(spec->tasks_per_node, spec->tasks);
    else if (spec->nodes > 0)
        *tasks_on_node = (spec->tasks + spec->nodes - 1) / spec->nodes;
    else
        *tasks_on_node = spec->tasks;
    if (fold(spec, tasks_on_node, node, job))
        task = -1;
    if (node >= 0) {
        if (node % *tasks_on_node != 0)
            return CONTRADICTS(per_node,
                               "%lld accelerators of a node can't be divided evenly among the %lld "
                               "tasks there; write --accelerators per task and --tasks-per-node",
                               (long long)node, (long long)*tasks_on_node);
        if (task >= 0 && task != node / *tasks_on_node)
            return CONTRADICTS(per_node, "that contradicts %s: %lld tasks share a node",
                               per_task->said, (long long)*tasks_on_node);
        task = node / *tasks_on_node;
        spec->tasks_per_node = *tasks_on_node; /* the tasks of a node are what share it */
    }
    if (job >= 0) {
        if (job % spec->tasks != 0)
            return CONTRADICTS(per_job,
                               "%lld accelerators can't be divided evenly among %lld tasks; write "
                               "--accelerators per task",
                               (long long)job, (long long)spec->tasks);
        if (task >= 0 && task != job / spec->tasks)
            return CONTRADICTS(per_job, "that contradicts %s for %lld tasks",
                               per_task->layer > 0 ? per_task->said : per_node->said,
                               (long long)spec->tasks);
        task = job / spec->tasks;
    }
    if (spec->tasks_per_node == 0 && spec->nodes > 0)
        spec->tasks_per_node = *tasks_on_node;
    *accelerators = task < 0 ? 0 : task;
    if (*accelerators > 64) {
        dr_error_set(error, NULL, 0, "accelerators", NULL,
                     "%lld accelerators come to one task, which runs on one node: at most 64; say "
                     "how many tasks there are with --tasks",
                     (long long)*accelerators);
        return DR_E_INPUT;
    }
    return DR_OK;
}

static enum dr_status only_one(const struct dr_amount amounts[DR_PER_COUNT], struct dr_error *error)
{
    const struct dr_amount *first = NULL;

    for (uint32_t i = 0; i < DR_PER_COUNT; i += 1) {
        if (amounts[i].layer == 0)
            continue;
        if (first != NULL)
            return CONTRADICTS(&amounts[i], "that and %s say the same thing in two ways; keep one",
                               first->said);
        first = &amounts[i];
    }
    return DR_OK;
}

static void note_amount(struct dr_job_spec *spec, const char *member,
                        const struct dr_amount amounts[DR_PER_COUNT])
{
    for (uint32_t i = 0; i < DR_PER_COUNT; i += 1) {
        if (amounts[i].layer > 0)
            json_object_set_new(spec->origins, member, json_string(amounts[i].said));
    }
}

enum dr_status dr_job_finish(struct dr_job_spec *spec, struct dr_error *error)
{
    int64_t accelerators = 0;
    int64_t milli;
    int64_t tasks_on_node = 1;
    int64_t cpus = said(&spec->cpus[DR_PER_TASK]);
    int64_t memory = -1;
    char text[DR_TEXT_BYTES];

    if (finish_shape(spec, &accelerators, &tasks_on_node, error) != DR_OK ||
        only_one(spec->cpus, error) != DR_OK || only_one(spec->memory, error) != DR_OK)
        return DR_E_INPUT;
    milli = accelerators > 0 || spec->accelerators[DR_PER_TASK].layer == 0
                ? accelerators * 1000
                : spec->accelerators[DR_PER_TASK].share;
    if (spec->ranks > 1)
        cpus = (cpus < 0 ? 1000 : cpus) * spec->ranks;
    if (said(&spec->cpus[DR_PER_ACCELERATOR]) >= 0) {
        if (milli == 0)
            return CONTRADICTS(&spec->cpus[DR_PER_ACCELERATOR], "the job asks for no accelerators");
        cpus = dr_mul_div_ceil(spec->cpus[DR_PER_ACCELERATOR].value, milli, 1000);
    }
    if (said(&spec->memory[DR_PER_TASK]) >= 0)
        memory = spec->memory[DR_PER_TASK].value * dr_max_i64(1, spec->ranks);
    if (said(&spec->memory[DR_PER_NODE]) >= 0)
        memory = (spec->memory[DR_PER_NODE].value + tasks_on_node - 1) / tasks_on_node;
    if (said(&spec->memory[DR_PER_CPU]) >= 0)
        memory = dr_mul_div_ceil(spec->memory[DR_PER_CPU].value, cpus < 0 ? 1000 : cpus, 1000);
    if (said(&spec->memory[DR_PER_ACCELERATOR]) >= 0) {
        if (milli == 0)
            return CONTRADICTS(&spec->memory[DR_PER_ACCELERATOR],
                               "the job asks for no accelerators");
        memory = dr_mul_div_ceil(spec->memory[DR_PER_ACCELERATOR].value, milli, 1000);
    }
    if (spec->memory_whole[0] != '\0' && memory < 0 &&
        json_object_get(spec->job, "exclusive") == NULL) {
        dr_error_set(error, NULL, 0, spec->memory_whole, NULL,
                     "all of a node's memory comes with --exclusive; without it, say how much");
        return DR_E_INPUT;
    }
    note_amount(spec, "accelerators", spec->accelerators);
    note_amount(spec, "cpus", spec->cpus);
    note_amount(spec, "memory_mb", spec->memory);
    put(spec, "tasks", json_integer(spec->tasks));
    if (spec->ranks > 1)
        put(spec, "ranks", json_integer(spec->ranks));
    if (spec->tasks_min > 0)
        put(spec, "tasks_min", json_integer(spec->tasks_min));
    if (accelerators > 0)
        put(spec, "accelerators", json_integer(accelerators));
    else if (milli > 0)
        put(spec, "accelerators", json_string(dr_format_milli(milli, text)));
    if (spec->tasks_per_node > 0)
        put(spec, "tasks_per_node", json_integer(spec->tasks_per_node));
    if (cpus >= 0)
        put(spec, "cpus", json_string(dr_format_milli(cpus, text)));
    if (memory >= 0)
        put(spec, "memory_mb", json_integer(memory));
    if (spec->nice != 0) {
        int64_t priority = json_integer_value(json_object_get(spec->job, "priority"));

        put(spec, "priority", json_integer(priority - spec->nice));
        spec->nice = 0;
    }
    return DR_OK;
}

/* ---- environment ---- */

/* Variables that describe the submitting session, not the work; and secrets of our own. */
static int travels(const char *name)
{
    static const char *const stay[] = {"_",
                                       "PWD",
                                       "OLDPWD",
                                       "SHLVL",
                                       "HOME",
                                       "USER",
                                       "LOGNAME",
                                       "MAIL",
                                       "TMPDIR",
                                       "DISPLAY",
                                       "TERM",
                                       "XAUTHORITY",
                                       "DBUS_SESSION_BUS_ADDRESS",
                                       "COLUMNS",
                                       "LINES",
                                       "TTY",
                                       "STY",
                                       "TMUX",
                                       "TMUX_PANE",
                                       "LS_COLORS"};
    static const char *const prefixes[] = {"DAERO_", "SLURM_", "SBATCH_", "XDG_", "SSH_", "SUDO_"};

    for (size_t i = 0; i < DR_COUNT_OF(stay); i += 1) {
        if (strcmp(name, stay[i]) == 0)
            return 0;
    }
    for (size_t i = 0; i < DR_COUNT_OF(prefixes); i += 1) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return 0;
    }
    return 1;
}

/* Add NAME of `environment`, or all that travel when `wanted` is NULL. */
static void take_variables(json_t *object, char **environment, const char *wanted)
{
    for (uint32_t i = 0; environment[i] != NULL; i += 1) {
        const char *equals = strchr(environment[i], '=');
        char name[256];
        json_t *value;

        if (equals == NULL || equals - environment[i] >= (ptrdiff_t)sizeof name ||
            !dr_job_variable_valid(environment[i], (size_t)(equals - environment[i])))
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(equals - environment[i]), environment[i]);
        if (wanted == NULL ? !travels(name) : strcmp(name, wanted) != 0)
            continue;
        value = json_string(equals + 1); /* NULL where it is not UTF-8: that can't travel */
        if (value != NULL)
            json_object_set_new(object, name, value);
    }
}

json_t *dr_job_environment(const struct dr_job_spec *spec, char **environment,
                           struct dr_error *error)
{
    json_t *object = json_object();
    char copy[sizeof spec->export];
    char *cursor = copy;
    char *part;
    const char *name;
    json_t *value;
    size_t bytes = 0;

    snprintf(copy, sizeof copy, "%s", spec->export[0] == '\0' ? "ALL" : spec->export);
    while ((part = strsep(&cursor, ",")) != NULL) {
        char *equals = strchr(part, '=');

        if (strcasecmp(part, "NONE") == 0) {
            continue;
        } else if (strcasecmp(part, "ALL") == 0) {
            take_variables(object, environment, NULL);
        } else if (equals != NULL && dr_job_variable_valid(part, (size_t)(equals - part))) {
            *equals = '\0';
            value = json_string(equals + 1);
            if (value != NULL)
                json_object_set_new(object, part, value);
        } else if (equals == NULL && dr_job_variable_valid(part, strlen(part))) {
            take_variables(object, environment, part);
        } else {
            dr_error_set(error, NULL, 0, "--export", part, "NAME or NAME=VALUE");
            json_decref(object);
            return NULL;
        }
    }
    json_object_update(object, spec->environment);
    json_object_foreach(object, name, value) bytes += strlen(name) + json_string_length(value) + 2;
    if (bytes > ENVIRONMENT_MAX) {
        dr_error_set(error, NULL, 0, "--export", NULL,
                     "the environment has %zu bytes, at most %u travel with a job; name the "
                     "variables that it needs: --export=PATH,...",
                     bytes, ENVIRONMENT_MAX);
        json_decref(object);
        return NULL;
    }
    return object;
}

void dr_job_words(const struct dr_job_spec *spec, json_t *object)
{
    static const struct {
        enum dr_per per;
        const char *option;
        const char *name;
    } amounts[] = {{DR_PER_JOB, "gpus", "SLURM_GPUS"},
                   {DR_PER_NODE, "gpus-per-node", "SLURM_GPUS_PER_NODE"},
                   {DR_PER_TASK, "gpus-per-task", "SLURM_GPUS_PER_TASK"}};
    int fixed = spec->tasks_min == 0 && json_object_get(spec->job, "alternatives") == NULL;
    char text[HOST_NAME_MAX + 1];
    char here[4096];

    if (getcwd(here, sizeof here) != NULL)
        json_object_set_new(object, "SLURM_SUBMIT_DIR", json_string(here));
    if (gethostname(text, sizeof text) == 0)
        json_object_set_new(object, "SLURM_SUBMIT_HOST", json_string(text));
    for (size_t i = 0; fixed && i < DR_COUNT_OF(amounts); i += 1) {
        const struct dr_amount *amount = &spec->accelerators[amounts[i].per];

        if (amount->layer > 0 && strcmp(amount->option, amounts[i].option) == 0)
            json_object_set_new(object, amounts[i].name,
                                json_sprintf("%lld", (long long)amount->value));
    }
    if (fixed && said(&spec->memory[DR_PER_CPU]) >= 0)
        json_object_set_new(object, "SLURM_MEM_PER_CPU",
                            json_sprintf("%lld", (long long)spec->memory[DR_PER_CPU].value));
    if (fixed && said(&spec->cpus[DR_PER_TASK]) >= 1000)
        json_object_set_new(
            object, "SLURM_CPUS_PER_TASK",
            json_sprintf("%lld", (long long)(spec->cpus[DR_PER_TASK].value / 1000)));
    if (fixed && spec->tasks_per_node_said > 0)
        json_object_set_new(object, "SLURM_NTASKS_PER_NODE",
                            json_sprintf("%lld", (long long)spec->tasks_per_node_said));
}
