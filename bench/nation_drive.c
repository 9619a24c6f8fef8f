/* SPDX-License-Identifier: Apache-2.0 */
/* Driving the core, submitting jobs, and filling a nation without a decision. */
#include "nation_world.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "nation_ledger.h"

#define USER  1  /* submits everything */
#define WHOLE 18 /* percent */

void nation_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("bench/nation: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

void *nation_zeroed(size_t count, size_t bytes)
{
    void *made = calloc(count == 0 ? 1 : count, bytes);

    if (made == NULL)
        nation_fail("out of memory");
    return made;
}

/* ---- chance ---- */

uint64_t nation_random(struct nation *nation)
{
    nation->random += UINT64_C(0x9e3779b97f4a7c15);
    return dr_hash_u64(nation->random);
}

uint32_t nation_pick(struct nation *nation, uint32_t below)
{
    return (uint32_t)((nation_random(nation) >> 32) * below >> 32);
}

double nation_unit(struct nation *nation)
{
    return (double)(nation_random(nation) >> 11) / 9007199254740992.0;
}

int nation_chance(struct nation *nation, uint32_t percent)
{
    return nation_pick(nation, 100) < percent;
}

/* ---- driving ---- */

static uint64_t *grown(uint64_t *ids, uint32_t *max)
{
    *max = 2 * *max + 1024;
    ids = realloc(ids, *max * sizeof ids[0]);
    if (ids == NULL)
        nation_fail("out of memory");
    return ids;
}

void nation_drain(struct nation *nation)
{
    struct dr_batch *batch = &nation->batch;
    uint32_t at = 0;

    while (at < batch->bytes_count) {
        struct dr_fact fact;
        struct dr_error error;
        uint32_t taken;

        dr_arena_reset(&nation->decoded, 0);
        if (dr_fact_decode(batch->bytes + at, batch->bytes_count - at, &nation->decoded, &fact,
                           &taken, &error) != DR_OK)
            nation_fail("a fact of the core does not decode: %s", error.field);
        nation->facts[fact.kind] += 1;
        if (nation->watch != NULL)
            nation->watch(nation, &fact, nation->watch_context);
        if (nation->ledger != NULL)
            ledger_fact(nation->ledger, &fact);
        if (fact.kind == DR_FACT_JOB_PLACED) {
            if (nation->launched_count == nation->launched_max)
                nation->launched = grown(nation->launched, &nation->launched_max);
            nation->launched[nation->launched_count] = fact.job_placed.job;
            nation->launched_count += 1;
        }
        if (fact.kind == DR_FACT_ATTEMPT_STOPPING) {
            if (nation->leaving_count == nation->leaving_max)
                nation->leaving = grown(nation->leaving, &nation->leaving_max);
            nation->leaving[nation->leaving_count] = fact.attempt_stopping.job;
            nation->leaving_count += 1;
        }
        at += taken;
    }
    dr_batch_clear(batch);
}

static struct dr_answer admit(struct nation *nation, struct dr_command *command)
{
    struct dr_answer answer;

    if (!dr_admit(nation->core, command, nation->now_us, &nation->batch, &answer))
        nation_fail("the core refuses: %s: %s", answer.field, answer.text);
    nation_drain(nation);
    return answer;
}

void nation_admit(struct nation *nation, const struct dr_command *command)
{
    struct dr_command copy = *command;

    admit(nation, &copy);
}

uint32_t nation_declare(struct nation *nation, struct dr_fact fact)
{
    struct dr_command command = {.kind = DR_COMMAND_DECLARE, .roles = 0xff, .body.declare = fact};

    return admit(nation, &command).id;
}

void nation_decide(struct nation *nation)
{
    int more;

    do {
        more = dr_decide(nation->core, nation->now_us, &nation->batch);
        nation_drain(nation);
    } while (more);
}

void nation_started(struct nation *nation)
{
    for (uint32_t i = 0; i < nation->launched_count; i += 1) {
        const struct ledger_job *job = &nation->ledger->jobs[nation->launched[i]];
        struct dr_command command = {.kind = DR_COMMAND_STARTED, .roles = 0xff};

        command.body.attempt.job.v = nation->launched[i];
        command.body.attempt.attempt = job->attempt;
        command.body.attempt.time_us = nation->now_us;
        admit(nation, &command);
    }
    nation->launched_count = 0;
}

void nation_left(struct nation *nation)
{
    for (uint32_t i = 0; i < nation->leaving_count; i += 1)
        if (nation->ledger->jobs[nation->leaving[i]].state == LEDGER_LEAVING) {
            struct dr_command command = nation_end_command(nation, nation->leaving[i]);

            admit(nation, &command);
        }
    nation->leaving_count = 0;
}

struct dr_command nation_end_command(const struct nation *nation, uint64_t id)
{
    const struct ledger_job *job = &nation->ledger->jobs[id];
    struct dr_command command = {.kind = DR_COMMAND_ENDED, .roles = 0xff};

    command.body.attempt.job.v = id;
    command.body.attempt.attempt = job->attempt;
    command.body.attempt.time_us = nation->now_us;
    command.body.attempt.outcome =
        job->state == LEDGER_LEAVING ? DR_OUTCOME_STOPPED : DR_OUTCOME_EXITED;
    return command;
}

void nation_tick(struct nation *nation)
{
    struct dr_command command = {.kind = DR_COMMAND_TICK, .roles = 0xff};

    admit(nation, &command);
}

void nation_declare_settings(struct nation *nation, uint32_t reserve_depth)
{
    struct dr_fact fact = {.kind = DR_FACT_SETTINGS_SET};

    dr_copy_name(fact.settings_set.name, "nation");
    dr_copy_name(fact.settings_set.currency, "krw");
    fact.settings_set.half_life_us = 7 * DR_DAY_US;
    fact.settings_set.minimum_run_us = 5 * DR_MINUTE_US;
    fact.settings_set.fair_preemption = DR_FAIR_PREEMPTION_FINAL_SHARE;
    fact.settings_set.fair_minimum_run_us = DR_HOUR_US;
    fact.settings_set.loss_cap_us = DR_HOUR_US;
    fact.settings_set.preemption_credit_us = 30 * DR_MINUTE_US;
    fact.settings_set.default_limit_us = DR_DAY_US;
    fact.settings_set.default_grace_us = 30 * DR_SECOND_US;
    fact.settings_set.retain_ended_us = DR_MINUTE_US;
    fact.settings_set.requeue_limit = 10;
    fact.settings_set.reserve_depth = reserve_depth;
    fact.settings_set.job_uid = 65534;
    fact.settings_set.job_gid = 65534;
    fact.settings_set.span_price_micro = nation->span_price_micro;
    nation_declare(nation, fact);
}

/* ---- jobs ---- */

static uint32_t class_of(struct nation *nation, enum nation_mix mix)
{
    uint32_t at = nation_pick(nation, 1000);

    if (mix == NATION_MIX_A)
        return at < 700 ? 0 : at < 900 ? 1 : at < 990 ? 2 : 3;
    return at < 900 ? 4 : at < 985 ? 5 : 6;
}

struct nation_job nation_draw(struct nation *nation, enum nation_mix mix, uint32_t size_max)
{
    static const int64_t hours[8] = {1, 2, 4, 8, 12, 24, 24, 48};
    struct nation_job job = {0};

    do {
        double at = nation_unit(nation);

        /* Some shapes are much more frequent than others. */
        job.shape =
            class_of(nation, mix) * NATION_SHAPES_EACH + (uint32_t)(at * at * NATION_SHAPES_EACH);
        job.size = nation->shapes[job.shape].size;
    } while (size_max != 0 && job.size > size_max);
    job.limit_us = hours[nation_pick(nation, 8)] * DR_HOUR_US;
    job.priority = nation_chance(nation, 80) ? 0 : nation_chance(nation, 70) ? 10 : 100;
    return job;
}

uint32_t nation_leaf(struct nation *nation)
{
    return nation->leaf_first + nation_pick(nation, nation->leaves_count);
}

void nation_command(const struct nation *nation, const struct nation_job *job,
                    struct nation_submit *store)
{
    const struct nation_shape *shape = &nation->shapes[job->shape];
    struct dr_fact_job_accepted *submit = &store->command.body.submit;

    memset(store, 0, sizeof *store);
    store->command.kind = DR_COMMAND_SUBMIT;
    store->command.user.v = USER;
    store->command.roles = 0xff;
    submit->account = job->account + 1;
    submit->job_user = USER;
    submit->priority = job->priority;
    submit->alternatives = shape->alternatives;
    submit->alternatives_count = shape->alternatives_count;
    submit->level_kind = (uint8_t)shape->level_kind;
    if (shape->level_kind != 0)
        dr_copy_name(submit->level, shape->level);
    submit->sites = shape->sites;
    submit->data_class = shape->data_class;
    if (shape->dataset != 0) {
        store->dataset = shape->dataset;
        submit->datasets = &store->dataset;
        submit->datasets_count = 1;
    }
    submit->limit_us = job->limit_us;
    submit->preemptible = !job->firm;
    submit->requeue = 1;
    submit->checkpoint_us = 30 * DR_MINUTE_US;
    submit->restart_us = 5 * DR_MINUTE_US;
    submit->grace_us = 30 * DR_SECOND_US;
}

uint64_t nation_submit(struct nation *nation, const struct nation_job *job)
{
    struct nation_submit store;
    struct dr_answer answer;

    nation_command(nation, job, &store);
    if (!dr_admit(nation->core, &store.command, nation->now_us, &nation->batch, &answer))
        nation_fail("the core refuses a job of %u: %s: %s", job->size, answer.field, answer.text);
    nation->jobs_count = answer.job.v;
    ledger_accept(nation->ledger, answer.job.v, job);
    nation_drain(nation);
    return answer.job.v;
}

/* ---- full, without a decision ---- */

static void settle(struct nation *nation, struct dr_fact *fact)
{
    fact->seq = dr_core_seq(nation->core) + 1;
    fact->time_us = nation->now_us;
    dr_apply(nation->core, fact, NULL);
    ledger_fact(nation->ledger, fact);
}

/* Submit it and put it somewhere in the group (NATION_GROUPS: in any). Returns 0 when there is no
 * place: then it has not been submitted. */
static int put(struct nation *nation, struct nation_job *job, uint32_t group)
{
    static struct dr_extent extents[DR_TASKS_MAX];
    const struct nation_shape *shape = &nation->shapes[job->shape];
    uint32_t first = nation_pick(nation, nation->pools_count);

    for (uint32_t i = 0; i < nation->pools_count; i += 1) {
        uint32_t p = (first + i) % nation->pools_count;

        if (group < NATION_GROUPS && nation->pools[p].group != group)
            continue;
        for (uint32_t way = 0; way < shape->alternatives_count; way += 1) {
            struct dr_fact placed = {.kind = DR_FACT_JOB_PLACED};
            struct dr_fact started = {.kind = DR_FACT_ATTEMPT_STARTED};
            int64_t limit_us = nation_limit_us(job->limit_us, &shape->alternatives[way]);
            uint32_t count;

            /* A guarantee is filled to the accelerator: no way that takes more. */
            if ((shape->near[way][p / 64] >> (p % 64) & 1) == 0 ||
                (way > 0 && group < NATION_GROUPS) ||
                !ledger_allows(nation->ledger, job->account, p, &shape->alternatives[way],
                               job->firm))
                continue;
            count = ledger_find(nation->ledger, shape, way, p, job->account, extents);
            if (count == 0)
                continue;
            placed.job_placed.job = nation_submit(nation, job);
            placed.job_placed.attempt = 1;
            placed.job_placed.pool = p + 1;
            placed.job_placed.alternative = way;
            placed.job_placed.rule = DR_RULE_SHARE;
            placed.job_placed.tier = 2;
            placed.job_placed.limit_us = limit_us;
            placed.job_placed.factor = shape->alternatives[way].factor;
            placed.job_placed.extents = extents;
            placed.job_placed.extents_count = count;
            settle(nation, &placed);
            started.attempt_started.job = placed.job_placed.job;
            started.attempt_started.attempt = 1;
            started.attempt_started.start_us =
                nation->now_us - limit_us / 1000 * (100 + nation_pick(nation, 800));
            settle(nation, &started);
            return 1;
        }
    }
    return 0;
}

static int compare_leaves(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;

    return x[0] != y[0] ? (x[0] > y[0] ? -1 : 1) : (x[1] > y[1]) - (x[1] < y[1]);
}

/* A draw to fill with. What is left of a guarantee, and of the nation, takes small jobs alone; with
 * as many more whole nodes in mix B, N/5 jobs or so run when it is full, as their mean of 5 says.
 */
static struct nation_job draw_to_fill(struct nation *nation, enum nation_mix mix, uint32_t size_max)
{
    struct nation_job job = nation_draw(nation, mix, size_max);
    int whole = mix == NATION_MIX_B && size_max >= NATION_PER_NODE && nation_chance(nation, WHOLE);

    while (whole && job.size < NATION_PER_NODE)
        job = nation_draw(nation, mix, size_max);
    return job;
}

void nation_fill(struct nation *nation, enum nation_mix mix, const uint8_t *skip)
{
    int64_t(*leaves)[2] = nation_zeroed(nation->leaves_count, sizeof leaves[0]);
    uint32_t failed = 0;

    for (uint32_t i = 0; i < nation->leaves_count; i += 1) {
        const struct nation_account *leaf = &nation->accounts[nation->leaf_first + i];

        leaves[i][0] = leaf->guarantee[leaf->home];
        leaves[i][1] = i;
    }
    qsort(leaves, nation->leaves_count, sizeof leaves[0], compare_leaves);
    for (uint32_t i = 0; i < nation->leaves_count; i += 1) {
        uint32_t leaf = nation->leaf_first + (uint32_t)leaves[i][1];
        uint32_t home = nation->accounts[leaf].home;

        if (skip != NULL && skip[leaves[i][1]])
            continue;
        for (uint32_t tries = 0; tries < 400; tries += 1) {
            int64_t left = leaves[i][0] - ledger_claim(nation->ledger, leaf, home);
            struct nation_job job;

            if (left <= 0)
                break;
            job = draw_to_fill(nation, mix, left > 65536 ? 65536 : (uint32_t)left);
            job.account = leaf;
            job.firm = (uint8_t)nation_chance(nation, 5);
            job.priority = nation_chance(nation, 70) ? 10 : 100;
            if (put(nation, &job, home))
                tries = 0;
        }
    }
    free(leaves);
    while (failed < 3000) {
        struct nation_job job = nation_draw(nation, mix, failed > 1000 ? 8 : 0);

        job.account = nation_leaf(nation);
        job.priority = nation_chance(nation, 70) ? 10 : 100;
        if ((skip != NULL && skip[job.account - nation->leaf_first]) ||
            !put(nation, &job, NATION_GROUPS))
            failed += 1;
        else
            failed = failed > 1000 ? failed : 0;
    }
    ledger_check(nation->ledger);
}

void nation_pend(struct nation *nation, enum nation_mix mix, uint32_t count, uint32_t size_max,
                 const uint8_t *skip)
{
    for (uint32_t i = 0; i < count; i += 1) {
        struct nation_job job = nation_draw(nation, mix, size_max);

        do
            job.account = nation_leaf(nation);
        while (skip != NULL && skip[job.account - nation->leaf_first]);
        job.priority = nation_chance(nation, 80) ? 0 : -10;
        nation_submit(nation, &job);
    }
}
