/* SPDX-License-Identifier: Apache-2.0 */
/* machine.h: the local engine over a new directory, and what it has reported, for tests with real
 * processes. What goes wrong fails the test. */
#ifndef TESTS_MACHINE_H
#define TESTS_MACHINE_H

#include <sys/types.h>

#include "engine/local.h"

#define MACHINE_USER_ID    65534u /* of jobs, where root runs the engine */
#define MACHINE_WAIT_US    (20 * DR_SECOND_US)
#define MACHINE_PATH_BYTES 512

struct machine {
    char base[200]; /* both of these are in it */
    char data[220]; /* the controller's */
    char work[220]; /* the job's */
    struct dr_local_options options;
    struct dr_engine *engine; /* NULL: shut */
    struct dr_report reports[4096];
    uint32_t reports_count;
    int cgroups_left; /* by launchers that ended amid launches: tidied up after a minute */
};

struct machine *machine_new(void);
void machine_open(struct machine *w);
void machine_shut(struct machine *w);
/* The engine leaves no cgroup behind, whatever the jobs did. */
void machine_free(struct machine *w);

/* ---- a job of one task with a shell script; tests change what they are about ---- */

struct machine_spec {
    struct dr_launch launch;
    struct dr_launch_node nodes[8];
    char script[8192];
};

void machine_shell(struct machine *w, struct machine_spec *s, uint64_t job, const char *format, ...)
    DR_PRINTF(4, 5);
void machine_launch(struct machine *w, const struct machine_spec *s);
uint32_t machine_job_uid(void);

/* ---- what is reported ---- */

/* Wait for the descriptor once, and take what there is. */
void machine_step(struct machine *w, int64_t until_us);
uint32_t machine_count(struct machine *w, uint64_t job, uint32_t attempt, enum dr_report_kind kind);
/* The first such report from number `from` on; NULL: there is none yet. */
const struct dr_report *machine_find(struct machine *w, uint32_t from, uint64_t job,
                                     uint32_t attempt, enum dr_report_kind kind);
/* The same, waited for. */
const struct dr_report *machine_wait(struct machine *w, uint32_t from, uint64_t job,
                                     uint32_t attempt, enum dr_report_kind kind);
const struct dr_report *machine_end(struct machine *w, uint64_t job, uint32_t attempt);

/* ---- what is there ---- */

/* What a file in the job's directory has; empty, where there is none. Good until the next call. */
const char *machine_work_file(struct machine *w, const char *name);
void machine_wait_for_file(struct machine *w, const char *name);

/* How many live processes have `mark` in their environment: nothing else can tell where a process
 * that has left its parent, session and name behind came from. */
uint32_t machine_count_marked(const char *mark);
void machine_wait_for_marked(const char *mark, uint32_t count);
/* The shim's pid, from the attempt's file. */
pid_t machine_shim_of(struct machine *w, uint64_t job, uint32_t attempt);

#endif
