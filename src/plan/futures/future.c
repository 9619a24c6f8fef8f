/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/futures/future.h"

#include <stdlib.h>
#include <string.h>

#include "base/math.h"

#define MICRO         DR_PLAN_MICRO
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

/* An amount of a quarter, on its way from what the tables say to the future's part of it. */
static int64_t on_the_way(const struct dr_plan_inputs *inputs, int64_t amount, int64_t part_micro,
                          uint32_t t)
{
    int64_t common = dr_max_i64(1, inputs->common_quarters);
    int64_t micro = MICRO + dr_mul_div_floor(part_micro - MICRO, dr_min_i64(t, common), common);

    return dr_mul_div_floor(amount, micro, MICRO);
}

static void delay_grid(struct dr_plan_inputs *inputs, uint32_t quarters)
{
    FOR(s, inputs->sites_count) {
        FOR(p, inputs->sites[s].phases_count) {
            struct dr_plan_phase *phase = &inputs->sites[s].phases[p];

            phase->build_quarters += phase->begun ? 0 : quarters;
        }
    }
    FOR(z, inputs->zones_count) {
        int64_t *grid_w = inputs->zones[z].grid_w;

        /* From the last quarter back, so that the earlier one is still as the tables say. */
        for (uint32_t t = inputs->quarters_count; t-- > 0;)
            grid_w[t] = dr_min_i64(grid_w[t], grid_w[t < quarters ? 0 : t - quarters]);
    }
}

struct dr_plan_future dr_plan_as_told(void)
{
    return (struct dr_plan_future){.title = "what the tables say",
                                   .weight_micro = MICRO,
                                   .demand_micro = MICRO,
                                   .price_micro = MICRO,
                                   .tariff_micro = MICRO};
}

struct dr_plan_inputs *dr_plan_in_future(const struct dr_plan_inputs *inputs,
                                         const struct dr_plan_future *future)
{
    struct dr_plan_inputs *made = malloc(sizeof *made);

    if (made == NULL)
        abort();
    *made = *inputs;
    memset(&made->arena, 0, sizeof made->arena);
    FOR(t, inputs->quarters_count) {
        FOR(k, inputs->sectors_count)
            made->sectors[k].demand[t] =
                on_the_way(inputs, inputs->sectors[k].demand[t], future->demand_micro, t);
        FOR(c, inputs->chips_count)
            made->chips[c].price[t] =
                on_the_way(inputs, inputs->chips[c].price[t], future->price_micro, t);
    }
    FOR(c, inputs->chips_count)
        made->chips[c].lead_quarters += future->late_quarters;
    FOR(i, inputs->tariffs_count) {
        FOR(q, 4) {
            made->tariffs[i].energy_micro[q] =
                dr_mul_div_floor(inputs->tariffs[i].energy_micro[q], future->tariff_micro, MICRO);
            made->tariffs[i].peak_micro[q] =
                dr_mul_div_floor(inputs->tariffs[i].peak_micro[q], future->tariff_micro, MICRO);
        }
    }
    delay_grid(made, future->grid_late_quarters);
    return made;
}

void dr_plan_future_close(struct dr_plan_inputs *inputs)
{
    free(inputs);
}

/* ---- the first stage ---- */

void dr_first_stage_of(struct dr_first_stage *stage, const struct dr_plan_inputs *inputs,
                       const struct dr_plan *plan)
{
    memset(stage, 0, sizeof *stage);
    stage->quarters = inputs->common_quarters;
    FOR(s, DR_PLAN_SITES_MAX) {
        FOR(c, DR_PLAN_CHIPS_MAX) {
            FOR(t, stage->quarters)
                stage->buy[s][c][t] = plan->buy[s][c][t];
        }
        FOR(p, DR_PLAN_PHASES_MAX)
            stage->phase[s][p] =
                plan->phase[s][p] < (int32_t)stage->quarters ? plan->phase[s][p] : DR_PLAN_NEVER;
    }
}

int dr_first_stage_same(const struct dr_first_stage *a, const struct dr_first_stage *b)
{
    return a->quarters == b->quarters && memcmp(a->buy, b->buy, sizeof a->buy) == 0 &&
           memcmp(a->phase, b->phase, sizeof a->phase) == 0;
}

int dr_first_stage_has(const struct dr_program *program, uint32_t column)
{
    const struct dr_model_name *name = &program->model.columns[column];
    uint32_t common = program->inputs->common_quarters;

    switch ((int)name->kind) {
    case DR_COLUMN_BUY:
    case DR_COLUMN_PHASE:
        return name->place[2] < common;
    case DR_COLUMN_ORDER:
        return name->place[1] < common;
    default:
        return 0;
    }
}

/* The column at a value, or at least there. */
static void hold(struct dr_program *program, uint32_t column, double value, int more)
{
    if (column == DR_NO_COLUMN)
        return;
    program->model.lower[column] = value;
    if (!more)
        program->model.upper[column] = value;
}

static int hold_all(struct dr_program *program, const struct dr_first_stage *stage, int more)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    int holds = 1;

    FOR(t, stage->quarters) {
        FOR(c, inputs->chips_count) {
            int64_t sum = 0;

            FOR(s, inputs->sites_count) {
                int64_t buy = stage->buy[s][c][t];

                hold(program, program->buy[s][c][t], (double)buy / dr_program_unit(program, c),
                     more);
                holds &= buy == 0 || program->buy[s][c][t] != DR_NO_COLUMN;
                sum += buy;
            }
            hold(program, program->order[c][t], sum > 0, more);
        }
        FOR(s, inputs->sites_count) {
            FOR(p, inputs->sites[s].phases_count)
                hold(program, program->phase[s][p][t],
                     stage->phase[s][p] != DR_PLAN_NEVER && stage->phase[s][p] <= (int32_t)t, more);
        }
    }
    return holds;
}

int dr_first_stage_hold(struct dr_program *program, const struct dr_first_stage *stage)
{
    return hold_all(program, stage, 0);
}

int dr_first_stage_at_least(struct dr_program *program, const struct dr_first_stage *stage)
{
    return hold_all(program, stage, 1);
}
