/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h: what the commands of `daero` share.
 *
 * One table (cli/commands.c) says which commands and options there are; from it come dispatch,
 * --help, docs/cli.md and the completion for bash. A command is one function in one file
 * (cli/cmd_*.c): it reads its arguments with dr_cli_value(), asks the controller with dr_cli_get()
 * and its like, prints, and returns an exit code. Answers go to standard output; everything said
 * about errors goes to standard error, as one sentence that names the place, what was found and
 * what was expected. */
#ifndef DR_CLI_CLI_H
#define DR_CLI_CLI_H

#include <jansson.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/status.h"
#include "cli/client.h"

/* Where a controller that root runs is found by everybody. */
#define DR_SOCKET_FOR_ALL "/run/daero/daero.sock"

/* The exit codes: number, name, meaning. */
#define DR_EXITS(X)                                                                           \
    X(0, OK, "done")                                                                          \
    X(1, REFUSED, "refused: it was understood, but it can't be done (the sentence says why)") \
    X(2, USAGE, "the command line, a script or a file is not valid")                          \
    X(3, UNREACHABLE, "no controller answers")                                                \
    X(4, DENIED, "not allowed, or not known to the controller")                               \
    X(5, UNKNOWN, "no such job, node, account, user or token")                                \
    X(6, FAILED, "this machine or the controller failed")

enum dr_exit {
#define DR_ENUM(number, name, text) DR_EXIT_##name = number,
    DR_EXITS(DR_ENUM)
#undef DR_ENUM
};

/* An option as the person sees it. */
struct dr_cli_option {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    const char
        *argument; /* "FILE"; "[N]": may be left out, and is then given as --name=N; NULL: none */
    const char *doc;
};

/* 1: the argument as a whole stands in brackets, and may be left out. */
int dr_cli_optional(const struct dr_cli_option *option);

#define DR_CLI_GIVEN_MAX 256

struct dr_cli_given {
    const struct dr_cli_option *option;
    const char *value; /* NULL: none */
};

/* Kinds of operands, for completion and help. */
enum dr_cli_operand {
    DR_OPERAND_NONE,
    DR_OPERAND_FILE,
    DR_OPERAND_JOB,
    DR_OPERAND_NODE,
    DR_OPERAND_WORD,
};

struct dr_cli;
struct dr_error_list;

struct dr_cli_command {
    const char *name;     /* of one word, or of two: "sim run" */
    const char *operands; /* as in the usage line: "JOB..." */
    const char *summary;  /* one line */
    const char *text;     /* paragraphs for --help and docs/cli.md; lines broken at 78 columns */
    const struct dr_cli_option *options;
    uint32_t options_count;
    enum dr_cli_operand operand;
    uint32_t operands_min;
    uint32_t operands_max;
    uint32_t job_options;     /* 1: takes the options of a job too (cli/job_options.h) */
    uint32_t stop_at_operand; /* 1: what follows the first operand belongs to it */
    const char *words; /* operands or first operand to complete with, parted by spaces; or NULL */
    int (*run)(struct dr_cli *cli);
};

extern const struct dr_cli_command DR_CLI_COMMANDS[];
extern const uint32_t DR_CLI_COMMANDS_COUNT;
/* Options that every command takes. */
extern const struct dr_cli_option DR_CLI_COMMON[];
extern const uint32_t DR_CLI_COMMON_COUNT;

/* One run of the program. */
struct dr_cli {
    const struct dr_cli_command *command;
    struct dr_cli_given given[DR_CLI_GIVEN_MAX];
    uint32_t given_count;
    char **operands; /* [operands_count], into argv */
    uint32_t operands_count;
    uint32_t after_dashes; /* 1: the operands stood after `--` */
    uint32_t json;         /* 1: --json */
    const json_t *origins; /* where a person wrote a field of what is sent: field, text; or NULL */
    struct dr_client *client;
};

/* Run `daero ARGUMENTS`; arguments[0] is the program's name. Returns the exit code. */
int dr_cli_main(int count, char **arguments);

/* Sort argv into options and operands. DR_E_INPUT: `error` says which argument and why. */
DR_MUST_USE enum dr_status dr_cli_parse(struct dr_cli *cli, const struct dr_cli_command *command,
                                        int count, char **arguments, struct dr_error *error);
const struct dr_cli_command *dr_cli_find(const char *name);
/* The command of one word, or of a word and the one after it; NULL: there is none. `*words`: how
 * many it took. `second` may be NULL. */
const struct dr_cli_command *dr_cli_find_words(const char *first, const char *second,
                                               uint32_t *words);
/* The second words of the commands that begin with `first`, with a space before each; "": none
 * do. */
void dr_cli_second_words(struct dr_buffer *text, const char *first);

/* The last value given for an option; NULL: not given. A flag that was given has the value "". */
const char *dr_cli_value(const struct dr_cli *cli, const char *name);

/* The parts of help, all from the table. */
void dr_cli_help(struct dr_buffer *text);
void dr_cli_help_command(struct dr_buffer *text, const struct dr_cli_command *command);
void dr_cli_markdown(struct dr_buffer *text);         /* docs/cli.md */
void dr_cli_markdown_options(struct dr_buffer *text); /* the table in docs/formats/job-script.md */
void dr_cli_completion(struct dr_buffer *text);
/* A command as JSON: what --help says of it. */
json_t *dr_cli_help_json(const struct dr_cli_command *command);
/* `daero COMMAND --help`, as text or as JSON. */
void dr_cli_print_help(const struct dr_cli *cli, const struct dr_cli_command *command);

/* ---- saying no ---- */

/* "daero submit: ..." on standard error; returns `code`. */
int dr_cli_fail(const struct dr_cli *cli, enum dr_exit code, const char *format, ...)
    DR_PRINTF(3, 4);
int dr_cli_fail_error(const struct dr_cli *cli, enum dr_exit code, const struct dr_error *error);
int dr_cli_fail_all(const struct dr_cli *cli, enum dr_exit code, const struct dr_error_list *list);

/* ---- asking the controller ---- */

/* One request; the answer is parsed into `*answer` (owned by the caller; NULL for an empty one).
 * When the controller refuses, its sentences are on standard error already, and the code to exit
 * with comes back; otherwise DR_EXIT_OK. `headers` are whole lines parted by "\r\n", or NULL. */
DR_MUST_USE int dr_cli_ask(struct dr_cli *cli, const char *method, const char *path,
                           const char *headers, const char *body, json_t **answer);
/* The same without looking inside: the body as it came. */
DR_MUST_USE int dr_cli_ask_text(struct dr_cli *cli, const char *method, const char *path,
                                const char *headers, const char *body, struct dr_buffer *answer);
/* Do something: one request with --reason, where it was given, as its body; the answer is shown
 * with --json alone. Returns the exit code. */
int dr_cli_act(struct dr_cli *cli, const char *method, const char *path);
/* The same, with the answer for the caller to json_decref(). */
int dr_cli_act_answered(struct dr_cli *cli, const char *method, const char *path, json_t **answer);
/* The same to what the operands from `first` on name, one after the other, all of them: `method` on
 * `before`, the name and `after`. Returns the largest exit code; DR_EXIT_UNKNOWN for a name that
 * nothing can have. */
int dr_cli_act_on_each(struct dr_cli *cli, uint32_t first, const char *method, const char *before,
                       const char *after);
/* The client, opened by the options and the environment. NULL: an error was printed. */
struct dr_client *dr_cli_client(struct dr_cli *cli);
/* The exit code for an answer that is no success, having printed its sentences. */
int dr_cli_refused(const struct dr_cli *cli, const struct dr_reply *reply);

/* GET `path` and print the JSON as it came (--json). */
int dr_cli_print_json(const struct dr_cli *cli, const json_t *answer);

/* A job id from an operand; 0 and an error on standard error where it is none. */
uint64_t dr_cli_job(const struct dr_cli *cli, const char *text);
/* Operands that are jobs: numbers, and ranges as `daero submit` prints for an array ("71-80").
 * Calls `each` for one after the other, all of them, and returns the largest exit code. */
int dr_cli_each_job(struct dr_cli *cli, int (*each)(struct dr_cli *cli, uint64_t job));

/* Write a path or query part with what is special in it escaped. */
void dr_cli_escape(struct dr_buffer *to, const char *text);

/* ---- reading answers ---- */

/* A member as text, "" when it is missing or null; numbers are written into a ring of buffers. */
const char *dr_member_text(const json_t *object, const char *name);
int64_t dr_member_number(const json_t *object, const char *name);
int dr_member_true(const json_t *object, const char *name);

/* "2m10s", "-" for none. The texts live in a ring of 32. */
const char *dr_show_duration(int64_t duration_us);
const char *dr_show_instant(int64_t instant_us);
/* "700 W", "12.5 kW", "3.0 MW". */
const char *dr_show_watts(int64_t power_w);
/* Today's instants as "14:03:22", others with their date; local time. */
const char *dr_show_clock(int64_t instant_us);
const char *dr_show_milli(int64_t milli);
const char *dr_show_memory(int64_t memory_mb);
const char *dr_show_format(const char *format, ...) DR_PRINTF(1, 2);

/* ---- the commands, cli/cmd_*.c ---- */
int dr_cmd_serve(struct dr_cli *cli);
int dr_cmd_check(struct dr_cli *cli);
int dr_cmd_scenario(struct dr_cli *cli);
int dr_cmd_plan_run(struct dr_cli *cli);
int dr_cmd_plan_compare(struct dr_cli *cli);
int dr_cmd_plan_alternatives(struct dr_cli *cli);
int dr_cmd_plan_futures(struct dr_cli *cli);
int dr_cmd_plan_verify(struct dr_cli *cli);
int dr_cmd_plan_explain(struct dr_cli *cli);
int dr_cmd_plan_report(struct dr_cli *cli);
int dr_cmd_plan_export(struct dr_cli *cli);
int dr_cmd_plan_replay(struct dr_cli *cli);
int dr_cmd_sim_run(struct dr_cli *cli);
int dr_cmd_sim_compare(struct dr_cli *cli);
int dr_cmd_sim_report(struct dr_cli *cli);
int dr_cmd_sim_import(struct dr_cli *cli);
int dr_cmd_sim_generate(struct dr_cli *cli);
int dr_cmd_sim_replay(struct dr_cli *cli);
int dr_cmd_apply(struct dr_cli *cli);
int dr_cmd_what_if(struct dr_cli *cli);
int dr_cmd_submit(struct dr_cli *cli);
int dr_cmd_queue(struct dr_cli *cli);
int dr_cmd_show(struct dr_cli *cli);
int dr_cmd_why(struct dr_cli *cli);
int dr_cmd_logs(struct dr_cli *cli);
int dr_cmd_cancel(struct dr_cli *cli);
int dr_cmd_hold(struct dr_cli *cli);
int dr_cmd_release(struct dr_cli *cli);
int dr_cmd_wait(struct dr_cli *cli);
int dr_cmd_nodes(struct dr_cli *cli);
int dr_cmd_sites(struct dr_cli *cli);
int dr_cmd_power(struct dr_cli *cli);
int dr_cmd_grid(struct dr_cli *cli);
int dr_cmd_reserve(struct dr_cli *cli);
int dr_cmd_lost(struct dr_cli *cli);
int dr_cmd_drain(struct dr_cli *cli);
int dr_cmd_resume(struct dr_cli *cli);
int dr_cmd_accounts(struct dr_cli *cli);
int dr_cmd_usage(struct dr_cli *cli);
int dr_cmd_token(struct dr_cli *cli);
int dr_cmd_audit(struct dr_cli *cli);
int dr_cmd_events(struct dr_cli *cli);
int dr_cmd_top(struct dr_cli *cli);
int dr_cmd_completion(struct dr_cli *cli);
int dr_cmd_help(struct dr_cli *cli);

#endif
