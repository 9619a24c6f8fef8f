/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot's header. The hash in it stops a fuzzer at once, so it is made to fit first. */
#include <string.h>

#include <openssl/sha.h>

#include "store/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t header[DR_SNAPSHOT_HEADER_BYTES] = {0};
    uint8_t content_hash[DR_HASH_BYTES];
    struct dr_snapshot_at at;
    uint64_t length;

    memcpy(header, data, size < sizeof header ? size : sizeof header);
    (void)!dr_snapshot_header_read(header, &at, &length, content_hash);
    SHA256(header, 160, header + 160);
    (void)!dr_snapshot_header_read(header, &at, &length, content_hash);
    return 0;
}
