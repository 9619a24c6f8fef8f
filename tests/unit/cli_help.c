/* SPDX-License-Identifier: Apache-2.0 */
/* The command table against what people read: --help, docs/, completion. A page that is behind the
 * table is written anew by tools/docs-cli. */
#include "cli/job_options.h"

#include "test.h"

static void read_page(struct dr_buffer *page, const char *path)
{
    dr_buffer_init(page, 1u << 20);
    CHECK_EQ(dr_buffer_read_file(page, path), DR_OK);
}

TEST(docs_cli_is_the_table)
{
    struct dr_buffer page DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};

    read_page(&page, "docs/cli.md");
    dr_buffer_init(&text, 1u << 20);
    dr_cli_markdown(&text);
    if (strcmp(dr_buffer_text(&text), dr_buffer_text(&page)) != 0)
        fail_msg("docs/cli.md differs from the program: tools/docs-cli writes it");
}

TEST(docs_job_script_has_the_table)
{
    struct dr_buffer page DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    const char *begin;

    read_page(&page, "docs/formats/job-script.md");
    dr_buffer_init(&text, 1u << 20);
    dr_cli_markdown_options(&text);
    begin = strstr(dr_buffer_text(&page), "<!-- options: begin -->\n");
    CHECK(begin != NULL);
    begin += strlen("<!-- options: begin -->\n");
    if (strncmp(begin, dr_buffer_text(&text), text.length) != 0 ||
        strcmp(begin + text.length, "<!-- options: end -->\n") != 0)
        fail_msg("docs/formats/job-script.md differs from the program: tools/docs-cli writes it");
}

/* Each command and option is described, and neither name nor letter stands for two. */
TEST(each_command_is_whole)
{
    for (uint32_t i = 0; i < DR_CLI_COMMANDS_COUNT; i += 1) {
        const struct dr_cli_command *command = &DR_CLI_COMMANDS[i];

        CHECK(command->summary != NULL && command->run != NULL && command->operands != NULL);
        CHECK(command->operands_max >= command->operands_min);
        CHECK(dr_cli_find(command->name) == command);
        for (uint32_t j = 0; j < command->options_count; j += 1) {
            const struct dr_cli_option *option = &command->options[j];

            CHECK(option->doc != NULL && option->doc[0] != '\0');
            for (uint32_t k = j + 1; k < command->options_count; k += 1) {
                CHECK(strcmp(option->name, command->options[k].name) != 0);
                CHECK(option->letter == 0 || option->letter != command->options[k].letter);
            }
            for (uint32_t k = 0; k < DR_CLI_COMMON_COUNT; k += 1) {
                CHECK(strcmp(option->name, DR_CLI_COMMON[k].name) != 0);
                CHECK(option->letter == 0 || option->letter != DR_CLI_COMMON[k].letter);
            }
        }
    }
}

/* The options of a job may not hide behind one of submit's own, nor of all commands'. */
TEST(job_options_are_reachable)
{
    const struct dr_cli_command *submit = dr_cli_find("submit");

    CHECK(submit != NULL && submit->job_options);
    for (uint32_t i = 0; i < DR_JOB_OPTIONS_COUNT; i += 1) {
        const struct dr_cli_option *option = &DR_JOB_OPTIONS[i].option;

        for (uint32_t j = 0; j < submit->options_count; j += 1)
            CHECK(strcmp(option->name, submit->options[j].name) != 0);
        for (uint32_t j = 0; j < DR_CLI_COMMON_COUNT; j += 1) {
            CHECK(strcmp(option->name, DR_CLI_COMMON[j].name) != 0);
            CHECK(option->letter == 0 || option->letter != DR_CLI_COMMON[j].letter);
        }
    }
}

TEST(help_names_everything)
{
    struct dr_buffer all DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_buffer completion DR_CLEANUP(dr_buffer_deinit) = {0};

    dr_buffer_init(&all, 1u << 20);
    dr_buffer_init(&completion, 1u << 20);
    dr_cli_help(&all);
    dr_cli_completion(&completion);
    for (uint32_t i = 0; i < DR_CLI_COMMANDS_COUNT; i += 1) {
        const struct dr_cli_command *command = &DR_CLI_COMMANDS[i];
        struct dr_buffer one DR_CLEANUP(dr_buffer_deinit) = {0};
        char text[128];

        dr_buffer_init(&one, 1u << 20);
        dr_cli_help_command(&one, command);
        CHECK_HAS(dr_buffer_text(&all), command->summary);
        snprintf(text, sizeof text, "    '%s')\n", command->name);
        CHECK_HAS(dr_buffer_text(&completion), text);
        for (uint32_t j = 0; j < command->options_count; j += 1) {
            snprintf(text, sizeof text, "--%s", command->options[j].name);
            CHECK_HAS(dr_buffer_text(&one), text);
            CHECK_HAS(dr_buffer_text(&completion), text);
        }
    }
}

/* ---- the parser of command lines ---- */

static const char *parse(struct dr_cli *cli, const char *name, const char *line)
{
    static char copy[1024];
    static char *words[64];
    static char text[1400];
    struct dr_error error = {0};
    char *cursor = copy;
    int count = 0;

    memset(cli, 0, sizeof *cli);
    snprintf(copy, sizeof copy, "%s", line);
    while (cursor != NULL && *cursor != '\0')
        words[count++] = strsep(&cursor, " ");
    if (dr_cli_parse(cli, dr_cli_find(name), count, words, &error) == DR_OK)
        return "";
    return dr_error_line(&error, text, sizeof text);
}

TEST(command_lines_that_are_taken)
{
    struct dr_cli cli;

    CHECK_TEXT(parse(&cli, "queue", "-s running --account=a -n x --json"), "");
    CHECK_TEXT(dr_cli_value(&cli, "state"), "running");
    CHECK_TEXT(dr_cli_value(&cli, "account"), "a");
    CHECK_EQ(cli.json, 1);
    CHECK(dr_cli_value(&cli, "user") == NULL);

    CHECK_TEXT(parse(&cli, "submit", "-n4 -HW --nice --gres gpu:2 job.sh -x --json"), "");
    CHECK_TEXT(dr_cli_value(&cli, "ntasks"), "4");
    CHECK_TEXT(dr_cli_value(&cli, "hold"), "");
    CHECK_TEXT(dr_cli_value(&cli, "wait"), "");
    CHECK_TEXT(dr_cli_value(&cli, "nice"), "");
    CHECK_TEXT(dr_cli_value(&cli, "gres"), "gpu:2");
    CHECK_EQ(cli.operands_count, 3); /* what follows the script is the script's */
    CHECK_TEXT(cli.operands[2], "--json");
    CHECK_EQ(cli.json, 0);
    CHECK_EQ(cli.after_dashes, 0);

    CHECK_TEXT(parse(&cli, "submit", "--accelerators 2 -- python3 train.py -n 4"), "");
    CHECK_EQ(cli.after_dashes, 1);
    CHECK_EQ(cli.operands_count, 4);
    CHECK_TEXT(dr_cli_value(&cli, "accelerators"), "2");

    CHECK_TEXT(parse(&cli, "cancel", "7 --reason x 8-9"), "");
    CHECK_EQ(cli.operands_count, 2);
    CHECK_TEXT(cli.operands[1], "8-9");
}

TEST(command_lines_that_are_refused)
{
    struct dr_cli cli;

    CHECK_HAS(parse(&cli, "submit", "--acelerators 2"), "did you mean --accelerators?");
    CHECK_HAS(parse(&cli, "queue", "--zzzzzzzzz"), "`daero queue --help` lists them");
    CHECK_HAS(parse(&cli, "queue", "-Z"), "-Z: there is no such option");
    CHECK_HAS(parse(&cli, "queue", "--state"), "--state: a value is missing");
    CHECK_HAS(parse(&cli, "queue", "-s"), "-s: a value is missing");
    CHECK_HAS(parse(&cli, "queue", "--no-header=1"), "--no-header: found '1', expected no value");
    CHECK_HAS(parse(&cli, "queue", "7"), "found '7', expected options alone");
    CHECK_HAS(parse(&cli, "show", ""), "JOB... is missing");
    CHECK_HAS(parse(&cli, "apply", "a b"), "found 'b', expected nothing more");
}
