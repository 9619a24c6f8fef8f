/* SPDX-License-Identifier: Apache-2.0 */
/* shim.h: the parts of daero-shim, the small program that starts and watches attempts.
 *
 *  - launcher.c: one process, started by the controller. Prepares what all attempts share (the view
 *    of the file system, the cgroups' parents, the seccomp filter) and forks a shim for each.
 *  - sandbox.c: what of that this machine offers, and each attempt's own part of it.
 *  - cgroup.c: limits and counts for an attempt as a whole.
 *  - devices.c: which device nodes an attempt may open.
 *  - watch.c: the shim, which takes an order and watches it to its end; start.c: from the order to
 *    the running tasks; sweep.c: what is left where a shim was lost.
 *  - task.c: what happens between fork and exec. */
#ifndef DR_SHIM_H
#define DR_SHIM_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/attempt.h"

#define GROUPS_MAX_ 64
#define PATH_BYTES  4096

struct cgroup;
struct stat;

/* ---- devices.c ---- */

#define DEVICE_RULES_MAX 96 /* 64 accelerators, control nodes, pseudo devices */

struct device_rule {
    uint32_t type; /* 'c' or 'b' */
    uint32_t major, minor;
};

/* What an attempt may open. */
struct device_rules {
    struct device_rule rules[DEVICE_RULES_MAX];
    uint32_t count;
    int open; /* 1: anything, since nobody knows which nodes its accelerators are */
};

struct device_wall {
    int version;    /* of cgroups, that it is made with; 0: there is none */
    int parent;     /* version 1: where attempts' cgroups are made; -1: none */
    int home;       /* version 1: the `tasks` that the launcher came from */
    char plain[16]; /* version 1: of the launcher's cgroup, below the parent */
    int program;    /* version 2: that of attempts without real accelerators */
};

/* The pseudo devices, the accelerators' nodes, and what their driver's library needs besides. */
void device_rules_of(struct device_rules *rules, const struct dr_launch *launch);
/* 1: the rules don't forbid to open what `info` is about. */
int device_rules_allow(const struct device_rules *rules, const struct stat *info);

/* Try to build the wall; wall->version tells. `parent`: the directory for attempts' cgroups;
 * `home`: open for writing, kept. Version 1 puts this very process, and what it forks, behind it.
 */
void device_wall_open_1(struct device_wall *wall, int parent, int home);
void device_wall_open_2(struct device_wall *wall, int parent);
/* The launcher ends. A process of it that may outlive it leaves before, so that nothing is left. */
void device_wall_close(struct device_wall *wall);
void device_wall_leave(const struct device_wall *wall);
/* For the tasks of one attempt, whose cgroup has been opened. */
enum dr_status device_wall_enter(struct cgroup *cgroup, const char *name,
                                 const struct device_rules *rules);

/* ---- cgroup.c ---- */

enum cgroup_part { CGROUP_MEMORY, CGROUP_CPU, CGROUP_PIDS, CGROUP_PARTS };

/* Where attempts' cgroups are made. Version 1: a directory per controller; version 2: parent[0]
 * holds all, and the others repeat its controllers' presence. */
struct cgroup_tree {
    int version;                         /* 0: none */
    int parent[CGROUP_PARTS];            /* -1: this controller is not to be had */
    char path[CGROUP_PARTS][PATH_BYTES]; /* of the parents */
    struct device_wall devices;
    char devices_path[PATH_BYTES]; /* version 1: of the wall's parent */
    char text[240];                /* "cgroup v1 memory cpu pids devices" or why there is none */
};

struct cgroup_limits {
    int64_t memory_mb; /* 0: none */
    int64_t cpus_milli;
    int64_t pids;
};

/* Making and removing a cgroup of version 1 costs more than starting a process in it, so an
 * attempt's is used again by a later one. In memory that launcher and shims share: the launcher
 * hands a slot out when it forks, and takes it back when it has reaped that child; in between it is
 * the shim's to write. */
struct cgroup_slot {
    char name[24];               /* of its directories; "" : never used */
    pid_t pid;                   /* launcher's: whose it is; 0: free */
    struct cgroup_limits limits; /* as last set */
    uint64_t oom_kills;          /* counted up to the last attempt's end */
    int made;                    /* the directories are there */
    int retire;                  /* not to be used again: remove it */
};

/* An attempt's. `procs` are open for writing "0". */
struct cgroup {
    struct cgroup_tree *tree;
    struct cgroup_slot *slot; /* NULL: of its own, removed at its end */
    uint64_t oom_kills_before;
    char name[DR_ATTEMPT_NAME_BYTES];
    int directory[CGROUP_PARTS];
    int procs[CGROUP_PARTS];
    char devices[DR_ATTEMPT_NAME_BYTES]; /* its directory behind the wall; "": none of its own */
    int devices_tasks;                   /* open for writing "0"; -1: none */
};

/* Find and make the parents, named after `instance`. Never fails: see version and text. */
void cgroup_tree_open(struct cgroup_tree *tree, const char *instance);
/* Remove what launchers before this one have left: empty, and a minute old. */
void cgroup_tree_tidy(const struct cgroup_tree *tree);
/* The launcher goes: the parents go too, where no attempt is left in them. */
void cgroup_tree_close(struct cgroup_tree *tree);
/* Make an attempt's, or take the slot's, and set its limits. `name` is for one without a slot. */
enum dr_status cgroup_open(struct cgroup *cgroup, struct cgroup_tree *tree,
                           struct cgroup_slot *slot, const char *name,
                           const struct cgroup_limits *limits, char *wrong, size_t wrong_bytes);
/* How often the kernel killed a process of it for memory, and the most memory it had, in MB. */
uint64_t cgroup_oom_kills(const struct cgroup *cgroup);
int64_t cgroup_memory_mb_peak(const struct cgroup *cgroup);
/* Kill what is in it; returns how many processes that were. */
uint32_t cgroup_kill(const struct cgroup *cgroup);
/* It is empty: remove it, or leave the slot ready for the next. */
void cgroup_close(struct cgroup *cgroup);
/* A slot that nobody uses any more: remove its directories. 0: the kernel has not let go of them
 * yet. */
int cgroup_slot_remove(const struct cgroup_tree *tree, struct cgroup_slot *slot);
/* Kill and remove whatever is left of a lost attempt. 1: nothing is left. */
int cgroup_sweep(const struct cgroup_tree *tree, const char *name);

/* ---- sandbox.c ---- */

struct sandbox_options {
    const char *data;
    int network_none;
    int shared_tmp;
    int required;
};

struct sandbox {
    const char *data;
    uint64_t boot;
    uint64_t namespaces; /* CLONE_NEW* that each attempt gets; 0: none work here */
    int root;            /* may become other users */
    int private_tmp;
    int network_none;
    int attempts;    /* directory DATA/attempts */
    int checkpoints; /* directory DATA/checkpoints */
    int scripts;     /* directory where scripts are put, readable by their owners alone */
    int proc;        /* the machine's /proc */
    char scripts_path[PATH_BYTES];
    struct cgroup_tree cgroups;
    struct sock_fprog filter; /* len 0: no seccomp */
    char text[1000];          /* for describe() */
};

/* Find out what works here and prepare the part that attempts share; changes this process's own
 * view of the file system. DR_E_UNSUPPORTED, with `wrong`: something needed is not there. */
enum dr_status sandbox_open(struct sandbox *sandbox, const struct sandbox_options *options,
                            char *wrong, size_t wrong_bytes);

/* A child in namespaces of its own; like fork. */
pid_t sandbox_fork(const struct sandbox *sandbox);

/* In that child: /proc and /tmp of its own, and with network_none a loopback that is up.
 * `directory` is the job's: it stays visible where it lies under /tmp. */
enum dr_status sandbox_enter(const struct sandbox *sandbox, const char *directory, char *wrong,
                             size_t wrong_bytes);

/* From here on this process and its children may not make the denied calls. */
enum dr_status sandbox_filter(const struct sandbox *sandbox);

/* ---- task.c ---- */

/* What the machine says of a user. */
struct account {
    uint32_t uid;
    int64_t read_us; /* when, on the monotonic clock */
    char home[256];
    char shell[128];
    gid_t groups[GROUPS_MAX_];
    int groups_count;
};

/* Where a start failed. */
enum task_stage {
    TASK_STAGE_NONE,
    TASK_STAGE_CGROUP,
    TASK_STAGE_USER,
    TASK_STAGE_DIRECTORY,
    TASK_STAGE_EXEC,
};

struct task_start {
    const struct dr_launch *launch;
    const struct cgroup *cgroup;
    int drop_user;         /* become launch->uid */
    int die_with_parent;   /* where no pid namespace does it */
    const char *directory; /* to run in */
    const char *program;   /* a path; else argv[0] is looked for in PATH */
    const char *path;      /* the job's PATH */
    char *const *argv;
    char *const *environment;
    int input, output, error;
    /* filled when it fails */
    enum task_stage stage;
    int failure; /* errno */
};

/* Start one task; -1: see stage and failure. */
pid_t task_start(struct task_start *start);

/* ---- watch.c, sweep.c ---- */

/* The life of a shim, from order to end. Does not return. */
DR_NORETURN void watch_attempt(struct sandbox *sandbox, const struct account *account,
                               struct cgroup_slot *slot, const struct cgroup_limits *defaults,
                               dr_job_id job, uint32_t attempt);

/* What is left of an attempt whose shim was lost: kill it, then write its end. */
void watch_sweep(struct sandbox *sandbox, dr_job_id job, uint32_t attempt);

/* ---- launcher.c ---- */

int launcher_main(int argument_count, char **arguments);

#endif
