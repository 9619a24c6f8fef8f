/* SPDX-License-Identifier: Apache-2.0 */
/* forecast.h: when will it start?
 *
 * A forked child runs the same core ahead on its copy of the state, with every job believed to use
 * its whole limit and nothing new submitted, and reports the start of every pending job. One child
 * at a time; its answer serves all askers, and its age is shown. */
#ifndef DR_SERVE_FORECAST_H
#define DR_SERVE_FORECAST_H

#include "serve/controller.h"

struct dr_forecast;

enum dr_forecast_state {
    DR_FORECAST_STARTS, /* start_us is when it is expected to start */
    DR_FORECAST_BEYOND, /* not within the time that the forecast looked ahead (horizon_us) */
    DR_FORECAST_NONE,   /* the forecast does not know the job: it came later */
};

struct dr_forecast_answer {
    enum dr_forecast_state state;
    int64_t start_us;
    int64_t made_us;    /* when the child was forked */
    int64_t horizon_us; /* how far it looked */
    uint64_t seq;       /* the state it began with */
};

struct dr_forecast *dr_forecast_open(struct dr_controller *controller);
void dr_forecast_close(struct dr_forecast *forecast);

/* Ask for a job. A forecast no older than `age_us_max` that knows the job answers at once, from
 * within this call; otherwise a child is started (or the running one awaited), and `answered` is
 * called in a later turn. An asker is not called any more once the forecast is closed. */
void dr_forecast_ask(struct dr_forecast *forecast, dr_job_id job, int64_t age_us_max,
                     void (*answered)(void *context, const struct dr_forecast_answer *answer),
                     void *context);

#endif
