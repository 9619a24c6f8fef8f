/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of HTTP answers, fed with whatever pieces the connection gives. */
#include "cli/client.h"

#include <strings.h>

#include "base/text.h"

#define HEAD_BYTES_MAX (64u << 10)

enum state {
    HEAD,       /* lines up to an empty one, gathered in `head` */
    BODY,       /* `left` bytes, or until the close */
    CHUNK_SIZE, /* a line with the chunk's size, gathered in `head` */
    CHUNK_BODY,
    CHUNK_END, /* the line end after a chunk */
    TRAILER,   /* lines up to an empty one */
    DONE,
};

void dr_response_init(struct dr_response *response, int no_body,
                      int (*body)(void *context, const char *bytes, size_t count), void *context)
{
    memset(response, 0, sizeof *response);
    response->offset_next = -1;
    response->keep_alive = 1;
    response->body = body;
    response->context = context;
    response->state = HEAD;
    response->until_close = no_body ? 2 : 0; /* 2: HEAD was asked; settled in read_head() */
    dr_buffer_init(&response->head, HEAD_BYTES_MAX);
}

void dr_response_deinit(struct dr_response *response)
{
    dr_buffer_deinit(&response->head);
}

static void finish(struct dr_response *response)
{
    response->state = DONE;
    response->done = 1;
}

/* The value of a header line when it is the one named, else NULL. */
static const char *header(const char *line, const char *name)
{
    size_t length = strlen(name);

    if (strncasecmp(line, name, length) != 0 || line[length] != ':')
        return NULL;
    line += length + 1;
    while (*line == ' ' || *line == '\t')
        line += 1;
    return line;
}

/* The head is whole: lines ended by 0 follow one another in `text`. */
static enum dr_status read_head(struct dr_response *response, char *text, size_t length)
{
    int64_t content_length = -1;
    int no_body = response->until_close == 2;
    int64_t status;
    char *line = text;
    char *end = text + length;
    char number[4] = "";

    if (length < 12 || strncmp(text, "HTTP/1.", 7) != 0 || text[8] != ' ')
        return DR_E_CORRUPT;
    if (text[7] == '0')
        response->keep_alive = 0;
    memcpy(number, text + 9, 3);
    if (!dr_parse_i64(number, 100, 599, &status))
        return DR_E_CORRUPT;
    for (line += strlen(line) + 1; line < end; line += strlen(line) + 1) {
        const char *value = header(line, "Content-Length");

        if (value != NULL && !dr_parse_i64(value, 0, INT64_MAX, &content_length))
            return DR_E_CORRUPT;
        value = header(line, "Transfer-Encoding");
        if (value != NULL) {
            if (strcasecmp(value, "chunked") != 0)
                return DR_E_CORRUPT;
            response->chunked = 1;
        }
        value = header(line, "Connection");
        if (value != NULL && strcasecmp(value, "close") == 0)
            response->keep_alive = 0;
        value = header(line, "X-Daero-Offset");
        if (value != NULL && !dr_parse_i64(value, 0, INT64_MAX, &response->offset_next))
            return DR_E_CORRUPT;
    }
    dr_buffer_clear(&response->head);
    response->until_close = 0;
    if (status < 200) { /* 100 Continue: the answer is still to come */
        response->state = HEAD;
        return DR_OK;
    }
    response->status = (int)status;
    if (no_body || status == 204 || status == 304) {
        finish(response);
    } else if (response->chunked) {
        response->state = CHUNK_SIZE;
    } else if (content_length >= 0) {
        response->left = (uint64_t)content_length;
        response->state = BODY;
        if (response->left == 0)
            finish(response);
    } else {
        response->until_close = 1;
        response->keep_alive = 0;
        response->state = BODY;
    }
    return DR_OK;
}

/* Take one byte of a line. 1: the line is whole, without its end; its text is in `head` from
 * `from`. */
static int take_line(struct dr_response *response, char byte)
{
    if (byte != '\n') {
        dr_buffer_append(&response->head, &byte, 1);
        return 0;
    }
    if (response->head.length > 0 && response->head.data[response->head.length - 1] == '\r')
        response->head.length -= 1;
    return 1;
}

static enum dr_status read_chunk_size(struct dr_response *response)
{
    const char *text = dr_buffer_text(&response->head);
    uint64_t size = 0;
    uint32_t digits = 0;

    for (; *text != '\0' && *text != ';' && *text != ' '; text += 1) {
        uint32_t digit;

        if (*text >= '0' && *text <= '9')
            digit = (uint32_t)(*text - '0');
        else if (*text >= 'a' && *text <= 'f')
            digit = (uint32_t)(*text - 'a') + 10;
        else if (*text >= 'A' && *text <= 'F')
            digit = (uint32_t)(*text - 'A') + 10;
        else
            return DR_E_CORRUPT;
        size = size * 16 + digit;
        digits += 1;
        if (digits > 12)
            return DR_E_CORRUPT;
    }
    if (digits == 0)
        return DR_E_CORRUPT;
    dr_buffer_clear(&response->head);
    response->left = size;
    response->state = size == 0 ? TRAILER : CHUNK_BODY;
    return DR_OK;
}

/* A line in `head` is whole (head.length counts from `line_start` of this state). */
static enum dr_status line_taken(struct dr_response *response)
{
    switch ((enum state)response->state) {
    case HEAD: {
        size_t length = response->head.length;
        uint8_t *data = response->head.data;

        if (length == 0)
            return DR_E_CORRUPT;
        /* Lines are kept with a 0 after each; two in a row end the head. */
        if (data[length - 1] == '\0')
            return read_head(response, (char *)data, length);
        dr_buffer_append(&response->head, "", 1);
        return DR_OK;
    }
    case CHUNK_SIZE:
        return read_chunk_size(response);
    case CHUNK_END:
        if (response->head.length != 0)
            return DR_E_CORRUPT;
        response->state = CHUNK_SIZE;
        return DR_OK;
    case TRAILER:
        if (response->head.length == 0)
            finish(response);
        dr_buffer_clear(&response->head);
        return DR_OK;
    case BODY:
    case CHUNK_BODY:
    case DONE:
        break;
    }
    return DR_E_CORRUPT;
}

enum dr_status dr_response_feed(struct dr_response *response, const char *bytes, size_t count,
                                size_t *taken)
{
    size_t at = 0;
    enum dr_status status = DR_OK;

    while (at < count && !response->done && !response->stopped && status == DR_OK) {
        if (response->state == BODY || response->state == CHUNK_BODY) {
            size_t piece = count - at;

            if (!response->until_close && piece > response->left)
                piece = (size_t)response->left;
            if (!response->body(response->context, bytes + at, piece)) {
                response->stopped = 1;
                response->keep_alive = 0;
            }
            at += piece;
            if (response->until_close)
                continue;
            response->left -= piece;
            if (response->left == 0 && response->state == BODY)
                finish(response);
            else if (response->left == 0)
                response->state = CHUNK_END;
            continue;
        }
        if (bytes[at] == '\0')
            return DR_E_CORRUPT;
        if (take_line(response, bytes[at]))
            status = line_taken(response);
        if (response->head.full)
            status = DR_E_CORRUPT;
        at += 1;
    }
    *taken = at;
    return status;
}

enum dr_status dr_response_end(struct dr_response *response)
{
    if (response->done)
        return DR_OK;
    if (response->state == BODY && response->until_close) {
        finish(response);
        return DR_OK;
    }
    return DR_E_CORRUPT;
}
