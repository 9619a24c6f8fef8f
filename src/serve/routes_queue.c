/* SPDX-License-Identifier: Apache-2.0 */
/* routes_queue.c: what is asked about jobs: one of them, lists, why one waits, its facts. */
#include "serve/exchange.h"
#include "serve/fact_json.h"
#include "serve/job_json.h"
#include "serve/json.h"
#include "serve/stream.h"

#define LIST_MAX      1000
#define LIST_DEFAULT  200
#define FACTS_SCANNED 200000u /* of one job: read from the store at most */

/* ---- finding one job ---- */

int exchange_find(struct exchange *x, struct exchange_job *found)
{
    struct dr_core *core = core_of(x);
    dr_job_row row = dr_job_find(core, (dr_job_id){x->number});

    *found = (struct exchange_job){0};
    if (row.v != DR_ROW_NONE) {
        found->job = &core->jobs[row.v];
        found->owner = dr_job_terms(core, found->job)->user.v;
        found->account = found->job->account.v;
    } else if (dr_store_history_find(dr_controller_store(x->http->controller), x->number,
                                     &found->row) == DR_OK) {
        found->owner = found->row.user;
        found->account = found->row.account;
    }
    if (found->owner != 0 && exchange_sees(x, found->owner, found->account))
        return 1;
    exchange_refuse(x, "UNKNOWN", "job", "there is no job %llu", (unsigned long long)x->number);
    return 0;
}

void route_job_show(struct exchange *x)
{
    struct exchange_job found;

    if (!exchange_find(x, &found))
        return;
    if (found.job != NULL)
        dr_job_json(&x->out, x->http->controller, found.job, 1,
                    found.owner == x->who.user.v || (x->who.roles & DR_ROLE(ADMIN)));
    else
        dr_history_json(&x->out, x->http->controller, &found.row, 1,
                        found.owner == x->who.user.v || (x->who.roles & DR_ROLE(ADMIN)));
    exchange_answer(x, 200);
}

/* ---- lists ---- */

struct filter {
    uint32_t states; /* bits of enum dr_job_state */
    uint32_t account;
    uint32_t user;
    uint32_t site;
    const char *name;
    uint32_t limit;
    uint64_t before;
};

static int take_states(struct exchange *x, uint32_t *states)
{
    const uint32_t all = (2u << DR_JOB_DEADLINE) - 1;
    const uint32_t live = (1u << DR_JOB_COMPLETED) - 1;
    const char *text = exchange_parameter(x, "state");

    *states = all;
    if (text == NULL)
        return 1;
    *states = 0;
    while (*text != 0) {
        size_t length = strcspn(text, ",");
        uint32_t found = 0;

        if (length == 4 && strncmp(text, "live", 4) == 0)
            found = live;
        else if (length == 5 && strncmp(text, "ended", 5) == 0)
            found = all & ~live;
        for (uint32_t state = 0; state <= DR_JOB_DEADLINE; state += 1) {
            const char *name = dr_job_state_name((enum dr_job_state)state);

            if (strlen(name) == length && strncmp(name, text, length) == 0)
                found = 1u << state;
        }
        if (found == 0) {
            exchange_refuse(x, "INVALID", "state",
                            "found '%.40s', expected names of job states, live or ended", text);
            return 0;
        }
        *states |= found;
        text += length + (text[length] == ',');
    }
    return 1;
}

static int take_named(struct exchange *x, const char *parameter, uint32_t id, uint32_t *to)
{
    const char *text = exchange_parameter(x, parameter);

    if (text != NULL && id == 0) {
        exchange_refuse(x, "UNKNOWN", parameter, "there is no %s '%.60s'", parameter, text);
        return 0;
    }
    *to = id;
    return 1;
}

static int take_filter(struct exchange *x, struct filter *filter)
{
    struct dr_core *core = core_of(x);
    const char *account = exchange_parameter(x, "account");
    const char *user = exchange_parameter(x, "user");
    const char *site = exchange_parameter(x, "site");
    int64_t limit = LIST_DEFAULT;
    int64_t before = INT64_MAX;

    *filter = (struct filter){.name = exchange_parameter(x, "name")};
    if (!take_states(x, &filter->states) ||
        !take_named(x, "account", account == NULL ? 0 : dr_account_named(core, account).v,
                    &filter->account) ||
        !take_named(x, "user", user == NULL ? 0 : dr_user_named(core, user).v, &filter->user) ||
        !take_named(x, "site", site == NULL ? 0 : dr_site_named(core, site).v, &filter->site) ||
        !exchange_number(x, "limit", 1, LIST_MAX, &limit) ||
        !exchange_number(x, "before", 1, INT64_MAX, &before))
        return 0;
    filter->limit = (uint32_t)limit;
    filter->before = (uint64_t)before;
    return 1;
}

/* Is it the name in the text? The filter's name may have to be escaped as the text is. */
static int has_name(struct exchange *x, uint64_t text, const char *name)
{
    const char *written = dr_controller_text(x->http->controller, text);
    struct dr_buffer *wanted = &x->http->text;

    if (written == NULL)
        return 0;
    dr_buffer_clear(wanted);
    dr_put_begin(wanted, NULL, '{');
    dr_put_text(wanted, "name", name);
    return strncmp(written, dr_buffer_text(wanted), wanted->length) == 0;
}

static int passes(struct exchange *x, const struct filter *filter, uint32_t state, uint32_t account,
                  uint32_t user, uint32_t site, uint64_t text)
{
    if (!((filter->states >> state) & 1) || (filter->user != 0 && filter->user != user) ||
        (filter->site != 0 && filter->site != site))
        return 0;
    if (filter->account != 0 &&
        !dr_account_within(core_of(x), (dr_account_id){account}, (dr_account_id){filter->account}))
        return 0;
    return exchange_sees(x, user, account) &&
           (filter->name == NULL || has_name(x, text, filter->name));
}

/* The highest ids of the state that pass, in a heap whose root is the lowest of them. */
struct highest {
    uint64_t *ids;
    uint32_t count;
    uint32_t count_max;
};

static void sift_down(struct highest *heap)
{
    uint32_t at = 0;

    for (;;) {
        uint32_t least = at;

        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2; child += 1) {
            if (child < heap->count && heap->ids[child] < heap->ids[least])
                least = child;
        }
        if (least == at)
            return;
        uint64_t id = heap->ids[at];
        heap->ids[at] = heap->ids[least];
        heap->ids[least] = id;
        at = least;
    }
}

static void keep_highest(struct highest *heap, uint64_t id)
{
    if (heap->count == heap->count_max) {
        heap->ids[0] = id;
        sift_down(heap);
        return;
    }
    uint32_t at = heap->count;
    heap->ids[at] = id;
    heap->count += 1;
    while (at > 0 && heap->ids[(at - 1) / 2] > heap->ids[at]) {
        uint64_t above = heap->ids[(at - 1) / 2];

        heap->ids[(at - 1) / 2] = heap->ids[at];
        heap->ids[at] = above;
        at = (at - 1) / 2;
    }
}

static int descending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x > y ? -1 : x < y;
}

/* Ids in the state that pass, highest first, at most filter->limit. */
static void list_state(struct exchange *x, const struct filter *filter, struct highest *heap)
{
    struct dr_core *core = core_of(x);

    heap->count_max = filter->limit;
    heap->ids = exchange_push(x, filter->limit, sizeof *heap->ids);
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);
        uint32_t site;

        if (job->id.v == 0 || job->id.v >= filter->before ||
            (heap->count == heap->count_max && job->id.v < heap->ids[0]))
            continue;
        site = run->pool.v == 0 ? 0 : core->pools[run->pool.v - 1].site.v;
        if (passes(x, filter, job->state, job->account.v, dr_job_terms(core, job)->user.v, site,
                   job->text))
            keep_highest(heap, job->id.v);
    }
    qsort(heap->ids, heap->count, sizeof *heap->ids, descending);
}

/* One row of history after another, those that pass. */
struct past {
    struct dr_store_history rows[256];
    uint32_t count;
    uint32_t at;
    uint64_t before;
    uint32_t looked_at; /* a filter that passes nothing must not read it all */
    int ended;
};

#define PAST_MAX 20000u

/* The next that passes; NULL: none, or too many were looked at (`past->ended` 0). */
static const struct dr_store_history *next_past(struct exchange *x, const struct filter *filter,
                                                struct past *past)
{
    uint32_t user = filter->user;

    if (user == 0 && !dr_auth_sees_all(&x->who) && !(x->who.roles_any & DR_ROLE(ACCOUNT_ADMIN)))
        user = x->who.user.v; /* nobody else's pass */
    for (;;) {
        for (; past->at < past->count; past->at += 1) {
            const struct dr_store_history *row = &past->rows[past->at];

            past->before = row->job;
            if (dr_job_find(core_of(x), (dr_job_id){row->job}).v == DR_ROW_NONE &&
                passes(x, filter, row->state, row->account, row->user, row->site, row->text))
                return row;
        }
        if (past->ended || past->looked_at >= PAST_MAX)
            return NULL;
        past->at = 0;
        if (dr_store_history_list(dr_controller_store(x->http->controller), past->before, user, 0,
                                  -1, past->rows, DR_COUNT_OF(past->rows), &past->count) != DR_OK)
            past->count = 0;
        past->looked_at += past->count;
        past->ended = past->count < DR_COUNT_OF(past->rows);
    }
}

void route_jobs_list(struct exchange *x)
{
    const uint32_t ended = ~((1u << DR_JOB_COMPLETED) - 1);
    struct dr_core *core = core_of(x);
    struct filter filter;
    struct highest state = {0};
    struct past *past;
    uint32_t at = 0;
    uint32_t shown = 0;
    uint64_t last = 0;
    int more = 0;

    if (!take_filter(x, &filter))
        return;
    list_state(x, &filter, &state);
    past = exchange_push(x, 1, sizeof *past);
    past->before = filter.before;
    past->ended = (filter.states & ended) == 0; /* history has none of these */
    dr_put_begin(&x->out, NULL, '{');
    dr_put_begin(&x->out, "jobs", '[');
    while (shown < filter.limit) {
        const struct dr_store_history *row = next_past(x, &filter, past);
        uint64_t of_state = at < state.count ? state.ids[at] : 0;

        if (row == NULL && !past->ended && of_state < past->before) {
            more = 1; /* the next page goes on where history was left */
            last = past->before;
            break;
        }
        if (row == NULL && of_state == 0)
            break;
        if (row == NULL || of_state > row->job) {
            dr_job_json(&x->out, x->http->controller,
                        dr_job_at(core, dr_job_find(core, (dr_job_id){of_state})), 0, 0);
            last = of_state;
            at += 1;
        } else {
            dr_history_json(&x->out, x->http->controller, row, 0, 0);
            last = row->job;
            past->at += 1;
        }
        shown += 1;
    }
    dr_put_end(&x->out, ']');
    if (shown == filter.limit || more)
        dr_put_u64(&x->out, "next", last);
    else
        dr_put_null(&x->out, "next");
    dr_put_end(&x->out, '}');
    exchange_answer(x, 200);
}

/* ---- why ---- */

/* The members of one hold. */
static void hold_json(struct dr_buffer *out, const struct dr_core *core, const struct dr_hold *hold)
{
    char pool[DR_PART_NAME_BYTES];

    dr_put_text(out, "reason", dr_reason_name(hold->reason));
    dr_put_text(out, "text", hold->text);
    dr_put_text(out, "frees", hold->frees);
    dr_put_text(out, "account", dr_account_name(core, hold->account.v));
    dr_put_text(out, "group", dr_group_name(core, hold->group.v));
    dr_put_text(out, "pool", dr_pool_name(core, hold->pool.v, pool));
    dr_put_text(out, "site", dr_site_name(core, hold->site.v));
    dr_put_text(out, "zone", dr_zone_name(core, hold->zone.v));
    dr_put_u64(out, "blocker", hold->job.v);
    dr_put_text(out, "reservation", dr_window_name(core, hold->window));
    dr_put_i64(out, "has", hold->has);
    dr_put_i64(out, "needs", hold->needs);
    dr_put_i64(out, "limit", hold->limit);
    dr_put_i64(out, "until_us", hold->until_us);
}

/* Why a job does not start that does not wait for its start. */
static void not_waiting(const struct dr_core *core, const struct dr_job *job, char *text,
                        size_t bytes)
{
    const char *until;
    uint32_t site;

    if (job->state != DR_JOB_UNREACHABLE) {
        dr_format(text, bytes, "it does not wait");
        return;
    }
    site = core->pools[dr_job_run(core, job)->pool.v - 1].site.v;
    until = dr_job_run(core, job)->give_up_us == 0
                ? "an operator gives it up"
                : "it is given up, as the job wants after a time";
    dr_format(text, bytes,
              core->sites[site - 1].answers
                  ? "site %s has lost sight of it: it may run on there, on a node that has not "
                    "reported since, and is started nowhere else until its nodes have or %s"
                  : "site %s does not answer; it runs on there as far as is known, and is started "
                    "nowhere else until the site answers or %s",
              dr_site_name(core, site), until);
}

static void why_json(struct exchange *x, const struct dr_forecast_answer *forecast)
{
    static const char *const STATES[] = {"STARTS", "BEYOND", "NONE"};
    struct dr_core *core = core_of(x);
    struct dr_buffer *out = &x->out;
    dr_job_row row = dr_job_find(core, (dr_job_id){x->number});
    const struct dr_job *job = row.v == DR_ROW_NONE ? NULL : &core->jobs[row.v];
    struct dr_why why = {.holds_count = 0};

    if (job == NULL) {
        /* It left the state while the forecast was awaited. */
        exchange_refuse(x, "UNKNOWN", "job", "there is no job %llu any more",
                        (unsigned long long)x->number);
        return;
    }
    if (job->state == DR_JOB_PENDING)
        dr_why(core, job->id, dr_controller_now_us(x->http->controller), &why);
    else
        not_waiting(core, job, why.holds[0].text, sizeof why.holds[0].text);
    dr_put_begin(out, NULL, '{');
    dr_put_u64(out, "job", job->id.v);
    dr_put_text(out, "state", dr_job_state_name((enum dr_job_state)job->state));
    hold_json(out, core, &why.holds[0]);
    dr_put_begin(out, "holds", '[');
    for (uint32_t i = 0; i < why.holds_count; i += 1) {
        dr_put_begin(out, NULL, '{');
        hold_json(out, core, &why.holds[i]);
        dr_put_end(out, '}');
    }
    dr_put_end(out, ']');
    dr_put_bool(out, "ever", job->state != DR_JOB_PENDING || why.ever);
    dr_put_i64(out, "reserved_us", why.reserved_us);
    dr_put_u64(out, "before", why.before);
    dr_put_i64(out, "give_up_us", dr_job_run(core, job)->give_up_us);
    if (forecast == NULL) {
        dr_put_null(out, "forecast");
    } else {
        dr_put_begin(out, "forecast", '{');
        dr_put_text(out, "state", STATES[forecast->state]);
        dr_put_i64(out, "start_us", forecast->start_us);
        dr_put_i64(out, "made_us", forecast->made_us);
        dr_put_i64(out, "horizon_us", forecast->horizon_us);
        dr_put_u64(out, "seq", forecast->seq);
        dr_put_end(out, '}');
    }
    dr_put_end(out, '}');
    exchange_answer(x, 200);
}

static void foreseen(void *context, const struct dr_forecast_answer *answer)
{
    struct exchange *x = context;

    why_json(x, answer);
    exchange_resume(x);
}

void route_job_why(struct exchange *x)
{
    struct exchange_job found;
    int64_t age_us = 10 * DR_SECOND_US;
    int forecast = 0;

    if (!exchange_flag(x, "forecast", &forecast) ||
        !exchange_number(x, "age_us", 0, DR_DAY_US, &age_us) || !exchange_find(x, &found))
        return;
    if (found.job == NULL) {
        dr_put_begin(&x->out, NULL, '{');
        dr_put_u64(&x->out, "job", found.row.job);
        dr_put_text(&x->out, "state", dr_job_state_name((enum dr_job_state)found.row.state));
        dr_put_text(&x->out, "reason", dr_reason_name(DR_REASON_NONE));
        dr_put_text(&x->out, "text", "it does not wait");
        dr_put_null(&x->out, "forecast");
        dr_put_end(&x->out, '}');
        exchange_answer(x, 200);
        return;
    }
    if (!forecast || found.job->state != DR_JOB_PENDING || x->http->forecast == NULL) {
        why_json(x, NULL);
        return;
    }
    exchange_wait(x);
    dr_forecast_ask(x->http->forecast, found.job->id, age_us, foreseen, x);
}

/* ---- facts of one job ---- */

static int show_fact(void *context, const struct dr_fact *fact)
{
    struct exchange *x = context;

    if (dr_fact_job(fact) == x->number)
        dr_fact_json(&x->out, core_of(x), fact);
    return 1;
}

void route_job_facts(struct exchange *x)
{
    uint64_t durable = dr_controller_durable_seq(x->http->controller);
    struct exchange_job found;
    uint64_t first;
    uint64_t last;
    uint64_t next;

    if (!exchange_find(x, &found))
        return;
    first = found.job != NULL ? found.job->submit_seq : found.row.submit_seq;
    last = found.job != NULL ? found.job->last_seq : found.row.end_seq;
    if (last > durable)
        last = durable;
    dr_put_begin(&x->out, NULL, '{');
    dr_put_begin(&x->out, "facts", '[');
    next = stream_scan(x->http, first, last, FACTS_SCANNED, show_fact, x);
    dr_put_end(&x->out, ']');
    dr_put_bool(&x->out, "complete", next > last);
    dr_put_end(&x->out, '}');
    exchange_answer(x, 200);
}
