/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/search/moves.h"

#include <stdlib.h>
#include <string.h>

#define CUTS_MAX      2000
#define PAIRS_IN_VAIN 12
#define FAR           0.006 /* of the best cost: what is dearer by more is not worth a descent */
#define FAILED_MAX    1000
#define LEAST_BETTER  2e-6 /* of the cost: what is worth another linear program */
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

/* What phases cost at least: constant + the sum over lines of place[offset of the line + start]. */
struct cut {
    double constant;
    double *place; /* [places] */
};

struct single {
    uint32_t line;
    uint8_t start;
    double change; /* by the cut of where we are */
};

struct dr_moves {
    struct dr_search_run *run;
    uint32_t places;
    uint32_t *offsets; /* [lines] */
    struct cut cuts[CUTS_MAX];
    uint32_t cuts_count, cut_last;
    uint32_t cut_here;           /* of where we are, exact there */
    uint64_t failed[FAILED_MAX]; /* hashes of starts for which there is no solution */
    uint32_t failed_count;
    uint8_t *starts, *tried; /* [lines]: where we are; what is tried next */
    uint32_t basis_here, basis_tried;
    double cost; /* where we are */
    struct single *singles;
    double *at; /* [cuts]: of where we are, by each cut */
};

struct dr_moves *dr_moves_open(struct dr_search_run *run, uint32_t basis)
{
    struct dr_moves *moves = calloc(1, sizeof *moves);

    if (moves == NULL)
        abort();
    moves->run = run;
    moves->basis_here = basis;
    moves->basis_tried = basis + 1;
    moves->offsets = calloc(run->lines_count + 1, sizeof moves->offsets[0]);
    moves->starts = calloc(run->lines_count + 1, 1);
    moves->tried = calloc(run->lines_count + 1, 1);
    moves->at = calloc(CUTS_MAX, sizeof moves->at[0]);
    if (moves->offsets == NULL || moves->starts == NULL || moves->tried == NULL ||
        moves->at == NULL)
        abort();
    FOR(i, run->lines_count) {
        moves->offsets[i] = moves->places;
        moves->places += run->lines[i].count + 1;
    }
    moves->singles = calloc(moves->places + 1, sizeof moves->singles[0]);
    if (moves->singles == NULL)
        abort();
    return moves;
}

void dr_moves_close(struct dr_moves *moves)
{
    if (moves == NULL)
        return;
    FOR(i, moves->cuts_count)
        free(moves->cuts[i].place);
    free(moves->offsets);
    free(moves->starts);
    free(moves->tried);
    free(moves->singles);
    free(moves->at);
    free(moves);
}

/* ---- what is known ---- */

void dr_moves_learn(struct dr_moves *moves, double cost)
{
    const struct dr_search_run *run = moves->run;
    struct cut *cut;

    /* The oldest makes place: it was learnt far from where the search is now. */
    if (moves->cuts_count < CUTS_MAX) {
        moves->cut_last = moves->cuts_count;
        moves->cuts_count += 1;
    } else {
        moves->cut_last = (moves->cut_last + 1) % CUTS_MAX;
        if (moves->cut_last == moves->cut_here)
            moves->cut_last = (moves->cut_last + 1) % CUTS_MAX;
    }
    cut = &moves->cuts[moves->cut_last];
    if (cut->place == NULL)
        cut->place = calloc(moves->places + 1, sizeof cut->place[0]);
    if (cut->place == NULL)
        abort();
    cut->constant = cost;
    FOR(i, run->lines_count) {
        const struct dr_search_line *line = &run->lines[i];
        double *place = &cut->place[moves->offsets[i]];
        double sum = 0;

        place[line->count] = 0;
        for (uint32_t k = line->count; k > 0; k -= 1) {
            sum += run->reduced[line->column + k - 1];
            place[k - 1] = sum;
            cut->constant -= run->reduced[line->column + k - 1] * run->values[line->column + k - 1];
        }
    }
}

static double by_cut(const struct dr_moves *moves, const struct cut *cut, const uint8_t *starts)
{
    double sum = cut->constant;

    FOR(i, moves->run->lines_count)
        sum += cut->place[moves->offsets[i] + starts[i]];
    return sum;
}

/* By all that is known these starts cost at least this. */
static double at_least(const struct dr_moves *moves, const uint8_t *starts)
{
    double most = -DR_INFINITY;

    FOR(i, moves->cuts_count)
        most = fmax(most, by_cut(moves, &moves->cuts[i], starts));
    return most;
}

/* FNV-1a. */
static uint64_t hash_of(const struct dr_moves *moves, const uint8_t *starts)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    FOR(i, moves->run->lines_count)
        hash = (hash ^ starts[i]) * UINT64_C(1099511628211);
    return hash;
}

static int has_failed(const struct dr_moves *moves, const uint8_t *starts)
{
    uint64_t hash = hash_of(moves, starts);

    FOR(i, moves->failed_count) {
        if (moves->failed[i] == hash)
            return 1;
    }
    return 0;
}

/* ---- trying ---- */

/* The quarter in which a line is begun; one behind the plan's last: never. */
static uint32_t quarter_of(const struct dr_search_run *run, uint32_t line, uint32_t start)
{
    return run->lines[line].begin + start;
}

/* 1: the model's bounds let the line start there. */
static int may_start(const struct dr_search_run *run, uint32_t i, uint32_t start)
{
    const struct dr_search_line *line = &run->lines[i];

    if (start > 0 && run->model->lower[line->column + start - 1] > 0.5)
        return 0;
    return start == line->count || run->model->upper[line->column + start] > 0.5;
}

static int in_order(const struct dr_search_run *run, const uint8_t *starts, uint32_t i)
{
    const struct dr_search_line *line = &run->lines[i];

    if (line->before != DR_NO_COLUMN &&
        quarter_of(run, line->before, starts[line->before]) > quarter_of(run, i, starts[i]))
        return 0;
    return i + 1 == run->lines_count || run->lines[i + 1].before != i ||
           quarter_of(run, i, starts[i]) <= quarter_of(run, i + 1, starts[i + 1]);
}

/* Hold the phases there and solve; what is learnt is kept. */
static struct dr_solver_answer solve_at(struct dr_moves *moves, const uint8_t *starts,
                                        double cutoff)
{
    struct dr_search_run *run = moves->run;
    struct dr_solver_limits limits = {
        .from = moves->basis_here, .keep = moves->basis_tried, .cutoff = cutoff};
    struct dr_solver_answer answer;

    dr_search_reset(run);
    FOR(i, run->lines_count) {
        FOR(k, run->lines[i].count)
            run->lower[run->lines[i].column + k] = run->upper[run->lines[i].column + k] =
                k >= starts[i];
    }
    answer = dr_search_lp(run, &limits);
    if (answer.has_values)
        dr_moves_learn(moves, answer.cost);
    else if (moves->failed_count < FAILED_MAX)
        moves->failed[moves->failed_count++] = hash_of(moves, starts);
    return answer;
}

/* ---- the next to try ---- */

struct pick {
    double cost; /* at least */
    int count;   /* lines that change; 0: nothing is worth trying */
    struct single changes[2];
};

/* What these changes come to by all cuts, but no more than tells that it isn't the best pick. */
static double look(const struct dr_moves *moves, const struct single *changes, int count,
                   double enough)
{
    double most = -DR_INFINITY;

    FOR(i, moves->cuts_count) {
        double sum = moves->at[i];

        for (int n = 0; n < count; n += 1) {
            const double *place = &moves->cuts[i].place[moves->offsets[changes[n].line]];

            sum += place[changes[n].start] - place[moves->starts[changes[n].line]];
        }
        most = fmax(most, sum);
        if (most >= enough)
            return most;
    }
    return most;
}

static void consider(struct dr_moves *moves, struct pick *pick, const struct single *changes,
                     int count)
{
    const struct dr_search_run *run = moves->run;
    double cost = moves->cost;
    int good = 1;

    for (int n = 0; n < count; n += 1)
        cost += changes[n].change;
    if (cost >= pick->cost)
        return;
    memcpy(moves->tried, moves->starts, run->lines_count);
    for (int n = 0; n < count; n += 1)
        moves->tried[changes[n].line] = changes[n].start;
    for (int n = 0; n < count; n += 1)
        good = good && in_order(run, moves->tried, changes[n].line);
    if (!good)
        return;
    cost = look(moves, changes, count, pick->cost);
    if (cost >= pick->cost || has_failed(moves, moves->tried))
        return;
    pick->cost = cost;
    pick->count = count;
    memcpy(pick->changes, changes, (size_t)count * sizeof changes[0]);
}

/* Of all changes of one line that by which most could be saved; where there is none, of two lines.
 */
static struct pick choose(struct dr_moves *moves)
{
    const struct dr_search_run *run = moves->run;
    struct pick pick = {.cost = moves->cost - LEAST_BETTER * fabs(moves->cost)};
    const struct cut *cut = &moves->cuts[moves->cut_here];
    uint32_t count = 0;

    FOR(i, moves->cuts_count)
        moves->at[i] = by_cut(moves, &moves->cuts[i], moves->starts);
    FOR(i, run->lines_count) {
        const double *place = &cut->place[moves->offsets[i]];

        FOR(start, run->lines[i].count + 1) {
            if (start == moves->starts[i] || !may_start(run, i, start))
                continue;
            moves->singles[count] =
                (struct single){.line = i,
                                .start = (uint8_t)start,
                                .change = place[start] - place[moves->starts[i]]};
            count += 1;
        }
    }
    FOR(i, count)
        consider(moves, &pick, &moves->singles[i], 1);
    FOR(i, pick.count == 0 ? count : 0) {
        for (uint32_t j = i + 1; j < count; j += 1) {
            struct single two[2] = {moves->singles[i], moves->singles[j]};

            if (two[0].line != two[1].line &&
                moves->cost + two[0].change + two[1].change < pick.cost)
                consider(moves, &pick, two, 2);
        }
    }
    return pick;
}

/* ---- the descent ---- */

/* What was tried last is where we are. */
static void go(struct dr_moves *moves, const uint8_t *starts, double cost)
{
    uint32_t basis = moves->basis_here;

    moves->cut_here = moves->cut_last;
    moves->basis_here = moves->basis_tried;
    moves->basis_tried = basis;
    moves->cost = cost;
    memmove(moves->starts, starts, moves->run->lines_count);
}

/* What was solved last is where we are: kept as soon as it is the best, since the rest may be cut.
 */
static void keep(struct dr_moves *moves)
{
    struct dr_search_run *run = moves->run;
    const struct dr_search_progress *progress = &run->search->progress;
    double before = progress->cost;

    if (progress->has_values && moves->cost >= before)
        return;
    dr_search_round_orders(run, moves->cost);
    if (progress->cost < before)
        dr_search_tell(run, "moves");
}

static int descend(struct dr_moves *moves, const uint8_t *starts, double cutoff, uint32_t programs)
{
    struct dr_search_run *run = moves->run;
    uint32_t in_vain = 0;
    double before = run->search->progress.has_values ? run->search->progress.cost : DR_INFINITY;
    struct dr_solver_answer answer;

    answer = solve_at(moves, starts, cutoff);
    if (answer.result != DR_SOLVER_OPTIMAL)
        return 0;
    go(moves, starts, answer.cost);
    keep(moves);
    for (uint32_t n = 1; n < programs && !dr_search_done(run); n += 1) {
        struct pick pick = choose(moves);

        if (pick.count == 0 || in_vain == PAIRS_IN_VAIN)
            break;
        memcpy(moves->tried, moves->starts, run->lines_count);
        for (int i = 0; i < pick.count; i += 1)
            moves->tried[pick.changes[i].line] = pick.changes[i].start;
        answer = solve_at(moves, moves->tried, moves->cost);
        if (answer.result != DR_SOLVER_OPTIMAL || answer.cost >= moves->cost) {
            in_vain += pick.count == 2;
            continue;
        }
        in_vain = 0;
        go(moves, moves->tried, answer.cost);
        keep(moves);
    }
    return run->search->progress.has_values && run->search->progress.cost < before;
}

static void starts_of(const struct dr_search_run *run, const double *values, double part,
                      uint8_t *starts)
{
    FOR(i, run->lines_count) {
        const struct dr_search_line *line = &run->lines[i];
        uint32_t start = line->count;

        while (start > 0 && values[line->column + start - 1] >= part)
            start -= 1;
        starts[i] = (uint8_t)start;
    }
}

int dr_moves_from_best(struct dr_moves *moves, uint32_t programs)
{
    starts_of(moves->run, moves->run->best, 0.5, moves->tried);
    return descend(moves, moves->tried, 0, programs);
}

int dr_moves_from_values(struct dr_moves *moves, const double *values, uint32_t programs)
{
    const struct dr_search_run *run = moves->run;
    double most = run->search->progress.cost + FAR * fabs(run->search->progress.cost);

    starts_of(run, values, 0.5, moves->tried);
    if (has_failed(moves, moves->tried) || at_least(moves, moves->tried) >= most)
        return 0;
    return descend(moves, moves->tried, most, programs);
}
