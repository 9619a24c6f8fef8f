/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks: uids, tokens right and wrong, and what each may see. */
#include "serve/auth.h"

#include <openssl/sha.h>

#include "world.h"

static struct world *w;
static char good[DR_TOKEN_TEXT_BYTES + 16];
static struct dr_token *token;

/* A user with uid 1000, in account `a`, with one token that expires at 1000. */
static void setup(void)
{
    uint8_t secret[DR_TOKEN_SECRET_BYTES];
    struct dr_user *user;

    w = world_new("1 site, 1 pool, 1 node x 8 h200");
    w->core->users_count = 1;
    user = &w->core->users[0];
    memset(user, 0, sizeof *user);
    dr_copy_name(user->name, "one");
    user->uid = 1000;
    user->memberships_count = 1;
    user->memberships[0].account.v = WORLD_ACCOUNT_A;
    user->memberships[0].role = DR_ROLE_USER;
    w->core->tokens_count = 1;
    token = &w->core->tokens[0];
    memset(token, 0, sizeof *token);
    token->user.v = 1;
    token->roles = 0xff;
    token->expires_us = 1000;
    dr_auth_secret(secret, token->secret_hash);
    snprintf(good, sizeof good, "Bearer ");
    dr_auth_token_text(1, secret, good + 7);
}

static int ask(int by_unix_socket, uint32_t uid, const char *authorization, int64_t now_us,
               struct dr_identity *who)
{
    static struct dr_peer peer;
    const char *why = NULL;
    int known;

    peer = (struct dr_peer){.by_unix_socket = by_unix_socket, .uid = uid};
    known = dr_auth(w->core, &peer, authorization, now_us, 500, who, &why);
    CHECK(known || (why != NULL && why[0] != 0));
    CHECK_EQ(known, who->known);
    return known;
}

TEST(uids_of_the_socket)
{
    struct dr_identity who;

    setup();
    CHECK(ask(1, 1000, NULL, 0, &who));
    CHECK_EQ(who.user.v, 1);
    CHECK(!who.system);
    CHECK_EQ(who.roles, 0);
    CHECK_EQ(who.roles_any, DR_ROLE(USER));
    CHECK(ask(1, 0, NULL, 0, &who)); /* root */
    CHECK(who.system && who.user.v == 0);
    CHECK(ask(1, 500, NULL, 0, &who)); /* the controller's own */
    CHECK(who.system);
    CHECK(!ask(1, 1001, NULL, 0, &who));
    CHECK(!ask(1, DR_NO_UID, NULL, 0, &who));
    CHECK(!ask(0, 0, NULL, 0, &who)); /* on TCP a uid is nothing */
    w->core->users[0].removed = 1;
    CHECK(!ask(1, 1000, NULL, 0, &who));
    world_free(w);
}

TEST(tokens_right_and_wrong)
{
    struct dr_identity who;
    char wrong[sizeof good + 32];
    static const char *const NONE[] = {"",
                                       "Bearer",
                                       "Bearer ",
                                       "Basic YTpi",
                                       "Bearer dr_",
                                       "Bearer dr_1",
                                       "Bearer dr_1_",
                                       "Bearer dr_1_00",
                                       "Bearer dr_-1_00",
                                       "Bearer dr_99999999999_00"};

    setup();
    CHECK(ask(0, 0, good, 999, &who));
    CHECK_EQ(who.user.v, 1);
    CHECK_EQ(who.token.v, 1);
    CHECK(!ask(0, 0, good, 1000, &who)); /* expired */
    for (size_t i = 0; i < DR_COUNT_OF(NONE); i += 1)
        CHECK(!ask(0, 0, NONE[i], 0, &who));
    /* each character counts */
    for (size_t i = 7; i < strlen(good); i += 1) {
        memcpy(wrong, good, sizeof good);
        wrong[i] = wrong[i] == '1' ? '2' : '1';
        if (ask(0, 0, wrong, 0, &who))
            fail_msg("with character %zu changed", i);
    }
    snprintf(wrong, sizeof wrong, "%s0", good);
    CHECK(!ask(0, 0, wrong, 0, &who));
    /* a token that is not there, next to one with a hash of nothing */
    snprintf(wrong, sizeof wrong, "Bearer dr_2_%s", good + 12);
    CHECK(!ask(0, 0, wrong, 0, &who));
    token->revoked = 1;
    CHECK(!ask(0, 0, good, 0, &who));
    world_free(w);
}

TEST(a_revoked_token_is_seen_later_too)
{
    struct dr_identity who;

    setup();
    CHECK(ask(0, 0, good, 0, &who));
    CHECK(dr_auth_still(w->core, &who, 999));
    CHECK(!dr_auth_still(w->core, &who, 1000));
    token->revoked = 1;
    CHECK(!dr_auth_still(w->core, &who, 0));
    token->revoked = 0;
    w->core->users[0].removed = 1;
    CHECK(!dr_auth_still(w->core, &who, 0));
    world_free(w);
}

/* On the socket, too, a token that is shown is the one that counts, also a wrong one. */
TEST(a_token_on_the_socket_narrows)
{
    struct dr_identity who;

    setup();
    CHECK(ask(1, 0, good, 0, &who));
    CHECK(!who.system && who.user.v == 1);
    CHECK(!ask(1, 0, "Bearer dr_1_00", 0, &who));
    world_free(w);
}

TEST(roles_within_the_mask)
{
    struct dr_identity who;

    setup();
    w->core->users[0].roles = DR_ROLE(ADMIN) | DR_ROLE(AUDITOR);
    CHECK(ask(0, 0, good, 0, &who));
    CHECK(dr_auth_may(&who, DR_ROLE_ADMIN, 1));
    token->roles = DR_ROLE(AUDITOR);
    CHECK(ask(0, 0, good, 0, &who));
    CHECK(!dr_auth_may(&who, DR_ROLE_ADMIN, 0));
    CHECK(!dr_auth_may(&who, DR_ROLE_OPERATOR, 1));
    CHECK(dr_auth_may(&who, DR_ROLE_AUDITOR, 0));
    CHECK(dr_auth_may(&who, DR_ROLE_USER, 0));
    CHECK(!dr_auth_may(&who, DR_ROLE_USER, 1)); /* reads everything, changes nothing */
    CHECK(dr_auth_sees_all(&who));
    token->roles = 0;
    CHECK(ask(0, 0, good, 0, &who));
    CHECK(!dr_auth_sees_all(&who));
    CHECK(!dr_auth_may(&who, DR_ROLE_USER, 1));
    world_free(w);
}

TEST(who_sees_a_job)
{
    struct dr_identity who;
    dr_user_id self = {1};
    dr_user_id other = {2};
    dr_account_id a = {WORLD_ACCOUNT_A};

    setup();
    CHECK(ask(0, 0, good, 0, &who));
    CHECK(dr_auth_sees_job(w->core, &who, self, a));
    CHECK(!dr_auth_sees_job(w->core, &who, other, a));
    w->core->users[0].memberships[0].role = DR_ROLE_ACCOUNT_ADMIN;
    CHECK(ask(0, 0, good, 0, &who));
    CHECK(dr_auth_sees_job(w->core, &who, other, a));
    CHECK(!dr_auth_sees_job(w->core, &who, other, (dr_account_id){WORLD_ACCOUNT_ROOT}));
    token->roles = DR_ROLE(USER);
    CHECK(ask(0, 0, good, 0, &who));
    CHECK(!dr_auth_sees_job(w->core, &who, other, a));
    world_free(w);
}

TEST(secrets_differ_and_are_hashed)
{
    uint8_t one[DR_TOKEN_SECRET_BYTES];
    uint8_t two[DR_TOKEN_SECRET_BYTES];
    uint8_t hash[32];
    uint8_t again[32];

    dr_auth_secret(one, hash);
    dr_auth_secret(two, again);
    CHECK(memcmp(one, two, sizeof one) != 0);
    SHA256(one, sizeof one, again);
    CHECK_BYTES(hash, again, 32);
}
