/* SPDX-License-Identifier: Apache-2.0 */
/* Chance that is the same on every machine, and traces that are made up with it. */
#include "sim/generate.h"

#include <math.h>
#include <stdlib.h>

#include "base/text.h"
#include "sim/chance.h"
#include "sim/trace.h"
#include "sim_world.h"

TEST(powers_and_logarithms_are_right)
{
    for (int64_t x = -20; x <= 20; x += 1) {
        double exact = exp2((double)x + 0.3);
        int64_t fixed = x * (INT64_C(1) << 32) + (int64_t)(0.3 * 4294967296.0);
        double got = (double)dr_chance_exp2(fixed) / 4294967296.0;

        CHECK(fabs(got - exact) <= exact * 1e-9 + 3e-10);
    }
    for (uint64_t x = 1; x < UINT64_C(1) << 62; x = x * 3 + 1) {
        double exact = log2((double)x) - 32;

        CHECK(fabs((double)dr_chance_log2(x) / 4294967296.0 - exact) < 1e-8);
    }
}

TEST(draws_have_the_means_that_they_should)
{
    struct dr_chance chance = dr_chance_of(7);
    double sum = 0, below = 0, logs = 0, squares = 0;
    int count = 200000;

    for (int i = 0; i < count; i += 1) {
        double log_of;

        sum += (double)dr_chance_exponential(&chance, 1000000);
        below += (double)dr_chance_below(&chance, 10);
        log_of = log((double)dr_chance_lognormal(&chance, 1000000000, 1200) / 1e9);
        logs += log_of;
        squares += log_of * log_of;
    }
    CHECK(fabs(sum / count - 1e6) < 1e4);
    CHECK(fabs(below / count - 4.5) < 0.03);
    CHECK(fabs(logs / count) < 0.01);
    CHECK(fabs(sqrt(squares / count) - 1.2) < 0.01);
}

static enum dr_status generate(struct dr_generate *what, const char *yaml, struct dr_buffer *text)
{
    struct dr_error_list errors DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_federation *federation;
    struct dr_error error = {0};
    const char *path = sim_file("made.csv", "");
    FILE *file = fopen(path, "we");
    enum dr_status status;

    CHECK_EQ(dr_federation_parse(&federation, "nation.yaml", yaml, strlen(yaml), &errors, NULL),
             DR_OK);
    status = dr_generate(what, federation, file, &error);
    fclose(file);
    dr_federation_close(federation);
    dr_buffer_deinit(text);
    dr_buffer_init(text, 64u << 20);
    CHECK_EQ(dr_buffer_read_file(text, path), DR_OK);
    return status;
}

static struct dr_generate mix(uint64_t jobs)
{
    return (struct dr_generate){.jobs = jobs,
                                .seed = 1,
                                .load_milli = 900,
                                .flexible_milli = 100,
                                .alternatives_milli = 200,
                                .elastic_milli = 200};
}

/* The bytes of this seed; they change only when the distributions do, which is said in the page. */
TEST(a_seed_has_its_bytes)
{
    struct dr_buffer one DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_buffer two DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_generate a = mix(500);
    struct dr_generate b = mix(500);
    struct dr_generate other = mix(500);

    CHECK_EQ(generate(&a, SIM_ONE_POOL, &one), DR_OK);
    CHECK_EQ(generate(&b, SIM_ONE_POOL, &two), DR_OK);
    CHECK_TEXT(dr_buffer_text(&one), dr_buffer_text(&two));
    other.seed = 2;
    CHECK_EQ(generate(&other, SIM_ONE_POOL, &two), DR_OK);
    CHECK(strcmp(dr_buffer_text(&one), dr_buffer_text(&two)) != 0);
}

/* A long one asks for the load that was asked for, by the kinds that the page says, more by day,
 * and all of it can run. */
TEST(a_trace_is_what_was_asked_for)
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_generate a = mix(40000);
    struct dr_trace *trace;
    struct dr_trace_row row;
    struct dr_error error = {0};
    double demand = 0;
    uint32_t interactive = 0, of_a = 0, day = 0, night = 0, rows = 0;

    CHECK_EQ(generate(&a, SIM_ONE_POOL, &text), DR_OK);
    CHECK_EQ(dr_trace_open(&trace, sim_file("again.csv", dr_buffer_text(&text)), &error), DR_OK);
    while (dr_trace_next(trace, &row, &error) == DR_OK) {
        int64_t hour = row.submit_us % DR_DAY_US / DR_HOUR_US;

        rows += 1;
        CHECK_EQ(row.job, rows);
        CHECK(row.tasks * row.accelerators_milli <= 8000);
        demand += row.tasks * (row.accelerators_milli / 1000.0) *
                  (double)(row.runtime_us < row.limit_us ? row.runtime_us : row.limit_us);
        of_a += strcmp(row.account, "a") == 0;
        if (strcmp(row.name, "interactive") == 0) {
            interactive += 1;
            CHECK_EQ(row.preemptible, strcmp(row.account, "a") != 0);
            day += hour >= 9 && hour < 18;
            night += hour < 6;
        }
    }
    dr_trace_close(trace);
    CHECK_EQ(rows, 40000);
    CHECK(fabs(demand / ((double)a.span_us * 16) - 0.9) < 0.1);
    CHECK(interactive > 4000 && interactive < 20000);
    CHECK(of_a > 20000);
    CHECK(day > 5 * night);
}

TEST(what_can_not_run_is_not_made)
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_generate a = mix(10);

    CHECK_EQ(generate(&a,
                      "federation:\n  name: nation\n  default_limit: 1h\n"
                      "sites:\n  seoul:\n    jurisdiction: kr\n    engine: simulated\n    pools:\n"
                      "      cpus:\n        nodes: 2\n        cpus: 32\n        memory: 256GB\n"
                      "accounts:\n  b:\n    weight: 1\nusers:\n  operator:\n    roles: [admin]\n",
                      &text),
             DR_E_INPUT);
}
