/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

uint64_t dr_hash_bytes(uint64_t hash, const void *data, size_t bytes)
{
    const uint8_t *at = data;
    uint64_t word = 0;

    hash = dr_hash_fold(hash, bytes);
    for (size_t i = 0; i < bytes; i += 1) {
        word |= (uint64_t)at[i] << (8 * (i & 7));
        if ((i & 7) == 7 || i + 1 == bytes) {
            hash = dr_hash_fold(hash, word);
            word = 0;
        }
    }
    return hash;
}
