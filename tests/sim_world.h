/* SPDX-License-Identifier: Apache-2.0 */
/* sim_world.h: a federation and a trace written as text, run by the simulator, for tests.
 *
 *     struct sim_world w = {.federation = SIM_ONE_POOL, .trace = "job_id,...\n1,0,60,1,8\n"};
 *     sim_world_run(&w);
 *     CHECK_TEXT(w.schedule, "...");
 *     sim_world_free(&w);
 *
 * Everything lies in a directory of its own, which goes away again. */
#ifndef DR_TEST_SIM_WORLD_H
#define DR_TEST_SIM_WORLD_H

#include <jansson.h>

#include "sim/run.h"
#include "test.h"

/* Two nodes of 8 h200 with 32 CPUs; accounts `a` (guarantee 8) and `b`. */
extern const char SIM_ONE_POOL[];

struct sim_world {
    /* what is run; NULL and 0: SIM_ONE_POOL, no trace, what dr_sim_options says */
    const char *federation;
    const char *trace;
    struct dr_sim_options options; /* filled up by sim_world_run() */
    uint32_t stop_after;           /* go on for so many looks; 0: to the end */
    /* what came of it */
    enum dr_status status;
    struct dr_error error;
    char said[4096];     /* rows that were wrong or refused, a line each */
    char *schedule;      /* the rows without the header */
    json_t *measures;    /* NULL where it failed */
    char *measures_text; /* the JSON, and the tables: all that is written */
    char *measures_csv;
    char *series_csv;
    uint64_t hash;
    struct dr_buffer facts;
};

void sim_world_run(struct sim_world *world);
void sim_world_free(struct sim_world *world);
double sim_number(const json_t *object, const char *name);
/* The member at a path of names, `series.sites.seoul`; it is there. */
const json_t *sim_member(const json_t *object, const char *path);

/* A file in the test's directory, made anew; its path lives until the next call but 7. */
const char *sim_file(const char *name, const char *text);
/* The path of such a file, as it is. */
const char *sim_path(const char *name);

#endif
