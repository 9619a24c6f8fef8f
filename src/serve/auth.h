/* SPDX-License-Identifier: Apache-2.0 */
/* auth.h: who asks, and what they may see.
 *
 * On the unix socket the kernel says which uid asks: the user with that uid. The controller's own
 * uid and root are the system itself, which may do everything. On TCP a token says it:
 * "dr_ID_SECRET", where the SECRET is 64 hexadecimal digits (32 random bytes) of which the state
 * holds the SHA-256. What a token may do is what its user may do, cut down to the roles that it was
 * given. */
#ifndef DR_SERVE_AUTH_H
#define DR_SERVE_AUTH_H

#include "core/state.h"
#include "serve/door.h"

#define DR_TOKEN_SECRET_BYTES 32
#define DR_TOKEN_TEXT_BYTES   (3 + 10 + 1 + 2 * DR_TOKEN_SECRET_BYTES + 1)

#define DR_ROLE(role) ((uint8_t)(1u << DR_ROLE_##role))
#define DR_ROLES_ALL  ((uint8_t)0xff)

struct dr_identity {
    int known;
    int system;         /* root or the controller's own uid: everything */
    dr_user_id user;    /* 0 with system: no user has that uid */
    dr_token_id token;  /* 0: none */
    uint8_t roles_mask; /* what may be used of the user's roles */
    uint8_t roles;      /* everywhere, within the mask */
    uint8_t roles_any;  /* these, and those of memberships */
    const struct dr_peer *peer;
};

/* Judge a peer. `authorization` is the header's value, NULL without one. 0: `why` says what to
 * answer (a constant text); on TCP it says the same for every wrong token. */
int dr_auth(const struct dr_core *core, const struct dr_peer *peer, const char *authorization,
            int64_t now_us, uint32_t own_uid, struct dr_identity *who, const char **why);

/* The same identity some time later: is its token still good? */
int dr_auth_still(const struct dr_core *core, const struct dr_identity *who, int64_t now_us);

/* The roles of an identity at an account (id 0: everywhere). */
uint8_t dr_auth_roles(const struct dr_core *core, const struct dr_identity *who,
                      dr_account_id account);

/* May it use a route that asks for `least`, and that changes something (`writes`)? Everybody known
 * reads at USER; to write takes more than being an auditor. */
int dr_auth_may(const struct dr_identity *who, enum dr_role least, int writes);

/* May it see everything that jobs say and do? */
int dr_auth_sees_all(const struct dr_identity *who);

/* May it see a job of this owner and account? Its owner, the account's admins and auditors, and
 * those who see all. */
int dr_auth_sees_job(const struct dr_core *core, const struct dr_identity *who, dr_user_id owner,
                     dr_account_id account);

/* A new secret from the system's random source, and its hash. */
void dr_auth_secret(uint8_t secret[DR_TOKEN_SECRET_BYTES], uint8_t hash[32]);
/* "dr_ID_SECRET" */
void dr_auth_token_text(uint32_t id, const uint8_t secret[DR_TOKEN_SECRET_BYTES],
                        char text[DR_TOKEN_TEXT_BYTES]);

#endif
