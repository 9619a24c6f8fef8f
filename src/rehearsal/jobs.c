/* SPDX-License-Identifier: Apache-2.0 */
/* See jobs.h; read draw_sector() first. */
#include "rehearsal/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/math.h"
#include "base/sort.h"
#include "sim/import.h"

#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)
#define WRITTEN                                                                             \
    (1u << DR_TRACE_job_id | 1u << DR_TRACE_submit_s | 1u << DR_TRACE_runtime_s |           \
     1u << DR_TRACE_tasks | 1u << DR_TRACE_accelerators_per_task | 1u << DR_TRACE_limit_s | \
     1u << DR_TRACE_account | 1u << DR_TRACE_cpus_per_task | 1u << DR_TRACE_chips |         \
     1u << DR_TRACE_preemptible | 1u << DR_TRACE_checkpoint_s | 1u << DR_TRACE_restart_s |  \
     1u << DR_TRACE_data_class | 1u << DR_TRACE_alternatives | 1u << DR_TRACE_name |        \
     1u << DR_TRACE_status)
#define RESTART_US (3 * DR_MINUTE_US)

/* What a sector may use of a chip. */
struct place {
    int64_t count;           /* accelerators, at all sites where it may be */
    int64_t widest;          /* of the largest pool */
    int64_t weight;          /* of its work, how much is at home here */
    int64_t guarantee_milli; /* the most in one quota group */
};

struct drawing {
    struct dr_drawn *drawn;
    const struct dr_fleet *fleet;
    const struct dr_draw_options *options;
    struct dr_chance chance;
    uint32_t sector;
    uint32_t jobs_max;
    struct place places[DR_PLAN_CHIPS_MAX];
    int64_t weights; /* their sum */
};

/* ---- where a sector's jobs are at home ---- */

static void list_places(struct drawing *drawing)
{
    const struct dr_fleet *fleet = drawing->fleet;
    const struct dr_plan_sector *sector = &fleet->inputs->sectors[drawing->sector];

    memset(drawing->places, 0, sizeof drawing->places);
    drawing->weights = 0;
    FOR(p, fleet->pools_count) {
        const struct dr_fleet_pool *pool = &fleet->pools[p];
        const struct dr_fleet_group *group = &fleet->groups[pool->group];
        struct place *place = &drawing->places[pool->chip];

        if (((group->sectors >> drawing->sector) & 1) == 0)
            continue;
        place->count += pool->count;
        place->widest = dr_max_i64(place->widest, dr_fleet_widest(fleet->inputs, pool));
        place->guarantee_milli =
            dr_max_i64(place->guarantee_milli, group->guarantee_milli[drawing->sector]);
    }
    FOR(c, fleet->inputs->chips_count) {
        if (drawing->places[c].count > 0)
            drawing->places[c].weight = fleet->work_micro[drawing->sector][c];
        drawing->weights += drawing->places[c].weight;
    }
    /* The plan gives it nothing: at home wherever it could be. */
    FOR(c, fleet->inputs->chips_count) {
        if (drawing->weights > 0)
            break;
        drawing->places[c].weight =
            dr_mul_div_floor(drawing->places[c].count, sector->speed_micro[c], 1);
    }
    drawing->weights = 0;
    FOR(c, fleet->inputs->chips_count)
        drawing->weights += drawing->places[c].weight;
}

static uint32_t pick_home(struct drawing *drawing)
{
    int64_t at = (int64_t)dr_chance_below(&drawing->chance, (uint64_t)drawing->weights);
    uint32_t c = 0;

    while (at >= drawing->places[c].weight) {
        at -= drawing->places[c].weight;
        c += 1;
    }
    return c;
}

static uint32_t pick_kind(struct drawing *drawing)
{
    uint64_t at, sum = 0;
    uint32_t kind = 0;

    FOR(i, DR_KIND_COUNT)
        sum += DR_KINDS[i].part;
    at = dr_chance_below(&drawing->chance, sum);
    while (at >= DR_KINDS[kind].part) {
        at -= DR_KINDS[kind].part;
        kind += 1;
    }
    return kind;
}

/* ---- one job ---- */

/* Thousandths of its time at home. */
static int64_t factor_of(const struct dr_fleet *fleet, const struct dr_drawn_job *job,
                         uint32_t chip)
{
    const int64_t *speed_micro = fleet->inputs->sectors[job->sector].speed_micro;

    return dr_max_i64(1, (2000 * speed_micro[job->home] + speed_micro[chip]) /
                             (2 * speed_micro[chip]));
}

/* Accelerators of a task on a chip: as drawn, or a whole node where nodes are smaller. */
static uint32_t per_task_on(const struct dr_fleet *fleet, const struct dr_drawn_job *job,
                            uint32_t chip)
{
    return dr_min_u32(job->per_task, dr_fleet_node(&fleet->inputs->chips[chip]));
}

/* Its home, and what else it may run on: of the home's vendor or of any, not much slower, with
 * nodes that its tasks can be parted into and a pool that is large enough; those of which there is
 * most, as many as a job may name. */
static void pick_chips(struct drawing *drawing, struct dr_drawn_job *job, int portable)
{
    const struct dr_plan_inputs *inputs = drawing->fleet->inputs;
    uint32_t size = job->tasks * job->per_task;

    job->chips = 1u << job->home;
    for (uint32_t named = 1; named < DR_ALTERNATIVES_MAX; named += 1) {
        uint32_t best = UINT32_MAX;

        FOR(c, inputs->chips_count) {
            const struct place *place = &drawing->places[c];

            if (place->widest < size || ((job->chips >> c) & 1) != 0 ||
                (!portable &&
                 inputs->chips[c].vendor_first != inputs->chips[job->home].vendor_first) ||
                factor_of(drawing->fleet, job, c) > 1000 * DR_JOBS_SLOWER ||
                size % per_task_on(drawing->fleet, job, c) != 0)
                continue;
            if (best == UINT32_MAX || place->count > drawing->places[best].count)
                best = c;
        }
        if (best == UINT32_MAX)
            return;
        job->chips |= 1u << best;
    }
}

static void draw_job(struct drawing *drawing, struct dr_drawn_job *job)
{
    uint32_t kind = pick_kind(drawing);
    uint32_t home = pick_home(drawing);
    const struct place *place = &drawing->places[home];
    uint32_t node = dr_fleet_node(&drawing->fleet->inputs->chips[home]);
    int64_t part = dr_max_i64(DR_JOBS_GANG_MAX / drawing->fleet->scale, node);
    int64_t most = dr_min_i64(part, dr_max_i64(place->widest / 2, dr_min_i64(place->widest, node)));
    uint32_t size =
        dr_kind_size(&drawing->chance, &DR_KINDS[kind], (uint32_t)dr_min_i64(most, UINT32_MAX));

    *job = (struct dr_drawn_job){.sector = (uint8_t)drawing->sector,
                                 .home = (uint8_t)home,
                                 .kind = (uint8_t)kind,
                                 .per_task = dr_min_u32(size, node)};
    job->tasks = size / job->per_task;
    job->runtime_us = dr_min_i64(dr_kind_runtime_us(&drawing->chance, &DR_KINDS[kind]),
                                 drawing->options->longest_us);
    job->limit_us = dr_kind_limit_us(&drawing->chance, job->runtime_us);
    pick_chips(drawing, job,
               dr_chance_millionths(&drawing->chance, drawing->options->portable_milli * 1000));
    job->fails = (uint8_t)dr_kind_fails(&drawing->chance, &job->runtime_us);
    /* Who can't be taken starts within the account's guarantee alone. */
    job->preemptible = DR_KINDS[kind].preemptible || place->guarantee_milli < (int64_t)size * 1000;
}

__int128 dr_drawn_work(const struct dr_fleet *fleet, const struct dr_drawn_job *job)
{
    return (__int128)dr_min_i64(job->runtime_us, job->limit_us) * job->tasks * job->per_task *
           fleet->inputs->sectors[job->sector].speed_micro[job->home];
}

/* When it comes, of a stretch of time: any moment, those of much coming more often (rejection). The
 * trace's 0 is a Monday at midnight. */
static int64_t pick_time(struct drawing *drawing, const struct dr_drawn_job *job, int64_t from_us,
                         int64_t until_us)
{
    int64_t weeks_us = (DR_JOBS_BEFORE_US / (7 * DR_DAY_US) + 1) * 7 * DR_DAY_US;

    for (;;) {
        int64_t time_us =
            from_us + (int64_t)dr_chance_below(&drawing->chance, (uint64_t)(until_us - from_us));

        if ((int64_t)dr_chance_below(&drawing->chance, DR_KIND_RATE_MAX) <
            dr_kind_rate(&DR_KINDS[job->kind], time_us + weeks_us))
            return time_us / 1000 * 1000;
    }
}

/* ---- a sector, and all of them ---- */

static void keep(struct drawing *drawing, const struct dr_drawn_job *job)
{
    struct dr_drawn *drawn = drawing->drawn;

    if (drawn->count == drawing->jobs_max) {
        drawing->jobs_max = drawing->jobs_max == 0 ? 4096 : 2 * drawing->jobs_max;
        drawn->jobs = realloc(drawn->jobs, (size_t)drawing->jobs_max * sizeof drawn->jobs[0]);
        DR_ASSERT(drawn->jobs != NULL);
    }
    drawn->jobs[drawn->count] = *job;
    drawn->jobs[drawn->count].number = drawn->count;
    drawn->count += 1;
}

/* A job that comes before 0 is there at 0 with what would be left of it had it begun at once; 0:
 * nothing. */
static int is_there(struct dr_drawn_job *job, int64_t time_us)
{
    job->submit_us = dr_max_i64(time_us, 0);
    if (time_us >= 0)
        return 1;
    if (time_us + dr_min_i64(job->runtime_us, job->limit_us) < DR_SECOND_US)
        return 0;
    job->runtime_us += time_us;
    job->limit_us += time_us;
    return 1;
}

/* So many units kept up over a stretch of time. */
static void draw_stretch(struct drawing *drawing, int64_t units_micro, int64_t from_us,
                         int64_t until_us)
{
    const struct dr_fleet *fleet = drawing->fleet;
    __int128 left = (__int128)units_micro * (until_us - from_us);

    while (left > 0) {
        struct dr_drawn_job job;
        __int128 work, second;

        draw_job(drawing, &job);
        work = dr_drawn_work(fleet, &job);
        if (work > left) {
            /* The last one is as long as there is work for, to a second. */
            second = (__int128)DR_SECOND_US * job.tasks * job.per_task *
                     fleet->inputs->sectors[drawing->sector].speed_micro[job.home];
            job.runtime_us = (int64_t)(left / second) * DR_SECOND_US;
            if (job.runtime_us == 0)
                return;
            work = left;
        }
        left -= work;
        if (is_there(&job, pick_time(drawing, &job, from_us, until_us)))
            keep(drawing, &job);
    }
}

/* What comes before the window that is measured, and in it, each by itself: so the window gets
 * what is asked for. */
static void draw_sector(struct drawing *drawing)
{
    const struct dr_draw_options *options = drawing->options;
    const struct dr_fleet *fleet = drawing->fleet;
    int64_t units = options->all ? fleet->demand[drawing->sector] : fleet->served[drawing->sector];
    int64_t units_micro = dr_mul_div_floor(units, DR_PLAN_MICRO, fleet->scale);

    list_places(drawing);
    if (drawing->weights == 0) {
        drawing->drawn->placeless_micro[drawing->sector] = units_micro;
        return;
    }
    draw_stretch(drawing, units_micro, -DR_JOBS_BEFORE_US, options->warmup_us);
    draw_stretch(drawing, units_micro, options->warmup_us, options->span_us);
}

static int as_they_come(const void *a, const void *b, const void *context)
{
    const struct dr_drawn_job *x = a, *y = b;

    (void)context;
    if (x->submit_us != y->submit_us)
        return x->submit_us < y->submit_us ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

void dr_drawn_init(struct dr_drawn *drawn, const struct dr_fleet *fleet,
                   const struct dr_draw_options *options)
{
    struct drawing drawing = {.drawn = drawn, .fleet = fleet, .options = options};

    memset(drawn, 0, sizeof *drawn);
    FOR(k, fleet->inputs->sectors_count) {
        /* Draws of its own, by its name and the quarter: what one sector asks for changes nothing
         * for the others. */
        uint64_t name = dr_hash_bytes(options->seed, fleet->inputs->sectors[k].name,
                                      strlen(fleet->inputs->sectors[k].name));

        drawing.chance = dr_chance_of(dr_hash_u64(name + fleet->quarter));
        drawing.sector = k;
        draw_sector(&drawing);
    }
    if (drawn->count > 0)
        dr_sort(drawn->jobs, drawn->count, sizeof drawn->jobs[0], as_they_come, NULL);
}

void dr_drawn_deinit(struct dr_drawn *drawn)
{
    free(drawn->jobs);
    *drawn = (struct dr_drawn){0};
}

/* ---- a trace ---- */

static void fill_ways(const struct dr_fleet *fleet, const struct dr_drawn_job *job,
                      struct dr_trace_row *row)
{
    const struct dr_plan_inputs *inputs = fleet->inputs;
    uint32_t size = job->tasks * job->per_task;

    row->chips[0] = (struct dr_trace_chip){inputs->chips[job->home].name, 1000};
    row->chips_count = 1;
    FOR(c, inputs->chips_count) {
        uint32_t per_task = per_task_on(fleet, job, c);
        uint32_t factor;

        if (c == job->home || ((job->chips >> c) & 1) == 0)
            continue;
        factor = (uint32_t)factor_of(fleet, job, c);
        if (per_task == job->per_task)
            row->chips[row->chips_count++] = (struct dr_trace_chip){inputs->chips[c].name, factor};
        else
            row->ways[row->ways_count++] = (struct dr_trace_way){
                inputs->chips[c].name, size / per_task, per_task * 1000, factor};
    }
}

void dr_drawn_write(const struct dr_drawn *drawn, const struct dr_fleet *fleet, FILE *trace)
{
    dr_trace_write_header(trace, WRITTEN);
    FOR(i, drawn->count) {
        const struct dr_drawn_job *job = &drawn->jobs[i];
        const struct dr_kind *kind = &DR_KINDS[job->kind];
        const char *sector = fleet->inputs->sectors[job->sector].name;
        struct dr_trace_row row = {.job = i + 1,
                                   .submit_us = job->submit_us,
                                   .runtime_us = job->runtime_us,
                                   .limit_us = job->limit_us,
                                   .tasks = job->tasks,
                                   .accelerators_milli = job->per_task * 1000,
                                   .cpus_milli = job->per_task * 2000,
                                   .account = sector,
                                   .data_class = sector,
                                   .user = "",
                                   .level = "",
                                   .name = kind->name,
                                   .preemptible = job->preemptible,
                                   .requeue = 1,
                                   .begin_us = INT64_MIN,
                                   .deadline_us = INT64_MIN,
                                   .checkpoint_us = kind->checkpoint_us,
                                   .restart_us = kind->checkpoint_us > 0 ? RESTART_US : 0,
                                   .status = job->fails ? DR_TRACE_FAILED : DR_TRACE_COMPLETED};

        fill_ways(fleet, job, &row);
        dr_trace_write(trace, WRITTEN, &row);
    }
}
