/* SPDX-License-Identifier: Apache-2.0 */
/* why.h: the parts of dr_why(), for core's own files. */
#ifndef DR_CORE_WHY_H
#define DR_CORE_WHY_H

#include "core/place.h"
#include "core/power.h"
#include "core/quota.h"
#include "core/window.h"

#define DR_WHY_BLOCKERS_MAX 4

struct dr_why_asking {
    const struct dr_core *core;
    const struct dr_job *job;
    const struct dr_shape *shape;
    uint32_t row;
    int64_t now_us;
    struct dr_why *why;
    struct dr_hold spare; /* for what the list has no room for */
    uint32_t looks;
    struct {
        dr_group_id group;
        uint32_t alternative;
        int yes;
    } owed; /* the last answer of all_owed() */
};

/* What stands in the way of a job in one place. */
struct dr_why_place {
    struct dr_want want;
    dr_pool_id pool;
    uint8_t down;        /* too few of its nodes are up */
    enum dr_reason room; /* too little is free: CAPACITY, TOPOLOGY, GUARANTEES_OF; else NONE */
    uint64_t tasks;      /* of the gang that it could hold now, or a bound above */
    int64_t free;        /* accelerators */
    struct dr_quota_verdict quotas[DR_QUOTA_VERDICTS_MAX];
    uint32_t quotas_count;
    uint32_t beside_count; /* of quotas, the last: KEPT beside what others have reserved */
    struct dr_power_lack lack;
    struct dr_window_set windows; /* that would have to go */
    uint32_t windows_count;
    uint32_t blockers[DR_WHY_BLOCKERS_MAX];
    uint32_t blockers_count; /* there may be more than in the list */
    uint32_t count;          /* of all that */
    enum dr_reason first;
};

#define DR_SAY(hold, ...)   dr_format((hold)->text, sizeof(hold)->text, __VA_ARGS__)
#define DR_FREES(hold, ...) dr_format((hold)->frees, sizeof(hold)->frees, __VA_ARGS__)

/* One more hold, but where the list has no room for it. */
struct dr_hold *dr_why_push(struct dr_why_asking *asking, enum dr_reason reason);

static inline const char *dr_why_plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

/* core/why_look.c: fills the place, but for `want` and `pool`, which say which one it is. `best` so
 * far: what can't be better is not looked at to its end. */
void dr_why_look(struct dr_why_asking *asking, struct dr_why_place *place,
                 const struct dr_why_place *best);

/* Does less stand in the way in `a`? With its ties. */
int dr_why_better(const struct dr_why_place *a, const struct dr_why_place *b);

/* core/why_say.c: its holds, told. */
void dr_why_say(struct dr_why_asking *asking, const struct dr_why_place *place);

#endif
