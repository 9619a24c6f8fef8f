/* SPDX-License-Identifier: Apache-2.0 */
/* engine.h: who runs jobs at a site.
 *
 * An engine is told to launch, warn and stop attempts, and reports what happens to them. The local
 * engine runs processes on this machine; Slurm and Kubernetes come behind the same interface.
 *
 * The contract, which every engine keeps:
 *  - An attempt is (job, attempt). launch() may be called again for one that runs or has ended,
 * after a restart of either side: nothing is started twice, and the reports are given again.
 *  - The engine enforces the time limit, and the grace after a warning, by itself: also while no
 *    controller runs.
 *  - An end is reported once the last process of the attempt is gone and never before: its capacity
 * may be given to another at once. It is reported again after every restart until forget() is
 * called.
 *  - Nothing blocks. The engine's file descriptor becomes readable when poll() has something to do.
 *  - Reports come in the order in which things happened to one attempt.
 *
 *  - A site may be away when its engine is opened. Until it has been looked at once, list() and
 *    stop() give DR_E_IO; a report DR_REPORT_SITE with `answers` 1 says that it has been.
 *  - Operations at the end of `struct dr_engine_operations` may be NULL, each says what that means.
 *
 * Read `struct dr_engine_operations` first, then engine/local.h for the one that runs here. */
#ifndef DR_ENGINE_ENGINE_H
#define DR_ENGINE_ENGINE_H

#include "core/types.h"

struct dr_engine;

/* Whom a warning reaches. */
enum dr_warn_to {
    DR_WARN_ALL,    /* every process of the attempt */
    DR_WARN_SCRIPT, /* the script's own */
    DR_WARN_STEPS,  /* what the script started through the site's launcher */
};

/* An order to run one attempt. All pointers are borrowed for the call of launch(). */
struct dr_launch {
    dr_job_id job;
    uint32_t attempt;     /* from 1 */
    uint64_t epoch;       /* of the controller that gives the order */
    uint32_t maybe_given; /* 1: one before it decided this, and may have given the order already */
    int64_t decided_us;   /* wall clock: when it was placed. 0: unknown; then an engine whose site
                             forgets ended jobs takes it for recent */

    /* What the user wrote. */
    const char *name;
    const char *script; /* NULL: run argv */
    uint32_t script_bytes;
    const char *const *argv; /* [argv_count]; with a script, its arguments */
    uint32_t argv_count;
    const char *const *environment; /* [environment_count] "NAME=value" */
    uint32_t environment_count;
    const char *directory; /* working directory; "" : the user's home, else / */
    const char *output;    /* pattern with %j %a %A %t %x %u %%; "" : "daero-%j.out" in directory */
    const char *error;     /* "": the same file as output */
    const char *input;     /* "": /dev/null */
    uint32_t open_mode_append; /* 1: append instead of truncate; later attempts always append */

    /* Who. */
    uint32_t uid; /* never 0 */
    uint32_t gid;
    const char *user;  /* name for the environment */
    const char *login; /* name of the Unix account that runs it, for sites with accounts of their
                          own; never root */

    /* Where: one entry per node of the placement. */
    const struct dr_launch_node *nodes;
    uint32_t nodes_count;
    const char *site;
    const char *account;     /* leaf account that the job is charged to */
    const char *partition;   /* of the pool, where the site has such; "": its default */
    const char *gres;        /* what the site calls the pool's accelerators: "gpu:h200"; "": none */
    const char *chip;        /* "" for a job without accelerators */
    const char *chip_vendor; /* "nvidia" sets CUDA_VISIBLE_DEVICES; others per engine/visible.h */
    uint32_t chip_virtual;   /* 1: declared, not real */

    /* How. */
    uint32_t tasks;
    uint32_t accelerators_per_task; /* whole ones; 0: none, or a share of one */
    uint32_t cpus_per_task_milli;
    uint32_t memory_mb_per_task;
    uint32_t run_every_task; /* 1: script runs once per task (default for argv); 0: once, on the
                                first node, as with sbatch, and it starts its own tasks */
    int64_t limit_us;        /* of this attempt */
    uint32_t
        warn_signal; /* sent when told to leave, and warn_before_us before the limit; 0: SIGTERM */
    int64_t warn_before_us; /* 0: no warning before the limit */
    int64_t grace_us;       /* between a warning to leave and the end */
    /* an array's element; array_job 0: none */
    dr_job_id array_job;
    uint32_t array_index, array_min, array_max, array_count;
    uint32_t array_step; /* 0: unknown */
    /* what sbatch calls tasks, so many in each task here, which a script that runs once starts
     * itself: they share the task's CPUs, memory and accelerators. 0, 1: one */
    uint32_t ranks;
    /* for sites with a workload manager of their own; others pass them over */
    enum dr_warn_to warn_to;
    uint32_t exclusive; /* 1: it has whole nodes: its task's CPUs are all of a node's */
    uint32_t requeue;   /* 1: its user said that it may run again, and may say so to the site */
};

struct dr_launch_node {
    const char *name;
    uint32_t tasks;
    uint64_t accelerators;           /* bit = accelerator */
    const char *const *device_ids;   /* per set bit, lowest first: what the vendor's variable wants;
                                        NULL: the bit's number */
    const char *const *device_nodes; /* per set bit, lowest first: "/dev/nvidia0", all that the
                                        attempt may open; NULL: unknown, it may open any */
};

enum dr_report_kind {
    DR_REPORT_STARTED, /* the first task runs: time_us */
    DR_REPORT_ENDED,   /* everything of the attempt is gone: outcome, exit_code, signal, time_us */
    DR_REPORT_CHECKPOINT, /* the job said that it saved its work: time_us */
    DR_REPORT_WARNING,    /* something a person should read: text; the attempt goes on. Job 0: of
                             the site itself */
    /* Of the site, not of an attempt: job is 0. */
    DR_REPORT_SITE,  /* it stopped or began to answer: `answers`, text: why */
    DR_REPORT_NODE,  /* one of the declared nodes, as the site has it now: node, node_down,
                        node_drained; text: the reason given there. Said once per change, and
                        after an opening or a declare() for every node that is not plainly usable,
                        and for every one that was declared drained or down and is usable */
    DR_REPORT_REACH, /* of an attempt whose site answers: `answers` 0: it can't be told whether it
                        runs on, text: why; 1: it can be told again. Its end comes as any other */
};

struct dr_report {
    enum dr_report_kind kind;
    dr_job_id job;
    uint32_t attempt;
    int64_t time_us;
    enum dr_outcome outcome;
    int32_t exit_code;
    int32_t signal;
    int64_t cpu_time_us;    /* ENDED: user and system time of all its processes; 0: unknown */
    int64_t memory_mb_peak; /* ENDED; 0: unknown */
    char node[DR_NAME_BYTES + 12]; /* NODE */
    uint8_t node_down;             /* NODE: lost, or not there at all */
    uint8_t node_drained;          /* NODE: runs what runs, takes nothing new */
    uint8_t answers;               /* SITE, REACH */
    char text[200];                /* why a launch failed, and the like: a sentence for the user */
};

/* A node that the federation declares for the engine's site. */
struct dr_engine_node {
    const char *name;
    const char *partition; /* of its pool; "": the site's default */
    const char *gres;      /* as in struct dr_launch */
    uint32_t accelerators;
    int64_t cpus_milli;
    int64_t memory_mb;
    uint32_t drained; /* as the controller has it, by whoever's word */
    uint32_t down;    /* the same */
};

/* How a site does, for `daero sites`. Times are wall-clock microseconds. */
struct dr_engine_health {
    uint32_t answers;
    int64_t heard_us; /* when it last answered; 0: never */
    int64_t lag_us;   /* how long its last answer took */
    uint32_t nodes;   /* declared nodes that the site has */
    uint32_t usable;  /* those of them that can take jobs */
    uint32_t foreign; /* jobs there that are not the federation's */
    char error[200];  /* the last one, in words; "": none since it answers */
};

/* What runs at the site, for reconciling after a restart. */
struct dr_engine_attempt {
    dr_job_id job;
    uint32_t attempt;
    uint32_t ended; /* 1: its end is known and will be reported again */
    uint32_t waits; /* 1: the site has not begun it */
};

/* An attempt that the state has at the site, and list() does not have as that. */
struct dr_engine_expected {
    dr_job_id job;
    uint32_t attempt;
    uint32_t begun;     /* it was reported as started */
    uint32_t told;      /* it was told to leave */
    int64_t decided_us; /* as in struct dr_launch */
    const char *partition;
    const struct dr_launch_node *nodes; /* [nodes_count], borrowed */
    uint32_t nodes_count;
};

struct dr_engine_operations {
    const char *name;

    /* Start one attempt. DR_OK: the order is kept, and reports will tell the rest. DR_E_IO: the
     * order may or may not have been kept: ask again later with the same order. DR_E_INPUT: it can
     * never be carried out (`error` says why): the caller ends the attempt as LAUNCH_FAILED. */
    enum dr_status (*launch)(struct dr_engine *engine, const struct dr_launch *launch,
                             struct dr_error *error);

    /* Tell an attempt to leave: send `signal` (0: the launch's warn_signal) to all its processes,
     * and KILL after `grace_us` (0: at once). Again with a shorter grace: the shorter holds. An
     * attempt that is not there: DR_E_MISSING, and it will never start. */
    enum dr_status (*stop)(struct dr_engine *engine, dr_job_id job, uint32_t attempt,
                           uint32_t signal, int64_t grace_us);

    /* The end of this attempt is durable at the controller: its records may go. */
    enum dr_status (*forget)(struct dr_engine *engine, dr_job_id job, uint32_t attempt);

    /* Everything that is there and not forgotten. `each` is called per attempt. */
    enum dr_status (*list)(struct dr_engine *engine,
                           void (*each)(void *context, const struct dr_engine_attempt *attempt),
                           void *context);

    /* Readable when poll() should be called. */
    int (*descriptor)(const struct dr_engine *engine);

    /* Take up to reports_max reports; returns how many. Never waits. */
    uint32_t (*poll)(struct dr_engine *engine, struct dr_report *reports, uint32_t reports_max);

    /* What works here and what is missing, in words, for `daero sites`: "cgroup v1 cpu memory pids;
     * namespaces mount pid ipc uts; seccomp; no devices cgroup: ...". */
    const char *(*describe)(const struct dr_engine *engine);

    /* The controller goes away; attempts run on. */
    void (*close)(struct dr_engine *engine);

    /* ---- may be NULL ---- */

    /* All nodes that the federation declares for this site, after opening and after every change.
     * Copied. NULL: the engine has no nodes of its own. */
    void (*declare)(struct dr_engine *engine, const struct dr_engine_node *nodes, uint32_t count);

    /* An operator of the federation drained (1) or resumed (0) a node: the site is told.
     * Idempotent. DR_E_MISSING: the site has no such node. DR_E_UNSUPPORTED: what is declared are
     * no nodes of the site, so that a drain stays a matter of the federation. NULL: the site need
     * not know. */
    enum dr_status (*drain)(struct dr_engine *engine, const char *node, uint32_t drained,
                            const char *reason);

    /* The caller has an attempt there and list() does not have it, or as one that waits although it
     * was begun. It is not launched: DR_REPORT_REACH with `answers` 0 follows where it may run on
     * unseen, and its end once nothing of it can. NULL: what list() does not have is gone. */
    void (*expect)(struct dr_engine *engine, const struct dr_engine_expected *expected);

    /* NULL: a site that always answers. */
    void (*health)(const struct dr_engine *engine, struct dr_engine_health *health);
};

/* Every engine's struct begins with this. */
struct dr_engine {
    const struct dr_engine_operations *operations;
};

#endif
