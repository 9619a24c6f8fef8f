/* SPDX-License-Identifier: Apache-2.0 */
/* serve_world.h: a small federation under the real controller, with the real store, a site whose jobs are
 * rows in memory, and a clock that a test moves.
 *
 * The site's rows and the clock lie in shared memory: they outlive a controller that is killed in a forked
 * child, as processes on a machine would, and they are the judge of what really ran. Chance at the site
 * (late, doubled and reordered reports, orders of unknown fate) comes from a seed. */
#ifndef DR_TESTS_SERVE_WORLD_H
#define DR_TESTS_SERVE_WORLD_H

#include <stdint.h>

#include "core/state.h"
#include "engine/engine.h"
#include "serve/controller.h"

#define WORLD_ATTEMPTS_MAX 16384
#define WORLD_BEGIN_US     INT64_C(1763856000000000) /* a Sunday midnight */

struct world_attempt {
    uint64_t job;
    uint32_t attempt;
    uint8_t started;   /* its processes run or have run */
    uint8_t ended;     /* nothing of it is left */
    uint8_t refused;   /* stopped before it came: it may never start */
    uint8_t forgotten; /* the controller has its end */
    uint8_t lost;      /* the site lost it: it is in no list */
    uint8_t told_started;
    uint8_t told_ended;
    enum dr_outcome outcome;
    int32_t exit_code;
    int64_t start_us;
    int64_t end_us;  /* when it ends or ended */
    int64_t tell_us; /* reports are not given before */
    char name[DR_NAME_BYTES];
    struct {
        char node[DR_NAME_BYTES];
        uint64_t accelerators;
    } nodes[8];
    uint32_t nodes_count;
};

struct world_site {
    int64_t wall_us; /* what the machine's clock says */
    int64_t monotonic_us;
    uint64_t random;
    uint32_t late_percent;   /* of reports: up to 30 s */
    uint32_t double_percent; /* of reports: given twice */
    uint32_t doubt_percent;  /* of launches: DR_E_IO, kept or not */
    uint32_t refuse_launch;  /* 1: DR_E_INPUT */
    uint32_t attempts_count;
    struct world_attempt attempts[WORLD_ATTEMPTS_MAX];
    /* the judge */
    uint32_t doubled_launches; /* an attempt started again after it had been forgotten */
    uint32_t double_booked;    /* an accelerator under two attempts at once */
    uint32_t starts;
    uint64_t epoch_last;
    uint32_t old_epochs; /* orders from a controller that does not lead any more */
    /* what clients know, for tests that kill the controller */
    uint64_t client[4096];
    uint32_t notes[16];
};

struct world {
    char directory[256];
    struct world_site *site; /* shared */
    struct dr_controller *controller;
    struct dr_controller_options options;
    uint32_t nodes;
    uint32_t accelerators;
};

struct world_job {
    const char *name;    /* NULL: "job" */
    int64_t run_us;      /* 0: a second */
    int32_t exit_code;
    uint32_t tasks;      /* 0: one */
    uint32_t accelerators;
    int64_t limit_us;    /* 0: an hour */
    const char *account; /* NULL: "alpha" */
    const char *retry_key;
    uint32_t hold;
    uint32_t firm; /* 1: not preemptible */
};

/* One site, one pool of `nodes` nodes with `accelerators` each, accounts alpha and beta that share them
 * half and half under the root, and a user ada of both. */
void world_init(struct world *world, uint32_t nodes, uint32_t accelerators);
void world_deinit(struct world *world);
/* Open the controller on the world's directory, in this process. */
enum dr_status world_open(struct world *world, struct dr_error *error);
void world_close(struct world *world);
/* One turn that waits for nothing. */
enum dr_status world_turn(struct world *world);
/* Turns, with the clock moving on in steps, until `us` have passed. */
enum dr_status world_run(struct world *world, int64_t us);
/* The same until no job is live, at most `us`; 0 when some still are. */
int world_drain(struct world *world, int64_t us);

/* Queue a request and run turns until it is answered. Returns the first job's id; 0: refused, with the
 * refusal in `answer` (may be NULL). */
uint64_t world_submit(struct world *world, const struct world_job *job, struct dr_answer *answer,
                      enum dr_request_result *result);
/* A request with one command; 1: admitted. */
int world_command(struct world *world, const struct dr_command *command, struct dr_answer *answer);
/* As ada's. */
struct dr_command world_command_of(enum dr_command_kind kind, uint64_t job);

/* A submit as a request that the caller keeps: fill, then dr_controller_ask(). */
struct world_request {
    struct dr_request request;
    struct dr_command command;
    struct dr_alternative alternative;
    struct dr_answer answer;
    const char *text;
    char written[512];
    int done;
};
void world_request_fill(struct world_request *request, const struct world_job *job);

/* The state of a job, from the core or from the store's history; DR_JOB_PENDING and *known 0: none. */
enum dr_job_state world_state(struct world *world, uint64_t job, int *known);
const struct world_attempt *world_attempt(const struct world *world, uint64_t job,
                                          uint32_t attempt);
/* The hash of the state that the store's facts alone give. */
uint64_t world_hash_of_facts(const struct world *world);

uint64_t world_random(struct world_site *site);

#endif
