/* SPDX-License-Identifier: Apache-2.0 */
/* chain.h: signed heads of the chain, and the proof that no past fact was changed.
 *
 * Each batch's hash covers its predecessor's, so one hash, the head, stands for all facts up to it.
 * The controller signs the head now and then (Ed25519) and appends it to DR_CHAIN_HEADS, one line
 * each:
 *
 *     daero-head-1 FEDERATION SEQ HEAD TIME_US PUBLIC_KEY SIGNATURE
 *
 * in lower-case hexadecimal and decimal, one blank between. The signature covers the line up to and
 * with the blank before it. A copy of any such line kept elsewhere is an anchor: with it
 * dr_chain_verify() finds even a history that was cut off or rewritten from the start by somebody
 * with the key. */
#ifndef DR_STORE_CHAIN_H
#define DR_STORE_CHAIN_H

#include "store/store.h"

#define DR_CHAIN_SECRET \
    "controller.key" /* "daero-secret-key-1 " and 32 bytes in hexadecimal; 0600 */
#define DR_CHAIN_PUBLIC "controller.pub" /* "daero-public-key-1 " and 32 bytes in hexadecimal */
#define DR_CHAIN_HEADS  "heads.log"

#define DR_PUBLIC_KEY_BYTES 32
#define DR_SECRET_KEY_BYTES 64
#define DR_SIGNATURE_BYTES  64
#define DR_CHAIN_LINE_BYTES 512

struct dr_chain_key {
    uint8_t public_key[DR_PUBLIC_KEY_BYTES];
    uint8_t secret[DR_SECRET_KEY_BYTES];
};

/* Make the controller's key in a data directory, once. DR_E_EXISTS: there is one. */
DR_MUST_USE enum dr_status dr_chain_key_create(const char *directory, struct dr_error *error);

/* Makes DR_CHAIN_PUBLIC anew where it is missing. DR_E_MISSING; DR_E_DENIED: others may read the
 * secret file; DR_E_INPUT: it is no key. */
DR_MUST_USE enum dr_status dr_chain_key_load(const char *directory, struct dr_chain_key *key,
                                             struct dr_error *error);
/* Wipe it. */
void dr_chain_key_forget(struct dr_chain_key *key);

/* A public key's file (a copy of DR_CHAIN_PUBLIC). DR_E_MISSING, DR_E_INPUT. */
DR_MUST_USE enum dr_status dr_chain_public_load(const char *path,
                                                uint8_t public_key[DR_PUBLIC_KEY_BYTES],
                                                struct dr_error *error);

struct dr_chain_head {
    uint8_t federation[DR_FEDERATION_BYTES];
    uint64_t seq; /* of the last fact that the head covers */
    uint8_t head[DR_HASH_BYTES];
    int64_t time_us; /* when it was signed, by the controller's clock */
    uint8_t public_key[DR_PUBLIC_KEY_BYTES];
    uint8_t signature[DR_SIGNATURE_BYTES];
};

/* Sign the head of the chain as it is now. */
void dr_chain_sign(const struct dr_chain_key *key, const struct dr_store *store, int64_t now_us,
                   struct dr_chain_head *head);

/* The line with its newline. Returns `line`. */
const char *dr_chain_format(const struct dr_chain_head *head, char line[DR_CHAIN_LINE_BYTES]);

/* Read one line, with or without its newline, and check its signature against the key in it; whose
 * key that is, is for the caller to know. DR_E_INPUT: not a head; `error->field` says which part.
 * DR_E_CORRUPT: the signature is not of this line and key. */
DR_MUST_USE enum dr_status dr_chain_parse(const char *line, size_t bytes,
                                          struct dr_chain_head *head, struct dr_error *error);

/* Append a line to DR_CHAIN_HEADS, durably. What a kill left of a line is taken off first. */
DR_MUST_USE enum dr_status dr_chain_append(const char *directory, const struct dr_chain_head *head,
                                           struct dr_error *error);

/* ---- the proof ---- */

/* name, what a person is told */
#define DR_CHAIN_PROBLEMS(X)                                     \
    X(CHANGED, "content that does not match its hash")           \
    X(REMOVED, "batches that are not there")                     \
    X(INSERTED, "a batch that does not belong there")            \
    X(MALFORMED, "a batch that is not a row of whole facts")     \
    X(UNREADABLE, "a part of the file that can't be read")       \
    X(REWRITTEN, "a history other than the one that was signed") \
    X(CUT_OFF, "facts that were signed and are not there")       \
    X(HEAD, "a line of signed heads that is not valid")          \
    X(TEXT, "a text that does not match its hash")

enum dr_chain_problem_kind {
#define DR_CHAIN_ENUM(name, text) DR_CHAIN_##name,
    DR_CHAIN_PROBLEMS(DR_CHAIN_ENUM)
#undef DR_CHAIN_ENUM
};

struct dr_chain_problem {
    enum dr_chain_problem_kind kind;
    uint64_t seq_first; /* where: the facts among which it lies; 0: not about facts */
    uint64_t seq_last;
    const char *text; /* one sentence; lives for the call */
};

/* "CHANGED"; and what a person is told. */
const char *dr_chain_problem_name(enum dr_chain_problem_kind kind);
const char *dr_chain_problem_text(enum dr_chain_problem_kind kind);

typedef void dr_chain_report(void *context, const struct dr_chain_problem *problem);

struct dr_chain_result {
    uint8_t federation[DR_FEDERATION_BYTES];
    uint64_t batches;
    uint64_t facts;
    uint64_t seq; /* of the last fact */
    uint8_t head[DR_HASH_BYTES];
    uint64_t heads;        /* signed heads of the data directory that fit */
    uint64_t anchors;      /* heads of the anchor that fit */
    uint64_t anchored_seq; /* up to here the anchor vouches; 0: no anchor */
    uint64_t texts;
    uint64_t texts_erased;
    uint64_t problems;
    /* What this check could not know, in words; "" never: there is always something. */
    char unknown[1024];
};

/* Walk the whole store of a data directory, offline or beside its controller: recompute every hash,
 * the framing of every batch, every text's hash, and compare with the signed heads.
 *
 * anchor       a file of head lines kept elsewhere, or NULL.
 * public_key   the file of the key to trust, or NULL: then the anchor's, then the directory's own.
 * report       called for each problem, in the order found.
 *
 * DR_OK: no problem. DR_E_CORRUPT: `result->problems` of them. Anything else: the check could not
 * be made, and `error` says why (the store can't be opened, the anchor is no file of heads). */
DR_MUST_USE enum dr_status dr_chain_verify(const char *directory, const char *anchor,
                                           const char *public_key, dr_chain_report *report,
                                           void *context, struct dr_chain_result *result,
                                           struct dr_error *error);

#endif
