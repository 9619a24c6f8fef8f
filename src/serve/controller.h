/* SPDX-License-Identifier: Apache-2.0 */
/* controller.h: the live loop around the core.
 *
 * One thread. A turn of the loop: take what the HTTP side and the engines have gathered, admit
 * each, decide, append the batch of facts in ONE transaction, then answer clients and release
 * effects. No effect and no answer leaves before its facts are durable; if the append fails the
 * process stops, and start-up is recovery.
 *
 * serve/http.c turns requests into struct dr_request and hands them to dr_controller_ask(); it
 * reads the state through dr_controller_core(). serve/controller.c is the loop; serve/recover.c the
 * start. */
#ifndef DR_SERVE_CONTROLLER_H
#define DR_SERVE_CONTROLLER_H

#include <stdio.h>

#include "core/core.h"
#include "engine/engine.h"
#include "serve/limits.h"
#include "store/store.h"

#define DR_PROGRAM "daero-0-1" /* as LEADER_TOOK says it */
#define DR_VERSION "0.1"       /* as people read it */

struct dr_controller;

struct dr_error_list;
struct dr_site;

struct dr_controller_options {
    const char *directory; /* data directory: facts.db, attempts/, checkpoints/, daero.sock, ... */
    const char *shim;      /* path of the shim; NULL: beside this program */
    const char *tcp;       /* "127.0.0.1:8787"; NULL: no TCP */
    const char *socket;    /* unix socket; NULL: DIRECTORY/daero.sock */
    const char
        *socket_for_all;     /* one more, where all users look for it, by dr_serve(); NULL: none */
    struct dr_limits limits; /* jobs_max 0: DR_LIMITS_DEFAULT */
    int64_t tick_us;         /* between ticks; 0: a minute */
    uint32_t snapshot_facts; /* a snapshot after so many facts; 0: 100,000 */
    int64_t snapshot_us;     /* and when so old, where there is anything new; 0: 10 minutes */
    int64_t head_us; /* between signed heads of the chain, the first at the start; 0: a minute */
    struct dr_edge_limits limits_edge; /* of clients; what is 0 gets its default */
    /* Gets every mistake of the federation file, where the error has the first; NULL: not wanted.
     */
    struct dr_error_list *mistakes;
    FILE *log; /* what an operator should read, a line each; NULL: nowhere */

    /* For tests and simulation. engine_open: who runs jobs at `site` (NULL: by the site's engine
     * kind); NULL from it: nobody, the site does not answer. clock: wall and monotonic time (NULL:
     * the machine's), both in microseconds. declare: the first federation as declarations, instead
     * of a file [declare_count]; borrowed until dr_controller_open() returns. */
    struct dr_engine *(*engine_open)(void *context, const struct dr_site *site);
    void *engine_context;
    int64_t (*wall_us)(void *context);
    int64_t (*monotonic_us)(void *context);
    void *clock_context;
    const struct dr_fact *declare;
    uint32_t declare_count;
};

/* What a client asked for, as commands. The asker owns everything until `done` is called. */
struct dr_request {
    struct dr_command *commands; /* [count] */
    uint32_t count;
    struct dr_answer *answers; /* [count], filled in */
    /* SUBMIT: what the users wrote, as JSON (docs/formats/job.md). commands[i].body.submit.text is
     * the index into `texts` plus 1 (0: none); the controller puts the store's id and the hash
     * there. */
    const char *const *texts; /* [texts_count], 0-terminated */
    uint32_t texts_count;
    /* Safe retry: the client's key ("": none) and the hash of its request. */
    char retry_key[64];
    uint8_t retry_request[DR_HASH_BYTES];

    /* A list of commands is all or none: every one is checked before the first is admitted. */
    enum dr_request_result {
        DR_REQUEST_DONE,     /* all admitted and durable */
        DR_REQUEST_REFUSED,  /* some answer has `refused`; nothing was admitted */
        DR_REQUEST_REPEATED, /* the key was used before with this request: answers[].job as then */
        DR_REQUEST_CONFLICT, /* the key was used before with another request */
    } result;

    void (*done)(struct dr_request *request);
    void *context;           /* the asker's */
    struct dr_request *next; /* the controller's */
};

/* Queue a request; its `done` is called in a later turn, after the commit. The key's earlier answer
 * is looked up in the store and among the requests of the same turn. */
void dr_controller_ask(struct dr_controller *controller, struct dr_request *request);

/* The state, to read; valid within the current turn. */
struct dr_core *dr_controller_core(struct dr_controller *controller);
struct dr_store *dr_controller_store(struct dr_controller *controller);
/* Held back when the machine's clock steps backwards; never decreases. */
int64_t dr_controller_now_us(const struct dr_controller *controller);
/* Everything up to this fact is durable; event streams must not show later ones. */
uint64_t dr_controller_durable_seq(const struct dr_controller *controller);
const struct dr_controller_options *dr_controller_options(const struct dr_controller *controller);

/* The text of a job (JSON), from a small cache or the store. NULL: none, or erased. Borrowed until
 * the next call. */
const char *dr_controller_text(struct dr_controller *controller, uint64_t text);

/* Be told after each commit, for event streams: facts first .. last are durable. */
void dr_controller_watch(struct dr_controller *controller,
                         void (*committed)(void *context, uint64_t seq_first, uint64_t seq_last),
                         void *context);

/* The loop watches descriptors for others, by epoll: `ready` gets the epoll events. Adding again
 * changes the events; events 0 removes. Returns 0 when the system refuses. */
int dr_controller_poll(struct dr_controller *controller, int descriptor, uint32_t events,
                       void (*ready)(void *context, uint32_t events), void *context);
/* The loop's monotonic clock: the machine's, or the one of the options. */
int64_t dr_controller_monotonic_us(const struct dr_controller *controller);
/* Call `run` once, at or after `monotonic_us` of that clock; again with the same run and
 * context: moves it; DR_FOREVER_US: cancels. */
void dr_controller_at(struct dr_controller *controller, int64_t monotonic_us,
                      void (*run)(void *context), void *context);

/* What the engine of a site says of itself, for `daero sites`; "" for a site without one here. */
const char *dr_controller_engine_text(struct dr_controller *controller, dr_site_id site);

/* How a site does whose engine has a word of its own about that. 0: it has none, `health` is
 * empty. */
struct dr_site_health {
    struct dr_engine_health engine;
    uint32_t agreed;    /* 1: it was agreed with it what runs there, and it gets orders */
    uint32_t unordered; /* attempts there in the federation's name that were never ordered */
    uint8_t closed;     /* it could not be opened: `engine.error` says why */
};
int dr_controller_site_health(const struct dr_controller *controller, dr_site_id site,
                              struct dr_site_health *health);

/* For /metrics and /health. */
struct dr_controller_figures {
    uint64_t turns;
    uint64_t commits;
    uint64_t facts;
    int64_t commit_us_last;
    int64_t commit_us_max;
    int64_t commit_us_sum;
    int64_t decide_us_last;
    int64_t decide_us_max;
    int64_t decide_us_sum;
    uint64_t launches;
    uint64_t stops;
    uint64_t reports;
    uint64_t clock_steps_back;
    int64_t started_us;
    int64_t recovery_us; /* how long start-up took */
    uint64_t recovery_facts;
};
const struct dr_controller_figures *dr_controller_figures(const struct dr_controller *controller);

/* Open: lock the directory, read snapshot and tail, check the state's hash, ask the engines what
 * runs, lead (LEADER_TOOK). With a new directory, `federation_file` (YAML) is admitted first; NULL:
 * the one that ships in scenarios/, for this machine. With an existing one it is an error to give
 * it: the living federation is changed by `daero apply`. */
DR_MUST_USE enum dr_status dr_controller_open(struct dr_controller **controller,
                                              const struct dr_controller_options *options,
                                              const char *federation_file, struct dr_error *error);
/* Run until dr_controller_stop(), SIGTERM or SIGINT; attempts run on. DR_OK: stopped as asked. */
DR_MUST_USE enum dr_status dr_controller_run(struct dr_controller *controller,
                                             struct dr_error *error);
void dr_controller_stop(struct dr_controller *controller);
/* One turn of the loop, waiting at most `wait_us` for something to happen: what dr_controller_run()
 * does over and over. For tests and simulation. */
DR_MUST_USE enum dr_status dr_controller_turn(struct dr_controller *controller, int64_t wait_us,
                                              struct dr_error *error);
/* Signs the last head, keeps a snapshot, closes engines and store. Attempts run on. */
void dr_controller_close(struct dr_controller *controller);

#endif
