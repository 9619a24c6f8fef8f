/* SPDX-License-Identifier: Apache-2.0 */
/* See line.h. */
#include "sim/line.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/math.h"

#define FIRST_STEP_US INT64_C(1000000)
#define HALF          (DR_LINE_BINS / 2)

void dr_line_init(struct dr_line *line, int64_t from_us, int keeps_most)
{
    memset(line, 0, sizeof *line);
    line->from_us = from_us;
    line->since_us = from_us;
    line->step_us = FIRST_STEP_US;
    if (!keeps_most)
        return;
    line->most = malloc(DR_LINE_BINS * sizeof line->most[0]);
    DR_ASSERT(line->most != NULL);
    for (uint32_t i = 0; i < DR_LINE_BINS; i += 1)
        line->most[i] = INT64_MIN;
}

void dr_line_deinit(struct dr_line *line)
{
    free(line->most);
    line->most = NULL;
}

static void widen(struct dr_line *line)
{
    line->step_us *= 2;
    for (uint32_t i = 0; i < HALF; i += 1)
        line->sums[i] = line->sums[2 * i] + line->sums[2 * i + 1];
    memset(&line->sums[HALF], 0, HALF * sizeof line->sums[0]);
    if (line->most == NULL)
        return;
    for (uint32_t i = 0; i < HALF; i += 1)
        line->most[i] = dr_max_i64(line->most[2 * i], line->most[2 * i + 1]);
    for (uint32_t i = HALF; i < DR_LINE_BINS; i += 1)
        line->most[i] = INT64_MIN;
}

void dr_line_reach(struct dr_line *line, int64_t now_us)
{
    if (now_us <= line->since_us)
        return;
    while (now_us - line->from_us > DR_LINE_BINS * line->step_us)
        widen(line);
    if (line->level == 0 && line->most == NULL)
        line->since_us = now_us;
    while (line->since_us < now_us) {
        int64_t bin = (line->since_us - line->from_us) / line->step_us;
        int64_t end_us = dr_min_i64(now_us, line->from_us + (bin + 1) * line->step_us);

        line->sums[bin] += (__int128)line->level * (end_us - line->since_us);
        if (line->most != NULL)
            line->most[bin] = dr_max_i64(line->most[bin], line->level);
        line->since_us = end_us;
    }
}

__int128 dr_line_sum(const struct dr_line *line)
{
    __int128 sum = 0;

    for (uint32_t i = 0; i < DR_LINE_BINS; i += 1)
        sum += line->sums[i];
    return sum;
}

void dr_line_merge(struct dr_line *to, const struct dr_line *from)
{
    DR_ASSERT(to->step_us == from->step_us && to->from_us == from->from_us);
    for (uint32_t i = 0; i < DR_LINE_BINS; i += 1)
        to->sums[i] += from->sums[i];
}

int64_t dr_line_step_us(int64_t from_us, int64_t now_us)
{
    int64_t step_us = FIRST_STEP_US;

    while (now_us - from_us > DR_LINE_BINS * step_us)
        step_us *= 2;
    return step_us;
}

uint32_t dr_line_count(int64_t from_us, int64_t now_us)
{
    int64_t step_us = dr_line_step_us(from_us, now_us);

    return now_us <= from_us ? 0 : (uint32_t)((now_us - from_us + step_us - 1) / step_us);
}

int64_t dr_line_width_us(const struct dr_line *line, uint32_t bin, int64_t until_us)
{
    int64_t begin_us = line->from_us + bin * line->step_us;

    DR_ASSERT(begin_us < until_us);
    return dr_min_i64(line->step_us, until_us - begin_us);
}

int64_t dr_line_mean(const struct dr_line *line, uint32_t bin, int64_t until_us, int64_t per)
{
    __int128 whole = (__int128)dr_line_width_us(line, bin, until_us) * per;

    return (int64_t)(line->sums[bin] * 1000000 / whole);
}

void dr_samples_init(struct dr_samples *samples, int64_t from_us)
{
    samples->from_us = from_us;
    samples->next_us = from_us;
    samples->step_us = FIRST_STEP_US;
    for (uint32_t i = 0; i < DR_LINE_BINS; i += 1)
        samples->values[i] = DR_SAMPLES_NONE;
}

void dr_samples_reach(struct dr_samples *samples, int64_t now_us)
{
    while (now_us - samples->from_us > DR_LINE_BINS * samples->step_us) {
        samples->step_us *= 2;
        for (uint32_t i = 0; i < HALF; i += 1)
            samples->values[i] = samples->values[2 * i] != DR_SAMPLES_NONE
                                     ? samples->values[2 * i]
                                     : samples->values[2 * i + 1];
        for (uint32_t i = HALF; i < DR_LINE_BINS; i += 1)
            samples->values[i] = DR_SAMPLES_NONE;
    }
}

void dr_samples_put(struct dr_samples *samples, int64_t now_us, int64_t value)
{
    int64_t bin;

    DR_ASSERT(now_us >= samples->next_us);
    dr_samples_reach(samples, now_us);
    if (now_us - samples->from_us == DR_LINE_BINS * samples->step_us)
        return; /* there is a bin for it only if time goes on */
    bin = (now_us - samples->from_us) / samples->step_us;
    if (samples->values[bin] == DR_SAMPLES_NONE)
        samples->values[bin] = value;
    samples->next_us = samples->from_us + (bin + 1) * samples->step_us;
}
