/* SPDX-License-Identifier: Apache-2.0 */
/* fleet.h: what a plan has in one quarter, as a federation can have it: whole accelerators, in
 * nodes, in pools, in quota groups, with guarantees and power caps. See dr_fleet_init().
 *
 * Scaled: one accelerator stands for `scale` of the plan. What the plan counts in thousandths
 * becomes whole by largest remainders within a quota group, so that no group, and by that no
 * sector, gains or loses more than half an accelerator; a group that has anything has one at least.
 */
#ifndef DR_REHEARSAL_FLEET_H
#define DR_REHEARSAL_FLEET_H

#include "base/buffer.h"
#include "plan/result/plan.h"

#define DR_FLEET_GROUPS_MAX 188 /* with one of CPUs and one of memory, what a core has room for */

/* A chip at the sites that the same sectors may use: what they are guaranteed there, they get at
 * any of these. */
struct dr_fleet_group {
    char name[DR_NAME_BYTES];
    uint32_t chip;
    uint32_t sectors;    /* bits: who may use it, by law and by what the chip can do */
    int64_t exact_milli; /* available accelerators, scaled */
    int64_t count;       /* the same, whole */
    int64_t guarantee_milli[DR_PLAN_SECTORS_MAX]; /* what the plan gives, scaled; in all at most
                                                     `count` */
};

struct dr_fleet_pool {
    uint32_t site, chip, group;
    int64_t count; /* accelerators */
};

struct dr_fleet {
    const struct dr_plan_inputs *inputs;
    uint32_t quarter;
    uint32_t scale;
    uint32_t groups_count;
    struct dr_fleet_group groups[DR_FLEET_GROUPS_MAX];
    uint32_t pools_count;
    struct dr_fleet_pool pools[DR_PLAN_SITES_MAX * DR_PLAN_CHIPS_MAX];
    int64_t accelerators;                  /* in all */
    int64_t site_cap_w[DR_PLAN_SITES_MAX]; /* scaled */
    int64_t zone_cap_w[DR_PLAN_ZONES_MAX]; /* scaled; INT64_MAX: none */
    /* What the plan gives to each sector, scaled; and the work that it says gets done and is asked
     * for, of all the sector, not scaled. */
    int64_t given_milli[DR_PLAN_SECTORS_MAX];
    int64_t served[DR_PLAN_SECTORS_MAX], demand[DR_PLAN_SECTORS_MAX];
    /* Of the sector's work, what the plan does on each chip: units, scaled, in millionths. */
    int64_t work_micro[DR_PLAN_SECTORS_MAX][DR_PLAN_CHIPS_MAX];
};

/* A quarter of a plan that keeps its rules. What nobody may use is left out, and so is what is
 * expected to be out of order (chips.csv, available_percent).
 *
 * served  [sectors][quarters] of dr_plan_check().
 *
 * DR_E_FULL: more quota groups than a core has room for; `error` says so. */
DR_MUST_USE enum dr_status dr_fleet_init(struct dr_fleet *fleet,
                                         const struct dr_plan_inputs *inputs,
                                         const struct dr_plan *plan,
                                         const struct dr_plan_sums *sums, uint32_t quarter,
                                         uint32_t scale, struct dr_error *error);

/* Accelerators of a node: the largest part of a lot that is 8 or less; 8 where a lot is less than
 * four, which says nothing of nodes. */
uint32_t dr_fleet_node(const struct dr_plan_chip *chip);

/* A pool has nodes of that size, and one smaller node for the rest, which is a pool of its own.
 * The accelerators of the larger of the two: what a gang can have. */
int64_t dr_fleet_widest(const struct dr_plan_inputs *inputs, const struct dr_fleet_pool *pool);

/* As docs/formats/federation.md has it: a site each, a pool for each chip, an account for each
 * sector. Law is written twice: as data classes that sites may host, one for each sector, which
 * jobs state; and as the consent of pools, which holds for whatever the account submits. */
void dr_fleet_write(const struct dr_fleet *fleet, struct dr_buffer *yaml);

#endif
