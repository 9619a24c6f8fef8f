/* SPDX-License-Identifier: Apache-2.0 */
/* Draws and caps. See power.h; read dr_power_schedule(), then dr_power_lack(). */
#include "core/power.h"

#include "base/math.h"
#include "base/sort.h"
#include "core/place.h"
#include "core/queue.h"

#define NONE DR_ROW_NONE

enum dr_status dr_power_open(struct dr_core *core)
{
    struct dr_power *power = dr_arena_push(&core->tables, 1, sizeof *power);

    if (power == NULL)
        return DR_E_FULL;
#define TABLE(field, count)                                                     \
    power->field = dr_arena_push(&core->tables, count, sizeof power->field[0]); \
    if (power->field == NULL)                                                   \
    return DR_E_FULL
    TABLE(domains, DR_POWER_DOMAINS);
    TABLE(intervals, DR_POWER_DOMAINS + 2 * DR_GRID_CAPS_MAX);
    TABLE(times, 2 * DR_GRID_CAPS_MAX);
    TABLE(shares, core->limits.jobs_max);
#undef TABLE
    core->power = power;
    dr_power_clear(core);
    return DR_OK;
}

static void forget_shares(const struct dr_core *core)
{
    struct dr_power *power = core->power;

    if (power->scheduled || power->flexible_count > 0)
        memset(power->shares, 0, core->jobs_high * sizeof power->shares[0]);
    for (uint32_t row = 0; row < DR_SITES_MAX; row += 1)
        power->domains[row].flexible = NONE;
    power->scheduled = 0;
    power->flexible_count = 0;
    power->look_us = DR_FOREVER_US;
}

void dr_power_clear(struct dr_core *core)
{
    forget_shares(core);
    core->power->next_us = DR_FOREVER_US;
    core->power->cheap_us = DR_FOREVER_US;
    core->power->looked_us = INT64_MIN;
    core->power->changed = 1;
    core->power->eased = 1;
    core->power->tried_us = INT64_MIN;
    core->power->off_count = 0;
    for (uint32_t row = 0; row < core->nodes_count; row += 1)
        core->power->off_count += core->nodes[row].off;
}

/* ---- lines of intervals ---- */

static int compare_times(const void *a, const void *b, const void *context)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    (void)context;
    return x < y ? -1 : x > y;
}

static int concerns(const struct dr_grid_cap *cap, uint32_t domain)
{
    return domain < DR_SITES_MAX ? cap->site.v == domain + 1
                                 : cap->zone.v == domain - DR_SITES_MAX + 1;
}

static int64_t in_uw(int64_t watts)
{
    return watts == 0 ? DR_POWER_NO_CAP : watts * DR_POWER_UW;
}

static int64_t standing_uw(const struct dr_core *core, uint32_t domain)
{
    return in_uw(domain < DR_SITES_MAX ? core->sites[domain].power_cap_w
                                       : core->zones[domain - DR_SITES_MAX].power_cap_w);
}

/* The least cap that holds at an instant. */
static int64_t cap_at(const struct dr_core *core, uint32_t domain, int64_t time_us)
{
    int64_t cap_uw = standing_uw(core, domain);

    for (uint32_t i = 0; i < core->grid_caps_count; i += 1) {
        const struct dr_grid_cap *cap = &core->grid_caps[i];

        /* An announced cap of 0 W is one. */
        if (concerns(cap, domain) && cap->from_us <= time_us && time_us < cap->until_us)
            cap_uw = dr_min_i64(cap_uw, cap->power_cap_w * DR_POWER_UW);
    }
    return cap_uw;
}

static void push_interval(struct dr_power *power, struct dr_power_domain *domain, int64_t begin_us,
                          int64_t cap_uw)
{
    if (domain->count > 0 && power->intervals[power->intervals_count - 1].cap_uw == cap_uw)
        return;
    power->intervals[power->intervals_count] =
        (struct dr_power_interval){.begin_us = begin_us, .cap_uw = cap_uw};
    power->intervals_count += 1;
    domain->count += 1;
}

static void draw_line(const struct dr_core *core, uint32_t row)
{
    struct dr_power *power = core->power;
    struct dr_power_domain *domain = &power->domains[row];
    uint32_t count = 0;

    for (uint32_t i = 0; i < core->grid_caps_count; i += 1)
        if (concerns(&core->grid_caps[i], row)) {
            power->times[count] = core->grid_caps[i].from_us;
            power->times[count + 1] = core->grid_caps[i].until_us;
            count += 2;
        }
    dr_sort(power->times, count, sizeof power->times[0], compare_times, NULL);
    domain->first = power->intervals_count;
    domain->count = 0;
    push_interval(power, domain, INT64_MIN, standing_uw(core, row));
    for (uint32_t i = 0; i < count; i += 1)
        push_interval(power, domain, power->times[i], cap_at(core, row, power->times[i]));
    if (domain->count > 1 || power->intervals[domain->first].cap_uw != DR_POWER_NO_CAP)
        return;
    power->intervals_count = domain->first;
    domain->first = NONE;
    domain->count = 0;
}

static int64_t next_begin_us(const struct dr_power *power, int64_t after_us)
{
    int64_t next_us = DR_FOREVER_US;

    for (uint32_t i = 0; i < power->intervals_count; i += 1)
        if (power->intervals[i].begin_us > after_us)
            next_us = dr_min_i64(next_us, power->intervals[i].begin_us);
    return next_us;
}

static void find_shares(const struct dr_core *core);

void dr_power_count_shorts(const struct dr_core *core)
{
    core->power->shorts = 0;
    for (uint32_t row = 0; row < core->sites_count; row += 1)
        core->power->shorts += core->sites[row].power_short.missing_w > 0;
    for (uint32_t row = 0; row < core->zones_count; row += 1)
        core->power->shorts += core->zones[row].power_short.missing_w > 0;
}

void dr_power_schedule(const struct dr_core *core)
{
    struct dr_power *power = core->power;

    forget_shares(core);
    dr_power_count_shorts(core);
    power->switches = 0;
    for (uint32_t row = 0; row < core->sites_count; row += 1)
        power->switches |= core->sites[row].power_down;
    power->intervals_count = 0;
    for (uint32_t row = 0; row < core->zones_count; row += 1) {
        struct dr_power_domain *zone = &power->domains[DR_SITES_MAX + row];

        draw_line(core, DR_SITES_MAX + row);
        zone->zone = NONE;
        zone->limited = zone->count > 0;
        zone->scheduled = zone->count > 1;
        power->scheduled |= zone->scheduled;
    }
    for (uint32_t row = 0; row < core->sites_count; row += 1) {
        struct dr_power_domain *site = &power->domains[row];
        uint32_t zone = core->sites[row].zone.v;

        draw_line(core, row);
        site->zone = zone == 0 ? NONE : DR_SITES_MAX + zone - 1;
        site->limited = site->count > 0 || (zone != 0 && power->domains[site->zone].limited);
        site->scheduled = site->count > 1 || (zone != 0 && power->domains[site->zone].scheduled);
        power->scheduled |= site->scheduled;
    }
    power->next_us = next_begin_us(power, core->time_us);
    /* Who was looked at in this very instant was not for these caps. */
    power->looked_us = dr_min_i64(power->looked_us, core->time_us - 1);
    find_shares(core);
    if (power->flexible_count > 0 || power->switches)
        power->look_us = INT64_MIN; /* other caps: everybody is looked at */
    power->changed = 1;
}

void dr_power_build(const struct dr_core *core)
{
    struct dr_power *power = core->power;

    for (uint32_t row = 0; row < DR_POWER_DOMAINS; row += 1) {
        power->domains[row].draw_uw = 0;
        power->domains[row].idle_uw = 0;
    }
    for (uint32_t row = 0; row < core->sites_count; row += 1)
        power->domains[row].pue_milli = core->sites[row].pue_milli;
    dr_power_schedule(core);
}

int dr_power_advance(struct dr_core *core, int64_t now_us)
{
    struct dr_power *power = core->power;
    int cheap = now_us >= power->cheap_us;

    if (cheap)
        power->cheap_us = DR_FOREVER_US;
    if (now_us < power->next_us)
        return cheap;
    power->next_us = next_begin_us(power, now_us);
    if (power->flexible_count > 0 || power->switches)
        power->look_us = INT64_MIN;
    power->changed = 1;
    return 1;
}

/* ---- draws ---- */

void dr_power_draw(const struct dr_core *core, dr_site_id site, int64_t milliwatts, int64_t idle_w)
{
    struct dr_power_domain *domains = core->power->domains;
    struct dr_power_domain *domain = &domains[site.v - 1];

    core->power->changed |= idle_w != 0;
    domain->draw_uw += milliwatts * domain->pue_milli;
    domain->idle_uw += idle_w * 1000 * domain->pue_milli;
    if (domain->zone == NONE)
        return;
    domains[domain->zone].draw_uw += milliwatts * domain->pue_milli;
    domains[domain->zone].idle_uw += idle_w * 1000 * domain->pue_milli;
}

int64_t dr_power_site_w(const struct dr_core *core, dr_site_id site)
{
    dr_place_prepare(core);
    return dr_mul_div_ceil(core->power->domains[site.v - 1].draw_uw, 1, DR_POWER_UW);
}

int64_t dr_power_zone_w(const struct dr_core *core, dr_zone_id zone)
{
    dr_place_prepare(core);
    return dr_mul_div_ceil(core->power->domains[DR_SITES_MAX + zone.v - 1].draw_uw, 1, DR_POWER_UW);
}

/* ---- what attempts have in intervals ---- */

static void add(struct dr_power *power, const struct dr_power_domain *domain, int64_t until_us,
                int64_t uw)
{
    struct dr_power_interval *at = &power->intervals[domain->first];

    for (uint32_t i = 0; domain->count > 1 && i < domain->count && at[i].begin_us < until_us;
         i += 1)
        at[i].held_uw += uw;
}

static void add_share(const struct dr_core *core, const struct dr_power_share *share, int sign)
{
    struct dr_power *power = core->power;
    const struct dr_power_domain *site = &power->domains[share->site];

    add(power, site, share->until_us, sign * share->uw);
    if (site->zone != NONE)
        add(power, &power->domains[site->zone], share->until_us, sign * share->uw);
}

/* What a gang adds to its pool's site, facility microwatts. */
static int64_t gang_uw(const struct dr_core *core, const struct dr_job *job, dr_pool_id pool,
                       uint32_t alternative)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];
    const struct dr_chip *chip;
    struct dr_amounts amounts;

    if (where->chip.v == 0)
        return 0;
    chip = &core->chips[where->chip.v - 1];
    amounts = dr_alternative_amounts(&core->shapes[job->shape].alternatives[alternative]);
    return amounts.of[DR_RESOURCE_ACCELERATORS] * (chip->busy_w - chip->idle_w) *
           core->power->domains[where->site.v - 1].pue_milli;
}

int64_t dr_power_attempt_uw(const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_run *run = dr_job_run(core, job);

    return gang_uw(core, job, run->pool, run->alternative);
}

int64_t dr_power_promise_uw(const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_run *run = dr_job_run(core, job);

    return gang_uw(core, job, run->promise_pool, run->promise_alternative);
}

int64_t dr_power_end_us(const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_run *run = dr_job_run(core, job);

    if (job->state == DR_JOB_UNREACHABLE)
        return DR_FOREVER_US;
    return run->stopping != DR_STOP_NONE ? run->stop_until_us : dr_job_believed_end_us(core, job);
}

int64_t dr_power_ripe_us(const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_run *run = dr_job_run(core, job);

    return (run->start_us != 0 ? run->start_us : run->placed_us) + core->settings.minimum_run_us;
}

int64_t dr_power_until_us(const struct dr_core *core, const struct dr_job *job,
                          uint32_t alternative, int64_t from_us)
{
    const struct dr_terms *terms = dr_job_terms(core, job);
    int64_t end_us = from_us + dr_job_next_limit_us(core, job, alternative);

    return terms->flexible ? dr_min_i64(end_us, from_us + core->settings.minimum_run_us +
                                                    terms->grace_us + DR_POWER_NOTICE_US)
                           : end_us;
}

/* It is told to leave by now or never, for what begins within its grace. */
static int64_t flexible_until_us(const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_terms *terms = dr_job_terms(core, job);
    int64_t ripe_us = dr_power_ripe_us(core, job);
    int64_t looked_us = core->power->looked_us;
    int64_t until_us = ripe_us + terms->grace_us;

    if (looked_us >= ripe_us)
        until_us = dr_max_i64(until_us, looked_us + terms->grace_us + DR_POWER_NOTICE_US + 1);
    return dr_min_i64(until_us, dr_power_end_us(core, job));
}

int64_t dr_power_latest_us(const struct dr_core *core, const struct dr_job *job,
                           uint32_t alternative)
{
    int64_t span_us = dr_job_next_limit_us(core, job, alternative);

    return dr_job_terms(core, job)->deadline_us - span_us -
           dr_max_i64(span_us / 10, 10 * DR_MINUTE_US);
}

void dr_power_wait(struct dr_core *core, int64_t until_us)
{
    core->power->cheap_us = dr_min_i64(core->power->cheap_us, until_us);
}

static int stands_back(const struct dr_core *core, const struct dr_job *job)
{
    return dr_job_terms(core, job)->flexible && dr_job_run(core, job)->stopping == DR_STOP_NONE &&
           job->state != DR_JOB_UNREACHABLE;
}

static struct dr_power_share share_of(const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_run *run = dr_job_run(core, job);
    struct dr_power_share share = {0};

    if (job->id.v == 0 || dr_job_state_ended(job->state))
        return share;
    if (job->state == DR_JOB_PENDING && run->promise == NONE)
        return share;
    if (job->state == DR_JOB_PENDING) {
        /* When it starts is not known, and so not when it ends. */
        share.until_us = DR_FOREVER_US;
        share.site = core->pools[run->promise_pool.v - 1].site.v - 1;
        share.uw = dr_power_promise_uw(core, job);
    } else {
        share.listed = (uint8_t)stands_back(core, job);
        share.until_us = share.listed ? flexible_until_us(core, job) : dr_power_end_us(core, job);
        share.site = core->pools[run->pool.v - 1].site.v - 1;
        share.uw = dr_power_attempt_uw(core, job);
    }
    if (!core->power->domains[share.site].scheduled)
        share.until_us = 0;
    if (!core->power->domains[share.site].limited || (share.until_us == 0 && !share.listed))
        share = (struct dr_power_share){0};
    return share;
}

/* When a flexible attempt is to be looked at next: before the first interval in which it does not
 * count; DR_FOREVER_US: it counts in all that it may run into. */
static int64_t look_in(const struct dr_core *core, uint32_t domain_row, const struct dr_job *job,
                       int64_t until_us)
{
    const struct dr_power *power = core->power;
    const struct dr_power_domain *domain = &power->domains[domain_row];
    const struct dr_power_interval *line = &power->intervals[domain->first];

    for (uint32_t i = 1; i < domain->count; i += 1)
        if (line[i].begin_us >= until_us && line[i].cap_uw != DR_POWER_NO_CAP)
            return line[i].begin_us >= dr_power_end_us(core, job)
                       ? DR_FOREVER_US
                       : dr_max_i64(line[i].begin_us - dr_job_terms(core, job)->grace_us -
                                        DR_POWER_NOTICE_US,
                                    dr_power_ripe_us(core, job));
    return DR_FOREVER_US;
}

static void look_at(const struct dr_core *core, uint32_t row)
{
    struct dr_power *power = core->power;
    const struct dr_power_share *share = &power->shares[row];
    uint32_t zone = power->domains[share->site].zone;

    if (!share->listed || share->until_us == 0)
        return;
    power->look_us =
        dr_min_i64(power->look_us, look_in(core, share->site, &core->jobs[row], share->until_us));
    if (zone != NONE)
        power->look_us =
            dr_min_i64(power->look_us, look_in(core, zone, &core->jobs[row], share->until_us));
}

static void put_share(const struct dr_core *core, uint32_t row, struct dr_power_share share)
{
    struct dr_power *power = core->power;
    uint32_t *first = &power->domains[share.site].flexible;

    share.next = NONE;
    share.previous = NONE;
    if (share.listed) {
        share.next = *first;
        if (*first != NONE)
            power->shares[*first].previous = row;
        *first = row;
        power->flexible_count += 1;
    }
    power->shares[row] = share;
    if (share.until_us != 0)
        add_share(core, &share, 1);
    look_at(core, row);
}

static void take_share(const struct dr_core *core, uint32_t row)
{
    struct dr_power *power = core->power;
    const struct dr_power_share share = power->shares[row];

    if (share.until_us != 0)
        add_share(core, &share, -1);
    if (share.listed) {
        if (share.previous == NONE)
            power->domains[share.site].flexible = share.next;
        else
            power->shares[share.previous].next = share.next;
        if (share.next != NONE)
            power->shares[share.next].previous = share.previous;
        power->flexible_count -= 1;
    }
    power->shares[row] = (struct dr_power_share){0};
}

static void find_shares(const struct dr_core *core)
{
    for (uint32_t row = core->running.first; row != NONE; row = dr_job_list_next(core, row)) {
        struct dr_power_share share = share_of(core, &core->jobs[row]);

        if (share.until_us != 0 || share.listed)
            put_share(core, row, share);
    }
    for (uint32_t row = dr_queue_first(core, DR_QUEUE_PROMISED);
         core->power->scheduled && row != NONE; row = dr_queue_next(core, row)) {
        struct dr_power_share share = share_of(core, &core->jobs[row]);

        if (share.until_us != 0)
            put_share(core, row, share);
    }
}

static int equal(const struct dr_power_share *a, const struct dr_power_share *b)
{
    return a->until_us == b->until_us && a->uw == b->uw && a->site == b->site &&
           a->listed == b->listed;
}

void dr_power_update(struct dr_core *core, uint32_t row)
{
    struct dr_power *power = core->power;
    struct dr_power_share known;
    struct dr_power_share share;

    if (!power->scheduled && !dr_job_terms(core, &core->jobs[row])->flexible)
        return;
    known = power->shares[row];
    share = share_of(core, &core->jobs[row]);
    if (equal(&known, &share))
        return;
    take_share(core, row);
    if (share.until_us != 0 || share.listed)
        put_share(core, row, share);
    power->changed |= known.until_us != 0;
    power->eased |= known.until_us != 0;
    if (share.until_us < known.until_us)
        dr_place_touch_site(core, (dr_site_id){known.site + 1});
}

void dr_power_ease(const struct dr_core *core)
{
    core->power->eased = 1;
}

void dr_power_looked(struct dr_core *core, int64_t now_us)
{
    struct dr_power *power = core->power;

    power->looked_us = now_us;
    power->look_us = DR_FOREVER_US;
    for (uint32_t site = 0; site < core->sites_count && power->flexible_count > 0; site += 1) {
        uint32_t next;

        for (uint32_t row = power->domains[site].flexible; row != NONE; row = next) {
            next = power->shares[row].next;
            dr_power_update(core, row);
            look_at(core, row);
        }
    }
}

void dr_power_view(const struct dr_core *core, uint32_t row, int sign)
{
    if (core->power->scheduled && core->power->shares[row].until_us != 0)
        add_share(core, &core->power->shares[row], sign);
}

/* ---- asking ---- */

uint32_t dr_power_interval_at(const struct dr_power *power, const struct dr_power_domain *domain,
                              int64_t time_us)
{
    uint32_t low = 0;
    uint32_t high = domain->count;

    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;

        if (power->intervals[domain->first + middle].begin_us <= time_us)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Where in its line a domain would pass its cap most. */
static void look(const struct dr_power *power, uint32_t row, int64_t more_uw, int64_t from_us,
                 int64_t until_us, struct dr_power_lack *lack)
{
    const struct dr_power_domain *domain = &power->domains[row];
    const struct dr_power_interval *line;
    uint32_t now;

    if (domain->count == 0)
        return;
    line = &power->intervals[domain->first];
    now = dr_power_interval_at(power, domain, from_us);
    for (uint32_t i = now; i < domain->count && (i == now || line[i].begin_us < until_us); i += 1) {
        int64_t draw_uw =
            more_uw + (i == now ? domain->draw_uw : domain->idle_uw + line[i].held_uw);
        int64_t missing_w;

        if (line[i].cap_uw == DR_POWER_NO_CAP || draw_uw <= line[i].cap_uw)
            continue;
        missing_w = dr_mul_div_ceil(draw_uw - line[i].cap_uw, 1, DR_POWER_UW);
        if (missing_w <= lack->missing_w)
            continue;
        *lack = (struct dr_power_lack){.missing_w = missing_w,
                                       .cap_w = line[i].cap_uw / DR_POWER_UW,
                                       .from_us = dr_max_i64(from_us, line[i].begin_us),
                                       .until_us = i + 1 < domain->count ? line[i + 1].begin_us
                                                                         : DR_FOREVER_US};
        if (row < DR_SITES_MAX)
            lack->site.v = row + 1;
        else
            lack->zone.v = row - DR_SITES_MAX + 1;
    }
}

struct dr_power_lack dr_power_lack(const struct dr_core *core, dr_site_id site, int64_t more_mw,
                                   int64_t from_us, int64_t until_us)
{
    const struct dr_power *power = core->power;
    const struct dr_power_domain *domain = &power->domains[site.v - 1];
    struct dr_power_lack lack = {0};

    if (!domain->limited)
        return lack;
    look(power, site.v - 1, more_mw * domain->pue_milli, from_us, until_us, &lack);
    if (domain->zone != NONE)
        look(power, domain->zone, more_mw * domain->pue_milli, from_us, until_us, &lack);
    return lack;
}

static int64_t enough_until_us(const struct dr_power *power, uint32_t row, int64_t more_uw,
                               int64_t now_us)
{
    const struct dr_power_domain *domain = &power->domains[row];
    const struct dr_power_interval *line = &power->intervals[domain->first];

    for (uint32_t i = domain->count == 0 ? 0 : dr_power_interval_at(power, domain, now_us) + 1;
         i < domain->count; i += 1)
        if (line[i].cap_uw != DR_POWER_NO_CAP &&
            more_uw + domain->idle_uw + line[i].held_uw > line[i].cap_uw)
            return line[i].begin_us;
    return INT64_MAX;
}

int64_t dr_power_enough_until_us(const struct dr_core *core, dr_site_id site, int64_t more_mw,
                                 int64_t now_us)
{
    const struct dr_power *power = core->power;
    const struct dr_power_domain *domain = &power->domains[site.v - 1];
    int64_t more_uw = more_mw * domain->pue_milli;
    int64_t until_us;

    if (!domain->limited)
        return INT64_MAX;
    until_us = enough_until_us(power, site.v - 1, more_uw, now_us);
    return domain->zone == NONE
               ? until_us
               : dr_min_i64(until_us, enough_until_us(power, domain->zone, more_uw, now_us));
}

/* What the cap that holds in a domain now leaves. */
static int64_t left_uw(const struct dr_power *power, uint32_t row, int64_t now_us)
{
    const struct dr_power_domain *domain = &power->domains[row];
    const struct dr_power_interval *now;

    if (domain->count == 0)
        return INT64_MAX;
    now = &power->intervals[domain->first + dr_power_interval_at(power, domain, now_us)];
    return now->cap_uw == DR_POWER_NO_CAP ? INT64_MAX
                                          : dr_max_i64(0, now->cap_uw - domain->draw_uw);
}

int64_t dr_power_room_milli(const struct dr_core *core, dr_site_id site, dr_chip_id chip,
                            int64_t now_us)
{
    const struct dr_power *power = core->power;
    const struct dr_power_domain *domain = &power->domains[site.v - 1];
    int64_t each_uw = (core->chips[chip.v - 1].busy_w - core->chips[chip.v - 1].idle_w) *
                      (int64_t)domain->pue_milli;
    int64_t left;

    if (!domain->limited || each_uw <= 0)
        return INT64_MAX;
    left = left_uw(power, site.v - 1, now_us);
    if (domain->zone != NONE)
        left = dr_min_i64(left, left_uw(power, domain->zone, now_us));
    return left == INT64_MAX ? left : left / each_uw;
}

static int64_t rise_of(const struct dr_power *power, uint32_t row, int64_t after_us)
{
    const struct dr_power_domain *domain = &power->domains[row];
    const struct dr_power_interval *line = &power->intervals[domain->first];

    for (uint32_t i = 1; i < domain->count; i += 1)
        if (line[i].begin_us > after_us && line[i].cap_uw > line[i - 1].cap_uw)
            return line[i].begin_us;
    return DR_FOREVER_US;
}

int64_t dr_power_rise_us(const struct dr_core *core, dr_site_id site, int64_t after_us)
{
    const struct dr_power *power = core->power;
    const struct dr_power_domain *domain = &power->domains[site.v - 1];
    int64_t rise_us;

    if (!domain->scheduled)
        return DR_FOREVER_US;
    rise_us = rise_of(power, site.v - 1, after_us);
    return domain->zone == NONE ? rise_us
                                : dr_min_i64(rise_us, rise_of(power, domain->zone, after_us));
}

static int64_t cap_w(const struct dr_core *core, uint32_t row, int64_t time_us)
{
    int64_t cap_uw = cap_at(core, row, time_us);

    return cap_uw == DR_POWER_NO_CAP ? 0 : cap_uw / DR_POWER_UW;
}

int64_t dr_power_site_cap_w(const struct dr_core *core, dr_site_id site, int64_t time_us)
{
    return cap_w(core, site.v - 1, time_us);
}

int64_t dr_power_zone_cap_w(const struct dr_core *core, dr_zone_id zone, int64_t time_us)
{
    return cap_w(core, DR_SITES_MAX + zone.v - 1, time_us);
}

/* ---- for tests ---- */

static int line_agrees(const struct dr_core *core, uint32_t row)
{
    const struct dr_power *power = core->power;
    const struct dr_power_domain *domain = &power->domains[row];

    for (uint32_t i = 0; domain->count > 1 && i < domain->count; i += 1) {
        const struct dr_power_interval *interval = &power->intervals[domain->first + i];
        int64_t held_uw = 0;

        if (i > 0 && interval->cap_uw != cap_at(core, row, interval->begin_us))
            return 0;
        for (uint32_t job = 0; job < core->jobs_high; job += 1) {
            struct dr_power_share share = share_of(core, &core->jobs[job]);

            if (share.until_us != 0 && interval->begin_us < share.until_us &&
                (share.site == row || power->domains[share.site].zone == row))
                held_uw += share.uw;
        }
        if (held_uw != interval->held_uw)
            return 0;
    }
    return 1;
}

int dr_power_consistent(const struct dr_core *core)
{
    const struct dr_power *power = core->power;

    for (uint32_t row = 0; row < core->sites_count; row += 1)
        if (!line_agrees(core, row))
            return 0;
    for (uint32_t row = 0; row < core->zones_count; row += 1) {
        int64_t draw_uw = 0;
        int64_t idle_uw = 0;

        for (uint32_t site = 0; site < core->sites_count; site += 1)
            if (core->sites[site].zone.v == row + 1) {
                draw_uw += power->domains[site].draw_uw;
                idle_uw += power->domains[site].idle_uw;
            }
        if (draw_uw != power->domains[DR_SITES_MAX + row].draw_uw ||
            idle_uw != power->domains[DR_SITES_MAX + row].idle_uw ||
            !line_agrees(core, DR_SITES_MAX + row))
            return 0;
    }
    return 1;
}
