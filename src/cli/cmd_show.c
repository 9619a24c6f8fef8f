/* SPDX-License-Identifier: Apache-2.0 */
/* daero show: everything about a job, a line each. */
#include "cli/wait.h"

static void line(const char *label, const char *text)
{
    if (text[0] != '\0' && strcmp(text, "-") != 0)
        printf("%-16s %s\n", label, text);
}

static void list(const char *label, const json_t *array)
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    json_t *value;
    size_t i;

    dr_buffer_init(&text, 1u << 20);
    json_array_foreach(array, i, value)
    {
        const char *word = json_string_value(value);
        int quote = word != NULL && (word[0] == '\0' || strpbrk(word, " \t\n\"'$") != NULL);

        dr_buffer_printf(&text, "%s%s%s%s", i > 0 ? " " : "", quote ? "'" : "",
                         word == NULL ? "" : word, quote ? "'" : "");
    }
    line(label, dr_buffer_text(&text));
}

static void instant(const char *label, const json_t *job, const char *member)
{
    if (dr_member_number(job, member) > 0)
        line(label, dr_show_instant(dr_member_number(job, member)));
}

static void duration(const char *label, const json_t *job, const char *member)
{
    if (dr_member_number(job, member) > 0)
        line(label, dr_show_duration(dr_member_number(job, member)));
}

static void show_state(const json_t *job)
{
    const char *state = dr_member_text(job, "state");
    const char *reason = dr_member_text(job, "reason");

    if (strcmp(state, "PENDING") == 0 && reason[0] != '\0' && strcmp(reason, "NONE") != 0)
        line("State", dr_show_format("%s (%s; `daero why %s` says more)", state, reason,
                                     dr_member_text(job, "job")));
    else if (strcmp(state, "FAILED") == 0 && dr_member_number(job, "signal") > 0)
        line("State", dr_show_format("%s, by signal %s", state, dr_member_text(job, "signal")));
    else if (strcmp(state, "FAILED") == 0 && dr_member_number(job, "start_us") == 0)
        line("State", "FAILED, it never ran");
    else if (strcmp(state, "FAILED") == 0)
        line("State", dr_show_format("%s, exit code %s", state, dr_member_text(job, "exit_code")));
    else
        line("State", state);
    if (dr_member_text(job, "end_text")[0] != '\0')
        line("Because", dr_member_text(job, "end_text"));
    if (!dr_wait_ended(state) && dr_member_text(job, "stopping")[0] != '\0' &&
        strcmp(dr_member_text(job, "stopping"), "NONE") != 0)
        line("Told to leave",
             dr_show_format("%s, its grace ends %s", dr_member_text(job, "stopping"),
                            dr_show_clock(dr_member_number(job, "until_us"))));
}

/* What it took; not every site says (one that Slurm runs does not). */
static void show_used(const json_t *job)
{
    int64_t cpu_us = dr_member_number(job, "cpu_time_us");
    int64_t memory_mb = dr_member_number(job, "memory_mb_peak");

    if (dr_member_number(job, "start_us") == 0 || dr_member_number(job, "end_us") == 0)
        return;
    line("Used", dr_show_format("%s of processor time, %s of memory at most",
                                cpu_us > 0 ? dr_show_duration(cpu_us) : "an unknown amount",
                                memory_mb > 0 ? dr_show_memory(memory_mb) : "an unknown amount"));
}

static void show_shape(const json_t *job)
{
    const char *tasks = dr_member_text(job, "tasks");

    line("Asks for", dr_show_format("%s task%s; in all %s accelerators, %s CPUs, %s", tasks,
                                    strcmp(tasks, "1") == 0 ? "" : "s",
                                    dr_show_milli(dr_member_number(job, "accelerators_milli")),
                                    dr_show_milli(dr_member_number(job, "cpus_milli")),
                                    dr_show_memory(dr_member_number(job, "memory_mb"))));
    if (json_is_integer(json_object_get(job, "tasks_min")))
        line("Elastic",
             dr_show_format("starts with %s tasks and more", dr_member_text(job, "tasks_min")));
    list("Chips", json_object_get(job, "chips"));
    line("Chip", dr_member_true(job, "virtual") ? dr_show_format("%s (virtual: declared, not real)",
                                                                 dr_member_text(job, "chip"))
                                                : dr_member_text(job, "chip"));
}

static int show_one(struct dr_cli *cli, uint64_t id)
{
    static uint32_t shown;
    char path[64];
    json_t *job = NULL;
    const json_t *promised;
    int code;

    snprintf(path, sizeof path, "/v1/jobs/%llu", (unsigned long long)id);
    code = dr_cli_ask(cli, "GET", path, NULL, NULL, &job);
    if (code != DR_EXIT_OK)
        return code;
    if (cli->json) {
        code = dr_cli_print_json(cli, job);
        json_decref(job);
        return code;
    }
    if (shown > 0)
        putchar('\n');
    shown += 1;
    line("Job", dr_member_text(job, "job"));
    line("Name", dr_member_text(job, "name"));
    line("Account", dr_member_text(job, "account"));
    line("User", dr_member_text(job, "user"));
    show_state(job);
    line("Priority", dr_member_text(job, "priority"));
    show_shape(job);
    if (dr_member_number(job, "array_job") > 0)
        line("Array", dr_show_format("index %s of array %s", dr_member_text(job, "array_index"),
                                     dr_member_text(job, "array_job")));
    list("Waits for", json_object_get(job, "dependencies"));
    line("Data class", dr_member_text(job, "data_class"));
    line("Partition", dr_member_text(job, "partition"));
    line("Site", dr_member_text(job, "site"));
    line("Pool", dr_member_text(job, "pool"));
    line("Nodes", dr_member_text(job, "nodes"));
    line("Placed by rule",
         strcmp(dr_member_text(job, "rule"), "NONE") == 0 ? "" : dr_member_text(job, "rule"));
    instant("Submitted", job, "submit_us");
    instant("Not before", job, "begin_us");
    instant("Reserved for", job, "reservation_us");
    promised = json_object_get(job, "promised");
    if (json_is_object(promised))
        line("Promised", dr_show_format("a place that others leave by %s",
                                        dr_show_clock(dr_member_number(promised, "until_us"))));
    instant("Started", job, "start_us");
    instant("Ended", job, "end_us");
    duration("Waited", job, "wait_us");
    duration("Ran", job, "run_us");
    show_used(job);
    duration("Limit", job, "limit_us");
    if (dr_member_number(job, "attempt_limit_us") != 0 &&
        dr_member_number(job, "attempt_limit_us") != dr_member_number(job, "limit_us"))
        duration("Limit here", job, "attempt_limit_us");
    if (dr_member_number(job, "attempt") > 0)
        line("Attempt", dr_member_text(job, "attempt"));
    if (dr_member_number(job, "preemptions") > 0)
        line("Taken back", dr_show_format("%s times", dr_member_text(job, "preemptions")));
    if (dr_member_number(job, "requeues") > 0)
        line("Requeued", dr_show_format("%s times", dr_member_text(job, "requeues")));
    duration("Work kept", job, "kept_us");
    if (dr_member_number(job, "unreachable_us") > 0)
        line("Unreachable",
             dr_show_format("given up after %s, and run again (it is fenced)",
                            dr_show_duration(dr_member_number(job, "unreachable_us"))));
    instant("Given up", job, "give_up_us");
    line("Preemptible", dr_member_text(job, "preemptible"));
    line("Flexible", dr_member_text(job, "flexible"));
    list("Command", json_object_get(job, "command"));
    line("Directory", dr_member_text(job, "directory"));
    line("Output", dr_member_text(job, "output"));
    line("Error", dr_member_text(job, "error"));
    line("Comment", dr_member_text(job, "comment"));
    json_decref(job);
    return DR_EXIT_OK;
}

int dr_cmd_show(struct dr_cli *cli)
{
    return dr_cli_each_job(cli, show_one);
}
