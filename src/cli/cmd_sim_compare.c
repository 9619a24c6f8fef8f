/* SPDX-License-Identifier: Apache-2.0 */
/* daero sim compare: several variants on the same jobs. Read dr_cmd_sim_compare() first. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/math.h"
#include "base/text.h"
#include "cli/options.h"
#include "cli/sim_compare.h"
#include "sim/forks.h"
#include "sim/report.h"

#define ANSWER_MAX (256u << 20)
#define SAID_MAX   3 /* wrong and refused rows of a run that are told */

/* One run: a variant with a seed. */
struct piece {
    uint32_t variant;
    uint32_t seed; /* from 0 on */
};

struct comparing {
    const struct dr_cli *cli;
    struct dr_compared compared;
    struct piece *pieces;
    struct dr_fork *forks; /* [compared.runs] */
    int shows;             /* progress, on a terminal */
    int64_t begun_us;
    char *
        *first_runs; /* [variants] measures of the first seed, where a report is wanted; or NULL */
    int code;
};

static volatile sig_atomic_t is_interrupted;

static void interrupt(int signal)
{
    (void)signal;
    is_interrupted = 1;
}

/* ---- in the child ---- */

struct run {
    json_t *said;
    uint64_t said_count;
    const char *trace; /* the path of a generated one */
};

static void say(void *context, const struct dr_error *error)
{
    struct run *run = context;
    struct dr_error named = *error;
    char text[1400];

    run->said_count += 1;
    if (run->said_count > SAID_MAX)
        return;
    if (run->trace != NULL && strcmp(named.file, run->trace) == 0)
        dr_format(named.file, sizeof named.file, "the generated trace");
    json_array_append_new(run->said, json_string(dr_error_line(&named, text, sizeof text)));
}

/* The trace of a seed, in a file that has no name and goes with the process. */
static enum dr_status generate(const struct dr_variants *variants, uint64_t seed, char *path,
                               size_t path_bytes, struct dr_error *error)
{
    struct dr_generate made = variants->generate;
    FILE *file = tmpfile();
    enum dr_status status;

    if (file == NULL) {
        dr_error_set(error, "the generated trace", 0, "", strerror(errno),
                     "room for it in the directory for temporary files");
        return DR_E_IO;
    }
    made.seed = seed;
    status = dr_generate(&made, variants->list[0].federation, file, error);
    if (status == DR_OK && fflush(file) != 0) {
        dr_error_set(error, "the generated trace", 0, "", strerror(errno), "room on the disk");
        return DR_E_IO;
    }
    dr_format(path, path_bytes, "/proc/self/fd/%d", fileno(file));
    return status;
}

static enum dr_status simulate(const struct comparing *comparing, struct piece piece,
                               struct run *run, struct dr_buffer *measures, struct dr_error *error)
{
    const struct dr_variants *variants = comparing->compared.variants;
    struct dr_variant *variant = &variants->list[piece.variant];
    struct dr_sim_options options = variant->options;
    struct dr_sim *sim = NULL;
    char path[64];
    enum dr_status status = DR_OK;

    options.jobs.seed = comparing->compared.seed_first + piece.seed;
    if (variants->generates) {
        status = generate(variants, options.jobs.seed, path, sizeof path, error);
        run->trace = path;
        options.trace = path;
        options.trace_name = "generated";
    }
    options.say = say;
    options.context = run;
    if (status == DR_OK)
        status = dr_sim_open(&sim, variant->federation, &options, error);
    if (status == DR_OK)
        status = dr_sim_run(sim, error);
    if (status == DR_OK)
        dr_sim_json(sim, measures);
    dr_sim_close(sim);
    run->trace = NULL;
    return status;
}

/* A line of JSON with `said`, how many rows that stands for, and `error`; then the measures, unless
 * there is an error. */
static int work(void *context, uint32_t number, struct dr_buffer *answer)
{
    const struct comparing *comparing = context;
    struct dr_buffer measures;
    struct dr_error error = {0};
    struct run run = {.said = json_array()};
    json_t *head;
    enum dr_status status;
    char text[1400];

    dr_buffer_init(&measures, ANSWER_MAX);
    status = simulate(comparing, comparing->pieces[number], &run, &measures, &error);
    head = json_pack("{s:o, s:I}", "said", run.said, "said_count", (json_int_t)run.said_count);
    if (status != DR_OK)
        json_object_set_new(head, "error", json_string(dr_error_line(&error, text, sizeof text)));
    dr_buffer_append_text(answer, json_dumps(head, JSON_COMPACT));
    dr_buffer_append_text(answer, "\n");
    dr_buffer_append(answer, measures.data, measures.length);
    if (status == DR_OK)
        return DR_EXIT_OK;
    return status == DR_E_INPUT || status == DR_E_MISSING ? DR_EXIT_USAGE : DR_EXIT_FAILED;
}

/* ---- while they run ---- */

static int go_on(void *context, uint32_t ended, uint32_t running)
{
    const struct comparing *comparing = context;
    int64_t took_us;

    if (is_interrupted)
        return 0;
    if (!comparing->shows)
        return 1;
    took_us = dr_monotonic_us() - comparing->begun_us;
    fprintf(stderr, "\r\033[K%u of %u runs are done, %u run; %s", ended, comparing->compared.runs,
            running, dr_show_duration(took_us / DR_SECOND_US * DR_SECOND_US));
    if (ended > 0)
        fprintf(stderr, ", about %s to go",
                dr_show_duration(took_us / ended * (comparing->compared.runs - ended) /
                                 DR_SECOND_US * DR_SECOND_US));
    fflush(stderr);
    return 1;
}

/* ---- what came of each ---- */

static double value_of(const json_t *measures, const char *name)
{
    const char *dot = strchr(name, '.');
    char first[64];

    if (dot == NULL)
        return json_number_value(json_object_get(measures, name));
    dr_format(first, sizeof first, "%.*s", (int)(dot - name), name);
    return json_number_value(json_object_get(json_object_get(measures, first), dot + 1));
}

/* As `daero sim run -o` would have written them. */
static int write_measures(const struct comparing *comparing, struct piece piece,
                          const char *measures)
{
    const char *directory = dr_cli_value(comparing->cli, "runs");
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    char path[4096];

    if (directory == NULL)
        return DR_EXIT_OK;
    dr_format(path, sizeof path, "%s/%s-%" PRIu64 ".json", directory,
              comparing->compared.variants->list[piece.variant].name,
              comparing->compared.seed_first + piece.seed);
    dr_buffer_init(&text, ANSWER_MAX);
    dr_buffer_append_text(&text, measures);
    dr_buffer_append_text(&text, "\n");
    return dr_cli_write_file(comparing->cli, path, &text);
}

static void failed(struct comparing *comparing, struct piece piece, int code, const char *why)
{
    const char *name = comparing->compared.variants->list[piece.variant].name;
    uint64_t seed = comparing->compared.seed_first + piece.seed;

    fprintf(stderr, "%s, seed %" PRIu64 ": %s\n", name, seed, why);
    json_array_append_new(
        comparing->compared.failed,
        json_pack("{s:s, s:I, s:s}", "variant", name, "seed", (json_int_t)seed, "why", why));
    if (comparing->code == DR_EXIT_OK)
        comparing->code = code;
}

static void tell_rows(const struct comparing *comparing, struct piece piece, const json_t *head)
{
    const char *name = comparing->compared.variants->list[piece.variant].name;
    uint64_t seed = comparing->compared.seed_first + piece.seed;
    int64_t count = dr_member_number(head, "said_count");
    json_t *line;
    size_t i;

    json_array_foreach(json_object_get(head, "said"), i, line)
        fprintf(stderr, "%s, seed %" PRIu64 ": %s\n", name, seed, json_string_value(line));
    if (count > SAID_MAX)
        fprintf(stderr, "%s, seed %" PRIu64 ": ... and %" PRId64 " rows more\n", name, seed,
                count - SAID_MAX);
}

/* A run that has its measures: into the grid, for all seeds where they are all the same. */
static void fill_in(struct comparing *comparing, struct piece piece, const char *text)
{
    struct dr_compare *compare = &comparing->compared.compare;
    uint32_t last = compare->by_chance[piece.variant] ? piece.seed + 1 : compare->seeds;
    json_t *measures = json_loads(text, 0, NULL);
    int code = write_measures(comparing, piece, text);

    DR_ASSERT(measures != NULL);
    if (comparing->code == DR_EXIT_OK)
        comparing->code = code;
    for (uint32_t seed = piece.seed; seed < last; seed += 1) {
        struct dr_compare_run *run =
            &compare->runs[(uint64_t)piece.variant * compare->seeds + seed];

        run->is_done = 1;
        for (uint32_t i = 0; i < DR_COMPARE_COUNT; i += 1)
            run->values[i] = value_of(measures, DR_COMPARE_MEASURE[i].name);
    }
    comparing->compared.runs_done += 1;
    json_decref(measures);
}

/* The first seed's runs are what a report shows. */
static void keep_for_report(struct comparing *comparing, struct piece piece, const char *text)
{
    if (comparing->first_runs == NULL || piece.seed != 0)
        return;
    comparing->first_runs[piece.variant] = strdup(text);
    DR_ASSERT(comparing->first_runs[piece.variant] != NULL);
}

static void take_answer(struct comparing *comparing, uint32_t number)
{
    struct dr_fork *fork = &comparing->forks[number];
    struct piece piece = comparing->pieces[number];
    const char *text = dr_buffer_text(&fork->answer);
    const char *line = strchr(text, '\n');
    json_t *head = line == NULL ? NULL : json_loadb(text, (size_t)(line - text), 0, NULL);

    switch (fork->end) {
    case DR_FORK_NOT_RUN:
        break;
    case DR_FORK_ANSWERED:
        tell_rows(comparing, piece, head);
        fill_in(comparing, piece, line + 1);
        keep_for_report(comparing, piece, line + 1);
        break;
    case DR_FORK_FAILED:
        tell_rows(comparing, piece, head);
        failed(comparing, piece, head == NULL ? DR_EXIT_FAILED : fork->code,
               head == NULL ? dr_show_format("the run ended with status %d", fork->code)
                            : dr_member_text(head, "error"));
        break;
    case DR_FORK_KILLED:
        failed(comparing, piece, DR_EXIT_FAILED,
               dr_show_format("the run was ended by signal %d (%s)", fork->code,
                              strsignal(fork->code)));
        break;
    case DR_FORK_NOT_BEGUN:
        failed(comparing, piece, DR_EXIT_FAILED,
               dr_show_format("the run can't be begun: %s", strerror(fork->code)));
        break;
    }
    json_decref(head);
    dr_buffer_deinit(&fork->answer);
}

/* ---- the command ---- */

/* In the order in which they are begun: a seed's runs after one another. */
static void list_pieces(struct comparing *comparing)
{
    struct dr_compared *compared = &comparing->compared;
    uint32_t count = compared->variants->count;

    comparing->pieces = calloc((size_t)count * compared->compare.seeds, sizeof(struct piece));
    DR_ASSERT(comparing->pieces != NULL);
    for (uint32_t seed = 0; seed < compared->compare.seeds; seed += 1)
        for (uint32_t i = 0; i < count; i += 1)
            if (seed == 0 || compared->variants->by_chance[i])
                comparing->pieces[compared->runs++] = (struct piece){i, seed};
}

static void run_all(struct comparing *comparing, uint32_t parallel)
{
    struct dr_forks_options options = {
        .count = comparing->compared.runs,
        .parallel = parallel,
        .answer_bytes_max = ANSWER_MAX,
        .work = work,
        .go_on = go_on,
        .context = comparing,
    };
    struct sigaction ends = {.sa_handler = interrupt};

    comparing->shows = isatty(2);
    comparing->begun_us = dr_monotonic_us();
    sigaction(SIGINT, &ends, NULL);
    sigaction(SIGTERM, &ends, NULL);
    fflush(NULL);
    dr_forks(&options, comparing->forks);
    comparing->compared.interrupted = is_interrupted;
    if (comparing->shows)
        fputs("\r\033[K", stderr);
}

static int show(struct comparing *comparing)
{
    const struct dr_compared *compared = &comparing->compared;
    const char *path = dr_cli_value(comparing->cli, "output");
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    json_t *object = dr_compared_json(compared);
    char *whole = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    int code = DR_EXIT_OK;

    dr_buffer_init(&text, ANSWER_MAX);
    dr_buffer_append_text(&text, whole);
    dr_buffer_append_text(&text, "\n");
    if (path != NULL)
        code = dr_cli_write_file(comparing->cli, path, &text);
    if (comparing->cli->json)
        fputs(dr_buffer_text(&text), stdout);
    else if (compared->runs_done > 0)
        dr_compared_print(compared);
    if (compared->interrupted)
        fprintf(stderr, "interrupted: %u of %u runs are done\n", compared->runs_done,
                compared->runs);
    free(whole);
    json_decref(object);
    return code;
}

/* Before anything is run: can there be a report of these? */
static int check_report(const struct dr_cli *cli, const struct dr_variants *variants)
{
    struct dr_error_list errors DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_report_run runs[DR_REPORT_RUNS_MAX];

    if (variants->count > DR_REPORT_RUNS_MAX)
        return dr_cli_fail(cli, DR_EXIT_USAGE, "--report: found %u variants, expected %d at most",
                           variants->count, DR_REPORT_RUNS_MAX);
    for (uint32_t i = 0; i < variants->count; i += 1) {
        runs[i].name = variants->list[i].name;
        if (dr_report_check_name("--report", runs[i].name, runs, i, &errors) != DR_OK)
            return dr_cli_fail_all(cli, DR_EXIT_USAGE, &errors);
    }
    return DR_EXIT_OK;
}

/* Of what was run; nothing where nothing was. */
static int write_report(const struct comparing *comparing)
{
    const struct dr_variants *variants = comparing->compared.variants;
    const char *path = dr_cli_value(comparing->cli, "report");
    struct dr_report_run runs[DR_REPORT_RUNS_MAX];
    uint32_t count = 0;
    FILE *file;
    int is_written;

    for (uint32_t i = 0; i < variants->count; i += 1)
        if (comparing->first_runs[i] != NULL)
            runs[count++] =
                (struct dr_report_run){variants->list[i].name, comparing->first_runs[i]};
    if (count == 0)
        return DR_EXIT_OK;
    file = fopen(path, "we");
    is_written = file != NULL && dr_report_write(file, runs, count) == DR_OK;
    is_written &= file == NULL || fclose(file) == 0;
    return is_written
               ? DR_EXIT_OK
               : dr_cli_fail(comparing->cli, DR_EXIT_FAILED, "--report: %s can't be written", path);
}

static int compare(struct comparing *comparing, const struct dr_variants *variants, uint32_t seeds,
                   uint32_t parallel)
{
    struct dr_compared *compared = &comparing->compared;
    int code;

    compared->variants = variants;
    compared->seed_first = variants->list[0].options.jobs.seed;
    compared->failed = json_array();
    compared->compare = (struct dr_compare){
        .variants = variants->count, .seeds = seeds, .by_chance = variants->by_chance};
    compared->compare.runs =
        calloc((size_t)variants->count * seeds, sizeof compared->compare.runs[0]);
    list_pieces(comparing);
    comparing->forks = calloc(compared->runs, sizeof comparing->forks[0]);
    DR_ASSERT(compared->compare.runs != NULL && comparing->forks != NULL);
    if (dr_cli_value(comparing->cli, "report") != NULL) {
        comparing->first_runs = calloc(variants->count, sizeof comparing->first_runs[0]);
        DR_ASSERT(comparing->first_runs != NULL);
    }
    run_all(comparing, parallel);
    for (uint32_t i = 0; i < compared->runs; i += 1)
        take_answer(comparing, i);
    code = show(comparing);
    if (comparing->first_runs != NULL && code == DR_EXIT_OK)
        code = write_report(comparing);
    for (uint32_t i = 0; comparing->first_runs != NULL && i < variants->count; i += 1)
        free(comparing->first_runs[i]);
    free(comparing->first_runs);
    json_decref(compared->failed);
    free(compared->compare.runs);
    free(comparing->pieces);
    free(comparing->forks);
    return comparing->code == DR_EXIT_OK ? code : comparing->code;
}

int dr_cmd_sim_compare(struct dr_cli *cli)
{
    struct comparing comparing = {.cli = cli};
    const char *directory = dr_cli_value(cli, "runs");
    struct dr_variants variants;
    int64_t seeds = 1;
    int64_t parallel = dr_max_i64(1, sysconf(_SC_NPROCESSORS_ONLN));
    int code;

    if (cli->operands_count < 2)
        return dr_cli_fail(cli, DR_EXIT_USAGE, "found '%s' alone, expected two or more variants",
                           cli->operands[0]);
    if (!dr_option_whole(cli, "seeds", 1, 10000, &seeds) ||
        !dr_option_whole(cli, "parallel", 1, 1024, &parallel))
        return DR_EXIT_USAGE;
    code = dr_variants_open(&variants, cli);
    if (code == DR_EXIT_OK && dr_cli_value(cli, "report") != NULL)
        code = check_report(cli, &variants);
    if (code == DR_EXIT_OK && directory != NULL && mkdir(directory, 0777) != 0 && errno != EEXIST)
        code = dr_cli_fail(cli, DR_EXIT_FAILED, "--runs: %s can't be made: %s", directory,
                           strerror(errno));
    if (code == DR_EXIT_OK)
        code = compare(&comparing, &variants, (uint32_t)seeds, (uint32_t)parallel);
    dr_variants_close(&variants);
    return code;
}
