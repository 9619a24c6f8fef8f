/* SPDX-License-Identifier: Apache-2.0 */
/* daero reserve: nodes for accounts, or for maintenance, for a time. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/job_options.h"
#include "cli/table.h"

#define RUNS_SHOWN 8

/* "physics,medicine", or "maintenance" */
static void put_whom(struct dr_buffer *text, const json_t *reservation)
{
    json_t *account;
    size_t i;

    if (dr_member_true(reservation, "maintenance"))
        dr_buffer_append_text(text, "maintenance");
    json_array_foreach(json_object_get(reservation, "accounts"), i, account)
        dr_buffer_printf(text, "%s%s", i == 0 ? "" : ",", json_string_value(account));
}

/* "gpu001-gpu016,gpu020", or the site or pool whose nodes they all are. */
static void put_where(struct dr_buffer *text, const json_t *reservation)
{
    const json_t *runs = json_object_get(reservation, "runs");
    int of_pool = json_is_string(json_object_get(reservation, "pool"));
    json_t *run;
    size_t i;

    if (json_array_size(runs) == 0)
        dr_buffer_append_text(text, dr_member_text(reservation, of_pool ? "pool" : "site"));
    json_array_foreach(runs, i, run)
    {
        if (i == RUNS_SHOWN) {
            dr_buffer_append_text(text, ",...");
            break;
        }
        dr_buffer_printf(text, "%s%s", i == 0 ? "" : ",", dr_member_text(run, "first"));
        if (dr_member_number(run, "count") > 1)
            dr_buffer_printf(text, "-%s", dr_member_text(run, "last"));
    }
}

static int list(struct dr_cli *cli)
{
    json_t *answer = NULL;
    json_t *reservation;
    struct dr_table *table;
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    size_t i;
    int code = dr_cli_ask(cli, "GET", "/v1/reservations", NULL, NULL, &answer);

    if (code != DR_EXIT_OK)
        return code;
    if (cli->json) {
        dr_cli_print_json(cli, answer);
        json_decref(answer);
        return DR_EXIT_OK;
    }
    dr_buffer_init(&text, 4096);
    table = dr_table_open(1);
    dr_table_column(table, "NAME", 0);
    dr_table_column(table, "FOR", 0);
    dr_table_column(table, "NODES", DR_TABLE_RIGHT);
    dr_table_column(table, "WHERE", 0);
    dr_table_column(table, "FROM", 0);
    dr_table_column(table, "UNTIL", 0);
    dr_table_column(table, "OTHERS", DR_TABLE_RIGHT);
    dr_table_column(table, "OTHERS UNTIL", 0);
    json_array_foreach(json_object_get(answer, "reservations"), i, reservation)
    {
        int64_t until_us = dr_member_number(reservation, "others_until_us");

        dr_table_row(table);
        dr_table_cell(table, dr_member_text(reservation, "name"));
        dr_buffer_clear(&text);
        put_whom(&text, reservation);
        dr_table_cell(table, dr_buffer_text(&text));
        dr_table_cell(table, dr_member_text(reservation, "nodes"));
        dr_buffer_clear(&text);
        put_where(&text, reservation);
        dr_table_cell(table, dr_buffer_text(&text));
        dr_table_cell(table, dr_show_instant(dr_member_number(reservation, "from_us")));
        dr_table_cell(table, dr_show_instant(dr_member_number(reservation, "until_us")));
        dr_table_cell(table, dr_member_text(reservation, "others"));
        dr_table_cell(table, until_us == 0  ? "-"
                             : until_us < 0 ? "unknown"
                                            : dr_show_instant(until_us));
    }
    dr_table_print(table);
    json_decref(answer);
    return DR_EXIT_OK;
}

/* ---- creating one ---- */

static int take_instant(struct dr_cli *cli, const char *option, json_t *body, const char *member)
{
    const char *value = dr_cli_value(cli, option);
    int64_t instant_us = 0;

    if (value == NULL && strcmp(option, "from") == 0)
        return DR_EXIT_OK; /* now */
    if (value == NULL || !dr_job_instant(value, dr_clock_us(), &instant_us))
        return dr_cli_fail(cli, DR_EXIT_USAGE,
                           "--%s: found '%s', expected an instant: 2027-08-02T13:00:00+09:00, "
                           "16:00, now+1h",
                           option, value == NULL ? "nothing" : value);
    json_object_set_new(body, member, json_integer(instant_us));
    return DR_EXIT_OK;
}

static int is_site(struct dr_cli *cli, const char *name, int *found)
{
    json_t *answer = NULL;
    json_t *site;
    size_t i;
    int code = dr_cli_ask(cli, "GET", "/v1/sites", NULL, NULL, &answer);

    *found = 0;
    if (code != DR_EXIT_OK)
        return code;
    json_array_foreach(json_object_get(answer, "sites"), i, site) *found |=
        strcmp(dr_member_text(site, "name"), name) == 0;
    json_decref(answer);
    return DR_EXIT_OK;
}

/* SITE, SITE/POOL, or nodes. */
static int take_place(struct dr_cli *cli, json_t *body)
{
    const char *place = cli->operands[1];
    int site = 0;
    int code = DR_EXIT_OK;
    json_t *nodes;

    if (cli->operands_count == 2 && strchr(place, '/') != NULL) {
        json_object_set_new(body, "pool", json_string(place));
        return DR_EXIT_OK;
    }
    if (cli->operands_count == 2)
        code = is_site(cli, place, &site);
    if (code != DR_EXIT_OK)
        return code;
    if (site) {
        json_object_set_new(body, "site", json_string(place));
        return DR_EXIT_OK;
    }
    nodes = json_array();
    for (uint32_t i = 1; i < cli->operands_count; i += 1)
        json_array_append_new(nodes, json_string(cli->operands[i]));
    json_object_set_new(body, "nodes", nodes);
    return DR_EXIT_OK;
}

static int take_accounts(struct dr_cli *cli, json_t *body)
{
    const char *names = dr_cli_value(cli, "account");
    int maintenance = dr_cli_value(cli, "maintenance") != NULL;
    json_t *accounts;

    if ((names != NULL) == maintenance)
        return dr_cli_fail(cli, DR_EXIT_USAGE,
                           "found %s --account %s --maintenance, expected one of them",
                           maintenance ? "both" : "neither", maintenance ? "and" : "nor");
    if (maintenance) {
        json_object_set_new(body, "maintenance", json_true());
        return DR_EXIT_OK;
    }
    accounts = json_array();
    while (*names != '\0') {
        size_t length = strcspn(names, ",");

        json_array_append_new(accounts, json_stringn(names, length));
        names += length + (names[length] == ',');
    }
    json_object_set_new(body, "accounts", accounts);
    return DR_EXIT_OK;
}

static int take_count(struct dr_cli *cli, json_t *body)
{
    const char *value = dr_cli_value(cli, "nodes");
    int64_t count = 0;

    if (value == NULL)
        return DR_EXIT_OK;
    if (!dr_parse_i64(value, 1, UINT32_MAX, &count))
        return dr_cli_fail(cli, DR_EXIT_USAGE, "--nodes: found '%s', expected a number from 1",
                           value);
    json_object_set_new(body, "count", json_integer(count));
    return DR_EXIT_OK;
}

static void say_made(const json_t *answer)
{
    int64_t others = dr_member_number(answer, "others");
    int64_t until_us = dr_member_number(answer, "others_until_us");
    const json_t *jobs = json_object_get(answer, "jobs");
    json_t *job;
    size_t i;

    puts(dr_member_text(answer, "name"));
    if (others == 0)
        return;
    fprintf(stderr, "%lld job%s of others %s believed to be there when it begins",
            (long long)others, others == 1 ? "" : "s", others == 1 ? "is" : "are");
    if (until_us > 0)
        fprintf(stderr, ", until %s", dr_show_instant(until_us));
    fputs(json_array_size(jobs) > 0 ? ":" : "", stderr);
    json_array_foreach(jobs, i, job) fprintf(stderr, " %lld", (long long)json_integer_value(job));
    fputs(dr_member_true(answer, "evict") ? "; they are told to leave in time\n"
                                          : "; it waits for them\n",
          stderr);
}

static int create(struct dr_cli *cli)
{
    static const char *const copied[] = {"name", "level", "reason"};
    json_t *body = json_object();
    json_t *answer = NULL;
    char *text;
    int code;

    for (uint32_t i = 0; i < DR_COUNT_OF(copied); i += 1)
        if (dr_cli_value(cli, copied[i]) != NULL)
            json_object_set_new(body, copied[i], json_string(dr_cli_value(cli, copied[i])));
    if (dr_cli_value(cli, "evict") != NULL)
        json_object_set_new(body, "evict", json_true());
    if (dr_cli_value(cli, "force") != NULL)
        json_object_set_new(body, "force", json_true());
    if ((code = take_accounts(cli, body)) != DR_EXIT_OK ||
        (code = take_count(cli, body)) != DR_EXIT_OK ||
        (code = take_instant(cli, "from", body, "from_us")) != DR_EXIT_OK ||
        (code = take_instant(cli, "until", body, "until_us")) != DR_EXIT_OK ||
        (code = take_place(cli, body)) != DR_EXIT_OK) {
        json_decref(body);
        return code;
    }
    text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    code = dr_cli_ask(cli, "POST", "/v1/reservations", NULL, text, &answer);
    free(text);
    if (code != DR_EXIT_OK)
        return code;
    if (cli->json)
        dr_cli_print_json(cli, answer);
    else
        say_made(answer);
    json_decref(answer);
    return DR_EXIT_OK;
}

int dr_cmd_reserve(struct dr_cli *cli)
{
    const char *what = cli->operands[0];

    if (strcmp(what, "list") == 0 && cli->operands_count == 1)
        return list(cli);
    if (strcmp(what, "create") == 0 && cli->operands_count > 1)
        return create(cli);
    if (strcmp(what, "drop") == 0 && cli->operands_count > 1)
        return dr_cli_act_on_each(cli, 1, "DELETE", "/v1/reservations/", "");
    if (strcmp(what, "list") == 0)
        return dr_cli_fail(cli, DR_EXIT_USAGE, "found '%s' after list, expected nothing more",
                           cli->operands[1]);
    if (strcmp(what, "create") == 0 || strcmp(what, "drop") == 0)
        return dr_cli_fail(cli, DR_EXIT_USAGE, "found nothing after %s, expected %s", what,
                           strcmp(what, "drop") == 0 ? "names of advance reservations"
                                                     : "a site, SITE/POOL, or nodes");
    return dr_cli_fail(cli, DR_EXIT_USAGE,
                       "found '%s', expected list, create PLACE..., or drop NAME...", what);
}
