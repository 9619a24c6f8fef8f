/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/json.h"

#include <stdlib.h>
#include <sys/mman.h>

/* Does what stands at the end of the buffer have to be parted from the next value by a comma? */
static int after_value(const struct dr_buffer *out)
{
    uint8_t last = out->length == 0 ? 0 : out->data[out->length - 1];

    return last == '"' || last == '}' || last == ']' || (last >= '0' && last <= '9') ||
           (last >= 'a' && last <= 'z');
}

/* The length of the UTF-8 sequence at the front of `text`, whose first byte is 0x80 or more; 0: it
 * is none (cut short, overlong, a surrogate, or beyond Unicode). */
static size_t utf8_length(const uint8_t *text, size_t bytes)
{
    size_t length = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    uint32_t least = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
    uint32_t rune = text[0] & (length == 2 ? 0x1fu : length == 3 ? 0x0fu : 0x07u);

    if (text[0] < 0xc2 || text[0] > 0xf4 || bytes < length)
        return 0;
    for (size_t i = 1; i < length; i += 1) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        rune = (rune << 6) | (text[i] & 0x3fu);
    }
    return rune < least || rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000) ? 0 : length;
}

/* Runs of bytes that stand for themselves are copied whole; the rest one by one. */
static void quote(struct dr_buffer *out, const uint8_t *text, size_t bytes)
{
    static const char DIGITS[] = "0123456789abcdef";
    size_t run = 0;

    dr_buffer_append(out, "\"", 1);
    for (size_t i = 0; i < bytes;) {
        uint8_t c = text[i];
        size_t length = 1;
        char escape[7] = {'\\', 'u', '0', '0', 0, 0, 0};

        if (c >= 0x80) {
            length = utf8_length(text + i, bytes - i);
            if (length == 0) {
                dr_buffer_append(out, text + i - run, run);
                dr_buffer_append_text(out, "\xef\xbf\xbd");
                run = 0;
                i += 1;
                continue;
            }
        } else if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f) {
            dr_buffer_append(out, text + i - run, run);
            run = 0;
            if (c == '"' || c == '\\' || c == '\n' || c == '\t' || c == '\r') {
                escape[1] = c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : (char)c;
                escape[2] = 0;
            } else {
                escape[4] = DIGITS[c >> 4];
                escape[5] = DIGITS[c & 15];
            }
            dr_buffer_append_text(out, escape);
            i += 1;
            continue;
        }
        run += length;
        i += length;
    }
    dr_buffer_append(out, text + bytes - run, run);
    dr_buffer_append(out, "\"", 1);
}

static void begin_value(struct dr_buffer *out, const char *name)
{
    if (after_value(out))
        dr_buffer_append(out, ",", 1);
    if (name != NULL) {
        quote(out, (const uint8_t *)name, strlen(name));
        dr_buffer_append(out, ":", 1);
    }
}

void dr_put_begin(struct dr_buffer *out, const char *name, char bracket)
{
    begin_value(out, name);
    dr_buffer_append(out, &bracket, 1);
}

void dr_put_end(struct dr_buffer *out, char bracket)
{
    dr_buffer_append(out, &bracket, 1);
}

void dr_put_text_bytes(struct dr_buffer *out, const char *name, const char *text, size_t bytes)
{
    begin_value(out, name);
    quote(out, (const uint8_t *)text, bytes);
}

void dr_put_text(struct dr_buffer *out, const char *name, const char *text)
{
    if (text == NULL)
        dr_put_null(out, name);
    else
        dr_put_text_bytes(out, name, text, strlen(text));
}

void dr_put_u64(struct dr_buffer *out, const char *name, uint64_t value)
{
    char digits[20];
    size_t i = sizeof digits;

    begin_value(out, name);
    do {
        i -= 1;
        digits[i] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    dr_buffer_append(out, digits + i, sizeof digits - i);
}

void dr_put_i64(struct dr_buffer *out, const char *name, int64_t value)
{
    if (value >= 0) {
        dr_put_u64(out, name, (uint64_t)value);
    } else {
        begin_value(out, name);
        dr_buffer_append(out, "-", 1);
        dr_put_u64(out, NULL, ~(uint64_t)value + 1);
    }
}

void dr_put_bool(struct dr_buffer *out, const char *name, int value)
{
    begin_value(out, name);
    dr_buffer_append_text(out, value ? "true" : "false");
}

void dr_put_null(struct dr_buffer *out, const char *name)
{
    begin_value(out, name);
    dr_buffer_append_text(out, "null");
}

void dr_put_raw(struct dr_buffer *out, const char *name, const char *json, size_t bytes)
{
    begin_value(out, name);
    dr_buffer_append(out, json, bytes);
}

void dr_put_errors(struct dr_buffer *out, const struct dr_error *errors, uint32_t count)
{
    char line[1400];

    dr_put_begin(out, "error", '{');
    dr_put_text(out, "kind", "INVALID");
    dr_put_text(out, "field", errors[0].field);
    dr_put_text(out, "text", dr_error_line(&errors[0], line, sizeof line));
    dr_put_end(out, '}');
    dr_put_begin(out, "errors", '[');
    for (uint32_t i = 0; i < count; i += 1) {
        dr_put_begin(out, NULL, '{');
        dr_put_text(out, "file", errors[i].file);
        dr_put_u64(out, "line", errors[i].line);
        dr_put_text(out, "field", errors[i].field);
        dr_put_text(out, "found", errors[i].found);
        dr_put_text(out, "expected", errors[i].expected);
        dr_put_end(out, '}');
    }
    dr_put_end(out, ']');
}

/* jansson's own limit is 2048 deep and fixed; this one stops a document before it is built. */
static int too_deep(const char *bytes, size_t count)
{
    uint32_t depth = 0;

    for (size_t i = 0; i < count; i += 1) {
        if (bytes[i] == '"') {
            for (i += 1; i < count && bytes[i] != '"'; i += 1)
                i += bytes[i] == '\\';
        } else if (bytes[i] == '{' || bytes[i] == '[') {
            depth += 1;
            if (depth > DR_JSON_DEPTH_MAX)
                return 1;
        } else if ((bytes[i] == '}' || bytes[i] == ']') && depth > 0) {
            depth -= 1;
        }
    }
    return 0;
}

/* A document is thousands of small pieces that go together, and malloc was a fifth of the time that
 * a batch of submits takes. So what jansson asks for while a document is read comes from one
 * region, piece behind piece, which is empty again when the last piece of the last document has
 * been given back. Anything else, and what no longer fits, is malloc's. Address sanitizers see
 * malloc alone. */
#define POOL_BYTES      ((size_t)1 << 30) /* of address space */
#define POOL_BYTES_KEPT ((size_t)8 << 20)

static struct {
    uint8_t *base;
    size_t used;
    size_t pieces; /* not given back yet */
    int reading;
} pool;

static void *pool_take(size_t bytes)
{
    size_t rounded = (bytes + 15) & ~(size_t)15;
    void *piece;

    if (!pool.reading || pool.base == NULL || rounded < bytes || rounded > POOL_BYTES - pool.used)
        return malloc(bytes);
    piece = pool.base + pool.used;
    pool.used += rounded;
    pool.pieces += 1;
    return piece;
}

static void pool_give_back(void *piece)
{
    uintptr_t offset = (uintptr_t)piece - (uintptr_t)pool.base;

    if (pool.base == NULL || offset >= POOL_BYTES) {
        free(piece);
        return;
    }
    pool.pieces -= 1;
    if (pool.pieces > 0 || pool.reading)
        return;
    if (pool.used > POOL_BYTES_KEPT)
        madvise(pool.base + POOL_BYTES_KEPT, pool.used - POOL_BYTES_KEPT, MADV_DONTNEED);
    pool.used = 0;
}

static void pool_open(void)
{
    static int opened;
    void *base;

    if (opened)
        return;
    opened = 1;
#ifndef __SANITIZE_ADDRESS__
    base = mmap(NULL, POOL_BYTES, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return;
    pool.base = base;
    json_set_alloc_funcs(pool_take, pool_give_back);
#else
    (void)base;
    (void)pool_take;
    (void)pool_give_back;
#endif
}

json_t *dr_json_read(const char *bytes, size_t count, struct dr_error *error)
{
    json_error_t problem;
    json_t *root;

    if (count == 0) {
        dr_error_set(error, NULL, 0, "body", "nothing", "a JSON document");
        return NULL;
    }
    if (too_deep(bytes, count)) {
        dr_error_set(error, NULL, 0, "body", "deeper nesting", "at most %d brackets deep",
                     DR_JSON_DEPTH_MAX);
        return NULL;
    }
    pool_open();
    pool.reading = 1;
    root = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, &problem);
    pool.reading = 0;
    if (root == NULL)
        dr_error_set(error, NULL, (uint32_t)problem.line, "body", problem.text,
                     "JSON (line %d, column %d)", problem.line, problem.column);
    return root;
}

const char *dr_json_found(const json_t *value, char *text, size_t text_bytes)
{
    size_t length;

    memset(text, 0, text_bytes); /* what does not fit is left out as a whole by the library */
    if (json_is_string(value)) {
        snprintf(text, text_bytes, "'%s'", json_string_value(value));
        length = json_string_length(value) + 2;
    } else {
        length = json_dumpb(value, text, text_bytes - 1, JSON_ENCODE_ANY | JSON_COMPACT);
    }
    if (length >= text_bytes) {
        length = strnlen(text, text_bytes - 4);
        memcpy(text + length, "...", 4);
    }
    return text;
}
