/* SPDX-License-Identifier: Apache-2.0 */
/* What would have to give where no plan keeps all rules: explain.h says what is asked, this how.
 *
 * All rules that may be relaxed get a column by which they may be broken, in one condensed program.
 * Whether some kinds of rules mend it is asked by letting these give for nothing and all others at
 * a price: if the least price is more than nothing, they don't. Only costs change from question to
 * question, so that each is answered from the basis of the one before, in a tenth of a second where
 * a program in which the others may not give at all takes a minute to be known to have no solution.
 * And the duals of that least price are a proof (Farkas): no kinds mend it that have no part in
 * them. So what mends it has to have a part in every proof so far, or it isn't asked. */
#include <stdlib.h>
#include <string.h>

#include "plan/explain/explain.h"
#include "plan/search/condense.h"

#define RANK_FACTOR   8.0 /* what comes a place later in the scenario's order weighs so much more */
#define NOTHING       1e-7
#define DUAL_NOTHING  1e-9
#define FIRST_BASIS   1 /* where all kinds give at a price */
#define PROOFS_MAX    64
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

struct elastic {
    const struct dr_program *program; /* with SLACK columns */
    const uint8_t *kinds; /* [count] enum dr_plan_relax, what gives first before the rest */
    uint32_t count;
    struct dr_condensed condensed;
    struct dr_solver *solver;
    double *lower, *upper, *cost, *values; /* [columns of `condensed`] */
    double *duals;                         /* [rows of `condensed`] */
    uint32_t
        proofs[PROOFS_MAX]; /* kinds, a bit for each place in `kinds`: some of them have to give */
    uint32_t proofs_count;
};

/* ---- the program ---- */

/* By what a row's slack is measured: its side, or what stands for the whole of a share. */
static double size_of(const struct dr_program *program, uint32_t row)
{
    const struct dr_plan_inputs *inputs = program->inputs;
    const struct dr_model *model = &program->model;
    double side = isfinite(model->row_upper[row]) ? model->row_upper[row] : model->row_lower[row];
    double most = 1;

    if (fabs(side) > 1)
        return fabs(side);
    switch ((int)model->rows[row].kind) {
    case DR_ROW_DOMESTIC:
    case DR_ROW_VENDOR:
        FOR(y, inputs->years_count) {
            if (inputs->budget[y] != INT64_MAX)
                most = fmax(most, (double)inputs->budget[y] / program->money_scale);
        }
        return most;
    default:
        FOR(i, inputs->targets_count)
            most = fmax(most, (double)inputs->targets[i].accelerators / program->count_scale);
        return most;
    }
}

/* The row that a SLACK column is of. */
static uint32_t row_of(const struct dr_model_name *slack)
{
    return slack->place[0] | (uint32_t)slack->place[1] << 16;
}

/* The place of the column's kind of rule among `kinds`; `count`: it is of none, or no SLACK. */
static uint32_t rank_of(const struct elastic *elastic, const struct dr_model_name *name)
{
    uint32_t rank = 0;

    if (name->kind != DR_COLUMN_SLACK)
        return elastic->count;
    while (rank < elastic->count && ((dr_explain_softened(&elastic->kinds[rank], 1) >>
                                      elastic->program->model.rows[row_of(name)].kind) &
                                     1) == 0)
        rank += 1;
    return rank;
}

static double *new_values(uint32_t count)
{
    double *values = calloc(count + 1, sizeof values[0]);

    if (values == NULL)
        abort();
    return values;
}

/* 0: no solver. */
static int open_elastic(struct elastic *elastic, const struct dr_program *program,
                        const uint8_t *kinds, uint32_t count)
{
    const struct dr_model *model = &elastic->condensed.model;
    struct dr_error error;

    memset(elastic, 0, sizeof *elastic);
    elastic->program = program;
    elastic->kinds = kinds;
    elastic->count = count;
    dr_condensed_init(&elastic->condensed, program);
    elastic->lower = new_values(model->columns_count);
    elastic->upper = new_values(model->columns_count);
    elastic->cost = new_values(model->columns_count);
    elastic->values = new_values(model->columns_count);
    elastic->duals = new_values(model->rows_count);
    memcpy(elastic->lower, model->lower, model->columns_count * sizeof model->lower[0]);
    memcpy(elastic->upper, model->upper, model->columns_count * sizeof model->upper[0]);
    return dr_solver_open(&elastic->solver, model, NULL, &error) == DR_OK;
}

static void close_elastic(struct elastic *elastic)
{
    dr_solver_close(elastic->solver);
    dr_condensed_deinit(&elastic->condensed);
    free(elastic->lower);
    free(elastic->upper);
    free(elastic->cost);
    free(elastic->values);
    free(elastic->duals);
}

/* Solve with costs of what gives, from a kept basis (0: the last). `may`, `dear`: kinds, a bit for
 * each place in `kinds`: what may give, and what of it at a price; what comes later costs more if
 * `ranked`. 1: solved. */
static int solve(struct elastic *elastic, uint32_t may, uint32_t dear, int ranked, uint32_t from)
{
    const struct dr_model *model = &elastic->condensed.model;
    struct dr_solver_limits limits = {
        .primal = 1, .from = from, .keep = elastic->proofs_count == 0 ? FIRST_BASIS : 0};
    uint32_t before[DR_PLAN_RELAX_COUNT + 1] = {0}; /* dear kinds that give before */

    FOR(rank, elastic->count)
        before[rank + 1] = before[rank] + (ranked ? (dear >> rank) & 1 : 0);
    FOR(c, model->columns_count) {
        uint32_t rank = rank_of(elastic, &model->columns[c]);

        if (rank == elastic->count)
            continue;
        elastic->upper[c] = ((may >> rank) & 1) != 0 ? model->upper[c] : 0;
        elastic->cost[c] = ((dear >> rank) & 1) != 0
                               ? 100 * pow(RANK_FACTOR, before[rank]) /
                                     size_of(elastic->program, row_of(&model->columns[c]))
                               : 0;
    }
    return dr_solver_lp(elastic->solver, elastic->lower, elastic->upper, elastic->cost, &limits,
                        elastic->values, elastic->duals, NULL)
               .result == DR_SOLVER_OPTIMAL;
}

static uint32_t all_kinds(const struct elastic *elastic)
{
    return (1U << elastic->count) - 1;
}

int dr_explain_soften(const struct dr_program *program, const uint8_t *kinds, uint32_t count,
                      double *values)
{
    struct elastic elastic;
    int mended = open_elastic(&elastic, program, kinds, count) &&
                 solve(&elastic, all_kinds(&elastic), all_kinds(&elastic), 1, 0);

    if (mended)
        dr_condensed_expand(&elastic.condensed, elastic.values, values);
    close_elastic(&elastic);
    return mended;
}

/* ---- what to say ---- */

/* The kinds whose rules the last solution breaks, bits. */
static uint32_t broken(const struct elastic *elastic)
{
    const struct dr_model *model = &elastic->condensed.model;
    uint32_t bits = 0;

    FOR(c, model->columns_count) {
        if (model->columns[c].kind == DR_COLUMN_SLACK && elastic->values[c] >= NOTHING)
            bits |= 1U << rank_of(elastic, &model->columns[c]);
    }
    return bits;
}

/* By how much it breaks them. */
static struct dr_relaxation amounts(const struct elastic *elastic, uint32_t rank, int alone)
{
    const struct dr_model *model = &elastic->condensed.model;
    struct dr_relaxation relaxation = {.kind = (enum dr_plan_relax)elastic->kinds[rank],
                                       .alone = alone};

    FOR(c, model->columns_count) {
        const struct dr_model_name *name = &model->columns[c];
        const char *unit;
        double amount;

        if (rank_of(elastic, name) != rank || elastic->values[c] < NOTHING)
            continue;
        amount = elastic->values[c] * dr_explain_unit(elastic->program, row_of(name), &unit);
        relaxation.rows += 1;
        relaxation.sum += amount;
        if (amount > relaxation.most) {
            relaxation.most = amount;
            relaxation.row = row_of(name);
            relaxation.unit = unit;
        }
    }
    return relaxation;
}

/* The kinds that have a part in why the last solution breaks rules: others alone don't mend it. */
static void keep_proof(struct elastic *elastic)
{
    const struct dr_model *model = &elastic->condensed.model;
    uint32_t bits = 0;

    FOR(c, model->columns_count) {
        if (model->columns[c].kind == DR_COLUMN_SLACK &&
            fabs(elastic->duals[row_of(&model->columns[c])]) > DUAL_NOTHING)
            bits |= 1U << rank_of(elastic, &model->columns[c]);
    }
    if (elastic->proofs_count < PROOFS_MAX)
        elastic->proofs[elastic->proofs_count++] = bits;
}

/* Do these kinds mend it together? */
static int mends(struct elastic *elastic, uint32_t kinds)
{
    FOR(i, elastic->proofs_count) {
        if ((elastic->proofs[i] & kinds) == 0)
            return 0;
    }
    if (!solve(elastic, all_kinds(elastic), all_kinds(elastic) & ~kinds, 0, FIRST_BASIS))
        return 0;
    if ((broken(elastic) & ~kinds) == 0)
        return 1;
    keep_proof(elastic);
    return 0;
}

/* What these kinds, which mend it, come to at least. */
static uint32_t say(struct elastic *elastic, uint32_t kinds, int alone,
                    struct dr_relaxation *relaxations)
{
    uint32_t made = 0;

    if (!solve(elastic, kinds, kinds, 1, 0))
        return 0;
    FOR(rank, elastic->count) {
        if (((kinds >> rank) & 1) == 0)
            continue;
        relaxations[made] = amounts(elastic, rank, alone);
        made += relaxations[made].rows > 0;
    }
    return made;
}

/* Of all kinds, what comes last in the order is done without where the others suffice, then the one
 * before. */
static uint32_t fewest(struct elastic *elastic)
{
    uint32_t kinds = all_kinds(elastic);

    for (uint32_t rank = elastic->count; rank > 0; rank -= 1) {
        uint32_t without = kinds & ~(1U << (rank - 1));

        if (mends(elastic, without))
            kinds = without;
    }
    return kinds;
}

uint32_t dr_explain_infeasible(const struct dr_plan_inputs *inputs,
                               struct dr_relaxation relaxations[DR_PLAN_RELAX_COUNT],
                               struct dr_program *program)
{
    struct elastic elastic;
    uint32_t made = 0;

    dr_program_init(program, inputs, dr_explain_softened(inputs->relax, inputs->relax_count));
    if (open_elastic(&elastic, program, inputs->relax, inputs->relax_count) &&
        solve(&elastic, all_kinds(&elastic), all_kinds(&elastic), 0, 0)) {
        keep_proof(&elastic);
        FOR(rank, elastic.count) {
            if (mends(&elastic, 1U << rank))
                made += say(&elastic, 1U << rank, 1, &relaxations[made]);
        }
        if (made == 0)
            made = say(&elastic, fewest(&elastic), 0, relaxations);
    }
    close_elastic(&elastic);
    return made;
}
