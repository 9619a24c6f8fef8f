/* SPDX-License-Identifier: Apache-2.0 */
/* sites.c: engines of sites: which are open, and whether their sites answer.
 *
 * An engine on this machine answers by being there. One of a cluster elsewhere (it has health())
 * says by itself when its site falls silent; that it answers again counts when it was agreed with
 * what runs there (agree.c). After a start nothing changes before it has spoken, so that a restart
 * is not felt by who waits; only a site that is new is taken for silent. */
#include <errno.h>
#include <sys/epoll.h>

#include "base/hash.h"
#include "base/math.h"
#include "engine/local.h"
#include "serve/internal.h"

#define ASK_FIRST_US (DR_SECOND_US / 4)
#define ASK_LAST_US  (30 * DR_SECOND_US)

int sites_is_remote(const struct dr_controller *c, dr_site_id site)
{
    const struct dr_engine *engine = c->engines[site.v - 1];

    return engine != NULL && engine->operations->health != NULL;
}

/* ---- opening ---- */

/* Another site that has this engine too; DR_SITES_MAX: none. */
static uint32_t sharer(const struct dr_controller *c, uint32_t row, const struct dr_engine *engine)
{
    for (uint32_t i = 0; i < c->core->sites_count; i += 1) {
        if (i != row && c->engines[i] == engine)
            return i;
    }
    return DR_SITES_MAX;
}

static struct dr_engine *shared_local(const struct dr_controller *c)
{
    for (uint32_t i = 0; i < c->core->sites_count; i += 1) {
        if (c->engines[i] != NULL && c->core->sites[i].engine == DR_ENGINE_LOCAL)
            return c->engines[i];
    }
    return NULL;
}

static struct dr_engine *open_local(struct dr_controller *c, const struct dr_site *site,
                                    struct dr_error *error)
{
    struct dr_engine *engine = shared_local(c);
    struct dr_local_options options = {
        .data_directory = c->directory,
        .shim_path = c->options.shim,
        .epoch = c->core->epoch,
        .network_none = site->isolated_network,
    };

    if (engine != NULL)
        return engine;
    if (dr_discover(NULL, c->devices, DR_COUNT_OF(c->devices), &c->devices_count, error) != DR_OK)
        c->devices_count = 0; /* no driver: what the federation declares is called by number */
    return dr_local_open(&engine, &options, error) == DR_OK ? engine : NULL;
}

static struct dr_engine *open_engine(struct dr_controller *c, dr_site_id id)
{
    const struct dr_site *site = &c->core->sites[id.v - 1];
    struct site_link *link = &c->links[id.v - 1];
    struct dr_engine *engine = NULL;
    struct dr_error error = {0};
    char line[1024];

    if (c->options.engine_open != NULL)
        return c->options.engine_open(c->options.engine_context, site);
    switch ((enum dr_engine_kind)site->engine) {
    case DR_ENGINE_LOCAL:
        engine = open_local(c, site, &error);
        break;
    case DR_ENGINE_SLURM:
        engine = open_slurm(c, id, &error);
        break;
    case DR_ENGINE_SIMULATED: /* these live in the simulator */
        return NULL;
    }
    if (engine != NULL) {
        link->error[0] = '\0';
        return engine;
    }
    dr_error_line(&error, line, sizeof line);
    if (strncmp(line, link->error, sizeof link->error - 1) != 0)
        controller_log(c, "site %s: its engine can't be opened: %s", site->name, line);
    snprintf(link->error, sizeof link->error, "%.*s", (int)sizeof link->error - 1, line);
    return NULL;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    return dr_hash_bytes(hash, text, strlen(text) + 1);
}

/* Of what an engine is opened with. */
static uint64_t settings_of(const struct dr_controller *c, uint32_t row)
{
    const struct dr_site_slurm *slurm = &c->core->site_slurm[row];
    uint64_t hash = dr_hash_u64(c->core->sites[row].engine);

    if (c->core->sites[row].engine != DR_ENGINE_SLURM)
        return hash;
    hash = hash_text(hash, slurm->url);
    hash = hash_text(hash, slurm->key);
    hash = hash_text(hash, slurm->user);
    hash = hash_text(hash, slurm->conf);
    return dr_hash_fold(hash, slurm->count_placement);
}

static void engine_ready(void *context, uint32_t events)
{
    /* The turn polls every engine anyway; this only ends the wait. */
    (void)context;
    (void)events;
}

void sites_engine_open(struct dr_controller *c, dr_site_id id)
{
    const struct dr_site *site = &c->core->sites[id.v - 1];
    struct site_link *link = &c->links[id.v - 1];
    struct dr_engine *engine;
    uint32_t with;
    int descriptor;

    if (c->engines[id.v - 1] != NULL || site->removed)
        return;
    engine = open_engine(c, id);
    c->engines[id.v - 1] = engine;
    link->settings = settings_of(c, id.v - 1);
    if (engine == NULL)
        return;
    with = sharer(c, id.v - 1, engine);
    link->agreed = with != DR_SITES_MAX && c->links[with].agreed;
    link->fresh = 1;
    link->listed = 0;
    link->waiting = 0;
    link->slots = 0;
    link->declared = 0;
    link->version = 0;
    link->ask_monotonic_us = 0;
    link->ask_wait_us = 0;
    descriptor = engine->operations->descriptor(engine);
    if (with == DR_SITES_MAX && descriptor >= 0 &&
        !dr_controller_poll(c, descriptor, EPOLLIN, engine_ready, c))
        controller_log(c, "site %s: its engine can't be watched: %s", site->name, strerror(errno));
}

static void engine_close(struct dr_controller *c, uint32_t row)
{
    struct dr_engine *engine = c->engines[row];

    if (engine == NULL)
        return;
    c->engines[row] = NULL;
    c->links[row].agreed = 0;
    c->links[row].listed = 0;
    if (sharer(c, row, engine) != DR_SITES_MAX)
        return;
    if (engine->operations->descriptor(engine) >= 0)
        dr_controller_poll(c, engine->operations->descriptor(engine), 0, NULL, NULL);
    engine->operations->close(engine);
}

void sites_close(struct dr_controller *c)
{
    for (uint32_t i = 0; i < DR_SITES_MAX; i += 1) {
        engine_close(c, i);
        free(c->links[i].found.items);
    }
}

/* ---- reaching ---- */

/* What is known of a site: 1 it answers, 0 it does not, -1 nothing yet. */
static int answers(struct dr_controller *c, uint32_t row)
{
    struct site_link *link = &c->links[row];

    if (c->engines[row] == NULL)
        return 0;
    if (!sites_is_remote(c, (dr_site_id){row + 1}) || link->agreed)
        return 1;
    if (row >= c->sites_reached) /* it is new: nothing is placed there before it has been heard */
        link->heard = 1;
    return link->heard ? 0 : -1;
}

static const char *why(const struct dr_controller *c, uint32_t row, int reached)
{
    if (c->engines[row] == NULL)
        return c->links[row].error[0] != '\0' ? "its engine can't be opened"
                                              : "it has no engine here";
    if (reached)
        return "its engine is here";
    return "it has not answered yet";
}

int sites_admit_reach(struct dr_controller *c, dr_site_id site, int reached, const char *reason,
                      struct dr_answer *answer)
{
    struct dr_command reach = controller_command(DR_COMMAND_SITE);

    reach.body.site.site = site;
    reach.body.site.answers = (uint8_t)reached;
    reach.reason = reason;
    return dr_admit(c->core, &reach, c->now_us, &c->batch, answer);
}

void sites_reach(struct dr_controller *c)
{
    for (uint32_t i = 0; i < c->core->sites_count; i += 1) {
        const struct dr_site *site = &c->core->sites[i];
        struct dr_answer answer;
        int reached;

        if (site->removed)
            continue;
        sites_engine_open(c, (dr_site_id){i + 1});
        reached = answers(c, i);
        if (reached < 0 || site->answers == reached)
            continue;
        if (!sites_admit_reach(c, (dr_site_id){i + 1}, reached, why(c, i, reached), &answer))
            controller_log(c, "site %s: %s", site->name, answer.text);
    }
    c->sites_reached = c->core->sites_count;
}

void sites_open_anew(struct dr_controller *c)
{
    struct dr_answer answer; /* a full batch: the next tick says it */

    for (uint32_t i = 0; i < c->core->sites_count; i += 1) {
        if (!c->core->sites[i].removed && c->links[i].settings == settings_of(c, i))
            continue;
        engine_close(c, i);
        if (c->core->sites[i].removed)
            continue;
        if (c->links[i].settings != 0)
            controller_log(c, "site %s: its engine is opened anew, with other settings",
                           c->core->sites[i].name);
        sites_engine_open(c, (dr_site_id){i + 1});
        /* Without an engine it is silent at once; otherwise its engine is to say so. */
        if (c->engines[i] == NULL && c->core->sites[i].answers)
            (void)sites_admit_reach(c, (dr_site_id){i + 1}, 0, why(c, i, 0), &answer);
    }
    c->federation_opened = c->core->federation_version;
}

int sites_observe_reach(struct dr_controller *c, const struct observation *seen)
{
    struct site_link *link = &c->links[seen->site.v - 1];
    const struct dr_site *site = &c->core->sites[seen->site.v - 1];
    const char *text =
        seen->report.text[0] != '\0' ? seen->report.text : "its engine does not say why";
    struct dr_answer answer;

    if (!sites_is_remote(c, seen->site) || site->removed)
        return 1;
    if (seen->report.answers) { /* agree.c asks what runs there */
        link->heard = 1;
        link->ask_monotonic_us = 0;
        link->ask_wait_us = 0;
        return 1;
    }
    if (!sites_admit_reach(c, seen->site, 0, text, &answer))
        return answer.refused != DR_REFUSAL_FULL || c->batch.facts_count == 0;
    if (!link->heard || link->agreed || link->fresh)
        controller_log(c, "site %s does not answer: %s", site->name, text);
    link->heard = 1;
    link->agreed = 0;
    link->fresh = 0;
    return 1;
}

void sites_ask_again(struct dr_controller *c, struct site_link *link)
{
    link->ask_wait_us =
        link->ask_wait_us == 0 ? ASK_FIRST_US : dr_min_i64(2 * link->ask_wait_us, ASK_LAST_US);
    link->ask_monotonic_us = controller_monotonic_us(c) + link->ask_wait_us;
}

int64_t sites_next_us(const struct dr_controller *c)
{
    int64_t next_us = DR_FOREVER_US;

    for (uint32_t i = 0; i < c->core->sites_count; i += 1) {
        const struct site_link *link = &c->links[i];

        /* One that was never asked is so in the next turn, when its engine has called for it. */
        if (c->engines[i] != NULL && link->ask_wait_us != 0 && (!link->agreed || link->waiting))
            next_us = dr_min_i64(next_us, link->ask_monotonic_us);
    }
    return next_us;
}

/* ---- looking ---- */

const char *dr_controller_engine_text(struct dr_controller *c, dr_site_id site)
{
    DR_ASSERT(site.v >= 1 && site.v <= DR_SITES_MAX);
    if (c->engines[site.v - 1] == NULL)
        return "";
    return c->engines[site.v - 1]->operations->describe(c->engines[site.v - 1]);
}

int dr_controller_site_health(const struct dr_controller *c, dr_site_id site,
                              struct dr_site_health *health)
{
    const struct dr_engine *engine = c->engines[site.v - 1];
    const struct site_link *link = &c->links[site.v - 1];

    memset(health, 0, sizeof *health);
    snprintf(health->engine.error, sizeof health->engine.error, "%s", link->error);
    health->closed = engine == NULL;
    if (engine == NULL || engine->operations->health == NULL)
        return link->error[0] != '\0';
    engine->operations->health(engine, &health->engine);
    health->agreed = link->agreed;
    health->unordered = link->unordered;
    return 1;
}
