/* SPDX-License-Identifier: Apache-2.0 */
/* import.h: from the files of others to a trace and a federation.
 *
 * What each column becomes stands in docs/simulator.md. A row that can't be read is said to
 * whoever hears of mistakes, and left out; one that is right but describes nothing that ever ran
 * is counted as skipped. */
#ifndef DR_SIM_IMPORT_H
#define DR_SIM_IMPORT_H

#include <stdio.h>

#include "base/buffer.h"
#include "sim/trace.h"

/* name, files, what it reads */
#define DR_IMPORTS(X)                                                                     \
    X(swf, "LOG", "a log in the Standard Workload Format, version 2.2")                   \
    X(openb, "NODES PODS", "the node and pod lists of Alibaba's GPU cluster of 2023")     \
    X(gavel, "JOBS THROUGHPUTS", "a job list of Gavel with the table of its throughputs") \
    X(sacct, "DUMP", "Slurm's accounting, as sacct --parsable2 prints it")                \
    X(live, "DIRECTORY", "what a controller has run, from its data directory")

enum dr_import_kind {
#define DR_ENUM(name, files, text) DR_IMPORT_##name,
    DR_IMPORTS(DR_ENUM)
#undef DR_ENUM
        DR_IMPORT_COUNT
};

struct dr_import {
    /* what is asked for */
    enum dr_import_kind kind;
    const char *files[2];
    FILE *trace;                  /* CSV */
    struct dr_buffer *federation; /* YAML; NULL: none is wanted */
    FILE *schedule;               /* live: what was run where and when, and */
    FILE *pools;                  /* the fleet; NULL: not wanted */
    uint32_t bad_row_milli;       /* more wrong rows than this part of all end it */
    uint32_t nodes;               /* swf: so many nodes, with */
    uint32_t node_size;           /* so many processors each; 0: as the log's head says. sacct: in
                                     each pool so many, with so many GPUs; 0: as jobs suggest */
    uint32_t fill_percent;  /* openb: draw and shuffle until this part of the GPUs is asked for; the
                               tasks come a second apart and stay; 0: the list as it is */
    uint64_t seed;          /* of that */
    const char *utc_offset; /* sacct: of instants without one, as "Z" or "+09:00" */
    uint32_t fleet[3];      /* gavel: V100, P100 and K80 GPUs, 4 a node; 0: 8, 16 and 24 */
    void (*say)(void *context, const struct dr_error *error);
    void *context;
    volatile uint64_t *watched; /* live: set to each fact's number before it is applied; or NULL */
    /* what came of it */
    uint64_t rows;
    uint64_t written;
    uint64_t skipped;
    uint64_t bad;
    uint64_t steps;   /* sacct: rows of jobs' steps */
    uint64_t joined;  /* sacct: rows of earlier attempts */
    int64_t begin_us; /* sacct, live: the instant that is the trace's 0 */
};

/* All of it. DR_E_INPUT, DR_E_MISSING, DR_E_IO: `error` says why; what was written is of no use. */
DR_MUST_USE enum dr_status dr_import(struct dr_import *import, struct dr_error *error);

/* The kind of that name; DR_IMPORT_COUNT: none. */
enum dr_import_kind dr_import_named(const char *name);
/* How many files it reads. */
uint32_t dr_import_files(enum dr_import_kind kind);

/* ---- between the importers ---- */

DR_MUST_USE enum dr_status dr_import_swf(struct dr_import *import, struct dr_error *error);
DR_MUST_USE enum dr_status dr_import_openb(struct dr_import *import, struct dr_error *error);
DR_MUST_USE enum dr_status dr_import_gavel(struct dr_import *import, struct dr_error *error);
DR_MUST_USE enum dr_status dr_import_sacct(struct dr_import *import, struct dr_error *error);
DR_MUST_USE enum dr_status dr_import_live(struct dr_import *import, struct dr_error *error);

/* A row is wrong: counted and said. DR_E_INPUT: there are too many of these. */
DR_MUST_USE enum dr_status dr_import_bad(struct dr_import *import, struct dr_error *error);

/* ---- writing a trace ---- */

/* The header row for some columns: bit = enum dr_trace_column. */
void dr_trace_write_header(FILE *file, uint32_t columns);
void dr_trace_write(FILE *file, uint32_t columns, const struct dr_trace_row *row);

#endif
