/* SPDX-License-Identifier: Apache-2.0 */
/* daero serve: options into dr_serve(), which says where it listens and runs until it is told to
 * stop. */
#include "serve/serve.h"

#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"
#include "federation/federation.h"

int dr_cmd_serve(struct dr_cli *cli)
{
    const char *jobs_max = dr_cli_value(cli, "jobs-max");
    const char *directory = dr_cli_value(cli, "data");
    struct dr_controller_options options = {
        .directory = directory == NULL ? "daero-data" : directory,
        .tcp = dr_cli_value(cli, "tcp"),
        .socket = dr_cli_value(cli, "socket"),
        /* Who runs it for a machine is found by all of its users. */
        .socket_for_all =
            geteuid() == 0 && dr_cli_value(cli, "socket") == NULL ? DR_SOCKET_FOR_ALL : NULL,
        .limits = DR_LIMITS_DEFAULT,
        .log = stderr,
    };
    struct dr_error_list mistakes DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_error error = {0};
    int64_t count;
    enum dr_status status;

    if (dr_cli_value(cli, "url") != NULL || dr_cli_value(cli, "token-file") != NULL)
        return dr_cli_fail(cli, DR_EXIT_USAGE,
                           "--url and --token-file are for commands that ask a controller");
    if (jobs_max != NULL) {
        if (!dr_parse_i64(jobs_max, 100, 100000000, &count))
            return dr_cli_fail(cli, DR_EXIT_USAGE,
                               "--jobs-max: found '%s', expected a whole number from 100",
                               jobs_max);
        options.limits.jobs_max = (uint32_t)count;
    }
    for (uint32_t i = 0; i < cli->given_count; i += 1) {
        if (strcmp(cli->given[i].option->name, "limit") == 0 &&
            dr_edge_limits_set(&options.limits_edge, cli->given[i].value, &error) != DR_OK)
            return dr_cli_fail_error(cli, DR_EXIT_USAGE, &error);
    }
    options.mistakes = &mistakes;
    status = dr_serve(&options, dr_cli_value(cli, "federation"), cli->json ? stdout : NULL, &error);
    if (status == DR_OK)
        return DR_EXIT_OK;
    if (mistakes.count > 0)
        return dr_cli_fail_all(cli, DR_EXIT_USAGE, &mistakes);
    return dr_cli_fail_error(cli,
                             status == DR_E_INPUT || status == DR_E_EXISTS || status == DR_E_MISSING
                                 ? DR_EXIT_USAGE
                             : status == DR_E_LEASE  ? DR_EXIT_REFUSED
                             : status == DR_E_DENIED ? DR_EXIT_DENIED
                                                     : DR_EXIT_FAILED,
                             &error);
}
