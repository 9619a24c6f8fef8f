/* SPDX-License-Identifier: Apache-2.0 */
/* futures_files.h: a study of futures as tables, as JSON, and as a plan for each future.
 *
 * futures.json has all of it; regret.csv, tornado.csv, relaxed.csv, first_orders.csv and
 * first_phases.csv are for people's own tools; each future's folder is a plan as plan/files.h
 * writes one, with the future's name in its certificate. docs/planning.md has every member and
 * column. */
#ifndef DR_PLAN_FUTURES_FILES_H
#define DR_PLAN_FUTURES_FILES_H

#include <jansson.h>

#include "plan/result/files.h"
#include "plan/futures/futures.h"

/* The caller frees it. */
json_t *dr_futures_json(const struct dr_futures *futures);

/* Into a directory, which is made where it is missing. */
DR_MUST_USE enum dr_status dr_futures_write(const char *directory, const struct dr_futures *futures,
                                            const char *version, struct dr_error *error);

#endif
