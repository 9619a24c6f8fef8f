/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a place: what stands in the way there, and what would free it. Read dr_why_say()
 * first. */
#include "core/why.h"

#include "base/math.h"
#include "core/backfill.h"
#include "core/ends.h"
#include "core/fair.h"
#include "core/never.h"
#include "core/power.h"
#include "core/quota.h"

#define NONE DR_ROW_NONE

/* ---- amounts ---- */

/* "4", "62.5 GB" */
static const char *amount_text(const struct dr_core *core, dr_group_id group, int64_t amount,
                               char text[DR_TEXT_BYTES])
{
    return core->groups[group.v - 1].resource == DR_RESOURCE_MEMORY ? dr_format_memory(amount, text)
                                                                    : dr_format_milli(amount, text);
}

static const char *resource_text(const struct dr_core *core, dr_group_id group)
{
    switch ((enum dr_resource)core->groups[group.v - 1].resource) {
    case DR_RESOURCE_ACCELERATORS:
        return "accelerators";
    case DR_RESOURCE_CPUS:
        return "CPUs";
    case DR_RESOURCE_MEMORY:
    case DR_RESOURCE_COUNT:
        break;
    }
    return "memory";
}

/* "4 accelerators", "1 CPU", "62.5 GB of memory" */
#define QUANTITY_BYTES (DR_TEXT_BYTES + 16)
static const char *quantity_text(const struct dr_core *core, dr_group_id group, int64_t amount,
                                 char text[QUANTITY_BYTES])
{
    const char *what = resource_text(core, group);
    char number[DR_TEXT_BYTES];

    if (core->groups[group.v - 1].resource == DR_RESOURCE_MEMORY)
        return dr_format(text, QUANTITY_BYTES, "%s of memory", dr_format_memory(amount, number));
    return dr_format(text, QUANTITY_BYTES, "%s %.*s", dr_format_milli(amount, number),
                     (int)(strlen(what) - (amount == 1000)), what);
}

/* ---- the parts ---- */

struct telling {
    struct dr_why_asking *asking;
    const struct dr_core *core;
    const struct dr_why_place *place;
    const struct dr_pool *pool;
    const struct dr_site *site;
};

static struct dr_hold *push_here(const struct telling *telling, enum dr_reason reason)
{
    struct dr_hold *hold = dr_why_push(telling->asking, reason);

    hold->pool = telling->place->pool;
    hold->site = telling->pool->site;
    return hold;
}

/* Nodes of the pool that would be up but for a power cap are named beside. Walks its nodes. */
static void say_off(const struct telling *telling, struct dr_hold *hold)
{
    const struct dr_core *core = telling->core;
    size_t used = strlen(hold->text);
    uint32_t off = 0;

    for (uint32_t i = 0; core->power->off_count > 0 && i < telling->pool->nodes_count; i += 1) {
        const struct dr_node *node = &core->nodes[dr_pool_node_row(telling->pool, i)];

        off += node->off && !node->down && !node->drained && !node->removed;
    }
    if (off > 0)
        dr_format(hold->text + used, sizeof hold->text - used,
                  "; %u node%s of %s/%s %s switched off to keep a power cap", off,
                  dr_why_plural(off), telling->site->name, telling->pool->name,
                  off == 1 ? "is" : "are");
}

/* What was said of the first node that is down or drained. Walks the pool's nodes. */
static void say_note(const struct telling *telling, struct dr_hold *hold)
{
    const struct dr_core *core = telling->core;
    size_t used = strlen(hold->text);

    for (uint32_t i = 0; i < telling->pool->nodes_count; i += 1) {
        uint32_t row = dr_pool_node_row(telling->pool, i);
        const struct dr_node *node = &core->nodes[row];
        char name[DR_NAME_BYTES + 12];

        if (node->removed || !(node->down || node->drained) || core->node_notes[row][0] == '\0')
            continue;
        dr_format(hold->text + used, sizeof hold->text - used, "; %s is %s: %.100s",
                  dr_node_name(core, (dr_node_id){row + 1}, name), node->down ? "down" : "drained",
                  core->node_notes[row]);
        return;
    }
}

static void say_down(const struct telling *telling)
{
    const struct dr_why_place *place = telling->place;
    struct dr_hold *hold = push_here(telling, DR_REASON_SITE_DOWN);

    hold->has =
        (int64_t)dr_place_largest_if(telling->core, &place->want, place->pool, DR_PLACE_IF_EMPTY);
    hold->needs = place->want.tasks;
    if (!telling->site->answers) {
        DR_SAY(hold, "site %s does not answer", telling->site->name);
        DR_FREES(hold, "the site's answer");
        return;
    }
    DR_SAY(
        hold,
        "too few nodes of %s/%s are up, %u of %u: even empty they would hold %lld of its %u tasks",
        telling->site->name, telling->pool->name, telling->pool->nodes_up,
        telling->pool->nodes_count, (long long)hold->has, place->want.tasks);
    say_off(telling, hold);
    say_note(telling, hold);
    DR_FREES(hold, "nodes that come back or are resumed, for %lld more task%s",
             (long long)(hold->needs - hold->has), dr_why_plural(hold->needs - hold->has));
}

static void note_verdict(struct dr_hold *hold, const struct dr_quota_verdict *verdict)
{
    hold->account = verdict->account;
    hold->group = verdict->group;
    hold->has = verdict->has;
    hold->needs = verdict->needs;
    hold->limit = verdict->limit;
}

static void say_quota(const struct telling *telling, const struct dr_quota_verdict *verdict)
{
    const struct dr_core *core = telling->core;
    struct dr_hold *hold = push_here(telling, DR_REASON_QUOTA);
    const char *account = core->accounts[verdict->account.v - 1].name;
    const char *group = core->groups[verdict->group.v - 1].name;
    const char *limit_name = verdict->firm ? "guarantee" : "borrowing limit";
    char has[QUANTITY_BYTES];
    char needs[DR_TEXT_BYTES];
    char limit[DR_TEXT_BYTES];
    char more[QUANTITY_BYTES];

    note_verdict(hold, verdict);
    hold->firm = verdict->firm;
    quantity_text(core, verdict->group, verdict->has, has);
    amount_text(core, verdict->group, verdict->needs, needs);
    amount_text(core, verdict->group, verdict->limit, limit);
    quantity_text(core, verdict->group, verdict->needs - verdict->limit, more);
    if (verdict->firm)
        DR_SAY(hold,
               "account %s has %s of group %s in jobs that can't be taken, and would have %s with "
               "this one; its guarantee, within which alone such a job starts, is %s",
               account, has, group, needs, limit);
    else
        DR_SAY(hold,
               "account %s has %s of group %s and would have %s with this job; its guarantee and "
               "borrowing limit together are %s",
               account, has, group, needs, limit);
    if (verdict->needs - verdict->has > verdict->limit)
        DR_FREES(hold, "a %s of %s higher by %s; within the one that stands it can never start",
                 limit_name, account, more);
    else
        DR_FREES(hold, "%s given back by other jobs of %s, or a %s of %s higher by as much", more,
                 account, limit_name, account);
}

/* Accounts that hold back most of a group while it lies idle, by name: the largest three first. */
static void name_keepers(const struct dr_core *core, struct dr_hold *hold, char *names,
                         size_t names_bytes)
{
    int64_t below = INT64_MAX;
    uint32_t last = 0;
    size_t used = 0;

    names[0] = 0;
    for (uint32_t i = 0; i < 3; i += 1) {
        dr_account_id keeper = {0};
        int64_t most = 0;
        char text[QUANTITY_BYTES];

        for (uint32_t row = 0; row < core->accounts_count; row += 1) {
            const struct dr_quota *quota = dr_quota_at(core, (dr_account_id){row + 1}, hold->group);
            int64_t idle = dr_quota_keep(quota) - quota->claim;

            if (idle > most && (idle < below || (idle == below && row + 1 > last))) {
                most = idle;
                keeper.v = row + 1;
            }
        }
        if (keeper.v == 0)
            return;
        if (i == 0)
            hold->account = keeper;
        below = most;
        last = keeper.v;
        dr_format(names + used, names_bytes - used, "%s%s (%s)", i == 0 ? "" : ", ",
                  core->accounts[keeper.v - 1].name, quantity_text(core, hold->group, most, text));
        used += strlen(names + used);
    }
}

static void say_kept(const struct telling *telling, const struct dr_quota_verdict *verdict,
                     int beside)
{
    const struct dr_core *core = telling->core;
    struct dr_hold *hold = push_here(telling, DR_REASON_KEPT);
    char names[160];
    char more[QUANTITY_BYTES];

    note_verdict(hold, verdict);
    name_keepers(core, hold, names, sizeof names);
    quantity_text(core, verdict->group, verdict->needs - verdict->limit, more);
    DR_SAY(
        hold,
        "what is free in group %s is held back by lending limits%s%s: with this job%s %s too many "
        "would be taken or held back",
        core->groups[verdict->group.v - 1].name, names[0] == 0 ? "" : ", of account ", names,
        beside ? ", beside those that hold reservations," : "", more);
    DR_FREES(hold, "lending limits higher by %s, or as much given back by others who borrow", more);
}

/* What is too little might be taken by fair share one day: from whom. */
static void say_fair(const struct telling *telling)
{
    const struct dr_core *core = telling->core;
    const struct dr_why *why = telling->asking->why;
    struct dr_hold *hold = &telling->asking->why->holds[why->holds_count - 1];
    size_t used = strlen(hold->frees);
    char span[DR_TEXT_BYTES];
    dr_account_id than;
    dr_account_id from = dr_fair_from(core, telling->asking->job, telling->place->pool,
                                      &telling->place->want.amounts, &than);

    if (from.v == 0)
        return;
    dr_format(
        hold->frees + used, sizeof hold->frees - used,
        "; or, by fair share, attempts of %s, which has more above its guarantee than %s "
        "would, once they have run %s",
        core->accounts[from.v - 1].name, core->accounts[than.v - 1].name,
        dr_format_duration(
            dr_max_i64(core->settings.minimum_run_us, core->settings.fair_minimum_run_us), span));
}

static void say_owed(const struct telling *telling)
{
    const struct dr_core *core = telling->core;
    struct dr_hold *hold = push_here(telling, DR_REASON_GUARANTEES_OF);
    enum dr_resource main =
        dr_resource_main(telling->place->want.amounts.of[DR_RESOURCE_ACCELERATORS]);
    dr_group_id group = telling->pool->groups[main];
    char names[200] = "";
    char more[QUANTITY_BYTES];
    size_t used = 0;
    int64_t owed = 0;

    for (uint32_t row = core->accounts[0].first_child; row != NONE;
         row = core->accounts[row].next_sibling) {
        int64_t within = dr_min_i64(dr_quota_at(core, (dr_account_id){row + 1}, group)->claim,
                                    dr_quota_guarantee(core, (dr_account_id){row + 1}, group));

        if (within == 0)
            continue;
        owed += within;
        if (hold->account.v == 0)
            hold->account.v = row + 1;
        if (used < 120) {
            dr_format(names + used, sizeof names - used, "%s%s", used == 0 ? "" : ", ",
                      core->accounts[row].name);
            used += strlen(names + used);
        }
    }
    hold->group = group;
    hold->has = dr_max_i64(0, core->groups[group.v - 1].capacity - owed);
    hold->needs = telling->place->want.amounts.of[main];
    quantity_text(core, group, hold->needs - hold->has, more);
    DR_SAY(hold,
           "the %s of group %s are in use within the guarantees of %s, and this job is above its "
           "own: nothing can be taken back for it",
           resource_text(core, group), core->groups[group.v - 1].name, names);
    DR_FREES(hold, "%s given back by their jobs", more);
}

/* Would the gang fit but for CPUs, memory or data classes? Says so, and returns 1. */
static int say_beside(const struct telling *telling)
{
    const struct dr_why_place *place = telling->place;
    struct dr_want bare = place->want;
    struct dr_hold *hold;
    const char *what;

    bare.cpus = 0;
    bare.memory_mb = 0;
    if (dr_place_largest_if(telling->core, &place->want, place->pool, DR_PLACE_IF_OPEN) >=
        place->want.tasks) {
        what = "they lie where jobs of other accounts are, and a data class lets neither share";
    } else if (dr_place_largest_if(telling->core, &bare, place->pool, 0) >= place->want.tasks) {
        bare.memory_mb = place->want.memory_mb;
        what = dr_place_largest_if(telling->core, &bare, place->pool, 0) >= place->want.tasks
                   ? "too few CPUs are free beside them"
                   : "too little memory is free beside them";
    } else {
        return 0;
    }
    hold = push_here(telling, DR_REASON_CAPACITY);
    hold->has = (int64_t)place->tasks;
    hold->needs = place->want.tasks;
    DR_SAY(hold, "%s/%s has enough accelerators free, but %s: %lld of its %u tasks would fit",
           telling->site->name, telling->pool->name, what, (long long)hold->has, place->want.tasks);
    DR_FREES(hold, "room for %lld more task%s in %s/%s: the end of jobs there",
             (long long)(hold->needs - hold->has), dr_why_plural(hold->needs - hold->has),
             telling->site->name, telling->pool->name);
    return 1;
}

static void say_topology(const struct telling *telling)
{
    const struct dr_shape *shape = telling->asking->shape;
    const struct dr_why_place *place = telling->place;
    int required = shape->level_kind == 2;
    struct dr_hold *hold = push_here(telling, DR_REASON_TOPOLOGY);

    hold->has = (int64_t)place->tasks;
    hold->needs = place->want.tasks;
    DR_SAY(
        hold,
        "%s/%s has %lld accelerators free, but not close enough together: %s%s would take %lld of "
        "its %u tasks",
        telling->site->name, telling->pool->name, (long long)place->free,
        required ? "the best " : "its nodes", required ? shape->level : "", (long long)hold->has,
        place->want.tasks);
    DR_FREES(hold, "room for %lld more task%s %s%s: the end of jobs there",
             (long long)(hold->needs - hold->has), dr_why_plural(hold->needs - hold->has),
             required ? "in one " : "of its size on its nodes", required ? shape->level : "");
}

static void say_capacity(const struct telling *telling)
{
    const struct dr_why_place *place = telling->place;
    struct dr_hold *hold = push_here(telling, DR_REASON_CAPACITY);
    char has[DR_TEXT_BYTES];
    char needs[DR_TEXT_BYTES];
    char more[DR_TEXT_BYTES];

    hold->has = place->free * 1000;
    hold->needs = place->want.amounts.of[DR_RESOURCE_ACCELERATORS];
    if (place->want.accelerators > 0 && hold->has < hold->needs) {
        DR_SAY(hold, "too few accelerators are free: %s/%s comes nearest, with %s of %s",
               telling->site->name, telling->pool->name, dr_format_milli(hold->has, has),
               dr_format_milli(hold->needs, needs));
        DR_FREES(hold, "%s more accelerator%s free there: the end of jobs, or more nodes",
                 dr_format_milli(hold->needs - hold->has, more),
                 hold->needs - hold->has == 1000 ? "" : "s");
        return;
    }
    hold->has = (int64_t)place->tasks;
    hold->needs = place->want.tasks;
    DR_SAY(hold, "no pool has room for its %u task%s now; %s/%s comes nearest, with room for %lld",
           place->want.tasks, dr_why_plural(place->want.tasks), telling->site->name,
           telling->pool->name, (long long)hold->has);
    DR_FREES(hold, "room for %lld more task%s there: the end of jobs, or more nodes",
             (long long)(hold->needs - hold->has), dr_why_plural(hold->needs - hold->has));
    say_off(telling, hold);
}

static void say_power(const struct telling *telling)
{
    const struct dr_core *core = telling->core;
    const struct dr_power_lack *lack = &telling->place->lack;
    struct dr_hold *hold = push_here(telling, DR_REASON_POWER);
    int in_zone = lack->zone.v != 0;
    const char *what = in_zone ? "zone" : "site";
    const char *name =
        in_zone ? core->zones[lack->zone.v - 1].name : core->sites[lack->site.v - 1].name;
    int later = lack->from_us > telling->asking->now_us;
    char from[DR_TEXT_BYTES];
    char until[DR_TEXT_BYTES];

    hold->zone = lack->zone;
    hold->has = in_zone ? dr_power_zone_w(core, lack->zone) : dr_power_site_w(core, lack->site);
    hold->limit = lack->cap_w;
    hold->needs = lack->cap_w + lack->missing_w;
    hold->until_us = lack->until_us == DR_FOREVER_US ? 0 : lack->until_us;
    if (later)
        DR_SAY(hold, "%s %s would pass its power cap of %lld W, which begins at %s, by %lld W",
               what, name, (long long)lack->cap_w, dr_format_instant(lack->from_us, from),
               (long long)lack->missing_w);
    else if (lack->until_us != DR_FOREVER_US)
        DR_SAY(hold, "%s %s would pass its power cap of %lld W, which holds until %s, by %lld W",
               what, name, (long long)lack->cap_w, dr_format_instant(lack->until_us, until),
               (long long)lack->missing_w);
    else
        DR_SAY(hold, "%s %s would pass its power cap of %lld W by %lld W", what, name,
               (long long)lack->cap_w, (long long)lack->missing_w);
    DR_FREES(hold, "%s%lld W less drawn by jobs there, or a cap higher by %lld W",
             later ? "a time limit short enough to end before then, " : "",
             (long long)lack->missing_w, (long long)lack->missing_w);
}

static void say_reservation(const struct telling *telling, uint32_t blocker)
{
    const struct dr_core *core = telling->core;
    const struct dr_job *other = &core->jobs[blocker];
    const struct dr_pool *pool = &core->pools[dr_job_run(core, other)->reservation_pool.v - 1];
    struct dr_hold *hold = push_here(telling, DR_REASON_RESERVATION);
    uint32_t factor = telling->asking->shape->alternatives[telling->place->want.alternative].factor;
    int64_t left_us = dr_job_run(core, other)->reservation_us - telling->asking->now_us;
    char text[DR_TEXT_BYTES];

    hold->job = other->id;
    hold->until_us = dr_job_run(core, other)->reservation_us;
    DR_SAY(hold, "it would delay job %llu, which holds a reservation in %s/%s from %s",
           (unsigned long long)other->id.v, core->sites[pool->site.v - 1].name, pool->name,
           dr_format_instant(dr_job_run(core, other)->reservation_us, text));
    left_us = left_us <= 0 ? 0 : dr_mul_div_floor(left_us, 1000, factor);
    if (left_us >= DR_SECOND_US)
        DR_FREES(hold, "a time limit of at most %s, or the start of job %llu",
                 dr_format_duration(left_us / DR_SECOND_US * DR_SECOND_US, text),
                 (unsigned long long)other->id.v);
    else
        DR_FREES(hold, "the start of job %llu", (unsigned long long)other->id.v);
}

static void say_window(const struct telling *telling, const struct dr_window *window)
{
    const struct dr_core *core = telling->core;
    struct dr_hold *hold = push_here(telling, DR_REASON_RESERVATION);
    uint32_t factor = telling->asking->shape->alternatives[telling->place->want.alternative].factor;
    int64_t left_us = dr_max_i64(0, window->from_us - telling->asking->now_us);
    char names[160] = "maintenance";
    char from[DR_TEXT_BYTES];
    char until[DR_TEXT_BYTES];

    for (uint32_t i = 0; i < window->accounts_count; i += 1) {
        size_t used = i == 0 ? 0 : strlen(names);

        dr_format(names + used, sizeof names - used, "%s%s",
                  i > 0                         ? ", "
                  : window->accounts_count == 1 ? "account "
                                                : "accounts ",
                  core->accounts[window->accounts[i].v - 1].name);
    }
    hold->window = window->id;
    hold->account = window->accounts_count > 0 ? window->accounts[0] : (dr_account_id){0};
    hold->until_us = window->until_us;
    DR_SAY(hold, "it would run into advance reservation %s in %s/%s, for %s, from %s until %s",
           window->name, telling->site->name, telling->pool->name, names,
           dr_format_instant(window->from_us, from), dr_format_instant(window->until_us, until));
    left_us = dr_mul_div_floor(left_us, 1000, factor);
    if (left_us >= DR_SECOND_US)
        DR_FREES(hold, "a time limit of at most %s, or the end of advance reservation %s",
                 dr_format_duration(left_us / DR_SECOND_US * DR_SECOND_US, from), window->name);
    else
        DR_FREES(hold, "the end of advance reservation %s", window->name);
}

void dr_why_say(struct dr_why_asking *asking, const struct dr_why_place *place)
{
    const struct dr_core *core = asking->core;
    const struct dr_pool *pool = &core->pools[place->pool.v - 1];
    struct telling telling = {.asking = asking,
                              .core = core,
                              .place = place,
                              .pool = pool,
                              .site = &core->sites[pool->site.v - 1]};

    if (place->down)
        say_down(&telling);
    for (uint32_t i = 0; i < place->quotas_count; i += 1) {
        if (place->quotas[i].reason == DR_REASON_QUOTA)
            say_quota(&telling, &place->quotas[i]);
        else
            say_kept(&telling, &place->quotas[i], i + place->beside_count >= place->quotas_count);
    }
    if (place->room == DR_REASON_GUARANTEES_OF)
        say_owed(&telling);
    else if (place->room == DR_REASON_TOPOLOGY && !say_beside(&telling))
        say_topology(&telling);
    else if (place->room == DR_REASON_CAPACITY)
        say_capacity(&telling);
    if (place->room == DR_REASON_TOPOLOGY || place->room == DR_REASON_CAPACITY)
        say_fair(&telling);
    for (uint32_t i = 0; place->windows_count > 0 && i < core->windows_count; i += 1)
        if ((place->windows.words[i / 64] >> (i % 64)) & 1)
            say_window(&telling, &core->windows[i]);
    if (place->lack.missing_w > 0)
        say_power(&telling);
    for (uint32_t i = 0; i < dr_min_u32(place->blockers_count, DR_WHY_BLOCKERS_MAX); i += 1)
        say_reservation(&telling, place->blockers[i]);
    if (place->blockers_count > DR_WHY_BLOCKERS_MAX) {
        struct dr_hold *hold = push_here(&telling, DR_REASON_RESERVATION);

        DR_SAY(hold, "it would delay %u more that hold reservations",
               place->blockers_count - DR_WHY_BLOCKERS_MAX);
    }
}
