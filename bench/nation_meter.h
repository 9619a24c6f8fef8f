/* SPDX-License-Identifier: Apache-2.0 */
/* nation_meter.h: what a scene counts, and how it tells the table (bench/nation.c).
 *
 * A row begins, then only what lies between meter_begin() and meter_end() counts: nanoseconds, and
 * instructions where the machine has a counter for them or the scene runs under callgrind. */
#ifndef DR_BENCH_NATION_METER_H
#define DR_BENCH_NATION_METER_H

#include "nation_world.h"

#define METER_REPORT_FD   3
#define METER_SAMPLES_MAX 20000
#define METER_NOTE_BYTES  300
#define METER_KEY_BYTES   32

struct meter {
    int counter;   /* of instructions; -1: the machine has none */
    int callgrind; /* 1: under it, collecting between begin and end */
    double *samples;
    uint32_t samples_count;
    int64_t spent_ns; /* of this row */
    uint64_t spent_instructions;
};
extern struct meter meter;

void meter_open(void);

/* A number from the environment. */
int64_t meter_option(const char *name, int64_t otherwise);

int64_t meter_now_ns(void);

void meter_begin(void);
/* Returns the nanoseconds since. */
double meter_end(void);

void meter_sample(double value);
double meter_quantile(double part);

/* From now on time counts for this row: sums and samples begin at nothing. */
void meter_row_begins(const char *key);

/* Its figure; `ops`: what instructions are divided by, 0: they are not this row's. */
void meter_row_ends(const char *key, double value, double ops, const char *format, ...)
    DR_PRINTF(4, 5);

#endif
