/* SPDX-License-Identifier: Apache-2.0 */
/* daero why: the reason in words, what would free it, and the forecast with its age. */
#include "base/math.h"
#include "base/text.h"
#include "cli/wait.h"

static void sentence(const char *text)
{
    size_t length = strlen(text);

    if (length == 0)
        return;
    printf("%s%s\n", text, strchr(".!?", text[length - 1]) != NULL ? "" : ".");
}

/* What is down comes back when somebody brings it back: no forecast knows when. */
static int waits_for_what_is_down(const json_t *why)
{
    const json_t *hold;
    size_t i;

    json_array_foreach(json_object_get(why, "holds"), i, hold)
    {
        if (strcmp(dr_member_text(hold, "reason"), "SITE_DOWN") == 0)
            return 1;
    }
    return 0;
}

static void print_forecast(const json_t *why, const json_t *forecast)
{
    const char *state = dr_member_text(forecast, "state");
    const char *age =
        dr_show_duration(dr_max_i64(dr_clock_us() - dr_member_number(forecast, "made_us"), 0));
    int64_t start_us = dr_member_number(forecast, "start_us");

    if (strcmp(state, "STARTS") == 0)
        printf("Expected start: %s, in %s (a forecast %s old; it takes every job to use its whole "
               "limit).\n",
               dr_show_clock(start_us), dr_show_duration(dr_max_i64(start_us - dr_clock_us(), 0)),
               age);
    else if (strcmp(state, "BEYOND") == 0 && waits_for_what_is_down(why))
        puts("Expected start: nobody knows; it waits for what does not answer or is down.");
    else if (strcmp(state, "BEYOND") == 0)
        printf("Expected start: not before %s, as far as the forecast looks (%s old).\n",
               dr_show_instant(dr_member_number(forecast, "made_us") +
                               dr_member_number(forecast, "horizon_us")),
               age);
    else if (strcmp(state, "NONE") == 0)
        printf("Expected start: not known yet; the forecast (%s old) is older than the job.\n",
               age);
}

/* What holds it, and what would free it: all of the holds have to go. */
static void print_holds(const json_t *why)
{
    const json_t *holds = json_object_get(why, "holds");
    const json_t *hold;
    size_t count = json_array_size(holds);
    const char *last = "";
    size_t i;

    printf("Job %s waits: ", dr_member_text(why, "job"));
    if (count == 0)
        printf("%s", dr_member_text(why, "reason"));
    json_array_foreach(holds, i, hold)
    {
        const char *reason = dr_member_text(hold, "reason");

        if (strcmp(reason, last) != 0)
            printf("%s%s", i == 0 ? "" : ", ", reason);
        last = reason;
    }
    putchar('\n');
    if (count == 0)
        sentence(dr_member_text(why, "text"));
    json_array_foreach(holds, i, hold)
    {
        if (count > 1)
            printf("%zu. ", i + 1);
        sentence(dr_member_text(hold, "text"));
        if (dr_member_text(hold, "frees")[0] != '\0') {
            printf("%sWhat would free it: ", count > 1 ? "   " : "");
            sentence(dr_member_text(hold, "frees"));
        }
    }
    if (count > 1)
        printf("All %zu have to go before it starts.\n", count);
    if (!json_is_true(json_object_get(why, "ever")))
        puts("The ends of other jobs alone will never let it start.");
    if (dr_member_number(why, "before") > 0 &&
        strcmp(dr_member_text(why, "reason"), "PRIORITY") != 0)
        printf("%lld job%s of its account come%s before it.\n",
               (long long)dr_member_number(why, "before"),
               dr_member_number(why, "before") == 1 ? "" : "s",
               dr_member_number(why, "before") == 1 ? "s" : "");
}

static void print_why(const json_t *why)
{
    const char *state = dr_member_text(why, "state");
    const json_t *forecast = json_object_get(why, "forecast");

    if (strcmp(state, "PENDING") != 0) {
        printf("Job %s is %s", dr_member_text(why, "job"), state);
        if (dr_member_text(why, "text")[0] != '\0')
            printf(": %s", dr_member_text(why, "text"));
        puts(".");
        if (dr_member_number(why, "give_up_us") > 0)
            printf("It is given up at %s.\n", dr_show_clock(dr_member_number(why, "give_up_us")));
        return;
    }
    print_holds(why);
    if (dr_member_number(why, "reserved_us") > 0)
        printf("It holds a reservation for %s.\n",
               dr_show_clock(dr_member_number(why, "reserved_us")));
    if (json_is_object(forecast))
        print_forecast(why, forecast);
}

static int why_one(struct dr_cli *cli, uint64_t job)
{
    const char *age = dr_cli_value(cli, "age");
    int64_t age_us = 10 * DR_SECOND_US;
    char path[128];
    json_t *answer = NULL;
    int code;

    if (age != NULL && (!dr_parse_duration_us(age, &age_us) || age_us < 0))
        return dr_cli_fail(cli, DR_EXIT_USAGE, "--age: found '%s', expected a duration such as 10s",
                           age);
    if (dr_cli_value(cli, "no-forecast") != NULL)
        snprintf(path, sizeof path, "/v1/jobs/%llu/why", (unsigned long long)job);
    else
        snprintf(path, sizeof path, "/v1/jobs/%llu/why?forecast=1&age_us=%lld",
                 (unsigned long long)job, (long long)age_us);
    code = dr_cli_ask(cli, "GET", path, NULL, NULL, &answer);
    if (code == DR_EXIT_OK && cli->json)
        dr_cli_print_json(cli, answer);
    else if (code == DR_EXIT_OK)
        print_why(answer);
    json_decref(answer);
    return code;
}

int dr_cmd_why(struct dr_cli *cli)
{
    return dr_cli_each_job(cli, why_one);
}
