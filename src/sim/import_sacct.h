/* SPDX-License-Identifier: Apache-2.0 */
/* import_sacct.h: what reading a dump and making a fleet of it share. */
#ifndef DR_SIM_IMPORT_SACCT_H
#define DR_SIM_IMPORT_SACCT_H

#include "sim/import.h"

#define DR_SACCT_NAMES_MAX 4096 /* of one kind */

/* Names in the order in which they came, numbered from 1; 0: none. */
struct dr_sacct_names {
    char (*items)[DR_NAME_BYTES];
    uint32_t count;
    uint16_t slots[2 * DR_SACCT_NAMES_MAX]; /* by hash */
};

/* What one record of an ended job says. */
struct dr_sacct_job {
    uint64_t id;    /* in the trace */
    uint64_t order; /* of its row in the dump */
    int64_t submit_us;
    int64_t eligible_us; /* INT64_MIN: not known, or no later than it came */
    int64_t start_us;
    int64_t runtime_us;
    int64_t limit_us; /* 0: none */
    uint32_t account;
    uint32_t user;
    uint32_t partition;
    uint32_t gpu; /* model; 0: any */
    uint32_t tasks;
    uint32_t gpus_per_task;
    uint32_t cpus_milli; /* per task */
    uint32_t memory_mb;  /* per task; 0: not stated */
    uint32_t nodes;      /* that it ran on */
    uint8_t status;      /* enum dr_trace_status */
    char name[32];       /* its number, as the dump has it */
};

struct dr_sacct {
    struct dr_import *import;
    struct dr_sacct_names accounts;
    struct dr_sacct_names users;
    struct dr_sacct_names partitions;
    struct dr_sacct_names gpus;
    struct dr_sacct_job *jobs;
    uint32_t count;
    uint32_t capacity;
};

/* The federation that the jobs suggest: a site for each partition, pools by model. */
void dr_sacct_federation(const struct dr_sacct *sacct);

#endif
