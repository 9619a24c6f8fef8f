/* SPDX-License-Identifier: Apache-2.0 */
#include "rehearsal/quarter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/math.h"
#include "core/state.h"

#define YAML_BYTES_MAX DR_FEDERATION_BYTES_MAX

struct run {
    const struct dr_plan_inputs *inputs;
    const struct dr_quarter_options *options;
    struct dr_quarter *result;
    struct dr_fleet fleet;
    struct dr_drawn drawn;
    struct dr_federation *federation;
    struct dr_sim *sim;
    struct dr_measuring *measuring;
    uint32_t chips[1024]; /* of the core's pools, as the scenario has them; UINT32_MAX: unknown */
};

static uint32_t chip_of(struct run *run, dr_pool_id pool)
{
    const struct dr_core *core = dr_sim_core(run->sim);
    uint32_t *known = &run->chips[pool.v - 1];
    const char *name = core->chips[core->pools[pool.v - 1].chip.v - 1].name;

    for (uint32_t c = 0; *known == UINT32_MAX; c += 1) {
        if (strcmp(run->inputs->chips[c].name, name) == 0)
            *known = c;
    }
    return *known;
}

static void ran(void *context, const struct dr_sim_ran *about)
{
    struct run *run = context;

    dr_measuring_ran(run->measuring, chip_of(run, about->pool), about);
}

static void refused(void *context, const struct dr_error *error)
{
    struct run *run = context;

    (void)error;
    run->result->refused += 1;
}

static enum dr_status write_text(const char *path, const struct dr_buffer *text,
                                 struct dr_error *error)
{
    FILE *file = fopen(path, "we");
    int bad = file == NULL || fwrite(text->data, 1, text->length, file) != text->length;

    if (file != NULL && fclose(file) != 0)
        bad = 1;
    if (!bad)
        return DR_OK;
    dr_error_set(error, path, 0, "", strerror(errno), "a file that can be written");
    return DR_E_IO;
}

static enum dr_status make_federation(struct run *run, struct dr_error *error)
{
    struct dr_error_list errors DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_buffer yaml DR_CLEANUP(dr_buffer_deinit) = {0};
    enum dr_status status = DR_OK;
    char path[4096];

    dr_buffer_init(&yaml, YAML_BYTES_MAX);
    dr_fleet_write(&run->fleet, &yaml);
    if (run->options->directory != NULL) {
        snprintf(path, sizeof path, "%s/federation.yaml", run->options->directory);
        status = write_text(path, &yaml, error);
    }
    if (status == DR_OK)
        status = dr_federation_parse(&run->federation, "federation.yaml", dr_buffer_text(&yaml),
                                     yaml.length, &errors, NULL);
    if (status == DR_E_INPUT)
        *error = errors.errors[0];
    return status;
}

/* The trace, in a file that has no name where nobody wants it. */
static enum dr_status make_trace(struct run *run, char *path, size_t path_bytes, FILE **file,
                                 struct dr_error *error)
{
    if (run->options->directory != NULL) {
        snprintf(path, path_bytes, "%s/jobs.csv", run->options->directory);
        *file = fopen(path, "we");
    } else {
        *file = tmpfile();
        if (*file != NULL)
            snprintf(path, path_bytes, "/proc/self/fd/%d", fileno(*file));
    }
    if (*file != NULL)
        dr_drawn_write(&run->drawn, &run->fleet, *file);
    if (*file != NULL && fflush(*file) == 0 && !ferror(*file))
        return DR_OK;
    dr_error_set(error, run->options->directory == NULL ? "the trace" : path, 0, "",
                 strerror(errno), "room on the disk");
    return DR_E_IO;
}

static enum dr_status simulate(struct run *run, const char *trace, struct dr_error *error)
{
    struct dr_quarter *result = run->result;
    int64_t first_us = run->drawn.jobs[0].submit_us;
    struct dr_sim_options options = {.trace = trace,
                                     .trace_name = "jobs.csv",
                                     .ordering = -1,
                                     .placement = -1,
                                     .preemption = -1,
                                     .tick_us = DR_MINUTE_US,
                                     .jobs = {.arrival_milli = 1000, .seed = 1},
                                     .bad_row_milli = 1000,
                                     .ran = ran,
                                     .say = refused,
                                     .context = run};
    enum dr_status status;

    /* 2027-01-01T00:00:00Z, as `daero sim run` has it by itself. */
    options.jobs.base_us = INT64_C(1798761600) * DR_SECOND_US;
    options.warmup_us = result->sim_warmup_us = dr_max_i64(0, run->options->warmup_us - first_us);
    options.horizon_us = result->sim_horizon_us =
        run->options->warmup_us + run->options->window_us - first_us;
    status = dr_sim_open(&run->sim, run->federation, &options, error);
    if (status == DR_OK)
        status = dr_sim_run(run->sim, error);
    if (status != DR_OK)
        return status;
    result->state_hash = dr_core_hash(dr_sim_core(run->sim));
    return DR_OK;
}

static enum dr_status play(struct run *run, struct dr_error *error)
{
    FILE *file = NULL;
    char path[4096];
    enum dr_status status = make_federation(run, error);

    if (status == DR_OK)
        status = make_trace(run, path, sizeof path, &file, error);
    if (status == DR_OK && run->drawn.count > 0)
        status = simulate(run, path, error);
    if (file != NULL)
        fclose(file);
    return status;
}

enum dr_status dr_quarter_run(struct dr_quarter *result, const struct dr_plan_inputs *inputs,
                              const struct dr_plan *plan, const struct dr_plan_sums *sums,
                              const struct dr_quarter_options *options, struct dr_error *error)
{
    struct dr_draw_options draw = {.all = options->all,
                                   .warmup_us = options->warmup_us,
                                   .span_us = options->warmup_us + options->window_us,
                                   .longest_us = options->longest_us,
                                   .portable_milli = options->portable_milli,
                                   .seed = options->seed};
    struct run *run = calloc(1, sizeof *run);
    enum dr_status status;
    clock_t begun = clock();

    DR_ASSERT(run != NULL);
    memset(result, 0, sizeof *result);
    memset(run->chips, 0xff, sizeof run->chips);
    run->inputs = inputs;
    run->options = options;
    run->result = result;
    result->quarter = options->quarter;
    status =
        dr_fleet_init(&run->fleet, inputs, plan, sums, options->quarter, options->scale, error);
    if (status == DR_OK) {
        dr_drawn_init(&run->drawn, &run->fleet, &draw);
        run->measuring =
            dr_measuring_open(&run->drawn, &run->fleet, options->warmup_us, draw.span_us);
        result->jobs = run->drawn.count;
        result->accelerators = run->fleet.accelerators;
        status = play(run, error);
    }
    if (status == DR_OK)
        dr_measuring_end(run->measuring, result->sectors);
    result->cpu_s = (double)(clock() - begun) / CLOCKS_PER_SEC;
    dr_measuring_close(run->measuring);
    dr_sim_close(run->sim);
    dr_federation_close(run->federation);
    dr_drawn_deinit(&run->drawn);
    free(run);
    return status;
}
