/* SPDX-License-Identifier: Apache-2.0 */
/* See rounds.h; read dr_rehearse() at the end first. */
#include "rehearsal/rounds.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "plan/explain/variants.h"
#include "sim/forks.h"

#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)
#define ANSWER_MAX    (sizeof(struct dr_quarter) + sizeof(struct dr_error) + 16)

/* ---- one round's quarters, in child processes ---- */

struct playing {
    const struct dr_rehearsal_options *options;
    const struct dr_plan_inputs *inputs;
    const struct dr_plan *plan;
    const struct dr_plan_sums *sums;
    uint32_t round;
    uint32_t pieces;
};

/* Which quarter of the list, and with all that is asked for? The later ones, which are the largest,
 * first, so that they don't end last. */
static void piece_of(const struct playing *playing, uint32_t number, uint32_t *place, int *all)
{
    uint32_t count = playing->options->quarters_count;

    *all = playing->round == 0 && number % 2 == 1;
    *place = count - 1 - (playing->round == 0 ? number / 2 : number);
}

static void directory_of(const struct playing *playing, uint32_t quarter, int all, char path[4096])
{
    char name[DR_QUARTER_BYTES];

    snprintf(path, 4096, "%s/%s%s", playing->options->directory,
             dr_format_quarter(playing->inputs->begin + quarter, name), all ? "-all" : "");
}

static int work(void *context, uint32_t number, struct dr_buffer *answer)
{
    const struct playing *playing = context;
    struct dr_quarter_options each = playing->options->each;
    struct dr_quarter result;
    struct dr_error error = {0};
    enum dr_status status;
    char path[4096];
    uint32_t place;

    piece_of(playing, number, &place, &each.all);
    each.quarter = playing->options->quarters[place];
    each.directory = NULL;
    if (playing->options->directory != NULL && playing->round == 0) {
        directory_of(playing, each.quarter, each.all, path);
        each.directory = path;
    }
    status = dr_quarter_run(&result, playing->inputs, playing->plan, playing->sums, &each, &error);
    dr_buffer_append(answer, &status, sizeof status);
    dr_buffer_append(answer, &error, sizeof error);
    dr_buffer_append(answer, &result, sizeof result);
    return 0;
}

static int go_on(void *context, uint32_t ended, uint32_t running)
{
    const struct playing *playing = context;
    const volatile sig_atomic_t *stop = playing->options->search.stop;

    (void)running;
    if (playing->options->progress != NULL)
        playing->options->progress(playing->options->context, playing->round + 1, ended,
                                   playing->pieces);
    return stop == NULL || !*stop;
}

static enum dr_status take(const struct dr_fork *fork, struct dr_quarter *result,
                           struct dr_error *error)
{
    enum dr_status status;

    if (fork->end != DR_FORK_ANSWERED ||
        fork->answer.length != sizeof status + sizeof *error + sizeof *result) {
        dr_error_set(error, "a quarter's run", 0, "",
                     fork->end == DR_FORK_KILLED ? strsignal(fork->code) : "no answer",
                     "memory for a child process, and for it to end by itself");
        return DR_E_IO;
    }
    memcpy(&status, fork->answer.data, sizeof status);
    if (status != DR_OK)
        memcpy(error, fork->answer.data + sizeof status, sizeof *error);
    memcpy(result, fork->answer.data + sizeof status + sizeof *error, sizeof *result);
    return status;
}

static enum dr_status make_directories(const struct playing *playing, struct dr_error *error)
{
    char path[4096];

    if (playing->options->directory == NULL || playing->round > 0)
        return DR_OK;
    FOR(i, playing->pieces) {
        uint32_t place;
        int all;

        piece_of(playing, i, &place, &all);
        directory_of(playing, playing->options->quarters[place], all, path);
        if (mkdir(path, 0777) == 0 || errno == EEXIST)
            continue;
        dr_error_set(error, path, 0, "", strerror(errno), "a directory that can be made");
        return DR_E_IO;
    }
    return DR_OK;
}

/* DR_E_END: it was stopped. */
static enum dr_status play(struct playing *playing, struct dr_quarter *quarters,
                           struct dr_quarter *all, struct dr_error *error)
{
    struct dr_forks_options forks = {.count = playing->pieces,
                                     .parallel = playing->options->parallel,
                                     .answer_bytes_max = ANSWER_MAX,
                                     .work = work,
                                     .go_on = go_on,
                                     .context = playing};
    struct dr_fork *made = calloc(playing->pieces, sizeof made[0]);
    enum dr_status status = make_directories(playing, error);

    DR_ASSERT(made != NULL);
    if (status == DR_OK) {
        fflush(NULL);
        dr_forks(&forks, made);
    }
    FOR(i, playing->pieces) {
        uint32_t place;
        int is_all;

        piece_of(playing, i, &place, &is_all);
        if (status == DR_OK && made[i].end == DR_FORK_NOT_RUN)
            status = DR_E_END;
        if (status == DR_OK)
            status = take(&made[i], is_all ? &all[place] : &quarters[place], error);
        dr_buffer_deinit(&made[i].answer);
    }
    free(made);
    return status;
}

/* ---- from round to round ---- */

/* The inputs under other factors; for dr_plan_variant_close(). */
static struct dr_plan_inputs *under(const struct dr_plan_inputs *inputs,
                                    const struct dr_factors *factors)
{
    struct dr_plan_inputs *made = dr_plan_variant(inputs, DR_PLAN_VARIANT_PLAN);

    FOR(k, inputs->sectors_count) {
        FOR(y, inputs->years_count)
            made->sectors[k].factor_micro[y] = factors->of[k][y] * (DR_PLAN_MICRO / DR_FACTOR_ONE);
    }
    return made;
}

/* A plan under the inputs' factors into `rehearsal->plan`. */
static enum dr_status plan_anew(struct dr_rehearsal *rehearsal, const struct dr_plan_inputs *inputs,
                                const struct dr_search_options *search, struct dr_round *round,
                                struct dr_error *error)
{
    struct dr_program *program = calloc(1, sizeof *program);
    struct dr_plan_verdict *verdict = calloc(1, sizeof *verdict);
    struct dr_plan *plan = calloc(1, sizeof *plan);
    struct dr_plan_sums *sums = calloc(1, sizeof *sums);
    struct dr_search_progress progress;
    enum dr_status status;
    double first_s;

    DR_ASSERT(program != NULL && verdict != NULL && plan != NULL && sums != NULL);
    dr_program_init(program, inputs, 0);
    status = dr_plan_find(program, search, plan, verdict, sums, &progress, &first_s,
                          &rehearsal->found, error);
    if (status == DR_OK && rehearsal->found == DR_FOUND_PLAN) {
        rehearsal->plan = *plan;
        rehearsal->sums = *sums;
        rehearsal->progress = progress;
        rehearsal->first_s = first_s;
        rehearsal->checks_count = verdict->checks_count;
        rehearsal->rows_count = program->model.rows_count;
        rehearsal->columns_count = program->model.columns_count;
        rehearsal->binaries_count = 0;
        FOR(c, program->model.columns_count)
            rehearsal->binaries_count += program->model.integer[c];
        round->cost = sums->cost;
        round->bound = rehearsal->progress.bound * program->money_scale;
        round->cut = rehearsal->progress.cut;
    }
    dr_program_deinit(program);
    free(program);
    free(verdict);
    free(plan);
    free(sums);
    return status;
}

/* One round, with a plan under its factors unless it is the first. DR_E_END: it is the last. */
static enum dr_status go_round(struct dr_rehearsal *rehearsal, const struct dr_plan_inputs *inputs,
                               const struct dr_rehearsal_options *options, struct dr_error *error)
{
    uint32_t number = rehearsal->rounds_count;
    struct dr_round *round = &rehearsal->rounds[number];
    struct dr_plan_inputs *changed = number == 0 ? dr_plan_variant(inputs, DR_PLAN_VARIANT_PLAN)
                                                 : under(inputs, &round->factors);
    struct playing playing = {.options = options,
                              .inputs = changed,
                              .plan = &rehearsal->plan,
                              .sums = &rehearsal->sums,
                              .round = number,
                              .pieces = options->quarters_count * (number == 0 ? 2 : 1)};
    const volatile sig_atomic_t *stop = options->search.stop;
    enum dr_status status = DR_OK;

    rehearsal->end = DR_REHEARSAL_STOPPED;
    if (number > 0) {
        if (options->progress != NULL)
            options->progress(options->context, number + 1, 0, 0);
        status = plan_anew(rehearsal, changed, &options->search, round, error);
        if (status == DR_OK && (stop == NULL || !*stop) && rehearsal->found != DR_FOUND_PLAN)
            rehearsal->end = DR_REHEARSAL_NO_PLAN;
        if (status == DR_OK && ((stop != NULL && *stop) || rehearsal->found != DR_FOUND_PLAN))
            status = DR_E_END;
    }
    if (status == DR_OK)
        status = play(&playing, round->quarters, rehearsal->all, error);
    dr_plan_variant_close(changed);
    if (status != DR_OK)
        return status;
    rehearsal->rounds_count += 1;
    dr_factors_next(&round->next, &round->factors, inputs, round->quarters, options->quarters_count,
                    options->wait_goal_s);
    if (dr_factors_change(inputs, &round->factors, &round->next) < options->tolerance) {
        rehearsal->end = DR_REHEARSAL_SETTLED;
        return DR_E_END;
    }
    rehearsal->end = DR_REHEARSAL_ROUNDS;
    if (rehearsal->rounds_count == options->rounds_max)
        return DR_E_END;
    rehearsal->rounds[number + 1].factors = round->next;
    return DR_OK;
}

enum dr_status dr_rehearse(struct dr_rehearsal *rehearsal, const struct dr_plan_inputs *inputs,
                           const struct dr_plan *plan, double bound,
                           const struct dr_rehearsal_options *options, struct dr_error *error)
{
    struct dr_plan_verdict *verdict = calloc(1, sizeof *verdict);
    enum dr_status status = DR_OK;

    DR_ASSERT(verdict != NULL);
    DR_ASSERT(options->rounds_max > 0 && options->rounds_max <= DR_ROUNDS_MAX);
    memset(rehearsal, 0, sizeof *rehearsal);
    rehearsal->plan = *plan;
    dr_plan_check(inputs, plan, verdict, &rehearsal->sums);
    rehearsal->checks_count = verdict->checks_count;
    rehearsal->rounds[0].cost = rehearsal->sums.cost;
    rehearsal->rounds[0].bound = bound;
    FOR(k, inputs->sectors_count) {
        FOR(y, inputs->years_count)
            rehearsal->rounds[0].factors.of[k][y] =
                (uint32_t)(dr_plan_factor(&inputs->sectors[k], y) /
                           (DR_PLAN_MICRO / DR_FACTOR_ONE));
    }
    while (status == DR_OK)
        status = go_round(rehearsal, inputs, options, error);
    free(verdict);
    return status == DR_E_END ? DR_OK : status;
}
