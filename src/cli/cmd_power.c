/* SPDX-License-Identifier: Apache-2.0 */
/* daero power: what sites and zones draw, and what they may. daero grid: caps for a time. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/job_options.h"
#include "cli/table.h"
#include "federation/federation.h"

const char *dr_show_watts(int64_t power_w)
{
    if (power_w >= 10000000)
        return dr_show_format("%.1f MW", (double)power_w / 1000000);
    if (power_w >= 10000)
        return dr_show_format("%.1f kW", (double)power_w / 1000);
    return dr_show_format("%lld W", (long long)power_w);
}

static const char *or_none(int64_t power_w)
{
    return power_w == 0 ? "-" : dr_show_watts(power_w);
}

/* ---- daero power ---- */

/* The next cap of a zone or site that is lower than what holds: "700.0 kW from ...". */
static const char *next_cap(const json_t *answer, const char *member, const char *name)
{
    int64_t now_us = dr_member_number(answer, "now_us");
    int64_t first_us = DR_FOREVER_US;
    int64_t cap_w = 0;
    json_t *cap;
    size_t i;

    json_array_foreach(json_object_get(answer, "caps"), i, cap)
    {
        int64_t from_us = dr_member_number(cap, "from_us");

        if (strcmp(dr_member_text(cap, member), name) != 0 || from_us <= now_us ||
            from_us >= first_us)
            continue;
        first_us = from_us;
        cap_w = dr_member_number(cap, "power_cap_w");
    }
    if (first_us == DR_FOREVER_US)
        return "-";
    return dr_show_format("%s from %s", dr_show_watts(cap_w), dr_show_instant(first_us));
}

static void power_row(struct dr_table *table, const json_t *answer, const json_t *place,
                      int is_zone)
{
    const char *name = dr_member_text(place, "name");
    int64_t missing_w = dr_member_number(place, "missing_w");

    dr_table_row(table);
    dr_table_cell(table, is_zone ? dr_show_format("zone %s", name) : name);
    dr_table_cell(table, is_zone ? "" : dr_member_text(place, "zone"));
    dr_table_cell(table, dr_show_watts(dr_member_number(place, "power_w")));
    dr_table_cell(table, or_none(dr_member_number(place, "power_cap_now_w")));
    dr_table_cell(table, next_cap(answer, is_zone ? "zone" : "site", name));
    if (missing_w == 0)
        dr_table_cell(table, "");
    else if (dr_member_number(place, "missing_from_us") <= dr_member_number(answer, "now_us"))
        dr_table_cell(table, dr_show_watts(missing_w));
    else
        dr_table_cell(table,
                      dr_show_format("%s from %s", dr_show_watts(missing_w),
                                     dr_show_instant(dr_member_number(place, "missing_from_us"))));
}

static int fetch(struct dr_cli *cli, json_t **answer)
{
    int code = dr_cli_ask(cli, "GET", "/v1/power", NULL, NULL, answer);

    if (code != DR_EXIT_OK || !cli->json)
        return code;
    dr_cli_print_json(cli, *answer);
    json_decref(*answer);
    *answer = NULL;
    return code;
}

int dr_cmd_power(struct dr_cli *cli)
{
    json_t *answer = NULL;
    json_t *place;
    struct dr_table *table;
    size_t i;
    int code = fetch(cli, &answer);

    if (answer == NULL)
        return code;
    table = dr_table_open(1);
    dr_table_column(table, "PLACE", 0);
    dr_table_column(table, "ZONE", 0);
    dr_table_column(table, "POWER", DR_TABLE_RIGHT);
    dr_table_column(table, "CAP", DR_TABLE_RIGHT);
    dr_table_column(table, "NEXT", 0);
    dr_table_column(table, "MISSING", 0);
    json_array_foreach(json_object_get(answer, "zones"), i, place)
        power_row(table, answer, place, 1);
    json_array_foreach(json_object_get(answer, "sites"), i, place)
        power_row(table, answer, place, 0);
    dr_table_print(table);
    json_decref(answer);
    return DR_EXIT_OK;
}

/* ---- daero grid ---- */

static int list(struct dr_cli *cli)
{
    json_t *answer = NULL;
    json_t *cap;
    struct dr_table *table;
    size_t i;
    int code = fetch(cli, &answer);

    if (answer == NULL)
        return code;
    table = dr_table_open(1);
    dr_table_column(table, "NAME", 0);
    dr_table_column(table, "PLACE", 0);
    dr_table_column(table, "CAP", DR_TABLE_RIGHT);
    dr_table_column(table, "FROM", 0);
    dr_table_column(table, "UNTIL", 0);
    dr_table_column(table, "OF THE FILE", 0);
    json_array_foreach(json_object_get(answer, "caps"), i, cap)
    {
        const char *zone = dr_member_text(cap, "zone");

        dr_table_row(table);
        dr_table_cell(table, dr_member_text(cap, "name"));
        dr_table_cell(table, json_is_string(json_object_get(cap, "zone"))
                                 ? dr_show_format("zone %s", zone)
                                 : dr_member_text(cap, "site"));
        dr_table_cell(table, dr_show_watts(dr_member_number(cap, "power_cap_w")));
        dr_table_cell(table, dr_show_instant(dr_member_number(cap, "from_us")));
        dr_table_cell(table, dr_show_instant(dr_member_number(cap, "until_us")));
        dr_table_cell(table, dr_member_text(cap, "declared"));
    }
    dr_table_print(table);
    json_decref(answer);
    return DR_EXIT_OK;
}

/* Is there a zone of that name? A site may have the same: then --zone or --site says which. */
static int is_zone(struct dr_cli *cli, const char *name, int *found)
{
    json_t *answer = NULL;
    json_t *zone;
    size_t i;
    int code = dr_cli_ask(cli, "GET", "/v1/power", NULL, NULL, &answer);

    *found = 0;
    if (code != DR_EXIT_OK)
        return code;
    json_array_foreach(json_object_get(answer, "zones"), i, zone) *found |=
        strcmp(dr_member_text(zone, "name"), name) == 0;
    json_decref(answer);
    return DR_EXIT_OK;
}

static int take_instant(struct dr_cli *cli, const char *option, int64_t *instant_us)
{
    const char *value = dr_cli_value(cli, option);

    if (value != NULL && dr_job_instant(value, dr_clock_us(), instant_us))
        return DR_EXIT_OK;
    return dr_cli_fail(cli, DR_EXIT_USAGE,
                       "--%s: found '%s', expected an instant: 2027-08-02T13:00:00+09:00, 16:00, "
                       "now+1h",
                       option, value == NULL ? "nothing" : value);
}

static int announce(struct dr_cli *cli)
{
    const char *place = cli->operands[1];
    const char *watts = dr_cli_value(cli, "watts");
    const char *name = dr_cli_value(cli, "name");
    const char *reason = dr_cli_value(cli, "reason");
    int64_t power_w = 0;
    int64_t from_us = 0;
    int64_t until_us = 0;
    int in_zone = 0;
    json_t *body;
    json_t *answer = NULL;
    char *text;
    int code;

    if (watts == NULL || !dr_parse_watts(watts, &power_w) || power_w == 0)
        return dr_cli_fail(cli, DR_EXIT_USAGE,
                           "--watts: found '%s', expected power: 700, 1.2kW, 3MW, 0.4GW",
                           watts == NULL ? "nothing" : watts);
    if ((code = take_instant(cli, "from", &from_us)) != DR_EXIT_OK ||
        (code = take_instant(cli, "until", &until_us)) != DR_EXIT_OK ||
        (code = is_zone(cli, place, &in_zone)) != DR_EXIT_OK)
        return code;
    body = json_pack("{s:s, s:I, s:I, s:I}", in_zone ? "zone" : "site", place, "power_cap_w",
                     (json_int_t)power_w, "from_us", (json_int_t)from_us, "until_us",
                     (json_int_t)until_us);
    if (name != NULL)
        json_object_set_new(body, "name", json_string(name));
    if (reason != NULL)
        json_object_set_new(body, "reason", json_string(reason));
    text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    code = dr_cli_ask(cli, "POST", "/v1/power/caps", NULL, text, &answer);
    free(text);
    if (code != DR_EXIT_OK)
        return code;
    if (cli->json)
        dr_cli_print_json(cli, answer);
    else
        puts(dr_member_text(answer, "name"));
    json_decref(answer);
    return DR_EXIT_OK;
}

int dr_cmd_grid(struct dr_cli *cli)
{
    const char *what = cli->operands[0];

    if (strcmp(what, "list") == 0 && cli->operands_count == 1)
        return list(cli);
    if (strcmp(what, "cap") == 0 && cli->operands_count == 2)
        return announce(cli);
    if (strcmp(what, "cancel") == 0 && cli->operands_count > 1)
        return dr_cli_act_on_each(cli, 1, "DELETE", "/v1/power/caps/", "");
    return dr_cli_fail(cli, DR_EXIT_USAGE,
                       "found '%s', expected list, cap PLACE, or cancel NAME...", what);
}
