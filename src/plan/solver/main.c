/* SPDX-License-Identifier: Apache-2.0 */
/* daero-solver: Clp and CBC behind a pair of pipes (solver/wire.h). Requests on standard input,
 * answers on descriptor 3; standard output and error are the libraries', and go nowhere. Ends when
 * its input does. */
#include <coin/Cbc_C_Interface.h>
#include <coin/Clp_C_Interface.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan/solver/wire.h"

#define ANSWERS   3
#define BYTES_MAX (UINT64_C(1) << 31)

struct model {
    struct wire_model size;
    int *starts; /* [columns + 1], by column */
    int *rows;
    double *values;
    double *lower, *upper, *cost;  /* [columns] */
    double *row_lower, *row_upper; /* [rows] */
    uint8_t *integer;              /* [columns] */
    Clp_Simplex *lp;               /* kept, so that the next one starts from its basis */
    unsigned char **bases;         /* [bases_room][columns + rows], NULL: none was kept there */
    uint32_t bases_room;
};

static void read_all(void *to, size_t bytes)
{
    uint8_t *at = to;

    while (bytes > 0) {
        ssize_t got = read(STDIN_FILENO, at, bytes);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            _exit(got == 0 ? 0 : 1);
        at += got;
        bytes -= (size_t)got;
    }
}

static void write_all(const void *from, size_t bytes)
{
    const uint8_t *at = from;

    while (bytes > 0) {
        ssize_t written = write(ANSWERS, at, bytes);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            _exit(1);
        at += written;
        bytes -= (size_t)written;
    }
}

static void *read_new(size_t count, size_t bytes)
{
    void *made = malloc(count * bytes + 1);

    if (made == NULL)
        _exit(2);
    read_all(made, count * bytes);
    return made;
}

static void load(struct model *model)
{
    read_all(&model->size, sizeof model->size);
    model->starts = read_new(model->size.columns + 1, sizeof model->starts[0]);
    model->rows = read_new(model->size.entries, sizeof model->rows[0]);
    model->values = read_new(model->size.entries, sizeof model->values[0]);
    model->lower = read_new(model->size.columns, sizeof model->lower[0]);
    model->upper = read_new(model->size.columns, sizeof model->upper[0]);
    model->cost = read_new(model->size.columns, sizeof model->cost[0]);
    model->row_lower = read_new(model->size.rows, sizeof model->row_lower[0]);
    model->row_upper = read_new(model->size.rows, sizeof model->row_upper[0]);
    model->integer = read_new(model->size.columns, 1);
    model->lp = Clp_newModel();
    Clp_setLogLevel(model->lp, 0);
    Clp_loadProblem(model->lp, (int)model->size.columns, (int)model->size.rows, model->starts,
                    model->rows, model->values, model->lower, model->upper, model->cost,
                    model->row_lower, model->row_upper);
}

static void answer(const struct model *model, const struct wire_answer *answer,
                   const double *values, const double *duals, const double *reduced)
{
    size_t columns = model->size.columns * sizeof values[0];
    size_t rows = model->size.rows * sizeof values[0];
    struct wire_header header = {.kind = WIRE_ANSWER, .bytes = sizeof *answer};

    if (answer->has_values)
        header.bytes += columns + (duals == NULL ? 0 : rows + columns);
    write_all(&header, sizeof header);
    write_all(answer, sizeof *answer);
    if (!answer->has_values)
        return;
    write_all(values, columns);
    if (duals != NULL) {
        write_all(duals, rows);
        write_all(reduced, columns);
    }
}

static void read_bounds(struct model *model)
{
    size_t bytes = model->size.columns * sizeof model->lower[0];

    read_all(model->lower, bytes);
    read_all(model->upper, bytes);
    read_all(model->cost, bytes);
}

static size_t basis_bytes(const struct model *model)
{
    return (size_t)model->size.columns + model->size.rows;
}

static int has_basis(const struct model *model, uint32_t place)
{
    return place != 0 && place < model->bases_room && model->bases[place] != NULL;
}

/* Room for one, at that place. */
static unsigned char *place_basis(struct model *model, uint32_t place)
{

    if (place >= model->bases_room) {
        uint32_t room = 2 * place;

        model->bases = realloc(model->bases, room * sizeof model->bases[0]);
        if (model->bases == NULL)
            _exit(2);
        memset(model->bases + model->bases_room, 0,
               (room - model->bases_room) * sizeof model->bases[0]);
        model->bases_room = room;
    }
    if (model->bases[place] == NULL)
        model->bases[place] = malloc(basis_bytes(model));
    if (model->bases[place] == NULL)
        _exit(2);
    return model->bases[place];
}

static void put_basis(struct model *model)
{
    struct wire_basis basis;

    read_all(&basis, sizeof basis);
    read_all(place_basis(model, basis.place), basis_bytes(model));
}

static void get_basis(const struct model *model)
{
    struct wire_basis basis;
    struct wire_answer said = {.result = WIRE_NONE};
    struct wire_header header = {.kind = WIRE_ANSWER, .bytes = sizeof said};

    read_all(&basis, sizeof basis);
    said.has_values = has_basis(model, basis.place) != 0;
    header.bytes += said.has_values ? basis_bytes(model) : 0;
    write_all(&header, sizeof header);
    write_all(&said, sizeof said);
    if (said.has_values)
        write_all(model->bases[basis.place], basis_bytes(model));
}

/* By dual simplex from the last basis, or one that was kept; anew, with presolve, the first time
 * and where that fails. (Of korea-2030: 9 s by dual simplex, 21 s by what Clp chooses, 42 s by
 * primal, 62 s by barrier.)
 */
static void solve_lp(struct model *model)
{
    static int solved;
    struct wire_limits limits;
    struct wire_answer said = {.result = WIRE_FAILED};
    int passed;

    read_all(&limits, sizeof limits);
    read_bounds(model);
    Clp_chgColumnLower(model->lp, model->lower);
    Clp_chgColumnUpper(model->lp, model->upper);
    Clp_chgObjCoefficients(model->lp, model->cost);
    Clp_setMaximumSeconds(model->lp, limits.seconds > 0 ? limits.seconds : -1);
    Clp_setDualObjectiveLimit(model->lp, limits.cutoff);
    Clp_setMaximumIterations(model->lp, limits.iterations > 0 ? (int)limits.iterations : INT32_MAX);
    if (has_basis(model, limits.from)) {
        Clp_copyinStatus(model->lp, model->bases[limits.from]);
        solved = 1;
    }
    if (solved && limits.primal)
        Clp_primal(model->lp, 0);
    else if (solved)
        Clp_dual(model->lp, 0);
    if (!solved ||
        (Clp_status(model->lp) != 0 && Clp_status(model->lp) != 1 && limits.iterations == 0))
        Clp_initialDualSolve(model->lp);
    solved = 1;
    if (limits.keep != 0)
        memcpy(place_basis(model, limits.keep), Clp_statusArray(model->lp), basis_bytes(model));
    if (Clp_status(model->lp) == 0)
        said.result = WIRE_OPTIMAL;
    else if (Clp_status(model->lp) == 1)
        said.result = WIRE_INFEASIBLE;
    else if (Clp_status(model->lp) == 3)
        said.result = WIRE_NONE;
    /* Dearer than the cutoff, and not by the slope of something that no values keep. */
    passed = said.result == WIRE_INFEASIBLE && Clp_objectiveValue(model->lp) >= limits.cutoff &&
             Clp_objectiveValue(model->lp) < limits.cutoff + fabs(limits.cutoff);
    said.has_values = said.result == WIRE_OPTIMAL || passed;
    said.cost = said.bound = Clp_objectiveValue(model->lp);
    answer(model, &said, Clp_primalColumnSolution(model->lp), Clp_dualRowSolution(model->lp),
           Clp_dualColumnSolution(model->lp));
}

static void set(Cbc_Model *cbc, const char *name, const char *format, double value)
{
    char text[64];

    snprintf(text, sizeof text, format, value);
    Cbc_setParameter(cbc, name, text);
}

static void solve_mip(struct model *model)
{
    struct wire_limits limits;
    struct wire_answer said = {.result = WIRE_FAILED};
    Cbc_Model *cbc = Cbc_newModel();
    double *start = NULL;
    const double *values;

    read_all(&limits, sizeof limits);
    read_bounds(model);
    read_all(model->integer, model->size.columns);
    if (limits.has_start)
        start = read_new(model->size.columns, sizeof start[0]);
    Cbc_loadProblem(cbc, (int)model->size.columns, (int)model->size.rows, model->starts,
                    model->rows, model->values, model->lower, model->upper, model->cost,
                    model->row_lower, model->row_upper);
    for (uint32_t c = 0; c < model->size.columns; c += 1) {
        if (model->integer[c] && model->lower[c] < model->upper[c])
            Cbc_setInteger(cbc, (int)c);
    }
    Cbc_setParameter(cbc, "log", "0");
    Cbc_setParameter(cbc, "threads", "0");
    /* Undoing it takes a linear program from a bad start: 4 to 20 s here, more than it saves. */
    Cbc_setParameter(cbc, "preprocess", "off");
    Cbc_setParameter(cbc, "randomCbcSeed", "1");
    Cbc_setParameter(cbc, "randomSeed", "1");
    Cbc_setParameter(cbc, "timeMode", "elapsed");
    if (limits.seconds > 0)
        set(cbc, "sec", "%.1f", limits.seconds);
    if (limits.nodes >= 0)
        set(cbc, "maxNodes", "%.0f", (double)limits.nodes);
    if (limits.gap > 0)
        set(cbc, "ratioGap", "%.6f", limits.gap);
    if (limits.cutoff < 1e49)
        set(cbc, "cutoff", "%.9g", limits.cutoff);
    if (start != NULL) {
        int *which = read_new(0, 1);
        int count = 0;

        which = realloc(which, (model->size.columns + 1) * sizeof which[0]);
        if (which == NULL)
            _exit(2);
        for (uint32_t c = 0; c < model->size.columns; c += 1) {
            if (model->integer[c] && model->lower[c] < model->upper[c])
                which[count++] = (int)c;
        }
        for (int i = 0; i < count; i += 1)
            start[i] = start[which[i]];
        Cbc_setMIPStartI(cbc, count, which, start);
        free(which);
    }
    Cbc_solve(cbc);
    values = Cbc_bestSolution(cbc);
    said.nodes = Cbc_getNodeCount(cbc);
    said.bound = Cbc_getBestPossibleObjValue(cbc);
    said.has_values = values != NULL && Cbc_numberSavedSolutions(cbc) > 0;
    if (said.has_values)
        said.cost = Cbc_getObjValue(cbc);
    /* Where looking at bounds alone shows it, CBC never begins, and says only this. */
    if (Cbc_isProvenInfeasible(cbc) ||
        (Cbc_status(cbc) == -1 && !said.has_values && said.bound > 1e300))
        said.result = WIRE_INFEASIBLE;
    else if (said.has_values)
        said.result = Cbc_isProvenOptimal(cbc) ? WIRE_OPTIMAL : WIRE_FEASIBLE;
    else if (!Cbc_isAbandoned(cbc))
        said.result = WIRE_NONE;
    if (said.result == WIRE_INFEASIBLE)
        said.has_values = 0;
    answer(model, &said, values, NULL, NULL);
    Cbc_deleteModel(cbc);
    free(start);
}

int main(void)
{
    struct model model = {0};
    struct wire_header header;
    int nowhere = open("/dev/null", O_WRONLY);

    if (nowhere < 0 || fcntl(ANSWERS, F_GETFD) < 0) {
        fprintf(stderr, "daero-solver: it is started by daero plan, with a pipe as descriptor 3\n");
        return 64;
    }
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    for (;;) {
        read_all(&header, sizeof header);
        if (header.bytes > BYTES_MAX || (header.kind != WIRE_LOAD && model.lp == NULL))
            return 1;
        if (header.kind == WIRE_LOAD)
            load(&model);
        else if (header.kind == WIRE_LP)
            solve_lp(&model);
        else if (header.kind == WIRE_MIP)
            solve_mip(&model);
        else if (header.kind == WIRE_PUT)
            put_basis(&model);
        else if (header.kind == WIRE_GET)
            get_basis(&model);
        else
            return 1;
    }
}
