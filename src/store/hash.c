/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, and what the chain hashes (docs/formats/store.md). */
#include "store/internal.h"

#include "base/assert.h"

const EVP_MD *dr_store_sha256(void)
{
    /* Fetched once: a lookup by name takes locks, which a forked child must not meet. */
    static EVP_MD *sha256;

    if (sha256 == NULL)
        sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    DR_ASSERT(sha256 != NULL);
    return sha256;
}

static void put_u64(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 8; i += 1)
        at[i] = (uint8_t)(value >> (8 * i));
}

void dr_store_hash(const void *a, size_t a_bytes, const void *b, size_t b_bytes,
                   uint8_t hash[DR_HASH_BYTES])
{
    static EVP_MD_CTX *context; /* made once: a text is short, and making one costs as much */
    int done;

    if (context == NULL)
        context = EVP_MD_CTX_new();
    done = context != NULL && EVP_DigestInit_ex(context, dr_store_sha256(), NULL) == 1 &&
           EVP_DigestUpdate(context, a, a_bytes) == 1 &&
           (b_bytes == 0 || EVP_DigestUpdate(context, b, b_bytes) == 1) &&
           EVP_DigestFinal_ex(context, hash, NULL) == 1;

    DR_ASSERT(done); /* SHA-256 fails only without memory */
}

void dr_store_batch_hash(const uint8_t previous[DR_HASH_BYTES], const struct dr_store_read *batch,
                         uint8_t hash[DR_HASH_BYTES])
{
    uint8_t header[16 + DR_HASH_BYTES + 5 * 8] = "daero batch 1\n";
    uint8_t *at = header + 16;

    memcpy(at, previous, DR_HASH_BYTES);
    at += DR_HASH_BYTES;
    put_u64(at, batch->seq_first);
    put_u64(at + 8, batch->facts_count);
    put_u64(at + 16, (uint64_t)batch->time_us);
    put_u64(at + 24, batch->state_hash);
    put_u64(at + 32, batch->payload_bytes);
    dr_store_hash(header, sizeof header, batch->payload, batch->payload_bytes, hash);
}

void dr_store_genesis(const uint8_t federation[DR_FEDERATION_BYTES], uint8_t head[DR_HASH_BYTES])
{
    uint8_t label[16] = "daero genesis 1";

    dr_store_hash(label, sizeof label, federation, DR_FEDERATION_BYTES, head);
}

void dr_store_text_hash(const uint8_t salt[DR_SALT_BYTES], const char *text, uint32_t bytes,
                        uint8_t hash[DR_HASH_BYTES])
{
    dr_store_hash(salt, DR_SALT_BYTES, text, bytes, hash);
}
