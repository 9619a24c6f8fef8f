/* SPDX-License-Identifier: Apache-2.0 */
/* The controller's end of the launcher: starting it, asking it, hearing it, doing without it. */
#include "engine/local_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAUNCHER_WAIT_MS 10000
#define LAUNCHER_END_MS  2000

void dr_local_stop_launcher(struct local *local)
{
    struct pollfd gone = {.fd = -1, .events = POLLIN};

    if (local->socket_fd >= 0) {
        epoll_ctl(local->epoll_fd, EPOLL_CTL_DEL, local->socket_fd, NULL);
        close(local->socket_fd);
    }
    local->socket_fd = -1;
    if (local->launcher > 0) {
        /* It clears up and ends when its socket closes; one that hangs is not waited for. */
        gone.fd = pidfd_open(local->launcher, 0);
        if (gone.fd >= 0) {
            poll(&gone, 1, LAUNCHER_END_MS);
            close(gone.fd);
        }
        kill(local->launcher, SIGKILL);
        while (waitpid(local->launcher, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    local->launcher = 0;
}

static enum dr_status spawn_launcher(struct local *local, int socket_there)
{
    const struct dr_local_options *options = &local->options;
    posix_spawn_file_actions_t actions;
    char pids[16];
    char *arguments[10];
    char *environment[] = {NULL};
    /* posix_spawn wants them writable, and they have to outlive the branches below */
    static char name[] = "daero-shim", part[] = "launcher", pids_option[] = "--pids",
                network_option[] = "--network-none", tmp_option[] = "--shared-tmp",
                required_option[] = "--required";
    int count = 0;
    int failure;

    snprintf(pids, sizeof pids, "%" PRIu32, options->pids_max == 0 ? 8192 : options->pids_max);
    arguments[count++] = name;
    arguments[count++] = part;
    arguments[count++] = local->data;
    arguments[count++] = pids_option;
    arguments[count++] = pids;
    if (options->network_none)
        arguments[count++] = network_option;
    if (options->shared_tmp)
        arguments[count++] = tmp_option;
    if (options->sandbox_required)
        arguments[count++] = required_option;
    arguments[count] = NULL;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, socket_there, DR_LAUNCHER_SOCKET);
    posix_spawn_file_actions_addclosefrom_np(&actions, DR_LAUNCHER_SOCKET + 1);
    failure = posix_spawn(&local->launcher, local->shim, &actions, NULL, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    if (failure == 0)
        return DR_OK;
    local->launcher = 0;
    errno = failure;
    return failure == ENOENT || failure == EACCES ? DR_E_MISSING : DR_E_IO;
}

/* Start it; its HELLO comes later, on the socket. */
enum dr_status dr_local_start_launcher(struct local *local)
{
    int ends[2];
    enum dr_status status;
    int bytes = 1 << 20;

    local->launcher_us = dr_monotonic_us();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return DR_E_IO;
    /* the launcher's end waits */
    fcntl(ends[1], F_SETFL, 0);
    /* dup2 onto itself would keep the close-on-exec flag */
    if (ends[1] == DR_LAUNCHER_SOCKET) {
        int moved = fcntl(ends[1], F_DUPFD_CLOEXEC, DR_LAUNCHER_SOCKET + 1);
        close(ends[1]);
        ends[1] = moved;
    }
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    status = spawn_launcher(local, ends[1]);
    close(ends[1]);
    if (status != DR_OK) {
        close(ends[0]);
        return status;
    }
    local->socket_fd = ends[0];
    dr_local_watch_fd(local, local->socket_fd, SOURCE_LAUNCHER);
    return DR_OK;
}

/* Lost messages are sent again by dr_local_ask_again(), so nothing here is an error. */
void dr_local_ask(struct local *local, struct attempt *attempt, enum dr_launcher_request_kind kind)
{
    struct dr_launcher_request request = {
        .kind = kind, .job = attempt->job.v, .attempt = attempt->attempt, .uid = attempt->uid};

    attempt->ordered_us = dr_monotonic_us();
    if (local->socket_fd >= 0 &&
        send(local->socket_fd, &request, sizeof request, MSG_NOSIGNAL) != sizeof request)
        attempt->ordered_us = 0;
}

/* Everything that the launcher may have been told and not done. */
void dr_local_ask_again(struct local *local, int64_t silent_us)
{
    int64_t now_us = dr_monotonic_us();

    for (uint32_t row = 0; row < local->rows_used; row += 1) {
        struct attempt *attempt = &local->rows[row];

        if (now_us - attempt->ordered_us < silent_us)
            continue;
        if (attempt->swept && attempt->state != ATTEMPT_ENDED)
            dr_local_ask(local, attempt, DR_LAUNCHER_SWEEP);
        else if (attempt->state == ATTEMPT_ORDERED && !attempt->lost)
            dr_local_ask(local, attempt, DR_LAUNCHER_LAUNCH);
        else if (attempt->state == ATTEMPT_RUNNING && attempt->pidfd < 0)
            dr_local_make_ready(local, attempt);
    }
}

static void launcher_gone(struct local *local)
{
    dr_local_stop_launcher(local);
    /* One that can't live is not started in a loop: the timer tries again. */
    if (dr_monotonic_us() - local->launcher_us < DR_SECOND_US)
        return;
    if (dr_local_start_launcher(local) == DR_OK)
        dr_local_ask_again(local, 0);
}

void dr_local_hear_launcher(struct local *local)
{
    struct dr_launcher_reply reply;
    ssize_t bytes;

    while ((bytes = recv(local->socket_fd, &reply, sizeof reply, MSG_DONTWAIT)) == sizeof reply) {
        struct attempt *attempt = dr_local_find(local, (dr_job_id){reply.job}, reply.attempt);

        reply.text[sizeof reply.text - 1] = 0;
        if (reply.kind == DR_LAUNCHER_HELLO)
            snprintf(local->description, sizeof local->description, "%s", reply.text);
        else if (reply.kind == DR_LAUNCHER_BUSY && attempt != NULL)
            snprintf(local->warning, sizeof local->warning,
                     "no process could be made, trying on: %.120s", reply.text);
    }
    if (bytes == 0 || (bytes < 0 && errno != EAGAIN && errno != EINTR))
        launcher_gone(local);
}

enum dr_status dr_local_wait_for_hello(struct local *local, struct dr_error *error)
{
    struct pollfd wait = {.fd = local->socket_fd, .events = POLLIN};
    struct dr_launcher_reply reply;

    if (poll(&wait, 1, LAUNCHER_WAIT_MS) != 1 ||
        recv(local->socket_fd, &reply, sizeof reply, 0) != sizeof reply) {
        dr_error_set(error, local->shim, 0, NULL, "no answer", "that it starts as the launcher");
        return DR_E_IO;
    }
    reply.text[sizeof reply.text - 1] = 0;
    if (reply.kind != DR_LAUNCHER_HELLO) {
        dr_error_set(error, NULL, 0, "sandbox", NULL, "%s", reply.text);
        return DR_E_UNSUPPORTED;
    }
    snprintf(local->description, sizeof local->description, "%s", reply.text);
    return DR_OK;
}
