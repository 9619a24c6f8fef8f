/* SPDX-License-Identifier: Apache-2.0 */
/* A store whose files were patched: opening and reading may refuse, but must not crash, and must
 * not give out what was never written.
 *
 * The first byte chooses: 0 patches the main file of a store, 1 its log, both as records of four
 * bytes (place, three bytes, little end first; value); 2 is the whole log; 3 the whole main file.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "store/chain.h"

/* Fuzz targets are linked with the rooms alone. */
#include "store_fill.c"

#define FILLING 71
#define BATCHES 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[200];
static struct dr_buffer whole[2]; /* main file and log of a store that was killed */

static const char *path_of(const char *name)
{
    static char path[300];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void clear(void)
{
    static const char *const names[] = {DR_STORE_FILE, DR_STORE_FILE "-wal", DR_STORE_FILE "-shm",
                                        DR_STORE_MARK, DR_STORE_LOCK};

    for (size_t i = 0; i < DR_COUNT_OF(names); i += 1)
        unlink(path_of(names[i]));
}

static void remove_directory(void)
{
    clear();
    rmdir(directory);
}

static void put(const char *name, const uint8_t *bytes, size_t count)
{
    int file = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (file < 0 || write(file, bytes, count) != (ssize_t)count)
        abort();
    close(file);
}

/* Half of the batches in the file, half in the log. */
static void make_template(void)
{
    const char *base = getenv("TMPDIR");
    struct dr_store *store;
    struct dr_error error;

    snprintf(directory, sizeof directory, "%s/daero-fuzz-XXXXXX", base == NULL ? "/tmp" : base);
    if (mkdtemp(directory) == NULL)
        abort();
    atexit(remove_directory);
    if (dr_store_open(&store, directory, DR_STORE_CREATE, &error) != DR_OK ||
        fill_append(store, FILLING, 0, BATCHES / 2) != DR_OK)
        abort();
    dr_store_close(store);
    if (dr_store_open(&store, directory, DR_STORE_WRITE, &error) != DR_OK ||
        fill_append(store, FILLING, BATCHES / 2, BATCHES / 2) != DR_OK)
        abort();
    dr_buffer_init(&whole[0], 1u << 22);
    dr_buffer_init(&whole[1], 1u << 22);
    if (dr_buffer_read_file(&whole[0], path_of(DR_STORE_FILE)) != DR_OK ||
        dr_buffer_read_file(&whole[1], path_of(DR_STORE_FILE "-wal")) != DR_OK)
        abort();
    dr_store_close(store);
    clear();
}

static void patch(struct dr_buffer *buffer, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 4 <= size; i += 4) {
        size_t place = data[i] | (size_t)data[i + 1] << 8 | (size_t)data[i + 2] << 16;

        if (place < buffer->length)
            buffer->data[place] = data[i + 3];
    }
}

static void look(enum dr_store_mode mode)
{
    struct dr_store *store;
    struct dr_error error;
    char why[256];
    int lie;

    if (dr_store_open(&store, directory, mode, &error) != DR_OK)
        return;
    /* Without a mark the log may end earlier: then what is left is compared. */
    for (uint64_t i = 0; i <= BATCHES; i += 1) {
        if (fill_seq(FILLING, i) != dr_store_seq(store))
            continue;
        (void)!fill_compare(store, FILLING, i, &lie, why);
        if (lie) {
            fprintf(stderr, "%s\n", why);
            abort();
        }
    }
    dr_store_close(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dr_buffer patched;
    struct dr_chain_result result;
    struct dr_error error;
    int which;

    if (directory[0] == '\0')
        make_template();
    if (size < 1 || data[0] > 3)
        return 0;
    which = data[0] == 1 || data[0] == 2;
    dr_buffer_init(&patched, 1u << 22);
    if (data[0] < 2) {
        dr_buffer_append(&patched, whole[which].data, whole[which].length);
        patch(&patched, data + 1, size - 1);
    } else {
        dr_buffer_append(&patched, data + 1, size - 1);
    }
    put(DR_STORE_FILE, which == 0 ? patched.data : whole[0].data,
        which == 0 ? patched.length : whole[0].length);
    put(DR_STORE_FILE "-wal", which == 1 ? patched.data : whole[1].data,
        which == 1 ? patched.length : whole[1].length);
    dr_buffer_deinit(&patched);
    (void)!dr_chain_verify(directory, NULL, NULL, NULL, NULL, &result, &error);
    look(DR_STORE_READ);
    look(DR_STORE_WRITE);
    clear();
    return 0;
}
