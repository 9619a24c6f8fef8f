/* SPDX-License-Identifier: Apache-2.0 */
/* log_command.h: a site's own command that prints what a job wrote there (`log_command` in
 * docs/formats/federation.md), run as a child. For logs.c and site_logs.c.
 *
 * Its words are run as they are, without a shell, as the controller's own user, in a session of
 * their own, with PATH, HOME and LC_ALL alone. What is put in for %p and %u comes from users, and a
 * program like ssh hands its words to a shell over there: so only characters that are none of a
 * shell's are let through. It has so long (`log_command_s`), so many run at once (`log_commands`,
 * of one asker `token_log_commands`), and its output is read as fast as it is taken. Nothing waits:
 * the child is heard of by its descriptors, and the news comes on the loop's thread. */
#ifndef DR_SERVE_LOG_COMMAND_H
#define DR_SERVE_LOG_COMMAND_H

#include "base/buffer.h"

struct exchange;
struct dr_http;

struct log_command_asked {
    const char *site;
    const char *command; /* as the federation has it (base/words.h) */
    const char *path;    /* %p */
    const char *user;    /* %u: who runs the job over there */
    uint64_t job;        /* %j */
    int64_t offset;      /* bytes to leave out; %o is one more, as `tail -c +N` counts */
};

/* One run. */
struct log_command;

/* How it ended, once log_command_over() says so. */
struct log_command_end {
    int well;       /* exit status 0, or its time was up after it had printed something */
    int late;       /* its time was up */
    char text[400]; /* otherwise: what happened, with the first line of what it said */
};

/* Run it for an exchange. `news` is called when there is output to take, and when it is over; it
 * may close the run. NULL, with `text` [bytes] for a person: it can't be run; `busy`: for now,
 * since others run. */
struct log_command *log_command_begin(struct exchange *x, const struct log_command_asked *asked,
                                      void (*news)(void *context), void *context, int *busy,
                                      char *text, size_t bytes);

/* Take at most `bytes_max` of its output; returns how many. */
size_t log_command_take(struct log_command *run, struct dr_buffer *to, size_t bytes_max);

/* 1: it is over, all its output has been taken, and `end` is filled. */
int log_command_over(const struct log_command *run, struct log_command_end *end);

/* It is not wanted any more: what is left of it is killed. Accepts NULL. */
void log_command_close(struct log_command *run);

/* When http closes: all of them. */
void log_commands_end(struct dr_http *http);

/* ---- site_logs.c ---- */

/* Answer with what the command prints, or with a stream of it while the job is live. Texts of
 * `asked` live as long as the exchange. */
void site_logs_send(struct exchange *x, const struct log_command_asked *asked);
void site_logs_follow(struct exchange *x, const struct log_command_asked *asked);
/* The same for a stream that has begun in another way; from its fill(). */
void site_logs_go_on(struct exchange *x, const struct log_command_asked *asked);

#endif
