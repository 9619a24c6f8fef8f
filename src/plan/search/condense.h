/* SPDX-License-Identifier: Apache-2.0 */
/* condense.h: the same program with fewer columns, for the search.
 *
 * Sites where the same work may be done are alike to a sector: what counts is how much of a chip it
 * is given at all of them together, and how much of it each site gives out. So the columns USE of
 * sectors x sites become one for each sector and kind of site, and one for each site: a program of
 * half the columns and half the time, with the same solutions. (Any division of what the sites of a
 * kind give out among what its sectors are given will do; dr_condensed_expand() takes the even
 * one.)
 *
 * Columns are taken by what they are, not by their names: those of no cost and no upper bound that
 * have one entry in a DEMAND row, the same for all sites of the kind, and are alike in all others.
 */
#ifndef DR_PLAN_CONDENSE_H
#define DR_PLAN_CONDENSE_H

#include "plan/program/program.h"

/* What sites of a kind give out of one chip in one quarter. */
struct dr_condensed_kind {
    uint32_t cells_begin, cells_end; /* of `cells` */
    uint32_t sectors;                /* bits */
    uint32_t use;                    /* condensed column of its first sector; others follow */
    uint16_t chip, quarter;
};

struct dr_condensed_cell {
    uint32_t given; /* condensed column */
    uint32_t site;
};

struct dr_condensed {
    struct dr_model model;
    const struct dr_program *program;
    uint32_t *place; /* [columns of the program]: where it is; DR_NO_COLUMN: taken together */
    struct dr_condensed_kind *kinds;
    uint32_t kinds_count;
    struct dr_condensed_cell *cells;
    uint32_t cells_count;
};

/* `program` is borrowed until the deinit. Bounds are the program's at this moment. */
void dr_condensed_init(struct dr_condensed *condensed, const struct dr_program *program);
/* Accepts a zeroed one. */
void dr_condensed_deinit(struct dr_condensed *condensed);

/* values [columns of `condensed`]; full [columns of the program]. */
void dr_condensed_expand(const struct dr_condensed *condensed, const double *values, double *full);

#endif
