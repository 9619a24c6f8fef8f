/* SPDX-License-Identifier: Apache-2.0 */
/* tally.h: what measures are made of. For measures.c, which counts, and measures_json.c and
 * measures_csv.c, which say what it came to. */
#ifndef DR_SIM_TALLY_H
#define DR_SIM_TALLY_H

#include "sim/fairness.h"
#include "sim/figures.h"
#include "sim/guarantees.h"
#include "sim/measures.h"

/* Classes of size: from so many accelerators on. */
#define DR_SIZES 6
extern const char *const DR_SIZE_NAMES[DR_SIZES];

struct dr_ended {
    int64_t wait_us; /* to the first start; INT64_MIN: it never started */
    int64_t turnaround_us;
    int64_t alone_us; /* INT64_MIN: it did not complete */
    uint32_t account;
    uint8_t size;
    uint8_t job_class;
};

struct dr_measures {
    const struct dr_core *core;
    int64_t first_us; /* what was before counts nowhere */
    struct dr_ended *ended;
    uint64_t ended_count;
    uint64_t ended_max;
    struct dr_series series;
    struct dr_guarantees guarantees;
    uint64_t pending_most;
    int64_t held_most_milli;
    int64_t capacity_most_milli;
    __int128 used; /* by attempts that ended: thousandths of an accelerator times microseconds */
    __int128 lost; /* of that */
    uint64_t outcomes[DR_SCHEDULE_unfinished + 1];
    uint64_t preemptions;
    uint64_t node_losses;
    uint64_t attempts;
    uint64_t refused;
    uint64_t deadlines;
    uint64_t deadlines_missed;
    int64_t first_submit_us;
    int64_t last_end_us;
    int is_over; /* the series' bins are closed */
};

/* One figure of the run as a whole. */
struct dr_sum {
    const char *name;
    int64_t value; /* in millionths, or whole */
    int is_whole;
};
#define DR_SUMS 20

/* What it came to; the first time it closes the bins of the series. */
void dr_tally_sums(struct dr_measures *measures, const struct dr_measures_about *about,
                   struct dr_sum sums[DR_SUMS]);

/* Waits, turnarounds and bounded slowdowns. */
#define DR_TIMES 3
extern const char *const DR_TIME_NAMES[DR_TIMES];

/* How many jobs there are of a size and of a class; DR_SIZES and DR_JOB_CLASSES: of any, here and
 * below. */
uint64_t dr_tally_count(const struct dr_measures *measures, uint32_t size, uint32_t job_class);

/* `values` [count] scratch. */
void dr_tally_times(const struct dr_ended *list, uint64_t count, uint32_t size, uint32_t job_class,
                    int64_t *values, struct dr_spread times[DR_TIMES]);

/* Jobs by account, so that those of one lie in a row; no figure depends on their order. */
void dr_tally_sort(struct dr_measures *measures);
/* One past the last job of the account of the job at `from`. */
uint64_t dr_tally_last_of(const struct dr_measures *measures, uint64_t from);

/* How many jobs waited so long: from one edge to below the next, the last to any end. */
#define DR_WAIT_EDGES 14
extern const int64_t DR_WAIT_EDGES_S[DR_WAIT_EDGES];
void dr_tally_waits(const struct dr_measures *measures, uint64_t jobs[DR_WAIT_EDGES]);

/* Guarantees' delays, sorted in place. */
struct dr_spread dr_tally_delays(struct dr_measures *measures);

#endif
