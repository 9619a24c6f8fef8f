/* SPDX-License-Identifier: Apache-2.0 */
/* solver.h: linear and mixed-integer programs, solved in a child process.
 *
 * dr_solver_open() starts daero-solver, which lies beside this program, and gives it a model; each
 * solve then brings bounds of its own. Clp and CBC do the work (one thread, fixed seeds, so the
 * same requests get the same answers unless a limit of time cuts them). The child is killed when it
 * is later than its limit by more than a fifth and 5 s; then the next request starts another. */
#ifndef DR_PLAN_SOLVER_H
#define DR_PLAN_SOLVER_H

#include <signal.h>

#include "base/status.h"
#include "plan/program/model.h"

struct dr_solver;

enum dr_solver_result {
    DR_SOLVER_OPTIMAL,
    DR_SOLVER_FEASIBLE,   /* a limit was met before it was proven to be the best */
    DR_SOLVER_INFEASIBLE, /* nothing keeps all rows, or nothing below the cutoff does */
    DR_SOLVER_NONE,       /* a limit was met before anything was found */
    DR_SOLVER_FAILED,     /* unbounded, given up, or the child died */
};

struct dr_solver_limits {
    double seconds; /* by the clock; 0: none */
    double gap;     /* relative; 0: until proven */
    double cutoff;  /* 0: none */
    int64_t nodes;  /* 0: any */
    /* LP: steps of dual simplex (0: any), the kept basis to begin from (0: the last), and as what
     * its own is kept (0: it isn't). Bases are numbered from 1 by the caller; one that was lost
     * with a child is as good as none. */
    int64_t iterations;
    uint32_t from, keep;
    int primal; /* LP: 1: by primal simplex; for other costs from a basis whose values keep the rows
                   and bounds */
};

struct dr_solver_answer {
    enum dr_solver_result result;
    int has_values;
    double cost;  /* LP, also where steps ended before it was solved: what it costs at least */
    double bound; /* MIP: proven; no solution costs less */
    int64_t nodes;
};

/* Start it. `model` is borrowed until the close.
 *
 * stop  not 0: whoever waits for an answer is to stop waiting (DR_SOLVER_FAILED). NULL: never.
 *
 * DR_E_MISSING: there is no daero-solver beside this program. DR_E_IO: it can't be started. */
DR_MUST_USE enum dr_status dr_solver_open(struct dr_solver **solver, const struct dr_model *model,
                                          const volatile sig_atomic_t *stop,
                                          struct dr_error *error);
/* Accepts NULL. */
void dr_solver_close(struct dr_solver *solver);

/* The linear program: bounds [columns] (NULL: the model's), costs (NULL: the model's).
 *
 * Given up where it is known to cost more than the cutoff: DR_SOLVER_INFEASIBLE, and has_values
 * where that is why; then `values` keep not all rows, and with `reduced` say how much it costs at
 * least. Given up after so many steps: DR_SOLVER_NONE; `cost` is what it costs at least.
 *
 * values  [columns], written where there is a solution; NULL: not wanted. So are `duals` [rows] and
 *         `reduced` [columns]: what one more of a row's side, or of a column, costs. */
struct dr_solver_answer dr_solver_lp(struct dr_solver *solver, const double *lower,
                                     const double *upper, const double *cost,
                                     const struct dr_solver_limits *limits, double *values,
                                     double *duals, double *reduced);

/* With those columns whole whose `integer` [columns] is not 0 (NULL: the model's).
 * start  [columns] or NULL: a solution from which to begin. */
struct dr_solver_answer dr_solver_mip(struct dr_solver *solver, const double *lower,
                                      const double *upper, const uint8_t *integer,
                                      const double *start, const struct dr_solver_limits *limits,
                                      double *values);

/* A kept basis in a solver of its own, or of the same model in another process. `basis` [columns +
 * rows], a byte each, as Clp has them. 0: there is none, or no solver. */
int dr_solver_get_basis(struct dr_solver *solver, uint32_t number, uint8_t *basis);
int dr_solver_put_basis(struct dr_solver *solver, uint32_t number, const uint8_t *basis);

/* User and system time of all children so far, seconds. */
double dr_solver_cpu_s(const struct dr_solver *solver);

#endif
