/* SPDX-License-Identifier: Apache-2.0 */
/* local_internal.h: what the files of the local engine share. Nobody else includes it.
 *
 * local.c opens and closes; local_attempts.c is the table; local_orders.c writes what is to be done
 * into the attempts' files; local_launcher.c has it done; local_reports.c reads what became of it.
 */
#ifndef DR_ENGINE_LOCAL_INTERNAL_H
#define DR_ENGINE_LOCAL_INTERNAL_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/map.h"
#include "engine/attempt.h"
#include "engine/launcher.h"
#include "engine/local.h"

#define PATH_BYTES 4096
#define ROW_NONE   UINT32_MAX

#define ROW_NONE UINT32_MAX

enum attempt_state {
    ATTEMPT_FREE,
    ATTEMPT_REFUSED, /* a tombstone */
    ATTEMPT_ORDERED, /* no shim has taken it yet */
    ATTEMPT_RUNNING, /* a shim has */
    ATTEMPT_ENDED,   /* its end is in the file */
};

struct attempt {
    dr_job_id job;
    uint32_t attempt;
    uint32_t next;      /* another attempt of the same job, or ROW_NONE */
    uint64_t offset;    /* of its file: read up to here */
    int64_t ordered_us; /* monotonic: when the launcher was last asked */
    int64_t saved_us;   /* the marker's time that was last reported; 0: none */
    int64_t left_us; /* the marker's time when it was launched: an earlier attempt's; 0: unknown */
    int64_t started_us; /* by the clock; 0: not yet */
    int64_t look_us;    /* monotonic: look at the marker again then; 0: when inotify says so */
    int64_t kill_us;    /* monotonic: a shim that should have ended is killed then; 0: never */
    int32_t pid;        /* of the shim */
    int pidfd;          /* -1: none */
    int watch;          /* inotify's, on the checkpoint directory; -1: none */
    uint32_t uid;
    uint8_t state; /* enum attempt_state */
    uint8_t ready; /* on the list */
    uint8_t lost;  /* its shim is gone: unless its end turns up, sweep */
    uint8_t swept; /* the launcher has been asked to */
};

struct local {
    struct dr_engine engine; /* first */
    char data[PATH_BYTES];
    char shim[PATH_BYTES];
    char description[1100];
    struct dr_local_options options;
    uint64_t boot;
    uint64_t first_epoch; /* of this boot: earlier ones decided before the machine went down */
    int attempts_fd, checkpoints_fd, proc_fd;
    int epoll_fd, files_fd, saved_fd, timer_fd, socket_fd;
    pid_t launcher;
    int64_t launcher_us; /* monotonic: when it was started */

    struct dr_arena arena;
    struct dr_map jobs;    /* job id to its first row */
    struct dr_map watches; /* inotify's watch + 1 to row */
    struct attempt *rows;
    uint32_t rows_max, rows_used, rows_free; /* rows_free: list by `next` */
    uint32_t *ready;                         /* ring of rows to look at */
    uint32_t ready_first, ready_count;
    uint32_t looks; /* attempts with look_us */
    char warning[200];
};

/* What an epoll event is about: a row's pidfd, or one of these. */
enum source { SOURCE_FILES = UINT32_MAX - 8, SOURCE_SAVED, SOURCE_TIMER, SOURCE_LAUNCHER };

/* ---- local_attempts.c ---- */

/* NULL: there is none. */
struct attempt *dr_local_find(struct local *local, dr_job_id job, uint32_t attempt);
uint32_t dr_local_row_of(const struct local *local, const struct attempt *attempt);
/* NULL: the table is full. */
struct attempt *dr_local_add(struct local *local, dr_job_id job, uint32_t attempt);
void dr_local_remove_row(struct local *local, struct attempt *attempt);
/* Put it on the list of those that dr_local_poll() looks at. */
void dr_local_make_ready(struct local *local, struct attempt *attempt);
void dr_local_drop_watch(struct local *local, struct attempt *attempt);
void dr_local_drop_pidfd(struct local *local, struct attempt *attempt);
int dr_local_open_file(const struct local *local, const struct attempt *attempt, int flags);

/* ---- local_launcher.c ---- */

/* Start it; its HELLO comes later, on the socket. */
enum dr_status dr_local_start_launcher(struct local *local);
enum dr_status dr_local_wait_for_hello(struct local *local, struct dr_error *error);
void dr_local_stop_launcher(struct local *local);
/* Its socket is readable. */
void dr_local_hear_launcher(struct local *local);
void dr_local_ask(struct local *local, struct attempt *attempt, enum dr_launcher_request_kind kind);
/* Everything that it was told at least `silent_us` ago and may not have done. */
void dr_local_ask_again(struct local *local, int64_t silent_us);

/* ---- local_reports.c ---- */

/* `source`: enum source, or a row, whose pidfd it is. */
void dr_local_watch_fd(struct local *local, int fd, uint64_t source);
/* dr_local_poll() has something to do then, unless an event comes first. */
void dr_local_set_timer(struct local *local, int64_t wait_us);
/* When the job last said that it saved its work; 0: never. */
int64_t dr_local_saved_time_us(const struct local *local, dr_job_id job);
/* A shim has taken the attempt: watch its life. */
void dr_local_take_shim(struct local *local, struct attempt *attempt,
                        const struct dr_record_shim *shim);
uint32_t dr_local_poll(struct dr_engine *engine, struct dr_report *reports, uint32_t reports_max);

/* ---- local_orders.c ---- */

/* As struct dr_engine_operations says. */
enum dr_status dr_local_launch(struct dr_engine *engine, const struct dr_launch *launch,
                               struct dr_error *error);
enum dr_status dr_local_stop(struct dr_engine *engine, dr_job_id job, uint32_t number,
                             uint32_t signal_number, int64_t grace_us);
enum dr_status dr_local_forget(struct dr_engine *engine, dr_job_id job, uint32_t number);
enum dr_status dr_local_list(struct dr_engine *engine,
                             void (*each)(void *context, const struct dr_engine_attempt *attempt),
                             void *context);

#endif
