/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to what a file says, made after it was read and before it is judged as a whole. */
#include <inttypes.h>

#include "base/math.h"
#include "federation/edits.h"

struct editor {
    struct dr_federation *federation;
    struct dr_error_list *errors;
    const struct dr_edit *edit;
};

static void wrong(const struct editor *editor, const char *found, const char *expected)
{
    static const char *const fields[] = {
        [DR_EDIT_ADD_NODES] = "add", [DR_EDIT_GUARANTEE] = "quota", [DR_EDIT_CAP] = "cap"};

    dr_error_list_add(editor->errors, "", 0, fields[editor->edit->kind],
                      found[0] == '\0' ? "nothing" : found, "%s", expected);
}

/* There is none of that name: of those that there are, which was probably meant? */
static void unknown(const struct editor *editor, const char *found, const char *what,
                    const struct dr_fed_names *names)
{
    const char *closest = dr_closest_name(found, names->names, names->count);
    char text[300];

    if (closest != NULL && strcmp(closest, found) == 0) /* it is one, but not of that kind */
        closest = NULL;
    snprintf(text, sizeof text, "%s of the federation%s%s%s", what,
             closest == NULL ? "" : "; did you mean ", closest == NULL ? "" : closest,
             closest == NULL ? "" : "?");
    wrong(editor, found, text);
}

static void add_nodes(const struct editor *editor)
{
    struct dr_federation *federation = editor->federation;
    const struct dr_edit *edit = editor->edit;
    uint32_t place = dr_fed_names_find(&federation->pool_names, edit->name);
    int64_t nodes;

    if (place == DR_MAP_NONE)
        unknown(editor, edit->name, "SITE/POOL, a pool", &federation->pool_names);
    else if (!dr_parse_i64(edit->amount, 1, DR_FEDERATION_NODES_MAX, &nodes))
        wrong(editor, edit->amount, "a number of nodes, 1 to 1048576");
    else
        federation->pools[place].nodes += (uint32_t)nodes;
}

static void set_cap(const struct editor *editor)
{
    struct dr_federation *federation = editor->federation;
    const struct dr_edit *edit = editor->edit;
    uint32_t place = dr_fed_names_find(&federation->site_names, edit->name);
    int64_t watts = 0;

    if (place == DR_MAP_NONE)
        unknown(editor, edit->name, "a site", &federation->site_names);
    else if (strcmp(edit->amount, "none") != 0 &&
             (!dr_parse_watts(edit->amount, &watts) || watts == 0))
        wrong(editor, edit->amount, "power (700, 1.2kW, 3MW, 0.4GW), or none");
    else
        federation->sites[place].set.power_cap_w = watts;
}

/* ---- guarantees ---- */

/* What an account is guaranteed, where it states nothing: what those below it have. */
static int64_t guarantee_of(const struct dr_federation *federation, uint32_t place, uint32_t group)
{
    const struct dr_fed_limit *limit = &federation->accounts[place].limits[group];
    int64_t sum = 0;

    if (limit->stated)
        return limit->guarantee;
    for (uint32_t a = place + 1; a < federation->accounts_count; a += 1)
        if (federation->accounts[a].set.parent == place + 1)
            sum += guarantee_of(federation, a, group);
    return sum;
}

static int64_t sum_below(const struct dr_federation *federation, uint32_t place, uint32_t group)
{
    int64_t sum = 0;

    for (uint32_t a = place + 1; a < federation->accounts_count; a += 1)
        if (federation->accounts[a].set.parent == place + 1)
            sum += guarantee_of(federation, a, group);
    return sum;
}

/* Those above it are raised as far as they need for it, up to the federation, which has what there
 * is. */
static void state(struct dr_federation *federation, uint32_t place, uint32_t group, int64_t amount)
{
    struct dr_fed_limit *limit = &federation->accounts[place].limits[group];

    limit->guarantee = amount;
    limit->stated = 1;
    limit->line = federation->accounts[place].line;
    while (place != 0) {
        place = federation->accounts[place].set.parent - 1;
        limit = &federation->accounts[place].limits[group];
        if (place != 0 && limit->stated)
            limit->guarantee = dr_max_i64(limit->guarantee, sum_below(federation, place, group));
    }
}

/* "+10%", "-16", "64" on what there is. 0: it is none of these, or less than nothing. */
static int change(const char *text, int64_t from, int64_t *to)
{
    int sign = text[0] == '+' ? 1 : text[0] == '-' ? -1 : 0;
    size_t length = strlen(text);
    char number[32];
    int64_t by;

    if (length <= (size_t)(sign != 0) || length >= sizeof number)
        return 0;
    memcpy(number, text + (sign != 0), length + (sign == 0));
    if (sign != 0 && number[length - 2] == '%') {
        number[length - 2] = '\0';
        if (!dr_parse_milli(number, 0, 100000000, &by))
            return 0;
        by = dr_mul_div_floor(from, by, 100000);
    } else if (!dr_parse_milli(number, 0, DR_FEDERATION_AMOUNT_MAX, &by)) {
        return 0;
    }
    *to = sign == 0 ? by : from + sign * by;
    return *to >= 0 && *to <= DR_FEDERATION_AMOUNT_MAX;
}

static int is_accelerators(const struct dr_federation *federation, uint32_t group)
{
    return federation->groups[group].set.resource == DR_RESOURCE_ACCELERATORS;
}

/* Accelerator groups in which the account has a guarantee, or all there are; the last of them. */
static uint32_t count_groups(const struct dr_federation *federation, uint32_t place, int guaranteed,
                             uint32_t *last)
{
    uint32_t count = 0;

    for (uint32_t group = 0; group < federation->groups_count; group += 1) {
        if (!is_accelerators(federation, group) ||
            (guaranteed && guarantee_of(federation, place, group) == 0))
            continue;
        *last = group;
        count += 1;
    }
    return count;
}

static void change_in(const struct editor *editor, uint32_t place, uint32_t group)
{
    struct dr_federation *federation = editor->federation;
    int64_t amount;

    if (change(editor->edit->amount, guarantee_of(federation, place, group), &amount))
        state(federation, place, group, amount);
    else
        wrong(editor, editor->edit->amount,
              "a change of the guarantee that leaves 0 or more: +10%, -10%, +16, -16, or what it "
              "is to be: 64");
}

static void change_guarantee(const struct editor *editor)
{
    struct dr_federation *federation = editor->federation;
    const struct dr_edit *edit = editor->edit;
    uint32_t place = dr_fed_names_find(&federation->account_names, edit->name);
    uint32_t group = 0;
    size_t length = strlen(edit->amount);
    int is_part = length > 0 && edit->amount[length - 1] == '%';

    if (place == DR_MAP_NONE || place == 0) {
        unknown(editor, edit->name, "an account below the root", &federation->account_names);
        return;
    }
    if (edit->group != NULL) {
        group = dr_fed_names_find(&federation->group_names, edit->group);
        if (group == DR_MAP_NONE || !is_accelerators(federation, group))
            unknown(editor, edit->group, "a quota group of accelerators", &federation->group_names);
        else
            change_in(editor, place, group);
        return;
    }
    if (is_part && count_groups(federation, place, 1, &group) > 0) {
        for (group = 0; group < federation->groups_count; group += 1)
            if (is_accelerators(federation, group) && guarantee_of(federation, place, group) > 0)
                change_in(editor, place, group);
        return;
    }
    if (count_groups(federation, place, 1, &group) == 1 ||
        (count_groups(federation, place, 1, &group) == 0 &&
         count_groups(federation, place, 0, &group) == 1))
        change_in(editor, place, group);
    else
        wrong(editor, edit->name,
              "ACCOUNT/GROUP: there is more than one group that could be meant");
}

void dr_fed_edit(struct dr_federation *federation, const struct dr_edit *edits, uint32_t count,
                 struct dr_error_list *errors)
{
    for (uint32_t i = 0; i < count; i += 1) {
        struct editor editor = {federation, errors, &edits[i]};

        switch (edits[i].kind) {
        case DR_EDIT_ADD_NODES:
            add_nodes(&editor);
            break;
        case DR_EDIT_GUARANTEE:
            change_guarantee(&editor);
            break;
        case DR_EDIT_CAP:
            set_cap(&editor);
            break;
        }
    }
}
