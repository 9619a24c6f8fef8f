/* SPDX-License-Identifier: Apache-2.0 */
/* The attempts that the site may have: a table that grows, and two maps into it. */
#include <stdlib.h>

#include "engine/slurm_internal.h"

#define ROWS_FIRST 256u

static enum dr_status reindex(struct slurm *slurm, uint32_t rows_max)
{
    size_t bytes = 2 * ((size_t)rows_max * 4 * sizeof(struct dr_map_slot) + 4096);

    dr_arena_deinit(&slurm->arena);
    if (dr_arena_init(&slurm->arena, bytes) != DR_OK ||
        dr_map_init(&slurm->by_job, &slurm->arena, rows_max) != DR_OK ||
        dr_map_init(&slurm->by_id, &slurm->arena, rows_max) != DR_OK)
        return DR_E_FULL;
    for (uint32_t row = slurm->rows_used; row-- > 0;) {
        struct row *at = &slurm->rows[row];
        uint32_t first;

        if (at->state == ROW_FREE)
            continue;
        first = dr_map_find(&slurm->by_job, at->job.v);
        at->next = first;
        if (first != DR_MAP_NONE)
            dr_map_remove(&slurm->by_job, at->job.v);
        dr_map_insert(&slurm->by_job, at->job.v, row);
        if (at->slurm_id != 0)
            dr_map_insert(&slurm->by_id, at->slurm_id, row);
    }
    return DR_OK;
}

enum dr_status slurm_rows_open(struct slurm *slurm)
{
    slurm->rows_free = slurm->wanted_first = slurm->wanted_last = ROW_NONE;
    slurm->rows = calloc(ROWS_FIRST, sizeof *slurm->rows);
    if (slurm->rows == NULL)
        abort();
    slurm->rows_max = ROWS_FIRST;
    return reindex(slurm, slurm->rows_max);
}

static void release(struct row *row)
{
    free(row->user);
    free(row->nodes);
    free(row->hosts);
    free(row->body);
    free(row->end);
}

void slurm_rows_close(struct slurm *slurm)
{
    for (uint32_t row = 0; row < slurm->rows_used; row += 1)
        if (slurm->rows[row].state != ROW_FREE)
            release(&slurm->rows[row]);
    free(slurm->rows);
    dr_arena_deinit(&slurm->arena);
    dr_events_deinit(&slurm->events);
}

struct row *slurm_find(struct slurm *slurm, dr_job_id job, uint32_t attempt)
{
    uint32_t row = job.v == 0 ? DR_MAP_NONE : dr_map_find(&slurm->by_job, job.v);

    while (row != ROW_NONE && slurm->rows[row].attempt != attempt)
        row = slurm->rows[row].next;
    return row == ROW_NONE ? NULL : &slurm->rows[row];
}

struct row *slurm_find_id(struct slurm *slurm, uint32_t slurm_id)
{
    uint32_t row = slurm_id == 0 ? DR_MAP_NONE : dr_map_find(&slurm->by_id, slurm_id);

    return row == DR_MAP_NONE ? NULL : &slurm->rows[row];
}

struct row *slurm_add(struct slurm *slurm, dr_job_id job, uint32_t attempt)
{
    uint32_t row = slurm->rows_free;
    uint32_t first;
    struct row *at;

    if (row == ROW_NONE && slurm->rows_used == slurm->rows_max) {
        slurm->rows = reallocarray(slurm->rows, (size_t)slurm->rows_max * 2, sizeof *slurm->rows);
        if (slurm->rows == NULL || reindex(slurm, slurm->rows_max * 2) != DR_OK)
            abort();
        slurm->rows_max *= 2;
    }
    if (row == ROW_NONE) {
        row = slurm->rows_used;
        slurm->rows_used += 1;
    } else {
        slurm->rows_free = slurm->rows[row].next;
    }
    at = &slurm->rows[row];
    first = dr_map_find(&slurm->by_job, job.v);
    *at = (struct row){.job = job,
                       .attempt = attempt,
                       .next = first,
                       .next_wanted = ROW_NONE,
                       .kill_us = DR_FOREVER_US,
                       .state = ROW_FORGOTTEN}; /* until slurm_set_state() */
    if (first != DR_MAP_NONE)
        dr_map_remove(&slurm->by_job, job.v);
    dr_map_insert(&slurm->by_job, job.v, row);
    return at;
}

void slurm_set_id(struct slurm *slurm, struct row *row, uint32_t slurm_id)
{
    if (row->slurm_id != 0)
        dr_map_remove(&slurm->by_id, row->slurm_id);
    row->slurm_id = slurm_id;
    row->submit_s = 0;
    if (slurm_id != 0)
        dr_map_insert(&slurm->by_id, slurm_id, (uint32_t)(row - slurm->rows));
}

void slurm_remove(struct slurm *slurm, struct row *row)
{
    uint32_t number = (uint32_t)(row - slurm->rows);
    uint32_t first = dr_map_find(&slurm->by_job, row->job.v);

    DR_ASSERT(!row->in_line);
    slurm_set_id(slurm, row, 0);
    slurm_set_state(slurm, row, ROW_FORGOTTEN);
    if (first == number) {
        dr_map_remove(&slurm->by_job, row->job.v);
        if (row->next != ROW_NONE)
            dr_map_insert(&slurm->by_job, row->job.v, row->next);
    } else {
        while (slurm->rows[first].next != number)
            first = slurm->rows[first].next;
        slurm->rows[first].next = row->next;
    }
    release(row);
    *row = (struct row){.state = ROW_FREE, .next = slurm->rows_free};
    slurm->rows_free = number;
}

static int is_active(enum row_state state)
{
    return state >= ROW_WANTED && state <= ROW_RUNNING;
}

void slurm_set_state(struct slurm *slurm, struct row *row, enum row_state state)
{
    if (is_active((enum row_state)row->state))
        slurm->active -= 1;
    if (row->state == ROW_UNSURE)
        slurm->unsure -= 1;
    if (state != ROW_PENDING && row->shut != 0) {
        row->shut = 0;
        slurm->shut -= 1;
    }
    if (row->state == ROW_GONE)
        slurm->gone -= 1;
    if (row->state != (uint8_t)state)
        row->state_us = dr_monotonic_us();
    row->state = (uint8_t)state;
    if (is_active(state))
        slurm->active += 1;
    if (state == ROW_UNSURE)
        slurm->unsure += 1;
    if (state == ROW_GONE)
        slurm->gone += 1;
}
