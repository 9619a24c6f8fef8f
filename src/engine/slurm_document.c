/* SPDX-License-Identifier: Apache-2.0 */
/* What is submitted for an attempt: the script, the resources, the environment.
 *
 * A script that runs once is the user's own. Where a shell reads it, one line is put behind its
 * first: it sets what only the site knows, the script's arguments, and ends a copy that Slurm
 * should run again by itself. A program is run by `exec`, so that its status is the job's; where it
 * runs once per task, by srun. docs/formats/job-environment.md lists what a task finds. */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/math.h"
#include "base/text.h"
#include "engine/pattern.h"
#include "engine/slurm_internal.h"

#define SCRIPT_BYTES_MAX  (4u * 1024 * 1024)
#define PATH_BYTES        4096
#define LIMIT_MINUTES_MAX (10 * 365 * 24 * 60)

/* ---- marks ---- */

const char *slurm_mark(const struct slurm *slurm, dr_job_id job, uint32_t attempt, uint64_t epoch,
                       char mark[MARK_BYTES])
{
    return dr_format(mark, MARK_BYTES, "%s%" PRIu64 ":%" PRIu32 ":%" PRIu64, slurm->prefix, job.v,
                     attempt, epoch);
}

int slurm_mark_parse(const struct slurm *slurm, const char *text, size_t bytes, dr_job_id *job,
                     uint32_t *attempt)
{
    uint64_t numbers[3] = {0};
    size_t at = strlen(slurm->prefix);

    if (bytes <= at || memcmp(text, slurm->prefix, at) != 0)
        return 0;
    for (size_t i = 0; i < DR_COUNT_OF(numbers); i += 1) {
        size_t digits = 0;

        while (at < bytes && text[at] >= '0' && text[at] <= '9' && digits < 19) {
            numbers[i] = numbers[i] * 10 + (uint64_t)(text[at] - '0');
            at += 1;
            digits += 1;
        }
        if (digits == 0 || (i < 2 && (at == bytes || text[at] != ':')))
            return 0;
        at += i < 2;
    }
    if (at != bytes || numbers[0] == 0 || numbers[1] == 0 || numbers[1] > UINT32_MAX)
        return 0;
    job->v = numbers[0];
    *attempt = (uint32_t)numbers[1];
    return 1;
}

/* ---- the script ---- */

/* 'text', for a shell. */
static void put_quoted(struct dr_buffer *script, const char *text)
{
    dr_buffer_append_text(script, "'");
    for (const char *at = text; *at != 0; at += 1)
        if (*at == '\'')
            dr_buffer_append_text(script, "'\\''");
        else
            dr_buffer_append(script, at, 1);
    dr_buffer_append_text(script, "'");
}

static void put_arguments(struct dr_buffer *script, const struct dr_launch *launch)
{
    for (uint32_t i = 0; i < launch->argv_count; i += 1) {
        dr_buffer_append_text(script, " ");
        put_quoted(script, launch->argv[i]);
    }
}

/* One line, before everything of the user's. A copy that Slurm runs again by itself ends: whether
 * an attempt is followed by another is Daero's to say. */
static void put_first_line(struct dr_buffer *script, const struct dr_launch *launch)
{
    if (launch->directory[0] != 0) {
        /* Slurm would run it in /tmp where its directory is not there. */
        dr_buffer_append_text(script, "cd ");
        put_quoted(script, launch->directory);
        dr_buffer_append_text(script, " || exit 126; ");
    }
    dr_buffer_append_text(script, "[ \"${SLURM_RESTART_COUNT:-0}\" = 0 ] || exit 75; "
                                  "export DAERO_NODELIST=\"$SLURM_JOB_NODELIST\" "
                                  "DAERO_NNODES=\"$SLURM_JOB_NUM_NODES\" "
                                  "DAERO_VISIBLE_DEVICES=\"${CUDA_VISIBLE_DEVICES-}\" "
                                  "DAERO_TASK_ID=\"${SLURM_PROCID:-0}\" SLURM_JOB_NAME=");
    put_quoted(script, launch->name);
    if (launch->attempt > 1)
        dr_buffer_printf(script, " SLURM_RESTART_COUNT=%" PRIu32, launch->attempt - 1);
}

/* What a task of its own says of itself; srun has set the rest. */
static void put_task_line(struct dr_buffer *script)
{
    dr_buffer_append_text(
        script, "export DAERO_TASK_ID=\"$SLURM_PROCID\" RANK=\"$SLURM_PROCID\" "
                "WORLD_SIZE=\"${SLURM_STEP_NUM_TASKS:-$SLURM_NTASKS}\" "
                "LOCAL_RANK=\"$SLURM_LOCALID\" NODE_RANK=\"$SLURM_NODEID\" "
                "DAERO_VISIBLE_DEVICES=\"${CUDA_VISIBLE_DEVICES-}\" "
                "LOCAL_WORLD_SIZE=\"$(echo \"$SLURM_STEP_TASKS_PER_NODE\" | awk -F, -v n="
                "\"$SLURM_NODEID\" '{i=0; for (f=1; f<=NF; f+=1) {split($f, p, \"[(]x\"); "
                "c=p[2]+0; if (c==0) c=1; i+=c; if (n<i) {print p[1]; exit}}}')\"; ");
}

/* The interpreter line of a script: its length without the newline. */
static size_t first_line_bytes(const struct dr_launch *launch)
{
    const char *end = memchr(launch->script, '\n', launch->script_bytes);

    return end == NULL ? launch->script_bytes : (size_t)(end - launch->script);
}

/* Is its interpreter a shell that understands put_first_line()? */
static int is_shell(const struct dr_launch *launch)
{
    static const char *const shells[] = {"sh", "bash", "dash", "ksh", "zsh"};
    char line[256];
    size_t bytes = first_line_bytes(launch);
    char *word, *rest, *slash;

    if (bytes < 3 || bytes >= sizeof line)
        return 0;
    memcpy(line, launch->script + 2, bytes - 2);
    line[bytes - 2] = 0;
    word = strtok_r(line, " \t\r", &rest);
    if (word != NULL && strcmp(word, "/usr/bin/env") == 0)
        word = strtok_r(NULL, " \t\r", &rest);
    if (word == NULL)
        return 0;
    slash = strrchr(word, '/');
    word = slash == NULL ? word : slash + 1;
    for (size_t i = 0; i < DR_COUNT_OF(shells); i += 1)
        if (strcmp(word, shells[i]) == 0)
            return 1;
    return 0;
}

/* The user's script as text of a shell command that writes it to a file of its own and runs that;
 * the file is gone once it is open. */
static void put_script_file(struct dr_buffer *script, const struct dr_launch *launch)
{
    char *text = strndup(launch->script, launch->script_bytes);
    size_t bytes = first_line_bytes(launch);

    if (text == NULL)
        abort();
    dr_buffer_append_text(script, "f=$(mktemp) || exit 126; printf '%s' ");
    put_quoted(script, text);
    dr_buffer_append_text(script, " >\"$f\" || exit 126; exec 9<\"$f\"; rm -f \"$f\"; exec ");
    dr_buffer_append(script, launch->script + 2, bytes - 2);
    dr_buffer_append_text(script, " /dev/fd/9");
    put_arguments(script, launch);
    free(text);
}

/* Slurm's tasks in each of ours. */
static uint32_t ranks_of(const struct dr_launch *launch)
{
    return launch->ranks == 0 ? 1 : launch->ranks;
}

/* Is put_first_line() in what is submitted? */
static int has_first_line(const struct dr_launch *launch)
{
    return launch->script == NULL || launch->run_every_task || is_shell(launch) ||
           launch->argv_count > 0;
}

static int is_even(const struct dr_launch *launch)
{
    for (uint32_t i = 1; i < launch->nodes_count; i += 1)
        if (launch->nodes[i].tasks != launch->nodes[0].tasks)
            return 0;
    return 1;
}

/* The names of the nodes with commas; `times`: each as often as it has tasks. */
static void put_nodes(struct dr_buffer *text, const struct dr_launch *launch, int times)
{
    for (uint32_t i = 0; i < launch->nodes_count; i += 1)
        for (uint32_t task = 0; task < (times ? launch->nodes[i].tasks * ranks_of(launch) : 1);
             task += 1)
            dr_buffer_printf(text, "%s%s", text->length == 0 ? "" : ",", launch->nodes[i].name);
}

/* What the user's environment has of a number under this name, with its "="; 0: nothing. */
static int64_t number_said(const struct dr_launch *launch, const char *name)
{
    int64_t number;

    for (uint32_t i = 0; i < launch->environment_count; i += 1)
        if (strncmp(launch->environment[i], name, strlen(name)) == 0 &&
            dr_parse_i64(launch->environment[i] + strlen(name), 1, INT32_MAX, &number))
            return number;
    return 0;
}

/* Of a whole node a task has as many as were said, or one; the rest is the node's. */
static uint32_t cpus_of(const struct dr_launch *launch)
{
    if (launch->exclusive)
        return (uint32_t)dr_max_i64(1, number_said(launch, "SLURM_CPUS_PER_TASK="));
    return (uint32_t)dr_max_i64(1, (launch->cpus_per_task_milli + INT64_C(999)) / 1000 /
                                       ranks_of(launch));
}

/* "h200:2" of "gpu:h200", "2" of "gpu": what gpus_per_task wants. NULL: another kind of gres. */
static const char *gpus_of(const struct dr_launch *launch, uint32_t count, char *text, size_t bytes)
{
    if (strcmp(launch->gres, "gpu") == 0)
        snprintf(text, bytes, "%" PRIu32, count);
    else if (strncmp(launch->gres, "gpu:", 4) == 0)
        snprintf(text, bytes, "%s:%" PRIu32, launch->gres + 4, count);
    else
        return NULL;
    return text;
}

static void put_srun(struct dr_buffer *script, const struct slurm *slurm,
                     const struct dr_launch *launch, const char *output, const char *error)
{
    char gpus[DR_NAME_BYTES + 16];

    dr_buffer_printf(script,
                     "srun --kill-on-bad-exit=1 --quit-on-interrupt --ntasks=%" PRIu32
                     " --cpus-per-task=%" PRIu32,
                     launch->tasks, cpus_of(launch));
    if (launch->accelerators_per_task > 0 &&
        gpus_of(launch, launch->accelerators_per_task, gpus, sizeof gpus) != NULL)
        dr_buffer_printf(script, " --gpus-per-task=%s", gpus);
    if (!slurm->options.count_placement && !is_even(launch)) {
        DR_CLEANUP(dr_buffer_deinit) struct dr_buffer nodes = {0};

        dr_buffer_init(&nodes, SCRIPT_BYTES_MAX);
        put_nodes(&nodes, launch, 1);
        dr_buffer_printf(script, " --distribution=arbitrary --nodelist=%s", dr_buffer_text(&nodes));
    }
    if (output != NULL) {
        dr_buffer_append_text(script, " --open-mode=");
        dr_buffer_append_text(script, launch->open_mode_append || launch->attempt > 1 ? "append"
                                                                                      : "truncate");
        dr_buffer_append_text(script, " --output=");
        put_quoted(script, output);
        if (error != NULL) {
            dr_buffer_append_text(script, " --error=");
            put_quoted(script, error);
        }
    }
    dr_buffer_append_text(script, " /bin/sh -c ");
}

/* What every task runs: a shell command. */
static void put_command(struct dr_buffer *command, const struct dr_launch *launch)
{
    if (launch->script != NULL) {
        put_script_file(command, launch);
        return;
    }
    dr_buffer_append_text(command, "exec");
    put_arguments(command, launch);
}

static void put_script(struct dr_buffer *script, const struct slurm *slurm,
                       const struct dr_launch *launch, const char *output, const char *error)
{
    size_t first = launch->script == NULL ? 0 : first_line_bytes(launch);

    if (launch->script != NULL && !launch->run_every_task &&
        (is_shell(launch) || launch->argv_count == 0)) {
        dr_buffer_append(script, launch->script, first);
        if (is_shell(launch)) {
            dr_buffer_append_text(script, "\n");
            put_first_line(script, launch);
            if (launch->argv_count > 0) {
                dr_buffer_append_text(script, "; set --");
                put_arguments(script, launch);
            }
        }
        dr_buffer_append(script, launch->script + first, launch->script_bytes - first);
        if (first == launch->script_bytes)
            dr_buffer_append_text(script, "\n");
        return;
    }
    dr_buffer_append_text(script, "#!/bin/sh\n");
    put_first_line(script, launch);
    dr_buffer_append_text(script, "\n");
    if (!launch->run_every_task || launch->tasks == 1) {
        if (launch->run_every_task)
            dr_buffer_append_text(script, "export RANK=0 WORLD_SIZE=1 LOCAL_RANK=0 "
                                          "LOCAL_WORLD_SIZE=1 NODE_RANK=0\n");
        put_command(script, launch);
    } else {
        DR_CLEANUP(dr_buffer_deinit) struct dr_buffer command = {0};

        dr_buffer_init(&command, SCRIPT_BYTES_MAX);
        put_task_line(&command);
        put_command(&command, launch);
        dr_buffer_append_text(
            script, "export MASTER_ADDR=\"$(scontrol show hostnames \"$SLURM_JOB_NODELIST\" | "
                    "head -n 1)\" MASTER_PORT=$((20000 + SLURM_JOB_ID % 10000))\n");
        /* srun hands signals on and tells one that ended a task as 128 and its number; the shell
         * stays to end by it itself. */
        dr_buffer_append_text(script, "trap : HUP INT QUIT USR1 USR2 ALRM TERM\n");
        put_srun(script, slurm, launch, output, error);
        put_quoted(script, dr_buffer_text(&command));
        dr_buffer_append_text(script, "\nr=$?\n[ $r -gt 128 ] && [ $r -lt 193 ] && "
                                      "{ trap - HUP INT QUIT USR1 USR2 ALRM TERM; "
                                      "kill -$((r - 128)) $$; }\nexit $r");
        script->full |= command.full;
    }
    dr_buffer_append_text(script, "\n");
}

/* ---- output files ---- */

/* A pattern with all but %t filled in, as Slurm wants it: a percent sign doubled. */
static enum dr_status fill_pattern(const struct dr_launch *launch, const char *pattern,
                                   int per_task, char path[PATH_BYTES], struct dr_error *error)
{
    char kept[PATH_BYTES], filled[PATH_BYTES];
    size_t used = 0, wrong = 0;
    enum dr_status status;

    /* %t is put in by srun, per task: hidden from dr_pattern_fill() behind a byte that no name has
     */
    for (size_t i = 0; pattern[i] != 0; i += 1) {
        if (used + 2 >= sizeof kept)
            return DR_E_INPUT;
        if (per_task && pattern[i] == '%' && pattern[i + 1] == 't') {
            kept[used++] = 1;
            i += 1;
        } else {
            kept[used++] = pattern[i];
            if (pattern[i] == '%' && pattern[i + 1] == '%')
                kept[used++] = pattern[++i];
        }
    }
    kept[used] = 0;
    status = dr_pattern_fill(kept, launch, 0, filled, sizeof filled, &wrong);
    if (status != DR_OK) {
        dr_error_set(error, NULL, 0, "output", pattern,
                     "a file name with %%j %%a %%A %%t %%x %%u or %%%% in it");
        return DR_E_INPUT;
    }
    used = 0;
    for (size_t i = 0; filled[i] != 0; i += 1) {
        if (used + 3 >= PATH_BYTES)
            return DR_E_INPUT;
        if (filled[i] == 1) {
            path[used++] = '%';
            path[used++] = 't';
            continue;
        }
        path[used++] = filled[i];
        if (filled[i] == '%')
            path[used++] = '%';
    }
    path[used] = 0;
    return DR_OK;
}

/* ---- the environment ---- */

/* Where memory was asked for by CPU, and comes to what the job has: its steps then share it by CPUs
 * too. 0: it is said by node. */
static int64_t memory_per_cpu(const struct dr_launch *launch)
{
    int64_t memory_mb = launch->run_every_task ? 0 : number_said(launch, "SLURM_MEM_PER_CPU=");

    return memory_mb * cpus_of(launch) * ranks_of(launch) == launch->memory_mb_per_task ? memory_mb
                                                                                        : 0;
}

/* What sbatch itself puts into a job's environment, from where and with which words it was called:
 * of these `daero submit` says what was said to it. All else under SLURM_ is Slurm's to say. */
static const char *const sbatch_says[] = {
    "SLURM_SUBMIT_DIR", "SLURM_SUBMIT_HOST",   "SLURM_NTASKS_PER_NODE", "SLURM_GPUS_PER_NODE",
    "SLURM_GPUS",       "SLURM_GPUS_PER_TASK", "SLURM_CPUS_PER_TASK",   "SLURM_MEM_PER_CPU",
};
#define OF_EVERY_TASK 2 /* so many of them where the one srun is ours, which says all itself */

static int is_ours(const struct dr_launch *launch, const char *entry)
{
    size_t bytes = strcspn(entry, "=");
    size_t count = launch->run_every_task ? OF_EVERY_TASK : DR_COUNT_OF(sbatch_says);

    if (strncmp(entry, "DAERO_", 6) == 0)
        return 1;
    if (strncmp(entry, "SLURM_MEM_PER_CPU=", 18) == 0 && memory_per_cpu(launch) == 0)
        return 1; /* it can't stand beside what is said by node */
    for (size_t i = 0; i < count; i += 1)
        if (strlen(sbatch_says[i]) == bytes && memcmp(entry, sbatch_says[i], bytes) == 0)
            return 0;
    return strncmp(entry, "SLURM_", 6) == 0;
}

static void put_value(json_t *environment, const char *name, json_t *value)
{
    json_object_set_new(environment, name, value);
}

static void put_default(json_t *environment, const char *name, const char *value)
{
    if (value[0] != 0 && json_object_get(environment, name) == NULL)
        put_value(environment, name, json_string(value));
}

/* "2,1": tasks of each node, as Slurm leaves it unsaid where its nodes are named as often as they
 * have tasks. */
static void put_uneven(json_t *environment, const struct dr_launch *launch)
{
    DR_CLEANUP(dr_buffer_deinit) struct dr_buffer text = {0};

    dr_buffer_init(&text, SCRIPT_BYTES_MAX);
    for (uint32_t i = 0; i < launch->nodes_count; i += 1)
        dr_buffer_printf(&text, "%s%" PRIu32, i == 0 ? "" : ",",
                         launch->nodes[i].tasks * ranks_of(launch));
    put_value(environment, "SLURM_TASKS_PER_NODE", json_string(dr_buffer_text(&text)));
}

static void put_number(json_t *environment, const char *name, uint64_t value)
{
    put_value(environment, name, json_sprintf("%" PRIu64, value));
}

static int put_users(json_t *environment, const struct dr_launch *launch)
{
    for (uint32_t i = 0; i < launch->environment_count; i += 1) {
        const char *entry = launch->environment[i];
        const char *equals = strchr(entry, '=');
        char *name;
        json_t *value;

        if (is_ours(launch, entry) || equals == NULL || equals == entry)
            continue;
        name = strndup(entry, (size_t)(equals - entry));
        value = json_string(equals + 1);
        if (name == NULL)
            abort();
        if (value == NULL || json_object_set_new(environment, name, value) != 0) {
            free(name);
            return 0;
        }
        free(name);
    }
    return 1;
}

static json_t *environment_of(const struct slurm *slurm, const struct dr_launch *launch,
                              const char *home)
{
    json_t *environment = json_object();

    if (!put_users(environment, launch)) {
        json_decref(environment);
        return NULL;
    }
    put_default(environment, "HOME", home);
    put_default(environment, "USER", launch->user);
    put_default(environment, "LOGNAME", launch->user);
    put_default(environment, "PATH", "/usr/local/bin:/usr/bin:/bin");
    put_default(environment, "TMPDIR", "/tmp");
    put_number(environment, "DAERO_JOB_ID", launch->job.v);
    put_number(environment, "DAERO_ATTEMPT", launch->attempt);
    put_value(environment, "DAERO_JOB_NAME", json_string(launch->name));
    put_value(environment, "DAERO_SITE", json_string(launch->site));
    put_value(environment, "DAERO_CHIP", json_string(launch->chip));
    if (launch->chip[0] != 0)
        put_number(environment, "DAERO_CHIP_VIRTUAL", launch->chip_virtual != 0);
    put_number(environment, "DAERO_NTASKS", launch->tasks);
    put_default(environment, "SLURM_SUBMIT_DIR",
                launch->directory[0] == 0 ? home : launch->directory);
    put_default(environment, "SLURM_JOB_NAME", launch->name);
    if (!launch->exclusive)
        put_number(environment, "SLURM_CPUS_PER_TASK", cpus_of(launch));
    if (!slurm->options.count_placement && !is_even(launch))
        put_uneven(environment, launch);
    if (launch->array_job.v != 0) {
        put_number(environment, "DAERO_ARRAY_JOB_ID", launch->array_job.v);
        put_number(environment, "DAERO_ARRAY_TASK_ID", launch->array_index);
        put_number(environment, "DAERO_ARRAY_TASK_MIN", launch->array_min);
        put_number(environment, "DAERO_ARRAY_TASK_MAX", launch->array_max);
        put_number(environment, "DAERO_ARRAY_TASK_COUNT", launch->array_count);
        put_number(environment, "SLURM_ARRAY_JOB_ID", launch->array_job.v);
        put_number(environment, "SLURM_ARRAY_TASK_ID", launch->array_index);
        put_number(environment, "SLURM_ARRAY_TASK_MIN", launch->array_min);
        put_number(environment, "SLURM_ARRAY_TASK_MAX", launch->array_max);
        put_number(environment, "SLURM_ARRAY_TASK_COUNT", launch->array_count);
        if (launch->array_step != 0)
            put_number(environment, "SLURM_ARRAY_TASK_STEP", launch->array_step);
    }
    return environment;
}

/* ---- the whole ---- */

static void put_places(json_t *job, const struct slurm *slurm, const struct dr_launch *launch)
{
    DR_CLEANUP(dr_buffer_deinit) struct dr_buffer nodes = {0};
    int even = is_even(launch);
    uint32_t tasks_max = 0;
    int64_t per_cpu = memory_per_cpu(launch);

    for (uint32_t i = 0; i < launch->nodes_count; i += 1)
        if (launch->nodes[i].tasks > tasks_max)
            tasks_max = launch->nodes[i].tasks;
    json_object_set_new(
        job, "nodes",
        json_sprintf("%" PRIu32 "-%" PRIu32, launch->nodes_count, launch->nodes_count));
    json_object_set_new(job, "tasks", json_integer(launch->tasks * ranks_of(launch)));
    json_object_set_new(job, "cpus_per_task", json_integer(cpus_of(launch)));
    if (per_cpu > 0)
        json_object_set_new(job, "memory_per_cpu", json_integer(per_cpu));
    else if (launch->memory_mb_per_task > 0)
        json_object_set_new(job, "memory_per_node",
                            json_integer((json_int_t)launch->memory_mb_per_task *
                                         (tasks_max == 0 ? 1 : tasks_max)));
    if (even)
        json_object_set_new(job, "tasks_per_node",
                            json_integer((launch->nodes_count == 0 ? 1 : launch->nodes[0].tasks) *
                                         ranks_of(launch)));
    if (slurm->options.count_placement)
        return;
    /* Slurm gives each node as many tasks as its name stands in the list. */
    if (!even)
        json_object_set_new(job, "distribution", json_string("arbitrary"));
    dr_buffer_init(&nodes, SCRIPT_BYTES_MAX);
    put_nodes(&nodes, launch, !even);
    json_object_set_new(job, "nodelist", json_string(dr_buffer_text(&nodes)));
}

static enum dr_status put_accelerators(json_t *job, const struct dr_launch *launch,
                                       struct dr_error *error)
{
    char gpus[DR_NAME_BYTES + 16];
    uint64_t bits = 0;

    for (uint32_t i = 0; i < launch->nodes_count; i += 1)
        bits |= launch->nodes[i].accelerators;
    if (bits == 0)
        return DR_OK;
    if (launch->gres[0] == 0) {
        dr_error_set(error, NULL, 0, "gres", "",
                     "what the site calls the accelerators of this pool");
        return DR_E_INPUT;
    }
    if (launch->accelerators_per_task == 0) {
        dr_error_set(error, NULL, 0, "accelerators", NULL,
                     "whole ones: a site with Slurm is not asked for a part of one");
        return DR_E_INPUT;
    }
    if (ranks_of(launch) == 1 &&
        gpus_of(launch, launch->accelerators_per_task, gpus, sizeof gpus) != NULL) {
        json_object_set_new(job, "gpus_per_task", json_string(gpus));
        return DR_OK;
    }
    if (!is_even(launch)) {
        dr_error_set(
            error, NULL, 0, "gres", launch->gres,
            "as many tasks on each node: only gres of the kind gpu are counted per task, and "
            "those alone that no ranks share");
        return DR_E_INPUT;
    }
    json_object_set_new(job, "gres",
                        json_sprintf("%s:%" PRIu32, launch->gres,
                                     launch->accelerators_per_task * launch->nodes[0].tasks));
    return DR_OK;
}

static enum dr_status put_files(json_t *job, const struct dr_launch *launch,
                                char output[PATH_BYTES], char error_path[PATH_BYTES], int *per_task,
                                struct dr_error *error)
{
    const char *pattern = launch->output[0] == 0 ? "daero-%j.out" : launch->output;
    enum dr_status status;

    *per_task = launch->run_every_task && launch->tasks > 1 &&
                (dr_pattern_has_task(pattern) || dr_pattern_has_task(launch->error));
    status = fill_pattern(launch, pattern, *per_task, output, error);
    if (status == DR_OK && launch->error[0] != 0)
        status = fill_pattern(launch, launch->error, *per_task, error_path, error);
    if (status != DR_OK)
        return status;
    if (!*per_task) {
        json_object_set_new(job, "standard_output", json_string(output));
        if (launch->error[0] != 0)
            json_object_set_new(job, "standard_error", json_string(error_path));
    } else {
        json_object_set_new(job, "standard_output", json_string("/dev/null"));
    }
    if (launch->input[0] != 0)
        json_object_set_new(job, "standard_input", json_string(launch->input));
    json_object_set_new(
        job, "open_mode",
        json_string(launch->open_mode_append || launch->attempt > 1 ? "append" : "truncate"));
    return DR_OK;
}

static void put_limit(json_t *job, const struct dr_launch *launch)
{
    int64_t minutes;

    if (launch->limit_us <= 0)
        return;
    minutes = launch->limit_us / DR_MINUTE_US + (launch->limit_us % DR_MINUTE_US != 0);
    if (minutes <= LIMIT_MINUTES_MAX)
        json_object_set_new(job, "time_limit", json_integer(minutes));
}

enum dr_status slurm_document(const struct slurm *slurm, const struct dr_launch *launch,
                              char **body, size_t *body_bytes, struct dr_error *error)
{
    DR_CLEANUP(dr_buffer_deinit) struct dr_buffer script = {0};
    char output[PATH_BYTES] = "", error_path[PATH_BYTES] = "";
    char mark[MARK_BYTES];
    struct passwd entry, *found = NULL;
    char names[4096];
    const char *home = "/";
    json_t *job = json_object();
    json_t *environment;
    json_t *whole = json_object();
    json_t *text = NULL;
    enum dr_status status;
    int per_task = 0;

    json_object_set_new(whole, "job", job);
    if (getpwuid_r(launch->uid, &entry, names, sizeof names, &found) == 0 && found != NULL &&
        found->pw_dir[0] == '/' && access(found->pw_dir, F_OK) == 0)
        home = found->pw_dir;
    slurm_mark(slurm, launch->job, launch->attempt, launch->epoch, mark);
    json_object_set_new(job, "name", json_string(mark));
    json_object_set_new(job, "comment", json_string(mark));
    if (launch->partition[0] != 0)
        json_object_set_new(job, "partition", json_string(launch->partition));
    if (launch->account != NULL && launch->account[0] != 0)
        json_object_set_new(job, "account", json_string(launch->account));
    json_object_set_new(job, "current_working_directory",
                        json_string(launch->directory[0] == 0 ? home : launch->directory));
    if (launch->exclusive)
        json_object_set_new(job, "exclusive", json_string("exclusive"));
    /* A copy that slips through ends in the first line: only where there is one. */
    if (launch->requeue && has_first_line(launch)) /* false would turn it on too */
        json_object_set_new(job, "requeue", json_true());
    put_places(job, slurm, launch);
    put_limit(job, launch);
    status = put_accelerators(job, launch, error);
    if (status == DR_OK)
        status = put_files(job, launch, output, error_path, &per_task, error);
    environment = environment_of(slurm, launch, home);
    if (environment != NULL)
        json_object_set_new(job, "environment", environment);
    if (status == DR_OK) {
        dr_buffer_init(&script, SCRIPT_BYTES_MAX);
        put_script(&script, slurm, launch, per_task ? output : NULL,
                   per_task && error_path[0] != 0 ? error_path : NULL);
        text = json_stringn((const char *)script.data, script.length);
        if (script.full || text == NULL || environment == NULL) {
            dr_error_set(error, NULL, 0, "script", NULL,
                         "script, arguments and environment in UTF-8, at most %u bytes",
                         SCRIPT_BYTES_MAX);
            status = DR_E_INPUT;
        }
        json_object_set_new(whole, "script", text);
    }
    if (status == DR_OK) {
        *body = json_dumps(whole, JSON_COMPACT);
        if (*body == NULL)
            abort();
        *body_bytes = strlen(*body);
    }
    json_decref(whole);
    return status;
}
