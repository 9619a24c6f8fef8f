/* SPDX-License-Identifier: Apache-2.0 */
/* slurm_endpoint.h: an endpoint that answers as slurmrestd does on its bad days, in a process of
 * its own, with the Slurm engine over it. What real daemons can be made to do is in slurm_site.h.
 */
#ifndef TESTS_SLURM_ENDPOINT_H
#define TESTS_SLURM_ENDPOINT_H

#include "engine/slurm.h"

/* The answer about the site's one node. */
#define NODE(state, flags)                                                                       \
    "200 {\"nodes\": [{\"name\": \"seoul1\", \"state\": \"" state "\", \"state_flags\": [" flags \
    "], \"reason\": \"\", \"gres\": \"\", \"partitions\": [], \"cpus\": 4, \"real_memory\": "    \
    "1024, \"slurmd_start_time\": 1}]}"

/* A job in a list. `more`: further members. */
#define JOB(id, state, mark, more)                                                              \
    "{\"job_id\": " #id ", \"job_state\": \"" state "\", \"comment\": \"" mark                  \
    "\", \"name\": \"x\", \"submit_time\": 1, \"restart_cnt\": 0, \"user_name\": \"student\", " \
    "\"nodes\": \"seoul1\", \"start_time\": 1700000000, \"end_time\": 1700000001, "             \
    "\"state_reason\": \"None\", " more "}"
#define OURS "daero:test:seoul:71:1:5"

/* What the endpoint says, shared with its process. */
struct script {
    volatile int submits; /* that arrived whole */
    volatile int requests;
    volatile int clock_ahead_s; /* of the site's clock, beyond what its offset says */
    char submit[2048];          /* the answer with its status: "200 {...}"; "": cut off */
    char jobs[4 << 20];
    char nodes[1024];        /* "": none */
    char diag[256];          /* "": the time */
    int jobs_once_submitted; /* `jobs` is told only after a submission */
    volatile int jobs_take_ms;
    char one[2048];         /* of a job that is asked for by its number; "": no errors */
    volatile int one_waits; /* its answer, for the next list's */
    volatile int ones, cancels;
    volatile int asked[100];      /* how often for which number */
    int by_number;                /* a job that is asked for runs, whatever its number */
    char order[512];              /* to a cancel or a signal; "": it is taken */
    volatile int wholes, changes; /* lists of all jobs, and of what has changed, asked for */
    volatile int nothing_new;     /* nothing has changed: 304 */
    char submitted[16384];        /* the last one's body */
    char user[128], token[1024];  /* in whose name it came, and with what */
};

struct endpoint {
    struct script *script;
    pid_t pid;
    char url[64];
    struct dr_engine *engine;
    const char *sent_file; /* NULL: none */
    int64_t led_us, decided_us;
    struct dr_report reports[64];
    uint32_t reports_count;
};

struct endpoint *endpoint_new(void);
void endpoint_free(struct endpoint *w);
/* Opens the engine, which looks every 20 ms. */
void endpoint_open(struct endpoint *w, int64_t timeout_us);
void endpoint_step(struct endpoint *w, int wait_ms);
/* Until the site has been asked so many times more. */
void endpoint_look(struct endpoint *w, int times);
/* The first report of a kind, from this one on. */
const struct dr_report *endpoint_wait(struct endpoint *w, uint32_t from, enum dr_report_kind kind);
void endpoint_wait_for_submits(struct endpoint *w, int count);
int endpoint_has_report(const struct endpoint *w, enum dr_report_kind kind);
/* Attempt 1 of job 71, a shell script on the one node. */
struct dr_launch endpoint_order(uint64_t epoch);
enum dr_status endpoint_launch(struct endpoint *w, uint64_t epoch);
/* One that keeps what was sent in a file of this name, opened; the order that endpoint_launch()
 * gives was decided so long after the one that made the file began to lead. Nothing waits for a
 * token to end unless the site's clock is put forward. */
struct endpoint *endpoint_that_keeps(const char *name, int64_t later_us);
/* The next controller's engine. */
void endpoint_reopen(struct endpoint *w);

#endif
