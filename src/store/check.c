/* SPDX-License-Identifier: Apache-2.0 */
/* What opening a store looks at besides SQLite: the file's header, the write-ahead log, the mark.
 *
 * SQLite reads a write-ahead log up to the first frame that does not fit and takes the rest for a
 * transaction that never ended. That is right after a power cut and wrong after damage: a flipped
 * byte, or a log that was cut or removed, would silently take back what was answered. Two things
 * tell the cases apart. Each commit is synced before the next begins, so only the last transaction
 * of a log can be torn: a later frame of the same log behind two commits means damage. And the
 * mark, a small file written (not synced) after every commit, says what was durable at least. */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static uint32_t big32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t big16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

/* Bytes read at an offset, fewer at the file's end; -1: errno. */
static int64_t read_at(int file, void *bytes, size_t count, int64_t offset)
{
    size_t done = 0;

    while (done < count) {
        ssize_t part = pread(file, (uint8_t *)bytes + done, count - done, offset + (int64_t)done);

        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            return -1;
        if (part == 0)
            break;
        done += (size_t)part;
    }
    return (int64_t)done;
}

static enum dr_status cannot_read(const char *path, struct dr_error *error)
{
    int why = errno;

    dr_error_set(error, path, 0, "", strerror(why), "a file that can be read");
    if (why == ENOENT)
        return DR_E_MISSING;
    return why == EACCES || why == EPERM ? DR_E_DENIED : DR_E_IO;
}

/* The size of a file beside the store, 0 where there is none. */
static int64_t size_of(const char *directory, const char *name)
{
    char path[DR_PATH_MAX + 32];
    struct stat status;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    return stat(path, &status) == 0 ? status.st_size : 0;
}

enum dr_status dr_store_check_file(const char *directory, struct dr_error *error)
{
    /* offset, expected value, what it is: bytes that never change in our files */
    static const struct {
        uint32_t offset;
        uint32_t bytes;
        uint32_t expected;
        const char *what;
    } fixed[] = {
        {16, 2, DR_STORE_PAGE, "page size"},
        {18, 1, 2, "write format"},
        {19, 1, 2, "read format"},
        {20, 1, 0, "reserved bytes"},
        {21, 1, 64, "payload fraction"},
        {22, 1, 32, "payload fraction"},
        {23, 1, 32, "payload fraction"},
        {44, 4, 4, "schema format"},
        {56, 4, 1, "text encoding"},
        {52, 4, 0, "vacuum mode"},
        {68, 4, DR_STORE_APPLICATION, "application id"},
    };
    char path[DR_PATH_MAX + 32];
    char found[64];
    uint8_t header[100];
    struct stat status;
    int64_t bytes;
    int64_t pages;
    int file;

    snprintf(path, sizeof path, "%s/%s", directory, DR_STORE_FILE);
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return cannot_read(path, error);
    bytes = read_at(file, header, sizeof header, 0);
    if (bytes < 0 || fstat(file, &status) != 0) {
        enum dr_status why = cannot_read(path, error);

        close(file);
        return why;
    }
    close(file);
    if (bytes < (int64_t)sizeof header) {
        snprintf(found, sizeof found, "%lld bytes", (long long)bytes);
        dr_error_set(error, path, 0, "header", found, "a store's header of 100 bytes: cut short");
        return DR_E_CORRUPT;
    }
    if (memcmp(header, "SQLite format 3", 16) != 0) {
        dr_error_set(error, path, 0, "header", "other first bytes",
                     "'SQLite format 3': not a store, or damaged at byte 0");
        return DR_E_CORRUPT;
    }
    for (size_t i = 0; i < DR_COUNT_OF(fixed); i += 1) {
        const uint8_t *at = header + fixed[i].offset;
        uint32_t value = fixed[i].bytes == 4 ? big32(at) : fixed[i].bytes == 2 ? big16(at) : at[0];

        if (value != fixed[i].expected) {
            snprintf(found, sizeof found, "%u", value);
            dr_error_set(error, path, 0, fixed[i].what, found,
                         "%u at byte %u of the header: not a store, or damaged there",
                         fixed[i].expected, fixed[i].offset);
            return DR_E_CORRUPT;
        }
    }
    if (big32(header + 60) != DR_STORE_VERSION) {
        snprintf(found, sizeof found, "%u", big32(header + 60));
        dr_error_set(error, path, 0, "store version", found, "%d at most: a newer version wrote it",
                     DR_STORE_VERSION);
        return DR_E_UNSUPPORTED;
    }
    pages = big32(header + 28);
    /* Pages that the main file lacks may stand in the log, for which SQLite looks. */
    if (status.st_size < pages * DR_STORE_PAGE && size_of(directory, DR_STORE_FILE "-wal") <= 32 &&
        /* Beside a living writer, which may just have written the log back: look again. */
        (status.st_size = size_of(directory, DR_STORE_FILE)) < pages * DR_STORE_PAGE) {
        snprintf(found, sizeof found, "%lld bytes", (long long)status.st_size);
        dr_error_set(error, path, 0, "size", found,
                     "%lld bytes (%lld pages, its header says): the file was cut short",
                     (long long)(pages * DR_STORE_PAGE), (long long)pages);
        return DR_E_CORRUPT;
    }
    return DR_OK;
}

/* ---- the write-ahead log (the format is in SQLite's "WAL-mode File Format") ---- */

#define LOG_NAME     DR_STORE_FILE "-wal"
#define LOG_HEADER   32
#define FRAME_HEADER 24

struct log_sum {
    uint32_t a;
    uint32_t b;
};

static void log_sum_add(struct log_sum *sum, const uint8_t *data, size_t bytes, int big_endian)
{
    for (size_t i = 0; i < bytes; i += 8) {
        uint32_t x = big32(data + i);
        uint32_t y = big32(data + i + 4);

        if (!big_endian) {
            x = __builtin_bswap32(x);
            y = __builtin_bswap32(y);
        }
        sum->a += x + sum->b;
        sum->b += y + sum->a;
    }
}

enum dr_status dr_store_check_log(const char *directory, char *text, uint32_t text_bytes)
{
    uint8_t frame[FRAME_HEADER + DR_STORE_PAGE];
    char path[DR_PATH_MAX + 32];
    uint8_t header[LOG_HEADER];
    uint8_t salt[8];
    struct log_sum sum = {0, 0};
    struct stat status;
    int64_t frames;
    int64_t bad = -1;   /* the first frame that does not fit */
    int64_t ended = -1; /* the first commit behind it */
    int big_endian;
    int file;

    text[0] = '\0';
    snprintf(path, sizeof path, "%s/%s", directory, LOG_NAME);
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? DR_OK : DR_E_IO;
    if (fstat(file, &status) != 0) {
        close(file);
        return DR_E_IO;
    }
    if (read_at(file, header, sizeof header, 0) != LOG_HEADER) {
        close(file);
        return DR_OK; /* empty, or torn while it was begun */
    }
    big_endian = big32(header) & 1;
    log_sum_add(&sum, header, 24, big_endian);
    frames = (status.st_size - LOG_HEADER) / (FRAME_HEADER + DR_STORE_PAGE);
    if (big32(header) >> 1 != 0x377f0682u >> 1 || big32(header + 8) != DR_STORE_PAGE ||
        big32(header + 24) != sum.a || big32(header + 28) != sum.b) {
        close(file);
        if (frames < 1)
            return DR_OK; /* torn while it was begun */
        snprintf(text, text_bytes, "the header of " LOG_NAME " does not match its checksum");
        return DR_E_CORRUPT;
    }
    memcpy(salt, header + 16, 8);
    for (int64_t i = 0; i < frames; i += 1) {
        int64_t offset = LOG_HEADER + i * (int64_t)sizeof frame;
        int ours;

        if (bad >= 0) { /* behind it, the frame's header alone is of interest */
            if (read_at(file, frame, FRAME_HEADER, offset) != FRAME_HEADER)
                break;
            ours = memcmp(frame + 8, salt, 8) == 0;
            if (ours && ended >= 0) {
                snprintf(text, text_bytes,
                         LOG_NAME " is damaged in its frame %lld (byte %lld), with later commits "
                                  "behind it",
                         (long long)bad + 1, (long long)(LOG_HEADER + bad * (int64_t)sizeof frame));
                close(file);
                return DR_E_CORRUPT;
            }
            if (ours && big32(frame + 4) != 0)
                ended = i;
            continue;
        }
        if (read_at(file, frame, sizeof frame, offset) != (int64_t)sizeof frame)
            break;
        ours = memcmp(frame + 8, salt, 8) == 0;
        if (ours) {
            struct log_sum next = sum;

            log_sum_add(&next, frame, 8, big_endian);
            log_sum_add(&next, frame + FRAME_HEADER, DR_STORE_PAGE, big_endian);
            if (big32(frame + 16) == next.a && big32(frame + 20) == next.b) {
                sum = next;
                continue;
            }
        }
        bad = i;
        if (ours && big32(frame + 4) != 0)
            ended = i;
    }
    close(file);
    if (bad >= 0)
        snprintf(text, text_bytes, LOG_NAME " is whole up to its frame %lld (byte %lld)",
                 (long long)bad, (long long)(LOG_HEADER + bad * (int64_t)sizeof frame));
    return DR_OK;
}

/* ---- the mark ---- */

struct mark_bytes {
    uint8_t magic[8];
    uint64_t seq;
    uint8_t head[DR_HASH_BYTES];
    uint64_t checksum;
};

static const uint8_t mark_magic[8] = {'D', 'r', 'm', 'a', 'r', 'k', '1', '\n'};

static uint64_t mark_checksum(const struct mark_bytes *mark)
{
    return dr_hash_bytes(1, mark, offsetof(struct mark_bytes, checksum));
}

enum dr_status dr_store_mark_read(const char *directory, struct dr_store_mark *mark,
                                  struct dr_error *error)
{
    char path[DR_PATH_MAX + 32];
    struct mark_bytes bytes = {.seq = 0};
    int64_t count = 0;
    int file;

    *mark = (struct dr_store_mark){0};
    snprintf(path, sizeof path, "%s/%s", directory, DR_STORE_MARK);
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? DR_OK : cannot_read(path, error);
    /* Beside a live writer a read can be torn: look again before believing in damage. */
    for (int i = 0; i < 8; i += 1) {
        count = read_at(file, &bytes, sizeof bytes, 0);
        if (count != sizeof bytes || bytes.checksum == mark_checksum(&bytes))
            break;
    }
    close(file);
    if (count < 0)
        return cannot_read(path, error);
    /* After a power cut the file may be there without its content. */
    if (count == 0 || (bytes.seq == 0 && bytes.checksum == 0 && bytes.magic[0] == 0))
        return DR_OK;
    if (count != sizeof bytes || memcmp(bytes.magic, mark_magic, 8) != 0 ||
        bytes.checksum != mark_checksum(&bytes)) {
        dr_error_set(error, path, 0, "mark", "a wrong checksum",
                     "the last batch that was durable: the file is damaged; verify the store and "
                     "remove this file to go on without the mark");
        return DR_E_CORRUPT;
    }
    mark->seq = bytes.seq;
    memcpy(mark->head, bytes.head, DR_HASH_BYTES);
    return DR_OK;
}

int dr_store_mark_open(const char *directory)
{
    char path[DR_PATH_MAX + 32];

    snprintf(path, sizeof path, "%s/%s", directory, DR_STORE_MARK);
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

void dr_store_mark_write(int file, uint64_t seq, const uint8_t head[DR_HASH_BYTES])
{
    struct mark_bytes bytes = {.seq = seq};
    ssize_t written;

    memcpy(bytes.magic, mark_magic, 8);
    memcpy(bytes.head, head, DR_HASH_BYTES);
    bytes.checksum = mark_checksum(&bytes);
    /* Where this fails, the mark is older than it could be, which is allowed. */
    written = pwrite(file, &bytes, sizeof bytes, 0);
    (void)written;
}
