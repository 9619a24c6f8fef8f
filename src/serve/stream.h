/* SPDX-License-Identifier: Apache-2.0 */
/* stream.h: facts for those who follow them (GET /v1/events, GET /v1/facts). */
#ifndef DR_SERVE_STREAM_H
#define DR_SERVE_STREAM_H

struct dr_http;

/* Be told of commits, while http is open. */
void stream_open(struct dr_http *http);
void stream_close(struct dr_http *http);

#endif
