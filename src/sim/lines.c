/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/assert.h"
#include "base/attr.h"
#include "base/text.h"

#define READ_BYTES (1u << 18)

struct dr_lines {
    gzFile file;
    char path[4096];
    uint32_t number;
    uint64_t bytes;
    char *buffer; /* what was read: [from, to) is left */
    size_t from;
    size_t to;
    int at_end;
    char line[DR_LINE_BYTES_MAX];
};

enum dr_status dr_lines_open(struct dr_lines **lines, const char *path, struct dr_error *error)
{
    struct dr_lines *made = calloc(1, sizeof *made);
    struct stat about;

    DR_ASSERT(made != NULL);
    *lines = NULL;
    dr_format(made->path, sizeof made->path, "%s", path);
    made->file = strcmp(path, "-") == 0 ? gzdopen(0, "rb") : gzopen(path, "rb");
    made->buffer = malloc(READ_BYTES);
    DR_ASSERT(made->buffer != NULL);
    if (made->file == NULL ||
        (strcmp(path, "-") != 0 && (stat(path, &about) != 0 || S_ISDIR(about.st_mode)))) {
        dr_error_set(error, path, 0, "", made->file == NULL ? strerror(errno) : "a directory",
                     "a file that can be read");
        dr_lines_close(made);
        return DR_E_MISSING;
    }
    if (strcmp(path, "-") != 0 && S_ISREG(about.st_mode))
        made->bytes = (uint64_t)about.st_size;
    gzbuffer(made->file, READ_BYTES);
    *lines = made;
    return DR_OK;
}

void dr_lines_close(struct dr_lines *lines)
{
    if (lines == NULL)
        return;
    if (lines->file != NULL)
        gzclose(lines->file);
    free(lines->buffer);
    free(lines);
}

/* Read more behind what is left. 0: nothing can be read any more. */
static int fill(struct dr_lines *lines)
{
    int count;

    if (lines->at_end)
        return 0;
    memmove(lines->buffer, lines->buffer + lines->from, lines->to - lines->from);
    lines->to -= lines->from;
    lines->from = 0;
    count = gzread(lines->file, lines->buffer + lines->to, (unsigned)(READ_BYTES - lines->to));
    if (count <= 0) {
        lines->at_end = 1;
        return 0;
    }
    lines->to += (size_t)count;
    return 1;
}

static enum dr_status wrong(struct dr_lines *lines, struct dr_error *error, enum dr_status status,
                            const char *found, const char *expected)
{
    dr_error_set(error, lines->path, lines->number, "", found, "%s", expected);
    return status;
}

enum dr_status dr_lines_next(struct dr_lines *lines, char **text, struct dr_error *error)
{
    size_t length = 0;
    int code = Z_OK;

    lines->number += 1;
    for (;;) {
        const char *from = lines->buffer + lines->from;
        const char *end = memchr(from, '\n', lines->to - lines->from);
        size_t count = end != NULL ? (size_t)(end - from) : lines->to - lines->from;

        if (length + count < sizeof lines->line)
            memcpy(lines->line + length, from, count);
        length += count;
        lines->from += count + (end != NULL);
        if (end != NULL)
            break;
        if (fill(lines))
            continue;
        gzerror(lines->file, &code);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            return wrong(lines, error, DR_E_IO, "a file that breaks off", "a whole file");
        if (length == 0)
            return DR_E_END;
        break;
    }
    if (length >= sizeof lines->line)
        return wrong(lines, error, DR_E_INPUT, "a longer line", "at most 65535 bytes a line");
    if (memchr(lines->line, 0, length) != NULL)
        return wrong(lines, error, DR_E_INPUT, "a zero byte", "text");
    if (length > 0 && lines->line[length - 1] == '\r')
        length -= 1;
    lines->line[length] = 0;
    *text = lines->line;
    return DR_OK;
}

uint32_t dr_lines_number(const struct dr_lines *lines)
{
    return lines->number;
}

const char *dr_lines_path(const struct dr_lines *lines)
{
    return lines->path;
}

uint64_t dr_lines_at(const struct dr_lines *lines)
{
    z_off_t at = gzoffset(lines->file);

    return at < 0 ? 0 : (uint64_t)at;
}

uint64_t dr_lines_bytes(const struct dr_lines *lines)
{
    return lines->bytes;
}

/* A field in quotes, which are doubled within: unwrapped in place. Returns what follows it, or
 * NULL: it is not closed. */
static char *unquote(char *from)
{
    char *to = from;
    char *at = from + 1;

    for (;;) {
        if (*at == 0)
            return NULL;
        if (*at == '"') {
            at += 1;
            if (*at != '"')
                break;
        }
        *to = *at;
        to += 1;
        at += 1;
    }
    if (*at != ',' && *at != 0)
        return NULL;
    if (to != at)
        *to = 0;
    return at;
}

uint32_t dr_lines_split(char *text, char **fields, uint32_t max)
{
    uint32_t count = 0;

    for (;;) {
        int quoted = *text == '"';
        char *end;

        if (count == max)
            return max + 1;
        fields[count] = text;
        count += 1;
        end = quoted ? unquote(text) : strchr(text, ',');
        if (quoted && end == NULL)
            return 0;
        if (end == NULL || *end == 0)
            return count;
        *end = 0;
        text = end + 1;
    }
}
