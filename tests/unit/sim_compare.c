/* SPDX-License-Identifier: Apache-2.0 */
/* Paired differences against cases calculated by hand, and runs in child processes. */
#include "sim/compare.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/forks.h"
#include "test.h"

static int near(double a, double b, double apart)
{
    return fabs(a - b) <= apart;
}

/* ---- statistics ---- */

/* Two variants with up to eight seeds; all measures of a run have one value. */
struct grid {
    struct dr_compare compare;
    struct dr_compare_run runs[16];
    uint8_t by_chance[2];
};

static struct grid *grid(uint32_t seeds, const double *base, const double *other)
{
    static struct grid g;

    g = (struct grid){.by_chance = {1, 1}};
    g.compare = (struct dr_compare){
        .variants = 2, .seeds = seeds, .runs = g.runs, .by_chance = g.by_chance};
    for (uint32_t seed = 0; seed < seeds; seed += 1)
        for (uint32_t measure = 0; measure < DR_COMPARE_COUNT; measure += 1) {
            g.runs[seed].is_done = 1;
            g.runs[seed].values[measure] = base[seed];
            g.runs[seeds + seed].is_done = 1;
            g.runs[seeds + seed].values[measure] = other[seed];
        }
    return &g;
}

static uint32_t measure_named(const char *name)
{
    for (uint32_t i = 0; i < DR_COMPARE_COUNT; i += 1)
        if (strcmp(DR_COMPARE_MEASURE[i].name, name) == 0)
            return i;
    fail_msg("there is no measure %s", name);
    return 0;
}

/* From tables in print: three decimals, and the normal's 1.960 at the end. */
TEST(students_percentiles_are_those_of_the_tables)
{
    static const double first[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                   2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                                   2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
                                   2.060,  2.056, 2.052, 2.048, 2.045, 2.042, 2.040};
    static const struct {
        uint32_t degrees;
        double t;
    } later[] = {{40, 2.021}, {50, 2.009}, {60, 2.000}, {99, 1.984}, {120, 1.980}, {1000, 1.962}};

    for (uint32_t i = 0; i < DR_COUNT_OF(first); i += 1)
        if (!near(dr_compare_student(i + 1), first[i], 0.00051))
            fail_msg("%u degrees: %f", i + 1, dr_compare_student(i + 1));
    for (uint32_t i = 0; i < DR_COUNT_OF(later); i += 1)
        if (!near(dr_compare_student(later[i].degrees), later[i].t, 0.00051))
            fail_msg("%u degrees: %f", later[i].degrees, dr_compare_student(later[i].degrees));
    for (uint32_t degrees = 1; degrees < 500; degrees += 1)
        CHECK(dr_compare_student(degrees) > dr_compare_student(degrees + 1));
}

/* Differences 1, 3, 2, 2: mean 2, variance (1 + 1 + 0 + 0) / 3, standard error sqrt(2/3/4) =
 * 0.40825, t(0.975, 3) = 3.182446: half the interval is 1.29923. */
TEST(an_interval_is_as_by_hand)
{
    struct grid *g = grid(4, (const double[]){10, 20, 30, 40}, (const double[]){11, 23, 32, 42});
    struct dr_compare_difference d =
        dr_compare_difference(&g->compare, 1, measure_named("wait_s.mean"));
    double mean;

    CHECK_EQ(d.pairs, 4);
    CHECK(d.mean == 2);
    CHECK(d.has_interval && near(d.half, 1.29923, 0.00001));
    CHECK(d.is_apart);
    CHECK_EQ(d.verdict, DR_COMPARE_WORSE); /* longer waits */
    d = dr_compare_difference(&g->compare, 1, measure_named("allocated"));
    CHECK_EQ(d.verdict, DR_COMPARE_BETTER);
    d = dr_compare_difference(&g->compare, 1, measure_named("accelerator_hours"));
    CHECK_EQ(d.verdict, DR_COMPARE_DIFFERS);
    CHECK_EQ(dr_compare_mean(&g->compare, 0, 0, &mean), 4);
    CHECK(mean == 25);
    CHECK_EQ(dr_compare_mean(&g->compare, 1, 0, &mean), 4);
    CHECK(mean == 27);
}

/* Differences 1 and 3: mean 2, standard error 1, t(0.975, 1) = 12.706: from -10.7 to 14.7. */
TEST(an_interval_that_holds_0_marks_nothing)
{
    struct grid *g = grid(2, (const double[]){0, 0}, (const double[]){1, 3});
    struct dr_compare_difference d = dr_compare_difference(&g->compare, 1, 0);

    CHECK(d.has_interval && near(d.half, 12.706205, 0.00001));
    CHECK(!d.is_apart);
    CHECK_EQ(d.verdict, DR_COMPARE_SAME);
}

/* The seeds differ by far more than the variants do: unpaired, nothing could be said. */
TEST(pairs_take_out_what_the_seeds_differ_in)
{
    struct grid *g = grid(3, (const double[]){100, 5000, 900}, (const double[]){99, 4999, 899});
    struct dr_compare_difference d =
        dr_compare_difference(&g->compare, 1, measure_named("wait_s.mean"));

    CHECK(d.mean == -1 && d.half == 0);
    CHECK_EQ(d.verdict, DR_COMPARE_BETTER);
}

/* Only seeds that both have are pairs; the mean is over all that the variant has. */
TEST(a_run_that_is_missing_costs_its_pair)
{
    struct grid *g = grid(3, (const double[]){1, 2, 3}, (const double[]){5, 6, 100});
    struct dr_compare_difference d;
    double mean;

    g->runs[2].is_done = 0; /* the base's third */
    d = dr_compare_difference(&g->compare, 1, 0);
    CHECK_EQ(d.pairs, 2);
    CHECK(d.mean == 4);
    CHECK_EQ(dr_compare_mean(&g->compare, 0, 0, &mean), 2);
    CHECK(mean == 1.5);
    CHECK_EQ(dr_compare_mean(&g->compare, 1, 0, &mean), 3);
    CHECK(mean == 37);
    g->runs[0].is_done = 0;
    d = dr_compare_difference(&g->compare, 1, 0);
    CHECK_EQ(d.pairs, 1);
    CHECK(!d.has_interval && !d.is_apart); /* one pair tells nothing of chance */
    g->runs[1].is_done = 0;
    CHECK_EQ(dr_compare_difference(&g->compare, 1, 0).pairs, 0);
    CHECK_EQ(dr_compare_mean(&g->compare, 0, 0, &mean), 0);
}

/* Where chance has no part the difference itself is the answer. */
TEST(without_chance_there_is_no_interval)
{
    struct grid *g = grid(1, (const double[]){7}, (const double[]){5});
    struct dr_compare_difference d;

    g->by_chance[0] = 0;
    d = dr_compare_difference(&g->compare, 1, measure_named("preemptions"));
    CHECK(!d.is_apart); /* the other one's draws */
    g->by_chance[1] = 0;
    d = dr_compare_difference(&g->compare, 1, measure_named("preemptions"));
    CHECK(!d.has_interval && d.is_apart);
    CHECK_EQ(d.verdict, DR_COMPARE_BETTER);
    /* One run each, written down for three seeds. */
    g = grid(3, (const double[]){7, 7, 7}, (const double[]){5, 5, 5});
    g->by_chance[0] = g->by_chance[1] = 0;
    d = dr_compare_difference(&g->compare, 1, measure_named("preemptions"));
    CHECK(!d.has_interval && d.is_apart);
}

/* ---- children ---- */

#define PIECES 12

struct crew {
    uint32_t looks;
    uint32_t looks_max; /* 0: for ever */
    uint32_t running_most;
};

static int work(void *context, uint32_t number, struct dr_buffer *answer)
{
    (void)context;
    for (uint32_t i = 0; i < 40000; i += 1) /* more than a pipe holds */
        dr_buffer_printf(answer, "%u ", number);
    if (number == 3)
        return 7;
    if (number == 5)
        raise(SIGKILL);
    return 0;
}

static int look(void *context, uint32_t ended, uint32_t running)
{
    struct crew *crew = context;

    (void)ended;
    crew->looks += 1;
    if (running > crew->running_most)
        crew->running_most = running;
    return crew->looks_max == 0 || crew->looks < crew->looks_max;
}

static void check_piece(struct dr_fork *fork, uint32_t number)
{
    char begin[16];

    snprintf(begin, sizeof begin, "%u %u ", number, number);
    CHECK(strncmp(dr_buffer_text(&fork->answer), begin, strlen(begin)) == 0);
    CHECK_EQ(fork->answer.length, 40000 * strlen(begin) / 2);
}

/* One that fails and one that is killed: the others' answers are whole and in their places. */
TEST(a_child_that_fails_costs_its_own_answer)
{
    for (uint32_t parallel = 1; parallel <= 4; parallel += 3) {
        struct crew crew = {0};
        struct dr_fork forks[PIECES] = {0};
        struct dr_forks_options options = {.count = PIECES,
                                           .parallel = parallel,
                                           .answer_bytes_max = 1u << 20,
                                           .work = work,
                                           .go_on = look,
                                           .context = &crew};

        dr_forks(&options, forks);
        CHECK_EQ(crew.running_most, parallel);
        for (uint32_t i = 0; i < PIECES; i += 1) {
            CHECK_EQ(forks[i].end, i == 3   ? DR_FORK_FAILED
                                   : i == 5 ? DR_FORK_KILLED
                                            : DR_FORK_ANSWERED);
            CHECK_EQ(forks[i].code, i == 3 ? 7 : i == 5 ? SIGKILL : 0);
            if (i != 5)
                check_piece(&forks[i], i);
            dr_buffer_deinit(&forks[i].answer);
        }
    }
}

static int sleep_for_ever(void *context, uint32_t number, struct dr_buffer *answer)
{
    (void)context;
    (void)answer;
    while (number > 0)
        pause();
    return 0;
}

/* Told to end, it leaves nobody behind. */
TEST(all_children_end_when_told_so)
{
    struct crew crew = {.looks_max = 3};
    struct dr_fork forks[4] = {0};
    struct dr_forks_options options = {.count = 4,
                                       .parallel = 2,
                                       .answer_bytes_max = 100,
                                       .work = sleep_for_ever,
                                       .go_on = look,
                                       .context = &crew};

    dr_forks(&options, forks);
    CHECK_EQ(forks[0].end, DR_FORK_ANSWERED);
    for (uint32_t i = 1; i < 4; i += 1)
        CHECK_EQ(forks[i].end, DR_FORK_NOT_RUN);
    CHECK(waitpid(-1, NULL, WNOHANG) < 0); /* no child, not even one that is over */
    for (uint32_t i = 0; i < 4; i += 1)
        dr_buffer_deinit(&forks[i].answer);
}

static int too_much(void *context, uint32_t number, struct dr_buffer *answer)
{
    (void)context;
    (void)number;
    for (uint32_t i = 0; i < 100; i += 1)
        dr_buffer_append_text(answer, "0123456789");
    return 0;
}

/* An answer that is cut is none. */
TEST(an_answer_beyond_its_limit_fails)
{
    struct crew crew = {0};
    struct dr_fork fork = {0};
    struct dr_forks_options options = {.count = 1,
                                       .parallel = 1,
                                       .answer_bytes_max = 500,
                                       .work = too_much,
                                       .go_on = look,
                                       .context = &crew};

    dr_forks(&options, &fork);
    CHECK_EQ(fork.end, DR_FORK_FAILED);
    dr_buffer_deinit(&fork.answer);
}
