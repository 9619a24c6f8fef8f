/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes that wait are looked at once for all who have them (core/fits.h): what is remembered of a
 * look never hides a pool in which something could start. Decisions are not asked again here. */
#include "world.h"

#include "core/fits.h"
#include "core/place.h"
#include "core/seats.h"

#define MINUTE DR_MINUTE_US

static int fits(const struct world *w, dr_job_id job, uint64_t since)
{
    return dr_fits_since(w->core, world_job(w, job)->shape, world_job(w, job)->limit_us, 0, since,
                         DR_FITS_START) != 0;
}

/* It fits once enough is free in one pool, and no more once somebody has taken that. */
TEST(a_shape_fits_where_enough_is_free)
{
    struct world *w = world_remembering("1 site, 1 pool, 1 node x 8 h200", 0);
    dr_job_id holds = world_submit(w, (struct job_spec){.accelerators = 6, .memory_mb = 1});
    dr_job_id waits, small;

    world_run_us(w, MINUTE);
    waits = world_submit(w, (struct job_spec){.accelerators = 4, .memory_mb = 1});
    world_run_us(w, MINUTE);
    CHECK_EQ(w->core->fits->waiting_count, 1);
    CHECK(!fits(w, waits, 0));
    small = world_submit(w, (struct job_spec){.accelerators = 2, .memory_mb = 1});
    world_decide(w);
    CHECK_EQ(w->core->fits->waiting_count, 1);
    CHECK_EQ(world_job(w, small)->state, DR_JOB_CONFIGURING);
    CHECK(!fits(w, waits, 0));
    world_end(w, holds, 0);
    world_decide(w);
    CHECK_EQ(w->core->fits->waiting_count, 0);
    CHECK_EQ(world_job(w, waits)->state, DR_JOB_CONFIGURING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* What was free before a moment is not what has come free since. */
TEST(a_look_tells_old_room_from_new)
{
    struct world *w = world_remembering("1 site, 1 pool, 1 node x 8 h200", 0);
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, 2, -1); /* two at most */
    dr_job_id holds, waits;
    uint64_t before;

    world_pool(w, world_site(w, "s2"), "h200", 1, 4, 0);
    holds = world_submit(w, (struct job_spec){.site = "s1", .accelerators = 8, .memory_mb = 1});
    world_run_us(w, MINUTE);
    waits = world_submit(w, (struct job_spec){.account = b, .accelerators = 2, .memory_mb = 1});
    world_submit(w, (struct job_spec){.account = b, .accelerators = 2, .memory_mb = 1});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, waits)->state, DR_JOB_RUNNING);
    before = w->core->seats->clock;
    waits = (dr_job_id){waits.v + 1};
    CHECK_EQ(world_job(w, waits)->state, DR_JOB_PENDING);
    CHECK(!fits(w, waits, before));
    CHECK(fits(w, waits, 0));
    CHECK(!fits(w, waits, before));
    world_end(w, holds, 0);
    world_decide(w);
    CHECK_EQ(world_job(w, waits)->state, DR_JOB_PENDING); /* its quota is in the way */
    CHECK(fits(w, waits, before));
    CHECK_REPLAY(w);
    world_free(w);
}

/* Six accounts wait with a shape that fits nowhere, and come first. Once they have been asked in
 * vain only what fits is offered; who holds the one reservation in the pool does not fit either,
 * but may have it earlier. */
TEST(who_holds_a_reservation_is_asked_where_he_does_not_fit)
{
    struct world *w = world_new("1 site, 1 pool, 5 nodes x 8 h200");
    struct job_spec full = {.accelerators = 8, .memory_mb = 1, .limit_us = 90 * MINUTE};
    struct job_spec half = {.accelerators = 4, .tasks_per_node = 1, .memory_mb = 1};
    dr_job_id first, sooner, later, gang;

    w->asks_every = 1000;
    w->tick_us = DR_HOUR_US;
    w->next_tick_us = w->now_us + 2 * DR_HOUR_US;
    first = world_submit(w, full);
    world_submit(w, full);
    full.accelerators = 7;
    world_submit(w, full);
    full.accelerators = 8;
    half.limit_us = 45 * MINUTE;
    sooner = world_submit(w, half);
    world_decide(w);
    half.accelerators = 5;
    half.limit_us = 50 * MINUTE;
    later = world_submit(w, half);
    world_run_us(w, MINUTE);
    CHECK(world_first_node(w, sooner) != world_first_node(w, later));
    full.tasks = 2;
    gang = world_submit(w, full);
    world_run_us(w, MINUTE);
    CHECK_EQ(world_run(w, gang)->reservation_us, world_run(w, later)->start_us + 50 * MINUTE);
    for (uint32_t i = 0; i < 6; i += 1) {
        char name[8];

        snprintf(name, sizeof name, "c%u", i);
        world_submit(
            w, (struct job_spec){.account = world_account(w, name, WORLD_ACCOUNT_ROOT, 0, -1, -1),
                                 .tasks = 2,
                                 .tasks_per_node = 1,
                                 .accelerators = 5,
                                 .memory_mb = 1});
    }
    world_run_us(w, MINUTE);
    CHECK_EQ(w->core->fits->waiting_count, 2);
    world_end(w, first, 0);
    world_decide(w);
    CHECK_EQ(world_run(w, gang)->reservation_us, world_run(w, sooner)->start_us + 45 * MINUTE);
    CHECK_REPLAY(w);
    world_free(w);
}

/* The root has room for a small job since it refused it, but the job fitted nowhere then and was
 * not asked, after six others that were asked in vain. What the keeper gives back later, and keeps
 * again, is room for it alone. */
TEST(what_was_relieved_meanwhile_is_seen_once_there_is_room)
{
    struct world *w = world_remembering("1 site, 1 pool, 2 nodes x 8 h200", 0);
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    uint32_t keeper;
    dr_job_id large, kept, small;
    struct job_spec spec = {.memory_mb = 1};

    world_pool(w, world_site(w, "s2"), "h200", 1, 8, 0);
    world_pool(w, world_site(w, "s3"), "h200", 1, 8, 0);
    keeper = world_account(w, "keeper", WORLD_ACCOUNT_ROOT, 4, -1, 0);
    spec.accelerators = 8;
    spec.site = "s1";
    large = world_submit(w, spec);
    world_submit(w, spec);
    spec.site = "s3";
    spec.accelerators = 7;
    world_submit(w, spec);
    spec.account = b;
    spec.accelerators = 1;
    world_submit(w, spec);
    spec.account = 0;
    spec.site = "s2";
    spec.accelerators = 4;
    world_submit(w, spec);
    world_run_us(w, MINUTE);
    spec.account = b;
    spec.accelerators = 1;
    small = world_submit(w, spec);
    world_run_us(w, MINUTE);
    CHECK_EQ(world_why(w, small).holds[0].reason, DR_REASON_KEPT);
    spec.account = keeper;
    spec.accelerators = 4;
    kept = world_submit(w, spec);
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, kept)->state, DR_JOB_RUNNING);
    for (uint32_t i = 0; i < 6; i += 1) {
        char name[8];

        snprintf(name, sizeof name, "c%u", i);
        world_submit(
            w, (struct job_spec){.account = world_account(w, name, WORLD_ACCOUNT_ROOT, 0, -1, -1),
                                 .site = "s1",
                                 .tasks = 2,
                                 .tasks_per_node = 1,
                                 .accelerators = 5,
                                 .memory_mb = 1});
    }
    world_run_us(w, MINUTE);
    world_end(w, large, 0);
    world_decide(w);
    CHECK_EQ(world_job(w, small)->state, DR_JOB_PENDING);
    world_end(w, kept, 0);
    world_decide(w);
    CHECK_EQ(world_job(w, small)->state, DR_JOB_CONFIGURING);
    CHECK_REPLAY(w);
    world_free(w);
}
