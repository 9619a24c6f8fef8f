/* SPDX-License-Identifier: Apache-2.0 */
/* daero plan report: a plan as a page. */
#include "cli/options.h"
#include "cli/plan_cli.h"
#include "cli/table.h"
#include "plan/report/report.h"

const char *dr_cli_plan_verify_command(const struct dr_cli *cli, const char *directory)
{
    const char *data = dr_cli_value(cli, "data");

    return dr_show_format("daero plan verify %s%s%s", directory, data == NULL ? "" : " --data ",
                          data == NULL ? "" : data);
}

int dr_cli_plan_page(const struct dr_cli *cli, const char *path, const struct dr_program *program,
                     const struct dr_plan *plan, const struct dr_plan_sums *sums,
                     json_t *certificate, const char *verify, const struct dr_cli_beside *beside)
{
    struct dr_cli_explained *explained = calloc(1, sizeof *explained);
    struct dr_plan_report report = {.program = program,
                                    .plan = plan,
                                    .sums = sums,
                                    .certificate = certificate,
                                    .verify = verify,
                                    .courses = beside->courses,
                                    .alternatives = beside->alternatives,
                                    .futures = beside->futures,
                                    .replay = beside->replay};
    json_t *document;
    FILE *out;
    int code, failed;

    if (explained == NULL)
        abort();
    code = dr_cli_plan_explain(cli, program, plan, explained);
    if (code == DR_EXIT_OK) {
        report.bindings = explained->bindings;
        report.bindings_count = explained->bindings_count;
        report.prices = explained->prices;
        report.prices_count = explained->prices_count;
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

/* A file that another command wrote. */
struct study {
    const char *option;  /* which names it, or its folder */
    const char *name;    /* in that folder; NULL: the option names the file */
    const char *what;    /* "courses" */
    const char *members; /* objects and lists that it has, each with a blank behind it */
    const char *written; /* which command writes it */
    int of_plan;         /* 1: it is of one plan, and says of which */
};

static const struct study COURSES = {
    "compare", NULL, "courses", "courses ", "daero plan compare --json", 0};
static const struct study ALTERNATIVES = {
    "alternatives",  "alternatives.json",          "alternatives",
    "alternatives ", "daero plan alternatives -o", 0};
static const struct study FUTURES = {"futures",
                                     "futures.json",
                                     "futures",
                                     "futures stages first_stage tornado ",
                                     "daero plan futures -o",
                                     0};
static const struct study REPLAY = {"replay",          "replay.json",          "a replay",
                                    "options rounds ", "daero plan replay -o", 1};

static int has_members(const json_t *all, const struct study *study)
{
    const char *at = study->members;
    int good = 1;

    while (*at != '\0') {
        size_t length = strcspn(at, " ");
        char member[32];
        const json_t *found;

        snprintf(member, sizeof member, "%.*s", (int)length, at);
        found = json_object_get(all, member);
        good &= json_is_object(found) || json_is_array(found);
        at += length + 1;
    }
    return good;
}

/* What a study found; NULL where it was not given. 0: it is not what its command writes for these
 * tables and this plan, and that was said. */
static int read_study(const struct dr_cli *cli, const struct dr_cli_written *written,
                      const struct study *study, json_t **found)
{
    const char *place = dr_cli_value(cli, study->option), *hash, *of;
    char path[4096];
    json_error_t wrong;
    json_t *all;
    int good = 0;

    *found = NULL;
    if (place == NULL)
        return 1;
    snprintf(path, sizeof path, "%s%s%s", place, study->name == NULL ? "" : "/",
             study->name == NULL ? "" : study->name);
    all = json_load_file(path, 0, &wrong);
    hash = json_string_value(json_object_get(all, "inputs_sha256"));
    of = json_string_value(json_object_get(all, "plan_sha256"));
    if (hash == NULL || (study->of_plan && of == NULL) || !has_members(all, study))
        dr_cli_fail(cli, DR_EXIT_USAGE, "--%s: %s: found %s, expected what `%s` writes",
                    study->option, path, all == NULL ? wrong.text : "other JSON", study->written);
    else if (strcmp(hash, written->inputs->hash) != 0)
        dr_cli_fail(cli, DR_EXIT_USAGE,
                    "--%s: %s: found %s of tables with SHA-256 %s, expected those of the plan, %s",
                    study->option, path, study->what, hash, written->inputs->hash);
    else if (study->of_plan && strcmp(of, written->hash) != 0)
        dr_cli_fail(cli, DR_EXIT_USAGE,
                    "--%s: %s: found %s of a plan with SHA-256 %s, expected one of this plan, %s",
                    study->option, path, study->what, of, written->hash);
    else
        good = 1;
    if (good)
        *found = json_incref(all);
    json_decref(all);
    return good;
}

/* All that is wrong is said. */
static int read_beside(const struct dr_cli *cli, const struct dr_cli_written *written,
                       struct dr_cli_beside *beside)
{
    json_t *compared;
    int good = read_study(cli, written, &COURSES, &compared);

    good &= read_study(cli, written, &ALTERNATIVES, &beside->alternatives);
    good &= read_study(cli, written, &FUTURES, &beside->futures);
    good &= read_study(cli, written, &REPLAY, &beside->replay);
    beside->courses = json_incref(json_object_get(compared, "courses"));
    json_decref(compared);
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
                  const struct dr_cli_beside *beside)
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
                                dr_cli_plan_verify_command(cli, cli->operands[0]), beside);
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
    struct dr_cli_beside beside = {0};
    int code;

    if (path == NULL)
        return dr_cli_fail(cli, DR_EXIT_USAGE, "--output is missing");
    code = dr_cli_plan_read(cli, &written);
    if (code == DR_EXIT_OK && !read_beside(cli, &written, &beside))
        code = DR_EXIT_USAGE;
    if (code == DR_EXIT_OK)
        code = report(cli, path, &written, &beside);
    json_decref(beside.courses);
    json_decref(beside.alternatives);
    json_decref(beside.futures);
    json_decref(beside.replay);
    dr_cli_plan_close(&written);
    if (code == DR_EXIT_OK && cli->json)
        printf("{\"page\":\"written\"}\n");
    return code;
}
