/* SPDX-License-Identifier: Apache-2.0 */
/* dr_chain_verify(): the proof that no past fact was changed. Read chain.h first. */
#include "store/chain.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/buffer.h"
#include "store/internal.h"

#define HEADS_BYTES_MAX (1u << 30)

const char *dr_chain_problem_name(enum dr_chain_problem_kind kind)
{
    switch (kind) {
#define DR_CHAIN_NAME(name, text) \
    case DR_CHAIN_##name:         \
        return #name;
        DR_CHAIN_PROBLEMS(DR_CHAIN_NAME)
#undef DR_CHAIN_NAME
    }
    return "?";
}

const char *dr_chain_problem_text(enum dr_chain_problem_kind kind)
{
    switch (kind) {
#define DR_CHAIN_TEXT_OF(name, text) \
    case DR_CHAIN_##name:            \
        return text;
        DR_CHAIN_PROBLEMS(DR_CHAIN_TEXT_OF)
#undef DR_CHAIN_TEXT_OF
    }
    return "?";
}

struct proof {
    struct dr_store *store;
    struct dr_chain_result *result;
    dr_chain_report *report;
    void *context;
    uint8_t trusted[DR_PUBLIC_KEY_BYTES];
    int have_trusted;
};

static void tell(struct proof *proof, enum dr_chain_problem_kind kind, uint64_t first,
                 uint64_t last, const char *format, ...) DR_PRINTF(5, 6);

static void tell(struct proof *proof, enum dr_chain_problem_kind kind, uint64_t first,
                 uint64_t last, const char *format, ...)
{
    char text[512];
    struct dr_chain_problem problem = {
        .kind = kind, .seq_first = first, .seq_last = last, .text = text};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    proof->result->problems += 1;
    if (proof->report != NULL)
        proof->report(proof->context, &problem);
}

/* Are these whole facts, `count` of them? */
static int framed(const uint8_t *payload, uint64_t bytes, uint64_t count)
{
    uint64_t at = 0;

    for (uint64_t i = 0; i < count; i += 1) {
        uint64_t length;

        if (bytes - at < 4)
            return 0;
        length = payload[at] | (uint64_t)payload[at + 1] << 8 | (uint64_t)payload[at + 2] << 16 |
                 (uint64_t)payload[at + 3] << 24;
        at += 4;
        if (length == 0 || bytes - at < length)
            return 0;
        at += length;
    }
    return at == bytes;
}

/* What the walk knows between two batches. */
struct walk {
    uint64_t row;  /* the last row's seq_first: the next is greater */
    uint64_t next; /* the seq that has to come */
    uint8_t previous[DR_HASH_BYTES];
    int linked; /* is `previous` the hash before `next`? */
};

static void walk_row(struct proof *proof, struct walk *walk, sqlite3_stmt *read)
{
    uint64_t first = (uint64_t)sqlite3_column_int64(read, 0);
    int64_t facts = sqlite3_column_int64(read, 1);
    const uint8_t *payload = sqlite3_column_blob(read, 5);
    int64_t bytes = sqlite3_column_bytes(read, 5);
    struct dr_store_read batch;
    uint8_t hash[DR_HASH_BYTES];
    uint64_t last;

    walk->row = first;
    if (facts < 1 || facts > DR_BATCH_FACTS || bytes < 1 || bytes > DR_BATCH_BYTES ||
        payload == NULL || sqlite3_column_bytes(read, 4) != DR_HASH_BYTES ||
        first > (uint64_t)(INT64_MAX - facts)) {
        tell(proof, DR_CHAIN_MALFORMED, first, first,
             "the row of the batch that begins at seq %" PRIu64 " is not one that Daero writes",
             first);
        walk->linked = 0;
        return;
    }
    last = first + (uint64_t)facts - 1;
    if (first < walk->next) {
        tell(proof, DR_CHAIN_INSERTED, first, last,
             "a batch of seq %" PRIu64 " to %" PRIu64 " stands within the one before it", first,
             last);
        return;
    }
    if (first > walk->next) {
        tell(proof, DR_CHAIN_REMOVED, walk->next, first - 1,
             "the facts %" PRIu64 " to %" PRIu64 " are not there", walk->next, first - 1);
        walk->linked = 0;
    }
    batch = (struct dr_store_read){
        .seq_first = first,
        .facts_count = (uint32_t)facts,
        .time_us = sqlite3_column_int64(read, 2),
        .state_hash = (uint64_t)sqlite3_column_int64(read, 3),
        .payload = payload,
        .payload_bytes = (uint32_t)bytes,
    };
    memcpy(batch.hash, sqlite3_column_blob(read, 4), DR_HASH_BYTES);
    dr_store_batch_hash(walk->previous, &batch, hash);
    if (walk->linked && memcmp(hash, batch.hash, DR_HASH_BYTES) != 0)
        tell(proof, DR_CHAIN_CHANGED, first, last,
             "the batch of seq %" PRIu64 " to %" PRIu64
             " does not match its hash: it, or the hash before it, was changed",
             first, last);
    if (!framed(payload, (uint64_t)bytes, (uint64_t)facts))
        tell(proof, DR_CHAIN_MALFORMED, first, last,
             "the batch of seq %" PRIu64 " to %" PRIu64 " does not hold %" PRId64 " whole facts",
             first, last, facts);
    memcpy(walk->previous, batch.hash, DR_HASH_BYTES);
    walk->linked = 1;
    walk->next = last + 1;
    proof->result->batches += 1;
    proof->result->facts += (uint64_t)facts;
}

/* One short transaction a batch, so that a living controller's log does not grow meanwhile. */
static void walk_batches(struct proof *proof)
{
    struct dr_store *store = proof->store;
    struct walk walk = {.next = 1, .linked = 1};

    dr_store_genesis(store->federation, walk.previous);
    for (;;) {
        sqlite3_stmt *read = dr_store_use(store, DR_STATEMENT_batch_at);
        int rc;

        /* Rows before the first seq count too. */
        sqlite3_bind_int64(read, 1, walk.row == 0 ? INT64_MIN : (int64_t)walk.row + 1);
        rc = sqlite3_step(read);
        if (rc == SQLITE_ROW && sqlite3_column_int64(read, 0) < 1) {
            tell(proof, DR_CHAIN_INSERTED, 0, 0, "a batch stands before the first fact");
            break;
        }
        if (rc == SQLITE_ROW) {
            walk_row(proof, &walk, read);
            sqlite3_reset(read);
            continue;
        }
        if (rc != SQLITE_DONE) {
            dr_store_read_failed(store, rc);
            tell(proof, DR_CHAIN_UNREADABLE, walk.next, walk.next,
                 "the file can't be read beyond seq %" PRIu64 ": %s", walk.next - 1,
                 dr_store_failure(store));
        }
        sqlite3_reset(read);
        break;
    }
    proof->result->seq = walk.next - 1;
    memcpy(proof->result->head, walk.previous, DR_HASH_BYTES);
}

/* Compare the store with a file of heads. `what` names it. Returns how many fit, and the newest. */
static enum dr_status check_heads(struct proof *proof, const char *path, const char *what,
                                  uint64_t *fitting, uint64_t *newest, struct dr_error *error)
{
    struct dr_buffer content;
    enum dr_status status;
    uint64_t good = 0;  /* the seq of the last head that fits */
    uint64_t wrong = 0; /* heads that do not */
    uint64_t before = 0;
    uint32_t line_number = 0;
    size_t at = 0;

    dr_buffer_init(&content, HEADS_BYTES_MAX);
    status = dr_buffer_read_file(&content, path);
    if (status != DR_OK) {
        dr_buffer_deinit(&content);
        dr_error_set(error, path, 0, "", dr_status_text(status), "a file of signed heads");
        return status;
    }
    while (at < content.length) {
        const char *line = dr_buffer_text(&content) + at;
        const char *end = memchr(line, '\n', content.length - at);
        size_t bytes = end == NULL ? content.length - at : (size_t)(end - line);
        struct dr_error why = {.line = 0};
        struct dr_chain_head head;
        uint8_t stored[DR_HASH_BYTES];

        at += bytes + 1;
        line_number += 1;
        if (bytes == 0)
            continue;
        if (dr_chain_parse(line, bytes, &head, &why) != DR_OK) {
            if (end == NULL) /* what a kill left of a line */
                break;
            tell(proof, DR_CHAIN_HEAD, 0, 0, "%s, line %u: %s: found '%.80s', expected %.120s",
                 what, line_number, why.field, why.found, why.expected);
            continue;
        }
        if (!proof->have_trusted) { /* an anchor, whose keeper is trusted */
            memcpy(proof->trusted, head.public_key, DR_PUBLIC_KEY_BYTES);
            proof->have_trusted = 1;
        }
        if (memcmp(head.public_key, proof->trusted, DR_PUBLIC_KEY_BYTES) != 0) {
            tell(proof, DR_CHAIN_HEAD, 0, 0, "%s, line %u is signed with another key", what,
                 line_number);
            continue;
        }
        if (memcmp(head.federation, proof->result->federation, DR_FEDERATION_BYTES) != 0) {
            tell(proof, DR_CHAIN_REWRITTEN, 1, head.seq,
                 "%s, line %u is of another federation than this store says it is", what,
                 line_number);
            wrong += 1;
            continue;
        }
        if (head.seq < before) {
            tell(proof, DR_CHAIN_HEAD, head.seq, before,
                 "%s, line %u is of seq %" PRIu64 ", the line before it of %" PRIu64, what,
                 line_number, head.seq, before);
        }
        before = head.seq;
        if (head.seq > proof->result->seq) {
            if (wrong == 0)
                /* Cut off at the end, or removed before it and all hashes made to fit. */
                tell(proof, DR_CHAIN_CUT_OFF, good + 1, head.seq,
                     "%s, line %u was signed at seq %" PRIu64 "; the store ends at %" PRIu64
                     ", so facts behind seq %" PRIu64 " were cut off or removed",
                     what, line_number, head.seq, proof->result->seq, good);
            wrong += 1;
            continue;
        }
        status = dr_store_head_at(proof->store, head.seq, stored);
        if (status != DR_OK || memcmp(stored, head.head, DR_HASH_BYTES) != 0) {
            if (wrong == 0)
                tell(proof, DR_CHAIN_REWRITTEN, good + 1, head.seq,
                     "%s, line %u was signed for another history: the first difference lies "
                     "between seq %" PRIu64 " and %" PRIu64,
                     what, line_number, good + 1, head.seq);
            wrong += 1;
            continue;
        }
        good = head.seq;
        *fitting += 1;
        *newest = head.seq > *newest ? head.seq : *newest;
    }
    dr_buffer_deinit(&content);
    if (line_number == 0 || (*fitting == 0 && wrong == 0 && !proof->have_trusted)) {
        dr_error_set(error, path, 0, "", "no signed head", "at least one line of signed heads");
        return DR_E_INPUT;
    }
    return DR_OK;
}

static void check_texts(struct proof *proof)
{
    uint64_t bad;
    enum dr_status status = dr_store_text_check(proof->store, &proof->result->texts,
                                                &proof->result->texts_erased, &bad);

    if (status != DR_OK)
        tell(proof, DR_CHAIN_TEXT, bad, bad, "the text of fact %" PRIu64 ": %s", bad,
             dr_store_failure(proof->store));
}

static void add_unknown(struct dr_chain_result *result, const char *sentence)
{
    size_t length = strlen(result->unknown);

    snprintf(result->unknown + length, sizeof result->unknown - length, "%s%s",
             length == 0 ? "" : " ", sentence);
}

static void say_unknown(struct dr_chain_result *result, const char *anchor, const char *public_key)
{
    char sentence[256];

    if (anchor == NULL) {
        add_unknown(
            result,
            "Without an anchor (signed heads kept elsewhere) this check can't know whether "
            "the newest facts were cut off together with their heads, nor whether the whole "
            "history was written anew by somebody who had the controller's key.");
    } else if (result->anchored_seq < result->seq) {
        snprintf(sentence, sizeof sentence,
                 "The anchor vouches up to seq %" PRIu64 "; for the facts after it this check "
                 "relies on the data directory alone.",
                 result->anchored_seq);
        add_unknown(result, sentence);
    } else {
        add_unknown(result,
                    "Whether facts after the anchor's newest head were cut off, only a newer "
                    "anchor can tell.");
    }
    if (public_key == NULL)
        add_unknown(result, anchor == NULL
                                ? "The public key was read from the data directory itself."
                                : "The public key was taken from the anchor.");
    if (anchor == NULL && result->heads == 0)
        add_unknown(result, "No signed head vouches for any of it.");
}

/* Whose signatures count. */
static enum dr_status choose_key(struct proof *proof, const char *directory, const char *anchor,
                                 const char *public_key, struct dr_error *error)
{
    char path[DR_PATH_MAX + 32];
    enum dr_status status = DR_OK;

    if (public_key != NULL) {
        status = dr_chain_public_load(public_key, proof->trusted, error);
        proof->have_trusted = status == DR_OK;
    } else if (anchor == NULL) {
        struct dr_error ignored;

        snprintf(path, sizeof path, "%s/%s", directory, DR_CHAIN_PUBLIC);
        status = dr_chain_public_load(path, proof->trusted, &ignored);
        proof->have_trusted = status == DR_OK;
        if (status == DR_E_INPUT) /* there, but no key */
            tell(proof, DR_CHAIN_HEAD, 0, 0, "%s is not a public key", path);
        status = DR_OK;
    }
    return status;
}

enum dr_status dr_chain_verify(const char *directory, const char *anchor, const char *public_key,
                               dr_chain_report *report, void *context,
                               struct dr_chain_result *result, struct dr_error *error)
{
    struct proof proof = {.result = result, .report = report, .context = context};
    char path[DR_PATH_MAX + 32];
    struct dr_store_mark mark = {.seq = 0};
    struct dr_error own_error;
    uint64_t ignored = 0;
    enum dr_status status;

    *result = (struct dr_chain_result){.seq = 0};
    /* Before the store: beside a living controller the store may only be ahead of it. */
    if (dr_store_mark_read(directory, &mark, &own_error) == DR_E_CORRUPT)
        tell(&proof, DR_CHAIN_UNREADABLE, 0, 0, DR_STORE_MARK " is damaged");
    status = dr_store_open(&proof.store, directory, DR_STORE_AUDIT, error);
    if (status == DR_E_CORRUPT) {
        char line[512];

        tell(&proof, DR_CHAIN_UNREADABLE, 0, 0, "%s", dr_error_line(error, line, sizeof line));
        add_unknown(result, "The store can't be read at all; nothing else was checked.");
        return DR_E_CORRUPT;
    }
    if (status != DR_OK)
        return status;
    dr_store_federation(proof.store, result->federation);
    status = choose_key(&proof, directory, anchor, public_key, error);
    if (status == DR_OK) {
        walk_batches(&proof);
        if (mark.seq > result->seq)
            tell(&proof, DR_CHAIN_CUT_OFF, result->seq + 1, mark.seq,
                 DR_STORE_MARK " says that facts up to seq %" PRIu64
                               " were durable; the store ends at %" PRIu64,
                 mark.seq, result->seq);
        if (anchor != NULL)
            status = check_heads(&proof, anchor, "the anchor", &result->anchors,
                                 &result->anchored_seq, error);
    }
    if (status == DR_OK) {
        snprintf(path, sizeof path, "%s/%s", directory, DR_CHAIN_HEADS);
        /* None yet is no problem: `unknown` says what that means. */
        (void)!check_heads(&proof, path, DR_CHAIN_HEADS, &result->heads, &ignored, &own_error);
        check_texts(&proof);
        say_unknown(result, anchor, public_key);
        status = result->problems > 0 ? DR_E_CORRUPT : DR_OK;
    }
    dr_store_close(proof.store);
    return status;
}
