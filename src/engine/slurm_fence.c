/* SPDX-License-Identifier: Apache-2.0 */
/* What a site has lost sight of. A slurmctld that is killed goes on from an older state: an attempt
 * that it does not have any more may run on at its nodes until each has registered with it; what a
 * node then says that it runs, and slurmctld does not know, slurmctld kills. So an attempt that was
 * there, or may have been, and is not in a complete list is over once a list of nodes that was
 * asked for later shows all its nodes as registered and heard, and a margin for the killing has
 * passed. Until then it is UNREACHABLE, with the name of a node that stays away. README.md, "Once,
 * whatever fails", has the argument. */
#include <stdlib.h>

#include "base/math.h"
#include "engine/slurm_hostlist.h"
#include "engine/slurm_internal.h"

#define KILLED_US (5 * DR_SECOND_US) /* from a registration to the death of what nobody knows */
/* A job that was given the number of one that runs on is taken for it when the node registers.
 * slurmd refuses it then, and its end ends both: all of that well within this. */
#define REFUSED_US (30 * DR_SECOND_US)
/* One whose number is that of a job that ended a moment ago (MessageTimeout) is spared until the
 * node registers once more, which is up to 20 of slurmctld's pings later. */
#define SPARED_US DR_HOUR_US
#define TELL_US   (DR_SECOND_US) /* what takes no longer is not said */
#define HOSTS_MAX 65536u

/* ---- nodes ---- */

void slurm_fence_begin(struct slurm *slurm)
{
    dr_buffer_clear(&slurm->at_work);
    dr_buffer_append_text(&slurm->at_work, "\n");
    slurm->away[0] = 0;
}

void slurm_fence_node(struct slurm *slurm, const char *name, int at_work)
{
    if (at_work)
        dr_buffer_printf(&slurm->at_work, "%s\n", name);
    else if (slurm->away[0] == 0)
        snprintf(slurm->away, sizeof slurm->away, "%s", name);
}

struct search {
    const char *at_work;
    char away[DR_NAME_BYTES + 12];
};

static void look_for(void *context, const char *name)
{
    struct search *search = context;
    char line[DR_SLURM_HOST_BYTES + 3];

    snprintf(line, sizeof line, "\n%s\n", name);
    if (search->away[0] == 0 && strstr(search->at_work, line) == NULL)
        snprintf(search->away, sizeof search->away, "%s", name);
}

/* A node of the attempt that is away; "": none is. */
static void away_of(struct slurm *slurm, const struct row *row, char away[DR_NAME_BYTES + 12])
{
    struct search search = {.at_work = dr_buffer_text(&slurm->at_work)};
    int known = 0;

    if (row->hosts != NULL)
        known = dr_slurm_hostlist(row->hosts, strlen(row->hosts), HOSTS_MAX, look_for, &search) ==
                DR_OK;
    else if (!slurm->options.count_placement && row->nodes != NULL) {
        for (const char *name = row->nodes; *name != 0; name += strlen(name) + 1)
            look_for(&search, name);
        known = 1;
    }
    memcpy(away, known ? search.away : slurm->away, sizeof search.away);
}

/* ---- rows ---- */

static void note_lost(struct slurm *slurm, const struct row *row)
{
    if (row->state != ROW_GONE || row->lost_id == 0)
        return;
    slurm->lost_first = dr_min_u32(slurm->lost_first, row->lost_id);
    if (row->lost_id > slurm->lost_last)
        slurm->lost_last = row->lost_id;
}

void slurm_gone(struct slurm *slurm, struct row *row)
{
    row->gone_us = dr_monotonic_us();
    row->clear_us = row->work_us = row->spared_us = 0;
    row->unseen = 0;
    row->taken = TAKEN_NOT;
    row->lost_id =
        row->slurm_id != 0 ? row->slurm_id : slurm_sent_number(slurm, row->job.v, row->attempt);
    slurm_set_state(slurm, row, ROW_GONE);
    note_lost(slurm, row);
    if (row->lost_id != 0) { /* who has it now may be in no list of what has changed */
        row->kept = slurm->whole_from = slurm->look_number + 1;
        slurm_look_soon(slurm);
    }
    slurm->nodes.since_s = 0; /* a whole list, asked for from now on */
    if (slurm->nodes.under_way)
        slurm->nodes.again = 1;
    else
        slurm->nodes.due_us = row->gone_us;
}

void slurm_came_back(struct slurm *slurm, struct row *row)
{
    slurm_set_state(slurm, row, row->begun_us != 0 ? ROW_RUNNING : ROW_PENDING);
    row->kept = slurm->look_number + 1;
    row->state_hash = 0;
    row->lost_id = 0;
    if (row->unseen)
        slurm_report(slurm, DR_REPORT_REACH, row->job, row->attempt)->answers = 1;
    row->unseen = 0;
}

void slurm_numbers_begin(struct slurm *slurm)
{
    slurm->lost_first = UINT32_MAX;
    slurm->lost_last = 0;
    for (uint32_t i = 0; slurm->gone > 0 && i < slurm->rows_used; i += 1)
        note_lost(slurm, &slurm->rows[i]);
}

/* Its number is another job's. What matters is how that one stood when the row's nodes registered:
 * a job that had not begun does not spare anybody, one that runs for a moment only, one that had
 * just ended for long. One that is seen before its end after they were heard had not ended then. */
static void taken(const struct slurm *slurm, struct row *row, enum dr_slurm_phase phase)
{
    int64_t now_us = dr_monotonic_us();

    if (phase == DR_SLURM_RUNS && row->taken == TAKEN_NOT) {
        row->taken = TAKEN_RUNS;
        row->spared_us = now_us + REFUSED_US;
    } else if (phase == DR_SLURM_OVER && row->taken != TAKEN_DONE) {
        row->taken = TAKEN_DONE;
        row->spared_us = now_us + SPARED_US;
    }
    if (phase != DR_SLURM_OVER && row->work_us != 0 && slurm->look_began_us > row->work_us)
        row->taken = TAKEN_DONE;
}

void slurm_number_seen(struct slurm *slurm, uint32_t number, enum dr_slurm_phase phase,
                       const struct row *own)
{
    if (slurm->gone == 0 || number < slurm->lost_first || number > slurm->lost_last)
        return;
    for (uint32_t i = 0; i < slurm->rows_used; i += 1) {
        struct row *row = &slurm->rows[i];

        if (row->state == ROW_GONE && row->lost_id == number && row != own)
            taken(slurm, row, phase);
    }
}

void slurm_tell_unseen(struct slurm *slurm, struct row *row)
{
    char away[DR_NAME_BYTES + 12];
    struct dr_report *report;

    if (row->state != ROW_GONE || !row->unseen)
        return;
    away_of(slurm, row, away);
    report = slurm_report(slurm, DR_REPORT_REACH, row->job, row->attempt);
    if (away[0] == 0 && row->spared_us > dr_monotonic_us())
        snprintf(report->text, sizeof report->text,
                 "its site does not know it any more and has given its number to another job, for "
                 "which what runs on may be spared: it is over within an hour, or by `daero lost`");
    else if (away[0] == 0)
        snprintf(report->text, sizeof report->text,
                 "its site does not know it any more; what of it runs on there is being killed");
    else
        snprintf(report->text, sizeof report->text,
                 "its site does not know it any more, and node %s has not reported to slurmctld "
                 "since: it may run on there",
                 away);
}

static void clear(struct slurm *slurm, struct row *row)
{
    if (row->unseen)
        slurm_report(slurm, DR_REPORT_REACH, row->job, row->attempt)->answers = 1;
    row->unseen = 0;
    if (row->body == NULL || row->told)
        slurm_end_with(slurm, row, DR_OUTCOME_NODE_FAILED,
                       row->back
                           ? "its site had forgotten that it ran, and would have run it again"
                           : "its site does not know it any more: it lost its state, or forgot "
                             "it (MinJobAge)");
    else
        slurm_void(slurm, row);
}

void slurm_fence_judge(struct slurm *slurm, int64_t began_us)
{
    int64_t now_us = dr_monotonic_us();

    for (uint32_t i = 0; i < slurm->rows_used && slurm->gone > 0; i += 1) {
        struct row *row = &slurm->rows[i];
        char away[DR_NAME_BYTES + 12];

        if (row->state != ROW_GONE)
            continue;
        away_of(slurm, row, away);
        if (away[0] == 0 && row->work_us == 0 && began_us >= row->gone_us)
            row->work_us = now_us;
        if (away[0] != 0 || began_us < dr_max_i64(row->gone_us, row->spared_us) ||
            (row->lost_id != 0 && slurm->look_whole < row->kept))
            row->clear_us = 0;
        else if (row->clear_us == 0)
            row->clear_us = now_us + KILLED_US;
        /* Who has its number and had ended before its nodes were heard is in a later look. */
        if (row->clear_us != 0 && now_us >= row->clear_us &&
            (row->lost_id == 0 || slurm->look_began_us > row->work_us)) {
            clear(slurm, row);
        } else if ((away[0] != 0 || row->spared_us > now_us) && !row->unseen &&
                   now_us > row->gone_us + TELL_US) {
            row->unseen = 1;
            slurm_tell_unseen(slurm, row);
        }
    }
}

void slurm_expect(struct dr_engine *engine, const struct dr_engine_expected *expected)
{
    struct slurm *slurm = (struct slurm *)engine;
    struct row *row = slurm_find(slurm, expected->job, expected->attempt);
    int is_new = row == NULL;

    if (is_new) {
        row = slurm_add(slurm, expected->job, expected->attempt);
        row->told = expected->told != 0;
        slurm_keep_nodes(row, expected->nodes, expected->nodes_count);
        if (expected->begun)
            slurm_gone(slurm, row);
        else
            slurm_maybe_sent(slurm, row, expected->decided_us);
    } else if (expected->begun && row->state == ROW_PENDING && row->waits) {
        slurm_gone_back(slurm, row);
    }
    slurm_tell_unseen(slurm, row);
    slurm_turn(slurm);
}

void slurm_gone_back(struct slurm *slurm, struct row *row)
{
    row->back = 1;
    row->kill_us = 0;
    row->again_us = 0;
    slurm_advance(slurm, row);
}
