/* SPDX-License-Identifier: Apache-2.0 */
/* Dispatch, the parser of command lines, and what the commands share. */
#include "cli/cli.h"

#include <locale.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/text.h"
#include "serve/controller.h"
#include "cli/job_options.h"
#include "federation/federation.h"

const struct dr_cli_command *dr_cli_find(const char *name)
{
    for (uint32_t i = 0; i < DR_CLI_COMMANDS_COUNT; i += 1) {
        if (strcmp(DR_CLI_COMMANDS[i].name, name) == 0)
            return &DR_CLI_COMMANDS[i];
    }
    return NULL;
}

const struct dr_cli_command *dr_cli_find_words(const char *first, const char *second,
                                               uint32_t *words)
{
    size_t length = strlen(first);

    *words = 2;
    for (uint32_t i = 0; second != NULL && i < DR_CLI_COMMANDS_COUNT; i += 1) {
        const char *name = DR_CLI_COMMANDS[i].name;

        if (strncmp(name, first, length) == 0 && name[length] == ' ' &&
            strcmp(name + length + 1, second) == 0)
            return &DR_CLI_COMMANDS[i];
    }
    *words = 1;
    return dr_cli_find(first);
}

void dr_cli_second_words(struct dr_buffer *text, const char *first)
{
    size_t length = strlen(first);

    for (uint32_t i = 0; i < DR_CLI_COMMANDS_COUNT; i += 1) {
        const char *name = DR_CLI_COMMANDS[i].name;

        if (strncmp(name, first, length) == 0 && name[length] == ' ')
            dr_buffer_append_text(text, name + length);
    }
}

/* ---- the parser ---- */

int dr_cli_optional(const struct dr_cli_option *option)
{
    const char *close;

    if (option->argument == NULL || option->argument[0] != '[')
        return 0;
    close = strchr(option->argument, ']');
    return close != NULL && close[1] == '\0';
}

/* The option that a command knows by this name (or letter, where name is NULL): its own before
 * those of a job before those of all. Options of sbatch that are refused are found too, so that the
 * refusal can say what to write. */
static const struct dr_cli_option *find_option(const struct dr_cli_command *command,
                                               const char *name, char letter)
{
    const struct dr_job_option *option;

    for (uint32_t i = 0; i < command->options_count; i += 1) {
        if (name != NULL ? strcmp(command->options[i].name, name) == 0
                         : letter != 0 && command->options[i].letter == letter)
            return &command->options[i];
    }
    for (uint32_t i = 0; i < DR_CLI_COMMON_COUNT; i += 1) {
        if (name != NULL ? strcmp(DR_CLI_COMMON[i].name, name) == 0
                         : letter != 0 && DR_CLI_COMMON[i].letter == letter)
            return &DR_CLI_COMMON[i];
    }
    if (!command->job_options)
        return NULL;
    option = name != NULL ? dr_job_option_find(name) : dr_job_option_letter(letter);
    return option == NULL ? NULL : &option->option;
}

/* How many single edits make `a` out of `b`, up to a few; for "did you mean". */
static uint32_t distance(const char *a, const char *b)
{
    uint32_t row[64];
    size_t length = strlen(b);

    if (strlen(a) > 40 || length > 40)
        return 100;
    for (uint32_t j = 0; j <= length; j += 1)
        row[j] = j;
    for (uint32_t i = 1; a[i - 1] != '\0'; i += 1) {
        uint32_t corner = row[0];

        row[0] = i;
        for (uint32_t j = 1; j <= length; j += 1) {
            uint32_t best = corner + (a[i - 1] != b[j - 1]);

            corner = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[length];
}

static void closest(const char *name, const char *candidate, const char **best, uint32_t *least)
{
    uint32_t d = distance(name, candidate);

    if (d < *least && d < strlen(name)) {
        *least = d;
        *best = candidate;
    }
}

static void unknown_option(const struct dr_cli_command *command, const char *name,
                           const char *written, struct dr_error *error)
{
    const char *best = NULL;
    uint32_t least = 4;

    for (uint32_t i = 0; i < command->options_count; i += 1)
        closest(name, command->options[i].name, &best, &least);
    for (uint32_t i = 0; i < DR_CLI_COMMON_COUNT; i += 1)
        closest(name, DR_CLI_COMMON[i].name, &best, &least);
    for (uint32_t i = 0; command->job_options && i < DR_JOB_OPTIONS_COUNT; i += 1)
        closest(name, DR_JOB_OPTIONS[i].option.name, &best, &least);
    if (best != NULL)
        dr_error_set(error, NULL, 0, written, NULL, "there is no such option; did you mean --%s?",
                     best);
    else
        dr_error_set(error, NULL, 0, written, NULL,
                     "there is no such option; `daero %s --help` lists them", command->name);
}

static int give(struct dr_cli *cli, const struct dr_cli_option *option, const char *value,
                struct dr_error *error)
{
    if (cli->given_count == DR_CLI_GIVEN_MAX) {
        dr_error_set(error, NULL, 0, "", NULL, "at most %d options are taken", DR_CLI_GIVEN_MAX);
        return 0;
    }
    cli->given[cli->given_count] = (struct dr_cli_given){option, value};
    cli->given_count += 1;
    return 1;
}

static int long_option(struct dr_cli *cli, char **arguments, int count, int *at,
                       struct dr_error *error)
{
    char name[128];
    const char *written = arguments[*at];
    const char *equals = strchr(written, '=');
    const char *value = equals == NULL ? NULL : equals + 1;
    const struct dr_cli_option *option;
    size_t length = equals == NULL ? strlen(written) : (size_t)(equals - written);

    snprintf(name, sizeof name, "%.*s", (int)(length < 120 ? length : 120), written);
    option = find_option(cli->command, name + 2, 0);
    if (option == NULL) {
        unknown_option(cli->command, name + 2, name, error);
        return 0;
    }
    if (option->argument == NULL && value != NULL) {
        dr_error_set(error, NULL, 0, name, value, "no value: it is said or left out");
        return 0;
    }
    if (option->argument != NULL && !dr_cli_optional(option) && value == NULL) {
        if (*at + 1 >= count) {
            dr_error_set(error, NULL, 0, name, NULL, "a value is missing: %s %s", name,
                         option->argument);
            return 0;
        }
        *at += 1;
        value = arguments[*at];
    }
    return give(cli, option, value, error);
}

/* "-n4", "-n 4", "-HW". */
static int short_options(struct dr_cli *cli, char **arguments, int count, int *at,
                         struct dr_error *error)
{
    for (const char *letter = arguments[*at] + 1; *letter != '\0'; letter += 1) {
        const struct dr_cli_option *option = find_option(cli->command, NULL, *letter);
        char written[3] = {'-', *letter, '\0'};
        const char *value = NULL;

        if (option == NULL) {
            dr_error_set(error, NULL, 0, written, NULL,
                         "there is no such option; `daero %s --help` lists them",
                         cli->command->name);
            return 0;
        }
        if (option->argument != NULL && letter[1] != '\0') {
            value = letter + 1 + (letter[1] == '=');
            letter += strlen(letter) - 1;
        } else if (option->argument != NULL && !dr_cli_optional(option)) {
            if (*at + 1 >= count) {
                dr_error_set(error, NULL, 0, written, NULL, "a value is missing: %s %s", written,
                             option->argument);
                return 0;
            }
            *at += 1;
            value = arguments[*at];
        }
        if (!give(cli, option, value, error))
            return 0;
    }
    return 1;
}

enum dr_status dr_cli_parse(struct dr_cli *cli, const struct dr_cli_command *command, int count,
                            char **arguments, struct dr_error *error)
{
    int at = 0;
    uint32_t operands = 0;

    cli->command = command;
    cli->given_count = 0;
    cli->after_dashes = 0;
    /* Operands are moved to the front of argv, in their order. */
    cli->operands = arguments;
    for (; at < count; at += 1) {
        char *argument = arguments[at];

        if (strcmp(argument, "--") == 0) {
            cli->after_dashes = operands == 0;
            for (at += 1; at < count; at += 1, operands += 1)
                arguments[operands] = arguments[at];
            break;
        }
        if (argument[0] != '-' || argument[1] == '\0') {
            arguments[operands] = argument;
            operands += 1;
            if (command->stop_at_operand) {
                for (at += 1; at < count; at += 1, operands += 1)
                    arguments[operands] = arguments[at];
                break;
            }
        } else if (!(argument[1] == '-' ? long_option : short_options)(cli, arguments, count, &at,
                                                                       error)) {
            return DR_E_INPUT;
        }
    }
    cli->operands_count = operands;
    cli->json = dr_cli_value(cli, "json") != NULL;
    if (dr_cli_value(cli, "help") != NULL)
        return DR_OK;
    if (operands < command->operands_min) {
        dr_error_set(error, NULL, 0, "", NULL, "%s is missing: daero %s %s", command->operands,
                     command->name, command->operands);
        return DR_E_INPUT;
    }
    if (operands > command->operands_max) {
        dr_error_set(error, NULL, 0, "", arguments[command->operands_max],
                     command->operands_max == 0 ? "options alone" : "nothing more after %s",
                     command->operands);
        return DR_E_INPUT;
    }
    return DR_OK;
}

const char *dr_cli_value(const struct dr_cli *cli, const char *name)
{
    for (uint32_t i = cli->given_count; i > 0; i -= 1) {
        if (strcmp(cli->given[i - 1].option->name, name) == 0)
            return cli->given[i - 1].value == NULL ? "" : cli->given[i - 1].value;
    }
    return NULL;
}

/* ---- dispatch ---- */

static int print_version(int count, char **arguments)
{
    if (count > 2 && (count > 3 || strcmp(arguments[2], "--json") != 0)) {
        fprintf(stderr, "daero --version: found '%s', expected nothing more, or --json\n",
                arguments[count > 3 ? 3 : 2]);
        return DR_EXIT_USAGE;
    }
    if (count > 2)
        printf("{\"version\":\"%s\",\"policy\":%u}\n", DR_VERSION, DR_POLICY_VERSION);
    else
        printf("daero %s (policy %u)\n", DR_VERSION, DR_POLICY_VERSION);
    return DR_EXIT_OK;
}

static int unknown_command(const char *name)
{
    struct dr_buffer seconds DR_CLEANUP(dr_buffer_deinit) = {0};
    const char *best = NULL;
    uint32_t least = 3;

    dr_buffer_init(&seconds, 4096);
    dr_cli_second_words(&seconds, name);
    if (seconds.length > 0) {
        fprintf(stderr, "daero %s: expected one of these after it:%s\n", name,
                dr_buffer_text(&seconds));
        return DR_EXIT_USAGE;
    }
    for (uint32_t i = 0; i < DR_CLI_COMMANDS_COUNT; i += 1)
        closest(name, DR_CLI_COMMANDS[i].name, &best, &least);
    if (best != NULL)
        fprintf(stderr, "daero: there is no command '%s'; did you mean %s?\n", name, best);
    else
        fprintf(stderr, "daero: there is no command '%s'; `daero help` lists them\n", name);
    return DR_EXIT_USAGE;
}

int dr_cli_main(int count, char **arguments)
{
    struct dr_cli cli = {0};
    struct dr_error error = {0};
    const struct dr_cli_command *command;
    const char *name = count > 1 ? arguments[1] : "help";
    uint32_t words;
    int code;

    /* Korean and other wide text needs a UTF-8 locale to be measured; where none is set, C.UTF-8.
     */
    if (setlocale(LC_CTYPE, "") == NULL || MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        return print_version(count, arguments);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    command = dr_cli_find_words(name, count > 2 ? arguments[2] : NULL, &words);
    if (command == NULL)
        return unknown_command(name);
    cli.command = command;
    if (dr_cli_parse(&cli, command, count > 2 ? count - 1 - (int)words : 0, arguments + 1 + words,
                     &error) != DR_OK)
        return dr_cli_fail_error(&cli, DR_EXIT_USAGE, &error);
    if (dr_cli_value(&cli, "help") != NULL) {
        dr_cli_print_help(&cli, command);
        return DR_EXIT_OK;
    }
    code = command->run(&cli);
    dr_client_close(cli.client);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "daero %s: standard output can't be written\n", command->name);
        if (code == DR_EXIT_OK)
            code = DR_EXIT_FAILED;
    }
    return code;
}

/* ---- saying no ---- */

int dr_cli_fail(const struct dr_cli *cli, enum dr_exit code, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "daero %s: ", cli->command->name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return (int)code;
}

int dr_cli_fail_error(const struct dr_cli *cli, enum dr_exit code, const struct dr_error *error)
{
    char text[1400];

    return dr_cli_fail(cli, code, "%s", dr_error_line(error, text, sizeof text));
}

int dr_cli_fail_all(const struct dr_cli *cli, enum dr_exit code, const struct dr_error_list *list)
{
    for (uint32_t i = 0; i < list->count; i += 1)
        dr_cli_fail_error(cli, code, &list->errors[i]);
    return (int)code;
}

/* ---- asking ---- */

static char *read_token(const char *path, struct dr_error *error)
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    char *token;

    dr_buffer_init(&text, 4096);
    if (dr_buffer_read_file(&text, path) != DR_OK) {
        dr_error_set(error, path, 0, "", NULL, "the token can't be read there");
        return NULL;
    }
    dr_buffer_text(&text);
    while (text.length > 0 && text.data[text.length - 1] <= ' ')
        text.length -= 1;
    token = strdup(dr_buffer_text(&text));
    explicit_bzero(text.data, text.capacity);
    return token;
}

struct dr_client *dr_cli_client(struct dr_cli *cli)
{
    struct dr_client_options options = {.socket = dr_cli_value(cli, "socket"),
                                        .url = dr_cli_value(cli, "url")};
    const char *token_file = dr_cli_value(cli, "token-file");
    char *token = NULL;
    struct dr_error error = {0};
    enum dr_status status;

    if (cli->client != NULL)
        return cli->client;
    if (options.socket == NULL && options.url == NULL) {
        options.socket = getenv("DAERO_SOCKET");
        if (options.socket == NULL)
            options.url = getenv("DAERO_URL");
    }
    if (options.socket == NULL && options.url == NULL)
        options.socket = access("daero-data/daero.sock", F_OK) == 0 ? "daero-data/daero.sock"
                                                                    : DR_SOCKET_FOR_ALL;
    if (options.socket == NULL) {
        if (token_file != NULL) {
            token = read_token(token_file, &error);
            if (token == NULL) {
                dr_cli_fail_error(cli, DR_EXIT_USAGE, &error);
                return NULL;
            }
            options.token = token;
        } else {
            options.token = getenv("DAERO_TOKEN");
        }
    }
    status = dr_client_open(&cli->client, &options, &error);
    if (token != NULL)
        explicit_bzero(token, strlen(token));
    free(token);
    if (status != DR_OK) {
        dr_cli_fail_error(cli, DR_EXIT_USAGE, &error);
        cli->client = NULL;
    }
    return cli->client;
}

static int exit_of(int status, const char *kind)
{
    if (strcmp(kind, "UNKNOWN") == 0 || status == 404)
        return DR_EXIT_UNKNOWN;
    if (strcmp(kind, "DENIED") == 0 || strcmp(kind, "AUTH") == 0 || status == 401 || status == 403)
        return DR_EXIT_DENIED;
    if (status >= 500 && strcmp(kind, "FULL") != 0)
        return DR_EXIT_FAILED;
    return DR_EXIT_REFUSED;
}

/* "there is no job 7" needs no "job: " before it, nor "there is no node 'x'" the "name: " of its
 * path. */
static int is_said(const char *text, const char *member)
{
    size_t length = strlen(member);

    if (strncmp(text, "there is no ", 12) == 0)
        return 1;
    for (const char *at = text; length > 0 && (at = strstr(at, member)) != NULL; at += 1) {
        if ((at == text || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return 1;
    }
    return 0;
}

static void print_refusal(const struct dr_cli *cli, const json_t *error)
{
    const char *field = dr_member_text(error, "field");
    const char *file = dr_member_text(error, "file");
    const json_t *index = json_object_get(error, "index");
    char member[64];

    fprintf(stderr, "daero %s: ", cli->command->name);
    /* A file that was sent is "body" to the controller. */
    if (strcmp(file, "body") == 0 && cli->command->operand == DR_OPERAND_FILE &&
        cli->operands_count == 1)
        file = cli->operands[0];
    else if (strcmp(file, "body") == 0 && dr_cli_value(cli, "federation") != NULL)
        file = dr_cli_value(cli, "federation");
    if (file[0] != '\0')
        fprintf(stderr, "%s:%lld: ", file, (long long)dr_member_number(error, "line"));
    if (index != NULL && dr_member_number(error, "index") > 0)
        fprintf(stderr, "job %lld of the list: ", (long long)json_integer_value(index) + 1);
    /* "chips[1]" is of what was said of chips. */
    snprintf(member, sizeof member, "%.*s", (int)strcspn(field, "[."), field);
    if (dr_member_text(cli->origins, member)[0] != '\0')
        field = dr_member_text(cli->origins, member);
    else if (is_said(dr_member_text(error, "text"), member))
        field = "";
    if (dr_member_text(error, "found")[0] != '\0' || dr_member_text(error, "expected")[0] != '\0') {
        struct dr_error line = {0};
        char text[1400];

        dr_error_set(&line, NULL, 0, field, dr_member_text(error, "found"), "%s",
                     dr_member_text(error, "expected"));
        fprintf(stderr, "%s\n", dr_error_line(&line, text, sizeof text));
        return;
    }
    fprintf(stderr, "%s%s%s\n", field, field[0] != '\0' ? ": " : "", dr_member_text(error, "text"));
}

int dr_cli_refused(const struct dr_cli *cli, const struct dr_reply *reply)
{
    json_t *body = json_loadb((const char *)reply->body.data, reply->body.length, 0, NULL);
    const json_t *error = json_object_get(body, "error");
    const json_t *errors = json_object_get(body, "errors");
    int code = exit_of(reply->status, dr_member_text(error, "kind"));

    if (json_array_size(errors) > 0) {
        /* Of a file `errors` has all, of jobs the second and further ones. */
        if (error != NULL && json_object_get(json_array_get(errors, 0), "file") == NULL)
            print_refusal(cli, error);
        for (size_t i = 0; i < json_array_size(errors); i += 1)
            print_refusal(cli, json_array_get(errors, i));
        if (error == NULL)
            code = exit_of(reply->status, dr_member_text(json_array_get(errors, 0), "kind"));
    } else if (error != NULL) {
        print_refusal(cli, error);
    } else {
        dr_cli_fail(cli, DR_EXIT_FAILED, "the controller answered with HTTP status %d",
                    reply->status);
    }
    json_decref(body);
    return code;
}

static int ask(struct dr_cli *cli, const char *method, const char *path, const char *headers,
               const char *body, struct dr_reply *reply)
{
    struct dr_client *client = dr_cli_client(cli);
    struct dr_call call = {.method = method,
                           .path = path,
                           .headers = headers,
                           .body = body,
                           .body_bytes = body == NULL ? 0 : strlen(body),
                           .safe = headers != NULL && strstr(headers, "Idempotency-Key:") != NULL};
    struct dr_error error = {0};
    enum dr_status status;

    if (client == NULL)
        return DR_EXIT_USAGE;
    if (body != NULL && body[0] != '{' && body[0] != '[')
        call.content_type = "application/yaml";
    /* All but submitting and issuing may simply be said twice. */
    if (strcmp(path, "/v1/jobs") != 0 && strcmp(path, "/v1/tokens") != 0)
        call.safe = 1;
    status = dr_client_call(client, &call, reply, &error);
    if (status == DR_OK)
        return DR_EXIT_OK;
    return dr_cli_fail_error(cli,
                             status == DR_E_DENIED ? DR_EXIT_DENIED
                             : status == DR_E_MISSING || status == DR_E_IO || status == DR_E_TIMEOUT
                                 ? DR_EXIT_UNREACHABLE
                                 : DR_EXIT_FAILED,
                             &error);
}

int dr_cli_ask_text(struct dr_cli *cli, const char *method, const char *path, const char *headers,
                    const char *body, struct dr_buffer *answer)
{
    struct dr_reply reply = {0};
    int code = ask(cli, method, path, headers, body, &reply);

    if (code == DR_EXIT_OK && (reply.status < 200 || reply.status > 299))
        code = dr_cli_refused(cli, &reply);
    if (code == DR_EXIT_OK)
        *answer = reply.body;
    else
        dr_buffer_deinit(&reply.body);
    return code;
}

int dr_cli_ask(struct dr_cli *cli, const char *method, const char *path, const char *headers,
               const char *body, json_t **answer)
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    int code = dr_cli_ask_text(cli, method, path, headers, body, &text);
    json_error_t wrong;

    *answer = NULL;
    if (code != DR_EXIT_OK || text.length == 0)
        return code;
    *answer = json_loadb((const char *)text.data, text.length, 0, &wrong);
    if (*answer == NULL)
        return dr_cli_fail(cli, DR_EXIT_FAILED, "the controller's answer is no JSON: %s",
                           wrong.text);
    return DR_EXIT_OK;
}

int dr_cli_print_json(const struct dr_cli *cli, const json_t *answer)
{
    (void)cli;
    if (answer == NULL)
        puts("{}");
    else if (json_dumpf(answer, stdout, JSON_INDENT(2)) == 0)
        putchar('\n');
    return DR_EXIT_OK;
}

int dr_cli_act_answered(struct dr_cli *cli, const char *method, const char *path, json_t **answer)
{
    const char *reason = dr_cli_value(cli, "reason");
    json_t *body = reason == NULL ? NULL : json_pack("{s:s}", "reason", reason);
    char *text = json_dumps(body, JSON_COMPACT); /* NULL for NULL */
    int code = dr_cli_ask(cli, method, path, NULL, text, answer);

    if (code == DR_EXIT_OK && cli->json)
        dr_cli_print_json(cli, *answer);
    free(text);
    json_decref(body);
    return code;
}

int dr_cli_act(struct dr_cli *cli, const char *method, const char *path)
{
    json_t *answer = NULL;
    int code = dr_cli_act_answered(cli, method, path, &answer);

    json_decref(answer);
    return code;
}

int dr_cli_act_on_each(struct dr_cli *cli, uint32_t first, const char *method, const char *before,
                       const char *after)
{
    int worst = DR_EXIT_OK;

    for (uint32_t i = first; i < cli->operands_count; i += 1) {
        struct dr_buffer path DR_CLEANUP(dr_buffer_deinit) = {0};
        int code;

        dr_buffer_init(&path, 4096);
        dr_buffer_append_text(&path, before);
        dr_cli_escape(&path, cli->operands[i]);
        dr_buffer_append_text(&path, after);
        /* The API's paths have no escapes, and no name needs one: "exam#2" is not "exam". */
        if (strchr(dr_buffer_text(&path), '%') != NULL)
            code = dr_cli_fail(cli, DR_EXIT_UNKNOWN, "there is no '%s'; names have a-z, 0-9 and -",
                               cli->operands[i]);
        else
            code = dr_cli_act(cli, method, dr_buffer_text(&path));
        if (code > worst)
            worst = code;
    }
    return worst;
}

uint64_t dr_cli_job(const struct dr_cli *cli, const char *text)
{
    int64_t job;

    if (dr_parse_i64(text, 1, INT64_MAX, &job))
        return (uint64_t)job;
    dr_cli_fail(cli, DR_EXIT_USAGE, "found '%s', expected a job's number", text);
    return 0;
}

int dr_cli_each_job(struct dr_cli *cli, int (*each)(struct dr_cli *cli, uint64_t job))
{
    int worst = DR_EXIT_OK;

    for (uint32_t i = 0; i < cli->operands_count; i += 1) {
        char copy[64];
        char *dash;
        uint64_t first;
        uint64_t last;

        snprintf(copy, sizeof copy, "%s", cli->operands[i]);
        dash = strchr(copy, '-');
        if (dash != NULL && dash != copy)
            *dash++ = '\0';
        else
            dash = NULL;
        first = dr_cli_job(cli, copy);
        last = dash == NULL ? first : dr_cli_job(cli, dash);
        if (first == 0 || last == 0)
            return DR_EXIT_USAGE;
        if (last < first || last - first > 1000000)
            return dr_cli_fail(cli, DR_EXIT_USAGE,
                               "found '%s', expected FIRST-LAST, at most 1000001 jobs",
                               cli->operands[i]);
        for (uint64_t job = first; job <= last; job += 1) {
            int code = each(cli, job);

            if (code > worst)
                worst = code;
            if (code == DR_EXIT_UNREACHABLE)
                return code;
        }
    }
    return worst;
}

void dr_cli_escape(struct dr_buffer *to, const char *text)
{
    for (; *text != '\0'; text += 1) {
        unsigned char byte = (unsigned char)*text;

        if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
            (byte >= '0' && byte <= '9') || strchr("-_.~,", byte) != NULL)
            dr_buffer_append(to, &byte, 1);
        else
            dr_buffer_printf(to, "%%%02X", byte);
    }
}

/* ---- reading answers ---- */

#define RING 32

static char *ring(size_t *bytes)
{
    static char texts[RING][256];
    static uint32_t next;

    next = (next + 1) % RING;
    *bytes = sizeof texts[0];
    return texts[next];
}

const char *dr_member_text(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    size_t bytes;
    char *text;

    if (json_is_string(value))
        return json_string_value(value);
    text = ring(&bytes);
    text[0] = '\0';
    if (json_is_integer(value))
        snprintf(text, bytes, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(text, bytes, "%g", json_real_value(value));
    else if (json_is_boolean(value))
        snprintf(text, bytes, "%s", json_is_true(value) ? "yes" : "no");
    return text;
}

int64_t dr_member_number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    if (json_is_real(value))
        return (int64_t)json_real_value(value);
    return json_integer_value(value);
}

int dr_member_true(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

const char *dr_show_format(const char *format, ...)
{
    size_t bytes;
    char *text = ring(&bytes);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, bytes, format, arguments);
    va_end(arguments);
    return text;
}

const char *dr_show_duration(int64_t duration_us)
{
    char text[DR_TEXT_BYTES];

    return dr_show_format("%s", dr_format_duration(duration_us, text));
}

static const char *show_local(int64_t instant_us, int date)
{
    time_t seconds = (time_t)(instant_us / DR_SECOND_US);
    time_t now = time(NULL);
    struct tm at;
    struct tm today;
    size_t bytes;
    char *text = ring(&bytes);

    if (instant_us <= 0)
        return "-";
    localtime_r(&seconds, &at);
    localtime_r(&now, &today);
    if (date || at.tm_yday != today.tm_yday || at.tm_year != today.tm_year)
        strftime(text, bytes, "%Y-%m-%d %H:%M:%S", &at);
    else
        strftime(text, bytes, "%H:%M:%S", &at);
    return text;
}

const char *dr_show_instant(int64_t instant_us)
{
    return show_local(instant_us, 1);
}

const char *dr_show_clock(int64_t instant_us)
{
    return show_local(instant_us, 0);
}

const char *dr_show_milli(int64_t milli)
{
    char text[DR_TEXT_BYTES];

    return dr_show_format("%s", dr_format_milli(milli, text));
}

const char *dr_show_memory(int64_t memory_mb)
{
    char text[DR_TEXT_BYTES];

    return dr_show_format("%s", dr_format_memory(memory_mb, text));
}
