/* SPDX-License-Identifier: Apache-2.0 */
/* What a site reports by a clock of its own: its instants are put between the attempt's placing and
 * now, so that a wrong clock there, or one that is held here, ends no job. */
#include "world.h"

static dr_job_id placed(struct world *w)
{
    dr_job_id job;

    w->launch_delay_us = 10 * DR_SECOND_US;
    job = world_submit(w, (struct job_spec){.accelerators = 1, .limit_us = DR_HOUR_US});
    world_decide(w);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_CONFIGURING);
    CHECK_EQ(w->attempts_count, 1);
    return job;
}

/* A start of two hours ago does not use up a limit of one. */
TEST(a_start_before_the_placing_counts_from_the_placing)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    dr_job_id job = placed(w);

    w->attempts[0].start_us = w->now_us - 2 * DR_HOUR_US;
    w->attempts[0].end_us = w->now_us + DR_MINUTE_US;
    w->attempts[0].outcome = DR_OUTCOME_EXITED;
    world_run_us(w, 30 * DR_SECOND_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_run(w, job)->start_us, world_run(w, job)->placed_us);
    world_run_us(w, DR_MINUTE_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_COMPLETED);
    CHECK_EQ(world_run(w, job)->run_us, world_run(w, job)->end_us - world_run(w, job)->placed_us);
    CHECK_REPLAY(w);
    world_free(w);
}
