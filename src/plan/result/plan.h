/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h: a plan, in whole numbers, and the check of it.
 *
 * What is ordered is in whole lots; what is switched on and given to sectors is in thousandths of
 * an accelerator, since a quarter is shared in time. Everything else follows. dr_plan_make() rounds
 * a solution of the program (lots.c); dr_plan_check() judges a plan by the inputs alone (check.c),
 * in 128-bit whole numbers, and shares no code with the program. */
#ifndef DR_PLAN_PLAN_H
#define DR_PLAN_PLAN_H

#include "plan/inputs/inputs.h"

struct dr_condensed;
struct dr_program;
struct dr_solver;

#define DR_PLAN_NEVER    (-1)
#define DR_PLAN_LOST_MAX 131072

/* What of a site's accelerators a critical sector would be given while a zone is lost. */
struct dr_plan_lost {
    uint8_t quarter, zone, sector, site, chip;
    int64_t use_milli;
};

struct dr_plan {
    /* [site][chip][quarter] */
    int64_t buy[DR_PLAN_SITES_MAX][DR_PLAN_CHIPS_MAX][DR_PLAN_QUARTERS_MAX];
    int64_t on_milli[DR_PLAN_SITES_MAX][DR_PLAN_CHIPS_MAX][DR_PLAN_QUARTERS_MAX];
    /* [sector][site][chip][quarter] */
    int64_t use_milli[DR_PLAN_SECTORS_MAX][DR_PLAN_SITES_MAX][DR_PLAN_CHIPS_MAX]
                     [DR_PLAN_QUARTERS_MAX];
    /* The quarter in which a phase is begun; DR_PLAN_NEVER. Those begun before the plan: not here.
     */
    int32_t phase[DR_PLAN_SITES_MAX][DR_PLAN_PHASES_MAX];
    /* The proof that critical work can be done with any one zone lost: [lost_count]. */
    uint32_t lost_count;
    struct dr_plan_lost lost[DR_PLAN_LOST_MAX];
};

/* What the cost is made of; word, words */
#define DR_PLAN_COSTS(X)                      \
    X(ORDERS, "orders", "orders")             \
    X(BUILDING, "building", "building")       \
    X(ENERGY, "energy", "energy")             \
    X(PEAKS, "peaks", "demand charges")       \
    X(UPKEEP, "upkeep", "upkeep")             \
    X(UNSERVED, "unserved", "work not done")  \
    X(SWINGS, "swings", "swings of spending") \
    X(LEFT, "left", "worth at the end")

enum dr_plan_cost {
#define DR_COST_ENUM(name, word, words) DR_PLAN_COST_##name,
    DR_PLAN_COSTS(DR_COST_ENUM)
#undef DR_COST_ENUM
        DR_PLAN_COST_COUNT
};

/* Of each quarter and year, in whole numbers; what reports are made of. Units rounded down. */
struct dr_plan_sums {
    int64_t there[DR_PLAN_QUARTERS_MAX]; /* accelerators, switched on or not */
    int64_t on_milli[DR_PLAN_QUARTERS_MAX];
    int64_t ordered[DR_PLAN_QUARTERS_MAX];
    int64_t spent[DR_PLAN_QUARTERS_MAX];          /* orders and building */
    int64_t spent_domestic[DR_PLAN_QUARTERS_MAX]; /* of orders */
    int64_t spent_orders[DR_PLAN_QUARTERS_MAX];
    int64_t draw_w[DR_PLAN_QUARTERS_MAX];  /* of all sites */
    int64_t power_w[DR_PLAN_QUARTERS_MAX]; /* that all sites have */
    int64_t energy_cost[DR_PLAN_QUARTERS_MAX];
    int64_t upkeep[DR_PLAN_QUARTERS_MAX];
    int64_t served[DR_PLAN_SECTORS_MAX][DR_PLAN_QUARTERS_MAX]; /* units */
    int64_t peak_cost[DR_PLAN_YEARS_MAX];
    double cost;                        /* the objective, discounted, in the currency */
    double cost_of[DR_PLAN_COST_COUNT]; /* its parts, which come to it; LEFT is negative */
};

/* One rule that a plan breaks, or how near it comes. */
struct dr_plan_finding {
    char rule[64];   /* "power", "budget", ... : docs/planning.md */
    char where[200]; /* "naver-sejong, 2028-Q3" */
    char found[64];
    char limit[64];
};

struct dr_plan_verdict {
    uint32_t broken_count; /* all of them */
    uint32_t kept_count;   /* in `findings` */
    uint64_t checks_count; /* rules looked at */
    struct dr_plan_finding findings[64];
};

/* Judge a plan; `sums` is filled whatever the verdict. 1: it keeps every rule. */
int dr_plan_check(const struct dr_plan_inputs *inputs, const struct dr_plan *plan,
                  struct dr_plan_verdict *verdict, struct dr_plan_sums *sums);

/* Round a solution of the program to whole lots, and divide accelerators anew among the sectors.
 *
 * values  [columns] with whole binaries.
 *
 * 1: `plan` keeps every rule; `verdict` and `sums` are dr_plan_check()'s. 0: no rounding was found
 * that does; `verdict` is of the last that was tried, if any was. */
int dr_plan_make(struct dr_plan *plan, const struct dr_program *program, struct dr_solver *solver,
                 const double *values, struct dr_plan_verdict *verdict, struct dr_plan_sums *sums);

/* The same with a solver of the condensed program (condense.h), whose linear programs take half the
 * time. `values` [columns of the program itself]. */
int dr_plan_make_condensed(struct dr_plan *plan, const struct dr_condensed *condensed,
                           struct dr_solver *solver, const double *values,
                           struct dr_plan_verdict *verdict, struct dr_plan_sums *sums);

/* The binaries of the program as a plan has them; all other values are 0. `values` [columns]. */
void dr_plan_binaries(const struct dr_program *program, const struct dr_plan *plan, double *values);

#endif
