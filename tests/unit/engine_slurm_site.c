/* SPDX-License-Identifier: Apache-2.0 */
/* The Slurm engine against an endpoint that answers as slurmrestd does on its bad days: cut off,
 * nonsense, errors that are none. What real daemons can be made to do is in tests/engine/slurm*.c.
 */
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

#include <jansson.h>

#include "engine/slurm.h"
#include "test.h"

#define WAIT_US (20 * DR_SECOND_US)

#define NODE(state, flags)                                                                       \
    "200 {\"nodes\": [{\"name\": \"seoul1\", \"state\": \"" state "\", \"state_flags\": [" flags \
    "], \"reason\": \"\", \"gres\": \"\", \"partitions\": [], \"cpus\": 4, \"real_memory\": "    \
    "1024, \"slurmd_start_time\": 1}]}"

/* Shared with the endpoint's process. */
struct script {
    volatile int submits; /* that arrived whole */
    volatile int requests;
    volatile int clock_ahead_s; /* of the site's clock, beyond what its offset says */
    char submit[2048];          /* the answer with its status: "200 {...}"; "": cut off */
    char jobs[4 << 20];
    char nodes[1024];        /* "": none */
    char diag[256];          /* "": the time */
    int jobs_once_submitted; /* `jobs` is told only after a submission */
    volatile int jobs_take_ms;
    char one[2048];         /* of a job that is asked for by its number; "": no errors */
    volatile int one_waits; /* its answer, for the next list's */
    volatile int ones, cancels;
    volatile int asked[100]; /* how often for which number */
    int by_number;           /* a job that is asked for runs, whatever its number */
    char submitted[16384];   /* the last one's body */
};

struct endpoint {
    struct script *script;
    pid_t pid;
    char url[64];
    struct dr_engine *engine;
    const char *sent_file; /* NULL: none */
    int64_t led_us, decided_us;
    struct dr_report reports[64];
    uint32_t reports_count;
};

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
static void reply_jobs(struct script *script, int fd, int *waiting)
{
    usleep((useconds_t)script->jobs_take_ms * 1000);
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
        script->submits += 1;
        if (script->submit[0] == 0)
            return 0;
        reply(fd, script->submit);
    } else if (strstr(text, "/jobs") != NULL) {
        reply_jobs(script, fd, &waiting);
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
        reply(fd, "200 {\"errors\": []}");
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

static struct endpoint *endpoint_new(void)
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

static void endpoint_open(struct endpoint *w, int64_t timeout_us)
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

static void step(struct endpoint *w, int wait_ms)
{
    struct pollfd fd = {.fd = w->engine->operations->descriptor(w->engine), .events = POLLIN};

    poll(&fd, 1, wait_ms);
    CHECK(w->reports_count < DR_COUNT_OF(w->reports));
    w->reports_count +=
        w->engine->operations->poll(w->engine, w->reports + w->reports_count,
                                    (uint32_t)DR_COUNT_OF(w->reports) - w->reports_count);
}

static void endpoint_free(struct endpoint *w)
{
    /* What was answered is taken in: an engine that leaves a submission behind makes the next one
     * of this process wait for its token. */
    for (int i = 0; i < 10; i += 1)
        step(w, 10);
    w->engine->operations->close(w->engine);
    kill(w->pid, SIGKILL);
    waitpid(w->pid, NULL, 0);
    munmap(w->script, sizeof *w->script);
    free(w);
}

/* Until the site has been asked so many times more. */
static void look(struct endpoint *w, int times)
{
    int before = w->script->requests;

    while (w->script->requests < before + times)
        step(w, 50);
}

static const struct dr_report *wait_for(struct endpoint *w, uint32_t from, enum dr_report_kind kind)
{
    int64_t until_us = dr_monotonic_us() + WAIT_US;

    for (;;) {
        for (uint32_t i = from; i < w->reports_count; i += 1)
            if (w->reports[i].kind == kind)
                return &w->reports[i];
        if (dr_monotonic_us() > until_us)
            fail_msg("no report of kind %d", (int)kind);
        step(w, 100);
    }
}

static void wait_for_submits(struct endpoint *w, int count)
{
    while (w->script->submits < count)
        step(w, 100);
    CHECK_EQ(w->script->submits, count);
}

static int has_report(const struct endpoint *w, enum dr_report_kind kind)
{
    for (uint32_t i = 0; i < w->reports_count; i += 1)
        if (w->reports[i].kind == kind)
            return 1;
    return 0;
}

static struct dr_launch order_of(uint64_t epoch)
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

static enum dr_status launch(struct endpoint *w, uint64_t epoch)
{
    struct dr_launch order = order_of(epoch);
    struct dr_error error = {0};

    order.decided_us = w->decided_us;
    return w->engine->operations->launch(w->engine, &order, &error);
}

#define JOB(id, state, mark, more)                                                              \
    "{\"job_id\": " #id ", \"job_state\": \"" state "\", \"comment\": \"" mark                  \
    "\", \"name\": \"x\", \"submit_time\": 1, \"restart_cnt\": 0, \"user_name\": \"student\", " \
    "\"nodes\": \"seoul1\", \"start_time\": 1700000000, \"end_time\": 1700000001, "             \
    "\"state_reason\": \"None\", " more "}"
#define OURS "daero:test:seoul:71:1:5"

/* slurmrestd 22.05 takes other forms for something else without a word, refuses what it does not
 * know, and crashes of "argv". */
TEST(what_is_submitted_has_the_forms_that_count)
{
    struct endpoint *w = endpoint_new();
    struct dr_launch order = order_of(5);
    const struct dr_launch_node nodes[] = {
        {.name = "seoul1", .tasks = 2, .accelerators = 15},
        {.name = "seoul2", .tasks = 2, .accelerators = 15},
    };
    const char *const argv[] = {"train", "--fast"};
    struct dr_error error = {0};
    json_t *whole, *job;

    order.script = NULL;
    order.script_bytes = 0;
    order.argv = argv;
    order.argv_count = 2;
    order.run_every_task = 1;
    order.nodes = nodes;
    order.nodes_count = 2;
    order.tasks = 4;
    order.accelerators_per_task = 2;
    order.gres = "gpu:h200";
    order.cpus_per_task_milli = 4000;
    order.memory_mb_per_task = 1000;
    order.limit_us = 90 * DR_SECOND_US;
    order.warn_before_us = 40 * DR_SECOND_US;
    order.partition = "batch";
    order.account = "lab";
    snprintf(w->script->submit, sizeof w->script->submit, "200 {\"errors\": [], \"job_id\": 9}");
    endpoint_open(w, DR_SECOND_US);
    CHECK_EQ(w->engine->operations->launch(w->engine, &order, &error), DR_OK);
    while (w->script->submits == 0)
        step(w, 100);
    whole = json_loads(w->script->submitted, 0, NULL);
    job = json_object_get(whole, "job");
    CHECK(json_is_object(job));
    CHECK_TEXT(json_string_value(json_object_get(job, "nodes")), "2-2");
    CHECK_TEXT(json_string_value(json_object_get(job, "nodelist")), "seoul1,seoul2");
    CHECK_TEXT(json_string_value(json_object_get(job, "gpus_per_task")), "h200:2");
    CHECK_EQ(json_integer_value(json_object_get(job, "memory_per_node")), 2000);
    CHECK_EQ(json_integer_value(json_object_get(job, "time_limit")), 2); /* minutes, rounded up */
    CHECK_TEXT(json_string_value(json_object_get(job, "partition")), "batch");
    CHECK_TEXT(json_string_value(json_object_get(job, "account")), "lab");
    CHECK(json_object_get(json_object_get(job, "environment"), "PATH") != NULL);
    CHECK(json_object_get(job, "current_working_directory") != NULL);
    CHECK_TEXT(json_string_value(json_object_get(job, "open_mode")), "truncate");
    {
        static const char *const never[] = {"argv",          "requeue",        "signal",
                                            "tres_per_node", "required_nodes", "excluded_nodes",
                                            "minimum_nodes", "exclusive",      "hold",
                                            "begin_time",    "array"};

        for (size_t i = 0; i < DR_COUNT_OF(never); i += 1)
            CHECK(json_object_get(job, never[i]) == NULL);
    }
    json_decref(whole);
    endpoint_free(w);
}

TEST(a_site_that_is_away_comes)
{
    struct endpoint *w = endpoint_new();

    snprintf(w->script->diag, sizeof w->script->diag,
             "500 {\"errors\": [{\"error\": \"Unspecified error\", \"error_number\": -1}]}");
    snprintf(w->script->submit, sizeof w->script->submit, "200 {\"errors\": [], \"job_id\": 9}");
    endpoint_open(w, DR_SECOND_US);
    CHECK_EQ(launch(w, 5), DR_OK);
    CHECK_EQ(wait_for(w, 0, DR_REPORT_SITE)->answers, 0);
    CHECK_HAS(w->reports[0].text, "slurmctld does not");
    CHECK_EQ(w->script->submits, 0);
    w->script->diag[0] = 0;
    CHECK_EQ(wait_for(w, 1, DR_REPORT_SITE)->answers, 1);
    while (w->script->submits == 0)
        step(w, 100);
    endpoint_free(w);
}

TEST(an_error_that_comes_with_a_job_is_none)
{
    struct endpoint *w = endpoint_new();

    snprintf(
        w->script->submit, sizeof w->script->submit,
        "500 {\"errors\": [{\"error_code\": 2015, \"error\": \"Requested node configuration\"}], "
        "\"job_id\": 9}");
    snprintf(w->script->jobs, sizeof w->script->jobs,
             "200 {\"jobs\": [" JOB(9, "FAILED", OURS, "\"exit_code\": 768") "]}");
    w->script->jobs_once_submitted = 1;
    endpoint_open(w, DR_SECOND_US);
    CHECK_EQ(launch(w, 5), DR_OK);
    CHECK_EQ(wait_for(w, 0, DR_REPORT_ENDED)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(wait_for(w, 0, DR_REPORT_ENDED)->exit_code, 3);
    CHECK_EQ(w->script->submits, 1);
    endpoint_free(w);
}

TEST(a_refusal_ends_the_attempt)
{
    struct endpoint *w = endpoint_new();

    snprintf(w->script->submit, sizeof w->script->submit,
             "500 {\"errors\": [{\"error_code\": 2000, \"error\": \"Invalid partition name\"}]}");
    endpoint_open(w, DR_SECOND_US);
    CHECK_EQ(launch(w, 5), DR_OK);
    CHECK_EQ(wait_for(w, 0, DR_REPORT_ENDED)->outcome, DR_OUTCOME_LAUNCH_FAILED);
    CHECK_HAS(wait_for(w, 0, DR_REPORT_ENDED)->text, "Invalid partition name");
    CHECK_EQ(w->script->submits, 1);
    endpoint_free(w);
}

/* Each of Slurm's own refusals is final, and says why; an answer that is none is not. */
TEST(refusals_are_told_from_failures)
{
    static const struct {
        int number;
        const char *words;
    } refusals[] = {
        {2000, "Invalid partition name"},
        {2014, "Requested node configuration is not available"},
        {2018, "Invalid node name specified"},
        {2127, "Environment must be set"},
        {9001, "Unable to parse"},
    };
    static const char *const failures[] = {
        "500 {\"errors\": [{\"error\": \"Unspecified error\", \"error_number\": -1}]}",
        "400 not JSON",
        "401 {\"errors\": [{\"error\": \"Authentication failure\"}]}",
        "200 {}",
    };

    for (size_t i = 0; i < DR_COUNT_OF(refusals); i += 1) {
        struct endpoint *w = endpoint_new();

        snprintf(w->script->submit, sizeof w->script->submit,
                 "500 {\"errors\": [{\"error_code\": %d, \"error\": \"%s\"}]}", refusals[i].number,
                 refusals[i].words);
        endpoint_open(w, DR_SECOND_US);
        CHECK_EQ(launch(w, 5), DR_OK);
        CHECK_EQ(wait_for(w, 0, DR_REPORT_ENDED)->outcome, DR_OUTCOME_LAUNCH_FAILED);
        CHECK_HAS(wait_for(w, 0, DR_REPORT_ENDED)->text, refusals[i].words);
        endpoint_free(w);
    }
    for (size_t i = 0; i < DR_COUNT_OF(failures); i += 1) {
        struct endpoint *w = endpoint_new();

        snprintf(w->script->submit, sizeof w->script->submit, "%s", failures[i]);
        endpoint_open(w, DR_SECOND_US);
        CHECK_EQ(launch(w, 5), DR_OK);
        while (w->script->submits == 0)
            step(w, 100);
        for (uint32_t report = 0; report < w->reports_count; report += 1)
            CHECK(w->reports[report].kind != DR_REPORT_ENDED);
        /* the site's clock says that the token is over: it is sent again, and taken */
        snprintf(w->script->submit, sizeof w->script->submit,
                 "200 {\"errors\": [], \"job_id\": 9}");
        w->script->clock_ahead_s = 60;
        while (w->script->submits == 1)
            step(w, 100);
        snprintf(w->script->jobs, sizeof w->script->jobs,
                 "200 {\"jobs\": [" JOB(9, "COMPLETED", OURS, "\"exit_code\": 0") "]}");
        CHECK_EQ(wait_for(w, 0, DR_REPORT_ENDED)->outcome, DR_OUTCOME_EXITED);
        CHECK_EQ(w->script->submits, 2);
        endpoint_free(w);
    }
}

TEST(nothing_is_concluded_from_nonsense)
{
    static const char *const nonsense[] = {
        "502 <html>Bad Gateway</html>",
        "200 {\"jobs\": [{\"job_id\": \"one\"}]}",
        "200 {\"jobs\": [" JOB(1, "RUNNING", OURS, "\"exit_code\": 0"),
        "200 []",
        "304 ",
    };
    struct dr_engine_health health;

    for (size_t i = 0; i < DR_COUNT_OF(nonsense); i += 1) {
        struct endpoint *w = endpoint_new();

        snprintf(w->script->jobs, sizeof w->script->jobs, "%s", nonsense[i]);
        endpoint_open(w, DR_SECOND_US);
        CHECK_EQ(launch(w, 5), DR_OK);
        CHECK_EQ(wait_for(w, 0, DR_REPORT_SITE)->answers, 0);
        CHECK_EQ(w->reports_count, 1);
        CHECK_EQ(w->script->submits, 0);
        w->engine->operations->health(w->engine, &health);
        CHECK_EQ(health.answers, 0);
        CHECK(health.error[0] != 0);
        endpoint_free(w);
    }
}

/* The connection is cut once the order has arrived, and the site has it: it is found, not resent.
 */
TEST(a_submission_that_was_cut_off_is_looked_for)
{
    struct endpoint *w = endpoint_new();

    snprintf(w->script->jobs, sizeof w->script->jobs,
             "200 {\"jobs\": [" JOB(9, "COMPLETED", OURS, "\"exit_code\": 0") "]}");
    w->script->jobs_once_submitted = 1;
    endpoint_open(w, DR_SECOND_US);
    CHECK_EQ(launch(w, 5), DR_OK);
    CHECK_EQ(wait_for(w, 0, DR_REPORT_ENDED)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(w->script->submits, 1);
    endpoint_free(w);
}

/* The site does not have it: not sent again before the token is over by the site's clock, and then
 * once. */
TEST(a_lost_submission_waits_for_the_end_of_its_token)
{
    struct endpoint *w = endpoint_new();

    endpoint_open(w, DR_SECOND_US);
    wait_for(w, 0, DR_REPORT_SITE);
    CHECK_EQ(launch(w, 5), DR_OK);
    while (w->script->submits == 0)
        step(w, 100);
    /* many looks that do not show it prove nothing */
    look(w, 12);
    CHECK_EQ(w->script->submits, 1);
    snprintf(w->script->submit, sizeof w->script->submit, "200 {\"errors\": [], \"job_id\": 9}");
    while (w->script->submits == 1)
        step(w, 100);
    snprintf(w->script->jobs, sizeof w->script->jobs,
             "200 {\"jobs\": [" JOB(9, "COMPLETED", OURS, "\"exit_code\": 0") "]}");
    CHECK_EQ(wait_for(w, 0, DR_REPORT_ENDED)->exit_code, 0);
    CHECK_EQ(w->script->submits, 2);
    endpoint_free(w);
}

/* A site whose lists are slow, with a job of ours on it. */
static struct endpoint *endpoint_of_many_jobs(const char *state)
{
    struct endpoint *w = endpoint_new();

    snprintf(w->script->submit, sizeof w->script->submit, "200 {\"errors\": [], \"job_id\": 9}");
    snprintf(w->script->jobs, sizeof w->script->jobs,
             "200 {%40000s\"jobs\": [" JOB(9, "%s", OURS, "\"exit_code\": 0") "]}", "", state);
    snprintf(w->script->one, sizeof w->script->one,
             "200 {\"jobs\": [" JOB(9, "%s", OURS, "\"exit_code\": 0") "]}", state);
    w->script->jobs_once_submitted = 1;
    w->script->jobs_take_ms = 100;
    endpoint_open(w, DR_SECOND_US);
    CHECK_EQ(launch(w, 5), DR_OK);
    return w;
}

TEST(one_is_asked_for_alone_where_the_list_is_dear)
{
    struct endpoint *w = endpoint_of_many_jobs("RUNNING");

    snprintf(w->script->one, sizeof w->script->one,
             "200 {\"jobs\": [" JOB(9, "COMPLETED", OURS, "\"exit_code\": 768") "]}");
    /* the list goes on saying that it runs */
    CHECK_EQ(wait_for(w, 0, DR_REPORT_ENDED)->exit_code, 3);
    endpoint_free(w);
}

TEST(nobody_is_asked_for_alone_where_the_list_is_cheap)
{
    struct endpoint *w = endpoint_of_many_jobs("RUNNING");

    snprintf(w->script->jobs, sizeof w->script->jobs, "%s", w->script->one);
    look(w, 6);
    w->script->ones = 0;
    look(w, 20);
    CHECK_EQ(w->script->ones, 0);
    endpoint_free(w);
}

#define LONG_RUNS 18
#define SHORT_RUN 40

/* Jobs of hours, and one that is as old as those that have just ended. */
static void list_of_long_and_short(struct script *script)
{
    size_t used = (size_t)snprintf(script->jobs, sizeof script->jobs, "200 {\"jobs\": [");
    long long now_s = dr_clock_us() / DR_SECOND_US;

    for (int number = 1; number <= SHORT_RUN; number += 1) {
        int ended = number > LONG_RUNS && number < SHORT_RUN;
        long long age_s = number <= LONG_RUNS ? 3600 + 100 * number : 4;

        used += (size_t)snprintf(
            script->jobs + used, sizeof script->jobs - used,
            "%s{\"job_id\": %d, \"job_state\": \"%s\", \"comment\": "
            "\"daero:test:seoul:%d:1:5\", \"name\": \"x\", \"submit_time\": 1, \"restart_cnt\": 0, "
            "\"nodes\": \"seoul1\", \"start_time\": %lld, \"end_time\": %lld, \"exit_code\": 0}",
            number == 1 ? "" : ", ", number, ended ? "COMPLETED" : "RUNNING", number, now_s - age_s,
            now_s);
    }
    snprintf(script->jobs + used, sizeof script->jobs - used, "], \"x\": \"%3000000s\"}", "");
    script->by_number = 1;
}

TEST(those_that_have_likely_ended_are_asked_for_first)
{
    struct endpoint *w = endpoint_new();
    int most = 0;

    list_of_long_and_short(w->script);
    w->script->jobs_take_ms = 1000;
    endpoint_open(w, 5 * DR_SECOND_US);
    while (w->script->ones < 40)
        step(w, 50);
    for (int number = 1; number <= LONG_RUNS; number += 1)
        most = w->script->asked[number] > most ? w->script->asked[number] : most;
    if (w->script->asked[SHORT_RUN] < 3 * most)
        fail_msg("the short one %d times, a long one %d", w->script->asked[SHORT_RUN], most);
    CHECK(most > 0);
    endpoint_free(w);
}

/* That it is not there, or nonsense, is no end: a list says so. */
TEST(what_one_answer_lacks_is_no_end)
{
    static const char *const answers[] = {
        "500 {\"errors\": [{\"error_number\": 2017, \"error\": \"Invalid job id specified\"}]}",
        "200 {\"jobs\": []}",
        "200 {\"jobs\": [" JOB(8, "COMPLETED", OURS, "\"exit_code\": 0") "]}",
    };

    for (size_t i = 0; i < DR_COUNT_OF(answers); i += 1) {
        struct endpoint *w = endpoint_of_many_jobs("RUNNING");

        snprintf(w->script->one, sizeof w->script->one, "%s", answers[i]);
        w->script->ones = 0;
        while (w->script->ones < 3)
            step(w, 50);
        look(w, 3);
        CHECK(!has_report(w, DR_REPORT_ENDED));
        endpoint_free(w);
    }
}

/* A list that was begun later is the newer one, whichever arrives first. */
TEST(an_answer_that_a_list_overtook_is_dropped)
{
    struct endpoint *w = endpoint_of_many_jobs("PENDING");

    w->script->ones = 0;
    w->script->one_waits = 1;
    while (w->script->ones == 0)
        step(w, 50);
    snprintf(w->script->jobs, sizeof w->script->jobs,
             "200 {\"jobs\": [" JOB(9, "RUNNING", OURS, "\"exit_code\": 0") "]}");
    wait_for(w, 0, DR_REPORT_STARTED);
    look(w, 4);
    /* or the site would have gone back to before it began */
    CHECK(!has_report(w, DR_REPORT_WARNING));
    CHECK_EQ(w->script->cancels, 0);
    endpoint_free(w);
}

/* What an earlier controller decided may be on its way: the same wait, and an adoption. */
TEST(an_order_of_an_earlier_controller_is_looked_for_first)
{
    struct endpoint *w = endpoint_new();

    endpoint_open(w, DR_SECOND_US);
    wait_for(w, 0, DR_REPORT_SITE);
    CHECK_EQ(launch(w, 4), DR_OK);
    look(w, 6);
    CHECK_EQ(w->script->submits, 0);
    snprintf(w->script->jobs, sizeof w->script->jobs,
             "200 {\"jobs\": [" JOB(8, "CANCELLED", "daero:other:seoul:71:1:5",
                                    "\"exit_code\": 0") "," JOB(9, "COMPLETED",
                                                                "daero:test:seoul:71:1:4",
                                                                "\"exit_code\": 0") "]}");
    CHECK_EQ(wait_for(w, 0, DR_REPORT_ENDED)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(w->script->submits, 0);
    endpoint_free(w);
}

/* A site that lost its state: what it had is lost once, and its numbers mean other jobs now. */
TEST(a_site_that_lost_its_state)
{
    struct endpoint *w = endpoint_new();

    snprintf(w->script->submit, sizeof w->script->submit, "200 {\"errors\": [], \"job_id\": 9}");
    snprintf(w->script->jobs, sizeof w->script->jobs,
             "200 {\"jobs\": [" JOB(9, "RUNNING", OURS, "\"exit_code\": 0") "]}");
    w->script->jobs_once_submitted = 1;
    endpoint_open(w, DR_SECOND_US);
    CHECK_EQ(launch(w, 5), DR_OK);
    wait_for(w, 0, DR_REPORT_STARTED);
    snprintf(w->script->nodes, sizeof w->script->nodes, NODE("unknown", ""));
    snprintf(
        w->script->jobs, sizeof w->script->jobs,
        "200 {\"jobs\": [{\"job_id\": 9, \"job_state\": \"PENDING\", \"comment\": \"\", \"name\": "
        "\"other\", \"submit_time\": 5, \"restart_cnt\": 0}]}");
    /* it may run on there until the node has registered, and is not over before */
    CHECK_EQ(wait_for(w, 0, DR_REPORT_REACH)->answers, 0);
    CHECK_HAS(wait_for(w, 0, DR_REPORT_REACH)->text, "node seoul1 has not reported");
    look(w, 20);
    CHECK(!has_report(w, DR_REPORT_ENDED));
    snprintf(w->script->nodes, sizeof w->script->nodes, NODE("idle", ""));
    CHECK_EQ(wait_for(w, 0, DR_REPORT_ENDED)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_HAS(wait_for(w, 0, DR_REPORT_ENDED)->text, "does not know it any more");
    CHECK_EQ(w->script->submits, 1);
    endpoint_free(w);
}

/* A slurmctld that has just started knows of no node how it is: nothing new goes there, and what
 * runs there is not taken for lost. */
TEST(a_node_that_the_site_has_not_heard_of_yet_is_not_down)
{
    static const struct dr_engine_node node = {
        .name = "seoul1", .partition = "", .gres = "", .cpus_milli = 4000, .memory_mb = 1024};
    struct endpoint *w = endpoint_new();
    uint32_t from;

    snprintf(w->script->nodes, sizeof w->script->nodes, NODE("unknown", ""));
    endpoint_open(w, DR_SECOND_US);
    w->engine->operations->declare(w->engine, &node, 1);
    CHECK_EQ(wait_for(w, 0, DR_REPORT_NODE)->node_down, 0);
    CHECK_EQ(wait_for(w, 0, DR_REPORT_NODE)->node_drained, 1);
    CHECK_HAS(wait_for(w, 0, DR_REPORT_NODE)->text, "not heard of yet");

    from = w->reports_count;
    snprintf(w->script->nodes, sizeof w->script->nodes, NODE("idle", ""));
    CHECK_EQ(wait_for(w, from, DR_REPORT_NODE)->node_drained, 0);
    from = w->reports_count;
    snprintf(w->script->nodes, sizeof w->script->nodes, NODE("down", ""));
    CHECK_EQ(wait_for(w, from, DR_REPORT_NODE)->node_down, 1);
    endpoint_free(w);
}

/* Drained at the site, a controller's restart, resumed there meanwhile: the controller hears of it.
 */
TEST(a_node_that_came_back_unheard_is_told)
{
    static const struct dr_engine_node node = {.name = "seoul1",
                                               .partition = "",
                                               .gres = "",
                                               .cpus_milli = 4000,
                                               .memory_mb = 1024,
                                               .drained = 1};
    struct endpoint *w = endpoint_new();

    snprintf(w->script->nodes, sizeof w->script->nodes, NODE("idle", ""));
    endpoint_open(w, DR_SECOND_US);
    w->engine->operations->declare(w->engine, &node, 1);
    CHECK_EQ(wait_for(w, 0, DR_REPORT_NODE)->node_drained, 0);
    CHECK_EQ(wait_for(w, 0, DR_REPORT_NODE)->node_down, 0);
    endpoint_free(w);
}

TEST(options_that_can_not_be)
{
    static const char *const urls[] = {"https://127.0.0.1:1",
                                       "http://slurm.example:1",
                                       "http://127.0.0.1:1/slurm",
                                       "unix:relative",
                                       "127.0.0.1:1",
                                       ""};
    struct dr_engine *engine = NULL;
    struct dr_error error = {0};
    char path[256];
    FILE *key;

    snprintf(path, sizeof path, "%s/key", test_directory());
    key = fopen(path, "w");
    CHECK(key != NULL);
    fprintf(key, "k");
    fclose(key);
    for (size_t i = 0; i < DR_COUNT_OF(urls); i += 1) {
        struct dr_slurm_options options = {.federation = "a",
                                           .site = "b",
                                           .url = urls[i],
                                           .key_file = path,
                                           .user = "root",
                                           .conf = ""};

        CHECK_EQ(dr_slurm_open(&engine, &options, &error), DR_E_INPUT);
        CHECK_TEXT(error.field, "url");
        CHECK_TEXT(error.found, urls[i]);
    }
}

/* ---- engines that leave submissions behind; the next one waits for their tokens ---- */

/* A look that was asked for a second too early by the site's clock proves nothing, and another
 * follows.
 */
TEST(a_site_whose_clock_is_behind)
{
    struct endpoint *w = endpoint_new();

    w->script->clock_ahead_s = -1;
    endpoint_open(w, DR_SECOND_US);
    wait_for(w, 0, DR_REPORT_SITE);
    CHECK_EQ(launch(w, 5), DR_OK);
    wait_for_submits(w, 1);
    wait_for_submits(w, 2);
    endpoint_free(w);
}

/* Nothing waits for a token to end here unless the site's clock is put forward. */
#define LONG_US (1000 * DR_SECOND_US)

/* The order was decided so long after the one that made the file began to lead. */
static struct endpoint *endpoint_that_keeps(const char *name, int64_t later_us)
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
        wait_for(w, 0, DR_REPORT_SITE);
    }
    return w;
}

/* The next controller, which is given the order that the one before decided. */
static void lead_again(struct endpoint *w)
{
    w->engine->operations->close(w->engine);
    w->reports_count = 0;
    w->led_us += 1000;
    endpoint_open(w, LONG_US);
    wait_for(w, 0, DR_REPORT_SITE);
    CHECK_EQ(launch(w, 4), DR_OK);
}

TEST(what_was_not_sent_before_a_restart_is_sent_at_once)
{
    struct endpoint *w = endpoint_that_keeps("unsent", 500);

    lead_again(w);
    wait_for_submits(w, 1);
    endpoint_free(w);
}

/* However many controllers come and go meanwhile. */
TEST(what_was_sent_waits_for_its_own_token)
{
    struct endpoint *w = endpoint_that_keeps("sent", 500);

    CHECK_EQ(launch(w, 5), DR_OK);
    wait_for_submits(w, 1); /* and is cut off */
    lead_again(w);
    look(w, 12);
    CHECK_EQ(w->script->submits, 1);
    w->script->clock_ahead_s = 2000; /* the next one's first look is after the token's end */
    lead_again(w);
    wait_for_submits(w, 2);
    endpoint_free(w);
}

TEST(an_order_from_before_the_file_waits_once)
{
    struct endpoint *w = endpoint_that_keeps("before", -100);

    lead_again(w);
    look(w, 12);
    CHECK_EQ(w->script->submits, 0);
    w->script->clock_ahead_s = 2000;
    lead_again(w);
    wait_for_submits(w, 1);
    endpoint_free(w);
}

TEST(a_copied_or_cut_file_is_not_believed)
{
    struct endpoint *w = endpoint_that_keeps("copy", 500);
    char line[800];

    snprintf(line, sizeof line, "cp %s %s.2 && mv %s.2 %s", w->sent_file, w->sent_file,
             w->sent_file, w->sent_file);
    CHECK_EQ(system(line), 0);
    lead_again(w);
    look(w, 12);
    CHECK_EQ(w->script->submits, 0);
    snprintf(line, sizeof line, "truncate -s -1 %s", w->sent_file);
    CHECK_EQ(system(line), 0);
    lead_again(w);
    look(w, 12);
    CHECK_EQ(w->script->submits, 0);
    endpoint_free(w);
}
