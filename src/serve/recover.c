/* SPDX-License-Identifier: Apache-2.0 */
/* recover.c: the start, which is always a recovery.
 *
 * Lock the directory, read the newest snapshot that is whole, put the facts after it into the
 * state, compare hashes where batches carry them, lead, and agree with the engines about what runs.
 * With an empty store the federation file becomes the first facts, in the same transaction as the
 * first leadership. */
#include <errno.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "engine/discover.h"
#include "federation/federation.h"
#include "serve/internal.h"

#define FACT_ARENA_BYTES (64u << 20)

/* ---- facts ---- */

struct replay {
    struct dr_controller *c;
    struct dr_arena arena; /* lists of one fact */
    DR_LIST(uint64_t) erased;
    int64_t hash_cost_us;
    int64_t hash_next_us; /* monotonic: hashes cost at most a tenth of the time */
    uint64_t facts;
};

static enum dr_status replay_batch(struct replay *replay, const struct dr_store_read *batch,
                                   struct dr_error *error)
{
    struct dr_core *core = replay->c->core;
    uint32_t at = 0;

    for (uint32_t i = 0; i < batch->facts_count; i += 1) {
        struct dr_error inner = {0};
        struct dr_fact fact;
        uint32_t taken = 0;
        enum dr_status status;

        dr_arena_reset(&replay->arena, 0);
        status = dr_fact_decode(batch->payload + at, batch->payload_bytes - at, &replay->arena,
                                &fact, &taken, &inner);
        if (status != DR_OK) {
            dr_error_set(error, replay->c->directory, 0, DR_STORE_FILE, inner.found,
                         "a readable fact %llu: %s", (unsigned long long)batch->seq_first + i,
                         status == DR_E_END ? "the batch ends early" : inner.expected);
            return DR_E_CORRUPT;
        }
        at += taken;
        fact.seq = batch->seq_first + i;
        if (fact.seq <= dr_core_seq(core)) /* the snapshot has it */
            continue;
        dr_apply(core, &fact, NULL);
        replay->facts += 1;
        if (fact.kind == DR_FACT_TEXT_ERASED)
            DR_LIST_PUSH(&replay->erased, fact.text_erased.text);
    }
    if (at != batch->payload_bytes) {
        dr_error_set(error, replay->c->directory, 0, DR_STORE_FILE, "more bytes",
                     "nothing after fact %llu in its batch",
                     (unsigned long long)(batch->seq_first + batch->facts_count - 1));
        return DR_E_CORRUPT;
    }
    return DR_OK;
}

static enum dr_status compare_hash(struct replay *replay, const struct dr_store_read *batch,
                                   struct dr_error *error)
{
    struct dr_controller *c = replay->c;
    int64_t before_us = controller_monotonic_us(c);
    char found[32];
    uint64_t hash;

    /* A batch that the snapshot covers in part: the state was past it already. */
    if (batch->state_hash == 0 || before_us < replay->hash_next_us ||
        dr_core_seq(c->core) != batch->seq_first + batch->facts_count - 1)
        return DR_OK;
    hash = dr_core_hash(c->core);
    replay->hash_cost_us = controller_monotonic_us(c) - before_us;
    replay->hash_next_us = before_us + 10 * replay->hash_cost_us;
    if (hash == batch->state_hash)
        return DR_OK;
    snprintf(found, sizeof found, "%016llx", (unsigned long long)hash);
    dr_error_set(error, c->directory, 0, "state hash", found,
                 "%016llx after fact %llu, as when it was written: this program and the one that "
                 "wrote it do not agree about the same facts",
                 (unsigned long long)batch->state_hash, (unsigned long long)dr_core_seq(c->core));
    return DR_E_CORRUPT;
}

static enum dr_status replay_facts(struct dr_controller *c, struct dr_error *error)
{
    struct replay replay = {.c = c};
    struct dr_store_reader *reader = NULL;
    struct dr_store_read batch;
    enum dr_status status;

    status = dr_arena_init(&replay.arena, FACT_ARENA_BYTES);
    if (status != DR_OK) {
        dr_error_set(error, NULL, 0, "memory", dr_status_text(status), "room to read facts");
        return status;
    }
    status = dr_store_reader_open(&reader, c->store, dr_core_seq(c->core) + 1);
    if (status != DR_OK)
        dr_error_set(error, c->directory, 0, DR_STORE_FILE, dr_store_failure(c->store),
                     "readable facts");
    while (status == DR_OK) {
        status = dr_store_reader_next(reader, &batch, error);
        if (status != DR_OK)
            break;
        status = replay_batch(&replay, &batch, error);
        if (status == DR_OK)
            status = compare_hash(&replay, &batch, error);
    }
    dr_store_reader_close(reader);
    dr_arena_deinit(&replay.arena);
    if (status == DR_E_END)
        status = DR_OK;
    if (status == DR_OK && dr_core_seq(c->core) != dr_store_seq(c->store)) {
        dr_error_set(error, c->directory, 0, DR_STORE_FILE, "facts are missing",
                     "every fact up to %llu", (unsigned long long)dr_store_seq(c->store));
        status = DR_E_CORRUPT;
    }
    c->figures.recovery_facts = replay.facts;
    /* The process may have ended between a fact of erasure and the deed. */
    for (uint32_t i = 0; status == DR_OK && i < replay.erased.count; i += 1) {
        status = dr_store_text_erase(c->store, replay.erased.items[i]);
        if (status == DR_E_MISSING)
            status = DR_OK;
        if (status != DR_OK)
            dr_error_set(error, c->directory, 0, "texts", dr_store_failure(c->store),
                         "text %llu erased, as its fact says",
                         (unsigned long long)replay.erased.items[i]);
    }
    free(replay.erased.items);
    return status;
}

static enum dr_status load_state(struct dr_controller *c, struct dr_error *error)
{
    enum dr_status status = dr_core_open(&c->core, &c->options.limits);

    if (status != DR_OK) {
        dr_error_set(error, NULL, 0, "limits", dr_status_text(status),
                     "address space for the tables of this controller");
        return status;
    }
    status = snapshot_load(c, error);
    if (status == DR_OK)
        status = replay_facts(c, error);
    return status;
}

/* ---- the first start ---- */

static void describe_accelerators(struct dr_machine *machine)
{
    struct dr_device devices[DR_ACCELERATORS_MAX];
    struct dr_error error;
    uint32_t count = 0;

    if (dr_discover(NULL, devices, DR_COUNT_OF(devices), &count, &error) != DR_OK)
        return;
    for (uint32_t i = 0; i < count; i += 1) {
        uint32_t kind = 0;

        while (kind < machine->accelerators_count &&
               strncmp(machine->accelerators[kind].chip, devices[i].name, DR_NAME_BYTES - 1) != 0)
            kind += 1;
        if (kind == DR_COUNT_OF(machine->accelerators))
            continue;
        if (kind == machine->accelerators_count) {
            dr_copy_name(machine->accelerators[kind].chip, devices[i].name);
            dr_copy_name(machine->accelerators[kind].vendor, devices[i].vendor);
            machine->accelerators[kind].memory_mb = devices[i].memory_mb;
            machine->accelerators_count += 1;
        }
        machine->accelerators[kind].count += 1;
    }
}

/* This machine, for a controller that was given no federation file. */
static void describe_machine(struct dr_machine *machine)
{
    const struct passwd *entry = getpwuid(geteuid());
    struct sysinfo info;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    *machine = (struct dr_machine){.cpus = cpus < 1 ? 1 : (uint32_t)cpus, .memory_mb = 1024};
    if (sysinfo(&info) == 0) {
        uint64_t memory_mb = (uint64_t)info.totalram * info.mem_unit >> 20;

        /* A tenth stays with the system and the controller. */
        if (memory_mb > 16)
            machine->memory_mb = (int64_t)(memory_mb - memory_mb / 10);
    }
    machine->uid = geteuid();
    dr_copy_name(machine->user, entry == NULL ? "admin" : entry->pw_name);
    describe_accelerators(machine);
}

/* The first goes into the error, all of them to who wants them. */
static enum dr_status hand_over(struct dr_controller *c, struct dr_error_list *errors,
                                struct dr_error *error)
{
    if (errors->count > 0)
        *error = errors->errors[0];
    if (c->options.mistakes != NULL)
        *c->options.mistakes = *errors;
    else
        dr_error_list_deinit(errors);
    return DR_E_INPUT;
}

static enum dr_status read_federation(struct dr_controller *c, struct dr_federation **federation,
                                      const char *file, struct dr_error *error)
{
    struct dr_error_list errors = {0};
    struct dr_machine machine;
    struct dr_buffer yaml;
    enum dr_status status;

    if (c->options.declare != NULL)
        return DR_OK;
    if (file != NULL) {
        status = dr_federation_read(federation, file, &errors, NULL);
    } else {
        describe_machine(&machine);
        dr_buffer_init(&yaml, DR_FEDERATION_BYTES_MAX);
        dr_federation_default(&yaml, &machine);
        status = dr_federation_parse(federation, "this machine", dr_buffer_text(&yaml), yaml.length,
                                     &errors, NULL);
        dr_buffer_deinit(&yaml);
    }
    return status == DR_OK ? DR_OK : hand_over(c, &errors, error);
}

static enum dr_status declare(struct dr_controller *c, const struct dr_fact *fact, const char *name,
                              struct dr_error *error)
{
    struct dr_command command = controller_command(DR_COMMAND_DECLARE);
    struct dr_answer answer;

    command.body.declare = *fact;
    command.reason = "the first start";
    if (dr_admit(c->core, &command, c->now_us, &c->batch, &answer))
        return DR_OK;
    dr_error_set(error, NULL, 0, name, answer.field, "%s", answer.text);
    return DR_E_INPUT;
}

static enum dr_status declare_federation(struct dr_controller *c, struct dr_federation *federation,
                                         struct dr_error *error)
{
    struct dr_error_list errors = {0};
    struct dr_change *changes = NULL;
    uint32_t count = 0;
    enum dr_status status = DR_OK;

    for (uint32_t i = 0; status == DR_OK && i < c->options.declare_count; i += 1)
        status = declare(c, &c->options.declare[i], "declare", error);
    if (status != DR_OK || federation == NULL)
        return status;
    if (dr_federation_changes(federation, c->core, &changes, &count, &errors) != DR_OK)
        return hand_over(c, &errors, error);
    for (uint32_t i = 0; status == DR_OK && i < count; i += 1)
        status = declare(c, &changes[i].declare, changes[i].name, error);
    return status;
}

/* ---- the start ---- */

static enum dr_status open_store(struct dr_controller *c, const char *federation_file,
                                 struct dr_federation **federation, struct dr_error *error)
{
    enum dr_status status = dr_store_open(&c->store, c->directory, DR_STORE_WRITE, error);

    if (status == DR_OK) {
        if (dr_store_seq(c->store) == 0) /* the first start did not come far */
            return read_federation(c, federation, federation_file, error);
        if (federation_file == NULL)
            return DR_OK;
        dr_error_set(error, NULL, 0, "federation", federation_file,
                     "no federation file: %s has a living federation, which `daero apply` changes",
                     c->directory);
        return DR_E_EXISTS;
    }
    if (status != DR_E_MISSING)
        return status;
    /* The file is judged before anything is made. */
    status = read_federation(c, federation, federation_file, error);
    if (status != DR_OK)
        return status;
    return dr_store_open(&c->store, c->directory, DR_STORE_CREATE, error);
}

static enum dr_status lead(struct dr_controller *c, struct dr_federation *federation,
                           struct dr_error *error)
{
    struct dr_command command = controller_command(DR_COMMAND_LEAD);
    struct dr_answer answer;
    enum dr_status status = DR_OK;

    controller_begin(c);
    dr_copy_name(command.body.lead.program, DR_PROGRAM);
    command.body.lead.facts_from = c->snapshot_seq + 1;
    if (!dr_admit(c->core, &command, c->now_us, &c->batch, &answer)) {
        dr_error_set(error, NULL, 0, answer.field, NULL, "%s", answer.text);
        return DR_E_IO;
    }
    c->led_us = c->now_us;
    if (dr_core_seq(c->core) == 1) /* nothing but this leadership: the first start */
        status = declare_federation(c, federation, error);
    if (status != DR_OK)
        return status;
    status = controller_append(c, error);
    if (status != DR_OK)
        return status;
    /* The epoch is durable: engines may hear of it. */
    controller_begin(c);
    sites_reach(c);
    agree_ask(c);
    c->led_alone = c->batch.facts_count == 0;
    if (!c->led_alone)
        status = controller_append(c, error);
    if (status != DR_OK)
        return status;
    for (uint32_t i = 0; i < c->batch.effects_count; i += 1)
        effects_release(c, &c->batch.effects[i]);
    return DR_OK;
}

enum dr_status recover(struct dr_controller *c, const char *federation_file, struct dr_error *error)
{
    struct dr_federation *federation = NULL;
    int64_t began_us = controller_monotonic_us(c);
    enum dr_status status = open_store(c, federation_file, &federation, error);

    if (status == DR_OK)
        status = head_key(c, error);
    if (status == DR_OK)
        status = load_state(c, error);
    if (status == DR_OK) {
        c->sites_reached = c->core->sites_count;
        c->now_us = c->core->time_us; /* facts never go back in time, whatever the clock says */
        controller_clock(c);
        status = lead(c, federation, error);
    }
    c->options.declare = NULL;
    dr_federation_close(federation);
    if (status != DR_OK)
        return status;
    agree_tell(c);
    c->snapshot_monotonic_us = began_us;
    head_sign(c); /* of what was recovered, and that this controller leads */
    c->figures.started_us = c->now_us;
    c->figures.recovery_us = controller_monotonic_us(c) - began_us;
    controller_log(c,
                   "leads with epoch %llu from fact %llu: %u jobs, %llu facts read back, %lld ms",
                   (unsigned long long)c->core->epoch, (unsigned long long)dr_core_seq(c->core),
                   c->core->jobs_count, (unsigned long long)c->figures.recovery_facts,
                   (long long)c->figures.recovery_us / 1000);
    return DR_OK;
}
