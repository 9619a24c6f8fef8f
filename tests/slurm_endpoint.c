/* SPDX-License-Identifier: Apache-2.0 */
#include "slurm_endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define WAIT_US (20 * DR_SECOND_US)
#define LONG_US (1000 * DR_SECOND_US)

static void reply(int fd, const char *text)
{
    char head[128];
    const char *body = strchr(text, ' ');
    int length;

    body = body == NULL ? "" : body + 1;
    length = snprintf(head, sizeof head,
                      "HTTP/1.1 %.3s X\r\nContent-Length: %zu\r\nContent-Type: x\r\n\r\n", text,
                      strlen(body));
    if (send(fd, head, (size_t)length, MSG_NOSIGNAL) < 0 ||
        send(fd, body, strlen(body), MSG_NOSIGNAL) < 0)
        return;
}

/* The list; then what waited for it. */
static void reply_jobs(struct script *script, int fd, int changes, int *waiting)
{
    script->wholes += !changes;
    script->changes += changes;
    usleep((useconds_t)script->jobs_take_ms * 1000);
    if (changes && script->nothing_new)
        reply(fd, "304 ");
    else
        reply(fd, script->jobs_once_submitted && script->submits == 0 ? "200 {\"jobs\": []}"
                                                                      : script->jobs);
    if (*waiting >= 0)
        reply(*waiting, script->one);
    *waiting = -1;
}

/* What is said of a job that is asked for by its number. */
static void reply_one(const struct script *script, int fd, int number)
{
    char text[1024];

    snprintf(text, sizeof text,
             "200 {\"jobs\": [{\"job_id\": %d, \"job_state\": \"RUNNING\", \"comment\": "
             "\"daero:test:seoul:%d:1:5\", \"name\": \"x\", \"submit_time\": 1, "
             "\"restart_cnt\": 0}]}",
             number, number);
    reply(fd, script->by_number ? text : script->one);
}

static void take_header(const char *text, const char *name, char *value, size_t bytes)
{
    const char *at = strstr(text, name);

    if (at != NULL)
        snprintf(value, bytes, "%.*s", (int)strcspn(at + strlen(name), "\r"), at + strlen(name));
}

/* One request of a connection; 0: it is over. */
static int serve_one(struct script *script, int fd)
{
    static int waiting = -1;
    char text[65536], clock[256];
    size_t used = 0, wanted = 0;
    char *body = NULL, *length;

    while (body == NULL || used < wanted) {
        ssize_t got = recv(fd, text + used, sizeof text - 1 - used, 0);

        if (got <= 0)
            return 0;
        used += (size_t)got;
        text[used] = 0;
        body = strstr(text, "\r\n\r\n");
        length = strstr(text, "Content-Length: ");
        if (body != NULL)
            wanted = (size_t)(body + 4 - text) +
                     (length == NULL ? 0 : (size_t)strtoul(length + 16, NULL, 10));
    }
    script->requests += 1;
    if (strstr(text, "/job/submit") != NULL) {
        snprintf(script->submitted, sizeof script->submitted, "%s", body + 4);
        take_header(text, "X-SLURM-USER-NAME: ", script->user, sizeof script->user);
        take_header(text, "X-SLURM-USER-TOKEN: ", script->token, sizeof script->token);
        script->submits += 1;
        if (script->submit[0] == 0)
            return 0;
        reply(fd, script->submit);
    } else if (strstr(text, "/jobs") != NULL) {
        reply_jobs(script, fd, strstr(text, "/jobs?update_time=") != NULL, &waiting);
    } else if (strncmp(text, "GET", 3) == 0 && strstr(text, "/job/") != NULL) {
        int number = (int)strtol(strstr(text, "/job/") + 5, NULL, 10);

        script->ones += 1;
        script->asked[(size_t)number % DR_COUNT_OF(script->asked)] += 1;
        if (script->one_waits)
            waiting = fd;
        else
            reply_one(script, fd, number);
    } else if (strstr(text, "/nodes") != NULL) {
        reply(fd, script->nodes[0] == 0 ? NODE("idle", "") : script->nodes);
    } else if (strstr(text, "/diag") != NULL) {
        snprintf(clock, sizeof clock, "200 {\"statistics\": {\"req_time\": %lld}}",
                 (long long)(dr_clock_us() / DR_SECOND_US + script->clock_ahead_s));
        reply(fd, script->diag[0] == 0 ? clock : script->diag);
    } else {
        script->cancels += strncmp(text, "DELETE", 6) == 0;
        reply(fd, script->order[0] == 0 ? "200 {\"errors\": []}" : script->order);
    }
    return 1;
}

static void serve(struct script *script, int listener)
{
    struct pollfd fds[64] = {{.fd = listener, .events = POLLIN}};
    nfds_t count = 1;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        poll(fds, count, -1);
        for (nfds_t i = 1; i < count; i += 1)
            if (fds[i].revents != 0 && !serve_one(script, fds[i].fd)) {
                close(fds[i].fd);
                count -= 1;
                fds[i] = fds[count];
                fds[count].revents = 0;
            }
        if (fds[0].revents != 0 && count < DR_COUNT_OF(fds))
            fds[count++] = (struct pollfd){.fd = accept(listener, NULL, NULL), .events = POLLIN};
    }
}

struct endpoint *endpoint_new(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t bytes = sizeof address;
    struct endpoint *w = calloc(1, sizeof *w);
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(w != NULL && listener >= 0);
    w->script =
        mmap(NULL, sizeof *w->script, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(w->script != MAP_FAILED);
    snprintf(w->script->jobs, sizeof w->script->jobs, "200 {\"jobs\": []}");
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_EQ(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    CHECK_EQ(listen(listener, 64), 0);
    CHECK_EQ(getsockname(listener, (struct sockaddr *)&address, &bytes), 0);
    snprintf(w->url, sizeof w->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    w->pid = fork();
    CHECK(w->pid >= 0);
    if (w->pid == 0)
        serve(w->script, listener);
    close(listener);
    return w;
}

void endpoint_open(struct endpoint *w, int64_t timeout_us)
{
    struct dr_slurm_options options = {.federation = "test",
                                       .site = "seoul",
                                       .epoch = 5,
                                       .url = w->url,
                                       .user = "root",
                                       .conf = "/nonexistent/slurm.conf",
                                       .poll_us = 20000,
                                       .timeout_us = timeout_us,
                                       .sent_file = w->sent_file,
                                       .led_us = w->led_us};
    struct dr_error error = {0};
    char path[256];
    FILE *key;

    snprintf(path, sizeof path, "%s/key", test_directory());
    key = fopen(path, "w");
    CHECK(key != NULL);
    fprintf(key, "0123456789abcdef0123456789abcdef");
    fclose(key);
    options.key_file = path;
    CHECK_EQ(dr_slurm_open(&w->engine, &options, &error), DR_OK);
}

void endpoint_step(struct endpoint *w, int wait_ms)
{
    struct pollfd fd = {.fd = w->engine->operations->descriptor(w->engine), .events = POLLIN};

    poll(&fd, 1, wait_ms);
    CHECK(w->reports_count < DR_COUNT_OF(w->reports));
    w->reports_count +=
        w->engine->operations->poll(w->engine, w->reports + w->reports_count,
                                    (uint32_t)DR_COUNT_OF(w->reports) - w->reports_count);
}

void endpoint_free(struct endpoint *w)
{
    /* What was answered is taken in: an engine that leaves a submission behind makes the next one
     * of this process wait for its token. */
    for (int i = 0; i < 10; i += 1)
        endpoint_step(w, 10);
    w->engine->operations->close(w->engine);
    kill(w->pid, SIGKILL);
    waitpid(w->pid, NULL, 0);
    munmap(w->script, sizeof *w->script);
    free(w);
}

void endpoint_look(struct endpoint *w, int times)
{
    int before = w->script->requests;

    while (w->script->requests < before + times)
        endpoint_step(w, 50);
}

const struct dr_report *endpoint_wait(struct endpoint *w, uint32_t from, enum dr_report_kind kind)
{
    int64_t until_us = dr_monotonic_us() + WAIT_US;

    for (;;) {
        for (uint32_t i = from; i < w->reports_count; i += 1)
            if (w->reports[i].kind == kind)
                return &w->reports[i];
        if (dr_monotonic_us() > until_us)
            fail_msg("no report of kind %d", (int)kind);
        endpoint_step(w, 100);
    }
}

void endpoint_wait_for_submits(struct endpoint *w, int count)
{
    while (w->script->submits < count)
        endpoint_step(w, 100);
    CHECK_EQ(w->script->submits, count);
}

int endpoint_has_report(const struct endpoint *w, enum dr_report_kind kind)
{
    for (uint32_t i = 0; i < w->reports_count; i += 1)
        if (w->reports[i].kind == kind)
            return 1;
    return 0;
}

struct dr_launch endpoint_order(uint64_t epoch)
{
    static const struct dr_launch_node node = {.name = "seoul1", .tasks = 1};
    struct dr_launch order = {.job = {71},
                              .attempt = 1,
                              .epoch = epoch,
                              .name = "t",
                              .script = "#!/bin/sh\ntrue\n",
                              .script_bytes = 15,
                              .directory = "/tmp",
                              .output = "",
                              .error = "",
                              .input = "",
                              .uid = 65534,
                              .gid = 65534,
                              .user = "student",
                              .login = "student",
                              .nodes = &node,
                              .nodes_count = 1,
                              .site = "seoul",
                              .account = "",
                              .partition = "",
                              .gres = "",
                              .chip = "",
                              .chip_vendor = "",
                              .tasks = 1};

    return order;
}

enum dr_status endpoint_launch(struct endpoint *w, uint64_t epoch)
{
    struct dr_launch order = endpoint_order(epoch);
    struct dr_error error = {0};

    order.decided_us = w->decided_us;
    return w->engine->operations->launch(w->engine, &order, &error);
}

struct endpoint *endpoint_that_keeps(const char *name, int64_t later_us)
{
    static char path[300];
    struct endpoint *w = endpoint_new();

    snprintf(path, sizeof path, "%s/%s", test_directory(), name);
    w->sent_file = path;
    w->led_us = dr_clock_us();
    w->decided_us = w->led_us + later_us;
    for (int i = 0; i < 2; i += 1) { /* one makes the file, one has it */
        if (w->engine != NULL)
            w->engine->operations->close(w->engine);
        w->reports_count = 0;
        endpoint_open(w, LONG_US);
        endpoint_wait(w, 0, DR_REPORT_SITE);
    }
    return w;
}

void endpoint_reopen(struct endpoint *w)
{
    w->engine->operations->close(w->engine);
    w->reports_count = 0;
    w->led_us += 1000;
    endpoint_open(w, LONG_US);
    endpoint_wait(w, 0, DR_REPORT_SITE);
}
