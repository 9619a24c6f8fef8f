/* SPDX-License-Identifier: Apache-2.0 */
/* launcher.h: what the controller's side and the launcher say to each other.
 *
 * `daero-shim launcher` is started once, with a SOCK_SEQPACKET socket as descriptor 3, and says
 * HELLO when it is ready. Then each message is one of the two structs below, whole. Nothing that
 * matters is in a message: the truth is in the attempts' files, so that a message may be lost with
 * either side and be sent again. The launcher ends when its socket closes; the shims that it has
 * forked run on. */
#ifndef DR_ENGINE_LAUNCHER_H
#define DR_ENGINE_LAUNCHER_H

#include <stdint.h>

#define DR_LAUNCHER_SOCKET 3

enum dr_launcher_request_kind {
    DR_LAUNCHER_LAUNCH = 1, /* fork a shim for this attempt; it takes the order if nobody has */
    DR_LAUNCHER_SWEEP,      /* its shim is gone without an end: clear up, then write the end */
    DR_LAUNCHER_DROP,       /* delete what the job saved: DATA/checkpoints/.dropped-JOB */
};

#define DR_DROPPED_PREFIX ".dropped-"

struct dr_launcher_request {
    uint32_t kind;
    uint32_t attempt;
    uint64_t job;
    uint32_t uid; /* LAUNCH */
    uint32_t unused;
};

enum dr_launcher_reply_kind {
    DR_LAUNCHER_HELLO = 1, /* ready; text: what works here */
    DR_LAUNCHER_REFUSES,   /* in place of HELLO: it can't run here; text: why */
    DR_LAUNCHER_BUSY,      /* no process could be made for this attempt: ask again later */
};

struct dr_launcher_reply {
    uint32_t kind;
    uint32_t attempt;
    uint64_t job;
    char text[1024];
};

#endif
