/* SPDX-License-Identifier: Apache-2.0 */
/* report.h: a plan as one page of HTML that opens anywhere, and the JSON document behind it.
 *
 * The page itself (map, plots, tables, words) is made from web/report when Daero is built. Here a
 * document of numbers is made of a plan and put into it: whatever the page shows stands in it, or
 * follows from it. docs/planning.md names its members. */
#ifndef DR_PLAN_REPORT_H
#define DR_PLAN_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "plan/explain/explain.h"
#include "plan/result/plan.h"

/* All of it is borrowed. */
struct dr_plan_report {
    const struct dr_program *program; /* of the inputs */
    const struct dr_plan *plan;
    const struct dr_plan_sums *sums;
    const struct dr_binding *bindings; /* [bindings_count] */
    uint32_t bindings_count;
    const struct dr_price *prices; /* [prices_count], of these bindings */
    uint32_t prices_count;
    const struct dr_not_begun *not_begun; /* [not_begun_count] */
    uint32_t not_begun_count;
    json_t *certificate; /* as certificate.json has it */
    const char *verify;  /* the command that checks the plan again; NULL: it was not written */
    /* Sections of the page, each left out where it is NULL. */
    json_t *courses;      /* `courses` of `daero plan compare --json` */
    json_t *alternatives; /* alternatives.json of `daero plan alternatives` */
    json_t *futures;      /* futures.json of `daero plan futures` */
    json_t *replay;       /* replay.json of `daero plan replay` */
};

/* The document. Money is in the currency's own units, power in watts, shares from 0 to 1; lists
 * over time have a place for each quarter or year. The caller's. */
json_t *dr_plan_report_json(const struct dr_plan_report *report);

/* The page with a document. DR_E_IO: not all of it could be written. */
DR_MUST_USE enum dr_status dr_plan_report_write(FILE *out, const json_t *document);

#endif
