/* SPDX-License-Identifier: Apache-2.0 */
/* fault.h: places where a test kills the controller, always compiled in.
 *
 * DAERO_FAULT=after_append:3 ends the process with SIGKILL as it passes after_append for the third
 * time. Without the variable a pass costs one comparison. */
#ifndef DR_SERVE_FAULT_H
#define DR_SERVE_FAULT_H

#include <stdint.h>

#include "base/status.h"

#define DR_FAULT_VARIABLE "DAERO_FAULT"

#define DR_FAULTS(X)                                                                    \
    X(AFTER_GATHER, after_gather, "what came in is in memory, nothing has been judged") \
    X(AFTER_ADMIT, after_admit, "admitted, nothing decided")                            \
    X(BEFORE_APPEND, before_append, "decided, nothing durable")                         \
    X(AFTER_APPEND, after_append, "durable, nobody knows")                              \
    X(BEFORE_ANSWER, before_answer, "before each answer to a client")                   \
    X(AFTER_ANSWER, after_answer, "after each answer to a client")                      \
    X(BEFORE_EFFECT, before_effect, "before each order to an engine")                   \
    X(AFTER_EFFECT, after_effect, "after each order to an engine")

enum dr_fault_point {
    DR_FAULT_NONE,
#define DR_ENUM(NAME, name, text) DR_FAULT_##NAME,
    DR_FAULTS(DR_ENUM)
#undef DR_ENUM
};

struct dr_fault {
    enum dr_fault_point point;
    uint64_t left; /* passes until it strikes */
};

/* From the environment. DR_E_INPUT: the variable names no point, or no count. */
DR_MUST_USE enum dr_status dr_fault_init(struct dr_fault *fault, struct dr_error *error);

/* The process ends here. */
DR_NORETURN void dr_fault_strike(void);

static inline void dr_fault_pass(struct dr_fault *fault, enum dr_fault_point point)
{
    if (fault->point != point)
        return;
    fault->left -= 1;
    if (fault->left == 0)
        dr_fault_strike();
}

#endif
