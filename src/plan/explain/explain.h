/* SPDX-License-Identifier: Apache-2.0 */
/* explain.h: what binds a plan, what one more is worth, and what to change where there is no plan.
 *
 * A program with binaries has no prices of its own. So what is begun and ordered at all is held
 * where the plan has it, and the linear program that remains is solved once more. Its duals say
 * which rules bind. A dual is what a side is worth on one of its two sides alone, and at a site
 * without power, say, it can be anything; so prices that people are told are found by giving the
 * rule a little more and solving again. They are true for small changes of this plan, in the
 * currency of the first quarter. */
#ifndef DR_PLAN_EXPLAIN_H
#define DR_PLAN_EXPLAIN_H

#include "plan/result/plan.h"
#include "plan/program/program.h"
#include "plan/search/solver.h"

#define DR_BINDING_MAX 4096

/* What one of a row's side is in the unit that people use for it, and its name. */
double dr_explain_unit(const struct dr_program *program, uint32_t row, const char **unit);

/* A rule that binds, in its quarter or year. */
struct dr_binding {
    uint32_t row;
    double worth;     /* of one more of `unit`, in the currency; never negative */
    const char *unit; /* "MW", "accelerator", "M of budget", "percentage point", ... */
    int asked;        /* 0: the rule allows so much, and one more saves that; 1: it asks for so
                         much (a target, a share, work that has to be done), and one more costs it */
    double stake;     /* of all that the rule allows or asks for, at this price */
};

/* Rows of policy and supply that bind, those with the most at stake first; how many. 0 also when
 * the program could not be solved. `values` [columns] of a solution. */
uint32_t dr_explain_binding(const struct dr_program *program, struct dr_solver *solver,
                            const double *values, struct dr_binding bindings[DR_BINDING_MAX]);

/* A rule at a place, over all quarters or years in which it binds. */
struct dr_price {
    uint32_t row;                 /* of the dearest, for dr_program_row_rule() and its time */
    uint32_t first_row, last_row; /* by time */
    uint32_t count;               /* quarters or years in which it binds */
    double worth;                 /* of one more of `unit` in all of them, in the currency */
    const char *unit;
    int asked;
    double stake;
};

/* What binds, added up by rule and place, and solved again with about a hundredth more (less, where
 * it is asked for) in all its quarters; those with the most at stake first. What is worth nothing
 * then is left out.
 *
 * prices  [count] of room; how many of them in `*prices_count`; 0 also where the program could not
 *         be solved.
 *
 * DR_E_MISSING, DR_E_IO: no solver. */
DR_MUST_USE enum dr_status dr_explain_prices(const struct dr_program *program, const double *values,
                                             const struct dr_binding *bindings, uint32_t count,
                                             struct dr_price *prices, uint32_t *prices_count,
                                             struct dr_error *error);

/* A phase that the plan does not begin. */
struct dr_not_begun {
    uint32_t site, phase;
    uint32_t quarter; /* in which beginning it would cost least, as far as that was looked for */
    double dearer; /* what that would cost, all in all, in the currency; below 0: it would save */
};

/* Those whose site's phase before is begun, or is the first; how many. Solved again with the phase
 * begun; one that would break a rule is left out. */
uint32_t dr_explain_not_begun(const struct dr_program *program, struct dr_solver *solver,
                              const double *values, struct dr_not_begun *phases,
                              uint32_t phases_max);

/* How a kind of rules would have to be relaxed. */
struct dr_relaxation {
    enum dr_plan_relax kind;
    int alone;     /* 1: this alone mends it; 0: one part of what does together */
    uint32_t rows; /* how many rules */
    uint32_t row;  /* the one that is broken most, for its name */
    double most;   /* by how much, in `unit` */
    double sum;
    const char *unit;
};

/* For inputs that no plan fits: each kind that mends it alone, in the scenario's order; if none
 * does, what does together: no kind of them can be left out, what comes late in that order is left
 * out where it can, and what is there of it is as little as possible. How many; 0: nothing that may
 * be relaxed mends it, or there is no solver. `program` is of these inputs, for the names of rows;
 * the caller's to deinit. By the linear program, so whole phases and least orders may ask for a
 * little more. */
uint32_t dr_explain_infeasible(const struct dr_plan_inputs *inputs,
                               struct dr_relaxation relaxations[DR_PLAN_RELAX_COUNT],
                               struct dr_program *program);

/* What dr_program_init() softens for kinds of rules [count]. */
uint64_t dr_explain_softened(const uint8_t *kinds, uint32_t count);
/* The linear program that breaks rules of these kinds as little as can be, what comes later among
 * them costing more; `program` was softened so, `values` [columns] has its SLACKs. 0: that does not
 * mend it, or it could not be solved. */
int dr_explain_soften(const struct dr_program *program, const uint8_t *kinds, uint32_t count,
                      double *values);

#endif
