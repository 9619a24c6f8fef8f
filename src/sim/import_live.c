/* SPDX-License-Identifier: Apache-2.0 */
/* What a controller has run, from its data directory: the jobs as a trace, what was run where and
 * when as a schedule, the federation as it is at the end. Read dr_import_live() at the end first.
 *
 * The journal is read twice: once folded, to learn how long each job ran and how it ended, and once
 * for what each was submitted with. Names of jobs lie in the texts, which may be erased, and are
 * left where they are. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/math.h"
#include "base/text.h"
#include "core/state.h"
#include "federation/federation.h"
#include "sim/import.h"
#include "sim/schedule.h"
#include "store/store.h"

#define FACT_ARENA_BYTES (64u << 20)
#define PLACE_BYTES_MAX  (16u << 20)
#define WRITTEN          (UINT32_MAX >> (32 - DR_TRACE_COLUMN_COUNT) & ~(1u << DR_TRACE_name))

/* By job id - 1. */
struct ran {
    int64_t submit_us;
    int64_t runtime_us; /* at factor 1 */
    int64_t start_us;   /* of the attempt that runs; 0: none */
    uint8_t started;    /* some attempt did */
    uint8_t ended;
    uint8_t status; /* enum dr_trace_status */
};

struct exporting {
    struct dr_import *import;
    struct dr_store *store;
    struct dr_core *core;
    struct dr_arena facts;
    struct ran *jobs;
    uint64_t count;
    uint64_t capacity;
    struct dr_buffer place;
    struct dr_error *error;
};

typedef void each_fact(struct exporting *exporting, const struct dr_fact *fact);

/* ---- reading ---- */

static enum dr_status read_batch(struct exporting *exporting, const struct dr_store_read *batch,
                                 each_fact *each)
{
    uint32_t at = 0;

    for (uint32_t i = 0; i < batch->facts_count; i += 1) {
        struct dr_error inner = {0};
        struct dr_fact fact;
        uint32_t taken;

        dr_arena_reset(&exporting->facts, 0);
        if (dr_fact_decode(batch->payload + at, batch->payload_bytes - at, &exporting->facts, &fact,
                           &taken, &inner) != DR_OK) {
            dr_error_set(exporting->error, exporting->import->files[0], 0, DR_STORE_FILE,
                         inner.found, "a readable fact %" PRIu64, batch->seq_first + i);
            return DR_E_CORRUPT;
        }
        at += taken;
        fact.seq = batch->seq_first + i;
        each(exporting, &fact);
    }
    return DR_OK;
}

/* The same facts both times: what is appended meanwhile is left out of the second. */
static enum dr_status read_journal(struct exporting *exporting, uint64_t until, each_fact *each)
{
    struct dr_store_reader *reader = NULL;
    struct dr_store_read batch = {.seq_first = 0};
    enum dr_status status = dr_store_reader_open(&reader, exporting->store, 1);

    while (status == DR_OK && batch.seq_first + batch.facts_count <= until) {
        status = dr_store_reader_next(reader, &batch, exporting->error);
        if (status == DR_OK)
            status = read_batch(exporting, &batch, each);
    }
    dr_store_reader_close(reader);
    return status == DR_E_END ? DR_OK : status;
}

/* ---- what was run ---- */

static int64_t on_trace(const struct exporting *exporting, int64_t us)
{
    return us - exporting->import->begin_us;
}

static struct ran *accept(struct exporting *exporting, uint64_t job)
{
    if (job > exporting->capacity) {
        exporting->capacity = 2 * job + 1024;
        exporting->jobs = realloc(exporting->jobs, exporting->capacity * sizeof exporting->jobs[0]);
        DR_ASSERT(exporting->jobs != NULL);
    }
    while (exporting->count < job) {
        exporting->jobs[exporting->count] = (struct ran){.start_us = 0};
        exporting->count += 1;
    }
    return &exporting->jobs[job - 1];
}

static enum dr_trace_status status_of(enum dr_schedule_outcome outcome)
{
    if (outcome == DR_SCHEDULE_completed)
        return DR_TRACE_COMPLETED;
    if (outcome == DR_SCHEDULE_timeout)
        return DR_TRACE_TIMEOUT;
    return outcome == DR_SCHEDULE_failed || outcome == DR_SCHEDULE_node_fail ? DR_TRACE_FAILED
                                                                             : DR_TRACE_CANCELLED;
}

static void write_attempt(struct exporting *exporting, uint32_t row, int64_t end_us,
                          enum dr_schedule_outcome outcome)
{
    const struct dr_job *job = &exporting->core->jobs[row];
    const struct ran *ran = &exporting->jobs[job->id.v - 1];
    struct dr_schedule_row about = {
        .job = job->id.v,
        .submit_us = on_trace(exporting, ran->submit_us),
        .start_us = on_trace(exporting, ran->start_us),
        .end_us = end_us == INT64_MIN ? INT64_MIN : on_trace(exporting, end_us),
        .outcome = outcome,
    };

    if (exporting->import->schedule == NULL)
        return;
    dr_schedule_place(&exporting->place, exporting->core, row);
    dr_schedule_write(exporting->import->schedule, exporting->core, row, &about,
                      dr_buffer_text(&exporting->place));
}

/* Asked while it still holds its place. */
static void end_attempt(struct exporting *exporting, const struct dr_fact_attempt_ended *ended)
{
    const struct dr_core *core = exporting->core;
    uint32_t row = dr_job_find(core, (dr_job_id){ended->job}).v;
    struct ran *ran = &exporting->jobs[ended->job - 1];
    const struct dr_run *run = dr_job_run(core, &core->jobs[row]);
    enum dr_schedule_outcome outcome = dr_schedule_outcome_of((enum dr_job_state)ended->next_state,
                                                              (enum dr_stop_cause)run->stopping);
    int64_t restart_us = run->attempt > 1 ? dr_job_terms(core, &core->jobs[row])->restart_us : 0;
    int64_t ran_us;

    ran->ended = ended->next_state != DR_JOB_PENDING;
    ran->status = (uint8_t)status_of(outcome);
    if (ran->start_us == 0) /* it never ran */
        return;
    ran_us = dr_max_i64(ended->end_us - ran->start_us, 0);
    write_attempt(exporting, row, ran->start_us + ran_us, outcome);
    ran->runtime_us =
        run->kept_us + dr_mul_div_floor(dr_max_i64(ran_us - restart_us, 0), 1000,
                                        run->attempt_factor == 0 ? 1000 : run->attempt_factor);
    ran->start_us = 0;
}

static void end_job(struct exporting *exporting, const struct dr_fact_job_ended *ended)
{
    const struct dr_core *core = exporting->core;
    struct ran *ran = &exporting->jobs[ended->job - 1];
    uint32_t row = dr_job_find(core, (dr_job_id){ended->job}).v;
    struct dr_schedule_row about = {
        .job = ended->job,
        .submit_us = on_trace(exporting, ran->submit_us),
        .start_us = INT64_MIN,
        .end_us = on_trace(exporting, core->time_us),
        .outcome = DR_SCHEDULE_cancelled,
    };

    ran->ended = 1;
    ran->status = DR_TRACE_CANCELLED;
    if (!ran->started && exporting->import->schedule != NULL)
        dr_schedule_write_unstarted(exporting->import->schedule, core, core->jobs[row].account,
                                    &about);
}

static void follow(struct exporting *exporting, const struct dr_fact *fact)
{
    switch ((uint32_t)fact->kind) {
    case DR_FACT_JOB_ACCEPTED:
        if (fact->job_accepted.job == 1)
            exporting->import->begin_us = fact->time_us;
        accept(exporting, fact->job_accepted.job)->submit_us = fact->time_us;
        break;
    case DR_FACT_ATTEMPT_STARTED:
        exporting->jobs[fact->attempt_started.job - 1].start_us = fact->attempt_started.start_us;
        exporting->jobs[fact->attempt_started.job - 1].started = 1;
        break;
    case DR_FACT_ATTEMPT_ENDED:
        end_attempt(exporting, &fact->attempt_ended);
        break;
    case DR_FACT_JOB_ENDED:
        end_job(exporting, &fact->job_ended);
        break;
    default:
        break;
    }
    if (exporting->import->watched != NULL)
        *exporting->import->watched = fact->seq;
    dr_apply(exporting->core, fact, NULL);
}

/* Attempts that go on at the end. */
static void leave_off(struct exporting *exporting)
{
    const struct dr_core *core = exporting->core;

    for (uint32_t row = 0; row < core->jobs_high; row += 1)
        if (core->jobs[row].id.v != 0 && exporting->jobs[core->jobs[row].id.v - 1].start_us != 0)
            write_attempt(exporting, row, INT64_MIN, DR_SCHEDULE_unfinished);
}

/* ---- what was asked for ---- */

static const char *chip_name(const struct dr_core *core, uint32_t chip)
{
    return core->chips[chip].name;
}

/* Ways of one shape with the first are further chips of it; others are shapes of their own. The
 * smaller sizes of an elastic job are made of tasks_min again. */
static void put_ways(const struct exporting *exporting, const struct dr_fact_job_accepted *job,
                     struct dr_trace_row *row)
{
    const struct dr_alternative *first = &job->alternatives[0];
    const struct dr_core *core = exporting->core;

    for (uint32_t i = 0; i < job->alternatives_count; i += 1) {
        const struct dr_alternative *way = &job->alternatives[i];
        int is_alike = way->tasks == first->tasks &&
                       way->accelerators_per_task == first->accelerators_per_task;

        if (i > 0 && i < job->sizes)
            continue;
        for (uint32_t chip = 0; chip < core->chips_count; chip += 1) {
            if (!(way->chips >> chip & 1))
                continue;
            if (is_alike && row->chips_count < DR_TRACE_LIST_MAX) {
                row->chips[row->chips_count] =
                    (struct dr_trace_chip){chip_name(core, chip), way->factor};
                row->chips_count += 1;
            } else if (!is_alike && row->ways_count < DR_TRACE_LIST_MAX) {
                row->ways[row->ways_count] = (struct dr_trace_way){
                    chip_name(core, chip), way->tasks, way->accelerators_per_task, way->factor};
                row->ways_count += 1;
            }
        }
    }
}

static void put_places(const struct exporting *exporting, const struct dr_fact_job_accepted *job,
                       struct dr_trace_row *row)
{
    const struct dr_core *core = exporting->core;

    for (uint32_t site = 0; site < core->sites_count && row->sites_count < DR_TRACE_LIST_MAX;
         site += 1)
        if (dr_site_set_has(&job->sites, site)) {
            row->sites[row->sites_count] = core->sites[site].name;
            row->sites_count += 1;
        }
    for (uint32_t i = 0; i < job->datasets_count && row->data_count < DR_TRACE_LIST_MAX; i += 1) {
        row->data[row->data_count] = core->datasets[job->datasets[i] - 1].name;
        row->data_count += 1;
    }
    /* On a job that is in the trace. */
    for (uint32_t i = 0; i < job->dependencies_count && row->depends_count < DR_TRACE_LIST_MAX;
         i += 1) {
        const struct dr_dependency *on = &job->dependencies[i];
        const struct ran *ran = on->job.v == 0 ? NULL : &exporting->jobs[on->job.v - 1];

        if (on->kind == DR_DEPENDENCY_SINGLETON || ran == NULL || !ran->started || !ran->ended)
            continue;
        row->depends[row->depends_count] = (struct dr_trace_dependency){on->kind, on->job.v};
        row->depends_count += 1;
    }
}

static void write_job(struct exporting *exporting, const struct dr_fact *fact)
{
    const struct dr_fact_job_accepted *job = &fact->job_accepted;
    const struct dr_core *core = exporting->core;
    struct dr_import *import = exporting->import;
    const struct ran *ran;
    struct dr_trace_row row;

    if (fact->kind != DR_FACT_JOB_ACCEPTED)
        return;
    ran = &exporting->jobs[job->job - 1];
    import->rows += 1;
    if (!ran->started || !ran->ended) {
        import->skipped += 1;
        return;
    }
    row = (struct dr_trace_row){
        .job = job->job,
        .submit_us = on_trace(exporting, ran->submit_us),
        .runtime_us = dr_max_i64(ran->runtime_us, 1),
        .tasks = job->alternatives[0].tasks,
        .accelerators_milli = job->alternatives[0].accelerators_per_task,
        .limit_us = job->limit_us,
        .account = core->accounts[job->account - 1].name,
        .user = core->users[job->job_user - 1].name,
        .priority = job->priority,
        .cpus_milli = job->alternatives[0].cpus_per_task,
        .memory_mb = job->alternatives[0].memory_mb_per_task,
        .preemptible = job->preemptible,
        .requeue = job->requeue,
        .flexible = job->flexible,
        .level_kind = job->level_kind,
        .level = job->level,
        .checkpoint_us = job->checkpoint_us,
        .restart_us = job->restart_us,
        .grace_us = job->grace_us,
        .begin_us = job->begin_us == 0 ? INT64_MIN : on_trace(exporting, job->begin_us),
        .deadline_us = job->deadline_us == 0 ? INT64_MIN : on_trace(exporting, job->deadline_us),
        .data_class = job->data_class == 0 ? "" : core->classes[job->data_class - 1].name,
        .tasks_min = job->tasks_min,
        .name = "",
        .status = (enum dr_trace_status)ran->status,
    };
    put_ways(exporting, job, &row);
    put_places(exporting, job, &row);
    dr_trace_write(import->trace, WRITTEN, &row);
    import->written += 1;
}

/* ---- all of it ---- */

static enum dr_status export(struct exporting *exporting) {
    struct dr_import *import = exporting->import; enum dr_status status;

    if (import->schedule != NULL) dr_schedule_header(import->schedule);
    status = read_journal(exporting, UINT64_MAX - 1, follow);
    if (status != DR_OK) return status;
    leave_off(exporting);
    dr_trace_write_header(import->trace, WRITTEN);
    status = read_journal(exporting, dr_core_seq(exporting->core), write_job);
    if (status != DR_OK) return status;
    if (import->pools != NULL) dr_schedule_pools(import->pools, exporting->core);
    if (import->federation != NULL) dr_federation_write(exporting->core, import->federation);
    return DR_OK;
}

enum dr_status dr_import_live(struct dr_import *import, struct dr_error *error)
{
    struct exporting exporting = {.import = import, .error = error};
    enum dr_status status = dr_store_open(&exporting.store, import->files[0], DR_STORE_READ, error);

    if (status != DR_OK)
        return status;
    dr_buffer_init(&exporting.place, PLACE_BYTES_MAX);
    if (dr_core_open(&exporting.core, &DR_LIMITS_DEFAULT) != DR_OK ||
        dr_arena_init(&exporting.facts, FACT_ARENA_BYTES) != DR_OK) {
        dr_error_set(error, NULL, 0, "", "too little address space", "room for the core's tables");
        status = DR_E_FULL;
    }
    if (status == DR_OK)
        status = export(&exporting);
    dr_core_close(exporting.core);
    dr_arena_deinit(&exporting.facts);
    dr_buffer_deinit(&exporting.place);
    free(exporting.jobs);
    dr_store_close(exporting.store);
    return status;
}
