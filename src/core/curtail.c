/* SPDX-License-Identifier: Apache-2.0 */
/* See curtail.h; read dr_curtail() at the end first. */
#include "core/curtail.h"

#include "base/math.h"
#include "base/sort.h"
#include "core/power.h"
#include "core/victims.h"
#include "core/space.h"

#define NONE DR_ROW_NONE

/* ---- a site, or the sites of a zone ---- */

static int lies_in(const struct dr_core *core, uint32_t site_row, uint32_t domain)
{
    return site_row == domain || core->power->domains[site_row].zone == domain;
}

static int somebody_leaves(const struct dr_core *core, uint32_t domain)
{
    for (uint32_t pool = 0; pool < core->pools_count; pool += 1)
        if (lies_in(core, core->pools[pool].site.v - 1, domain) &&
            dr_place_leaving_count(core, (dr_pool_id){pool + 1}) > 0)
            return 1;
    return 0;
}

/* What is drawn once those who have been told to leave have left: idle nodes, who stays, and who is
 * promised a place. */
static int64_t staying_uw(const struct dr_core *core, uint32_t domain)
{
    int64_t sum_uw = core->power->domains[domain].idle_uw;

    for (uint32_t pool = 0; pool < core->pools_count; pool += 1)
        if (lies_in(core, core->pools[pool].site.v - 1, domain))
            for (uint32_t row = dr_place_attempts(core, (dr_pool_id){pool + 1}); row != NONE;
                 row = dr_place_attempts_next(core, row))
                if (dr_job_run(core, &core->jobs[row])->stopping == DR_STOP_NONE)
                    sum_uw += dr_power_attempt_uw(core, &core->jobs[row]);
    for (uint32_t row = dr_queue_first(core, DR_QUEUE_PROMISED); row != NONE;
         row = dr_queue_next(core, row))
        if (lies_in(core,
                    core->pools[dr_job_run(core, &core->jobs[row])->promise_pool.v - 1].site.v - 1,
                    domain))
            sum_uw += dr_power_promise_uw(core, &core->jobs[row]);
    return sum_uw;
}

/* ---- who is taken ---- */

struct candidate {
    uint32_t row;
    int64_t uw;
    int64_t loss_us;
    int64_t warn_us; /* when it has to be told */
    uint8_t chosen;
};

/* One interval that is to be met. */
struct need {
    struct dr_decision *decision;
    uint32_t domain;
    int64_t begin_us;
    int is_now; /* it has begun */
    struct candidate *candidates;
    uint32_t count;
    int64_t later_us; /* the first who can't be taken yet: then */
};

/* Least loss per watt first; ties: later start, higher id. */
static int compare(const void *a, const void *b, const void *context)
{
    const struct dr_core *core = context;
    const struct candidate *x = a;
    const struct candidate *y = b;
    __int128 of_x = (__int128)x->loss_us * y->uw;
    __int128 of_y = (__int128)y->loss_us * x->uw;
    const struct dr_job *job = &core->jobs[x->row];
    const struct dr_job *other = &core->jobs[y->row];

    if (of_x != of_y)
        return of_x < of_y ? -1 : 1;
    if (dr_job_run(core, job)->start_us != dr_job_run(core, other)->start_us)
        return dr_job_run(core, job)->start_us > dr_job_run(core, other)->start_us ? -1 : 1;
    return job->id.v > other->id.v ? -1 : job->id.v < other->id.v;
}

/* Does the attempt stand back in the interval, or may it be taken for it now? */
static int stands_in_the_way(struct need *need, uint32_t row, int64_t *warn_us)
{
    const struct dr_core *core = need->decision->core;
    const struct dr_job *job = &core->jobs[row];
    int64_t ripe_us = dr_power_ripe_us(core, job);

    if (core->power->shares[row].uw <= 0)
        return 0;
    if (need->is_now) {
        *warn_us = ripe_us;
        if (ripe_us > need->decision->now_us)
            need->later_us = dr_min_i64(need->later_us, ripe_us);
        return ripe_us <= need->decision->now_us;
    }
    *warn_us = dr_max_i64(need->begin_us - dr_job_terms(core, job)->grace_us - DR_POWER_NOTICE_US,
                          ripe_us);
    return core->power->shares[row].until_us <= need->begin_us &&
           need->begin_us < dr_power_end_us(core, job);
}

/* All flexible attempts that do. Returns their microwatts. */
static int64_t gather(struct need *need)
{
    struct dr_core *core = need->decision->core;
    const struct dr_power *power = core->power;
    int64_t sum_uw = 0;

    need->candidates =
        dr_arena_push(&core->scratch, power->flexible_count + 1u, sizeof need->candidates[0]);
    DR_ASSERT(need->candidates != NULL);
    need->count = 0;
    for (uint32_t site = 0; site < core->sites_count; site += 1)
        for (uint32_t row = lies_in(core, site, need->domain) ? power->domains[site].flexible
                                                              : NONE;
             row != NONE; row = power->shares[row].next) {
            struct candidate candidate = {.row = row, .uw = power->shares[row].uw};

            if (!stands_in_the_way(need, row, &candidate.warn_us))
                continue;
            candidate.loss_us = dr_victims_loss_us(core, &core->jobs[row], need->decision->now_us);
            need->candidates[need->count] = candidate;
            need->count += 1;
            sum_uw += candidate.uw;
        }
    return sum_uw;
}

/* The set: in order until enough, then back what is not needed, dearest first. Returns what is
 * still too much. */
static int64_t choose(struct need *need, int64_t excess_uw)
{
    dr_sort(need->candidates, need->count, sizeof need->candidates[0], compare,
            need->decision->core);
    for (uint32_t i = 0; i < need->count && excess_uw > 0; i += 1) {
        need->candidates[i].chosen = 1;
        excess_uw -= need->candidates[i].uw;
    }
    for (uint32_t i = need->count; i > 0; i -= 1) {
        struct candidate *candidate = &need->candidates[i - 1];

        if (!candidate->chosen || excess_uw + candidate->uw > 0)
            continue;
        candidate->chosen = 0;
        excess_uw += candidate->uw;
    }
    return excess_uw;
}

static void warn(struct need *need)
{
    struct dr_decision *decision = need->decision;
    struct dr_core *core = decision->core;

    for (uint32_t i = 0; i < need->count; i += 1) {
        const struct candidate *candidate = &need->candidates[i];
        const struct dr_job *job = &core->jobs[candidate->row];
        struct dr_fact fact;

        if (!candidate->chosen || candidate->warn_us > decision->now_us)
            continue;
        if (!dr_decision_room(decision, 0)) {
            decision->full = 1;
            return;
        }
        fact = dr_decision_fact(decision, DR_FACT_ATTEMPT_STOPPING);
        fact.attempt_stopping.job = job->id.v;
        fact.attempt_stopping.attempt = dr_job_run(core, job)->attempt;
        fact.attempt_stopping.cause = DR_STOP_POWER;
        fact.attempt_stopping.loss = candidate->loss_us / DR_SECOND_US;
        fact.attempt_stopping.signal = dr_job_terms(core, job)->warn_signal;
        fact.attempt_stopping.until_us = decision->now_us + dr_job_terms(core, job)->grace_us;
        dr_settle(core, &fact, decision->batch);
    }
}

/* ---- empty nodes ---- */

#define SWITCHED_MAX 1024 /* nodes in one fact */

struct idle_node {
    uint32_t row;
    uint8_t reserved; /* somebody waits for it: the last to go */
    int64_t uw;
};

static int compare_idle(const void *a, const void *b, const void *context)
{
    const struct idle_node *x = a;
    const struct idle_node *y = b;

    (void)context;
    if (x->reserved != y->reserved)
        return x->reserved < y->reserved ? -1 : 1;
    if (x->uw != y->uw)
        return x->uw > y->uw ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* Nodes that may be switched off: up, with nothing held or promised on them. `idle` [nodes_count].
 */
static uint32_t gather_idle(struct dr_core *core, uint32_t domain, struct idle_node *idle)
{
    uint8_t *reserved = dr_arena_push(&core->scratch, core->nodes_count + 1u, 1);
    uint32_t count = 0;

    DR_ASSERT(reserved != NULL);
    memset(reserved, 0, core->nodes_count);
    for (uint32_t at = dr_queue_reserved_first(core); at != NONE;
         at = dr_queue_reserved_next(core, at))
        for (uint32_t part = dr_job_run(core, &core->jobs[at])->reservation; part != NONE;
             part = core->extents[part].next)
            reserved[core->extents[part].extent.node.v - 1] = 1;
    for (uint32_t row = 0; row < core->nodes_count; row += 1) {
        const struct dr_node *node = &core->nodes[row];
        dr_site_id site = core->pools[node->pool.v - 1].site;
        int64_t uw = core->places->draws[row].idle_w * 1000 *
                     (int64_t)core->power->domains[site.v - 1].pue_milli;

        if (!core->sites[site.v - 1].power_down || !lies_in(core, site.v - 1, domain) ||
            !dr_node_up(core, node) || node->removing || uw <= 0 || node->tasks > 0 ||
            (node->busy | node->promised) != 0 || node->cpus_used > 0 || node->memory_mb_used > 0)
            continue;
        idle[count] = (struct idle_node){row, reserved[row], uw};
        count += 1;
    }
    return count;
}

static void settle_power(struct dr_decision *decision, uint32_t *nodes, uint32_t count, uint8_t off)
{
    struct dr_fact fact;

    if (count == 0)
        return;
    if (!dr_batch_room(decision->batch, count)) {
        decision->full = 1;
        return;
    }
    fact = dr_decision_fact(decision, DR_FACT_NODES_POWER);
    fact.nodes_power.nodes = nodes;
    fact.nodes_power.nodes_count = count;
    fact.nodes_power.off = off;
    dr_settle(decision->core, &fact, decision->batch);
}

/* Switch off what it takes, those that draw most first. */
static void power_down(struct dr_decision *decision, uint32_t domain, int64_t excess_uw)
{
    struct dr_core *core = decision->core;
    size_t mark = core->scratch.used;
    struct idle_node *idle = dr_arena_push(&core->scratch, core->nodes_count + 1u, sizeof idle[0]);
    uint32_t nodes[SWITCHED_MAX];
    uint32_t taken = 0;
    uint32_t count;

    DR_ASSERT(idle != NULL);
    count = gather_idle(core, domain, idle);
    dr_sort(idle, count, sizeof idle[0], compare_idle, NULL);
    for (uint32_t i = 0; i < count && excess_uw > 0 && !decision->full; i += 1) {
        nodes[taken] = idle[i].row + 1;
        taken += 1;
        excess_uw -= idle[i].uw;
        if (taken == SWITCHED_MAX) {
            settle_power(decision, nodes, taken, 1);
            taken = 0;
        }
    }
    settle_power(decision, nodes, taken, 1);
    dr_arena_reset(&core->scratch, mark);
}

/* What could still be switched off. */
static int64_t idle_uw(struct dr_core *core, uint32_t domain)
{
    size_t mark = core->scratch.used;
    struct idle_node *idle;
    int64_t sum_uw = 0;
    uint32_t count;

    if (!core->power->switches)
        return 0;
    idle = dr_arena_push(&core->scratch, core->nodes_count + 1u, sizeof idle[0]);
    DR_ASSERT(idle != NULL);
    count = gather_idle(core, domain, idle);
    for (uint32_t i = 0; i < count; i += 1)
        sum_uw += idle[i].uw;
    dr_arena_reset(&core->scratch, mark);
    return sum_uw;
}

/* Nodes that are off come back as far as caps allow now and in what begins within an hour; before
 * later intervals they may go again. */
static void power_up(struct dr_decision *decision)
{
    struct dr_core *core = decision->core;
    uint32_t nodes[1];

    for (uint32_t row = 0; row < core->nodes_count && core->power->off_count > 0; row += 1) {
        const struct dr_node *node = &core->nodes[row];
        const struct dr_pool *pool = &core->pools[node->pool.v - 1];
        int64_t idle_w = pool->node_idle_w;

        if (!node->off || decision->full)
            continue;
        if (pool->chip.v != 0)
            idle_w += (int64_t)pool->accelerators * core->chips[pool->chip.v - 1].idle_w;
        if (!node->down && !node->removed &&
            dr_power_lack(core, pool->site, idle_w * 1000, decision->now_us,
                          decision->now_us + DR_HOUR_US)
                    .missing_w > 0)
            continue;
        nodes[0] = row + 1;
        settle_power(decision, nodes, 1, 0);
    }
}

/* Microwatts by which a cap would be passed by those who stay, from what is known. */
static int64_t passed_uw(const struct dr_core *core, uint32_t row, uint32_t i, uint32_t now)
{
    const struct dr_power_domain *domain = &core->power->domains[row];
    const struct dr_power_interval *interval = &core->power->intervals[domain->first + i];
    int64_t draw_uw = i == now ? domain->draw_uw : domain->idle_uw + interval->held_uw;

    if (interval->cap_uw == DR_POWER_NO_CAP)
        return 0;
    if (i == now && draw_uw > interval->cap_uw && somebody_leaves(core, row))
        draw_uw = dr_min_i64(draw_uw, staying_uw(core, row));
    return draw_uw - interval->cap_uw;
}

/* How long before an interval somebody of the site or zone has to be told. */
static int64_t longest_notice_us(const struct dr_core *core, uint32_t domain)
{
    const struct dr_power *power = core->power;
    int64_t notice_us = 0;

    for (uint32_t site = 0; site < core->sites_count; site += 1)
        for (uint32_t row = lies_in(core, site, domain) ? power->domains[site].flexible : NONE;
             row != NONE; row = power->shares[row].next)
            notice_us = dr_max_i64(notice_us, dr_job_terms(core, &core->jobs[row])->grace_us +
                                                  DR_POWER_NOTICE_US);
    return notice_us;
}

/* The interval that holds, and those that begin so soon that somebody has to be told now. Returns
 * when who can't be taken yet can be. */
static int64_t meet(struct dr_decision *decision, uint32_t row)
{
    struct dr_core *core = decision->core;
    const struct dr_power_domain *domain = &core->power->domains[row];
    int64_t soon_us =
        decision->now_us + dr_max_i64(DR_POWER_NOTICE_US, longest_notice_us(core, row));
    uint32_t now =
        domain->count == 0 ? 0 : dr_power_interval_at(core->power, domain, decision->now_us);
    int64_t later_us = DR_FOREVER_US;

    for (uint32_t i = now; i < domain->count && !decision->full; i += 1) {
        const struct dr_power_interval *interval = &core->power->intervals[domain->first + i];
        struct need need = {.decision = decision,
                            .domain = row,
                            .begin_us = interval->begin_us,
                            .is_now = i == now,
                            .later_us = DR_FOREVER_US};
        size_t mark = core->scratch.used;
        int64_t passed;
        int64_t standing_uw;

        if (i != now && interval->begin_us > soon_us)
            break;
        passed = passed_uw(core, row, i, now);
        if (interval->cap_uw == DR_POWER_NO_CAP || (i == now && passed <= 0))
            continue;
        standing_uw = gather(&need);
        if (i != now)
            passed += standing_uw;
        if (passed > 0) {
            passed = choose(&need, passed);
            warn(&need);
            later_us = dr_min_i64(later_us, need.later_us);
            if (passed > 0 && core->power->switches && !decision->full &&
                interval->begin_us <= decision->now_us + DR_POWER_NOTICE_US)
                power_down(decision, row, passed);
        }
        dr_arena_reset(&core->scratch, mark);
    }
    return later_us;
}

/* ---- what can't be met ---- */

static void say_short(struct dr_decision *decision, uint32_t row)
{
    struct dr_core *core = decision->core;
    const struct dr_power_domain *domain = &core->power->domains[row];
    int of_site = row < DR_SITES_MAX;
    const struct dr_power_short *said =
        of_site ? &core->sites[row].power_short : &core->zones[row - DR_SITES_MAX].power_short;
    struct dr_power_short found = {0};
    uint32_t now =
        domain->count == 0 ? 0 : dr_power_interval_at(core->power, domain, decision->now_us);
    struct dr_fact fact;

    for (uint32_t i = now; i < domain->count && found.missing_w == 0; i += 1) {
        const struct dr_power_interval *interval = &core->power->intervals[domain->first + i];
        int64_t passed = passed_uw(core, row, i, now);

        if (passed > 0 && i != now)
            passed -= idle_uw(core, row);
        if (passed > 0)
            found = (struct dr_power_short){.missing_w = dr_mul_div_ceil(passed, 1, DR_POWER_UW),
                                            .cap_w = interval->cap_uw / DR_POWER_UW,
                                            .from_us = dr_max_i64(0, interval->begin_us)};
    }
    if (found.missing_w == said->missing_w ||
        (found.missing_w != 0 && found.missing_w < said->missing_w &&
         found.from_us == said->from_us && found.cap_w == said->cap_w))
        return;
    if (!dr_decision_room(decision, 0)) {
        decision->full = 1;
        return;
    }
    fact = dr_decision_fact(decision, DR_FACT_POWER_SHORT);
    if (of_site)
        fact.power_short.site = row + 1;
    else
        fact.power_short.zone = row - DR_SITES_MAX + 1;
    fact.power_short.from_us = found.missing_w == 0 ? said->from_us : found.from_us;
    fact.power_short.power_cap_w = found.missing_w == 0 ? said->cap_w : found.cap_w;
    fact.power_short.missing_w = found.missing_w;
    dr_settle(core, &fact, decision->batch);
}

/* ---- all of it ---- */

/* Is a cap passed now, where somebody might be taken for it? */
static int is_passed(const struct dr_core *core, uint32_t row, int64_t now_us)
{
    const struct dr_power *power = core->power;
    const struct dr_power_domain *domain = &power->domains[row];

    return domain->count > 0 &&
           domain->draw_uw >
               power->intervals[domain->first + dr_power_interval_at(power, domain, now_us)].cap_uw;
}

/* Sites, then zones. */
static uint32_t next_domain(const struct dr_core *core, uint32_t row)
{
    row += 1;
    return row == core->sites_count ? DR_SITES_MAX : row;
}

#define EACH_DOMAIN(row)                                           \
    for (uint32_t row = core->sites_count == 0 ? DR_SITES_MAX : 0; \
         row < DR_SITES_MAX + core->zones_count; row = next_domain(core, row))

/* When empty nodes have to be switched off for what begins; DR_FOREVER_US: for nothing. */
static int64_t switch_us(const struct dr_core *core, uint32_t row, int64_t now_us)
{
    const struct dr_power_domain *domain = &core->power->domains[row];
    uint32_t now = domain->count == 0 ? 0 : dr_power_interval_at(core->power, domain, now_us);

    for (uint32_t i = now + 1; i < domain->count; i += 1)
        if (core->power->intervals[domain->first + i].begin_us - DR_POWER_NOTICE_US > now_us &&
            passed_uw(core, row, i, now) > 0)
            return core->power->intervals[domain->first + i].begin_us - DR_POWER_NOTICE_US;
    return DR_FOREVER_US;
}

/* Attempts and nodes, in all sites and zones. */
static void look_around(struct dr_decision *decision)
{
    struct dr_core *core = decision->core;
    struct dr_power *power = core->power;
    int64_t next_us = DR_FOREVER_US;

    EACH_DOMAIN(row)
    {
        if (!decision->full && power->domains[row].count > 0)
            next_us = dr_min_i64(next_us, meet(decision, row));
    }
    if (decision->full)
        return;
    dr_power_looked(core, decision->now_us);
    EACH_DOMAIN(row)
    {
        if (power->switches && power->domains[row].count > 1)
            next_us = dr_min_i64(next_us, switch_us(core, row, decision->now_us));
    }
    power->look_us = dr_min_i64(power->look_us, next_us);
    power->changed = 1;
}

void dr_curtail(struct dr_decision *decision)
{
    struct dr_core *core = decision->core;
    struct dr_power *power = core->power;
    int look = decision->now_us >= power->look_us || (power->switches && power->changed);

    power->eased = 0;
    if (power->flexible_count == 0 && !power->switches && power->off_count == 0) {
        power->look_us = DR_FOREVER_US;
        power->looked_us = decision->now_us;
        return;
    }
    if (!look)
        EACH_DOMAIN(row)
        {
            look |= is_passed(core, row, decision->now_us);
        }
    if (power->off_count > 0 && (look || power->changed || power->tried_us != core->tick_us)) {
        power->tried_us = core->tick_us;
        power_up(decision);
    }
    if (look && !decision->full) {
        uint32_t off_count = power->off_count;

        look_around(decision);
        /* The largest go first; smaller ones that were off may fit beside those that stay. */
        if (power->off_count > off_count)
            power_up(decision);
    }
}

int dr_curtail_again(struct dr_decision *decision)
{
    uint64_t seq = decision->core->seq;

    if (decision->core->power->eased)
        dr_curtail(decision);
    return decision->core->seq != seq;
}

void dr_curtail_say(struct dr_decision *decision)
{
    struct dr_core *core = decision->core;
    struct dr_power *power = core->power;

    if (!power->changed && power->shorts == 0)
        return;
    EACH_DOMAIN(row)
    if (!decision->full)
        say_short(decision, row);
    power->changed = decision->full != 0;
}

int64_t dr_curtail_next_us(const struct dr_core *core)
{
    return dr_min_i64(dr_min_i64(core->power->next_us, core->power->cheap_us),
                      core->power->look_us);
}
