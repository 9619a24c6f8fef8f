/* SPDX-License-Identifier: Apache-2.0 */
/* options.h: values of options as numbers, and what commands that read and write files share. Each
 * of the first group returns 0, having said what was found and expected, where a value is wrong; an
 * option that was not given leaves the value as it is. */
#ifndef DR_CLI_OPTIONS_H
#define DR_CLI_OPTIONS_H

#include <stdio.h>

#include "cli/cli.h"

/* A whole number from `min` to `max`. */
int dr_option_whole(const struct dr_cli *cli, const char *option, int64_t min, int64_t max,
                    int64_t *value);
/* A number with up to three places, in thousandths. */
int dr_option_milli(const struct dr_cli *cli, const char *option, int64_t min_milli,
                    int64_t max_milli, uint32_t *milli);
/* The same of a text that stands in the option's value. */
int dr_option_milli_text(const struct dr_cli *cli, const char *option, const char *text,
                         int64_t min_milli, int64_t max_milli, uint32_t *milli);
/* A duration, `least_us` or more. */
int dr_option_duration(const struct dr_cli *cli, const char *option, int64_t least_us, int64_t *us);
/* One of `words` [count]; its place among them. */
int dr_option_word(const struct dr_cli *cli, const char *option, const char *const *words,
                   uint32_t count, int *value);

/* Write a whole file. The exit code; where it can't be written that has been said. */
DR_MUST_USE int dr_cli_write_file(const struct dr_cli *cli, const char *path,
                                  const struct dr_buffer *content);

/* A mistake, as a line on standard error: of struct dr_csv_errors. */
void dr_cli_say_error(void *context, const struct dr_error *error);

/* The directory of a scenario's tables: what --data names, or scenarios/NAME beside the program,
 * known by a file that lies in it. 0: nothing is there, and it was said. */
int dr_cli_find_scenario(const struct dr_cli *cli, const char *name, const char *file,
                         char path[4096]);

/* Rows of a file that are wrong: the first twenty are said on standard error. */
struct dr_cli_rows {
    uint64_t count;
};
void dr_cli_say_row(struct dr_cli_rows *rows, const struct dr_error *error);

/* The file that an option names, opened to be written; NULL where it was not given. */
int dr_option_output(const struct dr_cli *cli, const char *name, FILE **file);

#endif
