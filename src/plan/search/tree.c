/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/search/tree.h"

#include <stdlib.h>
#include <string.h>

#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

#define LOOK_STEPS   100 /* of dual simplex, to look ahead */
#define LOOK_AT      8   /* questions a node */
#define LOOK_IN_VAIN 3   /* that are no better than the best so far */
#define KNOWN        2   /* answers each way, and a line's cost is known well enough */
#define PROGRAMS     60  /* of one descent */
#define DIVE_NODES   25
#define FAR          0.006 /* of the best's cost: a dive that is dearer by more is given up */
#define TELL_NODES   20
#define GUESS        5e-4 /* of the cost: what an answer costs of which nothing is known */
#define IMPOSSIBLE   0.1  /* of the cost: as much as an answer that nothing keeps */
#define SAFE         1e-7 /* of the bound: what the solver's tolerances may have made of it */

/* An answer, and those above it. */
struct answer {
    struct answer *above;
    uint32_t column;
    uint8_t value;
    uint32_t used; /* by answers below and nodes */
};

struct basis {
    uint32_t number; /* the solver's */
    uint32_t used;   /* by nodes */
};

struct node {
    double bound;
    uint64_t number; /* in which order they were made; the last key of any order */
    struct answer *answers;
    struct basis *basis;
};

struct question {
    uint32_t line, column; /* line DR_NO_COLUMN: an order */
    double value;
    double score;
};

struct tree {
    struct dr_search_run *run;
    struct dr_moves *moves;
    struct node *heap; /* [count] */
    uint32_t count, room;
    uint64_t made, solved;
    uint32_t *free_bases; /* [free_count] */
    uint32_t free_count, free_room, bases_count;
    double (*cost)[2];   /* [lines] of a whole answer, summed */
    uint32_t (*told)[2]; /* [lines] */
    struct question *questions;
    double *values; /* of the node; run's own change when something is tried */
    double closed;  /* the least that a node cost below which nothing is left to ask */
};

/* ---- nodes ---- */

static int before(const struct node *a, const struct node *b)
{
    return a->bound != b->bound ? a->bound < b->bound : a->number > b->number;
}

static void push(struct tree *tree, struct node node)
{
    uint32_t at = tree->count;

    if (tree->count == tree->room) {
        tree->room = tree->room == 0 ? 1024 : 2 * tree->room;
        tree->heap = realloc(tree->heap, tree->room * sizeof tree->heap[0]);
        if (tree->heap == NULL)
            abort();
    }
    node.number = tree->made;
    tree->made += 1;
    tree->count += 1;
    while (at > 0 && before(&node, &tree->heap[(at - 1) / 2])) {
        tree->heap[at] = tree->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    tree->heap[at] = node;
}

static struct node pop(struct tree *tree)
{
    struct node first = tree->heap[0], last;
    uint32_t at = 0;

    tree->count -= 1;
    last = tree->heap[tree->count];
    for (;;) {
        uint32_t below = 2 * at + 1;

        if (below >= tree->count)
            break;
        if (below + 1 < tree->count && before(&tree->heap[below + 1], &tree->heap[below]))
            below += 1;
        if (!before(&tree->heap[below], &last))
            break;
        tree->heap[at] = tree->heap[below];
        at = below;
    }
    tree->heap[at] = last;
    return first;
}

static struct basis *new_basis(struct tree *tree)
{
    struct basis *basis = calloc(1, sizeof *basis);

    if (basis == NULL)
        abort();
    if (tree->free_count > 0) {
        tree->free_count -= 1;
        basis->number = tree->free_bases[tree->free_count];
    } else {
        tree->bases_count += 1;
        basis->number = tree->bases_count;
    }
    basis->used = 1;
    return basis;
}

static void drop_basis(struct tree *tree, struct basis *basis)
{
    basis->used -= 1;
    if (basis->used > 0)
        return;
    if (tree->free_count == tree->free_room) {
        tree->free_room = tree->free_room == 0 ? 1024 : 2 * tree->free_room;
        tree->free_bases = realloc(tree->free_bases, tree->free_room * sizeof tree->free_bases[0]);
        if (tree->free_bases == NULL)
            abort();
    }
    tree->free_bases[tree->free_count] = basis->number;
    tree->free_count += 1;
    free(basis);
}

static void drop_answers(struct answer *answer)
{
    while (answer != NULL) {
        struct answer *above = answer->above;

        answer->used -= 1;
        if (answer->used > 0)
            return;
        free(answer);
        answer = above;
    }
}

static void drop_node(struct tree *tree, struct node *node)
{
    drop_answers(node->answers);
    drop_basis(tree, node->basis);
}

static void push_answer(struct tree *tree, const struct node *node, uint32_t column, uint8_t value,
                        double bound, struct basis *basis)
{
    struct answer *answer = calloc(1, sizeof *answer);

    if (answer == NULL)
        abort();
    *answer = (struct answer){.above = node->answers, .column = column, .value = value, .used = 1};
    if (node->answers != NULL)
        node->answers->used += 1;
    basis->used += 1;
    push(tree, (struct node){.bound = bound, .answers = answer, .basis = basis});
}

/* The request's bounds; 1: nothing but phases was asked. */
static int set_bounds(const struct tree *tree, const struct node *node)
{
    struct dr_search_run *run = tree->run;
    int phases = 1;

    dr_search_reset(run);
    for (const struct answer *answer = node->answers; answer != NULL; answer = answer->above) {
        if (answer->value)
            run->lower[answer->column] = 1;
        else
            run->upper[answer->column] = 0;
        phases = phases && run->model->columns[answer->column].kind == DR_COLUMN_PHASE;
    }
    return phases;
}

static double best_of(const struct dr_search_run *run)
{
    double known = run->options->known_cost == 0 ? DR_INFINITY : run->options->known_cost;

    return run->search->progress.has_values ? fmin(known, run->search->progress.cost) : known;
}

/* ---- what to ask ---- */

static int is_fraction(double value)
{
    return value > DR_SEARCH_WHOLE && value < 1 - DR_SEARCH_WHOLE;
}

static double score(double down, double up, double least)
{
    return fmax(down, least) * fmax(up, least);
}

/* Of each line with a fraction: is it ever begun; if that is clear, by the quarter nearest to one
 * half. */
static uint32_t list_questions(struct tree *tree, double cost)
{
    const struct dr_search_run *run = tree->run;
    uint32_t count = 0;

    FOR(i, run->lines_count) {
        const struct dr_search_line *line = &run->lines[i];
        uint32_t column = line->column + line->count - 1;
        double nearest = 0.5 - DR_SEARCH_WHOLE, value, way[2];

        if (line->count == 0)
            continue;
        if (!is_fraction(tree->values[column])) {
            column = DR_NO_COLUMN;
            FOR(k, line->count) {
                double off = fabs(tree->values[line->column + k] - 0.5);

                if (off < nearest) {
                    nearest = off;
                    column = line->column + k;
                }
            }
        }
        if (column == DR_NO_COLUMN)
            continue;
        value = tree->values[column];
        for (int w = 0; w < 2; w += 1)
            way[w] =
                (tree->told[i][w] > 0 ? tree->cost[i][w] / tree->told[i][w] : GUESS * fabs(cost)) *
                (w == 0 ? value : 1 - value);
        tree->questions[count] =
            (struct question){i, column, value, score(way[0], way[1], 1e-8 * fabs(cost))};
        count += 1;
    }
    return count;
}

static void learn(struct tree *tree, uint32_t line, int way, double distance, double more)
{
    tree->cost[line][way] += more / distance;
    tree->told[line][way] += 1;
}

/* What an answer adds to the cost, at least, by a few steps from the node's basis. */
static double look_ahead(struct tree *tree, const struct question *question, int way, double cost,
                         uint32_t basis)
{
    struct dr_search_run *run = tree->run;
    struct dr_solver_limits limits = {.iterations = LOOK_STEPS, .from = basis};
    double *bounds = way == 0 ? run->upper : run->lower, was = bounds[question->column];
    struct dr_solver_answer answer;
    double more;

    bounds[question->column] = way;
    answer = dr_search_lp(run, &limits);
    bounds[question->column] = was;
    more = answer.result == DR_SOLVER_INFEASIBLE || answer.result == DR_SOLVER_FAILED
               ? IMPOSSIBLE * fabs(cost)
               : fmin(answer.cost - cost, IMPOSSIBLE * fabs(cost));
    more = fmax(more, 0);
    learn(tree, question->line, way, way == 0 ? question->value : 1 - question->value, more);
    return more;
}

/* The question whose answers cost most, both of them. */
static struct question ask(struct tree *tree, uint32_t count, double cost, uint32_t basis)
{
    struct question best = {.column = DR_NO_COLUMN, .score = -1};
    uint32_t looked = 0, in_vain = 0;

    FOR(n, count) {
        uint32_t most = n;
        struct question question;

        for (uint32_t i = n + 1; i < count; i += 1) {
            if (tree->questions[i].score > tree->questions[most].score)
                most = i;
        }
        question = tree->questions[most];
        tree->questions[most] = tree->questions[n];
        if (tree->told[question.line][0] < KNOWN || tree->told[question.line][1] < KNOWN) {
            if (looked == LOOK_AT)
                continue;
            looked += 1;
            question.score = score(look_ahead(tree, &question, 0, cost, basis),
                                   look_ahead(tree, &question, 1, cost, basis), 1e-8 * fabs(cost));
        }
        in_vain += 1;
        if (question.score > best.score) {
            best = question;
            in_vain = 0;
        }
        if (in_vain > LOOK_IN_VAIN)
            break;
    }
    return best;
}

/* All phases are whole: an order that is not, and would have to be more or none. */
static uint32_t order_to_ask(const struct dr_search_run *run, const double *values)
{
    FOR(c, run->model->columns_count) {
        if (run->model->integer[c] && run->model->columns[c].kind != DR_COLUMN_PHASE &&
            run->lower[c] != run->upper[c] && is_fraction(values[c]))
            return c;
    }
    return DR_NO_COLUMN;
}

/* ---- the tree ---- */

/* A node whose program is solved: what is asked next. */
static void divide(struct tree *tree, struct node *node, double cost, struct basis *basis)
{
    struct dr_search_run *run = tree->run;
    uint32_t count = list_questions(tree, cost);
    struct question question = {.column = DR_NO_COLUMN};

    if (count > 0) {
        question = ask(tree, count, cost, basis->number);
    } else {
        memcpy(run->values, tree->values, run->model->columns_count * sizeof run->values[0]);
        question.column = order_to_ask(run, tree->values);
        dr_search_round_orders(run, cost);
        (void)set_bounds(tree, node);
        /* Orders that needed only to be counted: it costs no more than the node. */
        if (best_of(run) <= cost + 1e-9 * fabs(cost))
            question.column = DR_NO_COLUMN;
    }
    if (question.column == DR_NO_COLUMN) {
        tree->closed = fmin(tree->closed, cost);
        return;
    }
    push_answer(tree, node, question.column, 0, cost, basis);
    push_answer(tree, node, question.column, 1, cost, basis);
}

/* A plan from here, and the best that is near to it. */
static void dive(struct tree *tree, const struct node *node)
{
    struct dr_search_run *run = tree->run;
    double best = run->search->progress.cost;

    (void)set_bounds(tree, node);
    memcpy(run->values, tree->values, run->model->columns_count * sizeof run->values[0]);
    if (dr_search_dive(run, best + FAR * fabs(best)))
        (void)dr_moves_from_values(tree->moves, run->values, PROGRAMS);
}

static void solve_node(struct tree *tree, struct node *node)
{
    struct dr_search_run *run = tree->run;
    struct basis *basis = new_basis(tree);
    struct dr_solver_limits limits = {.from = node->basis->number, .keep = basis->number};
    int phases = set_bounds(tree, node);
    struct dr_solver_answer answer = dr_search_lp(run, &limits);
    size_t bytes = run->model->columns_count * sizeof run->values[0];

    tree->solved += 1;
    if (answer.result == DR_SOLVER_OPTIMAL) {
        memcpy(tree->values, run->values, bytes);
        if (phases && tree->moves != NULL)
            dr_moves_learn(tree->moves, answer.cost);
        if (answer.cost < best_of(run))
            divide(tree, node, fmax(answer.cost, node->bound), basis);
        if (tree->moves != NULL && answer.cost < best_of(run) && tree->solved % DIVE_NODES == 1)
            dive(tree, node);
    } else if (answer.result != DR_SOLVER_INFEASIBLE) {
        /* Not solved, and so nothing is known: it stays open. */
        node->basis->used += 1;
        if (node->answers != NULL)
            node->answers->used += 1;
        push(tree, *node);
        run->search->progress.cut = 1;
    }
    drop_basis(tree, basis);
}

static void raise_bound(struct tree *tree)
{
    struct dr_search_progress *progress = &tree->run->search->progress;
    double bound = fmin(best_of(tree->run), tree->closed);

    if (tree->count > 0)
        bound = fmin(bound, tree->heap[0].bound);
    if (isfinite(bound))
        bound -= SAFE * fabs(bound);
    if (isfinite(bound) && bound > progress->bound) {
        progress->bound = bound;
        progress->bound_by_search = 1;
    }
}

void dr_tree_run(struct dr_search_run *run, struct dr_moves *moves, uint32_t root, uint32_t bases)
{
    struct tree tree = {.run = run, .moves = moves, .bases_count = bases, .closed = DR_INFINITY};
    struct basis *basis = calloc(1, sizeof *basis);
    uint32_t failed = 0;

    tree.cost = calloc(run->lines_count + 1, sizeof tree.cost[0]);
    tree.told = calloc(run->lines_count + 1, sizeof tree.told[0]);
    tree.questions = calloc(run->lines_count + 1, sizeof tree.questions[0]);
    tree.values = calloc(run->model->columns_count, sizeof tree.values[0]);
    if (basis == NULL || tree.cost == NULL || tree.told == NULL || tree.questions == NULL ||
        tree.values == NULL)
        abort();
    *basis = (struct basis){.number = root, .used = 1};
    push(&tree, (struct node){.bound = run->search->progress.bound, .basis = basis});
    while (tree.count > 0 && !dr_search_done(run) && failed < 3) {
        struct node node;
        uint64_t made = tree.made;

        if (tree.heap[0].bound >= best_of(run))
            break;
        node = pop(&tree);
        solve_node(&tree, &node);
        failed = tree.made == made + 1 && run->search->progress.cut ? failed + 1 : 0;
        drop_node(&tree, &node);
        raise_bound(&tree);
        if (tree.solved % TELL_NODES == 0)
            dr_search_tell(run, "branch and bound");
    }
    raise_bound(&tree);
    dr_search_tell(run, "branch and bound");
    while (tree.count > 0) {
        struct node node = pop(&tree);

        drop_node(&tree, &node);
    }
    free(tree.heap);
    free(tree.free_bases);
    free(tree.cost);
    free(tree.told);
    free(tree.questions);
    free(tree.values);
}
