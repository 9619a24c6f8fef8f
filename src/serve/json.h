/* SPDX-License-Identifier: Apache-2.0 */
/* json.h: JSON written straight into a buffer, and JSON read under Daero's limits.
 *
 * Answers are written without building them first: commas follow from the byte before, so a writer
 * needs no state. `name` is the member's name, NULL inside an array. */
#ifndef DR_SERVE_JSON_H
#define DR_SERVE_JSON_H

#include <jansson.h>

#include "base/buffer.h"

#define DR_JSON_DEPTH_MAX 32

/* An object or an array begins ('{', '[') and ends ('}', ']'). */
void dr_put_begin(struct dr_buffer *out, const char *name, char bracket);
void dr_put_end(struct dr_buffer *out, char bracket);

/* Text is escaped, and what is not UTF-8 in it becomes U+FFFD; NULL is null. */
void dr_put_text(struct dr_buffer *out, const char *name, const char *text);
void dr_put_text_bytes(struct dr_buffer *out, const char *name, const char *text, size_t bytes);
void dr_put_i64(struct dr_buffer *out, const char *name, int64_t value);
void dr_put_u64(struct dr_buffer *out, const char *name, uint64_t value);
void dr_put_bool(struct dr_buffer *out, const char *name, int value);
void dr_put_null(struct dr_buffer *out, const char *name);
/* `json` is JSON already. */
void dr_put_raw(struct dr_buffer *out, const char *name, const char *json, size_t bytes);

/* The members `error` and `errors` of an answer that says what is wrong with a file or a wish; at
 * least one. */
void dr_put_errors(struct dr_buffer *out, const struct dr_error *errors, uint32_t count);

/* Read one JSON document: no member twice, at most DR_JSON_DEPTH_MAX brackets deep, nothing behind
 * it. NULL: it is none, and `error` says where and why in `found` and `expected`. */
json_t *dr_json_read(const char *bytes, size_t count, struct dr_error *error);

/* A JSON value as a person may recognise it, cut to `text_bytes`. Returns `text`. */
const char *dr_json_found(const json_t *value, char *text, size_t text_bytes);

#endif
