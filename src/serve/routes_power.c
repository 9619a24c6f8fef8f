/* SPDX-License-Identifier: Apache-2.0 */
/* routes_power.c: what sites and grid zones draw, their caps, and caps for a time. */
#include <jansson.h>

#include "core/power.h"
#include "serve/exchange.h"
#include "serve/fact_json.h"
#include "serve/json.h"

/* ---- looking ---- */

static void short_json(struct dr_buffer *out, const struct dr_power_short *power_short)
{
    dr_put_i64(out, "missing_w", power_short->missing_w);
    dr_put_i64(out, "missing_cap_w", power_short->cap_w);
    dr_put_i64(out, "missing_from_us", power_short->from_us);
}

static void cap_json(struct dr_buffer *out, const struct dr_core *core,
                     const struct dr_grid_cap *cap)
{
    dr_put_begin(out, NULL, '{');
    dr_put_u64(out, "id", cap->id);
    dr_put_text(out, "name", cap->name);
    dr_put_text(out, "zone", dr_zone_name(core, cap->zone.v));
    dr_put_text(out, "site", dr_site_name(core, cap->site.v));
    dr_put_i64(out, "power_cap_w", cap->power_cap_w);
    dr_put_i64(out, "from_us", cap->from_us);
    dr_put_i64(out, "until_us", cap->until_us);
    dr_put_bool(out, "declared", cap->declared);
    dr_put_end(out, '}');
}

void route_power(struct exchange *x)
{
    const struct dr_core *core = core_of(x);
    int64_t now_us = dr_controller_now_us(x->http->controller);
    struct dr_buffer *out = &x->out;

    dr_put_begin(out, NULL, '{');
    dr_put_i64(out, "now_us", now_us);
    dr_put_begin(out, "zones", '[');
    for (uint32_t row = 0; row < core->zones_count; row += 1) {
        const struct dr_zone *zone = &core->zones[row];

        if (zone->removed)
            continue;
        dr_put_begin(out, NULL, '{');
        dr_put_text(out, "name", zone->name);
        dr_put_i64(out, "power_w", dr_power_zone_w(core, (dr_zone_id){row + 1}));
        dr_put_i64(out, "power_cap_w", zone->power_cap_w);
        dr_put_i64(out, "power_cap_now_w",
                   dr_power_zone_cap_w(core, (dr_zone_id){row + 1}, now_us));
        short_json(out, &zone->power_short);
        dr_put_end(out, '}');
    }
    dr_put_end(out, ']');
    dr_put_begin(out, "sites", '[');
    for (uint32_t row = 0; row < core->sites_count; row += 1) {
        const struct dr_site *site = &core->sites[row];

        if (site->removed)
            continue;
        dr_put_begin(out, NULL, '{');
        dr_put_text(out, "name", site->name);
        dr_put_text(out, "zone", dr_zone_name(core, site->zone.v));
        dr_put_i64(out, "power_w", dr_power_site_w(core, (dr_site_id){row + 1}));
        dr_put_i64(out, "power_cap_w", site->power_cap_w);
        dr_put_i64(out, "power_cap_now_w",
                   dr_power_site_cap_w(core, (dr_site_id){row + 1}, now_us));
        short_json(out, &site->power_short);
        dr_put_end(out, '}');
    }
    dr_put_end(out, ']');
    dr_put_begin(out, "caps", '[');
    for (uint32_t i = 0; i < core->grid_caps_count; i += 1)
        cap_json(out, core, &core->grid_caps[i]);
    dr_put_end(out, ']');
    dr_put_end(out, '}');
    exchange_answer(x, 200);
}

/* ---- announcing ---- */

static void announced(struct exchange *x)
{
    const struct dr_core *core = core_of(x);
    const struct dr_grid_cap *cap = dr_grid_cap_of(core, x->request.answers[0].id);

    dr_put_begin(&x->out, NULL, '{');
    dr_put_u64(&x->out, "id", x->request.answers[0].id);
    dr_put_text(&x->out, "name", cap == NULL ? NULL : cap->name);
    dr_put_end(&x->out, '}');
    exchange_answer(x, 201);
}

/* The zone or site that the cap is of. */
static int take_place(struct exchange *x, const json_t *root, struct dr_fact_grid_cap_set *cap)
{
    const struct dr_core *core = core_of(x);
    const char *zone;
    const char *site;

    if (!exchange_take_name(x, root, "zone", &zone) || !exchange_take_name(x, root, "site", &site))
        return 0;
    cap->zone = zone == NULL ? 0 : dr_zone_named(core, zone).v;
    cap->site = site == NULL ? 0 : dr_site_named(core, site).v;
    if (zone != NULL && cap->zone == 0) {
        exchange_refuse(x, "UNKNOWN", "zone", "there is no zone '%s'", zone);
        return 0;
    }
    if (site != NULL && cap->site == 0) {
        exchange_refuse(x, "UNKNOWN", "site", "there is no site '%s'", site);
        return 0;
    }
    return 1;
}

/* Any number: the core says which are watts, and which times. */
static int take_number(struct exchange *x, const json_t *root, const char *member,
                       const char *expected, int64_t *number)
{
    return exchange_take_integer(x, root, member, INT64_MIN, INT64_MAX, expected, number);
}

/* A name that there is already changes that cap. */
static int take_cap(struct exchange *x, const json_t *root, struct dr_command *command)
{
    struct dr_fact_grid_cap_set *cap = &command->body.declare.grid_cap_set;
    const char *name;

    if (!exchange_take_reason(x, root, &command->reason) ||
        !exchange_take_name(x, root, "name", &name) || !take_place(x, root, cap) ||
        !take_number(x, root, "power_cap_w", "watts, 1 or more", &cap->power_cap_w) ||
        !take_number(x, root, "from_us", "microseconds since 1970", &cap->from_us) ||
        !take_number(x, root, "until_us", "microseconds since 1970", &cap->until_us))
        return 0;
    if (name != NULL) {
        const struct dr_grid_cap *known = dr_grid_cap_named(core_of(x), name);

        dr_copy_name(cap->name, name);
        cap->cap = known == NULL ? 0 : known->id;
        cap->declared = known != NULL && known->declared;
    }
    return 1;
}

void route_cap_announce(struct exchange *x)
{
    json_t *root = exchange_object(x, "name zone site power_cap_w from_us until_us reason");
    struct dr_command *command;
    int good;

    if (root == NULL)
        return;
    command = exchange_commands(x, 1);
    command->kind = DR_COMMAND_DECLARE;
    command->body.declare.kind = DR_FACT_GRID_CAP_SET;
    good = take_cap(x, root, command);
    json_decref(root);
    if (good)
        exchange_ask(x, announced);
}

void route_cap_cancel(struct exchange *x)
{
    const struct dr_grid_cap *cap = dr_grid_cap_named(core_of(x), x->name);
    struct dr_command *command;
    const char *reason;

    if (!exchange_reason(x, &reason))
        return;
    if (cap == NULL) {
        exchange_refuse(x, "UNKNOWN", "name", "there is no cap '%s'", x->name);
        return;
    }
    command = exchange_commands(x, 1);
    command->kind = DR_COMMAND_DECLARE;
    command->body.declare.kind = DR_FACT_GRID_CAP_REMOVED;
    command->body.declare.grid_cap_removed.cap = cap->id;
    command->reason = reason;
    exchange_ask(x, exchange_done);
}
