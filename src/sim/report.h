/* SPDX-License-Identifier: Apache-2.0 */
/* report.h: runs as one page of HTML that opens anywhere.
 *
 * The page itself (plots, tables, words) is made from web/report when Daero is built; here the
 * runs' measures are put into it. It holds no code of theirs: they stand in an element that is
 * data, in which nothing can end that element. One run is shown by itself, several beside each
 * other. */
#ifndef DR_SIM_REPORT_H
#define DR_SIM_REPORT_H

#include <stdio.h>

#include "base/buffer.h"
#include "federation/federation.h"

/* More colours than these can't be told apart. */
#define DR_REPORT_RUNS_MAX       8
#define DR_REPORT_NAME_BYTES_MAX 60
#define DR_REPORT_MEASURES_MAX   (256u << 20)

struct dr_report_run {
    const char *name;     /* UTF-8 */
    const char *measures; /* JSON: one object, as dr_sim_json() writes it */
};

/* DR_E_INPUT: it is no name for a run; `errors` says why, `place` where it stood. `before` [count]:
 * the runs that have theirs. */
DR_MUST_USE enum dr_status dr_report_check_name(const char *place, const char *name,
                                                const struct dr_report_run *before, uint32_t count,
                                                struct dr_error_list *errors);
/* A file of measures. DR_E_INPUT: `errors` says what is wrong with it, all of it. */
DR_MUST_USE enum dr_status dr_report_read(const char *path, struct dr_buffer *measures,
                                          struct dr_error_list *errors);

/* The page for `runs` [count], which have been checked. DR_E_IO: not all of it could be written. */
DR_MUST_USE enum dr_status dr_report_write(FILE *out, const struct dr_report_run *runs,
                                           uint32_t count);

#endif
