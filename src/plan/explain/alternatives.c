/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/explain/alternatives.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "base/text.h"
#include "plan/explain/apart.h"
#include "plan/futures/crew.h"
#include "plan/result/files.h"

#define PLAN_SHARE     0.35  /* of the time, at most, for the plan itself */
#define ALIKE          0.005 /* what differs less is the same plan for people */
#define CANDIDATES_MAX 40    /* a multiple of DIRECTIONS_COUNT */
#define TRIES_EACH     3     /* for one alternative that is asked for */
#define LIKED          0.2
#define IDLE_MAX       8 /* tries without a new one: no more come */
#define AT_ONCE        2 /* tries of a round */
#define FOR(i, count)  for (uint32_t i = 0; i < (count); i += 1)

/* What a search moves away from. */
enum direction { BY_CELL, BY_SITE, BY_CHIP, BY_HALL, DIRECTIONS_COUNT };

static const char *const DIRECTION_WORDS[DIRECTIONS_COUNT] = {
    "other chips at other sites", "other sites", "other chips", "other halls"};

/* What a try in a process of its own found. */
struct found {
    enum dr_apart_found result;
    int cut;
    uint64_t checks_count;
    struct dr_plan_sums sums;
    struct dr_plan plan;
};

/* Where a plan is: accelerator-quarters of its orders, watt-quarters of its halls. */
struct footprint {
    double fleet[DR_PLAN_SITES_MAX][DR_PLAN_CHIPS_MAX];
    double halls[DR_PLAN_SITES_MAX][DR_PLAN_PHASES_MAX];
    double fleet_sum, halls_sum;
};

struct searching {
    struct dr_alternatives *alternatives;
    const struct dr_alternatives_options *options;
    const struct dr_plan_inputs *inputs;
    struct dr_program program;
    double *away; /* [columns of the program] what being where others are costs */
    /* A small program is solved by branch and bound. */
    struct dr_model capped; /* the program's, with its cost as a column under a cap */
    uint32_t cost_column;
    struct dr_solver *solver;  /* of `capped` */
    struct dr_solver *rounder; /* of the program */
    double *values;
    /* Of a large one a round's tries are processes of their own. */
    struct dr_condensed condensed;
    uint8_t *basis;      /* of its linear program; NULL: none */
    struct found *found; /* [DIRECTIONS_COUNT], shared with them */
    struct dr_plan_alternative candidates[CANDIDATES_MAX];
    uint32_t candidates_count;
    struct footprint *prints; /* [1 + candidates]: the plan's first */
    struct dr_plan *plan;     /* scratch */
    struct dr_plan_verdict verdict;
    struct dr_plan_sums sums;
    int64_t begin_us;
};

static void say(const struct searching *searching, const char *format, ...) DR_PRINTF(2, 3);

static void say(const struct searching *searching, const char *format, ...)
{
    char text[400];
    va_list arguments;

    if (searching->options->say == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    searching->options->say(searching->options->context,
                            (double)(dr_monotonic_us() - searching->begin_us) / 1e6, text);
}

static int64_t end_us(const struct searching *searching)
{
    return searching->begin_us + (int64_t)(searching->options->seconds * 1e6);
}

static int is_over(const struct searching *searching)
{
    return (searching->options->stop != NULL && *searching->options->stop) ||
           dr_monotonic_us() > end_us(searching);
}

/* ---- how far plans differ ---- */

/* Quarters that an order of quarter t is there. */
static uint32_t quarters_there(const struct dr_plan_inputs *inputs, uint32_t c, uint32_t t)
{
    uint32_t from = t + inputs->chips[c].lead_quarters;

    return from >= inputs->quarters_count
               ? 0
               : dr_min_u32(inputs->chips[c].life_quarters, inputs->quarters_count - from);
}

static void footprint_of(struct footprint *print, const struct dr_plan_inputs *inputs,
                         const struct dr_plan *plan)
{
    memset(print, 0, sizeof *print);
    FOR(s, inputs->sites_count) {
        FOR(c, inputs->chips_count) {
            FOR(t, inputs->quarters_count)
                print->fleet[s][c] += (double)plan->buy[s][c][t] * quarters_there(inputs, c, t);
            print->fleet_sum += print->fleet[s][c];
        }
        FOR(p, inputs->sites[s].phases_count) {
            const struct dr_plan_phase *phase = &inputs->sites[s].phases[p];
            int32_t from = plan->phase[s][p] + (int32_t)phase->build_quarters;

            if (plan->phase[s][p] == DR_PLAN_NEVER || from >= (int32_t)inputs->quarters_count)
                continue;
            print->halls[s][p] = (double)phase->power_w * ((double)inputs->quarters_count - from);
            print->halls_sum += print->halls[s][p];
        }
    }
}

static struct dr_difference differ(const struct dr_plan_inputs *inputs, const struct footprint *a,
                                   const struct footprint *b)
{
    struct dr_difference difference = {0};
    double fleet = a->fleet_sum + b->fleet_sum, halls = a->halls_sum + b->halls_sum;

    FOR(s, inputs->sites_count) {
        FOR(c, inputs->chips_count)
            difference.fleet += fabs(a->fleet[s][c] - b->fleet[s][c]);
        FOR(p, inputs->sites[s].phases_count)
            difference.halls += fabs(a->halls[s][p] - b->halls[s][p]);
    }
    difference.fleet = fleet > 0 ? difference.fleet / fleet : 0;
    difference.halls = halls > 0 ? difference.halls / halls : 0;
    difference.all = fleet > 0 && halls > 0 ? (difference.fleet + difference.halls) / 2
                                            : difference.fleet + difference.halls;
    return difference;
}

struct dr_difference dr_plan_difference(const struct dr_plan_inputs *inputs,
                                        const struct dr_plan *a, const struct dr_plan *b)
{
    struct footprint *prints = calloc(2, sizeof prints[0]);
    struct dr_difference difference;

    if (prints == NULL)
        abort();
    footprint_of(&prints[0], inputs, a);
    footprint_of(&prints[1], inputs, b);
    difference = differ(inputs, &prints[0], &prints[1]);
    free(prints);
    return difference;
}

int64_t dr_plan_there_at_end(const struct dr_plan_inputs *inputs, const struct dr_plan *plan,
                             uint32_t site, uint32_t chip)
{
    int64_t sum = 0;

    FOR(t, inputs->quarters_count) {
        uint32_t from = t + inputs->chips[chip].lead_quarters;

        if (from < inputs->quarters_count &&
            inputs->quarters_count - 1 < from + inputs->chips[chip].life_quarters)
            sum += plan->buy[site][chip][t];
    }
    return sum;
}

/* ---- the program with a cap ---- */

static void make_capped(struct searching *searching)
{
    const struct dr_model *own = &searching->program.model;
    struct dr_model *capped = &searching->capped;
    const struct dr_model_name none = {.place = {DR_NOWHERE, DR_NOWHERE, DR_NOWHERE, DR_NOWHERE}};
    uint32_t row;

    dr_model_init(capped);
    FOR(c, own->columns_count)
        dr_model_column(capped, own->columns[c], own->lower[c], own->upper[c], 0, own->integer[c]);
    searching->cost_column = dr_model_column(capped, none, -DR_INFINITY, DR_INFINITY, 0, 0);
    FOR(r, own->rows_count)
        dr_model_row(capped, own->rows[r], own->row_lower[r], own->row_upper[r]);
    row = dr_model_row(capped, none, 0, 0);
    FOR(c, own->columns_count) {
        for (int32_t e = own->starts[c]; e < own->starts[c + 1]; e += 1)
            dr_model_entry(capped, (uint32_t)own->entry_rows[e], c, own->entries[e]);
        dr_model_entry(capped, row, c, own->cost[c]);
    }
    dr_model_entry(capped, row, searching->cost_column, -1);
    dr_model_finish(capped);
}

/* May anything be ordered for it? DR_NOWHERE: any site, any chip. */
static int can_order(const struct dr_program *program, uint32_t site, uint32_t chip)
{
    const struct dr_plan_inputs *inputs = program->inputs;

    FOR(s, inputs->sites_count) {
        FOR(c, inputs->chips_count) {
            if ((site != DR_NOWHERE && s != site) || (chip != DR_NOWHERE && c != chip))
                continue;
            FOR(t, inputs->quarters_count) {
                if (program->buy[s][c][t] != DR_NO_COLUMN)
                    return 1;
            }
        }
    }
    return 0;
}

/* How many places there are for orders: cells, sites or chips. */
static double places(const struct dr_program *program, enum direction direction)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    double count = 0;

    FOR(s, direction == BY_CHIP ? 1 : inputs->sites_count) {
        FOR(c, direction == BY_SITE ? 1 : inputs->chips_count)
            count += can_order(program, direction == BY_CHIP ? DR_NOWHERE : s,
                               direction == BY_SITE ? DR_NOWHERE : c);
    }
    return fmax(1, count);
}

/* How much one more accelerator-quarter there is to be shunned: by what a plan has of the chip
 * there, of the site, or of the chip, beyond the mean of all places; at most 1. Where it has less,
 * more is liked, and only a little, or chips would be bought that nobody needs. Without that, each
 * search would end at the same plan: the one that buys least. */
static void shun_fleet(const struct searching *searching, const struct footprint *print,
                       enum direction direction,
                       double weights[DR_PLAN_SITES_MAX][DR_PLAN_CHIPS_MAX], double much)
{
    const struct dr_plan_inputs *inputs = searching->inputs;
    double sites[DR_PLAN_SITES_MAX] = {0}, chips[DR_PLAN_CHIPS_MAX] = {0};
    double count = places(&searching->program, direction);
    double sum = print->fleet_sum > 0 ? print->fleet_sum : inputs->quarters_count;

    FOR(s, inputs->sites_count) {
        FOR(c, inputs->chips_count) {
            sites[s] += print->fleet[s][c];
            chips[c] += print->fleet[s][c];
        }
    }
    FOR(s, inputs->sites_count) {
        FOR(c, inputs->chips_count) {
            double own = direction == BY_SITE   ? sites[s]
                         : direction == BY_CHIP ? chips[c]
                                                : print->fleet[s][c];

            weights[s][c] += much * fmax(-LIKED, fmin(1, own * count / sum - 1)) / sum;
        }
    }
}

/* Prices that lead away from all plans so far. */
static void aim(const struct searching *searching, enum direction direction)
{
    const struct dr_plan_inputs *inputs = searching->inputs;
    const struct dr_program *program = &searching->program;
    double(*fleet)[DR_PLAN_CHIPS_MAX] = calloc(DR_PLAN_SITES_MAX, sizeof fleet[0]);
    double(*halls)[DR_PLAN_PHASES_MAX] = calloc(DR_PLAN_SITES_MAX, sizeof halls[0]);
    double *away = searching->away;
    double power = 1; /* watt-quarters of all that can be built */

    if (fleet == NULL || halls == NULL)
        abort();
    FOR(s, inputs->sites_count) {
        FOR(p, inputs->sites[s].phases_count)
            power += (double)inputs->sites[s].phases[p].power_w * inputs->quarters_count;
    }
    for (uint32_t i = 0; i <= searching->candidates_count; i += 1) {
        const struct footprint *print = &searching->prints[i];

        shun_fleet(searching, print, direction, fleet, direction == BY_HALL ? 0.2 : 1);
        FOR(s, inputs->sites_count) {
            FOR(p, inputs->sites[s].phases_count)
                halls[s][p] += (print->halls[s][p] > 0 ? 1 : -LIKED) *
                               (direction == BY_HALL || direction == BY_CELL ? 1 : 0.2) /
                               (print->halls_sum > 0 ? print->halls_sum : power);
        }
    }
    memset(away, 0, program->model.columns_count * sizeof away[0]);
    FOR(s, inputs->sites_count) {
        FOR(t, inputs->quarters_count) {
            FOR(c, inputs->chips_count) {
                if (program->buy[s][c][t] != DR_NO_COLUMN)
                    away[program->buy[s][c][t]] =
                        fleet[s][c] * quarters_there(inputs, c, t) * dr_program_unit(program, c);
            }
            FOR(p, inputs->sites[s].phases_count) {
                const struct dr_plan_phase *phase = &inputs->sites[s].phases[p];

                if (program->phase[s][p][t] != DR_NO_COLUMN &&
                    t + phase->build_quarters < inputs->quarters_count)
                    away[program->phase[s][p][t]] = halls[s][p] * (double)phase->power_w;
            }
        }
    }
    free(fleet);
    free(halls);
}

/* ---- one try ---- */

/* The integers of the plan, where a search in whole lots begins. */
static void begin_at_plan(const struct searching *searching, double *start)
{
    const struct dr_program *program = &searching->program;
    const struct dr_plan *plan = searching->alternatives->plan;

    dr_plan_binaries(program, plan, start);
    FOR(c, program->model.columns_count) {
        const struct dr_model_name *name = &program->model.columns[c];

        if (name->kind == DR_COLUMN_BUY)
            start[c] = (double)plan->buy[name->place[0]][name->place[1]][name->place[2]] /
                       dr_program_unit(program, name->place[1]);
    }
}

/* Of a small program a solution in whole lots, in `values`; `share` of the time that is left. */
static int solve(struct searching *searching, double share)
{
    struct dr_model *capped = &searching->capped;
    int64_t now_us = dr_monotonic_us();
    double seconds = share * (double)(end_us(searching) - now_us) / 1e6;
    struct dr_solver_limits limits = {.gap = 0.02, .seconds = fmax(1, seconds)};
    double *start = calloc(capped->columns_count, sizeof start[0]);
    struct dr_solver_answer answer;

    if (start == NULL)
        abort();
    FOR(c, searching->program.model.columns_count)
        capped->cost[c] = 1000 * searching->away[c];
    begin_at_plan(searching, start);
    answer = dr_solver_mip(searching->solver, NULL, NULL, NULL, start, &limits, searching->values);
    searching->alternatives->cut |= answer.result != DR_SOLVER_OPTIMAL;
    free(start);
    return answer.has_values;
}

/* What a plan may cost. */
static double cap_of(const struct searching *searching)
{
    double cost = searching->alternatives->sums.cost;

    return cost + searching->options->within * fabs(cost);
}

/* Judge what a try found; 1: it is one more candidate. */
static int judge(struct searching *searching, enum direction direction, enum dr_apart_found result,
                 const struct dr_plan *plan, const struct dr_plan_sums *sums, uint64_t checks_count)
{
    struct dr_alternatives *alternatives = searching->alternatives;
    struct dr_plan_alternative *candidate = &searching->candidates[searching->candidates_count];
    struct footprint *print = &searching->prints[searching->candidates_count + 1];
    double nearest = HUGE_VAL;
    char cost[DR_TEXT_BYTES];

    if (result == DR_APART_NOT_WHOLE) {
        alternatives->not_whole += 1;
        say(searching, "%s: none in whole lots", DIRECTION_WORDS[direction]);
        return 0;
    }
    if (result == DR_APART_TOO_DEAR || sums->cost > cap_of(searching)) {
        alternatives->too_dear += 1;
        say(searching, "%s: too dear", DIRECTION_WORDS[direction]);
        return 0;
    }
    footprint_of(print, searching->inputs, plan);
    for (uint32_t i = 0; i <= searching->candidates_count; i += 1)
        nearest = fmin(nearest, differ(searching->inputs, &searching->prints[i], print).all);
    say(searching, "%s: %s M, %+.2f %%, differs by %.1f %% from the nearest so far",
        DIRECTION_WORDS[direction], dr_format_money((int64_t)sums->cost, cost),
        100 * (sums->cost / alternatives->sums.cost - 1), 100 * nearest);
    if (nearest < ALIKE) {
        alternatives->too_alike += 1;
        return 0;
    }
    candidate->plan = malloc(sizeof *candidate->plan);
    if (candidate->plan == NULL)
        abort();
    *candidate->plan = *plan;
    candidate->sums = *sums;
    candidate->checks_count = checks_count;
    candidate->from_plan = differ(searching->inputs, &searching->prints[0], print);
    searching->candidates_count += 1;
    return 1;
}

/* A solution at the cap itself may pass it by the solver's tolerance: the more of the room is kept
 * free the more often one did. */
static void set_cap(struct searching *searching)
{
    double cost = searching->alternatives->sums.cost, kept = 0;

    FOR(i, searching->alternatives->too_dear)
        kept = (kept + 1) / 2 < 0.9 ? kept + (1 - kept) / 4 : kept;
    searching->capped.upper[searching->cost_column] =
        (cost + (1 - kept) * (cap_of(searching) - cost)) / searching->program.money_scale;
}

/* One try of a small program; 1: one more candidate. */
static int try_small(struct searching *searching, enum direction direction, uint32_t left)
{
    int made;

    set_cap(searching);
    aim(searching, direction);
    if (!solve(searching, 1.0 / left))
        return 0;
    made = dr_plan_make(searching->plan, &searching->program, searching->rounder, searching->values,
                        &searching->verdict, &searching->sums);
    return judge(searching, direction, made ? DR_APART_PLAN : DR_APART_NOT_WHOLE, searching->plan,
                 &searching->sums, searching->verdict.checks_count);
}

/* In a process of its own: one try, in the direction of its number. */
static void try_apart(void *context, uint32_t piece)
{
    struct searching *searching = context;
    const struct dr_condensed *condensed = &searching->condensed;
    struct found *found = &searching->found[piece];
    double *away = calloc(condensed->model.columns_count + 1, sizeof away[0]);
    double scale = searching->program.money_scale;
    struct dr_error error;
    struct dr_apart apart = {.condensed = condensed,
                             .away = away,
                             .best = searching->alternatives->sums.cost / scale,
                             .cap = cap_of(searching) / scale,
                             .end_us = end_us(searching),
                             .stop = searching->options->stop,
                             .plan = &found->plan,
                             .verdict = &searching->verdict,
                             .sums = &found->sums};

    if (away == NULL)
        abort();
    aim(searching, (enum direction)piece);
    FOR(c, searching->program.model.columns_count) {
        if (condensed->place[c] != DR_NO_COLUMN)
            away[condensed->place[c]] = searching->away[c];
    }
    if (dr_solver_open(&apart.solver, &condensed->model, apart.stop, &error) == DR_OK) {
        if (searching->basis != NULL)
            (void)dr_solver_put_basis(apart.solver, DR_APART_BASIS, searching->basis);
        found->result = dr_apart_find(&apart);
        found->cut = apart.cut;
        found->checks_count = searching->verdict.checks_count;
    }
    dr_solver_close(apart.solver);
    free(away);
}

/* A try in each direction, away from the plans of the rounds before; how many candidates more. */
static uint32_t try_round(struct searching *searching)
{
    struct dr_alternatives *alternatives = searching->alternatives;
    struct dr_crew crew = {.count = DIRECTIONS_COUNT,
                           .at_once = AT_ONCE,
                           .work = try_apart,
                           .context = searching,
                           .stop = searching->options->stop};
    uint32_t made = 0;

    FOR(i, DIRECTIONS_COUNT)
        searching->found[i].result = DR_APART_NONE;
    alternatives->cut |= !dr_crew_run(&crew);
    FOR(i, DIRECTIONS_COUNT) {
        const struct found *found = &searching->found[i];

        alternatives->cut |= found->cut;
        if (found->result != DR_APART_NONE)
            made += (uint32_t)judge(searching, (enum direction)i, found->result, &found->plan,
                                    &found->sums, found->checks_count);
    }
    return made;
}

static void search(struct searching *searching)
{
    uint32_t most = dr_min_u32(CANDIDATES_MAX, TRIES_EACH * searching->options->count);
    uint32_t *tried = &searching->alternatives->tried, idle = 0;

    while (*tried < most && idle < IDLE_MAX && !is_over(searching)) {
        uint32_t tries = searching->program.whole_lots ? 1 : DIRECTIONS_COUNT, made;

        if (searching->program.whole_lots)
            made = (uint32_t)try_small(searching, (enum direction)(*tried % DIRECTIONS_COUNT),
                                       most - *tried);
        else
            made = try_round(searching);
        *tried += tries;
        idle = made > 0 ? 0 : idle + tries;
    }
    searching->alternatives->cut |= is_over(searching);
}

/* ---- which to show ---- */

static void choose(struct searching *searching)
{
    struct dr_alternatives *alternatives = searching->alternatives;
    uint32_t shown[DR_PLAN_ALTERNATIVES_MAX + 1] = {0}; /* places among the footprints */
    int taken[CANDIDATES_MAX] = {0};

    while (alternatives->count < searching->options->count) {
        double furthest = ALIKE;
        uint32_t best = CANDIDATES_MAX;

        FOR(i, searching->candidates_count) {
            double nearest = HUGE_VAL;

            for (uint32_t j = 0; j <= alternatives->count && !taken[i]; j += 1)
                nearest = fmin(nearest, differ(searching->inputs, &searching->prints[shown[j]],
                                               &searching->prints[i + 1])
                                            .all);
            if (!taken[i] && nearest > furthest) {
                furthest = nearest;
                best = i;
            }
        }
        if (best == CANDIDATES_MAX)
            return;
        taken[best] = 1;
        searching->candidates[best].nearest = furthest;
        alternatives->items[alternatives->count] = searching->candidates[best];
        searching->candidates[best].plan = NULL;
        alternatives->count += 1;
        shown[alternatives->count] = best + 1;
    }
}

/* ---- the whole ---- */

static enum dr_status find_plan(struct searching *searching, struct dr_error *error)
{
    struct dr_alternatives *alternatives = searching->alternatives;
    struct dr_search_options options = {.seconds = searching->options->seconds * PLAN_SHARE,
                                        .gap = searching->options->gap,
                                        .basis = &searching->basis,
                                        .stop = searching->options->stop};
    struct dr_search_progress progress;
    enum dr_status status;
    double first_s;
    char cost[DR_TEXT_BYTES];

    status = dr_plan_find(&searching->program, &options, alternatives->plan, &searching->verdict,
                          &alternatives->sums, &progress, &first_s, &alternatives->found, error);
    if (status != DR_OK || alternatives->found != DR_FOUND_PLAN)
        return status;
    alternatives->checks_count = searching->verdict.checks_count;
    alternatives->bound = progress.bound * searching->program.money_scale;
    alternatives->bound_by_search = progress.bound_by_search;
    alternatives->cut = progress.cut;
    footprint_of(&searching->prints[0], searching->inputs, alternatives->plan);
    say(searching, "the plan: %s M, gap %.3f %%",
        dr_format_money((int64_t)alternatives->sums.cost, cost),
        100 * dr_plan_gap(alternatives->sums.cost, alternatives->bound));
    return DR_OK;
}

static double *new_values(uint32_t count)
{
    double *values = calloc(count + 1, sizeof values[0]);

    if (values == NULL)
        abort();
    return values;
}

static enum dr_status find_others(struct searching *searching, struct dr_error *error)
{
    size_t shared = DIRECTIONS_COUNT * sizeof searching->found[0];
    enum dr_status status = DR_OK;

    searching->away = new_values(searching->program.model.columns_count);
    if (searching->program.whole_lots) {
        make_capped(searching);
        searching->values = new_values(searching->capped.columns_count);
        searching->plan = calloc(1, sizeof *searching->plan);
        if (searching->plan == NULL)
            abort();
        status =
            dr_solver_open(&searching->solver, &searching->capped, searching->options->stop, error);
        if (status == DR_OK)
            status = dr_solver_open(&searching->rounder, &searching->program.model, NULL, error);
    } else {
        dr_condensed_init(&searching->condensed, &searching->program);
        searching->found = dr_crew_memory(shared);
    }
    if (status == DR_OK) {
        search(searching);
        choose(searching);
    }
    dr_crew_release(searching->found, shared);
    return status;
}

enum dr_status dr_alternatives_run(struct dr_alternatives *alternatives,
                                   const struct dr_plan_inputs *inputs,
                                   const struct dr_alternatives_options *options,
                                   struct dr_error *error)
{
    struct searching *searching = calloc(1, sizeof *searching);
    enum dr_status status;

    memset(alternatives, 0, sizeof *alternatives);
    alternatives->plan = calloc(1, sizeof *alternatives->plan);
    if (searching == NULL || alternatives->plan == NULL)
        abort();
    searching->alternatives = alternatives;
    searching->options = options;
    searching->inputs = inputs;
    searching->begin_us = dr_monotonic_us();
    searching->prints = calloc(CANDIDATES_MAX + 2, sizeof searching->prints[0]);
    if (searching->prints == NULL)
        abort();
    dr_program_init(&searching->program, inputs, 0);
    alternatives->rows_count = searching->program.model.rows_count;
    alternatives->columns_count = searching->program.model.columns_count;
    FOR(c, searching->program.model.columns_count)
        alternatives->binaries_count += searching->program.model.integer[c];
    status = find_plan(searching, error);
    if (status == DR_OK && alternatives->found == DR_FOUND_PLAN)
        status = find_others(searching, error);
    alternatives->seconds = (double)(dr_monotonic_us() - searching->begin_us) / 1e6;
    dr_solver_close(searching->solver);
    dr_solver_close(searching->rounder);
    dr_model_deinit(&searching->capped);
    dr_condensed_deinit(&searching->condensed);
    dr_program_deinit(&searching->program);
    FOR(i, searching->candidates_count)
        free(searching->candidates[i].plan);
    free(searching->prints);
    free(searching->away);
    free(searching->basis);
    free(searching->values);
    free(searching->plan);
    free(searching);
    return status;
}

void dr_alternatives_deinit(struct dr_alternatives *alternatives)
{
    FOR(i, alternatives->count)
        free(alternatives->items[i].plan);
    free(alternatives->plan);
    memset(alternatives, 0, sizeof *alternatives);
}
