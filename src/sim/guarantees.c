/* SPDX-License-Identifier: Apache-2.0 */
/* See guarantees.h. */
#include "sim/guarantees.h"

#include <stdlib.h>

#include "core/place.h"

void dr_guarantees_init(struct dr_guarantees *guarantees, const struct dr_core *core)
{
    *guarantees = (struct dr_guarantees){.core = core, .groups = core->groups_count};
    guarantees->asked =
        calloc((size_t)core->accounts_count * core->groups_count + 1, sizeof guarantees->asked[0]);
    DR_ASSERT(guarantees->asked != NULL);
}

void dr_guarantees_deinit(struct dr_guarantees *guarantees)
{
    free(guarantees->asked);
    free(guarantees->delays_us);
}

int64_t dr_asked_milli(const struct dr_core *core, const struct dr_job *job)
{
    return dr_alternative_amounts(&core->shapes[job->shape].alternatives[0])
        .of[DR_RESOURCE_ACCELERATORS];
}

static uint32_t group_of(const struct dr_core *core, const struct dr_job *job)
{
    struct dr_place_group groups[DR_PLACE_GROUPS_MAX];

    if (dr_asked_milli(core, job) == 0 || dr_place_groups(core, job, groups) == 0)
        return 0;
    return core->pools[groups[0].pool.v - 1].groups[DR_RESOURCE_ACCELERATORS].v;
}

static int64_t *asked_at(const struct dr_guarantees *guarantees, uint32_t account, uint32_t group)
{
    DR_ASSERT(group <= guarantees->groups);
    return &guarantees->asked[(size_t)(account - 1) * guarantees->groups + group - 1];
}

static int is_within(const struct dr_guarantees *guarantees, uint32_t account, uint32_t group)
{
    const struct dr_quota *quota =
        dr_quota_at(guarantees->core, (dr_account_id){account}, (dr_group_id){group});

    return quota->use + *asked_at(guarantees, account, group) <= quota->guarantee;
}

struct dr_asked dr_guarantees_submitted(struct dr_guarantees *guarantees, int64_t now_us,
                                        uint32_t job_row)
{
    const struct dr_core *core = guarantees->core;
    const struct dr_job *job = &core->jobs[job_row];
    struct dr_asked asked = {.group = (uint16_t)group_of(core, job)};
    int may_start = job->ties == 0 && dr_job_terms(core, job)->begin_us <= now_us;

    dr_guarantees_waits(guarantees, job_row, asked, 1);
    if (asked.group == 0 || !may_start)
        return asked;
    for (dr_account_id at = job->account; core->accounts[at.v - 1].parent.v != 0;
         at = core->accounts[at.v - 1].parent)
        asked.within |= (uint8_t)is_within(guarantees, at.v, asked.group);
    return asked;
}

void dr_guarantees_waits(struct dr_guarantees *guarantees, uint32_t job_row, struct dr_asked asked,
                         int sign)
{
    const struct dr_core *core = guarantees->core;
    const struct dr_job *job = &core->jobs[job_row];
    int64_t milli = dr_asked_milli(core, job);

    if (asked.group == 0)
        return;
    for (dr_account_id at = job->account; at.v != 0; at = core->accounts[at.v - 1].parent)
        *asked_at(guarantees, at.v, asked.group) += sign * milli;
}

void dr_guarantees_delay(struct dr_guarantees *guarantees, int64_t delay_us)
{
    if (guarantees->count == guarantees->count_max) {
        guarantees->count_max = guarantees->count_max == 0 ? 1024 : 2 * guarantees->count_max;
        guarantees->delays_us =
            realloc(guarantees->delays_us, guarantees->count_max * sizeof guarantees->delays_us[0]);
        DR_ASSERT(guarantees->delays_us != NULL);
    }
    guarantees->delays_us[guarantees->count] = delay_us;
    guarantees->count += 1;
}
