/* SPDX-License-Identifier: Apache-2.0 */
/* slurm_token.h: the tokens by which slurmctld knows who asks: JSON Web Tokens, HS256, with the
 * claims that Slurm reads (iat, exp, sun). */
#ifndef DR_ENGINE_SLURM_TOKEN_H
#define DR_ENGINE_SLURM_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define DR_SLURM_TOKEN_BYTES 512
#define DR_SLURM_KEY_BYTES   4096

struct dr_slurm_key {
    uint8_t bytes[DR_SLURM_KEY_BYTES];
    uint32_t length;
};

/* The file's bytes as they are. DR_E_INPUT: it is empty, or longer than a key may be. */
DR_MUST_USE enum dr_status dr_slurm_key_read(struct dr_slurm_key *key, const char *path,
                                             struct dr_error *error);

/* A token of `user` from `issued_s` to `until_s`, seconds since 1970 by the site's clock. slurmctld
 * judges it when it takes up the request, however long that has waited: a request whose token is
 * over has no effect any more.
 *
 * DR_E_INPUT: a user name that is not one. */
DR_MUST_USE enum dr_status dr_slurm_token(const struct dr_slurm_key *key, const char *user,
                                          int64_t issued_s, int64_t until_s,
                                          char token[DR_SLURM_TOKEN_BYTES]);

/* 1: a user name that can stand in a token and a header. */
int dr_slurm_user_valid(const char *user);

#endif
