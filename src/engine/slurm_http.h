/* SPDX-License-Identifier: Apache-2.0 */
/* slurm_http.h: requests to one slurmrestd, several at a time, none of them waited for.
 *
 * libcurl's multi interface drives sockets that stand in the owner's epoll set. A request is sent
 * at most once: libcurl would send it again by itself when a connection that it kept alive turns
 * out to be dead, and the body is given out a single time here, so that it can't. */
#ifndef DR_ENGINE_SLURM_HTTP_H
#define DR_ENGINE_SLURM_HTTP_H

#include <curl/curl.h>

#include "base/buffer.h"

#define DR_SLURM_ANSWER_BYTES_MAX (512u * 1024 * 1024)
#define DR_SLURM_PATH_BYTES       160

enum dr_slurm_sent {
    DR_SLURM_NOT_SENT, /* for certain: the site can't have it */
    DR_SLURM_SENT,     /* whole or in part: the site may have it */
};

struct dr_slurm_exchange;
typedef void dr_slurm_answered(void *owner, struct dr_slurm_exchange *exchange);

struct dr_slurm_exchange {
    /* for the owner */
    uint32_t kind;
    uint64_t job;
    uint32_t attempt;
    int64_t mark;
    int64_t mark2;

    /* what came of it */
    int answered; /* 1: `status` and `answer` are whole */
    long status;
    struct dr_buffer answer;
    enum dr_slurm_sent sent;
    int64_t began_us; /* monotonic */
    int64_t took_us;
    char error[200]; /* why there is no answer */

    /* inside */
    struct dr_slurm_http *http;
    CURL *easy;
    struct curl_slist *headers;
    char *body;
    size_t body_bytes, body_given;
    struct dr_slurm_exchange *next; /* idle ones */
    char curl_error[CURL_ERROR_SIZE];
};

struct dr_slurm_http {
    CURLM *multi;
    int epoll_fd;
    int64_t due_us; /* monotonic: dr_slurm_http_step() has to be called then; DR_FOREVER_US */
    int64_t timeout_us;
    char base[256];        /* "http://127.0.0.1:17001" */
    char socket_path[108]; /* "": none */
    struct dr_slurm_exchange *idle;
    struct dr_slurm_exchange *under_way[64];
    uint32_t under_way_count;
    dr_slurm_answered *answered;
    void *owner;
};

/* Sockets are put into `epoll_fd` with data.u64 = their number. `url` as in slurm.h. */
DR_MUST_USE enum dr_status dr_slurm_http_open(struct dr_slurm_http *http, const char *url,
                                              int epoll_fd, int64_t timeout_us,
                                              dr_slurm_answered *answered, void *owner,
                                              struct dr_error *error);
/* Requests under way are dropped without an answer. Accepts a zeroed one. */
void dr_slurm_http_close(struct dr_slurm_http *http);

/* A new exchange to fill in and hand to dr_slurm_http_send(); NULL: too many are under way. */
struct dr_slurm_exchange *dr_slurm_http_new(struct dr_slurm_http *http);

/* body   NULL: none; else from malloc(), owned from now on. `answered` is called later, from
 *        dr_slurm_http_ready() or dr_slurm_http_step(). */
void dr_slurm_http_send(struct dr_slurm_exchange *exchange, const char *method, const char *path,
                        const char *user, const char *token, char *body, size_t body_bytes);

/* A socket is ready: events as epoll gave them. */
void dr_slurm_http_ready(struct dr_slurm_http *http, int fd, uint32_t events);
/* Timers that are due, and everything that has been answered since. */
void dr_slurm_http_step(struct dr_slurm_http *http, int64_t now_us);

#endif
