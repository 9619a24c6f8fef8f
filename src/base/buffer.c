/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/assert.h"

void dr_buffer_init(struct dr_buffer *buffer, size_t length_max)
{
    *buffer = (struct dr_buffer){.length_max = length_max};
}

void dr_buffer_deinit(struct dr_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct dr_buffer){0};
}

/* Room for `bytes` more and a closing 0. */
static int reserve(struct dr_buffer *buffer, size_t bytes)
{
    size_t needed;
    size_t capacity = buffer->capacity == 0 ? 256 : buffer->capacity;

    if (buffer->full || bytes > buffer->length_max - buffer->length) {
        buffer->full = 1;
        return 0;
    }
    needed = buffer->length + bytes + 1;
    if (needed <= buffer->capacity)
        return 1;
    while (capacity < needed)
        capacity *= 2;
    buffer->data = realloc(buffer->data, capacity);
    if (buffer->data == NULL) {
        fprintf(stderr, "daero: out of memory (%zu bytes)\n", capacity);
        abort();
    }
    buffer->capacity = capacity;
    return 1;
}

void dr_buffer_append(struct dr_buffer *buffer, const void *data, size_t bytes)
{
    if (!reserve(buffer, bytes) || bytes == 0)
        return;
    memcpy(buffer->data + buffer->length, data, bytes);
    buffer->length += bytes;
}

void dr_buffer_append_text(struct dr_buffer *buffer, const char *text)
{
    dr_buffer_append(buffer, text, strlen(text));
}

void dr_buffer_printf(struct dr_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_list again;
    int bytes;

    va_start(arguments, format);
    va_copy(again, arguments);
    bytes = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (bytes > 0 && reserve(buffer, (size_t)bytes)) {
        vsnprintf((char *)buffer->data + buffer->length, (size_t)bytes + 1, format, again);
        buffer->length += (size_t)bytes;
    }
    va_end(again);
}

void dr_buffer_consume(struct dr_buffer *buffer, size_t bytes)
{
    DR_ASSERT(bytes <= buffer->length);
    if (bytes == 0)
        return;
    memmove(buffer->data, buffer->data + bytes, buffer->length - bytes);
    buffer->length -= bytes;
}

const char *dr_buffer_text(struct dr_buffer *buffer)
{
    if (buffer->data == NULL)
        return "";
    buffer->data[buffer->length] = '\0';
    return (const char *)buffer->data;
}

enum dr_status dr_buffer_read_file(struct dr_buffer *buffer, const char *path)
{
    uint8_t chunk[16384];
    enum dr_status status = DR_OK;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0)
        return errno == ENOENT ? DR_E_MISSING : DR_E_IO;
    for (;;) {
        ssize_t bytes = read(file, chunk, sizeof chunk);

        if (bytes < 0 && errno == EINTR)
            continue;
        if (bytes < 0)
            status = DR_E_IO;
        if (bytes <= 0)
            break;
        dr_buffer_append(buffer, chunk, (size_t)bytes);
        if (buffer->full) {
            status = DR_E_FULL;
            break;
        }
    }
    close(file);
    return status;
}
