/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the Slurm engine that need no Slurm: tokens, lists of hosts, long answers, who has
 * likely ended. */
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "engine/slurm_hostlist.h"
#include "engine/slurm_likely.h"
#include "engine/slurm_scan.h"
#include "engine/slurm_token.h"
#include "test.h"

/* ---- tokens ---- */

TEST(a_token_is_what_other_programs_make_of_the_same)
{
    struct dr_slurm_key key = {.bytes = "0123456789abcdef0123456789abcdef", .length = 32};
    char token[DR_SLURM_TOKEN_BYTES];

    CHECK_EQ(dr_slurm_token(&key, "root", 1700000000, 1700000060, token), DR_OK);
    /* by Python's hmac, hashlib and base64 over the same header and claims */
    CHECK_TEXT(token, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
                      "eyJleHAiOjE3MDAwMDAwNjAsImlhdCI6MTcwMDAwMDAwMCwic3VuIjoicm9vdCJ9."
                      "h_DWp1YoHJFdVMh1qm1iei37Ze0dw0FjaFs7cFb7A0s");
    CHECK_EQ(dr_slurm_token(&key, "ro\"ot", 1, 2, token), DR_E_INPUT);
    CHECK_EQ(dr_slurm_token(&key, "", 1, 2, token), DR_E_INPUT);
    CHECK_EQ(dr_slurm_user_valid("kim.minji@lab_1-x"), 1);
    CHECK_EQ(dr_slurm_user_valid("a\r\nX-SLURM-USER-NAME: root"), 0);
}

TEST(a_key_file_has_bytes_in_it)
{
    struct dr_slurm_key key;
    struct dr_error error = {0};
    char path[256];
    FILE *file;

    snprintf(path, sizeof path, "%s/key", test_directory());
    CHECK_EQ(dr_slurm_key_read(&key, path, &error), DR_E_MISSING);
    CHECK_TEXT(error.file, path);
    file = fopen(path, "w");
    CHECK(file != NULL);
    fclose(file);
    CHECK_EQ(dr_slurm_key_read(&key, path, &error), DR_E_INPUT);
    file = fopen(path, "w");
    CHECK(file != NULL);
    fwrite("k\0y", 1, 3, file);
    fclose(file);
    CHECK_EQ(dr_slurm_key_read(&key, path, &error), DR_OK);
    CHECK_EQ(key.length, 3);
}

/* ---- lists of hosts ---- */

static void join(void *context, const char *name)
{
    char *text = context;
    size_t used = strlen(text);

    snprintf(text + used, 4096 - used, "%s ", name);
}

static const char *expanded(const char *text)
{
    static char names[4096];

    names[0] = 0;
    return dr_slurm_hostlist(text, strlen(text), 100, join, names) == DR_OK ? names : "refused";
}

TEST(lists_of_hosts)
{
    CHECK_TEXT(expanded(""), "");
    CHECK_TEXT(expanded("seoul1"), "seoul1 ");
    CHECK_TEXT(expanded("seoul[1-3,07],gate"), "seoul1 seoul2 seoul3 seoul07 gate ");
    CHECK_TEXT(expanded("r[08-10]n[1,2]x"), "r08n1x r08n2x r09n1x r09n2x r10n1x r10n2x ");
    CHECK_TEXT(expanded("a,,b"), "refused");
    CHECK_TEXT(expanded("a[1-"), "refused");
    CHECK_TEXT(expanded("a[3-1]"), "refused");
    CHECK_TEXT(expanded("a[]"), "refused");
    CHECK_TEXT(expanded("a]"), "refused");
    CHECK_TEXT(expanded("a[1-2"), "refused");
    CHECK_TEXT(expanded("a[1-999999999]"), "refused");
    CHECK_TEXT(expanded("a[x]"), "refused");
}

/* ---- long answers ---- */

struct found {
    char text[2048];
    int stop_after;
};

static int note(void *context, const struct dr_slurm_object *object)
{
    struct found *found = context;
    size_t used = strlen(found->text);
    int64_t id = -1;

    dr_slurm_raw_number(&object->members[0], &id);
    snprintf(found->text + used, sizeof found->text - used, "%lld %.*s %d;", (long long)id,
             (int)object->members[1].bytes, object->members[1].text ? object->members[1].text : "",
             dr_slurm_raw_is(&object->members[1], "RUNNING"));
    found->stop_after -= 1;
    return found->stop_after == 0;
}

static int64_t scan(const char *text, struct found *found)
{
    static const char *const names[] = {"job_id", "job_state"};

    *found = (struct found){.stop_after = 100};
    return dr_slurm_scan(text, strlen(text), "jobs", names, 2, note, found);
}

TEST(a_list_is_gone_through_object_by_object)
{
    struct found found;

    CHECK_EQ(scan("{\"meta\": {\"jobs\": [{\"job_id\": 9}]}, \"errors\": [ ],\n \"jobs\": [ ]\n}\n",
                  &found),
             0);
    CHECK_TEXT(found.text, "");
    CHECK_EQ(scan("{\"jobs\":[{\"job_id\": 1, \"job_state\": \"RUNNING\", \"x\": {\"job_id\": 7}},"
                  "{\"x\": \"}]\\\" \\\\\", \"job_state\": \"a\\\"b\", \"job_id\": 2}, {}]}",
                  &found),
             3);
    CHECK_TEXT(found.text, "1 \"RUNNING\" 1;2 \"a\\\"b\" 0;-1  0;");
}

/* Half an answer, or another: nothing may be concluded. */
TEST(nonsense_is_no_list)
{
    static const char whole[] = "{\"meta\":{\"a\":[1,2]},\"jobs\":[{\"job_id\":1,\"job_state\":"
                                "\"RUNNING\"},{\"job_id\":2}]}";
    static const char *const others[] = {
        "",
        "null",
        "[]",
        "<html><body>502 Bad Gateway</body></html>",
        "{\"jobs\": {}}",
        "{\"jobs\": null}",
        "{\"jobs\": [1, 2]}",
        "{\"jobs\": [{\"job_id\": 1} {\"job_id\": 2}]}",
        "{\"jobs\": []} {",
        "{\"jobs\": [], \"jobs\": []}",
        "{\"nodes\": []}",
        "{\"jobs\": [{\"a\": [}]]}",
        "{\"jobs\": [{\"a\": \x01}]}",
    };
    struct found found;
    char part[sizeof whole];

    CHECK_EQ(scan(whole, &found), 2);
    for (size_t bytes = 0; bytes < sizeof whole - 1; bytes += 1) {
        memcpy(part, whole, bytes);
        part[bytes] = 0;
        CHECK_EQ(scan(part, &found), -1);
    }
    for (size_t i = 0; i < DR_COUNT_OF(others); i += 1)
        if (scan(others[i], &found) != -1)
            fail_msg("'%s' was taken for a list", others[i]);
}

/* ---- who has likely ended ---- */

TEST(runs_like_the_last_ones)
{
    struct dr_slurm_runs runs = {0};

    CHECK_EQ(dr_slurm_likely(&runs, 0, 1), 1000000); /* nothing is known */
    CHECK_EQ(dr_slurm_likely(&runs, 50, 100), 500000);
    CHECK_EQ(dr_slurm_likely(&runs, 100, 100), 0);
    CHECK_EQ(dr_slurm_likely(&runs, 100, 50), 0);
    CHECK_EQ(dr_slurm_likely(&runs, -100, 100), 1000000);
    for (int64_t run_us = 100; run_us <= 400; run_us += 100)
        dr_slurm_runs_add(&runs, run_us);
    CHECK_EQ(dr_slurm_likely(&runs, 0, 50), 200000);         /* none of four, and the unknown one */
    CHECK_EQ(dr_slurm_likely(&runs, 0, 200), 600000);        /* two of four, and it */
    CHECK_EQ(dr_slurm_likely(&runs, 200, 250), 200000 / 3);  /* none of the two that were longer */
    CHECK_EQ(dr_slurm_likely(&runs, 200, 400), 2500000 / 3); /* both of them */
    CHECK_EQ(dr_slurm_likely(&runs, 400, 800), 500000);      /* none was longer */
}

TEST(old_runs_are_forgotten)
{
    struct dr_slurm_runs runs = {0};

    for (uint32_t i = 0; i < DR_SLURM_RUNS_MAX; i += 1)
        dr_slurm_runs_add(&runs, 10);
    CHECK_EQ(runs.count, DR_SLURM_RUNS_MAX);
    for (uint32_t i = 0; i < DR_SLURM_RUNS_MAX; i += 1)
        dr_slurm_runs_add(&runs, 1000);
    CHECK_EQ(runs.count, DR_SLURM_RUNS_MAX);
    CHECK_EQ(dr_slurm_likely(&runs, 5, 10), 500000 / (DR_SLURM_RUNS_MAX + 1));
    dr_slurm_runs_add(&runs, -5); /* of a clock that was put back */
    CHECK_EQ(runs.run_us[0], 0);
}
