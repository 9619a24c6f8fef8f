/* SPDX-License-Identifier: Apache-2.0 */
/* daero check: every mistake of a federation file, without a controller. */
#include "cli/cli.h"
#include "federation/federation.h"

static void print_list(const struct dr_cli *cli, const struct dr_error_list *list, const char *kind,
                       json_t *into)
{
    for (uint32_t i = 0; i < list->count; i += 1) {
        const struct dr_error *error = &list->errors[i];
        char text[1400];

        if (cli->json)
            json_array_append_new(into,
                                  json_pack("{s:s,s:i,s:s,s:s,s:s}", "file", error->file, "line",
                                            (int)error->line, "field", error->field, "found",
                                            error->found, "expected", error->expected));
        else
            fprintf(stderr, "%s%s\n", kind, dr_error_line(error, text, sizeof text));
    }
}

int dr_cmd_check(struct dr_cli *cli)
{
    struct dr_error_list errors DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_error_list warnings DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_federation *federation = NULL;
    json_t *answer = json_pack("{s:[],s:[]}", "errors", "warnings");
    const char *path = strcmp(cli->operands[0], "-") == 0 ? "/dev/stdin" : cli->operands[0];
    enum dr_status status = dr_federation_read(&federation, path, &errors, &warnings);

    print_list(cli, &errors, "", json_object_get(answer, "errors"));
    print_list(cli, &warnings, "warning: ", json_object_get(answer, "warnings"));
    if (cli->json)
        dr_cli_print_json(cli, answer);
    else if (status == DR_OK)
        printf("%s: good\n", path);
    json_decref(answer);
    dr_federation_close(federation);
    return status == DR_OK ? DR_EXIT_OK : DR_EXIT_USAGE;
}
