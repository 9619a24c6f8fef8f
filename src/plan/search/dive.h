/* SPDX-License-Identifier: Apache-2.0 */
/* dive.h: whole binaries for a linear program, by fixing those nearest to 1.
 *
 * An eighth of the fractions at a time goes up to 1, the nearest first, and the linear program is
 * solved again from its basis; where they are too many for the rows, the last goes down instead,
 * then the one before. What of a program's columns has to be whole is the caller's to say. */
#ifndef DR_PLAN_DIVE_H
#define DR_PLAN_DIVE_H

#include "plan/search/solver.h"

struct dr_dive {
    struct dr_solver *solver;
    const struct dr_model *model;
    const uint8_t *whole;  /* [columns] 1: has to be 0 or 1 */
    double *lower, *upper; /* [columns] in: where they may be; out: where whole ones are held */
    const double *cost;    /* [columns]; NULL: the model's */
    double *values;        /* [columns], written; of a solution where dr_dive() says so */
    int64_t end_us; /* dr_monotonic_us() at which it gives up; it may be late by one program */
    const volatile sig_atomic_t *stop; /* NULL: never */
    /* Out. */
    double first; /* cost of the linear program that it began with */
    double cost_found;
    int solved;     /* that one was, to the end */
    int infeasible; /* it had no solution */
    int cut;        /* the clock or `stop` cut it */
};

/* A column that has to be 0 or 1 and is between. */
struct dr_fraction {
    uint32_t column;
    double value;
};

/* Those of `values` that may still move, the nearest to 1 first; how many. `fractions` [columns].
 */
uint32_t dr_dive_fractions(const struct dr_model *model, const uint8_t *whole, const double *lower,
                           const double *upper, const double *values,
                           struct dr_fraction *fractions);

/* 1: `values` are whole where they have to be, and cost `cost_found`. */
int dr_dive(struct dr_dive *dive);

#endif
