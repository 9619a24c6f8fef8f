/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/auth.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <strings.h>
#include <sys/random.h>

/* "dr_ID_SECRET" to its parts. */
static int read_token(const char *text, uint32_t *id, uint8_t secret[DR_TOKEN_SECRET_BYTES])
{
    const char *underscore;
    char digits[12];
    int64_t number = 0;
    size_t length;

    if (strncmp(text, "dr_", 3) != 0)
        return 0;
    text += 3;
    underscore = strchr(text, '_');
    length = underscore == NULL ? 0 : (size_t)(underscore - text);
    if (length == 0 || length > 10 || text[0] == '+' || text[0] == '-')
        return 0;
    memcpy(digits, text, length);
    digits[length] = 0;
    if (!dr_parse_i64(digits, 1, UINT32_MAX, &number))
        return 0;
    *id = (uint32_t)number;
    return dr_parse_hex(underscore + 1, secret, DR_TOKEN_SECRET_BYTES);
}

static int token_good(const struct dr_core *core, uint32_t id, int64_t now_us)
{
    const struct dr_token *token;

    if (id == 0 || id > core->tokens_count)
        return 0;
    token = &core->tokens[id - 1];
    return !token->revoked && now_us < token->expires_us && token->user.v != 0 &&
           token->user.v <= core->users_count && !core->users[token->user.v - 1].removed;
}

static void add_roles(const struct dr_core *core, struct dr_identity *who)
{
    const struct dr_user *user;

    who->roles = dr_user_roles(core, who->user, (dr_account_id){0}) & who->roles_mask;
    who->roles_any = who->roles;
    user = &core->users[who->user.v - 1];
    for (uint32_t i = 0; i < user->memberships_count; i += 1)
        who->roles_any |= (uint8_t)(1u << user->memberships[i].role) & who->roles_mask;
}

static int by_token(const struct dr_core *core, const char *authorization, int64_t now_us,
                    struct dr_identity *who)
{
    static const uint8_t nobody[32];
    uint8_t secret[DR_TOKEN_SECRET_BYTES];
    uint8_t hash[SHA256_DIGEST_LENGTH];
    const uint8_t *wanted;
    uint32_t id = 0;
    int good;

    if (strncasecmp(authorization, "Bearer ", 7) != 0 ||
        !read_token(authorization + 7, &id, secret))
        return 0;
    good = token_good(core, id, now_us);
    wanted = good ? core->tokens[id - 1].secret_hash : nobody;
    SHA256(secret, sizeof secret, hash);
    explicit_bzero(secret, sizeof secret);
    if (CRYPTO_memcmp(hash, wanted, sizeof hash) != 0 || !good)
        return 0;
    who->token.v = id;
    who->user = core->tokens[id - 1].user;
    who->roles_mask = core->tokens[id - 1].roles;
    who->known = 1;
    add_roles(core, who);
    return 1;
}

int dr_auth(const struct dr_core *core, const struct dr_peer *peer, const char *authorization,
            int64_t now_us, uint32_t own_uid, struct dr_identity *who, const char **why)
{
    *who = (struct dr_identity){.peer = peer};
    if (authorization != NULL) {
        /* On either way in a token that is shown is the one that counts: it may narrow what the
         * kernel's word would allow. */
        *why = "the token is not known, has expired or was revoked; expected Bearer dr_ID_SECRET";
        return by_token(core, authorization, now_us, who);
    }
    if (!peer->by_unix_socket) {
        *why = "expected an Authorization header with a token: Bearer dr_ID_SECRET";
        return 0;
    }
    *why = "no user of the federation has the uid that asks; an admin adds one with `uid:` to the "
           "federation file and applies it";
    if (peer->uid == DR_NO_UID)
        return 0;
    who->user = dr_user_of_uid(core, peer->uid);
    who->roles_mask = DR_ROLES_ALL;
    if (peer->uid == 0 || peer->uid == own_uid) {
        who->known = 1;
        who->system = 1;
        who->roles = DR_ROLES_ALL;
        who->roles_any = DR_ROLES_ALL;
        return 1;
    }
    if (who->user.v == 0)
        return 0;
    who->known = 1;
    add_roles(core, who);
    return 1;
}

int dr_auth_still(const struct dr_core *core, const struct dr_identity *who, int64_t now_us)
{
    if (who->system)
        return 1;
    if (who->token.v != 0 && !token_good(core, who->token.v, now_us))
        return 0;
    return who->user.v != 0 && !core->users[who->user.v - 1].removed;
}

uint8_t dr_auth_roles(const struct dr_core *core, const struct dr_identity *who,
                      dr_account_id account)
{
    if (who->system)
        return DR_ROLES_ALL;
    if (who->user.v == 0)
        return 0;
    return dr_user_roles(core, who->user, account) & who->roles_mask;
}

#define SEE_ALL (DR_ROLE(AUDITOR) | DR_ROLE(OPERATOR) | DR_ROLE(ADMIN))

int dr_auth_may(const struct dr_identity *who, enum dr_role least, int writes)
{
    uint8_t wanted = 0;

    switch (least) {
    case DR_ROLE_USER:
        if (!writes)
            return who->known;
        wanted = DR_ROLE(USER) | DR_ROLE(ACCOUNT_ADMIN) | DR_ROLE(OPERATOR) | DR_ROLE(ADMIN);
        return (who->roles_any & wanted) != 0;
    case DR_ROLE_ACCOUNT_ADMIN:
        wanted = DR_ROLE(ACCOUNT_ADMIN) | DR_ROLE(OPERATOR) | DR_ROLE(ADMIN);
        return (who->roles_any & wanted) != 0;
    case DR_ROLE_AUDITOR:
        wanted = SEE_ALL;
        break;
    case DR_ROLE_OPERATOR:
        wanted = DR_ROLE(OPERATOR) | DR_ROLE(ADMIN);
        break;
    case DR_ROLE_ADMIN:
        wanted = DR_ROLE(ADMIN);
        break;
    case DR_ROLE_COUNT:
        break;
    }
    return (who->roles & wanted) != 0;
}

int dr_auth_sees_all(const struct dr_identity *who)
{
    return (who->roles & SEE_ALL) != 0;
}

int dr_auth_sees_job(const struct dr_core *core, const struct dr_identity *who, dr_user_id owner,
                     dr_account_id account)
{
    if (dr_auth_sees_all(who))
        return 1;
    if (who->user.v == 0)
        return 0;
    if (who->user.v == owner.v)
        return 1;
    return (dr_auth_roles(core, who, account) & (SEE_ALL | DR_ROLE(ACCOUNT_ADMIN))) != 0;
}

void dr_auth_secret(uint8_t secret[DR_TOKEN_SECRET_BYTES], uint8_t hash[32])
{
    size_t filled = 0;

    while (filled < DR_TOKEN_SECRET_BYTES) {
        ssize_t got = getrandom(secret + filled, DR_TOKEN_SECRET_BYTES - filled, 0);

        if (got > 0)
            filled += (size_t)got;
    }
    SHA256(secret, DR_TOKEN_SECRET_BYTES, hash);
}

void dr_auth_token_text(uint32_t id, const uint8_t secret[DR_TOKEN_SECRET_BYTES],
                        char text[DR_TOKEN_TEXT_BYTES])
{
    char hex[2 * DR_TOKEN_SECRET_BYTES + 1];

    dr_format_hex(secret, DR_TOKEN_SECRET_BYTES, hex);
    snprintf(text, DR_TOKEN_TEXT_BYTES, "dr_%u_%s", id, hex);
    explicit_bzero(hex, sizeof hex);
}
