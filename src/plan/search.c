/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/search.h"

#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "base/text.h"

#define WHOLE           1e-6
#define DIVE_ROUNDS_MAX 400
#define BLOCK_QUARTERS  5
#define BLOCKS_SHARE    0.6 /* of the time that is left, to relax and fix */
#define NODES_MAX       40  /* of one part; one takes up to 2 s */
#define SITES_AT_ONCE   5
#define WINDOW_QUARTERS 6
#define WINDOW_STEP     3
#define ROUNDS_MAX      4

struct run {
    struct dr_search *search;
    const struct dr_program *program;
    const struct dr_model *model;
    const struct dr_search_options *options;
    struct dr_solver *solver;
    int64_t begin_us;
    double *lower, *upper; /* [columns] of the request */
    double *values;        /* [columns] of the answer */
    uint8_t *integer;
    uint32_t parts; /* into which sites are divided */
};

static double seconds_of(const struct run *run)
{
    return (double)(dr_monotonic_us() - run->begin_us) / 1e6;
}

static double left_s(const struct run *run)
{
    return run->options->seconds - seconds_of(run);
}

static void tell(struct run *run, const char *step)
{
    struct dr_search_progress *progress = &run->search->progress;

    progress->step = step;
    progress->seconds = seconds_of(run);
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

static int stopped(const struct run *run)
{
    return run->options->stop != NULL && *run->options->stop;
}

static int done(const struct run *run)
{
    return stopped(run) || left_s(run) < 1 || gap_of(&run->search->progress) <= run->options->gap;
}

static void keep(struct run *run, const double *values, double cost)
{
    struct dr_search_progress *progress = &run->search->progress;

    if (progress->has_values && cost >= progress->cost - 1e-9 * fabs(progress->cost))
        return;
    if (!progress->has_values)
        run->search->first_s = seconds_of(run);
    memcpy(run->search->values, values, run->model->columns_count * sizeof values[0]);
    progress->has_values = 1;
    progress->cost = cost;
}

/* The quarter in which a binary column lies. */
static uint32_t quarter_of(const struct dr_model *model, uint32_t column)
{
    const struct dr_model_name *name = &model->columns[column];

    return name->kind == DR_COLUMN_PHASE ? name->place[2] : name->place[1];
}

static void reset(struct run *run)
{
    size_t bytes = run->model->columns_count * sizeof run->lower[0];

    memcpy(run->lower, run->model->lower, bytes);
    memcpy(run->upper, run->model->upper, bytes);
}

static void fix(struct run *run, uint32_t column, double value)
{
    run->lower[column] = run->upper[column] = round(value);
}

/* ---- the dive ---- */

struct fraction {
    uint32_t column;
    double value;
};

static int nearest_first(const void *a, const void *b, const void *context)
{
    const struct fraction *first = a, *second = b;

    (void)context;
    if (first->value != second->value)
        return first->value > second->value ? -1 : 1;
    return first->column < second->column ? -1 : first->column > second->column;
}

/* Binaries of the last answer that are not whole, the nearest to 1 first; how many. */
static uint32_t list_fractions(const struct run *run, struct fraction *fractions)
{
    uint32_t count = 0;

    for (uint32_t c = 0; c < run->model->columns_count; c += 1) {
        if (!run->model->integer[c] || run->lower[c] == run->upper[c] || run->values[c] < WHOLE ||
            run->values[c] > 1 - WHOLE)
            continue;
        fractions[count] = (struct fraction){c, run->values[c]};
        count += 1;
    }
    dr_sort(fractions, count, sizeof fractions[0], nearest_first, NULL);
    return count;
}

/* Begins with the linear program's values. */
static void dive(struct run *run)
{
    struct fraction *fractions = calloc(run->model->columns_count, sizeof fractions[0]);
    struct dr_solver_limits limits = {0};
    struct dr_solver_answer answer = {0};

    if (fractions == NULL)
        abort();
    reset(run);
    for (uint32_t round = 0; round < DIVE_ROUNDS_MAX; round += 1) {
        uint32_t count = list_fractions(run, fractions);
        uint32_t up = count / 8 + 1;

        if (count == 0 || stopped(run) || left_s(run) < 1)
            break;
        while (up > 1 && fractions[up - 1].value < 0.5)
            up -= 1;
        for (uint32_t i = 0; i < up; i += 1)
            run->lower[fractions[i].column] = 1;
        limits.seconds = left_s(run);
        answer = dr_solver_lp(run->solver, run->lower, run->upper, NULL, &limits, run->values, NULL,
                              NULL);
        /* Too many for the rows: the last of them, then the one before, down instead. */
        while (answer.result == DR_SOLVER_INFEASIBLE && up > 0) {
            up -= 1;
            run->lower[fractions[up].column] = 0;
            run->upper[fractions[up].column] = 0;
            limits.seconds = fmax(1, left_s(run));
            answer = dr_solver_lp(run->solver, run->lower, run->upper, NULL, &limits, run->values,
                                  NULL, NULL);
        }
        if (answer.result != DR_SOLVER_OPTIMAL)
            break;
        if (list_fractions(run, fractions) == 0)
            keep(run, run->values, answer.cost);
    }
    free(fractions);
    tell(run, "dive");
}

/* ---- blocks and neighbourhoods ---- */

static struct dr_solver_answer solve_part(struct run *run, double seconds, const double *start)
{
    struct dr_solver_limits limits = {.gap = 0.0005, .nodes = NODES_MAX};
    struct dr_solver_answer answer;
    int64_t begin_us = dr_monotonic_us();

    limits.seconds = fmin(left_s(run), seconds);
    answer = dr_solver_mip(run->solver, run->lower, run->upper, run->integer, start, &limits,
                           run->values);
    if ((double)(dr_monotonic_us() - begin_us) / 1e6 >= limits.seconds)
        run->search->progress.cut = 1;
    return answer;
}

static void relax_and_fix(struct run *run, uint32_t block, double seconds)
{
    const struct dr_model *model = run->model;
    uint32_t quarters = run->program->inputs->quarters_count;
    uint32_t blocks = (quarters + block - 1) / block;
    struct dr_solver_answer answer = {0};

    reset(run);
    for (uint32_t b = 0; b < blocks; b += 1) {
        for (uint32_t c = 0; c < model->columns_count; c += 1) {
            uint32_t quarter = model->integer[c] ? quarter_of(model, c) : 0;

            run->integer[c] = model->integer[c] && quarter < (b + 1) * block;
            if (model->integer[c] && b > 0 && quarter < b * block)
                fix(run, c, run->values[c]);
        }
        answer = solve_part(run, seconds / blocks, NULL);
        if (!answer.has_values)
            return;
        if (b + 1 == blocks)
            keep(run, run->values, answer.cost);
        tell(run, "relax and fix");
        if (stopped(run) || left_s(run) < 1)
            return;
    }
}

/* Binaries for which `free` says so may change. 1: it got better. */
static int neighbourhood(struct run *run,
                         int (*free_one)(const struct run *run, uint32_t column, uint32_t part),
                         uint32_t part, const char *step)
{
    const struct dr_model *model = run->model;
    double before = run->search->progress.cost;
    struct dr_solver_answer answer;

    reset(run);
    memcpy(run->integer, model->integer, model->columns_count);
    for (uint32_t c = 0; c < model->columns_count; c += 1) {
        if (model->integer[c] && !free_one(run, c, part))
            fix(run, c, run->search->values[c]);
    }
    answer = solve_part(run, left_s(run), run->search->values);
    if (answer.has_values)
        keep(run, run->values, answer.cost);
    tell(run, step);
    return run->search->progress.cost < before * (1 - 1e-5);
}

static int of_sites(const struct run *run, uint32_t column, uint32_t part)
{
    const struct dr_model_name *name = &run->model->columns[column];

    return name->kind != DR_COLUMN_PHASE || name->place[0] % run->parts == part;
}

static int of_window(const struct run *run, uint32_t column, uint32_t part)
{
    uint32_t quarter = quarter_of(run->model, column);

    return quarter >= part * WINDOW_STEP && quarter < part * WINDOW_STEP + WINDOW_QUARTERS;
}

static void fix_and_optimise(struct run *run)
{
    uint32_t quarters = run->program->inputs->quarters_count;

    run->parts = (run->program->inputs->sites_count + SITES_AT_ONCE - 1) / SITES_AT_ONCE;
    for (uint32_t round = 0; round < ROUNDS_MAX; round += 1) {
        int better = 0;

        for (uint32_t i = 0; i < run->parts && !done(run); i += 1)
            better |= neighbourhood(run, of_sites, i, "groups of sites");
        for (uint32_t i = 0; i * WINDOW_STEP < quarters && !done(run); i += 1)
            better |= neighbourhood(run, of_window, i, "windows of quarters");
        if (!better || done(run))
            return;
    }
}

/* All binaries at once, in the time that is left: of a small program the best there is, of a large
 * one seldom a better plan and often a better bound. */
static void branch_and_bound(struct run *run)
{
    struct dr_search_progress *progress = &run->search->progress;
    struct dr_solver_limits limits = {.gap = run->options->gap, .seconds = left_s(run)};
    struct dr_solver_answer answer =
        dr_solver_mip(run->solver, NULL, NULL, NULL,
                      progress->has_values ? run->search->values : NULL, &limits, run->values);

    /* With a plan to begin from there can be nothing wrong but the solver's tolerance. */
    run->search->infeasible = answer.result == DR_SOLVER_INFEASIBLE && !progress->has_values;
    progress->cut |= answer.result != DR_SOLVER_OPTIMAL;
    if (answer.has_values)
        keep(run, run->values, answer.cost);
    if ((answer.result == DR_SOLVER_OPTIMAL || answer.result == DR_SOLVER_FEASIBLE) &&
        answer.bound > progress->bound) {
        progress->bound = answer.bound;
        progress->bound_by_search = 1;
    }
    tell(run, "branch and bound");
}

static int has_integers(const struct dr_model *model)
{
    for (uint32_t c = 0; c < model->columns_count; c += 1) {
        if (model->integer[c])
            return 1;
    }
    return 0;
}

/* From the linear program's values on. */
static void find_plan(struct run *run)
{
    const struct dr_search *search = run->search;

    if (!has_integers(run->model)) {
        keep(run, run->values, search->progress.bound);
        tell(run, "nothing to decide");
        return;
    }
    if (!run->program->whole_lots) {
        if (run->options->bound_only)
            return;
        if (!done(run))
            dive(run);
        if (!done(run))
            relax_and_fix(run, BLOCK_QUARTERS, left_s(run) * BLOCKS_SHARE);
        if (search->progress.has_values && !done(run))
            fix_and_optimise(run);
        if (!search->progress.has_values)
            return;
    }
    if (!done(run))
        branch_and_bound(run);
}

enum dr_status dr_search_run(struct dr_search *search, const struct dr_program *program,
                             const struct dr_search_options *options, struct dr_error *error)
{
    const struct dr_model *model = &program->model;
    struct run run = {.search = search, .program = program, .model = model, .options = options};
    struct dr_solver_limits limits = {.seconds = options->seconds};
    struct dr_solver_answer answer;
    enum dr_status status;

    memset(search, 0, sizeof *search);
    run.begin_us = dr_monotonic_us();
    search->progress.bound = -DR_INFINITY;
    search->values = calloc(model->columns_count, sizeof search->values[0]);
    run.lower = calloc(model->columns_count, sizeof run.lower[0]);
    run.upper = calloc(model->columns_count, sizeof run.upper[0]);
    run.values = calloc(model->columns_count, sizeof run.values[0]);
    run.integer = calloc(model->columns_count, 1);
    if (search->values == NULL || run.lower == NULL || run.upper == NULL || run.values == NULL ||
        run.integer == NULL)
        abort();
    status = dr_solver_open(&run.solver, model, options->stop, error);
    if (status == DR_OK) {
        answer = dr_solver_lp(run.solver, NULL, NULL, NULL, &limits, run.values, NULL, NULL);
        search->infeasible = answer.result == DR_SOLVER_INFEASIBLE;
        if (answer.result == DR_SOLVER_OPTIMAL)
            search->progress.bound = answer.cost;
        tell(&run, "linear program");
        if (answer.result == DR_SOLVER_OPTIMAL)
            find_plan(&run);
    }
    dr_solver_close(run.solver);
    free(run.lower);
    free(run.upper);
    free(run.values);
    free(run.integer);
    return status;
}

void dr_search_deinit(struct dr_search *search)
{
    free(search->values);
    search->values = NULL;
}
