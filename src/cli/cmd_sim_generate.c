/* SPDX-License-Identifier: Apache-2.0 */
/* daero sim generate: a trace that is made up. */
#include <unistd.h>

#include "base/text.h"
#include "cli/options.h"
#include "cli/sim_options.h"

int dr_sim_read_generate(const struct dr_cli *cli, struct dr_generate *generate)
{
    int64_t jobs = 0;
    int64_t seed = 1;
    int64_t gang = 0;

    *generate = (struct dr_generate){
        .load_milli = 900, .flexible_milli = 100, .alternatives_milli = 200, .elastic_milli = 200};
    if (dr_cli_value(cli, "federation") == NULL || dr_cli_value(cli, "jobs") == NULL) {
        dr_cli_fail(cli, DR_EXIT_USAGE, "--%s is missing",
                    dr_cli_value(cli, "jobs") == NULL ? "jobs" : "federation");
        return 0;
    }
    if (!dr_option_whole(cli, "jobs", 1, INT64_C(1000000000000), &jobs) ||
        !dr_option_whole(cli, "seed", 0, INT64_MAX, &seed) ||
        !dr_option_whole(cli, "gang-max", 1, 65536, &gang) ||
        !dr_option_milli(cli, "load", 1, 100000, &generate->load_milli) ||
        !dr_option_milli(cli, "growth", 0, 100000, &generate->growth_milli) ||
        !dr_option_milli(cli, "flexible", 0, 1000, &generate->flexible_milli) ||
        !dr_option_milli(cli, "alternatives", 0, 1000, &generate->alternatives_milli) ||
        !dr_option_milli(cli, "elastic", 0, 1000, &generate->elastic_milli))
        return 0;
    generate->jobs = (uint64_t)jobs;
    generate->seed = (uint64_t)seed;
    generate->gang_max = (uint32_t)gang;
    return 1;
}

int dr_cmd_sim_generate(struct dr_cli *cli)
{
    struct dr_error_list errors DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_generate generate;
    const char *path = dr_cli_value(cli, "output");
    struct dr_federation *federation = NULL;
    struct dr_error error = {0};
    enum dr_status status;
    FILE *trace = stdout;
    int failed = 0;

    if (!dr_sim_read_generate(cli, &generate))
        return DR_EXIT_USAGE;
    if (dr_federation_read(&federation, dr_cli_value(cli, "federation"), &errors, NULL) != DR_OK)
        return dr_cli_fail_all(cli, DR_EXIT_USAGE, &errors);
    if (path != NULL)
        trace = fopen(path, "we");
    if (trace == NULL) {
        dr_federation_close(federation);
        return dr_cli_fail(cli, DR_EXIT_FAILED, "--output: %s can't be written", path);
    }
    status = dr_generate(&generate, federation, trace, &error);
    dr_federation_close(federation);
    if (path != NULL)
        failed = fclose(trace) != 0;
    if (status == DR_OK && failed)
        return dr_cli_fail(cli, DR_EXIT_FAILED, "--output: %s can't be written", path);
    if (status != DR_OK && path != NULL)
        unlink(path);
    if (status == DR_OK && cli->json && path != NULL)
        printf("{\"jobs\":%llu,\"span_s\":%lld}\n", (unsigned long long)generate.jobs,
               (long long)(generate.span_us / DR_SECOND_US));
    return status == DR_OK
               ? DR_EXIT_OK
               : dr_cli_fail_error(cli, status == DR_E_IO ? DR_EXIT_FAILED : DR_EXIT_USAGE, &error);
}
