/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/explain/apart.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "plan/search/dive.h"

#define FREE_BASIS    2
#define HELD_BASIS    3
#define DIVES_MAX     3
#define FREE_SHARE    0.4  /* of what may be spent more, before the dive: it needs the rest */
#define HELD_SHARE    0.95 /* and behind it: whole lots need the rest */
#define FIRST_PRICE   0.1  /* of the plan's cost, for what others have in all */
#define PRICE_MAX     50.0
#define PRICE_MIN     1e-4
#define STEPS         6 /* programs until a price is left as it is */
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

struct trying {
    struct dr_apart *apart;
    const struct dr_model *model; /* the condensed one */
    double *lower, *upper, *cost, *values, *kept, *full;
};

static int is_over(const struct dr_apart *apart)
{
    return (apart->stop != NULL && *apart->stop) || dr_monotonic_us() > apart->end_us;
}

static void set_price(struct trying *trying, double price)
{
    FOR(c, trying->model->columns_count)
        trying->cost[c] =
            trying->model->cost[c] + price * fabs(trying->apart->best) * trying->apart->away[c];
}

/* 1: solved, into `values`. */
static int solve(struct trying *trying, double price, uint32_t from, uint32_t keep, int primal)
{
    struct dr_apart *apart = trying->apart;
    struct dr_solver_limits limits = {
        .seconds = fmax(1, (double)(apart->end_us - dr_monotonic_us()) / 1e6),
        .from = from,
        .keep = keep,
        .primal = primal};

    set_price(trying, price);
    return dr_solver_lp(apart->solver, trying->lower, trying->upper, trying->cost, &limits,
                        trying->values, NULL, NULL)
               .result == DR_SOLVER_OPTIMAL;
}

/* The highest price, by halving, at which the program within the bounds costs at most `most`; what
 * is found there is in `kept`. Begins at `price`, from the basis `from`; later ones from `keep`. 0:
 * none was found, or the clock cut it. */
static double find_price(struct trying *trying, double price, double most, uint32_t from,
                         uint32_t keep)
{
    double good = 0, bad = 0;

    FOR(step, STEPS) {
        int solved = !is_over(trying->apart) &&
                     solve(trying, price, step == 0 ? from : keep, keep, step > 0);

        if (!solved)
            break;
        if (dr_model_cost(trying->model, trying->values) <= most) {
            good = price;
            memcpy(trying->kept, trying->values,
                   trying->model->columns_count * sizeof trying->kept[0]);
        } else {
            bad = price;
        }
        price = bad == 0 ? 4 * good : good == 0 ? bad / 4 : sqrt(good * bad);
        if (price > PRICE_MAX || price < PRICE_MIN || (good > 0 && bad > 0 && bad / good < 1.3))
            break;
    }
    return good;
}

/* Whole phases and orders near what is in `values`, by a dive at this price; held in the bounds. */
static int dive(struct trying *trying, double price)
{
    struct dr_apart *apart = trying->apart;
    struct dr_dive dive = {.solver = apart->solver,
                           .model = trying->model,
                           .whole = trying->model->integer,
                           .lower = trying->lower,
                           .upper = trying->upper,
                           .cost = trying->cost,
                           .values = trying->values,
                           .end_us = apart->end_us,
                           .stop = apart->stop};
    int found;

    set_price(trying, price);
    found = dr_dive(&dive);
    apart->cut |= dive.cut;
    FOR(c, found ? trying->model->columns_count : 0) {
        if (trying->model->integer[c])
            trying->lower[c] = trying->upper[c] = round(trying->values[c]);
    }
    return found;
}

static void reset(struct trying *trying)
{
    size_t bytes = trying->model->columns_count * sizeof trying->lower[0];

    memcpy(trying->lower, trying->model->lower, bytes);
    memcpy(trying->upper, trying->model->upper, bytes);
}

static enum dr_apart_found round_to_lots(struct trying *trying)
{
    struct dr_apart *apart = trying->apart;

    dr_condensed_expand(apart->condensed, trying->kept, trying->full);
    return dr_plan_make_condensed(apart->plan, apart->condensed, apart->solver, trying->full,
                                  apart->verdict, apart->sums)
               ? DR_APART_PLAN
               : DR_APART_NOT_WHOLE;
}

static enum dr_apart_found find(struct trying *trying)
{
    struct dr_apart *apart = trying->apart;
    double room = apart->cap - apart->best, share = FREE_SHARE, price = FIRST_PRICE;
    enum dr_apart_found found = DR_APART_NONE;

    FOR(n, DIVES_MAX) {
        double held;

        reset(trying);
        price = find_price(trying, price, apart->best + share * room,
                           n == 0 ? DR_APART_BASIS : FREE_BASIS, FREE_BASIS);
        if (price == 0 || !dive(trying, price) || is_over(apart))
            break;
        held = find_price(trying, price, apart->best + HELD_SHARE * room, 0, HELD_BASIS);
        if (held > 0)
            return round_to_lots(trying);
        found = DR_APART_TOO_DEAR;
        share /= 3;
    }
    apart->cut |= is_over(apart);
    return found;
}

enum dr_apart_found dr_apart_find(struct dr_apart *apart)
{
    struct trying trying = {.apart = apart, .model = &apart->condensed->model};
    size_t bytes = (trying.model->columns_count + 1) * sizeof(double);
    double **arrays[] = {&trying.lower, &trying.upper, &trying.cost, &trying.values, &trying.kept};
    enum dr_apart_found found;

    for (size_t i = 0; i < DR_COUNT_OF(arrays); i += 1) {
        *arrays[i] = calloc(1, bytes);
        if (*arrays[i] == NULL)
            abort();
    }
    trying.full = calloc(apart->condensed->program->model.columns_count + 1, sizeof trying.full[0]);
    if (trying.full == NULL)
        abort();
    apart->cut = 0;
    found = find(&trying);
    for (size_t i = 0; i < DR_COUNT_OF(arrays); i += 1)
        free(*arrays[i]);
    free(trying.full);
    return found;
}
