/* SPDX-License-Identifier: Apache-2.0 */
/* measure.h: what became of a sector's work in a rehearsed quarter.
 *
 * Judged from what was drawn and from what each attempt did, nothing else. Work is in units, as the
 * plan counts it: accelerators times the speed of the chip on which they are held, of all that is
 * not lost. What counts is a window of the run: from the warm-up's end to the end. */
#ifndef DR_REHEARSAL_MEASURE_H
#define DR_REHEARSAL_MEASURE_H

#include "rehearsal/jobs.h"
#include "sim/run.h"

/* Units are means over the window, scaled back to the plan's. */
struct dr_measured {
    double promised; /* what the plan says gets done of it */
    double demand;   /* what is asked for */
    double offered;  /* what came in the window */
    double done;     /* what was done in it */
    /* The work that waits, of jobs that are there and do not run, in unit-hours: means over the
     * window's first quarter and its last. `late` is the part of what came between their middles by
     * which it has grown, 0 to 1: what the fleet could not do in time. */
    double waiting_before, waiting_after;
    double late;
    double given; /* accelerators that the plan gives to the sector, not scaled */
    double busy;  /* of these, what its jobs held; it may be above 1: borrowed from others */
    double lost;  /* of what they held, what was lost with attempts */
    /* Of jobs that came in the window: until the first start, or until the end. Seconds. */
    double wait_mean_s, wait_p50_s, wait_p95_s;
    uint32_t jobs;
    uint32_t unstarted; /* of these, at the end */
    /* 1: scaled, it is given so few accelerators that a job or two decide what is measured, and
     * that waits are longer than those of all of them would be. */
    int coarse;
};

#define DR_MEASURED_LEAST 64 /* accelerators, scaled; fewer are coarse */

struct dr_measuring;

/* `drawn` and `fleet` are borrowed. The window is from from_us to until_us on the trace's clock. */
struct dr_measuring *dr_measuring_open(const struct dr_drawn *drawn, const struct dr_fleet *fleet,
                                       int64_t from_us, int64_t until_us);
void dr_measuring_close(struct dr_measuring *measuring);

/* An attempt, on a chip of the scenario, in the order in which they end. */
void dr_measuring_ran(struct dr_measuring *measuring, uint32_t chip, const struct dr_sim_ran *ran);

/* `measured` [sectors]. */
void dr_measuring_end(struct dr_measuring *measuring, struct dr_measured *measured);

#endif
