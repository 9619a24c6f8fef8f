/* SPDX-License-Identifier: Apache-2.0 */
/* jobspec_reader.h: one job object while it is read, between jobspec's files.
 *
 *     jobspec.c          a body to jobs, a job to its command and text; begin here
 *     jobspec_members.c  each member by itself: its type, its range, the names that it refers to
 *     jobspec_shapes.c   what several members make: alternatives, nodes, the elements of an array
 */
#ifndef DR_SERVE_JOBSPEC_READER_H
#define DR_SERVE_JOBSPEC_READER_H

#include <jansson.h>

#include "serve/jobspec.h"

enum text_part { NAME, SCRIPT, DIRECTORY, OUTPUT, ERROR, INPUT, OPEN_MODE, COMMENT, WARN_TO };

/* One job object while it is read. */
struct jobspec_reader {
    struct dr_jobspec *spec;
    uint32_t index; /* place in "jobs" */
    struct dr_fact_job_accepted job;
    struct dr_alternative own; /* shape of the job itself */
    const json_t *alternatives;
    const json_t *command;
    const json_t *environment;
    const char *texts[9]; /* enum text_part */
    const char *array;
    uint32_t nodes;
    uint32_t tasks_given;
    uint8_t exclusive;
    uint32_t ranks;       /* 0: not said */
    int every_task;       /* -1: not said */
    int requeue_said;     /* 1: it was said that it may run again, not only left at that */
    const char *expected; /* of the field being read */
    const char *field;
    struct dr_answer *answer; /* filled by jobspec_fail() */
};

struct jobspec_member {
    const char *name;
    const char *expected;
    int (*take)(struct jobspec_reader *r, const json_t *value);
};

/* The indexes of an array's elements. */
struct jobspec_indexes {
    uint32_t *values; /* rising */
    uint32_t count;
    uint32_t limit; /* at a time; 0: all */
};

/* ---- jobspec_members.c ---- */

/* What is wrong, into r->answer. These return 0. */
int jobspec_fail(struct jobspec_reader *r, enum dr_refusal_kind kind, const char *field,
                 const char *format, ...) DR_PRINTF(4, 5);
/* "found X, expected Y" for the field being read. */
int jobspec_wrong(struct jobspec_reader *r, const json_t *value);
/* The same for element i of it. */
int jobspec_wrong_element(struct jobspec_reader *r, size_t i, const json_t *value,
                          const char *expected);
/* Zeroed room in the arena. NULL: there is none, which has been said. */
void *jobspec_push(struct jobspec_reader *r, size_t count, size_t bytes);
/* NULL: a job has no such member. */
const struct jobspec_member *jobspec_member(const char *name);
/* The member that alternatives alone have. */
int jobspec_take_factor(struct jobspec_reader *r, const json_t *value);

/* ---- jobspec_shapes.c ---- */

/* The job's own shape and its alternatives, into r->job. 0: an answer says why not. */
int jobspec_shapes(struct jobspec_reader *r);
/* r->array, spread out. */
int jobspec_array(struct jobspec_reader *r, struct jobspec_indexes *indexes);

#endif
