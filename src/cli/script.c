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

/* A mistake of one line; what comes after it on the line is not looked at. */
struct place {
    const char *name;
    uint32_t line;
    struct dr_error_list *mistakes;
};

static void add_mistake(const struct place *place, const struct dr_error *error)
{
    dr_error_list_add(place->mistakes, place->name, place->line, error->field, error->found, "%s",
                      error->expected);
}

static void wrong(const struct place *place, const char *field, const char *found,
                  const char *expected)
{
    dr_error_list_add(place->mistakes, place->name, place->line, field, found, "%s", expected);
}

/* An option line's words: --name=value, --name value, -x value, -xvalue. An option that is wrong is
 * noted, and the next one read. */
static void read_line(struct dr_job_spec *spec, const char *rest, int sbatch,
                      const struct place *place)
{
    static char word[LINE_BYTES_MAX];
    static char value[LINE_BYTES_MAX];
    const char *bad = NULL;
    const char *at = next_word(rest, word, sizeof word, &bad);

    while (at != NULL && bad == NULL) {
        const struct dr_job_option *option = NULL;
        struct dr_error error = {0};
        char *given = NULL;
        char written[64];

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
            if (strcmp(word, "hetjob") == 0 || strcmp(word, "packjob") == 0)
                wrong(place, word, NULL, "all tasks of a gang are alike; submit one job per kind");
            else
                wrong(place, "", word, "an option such as --ntasks=4");
            return; /* what follows is no option either */
        }
        if (word[1] == '-')
            snprintf(written, sizeof written, "%.60s", word);
        else
            snprintf(written, sizeof written, "-%c", word[1]);
        if (given == NULL && option != NULL && option->option.argument != NULL &&
            !dr_cli_optional(&option->option)) {
            at = next_word(at, value, sizeof value, &bad);
            if (bad != NULL)
                break;
            given = at == NULL ? NULL : value;
        }
        if (dr_job_set_named(spec, written, given, sbatch, &error) != DR_OK) {
            add_mistake(place, &error);
            if (option == NULL && given == NULL)
                return; /* its value, if it has one, would be taken for an option */
        }
        if (at != NULL)
            at = next_word(at, word, sizeof word, &bad);
    }
    if (bad != NULL)
        wrong(place, "", NULL, bad);
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
static void pass(struct dr_job_spec *spec, int kind, const char *name, const char *text,
                 size_t bytes, struct dr_buffer *warnings, struct dr_error_list *mistakes)
{
    static char line[LINE_BYTES_MAX];
    struct place place = {.name = name, .mistakes = mistakes};
    const char *word = kind == KEEP_SBATCH ? "#SBATCH" : "#DAERO";
    int in_head = 1;

    spec->layer = kind == KEEP_SBATCH ? DR_LAYER_SBATCH : DR_LAYER_DAERO;
    while (bytes > 0) {
        const char *end = memchr(text, '\n', bytes);
        size_t length = end == NULL ? bytes : (size_t)(end - text);
        const char *rest;

        place.line += 1;
        spec->line = place.line;
        if (length >= sizeof line) {
            /* Only a directive's length matters, and none is so long. */
            if (strncmp(text, word, strlen(word)) == 0)
                wrong(&place, word, NULL, "the line is longer than 8191 bytes");
            in_head = in_head && text[0] == '#';
            goto next;
        }
        memcpy(line, text, length);
        line[length] = '\0';
        rest = directive(line, word);
        if (rest != NULL && in_head) {
            spec->sbatch_lines += kind == KEEP_SBATCH;
            read_line(spec, rest, kind == KEEP_SBATCH, &place);
        } else if (rest != NULL && kind == KEEP_DAERO) {
            wrong(&place, "#DAERO", NULL,
                  "options are read before the first command alone; move the line up");
        } else if (rest != NULL && warnings != NULL) {
            dr_buffer_printf(warnings,
                             "%s:%u: #SBATCH: options are read before the first command alone, as "
                             "in Slurm: this line has no effect\n",
                             name, place.line);
        } else if (strchr("#", line[strspn(line, " \t\r")]) == NULL) {
            in_head = 0; /* neither empty nor a comment */
        }
    next:
        text += length + (end != NULL);
        bytes -= length + (end != NULL);
    }
    spec->line = 0;
}

enum dr_status dr_script_read(struct dr_job_spec *spec, const char *name, const char *text,
                              size_t bytes, struct dr_buffer *warnings,
                              struct dr_error_list *mistakes)
{
    const char *end = memchr(text, '\n', bytes);
    struct place place = {.name = name, .line = 1, .mistakes = mistakes};
    uint32_t before = mistakes->count;

    if (bytes > DR_SCRIPT_BYTES_MAX) {
        dr_error_list_add(mistakes, name, 0, "", NULL,
                          "the script has %zu bytes, at most %u are taken", bytes,
                          DR_SCRIPT_BYTES_MAX);
        return DR_E_INPUT;
    }
    if (memchr(text, '\0', bytes) != NULL) {
        place.line = 0;
        wrong(&place, "", NULL,
              "this is no script (it has a NUL byte); to run a program write "
              "`daero submit -- PROGRAM ARGUMENTS`");
        return DR_E_INPUT;
    }
    if (bytes < 3 || text[0] != '#' || text[1] != '!')
        wrong(&place, "", NULL, "a script begins with #! and its interpreter, such as #!/bin/bash");
    if (end != NULL && end > text && end[-1] == '\r') {
        wrong(&place, "", NULL,
              "lines end in CR LF; a script needs LF alone (dos2unix changes it)");
        return DR_E_INPUT; /* so does every other */
    }
    spec->has_script = 1;
    spec->file = name;
    pass(spec, KEEP_SBATCH, name, text, bytes, warnings, mistakes);
    pass(spec, KEEP_DAERO, name, text, bytes, NULL, mistakes);
    spec->file = NULL;
    if (mistakes->count == before)
        return DR_OK;
    dr_error_list_sort(mistakes);
    return DR_E_INPUT;
}
