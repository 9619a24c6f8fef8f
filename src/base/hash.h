/* SPDX-License-Identifier: Apache-2.0 */
/* hash.h: 64-bit mixing for tables and for the state's hash. Not for security. */
#ifndef DR_BASE_HASH_H
#define DR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* A bijection on 64 bits in which every input bit moves every output bit (the finaliser of
 * S. Vigna's SplitMix64). */
static inline uint64_t dr_hash_u64(uint64_t value)
{
    value ^= value >> 30;
    value *= 0xbf58476d1ce4e5b9ull;
    value ^= value >> 27;
    value *= 0x94d049bb133111ebull;
    value ^= value >> 31;
    return value;
}

/* Fold one more word into a running hash; the order of words matters. */
static inline uint64_t dr_hash_fold(uint64_t hash, uint64_t value)
{
    return dr_hash_u64(hash ^ (value + 0x9e3779b97f4a7c15ull + (hash << 6) + (hash >> 2)));
}

/* Fold `bytes` bytes and their count. The result does not depend on the machine's byte order. */
uint64_t dr_hash_bytes(uint64_t hash, const void *data, size_t bytes);

#endif
