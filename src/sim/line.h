/* SPDX-License-Identifier: Apache-2.0 */
/* line.h: a level over time, as at most 512 bins of equal width.
 *
 * How long a run lasts is not known before its end. So bins begin a second wide, and when time
 * passes the last of them two and two become one. A line comes to the same whenever that happened:
 * its bins are functions of the level and of how far time has come. */
#ifndef DR_SIM_LINE_H
#define DR_SIM_LINE_H

#include <stdint.h>

#define DR_LINE_BINS 512

struct dr_line {
    int64_t from_us; /* of the first bin */
    int64_t step_us; /* their width */
    int64_t level;   /* since `since_us` */
    int64_t since_us;
    int64_t *most; /* [DR_LINE_BINS] highest level that held for some time; NULL: not kept */
    __int128 sums[DR_LINE_BINS]; /* level times microseconds */
};

/* Level 0. */
void dr_line_init(struct dr_line *line, int64_t from_us, int keeps_most);
void dr_line_deinit(struct dr_line *line);

/* Time has come to an instant; one before the line's `since_us` changes nothing. */
void dr_line_reach(struct dr_line *line, int64_t now_us);

/* The level from now on. Levels before `from_us` are in no bin. */
static inline void dr_line_set(struct dr_line *line, int64_t now_us, int64_t level)
{
    if (line->level == level)
        return;
    dr_line_reach(line, now_us);
    line->level = level;
}

static inline void dr_line_add(struct dr_line *line, int64_t now_us, int64_t more)
{
    dr_line_set(line, now_us, line->level + more);
}

/* Over all bins. */
__int128 dr_line_sum(const struct dr_line *line);

/* The bins of `from` are added to those of `to`; both have come to the same instant. */
void dr_line_merge(struct dr_line *to, const struct dr_line *from);

/* How wide bins are, and how many there are, when time has come to an instant. */
int64_t dr_line_step_us(int64_t from_us, int64_t now_us);
uint32_t dr_line_count(int64_t from_us, int64_t now_us);

/* How much of a bin lies before `until_us`, which the line has come to. */
int64_t dr_line_width_us(const struct dr_line *line, uint32_t bin, int64_t until_us);

/* The mean level in a bin, of the last one over its part until `until_us`, in millionths of `per`;
 * rounded towards 0. */
int64_t dr_line_mean(const struct dr_line *line, uint32_t bin, int64_t until_us, int64_t per);

/* One value per bin: the first that was taken in it. The bins are those of a line. */
#define DR_SAMPLES_NONE INT64_MIN
struct dr_samples {
    int64_t from_us;
    int64_t step_us;
    int64_t next_us; /* the end of the bin that has the last value */
    int64_t values[DR_LINE_BINS];
};

void dr_samples_init(struct dr_samples *samples, int64_t from_us);
/* A value from now on, which is not before `next_us`. */
void dr_samples_put(struct dr_samples *samples, int64_t now_us, int64_t value);
void dr_samples_reach(struct dr_samples *samples, int64_t now_us);

#endif
