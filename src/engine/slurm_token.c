/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/slurm_token.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"

#define USER_BYTES_MAX 64
/* {"alg":"HS256","typ":"JWT"} */
#define HEADER "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"

enum dr_status dr_slurm_key_read(struct dr_slurm_key *key, const char *path, struct dr_error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, key->bytes, sizeof key->bytes);
    int why = errno;

    if (file >= 0)
        close(file);
    if (length < 0) {
        dr_error_set(error, path, 0, NULL, NULL, "the key of the site's tokens: %s", strerror(why));
        return why == ENOENT ? DR_E_MISSING : DR_E_IO;
    }
    if (length == 0 || length == (ssize_t)sizeof key->bytes) {
        dr_error_set(error, path, 0, NULL, NULL, "a key of 1 to %zu bytes", sizeof key->bytes - 1);
        return DR_E_INPUT;
    }
    key->length = (uint32_t)length;
    return DR_OK;
}

int dr_slurm_user_valid(const char *user)
{
    size_t length = strnlen(user, USER_BYTES_MAX + 1);

    if (length == 0 || length > USER_BYTES_MAX)
        return 0;
    for (size_t i = 0; i < length; i += 1) {
        char c = user[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '_' && c != '-' && c != '.' && c != '@')
            return 0;
    }
    return 1;
}

/* base64url without padding; returns the length. */
static size_t encode(const uint8_t *data, size_t bytes, char *text)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t used = 0;

    for (size_t i = 0; i < bytes; i += 3) {
        uint32_t three = (uint32_t)data[i] << 16;

        if (i + 1 < bytes)
            three |= (uint32_t)data[i + 1] << 8;
        if (i + 2 < bytes)
            three |= data[i + 2];
        text[used++] = letters[three >> 18];
        text[used++] = letters[three >> 12 & 63];
        if (i + 1 < bytes)
            text[used++] = letters[three >> 6 & 63];
        if (i + 2 < bytes)
            text[used++] = letters[three & 63];
    }
    text[used] = 0;
    return used;
}

enum dr_status dr_slurm_token(const struct dr_slurm_key *key, const char *user, int64_t issued_s,
                              int64_t until_s, char token[DR_SLURM_TOKEN_BYTES])
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned mac_bytes = 0;
    char claims[192];
    size_t used;
    int length;

    if (!dr_slurm_user_valid(user))
        return DR_E_INPUT;
    length =
        snprintf(claims, sizeof claims, "{\"exp\":%" PRId64 ",\"iat\":%" PRId64 ",\"sun\":\"%s\"}",
                 until_s, issued_s, user);
    DR_ASSERT(length > 0 && (size_t)length < sizeof claims);
    used = sizeof HEADER - 1;
    memcpy(token, HEADER, used);
    token[used++] = '.';
    used += encode((const uint8_t *)claims, (size_t)length, token + used);
    if (HMAC(EVP_sha256(), key->bytes, (int)key->length, (const uint8_t *)token, used, mac,
             &mac_bytes) == NULL)
        return DR_E_IO;
    token[used++] = '.';
    used += encode(mac, mac_bytes, token + used);
    DR_ASSERT(used < DR_SLURM_TOKEN_BYTES);
    return DR_OK;
}
