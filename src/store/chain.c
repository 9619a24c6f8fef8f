/* SPDX-License-Identifier: Apache-2.0 */
/* The controller's key and signed heads. Read chain.h first; the proof is in verify.c. */
#include "store/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/text.h"
#include "store/internal.h"

#define SECRET_LABEL "daero-secret-key-1 "
#define PUBLIC_LABEL "daero-public-key-1 "
#define HEAD_LABEL   "daero-head-1"

static void sodium_ready(void)
{
    int ready = sodium_init();

    DR_ASSERT(ready >= 0);
}

/* ---- keys ---- */

/* Write a new file of one line, durably and whole or not at all: half a key would keep the
 * controller from starting. */
static enum dr_status write_key(const char *path, mode_t mode, const char *label,
                                const uint8_t *bytes, struct dr_error *error)
{
    char making[DR_PATH_MAX + 40];
    char line[128];
    char hex[2 * DR_PUBLIC_KEY_BYTES + 1];
    enum dr_status status = DR_OK;
    int length;
    int file;

    snprintf(making, sizeof making, "%s.new", path);
    unlink(making); /* left by a kill */
    file = open(making, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file < 0)
        return dr_store_system_error(making, "a key file that can be made", error);
    dr_format_hex(bytes, DR_PUBLIC_KEY_BYTES, hex);
    length = snprintf(line, sizeof line, "%s%s\n", label, hex);
    if (write(file, line, (size_t)length) != length || fsync(file) != 0 || link(making, path) != 0)
        status = dr_store_system_error(path, "a key file that can be made", error);
    close(file);
    unlink(making);
    sodium_memzero(line, sizeof line);
    sodium_memzero(hex, sizeof hex);
    return status;
}

/* The 32 bytes behind the label of a key file. */
static enum dr_status read_key(const char *path, const char *label, uint8_t *bytes,
                               struct dr_error *error)
{
    struct dr_buffer content;
    const char *text;
    size_t length;
    enum dr_status status;

    dr_buffer_init(&content, 256);
    status = dr_buffer_read_file(&content, path);
    if (status == DR_E_MISSING || status == DR_E_IO) {
        status = dr_store_system_error(path, "a key file that can be read", error);
    } else {
        char hex[2 * DR_PUBLIC_KEY_BYTES + 1] = "";

        text = dr_buffer_text(&content);
        length = content.length;
        if (length > 0 && text[length - 1] == '\n')
            length -= 1;
        if (status == DR_OK && length == strlen(label) + 2 * DR_PUBLIC_KEY_BYTES &&
            memcmp(text, label, strlen(label)) == 0)
            memcpy(hex, text + strlen(label), 2 * DR_PUBLIC_KEY_BYTES);
        status = DR_OK;
        if (!dr_parse_hex(hex, bytes, DR_PUBLIC_KEY_BYTES)) {
            dr_error_set(error, path, 1, "key", "something else", "'%s' and 64 hexadecimal digits",
                         label);
            status = DR_E_INPUT;
        }
        sodium_memzero(hex, sizeof hex);
    }
    if (content.data != NULL)
        sodium_memzero(content.data, content.capacity);
    dr_buffer_deinit(&content);
    return status;
}

enum dr_status dr_chain_key_create(const char *directory, struct dr_error *error)
{
    char path[DR_PATH_MAX + 32];
    uint8_t seed[crypto_sign_SEEDBYTES];
    struct dr_chain_key key;
    enum dr_status status;

    sodium_ready();
    randombytes_buf(seed, sizeof seed);
    crypto_sign_seed_keypair(key.public_key, key.secret, seed);
    snprintf(path, sizeof path, "%s/%s", directory, DR_CHAIN_SECRET);
    status = write_key(path, 0600, SECRET_LABEL, seed, error);
    sodium_memzero(seed, sizeof seed);
    if (status == DR_OK) {
        snprintf(path, sizeof path, "%s/%s", directory, DR_CHAIN_PUBLIC);
        status = write_key(path, 0644, PUBLIC_LABEL, key.public_key, error);
    }
    dr_chain_key_forget(&key);
    return status;
}

enum dr_status dr_chain_key_load(const char *directory, struct dr_chain_key *key,
                                 struct dr_error *error)
{
    char path[DR_PATH_MAX + 32];
    uint8_t seed[crypto_sign_SEEDBYTES];
    struct stat there;
    enum dr_status status;

    sodium_ready();
    snprintf(path, sizeof path, "%s/%s", directory, DR_CHAIN_SECRET);
    if (stat(path, &there) != 0)
        return dr_store_system_error(path, "the controller's key", error);
    if ((there.st_mode & 077) != 0) {
        char found[32];

        snprintf(found, sizeof found, "mode %03o", (unsigned)there.st_mode & 0777);
        dr_error_set(error, path, 0, "", found,
                     "mode 600: others may read the key. Who has it can sign false histories");
        return DR_E_DENIED;
    }
    status = read_key(path, SECRET_LABEL, seed, error);
    if (status == DR_OK) {
        crypto_sign_seed_keypair(key->public_key, key->secret, seed);
        /* A kill between the two files left the secret one alone. */
        snprintf(path, sizeof path, "%s/%s", directory, DR_CHAIN_PUBLIC);
        if (access(path, F_OK) != 0)
            status = write_key(path, 0644, PUBLIC_LABEL, key->public_key, error);
    }
    sodium_memzero(seed, sizeof seed);
    return status;
}

void dr_chain_key_forget(struct dr_chain_key *key)
{
    sodium_memzero(key, sizeof *key);
}

enum dr_status dr_chain_public_load(const char *path, uint8_t public_key[DR_PUBLIC_KEY_BYTES],
                                    struct dr_error *error)
{
    return read_key(path, PUBLIC_LABEL, public_key, error);
}

/* ---- heads ---- */

/* The line up to and with the blank before the signature. Returns its length. */
static size_t signed_part(const struct dr_chain_head *head, char line[DR_CHAIN_LINE_BYTES])
{
    char federation[2 * DR_FEDERATION_BYTES + 1];
    char hash[2 * DR_HASH_BYTES + 1];
    char key[2 * DR_PUBLIC_KEY_BYTES + 1];

    dr_format_hex(head->federation, DR_FEDERATION_BYTES, federation);
    dr_format_hex(head->head, DR_HASH_BYTES, hash);
    dr_format_hex(head->public_key, DR_PUBLIC_KEY_BYTES, key);
    return (size_t)snprintf(line, DR_CHAIN_LINE_BYTES,
                            HEAD_LABEL " %s %" PRIu64 " %s %" PRId64 " %s ", federation, head->seq,
                            hash, head->time_us, key);
}

void dr_chain_sign(const struct dr_chain_key *key, const struct dr_store *store, int64_t now_us,
                   struct dr_chain_head *head)
{
    char line[DR_CHAIN_LINE_BYTES];
    size_t length;

    sodium_ready();
    *head = (struct dr_chain_head){.seq = dr_store_seq(store), .time_us = now_us};
    dr_store_federation(store, head->federation);
    dr_store_head(store, head->head);
    memcpy(head->public_key, key->public_key, DR_PUBLIC_KEY_BYTES);
    length = signed_part(head, line);
    crypto_sign_detached(head->signature, NULL, (const uint8_t *)line, length, key->secret);
}

const char *dr_chain_format(const struct dr_chain_head *head, char line[DR_CHAIN_LINE_BYTES])
{
    size_t length = signed_part(head, line);

    dr_format_hex(head->signature, DR_SIGNATURE_BYTES, line + length);
    length += 2 * (size_t)DR_SIGNATURE_BYTES;
    line[length] = '\n';
    line[length + 1] = '\0';
    return line;
}

static enum dr_status bad_field(const char *field, const char *found, const char *expected,
                                struct dr_error *error)
{
    dr_error_set(error, "", 0, field, found, "%s", expected);
    return DR_E_INPUT;
}

enum dr_status dr_chain_parse(const char *line, size_t bytes, struct dr_chain_head *head,
                              struct dr_error *error)
{
    char copy[DR_CHAIN_LINE_BYTES];
    char again[DR_CHAIN_LINE_BYTES];
    char *fields[7];
    char *rest = copy;
    struct dr_chain_head read = {.seq = 0};
    int64_t seq;
    size_t length;

    if (bytes > 0 && line[bytes - 1] == '\n')
        bytes -= 1;
    if (bytes >= sizeof copy)
        return bad_field("line", "a longer line", "a signed head", error);
    if (memchr(line, '\0', bytes) != NULL)
        return bad_field("line", "a zero byte", "a signed head", error);
    memcpy(copy, line, bytes);
    copy[bytes] = '\0';
    for (size_t i = 0; i < DR_COUNT_OF(fields); i += 1) {
        fields[i] = strsep(&rest, " ");
        if (fields[i] == NULL)
            return bad_field("line", "too few parts", "'" HEAD_LABEL "' and six parts", error);
    }
    if (rest != NULL)
        return bad_field("line", "too many parts", "'" HEAD_LABEL "' and six parts", error);
    if (strcmp(fields[0], HEAD_LABEL) != 0)
        return bad_field("line", fields[0], "'" HEAD_LABEL "' at its beginning", error);
    if (!dr_parse_hex(fields[1], read.federation, DR_FEDERATION_BYTES))
        return bad_field("federation", fields[1], "32 hexadecimal digits", error);
    if (!dr_parse_i64(fields[2], 0, INT64_MAX, &seq))
        return bad_field("seq", fields[2], "a whole number", error);
    if (!dr_parse_hex(fields[3], read.head, DR_HASH_BYTES))
        return bad_field("head", fields[3], "64 hexadecimal digits", error);
    if (!dr_parse_i64(fields[4], INT64_MIN, INT64_MAX, &read.time_us))
        return bad_field("time", fields[4], "microseconds since 1970", error);
    if (!dr_parse_hex(fields[5], read.public_key, DR_PUBLIC_KEY_BYTES))
        return bad_field("public key", fields[5], "64 hexadecimal digits", error);
    if (!dr_parse_hex(fields[6], read.signature, DR_SIGNATURE_BYTES))
        return bad_field("signature", fields[6], "128 hexadecimal digits", error);
    read.seq = (uint64_t)seq;
    /* One way to write each head: no signs, leading zeros or capitals. */
    dr_chain_format(&read, again);
    length = strlen(again) - 1;
    if (length != bytes || memcmp(again, line, bytes) != 0)
        return bad_field("line", "another way to write it", "a head as dr_chain_format() writes it",
                         error);
    sodium_ready();
    length = signed_part(&read, again);
    if (crypto_sign_verify_detached(read.signature, (const uint8_t *)again, length,
                                    read.public_key) != 0) {
        dr_error_set(error, "", 0, "signature", "one that does not fit",
                     "the signature of this line");
        return DR_E_CORRUPT;
    }
    *head = read;
    return DR_OK;
}

/* Take off what a kill left of a line. Returns 0, or -1: errno. */
static int cut_unfinished(int file)
{
    char tail[DR_CHAIN_LINE_BYTES];
    struct stat there;
    const char *end;
    off_t from;
    ssize_t bytes;

    if (fstat(file, &there) != 0)
        return -1;
    from = there.st_size > (off_t)sizeof tail ? there.st_size - (off_t)sizeof tail : 0;
    bytes = pread(file, tail, sizeof tail, from);
    if (bytes <= 0 || tail[bytes - 1] == '\n')
        return bytes < 0 ? -1 : 0;
    end = memrchr(tail, '\n', (size_t)bytes);
    return ftruncate(file, end == NULL ? from : from + (end - tail) + 1);
}

enum dr_status dr_chain_append(const char *directory, const struct dr_chain_head *head,
                               struct dr_error *error)
{
    char path[DR_PATH_MAX + 32];
    char line[DR_CHAIN_LINE_BYTES];
    enum dr_status status = DR_OK;
    ssize_t length;
    int file;

    snprintf(path, sizeof path, "%s/%s", directory, DR_CHAIN_HEADS);
    file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0)
        return dr_store_system_error(path, "a file that can be written", error);
    dr_chain_format(head, line);
    length = (ssize_t)strlen(line);
    if (cut_unfinished(file) != 0 || write(file, line, (size_t)length) != length ||
        fsync(file) != 0)
        status = dr_store_system_error(path, "a file that can be written", error);
    close(file);
    return status;
}
