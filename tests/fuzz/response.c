/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP answers as the client reads them: the same bytes give the same body, status and verdict in
 * one piece and byte by byte. */
#include <string.h>

#include "base/assert.h"
#include "cli/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct got {
    struct dr_buffer body;
    int status;
    enum dr_status verdict;
    uint32_t done;
    int64_t offset_next;
};

static int take(void *context, const char *bytes, size_t count)
{
    dr_buffer_append(context, bytes, count);
    return 1;
}

static void read_all(struct got *got, const char *bytes, size_t size, size_t step)
{
    struct dr_response response;
    size_t at = 0;

    memset(got, 0, sizeof *got);
    dr_buffer_init(&got->body, 1u << 20);
    dr_response_init(&response, 0, take, &got->body);
    got->verdict = DR_OK;
    while (at < size && got->verdict == DR_OK && !response.done) {
        size_t count = size - at < step ? size - at : step;
        size_t taken = 0;

        got->verdict = dr_response_feed(&response, bytes + at, count, &taken);
        at += taken;
        DR_ASSERT(got->verdict != DR_OK || taken == count || response.done);
    }
    if (got->verdict == DR_OK)
        got->verdict = dr_response_end(&response);
    got->status = response.status;
    got->done = response.done;
    got->offset_next = response.offset_next;
    dr_response_deinit(&response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct got whole;
    struct got pieces;

    read_all(&whole, (const char *)data, size, size == 0 ? 1 : size);
    read_all(&pieces, (const char *)data, size, 1);
    DR_ASSERT(whole.verdict == pieces.verdict);
    DR_ASSERT(whole.status == pieces.status);
    DR_ASSERT(whole.done == pieces.done);
    DR_ASSERT(whole.offset_next == pieces.offset_next);
    if (whole.verdict == DR_OK) {
        DR_ASSERT(whole.body.length == pieces.body.length);
        DR_ASSERT(memcmp(dr_buffer_text(&whole.body), dr_buffer_text(&pieces.body),
                         whole.body.length) == 0);
    }
    dr_buffer_deinit(&whole.body);
    dr_buffer_deinit(&pieces.body);
    return 0;
}
