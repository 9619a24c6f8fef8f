/* SPDX-License-Identifier: Apache-2.0 */
/* buffer.h: bytes that grow up to a stated maximum. For the edge; core has none. */
#ifndef DR_BASE_BUFFER_H
#define DR_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct dr_buffer {
    uint8_t *data;
    size_t length;
    size_t capacity;
    size_t length_max;
    int full; /* a write did not fit; it and all later ones were dropped */
};

/* Nothing is allocated until the first write. */
void dr_buffer_init(struct dr_buffer *buffer, size_t length_max);

/* Accepts a zeroed buffer. Fits DR_CLEANUP. */
void dr_buffer_deinit(struct dr_buffer *buffer);

void dr_buffer_append(struct dr_buffer *buffer, const void *data, size_t bytes);
void dr_buffer_append_text(struct dr_buffer *buffer, const char *text);
void dr_buffer_printf(struct dr_buffer *buffer, const char *format, ...) DR_PRINTF(2, 3);

/* Take `bytes` off the front. */
void dr_buffer_consume(struct dr_buffer *buffer, size_t bytes);

/* The content with a 0 after it (not counted in length); never NULL. */
const char *dr_buffer_text(struct dr_buffer *buffer);

static inline void dr_buffer_clear(struct dr_buffer *buffer)
{
    buffer->length = 0;
    buffer->full = 0;
}

/* A whole file, at most `length_max` bytes. DR_E_MISSING, DR_E_FULL (larger), DR_E_IO. */
DR_MUST_USE enum dr_status dr_buffer_read_file(struct dr_buffer *buffer, const char *path);

#endif
