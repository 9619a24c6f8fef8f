/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fill.h"

#include "base/hash.h"

static uint64_t draw(uint32_t seed, uint64_t number, uint64_t what)
{
    return dr_hash_fold(dr_hash_fold(seed + 1u, number), what);
}

static uint32_t facts_of(uint32_t seed, uint64_t number)
{
    return 1 + (uint32_t)(draw(seed, number, 1) % FILL_FACTS);
}

uint64_t fill_seq(uint32_t seed, uint64_t batches)
{
    uint64_t seq = 0;

    for (uint64_t i = 0; i < batches; i += 1)
        seq += facts_of(seed, i);
    return seq;
}

/* Printable, so that a test can look for it in the files. */
static void fill_text(char *text, uint32_t bytes, uint64_t id)
{
    uint32_t used = (uint32_t)snprintf(text, bytes + 1, "text-%llu:", (unsigned long long)id);

    for (uint32_t i = used; i < bytes; i += 1)
        text[i] = (char)('a' + dr_hash_u64(id * 4096 + i) % 26);
    text[bytes] = '\0';
}

static void make_texts(struct fill *fill, uint32_t seed, uint64_t number)
{
    struct dr_store_batch *batch = &fill->batch;
    uint32_t count = (uint32_t)(draw(seed, number, 2) % (FILL_TEXTS + 1));

    if (count > batch->facts_count)
        count = batch->facts_count;
    for (uint32_t i = 0; i < count; i += 1) {
        struct dr_store_text *text = &fill->texts[i];

        text->id = batch->seq_first + i;
        text->bytes = 24 + (uint32_t)(draw(seed, number, 10 + i) % 2000);
        fill_text(fill->text[i], text->bytes, text->id);
        text->text = fill->text[i];
        for (int j = 0; j < DR_SALT_BYTES; j += 1)
            text->salt[j] = (uint8_t)draw(seed, text->id, 100 + (uint64_t)j);
        dr_store_text_hash(text->salt, text->text, text->bytes, text->hash);
    }
    batch->texts = fill->texts;
    batch->texts_count = count;
}

static void make_rows(struct fill *fill, uint32_t seed, uint64_t number)
{
    struct dr_store_batch *batch = &fill->batch;

    for (uint32_t i = 0; i < batch->texts_count; i += 1) {
        uint64_t job = fill->texts[i].id;
        struct dr_store_retry *retry = &fill->retries[i];
        struct dr_store_history *history = &fill->history[i];

        *retry = (struct dr_store_retry){.user = 1 + (uint32_t)(job % 3), .jobs = 1};
        snprintf(retry->key, sizeof retry->key, "key-%u-%llu", seed, (unsigned long long)job);
        memset(retry->request, (int)(job & 0xff), DR_HASH_BYTES);
        retry->time_us = batch->time_us;
        retry->job_first = job;
        *history = (struct dr_store_history){
            .job = job,
            .text = job,
            .submit_seq = job,
            .end_seq = job,
            .user = 1 + (uint32_t)(job % 3),
            .account = 2 + (uint32_t)(draw(seed, job, 5) % 4),
            .state = (uint8_t)(5 + job % 4),
            .exit_code = (int32_t)(draw(seed, number, 6) % 256),
            .signal = -1,
            .attempts = 1,
            .submit_time_us = batch->time_us,
            .end_time_us = batch->time_us + 5,
            .run_time_us = 5,
            .accelerators = 1000,
            .site = 1,
        };
    }
    batch->retries = fill->retries;
    batch->retries_count = batch->texts_count;
    batch->history = fill->history;
    batch->history_count = batch->texts_count;
}

static void make_at(struct fill *fill, uint32_t seed, uint64_t number, uint64_t seq_first)
{
    uint32_t used = 0;

    memset(fill, 0, sizeof *fill);
    fill->batch.seq_first = seq_first;
    fill->batch.facts_count = facts_of(seed, number);
    fill->batch.time_us = 1700000000000000 + (int64_t)number * 1000;
    fill->batch.state_hash = draw(seed, number, 3);
    for (uint32_t i = 0; i < fill->batch.facts_count; i += 1) {
        uint32_t bytes = 1 + (uint32_t)(draw(seed, number, 50 + i) % 1200);

        for (uint32_t j = 0; j < 4; j += 1) /* the length ahead */
            fill->payload[used++] = (uint8_t)(bytes >> (8 * j));
        for (uint32_t j = 0; j < bytes; j += 1)
            fill->payload[used++] = (uint8_t)dr_hash_u64(number * 65536 + i * 8192 + j + seed);
    }
    fill->batch.payload = fill->payload;
    fill->batch.payload_bytes = used;
    make_texts(fill, seed, number);
    make_rows(fill, seed, number);
}

void fill_make(struct fill *fill, uint32_t seed, uint64_t number)
{
    make_at(fill, seed, number, fill_seq(seed, number) + 1);
}

enum dr_status fill_append(struct dr_store *store, uint32_t seed, uint64_t from, uint64_t count)
{
    static struct fill fill;
    enum dr_status status = DR_OK;
    uint64_t seq_first = fill_seq(seed, from) + 1;

    for (uint64_t i = from; status == DR_OK && i < from + count; i += 1) {
        make_at(&fill, seed, i, seq_first);
        seq_first += fill.batch.facts_count;
        status = dr_store_append(store, &fill.batch);
    }
    return status;
}

static int same_history(const struct dr_store_history *a, const struct dr_store_history *b)
{
    return a->job == b->job && a->text == b->text && a->submit_seq == b->submit_seq &&
           a->end_seq == b->end_seq && a->user == b->user && a->account == b->account &&
           a->state == b->state && a->exit_code == b->exit_code && a->signal == b->signal &&
           a->attempts == b->attempts && a->array_job == b->array_job &&
           a->array_index == b->array_index && a->submit_time_us == b->submit_time_us &&
           a->start_time_us == b->start_time_us && a->end_time_us == b->end_time_us &&
           a->run_time_us == b->run_time_us && a->accelerators == b->accelerators &&
           a->site == b->site;
}

static enum dr_status compare_rows(struct dr_store *store, const struct fill *fill, int *lie,
                                   char why[256])
{
    for (uint32_t i = 0; i < fill->batch.texts_count; i += 1) {
        const struct dr_store_text *text = &fill->texts[i];
        const struct dr_store_retry *retry = &fill->retries[i];
        struct dr_store_text text_read;
        struct dr_store_retry retry_read;
        struct dr_store_history history_read;
        int erased;
        enum dr_status status = dr_store_text_read(store, text->id, &text_read, &erased);

        if (status != DR_OK)
            return status;
        /* Erased or exchanged: the fact's hash tells the reader. */
        if (!erased && (memcmp(text_read.hash, text->hash, DR_HASH_BYTES) != 0))
            return DR_E_CORRUPT;
        if (!erased && (text_read.bytes != text->bytes ||
                        memcmp(text_read.text, text->text, text->bytes) != 0)) {
            snprintf(why, 256, "text %llu differs", (unsigned long long)text->id);
            *lie = 1;
        }
        status = dr_store_retry_find(store, retry->user, retry->key, &retry_read);
        if (status != DR_OK)
            return status;
        if (retry_read.job_first != retry->job_first || retry_read.jobs != retry->jobs ||
            retry_read.time_us != retry->time_us ||
            memcmp(retry_read.request, retry->request, DR_HASH_BYTES) != 0) {
            snprintf(why, 256, "retry key %s differs", retry->key);
            *lie = 1;
        }
        status = dr_store_history_find(store, fill->history[i].job, &history_read);
        if (status != DR_OK)
            return status;
        if (!same_history(&history_read, &fill->history[i])) {
            snprintf(why, 256, "history of %llu differs", (unsigned long long)text->id);
            *lie = 1;
        }
    }
    return DR_OK;
}

enum dr_status fill_compare(struct dr_store *store, uint32_t seed, uint64_t batches, int *lie,
                            char why[256])
{
    static struct fill fill;
    struct dr_store_reader *reader = NULL;
    struct dr_store_read read;
    struct dr_error error;
    enum dr_status status = dr_store_reader_open(&reader, store, 0);
    uint64_t seq_first = 1;

    *lie = 0;
    why[0] = '\0';
    for (uint64_t i = 0; status == DR_OK && i < batches; i += 1) {
        status = dr_store_reader_next(reader, &read, &error);
        if (status == DR_E_END) {
            snprintf(why, 256, "ends before batch %llu", (unsigned long long)i);
            *lie = 1;
        }
        if (status != DR_OK)
            break;
        make_at(&fill, seed, i, seq_first);
        if (read.seq_first != seq_first || read.facts_count != fill.batch.facts_count ||
            read.time_us != fill.batch.time_us || read.state_hash != fill.batch.state_hash ||
            read.payload_bytes != fill.batch.payload_bytes ||
            memcmp(read.payload, fill.payload, read.payload_bytes) != 0) {
            snprintf(why, 256, "batch %llu differs", (unsigned long long)i);
            *lie = 1;
        }
        seq_first += fill.batch.facts_count;
        status = compare_rows(store, &fill, lie, why);
    }
    if (status == DR_OK) {
        status = dr_store_reader_next(reader, &read, &error);
        if (status == DR_OK) {
            snprintf(why, 256, "goes on after batch %llu", (unsigned long long)batches);
            *lie = 1;
        }
        status = status == DR_E_END ? DR_OK : status;
    }
    dr_store_reader_close(reader);
    return status;
}
