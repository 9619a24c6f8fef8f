/* SPDX-License-Identifier: Apache-2.0 */
/* The forecast against what then happens. */
#include "serve/forecast.h"

#include <sys/wait.h>
#include <unistd.h>

#include "live_world.h"
#include "serve/ahead.h"
#include "test.h"

struct asked {
    struct dr_forecast_answer answer;
    int done;
};

static void answered(void *context, const struct dr_forecast_answer *answer)
{
    struct asked *asked = context;

    asked->answer = *answer;
    asked->done = 1;
}

static struct dr_forecast_answer ask(struct live_world *world, struct dr_forecast *forecast,
                                     uint64_t job, int64_t age_us_max)
{
    struct asked asked = {0};

    dr_forecast_ask(forecast, (dr_job_id){job}, age_us_max, answered, &asked);
    for (int turns = 0; turns < 1000 && !asked.done; turns += 1) {
        struct dr_error error = {0};

        CHECK_EQ(dr_controller_turn(world->controller, DR_SECOND_US / 100, &error), DR_OK);
    }
    CHECK(asked.done);
    return asked.answer;
}

/* Jobs that use their whole limits: the forecast is then exactly what comes. */
TEST(a_forecast_is_what_then_happens)
{
    struct live_world world;
    struct dr_error error = {0};
    struct dr_forecast *forecast;
    struct dr_forecast_answer answers[9];
    int64_t began_us;

    live_init(&world, 1, 4);
    CHECK_EQ(live_open(&world, &error), DR_OK);
    forecast = dr_forecast_open(world.controller);
    CHECK_EQ(live_run(&world, DR_SECOND_US), DR_OK);
    for (uint64_t job = 1; job <= 8; job += 1) {
        int64_t limit_us = (int64_t)job * 10 * DR_SECOND_US;

        CHECK_EQ(live_submit(&world,
                             &(struct live_job){.accelerators = job % 2 == 0 ? 4 : 2,
                                                .run_us = limit_us + DR_HOUR_US,
                                                .limit_us = limit_us},
                             NULL, NULL),
                 job);
    }
    CHECK_EQ(live_turn(&world), DR_OK);
    began_us = dr_controller_now_us(world.controller);
    for (uint64_t job = 1; job <= 8; job += 1)
        answers[job] = ask(&world, forecast, job, DR_HOUR_US);
    CHECK(live_drain(&world, DR_HOUR_US));
    for (uint64_t job = 1; job <= 8; job += 1) {
        const struct live_attempt *attempt = live_attempt(&world, job, 1);
        int64_t off_us;

        CHECK(attempt != NULL);
        if (attempt->start_us <= began_us) { /* it ran already */
            CHECK_EQ(answers[job].state, DR_FORECAST_BEYOND);
            continue;
        }
        CHECK_EQ(answers[job].state, DR_FORECAST_STARTS);
        off_us = answers[job].start_us - attempt->start_us;
        /* The world's clock moves in steps of a second. */
        if (off_us < -3 * DR_SECOND_US || off_us > 3 * DR_SECOND_US)
            fail_msg("job %d: off by %lld us", (int)job, (long long)off_us);
    }
    dr_forecast_close(forecast);
    live_deinit(&world);
}

TEST(one_forecast_serves_all_until_it_is_too_old)
{
    struct live_world world;
    struct dr_error error = {0};
    struct dr_forecast *forecast;
    struct dr_forecast_answer first;
    struct dr_forecast_answer second;

    live_init(&world, 1, 4);
    CHECK_EQ(live_open(&world, &error), DR_OK);
    forecast = dr_forecast_open(world.controller);
    for (uint64_t job = 1; job <= 3; job += 1)
        CHECK_EQ(live_submit(&world, &(struct live_job){.accelerators = 4, .run_us = DR_HOUR_US},
                             NULL, NULL),
                 job);
    first = ask(&world, forecast, 2, DR_MINUTE_US);
    CHECK_EQ(first.state, DR_FORECAST_STARTS);
    CHECK_EQ(live_run(&world, 30 * DR_SECOND_US), DR_OK);
    second = ask(&world, forecast, 3, DR_MINUTE_US);
    CHECK_EQ(second.state, DR_FORECAST_STARTS);
    CHECK_EQ(second.made_us, first.made_us);
    CHECK(second.start_us > first.start_us);
    second = ask(&world, forecast, 3, DR_SECOND_US);
    CHECK(second.made_us > first.made_us);
    /* A job that the last forecast could not know. */
    CHECK_EQ(live_submit(&world, &(struct live_job){.accelerators = 4}, NULL, NULL), 4);
    second = ask(&world, forecast, 4, DR_HOUR_US);
    CHECK_EQ(second.state, DR_FORECAST_STARTS);
    dr_forecast_close(forecast);
    live_deinit(&world);
}

TEST(what_can_not_start_lies_beyond)
{
    struct live_world world;
    struct dr_error error = {0};
    struct dr_forecast *forecast;
    struct dr_forecast_answer answer;

    live_init(&world, 1, 4);
    CHECK_EQ(live_open(&world, &error), DR_OK);
    forecast = dr_forecast_open(world.controller);
    CHECK_EQ(live_submit(&world, &(struct live_job){.hold = 1}, NULL, NULL), 1);
    answer = ask(&world, forecast, 1, 0);
    CHECK_EQ(answer.state, DR_FORECAST_BEYOND);
    CHECK_EQ(answer.horizon_us, 30 * DR_DAY_US);
    answer = ask(&world, forecast, 99, DR_HOUR_US);
    CHECK_EQ(answer.state, DR_FORECAST_NONE);
    /* The child ran ahead on a copy: nothing of it is in the living state. */
    CHECK_EQ(dr_core_hash(dr_controller_core(world.controller)), live_hash_of_facts(&world));
    dr_forecast_close(forecast);
    live_deinit(&world);
}

/* An asker that does not wait for its answer, and a forecast closed with its child at work. */
TEST(a_forecast_may_be_closed_at_any_time)
{
    struct live_world world;
    struct dr_error error = {0};
    struct dr_forecast *forecast;
    struct asked asked = {0};

    live_init(&world, 1, 4);
    CHECK_EQ(live_open(&world, &error), DR_OK);
    forecast = dr_forecast_open(world.controller);
    CHECK_EQ(live_submit(&world, &(struct live_job){.hold = 1}, NULL, NULL), 1);
    dr_forecast_ask(forecast, (dr_job_id){1}, 0, answered, &asked);
    dr_forecast_close(forecast);
    CHECK_EQ(live_turn(&world), DR_OK);
    CHECK_EQ(asked.done, 0);
    live_deinit(&world);
}

static int running_ahead(struct live_world *world, int64_t cpu_us, enum ahead_end expected)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        struct ahead ahead = {0};
        int64_t horizon_us = dr_controller_now_us(world->controller) + DR_DAY_US;
        enum ahead_end end;

        ahead_begin(&ahead, world->controller);
        end = ahead_run(&ahead, horizon_us, cpu_us);
        _exit(end == expected && (ahead.now_us == horizon_us) == (end == AHEAD_HORIZON) ? 0 : 1);
    }
    CHECK(child > 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* It ends at its horizon, or where its CPU time is used up, and says which. */
TEST(running_ahead_is_bounded)
{
    struct live_world world;
    struct dr_error error = {0};

    live_init(&world, 1, 4);
    CHECK_EQ(live_open(&world, &error), DR_OK);
    for (int i = 0; i < 3; i += 1)
        live_submit(&world, &(struct live_job){.accelerators = 4, .run_us = DR_HOUR_US}, NULL,
                    NULL);
    CHECK(running_ahead(&world, DR_HOUR_US, AHEAD_HORIZON));
    CHECK(running_ahead(&world, -1, AHEAD_CPU));
    live_deinit(&world);
}
