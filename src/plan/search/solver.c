/* SPDX-License-Identifier: Apache-2.0 */
/* The planner's side of solver/wire.h. */
#include "plan/search/solver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/math.h"
#include "base/text.h"
#include "plan/solver/wire.h"

#define MEMORY_MAX   (UINT64_C(12) << 30)
#define LATE_SHARE   1.2
#define LATE_S       5.0
#define WITHOUT_S    3600.0 /* for a request without a limit */
#define ANSWERS      3
#define STOP_LOOK_MS 200

struct dr_solver {
    const struct dr_model *model;
    const volatile sig_atomic_t *stop;
    char path[4096];
    pid_t child; /* 0: none */
    int requests, answers;
    double cpu_s; /* of those that have ended */
};

/* ---- the child ---- */

static double cpu_of(const struct rusage *used)
{
    return (double)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) +
           (double)(used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1e6;
}

static void end_child(struct dr_solver *solver, int kill_it)
{
    struct rusage used;
    int status;

    if (solver->child == 0)
        return;
    close(solver->requests);
    close(solver->answers);
    if (kill_it)
        kill(solver->child, SIGKILL);
    while (wait4(solver->child, &status, 0, &used) < 0 && errno == EINTR)
        ;
    solver->cpu_s += cpu_of(&used);
    solver->child = 0;
}

static void run_child(const char *path, int requests, int answers)
{
    struct rlimit memory = {MEMORY_MAX, MEMORY_MAX}, core = {0, 0};
    /* Away from the numbers that they are given next. */
    int in = fcntl(requests, F_DUPFD, 10), out = fcntl(answers, F_DUPFD, 10);

#ifndef __SANITIZE_ADDRESS__ /* which takes 16 TB of addresses */
    setrlimit(RLIMIT_AS, &memory);
#else
    (void)memory;
#endif
    setrlimit(RLIMIT_CORE, &core);
    /* Ctrl-C at a terminal is for the planner, which ends this one itself; and it does not outlive
     * the planner, whatever ends that. */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == 1)
        _exit(127);
    if (in < 0 || out < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, ANSWERS) < 0)
        _exit(127);
    close(in);
    close(out);
    execl(path, "daero-solver", (char *)NULL);
    _exit(127);
}

/* Both return 0 when the child is gone or late. */
static int send_bytes(struct dr_solver *solver, const void *data, size_t bytes)
{
    const uint8_t *at = data;

    while (bytes > 0) {
        ssize_t written = write(solver->requests, at, bytes);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return 0;
        at += written;
        bytes -= (size_t)written;
    }
    return 1;
}

static int receive(struct dr_solver *solver, void *data, size_t bytes, int64_t end_us)
{
    uint8_t *at = data;

    while (bytes > 0) {
        struct pollfd wait = {.fd = solver->answers, .events = POLLIN};
        int64_t left_us = end_us - dr_monotonic_us();
        ssize_t got;

        if (left_us <= 0 || (solver->stop != NULL && *solver->stop))
            return 0;
        if (poll(&wait, 1, (int)dr_min_i64(left_us / 1000 + 1, STOP_LOOK_MS)) <= 0)
            continue;
        got = read(solver->answers, at, bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return 0;
        at += got;
        bytes -= (size_t)got;
    }
    return 1;
}

static int load(struct dr_solver *solver)
{
    const struct dr_model *model = solver->model;
    struct wire_model size = {model->rows_count, model->columns_count, model->entries_count};
    const struct {
        const void *data;
        size_t bytes;
    } parts[] = {
        {&size, sizeof size},
        {model->starts, (model->columns_count + 1) * sizeof model->starts[0]},
        {model->entry_rows, model->entries_count * sizeof model->entry_rows[0]},
        {model->entries, model->entries_count * sizeof model->entries[0]},
        {model->lower, model->columns_count * sizeof model->lower[0]},
        {model->upper, model->columns_count * sizeof model->upper[0]},
        {model->cost, model->columns_count * sizeof model->cost[0]},
        {model->row_lower, model->rows_count * sizeof model->row_lower[0]},
        {model->row_upper, model->rows_count * sizeof model->row_upper[0]},
        {model->integer, model->columns_count},
    };
    struct wire_header header = {.kind = WIRE_LOAD};

    for (size_t i = 0; i < DR_COUNT_OF(parts); i += 1)
        header.bytes += parts[i].bytes;
    if (!send_bytes(solver, &header, sizeof header))
        return 0;
    for (size_t i = 0; i < DR_COUNT_OF(parts); i += 1) {
        if (!send_bytes(solver, parts[i].data, parts[i].bytes))
            return 0;
    }
    return 1;
}

static enum dr_status start(struct dr_solver *solver, struct dr_error *error)
{
    int requests[2], answers[2];

    if (pipe2(requests, O_CLOEXEC) < 0) {
        dr_error_set(error, NULL, 0, NULL, NULL, "a pipe: %s", strerror(errno));
        return DR_E_IO;
    }
    if (pipe2(answers, O_CLOEXEC) < 0) {
        dr_error_set(error, NULL, 0, NULL, NULL, "a pipe: %s", strerror(errno));
        close(requests[0]);
        close(requests[1]);
        return DR_E_IO;
    }
    fflush(NULL);
    solver->child = fork();
    if (solver->child == 0)
        run_child(solver->path, requests[0], answers[1]);
    close(requests[0]);
    close(answers[1]);
    solver->requests = requests[1];
    solver->answers = answers[0];
    if (solver->child < 0) {
        solver->child = 0;
        close(requests[1]);
        close(answers[0]);
        dr_error_set(error, NULL, 0, NULL, NULL, "another process: %s", strerror(errno));
        return DR_E_IO;
    }
    if (load(solver))
        return DR_OK;
    end_child(solver, 1);
    dr_error_set(error, solver->path, 0, NULL, NULL, "a solver that starts");
    return DR_E_IO;
}

enum dr_status dr_solver_open(struct dr_solver **solver, const struct dr_model *model,
                              const volatile sig_atomic_t *stop, struct dr_error *error)
{
    struct dr_solver *made = calloc(1, sizeof *made);
    ssize_t bytes;
    char *slash;
    enum dr_status status;

    if (made == NULL)
        abort();
    made->model = model;
    made->stop = stop;
    bytes = readlink("/proc/self/exe", made->path, sizeof made->path - sizeof "daero-solver");
    made->path[bytes < 0 ? 0 : bytes] = '\0';
    /* Beside the program, or above the folder of a test. */
    for (slash = strrchr(made->path, '/'); slash != NULL; slash = strrchr(made->path, '/')) {
        memcpy(slash + 1, "daero-solver", sizeof "daero-solver");
        if (access(made->path, X_OK) == 0)
            break;
        *slash = '\0';
    }
    if (slash == NULL) {
        dr_error_set(error, "daero-solver", 0, NULL, NULL, "the solver's program beside this one");
        free(made);
        return DR_E_MISSING;
    }
    signal(SIGPIPE, SIG_IGN);
    status = start(made, error);
    if (status != DR_OK) {
        free(made);
        return status;
    }
    *solver = made;
    return DR_OK;
}

void dr_solver_close(struct dr_solver *solver)
{
    if (solver == NULL)
        return;
    end_child(solver, 1);
    free(solver);
}

double dr_solver_cpu_s(const struct dr_solver *solver)
{
    char path[64], text[1024];
    double cpu_s = solver->cpu_s;
    unsigned long user = 0, system = 0;
    FILE *file;

    if (solver->child == 0)
        return cpu_s;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)solver->child);
    file = fopen(path, "r");
    if (file != NULL && fgets(text, sizeof text, file) != NULL && strrchr(text, ')') != NULL &&
        sscanf(strrchr(text, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
               &system) == 2)
        cpu_s += (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    if (file != NULL)
        fclose(file);
    return cpu_s;
}

/* ---- requests ---- */

static struct dr_solver_answer ask(struct dr_solver *solver, enum wire_kind kind,
                                   const double *lower, const double *upper, const double *cost,
                                   const uint8_t *integer, const double *begin,
                                   const struct dr_solver_limits *limits, double *values,
                                   double *duals, double *reduced)
{
    static const enum dr_solver_result RESULTS[] = {
        [WIRE_OPTIMAL] = DR_SOLVER_OPTIMAL,       [WIRE_FEASIBLE] = DR_SOLVER_FEASIBLE,
        [WIRE_INFEASIBLE] = DR_SOLVER_INFEASIBLE, [WIRE_NONE] = DR_SOLVER_NONE,
        [WIRE_FAILED] = DR_SOLVER_FAILED,
    };
    const struct dr_model *model = solver->model;
    size_t columns = model->columns_count * sizeof lower[0];
    size_t rows = model->rows_count * sizeof lower[0];
    struct dr_solver_answer answer = {.result = DR_SOLVER_FAILED, .bound = -DR_INFINITY};
    struct wire_limits said = {
        .seconds = limits->seconds,
        .gap = limits->gap,
        .cutoff = limits->cutoff == 0 ? 1e50 : limits->cutoff,
        .nodes = limits->nodes == 0 ? -1 : limits->nodes,
        .iterations = limits->iterations,
        .from = limits->from,
        .keep = limits->keep,
        .has_start = begin != NULL,
        .primal = limits->primal != 0,
    };
    struct wire_header header = {.kind = kind, .bytes = sizeof said + 3 * columns};
    struct wire_answer got;
    struct dr_error error;
    double late_s = limits->seconds > 0 ? limits->seconds * LATE_SHARE + LATE_S : WITHOUT_S;
    int64_t end_us;
    double *unwanted = NULL;
    int whole;

    if (solver->child == 0 && start(solver, &error) != DR_OK)
        return answer;
    end_us = dr_monotonic_us() + (int64_t)(late_s * 1e6);
    if (kind == WIRE_MIP)
        header.bytes += model->columns_count + (begin == NULL ? 0 : columns);
    whole = send_bytes(solver, &header, sizeof header) && send_bytes(solver, &said, sizeof said) &&
            send_bytes(solver, lower == NULL ? model->lower : lower, columns) &&
            send_bytes(solver, upper == NULL ? model->upper : upper, columns) &&
            send_bytes(solver, cost == NULL ? model->cost : cost, columns);
    if (kind == WIRE_MIP)
        whole =
            whole &&
            send_bytes(solver, integer == NULL ? model->integer : integer, model->columns_count) &&
            (begin == NULL || send_bytes(solver, begin, columns));
    whole = whole && receive(solver, &header, sizeof header, end_us) &&
            receive(solver, &got, sizeof got, end_us);
    if (whole && got.has_values) {
        unwanted = malloc(columns + rows + 1);
        if (unwanted == NULL)
            abort();
        whole = receive(solver, values == NULL ? unwanted : values, columns, end_us);
        if (whole && kind == WIRE_LP)
            whole = receive(solver, duals == NULL ? unwanted : duals, rows, end_us) &&
                    receive(solver, reduced == NULL ? unwanted : reduced, columns, end_us);
        free(unwanted);
    }
    if (!whole) {
        end_child(solver, 1);
        return answer;
    }
    answer.result = RESULTS[got.result];
    answer.has_values = (int)got.has_values;
    answer.cost = got.cost;
    answer.bound = got.bound;
    answer.nodes = got.nodes;
    return answer;
}

struct dr_solver_answer dr_solver_lp(struct dr_solver *solver, const double *lower,
                                     const double *upper, const double *cost,
                                     const struct dr_solver_limits *limits, double *values,
                                     double *duals, double *reduced)
{
    return ask(solver, WIRE_LP, lower, upper, cost, NULL, NULL, limits, values, duals, reduced);
}

struct dr_solver_answer dr_solver_mip(struct dr_solver *solver, const double *lower,
                                      const double *upper, const uint8_t *integer,
                                      const double *start_values,
                                      const struct dr_solver_limits *limits, double *values)
{
    return ask(solver, WIRE_MIP, lower, upper, NULL, integer, start_values, limits, values, NULL,
               NULL);
}

int dr_solver_put_basis(struct dr_solver *solver, uint32_t number, const uint8_t *basis)
{
    size_t bytes = (size_t)solver->model->columns_count + solver->model->rows_count;
    struct wire_basis said = {.place = number};
    struct wire_header header = {.kind = WIRE_PUT, .bytes = sizeof said + bytes};

    return solver->child != 0 && send_bytes(solver, &header, sizeof header) &&
           send_bytes(solver, &said, sizeof said) && send_bytes(solver, basis, bytes);
}

int dr_solver_get_basis(struct dr_solver *solver, uint32_t number, uint8_t *basis)
{
    size_t bytes = (size_t)solver->model->columns_count + solver->model->rows_count;
    struct wire_basis said = {.place = number};
    struct wire_header header = {.kind = WIRE_GET, .bytes = sizeof said};
    struct wire_answer got = {0};
    int64_t end_us = dr_monotonic_us() + (int64_t)(WITHOUT_S * 1e6);
    int whole;

    if (solver->child == 0)
        return 0;
    whole = send_bytes(solver, &header, sizeof header) && send_bytes(solver, &said, sizeof said) &&
            receive(solver, &header, sizeof header, end_us) &&
            receive(solver, &got, sizeof got, end_us);
    whole = whole && (!got.has_values || receive(solver, basis, bytes, end_us));
    if (!whole)
        end_child(solver, 1);
    return whole && got.has_values;
}
