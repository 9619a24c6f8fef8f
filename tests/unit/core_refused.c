/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals that are remembered for too long: until the next tick asks everybody. */
#include "world.h"

#define MINUTE DR_MINUTE_US

/* Who finds room, and only the root refuses him, takes back what may be taken in another pool of
 * the group, as soon as it may. */
TEST(what_may_be_taken_in_the_group_helps_who_finds_room)
{
    struct world *w = world_remembering("1 site, 1 pool, 1 node x 4 h200", 0);
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 2, -1, -1);
    dr_job_id borrower, owner;

    world_pool(w, world_site(w, "s2"), "h200", 1, 4, 0);
    world_account(w, "keeper", WORLD_ACCOUNT_ROOT, 4, -1, 0);
    borrower = world_submit(w, (struct job_spec){.site = "s2", .accelerators = 4, .memory_mb = 1});
    world_run_us(w, MINUTE);
    owner = world_submit(
        w, (struct job_spec){.account = b, .site = "s1", .accelerators = 2, .memory_mb = 1});
    world_run_us(w, 20 * MINUTE);
    CHECK_EQ(world_why(w, owner).holds[0].reason, DR_REASON_KEPT);
    /* A decision that is made for somebody else. */
    world_submit(w, (struct job_spec){.site = "s2", .accelerators = 4, .memory_mb = 1});
    world_decide(w);
    CHECK_EQ(world_run(w, borrower)->stopping, DR_STOP_RECLAIM);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Who was hunted for in vain, while by sums there was enough, is met again when another attempt of
 * his own account may be taken. */
TEST(what_ripens_ends_doubt)
{
    struct world *w = world_remembering("1 site, 1 pool, 2 nodes x 8 h200", 0);
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 16, -1, -1); /* lends nothing */
    dr_job_id victim, urgent;

    world_submit(w, (struct job_spec){.account = b, .accelerators = 4, .priority = 2});
    world_submit(w, (struct job_spec){.account = b, .accelerators = 4});
    world_run_us(w, 4 * MINUTE);
    victim = world_submit(w, (struct job_spec){.account = b, .accelerators = 4});
    world_run_us(w, 2 * MINUTE);
    urgent = world_submit(w, (struct job_spec){.account = b, .accelerators = 8, .priority = 1});
    world_run_us(w, 6 * MINUTE);
    CHECK_EQ(world_job(w, urgent)->state, DR_JOB_PENDING);
    CHECK_EQ(world_run(w, victim)->stopping, DR_STOP_NONE);
    /* A decision that is made for somebody else. */
    world_submit(w, (struct job_spec){.account = b, .accelerators = 16});
    world_submit(w, (struct job_spec){.account = b, .tasks = 2, .accelerators = 8});
    world_decide(w);
    CHECK_EQ(world_run(w, victim)->stopping, DR_STOP_PRIORITY);
    CHECK_REPLAY(w);
    world_free(w);
}
