/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.c: figures for Prometheus (GET /metrics). */
#include "serve/exchange.h"

/* X(name, type, "help", value) of figures that are one number each. */
#define FIGURES(X)                                                                                 \
    X("turns_total", "counter", "turns of the controller's loop", figures->turns)                  \
    X("commits_total", "counter", "transactions", figures->commits)                                \
    X("facts_total", "counter", "facts kept since the start", figures->facts)                      \
    X("fact_seq", "gauge", "the last durable fact", dr_controller_durable_seq(controller))         \
    X("epoch", "gauge", "of this controller's leadership", core->epoch)                            \
    X("launches_total", "counter", "attempts that engines were told to launch", figures->launches) \
    X("stops_total", "counter", "attempts that engines were told to stop", figures->stops)         \
    X("reports_total", "counter", "reports of engines", figures->reports)                          \
    X("clock_steps_back_total", "counter", "times that the clock was held back",                   \
      figures->clock_steps_back)                                                                   \
    X("recovery_facts", "gauge", "facts read at the start", figures->recovery_facts)               \
    X("connections", "gauge", "connections of clients", door->visitors)                            \
    X("connections_total", "counter", "connections accepted", door->accepted)                      \
    X("requests_total", "counter", "requests that reached the library", x->http->requests)         \
    X("requests_refused_total", "counter", "requests that the gate refused", door->refused)        \
    X("connections_expired_total", "counter", "connections ended by a deadline", door->expired)    \
    X("connections_given_way_total", "counter", "connections ended for a new one",                 \
      door->given_way)                                                                             \
    X("connections_turned_away_total", "counter", "connections refused at a limit",                \
      door->turned_away)                                                                           \
    X("requests_over_rate_total", "counter", "requests refused by a token's rate",                 \
      x->http->rate_refused)                                                                       \
    X("streams", "gauge", "streams that are open", x->http->streams_count)

/* X(name, type, "help", microseconds), written in seconds */
#define TIMES(X)                                                                         \
    X("commit_seconds_total", "counter", "time in transactions", figures->commit_us_sum) \
    X("commit_seconds_max", "gauge", "the longest transaction", figures->commit_us_max)  \
    X("decide_seconds_total", "counter", "time in decisions", figures->decide_us_sum)    \
    X("decide_seconds_max", "gauge", "the longest decision", figures->decide_us_max)     \
    X("recovery_seconds", "gauge", "how long the start took", figures->recovery_us)

static void head(struct dr_buffer *out, const char *name, const char *type, const char *help)
{
    dr_buffer_printf(out, "# HELP daero_%s %s\n# TYPE daero_%s %s\n", name, help, name, type);
}

static void jobs(struct dr_buffer *out, const struct dr_core *core)
{
    uint64_t live[DR_JOB_DEADLINE + 1] = {0};
    uint64_t ended[DR_JOB_DEADLINE + 1] = {0};

    live[DR_JOB_PENDING] = core->jobs_count - core->running.count - core->ended.count;
    for (uint32_t row = core->running.first; row != DR_ROW_NONE; row = dr_job_list_next(core, row))
        live[core->jobs[row].state] += 1;
    for (uint32_t row = 0; row < core->accounts_count; row += 1) {
        for (uint32_t state = DR_JOB_COMPLETED; state <= DR_JOB_DEADLINE; state += 1)
            ended[state] += core->accounts[row].ended[state];
    }
    head(out, "jobs", "gauge", "jobs that have not ended, by state");
    for (uint32_t state = 0; state < DR_JOB_COMPLETED; state += 1)
        dr_buffer_printf(out, "daero_jobs{state=\"%s\"} %llu\n",
                         dr_job_state_name((enum dr_job_state)state),
                         (unsigned long long)live[state]);
    head(out, "jobs_ended_total", "counter", "jobs that have ended, by state");
    for (uint32_t state = DR_JOB_COMPLETED; state <= DR_JOB_DEADLINE; state += 1)
        dr_buffer_printf(out, "daero_jobs_ended_total{state=\"%s\"} %llu\n",
                         dr_job_state_name((enum dr_job_state)state),
                         (unsigned long long)ended[state]);
}

static void pools(struct dr_buffer *out, const struct dr_core *core)
{
    head(out, "pool_nodes_up", "gauge", "nodes that take part, by pool");
    for (uint32_t i = 0; i < core->pools_count; i += 1) {
        if (!core->pools[i].removed)
            dr_buffer_printf(out, "daero_pool_nodes_up{site=\"%s\",pool=\"%s\"} %u\n",
                             core->sites[core->pools[i].site.v - 1].name, core->pools[i].name,
                             core->pools[i].nodes_up);
    }
    head(out, "pool_accelerators_free", "gauge", "accelerators that are free, by pool");
    for (uint32_t i = 0; i < core->pools_count; i += 1) {
        if (!core->pools[i].removed)
            dr_buffer_printf(out, "daero_pool_accelerators_free{site=\"%s\",pool=\"%s\"} %lld\n",
                             core->sites[core->pools[i].site.v - 1].name, core->pools[i].name,
                             (long long)core->pools[i].accelerators_free);
    }
    head(out, "site_answers", "gauge", "1: the site answers");
    for (uint32_t i = 0; i < core->sites_count; i += 1) {
        if (!core->sites[i].removed)
            dr_buffer_printf(out, "daero_site_answers{site=\"%s\"} %u\n", core->sites[i].name,
                             core->sites[i].answers);
    }
}

/* Of sites whose engines have a word of their own. */
static void sites(struct dr_buffer *out, struct dr_controller *controller)
{
    static const struct {
        const char *name;
        const char *help;
    } rows[] = {
        {"site_heard_seconds", "when the site was heard last, seconds of Unix time; 0: never"},
        {"site_lag_seconds", "how long its last answer took"},
        {"site_nodes_usable", "declared nodes that can take jobs, by its own word"},
        {"site_foreign_jobs", "jobs there that are not the federation's"},
        {"site_unordered_attempts", "attempts there that were never ordered from here"},
    };
    const struct dr_core *core = dr_controller_core(controller);

    for (uint32_t i = 0; i < DR_COUNT_OF(rows); i += 1) {
        head(out, rows[i].name, "gauge", rows[i].help);
        for (uint32_t row = 0; row < core->sites_count; row += 1) {
            struct dr_site_health health;

            if (core->sites[row].removed ||
                !dr_controller_site_health(controller, (dr_site_id){row + 1}, &health))
                continue;
            const double values[] = {(double)health.engine.heard_us / 1e6,
                                     (double)health.engine.lag_us / 1e6, health.engine.usable,
                                     health.engine.foreign, health.unordered};

            dr_buffer_printf(out, "daero_%s{site=\"%s\"} %.6f\n", rows[i].name,
                             core->sites[row].name, values[i]);
        }
    }
}

static void quotas(struct dr_buffer *out, const struct dr_core *core)
{
    head(out, "quota_use", "gauge", "what an account uses of a quota group, in the group's unit");
    for (uint32_t row = 0; row < core->accounts_count; row += 1) {
        for (uint32_t i = 0; i < core->groups_count && !core->accounts[row].removed; i += 1) {
            const struct dr_quota *quota =
                dr_quota_at(core, (dr_account_id){row + 1}, (dr_group_id){i + 1});

            if (quota->use != 0)
                dr_buffer_printf(out, "daero_quota_use{account=\"%s\",group=\"%s\"} %lld\n",
                                 core->accounts[row].name, core->groups[i].name,
                                 (long long)quota->use);
        }
    }
}

void route_metrics(struct exchange *x)
{
    struct dr_controller *controller = x->http->controller;
    const struct dr_controller_figures *figures = dr_controller_figures(controller);
    const struct dr_door_figures *door = dr_door_figures(x->http->door);
    const struct dr_core *core = core_of(x);
    struct dr_buffer *out = &x->out;

#define FIGURE(name, type, help, value) \
    head(out, name, type, help);        \
    dr_buffer_printf(out, "daero_%s %llu\n", name, (unsigned long long)(value));
    FIGURES(FIGURE)
#undef FIGURE
#define TIME(name, type, help, value) \
    head(out, name, type, help);      \
    dr_buffer_printf(out, "daero_%s %.6f\n", name, (double)(value) / 1e6);
    TIMES(TIME)
#undef TIME
    head(out, "answers_total", "counter", "answers, by the hundreds of their status");
    for (uint32_t i = 2; i < DR_COUNT_OF(x->http->answers); i += 1)
        dr_buffer_printf(out, "daero_answers_total{status=\"%uxx\"} %llu\n", i,
                         (unsigned long long)x->http->answers[i]);
    jobs(out, core);
    pools(out, core);
    sites(out, controller);
    quotas(out, core);
    exchange_answer_as(x, 200, "text/plain; version=0.0.4; charset=utf-8");
}
