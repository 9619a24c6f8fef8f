/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes into the gate. The first byte says how they are cut; the result may not depend on the cut,
 * and what passes must have one reading: checked again here with string functions alone. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "serve/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dr_edge_limits limits = {.body_bytes = 4096};

static int large(const char *method, const char *path, size_t path_bytes)
{
    (void)method;
    DR_ASSERT(path_bytes > 0 && path[0] == '/');
    return 0;
}

static void check_block(const uint8_t *bytes, size_t count)
{
    char *text = malloc(count + 1);
    const char *line;
    char *path;

    memcpy(text, bytes, count);
    text[count] = 0;
    DR_ASSERT(strlen(text) == count); /* no NUL */
    path = strndup(strchr(text, ' ') + 1, strcspn(strchr(text, ' ') + 1, " ?"));
    DR_ASSERT(strstr(path, "/../") == NULL && strstr(path, "//") == NULL);
    DR_ASSERT(strchr(path, '%') == NULL);
    free(path);
    DR_ASSERT(strcasestr(text, "\r\ntransfer-encoding:") == NULL);
    line = strcasestr(text, "\r\nhost:");
    DR_ASSERT(line != NULL && strcasestr(line + 2, "\r\nhost:") == NULL);
    line = strcasestr(text, "\r\ncontent-length:");
    DR_ASSERT(line == NULL || strcasestr(line + 2, "\r\ncontent-length:") == NULL);
    DR_ASSERT(strstr(text, "\r\n ") == NULL && strstr(text, "\r\n\t") == NULL);
    free(text);
}

static size_t feed(struct dr_gate *gate, const uint8_t *data, size_t size, size_t step)
{
    size_t passed = 0;
    size_t shown = 0;

    dr_edge_limits_fill(&limits);
    dr_gate_init(gate, &limits, large, 0);
    while (shown < size) {
        size_t taken;

        shown = size - shown < step ? size : shown + step;
        for (;;) {
            uint32_t requests = gate->requests;
            size_t left = gate->body_left;

            taken = dr_gate_pass(gate, data + passed, shown - passed, 0);
            if (taken == 0)
                break;
            DR_ASSERT(taken <= shown - passed);
            if (gate->requests > requests) {
                const uint8_t *end = memmem(data + passed, taken, "\r\n\r\n", 4);

                DR_ASSERT(end != NULL);
                check_block(data + passed, (size_t)(end - (data + passed)) + 4);
            } else {
                DR_ASSERT(taken <= left);
            }
            passed += taken;
        }
    }
    return passed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dr_gate whole;
    struct dr_gate cut;
    size_t passed;

    if (size < 1)
        return 0;
    passed = feed(&whole, data + 1, size - 1, size);
    DR_ASSERT(feed(&cut, data + 1, size - 1, 1u + data[0]) == passed);
    DR_ASSERT(cut.state == whole.state && cut.requests == whole.requests);
    DR_ASSERT(cut.state != DR_GATE_REFUSED || cut.status == whole.status);
    return 0;
}
