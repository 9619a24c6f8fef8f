/* SPDX-License-Identifier: Apache-2.0 */
/* daero nodes, sites, accounts, usage, apply: what there is, who may use it, and who did. */
#include "base/math.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/table.h"

/* GET a path; with --json print the answer and leave `*answer` NULL. */
static int fetch(struct dr_cli *cli, const char *path, json_t **answer)
{
    int code = dr_cli_ask(cli, "GET", path, NULL, NULL, answer);

    if (code == DR_EXIT_OK && cli->json) {
        dr_cli_print_json(cli, *answer);
        json_decref(*answer);
        *answer = NULL;
    }
    return code;
}

static int path_with(struct dr_cli *cli, struct dr_buffer *path, const char *start,
                     const char *filter)
{
    const char *value = dr_cli_value(cli, filter);

    dr_buffer_init(path, 4096);
    dr_buffer_append_text(path, start);
    if (value != NULL) {
        dr_buffer_printf(path, "?%s=", filter);
        dr_cli_escape(path, value);
    }
    return !path->full;
}

/* A name, and whether what bears it is on its way out. */
static const char *leaving(const json_t *object, const char *name, const char *flag)
{
    const char *text = dr_member_text(object, name);

    return dr_member_true(object, flag) ? dr_show_format("%s (leaving)", text) : text;
}

/* "summer from 08-02 13:00", once it has begun "summer until 08-02 18:00" */
static const char *reserved(const json_t *reservation)
{
    int begun = dr_member_true(reservation, "begun");

    if (!json_is_object(reservation))
        return "";
    return dr_show_format(
        "%s %s %s", dr_member_text(reservation, "name"), begun ? "until" : "from",
        dr_show_instant(dr_member_number(reservation, begun ? "until_us" : "from_us")));
}

int dr_cmd_nodes(struct dr_cli *cli)
{
    struct dr_buffer path DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_table *table;
    json_t *answer = NULL;
    json_t *node;
    size_t i;
    int code;

    if (!path_with(cli, &path, "/v1/nodes", "site"))
        return dr_cli_fail(cli, DR_EXIT_USAGE, "--site: the name is too long");
    code = fetch(cli, dr_buffer_text(&path), &answer);
    if (answer == NULL)
        return code;
    table = dr_table_open(1);
    dr_table_column(table, "NODE", 0);
    dr_table_column(table, "SITE", 0);
    dr_table_column(table, "POOL", 0);
    dr_table_column(table, "STATE", 0);
    dr_table_column(table, "CHIP", 0);
    dr_table_column(table, "FREE", DR_TABLE_RIGHT);
    dr_table_column(table, "OF", DR_TABLE_RIGHT);
    dr_table_column(table, "CPUS USED", DR_TABLE_RIGHT);
    dr_table_column(table, "OF", DR_TABLE_RIGHT);
    dr_table_column(table, "MEMORY USED", DR_TABLE_RIGHT);
    dr_table_column(table, "OF", DR_TABLE_RIGHT);
    dr_table_column(table, "TASKS", DR_TABLE_RIGHT);
    dr_table_column(table, "RESERVED", 0);
    dr_table_column(table, "REASON", DR_TABLE_CUT);
    json_array_foreach(json_object_get(answer, "nodes"), i, node)
    {
        const char *chip = dr_member_text(node, "chip");

        dr_table_row(table);
        dr_table_cell(table, dr_member_text(node, "name"));
        dr_table_cell(table, dr_member_text(node, "site"));
        dr_table_cell(table, leaving(node, "pool", "pool_leaving"));
        dr_table_cell(table, dr_member_text(node, "state"));
        dr_table_cell(table, dr_member_true(node, "virtual") ? dr_show_format("%s (virtual)", chip)
                                                             : chip);
        dr_table_cell(table, dr_member_text(node, "accelerators_free"));
        dr_table_cell(table, dr_member_text(node, "accelerators"));
        dr_table_cell(table, dr_show_milli(dr_member_number(node, "cpus_used_milli")));
        dr_table_cell(table, dr_show_milli(dr_member_number(node, "cpus_milli")));
        dr_table_cell(table, dr_show_memory(dr_member_number(node, "memory_used_mb")));
        dr_table_cell(table, dr_show_memory(dr_member_number(node, "memory_mb")));
        dr_table_cell(table, dr_member_text(node, "tasks"));
        dr_table_cell(table, reserved(json_object_get(node, "reservation")));
        dr_table_cell(table, dr_member_text(node, "reason"));
    }
    dr_table_print(table);
    json_decref(answer);
    return DR_EXIT_OK;
}

#define SLOW_US DR_SECOND_US /* an answer that takes so long is worth a word */

/* Does it answer: in one word. Of a site on this machine nothing more is known. */
static const char *answers_word(const json_t *site)
{
    const json_t *health = json_object_get(site, "health");

    if (dr_member_true(site, "answers"))
        return dr_member_number(health, "lag_us") >= SLOW_US ? "slowly" : "yes";
    return json_is_object(health) && dr_member_number(health, "heard_us") == 0 ? "never" : "no";
}

static const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

/* How a site does whose engine has a word of its own, in a sentence: what it says, or what it said
 * when it was heard last, what that means for jobs, and the last error. */
static void print_health(const json_t *site)
{
    const json_t *health = json_object_get(site, "health");
    int64_t heard_us = dr_member_number(health, "heard_us");
    int64_t nodes = dr_member_number(site, "nodes");
    int64_t usable = dr_member_number(health, "nodes_usable");
    int64_t unreachable = dr_member_number(site, "unreachable");
    int64_t foreign = dr_member_number(health, "foreign_jobs");
    int64_t unordered = dr_member_number(health, "unordered_attempts");
    const char *error = dr_member_text(health, "error");
    int answers = dr_member_true(site, "answers");

    if (!json_is_object(health))
        return;
    printf("%s: ", dr_member_text(site, "name"));
    if (heard_us == 0)
        printf("not heard yet: nothing is known of its nodes");
    else if (answers)
        printf("answers%s in %lld ms, heard %s ago",
               dr_member_number(health, "lag_us") >= SLOW_US ? " slowly," : "",
               (long long)(dr_member_number(health, "lag_us") + 999) / 1000,
               dr_show_duration(dr_max_i64(dr_clock_us() - heard_us, 0)));
    else
        printf("silent for %s, since %s", dr_show_duration(dr_max_i64(dr_clock_us() - heard_us, 0)),
               dr_show_clock(heard_us));
    if (heard_us != 0)
        printf("; %s%lld of %lld node%s usable", answers ? "" : "as it said then, ",
               (long long)usable, (long long)nodes, plural(nodes));
    if (!answers)
        printf("; nothing is sent there");
    if (unreachable > 0)
        printf("; %lld job%s UNREACHABLE: they wait for it (`daero lost` gives them up)",
               (long long)unreachable, plural(unreachable));
    if (foreign > 0)
        printf("; %lld job%s of others there", (long long)foreign, plural(foreign));
    if (unordered > 0)
        printf("; %lld attempt%s there that %s never ordered from here, left alone",
               (long long)unordered, plural(unordered), unordered == 1 ? "was" : "were");
    if (answers && !dr_member_true(health, "agreed") && heard_us != 0)
        printf("; not agreed yet about what runs");
    if (error[0] != '\0')
        printf("; last error: %s", error);
    printf("\n");
}

int dr_cmd_sites(struct dr_cli *cli)
{
    struct dr_table *table;
    json_t *answer = NULL;
    json_t *site;
    size_t i;
    int code = fetch(cli, "/v1/sites", &answer);

    if (answer == NULL)
        return code;
    table = dr_table_open(1);
    dr_table_column(table, "SITE", 0);
    dr_table_column(table, "OPERATOR", 0);
    dr_table_column(table, "REGION", 0);
    dr_table_column(table, "LAW", 0);
    dr_table_column(table, "ENGINE", 0);
    dr_table_column(table, "ANSWERS", 0);
    dr_table_column(table, "NODES UP", DR_TABLE_RIGHT);
    dr_table_column(table, "ACC FREE", DR_TABLE_RIGHT);
    dr_table_column(table, "OF", DR_TABLE_RIGHT);
    dr_table_column(table, "CPUS FREE", DR_TABLE_RIGHT);
    dr_table_column(table, "OF", DR_TABLE_RIGHT);
    dr_table_column(table, "RUNNING", DR_TABLE_RIGHT);
    dr_table_column(table, "POWER", DR_TABLE_RIGHT);
    dr_table_column(table, "CAP", DR_TABLE_RIGHT);
    json_array_foreach(json_object_get(answer, "sites"), i, site)
    {
        int64_t cap_w = dr_member_number(site, "power_cap_w");
        int answers = dr_member_true(site, "answers");

        dr_table_row(table);
        dr_table_cell(table, leaving(site, "name", "leaving"));
        dr_table_cell(table, dr_member_text(site, "operator"));
        dr_table_cell(table, dr_member_text(site, "region"));
        dr_table_cell(table, dr_member_text(site, "jurisdiction"));
        dr_table_cell(table, dr_member_text(site, "engine"));
        dr_table_cell(table, answers_word(site));
        /* What is up and free at a silent site nobody knows, and nobody can have. */
        dr_table_cell(table,
                      dr_show_format("%s of %s", answers ? dr_member_text(site, "nodes_up") : "?",
                                     dr_member_text(site, "nodes")));
        dr_table_cell(table, answers ? dr_member_text(site, "accelerators_free") : "?");
        dr_table_cell(table, dr_member_text(site, "accelerators"));
        dr_table_cell(table,
                      answers ? dr_show_milli(dr_member_number(site, "cpus_free_milli")) : "?");
        dr_table_cell(table, dr_show_milli(dr_member_number(site, "cpus_milli")));
        dr_table_cell(table, dr_member_text(site, "running"));
        dr_table_cell(table, dr_show_watts(dr_member_number(site, "power_w")));
        dr_table_cell(table, cap_w == 0 ? "-" : dr_show_watts(cap_w));
    }
    dr_table_print(table);
    json_array_foreach(json_object_get(answer, "sites"), i, site)
    {
        print_health(site);
        if (dr_member_text(site, "engine_text")[0] != '\0')
            printf("%s: %s\n", dr_member_text(site, "name"), dr_member_text(site, "engine_text"));
    }
    json_decref(answer);
    return DR_EXIT_OK;
}

/* An amount of a group: memory in MB, all else in thousandths. */
static const char *amount(const json_t *group, const char *member)
{
    const json_t *value = json_object_get(group, member);

    if (json_is_null(value) || value == NULL)
        return "no limit";
    if (strcmp(dr_member_text(group, "resource"), "MEMORY") == 0)
        return dr_show_memory(json_integer_value(value));
    return dr_show_milli(json_integer_value(value));
}

/* Jobs that it may have, pending and running, with those of the accounts below it. */
static const char *jobs_max(const json_t *account)
{
    return dr_member_number(account, "jobs_max") > 0 ? dr_member_text(account, "jobs_max") : "-";
}

static int group_matters(const json_t *group)
{
    return dr_member_number(group, "guarantee") > 0 || dr_member_number(group, "use") > 0 ||
           dr_member_number(group, "claim") > 0 ||
           json_is_integer(json_object_get(group, "borrow")) ||
           json_is_integer(json_object_get(group, "lend"));
}

/* Guarantees with a term: what of the above is theirs, and what is to come. */
static void print_allocations(const json_t *answer)
{
    char from[DR_TEXT_BYTES];
    char until[DR_TEXT_BYTES];
    json_t *allocation;
    json_t *one;
    size_t i;
    size_t j;

    json_array_foreach(json_object_get(answer, "allocations"), i, allocation)
    {
        printf("allocation %s of %s, %s, from %s until %s:", dr_member_text(allocation, "name"),
               dr_member_text(allocation, "account"),
               dr_member_true(allocation, "active") ? "counted above" : "not counted now",
               dr_format_instant(dr_member_number(allocation, "from_us"), from),
               dr_format_instant(dr_member_number(allocation, "until_us"), until));
        json_array_foreach(json_object_get(allocation, "amounts"), j, one) printf(
            "%s %s %s", j == 0 ? "" : ",", dr_member_text(one, "group"), amount(one, "amount"));
        printf("\n");
    }
}

int dr_cmd_accounts(struct dr_cli *cli)
{
    int all = dr_cli_value(cli, "all") != NULL;
    struct dr_table *table;
    json_t *answer = NULL;
    json_t *account;
    size_t i;
    int code = fetch(cli, "/v1/accounts", &answer);

    if (answer == NULL)
        return code;
    table = dr_table_open(1);
    dr_table_column(table, "ACCOUNT", 0);
    dr_table_column(table, "WEIGHT", DR_TABLE_RIGHT);
    dr_table_column(table, "PENDING", DR_TABLE_RIGHT);
    dr_table_column(table, "RUNNING", DR_TABLE_RIGHT);
    dr_table_column(table, "AT MOST", DR_TABLE_RIGHT);
    dr_table_column(table, "GROUP", 0);
    dr_table_column(table, "GUARANTEE", DR_TABLE_RIGHT);
    dr_table_column(table, "MAY BORROW", DR_TABLE_RIGHT);
    dr_table_column(table, "LENDS", DR_TABLE_RIGHT);
    dr_table_column(table, "USES", DR_TABLE_RIGHT);
    json_array_foreach(json_object_get(answer, "accounts"), i, account)
    {
        json_t *group;
        size_t j;
        int lines = 0;

        json_array_foreach(json_object_get(account, "groups"), j, group)
        {
            if (!all && !group_matters(group))
                continue;
            dr_table_row(table);
            dr_table_cell(table, lines > 0
                                     ? " "
                                     : dr_show_format("%*s%s",
                                                      (int)(2 * dr_member_number(account, "depth")),
                                                      "", leaving(account, "name", "leaving")));
            dr_table_cell(
                table, lines > 0 ? " " : dr_show_milli(dr_member_number(account, "weight_milli")));
            dr_table_cell(table, lines > 0 ? " " : dr_member_text(account, "pending"));
            dr_table_cell(table, lines > 0 ? " " : dr_member_text(account, "running"));
            dr_table_cell(table, lines > 0 ? " " : jobs_max(account));
            dr_table_cell(table, dr_member_text(group, "group"));
            dr_table_cell(table, amount(group, "guarantee"));
            dr_table_cell(table, amount(group, "borrow"));
            dr_table_cell(table, json_is_integer(json_object_get(group, "lend"))
                                     ? amount(group, "lend")
                                     : "all");
            dr_table_cell(table, amount(group, "use"));
            lines += 1;
        }
        if (lines > 0)
            continue;
        dr_table_row(table);
        dr_table_cell(table, dr_show_format("%*s%s", (int)(2 * dr_member_number(account, "depth")),
                                            "", leaving(account, "name", "leaving")));
        dr_table_cell(table, dr_show_milli(dr_member_number(account, "weight_milli")));
        dr_table_cell(table, dr_member_text(account, "pending"));
        dr_table_cell(table, dr_member_text(account, "running"));
        dr_table_cell(table, jobs_max(account));
    }
    dr_table_print(table);
    print_allocations(answer);
    json_decref(answer);
    return DR_EXIT_OK;
}

/* "12 COMPLETED, 1 FAILED" */
static const char *ends(const json_t *row)
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    const char *state;
    json_t *count;

    dr_buffer_init(&text, 240);
    json_object_foreach(json_object_get(row, "jobs_ended"), state, count)
    {
        if (json_integer_value(count) > 0)
            dr_buffer_printf(&text, "%s%lld %s", text.length > 0 ? ", " : "",
                             (long long)json_integer_value(count), state);
    }
    return dr_show_format("%s", dr_buffer_text(&text));
}

int dr_cmd_usage(struct dr_cli *cli)
{
    struct dr_buffer path DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_table *table;
    json_t *answer = NULL;
    json_t *row;
    char text[DR_TEXT_BYTES];
    size_t i;
    int code;

    if (!path_with(cli, &path, "/v1/usage", "account"))
        return dr_cli_fail(cli, DR_EXIT_USAGE, "--account: the name is too long");
    code = fetch(cli, dr_buffer_text(&path), &answer);
    if (answer == NULL)
        return code;
    table = dr_table_open(1);
    dr_table_column(table, "ACCOUNT", 0);
    dr_table_column(table, "ENDED", DR_TABLE_CUT);
    dr_table_column(table, "RUNNING", DR_TABLE_RIGHT);
    dr_table_column(table, "STARTS", DR_TABLE_RIGHT);
    dr_table_column(table, "TAKEN BACK", DR_TABLE_RIGHT);
    dr_table_column(table, "MEAN WAIT", DR_TABLE_RIGHT);
    dr_table_column(table, "ACC HOURS", DR_TABLE_RIGHT);
    dr_table_column(table, "CPU HOURS", DR_TABLE_RIGHT);
    dr_table_column(table, "ENERGY", DR_TABLE_RIGHT);
    dr_table_column(table, dr_show_format("COST %s", dr_member_text(answer, "currency")),
                    DR_TABLE_RIGHT);
    json_array_foreach(json_object_get(answer, "usage"), i, row)
    {
        dr_table_row(table);
        dr_table_cell(table, dr_member_text(row, "account"));
        dr_table_cell(table, ends(row));
        dr_table_cell(table, dr_member_text(row, "running_now"));
        dr_table_cell(table, dr_member_text(row, "starts"));
        dr_table_cell(table, dr_member_text(row, "preempted"));
        dr_table_cell(table, dr_show_duration(dr_member_number(row, "wait_us_mean")));
        dr_table_cell(table, dr_show_milli(dr_member_number(row, "accelerator_hours_milli")));
        dr_table_cell(table, dr_show_milli(dr_member_number(row, "cpu_hours_milli")));
        dr_table_cell(
            table, dr_show_format("%s", dr_format_energy(dr_member_number(row, "energy_j"), text)));
        dr_table_cell(table, dr_show_format(
                                 "%s", dr_format_money(dr_member_number(row, "cost_micro"), text)));
    }
    dr_table_print(table);
    json_decref(answer);
    return DR_EXIT_OK;
}

int dr_cmd_apply(struct dr_cli *cli)
{
    const char *reason = dr_cli_value(cli, "reason");
    int dry_run = dr_cli_value(cli, "dry-run") != NULL;
    struct dr_buffer yaml DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_buffer headers DR_CLEANUP(dr_buffer_deinit) = {0};
    json_t *answer = NULL;
    json_t *change;
    size_t i;
    int code;
    enum dr_status status;

    dr_buffer_init(&yaml, 16u << 20);
    dr_buffer_init(&headers, 16u << 10);
    status = dr_buffer_read_file(&yaml, cli->operands[0]);
    if (status != DR_OK)
        return dr_cli_fail(cli, DR_EXIT_USAGE, "%s: %s", cli->operands[0],
                           status == DR_E_MISSING ? "there is no such file"
                           : status == DR_E_FULL  ? "the file is larger than 16 MB"
                                                  : "the file can't be read");
    if (strlen(dr_buffer_text(&yaml)) != yaml.length)
        return dr_cli_fail(cli, DR_EXIT_USAGE, "%s: found a NUL byte, expected YAML",
                           cli->operands[0]);
    if (reason != NULL) {
        dr_buffer_append_text(&headers, "X-Daero-Reason: ");
        dr_cli_escape(&headers, reason);
        dr_buffer_append_text(&headers, "\r\n");
    }
    code = dr_cli_ask(cli, "POST", dry_run ? "/v1/federation?dry_run=1" : "/v1/federation",
                      headers.length > 0 ? dr_buffer_text(&headers) : NULL, dr_buffer_text(&yaml),
                      &answer);
    if (code != DR_EXIT_OK)
        return code;
    if (cli->json) {
        dr_cli_print_json(cli, answer);
    } else {
        json_array_foreach(json_object_get(answer, "changes"), i, change)
        {
            printf("%s %s: %s\n", dr_member_text(change, "kind"), dr_member_text(change, "name"),
                   dr_member_text(change, "text"));
        }
        if (json_array_size(json_object_get(answer, "changes")) == 0)
            puts("nothing differs");
        else if (!dr_member_true(answer, "applied"))
            puts("nothing was changed");
    }
    json_decref(answer);
    return DR_EXIT_OK;
}
