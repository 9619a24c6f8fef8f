/* SPDX-License-Identifier: Apache-2.0 */
/* The sites of a live world: an engine whose jobs are rows in memory. See live_world.h. */
#include "live_world.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/text.h"
#include "test.h"

/* ---- chance ---- */

uint64_t live_random(struct live_site *site)
{
    site->random += 0x9e3779b97f4a7c15ull;
    return dr_hash_u64(site->random);
}

static int chance(struct live_site *site, uint32_t percent)
{
    return percent != 0 && live_random(site) % 100 < percent;
}

/* ---- the site ---- */

struct site_engine {
    struct dr_engine engine;
    struct live_site *site;
    uint32_t place;       /* of the site: 0 the one here, others far */
    struct live_far *far; /* NULL: the one here */
    /* what a far engine has said, and of what it was told; gone with the controller */
    enum { SAID_NOTHING, SAID_ANSWERS, SAID_SILENT } said;
    uint8_t told_down[LIVE_FAR_NODES];
    uint8_t told_drained[LIVE_FAR_NODES];
    uint8_t declared;
};

/* No word passes between it and its site now. */
static int is_cut(const struct site_engine *engine)
{
    return engine->far != NULL && (engine->far->silent || engine->said != SAID_ANSWERS);
}

struct live_attempt *live_find(struct live_site *site, uint64_t job, uint32_t attempt)
{
    for (uint32_t i = site->attempts_count; i > 0; i -= 1) {
        if (site->attempts[i - 1].job == job && site->attempts[i - 1].attempt == attempt)
            return &site->attempts[i - 1];
    }
    return NULL;
}

static struct live_attempt *add(struct live_site *site, uint64_t job, uint32_t attempt)
{
    struct live_attempt *added = &site->attempts[site->attempts_count];

    if (site->attempts_count == LIVE_ATTEMPTS_MAX)
        abort();
    memset(added, 0, sizeof *added);
    added->job = job;
    added->attempt = attempt;
    site->attempts_count += 1;
    return added;
}

static int64_t delay_us(struct live_site *site)
{
    if (!chance(site, site->late_percent))
        return 0;
    return (int64_t)(live_random(site) % 30) * DR_SECOND_US;
}

static void judge_place(struct live_site *site, const struct live_attempt *placed)
{
    for (uint32_t i = 0; i < site->attempts_count; i += 1) {
        struct live_attempt *other = &site->attempts[i];

        /* The sooner it may be given up, the stricter: the least that a job may say. */
        if (other->fenced && other->place > 0 && !other->ended &&
            site->far[other->place - 1].silent_us != 0 &&
            site->wall_us - site->far[other->place - 1].silent_us >= DR_MINUTE_US)
            other->given_up = 1;
        site->beside += other != placed && other->fenced && other->given_up && other->started &&
                        !other->ended && other->job == placed->job;
        if (other == placed || !other->started || other->ended || other->given_up)
            continue;
        site->overlaps += other->job == placed->job;
        for (uint32_t j = 0; j < other->nodes_count; j += 1) {
            for (uint32_t k = 0; k < placed->nodes_count; k += 1) {
                if (strcmp(other->nodes[j].node, placed->nodes[k].node) == 0 &&
                    (other->nodes[j].accelerators & placed->nodes[k].accelerators) != 0)
                    site->double_booked += 1;
            }
        }
    }
}

/* Ends whose time has come, and what the site has forgotten since. */
static void pass_time(struct live_site *site)
{
    for (uint32_t i = 0; i < site->attempts_count; i += 1) {
        struct live_attempt *attempt = &site->attempts[i];

        if (attempt->started && !attempt->ended && attempt->end_us <= site->wall_us) {
            attempt->ended = 1;
            attempt->tell_us = site->wall_us + delay_us(site);
        }
        if (attempt->ended && attempt->place > 0 && !attempt->refused && !attempt->forgotten) {
            int64_t forget_us = site->far[attempt->place - 1].forget_us;

            if (forget_us != 0 && attempt->end_us + forget_us <= site->wall_us)
                attempt->lost = 1;
        }
    }
}

static enum dr_status site_launch(struct dr_engine *engine, const struct dr_launch *launch,
                                  struct dr_error *error)
{
    struct site_engine *own = (struct site_engine *)engine;
    struct live_site *site = own->site;
    struct live_attempt *attempt = live_find(site, launch->job.v, launch->attempt);
    int doubt = chance(site, site->doubt_percent);
    int64_t run_us = DR_SECOND_US;
    int64_t exit_code = 0;

    pass_time(site);
    if (launch->epoch < site->epoch_last)
        site->old_epochs += 1;
    site->epoch_last = launch->epoch;
    site->launches += 1;
    if (is_cut(own))
        return DR_E_IO;
    if (site->refuse_launch) {
        dr_error_set(error, NULL, 0, "script", "#!/no/such", "an interpreter that exists");
        return DR_E_INPUT;
    }
    if (launch->uid == 0)
        abort();
    /* Whether an earlier controller may have given the order is what keeps it from being sent twice
     * where it may still be on its way. */
    if (attempt != NULL && attempt->epoch < launch->epoch && !launch->maybe_given)
        site->old_epochs += 1;
    if (site->drop_launch)
        return DR_E_IO;
    if (doubt && live_random(site) % 2 == 0)
        return DR_E_IO; /* never kept */
    if (attempt != NULL && !attempt->lost) {
        if (attempt->forgotten)
            site->doubled_launches += 1;
        attempt->told_started = 0;
        attempt->told_ended = 0;
        return doubt ? DR_E_IO : DR_OK;
    }
    /* What the site lost it knows nothing of: nothing of it runs any more, and it starts. */
    if (attempt != NULL)
        attempt->job = 0;
    attempt = add(site, launch->job.v, launch->attempt);
    attempt->epoch = launch->epoch;
    attempt->place = own->place;
    attempt->fenced = strcmp(launch->name, LIVE_FENCED) == 0;
    snprintf(attempt->asked, sizeof attempt->asked, "%s %s %s", launch->account, launch->partition,
             launch->gres);
    for (uint32_t i = 0; i < launch->nodes_count && i < DR_COUNT_OF(attempt->nodes); i += 1) {
        dr_copy_name(attempt->nodes[i].node, launch->nodes[i].name);
        attempt->nodes[i].accelerators = launch->nodes[i].accelerators;
        attempt->nodes_count += 1;
    }
    if (launch->argv_count != 3 || strcmp(launch->argv[0], "run") != 0 ||
        !dr_parse_i64(launch->argv[1], 0, INT64_MAX, &run_us) ||
        !dr_parse_i64(launch->argv[2], 0, 255, &exit_code))
        abort();
    dr_copy_name(attempt->name, launch->name);
    judge_place(site, attempt);
    site->starts += 1;
    attempt->started = 1;
    attempt->start_us = site->wall_us;
    attempt->end_us = site->wall_us + run_us;
    attempt->outcome = DR_OUTCOME_EXITED;
    attempt->exit_code = (int32_t)exit_code;
    if (launch->limit_us < run_us) {
        attempt->end_us = site->wall_us + launch->limit_us;
        attempt->outcome = DR_OUTCOME_TIMED_OUT;
        attempt->exit_code = 0;
    }
    attempt->tell_us = site->wall_us + delay_us(site);
    return doubt ? DR_E_IO : DR_OK;
}

static enum dr_status site_stop(struct dr_engine *engine, dr_job_id job, uint32_t number,
                                uint32_t signal, int64_t grace_us)
{
    struct site_engine *own = (struct site_engine *)engine;
    struct live_site *site = own->site;
    struct live_attempt *attempt = live_find(site, job.v, number);

    (void)signal;
    pass_time(site);
    site->stops += 1;
    if (is_cut(own))
        return DR_E_IO;
    if (attempt == NULL) {
        attempt = add(site, job.v, number);
        attempt->place = own->place;
        attempt->refused = 1;
        attempt->ended = 1;
        attempt->forgotten = 1;
        return DR_E_MISSING;
    }
    if (attempt->refused || attempt->lost)
        return DR_E_MISSING;
    if (!attempt->ended && site->wall_us + grace_us < attempt->end_us) {
        attempt->end_us = site->wall_us + grace_us;
        attempt->outcome = DR_OUTCOME_STOPPED;
    }
    pass_time(site);
    return DR_OK;
}

static enum dr_status site_forget(struct dr_engine *engine, dr_job_id job, uint32_t number)
{
    struct site_engine *own = (struct site_engine *)engine;
    struct live_attempt *attempt = live_find(own->site, job.v, number);

    if (is_cut(own))
        return DR_E_IO;
    if (attempt == NULL || !attempt->ended)
        return DR_E_MISSING;
    attempt->forgotten = 1;
    return DR_OK;
}

static enum dr_status site_list(struct dr_engine *engine,
                                void (*each)(void *context,
                                             const struct dr_engine_attempt *attempt),
                                void *context)
{
    struct site_engine *own = (struct site_engine *)engine;
    struct live_site *site = own->site;
    uint32_t given = 0;

    if (is_cut(own))
        return DR_E_IO;
    pass_time(site);
    for (uint32_t i = 0; i < site->attempts_count; i += 1) {
        const struct live_attempt *attempt = &site->attempts[i];
        struct dr_engine_attempt listed = {
            .job = {attempt->job}, .attempt = attempt->attempt, .ended = attempt->ended};

        if (attempt->forgotten || attempt->lost || attempt->place != own->place)
            continue;
        if (own->far != NULL && own->far->half_list && given >= own->far->half_list - 1u)
            return DR_E_IO;
        each(context, &listed);
        given += 1;
    }
    return own->far != NULL && own->far->half_list ? DR_E_IO : DR_OK;
}

static int site_descriptor(const struct dr_engine *engine)
{
    (void)engine;
    return -1;
}

/* What a far site says of itself and its nodes. */
static uint32_t far_poll(struct site_engine *own, struct dr_report *reports, uint32_t reports_max)
{
    struct live_far *far = own->far;
    uint32_t count = 0;

    if (far->silent != (own->said == SAID_SILENT) || own->said == SAID_NOTHING) {
        own->said = far->silent ? SAID_SILENT : SAID_ANSWERS;
        if (far->silent_us == 0 || !far->silent)
            far->silent_us = far->silent ? own->site->wall_us : 0;
        reports[count] = (struct dr_report){.kind = DR_REPORT_SITE, .answers = !far->silent};
        snprintf(reports[count].text, sizeof reports[count].text, "%s",
                 far->silent ? "connection refused" : "");
        count += 1;
    }
    if (far->expected != 0 && (!far->expected_told || far->over) && count < reports_max) {
        reports[count] = (struct dr_report){.kind = far->over ? DR_REPORT_ENDED : DR_REPORT_REACH,
                                            .job = {far->expected},
                                            .attempt = 1,
                                            .time_us = own->site->wall_us,
                                            .outcome = DR_OUTCOME_NODE_FAILED};
        snprintf(reports[count].text, sizeof reports[count].text, "a node is away");
        count += 1;
        far->expected_told = 1;
        if (far->over)
            far->expected = 0;
    }
    for (uint32_t i = 0; !far->silent && own->declared && i < far->nodes_count; i += 1) {
        struct dr_report *report = &reports[count];

        if ((far->down[i] == own->told_down[i] && far->drained[i] == own->told_drained[i]) ||
            count == reports_max)
            continue;
        *report = (struct dr_report){
            .kind = DR_REPORT_NODE, .node_down = far->down[i], .node_drained = far->drained[i]};
        dr_copy_name(report->node, far->names[i]);
        snprintf(report->text, sizeof report->text, "%s", far->reasons[i]);
        own->told_down[i] = far->down[i];
        own->told_drained[i] = far->drained[i];
        count += 1;
    }
    return count;
}

static uint32_t site_poll(struct dr_engine *engine, struct dr_report *reports, uint32_t reports_max)
{
    struct site_engine *own = (struct site_engine *)engine;
    struct live_site *site = own->site;
    uint32_t first =
        site->attempts_count == 0 ? 0 : (uint32_t)(live_random(site) % site->attempts_count);
    uint32_t count = 0;

    pass_time(site);
    if (own->far != NULL)
        count = far_poll(own, reports, reports_max);
    if (is_cut(own))
        return count;
    /* From anywhere: no order between attempts is promised. */
    for (uint32_t n = 0; n < site->attempts_count; n += 1) {
        struct live_attempt *attempt = &site->attempts[(first + n) % site->attempts_count];
        struct dr_report report = {
            .job = {attempt->job},
            .attempt = attempt->attempt,
            .outcome = attempt->outcome,
            .exit_code = attempt->exit_code,
        };

        if (attempt->forgotten || attempt->lost || !attempt->started ||
            attempt->place != own->place || attempt->tell_us > site->wall_us ||
            count + 4 > reports_max)
            continue;
        if (!attempt->told_started) {
            report.kind = DR_REPORT_STARTED;
            report.time_us = attempt->start_us;
            reports[count] = report;
            count += 1;
            attempt->told_started = 1;
            if (chance(site, site->double_percent)) {
                reports[count] = report;
                count += 1;
            }
        }
        if (attempt->ended && !attempt->told_ended) {
            report.kind = DR_REPORT_ENDED;
            report.time_us = attempt->end_us;
            reports[count] = report;
            count += 1;
            attempt->told_ended = 1;
            if (chance(site, site->double_percent)) {
                reports[count] = report;
                count += 1;
            }
        }
    }
    return count;
}

static const char *site_describe(const struct dr_engine *engine)
{
    (void)engine;
    return "rows in memory";
}

static void site_close(struct dr_engine *engine)
{
    free(engine);
}

/* What every site does. */
#define SITE_OPERATIONS                                                                 \
    .launch = site_launch, .stop = site_stop, .forget = site_forget, .list = site_list, \
    .descriptor = site_descriptor, .poll = site_poll, .describe = site_describe,        \
    .close = site_close

static const struct dr_engine_operations site_operations = {.name = "memory", SITE_OPERATIONS};

/* ---- what only far sites do ---- */

static uint32_t far_node(const struct live_far *far, const char *name)
{
    uint32_t i = 0;

    while (i < far->nodes_count && strcmp(far->names[i], name) != 0)
        i += 1;
    return i;
}

static void far_declare(struct dr_engine *engine, const struct dr_engine_node *nodes,
                        uint32_t count)
{
    struct site_engine *own = (struct site_engine *)engine;

    if (count > LIVE_FAR_NODES)
        abort();
    own->far->nodes_count = count;
    own->far->declares += 1;
    own->declared = 1;
    for (uint32_t i = 0; i < count; i += 1) {
        dr_copy_name(own->far->names[i], nodes[i].name);
        /* What differs from what the controller has is said again. */
        own->told_down[i] = nodes[i].down != 0;
        own->told_drained[i] = nodes[i].drained != 0;
    }
}

static enum dr_status far_drain(struct dr_engine *engine, const char *node, uint32_t drained,
                                const char *reason)
{
    struct site_engine *own = (struct site_engine *)engine;
    uint32_t at = far_node(own->far, node);

    if (is_cut(own) || own->far->refuse_drains)
        return DR_E_IO;
    own->far->drains_offered += own->far->slots;
    if (own->far->slots)
        return DR_E_UNSUPPORTED;
    if (at == own->far->nodes_count)
        return DR_E_MISSING;
    own->far->drains += 1;
    own->far->drained[at] = drained != 0;
    snprintf(own->far->reasons[at], sizeof own->far->reasons[at], "%s",
             drained && reason != NULL ? reason : "");
    return DR_OK;
}

static void far_health(const struct dr_engine *engine, struct dr_engine_health *health)
{
    const struct site_engine *own = (const struct site_engine *)engine;

    memset(health, 0, sizeof *health);
    health->answers = own->said == SAID_ANSWERS;
    health->heard_us = own->said == SAID_ANSWERS ? own->site->wall_us : 0;
    health->lag_us = 1500;
    health->nodes = own->far->nodes_count;
    for (uint32_t i = 0; i < own->far->nodes_count; i += 1)
        health->usable += !own->far->down[i] && !own->far->drained[i];
    health->foreign = own->far->foreign;
    if (own->said == SAID_SILENT)
        snprintf(health->error, sizeof health->error, "connection refused");
}

static void far_expect(struct dr_engine *engine, const struct dr_engine_expected *expected)
{
    struct live_far *far = ((struct site_engine *)engine)->far;

    far->expected = expected->job.v;
    far->expected_told = 0;
}

static const struct dr_engine_operations far_operations_expecting = {
    .name = "memory, far",
    SITE_OPERATIONS,
    .declare = far_declare,
    .drain = far_drain,
    .expect = far_expect,
    .health = far_health,
};

static const struct dr_engine_operations far_operations = {
    .name = "memory, far",
    SITE_OPERATIONS,
    .declare = far_declare,
    .drain = far_drain,
    .health = far_health,
};

struct dr_engine *live_engine_open(void *context, const struct dr_site *site)
{
    struct site_engine *engine = calloc(1, sizeof *engine);
    struct live_site *shared = context;

    if (engine == NULL)
        abort();
    engine->site = shared;
    if (strncmp(site->name, "far-", 4) == 0) {
        engine->place = (uint32_t)(site->name[4] - '0');
        engine->far = &shared->far[engine->place - 1];
        engine->far->opens += 1;
    }
    engine->engine.operations = engine->far == NULL    ? &site_operations
                                : engine->far->expects ? &far_operations_expecting
                                                       : &far_operations;
    /* After a restart everything is told again. */
    for (uint32_t i = 0; i < shared->attempts_count; i += 1) {
        if (shared->attempts[i].place != engine->place)
            continue;
        shared->attempts[i].told_started = 0;
        shared->attempts[i].told_ended = 0;
    }
    return &engine->engine;
}
