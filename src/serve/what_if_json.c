/* SPDX-License-Identifier: Apache-2.0 */
/* Two worlds held against each other: the answer of a what-if. */
#include "base/sort.h"
#include "serve/fact_json.h"
#include "serve/json.h"
#include "serve/what_if_world.h"

enum { AS_IS, CHANGED, WORLDS };
static const char *const NAMES[WORLDS] = {"as_is", "changed"};

/* Jobs that wait now: of an account, or all. */
struct tally {
    uint32_t waiting;
    uint32_t earlier; /* in the changed world */
    uint32_t later;
    uint32_t started[WORLDS];
    int64_t wait_us_sum[WORLDS]; /* from now on; who does not start waits to the world's end */
};

struct comparison {
    const struct world *worlds[WORLDS];
    struct tally all;
    struct tally *accounts; /* by row */
};

static void count_job(struct tally *tally, const struct comparison *both, uint32_t place)
{
    int64_t as_is_us = both->worlds[AS_IS]->at_us[place];
    int64_t changed_us = both->worlds[CHANGED]->at_us[place];

    tally->waiting += 1;
    tally->earlier += changed_us < as_is_us;
    tally->later += changed_us > as_is_us;
    for (uint32_t i = 0; i < WORLDS; i += 1) {
        const struct world *world = both->worlds[i];
        int started = world->at_us[place] != NEVER_US;

        tally->started[i] += (uint32_t)started;
        tally->wait_us_sum[i] +=
            (started ? world->at_us[place] : world->sums.reached_us) - world->begun_us;
    }
}

static void count_jobs(struct comparison *both)
{
    const struct world *world = both->worlds[AS_IS];

    both->accounts =
        calloc(both->worlds[CHANGED]->sums.accounts_count + 1u, sizeof both->accounts[0]);
    DR_ASSERT(both->accounts != NULL);
    for (uint32_t i = 0; i < world->jobs_count; i += 1) {
        if (!world->jobs[i].waits)
            continue;
        count_job(&both->all, both, i);
        count_job(&both->accounts[world->jobs[i].account - 1], both, i);
    }
}

static void put_waits(struct dr_buffer *out, const struct tally *tally, uint32_t world)
{
    dr_put_u64(out, "started", tally->started[world]);
    dr_put_i64(out, "wait_us_mean",
               tally->waiting == 0 ? 0 : tally->wait_us_sum[world] / (int64_t)tally->waiting);
}

static void put_use(struct dr_buffer *out, const struct use *use)
{
    /* thousandths of an hour: 3,600,000 ms are 1000 */
    dr_put_i64(out, "accelerator_hours_milli", use->accelerator_ms / 3600);
    dr_put_i64(out, "energy_j", use->energy_j);
    dr_put_i64(out, "cost_micro", use->cost_micro);
}

static void put_world(struct dr_buffer *out, const struct comparison *both, uint32_t which)
{
    const struct world *world = both->worlds[which];
    const struct world_sums *sums = &world->sums;
    __int128 span_ms = (sums->reached_us - world->begun_us) / 1000;
    struct use all = {0};

    for (uint32_t row = 0; row < sums->accounts_count; row += 1) {
        all.accelerator_ms += world->use[row].accelerator_ms;
        all.energy_j += world->use[row].energy_j;
        all.cost_micro += world->use[row].cost_micro;
    }
    dr_put_begin(out, NAMES[which], '{');
    dr_put_i64(out, "reached_us", sums->reached_us);
    dr_put_bool(out, "horizon_reached", sums->end == AHEAD_HORIZON);
    put_waits(out, &both->all, which);
    dr_put_u64(out, "taken", sums->taken);
    dr_put_i64(out, "accelerators_milli", sums->capacity_milli);
    dr_put_i64(
        out, "allocated_permille",
        sums->capacity_milli == 0 || span_ms == 0
            ? 0
            : (int64_t)((__int128)all.accelerator_ms * 1000000 / (sums->capacity_milli * span_ms)));
    put_use(out, &all);
    dr_put_end(out, '}');
}

/* ---- sites, accounts ---- */

static void put_site(struct dr_buffer *out, const char *name, const struct world *world,
                     uint32_t row)
{
    if (row >= world->sums.sites_count) {
        dr_put_null(out, name);
        return;
    }
    dr_put_begin(out, name, '{');
    dr_put_i64(out, "power_w_mean", world->sites[row].power_w_mean);
    dr_put_i64(out, "power_w_most", world->sites[row].power_w_most);
    dr_put_i64(out, "power_cap_w", world->sites[row].power_cap_w);
    dr_put_end(out, '}');
}

static void put_sites(struct dr_buffer *out, const struct comparison *both)
{
    const struct dr_core *core = both->worlds[CHANGED]->ahead.core;

    dr_put_begin(out, "sites", '[');
    for (uint32_t row = 0; row < core->sites_count; row += 1) {
        if (core->sites[row].removed)
            continue;
        dr_put_begin(out, NULL, '{');
        dr_put_text(out, "name", core->sites[row].name);
        for (uint32_t i = 0; i < WORLDS; i += 1)
            put_site(out, NAMES[i], both->worlds[i], row);
        dr_put_end(out, '}');
    }
    dr_put_end(out, ']');
}

static void put_account(struct dr_buffer *out, const struct comparison *both, uint32_t row)
{
    const struct tally *tally = &both->accounts[row];

    if (tally->waiting == 0 && both->worlds[AS_IS]->use[row].accelerator_ms == 0 &&
        both->worlds[CHANGED]->use[row].accelerator_ms == 0)
        return;
    dr_put_begin(out, NULL, '{');
    dr_put_text(out, "account", both->worlds[CHANGED]->ahead.core->accounts[row].name);
    dr_put_u64(out, "waiting", tally->waiting);
    dr_put_u64(out, "earlier", tally->earlier);
    dr_put_u64(out, "later", tally->later);
    for (uint32_t i = 0; i < WORLDS; i += 1) {
        dr_put_begin(out, NAMES[i], '{');
        put_waits(out, tally, i);
        put_use(out, &both->worlds[i]->use[row]);
        dr_put_end(out, '}');
    }
    dr_put_end(out, '}');
}

/* ---- jobs ---- */

struct shifted {
    uint32_t place;
    int64_t by_us; /* however it is: earlier or later; NEVER_US: in one of the worlds alone */
};

static int compare_shifted(const void *a, const void *b, const void *context)
{
    const struct shifted *left = a;
    const struct shifted *right = b;

    (void)context;
    if (left->by_us != right->by_us)
        return left->by_us > right->by_us ? -1 : 1;
    return left->place < right->place ? -1 : left->place > right->place;
}

static void put_instant(struct dr_buffer *out, const char *name, int64_t time_us)
{
    if (time_us == NEVER_US)
        dr_put_null(out, name);
    else
        dr_put_i64(out, name, time_us);
}

static void put_job(struct dr_buffer *out, const struct comparison *both, uint32_t place)
{
    const struct dr_core *core = both->worlds[CHANGED]->ahead.core;
    const struct world_job *job = &both->worlds[AS_IS]->jobs[place];

    dr_put_begin(out, NULL, '{');
    dr_put_u64(out, "job", job->id);
    dr_put_text(out, "account", dr_account_name(core, job->account));
    dr_put_text(out, "user", job->user == 0 ? NULL : core->users[job->user - 1].name);
    put_instant(out, "as_is_us", both->worlds[AS_IS]->at_us[place]);
    put_instant(out, "changed_us", both->worlds[CHANGED]->at_us[place]);
    dr_put_end(out, '}');
}

/* Those who wait, or those who run, whose moment is another: the largest shifts first. */
static void put_shifted(struct dr_buffer *out, const char *name, const struct comparison *both,
                        uint8_t waits)
{
    uint32_t jobs_count = both->worlds[AS_IS]->jobs_count;
    struct shifted *list = calloc(jobs_count + 1u, sizeof *list);
    uint32_t count = 0;

    DR_ASSERT(list != NULL);
    for (uint32_t i = 0; i < jobs_count; i += 1) {
        int64_t as_is_us = both->worlds[AS_IS]->at_us[i];
        int64_t changed_us = both->worlds[CHANGED]->at_us[i];

        if (both->worlds[AS_IS]->jobs[i].waits != waits || as_is_us == changed_us)
            continue;
        list[count].place = i;
        list[count].by_us = as_is_us == NEVER_US || changed_us == NEVER_US ? NEVER_US
                            : as_is_us > changed_us                        ? as_is_us - changed_us
                                                                           : changed_us - as_is_us;
        count += 1;
    }
    dr_sort(list, count, sizeof *list, compare_shifted, NULL);
    dr_put_begin(out, name, '[');
    for (uint32_t i = 0; i < count && i < WHAT_IF_SHOWN_MAX; i += 1)
        put_job(out, both, list[i].place);
    dr_put_end(out, ']');
    free(list);
}

static void put_own(struct dr_buffer *out, const struct comparison *both, uint32_t user)
{
    uint32_t shown = 0;

    dr_put_begin(out, "own", '[');
    for (uint32_t i = 0;
         user != 0 && i < both->worlds[AS_IS]->jobs_count && shown < WHAT_IF_SHOWN_MAX; i += 1) {
        if (!both->worlds[AS_IS]->jobs[i].waits || both->worlds[AS_IS]->jobs[i].user != user)
            continue;
        put_job(out, both, i);
        shown += 1;
    }
    dr_put_end(out, ']');
}

void what_if_compare_json(struct dr_buffer *out, const struct world *as_is,
                          const struct world *changed, const struct dr_change *changes,
                          uint32_t changes_count, const struct dr_what_if_wish *wish)
{
    struct comparison both = {.worlds = {as_is, changed}};

    count_jobs(&both);
    dr_put_begin(out, NULL, '{');
    dr_put_i64(out, "made_us", as_is->begun_us);
    dr_put_i64(out, "horizon_us", as_is->begun_us + wish->horizon_us);
    dr_put_begin(out, "changes", '[');
    for (uint32_t i = 0; i < changes_count; i += 1) {
        dr_put_begin(out, NULL, '{');
        dr_put_text(out, "kind", changes[i].kind);
        dr_put_text(out, "name", changes[i].name);
        dr_put_text(out, "text", changes[i].text);
        dr_put_end(out, '}');
    }
    dr_put_end(out, ']');
    dr_put_u64(out, "waiting", both.all.waiting);
    dr_put_u64(out, "earlier", both.all.earlier);
    dr_put_u64(out, "later", both.all.later);
    for (uint32_t i = 0; i < WORLDS; i += 1)
        put_world(out, &both, i);
    put_sites(out, &both);
    dr_put_begin(out, "accounts", '[');
    for (uint32_t row = 0; row < changed->sums.accounts_count; row += 1)
        put_account(out, &both, row);
    dr_put_end(out, ']');
    put_shifted(out, "jobs", &both, 1);
    put_shifted(out, "running", &both, 0);
    put_own(out, &both, wish->user.v);
    dr_put_end(out, '}');
    free(both.accounts);
}
