/* SPDX-License-Identifier: Apache-2.0 */
/* replay.h: a controller's journal once more, from its first fact.
 *
 * Two things are done again, and compared with what the journal says:
 *
 *  - the fold: every fact is applied, and the state's hash compared wherever the journal has one;
 *  - the decisions: a second core gets those facts alone that came from outside (what people asked
 *    for, what sites reported, ticks), decides at the journal's own times, and has to make the very
 *    facts that the journal has, byte for byte.
 *
 * In a batch, what was admitted comes first and what was decided upon it last; the two are told
 * apart by who asked and by the kind (from_outside() in replay.c).
 *
 * Decisions are functions of the state but for what is remembered of those who were refused, which
 * may delay somebody. So the second core goes the way that the controller went: at a start it is
 * loaded from what it was at the snapshot that the controller read, then put on by the facts since
 * (LEADER_TOOK says from which). dr_replay_directory() does all this; journals of older programs
 * don't say it, and there the second core starts from the first one's state. */
#ifndef DR_SIM_REPLAY_H
#define DR_SIM_REPLAY_H

#include "base/buffer.h"
#include "core/core.h"
#include "store/store.h"

struct dr_replay;

/* What the journal has and the decision made again has not, or the other way round. */
struct dr_replay_difference {
    uint64_t seq; /* of the first fact that differs; 0: none does */
    uint32_t policy;
    char program[DR_NAME_BYTES]; /* who wrote it */
    char text[600];              /* what was found, what was expected */
};

struct dr_replay_figures {
    uint64_t batches;
    uint64_t facts;
    uint64_t outside;     /* facts that came from outside */
    uint64_t leaders;     /* starts of a controller */
    uint64_t checkpoints; /* hashes of the state that were compared, those of snapshots too */
    uint64_t snapshots;   /* of them */
    uint64_t decisions;   /* made again, those that come to nothing too */
    uint64_t decided;     /* facts that they made */
    uint64_t left_out;    /* batches whose decisions were not made again, after a difference */
    uint64_t seq;         /* the last fact, and the state after it */
    uint64_t state_hash;
    int64_t first_us;
    int64_t last_us;
    struct dr_replay_difference difference; /* the first by a controller of this policy */
    struct dr_replay_difference other;      /* the first by one of another policy, or by a program
                                               that did not write down yet from which fact it read,
                                               and when it decided nothing: no mistake */
};

/* DR_E_FULL: too little address space. */
DR_MUST_USE enum dr_status dr_replay_open(struct dr_replay **replay, struct dr_error *error);
/* Accepts NULL. */
void dr_replay_close(struct dr_replay *replay);

/* The next batch. DR_E_CORRUPT: a record can't be read, or the state is another one than its hash
 * says. A decision that differs is no failure: see the figures. A fact that contradicts the state's
 * structure ends the process, as everywhere; `progress` says where. */
DR_MUST_USE enum dr_status dr_replay_batch(struct dr_replay *replay,
                                           const struct dr_store_read *batch,
                                           struct dr_error *error);
/* For a start that is to come: what the second core is now. DR_E_FULL. */
DR_MUST_USE enum dr_status dr_replay_save(const struct dr_replay *replay, struct dr_buffer *state);
/* The second core becomes that again; NULL: an empty one. Then it gets the facts up to the start,
 * and dr_replay_batch() the batch in which the controller took the lead. */
DR_MUST_USE enum dr_status dr_replay_load(struct dr_replay *replay, const struct dr_buffer *state,
                                          struct dr_error *error);
DR_MUST_USE enum dr_status dr_replay_catch_up(struct dr_replay *replay,
                                              const struct dr_store_read *batch,
                                              struct dr_error *error);

/* A hash of the state after the batch that was the last, by a snapshot. */
DR_MUST_USE enum dr_status dr_replay_snapshot(struct dr_replay *replay, uint64_t state_hash,
                                              struct dr_error *error);

struct dr_replay_figures dr_replay_figures(const struct dr_replay *replay);
const struct dr_core *dr_replay_core(const struct dr_replay *replay);

/* Which fact is being applied, for who looks on from another process; NULL: nobody does. */
void dr_replay_watch(struct dr_replay *replay, volatile uint64_t *seq);

/* All of the journal in a controller's data directory, which may run meanwhile; the snapshots that
 * lie there are compared too. DR_E_MISSING, DR_E_IO, DR_E_UNSUPPORTED as dr_store_open(). */
DR_MUST_USE enum dr_status dr_replay_directory(struct dr_replay *replay, const char *directory,
                                               struct dr_error *error);

#endif
