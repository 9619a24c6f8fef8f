/* SPDX-License-Identifier: Apache-2.0 */
/* scontrol and scancel, for what REST lacks: drain and resume of nodes, how long the site remembers
 * jobs, and signals that reach a job's script alone, or its steps alone.
 * One at a time, never waited for: its output is a pipe in the epoll set, and its end closes that.
 * It knows who asks by a token, so that it needs no munge. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/math.h"
#include "base/spawn.h"
#include "engine/slurm_internal.h"

#define OUTPUT_BYTES_MAX (256u * 1024)
#define TAKES_US_MAX     (20 * DR_SECOND_US)
#define AGAIN_US         (5 * DR_SECOND_US)
#define LIFE_S           120
#define AGE_WORTH_S      3600
#define LAUNCH_MORE_S    60

static int run(struct slurm *slurm, char *const *argv)
{
    struct scontrol *control = &slurm->scontrol;
    char conf[512], jwt[DR_SLURM_TOKEN_BYTES + 16], token[DR_SLURM_TOKEN_BYTES];
    char *envp[4] = {DR_SPAWN_PATH, jwt, NULL, NULL};
    struct epoll_event event = {.events = EPOLLIN};
    int64_t site_s = slurm_site_s(slurm);
    int pipe_fds[2], wrong;

    if (dr_slurm_token(&slurm->key, slurm->options.user, site_s, site_s + LIFE_S, token) != DR_OK ||
        pipe2(pipe_fds, O_CLOEXEC) != 0)
        return EMFILE;
    snprintf(jwt, sizeof jwt, "SLURM_JWT=%s", token);
    snprintf(conf, sizeof conf, "SLURM_CONF=%s", slurm->options.conf);
    envp[2] = slurm->options.conf[0] == 0 ? NULL : conf;
    fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
    wrong = dr_spawn(argv, envp, pipe_fds[1], pipe_fds[1], &control->pid);
    close(pipe_fds[1]);
    if (wrong != 0) {
        close(pipe_fds[0]);
        return wrong;
    }
    control->fd = pipe_fds[0];
    control->until_us = dr_monotonic_us() + TAKES_US_MAX;
    dr_buffer_clear(&control->output);
    control->output.length_max = OUTPUT_BYTES_MAX;
    event.data.u64 = (uint64_t)control->fd;
    epoll_ctl(slurm->epoll_fd, EPOLL_CTL_ADD, control->fd, &event);
    return 0;
}

/* "MinJobAge               = 300 sec": the number; 0: not there. */
static int64_t setting(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    at = at == NULL ? NULL : strchr(at, '=');
    return at == NULL ? 0 : strtol(at + 1, NULL, 10);
}

static void take_config(struct slurm *slurm)
{
    const char *text = dr_buffer_text(&slurm->scontrol.output);
    int64_t age_s = setting(text, "MinJobAge");

    if (strstr(text, "MinJobAge") == NULL)
        return;
    slurm->scontrol.config_known = 1;
    slurm->min_job_age_s = age_s;
    /* slurmctld looks for a batch job on its node BatchStartTimeout after its start, when the node
     * tells what it has; a message may take MessageTimeout. */
    slurm->launch_s =
        LAUNCH_MORE_S + setting(text, "BatchStartTimeout") + setting(text, "MessageTimeout");
    if (age_s < AGE_WORTH_S)
        slurm_warn(slurm, (dr_job_id){0}, 0,
                   "the site forgets jobs %" PRId64
                   " s after their end (MinJobAge): what ends while "
                   "it can't be reached for longer counts as lost. An hour or more is better",
                   age_s);
    if (setting(text, "JobRequeue") != 0)
        slurm_warn(slurm, (dr_job_id){0}, 0,
                   "the site runs jobs again by itself (JobRequeue=1): Daero ends such copies. "
                   "JobRequeue=0 is better");
}

static void failed(struct slurm *slurm, const char *words)
{
    struct scontrol *control = &slurm->scontrol;

    control->failures += 1;
    control->due_us = dr_monotonic_us() + (AGAIN_US << dr_min_u32(control->failures - 1, 5));
    if (control->node[0] != 0 && control->failures == 1)
        slurm_warn(slurm, (dr_job_id){0}, 0, "node %s: scontrol: %s", control->node, words);
}

/* Where scancel can't say whom a signal reaches, all get it, by REST. */
static void signalled(struct slurm *slurm, int ok, const char *words)
{
    struct scontrol *control = &slurm->scontrol;
    struct row *row = slurm_find(slurm, control->job, control->attempt);

    control->job.v = 0;
    slurm_look_soon(slurm);
    if (row == NULL)
        return;
    row->ordering = 0;
    if (ok) {
        row->signal = 0;
    } else if (row->state == ROW_RUNNING) {
        row->warn_to = DR_WARN_ALL;
        slurm_warn(slurm, row->job, row->attempt, "scancel: %s; all its processes are warned",
                   words);
    }
    slurm_advance(slurm, row);
}

static void finished(struct slurm *slurm)
{
    struct scontrol *control = &slurm->scontrol;
    struct declared *node = slurm_declared(slurm, control->node);
    char words[160];
    int status = 0;
    int ok;

    epoll_ctl(slurm->epoll_fd, EPOLL_CTL_DEL, control->fd, NULL);
    close(control->fd);
    /* It has closed its output: it is at its end, or made to be. */
    kill(control->pid, SIGKILL);
    while (waitpid(control->pid, &status, 0) < 0 && errno == EINTR) {
    }
    control->pid = 0;
    control->fd = -1;
    snprintf(words, sizeof words, "%.*s", (int)dr_min_i64((int64_t)control->output.length, 150),
             dr_buffer_text(&control->output));
    words[strcspn(words, "\n")] = 0;
    if (control->job.v != 0) {
        signalled(slurm, control->output.length == 0, words);
        return;
    }
    if (control->node[0] == 0) {
        take_config(slurm);
        ok = slurm->scontrol.config_known;
    } else {
        ok = control->output.length == 0;
    }
    if (!ok) {
        failed(slurm, words);
        return;
    }
    control->failures = 0;
    control->due_us = 0;
    if (node != NULL && node->wanted == control->wanted)
        node->wanted = DRAIN_NONE;
    slurm->nodes.due_us = slurm->nodes.under_way ? slurm->nodes.due_us : dr_monotonic_us();
    slurm->nodes.again = slurm->nodes.under_way;
}

void slurm_scontrol_ready(struct slurm *slurm)
{
    uint8_t bytes[4096];
    ssize_t got;

    while ((got = read(slurm->scontrol.fd, bytes, sizeof bytes)) > 0)
        dr_buffer_append(&slurm->scontrol.output, bytes, (size_t)got);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        finished(slurm);
}

static void order_node(struct slurm *slurm, struct declared *node)
{
    struct scontrol *control = &slurm->scontrol;
    char name[sizeof node->name + 16], state[32], reason[sizeof node->reason + 16];
    char program[] = "scontrol", update[] = "update";
    char *argv[] = {program, update, name, state, reason, NULL};
    int wrong;

    snprintf(name, sizeof name, "nodename=%s", node->name);
    snprintf(state, sizeof state, "state=%s", node->wanted == DRAIN_ON ? "drain" : "resume");
    snprintf(reason, sizeof reason, "reason=%s", node->reason);
    if (node->wanted == DRAIN_OFF)
        argv[4] = NULL;
    memcpy(control->node, node->name, sizeof control->node);
    control->wanted = node->wanted;
    wrong = run(slurm, argv);
    if (wrong != 0)
        failed(slurm, strerror(wrong));
}

void slurm_scancel(struct slurm *slurm, struct row *row)
{
    row->ordering = 1;
    row->scancel = 1;
    slurm->scontrol.waiting = 1;
}

static void order_signal(struct slurm *slurm, struct row *row)
{
    const char *name = sigabbrev_np((int)row->stop_signal);
    char program[] = "scancel", quiet[] = "--quiet", batch[] = "--batch";
    char signal[32], job[24];
    char *argv[] = {program, quiet, signal, job, batch, NULL};
    int wrong;

    if (name != NULL)
        snprintf(signal, sizeof signal, "--signal=%s", name);
    else
        snprintf(signal, sizeof signal, "--signal=%" PRIu32, row->stop_signal);
    snprintf(job, sizeof job, "%" PRIu32, row->slurm_id);
    if (row->warn_to == DR_WARN_STEPS)
        argv[4] = NULL;
    row->scancel = 0;
    slurm->scontrol.job = row->job;
    slurm->scontrol.attempt = row->attempt;
    wrong = run(slurm, argv);
    if (wrong != 0)
        signalled(slurm, 0, strerror(wrong));
}

/* One of the rows that wait for it; 0: none does. */
static int signal_next(struct slurm *slurm)
{
    for (uint32_t i = 0; slurm->scontrol.waiting && i < slurm->rows_used; i += 1)
        if (slurm->rows[i].state != ROW_FREE && slurm->rows[i].scancel) {
            order_signal(slurm, &slurm->rows[i]);
            return 1;
        }
    slurm->scontrol.waiting = 0;
    return 0;
}

void slurm_scontrol_step(struct slurm *slurm, int64_t now_us)
{
    struct scontrol *control = &slurm->scontrol;
    char program[] = "scontrol", show[] = "show", config[] = "config";
    char *argv[] = {program, show, config, NULL};
    int wrong;

    if (control->pid != 0) {
        if (control->until_us <= now_us) {
            kill(control->pid, SIGKILL);
            control->until_us = DR_FOREVER_US;
        }
        return;
    }
    if (signal_next(slurm) || control->due_us > now_us || slurm->failures > 0 || !slurm->complete)
        return;
    for (uint32_t i = 0; i < slurm->declared_count; i += 1)
        if (slurm->declared[i].wanted != DRAIN_NONE) {
            order_node(slurm, &slurm->declared[i]);
            return;
        }
    if (control->config_known)
        return;
    control->node[0] = 0;
    control->wanted = DRAIN_NONE;
    wrong = run(slurm, argv);
    if (wrong != 0)
        failed(slurm, strerror(wrong));
}

int64_t slurm_scontrol_due(const struct slurm *slurm)
{
    if (slurm->scontrol.pid != 0)
        return slurm->scontrol.until_us;
    if (slurm->scontrol.waiting)
        return 0;
    if (slurm->failures > 0 || !slurm->complete)
        return DR_FOREVER_US;
    if (!slurm->scontrol.config_known)
        return slurm->scontrol.due_us;
    for (uint32_t i = 0; i < slurm->declared_count; i += 1)
        if (slurm->declared[i].wanted != DRAIN_NONE)
            return slurm->scontrol.due_us;
    return DR_FOREVER_US;
}

void slurm_scontrol_close(struct slurm *slurm)
{
    if (slurm->scontrol.pid != 0)
        finished(slurm);
    dr_buffer_deinit(&slurm->scontrol.output);
}
