/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/math.h"
#include "base/text.h"

const char *dr_attempt_name(dr_job_id job, uint32_t attempt, char name[DR_ATTEMPT_NAME_BYTES])
{
    snprintf(name, DR_ATTEMPT_NAME_BYTES, "%" PRIu64 ".%" PRIu32, job.v, attempt);
    return name;
}

int dr_attempt_name_parse(const char *name, dr_job_id *job, uint32_t *attempt)
{
    char text[DR_ATTEMPT_NAME_BYTES], again[DR_ATTEMPT_NAME_BYTES];
    int64_t job_v, attempt_v;
    char *dot;

    if (strlen(name) >= sizeof text)
        return 0;
    memcpy(text, name, strlen(name) + 1);
    dot = strchr(text, '.');
    if (dot == NULL)
        return 0;
    *dot = 0;
    if (!dr_parse_i64(text, 1, INT64_MAX, &job_v) ||
        !dr_parse_i64(dot + 1, 1, UINT32_MAX, &attempt_v))
        return 0;
    /* one spelling each: no sign, no leading zero */
    dr_attempt_name((dr_job_id){(uint64_t)job_v}, (uint32_t)attempt_v, again);
    if (strcmp(again, name) != 0)
        return 0;
    *job = (dr_job_id){(uint64_t)job_v};
    *attempt = (uint32_t)attempt_v;
    return 1;
}

static uint64_t record_hash(uint32_t kind, const void *payload, size_t bytes)
{
    return dr_hash_bytes(dr_hash_fold(0, ((uint64_t)kind << 32) | bytes), payload, bytes);
}

enum dr_status dr_record_append(int fd, enum dr_record_kind kind, const void *payload, size_t bytes)
{
    struct dr_record_header header = {
        .kind = kind, .bytes = (uint32_t)bytes, .hash = record_hash(kind, payload, bytes)};
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)(uintptr_t)payload, bytes}};
    ssize_t written;
    off_t end;

    do
        written = writev(fd, parts, bytes == 0 ? 1 : 2);
    while (written < 0 && errno == EINTR);
    if (written == (ssize_t)(sizeof header + bytes))
        return DR_OK;
    if (written < 0)
        return errno == ENOSPC || errno == EDQUOT ? DR_E_FULL : DR_E_IO;
    /* The disk filled up midway; nobody can have appended behind it. */
    end = lseek(fd, 0, SEEK_END);
    if (end >= written && ftruncate(fd, end - written) != 0)
        return DR_E_IO;
    return DR_E_FULL;
}

static ssize_t read_at(int fd, void *to, size_t bytes, uint64_t offset)
{
    ssize_t got;

    do
        got = pread(fd, to, bytes, (off_t)offset);
    while (got < 0 && errno == EINTR);
    return got;
}

enum dr_status dr_record_read(int fd, uint64_t *offset, enum dr_record_kind *kind, void *payload,
                              size_t payload_max, size_t *bytes)
{
    struct dr_record_header header;
    uint64_t at = *offset + sizeof header;
    size_t take;
    ssize_t got;

    got = read_at(fd, &header, sizeof header, *offset);
    if (got < 0)
        return DR_E_IO;
    if (got < (ssize_t)sizeof header)
        return DR_E_END;
    if (header.kind < DR_RECORD_ORDER || header.kind > DR_RECORD_REFUSED ||
        header.bytes > DR_ORDER_BYTES_MAX)
        return DR_E_CORRUPT;
    take = header.bytes < payload_max ? header.bytes : payload_max;
    got = take == 0 ? 0 : read_at(fd, payload, take, at);
    if (got < 0)
        return DR_E_IO;
    if (got < (ssize_t)take)
        return DR_E_END;
    if (take < header.bytes) {
        uint8_t last;
        if (read_at(fd, &last, 1, at + header.bytes - 1) != 1)
            return DR_E_END;
    } else if (record_hash(header.kind, payload, take) != header.hash) {
        return DR_E_CORRUPT;
    }
    *offset = at + header.bytes;
    *kind = (enum dr_record_kind)header.kind;
    *bytes = header.bytes;
    return DR_OK;
}

/* ---- orders ---- */

static void put_u32(struct dr_buffer *buffer, uint32_t value)
{
    dr_buffer_append(buffer, &value, sizeof value);
}

static void put_u64(struct dr_buffer *buffer, uint64_t value)
{
    dr_buffer_append(buffer, &value, sizeof value);
}

static void put_bytes(struct dr_buffer *buffer, const char *data, uint32_t bytes)
{
    put_u32(buffer, bytes);
    dr_buffer_append(buffer, data, bytes);
    dr_buffer_append(buffer, "", 1);
}

static void put_text(struct dr_buffer *buffer, const char *text)
{
    if (text == NULL)
        text = "";
    put_bytes(buffer, text, (uint32_t)strlen(text));
}

enum dr_status dr_order_encode(struct dr_buffer *buffer, const struct dr_launch *launch,
                               uint64_t boot)
{
    struct dr_order_head head = {.version = DR_ORDER_VERSION, .uid = launch->uid, .boot = boot};

    dr_buffer_append(buffer, &head, sizeof head);
    put_u64(buffer, launch->job.v);
    put_u32(buffer, launch->attempt);
    put_u64(buffer, launch->epoch);
    put_text(buffer, launch->name);
    put_u32(buffer, launch->script != NULL);
    put_bytes(buffer, launch->script == NULL ? "" : launch->script,
              launch->script == NULL ? 0 : launch->script_bytes);
    put_u32(buffer, launch->argv_count);
    for (uint32_t i = 0; i < launch->argv_count; i += 1)
        put_text(buffer, launch->argv[i]);
    put_u32(buffer, launch->environment_count);
    for (uint32_t i = 0; i < launch->environment_count; i += 1)
        put_text(buffer, launch->environment[i]);
    put_text(buffer, launch->directory);
    put_text(buffer, launch->output);
    put_text(buffer, launch->error);
    put_text(buffer, launch->input);
    put_u32(buffer, launch->open_mode_append);
    put_u32(buffer, launch->gid);
    put_text(buffer, launch->user);
    put_u32(buffer, launch->nodes_count);
    for (uint32_t i = 0; i < launch->nodes_count; i += 1) {
        const struct dr_launch_node *node = &launch->nodes[i];
        uint32_t devices = node->device_ids == NULL ? 0 : dr_bit_count(node->accelerators);

        put_text(buffer, node->name);
        put_u32(buffer, node->tasks);
        put_u64(buffer, node->accelerators);
        put_u32(buffer, devices);
        for (uint32_t j = 0; j < devices; j += 1)
            put_text(buffer, node->device_ids[j]);
    }
    put_text(buffer, launch->site);
    put_text(buffer, launch->chip);
    put_text(buffer, launch->chip_vendor);
    put_u32(buffer, launch->chip_virtual);
    put_u32(buffer, launch->tasks);
    put_u32(buffer, launch->accelerators_per_task);
    put_u32(buffer, launch->cpus_per_task_milli);
    put_u32(buffer, launch->memory_mb_per_task);
    put_u32(buffer, launch->run_every_task);
    put_u64(buffer, (uint64_t)launch->limit_us);
    put_u32(buffer, launch->warn_signal);
    put_u64(buffer, (uint64_t)launch->warn_before_us);
    put_u64(buffer, (uint64_t)launch->grace_us);
    put_u64(buffer, launch->array_job.v);
    put_u32(buffer, launch->array_index);
    put_u32(buffer, launch->array_min);
    put_u32(buffer, launch->array_max);
    put_u32(buffer, launch->array_count);
    for (uint32_t i = 0; i < launch->nodes_count; i += 1) {
        const struct dr_launch_node *node = &launch->nodes[i];
        uint32_t devices = node->device_nodes == NULL ? 0 : dr_bit_count(node->accelerators);

        put_u32(buffer, devices);
        for (uint32_t j = 0; j < devices; j += 1)
            put_text(buffer, node->device_nodes[j]);
    }
    put_u32(buffer, launch->array_step);
    put_u32(buffer, launch->ranks);
    return buffer->full ? DR_E_FULL : DR_OK;
}

/* Reads that run over the end leave `bad` set and give zeros. */
struct reader {
    const uint8_t *at;
    size_t left;
    int bad;
};

static void get(struct reader *reader, void *to, size_t bytes)
{
    if (reader->bad || reader->left < bytes) {
        reader->bad = 1;
        memset(to, 0, bytes);
        return;
    }
    memcpy(to, reader->at, bytes);
    reader->at += bytes;
    reader->left -= bytes;
}

static uint32_t get_u32(struct reader *reader)
{
    uint32_t value;

    get(reader, &value, sizeof value);
    return value;
}

static uint64_t get_u64(struct reader *reader)
{
    uint64_t value;

    get(reader, &value, sizeof value);
    return value;
}

static const char *get_bytes(struct reader *reader, uint32_t *bytes)
{
    const char *text = (const char *)reader->at + sizeof(uint32_t);

    *bytes = get_u32(reader);
    if (reader->bad || reader->left <= *bytes || reader->at[*bytes] != 0) {
        reader->bad = 1;
        *bytes = 0;
        return "";
    }
    reader->at += *bytes + 1;
    reader->left -= *bytes + 1;
    return text;
}

static const char *get_text(struct reader *reader)
{
    uint32_t bytes;
    const char *text = get_bytes(reader, &bytes);

    if (strlen(text) != bytes)
        reader->bad = 1;
    return text;
}

/* Each element takes at least `bytes_each`, so that a wrong count can't ask for much memory. */
static uint32_t get_count(struct reader *reader, size_t bytes_each)
{
    uint32_t count = get_u32(reader);

    if (count > reader->left / bytes_each) {
        reader->bad = 1;
        return 0;
    }
    return count;
}

static const char **get_texts(struct reader *reader, uint32_t *count)
{
    const char **texts;

    *count = get_count(reader, 5);
    texts = calloc((size_t)*count + 1, sizeof *texts);
    if (texts == NULL)
        abort();
    for (uint32_t i = 0; i < *count; i += 1)
        texts[i] = get_text(reader);
    return texts;
}

static void get_nodes(struct reader *reader, struct dr_order *order)
{
    struct dr_launch *launch = &order->launch;
    uint32_t used = 0;

    launch->nodes_count = get_count(reader, 21);
    order->nodes = calloc((size_t)launch->nodes_count + 1, sizeof *order->nodes);
    order->device_ids = calloc(reader->left / 5 + 1, sizeof *order->device_ids);
    if (order->nodes == NULL || order->device_ids == NULL)
        abort();
    launch->nodes = order->nodes;
    for (uint32_t i = 0; i < launch->nodes_count; i += 1) {
        struct dr_launch_node *node = &order->nodes[i];
        uint32_t devices;

        node->name = get_text(reader);
        node->tasks = get_u32(reader);
        node->accelerators = get_u64(reader);
        devices = get_count(reader, 5);
        if (devices != 0 && devices != dr_bit_count(node->accelerators))
            reader->bad = 1;
        if (reader->bad)
            return;
        node->device_ids = devices == 0 ? NULL : &order->device_ids[used];
        for (uint32_t j = 0; j < devices; j += 1, used += 1)
            order->device_ids[used] = get_text(reader);
    }
}

static void get_device_nodes(struct reader *reader, struct dr_order *order)
{
    uint32_t used = 0;

    order->device_nodes = calloc(reader->left / 5 + 1, sizeof *order->device_nodes);
    if (order->device_nodes == NULL)
        abort();
    for (uint32_t i = 0; i < order->launch.nodes_count; i += 1) {
        struct dr_launch_node *node = &order->nodes[i];
        uint32_t devices = get_count(reader, 5);

        if (devices != 0 && devices != dr_bit_count(node->accelerators))
            reader->bad = 1;
        if (reader->bad)
            return;
        node->device_nodes = devices == 0 ? NULL : &order->device_nodes[used];
        for (uint32_t j = 0; j < devices; j += 1, used += 1)
            order->device_nodes[used] = get_text(reader);
    }
}

enum dr_status dr_order_decode(struct dr_order *order, uint8_t *bytes, size_t length)
{
    struct reader reader = {.at = bytes, .left = length};
    struct dr_launch *launch = &order->launch;
    struct dr_order_head head;
    uint32_t has_script;

    *order = (struct dr_order){.bytes = bytes};
    get(&reader, &head, sizeof head);
    if (head.version < DR_ORDER_VERSION_OLDEST || head.version > DR_ORDER_VERSION)
        return DR_E_CORRUPT;
    order->boot = head.boot;
    launch->uid = head.uid;
    launch->job.v = get_u64(&reader);
    launch->attempt = get_u32(&reader);
    launch->epoch = get_u64(&reader);
    launch->name = get_text(&reader);
    has_script = get_u32(&reader);
    launch->script = get_bytes(&reader, &launch->script_bytes);
    if (!has_script)
        launch->script = NULL;
    order->argv = get_texts(&reader, &launch->argv_count);
    launch->argv = order->argv;
    order->environment = get_texts(&reader, &launch->environment_count);
    launch->environment = order->environment;
    launch->directory = get_text(&reader);
    launch->output = get_text(&reader);
    launch->error = get_text(&reader);
    launch->input = get_text(&reader);
    launch->open_mode_append = get_u32(&reader);
    launch->gid = get_u32(&reader);
    launch->user = get_text(&reader);
    get_nodes(&reader, order);
    launch->site = get_text(&reader);
    launch->chip = get_text(&reader);
    launch->chip_vendor = get_text(&reader);
    launch->chip_virtual = get_u32(&reader);
    launch->tasks = get_u32(&reader);
    launch->accelerators_per_task = get_u32(&reader);
    launch->cpus_per_task_milli = get_u32(&reader);
    launch->memory_mb_per_task = get_u32(&reader);
    launch->run_every_task = get_u32(&reader);
    launch->limit_us = (int64_t)get_u64(&reader);
    launch->warn_signal = get_u32(&reader);
    launch->warn_before_us = (int64_t)get_u64(&reader);
    launch->grace_us = (int64_t)get_u64(&reader);
    launch->array_job.v = get_u64(&reader);
    launch->array_index = get_u32(&reader);
    launch->array_min = get_u32(&reader);
    launch->array_max = get_u32(&reader);
    launch->array_count = get_u32(&reader);
    if (head.version >= 2)
        get_device_nodes(&reader, order);
    if (head.version >= 3) {
        launch->array_step = get_u32(&reader);
        launch->ranks = get_u32(&reader);
    }
    return reader.bad || reader.left != 0 ? DR_E_CORRUPT : DR_OK;
}

void dr_order_deinit(struct dr_order *order)
{
    free(order->bytes);
    free(order->argv);
    free(order->environment);
    free(order->nodes);
    free(order->device_ids);
    free(order->device_nodes);
    *order = (struct dr_order){0};
}

/* ---- who runs ---- */

uint64_t dr_boot_hash(void)
{
    char id[64];
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t bytes;

    if (fd < 0)
        return 1;
    bytes = read(fd, id, sizeof id);
    close(fd);
    return bytes <= 0 ? 1 : dr_hash_bytes(1, id, (size_t)bytes);
}

enum dr_status dr_attempt_lock(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return DR_OK;
    return errno == EAGAIN || errno == EACCES ? DR_E_EXISTS : DR_E_IO;
}

int dr_attempt_locked(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

uint64_t dr_process_start_ticks(int proc_fd, int32_t pid, char *state)
{
    char path[32], text[1024];
    const char *at;
    ssize_t bytes;
    int fd;

    if (pid == 0)
        snprintf(path, sizeof path, "self/stat");
    else
        snprintf(path, sizeof path, "%d/stat", pid);
    fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    bytes = read(fd, text, sizeof text - 1);
    close(fd);
    if (bytes <= 0)
        return 0;
    text[bytes] = 0;
    /* the name in parentheses may hold anything, so fields count from the last one */
    at = strrchr(text, ')');
    if (at == NULL || at[1] == 0)
        return 0;
    *state = at[2];
    for (int field = 2; field < 22 && at != NULL; field += 1)
        at = strchr(at + 1, ' ');
    return at == NULL ? 0 : strtoull(at + 1, NULL, 10);
}
