/* SPDX-License-Identifier: Apache-2.0 */
/* daero audit: verify (offline), decision, erase, head. */
#include "base/text.h"
#include "cli/fact_words.h"
#include "store/chain.h"

/* ---- verify ---- */

static void report_problem(void *context, const struct dr_chain_problem *problem)
{
    const struct dr_cli *cli = context;

    if (cli->json) {
        json_t *line =
            json_pack("{s:s,s:I,s:I,s:s}", "problem", dr_chain_problem_name(problem->kind),
                      "seq_first", (json_int_t)problem->seq_first, "seq_last",
                      (json_int_t)problem->seq_last, "text", problem->text);

        json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(line);
    } else {
        printf("%s: %s\n", dr_chain_problem_name(problem->kind), problem->text);
    }
}

static int verify(struct dr_cli *cli)
{
    const char *directory = dr_cli_value(cli, "data");
    const char *anchor = dr_cli_value(cli, "anchor");
    struct dr_chain_result result = {0};
    struct dr_error error = {0};
    char head[2 * DR_HASH_BYTES + 1];
    enum dr_status status =
        dr_chain_verify(directory == NULL ? "daero-data" : directory, anchor,
                        dr_cli_value(cli, "key"), report_problem, cli, &result, &error);

    if (status != DR_OK && status != DR_E_CORRUPT)
        return dr_cli_fail_error(
            cli, status == DR_E_INPUT || status == DR_E_MISSING ? DR_EXIT_USAGE : DR_EXIT_FAILED,
            &error);
    dr_format_hex(result.head, sizeof result.head, head);
    if (cli->json) {
        json_t *line = json_pack(
            "{s:b,s:I,s:I,s:I,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:s}", "good", status == DR_OK, "batches",
            (json_int_t)result.batches, "facts", (json_int_t)result.facts, "seq",
            (json_int_t)result.seq, "head", head, "heads", (json_int_t)result.heads, "anchors",
            (json_int_t)result.anchors, "anchored_seq", (json_int_t)result.anchored_seq, "texts",
            (json_int_t)result.texts, "texts_erased", (json_int_t)result.texts_erased, "problems",
            (json_int_t)result.problems, "unknown", result.unknown);

        json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(line);
    } else {
        printf("%llu facts in %llu batches, %llu texts (%llu erased); the head after fact %llu is\n"
               "%s\n",
               (unsigned long long)result.facts, (unsigned long long)result.batches,
               (unsigned long long)result.texts, (unsigned long long)result.texts_erased,
               (unsigned long long)result.seq, head);
        printf("%llu signed heads of the directory fit", (unsigned long long)result.heads);
        if (anchor != NULL)
            printf("; %llu of the anchor fit, up to fact %llu", (unsigned long long)result.anchors,
                   (unsigned long long)result.anchored_seq);
        printf(".\nNot known: %s\n", result.unknown);
        if (status == DR_OK)
            puts("Good: no past fact was changed or reordered.");
        else
            printf("BAD: %llu problem%s found.\n", (unsigned long long)result.problems,
                   result.problems == 1 ? "" : "s");
    }
    return status == DR_OK ? DR_EXIT_OK : DR_EXIT_REFUSED;
}

/* ---- decision ---- */

/* "at 14:03:22 (fact 812)" before each step. */
static void step(const json_t *fact)
{
    printf("%s  fact %s  ", dr_show_clock(dr_member_number(fact, "time_us")),
           dr_member_text(fact, "seq"));
}

static void explain_placed(const json_t *fact)
{
    const json_t *keys = json_object_get(fact, "keys");
    const char *rule = dr_member_text(fact, "rule");
    char text[DR_TEXT_BYTES];
    struct dr_buffer place DR_CLEANUP(dr_buffer_deinit) = {0};
    json_t *key;
    size_t i;

    dr_buffer_init(&place, 64u << 10);
    dr_extent_words(&place, fact);
    step(fact);
    printf("attempt %s was placed in %s on %s\n", dr_member_text(fact, "attempt"),
           dr_member_text(fact, "pool_name"), dr_buffer_text(&place));
    printf("    rule %s: %s\n", rule, dr_rule_words(rule));
    /* A promise was judged when it was made, so its placing has no tier of its own. */
    if (dr_member_number(fact, "tier") > 0)
        printf("    tier %s: %s\n", dr_member_text(fact, "tier"),
               dr_member_number(fact, "tier") == 1 ? "within its account's guarantee"
                                                   : "above its account's guarantee, borrowing");
    if (json_array_size(keys) > 0) {
        printf("    keys on its account's path, from below the root (least first):");
        json_array_foreach(keys, i, key) printf(" %lld", (long long)json_integer_value(key));
        putchar('\n');
    }
    printf("    alternative %s, cost of this place %s, limit %s\n",
           dr_member_number(fact, "alternative") == 0 ? "as asked"
                                                      : dr_member_text(fact, "alternative"),
           dr_format_money(dr_member_number(fact, "cost_micro"), text),
           dr_show_duration(dr_member_number(fact, "limit_us")));
}

static void explain_stopping(const json_t *fact)
{
    step(fact);
    printf("attempt %s was told to leave: %s\n", dr_member_text(fact, "attempt"),
           dr_member_text(fact, "cause"));
    if (dr_member_number(fact, "for_job") > 0)
        printf("    for job %s; work lost at that moment: %s accelerator-seconds, the least that "
               "would do\n",
               dr_member_text(fact, "for_job"), dr_member_text(fact, "loss"));
    if (dr_member_number(fact, "until_us") > 0)
        printf("    it was warned, with grace until %s\n",
               dr_show_clock(dr_member_number(fact, "until_us")));
}

static void explain_promised(const json_t *fact)
{
    struct dr_buffer place DR_CLEANUP(dr_buffer_deinit) = {0};

    dr_buffer_init(&place, 64u << 10);
    dr_extent_words(&place, fact);
    step(fact);
    printf("it was promised %s in %s, which others hold\n", dr_buffer_text(&place),
           dr_member_text(fact, "pool_name"));
    printf("    %s: %s gang%s told to leave by %s, losing %s accelerator-seconds in all\n",
           dr_member_text(fact, "cause"), dr_member_text(fact, "victims"),
           dr_member_number(fact, "victims") == 1 ? "" : "s",
           dr_show_clock(dr_member_number(fact, "until_us")), dr_member_text(fact, "loss"));
}

static void explain(const json_t *fact)
{
    const char *kind = dr_member_text(fact, "kind");
    struct dr_buffer words DR_CLEANUP(dr_buffer_deinit) = {0};

    if (strcmp(kind, "JOB_PLACED") == 0) {
        explain_placed(fact);
    } else if (strcmp(kind, "ATTEMPT_STOPPING") == 0) {
        explain_stopping(fact);
    } else if (strcmp(kind, "JOB_PROMISED") == 0) {
        explain_promised(fact);
    } else {
        dr_buffer_init(&words, 64u << 10);
        dr_fact_words(&words, fact);
        step(fact);
        puts(dr_buffer_text(&words));
        if (dr_member_text(fact, "source")[0] != '\0')
            printf("    asked from %s, token %s\n", dr_member_text(fact, "source"),
                   dr_member_number(fact, "by_token") == 0 ? "none (the kernel said who)"
                                                           : dr_member_text(fact, "by_token"));
    }
}

static int decision(struct dr_cli *cli, uint64_t job)
{
    char path[64];
    json_t *answer = NULL;
    json_t *fact;
    size_t i;
    int code;

    snprintf(path, sizeof path, "/v1/jobs/%llu/facts", (unsigned long long)job);
    code = dr_cli_ask(cli, "GET", path, NULL, NULL, &answer);
    if (code != DR_EXIT_OK)
        return code;
    if (cli->json) {
        dr_cli_print_json(cli, answer);
    } else {
        printf("What was decided about job %llu:\n", (unsigned long long)job);
        json_array_foreach(json_object_get(answer, "facts"), i, fact) explain(fact);
    }
    json_decref(answer);
    return DR_EXIT_OK;
}

/* ---- erase, head ---- */

static int erase(struct dr_cli *cli, uint64_t job)
{
    char path[64];

    snprintf(path, sizeof path, "/v1/jobs/%llu/text", (unsigned long long)job);
    return dr_cli_act(cli, "DELETE", path);
}

static int head(struct dr_cli *cli)
{
    json_t *answer = NULL;
    int code = dr_cli_ask(cli, "GET", "/v1/audit/head", NULL, NULL, &answer);

    if (code == DR_EXIT_OK && cli->json)
        dr_cli_print_json(cli, answer);
    else if (code == DR_EXIT_OK && dr_member_text(answer, "signature")[0] == '\0')
        code = dr_cli_fail(cli, DR_EXIT_REFUSED,
                           "no head could be signed; the controller's log says why");
    else if (code == DR_EXIT_OK)
        printf("%.*s\n", (int)strcspn(dr_member_text(answer, "signature"), "\n"),
               dr_member_text(answer, "signature"));
    json_decref(answer);
    return code;
}

int dr_cmd_audit(struct dr_cli *cli)
{
    const char *what = cli->operands[0];
    uint64_t job = 0;

    if (strcmp(what, "verify") == 0 && cli->operands_count == 1)
        return verify(cli);
    if (strcmp(what, "head") == 0 && cli->operands_count == 1)
        return head(cli);
    if (cli->operands_count == 2 && (strcmp(what, "decision") == 0 || strcmp(what, "erase") == 0)) {
        job = dr_cli_job(cli, cli->operands[1]);
        if (job == 0)
            return DR_EXIT_USAGE;
        return strcmp(what, "erase") == 0 ? erase(cli, job) : decision(cli, job);
    }
    return dr_cli_fail(cli, DR_EXIT_USAGE,
                       "found '%s', expected verify, decision JOB, erase JOB or head", what);
}
