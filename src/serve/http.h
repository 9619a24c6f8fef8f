/* SPDX-License-Identifier: Apache-2.0 */
/* http.h: the HTTP API on the controller's loop.
 *
 * Everything runs in the controller's one thread: serve/door.h takes connections and lets through
 * what serve/gate.h passes, libmicrohttpd reads it, serve/routes.c finds the handler. A request
 * that changes something is suspended until its commit. The API is docs/api/openapi.yaml. */
#ifndef DR_SERVE_HTTP_H
#define DR_SERVE_HTTP_H

#include "serve/controller.h"
#include "serve/forecast.h"

struct dr_http;

/* Listen where the controller's options say. DR_E_IO, DR_E_INPUT, DR_E_EXISTS: as `error` says. */
DR_MUST_USE enum dr_status dr_http_open(struct dr_http **http, struct dr_controller *controller,
                                        struct dr_forecast *forecast, struct dr_error *error);
/* Before the controller and the forecast are closed. Accepts NULL. */
void dr_http_close(struct dr_http *http);

/* Listen where all users of this machine look for a controller as well. DR_E_EXISTS: another one
 * answers there. DR_E_DENIED: the directory is not to be had, or others may write into it. */
DR_MUST_USE enum dr_status dr_http_listen_for_all(struct dr_http *http, const char *path,
                                                  struct dr_error *error);

/* The TCP port that is listened on; 0: none. */
uint16_t dr_http_port(const struct dr_http *http);

#endif
