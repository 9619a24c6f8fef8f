/* SPDX-License-Identifier: Apache-2.0 */
#include "slurm_site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "test.h"

static char cluster[64]; /* its directory; "": not up */
static char script[400];
static int port;
static pid_t owner;
static uint64_t last_job;
static int memory_limits;

/* ---- the cluster ---- */

static void take_down(void)
{
    char line[600];

    if (getpid() != owner || cluster[0] == 0)
        return;
    snprintf(line, sizeof line, "%s down %s --purge >/dev/null 2>&1", script, cluster);
    if (system(line) != 0)
        print_message("# the cluster in %s did not go down\n", cluster);
}

static void find_script(void)
{
    const char *build = getenv("DAERO_BUILD");
    char path[300];
    ssize_t length;

    if (build != NULL) {
        snprintf(script, sizeof script, "%s/../../tests/engine/slurm-cluster", build);
        return;
    }
    /* build/MODE/tests/engine/PROGRAM */
    length = readlink("/proc/self/exe", path, sizeof path - 1);
    CHECK(length > 0);
    path[length] = 0;
    for (int i = 0; i < 5; i += 1)
        *strrchr(path, '/') = 0;
    snprintf(script, sizeof script, "%s/tests/engine/slurm-cluster", path);
}

static void bring_up(void)
{
    char line[1024];
    char why[1000] = "";
    FILE *output;
    int status;

    if (cluster[0] != 0)
        return;
    if (geteuid() != 0)
        SKIP_TEST("Slurm's daemons need root");
    if (getpwnam("nobody") == NULL)
        SKIP_TEST("jobs run as nobody, and there is no such user");
    find_script();
    snprintf(cluster, sizeof cluster, "/tmp/daero-slurm-XXXXXX");
    CHECK(mkdtemp(cluster) != NULL);
    CHECK_EQ(chmod(cluster, 0755), 0);
    owner = getpid();
    atexit(take_down);
    for (int tries = 0; tries < 8; tries += 1) {
        port = 20000 + (int)((getpid() + tries * 37) % 100) * 100;
        snprintf(line, sizeof line,
                 "%s up %s --name seoul --nodes %u --gpus %u --base-port %d "
                 "--memory-limits %d --conf-line KillWait=1 2>&1",
                 script, cluster, SITE_NODES, SITE_GPUS, port, memory_limits);
        output = popen(line, "r");
        CHECK(output != NULL);
        why[fread(why, 1, sizeof why - 1, output)] = 0;
        status = pclose(output);
        if (status == 0) {
            snprintf(line, sizeof line, "%s/etc/slurm.conf", cluster);
            CHECK_EQ(setenv("SLURM_CONF", line, 1), 0);
            return;
        }
        if (strstr(why, "missing programs") != NULL) {
            rmdir(cluster);
            cluster[0] = 0;
            SKIP_TEST("Slurm is not installed (tools/setup slurm)");
        }
        if (strstr(why, "ports in use") == NULL)
            break;
    }
    fail_msg("no cluster: %s", why);
}

void site_with_memory_limits(void)
{
    if (access("/sys/fs/cgroup/memory/cgroup.procs", W_OK) != 0)
        SKIP_TEST("no version 1 of cgroups to limit memory with");
    memory_limits = 1;
}

const char *site_directory(void)
{
    return cluster;
}

uint16_t site_port(void)
{
    return (uint16_t)(port + 1);
}

const char *site_node(uint32_t number, char name[32])
{
    snprintf(name, 32, "seoul%u", number);
    return name;
}

const char *site_command(const char *format, ...)
{
    static char text[65536];
    char line[4096];
    va_list arguments;
    FILE *output;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    output = popen(line, "r");
    CHECK(output != NULL);
    text[fread(text, 1, sizeof text - 1, output)] = 0;
    pclose(output);
    return text;
}

void site_daemon(const char *action, const char *what)
{
    char line[1200];
    int tries = 0, failed;

    snprintf(line, sizeof line, "%s %s %s %s >%s/action 2>&1", script, action, cluster, what,
             cluster);
    /* One that is started where another has just been killed may find its port taken. */
    while ((failed = system(line)) != 0 && strcmp(action, "start") == 0 && tries < 3) {
        tries += 1;
        sleep(1);
    }
    if (failed != 0)
        print_message("# %s %s: %s\n", action, what, site_command("cat %s/action", cluster));
    CHECK_EQ(failed, 0);
}

void site_loses_nodes_soon(void)
{
    site_command("grep -q ^SlurmdTimeout=3 $SLURM_CONF || "
                 "printf 'SlurmdTimeout=3\\nMessageTimeout=5\\n' >>$SLURM_CONF; "
                 "scontrol reconfigure");
}

/* ---- the engine ---- */

void site_open(struct site *w)
{
    struct dr_error error = {0};
    char line[1024];

    if (dr_slurm_open(&w->engine, &w->options, &error) != DR_OK)
        fail_msg("%s", dr_error_line(&error, line, sizeof line));
    site_wait(w, w->reports_count, 0, 0, DR_REPORT_SITE);
}

void site_shut(struct site *w)
{
    if (w->engine != NULL)
        w->engine->operations->close(w->engine);
    w->engine = NULL;
}

struct site *site_new(void)
{
    static char url[64], conf[128], key[128];
    struct site *w;

    bring_up();
    w = calloc(1, sizeof *w);
    CHECK(w != NULL);
    snprintf(w->work, sizeof w->work, "%s/work-XXXXXX", cluster);
    CHECK(mkdtemp(w->work) != NULL);
    CHECK_EQ(chmod(w->work, 0777), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", port + 1);
    snprintf(conf, sizeof conf, "%s/etc/slurm.conf", cluster);
    snprintf(key, sizeof key, "%s/etc/jwt_hs256.key", cluster);
    w->options = (struct dr_slurm_options){.federation = "test",
                                           .site = "seoul",
                                           .epoch = 1,
                                           .url = url,
                                           .key_file = key,
                                           .user = "root",
                                           .conf = conf,
                                           .poll_us = 50000};
    site_open(w);
    return w;
}

void site_free(struct site *w)
{
    site_shut(w);
    free(w);
}

/* ---- jobs ---- */

static void spec(struct site *w, struct site_spec *s)
{
    memset(s, 0, sizeof *s);
    last_job += 1;
    w->job = last_job;
    s->nodes[0] = (struct dr_launch_node){.name = "seoul1", .tasks = 1};
    s->nodes[1] = (struct dr_launch_node){.name = "seoul2", .tasks = 1};
    s->launch = (struct dr_launch){
        .job = {last_job},
        .attempt = 1,
        .epoch = w->options.epoch,
        .name = "train",
        .directory = w->work,
        .output = "out",
        .error = "",
        .input = "",
        .uid = 65534,
        .gid = 65534,
        .user = "nobody",
        .login = "nobody",
        .nodes = s->nodes,
        .nodes_count = 1,
        .site = "seoul",
        .account = "lab",
        .partition = "batch",
        .gres = "gpu",
        .chip = "",
        .chip_vendor = "",
        .tasks = 1,
        .cpus_per_task_milli = 1000,
        .limit_us = 600 * DR_SECOND_US,
        .grace_us = 10 * DR_SECOND_US,
    };
}

void site_shell(struct site *w, struct site_spec *s, const char *format, ...)
{
    va_list arguments;
    int length;

    spec(w, s);
    va_start(arguments, format);
    length = snprintf(s->script, sizeof s->script, "#!/bin/sh\n");
    length += vsnprintf(s->script + length, sizeof s->script - (size_t)length, format, arguments);
    va_end(arguments);
    s->launch.script = s->script;
    s->launch.script_bytes = (uint32_t)length;
}

void site_argv(struct site *w, struct site_spec *s, const char *const *argv, uint32_t count)
{
    spec(w, s);
    s->launch.argv = argv;
    s->launch.argv_count = count;
    s->launch.run_every_task = 1;
}

void site_launch(struct site *w, const struct site_spec *s)
{
    struct dr_error error = {0};
    char line[1024];

    if (w->engine->operations->launch(w->engine, &s->launch, &error) != DR_OK)
        fail_msg("%s", dr_error_line(&error, line, sizeof line));
}

/* ---- reports ---- */

void site_step(struct site *w, int64_t until_us)
{
    struct pollfd poll_fd = {.fd = w->engine->operations->descriptor(w->engine), .events = POLLIN};
    int64_t wait_us = until_us - dr_monotonic_us();

    if (wait_us > 0)
        poll(&poll_fd, 1, (int)(wait_us / 1000) + 1);
    w->reports_count +=
        w->engine->operations->poll(w->engine, w->reports + w->reports_count,
                                    (uint32_t)(DR_COUNT_OF(w->reports) - w->reports_count));
    CHECK(w->reports_count < DR_COUNT_OF(w->reports));
}

const struct dr_report *site_find(struct site *w, uint32_t from, uint64_t job, uint32_t attempt,
                                  enum dr_report_kind kind)
{
    for (uint32_t i = from; i < w->reports_count; i += 1)
        if (w->reports[i].kind == kind && w->reports[i].job.v == job &&
            w->reports[i].attempt == attempt)
            return &w->reports[i];
    return NULL;
}

uint32_t site_count(struct site *w, uint64_t job, uint32_t attempt, enum dr_report_kind kind)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < w->reports_count; i += 1)
        count += w->reports[i].kind == kind && w->reports[i].job.v == job &&
                 w->reports[i].attempt == attempt;
    return count;
}

static void fail_with_reports(struct site *w, const char *what)
{
    struct dr_engine_health health;

    for (uint32_t i = 0; i < w->reports_count; i += 1)
        print_message("# report %d of job %llu.%u: %s %s\n", (int)w->reports[i].kind,
                      (unsigned long long)w->reports[i].job.v, w->reports[i].attempt,
                      w->reports[i].node, w->reports[i].text);
    w->engine->operations->health(w->engine, &health);
    print_message(
        "# health: %u '%s'\n# %s\n", health.answers, health.error,
        site_command("squeue -t all | head -n 20; tail -n 20 %s/log/slurmctld.log", cluster));
    fail_msg("%s", what);
}

const struct dr_report *site_wait(struct site *w, uint32_t from, uint64_t job, uint32_t attempt,
                                  enum dr_report_kind kind)
{
    static const char *const kinds[] = {"STARTED", "ENDED", "CHECKPOINT", "WARNING",
                                        "SITE",    "NODE",  "REACH"};
    int64_t until_us = dr_monotonic_us() + SITE_WAIT_US;
    const struct dr_report *found;
    char what[100];

    while ((found = site_find(w, from, job, attempt, kind)) == NULL) {
        if (dr_monotonic_us() > until_us) {
            snprintf(what, sizeof what, "no %s of job %llu attempt %u", kinds[kind],
                     (unsigned long long)job, attempt);
            fail_with_reports(w, what);
        }
        site_step(w, until_us);
    }
    return found;
}

const struct dr_report *site_end(struct site *w, const struct site_spec *s)
{
    return site_wait(w, 0, s->launch.job.v, s->launch.attempt, DR_REPORT_ENDED);
}

static const struct dr_report *last_of_node(struct site *w, const char *node)
{
    for (uint32_t i = w->reports_count; i-- > 0;)
        if (w->reports[i].kind == DR_REPORT_NODE && strcmp(w->reports[i].node, node) == 0)
            return &w->reports[i];
    return NULL;
}

void site_wait_for_node(struct site *w, const char *node, int down, int drained, const char *text)
{
    int64_t until_us = dr_monotonic_us() + SITE_WAIT_US;
    const struct dr_report *last;

    for (;;) {
        last = last_of_node(w, node);
        if (last != NULL && last->node_down == down && last->node_drained == drained &&
            strstr(last->text, text) != NULL)
            return;
        if (dr_monotonic_us() > until_us)
            fail_with_reports(w, "the node's report");
        site_step(w, until_us);
    }
}

/* ---- files ---- */

const char *site_file(struct site *w, const char *name)
{
    static char text[65536];
    char path[SITE_PATH_BYTES + 64];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", w->work, name);
    file = fopen(path, "r");
    text[file == NULL ? 0 : fread(text, 1, sizeof text - 1, file)] = 0;
    if (file != NULL)
        fclose(file);
    return text;
}

void site_wait_for_file(struct site *w, const char *name, const char *content)
{
    int64_t until_us = dr_monotonic_us() + SITE_WAIT_US;

    while (strstr(site_file(w, name), content) == NULL || site_file(w, name)[0] == 0) {
        if (dr_monotonic_us() > until_us)
            fail_with_reports(w, name);
        site_step(w, dr_monotonic_us() + 5000);
    }
}
