/* SPDX-License-Identifier: Apache-2.0 */
/* controller.c: the live loop. Read dr_controller_turn() first, then one_batch(). */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "serve/internal.h"

#define SPIN_US (DR_SECOND_US / 100)

/* ---- small things ---- */

void controller_log(struct dr_controller *c, const char *format, ...)
{
    char time[DR_TEXT_BYTES];
    va_list arguments;

    if (c->options.log == NULL)
        return;
    fprintf(c->options.log, "%s ", dr_format_instant(c->now_us, time));
    va_start(arguments, format);
    vfprintf(c->options.log, format, arguments);
    va_end(arguments);
    fputc('\n', c->options.log);
    fflush(c->options.log);
}

int64_t dr_controller_monotonic_us(const struct dr_controller *c)
{
    return controller_monotonic_us(c);
}

int64_t controller_monotonic_us(const struct dr_controller *c)
{
    if (c->options.monotonic_us != NULL)
        return c->options.monotonic_us(c->options.clock_context);
    return dr_monotonic_us();
}

void controller_clock(struct dr_controller *c)
{
    int64_t wall_us =
        c->options.wall_us != NULL ? c->options.wall_us(c->options.clock_context) : dr_clock_us();
    int64_t monotonic_us = controller_monotonic_us(c);
    int64_t held_us;

    if (wall_us < c->wall_us) {
        c->figures.clock_steps_back += 1;
        controller_log(c, "the machine's clock stepped back by %lld ms; time is held",
                       (long long)(c->wall_us - wall_us) / 1000);
    }
    c->wall_us = wall_us;
    /* While it is ahead of the machine's clock, time goes on at half the pace: grace periods still
     * end, and the machine's clock catches up. */
    held_us = c->now_us + (monotonic_us - c->now_monotonic_us) / 2;
    c->now_us = wall_us > held_us ? wall_us : held_us;
    c->now_monotonic_us = monotonic_us;
}

struct dr_command controller_command(enum dr_command_kind kind)
{
    return (struct dr_command){.kind = kind, .roles = 0xff};
}

struct dr_core *dr_controller_core(struct dr_controller *c)
{
    return c->core;
}

struct dr_store *dr_controller_store(struct dr_controller *c)
{
    return c->store;
}

int64_t dr_controller_now_us(const struct dr_controller *c)
{
    return c->now_us;
}

uint64_t dr_controller_durable_seq(const struct dr_controller *c)
{
    return dr_store_seq(c->store);
}

const struct dr_controller_options *dr_controller_options(const struct dr_controller *c)
{
    return &c->options;
}

const struct dr_controller_figures *dr_controller_figures(const struct dr_controller *c)
{
    return &c->figures;
}

void dr_controller_watch(struct dr_controller *c,
                         void (*committed)(void *context, uint64_t seq_first, uint64_t seq_last),
                         void *context)
{
    DR_ASSERT(c->watchers_count < DR_COUNT_OF(c->watchers));
    c->watchers[c->watchers_count] = (struct watcher){committed, context};
    c->watchers_count += 1;
}

void dr_controller_ask(struct dr_controller *c, struct dr_request *request)
{
    request->next = NULL;
    if (c->asked_last == NULL)
        c->asked_first = request;
    else
        c->asked_last->next = request;
    c->asked_last = request;
}

/* ---- the transaction ---- */

void controller_begin(struct dr_controller *c)
{
    dr_batch_clear(&c->batch);
    c->batch.bytes_max = BATCH_BYTES;
    c->batch.seq_first = dr_core_seq(c->core) + 1;
    c->texts.count = 0;
    c->retries.count = 0;
    c->fresh_retries.count = 0;
    c->history.count = 0;
    c->erasures.count = 0;
    c->forgets.count = 0;
}

/* The state's hash goes into a batch now and then: recovery compares it. */
static uint64_t maybe_hash(struct dr_controller *c)
{
    int64_t before_us = controller_monotonic_us(c);
    uint64_t hash;

    if (c->hash_seq != 0 && before_us - c->hash_monotonic_us < 100 * c->hash_cost_us)
        return 0;
    hash = dr_core_hash(c->core);
    c->hash_seq = dr_core_seq(c->core);
    c->hash_monotonic_us = controller_monotonic_us(c);
    c->hash_cost_us = c->hash_monotonic_us - before_us;
    return hash;
}

enum dr_status controller_append(struct dr_controller *c, struct dr_error *error)
{
    int64_t before_us = controller_monotonic_us(c);
    struct dr_store_batch batch;
    enum dr_status status;
    int64_t took_us;

    for (uint32_t i = 0; i < c->batch.effects_count; i += 1) {
        const struct dr_effect *effect = &c->batch.effects[i];
        dr_job_row row;

        if (effect->kind != DR_EFFECT_ENDED)
            continue;
        row = dr_job_find(c->core, effect->job);
        DR_ASSERT(row.v != DR_ROW_NONE); /* ticks, which forget jobs, come first in a batch */
        DR_LIST_PUSH(&c->history, history_row(c, dr_job_at(c->core, row)));
    }
    batch = (struct dr_store_batch){
        .seq_first = c->batch.seq_first,
        .facts_count = c->batch.facts_count,
        .time_us = c->now_us,
        .state_hash = maybe_hash(c),
        .payload = c->batch.bytes,
        .payload_bytes = c->batch.bytes_count,
        .texts = c->texts.items,
        .texts_count = c->texts.count,
        .retries = c->retries.items,
        .retries_count = c->retries.count,
        .history = c->history.items,
        .history_count = c->history.count,
    };
    dr_fault_pass(&c->fault, DR_FAULT_BEFORE_APPEND);
    status = dr_store_append(c->store, &batch);
    if (status != DR_OK) {
        dr_error_set(error, c->directory, 0, DR_STORE_FILE, dr_store_failure(c->store),
                     "facts %llu to %llu on the disk; nothing of them was answered or carried out, "
                     "and a new start goes on from what is kept",
                     (unsigned long long)batch.seq_first,
                     (unsigned long long)(batch.seq_first + batch.facts_count - 1));
        return status;
    }
    dr_fault_pass(&c->fault, DR_FAULT_AFTER_APPEND);
    took_us = controller_monotonic_us(c) - before_us;
    c->figures.commits += 1;
    c->figures.facts += batch.facts_count;
    c->figures.commit_us_last = took_us;
    c->figures.commit_us_sum += took_us;
    if (took_us > c->figures.commit_us_max)
        c->figures.commit_us_max = took_us;
    return DR_OK;
}

/* ---- a turn ---- */

static void settle_tick(struct dr_controller *c)
{
    struct dr_command tick = controller_command(DR_COMMAND_TICK);
    struct dr_answer answer;
    int admitted = dr_admit(c->core, &tick, c->now_us, &c->batch, &answer);

    DR_ASSERT(admitted);
}

static void admit_tick(struct dr_controller *c)
{
    if (c->now_us - c->core->tick_us < c->options.tick_us)
        return;
    settle_tick(c);
    sites_reach(c);
}

static void admit_requests(struct dr_controller *c)
{
    while (c->asked_first != NULL && c->batch.facts_count < ADMIT_FACTS &&
           c->batch.bytes_count < ADMIT_BYTES) {
        struct dr_request *request = c->asked_first;

        if (!request_admit(c, request))
            return;
        c->asked_first = request->next;
        if (c->asked_first == NULL)
            c->asked_last = NULL;
        request->next = NULL;
        if (c->answer_last == NULL)
            c->answer_first = request;
        else
            c->answer_last->next = request;
        c->answer_last = request;
    }
}

/* Facts of sites that answer, alone right behind a lead, are its own look at them, which no
 * decision follows (sim/replay.c). Here one does, and a tick among them says so. */
static void mark_lead(struct dr_controller *c)
{
    if (c->led_alone && c->batch.facts_count > 0)
        settle_tick(c);
}

static int decide(struct dr_controller *c)
{
    int64_t before_us = controller_monotonic_us(c);
    int64_t took_us;
    int more;

    if (c->batch.bytes_max - c->batch.bytes_count > DR_DECIDE_BYTES)
        c->batch.bytes_max = c->batch.bytes_count + DR_DECIDE_BYTES;
    more = dr_decide(c->core, c->now_us, &c->batch);
    c->batch.bytes_max = BATCH_BYTES;
    took_us = controller_monotonic_us(c) - before_us;
    c->figures.decide_us_last = took_us;
    c->figures.decide_us_sum += took_us;
    if (took_us > c->figures.decide_us_max)
        c->figures.decide_us_max = took_us;
    return more;
}

/* A decision that found nothing to do has looked all the same. */
static void note_nothing(struct dr_controller *c, uint64_t looks)
{
    struct dr_command note = controller_command(DR_COMMAND_NOTE);
    struct dr_answer answer;
    int admitted;

    if (c->batch.facts_count == 0) {
        if (c->core->looks == looks)
            return;
        if (c->nothings == NOTHINGS_MAX) {
            c->nothings -= 1;
            memmove(c->nothing_us, c->nothing_us + 1, c->nothings * sizeof c->nothing_us[0]);
        }
        c->nothing_us[c->nothings] = c->now_us;
        c->nothings += 1;
    } else if (c->nothings > 0) {
        note.body.decided_nothing.times_us = c->nothing_us;
        note.body.decided_nothing.times_us_count = c->nothings;
        admitted = dr_admit(c->core, &note, c->now_us, &c->batch, &answer);
        DR_ASSERT(admitted);
        c->nothings = 0;
    }
}

static void erase_texts(struct dr_controller *c)
{
    for (uint32_t i = 0; i < c->erasures.count; i += 1) {
        uint64_t id = c->erasures.items[i];
        enum dr_status status = dr_store_text_erase(c->store, id);

        texts_drop(c, id);
        /* The fact says that it is erased: recovery erases again what this could not. */
        if (status != DR_OK && status != DR_E_MISSING) {
            controller_log(c, "text %llu can't be erased: %s", (unsigned long long)id,
                           dr_store_failure(c->store));
            abort();
        }
    }
}

static void tell(struct dr_controller *c)
{
    uint64_t seq_last = c->batch.seq_first + c->batch.facts_count - 1;

    if (c->batch.facts_count > 0) {
        for (uint32_t i = 0; i < c->watchers_count; i += 1)
            c->watchers[i].committed(c->watchers[i].context, c->batch.seq_first, seq_last);
    }
    while (c->answer_first != NULL) {
        struct dr_request *request = c->answer_first;

        c->answer_first = request->next;
        if (c->answer_first == NULL)
            c->answer_last = NULL;
        dr_fault_pass(&c->fault, DR_FAULT_BEFORE_ANSWER);
        request->done(request);
        dr_fault_pass(&c->fault, DR_FAULT_AFTER_ANSWER);
    }
}

/* Admit, decide, make durable, answer, carry out. `*more`: there is work left that waits for
 * nothing. */
static enum dr_status one_batch(struct dr_controller *c, int *more, struct dr_error *error)
{
    uint64_t looks = c->core->looks;
    enum dr_status status;

    controller_begin(c);
    dr_fault_pass(&c->fault, DR_FAULT_AFTER_GATHER);
    admit_tick(c);
    effects_admit(c);
    admit_requests(c);
    if (c->sites_reached != c->core->sites_count) /* a site is new */
        sites_reach(c);
    if (c->federation_opened != c->core->federation_version) /* one may have other settings */
        sites_open_anew(c);
    agree_ask(c);
    mark_lead(c);
    dr_fault_pass(&c->fault, DR_FAULT_AFTER_ADMIT);
    *more = decide(c) | (c->asked_first != NULL);
    note_nothing(c, looks);
    if (c->batch.facts_count > 0) {
        status = controller_append(c, error);
        if (status != DR_OK)
            return status;
        c->led_alone = 0;
    }
    erase_texts(c);
    tell(c);
    for (uint32_t i = 0; i < c->batch.effects_count; i += 1)
        effects_release(c, &c->batch.effects[i]);
    for (uint32_t i = 0; i < c->forgets.count; i += 1)
        effects_release(c, &c->forgets.items[i]);
    agree_tell(c);
    site_nodes_tell(c);
    *more |= c->observations.count > 0;
    return DR_OK;
}

/* How long nothing will happen by the passage of time alone. */
static int64_t wait_at_most_us(struct dr_controller *c, int64_t wait_us)
{
    int64_t monotonic_us = controller_monotonic_us(c);
    int64_t core_us = dr_core_next_time_us(c->core);
    int64_t tick_us = c->core->tick_us + c->options.tick_us - c->now_us;

    if (c->asked_first != NULL || c->observations.count > 0)
        return 0;
    if (core_us != DR_FOREVER_US) {
        /* The core is asked each turn; what it then leaves for "now" it could not do. */
        int64_t left_us = core_us - c->now_us;

        left_us = left_us < SPIN_US ? SPIN_US : left_us;
        wait_us = left_us < wait_us ? left_us : wait_us;
    }
    if (effects_next_us(c) != DR_FOREVER_US && effects_next_us(c) - monotonic_us < wait_us)
        wait_us = effects_next_us(c) - monotonic_us;
    if (tick_us < wait_us)
        wait_us = tick_us;
    /* The store's housekeeping follows the last commit. */
    if (c->idle_seq != dr_core_seq(c->core) && wait_us > DR_SECOND_US)
        wait_us = DR_SECOND_US;
    return wait_us;
}

enum dr_status dr_controller_turn(struct dr_controller *c, int64_t wait_us, struct dr_error *error)
{
    enum dr_status status;
    uint32_t called;
    int more;

    called = events_wait(c, wait_at_most_us(c, wait_us));
    /* A request passes several hands before it is asked: what is on its way joins this transaction,
     * as long as nobody has to wait for it. */
    for (uint32_t i = 1; called > 0 && i < GATHER_ROUNDS; i += 1)
        called = events_wait(c, 0);
    controller_clock(c);
    effects_gather(c);
    effects_again(c);
    do {
        status = one_batch(c, &more, error);
        if (status != DR_OK) {
            c->stopping = -1; /* memory is ahead of the disk: nothing of it may be kept */
            return status;
        }
        controller_clock(c);
    } while (more);
    children_idle(c);
    c->figures.turns += 1;
    return DR_OK;
}

/* ---- begin and end ---- */

static int wake_descriptor = -1;

static void on_signal(int number)
{
    uint64_t one = 1;
    ssize_t written = write(wake_descriptor, &one, sizeof one);

    (void)number;
    (void)written;
}

static void on_wake(void *context, uint32_t events)
{
    struct dr_controller *c = context;

    (void)events;
    c->stopping = 1;
}

void dr_controller_stop(struct dr_controller *c)
{
    c->stopping = 1;
}

enum dr_status dr_controller_run(struct dr_controller *c, struct dr_error *error)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction before_term;
    struct sigaction before_int;
    enum dr_status status = DR_OK;

    wake_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_descriptor < 0 || !dr_controller_poll(c, wake_descriptor, EPOLLIN, on_wake, c)) {
        dr_error_set(error, NULL, 0, "eventfd", strerror(errno), "a descriptor for signals");
        return DR_E_IO;
    }
    sigaction(SIGTERM, &action, &before_term);
    sigaction(SIGINT, &action, &before_int);
    while (c->stopping == 0 && status == DR_OK)
        status = dr_controller_turn(c, DR_MINUTE_US, error);
    /* Whoever has been heard gets an answer, and the HTTP side the turns to send it. */
    for (uint32_t i = 0; i < 3 && status == DR_OK; i += 1)
        status = dr_controller_turn(c, 0, error);
    sigaction(SIGTERM, &before_term, NULL);
    sigaction(SIGINT, &before_int, NULL);
    dr_controller_poll(c, wake_descriptor, 0, NULL, NULL);
    close(wake_descriptor);
    wake_descriptor = -1;
    return status;
}

static void fill_defaults(struct dr_controller *c)
{
    struct dr_controller_options *options = &c->options;

    if (options->limits.jobs_max == 0)
        options->limits = DR_LIMITS_DEFAULT;
    if (options->tick_us == 0)
        options->tick_us = DR_MINUTE_US;
    if (options->snapshot_facts == 0)
        options->snapshot_facts = 100000;
    if (options->snapshot_us == 0)
        options->snapshot_us = 10 * DR_MINUTE_US;
    if (options->head_us == 0)
        options->head_us = DR_MINUTE_US;
}

/* Room for the largest batch; pages are touched as they are used. */
static void *reserve(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    DR_ASSERT(memory != MAP_FAILED);
    return memory;
}

/* Engines get it, and what they start runs elsewhere. */
static int absolute_directory(struct dr_controller *c, const char *directory)
{
    char here[sizeof c->directory];
    int bytes;

    if (directory[0] == 0 || (directory[0] != '/' && getcwd(here, sizeof here) == NULL))
        return 0;
    bytes = directory[0] == '/'
                ? snprintf(c->directory, sizeof c->directory, "%s", directory)
                : snprintf(c->directory, sizeof c->directory, "%s/%s", here, directory);
    return bytes > 0 && (size_t)bytes < sizeof c->directory;
}

enum dr_status dr_controller_open(struct dr_controller **controller,
                                  const struct dr_controller_options *options,
                                  const char *federation_file, struct dr_error *error)
{
    struct dr_controller *c = calloc(1, sizeof *c);
    enum dr_status status;

    DR_ASSERT(c != NULL);
    c->options = *options;
    c->epoll = -1;
    fill_defaults(c);
    if (!absolute_directory(c, options->directory)) {
        dr_error_set(error, NULL, 0, "directory", options->directory,
                     "a path that comes to 1 to %zu bytes from the root", sizeof c->directory - 1);
        free(c);
        return DR_E_INPUT;
    }
    c->options.directory = c->directory;
    if (options->socket == NULL) {
        snprintf(c->socket_path, sizeof c->socket_path, "%s/daero.sock", c->directory);
        c->options.socket = c->socket_path;
    }
    c->batch.bytes = reserve(BATCH_BYTES);
    c->batch.effects = reserve(BATCH_EFFECTS * sizeof *c->batch.effects);
    c->batch.effects_max = BATCH_EFFECTS;
    c->now_monotonic_us = controller_monotonic_us(c);
    status = dr_fault_init(&c->fault, error);
    if (status == DR_OK)
        status = events_open(c, error);
    if (status == DR_OK)
        status = recover(c, federation_file, error);
    if (status != DR_OK) {
        if (status == DR_E_CORRUPT && c->store != NULL)
            dr_store_leave_as_is(c->store);
        c->stopping = -1;
        dr_controller_close(c);
        return status;
    }
    *controller = c;
    return DR_OK;
}

void dr_controller_close(struct dr_controller *c)
{
    if (c == NULL)
        return;
    children_close(c);
    if (c->core != NULL)
        sites_close(c);
    effects_close(c);
    dr_store_close(c->store);
    dr_core_close(c->core);
    events_close(c);
    texts_close(c);
    munmap(c->batch.bytes, BATCH_BYTES);
    munmap(c->batch.effects, BATCH_EFFECTS * sizeof *c->batch.effects);
    free(c->texts.items);
    free(c->retries.items);
    free(c->fresh_retries.items);
    free(c->history.items);
    free(c->erasures.items);
    free(c->forgets.items);
    free(c);
}
