/* SPDX-License-Identifier: Apache-2.0 */
/* routes_parts.c: nodes, accounts, and the federation as a whole. */
#include <jansson.h>

#include "base/math.h"
#include "core/window.h"
#include "federation/federation.h"
#include "serve/exchange.h"
#include "serve/fact_json.h"
#include "serve/json.h"
#include "serve/use.h"

/* ---- nodes ---- */

static const char *node_state(const struct dr_core *core, const struct dr_node *node)
{
    if (node->down)
        return "down";
    if (node->removing)
        return "removing";
    if (node->drained)
        return node->tasks > 0 ? "draining" : "drained";
    if (node->off)
        return "off";
    return core->sites[core->pools[node->pool.v - 1].site.v - 1].answers ? "up" : "unreachable";
}

/* Accelerators that are held in shares. */
static void shares_json(struct dr_buffer *out, const struct dr_core *core, uint32_t row)
{
    dr_put_begin(out, "shares", '[');
    for (uint64_t rest = core->nodes[row].shared; rest != 0; rest &= rest - 1) {
        uint32_t accelerator = dr_bit_lowest(rest);

        if (core->device_shares[row][accelerator].held == 0)
            continue;
        dr_put_begin(out, NULL, '{');
        dr_put_u64(out, "accelerator", accelerator);
        dr_put_u64(out, "held_milli", core->device_shares[row][accelerator].held);
        dr_put_end(out, '}');
    }
    dr_put_end(out, ']');
}

/* The advance reservation that has the node now, or first. */
static void reservation_json(struct dr_buffer *out, const struct dr_core *core,
                             const struct dr_window *window)
{
    if (window == NULL) {
        dr_put_text(out, "reservation", NULL);
        return;
    }
    dr_put_begin(out, "reservation", '{');
    dr_put_text(out, "name", window->name);
    dr_put_begin(out, "accounts", '[');
    for (uint32_t i = 0; i < window->accounts_count; i += 1)
        dr_put_text(out, NULL, dr_account_name(core, window->accounts[i].v));
    dr_put_end(out, ']');
    dr_put_i64(out, "from_us", window->from_us);
    dr_put_i64(out, "until_us", window->until_us);
    dr_put_bool(out, "begun", window->begun);
    dr_put_end(out, '}');
}

static void node_json(struct dr_buffer *out, const struct dr_core *core, uint32_t row)
{
    const struct dr_node *node = &core->nodes[row];
    const struct dr_pool *pool = &core->pools[node->pool.v - 1];
    uint64_t taken = node->busy | node->promised;
    uint32_t free_count = pool->accelerators;
    char name[DR_NAME_BYTES + 12];

    for (; taken != 0; taken &= taken - 1)
        free_count -= 1;
    if (!dr_node_up(core, node))
        free_count = 0;
    dr_put_begin(out, NULL, '{');
    dr_put_text(out, "name", dr_node_name(core, (dr_node_id){row + 1}, name));
    dr_put_text(out, "site", dr_site_name(core, pool->site.v));
    dr_put_text(out, "pool", pool->name);
    dr_put_bool(out, "pool_leaving", pool->leaving);
    dr_put_text(out, "chip", dr_chip_name(core, pool->chip.v));
    dr_put_bool(out, "virtual", pool->chip.v != 0 && core->chips[pool->chip.v - 1].is_virtual);
    dr_put_text(out, "state", node_state(core, node));
    dr_put_text(out, "reason", core->node_notes[row]);
    dr_put_u64(out, "accelerators", pool->accelerators);
    dr_put_u64(out, "accelerators_free", free_count);
    dr_put_u64(out, "busy_mask", node->busy);
    shares_json(out, core, row);
    dr_put_u64(out, "cpus_milli", pool->cpus);
    dr_put_i64(out, "cpus_used_milli", node->cpus_used);
    dr_put_i64(out, "memory_mb", pool->memory_mb);
    dr_put_i64(out, "memory_used_mb", node->memory_mb_used);
    dr_put_u64(out, "tasks", node->tasks);
    reservation_json(out, core, dr_window_of_node(core, row));
    dr_put_end(out, '}');
}

/* The site that the query names; 0: none. */
static int take_site(struct exchange *x, uint32_t *site)
{
    const char *name = exchange_parameter(x, "site");

    *site = name == NULL ? 0 : dr_site_named(core_of(x), name).v;
    if (name == NULL || *site != 0)
        return 1;
    exchange_refuse(x, "UNKNOWN", "site", "there is no site '%.60s'", name);
    return 0;
}

void route_nodes(struct exchange *x)
{
    const struct dr_core *core = core_of(x);
    uint32_t site;

    if (!take_site(x, &site))
        return;
    dr_put_begin(&x->out, NULL, '{');
    dr_put_begin(&x->out, "nodes", '[');
    for (uint32_t row = 0; row < core->nodes_count; row += 1) {
        const struct dr_node *node = &core->nodes[row];

        if (!node->removed && (site == 0 || core->pools[node->pool.v - 1].site.v == site))
            node_json(&x->out, core, row);
    }
    dr_put_end(&x->out, ']');
    dr_put_end(&x->out, '}');
    exchange_answer(x, 200);
}

static void node_changed(struct exchange *x)
{
    dr_put_begin(&x->out, NULL, '{');
    dr_put_text(&x->out, "name", x->name);
    dr_put_text(
        &x->out, "state",
        node_state(core_of(x), &core_of(x)->nodes[x->request.commands[0].body.node.node - 1]));
    dr_put_bool(&x->out, "unchanged", x->request.answers[0].unchanged != 0);
    dr_put_end(&x->out, '}');
    exchange_answer(x, 200);
}

/* -1: as it is. */
static void change_node(struct exchange *x, int drained, int down)
{
    dr_node_id id = dr_node_named(core_of(x), x->name);
    struct dr_command *command;
    const struct dr_node *node;
    const char *reason;

    if (id.v == 0) {
        exchange_refuse(x, "UNKNOWN", "name", "there is no node '%s'", x->name);
        return;
    }
    if (!exchange_reason(x, &reason))
        return;
    node = &core_of(x)->nodes[id.v - 1];
    command = exchange_commands(x, 1);
    command->kind = DR_COMMAND_NODE;
    command->reason = reason;
    command->body.node.node = id.v;
    command->body.node.drained = drained < 0 ? node->drained : (uint8_t)drained;
    command->body.node.down = down < 0 ? node->down : (uint8_t)down;
    exchange_ask(x, node_changed);
}

void route_node_drain(struct exchange *x)
{
    change_node(x, 1, -1);
}

void route_node_resume(struct exchange *x)
{
    change_node(x, 0, -1);
}

void route_node_down(struct exchange *x)
{
    change_node(x, -1, 1);
}

void route_node_up(struct exchange *x)
{
    change_node(x, -1, 0);
}

/* ---- accounts ---- */

/* Accounts that the asker may see: all, or those at, below or above his memberships; of those above
 * only the quotas, which hold for him too. */
static int sees_account(struct exchange *x, uint32_t account, int with_use)
{
    const struct dr_core *core = core_of(x);
    const struct dr_user *user;

    if (dr_auth_sees_all(&x->who))
        return 1;
    if (x->who.user.v == 0)
        return 0;
    user = &core->users[x->who.user.v - 1];
    for (uint32_t i = 0; i < user->memberships_count; i += 1) {
        dr_account_id member = user->memberships[i].account;

        if (dr_account_within(core, (dr_account_id){account}, member) ||
            (!with_use && dr_account_within(core, member, (dr_account_id){account})))
            return 1;
    }
    return 0;
}

static void limit_json(struct dr_buffer *out, const char *name, int64_t value)
{
    if (value == DR_FOREVER_US)
        dr_put_null(out, name);
    else
        dr_put_i64(out, name, value);
}

static void account_json(struct dr_buffer *out, const struct dr_core *core, uint32_t row)
{
    const struct dr_account *account = &core->accounts[row];

    dr_put_begin(out, NULL, '{');
    dr_put_text(out, "name", account->name);
    dr_put_bool(out, "leaving", account->leaving);
    dr_put_text(out, "parent", dr_account_name(core, account->parent.v));
    dr_put_u64(out, "depth", account->depth);
    dr_put_u64(out, "weight_milli", account->weight);
    dr_put_begin(out, "groups", '[');
    for (uint32_t i = 0; i < core->groups_count; i += 1) {
        const struct dr_quota *quota =
            dr_quota_at(core, (dr_account_id){row + 1}, (dr_group_id){i + 1});

        if (core->groups[i].removed)
            continue;
        dr_put_begin(out, NULL, '{');
        dr_put_text(out, "group", core->groups[i].name);
        dr_put_text(out, "resource", dr_resource_name((enum dr_resource)core->groups[i].resource));
        dr_put_i64(out, "guarantee", quota->guarantee);
        limit_json(out, "borrow", quota->borrow);
        limit_json(out, "lend", quota->lend);
        dr_put_i64(out, "use", quota->use);
        dr_put_i64(out, "claim", quota->claim);
        dr_put_i64(out, "occupied", quota->occupied);
        dr_put_i64(out, "past", quota->past);
        dr_put_end(out, '}');
    }
    dr_put_end(out, ']');
    dr_put_u64(out, "jobs_live", account->jobs_live);
    dr_put_u64(out, "jobs_max", dr_account_jobs_max(core, (dr_account_id){row + 1}));
    dr_put_u64(out, "pending", account->pending);
    dr_put_u64(out, "running", account->running);
    dr_put_end(out, '}');
}

static void allocation_json(struct dr_buffer *out, const struct dr_core *core, uint32_t row)
{
    const struct dr_allocation *allocation = &core->allocations[row];

    dr_put_begin(out, NULL, '{');
    dr_put_text(out, "name", allocation->name);
    dr_put_text(out, "account", dr_account_name(core, allocation->account.v));
    dr_put_i64(out, "from_us", allocation->from_us);
    dr_put_i64(out, "until_us", allocation->until_us);
    dr_put_bool(out, "active", allocation->active);
    dr_put_begin(out, "amounts", '[');
    for (uint32_t i = 0; i < allocation->amounts_count; i += 1) {
        const struct dr_group *group = &core->groups[allocation->amounts[i].group.v - 1];

        dr_put_begin(out, NULL, '{');
        dr_put_text(out, "group", group->name);
        dr_put_text(out, "resource", dr_resource_name((enum dr_resource)group->resource));
        dr_put_i64(out, "amount", allocation->amounts[i].amount);
        dr_put_end(out, '}');
    }
    dr_put_end(out, ']');
    dr_put_end(out, '}');
}

void route_accounts(struct exchange *x)
{
    const struct dr_core *core = core_of(x);

    dr_put_begin(&x->out, NULL, '{');
    dr_put_begin(&x->out, "accounts", '[');
    for (uint32_t row = 0; row < core->accounts_count; row += 1) {
        if (!core->accounts[row].removed && sees_account(x, row + 1, 0))
            account_json(&x->out, core, row);
    }
    dr_put_end(&x->out, ']');
    dr_put_begin(&x->out, "allocations", '[');
    for (uint32_t row = 0; row < core->allocations_count; row += 1) {
        if (!core->allocations[row].removed && sees_account(x, core->allocations[row].account.v, 0))
            allocation_json(&x->out, core, row);
    }
    dr_put_end(&x->out, ']');
    dr_put_begin(&x->out, "groups", '[');
    for (uint32_t i = 0; i < core->groups_count; i += 1) {
        if (core->groups[i].removed)
            continue;
        dr_put_begin(&x->out, NULL, '{');
        dr_put_text(&x->out, "name", core->groups[i].name);
        dr_put_text(&x->out, "resource",
                    dr_resource_name((enum dr_resource)core->groups[i].resource));
        dr_put_i64(&x->out, "capacity", core->groups[i].capacity);
        dr_put_i64(&x->out, "declared", core->groups[i].declared);
        dr_put_end(&x->out, '}');
    }
    dr_put_end(&x->out, ']');
    dr_put_end(&x->out, '}');
    exchange_answer(x, 200);
}

/* ---- usage ---- */

static void usage_json(struct dr_buffer *out, const struct dr_account *account,
                       const struct use *now)
{
    dr_put_begin(out, NULL, '{');
    dr_put_text(out, "account", account->name);
    dr_put_begin(out, "jobs_ended", '{');
    for (uint32_t state = DR_JOB_COMPLETED; state <= DR_JOB_DEADLINE; state += 1) {
        if (account->ended[state] > 0)
            dr_put_u64(out, dr_job_state_name((enum dr_job_state)state), account->ended[state]);
    }
    dr_put_end(out, '}');
    dr_put_u64(out, "starts", account->starts);
    dr_put_i64(out, "wait_us_mean",
               account->starts == 0 ? 0 : account->wait_us_sum / (int64_t)account->starts);
    /* thousandths of an hour: 3,600,000 ms are 1000 */
    dr_put_i64(out, "accelerator_hours_milli",
               (account->accelerator_ms + now->accelerator_ms) / 3600);
    dr_put_i64(out, "cpu_hours_milli", (account->cpu_ms + now->cpu_ms) / 3600);
    dr_put_i64(out, "energy_j", account->energy_j + now->energy_j);
    dr_put_i64(out, "cost_micro", account->cost_micro + now->cost_micro);
    dr_put_u64(out, "preempted", account->preempted);
    dr_put_u64(out, "running_now", now->running);
    dr_put_u64(out, "pending_now", account->pending);
    dr_put_end(out, '}');
}

void route_usage(struct exchange *x)
{
    const struct dr_core *core = core_of(x);
    const char *name = exchange_parameter(x, "account");
    uint32_t above = name == NULL ? 0 : dr_account_named(core, name).v;
    struct use *now;

    if (name != NULL && (above == 0 || !sees_account(x, above, 1))) {
        exchange_refuse(x, "UNKNOWN", "account", "there is no account '%.60s'", name);
        return;
    }
    now = exchange_push(x, core->accounts_count, sizeof *now);
    use_running(core, dr_controller_now_us(x->http->controller), now);
    dr_put_begin(&x->out, NULL, '{');
    dr_put_text(&x->out, "currency", core->settings.currency);
    dr_put_begin(&x->out, "usage", '[');
    for (uint32_t row = 0; row < core->accounts_count; row += 1) {
        dr_account_id id = {row + 1};

        if (core->accounts[row].removed || !sees_account(x, row + 1, 1) ||
            (above != 0 && !dr_account_within(core, id, (dr_account_id){above})))
            continue;
        usage_json(&x->out, &core->accounts[row], &now[row]);
    }
    dr_put_end(&x->out, ']');
    dr_put_end(&x->out, '}');
    exchange_answer(x, 200);
}

/* ---- the federation ---- */

void route_federation_show(struct exchange *x)
{
    dr_federation_write(core_of(x), &x->out);
    exchange_answer_as(x, 200, "application/yaml");
}

/* A header's value with %XX undone, as a reason; 0: refused. */
static int header_reason(struct exchange *x, const char **reason)
{
    const char *value = exchange_header(x, "X-Daero-Reason");
    char *text;
    size_t length = 0;

    *reason = NULL;
    if (value == NULL)
        return 1;
    text = exchange_copy(x, value);
    for (const char *c = value; *c != 0; c += 1) {
        uint8_t byte = (uint8_t)*c;

        if (*c == '%') {
            char digits[3] = {c[1], c[1] == 0 ? 0 : c[2], 0};

            if (!dr_parse_hex(digits, &byte, 1) || byte < 0x20) {
                exchange_refuse(x, "INVALID", "X-Daero-Reason", "expected URL-encoded text");
                return 0;
            }
            c += 2;
        }
        text[length] = (char)byte;
        length += 1;
    }
    text[length] = 0;
    if (length > EXCHANGE_REASON_BYTES_MAX) {
        exchange_refuse(x, "INVALID", "X-Daero-Reason", "expected at most 200 bytes");
        return 0;
    }
    *reason = text;
    return 1;
}

static void changes_json(struct exchange *x, const struct dr_change *changes, uint32_t count,
                         int applied)
{
    dr_put_begin(&x->out, NULL, '{');
    dr_put_begin(&x->out, "changes", '[');
    for (uint32_t i = 0; i < count; i += 1) {
        dr_put_begin(&x->out, NULL, '{');
        dr_put_text(&x->out, "kind", changes[i].kind);
        dr_put_text(&x->out, "name", changes[i].name);
        dr_put_text(&x->out, "text", changes[i].text);
        dr_put_end(&x->out, '}');
    }
    dr_put_end(&x->out, ']');
    dr_put_bool(&x->out, "applied", applied);
    dr_put_begin(&x->out, "errors", '[');
    dr_put_end(&x->out, ']');
    dr_put_end(&x->out, '}');
}

static void errors_json(struct exchange *x, const struct dr_error_list *errors)
{
    dr_put_begin(&x->out, NULL, '{');
    dr_put_errors(&x->out, errors->errors, errors->count);
    dr_put_bool(&x->out, "applied", 0);
    dr_put_end(&x->out, '}');
    exchange_answer(x, 400);
}

/* The answer was written before the changes were asked for: what they say is gone with the file. */
static void federation_applied(struct exchange *x)
{
    exchange_answer(x, 200);
}

static void keep_note(struct exchange *x, uint8_t *at)
{
    const char *note;
    char *copy;

    memcpy(&note, at, sizeof note);
    if (note == NULL)
        return;
    copy = exchange_push(x, strlen(note) + 1, 1);
    memcpy(copy, note, strlen(note) + 1);
    memcpy(at, &copy, sizeof copy);
}

/* A list or note inside a change's fact lies in the federation, which is closed before the
 * controller comes to it: keep copies. */
static void keep_lists(struct exchange *x, struct dr_fact *fact)
{
    const struct dr_fact_description *description = dr_fact_describe((uint32_t)fact->kind);
    static const size_t SIZES[] = {
        [DR_FIELD_extents] = sizeof(struct dr_extent),
        [DR_FIELD_alternatives] = sizeof(struct dr_alternative),
        [DR_FIELD_dependencies] = sizeof(struct dr_dependency),
        [DR_FIELD_levels] = sizeof(struct dr_level),
        [DR_FIELD_memberships] = sizeof(struct dr_membership),
        [DR_FIELD_limits] = sizeof(struct dr_quota_limits),
        [DR_FIELD_u32s] = sizeof(uint32_t),
        [DR_FIELD_i64s] = sizeof(int64_t),
        [DR_FIELD_names] = sizeof(struct dr_name),
    };

    for (uint32_t i = 0; i < description->fields_count; i += 1) {
        const struct dr_field *field = &description->fields[i];
        uint8_t *at = (uint8_t *)fact + field->offset;
        uint32_t count;
        const void *list;
        void *copy;

        if (field->type == DR_FIELD_note) {
            keep_note(x, at);
            continue;
        }
        if (field->count_offset == 0)
            continue;
        memcpy(&count, (const uint8_t *)fact + field->count_offset, sizeof count);
        memcpy(&list, at, sizeof list);
        if (count == 0)
            continue;
        copy = exchange_push(x, count, SIZES[field->type]);
        memcpy(copy, list, count * SIZES[field->type]);
        memcpy(at, &copy, sizeof copy);
    }
}

static void ask_for(struct exchange *x, const struct dr_change *changes, uint32_t count,
                    const char *reason)
{
    struct dr_command *commands = exchange_commands(x, count);

    for (uint32_t i = 0; i < count; i += 1) {
        commands[i].kind = DR_COMMAND_DECLARE;
        commands[i].reason = reason;
        commands[i].body.declare = changes[i].declare;
        keep_lists(x, &commands[i].body.declare);
    }
    exchange_ask(x, federation_applied);
}

void route_federation_apply(struct exchange *x)
{
    struct dr_federation *federation = NULL;
    struct dr_error_list errors = {0};
    struct dr_change *changes = NULL;
    const char *reason;
    uint32_t count = 0;
    int dry_run = 0;

    if (!exchange_flag(x, "dry_run", &dry_run) || !header_reason(x, &reason))
        return;
    if (dr_federation_parse(&federation, "body", x->body.length == 0 ? "" : (char *)x->body.data,
                            x->body.length, &errors, NULL) != DR_OK ||
        dr_federation_changes(federation, core_of(x), &changes, &count, &errors) != DR_OK) {
        errors_json(x, &errors);
    } else {
        changes_json(x, changes, count, !dry_run);
        if (dry_run || count == 0)
            exchange_answer(x, 200);
        else
            ask_for(x, changes, count, reason);
    }
    dr_error_list_deinit(&errors);
    dr_federation_close(federation);
}
