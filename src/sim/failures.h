/* SPDX-License-Identifier: Apache-2.0 */
/* failures.h: nodes that fail and are repaired: drawn by chance, by rates per chip, or as a list
 * says (docs/simulator.md).
 *
 * Each node has draws of its own, from the seed and its id, so that what fails does not depend on
 * what runs, nor on the rates of other chips. A node for which several causes overlap is up again
 * when the last of them is over. */
#ifndef DR_SIM_FAILURES_H
#define DR_SIM_FAILURES_H

#include "core/core.h"

/* Of each node of pools with this chip; times are exponentially distributed. */
struct dr_failure_rate {
    char chip[DR_NAME_BYTES]; /* "any": all chips that are not named, and nodes without */
    int64_t mtbf_us;          /* mean time between the end of a repair and the next failure */
    int64_t repair_us;        /* mean time to repair */
};
#define DR_FAILURE_RATES_MAX 64

struct dr_failures_options {
    struct dr_failure_rate rates[DR_FAILURE_RATES_MAX];
    uint32_t rates_count;
    const char *list; /* path of a CSV file, `site,pool,node,down_s,up_s`; NULL: none */
};

struct dr_failures;

/* Draws begin at `from_us`; 0 of the list's clock is `base_us`. DR_E_INPUT: a chip that the
 * federation does not have, a row that is wrong; DR_E_MISSING, DR_E_IO: the list. */
DR_MUST_USE enum dr_status dr_failures_open(struct dr_failures **failures,
                                            const struct dr_core *core,
                                            const struct dr_failures_options *options,
                                            uint64_t seed, int64_t from_us, int64_t base_us,
                                            struct dr_error *error);
/* Accepts NULL. */
void dr_failures_close(struct dr_failures *failures);

/* When something may change next; DR_FOREVER_US: never. */
int64_t dr_failures_next_us(const struct dr_failures *failures);

/* A node that goes down, or comes up, at the earliest time up to `now_us`. 0: there is none. */
struct dr_failure {
    dr_node_id node;
    int is_down;
};
int dr_failures_pop(struct dr_failures *failures, int64_t now_us, struct dr_failure *failure);

/* Repairs that are under way: of what has failed and does not stay down for ever. */
uint32_t dr_failures_repairs(const struct dr_failures *failures);

#endif
