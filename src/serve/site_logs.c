/* SPDX-License-Identifier: Apache-2.0 */
/* site_logs.c: what jobs wrote at a site, by the site's own command (log_command.h): one answer, or
 * a stream while the job is live, for which the command is run again and again from where it
 * ended. One that itself follows the file is as good: its time is up now and then. */
#include "base/math.h"
#include "serve/exchange.h"
#include "serve/log_command.h"
#include "serve/stream.h"

#define ANSWER_MAX (8u << 20) /* of a file, in one answer that does not follow */
#define AGAIN_US   DR_SECOND_US
#define AGAIN_MAX  4 /* doublings of that, while nothing new comes */
#define FAILURES_MAX \
    3 /* in a row, when the command has printed nothing yet, or the job has ended */

static void refuse(struct exchange *x, const struct log_command_asked *asked, const char *why)
{
    exchange_refuse(x, "ELSEWHERE", "file",
                    "job %llu wrote at site %s to %.200s, and the site's log_command did not print "
                    "it: %s",
                    (unsigned long long)asked->job, asked->site, asked->path, why);
}

/* ---- one answer ---- */

struct sending {
    struct exchange *x;
    struct log_command_asked asked;
    struct log_command *run;
};

static void finish(struct sending *sending, const struct log_command_end *end)
{
    struct exchange *x = sending->x;
    char number[24];

    log_command_close(sending->run);
    sending->run = NULL;
    x->dropped = NULL;
    /* What came before it failed is good, and the next question hears of the failure. */
    if (x->out.length == 0 && !end->well) {
        refuse(x, &sending->asked, end->text);
    } else {
        snprintf(number, sizeof number, "%lld",
                 (long long)sending->asked.offset + (long long)x->out.length);
        exchange_header_add(x, "X-Daero-Offset", number);
        exchange_answer_as(x, 200, "text/plain; charset=utf-8");
    }
    exchange_resume(x);
}

static void sending_news(void *context)
{
    struct sending *sending = context;
    struct log_command_end end = {.well = 1};

    log_command_take(sending->run, &sending->x->out, ANSWER_MAX - sending->x->out.length);
    if (sending->x->out.length == ANSWER_MAX || log_command_over(sending->run, &end))
        finish(sending, &end);
}

/* Nobody waits for the answer any more. */
static void sending_dropped(struct exchange *x)
{
    struct sending *sending = x->waiting;
    struct log_command_end end = {.text = "nobody waits for it any more"};

    dr_buffer_clear(&x->out);
    finish(sending, &end);
}

void site_logs_send(struct exchange *x, const struct log_command_asked *asked)
{
    struct sending *sending = exchange_push(x, 1, sizeof *sending);
    char text[400];
    int busy;

    sending->x = x;
    sending->asked = *asked;
    sending->run = log_command_begin(x, asked, sending_news, sending, &busy, text, sizeof text);
    if (sending->run == NULL) {
        if (busy)
            exchange_refuse(x, "LIMIT", "log_commands", "%s", text);
        else
            refuse(x, asked, text);
        return;
    }
    x->waiting = sending;
    x->dropped = sending_dropped;
    exchange_wait(x);
}

/* ---- following ---- */

struct following {
    struct exchange *x;
    struct log_command_asked asked; /* its offset goes on */
    struct log_command *run;
    int64_t again_us;  /* monotonic: it is not run again before */
    size_t got;        /* bytes of this run */
    uint32_t quiet;    /* runs in a row that printed nothing, */
    uint32_t failures; /* and of them those that failed */
    uint8_t printed;   /* it has printed something */
    uint8_t last;      /* the job had ended before this run began */
};

static void following_news(void *context)
{
    exchange_wake(((struct following *)context)->x);
}

/* Has an attempt of it begun to run at all, and is it over? */
static int look_at_job(struct following *following, int *ended)
{
    struct dr_core *core = core_of(following->x);
    dr_job_row row = dr_job_find(core, (dr_job_id){following->asked.job});

    *ended = row.v == DR_ROW_NONE || dr_job_state_ended((enum dr_job_state)core->jobs[row.v].state);
    return *ended || dr_job_run(core, &core->jobs[row.v])->first_start_us != 0;
}

/* A run is over. Returns 1 when it was the last. */
static int run_over(struct following *following, const struct log_command_end *end, int ended)
{
    int done;

    log_command_close(following->run);
    following->run = NULL;
    following->quiet = following->got > 0 ? 0 : following->quiet + 1;
    following->failures = end->well ? 0 : following->failures + 1;
    following->again_us = dr_controller_monotonic_us(following->x->http->controller) +
                          (AGAIN_US << dr_min_u32(following->quiet, AGAIN_MAX));
    done = end->well ? following->last && !end->late
                     : following->failures >= FAILURES_MAX && (ended || !following->printed);
    /* What came while the job ended is followed by one more look at once. */
    if (ended && (end->well || following->failures < FAILURES_MAX) && !following->last)
        following->again_us = 0;
    return done;
}

static int fill_following(struct exchange *x, void *stream, struct dr_buffer *out, size_t bytes_max)
{
    struct following *following = stream;
    struct log_command_end end;
    char text[400];
    int busy;
    int ended;
    int begun = look_at_job(following, &ended);

    if (following->run != NULL) {
        size_t taken = log_command_take(following->run, out, bytes_max);

        following->got += taken;
        following->asked.offset += (int64_t)taken;
        following->printed |= taken > 0;
        if (!log_command_over(following->run, &end))
            return 0;
        if (run_over(following, &end, ended))
            return 1;
    }
    if (!begun || following->again_us > dr_controller_monotonic_us(x->http->controller))
        return 0;
    following->got = 0;
    following->last = (uint8_t)ended;
    following->run = log_command_begin(x, &following->asked, following_news, following, &busy, text,
                                       sizeof text);
    if (following->run == NULL)
        following->again_us = dr_controller_monotonic_us(x->http->controller) + AGAIN_US;
    return following->run == NULL && !busy;
}

static void close_following(void *stream)
{
    log_command_close(((struct following *)stream)->run);
}

static const struct stream_operations FOLLOWING = {
    .fill = fill_following, .close = close_following, .polls = 1};

static struct following *follow(struct exchange *x, const struct log_command_asked *asked)
{
    struct following *following = exchange_push(x, 1, sizeof *following);

    *following = (struct following){.x = x, .asked = *asked};
    return following;
}

void site_logs_follow(struct exchange *x, const struct log_command_asked *asked)
{
    if (stream_room(x))
        exchange_stream(x, "text/plain; charset=utf-8", &FOLLOWING, follow(x, asked));
}

void site_logs_go_on(struct exchange *x, const struct log_command_asked *asked)
{
    x->stream_operations = &FOLLOWING;
    x->stream = follow(x, asked);
}
