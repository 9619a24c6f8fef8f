/* SPDX-License-Identifier: Apache-2.0 */
/* See replay.h; read dr_replay_batch() first. */
#include "sim/replay.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/math.h"
#include "base/text.h"
#include "core/state.h"

#define FACT_ARENA_BYTES (64u << 20)
#define RECORD_BYTES     DR_FACT_BYTES_MAX
#define NOTHINGS_MAX     64
#define STATE_BYTES_MAX  ((size_t)8 << 30)

struct dr_replay {
    struct dr_core *core;    /* every fact of the journal */
    struct dr_core *decider; /* what came from outside, and what is decided again; NULL: not now */
    struct dr_arena arena;   /* of the batch */
    struct dr_arena facts;   /* lists of one fact */
    struct dr_batch batch;   /* what the decider makes */
    uint8_t *record;         /* [RECORD_BYTES] a fact of the journal as this program writes it */
    uint32_t policy;         /* of the controller that led */
    int notes_all;           /* it wrote down all that its decisions came from */
    char program[DR_NAME_BYTES];
    uint64_t agreed_seq; /* the last fact at which hashes were the same */
    int just_led;        /* the batch before was a leader's first */
    volatile uint64_t *watched;
    struct dr_replay_figures figures;
};

/* ---- reading a batch ---- */

/* Where the parts of a batch lie. */
struct parts {
    uint32_t outside;       /* facts from outside, which come first */
    uint32_t outside_bytes; /* of them */
    int leads;              /* a leader took it */
    int reaches_alone;      /* nothing but sites that answer or don't */
    uint32_t body;          /* facts, and */
    uint32_t body_bytes;    /* their bytes, without the note at the end */
    uint32_t nothings;      /* decisions before that came to nothing */
    int64_t nothing_us[NOTHINGS_MAX];
};

/* Asked for by somebody, or of a kind that dr_admit() alone makes. (It also ends those at once who
 * depended on a job that has ended; a decision, made first, does the same.) */
static int from_outside(const struct dr_fact *fact)
{
    if (fact->user.v != 0 || fact->source != NULL)
        return 1;
    switch ((uint32_t)fact->kind) {
    case DR_FACT_JOB_PROMISED:
    case DR_FACT_PROMISE_DROPPED:
    case DR_FACT_RESERVATION_MADE:
    case DR_FACT_RESERVATION_DROPPED:
    case DR_FACT_JOB_PLACED:
    case DR_FACT_JOB_ENDED:
    case DR_FACT_POWER_SHORT:
    case DR_FACT_NODES_POWER:
    case DR_FACT_WINDOW_HELD:
    case DR_FACT_POOL_REMOVED:
    case DR_FACT_ACCOUNT_REMOVED:
    case DR_FACT_GROUP_REMOVED:
    case DR_FACT_SITE_REMOVED:
    case DR_FACT_CHIP_REMOVED:
        return 0;
    case DR_FACT_WINDOW_DROPPED:
        return !fact->window_dropped.over;
    case DR_FACT_NODE_FLAGS:
        return !fact->node_flags.removed;
    case DR_FACT_ATTEMPT_STOPPING:
        return fact->attempt_stopping.cause == DR_STOP_CANCEL ||
               fact->attempt_stopping.cause == DR_STOP_NODE;
    default:
        return 1;
    }
}

static enum dr_status corrupt(struct dr_error *error, const char *field, const char *found,
                              const char *expected)
{
    dr_error_set(error, DR_STORE_FILE, 0, field, found, "%s", expected);
    return DR_E_CORRUPT;
}

static enum dr_status read_fact(struct dr_replay *replay, const uint8_t *bytes, uint32_t count,
                                uint64_t seq, struct dr_fact *fact, uint32_t *taken,
                                struct dr_error *error)
{
    struct dr_error inner = {0};
    char field[DR_TEXT_BYTES];
    enum dr_status status;

    dr_arena_reset(&replay->facts, 0);
    status = dr_fact_decode(bytes, count, &replay->facts, fact, taken, &inner);
    fact->seq = seq;
    if (status == DR_OK)
        return DR_OK;
    dr_format(field, sizeof field, "fact %" PRIu64, seq);
    return corrupt(error, field, status == DR_E_END ? "the end of its batch" : inner.found,
                   status == DR_E_END ? "a record" : inner.expected);
}

static void note_nothing(struct parts *parts, const struct dr_fact_decided_nothing *fact)
{
    parts->nothings = dr_min_u32(fact->times_us_count, NOTHINGS_MAX);
    memcpy(parts->nothing_us, fact->times_us, parts->nothings * sizeof parts->nothing_us[0]);
}

/* Applies each fact, and finds out which came from outside. */
static enum dr_status fold(struct dr_replay *replay, const struct dr_store_read *batch,
                           struct parts *parts, struct dr_error *error)
{
    uint32_t at = 0;

    *parts = (struct parts){.reaches_alone = 1};
    for (uint32_t i = 0; i < batch->facts_count; i += 1) {
        struct dr_fact fact;
        uint32_t taken;
        enum dr_status status = read_fact(replay, batch->payload + at, batch->payload_bytes - at,
                                          batch->seq_first + i, &fact, &taken, error);

        if (status != DR_OK)
            return status;
        at += taken;
        if (replay->watched != NULL)
            *replay->watched = fact.seq;
        dr_apply(replay->core, &fact, NULL);
        if (fact.kind == DR_FACT_DECIDED_NOTHING) {
            note_nothing(parts, &fact.decided_nothing);
            continue;
        }
        parts->body = i + 1;
        parts->body_bytes = at;
        parts->reaches_alone &= fact.kind == DR_FACT_SITE_REACH;
        if (from_outside(&fact)) {
            parts->outside = i + 1;
            parts->outside_bytes = at;
        }
        if (fact.kind == DR_FACT_LEADER_TOOK) {
            parts->leads = 1;
            replay->policy = fact.leader_took.policy;
            replay->notes_all = fact.leader_took.facts_from != 0;
            dr_copy_name(replay->program, fact.leader_took.program);
            replay->figures.leaders += 1;
        }
    }
    if (at != batch->payload_bytes)
        return corrupt(error, "payload", "more bytes", "nothing after the last fact of a batch");
    return DR_OK;
}

/* ---- the second core ---- */

static int write_state(void *context, const void *bytes, size_t count)
{
    dr_buffer_append(context, bytes, count);
    return !((struct dr_buffer *)context)->full;
}

struct state_rest {
    const uint8_t *bytes;
    size_t count;
};

static int read_state(void *context, void *bytes, size_t count)
{
    struct state_rest *rest = context;

    if (rest->count < count)
        return 0;
    memcpy(bytes, rest->bytes, count);
    rest->bytes += count;
    rest->count -= count;
    return 1;
}

enum dr_status dr_replay_save(const struct dr_replay *replay, struct dr_buffer *state)
{
    dr_buffer_init(state, STATE_BYTES_MAX);
    return dr_core_save(replay->decider != NULL ? replay->decider : replay->core, write_state,
                        state);
}

enum dr_status dr_replay_load(struct dr_replay *replay, const struct dr_buffer *state,
                              struct dr_error *error)
{
    enum dr_status status;

    dr_core_close(replay->decider);
    replay->decider = NULL;
    status = dr_core_open(&replay->decider, &DR_LIMITS_DEFAULT);
    if (status == DR_OK && state != NULL) {
        struct state_rest rest = {state->data, state->length};

        status = dr_core_load(replay->decider, read_state, &rest);
    }
    if (status != DR_OK)
        dr_error_set(error, "", 0, "memory", dr_status_text(status), "room for two states");
    return status;
}

/* The first `count` facts of a batch, but for those that the second core has. */
static enum dr_status put_on(struct dr_replay *replay, const struct dr_store_read *batch,
                             uint32_t count, struct dr_batch *effects, struct dr_error *error)
{
    uint32_t at = 0;

    for (uint32_t i = 0; i < count; i += 1) {
        struct dr_fact fact;
        uint32_t taken;
        enum dr_status status = read_fact(replay, batch->payload + at, batch->payload_bytes - at,
                                          batch->seq_first + i, &fact, &taken, error);

        if (status != DR_OK)
            return status;
        at += taken;
        if (fact.seq > dr_core_seq(replay->decider))
            dr_apply(replay->decider, &fact, effects);
    }
    return DR_OK;
}

enum dr_status dr_replay_catch_up(struct dr_replay *replay, const struct dr_store_read *batch,
                                  struct dr_error *error)
{
    return put_on(replay, batch, batch->facts_count, NULL, error);
}

/* The batch in which a controller took the lead; nothing is decided in it. */
static enum dr_status start(struct dr_replay *replay, const struct dr_store_read *batch,
                            struct dr_error *error)
{
    struct dr_buffer state DR_CLEANUP(dr_buffer_deinit) = {0};
    enum dr_status status;

    if (replay->decider != NULL && dr_core_seq(replay->decider) == batch->seq_first - 1)
        return dr_replay_catch_up(replay, batch, error);
    dr_core_close(replay->decider);
    replay->decider = NULL;
    status = dr_replay_save(replay, &state);
    return status == DR_OK ? dr_replay_load(replay, &state, error) : status;
}

/* ---- comparing ---- */

static void fact_words(char *text, size_t bytes, const struct dr_fact *fact)
{
    uint64_t job = dr_fact_job(fact);

    if (job != 0)
        dr_format(text, bytes, "%s of job %" PRIu64, dr_fact_describe(fact->kind)->name, job);
    else
        dr_format(text, bytes, "%s", dr_fact_describe(fact->kind)->name);
}

static int field_number(const struct dr_fact *fact, const struct dr_field *field, int64_t *number)
{
    const uint8_t *at = (const uint8_t *)fact + field->offset;
    uint32_t word;

    switch (field->type) {
    case DR_FIELD_u8:
        *number = *at;
        return 1;
    case DR_FIELD_u32:
    case DR_FIELD_i32:
        memcpy(&word, at, sizeof word);
        *number = field->type == DR_FIELD_u32 ? (int64_t)word : (int32_t)word;
        return 1;
    case DR_FIELD_u64:
    case DR_FIELD_i64:
        memcpy(number, at, sizeof *number);
        return 1;
    case DR_FIELD_name:
    case DR_FIELD_note:
    case DR_FIELD_hash:
    case DR_FIELD_sites:
    case DR_FIELD_extents:
    case DR_FIELD_alternatives:
    case DR_FIELD_dependencies:
    case DR_FIELD_levels:
    case DR_FIELD_memberships:
    case DR_FIELD_limits:
    case DR_FIELD_u32s:
    case DR_FIELD_i64s:
    case DR_FIELD_names:
        return 0;
    }
    return 0;
}

/* Two facts of one kind about one job: the first number in which they differ. */
static void say_fields(char *text, size_t bytes, const struct dr_fact *kept,
                       const struct dr_fact *made)
{
    const struct dr_fact_description *about = dr_fact_describe(kept->kind);

    if (kept->time_us != made->time_us) {
        dr_format(text, bytes, "time_us %" PRId64 ", and made again %" PRId64, kept->time_us,
                  made->time_us);
        return;
    }
    for (uint32_t i = 0; i < about->fields_count; i += 1) {
        int64_t left;
        int64_t right;

        if (!field_number(kept, &about->fields[i], &left) ||
            !field_number(made, &about->fields[i], &right) || left == right)
            continue;
        dr_format(text, bytes, "%s %" PRId64 ", and made again %" PRId64, about->fields[i].name,
                  left, right);
        return;
    }
    dr_format(text, bytes, "another list than made again");
}

struct side {
    const uint8_t *bytes;
    uint32_t bytes_count;
    uint32_t facts;
};

static void say_difference(struct dr_replay *replay, uint64_t seq, const struct dr_fact *kept,
                           const struct dr_fact *made)
{
    struct dr_replay_difference *to = replay->policy == DR_POLICY_VERSION && replay->notes_all
                                          ? &replay->figures.difference
                                          : &replay->figures.other;
    char left[200] = "no more decision at this moment";
    char right[200] = "none";
    char fields[200];

    dr_core_close(replay->decider); /* from here on it would go its own way */
    replay->decider = NULL;
    if (to->seq != 0)
        return;
    to->seq = seq;
    to->policy = replay->policy;
    dr_copy_name(to->program, replay->program);
    if (kept != NULL)
        fact_words(left, sizeof left, kept);
    if (made != NULL)
        fact_words(right, sizeof right, made);
    if (kept != NULL && made != NULL && strcmp(left, right) == 0) {
        say_fields(fields, sizeof fields, kept, made);
        dr_format(to->text, sizeof to->text, "the journal has %s with %s", left, fields);
    } else {
        dr_format(to->text, sizeof to->text, "the journal has %s, and made again comes %s", left,
                  right);
    }
}

/* Fact by fact: a record of an older program may be shorter, and say the same. */
static enum dr_status compare_facts(struct dr_replay *replay, uint64_t seq, struct side kept,
                                    struct side made, struct dr_error *error)
{
    while (kept.facts > 0 || made.facts > 0) {
        struct dr_fact left;
        struct dr_fact right;
        uint32_t left_bytes = 0;
        uint32_t right_bytes = 0;
        enum dr_status status = DR_OK;
        uint32_t bytes;
        size_t mark;

        if (kept.facts > 0)
            status =
                read_fact(replay, kept.bytes, kept.bytes_count, seq, &left, &left_bytes, error);
        mark = replay->facts.used;
        if (status == DR_OK && made.facts > 0) {
            struct dr_error inner;

            status = dr_fact_decode(made.bytes, made.bytes_count, &replay->facts, &right,
                                    &right_bytes, &inner);
            DR_ASSERT(status == DR_OK);
        }
        if (status != DR_OK)
            return status;
        bytes = kept.facts == 0 ? 0 : dr_fact_encode(&left, replay->record, RECORD_BYTES);
        if (kept.facts == 0 || made.facts == 0 || bytes != right_bytes ||
            memcmp(replay->record, made.bytes, bytes) != 0) {
            say_difference(replay, seq, kept.facts == 0 ? NULL : &left,
                           made.facts == 0 ? NULL : &right);
            return DR_OK;
        }
        dr_arena_reset(&replay->facts, mark);
        kept =
            (struct side){kept.bytes + left_bytes, kept.bytes_count - left_bytes, kept.facts - 1};
        made =
            (struct side){made.bytes + right_bytes, made.bytes_count - right_bytes, made.facts - 1};
        seq += 1;
    }
    return DR_OK;
}

/* The decisions before this batch that came to nothing. */
static enum dr_status decide_nothing(struct dr_replay *replay, const struct parts *parts,
                                     uint64_t seq, struct dr_error *error)
{
    enum dr_status status = DR_OK;

    for (uint32_t i = 0; i < parts->nothings && status == DR_OK && replay->decider != NULL;
         i += 1) {
        struct side made;

        if (parts->nothing_us[i] < replay->decider->time_us)
            return corrupt(error, "times_us", "a time before the batch before", "later ones");
        dr_batch_clear(&replay->batch);
        replay->batch.bytes_max = DR_DECIDE_BYTES;
        dr_decide(replay->decider, parts->nothing_us[i], &replay->batch);
        replay->figures.decisions += 1;
        made = (struct side){replay->batch.bytes, replay->batch.bytes_count,
                             replay->batch.facts_count};
        status = compare_facts(replay, seq, (struct side){.facts = 0}, made, error);
    }
    return status;
}

/* What was decided upon the facts from outside, once more. */
static enum dr_status decide(struct dr_replay *replay, const struct dr_store_read *batch,
                             const struct parts *parts, struct dr_error *error)
{
    struct side kept = {batch->payload + parts->outside_bytes,
                        parts->body_bytes - parts->outside_bytes, parts->body - parts->outside};
    struct side made;
    enum dr_status status = decide_nothing(replay, parts, batch->seq_first, error);

    if (status != DR_OK || replay->decider == NULL)
        return status;
    dr_batch_clear(&replay->batch);
    status = put_on(replay, batch, parts->outside, &replay->batch, error);
    /* A new leader looks at its sites before its first decision. */
    if (status != DR_OK || (replay->just_led && parts->reaches_alone))
        return status;
    replay->batch.seq_first = batch->seq_first + parts->outside;
    replay->batch.bytes_max = DR_DECIDE_BYTES;
    dr_decide(replay->decider, batch->time_us, &replay->batch);
    made = (struct side){replay->batch.bytes, replay->batch.bytes_count, replay->batch.facts_count};
    replay->figures.decisions += 1;
    replay->figures.decided += made.facts;
    if (made.bytes_count != kept.bytes_count ||
        memcmp(made.bytes, kept.bytes, made.bytes_count) != 0)
        status = compare_facts(replay, batch->seq_first + parts->outside, kept, made, error);
    if (status == DR_OK && replay->decider != NULL)
        status = dr_replay_catch_up(replay, batch, error); /* the note at its end */
    return status;
}

static enum dr_status compare_hash(struct dr_replay *replay, uint64_t expected, const char *whose,
                                   struct dr_error *error)
{
    uint64_t hash = dr_core_hash(replay->core);
    char field[DR_TEXT_BYTES];
    char found[DR_TEXT_BYTES];

    replay->figures.checkpoints += 1;
    if (hash == expected) {
        replay->agreed_seq = dr_core_seq(replay->core);
        return DR_OK;
    }
    dr_format(field, sizeof field, "state after fact %" PRIu64, dr_core_seq(replay->core));
    dr_format(found, sizeof found, "%016" PRIx64, hash);
    dr_error_set(error, DR_STORE_FILE, 0, field, found,
                 "%016" PRIx64 ", as %s says; after fact %" PRIu64
                 " both were the same, so one of the facts %" PRIu64 " to %" PRIu64
                 " is not the one that there was, or %s, which wrote it, applies it otherwise",
                 expected, whose, replay->agreed_seq, replay->agreed_seq + 1,
                 dr_core_seq(replay->core), replay->program);
    return DR_E_CORRUPT;
}

enum dr_status dr_replay_batch(struct dr_replay *replay, const struct dr_store_read *batch,
                               struct dr_error *error)
{
    struct parts parts;
    enum dr_status status;
    char field[DR_TEXT_BYTES];

    if (batch->seq_first != dr_core_seq(replay->core) + 1) {
        dr_format(field, sizeof field, "fact %" PRIu64, dr_core_seq(replay->core) + 1);
        return corrupt(error, field, "a later one", "the next fact");
    }
    if (batch->time_us < replay->core->time_us)
        return corrupt(error, "time_us", "a time before that of the batch before", "later ones");
    status = fold(replay, batch, &parts, error);
    if (status == DR_OK && parts.leads)
        status = start(replay, batch, error);
    else if (status == DR_OK && replay->decider != NULL)
        status = decide(replay, batch, &parts, error);
    else
        replay->figures.left_out += 1;
    replay->just_led = parts.leads;
    replay->figures.batches += 1;
    replay->figures.facts += batch->facts_count;
    replay->figures.outside += parts.outside;
    replay->figures.last_us = batch->time_us;
    if (replay->figures.batches == 1)
        replay->figures.first_us = batch->time_us;
    if (status == DR_OK && batch->state_hash != 0)
        status = compare_hash(replay, batch->state_hash, "its batch", error);
    return status;
}

enum dr_status dr_replay_snapshot(struct dr_replay *replay, uint64_t state_hash,
                                  struct dr_error *error)
{
    replay->figures.snapshots += 1;
    return compare_hash(replay, state_hash, "a snapshot", error);
}

struct dr_replay_figures dr_replay_figures(const struct dr_replay *replay)
{
    struct dr_replay_figures figures = replay->figures;

    figures.seq = dr_core_seq(replay->core);
    figures.state_hash = dr_core_hash(replay->core);
    return figures;
}

const struct dr_core *dr_replay_core(const struct dr_replay *replay)
{
    return replay->core;
}

void dr_replay_watch(struct dr_replay *replay, volatile uint64_t *seq)
{
    replay->watched = seq;
}

enum dr_status dr_replay_open(struct dr_replay **replay, struct dr_error *error)
{
    struct dr_replay *made = calloc(1, sizeof *made);

    DR_ASSERT(made != NULL);
    *replay = NULL;
    if (dr_core_open(&made->core, &DR_LIMITS_DEFAULT) != DR_OK ||
        dr_arena_init(&made->facts, FACT_ARENA_BYTES) != DR_OK ||
        dr_arena_init(&made->arena, DR_DECIDE_BYTES + RECORD_BYTES +
                                        DR_DECIDE_EFFECTS * sizeof(struct dr_effect) + 4096) !=
            DR_OK) {
        dr_replay_close(made);
        dr_error_set(error, "", 0, "", "too little address space", "room for the core's tables");
        return DR_E_FULL;
    }
    made->batch.bytes = dr_arena_push(&made->arena, DR_DECIDE_BYTES, 1);
    made->batch.effects =
        dr_arena_push(&made->arena, DR_DECIDE_EFFECTS, sizeof *made->batch.effects);
    made->batch.effects_max = DR_DECIDE_EFFECTS;
    made->record = dr_arena_push(&made->arena, RECORD_BYTES, 1);
    *replay = made;
    return DR_OK;
}

void dr_replay_close(struct dr_replay *replay)
{
    if (replay == NULL)
        return;
    dr_core_close(replay->core);
    dr_core_close(replay->decider);
    dr_arena_deinit(&replay->arena);
    dr_arena_deinit(&replay->facts);
    free(replay);
}
