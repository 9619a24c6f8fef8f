/* SPDX-License-Identifier: Apache-2.0 */
/* nation_world.h: a synthetic nation of N accelerators, to measure the core on.
 *
 * At N = 1,000,000: 125,000 nodes of 8 in blocks of 32 and racks of 8 blocks, 300 pools of
 * Zipf-like unequal size, 50 sites, 8 chips, 12 quota groups per resource (a chip and an owner
 * each), 5,000 leaf accounts in a tree of 10 x 20 x 25. Smaller nations have the same form: the
 * numbers of sites, pools and leaves fall with the root of N, and so does the size of a pool.
 *
 * The nation is declared through dr_admit() alone, jobs are submitted through it, and what the core
 * makes of them is read back from its facts into a ledger of the bench's own (nation_ledger.h).
 * nation_fill() brings a nation to a full and settled state without asking dr_decide(): its facts
 * are made here and go through dr_apply(), as after a restart. So a row of the table begins in the
 * same state whatever the core's policy costs.
 *
 * Everything follows from the seed: two runs give the same commands. */
#ifndef DR_BENCH_NATION_WORLD_H
#define DR_BENCH_NATION_WORLD_H

#include "core/core.h"

#define NATION_CHIPS       8
#define NATION_GROUPS      12 /* per resource; group k of resource r has the id 1 + 3k + r */
#define NATION_PER_NODE    8
#define NATION_BLOCK       32
#define NATION_RACK        256
#define NATION_CPUS        128     /* per node */
#define NATION_MEMORY_MB   2097152 /* per node */
#define NATION_CLASSES     4       /* public, internal, medical, defence */
#define NATION_DATASETS    40
#define NATION_POOLS_MAX   1024
#define NATION_POOL_WORDS  (NATION_POOLS_MAX / 64)
#define NATION_SIZES       7 /* classes of size: four of mix A, three of mix B */
#define NATION_SHAPES_EACH 512

enum nation_mix {
    NATION_MIX_A, /* 70 % 1 to 8 accelerators, 20 % 16 to 64, 9 % 128 to 512, 1 % 1,024 to 4,096 */
    NATION_MIX_B, /* 90 % 1 to 4, 8.5 % 8, the rest 16 to 512: a mean of 5 */
};

struct nation_site {
    uint32_t jurisdiction; /* 0 kr, 1 jp */
    uint32_t assurance;
    uint64_t classes;
    uint32_t pue_milli;
    int64_t power_cap_w;
    int64_t tariff_micro[DR_TARIFF_HOURS];
};

struct nation_pool {
    uint32_t site; /* from 0 */
    uint32_t chip;
    uint32_t group;
    uint32_t nodes;
    uint32_t node_first; /* row: id - 1 */
    uint32_t consent[2]; /* account ids; 0: everybody */
};

struct nation_account {
    uint32_t parent; /* row; the root: UINT32_MAX */
    uint32_t depth;
    uint32_t weight;
    uint32_t home;                    /* group in which a leaf's guarantee lies */
    int64_t guarantee[NATION_GROUPS]; /* accelerators */
    int64_t borrow[NATION_GROUPS];    /* accelerators; -1: no limit */
    int64_t keep[NATION_GROUPS];      /* accelerators: guarantee less lending limit */
};

struct nation_shape {
    struct dr_alternative alternatives[2];
    uint32_t alternatives_count;
    uint32_t level_kind; /* 0 none, 1 preferred, 2 required */
    uint32_t level_nodes;
    const char *level;
    struct dr_site_set sites;
    uint32_t data_class;                     /* id */
    uint32_t dataset;                        /* id */
    uint32_t size;                           /* accelerators, of the first alternative */
    uint64_t feasible[2][NATION_POOL_WORDS]; /* pools, by the law and the size; not consent */
    uint64_t near[2][NATION_POOL_WORDS];     /* of those: the job's dataset is at the site */
};

struct nation_job {
    uint32_t account; /* row */
    uint32_t shape;
    int64_t limit_us;
    int32_t priority;
    uint8_t firm;
    uint32_t size;
};

struct nation_ledger;

struct nation {
    uint32_t accelerators;
    uint64_t random;
    struct dr_core *core;
    struct dr_limits limits;
    struct dr_batch batch;
    struct dr_arena decoded;
    int64_t now_us;
    struct nation_site *sites;
    uint32_t sites_count;
    struct nation_pool *pools;
    uint32_t pools_count;
    uint32_t nodes_count;
    struct nation_account *accounts;
    uint32_t accounts_count;
    uint32_t leaf_first; /* row: leaves are the last ones */
    uint32_t leaves_count;
    int64_t chip_idle_w[NATION_CHIPS];
    int64_t chip_busy_w[NATION_CHIPS];
    int64_t chip_price_micro[NATION_CHIPS];
    int64_t node_idle_w;
    int64_t span_price_micro;
    int64_t group_accelerators[NATION_GROUPS];
    uint32_t sectors_count;
    struct dr_site_set datasets[NATION_DATASETS]; /* where they are */
    struct nation_shape *shapes;                  /* class by class, then those of nation_shape() */
    uint32_t shapes_count;
    struct nation_ledger *ledger;
    uint64_t jobs_count; /* accepted: their ids are 1 to this */
    /* Launched and not yet reported as started. */
    uint64_t *launched;
    uint32_t launched_count;
    uint32_t launched_max;
    /* Told to leave. */
    uint64_t *leaving;
    uint32_t leaving_count;
    uint32_t leaving_max;
    /* Facts since it was last set to 0, by kind. */
    uint64_t facts[64];
    /* Called with each fact before the ledger takes it. NULL: nobody. */
    void (*watch)(struct nation *nation, const struct dr_fact *fact, void *context);
    void *watch_context;
};

/* A nation with all its parts, no job. `jobs_max` jobs are to find room. */
struct nation *nation_new(uint32_t accelerators, uint64_t seed, uint32_t jobs_max);
void nation_free(struct nation *nation);

uint64_t nation_random(struct nation *nation);
double nation_unit(struct nation *nation); /* from 0 to 1 */
int nation_chance(struct nation *nation, uint32_t percent);
/* 0 to `below` - 1 */
uint32_t nation_pick(struct nation *nation, uint32_t below);

/* A job of the mix: everything but the account. `size_max`: of accelerators; 0: as the mix says. */
struct nation_job nation_draw(struct nation *nation, enum nation_mix mix, uint32_t size_max);
/* A shape of the caller's own: any site, any class, no level. Returns its row. */
uint32_t nation_shape(struct nation *nation, uint32_t tasks, uint32_t each, uint64_t chips);
/* Of an attempt: a limit is stated for factor 1. */
static inline int64_t nation_limit_us(int64_t limit_us, const struct dr_alternative *way)
{
    return (limit_us * way->factor + 999) / 1000;
}
/* Any leaf. */
uint32_t nation_leaf(struct nation *nation);

/* The command that submits it; `store` holds what it points to. */
struct nation_submit {
    struct dr_command command;
    uint32_t dataset;
};
void nation_command(const struct nation *nation, const struct nation_job *job,
                    struct nation_submit *store);

/* Submit it now. Returns its id. Ends the process when it is refused. */
uint64_t nation_submit(struct nation *nation, const struct nation_job *job);

/* Take the batch's facts into the ledger and clear it. Not to be timed. */
void nation_drain(struct nation *nation);

/* Decide until nothing is left to decide. Not to be timed. */
void nation_decide(struct nation *nation);

/* Report every launched attempt as started, and drain. */
void nation_started(struct nation *nation);

/* Report everybody who was told to leave as gone, and drain. */
void nation_left(struct nation *nation);

/* The command that reports the end of a running job: exit code 0, or that it left when told. */
struct dr_command nation_end_command(const struct nation *nation, uint64_t job);
void nation_admit(struct nation *nation, const struct dr_command *command);
void nation_tick(struct nation *nation);
/* Declare a part of the federation. Returns its id. */
uint32_t nation_declare(struct nation *nation, struct dr_fact fact);
void nation_declare_settings(struct nation *nation, uint32_t reserve_depth);

/* Fill it: every leaf to its guarantee to the accelerator, then borrowers, until hardly anything
 * fits. `skip` [leaves_count], NULL: none, marks leaves that get nothing: their guarantees are lent
 * out. Running attempts began up to nine tenths of their limit ago. */
void nation_fill(struct nation *nation, enum nation_mix mix, const uint8_t *skip);

/* Submit `count` jobs of the mix to leaves that are not in `skip`. */
void nation_pend(struct nation *nation, enum nation_mix mix, uint32_t count, uint32_t size_max,
                 const uint8_t *skip);

void *nation_zeroed(size_t count, size_t bytes);
DR_NORETURN void nation_fail(const char *format, ...) DR_PRINTF(1, 2);

#endif
