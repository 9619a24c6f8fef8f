/* SPDX-License-Identifier: Apache-2.0 */
/* nation_quality.h: how good the core's choices are, judged by the bench's own books.
 *
 * Of every `each`th start the cost is compared with a search over all pools and ways: what is free,
 * allowed by quotas, consent and power at that instant, priced by POLICY section 4 (run, energy,
 * span; what the core adds for data and breakage is not counted on either side). Accelerators that
 * a reservation names for before the job's end are not free. Where many wait, a second core that is
 * given the same facts is asked of each cheaper place whether starting there would delay a job that
 * holds a reservation, as `why` is: by nodes, or by what it counts on in quotas. Such a place is
 * not free either; nobody has to displace a reservation while there is another place (POLICY,
 * section 5). */
#ifndef DR_BENCH_NATION_QUALITY_H
#define DR_BENCH_NATION_QUALITY_H

#include "nation_ledger.h"

#define QUALITY_SAMPLES 1000

struct nation_quality {
    uint32_t each;
    uint64_t seen;
    uint32_t count;
    double chosen; /* sums */
    double best;
    double above[QUALITY_SAMPLES]; /* chosen over best, less 1 */
    uint32_t elsewhere;            /* decisions for which something cheaper was there */
    uint32_t reserved;             /* ... or only where it would delay a reservation */
    struct dr_core *second;        /* NULL: nobody is asked */
};

/* Begin to look; `expected` starts are to come. `asks`: with a second core. */
void quality_watch(struct nation *nation, struct nation_quality *quality, uint64_t expected,
                   int asks);

/* No more. */
void quality_done(struct nation *nation, struct nation_quality *quality);

/* The largest difference between siblings who both still wait, in the account tree: weighted share
 * of the capacity, as in POLICY section 2, in percent. Leaves and what is above them apart. */
struct nation_fairness {
    double leaves;
    double above;
};
struct nation_fairness quality_fairness(const struct nation *nation);

#endif
