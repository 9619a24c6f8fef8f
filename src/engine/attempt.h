/* SPDX-License-Identifier: Apache-2.0 */
/* attempt.h: one attempt of a job at the local engine, as a file of records.
 *
 * DATA/attempts/JOB.ATTEMPT is all that is known of an attempt here. The controller makes it
 * (O_EXCL is what makes a launch happen once) and writes the order; the shim and the controller
 * append to it; nobody rewrites it. Its shim holds a lock on it (an open file description lock) for
 * as long as it lives, so that "does it run?" has an exact answer that no pid can blur.
 * docs/formats/attempt-directory.md has the layout; the files never leave the machine that wrote
 * them, and a reboot ends every attempt, so nothing here is synced to disk and numbers are in the
 * machine's own order.
 *
 * Used by the controller's side (local*.c) and by the shim. */
#ifndef DR_ENGINE_ATTEMPT_H
#define DR_ENGINE_ATTEMPT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "engine/engine.h"

/* A script, its environment and arguments together. */
#define DR_ORDER_BYTES_MAX (16u << 20)
/* "JOB.ATTEMPT" and its 0. */
#define DR_ATTEMPT_NAME_BYTES 40

enum dr_record_kind {
    DR_RECORD_ORDER = 1, /* what to run: struct dr_launch, encoded; the first record, once */
    DR_RECORD_SHIM,      /* a shim has taken it: struct dr_record_shim; at most once */
    DR_RECORD_STARTED,   /* the first task runs: struct dr_record_started; at most once */
    DR_RECORD_STOP,      /* the controller wants it to leave: struct dr_record_stop; any number */
    DR_RECORD_WARNING,   /* a sentence for a person, no 0 at its end; any number */
    DR_RECORD_END,       /* nothing of it is left: struct dr_record_end; the last that counts */
    DR_RECORD_REFUSED,   /* stopped before it was launched: it may never start; no payload */
};

struct dr_record_shim {
    int64_t time_us;
    uint64_t boot;        /* dr_boot_hash() */
    uint64_t start_ticks; /* field 22 of /proc/PID/stat, so that a pid used again is told apart */
    int32_t pid;          /* as the machine's first process sees it */
    uint32_t unused;
};

struct dr_record_started {
    int64_t time_us;
};

struct dr_record_stop {
    int64_t time_us;
    int64_t grace_us;
    uint32_t signal; /* 0: the order's warn_signal */
    uint32_t unused;
};

struct dr_record_end {
    int64_t time_us;
    int64_t cpu_time_us;
    int64_t memory_mb_peak;
    int32_t outcome; /* enum dr_outcome */
    int32_t exit_code;
    int32_t signal;
    char text[204]; /* ends in 0 */
};

/* What precedes each payload. `hash` covers kind, bytes and payload: a record that a killed writer
 * left half done does not count. */
struct dr_record_header {
    uint32_t kind;
    uint32_t bytes;
    uint64_t hash;
};

/* "71.1" */
const char *dr_attempt_name(dr_job_id job, uint32_t attempt, char name[DR_ATTEMPT_NAME_BYTES]);
/* The reverse; 0 for any other name. */
int dr_attempt_name_parse(const char *name, dr_job_id *job, uint32_t *attempt);

/* Append one record with a single write. DR_E_FULL: the disk is full. */
DR_MUST_USE enum dr_status dr_record_append(int fd, enum dr_record_kind kind, const void *payload,
                                            size_t bytes);

/* Read the record at `*offset` and move `*offset` behind it. Of a payload longer than `payload_max`
 * only that much is read, and its hash is not checked: that is how an order is stepped over.
 * `*bytes` is the whole payload's length.
 *
 * DR_E_END      nothing more, or a record whose writing is not done.
 * DR_E_CORRUPT  what stands there is no record. */
DR_MUST_USE enum dr_status dr_record_read(int fd, uint64_t *offset, enum dr_record_kind *kind,
                                          void *payload, size_t payload_max, size_t *bytes);

/* How an ORDER's payload begins. */
struct dr_order_head {
    uint32_t version; /* DR_ORDER_VERSION, when it was written */
    uint32_t uid;
    uint64_t boot; /* when it was written */
};
#define DR_ORDER_VERSION 3
/* Still read: it ended before the device nodes. */
#define DR_ORDER_VERSION_OLDEST 1

/* An order read back. `launch` points into what the order owns. */
struct dr_order {
    struct dr_launch launch;
    uint64_t boot;
    uint8_t *bytes;
    const char **argv;
    const char **environment;
    struct dr_launch_node *nodes;
    const char **device_ids;
    const char **device_nodes;
};

/* The payload of an ORDER record. DR_E_FULL: more than DR_ORDER_BYTES_MAX. */
DR_MUST_USE enum dr_status dr_order_encode(struct dr_buffer *buffer, const struct dr_launch *launch,
                                           uint64_t boot);

/* Takes `bytes` over (from malloc), whatever the result. DR_E_CORRUPT: not an order. */
DR_MUST_USE enum dr_status dr_order_decode(struct dr_order *order, uint8_t *bytes, size_t length);
void dr_order_deinit(struct dr_order *order);

/* Whether this machine has been rebooted since: a hash of the kernel's boot id. */
uint64_t dr_boot_hash(void);

/* Take the lock that says "a shim works on this attempt". DR_E_EXISTS: another has it. */
DR_MUST_USE enum dr_status dr_attempt_lock(int fd);
/* 1: somebody else holds that lock. Looks without touching it. */
int dr_attempt_locked(int fd);

/* Field 22 of /proc/PID/stat under `proc_fd` ("self" for pid 0), and the process's state letter; 0:
 * no such process. */
uint64_t dr_process_start_ticks(int proc_fd, int32_t pid, char *state);

#endif
