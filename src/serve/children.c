/* SPDX-License-Identifier: Apache-2.0 */
/* children.c: forked helpers, and what waits for a quiet moment. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "serve/internal.h"
#include "store/snapshot.h"

#define IDLE_EVERY_US        DR_SECOND_US
#define SNAPSHOT_EVERY_US    DR_SECOND_US
#define SNAPSHOT_FACTS_LEAST 1000 /* fewer are read back in a moment */

int child_fork(struct child *child)
{
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid = fork();
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    if (pid == 0) {
        /* Connections that the parent closes must not live on in here, nor a terminal's signals end
         * the child with half an answer: the parent's reading end going away does. */
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_DFL);
        if (dup2(ends[1], 3) != 3)
            _exit(1);
        close_range(4, ~0u, 0);
        child->pid = 0;
        child->pipe = 3;
        return 0;
    }
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    child->pid = pid;
    child->pipe = ends[0];
    return 1;
}

int child_write(int pipe, const void *bytes, size_t count)
{
    const char *from = bytes;

    while (count > 0) {
        ssize_t written = write(pipe, from, count);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return 0;
        from += written;
        count -= (size_t)written;
    }
    return 1;
}

int child_collect(struct child *child)
{
    int status = 0;

    close(child->pipe);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
    }
    *child = (struct child){.pipe = -1};
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void child_end(struct child *child)
{
    kill(child->pid, SIGKILL);
    child_collect(child);
}

/* ---- snapshots ---- */

static int save_bytes(void *context, const void *bytes, size_t count)
{
    dr_snapshot_write(context, bytes, count);
    return 1; /* a failure is kept until the end */
}

static enum dr_status save(struct dr_controller *c, struct dr_snapshot_at *at,
                           struct dr_error *error)
{
    struct dr_snapshot_writer *writer = NULL;
    enum dr_status status;

    at->state_hash = dr_core_hash(c->core);
    status = dr_snapshot_begin(&writer, c->directory, at, error);
    if (status != DR_OK)
        return status;
    status = dr_core_save(c->core, save_bytes, writer);
    if (status != DR_OK) {
        dr_snapshot_abandon(writer);
        dr_error_set(error, c->directory, 0, "snapshot", dr_status_text(status), "a whole state");
        return status;
    }
    return dr_snapshot_finish(writer, error);
}

static void snapshot_ready(void *context, uint32_t events)
{
    struct dr_controller *c = context;
    char line[1024];
    ssize_t count;
    int status;

    (void)events;
    count = read(c->snapshot.pipe, line, sizeof line - 1);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count > 0) {
        line[count] = 0;
        controller_log(c, "no snapshot: %s", line);
        return;
    }
    dr_controller_poll(c, c->snapshot.pipe, 0, NULL, NULL);
    status = child_collect(&c->snapshot);
    if (status == 0)
        c->snapshot_seq = c->snapshot_seq_coming;
    else
        controller_log(c, "the snapshot's writer ended with status %d", status);
}

/* A forked child writes the state as it is now, while the loop goes on. */
static void snapshot_begin(struct dr_controller *c)
{
    struct dr_snapshot_at at;
    int forked;

    c->snapshot_seq_coming = dr_core_seq(c->core);
    c->snapshot_monotonic_us = controller_monotonic_us(c);
    dr_snapshot_here(c->store, 0, &at);
    forked = child_fork(&c->snapshot);
    if (forked == 0) {
        struct dr_error error = {0};
        char line[1024];
        ssize_t written;

        if (nice(10) == -1)
            errno = 0; /* then it competes with the loop */
        if (save(c, &at, &error) == DR_OK)
            _exit(0);
        dr_error_line(&error, line, sizeof line);
        written = write(c->snapshot.pipe, line, strlen(line));
        _exit(written > 0 ? 1 : 2);
    }
    if (forked < 0) {
        controller_log(c, "no snapshot: %s", strerror(errno));
    } else if (!dr_controller_poll(c, c->snapshot.pipe, EPOLLIN, snapshot_ready, c)) {
        controller_log(c, "no snapshot: %s", strerror(errno));
        child_end(&c->snapshot);
    }
}

static void skipped(void *context, const char *text)
{
    controller_log(context, "%s", text);
}

struct loading {
    const struct dr_snapshot *snapshot;
    uint64_t at;
};

static int load_bytes(void *context, void *bytes, size_t count)
{
    struct loading *loading = context;

    if (loading->snapshot->bytes - loading->at < count)
        return 0;
    memcpy(bytes, loading->snapshot->data + loading->at, count);
    loading->at += count;
    return 1;
}

enum dr_status snapshot_load(struct dr_controller *c, struct dr_error *error)
{
    struct dr_snapshot snapshot = {0};
    struct loading loading = {.snapshot = &snapshot};
    enum dr_status status = dr_snapshot_newest(c->store, &snapshot, skipped, c);
    int64_t before_us;

    if (status != DR_OK) {
        if (status != DR_E_MISSING)
            controller_log(c, "snapshots can't be read: %s", dr_status_text(status));
        return DR_OK;
    }
    status = dr_core_load(c->core, load_bytes, &loading);
    before_us = controller_monotonic_us(c);
    if (status == DR_OK && (dr_core_seq(c->core) != snapshot.at.seq ||
                            dr_core_hash(c->core) != snapshot.at.state_hash))
        status = DR_E_CORRUPT;
    /* What a hash costs is known, and this one is good for a while. */
    c->hash_seq = snapshot.at.seq;
    c->hash_monotonic_us = controller_monotonic_us(c);
    c->hash_cost_us = c->hash_monotonic_us - before_us;
    c->snapshot_seq = snapshot.at.seq;
    dr_snapshot_close(&snapshot);
    if (status == DR_OK)
        return DR_OK;
    /* Another version's, or another mistake of ours: the facts alone are enough. */
    controller_log(c, "the snapshot after fact %llu is of no use (%s): reading every fact",
                   (unsigned long long)c->snapshot_seq, dr_status_text(status));
    c->snapshot_seq = 0;
    dr_core_close(c->core);
    c->core = NULL;
    status = dr_core_open(&c->core, &c->options.limits);
    if (status != DR_OK)
        dr_error_set(error, NULL, 0, "limits", dr_status_text(status),
                     "address space for the tables of this controller");
    return status;
}

/* ---- signed heads ---- */

enum dr_status head_key(struct dr_controller *c, struct dr_error *error)
{
    enum dr_status status = dr_chain_key_load(c->directory, &c->key, error);

    if (status != DR_E_MISSING)
        return status;
    status = dr_chain_key_create(c->directory, error);
    if (status != DR_OK)
        return status;
    return dr_chain_key_load(c->directory, &c->key, error);
}

void head_sign(struct dr_controller *c)
{
    struct dr_chain_head head;
    struct dr_error error = {0};
    char line[1024];

    c->head_monotonic_us = controller_monotonic_us(c);
    if (c->head_seq == dr_store_seq(c->store))
        return;
    dr_chain_sign(&c->key, c->store, c->now_us, &head);
    if (dr_chain_append(c->directory, &head, &error) != DR_OK) {
        controller_log(c, "no signed head: %s", dr_error_line(&error, line, sizeof line));
        return;
    }
    c->head_seq = dr_store_seq(c->store);
}

/* ---- a quiet moment ---- */

void children_idle(struct dr_controller *c)
{
    int64_t now_us = controller_monotonic_us(c);
    uint64_t facts = dr_core_seq(c->core) - c->snapshot_seq;

    if (c->idle_seq != dr_core_seq(c->core) && now_us - c->idle_monotonic_us >= IDLE_EVERY_US) {
        dr_store_idle(c->store, c->now_us);
        c->idle_seq = dr_core_seq(c->core);
        c->idle_monotonic_us = now_us;
    }
    if (now_us - c->head_monotonic_us >= c->options.head_us)
        head_sign(c);
    if (c->snapshot.pid == 0 && (facts >= c->options.snapshot_facts ||
                                 (facts >= SNAPSHOT_FACTS_LEAST &&
                                  now_us - c->snapshot_monotonic_us >= c->options.snapshot_us)))
        snapshot_begin(c);
}

void children_close(struct dr_controller *c)
{
    struct dr_snapshot_at at;
    struct dr_error error = {0};
    char line[1024];

    if (c->snapshot.pid != 0) {
        dr_controller_poll(c, c->snapshot.pipe, 0, NULL, NULL);
        child_end(&c->snapshot);
    }
    /* After a failure of the store nothing more is written. */
    if (c->store != NULL && c->core != NULL && c->stopping >= 0) {
        head_sign(c);
        if (dr_core_seq(c->core) - c->snapshot_seq >= SNAPSHOT_FACTS_LEAST) {
            dr_snapshot_here(c->store, 0, &at);
            if (save(c, &at, &error) != DR_OK)
                controller_log(c, "no snapshot: %s", dr_error_line(&error, line, sizeof line));
        }
    }
    dr_chain_key_forget(&c->key);
}
