/* SPDX-License-Identifier: Apache-2.0 */
/* power.h: what sites and grid zones draw, what caps leave, now and in announced intervals (POLICY,
 * section 7). For core's own files.
 *
 * A site's facility draws PUE x (idle watts of its nodes that are not down + (busy - idle) watts of
 * accelerators held or promised, by share); a zone draws what its sites do. A drained node draws,
 * so it counts here though it is not "up" for quotas. A promised share counts beside what those who
 * leave for it still hold; a whole accelerator counts once. Draws are summed in microwatts of the
 * facility, which are milliwatts times the PUE in thousandths, so that no sum is rounded.
 *
 * A site or zone with a cap has a line of intervals, each with the least cap that holds in it: the
 * standing one, and those announced for a time. In each lies the draw of attempts that are believed
 * to run into it, so that a start costs as much as its site and zone have intervals. Where no cap
 * is announced there is one interval and nothing is kept in it: what is drawn now decides.
 *
 * A flexible attempt may run under caps that begin later: it has nothing in an interval that begins
 * once it can be taken before, and stands back there for those who may not be taken. It is looked
 * at again shortly before (core/curtail.h); if it is not taken then, it counts from then on.
 *
 * An index (I8), built with the spaces (core/space.c), but for what caps are announced, which is
 * apply.c's: core->grid_caps. */
#ifndef DR_CORE_POWER_H
#define DR_CORE_POWER_H

#include "core/state.h"

#define DR_POWER_DOMAINS (DR_SITES_MAX + DR_ZONES_MAX)
#define DR_POWER_NO_CAP  INT64_MAX
#define DR_POWER_UW      INT64_C(1000000) /* microwatts of a watt */

struct dr_power_interval {
    int64_t begin_us; /* the first begins at INT64_MIN, each ends where the next begins */
    int64_t cap_uw;   /* DR_POWER_NO_CAP: none */
    int64_t held_uw;  /* of attempts that are believed to run into it, and of promises */
};

/* A site, by row, or a zone, by DR_SITES_MAX + row. */
struct dr_power_domain {
    int64_t draw_uw; /* now, in a view too */
    int64_t idle_uw; /* of that, what its nodes draw with nothing on them */
    uint32_t first;  /* of its intervals; DR_ROW_NONE: it has none, and no cap */
    uint32_t count;
    uint32_t pue_milli; /* of a site */
    uint32_t zone;      /* of a site: the domain of its zone; DR_ROW_NONE: none */
    uint8_t limited;    /* a cap holds, of its own or of its zone, some time */
    uint32_t flexible;  /* of a site: its first flexible attempt; DR_ROW_NONE: none */
    uint8_t scheduled;  /* it, or its zone, has more than one interval */
};

/* Before an interval begins, and beyond its grace, a flexible attempt is told so early: starting
 * and leaving take a while. */
#define DR_POWER_NOTICE_US (30 * DR_SECOND_US)

/* What an attempt, or a promise, has in the intervals of its site and zone. */
struct dr_power_share {
    int64_t until_us; /* in those that begin before; 0: nothing */
    int64_t uw;
    uint32_t site;  /* domain */
    uint8_t listed; /* among the flexible attempts of its site */
    uint32_t next;
    uint32_t previous;
};

struct dr_power {
    struct dr_power_domain *domains;     /* [DR_POWER_DOMAINS] */
    struct dr_power_interval *intervals; /* [DR_POWER_DOMAINS + 2 * DR_GRID_CAPS_MAX] */
    uint32_t intervals_count;
    int64_t *times;                /* [2 * DR_GRID_CAPS_MAX] scratch */
    struct dr_power_share *shares; /* [jobs_max] by job row */
    uint8_t scheduled;             /* some site or zone has more than one interval */
    int64_t next_us;               /* the next beginning of one */
    int64_t cheap_us;              /* when cheaper hours begin for which somebody waits */
    int64_t look_us;               /* when flexible attempts are to be looked at again */
    int64_t looked_us;             /* they were last */
    uint32_t flexible_count;
    uint32_t shorts;    /* sites and zones of which it was said that their cap can't be met */
    uint32_t off_count; /* nodes that are switched off */
    int64_t tried_us;   /* the last tick after which it was looked whether they may be on again */
    uint8_t switches;   /* at some site nodes may be switched off */
    uint8_t changed;    /* caps may allow less than they did */
    uint8_t eased;      /* something draws less than it did, or is told to leave */
};

DR_MUST_USE enum dr_status dr_power_open(struct dr_core *core);
/* Attempts are forgotten; dr_power_build() finds them again. */
void dr_power_clear(struct dr_core *core);

/* Sites, zones, chips or pools may have changed: nothing draws anything, lines are drawn anew. */
void dr_power_build(const struct dr_core *core);

/* Other caps are announced. */
void dr_power_schedule(const struct dr_core *core);

/* A node draws more or less, before PUE; `idle_w` of it with nothing on the node. */
void dr_power_draw(const struct dr_core *core, dr_site_id site, int64_t milliwatts, int64_t idle_w);

/* A job's state has changed: what it has in intervals is looked at again. */
void dr_power_update(struct dr_core *core, uint32_t job_row);

/* Not in a view: a node draws less than it did, or somebody was told to leave, and what he draws
 * does not count where a cap is to be met. */
void dr_power_ease(const struct dr_core *core);

/* How many sites and zones can't meet their caps has changed. */
void dr_power_count_shorts(const struct dr_core *core);

/* A view: the attempt leaves its intervals (-1), or comes back (1). */
void dr_power_view(const struct dr_core *core, uint32_t job_row, int sign);

/* Time has come to `now_us`. Returns 1 if other caps hold since the last call, or cheaper hours
 * have come: who was refused for lack of power, or waits for them, is to be judged again. */
int dr_power_advance(struct dr_core *core, int64_t now_us);

/* How long a job that starts at an instant counts: to its believed end; a flexible one as long as
 * it can't be taken. */
int64_t dr_power_until_us(const struct dr_core *core, const struct dr_job *job,
                          uint32_t alternative, int64_t from_us);

/* The latest start of a flexible job with a deadline by which it meets that with a margin: a tenth
 * of the time that it may run, ten minutes at least. */
int64_t dr_power_latest_us(const struct dr_core *core, const struct dr_job *job,
                           uint32_t alternative);
/* A job waits for cheaper hours that begin at an instant. */
void dr_power_wait(struct dr_core *core, int64_t until_us);

/* ---- for core/curtail.c ---- */

/* The interval that an instant lies in, from the domain's first. */
uint32_t dr_power_interval_at(const struct dr_power *power, const struct dr_power_domain *domain,
                              int64_t time_us);

/* Believed end of an attempt, or DR_FOREVER_US. */
int64_t dr_power_end_us(const struct dr_core *core, const struct dr_job *job);
/* When a flexible attempt has run long enough to be taken. */
int64_t dr_power_ripe_us(const struct dr_core *core, const struct dr_job *job);
/* Flexible attempts have been looked at, at an instant: who was not taken counts in what begins
 * soon, and it is known when to look again. */
void dr_power_looked(struct dr_core *core, int64_t now_us);
/* The draw of a gang that holds its place, facility microwatts. */
int64_t dr_power_attempt_uw(const struct dr_core *core, const struct dr_job *job);
/* The same of one that is promised a place. */
int64_t dr_power_promise_uw(const struct dr_core *core, const struct dr_job *job);

/* What stands in the way of drawing more. */
struct dr_power_lack {
    int64_t missing_w; /* 0: nothing does */
    dr_site_id site;   /* whose cap it is: of the two one is 0 */
    dr_zone_id zone;
    int64_t cap_w;
    int64_t from_us;  /* the interval, cut to what was asked about */
    int64_t until_us; /* DR_FOREVER_US: no end is announced */
};

/* If a site drew `more_mw` more, before PUE, from one instant until another, in a view too: by how
 * much would its cap, or its zone's, be passed? The draw at the first instant is the one that there
 * is, in a view too. */
struct dr_power_lack dr_power_lack(const struct dr_core *core, dr_site_id site, int64_t more_mw,
                                   int64_t from_us, int64_t until_us);

/* The same question for as long as possible: when a cap would be passed first, after an instant at
 * which none is; INT64_MAX: never. */
int64_t dr_power_enough_until_us(const struct dr_core *core, dr_site_id site, int64_t more_mw,
                                 int64_t now_us);

/* Thousandths of accelerators of a chip that may be held in addition at a site now, in a view too:
 * by the caps that hold now, its own and its zone's; INT64_MAX: any number. */
int64_t dr_power_room_milli(const struct dr_core *core, dr_site_id site, dr_chip_id chip,
                            int64_t now_us);

/* The next instant after one at which a higher cap begins to hold at a site, or DR_FOREVER_US. */
int64_t dr_power_rise_us(const struct dr_core *core, dr_site_id site, int64_t after_us);

/* Facility draw now, watts, rounded up. */
int64_t dr_power_site_w(const struct dr_core *core, dr_site_id site);
int64_t dr_power_zone_w(const struct dr_core *core, dr_zone_id zone);

/* The cap that holds at an instant, watts; 0: none does. */
int64_t dr_power_site_cap_w(const struct dr_core *core, dr_site_id site, int64_t time_us);
int64_t dr_power_zone_cap_w(const struct dr_core *core, dr_zone_id zone, int64_t time_us);

/* For tests: sums of draws and of intervals. */
int dr_power_consistent(const struct dr_core *core);

#endif
