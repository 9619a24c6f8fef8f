/* SPDX-License-Identifier: Apache-2.0 */
/* world.h: a small federation, a virtual clock and a simulated engine around the three functions,
 * for tests.
 *
 *     struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
 *     dr_job_id job = world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 8});
 *     world_run_us(w, 60 * DR_SECOND_US);
 *     CHECK_EQ(world_job(w, job)->state, DR_JOB_RUNNING);
 *     CHECK_REPLAY(w);
 *     world_free(w);
 *
 * world_new() makes sites s1.., in each the pools p1.. (numbered through the federation), the
 * account `root` with all there is and, below it, the leaf `a`, without a guarantee. More accounts
 * by world_account(). Every pool of one chip is in that chip's three groups. Attempts start when
 * they are placed, run for the job's run_us (by default for ever: to the limit), and leave when
 * their grace is over, unless the job leaves earlier by leave_us. Every fact is kept and applied to
 * a second core, the shadow, through the codec. */
#ifndef DR_TEST_WORLD_H
#define DR_TEST_WORLD_H

#include "core/state.h"
#include "test.h"

#define WORLD_ACCOUNT_ROOT 1
#define WORLD_ACCOUNT_A    2

struct world_attempt {
    uint64_t job;
    uint32_t attempt;
    int64_t start_us;
    int64_t end_us;
    int64_t save_us; /* when it saves its work; DR_FOREVER_US: never again */
    enum dr_outcome outcome;
    uint8_t reported; /* its start */
};

struct world {
    struct dr_core *core;
    struct dr_core *shadow;
    struct dr_arena decoded; /* lists of the fact that the shadow applies */
    struct dr_batch batch;
    int64_t now_us;
    int64_t next_tick_us;
    uint8_t *log; /* all facts, encoded */
    size_t log_bytes;
    size_t log_bytes_max;
    uint64_t facts_count;
    uint64_t counts[128]; /* facts by kind */
    struct world_attempt *attempts;
    uint32_t attempts_count;
    uint32_t attempts_max;
    /* Called after each fact, with the shadow before and after nothing else: NULL: nobody. */
    void (*check)(struct world *world, const struct dr_fact *fact, void *context);
    void *check_context;
    /* Called after each decision that has come to its end. */
    void (*decided)(struct world *world, void *context);
    int launch_delay_us;
    uint32_t undecided; /* decisions that, asked again at once, had more to say */
    /* Whoever was refused is judged again at each tick, and where a decision is asked again. Both
     * are rare where the memory of refusals is to last for more than one decision. */
    int64_t tick_us;     /* from tick to tick: a minute */
    uint32_t asks_every; /* of so many decisions one is asked again: each */
    uint32_t decisions;
};

struct job_spec {
    uint32_t account;      /* id; 0: WORLD_ACCOUNT_A */
    uint32_t tasks;        /* 0: 1 */
    uint32_t accelerators; /* per task */
    uint32_t share;        /* of one accelerator, per task, thousandths, instead */
    uint32_t cpus;         /* per task; 0: 1 */
    uint32_t memory_mb;    /* per task */
    uint32_t tasks_per_node;
    uint64_t chips;
    const char *level;     /* "required:block", "preferred:block"; NULL: none */
    const char *site;      /* NULL: any */
    const char *partition; /* "odd", "even": of pools p1, p3, ... and p2, p4, ...; NULL: any */
    uint32_t data_class;
    uint32_t dataset;
    int64_t limit_us;    /* 0: an hour */
    int64_t run_us;      /* 0: to the limit and beyond */
    int64_t grace_us;    /* 0: 10 s */
    int64_t leave_us;    /* after the warning; 0: all of the grace */
    uint8_t leaves_well; /* it then exits with 0, rather than being stopped */
    int32_t priority;
    int64_t begin_us;    /* from now on; 0: at once */
    int64_t deadline_us; /* from now on; 0: none */
    uint8_t deadline_ends;
    uint8_t limit_total;
    uint8_t firm; /* not preemptible */
    uint8_t flexible;
    uint8_t final; /* not requeued */
    uint8_t fenced;
    int64_t unreachable_us;
    uint8_t held;
    int64_t checkpoint_us;
    uint8_t checkpoint_on_warning;
    int64_t restart_us;
    uint32_t array_index; /* from 1; the first makes the array */
    uint32_t array_limit;
    uint64_t after;               /* job id: afterok */
    struct dr_alternative second; /* another way; tasks 0: none */
    uint32_t tasks_min;           /* elastic; 0: fixed */
};

struct world *world_new(const char *text);
/* The same, where who was refused is asked again by no tick for an hour, and decisions are not
 * asked again; `reserve_depth` blocked jobs of a pool hold a reservation. */
struct world *world_remembering(const char *text, uint32_t reserve_depth);
void world_free(struct world *world);
/* Sites s1 of two nodes, s2 and s3 of three, with 8 h200 each; the account `b` (fills its id), and
 * c, which lends nothing of its 20. In s1 and in s2 a job of `a` runs, until minute 30 and minute
 * 60, and one of all nodes waits for its end with a reservation. */
struct world *world_reserved_twice(uint32_t *b);

/* More of it. Ids. Guarantees in whole accelerators of a chip's group (chip 1 is the first); CPUs
 * and memory in the same proportion of what the chip's pools have. borrow and lend: -1 for no
 * limit. */
uint32_t world_site(struct world *world, const char *name);
uint32_t world_pool(struct world *world, uint32_t site, const char *chip, uint32_t nodes,
                    uint32_t accelerators, uint32_t block);
uint32_t world_account(struct world *world, const char *name, uint32_t parent, int64_t guarantee,
                       int64_t borrow, int64_t lend);
/* Change limits in one chip's groups. */
void world_limits(struct world *world, uint32_t account, uint32_t chip, int64_t guarantee,
                  int64_t borrow, int64_t lend);
void world_weight(struct world *world, uint32_t account, uint32_t weight);
/* Priority reaches over the accounts below it. */
void world_preempt_below(struct world *world, uint32_t account);
void world_declare(struct world *world, struct dr_fact fact);
void world_settings(struct world *world, struct dr_settings settings);

/* An advance reservation, with times from now on. The id, or 0 when refused. */
uint32_t world_window(struct world *world, struct dr_fact_window_made window);
void world_drop_window(struct world *world, uint32_t window);

/* The id, or 0 when refused (then world_refusal() says why). */
dr_job_id world_submit(struct world *world, struct job_spec spec);
const char *world_refusal(void);

/* Let time pass: engine, ticks once a minute, decisions whenever something is to do. */
void world_run_us(struct world *world, int64_t span_us);

/* A decision now, without time passing. Returns how many facts it made. */
uint32_t world_decide(struct world *world);

void world_node(struct world *world, uint32_t row, int drained, int down);
void world_node_down(struct world *world, uint32_t row);
void world_site_answers(struct world *world, uint32_t site, int answers);
void world_cancel(struct world *world, dr_job_id job);
void world_hold(struct world *world, dr_job_id job);
void world_release(struct world *world, dr_job_id job);
/* The running attempt ends by itself, now. */
void world_end(struct world *world, dr_job_id job, int exit_code);
void world_save(struct world *world, dr_job_id job);

const struct dr_job *world_job(const struct world *world, dr_job_id job);
const struct dr_run *world_run(const struct world *world, dr_job_id job);
uint32_t world_busy_accelerators(const struct world *world);
/* Lowest node number of its place within its pool, or -1. */
int world_first_node(const struct world *world, dr_job_id job);
uint32_t world_nodes_of(const struct world *world, dr_job_id job);
struct dr_why world_why(const struct world *world, dr_job_id job);

/* Do the facts alone, through the codec, give this state, hash for hash; and do rebuilt indexes
 * equal those kept up step by step? Returns NULL, or what differs. */
const char *world_replay(struct world *world);
#define CHECK_REPLAY(world)                        \
    do {                                           \
        const char *differs = world_replay(world); \
        if (differs != NULL)                       \
            fail_msg("%s", differs);               \
    } while (0)

#endif
