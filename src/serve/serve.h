/* SPDX-License-Identifier: Apache-2.0 */
/* serve.h: the whole controller as a program: `daero serve`. */
#ifndef DR_SERVE_SERVE_H
#define DR_SERVE_SERVE_H

#include "serve/controller.h"

/* Open the controller, its forecast and its HTTP side; say on standard error where it listens; run
 * until SIGTERM or SIGINT; close. Attempts run on.
 *
 * options          directory, and what else is not to be the default; log NULL: standard error.
 * json             gets one line, a JSON object, that says where it listens; NULL: nobody reads it.
 * federation_file  for a new directory (NULL: this machine as it is); NULL for an existing one.
 *
 * DR_OK    stopped as asked.
 * Else     `error` says what for a person; what dr_controller_open() and dr_controller_run()
 * return. */
DR_MUST_USE enum dr_status dr_serve(const struct dr_controller_options *options,
                                    const char *federation_file, FILE *json,
                                    struct dr_error *error);

#endif
