/* SPDX-License-Identifier: Apache-2.0 */
/* draws.h: what sites and grid zones draw over time, against their caps.
 *
 * The draw is the one that the core holds against caps (core/power.h): PUE x (idle watts of nodes
 * that are not down or off, and busy less idle watts of accelerators held or promised). */
#ifndef DR_SIM_DRAWS_H
#define DR_SIM_DRAWS_H

#include "core/core.h"
#include "sim/line.h"

#define DR_DRAWS_NO_CAP INT64_MAX

/* Of a site, of a zone, or of all sites together. */
struct dr_draw {
    uint32_t domain;     /* of core->power */
    struct dr_line line; /* microwatts, with the most */
    struct dr_line caps; /* minus the cap, with the most of that: the least cap of a bin */
    int64_t cap_uw;      /* now; DR_DRAWS_NO_CAP: none */
    int64_t cap_least_uw;
    int64_t peak_uw; /* the highest draw that held for some time */
    int64_t peak_us; /* since when, the first time */
    int64_t part;    /* the most of its cap that it drew, millionths; 0 without a cap */
    int64_t over_us; /* so long it drew more than its cap */
};

struct dr_draws {
    struct dr_draw all;
    struct dr_draw *of; /* sites in their order, then zones; those removed are left out */
    uint32_t sites;
    uint32_t count;
    int64_t over_us; /* so long some site or zone drew more than its cap */
    int64_t since_us;
    int is_over;           /* since then */
    int64_t caps_until_us; /* no cap changes before */
    uint64_t version;      /* of the federation and its announcements that caps were read from */
};

/* As of what the federation has now. */
void dr_draws_init(struct dr_draws *draws, const struct dr_core *core, int64_t from_us);
void dr_draws_deinit(struct dr_draws *draws);

/* Draws hold from `now_us` on as the core has them now, until the next call. */
void dr_draws_level(struct dr_draws *draws, const struct dr_core *core, int64_t now_us);

/* Time has come to an instant: the lines too. */
void dr_draws_reach(struct dr_draws *draws, int64_t now_us);

const char *dr_draw_name(const struct dr_core *core, const struct dr_draw *draw);

/* The least cap that held in a bin, microwatts; DR_DRAWS_NO_CAP: none did. */
int64_t dr_draw_cap_uw(const struct dr_draw *draw, uint32_t bin);

#endif
