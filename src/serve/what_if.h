/* SPDX-License-Identifier: Apache-2.0 */
/* what_if.h: what would change, and for whom, if the federation were another?
 *
 * A forked child runs the state ahead with the change made, and a child of its own as it is
 * (ahead.h); both have the same queue, nothing new is submitted, and each job uses its whole limit.
 * What differs goes back as JSON (docs/api/openapi.yaml, WhatIf). The controller's own state, its
 * store and its engines are never touched, and the loop never waits.
 *
 * One at a time; each world has WHAT_IF_CPU_US of CPU time, and the memory that it changes of a
 * state whose tables are as large as they ever get. */
#ifndef DR_SERVE_WHAT_IF_H
#define DR_SERVE_WHAT_IF_H

#include "federation/federation.h"
#include "serve/controller.h"

#define WHAT_IF_HORIZON_MIN_US DR_MINUTE_US
#define WHAT_IF_HORIZON_MAX_US (30 * DR_DAY_US)
#define WHAT_IF_HORIZON_US     (7 * DR_DAY_US) /* where nothing is said */
#define WHAT_IF_CHANGES_MAX    100u            /* edits, and places to drain */
#define WHAT_IF_SHOWN_MAX      200u            /* jobs in each list of the answer */

struct dr_what_if_wish {
    const char *yaml; /* a federation file, called "body" in errors; NULL: as it lives */
    size_t yaml_bytes;
    const struct dr_edit *edits; /* of that file */
    uint32_t edits_count;
    const char *const *drains; /* nodes, and SITE/POOL, that take nothing new */
    uint32_t drains_count;
    int64_t horizon_us; /* from now on */
    dr_user_id user;    /* whose jobs are listed by themselves; 0: nobody's */
};

struct dr_what_if;

struct dr_what_if *dr_what_if_open(struct dr_controller *controller);
/* Who waits is not called any more. Accepts NULL. */
void dr_what_if_close(struct dr_what_if *what_if);

/* The wish is used in this call alone. `answered` is called in a later turn with an HTTP status and
 * a body of JSON, an error object where it is not 200. 0: one runs already; nobody will be called.
 */
DR_MUST_USE int dr_what_if_ask(struct dr_what_if *what_if, const struct dr_what_if_wish *wish,
                               void (*answered)(void *context, uint32_t status,
                                                const struct dr_buffer *body),
                               void *context);

#endif
