/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_world.h"

#include <stdlib.h>

#include "test.h"

#define MICRO DR_PLAN_MICRO

static uint64_t dice;

uint32_t plan_roll(uint32_t below)
{
    dice = dice * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)((dice >> 33) % below);
}

void plan_dice(uint64_t seed)
{
    dice = seed;
    plan_roll(2);
}

struct dr_plan *plan_new(void)
{
    struct dr_plan *plan = calloc(1, sizeof *plan);

    if (plan == NULL)
        abort();
    for (uint32_t s = 0; s < DR_PLAN_SITES_MAX; s += 1) {
        for (uint32_t p = 0; p < DR_PLAN_PHASES_MAX; p += 1)
            plan->phase[s][p] = DR_PLAN_NEVER;
    }
    return plan;
}

static void make_site(struct dr_plan_inputs *inputs, uint32_t s, int short_of_power)
{
    struct dr_plan_site *site = &inputs->sites[s];

    dr_format(site->name, sizeof site->name, "site-%u", s);
    site->title = site->name;
    site->pue_micro = MICRO + plan_roll(400) * 1000;
    site->grade = 1;
    site->tariff = s;
    site->power_w = short_of_power ? plan_roll(3) * 10000 : 1000000;
    if (plan_roll(3) > 0) {
        site->phases_count = 1;
        site->phases[0] = (struct dr_plan_phase){.power_w = 10000 + plan_roll(3) * 10000,
                                                 .cost = 50000 + plan_roll(300000),
                                                 .build_quarters = plan_roll(3),
                                                 .quarter = (int32_t)plan_roll(2)};
    }
    dr_format(inputs->tariffs[s].name, DR_NAME_BYTES, "tariff-%u", s);
    for (uint32_t q = 0; q < 4; q += 1)
        inputs->tariffs[s].energy_micro[q] = 50000 + plan_roll(200000);
}

static void make_chip(struct dr_plan_inputs *inputs, uint32_t c)
{
    struct dr_plan_chip *chip = &inputs->chips[c];

    dr_format(chip->name, sizeof chip->name, "chip-%u", c);
    dr_format(chip->vendor, sizeof chip->vendor, "vendor-%u", c);
    chip->vendor_first = c;
    chip->domestic = c;
    chip->busy_w = 500 + plan_roll(1500);
    chip->idle_w = chip->busy_w / (2 + plan_roll(3));
    chip->compute_micro = MICRO * (1 + plan_roll(3));
    chip->available_micro = 900000 + plan_roll(100000);
    chip->upkeep_micro = plan_roll(100000);
    chip->lead_quarters = plan_roll(2);
    chip->life_quarters = 2 + plan_roll(10);
    chip->lot = 4 + 4 * plan_roll(2);
    chip->order_min = plan_roll(2) * 2 * chip->lot;
    for (uint32_t t = 0; t < inputs->quarters_count; t += 1) {
        chip->price[t] = 20000 + plan_roll(30000);
        chip->supply[t] = plan_roll(4) == 0 ? 0 : 2 * chip->lot;
    }
    inputs->sectors[0].speed_micro[c] = MICRO / 2 + plan_roll(2 * MICRO);
}

struct dr_plan_inputs *plan_world(uint64_t seed)
{
    struct dr_plan_inputs *inputs = calloc(1, sizeof *inputs);
    struct dr_plan_sector *sector;
    int two_sites;

    if (inputs == NULL)
        abort();
    plan_dice(seed);
    two_sites = (int)plan_roll(2);
    dr_copy_name(inputs->name, "tiny");
    dr_format(inputs->currency, sizeof inputs->currency, "USD");
    inputs->begin = 2027 * 4 + plan_roll(4);
    inputs->quarters_count = 3;
    inputs->years_count = dr_plan_year(inputs, inputs->quarters_count - 1) + 1;
    inputs->discount_micro = plan_roll(100000);
    inputs->carry_micro = plan_roll(2) * 300000;
    inputs->building_quarters = 20 + plan_roll(60);
    inputs->starts_max = plan_roll(2);
    inputs->steady_weight_micro = plan_roll(2) * 50000;
    inputs->steady_micro = plan_roll(500000);
    inputs->lost_quarter = INT32_MAX;
    inputs->zones_count = 1;
    dr_copy_name(inputs->zones[0].name, "zone");
    inputs->sectors_count = 1;
    sector = &inputs->sectors[0];
    dr_copy_name(sector->name, "science");
    sector->title = sector->name;
    sector->zones = 1;
    sector->unserved = 2000 + plan_roll(20000);
    sector->least_micro = plan_roll(3) == 0 ? 200000 : 0;
    sector->busy_micro = 500000 + plan_roll(500000);
    inputs->sites_count = two_sites ? 2 : 1;
    inputs->tariffs_count = inputs->sites_count;
    inputs->chips_count = two_sites ? 1 : 2;
    for (uint32_t s = 0; s < inputs->sites_count; s += 1)
        make_site(inputs, s, two_sites);
    for (uint32_t c = 0; c < inputs->chips_count; c += 1)
        make_chip(inputs, c);
    for (uint32_t t = 0; t < DR_PLAN_QUARTERS_MAX; t += 1) {
        inputs->zones[0].grid_w[t] = INT64_MAX;
        sector->demand[t] = t < inputs->quarters_count ? plan_roll(30) : 0;
    }
    for (uint32_t y = 0; y < DR_PLAN_YEARS_MAX; y += 1)
        inputs->budget[y] = plan_roll(3) == 0 ? INT64_MAX : 100000 + plan_roll(900000);
    if (!two_sites && plan_roll(2) == 0) {
        inputs->domestic_count = 1;
        inputs->domestic[0] = (struct dr_plan_domestic){
            .measure = (enum dr_plan_measure)plan_roll(3), .share_micro = plan_roll(800000)};
    }
    if (plan_roll(2) == 0)
        inputs->base[0][0][0] = inputs->base[0][0][1] = plan_roll(6);
    /* Without dice: worlds are as they were before there were factors. */
    for (uint32_t y = 0; y < inputs->years_count; y += 1)
        sector->factor_micro[y] =
            seed % 3 == 0 ? 600000 + (int64_t)((seed / 3 + y) % 4) * 97003 : 0;
    return inputs;
}

struct dr_plan_inputs *plan_world_lost(uint64_t seed)
{
    struct dr_plan_inputs *inputs = plan_world(seed);

    for (uint64_t next = seed; inputs->sites_count != 2;) {
        free(inputs);
        next += 1000003;
        inputs = plan_world(next);
    }
    inputs->zones_count = 2;
    dr_copy_name(inputs->zones[1].name, "other-zone");
    for (uint32_t t = 0; t < DR_PLAN_QUARTERS_MAX; t += 1)
        inputs->zones[1].grid_w[t] = INT64_MAX;
    inputs->sites[0].power_w += 10000;
    inputs->sites[1].power_w += 10000;
    inputs->sites[1].zone = 1;
    inputs->sectors[0].zones = 3;
    inputs->sectors[0].critical = 1;
    inputs->sectors[0].lost_micro = 50000 + plan_roll(400000);
    inputs->lost_quarter = 1 + (int32_t)plan_roll(2);
    return inputs;
}

struct dr_plan_inputs *plan_campus(void)
{
    static const struct dr_plan_chip chips[] = {
        {"old", "abroad", 0, 0, 900, 300, MICRO, 950000, 40000, 1, 6, 8, 0, {0}, {0}},
        {"new", "abroad", 0, 0, 1400, 400, 3 * MICRO, 950000, 40000, 2, 20, 8, 32, {0}, {0}},
        {"home", "home", 2, 1, 700, 200, 2 * MICRO, 930000, 50000, 1, 16, 4, 0, {0}, {0}},
    };
    static const int64_t prices[] = {20000, 48000, 21000}, supplies[] = {96, 160, 400};
    struct dr_plan_inputs *inputs = calloc(1, sizeof *inputs);

    if (inputs == NULL)
        abort();
    dr_copy_name(inputs->name, "campus");
    dr_format(inputs->currency, sizeof inputs->currency, "USD");
    inputs->begin = 2027 * 4 + 1;
    inputs->quarters_count = 8;
    inputs->years_count = dr_plan_year(inputs, 7) + 1;
    inputs->discount_micro = 50000;
    inputs->carry_micro = 200000;
    inputs->starts_max = 1;
    inputs->building_quarters = 60;
    inputs->steady_micro = 250000;
    inputs->steady_weight_micro = 30000;
    inputs->site_share_micro = 600000;
    inputs->zone_share_micro = 800000;
    inputs->vendor_share_micro = 700000;
    inputs->share_quarter = 4;
    inputs->lost_quarter = 4;
    inputs->lost_micro = -1;
    inputs->targets_count = 2;
    inputs->targets[0] = (struct dr_plan_target){.quarter = 4, .accelerators = 300};
    inputs->targets[1] = (struct dr_plan_target){.quarter = 7, .compute_micro = 1200 * MICRO};
    inputs->domestic_count = 3;
    for (uint32_t i = 0; i < 3; i += 1)
        inputs->domestic[i] = (struct dr_plan_domestic){
            .year = i, .measure = (enum dr_plan_measure)i, .share_micro = 250000 + i * 50000};
    inputs->zones_count = 2;
    inputs->tariffs_count = 1;
    dr_copy_name(inputs->tariffs[0].name, "day");
    for (uint32_t q = 0; q < 4; q += 1) {
        inputs->tariffs[0].energy_micro[q] = 90000 + q * 10000;
        inputs->tariffs[0].peak_micro[q] = 6 * MICRO;
    }
    inputs->sites_count = 3;
    for (uint32_t s = 0; s < 3; s += 1) {
        struct dr_plan_site *site = &inputs->sites[s];

        dr_format(site->name, sizeof site->name, "room-%u", s);
        site->title = site->name;
        site->zone = s == 2;
        site->power_w = s == 2 ? 0 : 150000;
        site->pue_micro = 1200000 + s * 50000;
        site->grade = s == 0 ? 2 : 1;
        site->phases_count = 2;
        site->phases[0] =
            (struct dr_plan_phase){200000, 1500000, 2, (int32_t)s - 1, s == 1 ? 1 : 0};
        site->phases[1] = (struct dr_plan_phase){300000, 2000000, 3, 1, 0};
    }
    inputs->sites[1].phases[0].quarter = 2;
    inputs->chips_count = 3;
    for (uint32_t c = 0; c < 3; c += 1) {
        inputs->chips[c] = chips[c];
        for (uint32_t t = 0; t < 8; t += 1) {
            inputs->chips[c].price[t] = prices[c] - (int64_t)t * 300;
            inputs->chips[c].supply[t] = supplies[c];
        }
    }
    inputs->sectors_count = 2;
    for (uint32_t k = 0; k < 2; k += 1) {
        struct dr_plan_sector *sector = &inputs->sectors[k];

        dr_copy_name(sector->name, k == 0 ? "open" : "kept");
        sector->title = sector->name;
        sector->unserved = 9000;
        sector->least_micro = k == 0 ? 0 : 300000;
        sector->busy_micro = 800000;
        sector->critical = 1;
        sector->lost_micro = k == 0 ? 450000 : 300000;
        sector->grade = k + 1;
        sector->zones = k == 0 ? 3 : 1;
        sector->speed_micro[0] = MICRO;
        sector->speed_micro[1] = 3 * MICRO;
        sector->speed_micro[2] = k == 0 ? 2 * MICRO : 0;
        for (uint32_t t = 0; t < 8; t += 1)
            sector->demand[t] = 60 + 70 * t;
    }
    for (uint32_t z = 0; z < DR_PLAN_ZONES_MAX; z += 1) {
        for (uint32_t t = 0; t < DR_PLAN_QUARTERS_MAX; t += 1)
            inputs->zones[z].grid_w[t] = z == 0 ? 500000 : 260000;
        dr_format(inputs->zones[z].name, DR_NAME_BYTES, "zone-%u", z);
    }
    for (uint32_t y = 0; y < DR_PLAN_YEARS_MAX; y += 1)
        inputs->budget[y] = 9000000;
    for (uint32_t t = 0; t < 5; t += 1)
        inputs->base[0][0][t] = 96;
    return inputs;
}

int plan_solve(const struct dr_plan_inputs *inputs, double gap, struct dr_plan *plan,
               struct dr_plan_sums *sums, double *bound)
{
    struct dr_program *program = calloc(1, sizeof *program);
    struct dr_plan_verdict *verdict = calloc(1, sizeof *verdict);
    struct dr_search_options options = {.seconds = 120, .gap = gap};
    struct dr_search_progress progress;
    struct dr_error error = {0};
    enum dr_found found;
    double first_s;

    if (program == NULL || verdict == NULL)
        abort();
    dr_program_init(program, inputs, 0);
    CHECK_EQ(
        dr_plan_find(program, &options, plan, verdict, sums, &progress, &first_s, &found, &error),
        DR_OK);
    if (found == DR_FOUND_NOT_WHOLE)
        fail_msg("%s: %s: found %s, expected at most %s", verdict->findings[0].rule,
                 verdict->findings[0].where, verdict->findings[0].found,
                 verdict->findings[0].limit);
    if (found == DR_FOUND_NOT_IN_TIME)
        fail_msg("neither a plan nor a proof that there is none; bound %g", progress.bound);
    *bound = progress.bound * program->money_scale;
    dr_program_deinit(program);
    free(program);
    free(verdict);
    return found == DR_FOUND_PLAN;
}
