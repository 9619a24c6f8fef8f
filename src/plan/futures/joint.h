/* SPDX-License-Identifier: Apache-2.0 */
/* joint.h: the programs of several futures as one, with one first stage.
 *
 * The extensive form of a two-stage program (Birge and Louveaux, Introduction to Stochastic
 * Programming, 2011, section 1.1): every future's columns and rows stand side by side, but what is
 * decided in the common quarters has one column for all. Costs are weighted. What it costs is in
 * the first program's unit of money. */
#ifndef DR_PLAN_JOINT_H
#define DR_PLAN_JOINT_H

#include "plan/program/program.h"

struct dr_joint {
    struct dr_model model;
    uint32_t count;
    const struct dr_program *const *programs; /* [count] */
    uint32_t **place;      /* [count][columns of that program]: the joint column */
    double **ratio;        /* what one of the joint column is in the program's own unit */
    const double *weights; /* [count] */
};

/* programs  [count], of inputs that differ by their futures alone; borrowed. The first stage of one
 *           is what its bounds say: dr_first_stage_hold() in the first holds it in all.
 * weights   [count], 1 in all; borrowed.
 *
 * An order of the common quarters that in one of the futures would be too late for the plan's end
 * is placed in none. */
void dr_joint_init(struct dr_joint *joint, const struct dr_program *const *programs,
                   const double *weights, uint32_t count);
/* Accepts a zeroed one. */
void dr_joint_deinit(struct dr_joint *joint);

/* A solution's values of one future's program; `values` [its columns]. */
void dr_joint_split(const struct dr_joint *joint, uint32_t future, const double *joint_values,
                    double *values);
/* The reverse: what `values` says of this future's columns, into `joint_values`. */
void dr_joint_merge(const struct dr_joint *joint, uint32_t future, const double *values,
                    double *joint_values);

/* One future's costs, `cost` [its columns], at which it would decide as all do if they had to: the
 * first stage costs what the duals of its own rows say, and its weighted part of the reduced costs.
 * Summed over the futures a first stage costs what it costs in the joint program, so that what the
 * futures cost least, each for itself at these costs, is in sum a bound of all (Caroe and Schultz,
 * Dual Decomposition in Stochastic Integer Programming, Operations Research Letters 24, 1999).
 *
 * duals [rows], reduced [columns]: of the joint linear program. */
void dr_joint_prices(const struct dr_joint *joint, uint32_t future, const double *duals,
                     const double *reduced, double *cost);

#endif
