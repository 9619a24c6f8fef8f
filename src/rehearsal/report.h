/* SPDX-License-Identifier: Apache-2.0 */
/* report.h: what rehearsals come to: by year and sector, as one sentence, and as files. */
#ifndef DR_REHEARSAL_REPORT_H
#define DR_REHEARSAL_REPORT_H

#include "plan/result/files.h"
#include "rehearsal/rounds.h"

/* A promise counts as kept from this part of it on. */
#define DR_KEPT_LEAST 0.98

/* A sector in a year, over the quarters that were rehearsed: units as means of them. */
struct dr_promise {
    uint32_t quarters; /* 0: nothing is known */
    double demand, promised, done;
    double kept;              /* promised, less what was late */
    double late;              /* part of what came */
    double given;             /* accelerators */
    double busy, busy_stated; /* parts of what the sector is given */
    double lost;              /* part of what was busy */
    double wait_mean_s;
    double wait_p95_s; /* of the worst quarter */
    uint64_t jobs;
    int coarse; /* 1: some quarter's figures are (rehearsal/measure.h) */
};

/* Of quarters [options->quarters_count], in the order of options->quarters, of a plan that was made
 * with `factors`. */
struct dr_promise dr_promise_of(const struct dr_plan_inputs *inputs,
                                const struct dr_rehearsal_options *options,
                                const struct dr_factors *factors, const struct dr_quarter *quarters,
                                uint32_t year, uint32_t sector);
/* Too much was late, or waits were too long. A coarse one is not judged. */
int dr_promise_broken(const struct dr_promise *promise, const struct dr_rehearsal_options *options);

/* "Would people get their compute?", answered of one round in a sentence or two. */
void dr_rehearsal_sentence(const struct dr_plan_inputs *inputs,
                           const struct dr_rehearsal_options *options, const struct dr_round *round,
                           struct dr_buffer *text);

/* What the files say of where it came from. */
struct dr_rehearsal_about {
    const char *plan_hash; /* of the plan that was given */
    const char *version;   /* of the program */
    const char *scenario;  /* the directory of its tables */
};

/* JSON, without a line's end: docs/planning.md. */
void dr_rehearsal_json(const struct dr_rehearsal *rehearsal, const struct dr_plan_inputs *inputs,
                       const struct dr_rehearsal_options *options,
                       const struct dr_rehearsal_about *about, struct dr_buffer *out);

/* replay.csv, factors.csv and replay.json into options->directory, which is there; and, after more
 * than one round and unless it was interrupted, `scenario`, the tables with capacity_factors.csv,
 * and `plan`, the last round's. The same rehearsal gives the same bytes, but for
 * plan/certificate.json's `run`. */
DR_MUST_USE enum dr_status dr_rehearsal_write(const struct dr_rehearsal *rehearsal,
                                              const struct dr_plan_inputs *inputs,
                                              const struct dr_rehearsal_options *options,
                                              const struct dr_rehearsal_about *about,
                                              struct dr_error *error);

#endif
