/* SPDX-License-Identifier: Apache-2.0 */
/* daero cancel, hold, release, drain, resume: small requests with a reason. */
#include "cli/cli.h"

/* {"reason": "..."}, to be freed; NULL when none was given. */
static char *reason_body(const struct dr_cli *cli)
{
    const char *reason = dr_cli_value(cli, "reason");
    json_t *body;
    char *text;

    if (reason == NULL)
        return NULL;
    body = json_pack("{s:s}", "reason", reason);
    text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return text;
}

static int send(struct dr_cli *cli, const char *method, const char *path, const char *body)
{
    json_t *answer = NULL;
    int code = dr_cli_ask(cli, method, path, NULL, body, &answer);

    if (code == DR_EXIT_OK && cli->json)
        dr_cli_print_json(cli, answer);
    json_decref(answer);
    return code;
}

static int on_job(struct dr_cli *cli, const char *method, uint64_t job, const char *action)
{
    char path[96];
    char *body = reason_body(cli);
    int code;

    snprintf(path, sizeof path, "/v1/jobs/%llu%s", (unsigned long long)job, action);
    code = send(cli, method, path, body);
    free(body);
    return code;
}

static int cancel_one(struct dr_cli *cli, uint64_t job)
{
    return on_job(cli, "DELETE", job, "");
}

static int cancel_array(struct dr_cli *cli, uint64_t job)
{
    char body[64];

    snprintf(body, sizeof body, "{\"array\":%llu}", (unsigned long long)job);
    return send(cli, "POST", "/v1/jobs/cancel", body);
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

static int on_nodes(struct dr_cli *cli, const char *action)
{
    int worst = DR_EXIT_OK;

    for (uint32_t i = 0; i < cli->operands_count; i += 1) {
        struct dr_buffer path DR_CLEANUP(dr_buffer_deinit) = {0};
        char *body = reason_body(cli);
        int code;

        dr_buffer_init(&path, 4096);
        dr_buffer_append_text(&path, "/v1/nodes/");
        dr_cli_escape(&path, cli->operands[i]);
        dr_buffer_printf(&path, "/%s", action);
        code = send(cli, "POST", dr_buffer_text(&path), body);
        free(body);
        if (code > worst)
            worst = code;
    }
    return worst;
}

int dr_cmd_drain(struct dr_cli *cli)
{
    return on_nodes(cli, "drain");
}

int dr_cmd_resume(struct dr_cli *cli)
{
    return on_nodes(cli, "resume");
}
