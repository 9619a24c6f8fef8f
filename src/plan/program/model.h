/* SPDX-License-Identifier: Apache-2.0 */
/* model.h: a linear program whose columns and rows have names that a person understands.
 *
 * Built row by row: dr_model_column() for every column, then dr_model_row() and dr_model_entry()
 * for its entries; dr_model_finish() sorts them by column, as solvers want them. A name is a kind
 * and up to five places (a site, a chip, a quarter, ...); words for it are made when somebody asks
 * (plan/names.c). Names without blanks, for MPS and LP files, come from the same. */
#ifndef DR_PLAN_MODEL_H
#define DR_PLAN_MODEL_H

#include <math.h>
#include <stdint.h>

#define DR_INFINITY HUGE_VAL
#define DR_NOWHERE  UINT16_MAX

struct dr_model_name {
    uint16_t kind;     /* enum dr_plan_column or dr_plan_row */
    uint16_t place[5]; /* DR_NOWHERE: not said */
};

struct dr_model {
    uint32_t columns_count;
    uint32_t rows_count;
    uint32_t entries_count;
    struct dr_model_name *columns;
    double *lower, *upper, *cost; /* [columns_count] */
    uint8_t *integer;             /* [columns_count] */
    struct dr_model_name *rows;
    double *row_lower, *row_upper; /* [rows_count] */
    /* By column, after dr_model_finish(). */
    int32_t *starts;     /* [columns_count + 1] */
    int32_t *entry_rows; /* [entries_count] */
    double *entries;
    /* As they came. */
    uint32_t *came_column, *came_row;
    double *came_value;
    uint32_t columns_room, rows_room, entries_room;
};

void dr_model_init(struct dr_model *model);
/* Accepts a zeroed one. Fits DR_CLEANUP. */
void dr_model_deinit(struct dr_model *model);

/* A column; its number. */
uint32_t dr_model_column(struct dr_model *model, struct dr_model_name name, double lower,
                         double upper, double cost, int integer);
/* A row, lower <= sum <= upper; its number. */
uint32_t dr_model_row(struct dr_model *model, struct dr_model_name name, double lower,
                      double upper);
/* Entries of one column in one row add up. */
void dr_model_entry(struct dr_model *model, uint32_t row, uint32_t column, double value);
void dr_model_finish(struct dr_model *model);

/* What the rows come to for `values` [columns]; `sums` [rows]. */
void dr_model_sums(const struct dr_model *model, const double *values, double *sums);
double dr_model_cost(const struct dr_model *model, const double *values);

#endif
