/* SPDX-License-Identifier: Apache-2.0 */
/* search.h: a good solution of the program, and how far it can be from the best.
 *
 * All of it works on the condensed program (condense.h). In this order:
 *   1. the linear program (Clp): a bound that no solution passes;
 *   2. a dive: the binaries nearest to 1 are fixed there, some at a time, and the linear program is
 *      solved again: a first solution within seconds. Where that finds none, relax and fix: block
 *      after block of quarters with whole binaries, later ones still free, the earlier ones fixed
 *      (CBC; Pochet and Wolsey, Production Planning by Mixed Integer Programming, 2006, section
 *      3.6);
 *   3. phases are begun earlier, later, elsewhere or not at all while that saves something
 *      (moves.h);
 *   4. branch and bound over the phases raises the bound, with a dive and moves from every
 *      so-manieth node (tree.h), until the gap is as asked, or there is no time left.
 * A small program with orders in whole lots is solved whole, by CBC.
 * Steps end by counts (nodes, linear programs), so that the same program and options give the same
 * solution; only where one is late it is cut by the clock, and then the progress says so. */
#ifndef DR_PLAN_SEARCH_H
#define DR_PLAN_SEARCH_H

#include "plan/program/program.h"
#include "plan/search/solver.h"

struct dr_search_progress {
    const char *step;
    double seconds; /* since the beginning, by the clock */
    double cpu_s;   /* of the solver */
    int has_values;
    double cost; /* of the best so far, in the program's units */
    double bound;
    int bound_by_search; /* 1: by branch and bound; 0: the linear program's */
    int cut;             /* a step was cut by the clock: another run may differ */
};

struct dr_search_options {
    double seconds; /* for all of it */
    double gap;     /* relative: enough */
    int bound_only; /* 1: no more than it takes to say how little a plan can cost */
    /* bound_only: what a plan that is there costs, and the bound that is enough, in the program's
     * units. 0: the linear program's bound will do, or of a small program the best there is. */
    double known_cost, known_bound;
    /* Given the basis of the linear program [columns + rows of the condensed one], the caller's to
     * free: for dr_solver_put_basis(). NULL where there is none. NULL: not wanted. */
    uint8_t **basis;
    /* Called after each step and each better solution; NULL: nobody. */
    void (*progress)(void *context, const struct dr_search_progress *progress);
    void *context;
    const volatile sig_atomic_t *stop; /* not 0: end at once with what there is. NULL: never */
};

struct dr_search {
    struct dr_search_progress progress; /* the last */
    double first_s;                     /* when the first solution came */
    double *values;                     /* [columns] the best; owned */
    int infeasible;                     /* the linear program has no solution */
};

/* DR_OK, also when nothing was found; DR_E_MISSING, DR_E_IO: no solver. */
DR_MUST_USE enum dr_status dr_search_run(struct dr_search *search, const struct dr_program *program,
                                         const struct dr_search_options *options,
                                         struct dr_error *error);
void dr_search_deinit(struct dr_search *search);

#endif
