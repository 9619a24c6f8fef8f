/* SPDX-License-Identifier: Apache-2.0 */
/* Power cuts and failing syncs, under SQLite: a file layer that remembers which writes were synced.
 * At a chosen moment it makes the files as a disk may have them then: everything synced, and of the
 * rest any part in sectors of 512 bytes. Would catch: an append that answers before its bytes are
 * safe, a torn last transaction taken for damage, a sync that is tried again after it failed.
 * SOAK=1 cuts at every operation and lets every write fail; SEED=N draws other moments and parts.
 */
#include "test.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "store/store.h"
#include "store_fill.h"

#define FILLING     61
#define SECTOR      512
#define FILES_MAX   8
#define PENDING_MAX 8192

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

/* ---- the disk: what was synced, and what was written since ---- */

struct pending {
    int64_t offset;
    int64_t bytes; /* -1: cut the file at `offset` */
    uint8_t *data;
};

struct disk_file {
    char name[64];
    uint8_t *synced;
    int64_t synced_bytes;
    struct pending pending[PENDING_MAX];
    int pending_count;
};

static struct disk_file disk[FILES_MAX];
static int disk_count;

/* What the layer is doing. */
static int recording;        /* 0: it only passes on */
static uint64_t operations;  /* writes, cuts and syncs so far */
static uint64_t fail_at;     /* the operation that fails; 0: none */
static int fail_syncs;       /* only syncs count for fail_at */
static uint64_t after_fault; /* operations that came after the failed one */
static int faulted;
static void (*at_operation)(void);

static struct disk_file *disk_file(const char *path)
{
    const char *name = strrchr(path, '/') + 1;

    for (int i = 0; i < disk_count; i += 1) {
        if (strcmp(disk[i].name, name) == 0)
            return &disk[i];
    }
    if (disk_count == FILES_MAX)
        abort();
    snprintf(disk[disk_count].name, sizeof disk[0].name, "%s", name);
    disk_count += 1;
    return &disk[disk_count - 1];
}

static void image_write(uint8_t **image, int64_t *image_bytes, int64_t offset, const uint8_t *data,
                        int64_t bytes)
{
    if (offset + bytes > *image_bytes) {
        *image = realloc(*image, (size_t)(offset + bytes));
        memset(*image + *image_bytes, 0, (size_t)(offset + bytes - *image_bytes));
        *image_bytes = offset + bytes;
    }
    memcpy(*image + offset, data, (size_t)bytes);
}

static void image_apply(uint8_t **image, int64_t *image_bytes, const struct pending *pending)
{
    if (pending->bytes >= 0)
        image_write(image, image_bytes, pending->offset, pending->data, pending->bytes);
    else if (pending->offset < *image_bytes)
        *image_bytes = pending->offset;
}

static void disk_sync(struct disk_file *file)
{
    for (int i = 0; i < file->pending_count; i += 1) {
        image_apply(&file->synced, &file->synced_bytes, &file->pending[i]);
        free(file->pending[i].data);
    }
    file->pending_count = 0;
}

static void disk_add(struct disk_file *file, int64_t offset, const void *data, int64_t bytes)
{
    struct pending *pending = &file->pending[file->pending_count];

    if (file->pending_count == PENDING_MAX)
        abort();
    *pending = (struct pending){.offset = offset, .bytes = bytes};
    if (bytes > 0) {
        pending->data = malloc((size_t)bytes);
        memcpy(pending->data, data, (size_t)bytes);
    }
    file->pending_count += 1;
}

static void disk_clear(void)
{
    for (int i = 0; i < disk_count; i += 1) {
        disk_sync(&disk[i]);
        free(disk[i].synced);
        disk[i] = (struct disk_file){.pending_count = 0};
    }
    disk_count = 0;
}

/* The files as the disk may have them after a power cut now. */
static void disk_image(const char *directory, uint64_t chance)
{
    for (int i = 0; i < disk_count; i += 1) {
        struct disk_file *file = &disk[i];
        uint8_t *image = malloc((size_t)file->synced_bytes + 1);
        int64_t bytes = file->synced_bytes;
        uint64_t keep = dr_hash_fold(chance, (uint64_t)i) % 5; /* of 4 sectors */
        char path[400];
        int out;

        if (bytes > 0)
            memcpy(image, file->synced, (size_t)bytes);
        for (int j = 0; j < file->pending_count; j += 1) {
            const struct pending *pending = &file->pending[j];

            if (pending->bytes < 0) {
                image_apply(&image, &bytes, pending);
                continue;
            }
            for (int64_t at = 0; at < pending->bytes; at += SECTOR) {
                int64_t part = pending->bytes - at < SECTOR ? pending->bytes - at : SECTOR;

                if (dr_hash_fold(chance, (uint64_t)(j * 1000003 + at + i)) % 4 < keep)
                    image_write(&image, &bytes, pending->offset + at, pending->data + at, part);
            }
        }
        snprintf(path, sizeof path, "%s/%.63s", directory, file->name);
        unlink(path);
        out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        CHECK(out >= 0);
        CHECK_EQ(write(out, image, (size_t)bytes), bytes);
        close(out);
        free(image);
    }
}

/* ---- the layer ---- */

struct layer_file {
    sqlite3_file base;
    struct disk_file *disk; /* NULL: not a file of the disk */
    sqlite3_file *real;
};

static sqlite3_vfs layer;

static struct layer_file *of(sqlite3_file *file)
{
    return (struct layer_file *)file;
}

/* Counts the operation; 1: it fails. */
static int fails(int is_sync)
{
    if (!recording)
        return 0;
    if (faulted)
        after_fault += 1;
    if (fail_syncs && !is_sync)
        return 0;
    operations += 1;
    if (at_operation != NULL)
        at_operation();
    if (operations == fail_at)
        faulted = 1;
    return faulted;
}

static int layer_close(sqlite3_file *file)
{
    int rc = of(file)->real->pMethods->xClose(of(file)->real);

    free(of(file)->real);
    return rc;
}

static int layer_read(sqlite3_file *file, void *data, int bytes, sqlite3_int64 offset)
{
    return of(file)->real->pMethods->xRead(of(file)->real, data, bytes, offset);
}

static int layer_write(sqlite3_file *file, const void *data, int bytes, sqlite3_int64 offset)
{
    if (of(file)->disk != NULL && fails(0))
        return SQLITE_IOERR_WRITE;
    if (of(file)->disk != NULL && recording)
        disk_add(of(file)->disk, offset, data, bytes);
    return of(file)->real->pMethods->xWrite(of(file)->real, data, bytes, offset);
}

static int layer_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (of(file)->disk != NULL && fails(0))
        return SQLITE_IOERR_TRUNCATE;
    if (of(file)->disk != NULL && recording)
        disk_add(of(file)->disk, size, NULL, -1);
    return of(file)->real->pMethods->xTruncate(of(file)->real, size);
}

static int layer_sync(sqlite3_file *file, int flags)
{
    if (of(file)->disk != NULL && fails(1))
        return SQLITE_IOERR_FSYNC;
    if (of(file)->disk != NULL && recording)
        disk_sync(of(file)->disk);
    (void)flags; /* the real disk is not what is tested */
    return SQLITE_OK;
}

static int layer_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return of(file)->real->pMethods->xFileSize(of(file)->real, size);
}

static int layer_lock(sqlite3_file *file, int level)
{
    return of(file)->real->pMethods->xLock(of(file)->real, level);
}

static int layer_unlock(sqlite3_file *file, int level)
{
    return of(file)->real->pMethods->xUnlock(of(file)->real, level);
}

static int layer_reserved(sqlite3_file *file, int *result)
{
    return of(file)->real->pMethods->xCheckReservedLock(of(file)->real, result);
}

static int layer_control(sqlite3_file *file, int operation, void *argument)
{
    return of(file)->real->pMethods->xFileControl(of(file)->real, operation, argument);
}

static int layer_sector(sqlite3_file *file)
{
    return of(file)->real->pMethods->xSectorSize(of(file)->real);
}

static int layer_features(sqlite3_file *file)
{
    return of(file)->real->pMethods->xDeviceCharacteristics(of(file)->real);
}

static int layer_shm_map(sqlite3_file *file, int page, int bytes, int extend, void volatile **at)
{
    return of(file)->real->pMethods->xShmMap(of(file)->real, page, bytes, extend, at);
}

static int layer_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return of(file)->real->pMethods->xShmLock(of(file)->real, offset, count, flags);
}

static void layer_shm_barrier(sqlite3_file *file)
{
    of(file)->real->pMethods->xShmBarrier(of(file)->real);
}

static int layer_shm_unmap(sqlite3_file *file, int remove_it)
{
    return of(file)->real->pMethods->xShmUnmap(of(file)->real, remove_it);
}

static const sqlite3_io_methods layer_methods = {
    .iVersion = 2,
    .xClose = layer_close,
    .xRead = layer_read,
    .xWrite = layer_write,
    .xTruncate = layer_truncate,
    .xSync = layer_sync,
    .xFileSize = layer_size,
    .xLock = layer_lock,
    .xUnlock = layer_unlock,
    .xCheckReservedLock = layer_reserved,
    .xFileControl = layer_control,
    .xSectorSize = layer_sector,
    .xDeviceCharacteristics = layer_features,
    .xShmMap = layer_shm_map,
    .xShmLock = layer_shm_lock,
    .xShmBarrier = layer_shm_barrier,
    .xShmUnmap = layer_shm_unmap,
};

static int layer_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                      int *flags_out)
{
    sqlite3_vfs *real = vfs->pAppData;
    struct layer_file *opened = of(file);
    int rc;

    *opened = (struct layer_file){.real = calloc(1, (size_t)real->szOsFile)};
    rc = real->xOpen(real, path, opened->real, flags, flags_out);
    if (rc != SQLITE_OK) {
        free(opened->real);
        return rc;
    }
    opened->base.pMethods = &layer_methods;
    if (path != NULL && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0)
        opened->disk = disk_file(path);
    return SQLITE_OK;
}

static int layer_delete(sqlite3_vfs *vfs, const char *path, int sync_directory)
{
    sqlite3_vfs *real = vfs->pAppData;

    if (recording && !faulted) {
        struct disk_file *file = disk_file(path);

        disk_sync(file);
        file->synced_bytes = 0;
    }
    return real->xDelete(real, path, sync_directory);
}

static void layer_begin(void)
{
    if (layer.zName == NULL) {
        sqlite3_vfs *real = sqlite3_vfs_find(NULL);

        layer = *real;
        layer.zName = "daero-test";
        layer.szOsFile = sizeof(struct layer_file);
        layer.pAppData = real;
        layer.pNext = NULL;
        layer.xOpen = layer_open;
        layer.xDelete = layer_delete;
        CHECK_EQ(sqlite3_vfs_register(&layer, 1), SQLITE_OK);
    }
    disk_clear();
    operations = 0;
    fail_at = 0;
    fail_syncs = 0;
    after_fault = 0;
    faulted = 0;
    at_operation = NULL;
    recording = 0;
}

/* A store's main file, closed, is on the disk from the start. */
static void disk_begin(const char *directory)
{
    struct dr_buffer content;
    char path[400];

    snprintf(path, sizeof path, "%s/%s", directory, DR_STORE_FILE);
    dr_buffer_init(&content, 64u << 20);
    CHECK_EQ(dr_buffer_read_file(&content, path), DR_OK);
    disk_add(disk_file(path), 0, content.data, (int64_t)content.length);
    disk_sync(disk_file(path));
    dr_buffer_deinit(&content);
}

/* ---- power cuts ---- */

static char image[300];    /* where the files after a cut are made */
static char original[300]; /* where the store runs */
static uint64_t acknowledged;
static uint64_t cuts;
static uint64_t cut_every;
static uint64_t seed;
static uint64_t torn; /* cuts that left the batch on its way */

/* The mark is not synced: any that was written may be on the disk, or none. */
static uint8_t marks[256][64];
static int64_t marks_bytes[256];

static void keep_mark(void)
{
    char path[400];
    int file;

    snprintf(path, sizeof path, "%s/%s", original, DR_STORE_MARK);
    file = open(path, O_RDONLY);
    marks_bytes[acknowledged] = file < 0 ? 0 : read(file, marks[acknowledged], 64);
    if (file >= 0)
        close(file);
}

static void put_mark(uint64_t chance)
{
    uint64_t which = chance % (acknowledged + 2);
    char path[400];
    int file;

    snprintf(path, sizeof path, "%s/%s", image, DR_STORE_MARK);
    unlink(path);
    if (which > acknowledged || marks_bytes[which] <= 0)
        return;
    file = open(path, O_WRONLY | O_CREAT, 0600);
    CHECK(file >= 0);
    CHECK_EQ(write(file, marks[which], (size_t)marks_bytes[which]), marks_bytes[which]);
    close(file);
}

static void cut_power(void)
{
    uint64_t chance = dr_hash_fold(seed, operations);
    struct dr_store *store = NULL;
    struct dr_error error = {.line = 0};
    char line[1400];
    char path[400];
    char why[256];
    uint64_t batches;
    int lie;
    enum dr_status status;

    if (chance % cut_every != 0)
        return;
    recording = 0;
    cuts += 1;
    snprintf(path, sizeof path, "%s/%s-shm", image, DR_STORE_FILE);
    unlink(path);
    disk_image(image, chance);
    put_mark(chance >> 20);
    status = dr_store_open(&store, image, DR_STORE_WRITE, &error);
    if (status != DR_OK)
        fail_msg("a power cut at operation %llu, SEED=%llu, was taken for damage: %s",
                 (unsigned long long)operations, (unsigned long long)seed,
                 dr_error_line(&error, line, sizeof line));
    batches = acknowledged + (dr_store_seq(store) > fill_seq(FILLING, acknowledged));
    torn += batches > acknowledged;
    if (dr_store_seq(store) != fill_seq(FILLING, batches))
        fail_msg(
            "a power cut at operation %llu, SEED=%llu: %llu batches were acknowledged, and the "
            "store ends at seq %llu",
            (unsigned long long)operations, (unsigned long long)seed,
            (unsigned long long)acknowledged, (unsigned long long)dr_store_seq(store));
    status = fill_compare(store, FILLING, batches, &lie, why);
    if (status != DR_OK || lie)
        fail_msg("a power cut at operation %llu, SEED=%llu: %s", (unsigned long long)operations,
                 (unsigned long long)seed, why);
    dr_store_close(store);
    recording = 1;
}

TEST(a_power_cut_takes_nothing_that_was_acknowledged)
{
    struct dr_store *store;
    struct dr_error error;
    uint64_t batches = 60;

    layer_begin();
    seed = number_from("SEED", 1);
    cut_every = number_from("SOAK", 0) > 0 ? 1 : 6;
    acknowledged = 0;
    cuts = 0;
    torn = 0;
    snprintf(original, sizeof original, "%s", test_directory());
    snprintf(image, sizeof image, "%s", test_directory());
    CHECK_EQ(dr_store_open(&store, original, DR_STORE_CREATE, &error), DR_OK);
    dr_store_close(store);
    disk_begin(original);
    recording = 1;
    at_operation = cut_power;
    for (int run = 0; run < 3; run += 1) { /* opening and closing are under the knife too */
        CHECK_EQ(dr_store_open(&store, original, DR_STORE_WRITE, &error), DR_OK);
        for (uint64_t i = 0; i < batches / 3; i += 1) {
            CHECK_EQ(fill_append(store, FILLING, acknowledged, 1), DR_OK);
            acknowledged += 1;
            keep_mark();
            if (i % 6 == 5)
                dr_store_idle(store, 1700000000000000);
        }
        dr_store_close(store);
    }
    recording = 0;
    print_message("# %llu cuts in %llu operations, %llu left the batch on its way\n",
                  (unsigned long long)cuts, (unsigned long long)operations,
                  (unsigned long long)torn);
    CHECK(cuts > 50);
    CHECK(torn > 0);
    disk_clear();
}

/* ---- failing writes and syncs ---- */

/* Append with the fault at operation `at`; 0: the run came to its end without meeting it. */
static int run_with_fault(uint64_t at, int only_syncs)
{
    const uint64_t batches = 24;
    struct dr_store *store;
    struct dr_error error;
    enum dr_status status = DR_OK;
    uint64_t kept = 0;
    char why[256];
    int lie;
    int met;

    layer_begin();
    CHECK_EQ(dr_store_open(&store, original, DR_STORE_CREATE, &error), DR_OK);
    recording = 1;
    fail_at = at;
    fail_syncs = only_syncs;
    for (; kept < batches && status == DR_OK; kept += status == DR_OK) {
        status = fill_append(store, FILLING, kept, 1);
        if (status == DR_OK && kept % 6 == 5)
            dr_store_idle(store, 1700000000000000);
    }
    met = faulted;
    if (met && status == DR_OK) /* the last idle moment met it: the next append must know */
        status = fill_append(store, FILLING, kept, 1);
    if (met) {
        CHECK_EQ(status, DR_E_IO);
        CHECK(dr_store_failure(store)[0] != '\0');
        CHECK_EQ(fill_append(store, FILLING, kept, 1), DR_E_IO);
    }
    dr_store_close(store);
    recording = 0;
    /* Nothing was written or synced after the fault, by trying again or by closing. */
    if (after_fault != 0)
        fail_msg("%llu writes or syncs after operation %llu failed",
                 (unsigned long long)after_fault, (unsigned long long)at);
    if (met) {
        CHECK_EQ(dr_store_open(&store, original, DR_STORE_WRITE, &error), DR_OK);
        kept += dr_store_seq(store) > fill_seq(FILLING, kept); /* unknown, says DR_E_IO */
        CHECK_EQ(dr_store_seq(store), fill_seq(FILLING, kept));
        CHECK_EQ(fill_compare(store, FILLING, kept, &lie, why), DR_OK);
        CHECK_EQ(lie, 0);
        dr_store_close(store);
    }
    return met;
}

static void fail_each(int only_syncs)
{
    static const char *const names[] = {DR_STORE_FILE, DR_STORE_FILE "-wal", DR_STORE_FILE "-shm",
                                        DR_STORE_MARK, DR_STORE_LOCK};
    /* Each sync, and one write of nine, unless there is time for all. */
    uint64_t step = only_syncs || number_from("SOAK", 0) > 0 ? 1 : 9;
    uint64_t faults = 0;
    uint64_t at = 1;
    int met = 1;

    snprintf(original, sizeof original, "%s", test_directory());
    while (met) {
        met = run_with_fault(at, only_syncs);
        faults += (uint64_t)met;
        at += step;
        for (size_t i = 0; i < DR_COUNT_OF(names); i += 1) {
            char path[400];

            snprintf(path, sizeof path, "%s/%s", original, names[i]);
            unlink(path);
        }
    }
    print_message("# %llu faults\n", (unsigned long long)faults);
    CHECK(faults > 20);
}

TEST(a_sync_that_failed_is_not_tried_again)
{
    fail_each(1);
}

TEST(a_write_that_failed_is_not_tried_again)
{
    fail_each(0);
}
