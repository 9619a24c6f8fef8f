/* SPDX-License-Identifier: Apache-2.0 */
/* program.h: a scenario as a mixed-integer program.
 *
 * dr_program_init() writes the columns and rows that docs/planning.md states, each with its name.
 * Columns that could do no good (a chip that can't be ordered in time, work that may not be done at
 * a site) are not made: DR_NO_COLUMN. Counts are in units of `count_scale` accelerators, money in
 * `money_scale`, power in `power_scale` watts, powers of ten chosen so that coefficients lie
 * near 1.
 *
 * In a small program orders are whole lots from the beginning, and what is found is the best plan
 * there is. In a large one that would leave no plan at all (4,560 such columns: none in 149 s), and
 * a lot is small beside what is ordered.
 *
 * Costs are discounted to the first quarter. What is left at the end counts as far as it lasts, in
 * a straight line, so that the last years buy too. */
#ifndef DR_PLAN_PROGRAM_H
#define DR_PLAN_PROGRAM_H

#include "plan/inputs/inputs.h"
#include "plan/program/model.h"

#define DR_NO_COLUMN UINT32_MAX

/* name, places, words for it */
#define DR_PLAN_COLUMNS(X)                                                                \
    X(BUY, "sct", "ordered")                                                              \
    X(ON, "sct", "switched on")                                                           \
    X(USE, "ksct", "given to the sector")                                                 \
    X(UNSERVED, "kt", "work that is not done")                                            \
    X(PHASE, "spt", "begun by then")                                                      \
    X(ORDER, "ct", "an order is placed")                                                  \
    X(DRAW, "st", "power drawn")                                                          \
    X(PEAK, "sy", "highest draw of the year")                                             \
    X(SPEND, "t", "spent")                                                                \
    X(CARRY, "y", "kept for the next year")                                               \
    X(RISE, "t", "spent above a steady course")                                           \
    X(FALL, "t", "spent below a steady course")                                           \
    X(TOTAL, "t", "accelerators in all")                                                  \
    X(COMPUTE, "g", "compute in the target's quarter")                                    \
    X(LOST_USE, "zksct", "given to the sector at sites like this one with the zone lost") \
    X(LOST_DONE, "zkt", "work that can be done with the zone lost")                       \
    X(SLACK, "r", "by how much a rule is broken")

#define DR_PLAN_ROWS(X)                                                                   \
    X(HAVE, "sct", "no more are switched on than are there")                              \
    X(GIVE, "sct", "no more is given out than is on and available")                       \
    X(POWER, "st", "power of the site with everything busy")                              \
    X(GRID, "zt", "what the grid gives to the zone")                                      \
    X(DRAWN, "st", "power drawn is what is idle and what is busy")                        \
    X(HIGHEST, "st", "the year's highest draw is no less than this quarter's")            \
    X(DEMAND, "kt", "the sector's work is done or counted as not done")                   \
    X(LEAST, "kt", "what of the sector's work has to be done")                            \
    X(SUPPLY, "ct", "what the makers can deliver")                                        \
    X(ORDER_MIN, "ct", "the least that an order comes to")                                \
    X(STAYS, "spt", "what is begun stays begun")                                          \
    X(AFTER, "spt", "phases of a site in their order")                                    \
    X(STARTS, "t", "phases begun in one quarter")                                         \
    X(SPENDING, "t", "spending is orders and building")                                   \
    X(BUDGET, "y", "the year's budget and what was kept for it")                          \
    X(STEADY_UP, "t", "spending rises no more than is free")                              \
    X(STEADY_DOWN, "t", "spending falls no more than is free")                            \
    X(DOMESTIC, "iy", "share of domestic chips in the year's orders")                     \
    X(VENDOR, "cy", "share of one vendor in the year's orders")                           \
    X(TARGET, "g", "accelerators by the target's quarter")                                \
    X(TARGET_COMPUTE, "g", "compute by the target's quarter")                             \
    X(ALL, "t", "accelerators in all is their sum")                                       \
    X(COMPUTED, "g", "compute is the sum of what is on")                                  \
    X(SITE_SHARE, "st", "share of one site in all accelerators")                          \
    X(ZONE_SHARE, "zt", "share of one zone in all accelerators")                          \
    X(LOST_GIVE, "zsct",                                                                  \
      "with the first zone lost, no more is given out at sites like this one than is on") \
    X(LOST_SUM, "zkt", "work that can be done with the zone lost is its sum")             \
    X(LOST_LEAST, "zkt", "what of the sector's work can be done with the zone lost")      \
    X(LOST_GRID, "zzt", "with the first zone lost, what the grid gives to the second")

enum dr_plan_column {
#define COLUMN_ENUM(name, places, words) DR_COLUMN_##name,
    DR_PLAN_COLUMNS(COLUMN_ENUM)
#undef COLUMN_ENUM
        DR_COLUMN_COUNT
};

enum dr_plan_row {
#define ROW_ENUM(name, places, words) DR_ROW_##name,
    DR_PLAN_ROWS(ROW_ENUM)
#undef ROW_ENUM
        DR_ROW_COUNT
};

struct dr_program {
    const struct dr_plan_inputs *inputs;
    struct dr_model model;
    double count_scale, money_scale, power_scale;
    int whole_lots; /* 1: orders are whole numbers of lots; 0: of `count_scale` accelerators,
                       rounded to lots afterwards (lots.c) */
    uint32_t (*buy)[DR_PLAN_CHIPS_MAX][DR_PLAN_QUARTERS_MAX]; /* [sites] */
    uint32_t (*on)[DR_PLAN_CHIPS_MAX][DR_PLAN_QUARTERS_MAX];
    uint32_t (*use)[DR_PLAN_SITES_MAX][DR_PLAN_CHIPS_MAX][DR_PLAN_QUARTERS_MAX]; /* [sectors] */
    uint32_t unserved[DR_PLAN_SECTORS_MAX][DR_PLAN_QUARTERS_MAX];
    uint32_t phase[DR_PLAN_SITES_MAX][DR_PLAN_PHASES_MAX][DR_PLAN_QUARTERS_MAX];
    uint32_t order[DR_PLAN_CHIPS_MAX][DR_PLAN_QUARTERS_MAX];
    uint32_t draw[DR_PLAN_SITES_MAX][DR_PLAN_QUARTERS_MAX];
    uint32_t peak[DR_PLAN_SITES_MAX][DR_PLAN_YEARS_MAX];
    uint32_t spend[DR_PLAN_QUARTERS_MAX];
    uint32_t carry[DR_PLAN_YEARS_MAX];
    uint32_t rise[DR_PLAN_QUARTERS_MAX], fall[DR_PLAN_QUARTERS_MAX];
    uint32_t total[DR_PLAN_QUARTERS_MAX];
    uint32_t compute[DR_PLAN_TARGETS_MAX];
    uint32_t lost_done[DR_PLAN_ZONES_MAX][DR_PLAN_SECTORS_MAX][DR_PLAN_QUARTERS_MAX];
    /* Columns of LOST_USE of a zone and quarter: from, and the one behind. 0, 0: none. */
    uint32_t lost_use[DR_PLAN_ZONES_MAX][DR_PLAN_QUARTERS_MAX][2];
};

/* How many accelerators one of a BUY column stands for. */
static inline double dr_program_unit(const struct dr_program *program, uint32_t chip)
{
    return program->whole_lots ? (double)program->inputs->chips[chip].lot : program->count_scale;
}

/* `inputs` is borrowed until dr_program_deinit().
 *
 * soften  bits of enum dr_plan_row: rows of these kinds get a SLACK column by which they may be
 *         broken, at no cost; its places are the row's number, low and high half. 0 for a plan. */
void dr_program_init(struct dr_program *program, const struct dr_plan_inputs *inputs,
                     uint64_t soften);
/* Accepts a zeroed one. */
void dr_program_deinit(struct dr_program *program);

/* What a row's words are made of. */
struct dr_row_parts {
    const char *name;              /* "POWER" */
    const char *rule;              /* "power of the site with everything busy" */
    char where[4 * DR_NAME_BYTES]; /* "naver-sejong"; "": everywhere */
    char when[DR_NAME_BYTES];      /* "2028-Q3", "2028" */
};
void dr_program_row_parts(const struct dr_program *program, uint32_t row,
                          struct dr_row_parts *parts);

/* "power of the site with everything busy: naver-sejong, 2028-Q3". */
const char *dr_program_row_words(const struct dr_program *program, uint32_t row, char text[300]);
const char *dr_program_column_words(const struct dr_program *program, uint32_t column,
                                    char text[300]);
/* The same without its quarter or year: "power of the site with everything busy: naver-sejong". */
const char *dr_program_row_rule(const struct dr_program *program, uint32_t row, char text[300]);
/* Of which quarter, or year (`*is_year`: 1), a row is; -1: of none. A target's is no such place. */
int32_t dr_program_row_time(const struct dr_program *program, uint32_t row, int *is_year);
/* The same without blanks, for other solvers: "POWER(naver-sejong,2028-Q3)". */
const char *dr_program_row_name(const struct dr_program *program, uint32_t row, char text[300]);
const char *dr_program_column_name(const struct dr_program *program, uint32_t column,
                                   char text[300]);

#endif
