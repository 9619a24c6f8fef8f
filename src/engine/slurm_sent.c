/* SPDX-License-Identifier: Apache-2.0 */
/* What was sent to the site, for the controller after this one: a file beside the facts with a
 * record per submission, written before the request leaves: when its token ends, by the site's
 * clock. An order that a controller before this one may have given was not sent where the file does
 * not have it, and is void once that token has ended where it does. So after a restart nobody waits
 * who need not, and no wait begins anew with the next restart. When the number is known that an
 * attempt has at the site, a second record has that: slurm_fence.c asks who has it since.
 *
 * Records are not synced: they have to outlive the process, not the machine. The head names the
 * boot of the machine and the file itself, so after a boot, and in a data directory that was
 * restored, nothing is believed and everybody waits. It says since which moment of the state's
 * clock, which never goes back, placements are in the file, and until when those before it wait.
 * Who has a federation led from two data directories in turn must leave this out. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/math.h"
#include "base/sort.h"
#include "engine/slurm_internal.h"

#define MAGIC          "daero-sent-1"
#define SENT_BYTES_MAX (256u * 1024 * 1024)
#define TIDY_LEAST     4096u /* records; below this the file is left to grow */

struct head {
    char magic[16];
    char boot[48];
    uint64_t device, inode;
    int64_t since_us; /* placements after this are in the file */
    int64_t until_s;  /* requests for those before it are void from then on, by the site's clock */
};

static int compare_sent(const void *a, const void *b, const void *context)
{
    const struct sent *left = a;
    const struct sent *right = b;

    (void)context;
    if (left->job != right->job)
        return left->job < right->job ? -1 : 1;
    if (left->attempt != right->attempt)
        return left->attempt < right->attempt ? -1 : 1;
    if (left->end_s != right->end_s)
        return left->end_s < right->end_s ? -1 : 1;
    return left->number < right->number ? -1 : left->number > right->number;
}

static const struct sent *find(const struct slurm *slurm, uint64_t job, uint32_t attempt)
{
    const struct sent *found = NULL;
    uint32_t low = 0, high = slurm->sent_count;

    while (low < high) { /* the last one of the attempt */
        uint32_t middle = low + (high - low) / 2;
        const struct sent *at = &slurm->sent[middle];

        if (at->job < job || (at->job == job && at->attempt <= attempt)) {
            found = at;
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return found != NULL && found->job == job && found->attempt == attempt ? found : NULL;
}

/* ---- the file ---- */

/* "": it can't be told, and no file is believed. */
static void boot_of(char boot[48])
{
    int file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? 0 : read(file, boot, 47);

    memset(boot + (length < 0 ? 0 : length), 0, 48 - (size_t)(length < 0 ? 0 : length));
    if (file >= 0)
        close(file);
}

static int write_whole(int file, const void *bytes, size_t count)
{
    return write(file, bytes, count) == (ssize_t)count;
}

static int is_believed(const struct head *head, const struct stat *status)
{
    char boot[48];

    boot_of(boot);
    return memcmp(head->magic, MAGIC, sizeof MAGIC) == 0 && boot[0] != 0 &&
           memcmp(head->boot, boot, sizeof boot) == 0 && head->device == status->st_dev &&
           head->inode == status->st_ino &&
           ((size_t)status->st_size - sizeof *head) % sizeof(struct sent) == 0;
}

void slurm_sent_open(struct slurm *slurm)
{
    const char *path = slurm->options.sent_file;
    int file = path[0] == 0 ? -1 : open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    struct stat status;
    struct head head;
    size_t bytes;

    slurm->sent_fd = -1;
    if (file < 0)
        return;
    if (fstat(file, &status) != 0 || (size_t)status.st_size < sizeof head ||
        status.st_size > SENT_BYTES_MAX || read(file, &head, sizeof head) != sizeof head ||
        !is_believed(&head, &status)) {
        close(file);
        return;
    }
    bytes = (size_t)status.st_size - sizeof head;
    slurm->sent = malloc(bytes + 1);
    if (slurm->sent == NULL)
        abort();
    if (bytes > 0 && read(file, slurm->sent, bytes) != (ssize_t)bytes) {
        close(file);
        return;
    }
    slurm->sent_fd = file;
    slurm->sent_known = 1;
    slurm->sent_count = slurm->sent_lines = (uint32_t)(bytes / sizeof *slurm->sent);
    slurm->sent_since_us = head.since_us;
    slurm->sent_until_s = head.until_s;
    dr_sort(slurm->sent, slurm->sent_count, sizeof *slurm->sent, compare_sent, NULL);
}

/* An empty file of its own name, with its head; -1: it could not be made. */
static int begin(const struct slurm *slurm, const char *path)
{
    struct head head = {
        .magic = MAGIC, .since_us = slurm->sent_since_us, .until_s = slurm->sent_until_s};
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    struct stat status;

    if (file < 0)
        return -1;
    boot_of(head.boot);
    if (fstat(file, &status) == 0) {
        head.device = status.st_dev;
        head.inode = status.st_ino;
        if (head.boot[0] != 0 && write_whole(file, &head, sizeof head))
            return file;
    }
    close(file);
    return -1;
}

/* A new file in place of what is there, or none at all: what is there stays. */
static void make(struct slurm *slurm, const struct sent *records, uint32_t count)
{
    char path[SENT_PATH_BYTES + 8];
    int file;

    snprintf(path, sizeof path, "%s.new", slurm->options.sent_file);
    file = begin(slurm, path);
    if (file >= 0 && write_whole(file, records, count * sizeof *records) &&
        rename(path, slurm->options.sent_file) == 0) {
        if (slurm->sent_fd >= 0)
            close(slurm->sent_fd);
        slurm->sent_fd = file;
        slurm->sent_lines = count;
        return;
    }
    if (file >= 0)
        close(file);
    unlink(path);
}

/* The file can't be written: what it does not have says nothing any more. */
static int give_up(struct slurm *slurm)
{
    if (unlink(slurm->options.sent_file) != 0 && errno != ENOENT)
        return 0;
    close(slurm->sent_fd);
    slurm->sent_fd = -1;
    return 1;
}

void slurm_sent_begin(struct slurm *slurm)
{
    if (slurm->options.sent_file[0] == 0 || slurm->sent_fd >= 0)
        return;
    slurm->sent_since_us = slurm->options.led_us;
    slurm->sent_until_s = slurm->first_clock_s + slurm->life_s + SURE_MARGIN_S;
    make(slurm, &(struct sent){0}, 0);
}

/* The last one with all that is known by now of the row. */
static struct sent record_of(const struct slurm *slurm, const struct row *row)
{
    const struct sent *before = find(slurm, row->job.v, row->attempt);
    struct sent record = {.job = row->job.v, .attempt = row->attempt, .number = row->slurm_id};

    if (record.number == 0)
        record.number = row->lost_id;
    if (record.number == 0 && before != NULL)
        record.number = before->number;
    record.end_s = dr_max_i64(row->sent_s, before == NULL ? 0 : before->end_s);
    return record;
}

/* What of it may still matter: records of attempts that are not over, and of those that nobody has
 * asked for in this last hour. */
static void tidy(struct slurm *slurm)
{
    uint32_t count = 0, max = slurm->rows_used + slurm->sent_count + 1;
    struct sent *records;

    if (slurm->sent_lines < TIDY_LEAST || slurm->sent_lines / 4 < slurm->active)
        return;
    records = calloc(max, sizeof *records);
    if (records == NULL)
        abort();
    for (uint32_t i = 0; i < slurm->rows_used; i += 1) {
        const struct row *row = &slurm->rows[i];
        struct sent record = record_of(slurm, row);

        if (row->state >= ROW_WANTED && row->state <= ROW_ENDED &&
            (record.end_s != 0 || record.number != 0))
            records[count++] = record;
    }
    for (uint32_t i = 0; i < slurm->sent_count; i += 1)
        if (slurm->sent[i].end_s > slurm_site_s(slurm) - 3600 &&
            slurm_find(slurm, (dr_job_id){slurm->sent[i].job}, slurm->sent[i].attempt) == NULL)
            records[count++] = slurm->sent[i];
    make(slurm, records, count);
    free(records);
}

int slurm_sent_note(struct slurm *slurm, struct row *row, int64_t end_s)
{
    struct sent record = {.job = row->job.v, .attempt = row->attempt, .end_s = end_s};

    row->sent_s = end_s;
    if (slurm->sent_fd < 0)
        return 1;
    tidy(slurm);
    if (!write_whole(slurm->sent_fd, &record, sizeof record))
        return give_up(slurm);
    slurm->sent_lines += 1;
    return 1;
}

void slurm_sent_became(struct slurm *slurm, const struct row *row)
{
    struct sent record = record_of(slurm, row);

    if (slurm->sent_fd < 0 || slurm_sent_number(slurm, row->job.v, row->attempt) == row->slurm_id)
        return;
    if (write_whole(slurm->sent_fd, &record, sizeof record))
        slurm->sent_lines += 1;
    else
        give_up(slurm);
}

uint32_t slurm_sent_number(const struct slurm *slurm, uint64_t job, uint32_t attempt)
{
    const struct sent *found = find(slurm, job, attempt);

    return found == NULL ? 0 : found->number;
}

int64_t slurm_sent_sure_s(const struct slurm *slurm, uint64_t job, uint32_t attempt,
                          int64_t decided_us)
{
    const struct sent *found = find(slurm, job, attempt);

    if (found != NULL)
        return found->end_s + SURE_MARGIN_S;
    if (slurm->sent_known)
        return decided_us > slurm->sent_since_us ? 0 : slurm->sent_until_s;
    return slurm->clock_known ? slurm->first_clock_s + slurm->life_s + SURE_MARGIN_S : INT64_MAX;
}

void slurm_sent_close(struct slurm *slurm)
{
    if (slurm->sent_fd >= 0)
        close(slurm->sent_fd);
    free(slurm->sent);
}
