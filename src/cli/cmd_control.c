/* SPDX-License-Identifier: Apache-2.0 */
/* daero cancel, hold, release, drain, resume: small requests with a reason. */
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

int dr_cmd_drain(struct dr_cli *cli)
{
    return dr_cli_act_on_each(cli, 0, "POST", "/v1/nodes/", "/drain");
}

int dr_cmd_resume(struct dr_cli *cli)
{
    return dr_cli_act_on_each(cli, 0, "POST", "/v1/nodes/", "/resume");
}
