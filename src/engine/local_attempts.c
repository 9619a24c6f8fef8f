/* SPDX-License-Identifier: Apache-2.0 */
/* The local engine's attempts as rows of a table, and the list of those to look at. */
#include "engine/local_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

struct attempt *dr_local_find(struct local *local, dr_job_id job, uint32_t attempt)
{
    uint32_t row = job.v == 0 ? DR_MAP_NONE : dr_map_find(&local->jobs, job.v);

    if (row == DR_MAP_NONE)
        return NULL;
    for (; row != ROW_NONE; row = local->rows[row].next)
        if (local->rows[row].attempt == attempt)
            return &local->rows[row];
    return NULL;
}

uint32_t dr_local_row_of(const struct local *local, const struct attempt *attempt)
{
    return (uint32_t)(attempt - local->rows);
}

struct attempt *dr_local_add(struct local *local, dr_job_id job, uint32_t attempt)
{
    uint32_t row = local->rows_free;
    uint32_t first;
    struct attempt *added;

    if (row != ROW_NONE)
        local->rows_free = local->rows[row].next;
    else if (local->rows_used < local->rows_max)
        row = local->rows_used++;
    else
        return NULL;
    added = &local->rows[row];
    *added = (struct attempt){
        .job = job, .attempt = attempt, .next = ROW_NONE, .pidfd = -1, .watch = -1};
    first = dr_map_find(&local->jobs, job.v);
    if (first == DR_MAP_NONE) {
        dr_map_insert(&local->jobs, job.v, row);
    } else {
        added->next = local->rows[first].next;
        local->rows[first].next = row;
    }
    return added;
}

void dr_local_make_ready(struct local *local, struct attempt *attempt)
{
    if (attempt->ready || attempt->state == ATTEMPT_REFUSED)
        return;
    attempt->ready = 1;
    local->ready[(local->ready_first + local->ready_count) % local->rows_max] =
        dr_local_row_of(local, attempt);
    local->ready_count += 1;
}

void dr_local_drop_watch(struct local *local, struct attempt *attempt)
{
    if (attempt->watch >= 0) {
        inotify_rm_watch(local->saved_fd, attempt->watch);
        dr_map_remove(&local->watches, (uint64_t)attempt->watch + 1);
        attempt->watch = -1;
    }
    if (attempt->look_us != 0) {
        attempt->look_us = 0;
        local->looks -= 1;
    }
}

/* A forked copy of this process (the forecast's) may hold the descriptor open, so closing alone
 * would leave it in the epoll set. */
void dr_local_drop_pidfd(struct local *local, struct attempt *attempt)
{
    if (attempt->pidfd < 0)
        return;
    epoll_ctl(local->epoll_fd, EPOLL_CTL_DEL, attempt->pidfd, NULL);
    close(attempt->pidfd);
    attempt->pidfd = -1;
}

void dr_local_remove_row(struct local *local, struct attempt *attempt)
{
    uint32_t row = dr_local_row_of(local, attempt);
    uint32_t first = dr_map_find(&local->jobs, attempt->job.v);

    dr_local_drop_watch(local, attempt);
    dr_local_drop_pidfd(local, attempt);
    if (first == row) {
        dr_map_remove(&local->jobs, attempt->job.v);
        if (attempt->next != ROW_NONE)
            dr_map_insert(&local->jobs, attempt->job.v, attempt->next);
    } else {
        while (local->rows[first].next != row)
            first = local->rows[first].next;
        local->rows[first].next = attempt->next;
    }
    attempt->state = ATTEMPT_FREE;
    /* A row on the ready list is freed when its turn comes, or it would be there twice. */
    if (attempt->ready)
        return;
    attempt->next = local->rows_free;
    local->rows_free = row;
}

int dr_local_open_file(const struct local *local, const struct attempt *attempt, int flags)
{
    char name[DR_ATTEMPT_NAME_BYTES];

    dr_attempt_name(attempt->job, attempt->attempt, name);
    return openat(local->attempts_fd, name, flags | O_CLOEXEC | O_NOFOLLOW);
}
