/* SPDX-License-Identifier: Apache-2.0 */
/* log_command.c: see log_command.h. A run is three descriptors on the loop: its output, what it
 * says on standard error, and a pidfd that is readable once it has exited. It is over when it has
 * exited, whoever else may hold its pipes: ssh leaves a process behind that does (ControlPersist).
 */
#include "serve/log_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/spawn.h"
#include "base/words.h"
#include "serve/exchange.h"

#define WORDS_MAX     64u
#define ARGUMENTS_MAX 32768u     /* bytes of all words, filled in */
#define OUTPUT_KEPT   (1u << 18) /* not taken yet: beyond it nothing more is read */
#define SAID_BYTES    300u       /* of standard error */

struct log_command {
    struct dr_http *http;
    struct log_command *next;
    pid_t pid;
    int process; /* a pidfd */
    int output_end;
    int said_end;
    struct dr_buffer output;
    size_t printed; /* bytes that have come */
    char said[SAID_BYTES];
    size_t said_bytes;
    char program[64];
    uint32_t user;
    uint32_t token;
    void (*news)(void *context); /* NULL: nobody wants it any more */
    void *context;
    uint8_t reads; /* its output is watched */
    uint8_t late;  /* its time was up */
    uint8_t over;
    int status;
};

/* ---- words ---- */

/* None of these means anything to a shell, within a word that begins with another of them. */
static int is_plain(const char *text)
{
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "/._-+=:,@%";

    for (const char *at = text; *at != '\0'; at += 1)
        if (strchr(PLAIN, *at) == NULL && (unsigned char)*at < 0x80)
            return 0;
    return text[0] != '\0' && text[0] != '-';
}

/* A word with its placeholders filled in, behind what `filled` has. 0: there is no room. */
static int fill_word(struct dr_buffer *filled, const char *word,
                     const struct log_command_asked *asked)
{
    for (const char *at = word; *at != '\0'; at += 1) {
        if (*at != '%') {
            dr_buffer_append(filled, at, 1);
            continue;
        }
        at += 1;
        if (*at == 'p')
            dr_buffer_append_text(filled, asked->path);
        else if (*at == 'u')
            dr_buffer_append_text(filled, asked->user);
        else if (*at == 'o')
            dr_buffer_printf(filled, "%lld", (long long)asked->offset + 1);
        else if (*at == 'j')
            dr_buffer_printf(filled, "%llu", (unsigned long long)asked->job);
        else if (*at == '%')
            dr_buffer_append_text(filled, "%");
        else
            return 0; /* parse_slurm.c lets none through */
    }
    dr_buffer_append(filled, "", 1);
    return !filled->full;
}

/* ---- the child ---- */

/* 0, or an error number. ssh looks for its keys and settings in HOME. */
static int spawn(char *const *argv, int output, int said, pid_t *pid)
{
    char language[] = "LC_ALL=C";
    char home[512] = "HOME=/";
    char *envp[] = {DR_SPAWN_PATH, language, home, NULL};

    if (getenv("HOME") != NULL)
        snprintf(home, sizeof home, "HOME=%s", getenv("HOME"));
    return dr_spawn(argv, envp, output, said, pid);
}

static void close_end(struct log_command *run, int *end)
{
    if (*end < 0)
        return;
    dr_controller_poll(run->http->controller, *end, 0, NULL, NULL);
    close(*end);
    *end = -1;
}

static void forget(struct log_command *run)
{
    struct log_command **link = &run->http->log_commands;

    while (*link != run)
        link = &(*link)->next;
    *link = run->next;
    run->http->log_commands_count -= 1;
    dr_buffer_deinit(&run->output);
    free(run);
}

static void read_output(struct log_command *run, size_t bytes_max)
{
    uint8_t bytes[16384];

    while (run->output_end >= 0 && run->output.length < bytes_max) {
        ssize_t got = read(run->output_end, bytes, sizeof bytes);

        if (got > 0) {
            dr_buffer_append(&run->output, bytes, (size_t)got);
            run->printed += (size_t)got;
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            close_end(run, &run->output_end);
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

/* Its first words are kept; the rest is read so that it does not wait for a reader. */
static void read_said(struct log_command *run)
{
    char bytes[4096];

    for (int rounds = 0; run->said_end >= 0 && rounds < 16; rounds += 1) {
        ssize_t got = read(run->said_end, bytes, sizeof bytes);
        size_t kept;

        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            close_end(run, &run->said_end);
        if (got <= 0)
            return;
        kept = sizeof run->said - 1 - run->said_bytes;
        if (kept > (size_t)got)
            kept = (size_t)got;
        memcpy(run->said + run->said_bytes, bytes, kept);
        run->said_bytes += kept;
    }
}

static void watch_output(struct log_command *run);

static void output_ready(void *context, uint32_t events)
{
    struct log_command *run = context;

    (void)events;
    read_output(run, OUTPUT_KEPT);
    watch_output(run);
    if (run->news != NULL)
        run->news(run->context);
}

/* Read on while there is room. */
static void watch_output(struct log_command *run)
{
    int reads = run->output_end >= 0 && run->output.length < OUTPUT_KEPT;

    if (run->output_end >= 0 && reads != run->reads)
        dr_controller_poll(run->http->controller, run->output_end, reads ? EPOLLIN : 0,
                           output_ready, run);
    run->reads = (uint8_t)reads;
}

static void said_ready(void *context, uint32_t events)
{
    (void)events;
    read_said(context);
}

static void deadline(void *context)
{
    struct log_command *run = context;

    run->late = 1;
    kill(-run->pid, SIGKILL);
}

/* It has exited. What it left in the pipe is still read; of its group nothing stays. */
static void exited(void *context, uint32_t events)
{
    struct log_command *run = context;

    (void)events;
    dr_controller_at(run->http->controller, DR_FOREVER_US, deadline, run);
    if (run->news != NULL) {
        read_output(run, run->output.length + 2u * OUTPUT_KEPT); /* a pipe holds 64 KB */
        read_said(run);
    }
    kill(-run->pid, SIGKILL);
    while (waitpid(run->pid, &run->status, 0) < 0 && errno == EINTR) {
    }
    close_end(run, &run->process);
    close_end(run, &run->output_end);
    close_end(run, &run->said_end);
    run->over = 1;
    if (run->news == NULL)
        forget(run);
    else
        run->news(run->context);
}

/* ---- for others ---- */

static int has_room(struct exchange *x, char *text, size_t bytes)
{
    const struct dr_edge_limits *limits = &x->http->limits;
    uint32_t own = 0;

    for (const struct log_command *run = x->http->log_commands; run != NULL; run = run->next)
        own += run->user == x->who.user.v && run->token == x->who.token.v;
    if (x->http->log_commands_count < limits->log_commands && own < limits->token_log_commands)
        return 1;
    snprintf(text, bytes,
             "found %u commands that print what jobs wrote for this %s, and %u in all, expected at "
             "most %u and %u: ask again",
             own, x->who.token.v != 0 ? "token" : "user", x->http->log_commands_count,
             limits->token_log_commands, limits->log_commands);
    return 0;
}

/* Two pipes; 0: the system has none. */
static int open_pipes(int output[2], int said[2])
{
    if (pipe2(output, O_CLOEXEC) != 0)
        return 0;
    if (pipe2(said, O_CLOEXEC) != 0) {
        close(output[0]);
        close(output[1]);
        return 0;
    }
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    fcntl(said[0], F_SETFL, O_NONBLOCK);
    return 1;
}

/* Run argv; 0, or an error number. */
static int start(struct log_command *run, char *const *argv)
{
    struct dr_controller *controller = run->http->controller;
    int output[2], said[2];
    int wrong;

    if (!open_pipes(output, said))
        return errno;
    wrong = spawn(argv, output[1], said[1], &run->pid);
    close(output[1]);
    close(said[1]);
    if (wrong == 0) {
        run->process = pidfd_open(run->pid, 0);
        wrong = run->process < 0 ? errno : 0;
        if (wrong == 0 && (!dr_controller_poll(controller, run->process, EPOLLIN, exited, run) ||
                           !dr_controller_poll(controller, said[0], EPOLLIN, said_ready, run) ||
                           !dr_controller_poll(controller, output[0], EPOLLIN, output_ready, run)))
            wrong = ENOSPC;
        if (wrong != 0) {
            kill(-run->pid, SIGKILL);
            waitpid(run->pid, NULL, 0);
            close_end(run, &run->process);
        }
    }
    run->output_end = output[0];
    run->said_end = said[0];
    run->reads = 1;
    if (wrong == 0)
        return 0;
    close_end(run, &run->output_end);
    close_end(run, &run->said_end);
    return wrong;
}

struct log_command *log_command_begin(struct exchange *x, const struct log_command_asked *asked,
                                      void (*news)(void *context), void *context, int *busy,
                                      char *text, size_t bytes)
{
    DR_CLEANUP(dr_buffer_deinit) struct dr_buffer filled = {0};
    char room[DR_NOTE_BYTES];
    char *words[WORDS_MAX];
    char *argv[WORDS_MAX + 1] = {NULL};
    uint32_t count = dr_words_split(asked->command, room, sizeof room, words, WORDS_MAX);
    struct log_command *run;
    int wrong = count == 0;

    *busy = 0;
    if (!is_plain(asked->path) || !is_plain(asked->user)) {
        snprintf(text, bytes,
                 "a path with other characters than letters, digits and /._-+=:,@%% is not handed "
                 "to the site's command");
        return NULL;
    }
    *busy = !has_room(x, text, bytes);
    if (*busy)
        return NULL;
    dr_buffer_init(&filled, ARGUMENTS_MAX);
    for (uint32_t i = 0; i < count && !wrong; i += 1)
        wrong = !fill_word(&filled, words[i], asked);
    if (wrong) {
        snprintf(text, bytes, "the site's log_command is not one that can be run: '%.200s'",
                 asked->command);
        return NULL;
    }
    for (size_t at = 0, i = 0; i < count; i += 1) {
        argv[i] = (char *)filled.data + at;
        at += strlen(argv[i]) + 1;
    }
    run = calloc(1, sizeof *run);
    DR_ASSERT(run != NULL);
    *run = (struct log_command){.http = x->http,
                                .next = x->http->log_commands,
                                .process = -1,
                                .output_end = -1,
                                .said_end = -1,
                                .user = x->who.user.v,
                                .token = x->who.token.v,
                                .news = news,
                                .context = context};
    dr_buffer_init(&run->output, 4u * OUTPUT_KEPT);
    snprintf(run->program, sizeof run->program, "%s", argv[0]);
    x->http->log_commands = run;
    x->http->log_commands_count += 1;
    wrong = start(run, argv);
    if (wrong != 0) {
        snprintf(text, bytes, "the site's log_command can't be run: %.60s: %s", argv[0],
                 strerror(wrong));
        forget(run);
        return NULL;
    }
    dr_controller_at(x->http->controller,
                     dr_controller_monotonic_us(x->http->controller) +
                         x->http->limits.log_command_s * DR_SECOND_US,
                     deadline, run);
    return run;
}

size_t log_command_take(struct log_command *run, struct dr_buffer *to, size_t bytes_max)
{
    size_t taken = run->output.length < bytes_max ? run->output.length : bytes_max;

    dr_buffer_append(to, run->output.data, taken);
    dr_buffer_consume(&run->output, taken);
    if (!run->over)
        watch_output(run);
    return taken;
}

int log_command_over(const struct log_command *run, struct log_command_end *end)
{
    char said[SAID_BYTES];

    if (!run->over || run->output.length > 0)
        return 0;
    memcpy(said, run->said, sizeof said);
    said[run->said_bytes] = '\0';
    said[strcspn(said, "\r\n")] = '\0';
    end->late = run->late;
    end->well = (WIFEXITED(run->status) && WEXITSTATUS(run->status) == 0) ||
                (run->late && run->printed > 0);
    if (run->late)
        snprintf(end->text, sizeof end->text, "%s was not done after %u s%s%s", run->program,
                 run->http->limits.log_command_s, said[0] == '\0' ? "" : ": ", said);
    else if (WIFEXITED(run->status))
        snprintf(end->text, sizeof end->text, "%s ended with exit code %d%s%s", run->program,
                 WEXITSTATUS(run->status), said[0] == '\0' ? "" : ": ", said);
    else
        snprintf(end->text, sizeof end->text, "%s was ended by signal %d", run->program,
                 WTERMSIG(run->status));
    return 1;
}

void log_command_close(struct log_command *run)
{
    if (run == NULL)
        return;
    if (run->over) {
        forget(run);
        return;
    }
    /* It is collected when it has gone, which nobody waits for. */
    run->news = NULL;
    close_end(run, &run->output_end);
    close_end(run, &run->said_end);
    kill(-run->pid, SIGKILL);
}

void log_commands_end(struct dr_http *http)
{
    while (http->log_commands != NULL) {
        struct log_command *run = http->log_commands;
        struct pollfd gone = {.fd = run->process, .events = POLLIN};

        run->news = NULL;
        if (!run->over) {
            kill(-run->pid, SIGKILL);
            if (poll(&gone, 1, 1000) == 1) {
                exited(run, 0);
                continue;
            }
            dr_controller_at(http->controller, DR_FOREVER_US, deadline, run);
            close_end(run, &run->process);
            close_end(run, &run->output_end);
            close_end(run, &run->said_end);
        }
        forget(run);
    }
}
