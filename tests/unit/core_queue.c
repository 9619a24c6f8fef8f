/* SPDX-License-Identifier: Apache-2.0 */
/* The queue: classes, the order within an account, begin times. */
#include "core/queue.h"
#include "world.h"

static uint32_t row_of(const struct world *w, dr_job_id job)
{
    return dr_row_map_find(&w->core->job_rows, job.v);
}

static uint32_t class_of(const struct world *w, dr_job_id job)
{
    return w->core->jobs[row_of(w, job)].queue_class;
}

static uint32_t before(const struct world *w, dr_job_id job)
{
    return dr_queue_before(w->core, (dr_job_row){row_of(w, job)});
}

/* Jobs alike share a class; another account, shape, limit or priority makes another one. */
TEST(jobs_alike_share_a_class)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    dr_job_id one = world_submit(w, (struct job_spec){.accelerators = 8});
    dr_job_id same = world_submit(w, (struct job_spec){.accelerators = 8});
    dr_job_id larger = world_submit(w, (struct job_spec){.accelerators = 8, .tasks = 2});
    dr_job_id shorter = world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = 60000000});
    dr_job_id higher = world_submit(w, (struct job_spec){.accelerators = 8, .priority = 1});
    dr_job_id other = world_submit(w, (struct job_spec){.accelerators = 8, .account = b});
    dr_job_id firm = world_submit(w, (struct job_spec){.accelerators = 8, .firm = 1});

    CHECK_EQ(class_of(w, one), class_of(w, same));
    CHECK(class_of(w, one) != class_of(w, larger));
    CHECK(class_of(w, one) != class_of(w, shorter));
    CHECK(class_of(w, one) != class_of(w, higher));
    CHECK(class_of(w, one) != class_of(w, other));
    CHECK(class_of(w, one) != class_of(w, firm));
    CHECK_EQ(w->core->queue->class_rows.count, 6);
    world_free(w);
}

/* Higher priority first, then submit time, then id; counted over classes. */
TEST(before_counts_over_classes)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    dr_job_id first = world_submit(w, (struct job_spec){.accelerators = 1});
    dr_job_id second = world_submit(w, (struct job_spec){.accelerators = 2});
    dr_job_id third = world_submit(w, (struct job_spec){.accelerators = 1});
    dr_job_id urgent = world_submit(w, (struct job_spec){.accelerators = 2, .priority = 5});

    CHECK_EQ(before(w, urgent), 0);
    CHECK_EQ(before(w, first), 1);
    CHECK_EQ(before(w, second), 2);
    CHECK_EQ(before(w, third), 3);
    world_cancel(w, first);
    CHECK_EQ(before(w, third), 2);
    world_free(w);
}

/* A treap of thousands comes out sorted, whatever is taken from its middle. */
TEST(a_class_of_thousands_stays_sorted)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    static dr_job_id jobs[3000];
    uint64_t last = 0;
    uint32_t count = 0;

    for (int i = 0; i < 3000; i += 1)
        jobs[i] = world_submit(w, (struct job_spec){.accelerators = 8});
    for (int i = 0; i < 3000; i += 3)
        world_cancel(w, jobs[i]);
    for (int i = 0; i < 3000; i += 6)
        jobs[i] = world_submit(w, (struct job_spec){.accelerators = 8});
    for (uint32_t at = dr_queue_first(w->core, class_of(w, jobs[1])); at != DR_ROW_NONE;
         at = dr_queue_next(w->core, at)) {
        CHECK(w->core->jobs[at].id.v > last);
        last = w->core->jobs[at].id.v;
        count += 1;
    }
    CHECK_EQ(count, 2500);
    CHECK_EQ(before(w, jobs[2]), 1);
    CHECK_EQ(before(w, jobs[2996]), 1997);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A job is not looked at before its begin time, and the core asks to be woken then. */
TEST(begin_times_are_waited_for)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    dr_job_id job =
        world_submit(w, (struct job_spec){.accelerators = 8, .begin_us = 90 * DR_SECOND_US});

    CHECK_EQ(class_of(w, job), DR_QUEUE_LATER);
    CHECK_EQ(dr_core_next_time_us(w->core), w->now_us + 90 * DR_SECOND_US);
    CHECK_EQ(world_why(w, job).holds[0].reason, DR_REASON_BEGIN_TIME);
    world_run_us(w, 89 * DR_SECOND_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_PENDING);
    world_run_us(w, 1 * DR_SECOND_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A held job leaves the queue and comes back to its old place. */
TEST(hold_and_release_keep_the_place)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    dr_job_id first = world_submit(w, (struct job_spec){.accelerators = 8});
    dr_job_id second = world_submit(w, (struct job_spec){.accelerators = 8});

    world_hold(w, first);
    CHECK_EQ(class_of(w, first), DR_ROW_NONE);
    CHECK_EQ(world_why(w, first).holds[0].reason, DR_REASON_HELD);
    CHECK_EQ(before(w, second), 0);
    world_release(w, first);
    CHECK_EQ(before(w, second), 1);
    world_free(w);
}

/* What was preempted comes before what is new, at the same priority. */
TEST(preempted_comes_before_new)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 8, -1, -1);
    dr_job_id taken, fresh;

    world_submit(w, (struct job_spec){.accelerators = 8, .held = 1});
    taken = world_submit(w, (struct job_spec){.accelerators = 8});
    world_run_us(w, 6 * DR_MINUTE_US);
    fresh = world_submit(w, (struct job_spec){.accelerators = 8});
    world_submit(w, (struct job_spec){.account = b, .accelerators = 8});
    world_run_us(w, DR_MINUTE_US);
    CHECK_EQ(world_run(w, taken)->preemptions, 1);
    CHECK_EQ(before(w, taken), 0);
    CHECK_EQ(before(w, fresh), 1);
    world_free(w);
}

/* A job whose begin time has come in this very decision, with no fact since, reserves in it and
 * stays with those who wait. */
TEST(who_has_just_begun_to_wait_goes_on_waiting)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    dr_job_id later;

    world_submit(w, (struct job_spec){.accelerators = 8, .memory_mb = 1});
    world_run_us(w, 10 * DR_SECOND_US);
    later = world_submit(
        w, (struct job_spec){.accelerators = 4, .memory_mb = 1, .begin_us = 20 * DR_SECOND_US});
    world_decide(w);
    w->asks_every = 1000;
    w->now_us += 20 * DR_SECOND_US;
    world_decide(w);
    CHECK(world_run(w, later)->reservation != DR_ROW_NONE);
    CHECK(world_job(w, later)->queue_class > DR_QUEUE_PROMISED);
    CHECK_EQ(dr_queue_first(w->core, DR_QUEUE_LATER), DR_ROW_NONE);
    CHECK_REPLAY(w);
    world_free(w);
}
