/* SPDX-License-Identifier: Apache-2.0 */
/* See policy.h. */
#include "sim/policy.h"

#include <inttypes.h>
#include <string.h>

#include "core/state.h"
#include "sim/figures.h"

static const char *base_name(const char *path)
{
    const char *slash = path == NULL ? NULL : strrchr(path, '/');

    return path == NULL ? "" : slash == NULL ? path : slash + 1;
}

static const char *backfill_name(const struct dr_settings *settings)
{
    if (settings->no_backfill)
        return "none";
    if (settings->reserve_depth == 0)
        return "greedy";
    return settings->reserve_depth == 1 ? "easy" : "conservative";
}

static void put_estimates(const struct dr_jobs_options *jobs, struct dr_buffer *out)
{
    static const char *const names[] = {"limit", "exact", "error"};

    dr_buffer_printf(out, "\"estimates\":\"%s", names[jobs->estimates]);
    if (jobs->estimates == DR_ESTIMATES_ERROR) {
        dr_buffer_append_text(out, ":");
        dr_put_millionths(out, INT64_C(1000) * jobs->error_milli);
    }
    dr_buffer_append_text(out, "\"");
}

/* Rates by chip, and the list's name. */
static void put_failures(const struct dr_failures_options *failures, struct dr_buffer *out)
{
    dr_buffer_append_text(out, "\"failures\":[");
    for (uint32_t i = 0; i < failures->rates_count; i += 1) {
        dr_buffer_append_text(out, i == 0 ? "{" : ",{");
        dr_put_words(out, "chip", failures->rates[i].chip);
        dr_buffer_append_text(out, ",");
        dr_put_figure(out, "mtbf_s", failures->rates[i].mtbf_us);
        dr_buffer_append_text(out, ",");
        dr_put_figure(out, "repair_s", failures->rates[i].repair_us);
        dr_buffer_append_text(out, "}");
    }
    dr_buffer_append_text(out, "],");
    dr_put_words(out, "failure_list", base_name(failures->list));
    dr_buffer_append_text(out, ",");
}

void dr_sim_policy_json(const struct dr_sim_options *options, const struct dr_core *core,
                        struct dr_buffer *out)
{
    const struct dr_settings *settings = &core->settings;

    dr_buffer_append_text(out, "{");
    dr_put_words(out, "federation", base_name(options->federation));
    dr_buffer_append_text(out, ",");
    dr_put_words(out, "trace",
                 options->trace_name != NULL ? options->trace_name : base_name(options->trace));
    dr_buffer_printf(out,
                     ",\"order\":\"%s\",\"backfill\":\"%s\",\"reserve_depth\":%" PRIu32
                     ",\"preemption\":%s,",
                     DR_FEDERATION_ORDERS[settings->ordering], backfill_name(settings),
                     settings->reserve_depth, settings->no_preemption ? "false" : "true");
    dr_buffer_printf(out, "\"placement\":\"%s\",", DR_FEDERATION_PLACEMENTS[settings->placement]);
    put_failures(&options->failures, out);
    put_estimates(&options->jobs, out);
    dr_buffer_printf(out, ",\"seed\":%" PRIu64 ",", options->jobs.seed);
    dr_put_figure(out, "arrivals", INT64_C(1000) * options->jobs.arrival_milli);
    dr_buffer_append_text(out, ",");
    dr_put_figure(out, "warm_up_s", options->warmup_us);
    dr_buffer_append_text(out, ",");
    if (options->horizon_us == 0)
        dr_buffer_append_text(out, "\"horizon_s\":null");
    else
        dr_put_figure(out, "horizon_s", options->horizon_us);
    dr_buffer_append_text(out, ",");
    dr_put_figure(out, "tick_s", options->tick_us);
    dr_buffer_append_text(out, "}");
}
