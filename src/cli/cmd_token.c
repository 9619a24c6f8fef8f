/* SPDX-License-Identifier: Apache-2.0 */
/* daero token: issue, list, revoke. */
#include <ctype.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/table.h"

static int issue(struct dr_cli *cli)
{
    const char *user = dr_cli_value(cli, "user");
    const char *roles = dr_cli_value(cli, "roles");
    const char *ttl = dr_cli_value(cli, "ttl");
    const char *label = dr_cli_value(cli, "label");
    int64_t ttl_us = 30 * DR_DAY_US;
    json_t *body;
    json_t *answer = NULL;
    char *text;
    int code;

    if (ttl != NULL && (!dr_parse_duration_us(ttl, &ttl_us) || ttl_us <= 0))
        return dr_cli_fail(cli, DR_EXIT_USAGE, "--ttl: found '%s', expected a duration such as 30d",
                           ttl);
    body = json_object();
    json_object_set_new(body, "ttl_us", json_integer(ttl_us));
    if (user != NULL)
        json_object_set_new(body, "user", json_string(user));
    if (label != NULL)
        json_object_set_new(body, "label", json_string(label));
    if (roles != NULL) {
        json_t *list = json_array();
        char copy[256];
        char *cursor = copy;
        char *role;

        snprintf(copy, sizeof copy, "%s", roles);
        while ((role = strsep(&cursor, ",")) != NULL)
            json_array_append_new(list, json_string(role));
        json_object_set_new(body, "roles", list);
    }
    text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    code = dr_cli_ask(cli, "POST", "/v1/tokens", NULL, text, &answer);
    free(text);
    if (code != DR_EXIT_OK)
        return code;
    if (cli->json)
        dr_cli_print_json(cli, answer);
    else
        puts(dr_member_text(answer, "token"));
    json_decref(answer);
    return DR_EXIT_OK;
}

static int list(struct dr_cli *cli)
{
    json_t *answer = NULL;
    json_t *token;
    struct dr_table *table;
    size_t i;
    int code = dr_cli_ask(cli, "GET", "/v1/tokens", NULL, NULL, &answer);

    if (code != DR_EXIT_OK)
        return code;
    if (cli->json) {
        dr_cli_print_json(cli, answer);
        json_decref(answer);
        return DR_EXIT_OK;
    }
    table = dr_table_open(1);
    dr_table_column(table, "ID", DR_TABLE_RIGHT);
    dr_table_column(table, "USER", 0);
    dr_table_column(table, "ROLES", 0);
    dr_table_column(table, "LABEL", 0);
    dr_table_column(table, "ENDS", 0);
    dr_table_column(table, "REVOKED", 0);
    json_array_foreach(json_object_get(answer, "tokens"), i, token)
    {
        struct dr_buffer roles DR_CLEANUP(dr_buffer_deinit) = {0};
        json_t *role;
        size_t j;

        dr_buffer_init(&roles, 256);
        json_array_foreach(json_object_get(token, "roles"), j, role)
        {
            /* As --roles takes them: "account-admin". */
            dr_buffer_append_text(&roles, j > 0 ? "," : "");
            for (const char *at = json_string_value(role); at != NULL && *at != '\0'; at += 1)
                dr_buffer_printf(&roles, "%c", *at == '_' ? '-' : tolower((unsigned char)*at));
        }
        dr_table_row(table);
        dr_table_cell(table, dr_member_text(token, "id"));
        dr_table_cell(table, dr_member_text(token, "user"));
        dr_table_cell(table, dr_buffer_text(&roles));
        dr_table_cell(table, dr_member_text(token, "label"));
        dr_table_cell(table, dr_show_instant(dr_member_number(token, "expires_us")));
        dr_table_cell(table, dr_member_text(token, "revoked"));
    }
    dr_table_print(table);
    json_decref(answer);
    return DR_EXIT_OK;
}

/* All numbers are looked at before the first token is taken back. */
static int revoke(struct dr_cli *cli)
{
    for (uint32_t i = 1; i < cli->operands_count; i += 1) {
        int64_t id;

        if (!dr_parse_i64(cli->operands[i], 1, UINT32_MAX, &id))
            return dr_cli_fail(cli, DR_EXIT_USAGE,
                               "found '%s', expected a token's number, as `daero token list` shows",
                               cli->operands[i]);
        cli->operands[i] += strspn(cli->operands[i], "+0"); /* a path has the digits alone */
    }
    return dr_cli_act_on_each(cli, 1, "DELETE", "/v1/tokens/", "");
}

int dr_cmd_token(struct dr_cli *cli)
{
    const char *what = cli->operands[0];

    if (strcmp(what, "issue") == 0 && cli->operands_count == 1)
        return issue(cli);
    if (strcmp(what, "list") == 0 && cli->operands_count == 1)
        return list(cli);
    if (strcmp(what, "revoke") == 0 && cli->operands_count > 1)
        return revoke(cli);
    return dr_cli_fail(cli, DR_EXIT_USAGE, "found '%s', expected issue, list, or revoke ID...",
                       what);
}
