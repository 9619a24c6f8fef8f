/* SPDX-License-Identifier: Apache-2.0 */
/* agree.c: what runs, by the state and by an engine.
 *
 * After a start, and whenever a site that was silent answers again. First the engine is asked for
 * its list; only a whole one counts, and nothing is concluded about any other site. That the site
 * answers becomes a fact, and when it is durable the two are compared: orders that are still wanted
 * are given again, an attempt that the engine does not have any more is lost (or handed to an
 * engine that can find out whether it may run on unseen: expect() of engine.h), and one that the
 * state is done with (an operator may have declared it lost meanwhile) is stopped there. While an
 * engine was not agreed with, orders to it are dropped, since agreeing gives them. */
#include "base/sort.h"
#include "serve/internal.h"

static int compare_found(const void *a, const void *b, const void *context)
{
    const struct found *left = a;
    const struct found *right = b;

    (void)context;
    if (left->job.v != right->job.v)
        return left->job.v < right->job.v ? -1 : 1;
    return left->attempt < right->attempt ? -1 : left->attempt > right->attempt;
}

static const struct found *find(const struct site_link *link, dr_job_id job, uint32_t attempt)
{
    struct found wanted = {.job = job, .attempt = attempt};
    uint32_t low = 0;
    uint32_t high = link->found.count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_found(&link->found.items[middle], &wanted, NULL);

        if (order == 0)
            return &link->found.items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

int agree_is_foreign(const struct dr_controller *c, dr_site_id site, dr_job_id job,
                     uint32_t attempt)
{
    dr_job_row row;

    /* What runs on this machine was started from this directory. */
    if (!sites_is_remote(c, site))
        return 0;
    if (job.v > c->core->job_id_last)
        return 1;
    row = dr_job_find(c->core, job); /* one that was forgotten has ended, with all its attempts */
    return row.v != DR_ROW_NONE && attempt > dr_job_run(c->core, dr_job_at(c->core, row))->attempt;
}

/* ---- asking ---- */

static void list_one(void *context, const struct dr_engine_attempt *attempt)
{
    struct site_link *link = context;

    DR_LIST_PUSH(&link->found, ((struct found){.job = attempt->job,
                                               .attempt = attempt->attempt,
                                               .ended = attempt->ended,
                                               .waits = attempt->waits}));
}

/* An engine of several sites is asked once, as that of the first. */
static int is_first(const struct dr_controller *c, uint32_t row)
{
    for (uint32_t i = 0; i < row; i += 1) {
        if (c->engines[i] == c->engines[row])
            return 0;
    }
    return 1;
}

static int is_due(struct dr_controller *c, uint32_t row)
{
    const struct site_link *link = &c->links[row];
    struct dr_engine *engine = c->engines[row];
    struct dr_engine_health health = {0};

    if (engine == NULL || link->agreed || link->listed ||
        link->ask_monotonic_us > controller_monotonic_us(c) || !is_first(c, row))
        return 0;
    if (engine->operations->health == NULL)
        return 1;
    engine->operations->health(engine, &health);
    return health.answers != 0;
}

/* The site answers, as a fact; 0: there is no room for it now. */
static int admit_reach(struct dr_controller *c, uint32_t row)
{
    dr_site_id site = {row + 1};
    struct dr_answer answer;

    if (!sites_is_remote(c, site) || c->core->sites[row].answers)
        return 1;
    if (!sites_admit_reach(c, site, 1, "it answers, and says what runs there", &answer))
        return 0;
    controller_log(c, "site %s answers", c->core->sites[row].name);
    return 1;
}

void agree_ask(struct dr_controller *c)
{
    for (uint32_t i = 0; i < c->core->sites_count; i += 1) {
        struct site_link *link = &c->links[i];

        if (!is_due(c, i))
            continue;
        link->found.count = 0;
        if (c->engines[i]->operations->list(c->engines[i], list_one, link) != DR_OK) {
            /* Nothing may be concluded from half a list. */
            if (link->ask_wait_us == 0)
                controller_log(c, "site %s: its engine can't say what runs; it is asked again",
                               c->core->sites[i].name);
            sites_ask_again(c, link);
            continue;
        }
        if (!admit_reach(c, i))
            continue;
        dr_sort(link->found.items, link->found.count, sizeof *link->found.items, compare_found,
                NULL);
        link->listed = 1;
    }
}

/* ---- telling ---- */

/* An attempt of ours: launched again when its site has not said that it runs, told again to leave,
 * or lost. */
static void agree_about_job(struct dr_controller *c, const struct dr_job *job, dr_site_id site,
                            const struct site_link *link)
{
    const struct dr_run *run = dr_job_run(c->core, job);
    struct dr_effect effect = {.job = job->id, .attempt = run->attempt, .site = site};
    struct dr_report lost = {
        .kind = DR_REPORT_ENDED,
        .job = job->id,
        .attempt = run->attempt,
        .time_us = c->now_us,
        .outcome = DR_OUTCOME_NODE_FAILED,
        .text = "its site knows nothing of it any more",
    };
    struct dr_report reach = {.kind = DR_REPORT_REACH,
                              .job = job->id,
                              .attempt = run->attempt,
                              .answers = 1,
                              .text = "its site is asked anew"};
    struct dr_engine *engine = c->engines[site.v - 1];
    const struct found *found = find(link, job->id, run->attempt);
    /* A site on this machine may have been declared silent; that does not bear on what it has. */
    enum dr_job_state state = job->state == DR_JOB_UNREACHABLE
                                  ? (enum dr_job_state)run->before_unreachable
                                  : (enum dr_job_state)job->state;

    /* That it can't be told whether it runs was the word of an engine; if it still is, it is said
     * again behind this. */
    if (job->state == DR_JOB_UNREACHABLE && sites_is_remote(c, site))
        effects_observe(c, site, &reach);
    if (state == DR_JOB_CONFIGURING) {
        effect.kind = DR_EFFECT_LAUNCH;
        effects_release(c, &effect);
        return;
    }
    if (engine->operations->expect != NULL && (found == NULL || job->state == DR_JOB_UNREACHABLE ||
                                               (found->waits && run->start_us != 0))) {
        effects_expect(c, job, state, engine);
    } else if (found == NULL) {
        if (state == DR_JOB_COMPLETING)
            lost.outcome = DR_OUTCOME_STOPPED;
        effects_observe(c, site, &lost);
    }
    if (found != NULL && state == DR_JOB_COMPLETING) {
        effect.kind = DR_EFFECT_STOP;
        effect.signal = dr_job_terms(c->core, job)->warn_signal;
        effect.until_us = run->stop_until_us;
        effects_release(c, &effect);
    }
}

static int is_in_being(const struct dr_controller *c, const struct found *found)
{
    dr_job_row row = dr_job_find(c->core, found->job);
    const struct dr_job *job;

    if (row.v == DR_ROW_NONE)
        return 0;
    job = dr_job_at(c->core, row);
    return dr_job_run(c->core, job)->attempt == found->attempt && job->state != DR_JOB_PENDING &&
           !dr_job_state_ended((enum dr_job_state)job->state);
}

/* An attempt that the engine has: is it ours and in being? */
static void agree_about_attempt(struct dr_controller *c, dr_site_id site, const struct found *found)
{
    struct dr_effect effect = {
        .kind = found->ended ? DR_EFFECT_FORGET : DR_EFFECT_STOP,
        .job = found->job,
        .attempt = found->attempt,
        .site = site,
        .signal = 0,
        .until_us = c->now_us,
    };

    if (is_in_being(c, found))
        return;
    if (agree_is_foreign(c, site, found->job, found->attempt)) {
        c->links[site.v - 1].unordered += 1;
        controller_log(c,
                       "site %s: job %llu attempt %u is there and was never ordered from here: "
                       "it is left alone",
                       c->core->sites[site.v - 1].name, (unsigned long long)found->job.v,
                       found->attempt);
        return;
    }
    if (!found->ended)
        controller_log(c, "site %s: job %llu attempt %u runs though it is over here: it is stopped",
                       c->core->sites[site.v - 1].name, (unsigned long long)found->job.v,
                       found->attempt);
    effects_release(c, &effect);
}

static void tell(struct dr_controller *c, uint32_t first)
{
    const struct dr_job_list *running = &c->core->running;
    struct site_link *link = &c->links[first];

    for (uint32_t i = first; i < c->core->sites_count; i += 1) {
        if (c->engines[i] == c->engines[first]) {
            c->links[i].agreed = 1;
            c->links[i].heard = 1;
        }
    }
    link->listed = 0;
    link->ask_wait_us = 0;
    link->unordered = 0;
    link->version = 0; /* what was said of its nodes meanwhile */
    for (uint32_t row = running->first; row != DR_ROW_NONE; row = dr_job_list_next(c->core, row)) {
        const struct dr_job *job = &c->core->jobs[row];
        dr_site_id site = effects_site(c, job);

        if (c->engines[site.v - 1] == c->engines[first])
            agree_about_job(c, job, site, link);
    }
    for (uint32_t i = 0; i < link->found.count; i += 1)
        agree_about_attempt(c, (dr_site_id){first + 1}, &link->found.items[i]);
    link->found.count = 0;
}

void agree_tell(struct dr_controller *c)
{
    for (uint32_t i = 0; i < c->core->sites_count; i += 1) {
        if (c->links[i].listed)
            tell(c, i);
    }
}
