/* SPDX-License-Identifier: Apache-2.0 */
/* routes_people.c: tokens, who asks, the head of the chain, health. */
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#include "serve/exchange.h"
#include "serve/fact_json.h"
#include "serve/json.h"
#include "store/chain.h"

#define TOKEN_DEFAULT_US (30 * DR_DAY_US)
#define TOKEN_MAX_US     (3650 * DR_DAY_US)

/* ---- tokens ---- */

static int is_admin(const struct exchange *x)
{
    return (x->who.roles & DR_ROLE(ADMIN)) != 0;
}

/* Whose tokens may the asker see? His own; those who see all see all. */
static int sees_token(struct exchange *x, const struct dr_token *token)
{
    return dr_auth_sees_all(&x->who) || (token->user.v == x->who.user.v && token->user.v != 0);
}

void route_tokens(struct exchange *x)
{
    const struct dr_core *core = core_of(x);
    int64_t now_us = dr_controller_now_us(x->http->controller);

    dr_put_begin(&x->out, NULL, '{');
    dr_put_begin(&x->out, "tokens", '[');
    for (uint32_t row = 0; row < core->tokens_count; row += 1) {
        const struct dr_token *token = &core->tokens[row];

        if (!sees_token(x, token))
            continue;
        dr_put_begin(&x->out, NULL, '{');
        dr_put_u64(&x->out, "id", row + 1);
        dr_put_text(&x->out, "user", dr_user_name(core, token->user.v));
        dr_roles_json(&x->out, "roles", token->roles);
        dr_put_text(&x->out, "label", token->label);
        dr_put_i64(&x->out, "issued_us", token->issued_us);
        dr_put_i64(&x->out, "expires_us", token->expires_us);
        dr_put_text(&x->out, "state",
                    token->revoked                ? "revoked"
                    : now_us >= token->expires_us ? "expired"
                                                  : "good");
        dr_put_end(&x->out, '}');
    }
    dr_put_end(&x->out, ']');
    dr_put_end(&x->out, '}');
    exchange_answer(x, 200);
}

static void issued(struct exchange *x)
{
    char text[DR_TOKEN_TEXT_BYTES];
    const struct dr_fact *fact = &x->request.commands[0].body.declare;

    dr_auth_token_text(x->request.answers[0].id, x->secret, text);
    dr_put_begin(&x->out, NULL, '{');
    dr_put_text(&x->out, "token", text);
    dr_put_u64(&x->out, "id", x->request.answers[0].id);
    dr_put_text(&x->out, "user", dr_user_name(core_of(x), fact->token_issued.token_user));
    dr_roles_json(&x->out, "roles", fact->token_issued.roles);
    dr_put_i64(&x->out, "expires_us", fact->token_issued.expires_us);
    dr_put_end(&x->out, '}');
    explicit_bzero(text, sizeof text);
    explicit_bzero(x->secret, sizeof x->secret);
    exchange_answer(x, 201);
}

static int take_roles(struct exchange *x, const json_t *list, uint8_t *roles)
{
    if (!json_is_array(list) || json_array_size(list) == 0) {
        exchange_refuse(x, "INVALID", "roles", "expected a list of names of roles");
        return 0;
    }
    *roles = 0;
    for (size_t i = 0; i < json_array_size(list); i += 1) {
        const char *name = json_string_value(json_array_get(list, i));
        uint8_t found = 0;

        for (uint32_t role = 0; name != NULL && role < DR_ROLE_COUNT; role += 1) {
            if (strcasecmp(dr_role_name((enum dr_role)role), name) == 0)
                found = (uint8_t)(1u << role);
        }
        if (found == 0) {
            exchange_refuse(
                x, "INVALID", "roles",
                "found '%.40s', expected USER, ACCOUNT_ADMIN, AUDITOR, OPERATOR or ADMIN",
                name == NULL ? "something else than a string" : name);
            return 0;
        }
        *roles |= found;
    }
    return 1;
}

/* The members of the body, into `command`; 0: refused. */
static int take_token(struct exchange *x, const json_t *root, struct dr_fact_token_issued *token)
{
    const json_t *user = json_object_get(root, "user");
    const json_t *roles = json_object_get(root, "roles");
    const json_t *ttl = json_object_get(root, "ttl_us");
    const char *label;
    int64_t ttl_us = ttl == NULL ? TOKEN_DEFAULT_US : json_integer_value(ttl);

    token->token_user = x->who.user.v;
    if (user != NULL) {
        const char *name = json_string_value(user);

        token->token_user = name == NULL ? 0 : dr_user_named(core_of(x), name).v;
        if (token->token_user == 0) {
            exchange_refuse(x, name == NULL ? "INVALID" : "UNKNOWN", "user",
                            "there is no user '%.60s'", name == NULL ? "" : name);
            return 0;
        }
    }
    if (token->token_user == 0) {
        exchange_refuse(x, "INVALID", "user", "expected the name of the user that it speaks for");
        return 0;
    }
    token->roles = x->who.roles_mask & (uint8_t)((1u << DR_ROLE_COUNT) - 1);
    if (roles != NULL && !take_roles(x, roles, &token->roles))
        return 0;
    /* A token that was cut down does not make one that is not. */
    if (token->roles & ~x->who.roles_mask) {
        exchange_refuse(x, "DENIED", "roles",
                        "the token that asks has not all of these roles itself");
        return 0;
    }
    if ((ttl != NULL && !json_is_integer(ttl)) || ttl_us < DR_SECOND_US || ttl_us > TOKEN_MAX_US) {
        exchange_refuse(x, "INVALID", "ttl_us", "expected microseconds, one second to ten years");
        return 0;
    }
    token->expires_us = dr_controller_now_us(x->http->controller) + ttl_us;
    if (!exchange_take_text(x, root, "label", DR_NAME_BYTES - 1, "a string of at most 63 bytes",
                            &label))
        return 0;
    if (label != NULL)
        dr_copy_name(token->label, label);
    return 1;
}

void route_token_issue(struct exchange *x)
{
    json_t *root = exchange_object(x, "user roles ttl_us label");
    struct dr_command *command;
    int good;

    if (root == NULL)
        return;
    command = exchange_commands(x, 1);
    command->kind = DR_COMMAND_TOKEN;
    command->body.declare.kind = DR_FACT_TOKEN_ISSUED;
    good = take_token(x, root, &command->body.declare.token_issued);
    json_decref(root);
    if (!good)
        return;
    dr_auth_secret(x->secret, command->body.declare.token_issued.secret_hash);
    exchange_ask(x, issued);
}

void route_token_revoke(struct exchange *x)
{
    const struct dr_core *core = core_of(x);
    struct dr_command *command;
    json_t *root = exchange_object(x, "");

    if (root == NULL)
        return;
    json_decref(root);
    if (x->number > core->tokens_count ||
        (!is_admin(x) && !sees_token(x, &core->tokens[x->number - 1]))) {
        exchange_refuse(x, "UNKNOWN", "id", "there is no token %llu",
                        (unsigned long long)x->number);
        return;
    }
    command = exchange_commands(x, 1);
    command->kind = DR_COMMAND_TOKEN;
    command->body.declare.kind = DR_FACT_TOKEN_REVOKED;
    command->body.declare.token_revoked.token = (uint32_t)x->number;
    exchange_ask(x, exchange_done);
}

/* ---- who asks ---- */

void route_me(struct exchange *x)
{
    const struct dr_core *core = core_of(x);
    const struct dr_user *user = x->who.user.v == 0 ? NULL : &core->users[x->who.user.v - 1];

    dr_put_begin(&x->out, NULL, '{');
    dr_put_text(&x->out, "user", user == NULL ? NULL : user->name);
    if (x->who.peer->by_unix_socket && x->who.token.v == 0)
        dr_put_u64(&x->out, "uid", x->who.peer->uid);
    else if (user != NULL && user->uid != DR_NO_UID)
        dr_put_u64(&x->out, "uid", user->uid);
    else
        dr_put_null(&x->out, "uid");
    dr_roles_json(&x->out, "roles", x->who.roles);
    dr_put_begin(&x->out, "accounts", '[');
    for (uint32_t i = 0; user != NULL && i < user->memberships_count; i += 1) {
        uint8_t role = (uint8_t)(1u << user->memberships[i].role) & x->who.roles_mask;

        dr_put_begin(&x->out, NULL, '{');
        dr_put_text(&x->out, "account", dr_account_name(core, user->memberships[i].account.v));
        dr_roles_json(&x->out, "roles", role);
        dr_put_end(&x->out, '}');
    }
    dr_put_end(&x->out, ']');
    dr_put_bool(&x->out, "system", x->who.system);
    dr_put_text(&x->out, "via", x->who.token.v != 0 ? "token" : "unix");
    if (x->who.token.v != 0)
        dr_put_u64(&x->out, "token", x->who.token.v);
    else
        dr_put_null(&x->out, "token");
    dr_put_end(&x->out, '}');
    exchange_answer(x, 200);
}

/* ---- the chain and health ---- */

/* The last whole line of the signed heads; "": none yet. */
static void last_signature(struct exchange *x, char line[DR_CHAIN_LINE_BYTES])
{
    const struct dr_controller_options *options = dr_controller_options(x->http->controller);
    char path[1024];
    char tail[2 * DR_CHAIN_LINE_BYTES + 1];
    char *begin;
    ssize_t got;
    off_t size;
    int file;

    line[0] = 0;
    snprintf(path, sizeof path, "%s/%s", options->directory, DR_CHAIN_HEADS);
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    size = lseek(file, 0, SEEK_END);
    got = pread(file, tail, sizeof tail - 1,
                size < (off_t)sizeof tail ? 0 : size - (off_t)sizeof tail + 1);
    close(file);
    while (got > 0 && tail[got - 1] != '\n')
        got -= 1;
    if (got <= 0)
        return;
    tail[got - 1] = 0;
    begin = strrchr(tail, '\n');
    snprintf(line, DR_CHAIN_LINE_BYTES, "%.*s", DR_CHAIN_LINE_BYTES - 1,
             begin == NULL ? tail : begin + 1);
}

void route_audit_head(struct exchange *x)
{
    char line[DR_CHAIN_LINE_BYTES];
    struct dr_store *store = dr_controller_store(x->http->controller);
    uint8_t head[DR_HASH_BYTES];
    char hex[2 * DR_HASH_BYTES + 1];

    dr_store_head(store, head);
    dr_format_hex(head, sizeof head, hex);
    dr_put_begin(&x->out, NULL, '{');
    dr_put_u64(&x->out, "seq", dr_store_seq(store));
    dr_put_text(&x->out, "hash", hex);
    last_signature(x, line);
    dr_put_text(&x->out, "signature", line[0] == 0 ? NULL : line);
    dr_put_end(&x->out, '}');
    exchange_answer(x, 200);
}

void route_health(struct exchange *x)
{
    const struct dr_core *core = core_of(x);
    const struct dr_controller_figures *figures = dr_controller_figures(x->http->controller);

    dr_put_begin(&x->out, NULL, '{');
    dr_put_text(&x->out, "status", "ok");
    dr_put_u64(&x->out, "epoch", core->epoch);
    dr_put_u64(&x->out, "seq", dr_controller_durable_seq(x->http->controller));
    dr_put_i64(&x->out, "now_us", dr_controller_now_us(x->http->controller));
    dr_put_i64(&x->out, "started_us", figures->started_us);
    dr_put_i64(&x->out, "recovery_us", figures->recovery_us);
    dr_put_end(&x->out, '}');
    exchange_answer(x, 200);
}
