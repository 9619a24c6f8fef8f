/* SPDX-License-Identifier: Apache-2.0 */
/* Who has been refused, and what has come since that could help him: the memory of refusals. See
 * seats.h; read dr_seats_scope() first. */
#include "core/seats.h"

#include "base/math.h"
#include "core/fair.h"
#include "core/fits.h"
#include "core/lent.h"
#include "core/power.h"
#include "core/quota.h"
#include "core/reclaim.h"
#include "core/slack.h"
#include "core/space.h"

#define NONE DR_ROW_NONE

/* What quotas say of a class (below). */
struct standing {
    struct dr_standing in;
    uint32_t now;      /* groups in which the root lets it start too */
    uint32_t relieved; /* ... in which something was given back since */
    int within;
    int is_known;   /* they may be believed */
    int is_refused; /* somewhere */
};

static uint32_t bit(const struct dr_place_group *group)
{
    return UINT32_C(1) << group->of_shape;
}

/* Has anything been given back since a moment, by whomever, in the groups of a pool? */
static int was_relieved(const struct dr_core *core, dr_pool_id pool, uint64_t since)
{
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
        if (core->seats->relieved_in[core->pools[pool.v - 1].groups[resource].v - 1] > since)
            return 1;
    return 0;
}

/* Where nothing is kept back the root refuses nobody who finds room, and who finds none is met when
 * there is some. */
static int is_refusal(const struct dr_core *core, const struct dr_quota_verdict *verdict)
{
    return verdict->reason != DR_REASON_NONE &&
           (verdict->reason != DR_REASON_CAPACITY ||
            dr_quota_at(core, (dr_account_id){1}, verdict->group)->kept > 0);
}

/* Do quotas let the job start there? */
static int lets_start(const struct dr_core *core, const struct dr_job *job, dr_pool_id pool,
                      const struct dr_amounts *amounts)
{
    int firm = !dr_job_terms(core, job)->preemptible;
    struct dr_amounts rest = *amounts;

    for (;;) {
        struct dr_quota_verdict verdict =
            dr_quota_check(core, job->account, pool, &rest, firm, NULL);

        if (verdict.reason == DR_REASON_NONE)
            return 1;
        if (is_refusal(core, &verdict))
            return 0;
        /* It says nothing of the resources after its own. */
        for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
            rest.of[resource] = 0;
            if (core->pools[pool.v - 1].groups[resource].v == verdict.group.v)
                break;
        }
    }
}

/* What quotas say of a class, as bits per group that it may run in: do those below the root let it
 * start, is it within some guarantee on its path? And is it within that of the account below the
 * root in any? While nothing is added to these, no relief helps it. Where nothing has been given
 * back since a moment it is what it was. */
static struct standing standing_since(const struct dr_core *core,
                                      const struct dr_queue_class *class, uint64_t since)
{
    const struct dr_job *job = &core->jobs[class->first];
    struct dr_place_group groups[DR_PLACE_GROUPS_MAX];
    uint32_t count = dr_place_groups(core, job, groups);
    int firm = !dr_job_terms(core, job)->preemptible;
    struct standing standing = {.is_known = dr_place_groups_tell(core, count)};

    for (uint32_t i = 0; i < count; i += 1) {
        struct dr_amounts amounts;
        int is_relieved = since == 0 || was_relieved(core, groups[i].pool, since);

        standing.relieved |= is_relieved ? bit(&groups[i]) : 0;
        if (standing.is_known && !is_relieved) {
            standing.in.starts |= class->standing.starts & bit(&groups[i]);
            standing.in.stated |= class->standing.stated & bit(&groups[i]);
            standing.within |= class->within;
            continue;
        }
        amounts = dr_alternative_amounts(
            &dr_queue_shape(core, class)->alternatives[groups[i].alternative]);
        if (lets_start(core, job, groups[i].pool, &amounts))
            standing.now |= bit(&groups[i]);
        else
            standing.is_refused = 1;
        if ((standing.now & bit(&groups[i])) != 0 ||
            dr_quota_path_allows(core, job->account, groups[i].pool, &amounts, firm))
            standing.in.starts |= bit(&groups[i]);
        if (dr_quota_guarantor(core, job->account, groups[i].pool, &amounts).v != 0)
            standing.in.stated |= bit(&groups[i]);
        standing.within |= dr_quota_branch_within(core, job->account, groups[i].pool, &amounts);
    }
    return standing;
}

static struct standing standing_of(const struct dr_core *core, const struct dr_queue_class *class)
{
    return standing_since(core, class, 0);
}

/* Does it say more than what the class was refused by? */
static int is_more(const struct standing *standing, const struct dr_queue_class *class)
{
    return (standing->in.starts & ~class->standing.starts) != 0 ||
           (standing->in.stated & ~class->standing.stated) != 0 ||
           (standing->within && !class->within);
}

/* With the chips of groups in which the class may take from others; and may it start where others
 * of its shape may not (fits())? Who is within his guarantee may take from others. */
static uint64_t with_chips(struct dr_core *core, const struct dr_queue_class *class, uint64_t hunts)
{
    struct dr_place_group groups[DR_PLACE_GROUPS_MAX];
    uint32_t bits = (hunts & DR_WANTS_TOTAL) != 0 ? class->standing.stated : 0;
    uint32_t count;

    hunts &= ~(DR_WANTS_CHIPS | DR_WANTS_LENIENT);
    if ((hunts & (DR_WANTS_TAKES | DR_WANTS_TOTAL)) != 0 || class->is_untold || class->alone ||
        dr_seats_keeps(core, dr_queue_account(core, class)))
        hunts |= DR_WANTS_LENIENT;
    if (bits == 0)
        return hunts;
    count = dr_place_groups(core, &core->jobs[class->first], groups);
    if (!dr_place_groups_tell(core, count) || (hunts & DR_WANTS_TAKES) != 0)
        return hunts | DR_WANTS_CHIPS;
    for (uint32_t i = 0; i < count; i += 1)
        if (bits & bit(&groups[i])) {
            enum dr_resource main = dr_resource_main(dr_queue_shape(core, class)
                                                         ->alternatives[groups[i].alternative]
                                                         .accelerators_per_task);

            hunts |=
                core->places->group_chips[core->pools[groups[i].pool.v - 1].groups[main].v - 1];
        }
    return hunts;
}

void dr_seats_park(struct dr_core *core, uint32_t row, const struct dr_refusal *refusal)
{
    struct dr_queue_class *class = &core->queue->classes[row];
    struct dr_wants wants = class->wants;
    struct dr_wants known = refusal->before->wants;
    uint64_t kept = refusal->in_part ? known.hunts & DR_WANTS_NEAR : 0;
    struct standing standing = standing_of(core, class);

    class->doubtful = 0;
    class->judged_at = refusal->judged_at;
    class->standing = standing.in;
    class->within = (uint8_t)standing.within;
    class->is_untold = !standing.is_known;
    class->is_typical = dr_place_groups_typical(core, class->shape) != 0;
    if (refusal->vain & DR_NEAR)
        kept |= DR_WANTS_NEAR;
    if (dr_seats_keeps(core, dr_queue_account(core, class)))
        kept |= DR_WANTS_KEPT;
    wants.room &= ~DR_WANTS_FRESH;
    wants.hunts = refusal->in_part ? dr_wants_hunts(known) : 0;
    if ((refusal->vain & DR_HUNTED_AGAIN) == 0)
        wants.hunts |= dr_seats_hunts_of(dr_queue_shape(core, class), refusal->vain);
    wants.hunts |= kept;
    if (dr_queue_outranks(core, &core->jobs[class->first]))
        wants.hunts |= dr_seats_own_of(dr_queue_shape(core, class));
    wants.hunts = with_chips(core, class, wants.hunts);
    wants.sums &= ~DR_WANTS_ANY_RELIEF;
    if (refusal->vain & DR_PLANNED)
        wants.sums |= DR_WANTS_ANY_RELIEF;
    else if (refusal->in_part && class->alone == 0)
        wants.sums |= known.sums & DR_WANTS_ANY_RELIEF;
    dr_seats_set_wants(core, row, wants);
}

/* Would a start in a pool take from jobs with reservations what they count on, at the root? A job
 * within its guarantee may take it from borrowers. */
static int root_refuses(struct dr_core *core, const struct dr_job *job, dr_pool_id pool,
                        const struct dr_amounts *amounts, int64_t end_us, int displace)
{
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
        int can_tell;

        if (amounts->of[resource] != 0 &&
            !dr_slack_leaves(core, job, core->pools[pool.v - 1].groups[resource],
                             amounts->of[resource], end_us, displace, &can_tell))
            return 1;
    }
    return 0;
}

static void set_standing(struct dr_core *core, uint32_t class_row, struct dr_standing in,
                         int within)
{
    struct dr_queue_class *class = &core->queue->classes[class_row];
    struct dr_wants wants = class->wants;
    int is_more = (in.stated & ~class->standing.stated) != 0;

    class->standing = in;
    class->within = (uint8_t)within;
    if (!is_more)
        return;
    wants.hunts = with_chips(core, class, wants.hunts);
    dr_seats_set_wants(core, class_row, wants);
}

/* What quotas let a class have no longer is something to be relieved of again. */
static void note_less(struct dr_core *core, uint32_t class_row, const struct standing *standing)
{
    const struct dr_queue_class *class = &core->queue->classes[class_row];
    struct dr_standing less = {.starts = class->standing.starts & standing->in.starts,
                               .stated = class->standing.stated & standing->in.stated};

    set_standing(core, class_row, less, class->within & standing->within);
}

/* Once nothing helps it: what they let it have since is not something to be relieved of either.
 * Where it was not asked for that, it fitted nowhere (dr_offers_meet()), and where it fits now
 * something has come free since. */
static void note_standing(struct dr_core *core, uint32_t class_row, const struct standing *standing)
{
    set_standing(core, class_row, standing->in, standing->within);
}

/* What a class is asked about pools in which something came free. */
struct asked {
    struct dr_core *core;
    uint32_t class_row;
    struct dr_queue_class *class;
    struct dr_want want;
    int has_could;             /* `could` is that of `want` */
    struct dr_pool_set could;  /* enough is free */
    struct dr_pool_set beside; /* ... beside all that is reserved */
    int64_t end_us;            /* were it started now */
    int64_t power_until_us;    /* ... it would count in caps until then */
    struct standing standing;
    int has_looked; /* for it */
    struct dr_place_group groups[DR_PLACE_GROUPS_MAX];
    uint32_t groups_count;
    int has_groups;
    int is_bound; /* what was noted of the class bounds what quotas say now */
};

static void look(struct asked *asked)
{
    if (asked->has_looked)
        return;
    asked->standing = standing_of(asked->core, asked->class);
    asked->has_looked = 1;
    note_less(asked->core, asked->class_row, &asked->standing);
}

/* The group that a pool is in, by the way that is asked about; DR_ROW_NONE: none. */
static uint32_t group_asked(struct asked *asked, dr_pool_id pool)
{
    if (!asked->has_groups)
        asked->groups_count =
            dr_place_groups(asked->core, &asked->core->jobs[asked->class->first], asked->groups);
    asked->has_groups = 1;
    return dr_place_group_of(asked->core, asked->groups, asked->groups_count, pool,
                             asked->want.alternative);
}

/* Is the pool's group none of those, of what was noted of the class? 0: that is not known. */
static int is_out_of(struct asked *asked, dr_pool_id pool, uint32_t noted)
{
    uint32_t group;

    if (!asked->is_bound || (asked->class->wants.hunts & DR_WANTS_TAKES) != 0)
        return 0;
    group = group_asked(asked, pool);
    return group != NONE && dr_place_groups_tell(asked->core, asked->groups_count) &&
           (noted & bit(&asked->groups[group])) == 0;
}

/* Do quotas let it start there? 0: not, or that is not known. */
static int starts_in(struct asked *asked, dr_pool_id pool)
{
    uint32_t group = group_asked(asked, pool);

    return asked->standing.is_known && group != NONE &&
           (asked->standing.now & bit(&asked->groups[group])) != 0;
}

/* Do they refuse it in the pool's group? */
static int is_refused(struct asked *asked, dr_pool_id pool)
{
    uint32_t group;

    if (!asked->standing.is_known || !asked->standing.is_refused)
        return 0;
    group = group_asked(asked, pool);
    return group != NONE && (asked->standing.now & bit(&asked->groups[group])) == 0;
}

/* It would be refused there for what others have reserved, as long as these leave too little. */
static int is_beside(struct asked *asked, dr_pool_id pool)
{
    if (!starts_in(asked, pool) ||
        !root_refuses(asked->core, &asked->core->jobs[asked->class->first], pool,
                      &asked->want.amounts, asked->end_us, asked->standing.within))
        return 0;
    dr_slack_watch(asked->core, pool); /* that opens it again */
    return 1;
}

/* May it take something back, where quotas refuse it? Otherwise it is met when it may. */
static int can_take(const struct dr_core *core, const struct dr_queue_class *class)
{
    return (class->wants.hunts & DR_WANTS_TAKES) != 0 ||
           (dr_wants_hunts(class->wants) != 0 &&
            (core->lent->units_all > 0 || core->lent->leaving_all > 0));
}

/* May it start there: beside what is reserved, or before all of it begins, or in the place of a
 * borrower? While quotas refuse it, and it takes from nobody, it can't. */
static int may_start(struct asked *asked, uint32_t rank, uint32_t pool_row)
{
    const struct dr_queue_class *class = asked->class;
    dr_pool_id pool = {pool_row + 1};

    if (!dr_pool_set_has(&asked->could, rank) ||
        dr_place_room(asked->core, &asked->want, pool) < asked->want.tasks ||
        is_out_of(asked, pool, class->standing.starts | class->standing.stated))
        return 0;
    look(asked);
    if (is_refused(asked, pool))
        return can_take(asked->core, class);
    if (starts_in(asked, pool) &&
        dr_place_power_lacks(asked->core, &asked->want, pool, asked->core->lent->now_us,
                             asked->power_until_us))
        return 0;
    return ((dr_pool_set_has(&asked->beside, rank) &&
             dr_place_room_beside(asked->core, &asked->want, pool) >= asked->want.tasks) ||
            class->alone != 0 || asked->want.share >= DR_SHARE_BLOCK || !asked->standing.is_known ||
            asked->standing.within ||
            asked->end_us <= asked->core->places->reserved_until_us[pool_row]) &&
           !is_beside(asked, pool);
}

/* May it have a reservation by what was freed there? Who was refused by quotas alone was not looked
 * for one in vain. */
static int may_reserve(struct asked *asked, uint32_t rank, uint32_t pool_row)
{
    const struct dr_places *places = asked->core->places;
    const struct dr_queue_class *class = asked->class;

    if (class->alone == 0 &&
        places->reserved_count[pool_row] >= asked->core->settings.reserve_depth)
        return 0;
    if (dr_pool_set_has(&places->unreserved_set, rank))
        return 1;
    look(asked);
    if (asked->standing.is_known && asked->standing.now == 0 && dr_wants_hunts(class->wants) == 0)
        return (class->wants.sums & DR_WANTS_ANY_RELIEF) != 0;
    return dr_pool_set_has(&asked->could, rank);
}

/* A class that some guarantee would let take from others is met when there is more to take. */
static void note_hunts(struct dr_core *core, uint32_t class_row, const struct standing *standing)
{
    struct dr_queue_class *class = &core->queue->classes[class_row];
    struct dr_wants wants = class->wants;

    if (standing->in.stated == 0)
        return;
    wants.hunts |=
        dr_seats_hunts_of(dr_queue_shape(core, class), DR_HUNTED_OTHERS | DR_HUNTED_GROUP);
    wants.hunts = with_chips(core, class, wants.hunts);
    dr_seats_set_wants(core, class_row, wants);
}

/* Does its shape fit, for who has its limit and is as near to his guarantees, in a pool that was
 * opened after a moment, or may it have a reservation there? Where a quota refuses it, it has to be
 * within a guarantee there and take something back. */
static int fits(struct dr_core *core, const struct dr_queue_class *class, uint64_t since,
                int is_bound)
{
    int takes = can_take(core, class);
    int keeps = dr_seats_keeps(core, dr_queue_account(core, class));
    uint32_t starts = class->standing.starts;
    uint32_t stated = class->standing.stated;
    enum dr_fit_kind kind = class->within ? DR_FITS_WITHIN : keeps ? DR_FITS_KEEPS : DR_FITS_START;
#define FITS(kind) \
    dr_fits_since(core, class->shape, class->limit_us, class->is_flexible, since, kind)

    if (!is_bound || !class->is_typical || class->is_untold ||
        (class->wants.hunts & DR_WANTS_TAKES) != 0)
        return FITS(takes ? DR_FITS_ROOM : kind) != 0 || dr_fits_reserves(core, class, since);
    return (FITS(kind) & starts) != 0 ||
           (takes && stated != 0 &&
            ((FITS(keeps ? DR_FITS_ROOM : DR_FITS_TAKE) & stated) != 0 ||
             ((stated & ~starts) != 0 && (FITS(DR_FITS_ROOM) & stated & ~starts) != 0))) ||
           dr_fits_reserves(core, class, since);
#undef FITS
}

/* May the class start, or have a reservation, in a pool that was opened after a moment? Who holds a
 * reservation himself may also start where that of another has changed. */
static enum dr_scope place_in(struct dr_core *core, uint32_t class_row, uint64_t since,
                              int is_bound)
{
    struct dr_queue_class *class = &core->queue->classes[class_row];
    const struct dr_places *places = core->places;
    const struct dr_job *job = &core->jobs[class->first];
    struct asked asked = {
        .core = core, .class_row = class_row, .class = class, .is_bound = is_bound};
    int any_slack = class->alone != 0 && core->slack->rose_last > since;

    /* Something has ended where it holds a reservation: that is planned again, though there may be
     * no room to start. */
    if (class->alone != 0 &&
        places->freed_at[dr_job_run(core, job)->reservation_pool.v - 1] > since)
        return DR_SCOPE_FREED;
    if (places->opened_last <= since && !any_slack)
        return DR_SCOPE_NONE;
    if (class->alone == 0 && !fits(core, class, since, is_bound)) {
        core->fits->vain += 1;
        return DR_SCOPE_NONE;
    }
    for (uint32_t i = 0; i < dr_queue_shape(core, class)->alternatives_count; i += 1) {
        struct dr_pool_set allowed;

        asked.want = dr_place_want(core, job, i);
        asked.end_us = core->lent->now_us + dr_job_next_limit_us(core, job, i);
        asked.power_until_us = dr_power_until_us(core, job, i, core->lent->now_us);
        dr_place_allowed(core, &asked.want, &allowed);
        dr_place_could(core, &asked.want, &asked.could, &asked.beside);
        for (uint32_t word = 0; word < places->words; word += 1)
            for (uint64_t rest =
                     allowed.words[word] &
                     (asked.could.words[word] | places->unreserved_set.words[word]) &
                     (since == 0 || any_slack ? UINT64_MAX : places->opened_set.words[word]);
                 rest != 0; rest &= rest - 1) {
                uint32_t rank = word * 64 + dr_bit_lowest(rest);
                uint32_t row = places->pool_of[rank];
                int is_stirred = any_slack && dr_slack_rose_at(core, (dr_pool_id){row + 1}) > since;

                if ((is_stirred || places->opened_at[row] > since) && may_start(&asked, rank, row))
                    return is_stirred ? DR_SCOPE_ALL : DR_SCOPE_FREED;
                if (places->freed_at[row] > since && may_reserve(&asked, rank, row))
                    return DR_SCOPE_FREED;
            }
    }
    if (asked.has_looked && is_bound)
        note_standing(core, class_row, &asked.standing);
    if (asked.has_looked && asked.standing.is_refused)
        note_hunts(core, class_row, &asked.standing);
    return DR_SCOPE_NONE;
}

/* May it take back as much in a pool as it asks for, with what is free and what leaves, by sums? Or
 * is there room, so that quotas alone are in the way? It takes from nobody by priority. */
static int may_take_enough(struct dr_core *core, const struct dr_job *job,
                           const struct dr_want *want, uint32_t pool_row)
{
    dr_pool_id pool = {pool_row + 1};
    const struct dr_lent *lent = core->lent;
    int64_t lacks = want->amounts.of[DR_RESOURCE_ACCELERATORS] -
                    dr_space_free_milli(&core->places->spaces[pool_row]) -
                    dr_lent_left(core, pool_row);

    if (lent->leaving[pool_row] + lent->units[pool_row] == 0)
        return 0;
    if (want->accelerators == 0)
        return 1;
    if (lent->units[pool_row] < lacks)
        return 0;
    if (lacks > 0 || lent->leaving[pool_row] == 0) {
        dr_account_id guarantor = dr_quota_guarantor(core, job->account, pool, &want->amounts);

        return guarantor.v != 0 &&
               (dr_lent_to(core, pool, guarantor, &want->amounts) >= dr_max_i64(1, lacks) ||
                dr_place_room(core, want, pool) >= want->tasks);
    }
    return 1;
}

/* Could a hunt for victims find enough, by sums, in some pool? As core/reclaim.c asks, or more. */
static int may_hunt(struct dr_core *core, const struct dr_queue_class *class,
                    const struct standing *standing)
{
    const struct dr_places *places = core->places;
    const struct dr_job *job = &core->jobs[class->first];
    struct dr_place_group groups[DR_PLACE_GROUPS_MAX];
    uint32_t groups_count;

    if ((class->wants.hunts & DR_WANTS_TAKES) != 0)
        return 1;
    if (standing->in.stated == 0)
        return 0;
    groups_count = dr_place_groups(core, job, groups);
    for (uint32_t i = 0; i < dr_queue_shape(core, class)->alternatives_count; i += 1) {
        struct dr_want want = dr_place_want(core, job, i);
        struct dr_pool_set allowed;

        dr_place_allowed(core, &want, &allowed);
        for (uint32_t word = 0; word < places->words; word += 1)
            for (uint64_t rest = allowed.words[word]; rest != 0; rest &= rest - 1) {
                uint32_t row = places->pool_of[word * 64 + dr_bit_lowest(rest)];
                uint32_t group =
                    dr_place_group_of(core, groups, groups_count, (dr_pool_id){row + 1}, i);

                if (group != NONE && (standing->in.stated & bit(&groups[group])) == 0)
                    continue;
                if (may_take_enough(core, job, &want, row) ||
                    dr_place_room(core, &want, (dr_pool_id){row + 1}) >= want.tasks)
                    return 1;
            }
    }
    return 0;
}

/* May it take an attempt of its own account now? */
static int takes_own(const struct dr_core *core, const struct dr_queue_class *class)
{
    for (uint32_t row = dr_place_attempts_of(core, dr_queue_account(core, class)); row != NONE;
         row = dr_place_attempts_of_next(core, row))
        if (core->jobs[row].priority < class->priority && dr_lent_ripe(core, row))
            return 1;
    return 0;
}

/* In a group in which it was within some guarantee it may be within that of an account further down
 * now, and take from more. */
static int may_take_more(struct dr_core *core, const struct dr_queue_class *class,
                         const struct standing *standing)
{
    struct standing now = *standing;

    now.in.stated &= class->standing.stated & standing->relieved;
    return now.in.stated != 0 && core->lent->units_all > 0 && may_hunt(core, class, &now);
}

/* Has a relief on its path changed anything for the class? */
static int is_relieved(struct dr_core *core, uint32_t class_row, const struct dr_offers *offers)
{
    struct dr_queue_class *class = &core->queue->classes[class_row];
    struct standing standing;
    int is_kept; /* it may need less at the root */

    if (class->judged_at >= offers->relieved_at)
        return 0;
    if (((class->wants.hunts & offers->reliefs.hunts & DR_WANTS_OWN) != 0 &&
         takes_own(core, class)) ||
        (class->wants.hunts & offers->reliefs.hunts & DR_WANTS_NEAR) != 0 ||
        (class->wants.sums & offers->reliefs.sums & DR_WANTS_ANY_RELIEF) != 0 ||
        offers->reliefs.sums == UINT64_MAX)
        return 1;
    is_kept = (class->wants.hunts & offers->reliefs.hunts & DR_WANTS_KEPT) != 0;
    if (((class->wants.sums & offers->reliefs.sums) == 0 && !is_kept) ||
        (class->wants.room & offers->reliefs.room & DR_WANTS_CHIPS) == 0)
        return 0;
    standing = standing_since(core, class, class->judged_at);
    if (standing.is_known && !is_kept && !is_more(&standing, class) &&
        !may_take_more(core, class, &standing)) {
        note_standing(core, class_row, &standing);
        return 0;
    }
    if (!standing.is_known || place_in(core, class_row, 0, 0) != DR_SCOPE_NONE ||
        may_hunt(core, class, &standing))
        return 1;
    /* Quotas let it have more, but there is no more to have: until there is. */
    note_standing(core, class_row, &standing);
    note_hunts(core, class_row, &standing);
    return 0;
}

/* Is the class within some guarantee in the pool's group, or does it take from its own account? */
static int may_take_in(struct asked *asked, dr_pool_id pool)
{
    uint32_t group;

    if (is_out_of(asked, pool, asked->class->standing.stated))
        return 0;
    look(asked);
    if (!asked->standing.is_known || (asked->class->wants.hunts & DR_WANTS_TAKES) != 0)
        return 1;
    group = group_asked(asked, pool);
    return group != NONE && (asked->standing.in.stated & bit(&asked->groups[group])) != 0;
}

/* Is what may be taken back in a pool it may use, with what is free, as much as it asks for? Its
 * own account's attempts aside: who takes from these is met by them. */
static int is_enough_there(const struct asked *asked, uint32_t pool_row)
{
    const struct dr_lent *lent = asked->core->lent;
    int64_t takeable = lent->leaving[pool_row] + lent->units[pool_row];

    if (takeable == 0 && (asked->class->wants.hunts & DR_WANTS_TAKES) == 0)
        return 0;
    return asked->want.accelerators == 0 ||
           dr_space_free_milli(&asked->core->places->spaces[pool_row]) +
                   dr_lent_left(asked->core, pool_row) + lent->units[pool_row] >=
               asked->want.amounts.of[DR_RESOURCE_ACCELERATORS];
}

/* Has a pool of the same group room for it, so that a quota alone is in the way? */
static int is_room_near(struct asked *asked, uint32_t pool_row)
{
    const struct dr_core *core = asked->core;
    const struct dr_places *places = core->places;
    enum dr_resource main = dr_resource_main(asked->want.amounts.of[DR_RESOURCE_ACCELERATORS]);
    const uint64_t *of_group = places->of_group[core->pools[pool_row].groups[main].v - 1].words;

    if (!asked->has_could)
        dr_place_could(core, &asked->want, &asked->could, NULL);
    asked->has_could = 1;
    for (uint32_t word = 0; word < places->words; word += 1)
        for (uint64_t rest = asked->could.words[word] & of_group[word]; rest != 0;
             rest &= rest - 1) {
            dr_pool_id pool = {places->pool_of[word * 64 + dr_bit_lowest(rest)] + 1};

            if (dr_place_room(core, &asked->want, pool) >= asked->want.tasks)
                return 1;
        }
    return 0;
}

/* Can more be taken back, since the class was refused, in a pool that may hold it? */
static int hunt_rose(struct dr_core *core, uint32_t class_row)
{
    struct dr_queue_class *class = &core->queue->classes[class_row];
    const struct dr_places *places = core->places;
    const struct dr_job *job = &core->jobs[class->first];
    int any = (class->wants.hunts & DR_WANTS_SOME) != 0;
    struct asked asked = {.core = core, .class_row = class_row, .class = class, .is_bound = 1};

    if (places->left_last <= class->judged_at && core->lent->rose_last <= class->judged_at)
        return 0;
    for (uint32_t i = 0; i < dr_queue_shape(core, class)->alternatives_count; i += 1) {
        struct dr_pool_set allowed;

        asked.want = dr_place_want(core, job, i);
        asked.has_could = 0;
        dr_place_allowed(core, &asked.want, &allowed);
        for (uint32_t word = 0; word < places->words; word += 1)
            for (uint64_t rest =
                     places->risen_set.words[word] & (any ? UINT64_MAX : allowed.words[word]);
                 rest != 0; rest &= rest - 1) {
                uint32_t rank = word * 64 + dr_bit_lowest(rest);
                uint32_t row = rank < core->pools_count ? places->pool_of[rank] : NONE;

                if (row == NONE || dr_seats_rose_at(core, row) <= class->judged_at)
                    continue;
                if (dr_pool_set_has(&allowed, rank) && is_enough_there(&asked, row) &&
                    may_take_in(&asked, (dr_pool_id){row + 1}) &&
                    ((class->wants.hunts & DR_WANTS_TAKES) != 0 ||
                     may_take_enough(core, job, &asked.want, row)))
                    return 1;
                if (any && is_room_near(&asked, row) && may_take_in(&asked, (dr_pool_id){row + 1}))
                    return 1;
            }
    }
    return 0;
}

/* Has anything started, ended or come free, since it was refused, where it may run? Or do others on
 * its path, or at the root, count on less? */
static int is_stirred(const struct dr_core *core, const struct dr_queue_class *class,
                      const struct dr_offers *offers)
{
    struct dr_place_group groups[DR_PLACE_GROUPS_MAX];
    uint32_t count;

    if (core->seats->clock <= class->judged_at)
        return 0;
    if (dr_seats_is_woken(core, class) ||
        (offers->relieved_at > class->judged_at && (offers->reliefs.hunts & DR_WANTS_NEAR) != 0))
        return 1;
    count = dr_place_groups(core, &core->jobs[class->first], groups);
    if (!dr_place_groups_tell(core, count))
        return 1;
    for (uint32_t i = 0; i < count; i += 1) {
        if (dr_slack_rose_at(core, groups[i].pool) > class->judged_at)
            return 1;
        for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
            if (core->seats->stirred_in[core->pools[groups[i].pool.v - 1].groups[resource].v - 1] >
                class->judged_at)
                return 1;
    }
    return 0;
}

/* May it have a reservation in some pool? */
static int is_reservable(const struct dr_core *core, const struct dr_queue_class *class)
{
    for (uint32_t i = 0; i < dr_queue_shape(core, class)->alternatives_count; i += 1) {
        struct dr_want want = dr_place_want(core, &core->jobs[class->first], i);

        if (dr_place_reservable(core, &want))
            return 1;
    }
    return 0;
}

int dr_seats_is_woken(const struct dr_core *core, const struct dr_queue_class *class)
{
    return core->seats->wake_all && class->judged_at < core->seats->woken;
}

/* Everybody is woken, and that is not for who has room nowhere, may have no reservation and take
 * from nobody: he would be refused as he was. What others gave back since is still to be noted. */
static int is_left_asleep(struct dr_core *core, const struct dr_queue_class *class)
{
    const struct dr_job *job = &core->jobs[class->first];

    return !core->seats->wake_each && class->alone == 0 && !class->is_flexible &&
           !core->settings.no_backfill && dr_job_terms(core, job)->array_limit == 0 &&
           dr_fits_since(core, class->shape, 0, 1, 0, DR_FITS_ROOM) == 0 &&
           !is_reservable(core, class) && !dr_reclaim_may(core, job) &&
           (!dr_fair_is_due(core, core->lent->now_us) || !dr_fair_asks(core, job));
}

/* ... as far as fair share has no say. */
static enum dr_scope scope_of(struct dr_core *core, uint32_t class_row,
                              const struct dr_offers *offers)
{
    struct dr_queue_class *class = &core->queue->classes[class_row];
    struct dr_wants wants = class->wants;
    struct dr_wants room = {wants.room, 0, 0};
    struct dr_wants hunts = {0, 0, wants.hunts};

    if (class->doubtful && !is_stirred(core, class, offers)) {
        dr_seats_doubted(core);
        return DR_SCOPE_NONE;
    }
    if (wants.room & DR_WANTS_FRESH)
        return DR_SCOPE_ALL;
    if (dr_seats_is_woken(core, class))
        return !is_left_asleep(core, class) || is_relieved(core, class_row, offers) ? DR_SCOPE_ALL
                                                                                    : DR_SCOPE_NONE;
    if (is_relieved(core, class_row, offers))
        return DR_SCOPE_ALL;
    if (dr_wants_meet(hunts, offers->pools) && hunt_rose(core, class_row))
        return DR_SCOPE_RISEN;
    if (dr_wants_meet(room, offers->pools) ||
        ((wants.hunts & DR_WANTS_LENIENT) != 0 && dr_wants_fit(wants, offers->lenient)))
        return place_in(core, class_row, class->judged_at, 1);
    return DR_SCOPE_NONE;
}

enum dr_scope dr_seats_scope(struct dr_core *core, uint32_t class_row,
                             const struct dr_offers *offers)
{
    enum dr_scope scope = scope_of(core, class_row, offers);

    if (scope == DR_SCOPE_NONE && offers->fair &&
        dr_fair_asks(core, &core->jobs[core->queue->classes[class_row].first]))
        return DR_SCOPE_FAIR;
    return scope;
}

/* ---- for tests ---- */

int dr_seats_bounded(const struct dr_core *core)
{
    if (core->seats->wake_all || core->seats->relieved_first != NONE)
        return 1;
    for (uint32_t account = 1; account <= core->accounts_count; account += 1)
        for (uint32_t row = dr_seats_first(core, (dr_account_id){account}); row != NONE;
             row = dr_seats_after(core, row)) {
            const struct dr_queue_class *class = &core->queue->classes[row];
            struct standing standing = standing_of(core, class);

            if ((class->wants.room & DR_WANTS_FRESH) == 0 && standing.is_known &&
                is_more(&standing, class))
                return 0;
        }
    return 1;
}
