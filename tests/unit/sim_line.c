/* SPDX-License-Identifier: Apache-2.0 */
/* Levels in bins that grow with time: the same whenever they were looked at. */
#include <stdlib.h>

#include "sim/line.h"
#include "test.h"

#define SECOND INT64_C(1000000)

static uint64_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* 10 for two seconds and a half, then 4 until five: bins of a second, the last one 4. */
TEST(a_level_fills_its_bins)
{
    struct dr_line line;

    dr_line_init(&line, 100 * SECOND, 1);
    dr_line_set(&line, 90 * SECOND, 7); /* before the first bin: in none */
    dr_line_set(&line, 100 * SECOND, 10);
    dr_line_set(&line, 102 * SECOND + SECOND / 2, 4);
    dr_line_reach(&line, 105 * SECOND);
    CHECK_EQ(dr_line_count(100 * SECOND, 105 * SECOND), 5);
    CHECK_EQ(dr_line_mean(&line, 0, 105 * SECOND, 1), 10000000);
    CHECK_EQ(dr_line_mean(&line, 2, 105 * SECOND, 1), 7000000);
    CHECK_EQ(dr_line_mean(&line, 4, 105 * SECOND, 2), 2000000);
    CHECK_EQ(line.most[1], 10);
    CHECK_EQ(line.most[2], 10);
    CHECK_EQ(line.most[3], 4);
    CHECK_EQ((int64_t)(dr_line_sum(&line) / SECOND), 35);
    dr_line_deinit(&line);
}

/* A level that held for no time is in no bin and in no most. */
TEST(a_level_of_an_instant_counts_nowhere)
{
    struct dr_line line;

    dr_line_init(&line, 0, 1);
    dr_line_set(&line, SECOND, 1000);
    dr_line_set(&line, SECOND, 1);
    dr_line_reach(&line, 2 * SECOND);
    CHECK_EQ(line.most[0], 0);
    CHECK_EQ(line.most[1], 1);
    CHECK_EQ((int64_t)dr_line_sum(&line), SECOND);
    dr_line_deinit(&line);
}

/* The last bin may be cut short: its mean is over the part that there was. */
TEST(a_bin_that_is_cut_has_the_mean_of_its_part)
{
    struct dr_line line;

    dr_line_init(&line, 0, 0);
    dr_line_set(&line, 0, 6);
    dr_line_reach(&line, 513 * SECOND + SECOND / 4);
    CHECK_EQ(line.step_us, 2 * SECOND);
    CHECK_EQ(dr_line_step_us(0, 513 * SECOND), 2 * SECOND);
    CHECK_EQ(dr_line_step_us(0, 512 * SECOND), SECOND);
    CHECK_EQ(dr_line_count(0, 513 * SECOND + SECOND / 4), 257);
    CHECK_EQ(dr_line_width_us(&line, 256, 513 * SECOND + SECOND / 4), SECOND + SECOND / 4);
    CHECK_EQ(dr_line_mean(&line, 256, 513 * SECOND + SECOND / 4, 1), 6000000);
    dr_line_deinit(&line);
}

/* Random levels over some thousand seconds: bins are those that sums over the changes give, and
 * the same where the line was looked at on the way. */
TEST(bins_are_the_same_whenever_they_were_merged)
{
    for (uint64_t seed = 1; seed <= 50; seed += 1) {
        static struct dr_line line;
        static struct dr_line looked_at;
        static struct dr_line other;
        static int64_t sums[DR_LINE_BINS];
        static int64_t most[DR_LINE_BINS];
        uint64_t chance = seed;
        int64_t times[400];
        int64_t levels[400];
        int64_t now_us = 0;
        int64_t step_us;

        for (uint32_t i = 0; i < 400; i += 1) {
            now_us += (int64_t)(next(&chance) % (uint64_t)(seed * 3 * SECOND));
            times[i] = now_us;
            levels[i] = (int64_t)(next(&chance) % 1000);
        }
        now_us += 1;
        step_us = dr_line_step_us(0, now_us);
        memset(sums, 0, sizeof sums);
        for (uint32_t i = 0; i < DR_LINE_BINS; i += 1)
            most[i] = INT64_MIN;
        dr_line_init(&line, 0, 1);
        dr_line_init(&looked_at, 0, 1);
        dr_line_init(&other, 0, 0);
        for (uint32_t i = 0; i < 400; i += 1) {
            int64_t until_us = i == 399 ? now_us : times[i + 1];

            dr_line_set(&line, times[i], levels[i]);
            dr_line_set(&looked_at, times[i], levels[i]);
            for (int64_t at = times[i]; at < until_us;) {
                int64_t bin = at / step_us;
                int64_t end = (bin + 1) * step_us < until_us ? (bin + 1) * step_us : until_us;

                sums[bin] += levels[i] * (end - at);
                most[bin] = levels[i] > most[bin] ? levels[i] : most[bin];
                at = end;
            }
            dr_line_reach(&looked_at, times[i] + (int64_t)(next(&chance) %
                                                           (uint64_t)(until_us - times[i] + 1)));
        }
        /* Before the first change the level is 0. */
        for (int64_t bin = 0; bin * step_us < times[0]; bin += 1)
            most[bin] = most[bin] < 0 ? 0 : most[bin];
        dr_line_reach(&line, now_us);
        dr_line_reach(&looked_at, now_us);
        dr_line_reach(&other, now_us);
        CHECK_EQ(line.step_us, step_us);
        CHECK_EQ(other.step_us, step_us);
        dr_line_merge(&other, &line);
        for (uint32_t bin = 0; bin < dr_line_count(0, now_us); bin += 1) {
            CHECK_EQ((int64_t)line.sums[bin], sums[bin]);
            CHECK_EQ((int64_t)looked_at.sums[bin], sums[bin]);
            CHECK_EQ((int64_t)other.sums[bin], sums[bin]);
            CHECK_EQ(line.most[bin], most[bin]);
            CHECK_EQ(looked_at.most[bin], most[bin]);
        }
        dr_line_deinit(&line);
        dr_line_deinit(&looked_at);
    }
}

/* Of each bin the first value is kept, also once two bins are one. */
TEST(samples_keep_the_first_of_a_bin)
{
    static struct dr_samples samples;

    dr_samples_init(&samples, 0);
    dr_samples_put(&samples, 0, 5);
    dr_samples_put(&samples, 3 * SECOND + 1, 6);
    CHECK_EQ(samples.next_us, 4 * SECOND);
    dr_samples_put(&samples, 4 * SECOND, 7);
    dr_samples_put(&samples, 5 * SECOND, 8);
    CHECK_EQ(samples.values[1], DR_SAMPLES_NONE);
    CHECK_EQ(samples.values[5], 8);
    dr_samples_reach(&samples, 512 * SECOND + 1);
    CHECK_EQ(samples.step_us, 2 * SECOND);
    CHECK_EQ(samples.values[0], 5);
    CHECK_EQ(samples.values[1], 6); /* its first half had none */
    CHECK_EQ(samples.values[2], 7);
    CHECK_EQ(samples.values[3], DR_SAMPLES_NONE);
    /* Where the last bin ends none has begun. */
    dr_samples_init(&samples, 0);
    dr_samples_put(&samples, 512 * SECOND, 9);
    CHECK_EQ(samples.step_us, SECOND);
    CHECK_EQ(samples.values[DR_LINE_BINS - 1], DR_SAMPLES_NONE);
}
