/* SPDX-License-Identifier: Apache-2.0 */
/* figures.h: numbers as measures say them. Values are integers in millionths; they are written with
 * up to six places, the same on every machine. */
#ifndef DR_SIM_FIGURES_H
#define DR_SIM_FIGURES_H

#include "base/buffer.h"

/* part / whole in millionths, towards 0; 0 where whole is. */
int64_t dr_millionths(__int128 part, __int128 whole);

void dr_put_millionths(struct dr_buffer *out, int64_t value);
/* `"name":0.25` */
void dr_put_figure(struct dr_buffer *out, const char *name, int64_t value);
/* `"name":"text"`, as JSON needs it; bytes that are no UTF-8 come out as '?'. */
void dr_put_words(struct dr_buffer *out, const char *name, const char *text);

/* What a list of values comes to: mean, and the least value that so many of a hundred do not
 * pass. */
enum dr_statistic {
    DR_STATISTIC_MEAN,
    DR_STATISTIC_P50,
    DR_STATISTIC_P90,
    DR_STATISTIC_P95,
    DR_STATISTIC_P99,
    DR_STATISTIC_MAX,
};
#define DR_STATISTICS 6
extern const char *const DR_STATISTIC_NAMES[DR_STATISTICS];

struct dr_spread {
    uint64_t count;
    int64_t of[DR_STATISTICS];
};

/* Sorts `values`. */
struct dr_spread dr_spread_of(int64_t *values, uint64_t count);
/* `"name":{"count":2,"mean":0.5,...}` */
void dr_put_spread(struct dr_buffer *out, const char *name, const struct dr_spread *spread);

#endif
