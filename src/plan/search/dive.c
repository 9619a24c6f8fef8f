/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/search/dive.h"

#include <stdlib.h>

#include "base/sort.h"
#include "base/text.h"

#define WHOLE      1e-6
#define ROUNDS_MAX 400

static int nearest_first(const void *a, const void *b, const void *context)
{
    const struct dr_fraction *first = a, *second = b;

    (void)context;
    if (first->value != second->value)
        return first->value > second->value ? -1 : 1;
    return first->column < second->column ? -1 : first->column > second->column;
}

uint32_t dr_dive_fractions(const struct dr_model *model, const uint8_t *whole, const double *lower,
                           const double *upper, const double *values, struct dr_fraction *fractions)
{
    uint32_t count = 0;

    for (uint32_t c = 0; c < model->columns_count; c += 1) {
        if (!whole[c] || lower[c] == upper[c] || values[c] < WHOLE || values[c] > 1 - WHOLE)
            continue;
        fractions[count] = (struct dr_fraction){c, values[c]};
        count += 1;
    }
    dr_sort(fractions, count, sizeof fractions[0], nearest_first, NULL);
    return count;
}

static uint32_t list_fractions(const struct dr_dive *dive, struct dr_fraction *fractions)
{
    return dr_dive_fractions(dive->model, dive->whole, dive->lower, dive->upper, dive->values,
                             fractions);
}

static int is_over(const struct dr_dive *dive)
{
    return (dive->stop != NULL && *dive->stop) || dr_monotonic_us() > dive->end_us;
}

static struct dr_solver_answer solve(struct dr_dive *dive)
{
    struct dr_solver_limits limits = {
        .seconds = fmax(1, (double)(dive->end_us - dr_monotonic_us()) / 1e6)};

    return dr_solver_lp(dive->solver, dive->lower, dive->upper, dive->cost, &limits, dive->values,
                        NULL, NULL);
}

/* One step down from a solution with `count` fractions. */
static struct dr_solver_answer step(struct dr_dive *dive, const struct dr_fraction *fractions,
                                    uint32_t count)
{
    uint32_t up = count / 8 + 1;
    struct dr_solver_answer answer;

    while (up > 1 && fractions[up - 1].value < 0.5)
        up -= 1;
    for (uint32_t i = 0; i < up; i += 1)
        dive->lower[fractions[i].column] = 1;
    answer = solve(dive);
    while (answer.result == DR_SOLVER_INFEASIBLE && up > 0) {
        up -= 1;
        dive->lower[fractions[up].column] = 0;
        dive->upper[fractions[up].column] = 0;
        answer = solve(dive);
    }
    return answer;
}

int dr_dive(struct dr_dive *dive)
{
    struct dr_fraction *fractions = calloc(dive->model->columns_count, sizeof fractions[0]);
    struct dr_solver_answer answer = solve(dive);
    uint32_t count = 0, rounds = 0;

    if (fractions == NULL)
        abort();
    dive->first = answer.cost;
    dive->solved = answer.result == DR_SOLVER_OPTIMAL;
    dive->infeasible = answer.result == DR_SOLVER_INFEASIBLE;
    dive->cut = 0;
    if (answer.result == DR_SOLVER_OPTIMAL)
        count = list_fractions(dive, fractions);
    while (answer.result == DR_SOLVER_OPTIMAL && count > 0 && rounds < ROUNDS_MAX &&
           !is_over(dive)) {
        answer = step(dive, fractions, count);
        count = answer.result == DR_SOLVER_OPTIMAL ? list_fractions(dive, fractions) : 1;
        rounds += 1;
    }
    dive->cut = is_over(dive) || answer.result == DR_SOLVER_NONE;
    dive->cost_found = answer.cost;
    free(fractions);
    return answer.result == DR_SOLVER_OPTIMAL && count == 0;
}
