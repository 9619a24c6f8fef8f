/* SPDX-License-Identifier: Apache-2.0 */
/* A rehearsal as files. See report.h; read dr_rehearsal_write() at the end first. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "plan/result/files.h"
#include "rehearsal/report.h"

#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)
#define BYTES_MAX     ((size_t)256 << 20)
#define SOURCE_KEY    "rehearsal"

/* ---- tables ---- */

static void put_quarter(struct dr_buffer *out, const struct dr_plan_inputs *inputs, uint32_t round,
                        const char *offer, const struct dr_quarter *quarter)
{
    char name[DR_QUARTER_BYTES];

    FOR(k, inputs->sectors_count) {
        const struct dr_measured *m = &quarter->sectors[k];

        dr_buffer_printf(out,
                         "%" PRIu32 ",%s,%s,%s,%.0f,%.0f,%.3f,%.3f,%.3f,%.3f,%.3f,%.3f,%.3f,%.3f,"
                         "%.0f,%.0f,%.0f,%" PRIu32 ",%" PRIu32 ",%s\n",
                         round, dr_format_quarter(inputs->begin + quarter->quarter, name), offer,
                         inputs->sectors[k].name, m->demand, m->promised, m->offered, m->done,
                         m->waiting_before, m->waiting_after, 100 * m->late, m->given,
                         100 * m->busy, 100 * m->lost, m->wait_mean_s, m->wait_p50_s, m->wait_p95_s,
                         m->jobs, m->unstarted, m->coarse ? "yes" : "no");
    }
}

static void put_replay(struct dr_buffer *out, const struct dr_rehearsal *rehearsal,
                       const struct dr_plan_inputs *inputs,
                       const struct dr_rehearsal_options *options)
{
    dr_buffer_append_text(
        out, "round,quarter,offer,sector,demand_units,promised_units,offered_units,done_units,"
             "waiting_before_unit_hours,waiting_after_unit_hours,late_percent,given_accelerators,"
             "busy_percent,lost_percent,wait_mean_s,wait_p50_s,wait_p95_s,jobs,unstarted,coarse\n");
    FOR(r, rehearsal->rounds_count) {
        FOR(i, options->quarters_count)
            put_quarter(out, inputs, r + 1, "promised", &rehearsal->rounds[r].quarters[i]);
    }
    FOR(i, options->quarters_count)
        put_quarter(out, inputs, 1, "all", &rehearsal->all[i]);
}

/* Nothing where nothing is known of the sector in the year. */
static void put_factor(struct dr_buffer *out, const struct dr_plan_inputs *inputs,
                       const struct dr_rehearsal_options *options, const struct dr_round *round,
                       uint32_t number, uint32_t sector, uint32_t year)
{
    struct dr_seen seen =
        dr_seen_of(inputs, round->quarters, options->quarters_count, sector, year);

    dr_buffer_printf(out, "%" PRIu32 ",%s,%" PRId64 ",%.1f,", number, inputs->sectors[sector].name,
                     inputs->begin / 4 + year, round->factors.of[sector][year] / 10.0);
    if (seen.jobs > 0)
        dr_buffer_printf(out, "%.3f,%.3f,%.0f", 100 * seen.late, 100 * seen.busy, seen.wait_s);
    else
        dr_buffer_append_text(out, ",,");
    dr_buffer_printf(out, ",%.1f,%.6f,%.6f\n", round->next.of[sector][year] / 10.0,
                     round->cost / 1e6, round->bound / 1e6);
}

static void put_factors(struct dr_buffer *out, const struct dr_rehearsal *rehearsal,
                        const struct dr_plan_inputs *inputs,
                        const struct dr_rehearsal_options *options)
{
    dr_buffer_append_text(out, "round,sector,year,factor_percent,late_percent,busy_percent,"
                               "wait_mean_s,next_percent,cost_m,bound_m\n");
    FOR(r, rehearsal->rounds_count) {
        const struct dr_round *round = &rehearsal->rounds[r];

        FOR(k, inputs->sectors_count) {
            FOR(y, inputs->years_count)
                put_factor(out, inputs, options, round, r + 1, k, y);
        }
    }
}

/* ---- the scenario under the last round's factors ---- */

static void put_capacity_factors(struct dr_buffer *out, const struct dr_plan_inputs *inputs,
                                 const struct dr_round *round)
{
    dr_buffer_append_text(out, "sector,year,factor_percent,assumed,source,note\n");
    FOR(k, inputs->sectors_count) {
        FOR(y, inputs->years_count)
            dr_buffer_printf(out, "%s,%" PRId64 ",%.1f,," SOURCE_KEY ",\n", inputs->sectors[k].name,
                             inputs->begin / 4 + y, round->factors.of[k][y] / 10.0);
    }
}

static enum dr_status copy_table(const char *from, const char *to, const char *name,
                                 struct dr_error *error)
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    char path[4096];

    dr_buffer_init(&text, BYTES_MAX);
    snprintf(path, sizeof path, "%s/%s", from, name);
    if (dr_buffer_read_file(&text, path) != DR_OK) {
        dr_error_set(error, path, 0, "", "nothing that can be read", "a table of the scenario");
        return DR_E_IO;
    }
    if (strcmp(name, "sources.csv") == 0 &&
        strstr(dr_buffer_text(&text), "\n" SOURCE_KEY ",") == NULL) {
        if (text.length > 0 && text.data[text.length - 1] != '\n')
            dr_buffer_append_text(&text, "\n");
        dr_buffer_append_text(&text, SOURCE_KEY ",daero plan replay,0,,derived\n");
    }
    return dr_plan_write_file(to, name, &text, error);
}

static enum dr_status write_scenario(const char *directory, const struct dr_plan_inputs *inputs,
                                     const struct dr_round *round,
                                     const struct dr_rehearsal_about *about, struct dr_error *error)
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    enum dr_status status = dr_plan_make_directory(directory, error);

    for (uint32_t i = 0; DR_PLAN_TABLE_NAMES[i] != NULL && status == DR_OK; i += 1)
        status = copy_table(about->scenario, directory, DR_PLAN_TABLE_NAMES[i], error);
    dr_buffer_init(&text, BYTES_MAX);
    put_capacity_factors(&text, inputs, round);
    if (status == DR_OK)
        status = dr_plan_write_file(directory, "capacity_factors.csv", &text, error);
    return status;
}

/* A mistake in what was just written is our own; the first is enough. */
static void keep_first(void *context, const struct dr_error *error)
{
    struct dr_error *first = context;

    if (first->expected[0] == '\0')
        *first = *error;
}

/* With the inputs read from what was written, so that the certificate has their hash. */
static enum dr_status write_plan(const struct dr_rehearsal *rehearsal, const char *scenario,
                                 const char *directory, const struct dr_rehearsal_about *about,
                                 struct dr_error *error)
{
    const struct dr_round *round = &rehearsal->rounds[rehearsal->rounds_count - 1];
    struct dr_plan_proof proof = {.cost = round->cost,
                                  .bound = round->bound,
                                  .bound_by_search = rehearsal->progress.bound_by_search,
                                  .checks_count = rehearsal->checks_count,
                                  .cut = round->cut,
                                  .seconds = rehearsal->progress.seconds,
                                  .cpu_s = rehearsal->progress.cpu_s,
                                  .first_s = rehearsal->first_s,
                                  .rows_count = rehearsal->rows_count,
                                  .columns_count = rehearsal->columns_count,
                                  .binaries_count = rehearsal->binaries_count,
                                  .version = about->version};
    struct dr_csv_errors errors = {.say = keep_first, .context = error};
    struct dr_plan_inputs *inputs = NULL;
    enum dr_status status = dr_plan_inputs_open(&inputs, scenario, &errors);

    if (status == DR_OK)
        status =
            dr_plan_write(directory, inputs, &rehearsal->plan, &rehearsal->sums, &proof, error);
    dr_plan_inputs_close(inputs);
    return status;
}

enum dr_status dr_rehearsal_write(const struct dr_rehearsal *rehearsal,
                                  const struct dr_plan_inputs *inputs,
                                  const struct dr_rehearsal_options *options,
                                  const struct dr_rehearsal_about *about, struct dr_error *error)
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    const char *directory = options->directory;
    char scenario[4096], plan[4096];
    enum dr_status status;

    dr_buffer_init(&text, BYTES_MAX);
    put_replay(&text, rehearsal, inputs, options);
    status = dr_plan_write_file(directory, "replay.csv", &text, error);
    dr_buffer_clear(&text);
    put_factors(&text, rehearsal, inputs, options);
    if (status == DR_OK)
        status = dr_plan_write_file(directory, "factors.csv", &text, error);
    dr_buffer_clear(&text);
    dr_rehearsal_json(rehearsal, inputs, options, about, &text);
    dr_buffer_append_text(&text, "\n");
    if (status == DR_OK)
        status = dr_plan_write_file(directory, "replay.json", &text, error);
    /* Interrupted, the plan may be of a round that is not complete. */
    if (status != DR_OK || rehearsal->rounds_count < 2 || rehearsal->end == DR_REHEARSAL_STOPPED)
        return status;
    snprintf(scenario, sizeof scenario, "%s/scenario", directory);
    snprintf(plan, sizeof plan, "%s/plan", directory);
    status = write_scenario(scenario, inputs, &rehearsal->rounds[rehearsal->rounds_count - 1],
                            about, error);
    if (status == DR_OK)
        status = write_plan(rehearsal, scenario, plan, about, error);
    return status;
}
