/* SPDX-License-Identifier: Apache-2.0 */
/* routes_what_if.c: what would change, and for whom, if the federation were another? */
#include <jansson.h>

#include "serve/exchange.h"
#include "serve/what_if.h"

struct wishing {
    struct exchange *x;
    const json_t *root;
    struct dr_what_if_wish wish;
    struct dr_edit *edits;
};

static int bad(struct wishing *wishing, const char *member, const char *expected)
{
    exchange_refuse(wishing->x, "INVALID", member, "expected %s", expected);
    return 0;
}

static struct dr_edit *next_edit(struct wishing *wishing, enum dr_edit_kind kind)
{
    struct dr_edit *edit = &wishing->edits[wishing->wish.edits_count];

    wishing->wish.edits_count += 1;
    edit->kind = kind;
    return edit;
}

static const char *number_text(struct wishing *wishing, const char *format, json_int_t number)
{
    char text[32];

    snprintf(text, sizeof text, format, (long long)number);
    return exchange_copy(wishing->x, text);
}

/* {"pool": "seoul/h200", "nodes": 16} */
static int take_add(struct wishing *wishing, const json_t *item)
{
    const char *pool = json_string_value(json_object_get(item, "pool"));
    const json_t *nodes = json_object_get(item, "nodes");
    struct dr_edit *edit;

    if (pool == NULL || !json_is_integer(nodes) || json_object_size(item) != 2)
        return bad(wishing, "add", "objects with pool (SITE/POOL) and nodes (a whole number)");
    edit = next_edit(wishing, DR_EDIT_ADD_NODES);
    edit->name = pool;
    edit->amount = number_text(wishing, "%lld", json_integer_value(nodes));
    return 1;
}

/* {"account": "academia", "group": "h200", "change": "+10%"} */
static int take_quota(struct wishing *wishing, const json_t *item)
{
    const char *account = json_string_value(json_object_get(item, "account"));
    const json_t *group = json_object_get(item, "group");
    const char *change = json_string_value(json_object_get(item, "change"));
    struct dr_edit *edit;

    if (account == NULL || change == NULL || (group != NULL && !json_is_string(group)) ||
        json_object_size(item) != 2u + (group != NULL))
        return bad(
            wishing, "quota",
            "objects with account, change (like +10%, -16, 64) and, where there are several, "
            "group");
    edit = next_edit(wishing, DR_EDIT_GUARANTEE);
    edit->name = account;
    edit->group = json_string_value(group);
    edit->amount = change;
    return 1;
}

/* {"site": "seoul", "power_cap_w": 3000000}; 0: none */
static int take_cap(struct wishing *wishing, const json_t *item)
{
    const char *site = json_string_value(json_object_get(item, "site"));
    const json_t *watts = json_object_get(item, "power_cap_w");
    struct dr_edit *edit;

    if (site == NULL || !json_is_integer(watts) || json_object_size(item) != 2)
        return bad(wishing, "cap", "objects with site and power_cap_w (watts; 0: no cap)");
    edit = next_edit(wishing, DR_EDIT_CAP);
    edit->name = site;
    edit->amount = json_integer_value(watts) == 0
                       ? "none"
                       : number_text(wishing, "%lld", json_integer_value(watts));
    return 1;
}

static int take_drain(struct wishing *wishing, const json_t *item)
{
    const char **drains = (const char **)wishing->wish.drains;

    if (!json_is_string(item))
        return bad(wishing, "drain", "names of nodes, or SITE/POOL");
    drains[wishing->wish.drains_count] = json_string_value(item);
    wishing->wish.drains_count += 1;
    return 1;
}

static int take_list(struct wishing *wishing, const char *member,
                     int (*take)(struct wishing *wishing, const json_t *item))
{
    const json_t *list = json_object_get(wishing->root, member);
    json_t *item;
    size_t i;

    if (list == NULL)
        return 1;
    if (!json_is_array(list) || json_array_size(list) > WHAT_IF_CHANGES_MAX)
        return bad(wishing, member, "an array of at most 100");
    json_array_foreach(list, i, item)
    {
        if (!take(wishing, item))
            return 0;
    }
    return 1;
}

static int take_wish(struct wishing *wishing)
{
    struct exchange *x = wishing->x;
    struct dr_what_if_wish *wish = &wishing->wish;

    wishing->edits = exchange_push(x, 3 * WHAT_IF_CHANGES_MAX, sizeof *wishing->edits);
    wish->edits = wishing->edits;
    wish->drains = exchange_push(x, WHAT_IF_CHANGES_MAX, sizeof wish->drains[0]);
    wish->horizon_us = WHAT_IF_HORIZON_US;
    wish->user = x->who.user;
    if (!exchange_take_text(x, wishing->root, "federation", DR_FEDERATION_BYTES_MAX,
                            "a federation file", &wish->yaml) ||
        !take_list(wishing, "add", take_add) || !take_list(wishing, "quota", take_quota) ||
        !take_list(wishing, "cap", take_cap) || !take_list(wishing, "drain", take_drain))
        return 0;
    if (json_object_get(wishing->root, "horizon_us") != NULL &&
        !exchange_take_integer(x, wishing->root, "horizon_us", WHAT_IF_HORIZON_MIN_US,
                               WHAT_IF_HORIZON_MAX_US, "microseconds, a minute to 30 days",
                               &wish->horizon_us))
        return 0;
    if (wish->yaml != NULL)
        wish->yaml_bytes = strlen(wish->yaml);
    if (wish->yaml == NULL && wish->edits_count == 0 && wish->drains_count == 0)
        return bad(wishing, "", "a change: federation, add, quota, cap or drain");
    return 1;
}

static void answered(void *context, uint32_t status, const struct dr_buffer *body)
{
    struct exchange *x = context;

    dr_buffer_append(&x->out, body->data, body->length);
    exchange_answer(x, status);
    exchange_resume(x);
}

void route_what_if(struct exchange *x)
{
    json_t *root = exchange_object(x, "federation add quota cap drain horizon_us");
    struct wishing wishing = {.x = x, .root = root};

    if (root == NULL)
        return;
    if (take_wish(&wishing)) {
        exchange_wait(x);
        if (!dr_what_if_ask(x->http->what_if, &wishing.wish, answered, x)) {
            exchange_refuse(x, "LIMIT", "", "another what-if runs; ask again when it has ended");
            exchange_header_add(x, "Retry-After", "10");
        }
    }
    json_decref(root);
}
