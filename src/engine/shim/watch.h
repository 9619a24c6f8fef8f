/* SPDX-License-Identifier: Apache-2.0 */
/* watch.h: what the files of a shim's life share: watch.c, start.c, sweep.c. */
#ifndef DR_SHIM_WATCH_H
#define DR_SHIM_WATCH_H

#include "engine/shim/shim.h"

struct watch {
    struct sandbox *sandbox;
    const struct account *account;
    char name[DR_ATTEMPT_NAME_BYTES];
    int file; /* the attempt's; we hold its lock */
    struct dr_order order;
    struct cgroup cgroup;
    struct cgroup_limits limits;
    struct device_rules devices;
    int signals;
    char directory[PATH_BYTES]; /* where the job runs */
    char checkpoint_directory[PATH_BYTES];
    char script_path[PATH_BYTES + DR_ATTEMPT_NAME_BYTES + 16];
    int script_written;

    pid_t *tasks; /* [tasks_count], 0: ended */
    uint32_t tasks_count, tasks_left;
    int64_t started_us;                 /* monotonic */
    int64_t warn_us, limit_us, kill_us; /* monotonic; DR_FOREVER_US: never */
    int stopped, timed_out, gang_ending, killing;
    int failed, failed_status; /* of the first task that failed */
    struct dr_record_end end;
};

struct streams {
    int input;
    int *output; /* [outputs_count] */
    int *error;
    uint32_t outputs_count; /* 1, or one per task */
};

/* ---- start.c ---- */

/* Make or take the attempt's cgroup; ends the attempt where that fails, as all of these do. */
void enter_cgroup(struct watch *watch, struct cgroup_slot *slot);
/* Find the directory and open input and output, in the user's name. */
void open_streams(struct watch *watch, struct streams *streams);
void write_script(struct watch *watch);
/* Start them, close the streams here, tell that it has started. */
void start_tasks(struct watch *watch, const struct streams *streams);

/* ---- watch.c ---- */

/* The end has to be known: a full disk is waited for. */
void append_end(int file, const struct dr_record_end *end);
DR_NORETURN void launch_failed(struct watch *watch, const char *format, ...) DR_PRINTF(2, 3);

#endif
