/* SPDX-License-Identifier: Apache-2.0 */
/* fairness.h: what accounts held against what was their due.
 *
 * Accounts of one parent are judged against each other, bin by bin: what they held together is
 * shared out among them by the rules of docs/policy.md, section 2. First each gets what it wants
 * (what it holds and what its waiting jobs ask for) within its guarantee; the rest goes by weight,
 * to nobody more than it wants (weighted max-min: Bertsekas and Gallager, Data Networks, 1992,
 * section 6.5.2). Accelerators of all chips count alike. An account's deviation is what it held
 * less its due, over the bins in which it wanted more than it held. Jain's index is that of R.
 * Jain, D. Chiu and W. Hawe, DEC TR-301, 1984, of what accounts held over their due in these bins.
 */
#ifndef DR_SIM_FAIRNESS_H
#define DR_SIM_FAIRNESS_H

#include "sim/series.h"

struct dr_fairness {
    uint32_t account_row;  /* whose deviation is the largest; DR_ROW_NONE: all are 0 */
    int64_t deviation;     /* without its sign, over all accelerators that there were; millionths */
    int64_t hours;         /* with its sign, in accelerator-hours; millionths */
    int64_t jain;          /* millionths; 1000000: all got the same part of their due */
    uint32_t judged_count; /* accounts that wanted more than they held at some time */
};

/* Of lines whose bins are closed. */
struct dr_fairness dr_fairness_of(const struct dr_series *series);

#endif
