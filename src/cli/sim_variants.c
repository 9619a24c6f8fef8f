/* SPDX-License-Identifier: Apache-2.0 */
/* The variants of `daero sim compare`: each is read as a command line of `daero sim run`. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/sim_compare.h"
#include "sim/trace.h"

static const struct dr_cli_option *option_of(const struct dr_cli_command *command, const char *name)
{
    for (uint32_t i = 0; i < command->options_count; i += 1)
        if (strcmp(command->options[i].name, name) == 0)
            return &command->options[i];
    return NULL;
}

/* Options that `from` and `also` both have, or those of `from` where `also` is NULL; without those
 * that the command itself gives. */
struct taken {
    const char *from;
    const char *also;
    const char *const *given; /* ends with NULL */
};

static const struct dr_cli_option *take(const struct taken *taken, const char *name)
{
    for (const char *const *given = taken->given; *given != NULL; given += 1)
        if (strcmp(*given, name) == 0)
            return NULL;
    if (taken->also != NULL && option_of(dr_cli_find(taken->also), name) == NULL)
        return NULL;
    return option_of(dr_cli_find(taken->from), name);
}

static void list_taken(const struct taken *taken, char *text, size_t bytes)
{
    const struct dr_cli_command *command = dr_cli_find(taken->from);
    size_t length = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < command->options_count && length < bytes; i += 1)
        if (take(taken, command->options[i].name) != NULL)
            length += (size_t)snprintf(text + length, bytes - length, "%s%s",
                                       length == 0 ? "" : ", ", command->options[i].name);
}

static char *trimmed(char *text)
{
    size_t length;

    while (*text == ' ')
        text += 1;
    for (length = strlen(text); length > 0 && text[length - 1] == ' '; length -= 1)
        text[length - 1] = '\0';
    return text;
}

static int give(struct dr_cli *cli, const struct dr_cli_option *option, const char *value)
{
    if (cli->given_count == DR_CLI_GIVEN_MAX) {
        dr_cli_fail(cli, DR_EXIT_USAGE, "at most %d options are taken", DR_CLI_GIVEN_MAX);
        return 0;
    }
    cli->given[cli->given_count] = (struct dr_cli_given){option, value};
    cli->given_count += 1;
    return 1;
}

/* "order=fifo, backfill=easy" as options given to `cli`; `text` is cut up and kept. */
static int give_all(struct dr_cli *cli, char *text, const struct taken *taken)
{
    char *rest = text;

    while (rest != NULL) {
        char *part = trimmed(strsep(&rest, ","));
        char *value = strchr(part, '=');
        const struct dr_cli_option *option;
        char list[400];

        if (value == NULL || value == part) {
            dr_cli_fail(cli, DR_EXIT_USAGE,
                        "found '%s', expected OPTION=VALUE, parted from the next by a comma", part);
            return 0;
        }
        *value = '\0';
        option = take(taken, trimmed(part));
        if (option == NULL) {
            list_taken(taken, list, sizeof list);
            dr_cli_fail(cli, DR_EXIT_USAGE, "found '%s', expected one of these: %s", part, list);
            return 0;
        }
        if (!give(cli, option, trimmed(value + 1)))
            return 0;
    }
    return 1;
}

/* A command line of its own, with what was given to all. */
static void begin_line(struct dr_variant *variant, const struct dr_cli *cli, const char *about)
{
    variant->command = *cli->command;
    dr_format(variant->title, sizeof variant->title, "%s: %s", cli->command->name, about);
    variant->command.name = variant->title;
    variant->cli = *cli;
    variant->cli.command = &variant->command;
}

static int read_generate(struct dr_variants *variants, const struct dr_cli *cli)
{
    static const char *const given[] = {"federation", "output", "seed", NULL};
    const struct taken taken = {.from = "sim generate", .given = given};
    const char *text = dr_cli_value(cli, "generate");
    struct dr_variant line = {0}; /* of `daero sim generate` */
    int ok;

    if (text == NULL)
        return 1;
    variants->generates = 1;
    if (dr_cli_value(cli, "trace") != NULL) {
        dr_cli_fail(cli, DR_EXIT_USAGE, "found --trace and --generate, expected one of them");
        return 0;
    }
    begin_line(&line, cli, "--generate");
    line.cli.given_count = 0;
    /* Which federation it is for is known when the variants are. */
    line.text = strdup(text);
    DR_ASSERT(line.text != NULL);
    ok = give(&line.cli, option_of(dr_cli_find("sim generate"), "federation"), "") &&
         give_all(&line.cli, line.text, &taken) &&
         dr_sim_read_generate(&line.cli, &variants->generate);
    free(line.text);
    return ok;
}

static int read_name(struct dr_variants *variants, struct dr_variant *variant,
                     const struct dr_cli *cli, const char *operand)
{
    const char *name = trimmed(strsep(&variant->text, ":"));

    if (!dr_name_valid(name)) {
        dr_cli_fail(cli, DR_EXIT_USAGE,
                    "found '%s', expected NAME or NAME: OPTION=VALUE,OPTION=VALUE; names have a-z, "
                    "0-9 and -",
                    operand);
        return 0;
    }
    for (const struct dr_variant *other = variants->list; other != variant; other += 1)
        if (strcmp(other->name, name) == 0) {
            dr_cli_fail(cli, DR_EXIT_USAGE, "found two variants '%s', expected a name for each",
                        name);
            return 0;
        }
    dr_copy_name(variant->name, name);
    return 1;
}

static int read_variant(struct dr_variants *variants, struct dr_variant *variant,
                        const struct dr_cli *cli, const char *operand)
{
    static const char *const given[] = {"seed", NULL};
    static const char *const given_trace[] = {"seed", "trace", NULL};
    const struct taken taken = {.from = "sim run",
                                .also = cli->command->name,
                                .given = variants->generates ? given_trace : given};
    char *whole = strdup(operand);
    int ok;

    DR_ASSERT(whole != NULL);
    variant->text = whole;
    ok = read_name(variants, variant, cli, operand);
    if (ok) {
        begin_line(variant, cli, variant->name);
        if (variants->generates) /* each child has its own */
            ok = give(&variant->cli, option_of(cli->command, "trace"), "the generated trace");
        if (ok && variant->text != NULL && trimmed(variant->text)[0] != '\0')
            ok = give_all(&variant->cli, variant->text, &taken);
    }
    variant->text = whole;
    return ok && dr_sim_read_options(&variant->cli, &variant->options);
}

/* A trace that can't be read is said once, and not by each run. */
static int look_at_trace(const struct dr_variant *variant)
{
    struct dr_trace *trace = NULL;
    struct dr_error error = {0};
    enum dr_status status;

    if (strcmp(variant->options.trace, "-") == 0)
        return dr_cli_fail(&variant->cli, DR_EXIT_USAGE,
                           "--trace: found '-', expected a file: all runs read it");
    status = dr_trace_open(&trace, variant->options.trace, &error);
    dr_trace_close(trace);
    return status == DR_OK ? DR_EXIT_OK : dr_cli_fail_error(&variant->cli, DR_EXIT_USAGE, &error);
}

static int open_variant(struct dr_variants *variants, struct dr_variant *variant,
                        const struct dr_cli *cli, const char *operand)
{
    struct dr_error_list errors DR_CLEANUP(dr_error_list_deinit) = {0};

    if (!read_variant(variants, variant, cli, operand))
        return DR_EXIT_USAGE;
    if (dr_federation_read(&variant->federation, dr_cli_value(&variant->cli, "federation"), &errors,
                           NULL) != DR_OK)
        return dr_cli_fail_all(&variant->cli, DR_EXIT_USAGE, &errors);
    return variants->generates ? DR_EXIT_OK : look_at_trace(variant);
}

int dr_variants_open(struct dr_variants *variants, const struct dr_cli *cli)
{
    int code = DR_EXIT_OK;

    *variants = (struct dr_variants){0};
    if (!read_generate(variants, cli))
        return DR_EXIT_USAGE;
    variants->list = calloc(cli->operands_count, sizeof variants->list[0]);
    variants->by_chance = calloc(cli->operands_count, sizeof variants->by_chance[0]);
    DR_ASSERT(variants->list != NULL && variants->by_chance != NULL);
    for (uint32_t i = 0; i < cli->operands_count && code == DR_EXIT_OK; i += 1) {
        variants->count = i + 1;
        code = open_variant(variants, &variants->list[i], cli, cli->operands[i]);
        variants->by_chance[i] =
            (uint8_t)(variants->generates || dr_sim_draws(&variants->list[i].options));
    }
    return code;
}

void dr_variants_close(struct dr_variants *variants)
{
    for (uint32_t i = 0; i < variants->count; i += 1) {
        free(variants->list[i].text);
        dr_federation_close(variants->list[i].federation);
    }
    free(variants->list);
    free(variants->by_chance);
}
