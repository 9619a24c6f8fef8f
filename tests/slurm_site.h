/* SPDX-License-Identifier: Apache-2.0 */
/* slurm_site.h: a real Slurm cluster on loopback (tests/engine/slurm-cluster) with the engine over
 * it, for tests. One cluster serves all tests of a program; it goes when the program ends. What
 * goes wrong fails the test; where Slurm's packages are not installed, tests are skipped. */
#ifndef TESTS_SLURM_SITE_H
#define TESTS_SLURM_SITE_H

#include "engine/slurm.h"

#define SITE_WAIT_US    (40 * DR_SECOND_US)
#define SITE_NODES      2u
#define SITE_GPUS       4u
#define SITE_PATH_BYTES 300

struct site {
    char work[SITE_PATH_BYTES]; /* where jobs write */
    struct dr_slurm_options options;
    struct dr_engine *engine; /* NULL: shut */
    struct dr_report reports[4096];
    uint32_t reports_count;
    uint64_t job; /* the last that site_spec() gave out */
};

/* Before the first site_new(): a cluster whose jobs can't use more memory than they asked for.
 * Skips the test where there is no version 1 of cgroups. */
void site_with_memory_limits(void);
/* The cluster is up, and the engine open and heard of. */
struct site *site_new(void);
void site_open(struct site *w); /* waits until it has been looked at once */
void site_shut(struct site *w);
void site_free(struct site *w);

/* ---- a job of one task on the first node; tests change what they are about ---- */

struct site_spec {
    struct dr_launch launch;
    struct dr_launch_node nodes[4];
    char script[4096];
};

void site_shell(struct site *w, struct site_spec *s, const char *format, ...) DR_PRINTF(3, 4);
void site_argv(struct site *w, struct site_spec *s, const char *const *argv, uint32_t count);
void site_launch(struct site *w, const struct site_spec *s);

/* ---- what is reported ---- */

void site_step(struct site *w, int64_t until_us);
const struct dr_report *site_find(struct site *w, uint32_t from, uint64_t job, uint32_t attempt,
                                  enum dr_report_kind kind);
const struct dr_report *site_wait(struct site *w, uint32_t from, uint64_t job, uint32_t attempt,
                                  enum dr_report_kind kind);
const struct dr_report *site_end(struct site *w, const struct site_spec *s);
uint32_t site_count(struct site *w, uint64_t job, uint32_t attempt, enum dr_report_kind kind);
/* The last report of a node, waited for until it says so. */
void site_wait_for_node(struct site *w, const char *node, int down, int drained, const char *text);

/* ---- what is there ---- */

/* What a file in the jobs' directory has; empty, where there is none. Good until the next call. */
const char *site_file(struct site *w, const char *name);
void site_wait_for_file(struct site *w, const char *name, const char *content);
/* A command of this shell line, with SLURM_CONF set; its output. Good until the next call. */
const char *site_command(const char *format, ...) DR_PRINTF(1, 2);
/* slurm-cluster stop or start, with what follows the directory. */
void site_daemon(const char *action, const char *what);
/* From now on slurmctld calls a node down that is silent for some seconds. */
void site_loses_nodes_soon(void);
const char *site_directory(void);
uint16_t site_port(void);                              /* of slurmrestd */
const char *site_node(uint32_t number, char name[32]); /* from 1 */

#endif
