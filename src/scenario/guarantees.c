/* SPDX-License-Identifier: Apache-2.0 */
/* Who is guaranteed what at a moment.
 *
 * Tables state guarantees of the whole fleet, in accelerators or as shares; machines arrive over
 * years, in several chips. So every account has the part of each quota group that its stated
 * guarantee is of its parent's: an account with 1,024 of 9,704 accelerators has 1,024 / 9,704 of
 * each chip's that are in place. The owner's own account, the holder, has all of the group but a
 * reserve, which the setting guaranteed_share states. */
#include "base/math.h"
#include "scenario/tables.h"

static int64_t type_of(const struct dr_scenario *scenario, uint32_t tenant)
{
    return value_of(scenario, TABLE_TENANT, tenant, TENANT_guarantee_type);
}

static int64_t stated(const struct dr_scenario *scenario, uint32_t tenant)
{
    return value_of(scenario, TABLE_TENANT, tenant, TENANT_guarantee);
}

/* Divide what `parent` has among the accounts below it. Counts come first; shares are of the
 * parent's amount, and where they ask for more than the counts leave they are cut in proportion. */
static void divide(const struct dr_scenario *scenario, uint32_t parent, int64_t *amounts)
{
    uint32_t tenants = rows_of(scenario, TABLE_TENANT);
    int64_t left = amounts[parent];
    int64_t shares = 0;
    int64_t base = amounts[parent];

    for (uint32_t t = 0; t < tenants; t += 1) {
        if (scenario->tenant_parent[t] != parent)
            continue;
        if (type_of(scenario, t) == GUARANTEE_GPUS) {
            amounts[t] =
                dr_mul_div_floor(amounts[parent], stated(scenario, t), stated(scenario, parent));
            left -= amounts[t];
        } else if (type_of(scenario, t) == GUARANTEE_SHARE) {
            shares += stated(scenario, t);
        }
    }
    if (dr_mul_div_ceil(base, shares, MICRO) > left)
        base = left; /* of which each then has its share of all shares */
    else
        shares = MICRO;
    for (uint32_t t = 0; t < tenants; t += 1) {
        if (scenario->tenant_parent[t] != parent)
            continue;
        if (type_of(scenario, t) == GUARANTEE_SHARE)
            amounts[t] = dr_mul_div_floor(base, stated(scenario, t), shares);
        if (amounts[t] > 0)
            divide(scenario, t, amounts);
    }
}

void dr_scenario_guarantees(const struct dr_scenario *scenario,
                            const struct dr_scenario_moment *moment, int64_t *amounts,
                            int64_t *installed)
{
    uint32_t tenants = rows_of(scenario, TABLE_TENANT);

    for (uint32_t g = 0; g < scenario->groups_count; g += 1) {
        int64_t *of_group = &amounts[(size_t)g * tenants];

        installed[g] = 0;
        for (uint32_t p = 0; p < scenario->pools_count; p += 1)
            installed[g] +=
                scenario->pools[p].group == g ? dr_scenario_pool_count(scenario, p, moment) : 0;
        for (uint32_t t = 0; t < tenants; t += 1)
            of_group[t] = 0;
        of_group[scenario->groups[g].holder] =
            dr_mul_div_floor(installed[g], scenario->settings.guaranteed_milli, 1000);
        if (installed[g] > 0)
            divide(scenario, scenario->groups[g].holder, of_group);
    }
}
