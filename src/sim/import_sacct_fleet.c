/* SPDX-License-Identifier: Apache-2.0 */
/* What jobs held, and when, suggests what there was. A partition becomes a site, so that its jobs
 * stay there; its pools are by model of GPU, and one without where no job of it had any. Nodes are
 * as large as the largest task, and as many as were needed at once. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/math.h"
#include "base/sort.h"
#include "base/text.h"
#include "sim/import_sacct.h"

#define POOLS_MAX 1024

struct pool {
    uint32_t partition;
    uint32_t gpu; /* model; 0: some GPU, or none */
    int64_t gpus; /* of a node */
    int64_t cpus_milli;
    int64_t memory_mb;
    int64_t widest;  /* nodes of a gang */
    int64_t most[3]; /* GPUs, CPUs in thousandths and memory that were held at once */
    int64_t now[3];
};

/* A job takes or gives back what it holds. */
struct change {
    int64_t when_us;
    uint32_t job;
    int32_t sign;
};

struct fleet {
    struct pool pools[POOLS_MAX];
    uint32_t count;
};

static int by_time(const void *a, const void *b, const void *context)
{
    const struct change *left = a;
    const struct change *right = b;

    (void)context;
    if (left->when_us != right->when_us)
        return left->when_us < right->when_us ? -1 : 1;
    if (left->sign != right->sign)
        return left->sign < right->sign ? -1 : 1; /* who leaves, first */
    return left->job < right->job ? -1 : left->job > right->job;
}

/* The job's pool: of its model; of those without one, the partition's first pool. */
static struct pool *pool_of(struct fleet *fleet, const struct dr_sacct_job *job, int make)
{
    for (uint32_t i = 0; i < fleet->count; i += 1) {
        struct pool *pool = &fleet->pools[i];

        if (pool->partition == job->partition && (job->gpu == 0 || pool->gpu == job->gpu))
            return pool;
    }
    if (!make || fleet->count == POOLS_MAX)
        return NULL;
    fleet->pools[fleet->count] = (struct pool){.partition = job->partition, .gpu = job->gpu};
    fleet->count += 1;
    return &fleet->pools[fleet->count - 1];
}

/* Models first, so that who names none joins one. */
static void make_pools(struct fleet *fleet, const struct dr_sacct *sacct)
{
    for (uint32_t pass = 0; pass < 2; pass += 1)
        for (uint32_t i = 0; i < sacct->count; i += 1) {
            const struct dr_sacct_job *job = &sacct->jobs[i];
            struct pool *pool;

            if ((pass == 0) != (job->gpu != 0))
                continue;
            pool = pool_of(fleet, job, 1);
            if (pool == NULL)
                continue;
            pool->gpus = dr_max_i64(pool->gpus, job->gpus_per_task);
            pool->cpus_milli = dr_max_i64(pool->cpus_milli, job->cpus_milli);
            pool->memory_mb = dr_max_i64(pool->memory_mb, job->memory_mb);
            pool->widest = dr_max_i64(pool->widest, job->nodes);
        }
}

static void add_up(struct fleet *fleet, const struct dr_sacct *sacct)
{
    struct change *changes = malloc((2 * (size_t)sacct->count + 1) * sizeof *changes);

    DR_ASSERT(changes != NULL);
    for (uint32_t i = 0; i < sacct->count; i += 1) {
        const struct dr_sacct_job *job = &sacct->jobs[i];

        changes[2 * i] = (struct change){job->start_us, i, 1};
        changes[2 * i + 1] = (struct change){job->start_us + job->runtime_us, i, -1};
    }
    dr_sort(changes, 2 * (size_t)sacct->count, sizeof *changes, by_time, NULL);
    for (uint32_t i = 0; i < 2 * sacct->count; i += 1) {
        const struct dr_sacct_job *job = &sacct->jobs[changes[i].job];
        struct pool *pool = pool_of(fleet, job, 0);
        int64_t tasks = changes[i].sign * (int64_t)job->tasks;
        int64_t held[3] = {tasks * job->gpus_per_task, tasks * job->cpus_milli,
                           tasks * job->memory_mb};

        for (uint32_t k = 0; pool != NULL && k < 3; k += 1) {
            pool->now[k] += held[k];
            pool->most[k] = dr_max_i64(pool->most[k], pool->now[k]);
        }
    }
    free(changes);
}

static int64_t nodes_for(int64_t most, int64_t of_a_node)
{
    return of_a_node == 0 ? 0 : (most + of_a_node - 1) / of_a_node;
}

static void write_pool(const struct dr_sacct *sacct, const struct pool *pool)
{
    struct dr_buffer *yaml = sacct->import->federation;
    int64_t cpus = (pool->cpus_milli + 999) / 1000;
    int64_t gpus = pool->gpus;
    int64_t nodes = pool->widest;
    const char *chip = pool->gpu == 0 ? "gpu" : sacct->gpus.items[pool->gpu - 1];

    if (gpus > 0 && sacct->import->node_size > 0)
        gpus = sacct->import->node_size;
    nodes = dr_max_i64(nodes, nodes_for(pool->most[0], gpus));
    nodes = dr_max_i64(nodes, nodes_for(pool->most[1], 1000 * cpus));
    nodes = dr_max_i64(nodes, nodes_for(pool->most[2], pool->memory_mb));
    if (sacct->import->nodes > 0)
        nodes = sacct->import->nodes;
    dr_buffer_printf(yaml,
                     "      %s:\n        nodes: %" PRId64 "\n        cpus: %" PRId64
                     "\n        memory: %" PRId64 "MB\n",
                     gpus == 0 ? "cpus" : chip, nodes, dr_max_i64(cpus, 1),
                     dr_max_i64(pool->memory_mb, 1024));
    if (gpus > 0)
        dr_buffer_printf(yaml, "        chip: %s\n        accelerators: %" PRId64 "\n", chip, gpus);
}

/* Chips that some pool has; `gpu` where a job named no model and none was known in its partition.
 */
static void write_chips(const struct dr_sacct *sacct, const struct fleet *fleet)
{
    struct dr_buffer *yaml = sacct->import->federation;
    int needs_any = 0;

    for (uint32_t i = 0; i < fleet->count; i += 1)
        needs_any |= fleet->pools[i].gpus > 0 && fleet->pools[i].gpu == 0;
    if (!needs_any && sacct->gpus.count == 0)
        return;
    dr_buffer_append_text(yaml, "chips:\n");
    for (uint32_t i = 0; i < sacct->gpus.count; i += 1) {
        needs_any &= strcmp(sacct->gpus.items[i], "gpu") != 0;
        dr_buffer_printf(yaml, "  %s:\n    memory: 1GB\n", sacct->gpus.items[i]);
    }
    if (needs_any)
        dr_buffer_append_text(yaml, "  gpu:\n    memory: 1GB\n");
}

static void write_site(const struct dr_sacct *sacct, const struct fleet *fleet, uint32_t partition)
{
    struct dr_buffer *yaml = sacct->import->federation;
    int is_there = 0;

    for (uint32_t i = 0; i < fleet->count; i += 1) {
        if (fleet->pools[i].partition != partition)
            continue;
        if (!is_there)
            dr_buffer_printf(
                yaml, "  %s:\n    jurisdiction: unknown\n    engine: simulated\n    pools:\n",
                partition == 0 ? "cluster" : sacct->partitions.items[partition - 1]);
        is_there = 1;
        write_pool(sacct, &fleet->pools[i]);
    }
}

void dr_sacct_federation(const struct dr_sacct *sacct)
{
    struct dr_buffer *yaml = sacct->import->federation;
    struct fleet *fleet = calloc(1, sizeof *fleet);

    DR_ASSERT(fleet != NULL);
    make_pools(fleet, sacct);
    add_up(fleet, sacct);
    dr_buffer_append_text(yaml,
                          "# Made by `daero sim import sacct`: nodes are as many as jobs held "
                          "at once, and as large as the largest task.\n"
                          "federation:\n  name: log\n  default_limit: 365d\n"
                          "  retain_ended: 0s\n");
    write_chips(sacct, fleet);
    dr_buffer_append_text(yaml, "sites:\n");
    for (uint32_t partition = 0; partition <= sacct->partitions.count; partition += 1)
        write_site(sacct, fleet, partition);
    dr_buffer_append_text(yaml, "accounts:\n");
    for (uint32_t i = 0; i < sacct->accounts.count; i += 1)
        dr_buffer_printf(yaml, "  %s:\n    weight: 1\n", sacct->accounts.items[i]);
    for (uint32_t i = 0; i < sacct->count; i += 1)
        if (sacct->jobs[i].account == 0) {
            dr_buffer_append_text(yaml, "  all:\n    weight: 1\n");
            break;
        }
    dr_buffer_append_text(yaml, "users:\n  operator:\n    roles: [admin]\n");
    free(fleet);
}
