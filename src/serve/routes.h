/* SPDX-License-Identifier: Apache-2.0 */
/* routes.h: the table of all routes, written once.
 *
 * http.c finds handlers in it; tests compare docs/api/openapi.yaml with it and try every role on
 * every row. */
#ifndef DR_SERVE_ROUTES_H
#define DR_SERVE_ROUTES_H

#include <stddef.h>

#include "core/types.h"

struct exchange;

struct dr_route {
    const char *method;
    const char *pattern;    /* "/v1/jobs/{job}/hold": {job} and {id} are numbers, {name} a name */
    const char *parameters; /* of the query, separated by spaces */
    const char *statuses;   /* that its answers may have, beside those that any may have */
    enum dr_role least;
    unsigned open : 1;   /* nobody has to say who he is */
    unsigned writes : 1; /* changes something */
    unsigned large : 1;  /* body up to large_body_bytes (serve/limits.h) */
    unsigned plain : 1;  /* the body is not JSON */
    const char *doc;
    void (*handle)(struct exchange *x);
};

/* Statuses that any route may answer with: the gate's and the door's, and who may not. */
#define DR_ROUTE_STATUSES      "400 401 403 408 413 414 417 429 431 501 505"
#define DR_ROUTE_STATUSES_OPEN "400 408 413 414 417 429 431 501 505"

const struct dr_route *dr_routes(uint32_t *count);

struct dr_route_match {
    const struct dr_route *route; /* NULL: none */
    uint64_t number;
    char name[DR_NAME_BYTES + 16];
    char allow[32]; /* with route NULL: "GET, POST", the methods of the path; "": no such path */
};
void dr_route_find(const char *method, const char *path, size_t path_bytes,
                   struct dr_route_match *match);

/* For the gate. */
int dr_route_large(const char *method, const char *path, size_t path_bytes);

/* The handlers, by the file that they are in. */
#define DR_HANDLER(name) void name(struct exchange *x);
/* routes_jobs.c */
DR_HANDLER(route_jobs_submit)
DR_HANDLER(route_jobs_cancel)
DR_HANDLER(route_job_cancel)
DR_HANDLER(route_job_hold)
DR_HANDLER(route_job_release)
DR_HANDLER(route_job_lost)
DR_HANDLER(route_job_checkpoint)
DR_HANDLER(route_job_erase)
/* routes_queue.c */
DR_HANDLER(route_jobs_list)
DR_HANDLER(route_job_show)
DR_HANDLER(route_job_why)
DR_HANDLER(route_job_facts)
/* logs.c */
DR_HANDLER(route_job_logs)
/* routes_parts.c */
DR_HANDLER(route_nodes)
DR_HANDLER(route_node_drain)
DR_HANDLER(route_node_resume)
DR_HANDLER(route_node_down)
DR_HANDLER(route_node_up)
DR_HANDLER(route_sites)
DR_HANDLER(route_site_lost)
DR_HANDLER(route_power)
DR_HANDLER(route_cap_announce)
DR_HANDLER(route_cap_cancel)
DR_HANDLER(route_reservations)
DR_HANDLER(route_reservation_make)
DR_HANDLER(route_reservation_drop)
DR_HANDLER(route_accounts)
DR_HANDLER(route_usage)
DR_HANDLER(route_federation_show)
DR_HANDLER(route_federation_apply)
/* routes_what_if.c */
DR_HANDLER(route_what_if)
/* routes_people.c */
DR_HANDLER(route_tokens)
DR_HANDLER(route_token_issue)
DR_HANDLER(route_token_revoke)
DR_HANDLER(route_me)
DR_HANDLER(route_audit_head)
DR_HANDLER(route_health)
/* stream.c */
DR_HANDLER(route_events)
DR_HANDLER(route_facts)
/* metrics.c */
DR_HANDLER(route_metrics)
#undef DR_HANDLER

#endif
