/* SPDX-License-Identifier: Apache-2.0 */
/* See fleet.h; read dr_fleet_init() at the end first. */
#include "rehearsal/fleet.h"

#include <string.h>

#include "base/math.h"
#include "base/sort.h"

#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)
#define NODE_MAX      8

uint32_t dr_fleet_node(const struct dr_plan_chip *chip)
{
    uint32_t node = dr_min_u32(chip->lot, NODE_MAX);

    if (chip->lot < 4)
        return NODE_MAX;
    while (chip->lot % node != 0)
        node -= 1;
    return node;
}

int64_t dr_fleet_widest(const struct dr_plan_inputs *inputs, const struct dr_fleet_pool *pool)
{
    int64_t node = dr_fleet_node(&inputs->chips[pool->chip]);

    return pool->count < node ? pool->count : pool->count / node * node;
}

/* ---- groups and pools ---- */

static uint32_t sectors_of(const struct dr_plan_inputs *inputs, uint32_t site, uint32_t chip)
{
    uint32_t sectors = 0;

    FOR(k, inputs->sectors_count) {
        if (dr_plan_allowed(inputs, k, site) && inputs->sectors[k].speed_micro[chip] > 0)
            sectors |= 1u << k;
    }
    return sectors;
}

static int64_t available_milli(const struct dr_fleet *fleet, const struct dr_plan *plan,
                               uint32_t site, uint32_t chip)
{
    return dr_mul_div_floor(plan->on_milli[site][chip][fleet->quarter],
                            fleet->inputs->chips[chip].available_micro,
                            (int64_t)fleet->scale * DR_PLAN_MICRO);
}

static void name_group(struct dr_fleet *fleet, struct dr_fleet_group *group)
{
    const char *chip = fleet->inputs->chips[group->chip].name;
    uint32_t before = 0;

    FOR(g, fleet->groups_count)
        before += fleet->groups[g].chip == group->chip;
    if (strlen(chip) + 8 < DR_NAME_BYTES)
        dr_format(group->name, sizeof group->name, "%s-%u", chip, before + 1);
    else
        dr_format(group->name, sizeof group->name, "chip%u-%u", group->chip + 1, before + 1);
}

/* The group's place; DR_FLEET_GROUPS_MAX: there is no room for another one. */
static uint32_t group_of(struct dr_fleet *fleet, uint32_t chip, uint32_t sectors)
{
    FOR(g, fleet->groups_count) {
        if (fleet->groups[g].chip == chip && fleet->groups[g].sectors == sectors)
            return g;
    }
    if (fleet->groups_count == DR_FLEET_GROUPS_MAX)
        return DR_FLEET_GROUPS_MAX;
    fleet->groups[fleet->groups_count] = (struct dr_fleet_group){.chip = chip, .sectors = sectors};
    name_group(fleet, &fleet->groups[fleet->groups_count]);
    fleet->groups_count += 1;
    return fleet->groups_count - 1;
}

static enum dr_status list_pools(struct dr_fleet *fleet, const struct dr_plan *plan,
                                 struct dr_error *error)
{
    const struct dr_plan_inputs *inputs = fleet->inputs;

    FOR(s, inputs->sites_count) {
        FOR(c, inputs->chips_count) {
            int64_t milli = available_milli(fleet, plan, s, c);
            uint32_t sectors = sectors_of(inputs, s, c);
            uint32_t group;

            if (milli == 0 || sectors == 0)
                continue;
            group = group_of(fleet, c, sectors);
            if (group == DR_FLEET_GROUPS_MAX) {
                dr_error_set(error, NULL, 0, "", "more",
                             "at most %d pairs of a chip and of sectors that may use it at some "
                             "sites: merge grades or zones",
                             DR_FLEET_GROUPS_MAX);
                return DR_E_FULL;
            }
            fleet->groups[group].exact_milli += milli;
            fleet->pools[fleet->pools_count] = (struct dr_fleet_pool){s, c, group, milli / 1000};
            fleet->pools_count += 1;
        }
    }
    return DR_OK;
}

/* ---- whole accelerators ---- */

struct remainder {
    uint32_t pool;
    int64_t milli;
};

static int largest_first(const void *a, const void *b, const void *context)
{
    const struct remainder *x = a, *y = b;

    (void)context;
    if (x->milli != y->milli)
        return x->milli > y->milli ? -1 : 1;
    return x->pool < y->pool ? -1 : x->pool > y->pool;
}

static void round_group(struct dr_fleet *fleet, const struct dr_plan *plan, uint32_t g)
{
    struct dr_fleet_group *group = &fleet->groups[g];
    struct remainder rest[DR_PLAN_SITES_MAX];
    uint32_t count = 0;
    int64_t left;

    group->count = dr_max_i64(1, (group->exact_milli + 500) / 1000);
    left = group->count;
    FOR(p, fleet->pools_count) {
        const struct dr_fleet_pool *pool = &fleet->pools[p];

        if (pool->group != g)
            continue;
        rest[count] = (struct remainder){p, available_milli(fleet, plan, pool->site, pool->chip) -
                                                pool->count * 1000};
        count += 1;
        left -= pool->count;
    }
    dr_sort(rest, count, sizeof rest[0], largest_first, NULL);
    for (uint32_t i = 0; left > 0; i = (i + 1) % count, left -= 1)
        fleet->pools[rest[i].pool].count += 1;
}

/* Pools in which nothing is left over go. */
static void drop_empty(struct dr_fleet *fleet)
{
    uint32_t kept = 0;

    FOR(p, fleet->pools_count) {
        if (fleet->pools[p].count == 0)
            continue;
        fleet->accelerators += fleet->pools[p].count;
        fleet->pools[kept] = fleet->pools[p];
        kept += 1;
    }
    fleet->pools_count = kept;
}

/* ---- guarantees and work ---- */

static void give(struct dr_fleet *fleet, const struct dr_plan *plan)
{
    const struct dr_plan_inputs *inputs = fleet->inputs;

    FOR(k, inputs->sectors_count) {
        int64_t exact[DR_FLEET_GROUPS_MAX] = {0}; /* thousandths, not scaled */

        FOR(s, inputs->sites_count) {
            FOR(c, inputs->chips_count) {
                int64_t use = plan->use_milli[k][s][c][fleet->quarter];
                uint32_t g = 0;

                if (use == 0)
                    continue;
                fleet->work_micro[k][c] += dr_mul_div_floor(
                    use * 1000 / fleet->scale, dr_plan_yield(inputs, k, c, fleet->quarter),
                    DR_PLAN_MICRO * DR_PLAN_MICRO);
                fleet->given_milli[k] += use / fleet->scale;
                while (g < fleet->groups_count &&
                       (fleet->groups[g].chip != c ||
                        fleet->groups[g].sectors != sectors_of(inputs, s, c)))
                    g += 1;
                if (g < fleet->groups_count)
                    exact[g] += use;
            }
        }
        FOR(g, fleet->groups_count) {
            struct dr_fleet_group *group = &fleet->groups[g];
            int64_t whole_milli = dr_min_i64(group->exact_milli, group->count * 1000);

            if (group->exact_milli > 0)
                group->guarantee_milli[k] =
                    dr_mul_div_floor(exact[g] / fleet->scale, whole_milli, group->exact_milli);
        }
    }
}

/* Rounding may make the guarantees of a group one thousandth too many. */
static void fit_guarantees(struct dr_fleet *fleet)
{
    FOR(g, fleet->groups_count) {
        struct dr_fleet_group *group = &fleet->groups[g];
        int64_t sum = 0;

        FOR(k, fleet->inputs->sectors_count) {
            group->guarantee_milli[k] =
                dr_min_i64(group->guarantee_milli[k], group->count * 1000 - sum);
            sum += group->guarantee_milli[k];
        }
    }
}

/* ---- power ---- */

static int64_t power_there_w(const struct dr_plan_inputs *inputs, const struct dr_plan *plan,
                             uint32_t site, uint32_t quarter)
{
    int64_t power_w = inputs->sites[site].power_w;

    FOR(p, inputs->sites[site].phases_count) {
        const struct dr_plan_phase *phase = &inputs->sites[site].phases[p];
        int64_t there = phase->begun ? phase->quarter
                        : plan->phase[site][p] == DR_PLAN_NEVER
                            ? INT32_MAX
                            : plan->phase[site][p] + (int64_t)phase->build_quarters;

        if (there <= quarter)
            power_w += phase->power_w;
    }
    return power_w;
}

static int64_t facility_w(const struct dr_plan_inputs *inputs, uint32_t site, int64_t milli,
                          int64_t each_w)
{
    return dr_mul_div_ceil(milli * each_w, inputs->sites[site].pue_micro, 1000 * DR_PLAN_MICRO);
}

/* Caps are the plan's, scaled; less what draws there and is not in a pool, and with what whole
 * accelerators draw more than the exact ones would. */
static void cap_power(struct dr_fleet *fleet, const struct dr_plan *plan)
{
    const struct dr_plan_inputs *inputs = fleet->inputs;

    FOR(z, inputs->zones_count) {
        int64_t grid_w = inputs->zones[z].grid_w[fleet->quarter];

        fleet->zone_cap_w[z] = grid_w == INT64_MAX ? INT64_MAX : grid_w / fleet->scale;
    }
    FOR(s, inputs->sites_count) {
        int64_t more_w = 0;

        FOR(c, inputs->chips_count) {
            const struct dr_plan_chip *chip = &inputs->chips[c];
            int64_t on_milli = plan->on_milli[s][c][fleet->quarter] / fleet->scale;
            int64_t count_milli = 0;

            FOR(p, fleet->pools_count) {
                if (fleet->pools[p].site == s && fleet->pools[p].chip == c)
                    count_milli = fleet->pools[p].count * 1000;
            }
            if (count_milli > on_milli)
                more_w += facility_w(inputs, s, count_milli - on_milli, chip->busy_w);
            else
                more_w -= facility_w(inputs, s, on_milli - count_milli, chip->idle_w);
        }
        fleet->site_cap_w[s] =
            dr_max_i64(1, power_there_w(inputs, plan, s, fleet->quarter) / fleet->scale + more_w);
        if (fleet->zone_cap_w[inputs->sites[s].zone] != INT64_MAX)
            fleet->zone_cap_w[inputs->sites[s].zone] += more_w;
    }
    FOR(z, inputs->zones_count)
        fleet->zone_cap_w[z] = dr_max_i64(1, fleet->zone_cap_w[z]);
}

enum dr_status dr_fleet_init(struct dr_fleet *fleet, const struct dr_plan_inputs *inputs,
                             const struct dr_plan *plan, const struct dr_plan_sums *sums,
                             uint32_t quarter, uint32_t scale, struct dr_error *error)
{
    enum dr_status status;

    memset(fleet, 0, sizeof *fleet);
    fleet->inputs = inputs;
    fleet->quarter = quarter;
    fleet->scale = scale;
    FOR(k, inputs->sectors_count) {
        fleet->served[k] = sums->served[k][quarter];
        fleet->demand[k] = inputs->sectors[k].demand[quarter];
    }
    status = list_pools(fleet, plan, error);
    if (status != DR_OK)
        return status;
    FOR(g, fleet->groups_count)
        round_group(fleet, plan, g);
    drop_empty(fleet);
    give(fleet, plan);
    fit_guarantees(fleet);
    cap_power(fleet, plan);
    return DR_OK;
}
