/* SPDX-License-Identifier: Apache-2.0 */
/* open_slurm.c: opening the engine of a Slurm site. */
#include "engine/slurm.h"
#include "serve/internal.h"

struct dr_engine *open_slurm(struct dr_controller *c, dr_site_id site, struct dr_error *error)
{
    const struct dr_site_slurm *slurm = &c->core->site_slurm[site.v - 1];
    char sent[sizeof c->directory + DR_NAME_BYTES + 8];
    struct dr_slurm_options options = {
        .federation = c->core->settings.name,
        .site = c->core->sites[site.v - 1].name,
        .epoch = c->core->epoch,
        .url = slurm->url,
        .key_file = slurm->key,
        .user = slurm->user,
        .conf = slurm->conf,
        .sent_file = sent,
        .led_us = c->led_us,
        .count_placement = slurm->count_placement,
    };
    struct dr_engine *engine = NULL;

    snprintf(sent, sizeof sent, "%s/sent-%s", c->directory, c->core->sites[site.v - 1].name);
    return dr_slurm_open(&engine, &options, error) == DR_OK ? engine : NULL;
}
