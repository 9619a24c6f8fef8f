/* SPDX-License-Identifier: Apache-2.0 */
/* daero cancel, hold, release, lost, drain, resume: small requests with a reason. */
#include "base/text.h"
#include "cli/cli.h"

static int on_job(struct dr_cli *cli, const char *method, uint64_t job, const char *action)
{
    char path[96];

    snprintf(path, sizeof path, "/v1/jobs/%llu%s", (unsigned long long)job, action);
    return dr_cli_act(cli, method, path);
}

static int cancel_one(struct dr_cli *cli, uint64_t job)
{
    return on_job(cli, "DELETE", job, "");
}

static int cancel_array(struct dr_cli *cli, uint64_t job)
{
    char body[64];
    json_t *answer = NULL;
    int code;

    snprintf(body, sizeof body, "{\"array\":%llu}", (unsigned long long)job);
    code = dr_cli_ask(cli, "POST", "/v1/jobs/cancel", NULL, body, &answer);
    if (code == DR_EXIT_OK && cli->json)
        dr_cli_print_json(cli, answer);
    json_decref(answer);
    return code;
}

static int hold_one(struct dr_cli *cli, uint64_t job)
{
    return on_job(cli, "POST", job, "/hold");
}

static int release_one(struct dr_cli *cli, uint64_t job)
{
    return on_job(cli, "POST", job, "/release");
}

int dr_cmd_cancel(struct dr_cli *cli)
{
    return dr_cli_each_job(cli, dr_cli_value(cli, "array") != NULL ? cancel_array : cancel_one);
}

int dr_cmd_hold(struct dr_cli *cli)
{
    return dr_cli_each_job(cli, hold_one);
}

int dr_cmd_release(struct dr_cli *cli)
{
    return dr_cli_each_job(cli, release_one);
}

/* All that is UNREACHABLE at a site, in as many requests as it takes. */
static int lost_at(struct dr_cli *cli, const char *site)
{
    char path[160];
    int64_t left = 1;

    if (!dr_name_valid(site))
        return dr_cli_fail(cli, DR_EXIT_UNKNOWN,
                           "there is no '%s', expected a job's number or the name of a site", site);
    snprintf(path, sizeof path, "/v1/sites/%s/lost", site);
    while (left > 0) {
        json_t *answer = NULL;
        int code = dr_cli_act_answered(cli, "POST", path, &answer);

        left = dr_member_number(answer, "left");
        json_decref(answer);
        if (code != DR_EXIT_OK)
            return code;
    }
    return DR_EXIT_OK;
}

int dr_cmd_lost(struct dr_cli *cli)
{
    int worst = DR_EXIT_OK;

    for (uint32_t i = 0; i < cli->operands_count; i += 1) {
        int64_t job;
        int code;

        if (dr_parse_i64(cli->operands[i], 1, INT64_MAX, &job))
            code = on_job(cli, "POST", (uint64_t)job, "/lost");
        else
            code = lost_at(cli, cli->operands[i]);
        worst = code > worst ? code : worst;
    }
    return worst;
}

int dr_cmd_drain(struct dr_cli *cli)
{
    return dr_cli_act_on_each(cli, 0, "POST", "/v1/nodes/", "/drain");
}

int dr_cmd_resume(struct dr_cli *cli)
{
    return dr_cli_act_on_each(cli, 0, "POST", "/v1/nodes/", "/resume");
}
