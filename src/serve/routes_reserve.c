/* SPDX-License-Identifier: Apache-2.0 */
/* routes_reserve.c: advance reservations: nodes for accounts, or for maintenance, for a time. */
#include <jansson.h>

#include "base/math.h"
#include "core/window.h"
#include "serve/exchange.h"
#include "serve/fact_json.h"
#include "serve/json.h"

#define JOBS_MAX  100 /* that are named */
#define NODES_MAX 4096

/* ---- looking ---- */

static void runs_json(struct dr_buffer *out, const struct dr_core *core,
                      const struct dr_window *window)
{
    char name[DR_NAME_BYTES + 12];

    dr_put_begin(out, "runs", '[');
    for (uint32_t i = 0; i < window->runs_count; i += 1) {
        uint32_t first = window->runs[i].row + 1;

        dr_put_begin(out, NULL, '{');
        dr_put_text(out, "first", dr_node_name(core, (dr_node_id){first}, name));
        dr_put_text(out, "last",
                    dr_node_name(core, (dr_node_id){first + window->runs[i].count - 1}, name));
        dr_put_u64(out, "count", window->runs[i].count);
        dr_put_end(out, '}');
    }
    dr_put_end(out, ']');
}

static void window_json(struct exchange *x, const struct dr_window *window)
{
    const struct dr_core *core = core_of(x);
    struct dr_buffer *out = &x->out;
    int64_t now_us = dr_controller_now_us(x->http->controller);
    int64_t last_us = 0;
    uint32_t rows[JOBS_MAX];
    uint32_t count = dr_window_others(core, window, now_us, dr_max_i64(now_us, window->from_us),
                                      rows, JOBS_MAX, &last_us);
    char pool[DR_PART_NAME_BYTES];

    dr_put_begin(out, NULL, '{');
    dr_put_u64(out, "id", window->id);
    dr_put_text(out, "name", window->name);
    dr_put_bool(out, "maintenance", window->accounts_count == 0);
    dr_put_begin(out, "accounts", '[');
    for (uint32_t i = 0; i < window->accounts_count; i += 1)
        dr_put_text(out, NULL, dr_account_name(core, window->accounts[i].v));
    dr_put_end(out, ']');
    dr_put_text(out, "site", dr_site_name(core, window->site.v));
    dr_put_text(out, "pool", dr_pool_name(core, window->pool.v, pool));
    dr_put_u64(out, "nodes", dr_window_nodes(core, window));
    runs_json(out, core, window);
    dr_put_i64(out, "from_us", window->from_us);
    dr_put_i64(out, "until_us", window->until_us);
    dr_put_bool(out, "evict", window->evict);
    dr_put_bool(out, "begun", window->from_us <= now_us);
    dr_put_u64(out, "others", count);
    dr_put_i64(out, "others_until_us", last_us == DR_FOREVER_US ? -1 : last_us);
    dr_put_begin(out, "jobs", '[');
    for (uint32_t i = 0; i < count && i < JOBS_MAX; i += 1) {
        const struct dr_job *job = &core->jobs[rows[i]];

        if (exchange_sees(x, dr_job_terms(core, job)->user.v, job->account.v))
            dr_put_u64(out, NULL, job->id.v);
    }
    dr_put_end(out, ']');
    dr_put_end(out, '}');
}

void route_reservations(struct exchange *x)
{
    const struct dr_core *core = core_of(x);

    dr_put_begin(&x->out, NULL, '{');
    dr_put_begin(&x->out, "reservations", '[');
    for (uint32_t i = 0; i < core->windows_count; i += 1)
        window_json(x, &core->windows[i]);
    dr_put_end(&x->out, ']');
    dr_put_end(&x->out, '}');
    exchange_answer(x, 200);
}

/* ---- making one ---- */

static void made(struct exchange *x)
{
    const struct dr_window *window = dr_window_of(core_of(x), x->request.answers[0].id);

    if (window == NULL) { /* it was over before its answer left */
        dr_put_begin(&x->out, NULL, '{');
        dr_put_u64(&x->out, "id", x->request.answers[0].id);
        dr_put_end(&x->out, '}');
    } else {
        window_json(x, window);
    }
    exchange_answer(x, 201);
}

static int bad(struct exchange *x, const char *member, const char *expected)
{
    exchange_refuse(x, "INVALID", member, "expected %s", expected);
    return 0;
}

static int take_name(struct exchange *x, const json_t *root, const char *member,
                     char name[DR_NAME_BYTES])
{
    const char *text;

    if (!exchange_take_name(x, root, member, &text))
        return 0;
    dr_copy_name(name, text == NULL ? "" : text);
    return 1;
}

static int take_instant(struct exchange *x, const json_t *root, const char *member, int64_t *at_us)
{
    return json_object_get(root, member) == NULL ||
           exchange_take_integer(x, root, member, 1, INT64_MAX, "microseconds since 1970", at_us);
}

/* Names of nodes become runs of one, which the core joins. */
static int take_nodes(struct exchange *x, const json_t *root, struct dr_fact_window_made *window)
{
    const json_t *names = json_object_get(root, "nodes");
    size_t count = json_array_size(names);
    uint32_t *runs;

    if (names == NULL)
        return 1;
    if (!json_is_array(names) || count == 0 || count > NODES_MAX)
        return bad(x, "nodes", "1 to 4096 names of nodes");
    runs = exchange_push(x, 2 * count, sizeof runs[0]);
    for (size_t i = 0; i < count; i += 1) {
        const char *name = json_string_value(json_array_get(names, i));

        if (name == NULL)
            return bad(x, "nodes", "names of nodes");
        runs[2 * i] = dr_node_named(core_of(x), name).v;
        runs[2 * i + 1] = 1;
        if (runs[2 * i] == 0) {
            exchange_refuse(x, "UNKNOWN", "nodes", "there is no node '%.80s'%s", name,
                            dr_site_named(core_of(x), name).v != 0
                                ? "; it is a site: expected a site alone, or nodes"
                                : "");
            return 0;
        }
    }
    window->runs = runs;
    window->runs_count = (uint32_t)(2 * count);
    return 1;
}

static int take_pool(struct exchange *x, const json_t *root, struct dr_fact_window_made *window)
{
    int64_t count = 0; /* all of it */
    const char *text;
    const char *slash;
    char site[DR_NAME_BYTES];

    if (!exchange_take_text(x, root, "pool", 2 * DR_NAME_BYTES - 1, "SITE/POOL", &text) ||
        !take_name(x, root, "level", window->level) ||
        (json_object_get(root, "count") != NULL &&
         !exchange_take_integer(x, root, "count", 1, UINT32_MAX, "a number of nodes, 1 or more",
                                &count)))
        return 0;
    window->count = (uint32_t)count;
    if (text == NULL)
        return 1;
    slash = strchr(text, '/');
    if (slash == NULL || slash - text >= DR_NAME_BYTES)
        return bad(x, "pool", "SITE/POOL");
    dr_format(site, sizeof site, "%.*s", (int)(slash - text), text);
    window->pool = dr_site_named(core_of(x), site).v == 0
                       ? 0
                       : dr_pool_named(core_of(x), dr_site_named(core_of(x), site), slash + 1).v;
    if (window->pool == 0) {
        exchange_refuse(x, "UNKNOWN", "pool", "there is no pool '%s'", text);
        return 0;
    }
    return 1;
}

static int take_site(struct exchange *x, const json_t *root, struct dr_fact_window_made *window)
{
    const char *text;

    if (!exchange_take_name(x, root, "site", &text))
        return 0;
    if (text == NULL)
        return 1;
    window->site = dr_site_named(core_of(x), text).v;
    if (window->site == 0) {
        exchange_refuse(x, "UNKNOWN", "site", "there is no site '%s'", text);
        return 0;
    }
    return 1;
}

/* Whom it is for: one of the two has to be said. */
static int take_accounts(struct exchange *x, const json_t *root, struct dr_fact_window_made *window)
{
    const json_t *names = json_object_get(root, "accounts");
    size_t count = json_array_size(names);
    uint8_t maintenance;
    uint32_t *accounts;

    if (!exchange_take_flag(x, root, "maintenance", &maintenance))
        return 0;
    if ((names != NULL && !json_is_array(names)) || maintenance == (count > 0))
        return bad(x, "accounts", "names of accounts, or `maintenance`: true");
    accounts = exchange_push(x, count + 1, sizeof accounts[0]);
    for (size_t i = 0; i < count; i += 1) {
        const char *name = json_string_value(json_array_get(names, i));

        if (name == NULL)
            return bad(x, "accounts", "names of accounts");
        accounts[i] = dr_account_named(core_of(x), name).v;
        if (accounts[i] == 0) {
            exchange_refuse(x, "UNKNOWN", "accounts", "there is no account '%.80s'", name);
            return 0;
        }
    }
    window->accounts = accounts;
    window->accounts_count = (uint32_t)count;
    return 1;
}

void route_reservation_make(struct exchange *x)
{
    json_t *root = exchange_object(x, "name site pool count level nodes accounts maintenance "
                                      "from_us until_us evict force reason");
    struct dr_fact_window_made *window;
    struct dr_command *command;
    int good;

    if (root == NULL)
        return;
    command = exchange_commands(x, 1);
    command->kind = DR_COMMAND_DECLARE;
    command->body.declare.kind = DR_FACT_WINDOW_MADE;
    window = &command->body.declare.window_made;
    good = exchange_take_reason(x, root, &command->reason) &&
           take_name(x, root, "name", window->name) && take_accounts(x, root, window) &&
           take_site(x, root, window) && take_pool(x, root, window) &&
           take_nodes(x, root, window) && take_instant(x, root, "from_us", &window->from_us) &&
           take_instant(x, root, "until_us", &window->until_us) &&
           exchange_take_flag(x, root, "evict", &window->evict) &&
           exchange_take_flag(x, root, "force", &window->forced);
    json_decref(root);
    if (good)
        exchange_ask(x, made);
}

/* ---- calling one off ---- */

void route_reservation_drop(struct exchange *x)
{
    const struct dr_window *window = dr_window_named(core_of(x), x->name);
    struct dr_command *command;
    const char *reason;

    if (!exchange_reason(x, &reason))
        return;
    if (window == NULL) {
        exchange_refuse(x, "UNKNOWN", "name", "there is no advance reservation '%s'", x->name);
        return;
    }
    command = exchange_commands(x, 1);
    command->kind = DR_COMMAND_DECLARE;
    command->body.declare.kind = DR_FACT_WINDOW_DROPPED;
    command->body.declare.window_dropped.window = window->id;
    command->reason = reason;
    exchange_ask(x, exchange_done);
}
