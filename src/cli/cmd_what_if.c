/* SPDX-License-Identifier: Apache-2.0 */
/* daero what-if: what would change, and for whom, if the federation were another? */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/options.h"
#include "cli/table.h"
#include "federation/federation.h"
#include "serve/what_if.h"

#define JOBS_SHOWN 20

/* ---- the wish ---- */

/* "seoul/h200:16": what stands before and after the last `mark`, in `copy`. */
static int split(const char *value, char mark, char *copy, size_t bytes, char **after)
{
    size_t length = strlen(value);

    if (length >= bytes)
        return 0;
    memcpy(copy, value, length + 1);
    *after = strrchr(copy, mark);
    if (*after == NULL || *after == copy || (*after)[1] == '\0')
        return 0;
    **after = '\0';
    *after += 1;
    return 1;
}

static json_t *add_of(const char *value)
{
    char copy[300];
    char *nodes;
    int64_t count;

    if (!split(value, ':', copy, sizeof copy, &nodes) || strchr(copy, '/') == NULL ||
        !dr_parse_i64(nodes, 1, 1 << 20, &count))
        return NULL;
    return json_pack("{s:s, s:I}", "pool", copy, "nodes", (json_int_t)count);
}

static json_t *quota_of(const char *value)
{
    char copy[300];
    char *change;
    char *group;

    if (!split(value, '=', copy, sizeof copy, &change))
        return NULL;
    group = strchr(copy, '/');
    if (group != NULL)
        *group++ = '\0';
    return json_pack("{s:s, s:s, s:s*}", "account", copy, "change", change, "group", group);
}

static json_t *cap_of(const char *value)
{
    char copy[300];
    char *power;
    int64_t watts = 0;

    if (!split(value, '=', copy, sizeof copy, &power) ||
        (strcmp(power, "none") != 0 && (!dr_parse_watts(power, &watts) || watts == 0)))
        return NULL;
    return json_pack("{s:s, s:I}", "site", copy, "power_cap_w", (json_int_t)watts);
}

static json_t *drain_of(const char *value)
{
    return value[0] == '\0' ? NULL : json_string(value);
}

static const struct {
    const char *name;
    json_t *(*read)(const char *value);
    const char *expected;
} CHANGES[] = {
    {"add", add_of, "SITE/POOL:NODES, like seoul/h200:16"},
    {"quota", quota_of,
     "ACCOUNT=CHANGE or ACCOUNT/GROUP=CHANGE, like academia=+10%, physics/h200=64"},
    {"cap", cap_of, "SITE=POWER, like seoul=3MW, or SITE=none"},
    {"drain", drain_of, "a node, or SITE/POOL"},
};

/* All that was given of one kind. The exit code. */
static int take_changes(const struct dr_cli *cli, json_t *wish, uint32_t kind)
{
    const char *name = CHANGES[kind].name;

    for (uint32_t i = 0; i < cli->given_count; i += 1) {
        const char *value = cli->given[i].value;
        json_t *item;

        if (strcmp(cli->given[i].option->name, name) != 0)
            continue;
        item = CHANGES[kind].read(value);
        if (item == NULL)
            return dr_cli_fail(cli, DR_EXIT_USAGE, "--%s: found '%s', expected %s", name, value,
                               CHANGES[kind].expected);
        if (json_object_get(wish, name) == NULL)
            json_object_set_new(wish, name, json_array());
        json_array_append_new(json_object_get(wish, name), item);
    }
    return DR_EXIT_OK;
}

static int take_federation(const struct dr_cli *cli, json_t *wish)
{
    struct dr_buffer yaml DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_error_list errors DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_federation *federation = NULL;
    const char *path = dr_cli_value(cli, "federation");

    if (path == NULL)
        return DR_EXIT_OK;
    /* Mistakes are found here as by `daero check`, and the controller finds them again. */
    if (dr_federation_read(&federation, path, &errors, NULL) != DR_OK)
        return dr_cli_fail_all(cli, DR_EXIT_USAGE, &errors);
    dr_federation_close(federation);
    dr_buffer_init(&yaml, DR_FEDERATION_BYTES_MAX);
    if (dr_buffer_read_file(&yaml, path) != DR_OK)
        return dr_cli_fail(cli, DR_EXIT_USAGE, "%s can't be read", path);
    json_object_set_new(wish, "federation", json_stringn(dr_buffer_text(&yaml), yaml.length));
    return DR_EXIT_OK;
}

static int take_wish(const struct dr_cli *cli, json_t *wish)
{
    int64_t horizon_us = 0;
    int code = take_federation(cli, wish);

    for (uint32_t kind = 0; kind < DR_COUNT_OF(CHANGES) && code == DR_EXIT_OK; kind += 1)
        code = take_changes(cli, wish, kind);
    if (code != DR_EXIT_OK)
        return code;
    if (json_object_size(wish) == 0)
        return dr_cli_fail(cli, DR_EXIT_USAGE,
                           "found no change, expected --add, --quota, --cap, --drain or "
                           "--federation");
    if (!dr_option_duration(cli, "horizon", WHAT_IF_HORIZON_MIN_US, &horizon_us))
        return DR_EXIT_USAGE;
    if (horizon_us > WHAT_IF_HORIZON_MAX_US)
        return dr_cli_fail(cli, DR_EXIT_USAGE, "--horizon: found '%s', expected at most 30d",
                           dr_cli_value(cli, "horizon"));
    if (horizon_us > 0)
        json_object_set_new(wish, "horizon_us", json_integer(horizon_us));
    return DR_EXIT_OK;
}

/* ---- the answer ---- */

static const char *hours(const json_t *object)
{
    return dr_show_format("%.1f",
                          (double)dr_member_number(object, "accelerator_hours_milli") / 1000);
}

static const char *wait_of(const json_t *object)
{
    return dr_show_duration(dr_member_number(object, "wait_us_mean"));
}

static const char *energy_of(const json_t *world)
{
    char text[DR_TEXT_BYTES];

    return dr_show_format("%s", dr_format_energy(dr_member_number(world, "energy_j"), text));
}

static const char *cost_of(const json_t *world)
{
    char text[DR_TEXT_BYTES];

    return dr_show_format("%s", dr_format_money(dr_member_number(world, "cost_micro"), text));
}

static const char *accelerators_of(const json_t *world)
{
    return dr_show_milli(dr_member_number(world, "accelerators_milli"));
}

static const char *allocated_of(const json_t *world)
{
    return dr_show_format("%.1f %%", (double)dr_member_number(world, "allocated_permille") / 10);
}

static const char *started_of(const json_t *world)
{
    return dr_member_text(world, "started");
}

static const char *taken_of(const json_t *world)
{
    return dr_member_text(world, "taken");
}

static const char *reached_of(const json_t *world)
{
    return dr_show_instant(dr_member_number(world, "reached_us"));
}

static void print_worlds(const json_t *answer)
{
    static const struct {
        const char *label;
        const char *(*show)(const json_t *world);
    } rows[] = {
        {"waiting jobs that start", started_of}, {"mean wait from now on", wait_of},
        {"jobs told to leave", taken_of},        {"accelerators", accelerators_of},
        {"of them given out", allocated_of},     {"accelerator-hours", hours},
        {"energy of jobs", energy_of},           {"its cost", cost_of},
        {"looked ahead until", reached_of},
    };
    struct dr_table *table = dr_table_open(1);

    dr_table_column(table, "FEDERATION", 0);
    dr_table_column(table, "AS IS", DR_TABLE_RIGHT);
    dr_table_column(table, "CHANGED", DR_TABLE_RIGHT);
    for (uint32_t i = 0; i < DR_COUNT_OF(rows); i += 1) {
        dr_table_row(table);
        dr_table_cell(table, rows[i].label);
        dr_table_cell(table, rows[i].show(json_object_get(answer, "as_is")));
        dr_table_cell(table, rows[i].show(json_object_get(answer, "changed")));
    }
    dr_table_print(table);
}

static void print_accounts(const json_t *answer)
{
    const json_t *accounts = json_object_get(answer, "accounts");
    struct dr_table *table;
    json_t *account;
    size_t i;

    if (json_array_size(accounts) == 0)
        return;
    table = dr_table_open(1);
    dr_table_column(table, "ACCOUNT", 0);
    dr_table_column(table, "WAITING", DR_TABLE_RIGHT);
    dr_table_column(table, "EARLIER", DR_TABLE_RIGHT);
    dr_table_column(table, "LATER", DR_TABLE_RIGHT);
    dr_table_column(table, "WAIT AS IS", DR_TABLE_RIGHT);
    dr_table_column(table, "CHANGED", DR_TABLE_RIGHT);
    dr_table_column(table, "ACC HOURS AS IS", DR_TABLE_RIGHT);
    dr_table_column(table, "CHANGED", DR_TABLE_RIGHT);
    json_array_foreach(accounts, i, account)
    {
        const json_t *as_is = json_object_get(account, "as_is");
        const json_t *changed = json_object_get(account, "changed");
        int waits = dr_member_number(account, "waiting") > 0;

        dr_table_row(table);
        dr_table_cell(table, dr_member_text(account, "account"));
        dr_table_cell(table, dr_member_text(account, "waiting"));
        dr_table_cell(table, dr_member_text(account, "earlier"));
        dr_table_cell(table, dr_member_text(account, "later"));
        dr_table_cell(table, waits ? wait_of(as_is) : "");
        dr_table_cell(table, waits ? wait_of(changed) : "");
        dr_table_cell(table, hours(as_is));
        dr_table_cell(table, hours(changed));
    }
    putchar('\n');
    dr_table_print(table);
}

static const char *watts_of(const json_t *site, const char *member)
{
    return json_is_object(site) ? dr_show_watts(dr_member_number(site, member)) : "";
}

static void print_sites(const json_t *answer)
{
    struct dr_table *table = dr_table_open(1);
    json_t *site;
    size_t i;

    dr_table_column(table, "SITE", 0);
    dr_table_column(table, "MEAN POWER AS IS", DR_TABLE_RIGHT);
    dr_table_column(table, "CHANGED", DR_TABLE_RIGHT);
    dr_table_column(table, "MOST AS IS", DR_TABLE_RIGHT);
    dr_table_column(table, "CHANGED", DR_TABLE_RIGHT);
    json_array_foreach(json_object_get(answer, "sites"), i, site)
    {
        const json_t *as_is = json_object_get(site, "as_is");
        const json_t *changed = json_object_get(site, "changed");

        dr_table_row(table);
        dr_table_cell(table, dr_member_text(site, "name"));
        dr_table_cell(table, watts_of(as_is, "power_w_mean"));
        dr_table_cell(table, watts_of(changed, "power_w_mean"));
        dr_table_cell(table, watts_of(as_is, "power_w_most"));
        dr_table_cell(table, watts_of(changed, "power_w_most"));
    }
    putchar('\n');
    dr_table_print(table);
}

static const char *moment(const json_t *job, const char *member, const char *never)
{
    return json_is_integer(json_object_get(job, member))
               ? dr_show_clock(dr_member_number(job, member))
               : never;
}

static const char *shift(const json_t *job)
{
    const json_t *as_is = json_object_get(job, "as_is_us");
    const json_t *changed = json_object_get(job, "changed_us");
    int64_t by_us = json_integer_value(changed) - json_integer_value(as_is);

    if (!json_is_integer(as_is) || !json_is_integer(changed))
        return "";
    if (by_us == 0)
        return "same";
    return dr_show_format("%s %s", dr_show_duration(by_us < 0 ? -by_us : by_us),
                          by_us < 0 ? "earlier" : "later");
}

/* Some jobs of a list, with the moment at which something comes to them. */
static void print_jobs(const json_t *answer, const char *member, const char *title,
                       const char *never)
{
    const json_t *jobs = json_object_get(answer, member);
    struct dr_table *table;
    json_t *job;
    size_t i;

    if (json_array_size(jobs) == 0)
        return;
    printf("\n%s\n", title);
    table = dr_table_open(1);
    dr_table_column(table, "JOB", DR_TABLE_RIGHT);
    dr_table_column(table, "ACCOUNT", 0);
    dr_table_column(table, "USER", 0);
    dr_table_column(table, "AS IS", 0);
    dr_table_column(table, "CHANGED", 0);
    dr_table_column(table, "SHIFT", 0);
    json_array_foreach(jobs, i, job)
    {
        if (i == JOBS_SHOWN)
            break;
        dr_table_row(table);
        dr_table_cell(table, dr_member_text(job, "job"));
        dr_table_cell(table, dr_member_text(job, "account"));
        dr_table_cell(table, dr_member_text(job, "user"));
        dr_table_cell(table, moment(job, "as_is_us", never));
        dr_table_cell(table, moment(job, "changed_us", never));
        dr_table_cell(table, shift(job));
    }
    dr_table_print(table);
    if (json_array_size(jobs) > JOBS_SHOWN)
        puts("... more with --json");
}

/* A world that ended before the horizon: its hours and watts are of another time. */
static void print_ends(const json_t *answer)
{
    static const char *const worlds[][2] = {{"as_is", "as it is"}, {"changed", "changed"}};
    int cut = 0;

    for (uint32_t i = 0; i < DR_COUNT_OF(worlds); i += 1) {
        const json_t *world = json_object_get(answer, worlds[i][0]);

        if (dr_member_true(world, "horizon_reached"))
            continue;
        cut = 1;
        printf(
            "\nThe federation %s could be looked ahead until %s alone: its CPU time was used up.",
            worlds[i][1], dr_show_instant(dr_member_number(world, "reached_us")));
    }
    if (cut)
        puts("\nHours, energy and power above are of different times; give a shorter --horizon.");
}

static void print_answer(const json_t *answer)
{
    json_t *change;
    size_t i;

    json_array_foreach(json_object_get(answer, "changes"), i, change)
        printf("%s %s: %s\n", dr_member_text(change, "kind"), dr_member_text(change, "name"),
               dr_member_text(change, "text"));
    if (json_array_size(json_object_get(answer, "changes")) == 0)
        puts("nothing: the federation is so already");
    printf("\nFrom %s on, with each job using its whole limit and nothing new submitted:\n"
           "of %s waiting jobs %s would start earlier and %s later.\n\n",
           dr_show_instant(dr_member_number(answer, "made_us")), dr_member_text(answer, "waiting"),
           dr_member_text(answer, "earlier"), dr_member_text(answer, "later"));
    print_worlds(answer);
    print_accounts(answer);
    print_sites(answer);
    print_jobs(answer, "jobs", "Waiting jobs that would start at another time:", "not by then");
    print_jobs(answer, "running",
               "Running jobs that would be told to leave at another time:", "stays");
    print_jobs(answer, "own", "Your waiting jobs:", "not by then");
    print_ends(answer);
}

int dr_cmd_what_if(struct dr_cli *cli)
{
    json_t *origins = json_pack("{s:s, s:s, s:s, s:s, s:s}", "add", "--add", "quota", "--quota",
                                "cap", "--cap", "drain", "--drain", "horizon_us", "--horizon");
    json_t *wish = json_object();
    json_t *answer = NULL;
    int code = take_wish(cli, wish);

    if (code == DR_EXIT_OK) {
        char *text = json_dumps(wish, JSON_COMPACT);

        cli->origins = origins;
        code = dr_cli_ask(cli, "POST", "/v1/what-if", NULL, text, &answer);
        cli->origins = NULL;
        free(text);
    }
    if (answer != NULL && cli->json)
        dr_cli_print_json(cli, answer);
    else if (answer != NULL)
        print_answer(answer);
    json_decref(answer);
    json_decref(wish);
    json_decref(origins);
    return code;
}
