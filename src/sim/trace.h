/* SPDX-License-Identifier: Apache-2.0 */
/* trace.h: the jobs of a simulation, one row each, read one after another.
 *
 * A trace is a CSV file with a header row (docs/formats/trace.md): columns by name in any order, of
 * which the first five are needed. Rows stand in the order of submit_s. Nothing here knows a
 * federation: names are names (sim/jobs.h looks them up).
 *
 * A row that can't be read is said to whoever hears of mistakes, and left out. */
#ifndef DR_SIM_TRACE_H
#define DR_SIM_TRACE_H

#include "core/types.h"
#include "sim/lines.h"

/* name, what it means */
#define DR_TRACE_COLUMNS(X)                                                                   \
    X(job_id, "a whole number, each once")                                                    \
    X(submit_s, "when it comes, seconds on the trace's clock; rows stand in this order")      \
    X(runtime_s, "how long it really runs at factor 1, seconds")                              \
    X(tasks, "of the gang")                                                                   \
    X(accelerators_per_task, "a whole number, 0, or a fraction of 1")                         \
    X(limit_s, "time limit of an attempt; empty: the account's or federation's default")      \
    X(account, "empty: the only leaf account there is")                                       \
    X(user, "for measures alone: nobody's rights are asked for")                              \
    X(priority, "within the account, higher first")                                           \
    X(cpus_per_task, "1 by default; to three places")                                         \
    X(memory_mb_per_task, "empty: the share of a node")                                       \
    X(chips, "where it may run and at which factor: h200:1.0|b300:0.55; empty: on any, at 1") \
    X(preemptible, "yes by default")                                                          \
    X(checkpoint_s, "running time within an attempt between checkpoints; empty: none")        \
    X(restart_s, "running time that every attempt but the first needs in addition")           \
    X(grace_s, "between the warning and the end; empty: the federation's")                    \
    X(level, "block or required:block: within one domain; preferred:block: if it can be had") \
    X(begin_s, "not before, on the trace's clock")                                            \
    X(deadline_s, "by when it should have ended, on the trace's clock")                       \
    X(data_class, "")                                                                         \
    X(data, "datasets: a|b")                                                                  \
    X(sites, "where it may run: a|b; empty: anywhere")                                        \
    X(depends, "on earlier rows: afterok:7|afterany:9|afternotok:3")                          \
    X(requeue, "yes by default")                                                              \
    X(tasks_min, "elastic: the least number of tasks")                                        \
    X(flexible, "no by default: runs under power caps that begin later")                      \
    X(alternatives,                                                                           \
      "further shapes, tasks x accelerators and factor: h200:64x8:1.0|rngd:256x4:1.3")        \
    X(name, "for people")                                                                     \
    X(status, "how it ends: completed by default, failed, cancelled, timeout")

enum dr_trace_column {
#define DR_ENUM(name, text) DR_TRACE_##name,
    DR_TRACE_COLUMNS(DR_ENUM)
#undef DR_ENUM
        DR_TRACE_COLUMN_COUNT
};

enum dr_trace_status {
    DR_TRACE_COMPLETED,
    DR_TRACE_FAILED,
    DR_TRACE_CANCELLED,
    DR_TRACE_TIMEOUT,
};

#define DR_TRACE_LIST_MAX 16

/* Chips of one factor. */
struct dr_trace_chip {
    const char *name;
    uint32_t factor; /* thousandths */
};

struct dr_trace_way {
    const char *chip;
    uint32_t tasks;
    uint32_t accelerators_milli;
    uint32_t factor;
};

struct dr_trace_dependency {
    enum dr_dependency_kind kind;
    uint64_t job;
};

/* Texts lie in memory that the next row uses again. Times are microseconds on the trace's clock. */
struct dr_trace_row {
    uint32_t line;
    uint64_t job;
    int64_t submit_us;
    int64_t runtime_us;
    uint32_t tasks;
    uint32_t accelerators_milli; /* per task */
    int64_t limit_us;            /* 0: not stated */
    const char *account;         /* "": not stated, here and below */
    const char *user;
    int32_t priority;
    uint32_t cpus_milli; /* per task */
    uint32_t memory_mb;  /* per task; 0: not stated */
    struct dr_trace_chip chips[DR_TRACE_LIST_MAX];
    uint32_t chips_count;
    uint8_t preemptible;
    uint8_t requeue;
    uint8_t flexible;
    uint8_t level_kind; /* 0 none, 1 preferred, 2 required */
    const char *level;
    int64_t checkpoint_us;
    int64_t restart_us;
    int64_t grace_us;    /* 0: not stated */
    int64_t begin_us;    /* INT64_MIN: not stated */
    int64_t deadline_us; /* INT64_MIN: not stated */
    const char *data_class;
    const char *data[DR_TRACE_LIST_MAX];
    uint32_t data_count;
    const char *sites[DR_TRACE_LIST_MAX];
    uint32_t sites_count;
    struct dr_trace_dependency depends[DR_TRACE_LIST_MAX];
    uint32_t depends_count;
    uint32_t tasks_min; /* 0: not elastic */
    struct dr_trace_way ways[DR_TRACE_LIST_MAX];
    uint32_t ways_count;
    const char *name;
    enum dr_trace_status status;
};

struct dr_trace;

/* Open a trace and read its header. DR_E_INPUT, DR_E_MISSING, DR_E_IO: `error` says why. */
DR_MUST_USE enum dr_status dr_trace_open(struct dr_trace **trace, const char *path,
                                         struct dr_error *error);
/* Accepts NULL. */
void dr_trace_close(struct dr_trace *trace);

/* The next row.
 *
 * DR_OK; DR_E_END: there is none. DR_E_INPUT: this one is wrong, as `error` says; the next call
 * goes on behind it. DR_E_IO: no more can be read. */
DR_MUST_USE enum dr_status dr_trace_next(struct dr_trace *trace, struct dr_trace_row *row,
                                         struct dr_error *error);

/* Has it that column? */
int dr_trace_has(const struct dr_trace *trace, enum dr_trace_column column);

/* For progress: the file that is read. */
const struct dr_lines *dr_trace_lines(const struct dr_trace *trace);

/* ---- for importers ---- */

/* Seconds with up to six places, in microseconds. 0: none, or out of range. */
int dr_parse_seconds(const char *text, int64_t min_us, int64_t max_us, int64_t *us);
/* The reverse, without needless zeros; `text` has DR_TEXT_BYTES. */
const char *dr_format_seconds(int64_t us, char *text);

#endif
