/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of the state: files whose header says of which point of which history they are. Written
 * under another name and renamed when synced, so a snapshot is whole or not there; damage later is
 * found by the hashes. */
#include "store/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/text.h"
#include "store/internal.h"

#define PREFIX       "snapshot-"
#define SUFFIX       ".state"
#define MAKING       ".state.new"
#define BUFFER_BYTES (1u << 18)
#define NAME_BYTES   64

/* The header, integers with their little end first:
 *   0 magic[8]  8 version u32  12 header bytes u32  16 seq u64  24 state hash u64  32 length u64
 *  40 head[32]  72 federation[16]  88 SHA-256 of the content [32]  120 zeros [40]
 * 160 SHA-256 of the bytes before [32] */
static const uint8_t magic[8] = {'D', 'r', 's', 't', 'a', 't', 'e', '\n'};

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i += 1)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void put_u64(uint8_t *at, uint64_t value)
{
    put_u32(at, (uint32_t)value);
    put_u32(at + 4, (uint32_t)(value >> 32));
}

static uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static uint64_t get_u64(const uint8_t *at)
{
    return (uint64_t)get_u32(at + 4) << 32 | get_u32(at);
}

static void header_make(uint8_t header[DR_SNAPSHOT_HEADER_BYTES], const struct dr_snapshot_at *at,
                        uint64_t length, const uint8_t content_hash[DR_HASH_BYTES])
{
    memset(header, 0, DR_SNAPSHOT_HEADER_BYTES);
    memcpy(header, magic, sizeof magic);
    put_u32(header + 8, DR_SNAPSHOT_VERSION);
    put_u32(header + 12, DR_SNAPSHOT_HEADER_BYTES);
    put_u64(header + 16, at->seq);
    put_u64(header + 24, at->state_hash);
    put_u64(header + 32, length);
    memcpy(header + 40, at->head, DR_HASH_BYTES);
    memcpy(header + 72, at->federation, DR_FEDERATION_BYTES);
    memcpy(header + 88, content_hash, DR_HASH_BYTES);
    dr_store_hash(header, 160, NULL, 0, header + 160);
}

enum dr_status dr_snapshot_header_read(const uint8_t header[DR_SNAPSHOT_HEADER_BYTES],
                                       struct dr_snapshot_at *at, uint64_t *length,
                                       uint8_t content_hash[DR_HASH_BYTES])
{
    uint8_t hash[DR_HASH_BYTES];

    if (memcmp(header, magic, sizeof magic) != 0)
        return DR_E_CORRUPT;
    dr_store_hash(header, 160, NULL, 0, hash);
    if (memcmp(hash, header + 160, DR_HASH_BYTES) != 0)
        return DR_E_CORRUPT;
    if (get_u32(header + 8) != DR_SNAPSHOT_VERSION ||
        get_u32(header + 12) != DR_SNAPSHOT_HEADER_BYTES)
        return DR_E_UNSUPPORTED;
    at->seq = get_u64(header + 16);
    at->state_hash = get_u64(header + 24);
    *length = get_u64(header + 32);
    memcpy(at->head, header + 40, DR_HASH_BYTES);
    memcpy(at->federation, header + 72, DR_FEDERATION_BYTES);
    memcpy(content_hash, header + 88, DR_HASH_BYTES);
    return DR_OK;
}

void dr_snapshot_here(const struct dr_store *store, uint64_t state_hash, struct dr_snapshot_at *at)
{
    *at = (struct dr_snapshot_at){.seq = dr_store_seq(store), .state_hash = state_hash};
    dr_store_federation(store, at->federation);
    dr_store_head(store, at->head);
    dr_store_sha256(); /* fetched before the fork */
}

/* The seq in "snapshot-SEQ.state"; 0 when it is no such name. */
static uint64_t name_seq(const char *name, const char *suffix)
{
    char digits[NAME_BYTES];
    size_t length = strlen(name);
    size_t outside = strlen(PREFIX) + strlen(suffix);
    int64_t seq;

    if (length <= outside || length >= NAME_BYTES || strncmp(name, PREFIX, strlen(PREFIX)) != 0 ||
        strcmp(name + length - strlen(suffix), suffix) != 0)
        return 0;
    memcpy(digits, name + strlen(PREFIX), length - outside);
    digits[length - outside] = '\0';
    return dr_parse_i64(digits, 1, INT64_MAX, &seq) ? (uint64_t)seq : 0;
}

static enum dr_status failed(const char *path, int why, struct dr_error *error)
{
    dr_error_set(error, path, 0, "", strerror(why), "a snapshot that can be written");
    return why == ENOSPC || why == EDQUOT || why == EFBIG ? DR_E_FULL : DR_E_IO;
}

/* ---- writing ---- */

struct dr_snapshot_writer {
    int file;
    int failed; /* errno of the first failure */
    struct dr_snapshot_at at;
    char directory[DR_PATH_MAX];
    char making[DR_PATH_MAX + NAME_BYTES];
    EVP_MD_CTX *hash;
    uint64_t length;
    size_t used;
    uint8_t buffer[BUFFER_BYTES];
};

/* Remove the files with this suffix, but those of `keep_a` and `keep_b`. */
static void remove_others(const char *directory, const char *suffix, uint64_t keep_a,
                          uint64_t keep_b)
{
    DIR *folder = opendir(directory);
    const struct dirent *entry;

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        char path[DR_PATH_MAX + NAME_BYTES];
        uint64_t seq = name_seq(entry->d_name, suffix);

        if (seq == 0 || seq == keep_a || seq == keep_b)
            continue;
        snprintf(path, sizeof path, "%s/" PREFIX "%" PRIu64 "%s", directory, seq, suffix);
        unlink(path);
    }
    if (folder != NULL)
        closedir(folder);
}

/* The largest seq below `seq` of which there is a snapshot; 0: none. */
static uint64_t newest_before(const char *directory, uint64_t seq)
{
    DIR *folder = opendir(directory);
    const struct dirent *entry;
    uint64_t best = 0;

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        uint64_t found = name_seq(entry->d_name, SUFFIX);

        if (found < seq && found > best)
            best = found;
    }
    if (folder != NULL)
        closedir(folder);
    return best;
}

static void write_all(struct dr_snapshot_writer *writer, const uint8_t *data, size_t bytes,
                      int64_t offset)
{
    while (bytes > 0 && writer->failed == 0) {
        ssize_t part = pwrite(writer->file, data, bytes, offset);

        if (part < 0 && errno == EINTR)
            continue;
        if (part <= 0) {
            writer->failed = part < 0 ? errno : EIO;
            return;
        }
        data += part;
        bytes -= (size_t)part;
        offset += part;
    }
}

enum dr_status dr_snapshot_begin(struct dr_snapshot_writer **writer_out, const char *directory,
                                 const struct dr_snapshot_at *at, struct dr_error *error)
{
    struct dr_snapshot_writer *writer;
    int hashed;

    DR_ASSERT(at->seq > 0 && strlen(directory) < DR_PATH_MAX);
    writer = malloc(sizeof *writer);
    DR_ASSERT(writer != NULL);
    memset(writer, 0, offsetof(struct dr_snapshot_writer, buffer));
    writer->at = *at;
    snprintf(writer->directory, sizeof writer->directory, "%s", directory);
    snprintf(writer->making, sizeof writer->making, "%s/" PREFIX "%" PRIu64 MAKING, directory,
             at->seq);
    remove_others(directory, MAKING, 0, 0);
    writer->hash = EVP_MD_CTX_new();
    hashed = writer->hash != NULL && EVP_DigestInit_ex(writer->hash, dr_store_sha256(), NULL) == 1;
    DR_ASSERT(hashed);
    writer->file = open(writer->making, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (writer->file < 0) {
        enum dr_status status = failed(writer->making, errno, error);

        dr_snapshot_abandon(writer);
        return status;
    }
    *writer_out = writer;
    return DR_OK;
}

static void flush_buffer(struct dr_snapshot_writer *writer)
{
    int hashed = EVP_DigestUpdate(writer->hash, writer->buffer, writer->used) == 1;

    DR_ASSERT(hashed);
    write_all(writer, writer->buffer, writer->used,
              DR_SNAPSHOT_HEADER_BYTES + (int64_t)writer->length);
    writer->length += writer->used;
    writer->used = 0;
}

void dr_snapshot_write(struct dr_snapshot_writer *writer, const void *data, size_t bytes)
{
    const uint8_t *at = data;

    while (bytes > 0 && writer->failed == 0) {
        size_t part = BUFFER_BYTES - writer->used;

        part = part < bytes ? part : bytes;
        memcpy(writer->buffer + writer->used, at, part);
        writer->used += part;
        at += part;
        bytes -= part;
        if (writer->used == BUFFER_BYTES)
            flush_buffer(writer);
    }
}

static void sync_directory(struct dr_snapshot_writer *writer)
{
    int directory = open(writer->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (directory < 0 || fsync(directory) != 0)
        writer->failed = errno;
    if (directory >= 0)
        close(directory);
}

enum dr_status dr_snapshot_finish(struct dr_snapshot_writer *writer, struct dr_error *error)
{
    uint8_t header[DR_SNAPSHOT_HEADER_BYTES];
    uint8_t content_hash[DR_HASH_BYTES];
    char path[DR_PATH_MAX + NAME_BYTES];
    enum dr_status status = DR_OK;
    int hashed;

    snprintf(path, sizeof path, "%s/" PREFIX "%" PRIu64 SUFFIX, writer->directory, writer->at.seq);
    flush_buffer(writer);
    hashed = EVP_DigestFinal_ex(writer->hash, content_hash, NULL) == 1;
    DR_ASSERT(hashed);
    header_make(header, &writer->at, writer->length, content_hash);
    write_all(writer, header, sizeof header, 0);
    if (writer->failed == 0 && fsync(writer->file) != 0)
        writer->failed = errno;
    if (writer->failed == 0 && rename(writer->making, path) != 0)
        writer->failed = errno;
    if (writer->failed == 0)
        sync_directory(writer);
    /* One from later than this one is of a history that was lost. */
    if (writer->failed == 0)
        remove_others(writer->directory, SUFFIX, writer->at.seq,
                      newest_before(writer->directory, writer->at.seq));
    else
        status = failed(path, writer->failed, error);
    dr_snapshot_abandon(writer);
    return status;
}

void dr_snapshot_abandon(struct dr_snapshot_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->file >= 0) {
        close(writer->file);
        unlink(writer->making); /* gone already when it got its name */
    }
    EVP_MD_CTX_free(writer->hash);
    free(writer);
}

/* ---- reading ---- */

/* Map a file and check it. What is wrong goes into `text`. */
static enum dr_status load(struct dr_store *store, const char *path, struct dr_snapshot *snapshot,
                           char *text, size_t text_bytes)
{
    uint8_t content_hash[DR_HASH_BYTES];
    uint8_t hash[DR_HASH_BYTES];
    struct stat status;
    uint64_t length = 0;
    enum dr_status checked;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0 || fstat(file, &status) != 0) {
        snprintf(text, text_bytes, "it can't be read (%s)", strerror(errno));
        if (file >= 0)
            close(file);
        return DR_E_IO;
    }
    if (status.st_size < DR_SNAPSHOT_HEADER_BYTES) {
        snprintf(text, text_bytes, "it is cut short at %lld bytes", (long long)status.st_size);
        close(file);
        return DR_E_CORRUPT;
    }
    snapshot->map_bytes = (uint64_t)status.st_size;
    snapshot->map = mmap(NULL, snapshot->map_bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    close(file);
    if (snapshot->map == MAP_FAILED) {
        snprintf(text, text_bytes, "it can't be read (%s)", strerror(errno));
        snapshot->map = NULL;
        return DR_E_IO;
    }
    checked = dr_snapshot_header_read(snapshot->map, &snapshot->at, &length, content_hash);
    snapshot->data = (const uint8_t *)snapshot->map + DR_SNAPSHOT_HEADER_BYTES;
    snapshot->bytes = snapshot->map_bytes - DR_SNAPSHOT_HEADER_BYTES;
    if (checked == DR_E_UNSUPPORTED) {
        snprintf(text, text_bytes, "another version wrote it");
        return checked;
    }
    if (checked != DR_OK) {
        snprintf(text, text_bytes, "its header is damaged");
        return checked;
    }
    if (snapshot->bytes != length) {
        snprintf(text, text_bytes, "it has %" PRIu64 " bytes of content and not %" PRIu64,
                 snapshot->bytes, length);
        return DR_E_CORRUPT;
    }
    dr_store_hash(snapshot->data, snapshot->bytes, NULL, 0, hash);
    if (memcmp(hash, content_hash, DR_HASH_BYTES) != 0) {
        snprintf(text, text_bytes, "its content does not match its hash");
        return DR_E_CORRUPT;
    }
    if (memcmp(snapshot->at.federation, store->federation, DR_FEDERATION_BYTES) != 0) {
        snprintf(text, text_bytes, "it is of another federation");
        return DR_E_CORRUPT;
    }
    if (dr_store_head_at(store, snapshot->at.seq, hash) != DR_OK ||
        memcmp(hash, snapshot->at.head, DR_HASH_BYTES) != 0) {
        snprintf(text, text_bytes,
                 "the store's history up to seq %" PRIu64 " is not the one it was taken of",
                 snapshot->at.seq);
        return DR_E_CORRUPT;
    }
    return DR_OK;
}

enum dr_status dr_snapshot_newest(struct dr_store *store, struct dr_snapshot *snapshot,
                                  void (*skipped)(void *context, const char *text), void *context)
{
    return dr_snapshot_before(store, UINT64_MAX, snapshot, skipped, context);
}

enum dr_status dr_snapshot_before(struct dr_store *store, uint64_t seq,
                                  struct dr_snapshot *snapshot,
                                  void (*skipped)(void *context, const char *text), void *context)
{
    while ((seq = newest_before(store->directory, seq)) > 0) {
        char path[DR_PATH_MAX + NAME_BYTES];
        char why[160];
        char text[DR_PATH_MAX + 300];
        struct dr_snapshot found = {.bytes = 0};

        snprintf(path, sizeof path, "%s/" PREFIX "%" PRIu64 SUFFIX, store->directory, seq);
        if (load(store, path, &found, why, sizeof why) == DR_OK) {
            *snapshot = found;
            return DR_OK;
        }
        dr_snapshot_close(&found);
        snprintf(text, sizeof text, "%s is not used: %s", path, why);
        if (skipped != NULL)
            skipped(context, text);
    }
    return DR_E_MISSING;
}

void dr_snapshot_close(struct dr_snapshot *snapshot)
{
    if (snapshot->map != NULL)
        munmap(snapshot->map, snapshot->map_bytes);
    *snapshot = (struct dr_snapshot){.bytes = 0};
}
