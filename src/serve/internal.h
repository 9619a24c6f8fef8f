/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h: the controller's inside, shared by the loop's own files. Nobody else includes it.
 *
 *     controller.c  a turn: gather, admit, decide, append, answer, effects
 *     events.c      descriptors and timers
 *     request.c     what clients ask: all or none, retry keys, texts
 *     sites.c       engines of sites: opening, reaching
 *     open_slurm.c  opening one of Slurm
 *     agree.c       what runs, by the state and by an engine
 *     site_nodes.c  what sites say of their nodes, and are told of them
 *     effects.c     what engines are told, and what they report
 *     texts.c       what users wrote, read back
 *     history.c     one row per ended job
 *     recover.c     the start
 *     children.c    forked helpers, snapshots, signed heads
 *     ahead.c       the core run ahead, in a forked helper
 *     fault.c       places to die at */
#ifndef DR_SERVE_INTERNAL_H
#define DR_SERVE_INTERNAL_H

#include "core/state.h"
#include "engine/discover.h"
#include "engine/engine.h"
#include "serve/controller.h"
#include "serve/fault.h"
#include "store/chain.h"

/* An array that grows; out of memory at the edge stops the process. */
#define DR_LIST(type)      \
    struct {               \
        type *items;       \
        uint32_t count;    \
        uint32_t capacity; \
    }
void *dr_list_grow(void *items, uint32_t *capacity, size_t bytes);
#define DR_LIST_PUSH(list, item)                                                                   \
    do {                                                                                           \
        if ((list)->count == (list)->capacity)                                                     \
            (list)->items = dr_list_grow((list)->items, &(list)->capacity, sizeof *(list)->items); \
        (list)->items[(list)->count] = (item);                                                     \
        (list)->count += 1;                                                                        \
    } while (0)

/* What one transaction holds at most. A turn with more to do is cut into several transactions; one
 * request is never cut, so a request may take all of the payload. */
#define BATCH_BYTES     DR_BATCH_BYTES
#define REQUEST_BYTES   (48u << 20) /* one request's facts at most */
#define ADMIT_BYTES     (4u << 20)  /* when so much is admitted, the rest waits for the next one */
#define ADMIT_FACTS     16384u
#define BATCH_EFFECTS   DR_DECIDE_EFFECTS
#define NOTHINGS_MAX    32u
#define REPORTS_AT_ONCE 256u
#define GATHER_ROUNDS \
    8u /* looks at what has become ready, before a turn goes on with what it has */
#define TEXTS_CACHED   1024u
#define TEXT_BYTES_MAX (1u << 20) /* of one job */

struct watch {
    void (*ready)(void *context, uint32_t events);
    void *context;
    uint32_t events; /* 0: not watched */
    uint32_t generation;
};

struct timer {
    int64_t monotonic_us;
    void (*run)(void *context);
    void *context;
};

struct watcher {
    void (*committed)(void *context, uint64_t seq_first, uint64_t seq_last);
    void *context;
};

/* A retry key used in the batch that is being made. */
struct fresh_retry {
    uint64_t hash;
    uint32_t row; /* in batch_retries */
};

/* An order that an engine could not take; it is given again later. */
struct postponed {
    struct dr_effect effect;
    int64_t monotonic_us;
    int64_t wait_us;
    uint8_t is_old; /* of an attempt that is over here and runs on there */
};

/* What an engine has, as it listed it. */
struct found {
    dr_job_id job;
    uint32_t attempt;
    uint32_t ended;
    uint32_t waits;
};

/* What the controller knows of a site's engine beside what is a fact. */
struct site_link {
    uint8_t heard;   /* it has said since it was opened whether its site answers; or it is new */
    uint8_t fresh;   /* its engine was opened, and nothing was said of its site since */
    uint8_t listed;  /* what it has is in `found`, to be agreed about once this batch is durable */
    uint8_t agreed;  /* it was agreed with it what runs: it gets orders */
    uint8_t waiting; /* some word about a node could not be given */
    uint8_t slots;   /* its declared nodes are slots: their drains are the federation's alone */
    int64_t ask_monotonic_us; /* it is not asked for its list, or told of nodes, before */
    int64_t ask_wait_us;
    uint64_t settings;  /* hash of what it was opened with */
    uint64_t declared;  /* hash of the nodes that it was told of; 0: of none */
    uint64_t version;   /* of the federation, when nodes were looked at last */
    uint32_t unordered; /* attempts there that bear the federation's name and were never ordered */
    char error[200];    /* why it has no engine */
    DR_LIST(struct found) found;
};

/* An engine's report, or what the controller itself observes in its place. */
struct observation {
    struct dr_report report;
    dr_site_id site;
};

struct cached_text {
    uint64_t id;
    char *text;
};

/* A forked helper; it is over when its end of the pipe closes. */
struct child {
    int pid; /* 0: none */
    int pipe;
};

struct dr_controller {
    struct dr_controller_options options;
    char directory[2048];
    char socket_path[2048 + 32];
    struct dr_core *core;
    struct dr_store *store;
    struct dr_fault fault;
    struct dr_controller_figures figures;
    int stopping; /* 1: asked to; -1: the store has failed, and nothing more may be written */

    /* time */
    int64_t now_us;
    int64_t now_monotonic_us; /* when now_us was taken */
    int64_t wall_us;          /* what the machine's clock said then */

    /* events.c */
    int epoll;
    struct watch *watches; /* by descriptor */
    uint32_t watches_count;
    DR_LIST(struct timer) timers;
    struct watcher watchers[4];
    uint32_t watchers_count;

    /* asked and not yet taken up */
    struct dr_request *asked_first;
    struct dr_request *asked_last;

    /* the transaction in the making */
    struct dr_batch batch;
    DR_LIST(struct dr_store_text) texts; /* text points into the asker's memory */
    DR_LIST(struct dr_store_retry) retries;
    DR_LIST(struct fresh_retry) fresh_retries;
    DR_LIST(struct dr_store_history) history;
    DR_LIST(uint64_t) erasures; /* text ids */
    struct dr_request *answer_first;
    struct dr_request *answer_last;
    DR_LIST(struct dr_effect) forgets; /* ends that were known already */

    /* when decisions were made since the last transaction, which came to nothing: what is
     * remembered of them bears on the next, so the journal says it, of the last ones */
    int64_t nothing_us[NOTHINGS_MAX];
    uint32_t nothings;

    /* engines, by site row; several local sites share one */
    struct dr_engine *engines[DR_SITES_MAX];
    struct site_link links[DR_SITES_MAX];
    struct dr_device devices[DR_ACCELERATORS_MAX]; /* of this machine */
    uint32_t devices_count;
    uint32_t sites_reached;     /* sites there were when they were last looked at */
    uint64_t federation_opened; /* the federation's version when settings were looked at */
    int64_t led_us;             /* when this controller began to lead */
    int led_alone;              /* nothing has become durable since this controller leads */
    DR_LIST(struct observation) observations;
    DR_LIST(struct postponed) postponed;

    struct cached_text cache[TEXTS_CACHED];
    uint8_t salts[4096]; /* random bytes, fetched many at a time */
    uint32_t salts_left;

    /* the state's hash is taken as often as it costs at most a hundredth of the time */
    uint64_t hash_seq;
    int64_t hash_monotonic_us;
    int64_t hash_cost_us;

    /* children.c */
    struct child snapshot;
    uint64_t snapshot_seq;         /* of the last one that is whole */
    uint64_t snapshot_seq_coming;  /* of the one that a child writes */
    int64_t snapshot_monotonic_us; /* when the last one was begun */
    struct dr_chain_key key;
    uint64_t head_seq; /* of the last signed head */
    int64_t head_monotonic_us;
    uint64_t idle_seq;
    int64_t idle_monotonic_us;
};

/* controller.c */
void controller_log(struct dr_controller *c, const char *format, ...) DR_PRINTF(2, 3);
int64_t controller_monotonic_us(const struct dr_controller *c);
/* Read the clock; it never goes back. */
void controller_clock(struct dr_controller *c);
/* Make everything in the batch durable, with texts, retries and history. */
DR_MUST_USE enum dr_status controller_append(struct dr_controller *c, struct dr_error *error);
/* Forget the batch and everything beside it. */
void controller_begin(struct dr_controller *c);
/* A command of the controller itself. */
struct dr_command controller_command(enum dr_command_kind kind);

/* events.c */
DR_MUST_USE enum dr_status events_open(struct dr_controller *c, struct dr_error *error);
void events_close(struct dr_controller *c);
/* Wait until something is ready or `wait_us` has passed, then call whom it concerns. Returns how
 * many were called. */
uint32_t events_wait(struct dr_controller *c, int64_t wait_us);

/* request.c: take up one request: its answers are final, its facts in the batch. 0: it does not fit
 * into this batch any more and is to be taken up in the next. */
int request_admit(struct dr_controller *c, struct dr_request *request);

/* sites.c */
/* Open a site's engine if it has none. */
void sites_engine_open(struct dr_controller *c, dr_site_id site);
/* Open the engines that are missing. A site on this machine answers when its engine is here;
 * another one when it was agreed with what runs there. */
void sites_reach(struct dr_controller *c);
/* Close the engines of sites that have left; open those anew whose settings are others. */
void sites_open_anew(struct dr_controller *c);
/* The fact that a site answers or does not; 0: refused, as `answer` says. */
int sites_admit_reach(struct dr_controller *c, dr_site_id site, int reached, const char *reason,
                      struct dr_answer *answer);
/* An engine says that its site stopped or began to answer. 0: the batch is full. */
int sites_observe_reach(struct dr_controller *c, const struct observation *seen);
/* Does the site answer by its engine's word, and not merely by being there? */
int sites_is_remote(const struct dr_controller *c, dr_site_id site);
/* When a site has to be asked or told something again, monotonic. */
int64_t sites_next_us(const struct dr_controller *c);
void sites_ask_again(struct dr_controller *c, struct site_link *link);
void sites_close(struct dr_controller *c);

/* open_slurm.c */
struct dr_engine *open_slurm(struct dr_controller *c, dr_site_id site, struct dr_error *error);

/* agree.c: what runs, by the state and by an engine. Only then is an engine given orders, since
 * what was ordered before it fell silent may or may not have come to pass. */
/* Ask the engines that answer and were not agreed with. Those that can say what they have: their
 * sites answer again, as facts. */
void agree_ask(struct dr_controller *c);
/* When that is durable: orders that are still wanted are given again, what neither side has has
 * ended, what the state has done with is stopped there. */
void agree_tell(struct dr_controller *c);
/* An attempt at a site of its own that this federation never ordered: it is not touched. */
int agree_is_foreign(const struct dr_controller *c, dr_site_id site, dr_job_id job,
                     uint32_t attempt);

/* site_nodes.c: nodes of sites that have a word of their own about them. */
/* Engines hear which nodes are declared, and of drains that are facts; given again until taken. */
void site_nodes_tell(struct dr_controller *c);
/* A site's word about a node. 0: the batch is full. */
int site_nodes_observe(struct dr_controller *c, const struct observation *seen);

/* effects.c */
void effects_gather(struct dr_controller *c);
void effects_observe(struct dr_controller *c, dr_site_id site, const struct dr_report *report);
void effects_admit(struct dr_controller *c);
void effects_release(struct dr_controller *c, const struct dr_effect *effect);
/* Tell the engine that this attempt should be there. */
void effects_expect(struct dr_controller *c, const struct dr_job *job, enum dr_job_state state,
                    struct dr_engine *engine);
void effects_again(struct dr_controller *c);
int64_t effects_next_us(const struct dr_controller *c);
void effects_close(struct dr_controller *c);
/* The site of a job's current or last attempt; 0: never placed. */
dr_site_id effects_site(const struct dr_controller *c, const struct dr_job *job);

/* texts.c */
void texts_drop(struct dr_controller *c, uint64_t id);
void texts_close(struct dr_controller *c);
/* Fill a text's salt and hash. */
void texts_salt(struct dr_controller *c, struct dr_store_text *text);

/* history.c: the row of a job that has just ended. */
struct dr_store_history history_row(const struct dr_controller *c, const struct dr_job *job);

/* recover.c */
DR_MUST_USE enum dr_status recover(struct dr_controller *c, const char *federation_file,
                                   struct dr_error *error);

/* children.c */
/* Fork with a pipe from the child. Returns 0 in the child, with `child->pipe` its end to write to
 * and every other descriptor above 2 closed; 1 in the parent; -1 when the system refuses. */
int child_fork(struct child *child);
/* In the child: all of it, to its pipe. 0: nobody reads there any more. */
int child_write(int pipe, const void *bytes, size_t count);
/* The child's end has closed: collect it. Returns its exit status, 128 and more for a signal. */
int child_collect(struct child *child);
/* Its answer is not wanted any more. */
void child_end(struct child *child);
/* Read the newest snapshot that is whole into the fresh core; none: the core stays as it is. */
DR_MUST_USE enum dr_status snapshot_load(struct dr_controller *c, struct dr_error *error);
/* The key that signs heads; made at the first start. */
DR_MUST_USE enum dr_status head_key(struct dr_controller *c, struct dr_error *error);
/* Sign the head of the chain, if it is another one than the last that was signed. */
void head_sign(struct dr_controller *c);
/* What waits for a quiet moment: snapshots, signed heads, the store's housekeeping. */
void children_idle(struct dr_controller *c);
void children_close(struct dr_controller *c);

#endif
