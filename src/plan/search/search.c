/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/search/search.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "plan/search/dive.h"
#include "plan/search/tree.h"

#define WHOLE           DR_SEARCH_WHOLE
#define DIVE_ROUNDS_MAX 400
#define BLOCK_QUARTERS  5
#define NODES_MAX       40  /* of one block; one takes up to 2 s */
#define MOVES_MAX       150 /* linear programs of the first descent */
#define FIRST_BASIS     1   /* of the linear program */
#define MOVES_BASIS     2   /* and 3 */
#define TREE_BASIS      4   /* and behind it */

double dr_search_left_s(const struct dr_search_run *run)
{
    return run->options->seconds - (double)(dr_monotonic_us() - run->begin_us) / 1e6;
}

void dr_search_tell(struct dr_search_run *run, const char *step)
{
    struct dr_search_progress *progress = &run->search->progress;

    progress->step = step;
    progress->seconds = run->options->seconds - dr_search_left_s(run);
    progress->cpu_s = dr_solver_cpu_s(run->solver);
    if (run->options->progress != NULL)
        run->options->progress(run->options->context, progress);
}

static double gap_of(const struct dr_search_progress *progress)
{
    return progress->has_values
               ? (progress->cost - progress->bound) / fmax(fabs(progress->cost), 1e-9)
               : DR_INFINITY;
}

int dr_search_stopped(const struct dr_search_run *run)
{
    return run->options->stop != NULL && *run->options->stop;
}

int dr_search_done(const struct dr_search_run *run)
{
    const struct dr_search_options *options = run->options;

    if (options->known_bound != 0 ? run->search->progress.bound >= options->known_bound
                                  : gap_of(&run->search->progress) <= options->gap)
        return 1;
    if (dr_search_left_s(run) < 1)
        run->search->progress.cut = 1;
    return dr_search_stopped(run) || dr_search_left_s(run) < 1;
}

int dr_search_keep(struct dr_search_run *run, const double *values, double cost)
{
    struct dr_search_progress *progress = &run->search->progress;

    if (progress->has_values && cost >= progress->cost - 1e-9 * fabs(progress->cost))
        return 0;
    if (!progress->has_values)
        run->search->first_s = run->options->seconds - dr_search_left_s(run);
    memcpy(run->best, values, run->model->columns_count * sizeof values[0]);
    progress->has_values = 1;
    progress->cost = cost;
    return 1;
}

void dr_search_reset(struct dr_search_run *run)
{
    size_t bytes = run->model->columns_count * sizeof run->lower[0];

    memcpy(run->lower, run->model->lower, bytes);
    memcpy(run->upper, run->model->upper, bytes);
}

struct dr_solver_answer dr_search_lp(struct dr_search_run *run,
                                     const struct dr_solver_limits *limits)
{
    struct dr_solver_limits own = *limits;

    own.seconds = fmax(1, dr_search_left_s(run));
    return dr_solver_lp(run->solver, run->lower, run->upper, NULL, &own, run->values, NULL,
                        run->reduced);
}

/* The quarter in which a binary column lies. */
static uint32_t quarter_of(const struct dr_model *model, uint32_t column)
{
    const struct dr_model_name *name = &model->columns[column];

    return name->kind == DR_COLUMN_PHASE ? name->place[2] : name->place[1];
}

static void fix(struct dr_search_run *run, uint32_t column, double value)
{
    run->lower[column] = run->upper[column] = round(value);
}

/* ---- orders ---- */

/* Accelerators of this chip that are ordered in a quarter. */
static double ordered(const struct dr_search_run *run, uint32_t c, uint32_t t)
{
    double sum = 0;

    for (uint32_t s = 0; s < run->program->inputs->sites_count; s += 1) {
        uint32_t column = run->program->buy[s][c][t];

        if (column != DR_NO_COLUMN)
            sum += run->values[run->condensed.place[column]] * dr_program_unit(run->program, c);
    }
    return sum;
}

/* Orders as they are counted in `values`, held where they may be; 1: some are more than none and
 * less than the least. */
static int hold_orders(struct dr_search_run *run)
{
    const struct dr_plan_inputs *inputs = run->program->inputs;
    int between = 0;

    for (uint32_t c = 0; c < inputs->chips_count; c += 1) {
        double least = inputs->chips[c].order_min;

        for (uint32_t t = 0; t < inputs->quarters_count; t += 1) {
            uint32_t column = run->program->order[c][t];
            double count;

            if (column == DR_NO_COLUMN)
                continue;
            column = run->condensed.place[column];
            count = ordered(run, c, t);
            between |= count > least * WHOLE && count < least * (1 - WHOLE);
            if (run->model->lower[column] != run->model->upper[column])
                fix(run, column, count >= least / 2);
        }
    }
    return between;
}

void dr_search_round_orders(struct dr_search_run *run, double cost)
{
    const struct dr_model *model = run->model;
    struct dr_solver_limits limits = {0};
    struct dr_solver_answer answer;
    int between = hold_orders(run);

    /* What orders do to cost may not move phases, or these would be fractions again. */
    for (uint32_t c = 0; c < model->columns_count; c += 1) {
        if (model->columns[c].kind == DR_COLUMN_PHASE)
            fix(run, c, run->values[c]);
        else if (model->columns[c].kind == DR_COLUMN_ORDER && !between)
            run->values[c] = run->lower[c];
    }
    if (!between) {
        (void)dr_search_keep(run, run->values, cost);
        return;
    }
    answer = dr_search_lp(run, &limits);
    if (answer.result == DR_SOLVER_INFEASIBLE) {
        /* Some of those that are now none are needed: all of them as orders then. */
        for (uint32_t c = 0; c < model->columns_count; c += 1) {
            if (model->columns[c].kind == DR_COLUMN_ORDER)
                run->lower[c] = run->upper[c] = model->upper[c];
        }
        answer = dr_search_lp(run, &limits);
    }
    if (answer.result == DR_SOLVER_OPTIMAL)
        (void)dr_search_keep(run, run->values, answer.cost);
}

/* ---- the dive ---- */

int dr_search_dive(struct dr_search_run *run, double cutoff)
{
    struct dr_fraction *fractions = calloc(run->model->columns_count, sizeof fractions[0]);
    struct dr_solver_limits limits = {.cutoff = cutoff};
    struct dr_solver_answer answer = {0};
    int whole = 0;

    if (fractions == NULL)
        abort();
    for (uint32_t round = 0; round < DIVE_ROUNDS_MAX; round += 1) {
        uint32_t count = dr_dive_fractions(run->model, run->model->integer, run->lower, run->upper,
                                           run->values, fractions);
        uint32_t up = count / 8 + 1;

        whole = count == 0 && round > 0;
        if (count == 0 || dr_search_stopped(run) || dr_search_left_s(run) < 1)
            break;
        while (up > 1 && fractions[up - 1].value < 0.5)
            up -= 1;
        for (uint32_t i = 0; i < up; i += 1)
            run->lower[fractions[i].column] = 1;
        answer = dr_search_lp(run, &limits);
        /* Too many for the rows: the last of them, then the one before, down instead. */
        while (answer.result == DR_SOLVER_INFEASIBLE && !answer.has_values && up > 0) {
            up -= 1;
            run->lower[fractions[up].column] = 0;
            run->upper[fractions[up].column] = 0;
            answer = dr_search_lp(run, &limits);
        }
        if (answer.result != DR_SOLVER_OPTIMAL)
            break;
    }
    if (whole)
        (void)dr_search_keep(run, run->values, answer.cost);
    free(fractions);
    return whole;
}

/* ---- blocks ---- */

static struct dr_solver_answer solve_block(struct dr_search_run *run, double seconds)
{
    struct dr_solver_limits limits = {.gap = 0.0005, .nodes = NODES_MAX};
    struct dr_solver_answer answer;
    int64_t begin_us = dr_monotonic_us();

    limits.seconds = fmin(dr_search_left_s(run), seconds);
    answer = dr_solver_mip(run->solver, run->lower, run->upper, run->integer, NULL, &limits,
                           run->values);
    if ((double)(dr_monotonic_us() - begin_us) / 1e6 >= limits.seconds)
        run->search->progress.cut = 1;
    return answer;
}

static void relax_and_fix(struct dr_search_run *run, uint32_t block, double seconds)
{
    const struct dr_model *model = run->model;
    uint32_t quarters = run->program->inputs->quarters_count;
    uint32_t blocks = (quarters + block - 1) / block;
    struct dr_solver_answer answer = {0};

    dr_search_reset(run);
    for (uint32_t b = 0; b < blocks; b += 1) {
        for (uint32_t c = 0; c < model->columns_count; c += 1) {
            uint32_t quarter = model->integer[c] ? quarter_of(model, c) : 0;

            run->integer[c] = model->integer[c] && quarter < (b + 1) * block;
            if (model->integer[c] && b > 0 && quarter < b * block)
                fix(run, c, run->values[c]);
        }
        answer = solve_block(run, seconds / blocks);
        if (!answer.has_values)
            return;
        if (b + 1 == blocks)
            (void)dr_search_keep(run, run->values, answer.cost);
        dr_search_tell(run, "relax and fix");
        if (dr_search_stopped(run) || dr_search_left_s(run) < 1)
            return;
    }
}

/* Of a small program the best there is: CBC, with orders in whole lots. */
static void solve_whole(struct dr_search_run *run)
{
    struct dr_search_progress *progress = &run->search->progress;
    struct dr_solver_limits limits = {.gap = run->options->gap, .seconds = dr_search_left_s(run)};
    struct dr_solver_answer answer =
        dr_solver_mip(run->solver, NULL, NULL, NULL, NULL, &limits, run->values);

    run->search->infeasible = answer.result == DR_SOLVER_INFEASIBLE;
    progress->cut |= answer.result != DR_SOLVER_OPTIMAL;
    if (answer.has_values)
        (void)dr_search_keep(run, run->values, answer.cost);
    if ((answer.result == DR_SOLVER_OPTIMAL || answer.result == DR_SOLVER_FEASIBLE) &&
        answer.bound > progress->bound) {
        progress->bound = answer.bound;
        progress->bound_by_search = 1;
    }
    dr_search_tell(run, "branch and bound");
}

static int has_integers(const struct dr_model *model)
{
    for (uint32_t c = 0; c < model->columns_count; c += 1) {
        if (model->integer[c])
            return 1;
    }
    return 0;
}

static void find_lines(struct dr_search_run *run)
{
    const struct dr_plan_inputs *inputs = run->program->inputs;

    for (uint32_t s = 0; s < inputs->sites_count; s += 1) {
        uint32_t before = DR_NO_COLUMN;

        for (uint32_t p = 0; p < inputs->sites[s].phases_count; p += 1) {
            struct dr_search_line *line = &run->lines[run->lines_count];

            if (inputs->sites[s].phases[p].begun)
                continue;
            *line = (struct dr_search_line){
                .site = s, .begin = inputs->quarters_count, .before = before};
            for (uint32_t t = inputs->quarters_count; t > 0; t -= 1) {
                uint32_t column = run->program->phase[s][p][t - 1];

                if (column == DR_NO_COLUMN)
                    break;
                line->begin = t - 1;
                line->column = run->condensed.place[column];
                line->count += 1;
            }
            before = run->lines_count;
            run->lines_count += 1;
        }
    }
}

/* From the linear program's values on. */
static void find_plan(struct dr_search_run *run)
{
    const struct dr_search_progress *progress = &run->search->progress;
    struct dr_moves *moves;

    if (!has_integers(run->model)) {
        (void)dr_search_keep(run, run->values, progress->bound);
        dr_search_tell(run, "nothing to decide");
        return;
    }
    if (run->program->whole_lots) {
        if (!dr_search_done(run))
            solve_whole(run);
        return;
    }
    if (run->options->bound_only) {
        if (run->options->known_bound != 0 && !dr_search_done(run))
            dr_tree_run(run, NULL, FIRST_BASIS, TREE_BASIS);
        return;
    }
    moves = dr_moves_open(run, MOVES_BASIS);
    dr_moves_learn(moves, progress->bound);
    dr_search_reset(run);
    if (!dr_search_done(run))
        (void)dr_search_dive(run, 0);
    dr_search_tell(run, "dive");
    if (!progress->has_values && !dr_search_done(run))
        relax_and_fix(run, BLOCK_QUARTERS, dr_search_left_s(run));
    if (progress->has_values && !dr_search_done(run)) {
        (void)dr_moves_from_best(moves, MOVES_MAX);
        dr_search_tell(run, "moves");
    }
    if (progress->has_values && !dr_search_done(run))
        dr_tree_run(run, moves, FIRST_BASIS, TREE_BASIS);
    dr_moves_close(moves);
}

static double *new_values(const struct dr_model *model)
{
    double *values = calloc(model->columns_count + 1, sizeof values[0]);

    if (values == NULL)
        abort();
    return values;
}

/* For the caller, where it wants it. */
static void give_basis(const struct dr_search_run *run)
{
    uint8_t **basis = run->options->basis;

    if (basis == NULL)
        return;
    *basis = malloc((size_t)run->model->columns_count + run->model->rows_count + 1);
    if (*basis == NULL)
        abort();
    if (!dr_solver_get_basis(run->solver, FIRST_BASIS, *basis)) {
        free(*basis);
        *basis = NULL;
    }
}

enum dr_status dr_search_run(struct dr_search *search, const struct dr_program *program,
                             const struct dr_search_options *options, struct dr_error *error)
{
    struct dr_search_run *run = calloc(1, sizeof *run);
    struct dr_solver_limits limits = {.keep = FIRST_BASIS};
    struct dr_solver_answer answer;
    enum dr_status status;

    if (run == NULL)
        abort();
    memset(search, 0, sizeof *search);
    search->progress.bound = -DR_INFINITY;
    search->values = new_values(&program->model);
    run->search = search;
    run->program = program;
    run->options = options;
    run->begin_us = dr_monotonic_us();
    dr_condensed_init(&run->condensed, program);
    run->model = &run->condensed.model;
    run->lower = new_values(run->model);
    run->upper = new_values(run->model);
    run->values = new_values(run->model);
    run->reduced = new_values(run->model);
    run->best = new_values(run->model);
    run->integer = calloc(run->model->columns_count + 1, 1);
    if (run->integer == NULL)
        abort();
    find_lines(run);
    status = dr_solver_open(&run->solver, run->model, options->stop, error);
    if (status == DR_OK) {
        dr_search_reset(run);
        answer = dr_search_lp(run, &limits);
        search->infeasible = answer.result == DR_SOLVER_INFEASIBLE;
        if (answer.result == DR_SOLVER_OPTIMAL)
            search->progress.bound = answer.cost;
        give_basis(run);
        dr_search_tell(run, "linear program");
        if (answer.result == DR_SOLVER_OPTIMAL)
            find_plan(run);
        if (search->progress.has_values)
            dr_condensed_expand(&run->condensed, run->best, search->values);
    }
    dr_solver_close(run->solver);
    dr_condensed_deinit(&run->condensed);
    free(run->lower);
    free(run->upper);
    free(run->values);
    free(run->reduced);
    free(run->best);
    free(run->integer);
    free(run);
    return status;
}

void dr_search_deinit(struct dr_search *search)
{
    free(search->values);
    search->values = NULL;
}
