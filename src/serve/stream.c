/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/stream.h"

#include "serve/exchange.h"
#include "serve/fact_json.h"
#include "serve/json.h"

#define RECENT_FACTS 8192u
#define RECENT_BYTES (8u << 20)
#define ARENA_BYTES  (64u << 20)
#define SCAN_MAX     20000u /* facts that are read from the store in one go */
#define LIST_DEFAULT 1000
#define LIST_MAX     10000

/* The latest facts as text, made once for all streams that follow closely; older ones come from the
 * store. */
struct recent {
    uint64_t job; /* 0: not about a job */
    enum dr_fact_kind kind;
    uint32_t begin; /* in `text` */
    uint32_t bytes;
    uint32_t open_begin; /* as those read it who do not see all */
    uint32_t open_bytes;
};

struct events {
    struct dr_arena arena; /* of the decoder */
    struct recent recent[RECENT_FACTS];
    uint32_t count;
    uint64_t first; /* seq of recent[0] */
    struct dr_buffer text;
};

/* ---- reading the store ---- */

uint64_t stream_scan(struct dr_http *http, uint64_t from, uint64_t last, uint32_t facts_max,
                     int (*each)(void *context, const struct dr_fact *fact), void *context)
{
    struct dr_store_reader *reader;
    struct dr_store_read batch;
    struct dr_error error;
    uint32_t read = 0;
    int go_on = 1;

    if (from == 0)
        from = 1;
    if (from > last ||
        dr_store_reader_open(&reader, dr_controller_store(http->controller), from) != DR_OK)
        return from;
    while (go_on && from <= last && read < facts_max &&
           dr_store_reader_next(reader, &batch, &error) == DR_OK) {
        uint64_t seq = batch.seq_first;
        uint32_t at = 0;

        while (go_on && at < batch.payload_bytes && from <= last && read < facts_max) {
            struct dr_fact fact;
            uint32_t taken;

            dr_arena_reset(&http->events->arena, 0);
            if (dr_fact_decode(batch.payload + at, batch.payload_bytes - at, &http->events->arena,
                               &fact, &taken, &error) != DR_OK) {
                go_on = 0;
                break;
            }
            at += taken;
            fact.seq = seq;
            seq += 1;
            if (fact.seq < from)
                continue;
            go_on = each(context, &fact);
            if (go_on) {
                from = fact.seq + 1;
                read += 1;
            }
        }
    }
    dr_store_reader_close(reader);
    return from;
}

/* ---- who may see which fact ---- */

static int sees_part(enum dr_fact_kind kind)
{
    switch (kind) {
    case DR_FACT_LEADER_TOOK:
    case DR_FACT_TICK:
    case DR_FACT_DECIDED_NOTHING:
    case DR_FACT_CHIP_SET:
    case DR_FACT_CHIP_REMOVED:
    case DR_FACT_SITE_SET:
    case DR_FACT_SITE_REMOVED:
    case DR_FACT_SITE_REACH:
    case DR_FACT_POOL_SET:
    case DR_FACT_POOL_REMOVED:
    case DR_FACT_PART_LEAVING:
    case DR_FACT_NODES_ADDED:
    case DR_FACT_NODE_FLAGS:
    case DR_FACT_ZONE_SET:
    case DR_FACT_ZONE_REMOVED:
    case DR_FACT_GRID_CAP_SET:
    case DR_FACT_GRID_CAP_REMOVED:
    case DR_FACT_POWER_SHORT:
    case DR_FACT_NODES_POWER:
    case DR_FACT_WINDOW_MADE:
    case DR_FACT_WINDOW_DROPPED:
    case DR_FACT_WINDOW_HELD:
        return 1;
    case DR_FACT_SETTINGS_SET:
    case DR_FACT_GROUP_SET:
    case DR_FACT_GROUP_REMOVED:
    case DR_FACT_DATA_CLASS_SET:
    case DR_FACT_DATA_CLASS_REMOVED:
    case DR_FACT_DATASET_SET:
    case DR_FACT_DATASET_REMOVED:
    case DR_FACT_ACCOUNT_SET:
    case DR_FACT_ACCOUNT_REMOVED:
    case DR_FACT_ALLOCATION_SET:
    case DR_FACT_ALLOCATION_REMOVED:
    case DR_FACT_ALLOCATION_TERM:
    case DR_FACT_USER_SET:
    case DR_FACT_USER_REMOVED:
    case DR_FACT_TOKEN_ISSUED:
    case DR_FACT_TOKEN_REVOKED:
    case DR_FACT_TEXT_ERASED:
    case DR_FACT_JOB_ACCEPTED:
    case DR_FACT_JOB_HELD:
    case DR_FACT_JOB_RELEASED:
    case DR_FACT_JOB_PROMISED:
    case DR_FACT_PROMISE_DROPPED:
    case DR_FACT_RESERVATION_MADE:
    case DR_FACT_RESERVATION_DROPPED:
    case DR_FACT_JOB_PLACED:
    case DR_FACT_ATTEMPT_STARTED:
    case DR_FACT_CHECKPOINT_SEEN:
    case DR_FACT_ATTEMPT_REACH:
    case DR_FACT_ATTEMPT_STOPPING:
    case DR_FACT_ATTEMPT_ENDED:
    case DR_FACT_JOB_ENDED:
        break;
    }
    return 0;
}

/* Everybody sees the machines; a job's facts those who see the job; the rest who sees all. */
static int sees_fact(struct exchange *x, enum dr_fact_kind kind, uint64_t job)
{
    struct dr_core *core = core_of(x);
    struct dr_store_history past;
    dr_job_row row;

    if (dr_auth_sees_all(&x->who) || sees_part(kind))
        return 1;
    if (job == 0)
        return 0;
    row = dr_job_find(core, (dr_job_id){job});
    if (row.v != DR_ROW_NONE)
        return exchange_sees(x, dr_job_terms(core, &core->jobs[row.v])->user.v,
                             core->jobs[row.v].account.v);
    return dr_store_history_find(dr_controller_store(x->http->controller), job, &past) == DR_OK &&
           exchange_sees(x, past.user, past.account);
}

/* How a site's machines are reached is for those who see all: another reads these fields as empty.
 */
static struct dr_fact open_fact(const struct dr_fact *fact)
{
    struct dr_fact open = *fact;

    if (fact->kind != DR_FACT_SITE_SET)
        return open;
    open.site_set.slurm_url = NULL;
    open.site_set.slurm_key = NULL;
    open.site_set.slurm_user = NULL;
    open.site_set.slurm_conf = NULL;
    open.site_set.slurm_log_command = NULL;
    return open;
}

static struct dr_fact seen_fact(const struct exchange *x, const struct dr_fact *fact)
{
    return dr_auth_sees_all(&x->who) ? *fact : open_fact(fact);
}

/* ---- event streams ---- */

struct follower {
    uint64_t next; /* seq */
    uint64_t job;  /* 0: all */
};

static void event_text(struct dr_buffer *out, const struct dr_core *core,
                       const struct dr_fact *fact)
{
    dr_buffer_printf(out, "id: %llu\nevent: %s\ndata: ", (unsigned long long)fact->seq,
                     dr_fact_describe((uint32_t)fact->kind)->name);
    dr_fact_json(out, core, fact);
    dr_buffer_append_text(out, "\n\n");
}

struct filling {
    struct exchange *x;
    const struct follower *follower;
    struct dr_buffer *out;
    size_t length_max;
};

static int fill_from_store(void *context, const struct dr_fact *fact)
{
    struct filling *filling = context;
    uint64_t job = dr_fact_job(fact);
    size_t before = filling->out->length;
    struct dr_fact seen = seen_fact(filling->x, fact);

    if ((filling->follower->job != 0 && filling->follower->job != job) ||
        !sees_fact(filling->x, fact->kind, job))
        return 1;
    event_text(filling->out, core_of(filling->x), &seen);
    /* One that is larger than the whole buffer goes alone. */
    if (filling->out->length > filling->length_max && before > 0) {
        filling->out->length = before;
        return 0;
    }
    return 1;
}

/* From the recent ones. Returns 0 when there is no more room. */
static int fill_from_recent(struct filling *filling, struct follower *follower,
                            const struct events *events, uint64_t last)
{
    while (follower->next <= last) {
        const struct recent *recent = &events->recent[follower->next - events->first];
        int all = dr_auth_sees_all(&filling->x->who);
        uint32_t bytes = all ? recent->bytes : recent->open_bytes;

        if ((follower->job == 0 || follower->job == recent->job) &&
            sees_fact(filling->x, recent->kind, recent->job)) {
            if (filling->out->length > 0 && filling->out->length + bytes > filling->length_max)
                return 0;
            dr_buffer_append(filling->out,
                             events->text.data + (all ? recent->begin : recent->open_begin), bytes);
        }
        follower->next += 1;
    }
    return 1;
}

static int fill_events(struct exchange *x, void *stream, struct dr_buffer *out, size_t bytes_max)
{
    struct follower *follower = stream;
    struct events *events = x->http->events;
    uint64_t durable = dr_controller_durable_seq(x->http->controller);
    struct filling filling = {
        .x = x, .follower = follower, .out = out, .length_max = out->length + bytes_max};

    if (follower->next > durable)
        return 0;
    if (events->count > 0 && follower->next >= events->first) {
        uint64_t last = events->first + events->count - 1;

        fill_from_recent(&filling, follower, events, last < durable ? last : durable);
        return 0;
    }
    follower->next =
        stream_scan(x->http, follower->next, durable, SCAN_MAX, fill_from_store, &filling);
    /* More to read than one turn allows, and nothing to send for it: come back. */
    if (out->length == 0 && follower->next <= durable)
        dr_buffer_append_text(out, ": reading\n\n");
    return 0;
}

static void close_events(void *stream)
{
    (void)stream; /* in the exchange's arena */
}

static const struct stream_operations EVENTS = {.fill = fill_events, .close = close_events};

static int keep_recent(void *context, const struct dr_fact *fact)
{
    struct dr_http *http = context;
    struct events *events = http->events;
    struct recent *recent;

    if (events->count == RECENT_FACTS || events->text.length > RECENT_BYTES) {
        events->count = 0;
        dr_buffer_clear(&events->text);
    }
    if (events->count == 0)
        events->first = fact->seq;
    recent = &events->recent[events->count];
    *recent = (struct recent){
        .job = dr_fact_job(fact), .kind = fact->kind, .begin = (uint32_t)events->text.length};
    event_text(&events->text, dr_controller_core(http->controller), fact);
    recent->bytes = (uint32_t)events->text.length - recent->begin;
    recent->open_begin = recent->begin;
    recent->open_bytes = recent->bytes;
    if (fact->kind == DR_FACT_SITE_SET) {
        struct dr_fact open = open_fact(fact);

        recent->open_begin = (uint32_t)events->text.length;
        event_text(&events->text, dr_controller_core(http->controller), &open);
        recent->open_bytes = (uint32_t)events->text.length - recent->open_begin;
    }
    events->count += 1;
    return 1;
}

static void committed(void *context, uint64_t seq_first, uint64_t seq_last)
{
    struct dr_http *http = context;
    struct events *events = http->events;

    if (http->streams_count == 0) {
        events->count = 0;
        dr_buffer_clear(&events->text);
        return;
    }
    if (events->count > 0 && events->first + events->count != seq_first)
        events->count = 0;
    if (events->count == 0)
        dr_buffer_clear(&events->text);
    stream_scan(http, seq_first, seq_last, UINT32_MAX, keep_recent, http);
    for (struct exchange *x = http->active; x != NULL; x = x->next) {
        if (x->state == EXCHANGE_STREAMING)
            exchange_wake(x);
    }
}

int stream_room(struct exchange *x)
{
    const struct dr_edge_limits *limits = &x->http->limits;
    uint32_t own = 0;

    for (struct exchange *other = x->http->active; other != NULL; other = other->next)
        own += other->state == EXCHANGE_STREAMING && other->who.user.v == x->who.user.v &&
               other->who.token.v == x->who.token.v;
    if (x->http->streams_count < limits->streams && own < limits->token_streams)
        return 1;
    exchange_refuse(x, "LIMIT", "streams",
                    "found %u streams of this %s and %u in all, expected at most %u and %u", own,
                    x->who.token.v != 0 ? "token" : "user", x->http->streams_count,
                    limits->token_streams, limits->streams);
    return 0;
}

void route_events(struct exchange *x)
{
    const char *resume = exchange_header(x, "Last-Event-ID");
    int64_t from = (int64_t)dr_controller_durable_seq(x->http->controller) + 1;
    int64_t job = 0;
    struct follower *follower;

    if (!exchange_number(x, "from", 0, INT64_MAX - 1, &from) ||
        !exchange_number(x, "job", 1, INT64_MAX, &job))
        return;
    if (resume != NULL) {
        if (!dr_parse_i64(resume, 0, INT64_MAX - 1, &from)) {
            exchange_refuse(x, "INVALID", "Last-Event-ID", "expected a sequence number");
            return;
        }
        from += 1;
    }
    if (job != 0 && ((uint64_t)job > core_of(x)->job_id_last ||
                     !sees_fact(x, DR_FACT_JOB_ACCEPTED, (uint64_t)job))) {
        exchange_refuse(x, "UNKNOWN", "job", "there is no job %lld", (long long)job);
        return;
    }
    if (!stream_room(x))
        return;
    follower = exchange_push(x, 1, sizeof *follower);
    follower->next = from == 0 ? 1 : (uint64_t)from;
    follower->job = (uint64_t)job;
    /* The first bytes go out at once: the client sees that it is heard. */
    dr_buffer_append_text(&x->out, ": daero\n\n");
    exchange_stream(x, "text/event-stream", &EVENTS, follower);
}

/* ---- lists of facts ---- */

struct listing {
    struct exchange *x;
    uint32_t count;
    uint32_t limit;
};

static int list_fact(void *context, const struct dr_fact *fact)
{
    struct listing *listing = context;

    if (listing->count == listing->limit)
        return 0;
    if (sees_fact(listing->x, fact->kind, dr_fact_job(fact))) {
        struct dr_fact seen = seen_fact(listing->x, fact);

        dr_fact_json(&listing->x->out, core_of(listing->x), &seen);
        listing->count += 1;
    }
    return 1;
}

void route_facts(struct exchange *x)
{
    struct listing listing = {.x = x};
    int64_t from = 1;
    int64_t limit = LIST_DEFAULT;
    uint64_t next;

    if (!exchange_number(x, "from", 0, INT64_MAX, &from) ||
        !exchange_number(x, "limit", 1, LIST_MAX, &limit))
        return;
    listing.limit = (uint32_t)limit;
    dr_put_begin(&x->out, NULL, '{');
    dr_put_begin(&x->out, "facts", '[');
    next = stream_scan(x->http, (uint64_t)from, dr_controller_durable_seq(x->http->controller),
                       SCAN_MAX, list_fact, &listing);
    dr_put_end(&x->out, ']');
    dr_put_u64(&x->out, "next", next);
    dr_put_end(&x->out, '}');
    exchange_answer(x, 200);
}

/* ---- for http.c ---- */

void stream_open(struct dr_http *http)
{
    http->events = calloc(1, sizeof *http->events);
    DR_ASSERT(http->events != NULL);
    DR_ASSERT(dr_arena_init(&http->events->arena, ARENA_BYTES) == DR_OK);
    dr_buffer_init(&http->events->text, 4 * RECENT_BYTES);
    dr_controller_watch(http->controller, committed, http);
}

void stream_close(struct dr_http *http)
{
    if (http->events == NULL)
        return;
    dr_controller_watch(http->controller, NULL, NULL);
    dr_arena_deinit(&http->events->arena);
    dr_buffer_deinit(&http->events->text);
    free(http->events);
    http->events = NULL;
}
