/* SPDX-License-Identifier: Apache-2.0 */
/* slurm_internal.h: what the files of the Slurm engine share. Nobody else includes it.
 *
 * slurm.c opens, closes and turns the wheel; slurm_rows.c is the table of attempts;
 * slurm_document.c writes what is submitted; slurm_launch.c submits it once, and slurm_sent.c keeps
 * that for the next controller; slurm_fence.c judges what is not there any more; slurm_stop.c warns
 * and ends; slurm_poll.c looks at the site's jobs, slurm_ask.c at one alone, and slurm_nodes.c at
 * its nodes; slurm_scontrol.c runs scontrol. */
#ifndef DR_ENGINE_SLURM_INTERNAL_H
#define DR_ENGINE_SLURM_INTERNAL_H

#include <jansson.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/events.h"
#include "base/map.h"
#include "engine/slurm.h"
#include "engine/slurm_ends.h"
#include "engine/slurm_http.h"
#include "engine/slurm_likely.h"
#include "engine/slurm_token.h"

#define ROW_NONE        UINT32_MAX
#define API             "/slurm/v0.0.38/"
#define MARK_BYTES      (2 * DR_NAME_BYTES + 80)
#define SENT_PATH_BYTES 4096
#define SUBMITS_MAX     6 /* under way at a time */
#define ORDERS_MAX      6 /* signals and kills, likewise */
#define SURE_MARGIN_S   3 /* between the end of a token and a look that proves its request void */

enum row_state {
    ROW_FREE,
    ROW_REFUSED, /* a tombstone: told to stop before it was submitted */
    ROW_WANTED,  /* not submitted, as is known for certain */
    ROW_SENT,    /* the submission is under way */
    ROW_UNSURE,  /* whether the site has it is not known */
    ROW_GONE,    /* the site does not have it; whether it runs on there is not known */
    ROW_PENDING, /* the site has it */
    ROW_RUNNING,
    ROW_ENDED,     /* and reported */
    ROW_FORGOTTEN, /* the caller knows; the site still remembers */
};

struct row {
    dr_job_id job;
    uint32_t attempt;
    uint32_t next;        /* another attempt of the job; of a free row: the next free one */
    uint32_t next_wanted; /* in the line of those to submit */
    uint32_t slurm_id;    /* 0: not known */
    uint32_t lost_id;     /* GONE: the number that it had, which may be another job's by now; 0: not
                             known */
    int64_t submit_s;     /* as the site has it; with slurm_id it names the job; 0: not known */
    uint64_t seen;        /* number of the last complete look that showed it */
    uint64_t kept; /* looks from this number on have to show it; GONE: tell who has its number */
    uint64_t state_hash; /* of the job_state that was last acted on */
    uint64_t shut;       /* pending though a node of it takes nothing new: a look from this number
                            on decides; 0: not so */
    int64_t sure_s;      /* UNSURE: a look begun at this time of the site's clock decides */
    int64_t sent_s;     /* the end of the token of its last submission, by the site's clock; 0: none
                           by this engine */
    int64_t since_us;   /* clock: the earliest moment at which the site may have got it */
    int64_t gone_us;    /* GONE, monotonic: since when */
    int64_t work_us;    /* GONE, monotonic: all its nodes were at work then; 0: not yet */
    int64_t spared_us;  /* GONE, monotonic: for who has its number it may be spared until then */
    int64_t clear_us;   /* GONE, monotonic: what remained is dead from then on; 0: a node is away */
    int64_t begun_us;   /* monotonic: its start; 0: not begun */
    int64_t started_us; /* our clock */
    int64_t state_us;   /* monotonic: when `state` was set last */
    int64_t heard_us;   /* monotonic: so the site said last */
    int64_t kill_us;    /* monotonic; DR_FOREVER_US: never */
    int64_t again_us;   /* monotonic: the next order to the site not before */
    int64_t limit_us, warn_before_us, grace_us;
    uint32_t warn_signal, stop_signal;
    uint32_t restarts;
    uint32_t site_limit_min; /* Slurm's time limit, as it was seen or set last; 0: not known */
    uint8_t state;           /* enum row_state */
    uint8_t ordered;         /* launch() gave it: limit and user are known */
    uint8_t told;            /* stop() */
    uint8_t signal;          /* 1: a signal has to be delivered, stop_signal */
    uint8_t limit;           /* LIMIT_* */
    uint8_t warned;          /* of its limit */
    uint8_t warn_to;         /* enum dr_warn_to: whom warn_signal reaches */
    uint8_t scancel;         /* a signal waits for scancel, which can say whom it reaches */
    uint8_t ordering;        /* a signal or kill is under way */
    uint8_t in_line;         /* of those to submit */
    uint8_t doubled;         /* a second job with its mark was seen, and said */
    uint8_t tries;           /* refusals that may pass */
    uint8_t handing;         /* the end of its grace has to be handed to Slurm */
    uint8_t withdrawn;       /* ended because it waits for a node that takes nothing new */
    uint8_t kept_waiting;    /* that the site's own rules keep it was said */
    uint8_t unseen;          /* GONE, and said so */
    uint8_t taken;           /* GONE: who has its number: TAKEN_* */
    uint8_t back;            /* the site has gone back to before it began, and would run it again */
    uint8_t waits;           /* so the last look says */
    char *user;
    char *nodes; /* names that the core gave it, each closed by 0, and a 0; NULL: not known */
    char *hosts; /* count placement: the nodes that it runs on, as Slurm writes them; NULL: not
                    known */
    char *body;  /* to submit; NULL once it is known that the site has it */
    size_t body_bytes;
    struct dr_report *end; /* once ENDED */
};

enum exchange_kind {
    EXCHANGE_CLOCK,
    EXCHANGE_JOBS,
    EXCHANGE_NODES,
    EXCHANGE_SUBMIT,
    EXCHANGE_ORDER,
    EXCHANGE_LIMIT,
    EXCHANGE_ASK
};

/* A submission, as the file of them has it, and once more when its number is known. */
struct sent {
    uint64_t job;
    uint32_t attempt;
    uint32_t number; /* of the job that it became at the site; 0: not known */
    int64_t end_s;   /* of its token, by the site's clock */
};

/* One kind of look at the site. */
struct look {
    int64_t due_us;  /* monotonic */
    int64_t since_s; /* what has changed since then, by the site's clock; 0: everything */
    int64_t took_us; /* of the last one that had a body */
    int64_t own_us;  /* jobs: the same, but for what a busy machine added */
    uint32_t quiet;  /* looks in a row in which nothing had changed */
    uint8_t under_way;
    uint8_t again; /* as soon as the one under way is over */
};

/* Rounds in which attempts are asked for one by one. */
#define ROUND_MAX 16
struct asks {
    int64_t due_us; /* monotonic: the next round not before */
    int64_t one_us; /* what one takes, a running mean */
    uint32_t rows[ROUND_MAX];
    uint32_t count;    /* of them in this round; 0: between rounds */
    uint32_t next;     /* the one that comes next */
    uint32_t vain;     /* of its answers, no news */
    uint32_t in_a_row; /* of those, since the last that was */
    uint32_t under_way;
    uint32_t quiet; /* rounds in a row in which nothing had changed */
    int changed;    /* something has, in this one */
};

/* A node that the federation declares. */
struct declared {
    char name[DR_NAME_BYTES + 12];
    char partition[DR_NAME_BYTES];
    char gres[DR_NAME_BYTES];
    uint32_t accelerators;
    int64_t cpus_milli;
    int64_t memory_mb;
    uint64_t seen_hash; /* of what the site said; 0: it has not said anything */
    uint64_t told_hash; /* of the report that was given last */
    uint8_t here;       /* in the look under way, then in the last one */
    uint8_t down, drained;
    uint8_t shut;   /* down or drained there: nothing starts on it before it is resumed */
    uint8_t wanted; /* an order for scontrol waits: DRAIN_* */
    uint8_t slot;   /* count placement: taken out of use for others' jobs */
    char text[200];
    char reason[160]; /* of the order */
};

enum {
    LIMIT_AHEAD,
    LIMIT_OVER,   /* it is ended for that */
    LIMIT_PASSED, /* it was told to leave before */
};

enum { DRAIN_NONE, DRAIN_ON, DRAIN_OFF };

enum {
    TAKEN_NOT,  /* by nobody, or by a job that waits */
    TAKEN_RUNS, /* by one that was seen running */
    TAKEN_DONE, /* it has ended, or it does not matter any more */
};

/* scontrol and scancel, one at a time. */
struct scontrol {
    pid_t pid;     /* 0: none */
    int fd;        /* its output */
    dr_job_id job; /* of a signal by scancel; 0: it is scontrol */
    uint32_t attempt;
    uint32_t waiting;              /* 0: no row has `scancel` set */
    char node[DR_NAME_BYTES + 12]; /* "": the configuration is asked for */
    uint8_t wanted;
    int64_t until_us, due_us; /* monotonic: killed then; not before */
    uint32_t failures;
    uint8_t config_known;
    struct dr_buffer output;
};

struct slurm {
    struct dr_engine engine;         /* first */
    struct dr_slurm_options options; /* the strings are ours */
    struct dr_slurm_key key;
    struct dr_slurm_http http;
    char description[400];
    char prefix[MARK_BYTES]; /* of the marks: "daero:FEDERATION:SITE:" */
    int epoll_fd, timer_fd;
    int64_t life_s; /* of a submission's token */
    int reopened;   /* an earlier engine of this process may have left requests on their way */

    /* what was sent, for the next controller */
    int sent_fd;       /* -1: it is not kept */
    int sent_known;    /* the file was there when this engine was opened */
    struct sent *sent; /* [sent_count], what it had then, sorted */
    uint32_t sent_count;
    uint32_t sent_lines;                 /* that it has now */
    int64_t sent_since_us, sent_until_s; /* as its head says */

    /* the site */
    int complete;      /* it has been looked at once */
    int answers;       /* as told last; -1: nothing was */
    uint32_t failures; /* in a row */
    int64_t failed_us; /* monotonic: the last one */
    int64_t heard_us, lag_us;
    char error[200];
    int clock_known;
    int64_t ahead_us;      /* its clock before ours */
    int64_t first_clock_s; /* what it showed first */
    int64_t
        proof_s; /* the jobs' look under way began after its clock showed this; 0: proves nothing */
    struct look clock, jobs, nodes;
    struct asks asks;
    struct dr_slurm_runs runs; /* the last that ended */
    int64_t began_us;          /* monotonic: when what is being read was asked for */
    uint64_t look_number;      /* complete looks at jobs begun */
    uint64_t look_under_way;
    uint64_t look_whole, whole_from; /* the last list of all jobs; looks from then on ask for one */
    int64_t look_began_us;          /* monotonic: the last look that told something; 0: it failed */
    uint32_t lost_first, lost_last; /* numbers of rows that are GONE lie in between */
    uint32_t foreign, foreign_next;
    int64_t min_job_age_s;
    int64_t launch_s; /* for so long a node of the site may be at a launch */
    uint32_t shut;    /* rows with `shut` */

    /* attempts */
    struct dr_arena arena;
    struct dr_map by_job, by_id;
    struct row *rows;
    uint32_t rows_used, rows_max, rows_free;
    uint32_t wanted_first, wanted_last;
    uint32_t submits, orders; /* under way */
    uint32_t active;          /* rows that want something to happen */
    uint32_t unsure;
    uint32_t gone;
    struct dr_events events;

    /* nodes */
    struct declared *declared; /* by name */
    uint32_t declared_count;
    int nodes_known;
    uint32_t extra_told; /* nodes that are not declared, as last said */
    uint32_t usable, present;
    char *busy; /* count placement: nodes on which others' jobs run, a line each; NULL: not known */
    struct dr_buffer busy_next; /* of the look under way */
    struct dr_buffer at_work; /* while a row is GONE: the nodes that slurmctld has heard of since it
                                 started, and hears, a line each */
    char away[DR_NAME_BYTES + 12]; /* one that is none of these; "": all are */
    struct scontrol scontrol;

    struct dr_report *reports;
    uint32_t reports_first, reports_count, reports_max;
};

/* ---- slurm.c ---- */

int64_t slurm_site_s(const struct slurm *slurm); /* the site's clock, as far as is known */
int64_t slurm_our_us(const struct slurm *slurm, int64_t site_s);
struct dr_report *slurm_report(struct slurm *slurm, enum dr_report_kind kind, dr_job_id job,
                               uint32_t attempt); /* a new one, zeroed, time_us now */
void slurm_warn(struct slurm *slurm, dr_job_id job, uint32_t attempt, const char *format, ...)
    DR_PRINTF(4, 5);
void slurm_failed(struct slurm *slurm, const char *format, ...) DR_PRINTF(2, 3);
void slurm_heard(struct slurm *slurm, const struct dr_slurm_exchange *exchange);
void slurm_at(struct slurm *slurm, const struct row *row, int64_t monotonic_us);
void slurm_turn(struct slurm *slurm); /* everything that is due, then the timer */
/* A request with a token; NULL: too many are under way. */
struct dr_slurm_exchange *slurm_request(struct slurm *slurm, enum exchange_kind kind);
void slurm_send(struct slurm *slurm, struct dr_slurm_exchange *exchange, const char *method,
                const char *path, const char *user, int64_t end_s, char *body, size_t body_bytes);

/* ---- slurm_rows.c ---- */

enum dr_status slurm_rows_open(struct slurm *slurm);
void slurm_rows_close(struct slurm *slurm);
struct row *slurm_find(struct slurm *slurm, dr_job_id job, uint32_t attempt);
struct row *slurm_find_id(struct slurm *slurm, uint32_t slurm_id);
struct row *slurm_add(struct slurm *slurm, dr_job_id job, uint32_t attempt);
void slurm_remove(struct slurm *slurm, struct row *row);
void slurm_set_id(struct slurm *slurm, struct row *row, uint32_t slurm_id); /* 0: none any more */
void slurm_set_state(struct slurm *slurm, struct row *row, enum row_state state);

/* ---- slurm_document.c ---- */

enum dr_status slurm_document(const struct slurm *slurm, const struct dr_launch *launch,
                              char **body, size_t *body_bytes, struct dr_error *error);
/* "daero:FEDERATION:SITE:JOB:ATTEMPT:EPOCH" */
const char *slurm_mark(const struct slurm *slurm, dr_job_id job, uint32_t attempt, uint64_t epoch,
                       char mark[MARK_BYTES]);
/* The reverse; 0: not a mark of this federation and site. */
int slurm_mark_parse(const struct slurm *slurm, const char *text, size_t bytes, dr_job_id *job,
                     uint32_t *attempt);

/* ---- slurm_launch.c ---- */

enum dr_status slurm_launch(struct dr_engine *engine, const struct dr_launch *launch,
                            struct dr_error *error);
void slurm_submit_more(struct slurm *slurm);
void slurm_submitted(struct slurm *slurm, struct dr_slurm_exchange *exchange);
/* Another engine, or this one, may have sent it: it waits until that is known. Placed then by the
 * state's clock. */
void slurm_maybe_sent(struct slurm *slurm, struct row *row, int64_t decided_us);
void slurm_keep_nodes(struct row *row, const struct dr_launch_node *nodes, uint32_t count);
/* Nothing of what was sent for it can come to anything: it is sent again. */
void slurm_void(struct slurm *slurm, struct row *row);
/* A complete look that began when the site's clock showed `proof_s` did not show the row. */
void slurm_not_there(struct slurm *slurm, struct row *row, int64_t proof_s);
void slurm_tell_started(struct slurm *slurm, struct row *row);
/* Give the end again. */
void slurm_tell_ended(struct slurm *slurm, struct row *row);
/* It is over; `end` is copied. */
void slurm_end(struct slurm *slurm, struct row *row, const struct dr_report *end);
/* The error of an answer in words; its number or 0. */
int64_t slurm_error_of(json_t *answer, char *text, size_t bytes);

/* It is not there, and nothing of it runs; STOPPED where it was told to leave. */
void slurm_end_with(struct slurm *slurm, struct row *row, enum dr_outcome outcome,
                    const char *text);

/* ---- slurm_sent.c ---- */

void slurm_sent_open(struct slurm *slurm);
void slurm_sent_begin(struct slurm *slurm); /* the site's clock is known: a new file, if need be */
void slurm_sent_close(struct slurm *slurm);
/* Keep that a submission whose token ends then is about to leave; 0: it must not leave. */
int slurm_sent_note(struct slurm *slurm, struct row *row, int64_t end_s);
/* Keep the number that it has become at the site. */
void slurm_sent_became(struct slurm *slurm, const struct row *row);
/* The number that a controller before this one kept of an attempt; 0: none. */
uint32_t slurm_sent_number(const struct slurm *slurm, uint64_t job, uint32_t attempt);
/* From when on, by the site's clock, what controllers before this one may have sent for an attempt
 * is void if it has not arrived. 0: they sent nothing. INT64_MAX: not known before that clock is.
 */
int64_t slurm_sent_sure_s(const struct slurm *slurm, uint64_t job, uint32_t attempt,
                          int64_t decided_us);

/* ---- slurm_fence.c ---- */

/* A complete list does not have it, though it was there or may have been. */
void slurm_gone(struct slurm *slurm, struct row *row);
void slurm_came_back(struct slurm *slurm, struct row *row);
/* The site has gone back to before it began: it would run a second time, and is cancelled. */
void slurm_gone_back(struct slurm *slurm, struct row *row);
/* A list of jobs begins; it has this number, of a job of `own` or of none of ours. */
void slurm_numbers_begin(struct slurm *slurm);
void slurm_number_seen(struct slurm *slurm, uint32_t number, enum dr_slurm_phase phase,
                       const struct row *own);
/* Say again that it is out of sight, if it is. */
void slurm_tell_unseen(struct slurm *slurm, struct row *row);
/* A list of nodes begins, has a node, is complete (or unchanged: judge alone). */
void slurm_fence_begin(struct slurm *slurm);
void slurm_fence_node(struct slurm *slurm, const char *name, int at_work);
void slurm_fence_judge(struct slurm *slurm, int64_t began_us);
void slurm_expect(struct dr_engine *engine, const struct dr_engine_expected *expected);

/* ---- slurm_stop.c ---- */

enum dr_status slurm_stop(struct dr_engine *engine, dr_job_id job, uint32_t attempt,
                          uint32_t signal, int64_t grace_us);
/* Does what the row's times ask for at this instant. */
void slurm_advance(struct slurm *slurm, struct row *row);
void slurm_order_answered(struct slurm *slurm, struct dr_slurm_exchange *exchange);
void slurm_limit_answered(struct slurm *slurm, struct dr_slurm_exchange *exchange);
/* End a job of ours that no row stands for. */
void slurm_cancel(struct slurm *slurm, uint32_t slurm_id);

/* ---- slurm_poll.c ---- */

void slurm_look(struct slurm *slurm, int64_t now_us);
void slurm_look_soon(struct slurm *slurm);
void slurm_look_answered(struct slurm *slurm, struct dr_slurm_exchange *exchange);
int64_t slurm_look_due(const struct slurm *slurm);
/* How long after an answer that took so long the next may be asked for, when the last `quiet` ones
 * had nothing new. */
int64_t slurm_pace_us(const struct slurm *slurm, int64_t took_us, uint32_t quiet);
/* The answer to a question for one attempt; 1: its state is another than it was. */
int slurm_take_one(struct slurm *slurm, const struct row *row, const struct dr_buffer *answer);

/* ---- slurm_ask.c ---- */

void slurm_ask_open(struct slurm *slurm);
void slurm_ask_step(struct slurm *slurm, int64_t now_us);
void slurm_ask_soon(struct slurm *slurm, int64_t now_us);
void slurm_ask_answered(struct slurm *slurm, struct dr_slurm_exchange *exchange);
int64_t slurm_ask_due(const struct slurm *slurm);

/* ---- slurm_nodes.c ---- */

void slurm_declare(struct dr_engine *engine, const struct dr_engine_node *nodes, uint32_t count);
enum dr_status slurm_drain(struct dr_engine *engine, const char *node, uint32_t drained,
                           const char *reason);
/* 0: it is not such an answer. */
int slurm_nodes_take(struct slurm *slurm, struct dr_slurm_exchange *exchange);
struct declared *slurm_declared(struct slurm *slurm, const char *name);
/* A look at the nodes is over, changed or not; a look at the jobs is taken in: what was pending
 * before the nodes were looked at, still is, and waits for a node that takes nothing new is ended
 * at its site. */
void slurm_nodes_looked(struct slurm *slurm);
void slurm_withdraw(struct slurm *slurm);
/* Count placement: the jobs' look begins, shows a node that others use, is complete. */
void slurm_others_begin(struct slurm *slurm);
void slurm_others_use(struct slurm *slurm, const char *nodes, size_t bytes);
void slurm_others_end(struct slurm *slurm);

/* ---- slurm_scontrol.c ---- */

void slurm_scontrol_step(struct slurm *slurm, int64_t now_us);
void slurm_scontrol_ready(struct slurm *slurm);
void slurm_scontrol_close(struct slurm *slurm);
int64_t slurm_scontrol_due(const struct slurm *slurm);
/* Have the row's stop_signal delivered to whom its warning is meant for. */
void slurm_scancel(struct slurm *slurm, struct row *row);

#endif
