/* SPDX-License-Identifier: Apache-2.0 */
/* Help, the pages in docs/ and the completion, all written from the tables. */
#include "cli/job_options.h"

static const char *const KINDS_TEXT[] = {
    [DR_JOB_OWN] = "Daero's",
    [DR_JOB_BOTH] = "both",
    [DR_JOB_SLURM] = "Slurm's, as",
    [DR_JOB_IS_SO] = "Slurm's, always so:",
    [DR_JOB_IGNORED] = "passed over, with a warning:",
    [DR_JOB_REFUSED] = "refused:",
};

/* "-n, --ntasks N" */
static void option_words(struct dr_buffer *text, const struct dr_cli_option *option)
{
    if (option->letter != 0)
        dr_buffer_printf(text, "-%c, ", option->letter);
    dr_buffer_printf(text, "--%s", option->name);
    if (dr_cli_optional(option))
        dr_buffer_printf(text, "[=%s", option->argument + 1);
    else if (option->argument != NULL)
        dr_buffer_printf(text, " %s", option->argument);
}

/* `doc` from column 4 + `width` on, broken at words so that lines stay within 98 columns. */
static void option_line(struct dr_buffer *text, const struct dr_cli_option *option, const char *doc)
{
    const size_t width = 32;
    struct dr_buffer words DR_CLEANUP(dr_buffer_deinit) = {0};
    size_t column;

    dr_buffer_init(&words, 4096);
    if (option->letter == 0)
        dr_buffer_append_text(&words, "    ");
    option_words(&words, option);
    dr_buffer_printf(text, "  %s", dr_buffer_text(&words));
    column = words.length + 2;
    if (column >= width) {
        dr_buffer_append_text(text, "\n");
        column = 0;
    }
    while (*doc != '\0') {
        size_t length = strcspn(doc, " ");

        if (column + length + 1 > 98) {
            dr_buffer_append_text(text, "\n");
            column = 0;
        }
        if (column == 0 || column < width) {
            dr_buffer_printf(text, "%*s", (int)(width - column), "");
            column = width;
        } else {
            dr_buffer_append_text(text, " ");
            column += 1;
        }
        dr_buffer_append(text, doc, length);
        column += length;
        doc += length + (doc[length] == ' ');
    }
    dr_buffer_append_text(text, "\n");
}

void dr_cli_help(struct dr_buffer *text)
{
    dr_buffer_append_text(text, "usage: daero COMMAND [OPTION...] [ARGUMENT...]\n\n");
    for (uint32_t i = 0; i < DR_CLI_COMMANDS_COUNT; i += 1)
        dr_buffer_printf(text, "  %-12s %s\n", DR_CLI_COMMANDS[i].name, DR_CLI_COMMANDS[i].summary);
    dr_buffer_append_text(
        text, "\n`daero COMMAND --help` describes one; `daero --version` prints the version.\n"
              "The controller is found by --socket or --url, then DAERO_SOCKET or DAERO_URL (with\n"
              "DAERO_TOKEN), then ./daero-data/daero.sock, then /run/daero/daero.sock.\n"
              "\nExit codes:\n");
#define EXIT_LINE(number, name, meaning) dr_buffer_printf(text, "  %d  %s\n", number, meaning);
    DR_EXITS(EXIT_LINE)
#undef EXIT_LINE
}

void dr_cli_help_command(struct dr_buffer *text, const struct dr_cli_command *command)
{
    dr_buffer_printf(text, "usage: daero %s [OPTION...]%s%s\n\n%s\n", command->name,
                     command->operands[0] != '\0' ? " " : "", command->operands, command->summary);
    if (command->text != NULL)
        dr_buffer_printf(text, "\n%s\n", command->text);
    dr_buffer_append_text(text, "\nOptions:\n");
    for (uint32_t i = 0; i < command->options_count; i += 1)
        option_line(text, &command->options[i], command->options[i].doc);
    for (uint32_t i = 0; i < DR_CLI_COMMON_COUNT; i += 1)
        option_line(text, &DR_CLI_COMMON[i], DR_CLI_COMMON[i].doc);
    if (!command->job_options)
        return;
    dr_buffer_append_text(text,
                          "\nThe job (also in #DAERO lines, and the first of these kinds that "
                          "sbatch has in #SBATCH lines):\n");
    for (uint32_t i = 0; i < DR_JOB_OPTIONS_COUNT; i += 1) {
        const struct dr_job_option *option = &DR_JOB_OPTIONS[i];

        if (option->kind == DR_JOB_OWN || option->kind == DR_JOB_BOTH)
            option_line(text, &option->option, option->option.doc);
    }
    dr_buffer_append_text(text, "\nSlurm's, translated:\n");
    for (uint32_t i = 0; i < DR_JOB_OPTIONS_COUNT; i += 1) {
        const struct dr_job_option *option = &DR_JOB_OPTIONS[i];

        if (option->kind == DR_JOB_SLURM || option->kind == DR_JOB_IS_SO ||
            option->kind == DR_JOB_IGNORED)
            option_line(text, &option->option, option->option.doc);
    }
    dr_buffer_append_text(text,
                          "\nOther options of sbatch are refused, and the refusal says what to "
                          "write instead.\n");
}

static void markdown_cell(struct dr_buffer *text, const char *cell)
{
    for (; *cell != '\0'; cell += 1) {
        if (*cell == '|')
            dr_buffer_append_text(text, "\\");
        dr_buffer_append(text, cell, 1);
    }
}

static void markdown_option(struct dr_buffer *text, const struct dr_cli_option *option,
                            const char *kind, const char *doc)
{
    struct dr_buffer words DR_CLEANUP(dr_buffer_deinit) = {0};

    dr_buffer_init(&words, 4096);
    option_words(&words, option);
    dr_buffer_append_text(text, "| `");
    markdown_cell(text, dr_buffer_text(&words));
    dr_buffer_append_text(text, "` | ");
    if (kind != NULL)
        dr_buffer_printf(text, "%s | ", kind);
    markdown_cell(text, doc);
    dr_buffer_append_text(text, " |\n");
}

void dr_cli_markdown(struct dr_buffer *text)
{
    dr_buffer_append_text(
        text,
        "# The command line\n\n"
        "Written by `daero help --markdown` from the table in src/cli/commands.c; a test "
        "compares.\n\n"
        "Answers go to standard output, everything about errors to standard error, as one "
        "sentence\n"
        "that names the place, what was found and what was expected. `--json` prints what the API\n"
        "answers (docs/api/openapi.yaml), or what the command says of itself. `daero --version` "
        "prints\n"
        "the version.\n\n"
        "The controller is found by `--socket` or `--url` with `--token-file`; else by "
        "`DAERO_SOCKET`,\n"
        "or `DAERO_URL` with `DAERO_TOKEN`; else at `./daero-data/daero.sock`, then at\n"
        "`/run/daero/daero.sock`.\n\n"
        "| exit code | meaning |\n| --- | --- |\n");
#define EXIT_LINE(number, name, meaning) dr_buffer_printf(text, "| %d | %s |\n", number, meaning);
    DR_EXITS(EXIT_LINE)
#undef EXIT_LINE
    dr_buffer_append_text(text,
                          "\n`daero wait` and `daero submit --wait` end with the job's own exit "
                          "code.\n\nEvery command takes:\n\n| option | meaning |\n| --- | --- |\n");
    for (uint32_t i = 0; i < DR_CLI_COMMON_COUNT; i += 1)
        markdown_option(text, &DR_CLI_COMMON[i], NULL, DR_CLI_COMMON[i].doc);
    for (uint32_t i = 0; i < DR_CLI_COMMANDS_COUNT; i += 1) {
        const struct dr_cli_command *command = &DR_CLI_COMMANDS[i];

        dr_buffer_printf(text, "\n## daero %s%s%s\n\n%c%s.\n", command->name,
                         command->operands[0] != '\0' ? " " : "", command->operands,
                         command->summary[0] - ('a' - 'A'), command->summary + 1);
        if (command->text != NULL)
            dr_buffer_printf(text, "\n```\n%s\n```\n", command->text);
        if (command->options_count > 0) {
            dr_buffer_append_text(text, "\n| option | meaning |\n| --- | --- |\n");
            for (uint32_t j = 0; j < command->options_count; j += 1)
                markdown_option(text, &command->options[j], NULL, command->options[j].doc);
        }
        if (command->job_options)
            dr_buffer_append_text(text, "\nThe options of a job stand in "
                                        "[formats/job-script.md](formats/job-script.md).\n");
    }
}

void dr_cli_markdown_options(struct dr_buffer *text)
{
    dr_buffer_append_text(text, "| option | whose | meaning |\n| --- | --- | --- |\n");
    dr_buffer_append_text(
        text, "| `--wrap LINE` | both, on the command line | run this line of the shell |\n"
              "| `-h, --help` | both, on the command line | what there is |\n"
              "| `--usage` | Slurm's, on the command line: | write --help |\n"
              "| `-V, --version` | Slurm's, on the command line: | `daero --version` |\n");
    for (uint32_t i = 0; i < DR_JOB_OPTIONS_COUNT; i += 1) {
        const struct dr_job_option *option = &DR_JOB_OPTIONS[i];

        markdown_option(text, &option->option, KINDS_TEXT[option->kind],
                        option->kind == DR_JOB_REFUSED ? option->instead : option->option.doc);
    }
}

/* The options whose next word is theirs: a file, or something that is not guessed. */
static void completion_option(struct dr_buffer *files, struct dr_buffer *taken,
                              const struct dr_cli_option *option)
{
    static const char *const FILES[] = {"FILE", "PATH", "DIRECTORY"};
    struct dr_buffer *list = taken;

    if (option->argument == NULL || dr_cli_optional(option))
        return;
    for (size_t i = 0; i < DR_COUNT_OF(FILES); i += 1) {
        if (strcmp(option->argument, FILES[i]) == 0)
            list = files;
    }
    dr_buffer_printf(list, " --%s", option->name);
    if (option->letter != 0)
        dr_buffer_printf(list, " -%c", option->letter);
}

static void completion_values(struct dr_buffer *text, const struct dr_cli_command *command)
{
    struct dr_buffer files DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_buffer taken DR_CLEANUP(dr_buffer_deinit) = {0};

    dr_buffer_init(&files, 65536);
    dr_buffer_init(&taken, 65536);
    for (uint32_t i = 0; i < command->options_count; i += 1)
        completion_option(&files, &taken, &command->options[i]);
    for (uint32_t i = 0; i < DR_CLI_COMMON_COUNT; i += 1)
        completion_option(&files, &taken, &DR_CLI_COMMON[i]);
    for (uint32_t i = 0; command->job_options && i < DR_JOB_OPTIONS_COUNT; i += 1) {
        if (DR_JOB_OPTIONS[i].kind != DR_JOB_REFUSED)
            completion_option(&files, &taken, &DR_JOB_OPTIONS[i].option);
    }
    dr_buffer_printf(text, "        files='%s'\n        taken='%s'\n", dr_buffer_text(&files) + 1,
                     taken.length > 0 ? dr_buffer_text(&taken) + 1 : "");
}

/* Bytes of a command's first word. */
static int first_word(uint32_t i)
{
    return (int)strcspn(DR_CLI_COMMANDS[i].name, " ");
}

/* Does no command before it begin with the same word? */
static int is_first_of_word(uint32_t i)
{
    for (uint32_t j = 0; j < i; j += 1)
        if (first_word(i) == first_word(j) &&
            strncmp(DR_CLI_COMMANDS[i].name, DR_CLI_COMMANDS[j].name, (size_t)first_word(i)) == 0)
            return 0;
    return 1;
}

/* Commands of two words: the second is completed, then belongs to the command. */
static void completion_words(struct dr_buffer *text)
{
    dr_buffer_append_text(text, "    case $command in\n");
    for (uint32_t i = 0; i < DR_CLI_COMMANDS_COUNT; i += 1) {
        char first[64];

        if (DR_CLI_COMMANDS[i].name[first_word(i)] == '\0' || !is_first_of_word(i))
            continue;
        snprintf(first, sizeof first, "%.*s", first_word(i), DR_CLI_COMMANDS[i].name);
        dr_buffer_printf(text, "    %s)\n        if [ \"$COMP_CWORD\" -eq 2 ]; then\n", first);
        dr_buffer_append_text(text, "            COMPREPLY=($(compgen -W '");
        dr_cli_second_words(text, first);
        dr_buffer_append_text(text, "' -- \"$word\"))\n            return\n        fi\n"
                                    "        command=\"$command ${COMP_WORDS[2]}\" ;;\n");
    }
    dr_buffer_append_text(text, "    esac\n");
}

void dr_cli_completion(struct dr_buffer *text)
{
    dr_buffer_append_text(
        text,
        "# bash completion for daero, written by `daero completion`\n"
        "_daero() {\n"
        "    local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} options words kind\n"
        "    local before=${COMP_WORDS[COMP_CWORD-1]} files taken values\n"
        "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
        "        COMPREPLY=($(compgen -W '--help --version ");
    for (uint32_t i = 0; i < DR_CLI_COMMANDS_COUNT; i += 1)
        if (is_first_of_word(i))
            dr_buffer_printf(text, "%s%.*s", i > 0 ? " " : "", first_word(i),
                             DR_CLI_COMMANDS[i].name);
    dr_buffer_append_text(text, "' -- \"$word\"))\n        return\n    fi\n");
    completion_words(text);
    dr_buffer_append_text(text, "    case $command in\n");
    for (uint32_t i = 0; i < DR_CLI_COMMANDS_COUNT; i += 1) {
        const struct dr_cli_command *command = &DR_CLI_COMMANDS[i];

        dr_buffer_printf(text, "    '%s')\n        options='", command->name);
        for (uint32_t j = 0; j < command->options_count; j += 1)
            dr_buffer_printf(text, "--%s ", command->options[j].name);
        for (uint32_t j = 0; command->job_options && j < DR_JOB_OPTIONS_COUNT; j += 1) {
            if (DR_JOB_OPTIONS[j].kind != DR_JOB_REFUSED)
                dr_buffer_printf(text, "--%s ", DR_JOB_OPTIONS[j].option.name);
        }
        for (uint32_t j = 0; j < DR_CLI_COMMON_COUNT; j += 1)
            dr_buffer_printf(text, "--%s%s", DR_CLI_COMMON[j].name,
                             j + 1 < DR_CLI_COMMON_COUNT ? " " : "'\n");
        completion_values(text, command);
        switch (command->operand) {
        case DR_OPERAND_FILE:
            dr_buffer_append_text(text, "        kind=file\n");
            break;
        case DR_OPERAND_JOB:
            dr_buffer_append_text(text, "        kind=job\n");
            break;
        case DR_OPERAND_NODE:
            dr_buffer_append_text(text, "        kind=node\n");
            break;
        case DR_OPERAND_WORD:
            dr_buffer_printf(text, "        words='%s'\n",
                             command->words == NULL ? "" : command->words);
            break;
        case DR_OPERAND_NONE:
            break;
        }
        dr_buffer_append_text(text, "        ;;\n");
    }
    dr_buffer_append_text(
        text,
        "    esac\n"
        "    [ \"$command\" = help ] && words=$(daero help 2>/dev/null | sed -n 's/^  "
        "\\([a-z]*\\) .*/\\1/p' | sort -u)\n"
        "    case $before in\n"
        "    --account|-A) values=$(daero usage 2>/dev/null | awk 'NR > 1 { print $1 }') ;;\n"
        "    --site|--sites) values=$(daero sites 2>/dev/null | awk '/^SITE / { next } "
        "/^[a-z0-9-]+ / "
        "{ print $1 }') ;;\n"
        "    --state|-s) values='pending running completed failed cancelled timeout live ended "
        "all' ;;\n"
        "    --roles) values='user account-admin auditor operator admin' ;;\n"
        "    esac\n"
        "    if [ -n \"$values\" ]; then\n"
        "        COMPREPLY=($(compgen -W \"$values\" -- \"$word\")); return\n"
        "    fi\n"
        "    case \" $files \" in *\" $before \"*)\n"
        "        COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
        "    esac\n"
        "    case \" $taken \" in *\" $before \"*) return ;; esac\n"
        "    case $command:$before in audit:decision|audit:erase) kind=job ;; esac\n"
        "    case $word in\n"
        "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")); return ;;\n"
        "    esac\n"
        "    case $kind in\n"
        "    job) words=$(daero queue --no-header --format=job 2>/dev/null) ;;\n"
        "    node) words=$(daero nodes 2>/dev/null | awk 'NR > 1 { print $1 }') ;;\n"
        "    file) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
        "    esac\n"
        "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
        "}\n"
        "complete -o filenames -F _daero daero\n");
}

/* ---- as JSON ---- */

static void add_option(json_t *list, const struct dr_cli_option *option, const char *doc)
{
    json_t *object = json_object();
    char letter[2] = {option->letter, 0};

    json_object_set_new(object, "name", json_string(option->name));
    if (option->letter != 0)
        json_object_set_new(object, "letter", json_string(letter));
    if (option->argument != NULL)
        json_object_set_new(object, "argument", json_string(option->argument));
    json_object_set_new(object, "doc", json_string(doc));
    json_array_append_new(list, object);
}

json_t *dr_cli_help_json(const struct dr_cli_command *command)
{
    json_t *options = json_array();
    json_t *job_options = json_array();
    json_t *object = json_object();

    for (uint32_t i = 0; i < command->options_count; i += 1)
        add_option(options, &command->options[i], command->options[i].doc);
    for (uint32_t i = 0; i < DR_CLI_COMMON_COUNT; i += 1)
        add_option(options, &DR_CLI_COMMON[i], DR_CLI_COMMON[i].doc);
    for (uint32_t i = 0; command->job_options && i < DR_JOB_OPTIONS_COUNT; i += 1) {
        const struct dr_job_option *option = &DR_JOB_OPTIONS[i];

        if (option->kind != DR_JOB_REFUSED)
            add_option(job_options, &option->option, option->option.doc);
    }
    json_object_set_new(object, "command", json_string(command->name));
    json_object_set_new(object, "operands", json_string(command->operands));
    json_object_set_new(object, "summary", json_string(command->summary));
    if (command->text != NULL)
        json_object_set_new(object, "text", json_string(command->text));
    json_object_set_new(object, "options", options);
    if (json_array_size(job_options) > 0)
        json_object_set(object, "job_options", job_options);
    json_decref(job_options);
    return object;
}

/* All commands, and what exit codes mean. */
static json_t *all_json(void)
{
    json_t *commands = json_array();
    json_t *exits = json_array();

    for (uint32_t i = 0; i < DR_CLI_COMMANDS_COUNT; i += 1)
        json_array_append_new(commands, dr_cli_help_json(&DR_CLI_COMMANDS[i]));
#define EXIT_JSON(number, name, meaning) \
    json_array_append_new(exits, json_pack("{s:i,s:s}", "code", number, "meaning", meaning));
    DR_EXITS(EXIT_JSON)
#undef EXIT_JSON
    return json_pack("{s:o,s:o}", "commands", commands, "exit_codes", exits);
}

static void print_and_free(const struct dr_cli *cli, json_t *json)
{
    dr_cli_print_json(cli, json);
    json_decref(json);
}

void dr_cli_print_help(const struct dr_cli *cli, const struct dr_cli_command *command)
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};

    if (cli->json) {
        print_and_free(cli, dr_cli_help_json(command));
        return;
    }
    dr_buffer_init(&text, 1u << 20);
    dr_cli_help_command(&text, command);
    fputs(dr_buffer_text(&text), stdout);
}

/* ---- the commands ---- */

/* A page as it is; with --json the one member of an object. */
static int print(const struct dr_cli *cli, const char *member,
                 void (*write)(struct dr_buffer *text))
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};

    dr_buffer_init(&text, 1u << 20);
    write(&text);
    if (cli->json)
        print_and_free(cli, json_pack("{s:s}", member, dr_buffer_text(&text)));
    else
        fputs(dr_buffer_text(&text), stdout);
    return DR_EXIT_OK;
}

int dr_cmd_help(struct dr_cli *cli)
{
    const struct dr_cli_command *command;
    uint32_t words;

    if (dr_cli_value(cli, "markdown") != NULL)
        return print(cli, "markdown", dr_cli_markdown);
    if (dr_cli_value(cli, "markdown-options") != NULL)
        return print(cli, "markdown", dr_cli_markdown_options);
    if (cli->operands_count == 0 && cli->json) {
        print_and_free(cli, all_json());
        return DR_EXIT_OK;
    }
    if (cli->operands_count == 0)
        return print(cli, "", dr_cli_help);
    command = dr_cli_find_words(cli->operands[0], cli->operands_count > 1 ? cli->operands[1] : NULL,
                                &words);
    if (command != NULL && words < cli->operands_count)
        return dr_cli_fail(cli, DR_EXIT_USAGE, "found '%s', expected nothing more after %s",
                           cli->operands[words], command->name);
    if (command == NULL)
        return dr_cli_fail(cli, DR_EXIT_USAGE,
                           "found '%s', expected a command; `daero help` lists them",
                           cli->operands[0]);
    dr_cli_print_help(cli, command);
    return DR_EXIT_OK;
}

int dr_cmd_completion(struct dr_cli *cli)
{
    return print(cli, "bash", dr_cli_completion);
}
