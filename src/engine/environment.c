/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/environment.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/assert.h"
#include "base/math.h"
#include "engine/visible.h"

/* Ours besides DAERO_* and SLURM_*: what a user gives under these names does not count. */
static const char *const ours[] = {
    "MASTER_ADDR", "MASTER_PORT",      "RANK", "WORLD_SIZE", "LOCAL_RANK",
    "NODE_RANK",   "LOCAL_WORLD_SIZE",
};

struct variable {
    const char *vendor;
    const char *name;
};

static const struct variable visible[] = {
#define VISIBLE_ROW(vendor, name) {vendor, name},
    DR_VISIBLE_VARIABLES(VISIBLE_ROW)
#undef VISIBLE_ROW
};

#define OURS_MAX  96
#define NAME_MAX_ 64

/* Texts of our own variables. The block is sized before, from the longest parts. */
struct builder {
    char **entries;
    size_t count;
    char *text;
    size_t used;
    size_t bytes;
};

static void put(struct builder *builder, const char *format, ...) DR_PRINTF(2, 3);
static void put(struct builder *builder, const char *format, ...)
{
    size_t left = builder->bytes - builder->used;
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(builder->text + builder->used, left, format, arguments);
    va_end(arguments);
    DR_ASSERT(length >= 0 && (size_t)length < left);
    builder->entries[builder->count] = builder->text + builder->used;
    builder->count += 1;
    builder->used += (size_t)length + 1;
}

static int has_name(const char *entry, const char *name)
{
    size_t length = strlen(name);

    return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

static int is_ours(const struct dr_launch *launch, const char *entry)
{
    /* from where it was submitted, its submitter says */
    if (has_name(entry, "SLURM_SUBMIT_DIR") || has_name(entry, "SLURM_SUBMIT_HOST"))
        return 0;
    if (strncmp(entry, "DAERO_", 6) == 0 || strncmp(entry, "SLURM_", 6) == 0)
        return 1;
    for (size_t i = 0; i < DR_COUNT_OF(ours); i += 1)
        if (has_name(entry, ours[i]))
            return 1;
    if (launch->chip[0] == 0)
        return 0;
    for (size_t i = 0; i < DR_COUNT_OF(visible); i += 1)
        if (has_name(entry, visible[i].name))
            return 1;
    return 0;
}

static void put_default(struct builder *builder, size_t users, const char *name, const char *value)
{
    if (value[0] == 0)
        return;
    for (size_t i = 0; i < users; i += 1)
        if (has_name(builder->entries[i], name))
            return;
    put(builder, "%s=%s", name, value);
}

struct dr_task_place dr_task_place(const struct dr_launch *launch, uint32_t task)
{
    struct dr_task_place place = {.task = task, .task_local = task};

    while (place.node + 1 < launch->nodes_count &&
           place.task_local >= launch->nodes[place.node].tasks) {
        place.task_local -= launch->nodes[place.node].tasks;
        place.node += 1;
    }
    return place;
}

uint64_t dr_task_accelerators(const struct dr_launch *launch, const struct dr_task_place *place)
{
    uint64_t all = launch->nodes_count == 0 ? 0 : launch->nodes[place->node].accelerators;
    uint64_t mine = 0;
    uint64_t skip = (uint64_t)place->task_local * launch->accelerators_per_task;

    /* Shares of accelerators: every task sees what the node's tasks have together. */
    if (!launch->run_every_task || launch->accelerators_per_task == 0 ||
        (uint64_t)launch->nodes[place->node].tasks * launch->accelerators_per_task !=
            dr_bit_count(all))
        return all;
    for (uint32_t taken = 0; all != 0 && taken < launch->accelerators_per_task; all &= all - 1) {
        if (skip > 0) {
            skip -= 1;
            continue;
        }
        mine |= all & -all;
        taken += 1;
    }
    return mine;
}

/* "0,1,5", or the vendor's names for them. */
static void device_list(const struct dr_launch_node *node, uint64_t mine, char *text, size_t bytes)
{
    size_t used = 0;
    uint32_t position = 0;

    text[0] = 0;
    for (uint64_t left = node->accelerators; left != 0; left &= left - 1, position += 1) {
        uint32_t bit = dr_bit_lowest(left);
        int length;

        if ((mine >> bit & 1) == 0)
            continue;
        if (node->device_ids != NULL)
            length = snprintf(text + used, bytes - used, "%s%s", used == 0 ? "" : ",",
                              node->device_ids[position]);
        else
            length = snprintf(text + used, bytes - used, "%s%" PRIu32, used == 0 ? "" : ",", bit);
        DR_ASSERT(length >= 0 && (size_t)length < bytes - used);
        used += (size_t)length;
    }
}

static size_t nodes_text_bytes(const struct dr_launch *launch)
{
    size_t bytes = 1;

    for (uint32_t i = 0; i < launch->nodes_count; i += 1)
        bytes += strlen(launch->nodes[i].name) + 12;
    return bytes;
}

static size_t devices_text_bytes(const struct dr_launch_node *node)
{
    size_t bytes = 64 * 4;

    if (node->device_ids != NULL)
        for (uint32_t i = 0; i < dr_bit_count(node->accelerators); i += 1)
            bytes += strlen(node->device_ids[i]) + 1;
    return bytes;
}

static void put_accelerators(struct builder *builder, const struct dr_launch *launch,
                             const struct dr_task_place *place, char *scratch, size_t scratch_bytes)
{
    const struct dr_launch_node *node = &launch->nodes[place->node];
    uint64_t mine = dr_task_accelerators(launch, place);

    device_list(node, mine, scratch, scratch_bytes);
    put(builder, "DAERO_VISIBLE_DEVICES=%s", scratch);
    if (launch->chip[0] == 0)
        return;
    put(builder, "DAERO_CHIP_VIRTUAL=%d", launch->chip_virtual != 0);
    for (size_t i = 0; i < DR_COUNT_OF(visible); i += 1)
        if (strcmp(visible[i].vendor, launch->chip_vendor) == 0)
            put(builder, "%s=%s", visible[i].name, scratch);
    put(builder, "SLURM_JOB_GPUS=%s", scratch);
    put(builder, "SLURM_GPUS_ON_NODE=%" PRIu32, dr_bit_count(mine));
}

static uint32_t ranks_of(const struct dr_launch *launch)
{
    return launch->ranks == 0 ? 1 : launch->ranks;
}

static void put_nodes(struct builder *builder, const struct dr_launch *launch, char *scratch,
                      size_t scratch_bytes)
{
    size_t used = 0;

    scratch[0] = 0;
    for (uint32_t i = 0; i < launch->nodes_count; i += 1)
        used += (size_t)snprintf(scratch + used, scratch_bytes - used, "%s%s", i == 0 ? "" : ",",
                                 launch->nodes[i].name);
    put(builder, "DAERO_NODELIST=%s", scratch);
    put(builder, "SLURM_JOB_NODELIST=%s", scratch);
    put(builder, "SLURM_NODELIST=%s", scratch);
    used = 0;
    for (uint32_t i = 0; i < launch->nodes_count; i += 1)
        used += (size_t)snprintf(scratch + used, scratch_bytes - used, "%s%" PRIu32,
                                 i == 0 ? "" : ",", launch->nodes[i].tasks * ranks_of(launch));
    put(builder, "SLURM_TASKS_PER_NODE=%s", scratch);
    put(builder, "DAERO_NNODES=%" PRIu32, launch->nodes_count);
    put(builder, "SLURM_JOB_NUM_NODES=%" PRIu32, launch->nodes_count);
    put(builder, "SLURM_NNODES=%" PRIu32, launch->nodes_count);
}

static void put_task(struct builder *builder, const struct dr_launch *launch,
                     const struct dr_task_place *place)
{
    uint32_t local = launch->nodes_count == 0 ? 1 : launch->nodes[place->node].tasks;

    put(builder, "DAERO_TASK_ID=%" PRIu32, place->task);
    put(builder, "DAERO_NTASKS=%" PRIu32, launch->tasks);
    put(builder, "SLURM_PROCID=%" PRIu32, place->task);
    put(builder, "SLURM_LOCALID=%" PRIu32, place->task_local);
    put(builder, "SLURM_NODEID=%" PRIu32, place->node);
    put(builder, "SLURM_NTASKS=%" PRIu32, launch->tasks * ranks_of(launch));
    put(builder, "SLURM_NPROCS=%" PRIu32, launch->tasks * ranks_of(launch));
    /* A program that runs once for all tasks starts the others itself, and says their ranks itself:
     * WORLD_SIZE without peers would leave it waiting for them. */
    if (!launch->run_every_task)
        return;
    put(builder, "RANK=%" PRIu32, place->task);
    put(builder, "WORLD_SIZE=%" PRIu32, launch->tasks);
    put(builder, "LOCAL_RANK=%" PRIu32, place->task_local);
    put(builder, "LOCAL_WORLD_SIZE=%" PRIu32, local);
    put(builder, "NODE_RANK=%" PRIu32, place->node);
}

static void put_array(struct builder *builder, const struct dr_launch *launch)
{
    if (launch->array_job.v == 0)
        return;
    put(builder, "DAERO_ARRAY_JOB_ID=%" PRIu64, launch->array_job.v);
    put(builder, "DAERO_ARRAY_TASK_ID=%" PRIu32, launch->array_index);
    put(builder, "DAERO_ARRAY_TASK_MIN=%" PRIu32, launch->array_min);
    put(builder, "DAERO_ARRAY_TASK_MAX=%" PRIu32, launch->array_max);
    put(builder, "DAERO_ARRAY_TASK_COUNT=%" PRIu32, launch->array_count);
    put(builder, "SLURM_ARRAY_JOB_ID=%" PRIu64, launch->array_job.v);
    put(builder, "SLURM_ARRAY_TASK_ID=%" PRIu32, launch->array_index);
    put(builder, "SLURM_ARRAY_TASK_MIN=%" PRIu32, launch->array_min);
    put(builder, "SLURM_ARRAY_TASK_MAX=%" PRIu32, launch->array_max);
    put(builder, "SLURM_ARRAY_TASK_COUNT=%" PRIu32, launch->array_count);
    if (launch->array_step != 0)
        put(builder, "SLURM_ARRAY_TASK_STEP=%" PRIu32, launch->array_step);
}

char **dr_environment_build(const struct dr_launch *launch, const struct dr_task_place *place,
                            const struct dr_surroundings *surroundings)
{
    size_t entries_max = launch->environment_count + OURS_MAX + 1;
    size_t nodes_bytes = nodes_text_bytes(launch);
    size_t devices_bytes =
        launch->nodes_count == 0 ? 256 : devices_text_bytes(&launch->nodes[place->node]);
    size_t scratch_bytes = nodes_bytes > devices_bytes ? nodes_bytes : devices_bytes;
    /* every variable has a short name and at most one long part; the long parts are these */
    size_t text_bytes =
        OURS_MAX * (NAME_MAX_ + 24) + 3 * nodes_bytes + 6 * devices_bytes +
        2 * strlen(launch->name) + 3 * strlen(launch->user) + 2 * strlen(launch->site) +
        strlen(launch->chip) + strlen(surroundings->home) + strlen(surroundings->shell) +
        strlen(surroundings->checkpoint_directory) + 3 * strlen(surroundings->directory);
    struct builder builder = {.bytes = text_bytes};
    uint32_t cpus = launch->cpus_per_task_milli / 1000 / ranks_of(launch);
    size_t users;
    char *scratch;

    builder.entries = malloc(entries_max * sizeof(char *) + text_bytes + scratch_bytes);
    if (builder.entries == NULL)
        abort();
    builder.text = (char *)(builder.entries + entries_max);
    scratch = builder.text + text_bytes;
    for (uint32_t i = 0; i < launch->environment_count; i += 1)
        if (!is_ours(launch, launch->environment[i]))
            builder.entries[builder.count++] = (char *)(uintptr_t)launch->environment[i];
    users = builder.count;
    put_default(&builder, users, "HOME", surroundings->home);
    put_default(&builder, users, "USER", launch->user);
    put_default(&builder, users, "LOGNAME", launch->user);
    put_default(&builder, users, "SHELL", surroundings->shell);
    put_default(&builder, users, "PATH", "/usr/local/bin:/usr/bin:/bin");
    put_default(&builder, users, "TMPDIR", "/tmp");

    put(&builder, "DAERO_JOB_ID=%" PRIu64, launch->job.v);
    put(&builder, "DAERO_JOB_NAME=%s", launch->name);
    put(&builder, "DAERO_ATTEMPT=%" PRIu32, launch->attempt);
    put(&builder, "DAERO_SITE=%s", launch->site);
    put(&builder, "DAERO_CHIP=%s", launch->chip);
    put(&builder, "DAERO_CHECKPOINT_DIR=%s", surroundings->checkpoint_directory);
    put(&builder, "SLURM_JOB_ID=%" PRIu64, launch->job.v);
    put(&builder, "SLURM_JOBID=%" PRIu64, launch->job.v);
    put(&builder, "SLURM_JOB_NAME=%s", launch->name);
    put(&builder, "SLURM_JOB_USER=%s", launch->user);
    put(&builder, "SLURM_CLUSTER_NAME=%s", launch->site);
    put_default(&builder, users, "SLURM_SUBMIT_DIR", surroundings->directory);
    put(&builder, "SLURM_CPUS_PER_TASK=%" PRIu32, cpus == 0 ? 1 : cpus);
    if (launch->attempt > 1)
        put(&builder, "SLURM_RESTART_COUNT=%" PRIu32, launch->attempt - 1);
    put_nodes(&builder, launch, scratch, scratch_bytes);
    put_task(&builder, launch, place);
    put_array(&builder, launch);
    if (launch->nodes_count > 0)
        put_accelerators(&builder, launch, place, scratch, scratch_bytes);
    /* One machine holds the whole gang, so its first task is here. */
    put(&builder, "MASTER_ADDR=127.0.0.1");
    put(&builder, "MASTER_PORT=%" PRIu32, surroundings->master_port);
    DR_ASSERT(builder.count < entries_max);
    builder.entries[builder.count] = NULL;
    return builder.entries;
}
