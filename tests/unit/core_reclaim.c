/* SPDX-License-Identifier: Apache-2.0 */
/* Taking back (POLICY, section 3): who, which, and what is promised. */
#include "core/victims.h"
#include "world.h"

#define MINUTE DR_MINUTE_US

/* Two accounts with a guarantee of half each beside `a`, who has none. */
static struct world *two_halves(const char *text, int64_t each, uint32_t *b, uint32_t *c)
{
    struct world *w = world_new(text);

    *b = world_account(w, "b", WORLD_ACCOUNT_ROOT, each, -1, -1);
    *c = world_account(w, "c", WORLD_ACCOUNT_ROOT, each, -1, -1);
    return w;
}

/* A borrower leaves within its grace, and the owner runs in its place. */
TEST(a_borrower_gives_back)
{
    uint32_t b, c;
    struct world *w = two_halves("1 site, 1 pool, 2 nodes x 8 h200", 8, &b, &c);
    dr_job_id borrower = world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 8});
    dr_job_id owner;

    world_run_us(w, 6 * MINUTE);
    CHECK_EQ(world_job(w, borrower)->state, DR_JOB_RUNNING);
    owner = world_submit(w, (struct job_spec){.account = b, .accelerators = 8});
    world_run_us(w, 1);
    CHECK_EQ(world_job(w, borrower)->state, DR_JOB_COMPLETING);
    CHECK_EQ(world_run(w, borrower)->stopping, DR_STOP_RECLAIM);
    CHECK_EQ(world_run(w, borrower)->stopping_for.v, owner.v);
    CHECK_EQ(world_why(w, owner).holds[0].reason, DR_REASON_RECLAIMING);
    world_run_us(w, 11 * DR_SECOND_US);
    CHECK_EQ(world_job(w, owner)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_run(w, owner)->rule, DR_RULE_PROMISE);
    CHECK_EQ(world_job(w, borrower)->state, DR_JOB_PENDING);
    CHECK_EQ(world_run(w, borrower)->preemptions, 1);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Losing more is better than to push somebody under his guarantee. */
TEST(nobody_is_pushed_under_where_others_do)
{
    uint32_t b, c;
    struct world *w = two_halves("1 site, 1 pool, 1 node x 6 h200", 2, &b, &c);
    struct job_spec dear = {.accelerators = 1, .restart_us = 2 * DR_HOUR_US};
    dr_job_id astride = world_submit(w, (struct job_spec){.account = b, .accelerators = 4});
    dr_job_id first = world_submit(w, dear);
    dr_job_id second = world_submit(w, dear);
    dr_job_id owner;

    world_run_us(w, 6 * MINUTE);
    owner = world_submit(w, (struct job_spec){.account = c, .accelerators = 2});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, owner)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_job(w, astride)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_run(w, first)->preemptions, 1);
    CHECK_EQ(world_run(w, second)->preemptions, 1);
    CHECK_REPLAY(w);
    world_free(w);
}

/* What is promised on a node that is lost is promised elsewhere, or not at all. */
TEST(no_promise_stands_on_a_lost_node)
{
    uint32_t b, c;
    struct world *w = two_halves("1 site, 1 pool, 2 nodes x 8 h200", 8, &b, &c);
    dr_job_id owner;
    uint32_t node;

    for (int i = 0; i < 2; i += 1)
        world_submit(w, (struct job_spec){.accelerators = 8, .grace_us = MINUTE});
    world_run_us(w, 6 * MINUTE);
    owner = world_submit(w, (struct job_spec){.account = b, .accelerators = 8});
    world_decide(w);
    CHECK(world_run(w, owner)->promise != DR_ROW_NONE);
    node = w->core->extents[world_run(w, owner)->promise].extent.node.v - 1;
    world_node_down(w, node);
    world_decide(w);
    CHECK(world_run(w, owner)->promise == DR_ROW_NONE ||
          w->core->extents[world_run(w, owner)->promise].extent.node.v - 1 != node);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Nobody is taken before minimum_run. */
TEST(not_before_minimum_run)
{
    uint32_t b, c;
    struct world *w = two_halves("1 site, 1 pool, 1 node x 8 h200", 4, &b, &c);
    dr_job_id borrower = world_submit(w, (struct job_spec){.accelerators = 8});
    dr_job_id owner;

    world_run_us(w, MINUTE);
    owner = world_submit(w, (struct job_spec){.account = b, .accelerators = 4});
    world_run_us(w, 3 * MINUTE);
    CHECK_EQ(world_job(w, borrower)->state, DR_JOB_RUNNING);
    world_run_us(w, 3 * MINUTE);
    CHECK_EQ(world_job(w, owner)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* An account within its guarantee loses nothing to another one within its own. */
TEST(within_guarantee_is_safe)
{
    uint32_t b, c;
    struct world *w = two_halves("1 site, 1 pool, 1 node x 8 h200", 4, &b, &c);
    dr_job_id first =
        world_submit(w, (struct job_spec){.account = b, .accelerators = 4, .priority = -5});
    dr_job_id second = world_submit(w, (struct job_spec){.account = c, .accelerators = 4});
    dr_job_id third;

    world_run_us(w, 10 * MINUTE);
    third = world_submit(
        w, (struct job_spec){.account = c, .accelerators = 2, .priority = 100, .cpus = 1});
    world_run_us(w, 10 * MINUTE);
    CHECK_EQ(world_job(w, first)->state, DR_JOB_RUNNING);
    /* of its own account it takes the one of lower priority */
    CHECK_EQ(world_job(w, second)->state, DR_JOB_PENDING);
    CHECK_EQ(world_job(w, third)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A borrower can't take from a borrower. */
TEST(borrowers_do_not_take)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    dr_job_id first = world_submit(w, (struct job_spec){.accelerators = 8});
    dr_job_id second;

    world_run_us(w, 10 * MINUTE);
    second = world_submit(w, (struct job_spec){.account = b, .accelerators = 8, .priority = 9});
    world_run_us(w, 10 * MINUTE);
    CHECK_EQ(world_job(w, first)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_job(w, second)->state, DR_JOB_PENDING);
    world_free(w);
}

/* What is firm (not preemptible) is never taken, and starts within its guarantee alone. */
TEST(firm_jobs_stay)
{
    uint32_t b, c;
    struct world *w = two_halves("1 site, 1 pool, 1 node x 8 h200", 4, &b, &c);
    dr_job_id firm = world_submit(w, (struct job_spec){.account = b, .accelerators = 4, .firm = 1});
    dr_job_id more = world_submit(w, (struct job_spec){.account = b, .accelerators = 2, .firm = 1});
    dr_job_id owner;

    world_run_us(w, 10 * MINUTE);
    CHECK_EQ(world_job(w, firm)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_job(w, more)->state, DR_JOB_PENDING);
    CHECK_EQ(world_why(w, more).holds[0].reason, DR_REASON_QUOTA);
    world_limits(w, b, 1, 0, -1, -1);
    owner = world_submit(w, (struct job_spec){.account = c, .accelerators = 4});
    world_run_us(w, 10 * MINUTE);
    CHECK_EQ(world_job(w, firm)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_job(w, owner)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Of two that would do, the one that loses less goes: the later start. */
TEST(the_least_loss_goes)
{
    uint32_t b, c;
    struct world *w = two_halves("1 site, 1 pool, 2 nodes x 8 h200", 8, &b, &c);
    dr_job_id early = world_submit(w, (struct job_spec){.accelerators = 8});
    dr_job_id late, owner;

    world_run_us(w, 10 * MINUTE);
    late = world_submit(w, (struct job_spec){.accelerators = 8});
    world_run_us(w, 10 * MINUTE);
    owner = world_submit(w, (struct job_spec){.account = b, .accelerators = 8});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, early)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_job(w, late)->state, DR_JOB_PENDING);
    CHECK_EQ(world_job(w, owner)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A checkpoint that was seen makes an attempt cheap, however long it has run. */
TEST(a_checkpoint_makes_cheap)
{
    uint32_t b, c;
    struct world *w = two_halves("1 site, 1 pool, 2 nodes x 8 h200", 8, &b, &c);
    dr_job_id early = world_submit(w, (struct job_spec){.accelerators = 8});
    dr_job_id late;

    world_run_us(w, 10 * MINUTE);
    late = world_submit(w, (struct job_spec){.accelerators = 8});
    world_run_us(w, 10 * MINUTE);
    world_save(w, early);
    world_submit(w, (struct job_spec){.account = b, .accelerators = 8});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, early)->state, DR_JOB_PENDING);
    CHECK_EQ(world_job(w, late)->state, DR_JOB_RUNNING);
    CHECK(world_run(w, early)->kept_us > 9 * MINUTE);
    CHECK_REPLAY(w);
    world_free(w);
}

/* No more is taken than is needed: what the walk picked up on its way is given back. */
TEST(what_is_not_needed_stays)
{
    uint32_t b, c;
    struct world *w = two_halves("1 site, 1 pool, 2 nodes x 8 h200", 8, &b, &c);
    dr_job_id small[8];
    dr_job_id large, owner;
    uint32_t running = 0;

    large = world_submit(w, (struct job_spec){.accelerators = 8});
    world_run_us(w, 10 * MINUTE);
    for (int i = 0; i < 8; i += 1)
        small[i] = world_submit(w, (struct job_spec){.accelerators = 1});
    world_run_us(w, 10 * MINUTE);
    /* 8 together on one node: either the large one or all of the small ones */
    owner = world_submit(w, (struct job_spec){.account = b, .accelerators = 8});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, owner)->state, DR_JOB_RUNNING);
    for (int i = 0; i < 8; i += 1)
        running += world_job(w, small[i])->state == DR_JOB_RUNNING;
    CHECK(running == 8 || (running == 0 && world_job(w, large)->state == DR_JOB_RUNNING));
    CHECK_EQ(w->counts[DR_FACT_ATTEMPT_STOPPING], running == 8 ? 1 : 8);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A gang is taken whole, and nothing is taken that does not make the job fit. */
TEST(nothing_is_taken_in_vain)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 8, -1, -1);
    dr_job_id firm_b =
        world_submit(w, (struct job_spec){.account = b, .accelerators = 1, .firm = 1});
    dr_job_id gang, owner;

    world_run_us(w, MINUTE);
    gang = world_submit(w, (struct job_spec){.tasks = 3, .accelerators = 5, .tasks_per_node = 1});
    CHECK_EQ(gang.v, 0); /* three nodes there never are */
    gang = world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 5, .tasks_per_node = 1});
    world_run_us(w, 10 * MINUTE);
    CHECK_EQ(world_job(w, gang)->state, DR_JOB_RUNNING);
    /* 7 more are within b's guarantee, but 8 on one node need the empty one: the gang's end frees
     * it */
    owner = world_submit(w, (struct job_spec){.account = b, .accelerators = 7});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, owner)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_job(w, gang)->state, DR_JOB_PENDING);
    CHECK_EQ(world_job(w, firm_b)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A job beyond its guarantee takes nothing, though the account has some guarantee left. */
TEST(beyond_guarantee_takes_nothing)
{
    uint32_t b, c;
    struct world *w = two_halves("1 site, 1 pool, 2 nodes x 8 h200", 8, &b, &c);
    dr_job_id borrower = world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 8});
    dr_job_id owner;

    world_run_us(w, 10 * MINUTE);
    owner = world_submit(w, (struct job_spec){.account = b, .tasks = 9, .accelerators = 1});
    world_run_us(w, 10 * MINUTE);
    CHECK_EQ(world_job(w, borrower)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_job(w, owner)->state, DR_JOB_PENDING);
    world_free(w);
}

/* Nobody loses for what a sibling borrowed: within a sector that is above its guarantee only the
 * account that is above its own is taken. */
TEST(the_innocent_sibling_stays)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    uint32_t sector = world_account(w, "sector", WORLD_ACCOUNT_ROOT, 4, -1, -1);
    uint32_t good = world_account(w, "good", sector, 4, -1, -1);
    uint32_t bad = world_account(w, "bad", sector, 0, -1, -1);
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 8, -1, -1);
    dr_job_id innocent = world_submit(w, (struct job_spec){.account = good, .accelerators = 4});
    dr_job_id one, two;

    world_run_us(w, MINUTE);
    one = world_submit(w, (struct job_spec){.account = bad, .accelerators = 4});
    two = world_submit(w, (struct job_spec){.account = bad, .accelerators = 8});
    world_run_us(w, 10 * MINUTE);
    CHECK_EQ(world_busy_accelerators(w), 16);
    world_submit(w, (struct job_spec){.account = b, .accelerators = 4});
    world_submit(w, (struct job_spec){.account = b, .accelerators = 4});
    world_run_us(w, 2 * MINUTE);
    CHECK_EQ(world_job(w, innocent)->state, DR_JOB_RUNNING);
    CHECK(world_job(w, one)->state == DR_JOB_PENDING || world_job(w, two)->state == DR_JOB_PENDING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Those who leave anyway are enough: nobody else is warned. */
TEST(who_leaves_anyway_is_enough)
{
    uint32_t b, c;
    struct world *w = two_halves("1 site, 1 pool, 2 nodes x 8 h200", 8, &b, &c);
    dr_job_id one = world_submit(w, (struct job_spec){.accelerators = 8, .grace_us = MINUTE});
    dr_job_id two = world_submit(w, (struct job_spec){.accelerators = 8});
    dr_job_id owner;

    world_run_us(w, 10 * MINUTE);
    world_cancel(w, one);
    owner = world_submit(w, (struct job_spec){.account = b, .accelerators = 8});
    world_run_us(w, 30 * DR_SECOND_US);
    CHECK_EQ(w->counts[DR_FACT_ATTEMPT_STOPPING], 1);
    CHECK_EQ(w->counts[DR_FACT_JOB_PROMISED], 1);
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, owner)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_job(w, two)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* If the one it was done for is cancelled, the next in order gets the place. */
TEST(the_promise_goes_to_the_next)
{
    uint32_t b, c;
    struct world *w = two_halves("1 site, 1 pool, 2 nodes x 8 h200", 8, &b, &c);
    dr_job_id borrower =
        world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 8, .grace_us = MINUTE});
    dr_job_id first, second;

    world_run_us(w, 10 * MINUTE);
    first = world_submit(w, (struct job_spec){.account = b, .accelerators = 8});
    second = world_submit(w, (struct job_spec){.account = b, .accelerators = 8});
    world_run_us(w, 10 * DR_SECOND_US);
    CHECK_EQ(world_job(w, borrower)->state, DR_JOB_COMPLETING);
    world_cancel(w, first);
    world_run_us(w, 2 * MINUTE);
    CHECK_EQ(world_job(w, second)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A victim that does not leave in time keeps nobody waiting where another place comes free. */
TEST(an_overdue_promise_looks_elsewhere)
{
    uint32_t b, c;
    struct world *w = two_halves("1 site, 1 pool, 2 nodes x 8 h200", 8, &b, &c);
    dr_job_id first = world_submit(w, (struct job_spec){.accelerators = 8, .run_us = 12 * MINUTE});
    dr_job_id second = world_submit(w, (struct job_spec){.accelerators = 8, .run_us = 12 * MINUTE});
    dr_job_id owner;

    world_run_us(w, 6 * MINUTE);
    owner = world_submit(w, (struct job_spec){.account = b, .accelerators = 8});
    world_run_us(w, 1);
    CHECK_EQ(world_run(w, owner)->promise_cause, DR_STOP_RECLAIM);
    for (uint32_t i = 0; i < w->attempts_count; i += 1) /* it does not answer the warning */
        if (world_run(w, (dr_job_id){w->attempts[i].job})->stopping != DR_STOP_NONE)
            w->attempts[i].end_us += DR_HOUR_US;
    world_run_us(w, 8 * MINUTE);
    CHECK_EQ(world_job(w, owner)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_run(w, owner)->rule, DR_RULE_ELSEWHERE);
    CHECK_EQ(world_job(w, first)->state, DR_JOB_COMPLETED);
    CHECK_EQ(world_job(w, second)->state, DR_JOB_COMPLETING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Below an account that says so, priority reaches over accounts, but pushes nobody under. */
TEST(preempt_below_reaches_over_accounts)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t sector = world_account(w, "sector", WORLD_ACCOUNT_ROOT, 8, -1, -1);
    uint32_t x = world_account(w, "x", sector, 0, -1, -1);
    uint32_t y = world_account(w, "y", sector, 2, -1, -1);
    struct dr_fact fact = {.kind = DR_FACT_ACCOUNT_SET};
    dr_job_id low, safe, high;
    struct dr_quota_limits all[3];

    for (uint32_t i = 0; i < 3; i += 1)
        all[i] = (struct dr_quota_limits){
            {i + 1},
            dr_quota_at(w->core, (dr_account_id){sector}, (dr_group_id){i + 1})->guarantee,
            DR_FOREVER_US,
            DR_FOREVER_US};
    fact.account_set.account = sector;
    fact.account_set.parent = WORLD_ACCOUNT_ROOT;
    dr_copy_name(fact.account_set.name, "sector");
    fact.account_set.weight = 1000;
    fact.account_set.preempt_below = 1;
    fact.account_set.limits = all;
    fact.account_set.limits_count = 3;
    world_declare(w, fact);
    safe = world_submit(w, (struct job_spec){.account = y, .accelerators = 2});
    low = world_submit(w, (struct job_spec){.account = y, .accelerators = 6});
    world_run_us(w, 10 * MINUTE);
    high = world_submit(w, (struct job_spec){.account = x, .accelerators = 6, .priority = 5});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, high)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_job(w, low)->state, DR_JOB_PENDING);
    CHECK_EQ(world_job(w, safe)->state, DR_JOB_RUNNING);
    world_submit(w, (struct job_spec){.account = x, .accelerators = 2, .priority = 9});
    world_run_us(w, 10 * MINUTE);
    CHECK_EQ(world_job(w, safe)->state, DR_JOB_RUNNING); /* y would fall under its guarantee */
    CHECK_REPLAY(w);
    world_free(w);
}

/* CPUs are guaranteed too: who fills a node's CPUs without asking for accelerators gives back. */
TEST(cpus_are_taken_back_too)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 8, -1, -1);
    dr_job_id hog = world_submit(w, (struct job_spec){.cpus = 60});
    dr_job_id owner;

    world_run_us(w, 10 * MINUTE);
    CHECK_EQ(world_job(w, hog)->state, DR_JOB_RUNNING);
    owner = world_submit(w, (struct job_spec){.account = b, .accelerators = 8, .cpus = 32});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, owner)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_job(w, hog)->state, DR_JOB_PENDING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* The loss in the fact is accelerators times seconds since the start, restart included. */
TEST(the_loss_is_what_the_page_says)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    dr_job_id job = world_submit(w, (struct job_spec){.accelerators = 4,
                                                      .restart_us = 30 * DR_SECOND_US,
                                                      .limit_us = 3 * DR_HOUR_US});

    world_run_us(w, 10 * MINUTE);
    CHECK_EQ(dr_victims_loss_us(w->core, world_job(w, job), w->now_us), 4 * (630 * DR_SECOND_US));
    world_run_us(w, 100 * MINUTE); /* an hour at most counts */
    CHECK_EQ(dr_victims_loss_us(w->core, world_job(w, job), w->now_us), 4 * (3630 * DR_SECOND_US));
    world_free(w);
}
