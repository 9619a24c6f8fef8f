/* SPDX-License-Identifier: Apache-2.0 */
/* live_world.h: a small federation under the real controller, with the real store, a site whose
 * jobs are rows in memory, and a clock that a test moves.
 *
 * The site's rows and the clock lie in shared memory: they outlive a controller that is killed in a
 * forked child, as processes on a machine would, and they are the judge of what really ran. Chance
 * at the site (late, doubled and reordered reports, orders of unknown fate) comes from a seed. */
#ifndef DR_TESTS_LIVE_LIVE_H
#define DR_TESTS_LIVE_LIVE_H

#include <stdint.h>

#include "core/state.h"
#include "engine/engine.h"
#include "serve/controller.h"

#define LIVE_ATTEMPTS_MAX 16384
#define LIVE_FAR_MAX      3
#define LIVE_FAR_NODES    16
#define LIVE_BEGIN_US     INT64_C(1763856000000000) /* a Sunday midnight */

struct live_attempt {
    uint64_t job;
    uint32_t attempt;
    uint8_t started;   /* its processes run or have run */
    uint8_t ended;     /* nothing of it is left */
    uint8_t refused;   /* stopped before it came: it may never start */
    uint8_t forgotten; /* the controller has its end */
    uint8_t lost;      /* the site lost it: it is in no list */
    uint8_t given_up;  /* by an operator here: until it is stopped, others may run beside it */
    uint8_t fenced;    /* it may be given up, as its job wants, once its site is silent */
    uint8_t told_started;
    uint8_t told_ended;
    enum dr_outcome outcome;
    int32_t exit_code;
    uint64_t epoch; /* of the controller that ordered it first */
    int64_t start_us;
    int64_t end_us;  /* when it ends or ended */
    int64_t tell_us; /* reports are not given before */
    char name[DR_NAME_BYTES];
    struct {
        char node[DR_NAME_BYTES];
        uint64_t accelerators;
    } nodes[8];
    uint32_t nodes_count;
    uint32_t place;                /* of its site: 0 the one here, 1 and more far-1 and so on */
    char asked[3 * DR_NAME_BYTES]; /* "ACCOUNT PARTITION GRES" of the order */
};

/* A site whose engine says itself whether it answers, as that of a cluster elsewhere. */
struct live_far {
    uint8_t silent;        /* nothing reaches it, and it says nothing; what runs there runs on */
    int64_t silent_us;     /* since when its engine has said so; 0: it answers */
    int64_t forget_us;     /* it forgets what ended so long ago (MinJobAge); 0: never */
    uint8_t half_list;     /* n: its list breaks off after n - 1 */
    uint8_t refuse_drains; /* DR_E_IO */
    uint8_t slots;         /* its declared nodes are none of its own: DR_E_UNSUPPORTED */
    uint32_t foreign;      /* jobs there that are nobody's here */
    uint8_t expects;       /* of what is expected there and not listed it says that it can't tell */
    uint8_t over;          /* and, with this, that it is over */
    uint64_t expected;     /* the job that it was asked about last; 0: none, or it is over */
    uint8_t expected_told;
    /* its nodes, as it has them; a test plays the site's operator */
    uint32_t nodes_count;
    char names[LIVE_FAR_NODES][DR_NAME_BYTES];
    uint8_t down[LIVE_FAR_NODES];
    uint8_t drained[LIVE_FAR_NODES];
    char reasons[LIVE_FAR_NODES][DR_NOTE_BYTES];
    /* what it was told */
    uint32_t drains;
    uint32_t drains_offered; /* of slots */
    uint32_t declares;
    uint32_t opens;
};

struct live_site {
    int64_t wall_us; /* what the machine's clock says */
    int64_t monotonic_us;
    uint64_t random;
    uint32_t late_percent;   /* of reports: up to 30 s */
    uint32_t double_percent; /* of reports: given twice */
    uint32_t doubt_percent;  /* of launches: DR_E_IO, kept or not */
    uint32_t refuse_launch;  /* 1: DR_E_INPUT */
    uint32_t drop_launch;    /* 1: DR_E_IO, and nothing was kept */
    struct live_far far[LIVE_FAR_MAX];
    uint32_t launches; /* orders that came to an engine, whatever became of them */
    uint32_t stops;
    uint32_t attempts_count;
    struct live_attempt attempts[LIVE_ATTEMPTS_MAX];
    /* the judge */
    uint32_t doubled_launches; /* an attempt started again after it had been forgotten */
    uint32_t double_booked;    /* an accelerator under two attempts at once */
    uint32_t overlaps;         /* two attempts of one job at once */
    uint32_t beside;           /* starts beside an attempt that its fenced job has given up */
    uint32_t starts;
    uint64_t epoch_last;
    uint32_t old_epochs; /* orders from a controller that does not lead any more, or that do not say
                            that one before may have given them */
    /* what clients know, for tests that kill the controller */
    uint64_t client[4096];
    uint32_t notes[16];
};

struct live_world {
    char directory[256];
    struct live_site *site; /* shared */
    struct dr_controller *controller;
    struct dr_controller_options options;
    uint32_t nodes; /* of each site */
    uint32_t accelerators;
    uint32_t far; /* sites beside the one here; set before live_open() */
};

/* The name of jobs that are fenced: so that their sites, and the judge there, know it. */
#define LIVE_FENCED "fenced"

struct live_job {
    const char *name; /* NULL: "job" */
    int64_t run_us;   /* 0: a second */
    int32_t exit_code;
    uint32_t tasks; /* 0: one */
    uint32_t accelerators;
    int64_t limit_us;    /* 0: an hour */
    const char *account; /* NULL: "alpha" */
    const char *retry_key;
    uint32_t hold;
    uint32_t firm;          /* 1: not preemptible */
    int64_t unreachable_us; /* it is fenced then */
    uint64_t *slot;         /* the answer is written here the moment it is given */
};

/* One site (and `far` more, all alike), one pool of `nodes` nodes with `accelerators` each,
 * accounts alpha and beta that share them half and half under the root, and a user ada of both. */
void live_init(struct live_world *world, uint32_t nodes, uint32_t accelerators);
void live_deinit(struct live_world *world);
/* Open the controller on the world's directory, in this process. */
enum dr_status live_open(struct live_world *world, struct dr_error *error);
void live_close(struct live_world *world);
/* One turn that waits for nothing. */
enum dr_status live_turn(struct live_world *world);
/* Turns, with the clock moving on in steps, until `us` have passed. */
enum dr_status live_run(struct live_world *world, int64_t us);
/* The same until no job is live, at most `us`; 0 when some still are. */
int live_drain(struct live_world *world, int64_t us);

/* A controller's life in a process of its own, which ends at a fault (serve/fault.h; "":
 * none) or by live_end_of_life(). Returns how it ended, as waitpid() says it. */
int live_life(struct live_world *world, const char *fault, void (*life)(struct live_world *world));

/* All jobs end, facts give the same state; exits with 0, else with 13 or 14. */
void live_end_of_life(struct live_world *world) __attribute__((noreturn));

/* Queue a request and run turns until it is answered. Returns the first job's id; 0: refused, with
 * the refusal in `answer` (may be NULL). */
uint64_t live_submit(struct live_world *world, const struct live_job *job, struct dr_answer *answer,
                     enum dr_request_result *result);
/* A request with one command; 1: admitted. */
int live_command(struct live_world *world, const struct dr_command *command,
                 struct dr_answer *answer);
/* As ada's. */
struct dr_command live_command_of(enum dr_command_kind kind, uint64_t job);

/* A submit as a request that the caller keeps: fill, then dr_controller_ask(). */
struct live_request {
    struct dr_request request;
    struct dr_command command;
    struct dr_alternative alternative;
    struct dr_answer answer;
    const char *text;
    char written[512];
    uint64_t *slot;
    int done;
};
void live_request_fill(struct live_request *request, const struct live_job *job);

/* The state of a job, from the core or from the store's history; DR_JOB_PENDING and *known 0: none.
 */
enum dr_job_state live_state(struct live_world *world, uint64_t job, int *known);
const struct live_attempt *live_attempt(const struct live_world *world, uint64_t job,
                                        uint32_t attempt);
/* The hash of the state that the store's facts alone give. */
uint64_t live_hash_of_facts(const struct live_world *world);

uint64_t live_random(struct live_site *site);

/* ---- live_site.c ---- */

struct live_attempt *live_find(struct live_site *site, uint64_t job, uint32_t attempt);
struct dr_engine *live_engine_open(void *context, const struct dr_site *site);

#endif
