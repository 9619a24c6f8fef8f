/* SPDX-License-Identifier: Apache-2.0 */
/* Treaps of waiting jobs, one per class. See queue.h. */
#include "core/rows.h"
#include "core/seats.h"

#include "base/hash.h"
#include "base/math.h"
#include "core/attained.h"

#define NONE          DR_ROW_NONE
#define FIXED_CLASSES 2

enum dr_status dr_queue_init(struct dr_core *core)
{
    struct dr_queue *queue = dr_arena_push(&core->tables, 1, sizeof *queue);

    if (queue == NULL)
        return DR_E_FULL;
    queue->classes = dr_arena_push(&core->tables, (size_t)core->limits.jobs_max + FIXED_CLASSES,
                                   sizeof queue->classes[0]);
    queue->below = dr_arena_push(&core->tables, core->limits.jobs_max, sizeof queue->below[0]);
    if (queue->classes == NULL || queue->below == NULL)
        return DR_E_FULL;
    core->queue = queue;
    if (dr_row_map_init(&queue->class_rows, &core->tables, core->limits.jobs_max,
                        &queue->classes[0].hash, sizeof queue->classes[0].hash,
                        sizeof queue->classes[0]) != DR_OK)
        return DR_E_FULL;
    dr_queue_clear(core);
    return DR_OK;
}

void dr_queue_clear(struct dr_core *core)
{
    struct dr_queue *queue = core->queue;

    queue->classes_high = FIXED_CLASSES;
    queue->classes_free = NONE;
    queue->classes[DR_QUEUE_LATER] = (struct dr_queue_class){.root = NONE};
    queue->classes[DR_QUEUE_PROMISED] = (struct dr_queue_class){.root = NONE};
    queue->reserved_first = NONE;
    queue->advanced_us = INT64_MIN;
    dr_row_map_clear(&queue->class_rows);
    dr_seats_clear(core);
}

/* ---- what a class is ---- */

int64_t dr_queue_limit_us(const struct dr_core *core, const struct dr_job *job)
{
    if (!dr_job_terms(core, job)->limit_total)
        return job->limit_us;
    return dr_max_i64(DR_SECOND_US, job->limit_us - dr_job_spent_us(core, job));
}

dr_site_id dr_queue_kept_at(const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_run *run = dr_job_run(core, job);

    if (run->kept_us == 0 || run->pool.v == 0)
        return (dr_site_id){0};
    return core->pools[run->pool.v - 1].site;
}

/* What jobs of a class have in common, beside what its row says. */
struct likeness {
    dr_account_id account;
    uint32_t shape;
    int32_t priority;
    uint8_t again;
    uint8_t outranks;    /* it may take by priority */
    uint8_t firm;        /* not preemptible */
    uint8_t flexible;    /* taken before a lower power cap begins */
    uint32_t attained;   /* the band by which LAS goes; else 0 */
    int64_t grace_us;    /* of a flexible one; else 0 */
    int64_t deadline_us; /* the same */
    dr_site_id kept_at;  /* where its saved work lies; 0: it has none */
    int64_t limit_us;    /* of its next attempt */
    uint64_t array_job;  /* of an array with a limit; else 0 */
    uint64_t alone;      /* id of the one job that holds a reservation; else 0 */
};

static struct likeness likeness_of(const struct dr_core *core, const struct dr_job *job)
{
    const struct dr_run *run = dr_job_run(core, job);
    const struct dr_terms *terms = dr_job_terms(core, job);

    return (struct likeness){
        .account = job->account,
        .shape = job->shape,
        .priority = job->priority,
        /* By LAS who was taken from has had more. */
        .again = run->preemptions > 0 && core->settings.ordering != DR_ORDERING_LAS,
        .outranks = (uint8_t)dr_queue_outranks(core, job),
        .firm = !terms->preemptible,
        .flexible = terms->flexible,
        .attained = dr_attained_rank(core, job),
        .grace_us = terms->flexible ? terms->grace_us : 0,
        .deadline_us = terms->flexible ? terms->deadline_us : 0,
        .kept_at = dr_queue_kept_at(core, job),
        .limit_us = dr_queue_limit_us(core, job),
        .array_job = terms->array_limit > 0 ? terms->array_job : 0,
        .alone = run->reservation != NONE ? job->id.v : 0,
    };
}

static uint32_t hash_of(const struct likeness *like)
{
    uint64_t hash = dr_hash_u64(like->account.v);

    hash = dr_hash_fold(hash, like->shape);
    hash = dr_hash_fold(hash, (uint64_t)like->priority);
    hash = dr_hash_fold(hash,
                        like->outranks * 8u + like->again * 4u + like->firm * 2u + like->flexible);
    hash = dr_hash_fold(hash, like->attained);
    hash = dr_hash_fold(hash, (uint64_t)like->grace_us);
    hash = dr_hash_fold(hash, (uint64_t)like->deadline_us);
    hash = dr_hash_fold(hash, like->kept_at.v);
    hash = dr_hash_fold(hash, (uint64_t)like->limit_us);
    hash = dr_hash_fold(hash, like->array_job);
    hash = dr_hash_fold(hash, like->alone);
    hash ^= hash >> 32;
    return (uint32_t)hash == 0 ? 1 : (uint32_t)hash;
}

static int alike(const struct likeness *a, const struct likeness *b)
{
    return a->account.v == b->account.v && a->shape == b->shape && a->priority == b->priority &&
           a->again == b->again && a->outranks == b->outranks && a->firm == b->firm &&
           a->flexible == b->flexible && a->attained == b->attained && a->grace_us == b->grace_us &&
           a->deadline_us == b->deadline_us && a->kept_at.v == b->kept_at.v &&
           a->limit_us == b->limit_us && a->array_job == b->array_job && a->alone == b->alone;
}

int dr_queue_class_agrees(const struct dr_core *core, uint32_t row)
{
    const struct dr_queue_class *class = &core->queue->classes[row];
    struct likeness like = likeness_of(core, &core->jobs[class->first]);

    return class->hash == hash_of(&like) && class->shape == like.shape &&
           class->limit_us == like.limit_us && class->is_flexible == (like.flexible != 0) &&
           class->priority == like.priority && class->again == like.again &&
           class->alone == (like.alone != 0);
}

static void link_reserved(struct dr_core *core, uint32_t row)
{
    struct dr_queue *queue = core->queue;
    struct dr_run *run = dr_rows_run(core, &core->jobs[row]);

    run->list_previous = NONE;
    run->list_next = queue->reserved_first;
    if (queue->reserved_first != NONE)
        dr_rows_run(core, &core->jobs[queue->reserved_first])->list_previous = row;
    queue->reserved_first = row;
}

static void unlink_reserved(struct dr_core *core, uint32_t row)
{
    const struct dr_run *run = dr_job_run(core, &core->jobs[row]);

    if (run->list_next != NONE)
        dr_rows_run(core, &core->jobs[run->list_next])->list_previous = run->list_previous;
    if (run->list_previous != NONE)
        dr_rows_run(core, &core->jobs[run->list_previous])->list_next = run->list_next;
    else
        core->queue->reserved_first = run->list_next;
}

static uint32_t find_or_make_class(struct dr_core *core, const struct dr_job *job)
{
    struct dr_queue *queue = core->queue;
    struct likeness wanted = likeness_of(core, job);
    uint32_t hash = hash_of(&wanted);
    uint32_t head = dr_row_map_find(&queue->class_rows, hash);
    uint32_t row;

    for (row = head; row != NONE; row = queue->classes[row].chain) {
        struct likeness has = likeness_of(core, &core->jobs[queue->classes[row].first]);

        if (alike(&has, &wanted))
            return row;
    }
    if (queue->classes_free != NONE) {
        row = queue->classes_free;
        queue->classes_free = queue->classes[row].chain;
    } else {
        row = queue->classes_high;
        queue->classes_high += 1;
    }
    queue->classes[row] = (struct dr_queue_class){.shape = wanted.shape,
                                                  .limit_us = wanted.limit_us,
                                                  .is_flexible = wanted.flexible != 0,
                                                  .priority = wanted.priority,
                                                  .again = wanted.again,
                                                  .alone = wanted.alone != 0,
                                                  .root = NONE,
                                                  .chain = head,
                                                  .hash = hash};
    if (head != NONE)
        dr_row_map_remove(&queue->class_rows, head);
    dr_row_map_insert(&queue->class_rows, row);
    return row;
}

static void free_class(struct dr_core *core, uint32_t row)
{
    struct dr_queue *queue = core->queue;
    struct dr_queue_class *class = &queue->classes[row];
    uint32_t head = dr_row_map_find(&queue->class_rows, class->hash);

    if (head == row) {
        dr_row_map_remove(&queue->class_rows, row);
        if (class->chain != NONE)
            dr_row_map_insert(&queue->class_rows, class->chain);
    } else {
        uint32_t at = head;

        while (queue->classes[at].chain != row)
            at = queue->classes[at].chain;
        queue->classes[at].chain = class->chain;
    }
    class->hash = 0;
    class->chain = queue->classes_free;
    queue->classes_free = row;
}

/* ---- the treap: parents are known, so nothing recurses ---- */

static int64_t time_key(const struct dr_core *core, uint32_t class_row, const struct dr_job *job)
{
    if (class_row == DR_QUEUE_LATER)
        return dr_job_terms(core, job)->begin_us;
    return class_row == DR_QUEUE_PROMISED ? 0 : job->submit_us;
}

static int less(const struct dr_core *core, uint32_t class_row, const struct dr_job *a,
                const struct dr_job *b)
{
    int64_t x = time_key(core, class_row, a);
    int64_t y = time_key(core, class_row, b);

    return x != y ? x < y : a->id.v < b->id.v;
}

static uint32_t below(const struct dr_queue *queue, uint32_t row)
{
    return row == NONE ? 0 : queue->below[row];
}

static void count_below(struct dr_core *core, uint32_t row)
{
    const struct dr_job *job = &core->jobs[row];

    core->queue->below[row] =
        1 + below(core->queue, job->queue_left) + below(core->queue, job->queue_right);
}

/* Put `with` (may be NONE) where `row` hangs. */
static void replace(struct dr_core *core, struct dr_queue_class *class, uint32_t row, uint32_t with)
{
    uint32_t parent = core->jobs[row].queue_parent;

    if (parent == NONE)
        class->root = with;
    else if (core->jobs[parent].queue_left == row)
        core->jobs[parent].queue_left = with;
    else
        core->jobs[parent].queue_right = with;
    if (with != NONE)
        core->jobs[with].queue_parent = parent;
}

/* Turn the edge between `row` and its parent, so that `row` comes above. */
static void rotate_up(struct dr_core *core, struct dr_queue_class *class, uint32_t row)
{
    uint32_t parent = core->jobs[row].queue_parent;
    struct dr_job *job = &core->jobs[row];
    struct dr_job *above = &core->jobs[parent];

    replace(core, class, parent, row);
    if (above->queue_left == row) {
        above->queue_left = job->queue_right;
        if (job->queue_right != NONE)
            core->jobs[job->queue_right].queue_parent = parent;
        job->queue_right = parent;
    } else {
        above->queue_right = job->queue_left;
        if (job->queue_left != NONE)
            core->jobs[job->queue_left].queue_parent = parent;
        job->queue_left = parent;
    }
    above->queue_parent = row;
    count_below(core, parent);
    count_below(core, row);
}

static uint64_t rank(const struct dr_core *core, uint32_t row)
{
    return dr_hash_u64(core->jobs[row].id.v);
}

static uint32_t leftmost(const struct dr_core *core, uint32_t row)
{
    while (row != NONE && core->jobs[row].queue_left != NONE)
        row = core->jobs[row].queue_left;
    return row;
}

/* The class has a first job, or another one: its seat follows. */
static void seat(struct dr_core *core, uint32_t class_row, uint32_t first)
{
    struct dr_queue_class *class = &core->queue->classes[class_row];

    class->first = first;
    class->first_submit_us = core->jobs[first].submit_us;
    dr_seats_put(core, class_row);
}

static void insert(struct dr_core *core, uint32_t class_row, uint32_t row)
{
    struct dr_queue_class *class = &core->queue->classes[class_row];
    struct dr_job *job = &core->jobs[row];
    uint32_t parent = NONE;
    uint32_t at = class->root;

    while (at != NONE) {
        core->queue->below[at] += 1;
        parent = at;
        at = less(core, class_row, job, &core->jobs[at]) ? core->jobs[at].queue_left
                                                         : core->jobs[at].queue_right;
    }
    job->queue_class = class_row;
    job->queue_left = NONE;
    job->queue_right = NONE;
    job->queue_parent = parent;
    core->queue->below[row] = 1;
    if (class->alone)
        link_reserved(core, row);
    if (parent == NONE)
        class->root = row;
    else if (less(core, class_row, job, &core->jobs[parent]))
        core->jobs[parent].queue_left = row;
    else
        core->jobs[parent].queue_right = row;
    while (job->queue_parent != NONE && rank(core, row) > rank(core, job->queue_parent))
        rotate_up(core, class, row);
    if (class_row >= FIXED_CLASSES &&
        (parent == NONE || less(core, class_row, job, &core->jobs[class->first]))) {
        if (parent != NONE)
            dr_seats_take(core, class_row);
        seat(core, class_row, row);
    }
}

static void cut(struct dr_core *core, uint32_t row)
{
    struct dr_job *job = &core->jobs[row];
    uint32_t class_row = job->queue_class;
    struct dr_queue_class *class = &core->queue->classes[class_row];
    int was_first = class_row >= FIXED_CLASSES && class->first == row;

    if (was_first)
        dr_seats_take(core, class_row);
    if (class->alone)
        unlink_reserved(core, row);
    while (job->queue_left != NONE && job->queue_right != NONE)
        rotate_up(core, class,
                  rank(core, job->queue_left) > rank(core, job->queue_right) ? job->queue_left
                                                                             : job->queue_right);
    replace(core, class, row, job->queue_left != NONE ? job->queue_left : job->queue_right);
    for (uint32_t at = job->queue_parent; at != NONE; at = core->jobs[at].queue_parent)
        core->queue->below[at] -= 1;
    job->queue_class = NONE;
    job->queue_left = NONE;
    job->queue_right = NONE;
    job->queue_parent = NONE;
    if (was_first && class->root != NONE)
        seat(core, class_row, leftmost(core, class->root));
}

uint32_t dr_queue_first(const struct dr_core *core, uint32_t class_row)
{
    const struct dr_queue_class *class = &core->queue->classes[class_row];

    if (class_row < FIXED_CLASSES)
        return leftmost(core, class->root);
    return class->first;
}

uint32_t dr_queue_next(const struct dr_core *core, uint32_t row)
{
    uint32_t parent;

    if (core->jobs[row].queue_right != NONE)
        return leftmost(core, core->jobs[row].queue_right);
    parent = core->jobs[row].queue_parent;
    while (parent != NONE && core->jobs[parent].queue_right == row) {
        row = parent;
        parent = core->jobs[row].queue_parent;
    }
    return parent;
}

/* ---- the queue ---- */

void dr_queue_add(struct dr_core *core, dr_job_row row)
{
    struct dr_job *job = dr_job_at(core, row);

    DR_ASSERT(job->queue_class == NONE);
    DR_ASSERT(job->state == DR_JOB_PENDING);
    if (dr_job_run(core, job)->promise != NONE)
        insert(core, DR_QUEUE_PROMISED, row.v);
    else if (dr_job_terms(core, job)->begin_us >
             dr_max_i64(core->time_us, core->queue->advanced_us))
        insert(core, DR_QUEUE_LATER, row.v);
    else
        insert(core, find_or_make_class(core, job), row.v);
}

void dr_queue_remove(struct dr_core *core, dr_job_row row)
{
    struct dr_job *job = dr_job_at(core, row);
    uint32_t class_row = job->queue_class;

    DR_ASSERT(class_row != NONE);
    cut(core, row.v);
    if (class_row >= FIXED_CLASSES && core->queue->classes[class_row].root == NONE)
        free_class(core, class_row);
}

uint32_t dr_queue_advance(struct dr_core *core, int64_t now_us)
{
    uint32_t joined = 0;

    core->queue->advanced_us = now_us;
    for (;;) {
        uint32_t row = dr_queue_first(core, DR_QUEUE_LATER);

        if (row == NONE || dr_job_terms(core, &core->jobs[row])->begin_us > now_us)
            return joined;
        cut(core, row);
        insert(core, find_or_make_class(core, &core->jobs[row]), row);
        joined += 1;
    }
}

int64_t dr_queue_next_time_us(const struct dr_core *core)
{
    uint32_t row = dr_queue_first(core, DR_QUEUE_LATER);

    return row == NONE ? DR_FOREVER_US : dr_job_terms(core, &core->jobs[row])->begin_us;
}

/* ---- order within an account ---- */

/* Priority, then preempted before new: < 0 when `a` comes first. */
static int compare_ranks(const struct dr_queue_class *a, const struct dr_queue_class *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    return b->again - a->again;
}

int dr_queue_compare(const struct dr_core *core, uint32_t a, uint32_t b)
{
    const struct dr_job *x;
    const struct dr_job *y;
    int order = compare_ranks(&core->queue->classes[a], &core->queue->classes[b]);

    if (order != 0)
        return order;
    x = &core->jobs[dr_queue_first(core, a)];
    y = &core->jobs[dr_queue_first(core, b)];
    if (x->submit_us != y->submit_us)
        return x->submit_us < y->submit_us ? -1 : 1;
    return x->id.v < y->id.v ? -1 : x->id.v > y->id.v;
}

uint32_t dr_queue_before(const struct dr_core *core, dr_job_row row)
{
    const struct dr_queue *queue = core->queue;
    const struct dr_job *job = &core->jobs[row.v];
    const struct dr_queue_class *own;
    uint32_t before = 0;

    DR_ASSERT(job->queue_class != NONE && job->queue_class >= FIXED_CLASSES);
    own = &queue->classes[job->queue_class];
    for (uint32_t at = dr_seats_first(core, job->account); at != NONE;
         at = dr_seats_after(core, at)) {
        int order = compare_ranks(&queue->classes[at], own);

        if (order > 0)
            break;
        if (order < 0) {
            before += dr_queue_count(core, at);
            continue;
        }
        for (uint32_t node = queue->classes[at].root; node != NONE;) {
            if (less(core, at, &core->jobs[node], job)) {
                before += 1 + below(queue, core->jobs[node].queue_left);
                node = core->jobs[node].queue_right;
            } else {
                node = core->jobs[node].queue_left;
            }
        }
    }
    return before;
}
