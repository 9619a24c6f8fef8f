/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/gate.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "base/assert.h"
#include "base/text.h"

void dr_gate_init(struct dr_gate *gate, const struct dr_edge_limits *limits, dr_gate_large *large,
                  int64_t now_us)
{
    *gate = (struct dr_gate){
        .state = DR_GATE_IDLE, .limits = limits, .large = large, .begun_us = now_us};
}

static int refuse(struct dr_gate *gate, uint32_t status, const char *field, const char *format, ...)
    DR_PRINTF(4, 5);

static int refuse(struct dr_gate *gate, uint32_t status, const char *field, const char *format, ...)
{
    va_list arguments;

    gate->state = DR_GATE_REFUSED;
    gate->status = status;
    gate->field = field;
    va_start(arguments, format);
    vsnprintf(gate->text, sizeof gate->text, format, arguments);
    va_end(arguments);
    return 0;
}

/* ---- the request line ---- */

static int is_alphanumeric(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* A character of a method or of a header's name (RFC 9110, section 5.6.2). */
static int is_token(uint8_t c)
{
    return is_alphanumeric(c) || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static int hexadecimal(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Daero's paths are made of names and numbers: nothing in them needs an escape. */
static int path_character(uint8_t c)
{
    return is_alphanumeric(c) || (c != 0 && strchr("/-._~", c) != NULL);
}

static int query_character(uint8_t c)
{
    return is_alphanumeric(c) || (c != 0 && strchr("-._~=&+,:;@/|*!$()'?", c) != NULL);
}

/* What an escape in a query may stand for: anything that a value may hold. Control characters, the
 * backslash and quotation marks are in no value that Daero knows. */
static int escaped_character(int c)
{
    return c >= 0x20 && c != 0x7f && c != '\\' && c != '"' && c != '`' && c != '<' && c != '>';
}

static int check_target(struct dr_gate *gate, const uint8_t *target, size_t bytes, size_t *path)
{
    size_t i = 0;

    if (bytes > gate->limits->target_bytes)
        return refuse(gate, 414, "target", "the target of a request has at most %u bytes",
                      gate->limits->target_bytes);
    if (bytes == 0 || target[0] != '/')
        return refuse(gate, 400, "target", "the target of a request begins with '/'");
    for (; i < bytes && target[i] != '?'; i += 1) {
        if (target[i] == '%')
            return refuse(gate, 400, "target", "a path has no %%-escapes here");
        if (!path_character(target[i]))
            return refuse(gate, 400, "target", "a path has letters, digits and /-._~ only");
        if (target[i] == '.' && target[i - 1] == '/' &&
            (i + 1 == bytes || target[i + 1] == '.' || target[i + 1] == '/' ||
             target[i + 1] == '?'))
            return refuse(gate, 400, "target", "a path has no '.' or '..' between slashes");
        if (i > 0 && target[i] == '/' && target[i - 1] == '/')
            return refuse(gate, 400, "target", "a path has no '//'");
    }
    *path = i;
    for (i += 1; i < bytes; i += 1) {
        if (target[i] == '%') {
            int high = i + 2 < bytes ? hexadecimal(target[i + 1]) : -1;
            int low = i + 2 < bytes ? hexadecimal(target[i + 2]) : -1;

            if (high < 0 || low < 0)
                return refuse(gate, 400, "target", "a %%-escape has two hexadecimal digits");
            if (!escaped_character(high * 16 + low))
                return refuse(gate, 400, "target", "this %%-escape is not allowed");
            i += 2;
        } else if (!query_character(target[i])) {
            return refuse(gate, 400, "target", "a character of the query is not allowed");
        }
    }
    return 1;
}

/* The methods that Daero has. Another word passes as well, for the library's side to answer with
 * those that the path has; a large body is not for it. */
static const char *const METHODS[] = {"GET", "POST", "DELETE"};

#define METHOD_BYTES_MAX 16

struct request_line {
    const char *method; /* "": another word */
    const char *path;
    size_t path_bytes;
};

/* `line` [bytes] without its CR LF. */
static int check_request_line(struct dr_gate *gate, const uint8_t *line, size_t bytes,
                              struct request_line *result)
{
    const uint8_t *space = memchr(line, ' ', bytes);
    const uint8_t *second;
    size_t method_bytes;
    size_t version_bytes;

    if (space == NULL || space == line)
        return refuse(gate, 400, "request line", "expected METHOD TARGET HTTP/1.1");
    method_bytes = (size_t)(space - line);
    for (size_t i = 0; i < method_bytes; i += 1) {
        if (!is_token(line[i]))
            return refuse(gate, 400, "method", "a method is made of letters");
    }
    if (method_bytes > METHOD_BYTES_MAX)
        return refuse(gate, 501, "method", "a method has at most %d letters", METHOD_BYTES_MAX);
    second = memchr(space + 1, ' ', bytes - method_bytes - 1);
    if (second == NULL)
        return refuse(gate, 400, "request line", "expected METHOD TARGET HTTP/1.1");
    version_bytes = bytes - (size_t)(second + 1 - line);
    if (version_bytes != 8 || memcmp(second + 1, "HTTP/", 5) != 0)
        return refuse(gate, 400, "version", "expected HTTP/1.1 at the end of the line");
    if (memcmp(second + 6, "1.1", 3) != 0)
        return refuse(gate, 505, "version", "HTTP/1.1 alone is spoken here");
    result->method = "";
    for (size_t i = 0; i < DR_COUNT_OF(METHODS); i += 1) {
        if (strlen(METHODS[i]) == method_bytes && memcmp(METHODS[i], line, method_bytes) == 0)
            result->method = METHODS[i];
    }
    result->path = (const char *)space + 1;
    return check_target(gate, space + 1, (size_t)(second - space - 1), &result->path_bytes);
}

/* ---- headers ---- */

/* Headers that decide something come once at most. */
enum single {
    HOST,
    CONTENT_LENGTH,
    AUTHORIZATION,
    EXPECT,
    CONTENT_TYPE,
    RETRY,
    RESUME,
    REASON,
    SINGLES
};
static const char *const SINGLE_NAMES[SINGLES] = {
    [HOST] = "Host",
    [CONTENT_LENGTH] = "Content-Length",
    [AUTHORIZATION] = "Authorization",
    [EXPECT] = "Expect",
    [CONTENT_TYPE] = "Content-Type",
    [RETRY] = "Idempotency-Key",
    [RESUME] = "Last-Event-ID",
    [REASON] = "X-Daero-Reason",
};

static int named(const uint8_t *name, size_t bytes, const char *wanted)
{
    return strlen(wanted) == bytes && strncasecmp((const char *)name, wanted, bytes) == 0;
}

static int check_host(struct dr_gate *gate, const uint8_t *value, size_t bytes)
{
    if (bytes == 0 || bytes > 255)
        return refuse(gate, 400, "Host", "a host has 1 to 255 characters");
    for (size_t i = 0; i < bytes; i += 1) {
        if (!is_alphanumeric(value[i]) && strchr(".-_:[]", value[i]) == NULL)
            return refuse(gate, 400, "Host", "a character of the host is not allowed");
    }
    return 1;
}

static int check_length(struct dr_gate *gate, const uint8_t *value, size_t bytes, uint64_t *length)
{
    uint64_t sum = 0;

    if (bytes == 0 || (bytes > 1 && value[0] == '0'))
        return refuse(gate, 400, "Content-Length", "expected a decimal number");
    for (size_t i = 0; i < bytes; i += 1) {
        if (value[i] < '0' || value[i] > '9')
            return refuse(gate, 400, "Content-Length", "expected a decimal number");
        if (i >= 18)
            return refuse(gate, 413, "Content-Length", "the body is too large");
        sum = sum * 10 + (uint64_t)(value[i] - '0');
    }
    *length = sum;
    return 1;
}

/* `line` [bytes] without its CR LF. `seen`: bits of enum single. */
static int check_header(struct dr_gate *gate, const uint8_t *line, size_t bytes, uint32_t *seen,
                        uint64_t *length)
{
    const uint8_t *colon = memchr(line, ':', bytes);
    const uint8_t *value;
    size_t name_bytes;
    size_t value_bytes;

    if (line[0] == ' ' || line[0] == '\t')
        return refuse(gate, 400, "header", "a header is one line; folded lines are refused");
    if (colon == NULL || colon == line)
        return refuse(gate, 400, "header", "expected NAME: VALUE");
    name_bytes = (size_t)(colon - line);
    for (size_t i = 0; i < name_bytes; i += 1) {
        if (!is_token(line[i]))
            return refuse(gate, 400, "header", "a character of a header's name is not allowed");
    }
    value = colon + 1;
    value_bytes = bytes - name_bytes - 1;
    while (value_bytes > 0 && (value[0] == ' ' || value[0] == '\t')) {
        value += 1;
        value_bytes -= 1;
    }
    while (value_bytes > 0 && (value[value_bytes - 1] == ' ' || value[value_bytes - 1] == '\t'))
        value_bytes -= 1;

    if (named(line, name_bytes, "Transfer-Encoding"))
        return refuse(gate, 501, "Transfer-Encoding", "send a Content-Length instead");
    if (named(line, name_bytes, "Upgrade"))
        return refuse(gate, 400, "Upgrade", "no other protocol is spoken here");
    for (uint32_t i = 0; i < SINGLES; i += 1) {
        if (!named(line, name_bytes, SINGLE_NAMES[i]))
            continue;
        if ((*seen >> i) & 1)
            return refuse(gate, 400, SINGLE_NAMES[i], "this header may come once only");
        *seen |= 1u << i;
        if (i == HOST)
            return check_host(gate, value, value_bytes);
        if (i == CONTENT_LENGTH)
            return check_length(gate, value, value_bytes, length);
        if (i == EXPECT && !named(value, value_bytes, "100-continue"))
            return refuse(gate, 417, "Expect", "100-continue alone is known here");
    }
    return 1;
}

/* A whole header block, which ends in an empty line. Every line ends in CR LF and no control
 * character is in it: look() has seen to that. */
static int check_block(struct dr_gate *gate, const uint8_t *block, size_t bytes)
{
    struct request_line line = {0};
    const uint8_t *end = memchr(block, '\r', bytes);
    uint32_t seen = 0;
    uint32_t headers = 0;
    uint64_t length = 0;
    uint32_t body_max;

    if (end == block)
        return refuse(gate, 400, "request line", "expected METHOD TARGET HTTP/1.1");
    if (!check_request_line(gate, block, (size_t)(end - block), &line))
        return 0;
    for (;;) {
        const uint8_t *begin = end + 2;

        end = memchr(begin, '\r', bytes - (size_t)(begin - block));
        DR_ASSERT(end != NULL);
        if (end == begin)
            break;
        headers += 1;
        if (headers > gate->limits->headers)
            return refuse(gate, 431, "header", "a request has at most %u headers",
                          gate->limits->headers);
        if (!check_header(gate, begin, (size_t)(end - begin), &seen, &length))
            return 0;
    }
    if (((seen >> HOST) & 1) == 0)
        return refuse(gate, 400, "Host", "this header is needed");
    if (length > 0 && line.method[0] == 'G')
        return refuse(gate, 400, "Content-Length", "a GET has no body");
    body_max = gate->large(line.method, line.path, line.path_bytes) ? gate->limits->large_body_bytes
                                                                    : gate->limits->body_bytes;
    if (length > body_max)
        return refuse(gate, 413, "Content-Length", "the body may have at most %u bytes here",
                      body_max);
    gate->body_left = length;
    return 1;
}

/* Look at bytes that have not been looked at before. Returns the length of the whole block once its
 * end is there, else 0. */
static size_t look(struct dr_gate *gate, const uint8_t *bytes, size_t count)
{
    size_t i = gate->looked_at;

    for (; i < count; i += 1) {
        uint8_t c = bytes[i];

        if (i >= gate->limits->header_bytes)
            return (size_t)refuse(gate, 431, "header", "a header block has at most %u bytes",
                                  gate->limits->header_bytes);
        if (c == '\n') {
            if (i == 0 || bytes[i - 1] != '\r')
                return (size_t)refuse(gate, 400, "header", "a line ends in CR LF");
            if (i >= 3 && bytes[i - 2] == '\n') {
                gate->looked_at = 0;
                return i + 1;
            }
            if (i == 1)
                return (size_t)refuse(gate, 400, "request line", "expected METHOD TARGET HTTP/1.1");
        } else {
            if (i > 0 && bytes[i - 1] == '\r')
                return (size_t)refuse(gate, 400, "header", "a line ends in CR LF");
            if ((c < 0x20 && c != '\r' && c != '\t') || c >= 0x7f)
                return (size_t)refuse(gate, 400, "header",
                                      "a control character, or one outside ASCII, is not allowed");
        }
    }
    gate->looked_at = (uint32_t)i;
    return 0;
}

size_t dr_gate_pass(struct dr_gate *gate, const uint8_t *bytes, size_t count, int64_t now_us)
{
    size_t header;
    size_t body;

    if (count == 0 || gate->state == DR_GATE_CLOSED || gate->state == DR_GATE_REFUSED)
        return 0;
    header = 0;
    if (gate->state != DR_GATE_BODY) {
        if (gate->state == DR_GATE_IDLE) {
            /* A connection's first request counts from its beginning: who connects has something to
             * say. */
            if (gate->requests > 0)
                gate->begun_us = now_us;
            gate->state = DR_GATE_HEADER;
        }
        header = look(gate, bytes, count);
        if (header == 0 || !check_block(gate, bytes, header))
            return 0;
        gate->requests += 1;
        gate->state = DR_GATE_BODY;
    }
    body = count - header < gate->body_left ? count - header : (size_t)gate->body_left;
    gate->body_left -= body;
    if (gate->body_left == 0) {
        gate->state =
            gate->requests >= gate->limits->connection_requests ? DR_GATE_CLOSED : DR_GATE_IDLE;
        gate->begun_us = now_us;
    }
    return header + body;
}

int64_t dr_gate_deadline_us(const struct dr_gate *gate)
{
    const struct dr_edge_limits *limits = gate->limits;

    switch (gate->state) {
    case DR_GATE_IDLE:
        return gate->begun_us +
               DR_SECOND_US * (gate->requests == 0 ? limits->header_s : limits->idle_s);
    case DR_GATE_HEADER:
        return gate->begun_us + DR_SECOND_US * limits->header_s;
    case DR_GATE_BODY:
        return gate->begun_us + DR_SECOND_US * limits->request_s;
    case DR_GATE_CLOSED:
    case DR_GATE_REFUSED:
        break;
    }
    return INT64_MAX;
}

void dr_gate_expire(struct dr_gate *gate)
{
    if (gate->state == DR_GATE_IDLE)
        gate->state = DR_GATE_CLOSED;
    else if (gate->state == DR_GATE_HEADER)
        refuse(gate, 408, "header", "the header did not come within %u seconds",
               gate->limits->header_s);
    else if (gate->state == DR_GATE_BODY)
        refuse(gate, 408, "body", "the request did not come within %u seconds",
               gate->limits->request_s);
}
