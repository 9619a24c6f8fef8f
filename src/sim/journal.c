/* SPDX-License-Identifier: Apache-2.0 */
/* A controller's data directory, given to replay.c batch by batch; read replay_store() first. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/assert.h"
#include "sim/replay.h"
#include "store/snapshot.h"

#define SNAPSHOTS_MAX    4 /* the store keeps two */
#define FACT_ARENA_BYTES (64u << 20)

struct checkpoint {
    uint64_t seq;
    uint64_t state_hash;
};

/* Those that are whole and of this history; a running controller may put a newer one there. */
static uint32_t list_snapshots(struct dr_store *store, struct checkpoint *found)
{
    uint32_t count = 0;
    uint64_t seq = UINT64_MAX;

    while (count < SNAPSHOTS_MAX) {
        struct dr_snapshot snapshot = {.bytes = 0};

        if (dr_snapshot_before(store, seq, &snapshot, NULL, NULL) != DR_OK)
            break;
        seq = snapshot.at.seq;
        found[count] = (struct checkpoint){seq, snapshot.at.state_hash};
        count += 1;
        dr_snapshot_close(&snapshot);
    }
    return count;
}

/* ---- the starts of controllers ---- */

/* A controller's start: the facts from `from` on were put on what a snapshot had. */
struct start {
    uint64_t seq; /* of the fact that says so */
    uint64_t from;
    struct dr_buffer state; /* what the second core was before `from` */
};

struct journal {
    struct dr_replay *replay;
    struct dr_store *store;
    const char *directory;
    struct checkpoint snapshots[SNAPSHOTS_MAX];
    uint32_t snapshots_count;
    struct start *starts;
    uint32_t starts_count;
    uint32_t next; /* start that is to come */
};

static enum dr_status open_reader(const struct journal *journal, uint64_t seq,
                                  struct dr_store_reader **reader, struct dr_error *error)
{
    enum dr_status status = dr_store_reader_open(reader, journal->store, seq);

    if (status != DR_OK)
        dr_error_set(error, journal->directory, 0, DR_STORE_FILE, dr_store_failure(journal->store),
                     "readable facts");
    return status;
}

/* Its fact is the first of its batch. */
static enum dr_status note_start(struct journal *journal, const struct dr_store_read *batch,
                                 struct dr_arena *arena, struct dr_error *error)
{
    struct dr_fact fact;
    uint32_t taken;

    dr_arena_reset(arena, 0);
    if (dr_fact_decode(batch->payload, batch->payload_bytes, arena, &fact, &taken, error) !=
            DR_OK ||
        fact.kind != DR_FACT_LEADER_TOOK || fact.leader_took.facts_from == 0)
        return DR_OK; /* what can't be read is said when it is its turn */
    if (fact.leader_took.facts_from > batch->seq_first) {
        dr_error_set(error, journal->directory, 0, DR_STORE_FILE, "a later one",
                     "facts_from up to %" PRIu64 " in the LEADER_TOOK that is fact %" PRIu64,
                     batch->seq_first, batch->seq_first);
        return DR_E_CORRUPT;
    }
    if ((journal->starts_count & (journal->starts_count - 1)) == 0)
        journal->starts =
            realloc(journal->starts, 2 * (journal->starts_count + 1) * sizeof *journal->starts);
    DR_ASSERT(journal->starts != NULL);
    journal->starts[journal->starts_count] =
        (struct start){.seq = batch->seq_first, .from = fact.leader_took.facts_from};
    journal->starts_count += 1;
    return DR_OK;
}

static enum dr_status list_starts(struct journal *journal, struct dr_error *error)
{
    struct dr_store_reader *reader = NULL;
    struct dr_store_read batch;
    struct dr_arena arena;
    enum dr_status status = dr_arena_init(&arena, FACT_ARENA_BYTES);

    if (status != DR_OK) {
        dr_error_set(error, NULL, 0, "memory", dr_status_text(status), "room to read facts");
        return status;
    }
    status = open_reader(journal, 1, &reader, error);
    while (status == DR_OK && (status = dr_store_reader_next(reader, &batch, error)) == DR_OK)
        status = note_start(journal, &batch, &arena, error);
    dr_store_reader_close(reader);
    dr_arena_deinit(&arena);
    return status == DR_E_END ? DR_OK : status;
}

/* What was read since the snapshot, up to the start. */
static enum dr_status go_to_start(struct journal *journal, struct dr_error *error)
{
    struct start *start = &journal->starts[journal->next];
    struct dr_store_reader *reader = NULL;
    struct dr_store_read batch = {.seq_first = 0};
    enum dr_status status =
        dr_replay_load(journal->replay, start->from == 1 ? NULL : &start->state, error);

    dr_buffer_deinit(&start->state);
    journal->next += 1;
    if (status == DR_OK)
        status = open_reader(journal, start->from, &reader, error);
    while (status == DR_OK && start->from < start->seq &&
           batch.seq_first + batch.facts_count < start->seq) {
        status = dr_store_reader_next(reader, &batch, error);
        if (status == DR_OK)
            status = dr_replay_catch_up(journal->replay, &batch, error);
    }
    dr_store_reader_close(reader);
    return status;
}

/* ---- all of it ---- */

static enum dr_status replay_batch(struct journal *journal, const struct dr_store_read *batch,
                                   struct dr_error *error)
{
    uint64_t last = batch->seq_first + batch->facts_count - 1;
    enum dr_status status = DR_OK;

    if (journal->next < journal->starts_count &&
        journal->starts[journal->next].seq == batch->seq_first)
        status = go_to_start(journal, error);
    if (status == DR_OK)
        status = dr_replay_batch(journal->replay, batch, error);
    for (uint32_t i = 0; status == DR_OK && i < journal->snapshots_count; i += 1)
        if (journal->snapshots[i].seq == last)
            status = dr_replay_snapshot(journal->replay, journal->snapshots[i].state_hash, error);
    for (uint32_t i = journal->next; status == DR_OK && i < journal->starts_count; i += 1)
        if (journal->starts[i].from == last + 1)
            status = dr_replay_save(journal->replay, &journal->starts[i].state);
    return status;
}

static enum dr_status replay_store(struct journal *journal, struct dr_error *error)
{
    struct dr_store_reader *reader = NULL;
    struct dr_store_read batch;
    enum dr_status status = list_starts(journal, error);

    if (status == DR_OK)
        status = open_reader(journal, 1, &reader, error);
    while (status == DR_OK && (status = dr_store_reader_next(reader, &batch, error)) == DR_OK)
        status = replay_batch(journal, &batch, error);
    dr_store_reader_close(reader);
    for (uint32_t i = 0; i < journal->starts_count; i += 1)
        dr_buffer_deinit(&journal->starts[i].state);
    free(journal->starts);
    return status == DR_E_END ? DR_OK : status;
}

enum dr_status dr_replay_directory(struct dr_replay *replay, const char *directory,
                                   struct dr_error *error)
{
    struct journal journal = {.replay = replay, .directory = directory};
    enum dr_status status = dr_store_open(&journal.store, directory, DR_STORE_READ, error);

    if (status != DR_OK)
        return status;
    journal.snapshots_count = list_snapshots(journal.store, journal.snapshots);
    status = replay_store(&journal, error);
    dr_store_close(journal.store);
    return status;
}
