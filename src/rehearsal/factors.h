/* SPDX-License-Identifier: Apache-2.0 */
/* factors.h: from what a rehearsal saw to what the next plan has to reckon with.
 *
 * A sector's capacity factor in a year is the part of its busy_percent that real scheduling lets it
 * reach: less in a small fleet than in a large one. A plan under a smaller factor gives the sector
 * more accelerators for the same work. Read dr_factor_next() first. */
#ifndef DR_REHEARSAL_FACTORS_H
#define DR_REHEARSAL_FACTORS_H

#include "rehearsal/quarter.h"

/* Factors stay in whole thousandths, from 200 on. */
#define DR_FACTOR_ONE   1000
#define DR_FACTOR_LEAST 200

/* Thousandths, of each sector and year of the plan. */
struct dr_factors {
    uint32_t of[DR_PLAN_SECTORS_MAX][DR_PLAN_YEARS_MAX];
};

/* A sector in a year, over the rehearsed quarters but those that are coarse, each as much as came
 * in it. */
struct dr_seen {
    double late;   /* of its work, what was not done in time */
    double wait_s; /* mean, of all its jobs */
    double busy;   /* of the accelerators that it is given, what it held */
    double offered;
    uint64_t jobs; /* 0: nothing is known */
};

/* `quarters` [count]. */
struct dr_seen dr_seen_of(const struct dr_plan_inputs *inputs, const struct dr_quarter *quarters,
                          uint32_t count, uint32_t sector, uint32_t year);

/* The factor that a plan should have been made with, by what its rehearsal saw.
 *
 * Work that is late by a part p needs a factor that is smaller by p. Waits grow as those of one
 * queue do, as u / (1 - u) with its utilisation u (Kingman, The single server queue in heavy
 * traffic, 1961): a mean wait w that should be at most g needs a utilisation u' with
 * u' / (1 - u') = u / (1 - u) * g / w. The smaller of the two holds. A factor below one is raised
 * by the same rule where nothing is late and the wait is below a quarter of g. Four fifths of the
 * way are gone at a time, and a round changes no factor by more than a fifth. */
uint32_t dr_factor_next(uint32_t factor, const struct dr_seen *seen, double wait_goal_s);

/* The same of all sectors and years. Where nothing is known of a sector in a year, its factor
 * changes as that of the nearest year of which something is; of two as near, the later one. */
void dr_factors_next(struct dr_factors *next, const struct dr_factors *factors,
                     const struct dr_plan_inputs *inputs, const struct dr_quarter *quarters,
                     uint32_t count, double wait_goal_s);

/* The largest change of a factor, as a part of it. */
double dr_factors_change(const struct dr_plan_inputs *inputs, const struct dr_factors *from,
                         const struct dr_factors *to);

#endif
