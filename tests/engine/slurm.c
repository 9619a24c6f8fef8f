/* SPDX-License-Identifier: Apache-2.0 */
/* The Slurm engine over real daemons: launches, and each way in which Slurm tells an end. */
#include "slurm_site.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"

TEST(start_and_end_with_the_exit_code)
{
    struct site *w = site_new();
    struct site_spec s;

    site_shell(w, &s,
               "echo hello \"$1\" $SLURM_JOB_NAME $DAERO_JOB_ID $DAERO_NODELIST; id -un; exit 7\n");
    s.launch.argv = (const char *const[]){"it's"};
    s.launch.argv_count = 1;
    site_launch(w, &s);
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(site_end(w, &s)->exit_code, 7);
    CHECK(site_find(w, 0, s.launch.job.v, 1, DR_REPORT_STARTED) != NULL);
    CHECK_TEXT(site_file(w, "out"), "hello it's train 1 seoul1\nnobody\n");
    CHECK_EQ(w->engine->operations->forget(w->engine, s.launch.job, 1), DR_OK);
    CHECK_EQ(w->engine->operations->forget(w->engine, s.launch.job, 1), DR_E_MISSING);
    site_free(w);
}

TEST(completed)
{
    struct site *w = site_new();
    const char *const argv[] = {"/bin/true"};
    struct site_spec s;

    site_argv(w, &s, argv, 1);
    site_launch(w, &s);
    CHECK_EQ(site_end(w, &s)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(site_end(w, &s)->exit_code, 0);
    site_free(w);
}
