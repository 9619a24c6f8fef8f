/* SPDX-License-Identifier: Apache-2.0 */
/* What one more, one month earlier and another site are worth, in a world where that can be worked
 * out by hand, and against plans of inputs that have the one more. */
#include <math.h>
#include <stdlib.h>

#include "plan/explain/earlier.h"
#include "plan/explain/explain.h"
#include "plan/explain/instead.h"
#include "plan_world.h"
#include "test.h"

#define MICRO DR_PLAN_MICRO
#define HOURS 2191.5 /* of a quarter */

/* Two halls without power until one is built, in two quarters, for 100 accelerators; energy is free
 * at the first. Four quarters; money is worth the same in all of them, and there is more work than
 * can be done. */
static struct dr_plan_inputs *two_halls(void)
{
    struct dr_plan_inputs *inputs = plan_world(1);
    struct dr_plan_chip *chip = &inputs->chips[0];
    struct dr_plan_sector *sector = &inputs->sectors[0];

    inputs->quarters_count = 4;
    inputs->years_count = dr_plan_year(inputs, 3) + 1;
    inputs->discount_micro = inputs->steady_weight_micro = 0;
    inputs->starts_max = inputs->domestic_count = 0;
    inputs->building_quarters = 100;
    inputs->sites_count = inputs->tariffs_count = 2;
    inputs->chips_count = 1;
    memset(inputs->base, 0, sizeof inputs->base);
    for (uint32_t s = 0; s < 2; s += 1) {
        struct dr_plan_site *site = &inputs->sites[s];

        dr_format(site->name, sizeof site->name, "hall-%u", s);
        site->zone = 0;
        site->grade = 1;
        site->tariff = s;
        site->power_w = 0;
        site->pue_micro = MICRO;
        site->phases_count = 1;
        site->phases[0] =
            (struct dr_plan_phase){.power_w = 100000, .cost = 1000, .build_quarters = 2};
        memset(&inputs->tariffs[s], 0, sizeof inputs->tariffs[s]);
        for (uint32_t q = 0; q < 4; q += 1)
            inputs->tariffs[s].energy_micro[q] = s * MICRO;
    }
    *chip = (struct dr_plan_chip){.busy_w = 1000,
                                  .idle_w = 1000,
                                  .compute_micro = MICRO,
                                  .available_micro = MICRO,
                                  .lead_quarters = 1,
                                  .life_quarters = 80,
                                  .lot = 1};
    dr_copy_name(chip->name, "chip");
    dr_copy_name(chip->vendor, "maker");
    sector->least_micro = 0;
    sector->busy_micro = sector->speed_micro[0] = MICRO;
    sector->unserved = 5000;
    for (uint32_t t = 0; t < 4; t += 1) {
        chip->price[t] = 20;
        chip->supply[t] = 100;
        sector->demand[t] = 1000;
    }
    for (uint32_t y = 0; y < DR_PLAN_YEARS_MAX; y += 1)
        inputs->budget[y] = INT64_MAX;
    return inputs;
}

/* The first hall is begun at once; 100 accelerators are there a quarter before it is. */
static struct dr_plan *one_hall(void)
{
    struct dr_plan *plan = plan_new();

    plan->phase[0][0] = 0;
    plan->buy[0][0][0] = 100;
    for (uint32_t t = 2; t < 4; t += 1)
        plan->on_milli[0][0][t] = plan->use_milli[0][0][0][t] = 100000;
    return plan;
}

TEST(a_month_is_worth_what_is_done_in_it)
{
    static struct dr_month months[DR_MONTHS_MAX];
    struct dr_plan_inputs *inputs = two_halls();
    struct dr_plan *plan = one_hall();
    struct dr_error error = {0};
    uint32_t count;

    CHECK_EQ(dr_explain_months(inputs, plan, months, &count, &error), DR_OK);
    CHECK_EQ(count, 2);
    /* The hall: 100 units of 5,000 in the second quarter. */
    CHECK_EQ(months[0].site, 0);
    CHECK_EQ(months[0].phase, 0);
    CHECK_EQ(months[0].quarter, 2);
    CHECK(fabs(months[0].worth - 500000.0 / 3) < 1);
    /* Accelerators that are there before the hall are worth no more a quarter before that. */
    CHECK_EQ(months[1].chip, 0);
    CHECK_EQ(months[1].quarter, 1);
    CHECK(months[1].worth == 0);
    /* Half of them ordered two quarters later: they are what it waits for. */
    plan->buy[0][0][0] = 50;
    plan->buy[0][0][2] = 50;
    CHECK_EQ(dr_explain_months(inputs, plan, months, &count, &error), DR_OK);
    CHECK_EQ(count, 2);
    for (uint32_t i = 0; i < 2; i += 1)
        CHECK(fabs(months[i].worth - 250000.0 / 3) < 1);
    free(inputs);
    free(plan);
}

static struct dr_program *program_of(const struct dr_plan_inputs *inputs, struct dr_solver **solver)
{
    struct dr_program *program = calloc(1, sizeof *program);
    struct dr_error error = {0};

    dr_program_init(program, inputs, 0);
    CHECK_EQ(dr_solver_open(solver, &program->model, NULL, &error), DR_OK);
    return program;
}

static void drop(struct dr_program *program, struct dr_solver *solver)
{
    dr_solver_close(solver);
    dr_program_deinit(program);
    free(program);
}

TEST(another_site_costs_what_its_energy_costs)
{
    struct dr_plan_inputs *inputs = two_halls();
    struct dr_plan *plan = one_hall();
    struct dr_solver *solver = NULL;
    struct dr_program *program = program_of(inputs, &solver);
    double *values = calloc(program->model.columns_count, sizeof values[0]);
    double energy = 2 * 100 * HOURS, idle = 2 * 100 * 5000;
    struct dr_not_begun phases[4];
    struct dr_instead instead;

    CHECK_EQ(dr_instead_phases(inputs, plan, 0), 1);
    CHECK_EQ(dr_instead_phases(inputs, plan, 1), 2);
    CHECK(dr_explain_instead(program, solver, plan, 0, 1, 60, &instead));
    CHECK_EQ(instead.possible, 1);
    CHECK_EQ(instead.phase[0], 0);
    CHECK(fabs(instead.dearer - energy) < 1);
    CHECK(fabs(instead.parts[DR_INSTEAD_ENERGY] - energy) < 1);
    CHECK(fabs(instead.parts[DR_INSTEAD_UNSERVED]) < 1);
    /* Without either: nothing is done, bought or built. 98 of 100 quarters of a hall are left, and
     * 77 and less of 80 of what is bought. */
    CHECK(dr_explain_instead(program, solver, plan, 0, DR_NO_COLUMN, 60, &instead));
    CHECK_EQ(instead.possible, 1);
    CHECK(fabs(instead.parts[DR_INSTEAD_UNSERVED] - idle) < 1);
    CHECK(fabs(instead.parts[DR_INSTEAD_BUILDING] + 20) < 1);
    CHECK(instead.dearer < idle && instead.dearer > idle - 200);
    /* The other hall beside it: as much work again, for energy and what is lost in worth. */
    dr_plan_binaries(program, plan, values);
    CHECK_EQ(dr_explain_not_begun(program, solver, values, phases, 4), 1);
    CHECK_EQ(phases[0].site, 1);
    CHECK_EQ(phases[0].quarter, 0);
    CHECK(fabs(phases[0].dearer - (energy - idle)) < 200);
    free(values);
    drop(program, solver);
    free(inputs);
    free(plan);
}

/* What the linear program costs with the plan's beginnings held, in the currency. */
static double held_cost(const struct dr_plan_inputs *inputs, const struct dr_plan *plan)
{
    struct dr_solver *solver = NULL;
    struct dr_program *program = program_of(inputs, &solver);
    const struct dr_model *model = &program->model;
    double *lower = calloc(model->columns_count, sizeof lower[0]);
    double *upper = calloc(model->columns_count, sizeof upper[0]);
    double *values = calloc(model->columns_count, sizeof values[0]), cost;
    struct dr_solver_limits limits = {0};
    struct dr_solver_answer answer;

    dr_plan_binaries(program, plan, values);
    for (uint32_t c = 0; c < model->columns_count; c += 1) {
        int held = model->integer[c] && model->columns[c].kind != DR_COLUMN_BUY;

        lower[c] = held ? values[c] : model->lower[c];
        upper[c] = held ? values[c] : model->upper[c];
    }
    answer = dr_solver_lp(solver, lower, upper, NULL, &limits, NULL, NULL, NULL);
    CHECK_EQ(answer.result, DR_SOLVER_OPTIMAL);
    cost = answer.cost * program->money_scale;
    drop(program, solver);
    free(lower);
    free(upper);
    free(values);
    return cost;
}

/* The rules that bind are given a hundredth more in the inputs themselves. */
static void give(struct dr_plan_inputs *inputs, const struct dr_program *program,
                 const struct dr_price *price, const struct dr_binding *binding)
{
    const struct dr_plan_inputs *before = program->inputs;
    const struct dr_model_name *name = &program->model.rows[binding->row];
    const struct dr_model_name *of = &program->model.rows[price->row];

    if (name->kind != of->kind)
        return;
    if (name->kind == DR_ROW_BUDGET)
        inputs->budget[name->place[0]] += 90000;
    else if (name->kind == DR_ROW_GRID && name->place[0] == of->place[0])
        inputs->zones[name->place[0]].grid_w[name->place[1]] += 2600;
    else if (name->kind == DR_ROW_DOMESTIC && name->place[0] == of->place[0])
        inputs->domestic[of->place[0]].share_micro =
            before->domestic[of->place[0]].share_micro - 1000;
}

TEST(one_more_is_worth_what_it_saves)
{
    static struct dr_binding bindings[DR_BINDING_MAX];
    static struct dr_price prices[DR_BINDING_MAX];
    struct dr_plan_inputs *inputs = plan_campus();
    struct dr_plan *plan = plan_new();
    struct dr_plan_sums sums;
    struct dr_solver *solver = NULL;
    struct dr_program *program;
    struct dr_error error = {0};
    uint32_t count, prices_count, compared = 0;
    double bound, before, *values;

    inputs->sectors[0].lost_micro = 200000;
    inputs->domestic[0].share_micro = 700000; /* so that it binds */
    CHECK(plan_solve(inputs, 0.3, plan, &sums, &bound));
    program = program_of(inputs, &solver);
    values = calloc(program->model.columns_count, sizeof values[0]);
    dr_plan_binaries(program, plan, values);
    count = dr_explain_binding(program, solver, values, bindings);
    CHECK(count > 5);
    CHECK_EQ(dr_explain_prices(program, values, bindings, count, prices, &prices_count, &error),
             DR_OK);
    CHECK(prices_count > 2 && prices_count < count);
    before = held_cost(inputs, plan);
    for (uint32_t i = 0; i < prices_count; i += 1) {
        struct dr_plan_inputs *more = malloc(sizeof *more);
        uint16_t kind = program->model.rows[prices[i].row].kind;
        double saved, step = kind == DR_ROW_BUDGET ? 0.09 : kind == DR_ROW_GRID ? 0.0026 : 0.1;

        *more = *inputs;
        for (uint32_t b = 0; b < count; b += 1)
            give(more, program, &prices[i], &bindings[b]);
        saved = (before - held_cost(more, plan)) / step;
        if (kind == DR_ROW_BUDGET || kind == DR_ROW_GRID || kind == DR_ROW_DOMESTIC) {
            char words[300];

            compared += 1;
            if (fabs(saved - prices[i].worth) > 0.05 * prices[i].worth)
                fail_msg("%s: %.3f is said, %.3f is saved",
                         dr_program_row_rule(program, prices[i].row, words), prices[i].worth,
                         saved);
        }
        CHECK(prices[i].worth > 0);
        CHECK(prices[i].count >= 1);
        free(more);
    }
    CHECK_EQ(compared, 2); /* the budget of both years, and the share */
    free(values);
    drop(program, solver);
    free(inputs);
    free(plan);
}

/* ---- no plan ---- */

/* Two halls for 100 accelerators each, and 300 that can come in time. */
static struct dr_plan_inputs *asked_for(int64_t accelerators)
{
    struct dr_plan_inputs *inputs = two_halls();

    inputs->targets_count = 1;
    memset(inputs->targets, 0, sizeof inputs->targets);
    inputs->targets[0].quarter = 3;
    inputs->targets[0].accelerators = accelerators;
    inputs->relax_count = DR_PLAN_RELAX_COUNT;
    for (uint32_t i = 0; i < DR_PLAN_RELAX_COUNT; i += 1)
        inputs->relax[i] = (uint8_t)i;
    return inputs;
}

static uint32_t mended(const struct dr_plan_inputs *inputs,
                       struct dr_relaxation relaxations[DR_PLAN_RELAX_COUNT])
{
    struct dr_program *program = calloc(1, sizeof *program);
    uint32_t count = dr_explain_infeasible(inputs, relaxations, program);

    dr_program_deinit(program);
    free(program);
    return count;
}

TEST(what_mends_it_alone_is_said)
{
    struct dr_relaxation relaxations[DR_PLAN_RELAX_COUNT];
    struct dr_plan_inputs *inputs = asked_for(250);

    CHECK_EQ(mended(inputs, relaxations), 2);
    CHECK_EQ(relaxations[0].kind, DR_PLAN_RELAX_TARGETS);
    CHECK(relaxations[0].alone && relaxations[0].rows == 1);
    CHECK(fabs(relaxations[0].sum - 50) < 0.01);
    CHECK_TEXT(relaxations[0].unit, "accelerator");
    CHECK_EQ(relaxations[1].kind, DR_PLAN_RELAX_POWER);
    CHECK(relaxations[1].alone);
    CHECK(fabs(relaxations[1].sum - 0.05) < 1e-4);
    CHECK_TEXT(relaxations[1].unit, "MW");
    /* In the scenario's order, and without what is never to give. */
    inputs->relax_count = 2;
    inputs->relax[0] = DR_PLAN_RELAX_POWER;
    inputs->relax[1] = DR_PLAN_RELAX_SUPPLY;
    CHECK_EQ(mended(inputs, relaxations), 1);
    CHECK_EQ(relaxations[0].kind, DR_PLAN_RELAX_POWER);
    inputs->relax_count = 1;
    inputs->relax[0] = DR_PLAN_RELAX_SUPPLY;
    CHECK_EQ(mended(inputs, relaxations), 0);
    free(inputs);
}

/* 360 need more supply and more power, or a lower target. */
TEST(what_mends_it_together_is_no_more_than_it_takes)
{
    struct dr_relaxation relaxations[DR_PLAN_RELAX_COUNT];
    struct dr_plan_inputs *inputs = asked_for(360);

    CHECK_EQ(mended(inputs, relaxations), 1);
    CHECK_EQ(relaxations[0].kind, DR_PLAN_RELAX_TARGETS);
    CHECK(fabs(relaxations[0].sum - 160) < 0.01);
    inputs->relax_count = 4;
    inputs->relax[0] = DR_PLAN_RELAX_SHARES;
    inputs->relax[1] = DR_PLAN_RELAX_POWER;
    inputs->relax[2] = DR_PLAN_RELAX_SUPPLY;
    inputs->relax[3] = DR_PLAN_RELAX_GRID;
    CHECK_EQ(mended(inputs, relaxations), 2);
    CHECK_EQ(relaxations[0].kind, DR_PLAN_RELAX_POWER);
    CHECK(!relaxations[0].alone);
    CHECK(fabs(relaxations[0].sum - 0.16) < 1e-4);
    CHECK_EQ(relaxations[1].kind, DR_PLAN_RELAX_SUPPLY);
    CHECK(!relaxations[1].alone && fabs(relaxations[1].sum - 60) < 0.01);
    free(inputs);
}

/* Do these kinds mend it? By a program of their own. */
static int mend_by_themselves(const struct dr_plan_inputs *inputs, uint32_t kinds)
{
    struct dr_program *program = calloc(1, sizeof *program);
    uint8_t list[DR_PLAN_RELAX_COUNT];
    uint32_t count = 0;
    double *values;
    int mended;

    for (uint32_t i = 0; i < inputs->relax_count; i += 1) {
        if (((kinds >> i) & 1) != 0)
            list[count++] = inputs->relax[i];
    }
    dr_program_init(program, inputs, dr_explain_softened(list, count));
    values = calloc(program->model.columns_count, sizeof values[0]);
    mended = dr_explain_soften(program, list, count, values);
    free(values);
    dr_program_deinit(program);
    free(program);
    return mended;
}

/* The kinds, a bit for each place in `relax`, that dr_explain_infeasible() should say: by a program
 * for each question. `alone`: each of them mends it. */
static uint32_t kinds_to_say(const struct dr_plan_inputs *inputs, int *alone)
{
    uint32_t kinds = 0, all = (1U << inputs->relax_count) - 1;

    for (uint32_t i = 0; i < inputs->relax_count; i += 1)
        kinds |= mend_by_themselves(inputs, 1U << i) ? 1U << i : 0;
    *alone = kinds != 0;
    if (kinds != 0 || !mend_by_themselves(inputs, all))
        return kinds;
    kinds = all;
    for (uint32_t i = inputs->relax_count; i > 0; i -= 1) {
        if (mend_by_themselves(inputs, kinds & ~(1U << (i - 1))))
            kinds &= ~(1U << (i - 1));
    }
    return kinds;
}

/* 1: what is said is right; how many kinds in `*count`, which of them mend it alone in `*alone`. */
static void compare_kinds(const struct dr_plan_inputs *inputs, uint64_t seed, uint32_t *count,
                          uint32_t *alone)
{
    struct dr_relaxation relaxations[DR_PLAN_RELAX_COUNT];
    uint32_t said = 0, kinds;
    int each;

    *count = mended(inputs, relaxations);
    for (uint32_t i = 0; i < *count; i += 1) {
        uint32_t rank = 0;

        while (inputs->relax[rank] != relaxations[i].kind)
            rank += 1;
        said |= 1U << rank;
    }
    kinds = kinds_to_say(inputs, &each);
    if (said != kinds)
        fail_msg("seed %u: said %x, it is %x", (unsigned)seed, said, kinds);
    *alone = each ? kinds : 0;
    for (uint32_t i = 0; i < *count; i += 1)
        CHECK_EQ(relaxations[i].alone, each);
}

/* A campus that asks for too much, and lets some kinds of rules give, in any order. */
static struct dr_plan_inputs *greedy_campus(uint64_t seed)
{
    struct dr_plan_inputs *inputs = plan_campus();
    uint32_t rolled;

    plan_dice(seed);
    for (uint32_t y = 0; y < inputs->years_count; y += 1)
        inputs->budget[y] /= 1 + plan_roll(4);
    for (uint32_t i = 0; i < inputs->targets_count; i += 1)
        inputs->targets[i].accelerators *= 1 + plan_roll(6);
    inputs->sectors[0].least_micro = 700000 + plan_roll(4) * 100000;
    rolled = plan_roll(1U << DR_PLAN_RELAX_COUNT) | 1U << plan_roll(DR_PLAN_RELAX_COUNT);
    inputs->relax_count = 0;
    for (uint32_t i = 0; i < DR_PLAN_RELAX_COUNT; i += 1) {
        uint32_t kind = (i * 3 + (uint32_t)seed) % DR_PLAN_RELAX_COUNT;

        if (((rolled >> kind) & 1) != 0)
            inputs->relax[inputs->relax_count++] = (uint8_t)kind;
    }
    return inputs;
}

/* And once more where what mends it alone may not give, so that it takes several. */
TEST(what_is_said_to_mend_it_does_and_nothing_less)
{
    uint32_t alone_count = 0, together_count = 0, nothing_count = 0;

    for (uint64_t seed = 1; seed <= 12; seed += 1) {
        struct dr_plan_inputs *inputs = greedy_campus(seed);
        uint32_t count, alone = 0, left = 0;

        if (!mend_by_themselves(inputs, 0)) {
            compare_kinds(inputs, seed, &count, &alone);
            alone_count += alone != 0;
            together_count += count > 1 && alone == 0;
            for (uint32_t i = 0; i < inputs->relax_count; i += 1) {
                if (((alone >> i) & 1) == 0)
                    inputs->relax[left++] = inputs->relax[i];
            }
            inputs->relax_count = left;
            compare_kinds(inputs, seed, &count, &alone);
            together_count += count > 1;
            nothing_count += count == 0;
        }
        free(inputs);
    }
    print_message("campuses mended by one kind: %u, by several: %u, by none: %u\n", alone_count,
                  together_count, nothing_count);
    CHECK(alone_count > 0 && together_count > 0 && nothing_count > 0);
}
