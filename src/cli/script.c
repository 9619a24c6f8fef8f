/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/script.h"

#include <ctype.h>

#define LINE_BYTES_MAX 8192

enum { KEEP_SBATCH, KEEP_DAERO };

/* The next word of an option line, unquoted into `word`, as sbatch does: single and double quotes,
 * a backslash before one character, `#` begins a comment. Returns where to go on; NULL: no more
 * words;
 * `*bad` says what is wrong with the line. */
static const char *next_word(const char *at, char *word, size_t word_bytes, const char **bad)
{
    char quote = 0;
    size_t length = 0;
    int any = 0;

    while (isspace((unsigned char)*at))
        at += 1;
    if (*at == '\0' || *at == '#')
        return NULL;
    for (; *at != '\0' && (quote != 0 || !isspace((unsigned char)*at)); at += 1) {
        char byte = *at;

        any = 1;
        if (quote == 0 && (byte == '\'' || byte == '"')) {
            quote = byte;
            continue;
        }
        if (quote != 0 && byte == quote) {
            quote = 0;
            continue;
        }
        if (byte == '\\' && quote != '\'' && at[1] != '\0') {
            at += 1;
            byte = *at;
        }
        if (length + 1 < word_bytes)
            word[length++] = byte;
    }
    word[length] = '\0';
    if (quote != 0)
        *bad = "a quote is not closed on this line";
    return any ? at : NULL;
}

/* An option line's words: --name=value, --name value, -x value, -xvalue. */
static enum dr_status read_line(struct dr_job_spec *spec, const char *rest, int sbatch,
                                struct dr_error *error)
{
    static char word[LINE_BYTES_MAX];
    static char value[LINE_BYTES_MAX];
    const char *bad = NULL;
    const char *at = next_word(rest, word, sizeof word, &bad);

    while (at != NULL) {
        const struct dr_job_option *option = NULL;
        char *given = NULL;
        char written[64];

        if (bad != NULL) {
            dr_error_set(error, NULL, 0, "", NULL, "%s", bad);
            return DR_E_INPUT;
        }
        if (strncmp(word, "--", 2) == 0 && word[2] != '\0') {
            given = strchr(word, '=');
            if (given != NULL)
                *given++ = '\0';
            option = dr_job_option_find(word + 2);
        } else if (word[0] == '-' && word[1] != '\0' && word[1] != '-') {
            option = dr_job_option_letter(word[1]);
            if (word[2] != '\0')
                given = word + 2 + (word[2] == '=' ? 1 : 0);
        } else {
            if (strcmp(word, "hetjob") == 0 || strcmp(word, "packjob") == 0) {
                dr_error_set(error, NULL, 0, word, NULL,
                             "all tasks of a gang are alike; submit one job per kind");
                return DR_E_INPUT;
            }
            dr_error_set(error, NULL, 0, "", word, "an option such as --ntasks=4");
            return DR_E_INPUT;
        }
        if (word[1] == '-')
            snprintf(written, sizeof written, "%.60s", word);
        else
            snprintf(written, sizeof written, "-%c", word[1]);
        if (given == NULL && option != NULL && option->option.argument != NULL &&
            !dr_cli_optional(&option->option)) {
            at = next_word(at, value, sizeof value, &bad);
            if (bad != NULL)
                continue; /* said above, at the loop's start */
            given = at == NULL ? NULL : value;
        }
        if (dr_job_set_named(spec, written, given, sbatch, error) != DR_OK)
            return DR_E_INPUT;
        if (at != NULL)
            at = next_word(at, word, sizeof word, &bad);
    }
    if (bad != NULL) {
        dr_error_set(error, NULL, 0, "", NULL, "%s", bad);
        return DR_E_INPUT;
    }
    return DR_OK;
}

/* The text after "#DAERO" or "#SBATCH"; NULL for any other line. */
static const char *directive(const char *line, const char *word)
{
    size_t length = strlen(word);

    if (strncmp(line, word, length) != 0)
        return NULL;
    if (line[length] != '\0' && !isspace((unsigned char)line[length]))
        return NULL;
    return line + length;
}

/* One pass over the lines, taking those of one kind. */
static enum dr_status pass(struct dr_job_spec *spec, int kind, const char *name, const char *text,
                           size_t bytes, struct dr_buffer *warnings, struct dr_error *error)
{
    static char line[LINE_BYTES_MAX];
    int in_head = 1;
    uint32_t number = 0;

    spec->layer = kind == KEEP_SBATCH ? DR_LAYER_SBATCH : DR_LAYER_DAERO;
    while (bytes > 0) {
        const char *end = memchr(text, '\n', bytes);
        size_t length = end == NULL ? bytes : (size_t)(end - text);
        const char *rest;

        number += 1;
        if (length >= sizeof line) {
            /* Only a directive's length matters, and none is so long. */
            if (strncmp(text, "#SBATCH", 7) == 0 || strncmp(text, "#DAERO", 6) == 0) {
                dr_error_set(error, name, number, "", NULL, "the line is longer than %d bytes",
                             LINE_BYTES_MAX - 1);
                return DR_E_INPUT;
            }
            in_head = in_head && text[0] == '#';
            goto next;
        }
        memcpy(line, text, length);
        line[length] = '\0';
        rest = directive(line, kind == KEEP_SBATCH ? "#SBATCH" : "#DAERO");
        if (rest != NULL && in_head) {
            if (read_line(spec, rest, kind == KEEP_SBATCH, error) != DR_OK) {
                snprintf(error->file, sizeof error->file, "%s", name);
                error->line = number;
                return DR_E_INPUT;
            }
        } else if (rest != NULL && kind == KEEP_DAERO) {
            dr_error_set(error, name, number, "#DAERO", NULL,
                         "options are read before the first command alone; move the line up");
            return DR_E_INPUT;
        } else if (rest != NULL && warnings != NULL) {
            dr_buffer_printf(warnings,
                             "%s:%u: #SBATCH: options are read before the first command alone, as "
                             "in Slurm: this line has no effect\n",
                             name, number);
        } else if (strchr("#", line[strspn(line, " \t\r")]) == NULL) {
            in_head = 0; /* neither empty nor a comment */
        }
    next:
        text += length + (end != NULL);
        bytes -= length + (end != NULL);
    }
    return DR_OK;
}

enum dr_status dr_script_read(struct dr_job_spec *spec, const char *name, const char *text,
                              size_t bytes, struct dr_buffer *warnings, struct dr_error *error)
{
    const char *end;

    if (bytes > DR_SCRIPT_BYTES_MAX) {
        dr_error_set(error, name, 0, "", NULL, "the script has %zu bytes, at most %u are taken",
                     bytes, DR_SCRIPT_BYTES_MAX);
        return DR_E_INPUT;
    }
    if (bytes < 3 || text[0] != '#' || text[1] != '!') {
        dr_error_set(error, name, 1, "", NULL,
                     "a script begins with #! and its interpreter, such as #!/bin/bash");
        return DR_E_INPUT;
    }
    if (memchr(text, '\0', bytes) != NULL) {
        dr_error_set(error, name, 0, "", NULL,
                     "this is no script (it has a NUL byte); to run a program write "
                     "`daero submit -- PROGRAM ARGUMENTS`");
        return DR_E_INPUT;
    }
    end = memchr(text, '\n', bytes);
    if (end != NULL && end > text && end[-1] == '\r') {
        dr_error_set(error, name, 1, "", NULL,
                     "lines end in CR LF; a script needs LF alone (dos2unix changes it)");
        return DR_E_INPUT;
    }
    if (pass(spec, KEEP_SBATCH, name, text, bytes, warnings, error) != DR_OK)
        return DR_E_INPUT;
    return pass(spec, KEEP_DAERO, name, text, bytes, NULL, error);
}
