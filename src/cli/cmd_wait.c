/* SPDX-License-Identifier: Apache-2.0 */
/* daero wait */
#include <poll.h>

#include "base/text.h"
#include "cli/wait.h"
#include "core/types.h"

#define AWAY_MAX_US (60 * DR_SECOND_US) /* how long a controller may be away before we give up */

int dr_wait_ended(const char *state)
{
    static const char *const names[] = {
#define DR_ENUM(name, text) #name,
        DR_JOB_STATES(DR_ENUM)
#undef DR_ENUM
    };

    for (uint32_t i = 0; i < DR_COUNT_OF(names); i += 1) {
        if (strcmp(state, names[i]) == 0)
            return dr_job_state_ended((enum dr_job_state)i);
    }
    return 0;
}

int dr_wait_exit_code(const json_t *job)
{
    const char *state = dr_member_text(job, "state");
    int64_t code = dr_member_number(job, "exit_code");
    int64_t signal = dr_member_number(job, "signal");

    if (strcmp(state, "COMPLETED") == 0)
        return 0;
    if (strcmp(state, "FAILED") != 0)
        return 1;
    if (signal > 0)
        return (int)(128 + signal);
    return code > 0 && code < 256 ? (int)code : 1;
}

/* Ask for one job. A controller that was there and went away is asked again until it is back. */
static int ask_for(struct dr_cli *cli, uint64_t job, int *reached, json_t **answer)
{
    struct dr_client *client = dr_cli_client(cli);
    char path[64];
    struct dr_call call = {.method = "GET", .path = path};
    int64_t away_since = 0;

    if (client == NULL)
        return DR_EXIT_USAGE;
    snprintf(path, sizeof path, "/v1/jobs/%llu", (unsigned long long)job);
    for (;;) {
        struct dr_reply reply = {0};
        struct dr_error error = {0};
        enum dr_status status = dr_client_call(client, &call, &reply, &error);
        int code = DR_EXIT_OK;

        if (status == DR_OK && reply.status == 200) {
            *reached = 1;
            *answer = json_loadb((const char *)reply.body.data, reply.body.length, 0, NULL);
            dr_buffer_deinit(&reply.body);
            if (*answer == NULL)
                return dr_cli_fail(cli, DR_EXIT_FAILED, "the controller's answer is no JSON");
            return DR_EXIT_OK;
        }
        if (status == DR_OK && reply.status < 500)
            code = dr_cli_refused(cli, &reply);
        dr_buffer_deinit(&reply.body);
        if (code != DR_EXIT_OK)
            return code;
        if (away_since == 0)
            away_since = dr_monotonic_us();
        if ((!*reached && status == DR_E_MISSING) || status == DR_E_DENIED ||
            dr_monotonic_us() - away_since > AWAY_MAX_US)
            return dr_cli_fail_error(
                cli, status == DR_E_DENIED ? DR_EXIT_DENIED : DR_EXIT_UNREACHABLE, &error);
        poll(NULL, 0, 500);
    }
}

int dr_wait_jobs(struct dr_cli *cli, uint64_t job, uint64_t count,
                 void (*each)(struct dr_cli *cli, const json_t *job))
{
    int worst = 0;
    int reached = 0; /* there was a controller, which may come back */

    for (uint64_t i = 0; i < count; i += 1) {
        int pause_ms = 5;

        for (;;) {
            json_t *answer = NULL;
            int code = ask_for(cli, job + i, &reached, &answer);
            int ended;

            if (code != DR_EXIT_OK)
                return code;
            ended = dr_wait_ended(dr_member_text(answer, "state"));
            if (ended) {
                code = dr_wait_exit_code(answer);
                if (code > worst)
                    worst = code;
                if (each != NULL)
                    each(cli, answer);
            }
            json_decref(answer);
            if (ended)
                break;
            /* Quick at first, since most who wait have short jobs; then twice a second. */
            poll(NULL, 0, pause_ms);
            if (pause_ms < 500)
                pause_ms = pause_ms * 3 / 2 + 1;
        }
    }
    return worst;
}

static void print_end(struct dr_cli *cli, const json_t *job)
{
    const char *state = dr_member_text(job, "state");

    if (cli->json) {
        json_dumpf(job, stdout, JSON_COMPACT);
        putchar('\n');
    } else if (strcmp(state, "FAILED") == 0 && dr_member_number(job, "signal") > 0) {
        printf("%s %s signal %s\n", dr_member_text(job, "job"), state,
               dr_member_text(job, "signal"));
    } else if (strcmp(state, "FAILED") == 0 && dr_member_number(job, "start_us") == 0) {
        printf("%s %s, it never ran\n", dr_member_text(job, "job"), state);
    } else if (strcmp(state, "FAILED") == 0) {
        printf("%s %s exit code %s\n", dr_member_text(job, "job"), state,
               dr_member_text(job, "exit_code"));
    } else {
        printf("%s %s\n", dr_member_text(job, "job"), state);
    }
    fflush(stdout);
}

static int wait_one(struct dr_cli *cli, uint64_t job)
{
    return dr_wait_jobs(cli, job, 1, print_end);
}

int dr_cmd_wait(struct dr_cli *cli)
{
    return dr_cli_each_job(cli, wait_one);
}
