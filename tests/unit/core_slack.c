/* SPDX-License-Identifier: Apache-2.0 */
/* Who was refused for what reservations count on at the root is met again once more may be added
 * beside them, and not before (core/slack.h). Decisions are not asked again here: what is
 * remembered of a refusal has to last. */
#include "world.h"

#include "core/slack.h"

#define MINUTE DR_MINUTE_US

static dr_job_id submit(struct world *w, uint32_t account, const char *site, uint32_t tasks,
                        uint32_t accelerators, int64_t minutes)
{
    return world_submit(w, (struct job_spec){.account = account,
                                             .site = site,
                                             .tasks = tasks,
                                             .accelerators = accelerators,
                                             .memory_mb = 1,
                                             .limit_us = minutes * MINUTE});
}

/* Sites s1 to s4 of 8, 16, `third` and 4 accelerators, of which the keeper has 8 for itself, idle.
 * Nobody has a second reservation in a pool. */
static struct world *begin(uint32_t third)
{
    struct world *w = world_remembering("1 site, 1 pool, 1 node x 8 h200", 1);

    world_pool(w, world_site(w, "s2"), "h200", 2, 8, 0);
    world_pool(w, world_site(w, "s3"), "h200", 1, third, 0);
    world_pool(w, world_site(w, "s4"), "h200", 1, 4, 0);
    world_account(w, "keeper", WORLD_ACCOUNT_ROOT, 8, -1, 0);
    return w;
}

static uint64_t rose_at(const struct world *w)
{
    return w->core->slack->groups[w->core->pools[0].groups[0].v - 1].opened_at;
}

static int is_reserved(const struct world *w, dr_job_id job)
{
    return world_run(w, job)->reservation != DR_ROW_NONE;
}

static int waits(const struct world *w, dr_job_id job)
{
    return world_job(w, job)->state == DR_JOB_PENDING;
}

/* Of 32 accelerators 16 are in use and 8 are kept. At minute 60 a reservation for 8 begins, when 10
 * are in use still: beyond that, 32 - 10 - 8 - 8 = 6 may be added. An end that was believed to come
 * before that adds nothing; one that was believed to come later does. */
TEST(who_is_refused_waits_until_more_may_be_added)
{
    struct world *w = begin(4);
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    dr_job_id sooner, later, first, second, refused;
    uint64_t before;

    submit(w, WORLD_ACCOUNT_A, "s1", 1, 4, 60);
    submit(w, WORLD_ACCOUNT_A, "s2", 1, 8, 300);
    sooner = submit(w, WORLD_ACCOUNT_A, "s3", 1, 2, 50);
    later = submit(w, WORLD_ACCOUNT_A, "s3", 1, 2, 200);
    world_run_us(w, MINUTE);
    first = submit(w, WORLD_ACCOUNT_A, "s1", 1, 8, 60);
    second = submit(w, WORLD_ACCOUNT_A, "s2", 2, 8, 60); /* at minute 300 */
    world_run_us(w, MINUTE);
    refused = submit(w, b, "s2", 1, 8, 90);
    world_run_us(w, MINUTE);
    CHECK(is_reserved(w, first) && is_reserved(w, second));
    CHECK(waits(w, refused) && !is_reserved(w, refused));
    before = rose_at(w);
    world_end(w, sooner, 0);
    world_decide(w);
    CHECK_EQ(rose_at(w), before);
    CHECK(waits(w, refused));
    world_end(w, later, 0);
    world_decide(w);
    CHECK(rose_at(w) > before);
    CHECK(!waits(w, refused));
    CHECK_REPLAY(w);
    world_free(w);
}

/* Of 35 accelerators 18 are in use and 8 are kept. Two reservations leave 7: of a borrower, at
 * minute 30, and of an account within its guarantee, at minute 60. When that one has started
 * something it is a borrower too, and neither is in the way of who is within his guarantee. */
TEST(a_start_that_makes_a_borrower_leaves_more)
{
    struct world *w = begin(7);
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 8, -1, -1);
    uint32_t g = world_account(w, "g", WORLD_ACCOUNT_ROOT, 5, -1, -1);
    dr_job_id borrower, owner, third, refused, small;

    submit(w, WORLD_ACCOUNT_A, "s1", 1, 5, 60);
    submit(w, WORLD_ACCOUNT_A, "s2", 1, 8, 300);
    submit(w, WORLD_ACCOUNT_A, "s3", 1, 2, 200);
    submit(w, WORLD_ACCOUNT_A, "s3", 1, 3, 30);
    world_run_us(w, MINUTE);
    borrower = submit(w, WORLD_ACCOUNT_A, "s3", 1, 5, 60);
    owner = submit(w, g, "s1", 1, 5, 60);
    third = submit(w, WORLD_ACCOUNT_A, "s2", 2, 8, 60); /* at minute 300 */
    world_run_us(w, MINUTE);
    refused = submit(w, b, "s2", 1, 8, 90);
    world_run_us(w, MINUTE);
    CHECK(is_reserved(w, borrower) && is_reserved(w, owner) && is_reserved(w, third));
    CHECK(waits(w, refused) && !is_reserved(w, refused));
    small = submit(w, g, "s4", 1, 1, 10);
    world_decide(w);
    CHECK(!waits(w, small));
    CHECK(waits(w, owner));
    CHECK(!waits(w, refused));
    CHECK_REPLAY(w);
    world_free(w);
}

/* A nation in which reservations leave 3 beside them until `later` ends, which leaves 5, and nobody
 * else may reserve. `b`: an account without a guarantee. */
struct reserved {
    struct world *world;
    uint32_t b;
    dr_job_id later;
    dr_job_id first; /* it holds a reservation */
};

static struct reserved begin_reserved(void)
{
    struct world *w = begin(4);
    struct reserved it = {.world = w, .b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1)};
    struct dr_settings settings = w->core->settings;

    world_limits(w, 3, 1, 11, -1, 0); /* the keeper */
    submit(w, WORLD_ACCOUNT_A, "s1", 1, 4, 60);
    submit(w, WORLD_ACCOUNT_A, "s2", 1, 8, 300);
    submit(w, WORLD_ACCOUNT_A, "s3", 1, 2, 50);
    it.later = submit(w, WORLD_ACCOUNT_A, "s3", 1, 2, 200);
    world_run_us(w, MINUTE);
    it.first = submit(w, WORLD_ACCOUNT_A, "s1", 1, 8, 60);
    submit(w, WORLD_ACCOUNT_A, "s2", 2, 8, 60); /* at minute 300 */
    world_run_us(w, MINUTE);
    CHECK(is_reserved(w, it.first));
    settings.reserve_depth = 0;
    world_settings(w, settings);
    return it;
}

/* A job that fills what is free at s4, and one that has no room there then. */
static dr_job_id fill(const struct reserved *it, dr_job_id *no_room)
{
    struct world *w = it->world;
    dr_job_id fills = submit(w, WORLD_ACCOUNT_A, "s4", 1, 4, 40);

    world_run_us(w, MINUTE);
    *no_room = submit(w, it->b, "s4", 1, 4, 80);
    world_run_us(w, MINUTE);
    CHECK(!waits(w, fills) && waits(w, *no_room) && !is_reserved(w, *no_room));
    return fills;
}

/* There is room now, but not beside reservations, until these leave more. */
static void waits_for_more(const struct reserved *it, dr_job_id fills, dr_job_id no_room)
{
    struct world *w = it->world;

    world_end(w, fills, 0);
    world_decide(w);
    CHECK(waits(w, no_room) && is_reserved(w, it->first));
    world_end(w, it->later, 0);
    world_decide(w);
    CHECK(!waits(w, no_room));
    CHECK_REPLAY(w);
    world_free(w);
}

/* Who had no room is not asked when there is some, where others were refused beside what is
 * reserved, and is when that leaves more. */
TEST(who_had_no_room_is_met_when_more_may_be_added)
{
    struct reserved it = begin_reserved();
    struct world *w = it.world;
    dr_job_id refused = submit(w, it.b, "s2", 1, 4, 90);
    dr_job_id fills, no_room;

    world_run_us(w, MINUTE);
    CHECK(waits(w, refused) && !is_reserved(w, refused));
    fills = fill(&it, &no_room);
    world_cancel(w, refused);
    waits_for_more(&it, fills, no_room);
}

/* The same where nobody else has been refused in the group: who is not asked watches it himself. */
TEST(who_is_not_asked_beside_watches_too)
{
    struct reserved it = begin_reserved();
    dr_job_id no_room;
    dr_job_id fills = fill(&it, &no_room);

    waits_for_more(&it, fills, no_room);
}

/* A reservation that is given up gives back nothing, and leaves more all the same. */
TEST(who_is_not_asked_sees_a_reservation_given_up)
{
    struct reserved it = begin_reserved();
    struct world *w = it.world;
    dr_job_id no_room;
    dr_job_id fills = fill(&it, &no_room);

    world_end(w, fills, 0);
    world_decide(w);
    CHECK(waits(w, no_room) && is_reserved(w, it.first));
    world_cancel(w, it.first);
    world_decide(w);
    CHECK(!waits(w, no_room));
    CHECK_REPLAY(w);
    world_free(w);
}
