/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/schedule.h"

#include <inttypes.h>

#include "base/math.h"
#include "base/text.h"
#include "core/state.h"
#include "sim/trace.h"

const char *dr_schedule_outcome_name(enum dr_schedule_outcome outcome)
{
    static const char *const names[] = {
#define NAME(name) #name,
        DR_SCHEDULE_OUTCOMES(NAME)
#undef NAME
    };

    return names[outcome];
}

enum dr_schedule_outcome dr_schedule_outcome_of(enum dr_job_state state,
                                                enum dr_stop_cause stopping)
{
    switch (state) {
    case DR_JOB_COMPLETED:
        return DR_SCHEDULE_completed;
    case DR_JOB_FAILED:
    case DR_JOB_OUT_OF_MEMORY:
        return DR_SCHEDULE_failed;
    case DR_JOB_TIMEOUT:
        return DR_SCHEDULE_timeout;
    case DR_JOB_PREEMPTED:
        return DR_SCHEDULE_preempted;
    case DR_JOB_NODE_FAIL:
        return DR_SCHEDULE_node_fail;
    case DR_JOB_PENDING:
        return dr_stop_is_preemption(stopping) ? DR_SCHEDULE_preempted : DR_SCHEDULE_node_fail;
    case DR_JOB_CANCELLED:
    case DR_JOB_DEADLINE:
    case DR_JOB_CONFIGURING:
    case DR_JOB_RUNNING:
    case DR_JOB_COMPLETING:
    case DR_JOB_UNREACHABLE:
        return DR_SCHEDULE_cancelled;
    }
    return DR_SCHEDULE_cancelled;
}

void dr_schedule_header(FILE *file)
{
    fputs("job_id,attempt,account,site,pool,chip,submit_s,start_s,end_s,outcome,tasks,accelerators,"
          "placement\n",
          file);
}

/* "0-3+6" */
static void put_devices(struct dr_buffer *out, uint64_t devices)
{
    const char *plus = "";

    while (devices != 0) {
        uint32_t first = dr_bit_lowest(devices);
        uint32_t last = first;

        while (last < 63 && ((devices >> (last + 1)) & 1))
            last += 1;
        if (last == first)
            dr_buffer_printf(out, "%s%" PRIu32, plus, first);
        else
            dr_buffer_printf(out, "%s%" PRIu32 "-%" PRIu32, plus, first, last);
        plus = "+";
        devices &= last == 63 ? 0 : ~(uint64_t)0 << (last + 1);
    }
}

/* The lowest `count` of them. */
static uint64_t lowest(uint64_t devices, uint32_t count)
{
    uint64_t rest = devices;

    for (uint32_t i = 0; i < count; i += 1)
        rest &= rest - 1;
    return devices ^ rest;
}

/* A part of a placement, task by task: accelerators are theirs in the order of their numbers. */
static void put_part(struct dr_buffer *out, const struct dr_core *core,
                     const struct dr_extent *extent, uint32_t per_task_milli,
                     const char **semicolon)
{
    uint64_t left = extent->accelerators;

    for (uint32_t task = 0; task < extent->tasks; task += 1) {
        uint64_t own = per_task_milli < 1000 ? left : lowest(left, per_task_milli / 1000);

        dr_buffer_printf(out, "%s%" PRIu32 ":", *semicolon, core->nodes[extent->node.v - 1].number);
        *semicolon = ";";
        if (per_task_milli == 0)
            continue;
        put_devices(out, own);
        if (per_task_milli < 1000) {
            char share[DR_TEXT_BYTES];

            dr_buffer_printf(out, "@%s", dr_format_milli(per_task_milli, share));
        } else {
            left ^= own;
        }
    }
}

void dr_schedule_place(struct dr_buffer *out, const struct dr_core *core, uint32_t job_row)
{
    const struct dr_job *job = &core->jobs[job_row];
    const struct dr_run *run = dr_job_run(core, job);
    const struct dr_alternative *way = &core->shapes[job->shape].alternatives[run->alternative];
    struct dr_amounts amounts = dr_alternative_amounts(way);
    const char *semicolon = "";
    char text[DR_TEXT_BYTES];

    dr_buffer_clear(out);
    dr_buffer_printf(out, "%" PRIu32 ",%s,", way->tasks,
                     dr_format_milli(amounts.of[DR_RESOURCE_ACCELERATORS], text));
    for (uint32_t at = run->extents; at != DR_ROW_NONE; at = core->extents[at].next)
        put_part(out, core, &core->extents[at].extent, way->accelerators_per_task, &semicolon);
}

void dr_schedule_write(FILE *file, const struct dr_core *core, uint32_t job_row,
                       const struct dr_schedule_row *row, const char *place)
{
    const struct dr_job *job = &core->jobs[job_row];
    const struct dr_run *run = dr_job_run(core, job);
    const struct dr_pool *pool = &core->pools[run->pool.v - 1];
    char texts[3][DR_TEXT_BYTES];

    fprintf(file, "%" PRIu64 ",%" PRIu32 ",%s,%s,%s,%s,%s,%s,%s,%s,%s\n", row->job, run->attempt,
            core->accounts[job->account.v - 1].name, core->sites[pool->site.v - 1].name, pool->name,
            pool->chip.v == 0 ? "" : core->chips[pool->chip.v - 1].name,
            dr_format_seconds(row->submit_us, texts[0]), dr_format_seconds(row->start_us, texts[1]),
            row->end_us == INT64_MIN ? "" : dr_format_seconds(row->end_us, texts[2]),
            dr_schedule_outcome_name(row->outcome), place);
}

void dr_schedule_write_unstarted(FILE *file, const struct dr_core *core, dr_account_id account,
                                 const struct dr_schedule_row *row)
{
    char submit[DR_TEXT_BYTES];
    char end[DR_TEXT_BYTES];

    fprintf(file, "%" PRIu64 ",0,%s,,,,%s,,%s,%s,,,\n", row->job,
            core->accounts[account.v - 1].name, dr_format_seconds(row->submit_us, submit),
            row->end_us == INT64_MIN ? "" : dr_format_seconds(row->end_us, end),
            dr_schedule_outcome_name(row->outcome));
}

/* ---- the fleet ---- */

static void write_chips(FILE *file, const struct dr_core *core)
{
    const char *comma = "";

    fputs("  \"chips\": {", file);
    for (uint32_t row = 0; row < core->chips_count; row += 1) {
        const struct dr_chip *chip = &core->chips[row];

        if (chip->removed)
            continue;
        fprintf(file, "%s\n    \"%s\": {\"idle_w\": %" PRId64 ", \"busy_w\": %" PRId64 "}", comma,
                chip->name, chip->idle_w, chip->busy_w);
        comma = ",";
    }
    fputs("\n  },\n", file);
}

static void write_sites(FILE *file, const struct dr_core *core)
{
    const char *comma = "";

    fputs("  \"sites\": {", file);
    for (uint32_t row = 0; row < core->sites_count; row += 1) {
        const struct dr_site *site = &core->sites[row];

        if (site->removed)
            continue;
        fprintf(file,
                "%s\n    \"%s\": {\"jurisdiction\": \"%s\", \"assurance\": %" PRIu32
                ", \"pue\": %" PRIu32 ".%03" PRIu32,
                comma, site->name, site->jurisdiction, (uint32_t)site->assurance,
                site->pue_milli / 1000, site->pue_milli % 1000);
        if (site->power_cap_w > 0)
            fprintf(file, ", \"power_cap_w\": %" PRId64, site->power_cap_w);
        putc('}', file);
        comma = ",";
    }
    fputs("\n  },\n", file);
}

static void write_pool(FILE *file, const struct dr_core *core, const struct dr_pool *pool)
{
    char cpus[DR_TEXT_BYTES];

    fprintf(file,
            "\n    {\"site\": \"%s\", \"pool\": \"%s\", \"chip\": \"%s\", \"nodes\": %" PRIu32
            ", \"accelerators\": %" PRIu32 ", \"cpus\": %s, \"memory_mb\": %" PRId64
            ", \"node_idle_w\": %" PRId64 ", \"levels\": [",
            core->sites[pool->site.v - 1].name, pool->name,
            pool->chip.v == 0 ? "" : core->chips[pool->chip.v - 1].name, pool->nodes_count,
            pool->accelerators, dr_format_milli(pool->cpus, cpus), pool->memory_mb,
            pool->node_idle_w);
    for (uint32_t i = 0; i < pool->levels_count; i += 1)
        fprintf(file, "%s{\"name\": \"%s\", \"nodes\": %" PRIu32 "}", i == 0 ? "" : ", ",
                pool->levels[i].name, pool->levels[i].nodes);
    fputs("]}", file);
}

/* What an account may hold of a chip: the sum over the chip's groups of guarantee and borrowing
 * limit. -1: nothing limits it, or one of these groups has other chips too. */
static int64_t limit_of(const struct dr_core *core, dr_account_id account, uint32_t chip_row)
{
    int64_t sum = 0;

    for (uint32_t group = 0; group < core->groups_count; group += 1) {
        const struct dr_quota *quota = dr_quota_at(core, account, (dr_group_id){group + 1});
        int of_chip = 0;
        int of_others = 0;

        for (uint32_t row = 0; row < core->pools_count; row += 1) {
            const struct dr_pool *pool = &core->pools[row];

            if (pool->removed || pool->groups[DR_RESOURCE_ACCELERATORS].v != group + 1)
                continue;
            of_chip |= pool->chip.v == chip_row + 1;
            of_others |= pool->chip.v != chip_row + 1;
        }
        if (!of_chip)
            continue;
        if (of_others || quota->borrow >= DR_FOREVER_US - quota->guarantee)
            return -1;
        sum += quota->guarantee + quota->borrow;
    }
    return sum;
}

static void write_limits(FILE *file, const struct dr_core *core, dr_account_id account)
{
    const char *before = ", \"limit\": {";

    for (uint32_t chip = 0; chip < core->chips_count; chip += 1) {
        int64_t limit = core->chips[chip].removed ? -1 : limit_of(core, account, chip);
        char text[DR_TEXT_BYTES];

        if (limit < 0)
            continue;
        fprintf(file, "%s\"%s\": %s", before, core->chips[chip].name, dr_format_milli(limit, text));
        before = ", ";
    }
    if (before[2] != '"')
        putc('}', file);
}

static void write_accounts(FILE *file, const struct dr_core *core)
{
    const char *comma = "";

    fputs("  \"accounts\": {", file);
    for (uint32_t row = 0; row < core->accounts_count; row += 1) {
        const struct dr_account *account = &core->accounts[row];

        if (account->removed)
            continue;
        fprintf(file, "%s\n    \"%s\": {\"parent\": ", comma, account->name);
        if (account->parent.v != 0)
            fprintf(file, "\"%s\"", core->accounts[account->parent.v - 1].name);
        else
            fputs("null", file);
        if (account->parent.v != 0)
            write_limits(file, core, (dr_account_id){row + 1});
        putc('}', file);
        comma = ",";
    }
    fputs("\n  }\n", file);
}

void dr_schedule_pools(FILE *file, const struct dr_core *core)
{
    const char *comma = "";

    fputs("{\n", file);
    write_chips(file, core);
    write_sites(file, core);
    fputs("  \"pools\": [", file);
    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        if (core->pools[row].removed)
            continue;
        fputs(comma, file);
        write_pool(file, core, &core->pools[row]);
        comma = ",";
    }
    fputs("\n  ],\n", file);
    write_accounts(file, core);
    fputs("}\n", file);
}
