/* SPDX-License-Identifier: Apache-2.0 */
/* wire.h: what the planner and its solver say to each other, over a pair of pipes.
 *
 * The solver is a program of its own (daero-solver), since CBC writes to standard output whatever
 * it is told, overruns its limits, and may take any amount of memory: it is given rlimits, and
 * killed when it is late. Both sides are one build on one machine, so structs go as they are.
 *
 * First WIRE_LOAD with a model, then any number of WIRE_LP and WIRE_MIP over it, each with bounds
 * of its own. Every message is a struct wire_header and `bytes` bytes behind it. */
#ifndef DR_PLAN_SOLVER_WIRE_H
#define DR_PLAN_SOLVER_WIRE_H

#include <stdint.h>

enum wire_kind {
    WIRE_LOAD,   /* struct wire_model, then starts, rows, values (by column), column lower, column
                    upper, cost, row lower, row upper, integer (one byte each) */
    WIRE_LP,     /* struct wire_limits, column lower, column upper, cost: answered by WIRE_ANSWER,
                    values, row duals, reduced costs */
    WIRE_MIP,    /* struct wire_limits, column lower, column upper, cost, integer, start: answered
                    by WIRE_ANSWER, values */
    WIRE_ANSWER, /* struct wire_answer, then arrays as above; none without a solution */
    WIRE_PUT,    /* struct wire_basis, then it: kept there */
    WIRE_GET,    /* struct wire_basis: answered by WIRE_ANSWER, then, where there is one, it */
};

struct wire_header {
    uint32_t kind;
    uint32_t padding;
    uint64_t bytes;
};

struct wire_model {
    uint32_t rows;
    uint32_t columns;
    uint64_t entries;
};

struct wire_limits {
    double seconds;     /* of the clock; 0: none */
    double gap;         /* relative: good enough */
    double cutoff;      /* only solutions below; 1e50: any */
    int64_t nodes;      /* MIP; -1: any */
    int64_t iterations; /* LP, of dual simplex; 0: any */
    uint32_t from;      /* LP: the basis to begin from: one that was kept; 0: the last */
    uint32_t keep;      /* LP: as what its basis is kept; 0: it isn't */
    uint32_t has_start;
    uint32_t primal; /* LP: 1: by primal simplex */
};

/* A basis is a byte for each column, then for each row: Clp's own states. */
struct wire_basis {
    uint32_t place;
    uint32_t unused; /* 0: nothing between members */
};

enum wire_result {
    WIRE_OPTIMAL,
    WIRE_FEASIBLE,   /* a solution, and a limit was met before it was proven the best */
    WIRE_INFEASIBLE, /* there is none (below the cutoff; LP: with values, if that is why) */
    WIRE_NONE,       /* a limit was met before one was found */
    WIRE_FAILED,     /* unbounded, or given up for numerical reasons */
};

struct wire_answer {
    uint32_t result;
    uint32_t has_values;
    double cost;
    double bound; /* no solution can cost less */
    int64_t nodes;
};

#endif
