/* SPDX-License-Identifier: Apache-2.0 */
/* The planner against every plan there is, in worlds so small that all can be tried; and what has
 * to be so whatever the world: more budget or power never costs more, another unit of money is
 * nothing but that, and sites have no order. SEEDS=N worlds (12; of the second kind twice as many
 * cases) from seed FIRST (1). */
#include <math.h>
#include <stdlib.h>

#include "plan/explain/alternatives.h"
#include "plan/futures/futures.h"
#include "plan_world.h"
#include "test.h"

#define MICRO DR_PLAN_MICRO

/* ---- every plan ---- */

struct trying {
    const struct dr_plan_inputs *inputs;
    struct dr_plan *plan;
    struct dr_plan_verdict verdict;
    struct dr_plan_sums sums;
    double best; /* cost; HUGE_VAL: none keeps the rules */
    uint64_t tried;
    void (*kept)(struct trying *trying); /* called for each plan that keeps the rules. NULL: none */
    void *context;
};

static int64_t there(const struct trying *trying, uint32_t s, uint32_t c, uint32_t t)
{
    const struct dr_plan_chip *chip = &trying->inputs->chips[c];
    int64_t count = trying->inputs->base[s][c][t];

    for (uint32_t b = 0; b <= t; b += 1) {
        if (t >= b + chip->lead_quarters && t < b + chip->lead_quarters + chip->life_quarters)
            count += trying->plan->buy[s][c][b];
    }
    return count;
}

static int64_t power_w(const struct trying *trying, uint32_t s, uint32_t t)
{
    const struct dr_plan_site *site = &trying->inputs->sites[s];
    int32_t begun = trying->plan->phase[s][0];

    return site->power_w + (site->phases_count > 0 && begun != DR_PLAN_NEVER &&
                                    (int32_t)t >= begun + (int32_t)site->phases[0].build_quarters
                                ? site->phases[0].power_w
                                : 0);
}

/* Of what is given to the sector in a quarter, what it keeps busy. */
static double busy(const struct dr_plan_inputs *inputs, uint32_t t)
{
    const struct dr_plan_sector *sector = &inputs->sectors[0];
    int64_t factor = sector->factor_micro[(inputs->begin % 4 + t) / 4];

    return (double)(factor == 0 ? sector->busy_micro : sector->busy_micro * factor / 1000000) / 1e6;
}

/* What has to be on, in thousandths, so that work can be done with any other site's zone lost. */
static int64_t kept_on(const struct trying *trying, uint32_t s, uint32_t c, uint32_t t,
                       int64_t *use)
{
    const struct dr_plan_inputs *inputs = trying->inputs;
    const struct dr_plan_sector *sector = &inputs->sectors[0];
    double units = (double)sector->demand[t] * (double)sector->lost_micro / 1e6;
    double each = (double)sector->speed_micro[c] / 1e6 * busy(inputs, t);

    (void)s;
    *use = (int32_t)t < inputs->lost_quarter ? 0 : (int64_t)ceil(units / each * 1000);
    return (int64_t)ceil((double)*use * 1e6 / (double)inputs->chips[c].available_micro);
}

/* What a unit of work costs on a chip at a site in a quarter, energy and upkeep: what is on without
 * work is so in any case (`kept`). */
static double unit_cost(const struct trying *trying, uint32_t s, uint32_t c, uint32_t t, int kept)
{
    const struct dr_plan_inputs *inputs = trying->inputs;
    const struct dr_plan_chip *chip = &inputs->chips[c];
    double available = (double)chip->available_micro / 1e6;
    double idle_w = kept ? 0 : (double)chip->idle_w / available;
    double draw_kw =
        (idle_w + (double)(chip->busy_w - chip->idle_w)) * (double)inputs->sites[s].pue_micro / 1e9;
    double energy =
        draw_kw * 2191.5 *
        (double)inputs->tariffs[inputs->sites[s].tariff].energy_micro[(inputs->begin + t) % 4] /
        1e6;
    double upkeep =
        kept ? 0 : (double)chip->price[t] * (double)chip->upkeep_micro / 4e6 / available;

    return (energy + upkeep) / ((double)inputs->sectors[0].speed_micro[c] / 1e6 * busy(inputs, t));
}

/* How many can be on, in thousandths. */
static int64_t room(const struct trying *trying, uint32_t s, uint32_t c, uint32_t t)
{
    const struct dr_plan_inputs *inputs = trying->inputs;
    double can = (double)power_w(trying, s, t) * 1000 * 1e6 / (double)inputs->sites[s].pue_micro /
                 (double)inputs->chips[c].busy_w;
    int64_t on = there(trying, s, c, t) * 1000;

    return (double)on > can ? (int64_t)can : on;
}

/* The cheapest first, as long as it costs less than not doing the work, or has to be done: of what
 * is on in any case, and of what is switched on for it. */
static void work(struct trying *trying, uint32_t t)
{
    const struct dr_plan_inputs *inputs = trying->inputs;
    const struct dr_plan_sector *sector = &inputs->sectors[0];
    double demand = (double)sector->demand[t], done = 0;
    double least = demand * (double)sector->least_micro / 1e6;
    int taken[2][2][2] = {{{0}}};

    for (uint32_t s = 0; s < inputs->sites_count; s += 1) {
        for (uint32_t c = 0; c < inputs->chips_count; c += 1) {
            int64_t use, on = kept_on(trying, s, c, t, &use);

            trying->plan->use_milli[0][s][c][t] = 0;
            trying->plan->on_milli[s][c][t] =
                on < room(trying, s, c, t) ? on : room(trying, s, c, t);
        }
    }
    for (;;) {
        uint32_t best_s = 2, best_c = 0;
        int best_kept = 0;
        double each, want, available;
        int64_t use, on, more;

        for (uint32_t s = 0; s < inputs->sites_count; s += 1) {
            for (uint32_t c = 0; c < inputs->chips_count; c += 1) {
                for (int kept = 0; kept < 2; kept += 1) {
                    if (!taken[s][c][kept] &&
                        (best_s == 2 || unit_cost(trying, s, c, t, kept) <
                                            unit_cost(trying, best_s, best_c, t, best_kept))) {
                        best_s = s;
                        best_c = c;
                        best_kept = kept;
                    }
                }
            }
        }
        if (best_s == 2)
            return;
        taken[best_s][best_c][best_kept] = 1;
        available = (double)inputs->chips[best_c].available_micro / 1e6;
        each = (double)sector->speed_micro[best_c] / 1e6 * busy(inputs, t);
        want =
            (unit_cost(trying, best_s, best_c, t, best_kept) < (double)sector->unserved ? demand
                                                                                        : least) -
            done;
        if (want <= 0)
            continue;
        use = trying->plan->use_milli[0][best_s][best_c][t];
        on =
            best_kept ? trying->plan->on_milli[best_s][best_c][t] : room(trying, best_s, best_c, t);
        more = (int64_t)((double)on * available) - use;
        if ((double)more / 1000 * each > want) {
            /* No less than has to be done, no more than is asked for. */
            more = (int64_t)(want < demand - done ? ceil(want / each * 1000) : want / each * 1000);
            on = (int64_t)ceil((double)(use + more) / available);
        }
        if (on > trying->plan->on_milli[best_s][best_c][t])
            trying->plan->on_milli[best_s][best_c][t] = on;
        trying->plan->use_milli[0][best_s][best_c][t] = use + more;
        done += (double)more / 1000 * each;
    }
}

/* With one site's zone lost the other does what has to be possible. */
static void prove(struct trying *trying)
{
    const struct dr_plan_inputs *inputs = trying->inputs;

    trying->plan->lost_count = 0;
    if (inputs->sectors[0].lost_micro == 0)
        return;
    for (uint32_t t = 0; t < inputs->quarters_count; t += 1) {
        for (uint32_t z = 0; z < 2; z += 1) {
            struct dr_plan_lost *lost = &trying->plan->lost[trying->plan->lost_count];

            *lost = (struct dr_plan_lost){
                .quarter = (uint8_t)t, .zone = (uint8_t)z, .site = (uint8_t)(1 - z)};
            kept_on(trying, 1 - z, 0, t, &lost->use_milli);
            trying->plan->lost_count += lost->use_milli > 0;
        }
    }
}

static void judge(struct trying *trying)
{
    for (uint32_t t = 0; t < trying->inputs->quarters_count; t += 1)
        work(trying, t);
    prove(trying);
    trying->tried += 1;
    if (!dr_plan_check(trying->inputs, trying->plan, &trying->verdict, &trying->sums))
        return;
    trying->best = fmin(trying->best, trying->sums.cost);
    if (trying->kept != NULL)
        trying->kept(trying);
}

/* Orders from cell `at` on: by site, chip and quarter. */
static void try_orders(struct trying *trying, uint32_t at)
{
    const struct dr_plan_inputs *inputs = trying->inputs;
    uint32_t t = at % inputs->quarters_count;
    uint32_t c = at / inputs->quarters_count % inputs->chips_count;
    uint32_t s = at / inputs->quarters_count / inputs->chips_count;

    if (s == inputs->sites_count) {
        judge(trying);
        return;
    }
    for (int64_t count = 0; count <= inputs->chips[c].supply[t]; count += inputs->chips[c].lot) {
        if (count > 0 && t + inputs->chips[c].lead_quarters >= inputs->quarters_count)
            break; /* too late to be there: only costs */
        trying->plan->buy[s][c][t] = count;
        try_orders(trying, at + 1);
    }
    trying->plan->buy[s][c][t] = 0;
}

static void try_phases(struct trying *trying, uint32_t s)
{
    const struct dr_plan_inputs *inputs = trying->inputs;

    if (s == inputs->sites_count) {
        try_orders(trying, 0);
        return;
    }
    for (int32_t t = DR_PLAN_NEVER;
         t < (inputs->sites[s].phases_count == 0 ? 0 : (int32_t)inputs->quarters_count); t += 1) {
        if (t != DR_PLAN_NEVER && t < inputs->sites[s].phases[0].quarter)
            continue;
        trying->plan->phase[s][0] = t;
        try_phases(trying, s + 1);
    }
    trying->plan->phase[s][0] = DR_PLAN_NEVER;
}

/* The best of all plans of each world against the one that is found. */
static void try_worlds(struct dr_plan_inputs *(*world)(uint64_t seed))
{
    struct test_seeds seeds = test_seeds(12);
    struct dr_plan *plan = plan_new();
    struct trying *trying = calloc(1, sizeof *trying);
    uint64_t tried = 0, none = 0;
    double worst = 0;

    for (uint64_t i = 0; i < seeds.count; i += 1) {
        struct dr_plan_inputs *inputs = world(seeds.first + i);
        struct dr_plan_sums *sums = calloc(1, sizeof *sums);
        double bound = 0;
        int found;

        test_seed(seeds.first + i);
        *trying = (struct trying){.inputs = inputs, .plan = plan_new(), .best = HUGE_VAL};
        try_phases(trying, 0);
        tried += trying->tried;
        found = plan_solve(inputs, 1e-7, plan, sums, &bound);
        if (found != isfinite(trying->best))
            fail_msg("seed %" PRIu64 ": the search found %s plan, trying all found %s",
                     seeds.first + i, found ? "a" : "no", found ? "none" : "one");
        none += !found;
        /* Thousandths of an accelerator are what the two may differ by. */
        if (found && fabs(sums->cost - trying->best) > 1e-3 * fabs(trying->best) + 20)
            fail_msg("seed %" PRIu64 ": found %.2f, the best of %" PRIu64 " plans costs %.2f",
                     seeds.first + i, sums->cost, trying->tried, trying->best);
        if (found)
            worst = fmax(worst, (sums->cost - trying->best) / fmax(1, fabs(trying->best)));
        free(trying->plan);
        free(inputs);
        free(sums);
    }
    print_message("%" PRIu64 " worlds, %" PRIu64 " without a plan, %" PRIu64
                  " plans tried; the found one costs at most %.6f more\n",
                  seeds.count, none, tried, worst);
    free(plan);
    free(trying);
}

TEST(no_plan_is_better_than_the_one_that_is_found)
{
    try_worlds(plan_world);
}

TEST(nor_with_work_that_can_be_done_with_any_one_zone_lost)
{
    try_worlds(plan_world_lost);
}

/* ---- whatever the world ---- */

/* HUGE_VAL: there is no plan. */
static double cost_of(const struct dr_plan_inputs *inputs)
{
    static struct dr_plan plan;
    static struct dr_plan_sums sums;
    double bound;

    return plan_solve(inputs, 1e-7, &plan, &sums, &bound) ? sums.cost : HUGE_VAL;
}

static void more_budget(struct dr_plan_inputs *inputs)
{
    uint32_t y = plan_roll(inputs->years_count);

    if (inputs->budget[y] != INT64_MAX)
        inputs->budget[y] += plan_roll(300000);
}

static void more_power(struct dr_plan_inputs *inputs)
{
    inputs->sites[plan_roll(inputs->sites_count)].power_w += plan_roll(20000);
}

static void in_thousandths(struct dr_plan_inputs *inputs)
{
    for (uint32_t c = 0; c < inputs->chips_count; c += 1) {
        for (uint32_t t = 0; t < inputs->quarters_count; t += 1)
            inputs->chips[c].price[t] *= 1000;
    }
    for (uint32_t s = 0; s < inputs->sites_count; s += 1) {
        inputs->sites[s].phases[0].cost *= 1000;
        for (uint32_t q = 0; q < 4; q += 1)
            inputs->tariffs[s].energy_micro[q] *= 1000;
    }
    inputs->sectors[0].unserved *= 1000;
    for (uint32_t y = 0; y < inputs->years_count; y += 1)
        inputs->budget[y] *= inputs->budget[y] == INT64_MAX ? 1 : 1000;
}

static void exchange_sites(struct dr_plan_inputs *inputs)
{
    struct dr_plan_site site = inputs->sites[0];

    for (uint32_t t = 0; t < inputs->quarters_count; t += 1) {
        int64_t base = inputs->base[0][0][t];

        inputs->base[0][0][t] = inputs->base[1][0][t];
        inputs->base[1][0][t] = base;
    }
    inputs->sites[0] = inputs->sites[1];
    inputs->sites[1] = site;
}

TEST(what_has_to_be_so_in_every_world)
{
    static void (*const changes[])(struct dr_plan_inputs * inputs) = {
        more_budget, more_power, in_thousandths, exchange_sites};
    static const double factors[] = {1, 1, 1000, 1};
    struct test_seeds seeds = test_seeds(12);
    uint64_t cases = 0;

    for (uint64_t i = 0; i < 2 * seeds.count; i += 1) {
        struct dr_plan_inputs *inputs = plan_world(1000000 + seeds.first + i);
        uint32_t kind = (uint32_t)(i % DR_COUNT_OF(changes));
        double before, after, slack;

        test_seed(1000000 + seeds.first + i);
        if (kind == 3 && inputs->sites_count == 1)
            kind = 2;
        before = cost_of(inputs);
        changes[kind](inputs);
        after = cost_of(inputs) / factors[kind];
        slack = isfinite(before) ? 1e-3 * fabs(before) + 20 : 0;
        cases += 1;
        if (kind < 2 ? after > before + slack
                     : isfinite(before) != isfinite(after) ||
                           (isfinite(before) && fabs(after - before) > slack))
            fail_msg("seed %" PRIu64 ", rule %u: %.3f before, %.3f after",
                     1000000 + seeds.first + i, kind, before, after);
        free(inputs);
    }
    print_message("%" PRIu64 " cases\n", cases);
}

/* ---- two futures ---- */

#define FIRSTS 1296 /* (nothing, one or two lots) of two cells, or of more, and what is begun */

/* The least that goes on from what is decided in the first quarter. */
struct firsts {
    double best[FIRSTS];
};

static uint32_t first_of(const struct trying *trying)
{
    const struct dr_plan_inputs *inputs = trying->inputs;
    uint32_t key = 0;

    for (uint32_t s = 0; s < inputs->sites_count; s += 1) {
        key = 2 * key + (trying->plan->phase[s][0] == 0);
        for (uint32_t c = 0; c < inputs->chips_count; c += 1)
            key = 3 * key + (uint32_t)(trying->plan->buy[s][c][0] / inputs->chips[c].lot);
    }
    return key;
}

static void keep_first(struct trying *trying)
{
    struct firsts *firsts = trying->context;
    uint32_t key = first_of(trying);

    CHECK(key < FIRSTS);
    firsts->best[key] = fmin(firsts->best[key], trying->sums.cost);
}

static void try_all(struct trying *trying, const struct dr_plan_inputs *inputs,
                    void (*kept)(struct trying *trying), void *context)
{
    *trying = (struct trying){
        .inputs = inputs, .plan = plan_new(), .best = HUGE_VAL, .kept = kept, .context = context};
    try_phases(trying, 0);
    free(trying->plan);
}

/* A world that may be as it is told, or another. */
static struct dr_plan_inputs *two_futures(uint64_t seed)
{
    struct dr_plan_inputs *inputs = plan_world(seed);
    struct dr_plan_future told = dr_plan_as_told(), other = dr_plan_as_told();

    other.demand_micro = 500000 + plan_roll(1000000);
    other.price_micro = 800000 + plan_roll(600000);
    other.tariff_micro = 800000 + plan_roll(600000);
    other.late_quarters = plan_roll(2);
    other.grid_late_quarters = plan_roll(2);
    told.weight_micro = 100000 + plan_roll(800000);
    other.weight_micro = MICRO - told.weight_micro;
    dr_copy_name(told.name, "told");
    dr_copy_name(other.name, "other");
    inputs->common_quarters = 1;
    inputs->futures_count = 2;
    inputs->futures[0] = told;
    inputs->futures[1] = other;
    inputs->relax_count = DR_PLAN_RELAX_COUNT;
    for (uint32_t i = 0; i < DR_PLAN_RELAX_COUNT; i += 1)
        inputs->relax[i] = (uint8_t)i;
    return inputs;
}

/* The least weighted cost of any first quarter, all plans of both futures tried; HUGE_VAL: none
 * leaves a plan in both. */
static double best_of_two(const struct dr_futures *futures)
{
    struct firsts *firsts = calloc(2, sizeof firsts[0]);
    struct trying *trying = calloc(1, sizeof *trying);
    double best = HUGE_VAL;

    if (firsts == NULL || trying == NULL)
        abort();
    for (uint32_t w = 0; w < 2; w += 1) {
        for (uint32_t i = 0; i < FIRSTS; i += 1)
            firsts[w].best[i] = HUGE_VAL;
        try_all(trying, futures->worlds[w].inputs, keep_first, &firsts[w]);
    }
    for (uint32_t i = 0; i < FIRSTS; i += 1) {
        double cost = 0;

        for (uint32_t w = 0; w < 2; w += 1)
            cost += (double)futures->worlds[w].future.weight_micro / 1e6 * firsts[w].best[i];
        best = fmin(best, cost);
    }
    free(firsts);
    free(trying);
    return best;
}

TEST(no_first_stage_is_better_in_two_futures)
{
    struct test_seeds seeds = test_seeds(6);
    struct dr_futures_options options = {.seconds = 120, .gap = 1e-7, .at_once = 2};
    uint64_t none = 0, relaxed = 0;
    double worst = 0, knowing = 0;

    for (uint64_t i = 0; i < seeds.count; i += 1) {
        uint64_t seed = 2000000 + seeds.first + i;
        struct dr_plan_inputs *inputs = two_futures(seed);
        struct dr_futures *futures = calloc(1, sizeof *futures);
        struct dr_error error = {0};
        double best, found;

        test_seed(seed);
        if (futures == NULL)
            abort();
        CHECK_EQ(dr_futures_run(futures, inputs, &options, &error), DR_OK);
        best = best_of_two(futures);
        found = futures->chosen < futures->stages_count ? futures->stages[futures->chosen].expected
                                                        : HUGE_VAL;
        if (isfinite(found) != isfinite(best))
            fail_msg("seed %" PRIu64 ": the study found %s first stage, trying all found %s", seed,
                     isfinite(found) ? "a" : "no", isfinite(best) ? "one" : "none");
        if (isfinite(best) && fabs(found - best) > 1e-3 * fabs(best) + 20)
            fail_msg("seed %" PRIu64 ": expected %.2f, the best of all %.2f", seed, found, best);
        if (isfinite(best) && futures->bound > best + 1e-3 * fabs(best) + 20)
            fail_msg("seed %" PRIu64 ": bound %.2f, the best of all %.2f", seed, futures->bound,
                     best);
        if (!isfinite(best))
            none += 1;
        if (futures->worlds[0].relaxed_count + futures->worlds[1].relaxed_count > 0)
            relaxed += 1;
        if (isfinite(best)) {
            worst = fmax(worst, (found - best) / fmax(1, fabs(best)));
            knowing = fmax(knowing, (found - futures->knowing) / fmax(1, fabs(best)));
        }
        dr_futures_deinit(futures);
        free(futures);
        free(inputs);
    }
    print_message("%" PRIu64 " worlds, %" PRIu64 " without a common first stage, %" PRIu64
                  " with rules relaxed; the found one costs at most %.6f more; knowing was worth "
                  "up to %.3f\n",
                  seeds.count, none, relaxed, worst, knowing);
}

/* ---- alternatives ---- */

struct furthest {
    const struct dr_alternatives *alternatives;
    double cap, differs;
};

static void keep_furthest(struct trying *trying)
{
    struct furthest *furthest = trying->context;

    if (trying->sums.cost <= furthest->cap)
        furthest->differs = fmax(
            furthest->differs,
            dr_plan_difference(trying->inputs, trying->plan, furthest->alternatives->plan).all);
}

/* They keep the rules and the cap, and no two are alike. How near the first comes to the plan that
 * differs most of all is measured, and has to be half of it on average: nobody promises more. */
TEST(alternatives_keep_the_cap_and_differ)
{
    struct test_seeds seeds = test_seeds(6);
    struct dr_alternatives_options options = {
        .count = 2, .within = 0.05, .seconds = 60, .gap = 1e-7};
    struct dr_plan_verdict *verdict = calloc(1, sizeof *verdict);
    struct dr_plan_sums *sums = calloc(1, sizeof *sums);
    struct trying *trying = calloc(1, sizeof *trying);
    double found = 0, most = 0;
    uint64_t shown = 0;

    if (verdict == NULL || sums == NULL || trying == NULL)
        abort();
    for (uint64_t i = 0; i < seeds.count; i += 1) {
        struct dr_plan_inputs *inputs = plan_world(seeds.first + i);
        struct dr_alternatives alternatives;
        struct furthest furthest = {.alternatives = &alternatives};
        struct dr_error error = {0};

        test_seed(seeds.first + i);
        CHECK_EQ(dr_alternatives_run(&alternatives, inputs, &options, &error), DR_OK);
        if (alternatives.found == DR_FOUND_PLAN) {
            double cost = alternatives.sums.cost;

            furthest.cap = cost + options.within * fabs(cost);
            try_all(trying, inputs, keep_furthest, &furthest);
            for (uint32_t j = 0; j < alternatives.count; j += 1) {
                const struct dr_plan_alternative *one = &alternatives.items[j];

                CHECK(dr_plan_check(inputs, one->plan, verdict, sums));
                CHECK(sums->cost <= furthest.cap);
                CHECK(dr_plan_difference(inputs, one->plan, alternatives.plan).all >= 0.005);
            }
            if (alternatives.count == 2)
                CHECK(dr_plan_difference(inputs, alternatives.items[0].plan,
                                         alternatives.items[1].plan)
                          .all >= 0.005);
            if (alternatives.count > 0)
                found += alternatives.items[0].from_plan.all;
            most += furthest.differs;
            shown += alternatives.count;
        }
        dr_alternatives_deinit(&alternatives);
        free(inputs);
    }
    print_message("%" PRIu64 " worlds, %" PRIu64 " alternatives; the first differs by %.3f in all, "
                  "the furthest there are by %.3f\n",
                  seeds.count, shown, found, most);
    CHECK(found >= most / 2);
    free(verdict);
    free(sums);
    free(trying);
}
