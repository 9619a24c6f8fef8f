/* SPDX-License-Identifier: Apache-2.0 */
/* stream.h: facts for those who read and follow them (GET /v1/events, GET /v1/facts).
 *
 * A stream is pulled: facts are turned into text when the client has room for them, so a slow
 * client costs at most the buffer of its stream (256 KB) and what the sockets hold; one that takes
 * nothing for DR_DOOR_STALL_US is sent away, and comes back with Last-Event-ID. */
#ifndef DR_SERVE_STREAM_H
#define DR_SERVE_STREAM_H

#include "core/fact.h"

struct dr_http;
struct exchange;

/* Be told of commits, while http is open. */
void stream_open(struct dr_http *http);
void stream_close(struct dr_http *http);

/* Read kept facts from `from` to `last`, at most `facts_max`. `each` returns 0 to stop, and then
 * the fact that it was given counts as not read. Returns the seq of the next fact to read. */
uint64_t stream_scan(struct dr_http *http, uint64_t from, uint64_t last, uint32_t facts_max,
                     int (*each)(void *context, const struct dr_fact *fact), void *context);

/* May one more stream begin for this asker? If not, it has been refused. */
int stream_room(struct exchange *x);

#endif
