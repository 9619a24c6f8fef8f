/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <unistd.h>

#include "base/text.h"

#define SAID_MAX 20
/* How far above the program's directory scenarios/ may lie: in a build it is build/MODE. */
#define PARENTS_MAX 3

int dr_option_whole(const struct dr_cli *cli, const char *option, int64_t min, int64_t max,
                    int64_t *value)
{
    const char *text = dr_cli_value(cli, option);

    if (text == NULL || dr_parse_i64(text, min, max, value))
        return 1;
    dr_cli_fail(cli, DR_EXIT_USAGE, "--%s: found '%s', expected a whole number from %lld to %lld",
                option, text, (long long)min, (long long)max);
    return 0;
}

int dr_option_milli(const struct dr_cli *cli, const char *option, int64_t min_milli,
                    int64_t max_milli, uint32_t *milli)
{
    const char *text = dr_cli_value(cli, option);

    return text == NULL || dr_option_milli_text(cli, option, text, min_milli, max_milli, milli);
}

int dr_option_milli_text(const struct dr_cli *cli, const char *option, const char *text,
                         int64_t min_milli, int64_t max_milli, uint32_t *milli)
{
    int64_t number;

    if (dr_parse_milli(text, min_milli, max_milli, &number)) {
        *milli = (uint32_t)number;
        return 1;
    }
    dr_cli_fail(cli, DR_EXIT_USAGE,
                "--%s: found '%s', expected a number from %g to %g with up to three places", option,
                text, (double)min_milli / 1000, (double)max_milli / 1000);
    return 0;
}

int dr_option_duration(const struct dr_cli *cli, const char *option, int64_t least_us, int64_t *us)
{
    const char *text = dr_cli_value(cli, option);

    if (text == NULL || (dr_parse_duration_us(text, us) && *us >= least_us))
        return 1;
    dr_cli_fail(cli, DR_EXIT_USAGE, "--%s: found '%s', expected a duration like 90s, 15m, 7d",
                option, text);
    return 0;
}

int dr_option_word(const struct dr_cli *cli, const char *option, const char *const *words,
                   uint32_t count, int *value)
{
    const char *text = dr_cli_value(cli, option);
    char list[200] = "";
    size_t length = 0;

    if (text == NULL)
        return 1;
    for (uint32_t i = 0; i < count; i += 1) {
        if (strcmp(words[i], text) == 0) {
            *value = (int)i;
            return 1;
        }
        length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", i == 0 ? "" : ", ",
                                   words[i]);
    }
    dr_cli_fail(cli, DR_EXIT_USAGE, "--%s: found '%s', expected one of these: %s", option, text,
                list);
    return 0;
}

int dr_cli_write_file(const struct dr_cli *cli, const char *path, const struct dr_buffer *content)
{
    FILE *file = fopen(path, "we");
    int failed = file == NULL || fwrite(content->data, 1, content->length, file) != content->length;

    failed |= file != NULL && fclose(file) != 0;
    return failed ? dr_cli_fail(cli, DR_EXIT_FAILED, "%s can't be written", path) : DR_EXIT_OK;
}

void dr_cli_say_row(struct dr_cli_rows *rows, const struct dr_error *error)
{
    char text[1400];

    rows->count += 1;
    if (rows->count > SAID_MAX)
        return;
    fprintf(stderr, "%s\n", dr_error_line(error, text, sizeof text));
    if (rows->count == SAID_MAX)
        fputs("... more of these are counted, not shown\n", stderr);
}

int dr_option_output(const struct dr_cli *cli, const char *option, FILE **file)
{
    const char *path = dr_cli_value(cli, option);

    *file = path == NULL ? NULL : fopen(path, "we");
    if (path == NULL || *file != NULL)
        return 1;
    dr_cli_fail(cli, DR_EXIT_FAILED, "--%s: %s can't be written", option, path);
    return 0;
}

void dr_cli_say_error(void *context, const struct dr_error *error)
{
    char text[1400];

    (void)context;
    fprintf(stderr, "%s\n", dr_error_line(error, text, sizeof text));
}

int dr_cli_find_scenario(const struct dr_cli *cli, const char *name, const char *file,
                         char path[4096])
{
    const char *data = dr_cli_value(cli, "data");
    char program[2048];
    ssize_t bytes;

    if (data != NULL) {
        snprintf(path, 4096, "%s", data);
        return 1;
    }
    if (!dr_name_valid(name)) {
        dr_cli_fail(cli, DR_EXIT_USAGE, "found '%s', expected a scenario's name, as in korea",
                    name);
        return 0;
    }
    bytes = readlink("/proc/self/exe", program, sizeof program - 1);
    program[bytes < 0 ? 0 : bytes] = '\0';
    for (int above = 0; above <= PARENTS_MAX; above += 1) {
        static const char *const places[] = {"scenarios", "share/daero/scenarios"};
        char *slash = strrchr(program, '/');

        if (slash == NULL)
            break;
        *slash = '\0';
        for (size_t i = 0; i < DR_COUNT_OF(places); i += 1) {
            snprintf(path, 4096, "%s/%s/%s/%s", program, places[i], name, file);
            if (access(path, F_OK) != 0)
                continue;
            snprintf(path, 4096, "%s/%s/%s", program, places[i], name);
            return 1;
        }
    }
    dr_cli_fail(
        cli, DR_EXIT_USAGE,
        "found '%s', expected a scenario that lies in scenarios/ beside the program and has "
        "%s, or --data",
        name, file);
    return 0;
}
