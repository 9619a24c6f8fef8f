/* SPDX-License-Identifier: Apache-2.0 */
/* texts.c: what users wrote into jobs, from the store, with the latest kept in memory.
 *
 * A text is read when its job starts and when somebody shows it. Elements of an array share one, so
 * a small cache by id is enough. */
#include <errno.h>
#include <sys/random.h>

#include "serve/internal.h"

static struct cached_text *slot(struct dr_controller *c, uint64_t id)
{
    return &c->cache[id % TEXTS_CACHED];
}

void texts_drop(struct dr_controller *c, uint64_t id)
{
    struct cached_text *cached = slot(c, id);

    if (cached->id != id)
        return;
    free(cached->text);
    *cached = (struct cached_text){0};
}

void texts_close(struct dr_controller *c)
{
    for (uint32_t i = 0; i < TEXTS_CACHED; i += 1)
        free(c->cache[i].text);
    memset(c->cache, 0, sizeof c->cache);
}

static void fetch_salts(struct dr_controller *c)
{
    size_t have = 0;

    while (have < sizeof c->salts) {
        ssize_t got = getrandom(c->salts + have, sizeof c->salts - have, 0);

        DR_ASSERT(got > 0 || errno == EINTR);
        if (got > 0)
            have += (size_t)got;
    }
    c->salts_left = sizeof c->salts;
}

void texts_salt(struct dr_controller *c, struct dr_store_text *text)
{
    if (c->salts_left < DR_SALT_BYTES)
        fetch_salts(c);
    c->salts_left -= DR_SALT_BYTES;
    memcpy(text->salt, c->salts + c->salts_left, DR_SALT_BYTES);
    /* A salt is the secret of its text alone: it stays nowhere else. */
    explicit_bzero(c->salts + c->salts_left, DR_SALT_BYTES);
    dr_store_text_hash(text->salt, text->text, text->bytes, text->hash);
}

const char *dr_controller_text(struct dr_controller *c, uint64_t text)
{
    struct cached_text *cached = slot(c, text);
    struct dr_store_text read;
    enum dr_status status;
    int erased = 0;

    if (text == 0)
        return NULL;
    if (cached->id == text)
        return cached->text;
    status = dr_store_text_read(c->store, text, &read, &erased);
    if (status != DR_OK || erased) {
        if (status != DR_OK && status != DR_E_MISSING)
            controller_log(c, "text %llu can't be read: %s", (unsigned long long)text,
                           dr_status_text(status));
        return NULL;
    }
    free(cached->text);
    cached->id = text;
    cached->text = malloc((size_t)read.bytes + 1);
    DR_ASSERT(cached->text != NULL);
    memcpy(cached->text, read.text, read.bytes);
    cached->text[read.bytes] = 0;
    return cached->text;
}
