/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at the site: its clock, its jobs, its nodes.
 *
 * A look asks for what has changed since the last one; slurmctld answers 304 when nothing has, and
 * everything otherwise. Everything is 3.3 KB a job, so looks are as far apart as keeps them to a
 * small part of the time, and further the longer nothing happens. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/math.h"
#include "engine/slurm_ends.h"
#include "engine/slurm_internal.h"
#include "engine/slurm_scan.h"

#define CLOCK_US (300 * DR_SECOND_US)
/* in units of options.poll_us: */
#define IDLE         25           /* between looks when nothing is expected */
#define QUIET        10           /* when something is, and nothing happens */
#define NODES        10           /* between looks at the nodes then */
#define SHARE        10           /* a look takes at most about one part in so many of the time */
#define GONE_US      DR_SECOND_US /* between them while an attempt is out of sight */
#define BACK_OFF_US  (DR_SECOND_US / 4)
#define BACK_OFF_MAX 6 /* doublings: 16 s */
/* A list takes 0.12 s a MB. What takes over three times that waits for a busy machine, which is not
 * the looks' doing, and rarer ones would leave what has become free unused. */
#define BUSY_US(bytes) ((int64_t)(bytes)*2 / 5)
#define OVERLAP_S      2 /* clocks are told in whole seconds */
#define LIFE_S         120

/* ---- one job of the site ---- */

enum member {
    JOB_ID,
    JOB_STATE,
    JOB_COMMENT,
    JOB_NAME,
    JOB_SUBMITTED,
    JOB_NODES,
    JOB_RESTARTS,
    JOB_REASON,
    MEMBERS
};
static const char *const members[MEMBERS] = {"job_id",      "job_state",   "comment",
                                             "name",        "submit_time", "nodes",
                                             "restart_cnt", "state_reason"};

/* Why a job waits that waits for its turn, or for what the node's own report tells. */
static const char *const passing[] = {
    "",       "None",     "Priority", "Resources",       "BeginTime",
    "Prolog", "Cleaning", "NodeDown", "ReqNodeNotAvail", "JobArrayTaskLimit"};

static int64_t number_of(const json_t *job, const char *name)
{
    const json_t *value = json_object_get(job, name);

    return json_is_integer(value) ? (int64_t)json_integer_value(value) : 0;
}

static const char *text_of(const json_t *job, const char *name)
{
    const char *value = json_string_value(json_object_get(job, name));

    return value == NULL ? "" : value;
}

static void begin(struct slurm *slurm, struct row *row, int64_t start_s)
{
    int64_t now_us = dr_clock_us();
    int64_t later_us;

    if (row->begun_us != 0)
        return;
    row->started_us = dr_min_i64(slurm_our_us(slurm, start_s), now_us);
    /* It began within that second: no limit may be over too early. */
    later_us = dr_min_i64(slurm_our_us(slurm, start_s + 1), now_us);
    row->begun_us = dr_max_i64(1, dr_monotonic_us() - (now_us - later_us));
    slurm_tell_started(slurm, row);
}

static void over(struct slurm *slurm, struct row *row, const json_t *job)
{
    struct dr_slurm_end end = {
        .state = text_of(job, "job_state"),
        .reason = text_of(job, "state_reason"),
        .status = number_of(job, "exit_code"),
        .derived_status = number_of(job, "derived_exit_code"),
        .told = row->told,
        .limit = row->limit == LIMIT_OVER,
        .restarts = row->restarts,
        .placed = number_of(job, "start_time") > 0 && text_of(job, "nodes")[0] != 0,
        .withdrawn = row->withdrawn,
        .requeues = json_is_true(json_object_get(job, "requeue")),
        .ran_s = number_of(job, "end_time") - number_of(job, "start_time"),
        .launch_s = slurm->launch_s,
    };
    struct dr_report report;

    if (row->back) { /* what was begun first may run on until its nodes have registered */
        slurm_gone(slurm, row);
        return;
    }
    report = (struct dr_report){
        .time_us = dr_min_i64(slurm_our_us(slurm, number_of(job, "end_time")), dr_clock_us())};

    dr_slurm_tell_end(&end, &report);
    dr_slurm_runs_add(&slurm->runs, end.ran_s * DR_SECOND_US);
    if (row->restarts == 0 && end.placed && report.outcome != DR_OUTCOME_LAUNCH_FAILED &&
        !dr_slurm_launch_given_up(&end))
        begin(slurm, row, number_of(job, "start_time"));
    slurm_end(slurm, row, &report);
    if (report.outcome == DR_OUTCOME_NODE_FAILED && !slurm->nodes.under_way)
        slurm->nodes.due_us = dr_monotonic_us(); /* what has become of its nodes is news as well */
}

/* What the site's own rules keep for long is not for Daero to end; somebody should know. */
static void waits(struct slurm *slurm, struct row *row, const json_t *job)
{
    const char *reason = text_of(job, "state_reason");

    for (size_t i = 0; i < DR_COUNT_OF(passing); i += 1)
        if (strcmp(reason, passing[i]) == 0)
            return;
    if (strncmp(reason, "Nodes", 5) == 0) /* "Nodes required for job are DOWN, DRAINED or ..." */
        return;
    if (!row->kept_waiting && row->kill_us == DR_FOREVER_US)
        slurm_warn(slurm, row->job, row->attempt,
                   "it waits at its site, by the site's own rules: %s", reason);
    row->kept_waiting = 1;
}

/* A job of ours whose state is another than at the last look. */
static void take_state(struct slurm *slurm, struct row *row, const json_t *job)
{
    enum dr_slurm_phase phase = dr_slurm_phase(text_of(job, "job_state"));
    int64_t restarts = number_of(job, "restart_cnt");

    row->site_limit_min =
        (uint32_t)dr_min_i64(dr_max_i64(number_of(job, "time_limit"), 0), UINT32_MAX);
    if (restarts > 0 && row->restarts == 0) {
        /* A second run under the name of one attempt: this attempt is over, whatever the site does.
         */
        row->restarts = (uint32_t)restarts;
        row->kill_us = 0;
        row->again_us = 0;
    }
    row->waits = phase == DR_SLURM_WAITS;
    if (row->waits && row->state == ROW_RUNNING && row->restarts == 0 && !row->back)
        slurm_gone_back(slurm, row);
    if (row->hosts == NULL && (slurm->options.count_placement || row->nodes == NULL) &&
        text_of(job, "nodes")[0] != 0)
        row->hosts = strdup(text_of(job, "nodes"));
    if (phase == DR_SLURM_RUNS && row->state == ROW_PENDING && row->restarts == 0 &&
        (strcmp(text_of(job, "job_state"), "COMPLETING") != 0 || text_of(job, "nodes")[0] != 0)) {
        slurm_set_state(slurm, row, ROW_RUNNING);
        begin(slurm, row, number_of(job, "start_time"));
    }
    if (phase == DR_SLURM_WAITS && row->state == ROW_PENDING)
        waits(slurm, row, job);
    if (phase == DR_SLURM_OVER)
        over(slurm, row, job);
    else
        slurm_advance(slurm, row);
}

static void take_user(struct row *row, const json_t *job)
{
    if (row->user != NULL)
        return;
    row->user = strdup(text_of(job, "user_name"));
    if (row->user == NULL)
        abort();
}

/* The row that a job's mark names. NULL: it is not ours, or another job stands for its attempt. */
static struct row *marked(struct slurm *slurm, const struct dr_slurm_object *object, int64_t id,
                          const char *state)
{
    const struct dr_slurm_raw *comment = &object->members[JOB_COMMENT];
    const struct dr_slurm_raw *name = &object->members[JOB_NAME];
    struct row *row;
    dr_job_id job;
    uint32_t attempt;

    /* Its owner can change either at the site. */
    if ((comment->text == NULL || comment->bytes < 2 ||
         !slurm_mark_parse(slurm, comment->text + 1, comment->bytes - 2, &job, &attempt)) &&
        (name->text == NULL || name->bytes < 2 ||
         !slurm_mark_parse(slurm, name->text + 1, name->bytes - 2, &job, &attempt)))
        return NULL;
    row = slurm_find(slurm, job, attempt);
    if (row == NULL) {
        row = slurm_add(slurm, job, attempt);
        slurm_set_state(slurm, row, ROW_PENDING);
        slurm_set_id(slurm, row, (uint32_t)id);
        slurm_sent_became(slurm, row);
        return row;
    }
    if (row->state == ROW_GONE)
        slurm_set_id(slurm, row, 0);
    if (row->state == ROW_REFUSED) { /* it arrived after it was told never to start */
        row->told = 1;
        row->kill_us = 0;
    } else if (row->state == ROW_ENDED || row->state == ROW_FORGOTTEN || row->slurm_id != 0) {
        if (dr_slurm_phase(state) == DR_SLURM_OVER)
            return NULL;
        /* A second one: it is ended before it can start; should it run, somebody has to know. */
        slurm_cancel(slurm, (uint32_t)id);
        if (!row->doubled)
            slurm_warn(slurm, job, attempt,
                       "the site has a second job, %" PRId64 ", under its name: it is %s", id,
                       dr_slurm_phase(state) == DR_SLURM_RUNS ? "running and has been cancelled"
                                                              : "cancelled before it starts");
        row->doubled = 1;
        return NULL;
    }
    free(row->body);
    row->body = NULL;
    if (row->state == ROW_GONE)
        slurm_came_back(slurm, row);
    else
        slurm_set_state(slurm, row, ROW_PENDING);
    slurm_set_id(slurm, row, (uint32_t)id);
    slurm_sent_became(slurm, row);
    return row;
}

/* Its number is another job's now, of a site that lost its state. */
static void drop_id(struct slurm *slurm, struct row *row)
{
    if (row->state == ROW_FORGOTTEN) {
        slurm_remove(slurm, row);
        return;
    }
    if (row->state == ROW_PENDING || row->state == ROW_RUNNING)
        slurm_gone(slurm, row);
    slurm_set_id(slurm, row, 0);
}

/* A job of the site whose attempt is over here: an older state of the site, in which it is not, or
 * a run that the site begins by itself. It is ended before it can start; should it run, somebody
 * has to know. */
static void cancel_over(struct slurm *slurm, struct row *row, const char *state)
{
    enum dr_slurm_phase phase = dr_slurm_phase(state);

    if (phase != DR_SLURM_WAITS && phase != DR_SLURM_RUNS)
        return;
    slurm_cancel(slurm, row->slurm_id);
    if (!row->doubled)
        slurm_warn(slurm, row->job, row->attempt,
                   "it is over, and the site has it as %s: cancelled there", state);
    row->doubled = 1;
}

static void count_foreign(struct slurm *slurm, const struct dr_slurm_object *object,
                          const char *state)
{
    enum dr_slurm_phase phase = dr_slurm_phase(state);

    if (phase == DR_SLURM_OVER)
        return;
    slurm->foreign_next += 1;
    if (slurm->options.count_placement && phase == DR_SLURM_RUNS &&
        object->members[JOB_NODES].bytes > 2)
        slurm_others_use(slurm, object->members[JOB_NODES].text + 1,
                         object->members[JOB_NODES].bytes - 2);
}

static int take_job(void *context, const struct dr_slurm_object *object)
{
    struct slurm *slurm = context;
    const struct dr_slurm_raw *raw = &object->members[JOB_STATE];
    int64_t id, submit_s = 0;
    char state[32] = "";
    struct row *row;
    uint64_t hash;
    json_t *job;

    if (!dr_slurm_raw_number(&object->members[JOB_ID], &id) || id <= 0 || id > UINT32_MAX ||
        raw->text == NULL || raw->bytes < 2 || raw->bytes - 2 >= sizeof state)
        return 1;
    memcpy(state, raw->text + 1, raw->bytes - 2);
    dr_slurm_raw_number(&object->members[JOB_SUBMITTED], &submit_s);
    row = slurm_find_id(slurm, (uint32_t)id);
    if (row != NULL && row->submit_s != 0 && row->submit_s != submit_s && row->restarts == 0) {
        /* A requeued job may get another time; another job of a site that lost its state does. */
        dr_job_id own;
        uint32_t attempt;
        const struct dr_slurm_raw *comment = &object->members[JOB_COMMENT];

        if (comment->text == NULL || comment->bytes < 2 ||
            !slurm_mark_parse(slurm, comment->text + 1, comment->bytes - 2, &own, &attempt) ||
            own.v != row->job.v || attempt != row->attempt) {
            drop_id(slurm, row);
            row = NULL;
        }
    }
    if (row == NULL)
        row = marked(slurm, object, id, state);
    slurm_number_seen(slurm, (uint32_t)id, dr_slurm_phase(state), row);
    if (row == NULL) {
        count_foreign(slurm, object, state);
        return 0;
    }
    row->seen = slurm->look_under_way;
    row->heard_us = dr_max_i64(row->heard_us, slurm->began_us);
    row->submit_s = submit_s;
    hash = dr_hash_bytes(object->members[JOB_RESTARTS].bytes, state, strlen(state));
    hash = dr_hash_bytes(hash, object->members[JOB_RESTARTS].text,
                         object->members[JOB_RESTARTS].bytes);
    if (dr_slurm_phase(state) == DR_SLURM_WAITS)
        hash = dr_hash_bytes(hash, object->members[JOB_REASON].text,
                             object->members[JOB_REASON].bytes);
    if (row->state == ROW_ENDED || row->state == ROW_FORGOTTEN) {
        cancel_over(slurm, row, state);
        return 0;
    }
    if (row->state == ROW_GONE && row->back)
        return 0;
    if (row->state == ROW_GONE)
        slurm_came_back(slurm, row);
    if (row->state_hash == hash)
        return 0;
    job = json_loadb(object->whole.text, object->whole.bytes, 0, NULL);
    if (job == NULL)
        return 1;
    row->state_hash = hash;
    take_user(row, job);
    take_state(slurm, row, job);
    json_decref(job);
    return 0;
}

/* ---- one that was asked for ---- */

static int take_asked(void *context, const struct dr_slurm_object *object)
{
    struct slurm *slurm = context;
    int64_t id, submit_s = 0;
    const struct row *row;

    if (!dr_slurm_raw_number(&object->members[JOB_ID], &id) || id <= 0 || id > UINT32_MAX)
        return 1;
    dr_slurm_raw_number(&object->members[JOB_SUBMITTED], &submit_s);
    row = slurm_find_id(slurm, (uint32_t)id);
    /* What else has a number of ours, a whole list tells. */
    if (row == NULL || (row->submit_s != 0 && row->submit_s != submit_s))
        return 0;
    return take_job(context, object);
}

int slurm_take_one(struct slurm *slurm, const struct row *row, const struct dr_buffer *answer)
{
    uint64_t before = row->state_hash;
    const char *text = (const char *)answer->data;

    if (answer->full ||
        dr_slurm_scan(text, answer->length, "jobs", members, MEMBERS, NULL, NULL) < 0 ||
        dr_slurm_scan(text, answer->length, "jobs", members, MEMBERS, take_asked, slurm) < 0)
        slurm_failed(slurm, "what it says of a job can't be read (%zu bytes)", answer->length);
    return row->state_hash != before;
}

/* ---- a look at the jobs ---- */

static void look_at_jobs(struct slurm *slurm, int64_t proof_s)
{
    struct dr_slurm_exchange *exchange;
    char path[DR_SLURM_PATH_BYTES];
    int64_t since_s = slurm->jobs.since_s;

    if (slurm->jobs.under_way)
        return;
    if (proof_s != 0 || slurm->whole_from > slurm->look_whole)
        since_s = 0;
    exchange = slurm_request(slurm, EXCHANGE_JOBS);
    if (exchange == NULL) {
        slurm->jobs.due_us = dr_monotonic_us() + BACK_OFF_US;
        return;
    }
    slurm->jobs.under_way = 1;
    slurm->jobs.due_us = DR_FOREVER_US;
    slurm->look_number += 1;
    slurm->proof_s = proof_s;
    exchange->mark = slurm_site_s(slurm) - OVERLAP_S;
    exchange->mark2 = (int64_t)slurm->look_number;
    if (since_s == 0)
        snprintf(path, sizeof path, API "jobs");
    else
        snprintf(path, sizeof path, API "jobs?update_time=%" PRId64, since_s);
    slurm_send(slurm, exchange, "GET", path, slurm->options.user, slurm_site_s(slurm) + LIFE_S,
               NULL, 0);
}

/* A complete list does not have what it should. */
static void miss(struct slurm *slurm, uint64_t number, int64_t proof_s)
{
    for (uint32_t i = 0; i < slurm->rows_used; i += 1) {
        struct row *row = &slurm->rows[i];

        if (row->seen == number)
            continue;
        if (row->state == ROW_FORGOTTEN && row->kept <= number)
            slurm_remove(slurm, row);
        else if (row->state == ROW_UNSURE && proof_s != 0)
            slurm_not_there(slurm, row, proof_s);
        else if ((row->state == ROW_PENDING || row->state == ROW_RUNNING) && row->kept <= number)
            slurm_gone(slurm, row);
    }
}

int64_t slurm_pace_us(const struct slurm *slurm, int64_t took_us, uint32_t quiet)
{
    int64_t poll_us = slurm->options.poll_us;
    int64_t most_us = poll_us * (slurm->active > 0 ? QUIET : IDLE);

    quiet = dr_min_u32(quiet, 8);
    return dr_max_i64(dr_max_i64(poll_us, SHARE * took_us),
                      dr_min_i64(most_us, poll_us << (quiet < 2 ? 0 : quiet - 2)));
}

static void plan_jobs(struct slurm *slurm, int changed)
{
    struct look *look = &slurm->jobs;
    int64_t most_us = slurm->options.poll_us * (slurm->active > 0 ? QUIET : IDLE);
    int64_t wait_us;

    look->quiet = changed ? 0 : dr_min_u32(look->quiet + 1, 8);
    wait_us = slurm_pace_us(slurm, look->own_us, look->quiet);
    if (slurm->active == 0)
        wait_us = dr_max_i64(wait_us, most_us);
    /* 304 costs little, so it may be asked for often at first */
    if (!changed)
        wait_us = dr_min_i64(wait_us, most_us);
    look->due_us = dr_monotonic_us() + wait_us;
}

static void answers(struct slurm *slurm)
{
    struct dr_report *report;

    slurm->failures = 0;
    if (slurm->answers == 1)
        return;
    slurm->answers = 1;
    report = slurm_report(slurm, DR_REPORT_SITE, (dr_job_id){0}, 0);
    report->answers = 1;
    snprintf(report->text, sizeof report->text, "it answers");
}

static void jobs_answered(struct slurm *slurm, struct dr_slurm_exchange *exchange)
{
    const char *text = (const char *)exchange->answer.data;
    size_t bytes = exchange->answer.length;
    int changed = exchange->status != 304;

    slurm->look_under_way = (uint64_t)exchange->mark2;
    slurm->look_began_us = exchange->began_us;
    slurm->began_us = dr_monotonic_us() - exchange->took_us;
    if (changed) {
        slurm->foreign_next = 0;
        slurm_numbers_begin(slurm);
        slurm_others_begin(slurm);
        if (exchange->status != 200 || exchange->answer.full ||
            dr_slurm_scan(text, bytes, "jobs", members, MEMBERS, NULL, NULL) < 0 ||
            dr_slurm_scan(text, bytes, "jobs", members, MEMBERS, take_job, slurm) < 0) {
            slurm->look_began_us = 0;
            slurm_failed(slurm, "its list of jobs can't be read (HTTP %ld, %zu bytes)",
                         exchange->status, exchange->answer.length);
            return;
        }
        slurm->jobs.took_us = exchange->took_us;
        slurm->jobs.own_us = dr_min_i64(exchange->took_us, BUSY_US(bytes));
        slurm->foreign = slurm->foreign_next;
        slurm_others_end(slurm);
        slurm->look_whole = slurm->look_under_way;
        miss(slurm, slurm->look_under_way, slurm->proof_s);
    } else if (!slurm->complete) {
        slurm->look_began_us = 0;
        slurm_failed(slurm, "it says that nothing has changed before it was asked");
        return;
    }
    slurm_withdraw(slurm);
    slurm->jobs.since_s = exchange->mark;
    slurm->complete = 1;
    slurm_heard(slurm, exchange);
    answers(slurm);
    plan_jobs(slurm, changed);
}

/* ---- a look at its clock ---- */

static void look_at_clock(struct slurm *slurm)
{
    struct dr_slurm_exchange *exchange = slurm_request(slurm, EXCHANGE_CLOCK);

    if (exchange == NULL)
        return;
    slurm->clock.under_way = 1;
    slurm->clock.due_us = DR_FOREVER_US;
    slurm_send(slurm, exchange, "GET", API "diag", slurm->options.user,
               slurm_site_s(slurm) + LIFE_S, NULL, 0);
}

static void set_clock(struct slurm *slurm, int64_t site_s)
{
    int known = slurm->clock_known;

    slurm->ahead_us = site_s * DR_SECOND_US - dr_clock_us();
    if (slurm->ahead_us < 2 * DR_SECOND_US && slurm->ahead_us > -2 * DR_SECOND_US)
        slurm->ahead_us = 0; /* it is told in whole seconds */
    slurm->clock_known = 1;
    if (known)
        return;
    slurm->first_clock_s = site_s;
    slurm_sent_begin(slurm);
    for (uint32_t i = 0; i < slurm->rows_used; i += 1) {
        struct row *row = &slurm->rows[i];

        if (row->state != ROW_UNSURE)
            continue;
        if (row->sure_s == INT64_MAX)
            row->sure_s = site_s + slurm->life_s + SURE_MARGIN_S;
        slurm_advance(slurm, row);
    }
}

static void clock_answered(struct slurm *slurm, struct dr_slurm_exchange *exchange)
{
    json_t *answer =
        json_loadb((const char *)exchange->answer.data, exchange->answer.length, 0, NULL);
    json_t *time = json_object_get(json_object_get(answer, "statistics"), "req_time");
    int64_t site_s = json_is_integer(time) ? json_integer_value(time) : 0;
    char words[160];

    if (exchange->status != 200 || site_s <= 0) {
        slurm_error_of(answer, words, sizeof words);
        if (exchange->status == 401)
            slurm_failed(slurm, "slurmrestd does not take the tokens (HTTP 401): is `key` in the "
                                "federation the key of this cluster?");
        else
            slurm_failed(slurm,
                         "slurmrestd answers, slurmctld does not (HTTP %ld): %s. Is slurmctld up, "
                         "is `key` its key, are the clocks within %d s?",
                         exchange->status, words, LIFE_S);
        json_decref(answer);
        return;
    }
    json_decref(answer);
    set_clock(slurm, site_s);
    slurm->clock.due_us = dr_monotonic_us() + CLOCK_US;
    slurm_heard(slurm, exchange);
    /* Everything that a token which is over by now was good for has happened, or never will. */
    if (slurm->jobs.under_way)
        slurm->clock.again = 1;
    else
        look_at_jobs(slurm, site_s);
    if (slurm->failures > 0)
        slurm->nodes.due_us = dr_monotonic_us();
}

/* ---- a look at the nodes ---- */

static void look_at_nodes(struct slurm *slurm)
{
    struct dr_slurm_exchange *exchange = slurm_request(slurm, EXCHANGE_NODES);
    char path[DR_SLURM_PATH_BYTES];

    if (exchange == NULL) {
        slurm->nodes.due_us = dr_monotonic_us() + BACK_OFF_US;
        return;
    }
    slurm->nodes.under_way = 1;
    slurm->nodes.due_us = DR_FOREVER_US;
    exchange->mark = slurm_site_s(slurm) - OVERLAP_S;
    exchange->mark2 = slurm->nodes.since_s;
    if (slurm->nodes.since_s == 0)
        snprintf(path, sizeof path, API "nodes");
    else
        snprintf(path, sizeof path, API "nodes?update_time=%" PRId64, slurm->nodes.since_s);
    slurm_send(slurm, exchange, "GET", path, slurm->options.user, slurm_site_s(slurm) + LIFE_S,
               NULL, 0);
}

static void nodes_answered(struct slurm *slurm, struct dr_slurm_exchange *exchange)
{
    int64_t now_us = dr_monotonic_us();

    if (slurm->nodes.again || (exchange->status == 500 && exchange->mark2 != 0)) {
        /* slurmrestd 22.05 says 304 when nothing has changed, and fails when something has. */
        slurm->nodes.again = 0;
        slurm->nodes.since_s = 0;
        slurm->nodes.due_us = now_us;
        return;
    }
    if (exchange->status != 304) {
        if (exchange->status != 200 || exchange->answer.full ||
            !slurm_nodes_take(slurm, exchange)) {
            slurm_failed(slurm, "its list of nodes can't be read (HTTP %ld, %zu bytes)",
                         exchange->status, exchange->answer.length);
            slurm->nodes.due_us = now_us + IDLE * slurm->options.poll_us;
            return;
        }
        slurm->nodes.took_us = exchange->took_us;
    }
    slurm_nodes_looked(slurm);
    slurm->nodes.since_s =
        slurm->gone > 0 ? 0 : exchange->mark; /* who is away is asked for whole */
    slurm->nodes.due_us =
        now_us + dr_max_i64(slurm->gone > 0
                                ? GONE_US
                                : slurm->options.poll_us * (slurm->active > 0 ? NODES : IDLE),
                            10 * slurm->nodes.took_us);
    slurm_heard(slurm, exchange);
}

/* ---- when ---- */

void slurm_look_soon(struct slurm *slurm)
{
    int64_t due_us = dr_monotonic_us() + slurm_pace_us(slurm, slurm->jobs.own_us, 0);

    slurm->jobs.quiet = 0;
    slurm_ask_soon(slurm, dr_monotonic_us());
    if (slurm->jobs.due_us > due_us && !slurm->jobs.under_way)
        slurm->jobs.due_us = due_us;
}

void slurm_look_answered(struct slurm *slurm, struct dr_slurm_exchange *exchange)
{
    struct look *look = exchange->kind == EXCHANGE_CLOCK  ? &slurm->clock
                        : exchange->kind == EXCHANGE_JOBS ? &slurm->jobs
                                                          : &slurm->nodes;

    look->under_way = 0;
    if (!exchange->answered) {
        look->due_us = dr_monotonic_us() + IDLE * slurm->options.poll_us;
        slurm_failed(slurm, "%s", exchange->error);
    } else if (exchange->kind == EXCHANGE_CLOCK) {
        clock_answered(slurm, exchange);
    } else if (exchange->kind == EXCHANGE_JOBS) {
        jobs_answered(slurm, exchange);
    } else {
        nodes_answered(slurm, exchange);
    }
    if (exchange->kind == EXCHANGE_JOBS && slurm->clock.again) {
        slurm->clock.again = 0;
        slurm->clock.due_us = dr_monotonic_us(); /* a look that was begun before proves nothing */
    }
}

/* A site that has failed is asked for its clock alone, at growing intervals, until it answers. */
void slurm_look(struct slurm *slurm, int64_t now_us)
{
    if (slurm->clock.due_us <= now_us && !slurm->clock.under_way)
        look_at_clock(slurm);
    if (slurm->failures > 0 || !slurm->clock_known)
        return;
    if (slurm->jobs.due_us <= now_us && !slurm->jobs.under_way)
        look_at_jobs(slurm, 0);
    slurm_ask_step(slurm, now_us);
    if (slurm->nodes.due_us <= now_us && !slurm->nodes.under_way)
        look_at_nodes(slurm);
}

int64_t slurm_look_due(const struct slurm *slurm)
{
    int64_t due_us = slurm->clock.under_way ? DR_FOREVER_US : slurm->clock.due_us;

    if (slurm->failures > 0 || !slurm->clock_known)
        return due_us;
    if (!slurm->jobs.under_way)
        due_us = dr_min_i64(due_us, slurm->jobs.due_us);
    due_us = dr_min_i64(due_us, slurm_ask_due(slurm));
    if (!slurm->nodes.under_way)
        due_us = dr_min_i64(due_us, slurm->nodes.due_us);
    return due_us;
}

void slurm_failed(struct slurm *slurm, const char *format, ...)
{
    uint32_t doublings = dr_min_u32(slurm->failures, BACK_OFF_MAX);
    int64_t now_us = dr_monotonic_us();
    struct dr_report *report;
    va_list arguments;

    va_start(arguments, format);
    dr_format_list(slurm->error, sizeof slurm->error, format, arguments);
    va_end(arguments);
    if (slurm->failures > 0 && now_us - slurm->failed_us < BACK_OFF_US / 2) {
        /* Requests that were cut off together are one failure; the clock is asked for again. */
        if (!slurm->clock.under_way)
            slurm->clock.due_us =
                dr_min_i64(slurm->clock.due_us, now_us + (BACK_OFF_US << doublings));
        return;
    }
    slurm->failed_us = now_us;
    slurm->failures += 1;
    /* Sites that fail together are not asked again together. */
    slurm->clock.due_us =
        now_us + (BACK_OFF_US << doublings) +
        (int64_t)(dr_hash_bytes(slurm->failures, slurm->prefix, strlen(slurm->prefix)) % 100000);
    if (slurm->failures < 2 || slurm->answers == 0)
        return;
    slurm->answers = 0;
    report = slurm_report(slurm, DR_REPORT_SITE, (dr_job_id){0}, 0);
    snprintf(report->text, sizeof report->text, "%s", slurm->error);
}
