/* SPDX-License-Identifier: Apache-2.0 */
/* What the controller orders: launch, stop, forget, list. */
#include "engine/local_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/math.h"

#define STOP_MARGIN_US (5 * DR_SECOND_US) /* for the shim to end its tree after the grace */

static enum dr_status check_launch(const struct dr_launch *launch, struct dr_error *error)
{
    if (launch->job.v == 0 || launch->attempt == 0) {
        dr_error_set(error, NULL, 0, "attempt", NULL, "a job id and an attempt from 1");
        return DR_E_INPUT;
    }
    if (launch->uid == 0 || launch->gid == 0) {
        dr_error_set(error, NULL, 0, launch->uid == 0 ? "uid" : "gid", "0",
                     "an unprivileged user: no job runs as root");
        return DR_E_INPUT;
    }
    if (geteuid() != 0 && launch->uid != geteuid()) {
        char found[16];

        snprintf(found, sizeof found, "%" PRIu32, launch->uid);
        dr_error_set(error, NULL, 0, "uid", found,
                     "%u: a controller that is not root runs jobs as its own user only", geteuid());
        return DR_E_INPUT;
    }
    if (launch->script == NULL && launch->argv_count == 0) {
        dr_error_set(error, NULL, 0, "script", NULL, "a script, or a program to run");
        return DR_E_INPUT;
    }
    if (launch->tasks == 0 || launch->tasks > DR_TASKS_MAX || launch->nodes_count == 0) {
        dr_error_set(error, NULL, 0, "tasks", NULL, "1 to %d tasks on at least one node",
                     DR_TASKS_MAX);
        return DR_E_INPUT;
    }
    return DR_OK;
}

static enum dr_status make_checkpoint_directory(struct local *local, const struct dr_launch *launch)
{
    char name[24];

    snprintf(name, sizeof name, "%" PRIu64, launch->job.v);
    if (mkdirat(local->checkpoints_fd, name, 0700) != 0 && errno != EEXIST)
        return DR_E_IO;
    if (geteuid() == 0 &&
        fchownat(local->checkpoints_fd, name, launch->uid, launch->gid, AT_SYMLINK_NOFOLLOW) != 0)
        return DR_E_IO;
    return DR_OK;
}

static enum dr_status write_order(struct local *local, const struct dr_launch *launch,
                                  uint64_t boot, struct dr_buffer *order, struct dr_error *error)
{
    char name[DR_ATTEMPT_NAME_BYTES];
    enum dr_status status;
    int file;

    dr_buffer_init(order, DR_ORDER_BYTES_MAX);
    if (dr_order_encode(order, launch, boot) != DR_OK) {
        dr_error_set(error, NULL, 0, "script", NULL,
                     "script, arguments and environment of at most %u bytes together",
                     DR_ORDER_BYTES_MAX);
        return DR_E_INPUT;
    }
    dr_attempt_name(launch->job, launch->attempt, name);
    file = openat(local->attempts_fd, name,
                  O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) {
        dr_error_set(error, local->data, 0, "attempts", NULL, "a new file there: %s",
                     strerror(errno));
        return DR_E_IO;
    }
    status = make_checkpoint_directory(local, launch);
    if (status == DR_OK)
        status = dr_record_append(file, DR_RECORD_ORDER, order->data, order->length);
    close(file);
    if (status != DR_OK) {
        dr_error_set(error, local->data, 0, "attempts", NULL, "room for the order: %s",
                     strerror(errno));
        unlinkat(local->attempts_fd, name, 0);
        return DR_E_IO;
    }
    return DR_OK;
}

enum dr_status dr_local_launch(struct dr_engine *engine, const struct dr_launch *launch,
                               struct dr_error *error)
{
    struct local *local = (struct local *)engine;
    DR_CLEANUP(dr_buffer_deinit) struct dr_buffer order = {0};
    struct attempt *attempt = dr_local_find(local, launch->job, launch->attempt);
    enum dr_status status;
    int before_boot;

    if (attempt != NULL && attempt->state == ATTEMPT_REFUSED) {
        dr_error_set(error, NULL, 0, "attempt", NULL, "one that was not stopped before its launch");
        return DR_E_INPUT;
    }
    if (attempt != NULL) {
        /* known: told again from the start */
        attempt->offset = 0;
        attempt->saved_us = 0;
        dr_local_make_ready(local, attempt);
        dr_local_set_timer(local, 1);
        return DR_OK;
    }
    status = check_launch(launch, error);
    if (status != DR_OK)
        return status;
    attempt = dr_local_add(local, launch->job, launch->attempt);
    if (attempt == NULL) {
        dr_error_set(error, NULL, 0, "attempts", NULL, "at most %" PRIu32 " that are not forgotten",
                     local->rows_max);
        return DR_E_IO;
    }
    before_boot = launch->epoch < local->first_epoch;
    status = write_order(local, launch, before_boot ? 0 : local->boot, &order, error);
    if (status != DR_OK) {
        dr_local_remove_row(local, attempt);
        return status;
    }
    attempt->state = ATTEMPT_ORDERED;
    attempt->uid = launch->uid;
    attempt->left_us = launch->attempt > 1 ? dr_local_saved_time_us(local, launch->job) : 0;
    attempt->offset = sizeof(struct dr_record_header) + order.length;
    if (before_boot) {
        attempt->lost = 1;
        dr_local_make_ready(local, attempt);
        dr_local_set_timer(local, 1); /* or nothing would say that poll() has something to do */
        return DR_OK;
    }
    dr_local_ask(local, attempt, DR_LAUNCHER_LAUNCH);
    return DR_OK;
}

static enum dr_status refuse_for_ever(struct local *local, dr_job_id job, uint32_t number)
{
    char name[DR_ATTEMPT_NAME_BYTES];
    struct attempt *attempt;
    int file;

    if (job.v == 0 || number == 0)
        return DR_E_MISSING;
    attempt = dr_local_add(local, job, number);
    if (attempt == NULL)
        return DR_E_FULL;
    attempt->state = ATTEMPT_REFUSED;
    file = openat(local->attempts_fd, dr_attempt_name(job, number, name),
                  O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0 || dr_record_append(file, DR_RECORD_REFUSED, NULL, 0) != DR_OK) {
        if (file >= 0)
            close(file);
        unlinkat(local->attempts_fd, name, 0);
        dr_local_remove_row(local, attempt);
        return DR_E_IO;
    }
    close(file);
    return DR_E_MISSING;
}

/* The record first, then the hint: a shim that takes the order in between finds the record. */
enum dr_status dr_local_stop(struct dr_engine *engine, dr_job_id job, uint32_t number,
                             uint32_t signal_number, int64_t grace_us)
{
    struct local *local = (struct local *)engine;
    struct attempt *attempt = dr_local_find(local, job, number);
    struct dr_record_stop stop = {
        .time_us = dr_clock_us(), .grace_us = grace_us, .signal = signal_number};
    enum dr_status status;
    int file;

    if (attempt == NULL)
        return refuse_for_ever(local, job, number);
    if (attempt->state == ATTEMPT_REFUSED)
        return DR_E_MISSING;
    if (attempt->state == ATTEMPT_ENDED)
        return DR_OK;
    file = dr_local_open_file(local, attempt, O_RDWR | O_APPEND);
    if (file < 0)
        return DR_E_IO;
    status = dr_record_append(file, DR_RECORD_STOP, &stop, sizeof stop);
    if (attempt->pidfd < 0) {
        uint64_t offset = 0;
        uint8_t payload[sizeof(struct dr_record_end)];
        enum dr_record_kind kind;
        size_t bytes;

        while (dr_record_read(file, &offset, &kind, payload, sizeof payload, &bytes) == DR_OK)
            if (kind == DR_RECORD_SHIM && bytes == sizeof(struct dr_record_shim)) {
                struct dr_record_shim shim;
                memcpy(&shim, payload, sizeof shim);
                dr_local_take_shim(local, attempt, &shim);
                dr_local_make_ready(local, attempt);
            }
    }
    close(file);
    if (attempt->pidfd >= 0)
        pidfd_send_signal(attempt->pidfd, SIGUSR1, NULL, 0);
    if (grace_us < DR_DAY_US) {
        int64_t kill_us = dr_monotonic_us() + dr_max_i64(grace_us, 0) + STOP_MARGIN_US;
        attempt->kill_us = attempt->kill_us == 0 ? kill_us : dr_min_i64(attempt->kill_us, kill_us);
    }
    return status == DR_E_FULL ? DR_E_IO : status;
}

enum dr_status dr_local_forget(struct dr_engine *engine, dr_job_id job, uint32_t number)
{
    struct local *local = (struct local *)engine;
    struct attempt *attempt = dr_local_find(local, job, number);
    char name[DR_ATTEMPT_NAME_BYTES];

    if (attempt == NULL)
        return DR_E_MISSING;
    if (attempt->state != ATTEMPT_ENDED && attempt->state != ATTEMPT_REFUSED)
        return DR_E_EXISTS;
    if (unlinkat(local->attempts_fd, dr_attempt_name(job, number, name), 0) != 0 && errno != ENOENT)
        return DR_E_IO;
    dr_local_remove_row(local, attempt);
    return DR_OK;
}

enum dr_status dr_local_list(struct dr_engine *engine,
                             void (*each)(void *context, const struct dr_engine_attempt *attempt),
                             void *context)
{
    struct local *local = (struct local *)engine;

    for (uint32_t row = 0; row < local->rows_used; row += 1) {
        const struct attempt *attempt = &local->rows[row];
        struct dr_engine_attempt told = {.job = attempt->job,
                                         .attempt = attempt->attempt,
                                         .ended = attempt->state == ATTEMPT_ENDED};

        if (attempt->state != ATTEMPT_FREE && attempt->state != ATTEMPT_REFUSED)
            each(context, &told);
    }
    return DR_OK;
}
