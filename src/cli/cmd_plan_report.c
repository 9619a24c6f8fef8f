/* SPDX-License-Identifier: Apache-2.0 */
/* daero plan report: a plan as a page. */
#include "cli/options.h"
#include "cli/plan_cli.h"
#include "cli/table.h"
#include "plan/report.h"

const char *dr_cli_plan_verify_command(const struct dr_cli *cli, const char *directory)
{
    const char *data = dr_cli_value(cli, "data");

    return dr_show_format("daero plan verify %s%s%s", directory, data == NULL ? "" : " --data ",
                          data == NULL ? "" : data);
}

int dr_cli_plan_page(const struct dr_cli *cli, const char *path, const struct dr_program *program,
                     const struct dr_plan *plan, const struct dr_plan_sums *sums,
                     json_t *certificate, const char *verify, json_t *courses)
{
    struct dr_cli_explained *explained = calloc(1, sizeof *explained);
    struct dr_plan_report report = {.program = program,
                                    .plan = plan,
                                    .sums = sums,
                                    .certificate = certificate,
                                    .verify = verify,
                                    .courses = courses};
    json_t *document;
    FILE *out;
    int code, failed;

    if (explained == NULL)
        abort();
    code = dr_cli_plan_explain(cli, program, plan, explained);
    if (code == DR_EXIT_OK) {
        report.bindings = explained->bindings;
        report.bindings_count = explained->bindings_count;
        report.not_begun = explained->phases;
        report.not_begun_count = explained->phases_count;
        document = dr_plan_report_json(&report);
        out = fopen(path, "we");
        failed = out == NULL || dr_plan_report_write(out, document) != DR_OK;
        failed |= out != NULL && fclose(out) != 0;
        json_decref(document);
        if (failed)
            code = dr_cli_fail(cli, DR_EXIT_FAILED, "%s can't be written", path);
    }
    free(explained);
    return code;
}

/* The courses of a file that --compare names; NULL where it was not given. 0: it is not what
 * `daero plan compare --json` writes for these tables, and that was said. */
static int read_courses(const struct dr_cli *cli, const struct dr_plan_inputs *inputs,
                        json_t **courses)
{
    const char *path = dr_cli_value(cli, "compare"), *hash;
    json_error_t wrong;
    json_t *all;
    int good = 0;

    *courses = NULL;
    if (path == NULL)
        return 1;
    all = json_load_file(path, 0, &wrong);
    hash = json_string_value(json_object_get(all, "inputs_sha256"));
    if (hash == NULL || !json_is_object(json_object_get(all, "courses")))
        dr_cli_fail(cli, DR_EXIT_USAGE,
                    "--compare: %s: found %s, expected what `daero plan compare --json` writes",
                    path, all == NULL ? wrong.text : "other JSON");
    else if (strcmp(hash, inputs->hash) != 0)
        dr_cli_fail(cli, DR_EXIT_USAGE,
                    "--compare: %s: found courses of tables with SHA-256 %s, expected those of the "
                    "plan, %s",
                    path, hash, inputs->hash);
    else
        good = 1;
    if (good)
        *courses = json_incref(json_object_get(all, "courses"));
    json_decref(all);
    return good;
}

/* A page with a certificate that does not fit would be believed. */
static int holds(const struct dr_cli *cli, const struct dr_cli_written *written,
                 struct dr_plan_sums *sums)
{
    struct dr_plan_verdict *verdict = calloc(1, sizeof *verdict);
    int good;

    if (verdict == NULL)
        abort();
    good = dr_plan_check(written->inputs, written->plan, verdict, sums) &&
           strcmp(written->claims.inputs_hash, written->inputs->hash) == 0 &&
           strcmp(written->claims.plan_hash, written->hash) == 0 &&
           fabs(sums->cost - written->claims.cost) <= 1e-9 * fabs(sums->cost);
    free(verdict);
    if (!good)
        dr_cli_fail(cli, DR_EXIT_REFUSED,
                    "the certificate does not hold for these tables; `%s` says why",
                    dr_cli_plan_verify_command(cli, cli->operands[0]));
    return good;
}

static int report(const struct dr_cli *cli, const char *path, const struct dr_cli_written *written,
                  json_t *courses)
{
    struct dr_program *program = calloc(1, sizeof *program);
    struct dr_plan_sums *sums = calloc(1, sizeof *sums);
    char file[4096];
    json_t *certificate;
    int code = DR_EXIT_REFUSED;

    if (program == NULL || sums == NULL)
        abort();
    snprintf(file, sizeof file, "%s/certificate.json", cli->operands[0]);
    certificate = json_load_file(file, 0, NULL);
    if (holds(cli, written, sums)) {
        dr_program_init(program, written->inputs, 0);
        code = dr_cli_plan_page(cli, path, program, written->plan, sums, certificate,
                                dr_cli_plan_verify_command(cli, cli->operands[0]), courses);
        dr_program_deinit(program);
    }
    json_decref(certificate);
    free(program);
    free(sums);
    return code;
}

int dr_cmd_plan_report(struct dr_cli *cli)
{
    const char *path = dr_cli_value(cli, "output");
    struct dr_cli_written written = {0};
    json_t *courses = NULL;
    int code;

    if (path == NULL)
        return dr_cli_fail(cli, DR_EXIT_USAGE, "--output is missing");
    code = dr_cli_plan_read(cli, &written);
    if (code == DR_EXIT_OK && !read_courses(cli, written.inputs, &courses))
        code = DR_EXIT_USAGE;
    if (code == DR_EXIT_OK)
        code = report(cli, path, &written, courses);
    json_decref(courses);
    dr_cli_plan_close(&written);
    if (code == DR_EXIT_OK && cli->json)
        printf("{\"page\":\"written\"}\n");
    return code;
}
