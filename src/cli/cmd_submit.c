/* SPDX-License-Identifier: Apache-2.0 */
/* daero submit */
#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/script.h"
#include "cli/wait.h"

extern char **environ;

static enum dr_status read_script(struct dr_buffer *text, const char *path, struct dr_error *error)
{
    uint8_t bytes[16384];
    int descriptor = STDIN_FILENO;

    dr_buffer_init(text, DR_SCRIPT_BYTES_MAX + sizeof bytes);
    if (strcmp(path, "-") != 0) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC);
        if (descriptor < 0) {
            dr_error_set(error, path, 0, "", NULL,
                         "the script can't be read (%s); to run a program write `daero submit -- "
                         "PROGRAM ARGUMENTS`",
                         strerror(errno));
            return DR_E_INPUT;
        }
    }
    for (;;) {
        ssize_t count = read(descriptor, bytes, sizeof bytes);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            dr_error_set(error, path, 0, "", NULL, "the script can't be read (%s)",
                         strerror(errno));
        if (count <= 0 || text->full) {
            if (descriptor != STDIN_FILENO)
                close(descriptor);
            return count < 0 ? DR_E_INPUT : DR_OK;
        }
        dr_buffer_append(text, bytes, (size_t)count);
    }
}

/* The last part of a path. */
static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL || slash[1] == '\0' ? path : slash + 1;
}

/* Is it one of these, parted by commas? */
static int is_listed(const char *list, const char *name)
{
    size_t bytes = strlen(name);

    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, bytes) == 0 && (at[bytes] == ',' || at[bytes] == '\0'))
            return 1;
    }
    return 0;
}

static void default_text(json_t *job, const char *member, const char *value)
{
    if (json_object_get(job, member) == NULL && value != NULL)
        json_object_set_new(job, member, json_string(value));
}

/* A relative directory is meant from here, as is a job without one. */
static int settle_directory(struct dr_cli *cli, json_t *job)
{
    char here[4096];
    const char *said = json_string_value(json_object_get(job, "directory"));

    if (said != NULL && said[0] == '/')
        return DR_EXIT_OK;
    if (getcwd(here, sizeof here) == NULL)
        return dr_cli_fail(cli, DR_EXIT_USAGE,
                           "the present directory has no name; say where to run with --chdir");
    if (said != NULL) {
        json_t *whole = json_sprintf("%s%s%s", strcmp(here, "/") == 0 ? "" : here, "/", said);

        json_object_set_new(job, "directory", whole);
    } else {
        json_object_set_new(job, "directory", json_string(here));
    }
    return json_object_get(job, "directory") != NULL
               ? DR_EXIT_OK
               : dr_cli_fail(cli, DR_EXIT_USAGE, "the directory's name is not UTF-8");
}

/* What is to run: a script, --wrap, or a command. */
static int settle_program(struct dr_cli *cli, struct dr_job_spec *spec,
                          const struct dr_buffer *script)
{
    const char *wrap = dr_cli_value(cli, "wrap");
    uint32_t first = script != NULL && cli->operands_count > 0 ? 1 : 0;

    if (wrap != NULL) {
        if (cli->operands_count > 0)
            return dr_cli_fail(cli, DR_EXIT_USAGE,
                               "--wrap: found '%s' too, expected no script or command beside it",
                               cli->operands[0]);
        json_object_set_new(spec->job, "script", json_sprintf("#!/bin/sh\n%s\n", wrap));
        default_text(spec->job, "name", "wrap");
    } else if (script != NULL) {
        json_t *text = json_stringn((const char *)script->data, script->length);

        if (text == NULL)
            return dr_cli_fail(cli, DR_EXIT_USAGE, "%s: the script is not UTF-8", cli->operands[0]);
        json_object_set_new(spec->job, "script", text);
        default_text(spec->job, "name",
                     strcmp(cli->operands[0], "-") == 0 ? "stdin" : base_of(cli->operands[0]));
    } else if (cli->operands_count == 0) {
        return dr_cli_fail(cli, DR_EXIT_USAGE,
                           "nothing to run: name a script, or write `daero submit -- COMMAND "
                           "ARGUMENTS`, or --wrap='LINE'");
    } else {
        default_text(spec->job, "name", base_of(cli->operands[0]));
    }
    if (cli->operands_count > first) {
        json_t *command = json_array();

        for (uint32_t i = first; i < cli->operands_count; i += 1) {
            json_t *word = json_string(cli->operands[i]);

            if (word == NULL) {
                json_decref(command);
                return dr_cli_fail(cli, DR_EXIT_USAGE, "argument %u is not UTF-8", i + 1);
            }
            json_array_append_new(command, word);
        }
        json_object_set_new(spec->job, "command", command);
    }
    return DR_EXIT_OK;
}

/* Options layer by layer, the weakest first; then what follows from several. All that is wrong with
 * single ones is said together. */
static enum dr_status settle_options(struct dr_cli *cli, struct dr_job_spec *spec,
                                     const struct dr_buffer *script, struct dr_buffer *warnings,
                                     struct dr_error_list *mistakes)
{
    struct dr_error error = {0};
    enum dr_status status;

    spec->warnings = warnings;
    status = dr_job_set_environment(spec, environ, mistakes);
    if (script != NULL && dr_script_read(spec, cli->operands[0], (const char *)script->data,
                                         script->length, warnings, mistakes) != DR_OK)
        status = DR_E_INPUT;
    spec->layer = DR_LAYER_COMMAND_LINE;
    for (uint32_t i = 0; i < cli->given_count; i += 1) {
        const struct dr_cli_given *given = &cli->given[i];
        const struct dr_job_option *option = dr_job_option_find(given->option->name);
        char written[80];

        if (option == NULL || &option->option != given->option)
            continue;
        snprintf(written, sizeof written, "--%s", given->option->name);
        if (dr_job_set(spec, option, written, given->value, &error) != DR_OK) {
            dr_error_list_add(mistakes, NULL, 0, error.field, error.found, "%s", error.expected);
            status = DR_E_INPUT;
        }
    }
    if (status != DR_OK)
        return status;
    status = dr_job_finish(spec, &error);
    if (status != DR_OK)
        dr_error_list_add(mistakes, NULL, 0, error.field, error.found, "%s", error.expected);
    return status;
}

/* What a script that was written for sbatch expects where it says nothing: files by Slurm's names.
 * Whom a warning reaches is a matter of scripts alone. */
static void settle_script(struct dr_job_spec *spec)
{
    int is_array = json_object_get(spec->job, "array") != NULL;

    if (spec->sbatch_lines > 0)
        default_text(spec->job, "output", is_array ? "slurm-%A_%a.out" : "slurm-%j.out");
    if (json_object_get(spec->job, "script") == NULL ||
        json_is_true(json_object_get(spec->job, "every_task")))
        json_object_del(spec->job, "warn_to");
}

/* A partition that a script names, and that no pool has: the script was written for a cluster that
 * is not here, and its pools are found without it. Named on the command line it is meant. */
static int settle_partition(struct dr_cli *cli, struct dr_job_spec *spec)
{
    struct dr_buffer known DR_CLEANUP(dr_buffer_deinit) = {0};
    const char *wanted = json_string_value(json_object_get(spec->job, "partition"));
    json_t *answer = NULL;
    const json_t *site;
    const json_t *name;
    size_t i;
    size_t k;
    int there = 0;
    int code;

    if (wanted == NULL || spec->partition_layer == DR_LAYER_COMMAND_LINE)
        return DR_EXIT_OK;
    code = dr_cli_ask(cli, "GET", "/v1/sites", NULL, NULL, &answer);
    if (code != DR_EXIT_OK)
        return code;
    dr_buffer_init(&known, 4096);
    json_array_foreach(json_object_get(answer, "sites"), i, site)
    {
        json_array_foreach(json_object_get(site, "partitions"), k, name)
        {
            there |= is_listed(wanted, json_string_value(name));
            if (!is_listed(dr_buffer_text(&known), json_string_value(name)))
                dr_buffer_printf(&known, "%s%s", known.length == 0 ? "" : ",",
                                 json_string_value(name));
        }
    }
    if (!there) {
        fprintf(stderr, "%s: has no effect: no pool has a partition of this name (%s)\n",
                json_string_value(json_object_get(spec->origins, "partition")),
                known.length == 0 ? "none has any" : dr_buffer_text(&known));
        json_object_del(spec->job, "partition");
    }
    json_decref(answer);
    return DR_EXIT_OK;
}

static void make_key(char key[64])
{
    uint8_t bytes[20];

    /* Should the system have no random numbers, a retry is not made safe but the job is still run.
     */
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        key[0] = '\0';
    else
        dr_format_hex(bytes, sizeof bytes, key);
}

static int send_job(struct dr_cli *cli, const json_t *job, json_t **answer)
{
    const char *given = dr_cli_value(cli, "key");
    char *body = json_dumps(job, JSON_COMPACT);
    char key[64] = "";
    char header[128] = "";
    int code;

    *answer = NULL;
    if (given == NULL)
        make_key(key);
    else
        snprintf(key, sizeof key, "%s", given);
    if (given != NULL && (given[0] == '\0' || strlen(given) > 63 ||
                          strspn(given, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789-_.:/") != strlen(given))) {
        free(body);
        return dr_cli_fail(cli, DR_EXIT_USAGE,
                           "--key: found '%s', expected 1 to 63 letters, digits or -_.:/", given);
    }
    if (key[0] != '\0')
        snprintf(header, sizeof header, "Idempotency-Key: %s\r\n", key);
    code = dr_cli_ask(cli, "POST", "/v1/jobs", header, body, answer);
    free(body);
    return code;
}

int dr_cmd_submit(struct dr_cli *cli)
{
    struct dr_job_spec spec;
    struct dr_buffer script DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_buffer warnings DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_error_list mistakes DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_error error = {0};
    int has_script =
        cli->operands_count > 0 && !cli->after_dashes && dr_cli_value(cli, "wrap") == NULL;
    json_t *answer = NULL;
    json_t *environment = NULL;
    uint64_t job;
    uint64_t count;
    int code;

    dr_buffer_init(&warnings, 64u << 10);
    dr_job_init(&spec, dr_clock_us());
    spec.has_script = dr_cli_value(cli, "wrap") != NULL;
    code = DR_EXIT_USAGE;
    if (has_script && read_script(&script, cli->operands[0], &error) != DR_OK) {
        code = dr_cli_fail_error(cli, DR_EXIT_USAGE, &error);
        goto end;
    }
    if (settle_options(cli, &spec, has_script ? &script : NULL, &warnings, &mistakes) != DR_OK) {
        code = dr_cli_fail_all(cli, DR_EXIT_USAGE, &mistakes);
        goto end;
    }
    fputs(dr_buffer_text(&warnings), stderr);
    cli->origins = spec.origins;
    code = settle_program(cli, &spec, has_script ? &script : NULL);
    if (code == DR_EXIT_OK)
        code = settle_directory(cli, spec.job);
    if (code != DR_EXIT_OK)
        goto end;
    environment = dr_job_environment(&spec, environ, &error);
    if (environment == NULL) {
        code = dr_cli_fail_error(cli, DR_EXIT_USAGE, &error);
        goto end;
    }
    dr_job_words(&spec, environment);
    json_object_set_new(spec.job, "environment", environment);
    settle_script(&spec);
    if (spec.dry_run) {
        code = dr_cli_print_json(cli, spec.job);
        goto end;
    }
    code = settle_partition(cli, &spec);
    if (code == DR_EXIT_OK)
        code = send_job(cli, spec.job, &answer);
    if (code != DR_EXIT_OK)
        goto end;
    job = (uint64_t)dr_member_number(answer, "job");
    count = (uint64_t)dr_member_number(answer, "count");
    if (cli->json)
        dr_cli_print_json(cli, answer);
    else if (count > 1)
        printf("%llu-%llu\n", (unsigned long long)job, (unsigned long long)(job + count - 1));
    else
        printf("%llu\n", (unsigned long long)job);
    if (spec.wait) {
        fflush(stdout);
        code = dr_wait_jobs(cli, job, count == 0 ? 1 : count, NULL);
    }
end:
    json_decref(answer);
    cli->origins = NULL;
    dr_job_deinit(&spec);
    return code;
}
